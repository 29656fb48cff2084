#include "connectors/postgres_migrate.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/json_text.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <string.h>

#define DAY_US INT64_C(86400000000)

/* First in every settings struct below, so that the two options fit them all. */
struct db_target {
    struct dg_pg_options connection;
};

#define TARGET_OPTIONS                                                                             \
    {.name = "db",                                                                                 \
     .kind = DG_OPTION_TEXT,                                                                       \
     .value = "TARGET",                                                                            \
     .doc = "database: a name, postgresql://... or \"host=... dbname=...\"; default: "             \
            "$DRIFTGAUGE_DB, then PGHOST, PGDATABASE, ...",                                        \
     .offset = offsetof(struct db_target, connection.db)},                                         \
    {                                                                                              \
        .name = "db-password-file", .kind = DG_OPTION_TEXT, .value = "FILE",                       \
        .complete = DG_COMPLETE_FILE, .doc = "file whose first line is the password",              \
        .offset = offsetof(struct db_target, connection.password_file)                             \
    }

int dg_db_exit(int code, const struct dg_error *err)
{
    switch (code) {
    case EINVAL:
    case EEXIST:
        return dg_report(DG_EXIT_USAGE, err);
    case ECONNREFUSED:
    case ECONNRESET:
        return dg_report(DG_EXIT_DEPENDENCY, err);
    case ETIMEDOUT:
        return dg_report(DG_EXIT_TIMEOUT, err);
    default:
        return dg_report(DG_EXIT_UNEXPECTED, err);
    }
}

/* migrate */

struct migrate_settings {
    struct db_target target;
    bool dry_run;
};

static const struct dg_option migrate_options[] = {
    TARGET_OPTIONS,
    {.name = "dry-run",
     .letter = 'n',
     .kind = DG_OPTION_FLAG,
     .doc = "say what would be done and change nothing",
     .offset = offsetof(struct migrate_settings, dry_run)},
};

struct migrate_count {
    const struct migrate_settings *settings;
    size_t n;
};

static void say_applied(void *context, const struct dg_migration *migration, double seconds)
{
    struct migrate_count *count = context;
    count->n++;
    if (count->settings->dry_run) {
        printf("would apply %s\n", migration->name);
    } else {
        printf("applied %s in %.2f s\n", migration->name, seconds);
    }
    fflush(stdout);
}

static int run_migrate(int argc, char **argv);
static const struct dg_command migrate_command = {
    .name = "migrate",
    .summary = "create or update the schema of a database",
    .description =
        "Apply the migrations that the database has not had, each in a transaction of its own. "
        "Doing it twice does nothing. A schema that was edited, or made by a newer driftgauge, is "
        "refused and left alone.\n\nThe role needs CREATE on the database and, the first time in a "
        "cluster, CREATEROLE for driftgauge_owner, driftgauge_writer and driftgauge_reader.",
    .options = migrate_options,
    .n_options = DG_COUNT_OF(migrate_options),
    .parent = &dg_db_command,
    .run = run_migrate,
};

