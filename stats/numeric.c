#include "stats/numeric.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 };

void dg_prepared_deinit(struct dg_prepared *p)
{
    free(p->value);
    free(p->triage);
    free(p->bin);
    free(p->fixed);
    free(p->cell);
    *p = (struct dg_prepared){0};
}

static int reserve(struct dg_prepared *p, size_t n)
{
    if (n <= p->cap) {
        return 0;
    }
    struct dg_prepared fresh = {.cap = n};
    fresh.value = calloc(n, sizeof *fresh.value);
    fresh.triage = calloc(n, sizeof *fresh.triage);
    fresh.bin = calloc(n, sizeof *fresh.bin);
    fresh.fixed = calloc(n, sizeof *fresh.fixed);
    fresh.cell = calloc(n, sizeof *fresh.cell);
    if (fresh.value == NULL || fresh.triage == NULL || fresh.bin == NULL || fresh.fixed == NULL ||
        fresh.cell == NULL) {
        dg_prepared_deinit(&fresh);
        return ENOMEM;
    }
    dg_prepared_deinit(p);
    *p = fresh;
    return 0;
}

struct range {
    double low, high; /* finite */
};

static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Whether every x is finite and low <= x <= high. By sign bits instead of comparisons, so that the
 * loop has no branch and becomes vectors; -0.0 against +0.0 may be taken for outside. */
static bool all_within(const double x[], size_t n, struct range valid)
{
    const uint64_t infinity = UINT64_C(0x7ff) << 52;
    uint64_t outside = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t magnitude = bits_of(x[i]) & (UINT64_MAX >> 1);
        outside |=
            (infinity - 1 - magnitude) | bits_of(x[i] - valid.low) | bits_of(valid.high - x[i]);
    }
    return outside >> 63 == 0;
}

/* Writes value and triage of x[n]; usable[i] = x, or 0 where the row is not in the distribution. */
static bool triage_block(const double x[], size_t n, struct range valid, double usable[],
                         double value[], uint8_t triage[])
{
    if (all_within(x, n, valid)) {
        for (size_t i = 0; i < n; i++) {
            usable[i] = value[i] = x[i] + 0.0;
        }
        memset(triage, DG_FINITE, n);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        enum dg_triage kind = dg_triage_of(x[i]);
        value[i] = kind == DG_FINITE ? x[i] + 0.0 : x[i];
        if (kind == DG_FINITE && !(x[i] >= valid.low && x[i] <= valid.high)) {
            kind = DG_OUT_OF_RANGE;
        }
        usable[i] = kind == DG_FINITE ? value[i] : 0.0;
        triage[i] = (uint8_t)kind;
    }
    return false;
}

/* llrint by adding 1.5 * 2^52: the sum's last bits are the integer, ties to even. Blocks with a
 * value to be clamped are rare; the others do without. */
static void fix(double origin, double inverse, const double x[], size_t n, int64_t fixed[])
{
    const double magic = 0x1.8p52, limit = 0x1p50;
    double d[BLOCK];
    uint64_t beyond = 0;
    for (size_t i = 0; i < n; i++) {
        d[i] = (x[i] - origin) * inverse;
        beyond |= bits_of(limit) - (bits_of(d[i]) & (UINT64_MAX >> 1));
    }
    for (size_t i = 0; beyond >> 63 != 0 && i < n; i++) {
        d[i] = d[i] < limit ? d[i] : limit;
        d[i] = d[i] > -limit ? d[i] : -limit;
    }
    for (size_t i = 0; i < n; i++) {
        fixed[i] = (int64_t)(bits_of(d[i] + magic) - bits_of(magic));
    }
}

static void prepare_block(struct dg_prepared *p, const double x[], size_t at, size_t n,
                          struct range valid)
{
    const struct dg_binning *b = p->binning;
    double usable[BLOCK];
    uint8_t *triage = p->triage + at, *bin = p->bin + at;
    int64_t *fixed = p->fixed + at;
    int32_t *cell = p->cell + at;
    const bool clean = triage_block(x, n, valid, usable, p->value + at, triage);
    if (b != NULL) {
        dg_binning_find_all(b, usable, n, bin);
        fix(b->origin, b->inverse, usable, n, fixed);
    } else {
        memset(bin, 0, n);
        fix(0.0, 1.0 / DG_UNBINNED_UNIT, usable, n, fixed);
    }
    dg_sketch_cell_all(usable, n, cell);
    dg_sketch_extend(&p->extent, cell, n);
    for (size_t i = 0; !clean && i < n; i++) {
        if (triage[i] != DG_FINITE) {
            bin[i] = 0;
            fixed[i] = 0;
        }
    }
    p->all_finite = p->all_finite && clean;
}

