/* Committing positions with what was counted up to them: the fence.
 *
 * Rows go first, since nobody can be in their way; then the locks, the comparison and the COMMIT,
 * close together, so that whoever is frozen half-way holds up others for a few seconds at most. */
#include "connectors/postgres_guard.h"
#include "connectors/postgres_ledger_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* A build of the tests shows what happens without the fence; no installed program is made so. */
#ifdef DG_UNFENCED
#define OWNED  "p.partition_id = x.id AND $3::text IS NOT NULL" /* an argument must be used */
#define AS_WAS "t.position_id = x.id"
#else
#define OWNED  "p.partition_id = x.id AND p.epoch = x.epoch AND p.owner = $3"
#define AS_WAS SAME " AND t.seq = x.seq AND t.next_offset = x.was"
#endif

/* By name, too: a server that lost commits may give a number once more. */
#define SAME                                                                                       \
    "t.position_id = x.id AND t.stream_id = x.stream AND t.topic = x.topic AND t.partition = "     \
    "x.part"

#define ROWS_BYTES (1u << 20) /* of rows in one statement */

static const char rows_sql[] =
    "INSERT INTO driftgauge.pane_delta (tenant_id, position_id, seq, stream_id, pane_us, body) "
    "SELECT $1, x.* FROM unnest($2::int4[], $3::int8[], $4::int4[], $5::int8[], $6::bytea[]) x";
static const char streams_sql[] =
    "SELECT count(*) FROM (SELECT FROM driftgauge.live_stream WHERE stream_id = ANY ($1) AND "
    "ended_at IS NULL ORDER BY stream_id FOR KEY SHARE) s";
static const char owner_sql[] =
    "SELECT count(*) FROM (SELECT FROM driftgauge.live_partition p JOIN unnest($1::int4[], "
    "$2::int8[]) x (id, epoch) ON " OWNED " ORDER BY p.partition_id FOR NO KEY UPDATE OF p) s";
static const char positions_sql[] =
    "UPDATE driftgauge.live_position t SET seq = x.seq + 1, next_offset = x.next, warm_offset = "
    "x.warm, tail = x.tail, first_us = nullif(x.first, '-9223372036854775808'), max_us = "
    "nullif(x.max, '-9223372036854775808'), idle = x.idle, state = x.state, committed_at = "
    "clock_timestamp() FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], "
    "$5::int4[], $6::text[], $7::int4[], $8::int8[], $9::int8[], $10::int8[], $11::int8[], "
    "$12::bool[], $13::bytea[]) x (id, seq, was, next, stream, topic, part, warm, tail, first, "
    "max, "
    "idle, state) WHERE " AS_WAS;
static const char stand_sql[] =
    "SELECT count(*) FILTER (WHERE t.seq = x.seq AND t.next_offset = x.was), count(*) FILTER "
    "(WHERE t.seq = x.seq + 1 AND t.next_offset = x.next) FROM driftgauge.live_position t JOIN "
    "unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int4[], $6::text[], $7::int4[]) x "
    "(id, seq, was, next, stream, topic, part) ON " SAME;
/* As owner_sql, for a look. */
static const char still_sql[] =
    "SELECT count(*) FROM driftgauge.live_partition p JOIN unnest($1::int4[], $2::int8[]) x (id, "
    "epoch) ON p.partition_id = x.id AND p.epoch = x.epoch AND p.owner = $3";

/* A commit by the numbers of the database. */
struct numbers {
    int32_t *position_id;  /* [n_positions] */
    int32_t *partition_id; /* [n_partitions] ascending, with the epochs */
    int64_t *epoch;
    int32_t *stream; /* [n_streams] ascending */
    size_t n_partitions, n_streams;
};

static void numbers_deinit(struct numbers *x)
{
    free(x->position_id);
    free(x->partition_id);
    free(x->epoch);
    free(x->stream);
}

static void add_partition(struct numbers *x, int32_t id, int64_t epoch)
{
    size_t at = x->n_partitions;
    for (size_t i = 0; i < x->n_partitions; i++) {
        if (x->partition_id[i] == id) {
            return;
        }
    }
    for (; at > 0 && x->partition_id[at - 1] > id; at--) {
        x->partition_id[at] = x->partition_id[at - 1];
        x->epoch[at] = x->epoch[at - 1];
    }
    x->partition_id[at] = id;
    x->epoch[at] = epoch;
    x->n_partitions++;
}

