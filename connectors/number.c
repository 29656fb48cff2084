#include "connectors/number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS_EXACT  19  /* 10^19 < 2^64 */
#define DIGITS_ENOUGH 800 /* 767 decide every double; one more stands for all that follow */
#define EXPONENT_MAX  INT64_C(1000000000000000)
#define POWER5_MAX    27 /* 5^27 < 2^63 */

static const double power10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define EIGHT_AT_ONCE 1
#else
#define EIGHT_AT_ONCE 0
#endif

/* Eight digits as bytes 0 .. 9, the first in the lowest. */
static uint64_t eight_value(uint64_t v)
{
    v = (v * 10 + (v >> 8)) & UINT64_C(0x00ff00ff00ff00ff);   /* four pairs */
    v = (v * 100 + (v >> 16)) & UINT64_C(0x0000ffff0000ffff); /* two halves */
    return (v * 10000 + (v >> 32)) & UINT64_C(0x00000000ffffffff);
}

/* Digits from p on appended to *value, which wraps when there are too many. `padded`: eight bytes
 * can be read anywhere up to end, and what stands at end is no digit. */
static inline const char *scan_digits(const char *p, const char *end, bool padded, uint64_t *value)
{
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    uint64_t v = *value;
    while (EIGHT_AT_ONCE && (padded || end - p >= 8)) {
        uint64_t digits;
        memcpy(&digits, p, sizeof digits);
        digits ^= UINT64_C(0x3030303030303030);
        /* The top bit of the first byte above 9 is set; carries reach only the bytes behind it. */
        const uint64_t others =
            (digits | (digits + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
        if (others != 0) {
            const unsigned n = (unsigned)__builtin_ctzll(others) / 8;
            if (n > 0) {
                v = v * powers[n] + eight_value(digits << (64 - 8 * n));
            }
            *value = v;
            return p + n;
        }
        v = v * 100000000 + eight_value(digits);
        p += 8;
    }
    while (p < end && is_digit(*p)) {
        v = v * 10 + (uint64_t)(*p++ - '0');
    }
    *value = v;
    return p;
}

static const char *scan_exponent(const char *p, const char *end, int64_t *exponent)
{
    const char *q = p + 1;
    const bool negative = q < end && *q == '-';
    if (q < end && (*q == '-' || *q == '+')) {
        q++;
    }
    if (q == end || !is_digit(*q)) {
        return p; /* "1e" is the number 1 and an e */
    }
    int64_t e = 0;
    for (; q < end && is_digit(*q); q++) {
        e = e < EXPONENT_MAX ? e * 10 + (*q - '0') : e;
    }
    *exponent += negative ? -e : e;
    return q;
}

static inline const char *scan(const char *p, const char *end, bool padded, struct dg_decimal *d)
{
    const char *const start = p;
    d->negative = p < end && *p == '-';
    d->json = !(p < end && *p == '+');
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    const char *const whole = p;
    d->digits = 0;
    d->exponent = 0;
    d->integer = true;
    p = scan_digits(p, end, padded, &d->digits);
    size_t n = (size_t)(p - whole);
    d->json = d->json && n > 0 && (n == 1 || *whole != '0');
    if (p < end && *p == '.') {
        const char *const point = p + 1;
        p = scan_digits(point, end, padded, &d->digits);
        const size_t fraction = (size_t)(p - point);
        n += fraction;
        d->exponent = -(int64_t)fraction;
        d->integer = false;
        d->json = d->json && fraction > 0;
    }
    if (n == 0) {
        return NULL;
    }
    d->exact = n <= DIGITS_EXACT;
    if (!d->exact) {
        const char *q = whole;
        while (q < p && (*q == '0' || *q == '.')) {
            n -= *q == '0';
            q++;
        }
        d->exact = n <= DIGITS_EXACT; /* leading zeros add nothing */
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *const q = scan_exponent(p, end, &d->exponent);
        d->integer = d->integer && q == p;
        p = q;
    }
    d->text = start;
    d->len = (size_t)(p - start);
    return p;
}

const char *dg_decimal_scan(const char *p, const char *end, struct dg_decimal *d)
{
    return scan(p, end, false, d);
}

const char *dg_decimal_scan_padded(const char *p, const char *end, struct dg_decimal *d)
{
    return scan(p, end, true, d);
}

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    DG_ASSERT(c_locale != (locale_t)0); /* the C locale is built in: nothing can be missing */
}

/* Write the significant digits and one exponent into a buffer of fixed size: text of any length
 * then costs the same memory, and no digit that matters is lost. */
static double slow_value(const struct dg_decimal *d)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    char buffer[DIGITS_ENOUGH + 32];
    size_t n = 0;
    int64_t dropped = 0;
    bool sticky = false;
    for (size_t i = 0; i < d->len && d->text[i] != 'e' && d->text[i] != 'E'; i++) {
        const char c = d->text[i];
        if (!is_digit(c) || (c == '0' && n == 0)) {
            continue;
        }
        if (n < DIGITS_ENOUGH) {
            buffer[n++] = c;
        } else {
            dropped++;
            sticky = sticky || c != '0';
        }
    }
    if (n == 0) {
        return 0.0;
    }
    if (sticky) {
        buffer[n++] = '1';
        dropped--;
    }
    int64_t exponent = d->exponent + dropped;
    exponent = exponent > 100000 ? 100000 : exponent < -100000 ? -100000 : exponent;
    snprintf(buffer + n, sizeof buffer - n, "e%d", (int)exponent);
    return strtod_l(buffer, NULL, c_locale);
}

