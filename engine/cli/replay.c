/* driftgauge replay: judge files offline, through the same engine that judges the live stream. */
#include "connectors/clock.h"
#include "connectors/output.h"
#include "connectors/postgres_sink.h"
#include "connectors/report_html.h"
#include "connectors/sink_fan.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/inputs.h"
#include "engine/cli/kafka_input.h"
#include "engine/evaluator.h"
#include "engine/log.h"
#include "engine/progress.h"
#include "engine/terminal.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum out { OUT_TABLE, OUT_NDJSON, OUT_CSV, OUT_JSON, OUT_POSTGRES };
static const char *const out_words[] = {"table", "ndjson", "csv", "json", "postgres", NULL};
enum { ROWS_SERIES, ROWS_SLICES };
static const char *const row_words[] = {"series", "slices", NULL};
static const char *const fail_words[] = {"never", "warn", "critical", NULL};

struct settings {
    const char *config;
    struct dg_words inputs, operands;
    int64_t from_us, to_us;
    int out, rows;
    const char *report, *report_json;
    const char *run;
    bool replace;
    struct dg_pg_options db;
    struct dg_kafka_input_options kafka;
    uint64_t lanes;
    uint64_t memory_mb;
    const char *max_bad;
    int fail_on;
    int progress;
};

static const struct dg_option options[] = {
    {.name = "config",
     .letter = 'c',
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .required = true,
     .complete = DG_COMPLETE_FILE,
     .doc = "monitor file",
     .offset = offsetof(struct settings, config)},
    {.name = "input",
     .letter = 'i',
     .kind = DG_OPTION_LIST,
     .value = "FILE",
     .complete = DG_COMPLETE_FILE,
     .doc = "events: CSV, NDJSON or Avro container, plain, gzip or zstd; - is standard input; "
            "kafka://TOPIC is a topic as it is now; more may follow",
     .offset = offsetof(struct settings, inputs)},
    {.name = "from",
     .kind = DG_OPTION_TIME,
     .doc = "give only windows that end after this",
     .offset = offsetof(struct settings, from_us)},
    {.name = "to",
     .kind = DG_OPTION_TIME,
     .doc = "give only windows that end at or before this",
     .offset = offsetof(struct settings, to_us)},
    {.name = "out",
     .letter = 'o',
     .kind = DG_OPTION_WORD,
     .words = out_words,
     .initial = "table",
     .doc = "where the results go; postgres prints the table as well",
     .offset = offsetof(struct settings, out)},
    {.name = "rows",
     .kind = DG_OPTION_WORD,
     .words = row_words,
     .initial = "series",
     .doc = "which rows --out csv writes",
     .offset = offsetof(struct settings, rows)},
    {.name = "report",
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .complete = DG_COMPLETE_FILE,
     .doc = "write an HTML report as well",
     .offset = offsetof(struct settings, report)},
    {.name = "report-json",
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .complete = DG_COMPLETE_FILE,
     .doc = "write the report's content as JSON as well",
     .offset = offsetof(struct settings, report_json)},
    {.name = "run",
     .kind = DG_OPTION_TEXT,
     .value = "NAME",
     .initial = "replay",
     .doc = "name of the run in the database: the same run again gives the same rows",
     .offset = offsetof(struct settings, run)},
    {.name = "replace",
     .kind = DG_OPTION_FLAG,
     .doc = "a run of that name with another configuration or baseline is replaced",
     .offset = offsetof(struct settings, replace)},
    {.name = "db",
     .kind = DG_OPTION_TEXT,
     .value = "TARGET",
     .doc = "database for --out postgres: a name, postgresql://... or \"host=... dbname=...\"; "
            "default: $DRIFTGAUGE_DB, then PGHOST, PGDATABASE, ...",
     .offset = offsetof(struct settings, db.db)},
    {.name = "db-password-file",
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .complete = DG_COMPLETE_FILE,
     .doc = "file whose first line is the password",
     .offset = offsetof(struct settings, db.password_file)},
    DG_KAFKA_INPUT_OPTIONS(struct settings, kafka),
    {.name = "lanes",
     .kind = DG_OPTION_COUNT,
     .least = 0,
     .most = 64,
     .initial = "0",
     .doc = "threads that decode and count; 0: one per core; results do not depend on it",
     .offset = offsetof(struct settings, lanes)},
    {.name = "memory",
     .kind = DG_OPTION_COUNT,
     .value = "MB",
     .least = 16,
     .most = 1e6,
     .initial = "256",
     .doc = "memory for open panes in MB; more than that is packed early",
     .offset = offsetof(struct settings, memory_mb)},
    {.name = "max-bad",
     .kind = DG_OPTION_TEXT,
     .value = "N|SHARE%",
     .initial = "1%",
     .doc = "bad records tolerated, as a number or a share of all; more: exit code 5",
     .offset = offsetof(struct settings, max_bad)},
    {.name = "fail-on",
     .kind = DG_OPTION_WORD,
     .words = fail_words,
     .initial = "never",
     .doc = "exit 11 (warn) or 21 (critical) when the verdict is that bad, 5 when no window "
            "was evaluated",
     .offset = offsetof(struct settings, fail_on)},
    {.name = "progress",
     .kind = DG_OPTION_WORD,
     .words = dg_progress_words,
     .initial = "auto",
     .doc = "how progress is shown on standard error; auto: a bar on a terminal, else lines; json "
            "or off under --log-format json and logfmt",
     .offset = offsetof(struct settings, progress)},
};

