/* Goal: under equal distributions every p-value rejects as often as docs/FORMULAS.md says.
 * Method: simulate the null with a fixed seed, R replicates each, and compare the rejection rates
 * with the stated ones within three binomial standard errors of both. A reference sample is not
 * drawn value by value: the population masses between its quantiles are Dirichlet, which is exact.
 * Slow: half a minute. DG_SEED changes the seed. */
#include "stats/drift.h"

#include "stats/proportion.h"
#include "stats/psi.h"
#include "tests/binned_sample.h"
#include "tests/check.h"

#define FINE                                                                                       \
    200 /* bins between the reference's least and largest value, each with m/FINE values           \
         */
#define LEVELS 3
static const double level[LEVELS] = {0.05, 0.01, 0.001};

static struct dg_binning bins;
static struct binned_sample ref, cur;
static double cumulative[FINE + 2];

struct tally {
    const char *name;
    double runs;
    double hits[LEVELS];
};

static void count_p(struct tally *t, double p)
{
    t->runs++;
    for (int i = 0; i < LEVELS; i++) {
        t->hits[i] += p <= level[i];
    }
}

/* The rate must be within 3 standard errors of [low, high], which may come from `source_runs`
 * simulated runs themselves (0: exact). */
static void expect(const struct tally *t, int i, double low, double high, double source_runs)
{
    const double rate = t->hits[i] / t->runs;
    const double inverse = 1.0 / t->runs + (source_runs > 0.0 ? 1.0 / source_runs : 0.0);
    const double under = 3.0 * sqrt(low * (1.0 - low) * inverse);
    const double over = 3.0 * sqrt(high * (1.0 - high) * inverse);
    printf("  %-34s at %-5g: %.5f, stated %.5f .. %.5f, R = %.0f\n", t->name, level[i], rate, low,
           high, t->runs);
    CHECK(rate >= low - under);
    CHECK(rate <= high + over);
}

static double gamma_draw(double shape) /* Marsaglia and Tsang 2000, shape >= 1 */
{
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double z = check_normal();
        const double v = 1.0 + c * z;
        const double cube = v * v * v;
        if (v > 0.0 && log(check_uniform()) < 0.5 * z * z + d - d * cube + d * log(cube)) {
            return d * cube;
        }
    }
}

/* Bins on (0, 1) whose edges are the reference's order statistics: below its least value, FINE
 * bins, above its largest. */
static void fixed_reference(uint64_t m)
{
    double edges[FINE + 1];
    for (int j = 0; j <= FINE; j++) {
        edges[j] = (j + 0.5) / (FINE + 1);
    }
    sample_binning(&bins, edges, FINE + 1, 10, 0.0, 0x1p-20);
    memset(&ref, 0, sizeof ref);
    for (int j = 1; j <= FINE; j++) {
        ref.count[j] = m / FINE;
        bins.group[j] = (uint8_t)((j - 1) * 10 / FINE);
    }
    bins.group[0] = 0;
    bins.group[FINE + 1] = 9;
    ref.view = (struct dg_binned){.n = m, .count = ref.count, .min = edges[0], .max = edges[FINE]};
}

/* Population masses of the bins given nothing but m: uniform spacings. */
static void draw_masses(uint64_t m)
{
    double sum = 0.0;
    for (int j = 0; j < FINE + 2; j++) {
        sum += gamma_draw(j == 0 || j == FINE + 1 ? 1.0 : (double)(m / FINE));
        cumulative[j] = sum;
    }
    for (int j = 0; j < FINE + 2; j++) {
        cumulative[j] /= sum;
    }
}

static int locate(double u)
{
    int j = (int)(u * (FINE + 2));
    while (j > 0 && cumulative[j - 1] >= u) {
        j--;
    }
    while (cumulative[j] < u) {
        j++;
    }
    return j;
}