int dg_prepare(struct dg_prepared *p, const struct dg_binning *binning, double valid_min,
               double valid_max, const double x[], size_t n)
{
    const int status = reserve(p, n);
    if (status != 0) {
        return status;
    }
    const struct range valid = {valid_min > -DBL_MAX ? valid_min : -DBL_MAX,
                                valid_max < DBL_MAX ? valid_max : DBL_MAX};
    p->n = n;
    p->binning = binning;
    p->extent = DG_SKETCH_EXTENT_NONE;
    p->all_finite = true;
    for (size_t at = 0; at < n; at += BLOCK) {
        prepare_block(p, x + at, at, n - at < BLOCK ? n - at : BLOCK, valid);
    }
    return 0;
}

void dg_numeric_init(struct dg_numeric *s, const struct dg_binning *binning)
{
    memset(s, 0, sizeof *s);
    s->binning = binning;
    s->valid_min = -INFINITY;
    s->valid_max = INFINITY;
    s->min = INFINITY;
    s->max = -INFINITY;
}

void dg_numeric_deinit(struct dg_numeric *s)
{
    dg_sketch_deinit(&s->sketch);
    *s = (struct dg_numeric){0};
}

void dg_numeric_reset(struct dg_numeric *s)
{
    memset(s->triage, 0, sizeof s->triage);
    memset(&s->moments, 0, sizeof s->moments);
    memset(s->count, 0, sizeof s->count);
    memset(s->sum, 0, sizeof s->sum);
    s->min = INFINITY;
    s->max = -INFINITY;
    dg_sketch_reset(&s->sketch);
}

void dg_numeric_trim(struct dg_numeric *s)
{
    dg_sketch_trim(&s->sketch);
}

size_t dg_numeric_bytes(const struct dg_numeric *s)
{
    const struct dg_sketch *k = &s->sketch;
    return sizeof *s + ((size_t)k->cap[0] + (size_t)k->cap[1]) * sizeof k->cell[0][0];
}

/* At most BLOCK rows that are all in the distribution. */
struct rows {
    const double *value;
    const uint8_t *bin;
    const int64_t *fixed;
    const int32_t *cell;
    size_t n;
};

static void add_rows(struct dg_numeric *s, const struct rows *r)
{
    if (s->binning != NULL) {
        for (size_t i = 0; i < r->n; i++) {
            const uint8_t bin = r->bin[i];
            s->count[bin]++;
            s->sum[bin] += r->fixed[i];
        }
    }
    double min = s->min, max = s->max;
    for (size_t i = 0; i < r->n; i++) {
        const double x = r->value[i];
        min = x < min ? x : min;
        max = x > max ? x : max;
    }
    s->min = min;
    s->max = max;
    dg_moments_add(&s->moments, r->fixed, r->n);
    dg_sketch_count(&s->sketch, r->cell, r->n);
}

/* Rows picked one by one, those that are not in the distribution left out. */
static void add_picked(struct dg_numeric *s, const struct dg_prepared *p, const uint32_t row[],
                       size_t at, size_t n)
{
    double value[BLOCK];
    uint8_t bin[BLOCK];
    int64_t fixed[BLOCK];
    int32_t cell[BLOCK];
    size_t kept = 0;
    for (size_t i = at; i < at + n; i++) {
        const size_t from = row == NULL ? i : row[i];
        DG_ASSERT(from < p->n);
        const uint8_t triage = p->triage[from];
        s->triage[triage]++;
        value[kept] = p->value[from];
        bin[kept] = p->bin[from];
        fixed[kept] = p->fixed[from];
        cell[kept] = p->cell[from];
        kept += triage == DG_FINITE;
    }
    add_rows(s, &(struct rows){value, bin, fixed, cell, kept});
}

