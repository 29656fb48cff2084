#include "stats/proportion.h"

#include "stats/counts.h"
#include "stats/dist.h"

#include <math.h>

static uint64_t effective(uint64_t count, double deff)
{
    return deff == 1.0 ? count : (uint64_t)floor((double)count / deff + 0.5);
}

double dg_proportion_p(uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2, double deff)
{
    if (k1 > n1 || k2 > n2 || !(deff >= 1.0)) {
        return NAN;
    }
    const uint64_t e1 = effective(n1, deff);
    const uint64_t e2 = effective(n2, deff);
    if (e1 == 0 || e2 == 0) {
        return 1.0;
    }
    const uint64_t h1 = effective(k1, deff);
    const uint64_t h2 = effective(k2, deff);
    const double total = (double)e1 + (double)e2;
    const double rate = ((double)h1 + (double)h2) / total;
    const double smaller = fmin((double)e1, (double)e2);
    if (smaller * fmin(rate, 1.0 - rate) <= DG_FISHER_EXPECTED_MAX) {
        return dg_fisher_two_sided(h1, e1, h2, e2);
    }
    const double spread = rate * (1.0 - rate) * (1.0 / (double)e1 + 1.0 / (double)e2);
    const double z = ((double)h1 / (double)e1 - (double)h2 / (double)e2) / sqrt(spread);
    return dg_p_clamp(2.0 * dg_normal_upper(fabs(z)));
}

double dg_range_p(uint64_t k, uint64_t n, uint64_t m, double deff)
{
    if (k > n || m == 0 || !(deff >= 1.0)) {
        return NAN;
    }
    if (deff != 1.0) {
        k = (uint64_t)floor((double)k / deff);
        n = (uint64_t)floor((double)n / deff);
    }
    if (k == 0 || m == 1) {
        return 1.0;
    }
    return dg_hypergeometric_lower(1, m, n, k + 1);
}

double dg_new_category_p(uint64_t k, uint64_t n, uint64_t m, uint64_t singletons, double deff)
{
    if (n == 0 || m == 0 || k > n || singletons > m || !(deff >= 1.0)) {
        return NAN;
    }
    return dg_negative_binomial_upper((double)k / deff, (double)singletons / deff + 1.0, (double)m,
                                      (double)n);
}

void dg_wilson(uint64_t k, uint64_t n, double confidence, double *low, double *high)
{
    *low = 0.0;
    *high = 1.0;
    if (n == 0 || k > n || !(confidence > 0.0 && confidence < 1.0)) {
        return;
    }
    const double z = dg_normal_quantile(0.5 + 0.5 * confidence);
    const double size = (double)n;
    const double share = (double)k / size;
    const double z2 = z * z / size;
    const double centre = (share + 0.5 * z2) / (1.0 + z2);
    const double half = sqrt(share * (1.0 - share) * z2 + 0.25 * z2 * z2) / (1.0 + z2);
    *low = k == 0 ? 0.0 : fmax(0.0, centre - half);
    *high = k == n ? 1.0 : fmin(1.0, centre + half);
}
