#include "stats/divergence.h"

#include "stats/counts.h"
#include "stats/dist.h"

#include <math.h>

#define LN2 0.69314718055994530942

/* Entropies are summed as deviances x ln(x/y) + y - x: the linear parts cancel over shares that
 * sum to 1, every term is >= 0, and nothing is lost where p is close to q. */
double dg_js_distance(const double p[], const double q[], size_t cells)
{
    double sum = 0.0;
    for (size_t i = 0; i < cells; i++) {
        const double mid = 0.5 * (p[i] + q[i]);
        sum += dg_deviance(p[i], mid) + dg_deviance(q[i], mid);
    }
    return sqrt(fmin(1.0, 0.5 * sum / LN2));
}

double dg_hellinger(const double p[], const double q[], size_t cells)
{
    double sum = 0.0;
    for (size_t i = 0; i < cells; i++) {
        const double d = sqrt(p[i]) - sqrt(q[i]);
        sum += d * d;
    }
    return sqrt(fmin(1.0, 0.5 * sum));
}

double dg_kl(const double p[], const double q[], size_t cells)
{
    double sum = 0.0;
    for (size_t i = 0; i < cells; i++) {
        sum += dg_deviance(p[i], q[i]);
    }
    return sum;
}

double dg_total_variation(const double p[], const double q[], size_t cells)
{
    double sum = 0.0;
    for (size_t i = 0; i < cells; i++) {
        sum += fabs(p[i] - q[i]);
    }
    return fmin(1.0, 0.5 * sum);
}

double dg_js_p(double js, double c, double df)
{
    return df > 0.0 ? dg_chi2_upper(8.0 * LN2 * js * js / c, df) : 1.0;
}
