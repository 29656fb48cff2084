/* Goal: what a replay writes is what PostgreSQL holds, once, whole windows only, whatever happens
 * in between. Method: synthetic rows with awkward values through the sink into a real server, as
 * the role that may write and nothing else; read back through the views; the server and the process
 * are killed on the way. Run by with_postgres.sh. `test_postgres_sink bench` measures
 * instead, `seed` only writes rows. */
#include "connectors/postgres_migrate.h"
#include "connectors/postgres_sink.h"
#include "engine/result_fields.h"
#include "tests/check.h"
#include "tests/integration/server.h"
#include "tests/integration/synthetic_rows.h"

#include <errno.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOUR_US INT64_C(3600000000)
#define START   INT64_C(1577836800000000) /* 2020-01-01 */

static struct dg_monitor monitor = {.name = (char[]){"credit risk"},
                                    .hash = (char[]){"00112233aabbccdd"},
                                    .description = (char[]){"what it is for"}};
static const struct synthetic few = {.windows = 6,
                                     .slices = 8,
                                     .columns = 8,
                                     .baselines = 2,
                                     .start_us = START,
                                     .size_us = HOUR_US,
                                     .baseline_version = "f1"};
static const struct dg_postgres_sink_options writer = {
    .connection = {.db = "user=driftgauge_writer"}, .batch_rows = 200};

/* All that a run says, but for when it was written. */
static char *dump(const char *run)
{
    char sql[1024];
    snprintf(
        sql, sizeof sql,
        "SELECT (SELECT string_agg((to_jsonb(s) - 'evaluated_at')::text, E'\\n' ORDER BY time, "
        "window_size, segment, column_name, baseline) FROM driftgauge_view.series s WHERE run = "
        "'%s') || E'\\n' || (SELECT string_agg((to_jsonb(s) - 'evaluated_at')::text, E'\\n' "
        "ORDER BY time, window_size, segment) FROM driftgauge_view.slice s WHERE run = '%s')",
        run, run);
    return ask(sql);
}

struct replay {
    const struct synthetic *rows;
    const struct dg_postgres_sink_options *options;
    const char *run;
    unsigned stop_after;            /* windows; 0: all */
    void (*interrupt)(unsigned at); /* called before each window */
};

static int replay(const struct replay *r, struct dg_error *err)
{
    struct dg_sink *sink = NULL;
    const struct dg_run_info info = {r->run, &monitor, "synthetic.csv"};
    const struct dg_run_totals totals = {.records = 12345,
                                         .rows = 12000,
                                         .bad = {[DG_BAD_UTF8] = 5, [DG_BAD_TIME] = 2},
                                         .windows = r->rows->windows,
                                         .first_us = START,
                                         .last_us = DG_TIME_NONE,
                                         .seconds = 1.5,
                                         .severity = DG_WARN};
    int code = dg_postgres_sink_new(r->options, &sink, err);
    if (code != 0) {
        return code;
    }
    code = sink->ops->open(sink, &info, err);
    for (unsigned i = 0; i < r->rows->windows && code == 0; i++) {
        if (r->stop_after != 0 && i == r->stop_after) {
            sink->ops->close(sink);
            return 0;
        }
        if (r->interrupt != NULL) {
            r->interrupt(i);
        }
        code = synthetic_window(r->rows, sink, &monitor, i, err);
    }
    if (code == 0) {
        code = sink->ops->finish(sink, &totals, err);
    }
    sink->ops->close(sink);
    return code;
}

static void check_replay(const struct synthetic *rows, const char *run)
{
    struct dg_error err = {0};
    const int code = replay(&(struct replay){rows, &writer, run, 0, NULL}, &err);
    if (code != 0) {
        check_failures++;
        fprintf(stderr, "replay %s: %s\n", run, err.message);
    }
}

