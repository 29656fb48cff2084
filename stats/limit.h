/* stats/limit.h -- tails of the limiting distributions of the empirical process: Kolmogorov,
 * Cramer-von Mises, Anderson-Darling. Deterministic series and quadratures; nothing random,
 * nothing tabulated but quadrature nodes. Results lie in [DG_P_MIN, 1]; NAN in gives NAN out. */
#ifndef DG_STATS_LIMIT_H
#define DG_STATS_LIMIT_H

#include "stats/base.h"

/*
 * P(sup |B(t)| > z), B a Brownian bridge on [0, 1] (Kolmogorov 1933, Smirnov 1948).
 * z < 1.18: 1 - sqrt(2 pi)/z sum_{k=1..4} exp(-(2k-1)^2 pi^2/(8 z^2));
 * else 2 sum_{k=1..5} (-1)^(k-1) exp(-2 k^2 z^2). Relative error below 1e-14. z <= 0 gives 1.
 */
double dg_kolmogorov_upper(double z);

/*
 * The argument for dg_kolmogorov_upper when the exact law of sqrt(size) D is wanted for a sample
 * of effective size `size`: z + 1/(6 sqrt(size)) + (z - 1)/(4 size) (Vrbik 2018, 2020). For two
 * samples it holds if one is at least ten times the other (size = nm/(n+m)); p is then within
 * -2 % .. +6 % of the exact value for p >= 0.001 and n >= 50.
 */
double dg_vrbik(double z, double size);

/*
 * P(W2 > x) for W2 = integral of B(t)^2 dt = sum_k Z_k^2/(k pi)^2, the limit of the
 * Cramer-von Mises statistic; and P(A2 > x) for A2 = integral of B(t)^2/(t(1-t)) dt =
 * sum_k Z_k^2/(k(k+1)), the limit of the Anderson-Darling statistic.
 * Smirnov's alternating sum of integrals between consecutive poles of the characteristic
 * function, by Gauss-Chebyshev quadrature (32 nodes an interval), and by the trapezoidal rule at
 * the first pole for large x. Relative error about 1e-12 over the whole range of p down to
 * DG_P_MIN. The usual closed form for A2 (Marsaglia and Marsaglia 2004) has an absolute error of
 * 1e-6 and is wrong beyond x = 8. Cost: 1 to 5 us.
 */
double dg_cvm_upper(double x);
double dg_ad_upper(double x);

#endif
