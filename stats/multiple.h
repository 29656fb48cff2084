/* stats/multiple.h -- control of false discoveries over a family of p-values. */
#ifndef DG_STATS_MULTIPLE_H
#define DG_STATS_MULTIPLE_H

#include "stats/base.h"

/* Adjusted p-values (Benjamini-Hochberg 1995; Benjamini-Yekutieli 2001 under any dependence):
 * adjusted[i] = min over j with p_j >= p_i of F p_(j) / j, at most 1. NAN entries stay NAN and do
 * not count in F. p and adjusted may be the same array. scratch [n]. */
void dg_adjust_bh(const double p[], size_t n, size_t scratch[], double adjusted[]);
void dg_adjust_by(const double p[], size_t n, size_t scratch[], double adjusted[]);

#endif
