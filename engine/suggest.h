/* engine/suggest.h -- "did you mean": the nearest of a few known words. */
#ifndef DG_ENGINE_SUGGEST_H
#define DG_ENGINE_SUGGEST_H

#include "stats/base.h"

/* The search so far; start from {.word = the word as written}. */
struct dg_suggestion {
    const char *word;
    const char *best; /* NULL: nothing near enough */
    size_t distance;  /* of best */
};

/*
 * Compare one known word and keep it if it is nearer than every word before it. Distance: insert,
 * delete, replace or swap two neighbours, case ignored, each counts 1 (optimal string alignment;
 * Damerau 1964). Near enough: at most a third of the longer word's length, and at most 3; or one
 * word is the beginning of the other (4 letters or more). Words beyond 64 bytes are never near.
 * `known` is borrowed. O(product of the lengths), no allocation.
 */
void dg_suggest(struct dg_suggestion *s, const char *known);

/* The same over known[n]; NULL if none is near. */
const char *dg_suggest_from(const char *word, const char *const known[], size_t n);

#endif
