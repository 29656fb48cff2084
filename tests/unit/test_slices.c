/* Goal: each row counts in the slices it belongs to, and in no other; their number stays bounded;
 * what is described and compared of each is right, whatever its values are.
 * Method: few rows through the whole engine. */
#include "tests/check.h"
#include "tests/support/engine_run.h"

#define HEAD(more)                                                                                 \
    "monitor: m\ncolumns: { timestamp: time, " more " }\nwindows: { size: 1h, slide: 1h }\n"
#define END (MONDAY + HOUR)

static struct memory_row row_of(double x, const char *a, const char *b, const char *c,
                                const char *d)
{
    return (struct memory_row){.time_us = MONDAY + 1, .number = {x}, .text = {a, b, c, d}};
}

static uint64_t rows_in(const struct engine_run *r, const char *version, const char *segment)
{
    const struct dg_slice_row *s = engine_slice(r, END, 0, version, segment);
    return s == NULL ? 0 : s->rows;
}

static void segments_listed_pairs_and_rest(void)
{
    const struct memory_row rows[] = {
        row_of(1, "DE", "web", "x", NULL), row_of(2, "DE", "app", "x", NULL),
        row_of(3, "FR", "web", "y", NULL), row_of(4, NULL, "web", "z", NULL),
        row_of(5, "DE", NULL, "x", NULL),  row_of(6, "web", "DE", "x", NULL)};
    struct engine_run r = {0};
    engine_run_rows(&r,
                    HEAD("features: { n0: numeric }") "segments: [{ column: t0, values: [DE, IT] "
                                                      "}, { columns: [t0, t1], values: [\"DE,web\""
                                                      ", \"FR,web\"] }]\n",
                    rows, 6);
    CHECK_INT(rows_in(&r, "", "all"), 6);
    CHECK_INT(rows_in(&r, "", "t0=DE"), 3);
    CHECK(engine_slice(&r, END, 0, "", "t0=IT") == NULL); /* no row, no slice */
    CHECK_INT(rows_in(&r, "", "t0=rest"), 3);
    CHECK_INT(rows_in(&r, "", "t0=DE,t1=web"), 1);
    CHECK_INT(rows_in(&r, "", "t0=FR,t1=web"), 1);
    CHECK_INT(rows_in(&r, "", "t0,t1=rest"), 4);
    CHECK_REL(engine_series(&r, END, 0, "", "t0=DE", "n0", NULL)->mean, 8.0 / 3, 1e-9);
    CHECK_INT(r.n_slices, 6);
    engine_run_close(&r);
}

static void segments_of_the_baseline_are_its_most_frequent(void)
{
    static struct memory_row rows[100];
    static const char *const words[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 100; i++) { /* a 40, b 30, c 20, d 10 */
        rows[i] = row_of((double)i,
                         words[i % 10 < 4   ? 0
                               : i % 10 < 7 ? 1
                               : i % 10 < 9 ? 2
                                            : 3],
                         "", "", "");
    }
    static const char yaml[] = HEAD("features: { n0: numeric }") "segments: [{ column: t0, top: 2 "
                                                                 "}]\nbaselines: { b: { file: b } "
                                                                 "}\n";
    struct dg_baseline *b = engine_baseline(yaml, rows, 100);
    struct engine_run r = {.file = {b}};
    engine_run_rows(&r, yaml, rows, 100);
    CHECK_INT(rows_in(&r, "", "t0=a"), 40);
    CHECK_INT(rows_in(&r, "", "t0=b"), 30);
    CHECK_INT(rows_in(&r, "", "t0=rest"), 30);
    CHECK_INT(r.n_slices, 4);
    CHECK_INT(engine_series(&r, END, 0, "", "t0=b", "n0", "b")->reference_n, 30);
    CHECK_INT(engine_series(&r, END, 0, "", "t0=rest", "n0", "b")->reference_n, 30);
    engine_run_close(&r);
    dg_baseline_free(b);
}

