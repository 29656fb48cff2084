/* driftgauge baseline build | show | diff. */
#include "engine/baseline_build.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/inputs.h"
#include "engine/cli/kafka_input.h"
#include "engine/compare.h"
#include "engine/json_text.h"
#include "engine/log.h"
#include "engine/plan.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_TABLE, FORM_JSON };
static const char *const forms[] = {"table", "json", NULL};

/* build */

struct build_settings {
    const char *config, *out, *name;
    struct dg_words inputs, operands;
    struct dg_kafka_input_options kafka;
    bool force;
};

static const struct dg_option build_options[] = {
    {.name = "config",
     .letter = 'c',
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .required = true,
     .complete = DG_COMPLETE_FILE,
     .doc = "monitor file: which columns and segments",
     .offset = offsetof(struct build_settings, config)},
    {.name = "input",
     .letter = 'i',
     .kind = DG_OPTION_LIST,
     .value = "FILE",
     .complete = DG_COMPLETE_FILE,
     .doc = "the sample: CSV, NDJSON or Avro container, plain, gzip or zstd; kafka://TOPIC is a "
            "topic as it is now; more may follow",
     .offset = offsetof(struct build_settings, inputs)},
    {.name = "out",
     .letter = 'o',
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .required = true,
     .complete = DG_COMPLETE_FILE,
     .doc = "the baseline file to write",
     .offset = offsetof(struct build_settings, out)},
    {.name = "name",
     .kind = DG_OPTION_TEXT,
     .value = "NAME",
     .doc = "what to call it; default: the file's name without its endings",
     .offset = offsetof(struct build_settings, name)},
    {.name = "force",
     .letter = 'f',
     .kind = DG_OPTION_FLAG,
     .doc = "write over a file that exists",
     .offset = offsetof(struct build_settings, force)},
    DG_KAFKA_INPUT_OPTIONS(struct build_settings, kafka),
};

static const struct dg_example build_examples[] = {
    {"driftgauge baseline build -c monitor.yaml --input training.csv --out training.baseline.json",
     "Bins, dictionaries and reference counts from the training data."},
};

static int run_build(int argc, char **argv);
static const struct dg_command build_command = {
    .name = "build",
    .summary = "make a baseline from a sample",
    .description =
        "Read the sample twice: once to choose the bins of every numeric column, the dictionary of "
        "every category and the values of every segment, once to count. The file is immutable: its "
        "version is a hash of its content, and every result names the version it was compared "
        "with.\n\nA hundred thousand rows are plenty, a million more than enough; fewer than a few "
        "thousand make every comparison less sure.",
    .operands = "[FILE...]",
    .operand_doc = "more input files",
    .complete_operands = DG_COMPLETE_FILE,
    .operands_offset = offsetof(struct build_settings, operands),
    .options = build_options,
    .n_options = DG_COUNT_OF(build_options),
    .examples = build_examples,
    .n_examples = DG_COUNT_OF(build_examples),
    .parent = &dg_baseline_command,
    .run = run_build,
};

struct opening {
    const struct dg_input_files *files;
    struct dg_file_options how;
    struct dg_kafka_input kafka;
    bool topics;
};

static int open_sample(void *arg, const struct dg_projection *projection, struct dg_source **out,
                       struct dg_error *err)
{
    const struct opening *o = arg;
    return o->topics
               ? dg_kafka_input_open(&o->kafka, projection, out, err)
               : dg_file_source_open(o->files->path, o->files->n, &o->how, projection, out, err);
}

/* "dir/training.baseline.json" -> "training" */
static char *stem_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    return strndup(base, strcspn(base, ".") == 0 ? strlen(base) : strcspn(base, "."));
}

