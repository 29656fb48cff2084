/* engine/key_counts.h -- exact counts of byte strings: what dictionaries and segment lists are
 * chosen from. */
#ifndef DG_ENGINE_KEY_COUNTS_H
#define DG_ENGINE_KEY_COUNTS_H

#include "stats/category.h"

/* Zeroed = empty. Keys are copied. */
struct dg_key_counts {
    struct dg_keyed *key; /* [n] in order of first appearance */
    size_t n, cap;
    uint32_t *slot; /* [mask + 1] index + 1 */
    uint64_t mask;
};

void dg_key_counts_deinit(struct dg_key_counts *c);
/* ENOMEM; ERANGE when there are already `limit` keys and this is another. */
DG_MUST_CHECK int dg_key_counts_add(struct dg_key_counts *c, const char *key, uint32_t len,
                                    size_t limit);
/* Sort by (count descending, bytes ascending). No key can be added afterwards. */
void dg_key_counts_rank(struct dg_key_counts *c);

#endif
