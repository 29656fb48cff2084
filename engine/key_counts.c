#include "engine/key_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dg_key_counts_deinit(struct dg_key_counts *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free((void *)(uintptr_t)c->key[i].key);
    }
    free(c->key);
    free(c->slot);
    *c = (struct dg_key_counts){0};
}

static uint64_t find_slot(const struct dg_key_counts *c, const char *key, uint32_t len,
                          uint64_t hash)
{
    uint64_t at = hash & c->mask;
    while (c->slot[at] != 0) {
        const struct dg_keyed *k = &c->key[c->slot[at] - 1];
        if (k->hash == hash && k->len == len && memcmp(k->key, key, len) == 0) {
            break;
        }
        at = (at + 1) & c->mask;
    }
    return at;
}

static int grow(struct dg_key_counts *c)
{
    const uint64_t size = c->slot == NULL ? 256 : 2 * (c->mask + 1);
    uint32_t *slot = calloc(size, sizeof *slot);
    struct dg_keyed *key = realloc(c->key, size / 2 * sizeof *key);
    if (key != NULL) {
        c->key = key;
    }
    if (slot == NULL || key == NULL) {
        free(slot);
        return ENOMEM;
    }
    free(c->slot);
    c->slot = slot;
    c->mask = size - 1;
    c->cap = size / 2;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t at = c->key[i].hash & c->mask;
        while (c->slot[at] != 0) {
            at = (at + 1) & c->mask;
        }
        c->slot[at] = (uint32_t)i + 1;
    }
    return 0;
}

int dg_key_counts_add(struct dg_key_counts *c, const char *key, uint32_t len, size_t limit)
{
    if (c->n == c->cap && grow(c) != 0) {
        return ENOMEM;
    }
    const uint64_t hash = dg_hash_key(key, len);
    const uint64_t at = find_slot(c, key, len, hash);
    if (c->slot[at] != 0) {
        c->key[c->slot[at] - 1].count++;
        return 0;
    }
    if (c->n >= limit) {
        return ERANGE;
    }
    char *copy = malloc((size_t)len + 1);
    if (copy == NULL) {
        return ENOMEM;
    }
    memcpy(copy, key, len);
    copy[len] = '\0';
    c->key[c->n++] = (struct dg_keyed){copy, len, hash, 1};
    c->slot[at] = (uint32_t)c->n;
    return 0;
}

static int by_rank(const void *a, const void *b)
{
    const struct dg_keyed *x = a, *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    const int order = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

void dg_key_counts_rank(struct dg_key_counts *c)
{
    if (c->n > 1) {
        qsort(c->key, c->n, sizeof *c->key, by_rank);
    }
    free(c->slot);
    c->slot = NULL;
    c->mask = 0;
    c->cap = c->n;
}
