#include "stats/limit.h"

#include "stats/dist.h"

#include <math.h>

#define PI    3.14159265358979323846
#define NODES 32

double dg_kolmogorov_upper(double z)
{
    if (isnan(z)) {
        return z;
    }
    if (z <= 0.0) {
        return 1.0;
    }
    double sum = 0.0;
    if (z < 1.18) {
        for (int k = 4; k >= 1; k--) {
            const double odd = 2.0 * k - 1.0;
            sum += exp(-odd * odd * PI * PI / (8.0 * z * z));
        }
        return dg_p_clamp(1.0 - sqrt(2.0 * PI) / z * sum);
    }
    for (int k = 5; k >= 1; k--) {
        sum += (k % 2 == 1 ? 2.0 : -2.0) * exp(-2.0 * k * k * z * z);
    }
    return dg_p_clamp(sum);
}

double dg_vrbik(double z, double size)
{
    return z + 1.0 / (6.0 * sqrt(size)) + (z - 1.0) / (4.0 * size);
}

/* Chebyshev nodes c > 0 of [-1, 1] and sqrt((1 - c^2)/cos(pi c/2)) there; both are symmetric. */
static const double node[NODES / 2][2] = {{9.98795456205172405e-01, 1.12803965692009700e+00},
                                          {9.89176509964781014e-01, 1.12534888172415704e+00},
                                          {9.70031253194543974e-01, 1.12010007534938705e+00},
                                          {9.41544065183020806e-01, 1.11254840073610684e+00},
                                          {9.03989293123443338e-01, 1.10305227176335485e+00},
                                          {8.57728610000272118e-01, 1.09204796395082848e+00},
                                          {8.03207531480644943e-01, 1.08002119219215942e+00},
                                          {7.40951125354959106e-01, 1.06747878426685250e+00},
                                          {6.71558954847018441e-01, 1.05492300636920411e+00},
                                          {5.95699304492433357e-01, 1.04283022688015903e+00},
                                          {5.14102744193221772e-01, 1.03163467046142299e+00},
                                          {4.27555093430282085e-01, 1.02171720103137287e+00},
                                          {3.36889853392220051e-01, 1.01339848438553082e+00},
                                          {2.42980179903263899e-01, 1.00693554712673849e+00},
                                          {1.46730474455361748e-01, 1.00252064164740240e+00},
                                          {4.90676743274180149e-02, 1.00028139386472437e+00}};

/* Both laws are sums of weighted chi-squares whose poles alternate; in the variable c in (-1, 1)
 * the k-th integral is of density(k, c, x) / sqrt(cos(pi c/2)). */
static double cvm_density(int k, double c, double x)
{
    const double u = 0.5 * PI * (4.0 * k - 1.0 + c);
    return exp(-0.5 * x * u * u) / sqrt(u);
}

static double ad_density(int k, double c, double x)
{
    const double s = 4.0 * k + c;
    const double y4 = s * s - 1.0;
    return exp(-0.125 * x * y4) * s / sqrt(PI * y4);
}

static double between_poles(double (*density)(int, double, double), double x)
{
    double total = 0.0;
    for (int k = 1; k < 40; k++) {
        double sum = 0.0;
        for (int i = NODES / 2 - 1; i >= 0; i--) {
            const double c = node[i][0];
            sum += node[i][1] * (density(k, c, x) + density(k, -c, x));
        }
        sum *= PI / NODES;
        total += k % 2 == 1 ? sum : -sum;
        if (sum < 1e-18) {
            break;
        }
    }
    return total;
}

/* Near the first pole with c = t^2 - 1: the integrand is even and Gaussian in t sqrt(slope), so
 * the trapezoidal rule converges at once. */
static double at_first_pole(double (*density)(int, double, double), double x, double slope)
{
    const double step = 0.4 / sqrt(slope);
    double sum = 0.5 * density(1, -1.0, x) * 2.0 / sqrt(0.5 * PI);
    for (int i = 1; i <= 16; i++) {
        const double t = i * step;
        sum += density(1, t * t - 1.0, x) * 2.0 * t / sqrt(sin(0.5 * PI * t * t));
    }
    return sum * step;
}

double dg_cvm_upper(double x)
{
    if (isnan(x)) {
        return x;
    }
    if (x < 0.004) { /* 1 - p < 1e-12 */
        return 1.0;
    }
    const double slope = 0.5 * PI * PI * x;
    return dg_p_clamp(slope < 25.0 ? between_poles(cvm_density, x)
                                   : at_first_pole(cvm_density, x, slope));
}

double dg_ad_upper(double x)
{
    if (isnan(x)) {
        return x;
    }
    if (x < 0.04) { /* 1 - p < 1e-12 */
        return 1.0;
    }
    const double slope = 0.75 * x;
    return dg_p_clamp(slope < 25.0 ? between_poles(ad_density, x)
                                   : at_first_pole(ad_density, x, slope));
}
