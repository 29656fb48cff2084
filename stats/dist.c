#include "stats/dist.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <pthread.h>

static pthread_once_t quiet_once = PTHREAD_ONCE_INIT;

static void quiet_gsl(void)
{
    gsl_set_error_handler_off();
}

void dg_stats_init(void)
{
    (void)pthread_once(&quiet_once, quiet_gsl);
}

double dg_p_clamp(double p)
{
    if (isnan(p)) {
        return p;
    }
    return p < DG_P_MIN ? DG_P_MIN : p > 1.0 ? 1.0 : p;
}

/* Wilson and Hilferty's cube root: only where the incomplete gamma function gave up. */
static double chi2_normal_score(double x, double df)
{
    const double v = 2.0 / (9.0 * df);
    return (cbrt(x / df) - (1.0 - v)) / sqrt(v);
}

double dg_chi2_upper(double x, double df)
{
    if (isnan(x) || !(df > 0.0) || isinf(df)) {
        return NAN;
    }
    if (x <= 0.0) {
        return 1.0;
    }
    if (isinf(x)) {
        return DG_P_MIN;
    }
    dg_stats_init();
    const double p = gsl_cdf_chisq_Q(x, df);
    return isfinite(p) ? dg_p_clamp(p) : dg_normal_upper(chi2_normal_score(x, df));
}

double dg_chi2_lower(double x, double df)
{
    if (isnan(x) || !(df > 0.0) || isinf(df)) {
        return NAN;
    }
    if (x <= 0.0) {
        return DG_P_MIN;
    }
    if (isinf(x)) {
        return 1.0;
    }
    dg_stats_init();
    const double p = gsl_cdf_chisq_P(x, df);
    return isfinite(p) ? dg_p_clamp(p) : dg_normal_lower(chi2_normal_score(x, df));
}

double dg_chi2_critical(double alpha, double df)
{
    if (!(alpha > 0.0 && alpha < 1.0) || !(df > 0.0) || isinf(df)) {
        return NAN;
    }
    dg_stats_init();
    const double x = gsl_cdf_chisq_Qinv(alpha, df);
    if (isfinite(x)) {
        return x;
    }
    const double v = 2.0 / (9.0 * df);
    const double root = 1.0 - v - dg_normal_quantile(alpha) * sqrt(v);
    return df * root * root * root;
}

double dg_normal_lower(double z)
{
    dg_stats_init();
    return isnan(z) ? z : dg_p_clamp(gsl_cdf_ugaussian_P(z));
}

double dg_normal_upper(double z)
{
    dg_stats_init();
    return isnan(z) ? z : dg_p_clamp(gsl_cdf_ugaussian_Q(z));
}

double dg_normal_quantile(double p)
{
    if (!(p > 0.0 && p < 1.0)) {
        return NAN;
    }
    dg_stats_init();
    return gsl_cdf_ugaussian_Pinv(p);
}

double dg_t_upper(double t, double df)
{
    if (isnan(t) || !(df > 0.0)) {
        return NAN;
    }
    if (isinf(t)) {
        return t > 0.0 ? DG_P_MIN : 1.0;
    }
    if (isinf(df)) {
        return dg_normal_upper(t);
    }
    dg_stats_init();
    const double p = gsl_cdf_tdist_Q(t, df);
    return isfinite(p) ? dg_p_clamp(p) : dg_normal_upper(t);
}

double dg_f_upper(double x, double df1, double df2)
{
    if (isnan(x) || !(df1 > 0.0) || !(df2 > 0.0) || isinf(df1)) {
        return NAN;
    }
    if (x <= 0.0) {
        return 1.0;
    }
    if (isinf(x)) {
        return DG_P_MIN;
    }
    if (isinf(df2)) {
        return dg_chi2_upper(x * df1, df1);
    }
    dg_stats_init();
    const double p = gsl_cdf_fdist_Q(x, df1, df2);
    return isfinite(p) ? dg_p_clamp(p) : dg_chi2_upper(x * df1, df1);
}

/* A Poisson tail is a gamma tail, which takes a real first argument: counts above 2^32 work. */
double dg_poisson_upper(uint64_t k, double mu)
{
    if (!(mu >= 0.0) || isinf(mu)) {
        return NAN;
    }
    return k == 0 ? 1.0 : dg_chi2_lower(2.0 * mu, 2.0 * (double)k);
}

double dg_poisson_lower(uint64_t k, double mu)
{
    if (!(mu >= 0.0) || isinf(mu)) {
        return NAN;
    }
    return dg_chi2_upper(2.0 * mu, 2.0 * ((double)k + 1.0));
}