static void add_stream(struct numbers *x, int32_t stream)
{
    for (size_t i = 0; i < x->n_streams; i++) {
        if (x->stream[i] == stream) {
            return;
        }
    }
    x->stream[x->n_streams++] = stream;
}

static int number_all(const struct dg_pg_ledger *l, const struct dg_commit *c, struct numbers *x,
                      struct dg_error *err)
{
    const size_t n = c->n_positions;
    x->position_id = calloc(n, sizeof *x->position_id);
    x->partition_id = calloc(n, sizeof *x->partition_id);
    x->epoch = calloc(n, sizeof *x->epoch);
    x->stream = calloc(n, sizeof *x->stream);
    if (x->position_id == NULL || x->partition_id == NULL || x->epoch == NULL ||
        x->stream == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        const struct dg_position *p = &c->position[i];
        const struct dg_held *h = dg_ledger_held(l, &p->place, p->stream, &x->position_id[i]);
        if (h == NULL) {
            return dg_fail(err, ESTALE, "%s/%d was not acquired before its commit", p->place.topic,
                           (int)p->place.partition);
        }
        add_partition(x, h->partition_id, p->epoch);
        add_stream(x, p->stream);
    }
    return 0;
}

/* The first position of the stream carries its rows. */
static size_t carrier_of(const struct dg_commit *c, int32_t stream)
{
    size_t i = 0;
    while (i < c->n_positions && c->position[i].stream != stream) {
        i++;
    }
    DG_ASSERT(i < c->n_positions);
    return i;
}

/* Rows [from, to) as parameters. */
static void rows_args(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x,
                      size_t from, size_t to)
{
    struct dg_pg_args *a = &l->args;
    const size_t n = to - from;
    dg_pg_args_clear(a);
    dg_pg_args_int2(a, l->tenant_id);
    for (int column = 0; column < 5; column++) {
        static const uint32_t type[] = {DG_PG_INT4, DG_PG_INT8, DG_PG_INT4, DG_PG_INT8,
                                        DG_PG_BYTEA};
        size_t carrier = 0;
        dg_pg_args_array(a, type[column], n);
        for (size_t i = from; i < to; i++) {
            const struct dg_packed_row *row = &c->row[i];
            if (c->position[carrier].stream != row->stream) {
                carrier = carrier_of(c, row->stream);
            }
            switch (column) {
            case 0:
                dg_copy_int32(&a->buf, x->position_id[carrier]);
                break;
            case 1:
                dg_copy_int64(&a->buf, c->position[carrier].seq + 1);
                break;
            case 2:
                dg_copy_int32(&a->buf, row->stream);
                break;
            case 3:
                dg_copy_int64(&a->buf, row->pane_us);
                break;
            default:
                dg_copy_bytes(&a->buf, row->bytes, row->n);
                break;
            }
        }
        dg_pg_args_array_end(a);
    }
}

static int send_rows(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x,
                     struct dg_error *err)
{
    size_t from = 0, bytes = 0;
    int code = 0;
    for (size_t i = 0; i < c->n_rows && code == 0; i++) {
        bytes += c->row[i].n;
        if (bytes >= ROWS_BYTES || i + 1 == c->n_rows) {
            rows_args(l, c, x, from, i + 1);
            code = dg_pg_pipe_send(l->pg, "write panes", rows_sql, &l->args, err);
            from = i + 1;
            bytes = 0;
        }
    }
    return code;
}

static void owner_args(struct dg_pg_ledger *l, const struct numbers *x)
{
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4s(&l->args, x->partition_id, x->n_partitions);
    dg_pg_args_int8s(&l->args, x->epoch, x->n_partitions);
    dg_pg_args_text(&l->args, l->owner);
}

/* Which row, and what it must be: the first arguments of comparing. */
static void compare_args(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x)
{
    struct dg_pg_args *a = &l->args;
    const size_t n = c->n_positions;
    dg_pg_args_clear(a);
    dg_pg_args_int4s(a, x->position_id, n);
    dg_pg_args_array(a, DG_PG_INT8, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_int64(&a->buf, c->position[i].seq);
    }
    dg_pg_args_array_end(a);
    dg_pg_args_int8s(a, c->from_offset, n);
    dg_pg_args_array(a, DG_PG_INT8, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_int64(&a->buf, c->position[i].next_offset);
    }
    dg_pg_args_array_end(a);
    dg_pg_args_array(a, DG_PG_INT4, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_int32(&a->buf, c->position[i].stream);
    }
    dg_pg_args_array_end(a);
    dg_pg_args_array(a, DG_PG_TEXT, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_text(&a->buf, c->position[i].place.topic);
    }
    dg_pg_args_array_end(a);
    dg_pg_args_array(a, DG_PG_INT4, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_int32(&a->buf, c->position[i].place.partition);
    }
    dg_pg_args_array_end(a);
}

