#include "engine/baseline_build.h"

#include "engine/accumulator.h"
#include "engine/collect.h"
#include "engine/key_counts.h"
#include "engine/plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The finite values of one numeric column, gathered in the first pass. */
struct gathered {
    double *value;
    size_t n, cap;
};

struct build {
    const struct dg_baseline_request *request;
    struct dg_monitor monitor; /* the request's, without versions, variants and ids */
    struct dg_baseline *baseline;
    struct gathered *number;        /* [n_features] numeric ones */
    struct dg_key_counts *category; /* [n_features] categorical ones */
    struct dg_key_counts *segment;  /* [n_segments specs] "a" or "a\0b" */
    uint64_t values;
    struct dg_baseline_report *report;
    struct dg_error *err;
};

typedef int (*batch_visitor)(void *arg, const struct dg_plan *plan, struct dg_batch *b);

/* Every batch of the sample, files one after the other. */
static int read_sample(struct build *b, const struct dg_plan *plan, int pass, batch_visitor visit,
                       void *arg)
{
    const struct dg_baseline_request *q = b->request;
    struct dg_source *source = NULL;
    struct dg_chunk chunk = {0};
    struct dg_batch batch = {0};
    struct dg_replay_progress progress = {.event_time_us = DG_TIME_NONE};
    int rc = q->open(q->open_arg, &plan->projection, &source, b->err);
    if (rc != 0) {
        return rc;
    }
    rc = dg_batch_init(&batch, &plan->projection, b->err);
    for (uint32_t p = 0; p < source->n_partitions && rc == 0;) {
        const enum dg_poll poll = source->ops->poll(source, p, 1000, &chunk, b->err);
        if (poll == DG_POLL_END) {
            p++;
            continue;
        }
        if (poll == DG_POLL_FATAL) {
            rc = EIO;
            break;
        }
        dg_batch_clear(&batch);
        rc = source->ops->decode(source, &chunk, &batch, b->err);
        rc = rc != 0 ? rc : visit(arg, plan, &batch);
        progress.records += batch.n;
        source->ops->progress(source, &progress.bytes_done, &progress.bytes_total);
        if (rc == 0 && q->progress != NULL && q->progress(q->progress_arg, pass, &progress) != 0) {
            rc = dg_fail(b->err, EINTR, "interrupted");
        }
    }
    dg_batch_deinit(&batch);
    dg_chunk_deinit(&chunk);
    source->ops->close(source);
    return rc;
}

/* First pass */

static int gather_numbers(struct build *b, size_t feature, const double x[], const uint8_t reason[],
                          size_t n)
{
    const struct dg_feature *f = &b->monitor.feature[feature];
    struct gathered *g = &b->number[feature];
    if (g->n + n > g->cap) {
        const size_t cap = (g->n + n) * 3 / 2 + 1024;
        double *grown = realloc(g->value, cap * sizeof *grown);
        if (grown == NULL) {
            return dg_fail_memory(b->err);
        }
        g->value = grown;
        g->cap = cap;
    }
    const size_t before = g->n;
    for (size_t i = 0; i < n; i++) {
        if (reason[i] == DG_GOOD && dg_triage_of(x[i]) == DG_FINITE && x[i] >= f->valid_min &&
            x[i] <= f->valid_max) {
            g->value[g->n++] = x[i] + 0.0; /* -0.0 is 0.0 */
        }
    }
    b->values += g->n - before;
    return b->values <= DG_BASELINE_VALUES_MAX
               ? 0
               : dg_fail(b->err, EINVAL,
                         "the sample has more than %llu numbers; a baseline gains nothing beyond a "
                         "million rows: take a sample of the rows",
                         (unsigned long long)DG_BASELINE_VALUES_MAX);
}

static int count_key(struct build *b, struct dg_key_counts *counts, const char *column,
                     const char *key, uint32_t len)
{
    const int rc = dg_key_counts_add(counts, key, len, DG_BASELINE_CATEGORIES_MAX);
    return rc == 0 ? 0
           : rc == ENOMEM
               ? dg_fail_memory(b->err)
               : dg_fail(b->err, EINVAL,
                         "column %s has more than %zu different values: it looks like an "
                         "id; put it under columns.ignore",
                         column, DG_BASELINE_CATEGORIES_MAX);
}

static int count_segment(struct build *b, size_t spec, const struct dg_text part[2], size_t parts)
{
    char key[2 * DG_KEY_MAX + 1];
    uint32_t len = 0;
    for (size_t k = 0; k < parts; k++) {
        if (part[k].triage != DG_FINITE || part[k].len > DG_KEY_MAX) {
            return 0; /* belongs to the rest */
        }
        if (k > 0) {
            key[len++] = '\0';
        }
        memcpy(key + len, part[k].bytes, part[k].len);
        len += part[k].len;
    }
    return count_key(b, &b->segment[spec], b->monitor.segment[spec].column[0], key, len);
}

