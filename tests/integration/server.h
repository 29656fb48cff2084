/* tests/integration/server.h -- the server of with_postgres.sh, as its superuser: for setting up,
 * asking and breaking. */
#ifndef DG_TESTS_SERVER_H
#define DG_TESTS_SERVER_H

#include "connectors/postgres_migrate.h"
#include "tests/check.h"

#include <libpq-fe.h>

static inline struct dg_pg *admin(void)
{
    struct dg_error err = {0};
    struct dg_pg *pg = NULL;
    if (dg_pg_connect(&(struct dg_pg_options){0}, &pg, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return pg;
}

/* The first cell of the answer; the caller frees it. */
static inline char *ask(const char *sql)
{
    struct dg_pg *pg = admin();
    struct dg_error err = {0};
    struct pg_result *r = NULL;
    if (dg_pg_query(pg, "ask", sql, 0, NULL, &r, &err) != 0) {
        fprintf(stderr, "%s\n  %s\n", err.message, sql);
        exit(1);
    }
    char *answer = strdup(PQntuples(r) == 0 || PQnfields(r) == 0 ? "" : dg_pg_text(r, 0, 0));
    dg_pg_clear(r);
    dg_pg_close(pg);
    return answer;
}

static inline void check_answer(const char *sql, const char *want)
{
    char *got = ask(sql);
    if (strcmp(got, want) != 0) {
        check_failures++;
        fprintf(stderr, "%s\n  got  %s\n  want %s\n", sql, got, want);
    }
    free(got);
}

static inline void server(const char *verb)
{
    char command[1024];
    snprintf(command, sizeof command, "%s/scripts/postgres.sh %s", getenv("DG_SOURCE_DIR"), verb);
    CHECK_INT(system(command), 0);
}

/* "stop", "stop --crash", "start" */
static inline void server_of_test(const char *verb, const char *how)
{
    char text[512];
    snprintf(text, sizeof text, "%s %s %s", verb, getenv("DG_PG_DIR"), how);
    server(text);
}

/* The schema, and `sql` after it. */
static inline int prepare_server(const char *sql)
{
    struct dg_pg *pg = admin();
    struct dg_error err = {0};
    const struct dg_migration_list list = dg_migration_list();
    const struct dg_migrate_options options = {0};
    int code = dg_schema_migrate(pg, &list, &options, &err);
    if (code == 0) {
        code = dg_pg_run(pg, "let roles log in", sql, &err);
    }
    if (code != 0) {
        fprintf(stderr, "%s\n", err.message);
    }
    dg_pg_close(pg);
    return code;
}

#endif
