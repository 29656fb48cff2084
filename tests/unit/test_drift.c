/* Goal: the composite comparison at the edges of its domain: empty, one value, constant, tied,
 * separate, huge. Method: documented values and the rule that nothing undocumented is NAN. */
#include "stats/drift.h"

#include "stats/dist.h"
#include "tests/binned_sample.h"
#include "tests/check.h"

#include <errno.h>

static struct dg_binning bins;
static struct binned_sample ref, cur;
static const struct dg_drift_options plain = {.deff = 1.0, .reference_sd = 1.0};

static void check_p(const char *what, double p)
{
    if (!(p >= DG_P_MIN && p <= 1.0)) {
        check_failures++;
        fprintf(stderr, "%s = %g is no p-value\n", what, p);
    }
}

/* Everything that must be a number is one. */
static void check_numeric(const struct dg_drift *d)
{
    check_p("psi_p", d->psi_p);
    check_p("ks_p", d->ks_p);
    check_p("js_p", d->js_p);
    check_p("linf_p", d->linf_p);
    check_p("chi2_p", d->chi2_p);
    check_p("g_p", d->g_p);
    check_p("cvm_p", d->cvm_p);
    check_p("ad_p", d->ad_p);
    check_p("range_p", d->range_p);
    check_p("p", d->p);
    const double effects[] = {d->psi,     d->psi_adjusted, d->psi_low, d->psi_high,  d->ks,
                              d->ks_high, d->js,           d->kl,      d->tv,        d->hellinger,
                              d->linf,    d->chi2,         d->g,       d->cramers_v, d->w1,
                              d->w1_low,  d->w1_high,      d->w1_rank, d->cvm,       d->ad};
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        if (!(effects[i] >= 0.0 && effects[i] < 1e300)) {
            check_failures++;
            fprintf(stderr, "effect %zu is %g\n", i, effects[i]);
        }
    }
    CHECK(d->psi_low <= d->psi_high && d->ks <= d->ks_high && d->w1_low <= d->w1_high);
    CHECK(d->ks <= 1.0 && d->js <= 1.0 && d->hellinger <= 1.0 && d->tv <= 1.0 && d->linf <= 1.0);
    CHECK(isnan(d->new_p));
    CHECK(!(d->flags & DG_FLAG_NUMERIC));
}

static struct dg_drift compare(const struct dg_drift_options *o)
{
    struct dg_drift d;
    CHECK_INT(dg_drift_numeric(&bins, &ref.view, &cur.view, o, &d), 0);
    check_numeric(&d);
    return d;
}

/* 200 bins on normal data; shift and spread of the current sample are given. */
static void normal_samples(size_t m, size_t n, double shift, double spread)
{
    double *x = malloc((m + n) * sizeof *x);
    double edges[DG_BINS_MAX];
    for (size_t i = 0; i < m; i++) {
        x[i] = check_normal();
    }
    sample_sort(x, m);
    const size_t k = sample_quantile_edges(x, m, 200, edges);
    sample_binning(&bins, edges, k, 10, 0.0, 0x1p-20);
    sample_bin(&bins, x, m, &ref);
    for (size_t i = 0; i < n; i++) {
        x[m + i] = shift + spread * check_normal();
    }
    sample_bin(&bins, x + m, n, &cur);
    free(x);
}

static void an_empty_sample_has_no_answer(void)
{
    normal_samples(500, 10, 0.0, 1.0);
    static struct binned_sample none;
    sample_bin(&bins, NULL, 0, &none);
    struct dg_drift d = {.psi = 2.385};
    CHECK_INT(dg_drift_numeric(&bins, &ref.view, &none.view, &plain, &d), EDOM);
    CHECK_INT(dg_drift_numeric(&bins, &none.view, &cur.view, &plain, &d), EDOM);
    const uint64_t zero[2] = {0, 0};
    const uint64_t few[2] = {3, 4};
    CHECK_INT(dg_drift_category(zero, few, 2, false, 0, &plain, &d), EDOM);
    CHECK_INT(dg_drift_category(few, zero, 2, false, 0, &plain, &d), EDOM);
    CHECK(d.psi == 2.385);
}

