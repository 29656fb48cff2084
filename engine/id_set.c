#include "engine/id_set.h"

#include <errno.h>
#include <stdlib.h>

void dg_id_set_deinit(struct dg_id_set *s)
{
    free(s->slot);
    *s = (struct dg_id_set){0};
}

static uint64_t find_slot(const struct dg_id_set *s, uint64_t hash)
{
    uint64_t at = hash & s->mask;
    while (s->slot[at] != 0 && s->slot[at] != hash) {
        at = (at + 1) & s->mask;
    }
    return at;
}

static int grow(struct dg_id_set *s)
{
    const uint64_t size = s->slot == NULL ? 256 : 2 * (s->mask + 1);
    struct dg_id_set bigger = {.mask = size - 1, .n = s->n, .has_zero = s->has_zero};
    bigger.slot = calloc(size, sizeof *bigger.slot);
    if (bigger.slot == NULL) {
        return ENOMEM;
    }
    for (uint64_t i = 0; s->slot != NULL && i <= s->mask; i++) {
        if (s->slot[i] != 0) {
            bigger.slot[find_slot(&bigger, s->slot[i])] = s->slot[i];
        }
    }
    free(s->slot);
    *s = bigger;
    return 0;
}

int dg_id_set_add(struct dg_id_set *s, uint64_t hash, uint64_t limit, bool *fresh, bool *full)
{
    *full = false;
    if (hash == 0) {
        *fresh = !s->has_zero;
        s->has_zero = true;
        return 0;
    }
    if (s->slot == NULL || 2 * s->n > s->mask) {
        if (s->n < limit && grow(s) != 0) {
            return ENOMEM;
        }
    }
    if (s->slot == NULL) {
        *fresh = true;
        *full = true;
        return 0;
    }
    const uint64_t at = find_slot(s, hash);
    *fresh = s->slot[at] == 0;
    if (*fresh && s->n >= limit) {
        *full = true;
    } else if (*fresh) {
        s->slot[at] = hash;
        s->n++;
    }
    return 0;
}
