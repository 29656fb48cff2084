#include "stats/category.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats/unlisted.h"

enum { VERSION = 1, COUNT_BITS = 47, MAP_BYTES_KEPT = 4096 };

void dg_category_init(struct dg_category *s, const struct dg_dictionary *dictionary)
{
    *s = (struct dg_category){.dictionary = dictionary};
}

void dg_category_deinit(struct dg_category *s)
{
    dg_unlisted_free(s->unlisted);
    dg_hll_deinit(&s->distinct);
    *s = (struct dg_category){0};
}

void dg_category_reset(struct dg_category *s)
{
    memset(s->triage, 0, sizeof s->triage);
    memset(s->count, 0, sizeof s->count);
    if (s->unlisted != NULL) {
        dg_unlisted_reset(s->unlisted);
    }
    dg_hll_reset(&s->distinct);
}

void dg_category_trim(struct dg_category *s)
{
    if (s->unlisted != NULL && dg_unlisted_bytes(s->unlisted) > MAP_BYTES_KEPT) {
        DG_ASSERT(s->unlisted->n == 0);
        dg_unlisted_free(s->unlisted);
        s->unlisted = NULL;
    }
}

size_t dg_category_bytes(const struct dg_category *s)
{
    const size_t registers = s->distinct.reg == NULL ? 0 : DG_HLL_REGISTERS;
    return sizeof *s + registers + (s->unlisted == NULL ? 0 : dg_unlisted_bytes(s->unlisted));
}

void dg_coded_deinit(struct dg_coded *p)
{
    free(p->code);
    free(p->triage);
    free(p->hash);
    *p = (struct dg_coded){0};
}

static int reserve(struct dg_coded *p, size_t n)
{
    if (n <= p->cap) {
        return 0;
    }
    struct dg_coded fresh = {.cap = n};
    fresh.code = calloc(n, sizeof *fresh.code);
    fresh.triage = calloc(n, sizeof *fresh.triage);
    fresh.hash = calloc(n, sizeof *fresh.hash);
    if (fresh.code == NULL || fresh.triage == NULL || fresh.hash == NULL) {
        dg_coded_deinit(&fresh);
        return ENOMEM;
    }
    dg_coded_deinit(p);
    *p = fresh;
    return 0;
}

int dg_code(struct dg_coded *p, const struct dg_dictionary *dictionary,
            const struct dg_dictionary *allowed, const struct dg_text text[], size_t n)
{
    const int status = reserve(p, n);
    if (status != 0) {
        return status;
    }
    const uint32_t not_allowed = dg_dictionary_size(allowed) + 1;
    for (size_t i = 0; i < n; i++) {
        p->triage[i] = text[i].triage;
        if (text[i].triage != DG_FINITE) {
            DG_ASSERT(text[i].triage < DG_TRIAGE_KINDS);
            p->code[i] = UINT32_MAX;
            p->hash[i] = 0;
            continue;
        }
        char buffer[DG_KEY_MAX];
        const struct dg_keyed key = dg_key_of(text[i].bytes, text[i].len, buffer);
        p->hash[i] = key.hash;
        p->code[i] = dg_dictionary_find(dictionary, key.key, key.len, key.hash);
        if (allowed != NULL &&
            dg_dictionary_find(allowed, key.key, key.len, key.hash) == not_allowed) {
            p->triage[i] = DG_OUT_OF_RANGE;
        }
    }
    p->n = n;
    p->text = text;
    p->dictionary = dictionary;
    return 0;
}

static int make_map(struct dg_category *s)
{
    if (s->unlisted == NULL) {
        s->unlisted = calloc(1, sizeof *s->unlisted);
    }
    return s->unlisted == NULL ? ENOMEM : 0;
}

static struct dg_keyed key_of_row(const struct dg_coded *p, size_t row, char buffer[DG_KEY_MAX])
{
    const struct dg_text *t = &p->text[row];
    if (t->len > DG_KEY_MAX) {
        struct dg_keyed key = dg_key_of(t->bytes, t->len, buffer);
        key.count = 1;
        return key;
    }
    return (struct dg_keyed){
        .key = t->len == 0 ? "" : t->bytes, .len = t->len, .hash = p->hash[row], .count = 1};
}

