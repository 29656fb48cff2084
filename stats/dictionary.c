#include "stats/category.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SUFFIX = 17 /* '#' and 16 hex digits */ };

struct dg_dictionary {
    struct dg_keyed *known; /* [n], by (count descending, bytes ascending) */
    size_t n;
    uint32_t size;  /* K */
    uint32_t *slot; /* [slots] index + 1 of a known key, 0 = free; linear probing */
    size_t slots;   /* a power of two >= 2 n */
    char *keys;
    uint64_t other;
    uint64_t singletons;
    uint32_t fingerprint;
};

uint64_t dg_hash_key(const char *key, size_t len)
{
    return XXH3_64bits(key, len);
}

struct dg_keyed dg_key_of(const char *bytes, size_t len, char buffer[DG_KEY_MAX])
{
    if (len > DG_KEY_MAX) {
        size_t cut = DG_KEY_MAX - SUFFIX;
        for (int i = 0; i < 3 && ((unsigned char)bytes[cut] & 0xC0) == 0x80; i++) {
            cut--;
        }
        const uint64_t whole = dg_hash_key(bytes, len);
        memcpy(buffer, bytes, cut);
        buffer[cut++] = '#';
        for (int shift = 60; shift >= 0; shift -= 4) {
            buffer[cut++] = "0123456789abcdef"[whole >> shift & 15];
        }
        bytes = buffer;
        len = cut;
    }
    return (struct dg_keyed){.key = bytes, .len = (uint32_t)len, .hash = dg_hash_key(bytes, len)};
}

static int compare(const void *a, const void *b)
{
    const struct dg_keyed *x = a, *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    const int order = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* Index + 1 of the key, or 0; *at is its slot or the free one where it would go. */
static inline uint32_t look_up(const struct dg_dictionary *d, const char *key, uint32_t len,
                               uint64_t hash, size_t *at)
{
    const size_t mask = d->slots - 1;
    for (*at = hash & mask; d->slot[*at] != 0; *at = (*at + 1) & mask) {
        const struct dg_keyed *k = &d->known[d->slot[*at] - 1];
        if (k->hash == hash && k->len == len && memcmp(k->key, key, len) == 0) {
            return d->slot[*at];
        }
    }
    return 0;
}

/* Copies the keys, as they are to be known, into d->keys. */
static int copy_keys(struct dg_dictionary *d, const struct dg_keyed v[], size_t n)
{
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++) {
        if (v[i].count == 0) {
            return EINVAL;
        }
        bytes += v[i].len < DG_KEY_MAX ? v[i].len : DG_KEY_MAX;
    }
    d->known = calloc(n + 1, sizeof *d->known);
    d->keys = malloc(bytes);
    if (d->known == NULL || d->keys == NULL) {
        return ENOMEM;
    }
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        char buffer[DG_KEY_MAX];
        d->known[i] = dg_key_of(v[i].len == 0 ? "" : v[i].key, v[i].len, buffer);
        memcpy(d->keys + at, d->known[i].key, d->known[i].len);
        d->known[i].key = d->keys + at;
        d->known[i].count = v[i].count;
        at += d->known[i].len;
    }
    d->n = n;
    return 0;
}

static int index_keys(struct dg_dictionary *d)
{
    uint64_t fingerprint = 1;
    d->slots = 8;
    while (d->slots < 2 * d->n) {
        d->slots *= 2;
    }
    d->slot = calloc(d->slots, sizeof *d->slot);
    if (d->slot == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < d->n; i++) {
        const struct dg_keyed *k = &d->known[i];
        size_t at;
        if (look_up(d, k->key, k->len, k->hash, &at) != 0) {
            return EINVAL;
        }
        d->slot[at] = (uint32_t)i + 1;
        d->other += i < d->size ? 0 : k->count;
        d->singletons += k->count == 1;
        if (i < d->size) {
            const uint64_t both[2] = {fingerprint, k->hash};
            fingerprint = XXH3_64bits(both, sizeof both);
        }
    }
    d->fingerprint = (uint32_t)fingerprint;
    return 0;
}

int dg_dictionary_build(const struct dg_keyed v[], size_t n, uint32_t capacity,
                        struct dg_dictionary **out)
{
    if (capacity == 0 || capacity > DG_DICTIONARY_MAX || n >= (size_t)1 << 30) {
        return EINVAL;
    }
    struct dg_dictionary *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return ENOMEM;
    }
    int status = copy_keys(d, v, n);
    if (status == 0) {
        qsort(d->known, n, sizeof d->known[0], compare);
        d->size = n < capacity ? (uint32_t)n : capacity;
        status = index_keys(d);
    }
    if (status != 0) {
        dg_dictionary_free(d);
        return status;
    }
    *out = d;
    return 0;
}

void dg_dictionary_free(struct dg_dictionary *d)
{
    if (d != NULL) {
        free(d->known);
        free(d->slot);
        free(d->keys);
        free(d);
    }
}

uint32_t dg_dictionary_size(const struct dg_dictionary *d)
{
    return d == NULL ? 0 : d->size;
}

const struct dg_keyed *dg_dictionary_entry(const struct dg_dictionary *d, uint32_t code)
{
    DG_ASSERT(code < d->size);
    return &d->known[code];
}

uint64_t dg_dictionary_other(const struct dg_dictionary *d)
{
    return d->other;
}

uint64_t dg_dictionary_singletons(const struct dg_dictionary *d)
{
    return d->singletons;
}

const struct dg_keyed *dg_dictionary_known(const struct dg_dictionary *d, size_t *n)
{
    *n = d->n;
    return d->known;
}

uint32_t dg_dictionary_fingerprint(const struct dg_dictionary *d)
{
    return d == NULL ? 0 : d->fingerprint;
}

uint32_t dg_dictionary_find(const struct dg_dictionary *d, const char *key, uint32_t len,
                            uint64_t hash)
{
    if (d == NULL) {
        return 1;
    }
    size_t at;
    const uint32_t found = look_up(d, key, len, hash, &at);
    if (found == 0) {
        return d->size + 1;
    }
    return found - 1 < d->size ? found - 1 : d->size;
}
