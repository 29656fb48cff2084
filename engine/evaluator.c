#include "engine/evaluator.h"

#include "engine/series_rows.h"
#include "engine/workers.h"
#include "stats/bytes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_VERSION 1 /* of saved memory */

/* A slice of the window at hand, and its series' rows. */
struct slice {
    struct dg_slice_row row;
    uint32_t group, segment;
    size_t first; /* index of its first series row */
    size_t n;
};

struct dg_evaluator {
    const struct dg_plan *plan;
    struct dg_store *store;
    struct dg_sink *sink;
    struct dg_evaluator_options options;
    struct dg_reference_context reference_context;
    struct dg_schedule schedule;
    struct dg_rules *rules;
    struct dg_state counters;
    struct dg_workers *workers;
    struct dg_series_scratch *scratch; /* [workers] */
    struct dg_ruled_row *row;          /* [n_rows] of the window at hand */
    size_t n_rows, cap_rows;
    struct slice *slice; /* [n_slices] of the window at hand */
    size_t n_slices, cap_slices;
    uint32_t *order; /* [n_groups] groups by name */
    uint32_t cap_order;
    uint64_t *silent; /* [n_windows] windows without a row in a row, up to now */
    uint64_t silent_left_out;
    uint64_t *windows; /* [n_windows] evaluated */
    enum dg_severity severity;
    struct dg_keyed *new_field; /* [DG_NEW_FIELDS_MAX] */
};

int dg_evaluator_open(const struct dg_plan *plan, struct dg_store *store, struct dg_sink *sink,
                      const struct dg_evaluator_options *options, struct dg_evaluator **out,
                      struct dg_error *err)
{
    struct dg_evaluator *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return dg_fail_memory(err);
    }
    e->plan = plan;
    e->store = store;
    e->sink = sink;
    e->options = *options;
    e->reference_context = (struct dg_reference_context){plan, store, options->file};
    e->windows = calloc(plan->monitor->n_windows + 1, sizeof *e->windows);
    e->new_field = calloc(DG_NEW_FIELDS_MAX, sizeof *e->new_field);
    e->silent = calloc(plan->monitor->n_windows + 1, sizeof *e->silent);
    int rc =
        e->windows == NULL || e->new_field == NULL || e->silent == NULL ? dg_fail_memory(err) : 0;
    rc = rc != 0 ? rc
                 : dg_workers_open(options->threads == 0 ? 1 : options->threads, &e->workers, err);
    if (rc == 0) {
        e->scratch = calloc(dg_workers_count(e->workers), sizeof *e->scratch);
        rc = e->scratch == NULL ? dg_fail_memory(err) : 0;
    }
    rc = rc != 0 ? rc : dg_schedule_init(&e->schedule, plan->monitor, err);
    rc = rc != 0 ? rc : dg_rules_open(plan->monitor, &e->rules, err);
    if (rc != 0) {
        dg_evaluator_close(e);
        return rc;
    }
    *out = e;
    return 0;
}

void dg_evaluator_close(struct dg_evaluator *e)
{
    if (e == NULL) {
        return;
    }
    dg_schedule_deinit(&e->schedule);
    dg_rules_close(e->rules);
    dg_state_deinit(&e->counters);
    for (uint32_t i = 0; e->scratch != NULL && i < dg_workers_count(e->workers); i++) {
        dg_series_scratch_deinit(&e->scratch[i]);
    }
    free(e->scratch);
    dg_workers_close(e->workers);
    free(e->row);
    free(e->slice);
    free(e->order);
    free(e->windows);
    free(e->silent);
    free(e->new_field);
    free(e);
}

/* A new row at the end of *array, zeroed; NULL for want of memory. */
static void *new_row(void *array_at, size_t *n, size_t *cap, size_t size)
{
    void **array = array_at;
    if (*n == *cap) {
        const size_t grown_cap = *cap == 0 ? 64 : 2 * *cap;
        void *grown = realloc(*array, grown_cap * size);
        if (grown == NULL) {
            return NULL;
        }
        *array = grown;
        *cap = grown_cap;
    }
    void *row = (char *)*array + (*n)++ * size;
    memset(row, 0, size);
    return row;
}

