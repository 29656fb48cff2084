/* stats/divergence.h -- distances between two share vectors over the same cells.
 * p[cells] and q[cells] are nonnegative and sum to 1; p is the current sample, q the reference.
 * All are O(cells) and never NAN for such input. */
#ifndef DG_STATS_DIVERGENCE_H
#define DG_STATS_DIVERGENCE_H

#include "stats/base.h"

/* Jensen-Shannon distance: the square root of the divergence
 * 1/2 sum p log2(p/mid) + 1/2 sum q log2(q/mid), mid = (p + q)/2, 0 log 0 = 0 (Lin 1991; Endres
 * and Schindelin 2003 for the metric). In [0, 1]. */
double dg_js_distance(const double p[], const double q[], size_t cells);

/* sqrt(1 - sum sqrt(p q)), computed as sqrt(1/2 sum (sqrt p - sqrt q)^2). In [0, 1]. */
double dg_hellinger(const double p[], const double q[], size_t cells);

/* Kullback-Leibler divergence sum p ln(p/q) in nats; +INFINITY where q = 0 < p. */
double dg_kl(const double p[], const double q[], size_t cells);

/* Total variation 1/2 sum |p - q|, in [0, 1]. */
double dg_total_variation(const double p[], const double q[], size_t cells);

/* Under equal distributions 8 JSD/c is chi-square with cells - 1 degrees of freedom, JSD in nats,
 * c = deff (1/n + 1/m). `js` is the base-2 distance of smoothed shares (a = 0.5). */
double dg_js_p(double js, double c, double df);

#endif
