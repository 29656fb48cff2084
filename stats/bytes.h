/* stats/bytes.h -- a growable byte buffer and a bounds-checked reader: the base of every state
 * codec. */
#ifndef DG_STATS_BYTES_H
#define DG_STATS_BYTES_H

#include "stats/base.h"

/* Owned by the caller. A zeroed struct is a valid empty buffer. */
struct dg_bytes {
    uint8_t *data; /* [cap], the first len are in use */
    size_t len;
    size_t cap;
    bool failed; /* an append ran out of memory; sticky, so that a writer checks once at the end */
};

void dg_bytes_deinit(struct dg_bytes *b);
void dg_bytes_clear(struct dg_bytes *b); /* len = 0, failed = false; keeps the memory */

/* Appends. On lack of memory they set b->failed and append nothing more. Amortised O(1) per byte.
 */
void dg_put_u8(struct dg_bytes *b, uint8_t v);
void dg_put_varint(struct dg_bytes *b, uint64_t v);       /* LEB128 */
void dg_put_zigzag(struct dg_bytes *b, int64_t v);        /* zigzag, then LEB128 */
void dg_put_wide(struct dg_bytes *b, dg_i128 v);          /* zigzag 128-bit, then LEB128 */
void dg_put_unsigned_wide(struct dg_bytes *b, dg_u128 v); /* LEB128, up to 19 bytes */
void dg_put_f64(struct dg_bytes *b, double v);            /* 8 bytes, little endian, raw bits */
void dg_put_raw(struct dg_bytes *b, const void *p, size_t n);

/*
 * Reads from [p, end), which the caller owns and keeps. A read past the end, of an overlong varint
 * (a number has one encoding only) or of one that does not fit sets failed (sticky) and gives 0, so
 * that a decoder may check once per step that depends on what was read.
 */
struct dg_reader {
    const uint8_t *p;
    const uint8_t *end;
    bool failed;
};

uint8_t dg_get_u8(struct dg_reader *r);
uint64_t dg_get_long_varint(struct dg_reader *r); /* the general case of dg_get_varint */
/* Almost all numbers of an encoded state have one byte or two. */
static inline uint64_t dg_get_varint(struct dg_reader *r)
{
    if (!r->failed && r->end - r->p >= 2) {
        const unsigned low = r->p[0], high = r->p[1];
        if (low < 128) {
            r->p++;
            return low;
        }
        if (high - 1U < 127) { /* 1 .. 127: ends here, not overlong */
            r->p += 2;
            return (low & 127U) | high << 7;
        }
    }
    return dg_get_long_varint(r);
}
int64_t dg_get_zigzag(struct dg_reader *r);
dg_i128 dg_get_wide(struct dg_reader *r);
dg_u128 dg_get_unsigned_wide(struct dg_reader *r);
double dg_get_f64(struct dg_reader *r);
const uint8_t *dg_get_raw(struct dg_reader *r,
                          size_t n); /* NULL and failed if fewer than n are left */

#endif