static void note_record(struct dg_baseline_report *r, const struct dg_batch *batch, size_t row)
{
    const enum dg_reason reason = (enum dg_reason)batch->reason[row];
    r->records++;
    if (reason == DG_GOOD) {
        r->rows++;
        return;
    }
    r->bad[reason]++;
    if (r->bad[reason] <= 3 && r->n_examples < DG_EXAMPLES_MAX) {
        r->example[r->n_examples++] = (struct dg_bad_example){0, reason, batch->place[row]};
    }
}

static void note_time(struct dg_baseline *b, int64_t t)
{
    if (t != DG_TIME_NONE) {
        b->first_us = b->first_us == DG_TIME_NONE || t < b->first_us ? t : b->first_us;
        b->last_us = b->last_us == DG_TIME_NONE || t > b->last_us ? t : b->last_us;
    }
}

static int gather_texts(struct build *b, const struct dg_plan *plan, const struct dg_batch *batch,
                        size_t row)
{
    int rc = 0;
    for (size_t c = 0; c < plan->n_columns && rc == 0; c++) {
        if (plan->column[c].feature->type == DG_FEATURE_CATEGORY) {
            const struct dg_text *t = &batch->column[plan->column[c].source].text[row];
            if (t->triage == DG_FINITE) {
                rc = count_key(b, &b->category[c], plan->column[c].feature->name, t->bytes, t->len);
            }
        }
    }
    for (size_t i = 0; i < plan->slicer.n_specs && rc == 0; i++) {
        const int *column = plan->slicer.column[i];
        struct dg_text part[2] = {batch->column[column[0]].text[row]};
        if (column[1] >= 0) {
            part[1] = batch->column[column[1]].text[row];
        }
        rc = count_segment(b, i, part, column[1] >= 0 ? 2 : 1);
    }
    return rc;
}

static int visit_first(void *arg, const struct dg_plan *plan, struct dg_batch *batch)
{
    struct build *b = arg;
    int rc = 0;
    for (size_t row = 0; row < batch->n && rc == 0; row++) {
        note_record(b->report, batch, row);
        if (batch->reason[row] != DG_GOOD) {
            continue;
        }
        if (plan->projection.time >= 0) {
            note_time(b->baseline, batch->column[plan->projection.time].integer[row]);
        }
        rc = gather_texts(b, plan, batch, row);
    }
    for (size_t c = 0; c < plan->n_columns && rc == 0; c++) {
        if (plan->column[c].feature->type == DG_FEATURE_NUMERIC) {
            rc = gather_numbers(b, c, batch->column[plan->column[c].source].number, batch->reason,
                                batch->n);
        }
    }
    return rc;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int make_binning(struct build *b, size_t feature)
{
    struct gathered *g = &b->number[feature];
    struct dg_baseline_column *c = &b->baseline->column[feature];
    if (g->n == 0) {
        return 0;
    }
    qsort(g->value, g->n, sizeof *g->value, ascending);
    struct dg_weighted *weighted = malloc(g->n * sizeof *weighted);
    c->binning = calloc(1, sizeof *c->binning);
    if (weighted == NULL || c->binning == NULL) {
        free(weighted);
        return dg_fail_memory(b->err);
    }
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (n == 0 || weighted[n - 1].value != g->value[i]) {
            weighted[n++] = (struct dg_weighted){g->value[i], 0};
        }
        weighted[n - 1].count++;
    }
    const struct dg_binning_options options = DG_BINNING_DEFAULTS;
    const int rc = dg_binning_build(weighted, n, &options, c->binning);
    free(weighted);
    free(g->value);
    *g = (struct gathered){0};
    return rc == 0 ? 0 : dg_fail(b->err, rc, "column %s cannot be binned", c->name);
}

static int make_dictionary(struct build *b, size_t feature)
{
    struct dg_key_counts *counts = &b->category[feature];
    if (counts->n == 0) {
        return 0;
    }
    const int rc = dg_dictionary_build(counts->key, counts->n, DG_DICTIONARY_MAX,
                                       &b->baseline->column[feature].dictionary);
    dg_key_counts_deinit(counts);
    return rc == 0 ? 0
                   : dg_fail(b->err, rc, "column %s: its categories do not fit in memory",
                             b->monitor.feature[feature].name);
}

