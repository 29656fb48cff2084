#include "stats/ncx2.h"

#include "stats/dist.h"

#include <math.h>

/* Poisson weights of mean <= 100 are below 1e-22 from here on. */
#define TERMS 256

/* For one (x, df): step[j] = P(x; df + 2j) - P(x; df + 2j + 2) and central[j] = P(x; df + 2j). */
struct mixture {
    double step[TERMS];
    double central[TERMS];
};

/* ln of x^(h+j) e^-x / Gamma(h+j+1) at half arguments. */
static double log_step(double half_x, double half_df, double j)
{
    int sign = 0; /* lgamma would write it to a global, and lanes compare at once */
    return (half_df + j) * log(half_x) - half_x - lgamma_r(half_df + j + 1.0, &sign);
}

static void mixture_init(struct mixture *m, double x, double df)
{
    const double half_x = 0.5 * x;
    const double half_df = 0.5 * df;
    const double peak = fmin(fmax(floor(half_x - half_df), 0.0), TERMS - 1.0);
    const int mode = (int)peak;
    m->step[mode] = exp(log_step(half_x, half_df, peak));
    for (int j = mode; j > 0; j--) {
        m->step[j - 1] = m->step[j] * (half_df + j) / half_x;
    }
    for (int j = mode + 1; j < TERMS; j++) {
        m->step[j] = m->step[j - 1] * half_x / (half_df + j);
    }
    const double last = df + 2.0 * (TERMS - 1);
    m->central[TERMS - 1] = dg_chi2_lower(x, last);
    for (int j = TERMS - 2; j >= 0; j--) {
        m->central[j] = m->central[j + 1] + m->step[j];
    }
}

/* The CDF at lambda; *slope = its derivative in lambda, which is negative. */
static double mixture_lower(const struct mixture *m, double lambda, double *slope)
{
    const double mean = 0.5 * lambda;
    double weight = exp(-mean);
    double sum = 0.0;
    double fall = 0.0;
    for (int j = 0; j < TERMS; j++) {
        sum += weight * m->central[j];
        fall += weight * m->step[j];
        if (j > mean && weight < 1e-25) {
            break;
        }
        weight *= mean / (j + 1);
    }
    *slope = -0.5 * fall;
    return sum < 1.0 ? sum : 1.0;
}

/* Sankaran's z: P = Phi(z). */
static double sankaran(double x, double df, double lambda)
{
    const double a = df + lambda;
    const double b = df + 2.0 * lambda;
    const double h = 1.0 - 2.0 * a * (df + 3.0 * lambda) / (3.0 * b * b);
    const double p = b / (a * a);
    const double m = (h - 1.0) * (1.0 - 3.0 * h);
    const double centre = 1.0 + h * p * (h - 1.0 - 0.5 * (2.0 - h) * m * p);
    return (pow(x / a, h) - centre) / (h * sqrt(2.0 * p) * (1.0 + 0.5 * m * p));
}

static bool in_range(double x, double df)
{
    return x >= 0.0 && df > 0.0 && df <= 1000.0;
}

double dg_ncx2_lower(double x, double df, double lambda)
{
    if (!in_range(x, df) || !(lambda >= 0.0)) {
        return NAN;
    }
    if (x == 0.0 || isinf(lambda)) {
        return 0.0;
    }
    if (isinf(x)) {
        return 1.0;
    }
    if (lambda > DG_NCX2_MIXTURE_MAX) {
        return dg_normal_lower(sankaran(x, df, lambda));
    }
    struct mixture m;
    double slope;
    mixture_init(&m, x, df);
    return mixture_lower(&m, lambda, &slope);
}

/* Newton's method kept inside a bracket that shrinks at every step. */
static double solve_mixture(const struct mixture *m, double start, double probability)
{
    double low = 0.0;
    double high = DG_NCX2_MIXTURE_MAX;
    double lambda = fmin(fmax(start, low), high);
    for (int i = 0; i < 100; i++) {
        double slope;
        const double off = mixture_lower(m, lambda, &slope) - probability;
        if (off > 0.0) {
            low = lambda;
        } else {
            high = lambda;
        }
        double next = lambda - off / slope;
        if (!(next > low && next < high)) {
            next = 0.5 * (low + high);
        }
        const double move = fabs(next - lambda);
        lambda = next;
        if (move <= 1e-13 * (1.0 + lambda) || high - low <= 1e-13 * (1.0 + high)) {
            break;
        }
    }
    return lambda;
}

static double solve_sankaran(double x, double df, double z)
{
    double low = DG_NCX2_MIXTURE_MAX;
    double high = 2.0 * DG_NCX2_MIXTURE_MAX;
    while (sankaran(x, df, high) > z && high < 1e300) {
        low = high;
        high *= 2.0;
    }
    double at_low = sankaran(x, df, low) - z;
    double at_high = sankaran(x, df, high) - z;
    if (at_low <= 0.0) {
        return low;
    }
    int kept = 0; /* Illinois: the end that stays twice counts half */
    for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
        const double next = low + (high - low) * at_low / (at_low - at_high);
        const double off = sankaran(x, df, next) - z;
        if (off > 0.0) {
            low = next;
            at_low = off;
            at_high *= kept == 1 ? 0.5 : 1.0;
            kept = 1;
        } else {
            high = next;
            at_high = off;
            at_low *= kept == -1 ? 0.5 : 1.0;
            kept = -1;
        }
        if (fabs(off) < 1e-13) {
            return next;
        }
    }
    return 0.5 * (low + high);
}

double dg_ncx2_noncentrality(double x, double df, double probability)
{
    if (!in_range(x, df) || isinf(x) || !(probability > 0.0 && probability < 1.0)) {
        return NAN;
    }
    if (x == 0.0) {
        return 0.0;
    }
    const double z = dg_normal_quantile(probability);
    const double spread = sqrt(2.0 * (df + 2.0 * fmax(x - df, 0.0)));
    if (x - df - 8.0 * spread > DG_NCX2_MIXTURE_MAX) { /* P(x; 200) = 1 to the last bit */
        return solve_sankaran(x, df, z);
    }
    struct mixture m;
    double slope;
    mixture_init(&m, x, df);
    if (m.central[0] <= probability) {
        return 0.0;
    }
    if (mixture_lower(&m, DG_NCX2_MIXTURE_MAX, &slope) > probability) {
        return solve_sankaran(x, df, z);
    }
    return solve_mixture(&m, x - df - z * spread, probability);
}
