#include "engine/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { DG_ARENA_BLOCK = 16384 };

struct dg_arena_block {
    struct dg_arena_block *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) unsigned char bytes[];
};

void dg_arena_deinit(struct dg_arena *a)
{
    while (a->block != NULL) {
        struct dg_arena_block *next = a->block->next;
        free(a->block);
        a->block = next;
    }
}

static bool arena_grow(struct dg_arena *a, size_t need)
{
    const size_t cap = need > DG_ARENA_BLOCK ? need : DG_ARENA_BLOCK;
    struct dg_arena_block *block = calloc(1, sizeof *block + cap);
    if (block == NULL) {
        return false;
    }
    block->cap = cap;
    block->next = a->block;
    a->block = block;
    return true;
}

void *dg_arena_take(struct dg_arena *a, size_t n, size_t size)
{
    size_t bytes;
    const size_t align = alignof(max_align_t);
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 4) {
        return NULL;
    }
    bytes = (bytes + align) / align * align; /* at least one unit, so that n = 0 is a place */
    if ((a->block == NULL || a->block->cap - a->block->used < bytes) && !arena_grow(a, bytes)) {
        return NULL;
    }
    void *taken = a->block->bytes + a->block->used;
    a->block->used += bytes;
    return taken;
}

char *dg_arena_text(struct dg_arena *a, const char *text, size_t len)
{
    char *copy = dg_arena_take(a, len + 1, 1);
    if (copy != NULL && len > 0) {
        memcpy(copy, text, len);
    }
    return copy;
}