static void every_field_comes_back_as_it_was(void)
{
    check_replay(&few, "first");
    struct dg_pg *pg = admin();
    struct dg_error err = {0};
    for (unsigned column = 0; column < few.columns; column++) {
        const struct dg_window_id w = {monitor.name, monitor.hash, HOUR_US, START - HOUR_US, START};
        const struct dg_series_row row = synthetic_series(&few, &w, 0, 0, column, 0);
        const char *values[] = {row.column};
        struct pg_result *r = NULL;
        CHECK_INT(
            dg_pg_query(pg, "read a row",
                        "SELECT * FROM driftgauge_view.series WHERE run = 'first' AND segment = "
                        "'all' AND baseline = 'training' AND window_end = '2020-01-01' AND "
                        "column_name = $1",
                        1, values, &r, &err),
            0);
        CHECK_INT(PQntuples(r), 1);
        for (size_t i = 0; i < dg_n_series_fields && PQntuples(r) == 1; i++) {
            const struct dg_result_field *f = &dg_series_fields[i];
            const struct dg_value v = f->get(&row);
            const int at = PQfnumber(r, f->name);
            CHECK(at >= 0);
            if (at < 0 || PQgetisnull(r, 0, at) != (int)v.null) {
                check_failures++;
                fprintf(stderr, "%s of %s: null where it should not be, or the reverse\n", f->name,
                        row.column);
                continue;
            }
            if (v.null) {
                continue;
            }
            const char *text = PQgetvalue(r, 0, at);
            if (v.kind == DG_VALUE_REAL) {
                check_close(__FILE__, __LINE__, f->name, strtod(text, NULL), v.real, 0.0, 0.0);
            } else if (v.kind == DG_VALUE_COUNT) {
                CHECK_INT(strtoll(text, NULL, 10), (long long)v.count);
            } else if (v.kind == DG_VALUE_TEXT && strchr(v.text, '\xc3') == NULL) {
                CHECK_STR(text, v.text);
            }
        }
        dg_pg_clear(r);
    }
    dg_pg_close(pg);
    check_answer("SELECT window_start || ' ' || window_end || ' ' || window_size FROM "
                 "driftgauge_view.series WHERE time = '2020-01-01 05:00Z' LIMIT 1",
                 "2020-01-01 04:00:00+00 2020-01-01 05:00:00+00 01:00:00");
    check_answer("SELECT top_1 FROM driftgauge_view.series WHERE type = 'category' AND time = "
                 "'2020-01-01' LIMIT 1",
                 "Ö\"'\\\\xc3");
    check_answer("SELECT top_low[1]::text || ' ' || cardinality(spark_reference) || ' ' || "
                 "(spark_current[2] IS NULL) FROM driftgauge_view.series WHERE column_name = "
                 "'Größe' AND segment = 'all' LIMIT 1",
                 "-Infinity 20 false");
    check_answer("SELECT string_agg(DISTINCT segment, '|' ORDER BY segment) FROM "
                 "driftgauge_view.slice_name WHERE segment LIKE 'raw%' OR segment LIKE 'n%'",
                 "name=O'Brien \"x\" \\|raw=\\xff\\xfe");
    check_answer("SELECT new_field_rows::text FROM driftgauge_view.slice WHERE stream LIMIT 1",
                 "{\"neu\\\\x00es\": 17, \"Größe \\\"2\\\"\": 3}");
}

