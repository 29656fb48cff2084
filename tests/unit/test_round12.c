/* Goal: dg_round12 is bit for bit what printing 12 significant digits and reading them back gives.
 * Method: that, on random bits, on decimal ties and on the neighbours of powers of ten. */
#include "stats/drift.h"

#include "tests/check.h"

static void compare(double x)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.11e", x);
    const double want = strtod(text, NULL);
    const double got = dg_round12(x);
    if (memcmp(&got, &want, sizeof got) != 0) {
        check_failures++;
        fprintf(stderr, "x = %.17g: got %.17g, want %.17g\n", x, got, want);
    }
}

static void it_equals_the_text_on_numbers_of_every_size(void)
{
    for (int i = 0; i < 200000; i++) {
        compare((check_uniform() - 0.5) * pow(10.0, 30.0 * (check_uniform() - 0.5)));
    }
    for (int i = 0; i < 50000; i++) {
        const uint64_t bits = check_random();
        double x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) {
            compare(x);
        }
    }
}

static void it_equals_the_text_at_and_beside_ties(void)
{
    for (int i = 0; i < 100000; i++) {
        const double whole = floor(1e11 + 9e11 * check_uniform());
        const double scale = ldexp(1.0, -(int)(check_random() % 20));
        const double tie = (whole + 0.5) * scale;
        compare(tie);
        compare(nextafter(tie, 0.0));
        compare(nextafter(tie, 1e300));
        compare((whole + 0.5) / pow(10.0, (double)(check_random() % 22)));
    }
}

static void it_equals_the_text_beside_powers_of_ten(void)
{
    for (int e = -30; e <= 30; e++) {
        char text[16];
        (void)snprintf(text, sizeof text, "1e%d", e);
        double x = strtod(text, NULL);
        for (int i = 0; i < 50; i++) {
            x = nextafter(x, 0.0);
        }
        for (int i = 0; i < 100; i++) {
            compare(x);
            compare(-x);
            x = nextafter(x, 1e300);
        }
        compare(x * (1.0 - 4e-13));
        compare(x * (1.0 - 6e-13));
    }
}

static void what_is_not_a_number_passes_through(void)
{
    CHECK(isnan(dg_round12((double)NAN)));
    CHECK(dg_round12((double)INFINITY) == (double)INFINITY);
    CHECK(dg_round12(-(double)INFINITY) == -(double)INFINITY);
    CHECK(dg_round12(0.0) == 0.0 && !signbit(dg_round12(0.0)));
    CHECK(signbit(dg_round12(-0.0)));
}

static void rounding_twice_changes_nothing(void)
{
    for (int i = 0; i < 100000; i++) {
        const double x = dg_round12(exp(60.0 * (check_uniform() - 0.5)));
        CHECK(dg_round12(x) == x);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(it_equals_the_text_on_numbers_of_every_size),
        CASE(it_equals_the_text_at_and_beside_ties), CASE(it_equals_the_text_beside_powers_of_ten),
        CASE(what_is_not_a_number_passes_through), CASE(rounding_twice_changes_nothing));
}
