#include "connectors/postgres_migrate.h"
#include "connectors/clock.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lock belongs to the name, in every database its own. */
#define LOCK_KEY "hashtextextended('driftgauge.schema_migration', 0)"

struct dg_migration_list dg_migration_list(void)
{
    return (struct dg_migration_list){dg_migrations, dg_n_migrations};
}

static int schema_exists(struct dg_pg *pg, bool *exists, struct dg_error *err)
{
    struct pg_result *r = NULL;
    const int code = dg_pg_query(pg, "look for the schema",
                                 "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = "
                                 "'schema_migration' AND relnamespace = (SELECT oid FROM "
                                 "pg_catalog.pg_namespace WHERE nspname = 'driftgauge'))::int, "
                                 "current_setting('server_version')",
                                 0, NULL, &r, err);
    if (code == 0) {
        *exists = dg_pg_integer(r, 0, 0, 0) != 0;
    }
    dg_pg_clear(r);
    return code;
}

static int compare_row(const struct dg_pg *pg, const struct dg_migration_list *list,
                       const struct pg_result *r, int row, struct dg_error *err)
{
    const long long number = dg_pg_integer(r, row, 0, 0);
    const char *name = dg_pg_text(r, row, 1);
    if (number != row + 1) {
        return dg_fail(err, EBADMSG,
                       "%s has had migration %lld but not %d: its table "
                       "driftgauge.schema_migration was changed by hand, put it right first",
                       pg->place, number, row + 1);
    }
    if ((size_t)row >= list->n) {
        return 0;
    }
    const struct dg_migration *m = &list->migration[row];
    if (strcmp(m->name, name) != 0 || strcmp(m->sha256, dg_pg_text(r, row, 2)) != 0) {
        return dg_fail(err, EBADMSG,
                       "migration %s was applied to %s as %s with SHA-256 %.12s.., this program "
                       "has %.12s..: an applied migration must never be edited; use the program "
                       "that made this schema, or add a migration",
                       m->name, pg->place, name, dg_pg_text(r, row, 2), m->sha256);
    }
    return 0;
}

int dg_pg_schema_read(struct dg_pg *pg, const struct dg_migration_list *list,
                      struct dg_schema_state *out, struct dg_error *err)
{
    struct dg_schema_state state = {0};
    struct pg_result *r = NULL;
    bool exists = false;
    snprintf(state.server_version, sizeof state.server_version, "%s",
             PQparameterStatus(pg->conn, "server_version"));
    int code = schema_exists(pg, &exists, err);
    if (code == 0 && exists) {
        code = dg_pg_query(pg, "read which migrations it has had",
                           "SELECT number, name, sha256, applied_at FROM "
                           "driftgauge.schema_migration ORDER BY number",
                           0, NULL, &r, err);
        for (int i = 0; code == 0 && i < PQntuples(r); i++) {
            code = compare_row(pg, list, r, i, err);
            state.newest = (int)dg_pg_integer(r, i, 0, 0);
            state.n_applied += (size_t)i < list->n;
            snprintf(state.last_applied_at, sizeof state.last_applied_at, "%s",
                     dg_pg_text(r, i, 3));
        }
    }
    dg_pg_clear(r);
    if (code == 0) {
        *out = state;
    }
    return code;
}

static int fail_newer(const struct dg_pg *pg, const struct dg_schema_state *state, size_t n,
                      struct dg_error *err)
{
    return dg_fail(err, EPROTO,
                   "the schema of %s is at migration %d, this program knows %zu: it was made by a "
                   "newer driftgauge; update this one",
                   pg->place, state->newest, n);
}

int dg_schema_check(struct dg_pg *pg, struct dg_error *err)
{
    const struct dg_migration_list list = dg_migration_list();
    struct dg_schema_state state;
    const int code = dg_pg_schema_read(pg, &list, &state, err);
    if (code != 0) {
        return code;
    }
    if (state.newest > (int)list.n) {
        return fail_newer(pg, &state, list.n, err);
    }
    if (state.n_applied < list.n) {
        return dg_fail(err, ENOENT,
                       "%s has %zu of %zu migrations of driftgauge's schema: run driftgauge db "
                       "migrate with a role that may create it",
                       pg->place, state.n_applied, list.n);
    }
    return 0;
}