static int order_groups(struct dg_evaluator *e)
{
    const struct dg_slicer *s = &e->plan->slicer;
    if (s->n_groups > e->cap_order) {
        uint32_t *grown = realloc(e->order, s->n_groups * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        e->order = grown;
        e->cap_order = s->n_groups;
    }
    for (uint32_t i = 0; i < s->n_groups; i++) {
        uint32_t at = i;
        while (at > 0) {
            const struct dg_group *a = &s->group[e->order[at - 1]], *b = &s->group[i];
            const int order = strcmp(a->version, b->version);
            if (order < 0 || (order == 0 && strcmp(a->variant, b->variant) <= 0)) {
                break;
            }
            e->order[at] = e->order[at - 1];
            at--;
        }
        e->order[at] = i;
    }
    return 0;
}

static struct dg_slice_name slice_name(const struct dg_plan *p, uint32_t group, uint32_t segment)
{
    return (struct dg_slice_name){p->slicer.group[group].version, p->slicer.group[group].variant,
                                  p->slicer.segment_name[segment]};
}

static int collect_counters(struct dg_evaluator *e, const struct dg_window_id *w,
                            enum dg_state_kind kind, uint32_t id, struct dg_error *err)
{
    dg_state_reset(&e->counters, e->plan, kind, id);
    return dg_collect(e->store, w->start_us, w->end_us, kind, id, &e->counters, NULL, err);
}

static int add_slice(struct dg_evaluator *e, const struct dg_window_id *w,
                     struct dg_slice_name name, uint64_t rows, bool stream, struct dg_error *err)
{
    struct slice *s = new_row(&e->slice, &e->n_slices, &e->cap_slices, sizeof *e->slice);
    if (s == NULL) {
        return dg_fail_memory(err);
    }
    s->row.window = *w;
    s->row.slice = name;
    s->row.rows = rows;
    s->row.silent = rows == 0;
    s->row.stream = stream;
    return 0;
}

/* The group's slices that have rows, and room for their series' rows. */
static int add_group(struct dg_evaluator *e, const struct dg_window_id *w, uint32_t group,
                     bool only, struct dg_error *err)
{
    const size_t per_slice = e->plan->n_columns * dg_series_rows_of(e->plan, group);
    const struct dg_slicer *s = &e->plan->slicer;
    int rc = 0;
    for (uint32_t segment = 0; segment < s->n_segments && rc == 0; segment++) {
        rc = collect_counters(e, w, DG_STATE_SLICE, group * s->n_segments + segment, err);
        const uint64_t rows = e->counters.counters.rows;
        if (rc != 0 || (rows == 0 && (segment != 0 || !only))) {
            continue;
        }
        rc = add_slice(e, w, slice_name(e->plan, group, segment), rows, only && segment == 0, err);
        if (rc == 0) {
            struct slice *added = &e->slice[e->n_slices - 1];
            added->group = group;
            added->segment = segment;
            added->first = e->n_rows;
            added->n = per_slice;
            e->n_rows += per_slice;
        }
    }
    return rc;
}

/* The slice row of everything carries the stream's health. Where versions or variants split the
 * stream it is a row of its own, without columns. */
static int stream_row(struct dg_evaluator *e, const struct dg_window_id *w, struct dg_error *err)
{
    struct dg_slice_row *s = NULL;
    for (size_t i = 0; i < e->n_slices && s == NULL; i++) {
        s = e->slice[i].row.stream ? &e->slice[i].row : NULL;
    }
    if (s == NULL) {
        uint64_t rows = 0;
        for (size_t i = 0; i < e->n_slices; i++) {
            const struct dg_slice_row *other = &e->slice[i].row;
            rows += strcmp(other->slice.segment, "all") == 0 ? other->rows : 0;
        }
        const int rc = add_slice(e, w, (struct dg_slice_name){"", "", "all"}, rows, true, err);
        if (rc != 0) {
            return rc;
        }
        s = &e->slice[e->n_slices - 1].row;
    }
    const int rc = collect_counters(e, w, DG_STATE_STREAM, 0, err);
    const struct dg_counters *c = &e->counters.counters;
    s->duplicates = c->duplicates;
    s->duplicates_kept = !e->plan->monitor->drop_duplicates;
    s->late = c->late;
    s->out_of_order = c->out_of_order;
    memcpy(s->bad, c->bad, sizeof s->bad);
    for (size_t i = 0; i < c->n_news; i++) {
        e->new_field[i] =
            (struct dg_keyed){c->news[i].name, c->news[i].len, c->news[i].hash, c->news[i].rows};
    }
    s->new_field = e->new_field;
    s->n_new_fields = c->n_news;
    return rc;
}

/* One item is a column of a slice. */
struct series_work {
    struct dg_evaluator *evaluator;
    const struct dg_window_id *window;
    size_t spec;
};

static int work_on_series(void *arg, uint32_t worker, size_t item, struct dg_error *err)
{
    const struct series_work *work = arg;
    struct dg_evaluator *e = work->evaluator;
    const struct slice *s = &e->slice[item / e->plan->n_columns];
    const size_t column = item % e->plan->n_columns;
    const struct dg_series_task task = {work->window, work->spec, s->group, s->segment, column};
    const size_t first = s->first + column * (s->n / e->plan->n_columns);
    return dg_series_rows(&e->reference_context, &e->scratch[worker], &task, &e->row[first], err);
}

static int reserve_series_rows(struct dg_evaluator *e)
{
    if (e->n_rows > e->cap_rows) {
        struct dg_ruled_row *grown = realloc(e->row, e->n_rows * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        e->row = grown;
        e->cap_rows = e->n_rows;
    }
    return 0;
}

static int evaluate_rows(struct dg_evaluator *e, const struct dg_window_id *w, size_t spec,
                         struct dg_error *err)
{
    const struct dg_slicer *s = &e->plan->slicer;
    struct series_work work = {e, w, spec};
    e->n_rows = e->n_slices = 0;
    int rc = order_groups(e) != 0 ? dg_fail_memory(err) : 0;
    const bool only = s->version < 0 && s->variant < 0;
    for (uint32_t i = 0; i < s->n_groups && rc == 0; i++) {
        rc = add_group(e, w, e->order[i], only, err);
    }
    if (rc == 0 && reserve_series_rows(e) != 0) {
        rc = dg_fail_memory(err);
    }
    rc = rc != 0 ? rc
                 : dg_workers_run(e->workers, e->n_slices * e->plan->n_columns, work_on_series,
                                  &work, err);
    rc = rc != 0 ? rc : dg_rules_judge(e->rules, e->row, e->n_rows, err);
    return rc != 0 ? rc : stream_row(e, w, err);
}

/* A column counts once, by its worst baseline. Rows of a column stand together. */
static void count_columns(const struct dg_evaluator *e, struct slice *s)
{
    for (size_t i = s->first; i < s->first + s->n;) {
        const char *column = e->row[i].row.column;
        bool drift = false, warn = false;
        for (; i < s->first + s->n && e->row[i].row.column == column; i++) {
            const struct dg_series_row *r = &e->row[i].row;
            drift = drift || r->status == DG_STATUS_DRIFT;
            warn = warn || r->status == DG_STATUS_WARN;
            s->row.severity = r->severity > s->row.severity ? r->severity : s->row.severity;
        }
        s->row.n_series++;
        s->row.n_drift += drift;
        s->row.n_warn += warn && !drift;
    }
}

/* Rule memory of a slice: by name, apart from every series' key, which is below 2^63. */
static uint64_t slice_key(const struct dg_slice_name *n, size_t spec)
{
    uint64_t key = dg_hash_key(n->segment, strlen(n->segment));
    key = key * 31 + dg_hash_key(n->version, strlen(n->version));
    key = key * 31 + dg_hash_key(n->variant, strlen(n->variant));
    return (key * 31 + spec) | UINT64_C(1) << 63;
}

static int finish_slices(struct dg_evaluator *e, size_t spec, struct dg_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < e->n_slices && rc == 0; i++) {
        struct dg_slice_row *s = &e->slice[i].row;
        count_columns(e, &e->slice[i]);
        rc = dg_rules_judge_slice(e->rules, s, slice_key(&s->slice, spec), err);
        e->severity = s->severity > e->severity ? s->severity : e->severity;
    }
    return rc;
}

static int give_rows(struct dg_evaluator *e, const struct dg_window_id *w, struct dg_error *err)
{
    const struct dg_sink_ops *ops = e->sink->ops;
    int rc = ops->window_begin(e->sink, w, err);
    for (size_t i = 0; i < e->n_rows && rc == 0; i++) {
        rc = ops->series(e->sink, &e->row[i].row, err);
    }
    for (size_t i = 0; i < e->n_slices && rc == 0; i++) {
        rc = ops->slice(e->sink, &e->slice[i].row, err);
    }
    return rc != 0 ? rc : ops->window_end(e->sink, err);
}

/* Rows of the window at hand, over all slices of everything. */
static bool is_silent(const struct dg_evaluator *e)
{
    for (size_t i = 0; i < e->n_slices; i++) {
        if (e->slice[i].row.rows > 0) {
            return false;
        }
    }
    return true;
}

static int note_pane(void *arg, const struct dg_delta *d)
{
    int64_t *pane_us = arg;
    *pane_us = d->pane_us < *pane_us ? d->pane_us : *pane_us;
    return 1; /* the first is the earliest */
}

/* After a silent window that is left out: straight to the next pane with rows. Of panes before
 * final_us the store has all; later ones may still be on their way. */
static int skip_silence(struct dg_evaluator *e, size_t spec, const struct dg_progress_of_time *t,
                        struct dg_error *err)
{
    const struct dg_slicer *s = &e->plan->slicer;
    const int64_t from_us = e->schedule.next_end[spec] - e->plan->monitor->window[spec].slide_us;
    int64_t next_us = t->final_us < t->newest_us ? t->final_us : t->newest_us;
    for (uint32_t g = 0; g < s->n_groups; g++) {
        const int rc = e->store->ops->visit(e->store, DG_STATE_SLICE, g * s->n_segments, from_us,
                                            INT64_MAX, note_pane, &next_us, err);
        if (rc > 1) {
            return rc;
        }
    }
    e->silent_left_out += dg_schedule_skip_to(&e->schedule, spec, next_us);
    return 0;
}

static int evaluate_window(struct dg_evaluator *e, size_t spec, int64_t end_us,
                           const struct dg_progress_of_time *t, struct dg_error *err)
{
    const struct dg_monitor *m = e->plan->monitor;
    const int64_t size = m->window[spec].size_us;
    const struct dg_window_id w = {m->name, m->hash, size, end_us - size, end_us};
    const enum dg_severity before = e->severity;
    int rc = evaluate_rows(e, &w, spec, err);
    rc = rc != 0 ? rc : finish_slices(e, spec, err);
    if (rc != 0) {
        return rc;
    }
    e->silent[spec] = is_silent(e) ? e->silent[spec] + 1 : 0;
    if (e->silent[spec] > DG_SILENT_WINDOWS_MAX) {
        e->silent_left_out++;
        return skip_silence(e, spec, t, err);
    }
    if (end_us <= e->options.from_us || end_us > e->options.to_us) {
        e->severity = before; /* evaluated for the memory of the rules only */
        return 0;
    }
    e->windows[spec]++;
    return give_rows(e, &w, err);
}

uint64_t dg_evaluator_silent_left_out(const struct dg_evaluator *e)
{
    return e->silent_left_out;
}

int64_t dg_evaluator_due(struct dg_evaluator *e, const struct dg_progress_of_time *t)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < e->plan->monitor->n_windows; i++) {
        const struct dg_window_spec *w = &e->plan->monitor->window[i];
        const int64_t origin = dg_span_origin(w->slide_us);
        const int64_t end = e->schedule.started[i]
                                ? e->schedule.next_end[i]
                                : dg_align_down(t->first_us, w->slide_us, origin) + w->size_us;
        due = end < due ? end : due;
    }
    return due <= t->final_us ? due : INT64_MAX;
}

