/* Comparisons without a common binning or dictionary: what is told apart, and what is no error. */
#include "engine/compare.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

enum { BATCH = 500, KEY = 24 };

static struct dg_dictionary *dictionary_of(uint32_t first, uint32_t n, uint32_t own, uint64_t count)
{
    struct dg_keyed *v = calloc(n, sizeof *v);
    char(*text)[KEY] = calloc(n, KEY);
    for (uint32_t i = 0; i < n; i++) {
        const int len = snprintf(text[i], KEY, "key%u", first + i);
        v[i] = (struct dg_keyed){text[i], (uint32_t)len, 0, count};
    }
    struct dg_dictionary *d = NULL;
    CHECK_INT(dg_dictionary_build(v, n, own, &d), 0);
    free(text);
    free(v);
    return d;
}

/* n values, each one of `distinct` keys from `first` on with the same probability. */
static void fill_category(struct dg_state *s, const struct dg_dictionary *d, uint32_t first,
                          uint32_t distinct, size_t n)
{
    struct dg_coded p = {0};
    *s = (struct dg_state){.kind = DG_STATE_SERIES, .type = DG_FEATURE_CATEGORY};
    dg_category_init(&s->category, d);
    for (size_t done = 0; done < n; done += BATCH) {
        char text[BATCH][KEY];
        struct dg_text t[BATCH];
        for (size_t i = 0; i < BATCH; i++) {
            const uint32_t id = first + (uint32_t)(check_random() % distinct);
            const int len = snprintf(text[i], KEY, "key%u", id);
            t[i] = (struct dg_text){text[i], (uint32_t)len, DG_FINITE};
        }
        CHECK_INT(dg_code(&p, d, NULL, t, BATCH), 0);
        CHECK_INT(dg_category_add(&s->category, &p, NULL, BATCH), 0);
    }
    dg_coded_deinit(&p);
}

static struct dg_series_row compare(struct dg_state *reference, struct dg_state *current)
{
    struct dg_compare_scratch scratch = {0};
    struct dg_series_row row = {.column = "x"};
    struct dg_error err = {0};
    CHECK_INT(dg_compare(&scratch, reference, current, &row, &err), 0);
    dg_compare_scratch_deinit(&scratch);
    if (current->type == DG_FEATURE_NUMERIC) {
        dg_numeric_deinit(&reference->numeric);
        dg_numeric_deinit(&current->numeric);
    } else {
        dg_category_deinit(&reference->category);
        dg_category_deinit(&current->category);
    }
    return row;
}

