#include "connectors/postgres_run.h"

#include "engine/result.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER 24

static const char *number(int64_t x, char buf[NUMBER])
{
    snprintf(buf, NUMBER, "%" PRId64, x);
    return buf;
}

/* A statement whose answer is one integer; *found says whether there is one. */
static int query_id(struct dg_pg *pg, const char *what, const char *sql, int n,
                    const char *const values[], int32_t *id, bool *found, struct dg_error *err)
{
    struct pg_result *r = NULL;
    const int code = dg_pg_query(pg, what, sql, n, values, &r, err);
    if (code == 0) {
        *found = PQntuples(r) > 0;
        *id = *found ? (int32_t)dg_pg_integer(r, 0, 0, 0) : 0;
    }
    dg_pg_clear(r);
    return code;
}

/* Statements that find a row or make it, for parameters $1 tenant, $2 monitor, $3 .. name. When
 * somebody else makes the same row at the same time there is no answer: the second try finds it. */
static int find_or_make(struct dg_pg *pg, const char *what, const char *sql, int n,
                        const char *const values[], int32_t *id, struct dg_error *err)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        bool found = false;
        const int code = query_id(pg, what, sql, n, values, id, &found, err);
        if (code != 0 || found) {
            return code;
        }
    }
    return dg_fail(err, EACCES, "PostgreSQL, %s, cannot %s: the row is there but may not be seen",
                   pg->place, what);
}

#define FIND_OR_MAKE(table, id, columns, given, match)                                             \
    "WITH made AS (INSERT INTO driftgauge." table " (" columns ") SELECT " given                   \
    " WHERE NOT EXISTS (SELECT FROM driftgauge." table " t WHERE " match ")"                       \
    " ON CONFLICT DO NOTHING RETURNING " id ") SELECT " id " FROM made UNION ALL SELECT t." id     \
    " FROM driftgauge." table " t WHERE " match " LIMIT 1"

static const char make_monitor[] =
    FIND_OR_MAKE("monitor", "monitor_id", "tenant_id, name", "$1::smallint, $2",
                 "t.tenant_id = $1::smallint AND t.name = $2");
static const char make_config[] =
    FIND_OR_MAKE("config_version", "config_id", "tenant_id, monitor_id, hash",
                 "$1::smallint, $2::integer, $3", "t.monitor_id = $2::integer AND t.hash = $3");
static const char make_slice[] = FIND_OR_MAKE(
    "slice", "slice_id", "tenant_id, monitor_id, version, variant, segment",
    "$1::smallint, $2::integer, $3, $4, $5",
    "t.monitor_id = $2::integer AND t.version = $3 AND t.variant = $4 AND t.segment = $5");
static const char make_column[] = FIND_OR_MAKE(
    "series_column", "column_id", "tenant_id, monitor_id, column_name, type, role, importance",
    "$1::smallint, $2::integer, $3, $4, $5, $6::double precision",
    "t.monitor_id = $2::integer AND t.column_name = $3 AND t.type = $4 AND t.role = $5"
    " AND t.importance = $6::double precision");
static const char make_baseline[] =
    FIND_OR_MAKE("baseline", "baseline_id", "tenant_id, monitor_id, name, version",
                 "$1::smallint, $2::integer, $3, $4",
                 "t.monitor_id = $2::integer AND t.name = $3 AND t.version = $4");

/* The parts of a name after tenant and monitor, cleaned. */
static int make_named(struct dg_pg *pg, const struct dg_pg_run *run, const char *what,
                      const char *sql, const struct dg_name *name, int32_t *id,
                      struct dg_error *err)
{
    char tenant[NUMBER], monitor[NUMBER];
    char *clean[DG_NAME_PARTS] = {0};
    const char *values[2 + DG_NAME_PARTS] = {number(run->tenant_id, tenant),
                                             number(run->monitor_id, monitor)};
    int code = 0;
    for (size_t i = 0; i < name->n; i++) {
        clean[i] = dg_pg_clean(name->part[i], strlen(name->part[i]));
        values[2 + i] = clean[i];
        code = clean[i] == NULL ? dg_fail_memory(err) : code;
    }
    if (code == 0) {
        code = find_or_make(pg, what, sql, (int)(2 + name->n), values, id, err);
    }
    for (size_t i = 0; i < name->n; i++) {
        free(clean[i]);
    }
    return code;
}

