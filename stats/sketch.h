/* stats/sketch.h -- log-linear quantile sketch on the bits of the double: order-free, mergeable,
 * subtractable, bounded relative error, no libm. */
#ifndef DG_STATS_SKETCH_H
#define DG_STATS_SKETCH_H

#include "stats/base.h"
#include "stats/bytes.h"

#define DG_SKETCH_SUB_BITS   6    /* 64 cells per octave: relative error at most 1/129 */
#define DG_SKETCH_CELLS_KEPT 256  /* by trim, per sign: four octaves, 2 KB */
#define DG_SKETCH_CELLS_MAX  2048 /* used cells per sign, then resolution halves (order-free) */

/*
 * Cell 0 is zero (|x| < 2^-40, subnormals too); positive cells count up with |x|, negative ones
 * down. At sub_bits = s an octave has 2^s cells: the cell of |x| is its float bits >> (52 - s),
 * less those of 2^-40, plus 1. Halving the resolution joins cells 2i and 2i+1 exactly, and the
 * number of used cells cannot fall as values come in, so the resolution of a sketch that only added
 * and merged is the largest at which neither sign uses more than DG_SKETCH_CELLS_MAX cells: a
 * function of the multiset. A zeroed struct is empty. Counts are exact.
 */
struct dg_sketch {
    uint32_t coarse; /* resolution lost: sub_bits = DG_SKETCH_SUB_BITS - coarse */
    uint64_t n;
    uint64_t *cell[2]; /* dense runs, negative and positive, by |x| ascending; owned */
    int32_t first[2];  /* cell[k][i] counts the cell +-(first[k] + i + 1) of this resolution */
    int32_t len[2];    /* may begin and end with unused cells */
    int32_t cap[2];
    int32_t used[2]; /* cells with a count > 0 */
    uint64_t zero;
};

int32_t dg_sketch_cell(double x); /* of a finite x at full resolution */
void dg_sketch_cell_all(const double x[], size_t n, int32_t cell[]);
uint32_t dg_sketch_sub_bits(const struct dg_sketch *s);

/* Add cell[n], full-resolution cells of dg_sketch_cell. 0, or ENOMEM and s is unchanged. Allocates
 * only when a cell lies outside what s ever spanned; about 1 ns per value. */
DG_MUST_CHECK int dg_sketch_add(struct dg_sketch *s, const int32_t cell[], size_t n);
/* The two halves of add: make room for an extent (0, or ENOMEM and nothing is changed), and count
 * cells for which there is room. */
struct dg_sketch_extent { /* of |cell| - 1 per sign; low > high: none. Start from _NONE */
    int32_t low[2], high[2];
};
#define DG_SKETCH_EXTENT_NONE ((struct dg_sketch_extent){{INT32_MAX, INT32_MAX}, {-1, -1}})
void dg_sketch_extend(struct dg_sketch_extent *e, const int32_t cell[], size_t n);
bool dg_sketch_covers(const struct dg_sketch *s, const struct dg_sketch_extent *e); /* has room */
DG_MUST_CHECK int dg_sketch_reserve(struct dg_sketch *s, const struct dg_sketch_extent *e);
void dg_sketch_count(struct dg_sketch *s, const int32_t cell[], size_t n);

void dg_sketch_deinit(struct dg_sketch *s);
void dg_sketch_reset(struct dg_sketch *s); /* to empty at full resolution; keeps the memory */
/* Of an empty sketch: free each sign's cells if there are more than DG_SKETCH_CELLS_KEPT. */
void dg_sketch_trim(struct dg_sketch *s);

/* dst += src, dst -= src, at the coarser of the two resolutions. Subtract asserts that no count
 * goes below zero and never refines: counts are exact, but a resolution once lost stays lost.
 * 0, or ENOMEM and dst is unchanged; subtract never runs out of memory. */
DG_MUST_CHECK int dg_sketch_merge(struct dg_sketch *dst, const struct dg_sketch *src);
DG_MUST_CHECK int dg_sketch_subtract(struct dg_sketch *dst, const struct dg_sketch *src);

/* Append the sparse encoding: resolution, zeros, and per sign the used cells as gap and count; one
 * byte for a cell of count 1 that follows within 64 cells. Equal states give equal bytes. */
void dg_sketch_encode(const struct dg_sketch *s, struct dg_bytes *out);
/* s += what was encoded. EBADMSG if it is corrupt or not as encode writes it, ENOMEM; s may then be
 * partly added to. */
DG_MUST_CHECK int dg_sketch_add_encoded(struct dg_sketch *s, struct dg_reader *in);

/* The value whose rank is max(1, ceil(q n)) (numpy's inverted_cdf), as the harmonic mean of its
 * cell's ends: within the relative error 1/(2^(sub_bits+1) + 1) for 2^-40 <= |x|; clamped to
 * [min, max]. EDOM if empty, EINVAL if q is outside [0, 1]; *value is then unchanged. */
DG_MUST_CHECK int dg_sketch_quantile(const struct dg_sketch *s, double q, double min, double max,
                                     double *value);

/* The same for q[n], ascending, in one pass; value[n]. EINVAL also if they do not ascend. On error
 * nothing is written. */
DG_MUST_CHECK int dg_sketch_quantiles(const struct dg_sketch *s, const double q[], size_t n,
                                      double min, double max, double value[]);

/* Used cells in ascending order of value, for binning a series that has no reference file.
 * upper = largest double that falls into the cell; value = representative. */
struct dg_sketch_cell_view {
    double value;
    double upper;
    double below; /* the greatest double below the cell; -inf where there is none */
    uint64_t count;
};
/* Writes at most cap cells, returns the number there are. */
size_t dg_sketch_cells(const struct dg_sketch *s, struct dg_sketch_cell_view out[], size_t cap);

#endif
