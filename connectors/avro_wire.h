/* connectors/avro_wire.h -- reading Avro's binary encoding: bounds-checked, inline, no state.
 *
 * Every reader takes [p, end) and returns the place behind what it read, or NULL. */
#ifndef DG_CONNECTORS_AVRO_WIRE_H
#define DG_CONNECTORS_AVRO_WIRE_H

#include "engine/batch.h"

#include <endian.h>
#include <string.h>

#define DG_AVRO_VARINT_MAX 10

#define DG_LIKELY(x)   __builtin_expect(!!(x), 1)
#define DG_UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline uint64_t dg_avro_load64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return le64toh(x);
}

static inline double dg_avro_load_double(const uint8_t *p)
{
    const uint64_t bits = dg_avro_load64(p);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float dg_avro_load_float(const uint8_t *p)
{
    uint32_t bits;
    memcpy(&bits, p, sizeof bits);
    bits = le32toh(bits);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Varint near the end of the input, or of nine and ten bytes. */
static inline const uint8_t *dg_avro_varint_slow(const uint8_t *p, const uint8_t *end,
                                                 uint64_t *raw)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
        const uint64_t byte = *p++;
        if (shift == 63 && byte > 1) {
            return NULL;
        }
        x |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *raw = x;
            return p;
        }
    }
    return NULL;
}

/* Unsigned LEB128. Up to eight bytes are gathered at once, seven bits from each. */
static inline const uint8_t *dg_avro_varint(const uint8_t *p, const uint8_t *end, uint64_t *raw)
{
    if (DG_LIKELY(p < end && *p < 0x80)) {
        *raw = *p;
        return p + 1;
    }
    if (end - p < 8) {
        return dg_avro_varint_slow(p, end, raw);
    }
    uint64_t x = dg_avro_load64(p);
    const uint64_t stop = ~x & UINT64_C(0x8080808080808080);
    if (stop == 0) {
        return dg_avro_varint_slow(p, end, raw);
    }
    x &= (stop ^ (stop - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    x = (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x7f007f007f007f00)) >> 1;
    x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x3fff00003fff0000)) >> 2;
    *raw = (x & UINT64_C(0x0fffffff)) | (x & UINT64_C(0x0fffffff00000000)) >> 4;
    return p + (__builtin_ctzll(stop) + 1) / 8;
}

static inline int64_t dg_avro_unzigzag(uint64_t raw)
{
    return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}

static inline const uint8_t *dg_avro_long(const uint8_t *p, const uint8_t *end, int64_t *value)
{
    uint64_t raw;
    p = dg_avro_varint(p, end, &raw);
    if (p != NULL) {
        *value = dg_avro_unzigzag(raw);
    }
    return p;
}

static inline const uint8_t *dg_avro_skip_varint(const uint8_t *p, const uint8_t *end)
{
    uint64_t raw;
    return dg_avro_varint(p, end, &raw);
}

/* Why a varint at [p, end) could not be read. */
static inline enum dg_reason dg_avro_varint_fault(const uint8_t *p, const uint8_t *end)
{
    for (int i = 0; i < DG_AVRO_VARINT_MAX; i++) {
        if (p + i == end) {
            return DG_BAD_TRUNCATED;
        }
        if (p[i] < 0x80) {
            break;
        }
    }
    return DG_BAD_MALFORMED;
}

/* A length and that many bytes. On NULL, *why says what was wrong. */
static inline const uint8_t *dg_avro_bytes(const uint8_t *p, const uint8_t *end,
                                           const uint8_t **bytes, size_t *len, enum dg_reason *why)
{
    uint64_t raw;
    const uint8_t *q = dg_avro_varint(p, end, &raw);
    if (DG_UNLIKELY(q == NULL)) {
        *why = dg_avro_varint_fault(p, end);
        return NULL;
    }
    if (DG_UNLIKELY((raw & 1) != 0 || raw >> 1 > (uint64_t)(end - q))) {
        *why = (raw & 1) != 0 ? DG_BAD_MALFORMED : DG_BAD_TRUNCATED;
        return NULL;
    }
    *bytes = q;
    *len = (size_t)(raw >> 1);
    return q + *len;
}

/*
 * The head of a block of an array or map: *count items follow (0: the end); *bytes = their size
 * where the writer said it, else -1. A count that the remaining bytes cannot hold is malformed or
 * truncated: items of `least` bytes at least, or, where that is 0, DG_AVRO_EMPTY_ITEMS_MAX.
 */
#define DG_AVRO_EMPTY_ITEMS_MAX ((int64_t)1 << 20)

static inline const uint8_t *dg_avro_block(const uint8_t *p, const uint8_t *end, uint64_t least,
                                           int64_t *count, int64_t *bytes, enum dg_reason *why)
{
    const uint8_t *q = dg_avro_long(p, end, count);
    *bytes = -1;
    if (q != NULL && *count < 0) {
        p = q;
        q = dg_avro_long(p, end, bytes);
        if (q != NULL && (*count == INT64_MIN || *bytes < 0)) {
            *why = DG_BAD_MALFORMED;
            return NULL;
        }
        *count = -*count;
    }
    if (q == NULL) {
        *why = dg_avro_varint_fault(p, end);
        return NULL;
    }
    const uint64_t left = (uint64_t)(end - q);
    if (*bytes > 0 && (uint64_t)*bytes > left) {
        *why = DG_BAD_TRUNCATED;
        return NULL;
    }
    if (least == 0 ? *count > DG_AVRO_EMPTY_ITEMS_MAX : (uint64_t)*count > left / least) {
        *why = least == 0 ? DG_BAD_MALFORMED : DG_BAD_TRUNCATED;
        return NULL;
    }
    return q;
}

#endif