static int choose_segments(struct build *b, size_t spec)
{
    const struct dg_segment_spec *s = &b->monitor.segment[spec];
    struct dg_key_counts *counts = &b->segment[spec];
    struct dg_segment_values *values = &b->baseline->values[spec];
    if (s->n_values > 0) {
        return dg_plan_listed_values(s, values) == 0 ? 0 : dg_fail_memory(b->err);
    }
    dg_key_counts_rank(counts);
    for (size_t i = 0; i < counts->n && i < s->top; i++) {
        const struct dg_keyed *k = &counts->key[i];
        const char *second = s->column[1] != NULL ? memchr(k->key, '\0', k->len) : NULL;
        const uint32_t first = second != NULL ? (uint32_t)(second - k->key) : k->len;
        const struct dg_text part[2] = {
            {k->key, first, DG_FINITE},
            {second != NULL ? second + 1 : "", second != NULL ? k->len - first - 1 : 0, DG_FINITE}};
        if (dg_segment_values_add(values, part, s->column[1] != NULL ? 2 : 1) != 0) {
            return dg_fail_memory(b->err);
        }
    }
    return 0;
}

/* Second pass */

struct counting {
    struct build *build;
    struct dg_accumulator *accumulator;
    struct dg_admitted admitted;
    int64_t start; /* of the one pane */
};

/* Everything falls into one pane: a reference has no time. */
static int visit_second(void *arg, const struct dg_plan *plan, struct dg_batch *batch)
{
    struct counting *c = arg;
    struct dg_admitted *a = &c->admitted;
    (void)plan;
    if (batch->n > a->cap) {
        int32_t *grown = realloc(a->pane, batch->n * sizeof *grown);
        if (grown == NULL) {
            return dg_fail_memory(c->build->err);
        }
        a->pane = grown;
        a->cap = batch->n;
    }
    a->n = batch->n;
    a->n_rows = 0;
    a->start = &c->start;
    a->n_panes = 1;
    for (size_t row = 0; row < batch->n; row++) {
        a->pane[row] = batch->reason[row] == DG_GOOD ? 0 : -1;
        a->n_rows += batch->reason[row] == DG_GOOD;
    }
    return dg_accumulator_add(c->accumulator, batch, a) == 0 ? 0 : dg_fail_memory(c->build->err);
}

static int save_states(struct build *b, const struct dg_plan *plan, struct dg_store *store)
{
    struct dg_state *state = calloc(1, sizeof *state);
    int rc = state == NULL ? dg_fail_memory(b->err) : 0;
    for (size_t c = 0; c < plan->n_columns && rc == 0; c++) {
        for (uint32_t seg = 0; seg < plan->slicer.n_segments && rc == 0; seg++) {
            const uint32_t id = dg_plan_series(plan, seg, c);
            struct dg_bytes *out = &b->baseline->column[c].state[seg];
            dg_state_reset(state, plan, DG_STATE_SERIES, id);
            rc = dg_collect(store, INT64_MIN, INT64_MAX, DG_STATE_SERIES, id, state, NULL, b->err);
            if (rc == 0) {
                dg_state_encode(state, out);
                rc = out->failed ? dg_fail_memory(b->err) : 0;
            }
        }
    }
    if (state != NULL) {
        dg_state_deinit(state);
    }
    free(state);
    return rc;
}

static int second_pass(struct build *b, struct dg_plan *plan)
{
    struct counting c = {.build = b};
    struct dg_store *store = NULL;
    int rc = dg_memory_store_open(plan, &store, b->err);
    rc = rc != 0 ? rc : dg_accumulator_open(plan, &c.accumulator, b->err);
    rc = rc != 0 ? rc : read_sample(b, plan, 2, visit_second, &c);
    rc = rc != 0 ? rc : dg_accumulator_flush(c.accumulator, INT64_MAX, store, b->err);
    rc = rc != 0 ? rc : save_states(b, plan, store);
    c.admitted.start = NULL;
    dg_admitted_deinit(&c.admitted);
    dg_accumulator_close(c.accumulator);
    if (store != NULL) {
        store->ops->close(store);
    }
    return rc;
}

