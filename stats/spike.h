/* stats/spike.h -- the largest share difference of any cell: finds a spike or a hole that the
 * smooth statistics miss. */
#ifndef DG_STATS_SPIKE_H
#define DG_STATS_SPIKE_H

#include "stats/base.h"

struct dg_spike {
    double linf;   /* max over cells of |p_j - q_j| */
    double p;      /* min(1, 2 K least tail), K = cells that are not empty in both */
    size_t cell;   /* where linf is reached; the first of equals */
    size_t p_cell; /* where the least tail is */
};

/*
 * Compare reference[cells] with current[cells], of sums m and n > 0. Given the total t_j of a cell
 * its current count is binomial(t_j, n/(n+m)) under equal distributions; p is Bonferroni over both
 * tails of all cells, so it is conservative at any sample size (size 0.013 at 0.05 for n = 1000).
 * Power 0.95 at n = 1000, alpha 0.01 against 2 % contamination at 4 sigma, where PSI and KS see
 * nothing. deff >= 1 divides the counts, the incomplete beta function interpolating.
 *
 * Only the cells that can hold the least tail are evaluated: the tail of a whole count is at least
 * Phi(-sqrt(2 D)), D = t KL(share || n/(n+m)) (Zubkov and Serov 2013), and D is at most the squared
 * Pearson residual of the cell. Cost: O(cells), 2 us at 200 cells.
 */
void dg_spike(const uint64_t reference[], const uint64_t current[], size_t cells, double deff,
              struct dg_spike *out);

#endif