static int bits_of(uint64_t v) /* v > 0 */
{
    return 64 - __builtin_clzll(v);
}

/* v * 2^shift, v >= 2^53, rounded to nearest even; sticky = the true value is a bit above v. */
static double round_scaled(uint64_t v, bool sticky, int shift)
{
    const int extra = bits_of(v) - 53;
    uint64_t mantissa = v >> extra;
    const uint64_t rest = v & ((UINT64_C(1) << extra) - 1);
    const uint64_t half = UINT64_C(1) << (extra - 1);
    if (rest > half || (rest == half && (sticky || (mantissa & 1) != 0))) {
        mantissa++;
    }
    const uint64_t scale_bits = (uint64_t)(1023 + shift + extra) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return (double)mantissa * scale;
}

static uint64_t power5(int64_t e)
{
    static const uint64_t table[POWER5_MAX + 1] = {UINT64_C(1),
                                                   UINT64_C(5),
                                                   UINT64_C(25),
                                                   UINT64_C(125),
                                                   UINT64_C(625),
                                                   UINT64_C(3125),
                                                   UINT64_C(15625),
                                                   UINT64_C(78125),
                                                   UINT64_C(390625),
                                                   UINT64_C(1953125),
                                                   UINT64_C(9765625),
                                                   UINT64_C(48828125),
                                                   UINT64_C(244140625),
                                                   UINT64_C(1220703125),
                                                   UINT64_C(6103515625),
                                                   UINT64_C(30517578125),
                                                   UINT64_C(152587890625),
                                                   UINT64_C(762939453125),
                                                   UINT64_C(3814697265625),
                                                   UINT64_C(19073486328125),
                                                   UINT64_C(95367431640625),
                                                   UINT64_C(476837158203125),
                                                   UINT64_C(2384185791015625),
                                                   UINT64_C(11920928955078125),
                                                   UINT64_C(59604644775390625),
                                                   UINT64_C(298023223876953125),
                                                   UINT64_C(1490116119384765625),
                                                   UINT64_C(7450580596923828125)};
    return table[e];
}

/* w / 10^k: shift w so that the quotient has 63 or 64 bits; the remainder is the sticky bit. */
static double divide(uint64_t w, int64_t k)
{
    const uint64_t divisor = power5(k);
    const int shift = bits_of(divisor) + 63 - bits_of(w);
    const dg_u128 numerator = (dg_u128)w << shift;
    const uint64_t quotient = (uint64_t)(numerator / divisor);
    const bool sticky = (uint64_t)numerator != quotient * divisor; /* modulo 2^64 is enough */
    return round_scaled(quotient, sticky, -shift - (int)k);
}

static double multiply(uint64_t w, int64_t k)
{
    const dg_u128 product = (dg_u128)w * power5(k);
    const uint64_t high = (uint64_t)(product >> 64);
    const uint64_t low = (uint64_t)product;
    if (high == 0) {
        return (double)low * (double)(UINT64_C(1) << k); /* one rounding, then an exact scaling */
    }
    const int up = bits_of(high);
    const uint64_t top = (uint64_t)(product >> up);
    const bool sticky = (dg_u128)top << up != product;
    return round_scaled(top, sticky, up + (int)k);
}

static double magnitude(const struct dg_decimal *d)
{
    if (!d->exact || d->exponent > POWER5_MAX || d->exponent < -POWER5_MAX) {
        return slow_value(d);
    }
    if (d->digits == 0) {
        return 0.0;
    }
    if (d->digits <= UINT64_C(1) << 53 && d->exponent >= -22 && d->exponent <= 22) {
        const double w = (double)d->digits;
        return d->exponent < 0 ? w / power10[-d->exponent] : w * power10[d->exponent];
    }
    return d->exponent < 0 ? divide(d->digits, -d->exponent) : multiply(d->digits, d->exponent);
}

double dg_decimal_value(const struct dg_decimal *d)
{
    const double m = magnitude(d);
    return d->negative ? -m : m;
}

bool dg_decimal_integer(const struct dg_decimal *d, int64_t *value)
{
    if (!d->exact || d->exponent > 18 || d->exponent < -18) {
        return false;
    }
    uint64_t v = d->digits;
    for (int64_t e = d->exponent; e < 0; e++) {
        if (v % 10 != 0) {
            return false;
        }
        v /= 10;
    }
    for (int64_t e = d->exponent; e > 0; e--) {
        if (__builtin_mul_overflow(v, UINT64_C(10), &v)) {
            return false;
        }
    }
    const uint64_t limit = (uint64_t)INT64_MAX + (d->negative ? 1 : 0);
    if (v > limit) {
        return false;
    }
    *value = d->negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool dg_number_parse(const char *text, size_t len, double *value)
{
    struct dg_decimal d;
    const char *const end = text + len;
    if (dg_decimal_scan(text, end, &d) != end) {
        return false;
    }
    *value = dg_decimal_value(&d);
    return true;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

bool dg_number_parse_words(const char *text, size_t len, double *value)
{
    if (dg_number_parse(text, len, value)) {
        return true;
    }
    const bool negative = len > 0 && text[0] == '-';
    if (len > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        len--;
    }
    if (is_word(text, len, "nan")) {
        *value = (double)NAN;
        return true;
    }
    if (is_word(text, len, "inf") || is_word(text, len, "infinity")) {
        *value = negative ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    return false;
}
