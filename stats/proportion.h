/* stats/proportion.h -- tests and intervals of shares: exact at any sample size. */
#ifndef DG_STATS_PROPORTION_H
#define DG_STATS_PROPORTION_H

#include "stats/base.h"

#define DG_FISHER_EXPECTED_MAX 10000.0 /* smallest expected count above which z replaces Fisher */

/*
 * Two-sided p that k1 of n1 and k2 of n2 have the same rate: Fisher's exact test, or the pooled
 * two-proportion z where every expected count is above DG_FISHER_EXPECTED_MAX. A design effect
 * deff >= 1 divides the counts (rounded to whole ones). 1 if n1 or n2 is 0 (nothing to compare);
 * k1 <= n1, k2 <= n2, else NAN. Cost: 1 to 10 us.
 */
double dg_proportion_p(uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2, double deff);

/*
 * P(at least k of n new values fall outside [min, max] of m reference values | equal continuous
 * distributions). The two end spacings of the reference have the same joint law as the first two,
 * so this is P(at most one reference value among the k + 1 smallest of the pooled n + m): a
 * hypergeometric tail (distribution-free, Wilks 1941 and the theory of exceedances). Ties make it
 * conservative. m = 1: every value but a tie is outside; gives 1. deff divides n and k (rounded
 * down). k <= n, m >= 1, else NAN. Cost: under 1 us.
 */
double dg_range_p(uint64_t k, uint64_t n, uint64_t m, double deff);

/*
 * P(at least k events of never-seen categories among n | the reference of m has `singletons`
 * categories seen exactly once): given singletons, the count of new ones is negative binomial with
 * r = singletons + 1 and success probability m/(m + n) (after Good 1953). Simulated size 0.043 to
 * 0.060 at 0.05 on Zipf populations. deff divides k and singletons. n, m >= 1, else NAN.
 */
double dg_new_category_p(uint64_t k, uint64_t n, uint64_t m, uint64_t singletons, double deff);

/* Wilson's (1927) interval of a proportion k/n at `confidence` (0.95, say): always inside [0, 1],
 * good from n = 1. n = 0 gives [0, 1]. */
void dg_wilson(uint64_t k, uint64_t n, double confidence, double *low, double *high);

#endif
