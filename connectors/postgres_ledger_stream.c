/* Streams and their groups: which stream a monitor is, under which number a version goes. */
#include "connectors/postgres_ledger_parts.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Positions keep their offsets; what was being counted belonged to the old configuration. */
static const char inherit_sql[] =
    "INSERT INTO driftgauge.live_position (tenant_id, stream_id, topic, partition, next_offset, "
    "warm_offset, tail, appeared) SELECT tenant_id, $1, topic, partition, next_offset, "
    "next_offset, tail, appeared "
    "FROM driftgauge.live_position WHERE stream_id = $2";

static const char say_sql[] =
    "INSERT INTO driftgauge.audit_log (tenant_id, action, object, detail) SELECT s.tenant_id, "
    "CASE WHEN $2 = 0 THEN 'stream.started' ELSE 'stream.replaced' END, m.name, "
    "jsonb_build_object('stream', s.stream_id, 'group', s.consumer_group, 'config', c.hash, "
    "'baseline', s.baseline_version, 'replaces', nullif($2, 0)) FROM driftgauge.live_stream s "
    "JOIN driftgauge.monitor m USING (monitor_id) JOIN driftgauge.config_version c USING "
    "(config_id) WHERE s.stream_id = $1";

static int about_stream(struct dg_pg_ledger *l, const char *what, const char *sql, int32_t stream,
                        const int32_t *before, struct dg_error *err)
{
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4(&l->args, stream);
    if (before != NULL) {
        dg_pg_args_int4(&l->args, *before);
    }
    return dg_ledger_run(l, what, sql, err);
}

static int make_stream(struct dg_pg_ledger *l, const struct dg_stream_key *key,
                       const struct dg_pg_run *run, int32_t before, int32_t *stream,
                       struct dg_error *err)
{
    struct pg_result *r = NULL;
    struct dg_pg_args *a = &l->args;
    int code = 0;
    if (before != 0) {
        code = about_stream(l, "end the stream before",
                            "UPDATE driftgauge.live_stream SET ended_at = clock_timestamp() WHERE "
                            "stream_id = $1",
                            before, NULL, err);
    }
    if (code == 0) {
        dg_pg_args_clear(a);
        dg_pg_args_int2(a, run->tenant_id);
        dg_pg_args_text(a, key->group);
        dg_pg_args_int4(a, run->monitor_id);
        dg_pg_args_int4(a, run->config_id);
        dg_pg_args_text(a, key->baseline);
        code = dg_pg_ask(l->pg, "begin a stream",
                         "INSERT INTO driftgauge.live_stream (tenant_id, consumer_group, "
                         "monitor_id, config_id, baseline_version) VALUES ($1, $2, $3, $4, $5) "
                         "RETURNING stream_id",
                         a, &r, err);
    }
    if (code == 0) {
        *stream = (int32_t)dg_pg_integer(r, 0, 0, 0);
        code = about_stream(l, "pass on positions", inherit_sql, *stream, &before, err);
    }
    if (code == 0) {
        code = about_stream(l, "write down the stream", say_sql, *stream, &before, err);
    }
    dg_pg_clear(r);
    return code;
}

/* The lock on the row waits for commits of the stream that are under way: what they commit is
 * passed on too, and who comes later finds the stream ended. */
static int find_stream(struct dg_pg_ledger *l, const struct dg_stream_key *key,
                       const struct dg_pg_run *run, int32_t *stream, bool *same,
                       struct dg_error *err)
{
    struct pg_result *r = NULL;
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int2(a, run->tenant_id);
    dg_pg_args_text(a, key->group);
    dg_pg_args_int4(a, run->monitor_id);
    int code = dg_ledger_run(l, "wait for others that begin this stream",
                             "SELECT pg_advisory_xact_lock(hashtextextended("
                             "'driftgauge.live_stream/' || $1 || '/' || $3 || '/' || $2, 0))",
                             err);
    if (code == 0) {
        dg_pg_args_int4(a, run->config_id);
        dg_pg_args_text(a, key->baseline);
        code = dg_pg_ask(l->pg, "look for the stream",
                         "SELECT stream_id, config_id = $4 AND baseline_version = $5 FROM "
                         "driftgauge.live_stream WHERE tenant_id = $1 AND consumer_group = $2 AND "
                         "monitor_id = $3 AND ended_at IS NULL",
                         a, &r, err);
    }
    if (code == 0) {
        *stream = PQntuples(r) == 0 ? 0 : (int32_t)dg_pg_integer(r, 0, 0, 0);
        *same = *stream != 0 && dg_pg_text(r, 0, 1)[0] == 't';
    }
    dg_pg_clear(r);
    if (code == 0 && *stream != 0 && !*same) {
        code = about_stream(l, "end the stream before",
                            "SELECT FROM driftgauge.live_stream WHERE stream_id = $1 FOR UPDATE",
                            *stream, NULL, err);
    }
    return code;
}