/* n values in clusters of equal ones. */
static void draw_window(uint64_t n, uint64_t cluster)
{
    memset(&cur, 0, sizeof cur);
    for (uint64_t i = 0; i < n; i += cluster) {
        cur.count[locate(check_uniform())] += cluster;
    }
    cur.view = (struct dg_binned){.n = n, .count = cur.count, .min = 0.0, .max = 1.0};
}

struct battery {
    struct tally psi, js, chi2, g, ks, cvm, ad, linf, range, family;
};

static struct battery run_battery(uint64_t n, uint64_t m, uint64_t cluster, int runs)
{
    struct battery t = {.psi = {.name = "PSI"},
                        .js = {.name = "JS"},
                        .chi2 = {.name = "chi-square"},
                        .g = {.name = "G"},
                        .ks = {.name = "KS"},
                        .cvm = {.name = "Cramer-von Mises"},
                        .ad = {.name = "Anderson-Darling"},
                        .linf = {.name = "L-infinity"},
                        .range = {.name = "out of range"},
                        .family = {.name = "family"}};
    fixed_reference(m);
    for (int i = 0; i < runs; i++) {
        draw_masses(m);
        draw_window(n, cluster);
        const struct dg_drift_options o = {.deff = (double)cluster,
                                           .reference_sd = 1.0,
                                           .n_beyond = cur.count[0] + cur.count[FINE + 1]};
        struct dg_drift d;
        CHECK_INT(dg_drift_numeric(&bins, &ref.view, &cur.view, &o, &d), 0);
        count_p(&t.psi, d.psi_p);
        count_p(&t.js, d.js_p);
        count_p(&t.chi2, d.chi2_p);
        count_p(&t.g, d.g_p);
        count_p(&t.ks, d.ks_p);
        count_p(&t.cvm, d.cvm_p);
        count_p(&t.ad, d.ad_p);
        count_p(&t.linf, d.linf_p);
        count_p(&t.range, d.range_p);
        count_p(&t.family, d.p);
    }
    return t;
}

static void tests_of_windows_of_200(void)
{
    const struct battery t = run_battery(200, 100000, 1, 40000);
    const double psi[LEVELS] = {0.0464, 0.0100, 0.0012};
    const double chi2[LEVELS] = {0.0500, 0.0102, 0.0011};
    for (int i = 0; i < LEVELS; i++) {
        expect(&t.psi, i, psi[i], psi[i], 1e5);
        expect(&t.chi2, i, chi2[i], chi2[i], 1e5);
        expect(&t.ks, i, 0.95 * level[i], 1.12 * level[i], 0.0);
        expect(&t.ad, i, 0.97 * level[i], 1.08 * level[i], 0.0);
        expect(&t.cvm, i, 0.90 * level[i], 1.08 * level[i], 0.0);
        expect(&t.linf, i, 0.0, 0.7 * level[i], 0.0);
        expect(&t.range, i, 0.0, level[i], 0.0);
        expect(&t.family, i, 0.0, level[i], 0.0);
    }
}

static void tests_of_windows_of_1000(void)
{
    const struct battery t = run_battery(1000, 100000, 1, 40000);
    const double psi[LEVELS] = {0.0495, 0.0099, 0.0012};
    const double js[LEVELS] = {0.0493, 0.0096, 0.0011};
    const double chi2[LEVELS] = {0.0507, 0.0099, 0.0011};
    for (int i = 0; i < LEVELS; i++) {
        expect(&t.psi, i, psi[i], psi[i], 1e5);
        expect(&t.js, i, js[i], js[i], 1e5);
        expect(&t.chi2, i, chi2[i], chi2[i], 1e5);
        expect(&t.g, i, 0.97 * level[i], 1.10 * level[i], 0.0);
        expect(&t.ks, i, 0.95 * level[i], 1.12 * level[i], 0.0);
        expect(&t.ad, i, 0.97 * level[i], 1.08 * level[i], 0.0);
        expect(&t.cvm, i, 0.90 * level[i], 1.08 * level[i], 0.0);
        expect(&t.linf, i, 0.0, 0.4 * level[i], 0.0);
        expect(&t.range, i, 0.0, level[i], 0.0);
        expect(&t.family, i, 0.0, level[i], 0.0);
    }
}

