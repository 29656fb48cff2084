#include "stats/sketch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEGATIVE = 0,
    POSITIVE = 1,
    FEW_CELLS = 16,
    SHIFT = 52 - DG_SKETCH_SUB_BITS,
    COUNT_BITS = 47, /* bound of what is decoded, so that no sum of counts overflows */
    BASE = (1023 - 40) << DG_SKETCH_SUB_BITS,        /* bits of 2^-40 >> SHIFT */
    INDEX_END = (2047 << DG_SKETCH_SUB_BITS) - BASE, /* bits of +inf >> SHIFT, less BASE */
    VERSION = 1
};

static inline int32_t cell_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t index = (int32_t)((bits & (UINT64_MAX >> 1)) >> SHIFT) - (BASE - 1);
    index = index > 0 ? index : 0;
    const int32_t sign = -(int32_t)(bits >> 63);
    return (index ^ sign) - sign;
}

int32_t dg_sketch_cell(double x)
{
    return cell_of(x);
}

void dg_sketch_cell_all(const double x[], size_t n, int32_t cell[])
{
    for (size_t i = 0; i < n; i++) {
        cell[i] = cell_of(x[i]);
    }
}

uint32_t dg_sketch_sub_bits(const struct dg_sketch *s)
{
    return DG_SKETCH_SUB_BITS - s->coarse;
}

void dg_sketch_deinit(struct dg_sketch *s)
{
    free(s->cell[NEGATIVE]);
    free(s->cell[POSITIVE]);
    *s = (struct dg_sketch){0};
}

void dg_sketch_reset(struct dg_sketch *s)
{
    for (int k = 0; k < 2; k++) {
        s->len[k] = 0;
        s->used[k] = 0;
    }
    s->coarse = 0;
    s->n = 0;
    s->zero = 0;
}

void dg_sketch_trim(struct dg_sketch *s)
{
    DG_ASSERT(s->n == 0);
    for (int k = 0; k < 2; k++) {
        if (s->cap[k] > DG_SKETCH_CELLS_KEPT) {
            free(s->cell[k]);
            s->cell[k] = NULL;
            s->len[k] = s->cap[k] = 0;
        }
    }
}

/* Room for `len` cells and some. Up to what trim leaves there are two sizes only, so that states
 * that are used in turns soon have it all, rather than each a little more now and then. */
static int32_t room_for(int32_t len)
{
    if (len <= DG_SKETCH_CELLS_KEPT) {
        return len <= FEW_CELLS ? FEW_CELLS : DG_SKETCH_CELLS_KEPT;
    }
    return (len + len / 2 + 15) / 16 * 16;
}

/* Let the run of sign k span [first, end) too. What is in the run moves; what is new is zero. */
static int span(struct dg_sketch *s, int k, int32_t first, int32_t end)
{
    if (first >= end) {
        return 0;
    }
    const int32_t old_first = s->first[k], old_len = s->len[k];
    if (old_len > 0) {
        first = old_first < first ? old_first : first;
        end = old_first + old_len > end ? old_first + old_len : end;
    }
    const int32_t len = end - first;
    if (len == old_len) {
        return 0;
    }
    if (len > s->cap[k]) {
        const int32_t cap = room_for(len);
        uint64_t *cell = realloc(s->cell[k], (size_t)cap * sizeof *cell);
        if (cell == NULL) {
            return ENOMEM;
        }
        s->cell[k] = cell;
        s->cap[k] = cap;
    }
    uint64_t *cell = s->cell[k];
    const size_t before = old_len > 0 ? (size_t)(old_first - first) : 0;
    const size_t kept = (size_t)old_len, after = (size_t)len - kept - before;
    memmove(cell + before, cell, kept * sizeof *cell);
    memset(cell, 0, before * sizeof *cell);
    memset(cell + before + kept, 0, after * sizeof *cell);
    s->first[k] = first;
    s->len[k] = len;
    return 0;
}

