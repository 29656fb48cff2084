/* stats/binned.h -- one sample of a numeric series, counted over the bins of a binning. */
#ifndef DG_STATS_BINNED_H
#define DG_STATS_BINNED_H

#include "stats/base.h"
#include "stats/binning.h"

/* A view: owns nothing. */
struct dg_binned {
    uint64_t n;            /* = sum of count */
    const uint64_t *count; /* [n_bins] */
    const dg_i128 *sum;    /* [n_bins] fixed-point sums: sum of (x - origin)/unit; NULL: not known,
                              Wasserstein then uses bin edges and widens its bounds */
    double min, max;       /* extremes of the sample, or bounds of them; bound the two open bins */
};

#endif