static const struct dg_example examples[] = {
    {"driftgauge replay -c monitor.yaml --input events.csv --report report.html",
     "Judge a file, print the verdict, write a report."},
    {"driftgauge replay -c monitor.yaml --input day1.avro day2.avro --out ndjson --lanes 4",
     "Every row of two Avro files as JSON lines, on four threads."},
    {"zcat events.ndjson.gz | driftgauge replay -c monitor.yaml --input - --fail-on critical",
     "A gate in a pipeline: exit code 21 if something drifted."},
    {"driftgauge replay -c monitor.yaml --input kafka://scores --from 2026-11-01 --to 2026-11-08",
     "The windows of a week, from what the topic holds: the rows that run gives."},
};

const struct dg_command dg_replay_command = {
    .name = "replay",
    .summary = "judge files of events, or a topic, against baselines",
    .description =
        "Read event files to their end, evaluate every window of the monitor as the live engine "
        "would, and give a row per window, slice, column and baseline.\n\nThe result is a function "
        "of the files, the monitor and the baselines alone: the number of lanes, the order of rows "
        "within the tolerated disorder and the way rows are spread over files do not change a bit "
        "of it.\n\nBad records never stop a replay: they are counted by reason and reported with "
        "their place.",
    .operands = "[FILE...]",
    .operand_doc = "more input files",
    .complete_operands = DG_COMPLETE_FILE,
    .operands_offset = offsetof(struct settings, operands),
    .options = options,
    .n_options = DG_COUNT_OF(options),
    .examples = examples,
    .n_examples = DG_COUNT_OF(examples),
    .run = dg_command_replay,
};