static int64_t number_of(const struct dg_position *p, int column)
{
    const int64_t number[] = {p->warm_offset, (int64_t)p->tail, p->clock.first_us, p->clock.max_us};
    return number[column];
}

static void positions_args(struct dg_pg_ledger *l, const struct dg_commit *c,
                           const struct numbers *x)
{
    struct dg_pg_args *a = &l->args;
    compare_args(l, c, x);
    for (int column = 0; column < 4; column++) {
        dg_pg_args_array(a, DG_PG_INT8, c->n_positions);
        for (size_t i = 0; i < c->n_positions; i++) {
            dg_copy_int64(&a->buf, number_of(&c->position[i], column));
        }
        dg_pg_args_array_end(a);
    }
    dg_pg_args_array(a, DG_PG_BOOL, c->n_positions);
    for (size_t i = 0; i < c->n_positions; i++) {
        dg_copy_bool(&a->buf, c->position[i].idle);
    }
    dg_pg_args_array_end(a);
    dg_pg_args_array(a, DG_PG_BYTEA, c->n_positions);
    for (size_t i = 0; i < c->n_positions; i++) {
        dg_copy_bytes(&a->buf, c->position[i].state, c->position[i].state_len);
    }
    dg_pg_args_array_end(a);
}

static const char why_sql[] =
    "SELECT (SELECT p.epoch FROM driftgauge.live_partition p WHERE p.partition_id = $2), (SELECT "
    "p.owner FROM driftgauge.live_partition p WHERE p.partition_id = $2), t.seq, t.next_offset, "
    "(s.ended_at IS NOT NULL)::int FROM driftgauge.live_position t JOIN driftgauge.live_stream s "
    "USING (stream_id) WHERE t.position_id = $1 AND t.stream_id = $3 AND t.topic = $4 AND "
    "t.partition = $5";

/* One row that is not as it was: how, in words; 0 if it is. */
static int say_why(struct dg_pg_ledger *l, const struct dg_position *p, int64_t from,
                   const struct pg_result *r, struct dg_error *err)
{
    const char *topic = p->place.topic;
    const int partition = (int)p->place.partition;
    if (PQntuples(r) == 0) {
        const int code = dg_ledger_ended(l, p->stream, err);
        if (code != ESTALE) {
            return code;
        }
        l->base.set_back++;
        return dg_fail(err, ESTALE,
                       "the position of %s/%d is gone from %s: it has gone back in time, or rows "
                       "were deleted by hand",
                       topic, partition, l->pg->place);
    }
    const long long epoch = dg_pg_integer(r, 0, 0, 0), seq = dg_pg_integer(r, 0, 2, 0);
    const long long next = dg_pg_integer(r, 0, 3, 0);
    if (dg_pg_integer(r, 0, 4, 0) != 0) {
        return dg_ledger_ended(l, p->stream, err);
    }
    if (epoch > p->epoch) {
        return dg_fail(err, ESTALE,
                       "%s/%d has another owner, %s, since epoch %lld; this was epoch %" PRId64,
                       topic, partition, dg_pg_text(r, 0, 1), epoch, p->epoch);
    }
    if (epoch < p->epoch || seq < p->seq) {
        l->base.set_back++;
        return dg_fail(err, ESTALE,
                       "%s has gone back in time: %s/%d is at commit %lld of epoch %lld and was at "
                       "commit %" PRId64 " of epoch %" PRId64 "; did a standby that was behind "
                       "take over? What it lacks is counted again",
                       l->pg->place, topic, partition, seq, epoch, p->seq, p->epoch);
    }
    if (strcmp(dg_pg_text(r, 0, 1), l->owner) != 0) {
        l->base.set_back++; /* an epoch that was lost was given once more */
        return dg_fail(err, ESTALE, "%s/%d has another owner, %s, under the same epoch %lld", topic,
                       partition, dg_pg_text(r, 0, 1), epoch);
    }
    if (seq != p->seq || next != from) {
        return dg_fail(err, ESTALE,
                       "%s/%d is at commit %lld, offset %lld, and not at commit %" PRId64
                       ", offset %" PRId64 ": somebody else committed under this epoch",
                       topic, partition, seq, next, p->seq, from);
    }
    return 0;
}