char *dg_migration_record(const struct dg_migration *migration, char buf[DG_MIGRATION_RECORD_MAX])
{
    snprintf(buf, DG_MIGRATION_RECORD_MAX,
             "INSERT INTO driftgauge.schema_migration (number, name, sha256, program)\n"
             "VALUES (%d, '%s', '%s', '" DG_VERSION "');\n",
             migration->number, migration->name, migration->sha256);
    return buf;
}

/* The server counts characters from 1; a UTF-8 continuation byte is none. */
static int line_of(const char *sql, const char *position)
{
    long left = position == NULL ? 0 : strtol(position, NULL, 10);
    int line = 1;
    for (const char *p = sql; left > 1 && *p != '\0'; p++) {
        left -= ((unsigned char)*p & 0xc0u) != 0x80u;
        line += *p == '\n';
    }
    return line;
}

static int run_file(struct dg_pg *pg, const struct dg_migration *m, struct dg_error *err)
{
    PGresult *result = PQexec(pg->conn, m->sql);
    const ExecStatusType status = PQresultStatus(result);
    int code = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        char what[160];
        const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
        if (position == NULL) {
            snprintf(what, sizeof what, "apply %s.sql", m->name);
        } else {
            snprintf(what, sizeof what, "apply %s.sql:%d", m->name, line_of(m->sql, position));
        }
        code = dg_pg_fail(pg, result, what, err);
    }
    PQclear(result);
    return code;
}

static int apply(struct dg_pg *pg, const struct dg_migration *m, struct dg_error *err)
{
    char record[DG_MIGRATION_RECORD_MAX];
    int code = dg_pg_run(pg, "begin a migration", "BEGIN; SET LOCAL lock_timeout = '5s'", err);
    if (code == 0) {
        code = run_file(pg, m, err);
    }
    if (code == 0) {
        code = dg_pg_run(pg, "record a migration", dg_migration_record(m, record), err);
    }
    if (code == 0) {
        code = dg_pg_run(pg, "commit a migration", "COMMIT", err);
    }
    if (code != 0) {
        (void)!dg_pg_run(pg, "roll back", "ROLLBACK", NULL);
    }
    return code;
}

static int apply_missing(struct dg_pg *pg, const struct dg_migration_list *list,
                         const struct dg_migrate_options *options, struct dg_error *err)
{
    struct dg_schema_state state;
    int code = dg_pg_schema_read(pg, list, &state, err);
    if (code == 0 && state.newest > (int)list->n) {
        code = fail_newer(pg, &state, list->n, err);
    }
    for (size_t i = state.n_applied; code == 0 && i < list->n; i++) {
        const double start = ((double)dg_steady_us() * 1e-6);
        if (!options->dry_run) {
            code = apply(pg, &list->migration[i], err);
        }
        if (code == 0 && options->applied != NULL) {
            options->applied(options->context, &list->migration[i],
                             ((double)dg_steady_us() * 1e-6) - start);
        }
    }
    return code;
}

int dg_schema_migrate(struct dg_pg *pg, const struct dg_migration_list *list,
                      const struct dg_migrate_options *options, struct dg_error *err)
{
    if (PQserverVersion(pg->conn) < 150000) {
        return dg_fail(err, EPROTO, "PostgreSQL, %s, is version %s: driftgauge needs 15 or later",
                       pg->place, PQparameterStatus(pg->conn, "server_version"));
    }
    if (options->dry_run) {
        return apply_missing(pg, list, options, err);
    }
    int code = dg_pg_run(pg, "wait for another migration to end",
                         "SET lock_timeout = '10s'; SELECT pg_advisory_lock(" LOCK_KEY ")", err);
    if (code != 0) {
        return code;
    }
    code = apply_missing(pg, list, options, err);
    if (PQstatus(pg->conn) == CONNECTION_OK) {
        (void)!dg_pg_run(pg, "unlock",
                         "SELECT pg_advisory_unlock(" LOCK_KEY "); RESET lock_timeout", NULL);
    }
    return code;
}