/* Everything a run owns, released in one place. */
struct run {
    struct settings settings;
    struct dg_loaded loaded;
    struct dg_input_files files;
    struct dg_kafka_input kafka;
    struct dg_plan plan;
    struct dg_source *source;
    struct dg_store *store;
    struct dg_sink *sink;
    struct dg_evaluator *evaluator;
    struct dg_progress progress;
    struct dg_progress_sample sample;
    char *inputs; /* file names for people */
    struct dg_replay_result result;
    double seconds;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static int64_t monotonic_us(void *context)
{
    (void)context;
    return dg_steady_us();
}

static int show_progress(void *arg, const struct dg_replay_progress *p)
{
    struct run *r = arg;
    r->sample = (struct dg_progress_sample){.bytes = p->bytes_done,
                                            .bytes_total = p->bytes_total,
                                            .rows = p->records,
                                            .bad = p->bad,
                                            .event_us = p->event_time_us};
    dg_progress_update(&r->progress, &r->sample);
    return interrupted;
}

/* "12" or "0.5%": how many bad records of `records` are tolerated. False if it is neither. */
static bool tolerated(const char *text, uint64_t records, uint64_t *n)
{
    char *end = NULL;
    errno = 0;
    const double x = strtod(text, &end);
    if (end == text || errno != 0 || !(x >= 0.0) || x > 1e18) {
        return false;
    }
    if (strcmp(end, "%") == 0) {
        *n = x >= 100.0 ? records : (uint64_t)((double)records * x / 100.0);
        return true;
    }
    *n = (uint64_t)x;
    return *end == '\0' && (double)*n == x;
}

static int open_plan(struct run *r)
{
    int rc = dg_load_monitor(r->settings.config, &r->loaded);
    rc = rc != 0 ? rc : dg_load_baselines(&r->loaded);
    if (rc != 0) {
        return rc;
    }
    struct dg_error err = {0};
    rc = dg_plan_init(&r->plan, r->loaded.monitor, r->loaded.main, NULL, &err);
    return rc == 0 ? 0 : dg_report(rc == ENOMEM ? DG_EXIT_UNEXPECTED : DG_EXIT_CONFIG, &err);
}

static int open_topics(struct run *r)
{
    struct dg_error err = {0};
    int rc =
        dg_kafka_input_prepare(&r->kafka, &r->files, r->loaded.monitor, &r->settings.kafka, &err);
    if (rc != 0) {
        return dg_report(rc == ENOMEM ? DG_EXIT_UNEXPECTED : DG_EXIT_CONFIG, &err);
    }
    rc = dg_kafka_input_open(&r->kafka, &r->plan.projection, &r->source, &err);
    return rc == 0 ? 0 : dg_report(dg_kafka_input_exit(rc), &err);
}

static int open_source(struct run *r)
{
    struct dg_error err = {0};
    bool topics = false;
    int rc = dg_input_files_init(&r->files, &r->settings.inputs, &r->settings.operands, &err);
    if (rc == 0 && r->files.n == 0) {
        return dg_usage_error(&dg_replay_command, "no input: give --input FILE");
    }
    if (rc == 0 && dg_kafka_input_wanted(&r->files, &topics, &err) != 0) {
        return dg_usage_error(&dg_replay_command, "%s", err.message);
    }
    if (rc == 0 && topics) {
        return open_topics(r);
    }
    const struct dg_file_options how = dg_file_options_of(r->loaded.monitor);
    rc = rc != 0 ? rc
                 : dg_file_source_open(r->files.path, r->files.n, &how, &r->plan.projection,
                                       &r->source, &err);
    return rc == 0 ? 0 : dg_report(dg_input_exit(rc), &err);
}

static bool known_field(const struct run *r, const char *path)
{
    bool any = false;
    for (uint32_t p = 0; p < r->source->n_partitions; p++) {
        const char *const *names = NULL;
        size_t n = 0;
        r->source->ops->fields(r->source, p, &names, &n);
        any = any || n > 0;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(names[i], path) == 0) {
                return true;
            }
        }
    }
    return !any; /* only records will tell */
}

/* A monitor whose timestamp no input has would reject every record; say so before reading. */
static int check_fields(const struct run *r)
{
    struct dg_error err;
    for (size_t i = 0; i < r->plan.projection.n; i++) {
        const char *path = r->plan.projection.field[i].path;
        if (path[0] == '/' || known_field(r, path)) {
            continue;
        }
        if ((int)i == r->plan.projection.time) {
            dg_fail(&err, EINVAL,
                    "%s: no input has the timestamp column \"%s\"; see columns.timestamp",
                    r->settings.config, path);
            return dg_report(DG_EXIT_DATA, &err);
        }
        dg_log(DG_LOG_WARNING, "missing_field",
               "no input has the column \"%s\": it counts as absent", path);
    }
    return 0;
}

