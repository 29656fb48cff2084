/* tests/unit/test_output_table.c -- is the table for people what was agreed, at any width, and
 * bounded in memory however long the run? Method: golden texts in tests/unit/expected, rewritten by
 * DG_UPDATE=1; read the difference before committing it. */
#include "connectors/output.h"
#include "engine/terminal.h"
#include "tests/unit/play.h"

#include <locale.h>

static char *table(const struct dg_table_options *options, size_t *len)
{
    char *text = NULL;
    struct dg_error err = {{0}};
    const struct dg_output output = {open_memstream(&text, len), "memory"};
    struct dg_sink *sink = NULL;
    CHECK_INT(dg_output_table_new(&output, options, &sink, &err), 0);
    CHECK_INT(play(sink, &err), 0);
    sink->ops->close(sink);
    fclose(output.stream);
    return text;
}

static void check_golden(const char *name, const char *got, size_t len)
{
    char path[4096];
    const char *root = getenv("DG_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/unit/expected/%s", root != NULL ? root : ".", name);
    if (getenv("DG_UPDATE") != NULL) {
        FILE *out = fopen(path, "w");
        CHECK(out != NULL && fwrite(got, 1, len, out) == len && fclose(out) == 0);
        return;
    }
    FILE *in = fopen(path, "r");
    CHECK(in != NULL);
    if (in == NULL) {
        return;
    }
    static char want[65536];
    const size_t n = fread(want, 1, sizeof want - 1, in);
    want[n] = '\0';
    fclose(in);
    CHECK_STR(got, want);
}

static void the_wide_table_is_as_agreed(void)
{
    size_t len;
    const struct dg_table_options options = {.unicode = true, .width = 140};
    char *text = table(&options, &len);
    check_golden("table_wide.txt", text, len);
    free(text);
}

static void a_narrow_ascii_table_leaves_out_what_matters_least(void)
{
    size_t len;
    const struct dg_table_options options = {.width = 60, .top = 2};
    char *text = table(&options, &len);
    check_golden("table_narrow.txt", text, len);
    free(text);
}

static void colours_mark_the_status(void)
{
    size_t len;
    const struct dg_table_options options = {.unicode = true, .colors = true, .width = 100};
    char *text = table(&options, &len);
    CHECK(strstr(text, "\x1b[31;1mcritical\x1b[0m") != NULL);
    CHECK(strstr(text, "\x1b[32mok\x1b[0m") != NULL);
    free(text);
    const struct dg_table_options plain = {.unicode = true, .width = 100};
    text = table(&plain, &len);
    CHECK(strchr(text, '\x1b') == NULL);
    free(text);
}

/* Grids are indented lines; sentences between them are not cut. */
static void grids_fit_any_width_that_holds_their_least_columns(void)
{
    for (int width = 48; width <= 160; width++) {
        size_t len;
        const struct dg_table_options options = {.unicode = true, .width = width};
        char *text = table(&options, &len);
        bool inside = false;
        for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            inside = line[0] == ' ' ? inside : strstr(line, "windows against") != NULL;
            if (inside && line[0] == ' ' && strncmp(line, "  …", 5) != 0) {
                CHECK(dg_text_width(line, strlen(line)) <= width);
            }
        }
        free(text);
    }
}

/* `days` windows of one column; status[day % period] says how each was judged. */
static char *table_of(int days, const enum dg_status status[], int period)
{
    char *text = NULL;
    size_t len;
    struct dg_error err = {{0}};
    static char name[] = "flapping";
    const struct dg_monitor monitor = {.name = name};
    const struct dg_run_info run = {.run = "", .monitor = &monitor, .inputs = "x.csv"};
    const struct dg_run_totals totals = {.first_us = DG_TIME_NONE, .last_us = DG_TIME_NONE};
    const struct dg_output output = {open_memstream(&text, &len), "memory"};
    const struct dg_table_options options = {0};
    struct dg_sink *sink = NULL;
    CHECK_INT(dg_output_table_new(&output, &options, &sink, &err), 0);
    CHECK_INT(sink->ops->open(sink, &run, &err), 0);
    for (int day = 0; day < days; day++) {
        struct dg_series_row row = play_row(day, 0, "all");
        row.status = status[day % period];
        row.severity = row.status == DG_STATUS_DRIFT ? DG_CRITICAL : DG_OK;
        if (row.status == DG_STATUS_INSUFFICIENT) {
            row.drift.psi_adjusted = 2.385;
            row.drift.ks = 0.875;
        }
        CHECK_INT(sink->ops->series(sink, &row, &err), 0);
    }
    CHECK_INT(sink->ops->finish(sink, &totals, &err), 0);
    sink->ops->close(sink);
    fclose(output.stream);
    return text;
}

static void a_window_with_too_few_rows_does_not_end_an_alert(void)
{
    static const enum dg_status status[] = {DG_STATUS_OK, DG_STATUS_DRIFT, DG_STATUS_INSUFFICIENT,
                                            DG_STATUS_DRIFT, DG_STATUS_INSUFFICIENT};
    char *text = table_of(5, status, 5);
    CHECK(strstr(text, "2/3") != NULL);
    CHECK(strstr(text, "the end") != NULL);
    CHECK(strstr(text, ", over") == NULL);
    CHECK(strstr(text, "; 1 alert\n") != NULL);
    free(text);
}

