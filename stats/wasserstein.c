#include "stats/wasserstein.h"

#include <errno.h>
#include <math.h>

#define CLAMP 0x1p40 /* fixed-point values are clamped there (stats/moments.h) */

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
    return fmin(fmax(unclamped(b, x), -CLAMP), CLAMP);
}

static double left_end(const struct dg_binning *b, uint32_t j, const struct dg_binned *s)
{
    return position(b, j == 0 ? s->min : b->edges[j - 1]);
}

static double right_end(const struct dg_binning *b, uint32_t j, const struct dg_binned *s)
{
    return position(b, j + 1 == b->n_bins ? s->max : b->edges[j]);
}

/* Mean over the whole sample of (right - x) for its values in bin j: exact up to one rounding. */
static double offset(const struct dg_binned *s, uint32_t j, double right)
{
    const dg_i128 total = (dg_i128)s->count[j] * (dg_i128)right - s->sum[j];
    return (double)total / (double)s->n;
}

static void slab_bounds(const struct dg_binning *b, uint32_t j, const struct dg_binned *r,
                        const struct dg_binned *c, double *left, double *right)
{
    *left = fmin(left_end(b, j, r), left_end(b, j, c));
    *right = fmax(right_end(b, j, r), right_end(b, j, c));
    if (r->count[j] == 0 && c->count[j] > 0) {
        *left = left_end(b, j, c);
        *right = right_end(b, j, c);
    } else if (c->count[j] == 0 && r->count[j] > 0) {
        *left = left_end(b, j, r);
        *right = right_end(b, j, r);
    } else if (c->count[j] == 0 && (j == 0 || j + 1 == b->n_bins)) {
        *right = *left;
    }
}

static struct slab slab_of(const struct dg_binning *b, uint32_t j, const struct dg_binned *r,
                           const struct dg_binned *c, double before, double after)
{
    const double share_r = (double)r->count[j] / (double)r->n;
    const double share_c = (double)c->count[j] / (double)c->n;
    struct slab s = {.before = before,
                     .after = after,
                     .low = before - share_r,
                     .high = before + share_c,
                     .area = NAN,
                     .limit = INFINITY,
                     .open = j == 0 || j + 1 == b->n_bins};
    double left;
    double right;
    slab_bounds(b, j, r, c, &left, &right);
    s.width = fmax(0.0, right - left);
    if (s.width > 0.0 && r->sum != NULL && c->sum != NULL) {
        const double off_r = offset(r, j, right);
        const double off_c = offset(c, j, right);
        s.area = before * s.width + (off_c - off_r);
        const double areas = off_r + off_c;
        s.limit = fmin(fabs(before) * s.width + areas,
                       fabs(after) * s.width + (share_r + share_c) * s.width - areas);
    }
    return s;
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

/* How far, on average over each sample, values can lie beyond the clamp. */
static double beyond_clamp(const struct dg_binning *b, const struct dg_binned *s)
{
    const double n = (double)s->n;
    const double below = fmax(0.0, -CLAMP - unclamped(b, s->min));
    const double above = fmax(0.0, unclamped(b, s->max) - CLAMP);
    return below * ((double)s->count[0] / n) + above * ((double)s->count[b->n_bins - 1] / n);
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
    for (uint32_t j = 0; j < b->n_bins; j++) {
        below_current += current->count[j];
        below_reference += reference->count[j];
        const double after = (double)below_current / n - (double)below_reference / m;
        const struct slab s = slab_of(b, j, reference, current, before, after);
        slab_add(&s, &low, &likely, &high);
        rank += line_area(before, after, (double)reference->count[j] / m);
        before = after;
    }
    high += 1.0 + beyond_clamp(b, reference) + beyond_clamp(b, current);
    *out = (struct dg_wasserstein){.w1 = likely * b->unit,
                                   .low = fmax(0.0, low - 1.0) * b->unit,
                                   .high = high * b->unit,
                                   .rank = rank};
    return 0;
}
