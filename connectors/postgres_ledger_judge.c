/* A judge's lock and what it reads. */
#include "connectors/clock.h"
#include "connectors/postgres_guard.h"
#include "connectors/postgres_ledger_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS INT64_C(660000) /* longer than the longest statement_timeout of a judge */
#define STAY_S      10 /* so often at least a judge that computes shows that it lives */

/* A judge that is frozen must not keep others from judging: its session ends, and with it the
 * lock. */
static const char impatience[] = "SET idle_session_timeout = '2min'";

int dg_ledger_lock(struct dg_ledger *self, int32_t stream, bool *held, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct dg_ledger_stream *s = dg_ledger_stream(l, stream);
    if (s == NULL) {
        return dg_fail_memory(err);
    }
    struct pg_result *r = NULL;
    int code = dg_ledger_session(l, err);
    if (code == 0 && s->session == l->session) {
        *held = true;
        return 0;
    }
    if (code == 0) {
        dg_pg_args_clear(&l->args);
        dg_pg_args_int4(&l->args, stream);
        code =
            dg_pg_ask(l->pg, "lock a stream for judging",
                      "SELECT pg_try_advisory_lock(hashtextextended('driftgauge.judge/' || $1, "
                      "0))::int, started_at FROM driftgauge.live_stream WHERE stream_id = $1 AND "
                      "ended_at IS NULL",
                      &l->args, &r, err);
    }
    if (code == 0 && PQntuples(r) == 0) {
        code = dg_ledger_ended(l, stream, err);
    } else if (code == 0) {
        code = dg_ledger_began(l, stream, dg_pg_text(r, 0, 1), err);
    }
    if (code == 0 && dg_pg_integer(r, 0, 0, 0) != 0) {
        code = dg_pg_run(l->pg, "set up the session", impatience, err);
    }
    if (code == 0) {
        *held = dg_pg_integer(r, 0, 0, 0) != 0;
        s->session = *held ? l->session : 0;
        atomic_store(&l->pg->watch.limit_ms, PATIENCE_MS);
        s->read = false;
        dg_ledger_discard(self, stream);
    }
    dg_pg_clear(r);
    return dg_ledger_done(l, code);
}

static int lock_lost(struct dg_ledger_stream *s, struct dg_error *err)
{
    s->session = 0;
    s->read = false;
    return dg_fail(err, ESTALE,
                   "the session that held the lock for judging stream %d is gone: lock it and read "
                   "everything again",
                   (int)s->stream);
}

int dg_ledger_judging(struct dg_pg_ledger *l, int32_t stream, struct dg_ledger_stream **out,
                      struct dg_error *err)
{
    struct dg_ledger_stream *s = dg_ledger_stream(l, stream);
    if (s == NULL) {
        return dg_fail_memory(err);
    }
    if (s->session == 0 || s->session != l->session || l->pg == NULL || dg_pg_lost(l->pg)) {
        return lock_lost(s, err);
    }
    *out = s;
    return 0;
}

int dg_ledger_judged(struct dg_pg_ledger *l, struct dg_ledger_stream *s, int code,
                     struct dg_error *err)
{
    const bool lost = l->pg != NULL && dg_pg_lost(l->pg);
    code = dg_ledger_done(l, code);
    return code != 0 && (lost || l->pg == NULL) ? lock_lost(s, err) : code;
}

void dg_ledger_seen_args(struct dg_pg_args *a, const struct dg_ledger_stream *s)
{
    dg_pg_args_array(a, DG_PG_INT4, s->n_seen);
    for (size_t i = 0; i < s->n_seen; i++) {
        dg_copy_int32(&a->buf, s->seen[i].position_id);
    }
    dg_pg_args_array_end(a);
    dg_pg_args_array(a, DG_PG_INT8, s->n_seen);
    for (size_t i = 0; i < s->n_seen; i++) {
        dg_copy_int64(&a->buf, s->seen[i].seq);
    }
    dg_pg_args_array_end(a);
}

int dg_ledger_stay(struct dg_pg_ledger *l, struct dg_error *err)
{
    const int64_t now_s = dg_steady_ms() / 1000;
    if (now_s - l->asked_s < STAY_S) {
        return 0;
    }
    l->asked_s = now_s;
    return dg_pg_run(l->pg, "keep the session", "SELECT 1", err);
}

static const char positions_sql[] =
    "SELECT t.position_id, t.topic, t.partition, coalesce(p.epoch, 0), t.seq, t.next_offset, "
    "t.warm_offset, t.tail, t.first_us, t.max_us, t.idle::int, t.state FROM "
    "driftgauge.live_position t JOIN driftgauge.live_stream s ON s.stream_id = t.stream_id LEFT "
    "JOIN driftgauge.live_partition p ON p.tenant_id = s.tenant_id AND p.consumer_group = "
    "s.consumer_group AND p.topic = t.topic AND p.partition = t.partition WHERE t.stream_id = $1 "
    "ORDER BY t.position_id";