static void samples_of_equal_size(void)
{
    const struct battery t = run_battery(1000, 1000, 1, 20000);
    const double psi[LEVELS] = {0.0490, 0.0099, 0.0011};
    const double chi2[LEVELS] = {0.0498, 0.0100, 0.0010};
    for (int i = 0; i < LEVELS; i++) {
        expect(&t.psi, i, psi[i], psi[i], 1e5);
        expect(&t.chi2, i, chi2[i], chi2[i], 1e5);
        expect(&t.ks, i, 0.90 * level[i], 1.15 * level[i], 0.0);
        expect(&t.ad, i, 0.97 * level[i], 1.10 * level[i], 0.0);
        expect(&t.linf, i, 0.0, level[i], 0.0);
        expect(&t.range, i, 0.0, level[i], 0.0);
        expect(&t.family, i, 0.0, level[i], 0.0);
    }
}

static void clusters_are_paid_for_by_the_design_effect(void)
{
    const struct battery t = run_battery(2000, 100000, 5, 20000);
    for (int i = 0; i < LEVELS; i++) {
        expect(&t.psi, i, 0.95 * level[i], 1.15 * level[i], 0.0);
        expect(&t.chi2, i, 0.95 * level[i], 1.15 * level[i], 0.0);
        expect(&t.ks, i, 0.90 * level[i], 1.15 * level[i], 0.0);
        expect(&t.ad, i, 0.95 * level[i], 1.15 * level[i], 0.0);
        expect(&t.linf, i, 0.0, level[i], 0.0);
        expect(&t.range, i, 0.0, level[i], 0.0);
        expect(&t.family, i, 0.0, level[i], 0.0);
    }
}

/* Poisson(3) on point bins: ties make KS conservative; the family must hold its level. */
static void ties_never_reject_too_often(void)
{
    double edges[24];
    double mass[24];
    double p = exp(-3.0);
    double left = 1.0;
    struct tally ks = {.name = "KS, Poisson(3)"};
    struct tally family = {.name = "family, Poisson(3)"};
    for (int v = 0; v < 12; v++) {
        edges[2 * v] = nextafter((double)v, -1.0);
        edges[2 * v + 1] = v;
        mass[v] = v < 11 ? p : left;
        left -= p;
        p *= 3.0 / (v + 1.0);
    }
    sample_binning(&bins, edges, 24, 10, 3.0, 0x1p-20);
    for (int run = 0; run < 20000; run++) {
        for (int k = 0; k < 2; k++) {
            struct binned_sample *s = k == 0 ? &ref : &cur;
            const uint64_t size = k == 0 ? 5000 : 200;
            memset(s, 0, sizeof *s);
            for (uint64_t i = 0; i < size; i++) {
                double u = check_uniform();
                int v = 0;
                while (v < 11 && u > mass[v]) {
                    u -= mass[v++];
                }
                s->count[2 * v + 1]++;
            }
            s->view = (struct dg_binned){.n = size, .count = s->count, .min = 0.0, .max = 11.0};
        }
        for (uint32_t j = 0; j < bins.n_bins; j++) {
            bins.group[j] = (uint8_t)(j / 3); /* a value and the gap after it */
        }
        bins.n_groups = bins.group[bins.n_bins - 1] + 1u;
        const struct dg_drift_options o = {.deff = 1.0, .reference_sd = 1.7};
        struct dg_drift d;
        CHECK_INT(dg_drift_numeric(&bins, &ref.view, &cur.view, &o, &d), 0);
        CHECK(d.flags & DG_FLAG_ATOMS);
        count_p(&ks, d.ks_p);
        count_p(&family, d.p);
    }
    for (int i = 0; i < LEVELS; i++) {
        expect(&ks, i, 0.0, 0.4 * level[i], 0.0);
        expect(&family, i, 0.0, level[i], 0.0);
    }
}