int dg_pg_run_slice(struct dg_pg *pg, const struct dg_pg_run *run, const struct dg_name *name,
                    int32_t *id, struct dg_error *err)
{
    DG_ASSERT(name->n == 3);
    return make_named(pg, run, "name a slice", make_slice, name, id, err);
}

int dg_pg_run_column(struct dg_pg *pg, const struct dg_pg_run *run, const struct dg_name *name,
                     int32_t *id, struct dg_error *err)
{
    DG_ASSERT(name->n == 4);
    return make_named(pg, run, "name a column", make_column, name, id, err);
}

int dg_pg_run_baseline(struct dg_pg *pg, const struct dg_pg_run *run, const struct dg_name *name,
                       int32_t *id, struct dg_error *err)
{
    DG_ASSERT(name->n == 2);
    const struct dg_name only_name = {.part = {name->part[0]}, .n = 1};
    int code = make_named(pg, run, "name a baseline", make_baseline, name, id, err);
    if (code != 0 || run->run_id == 0) { /* live results go on with new versions */
        return code;
    }
    /* A row without a reference may lack the version; only two different ones contradict. */
    const int32_t before = dg_names_find(&run->baselines_before, &only_name);
    if (name->part[1][0] != '\0' && before != 0 && before != *id) {
        return dg_fail(err, EEXIST,
                       "run \"%s\" of this monitor was compared with another version of baseline "
                       "\"%s\" than %s: give this replay another name with --run, or take the old "
                       "one's place with --replace",
                       run->name, name->part[0], name->part[1]);
    }
    char run_id[NUMBER], baseline_id[NUMBER], tenant[NUMBER];
    const char *values[] = {number(run->run_id, run_id), number(*id, baseline_id),
                            number(run->tenant_id, tenant)};
    struct pg_result *r = NULL;
    code = dg_pg_query(pg, "write down a baseline",
                       "INSERT INTO driftgauge.run_baseline (run_id, baseline_id, tenant_id) "
                       "VALUES ($1::integer, $2::integer, $3::smallint) ON CONFLICT DO NOTHING",
                       3, values, &r, err);
    dg_pg_clear(r);
    return code;
}

int dg_pg_run_window_size(struct dg_pg *pg, const struct dg_pg_run *run, int64_t size_us,
                          struct dg_error *err)
{
    char monitor[NUMBER], size[NUMBER], tenant[NUMBER];
    const char *values[] = {number(run->monitor_id, monitor), number(size_us, size),
                            number(run->tenant_id, tenant)};
    struct pg_result *r = NULL;
    const int code =
        dg_pg_query(pg, "write down a window size",
                    "INSERT INTO driftgauge.monitor_window (monitor_id, window_size, tenant_id) "
                    "VALUES ($1::integer, $2::bigint * interval '1 microsecond', $3::smallint) "
                    "ON CONFLICT DO NOTHING",
                    3, values, &r, err);
    dg_pg_clear(r);
    return code;
}

int dg_pg_tenant(struct dg_pg *pg, const char *name, int32_t *id, struct dg_error *err)
{
    bool found = false;
    const int code =
        query_id(pg, "find the tenant", "SELECT tenant_id FROM driftgauge.tenant WHERE name = $1",
                 1, (const char *const[]){name}, id, &found, err);
    if (code == 0 && !found) {
        return dg_fail(err, EINVAL,
                       "%s has no tenant \"%s\" that this role may write: add both to "
                       "driftgauge.tenant and driftgauge.tenant_role, see docs/POSTGRES.md",
                       pg->place, name);
    }
    return code;
}

static int lock_name(struct dg_pg *pg, const struct dg_pg_run *run, struct dg_error *err)
{
    char monitor[NUMBER];
    int32_t locked = 0;
    bool found = false;
    const int code = query_id(pg, "lock the run",
                              "SELECT pg_try_advisory_lock(hashtextextended('driftgauge.run/' || "
                              "$1 || '/' || $2, 0))::int",
                              2, (const char *const[]){number(run->monitor_id, monitor), run->name},
                              &locked, &found, err);
    if (code == 0 && locked == 0) {
        return dg_fail(err, EBUSY,
                       "somebody else is writing run \"%s\" of this monitor right now: wait, or "
                       "give this replay another name with --run",
                       run->name);
    }
    return code;
}

