/* connectors/postgres_migrate.h -- bring a database's schema to this program's version. */
#ifndef DG_CONNECTORS_POSTGRES_MIGRATE_H
#define DG_CONNECTORS_POSTGRES_MIGRATE_H

#include "connectors/postgres.h"
#include "sql/migrations.h"

/* A list of migrations: tests bring their own. */
struct dg_migration_list {
    const struct dg_migration *migration; /* [n], numbered 1 .. n */
    size_t n;
};
/* Those compiled into the program. */
struct dg_migration_list dg_migration_list(void);

/* What a database has had. */
struct dg_schema_state {
    size_t n_applied; /* migrations 1 .. n_applied are there, unedited */
    int newest;       /* greatest number in the database; above the list's: a newer program's */
    char last_applied_at[40]; /* "2026-11-21 18:00:00+00"; "" without any */
    char server_version[40];
};

/*
 * Read what the database has had and compare. 0 also when migrations are missing or newer ones are
 * there (the caller decides); EBADMSG if one was edited after it was applied, or has another name,
 * or a number is missing: the message names it. Errors of dg_pg_query.
 */
DG_MUST_CHECK int dg_pg_schema_read(struct dg_pg *pg, const struct dg_migration_list *list,
                                    struct dg_schema_state *out, struct dg_error *err);

/* 0 if the schema is exactly this program's; ENOENT: older or none, run db migrate; EPROTO: newer,
 * update the program; EBADMSG as above. */
DG_MUST_CHECK int dg_schema_check(struct dg_pg *pg, struct dg_error *err);

struct dg_migrate_options {
    bool dry_run; /* say what would be applied, change nothing */
    /* Called after each migration (before, with dry_run). */
    void (*applied)(void *context, const struct dg_migration *migration, double seconds);
    void *context;
};

/*
 * Apply what is missing, each migration in a transaction of its own, under an advisory lock that
 * makes a second migrator wait up to 10 s, with lock_timeout 5 s so that a busy table fails the
 * migration instead of blocking everybody. EPROTO: the schema is newer than this program, nothing
 * was changed. EBADMSG: as dg_pg_schema_read. A failing statement is named by file and line; that
 * migration leaves no trace, those before it stay.
 */
DG_MUST_CHECK int dg_schema_migrate(struct dg_pg *pg, const struct dg_migration_list *list,
                                    const struct dg_migrate_options *options, struct dg_error *err);

/* The statement that records a migration; the same for migrate and print-sql. Returns buf. */
#define DG_MIGRATION_RECORD_MAX 512
char *dg_migration_record(const struct dg_migration *migration, char buf[DG_MIGRATION_RECORD_MAX]);

#endif
