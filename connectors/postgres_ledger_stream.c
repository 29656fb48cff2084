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

int dg_ledger_ended(const struct dg_pg_ledger *l, int32_t stream, struct dg_error *err)
{
    return dg_fail(err, ESTALE,
                   "stream %d in %s has ended: somebody else runs its monitor in this group under "
                   "another configuration or baseline; give all the same files",
                   (int)stream, l->pg->place);
}

static struct dg_name group_name(const struct dg_ledger_stream *s, const char *version,
                                 const char *variant, char number[16])
{
    snprintf(number, 16, "%d", (int)s->stream);
    return (struct dg_name){.part = {number, version, variant}, .n = 3};
}

/* All groups that the stream has, into the object's memory. */
static int read_groups(struct dg_pg_ledger *l, struct dg_ledger_stream *s, struct dg_error *err)
{
    struct pg_result *r = NULL;
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4(&l->args, s->stream);
    int code = dg_pg_ask(l->pg, "read the groups of a stream",
                         "SELECT group_no, version, variant FROM driftgauge.live_group WHERE "
                         "stream_id = $1 ORDER BY group_no",
                         &l->args, &r, err);
    for (int i = (int)s->n_groups; code == 0 && i < PQntuples(r); i++) {
        char number[16];
        const struct dg_name name = group_name(s, dg_pg_text(r, i, 1), dg_pg_text(r, i, 2), number);
        if (dg_pg_integer(r, i, 0, -1) != i) {
            code = dg_fail(err, EBADMSG,
                           "%s: driftgauge.live_group lacks version %d of stream %d, which its "
                           "panes need: were rows deleted by hand?",
                           l->pg->place, i, (int)s->stream);
        } else if (dg_names_find(&l->groups, &name) == 0 &&
                   dg_names_add(&l->groups, &name, i + 1) != 0) {
            code = dg_fail_memory(err);
        } else {
            s->n_groups = (uint32_t)i + 1;
        }
    }
    dg_pg_clear(r);
    return code;
}

static int add_group(struct dg_pg_ledger *l, struct dg_ledger_stream *s, const char *version,
                     const char *variant, struct dg_error *err)
{
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, s->stream);
    dg_pg_args_int4(a, (int32_t)s->n_groups);
    dg_pg_args_int2(a, l->tenant_id);
    dg_pg_args_text(a, version);
    dg_pg_args_text(a, variant);
    return dg_ledger_run(l, "number a group",
                         "INSERT INTO driftgauge.live_group (stream_id, group_no, tenant_id, "
                         "version, variant) VALUES ($1, $2, $3, $4, $5)",
                         err);
}

/* The name of the group that those share for which there is no number. */
static struct dg_name rest_of(const struct dg_name *name)
{
    return (struct dg_name){.part = {name->part[0], name->part[1][0] != '\0' ? "rest" : "",
                                     name->part[2][0] != '\0' ? "rest" : ""},
                            .n = 3};
}

/* Whoever makes groups of a stream holds its row; commits go on meanwhile. */
static int make_group(struct dg_pg_ledger *l, struct dg_ledger_stream *s,
                      const struct dg_name *name, uint32_t max_groups, struct dg_error *err)
{
    struct pg_result *r = NULL;
    int code = dg_pg_run(l->pg, "number a group", "BEGIN", err);
    if (code == 0) {
        dg_pg_args_clear(&l->args);
        dg_pg_args_int4(&l->args, s->stream);
        code = dg_pg_ask(l->pg, "number a group",
                         "SELECT 1 FROM driftgauge.live_stream WHERE stream_id = $1 AND ended_at "
                         "IS NULL FOR NO KEY UPDATE",
                         &l->args, &r, err);
    }
    if (code == 0 && PQntuples(r) == 0) {
        code = dg_ledger_ended(l, s->stream, err);
    }
    dg_pg_clear(r);
    if (code == 0) {
        code = read_groups(l, s, err);
    }
    if (code == 0 && dg_names_find(&l->groups, name) == 0 && s->n_groups < max_groups) {
        /* The last number is for all that come from now on, unless one has that name already. */
        const struct dg_name last = rest_of(name);
        const bool rest = s->n_groups + 1 == max_groups && max_groups > 1;
        const struct dg_name *named = rest ? &last : name;
        if (dg_names_find(&l->groups, named) == 0) {
            code = add_group(l, s, named->part[1], named->part[2], err);
        }
    }
    return code != 0 ? code : dg_pg_run(l->pg, "number a group", "COMMIT", err);
}

static int find_group(struct dg_pg_ledger *l, struct dg_ledger_stream *s,
                      const struct dg_name *name, uint32_t max_groups, uint32_t *group,
                      struct dg_error *err)
{
    int32_t id = dg_names_find(&l->groups, name);
    int code = 0;
    if (id == 0 && s->n_groups < max_groups) {
        code = dg_ledger_session(l, err);
        if (code == 0) {
            code = make_group(l, s, name, max_groups, err);
        }
        if (code == 0) { /* known from now on, if it was committed */
            code = read_groups(l, s, err);
        }
        id = dg_names_find(&l->groups, name);
    }
    if (code == 0 && id == 0) {
        const struct dg_name last = rest_of(name);
        id = dg_names_find(&l->groups, &last);
    }
    if (code == 0 && id == 0 && s->n_groups < max_groups) { /* fewer rows than were read before */
        code =
            dg_fail(err, EBADMSG,
                    "%s: driftgauge.live_group lacks versions of stream %d that were there: were "
                    "rows deleted by hand?",
                    l->pg->place, (int)s->stream);
    }
    if (code == 0 && id == 0) { /* a limit that was lowered, or a single group */
        id = (int32_t)max_groups;
    }
    if (code == 0) {
        *group = (uint32_t)id - 1;
    }
    return dg_ledger_done(l, code);
}

int dg_ledger_group(struct dg_ledger *self, int32_t stream, const char *version,
                    const char *variant, uint32_t max_groups, uint32_t *group, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    DG_ASSERT(max_groups >= 1);
    struct dg_ledger_stream *s = dg_ledger_stream(l, stream);
    char *clean[2] = {dg_pg_clean(version, strlen(version)), dg_pg_clean(variant, strlen(variant))};
    int code;
    if (s == NULL || clean[0] == NULL || clean[1] == NULL) {
        code = dg_fail_memory(err);
    } else {
        char number[16];
        const struct dg_name name = group_name(s, clean[0], clean[1], number);
        code = find_group(l, s, &name, max_groups, group, err);
    }
    free(clean[0]);
    free(clean[1]);
    return code;
}
