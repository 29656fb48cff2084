/* stats/hll.h -- HyperLogLog distinct count, p = 12: order-free, idempotent, mergeable. */
#ifndef DG_STATS_HLL_H
#define DG_STATS_HLL_H

#include "stats/base.h"
#include "stats/bytes.h"

#define DG_HLL_REGISTERS 4096

/* Zeroed = empty. Registers are allocated by the first add or merge. */
struct dg_hll {
    uint8_t *reg; /* [DG_HLL_REGISTERS], owned, NULL while empty */
};

/* Add a value by its 64-bit hash: register = top 12 bits, rank = position of the first one bit in
 * the other 52. 0, or ENOMEM and h is unchanged; about 1 ns. */
DG_MUST_CHECK int dg_hll_add(struct dg_hll *h, uint64_t hash);
/* Allocate the registers now, so that no add can fail. 0 or ENOMEM. */
DG_MUST_CHECK int dg_hll_reserve(struct dg_hll *h);
void dg_hll_deinit(struct dg_hll *h);
void dg_hll_reset(struct dg_hll *h); /* to empty; keeps the memory */
/* dst = the registers' maxima: the sketch of the union. 0, or ENOMEM and dst is unchanged. */
DG_MUST_CHECK int dg_hll_merge(struct dg_hll *dst, const struct dg_hll *src);
/* Number of distinct values: Ertl's improved estimator (2017, "New cardinality estimation
 * algorithms for HyperLogLog sketches", algorithm 6), no bias tables; standard error 1.6 %, a
 * fraction of it below a few hundred. 0 for an empty sketch. */
double dg_hll_estimate(const struct dg_hll *h);
/* Append: gap and rank of each used register, or all ranks in 6 bits when that is not longer. Equal
 * sketches give equal bytes. */
void dg_hll_encode(const struct dg_hll *h, struct dg_bytes *out);
/* h = union of h and what was encoded. EBADMSG if that is corrupt or not as encode writes it,
 * ENOMEM; h is then unchanged. */
DG_MUST_CHECK int dg_hll_add_encoded(struct dg_hll *h, struct dg_reader *in);

#endif
