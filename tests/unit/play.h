/* tests/unit/play.h -- a made-up run for tests of outputs: forty days of a monitor with a column
 * that drifts for good, one that drifts for a week, quiet ones, a segment, and damaged input. */
#ifndef DG_TESTS_UNIT_PLAY_H
#define DG_TESTS_UNIT_PLAY_H

#include "engine/sink.h"
#include "tests/check.h"

#define PLAY_DAY     (INT64_C(86400) * 1000000)
#define PLAY_START   (INT64_C(1767225600) * 1000000) /* 2026-01-01 */
#define PLAY_WINDOWS 40

static const char *const play_columns[] = {"latitude", "income", "channel", "age", "largo, \"x\""};
#define PLAY_COLUMNS (sizeof play_columns / sizeof play_columns[0])

static inline struct dg_series_row play_row(int day, size_t column, const char *segment)
{
    const int64_t end_us = PLAY_START + (day + 1) * PLAY_DAY;
    struct dg_series_row r = {
        .window = {"housing", "0123456789abcdef", PLAY_DAY, end_us - PLAY_DAY, end_us},
        .slice = {"", "", segment},
        .column = play_columns[column],
        .type = column == 2 ? DG_FEATURE_CATEGORY : DG_FEATURE_NUMERIC,
        .importance = 1.0,
        .baseline = "training",
        .baseline_version = "2026-01-01",
        .n = 385 + (uint64_t)day,
        .completeness = 0.975,
        .validity = 1.0,
        .reference_n = 10003,
    };
    r.triage[DG_FINITE] = r.n;
    r.triage[DG_NULL] = column == 3 ? 21 : 0;
    r.mean = dg_round12(2.385 + 0.1 * day);
    r.sd = 1.25;
    r.skewness = r.kurtosis = r.distinct = (double)NAN;
    for (size_t i = 0; i < DG_QUANTILES; i++) {
        r.quantile[i] = dg_round12(r.mean + r.sd * ((double)i - 4.0) / 2.0);
    }
    const bool drifts = (column == 0 && day >= 9) || (column == 1 && day >= 20 && day < 27);
    const double psi =
        drifts ? 0.31 + 0.037 * ((day * 7) % 11) : 0.0013 * ((day + (int)column) % 5);
    r.drift = (struct dg_drift){.n = r.n, .m = r.reference_n, .psi = dg_round12(psi + 0.021)};
    r.drift.psi_adjusted = dg_round12(psi);
    r.drift.psi_low = dg_round12(0.8 * psi);
    r.drift.psi_high = dg_round12(1.25 * psi + 0.01);
    r.drift.ks = dg_round12(psi / 3.0);
    r.drift.w1_normed = column == 2 ? (double)NAN : dg_round12(psi / 2.0);
    r.drift.kl = day == 3 ? (double)INFINITY : 0.125;
    r.status = drifts                    ? DG_STATUS_DRIFT
               : column == 3 && day == 0 ? DG_STATUS_INSUFFICIENT
                                         : DG_STATUS_OK;
    r.severity = !drifts ? DG_OK : column == 0 ? DG_CRITICAL : DG_WARN;
    r.since_us = !drifts ? 0 : PLAY_START + (column == 0 ? 10 : 21) * PLAY_DAY;
    r.flags = column == 2   ? DG_FLAG_POOLED
              : column == 4 ? DG_SERIES_CONSTANT | DG_FLAG_DEGENERATE
                            : 0;
    r.n_top = 1;
    r.top[0] = (struct dg_contribution){
        .low = -(double)INFINITY, .high = 2.5, .reference = 0.1, .current = 0.25, .psi = 0.14};
    if (column == 2) {
        strcpy(r.top[0].category, "caf\xc3\xa9, \"web\"\n");
    }
    if (column == 3) {
        r.validity = day == 12 ? 0.875 : 0.99;
    }
    return r;
}

static inline struct dg_slice_row play_slice(int day, const char *segment)
{
    static const struct dg_keyed fresh[] = {{.key = "iban", .len = 4, .count = 17}};
    const struct dg_series_row like = play_row(day, 0, segment);
    struct dg_slice_row r = {.window = like.window,
                             .slice = like.slice,
                             .rows = like.n,
                             .stream = strcmp(segment, "all") == 0,
                             .n_series = PLAY_COLUMNS};
    r.silent = day == 5 || day == 6;
    if (r.stream) {
        r.duplicates = 2;
        r.late = day == 8 ? 31 : 0;
        r.bad[DG_BAD_TIME] = 1;
        r.new_field = fresh;
        r.n_new_fields = day > 30;
    }
    r.severity = like.severity;
    r.n_drift = like.status == DG_STATUS_DRIFT;
    return r;
}

static inline int play_window(struct dg_sink *s, int day, struct dg_error *err)
{
    const struct dg_window_id window = play_row(day, 0, "all").window;
    int code = s->ops->window_begin(s, &window, err);
    for (size_t i = 0; i < 2 * PLAY_COLUMNS && code == 0; i++) {
        const struct dg_series_row row =
            play_row(day, i % PLAY_COLUMNS, i < PLAY_COLUMNS ? "all" : "country=DE");
        code = s->ops->series(s, &row, err);
    }
    for (int i = 0; i < 2 && code == 0; i++) {
        const struct dg_slice_row row = play_slice(day, i == 0 ? "all" : "country=DE");
        code = s->ops->slice(s, &row, err);
    }
    return code == 0 ? s->ops->window_end(s, err) : code;
}

static inline struct dg_run_totals play_totals(void)
{
    struct dg_run_totals t = {.records = 16311,
                              .rows = 16180,
                              .duplicates = 80,
                              .late = 31,
                              .out_of_order = 412,
                              .bytes = 1234567,
                              .windows = PLAY_WINDOWS,
                              .first_us = PLAY_START + 61000000,
                              .seconds = 1.5,
                              .last_us = PLAY_START + 40 * PLAY_DAY - 1,
                              .severity = DG_CRITICAL};
    t.bad[DG_BAD_TIME] = 40;
    t.bad[DG_BAD_UTF8] = 1;
    t.first_bad[DG_BAD_TIME] = (struct dg_bad_place){"housing.csv", 118};
    return t;
}

/* The whole run into `s`; the first failure's code. Does not close. */
static inline int play(struct dg_sink *s, struct dg_error *err)
{
    static char name[] = "housing", hash[] = "0123456789abcdef";
    const struct dg_monitor monitor = {.name = name, .hash = hash};
    const struct dg_run_info run = {.run = "r \"1\"", .monitor = &monitor, .inputs = "housing.csv"};
    int code = s->ops->open(s, &run, err);
    for (int day = 0; day < PLAY_WINDOWS && code == 0; day++) {
        code = play_window(s, day, err);
    }
    const struct dg_run_totals totals = play_totals();
    return code == 0 ? s->ops->finish(s, &totals, err) : code;
}

#endif
