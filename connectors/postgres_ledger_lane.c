/* Taking a partition. */
#include "connectors/postgres_ledger_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* Locks are taken in the same order everywhere: streams, then partitions. A stream that is being
 * ended is waited for; an owner's commit under way is waited for by the second statement, and what
 * it committed is seen by the last, which looks only then. */
static const char streams_sql[] =
    "SELECT stream_id, started_at FROM driftgauge.live_stream WHERE stream_id = ANY ($1) AND "
    "consumer_group = $2 AND ended_at IS NULL ORDER BY stream_id FOR KEY SHARE";
static const char own_sql[] =
    "INSERT INTO driftgauge.live_partition AS p (tenant_id, consumer_group, topic, partition, "
    "owner) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, consumer_group, topic, partition) "
    "DO UPDATE SET epoch = p.epoch + 1, owner = excluded.owner, acquired_at = clock_timestamp() "
    "RETURNING partition_id, epoch";
static const char begin_sql[] =
    "INSERT INTO driftgauge.live_position (tenant_id, stream_id, topic, partition) SELECT $1, s, "
    "$3, $4 FROM unnest($2::int4[]) s WHERE EXISTS (SELECT FROM driftgauge.live_stream WHERE "
    "stream_id = s) ON CONFLICT (stream_id, topic, partition) DO NOTHING";
/* The new owner has not asked the broker yet: nothing is known to be idle. */
static const char stand_sql[] =
    "UPDATE driftgauge.live_position SET idle = false WHERE stream_id = ANY ($2) AND topic = $3 "
    "AND partition = $4 AND tenant_id = $1 RETURNING stream_id, position_id, seq, next_offset, "
    "warm_offset, tail, first_us, max_us, idle::int, state, appeared::int";
/* One process at a time, so that all find the same partitions to begin with. */
static const char turn_sql[] = "SELECT count(*) FROM (SELECT FROM driftgauge.live_stream WHERE "
                               "stream_id = $1 FOR NO KEY UPDATE) s";
static const char enroll_sql[] =
    "INSERT INTO driftgauge.live_position (tenant_id, stream_id, topic, partition, appeared) "
    "SELECT $1, $2, $3, p, false FROM generate_series(0, $4 - 1) p WHERE NOT EXISTS (SELECT FROM "
    "driftgauge.live_position k WHERE k.stream_id = $2 AND k.topic = $3) AND EXISTS (SELECT FROM "
    "driftgauge.live_stream WHERE stream_id = $2)";

static int ask(struct dg_pg_ledger *l, const char *group, const struct dg_topic_partition *place,
               const int32_t streams[], size_t n, struct pg_result *r[5], struct dg_error *err)
{
    static const char what[] = "take a partition";
    struct dg_pg_args *a = &l->args;
    int code = dg_pg_pipe_begin(l->pg, err);
    if (code == 0) {
        code = dg_pg_pipe_send(l->pg, what, "BEGIN", NULL, err);
    }
    if (code == 0) {
        dg_pg_args_clear(a);
        dg_pg_args_int4s(a, streams, n);
        dg_pg_args_text(a, group);
        code = dg_pg_pipe_send(l->pg, what, streams_sql, a, err);
    }
    if (code == 0) {
        dg_pg_args_clear(a);
        dg_pg_args_int2(a, l->tenant_id);
        dg_pg_args_text(a, group);
        dg_pg_args_text(a, place->topic);
        dg_pg_args_int4(a, place->partition);
        dg_pg_args_text(a, l->owner);
        code = dg_pg_pipe_send(l->pg, what, own_sql, a, err);
    }
    dg_pg_args_clear(a);
    dg_pg_args_int2(a, l->tenant_id);
    dg_pg_args_int4s(a, streams, n);
    dg_pg_args_text(a, place->topic);
    dg_pg_args_int4(a, place->partition);
    if (code == 0) {
        code = dg_pg_pipe_send(l->pg, what, begin_sql, a, err);
    }
    if (code == 0) {
        code = dg_pg_pipe_send(l->pg, what, stand_sql, a, err);
    }
    return dg_pg_pipe_finish(l->pg, what, code, 5, r, err);
}

