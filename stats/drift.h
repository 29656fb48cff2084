/* stats/drift.h -- every two-sample statistic of one series in one call: what evaluation uses. The
 * single statistics have headers of their own (psi.h, ks.h, ...). */
#ifndef DG_STATS_DRIFT_H
#define DG_STATS_DRIFT_H

#include "stats/base.h"
#include "stats/binning.h"

/* A sample of a numeric series over the bins of a binning. */
struct dg_binned {
    uint64_t n;            /* = sum of count */
    const uint64_t *count; /* [n_bins] */
    const dg_i128 *sum;    /* [n_bins] fixed-point sums: sum of (x - origin)/unit; NULL: not known,
                              Wasserstein then uses bin edges and widens its bounds */
    double min, max;       /* extremes of the sample; bound the two open bins */
};

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
    double linf, linf_p; /* largest share difference over fine bins; Bonferroni binomial p */
    double chi2, chi2_p, g, g_p, cramers_v;
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

struct dg_drift_options {
    double deff;         /* design effect >= 1; 1 for independent events */
    double reference_sd; /* of the reference sample */
    uint64_t n_beyond;   /* current values outside the reference's [min, max] */
    uint64_t n_missing, m_missing, n_rows, m_rows; /* for null_p; rows = values + missing */
};

/* Compare two samples over the bins `b`. Returns 0; EDOM if either is empty; EINVAL if deff < 1. */
DG_MUST_CHECK int dg_drift_numeric(const struct dg_binning *b, const struct dg_binned *reference,
                                   const struct dg_binned *current,
                                   const struct dg_drift_options *options, struct dg_drift *out);

/* Compare two categorical samples: counts over the same `cells`, the last being `new` when
 * has_new (reference count 0 there; `singletons` = reference categories seen exactly once). */
DG_MUST_CHECK int dg_drift_category(const uint64_t reference[], const uint64_t current[],
                                    size_t cells, bool has_new, uint64_t singletons,
                                    const struct dg_drift_options *options, struct dg_drift *out);

/* x rounded to 12 significant decimal digits, as every stored or compared derived number is,
 * because libm differs between processors in the last bits. NAN and infinities pass through. */
double dg_round12(double x);

#endif
