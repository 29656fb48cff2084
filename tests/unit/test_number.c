/* Goal: decimal text to double is exactly what strtod gives in the C locale, for every path through
 * the code (exact doubles, 128-bit integers, long text).
 * Method: strtod of the C library as the oracle, on numbers of all magnitudes printed with all
 * numbers of digits, on random digit strings, and on the points half way between two doubles. */
#include "connectors/number.h"
#include "tests/check.h"

#include <locale.h>

static uint64_t bits(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static void check_text(const char *text)
{
    double got = 0;
    static char padded[(1 << 20) + 64];
    struct dg_decimal d;
    const size_t len = strlen(text);
    memcpy(padded, text, len);
    memset(padded + len, check_random() % 2 ? ',' : '\0', 8);
    CHECK(dg_decimal_scan_padded(padded, padded + len, &d) == padded + len);
    CHECK(bits(dg_decimal_value(&d)) == bits(strtod(text, NULL)));
    if (!dg_number_parse(text, strlen(text), &got) || bits(got) != bits(strtod(text, NULL))) {
        check_failures++;
        fprintf(stderr, "%s: got %a, want %a\n", text, got, strtod(text, NULL));
    }
}

static double random_double(void)
{
    for (;;) {
        const uint64_t b = check_random();
        double x;
        memcpy(&x, &b, sizeof x);
        if (isfinite(x)) {
            return x;
        }
    }
}

static void doubles_of_all_magnitudes_and_precisions(void)
{
    char text[64];
    for (int i = 0; i < 300000 && check_failures < 10; i++) {
        const int digits = (int)(check_random() % 20) + 1;
        snprintf(text, sizeof text, "%.*g", digits, random_double());
        check_text(text);
        snprintf(text, sizeof text, "%.*g", digits, (check_uniform() - 0.5) * 2e6);
        check_text(text);
        snprintf(text, sizeof text, "%.*f", digits, check_normal() * 100);
        check_text(text);
    }
}

static void random_digits_with_points_and_exponents(void)
{
    for (int i = 0; i < 400000 && check_failures < 10; i++) {
        char text[80];
        size_t n = 0;
        if (check_random() % 3 == 0) {
            text[n++] = "+-"[check_random() % 2];
        }
        const size_t digits = check_random() % 24 + 1;
        const size_t point = check_random() % (digits * 2);
        for (size_t k = 0; k < digits; k++) {
            if (k == point) {
                text[n++] = '.';
            }
            text[n++] = (char)('0' + (check_random() % 4 == 0 ? 0 : check_random() % 10));
        }
        n += (size_t)(check_random() % 2 == 0
                          ? 0
                          : snprintf(text + n, sizeof text - n, "%c%d", "eE"[check_random() % 2],
                                     (int)(check_random() % 80) - 40));
        text[n] = '\0';
        check_text(text);
    }
}

static void points_half_way_between_two_doubles(void)
{
    char text[1200];
    for (int i = 0; i < 20000 && check_failures < 10; i++) {
        /* An odd integer of 54 bits, times 2^k for small k, is a tie: all its digits matter. */
        const uint64_t odd = (check_random() >> 10) | (UINT64_C(1) << 53) | 1;
        snprintf(text, sizeof text, "%llu", (unsigned long long)odd);
        check_text(text);
        strcat(text, ".0000000000000000000000000000000000000000000000000000000001");
        check_text(text);
        snprintf(text, sizeof text, "%.1070f", ldexp((double)(check_random() >> 11), -1070));
        check_text(text);
    }
}

static void text_of_any_length(void)
{
    const size_t n = 1 << 20;
    char *const text = malloc(n + 32);
    memset(text, '0', n);
    strcpy(text + n, "1e-3");
    check_text(text); /* a million leading zeros */
    text[0] = '7';
    text[1] = '.';
    check_text(text);
    memset(text, '9', n);
    check_text(text);
    sprintf(text + n, "e-%zu", n);
    check_text(text);
    text[0] = '.';
    strcpy(text + n, "e5");
    check_text(text);
    free(text);
}

static void ranges_and_zeros(void)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "0.0",
                                        "-0e5",
                                        "0e999999999999999999999",
                                        "1e400",
                                        "-1e400",
                                        "1e-400",
                                        "-1e-400",
                                        "1e99999999999999999999",
                                        "1e-99999999999999999999",
                                        "1.7976931348623157e308",
                                        "1.7976931348623158e308",
                                        "1.7976931348623159e308",
                                        "4.9e-324",
                                        "2.4703282292062327e-324",
                                        "2.4703282292062328e-324",
                                        "2.2250738585072011e-308",
                                        "9007199254740993",
                                        "9007199254740992.5",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "9999999999999999999e27",
                                        "1e23",
                                        "8.5e-27",
                                        "1.",
                                        ".5",
                                        "0000000000000000000000000000012"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_text(texts[i]);
    }
}

