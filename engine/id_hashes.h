/* engine/id_hashes.h -- the hashes of a batch's ids: all that is remembered of them. */
#ifndef DG_ENGINE_ID_HASHES_H
#define DG_ENGINE_ID_HASHES_H

#include "engine/batch.h"

/* Reused from batch to batch. Zeroed = empty. */
struct dg_id_hashes {
    uint64_t *hash; /* [cap] */
    size_t cap;
};

void dg_id_hashes_deinit(struct dg_id_hashes *h);
/* *out = dg_hash_key of the id of each row of b, 0 where there is none; NULL where the projection
 * has no id column or b no row. Borrowed until the next call. Allocates only for larger batches. 0
 * or ENOMEM. */
DG_MUST_CHECK int dg_id_hashes_of(struct dg_id_hashes *h, const struct dg_batch *b,
                                  const uint64_t **out);

#endif
