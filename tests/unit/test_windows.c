/* Goal: which windows there are, in which order, and what each is compared with.
 * Method: hourly rows through the whole engine; windows and references are known by hand. */
#include "engine/schedule.h"
#include "tests/check.h"
#include "tests/support/engine_run.h"

#define HEAD(features) "monitor: m\ncolumns: { timestamp: time, features: { " features " } }\n"
#define QUIET          "checks: { drift: { min_rows: 1 } }\n"

static struct memory_row rows[10000];

/* n rows of value x, `step` apart, from `from` hours on. */
static size_t fill(size_t at, double from, size_t n, double step, double x)
{
    for (size_t i = 0; i < n; i++) {
        rows[at + i] = (struct memory_row){
            .time_us = MONDAY + (int64_t)((from + (double)i * step) * (double)HOUR), .number = {x}};
    }
    return at + n;
}

static void windows_begin_with_the_data_and_end_with_it(void)
{
    struct engine_run r = {0};
    fill(0, 3.5, 8, 1, 1); /* 3:30 .. 10:30 */
    engine_run_rows(&r, HEAD("n0: numeric") "windows: { size: 4h, slide: 2h }\n", rows, 8);
    CHECK_INT(r.n_windows, 4); /* 2-6, 4-8, 6-10, 8-12 */
    CHECK_INT(r.slice[0].window.start_us, MONDAY + 2 * HOUR);
    CHECK_INT(r.slice[3].window.end_us, MONDAY + 12 * HOUR);
    CHECK_INT(r.slice[0].rows, 3);
    CHECK_INT(r.slice[3].rows, 3);
    engine_run_close(&r);
    /* Too little for the size: no window, and no failure. */
    engine_run_rows(&r, HEAD("n0: numeric") "windows: { size: 12h, slide: 6h }\n", rows, 3);
    CHECK_INT(r.n_windows, 0);
    engine_run_close(&r);
}

static void sizes_come_in_order_of_their_end(void)
{
    struct engine_run r = {0};
    fill(0, 0.5, 48, 1, 1);
    engine_run_rows(&r,
                    HEAD("n0: numeric") "windows: [{ size: 1d, slide: 12h }, { size: 6h, slide: "
                                        "6h }, { size: 12h, slide: 3h }]\n",
                    rows, 48);
    CHECK_INT(r.n_windows, 3 + 8 + 13);
    size_t disorder = 0;
    for (size_t i = 1; i < r.n_slices; i++) {
        disorder += r.slice[i].window.end_us < r.slice[i - 1].window.end_us;
    }
    CHECK_INT(disorder, 0);
    CHECK_INT(engine_slice(&r, MONDAY + 36 * HOUR, DAY, "", "all")->rows, 24);
    CHECK_INT(engine_slice(&r, MONDAY + 36 * HOUR, 6 * HOUR, "", "all")->rows, 6);
    engine_run_close(&r);
}

static void weeks_begin_on_monday(void)
{
    struct engine_run r = {0};
    fill(0, -12, 22, 12, 1); /* Sunday noon .. ten days on */
    engine_run_rows(&r,
                    HEAD("n0: numeric") "windows: [{ size: 7d, slide: 7d }, { size: 1d, slide: 1d "
                                        "}]\ntime: { out_of_order: 1h }\n",
                    rows, 22);
    CHECK_INT(engine_slice(&r, MONDAY, 7 * DAY, "", "all")->rows, 1);
    CHECK_INT(engine_slice(&r, MONDAY + 7 * DAY, 7 * DAY, "", "all")->rows, 14);
    CHECK_INT(engine_slice(&r, MONDAY + 14 * DAY, 7 * DAY, "", "all")->rows, 7);
    CHECK_INT(r.n_windows, 3 + 12);
    engine_run_close(&r);
}

