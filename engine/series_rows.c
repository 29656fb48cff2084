#include "engine/series_rows.h"

#include <math.h>

void dg_series_scratch_deinit(struct dg_series_scratch *s)
{
    dg_state_deinit(&s->current);
    dg_state_deinit(&s->reference);
    dg_compare_scratch_deinit(&s->compare);
}

size_t dg_series_rows_of(const struct dg_plan *plan, uint32_t group)
{
    size_t n = 0;
    for (size_t b = 0; b < plan->monitor->n_baselines; b++) {
        n += !dg_reference_skips(plan, b, group);
    }
    return n == 0 ? 1 : n;
}

/* Rule memory is kept per window size, baseline and series. */
static uint64_t memory_key(const struct dg_plan *plan, size_t spec, size_t baseline,
                           uint32_t series)
{
    const struct dg_monitor *m = plan->monitor;
    return ((uint64_t)series * (m->n_baselines + 2) + baseline) * m->n_windows + spec;
}

/* Every statistic unknown until something has been compared. */
static void no_comparison(struct dg_series_row *row)
{
    row->drift = dg_drift_undefined;
    row->reference_mean = row->reference_sd = row->p_adjusted = NAN;
}

/* Who the row is about, and its current state. */
static int describe(const struct dg_reference_context *c, struct dg_series_scratch *s,
                    const struct dg_series_task *task, struct dg_ruled_row *r, struct dg_error *err)
{
    const struct dg_plan *p = c->plan;
    const struct dg_slicer *slicer = &p->slicer;
    const struct dg_feature *f = p->column[task->column].feature;
    const uint32_t series =
        dg_plan_series(p, task->group * slicer->n_segments + task->segment, task->column);
    struct dg_pane_trend trend;
    dg_pane_trend_init(&trend);
    dg_state_reset(&s->current, p, DG_STATE_SERIES, series);
    int rc = dg_collect(c->store, task->window->start_us, task->window->end_us, DG_STATE_SERIES,
                        series, &s->current, &trend, err);
    *r = (struct dg_ruled_row){
        .row = {.window = *task->window,
                .slice = {slicer->group[task->group].version, slicer->group[task->group].variant,
                          slicer->segment_name[task->segment]},
                .column = f->name,
                .type = f->type,
                .role = f->role,
                .importance = f->importance,
                .baseline = "",
                .baseline_version = "",
                .status = DG_STATUS_NO_REFERENCE},
        .group = task->group,
        .level = slicer->segment_level[task->segment],
        .memory = series};
    no_comparison(&r->row);
    rc = rc != 0 ? rc : dg_describe(&s->current, &r->row, err);
    r->row.flags |= rc == 0 && dg_pane_trend_monotone(&trend) ? DG_SERIES_MONOTONE : 0u;
    return rc;
}

/* Compare the current state with one baseline, or say why it cannot be done. */
static int compare(const struct dg_reference_context *c, struct dg_series_scratch *s,
                   const struct dg_series_task *task, size_t baseline, struct dg_series_row *row,
                   struct dg_error *err)
{
    const struct dg_monitor *m = c->plan->monitor;
    const uint64_t least = m->drift.min_rows;
    bool found = false;
    row->baseline = m->baseline[baseline].name;
    row->baseline_version = c->file[baseline] != NULL ? c->file[baseline]->version : "";
    const int rc = dg_reference_collect(c, baseline, task->window, task->group, task->segment,
                                        task->column, &s->reference, &found, err);
    if (rc != 0) {
        return rc;
    }
    row->reference_n = found ? dg_state_values(&s->reference) : 0;
    row->status = row->n < least || row->n == 0                       ? DG_STATUS_INSUFFICIENT
                  : row->reference_n < least || row->reference_n == 0 ? DG_STATUS_NO_REFERENCE
                                                                      : DG_STATUS_OK;
    return row->n > 0 && row->reference_n > 0
               ? dg_compare(&s->compare, &s->reference, &s->current, row, err)
               : 0;
}

int dg_series_rows(const struct dg_reference_context *c, struct dg_series_scratch *s,
                   const struct dg_series_task *task, struct dg_ruled_row rows[],
                   struct dg_error *err)
{
    struct dg_ruled_row described;
    int rc = describe(c, s, task, &described, err);
    const uint32_t series = (uint32_t)described.memory;
    size_t n = 0;
    rows[0] = described;
    for (size_t b = 0; b < c->plan->monitor->n_baselines && rc == 0; b++) {
        if (dg_reference_skips(c->plan, b, task->group)) {
            continue;
        }
        rows[n] = described;
        rows[n].baseline = (uint32_t)b;
        rc = compare(c, s, task, b, &rows[n].row, err);
        n++;
    }
    for (size_t i = 0; i < (n == 0 ? 1 : n); i++) {
        rows[i].memory = memory_key(c->plan, task->spec, rows[i].baseline, series);
        dg_row_round(&rows[i].row);
    }
    return rc;
}
