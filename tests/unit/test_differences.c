/* Goal: a comparison says what changed: which cells, beyond which extremes, in which new category,
 * and how the missing share moved; by bins of a file and, without one, by sketches.
 * Method: two windows that differ in one known thing, through the whole engine. */
#include "tests/check.h"
#include "tests/support/engine_run.h"

#define YAML                                                                                       \
    "monitor: m\ncolumns: { timestamp: time, features: { n0: numeric, t0: category } }\n"          \
    "windows: { size: 1h, slide: 1h }\n"
#define FILE_YAML     YAML "baselines: { b: { file: b } }\n"
#define PREVIOUS_YAML YAML "baselines: { b: previous_window }\n"
#define N             1000

static struct memory_row rows[2 * N];
static const char *const WORDS[] = {"a", "b", "c", "d", "e"};

/* The reference in the first hour, the same once more in the second. */
static void make_rows(void)
{
    for (size_t i = 0; i < N; i++) {
        rows[i] = (struct memory_row){
            .time_us = MONDAY + 1, .number = {check_normal()}, .text = {WORDS[i % 4]}};
        rows[N + i] = rows[i];
        rows[N + i].time_us += HOUR;
    }
}

/* Compare the second hour with the first, by file or by window. */
static struct dg_series_row compare(const char *column, bool file)
{
    struct dg_baseline *b = file ? engine_baseline(FILE_YAML, rows, N) : NULL;
    struct engine_run r = {.file = {b}};
    engine_run_rows(&r, file ? FILE_YAML : PREVIOUS_YAML, rows, 2 * N);
    const struct dg_series_row *s = engine_series(&r, MONDAY + 2 * HOUR, 0, "", "all", column, "b");
    DG_ASSERT(s != NULL);
    const struct dg_series_row copy = *s; /* its texts are not looked at afterwards */
    engine_run_close(&r);
    dg_baseline_free(b);
    return copy;
}

static void nothing_changed(void)
{
    for (int file = 0; file < 2; file++) {
        make_rows();
        const struct dg_series_row n = compare("n0", file), t = compare("t0", file);
        CHECK_INT((n.flags & DG_FLAG_SKETCHED) != 0, !file);
        CHECK_ABS(n.drift.psi, 0, 1e-12);
        CHECK_ABS(n.drift.ks, 0, 1e-12);
        CHECK_ABS(t.drift.psi, 0, 1e-12);
        CHECK_INT(n.n_top + t.n_top, 0);
        CHECK(n.drift.p > 0.99 && t.drift.p > 0.99);
        CHECK_REL(n.drift.null_p, 1, 1e-9);
    }
}

static void a_shift_names_the_bins_and_stays_in_the_bounds(void)
{
    for (int file = 0; file < 2; file++) {
        make_rows();
        for (size_t i = 0; i < N; i++) {
            rows[N + i].number[0] += 0.5;
        }
        const struct dg_series_row s = compare("n0", file);
        CHECK_INT(s.n_top, 3);
        CHECK(s.top[0].psi >= s.top[1].psi && s.top[1].psi >= s.top[2].psi && s.top[2].psi > 0);
        CHECK(s.top[0].low < s.top[0].high);
        CHECK(s.drift.ks > 0.15 && s.drift.ks <= s.drift.ks_high);
        CHECK(s.drift.w1_low <= 0.5 && 0.5 <= s.drift.w1_high);
        CHECK(s.drift.p < 1e-9);
        CHECK_ABS(s.mean - s.reference_mean, 0.5, 1e-3);
    }
}

static void values_beyond_the_extremes(void)
{
    make_rows();
    CHECK(compare("n0", true).drift.range_p > 0.99);
    for (size_t i = 0; i < 20; i++) {
        rows[N + i].number[0] = i % 2 == 0 ? 1e9 : -1e9;
    }
    const struct dg_series_row s = compare("n0", true);
    CHECK(s.drift.range_p < 1e-4);     /* of 20 beyond: about 21 / 2^20 */
    CHECK(s.drift.psi_adjusted < 0.1); /* twenty rows of a thousand are no large effect */
    CHECK(s.max == 1e9 && s.min == -1e9);
}

