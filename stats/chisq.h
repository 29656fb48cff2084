/* stats/chisq.h -- Pearson's chi-square and the likelihood-ratio G of two samples over cells. */
#ifndef DG_STATS_CHISQ_H
#define DG_STATS_CHISQ_H

#include "stats/cells.h"

struct dg_chisq {
    double x2;     /* Pearson: sum (c sqrt(m/n) - r sqrt(n/m))^2/(c + r) (Pearson 1900) */
    double x2_p;   /* x2/deff against chi-square with df degrees of freedom */
    double g;      /* 2 sum O ln(O/E) (Wilks 1938) */
    double g_p;    /* likewise */
    double v;      /* Cramer's V of the 2 x cells table: sqrt(x2/(n + m)); depends on n : m */
    double effect; /* sqrt(x2 (1/n + 1/m)): the same without the sample sizes */
    uint32_t df;   /* non-empty cells - 1 */
};

/*
 * Compare the two samples of `c`, pooled already where counts are small; deff >= 1 is the design
 * effect (first-order Rao and Scott 1981). n, m > 0. df = 0 gives p = 1. Cost: O(cells), two
 * logarithms a cell.
 */
void dg_chisq(const struct dg_cells *c, double deff, struct dg_chisq *out);

#endif