static void slice_fields_come_back_and_views_have_them_all(void)
{
    struct dg_pg *pg = admin();
    struct dg_error err = {0};
    struct pg_result *r = NULL;
    const struct dg_result_field *list[] = {dg_series_fields, dg_slice_fields};
    const size_t n[] = {dg_n_series_fields, dg_n_slice_fields};
    const char *sql[] = {"SELECT * FROM driftgauge_view.series LIMIT 1",
                         "SELECT * FROM driftgauge_view.slice WHERE NOT stream LIMIT 1"};
    for (int t = 0; t < 2; t++) {
        CHECK_INT(dg_pg_query(pg, "read", sql[t], 0, NULL, &r, &err), 0);
        for (size_t i = 0; i < n[t]; i++) {
            if (PQfnumber(r, list[t][i].name) < 0) {
                check_failures++;
                fprintf(stderr, "view %d lacks %s\n", t, list[t][i].name);
            }
        }
        if (t == 1) {
            CHECK(PQgetisnull(r, 0, PQfnumber(r, "duplicates")));
            CHECK_STR(PQgetvalue(r, 0, PQfnumber(r, "silent")), "f");
        }
        dg_pg_clear(r);
    }
    dg_pg_close(pg);
    check_answer(
        "SELECT records || ' ' || rows || ' ' || bad || ' ' || windows || ' ' || severity || "
        "' ' || finished || ' ' || (last_event IS NULL) || ' ' || first_event || ' ' || inputs "
        "FROM driftgauge_view.run WHERE run = 'first'",
        "12345 12000 7 6 warn true true 2020-01-01 00:00:00+00 synthetic.csv");
    check_answer("SELECT description FROM driftgauge_view.monitor", "what it is for");
    check_answer(
        "SELECT string_agg(action, ' ' ORDER BY time) FROM driftgauge_view.audit WHERE object "
        "= 'first'",
        "run.started run.finished");
    check_answer("SELECT count(*) || ' ' || count(*) FILTER (WHERE low = '-Infinity') FROM "
                 "driftgauge_view.contribution WHERE run = 'first' AND segment = 'all' AND time = "
                 "'2020-01-01' AND baseline = 'training'",
                 "21 1");
    check_answer("SELECT count(*) || ' ' || max(bin) FROM driftgauge_view.histogram WHERE run = "
                 "'first' AND segment = 'rest' AND time = '2020-01-01' AND column_name = 'price'",
                 "40 20");
    check_answer("SELECT text || ' ' || windows FROM driftgauge_view.episode WHERE run = 'first' "
                 "ORDER BY time LIMIT 1",
                 "feature_06 drifts against previous in all 1");
    check_answer(
        "SELECT count(*) || ' ' || min(time) FROM driftgauge_view.status WHERE run = 'first'",
        "8 2020-01-01 05:00:00+00");
}

static void the_same_replay_twice_leaves_the_same_rows_untouched(void)
{
    char *before = dump("first");
    char *written = ask("SELECT max(evaluated_at) FROM driftgauge_view.series");
    check_replay(&few, "first");
    char *after = dump("first");
    CHECK(strlen(before) > 100000);
    CHECK(strcmp(before, after) == 0);
    check_answer("SELECT max(evaluated_at) FROM driftgauge_view.series", written);
    free(before);
    free(after);
    free(written);
}

static void other_input_under_the_same_name_replaces_whole_windows(void)
{
    struct synthetic changed = few;
    changed.variation = 7;
    changed.leave_out = 2;
    check_replay(&few, "changing");
    check_replay(&changed, "changing");
    check_replay(&changed, "changed");
    check_answer("SELECT count(*) FROM driftgauge_view.series WHERE run = 'changing'",
                 "720"); /* 6 x 8 x 8 x 2 less 3 odd windows x 8 slices x 2 baselines */
    check_answer("SELECT count(*) FROM (SELECT to_jsonb(s) - 'evaluated_at' - 'run' FROM "
                 "driftgauge_view.series s WHERE run = 'changing' EXCEPT SELECT to_jsonb(s) - "
                 "'evaluated_at' - 'run' FROM driftgauge_view.series s WHERE run = 'changed') d",
                 "0");
}

static void another_configuration_or_baseline_is_refused(void)
{
    struct dg_error err = {0};
    char *before = dump("first");
    char *hash = monitor.hash;
    monitor.hash = (char[]){"ffffffffffffffff"};
    CHECK_INT(replay(&(struct replay){&few, &writer, "first", 0, NULL}, &err), EEXIST);
    CHECK(strstr(err.message, "00112233aabbccdd") != NULL && strstr(err.message, "--run") != NULL &&
          strstr(err.message, "--replace") != NULL);
    monitor.hash = hash;
    struct synthetic other = few;
    other.baseline_version = "f2";
    CHECK_INT(replay(&(struct replay){&other, &writer, "first", 0, NULL}, &err), EEXIST);
    CHECK(strstr(err.message, "another version of baseline \"training\" than f2") != NULL);
    CHECK_INT(replay(&(struct replay){&few, &writer, "", 0, NULL}, &err), EINVAL);
    char *after = dump("first");
    CHECK(strcmp(before, after) == 0);
    free(before);
    free(after);
}

