#include "engine/reference.h"

#include <errno.h>
#include <string.h>

static int from_file(const struct dg_reference_context *c, size_t baseline, uint32_t segment,
                     size_t column, struct dg_state *state, bool *found, struct dg_error *err)
{
    const struct dg_baseline *b = c->file[baseline];
    const struct dg_feature *f = c->plan->column[column].feature;
    const int at = dg_baseline_find_column(b, f->name);
    const int seg = dg_baseline_find_segment(b, c->plan->slicer.segment_name[segment]);
    if (at < 0 || seg < 0 || b->column[at].type != f->type || b->column[at].state[seg].len == 0) {
        return 0;
    }
    /* Two baseline files have bins of their own; only the plan's are those of the panes. */
    if (f->type == DG_FEATURE_NUMERIC) {
        state->numeric.binning = b->column[at].binning;
    } else {
        state->category.dictionary = b->column[at].dictionary;
    }
    const int rc =
        dg_state_add_encoded(state, b->column[at].state[seg].data, b->column[at].state[seg].len);
    *found = rc == 0;
    return rc == 0 ? 0
           : rc == ENOMEM
               ? dg_fail_memory(err)
               : dg_fail(err, rc, "baseline %s: the state of %s is corrupt; build it again",
                         b->name, f->name);
}

static int from_variant(const struct dg_reference_context *c, const struct dg_baseline_spec *spec,
                        const struct dg_window_id *w, uint32_t segment, size_t column,
                        struct dg_state *state, bool *found, struct dg_error *err)
{
    const struct dg_slicer *s = &c->plan->slicer;
    for (uint32_t g = 0; g < s->n_groups; g++) {
        if (strcmp(s->group[g].variant, spec->variant) != 0) {
            continue;
        }
        const uint32_t id = dg_plan_series(c->plan, g * s->n_segments + segment, column);
        const int rc =
            dg_collect(c->store, w->start_us, w->end_us, DG_STATE_SERIES, id, state, NULL, err);
        if (rc != 0) {
            return rc;
        }
    }
    *found = dg_state_values(state) > 0;
    return 0;
}

static int from_seasons(const struct dg_reference_context *c, const struct dg_baseline_spec *spec,
                        const struct dg_window_id *w, uint32_t id, struct dg_state *state,
                        bool *found, struct dg_error *err)
{
    uint32_t cycles = 0;
    for (uint32_t k = 1; k <= spec->cycles; k++) {
        const uint64_t before = dg_state_values(state);
        const int64_t shift = spec->period_us * k;
        const int rc = dg_collect(c->store, w->start_us - shift, w->end_us - shift, DG_STATE_SERIES,
                                  id, state, NULL, err);
        if (rc != 0) {
            return rc;
        }
        cycles += dg_state_values(state) > before;
    }
    *found = cycles >= spec->min_cycles;
    return 0;
}

int dg_reference_collect(const struct dg_reference_context *c, size_t baseline,
                         const struct dg_window_id *w, uint32_t group, uint32_t segment,
                         size_t column, struct dg_state *state, bool *found, struct dg_error *err)
{
    const struct dg_baseline_spec *spec = &c->plan->monitor->baseline[baseline];
    const uint32_t id =
        dg_plan_series(c->plan, group * c->plan->slicer.n_segments + segment, column);
    int64_t from_us = w->start_us - w->size_us;
    *found = false;
    dg_state_reset(state, c->plan, DG_STATE_SERIES, id);
    switch (spec->kind) {
    case DG_BASELINE_FILE:
        return from_file(c, baseline, segment, column, state, found, err);
    case DG_BASELINE_VARIANT:
        return from_variant(c, spec, w, segment, column, state, found, err);
    case DG_BASELINE_SEASONAL:
        return from_seasons(c, spec, w, id, state, found, err);
    case DG_BASELINE_TRAILING:
        from_us = w->start_us - spec->span_us;
        break;
    case DG_BASELINE_PREVIOUS:
        break;
    }
    const int rc =
        dg_collect(c->store, from_us, w->start_us, DG_STATE_SERIES, id, state, NULL, err);
    *found = rc == 0 && dg_state_values(state) > 0;
    return rc;
}

bool dg_reference_skips(const struct dg_plan *plan, size_t baseline, uint32_t group)
{
    const struct dg_baseline_spec *spec = &plan->monitor->baseline[baseline];
    return spec->kind == DG_BASELINE_VARIANT &&
           strcmp(plan->slicer.group[group].variant, spec->variant) == 0;
}
