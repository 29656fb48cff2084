/* What the ledger knows of streams beside their numbers: which there are, and what they are made
 * of.
 */
#include "connectors/postgres_ledger_parts.h"

#include <libpq-fe.h>

int dg_ledger_keep_texts(struct dg_pg_ledger *l, const struct dg_stream_key *key, int32_t stream,
                         struct dg_error *err)
{
    struct pg_result *r = NULL;
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, stream);
    int code = dg_pg_ask(l->pg, "look for what the stream is made of",
                         "SELECT FROM driftgauge.live_definition WHERE stream_id = $1 LIMIT 1", a,
                         &r, err);
    const bool there = code == 0 && PQntuples(r) > 0;
    dg_pg_clear(r);
    for (size_t i = 0; i < key->n_texts && code == 0 && !there; i++) {
        dg_pg_args_clear(a);
        dg_pg_args_int4(a, stream);
        dg_pg_args_text(a, key->text[i].name);
        dg_pg_args_int2(a, l->tenant_id);
        dg_pg_args_text(a, key->text[i].text);
        code = dg_ledger_run(l, "keep what the stream is made of",
                             "INSERT INTO driftgauge.live_definition (stream_id, part, tenant_id, "
                             "body) VALUES ($1, $2, $3, $4)",
                             err);
    }
    return code;
}

static const char streams_sql[] =
    "SELECT s.stream_id, m.name, c.hash, s.baseline_version, least(d.first_us, t.first_us), "
    "greatest(d.last_us, t.last_us) FROM "
    "driftgauge.live_stream s JOIN driftgauge.monitor m USING (monitor_id) JOIN "
    "driftgauge.config_version c USING (config_id) CROSS JOIN LATERAL (SELECT min(d.pane_us) "
    "AS first_us, max(d.pane_us) AS last_us FROM driftgauge.pane_delta d WHERE d.stream_id = "
    "s.stream_id) d CROSS JOIN LATERAL (SELECT min(t.pane_us) AS first_us, max(t.pane_us) AS "
    "last_us FROM driftgauge.pane_state t WHERE t.stream_id = s.stream_id) t WHERE s.tenant_id = "
    "$1 AND s.consumer_group = $2 AND s.ended_at IS "
    "NULL ORDER BY s.stream_id";

int dg_ledger_streams(struct dg_ledger *self, const char *group,
                      int (*tell)(void *arg, const struct dg_known_stream *s, struct dg_error *err),
                      void *arg, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct pg_result *r = NULL;
    int code = dg_ledger_session(l, err);
    if (code == 0) {
        dg_pg_args_clear(&l->args);
        dg_pg_args_int2(&l->args, l->tenant_id);
        dg_pg_args_text(&l->args, group);
        code = dg_pg_ask(l->pg, "list the streams", streams_sql, &l->args, &r, err);
    }
    for (int i = 0; code == 0 && i < PQntuples(r); i++) {
        const struct dg_known_stream s = {.stream = (int32_t)dg_pg_integer(r, i, 0, 0),
                                          .monitor = dg_pg_text(r, i, 1),
                                          .config_hash = dg_pg_text(r, i, 2),
                                          .baseline = dg_pg_text(r, i, 3),
                                          .first_us = dg_pg_integer(r, i, 4, DG_TIME_NONE),
                                          .last_us = dg_pg_integer(r, i, 5, DG_TIME_NONE)};
        code = tell(arg, &s, err);
    }
    dg_pg_clear(r);
    return dg_ledger_done(l, code);
}

int dg_ledger_texts(struct dg_ledger *self, int32_t stream,
                    int (*tell)(void *arg, const struct dg_stream_text *t, struct dg_error *err),
                    void *arg, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct pg_result *r = NULL;
    int code = dg_ledger_session(l, err);
    if (code == 0) {
        dg_pg_args_clear(&l->args);
        dg_pg_args_int4(&l->args, stream);
        code = dg_pg_ask(l->pg, "read what the stream is made of",
                         "SELECT part, body FROM driftgauge.live_definition WHERE stream_id = $1 "
                         "ORDER BY part COLLATE \"C\"",
                         &l->args, &r, err);
    }
    for (int i = 0; code == 0 && i < PQntuples(r); i++) {
        const struct dg_stream_text t = {dg_pg_text(r, i, 0), dg_pg_text(r, i, 1)};
        code = tell(arg, &t, err);
    }
    dg_pg_clear(r);
    return dg_ledger_done(l, code);
}