static int update_monitor(struct dg_pg *pg, const struct dg_pg_run *run,
                          const struct dg_monitor *monitor, struct dg_error *err)
{
    char id[NUMBER];
    struct pg_result *r = NULL;
    const int code = dg_pg_query(
        pg, "describe the monitor",
        "UPDATE driftgauge.monitor SET description = $2, owner = $3 WHERE monitor_id = "
        "$1::integer AND (description, owner) IS DISTINCT FROM ($2, $3)",
        3, (const char *const[]){number(run->monitor_id, id), monitor->description, monitor->owner},
        &r, err);
    dg_pg_clear(r);
    return code;
}

/* What a replacement that was killed left behind. The name is locked: nobody is writing it. */
static int drop_leftovers(struct dg_pg *pg, const struct dg_pg_run *run, struct dg_error *err)
{
    char monitor[NUMBER];
    const char *values[] = {number(run->monitor_id, monitor), run->name};
    static const char *const sql[] = {
#define LEFTOVER                                                                                   \
    "run_id IN (SELECT run_id FROM driftgauge.run WHERE monitor_id = $1::integer AND name = $2 "   \
    "AND replaces IS NOT NULL)"
        "DELETE FROM driftgauge.series_result WHERE " LEFTOVER,
        "DELETE FROM driftgauge.slice_result WHERE " LEFTOVER,
        "DELETE FROM driftgauge.run WHERE " LEFTOVER,
    };
    bool found = false;
    int32_t id = 0;
    int code =
        query_id(pg, "look for an unfinished replacement",
                 "SELECT run_id FROM driftgauge.run WHERE " LEFTOVER, 2, values, &id, &found, err);
    for (size_t i = 0; i < sizeof sql / sizeof sql[0] && code == 0 && found; i++) {
        struct pg_result *r = NULL;
        code = dg_pg_query(pg, "remove an unfinished replacement", sql[i], 2, values, &r, err);
        dg_pg_clear(r);
    }
    return code;
}

static int load_baselines(struct dg_pg *pg, struct dg_pg_run *run, struct dg_error *err)
{
    char id[NUMBER];
    struct pg_result *r = NULL;
    int code = dg_pg_query(pg, "read the run's baselines",
                           "SELECT b.baseline_id, b.name FROM driftgauge.run_baseline r JOIN "
                           "driftgauge.baseline b USING (baseline_id) WHERE r.run_id = $1::integer "
                           "AND b.version <> '' ORDER BY b.baseline_id",
                           1, (const char *const[]){number(run->run_id, id)}, &r, err);
    for (int i = 0; code == 0 && i < PQntuples(r); i++) {
        const struct dg_name name = {.part = {dg_pg_text(r, i, 1)}, .n = 1};
        if (dg_names_find(&run->baselines_before, &name) == 0 &&
            dg_names_add(&run->baselines_before, &name, (int32_t)dg_pg_integer(r, i, 0, 0)) != 0) {
            code = dg_fail_memory(err);
        }
    }
    dg_pg_clear(r);
    return code;
}

static int new_run(struct dg_pg *pg, struct dg_pg_run *run, int32_t replaces, struct dg_error *err)
{
    char tenant[NUMBER], monitor[NUMBER], config[NUMBER], old[NUMBER];
    bool found = false;
    run->fresh = true;
    run->replaces = replaces;
    return query_id(pg, "begin the run",
                    "INSERT INTO driftgauge.run (tenant_id, monitor_id, config_id, name, replaces) "
                    "VALUES ($1::smallint, $2::integer, $3::integer, $4, $5::integer) "
                    "RETURNING run_id",
                    5,
                    (const char *const[]){number(run->tenant_id, tenant),
                                          number(run->monitor_id, monitor),
                                          number(run->config_id, config), run->name,
                                          replaces == 0 ? NULL : number(replaces, old)},
                    &run->run_id, &found, err);
}