#define SPECIES 131072
static uint32_t alias_to[SPECIES];
static double alias_keep[SPECIES];
static uint32_t in_reference[SPECIES], in_window[SPECIES];

/* Walker's (1977) alias table of Zipf's law with this exponent. */
static void zipf_table(double exponent)
{
    static uint32_t small[SPECIES], large[SPECIES];
    size_t n_small = 0;
    size_t n_large = 0;
    double sum = 0.0;
    for (uint32_t i = 0; i < SPECIES; i++) {
        alias_keep[i] = pow(i + 1.0, -exponent);
        sum += alias_keep[i];
    }
    for (uint32_t i = 0; i < SPECIES; i++) {
        alias_keep[i] *= SPECIES / sum;
        if (alias_keep[i] < 1.0) {
            small[n_small++] = i;
        } else {
            large[n_large++] = i;
        }
    }
    while (n_small > 0 && n_large > 0) {
        const uint32_t s = small[--n_small];
        const uint32_t l = large[n_large - 1];
        alias_to[s] = l;
        alias_keep[l] -= 1.0 - alias_keep[s];
        if (alias_keep[l] < 1.0) {
            n_large--;
            small[n_small++] = l;
        }
    }
    while (n_large > 0) {
        alias_keep[large[--n_large]] = 1.0;
    }
    while (n_small > 0) {
        alias_keep[small[--n_small]] = 1.0;
    }
}

static uint32_t zipf_draw(void)
{
    const uint32_t i = (uint32_t)(check_random() >> 47);
    return check_uniform() < alias_keep[i] ? i : alias_to[i];
}

/* Zipf's first 100 categories stand for the dictionary: nearly always the most frequent ones. */
static void zipf_round(uint64_t n, uint64_t m, struct tally *new_p, struct tally *family)
{
    uint64_t r[102] = {0};
    uint64_t c[102] = {0};
    uint64_t once = 0;
    memset(in_reference, 0, sizeof in_reference);
    memset(in_window, 0, sizeof in_window);
    for (uint64_t i = 0; i < m; i++) {
        const uint32_t k = zipf_draw();
        const uint32_t seen = ++in_reference[k];
        once += seen == 1;
        once -= seen == 2;
        r[k < 100 ? k : 100]++;
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint32_t k = zipf_draw();
        c[in_reference[k] == 0 ? 101 : k < 100 ? k : 100]++;
    }
    const struct dg_drift_options o = {.deff = 1.0};
    struct dg_drift d;
    CHECK_INT(dg_drift_category(r, c, 102, true, once, &o, &d), 0);
    count_p(new_p, d.new_p);
    count_p(family, d.p);
}

static void new_categories_of_zipf_populations(void)
{
    const double exponent[] = {1.1, 1.5, 2.0};
    for (int e = 0; e < 3; e++) {
        zipf_table(exponent[e]);
        struct tally new_p = {.name = "new category"};
        struct tally family = {.name = "family of categories"};
        struct tally small_new_p = {.name = "new category, n = m/10"};
        struct tally small_family = {.name = "family of categories, n = m/10"};
        for (int run = 0; run < 2000; run++) {
            zipf_round(10000, 10000, &new_p, &family);
        }
        for (int run = 0; run < 4000; run++) {
            zipf_round(1000, 10000, &small_new_p, &small_family);
        }
        expect(&new_p, 0, 0.043, 0.060, 0.0);
        expect(&new_p, 1, 0.003, 0.015, 0.0);
        for (int i = 0; i < LEVELS; i++) { /* chi-square at expected counts of 5: up to 0.0017 */
            const double high = i < 2 ? 1.1 * level[i] : 0.0017;
            expect(&small_new_p, i, 0.0, level[i], 0.0);
            expect(&family, i, 0.0, high, 0.0);
            expect(&small_family, i, 0.0, high, 0.0);
        }
    }
}