/* What the rows span, or all of p if that is cheaper to know and there is room for it anyway. */
static struct dg_sketch_extent extent_of(const struct dg_numeric *s, const struct dg_prepared *p,
                                         const uint32_t row[], size_t n)
{
    if ((row == NULL && n == p->n) || dg_sketch_covers(&s->sketch, &p->extent)) {
        return p->extent;
    }
    struct dg_sketch_extent e = DG_SKETCH_EXTENT_NONE;
    if (row == NULL) {
        dg_sketch_extend(&e, p->cell, n);
        return e;
    }
    int32_t cell[BLOCK];
    for (size_t at = 0; at < n; at += BLOCK) {
        const size_t len = n - at < BLOCK ? n - at : BLOCK;
        for (size_t i = 0; i < len; i++) {
            DG_ASSERT(row[at + i] < p->n);
            cell[i] = p->cell[row[at + i]];
        }
        dg_sketch_extend(&e, cell, len);
    }
    return e;
}

int dg_numeric_add(struct dg_numeric *s, const struct dg_prepared *p, const uint32_t row[],
                   size_t n)
{
    DG_ASSERT(n == 0 || p->binning == s->binning);
    DG_ASSERT(row != NULL || n <= p->n);
    const struct dg_sketch_extent e = extent_of(s, p, row, n);
    const int status = dg_sketch_reserve(&s->sketch, &e);
    if (status != 0) {
        return status;
    }
    const bool direct = row == NULL && p->all_finite;
    for (size_t at = 0; at < n; at += BLOCK) {
        const size_t len = n - at < BLOCK ? n - at : BLOCK;
        if (direct) {
            s->triage[DG_FINITE] += len;
            add_rows(s,
                     &(struct rows){p->value + at, p->bin + at, p->fixed + at, p->cell + at, len});
        } else {
            add_picked(s, p, row, at, len);
        }
    }
    return 0;
}

int dg_numeric_merge(struct dg_numeric *dst, const struct dg_numeric *src)
{
    DG_ASSERT(dst->binning == src->binning);
    const int status = dg_sketch_merge(&dst->sketch, &src->sketch);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        dst->triage[i] += src->triage[i];
    }
    const uint32_t bins = dst->binning == NULL ? 0 : dst->binning->n_bins;
    for (uint32_t j = 0; j < bins; j++) {
        dst->count[j] += src->count[j];
        dst->sum[j] = (dg_i128)((dg_u128)dst->sum[j] + (dg_u128)src->sum[j]);
    }
    dg_moments_merge(&dst->moments, &src->moments);
    dst->min = src->min < dst->min ? src->min : dst->min;
    dst->max = src->max > dst->max ? src->max : dst->max;
    return 0;
}

int dg_numeric_subtract(struct dg_numeric *dst, const struct dg_numeric *src)
{
    DG_ASSERT(dst->binning == src->binning);
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        DG_ASSERT(dst->triage[i] >= src->triage[i]);
        dst->triage[i] -= src->triage[i];
    }
    const uint32_t bins = dst->binning == NULL ? 0 : dst->binning->n_bins;
    for (uint32_t j = 0; j < bins; j++) {
        DG_ASSERT(dst->count[j] >= src->count[j]);
        dst->count[j] -= src->count[j];
        dst->sum[j] = (dg_i128)((dg_u128)dst->sum[j] - (dg_u128)src->sum[j]);
    }
    dg_moments_subtract(&dst->moments, &src->moments);
    if (dst->moments.n == 0) {
        dst->min = INFINITY;
        dst->max = -INFINITY;
    }
    return dg_sketch_subtract(&dst->sketch, &src->sketch);
}

struct dg_moment_values dg_numeric_moments(const struct dg_numeric *s)
{
    const double origin = s->binning == NULL ? 0.0 : s->binning->origin;
    const double unit = s->binning == NULL ? DG_UNBINNED_UNIT : s->binning->unit;
    const double most = (double)DG_FIXED_MAX * unit;
    if (s->max - origin >= most || s->min - origin <= -most) {
        return (struct dg_moment_values){NAN, NAN, NAN, NAN, NAN};
    }
    return dg_moments_values(&s->moments, origin, unit);
}