static int find_run(struct dg_pg *pg, struct dg_pg_run *run, const struct dg_run_info *info,
                    bool replace, struct dg_error *err)
{
    char monitor[NUMBER];
    struct pg_result *r = NULL;
    int code =
        dg_pg_query(pg, "look for the run",
                    "SELECT r.run_id, c.hash FROM driftgauge.run r JOIN "
                    "driftgauge.config_version c USING (config_id) WHERE r.monitor_id = "
                    "$1::integer AND r.name = $2 AND r.replaces IS NULL",
                    2, (const char *const[]){number(run->monitor_id, monitor), run->name}, &r, err);
    if (code != 0) {
        return code;
    }
    if (PQntuples(r) == 0) {
        code = new_run(pg, run, 0, err);
    } else if (replace) {
        code = new_run(pg, run, (int32_t)dg_pg_integer(r, 0, 0, 0), err);
    } else if (strcmp(dg_pg_text(r, 0, 1), info->monitor->hash) != 0) {
        code = dg_fail(err, EEXIST,
                       "run \"%s\" of monitor \"%s\" was made with configuration %s, this one is "
                       "%s: give this replay another name with --run, or take the old one's place "
                       "with --replace",
                       run->name, info->monitor->name, dg_pg_text(r, 0, 1), info->monitor->hash);
    } else {
        run->run_id = (int32_t)dg_pg_integer(r, 0, 0, 0);
        code = load_baselines(pg, run, err);
    }
    dg_pg_clear(r);
    return code;
}

static int say_started(struct dg_pg *pg, const struct dg_pg_run *run, const char *inputs,
                       struct dg_error *err)
{
    char id[NUMBER];
    char *clean = dg_pg_clean(inputs, strlen(inputs));
    if (clean == NULL) {
        return dg_fail_memory(err);
    }
    struct pg_result *r = NULL;
    const int code = dg_pg_query(
        pg, "begin the run",
        "WITH started AS (UPDATE driftgauge.run SET started_at = clock_timestamp(), finished_at = "
        "NULL, inputs = $2, program = '" DG_VERSION "' WHERE run_id = $1::integer RETURNING *) "
        "INSERT INTO driftgauge.audit_log (tenant_id, action, object, detail) SELECT s.tenant_id, "
        "'run.started', s.name, jsonb_build_object('run_id', s.run_id, 'monitor', m.name, "
        "'replaces', s.replaces) FROM started s JOIN driftgauge.monitor m USING (monitor_id)",
        2, (const char *const[]){number(run->run_id, id), clean}, &r, err);
    dg_pg_clear(r);
    free(clean);
    return code;
}

int dg_pg_run_monitor(struct dg_pg *pg, const struct dg_monitor *monitor, struct dg_pg_run *run,
                      struct dg_error *err)
{
    char tenant[NUMBER], id[NUMBER];
    int code = find_or_make(pg, "name the monitor", make_monitor, 2,
                            (const char *const[]){number(run->tenant_id, tenant), monitor->name},
                            &run->monitor_id, err);
    if (code == 0) {
        code = update_monitor(pg, run, monitor, err);
    }
    if (code == 0) {
        code =
            find_or_make(pg, "name the configuration", make_config, 3,
                         (const char *const[]){tenant, number(run->monitor_id, id), monitor->hash},
                         &run->config_id, err);
    }
    return code;
}

static int open_in_transaction(struct dg_pg *pg, const struct dg_run_info *info,
                               const struct dg_pg_run_options *options, struct dg_pg_run *run,
                               struct dg_error *err)
{
    int code = dg_pg_tenant(pg, options->tenant == NULL ? "default" : options->tenant,
                            &run->tenant_id, err);
    if (code == 0) {
        code = dg_pg_run_monitor(pg, info->monitor, run, err);
    }
    if (code == 0) {
        code = lock_name(pg, run, err);
    }
    if (code == 0) {
        code = drop_leftovers(pg, run, err);
    }
    if (code == 0) {
        code = find_run(pg, run, info, options->replace, err);
    }
    return code != 0 ? code : say_started(pg, run, info->inputs == NULL ? "" : info->inputs, err);
}

int dg_pg_run_open(struct dg_pg *pg, const struct dg_run_info *info,
                   const struct dg_pg_run_options *options, struct dg_pg_run *out,
                   struct dg_error *err)
{
    if (info->run == NULL || info->run[0] == '\0') {
        return dg_fail(err, EINVAL,
                       "a replay that writes to PostgreSQL needs a name: give it one with --run");
    }
    struct dg_pg_run run = {.name = dg_pg_clean(info->run, strlen(info->run))};
    if (run.name == NULL) {
        return dg_fail_memory(err);
    }
    int code = dg_pg_run(pg, "begin the run", "BEGIN", err);
    if (code == 0) {
        code = open_in_transaction(pg, info, options, &run, err);
        if (code == 0) {
            code = dg_pg_run(pg, "begin the run", "COMMIT", err);
        } else {
            (void)!dg_pg_run(pg, "roll back", "ROLLBACK", NULL);
        }
    }
    if (code != 0) {
        dg_pg_run_deinit(&run);
        return code;
    }
    *out = run;
    return 0;
}