static void a_schedule_keeps_what_baselines_need(void)
{
    char names[4][8] = {"a", "b", "c", "d"};
    struct dg_window_spec window[] = {{24 * HOUR, 6 * HOUR}, {2 * HOUR, 1 * HOUR}};
    struct dg_baseline_spec baseline[] = {
        {.name = names[0], .kind = DG_BASELINE_FILE},
        {.name = names[1], .kind = DG_BASELINE_PREVIOUS},
        {.name = names[2], .kind = DG_BASELINE_TRAILING, .span_us = 72 * HOUR},
        {.name = names[3], .kind = DG_BASELINE_SEASONAL, .period_us = DAY, .cycles = 5}};
    const int64_t reach[] = {0, 24 * HOUR, 72 * HOUR, 120 * HOUR};
    for (size_t n = 0; n < 4; n++) {
        const struct dg_monitor m = {
            .window = window, .n_windows = 2, .baseline = baseline, .n_baselines = n + 1};
        struct dg_schedule s;
        struct dg_error err;
        int64_t end = 0;
        CHECK_INT(dg_schedule_init(&s, &m, &err), 0);
        CHECK_INT(dg_schedule_needed_from(&s), INT64_MIN);
        CHECK_INT(dg_schedule_next(&s, MONDAY, MONDAY + 30 * HOUR, MONDAY + HOUR, &end), -1);
        CHECK_INT(dg_schedule_next(&s, MONDAY, MONDAY + 30 * HOUR, MONDAY + 2 * HOUR, &end), 1);
        CHECK_INT(end, MONDAY + 2 * HOUR);
        CHECK_INT(dg_schedule_needed_from(&s), INT64_MIN); /* the day has not begun */
        int last = 0;
        while (dg_schedule_next(&s, MONDAY, MONDAY + 30 * HOUR, MONDAY + 25 * HOUR, &end) >= 0) {
            last++;
        }
        CHECK_INT(last, 23 + 1);
        /* The next day ends at 30:00, begins at 6:00. */
        CHECK_INT(dg_schedule_needed_from(&s), MONDAY + 6 * HOUR - reach[n]);
        dg_schedule_deinit(&s);
    }
}

static void previous_and_trailing_look_back(void)
{
    struct engine_run r = {0};
    fill(0, 0, 100, 0.05, 1);   /* 0-5 h, 20 per hour */
    fill(100, 5, 100, 0.05, 2); /* 5-10 h */
    engine_run_rows(&r,
                    HEAD("n0: numeric") "windows: { size: 2h, slide: 1h }\nbaselines: { previous: "
                                        "previous_window, trailing: { trailing: 3h } }\n" QUIET,
                    rows, 200);
    const struct dg_series_row *s =
        engine_series(&r, MONDAY + 2 * HOUR, 0, "", "all", "n0", "previous");
    CHECK_INT(s->status, DG_STATUS_NO_REFERENCE);
    CHECK_INT(s->reference_n, 0);
    CHECK(isnan(s->drift.psi) && isnan(s->p_adjusted) && isnan(s->reference_mean));
    CHECK_INT(s->n_top, 0);
    s = engine_series(&r, MONDAY + 4 * HOUR, 0, "", "all", "n0", "previous");
    CHECK_INT(s->reference_n, 40);
    CHECK_REL(s->reference_mean, 1, 1e-9);
    s = engine_series(&r, MONDAY + 3 * HOUR, 0, "", "all", "n0", "trailing");
    CHECK_INT(s->reference_n, 20); /* one of the three hours has data */
    s = engine_series(&r, MONDAY + 8 * HOUR, 0, "", "all", "n0", "trailing"); /* 3-6 */
    CHECK_INT(s->reference_n, 60);
    CHECK_REL(s->reference_mean, (40 * 1.0 + 20 * 2) / 60, 1e-6);
    CHECK_REL(s->mean, 2, 1e-9);
    s = engine_series(&r, MONDAY + 7 * HOUR, 0, "", "all", "n0", "previous"); /* 5-7 after 3-5 */
    CHECK_REL(s->mean, 2, 1e-9);
    CHECK_REL(s->reference_mean, 1, 1e-9);
    CHECK(s->drift.ks > 0.99);
    CHECK(s->drift.w1_low <= 1 && 1 <= s->drift.w1_high);
    engine_run_close(&r);
}

