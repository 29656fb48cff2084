/* Finding the bin of a value: a monotone map to a cell, a table of start edges, and a few
 * branch-free steps among the edges that share the cell. The map is monotone in floating point, so
 * edges of lower cells are below x and edges of higher cells above it, whatever was rounded. */
#include "stats/binning.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { HALF = DG_LOOKUP_CELLS / 2 };

static uint64_t magnitude_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & (UINT64_MAX >> 1);
}

static inline uint32_t linear_cell(double pivot, double scale, double x)
{
    double t = (x - pivot) * scale;
    t = t > 0.0 ? t : 0.0;
    t = t < (double)(DG_LOOKUP_CELLS - 1) ? t : (double)(DG_LOOKUP_CELLS - 1);
    return (uint32_t)(int32_t)t;
}

static inline uint32_t log_cell(const struct dg_binning *b, double x)
{
    const double y = x - b->pivot;
    int64_t t = (int64_t)(magnitude_bits(y) >> b->lookup_shift) - b->lookup_base;
    t = t < 0 ? 0 : t;
    t = t < HALF - 1 ? t : HALF - 1;
    return (uint32_t)(y < 0.0 ? HALF - 1 - t : HALF + t);
}

static inline uint32_t cell_of(const struct dg_binning *b, double x)
{
    return b->lookup_log ? log_cell(b, x) : linear_cell(b->pivot, b->scale, x);
}

/* Number of edges < x, given that of the lower cells; edges beyond the cell compare false. */
static inline uint32_t finish(const double edges[], uint32_t at, uint32_t steps, double x)
{
    for (uint32_t width = 1U << steps >> 1; width > 0; width >>= 1) {
        at += width & -(uint32_t)(edges[at + width - 1] < x);
    }
    return at;
}

uint32_t dg_binning_find(const struct dg_binning *b, double x)
{
    return finish(b->edges, b->lookup[cell_of(b, x)], b->steps, x);
}

void dg_binning_find_all(const struct dg_binning *b, const double x[], size_t n, uint8_t bin[])
{
    const double *edges = b->edges;
    const uint8_t *lookup = b->lookup;
    const double pivot = b->pivot, scale = b->scale;
    const uint32_t steps = b->steps;
    if (b->lookup_log) {
        for (size_t i = 0; i < n; i++) {
            bin[i] = (uint8_t)finish(edges, lookup[log_cell(b, x[i])], steps, x[i]);
        }
    } else if (steps == 1) {
        for (size_t i = 0; i < n; i++) {
            const uint32_t at = lookup[linear_cell(pivot, scale, x[i])];
            bin[i] = (uint8_t)(at + (edges[at] < x[i]));
        }
    } else if (steps == 2) {
        for (size_t i = 0; i < n; i++) {
            uint32_t at = lookup[linear_cell(pivot, scale, x[i])];
            at += 2U & -(uint32_t)(edges[at + 1] < x[i]);
            bin[i] = (uint8_t)(at + (edges[at] < x[i]));
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            bin[i] = (uint8_t)finish(edges, lookup[linear_cell(pivot, scale, x[i])], steps, x[i]);
        }
    }
}

int64_t dg_binning_fixed(const struct dg_binning *b, double x)
{
    double d = (x - b->origin) * b->inverse;
    d = d < 0x1p50 ? d : 0x1p50;
    d = d > -0x1p50 ? d : -0x1p50;
    return llrint(d);
}

/* Steps that the map now set in b needs: enough for the most edges that share a cell. */
static uint32_t steps_needed(const struct dg_binning *b)
{
    uint32_t most = 0, run = 0, cell = UINT32_MAX;
    for (uint32_t j = 0; j + 1 < b->n_bins; j++) {
        const uint32_t c = cell_of(b, b->edges[j]);
        run = c == cell ? run + 1 : 1;
        cell = c;
        most = run > most ? run : most;
    }
    uint32_t steps = 0;
    while ((1U << steps) - 1 < most) {
        steps++;
    }
    return steps;
}

struct map {
    bool is_log;
    double pivot, scale;
    int32_t shift;
    int64_t base;
};

static void set_map(struct dg_binning *b, const struct map *m)
{
    b->lookup_log = m->is_log;
    b->pivot = m->pivot;
    b->scale = m->scale;
    b->lookup_shift = m->shift;
    b->lookup_base = m->base;
    b->steps = steps_needed(b);
}