static int open_text_sink(struct run *r, struct dg_sink **out, struct dg_error *err)
{
    const struct dg_output output = {stdout, "standard output"};
    switch ((enum out)r->settings.out) {
    case OUT_NDJSON:
        return dg_output_ndjson_new(&output, out, err);
    case OUT_CSV:
        return dg_output_csv_new(
            &output, r->settings.rows == ROWS_SERIES ? DG_OUTPUT_SERIES : DG_OUTPUT_SLICES, out,
            err);
    case OUT_JSON:
        return dg_output_json_new(&output, out, err);
    case OUT_TABLE:
    case OUT_POSTGRES:
        break;
    }
    const struct dg_terminal t = dg_terminal_of(stdout, dg_common()->no_color);
    const struct dg_table_options look = {
        .colors = t.colors, .unicode = t.unicode, .width = t.width};
    return dg_output_table_new(&output, &look, out, err);
}

static int open_sinks(struct run *r)
{
    struct dg_sink *sink[3] = {0};
    size_t n = 0;
    struct dg_error err = {0};
    int rc = 0;
    if (r->settings.out == OUT_POSTGRES) { /* the first to open: it is the one that may refuse */
        const struct dg_postgres_sink_options target = {.connection = r->settings.db,
                                                        .replace = r->settings.replace};
        rc = dg_postgres_sink_new(&target, &sink[n], &err);
        n += rc == 0;
    }
    if (rc == 0) {
        rc = open_text_sink(r, &sink[n], &err);
        n += rc == 0;
    }
    if (rc == 0 && (r->settings.report != NULL || r->settings.report_json != NULL)) {
        rc = dg_report_sink_open(r->settings.report, r->settings.report_json, NULL, &sink[n], &err);
        n += rc == 0;
    }
    if (rc != 0) {
        for (size_t i = 0; i < n; i++) {
            sink[i]->ops->close(sink[i]);
        }
        return dg_report(DG_EXIT_UNEXPECTED, &err);
    }
    rc = dg_sink_fan_new(sink, n, &r->sink, &err);
    return rc == 0 ? 0 : dg_report(DG_EXIT_UNEXPECTED, &err);
}

static int name_inputs(struct run *r)
{
    size_t len = 1;
    for (size_t i = 0; i < r->files.n; i++) {
        len += strlen(r->files.path[i]) + 2;
    }
    r->inputs = calloc(len, 1);
    for (size_t i = 0; r->inputs != NULL && i < r->files.n; i++) {
        strcat(strcat(r->inputs, i == 0 ? "" : ", "), r->files.path[i]);
    }
    return r->inputs == NULL ? ENOMEM : 0;
}

/* --lanes, or one per core. */
static uint32_t lanes_of(const struct settings *s)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return s->lanes != 0 ? (uint32_t)s->lanes : cores < 1 ? 1 : cores > 64 ? 64 : (uint32_t)cores;
}

static int open_engine(struct run *r)
{
    struct dg_error err = {0};
    const struct settings *s = &r->settings;
    const struct dg_evaluator_options how = {
        .file = (const struct dg_baseline *const *)r->loaded.file,
        .from_us = s->from_us == DG_TIME_NONE ? INT64_MIN : s->from_us,
        .to_us = s->to_us == DG_TIME_NONE ? INT64_MAX : s->to_us,
        .threads = lanes_of(s)};
    int rc = name_inputs(r) != 0 ? dg_fail_memory(&err) : 0;
    rc = rc != 0 ? rc : dg_memory_store_open(&r->plan, &r->store, &err);
    rc = rc != 0 ? rc : dg_evaluator_open(&r->plan, r->store, r->sink, &how, &r->evaluator, &err);
    if (rc == 0) {
        const struct dg_run_info info = {
            .run = s->run, .monitor = r->loaded.monitor, .inputs = r->inputs};
        rc = r->sink->ops->open(r->sink, &info, &err);
        if (rc != 0 && s->out == OUT_POSTGRES) {
            return dg_db_exit(rc, &err);
        }
    }
    return rc == 0 ? 0 : dg_report(rc == EINVAL ? DG_EXIT_CONFIG : DG_EXIT_UNEXPECTED, &err);
}

/* Of each reason the first place, by partition, that was kept as an example. */
static void name_first_bad(const struct run *r, struct dg_run_totals *t)
{
    uint32_t partition[DG_REASONS] = {0};
    for (size_t i = 0; i < r->result.n_examples; i++) {
        const struct dg_bad_example *e = &r->result.example[i];
        struct dg_bad_place *first = &t->first_bad[e->reason];
        if (first->source == NULL || e->partition < partition[e->reason] ||
            (e->partition == partition[e->reason] && e->place < first->place)) {
            partition[e->reason] = e->partition;
            first->source = r->source->ops->partition_name(r->source, e->partition);
            first->place = e->place;
        }
    }
}

