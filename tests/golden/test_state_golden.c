/* Goal: moments, quantiles, edges, groups and distinct counts are those of independent
 * implementations. Method: tests/golden/state.py computes them with numpy, scipy and exact
 * fractions from the same values and writes tests/golden/state_values.h. */
#include "stats/category.h"
#include "stats/numeric.h"
#include "tests/check.h"

#include "tests/golden/state_values.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct dg_binning binning_of(const struct sample *s)
{
    double x[128];
    struct dg_weighted v[128];
    size_t n = 0;
    memcpy(x, s->x, s->n * sizeof x[0]);
    qsort(x, s->n, sizeof x[0], ascending);
    for (size_t i = 0; i < s->n; i++) {
        if (n > 0 && v[n - 1].value == x[i]) {
            v[n - 1].count++;
        } else {
            v[n++] = (struct dg_weighted){x[i], 1};
        }
    }
    struct dg_binning b;
    CHECK_INT(dg_binning_build(v, n, &DG_BINNING_DEFAULTS, &b), 0);
    return b;
}

static void moments_and_quantiles_are_those_of_scipy_and_numpy(void)
{
    for (size_t k = 0; k < sizeof sample / sizeof sample[0]; k++) {
        const struct sample *s = &sample[k];
        const struct dg_binning b = binning_of(s);
        struct dg_prepared p = {0};
        struct dg_numeric state;
        dg_numeric_init(&state, &b);
        CHECK_INT(dg_prepare(&p, &b, -(double)INFINITY, (double)INFINITY, s->x, s->n), 0);
        CHECK_INT(dg_numeric_add(&state, &p, NULL, s->n), 0);
        const struct dg_moment_values m = dg_numeric_moments(&state);
        const double sd = sqrt(s->moments[1]);
        /* Origin and sd of the reference: 1e6 + u has 10 of its 16 digits before the spread. */
        CHECK_REL(b.origin, s->moments[0], 1e-15);
        CHECK(b.unit * 0x1p20 >= sd && b.unit * 0x1p19 < sd);
        /* One value is off by half a unit at most, less than 2^-20 sd; the mean by less. */
        CHECK_ABS(m.mean, s->moments[0], 0x1p-20 * sd);
        CHECK_REL(m.variance, s->moments[1], 0x1p-18);
        /* Powers are of values rounded to 2^-9 sd at worst, at random: 1e-3 is many times that
         * over the root of n. */
        CHECK_ABS(m.skewness, s->moments[2], 4e-6);
        CHECK_ABS(m.kurtosis, s->moments[3], 2e-5);
        for (size_t i = 0; i < sizeof quantile_q / sizeof quantile_q[0]; i++) {
            double x;
            CHECK_INT(dg_sketch_quantile(&state.sketch, quantile_q[i], state.min, state.max, &x),
                      0);
            CHECK_REL(x, s->quantiles[i], 1.0 / 129 * (1 + 1e-14)); /* met by powers of two */
        }
        dg_numeric_deinit(&state);
        dg_prepared_deinit(&p);
    }
}

static void edges_and_groups_follow_the_rules_on_exact_fractions(void)
{
    for (size_t k = 0; k < sizeof reference / sizeof reference[0]; k++) {
        const struct reference *r = &reference[k];
        const struct dg_binning_options o = {.fine_bins = 40, .groups = 10};
        struct dg_weighted *v = calloc(r->n, sizeof *v);
        struct dg_binning b;
        for (size_t i = 0; i < r->n; i++) {
            v[i] = (struct dg_weighted){r->value[i], r->count[i]};
        }
        CHECK_INT(dg_binning_build(v, r->n, &o, &b), 0);
        CHECK_INT(b.n_bins, r->n_edges + 1);
        for (size_t i = 0; i < r->n_edges && i + 1 < b.n_bins; i++) {
            CHECK_REL(b.edges[i], r->edges[i], 0);
            CHECK_INT(b.group[i], r->groups[i]);
        }
        CHECK_INT(b.group[b.n_bins - 1], r->groups[r->n_edges]);
        free(v);
    }
}

static void distinct_estimates_are_those_of_ertls_formula(void)
{
    for (size_t k = 0; k < sizeof distinct_n / sizeof distinct_n[0]; k++) {
        struct dg_hll h = {0};
        check_random_state = 1;
        for (size_t i = 0; i < distinct_n[k]; i++) {
            CHECK_INT(dg_hll_add(&h, check_random()), 0);
        }
        CHECK_REL(dg_hll_estimate(&h), distinct_estimate[k], 1e-11);
        dg_hll_deinit(&h);
    }
}

static void registers_at_their_greatest_rank_are_estimated_too(void)
{
    struct dg_hll h = {0};
    for (uint64_t i = 0; i < DG_HLL_REGISTERS; i++) {
        CHECK_INT(dg_hll_add(&h, i << 52 | (i % 3 == 0 ? 0 : 2)), 0);
    }
    CHECK_INT(h.reg[0], 53);
    CHECK_INT(h.reg[1], 51);
    CHECK_REL(dg_hll_estimate(&h), saturated_estimate, 1e-11);
    dg_hll_deinit(&h);
}

static void the_hash_of_keys_is_xxh3(void)
{
    /* From the reference implementation's own test vectors: XXH3 64 bits, seed 0, no input. */
    CHECK(dg_hash_key("", 0) == UINT64_C(0x2d06800538d394c2));
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(moments_and_quantiles_are_those_of_scipy_and_numpy),
                      CASE(edges_and_groups_follow_the_rules_on_exact_fractions),
                      CASE(distinct_estimates_are_those_of_ertls_formula),
                      CASE(registers_at_their_greatest_rank_are_estimated_too),
                      CASE(the_hash_of_keys_is_xxh3));
}
