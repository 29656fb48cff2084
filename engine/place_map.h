/* engine/place_map.h -- numbers the partitions that rows name, in the order they are met. */
#ifndef DG_ENGINE_PLACE_MAP_H
#define DG_ENGINE_PLACE_MAP_H

#include "stats/base.h"

struct dg_place {
    uint64_t topic; /* hash */
    int64_t partition;
    uint32_t number; /* + 1; 0: a free slot */
};

/* Zeroed = empty. */
struct dg_place_map {
    struct dg_place *slot; /* [slots] open addressing */
    uint32_t slots;        /* a power of two >= 2 n, or 0 */
    uint32_t n;
};

void dg_place_map_deinit(struct dg_place_map *m);
/* *number of the place; m->n grows by one if it is new. 0 or ENOMEM. */
DG_MUST_CHECK int dg_place_map_number(struct dg_place_map *m, uint64_t topic, int64_t partition,
                                      uint32_t *number);

#endif