static int run_migrate(int argc, char **argv)
{
    struct migrate_settings settings = {0};
    int code = dg_options_parse(&migrate_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    struct dg_error err = {0};
    struct dg_pg *pg = NULL;
    struct migrate_count count = {.settings = &settings};
    const struct dg_migration_list list = dg_migration_list();
    const struct dg_migrate_options options = {
        .dry_run = settings.dry_run, .applied = say_applied, .context = &count};
    code = dg_pg_connect(&settings.target.connection, &pg, &err);
    if (code == 0) {
        code = dg_schema_migrate(pg, &list, &options, &err);
    }
    if (code == 0 && count.n == 0) {
        printf("up to date: %zu migrations, nothing to do\n", list.n);
    }
    dg_pg_close(pg);
    return code == 0 ? DG_EXIT_OK : dg_db_exit(code, &err);
}

/* status */

enum form { FORM_TEXT, FORM_JSON };
static const char *const forms[] = {"text", "json", NULL};

struct status_settings {
    struct db_target target;
    int form;
};

static const struct dg_option status_options[] = {
    TARGET_OPTIONS,
    {.name = "output",
     .letter = 'o',
     .kind = DG_OPTION_WORD,
     .words = forms,
     .initial = "text",
     .doc = "how to print it",
     .offset = offsetof(struct status_settings, form)},
};

/* One row: what the schema holds. */
static const char status_query[] =
    "SELECT (SELECT count(*) FROM driftgauge.monitor) AS monitors,"
    "       (SELECT count(*) FROM driftgauge.run WHERE run_id <> 0 AND replaces IS NULL) AS runs,"
    "       (SELECT count(*) FROM driftgauge.run WHERE run_id <> 0 AND finished_at IS NULL)"
    "           AS unfinished_runs,"
    "       (SELECT count(*) FROM driftgauge.result_partition) AS partitions,"
    "       (SELECT coalesce(sum(bytes), 0) FROM driftgauge.result_partition) AS result_bytes,"
    "       (SELECT count(*) FROM driftgauge.result_partition WHERE upper > now()) AS"
    "           partitions_ahead,"
    "       EXISTS (SELECT FROM driftgauge.series_result_default)::int +"
    "       EXISTS (SELECT FROM driftgauge.slice_result_default)::int AS stray_partitions,"
    "       (SELECT count(*) FROM driftgauge.live_stream WHERE ended_at IS NULL) AS live_streams,"
    "       pg_total_relation_size('driftgauge.pane_delta') +"
    "       pg_total_relation_size('driftgauge.pane_state') AS pane_bytes";

static void print_member(const char *name, const char *value, bool quoted, const char *end)
{
    dg_json_put_text(stdout, name, strlen(name));
    putchar(':');
    if (quoted) {
        dg_json_put_text(stdout, value, strlen(value));
    } else {
        fputs(value, stdout);
    }
    fputs(end, stdout);
}

static void print_json(const struct dg_pg *pg, const struct dg_schema_state *state, size_t n,
                       const struct pg_result *r)
{
    char number[24];
    putchar('{');
    print_member("database", pg->place, true, ",");
    print_member("server_version", state->server_version, true, ",");
    snprintf(number, sizeof number, "%zu", n);
    print_member("migrations_known", number, false, ",");
    snprintf(number, sizeof number, "%d", state->newest);
    print_member("migrations_applied", number, false, ",");
    print_member("last_applied_at", state->last_applied_at, true, r == NULL ? "" : ",");
    for (int i = 0; r != NULL && i < PQnfields(r); i++) {
        print_member(PQfname(r, i), dg_pg_text(r, 0, i), false, i + 1 < PQnfields(r) ? "," : "");
    }
    puts("}");
}

static void print_text(const struct dg_pg *pg, const struct dg_schema_state *state, size_t n,
                       const struct pg_result *r)
{
    printf("%s\nPostgreSQL %s\n", pg->place, state->server_version);
    if (state->newest == 0) {
        printf("no schema: run driftgauge db migrate\n");
    } else if ((size_t)state->newest > n) {
        printf("schema %d, newer than this program's %zu: update driftgauge\n", state->newest, n);
    } else if ((size_t)state->newest < n) {
        printf("schema %d of %zu: run driftgauge db migrate\n", state->newest, n);
    } else {
        printf("schema %zu of %zu, up to date since %s\n", n, n, state->last_applied_at);
    }
    for (int i = 0; r != NULL && i < PQnfields(r); i++) {
        printf("%-18s %s\n", PQfname(r, i), dg_pg_text(r, 0, i));
    }
    if (r != NULL && dg_pg_integer(r, 0, 6, 0) > 0) {
        printf("a default partition holds rows: it should be empty, see docs/POSTGRES.md\n");
    }
}

static int run_status(int argc, char **argv);
static const struct dg_command status_command = {
    .name = "status",
    .summary = "say what a database holds",
    .description = "Print the server, the version of the schema, and how much is in it. Exit code "
                   "0 also when migrations are missing; 1 when the schema was edited.",
    .options = status_options,
    .n_options = DG_COUNT_OF(status_options),
    .parent = &dg_db_command,
    .run = run_status,
};

static int run_status(int argc, char **argv)
{
    struct status_settings settings = {0};
    int code = dg_options_parse(&status_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    struct dg_error err = {0};
    struct dg_pg *pg = NULL;
    struct pg_result *r = NULL;
    struct dg_schema_state state = {0};
    const struct dg_migration_list list = dg_migration_list();
    code = dg_pg_connect(&settings.target.connection, &pg, &err);
    if (code == 0) {
        code = dg_pg_schema_read(pg, &list, &state, &err);
    }
    if (code == 0 && state.n_applied == list.n) {
        code = dg_pg_query(pg, "read what the schema holds", status_query, 0, NULL, &r, &err);
    }
    if (code == 0) {
        (settings.form == FORM_JSON ? print_json : print_text)(pg, &state, list.n, r);
    }
    dg_pg_clear(r);
    dg_pg_close(pg);
    return code == 0 ? DG_EXIT_OK : dg_db_exit(code, &err);
}

/* print-sql */

struct print_settings {
    uint64_t from;
};

static const struct dg_option print_options[] = {
    {.name = "from",
     .kind = DG_OPTION_COUNT,
     .value = "N",
     .initial = "1",
     .least = 1,
     .most = 9999,
     .doc = "leave out migrations before number N",
     .offset = offsetof(struct print_settings, from)},
};

static const struct dg_example print_examples[] = {
    {"driftgauge db print-sql | psql -v ON_ERROR_STOP=1 ml",
     "Do by hand what db migrate does, after a look at it."},
};

static int run_print(int argc, char **argv);
static const struct dg_command print_command = {
    .name = "print-sql",
    .summary = "print the migrations as SQL",
    .description =
        "For those who review or apply SQL by tools of their own. The result is the same "
        "as that of db migrate, the record of migrations included.",
    .options = print_options,
    .n_options = DG_COUNT_OF(print_options),
    .examples = print_examples,
    .n_examples = DG_COUNT_OF(print_examples),
    .parent = &dg_db_command,
    .run = run_print,
};

static int run_print(int argc, char **argv)
{
    struct print_settings settings = {0};
    const int code = dg_options_parse(&print_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    const struct dg_migration_list list = dg_migration_list();
    for (size_t i = 0; i < list.n; i++) {
        const struct dg_migration *m = &list.migration[i];
        char record[DG_MIGRATION_RECORD_MAX];
        if ((uint64_t)m->number >= settings.from) {
            printf("-- %s.sql, SHA-256 %s\nBEGIN;\n%s\n%sCOMMIT;\n\n", m->name, m->sha256, m->sql,
                   dg_migration_record(m, record));
        }
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? DG_EXIT_OK : DG_EXIT_UNEXPECTED;
}

/* retention */

struct retention_settings {
    struct db_target target;
    int64_t older_than_us;
    bool dry_run;
};

static const struct dg_option retention_options[] = {
    TARGET_OPTIONS,
    {.name = "older-than",
     .kind = DG_OPTION_DURATION,
     .required = true,
     .doc = "drop partitions whose windows all ended longer ago than this",
     .offset = offsetof(struct retention_settings, older_than_us)},
    {.name = "dry-run",
     .letter = 'n',
     .kind = DG_OPTION_FLAG,
     .doc = "say what would be done and change nothing",
     .offset = offsetof(struct retention_settings, dry_run)},
};

static const struct dg_example retention_examples[] = {
    {"driftgauge db retention --older-than 90d --dry-run", "What would go, and how much room."},
};

#define LOCK_ATTEMPTS 3

static int drop_partition(struct dg_pg *pg, const char *name, struct dg_error *err)
{
    int code = ETIMEDOUT;
    for (int attempt = 0; attempt < LOCK_ATTEMPTS && code == ETIMEDOUT; attempt++) {
        struct pg_result *r = NULL;
        code = dg_pg_query(pg, "drop a partition", "SELECT driftgauge.drop_partition($1)", 1,
                           (const char *const[]){name}, &r, err);
        dg_pg_clear(r);
    }
    return code;
}

/* What is left of live streams that ended: their panes at once, the rest when it is old enough. */
static int forget_streams(struct dg_pg *pg, const char *age, bool dry_run, struct dg_error *err)
{
    struct pg_result *r = NULL;
    const int code = dg_pg_query(
        pg, "forget streams that ended",
        dry_run ? "SELECT count(*) FROM driftgauge.live_stream WHERE ended_at < now() - $1::bigint "
                  "* interval '1 microsecond'"
                : "SELECT driftgauge.forget_streams(now() - $1::bigint * interval '1 microsecond')",
        1, (const char *const[]){age}, &r, err);
    if (code == 0 && dg_pg_integer(r, 0, 0, 0) > 0) {
        printf("%s %lld live streams that ended\n", dry_run ? "would forget" : "forgot",
               dg_pg_integer(r, 0, 0, 0));
    }
    dg_pg_clear(r);
    return code;
}

static int apply_retention(struct dg_pg *pg, const struct retention_settings *settings,
                           struct dg_error *err)
{
    char age[24];
    struct pg_result *r = NULL;
    snprintf(age, sizeof age, "%" PRId64, settings->older_than_us);
    int code = dg_pg_query(pg, "look for old partitions",
                           "SELECT name, bytes, lower::date, kept_for FROM "
                           "driftgauge.retention_candidates(now() - "
                           "$1::bigint * interval '1 microsecond')",
                           1, (const char *const[]){age}, &r, err);
    long long bytes = 0;
    int dropped = 0;
    for (int i = 0; code == 0 && i < PQntuples(r); i++) {
        const char *name = dg_pg_text(r, i, 0);
        if (!PQgetisnull(r, i, 3)) {
            printf("kept    %s: %s is younger than that\n", name, dg_pg_text(r, i, 3));
            continue;
        }
        if (!settings->dry_run) {
            code = drop_partition(pg, name, err);
        }
        if (code == 0) {
            printf("%s %s, %lld bytes\n", settings->dry_run ? "would drop" : "dropped", name,
                   dg_pg_integer(r, i, 1, 0));
            bytes += dg_pg_integer(r, i, 1, 0);
            dropped++;
        }
    }
    dg_pg_clear(r);
    if (code == 0) {
        printf("%d partitions, %lld bytes\n", dropped, bytes);
        code = forget_streams(pg, age, settings->dry_run, err);
    }
    return code;
}

static int run_retention(int argc, char **argv);
static const struct dg_command retention_command = {
    .name = "retention",
    .summary = "drop old results",
    .description =
        "Drop the partitions whose windows all ended before the limit, one transaction each. A "
        "partition with rows of a replay that was made after the limit stays: a replay is as old "
        "as the day it was made, whatever its data. Live streams that ended lose their panes, and "
        "are forgotten when they ended before the limit. Needs the rights of driftgauge_owner.",
    .options = retention_options,
    .n_options = DG_COUNT_OF(retention_options),
    .examples = retention_examples,
    .n_examples = DG_COUNT_OF(retention_examples),
    .parent = &dg_db_command,
    .run = run_retention,
};

static int run_retention(int argc, char **argv)
{
    struct retention_settings settings = {0};
    int code = dg_options_parse(&retention_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    if (settings.older_than_us < DAY_US) {
        return dg_usage_error(&retention_command, "--older-than must be a day or more");
    }
    struct dg_error err = {0};
    struct dg_pg *pg = NULL;
    code = dg_pg_connect(&settings.target.connection, &pg, &err);
    if (code == 0) {
        code = dg_schema_check(pg, &err);
    }
    if (code == 0) {
        code = apply_retention(pg, &settings, &err);
    }
    dg_pg_close(pg);
    return code == 0 ? DG_EXIT_OK : dg_db_exit(code, &err);
}

static const struct dg_command *const db_subcommands[] = {
    &migrate_command, &status_command, &print_command, &retention_command, NULL,
};

const struct dg_command dg_db_command = {
    .name = "db",
    .summary = "create, inspect and clean up the results database",
    .description = "Results can go to PostgreSQL 15 or later, into a schema of their own.",
    .subcommands = db_subcommands,
};
