#include "tests/support/engine_run.h"

#include "engine/baseline_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct keeping_sink {
    struct dg_sink base;
    struct engine_run *run;
};

static void end_test(const char *what, const struct dg_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    exit(1);
}

static int keep_open(struct dg_sink *self, const struct dg_run_info *run, struct dg_error *err)
{
    (void)self;
    (void)run;
    (void)err;
    return 0;
}

static int keep_begin(struct dg_sink *self, const struct dg_window_id *w, struct dg_error *err)
{
    (void)w;
    (void)err;
    ((struct keeping_sink *)self)->run->n_windows++;
    return 0;
}

/* Room for one more: twice as much whenever n is a power of two. */
static void *one_more(void *array, size_t n, size_t size)
{
    void *grown = (n & (n - 1)) == 0 ? realloc(array, (n == 0 ? 1 : 2 * n) * size) : array;
    DG_ASSERT(grown != NULL);
    return grown;
}

static int keep_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    struct engine_run *r = ((struct keeping_sink *)self)->run;
    (void)err;
    r->series = one_more(r->series, r->n_series, sizeof *r->series);
    r->series[r->n_series++] = *row;
    return 0;
}

static int keep_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct engine_run *r = ((struct keeping_sink *)self)->run;
    (void)err;
    r->slice = one_more(r->slice, r->n_slices, sizeof *r->slice);
    r->slice[r->n_slices] = *row;
    r->slice[r->n_slices++].new_field = NULL;
    return 0;
}

static int keep_end(struct dg_sink *self, struct dg_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static int keep_finish(struct dg_sink *self, const struct dg_run_totals *totals,
                       struct dg_error *err)
{
    (void)self;
    (void)totals;
    (void)err;
    return 0;
}

static void keep_close(struct dg_sink *self)
{
    (void)self;
}

static const struct dg_sink_ops KEEPING = {"keeping",  keep_open, keep_begin,  keep_series,
                                           keep_slice, keep_end,  keep_finish, keep_close};

static void parse(const char *yaml, struct dg_config *config)
{
    struct dg_diagnostics d = {0};
    if (dg_config_parse("test.yaml", yaml, strlen(yaml), &d, config) != 0) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    dg_diagnostics_deinit(&d);
}

void engine_run(struct engine_run *r, const char *yaml, const struct memory_partition partition[],
                uint32_t n)
{
    struct dg_error err = {0};
    struct dg_store *store = NULL;
    struct dg_evaluator *evaluator = NULL;
    struct keeping_sink sink = {{&KEEPING}, r};
    parse(yaml, &r->config);
    const struct dg_baseline *main = NULL;
    for (size_t i = 0; i < 8 && main == NULL; i++) {
        main = r->file[i];
    }
    if (dg_plan_init(&r->plan, r->config.monitor, main, NULL, &err) != 0) {
        end_test("plan", &err);
    }
    struct dg_source *source = memory_source_open(
        partition, n, r->chunk_rows == 0 ? 100 : r->chunk_rows, &r->plan.projection);
    const struct dg_evaluator_options options = {.file = r->file,
                                                 .from_us =
                                                     r->from_us == 0 ? INT64_MIN : r->from_us,
                                                 .to_us = r->to_us == 0 ? INT64_MAX : r->to_us,
                                                 .threads = r->lanes == 0 ? 1 : r->lanes};
    const struct dg_replay_options how = {.lanes = r->lanes == 0 ? 1 : r->lanes,
                                          .memory_bytes = r->memory_bytes};
    int rc = dg_memory_store_open(&r->plan, &store, &err);
    rc = rc != 0 ? rc : dg_evaluator_open(&r->plan, store, &sink.base, &options, &evaluator, &err);
    rc = rc != 0 ? rc : dg_replay(&r->plan, source, store, evaluator, &how, &r->result, &err);
    if (rc != 0) {
        end_test("replay", &err);
    }
    r->severity = dg_evaluator_severity(evaluator);
    dg_evaluator_close(evaluator);
    store->ops->close(store);
    source->ops->close(source);
}

void engine_run_rows(struct engine_run *r, const char *yaml, const struct memory_row row[],
                     size_t n)
{
    const struct memory_partition all = {row, n};
    engine_run(r, yaml, &all, 1);
}

void engine_run_close(struct engine_run *r)
{
    dg_plan_deinit(&r->plan);
    dg_config_deinit(&r->config);
    free(r->series);
    free(r->slice);
    *r = (struct engine_run){0};
}

static bool is_asked(const struct dg_window_id *w, int64_t end_us, int64_t size_us)
{
    return w->end_us == end_us && (size_us == 0 || w->size_us == size_us);
}

static bool is_word(const char *asked, const char *word)
{
    return asked == NULL || strcmp(asked, word) == 0;
}

const struct dg_series_row *engine_series(const struct engine_run *r, int64_t end_us,
                                          int64_t size_us, const char *version, const char *segment,
                                          const char *column, const char *baseline)
{
    for (size_t i = 0; i < r->n_series; i++) {
        const struct dg_series_row *s = &r->series[i];
        if (is_asked(&s->window, end_us, size_us) && is_word(version, s->slice.version) &&
            is_word(segment, s->slice.segment) && is_word(column, s->column) &&
            is_word(baseline, s->baseline)) {
            return s;
        }
    }
    return NULL;
}

const struct dg_slice_row *engine_slice(const struct engine_run *r, int64_t end_us, int64_t size_us,
                                        const char *version, const char *segment)
{
    for (size_t i = 0; i < r->n_slices; i++) {
        const struct dg_slice_row *s = &r->slice[i];
        if (is_asked(&s->window, end_us, size_us) && is_word(version, s->slice.version) &&
            is_word(segment, s->slice.segment)) {
            return s;
        }
    }
    return NULL;
}

static int open_rows(void *arg, const struct dg_projection *projection, struct dg_source **out,
                     struct dg_error *err)
{
    (void)err;
    *out = memory_source_open(arg, 1, 100, projection);
    return 0;
}

struct dg_baseline *engine_baseline(const char *yaml, const struct memory_row row[], size_t n)
{
    struct dg_config config = {0};
    struct dg_error err = {0};
    struct dg_baseline *b = NULL;
    struct dg_baseline_report *report = calloc(1, sizeof *report);
    struct memory_partition all = {row, n};
    DG_ASSERT(report != NULL);
    parse(yaml, &config);
    const struct dg_baseline_request request = {.monitor = config.monitor,
                                                .name = "training",
                                                .source = "memory",
                                                .open = open_rows,
                                                .open_arg = &all};
    if (dg_baseline_build(&request, &b, report, &err) != 0) {
        end_test("baseline", &err);
    }
    free(report);
    dg_config_deinit(&config);
    return b;
}