static const struct dg_postgres_sink_options replacing = {
    .connection = {.db = "user=driftgauge_writer"}, .batch_rows = 200, .replace = true};

static void replace_is_invisible_until_it_is_complete(void)
{
    struct dg_error err = {0};
    struct synthetic other = few;
    other.baseline_version = "f2";
    other.variation = 3;
    char *hash = monitor.hash;
    monitor.hash = (char[]){"ffffffffffffffff"};
    char *before = dump("first");
    CHECK_INT(replay(&(struct replay){&other, &replacing, "first", 4, NULL}, &err), 0); /* killed */
    char *after = dump("first");
    CHECK(strcmp(before, after) == 0);
    check_answer("SELECT count(*) > 0 FROM driftgauge.series_result s JOIN driftgauge.run r USING "
                 "(run_id) WHERE r.replaces IS NOT NULL",
                 "t");
    CHECK_INT(replay(&(struct replay){&other, &replacing, "first", 0, NULL}, &err), 0);
    CHECK_INT(replay(&(struct replay){&other, &writer, "clean", 0, NULL}, &err), 0);
    check_answer("SELECT count(*) FROM (SELECT to_jsonb(s) - 'evaluated_at' - 'run' FROM "
                 "driftgauge_view.series s WHERE run = 'first' EXCEPT SELECT to_jsonb(s) - "
                 "'evaluated_at' - 'run' FROM driftgauge_view.series s WHERE run = 'clean') d",
                 "0");
    check_answer("SELECT count(*) || ' ' || min(config_hash) || ' ' || max(baseline_version) FROM "
                 "driftgauge_view.series WHERE run = 'first'",
                 "768 ffffffffffffffff f2");
    check_answer(
        "SELECT count(*) FROM driftgauge.series_result WHERE run_id NOT IN (SELECT run_id FROM "
        "driftgauge.run)",
        "0");
    check_answer("SELECT count(*) FROM driftgauge.run WHERE replaces IS NOT NULL", "0");
    check_answer("SELECT count(*) FROM driftgauge_view.audit WHERE action = 'run.replaced'", "1");
    monitor.hash = hash;
    free(before);
    free(after);
}

static void two_at_once_under_one_name_is_refused(void)
{
    struct dg_error err = {0};
    struct dg_sink *one = NULL;
    const struct dg_run_info info = {"locked", &monitor, ""};
    CHECK_INT(dg_postgres_sink_new(&writer, &one, &err), 0);
    CHECK_INT(one->ops->open(one, &info, &err), 0);
    CHECK_INT(replay(&(struct replay){&few, &writer, "locked", 0, NULL}, &err), EBUSY);
    CHECK(strstr(err.message, "somebody else is writing run \"locked\"") != NULL);
    one->ops->close(one);
    check_replay(&few, "locked");
}

/* Every window that is there is there as a whole. */
static void check_no_half_window(const char *run)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "SELECT coalesce(string_agg(DISTINCT n::text, ' '), 'none') FROM (SELECT count(*) AS n "
        "FROM (SELECT time FROM driftgauge_view.series WHERE run = '%s' UNION ALL SELECT time "
        "FROM driftgauge_view.slice WHERE run = '%s') t GROUP BY time) c",
        run, run);
    char *got = ask(sql);
    CHECK(strcmp(got, "136") == 0 || strcmp(got, "none") == 0); /* 8 x 8 x 2 + 8 */
    free(got);
}

static unsigned doom;

static void die(unsigned at)
{
    if (at == doom) {
        raise(SIGKILL);
    }
}

