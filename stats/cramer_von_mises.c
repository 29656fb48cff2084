#include "stats/cramer_von_mises.h"

#include "stats/limit.h"

#include <math.h>

void dg_cramer_von_mises(const struct dg_binning *b, const struct dg_binned *reference,
                         const struct dg_binned *current, double deff, struct dg_cvm *out)
{
    DG_ASSERT(reference->n > 0 && current->n > 0 && deff >= 1.0);
    const double n = (double)current->n;
    const double m = (double)reference->n;
    const double total = n + m;
    uint64_t below_current = 0;
    uint64_t below_reference = 0;
    double sum = 0.0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        below_current += current->count[j];
        below_reference += reference->count[j];
        const double d = (double)below_current / n - (double)below_reference / m;
        sum += ((double)current->count[j] + (double)reference->count[j]) * d * d;
    }
    out->t = n * m / (total * total) * sum;
    const double k = n * m;
    const double mean = (1.0 + 1.0 / total) / 6.0;
    const double scale =
        (total + 1.0) / total * (1.0 - (3.0 * (n * n + m * m) + 2.0 * k) / (4.0 * k * total));
    if (scale > 0.0) {
        out->p = dg_cvm_upper(1.0 / 6.0 + (out->t / deff - mean) / sqrt(scale));
    } else {
        out->p = 1.0; /* n = m = 1: the statistic is a constant */
    }
}
