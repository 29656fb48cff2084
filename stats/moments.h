/* stats/moments.h -- exact fixed-point moments of a stream of numbers. */
#ifndef DG_STATS_MOMENTS_H
#define DG_STATS_MOMENTS_H

#include "stats/base.h"

/* Values are fixed = llrint((x - origin) / unit), |fixed| <= 2^40; s3 and s4 are of the value
 * rounded to 10 bits fewer and clamped to 2^24. */
struct dg_moments {
    uint64_t n;
    uint64_t n_clamped; /* values that met a clamp: the moments are then bounds, not values */
    dg_i128 s1, s2, s3, s4;
};

/* Derived, in the units of x. A field that is undefined for this n is NAN. */
struct dg_moment_values {
    double mean;     /* n >= 1 */
    double variance; /* population (divides by n), n >= 1 */
    double sd;       /* sqrt(variance) */
    double skewness; /* biased g1, n >= 3 and variance > 0 */
    double kurtosis; /* biased excess g2, n >= 4 and variance > 0 */
};

void dg_moments_add(struct dg_moments *m, const int64_t fixed[], size_t n);
void dg_moments_merge(struct dg_moments *dst, const struct dg_moments *src);
void dg_moments_subtract(struct dg_moments *dst, const struct dg_moments *src);
struct dg_moment_values dg_moments_values(const struct dg_moments *m, double origin, double unit);

#endif
