/* Goal: laws that hold for any samples: zero for equal ones, symmetry, invariance under scaling of
 * counts and monotone maps of values, p-values in range, no NAN but the documented ones. Method:
 * random tables and samples, many of them extreme. */
#include "stats/divergence.h"
#include "stats/drift.h"
#include "stats/psi.h"

#include "stats/dist.h"
#include "tests/binned_sample.h"
#include "tests/check.h"

static void random_shares(double p[], size_t cells, double zeros)
{
    double sum = 0.0;
    for (size_t i = 0; i < cells; i++) {
        p[i] = check_uniform() < zeros ? 0.0 : -log(check_uniform());
        sum += p[i];
    }
    if (sum == 0.0) {
        p[0] = sum = 1.0;
    }
    for (size_t i = 0; i < cells; i++) {
        p[i] /= sum;
    }
}

static void distances_are_symmetric_and_zero_only_for_equal_shares(void)
{
    for (int round = 0; round < 3000; round++) {
        double p[60];
        double q[60];
        const size_t cells = 1 + check_random() % 60;
        const double zeros = round % 2 ? 0.3 : 0.0;
        random_shares(p, cells, zeros);
        random_shares(q, cells, zeros);
        CHECK_REL(dg_js_distance(p, q, cells), dg_js_distance(q, p, cells), 1e-14);
        CHECK_REL(dg_hellinger(p, q, cells), dg_hellinger(q, p, cells), 1e-14);
        CHECK_REL(dg_total_variation(p, q, cells), dg_total_variation(q, p, cells), 1e-14);
        CHECK(dg_js_distance(p, p, cells) == 0.0 && dg_hellinger(p, p, cells) == 0.0);
        CHECK(dg_kl(p, p, cells) == 0.0 && dg_psi(p, p, cells) == 0.0);
        const double tv = dg_total_variation(p, q, cells);
        const double h = dg_hellinger(p, q, cells);
        CHECK(h * h <= tv + 1e-12 && tv <= h * sqrt(2.0 - h * h) + 1e-12); /* Le Cam */
        if (zeros == 0.0) {
            const double psi = dg_psi(p, q, cells);
            CHECK_REL(psi, dg_psi(q, p, cells), 1e-13);
            CHECK_ABS(psi, dg_kl(p, q, cells) + dg_kl(q, p, cells), 1e-12 * (1.0 + psi));
            CHECK(psi >= 4.0 * tv * tv - 1e-12); /* Pinsker, both ways */
        }
    }
}

static struct dg_binning bins;
static struct binned_sample a, b;
static double x[2][1200];

static void random_samples(size_t *m, size_t *n, double (*map)(double))
{
    double edges[DG_BINS_MAX];
    double mapped[1200];
    for (size_t i = 0; i < *m; i++) {
        mapped[i] = map(x[0][i]);
    }
    sample_sort(mapped, *m);
    const size_t used = sample_quantile_edges(mapped, *m, 1 + *m % 200, edges);
    sample_binning(&bins, edges, used, 2 + (uint32_t)(*n % 12), mapped[*m / 2], 0x1p-20);
    sample_bin(&bins, mapped, *m, &a);
    for (size_t i = 0; i < *n; i++) {
        mapped[i] = map(x[1][i]);
    }
    sample_bin(&bins, mapped, *n, &b);
}

static double same(double v)
{
    return v;
}

static double logistic(double v)
{
    return 1.0 / (1.0 + exp(-v));
}

static void draw_samples(size_t *m, size_t *n)
{
    *m = 1 + check_random() % 1200;
    *n = 1 + check_random() % (check_random() % 3 == 0 ? 20 : 1200);
    const double grain = check_random() % 2 ? 4.0 : 0x1p20;
    const double shift = check_random() % 2 ? 0.0 : 2.0 * check_normal();
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < (k ? *n : *m); i++) {
            x[k][i] = rint((check_normal() + k * shift) * grain) / grain;
        }
    }
}

static void every_number_is_in_range(void)
{
    for (int round = 0; round < 1500; round++) {
        size_t m;
        size_t n;
        draw_samples(&m, &n);
        random_samples(&m, &n, same);
        const struct dg_drift_options o = {.deff = 1.0 + (round % 3) * 1.385,
                                           .reference_sd = round % 5 ? 1.0 : 0.0,
                                           .n_beyond = b.count[bins.n_bins - 1],
                                           .n_missing = n / 3,
                                           .n_rows = n,
                                           .m_missing = m / 3,
                                           .m_rows = m};
        struct dg_drift d;
        CHECK_INT(dg_drift_numeric(&bins, &a.view, &b.view, &o, &d), 0);
        const double p[] = {d.psi_p, d.ks_p, d.js_p,    d.linf_p, d.chi2_p, d.g_p,
                            d.cvm_p, d.ad_p, d.range_p, d.null_p, d.p};
        for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
            CHECK(p[i] >= DG_P_MIN && p[i] <= 1.0);
        }
        const double values[] = {d.psi,     d.psi_adjusted, d.psi_low,   d.psi_high,  d.ks,
                                 d.ks_high, d.js,           d.hellinger, d.kl,        d.tv,
                                 d.linf,    d.chi2,         d.g,         d.cramers_v, d.w1,
                                 d.w1_low,  d.w1_high,      d.w1_rank,   d.cvm,       d.ad};
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            CHECK(values[i] >= 0.0 && isfinite(values[i]));
        }
        CHECK(isnan(d.w1_normed) == (round % 5 == 0));
        CHECK(isnan(d.new_p));
        CHECK(!(d.flags & DG_FLAG_NUMERIC));
        CHECK(d.psi_low <= d.psi_high && d.psi_low <= d.psi);
    }
}