/* What the baseline says of itself, and room for what the passes will find. */
static int prepare(struct build *b)
{
    const struct dg_monitor *m = &b->monitor;
    struct dg_baseline *base = calloc(1, sizeof *base);
    b->baseline = base;
    b->number = calloc(m->n_features + 1, sizeof *b->number);
    b->category = calloc(m->n_features + 1, sizeof *b->category);
    b->segment = calloc(m->n_segments + 1, sizeof *b->segment);
    if (base == NULL || b->number == NULL || b->category == NULL || b->segment == NULL) {
        return dg_fail_memory(b->err);
    }
    base->name = strdup(b->request->name);
    base->source = strdup(b->request->source);
    base->first_us = base->last_us = DG_TIME_NONE;
    base->column = calloc(m->n_features + 1, sizeof *base->column);
    base->spec_column = calloc(m->n_segments + 1, sizeof *base->spec_column);
    base->values = calloc(m->n_segments + 1, sizeof *base->values);
    if (base->name == NULL || base->source == NULL || base->column == NULL ||
        base->spec_column == NULL || base->values == NULL) {
        return dg_fail_memory(b->err);
    }
    base->n_columns = m->n_features;
    base->n_specs = m->n_segments;
    bool failed = false;
    for (size_t i = 0; i < m->n_features; i++) {
        struct dg_baseline_column *c = &base->column[i];
        c->name = strdup(m->feature[i].name);
        c->path = strdup(m->feature[i].path);
        c->type = m->feature[i].type;
        c->role = m->feature[i].role;
        failed = failed || c->name == NULL || c->path == NULL;
    }
    for (size_t i = 0; i < m->n_segments; i++) {
        for (int k = 0; k < 2 && m->segment[i].column[k] != NULL; k++) {
            base->spec_column[i][k] = strdup(m->segment[i].column[k]);
            failed = failed || base->spec_column[i][k] == NULL;
        }
    }
    return failed ? dg_fail_memory(b->err) : 0;
}

static int first_pass(struct build *b)
{
    struct dg_plan plan = {0};
    int rc = dg_plan_init(&plan, &b->monitor, NULL, b->baseline->values, b->err);
    rc = rc != 0 ? rc : read_sample(b, &plan, 1, visit_first, b);
    dg_plan_deinit(&plan);
    if (rc == 0 && b->report->rows == 0) {
        rc = dg_fail(b->err, EINVAL, "%s: no row could be read; nothing to build a baseline from",
                     b->request->source);
    }
    for (size_t i = 0; i < b->monitor.n_features && rc == 0; i++) {
        rc = b->monitor.feature[i].type == DG_FEATURE_NUMERIC ? make_binning(b, i)
                                                              : make_dictionary(b, i);
    }
    for (size_t i = 0; i < b->monitor.n_segments && rc == 0; i++) {
        rc = choose_segments(b, i);
    }
    return rc;
}

/* The plan of the second pass fixes the segments' names, and with them the room for states. */
static int name_segments(struct build *b, const struct dg_plan *plan)
{
    struct dg_baseline *base = b->baseline;
    const uint32_t n = plan->slicer.n_segments;
    base->segment_name = calloc(n, sizeof *base->segment_name);
    if (base->segment_name == NULL) {
        return dg_fail_memory(b->err);
    }
    base->n_segments = n;
    for (uint32_t i = 0; i < n; i++) {
        base->segment_name[i] = strdup(plan->slicer.segment_name[i]);
        if (base->segment_name[i] == NULL) {
            return dg_fail_memory(b->err);
        }
    }
    for (size_t c = 0; c < base->n_columns; c++) {
        base->column[c].state = calloc(n, sizeof *base->column[c].state);
        if (base->column[c].state == NULL) {
            return dg_fail_memory(b->err);
        }
    }
    return 0;
}

static void release(struct build *b)
{
    for (size_t i = 0; i < b->monitor.n_features; i++) {
        if (b->number != NULL) {
            free(b->number[i].value);
        }
        if (b->category != NULL) {
            dg_key_counts_deinit(&b->category[i]);
        }
    }
    for (size_t i = 0; b->segment != NULL && i < b->monitor.n_segments; i++) {
        dg_key_counts_deinit(&b->segment[i]);
    }
    free(b->number);
    free(b->category);
    free(b->segment);
}

int dg_baseline_build(const struct dg_baseline_request *request, struct dg_baseline **out,
                      struct dg_baseline_report *report, struct dg_error *err)
{
    struct build b = {
        .request = request, .monitor = *request->monitor, .report = report, .err = err};
    struct dg_plan plan = {0};
    b.monitor.version_path = b.monitor.variant_path = b.monitor.id_path = NULL;
    b.monitor.topic_path = b.monitor.partition_path = b.monitor.offset_path = NULL;
    *report = (struct dg_baseline_report){0};
    int rc = prepare(&b);
    rc = rc != 0 ? rc : first_pass(&b);
    rc = rc != 0 ? rc : dg_plan_init(&plan, &b.monitor, b.baseline, b.baseline->values, err);
    rc = rc != 0 ? rc : name_segments(&b, &plan);
    rc = rc != 0 ? rc : second_pass(&b, &plan);
    dg_plan_deinit(&plan);
    release(&b);
    if (rc != 0) {
        dg_baseline_free(b.baseline);
        return rc;
    }
    b.baseline->rows = report->rows;
    *out = b.baseline;
    return 0;
}
