/* engine/admitted.h -- what admission decided for one batch. */
#ifndef DG_ENGINE_ADMITTED_H
#define DG_ENGINE_ADMITTED_H

#include "stats/base.h"

/* What was decided for one batch; reused. */
struct dg_admitted {
    int32_t *pane;   /* [n] index into start, or -1: the row does not count */
    uint8_t *reason; /* [n] enum dg_reason: why the row is bad; DG_GOOD also of late rows and
                        duplicates */
    size_t n;
    size_t cap;
    size_t n_rows;  /* rows that count */
    int64_t *start; /* [n_panes] pane starts, in order of first appearance */
    size_t n_panes;
    size_t cap_panes;
};
void dg_admitted_deinit(struct dg_admitted *a);
/* Room for n rows, and nothing decided yet. 0 or ENOMEM. */
DG_MUST_CHECK int dg_admitted_reserve(struct dg_admitted *out, size_t n);
/* The index of the pane that starts there, added if need be. 0 or ENOMEM. */
DG_MUST_CHECK int dg_admitted_pane(struct dg_admitted *out, int64_t start, int32_t *index);

#endif
