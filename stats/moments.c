#include "stats/moments.h"

#include <math.h>

enum { BLOCK = 128 };

#define SMALL (INT64_C(1) << 28)
#define H_MAX (INT64_C(1) << 26)

/* The value to 2^DG_SHAPE_SHIFT units, halves upwards. */
static int64_t coarse(int64_t k)
{
    return (k + (1 << (DG_SHAPE_SHIFT - 1))) >> DG_SHAPE_SHIFT;
}

/* |k| < 2^28 in the whole block, so |h| <= 2^26: nothing is clamped, and 128 squares fit 64 bits.
 */
static void add_small(struct dg_moments *m, const int64_t k[], size_t n)
{
    int64_t s1 = 0, s2 = 0, t1 = 0, t2 = 0;
    dg_i128 s3 = 0;
    dg_u128 s4 = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t h = coarse(k[i]);
        const int64_t hh = h * h;
        s1 += k[i];
        s2 += k[i] * k[i];
        t1 += h;
        t2 += hh;
        s3 += (dg_i128)hh * h;
        s4 += (dg_u128)(uint64_t)hh * (uint64_t)hh;
    }
    m->s1 += s1;
    m->s2 += s2;
    m->t1 += t1;
    m->t2 += t2;
    m->s3 += s3;
    m->s4 = (dg_i128)((dg_u128)m->s4 + s4);
}

static void add_wide(struct dg_moments *m, const int64_t k[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        DG_ASSERT(k[i] >= -DG_FIXED_MAX && k[i] <= DG_FIXED_MAX);
        int64_t h = coarse(k[i]);
        if (h > H_MAX || h < -H_MAX) {
            h = h > 0 ? H_MAX : -H_MAX;
            m->n_clamped++;
        }
        const int64_t hh = h * h;
        m->s1 += k[i];
        m->s2 = (dg_i128)((dg_u128)m->s2 + (dg_u128)((dg_i128)k[i] * k[i]));
        m->t1 += h;
        m->t2 += hh;
        m->s3 += (dg_i128)hh * h;
        m->s4 = (dg_i128)((dg_u128)m->s4 + (dg_u128)hh * (dg_u128)hh);
    }
}

void dg_moments_add(struct dg_moments *m, const int64_t fixed[], size_t n)
{
    m->n += n;
    while (n > 0) {
        const size_t len = n < BLOCK ? n : BLOCK;
        uint64_t bits = 0;
        for (size_t i = 0; i < len; i++) {
            bits |= (uint64_t)(fixed[i] ^ (fixed[i] >> 63));
        }
        if (bits < (uint64_t)SMALL) {
            add_small(m, fixed, len);
        } else {
            add_wide(m, fixed, len);
        }
        fixed += len;
        n -= len;
    }
}

static dg_i128 plus(dg_i128 a, dg_i128 b)
{
    return (dg_i128)((dg_u128)a + (dg_u128)b);
}

static dg_i128 minus(dg_i128 a, dg_i128 b)
{
    return (dg_i128)((dg_u128)a - (dg_u128)b);
}

static dg_i128 times(dg_i128 a, dg_i128 b)
{
    return (dg_i128)((dg_u128)a * (dg_u128)b);
}

void dg_moments_merge(struct dg_moments *dst, const struct dg_moments *src)
{
    dst->n += src->n;
    dst->n_clamped += src->n_clamped;
    dst->s1 = plus(dst->s1, src->s1);
    dst->s2 = plus(dst->s2, src->s2);
    dst->t1 = plus(dst->t1, src->t1);
    dst->t2 = plus(dst->t2, src->t2);
    dst->s3 = plus(dst->s3, src->s3);
    dst->s4 = plus(dst->s4, src->s4);
}

