/* sql/migrations.h -- the database schema's migrations as compiled into the program. */
#ifndef DG_SQL_MIGRATIONS_H
#define DG_SQL_MIGRATIONS_H

#include <stddef.h>

/* One file of sql/: statements for one transaction, without BEGIN and COMMIT. */
struct dg_migration {
    int number;         /* 1, 2, 3, ... without gaps */
    const char *name;   /* "0001_foundation" */
    const char *sha256; /* of the file's bytes, 64 lower case hex digits */
    const char *sql;    /* UTF-8, ends with a newline */
};

/* In order of their numbers. */
extern const struct dg_migration dg_migrations[];
extern const size_t dg_n_migrations;

#endif