/* Halve the resolution of one run in place; front cells may become unused. */
static void halve(struct dg_sketch *s, int k)
{
    if (s->len[k] == 0) {
        return;
    }
    const int32_t first = s->first[k] >> 1, last = (s->first[k] + s->len[k] - 1) >> 1;
    uint64_t *cell = s->cell[k];
    s->used[k] = 0;
    for (int32_t i = first; i <= last; i++) {
        const int32_t at = 2 * i - s->first[k];
        uint64_t count = at >= 0 ? cell[at] : 0;
        count += at + 1 < s->len[k] ? cell[at + 1] : 0;
        cell[i - first] = count;
        s->used[k] += count > 0;
    }
    s->first[k] = first;
    s->len[k] = last - first + 1;
}

static void coarsen_to(struct dg_sketch *s, uint32_t coarse)
{
    for (; s->coarse < coarse; s->coarse++) {
        halve(s, NEGATIVE);
        halve(s, POSITIVE);
    }
}

static void keep_bound(struct dg_sketch *s)
{
    while (s->used[NEGATIVE] > DG_SKETCH_CELLS_MAX || s->used[POSITIVE] > DG_SKETCH_CELLS_MAX) {
        coarsen_to(s, s->coarse + 1);
    }
}

bool dg_sketch_covers(const struct dg_sketch *s, const struct dg_sketch_extent *e)
{
    bool covers = true;
    for (int k = 0; k < 2; k++) {
        const int32_t low = e->low[k] >> s->coarse, high = e->high[k] >> s->coarse;
        covers = covers &&
                 (e->low[k] > e->high[k] || (s->first[k] <= low && high - s->first[k] < s->len[k]));
    }
    return covers;
}

int dg_sketch_reserve(struct dg_sketch *s, const struct dg_sketch_extent *e)
{
    for (int k = 0; k < 2; k++) {
        if (e->low[k] <= e->high[k]) {
            DG_ASSERT(e->low[k] >= 0 && e->high[k] < INDEX_END);
            if (span(s, k, e->low[k] >> s->coarse, (e->high[k] >> s->coarse) + 1) != 0) {
                return ENOMEM;
            }
        }
    }
    return 0;
}

/* No cell is negative, as in most columns: no run to pick. */
static void count_positive(struct dg_sketch *s, const int32_t cell[], size_t n)
{
    const uint32_t coarse = s->coarse, len = (uint32_t)s->len[POSITIVE];
    const int32_t first = s->first[POSITIVE];
    uint64_t *const run = s->cell[POSITIVE];
    uint32_t fresh = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t c = cell[i];
        if (c == 0) {
            s->zero++;
            continue;
        }
        const uint32_t at = (uint32_t)(((c - 1) >> coarse) - first);
        DG_ASSERT(c > 0 && at < len);
        const uint64_t count = run[at];
        fresh += count == 0;
        run[at] = count + 1;
    }
    s->used[POSITIVE] += (int32_t)fresh;
    s->n += n;
}

/* Signs are unpredictable, so the loop picks the run by table and not by branch. The third run is
 * the zero cell. Fresh cells are counted per run in 20-bit fields of one word. */
static void count_some(struct dg_sketch *s, const int32_t cell[], size_t n)
{
    enum { FIELD = 20 };
    const uint32_t coarse = s->coarse;
    uint64_t *const run[3] = {s->cell[NEGATIVE], s->cell[POSITIVE], &s->zero};
    const int32_t first[3] = {s->first[NEGATIVE], s->first[POSITIVE], 0};
    const uint32_t len[3] = {(uint32_t)s->len[NEGATIVE], (uint32_t)s->len[POSITIVE], 1};
    uint64_t fresh = 0;
    for (size_t i = 0; i < n; i++) {
        /* By shifts, lest the compiler make a branch of it. */
        const int32_t c = cell[i], negative = c >> 31, magnitude = (c ^ negative) - negative;
        const int32_t zero = (magnitude - 1) >> 31 & 1, k = 1 + negative + zero;
        const uint32_t at = (uint32_t)(((magnitude - 1 + zero) >> coarse) - first[k]);
        DG_ASSERT(at < len[k]);
        const uint64_t count = run[k][at];
        fresh += (uint64_t)(count == 0) << (FIELD * k);
        run[k][at] = count + 1;
    }
    s->used[NEGATIVE] += (int32_t)(fresh & ((1U << FIELD) - 1));
    s->used[POSITIVE] += (int32_t)(fresh >> FIELD & ((1U << FIELD) - 1));
    s->n += n;
}

