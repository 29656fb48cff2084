/* stats/counts.h -- tails of the discrete distributions of counts: binomial, negative binomial,
 * hypergeometric, and Fisher's exact test.
 *
 * GSL's versions take 32-bit arguments, lose half their digits at n = 1e8 and give NAN at n = 1e9
 * near the mean. These are built on Loader's saddle-point form of the binomial probability (2000),
 * whose relative error stays near 1e-13 at any n, times a continued fraction (binomial) or a
 * geometric-like sum (hypergeometric) for the tail. Whole counts up to 2^53.
 *
 * All tails are clamped to [DG_P_MIN, 1]; arguments out of range give NAN. */
#ifndef DG_STATS_COUNTS_H
#define DG_STATS_COUNTS_H

#include "stats/base.h"

/*
 * P(X >= k) and P(X <= k), X binomial of n trials and success probability a/(a + b). Giving the
 * odds a : b instead of p keeps both p and 1 - p exact; a, b >= 0, a + b > 0.
 * k and n need not be whole: the regularised incomplete beta function interpolates, which is how a
 * design effect enters (effective counts k/deff of n/deff).
 * Cost: 0.2 us in the tails, O(sqrt(n)) steps near the mean (20 us at n = 1e8).
 */
double dg_binomial_upper(double k, double n, double a, double b);
double dg_binomial_lower(double k, double n, double a, double b);

/* P(Y >= k) where Y counts failures before the r-th success (r > 0), success odds a : b. */
double dg_negative_binomial_upper(double k, double r, double a, double b);

/* P(H <= k), P(H >= k): marked balls among `drawn` drawn without replacement from `marked` +
 * `plain`; drawn <= marked + plain. Cost: O(sd of H) steps of a few ns. */
double dg_hypergeometric_lower(uint64_t k, uint64_t marked, uint64_t plain, uint64_t drawn);
double dg_hypergeometric_upper(uint64_t k, uint64_t marked, uint64_t plain, uint64_t drawn);

/*
 * Fisher's exact two-sided p for k1 hits of n1 against k2 of n2: the total probability, given the
 * margins, of the tables that are at most as probable as the one seen (within 1e-7 relative, so
 * that ties decided by rounding count as ties). n1, n2 >= 1, k1 <= n1, k2 <= n2, else NAN.
 */
double dg_fisher_two_sided(uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2);

/* ln P(X = k) for the same X, whole or not; -INFINITY where it is 0. */
double dg_binomial_log_pmf(double k, double n, double a, double b);

/* x ln(x/mu) + mu - x without cancellation, x >= 0, mu > 0: half a Poisson deviance. */
double dg_deviance(double x, double mu);

#endif
