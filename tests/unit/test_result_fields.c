/* tests/unit/test_result_fields.c -- is the table of result columns fit to be a schema: names
 * unique and usable unquoted in SQL, each with a sentence, each read from the row it should be,
 * nulls where nothing is known? */
#include "engine/result_fields.h"
#include "tests/check.h"

static void check_table(const struct dg_result_field fields[], size_t n)
{
    /* Words that PostgreSQL takes only in quotes, of those that a statistic might be called. */
    static const char *const reserved[] = {"column", "window", "distinct", "end",
                                           "all",    "table",  "user",     "order",
                                           "group",  "check",  "default",  "analyze"};
    for (size_t i = 0; i < n; i++) {
        const struct dg_result_field *f = &fields[i];
        CHECK(f->doc != NULL && strlen(f->doc) >= 8 && f->doc[strlen(f->doc) - 1] != '.');
        CHECK(strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(f->name));
        for (size_t k = 0; k < i; k++) {
            CHECK(strcmp(f->name, fields[k].name) != 0);
        }
        for (size_t k = 0; k < sizeof reserved / sizeof reserved[0]; k++) {
            CHECK(strcmp(f->name, reserved[k]) != 0);
        }
    }
}

static void names_are_unique_and_documented(void)
{
    check_table(dg_series_fields, dg_n_series_fields);
    check_table(dg_slice_fields, dg_n_slice_fields);
    CHECK(dg_series_field("psi_adjusted") != NULL);
    CHECK(dg_series_field("no_such_field") == NULL);
    CHECK(dg_slice_field("duplicates_share") != NULL);
    CHECK(dg_slice_field("psi") == NULL);
}

static struct dg_series_row series_row(void)
{
    struct dg_series_row r = {.window = {"housing", "00ff", 3600000000, 1000000, 3601000000},
                              .slice = {"7", "", "country=DE"},
                              .column = "income",
                              .baseline = "training",
                              .baseline_version = "v3",
                              .importance = 1.5};
    r.n = 385;
    r.triage[DG_FINITE] = 385;
    r.triage[DG_ABSENT] = 11;
    r.triage[DG_NULL] = 4;
    r.triage[DG_NEG_INF] = 2;
    r.mean = 2.385;
    r.sd = (double)NAN;
    r.quantile[8] = 99.25;
    r.drift.psi = 0.1;
    r.drift.w1_normed = 0.75;
    r.flags = DG_FLAG_ATOMS | DG_SERIES_MONOTONE;
    r.n_top = 1;
    r.top[0] = (struct dg_contribution){.low = -(double)INFINITY, .high = 2.5, .psi = 0.04};
    return r;
}

static struct dg_value series_value(const struct dg_series_row *r, const char *name)
{
    const struct dg_result_field *f = dg_series_field(name);
    CHECK(f != NULL);
    const struct dg_value v = f->get(r);
    CHECK_INT(v.kind, f->kind);
    return v;
}

static void check_text(const struct dg_series_row *r, const char *name, const char *want)
{
    const struct dg_value v = series_value(r, name);
    char buf[DG_VALUE_TEXT_MAX];
    CHECK_STR(dg_value_format(&v, buf), want);
}

static void values_come_from_their_members(void)
{
    const struct dg_series_row r = series_row();
    check_text(&r, "monitor", "housing");
    check_text(&r, "window_size", "1h");
    check_text(&r, "window_start", "1970-01-01T00:00:01Z");
    check_text(&r, "segment", "country=DE");
    check_text(&r, "column_name", "income");
    check_text(&r, "n", "385");
    check_text(&r, "n_neg_inf", "2");
    check_text(&r, "missing", "0.0373134328358"); /* (11 + 4) / 402 */
    check_text(&r, "mean", "2.385");
    check_text(&r, "q99", "99.25");
    check_text(&r, "psi", "0.1");
    check_text(&r, "w1_normed", "0.75");
    check_text(&r, "flags", "atoms monotone");
    check_text(&r, "top_1", "(-inf, 2.5]");
    check_text(&r, "status", "ok");
}

static void what_is_not_known_is_null(void)
{
    struct dg_series_row r = series_row();
    CHECK(series_value(&r, "sd").null);
    CHECK(series_value(&r, "since").null);
    CHECK(series_value(&r, "top_2").null);
    CHECK(series_value(&r, "top_2_psi").null);
    CHECK(!series_value(&r, "psi_df").null);
    r.since_us = 5;
    CHECK(!series_value(&r, "since").null);
    r.baseline = "";
    CHECK(series_value(&r, "psi_df").null);
    CHECK(series_value(&r, "reference_n").null);
    memset(r.triage, 0, sizeof r.triage);
    CHECK(series_value(&r, "missing").null);
}

static void stream_health_is_null_on_rows_that_do_not_carry_it(void)
{
    const struct dg_keyed fresh[] = {{.key = "iban", .len = 4, .count = 3},
                                     {.key = "bic", .len = 3, .count = 1}};
    struct dg_slice_row r = {.slice = {"", "", "all"},
                             .stream = true,
                             .rows = 90,
                             .late = 4,
                             .duplicates = 1,
                             .new_field = fresh,
                             .n_new_fields = 2};
    r.bad[DG_BAD_UTF8] = 5;
    char buf[DG_VALUE_TEXT_MAX];
    struct dg_value v = dg_slice_field("late_share")->get(&r);
    CHECK_STR(dg_value_format(&v, buf), "0.04");
    v = dg_slice_field("bad_utf8")->get(&r);
    CHECK_STR(dg_value_format(&v, buf), "5");
    v = dg_slice_field("new_fields")->get(&r);
    CHECK_STR(dg_value_format(&v, buf), "iban,bic");
    r.stream = false;
    CHECK(dg_slice_field("late_share")->get(&r).null);
    CHECK(dg_slice_field("bad_utf8")->get(&r).null);
    CHECK(!dg_slice_field("rows")->get(&r).null);
}

static void decimals_are_the_shortest_that_read_back(void)
{
    char buf[DG_VALUE_TEXT_MAX];
    for (int i = 0; i < 20000; i++) {
        const double x = dg_round12(check_normal() * pow(10.0, check_uniform() * 40.0 - 20.0));
        const struct dg_value v = {.kind = DG_VALUE_REAL, .real = x};
        const char *text = dg_value_format(&v, buf);
        CHECK(strtod(text, NULL) == x);
    }
    const struct dg_value zero = {.kind = DG_VALUE_REAL, .real = -0.0};
    CHECK_STR(dg_value_format(&zero, buf), "0");
    const struct dg_value tiny = {.kind = DG_VALUE_REAL, .real = 1e-300};
    CHECK_STR(dg_value_format(&tiny, buf), "1e-300");
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(names_are_unique_and_documented),
                      CASE(values_come_from_their_members), CASE(what_is_not_known_is_null),
                      CASE(stream_health_is_null_on_rows_that_do_not_carry_it),
                      CASE(decimals_are_the_shortest_that_read_back));
}