void dg_sketch_count(struct dg_sketch *s, const int32_t cell[], size_t n)
{
    enum { SOME = 4096 };
    for (size_t at = 0; at < n; at += SOME) {
        const size_t len = n - at < SOME ? n - at : SOME;
        if (s->len[NEGATIVE] == 0) {
            count_positive(s, cell + at, len);
        } else {
            count_some(s, cell + at, len);
        }
    }
    keep_bound(s);
}

static void widen(struct dg_sketch_extent *e, int k, int32_t low, int32_t high)
{
    e->low[k] = low < e->low[k] ? low : e->low[k];
    e->high[k] = high > e->high[k] ? high : e->high[k];
}

void dg_sketch_extend(struct dg_sketch_extent *e, const int32_t cell[], size_t n)
{
    int32_t least = INT32_MAX, most = INT32_MIN;
    for (size_t i = 0; i < n; i++) {
        least = cell[i] < least ? cell[i] : least;
        most = cell[i] > most ? cell[i] : most;
    }
    if (n == 0) {
        return;
    }
    if (least > 0) {
        widen(e, POSITIVE, least - 1, most - 1);
        return;
    }
    /* As unsigned numbers c - 1 and -c - 1 are largest for the cells of the other sign and zero. */
    uint32_t low[2] = {UINT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < n; i++) {
        const uint32_t negative = ~(uint32_t)cell[i], positive = (uint32_t)cell[i] - 1U;
        low[NEGATIVE] = negative < low[NEGATIVE] ? negative : low[NEGATIVE];
        low[POSITIVE] = positive < low[POSITIVE] ? positive : low[POSITIVE];
    }
    if (least < 0) {
        widen(e, NEGATIVE, (int32_t)low[NEGATIVE], -(least + 1));
    }
    if (most > 0) {
        widen(e, POSITIVE, (int32_t)low[POSITIVE], most - 1);
    }
}

int dg_sketch_add(struct dg_sketch *s, const int32_t cell[], size_t n)
{
    struct dg_sketch_extent e = DG_SKETCH_EXTENT_NONE;
    dg_sketch_extend(&e, cell, n);
    const int status = dg_sketch_reserve(s, &e);
    if (status == 0) {
        dg_sketch_count(s, cell, n);
    }
    return status;
}

/* An index at resolution `from` in the resolution `to`; the first of its cells if that is finer. */
static int32_t rescale(int32_t index, uint32_t from, uint32_t to)
{
    return to >= from ? index >> (to - from) : (int32_t)((uint32_t)index << (from - to));
}

/* Make room in dst for what sign k of src holds, at the resolution that dst has now. */
static int reserve_run(struct dg_sketch *dst, const struct dg_sketch *src, int k)
{
    if (src->used[k] == 0) {
        return 0;
    }
    int32_t first = 0, last = src->len[k] - 1;
    while (src->cell[k][first] == 0) {
        first++;
    }
    while (src->cell[k][last] == 0) {
        last--;
    }
    return span(dst, k, rescale(src->first[k] + first, src->coarse, dst->coarse),
                rescale(src->first[k] + last, src->coarse, dst->coarse) + 1);
}

int dg_sketch_merge(struct dg_sketch *dst, const struct dg_sketch *src)
{
    /* Room first, and at dst's present resolution: unused cells are no change, halving would be. */
    if (reserve_run(dst, src, NEGATIVE) != 0 || reserve_run(dst, src, POSITIVE) != 0) {
        return ENOMEM;
    }
    coarsen_to(dst, src->coarse);
    for (int k = 0; k < 2; k++) {
        for (int32_t i = 0; i < src->len[k]; i++) {
            const uint64_t count = src->cell[k][i];
            if (count > 0) {
                const int32_t to = rescale(src->first[k] + i, src->coarse, dst->coarse);
                uint64_t *cell = &dst->cell[k][to - dst->first[k]];
                dst->used[k] += *cell == 0;
                *cell += count;
            }
        }
    }
    dst->zero += src->zero;
    dst->n += src->n;
    keep_bound(dst);
    return 0;
}