static const char all_sql[] =
    "SELECT pane_us, body FROM driftgauge.pane_state WHERE stream_id = $1 UNION ALL SELECT "
    "pane_us, body FROM driftgauge.pane_delta WHERE stream_id = $1";
/* The inner query is kept whole, so that each position is an index scan of its own, whatever the
 * planner believes of the table. */
static const char new_sql[] =
    "SELECT d.pane_us, d.body FROM (SELECT t.position_id, coalesce(x.seq, -1) AS seq FROM "
    "driftgauge.live_position t LEFT JOIN unnest($2::int4[], $3::int8[]) x (id, seq) ON x.id = "
    "t.position_id WHERE t.stream_id = $1 AND t.seq > coalesce(x.seq, -1)) p CROSS JOIN LATERAL "
    "(SELECT pane_us, body FROM driftgauge.pane_delta d WHERE d.position_id = p.position_id AND "
    "d.seq > p.seq OFFSET 0) d";

static int ask_stream(struct dg_pg_ledger *l, int32_t stream, const char *what, const char *sql,
                      struct pg_result **r, struct dg_error *err)
{
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4(&l->args, stream);
    return dg_pg_ask(l->pg, what, sql, &l->args, r, err);
}

static int tell_checkpoint(struct dg_pg_ledger *l, int32_t stream,
                           const struct dg_ledger_reader *reader, struct dg_error *err)
{
    struct pg_result *r = NULL;
    int code =
        ask_stream(l, stream, "read a judge's checkpoint",
                   "SELECT state FROM driftgauge.live_checkpoint WHERE stream_id = $1", &r, err);
    if (code == 0 && PQntuples(r) == 1) {
        size_t n = 0;
        unsigned char *bytes = PQunescapeBytea((const unsigned char *)dg_pg_text(r, 0, 0), &n);
        code = bytes == NULL ? dg_fail_memory(err) : reader->checkpoint(reader->arg, bytes, n, err);
        PQfreemem(bytes);
    }
    dg_pg_clear(r);
    return code;
}

static int tell_groups(const struct pg_result *r, const struct dg_ledger_reader *reader,
                       struct dg_error *err)
{
    int code = 0;
    for (int i = 0; code == 0 && i < PQntuples(r); i++) {
        code = reader->group(reader->arg, (uint32_t)dg_pg_integer(r, i, 0, 0), dg_pg_text(r, i, 1),
                             dg_pg_text(r, i, 2), err);
    }
    return code;
}

static int64_t big_endian(const char *bytes)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++) {
        x = x << 8 | (unsigned char)bytes[i];
    }
    return (int64_t)x;
}

/* Rows one by one as they come, in binary: memory for one of them. */
static int tell_rows(struct dg_pg_ledger *l, const struct dg_ledger_stream *s, bool all,
                     const struct dg_ledger_reader *reader, struct dg_error *err)
{
    static const char what[] = "read panes";
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, s->stream);
    if (!all) {
        dg_ledger_seen_args(a, s);
    }
    int code = dg_pg_send(l->pg, what, all ? all_sql : new_sql, a, true, err);
    if (code != 0) {
        return code;
    }
    PQsetSingleRowMode(l->pg->conn);
    PGresult *r;
    while ((r = dg_pg_next(l->pg)) != NULL) {
        const ExecStatusType status = PQresultStatus(r);
        if (code == 0 && status == PGRES_SINGLE_TUPLE) {
            code = reader->row(reader->arg, big_endian(PQgetvalue(r, 0, 0)),
                               (const uint8_t *)PQgetvalue(r, 0, 1), (size_t)PQgetlength(r, 0, 1),
                               err);
        } else if (code == 0 && status != PGRES_TUPLES_OK) {
            code = dg_pg_fail(l->pg, r, what, err);
        }
        PQclear(r);
    }
    return code;
}

static int tell_position(const struct pg_result *r, int row, int32_t stream,
                         const struct dg_ledger_reader *reader, struct dg_error *err)
{
    size_t n = 0;
    unsigned char *state = PQunescapeBytea((const unsigned char *)dg_pg_text(r, row, 11), &n);
    if (state == NULL) {
        return dg_fail_memory(err);
    }
    const struct dg_position p = {
        .stream = stream,
        .place = {dg_pg_text(r, row, 1), (int32_t)dg_pg_integer(r, row, 2, 0)},
        .epoch = dg_pg_integer(r, row, 3, 0),
        .seq = dg_pg_integer(r, row, 4, 0),
        .next_offset = dg_pg_integer(r, row, 5, 0),
        .warm_offset = dg_pg_integer(r, row, 6, 0),
        .tail = (uint64_t)dg_pg_integer(r, row, 7, 0),
        .clock = {dg_pg_integer(r, row, 8, DG_TIME_NONE), dg_pg_integer(r, row, 9, DG_TIME_NONE)},
        .idle = dg_pg_integer(r, row, 10, 0) != 0,
        .state = state,
        .state_len = n,
    };
    const int code = reader->position(reader->arg, &p, err);
    PQfreemem(state);
    return code;
}

