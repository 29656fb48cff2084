/* stats/drift.h -- every two-sample statistic of one series in one call: what evaluation uses. The
 * single statistics have headers of their own (psi.h, ks.h, ...). */
#ifndef DG_STATS_DRIFT_H
#define DG_STATS_DRIFT_H

#include "stats/base.h"
#include "stats/binned.h"

/* Undefined values are NAN. p-values lie in [1e-300, 1]. */
struct dg_drift {
    uint64_t n, m;            /* current, reference sizes */
    double psi;               /* smoothed a = 0.5, over groups, nats */
    double psi_adjusted;      /* max(0, psi - (groups - 1) (1/n + 1/m) deff) */
    double psi_low, psi_high; /* 95 % interval, noncentral chi-square */
    double psi_p;
    uint32_t psi_df;
    double ks, ks_high, ks_p; /* deterministic interval [ks, ks_high] of the raw-data D; p of ks */
    double js, js_p;          /* Jensen-Shannon distance, base 2, unsmoothed */
    double hellinger, kl, tv;
    double linf, linf_p;        /* largest share difference over fine bins; Bonferroni binomial p */
    double chi2, chi2_p;        /* Pearson, over pooled groups or cells */
    double g, g_p;              /* likelihood ratio, likewise */
    double cramers_v;           /* sqrt(chi2/(n + m)); depends on n : m */
    double w1, w1_low, w1_high; /* Wasserstein-1 in units of x; point estimate and bounds */
    double w1_normed;           /* w1 / reference sd */
    double w1_rank;             /* rank space, unit free */
    double cvm, cvm_p;
    double ad, ad_p;
    double range_p; /* so many values beyond the reference's extremes by chance */
    double new_p;   /* categorical: so many new categories by chance */
    double null_p;  /* missing share differs, two-sided */
    double p;       /* of the family: min(1, 3 min(ad|chi2, ks, linf)), or chi2/linf/new */
    unsigned flags; /* enum dg_drift_flag bits */
};

enum dg_drift_flag {
    DG_FLAG_DEGENERATE =
        1u << 0,                /* the reference has one value or no spread: w1_normed undefined */
    DG_FLAG_ATOMS = 1u << 1,    /* a large atom: chi2 stands in for AD in the family p */
    DG_FLAG_POOLED = 1u << 2,   /* small cells were pooled before a p-value */
    DG_FLAG_NUMERIC = 1u << 3,  /* a p-value could not be computed */
    DG_FLAG_SKETCHED = 1u << 4, /* bins come from the quantile sketch, not from a baseline file */
};

/* Nothing is known yet: every statistic NAN, every count 0. */
extern const struct dg_drift dg_drift_undefined;

struct dg_drift_options {
    double deff;         /* design effect >= 1; 1 for independent events */
    double reference_sd; /* of the reference sample */
    uint64_t n_beyond;   /* current values outside the reference's [min, max] */
    uint64_t n_missing, m_missing, n_rows, m_rows; /* for null_p; rows = values + missing */
};

/*
 * Compare two samples over the bins `b`. Returns 0; EDOM if either is empty; EINVAL if deff < 1, if
 * more values are beyond, or more rows missing, than there are, or if an extreme is not finite.
 * On error *out is as it was. n must equal the sum of count (asserted).
 *
 * Effects (psi, kl, js, hellinger, tv) are over the PSI groups as they are; empty groups drop out.
 * Tests (psi_p with psi_df, js_p, chi2, g, cramers_v) are over the groups after pooling neighbours
 * until each has an expected count of 5 (DG_FLAG_POOLED). ks, linf, w1, cvm, ad are over the bins.
 * psi_low..psi_high has df = groups - 1, the same as psi_adjusted.
 * deff: c = deff (1/n + 1/m) in psi_p, psi_adjusted, the interval and js_p; chi2, g, ad, cvm are
 * divided by it before their p; sqrt(nm/(n+m)) by its root in ks_p; counts by it in linf_p,
 * range_p and null_p.
 * p: min(1, 3 min(ad_p, ks_p, linf_p)); chi2_p stands for ad_p where a bin holds more than 10 % of
 * the reference (DG_FLAG_ATOMS: decided by the reference alone, so that the choice costs no size).
 * A member that could not be computed counts as 1 and sets DG_FLAG_NUMERIC.
 * NAN: new_p always; w1_normed if reference_sd is not > 0 (DG_FLAG_DEGENERATE); null_p if n_rows or
 * m_rows is 0. Nothing else. Everything is finite, but w1_high where x - origin overflows.
 * Cost at 200 bins: 20 to 35 us, no allocation, 30 kB of stack.
 */
DG_MUST_CHECK int dg_drift_numeric(const struct dg_binning *b, const struct dg_binned *reference,
                                   const struct dg_binned *current,
                                   const struct dg_drift_options *options, struct dg_drift *out);

/*
 * Compare two categorical samples: counts over the same `cells` (1 .. 258). When has_new, the last
 * is `new` (reference count 0 there; `singletons` = reference categories seen exactly once) and the
 * last but one is `other`, the rare categories that the reference knows, as in stats/category.h.
 * Returns 0; EDOM if either sample is empty; EINVAL for options as above, for cells out of range,
 * for a `new` cell that the reference has counts in, or more singletons than values.
 *
 * psi and kl count `new` as if the reference had held `singletons` such events (Good and Turing's
 * estimate of unseen mass), so that a category nobody saw does not make them infinite or
 * arbitrary. The tests pool all small cells with `other` and `new`, whatever their size, into one
 * rare cell: which categories are known was decided by the reference, so mass always seems to move
 * from the rare known ones to the new ones, and cells of their own would reject under equal
 * distributions. What `new` alone says is new_p, the exact test.
 * linf is over all cells, linf_p over the pooled ones.
 * p: min(1, 3 min(chi2_p, linf_p, new_p)), without new_p and with 2 when !has_new.
 * NAN: ks, w1, cvm, ad and range fields always; new_p if !has_new; null_p as above.
 */
DG_MUST_CHECK int dg_drift_category(const uint64_t reference[], const uint64_t current[],
                                    size_t cells, bool has_new, uint64_t singletons,
                                    const struct dg_drift_options *options, struct dg_drift *out);

/* x rounded to 12 significant decimal digits, half to even, as every stored or compared derived
 * number is, because libm differs between processors in the last bits. Exactly what printing with
 * "%.11e" and reading back gives, bit for bit; 1e-11 <= |x| < 1e12 takes 10 ns by exact
 * arithmetic, the rest 0.5 us. NAN, infinities and zeros pass through. */
double dg_round12(double x);

#endif