/* Found on real flights: the six rows of the last, unfinished day were shown as the worst one. */
static void the_worst_window_is_one_that_was_judged(void)
{
    static const enum dg_status status[] = {DG_STATUS_INSUFFICIENT, DG_STATUS_OK};
    char *text = table_of(5, status, 2);
    CHECK(strstr(text, "2.38") == NULL && strstr(text, "0.875") == NULL);
    free(text);
    text = table_of(5, status, 1);
    CHECK(strstr(text, "2.38") != NULL && strstr(text, "0.875") != NULL);
    free(text);
}

static void what_could_not_be_judged_is_not_called_quiet(void)
{
    static const enum dg_status status[] = {DG_STATUS_INSUFFICIENT, DG_STATUS_NO_REFERENCE};
    char *text = table_of(9, status, 2);
    CHECK(strstr(text, "too few rows") != NULL);
    CHECK(strstr(text, "no window could be judged") != NULL);
    CHECK(strstr(text, "0 of 1 columns drifted; 1 could not be judged; 0 alerts") != NULL);
    free(text);
    text = table_of(9, status + 1, 1);
    CHECK(strstr(text, "no reference  ") != NULL);
    free(text);
}

/* A check is not drift: the verdict says which one it was, and by how much. */
static void a_failed_check_is_named_with_its_worst_value(void)
{
    char *text = NULL;
    size_t len;
    struct dg_error err = {{0}};
    static char name[] = "checked", missing[] = "missing", rows[] = "rows";
    struct dg_check check[] = {{.metric = missing, .has_critical = true, .critical = 0.15},
                               {.metric = rows, .has_warn = true, .below = true, .warn = 100.0}};
    const struct dg_monitor monitor = {.name = name, .check = check, .n_checks = 2};
    const struct dg_run_info run = {.run = "", .monitor = &monitor, .inputs = "x.csv"};
    const struct dg_run_totals totals = {
        .first_us = DG_TIME_NONE, .last_us = DG_TIME_NONE, .severity = DG_CRITICAL};
    const struct dg_output output = {open_memstream(&text, &len), "memory"};
    const struct dg_table_options options = {0};
    struct dg_sink *sink = NULL;
    CHECK_INT(dg_output_table_new(&output, &options, &sink, &err), 0);
    CHECK_INT(sink->ops->open(sink, &run, &err), 0);
    static const double share[] = {0.04, 0.217, 0.19};
    for (int day = 0; day < 3; day++) {
        struct dg_series_row row = play_row(day, 0, "all");
        row.status = DG_STATUS_OK;
        row.severity = day > 0 ? DG_CRITICAL : DG_OK;
        row.tripped = day > 0 ? (struct dg_tripped){&check[0], DG_CRITICAL, share[day]}
                              : (struct dg_tripped){0};
        CHECK_INT(sink->ops->series(sink, &row, &err), 0);
    }
    const struct dg_slice_row slice = {.stream = true,
                                       .slice = {"", "", "all"},
                                       .severity = DG_WARN,
                                       .tripped = {&check[1], DG_WARN, 7.0}};
    CHECK_INT(sink->ops->slice(sink, &slice, &err), 0);
    CHECK_INT(sink->ops->finish(sink, &totals, &err), 0);
    sink->ops->close(sink);
    fclose(output.stream);
    CHECK(strstr(text, "critical: missing  ") != NULL);
    CHECK(strstr(text, "; 0 of 1 columns drifted; critical check of ") != NULL);
    CHECK(strstr(text, ": missing 0.217, above 0.15; check of a slice: rows 7, below 100 "
                       "(1 time); 1 alert\n") != NULL);
    free(text);
}

/* Every second window alerts: more episodes than are kept, each counted all the same. */
static void a_long_flapping_run_is_counted_beyond_what_is_kept(void)
{
    static const enum dg_status status[] = {DG_STATUS_DRIFT, DG_STATUS_OK};
    char *text = table_of(7001, status, 2);
    CHECK(strstr(text, "3501/7001") != NULL);
    CHECK(strstr(text, "  ... and 3481 more\n") != NULL);
    CHECK(strstr(text, "; 3501 alerts\n") != NULL);
    free(text);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    return CHECK_MAIN(argc, argv, CASE(the_wide_table_is_as_agreed),
                      CASE(a_narrow_ascii_table_leaves_out_what_matters_least),
                      CASE(colours_mark_the_status),
                      CASE(a_window_with_too_few_rows_does_not_end_an_alert),
                      CASE(the_worst_window_is_one_that_was_judged),
                      CASE(what_could_not_be_judged_is_not_called_quiet),
                      CASE(a_failed_check_is_named_with_its_worst_value),
                      CASE(a_long_flapping_run_is_counted_beyond_what_is_kept),
                      CASE(grids_fit_any_width_that_holds_their_least_columns));
}