static int open_in_transaction(struct dg_pg_ledger *l, const struct dg_stream_key *key,
                               int32_t *stream, bool *replaced, struct dg_error *err)
{
    struct dg_pg_run run = {.tenant_id = l->tenant_id};
    bool same = false;
    int32_t before = 0;
    int code = dg_pg_run(l->pg, "open a stream", "BEGIN", err);
    if (code == 0) {
        code = dg_pg_run_monitor(l->pg, key->of, &run, err);
    }
    if (code == 0) {
        code = find_stream(l, key, &run, &before, &same, err);
    }
    if (code == 0 && same) {
        *stream = before;
    } else if (code == 0) {
        code = make_stream(l, key, &run, before, stream, err);
    }
    if (code == 0) {
        code = dg_ledger_keep_texts(l, key, *stream, err);
    }
    if (code == 0) {
        code = dg_pg_run(l->pg, "open a stream", "COMMIT", err);
    }
    *replaced = code == 0 && before != 0 && !same;
    return code;
}

/* Panes of streams that ended are of no use. What fails here is done by the next who opens a
 * stream, or by db retention. */
static void forget_ended(struct dg_pg_ledger *l)
{
#define ENDED                                                                                      \
    " WHERE stream_id IN (SELECT stream_id FROM driftgauge.live_stream WHERE ended_at IS NOT "     \
    "NULL)"
    (void)!dg_pg_run(l->pg, "delete panes of streams that ended",
                     "DELETE FROM driftgauge.pane_delta" ENDED
                     "; DELETE FROM driftgauge.pane_state" ENDED
                     "; DELETE FROM driftgauge.live_checkpoint" ENDED
                     "; DELETE FROM driftgauge.live_definition" ENDED,
                     NULL);
}

int dg_ledger_open_stream(struct dg_ledger *self, const struct dg_stream_key *key, int32_t *stream,
                          bool *replaced, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    DG_ASSERT(strcmp(key->monitor, key->of->name) == 0 &&
              strcmp(key->config_hash, key->of->hash) == 0);
    int32_t got = 0;
    bool other = false;
    int code = dg_ledger_session(l, err);
    if (code == 0) {
        code = open_in_transaction(l, key, &got, &other, err);
    }
    if (code == 0) {
        *stream = got;
        *replaced = other;
        forget_ended(l);
    }
    return dg_ledger_done(l, code);
}

int dg_ledger_ended(struct dg_pg_ledger *l, int32_t stream, struct dg_error *err)
{
    struct pg_result *r = NULL;
    int code = 0;
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4(&l->args, stream);
    code =
        dg_pg_ask(l->pg, "look for the stream",
                  "SELECT 1 FROM driftgauge.live_stream WHERE stream_id = $1", &l->args, &r, err);
    const bool gone = code == 0 && PQntuples(r) == 0;
    dg_pg_clear(r);
    if (code != 0) {
        return code;
    }
    if (gone) {
        return dg_ledger_gone(l, stream, err);
    }
    return dg_fail(err, ESTALE,
                   "stream %d in %s has ended: somebody else runs its monitor in this group under "
                   "another configuration or baseline; give all the same files",
                   (int)stream, l->pg->place);
}

int dg_ledger_gone(struct dg_pg_ledger *l, int32_t stream, struct dg_error *err)
{
    l->base.set_back++;
    return dg_fail(err, EIDRM,
                   "%s does not have stream %d any more: it has gone back in time, did a standby "
                   "that was behind take over? Or were rows deleted by hand? Streams are opened "
                   "again",
                   l->pg->place, (int)stream);
}

/* A number that was given anew after the server had lost it is no longer ours. */
int dg_ledger_began(struct dg_pg_ledger *l, int32_t stream, const char *at, struct dg_error *err)
{
    struct dg_ledger_stream *s = dg_ledger_stream(l, stream);
    if (s == NULL) {
        return dg_fail_memory(err);
    }
    if (s->began[0] == '\0') {
        snprintf(s->began, sizeof s->began, "%s", at);
    }
    return strcmp(s->began, at) == 0 ? 0 : dg_ledger_gone(l, stream, err);
}
