/* stats/binning.h -- the bins of a numeric series, fixed once from a reference sample. */
#ifndef DG_STATS_BINNING_H
#define DG_STATS_BINNING_H

#include "stats/base.h"

#define DG_BINS_MAX 256

/* A distinct value and how often it occurs. */
struct dg_weighted {
    double value;
    uint64_t count;
};

/*
 * Right-closed bins: bin j holds edges[j-1] < x <= edges[j]; bin 0 is (-inf, edges[0]], the last
 * one (edges[n_bins-2], +inf). Immutable once built; compared and shared by pointer.
 */
struct dg_binning {
    uint32_t n_bins;               /* 1 .. DG_BINS_MAX */
    double edges[DG_BINS_MAX - 1]; /* ascending, finite, [n_bins - 1] */
    bool is_point[DG_BINS_MAX];    /* the bin can hold one value only: (nextafter(v,-inf), v] */
    uint8_t group[DG_BINS_MAX];    /* PSI group of each bin, non-decreasing, 0 .. n_groups - 1 */
    uint32_t n_groups;             /* 1 .. DG_BINS_MAX */
    double origin;                 /* mu0: fixed-point numbers are (x - origin) / unit */
    double unit;                   /* sigma2 / 2^20, a power of two > 0 */
    uint16_t lookup[4096 + 2];     /* private: start edge per float-bits cell */
    int32_t lookup_shift;
    int64_t lookup_base;
};

struct dg_binning_options {
    uint32_t fine_bins; /* K, default 200, 2 .. 240 */
    uint32_t groups;    /* B, default 10, 2 .. 50 */
    bool cells;         /* values are upper ends of sketch cells: no bin is a point */
};

#define DG_BINNING_DEFAULTS ((struct dg_binning_options){.fine_bins = 200, .groups = 10})

/*
 * Build bins from a reference sample: `v` [n] distinct finite values ascending, count >= 1.
 * (Full contract: atoms, runs, tail edges, groups, scale: written with the implementation.)
 * Returns 0; EDOM if n == 0; EINVAL for options out of range or values not ascending.
 */
DG_MUST_CHECK int dg_binning_build(const struct dg_weighted v[], size_t n,
                                   const struct dg_binning_options *options,
                                   struct dg_binning *out);

/* Rebuild the private lookup and check the invariants of a binning whose public fields were read
 * from a file. Returns 0 or EBADMSG. */
DG_MUST_CHECK int dg_binning_restore(struct dg_binning *b);

/* The bin of a finite x. */
uint32_t dg_binning_find(const struct dg_binning *b, double x);

#endif
