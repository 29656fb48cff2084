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

/* The key that stands for `text`: the bytes themselves if there are at most DG_KEY_MAX; else as
 * many whole UTF-8 characters as fit into DG_KEY_MAX - 17 bytes, '#', and the hash of the whole in
 * 16 hex digits, written to buffer. key->hash is that of the key, key->count is 0. Every function
 * here that takes texts or dictionary keys applies it by itself. */
struct dg_keyed dg_key_of(const char *bytes, size_t len, char buffer[DG_KEY_MAX]);

struct dg_dictionary; /* opaque, immutable */

/*
 * From the categories of a reference (any order, distinct; counts >= 1; hashes are not read): the
 * `capacity` most frequent by (count descending, bytes ascending) get codes 0, 1, ... in that
 * order; the rest are known as `other`. Copies the keys: about 56 bytes per category and its key,
 * for all of them, exactly: whoever builds a reference bounds how many it keeps. ENOMEM; EINVAL if
 * capacity is 0 or above DG_DICTIONARY_MAX, a category occurs twice, a count is 0, or there are
 * 2^30 or more. *out is then unchanged. n == 0 is an empty dictionary: K = 0.
 */
DG_MUST_CHECK int dg_dictionary_build(const struct dg_keyed v[], size_t n, uint32_t capacity,
                                      struct dg_dictionary **out);
void dg_dictionary_free(struct dg_dictionary *d);           /* NULL is allowed */
uint32_t dg_dictionary_size(const struct dg_dictionary *d); /* K; 0 for NULL */
/* The entry of a code < K; lives as long as d. */
const struct dg_keyed *dg_dictionary_entry(const struct dg_dictionary *d, uint32_t code);
/* The reference's counts of: categories outside the top K (total), and seen exactly once (f1). */
uint64_t dg_dictionary_other(const struct dg_dictionary *d);
uint64_t dg_dictionary_singletons(const struct dg_dictionary *d);
/* Every known category, for saving: index 0 .. n-1, n through *n, by (count descending, bytes
 * ascending). The first K are the entries. */
const struct dg_keyed *dg_dictionary_known(const struct dg_dictionary *d, size_t *n);
/* Of the entries, in order: state encoded for another dictionary is refused. 0 for NULL. */
uint32_t dg_dictionary_fingerprint(const struct dg_dictionary *d);
/* code 0 .. K-1, or K for `other`, or K+1 for `new`. d == NULL: everything is new (0 + 1). The key
 * must be one of dg_key_of with its hash. About 5 ns. */
uint32_t dg_dictionary_find(const struct dg_dictionary *d, const char *key, uint32_t len,
                            uint64_t hash);

/* A text value as decoded: bytes that live as long as the chunk they came from. */
struct dg_text {
    const char *bytes;
    uint32_t len;
    uint8_t triage; /* DG_FINITE = a value; DG_ABSENT, DG_NULL or DG_UNPARSABLE */
};

struct dg_unlisted; /* opaque bottom-k map: exact counts of the DG_UNLISTED_MAX keys of least hash;
                     * how it stays a function of the multiset: stats/unlisted.h */

/* Zeroed = empty, without a dictionary. About 2.2 KB; 4 KB more once there is a value, and the map
 * of unlisted values: about 60 bytes and the key for each. */
struct dg_category {
    const struct dg_dictionary *dictionary; /* not owned; NULL: all values go to the unlisted map */
    uint64_t triage[DG_TRIAGE_KINDS];
    uint64_t count[DG_DICTIONARY_MAX + 2]; /* [K + 2]; [K] other, [K + 1] new */
    struct dg_unlisted *unlisted;          /* owned; NULL until the first unlisted value */
    struct dg_hll distinct;                /* of the values, null excluded */
};

void dg_category_init(struct dg_category *s, const struct dg_dictionary *dictionary);
void dg_category_deinit(struct dg_category *s);
void dg_category_reset(struct dg_category *s); /* to empty; keeps memory for the next pane */
void dg_category_trim(struct dg_category *s); /* empty: frees a map that was needed for many keys */
size_t dg_category_bytes(const struct dg_category *s); /* of memory, the struct included. O(1) */

/* Texts prepared once per column: code and hash of each row. A zeroed struct is empty. */
struct dg_coded {
    size_t n;
    size_t cap;
    uint32_t *code;             /* [n] dictionary code, UINT32_MAX where not a value */
    uint8_t *triage;            /* [n] */
    uint64_t *hash;             /* [n] of the key; 0 where not a value */
    const struct dg_text *text; /* [n] the caller's array, borrowed until the next prepare */
    const struct dg_dictionary *dictionary; /* that the codes belong to */
};
void dg_coded_deinit(struct dg_coded *p);

/* Code text[n], whose triage is DG_FINITE, DG_ABSENT, DG_NULL or DG_UNPARSABLE. The empty text is a
 * category. `allowed` (NULL: all) is a dictionary of the declared values: others are
 * DG_OUT_OF_RANGE, but are still counted as categories, since an unexpected value is news.
 * 0, or ENOMEM and p is unchanged; allocates only when n exceeds every earlier n. About 15 ns per
 * value. */
DG_MUST_CHECK int dg_code(struct dg_coded *p, const struct dg_dictionary *dictionary,
                          const struct dg_dictionary *allowed, const struct dg_text text[],
                          size_t n);
/* Add the rows row[0..n) of p (row == NULL: rows 0..n-1), coded with the dictionary of s. 0, or
 * ENOMEM and s is unchanged. Allocates only for unlisted keys not met before. */
DG_MUST_CHECK int dg_category_add(struct dg_category *s, const struct dg_coded *p,
                                  const uint32_t row[], size_t n);
/* dst += src; the same dictionary. 0, or ENOMEM and dst is unchanged. */
DG_MUST_CHECK int dg_category_merge(struct dg_category *dst, const struct dg_category *src);
/* dst -= src, where src is part of dst (asserted). Counts, and those of every key that is kept, are
 * taken back exactly; keys that the map dropped stay dropped, and the distinct sketch stays as it
 * was. Never fails. */
DG_MUST_CHECK int dg_category_subtract(struct dg_category *dst, const struct dg_category *src);

/* Append the sparse, versioned encoding; equal states give equal bytes. */
void dg_category_encode(const struct dg_category *s, struct dg_bytes *out);
/* s += the state that was encoded in bytes[n] with the same dictionary. EBADMSG if it is corrupt,
 * truncated, has bytes left over or belongs to another dictionary; ENOMEM; s may then be partly
 * added to: discard it. No bytes whatever lead to undefined behaviour, then or later. */
DG_MUST_CHECK int dg_category_add_encoded(struct dg_category *s, const uint8_t bytes[], size_t n);

/* The unlisted values kept, ascending by bytes; *total_dropped = events whose key was not kept.
 * The array lives until the state is next changed, encoded or asked. ENOMEM. */
DG_MUST_CHECK int dg_category_unlisted(const struct dg_category *s, const struct dg_keyed **out,
                                       size_t *n, uint64_t *total_dropped);
/* False if no key was dropped; else *limit: just the keys with a hash below it were kept. */
bool dg_category_unlisted_limit(const struct dg_category *s, uint64_t *limit);

#endif
