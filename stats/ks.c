#include "stats/ks.h"

#include "stats/limit.h"

#include <math.h>

#define BRIDGE_GRID 0.5826 /* -zeta(1/2)/sqrt(2 pi) */

/* Mean reference share of the bins that can hold more than one value; 0 if there are none. */
static double mean_wide_share(const struct dg_binning *b, const struct dg_binned *reference)
{
    uint64_t total = 0;
    uint32_t wide = 0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        if (!b->is_point[j]) {
            total += reference->count[j];
            wide++;
        }
    }
    return wide == 0 ? 0.0 : (double)total / (double)reference->n / wide;
}

static double ks_p(const struct dg_ks *ks, bool on_point, double wide_share, double n, double m,
                   double deff)
{
    const double size = n * m / (n + m) / deff;
    double z = sqrt(size) * ks->low;
    if (!on_point) {
        z = fmin(z + BRIDGE_GRID * sqrt(wide_share), fmax(z, sqrt(size) * ks->high));
    }
    if (n >= 10.0 * m || m >= 10.0 * n) {
        z = dg_vrbik(z, size);
    }
    return dg_kolmogorov_upper(z);
}

void dg_ks(const struct dg_binning *b, const struct dg_binned *reference,
           const struct dg_binned *current, double deff, struct dg_ks *out)
{
    DG_ASSERT(reference->n > 0 && current->n > 0 && deff >= 1.0);
    const double n = (double)current->n;
    const double m = (double)reference->n;
    uint64_t below_current = 0;
    uint64_t below_reference = 0;
    double d = 0.0;
    *out = (struct dg_ks){.p = 1.0};
    double high = 0.0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        if (!b->is_point[j]) {
            const double up = d + (double)current->count[j] / n;
            const double down = (double)reference->count[j] / m - d;
            high = fmax(high, fmax(up, down));
        }
        below_current += current->count[j];
        below_reference += reference->count[j];
        d = (double)below_current / n - (double)below_reference / m;
        if (fabs(d) > out->low) {
            out->low = fabs(d);
            out->bin = j;
            out->rises = d > 0.0;
        }
    }
    out->high = fmin(1.0, fmax(out->low, high));
    out->p = ks_p(out, b->is_point[out->bin], mean_wide_share(b, reference), n, m, deff);
}
