#include "connectors/name_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dg_name_map_deinit(struct dg_name_map *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->name[i]);
    }
    free(m->name);
    free(m->slot);
    *m = (struct dg_name_map){0};
}

/* FNV-1a; the names are the program's own, not hostile. */
static uint64_t hash_of(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const char *c = name; *c != '\0'; c++) {
        h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* Where `name` is, or the free slot where it would be. n_slots > 0. */
static size_t slot_of(const struct dg_name_map *m, const char *name)
{
    size_t at = hash_of(name) & (m->n_slots - 1);
    while (m->slot[at] != 0 && strcmp(m->name[m->slot[at] - 1], name) != 0) {
        at = (at + 1) & (m->n_slots - 1);
    }
    return at;
}

static int grow(struct dg_name_map *m)
{
    const size_t cap = m->cap == 0 ? 16 : m->cap * 2;
    char **name = realloc(m->name, cap * sizeof *name);
    if (name == NULL) {
        return ENOMEM;
    }
    m->name = name;
    uint32_t *slot = calloc(cap * 2, sizeof *slot);
    if (slot == NULL) {
        return ENOMEM;
    }
    free(m->slot);
    m->slot = slot;
    m->n_slots = cap * 2;
    m->cap = cap;
    for (size_t i = 0; i < m->n; i++) {
        m->slot[slot_of(m, m->name[i])] = (uint32_t)i + 1;
    }
    return 0;
}

int dg_name_map_add(struct dg_name_map *m, const char *name, size_t *index, bool *fresh)
{
    if (m->n == m->cap && dg_name_map_find(m, name) == SIZE_MAX && grow(m) != 0) {
        return ENOMEM;
    }
    const size_t at = slot_of(m, name);
    *fresh = m->slot[at] == 0;
    if (*fresh) {
        char *copy = strdup(name);
        if (copy == NULL) {
            return ENOMEM;
        }
        m->name[m->n++] = copy;
        m->slot[at] = (uint32_t)m->n;
    }
    *index = m->slot[at] - 1;
    return 0;
}

size_t dg_name_map_find(const struct dg_name_map *m, const char *name)
{
    if (m->n_slots == 0) {
        return SIZE_MAX;
    }
    const size_t at = slot_of(m, name);
    return m->slot[at] == 0 ? SIZE_MAX : m->slot[at] - 1;
}
