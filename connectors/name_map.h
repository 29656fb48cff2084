/* connectors/name_map.h -- texts to dense numbers: 0, 1, 2, ... in order of first appearance. */
#ifndef DG_CONNECTORS_NAME_MAP_H
#define DG_CONNECTORS_NAME_MAP_H

#include "engine/error.h"

/* A zeroed struct is an empty map. */
struct dg_name_map {
    char **name; /* [n], owned */
    size_t n, cap;
    uint32_t *slot; /* [n_slots] index + 1, 0 = free; n_slots a power of two */
    size_t n_slots;
};

void dg_name_map_deinit(struct dg_name_map *m);
/* The number of `name`, which is copied if it is new (*fresh). O(1). ENOMEM: unchanged. */
DG_MUST_CHECK int dg_name_map_add(struct dg_name_map *m, const char *name, size_t *index,
                                  bool *fresh);
/* The number of `name`, or SIZE_MAX. */
size_t dg_name_map_find(const struct dg_name_map *m, const char *name);

#endif
