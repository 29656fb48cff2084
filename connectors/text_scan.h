/* connectors/text_scan.h -- looking at many bytes at once. */
#ifndef DG_CONNECTORS_TEXT_SCAN_H
#define DG_CONNECTORS_TEXT_SCAN_H

#include "stats/base.h"

#include <string.h>
#if defined __SSE2__
#include <emmintrin.h>
#endif

/* Bit i is set iff p[i] is a, b or c. Reads 64 bytes. */
static inline uint64_t dg_mask_of_three(const uint8_t p[64], uint8_t a, uint8_t b, uint8_t c)
{
    uint64_t mask = 0;
#if defined __SSE2__
    const __m128i va = _mm_set1_epi8((char)a);
    const __m128i vb = _mm_set1_epi8((char)b);
    const __m128i vc = _mm_set1_epi8((char)c);
    for (unsigned i = 0; i < 4; i++) {
        __m128i v;
        memcpy(&v, p + 16 * i, sizeof v);
        const __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb)),
                                         _mm_cmpeq_epi8(v, vc));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
    }
#else
    for (unsigned i = 0; i < 64; i++) {
        mask |= (uint64_t)(p[i] == a || p[i] == b || p[i] == c) << i;
    }
#endif
    return mask;
}

/* Whether the first n bytes of a and b are equal. Reads 16 bytes of both even if n is less. */
static inline bool dg_equal_padded(const uint8_t *a, const uint8_t *b, size_t n)
{
#if defined __SSE2__
    if (n <= 16) {
        __m128i va;
        __m128i vb;
        memcpy(&va, a, sizeof va);
        memcpy(&vb, b, sizeof vb);
        const unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(va, vb));
        return (~same & ((1u << n) - 1)) == 0;
    }
#endif
    return memcmp(a, b, n) == 0;
}

/* How often `c` occurs in p[0 .. n - 1]. */
static inline uint64_t dg_count_byte(const uint8_t p[], size_t n, uint8_t c)
{
    uint64_t count = 0;
    size_t i = 0;
#if defined __SSE2__
    const __m128i vc = _mm_set1_epi8((char)c);
    while (i + 16 <= n) {
        __m128i sums = _mm_setzero_si128(); /* 16 counters of a byte each: 255 steps at most */
        for (unsigned step = 0; step < 255 && i + 16 <= n; step++, i += 16) {
            __m128i v;
            memcpy(&v, p + i, sizeof v);
            sums = _mm_sub_epi8(sums, _mm_cmpeq_epi8(v, vc));
        }
        uint64_t halves[2];
        sums = _mm_sad_epu8(sums, _mm_setzero_si128());
        memcpy(halves, &sums, sizeof halves);
        count += halves[0] + halves[1];
    }
#endif
    for (; i < n; i++) {
        count += p[i] == c;
    }
    return count;
}

/* No byte of p[0 .. n - 1] has its top bit set. */
static inline bool dg_is_ascii(const uint8_t p[], size_t n)
{
    uint64_t any = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, sizeof v);
        any |= v;
    }
    for (; i < n; i++) {
        any |= p[i];
    }
    return (any & UINT64_C(0x8080808080808080)) == 0;
}

/* How many bytes the UTF-8 character at p takes, 1 .. 4; 0 if it is none (overlong forms,
 * surrogates, beyond U+10FFFF, cut off by end). p < end. Unicode 15, table 3-7. */
static inline size_t dg_utf8_length(const uint8_t *p, const uint8_t *end)
{
    const size_t left = (size_t)(end - p);
    const uint8_t a = p[0];
    if (a < 0x80) {
        return 1;
    }
    if (a >= 0xc2 && a <= 0xdf) {
        return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    }
    if (left < 3 || a < 0xe0 || a > 0xf4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80) {
        return 0;
    }
    if (a < 0xf0) {
        return (a == 0xe0 && p[1] < 0xa0) || (a == 0xed && p[1] > 0x9f) ? 0 : 3;
    }
    if (left < 4 || (p[3] & 0xc0) != 0x80) {
        return 0;
    }
    return (a == 0xf0 && p[1] < 0x90) || (a == 0xf4 && p[1] > 0x8f) ? 0 : 4;
}

static inline bool dg_is_utf8(const uint8_t p[], size_t n)
{
    const uint8_t *const end = p + n;
    while (p < end) {
        const size_t step = dg_utf8_length(p, end);
        if (step == 0) {
            return false;
        }
        p += step;
    }
    return true;
}

#endif
