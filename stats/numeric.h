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

struct dg_numeric {
    const struct dg_binning *binning; /* not owned; NULL: no fine histogram is kept */
    double valid_min;                 /* values outside [valid_min, valid_max] are triaged */
    double valid_max;                 /* DG_OUT_OF_RANGE; -inf, +inf: no limit */
    uint64_t triage[DG_TRIAGE_KINDS]; /* [DG_FINITE] = values in the distribution */
    struct dg_moments moments;
    double min;                  /* of the finite values; +inf when there is none */
    double max;                  /* -inf when there is none */
    uint64_t count[DG_BINS_MAX]; /* fine histogram */
    dg_i128 sum[DG_BINS_MAX];    /* per bin: sum of the fixed-point values */
    struct dg_sketch sketch;
};

/* Values prepared once per column, then added to as many series (slices) as the row belongs to. */
struct dg_prepared {
    size_t n;
    size_t cap;
    double *value;   /* [n] as given, -0.0 made +0.0 */
    uint8_t *triage; /* [n] enum dg_triage */
    uint8_t *bin;    /* [n] fine bin, 0 where not finite */
    int64_t *fixed;  /* [n] llrint((x - origin) / unit), clamped to +-2^40 */
    int32_t *cell;   /* [n] sketch cell */
};

void dg_prepared_deinit(struct dg_prepared *p);

/* Prepare x[n] for series that share `binning` (may be NULL) and the valid range.
 * Returns 0 or ENOMEM; allocates only when n exceeds every earlier n. */
DG_MUST_CHECK int dg_prepare(struct dg_prepared *p, const struct dg_binning *binning,
                             double valid_min, double valid_max, const double x[], size_t n);

/* A zeroed struct may be deinit'ed. init allocates nothing. */
void dg_numeric_init(struct dg_numeric *s, const struct dg_binning *binning);
void dg_numeric_deinit(struct dg_numeric *s);
void dg_numeric_reset(struct dg_numeric *s); /* to empty; keeps memory for the next pane */

/* Add the rows row[0..n) of p (row == NULL: rows 0..n-1). 0 or ENOMEM (sketch growth; s unchanged).
 */
DG_MUST_CHECK int dg_numeric_add(struct dg_numeric *s, const struct dg_prepared *p,
                                 const uint32_t row[], size_t n);

/* dst += src, dst -= src. Same binning. Subtract asserts that nothing goes below zero; it leaves
 * min and max as they were, because extremes cannot be taken back. 0 or ENOMEM. */
DG_MUST_CHECK int dg_numeric_merge(struct dg_numeric *dst, const struct dg_numeric *src);
DG_MUST_CHECK int dg_numeric_subtract(struct dg_numeric *dst, const struct dg_numeric *src);

/* Append the sparse, versioned encoding; equal states give equal bytes. */
void dg_numeric_encode(const struct dg_numeric *s, struct dg_bytes *out);

/* s += the state that was encoded in bytes[n]. EBADMSG if it is corrupt (s may then be partly
 * added to: discard it), ENOMEM. */
DG_MUST_CHECK int dg_numeric_add_encoded(struct dg_numeric *s, const uint8_t bytes[], size_t n);

#endif