void dg_ledger_free_held(struct dg_held *h)
{
    for (size_t i = 0; i < h->n; i++) {
        free(h->position[i].state);
    }
    free(h->position);
    free(h->group);
    free(h->topic);
    *h = (struct dg_held){0};
}

/* What the row of the stream says; state and topic belong to the held place. */
static int put_position(const struct pg_result *r, int32_t stream, int64_t epoch,
                        const struct dg_held *h, struct dg_held_position *held,
                        struct dg_position *out, struct dg_error *err)
{
    int row = 0;
    while (row < PQntuples(r) && dg_pg_integer(r, row, 0, 0) != stream) {
        row++;
    }
    if (row == PQntuples(r)) {
        return dg_fail(err, EACCES, "the position of stream %d in %s/%d may not be seen",
                       (int)stream, h->topic, (int)h->partition);
    }
    size_t len = 0;
    unsigned char *state = PQunescapeBytea((const unsigned char *)dg_pg_text(r, row, 9), &len);
    held->state = malloc(len + 1);
    if (state == NULL || held->state == NULL) {
        PQfreemem(state);
        return dg_fail_memory(err);
    }
    memcpy(held->state, state, len);
    PQfreemem(state);
    held->stream = stream;
    held->position_id = (int32_t)dg_pg_integer(r, row, 1, 0);
    *out = (struct dg_position){
        .stream = stream,
        .place = {h->topic, h->partition},
        .epoch = epoch,
        .seq = dg_pg_integer(r, row, 2, 0),
        .next_offset = dg_pg_integer(r, row, 3, 0),
        .warm_offset = dg_pg_integer(r, row, 4, 0),
        .tail = (uint64_t)dg_pg_integer(r, row, 5, 0),
        .clock = {dg_pg_integer(r, row, 6, DG_TIME_NONE), dg_pg_integer(r, row, 7, DG_TIME_NONE)},
        .appeared = dg_pg_integer(r, row, 10, 0) != 0,
        .idle = dg_pg_integer(r, row, 8, 0) != 0,
        .state = held->state,
        .state_len = len,
    };
    return 0;
}

static int hold(struct dg_held *h, const char *group, const struct dg_topic_partition *place,
                size_t n, struct dg_error *err)
{
    *h = (struct dg_held){.group = strdup(group),
                          .topic = strdup(place->topic),
                          .partition = place->partition,
                          .position = calloc(n == 0 ? 1 : n, sizeof *h->position),
                          .n = n};
    if (h->group == NULL || h->topic == NULL || h->position == NULL) {
        h->n = 0;
        return dg_fail_memory(err);
    }
    return 0;
}

static int keep(struct dg_pg_ledger *l, const struct dg_held *h, struct dg_error *err)
{
    for (size_t i = 0; i < l->n_held; i++) {
        struct dg_held *old = &l->held[i];
        if (old->partition == h->partition && strcmp(old->topic, h->topic) == 0 &&
            strcmp(old->group, h->group) == 0) {
            dg_ledger_free_held(old);
            *old = *h;
            return 0;
        }
    }
    struct dg_held *grown = realloc(l->held, (l->n_held + 1) * sizeof *grown);
    if (grown == NULL) {
        return dg_fail_memory(err);
    }
    l->held = grown;
    l->held[l->n_held++] = *h;
    return 0;
}

const struct dg_held *dg_ledger_held(const struct dg_pg_ledger *l,
                                     const struct dg_topic_partition *place, int32_t stream,
                                     int32_t *position_id)
{
    for (size_t i = 0; i < l->n_held; i++) {
        const struct dg_held *h = &l->held[i];
        if (h->partition != place->partition || strcmp(h->topic, place->topic) != 0) {
            continue;
        }
        for (size_t k = 0; k < h->n; k++) {
            if (h->position[k].stream == stream) {
                *position_id = h->position[k].position_id;
                return h;
            }
        }
    }
    return NULL;
}