static struct dg_run_totals totals_of(const struct run *r)
{
    const struct dg_admission_totals *a = &r->result.totals;
    struct dg_run_totals t = {.records = a->records,
                              .rows = a->rows,
                              .duplicates = a->duplicates,
                              .late = a->late,
                              .out_of_order = a->out_of_order,
                              .bytes = r->result.bytes,
                              .first_us = a->first_us,
                              .last_us = a->last_us,
                              .seconds = r->seconds,
                              .severity = dg_evaluator_severity(r->evaluator)};
    memcpy(t.bad, a->bad, sizeof t.bad);
    name_first_bad(r, &t);
    for (size_t i = 0; i < r->loaded.monitor->n_windows; i++) {
        t.windows += dg_evaluator_windows(r->evaluator, i);
    }
    return t;
}

/* What the reader should know that no row says. */
static void say_remarks(const struct run *r)
{
    const struct dg_monitor *m = r->loaded.monitor;
    const struct dg_admission_totals *t = &r->result.totals;
    for (size_t i = 0; i < m->n_windows && t->rows > 0; i++) {
        if (dg_evaluator_windows(r->evaluator, i) == 0) {
            char size[DG_TIME_TEXT], span[DG_TIME_TEXT];
            dg_log(
                DG_LOG_WARNING, "no_window",
                "no window of %s was evaluated: the events span %s, or --from and --to leave none",
                dg_duration_format(m->window[i].size_us, size),
                dg_duration_format((t->last_us - t->first_us) / DG_US_PER_S * DG_US_PER_S, span));
        }
    }
    if (dg_evaluator_silent_left_out(r->evaluator) > 0) {
        dg_log(DG_LOG_WARNING, "silence",
               "%" PRIu64 " windows without a row, beyond %d in a row, are left out; are the "
               "timestamps right?",
               dg_evaluator_silent_left_out(r->evaluator), DG_SILENT_WINDOWS_MAX);
    }
    if (t->ids_unchecked > 0) {
        dg_log(DG_LOG_WARNING, "ids_unchecked",
               "%" PRIu64 " ids were not checked for duplicates: more than a pane can remember",
               t->ids_unchecked);
    }
    if (r->plan.slicer.overflow_rows > 0) {
        dg_log(DG_LOG_WARNING, "groups_overflow",
               "%" PRIu64 " rows of further versions and variants were put together as \"rest\"; "
               "raise limits.max_series",
               r->plan.slicer.overflow_rows);
    }
    dg_report_bad(t->bad, r->result.example, r->result.n_examples, r->source);
}

static int too_bad(const struct run *r)
{
    uint64_t bad = 0, limit = 0;
    for (size_t i = 1; i < DG_REASONS; i++) {
        bad += r->result.totals.bad[i];
    }
    if (!tolerated(r->settings.max_bad, r->result.totals.records, &limit)) {
        return dg_usage_error(&dg_replay_command,
                              "--max-bad wants a number or a share such as 0.5%%, not \"%s\"",
                              r->settings.max_bad);
    }
    if (bad <= limit) {
        return 0;
    }
    struct dg_error err;
    dg_fail(&err, EINVAL,
            "%" PRIu64 " of %" PRIu64 " records are bad, more than --max-bad %s allows", bad,
            r->result.totals.records, r->settings.max_bad);
    return dg_report(DG_EXIT_DATA, &err);
}

/* Messages that are to be parsed are not mixed with progress for people. */
static enum dg_progress_mode progress_mode(const struct run *r)
{
    const enum dg_progress_mode asked = (enum dg_progress_mode)r->settings.progress;
    if (dg_common()->quiet) {
        return DG_PROGRESS_OFF;
    }
    return asked != DG_PROGRESS_AUTO                  ? asked
           : dg_common()->log_format == DG_LOG_JSON   ? DG_PROGRESS_JSON
           : dg_common()->log_format == DG_LOG_LOGFMT ? DG_PROGRESS_OFF
                                                      : asked;
}

