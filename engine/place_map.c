#include "engine/place_map.h"

#include <errno.h>
#include <stdlib.h>

void dg_place_map_deinit(struct dg_place_map *m)
{
    free(m->slot);
    *m = (struct dg_place_map){0};
}

static struct dg_place *find(const struct dg_place_map *m, uint64_t topic, int64_t partition)
{
    const uint64_t mixed = (topic ^ (uint64_t)partition) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(mixed >> 32) & (m->slots - 1);
    while (m->slot[at].number != 0 &&
           (m->slot[at].topic != topic || m->slot[at].partition != partition)) {
        at = (at + 1) & (m->slots - 1);
    }
    return &m->slot[at];
}

static int grow(struct dg_place_map *m)
{
    struct dg_place_map grown = {.slots = m->slots == 0 ? 16 : 2 * m->slots, .n = m->n};
    grown.slot = calloc(grown.slots, sizeof *grown.slot);
    if (grown.slot == NULL) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < m->slots; i++) {
        const struct dg_place *p = &m->slot[i];
        if (p->number != 0) {
            *find(&grown, p->topic, p->partition) = *p;
        }
    }
    free(m->slot);
    *m = grown;
    return 0;
}

int dg_place_map_number(struct dg_place_map *m, uint64_t topic, int64_t partition, uint32_t *number)
{
    if (2 * (m->n + 1) > m->slots && grow(m) != 0) {
        return ENOMEM;
    }
    struct dg_place *p = find(m, topic, partition);
    if (p->number == 0) {
        *p = (struct dg_place){topic, partition, ++m->n};
    }
    *number = p->number - 1;
    return 0;
}
