#include "stats/anderson_darling.h"

#include "stats/limit.h"

#include <math.h>

void dg_anderson_darling(const struct dg_binning *b, const struct dg_binned *reference,
                         const struct dg_binned *current, double deff, struct dg_ad *out)
{
    DG_ASSERT(reference->n > 0 && current->n > 0 && deff >= 1.0);
    const double n = (double)current->n;
    const double m = (double)reference->n;
    const double total = n + m;
    uint64_t below_current = 0;
    uint64_t below_reference = 0;
    double sum = 0.0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        const double c = (double)current->count[j];
        const double r = (double)reference->count[j];
        const double mid_current = (double)below_current + 0.5 * c;
        const double mid_reference = (double)below_reference + 0.5 * r;
        const double mid = mid_current + mid_reference;
        below_current += current->count[j];
        below_reference += reference->count[j];
        /* N M - m H and N B - n H are the same number with opposite signs. */
        const double gap = n * mid_reference - m * mid_current;
        const double spread = mid * (total - mid) - 0.25 * total * (c + r);
        if (c + r > 0.0 && spread > 0.0) {
            sum += (c + r) * gap * gap / spread;
        }
    }
    out->a2 = (total - 1.0) / total * sum * (1.0 / m + 1.0 / n) / total;
    out->p = dg_ad_upper(out->a2 / deff);
}
