/* engine/compare.h -- two states of a series into the statistics of a result row. */
#ifndef DG_ENGINE_COMPARE_H
#define DG_ENGINE_COMPARE_H

#include "engine/result.h"
#include "engine/state.h"

/* Large scratch, one per evaluating thread. Zeroed = empty. */
struct dg_compare_scratch {
    struct dg_sketch_cell_view *cell; /* [cap_cells] */
    size_t cap_cells;
    struct dg_weighted *weighted; /* [cap_cells] */
    double *below;                /* [cap_cells] */
    struct dg_binning binning;    /* made from a reference sketch */
    uint64_t count[2][DG_BINS_MAX];
    struct dg_sketch aligned[2];
    uint64_t *keyed_count[2];    /* [cap_keyed] categories without a common dictionary */
    const struct dg_keyed **key; /* [cap_keyed] */
    size_t cap_keyed;
    struct dg_keyed *ranked; /* [cap_ranked] the reference's keys, most frequent first */
    size_t cap_ranked;
};
void dg_compare_scratch_deinit(struct dg_compare_scratch *s);

/* The row's description of the current state: counts, moments, quantiles, completeness. */
DG_MUST_CHECK int dg_describe(const struct dg_state *current, struct dg_series_row *row,
                              struct dg_error *err);

/* Fill row->drift, reference_*, top and spark. Both states have values. 0 or ENOMEM. */
DG_MUST_CHECK int dg_compare(struct dg_compare_scratch *s, const struct dg_state *reference,
                             const struct dg_state *current, struct dg_series_row *row,
                             struct dg_error *err);

/* Every double of the row to 12 significant digits. */
void dg_row_round(struct dg_series_row *row);

#endif
