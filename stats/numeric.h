/* stats/numeric.h -- the whole integer state of one numeric series: triage counters, fine
 * histogram with fixed-point sums, moments, extremes and quantile sketch. Merging is exact,
 * associative and commutative, so a state depends on the multiset of values alone. */
#ifndef DG_STATS_NUMERIC_H
#define DG_STATS_NUMERIC_H

#include "stats/binning.h"
#include "stats/bytes.h"
#include "stats/moments.h"
#include "stats/sketch.h"
#include "stats/triage.h"

/* Scale of the fixed-point values of series without a binning: x / 2^-20, so that mean and
 * sd hold up to |x| = 2^30, skewness and kurtosis up to 2^14. */
#define DG_UNBINNED_UNIT 0x1p-20

/* About 6.5 KB, and the sketch: 8 bytes per cell spanned, a few KB for a usual feature. */
struct dg_numeric {
    const struct dg_binning *binning; /* not owned; NULL: no fine histogram is kept */
    double valid_min;                 /* informative: the limits that dg_prepare was given; -inf */
    double valid_max;                 /* and +inf after init. Not part of the encoding */
    uint64_t triage[DG_TRIAGE_KINDS]; /* [DG_FINITE] = values in the distribution */
    struct dg_moments moments;
    double min;                  /* of the finite values; +inf when there is none */
    double max;                  /* -inf when there is none */
    uint64_t count[DG_BINS_MAX]; /* fine histogram */
    dg_i128 sum[DG_BINS_MAX];    /* per bin: sum of the fixed-point values */
    struct dg_sketch sketch;
};

/* Values prepared once per column, then added to as many series (slices) as the row belongs to. A
 * zeroed struct is empty. Where a row is not DG_FINITE, bin, fixed and cell are 0. */
struct dg_prepared {
    size_t n;
    size_t cap;
    double *value;   /* [n] as given, -0.0 made +0.0 */
    uint8_t *triage; /* [n] enum dg_triage */
    uint8_t *bin;    /* [n] fine bin; 0 without a binning */
    int64_t *fixed;  /* [n] llrint((x - origin) / unit), clamped to +-DG_FIXED_MAX */
    int32_t *cell;   /* [n] sketch cell */
    const struct dg_binning *binning; /* that they were prepared for */
    struct dg_sketch_extent extent;   /* of all cells */
    bool all_finite;                  /* every row is DG_FINITE */
};

void dg_prepared_deinit(struct dg_prepared *p);

/* Prepare x[n] for series that share `binning` (may be NULL) and the valid range
 * [valid_min, valid_max] (-inf, +inf: no limit; not NaN): a finite value outside it is triaged
 * DG_OUT_OF_RANGE and stays out of the distribution. The process must round to nearest.
 * Returns 0, or ENOMEM and p is unchanged; allocates only when n exceeds every earlier n. About
 * 6 ns per value. */
DG_MUST_CHECK int dg_prepare(struct dg_prepared *p, const struct dg_binning *binning,
                             double valid_min, double valid_max, const double x[], size_t n);

/* A zeroed struct may be deinit'ed. init allocates nothing. */
void dg_numeric_init(struct dg_numeric *s, const struct dg_binning *binning);
void dg_numeric_deinit(struct dg_numeric *s);
void dg_numeric_reset(struct dg_numeric *s);         /* to empty; keeps memory for the next pane */
void dg_numeric_trim(struct dg_numeric *s);          /* empty: frees what a wide pane needed */
size_t dg_numeric_bytes(const struct dg_numeric *s); /* of memory, the struct included. O(1) */

/* Add the rows row[0..n) of p (row == NULL: rows 0..n-1), prepared for the binning of s. 0, or
 * ENOMEM (sketch growth) and s is unchanged. Once the sketch spans the data, nothing is allocated.
 * About 6 ns per value. */
DG_MUST_CHECK int dg_numeric_add(struct dg_numeric *s, const struct dg_prepared *p,
                                 const uint32_t row[], size_t n);

/* dst += src, dst -= src. Same binning. Subtract asserts that nothing goes below zero; it leaves
 * min, max and the sketch's resolution as they were, because these cannot be taken back (merge the
 * panes again where that matters); when no value is left min and max become +inf and -inf.
 * 0, or ENOMEM and dst is unchanged; subtract never runs out of memory. */
DG_MUST_CHECK int dg_numeric_merge(struct dg_numeric *dst, const struct dg_numeric *src);
DG_MUST_CHECK int dg_numeric_subtract(struct dg_numeric *dst, const struct dg_numeric *src);

/* The moments in the units of x. Those that a clamp has spoilt are NAN: all of them if an extreme
 * lies beyond DG_FIXED_MAX units, skewness and kurtosis if moments.n_clamped > 0. */
struct dg_moment_values dg_numeric_moments(const struct dg_numeric *s);

/* Append the sparse, versioned encoding; equal states give equal bytes. Counts are stored as gap
 * and count, the sum of a bin relative to count times its left edge, which is small, and not at all
 * for a point bin, where it is implied. */
void dg_numeric_encode(const struct dg_numeric *s, struct dg_bytes *out);

/* s += the state that was encoded in bytes[n]. EBADMSG if it is corrupt, truncated, has bytes left
 * over, or was made for another binning (s may then be partly added to: discard it), ENOMEM (the
 * same). No bytes whatever lead to undefined behaviour, then or in later calls on s. */
DG_MUST_CHECK int dg_numeric_add_encoded(struct dg_numeric *s, const uint8_t bytes[], size_t n);

#endif
