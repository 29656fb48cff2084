#include "connectors/postgres_ledger.h"

#include "connectors/postgres_ledger_parts.h"
#include "connectors/postgres_migrate.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* Nobody waits long for a lock: the caller tries again, and polls its consumer in between. Whoever
 * was frozen between two statements of a transaction loses it, and with it the locks. */
static const char patience[] = "SET lock_timeout = '5s'; SET statement_timeout = '60s'; "
                               "SET idle_in_transaction_session_timeout = '15s'";

/* Longer than the server would take to say so itself: it is frozen. */
#define FROZEN_MS 75000

static int connect_once(const struct dg_pg_ledger *l, struct dg_pg **out, struct dg_error *err)
{
    struct dg_error words = {""};
    const struct dg_pg_options options = {.db = l->db, .password_file = l->password_file};
    int code = dg_pg_connect(&options, out, &words);
    if (code == ECONNREFUSED && dg_pg_connect_hopeless(&words)) {
        code = EACCES;
    }
    return code == 0 ? 0 : dg_fail(err, code, "%s", words.message);
}

int dg_ledger_session(struct dg_pg_ledger *l, struct dg_error *err)
{
    if (l->pg != NULL && !dg_pg_lost(l->pg)) {
        return 0;
    }
    dg_pg_close(l->pg);
    l->pg = NULL;
    struct dg_pg *pg = NULL;
    int32_t tenant_id = 0;
    int code = connect_once(l, &pg, err);
    if (code == 0) {
        code = dg_schema_check(pg, err);
    }
    if (code == 0) {
        code = dg_pg_run(pg, "set up the session", patience, err);
    }
    if (code == 0) {
        code = dg_pg_tenant(pg, l->tenant, &tenant_id, err);
    }
    if (code != 0) {
        dg_pg_close(pg);
        return code;
    }
    pg->renewed = true;
    atomic_store(&pg->watch.limit_ms, FROZEN_MS);
    l->pg = pg;
    l->session++;
    l->tenant_id = tenant_id;
    return 0;
}

static int healed_by_time(int code)
{
    return code == ECONNREFUSED || code == ECONNRESET || code == ETIMEDOUT ? EAGAIN : code;
}

int dg_ledger_done(struct dg_pg_ledger *l, int code)
{
    if (l->pg != NULL && !dg_pg_lost(l->pg) && PQtransactionStatus(l->pg->conn) != PQTRANS_IDLE) {
        (void)!dg_pg_run(l->pg, "roll back", "ROLLBACK", NULL);
    }
    /* libpq may not have marked a broken connection yet; a server that takes no writes may not be
     * the one that the next connection finds. */
    if (l->pg != NULL && (dg_pg_lost(l->pg) || code == ECONNRESET || code == EROFS)) {
        dg_pg_close(l->pg);
        l->pg = NULL;
    }
    return healed_by_time(code);
}

struct dg_ledger_stream *dg_ledger_stream(struct dg_pg_ledger *l, int32_t stream)
{
    for (size_t i = 0; i < l->n_streams; i++) {
        if (l->stream[i]->stream == stream) {
            return l->stream[i];
        }
    }
    struct dg_ledger_stream **grown = realloc(l->stream, (l->n_streams + 1) * sizeof(void *));
    struct dg_ledger_stream *s = calloc(1, sizeof *s);
    if (grown != NULL) {
        l->stream = grown;
    }
    if (grown == NULL || s == NULL) {
        free(s);
        return NULL;
    }
    s->stream = stream;
    l->stream[l->n_streams++] = s;
    return s;
}

int dg_ledger_run(struct dg_pg_ledger *l, const char *what, const char *sql, struct dg_error *err)
{
    struct pg_result *r = NULL;
    const int code = dg_pg_ask(l->pg, what, sql, &l->args, &r, err);
    dg_pg_clear(r);
    return code;
}

long long dg_ledger_count(const struct pg_result *r)
{
    return PQntuples(r) == 1 ? dg_pg_integer(r, 0, 0, -1) : -1;
}

void dg_ledger_clear(struct pg_result *result[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dg_pg_clear(result[i]);
    }
}

int dg_ledger_gaps(struct dg_pg_ledger *l, const struct dg_gap gap[], size_t n,
                   struct dg_error *err)
{
    int code = 0;
    for (size_t i = 0; i < n && code == 0; i++) {
        struct dg_pg_args *a = &l->args;
        dg_pg_args_clear(a);
        dg_pg_args_int2(a, l->tenant_id);
        dg_pg_args_int4(a, gap[i].stream);
        dg_pg_args_text(a, gap[i].place.topic);
        dg_pg_args_int4(a, gap[i].place.partition);
        dg_pg_args_int8(a, gap[i].from);
        dg_pg_args_int8(a, gap[i].to);
        dg_pg_args_text(a, gap[i].reason);
        code = dg_ledger_run(l, "write down a gap",
                             "INSERT INTO driftgauge.live_gap (tenant_id, stream_id, topic, "
                             "partition, from_offset, to_offset, reason) "
                             "VALUES ($1, $2, $3, $4, $5, nullif($6, -1), $7)",
                             err);
    }
    return code;
}

static void free_stream(struct dg_ledger_stream *s)
{
    dg_live_results_close(s->results);
    dg_ledger_forget_groups(s);
    free(s->group);
    free(s->seen);
    free(s);
}

static void ledger_close(struct dg_ledger *self)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    dg_pg_close(l->pg);
    for (size_t i = 0; i < l->n_held; i++) {
        dg_ledger_free_held(&l->held[i]);
    }
    for (size_t i = 0; i < l->n_streams; i++) {
        free_stream(l->stream[i]);
    }
    free(l->held);
    free(l->stream);
    dg_pg_args_deinit(&l->args);
    free(l->db);
    free(l->password_file);
    free(l->tenant);
    free(l->owner);
    free(l);
}