static void say_built(const struct dg_baseline *b, const char *path)
{
    char first[DG_TIME_TEXT], last[DG_TIME_TEXT];
    printf("%s: baseline \"%s\" of %" PRIu64 " rows, %zu column%s, %zu segment%s\nversion %s\n",
           path, b->name, b->rows, b->n_columns, b->n_columns == 1 ? "" : "s", b->n_segments,
           b->n_segments == 1 ? "" : "s", b->version);
    if (b->first_us != DG_TIME_NONE) {
        printf("events from %s to %s\n", dg_time_format(b->first_us, first),
               dg_time_format(b->last_us, last));
    }
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static int stop_if_interrupted(void *arg, int pass, const struct dg_replay_progress *p)
{
    (void)arg;
    (void)pass;
    (void)p;
    return interrupted;
}

static int build_and_save(const struct build_settings *s, const struct dg_loaded *l,
                          const struct dg_input_files *files)
{
    struct dg_error err = {0};
    struct opening opening = {.files = files, .how = dg_file_options_of(l->monitor)};
    if (dg_kafka_input_wanted(files, &opening.topics, &err) != 0) {
        return dg_usage_error(&build_command, "%s", err.message);
    }
    if (opening.topics &&
        dg_kafka_input_prepare(&opening.kafka, files, l->monitor, &s->kafka, &err) != 0) {
        dg_kafka_input_deinit(&opening.kafka);
        return dg_report(DG_EXIT_CONFIG, &err);
    }
    char *stem = stem_of(s->out);
    struct dg_baseline_report report = {0};
    struct dg_baseline *baseline = NULL;
    const struct dg_baseline_request request = {.monitor = l->monitor,
                                                .name = s->name != NULL ? s->name : stem,
                                                .source = files->path[0],
                                                .open = open_sample,
                                                .open_arg = &opening,
                                                .progress = stop_if_interrupted};
    signal(SIGINT, on_interrupt);
    int rc =
        stem == NULL ? dg_fail_memory(&err) : dg_baseline_build(&request, &baseline, &report, &err);
    dg_report_bad(report.bad, report.example, report.n_examples, NULL);
    int code = rc == 0 ? 0 : opening.topics ? dg_kafka_input_exit(rc) : dg_input_exit(rc);
    if (rc == 0) {
        rc = dg_baseline_save(baseline, s->out, &err);
        code = rc == 0 ? 0 : DG_EXIT_UNEXPECTED;
    }
    if (rc == 0) {
        say_built(baseline, s->out);
    }
    dg_baseline_free(baseline);
    dg_kafka_input_deinit(&opening.kafka);
    free(stem);
    return rc == 0 ? 0 : dg_report(code, &err);
}

static bool exists(const char *path)
{
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        fclose(f);
    }
    return f != NULL;
}

static int run_build(int argc, char **argv)
{
    struct build_settings s = {0};
    struct dg_loaded l = {0};
    struct dg_input_files files = {0};
    struct dg_error err = {0};
    int code = dg_options_parse(&build_command, argc, argv, &s);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    if (dg_input_files_init(&files, &s.inputs, &s.operands, &err) != 0) {
        code = dg_report(DG_EXIT_UNEXPECTED, &err);
    } else if (files.n == 0) {
        code = dg_usage_error(&build_command, "no input: give --input FILE");
    } else if (exists(s.out) && !s.force) {
        dg_fail(&err, EEXIST,
                "%s exists; a baseline is never changed in place: choose another name, "
                "or say --force",
                s.out);
        code = dg_report(DG_EXIT_USAGE, &err);
    } else {
        code = dg_load_monitor(s.config, &l);
    }
    if (code == DG_OPTIONS_GO || code == 0) {
        if (l.monitor->features_from_data) {
            dg_fail(&err, EINVAL,
                    "%s: columns.features lists nothing to build a baseline of; list the "
                    "columns, or let `driftgauge init --from %s` write the file",
                    s.config, files.path[0]);
            code = dg_report(DG_EXIT_CONFIG, &err);
        } else {
            code = build_and_save(&s, &l, &files);
        }
    }
    dg_loaded_deinit(&l);
    dg_input_files_deinit(&files);
    dg_words_deinit(&s.inputs);
    dg_words_deinit(&s.operands);
    return code;
}

/* show */

struct show_settings {
    struct dg_words files;
    int form;
};

