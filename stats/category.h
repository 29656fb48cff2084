/* stats/category.h -- the whole integer state of one categorical series: counts over the
 * reference's dictionary, `other`, `new`, a bounded order-free map of the values that the
 * dictionary lacks, and a distinct-count sketch. */
#ifndef DG_STATS_CATEGORY_H
#define DG_STATS_CATEGORY_H

#include "stats/bytes.h"
#include "stats/hll.h"
#include "stats/triage.h"

#define DG_DICTIONARY_MAX 256  /* categories with a cell of their own */
#define DG_KEY_MAX        256  /* bytes; a longer key is cut and ends in a hash of the whole */
#define DG_UNLISTED_MAX   4096 /* keys kept in the map of unlisted values */

/* A category and how often it occurs. `key` is bytes, not a C string. */
struct dg_keyed {
    const char *key;
    uint32_t len;
    uint64_t hash; /* dg_hash_key(key, len) */
    uint64_t count;
};

/* XXH3 64-bit of the bytes, seed 0: the hash of keys everywhere; part of the persisted state. */
uint64_t dg_hash_key(const char *key, size_t len);

struct dg_dictionary; /* opaque, immutable */

/*
 * From the categories of a reference (any order, distinct): the `capacity` most frequent by
 * (count descending, bytes ascending) get codes 0, 1, ... in that order; the rest are known as
 * `other`. ENOMEM; EINVAL if capacity is 0 or above DG_DICTIONARY_MAX.
 */
DG_MUST_CHECK int dg_dictionary_build(const struct dg_keyed v[], size_t n, uint32_t capacity,
                                      struct dg_dictionary **out);
void dg_dictionary_free(struct dg_dictionary *d);
uint32_t dg_dictionary_size(const struct dg_dictionary *d); /* K */
const struct dg_keyed *dg_dictionary_entry(const struct dg_dictionary *d, uint32_t code);
/* The reference's counts of: categories outside the top K (total), and seen exactly once (f1). */
uint64_t dg_dictionary_other(const struct dg_dictionary *d);
uint64_t dg_dictionary_singletons(const struct dg_dictionary *d);
/* Every known category, for saving: index 0 .. n-1, n through *n. The first K are the entries. */
const struct dg_keyed *dg_dictionary_known(const struct dg_dictionary *d, size_t *n);
/* code 0 .. K-1, or K for `other`, or K+1 for `new`. d == NULL: everything is new (0 + 1). */
uint32_t dg_dictionary_find(const struct dg_dictionary *d, const char *key, uint32_t len,
                            uint64_t hash);

/* A text value as decoded: bytes that live as long as the chunk they came from. */
struct dg_text {
    const char *bytes;
    uint32_t len;
    uint8_t triage; /* DG_FINITE = a value; DG_ABSENT, DG_NULL or DG_UNPARSABLE */
};

struct dg_unlisted; /* opaque bottom-k map: exact counts of the DG_UNLISTED_MAX keys of least hash
                     */

struct dg_category {
    const struct dg_dictionary *dictionary; /* not owned; NULL: all values go to the unlisted map */
    uint64_t triage[DG_TRIAGE_KINDS];
    uint64_t count[DG_DICTIONARY_MAX + 2]; /* [K + 2]; [K] other, [K + 1] new */
    struct dg_unlisted *unlisted;          /* owned; NULL until the first unlisted value */
    struct dg_hll distinct;                /* of the values, null excluded */
};

void dg_category_init(struct dg_category *s, const struct dg_dictionary *dictionary);
void dg_category_deinit(struct dg_category *s);
void dg_category_reset(struct dg_category *s);

/* Texts prepared once per column: code and hash of each row. */
struct dg_coded {
    size_t n;
    size_t cap;
    uint32_t *code;             /* [n] dictionary code, UINT32_MAX where not a value */
    uint8_t *triage;            /* [n] */
    uint64_t *hash;             /* [n] */
    const struct dg_text *text; /* [n] the caller's array, borrowed until the next prepare */
};
void dg_coded_deinit(struct dg_coded *p);

/* `allowed` (NULL: all) is a dictionary of the declared values: others are DG_OUT_OF_RANGE, but
 * are still counted as categories, since an unexpected value is news. */
DG_MUST_CHECK int dg_code(struct dg_coded *p, const struct dg_dictionary *dictionary,
                          const struct dg_dictionary *allowed, const struct dg_text text[],
                          size_t n);
DG_MUST_CHECK int dg_category_add(struct dg_category *s, const struct dg_coded *p,
                                  const uint32_t row[], size_t n);
DG_MUST_CHECK int dg_category_merge(struct dg_category *dst, const struct dg_category *src);
/* Counts and map are taken back exactly while the map has never dropped a key; the distinct
 * sketch stays as it was. */
DG_MUST_CHECK int dg_category_subtract(struct dg_category *dst, const struct dg_category *src);
void dg_category_encode(const struct dg_category *s, struct dg_bytes *out);
DG_MUST_CHECK int dg_category_add_encoded(struct dg_category *s, const uint8_t bytes[], size_t n);

/* The unlisted values kept, ascending by bytes; *total_dropped = events whose key was not kept.
 * The array lives until the state is next changed. */
DG_MUST_CHECK int dg_category_unlisted(const struct dg_category *s, const struct dg_keyed **out,
                                       size_t *n, uint64_t *total_dropped);

#endif
