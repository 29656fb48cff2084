/* Goal: bounds and estimate on cases small enough to work by hand, with and without sums, and at
 * the limits of fixed-point numbers. Random data against a naive oracle: tests/property. */
#include "stats/wasserstein.h"

#include "tests/binned_sample.h"
#include "tests/check.h"

#include <errno.h>

#define UNIT 0x1p-20

static struct dg_binning bins;
static struct binned_sample ref, cur;

static struct dg_wasserstein compare(void)
{
    struct dg_wasserstein w;
    CHECK_INT(dg_wasserstein(&bins, &ref.view, &cur.view, &w), 0);
    CHECK(w.low <= w.w1 && w.w1 <= w.high);
    return w;
}

static void two_points_are_as_far_as_they_are_apart(void)
{
    sample_binning(&bins, (const double[]){1.0}, 1, 1, 0.0, UNIT);
    sample_bin(&bins, (const double[]){0.25}, 1, &ref);
    sample_bin(&bins, (const double[]){2.635}, 1, &cur);
    const struct dg_wasserstein w = compare();
    CHECK_ABS(w.w1, 2.385, 2 * UNIT);
    CHECK_ABS(w.low, 2.385, 2 * UNIT);
    CHECK_ABS(w.high, 2.385, 4 * UNIT);
}

static void one_bin_alone_knows_the_difference_of_means(void)
{
    sample_binning(&bins, NULL, 0, 1, 5.0, UNIT);
    sample_bin(&bins, (const double[]){1.0, 2.0, 3.0}, 3, &ref);
    sample_bin(&bins, (const double[]){2.0, 3.0, 7.0}, 3, &cur);
    const struct dg_wasserstein w = compare();
    CHECK_ABS(w.low, 2.0, 2 * UNIT);
    CHECK(w.high >= 2.0);
    CHECK(w.high <= 6.0 + 2 * UNIT);
}

static void equal_samples_are_not_apart(void)
{
    const double x[] = {-3.0, 0.1, 0.2, 0.7, 5.5, 9.0};
    sample_binning(&bins, (const double[]){0.0, 0.5, 6.0}, 3, 2, 1.0, UNIT);
    sample_bin(&bins, x, 6, &ref);
    sample_bin(&bins, x, 6, &cur);
    const struct dg_wasserstein w = compare();
    CHECK(w.w1 == 0.0 && w.low == 0.0 && w.rank == 0.0);
}

static void without_sums_the_bounds_are_wider_and_still_hold(void)
{
    const double a[] = {0.1, 0.2, 0.6, 0.9, 1.5, 1.9};
    const double b[] = {0.3, 0.7, 1.1, 1.2, 1.8, 2.4};
    sample_binning(&bins, (const double[]){0.5, 1.0, 1.9}, 3, 2, 0.0, UNIT);
    sample_bin(&bins, a, 6, &ref);
    sample_bin(&bins, b, 6, &cur);
    const struct dg_wasserstein exact = compare();
    cur.view.sum = NULL;
    const struct dg_wasserstein loose = compare();
    const double truth = (0.2 + 0.5 + 0.5 + 0.3 + 0.3 + 0.5) / 6.0;
    CHECK(exact.low <= truth && truth <= exact.high);
    CHECK(loose.low <= exact.low && exact.high <= loose.high);
    ref.view.sum = NULL;
    const struct dg_wasserstein both = compare();
    CHECK(both.low == loose.low && both.high == loose.high && both.w1 == loose.w1);
}

static void mass_beyond_the_reference_is_measured_exactly(void)
{
    const double a[] = {0.0, 1.0, 2.0, 3.0};
    const double b[] = {0.0, 1.0, 2.0, 1003.0};
    sample_binning(&bins, (const double[]){0.0, 1.0, 2.0, 3.0}, 4, 2, 1.5, UNIT);
    sample_bin(&bins, a, 4, &ref);
    sample_bin(&bins, b, 4, &cur);
    const struct dg_wasserstein w = compare();
    CHECK_ABS(w.w1, 250.0, 1e-5);
    CHECK_ABS(w.high, 250.0, 1e-5);
}

static void values_beyond_the_clamp_widen_the_upper_bound_only(void)
{
    sample_binning(&bins, (const double[]){1.0}, 1, 1, 0.0, UNIT);
    sample_bin(&bins, (const double[]){0.5, 0.75}, 2, &ref);
    sample_bin(&bins, (const double[]){0.5, 4294967296.0}, 2, &cur);
    cur.sum[1] = (dg_i128)1 << 50; /* as the state would have clamped it */
    const struct dg_wasserstein w = compare();
    const double truth = (4294967296.0 - 0.75) / 2.0;
    CHECK(w.low <= truth && truth <= w.high);
    CHECK(w.high < 1.01 * truth);
}

static void values_at_the_end_of_the_doubles_give_an_infinite_bound(void)
{
    sample_binning(&bins, (const double[]){1.0}, 1, 1, 0.0, UNIT);
    sample_bin(&bins, (const double[]){0.5, 0.75}, 2, &ref);
    sample_bin(&bins, (const double[]){0.5, 2.0}, 2, &cur);
    cur.view.max = 1.7e308;
    cur.sum[1] = (dg_i128)1 << 50;
    const struct dg_wasserstein w = compare();
    CHECK(w.high == (double)INFINITY && isfinite(w.low) && isfinite(w.w1));
    ref.view.max = 1.7e308; /* a bound that no value reaches changes nothing */
    CHECK(compare().w1 == w.w1);
}

static void huge_counts_do_not_overflow(void)
{
    sample_binning(&bins, (const double[]){1.0, 2.0}, 2, 2, 0.0, UNIT);
    sample_bin(&bins, (const double[]){0.5, 1.5}, 2, &ref);
    sample_bin(&bins, (const double[]){1.5, 2.5}, 2, &cur);
    const uint64_t big = UINT64_C(1) << 52;
    struct binned_sample *both[] = {&ref, &cur};
    for (int k = 0; k < 2; k++) {
        both[k]->view.n *= big;
        for (int j = 0; j < 3; j++) {
            both[k]->count[j] *= big;
            both[k]->sum[j] *= (dg_i128)big;
        }
    }
    CHECK_ABS(compare().w1, 1.0, 2 * UNIT);
}

static void unknown_extremes_are_refused(void)
{
    sample_binning(&bins, (const double[]){1.0}, 1, 1, 0.0, UNIT);
    sample_bin(&bins, (const double[]){0.5}, 1, &ref);
    sample_bin(&bins, (const double[]){2.5}, 1, &cur);
    cur.view.max = (double)INFINITY;
    struct dg_wasserstein w = {.w1 = 2.385};
    CHECK_INT(dg_wasserstein(&bins, &ref.view, &cur.view, &w), EINVAL);
    CHECK(w.w1 == 2.385);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(two_points_are_as_far_as_they_are_apart),
                      CASE(one_bin_alone_knows_the_difference_of_means),
                      CASE(equal_samples_are_not_apart),
                      CASE(without_sums_the_bounds_are_wider_and_still_hold),
                      CASE(mass_beyond_the_reference_is_measured_exactly),
                      CASE(values_beyond_the_clamp_widen_the_upper_bound_only),
                      CASE(values_at_the_end_of_the_doubles_give_an_infinite_bound),
                      CASE(huge_counts_do_not_overflow), CASE(unknown_extremes_are_refused));
}