static void seasons_are_those_hours_of_earlier_days(void)
{
    size_t n = 0;
    for (size_t day = 0; day < 6; day++) {
        if (day != 2) { /* an outage */
            n = fill(n, 24.0 * (double)day, 100, 0.24, (double)day);
        }
    }
    struct engine_run r = {0};
    engine_run_rows(
        &r,
        HEAD("n0: numeric") "windows: { size: 6h, slide: 6h }\ntime: { max_ahead: 3d }\n"
                            "baselines: { daily: { seasonal: hour_of_day, cycles: 3, "
                            "min_cycles: 2 } }\n" QUIET,
        rows, n);
    /* Day 1: one cycle, too few. Day 3: 0 and 1. Day 4: 1 and 3. Day 5: 3 and 4. */
    const struct dg_series_row *s =
        engine_series(&r, MONDAY + DAY + 6 * HOUR, 0, "", "all", "n0", "daily");
    CHECK_INT(s->status, DG_STATUS_NO_REFERENCE);
    s = engine_series(&r, MONDAY + 3 * DAY + 6 * HOUR, 0, "", "all", "n0", "daily");
    CHECK_INT(s->reference_n, 50);
    CHECK_ABS(s->reference_mean, 0.5, 1e-6);
    s = engine_series(&r, MONDAY + 4 * DAY + 12 * HOUR, 0, "", "all", "n0", "daily");
    CHECK_ABS(s->reference_mean, 2, 1e-6);
    s = engine_series(&r, MONDAY + 5 * DAY + 24 * HOUR, 0, "", "all", "n0", "daily");
    CHECK_ABS(s->reference_mean, 3.5, 1e-6);
    /* The outage is a row of its own: silent, with nothing known. */
    const struct dg_slice_row *silent =
        engine_slice(&r, MONDAY + 2 * DAY + 12 * HOUR, 0, "", "all");
    CHECK(silent != NULL && silent->silent && silent->rows == 0);
    s = engine_series(&r, MONDAY + 2 * DAY + 12 * HOUR, 0, "", "all", "n0", "daily");
    CHECK_INT(s->status, DG_STATUS_INSUFFICIENT);
    CHECK(isnan(s->mean) && isnan(s->min) && isnan(s->quantile[4]) && isnan(s->completeness));
    engine_run_close(&r);
}

static void a_variant_is_compared_with_the_other_alone(void)
{
    size_t n = fill(0, 0, 100, 0.01, 1);
    n = fill(n, 0, 60, 0.01, 2);
    for (size_t i = 0; i < n; i++) {
        rows[i].text[0] = i < 100 ? "control" : "canary";
    }
    struct engine_run r = {0};
    engine_run_rows(&r,
                    "monitor: m\ncolumns: { timestamp: time, variant: t0, features: { n0: numeric "
                    "} }\nwindows: { size: 1h, slide: 1h }\ntime: { out_of_order: 1h }\n"
                    "baselines: { control: { variant: control } }\n" QUIET,
                    rows, n);
    CHECK_INT(r.n_series, 2);
    for (size_t i = 0; i < r.n_series; i++) {
        const struct dg_series_row *s = &r.series[i];
        if (strcmp(s->slice.variant, "canary") == 0) {
            CHECK_STR(s->baseline, "control");
            CHECK_INT(s->reference_n, 100);
            CHECK_REL(s->reference_mean, 1, 1e-9);
            CHECK_REL(s->mean, 2, 1e-9);
        } else {
            CHECK_STR(s->baseline, "");
            CHECK_INT(s->status, DG_STATUS_NO_REFERENCE);
        }
    }
    /* The stream's health has a row of its own, of which no version or variant is the owner. */
    const struct dg_slice_row *stream = NULL;
    for (size_t i = 0; i < r.n_slices; i++) {
        stream = r.slice[i].stream ? &r.slice[i] : stream;
    }
    CHECK(stream != NULL && stream->rows == 160 && stream->slice.variant[0] == '\0');
    engine_run_close(&r);
}

static void panes_without_rows_change_nothing(void)
{
    struct engine_run r = {0};
    fill(0, 0.1, 5, 0.01, 1);
    fill(5, 5.9, 5, 0.01, 3);
    engine_run_rows(&r, HEAD("n0: numeric") "windows: [{ size: 6h, slide: 1h }]\n", rows, 10);
    CHECK_INT(r.n_windows, 1);
    CHECK_REL(r.series[0].mean, 2, 1e-9);
    CHECK_INT(r.series[0].n, 10);
    CHECK_STR(r.series[0].baseline, "");
    engine_run_close(&r);
}

