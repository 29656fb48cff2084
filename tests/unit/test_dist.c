/* Goal: no argument, however bad, can abort the process or give a number that is not a probability.
 * Method: the traps of the underlying library, and ends of ranges; values are pinned in
 * tests/golden. */
#include "stats/counts.h"
#include "stats/dist.h"
#include "stats/limit.h"
#include "stats/ncx2.h"

#include "tests/check.h"

static void tails_are_clamped_at_both_ends(void)
{
    CHECK(dg_p_clamp(0.0) == DG_P_MIN);
    CHECK(dg_p_clamp(1.5) == 1.0);
    CHECK(isnan(dg_p_clamp((double)NAN)));
    CHECK(dg_chi2_upper(1e4, 9.0) == DG_P_MIN);
    CHECK(dg_chi2_upper((double)INFINITY, 9.0) == DG_P_MIN);
    CHECK(dg_chi2_lower((double)INFINITY, 9.0) == 1.0);
    CHECK(dg_chi2_upper(-1.0, 9.0) == 1.0);
    CHECK(dg_chi2_lower(0.0, 9.0) == DG_P_MIN);
    CHECK(dg_normal_upper(50.0) == DG_P_MIN);
    CHECK(dg_t_upper((double)INFINITY, 3.0) == DG_P_MIN);
    CHECK(dg_f_upper((double)INFINITY, 3.0, 5.0) == DG_P_MIN);
    CHECK(dg_kolmogorov_upper(0.0) == 1.0);
    CHECK(dg_kolmogorov_upper(40.0) == DG_P_MIN);
    CHECK(dg_cvm_upper(0.0) == 1.0);
    CHECK(dg_cvm_upper(1e9) == DG_P_MIN);
    CHECK(dg_ad_upper(0.0) == 1.0);
    CHECK(dg_ad_upper(1e9) == DG_P_MIN);
}

static void bad_arguments_give_nan_and_do_not_abort(void)
{
    const double nan = (double)NAN;
    CHECK(isnan(dg_chi2_upper(nan, 2.0)));
    CHECK(isnan(dg_chi2_upper(2.0, 0.0)));
    CHECK(isnan(dg_chi2_upper(2.0, -3.0)));
    CHECK(isnan(dg_chi2_lower(2.0, nan)));
    CHECK(isnan(dg_chi2_critical(0.0, 3.0)));
    CHECK(isnan(dg_chi2_critical(1.0, 3.0)));
    CHECK(isnan(dg_chi2_critical(0.5, -1.0)));
    CHECK(isnan(dg_normal_quantile(0.0)));
    CHECK(isnan(dg_normal_quantile(2.0)));
    CHECK(isnan(dg_normal_lower(nan)));
    CHECK(isnan(dg_t_upper(1.0, 0.0)));
    CHECK(isnan(dg_f_upper(1.0, 0.0, 2.0)));
    CHECK(isnan(dg_poisson_upper(3, -1.0)));
    CHECK(isnan(dg_poisson_lower(3, nan)));
    CHECK(isnan(dg_binomial_upper(nan, 5.0, 1.0, 1.0)));
    CHECK(isnan(dg_binomial_upper(1.0, -5.0, 1.0, 1.0)));
    CHECK(isnan(dg_binomial_upper(1.0, 5.0, 0.0, 0.0)));
    CHECK(isnan(dg_negative_binomial_upper(1.0, 0.0, 1.0, 1.0)));
    CHECK(isnan(dg_hypergeometric_lower(1, 3, 4, 8)));
    CHECK(isnan(dg_fisher_two_sided(4, 3, 1, 5)));
    CHECK(isnan(dg_fisher_two_sided(0, 0, 1, 5)));
    CHECK(isnan(dg_kolmogorov_upper(nan)));
    CHECK(isnan(dg_cvm_upper(nan)));
    CHECK(isnan(dg_ad_upper(nan)));
    CHECK(isnan(dg_ncx2_lower(-1.0, 2.0, 1.0)));
    CHECK(isnan(dg_ncx2_lower(1.0, 2.0, -1.0)));
    CHECK(isnan(dg_ncx2_noncentrality(1.0, 2.0, 1.0)));
    CHECK(isnan(dg_ncx2_noncentrality((double)INFINITY, 2.0, 0.5)));
}

