/* Goal: adjusted p-values as defined, whatever order they come in. Method: the definition, written
 * naively in O(n^2), and properties; golden values are in tests/golden. */
#include "stats/multiple.h"

#include "tests/check.h"

#define N 137

static double naive(const double p[], size_t n, size_t i, double factor)
{
    double family = 0.0;
    for (size_t k = 0; k < n; k++) {
        family += !isnan(p[k]);
    }
    double least = 1.0;
    for (size_t k = 0; k < n; k++) {
        if (p[k] >= p[i]) {
            double rank = 0.0;
            for (size_t j = 0; j < n; j++) {
                rank += p[j] <= p[k];
            }
            least = fmin(least, p[k] * factor * family / rank);
        }
    }
    return least;
}

static void adjusted_values_meet_the_definition(void)
{
    for (int round = 0; round < 50; round++) {
        double p[N];
        double bh[N];
        double by[N];
        size_t scratch[N];
        double family = 0.0;
        for (size_t i = 0; i < N; i++) {
            p[i] = pow(check_uniform(), 3.0);
            if (i % 7 == 0) {
                p[i] = floor(p[i] * 10.0) / 10.0; /* ties, and zeros */
            }
            if (i % 11 == 3) {
                p[i] = (double)NAN;
            } else {
                family++;
            }
        }
        double harmonic = 0.0;
        for (double k = 1.0; k <= family; k++) {
            harmonic += 1.0 / k;
        }
        dg_adjust_bh(p, N, scratch, bh);
        dg_adjust_by(p, N, scratch, by);
        for (size_t i = 0; i < N; i++) {
            if (isnan(p[i])) {
                CHECK(isnan(bh[i]) && isnan(by[i]));
            } else {
                CHECK_REL(bh[i], naive(p, N, i, 1.0), 1e-13);
                CHECK_REL(by[i], naive(p, N, i, harmonic), 1e-13);
                CHECK(bh[i] >= p[i] && by[i] >= bh[i] && by[i] <= 1.0);
            }
        }
    }
}

static void input_and_output_may_be_one_array(void)
{
    double p[] = {0.04, 0.001, (double)NAN, 0.2, 0.03};
    double q[5];
    size_t scratch[5];
    dg_adjust_bh(p, 5, scratch, q);
    dg_adjust_bh(p, 5, scratch, p);
    for (int i = 0; i < 5; i++) {
        CHECK_ABS(p[i], q[i], 0.0);
    }
}

static void families_of_none_and_one(void)
{
    size_t scratch[1];
    double p = 0.0385;
    dg_adjust_bh(&p, 0, scratch, &p);
    CHECK(p == 0.0385);
    dg_adjust_bh(&p, 1, scratch, &p);
    CHECK(p == 0.0385);
    dg_adjust_by(&p, 1, scratch, &p);
    CHECK(p == 0.0385);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(adjusted_values_meet_the_definition),
                      CASE(input_and_output_may_be_one_array), CASE(families_of_none_and_one));
}
