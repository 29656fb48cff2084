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

DG_MUST_CHECK int dg_hll_add(struct dg_hll *h, uint64_t hash);
void dg_hll_deinit(struct dg_hll *h);
void dg_hll_reset(struct dg_hll *h);
DG_MUST_CHECK int dg_hll_merge(struct dg_hll *dst, const struct dg_hll *src);
double dg_hll_estimate(const struct dg_hll *h); /* standard error 1.6 % */
void dg_hll_encode(const struct dg_hll *h, struct dg_bytes *out);
DG_MUST_CHECK int dg_hll_add_encoded(struct dg_hll *h, struct dg_reader *in);

#endif