/* A wrong clock may put a century between two rows. */
static void a_long_silence_is_cut_short_and_not_lost(void)
{
    static const char yaml[] = HEAD("n0: numeric") "windows: [{ size: 2h, slide: 1h }]\n";
    size_t n = fill(0, 0.1, 5, 0.01, 1);
    n = fill(n, 1500.2, 5, 0.01, 2);       /* 1,498 silent windows between */
    n = fill(n, 24.0 * 36500, 5, 0.01, 3); /* and a century */
    for (size_t chunk = 1; chunk <= 100; chunk += 9) {
        struct engine_run r = {.chunk_rows = chunk, .lanes = 1 + (uint32_t)chunk % 3};
        engine_run_rows(&r, yaml, rows, n);
        size_t silent = 0, rows_seen = 0;
        for (size_t i = 0; i < r.n_slices; i++) {
            silent += r.slice[i].silent;
            rows_seen += (size_t)r.slice[i].rows;
        }
        CHECK_INT(silent, 2 * DG_SILENT_WINDOWS_MAX);
        CHECK_INT(rows_seen, 5 + 10 + 5);
        CHECK_INT(engine_slice(&r, MONDAY + 1501 * HOUR, 2 * HOUR, "", "all")->rows, 5);
        CHECK_INT(engine_slice(&r, MONDAY + 1502 * HOUR, 2 * HOUR, "", "all")->rows, 5);
        CHECK(engine_slice(&r, MONDAY + 1500 * HOUR, 2 * HOUR, "", "all") == NULL);
        engine_run_close(&r);
    }
}

static void from_and_to_choose_windows_and_change_none(void)
{
    struct engine_run all = {0},
                      some = {.from_us = MONDAY + 10 * HOUR, .to_us = MONDAY + 14 * HOUR};
    for (size_t i = 0; i < 2000; i++) {
        rows[i] = (struct memory_row){.time_us = MONDAY + (int64_t)i * HOUR / 100,
                                      .number = {check_normal() + (i > 900 ? 2 : 0)}};
    }
    static const char yaml[] =
        HEAD("n0: numeric") "windows: { size: 2h, slide: 1h }\n"
                            "baselines: { previous: previous_window, trailing: { trailing: 5h } }\n"
                            "checks: { drift: { min_rows: 20, for: 2 } }\n";
    engine_run_rows(&all, yaml, rows, 2000);
    engine_run_rows(&some, yaml, rows, 2000);
    CHECK_INT(some.n_windows, 4);
    size_t at = 0;
    while (at < all.n_series && all.series[at].window.end_us <= MONDAY + 10 * HOUR) {
        at++;
    }
    CHECK_INT(some.n_series, 8);
    for (size_t i = 0; i < some.n_series; i++) {
        const struct dg_series_row *a = &all.series[at + i], *b = &some.series[i];
        CHECK_INT(a->window.end_us, b->window.end_us);
        CHECK_INT(a->status, b->status);
        CHECK_INT(a->consecutive, b->consecutive);
        CHECK_INT(a->since_us, b->since_us);
        CHECK(memcmp(&a->drift, &b->drift, sizeof a->drift) == 0);
        CHECK(memcmp(&a->p_adjusted, &b->p_adjusted, sizeof a->p_adjusted) == 0);
    }
    engine_run_close(&all);
    engine_run_close(&some);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(windows_begin_with_the_data_and_end_with_it),
        CASE(sizes_come_in_order_of_their_end), CASE(weeks_begin_on_monday),
        CASE(a_schedule_keeps_what_baselines_need), CASE(previous_and_trailing_look_back),
        CASE(seasons_are_those_hours_of_earlier_days),
        CASE(a_variant_is_compared_with_the_other_alone), CASE(panes_without_rows_change_nothing),
        CASE(a_long_silence_is_cut_short_and_not_lost),
        CASE(from_and_to_choose_windows_and_change_none));
}
