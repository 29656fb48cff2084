/* stats/binning.h -- the bins of a numeric series, fixed once from a reference sample. */
#ifndef DG_STATS_BINNING_H
#define DG_STATS_BINNING_H

#include "stats/base.h"

#define DG_BINS_MAX     256
#define DG_LOOKUP_CELLS 4096

/* A distinct value and how often it occurs. */
struct dg_weighted {
    double value;
    uint64_t count;
};

/*
 * Right-closed bins: bin j holds edges[j-1] < x <= edges[j]; bin 0 is (-inf, edges[0]], the last
 * one (edges[n_bins-2], +inf). Immutable once built; compared and shared by pointer. About 9 KB.
 */
struct dg_binning {
    uint32_t n_bins;               /* 1 .. DG_BINS_MAX */
    double edges[2 * DG_BINS_MAX]; /* ascending, finite, [n_bins - 1]; then +inf (private) */
    bool is_point[DG_BINS_MAX];    /* the bin can hold one value only: (nextafter(v,-inf), v] */
    uint8_t group[DG_BINS_MAX];    /* PSI group of each bin, steps of 0 or 1 from 0 */
    uint32_t n_groups;             /* 1 .. n_bins */
    double origin;                 /* mu0: fixed-point numbers are (x - origin) / unit */
    double unit;                   /* sigma2 / 2^20, a power of two in [2^-1022, 2^1004] */

    /* Private, made by build and restore. A monotone map sends x to a cell; lookup[cell] = number
     * of edges in lower cells; steps binary steps finish among the edges of the same cell. */
    uint8_t lookup[DG_LOOKUP_CELLS];
    bool lookup_log;      /* cell = log-linear in x - pivot, else linear */
    uint32_t steps;       /* 2^steps - 1 >= the most edges in one cell */
    double pivot;         /* linear: left end */
    double scale;         /* linear: cells per unit of x */
    int32_t lookup_shift; /* log: bits of |x - pivot| dropped */
    int64_t lookup_base;  /* log: first cell's bits >> shift */
    double inverse;       /* 1 / unit */
    uint32_t fingerprint; /* of edges, origin and unit: state encoded for other bins is refused */
};

struct dg_binning_options {
    uint32_t fine_bins;  /* K, default 200, 2 .. 240 */
    uint32_t groups;     /* B, default 10, 2 .. 50 */
    const double *below; /* [n] the values are the upper ends of sketch cells, these the greatest
                            doubles below them: no bin is a point; NULL: the values are values */
};

#define DG_BINNING_DEFAULTS ((struct dg_binning_options){.fine_bins = 200, .groups = 10})

/*
 * Build bins from a reference sample: `v` [n] distinct finite values ascending, each count >= 1,
 * m = sum of the counts < 2^48. Every edge is a reference value or the double just below one, so
 * that reference counts per bin are exact.
 *  1. One distinct value v: bins (-inf, v) {v} (v, inf), one group each. At most 64 distinct values
 *     (127 if all are integers): each is a point bin, with gap bins between.
 *  2. Else atoms, values with count >= m/(2K), are point bins, heaviest first while edges last.
 *  3. The run between two atoms, of mass r, is cut into max(1, round(K r)) bins at the values where
 *     its cumulative count first reaches ceil(i run/k).
 *  4. The first and the last bin are split at counts m/(K 2^i), i = 1, 2, ..., while these are
 * >= 4.
 *  5. Edges just below the least and at the greatest value: the end bins hold exactly what is out
 *     of the reference's range.
 *  Groups: an atom of mass >= 1/(2B) is a group; other bins gather until the cumulative mass meets
 *  the next multiple of 1/B and the group has 1/(2B); what stays lighter joins the group on its
 *  left (at the start: on its right). Bins without reference mass form a group between two such
 *  atoms and between one and the end of the line, else they belong to a neighbour: what leaves an
 *  atom for a value that the reference never had is a change.
 *  Scale: origin = mean; unit = 2^-20 times the least power of two >= sd. With sd < 2^-1000 the
 *  greatest |value| stands in for it, or 1 if that is 0.
 *  options->below: the same with cells in the place of values: a cell that is an atom, or one of
 * few, has an edge on either side, so that what lies beside it is told apart; no bin is a point.
 * Returns 0; EDOM if n == 0; EINVAL for options out of range, values not ascending or not finite, a
 * cell that does not end above its lower edge or reaches into the one before, a count of 0 or too
 * many; `out` is then unchanged. O(n + K log K), no allocation.
 */
DG_MUST_CHECK int dg_binning_build(const struct dg_weighted v[], size_t n,
                                   const struct dg_binning_options *options,
                                   struct dg_binning *out);

/* Rebuild the private fields and check the invariants of a binning whose public fields (n_bins,
 * edges, is_point, group, n_groups, origin, unit) were read from a file. Any bytes may stand in
 * them, but is_point must hold valid bools. Returns 0 or EBADMSG. */
DG_MUST_CHECK int dg_binning_restore(struct dg_binning *b);

/* The bin of a finite x: the number of edges < x. Branch-free, about 2 ns. */
uint32_t dg_binning_find(const struct dg_binning *b, double x);

/* The same for x[n], all finite. */
void dg_binning_find_all(const struct dg_binning *b, const double x[], size_t n, uint8_t bin[]);

/* llrint((x - origin) / unit) clamped to +-DG_FIXED_MAX, ties to even. x finite. Never raises. */
int64_t dg_binning_fixed(const struct dg_binning *b, double x);

#endif
