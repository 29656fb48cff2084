/* engine/series_rows.h -- the result rows of one series in one window: its state described, then
 * compared with every baseline. */
#ifndef DG_ENGINE_SERIES_ROWS_H
#define DG_ENGINE_SERIES_ROWS_H

#include "engine/compare.h"
#include "engine/reference.h"
#include "engine/rules.h"

/* What one thread works with; zeroed = empty. Some 30 KiB. */
struct dg_series_scratch {
    struct dg_state current, reference;
    struct dg_compare_scratch compare;
};
void dg_series_scratch_deinit(struct dg_series_scratch *s);

struct dg_series_task {
    const struct dg_window_id *window;
    size_t spec; /* the window's, in the monitor */
    uint32_t group, segment;
    size_t column;
};

/* Rows of each series of the group: one per baseline that applies, at least one. */
size_t dg_series_rows_of(const struct dg_plan *plan, uint32_t group);

/* Fill rows[dg_series_rows_of], not judged yet. The store is only read. Errors as dg_collect. */
DG_MUST_CHECK int dg_series_rows(const struct dg_reference_context *c, struct dg_series_scratch *s,
                                 const struct dg_series_task *task, struct dg_ruled_row rows[],
                                 struct dg_error *err);

#endif
