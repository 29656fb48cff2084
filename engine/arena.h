/* engine/arena.h -- memory that is given back all at once: for what lives as long as a document. */
#ifndef DG_ENGINE_ARENA_H
#define DG_ENGINE_ARENA_H

#include "stats/base.h"

struct dg_arena_block;

/* A zeroed struct is an empty arena. */
struct dg_arena {
    struct dg_arena_block *block; /* newest first */
};

/* Give back everything that was taken. */
void dg_arena_deinit(struct dg_arena *a);

/* Zeroed memory for n objects of `size` bytes, aligned for any type; n = 0 gives a valid pointer to
 * nothing. NULL: out of memory, or n * size overflows. Amortised O(bytes). */
void *dg_arena_take(struct dg_arena *a, size_t n, size_t size);

/* A copy of text[len] with a terminating NUL. NULL: out of memory. */
char *dg_arena_text(struct dg_arena *a, const char *text, size_t len);

#endif