static void many_categories_without_a_dictionary_are_compared(void)
{
    static const struct {
        uint32_t distinct;
        size_t m, n;
    } cases[] = {{300, 2000, 2000},   {1000, 20000, 20000}, {10000, 20000, 20000},
                 {10000, 30000, 500}, {10000, 500, 30000},  {100000, 50000, 20000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dg_state r, c;
        fill_category(&r, NULL, 0, cases[i].distinct, cases[i].m);
        fill_category(&c, NULL, 0, cases[i].distinct, cases[i].n);
        const struct dg_series_row same = compare(&r, &c);
        CHECK(same.drift.p > 1e-6 && same.drift.new_p > 1e-6);
        CHECK_INT(same.drift.n, cases[i].n);
        CHECK_INT(same.drift.m, cases[i].m);
    }
    struct dg_state r, c;
    fill_category(&r, NULL, 0, 300, 5000);
    fill_category(&c, NULL, 200, 300, 5000);
    const struct dg_series_row moved = compare(&r, &c);
    CHECK(moved.drift.p < 1e-100 && moved.drift.psi_adjusted > 1.0);
    CHECK_STR(moved.top[0].category, "(new)");
}

static void the_part_that_is_new_is_measured_as_psi_measures_it(void)
{
    struct dg_state r, c;
    fill_category(&r, NULL, 0, 10000, 20000);
    fill_category(&c, NULL, 0, 10000, 20000);
    const struct dg_series_row row = compare(&r, &c);
    CHECK(row.n_top > 0 && row.top[0].psi <= row.drift.psi);
}

static void another_dictionary_does_not_hide_what_is_the_same(void)
{
    struct dg_dictionary *a = dictionary_of(0, 200, 200, 50), *b = dictionary_of(100, 200, 150, 50);
    struct dg_state r, c;
    fill_category(&r, a, 0, 250, 20000);
    fill_category(&c, b, 0, 250, 20000);
    const struct dg_series_row row = compare(&r, &c);
    CHECK(row.drift.p > 1e-6 && row.drift.psi < 0.1);
    fill_category(&r, a, 0, 50, 20000);
    fill_category(&c, b, 20, 50, 20000);
    CHECK(compare(&r, &c).drift.psi_adjusted > 1.0);
    dg_dictionary_free(a);
    dg_dictionary_free(b);
}

static void a_reference_smaller_than_the_dictionarys_singletons_is_no_error(void)
{
    struct dg_dictionary *d = dictionary_of(0, 5000, 256, 1);
    struct dg_state r, c;
    fill_category(&r, d, 0, 5000, 500);
    fill_category(&c, d, 0, 5000, 1000);
    CHECK(compare(&r, &c).drift.p > 1e-6);
    dg_dictionary_free(d);
}

static void a_long_category_is_cut_between_characters(void)
{
    char text[121] = "a";
    for (size_t i = 1; i < 121; i += 2) {
        memcpy(text + i, "\xc3\xa4", 2);
    }
    const struct dg_keyed v = {text, sizeof text, 0, 10};
    struct dg_dictionary *d = NULL;
    CHECK_INT(dg_dictionary_build(&v, 1, 1, &d), 0);
    struct dg_state r, c;
    fill_category(&r, d, 0, 1, 500);
    fill_category(&c, d, 0, 1, 500);
    r.category.count[0] = 250;
    r.category.count[2] = 250;
    const struct dg_series_row row = compare(&r, &c);
    CHECK(row.n_top == 2 && strlen(row.top[0].category) % 2 == 1);
    CHECK(strncmp(row.top[0].category, text, strlen(row.top[0].category)) == 0 ||
          strcmp(row.top[0].category, "(new)") == 0);
    dg_dictionary_free(d);
}

/* Half of the n values are `a`, half are `b`. */
static void fill_numeric(struct dg_state *s, double a, double b, size_t n)
{
    struct dg_prepared p = {0};
    double *x = calloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        x[i] = i % 2 == 0 ? a : b;
    }
    *s = (struct dg_state){.kind = DG_STATE_SERIES, .type = DG_FEATURE_NUMERIC};
    dg_numeric_init(&s->numeric, NULL);
    CHECK_INT(dg_prepare(&p, NULL, -(double)INFINITY, (double)INFINITY, x, n), 0);
    CHECK_INT(dg_numeric_add(&s->numeric, &p, NULL, n), 0);
    dg_prepared_deinit(&p);
    free(x);
}

static void sketches_tell_what_moves_into_a_gap(void)
{
    static const double to[][4] = {{5, 5, 3, 3},    {5, 5, 7, 7},   {0, 10, 0, 5},
                                   {0, 10, -1, 10}, {0, 10, 0, 12}, {-4, -2, -3, -2},
                                   {1, 2, 1, 1e300}};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        struct dg_state r, c;
        fill_numeric(&r, to[i][0], to[i][1], 1000);
        fill_numeric(&c, to[i][2], to[i][3], 1000);
        const struct dg_series_row row = compare(&r, &c);
        CHECK(row.drift.ks >= 0.5 && row.drift.p < 1e-100 && row.drift.psi_adjusted > 1.0);
        fill_numeric(&r, to[i][0], to[i][1], 1000);
        fill_numeric(&c, to[i][0], to[i][1], 1000);
        CHECK_REL(compare(&r, &c).drift.ks, 0.0, 0.0);
    }
}

/* The windows of a stream that stays the same, each compared with the one before. */
static void alike_windows_without_a_dictionary_keep_their_level(void)
{
    static const uint32_t distinct[] = {30, 200};
    for (size_t k = 0; k < 2; k++) {
        int rejected = 0;
        for (int i = 0; i < 200; i++) {
            struct dg_state r, c;
            fill_category(&r, NULL, 0, distinct[k], 500);
            fill_category(&c, NULL, 0, distinct[k], 500);
            rejected += compare(&r, &c).drift.chi2_p <= 0.05;
        }
        CHECK(rejected <= 24); /* binomial(200, 0.05): beyond it once in 5,000 */
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(many_categories_without_a_dictionary_are_compared),
                      CASE(the_part_that_is_new_is_measured_as_psi_measures_it),
                      CASE(another_dictionary_does_not_hide_what_is_the_same),
                      CASE(a_reference_smaller_than_the_dictionarys_singletons_is_no_error),
                      CASE(a_long_category_is_cut_between_characters),
                      CASE(alike_windows_without_a_dictionary_keep_their_level),
                      CASE(sketches_tell_what_moves_into_a_gap));
}
