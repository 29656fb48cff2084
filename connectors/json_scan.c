#include "connectors/json_scan.h"

#include "connectors/text_scan.h"

#include <string.h>

bool dg_json_fail(struct dg_json *j, enum dg_reason reason)
{
    j->reason = reason;
    return false;
}

/* The first byte from p on that ends a string, starts an escape, is a control character or not
 * ASCII. There is one at *end at the latest. */
static inline const uint8_t *plain_end(const uint8_t *p)
{
#if defined __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    for (;; p += 16) {
        __m128i v;
        memcpy(&v, p, sizeof v);
        const __m128i hit =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                         _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, control), v), v));
        const unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask != 0) {
            return p + __builtin_ctz(mask);
        }
    }
#else
    while (*p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
#endif
}

/* Four hexadecimal digits at p, or -1. */
static int hex4(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 4) {
        return -1;
    }
    int v = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t c = p[i];
        const uint8_t lower = c | 0x20;
        if (c >= '0' && c <= '9') {
            v = v * 16 + (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            v = v * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return v;
}

static bool is_high(int unit)
{
    return (unit & 0xfc00) == 0xd800;
}

static bool is_low(int unit)
{
    return (unit & 0xfc00) == 0xdc00;
}

/* The escape at j->p, a backslash. */
static bool escape(struct dg_json *j)
{
    const uint8_t *const p = j->p;
    if (j->end - p < 2) {
        j->p = j->end;
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    if (p[1] != 'u') {
        if (memchr("\"\\/bfnrt", p[1], 8) == NULL) {
            return dg_json_fail(j, DG_BAD_MALFORMED);
        }
        j->p += 2;
        return true;
    }
    const int unit = hex4(p + 2, j->end);
    if (unit < 0) {
        j->p = j->end - p < 6 ? j->end : p;
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    j->p += 6;
    if (is_low(unit)) {
        return dg_json_fail(j, DG_BAD_UTF8);
    }
    if (is_high(unit)) {
        if (j->end - p < 12 || p[6] != '\\' || p[7] != 'u' || !is_low(hex4(p + 8, j->end))) {
            return dg_json_fail(j, DG_BAD_UTF8);
        }
        j->p += 6;
    }
    return true;
}

bool dg_json_string(struct dg_json *j, struct dg_json_string *s)
{
    s->bytes = ++j->p;
    s->escaped = false;
    for (;;) {
        j->p = plain_end(j->p);
        if (j->p >= j->end) {
            j->p = j->end;
            return dg_json_fail(j, DG_BAD_MALFORMED);
        }
        if (*j->p == '"') {
            s->len = (size_t)(j->p - s->bytes);
            j->p++;
            return true;
        }
        if (*j->p == '\\') {
            s->escaped = true;
            if (!escape(j)) {
                return false;
            }
        } else if (*j->p < 0x20) {
            return dg_json_fail(j, DG_BAD_MALFORMED);
        } else {
            const size_t n = dg_utf8_length(j->p, j->end);
            if (n == 0) {
                return dg_json_fail(j, DG_BAD_UTF8);
            }
            j->p += n;
        }
    }
}

static bool word(struct dg_json *j, const char *text, size_t n)
{
    const size_t left = (size_t)(j->end - j->p);
    if (left < n || memcmp(j->p, text, n) != 0) {
        if (left < n && memcmp(j->p, text, left) == 0) {
            j->p = j->end;
        }
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    j->p += n;
    return true;
}

static bool number(struct dg_json *j, struct dg_decimal *d)
{
    const char *const end = dg_decimal_scan_padded((const char *)j->p, (const char *)j->end, d);
    if (end == NULL || !d->json) {
        if (end != NULL) {
            j->p = (const uint8_t *)end;
        }
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    j->p = (const uint8_t *)end;
    return true;
}

/* Of the 32 bytes at p, bit i: is p[i] a digit? */
#if defined __SSE2__
static inline uint32_t digit_mask(const uint8_t *p)
{
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    uint32_t mask = 0;
    for (int half = 0; half < 2; half++) {
        __m128i v;
        memcpy(&v, p + 16 * half, sizeof v);
        v = _mm_sub_epi8(v, zero);
        const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(v, nine), v);
        mask |= (uint32_t)_mm_movemask_epi8(digit) << 16 * half;
    }
    return mask;
}
#else
static inline uint32_t digit_mask(const uint8_t *p)
{
    uint32_t mask = 0;
    for (int i = 0; i < 32; i++) {
        mask |= (uint32_t)((uint8_t)(p[i] - '0') < 10) << i;
    }
    return mask;
}
#endif

/* How many of the bits from `at` on are set, at < 32. */
static inline unsigned ones_from(uint32_t mask, unsigned at)
{
    return (unsigned)__builtin_ctzll(~((uint64_t)mask >> at));
}

/* Read over a number of the usual kind: at most 31 bytes, no exponent. False, and nothing is read,
 * if it is another one or none. */
static bool pass_number(struct dg_json *j)
{
    const uint8_t *const p = j->p + (*j->p == '-');
    if (p >= j->end) {
        return false;
    }
    const uint32_t mask = digit_mask(p);
    unsigned n = ones_from(mask, 0);
    if (n == 0 || n >= 31 || (n > 1 && *p == '0')) {
        return false;
    }
    if (p[n] == '.') {
        const unsigned fraction = ones_from(mask, n + 1);
        n += 1 + fraction;
        if (fraction == 0 || n >= 32) {
            return false;
        }
    }
    if ((p[n] | 0x20) == 'e') {
        return false;
    }
    j->p = p + n;
    return true;
}

/* As dg_json_value, but only the kind is told. */
static bool pass_value(struct dg_json *j, enum dg_json_kind *kind)
{
    struct dg_json_value v;
    dg_json_space(j);
    if (j->p < j->end && pass_number(j)) {
        *kind = DG_JSON_NUMBER;
        return true;
    }
    const bool good = dg_json_value(j, &v);
    *kind = v.kind;
    return good;
}

bool dg_json_value(struct dg_json *j, struct dg_json_value *v)
{
    dg_json_space(j);
    switch (j->p < j->end ? *j->p : 0) {
    case '"':
        v->kind = DG_JSON_STRING;
        return dg_json_string(j, &v->string);
    case '{':
        v->kind = DG_JSON_OBJECT;
        return true;
    case '[':
        v->kind = DG_JSON_ARRAY;
        return true;
    case 't':
        v->kind = DG_JSON_TRUE;
        return word(j, "true", 4);
    case 'f':
        v->kind = DG_JSON_FALSE;
        return word(j, "false", 5);
    case 'n':
        v->kind = DG_JSON_NULL;
        return word(j, "null", 4);
    default:
        v->kind = DG_JSON_NUMBER;
        return number(j, &v->number);
    }
}

bool dg_json_enter(struct dg_json *j)
{
    if (j->depth == DG_JSON_DEPTH_MAX) {
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    j->depth++;
    j->p++;
    dg_json_space(j);
    return true;
}

/* A key and its colon. */
static bool skip_key(struct dg_json *j)
{
    struct dg_json_string key;
    if (*j->p != '"') {
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    if (!dg_json_string(j, &key)) {
        return false;
    }
    dg_json_space(j);
    if (*j->p != ':' || j->p == j->end) {
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    j->p++;
    return true;
}

/* Bit d of `objects` tells whether the container at depth d is an object. */
bool dg_json_skip(struct dg_json *j)
{
    const unsigned base = j->depth;
    uint64_t objects = 0;
    enum dg_json_kind kind = *j->p == '{' ? DG_JSON_OBJECT : DG_JSON_ARRAY;
    for (;;) {
        if (kind == DG_JSON_OBJECT || kind == DG_JSON_ARRAY) {
            if (!dg_json_enter(j)) {
                return false;
            }
            const uint64_t bit = UINT64_C(1) << (j->depth - 1);
            const bool object = kind == DG_JSON_OBJECT;
            objects = object ? objects | bit : objects & ~bit;
            if (*j->p != (object ? '}' : ']')) {
                if ((object && !skip_key(j)) || !pass_value(j, &kind)) {
                    return false;
                }
                continue;
            }
            j->p++;
            j->depth--;
        }
        for (;;) { /* behind a value */
            if (j->depth == base) {
                return true;
            }
            const bool object = (objects >> (j->depth - 1) & 1) != 0;
            dg_json_space(j);
            if (*j->p == ',') {
                j->p++;
                dg_json_space(j);
                if ((object && !skip_key(j)) || !pass_value(j, &kind)) {
                    return false;
                }
                break;
            }
            if (*j->p != (object ? '}' : ']')) {
                return dg_json_fail(j, DG_BAD_MALFORMED);
            }
            j->p++;
            j->depth--;
        }
    }
}

bool dg_json_pass(struct dg_json *j)
{
    enum dg_json_kind kind;
    if (!pass_value(j, &kind)) {
        return false;
    }
    return (kind != DG_JSON_OBJECT && kind != DG_JSON_ARRAY) || dg_json_skip(j);
}

static size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static char plain_escape(uint8_t c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return (char)c;
    }
}

size_t dg_json_unescape(const struct dg_json_string *s, char out[])
{
    const uint8_t *p = s->bytes;
    const uint8_t *const end = p + s->len;
    size_t n = 0;
    while (p < end) {
        if (*p != '\\') {
            out[n++] = (char)*p++;
        } else if (p[1] != 'u') {
            out[n++] = plain_escape(p[1]);
            p += 2;
        } else {
            uint32_t c = (uint32_t)hex4(p + 2, end);
            p += 6;
            if (is_high((int)c)) {
                c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)hex4(p + 2, end) - 0xdc00);
                p += 6;
            }
            n += put_utf8(c, out + n);
        }
    }
    return n;
}
