#include "stats/unlisted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Entries and bytes of keys at first, and then: two steps for the maps that are usual, so that maps
 * that are used in turns soon have room enough, rather than each a little more now and then. */
enum { FEW = 8, SOME = 32, FEW_BYTES = 64, SOME_BYTES = 512 };
enum { HELD_MAX = 2 * DG_UNLISTED_MAX, COUNT_BITS = 47 };

void dg_unlisted_free(struct dg_unlisted *u)
{
    if (u != NULL) {
        free(u->entry);
        free(u->slot);
        free(u->keys);
        free(u->view);
        free(u);
    }
}

size_t dg_unlisted_bytes(const struct dg_unlisted *u)
{
    return sizeof *u + u->cap * sizeof *u->entry + u->slots * sizeof *u->slot + u->keys_cap +
           u->view_cap * sizeof *u->view;
}

void dg_unlisted_reset(struct dg_unlisted *u)
{
    dg_unlisted_truncate(u, 0);
    u->limited = false;
    u->limit = 0;
}

static void fill_slots(struct dg_unlisted *u)
{
    if (u->slots == 0) {
        return;
    }
    memset(u->slot, 0, u->slots * sizeof u->slot[0]);
    const size_t mask = u->slots - 1;
    for (size_t i = 0; i < u->n; i++) {
        size_t at = u->entry[i].hash & mask;
        while (u->slot[at] != 0) {
            at = (at + 1) & mask;
        }
        u->slot[at] = (uint32_t)i + 1;
    }
}

static int grow_entries(struct dg_unlisted *u)
{
    const size_t cap = u->cap < FEW ? FEW : u->cap < SOME ? SOME : 2 * u->cap;
    uint32_t *slot = calloc(2 * cap, sizeof *slot);
    struct dg_unlisted_entry *entry = realloc(u->entry, cap * sizeof *entry);
    if (entry != NULL) {
        u->entry = entry;
    }
    if (slot == NULL || entry == NULL) {
        free(slot);
        return ENOMEM;
    }
    free(u->slot);
    u->slot = slot;
    u->slots = 2 * cap;
    u->cap = cap;
    fill_slots(u);
    return 0;
}

static int grow_keys(struct dg_unlisted *u, size_t len)
{
    if (len > UINT32_MAX / 2 - u->keys_len) {
        return ENOMEM;
    }
    const size_t need = u->keys_len + len;
    size_t cap = need <= FEW_BYTES ? FEW_BYTES : SOME_BYTES;
    while (cap < need) {
        cap *= 2;
    }
    char *keys = realloc(u->keys, cap);
    if (keys == NULL) {
        return ENOMEM;
    }
    u->keys = keys;
    u->keys_cap = cap;
    return 0;
}

static const char *key_of(const struct dg_unlisted *u, const struct dg_unlisted_entry *e)
{
    return e->len == 0 ? "" : u->keys + e->offset;
}

/* The slot that holds the key, or the free one where it would go. */
static size_t slot_of(const struct dg_unlisted *u, const struct dg_keyed *key)
{
    const size_t mask = u->slots - 1;
    size_t at = key->hash & mask;
    for (; u->slot[at] != 0; at = (at + 1) & mask) {
        const struct dg_unlisted_entry *e = &u->entry[u->slot[at] - 1];
        if (e->hash == key->hash && e->len == key->len &&
            memcmp(key_of(u, e), key->key, key->len) == 0) {
            break;
        }
    }
    return at;
}

static struct dg_unlisted_entry *find(const struct dg_unlisted *u, const struct dg_keyed *key)
{
    if (u->n == 0) {
        return NULL;
    }
    const uint32_t index = u->slot[slot_of(u, key)];
    return index == 0 ? NULL : &u->entry[index - 1];
}