/* What was seen before must still be there: a database that lost commits makes a judge begin anew.
 * Both lists are ordered by position. */
static int check_seen(struct dg_pg_ledger *l, const struct dg_ledger_stream *s,
                      const struct pg_result *r, struct dg_error *err)
{
    int row = 0;
    for (size_t i = 0; i < s->n_seen; i++) {
        while (row < PQntuples(r) && dg_pg_integer(r, row, 0, 0) < s->seen[i].position_id) {
            row++;
        }
        if (row == PQntuples(r) || dg_pg_integer(r, row, 0, 0) != s->seen[i].position_id ||
            dg_pg_integer(r, row, 4, 0) < s->seen[i].seq) {
            l->base.set_back++;
            return dg_fail(err, ESTALE,
                           "%s has gone back in time: it lacks commits of stream %d that were read "
                           "from it; everything is read again",
                           l->pg->place, (int)s->stream);
        }
    }
    return 0;
}

static int note_seen(struct dg_ledger_stream *s, const struct pg_result *r, struct dg_error *err)
{
    const size_t n = (size_t)PQntuples(r);
    struct dg_seen *seen = realloc(s->seen, (n + 1) * sizeof *seen);
    if (seen == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        seen[i] = (struct dg_seen){(int32_t)dg_pg_integer(r, (int)i, 0, 0),
                                   dg_pg_integer(r, (int)i, 4, 0)};
    }
    s->seen = seen;
    s->n_seen = n;
    return 0;
}

/* *lacks: groups that were known are gone; nothing was told. */
static int read_snapshot(struct dg_pg_ledger *l, struct dg_ledger_stream *s, bool all,
                         const struct dg_ledger_reader *reader, bool *lacks, struct dg_error *err)
{
    struct pg_result *positions = NULL, *groups = NULL;
    *lacks = false;
    /* A whole stream may take longer than a statement should. */
    int code = dg_pg_run(l->pg, "read a stream",
                         "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL "
                         "statement_timeout = 0",
                         err);
    if (code == 0) {
        code = ask_stream(l, s->stream, "read positions", positions_sql, &positions, err);
    }
    if (code == 0 && !all) {
        code = check_seen(l, s, positions, err);
    }
    if (code == 0) {
        code = dg_ledger_ask_groups(l, s->stream, &groups, err);
    }
    if (code == 0) {
        code = dg_ledger_compare_groups(l, s, groups, lacks, err);
    }
    if (code == 0 && *lacks) {
        code = dg_fail(err, EAGAIN, "%s lacks versions of stream %d that it had", l->pg->place,
                       (int)s->stream);
    }
    if (code == 0 && all) {
        code = tell_checkpoint(l, s->stream, reader, err);
    }
    if (code == 0) {
        code = tell_groups(groups, reader, err);
    }
    if (code == 0) {
        code = tell_rows(l, s, all, reader, err);
    }
    for (int i = 0; code == 0 && i < PQntuples(positions); i++) {
        code = tell_position(positions, i, s->stream, reader, err);
    }
    if (code == 0) {
        code = dg_pg_run(l->pg, "read a stream", "COMMIT", err);
    }
    if (code == 0) {
        code = note_seen(s, positions, err);
    }
    dg_pg_clear(positions);
    dg_pg_clear(groups);
    return code;
}

/* Groups that are gone are written again first. */
static int mend_and_read(struct dg_pg_ledger *l, struct dg_ledger_stream *s, bool all,
                         const struct dg_ledger_reader *reader, struct dg_error *err)
{
    bool lacks = false;
    int code = read_snapshot(l, s, all, reader, &lacks, err);
    if (code == EAGAIN && lacks) {
        code = dg_pg_run(l->pg, "roll back", "ROLLBACK", err);
        code = code != 0 ? code : dg_ledger_mend_groups(l, s, err);
        code = code != 0 ? code : read_snapshot(l, s, all, reader, &lacks, err);
    }
    return code;
}

int dg_ledger_read(struct dg_ledger *self, int32_t stream, bool all,
                   const struct dg_ledger_reader *reader, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct dg_ledger_stream *s = NULL;
    int code = dg_ledger_judging(l, stream, &s, err);
    if (code != 0) {
        return code;
    }
    if (!all && !s->read) { /* a new session, after one that was lost within a read */
        return dg_fail(err, ESTALE, "what stream %d was told is gone with its session: load again",
                       stream);
    }
    code = mend_and_read(l, s, all, reader, err);
    if (code == 0 || all || code == ESTALE || code == EIDRM) {
        s->read = code == 0; /* else what was seen before stands: the same read may be made again */
    }
    return dg_ledger_judged(l, s, code, err);
}