int dg_ledger_enroll(struct dg_ledger *self, int32_t stream, const char *topic, int32_t n,
                     struct dg_error *err)
{
    static const char what[] = "enroll partitions";
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct dg_pg_args *a = &l->args;
    struct pg_result *r[3] = {0};
    int code = dg_ledger_session(l, err);
    code = code != 0 ? code : dg_pg_pipe_begin(l->pg, err);
    if (code != 0) {
        return dg_ledger_done(l, code);
    }
    code = dg_pg_pipe_send(l->pg, what, "BEGIN", NULL, err);
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, stream);
    code = code != 0 ? code : dg_pg_pipe_send(l->pg, what, turn_sql, a, err);
    dg_pg_args_clear(a);
    dg_pg_args_int2(a, l->tenant_id);
    dg_pg_args_int4(a, stream);
    dg_pg_args_text(a, topic);
    dg_pg_args_int4(a, n);
    code = code != 0 ? code : dg_pg_pipe_send(l->pg, what, enroll_sql, a, err);
    code = dg_pg_pipe_finish(l->pg, what, code, 3, r, err);
    if (code == 0 && dg_ledger_count(r[1]) == 0) {
        code = dg_ledger_ended(l, stream, err);
    }
    dg_ledger_clear(r, 3);
    code = code != 0 ? code : dg_pg_run(l->pg, what, "COMMIT", err);
    return dg_ledger_done(l, code);
}

/* The streams that read the place, r, are those that were opened. */
static int check_streams(struct dg_pg_ledger *l, const int32_t streams[], size_t n,
                         const struct pg_result *r, const struct dg_topic_partition *place,
                         struct dg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        int row = 0, code = 0;
        while (row < PQntuples(r) && dg_pg_integer(r, row, 0, 0) != streams[i]) {
            row++;
        }
        code = row == PQntuples(r) ? dg_ledger_ended(l, streams[i], err)
                                   : dg_ledger_began(l, streams[i], dg_pg_text(r, row, 1), err);
        if (code == ESTALE) {
            return dg_fail(err, ESTALE,
                           "a stream that reads %s/%d in %s has ended: somebody else runs its "
                           "monitor in this group under another configuration or baseline; give "
                           "all the same files",
                           place->topic, (int)place->partition, l->pg->place);
        }
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

int dg_ledger_acquire(struct dg_ledger *self, const char *group,
                      const struct dg_topic_partition *place, const int32_t streams[],
                      size_t n_streams, struct dg_position out[], struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct pg_result *r[5] = {0};
    struct dg_held h = {0};
    l->unsettled = false;
    int code = dg_ledger_session(l, err);
    if (code == 0) {
        code = ask(l, group, place, streams, n_streams, r, err);
    }
    if (code == 0) {
        code = check_streams(l, streams, n_streams, r[1], place, err);
    }
    if (code == 0) {
        code = dg_pg_run(l->pg, "take a partition", "COMMIT", err);
    }
    if (code == 0) {
        code = hold(&h, group, place, n_streams, err);
        h.partition_id = (int32_t)dg_pg_integer(r[2], 0, 0, 0);
    }
    const int64_t epoch = code == 0 ? dg_pg_integer(r[2], 0, 1, 0) : 0;
    for (size_t i = 0; i < n_streams && code == 0; i++) {
        code = put_position(r[4], streams[i], epoch, &h, &h.position[i], &out[i], err);
    }
    if (code == 0) {
        code = keep(l, &h, err);
    }
    if (code != 0) {
        dg_ledger_free_held(&h);
    }
    dg_ledger_clear(r, 5);
    return dg_ledger_done(l, code);
}