void dg_pg_run_deinit(struct dg_pg_run *run)
{
    dg_names_deinit(&run->baselines_before);
    free(run->name);
    *run = (struct dg_pg_run){0};
}

static int drop_replaced(struct dg_pg *pg, const struct dg_pg_run *run, struct dg_error *err)
{
    /* Deleting the old run empties `replaces` of the new one, which makes it visible. */
    char sql[320];
    snprintf(sql, sizeof sql,
             "DELETE FROM driftgauge.series_result WHERE run_id = %" PRId32
             "; DELETE FROM driftgauge.slice_result WHERE run_id = %" PRId32
             "; DELETE FROM driftgauge.run WHERE run_id = %" PRId32,
             run->replaces, run->replaces, run->replaces);
    return dg_pg_run(pg, "drop the run that this one replaces", sql, err);
}

static const char finish_sql[] =
    "WITH finished AS (UPDATE driftgauge.run SET finished_at = clock_timestamp(), "
    "first_event = timestamptz 'epoch' + $2::bigint * interval '1 microsecond', "
    "last_event = timestamptz 'epoch' + $3::bigint * interval '1 microsecond', "
    "records = $4::bigint, rows = $5::bigint, bad = $6::bigint, duplicates = $7::bigint, "
    "late = $8::bigint, out_of_order = $9::bigint, bytes = $10::bigint, windows = $11::bigint, "
    "seconds = $12::double precision, severity = $13 WHERE run_id = $1::integer RETURNING *) "
    "INSERT INTO driftgauge.audit_log (tenant_id, action, object, detail) SELECT f.tenant_id, "
    "CASE WHEN $14::integer = 0 THEN 'run.finished' ELSE 'run.replaced' END, f.name, "
    "jsonb_build_object('run_id', f.run_id, 'monitor', m.name, 'windows', f.windows) "
    "FROM finished f JOIN driftgauge.monitor m USING (monitor_id)";

static int write_totals(struct dg_pg *pg, const struct dg_pg_run *run,
                        const struct dg_run_totals *t, struct dg_error *err)
{
    uint64_t bad = 0;
    for (int i = DG_GOOD + 1; i < DG_REASONS; i++) {
        bad += t->bad[i];
    }
    const uint64_t count[] = {t->records, t->rows,         bad,      t->duplicates,
                              t->late,    t->out_of_order, t->bytes, t->windows};
    char text[14][40];
    const char *values[14];
    for (size_t i = 0; i < 14; i++) {
        values[i] = text[i];
    }
    snprintf(text[0], sizeof text[0], "%" PRId32, run->run_id);
    snprintf(text[1], sizeof text[1], "%" PRId64, t->first_us);
    snprintf(text[2], sizeof text[2], "%" PRId64, t->last_us);
    for (size_t i = 0; i < sizeof count / sizeof count[0]; i++) {
        snprintf(text[3 + i], sizeof text[0], "%" PRIu64,
                 count[i] > INT64_MAX ? INT64_MAX : count[i]);
    }
    snprintf(text[11], sizeof text[0], "%.6g", t->seconds);
    snprintf(text[12], sizeof text[0], "%s", dg_severity_name(t->severity));
    snprintf(text[13], sizeof text[0], "%" PRId32, run->replaces);
    values[1] = t->first_us == DG_TIME_NONE ? NULL : text[1];
    values[2] = t->last_us == DG_TIME_NONE ? NULL : text[2];
    struct pg_result *r = NULL;
    const int code = dg_pg_query(pg, "finish the run", finish_sql, 14, values, &r, err);
    dg_pg_clear(r);
    return code;
}

int dg_pg_run_finish(struct dg_pg *pg, const struct dg_pg_run *run,
                     const struct dg_run_totals *totals, struct dg_error *err)
{
    int code = dg_pg_run(pg, "finish the run", "BEGIN", err);
    if (code == 0 && run->replaces != 0) {
        code = drop_replaced(pg, run, err);
    }
    if (code == 0) {
        code = write_totals(pg, run, totals, err);
    }
    if (code == 0) {
        return dg_pg_run(pg, "finish the run", "COMMIT", err);
    }
    (void)!dg_pg_run(pg, "roll back", "ROLLBACK", NULL);
    return code;
}