static void a_killed_replay_leaves_whole_windows_and_can_be_repeated(void)
{
    struct synthetic many = few;
    many.windows = 12;
    struct dg_postgres_sink_options small = writer;
    small.batch_rows = 1;
    check_replay(&many, "whole");
    for (doom = 1; doom < many.windows; doom += 5) {
        char run[32];
        snprintf(run, sizeof run, "killed_%u", doom);
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            struct dg_error err = {0};
            _exit(replay(&(struct replay){&many, &small, run, 0, die}, &err));
        }
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        check_no_half_window(run);
        /* The server notices the dead client only when it next reads from it. */
        struct dg_error err = {0};
        int code = EBUSY;
        for (int i = 0; i < 50 && code == EBUSY; i++) {
            code = replay(&(struct replay){&many, &writer, run, 0, NULL}, &err);
            nanosleep(&(struct timespec){.tv_nsec = code == EBUSY ? 100000000 : 0}, NULL);
        }
        CHECK_INT(code, 0);
        char sql[512];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT to_jsonb(s) - 'evaluated_at' - 'run' FROM "
                 "driftgauge_view.series s WHERE run = '%s' INTERSECT SELECT to_jsonb(s) - "
                 "'evaluated_at' - 'run' FROM driftgauge_view.series s WHERE run = 'whole') d",
                 run);
        check_answer(sql, "1536");
    }
}

static void crash_server(unsigned at)
{
    if (at == doom) {
        char verb[512];
        snprintf(verb, sizeof verb, "stop %s --crash", getenv("DG_PG_DIR"));
        server(verb);
    }
}

static void a_server_that_dies_gives_a_clean_error_and_no_half_window(void)
{
    struct dg_error err = {0};
    struct synthetic many = few;
    many.windows = 12;
    doom = 5;
    CHECK_INT(replay(&(struct replay){&many, &writer, "crashed", 0, crash_server}, &err),
              ECONNRESET);
    CHECK(strstr(err.message, "lost PostgreSQL") != NULL &&
          strstr(err.message, "start again") != NULL &&
          strstr(err.message, "driftgauge_writer") != NULL);
    CHECK_INT(replay(&(struct replay){&many, &writer, "crashed", 0, NULL}, &err), ECONNREFUSED);
    char verb[512];
    snprintf(verb, sizeof verb, "start %s", getenv("DG_PG_DIR"));
    server(verb);
    check_no_half_window("crashed");
    check_replay(&many, "crashed");
    check_answer("SELECT count(*) FROM driftgauge_view.series WHERE run = 'crashed'", "1536");
}

static void years_of_history_need_few_partitions(void)
{
    struct synthetic years = {.windows = 1500,
                              .slices = 1,
                              .columns = 1,
                              .baselines = 1,
                              .start_us = START - 1461 * 24 * HOUR_US,
                              .size_us = 24 * HOUR_US,
                              .baseline_version = "f1"};
    check_replay(&years, "years");
    check_answer("SELECT count(*) FROM driftgauge_view.series WHERE run = 'years'", "1500");
    years.variation = 5;
    check_replay(&years, "years");
    check_answer("SELECT count(*) FROM driftgauge_view.series WHERE run = 'years'", "1500");
    check_answer(
        "SELECT count(*) FROM driftgauge.result_partition WHERE parent = 'series_result' AND "
        "upper IS NOT NULL",
        "50");
    check_answer("SELECT count(*) FROM driftgauge.series_result_default", "0");
}

static void tenants_that_are_not_mine_are_refused(void)
{
    struct dg_error err = {0};
    struct dg_postgres_sink_options other = writer;
    other.tenant = "acme";
    CHECK_INT(replay(&(struct replay){&few, &other, "x", 0, NULL}, &err), EINVAL);
    CHECK(strstr(err.message, "no tenant \"acme\"") != NULL);
    struct dg_postgres_sink_options reader = writer;
    reader.connection.db = "user=driftgauge_reader";
    CHECK(replay(&(struct replay){&few, &reader, "x", 0, NULL}, &err) != 0);
}