/* The one step that can run out of memory halfway: it then takes back what it did. */
static int add_unlisted(struct dg_category *s, const struct dg_coded *p, const uint32_t row[],
                        size_t n)
{
    const uint32_t fresh = dg_dictionary_size(s->dictionary) + 1;
    const size_t before = s->unlisted == NULL ? 0 : s->unlisted->n;
    char buffer[DG_KEY_MAX];
    for (size_t i = 0; i < n; i++) {
        const size_t from = row == NULL ? i : row[i];
        DG_ASSERT(from < p->n);
        if (p->code[from] != fresh) {
            continue;
        }
        const struct dg_keyed key = key_of_row(p, from, buffer);
        if (make_map(s) == 0 && dg_unlisted_add(s->unlisted, &key) == 0) {
            continue;
        }
        while (s->unlisted != NULL && i-- > 0) {
            const size_t done = row == NULL ? i : row[i];
            if (p->code[done] == fresh) {
                const struct dg_keyed added = key_of_row(p, done, buffer);
                dg_unlisted_undo(s->unlisted, &added);
            }
        }
        if (s->unlisted != NULL) {
            dg_unlisted_truncate(s->unlisted, before);
        }
        return ENOMEM;
    }
    if (s->unlisted != NULL) {
        dg_unlisted_trim(s->unlisted, false);
    }
    return 0;
}

int dg_category_add(struct dg_category *s, const struct dg_coded *p, const uint32_t row[], size_t n)
{
    DG_ASSERT(n == 0 || p->dictionary == s->dictionary);
    DG_ASSERT(row != NULL || n <= p->n);
    if (n > 0 && dg_hll_reserve(&s->distinct) != 0) {
        return ENOMEM;
    }
    const int status = add_unlisted(s, p, row, n);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t from = row == NULL ? i : row[i];
        s->triage[p->triage[from]]++;
        if (p->code[from] != UINT32_MAX) {
            s->count[p->code[from]]++;
            const int added = dg_hll_add(&s->distinct, p->hash[from]);
            DG_ASSERT(added == 0);
        }
    }
    return 0;
}

int dg_category_merge(struct dg_category *dst, const struct dg_category *src)
{
    DG_ASSERT(dst->dictionary == src->dictionary);
    if (src->distinct.reg != NULL && dg_hll_reserve(&dst->distinct) != 0) {
        return ENOMEM;
    }
    if (src->unlisted != NULL &&
        (make_map(dst) != 0 || dg_unlisted_merge(dst->unlisted, src->unlisted) != 0)) {
        return ENOMEM;
    }
    const int merged = dg_hll_merge(&dst->distinct, &src->distinct);
    DG_ASSERT(merged == 0);
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        dst->triage[i] += src->triage[i];
    }
    const uint32_t cells = dg_dictionary_size(dst->dictionary) + 2;
    for (uint32_t j = 0; j < cells; j++) {
        dst->count[j] += src->count[j];
    }
    return 0;
}

int dg_category_subtract(struct dg_category *dst, const struct dg_category *src)
{
    DG_ASSERT(dst->dictionary == src->dictionary);
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        DG_ASSERT(dst->triage[i] >= src->triage[i]);
        dst->triage[i] -= src->triage[i];
    }
    const uint32_t cells = dg_dictionary_size(dst->dictionary) + 2;
    for (uint32_t j = 0; j < cells; j++) {
        DG_ASSERT(dst->count[j] >= src->count[j]);
        dst->count[j] -= src->count[j];
    }
    if (src->unlisted != NULL) {
        DG_ASSERT(dst->unlisted != NULL);
        dg_unlisted_subtract(dst->unlisted, src->unlisted);
    }
    return 0;
}

