/* engine/state.h -- one mergeable state of any kind, by plan: what deltas are decoded into. */
#ifndef DG_ENGINE_STATE_H
#define DG_ENGINE_STATE_H

#include "engine/counters.h"
#include "engine/plan.h"
#include "stats/category.h"
#include "stats/numeric.h"

enum dg_state_kind {
    DG_STATE_SERIES, /* id = series: dg_numeric or dg_category, as the column's type says */
    DG_STATE_SLICE,  /* id = slice: dg_counters, rows only */
    DG_STATE_STREAM, /* id = 0: dg_counters */
    DG_STATE_KINDS
};

/* Scratch that takes the form of the series it was last reset for. Zeroed = empty. Large (~8 KiB).
 */
struct dg_state {
    enum dg_state_kind kind;
    enum dg_feature_type type; /* of a series */
    struct dg_numeric numeric;
    struct dg_category category;
    struct dg_counters counters;
    bool ready; /* numeric and category have been initialised */
};

void dg_state_deinit(struct dg_state *s);
/* Empty, in the form of (kind, id). */
void dg_state_reset(struct dg_state *s, const struct dg_plan *plan, enum dg_state_kind kind,
                    uint32_t id);
/* Values in the distribution of a series. A number out of range is none; a category that was not
 * declared is one. */
uint64_t dg_state_values(const struct dg_state *s);
DG_MUST_CHECK int dg_state_add_encoded(struct dg_state *s, const uint8_t bytes[], size_t n);
void dg_state_encode(const struct dg_state *s, struct dg_bytes *out);

#endif