/* A gate must not let pass what it has not seen. */
static int too_little(const struct run *r)
{
    uint64_t windows = 0;
    for (size_t i = 0; i < r->loaded.monitor->n_windows; i++) {
        windows += dg_evaluator_windows(r->evaluator, i);
    }
    if (r->settings.fail_on == DG_OK || windows > 0) {
        return 0;
    }
    struct dg_error err;
    dg_fail(&err, ENODATA, "no window was evaluated: --fail-on %s has nothing to judge by",
            fail_words[r->settings.fail_on]);
    return dg_report(DG_EXIT_DATA, &err);
}

static int run_engine(struct run *r)
{
    struct dg_error err = {0};
    const struct dg_replay_options how = {.lanes = lanes_of(&r->settings),
                                          .memory_bytes = (size_t)r->settings.memory_mb << 20,
                                          .progress = show_progress,
                                          .progress_arg = r};
    const int64_t began = dg_steady_us();
    const struct dg_progress_options look = {.mode = progress_mode(r),
                                             .stream = stderr,
                                             .what = r->files.n == 1 ? r->files.path[0]
                                                                     : r->loaded.monitor->name,
                                             .now_us = monotonic_us};
    dg_progress_begin(&r->progress, &look, dg_common()->no_color);
    int rc = dg_replay(&r->plan, r->source, r->store, r->evaluator, &how, &r->result, &err);
    dg_progress_finish(&r->progress, &r->sample);
    r->seconds = (double)(dg_steady_us() - began) / 1e6;
    if (rc == 0) {
        const struct dg_run_totals totals = totals_of(r);
        say_remarks(r);
        rc = r->sink->ops->finish(r->sink, &totals, &err);
    }
    if (rc != 0) {
        return r->settings.out == OUT_POSTGRES && rc != EINTR ? dg_db_exit(rc, &err)
               : rc == EINTR                                  ? dg_report(DG_EXIT_INTERRUPTED, &err)
                                                              : dg_report(DG_EXIT_UNEXPECTED, &err);
    }
    return 0;
}

static void release(struct run *r)
{
    dg_evaluator_close(r->evaluator);
    if (r->sink != NULL) {
        r->sink->ops->close(r->sink);
    }
    if (r->store != NULL) {
        r->store->ops->close(r->store);
    }
    if (r->source != NULL) {
        r->source->ops->close(r->source);
    }
    dg_kafka_input_deinit(&r->kafka);
    dg_plan_deinit(&r->plan);
    dg_loaded_deinit(&r->loaded);
    dg_input_files_deinit(&r->files);
    dg_words_deinit(&r->settings.inputs);
    dg_words_deinit(&r->settings.operands);
    free(r->inputs);
}

int dg_command_replay(int argc, char **argv)
{
    struct run r = {0};
    int code = dg_options_parse(&dg_replay_command, argc, argv, &r.settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    uint64_t limit = 0;
    if (!tolerated(r.settings.max_bad, 0, &limit)) {
        code = too_bad(&r);
        release(&r);
        return code;
    }
    if (r.settings.to_us != DG_TIME_NONE && r.settings.from_us != DG_TIME_NONE &&
        r.settings.to_us <= r.settings.from_us) {
        code = dg_usage_error(&dg_replay_command, "--to must be later than --from");
        release(&r);
        return code;
    }
    signal(SIGINT, on_interrupt);
    code = open_plan(&r);
    code = code != 0 ? code : open_source(&r);
    code = code != 0 ? code : check_fields(&r);
    code = code != 0 ? code : open_sinks(&r);
    code = code != 0 ? code : open_engine(&r);
    code = code != 0 ? code : run_engine(&r);
    code = code != 0 ? code : too_bad(&r);
    code = code != 0 ? code : too_little(&r);
    if (code == 0) {
        code = dg_exit_of_severity(dg_evaluator_severity(r.evaluator),
                                   (enum dg_severity)r.settings.fail_on);
    }
    release(&r);
    return code;
}
