#include "stats/wasserstein.h"

#include "stats/moments.h"

#include <errno.h>
#include <math.h>

#define CLAMP ((double)DG_FIXED_MAX)

/* One bin, positions in units of the fixed-point grid. */
struct slab {
    double width;
    double before, after; /* F_current - F_reference at its edges */
    double low, high;     /* range of the difference inside */
    double area;          /* signed, NAN if not known */
    double limit;         /* upper bound from the two samples' own areas, INFINITY if not known */
    bool open;
};

static double unclamped(const struct dg_binning *b, double x)
{
    return rint((x - b->origin) / b->unit);
}

static double position(const struct dg_binning *b, double x)
{
    const double at = unclamped(b, x);
    return at > CLAMP ? CLAMP : at < -CLAMP ? -CLAMP : at;
}

/* Outer ends of the open bins: the extremes of the samples that have values there. */
static double outer_left(const struct dg_binning *b, const struct dg_binned *r,
                         const struct dg_binned *c)
{
    double x = INFINITY;
    x = r->count[0] > 0 ? fmin(x, r->min) : x;
    x = c->count[0] > 0 ? fmin(x, c->min) : x;
    return position(b, x);
}

static double outer_right(const struct dg_binning *b, const struct dg_binned *r,
                          const struct dg_binned *c)
{
    const uint32_t last = b->n_bins - 1;
    double x = -INFINITY;
    x = r->count[last] > 0 ? fmax(x, r->max) : x;
    x = c->count[last] > 0 ? fmax(x, c->max) : x;
    return position(b, x);
}

/* Mean over the whole sample of (right - x) for its values in bin j: exact up to one rounding. */
static double offset(const struct dg_binned *s, uint32_t j, double right)
{
    const dg_i128 total = (dg_i128)s->count[j] * (dg_i128)right - s->sum[j];
    return (double)total / (double)s->n;
}

/* Fill in what the samples' counts and sums of bin j say; edges and differences are set. */
static void slab_fill(struct slab *s, uint32_t j, double right, const struct dg_binned *r,
                      const struct dg_binned *c)
{
    const double share_r = (double)r->count[j] / (double)r->n;
    const double share_c = (double)c->count[j] / (double)c->n;
    s->low = s->before - share_r;
    s->high = s->before + share_c;
    s->area = NAN;
    s->limit = INFINITY;
    if (s->width > 0.0 && r->sum != NULL && c->sum != NULL) {
        const double off_r = offset(r, j, right);
        const double off_c = offset(c, j, right);
        const double areas = off_r + off_c;
        s->area = s->before * s->width + (off_c - off_r);
        s->limit = fmin(fabs(s->before) * s->width + areas,
                        fabs(s->after) * s->width + (share_r + share_c) * s->width - areas);
    }
}

/* Integral of |d| for a straight line from one end to the other. */
static double line_area(double before, double after, double width)
{
    const double p = fabs(before);
    const double q = fabs(after);
    if (before * after >= 0.0) {
        return 0.5 * width * (p + q);
    }
    return 0.5 * width * (p * p + q * q) / (p + q);
}

/* Add the least, the likely and the largest integral of |d| over the slab. */
static void slab_add(const struct slab *s, double *low, double *likely, double *high)
{
    if (s->width == 0.0) {
        return;
    }
    double least = s->width * fmax(0.0, fmax(s->low, -s->high));
    double most = s->width * fmax(s->high, -s->low);
    if (!isnan(s->area)) {
        least = fabs(s->area);
        most = least;
        if (s->low < 0.0 && s->high > 0.0) {
            const double ratio = (s->area / s->width - s->low) / (s->high - s->low);
            const double t = fmin(1.0, fmax(0.0, ratio));
            most = s->width * (t * s->high - (1.0 - t) * s->low);
        }
        most = fmax(least, fmin(most, s->limit));
    }
    const double line = line_area(s->before, s->after, s->width);
    *low += least;
    *high += most;
    *likely += s->open && !isnan(s->area) ? least : fmin(most, fmax(least, line));
}

/* How far, on average over the sample, values can lie beyond the clamp. */
static double beyond_clamp(const struct dg_binning *b, const struct dg_binned *s)
{
    const uint64_t below = s->count[0];
    const uint64_t above = s->count[b->n_bins - 1];
    double sum = 0.0;
    if (below > 0) {
        sum += fmax(0.0, -CLAMP - unclamped(b, s->min)) * ((double)below / (double)s->n);
    }
    if (above > 0) {
        sum += fmax(0.0, unclamped(b, s->max) - CLAMP) * ((double)above / (double)s->n);
    }
    return sum;
}

int dg_wasserstein(const struct dg_binning *b, const struct dg_binned *reference,
                   const struct dg_binned *current, struct dg_wasserstein *out)
{
    DG_ASSERT(reference->n > 0 && current->n > 0);
    if (!isfinite(reference->min) || !isfinite(reference->max) || !isfinite(current->min) ||
        !isfinite(current->max)) {
        return EINVAL;
    }
    const double n = (double)current->n;
    const double m = (double)reference->n;
    uint64_t below_current = 0;
    uint64_t below_reference = 0;
    double before = 0.0;
    double low = 0.0;
    double likely = 0.0;
    double high = 0.0;
    double rank = 0.0;
    double left = outer_left(b, reference, current);
    for (uint32_t j = 0; j < b->n_bins; j++) {
        const bool last = j + 1 == b->n_bins;
        const double right = last ? outer_right(b, reference, current) : position(b, b->edges[j]);
        below_current += current->count[j];
        below_reference += reference->count[j];
        const double after = (double)below_current / n - (double)below_reference / m;
        struct slab s = {.before = before,
                         .after = after,
                         .width = right > left ? right - left : 0.0,
                         .open = j == 0 || last};
        slab_fill(&s, j, right, reference, current);
        slab_add(&s, &low, &likely, &high);
        rank += line_area(before, after, (double)reference->count[j] / m);
        before = after;
        left = right;
    }
    high += 1.0 + beyond_clamp(b, reference) + beyond_clamp(b, current);
    *out = (struct dg_wasserstein){.w1 = likely * b->unit,
                                   .low = fmax(0.0, low - 1.0) * b->unit,
                                   .high = high * b->unit,
                                   .rank = rank};
    return 0;
}