static void versions_are_groups_and_those_beyond_the_limit_are_one(void)
{
    const struct memory_row rows[] = {row_of(1, "v1", "x", "", ""), row_of(2, "v2", "x", "", ""),
                                      row_of(3, "v3", "x", "", ""), row_of(4, "v4", "x", "", ""),
                                      row_of(5, NULL, "x", "", ""), row_of(6, "v1", "x", "", "")};
    struct engine_run r = {0};
    engine_run_rows(&r, HEAD("version: t0, features: { n0: numeric }"), rows, 6);
    CHECK_INT(rows_in(&r, "v1", "all"), 2);
    CHECK_INT(rows_in(&r, "(none)", "all"), 1); /* not to be taken for the row of the stream */
    CHECK_INT(rows_in(&r, "", "all"), 6);
    CHECK(engine_slice(&r, END, 0, "", "all")->stream);
    CHECK(engine_series(&r, END, 0, "", "all", "n0", NULL) == NULL);
    CHECK_INT(r.n_slices, 6);
    engine_run_close(&r);
    engine_run_rows(
        &r, HEAD("version: t0, features: { n0: numeric }") "limits: { max_series: 2 }\n", rows, 6);
    CHECK_INT(rows_in(&r, "v1", "all"), 2);
    CHECK_INT(rows_in(&r, "v2", "all"), 1);
    CHECK_INT(rows_in(&r, "rest", "all"), 3);
    CHECK_INT(rows_in(&r, "", "all"), 6);
    CHECK_INT(r.plan.slicer.overflow_rows > 0, 1);
    CHECK_STR(engine_slice(&r, END, 0, "rest", "all")->slice.variant, "");
    engine_run_close(&r);
}

static void names_of_versions_are_bounded_and_each_is_one_group(void)
{
    char longest[DG_GROUP_NAME_MAX + 2], longer[2 * DG_GROUP_NAME_MAX + 2];
    memset(longest, 'v', sizeof longest);
    memset(longer, 'v', sizeof longer);
    /* The 200th and the 201st byte are one character: it is left out. */
    memcpy(longer + DG_GROUP_NAME_MAX - 1, "\xc3\xa4", 2);
    longest[DG_GROUP_NAME_MAX + 1] = longer[2 * DG_GROUP_NAME_MAX + 1] = '\0';
    const struct memory_row rows[] = {
        row_of(1, longer, "x", "", ""), row_of(2, longest, "x", "", ""),
        row_of(3, "rest", "x", "", ""), row_of(4, "v4", "x", "", ""),
        row_of(5, "v5", "x", "", ""),   row_of(6, "rest", "x", "", "")};
    struct engine_run r = {0};
    engine_run_rows(&r, HEAD("version: t0, features: { n0: numeric }"), rows, 6);
    longest[DG_GROUP_NAME_MAX] = longer[DG_GROUP_NAME_MAX - 1] = '\0';
    CHECK_INT(rows_in(&r, longest, "all"), 1);
    CHECK_INT(rows_in(&r, longer, "all"), 1);
    engine_run_close(&r);
    /* Room for four: the three that come first, one of which is called rest, and no second rest. */
    engine_run_rows(
        &r, HEAD("version: t0, features: { n0: numeric }") "limits: { max_series: 3 }\n", rows, 6);
    CHECK_INT(r.plan.slicer.n_groups, 3);
    CHECK_INT(rows_in(&r, "rest", "all"), 4);
    CHECK_INT(r.plan.slicer.overflow_rows > 0, 1);
    engine_run_close(&r);
}

static void a_nul_ends_the_name_of_a_version(void)
{
    struct dg_slicer s = {0};
    const struct dg_segment_values none = {0};
    struct dg_monitor m = {0};
    struct dg_error err;
    struct dg_text text[] = {
        {"v\0x", 3, DG_FINITE}, {"v", 1, DG_FINITE}, {"v\0y", 3, DG_FINITE}, {"\0", 1, DG_FINITE}};
    union dg_column column = {.text = text};
    const struct dg_batch b = {.n = 4, .column = &column};
    struct dg_group_cache cache = {0};
    uint32_t group[4];
    CHECK(dg_slicer_init(&s, &m, &none, NULL, 0, -1, 10, &err) == 0);
    CHECK(dg_slicer_groups(&s, &cache, &b, NULL, group) == 0);
    CHECK_INT(s.n_groups, 2);
    CHECK_INT(group[0], group[1]);
    CHECK_INT(group[0], group[2]);
    CHECK_STR(s.group[0].version, "v");
    CHECK_STR(s.group[1].version, DG_GROUP_NONE);
    dg_slicer_deinit(&s);
}