static const struct dg_ledger_ops ledger_ops = {
    .name = "postgres",
    .open_stream = dg_ledger_open_stream,
    .streams = dg_ledger_streams,
    .texts = dg_ledger_texts,
    .enroll = dg_ledger_enroll,
    .acquire = dg_ledger_acquire,
    .group = dg_ledger_group,
    .commit = dg_ledger_commit,
    .check = dg_ledger_check,
    .lock = dg_ledger_lock,
    .read = dg_ledger_read,
    .results = dg_ledger_results,
    .save = dg_ledger_save,
    .discard = dg_ledger_discard,
    .close = ledger_close,
};

/* NULL stays NULL. */
static bool copy(char **out, const char *text)
{
    *out = text == NULL ? NULL : strdup(text);
    return (*out == NULL) == (text == NULL);
}

static int make(const struct dg_postgres_ledger_options *options, struct dg_pg_ledger **out,
                struct dg_error *err)
{
    struct dg_pg_ledger *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return dg_fail_memory(err);
    }
    l->base.ops = &ledger_ops;
    if (!copy(&l->db, options->connection.db) ||
        !copy(&l->password_file, options->connection.password_file) ||
        !copy(&l->tenant, options->tenant == NULL ? "default" : options->tenant) ||
        !copy(&l->owner, options->owner == NULL ? "" : options->owner)) {
        ledger_close(&l->base);
        return dg_fail_memory(err);
    }
    *out = l;
    return 0;
}

int dg_postgres_ledger_open(const struct dg_postgres_ledger_options *options,
                            struct dg_ledger **out, struct dg_error *err)
{
    struct dg_pg_ledger *l = NULL;
    const int code = make(options, &l, err);
    if (code == 0) {
        *out = &l->base;
    }
    return code;
}

/* What the role may not do of all that a ledger does. For UPDATE some column is enough, which is
 * also what locking a row needs. */
static const char rights_sql[] =
    "SELECT coalesce(string_agg(lacking, ', ' ORDER BY lacking), ''), pg_is_in_recovery() OR "
    "current_setting('transaction_read_only')::boolean, "
    "has_database_privilege(current_database(), 'TEMPORARY') FROM (SELECT format('%s on %s', "
    "wanted, name) AS lacking FROM (VALUES "
    "('live_stream', 'SELECT INSERT UPDATE'), ('live_partition', 'SELECT INSERT UPDATE'), "
    "('live_position', 'SELECT INSERT UPDATE'), ('live_group', 'SELECT INSERT'), "
    "('pane_delta', 'SELECT INSERT DELETE'), ('pane_state', 'SELECT INSERT DELETE'), "
    "('live_checkpoint', 'SELECT INSERT UPDATE DELETE'), ('live_gap', 'INSERT'), "
    "('live_definition', 'SELECT INSERT DELETE'), ('series_result', 'SELECT INSERT UPDATE'), "
    "('slice_result', 'SELECT INSERT UPDATE'), ('monitor', 'SELECT INSERT UPDATE'), "
    "('config_version', 'SELECT INSERT'), ('slice', 'SELECT INSERT'), "
    "('series_column', 'SELECT INSERT'), ('baseline', 'SELECT INSERT'), "
    "('monitor_window', 'SELECT INSERT'), ('tenant', 'SELECT'), ('audit_log', 'INSERT')) "
    "t (name, list) CROSS JOIN LATERAL unnest(string_to_array(list, ' ')) wanted WHERE CASE WHEN "
    "wanted = 'UPDATE' THEN NOT has_any_column_privilege('driftgauge.' || name, wanted) ELSE NOT "
    "has_table_privilege('driftgauge.' || name, wanted) END UNION ALL SELECT 'EXECUTE on function "
    "ensure_partition' WHERE NOT "
    "has_function_privilege('driftgauge.ensure_partition(timestamptz)', "
    "'EXECUTE')) l";

static int check_rights(struct dg_pg_ledger *l, struct dg_error *err)
{
    struct pg_result *r = NULL;
    int code = dg_pg_ask(l->pg, "read the rights of this role", rights_sql, NULL, &r, err);
    if (code == 0 && dg_pg_text(r, 0, 1)[0] == 't') {
        code = dg_fail(err, EROFS,
                       "%s takes no writes: it is a standby, or the role is read-only; connect to "
                       "the primary as a member of driftgauge_writer",
                       l->pg->place);
    } else if (code == 0 && dg_pg_text(r, 0, 0)[0] != '\0') {
        code = dg_fail(err, EACCES,
                       "%s: the role lacks %s; make it a member of driftgauge_writer, see "
                       "docs/POSTGRES.md",
                       l->pg->place, dg_pg_text(r, 0, 0));
    } else if (code == 0 && dg_pg_text(r, 0, 2)[0] != 't') {
        code = dg_fail(err, EACCES,
                       "%s: the role may not make temporary tables; GRANT TEMPORARY ON DATABASE to "
                       "driftgauge_writer",
                       l->pg->place);
    }
    dg_pg_clear(r);
    return code;
}

int dg_postgres_ledger_probe(const struct dg_postgres_ledger_options *options, struct dg_error *err)
{
    struct dg_pg_ledger *l = NULL;
    int code = make(options, &l, err);
    if (code != 0) {
        return code;
    }
    code = dg_ledger_session(l, err);
    if (code == 0) {
        code = check_rights(l, err);
    }
    code = dg_ledger_done(l, code);
    ledger_close(&l->base);
    return code;
}
