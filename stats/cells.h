/* stats/cells.h -- two samples counted over the same cells: what PSI, the divergences and the
 * chi-square tests read. */
#ifndef DG_STATS_CELLS_H
#define DG_STATS_CELLS_H

#include "stats/base.h"

#define DG_CELLS_MAX    258 /* DG_DICTIONARY_MAX + 2 */
#define DG_CELL_MINIMUM 5.0 /* expected count below which a cell is pooled before a p-value */
#define DG_CELL_PRIOR   0.5 /* added to each count by dg_cells_shares */

/* Counts, exact in doubles below 2^53. A value struct: copy it freely. */
struct dg_cells {
    size_t cells;                   /* <= DG_CELLS_MAX */
    double n, m;                    /* sums of current and of reference */
    double current[DG_CELLS_MAX];   /* [cells] >= 0 */
    double reference[DG_CELLS_MAX]; /* [cells] >= 0 */
};

/* Append a cell; cells that are empty in both samples are left out, for they carry nothing. */
void dg_cells_add(struct dg_cells *c, double reference, double current);

/*
 * Merge cells until each has an expected count of at least DG_CELL_MINIMUM.
 * ordinal: min(n, m)/deff r_j/m; neighbours, greedily from the left, a small remainder joining the
 * last cell.
 * nominal: min(n, m)/deff (r_j + c_j)/(n + m), of both samples: which cells the reference alone has
 * much of is chance where they are alike, and the test would see them shrink (86 % instead of 5 %
 * for 200 equal categories at n = m = 500). All small cells, and the last `tail` ones whatever
 * their size (`other` and `new`: which categories they hold was decided by the reference), become
 * one rare cell; if that is still too small it swallows the smallest of the others. Returns whether
 * anything was merged. Without it the tests reject far too often: 37 % instead of 5 % for skewed
 * shares at n = 100.
 */
bool dg_cells_pool_ordinal(struct dg_cells *c, double deff);
bool dg_cells_pool_nominal(struct dg_cells *c, double deff, size_t tail);

/* Smoothed shares p = (count + a)/(n + a cells) of the current sample, q of the reference; a = 0
 * gives the plain ones and needs n, m > 0. p, q [cells]. */
void dg_cells_shares(const struct dg_cells *c, double a, double p[], double q[]);

#endif