int dg_sketch_subtract(struct dg_sketch *dst, const struct dg_sketch *src)
{
    coarsen_to(dst, src->coarse);
    for (int k = 0; k < 2; k++) {
        for (int32_t i = 0; i < src->len[k]; i++) {
            const uint64_t count = src->cell[k][i];
            if (count > 0) {
                const int32_t from = rescale(src->first[k] + i, src->coarse, dst->coarse);
                const int32_t at = from - dst->first[k];
                DG_ASSERT(at >= 0 && at < dst->len[k] && dst->cell[k][at] >= count);
                dst->cell[k][at] -= count;
                dst->used[k] -= dst->cell[k][at] == 0;
            }
        }
    }
    DG_ASSERT(dst->zero >= src->zero && dst->n >= src->n);
    dst->zero -= src->zero;
    dst->n -= src->n;
    return 0;
}

static void encode_run(const struct dg_sketch *s, int k, struct dg_bytes *out)
{
    dg_put_varint(out, (uint64_t)s->used[k]);
    int32_t next = 0;
    for (int32_t i = 0; i < s->len[k]; i++) {
        const uint64_t count = s->cell[k][i];
        if (count > 0) {
            const int32_t index = s->first[k] + i;
            dg_put_varint(out, (uint64_t)(index - next) << 1 | (count > 1));
            if (count > 1) {
                dg_put_varint(out, count - 2);
            }
            next = index + 1;
        }
    }
}

void dg_sketch_encode(const struct dg_sketch *s, struct dg_bytes *out)
{
    dg_put_u8(out, (uint8_t)(VERSION << 4 | s->coarse));
    dg_put_varint(out, s->zero);
    encode_run(s, NEGATIVE, out);
    encode_run(s, POSITIVE, out);
}

/* Reads one run; with dst == NULL only finds its ends, else counts it into dst. */
struct run_ends {
    int32_t first, last; /* first > last: empty */
};

static struct run_ends decode_run(struct dg_reader *in, uint32_t coarse, struct dg_sketch *dst,
                                  int k)
{
    struct run_ends ends = {0, -1};
    const uint64_t used = dg_get_varint(in);
    const int32_t end = ((INDEX_END - 1) >> coarse) + 1;
    if (used > DG_SKETCH_CELLS_MAX) {
        in->failed = true;
    }
    for (uint64_t i = 0; i < used && !in->failed; i++) {
        const uint64_t token = dg_get_varint(in), gap = token >> 1;
        const uint64_t count = token & 1 ? dg_get_varint(in) : 0;
        if (in->failed || gap >= (uint64_t)(end - ends.last - 1) || count >> COUNT_BITS != 0) {
            in->failed = true;
            return ends;
        }
        const int32_t index = ends.last + 1 + (int32_t)gap;
        ends.first = i == 0 ? index : ends.first;
        ends.last = index;
        if (dst != NULL) {
            const uint64_t total = token & 1 ? count + 2 : 1;
            uint64_t *cell = &dst->cell[k][rescale(index, coarse, dst->coarse) - dst->first[k]];
            dst->used[k] += *cell == 0;
            *cell += total;
            dst->n += total;
        }
    }
    return ends;
}

int dg_sketch_add_encoded(struct dg_sketch *s, struct dg_reader *in)
{
    const uint8_t head = dg_get_u8(in);
    const uint32_t coarse = head & 15;
    const uint64_t zero = dg_get_varint(in);
    if (in->failed || head >> 4 != VERSION || coarse > DG_SKETCH_SUB_BITS ||
        zero >> COUNT_BITS != 0) {
        in->failed = true;
        return EBADMSG;
    }
    coarsen_to(s, coarse);
    for (int k = 0; k < 2; k++) {
        struct dg_reader again = *in;
        const struct run_ends ends = decode_run(in, coarse, NULL, k);
        if (in->failed) {
            return EBADMSG;
        }
        if (ends.first <= ends.last) {
            const int32_t first = rescale(ends.first, coarse, s->coarse);
            if (span(s, k, first, rescale(ends.last, coarse, s->coarse) + 1) != 0) {
                return ENOMEM;
            }
            decode_run(&again, coarse, s, k);
        }
    }
    s->zero += zero;
    s->n += zero;
    keep_bound(s);
    return 0;
}