int dg_evaluator_step(struct dg_evaluator *e, const struct dg_progress_of_time *t, bool *any,
                      struct dg_error *err)
{
    int64_t end_us = 0;
    const int spec =
        dg_schedule_next(&e->schedule, t->first_us, t->newest_us, t->final_us, &end_us);
    *any = spec >= 0;
    return spec < 0 ? 0 : evaluate_window(e, (size_t)spec, end_us, t, err);
}

int dg_evaluator_run(struct dg_evaluator *e, const struct dg_progress_of_time *t,
                     struct dg_error *err)
{
    bool more = true, any = false;
    int rc = dg_evaluator_step(e, t, &more, err);
    while (rc == 0 && more) {
        any = true;
        rc = dg_evaluator_step(e, t, &more, err);
    }
    if (rc == 0 && any) {
        e->store->ops->forget(e->store, dg_schedule_needed_from(&e->schedule));
    }
    return rc;
}

int64_t dg_evaluator_reach(const struct dg_evaluator *e)
{
    return dg_schedule_reach(&e->schedule);
}

int64_t dg_evaluator_needed_from(const struct dg_evaluator *e)
{
    return dg_schedule_needed_from(&e->schedule);
}

#define SHAPE 5

/* What keys and places in saved memory rest on. */
static void shape_of(const struct dg_plan *p, uint64_t out[SHAPE])
{
    out[0] = p->monitor->n_windows;
    out[1] = p->monitor->n_baselines;
    out[2] = p->monitor->n_checks;
    out[3] = p->n_columns;
    out[4] = p->slicer.n_segments;
}