static void categories_that_are_new_or_gone(void)
{
    for (int file = 0; file < 2; file++) {
        make_rows();
        CHECK_REL(compare("t0", file).drift.new_p, 1, 1e-9);
        for (size_t i = 0; i < N; i += 4) { /* a becomes e */
            rows[N + i].text[0] = "e";
        }
        const struct dg_series_row s = compare("t0", file);
        CHECK(s.drift.new_p < 1e-20);
        CHECK_ABS(s.drift.tv, 0.25, 1e-9);
        CHECK_INT(s.n_top, 2);
        const size_t gone = strcmp(s.top[0].category, "a") == 0 ? 0 : 1;
        CHECK_STR(s.top[gone].category, "a");
        CHECK_REL(s.top[gone].reference, 0.25, 1e-9);
        CHECK_ABS(s.top[gone].current, 0, 0);
        CHECK_STR(s.top[1 - gone].category, "(new)");
        CHECK_ABS(s.top[1 - gone].reference, 0, 0);
        CHECK_REL(s.top[1 - gone].current, 0.25, 1e-9);
        CHECK_INT(s.n_spark, 6);
    }
}

static void values_that_go_missing(void)
{
    for (int file = 0; file < 2; file++) {
        make_rows();
        for (size_t i = 0; i < 100; i++) {
            rows[N + 10 * i].number[0] = dg_box(DG_NULL);
            rows[N + 10 * i].text[0] = NULL;
        }
        const struct dg_series_row n = compare("n0", file), t = compare("t0", file);
        CHECK(n.drift.null_p < 1e-20 && t.drift.null_p < 1e-20);
        CHECK_INT(n.n, 900);
        CHECK_REL(t.completeness, 0.9, 1e-9);
        CHECK(n.drift.psi_adjusted < 0.05); /* what is left is as before */
    }
}

/* Infinities and NaN are in no statistic. */
static void odd_numbers_do_not_spoil_the_rest(void)
{
    make_rows();
    for (size_t i = 0; i < 30; i += 3) {
        rows[N + i].number[0] = (double)NAN;
        rows[N + i + 1].number[0] = (double)INFINITY;
        rows[N + i + 2].number[0] = (double)-INFINITY;
    }
    for (int file = 0; file < 2; file++) {
        const struct dg_series_row s = compare("n0", file);
        CHECK_INT(s.n, N - 30);
        CHECK(isfinite(s.mean) && isfinite(s.sd) && isfinite(s.drift.psi));
        CHECK(isfinite(s.drift.ks) && isfinite(s.drift.w1) && isfinite(s.drift.ad));
        CHECK(s.drift.psi < 0.05);
    }
}

static void numbers_at_the_ends_of_their_range(void)
{
    for (int file = 0; file < 2; file++) {
        make_rows();
        for (size_t i = 0; i < N; i++) {
            const double x = i % 3 == 0 ? 1.7e308 : i % 3 == 1 ? -1.7e308 : 5e-324;
            rows[i].number[0] = x;
            rows[N + i].number[0] = i % 3 == 2 ? x : -x;
        }
        const struct dg_series_row s = compare("n0", file);
        CHECK_INT(s.n, N);
        CHECK(s.min == -1.7e308 && s.max == 1.7e308);
        CHECK(s.drift.ks >= 0 && s.drift.ks <= 1 && s.drift.psi >= 0 && s.drift.psi < 0.01);
        CHECK(s.drift.p > 0.5);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(nothing_changed),
                      CASE(a_shift_names_the_bins_and_stays_in_the_bounds),
                      CASE(values_beyond_the_extremes), CASE(categories_that_are_new_or_gone),
                      CASE(values_that_go_missing), CASE(odd_numbers_do_not_spoil_the_rest),
                      CASE(numbers_at_the_ends_of_their_range));
}