static const struct dg_option show_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = DG_OPTION_WORD,
     .words = forms,
     .initial = "table",
     .doc = "how to print it",
     .offset = offsetof(struct show_settings, form)},
};

static int run_show(int argc, char **argv);
static const struct dg_command show_command = {
    .name = "show",
    .summary = "describe a baseline file",
    .description = "Check the file and say what it holds: columns, bins, moments, missing values.",
    .operands = "FILE",
    .operand_doc = "baseline file",
    .least_operands = 1,
    .most_operands = 1,
    .complete_operands = DG_COMPLETE_FILE,
    .operands_offset = offsetof(struct show_settings, files),
    .options = show_options,
    .n_options = DG_COUNT_OF(show_options),
    .parent = &dg_baseline_command,
    .run = run_show,
};

/* The state of a column's whole, as a result row's description. */
static int describe(const struct dg_baseline *b, size_t column, struct dg_state *state,
                    struct dg_series_row *row, struct dg_error *err)
{
    const struct dg_baseline_column *c = &b->column[column];
    const struct dg_feature feature = {.name = c->name, .type = c->type};
    struct dg_plan_column plan_column = {
        .feature = &feature, .binning = c->binning, .dictionary = c->dictionary};
    const struct dg_plan plan = {.column = &plan_column, .n_columns = 1};
    dg_state_reset(state, &plan, DG_STATE_SERIES, 0);
    const int rc = dg_state_add_encoded(state, c->state[0].data, c->state[0].len);
    if (rc != 0) {
        return dg_fail(err, rc, "baseline %s: the state of %s is corrupt; build it again", b->name,
                       c->name);
    }
    *row = (struct dg_series_row){.column = c->name, .type = c->type};
    const int described = dg_describe(state, row, err);
    row->p_adjusted = NAN;
    dg_row_round(row);
    return described;
}

static uint64_t missing(const struct dg_series_row *row)
{
    return row->triage[DG_ABSENT] + row->triage[DG_NULL] + row->triage[DG_NAN] +
           row->triage[DG_UNPARSABLE];
}

static void show_row(const struct dg_baseline_column *c, const struct dg_series_row *row)
{
    if (c->type == DG_FEATURE_NUMERIC) {
        printf(
            "%-24.24s %-8s %10" PRIu64 " %8" PRIu64 " %5u %5u %12.6g %12.6g %12.6g %12.6g\n",
            c->name, "numeric", row->n, missing(row), c->binning != NULL ? c->binning->n_bins : 0,
            c->binning != NULL ? c->binning->n_groups : 0, row->mean, row->sd, row->min, row->max);
    } else {
        printf("%-24.24s %-8s %10" PRIu64 " %8" PRIu64 " %5u %5s   about %.0f different values\n",
               c->name, "category", row->n, missing(row),
               c->dictionary != NULL ? dg_dictionary_size(c->dictionary) : 0, "", row->distinct);
    }
}

static void show_json(FILE *out, const struct dg_baseline_column *c,
                      const struct dg_series_row *row)
{
    fputs("{\"name\":", out);
    dg_json_put_text(out, c->name, strlen(c->name));
    fprintf(out, ",\"type\":\"%s\",\"n\":%" PRIu64 ",\"missing\":%" PRIu64,
            c->type == DG_FEATURE_NUMERIC ? "numeric" : "category", row->n, missing(row));
    if (c->type == DG_FEATURE_NUMERIC && row->n > 0) {
        fprintf(
            out,
            ",\"bins\":%u,\"groups\":%u,\"mean\":%.12g,\"sd\":%.12g,\"min\":%.12g,\"max\":%.12g",
            c->binning->n_bins, c->binning->n_groups, row->mean, row->sd, row->min, row->max);
    } else if (c->type == DG_FEATURE_CATEGORY && c->dictionary != NULL) {
        fprintf(out, ",\"categories\":%u,\"distinct\":%.12g", dg_dictionary_size(c->dictionary),
                row->distinct);
    }
    fputc('}', out);
}