int dg_unlisted_add(struct dg_unlisted *u, const struct dg_keyed *key)
{
    if (u->limited && key->hash >= u->limit) {
        return 0;
    }
    struct dg_unlisted_entry *e = find(u, key);
    if (e != NULL) {
        e->count += key->count;
        return 0;
    }
    const bool full = u->n == u->cap, no_room = key->len > u->keys_cap - u->keys_len;
    if ((full && grow_entries(u) != 0) || (no_room && grow_keys(u, key->len) != 0)) {
        return ENOMEM;
    }
    u->slot[slot_of(u, key)] = (uint32_t)u->n + 1;
    u->entry[u->n++] = (struct dg_unlisted_entry){
        .hash = key->hash, .count = key->count, .offset = (uint32_t)u->keys_len, .len = key->len};
    if (key->len > 0) {
        memcpy(u->keys + u->keys_len, key->key, key->len);
    }
    u->keys_len += key->len;
    return 0;
}

void dg_unlisted_undo(struct dg_unlisted *u, const struct dg_keyed *key)
{
    struct dg_unlisted_entry *e = find(u, key);
    if (e != NULL) {
        DG_ASSERT(e->count >= key->count);
        e->count -= key->count;
    }
}

void dg_unlisted_truncate(struct dg_unlisted *u, size_t n)
{
    if (n < u->n) {
        u->keys_len = u->entry[n].offset;
        u->n = n;
        fill_slots(u);
    }
}

/* The hash of rank `rank` (from 0) among the entries, by digits from the top: no memory, no order
 * changed. */
static uint64_t select_hash(const struct dg_unlisted *u, size_t rank)
{
    uint64_t prefix = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        size_t with_digit[256] = {0};
        const uint64_t above = shift == 56 ? 0 : ~UINT64_C(0) << (shift + 8);
        for (size_t i = 0; i < u->n; i++) {
            const uint64_t h = u->entry[i].hash;
            with_digit[h >> shift & 255] += (h & above) == prefix;
        }
        uint64_t digit = 0;
        while (rank >= with_digit[digit]) {
            rank -= with_digit[digit++];
        }
        prefix |= digit << shift;
    }
    return prefix;
}

bool dg_unlisted_limit(const struct dg_unlisted *u, uint64_t *limit)
{
    if (u->n > DG_UNLISTED_MAX) {
        *limit = select_hash(u, DG_UNLISTED_MAX);
        return true;
    }
    *limit = u->limit;
    return u->limited;
}

/* Keep the entries that are below the limit and counted; their order stays. */
static void sift(struct dg_unlisted *u)
{
    size_t n = 0, keys_len = 0;
    for (size_t i = 0; i < u->n; i++) {
        struct dg_unlisted_entry e = u->entry[i];
        if (e.count > 0 && !(u->limited && e.hash >= u->limit)) {
            if (e.len > 0) {
                memmove(u->keys + keys_len, u->keys + e.offset, e.len);
            }
            e.offset = (uint32_t)keys_len;
            keys_len += e.len;
            u->entry[n++] = e;
        }
    }
    u->n = n;
    u->keys_len = keys_len;
    fill_slots(u);
}

void dg_unlisted_trim(struct dg_unlisted *u, bool exactly)
{
    if (u->n > (exactly ? DG_UNLISTED_MAX : HELD_MAX)) {
        u->limited = dg_unlisted_limit(u, &u->limit);
        sift(u);
    }
}

static struct dg_keyed keyed(const struct dg_unlisted *u, const struct dg_unlisted_entry *e)
{
    return (struct dg_keyed){
        .key = key_of(u, e), .len = e->len, .hash = e->hash, .count = e->count};
}

static void lower_limit(struct dg_unlisted *u, bool limited, uint64_t limit)
{
    if (limited && !(u->limited && u->limit <= limit)) {
        u->limited = true;
        u->limit = limit;
        sift(u);
    }
}

int dg_unlisted_merge(struct dg_unlisted *dst, const struct dg_unlisted *src)
{
    const size_t before = dst->n;
    for (size_t i = 0; i < src->n; i++) {
        const struct dg_keyed key = keyed(src, &src->entry[i]);
        if (src->limited && key.hash >= src->limit) {
            continue;
        }
        if (dg_unlisted_add(dst, &key) != 0) {
            while (i-- > 0) {
                const struct dg_keyed added = keyed(src, &src->entry[i]);
                dg_unlisted_undo(dst, &added);
            }
            dg_unlisted_truncate(dst, before);
            return ENOMEM;
        }
    }
    lower_limit(dst, src->limited, src->limit);
    dg_unlisted_trim(dst, false);
    return 0;
}

