#include "stats/chisq.h"

#include "stats/counts.h"
#include "stats/dist.h"

#include <math.h>

void dg_chisq(const struct dg_cells *c, double deff, struct dg_chisq *out)
{
    DG_ASSERT(c->n > 0.0 && c->m > 0.0 && deff >= 1.0);
    const double to_current = c->n / (c->n + c->m);
    const double to_reference = c->m / (c->n + c->m);
    double x2 = 0.0;
    double g = 0.0;
    for (size_t i = 0; i < c->cells; i++) {
        const double total = c->current[i] + c->reference[i];
        const double d = c->current[i] - total * to_current;
        x2 += d * d / (total * to_current * to_reference);
        g += dg_deviance(c->current[i], total * to_current);
        g += dg_deviance(c->reference[i], total * to_reference);
    }
    *out = (struct dg_chisq){.x2 = x2,
                             .x2_p = 1.0,
                             .g = 2.0 * g,
                             .g_p = 1.0,
                             .v = sqrt(x2 / (c->n + c->m)),
                             .effect = sqrt(x2 * (1.0 / c->n + 1.0 / c->m)),
                             .df = c->cells > 0 ? (uint32_t)(c->cells - 1) : 0};
    if (out->df > 0) {
        out->x2_p = dg_chi2_upper(x2 / deff, out->df);
        out->g_p = dg_chi2_upper(out->g / deff, out->df);
    }
}
