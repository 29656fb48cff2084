#include "stats/bytes.h"

#include <stdlib.h>
#include <string.h>

void dg_bytes_deinit(struct dg_bytes *b)
{
    free(b->data);
    *b = (struct dg_bytes){0};
}

void dg_bytes_clear(struct dg_bytes *b)
{
    b->len = 0;
    b->failed = false;
}

static bool reserve(struct dg_bytes *b, size_t n)
{
    if (b->failed) {
        return false;
    }
    if (n <= b->cap - b->len) {
        return true;
    }
    if (n > SIZE_MAX / 2 - b->len) {
        b->failed = true;
        return false;
    }
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < b->len + n) {
        cap *= 2;
    }
    uint8_t *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void dg_put_u8(struct dg_bytes *b, uint8_t v)
{
    if (reserve(b, 1)) {
        b->data[b->len++] = v;
    }
}

void dg_put_unsigned_wide(struct dg_bytes *b, dg_u128 v)
{
    if (!reserve(b, 19)) {
        return;
    }
    while (v >= 128) {
        b->data[b->len++] = (uint8_t)((unsigned)(v & 127) | 128U);
        v >>= 7;
    }
    b->data[b->len++] = (uint8_t)v;
}

void dg_put_varint(struct dg_bytes *b, uint64_t v)
{
    if (!reserve(b, 10)) {
        return;
    }
    while (v >= 128) {
        b->data[b->len++] = (uint8_t)((v & 127) | 128);
        v >>= 7;
    }
    b->data[b->len++] = (uint8_t)v;
}

void dg_put_zigzag(struct dg_bytes *b, int64_t v)
{
    dg_put_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void dg_put_wide(struct dg_bytes *b, dg_i128 v)
{
    dg_put_unsigned_wide(b, ((dg_u128)v << 1) ^ (v < 0 ? ~(dg_u128)0 : 0));
}

void dg_put_f64(struct dg_bytes *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (reserve(b, 8)) {
        for (int i = 0; i < 8; i++) {
            b->data[b->len++] = (uint8_t)(bits >> (8 * i));
        }
    }
}

void dg_put_raw(struct dg_bytes *b, const void *p, size_t n)
{
    if (n > 0 && reserve(b, n)) {
        memcpy(b->data + b->len, p, n);
        b->len += n;
    }
}

static void fail(struct dg_reader *r)
{
    r->failed = true;
    r->p = r->end;
}

uint8_t dg_get_u8(struct dg_reader *r)
{
    if (r->failed || r->p == r->end) {
        fail(r);
        return 0;
    }
    return *r->p++;
}

/* A number of at most 9 bytes, which 64 bits hold; false, and nothing is read, if it is longer or
 * not as it should be. */
static bool get_narrow(struct dg_reader *r, uint64_t *v)
{
    const uint8_t *p = r->p;
    *v = 0;
    for (unsigned shift = 0; shift < 63 && p < r->end && !r->failed; shift += 7) {
        const uint8_t byte = *p++;
        *v |= (uint64_t)(byte & 127U) << shift;
        if (byte < 128) {
            const bool overlong = byte == 0 && shift > 0;
            r->p = overlong ? r->p : p;
            return !overlong;
        }
    }
    return false;
}

dg_u128 dg_get_unsigned_wide(struct dg_reader *r)
{
    uint64_t narrow;
    if (get_narrow(r, &narrow)) {
        return narrow;
    }
    dg_u128 v = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
        const uint8_t byte = dg_get_u8(r);
        if (r->failed) {
            return 0;
        }
        v |= (dg_u128)(byte & 127U) << shift;
        if (byte < 128) {
            const bool overlong = byte == 0 && shift > 0;
            const bool too_large = shift == 126 && byte > 3;
            if (overlong || too_large) {
                break;
            }
            return v;
        }
    }
    fail(r);
    return 0;
}

uint64_t dg_get_long_varint(struct dg_reader *r)
{
    const dg_u128 v = dg_get_unsigned_wide(r);
    if (v > UINT64_MAX) {
        fail(r);
        return 0;
    }
    return (uint64_t)v;
}

int64_t dg_get_zigzag(struct dg_reader *r)
{
    const uint64_t v = dg_get_varint(r);
    return (int64_t)(v >> 1) ^ (v & 1 ? -1 : 0);
}

dg_i128 dg_get_wide(struct dg_reader *r)
{
    const dg_u128 v = dg_get_unsigned_wide(r);
    return (dg_i128)(v >> 1) ^ (v & 1 ? -1 : 0);
}

double dg_get_f64(struct dg_reader *r)
{
    const uint8_t *p = dg_get_raw(r, 8);
    uint64_t bits = 0;
    for (int i = 0; p != NULL && i < 8; i++) {
        bits |= (uint64_t)p[i] << (8 * i);
    }
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

const uint8_t *dg_get_raw(struct dg_reader *r, size_t n)
{
    if (r->failed || (size_t)(r->end - r->p) < n) {
        fail(r);
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    return p;
}