static void swapping_the_samples_keeps_the_distances(void)
{
    for (int round = 0; round < 500; round++) {
        size_t m;
        size_t n;
        draw_samples(&m, &n);
        random_samples(&m, &n, same);
        const struct dg_drift_options o = {.deff = 1.0, .reference_sd = 1.0};
        struct dg_drift d;
        struct dg_drift e;
        CHECK_INT(dg_drift_numeric(&bins, &a.view, &b.view, &o, &d), 0);
        CHECK_INT(dg_drift_numeric(&bins, &b.view, &a.view, &o, &e), 0);
        const double tight = 1e-9;
        CHECK_REL(d.psi, e.psi, tight);
        CHECK_REL(d.js, e.js, tight);
        CHECK_REL(d.hellinger, e.hellinger, tight);
        CHECK_REL(d.tv, e.tv, tight);
        CHECK_REL(d.ks, e.ks, tight);
        CHECK_ABS(d.ks_high, e.ks_high, tight);
        CHECK_REL(d.linf, e.linf, tight);
        CHECK_REL(d.linf_p, e.linf_p, tight);
        CHECK_REL(d.cvm, e.cvm, tight);
        CHECK_REL(d.ad, e.ad, tight);
        CHECK_ABS(d.w1, e.w1, tight);
        CHECK_ABS(d.w1_low, e.w1_low, tight);
        CHECK_ABS(d.w1_high, e.w1_high, tight);
    }
}

static void rank_statistics_ignore_monotone_maps(void)
{
    for (int round = 0; round < 300; round++) {
        size_t m;
        size_t n;
        draw_samples(&m, &n);
        const struct dg_drift_options o = {.deff = 1.0, .reference_sd = 1.0};
        struct dg_drift d;
        struct dg_drift e;
        random_samples(&m, &n, same);
        CHECK_INT(dg_drift_numeric(&bins, &a.view, &b.view, &o, &d), 0);
        random_samples(&m, &n, logistic);
        CHECK_INT(dg_drift_numeric(&bins, &a.view, &b.view, &o, &e), 0);
        CHECK(d.psi == e.psi && d.ks == e.ks && d.ks_high == e.ks_high && d.js == e.js);
        CHECK(d.ad == e.ad && d.cvm == e.cvm && d.linf_p == e.linf_p && d.chi2 == e.chi2);
        CHECK(d.w1_rank == e.w1_rank && d.p == e.p && d.psi_p == e.psi_p);
    }
}

static void multiplying_counts_and_design_effect_changes_no_test(void)
{
    for (int round = 0; round < 300; round++) {
        size_t m;
        size_t n;
        draw_samples(&m, &n);
        random_samples(&m, &n, same);
        struct dg_drift d;
        struct dg_drift e;
        struct dg_drift_options o = {.deff = 1.0, .reference_sd = 1.0};
        CHECK_INT(dg_drift_numeric(&bins, &a.view, &b.view, &o, &d), 0);
        const uint64_t times = 2 + check_random() % 50;
        o.deff = (double)times;
        a.view.n *= times;
        b.view.n *= times;
        for (uint32_t j = 0; j < bins.n_bins; j++) {
            a.count[j] *= times;
            b.count[j] *= times;
            a.sum[j] *= (dg_i128)times;
            b.sum[j] *= (dg_i128)times;
        }
        CHECK_INT(dg_drift_numeric(&bins, &a.view, &b.view, &o, &e), 0);
        CHECK_REL(d.ks_p, e.ks_p, 1e-9);
        CHECK_REL(d.chi2_p, e.chi2_p, 1e-9);
        CHECK_REL(d.g_p, e.g_p, 1e-9);
        CHECK_REL(d.linf_p, e.linf_p, 1e-9);
        CHECK_REL(d.w1, e.w1, 1e-9);
        CHECK_INT(d.psi_df, e.psi_df);
    }
}

static void random_categories_give_probabilities(void)
{
    for (int round = 0; round < 3000; round++) {
        uint64_t r[258];
        uint64_t c[258];
        const size_t cells = 1 + check_random() % 258;
        const double wide = 12.0 * check_uniform();
        for (size_t i = 0; i < cells; i++) {
            r[i] = (uint64_t)exp(wide * check_uniform()) - (check_random() % 2);
            c[i] = (uint64_t)exp(8.0 * check_uniform() * check_uniform()) - (check_random() % 2);
        }
        const bool has_new = round % 2;
        if (has_new) {
            r[cells - 1] = 0;
        }
        uint64_t m = 0;
        uint64_t n = 0;
        for (size_t i = 0; i < cells; i++) {
            m += r[i];
            n += c[i];
        }
        if (m == 0 || n == 0) {
            continue;
        }
        const struct dg_drift_options o = {.deff = 1.0 + (round % 3)};
        struct dg_drift d;
        CHECK_INT(dg_drift_category(r, c, cells, has_new, has_new ? m / 7 : 0, &o, &d), 0);
        const double p[] = {d.psi_p, d.js_p, d.linf_p, d.chi2_p, d.g_p, d.p, has_new ? d.new_p : 1};
        for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
            CHECK(p[i] >= DG_P_MIN && p[i] <= 1.0);
        }
        CHECK(isfinite(d.psi) && isfinite(d.kl) && isfinite(d.js) && isfinite(d.psi_high));
        CHECK(isnan(d.new_p) == !has_new && isnan(d.ks) && isnan(d.w1) && isnan(d.range_p));
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(distances_are_symmetric_and_zero_only_for_equal_shares),
                      CASE(every_number_is_in_range),
                      CASE(swapping_the_samples_keeps_the_distances),
                      CASE(rank_statistics_ignore_monotone_maps),
                      CASE(multiplying_counts_and_design_effect_changes_no_test),
                      CASE(random_categories_give_probabilities));
}