static void the_library_s_own_traps_are_closed(void)
{
    /* near the mean at n = 1e9 the underlying binomial tail is NAN */
    const double middle = dg_binomial_upper(1e6, 1e9, 0.001, 0.999);
    CHECK(middle > 0.5 && middle < 0.501);
    /* 32-bit counts would wrap */
    CHECK(dg_poisson_upper(UINT64_C(5000000000), 4.9e9) <= DG_P_MIN * 1.0000001);
    CHECK_REL(dg_poisson_lower(UINT64_C(5000000000), 5e9), 0.5, 1e-4);
    /* huge degrees of freedom and ends of the beta function */
    CHECK(dg_chi2_upper(1e12, 1e12) > 0.49 && dg_chi2_upper(1e12, 1e12) < 0.51);
    CHECK_REL(dg_t_upper(2.385, (double)INFINITY), dg_normal_upper(2.385), 1e-15);
    CHECK_REL(dg_f_upper(2.385, 4.0, (double)INFINITY), dg_chi2_upper(4 * 2.385, 4.0), 1e-15);
}

static void binomial_ends_are_exact(void)
{
    CHECK(dg_binomial_upper(0.0, 7.0, 0.3, 0.7) == 1.0);
    CHECK(dg_binomial_upper(8.0, 7.0, 0.3, 0.7) == DG_P_MIN);
    CHECK_REL(dg_binomial_upper(7.0, 7.0, 3.0, 7.0), pow(0.3, 7.0), 1e-14);
    CHECK_REL(dg_binomial_lower(0.0, 7.0, 3.0, 7.0), pow(0.7, 7.0), 1e-14);
    CHECK(dg_binomial_lower(7.0, 7.0, 3.0, 7.0) == 1.0);
    CHECK(dg_binomial_upper(1.0, 7.0, 0.0, 1.0) == DG_P_MIN);
    CHECK(dg_binomial_upper(7.0, 7.0, 1.0, 0.0) == 1.0);
}

static void lower_and_upper_binomial_tails_share_the_middle(void)
{
    for (int i = 0; i < 2000; i++) {
        const double n = floor(1.0 + 3000.0 * check_uniform());
        const double k = floor(n * check_uniform());
        const double a = check_uniform();
        const double point = exp(dg_binomial_log_pmf(k, n, a, 1.0 - a));
        const double sum =
            dg_binomial_upper(k, n, a, 1.0 - a) + dg_binomial_lower(k, n, a, 1.0 - a);
        CHECK_ABS(sum, 1.0 + point, 1e-12);
    }
}

static void noncentrality_inverts_the_cdf(void)
{
    for (int i = 0; i < 500; i++) {
        const double df = floor(1.0 + 30.0 * check_uniform());
        const double lambda = exp(-3.0 + 10.0 * check_uniform());
        const double x = df + lambda + 2.0 * sqrt(2.0 * (df + 2.0 * lambda)) * check_normal();
        if (x <= 0.0) {
            continue;
        }
        const double p = dg_ncx2_lower(x, df, lambda);
        if (p < 1e-8 || p > 1.0 - 1e-8 || fabs(lambda - DG_NCX2_MIXTURE_MAX) < 1.0) {
            continue;
        }
        CHECK_REL(dg_ncx2_noncentrality(x, df, p), lambda, 1e-7);
    }
    CHECK(dg_ncx2_noncentrality(2.0, 9.0, 0.975) == 0.0);
    CHECK(dg_ncx2_noncentrality(0.0, 9.0, 0.025) == 0.0);
}

static void noncentrality_is_monotone_across_the_switch(void)
{
    double last = 0.0;
    for (double x = 100.0; x < 500.0; x += 0.5) {
        const double lambda = dg_ncx2_noncentrality(x, 9.0, 0.975);
        CHECK(lambda >= last);
        last = lambda;
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(tails_are_clamped_at_both_ends),
        CASE(bad_arguments_give_nan_and_do_not_abort), CASE(the_library_s_own_traps_are_closed),
        CASE(binomial_ends_are_exact), CASE(lower_and_upper_binomial_tails_share_the_middle),
        CASE(noncentrality_inverts_the_cdf), CASE(noncentrality_is_monotone_across_the_switch));
}
