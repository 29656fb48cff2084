#include "engine/state.h"

void dg_state_deinit(struct dg_state *s)
{
    if (s->ready) {
        dg_numeric_deinit(&s->numeric);
        dg_category_deinit(&s->category);
    }
    dg_counters_deinit(&s->counters);
    s->ready = false;
}

static void reset_series(struct dg_state *s, const struct dg_plan_column *c)
{
    if (!s->ready) {
        dg_numeric_init(&s->numeric, NULL);
        dg_category_init(&s->category, NULL);
        s->ready = true;
    }
    s->type = c->feature->type;
    if (s->type == DG_FEATURE_NUMERIC) {
        dg_numeric_reset(&s->numeric);
        s->numeric.binning = c->binning;
    } else {
        dg_category_reset(&s->category);
        s->category.dictionary = c->dictionary;
    }
}

void dg_state_reset(struct dg_state *s, const struct dg_plan *plan, enum dg_state_kind kind,
                    uint32_t id)
{
    s->kind = kind;
    if (kind == DG_STATE_SERIES) {
        reset_series(s, &plan->column[id % plan->n_columns]);
    } else {
        dg_counters_reset(&s->counters);
    }
}

uint64_t dg_state_values(const struct dg_state *s)
{
    return s->type == DG_FEATURE_NUMERIC
               ? s->numeric.triage[DG_FINITE]
               : s->category.triage[DG_FINITE] + s->category.triage[DG_OUT_OF_RANGE];
}

int dg_state_add_encoded(struct dg_state *s, const uint8_t bytes[], size_t n)
{
    if (s->kind != DG_STATE_SERIES) {
        return dg_counters_add_encoded(&s->counters, bytes, n);
    }
    return s->type == DG_FEATURE_NUMERIC ? dg_numeric_add_encoded(&s->numeric, bytes, n)
                                         : dg_category_add_encoded(&s->category, bytes, n);
}

void dg_state_encode(const struct dg_state *s, struct dg_bytes *out)
{
    if (s->kind != DG_STATE_SERIES) {
        dg_counters_encode(&s->counters, out);
    } else if (s->type == DG_FEATURE_NUMERIC) {
        dg_numeric_encode(&s->numeric, out);
    } else {
        dg_category_encode(&s->category, out);
    }
}
