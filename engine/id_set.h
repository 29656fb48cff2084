/* engine/id_set.h -- the ids seen in one pane of one partition, as 64-bit hashes. */
#ifndef DG_ENGINE_ID_SET_H
#define DG_ENGINE_ID_SET_H

#include "stats/base.h"

/* Zeroed = empty. */
struct dg_id_set {
    uint64_t *slot; /* [mask + 1], 0 = free */
    uint64_t mask;
    uint64_t n;
    bool has_zero;
};

void dg_id_set_deinit(struct dg_id_set *s);
/* Fetch what dg_id_set_add(s, hash) will look at first: the slots of a large set are in no cache. */
static inline void dg_id_set_prefetch(const struct dg_id_set *s, uint64_t hash)
{
    if (s->slot != NULL) {
        __builtin_prefetch(&s->slot[hash & s->mask], 1);
    }
}
/* Add; *fresh = it was not there. Grows while n < limit; beyond that nothing is added and *full is
 * set. 0 or ENOMEM. */
DG_MUST_CHECK int dg_id_set_add(struct dg_id_set *s, uint64_t hash, uint64_t limit, bool *fresh,
                                bool *full);

#endif