/* 50 categories, Zipf, n = 100: pooling keeps the chi-square tests near their level. */
static void pooled_rare_categories(void)
{
    zipf_table(1.0);
    struct tally psi = {.name = "PSI, pooled Zipf cells"};
    struct tally chi2 = {.name = "chi-square, pooled Zipf cells"};
    uint64_t r[50];
    double share[50];
    double sum = 0.0;
    for (int i = 0; i < 50; i++) {
        share[i] = 1.0 / (i + 1.0);
        sum += share[i];
    }
    for (int i = 0; i < 50; i++) {
        r[i] = (uint64_t)llrint(1e7 * share[i] / sum);
    }
    for (int run = 0; run < 40000; run++) {
        uint64_t c[50] = {0};
        for (int i = 0; i < 100;) {
            const uint32_t k = zipf_draw();
            if (k < 50) {
                c[k]++;
                i++;
            }
        }
        const struct dg_drift_options o = {.deff = 1.0};
        struct dg_drift d;
        CHECK_INT(dg_drift_category(r, c, 50, false, 0, &o, &d), 0);
        count_p(&psi, d.psi_p);
        count_p(&chi2, d.chi2_p);
    }
    const double stated[LEVELS] = {0.0454, 0.0100, 0.0014};
    for (int i = 0; i < LEVELS; i++) {
        expect(&psi, i, stated[i], stated[i], 2e4);
        expect(&chi2, i, 0.93 * level[i], 1.3 * level[i], 0.0);
    }
}

static double normal_below(double z)
{
    return 0.5 * erfc(-z * sqrt(0.5));
}

/* Coverage of the 95 % interval of PSI where the truth is known: normal deciles, shifted. */
static void check_coverage(double shift, int n, double low_rate, double high_rate)
{
    static const double decile[9] = {
        -1.2815515655446004, -0.8416212335729143, -0.5244005127080407, -0.2533471031357997, 0.0,
        0.2533471031357997,  0.5244005127080407,  0.8416212335729143,  1.2815515655446004};
    uint64_t r[10];
    double truth = 0.0;
    double before = 0.0;
    for (int j = 0; j < 10; j++) {
        const double after = j < 9 ? normal_below(decile[j] - shift) : 1.0;
        truth += (after - before - 0.1) * log((after - before) / 0.1);
        before = after;
        r[j] = UINT64_C(100000000);
    }
    double covered = 0.0;
    const int runs = 10000;
    for (int run = 0; run < runs; run++) {
        uint64_t c[10] = {0};
        for (int i = 0; i < n; i++) {
            const double x = shift + check_normal();
            int j = 0;
            while (j < 9 && x > decile[j]) {
                j++;
            }
            c[j]++;
        }
        const struct dg_drift_options o = {.deff = 1.0};
        struct dg_drift d;
        CHECK_INT(dg_drift_category(r, c, 10, false, 0, &o, &d), 0);
        covered += d.psi_low <= truth && truth <= d.psi_high;
    }
    const double rate = covered / runs;
    const double slack = 3.0 * sqrt(0.95 * 0.05 / runs);
    printf("  coverage at PSI %.4f, n = %d: %.4f, stated %.3f .. %.3f, R = %d\n", truth, n, rate,
           low_rate, high_rate, runs);
    CHECK(rate >= low_rate - slack && rate <= high_rate + slack);
}

static void intervals_of_psi_cover_the_truth(void)
{
    check_coverage(0.1, 1000, 0.944, 0.952);
    check_coverage(0.2, 1000, 0.944, 0.952);
    check_coverage(0.32, 200, 0.944, 0.952);
    check_coverage(0.32, 1000, 0.944, 0.952);
    check_coverage(0.5, 1000, 0.938, 0.950);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(tests_of_windows_of_200), CASE(tests_of_windows_of_1000),
                      CASE(samples_of_equal_size), CASE(clusters_are_paid_for_by_the_design_effect),
                      CASE(ties_never_reject_too_often), CASE(new_categories_of_zipf_populations),
                      CASE(pooled_rare_categories), CASE(intervals_of_psi_cover_the_truth));
}
