#include "stats/spike.h"

#include "stats/counts.h"
#include "stats/dist.h"

#include <math.h>

struct search {
    double n, m, deff;
    double least; /* the least tail so far */
    double z2;    /* a tail below `least` needs 2 D above this */
    size_t p_cell;
};

static void set_least(struct search *s, double least)
{
    const double z = least < 0.5 ? -dg_normal_quantile(least) : 0.0;
    s->least = least;
    s->z2 = z * z * (1.0 - 1e-9); /* slack for rounding in the screens */
}

/* Squared Pearson residual: an upper bound of D. */
static double residual2(const struct search *s, double reference, double current)
{
    const double gap = current * s->m - reference * s->n;
    return gap * gap / ((current + reference) * s->n * s->m) / s->deff;
}

static void visit(struct search *s, size_t cell, double reference, double current)
{
    const double total = current + reference;
    if (total == 0.0 || 2.0 * residual2(s, reference, current) <= s->z2) {
        return;
    }
    const double expected = total * (s->n / (s->n + s->m));
    const double d = dg_deviance(current, expected) + dg_deviance(reference, total - expected);
    if (2.0 * d / s->deff <= s->z2) {
        return;
    }
    const double k = current / s->deff;
    const double trials = total / s->deff;
    const double tail = current > expected ? dg_binomial_upper(k, trials, s->n, s->m)
                                           : dg_binomial_lower(k, trials, s->n, s->m);
    if (tail < s->least) {
        set_least(s, tail);
        s->p_cell = cell;
    }
}

void dg_spike(const uint64_t reference[], const uint64_t current[], size_t cells, double deff,
              struct dg_spike *out)
{
    struct search s = {.deff = deff};
    size_t used = 0;
    for (size_t i = 0; i < cells; i++) {
        s.n += (double)current[i];
        s.m += (double)reference[i];
        used += current[i] > 0 || reference[i] > 0;
    }
    DG_ASSERT(s.n > 0.0 && s.m > 0.0 && deff >= 1.0);
    *out = (struct dg_spike){.p = 1.0};
    double farthest = 0.0;
    for (size_t i = 0; i < cells; i++) {
        const double r = (double)reference[i];
        const double c = (double)current[i];
        const double gap = fabs(c / s.n - r / s.m);
        if (gap > out->linf) {
            out->linf = gap;
            out->cell = i;
        }
        const double x2 = r + c > 0.0 ? residual2(&s, r, c) : 0.0;
        if (x2 > farthest) {
            farthest = x2;
            s.p_cell = i;
        }
    }
    set_least(&s, fmin(1.0, 0.5 / (double)used)); /* from here on p < 1 */
    const size_t first = s.p_cell;
    visit(&s, first, (double)reference[first], (double)current[first]);
    for (size_t i = 0; i < cells && s.least > DG_P_MIN; i++) {
        if (i != first) {
            visit(&s, i, (double)reference[i], (double)current[i]);
        }
    }
    out->p = fmin(1.0, 2.0 * (double)used * s.least);
    out->p_cell = s.p_cell;
}