struct cell_bounds {
    double low;  /* least |x| */
    double high; /* greatest |x| */
    double value;
};

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static struct cell_bounds bounds_of(const struct dg_sketch *s, int32_t index)
{
    const uint32_t sub_bits = dg_sketch_sub_bits(s), shift = 52 - sub_bits;
    const uint64_t cell = (uint64_t)index + ((uint64_t)(1023 - 40) << sub_bits);
    const double low = from_bits(cell << shift);
    /* low = M 2^e and the next cell begins at (M + 1) 2^e: their harmonic mean without overflow. */
    const uint64_t m = (UINT64_C(1) << sub_bits) | (cell & ((UINT64_C(1) << sub_bits) - 1));
    return (struct cell_bounds){.low = low,
                                .high = from_bits(((cell + 1) << shift) - 1),
                                .value = low + low / (double)(2 * m + 1)};
}

/* Visits used cells in ascending order of value. */
struct cursor {
    const struct dg_sketch *s;
    int side; /* -1 negative, 0 zero, 1 positive */
    int32_t at;
};

static struct cursor begin(const struct dg_sketch *s)
{
    return (struct cursor){s, -1, s->len[NEGATIVE] - 1};
}

static bool next_cell(struct cursor *c, struct dg_sketch_cell_view *out)
{
    const struct dg_sketch *s = c->s;
    for (; c->side < 0 && c->at >= 0; c->at--) {
        if (s->cell[NEGATIVE][c->at] > 0) {
            const struct cell_bounds b = bounds_of(s, s->first[NEGATIVE] + c->at);
            *out = (struct dg_sketch_cell_view){-b.value, -b.low, nextafter(-b.high, -INFINITY),
                                                s->cell[NEGATIVE][c->at--]};
            return true;
        }
    }
    if (c->side <= 0) {
        c->side = 1;
        c->at = 0;
        if (s->zero > 0) {
            *out = (struct dg_sketch_cell_view){0.0, nextafter(0x1p-40, 0.0), -0x1p-40, s->zero};
            return true;
        }
    }
    for (; c->at < s->len[POSITIVE]; c->at++) {
        if (s->cell[POSITIVE][c->at] > 0) {
            const struct cell_bounds b = bounds_of(s, s->first[POSITIVE] + c->at);
            *out = (struct dg_sketch_cell_view){b.value, b.high, nextafter(b.low, 0.0),
                                                s->cell[POSITIVE][c->at++]};
            return true;
        }
    }
    return false;
}

int dg_sketch_quantiles(const struct dg_sketch *s, const double q[], size_t n, double min,
                        double max, double value[])
{
    for (size_t i = 0; i < n; i++) {
        if (!(q[i] >= 0.0 && q[i] <= 1.0) || (i > 0 && q[i] < q[i - 1])) {
            return EINVAL;
        }
    }
    if (s->n == 0) {
        return EDOM;
    }
    struct cursor c = begin(s);
    struct dg_sketch_cell_view cell = {0};
    uint64_t cumulative = 0;
    for (size_t i = 0; i < n; i++) {
        const double wanted = ceil(q[i] * (double)s->n);
        uint64_t rank = wanted < 1.0 ? 1 : (uint64_t)wanted;
        rank = rank > s->n ? s->n : rank;
        while (cumulative < rank && next_cell(&c, &cell)) {
            cumulative += cell.count;
        }
        const double x = cell.value < min ? min : cell.value;
        value[i] = x > max ? max : x;
    }
    return 0;
}

int dg_sketch_quantile(const struct dg_sketch *s, double q, double min, double max, double *value)
{
    return dg_sketch_quantiles(s, &q, 1, min, max, value);
}

size_t dg_sketch_cells(const struct dg_sketch *s, struct dg_sketch_cell_view out[], size_t cap)
{
    struct cursor c = begin(s);
    struct dg_sketch_cell_view cell;
    size_t n = 0;
    for (; next_cell(&c, &cell); n++) {
        if (n < cap) {
            out[n] = cell;
        }
    }
    return n;
}