static void what_is_no_number(void)
{
    static const char *const texts[] = {"",    "-",  "+",   ".",   "e5",    "1e",
                                        "1e+", "1 ", " 1",  "1,5", "0x10",  "1.2.3",
                                        "--1", "1-", "nan", "inf", "1e5.0", "\xd9\xa3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double x;
        CHECK(!dg_number_parse(texts[i], strlen(texts[i]), &x));
    }
    double x = 0;
    CHECK(dg_number_parse_words("-iNf", 4, &x) && x == -HUGE_VAL);
    CHECK(dg_number_parse_words("Infinity", 8, &x) && x == HUGE_VAL);
    CHECK(dg_number_parse_words("NaN", 3, &x) && isnan(x));
    CHECK(!dg_number_parse_words("nano", 4, &x) && !dg_number_parse_words("-", 1, &x));
}

static void numbers_that_are_json_too(void)
{
    static const struct {
        const char *text;
        bool json;
    } cases[] = {{"0", true},     {"-0", true},  {"10", true},    {"1.5", true},  {"1e5", true},
                 {"1E+05", true}, {"0.5", true}, {"01", false},   {"-01", false}, {"+1", false},
                 {".5", false},   {"1.", false}, {"1.e5", false}, {"00", false},  {"0e0", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dg_decimal d;
        const char *const end = cases[i].text + strlen(cases[i].text);
        CHECK(dg_decimal_scan(cases[i].text, end, &d) == end);
        CHECK_INT(d.json, cases[i].json);
    }
}

static void integers(void)
{
    static const struct {
        const char *text;
        bool fits;
        int64_t value;
    } cases[] = {{"0", true, 0},
                 {"-7", true, -7},
                 {"9223372036854775807", true, INT64_MAX},
                 {"9223372036854775808", false, 0},
                 {"-9223372036854775808", true, INT64_MIN},
                 {"-9223372036854775809", false, 0},
                 {"12.0", true, 12},
                 {"12.5", false, 0},
                 {"1.5e1", true, 15},
                 {"1e18", true, INT64_C(1000000000000000000)},
                 {"1e19", false, 0},
                 {"99999999999999999999", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dg_decimal d;
        int64_t value = 0;
        const char *const text = cases[i].text;
        CHECK(dg_decimal_scan(text, text + strlen(text), &d) != NULL);
        CHECK_INT(dg_decimal_integer(&d, &value), cases[i].fits);
        CHECK_INT(value, cases[i].value);
    }
}

static void the_users_locale_does_not_matter(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "da_DK.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)setlocale(LC_ALL, names[i]); /* none may be installed; then this checks little */
    }
    double x = 0;
    CHECK(dg_number_parse("1.25e-300", 9, &x) && x == 1.25e-300);
    CHECK(!dg_number_parse("1,25", 4, &x));
    setlocale(LC_ALL, "C");
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(doubles_of_all_magnitudes_and_precisions),
        CASE(random_digits_with_points_and_exponents), CASE(points_half_way_between_two_doubles),
        CASE(text_of_any_length), CASE(ranges_and_zeros), CASE(what_is_no_number),
        CASE(numbers_that_are_json_too), CASE(integers), CASE(the_users_locale_does_not_matter));
}