void dg_evaluator_save(const struct dg_evaluator *e, struct dg_bytes *out)
{
    uint64_t shape[SHAPE];
    shape_of(e->plan, shape);
    dg_put_u8(out, MEMORY_VERSION);
    for (size_t i = 0; i < SHAPE; i++) {
        dg_put_varint(out, shape[i]);
    }
    dg_schedule_encode(&e->schedule, out);
    for (size_t i = 0; i < e->plan->monitor->n_windows; i++) {
        dg_put_varint(out, e->silent[i]);
    }
    dg_rules_encode(e->rules, out);
}

static int read_shape(const struct dg_evaluator *e, struct dg_reader *r, struct dg_error *err)
{
    uint64_t shape[SHAPE];
    shape_of(e->plan, shape);
    const uint8_t version = dg_get_u8(r);
    bool same = version == MEMORY_VERSION;
    for (size_t i = 0; i < SHAPE; i++) {
        same = dg_get_varint(r) == shape[i] && same;
    }
    return same && !r->failed ? 0
                              : dg_fail(err, EBADMSG,
                                        "saved memory of the evaluator has version %u, or belongs "
                                        "to another monitor",
                                        version);
}

int dg_evaluator_restore(struct dg_evaluator *e, const uint8_t bytes[], size_t n,
                         struct dg_error *err)
{
    const size_t n_windows = e->plan->monitor->n_windows;
    struct dg_reader r = {bytes, bytes + n, false};
    struct dg_schedule schedule = {0};
    uint64_t *silent = calloc(n_windows + 1, sizeof *silent);
    int rc =
        silent == NULL ? dg_fail_memory(err) : dg_schedule_init(&schedule, e->plan->monitor, err);
    rc = rc != 0 ? rc : read_shape(e, &r, err);
    rc = rc != 0 ? rc : dg_schedule_decode(&schedule, &r, err);
    for (size_t i = 0; i < n_windows && rc == 0; i++) {
        silent[i] = dg_get_varint(&r);
    }
    rc = rc != 0 ? rc : dg_rules_decode(e->rules, &r, err);
    if (rc == 0) {
        dg_schedule_deinit(&e->schedule);
        e->schedule = schedule;
        schedule = (struct dg_schedule){0};
        memcpy(e->silent, silent, n_windows * sizeof *silent);
    }
    dg_schedule_deinit(&schedule);
    free(silent);
    return rc;
}

uint64_t dg_evaluator_windows(const struct dg_evaluator *e, size_t spec)
{
    return e->windows[spec];
}

enum dg_severity dg_evaluator_severity(const struct dg_evaluator *e)
{
    return e->severity;
}