static int compare_bytes(const void *a, const void *b)
{
    const struct dg_keyed *x = a, *y = b;
    const int order = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

int dg_category_unlisted(const struct dg_category *s, const struct dg_keyed **out, size_t *n,
                         uint64_t *total_dropped)
{
    struct dg_keyed *view = NULL;
    size_t kept = 0;
    if (s->unlisted != NULL) {
        const int status = dg_unlisted_view(s->unlisted, &view, &kept);
        if (status != 0) {
            return status;
        }
    }
    uint64_t dropped = s->count[dg_dictionary_size(s->dictionary) + 1];
    for (size_t i = 0; i < kept; i++) {
        dropped -= view[i].count;
    }
    if (kept > 0) {
        qsort(view, kept, sizeof view[0], compare_bytes);
    }
    *out = view;
    *n = kept;
    *total_dropped = dropped;
    return 0;
}

bool dg_category_unlisted_limit(const struct dg_category *s, uint64_t *limit)
{
    return s->unlisted != NULL && dg_unlisted_limit(s->unlisted, limit);
}

/*
 * The encoding: version; fingerprint of the dictionary (4 bytes, 0 without one); mask of the triage
 * kinds that occur and their counts; number of used cells, then gap << 1 | (count > 1) and count -
 * 2 if so; the map of unlisted values if `new` is used or the map has a limit (bit 0 of the version
 * byte); the distinct sketch.
 */
static void put_counts(const uint64_t count[], uint32_t n, struct dg_bytes *out)
{
    uint32_t used = 0, next = 0;
    for (uint32_t j = 0; j < n; j++) {
        used += count[j] > 0;
    }
    dg_put_varint(out, used);
    for (uint32_t j = 0; j < n; j++) {
        if (count[j] > 0) {
            dg_put_varint(out, (uint64_t)(j - next) << 1 | (count[j] > 1));
            if (count[j] > 1) {
                dg_put_varint(out, count[j] - 2);
            }
            next = j + 1;
        }
    }
}

static bool get_counts(struct dg_reader *in, uint64_t count[], uint32_t n)
{
    const uint64_t used = dg_get_varint(in);
    uint32_t next = 0;
    for (uint64_t i = 0; i < used; i++) {
        const uint64_t token = dg_get_varint(in), gap = token >> 1;
        const uint64_t more = token & 1 ? dg_get_varint(in) : 0;
        if (in->failed || gap >= n - next || more >> COUNT_BITS != 0) {
            return false;
        }
        next += (uint32_t)gap;
        count[next++] = token & 1 ? more + 2 : 1;
    }
    return !in->failed;
}

void dg_category_encode(const struct dg_category *s, struct dg_bytes *out)
{
    uint64_t limit;
    const bool has_map =
        s->unlisted != NULL && (s->unlisted->n > 0 || dg_unlisted_limit(s->unlisted, &limit));
    dg_put_u8(out, (uint8_t)(VERSION << 4 | has_map));
    const uint32_t fingerprint = dg_dictionary_fingerprint(s->dictionary);
    for (int i = 0; i < 4; i++) {
        dg_put_u8(out, (uint8_t)(fingerprint >> (8 * i)));
    }
    put_counts(s->triage, DG_TRIAGE_KINDS, out);
    put_counts(s->count, dg_dictionary_size(s->dictionary) + 2, out);
    if (has_map) {
        dg_unlisted_encode(s->unlisted, out);
    }
    dg_hll_encode(&s->distinct, out);
}

static int read_map(struct dg_category *s, struct dg_reader *in, uint64_t *total)
{
    *total = 0;
    return make_map(s) != 0 ? ENOMEM : dg_unlisted_add_encoded(s->unlisted, in, total);
}

int dg_category_add_encoded(struct dg_category *s, const uint8_t bytes[], size_t n)
{
    struct dg_reader in = {.p = bytes, .end = bytes + n};
    uint64_t triage[DG_TRIAGE_KINDS] = {0}, count[DG_DICTIONARY_MAX + 2] = {0};
    const uint32_t cells = dg_dictionary_size(s->dictionary) + 2;
    const uint32_t fingerprint = dg_dictionary_fingerprint(s->dictionary);
    const uint8_t head = dg_get_u8(&in);
    bool valid = head >> 4 == VERSION && (head & 15) <= 1;
    for (int i = 0; i < 4; i++) {
        valid = dg_get_u8(&in) == (uint8_t)(fingerprint >> (8 * i)) && valid;
    }
    if (!valid || !get_counts(&in, triage, DG_TRIAGE_KINDS) || !get_counts(&in, count, cells)) {
        return EBADMSG;
    }
    uint64_t kept = 0, values = 0;
    const int status = head & 1 ? read_map(s, &in, &kept) : 0;
    if (status != 0) {
        return status;
    }
    for (uint32_t j = 0; j < cells; j++) {
        values += count[j];
    }
    if (kept > count[cells - 1] || values != triage[DG_FINITE] + triage[DG_OUT_OF_RANGE]) {
        return EBADMSG;
    }
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        s->triage[i] += triage[i];
    }
    for (uint32_t j = 0; j < cells; j++) {
        s->count[j] += count[j];
    }
    const int distinct = dg_hll_add_encoded(&s->distinct, &in);
    return distinct != 0 ? distinct : in.p == in.end ? 0 : EBADMSG;
}