static int show(const struct dg_baseline *b, int form, const char *path, struct dg_error *err)
{
    struct dg_state *state = calloc(1, sizeof *state);
    int rc = state == NULL ? dg_fail_memory(err) : 0;
    if (rc == 0 && form == FORM_JSON) {
        printf("{\"version\":\"%s\",\"rows\":%" PRIu64 ",\"name\":", b->version, b->rows);
        dg_json_put_text(stdout, b->name, strlen(b->name));
        fputs(",\"columns\":[", stdout);
    } else if (rc == 0) {
        say_built(b, path);
        printf("\n%-24s %-8s %10s %8s %5s %5s %12s %12s %12s %12s\n", "column", "type", "values",
               "missing", "bins", "psi", "mean", "sd", "min", "max");
    }
    for (size_t i = 0; i < b->n_columns && rc == 0; i++) {
        struct dg_series_row row;
        rc = describe(b, i, state, &row, err);
        if (rc == 0 && form == FORM_JSON) {
            fputs(i == 0 ? "" : ",", stdout);
            show_json(stdout, &b->column[i], &row);
        } else if (rc == 0) {
            show_row(&b->column[i], &row);
        }
    }
    if (rc == 0 && form == FORM_JSON) {
        puts("]}");
    }
    if (state != NULL) {
        dg_state_deinit(state);
    }
    free(state);
    return rc;
}

static int run_show(int argc, char **argv)
{
    struct show_settings s = {0};
    struct dg_error err = {0};
    struct dg_baseline *b = NULL;
    const int code = dg_options_parse(&show_command, argc, argv, &s);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    int rc = dg_baseline_load(s.files.word[0], &b, &err);
    rc = rc != 0 ? rc : show(b, s.form, s.files.word[0], &err);
    dg_baseline_free(b);
    dg_words_deinit(&s.files);
    return rc == 0 ? 0 : dg_report(rc == ENOMEM ? DG_EXIT_UNEXPECTED : DG_EXIT_CONFIG, &err);
}

/* diff */

static int run_diff(int argc, char **argv);
static const struct dg_command diff_command = {
    .name = "diff",
    .summary = "compare two baseline files column by column",
    .description = "How far the second baseline's distributions lie from the first's: PSI, KS, "
                   "Wasserstein in units of the first's standard deviation, and columns that only "
                   "one of them has. Exit code 0 whatever the difference.",
    .operands = "OLD NEW",
    .operand_doc = "baseline files",
    .least_operands = 2,
    .most_operands = 2,
    .complete_operands = DG_COMPLETE_FILE,
    .operands_offset = offsetof(struct show_settings, files),
    .options = show_options,
    .n_options = DG_COUNT_OF(show_options),
    .parent = &dg_baseline_command,
    .run = run_diff,
};

struct diffing {
    struct dg_state old_state, new_state;
    struct dg_compare_scratch scratch;
};

static void print_number(const char *key, double x)
{
    if (isfinite(x)) {
        printf(",\"%s\":%.12g", key, x);
    } else {
        printf(",\"%s\":null", key);
    }
}

static void diff_line(const char *name, const struct dg_series_row *row, const char *remark,
                      int form, bool first)
{
    if (form == FORM_TABLE) {
        if (remark != NULL) {
            printf("%-24.24s %s\n", name, remark);
        } else {
            const double x[] = {row->drift.psi_adjusted, row->drift.ks, row->drift.w1_normed};
            printf("%-24.24s", name);
            for (size_t i = 0; i < DG_COUNT_OF(x); i++) {
                isnan(x[i]) ? printf(" %10s", "-") : printf(" %10.4f", x[i]);
            }
            printf(" %12" PRIu64 " %12" PRIu64 "\n", row->reference_n, row->n);
        }
        return;
    }
    fputs(first ? "{\"column\":" : ",{\"column\":", stdout);
    dg_json_put_text(stdout, name, strlen(name));
    if (remark != NULL) {
        fputs(",\"remark\":", stdout);
        dg_json_put_text(stdout, remark, strlen(remark));
    } else {
        print_number("psi", row->drift.psi);
        print_number("psi_adjusted", row->drift.psi_adjusted);
        print_number("ks", row->drift.ks);
        print_number("w1_normed", row->drift.w1_normed);
        print_number("p", row->drift.p);
    }
    fputc('}', stdout);
}