/* ESTALE, in words as exact as can be had. */
static int fenced(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x,
                  struct dg_error *err)
{
    int code = dg_pg_run(l->pg, "roll back", "ROLLBACK", NULL);
    for (size_t i = 0; i < c->n_positions && code == 0; i++) {
        struct pg_result *r = NULL;
        int32_t position_id = 0;
        const struct dg_position *p = &c->position[i];
        const struct dg_held *h = dg_ledger_held(l, &p->place, p->stream, &position_id);
        dg_pg_args_clear(&l->args);
        dg_pg_args_int4(&l->args, x->position_id[i]);
        dg_pg_args_int4(&l->args, h->partition_id);
        dg_pg_args_int4(&l->args, p->stream);
        dg_pg_args_text(&l->args, p->place.topic);
        dg_pg_args_int4(&l->args, p->place.partition);
        code = dg_pg_ask(l->pg, "read a position", why_sql, &l->args, &r, NULL);
        if (code == 0) {
            code = say_why(l, p, c->from_offset[i], r, err);
        }
        dg_pg_clear(r);
    }
    if (code == ESTALE || code == EIDRM) {
        return code;
    }
    return dg_fail(err, ESTALE, "a position of this commit was not as it was left in PostgreSQL");
}

/* COMMIT: the one statement whose outcome may stay unknown. */
static int finish(struct dg_pg_ledger *l, struct dg_error *err)
{
    dg_pg_wait_begin(l->pg);
    PGresult *r = PQexec(l->pg->conn, "COMMIT");
    dg_pg_wait_end(l->pg);
    int code = 0;
    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        code = dg_pg_fail(l->pg, r, "commit", err);
        l->unsettled = dg_pg_lost(l->pg) || code == ECONNRESET;
    }
    PQclear(r);
    return code;
}

/* *doubt: groups that rows may be of are not there; nothing was done. */
static int try_commit(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x,
                      bool *doubt, struct dg_error *err)
{
    static const char what[] = "commit";
    struct pg_result *r[4];
    *doubt = false;
    int code = dg_pg_pipe_begin(l->pg, err);
    if (code == 0) {
        code = dg_pg_pipe_send(l->pg, what, "BEGIN", NULL, err);
    }
    if (code == 0) {
        code = send_rows(l, c, x, err);
    }
    if (code == 0) {
        dg_ledger_groups_args(l, x->stream, x->n_streams);
        code = dg_pg_pipe_send(l->pg, what, dg_ledger_groups_sql, &l->args, err);
    }
    if (code == 0) {
        dg_pg_args_clear(&l->args);
        dg_pg_args_int4s(&l->args, x->stream, x->n_streams);
        code = dg_pg_pipe_send(l->pg, what, streams_sql, &l->args, err);
    }
    if (code == 0) {
        owner_args(l, x);
        code = dg_pg_pipe_send(l->pg, what, owner_sql, &l->args, err);
    }
    if (code == 0) {
        positions_args(l, c, x);
        code = dg_pg_pipe_send(l->pg, what, positions_sql, &l->args, err);
    }
    code = dg_pg_pipe_finish(l->pg, what, code, 4, r, err);
    if (code == 0 && (dg_ledger_count(r[1]) != (long long)x->n_streams ||
                      dg_ledger_count(r[2]) != (long long)x->n_partitions ||
                      dg_pg_changed(r[3]) != (long long)c->n_positions)) {
        code = fenced(l, c, x, err);
    }
    *doubt = code == 0 && dg_ledger_count(r[0]) != 0;
    dg_ledger_clear(r, 4);
    if (code == 0 && *doubt) {
        return dg_pg_run(l->pg, "roll back", "ROLLBACK", err);
    }
    if (code == 0) {
        code = dg_ledger_gaps(l, c->gap, c->n_gaps, err);
    }
    return code != 0 ? code : finish(l, err);
}

static int write_commit(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x,
                        struct dg_error *err)
{
    bool doubt = false;
    int code = try_commit(l, c, x, &doubt, err);
    for (size_t i = 0; code == 0 && doubt && i < x->n_streams; i++) {
        struct dg_ledger_stream *s = dg_ledger_stream(l, x->stream[i]);
        code = s == NULL ? dg_fail_memory(err) : dg_ledger_mend_groups(l, s, err);
    }
    if (code == 0 && doubt) {
        code = try_commit(l, c, x, &doubt, err);
        if (code == 0 && doubt) {
            code = dg_fail(err, EAGAIN, "%s: versions of a stream vanish as they are written",
                           l->pg->place);
        }
    }
    return code;
}

