/* stats/unlisted.h -- private to category.c: exact counts of the keys of least hash.
 *
 * Let D be the distinct keys ever added and h(i) the i-th least of their hashes. The map keeps
 * exactly the keys with hash < T(D), where T(D) = h(DG_UNLISTED_MAX + 1), or no limit while there
 * are not that many. Adding keys can only lower T. So a key that was dropped, having hash >= T
 * then, has hash >= T ever after and cannot come back; and a key that is kept at the end was below
 * T at all times, so none of its occurrences was refused: its count is exact. Hence the map is a
 * function of the multiset of keys. Merging: T(A u B) <= min(T(A), T(B)), so every key below T(A u
 * B) is kept on the sides where it occurs; and if no more than DG_UNLISTED_MAX keys of the union
 * lie below min(T(A), T(B)), then that minimum is T(A u B) itself, since it is the hash of a key of
 * the union and as many lie below as on its own side. Two keys of one hash stay or go together.
 *
 * For speed up to twice as many keys are held; what is not below T(D) is left out when the map is
 * looked at. */
#ifndef DG_STATS_UNLISTED_H
#define DG_STATS_UNLISTED_H

#include "stats/bytes.h"
#include "stats/category.h"

struct dg_unlisted_entry {
    uint64_t hash;
    uint64_t count;
    uint32_t offset; /* of the key in `keys` */
    uint32_t len;
};

struct dg_unlisted {
    struct dg_unlisted_entry *entry; /* [n], in the order of `keys` */
    size_t n, cap;
    uint32_t *slot; /* [slots] index + 1 of an entry, 0 = free; linear probing */
    size_t slots;   /* a power of two >= 2 cap, or 0 */
    char *keys;
    size_t keys_len, keys_cap;
    bool limited; /* keys of hash >= limit are refused */
    uint64_t limit;
    struct dg_keyed *view; /* the array that dg_unlisted_view gave out last */
    size_t view_cap;
};

void dg_unlisted_free(struct dg_unlisted *u);
void dg_unlisted_reset(struct dg_unlisted *u);
size_t dg_unlisted_bytes(const struct dg_unlisted *u); /* of memory, the struct included */

/* Count one more, or `count` more, of a key. 0 or ENOMEM, u then holds what it held before. Call
 * dg_unlisted_trim when a batch is done. */
DG_MUST_CHECK int dg_unlisted_add(struct dg_unlisted *u, const struct dg_keyed *key);
/* Take back what dg_unlisted_add counted, and forget entries that came after the first n. */
void dg_unlisted_undo(struct dg_unlisted *u, const struct dg_keyed *key);
void dg_unlisted_truncate(struct dg_unlisted *u, size_t n);
/* Drop entries if there are more than twice the bound, or any above the bound if `exactly`. */
void dg_unlisted_trim(struct dg_unlisted *u, bool exactly);

DG_MUST_CHECK int dg_unlisted_merge(struct dg_unlisted *dst, const struct dg_unlisted *src);
void dg_unlisted_subtract(struct dg_unlisted *dst, const struct dg_unlisted *src);

/* The kept keys in order of (hash, bytes); the array is u's and lives until the next call. */
DG_MUST_CHECK int dg_unlisted_view(struct dg_unlisted *u, struct dg_keyed **out, size_t *n);
/* The limit that a look at u finds: false if there is none. */
bool dg_unlisted_limit(const struct dg_unlisted *u, uint64_t *limit);

/* Number of keys, limit, then the keys in order of (hash, bytes) with their counts. */
void dg_unlisted_encode(struct dg_unlisted *u, struct dg_bytes *out);
/* Adds; *total is the sum of the counts read. EBADMSG or ENOMEM: u may be partly added to. */
DG_MUST_CHECK int dg_unlisted_add_encoded(struct dg_unlisted *u, struct dg_reader *in,
                                          uint64_t *total);

#endif
