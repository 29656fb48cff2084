/* Goal: every distribution agrees with an independent implementation to 1e-9 relative or better,
 * far tails included. Method: tables from distributions.py (mpmath with 40 digits, exact integers,
 * scipy). Tolerances are the accuracy promised in the headers, not what happens to pass. */
#include "stats/counts.h"
#include "stats/dist.h"
#include "stats/limit.h"
#include "stats/ncx2.h"

#include "tests/check.h"
#include "tests/golden/distributions.inc"

#define ROWS(table) (sizeof(table) / sizeof *(table))

static void chi_square(void)
{
    for (size_t i = 0; i < ROWS(chi2_cases); i++) {
        const double *r = chi2_cases[i];
        CHECK_REL(dg_chi2_upper(r[0], r[1]), r[2], 2e-12);
        CHECK_REL(dg_chi2_lower(r[0], r[1]), r[3], 2e-12);
    }
    for (size_t i = 0; i < ROWS(chi2_critical_cases); i++) {
        const double *r = chi2_critical_cases[i];
        CHECK_REL(dg_chi2_critical(r[0], r[1]), r[2], 1e-11);
    }
}

static void normal_t_f_poisson(void)
{
    for (size_t i = 0; i < ROWS(normal_cases); i++) {
        const double *r = normal_cases[i];
        CHECK_REL(dg_normal_upper(r[0]), r[1], 1e-13);
        CHECK_REL(dg_normal_lower(-r[0]), r[1], 1e-13);
        if (fabs(r[0]) < 6.5) {
            CHECK_ABS(dg_normal_quantile(r[1]), -r[0], 1e-6);
        }
    }
    for (size_t i = 0; i < ROWS(t_cases); i++) {
        CHECK_REL(dg_t_upper(t_cases[i][0], t_cases[i][1]), t_cases[i][2], 1e-9);
    }
    for (size_t i = 0; i < ROWS(f_cases); i++) {
        const double *r = f_cases[i];
        CHECK_REL(dg_f_upper(r[0], r[1], r[2]), r[3], 1e-11);
    }
    for (size_t i = 0; i < ROWS(poisson_cases); i++) {
        const double *r = poisson_cases[i];
        CHECK_REL(dg_poisson_upper((uint64_t)r[0], r[1]), r[2], 1e-10);
        CHECK_REL(dg_poisson_lower((uint64_t)r[0], r[1]), r[3], 1e-10);
    }
}

static void tails_of_counts(void)
{
    for (size_t i = 0; i < ROWS(binomial_cases); i++) {
        const double *r = binomial_cases[i];
        CHECK_REL(dg_binomial_upper(r[0], r[1], r[2], r[3]), r[4], 1e-11);
        CHECK_REL(dg_binomial_lower(r[1] - r[0], r[1], r[3], r[2]), r[4], 1e-11);
    }
    for (size_t i = 0; i < ROWS(negative_binomial_cases); i++) {
        const double *r = negative_binomial_cases[i];
        CHECK_REL(dg_negative_binomial_upper(r[0], r[1], r[2], r[3]), r[4], 1e-11);
    }
    for (size_t i = 0; i < ROWS(hypergeometric_cases); i++) {
        const double *r = hypergeometric_cases[i];
        const uint64_t k = (uint64_t)r[0];
        const uint64_t m = (uint64_t)r[1];
        const uint64_t u = (uint64_t)r[2];
        const uint64_t d = (uint64_t)r[3];
        CHECK_REL(dg_hypergeometric_lower(k, m, u, d), r[4], 1e-11);
        CHECK_REL(dg_hypergeometric_upper(k, m, u, d), r[5], 1e-11);
    }
    for (size_t i = 0; i < ROWS(fisher_cases); i++) {
        const double *r = fisher_cases[i];
        CHECK_REL(
            dg_fisher_two_sided((uint64_t)r[0], (uint64_t)r[1], (uint64_t)r[2], (uint64_t)r[3]),
            r[4], 1e-11);
    }
}

static void limits_of_the_empirical_process(void)
{
    for (size_t i = 0; i < ROWS(kolmogorov_cases); i++) {
        CHECK_REL(dg_kolmogorov_upper(kolmogorov_cases[i][0]), kolmogorov_cases[i][1], 1e-12);
    }
    for (size_t i = 0; i < ROWS(cvm_cases); i++) {
        CHECK_REL(dg_cvm_upper(cvm_cases[i][0]), cvm_cases[i][1], 1e-12);
    }
    for (size_t i = 0; i < ROWS(ad_cases); i++) {
        CHECK_REL(dg_ad_upper(ad_cases[i][0]), ad_cases[i][1], 1e-12);
    }
}

/* Both ways of integrating meet where one takes over from the other. */
static void quadratures_join_smoothly(void)
{
    for (double x = 4.5; x < 5.7; x += 0.01) {
        const double ratio = dg_cvm_upper(x + 0.01) / dg_cvm_upper(x);
        CHECK_REL(ratio, exp(-0.01 * (4.934802200544679 + 0.5 / x)), 1e-4);
    }
    for (double x = 32.0; x < 35.0; x += 0.01) {
        const double ratio = dg_ad_upper(x + 0.01) / dg_ad_upper(x);
        CHECK_REL(ratio, exp(-0.01 * (1.0 + 0.5 / x)), 1e-4);
    }
}

static void noncentral_chi_square(void)
{
    for (size_t i = 0; i < ROWS(ncx2_cases); i++) {
        const double *r = ncx2_cases[i];
        CHECK_REL(dg_ncx2_lower(r[0], r[1], r[2]), r[3], 1e-11);
    }
    for (size_t i = 0; i < ROWS(ncx2_wide_cases); i++) {
        const double *r = ncx2_wide_cases[i];
        CHECK_ABS(dg_ncx2_lower(r[0], r[1], r[2]), r[3], 3e-5);
    }
    for (size_t i = 0; i < ROWS(noncentrality_cases); i++) {
        const double *r = noncentrality_cases[i];
        CHECK_REL(dg_ncx2_noncentrality(r[0], r[1], r[2]), r[3], 1e-10);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(chi_square), CASE(normal_t_f_poisson), CASE(tails_of_counts),
                      CASE(limits_of_the_empirical_process), CASE(quadratures_join_smoothly),
                      CASE(noncentral_chi_square));
}