static void rows_that_do_not_count_make_no_group(void)
{
    struct memory_row rows[] = {row_of(1, "v1", "", "", ""), row_of(2, "v2", "", "", ""),
                                row_of(3, "v3", "", "", ""), row_of(4, "v4", "", "", "")};
    rows[0].time_us = rows[3].time_us = MONDAY + 20 * HOUR;
    rows[1].time_us = MONDAY;
    rows[2].reason = DG_BAD_MALFORMED;
    struct engine_run r = {0};
    engine_run_rows(&r, HEAD("version: t0, features: { n0: numeric }") "time: { late_events: 0 }\n",
                    rows, 4);
    CHECK_INT(r.result.totals.late, 1);
    CHECK_INT(r.plan.slicer.n_groups, 2);
    engine_run_close(&r);
}

static void undeclared_categories_are_values_and_out_of_range(void)
{
    static struct memory_row rows[30];
    for (size_t i = 0; i < 30; i++) { /* 12 a, 6 z, 6 b, 6 null */
        rows[i] = row_of(0,
                         i % 5 < 2    ? "a"
                         : i % 5 == 2 ? "z"
                         : i % 5 == 3 ? "b"
                                      : NULL,
                         "", "", "");
    }
    static const char yaml[] =
        HEAD("features: { t0: { type: category, values: [a, b] } }") "baselines: { b: { file: b } "
                                                                     "}\nchecks: { drift: { "
                                                                     "min_rows: 20 } }\n";
    struct dg_baseline *b = engine_baseline(yaml, rows, 30);
    struct engine_run r = {.file = {b}};
    engine_run_rows(&r, yaml, rows, 30);
    const struct dg_series_row *s = &r.series[0];
    CHECK_INT(s->n, 24);
    CHECK_INT(s->triage[DG_OUT_OF_RANGE], 6);
    CHECK_REL(s->completeness, 0.8, 1e-11);
    CHECK_REL(s->validity, 0.75, 1e-11);
    CHECK_INT(s->reference_n, 24);
    CHECK_INT(s->status, DG_STATUS_OK);
    CHECK_ABS(s->drift.psi, 0, 0);
    CHECK_ABS(s->drift.tv, 0, 0);
    CHECK_INT(s->n_spark, 5); /* a, b, z, other, new */
    CHECK_REL(s->spark_current[0], 0.5, 1e-6);
    CHECK_REL(s->spark_current[1] + s->spark_current[2], 0.5, 1e-6);
    engine_run_close(&r);
    dg_baseline_free(b);
}

static void numbers_of_every_kind_are_counted_by_kind(void)
{
    struct memory_row rows[] = {
        row_of(1, "", "", "", ""),         row_of(dg_box(DG_NULL), "", "", "", ""),
        row_of(NAN, "", "", "", ""),       row_of(INFINITY, "", "", "", ""),
        row_of(-INFINITY, "", "", "", ""), row_of(dg_box(DG_UNPARSABLE), "", "", "", ""),
        row_of(99, "", "", "", ""),        row_of(dg_box(DG_ABSENT), "", "", "", ""),
        row_of(3, "", "", "", ""),         row_of(-0.0, "", "", "", "")};
    struct engine_run r = {0};
    engine_run_rows(&r, HEAD("features: { n0: { type: numeric, valid: [0, 10] } }"), rows, 10);
    const struct dg_series_row *s = &r.series[0];
    CHECK_INT(s->n, 3);
    for (size_t i = DG_ABSENT; i < DG_TRIAGE_KINDS; i++) {
        CHECK_INT(s->triage[i], 1);
    }
    CHECK_REL(s->completeness, 0.6, 1e-11);
    CHECK_REL(s->validity, 0.5, 1e-11); /* of 6 values: +-inf and 99 are not valid */
    CHECK_REL(s->mean, 4.0 / 3, 1e-9);
    CHECK_ABS(s->min, 0, 0);
    CHECK_ABS(s->max, 3, 0);
    engine_run_close(&r);
}

