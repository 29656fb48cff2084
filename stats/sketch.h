/* stats/sketch.h -- log-linear quantile sketch on the bits of the double: order-free, mergeable,
 * subtractable, bounded relative error, no libm. */
#ifndef DG_STATS_SKETCH_H
#define DG_STATS_SKETCH_H

#include "stats/base.h"
#include "stats/bytes.h"

#define DG_SKETCH_SUB_BITS  6    /* 64 cells per octave: relative error at most 1/129 */
#define DG_SKETCH_CELLS_MAX 2048 /* used cells per sign, then resolution halves (order-free) */

/* Cell 0 is zero (|x| < 2^-40); positive cells count up with |x|, negative ones down. */
struct dg_sketch {
    uint32_t sub_bits; /* <= DG_SKETCH_SUB_BITS; depends on the multiset only */
    uint64_t n;
    uint64_t *cell[2]; /* dense runs, negative and positive; owned */
    int32_t first[2];
    int32_t len[2];
    int32_t cap[2];
    uint64_t zero;
};

int32_t dg_sketch_cell(double x); /* of a finite x at full resolution */
DG_MUST_CHECK int dg_sketch_add(struct dg_sketch *s, const int32_t cell[], size_t n);
void dg_sketch_deinit(struct dg_sketch *s);
void dg_sketch_reset(struct dg_sketch *s);
DG_MUST_CHECK int dg_sketch_merge(struct dg_sketch *dst, const struct dg_sketch *src);
DG_MUST_CHECK int dg_sketch_subtract(struct dg_sketch *dst, const struct dg_sketch *src);
void dg_sketch_encode(const struct dg_sketch *s, struct dg_bytes *out);
DG_MUST_CHECK int dg_sketch_add_encoded(struct dg_sketch *s, struct dg_reader *in);

/* The value whose rank is ceil(q n), within the relative error 2^-(sub_bits+1)/(1+2^-(sub_bits+1)),
 * clamped to [min, max]. EDOM if empty, EINVAL if q is outside [0, 1]. */
DG_MUST_CHECK int dg_sketch_quantile(const struct dg_sketch *s, double q, double min, double max,
                                     double *value);

/* Cells in ascending order of value, for binning a series that has no reference file.
 * upper = largest double that falls into the cell; value = representative. */
struct dg_sketch_cell_view {
    double value;
    double upper;
    uint64_t count;
};
/* Writes at most cap cells, returns the number there are. */
size_t dg_sketch_cells(const struct dg_sketch *s, struct dg_sketch_cell_view out[], size_t cap);

#endif
