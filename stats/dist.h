/* stats/dist.h -- tails of the classical distributions. The only file that knows the GNU
 * Scientific Library; everything else asks here, and gets numbers that are safe to use:
 *
 *   - no call can abort the process: GSL's default error handler, which does, is switched off
 *     before its first use (see dg_stats_init);
 *   - every tail is clamped to [DG_P_MIN, 1], so that a logarithm of it is finite;
 *   - an argument outside the documented range, NAN included, gives NAN and nothing else does.
 *
 * Accuracy against scipy is pinned to 1e-9 relative or better by tests/golden/test_dist.c.
 * Cost: 0.05 to 1 us a call. All functions are pure and may be called from any thread. */
#ifndef DG_STATS_DIST_H
#define DG_STATS_DIST_H

#include "stats/base.h"

#define DG_P_MIN 1e-300

/*
 * Switch off GSL's aborting error handler. Idempotent, safe from any number of threads (it runs
 * through pthread_once) and never undone. Every function of this header calls it first, so nobody
 * has to; a program that also uses GSL itself may call it at start to know when it happens.
 */
void dg_stats_init(void);

/* p moved into [DG_P_MIN, 1]; NAN stays NAN. */
double dg_p_clamp(double p);

/* P(chi2_df > x) and P(chi2_df <= x), df > 0 (need not be whole). x <= 0 gives 1 and DG_P_MIN,
 * x = +inf gives DG_P_MIN and 1. */
double dg_chi2_upper(double x, double df);
double dg_chi2_lower(double x, double df);

/* The x with P(chi2_df > x) = alpha, 0 < alpha < 1. */
double dg_chi2_critical(double alpha, double df);

/* P(Z <= z), P(Z > z) of the standard normal, and the z with P(Z <= z) = p, 0 < p < 1. */
double dg_normal_lower(double z);
double dg_normal_upper(double z);
double dg_normal_quantile(double p);

/* P(T_df > t), df > 0; P(F_{df1,df2} > x), df1, df2 > 0. The F tail is the chi-square test whose
 * design effect was itself estimated (Rao and Scott 1984): x = X2/(deff df1), df2 = df1 (M - 1)
 * with M reference windows. */
double dg_t_upper(double t, double df);
double dg_f_upper(double x, double df1, double df2);

/* P(X >= k) and P(X <= k) for a Poisson X of mean mu >= 0. */
double dg_poisson_upper(uint64_t k, double mu);
double dg_poisson_lower(uint64_t k, double mu);

#endif
