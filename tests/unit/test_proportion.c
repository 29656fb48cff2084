/* Goal: the exact tests equal brute force on small samples and stay sane at the ends. Method:
 * enumeration of all arrangements in the test; golden values are in tests/golden. */
#include "stats/proportion.h"

#include "stats/dist.h"
#include "tests/check.h"

/* Share of the arrangements of m reference and n current values in which at least k current ones
 * lie outside the reference's extremes, by counting bit patterns. */
static double range_by_enumeration(unsigned k, unsigned n, unsigned m)
{
    double hits = 0.0;
    double all = 0.0;
    for (unsigned bits = 0; bits < 1u << (n + m); bits++) { /* 1 = reference */
        if ((unsigned)__builtin_popcount(bits) != m) {
            continue;
        }
        const unsigned low = (unsigned)__builtin_ctz(bits);
        const unsigned high = 31u - (unsigned)__builtin_clz(bits);
        all++;
        hits += low + (n + m - 1 - high) >= k;
    }
    return hits / all;
}

static void range_test_equals_enumeration(void)
{
    for (unsigned n = 1; n <= 7; n++) {
        for (unsigned m = 1; m <= 7; m++) {
            for (unsigned k = 0; k <= n; k++) {
                CHECK_REL(dg_range_p(k, n, m, 1.0), range_by_enumeration(k, n, m), 1e-12);
            }
        }
    }
}

static void range_test_at_large_sizes(void)
{
    /* two end spacings of m = 1e6: (k+1) (n/(n+m))^k nearly */
    const double ratio = 1e4 / (1e4 + 1e6);
    CHECK_REL(dg_range_p(3, 10000, 1000000, 1.0), 4.0 * pow(ratio, 3.0), 0.02);
    CHECK(dg_range_p(10000, 10000, 1000000, 1.0) == DG_P_MIN);
    CHECK(dg_range_p(7, 10000, 1000000, 3.0) == dg_range_p(2, 3333, 1000000, 1.0));
    CHECK(isnan(dg_range_p(3, 2, 5, 1.0)));
    CHECK(isnan(dg_range_p(1, 2, 0, 1.0)));
}

static void equal_rates_give_one_and_opposite_ones_give_little(void)
{
    CHECK(dg_proportion_p(0, 100, 0, 5000, 1.0) == 1.0);
    CHECK(dg_proportion_p(10, 100, 500, 5000, 1.0) == 1.0);
    CHECK(dg_proportion_p(100, 100, 0, 5000, 1.0) < 1e-100);
    CHECK(dg_proportion_p(0, 0, 5, 10, 1.0) == 1.0);
    CHECK(isnan(dg_proportion_p(5, 4, 5, 10, 1.0)));
    CHECK(isnan(dg_proportion_p(1, 4, 5, 10, 0.5)));
    CHECK(dg_proportion_p(UINT64_C(5000000000), UINT64_C(10000000000), UINT64_C(5000300000),
                          UINT64_C(10000000000), 1.0) < 1e-4);
}

static void fisher_and_z_agree_where_they_meet(void)
{
    /* expected counts just below and just above the limit */
    const double exact = dg_proportion_p(10150, 100000, 9800, 100000, 1.0);
    const double z = dg_proportion_p(10152, 100000, 9850, 100000, 1.0);
    const double spread = sqrt(0.10001 * 0.89999 * 2.0 / 100000.0);
    CHECK_REL(z, 2.0 * dg_normal_upper(0.00302 / spread), 1e-12);
    CHECK_REL(exact, 2.0 * dg_normal_upper(0.0035 / sqrt(0.09975 * 0.90025 * 2e-5)), 0.03);
}

static void new_category_test_at_its_ends(void)
{
    CHECK(dg_new_category_p(0, 100, 1000, 5, 1.0) == 1.0);
    /* no singleton: one new event has probability n/(n+m) */
    CHECK_REL(dg_new_category_p(1, 100, 1000, 0, 1.0), 100.0 / 1100.0, 1e-13);
    CHECK_REL(dg_new_category_p(2, 100, 1000, 0, 1.0), pow(100.0 / 1100.0, 2.0), 1e-13);
    CHECK(dg_new_category_p(100, 100, 100000, 0, 1.0) < 1e-200);
    CHECK(dg_new_category_p(50, 100, 1000, 400, 1.0) > 0.01);
    CHECK(dg_new_category_p(8, 100, 1000, 10, 1.0) < dg_new_category_p(8, 100, 1000, 10, 2.385));
    CHECK(isnan(dg_new_category_p(1, 0, 10, 0, 1.0)));
    CHECK(isnan(dg_new_category_p(11, 10, 10, 0, 1.0)));
}

static void wilson_s_interval_stays_inside(void)
{
    double low;
    double high;
    dg_wilson(0, 0, 0.95, &low, &high);
    CHECK(low == 0.0 && high == 1.0);
    dg_wilson(0, 10, 0.95, &low, &high);
    CHECK(low == 0.0);
    CHECK_REL(high, 0.27753279986288637, 1e-12);
    dg_wilson(10, 10, 0.95, &low, &high);
    CHECK_REL(low, 1.0 - 0.27753279986288637, 1e-12);
    CHECK(high == 1.0);
    for (uint64_t k = 0; k <= 50; k++) {
        dg_wilson(k, 50, 0.99, &low, &high);
        CHECK(low <= (double)k / 50.0 && (double)k / 50.0 <= high && low >= 0.0 && high <= 1.0);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(range_test_equals_enumeration),
                      CASE(range_test_at_large_sizes),
                      CASE(equal_rates_give_one_and_opposite_ones_give_little),
                      CASE(fisher_and_z_agree_where_they_meet), CASE(new_category_test_at_its_ends),
                      CASE(wilson_s_interval_stays_inside));
}
