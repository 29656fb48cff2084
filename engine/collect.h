/* engine/collect.h -- the merged state of one series over a span of panes. */
#ifndef DG_ENGINE_COLLECT_H
#define DG_ENGINE_COLLECT_H

#include "engine/store.h"

/* What the order of panes tells, which their merged state no longer knows. */
struct dg_pane_trend {
    uint32_t panes; /* with at least one finite value */
    bool rising;    /* each pane's least value lies above the one before's greatest */
    bool falling;
    int64_t pane_us; /* private: the pane at hand, its extremes and the last one's */
    double low, high, last_low, last_high;
};
void dg_pane_trend_init(struct dg_pane_trend *t);
/* At least three panes, all rising or all falling: an id or a clock, not a feature. */
bool dg_pane_trend_monotone(const struct dg_pane_trend *t);

/* Add the deltas of (kind, id) with from_us <= pane < to_us to `state`, which the caller has reset
 * for it. `trend` may be NULL. Returns 0, or the store's error, EBADMSG for a corrupt delta,
 * ENOMEM. */
DG_MUST_CHECK int dg_collect(struct dg_store *store, int64_t from_us, int64_t to_us,
                             enum dg_state_kind kind, uint32_t id, struct dg_state *state,
                             struct dg_pane_trend *trend, struct dg_error *err);

#endif