static void options_out_of_range_are_refused(void)
{
    normal_samples(500, 10, 0.0, 1.0);
    struct dg_drift d;
    const struct dg_drift_options bad[] = {
        {.deff = 0.5},
        {.deff = (double)NAN},
        {.deff = (double)INFINITY},
        {.deff = 1.0, .n_beyond = 11},
        {.deff = 1.0, .n_missing = 2, .n_rows = 1},
        {.deff = 1.0, .m_missing = 2, .m_rows = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(dg_drift_numeric(&bins, &ref.view, &cur.view, &bad[i], &d), EINVAL);
    }
    const uint64_t a[3] = {5, 5, 0};
    CHECK_INT(dg_drift_category(a, a, 3, true, 11, &plain, &d), EINVAL);
    CHECK_INT(dg_drift_category(a, a, 0, false, 0, &plain, &d), EINVAL);
    CHECK_INT(dg_drift_category(a, a, 259, false, 0, &plain, &d), EINVAL);
    CHECK_INT(dg_drift_category(a, a, 2, true, 0, &plain, &d), EINVAL);
}

static void one_value_against_one_value(void)
{
    sample_binning(&bins, (const double[]){1.0}, 1, 2, 0.0, 0x1p-20);
    sample_bin(&bins, (const double[]){0.5}, 1, &ref);
    sample_bin(&bins, (const double[]){2.885}, 1, &cur);
    const struct dg_drift d = compare(&plain);
    CHECK(d.p > 0.05);
    CHECK(d.ks == 1.0);
    CHECK(d.flags & DG_FLAG_DEGENERATE);
    CHECK(d.flags & DG_FLAG_POOLED);
    CHECK_ABS(d.w1, 2.385, 1e-5);
}

static void one_current_value_alerts_nobody(void)
{
    normal_samples(5000, 1, 0.3, 1.0);
    CHECK(compare(&plain).p > 0.05);
}

static void a_constant_reference_notices_another_constant(void)
{
    const double v = 2.385;
    const double edges[2] = {nextafter(v, 0.0), v};
    double x[400];
    for (int i = 0; i < 400; i++) {
        x[i] = v;
    }
    sample_binning(&bins, edges, 2, 3, v, 0x1p-20);
    sample_bin(&bins, x, 400, &ref);
    sample_bin(&bins, x, 300, &cur);
    struct dg_drift_options o = plain;
    o.reference_sd = 0.0;
    struct dg_drift d = compare(&o);
    CHECK(d.flags & DG_FLAG_DEGENERATE);
    CHECK(isnan(d.w1_normed));
    CHECK(d.p == 1.0 && d.ks == 0.0 && d.psi == 0.0 && d.w1 == 0.0);
    for (int i = 0; i < 60; i++) {
        x[i] = 7.25;
    }
    sample_bin(&bins, x, 300, &cur);
    d = compare(&o);
    CHECK_REL(d.ks, 0.2, 1e-12);
    CHECK(d.p < 1e-6);
    CHECK_ABS(d.w1, 0.2 * (7.25 - v), 1e-5);
}

static void equal_samples_show_nothing(void)
{
    normal_samples(5000, 10, 0.0, 1.0);
    cur = ref;
    cur.view.count = cur.count;
    cur.view.sum = cur.sum;
    const struct dg_drift d = compare(&plain);
    CHECK(d.psi == 0.0 && d.psi_adjusted == 0.0 && d.psi_low == 0.0 && d.ks == 0.0);
    CHECK(d.js == 0.0 && d.kl == 0.0 && d.tv == 0.0 && d.hellinger == 0.0 && d.linf == 0.0);
    CHECK(d.chi2 == 0.0 && d.g == 0.0 && d.w1 == 0.0 && d.cvm == 0.0 && d.ad == 0.0);
    CHECK(d.p == 1.0 && d.psi_p == 1.0 && d.chi2_p == 1.0 && d.linf_p == 1.0);
    CHECK(isnan(d.null_p));
}

static void separate_samples_show_everything(void)
{
    normal_samples(5000, 2000, 60.0, 1.0);
    struct dg_drift_options o = plain;
    o.n_beyond = 2000;
    const struct dg_drift d = compare(&o);
    CHECK(d.ks == 1.0 && d.ks_p == DG_P_MIN && d.p == 3.0 * DG_P_MIN);
    CHECK_REL(d.w1, 60.0, 0.01);
    CHECK_REL(d.w1, d.w1_high, 1e-4);
    CHECK(d.range_p == DG_P_MIN);
    CHECK(d.tv > 0.89);
}

static void huge_counts_stay_finite(void)
{
    normal_samples(5000, 2000, 0.05, 1.0);
    const uint64_t scale = UINT64_C(500000000000);
    struct binned_sample *both[] = {&ref, &cur};
    for (int k = 0; k < 2; k++) {
        both[k]->view.n *= scale;
        for (uint32_t j = 0; j < bins.n_bins; j++) {
            both[k]->count[j] *= scale;
            both[k]->sum[j] *= (dg_i128)scale;
        }
    }
    const struct dg_drift d = compare(&plain);
    CHECK(d.p < 1e-200);
    CHECK(d.psi_low > 0.0 && d.psi_high < d.psi * 1.01);
    CHECK_REL(d.psi_low, d.psi, 1e-3);
}

static void a_design_effect_never_makes_evidence_stronger(void)
{
    normal_samples(20000, 1000, 0.15, 1.0);
    struct dg_drift_options o = plain;
    struct dg_drift last = compare(&o);
    for (o.deff = 1.5; o.deff < 100.0; o.deff *= 1.5) {
        const struct dg_drift d = compare(&o);
        CHECK(d.ks_p >= last.ks_p && d.ad_p >= last.ad_p && d.cvm_p >= last.cvm_p);
        CHECK(d.psi_low <= last.psi_low);
        CHECK(d.psi_adjusted <= last.psi_adjusted);
        CHECK(d.psi == last.psi && d.ks == last.ks && d.w1 == last.w1);
        last = d;
    }
    CHECK(last.p == 1.0);
}

static void a_large_atom_swaps_the_omnibus_test(void)
{
    normal_samples(1000, 400, 0.0, 1.0);
    CHECK(!(compare(&plain).flags & DG_FLAG_ATOMS));
    ref.count[100] += 200;
    ref.view.n += 200;
    cur.count[100] += 80;
    cur.view.n += 80;
    const struct dg_drift d = compare(&plain);
    CHECK(d.flags & DG_FLAG_ATOMS);
    CHECK(d.p <= fmin(1.0, 3.0 * d.chi2_p) && d.p <= fmin(1.0, 3.0 * d.ks_p));
}

static void missing_rows_are_tested_apart(void)
{
    normal_samples(5000, 1000, 0.0, 1.0);
    struct dg_drift_options o = plain;
    o.n_missing = 60;
    o.n_rows = 1060;
    o.m_missing = 50;
    o.m_rows = 5050;
    const struct dg_drift with = compare(&o);
    CHECK(with.null_p < 1e-9);
    CHECK(with.p == compare(&plain).p);
}

static void new_categories_are_news_and_known_ones_are_not(void)
{
    const uint64_t reference[6] = {5000, 3000, 1500, 480, 20, 0};
    const uint64_t usual[6] = {510, 290, 152, 46, 2, 0};
    const uint64_t odd[6] = {510, 290, 152, 40, 2, 6};
    struct dg_drift d;
    CHECK_INT(dg_drift_category(reference, usual, 6, true, 1, &plain, &d), 0);
    CHECK(d.new_p == 1.0 && d.p > 0.1 && isnan(d.ks) && isnan(d.w1) && isnan(d.ad));
    CHECK(isnan(d.range_p) && isnan(d.null_p) && d.psi >= 0.0);
    check_p("p", d.p);
    CHECK_INT(dg_drift_category(reference, odd, 6, true, 1, &plain, &d), 0);
    CHECK(d.new_p < 1e-4 && d.p < 3e-4);
    CHECK_INT(dg_drift_category(reference, odd, 6, false, 0, &plain, &d), 0);
    CHECK(isnan(d.new_p));
}

static void one_category_only_is_degenerate(void)
{
    const uint64_t reference[2] = {500, 0};
    struct dg_drift d;
    CHECK_INT(dg_drift_category(reference, reference, 2, true, 0, &plain, &d), 0);
    CHECK(d.flags & DG_FLAG_DEGENERATE);
    CHECK(d.p == 1.0 && d.psi == 0.0 && d.psi_high == 0.0);
    const uint64_t other[2] = {450, 50};
    CHECK_INT(dg_drift_category(reference, other, 2, true, 0, &plain, &d), 0);
    CHECK(d.p < 1e-10);
}

static void every_category_new_or_unique(void)
{
    uint64_t reference[258];
    uint64_t current[258];
    for (int i = 0; i < 258; i++) {
        reference[i] = i < 257;
        current[i] = i == 257 ? 1000 : 0;
    }
    struct dg_drift d;
    CHECK_INT(dg_drift_category(reference, current, 258, true, 257, &plain, &d), 0);
    check_p("p", d.p);
    CHECK(isfinite(d.psi) && isfinite(d.kl) && d.js <= 1.0);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(an_empty_sample_has_no_answer), CASE(options_out_of_range_are_refused),
        CASE(one_value_against_one_value), CASE(one_current_value_alerts_nobody),
        CASE(a_constant_reference_notices_another_constant), CASE(equal_samples_show_nothing),
        CASE(separate_samples_show_everything), CASE(huge_counts_stay_finite),
        CASE(a_design_effect_never_makes_evidence_stronger),
        CASE(a_large_atom_swaps_the_omnibus_test), CASE(missing_rows_are_tested_apart),
        CASE(new_categories_are_news_and_known_ones_are_not), CASE(one_category_only_is_degenerate),
        CASE(every_category_new_or_unique));
}