void dg_moments_subtract(struct dg_moments *dst, const struct dg_moments *src)
{
    DG_ASSERT(dst->n >= src->n && dst->n_clamped >= src->n_clamped);
    dst->n -= src->n;
    dst->n_clamped -= src->n_clamped;
    dst->s1 = minus(dst->s1, src->s1);
    dst->s2 = minus(dst->s2, src->s2);
    dst->t1 = minus(dst->t1, src->t1);
    dst->t2 = minus(dst->t2, src->t2);
    dst->s3 = minus(dst->s3, src->s3);
    dst->s4 = minus(dst->s4, src->s4);
}

/* The nearest integer to sum/n, and what is left: sum = n * result + rest, |rest| <= n/2. */
static dg_i128 nearest(dg_i128 sum, uint64_t n, dg_i128 *rest)
{
    dg_i128 q = sum / (dg_i128)n;
    dg_i128 r = sum % (dg_i128)n;
    if (2 * r > (dg_i128)n) {
        q++;
        r -= (dg_i128)n;
    } else if (2 * r < -(dg_i128)n) {
        q--;
        r += (dg_i128)n;
    }
    *rest = r;
    return q;
}

/* Sum of (v - mu)^2 from the sums of v and v^2; the terms may wrap, their total does not. */
static dg_i128 second(const dg_i128 sum1, const dg_i128 sum2, dg_i128 mu, uint64_t n)
{
    return plus(minus(sum2, times(2 * mu, sum1)), times((dg_i128)n, times(mu, mu)));
}

static void shape(const struct dg_moments *m, struct dg_moment_values *out)
{
    dg_i128 rest;
    const dg_i128 mu = nearest(m->t1, m->n, &rest);
    const dg_i128 mu2 = times(mu, mu), count = (dg_i128)m->n;
    const dg_i128 a2 = second(m->t1, m->t2, mu, m->n);
    const dg_i128 a3 = minus(plus(minus(m->s3, times(3 * mu, m->t2)), times(3 * mu2, m->t1)),
                             times(count, times(mu2, mu)));
    const dg_i128 a4 = plus(minus(plus(minus(m->s4, times(4 * mu, m->s3)), times(6 * mu2, m->t2)),
                                  times(times(4 * mu2, mu), m->t1)),
                            times(count, times(mu2, mu2)));
    /* From the integer mu to the true mean, which is off by d, |d| <= 1/2. */
    const double n = (double)m->n, d = (double)rest / n;
    const double b2 = (double)a2, b3 = (double)a3, b4 = (double)a4;
    const double m2 = b2 - n * d * d;
    if (!(m2 > 0.0)) {
        return;
    }
    const double m3 = b3 - 3.0 * d * b2 + 2.0 * n * d * d * d;
    const double m4 = b4 - 4.0 * d * b3 + 6.0 * d * d * b2 - 3.0 * n * d * d * d * d;
    if (m->n >= 3) {
        out->skewness = sqrt(n) * m3 / (m2 * sqrt(m2));
    }
    if (m->n >= 4) {
        out->kurtosis = n * m4 / (m2 * m2) - 3.0;
    }
}

struct dg_moment_values dg_moments_values(const struct dg_moments *m, double origin, double unit)
{
    struct dg_moment_values out = {NAN, NAN, NAN, NAN, NAN};
    if (m->n == 0 || m->n > (uint64_t)INT64_MAX) {
        return out;
    }
    dg_i128 rest;
    const dg_i128 mu = nearest(m->s1, m->n, &rest);
    const double n = (double)m->n, r = (double)rest;
    out.mean = origin + unit * ((double)mu + r / n);
    /* sum (k - mu)^2 >= |rest| for integers, and rest^2/n <= |rest|/2: at most one bit cancels. */
    const double m2 = (double)second(m->s1, m->s2, mu, m->n) - r * r / n;
    const double variance = m2 > 0.0 ? m2 / n : 0.0;
    out.sd = sqrt(variance) * unit;
    out.variance = variance * unit * unit;
    if (variance > 0.0 && m->n_clamped == 0) {
        shape(m, &out);
    }
    return out;
}
