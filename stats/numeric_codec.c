/*
 * The encoding of a numeric state:
 *   head       version << 4 | 1 if there is a binning
 *   binning    its fingerprint, 4 bytes, if there is one
 *   triage     mask of the kinds that occur, then their counts
 *   -- nothing more if no value is finite --
 *   min, max   16 bytes
 *   bins       if there is a binning: number used, then gap << 1 | (count > 1), count - 2 if so,
 *              and the residual of the sum unless the bin is a point
 *   moments    s1 if there is no binning (else it is the total of the bins), s2, t1 - s1/2^10,
 *              t2 - s2/2^4, s3, s4, n_clamped
 *   sketch
 * The residual of a bin is its sum less count times the fixed-point left edge (of bin 0: count
 * times its right edge less the sum): not negative, and at most count times the bin's width.
 */
#include "stats/numeric.h"

#include <errno.h>
#include <math.h>

enum { VERSION = 1, COUNT_BITS = 47 };

/* What a bin's sum is measured from, and how far one value can be from it. */
struct anchor {
    int64_t base;
    int64_t width;
    bool below; /* bin 0 is measured downwards from its right edge */
    bool point; /* every value is at `base` */
};

static struct anchor anchor_of(const struct dg_binning *b, uint32_t j)
{
    const bool first = j == 0, last = j + 1 == b->n_bins;
    const int64_t right = last ? DG_FIXED_MAX : dg_binning_fixed(b, b->edges[j]);
    if (b->is_point[j]) {
        return (struct anchor){.base = right, .point = true};
    }
    const int64_t left = first ? -DG_FIXED_MAX : dg_binning_fixed(b, b->edges[j - 1]);
    return (struct anchor){.base = first ? right : left, .width = right - left, .below = first};
}

static void encode_bins(const struct dg_numeric *s, struct dg_bytes *out)
{
    const struct dg_binning *b = s->binning;
    uint32_t used = 0, next = 0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        used += s->count[j] > 0;
    }
    dg_put_varint(out, used);
    for (uint32_t j = 0; j < b->n_bins; j++) {
        const uint64_t count = s->count[j];
        if (count == 0) {
            continue;
        }
        dg_put_varint(out, (uint64_t)(j - next) << 1 | (count > 1));
        next = j + 1;
        if (count > 1) {
            dg_put_varint(out, count - 2);
        }
        const struct anchor a = anchor_of(b, j);
        if (!a.point) {
            const dg_i128 residual = s->sum[j] - (dg_i128)count * a.base;
            dg_put_unsigned_wide(out, (dg_u128)(a.below ? -residual : residual));
        }
    }
}

static void encode_moments(const struct dg_numeric *s, struct dg_bytes *out)
{
    const struct dg_moments *m = &s->moments;
    if (s->binning == NULL) {
        dg_put_wide(out, m->s1);
    }
    dg_put_unsigned_wide(out, (dg_u128)m->s2);
    dg_put_wide(out, m->t1 - (m->s1 >> DG_SHAPE_SHIFT));
    dg_put_wide(out, m->t2 - (m->s2 >> (2 * DG_SHAPE_SHIFT)));
    dg_put_wide(out, m->s3);
    dg_put_unsigned_wide(out, (dg_u128)m->s4);
    dg_put_varint(out, m->n_clamped);
}

void dg_numeric_encode(const struct dg_numeric *s, struct dg_bytes *out)
{
    const struct dg_binning *b = s->binning;
    dg_put_u8(out, (uint8_t)(VERSION << 4 | (b != NULL)));
    for (int i = 0; b != NULL && i < 4; i++) {
        dg_put_u8(out, (uint8_t)(b->fingerprint >> (8 * i)));
    }
    unsigned mask = 0;
    for (unsigned i = 0; i < DG_TRIAGE_KINDS; i++) {
        mask |= (unsigned)(s->triage[i] > 0) << i;
    }
    dg_put_u8(out, (uint8_t)mask);
    for (unsigned i = 0; i < DG_TRIAGE_KINDS; i++) {
        if (s->triage[i] > 0) {
            dg_put_varint(out, s->triage[i]);
        }
    }
    if (s->triage[DG_FINITE] == 0) {
        return;
    }
    dg_put_f64(out, s->min);
    dg_put_f64(out, s->max);
    if (b != NULL) {
        encode_bins(s, out);
    }
    encode_moments(s, out);
    dg_sketch_encode(&s->sketch, out);
}

/* What has been read and not yet been added. */
struct decoded {
    struct dg_reader in;
    uint64_t n;
    uint64_t counted; /* values found in bins */
    double min, max;
    struct dg_moments moments;
};

static bool read_head(struct dg_numeric *s, struct decoded *d)
{
    const struct dg_binning *b = s->binning;
    if (dg_get_u8(&d->in) != (VERSION << 4 | (b != NULL))) {
        return false;
    }
    for (int i = 0; b != NULL && i < 4; i++) {
        if (dg_get_u8(&d->in) != (uint8_t)(b->fingerprint >> (8 * i))) {
            return false;
        }
    }
    const unsigned mask = dg_get_u8(&d->in);
    for (unsigned i = 0; i < DG_TRIAGE_KINDS; i++) {
        if ((mask >> i & 1) == 0) {
            continue;
        }
        const uint64_t count = dg_get_varint(&d->in);
        if (count == 0 || count >> COUNT_BITS != 0) {
            return false;
        }
        s->triage[i] += count;
        d->n = i == DG_FINITE ? count : d->n;
    }
    return !d->in.failed;
}

