#include "stats/psi.h"

#include "stats/dist.h"
#include "stats/ncx2.h"

#include <math.h>

double dg_psi(const double p[], const double q[], size_t cells)
{
    double sum = 0.0;
    for (size_t i = 0; i < cells; i++) {
        if (p[i] != q[i]) {
            sum += (p[i] - q[i]) * log(p[i] / q[i]);
        }
    }
    return sum;
}

double dg_psi_p(double psi, double c, double df)
{
    return df > 0.0 ? dg_chi2_upper(psi / c, df) : 1.0;
}

double dg_psi_adjusted(double psi, double c, double df)
{
    return fmax(0.0, psi - df * c);
}

void dg_psi_interval(double psi, double c, double df, double *low, double *high)
{
    *low = 0.0;
    *high = 0.0;
    if (df > 0.0) {
        *low = c * dg_ncx2_noncentrality(psi / c, df, 0.975);
        *high = c * dg_ncx2_noncentrality(psi / c, df, 0.025);
    }
}

double dg_psi_threshold(double alpha, double c, double df)
{
    return c * dg_chi2_critical(alpha, df);
}
