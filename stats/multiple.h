/* stats/multiple.h -- control of false discoveries over a family of p-values. */
#ifndef DG_STATS_MULTIPLE_H
#define DG_STATS_MULTIPLE_H

#include "stats/base.h"

/*
 * Adjusted p-values: reject adjusted[i] <= q to keep the expected share of false rejections <= q.
 *
 *   bh  adjusted[i] = min over ranks j >= rank(i) of F p_(j)/j, at most 1
 *       (Benjamini and Hochberg 1995): independent or positively dependent tests;
 *   by  the same times 1 + 1/2 + ... + 1/F (Benjamini and Yekutieli 2001): any dependence.
 *
 * F is the number of p[n] that are not NAN; NAN entries stay NAN. Values must lie in [0, 1].
 * p and adjusted may be the same array; scratch [n] is overwritten. Equal p-values get equal
 * results, whatever their order. No allocation. Cost: O(n log n), 10 us at n = 100.
 */
void dg_adjust_bh(const double p[], size_t n, size_t scratch[], double adjusted[]);
void dg_adjust_by(const double p[], size_t n, size_t scratch[], double adjusted[]);

#endif