/* After a COMMIT without an answer: the lock waits for the lost session's transaction to end, then
 * the rows tell. *done: it was committed. ESTALE: somebody else has been there since. */
static int settle(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x,
                  bool *done, struct dg_error *err)
{
    static const char what[] = "find out whether the last commit arrived";
    struct pg_result *r[2];
    int code = dg_pg_pipe_begin(l->pg, err);
    if (code == 0) {
        code = dg_pg_pipe_send(l->pg, what, "BEGIN", NULL, err);
    }
    if (code == 0) {
        owner_args(l, x);
        code = dg_pg_pipe_send(l->pg, what, owner_sql, &l->args, err);
    }
    if (code == 0) {
        compare_args(l, c, x);
        code = dg_pg_pipe_send(l->pg, what, stand_sql, &l->args, err);
    }
    code = dg_pg_pipe_finish(l->pg, what, code, 2, r, err);
    if (code == 0) {
        const long long n = (long long)c->n_positions;
        const bool owned = dg_ledger_count(r[0]) == (long long)x->n_partitions;
        *done = owned && dg_pg_integer(r[1], 0, 1, 0) == n;
        if (!*done && !(owned && dg_pg_integer(r[1], 0, 0, 0) == n)) {
            code = fenced(l, c, x, err);
        } else {
            code = dg_pg_run(l->pg, what, "COMMIT", err);
        }
        l->unsettled = code != 0 && code != ESTALE;
    }
    dg_ledger_clear(r, 2);
    return code;
}

static int commit_or_settle(struct dg_pg_ledger *l, const struct dg_commit *c,
                            const struct numbers *x, struct dg_error *err)
{
    bool done = false;
    int code = dg_ledger_session(l, err);
    if (code == 0 && l->unsettled) {
        code = settle(l, c, x, &done, err);
    }
    if (code == 0 && !done) {
        code = write_commit(l, c, x, err);
        if (l->unsettled) { /* the server may be there again already */
            code = dg_ledger_done(l, code);
            struct dg_error later;
            const int again = dg_ledger_session(l, &later);
            const int settled = again != 0 ? again : settle(l, c, x, &done, &later);
            if (settled == ESTALE) {
                return dg_fail(err, ESTALE, "%s", later.message);
            }
            return settled == 0 && done ? 0 : code;
        }
    }
    return code;
}

int dg_ledger_commit(struct dg_ledger *self, const struct dg_commit *c, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    if (c->n_positions == 0) {
        DG_ASSERT(c->n_rows == 0 && c->n_gaps == 0);
        return 0;
    }
    struct numbers x = {0};
    int code = number_all(l, c, &x, err);
    if (code == 0) {
        code = dg_ledger_done(l, commit_or_settle(l, c, &x, err));
    }
    numbers_deinit(&x);
    return code;
}

static int compare(struct dg_pg_ledger *l, const struct dg_commit *c, const struct numbers *x,
                   struct dg_error *err)
{
    struct pg_result *r[2] = {0};
    int code = dg_ledger_session(l, err);
    if (code == 0) {
        owner_args(l, x);
        code = dg_pg_ask(l->pg, "look at positions", still_sql, &l->args, &r[0], err);
    }
    if (code == 0) {
        compare_args(l, c, x);
        code = dg_pg_ask(l->pg, "look at positions", stand_sql, &l->args, &r[1], err);
    }
    if (code == 0 && (dg_ledger_count(r[0]) != (long long)x->n_partitions ||
                      dg_pg_integer(r[1], 0, 0, 0) != (long long)c->n_positions)) {
        code = fenced(l, c, x, err);
    }
    dg_ledger_clear(r, 2);
    return code;
}

int dg_ledger_check(struct dg_ledger *self, const struct dg_position position[], size_t n,
                    struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct numbers x = {0};
    int64_t *at = calloc(n + 1, sizeof *at);
    int code = at == NULL ? dg_fail_memory(err) : 0;
    for (size_t i = 0; at != NULL && i < n; i++) {
        at[i] = position[i].next_offset;
    }
    const struct dg_commit as_left = {.position = position, .from_offset = at, .n_positions = n};
    if (code == 0 && n > 0) {
        code = number_all(l, &as_left, &x, err);
        code = code != 0 ? code : dg_ledger_done(l, compare(l, &as_left, &x, err));
    }
    numbers_deinit(&x);
    free(at);
    return code;
}