static int prepare(void)
{
    struct dg_pg *pg = admin();
    struct dg_error err = {0};
    const struct dg_migration_list list = dg_migration_list();
    const struct dg_migrate_options options = {0};
    struct dg_sink *sink = NULL;
    const struct dg_run_info info = {"early", &monitor, ""};
    int code = dg_postgres_sink_new(&writer, &sink, &err);
    if (code == 0) { /* a database without the schema: no role yet, so as whoever the test is */
        sink->ops->close(sink);
        const struct dg_postgres_sink_options self = {.connection = {0}};
        code = dg_postgres_sink_new(&self, &sink, &err);
        CHECK_INT(sink->ops->open(sink, &info, &err), ENOENT);
        CHECK(strstr(err.message, "run driftgauge db migrate") != NULL);
        sink->ops->close(sink);
    }
    if (code == 0) {
        code = dg_schema_migrate(pg, &list, &options, &err);
    }
    if (code == 0) {
        code = dg_pg_run(pg, "let roles log in",
                         "ALTER ROLE driftgauge_writer LOGIN; ALTER ROLE driftgauge_reader LOGIN",
                         &err);
    }
    if (code != 0) {
        fprintf(stderr, "%s\n", err.message);
    }
    dg_pg_close(pg);
    return code;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of rows written once, before anything was updated. */
static void print_size(const char *table)
{
    char sql[1024];
    snprintf(
        sql, sizeof sql,
        "SELECT format('%s: heap %%s bytes/row, key %%s, BRIN %%s', (heap / n)::int, (key / "
        "n)::int, "
        "round(brin / n, 1)) FROM (SELECT sum(pg_table_size(p.relation)) AS heap FROM "
        "driftgauge.result_partition p WHERE parent = '%s') h, (SELECT sum(pg_relation_size("
        "indexrelid)) FILTER (WHERE indisprimary) AS key, sum(pg_relation_size(indexrelid)) "
        "FILTER (WHERE NOT indisprimary) AS brin FROM pg_index JOIN driftgauge.result_partition p "
        "ON indrelid = p.relation WHERE parent = '%s') i, (SELECT count(*) AS n FROM "
        "driftgauge.%s) r",
        table, table, table, table);
    char *size = ask(sql);
    printf("%s\n", size);
    free(size);
}

static int bench(void)
{
    static const size_t batches[] = {250, 1000, 4000, 16000};
    struct synthetic rows = {.windows = 100,
                             .slices = 25,
                             .columns = 20,
                             .baselines = 1,
                             .start_us = START,
                             .size_us = HOUR_US,
                             .baseline_version = "f1"};
    struct dg_error err = {0};
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        static const char *const pass[] = {"new", "same", "changed", "replace"};
        char run[32];
        snprintf(run, sizeof run, "bench_%zu", batches[i]);
        struct dg_postgres_sink_options options = writer;
        options.batch_rows = batches[i];
        for (unsigned p = 0; p < 4; p++) {
            rows.variation = p == 2;
            options.replace = p == 3;
            const double start = seconds();
            const int code = replay(&(struct replay){&rows, &options, run, 0, NULL}, &err);
            const double n = 100.0 * 25 * 21;
            printf("batch %5zu %-8s %9.0f rows/s%s%s\n", batches[i], pass[p],
                   n / (seconds() - start), code == 0 ? "" : ": ", code == 0 ? "" : err.message);
            if (i == 0 && p == 0) {
                print_size("series_result");
                print_size("slice_result");
            }
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "seed") == 0) { /* rows for docs_postgres.sh */
        check_replay(&few, "first");
        return check_failures != 0;
    }
    if (prepare() != 0) {
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "bench") == 0) {
        return bench();
    }
    return CHECK_MAIN(argc, argv, CASE(every_field_comes_back_as_it_was),
                      CASE(slice_fields_come_back_and_views_have_them_all),
                      CASE(the_same_replay_twice_leaves_the_same_rows_untouched),
                      CASE(other_input_under_the_same_name_replaces_whole_windows),
                      CASE(another_configuration_or_baseline_is_refused),
                      CASE(replace_is_invisible_until_it_is_complete),
                      CASE(two_at_once_under_one_name_is_refused),
                      CASE(a_killed_replay_leaves_whole_windows_and_can_be_repeated),
                      CASE(a_server_that_dies_gives_a_clean_error_and_no_half_window),
                      CASE(years_of_history_need_few_partitions),
                      CASE(tenants_that_are_not_mine_are_refused));
}