static void one_value_ties_and_equal_values(void)
{
    struct memory_row rows[50];
    for (size_t i = 0; i < 50; i++) {
        rows[i] = row_of(7, "only", "", "", "");
    }
    static const char yaml[] = HEAD("features: { n0: numeric, t0: category }") "baselines: { b: { "
                                                                               "file: b } }\n"
                                                                               "checks: { drift: { "
                                                                               "min_rows: 1 } }\n";
    struct dg_baseline *b = engine_baseline(yaml, rows, 50);
    for (size_t n = 1; n <= 50; n += 49) { /* one value; fifty equal ones */
        struct engine_run r = {.file = {b}};
        engine_run_rows(&r, yaml, rows, n);
        const struct dg_series_row *s = engine_series(&r, END, 0, "", "all", "n0", "b");
        CHECK_INT(s->n, n);
        CHECK_REL(s->mean, 7, 1e-12);
        CHECK_ABS(s->sd, 0, 1e-9);
        CHECK(isnan(s->skewness) && isnan(s->kurtosis));
        CHECK_REL(s->quantile[4], 7, 1e-12);
        CHECK_INT((s->flags & DG_SERIES_CONSTANT) != 0, n > 1);
        CHECK_ABS(s->drift.psi, 0, 1e-2);
        CHECK_ABS(s->drift.ks, 0, 1e-12);
        CHECK_ABS(s->drift.w1, 0, 1e-12);
        CHECK(s->drift.p >= 0.5);
        CHECK(isnan(s->drift.w1_normed)); /* no sd to divide by */
        CHECK_INT(s->severity, DG_OK);
        s = engine_series(&r, END, 0, "", "all", "t0", "b");
        CHECK_INT(s->n, n);
        CHECK_ABS(s->distinct, 1, 0.01);
        CHECK_INT((s->flags & DG_SERIES_CONSTANT) != 0, n > 1);
        CHECK_ABS(s->drift.tv, 0, 1e-12);
        engine_run_close(&r);
    }
    dg_baseline_free(b);
}

static void values_that_are_all_missing_compare_with_nothing(void)
{
    struct memory_row rows[20], empty[20];
    for (size_t i = 0; i < 20; i++) {
        rows[i] = row_of((double)i, "a", "", "", "");
        empty[i] = row_of(i % 2 == 0 ? dg_box(DG_ABSENT) : (double)INFINITY, NULL, "", "", "");
    }
    static const char yaml[] = HEAD("features: { n0: numeric, t0: category }") "baselines: { b: { "
                                                                               "file: b } }\n"
                                                                               "checks: { drift: { "
                                                                               "min_rows: 1 } }\n";
    struct dg_baseline *full = engine_baseline(yaml, rows, 20);
    struct dg_baseline *none = engine_baseline(yaml, empty, 20);
    struct engine_run r = {.file = {full}};
    engine_run_rows(&r, yaml, empty, 20);
    for (size_t i = 0; i < r.n_series; i++) {
        CHECK_INT(r.series[i].status, DG_STATUS_INSUFFICIENT);
        CHECK_INT(r.series[i].n, 0);
        CHECK(isnan(r.series[i].drift.psi) && isnan(r.series[i].mean) && isnan(r.series[i].min));
    }
    engine_run_close(&r);
    r = (struct engine_run){.file = {none}};
    engine_run_rows(&r, yaml, rows, 20);
    for (size_t i = 0; i < r.n_series; i++) {
        CHECK_INT(r.series[i].status, DG_STATUS_NO_REFERENCE);
        CHECK_INT(r.series[i].n, 20);
        CHECK(isnan(r.series[i].drift.psi));
    }
    engine_run_close(&r);
    dg_baseline_free(full);
    dg_baseline_free(none);
}

/* Two baseline files: the second has bins and categories of its own. */
static void a_second_file_is_compared_by_its_own_bins(void)
{
    static struct memory_row first[400], second[400];
    static const char *const words[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 400; i++) {
        first[i] = row_of(check_normal(), words[i % 3], "", "", "");
        second[i] = row_of(5 + check_normal(), words[2 + i % 3], "", "", "");
    }
    static const char yaml[] =
        HEAD("features: { n0: numeric, t0: category }") "baselines: { one: { file: b }, two: { "
                                                        "file: c } }\n";
    struct dg_baseline *one = engine_baseline(yaml, first, 400);
    struct dg_baseline *two = engine_baseline(yaml, second, 400);
    struct engine_run r = {.file = {one, two}};
    engine_run_rows(&r, yaml, second, 400);
    const struct dg_series_row *s = engine_series(&r, END, 0, "", "all", "n0", "two");
    CHECK(s->flags & DG_FLAG_SKETCHED);
    CHECK_INT(s->reference_n, 400);
    CHECK_ABS(s->drift.psi, 0, 1e-12); /* the same values */
    CHECK_ABS(s->drift.ks, 0, 1e-12);
    s = engine_series(&r, END, 0, "", "all", "n0", "one");
    CHECK(!(s->flags & DG_FLAG_SKETCHED) && s->drift.psi > 1);
    CHECK(s->n_top <= DG_CONTRIBUTIONS);
    s = engine_series(&r, END, 0, "", "all", "t0", "two");
    CHECK_ABS(s->drift.psi, 0, 1e-12);
    CHECK_ABS(s->drift.tv, 0, 1e-12);
    CHECK_INT(s->n_top, 0);
    CHECK_STR(s->baseline_version, "");                    /* never saved */
    s = engine_series(&r, END, 0, "", "all", "t0", "one"); /* c shared; d, e new; a, b gone */
    CHECK_ABS(s->drift.tv, 2.0 / 3, 0.01);
    CHECK(s->drift.new_p < 1e-10);
    CHECK_STR(s->top[0].category, "(new)");
    engine_run_close(&r);
    dg_baseline_free(one);
    dg_baseline_free(two);
}