static struct map linear_map(const struct dg_binning *b)
{
    /* Zero instead of a subnormal left end: products of subnormals are slow, and zeros are common.
     */
    const double low = fabs(b->edges[0]) < 0x1p-1000 ? 0.0 : b->edges[0],
                 high = b->edges[b->n_bins - 2];
    const double scale = (double)DG_LOOKUP_CELLS / (high - low);
    const bool usable = isfinite(scale) && scale > 0.0;
    return (struct map){.pivot = low, .scale = usable ? scale : 1.0};
}

static struct map log_map(const struct dg_binning *b, double pivot)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t j = 0; j + 1 < b->n_bins; j++) {
        const uint64_t bits = magnitude_bits(b->edges[j] - pivot);
        least = bits > 0 && bits < least ? bits : least;
        most = bits > most ? bits : most;
    }
    int32_t shift = 0;
    while (most > least && (most >> shift) - (least >> shift) > HALF - 2) {
        shift++;
    }
    const uint64_t base = least == UINT64_MAX ? 0 : least >> shift;
    return (struct map){.is_log = true, .pivot = pivot, .shift = shift, .base = (int64_t)base};
}

/* The map with the fewest steps; the linear one, which is cheaper, among equals. */
static void choose_map(struct dg_binning *b)
{
    const uint32_t n = b->n_bins - 1;
    struct map best = {.scale = 1.0};
    if (n > 0) {
        best = linear_map(b);
    }
    set_map(b, &best);
    if (n < 2 || b->steps <= 1) {
        return;
    }
    const double pivots[] = {0.0, b->edges[n / 2], b->edges[0], b->edges[n - 1]};
    uint32_t steps = b->steps;
    for (size_t i = 0; i < sizeof pivots / sizeof pivots[0]; i++) {
        const struct map candidate = log_map(b, pivots[i]);
        set_map(b, &candidate);
        if (b->steps < steps) {
            steps = b->steps;
            best = candidate;
        }
    }
    set_map(b, &best);
}

static void fill_lookup(struct dg_binning *b)
{
    uint32_t edge = 0;
    for (uint32_t c = 0; c < DG_LOOKUP_CELLS; c++) {
        while (edge + 1 < b->n_bins && cell_of(b, b->edges[edge]) < c) {
            edge++;
        }
        b->lookup[c] = (uint8_t)edge;
    }
}

static uint32_t fingerprint(const struct dg_binning *b)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a over words, with a shift to spread bits */
    for (uint32_t j = 0; j <= b->n_bins; j++) {
        const double x = j + 1 < b->n_bins ? b->edges[j] : j < b->n_bins ? b->origin : b->unit;
        uint64_t bits;
        memcpy(&bits, &x, sizeof bits);
        h = (h ^ bits) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    return (uint32_t)(h ^ (h >> 32));
}

static bool edges_are_valid(const struct dg_binning *b)
{
    for (uint32_t j = 0; j < b->n_bins; j++) {
        const bool last = j + 1 == b->n_bins;
        const double left = j > 0 ? b->edges[j - 1] : (double)-INFINITY;
        const double right = last ? (double)INFINITY : b->edges[j];
        if (!last && !(isfinite(right) && left < right)) {
            return false;
        }
        if (b->is_point[j] && (last || nextafter(right, -INFINITY) != left)) {
            return false;
        }
    }
    return true;
}

static bool groups_are_valid(const struct dg_binning *b)
{
    bool valid = b->group[0] == 0;
    for (uint32_t j = 1; j < b->n_bins; j++) {
        valid = valid && (b->group[j] == b->group[j - 1] || b->group[j] == b->group[j - 1] + 1);
    }
    return valid && b->n_groups == (uint32_t)b->group[b->n_bins - 1] + 1;
}

static bool scale_is_valid(const struct dg_binning *b)
{
    int e;
    const bool in_range = b->unit >= 0x1p-1022 && b->unit <= 0x1p1004;
    return isfinite(b->origin) && in_range && frexp(b->unit, &e) == 0.5;
}

int dg_binning_restore(struct dg_binning *b)
{
    if (b->n_bins < 1 || b->n_bins > DG_BINS_MAX || !edges_are_valid(b) || !groups_are_valid(b) ||
        !scale_is_valid(b)) {
        return EBADMSG;
    }
    for (uint32_t j = 0; j < sizeof b->edges / sizeof b->edges[0]; j++) {
        b->edges[j] = j + 1 < b->n_bins ? b->edges[j] + 0.0 : (double)INFINITY;
    }
    b->origin += 0.0;
    b->inverse = 1.0 / b->unit;
    choose_map(b);
    fill_lookup(b);
    b->fingerprint = fingerprint(b);
    return 0;
}