/* -0.0 is never written: there is one encoding of a state. */
static bool is_extreme(double x)
{
    return isfinite(x) && !(x == 0.0 && signbit(x));
}

static bool read_extremes(struct decoded *d)
{
    d->min = dg_get_f64(&d->in);
    d->max = dg_get_f64(&d->in);
    return is_extreme(d->min) && is_extreme(d->max) && d->min <= d->max;
}

static bool read_bin(struct dg_numeric *s, struct decoded *d, uint32_t j, bool many)
{
    const uint64_t extra = many ? dg_get_varint(&d->in) : 0;
    if (extra >> COUNT_BITS != 0) {
        return false;
    }
    const uint64_t count = many ? extra + 2 : 1;
    const struct anchor a = anchor_of(s->binning, j);
    const dg_u128 residual = a.point ? 0 : dg_get_unsigned_wide(&d->in);
    if (d->in.failed || residual > (dg_u128)count * (dg_u128)a.width) {
        return false;
    }
    const dg_i128 off = a.below ? -(dg_i128)residual : (dg_i128)residual;
    const dg_i128 sum = (dg_i128)count * a.base + off;
    d->counted += count;
    d->moments.s1 += sum;
    s->count[j] += count;
    s->sum[j] = (dg_i128)((dg_u128)s->sum[j] + (dg_u128)sum);
    return true;
}

/* The extremes may be wider than the bins, since a subtraction leaves them, but not narrower. */
static bool read_bins(struct dg_numeric *s, struct decoded *d)
{
    const struct dg_binning *b = s->binning;
    const uint64_t used = dg_get_varint(&d->in);
    const uint32_t low = dg_binning_find(b, d->min), high = dg_binning_find(b, d->max);
    uint32_t next = 0;
    for (uint64_t i = 0; i < used; i++) {
        const uint64_t token = dg_get_varint(&d->in), gap = token >> 1;
        if (d->in.failed || gap >= b->n_bins - next) {
            return false;
        }
        const uint32_t j = next + (uint32_t)gap;
        if (j < low || j > high || !read_bin(s, d, j, token & 1)) {
            return false;
        }
        next = j + 1;
    }
    return d->counted == d->n;
}

static bool within(dg_i128 v, uint64_t n, unsigned bits)
{
    const dg_i128 most = bits > 126 - COUNT_BITS && n >> (126 - bits) != 0
                             ? (dg_i128)(~(dg_u128)0 >> 1)
                             : (dg_i128)n << bits;
    return v <= most && v >= -most;
}

static bool read_moments(const struct dg_numeric *s, struct decoded *d)
{
    struct dg_moments *m = &d->moments;
    m->n = d->n;
    if (s->binning == NULL) {
        m->s1 = dg_get_wide(&d->in);
    }
    m->s2 = (dg_i128)dg_get_unsigned_wide(&d->in);
    const dg_i128 t1 = dg_get_wide(&d->in), t2 = dg_get_wide(&d->in);
    m->s3 = dg_get_wide(&d->in);
    m->s4 = (dg_i128)dg_get_unsigned_wide(&d->in);
    m->n_clamped = dg_get_varint(&d->in);
    const bool in_bounds = within(m->s1, d->n, 50) && m->s2 >= 0 && within(m->s2, d->n, 100) &&
                           within(t1, d->n, 49) && within(t2, d->n, 97) &&
                           within(m->s3, d->n, 78) && m->s4 >= 0 && within(m->s4, d->n, 104) &&
                           m->n_clamped <= d->n;
    if (d->in.failed || !in_bounds) {
        return false;
    }
    m->t1 = t1 + (m->s1 >> DG_SHAPE_SHIFT);
    m->t2 = t2 + (m->s2 >> (2 * DG_SHAPE_SHIFT));
    return within(m->t1, d->n, 26) && m->t2 >= 0 && within(m->t2, d->n, 52);
}

static int read_values(struct dg_numeric *s, struct decoded *d)
{
    if (!read_extremes(d) || (s->binning != NULL && !read_bins(s, d)) || !read_moments(s, d)) {
        return EBADMSG;
    }
    const uint64_t before = s->sketch.n;
    const int status = dg_sketch_add_encoded(&s->sketch, &d->in);
    if (status != 0) {
        return status;
    }
    dg_moments_merge(&s->moments, &d->moments);
    s->min = d->min < s->min ? d->min : s->min;
    s->max = d->max > s->max ? d->max : s->max;
    return s->sketch.n - before == d->n ? 0 : EBADMSG;
}

int dg_numeric_add_encoded(struct dg_numeric *s, const uint8_t bytes[], size_t n)
{
    struct decoded d = {.in = {.p = bytes, .end = bytes + n}};
    if (!read_head(s, &d)) {
        return EBADMSG;
    }
    if (d.n > 0) {
        const int status = read_values(s, &d);
        if (status != 0) {
            return status;
        }
    }
    return d.in.p == d.in.end ? 0 : EBADMSG;
}