static void a_baseline_that_lacks_a_column_or_has_another_type(void)
{
    struct memory_row rows[30];
    for (size_t i = 0; i < 30; i++) {
        rows[i] = row_of((double)i, "a", "", "", "");
        rows[i].number[1] = (double)i;
    }
    struct dg_baseline *b = engine_baseline(
        HEAD("features: { n0: numeric, n1: { type: category, from: t0 } }"), rows, 30);
    struct engine_run r = {.file = {b}};
    engine_run_rows(&r,
                    HEAD("features: { n0: numeric, n1: numeric, t0: category }") "baselines: { b: "
                                                                                 "{ file: b } }\n",
                    rows, 30);
    CHECK_INT(engine_series(&r, END, 0, "", "all", "n0", "b")->reference_n, 30);
    CHECK_INT(engine_series(&r, END, 0, "", "all", "n1", "b")->reference_n, 0);
    CHECK_INT(engine_series(&r, END, 0, "", "all", "t0", "b")->reference_n, 0);
    engine_run_close(&r);
    dg_baseline_free(b);
}

static char many[9000][8];

static void more_categories_than_cells(void)
{
    static struct memory_row rows[24000];
    for (size_t i = 0; i < 9000; i++) {
        snprintf(many[i], sizeof many[i], "c%zu", i);
    }
    static const char yaml[] = HEAD("features: { t0: category }") "baselines: { b: { file: b } }\n";
    static const char previous[] =
        HEAD("features: { t0: category }") "baselines: { p: previous_window }\n";
    for (size_t kinds = 300; kinds <= 9000; kinds *= 30) {
        for (size_t i = 0; i < 24000; i++) {
            rows[i] = row_of(0, many[check_random() % kinds], "", "", "");
        }
        struct dg_baseline *b = engine_baseline(yaml, rows, 12000);
        struct engine_run r = {.file = {b}};
        engine_run_rows(&r, yaml, rows, 24000);
        const struct dg_series_row *s = &r.series[0];
        CHECK_INT(s->reference_n, 12000);
        CHECK(s->drift.psi_adjusted < 0.05); /* chance is no effect */
        CHECK_ABS(s->distinct, (double)kinds, 0.1 * (double)kinds);
        engine_run_close(&r);
        dg_baseline_free(b);
        /* Without a dictionary; of 9000 the windows keep 4096. */
        for (size_t i = 12000; i < 24000; i++) {
            rows[i].time_us += HOUR;
        }
        r = (struct engine_run){0};
        engine_run_rows(&r, previous, rows, 24000);
        s = engine_series(&r, END + HOUR, 0, "", "all", "t0", "p");
        CHECK_INT(s->reference_n, 12000);
        CHECK(s->drift.psi_adjusted < 0.05);
        CHECK(kinds > 300 || s->drift.p > 0.001);
        engine_run_close(&r);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(segments_listed_pairs_and_rest),
        CASE(segments_of_the_baseline_are_its_most_frequent),
        CASE(versions_are_groups_and_those_beyond_the_limit_are_one),
        CASE(names_of_versions_are_bounded_and_each_is_one_group),
        CASE(a_nul_ends_the_name_of_a_version), CASE(rows_that_do_not_count_make_no_group),
        CASE(undeclared_categories_are_values_and_out_of_range),
        CASE(numbers_of_every_kind_are_counted_by_kind), CASE(one_value_ties_and_equal_values),
        CASE(values_that_are_all_missing_compare_with_nothing),
        CASE(a_second_file_is_compared_by_its_own_bins),
        CASE(a_baseline_that_lacks_a_column_or_has_another_type), CASE(more_categories_than_cells));
}
