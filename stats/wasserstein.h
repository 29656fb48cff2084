/* stats/wasserstein.h -- the Wasserstein-1 distance from binned counts and per-bin sums. */
#ifndef DG_STATS_WASSERSTEIN_H
#define DG_STATS_WASSERSTEIN_H

#include "stats/binned.h"

struct dg_wasserstein {
    double w1;   /* point estimate, in the units of x; low <= w1 <= high */
    double low;  /* the distance of the raw data is >= this */
    double high; /* and <= this */
    double rank; /* the distance after mapping x to its share of the reference: in [0, 1/2] */
};

/*
 * W1 = integral of |F_current - F_reference| dx. 0, or EINVAL if min or max is not finite.
 *
 * With per-bin sums in both samples the signed area of every bin is known exactly: for a bin
 * [l, r] of width w with shares a, b, mean offsets from r and d = F_current - F_reference at l,
 * I = d w + (b r - s_b) - (a r - s_a). Hence low = sum |I|. In the bin d stays in
 * [L, U] = [d - a, d + b]; if that holds one sign the bin adds |I| to high too, otherwise the
 * largest integral of |d| with signed area I: w (t U - (1-t) L), t = (I/w - L)/(U - L), or what
 * the triangle inequality leaves of the two samples' own areas if that is less: |d| w at either
 * edge plus the two areas counted from there. The open bins end at the samples' extremes.
 * Estimate: |I| in the open bins, inside them the area under the straight line between the edges.
 *
 * Without sums (NULL in either sample): low adds w max(0, L, -U), high adds w max(U, -L), the
 * estimate is the straight line everywhere.
 *
 * The sums are of x rounded to the grid of b->unit, and so are the edges here: low and high are
 * moved outwards by one unit, which makes them bounds of the unrounded distance. Values beyond
 * DG_FIXED_MAX units (2^50) are clamped in the sums; high adds what lies beyond, and is +INFINITY
 * where that overflows (values near the end of the range of doubles).
 * Cost: O(n_bins), 8 us at 200.
 */
DG_MUST_CHECK int dg_wasserstein(const struct dg_binning *b, const struct dg_binned *reference,
                                 const struct dg_binned *current, struct dg_wasserstein *out);

#endif
