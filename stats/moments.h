/* stats/moments.h -- exact fixed-point moments of a stream of numbers. */
#ifndef DG_STATS_MOMENTS_H
#define DG_STATS_MOMENTS_H

#include "stats/base.h"

#define DG_FIXED_MAX   (INT64_C(1) << 50) /* a fixed-point value lies in +-DG_FIXED_MAX */
#define DG_SHAPE_SHIFT 2                  /* bits that third and fourth powers leave out */

/*
 * Values are fixed = llrint((x - origin) / unit), |fixed| <= 2^50. Third and fourth powers are of
 * h = floor((fixed + 2) / 4) clamped to +-2^26; t1 and t2 are the lower sums of the same h, so
 * that s3 and s4 can be centred exactly. All sums are exact up to n = 2^22 values at the clamps,
 * and up to n = 2^46 while |h| stays below 2^20 (4 sd of the reference). A zeroed struct is empty.
 */
struct dg_moments {
    uint64_t n;
    uint64_t n_clamped; /* values with |h| beyond 2^26: s3, s4 are then bounds, not values */
    dg_i128 s1, s2;     /* sums of fixed, fixed^2 */
    dg_i128 t1, t2;     /* sums of h, h^2 */
    dg_i128 s3, s4;     /* sums of h^3, h^4 */
};

/* Derived, in the units of x. A field that is undefined for this n is NAN. */
struct dg_moment_values {
    double mean;     /* n >= 1 */
    double variance; /* population (divides by n), n >= 1 */
    double sd;       /* sqrt(variance) */
    double skewness; /* biased g1; n >= 3, variance > 0, no value clamped */
    double kurtosis; /* biased excess g2; n >= 4, variance > 0, none clamped */
};

/* Add fixed[n]. Exact, whatever the order. About 2 ns per value. */
void dg_moments_add(struct dg_moments *m, const int64_t fixed[], size_t n);
/* dst += src, dst -= src. Subtract asserts that src has no more values than dst. */
void dg_moments_merge(struct dg_moments *dst, const struct dg_moments *src);
void dg_moments_subtract(struct dg_moments *dst, const struct dg_moments *src);

/*
 * mean = origin + unit s1/n; the second central sum is formed in 128-bit integers around the
 * nearest integer to the mean, so that nothing cancels. g1 = sqrt(n) M3 / M2^1.5 and
 * g2 = n M4 / M2^2 - 3 over h, that is over values rounded to 2^2 units, 2^-18 of the
 * reference's sd or less: exact enough for windows a thousand times narrower than the reference. +,
 * -, *, / and sqrt only.
 */
struct dg_moment_values dg_moments_values(const struct dg_moments *m, double origin, double unit);

#endif