void dg_unlisted_subtract(struct dg_unlisted *dst, const struct dg_unlisted *src)
{
    dg_unlisted_trim(dst, true);
    for (size_t i = 0; i < src->n; i++) {
        const struct dg_keyed key = keyed(src, &src->entry[i]);
        struct dg_unlisted_entry *e = find(dst, &key);
        DG_ASSERT(e != NULL ? e->count >= key.count : dst->limited && key.hash >= dst->limit);
        if (e != NULL) {
            e->count -= key.count;
        }
    }
    sift(dst);
}

static int compare(const void *a, const void *b)
{
    const struct dg_keyed *x = a, *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    const int order = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

int dg_unlisted_view(struct dg_unlisted *u, struct dg_keyed **out, size_t *n)
{
    if (u->view_cap < u->n) {
        struct dg_keyed *view = realloc(u->view, u->cap * sizeof *view);
        if (view == NULL) {
            return ENOMEM;
        }
        u->view = view;
        u->view_cap = u->cap;
    }
    uint64_t limit;
    const bool limited = dg_unlisted_limit(u, &limit);
    *n = 0;
    for (size_t i = 0; i < u->n; i++) {
        if (!(limited && u->entry[i].hash >= limit)) {
            u->view[(*n)++] = keyed(u, &u->entry[i]);
        }
    }
    if (*n > 0) {
        qsort(u->view, *n, sizeof u->view[0], compare);
    }
    *out = u->view;
    return 0;
}

void dg_unlisted_encode(struct dg_unlisted *u, struct dg_bytes *out)
{
    struct dg_keyed *key;
    size_t n;
    if (dg_unlisted_view(u, &key, &n) != 0) {
        out->failed = true;
        return;
    }
    uint64_t limit;
    const bool limited = dg_unlisted_limit(u, &limit);
    dg_put_varint(out, (uint64_t)n << 1 | limited);
    for (int i = 0; limited && i < 8; i++) {
        dg_put_u8(out, (uint8_t)(limit >> (8 * i)));
    }
    for (size_t i = 0; i < n; i++) {
        dg_put_varint(out, key[i].len);
        dg_put_raw(out, key[i].key, key[i].len);
        dg_put_varint(out, key[i].count);
    }
}

static bool read_key(struct dg_reader *in, struct dg_keyed *key)
{
    const uint64_t len = dg_get_varint(in);
    if (len > DG_KEY_MAX) {
        return false;
    }
    const uint8_t *bytes = dg_get_raw(in, (size_t)len);
    key->count = dg_get_varint(in);
    if (in->failed || key->count == 0 || key->count >> COUNT_BITS != 0) {
        return false;
    }
    key->key = len == 0 ? "" : (const char *)bytes;
    key->len = (uint32_t)len;
    key->hash = dg_hash_key(key->key, key->len);
    return true;
}

int dg_unlisted_add_encoded(struct dg_unlisted *u, struct dg_reader *in, uint64_t *total)
{
    const uint64_t head = dg_get_varint(in), n = head >> 1;
    const bool limited = head & 1;
    uint64_t limit = 0;
    for (int i = 0; limited && i < 8; i++) {
        limit |= (uint64_t)dg_get_u8(in) << (8 * i);
    }
    *total = 0;
    if (in->failed || n > DG_UNLISTED_MAX) {
        return EBADMSG;
    }
    struct dg_keyed previous = {0};
    for (uint64_t i = 0; i < n; i++) {
        struct dg_keyed key;
        if (!read_key(in, &key) || (limited && key.hash >= limit) ||
            (i > 0 && compare(&previous, &key) >= 0)) {
            return EBADMSG;
        }
        if (dg_unlisted_add(u, &key) != 0) {
            return ENOMEM;
        }
        *total += key.count;
        previous = key;
    }
    lower_limit(u, limited, limit);
    dg_unlisted_trim(u, false);
    return 0;
}