static int diff_column(struct diffing *d, const struct dg_baseline *a, size_t i,
                       const struct dg_baseline *b, int form, struct dg_error *err)
{
    const struct dg_baseline_column *c = &a->column[i];
    const int at = dg_baseline_find_column(b, c->name);
    struct dg_series_row old_row, row;
    if (at < 0 || b->column[at].type != c->type) {
        diff_line(c->name, NULL, at < 0 ? "only in the old baseline" : "has another type", form,
                  i == 0);
        return 0;
    }
    int rc = describe(a, i, &d->old_state, &old_row, err);
    rc = rc != 0 ? rc : describe(b, (size_t)at, &d->new_state, &row, err);
    if (rc == 0 && (old_row.n == 0 || row.n == 0)) {
        diff_line(c->name, NULL, "has no values in one of them", form, i == 0);
        return 0;
    }
    rc = rc != 0 ? rc : dg_compare(&d->scratch, &d->old_state, &d->new_state, &row, err);
    if (rc == 0) {
        dg_row_round(&row);
        diff_line(c->name, &row, NULL, form, i == 0);
    }
    return rc;
}

static int diff(const struct dg_baseline *a, const struct dg_baseline *b, int form,
                struct dg_error *err)
{
    struct diffing *d = calloc(1, sizeof *d);
    int rc = d == NULL ? dg_fail_memory(err) : 0;
    if (rc == 0 && form == FORM_TABLE) {
        printf("old %s %.12s (%" PRIu64 " rows), new %s %.12s (%" PRIu64 " rows)%s\n\n", a->name,
               a->version, a->rows, b->name, b->version, b->rows,
               strcmp(a->version, b->version) == 0 ? ": the same content" : "");
        printf("%-24s %10s %10s %10s %12s %12s\n", "column", "psi_adj", "ks", "w1/sd", "old values",
               "new values");
    } else if (rc == 0) {
        fputs("[", stdout);
    }
    for (size_t i = 0; i < a->n_columns && rc == 0; i++) {
        rc = diff_column(d, a, i, b, form, err);
    }
    for (size_t i = 0; i < b->n_columns && rc == 0; i++) {
        if (dg_baseline_find_column(a, b->column[i].name) < 0) {
            diff_line(b->column[i].name, NULL, "only in the new baseline", form,
                      a->n_columns + i == 0);
        }
    }
    if (rc == 0 && form == FORM_JSON) {
        puts("]");
    }
    if (d != NULL) {
        dg_state_deinit(&d->old_state);
        dg_state_deinit(&d->new_state);
        dg_compare_scratch_deinit(&d->scratch);
    }
    free(d);
    return rc;
}

static int run_diff(int argc, char **argv)
{
    struct show_settings s = {0};
    struct dg_error err = {0};
    struct dg_baseline *a = NULL, *b = NULL;
    const int code = dg_options_parse(&diff_command, argc, argv, &s);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    int rc = dg_baseline_load(s.files.word[0], &a, &err);
    rc = rc != 0 ? rc : dg_baseline_load(s.files.word[1], &b, &err);
    rc = rc != 0 ? rc : diff(a, b, s.form, &err);
    dg_baseline_free(a);
    dg_baseline_free(b);
    dg_words_deinit(&s.files);
    return rc == 0 ? 0 : dg_report(rc == ENOMEM ? DG_EXIT_UNEXPECTED : DG_EXIT_CONFIG, &err);
}

static const struct dg_command *const subcommands[] = {&build_command, &show_command, &diff_command,
                                                       NULL};
const struct dg_command dg_baseline_command = {
    .name = "baseline",
    .summary = "make, describe and compare baselines",
    .description = "A baseline is the reference that windows are compared with.",
    .subcommands = subcommands,
};
