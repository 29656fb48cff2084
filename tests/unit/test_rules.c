/* Goal: rows are judged as engine/rules.h says.
 * Method: made-up rows, window after window, straight into the rules. */
#include "engine/rules.h"

#include "engine/config.h"
#include "engine/diagnostics.h"
#include "tests/check.h"

#define HEAD                                                                                       \
    "monitor: m\ncolumns: { timestamp: ts, features: { x: numeric } }\n"                           \
    "windows: { size: 1h, slide: 1h }\nbaselines: { a: previous_window, b: { trailing: 2h } }\n"

struct bench {
    struct dg_config config;
    struct dg_rules *rules;
    int64_t end_us;
};

static void set_up(struct bench *b, const char *checks)
{
    char yaml[1000];
    struct dg_diagnostics d = {0};
    struct dg_error err;
    *b = (struct bench){0};
    snprintf(yaml, sizeof yaml, HEAD "checks: { %s }\n", checks);
    if (dg_config_parse("rules.yaml", yaml, strlen(yaml), &d, &b->config) != 0) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    dg_diagnostics_deinit(&d);
    CHECK_INT(dg_rules_open(b->config.monitor, &b->rules, &err), 0);
}

static void tear_down(struct bench *b)
{
    dg_rules_close(b->rules);
    dg_config_deinit(&b->config);
}

static struct dg_ruled_row row(uint32_t level, uint32_t baseline, double p, double effect)
{
    struct dg_ruled_row r = {.level = level, .baseline = baseline, .memory = 7 * level + baseline};
    r.row.baseline = baseline == 0 ? "a" : "b";
    r.row.status = DG_STATUS_OK;
    r.row.n = 1000;
    r.row.p_adjusted = NAN;
    r.row.drift.p = p;
    r.row.drift.psi_adjusted = effect;
    r.row.drift.psi = effect;
    r.row.drift.ks = NAN;
    r.row.completeness = 1;
    return r;
}

static void judge(struct bench *b, struct dg_ruled_row rows[], size_t n)
{
    struct dg_error err;
    b->end_us += 3600 * DG_US_PER_S;
    for (size_t i = 0; i < n; i++) {
        rows[i].row.window.end_us = b->end_us;
    }
    CHECK_INT(dg_rules_judge(b->rules, rows, n, &err), 0);
}

/* One series, one window. */
static struct dg_series_row step(struct bench *b, double p, double effect)
{
    struct dg_ruled_row r = row(0, 0, p, effect);
    judge(b, &r, 1);
    return r.row;
}

static void families_are_adjusted_apart(void)
{
    struct bench b;
    set_up(&b, "drift: { q: 0.05 }");
    struct dg_ruled_row rows[] = {row(0, 0, 0.01, 1), row(0, 1, 0.04, 1), row(0, 0, 0.02, 1),
                                  row(0, 0, 0.5, 1),  row(1, 0, 0.03, 1), row(0, 0, NAN, 1),
                                  row(0, 0, 0.001, 1)};
    for (size_t i = 0; i < 7; i++) {
        rows[i].memory = i;
    }
    rows[6].row.status = DG_STATUS_INSUFFICIENT;
    judge(&b, rows, 7);
    CHECK_REL(rows[0].row.p_adjusted, 0.03, 1e-11); /* of 0.01, 0.02, 0.5 */
    CHECK_REL(rows[2].row.p_adjusted, 0.03, 1e-11);
    CHECK_REL(rows[3].row.p_adjusted, 0.5, 1e-11);
    CHECK_REL(rows[1].row.p_adjusted, 0.04, 1e-11);
    CHECK_REL(rows[4].row.p_adjusted, 0.03, 1e-11);
    CHECK(isnan(rows[5].row.p_adjusted));
    CHECK(isnan(rows[6].row.p_adjusted));
    CHECK_INT(rows[5].row.status, DG_STATUS_OK); /* what is not known alarms nobody */
    CHECK_INT(rows[6].row.status, DG_STATUS_INSUFFICIENT);
    tear_down(&b);
}

static void groups_are_families_of_their_own(void)
{
    struct bench b;
    set_up(&b, "drift: { q: 0.05 }");
    struct dg_ruled_row rows[] = {row(0, 0, 0.02, 1), row(0, 0, 0.9, 1), row(0, 0, 0.02, 1)};
    rows[2].group = 1;
    rows[1].memory = 50;
    rows[2].memory = 51;
    judge(&b, rows, 3);
    CHECK_REL(rows[0].row.p_adjusted, 0.04, 1e-11);
    CHECK_REL(rows[2].row.p_adjusted, 0.02, 1e-11);
    tear_down(&b);
}

static void drift_takes_both_gates_and_time(void)
{
    struct bench b;
    set_up(&b, "drift: { q: 0.01, effect: 0.1, for: 3 }");
    struct dg_series_row r = step(&b, 1e-9, 0.05); /* significant, small */
    CHECK_INT(r.status, DG_STATUS_WARN);
    CHECK_INT(r.severity, DG_WARN);
    CHECK_INT(r.consecutive, 0);
    CHECK_INT(r.since_us, 0);
    r = step(&b, 0.2, 5); /* large, not significant */
    CHECK_INT(r.status, DG_STATUS_OK);
    CHECK_INT(r.severity, DG_OK);
    r = step(&b, 0.01, 0.1); /* the gates are inclusive */
    CHECK_INT(r.status, DG_STATUS_WARN);
    CHECK_INT(r.consecutive, 1);
    const int64_t since = r.window.end_us;
    CHECK_INT(r.since_us, since);
    CHECK_INT(step(&b, 0, 1).consecutive, 2);
    r = step(&b, 0, 1);
    CHECK_INT(r.status, DG_STATUS_DRIFT);
    CHECK_INT(r.severity, DG_CRITICAL);
    CHECK_INT(r.consecutive, 3);
    CHECK_INT(r.since_us, since);
    tear_down(&b);
}

static void a_break_begins_the_count_anew(void)
{
    struct bench b;
    set_up(&b, "drift: { for: 2 }");
    step(&b, 0, 1);
    CHECK_INT(step(&b, 0.5, 0).consecutive, 0);
    const struct dg_series_row r = step(&b, 0, 1);
    CHECK_INT(r.status, DG_STATUS_WARN);
    CHECK_INT(r.since_us, r.window.end_us);
    CHECK_INT(step(&b, 0, 1).status, DG_STATUS_DRIFT);
    tear_down(&b);
}

static void drift_ends_slowly(void)
{
    struct bench b;
    set_up(&b, "drift: { q: 0.01, effect: 0.1, for: 2 }");
    const int64_t since = step(&b, 0, 1).since_us;
    CHECK_INT(step(&b, 0, 1).status, DG_STATUS_DRIFT);
    CHECK_INT(step(&b, 0, 0.08).status, DG_STATUS_DRIFT); /* below the effect, above 3/4 of it */
    CHECK_INT(step(&b, 0.04, 1).status, DG_STATUS_DRIFT); /* above q, below 0.05 */
    CHECK_INT(step(&b, 0.5, 1).status, DG_STATUS_DRIFT);  /* calm, once */
    CHECK_INT(step(&b, 0, 0.09).status, DG_STATUS_DRIFT); /* not calm: again from the start */
    CHECK_INT(step(&b, 0, 0.074).status, DG_STATUS_DRIFT);
    struct dg_series_row r = step(&b, NAN, NAN); /* calm, twice */
    CHECK_INT(r.status, DG_STATUS_OK);
    CHECK_INT(r.since_us, 0);
    r = step(&b, 0, 1);
    CHECK(r.since_us > since);
    CHECK_INT(r.status, DG_STATUS_WARN);
    tear_down(&b);
}

static void windows_without_judgement_keep_the_memory(void)
{
    struct bench b;
    set_up(&b, "drift: { for: 2 }");
    const int64_t since = step(&b, 0, 1).since_us;
    struct dg_ruled_row poor = row(0, 0, 0, 1);
    poor.row.status = DG_STATUS_INSUFFICIENT;
    judge(&b, &poor, 1);
    CHECK_INT(poor.row.status, DG_STATUS_INSUFFICIENT);
    CHECK_INT(poor.row.severity, DG_OK);
    CHECK_INT(poor.row.since_us, since);
    poor.row.status = DG_STATUS_NO_REFERENCE;
    judge(&b, &poor, 1);
    CHECK_INT(step(&b, 0, 1).status, DG_STATUS_DRIFT);
    tear_down(&b);
    set_up(&b, "drift: off");
    CHECK_INT(step(&b, 0, 1).status, DG_STATUS_OK);
    CHECK_REL(step(&b, 0.25, 1).p_adjusted, 0.25, 1e-11);
    tear_down(&b);
}

static void checks_above_below_for_and_baseline(void)
{
    struct bench b;
    set_up(&b, "drift: off, psi: { warn: above 0.1, critical: above 0.25 }");
    CHECK_INT(step(&b, 1, 0.1).severity, DG_OK); /* above is above */
    CHECK_INT(step(&b, 1, 0.11).severity, DG_WARN);
    CHECK_INT(step(&b, 1, 0.26).severity, DG_CRITICAL);
    CHECK_INT(step(&b, 1, NAN).severity, DG_OK);
    tear_down(&b);

    set_up(&b, "drift: off, completeness: { critical: below 90% }");
    struct dg_ruled_row r = row(0, 0, 1, 0);
    r.row.status = DG_STATUS_INSUFFICIENT; /* a check needs no reference */
    r.row.completeness = 0.9;
    judge(&b, &r, 1);
    CHECK_INT(r.row.severity, DG_OK);
    r.row.completeness = 0.899;
    judge(&b, &r, 1);
    CHECK_INT(r.row.severity, DG_CRITICAL);
    tear_down(&b);

    set_up(&b,
           "drift: off, psi: [{ warn: above 0.1, for: 3 }, { critical: above 9, baseline: b }]");
    CHECK_INT(step(&b, 1, 10).severity, DG_OK); /* baseline a, first time */
    CHECK_INT(step(&b, 1, 1).severity, DG_OK);
    CHECK_INT(step(&b, 1, 1).severity, DG_WARN);
    CHECK_INT(step(&b, 1, 0).severity, DG_OK);
    CHECK_INT(step(&b, 1, 1).severity, DG_OK);
    r = row(0, 1, 1, 10);
    judge(&b, &r, 1);
    CHECK_INT(r.row.severity, DG_CRITICAL);
    tear_down(&b);
}

static enum dg_severity judge_slice(struct bench *b, struct dg_slice_row *s)
{
    struct dg_error err;
    s->severity = DG_OK;
    CHECK_INT(dg_rules_judge_slice(b->rules, s, 99, &err), 0);
    CHECK_INT(s->tripped.severity, s->severity); /* nothing but checks raises it here */
    return s->severity;
}

static void checks_on_slices(void)
{
    struct bench b;
    set_up(&b, "rows: { warn: below 100, critical: below 10 }, late_share: { warn: above 1%, for: "
               "2 }, silent: { critical: above 0 }");
    struct dg_slice_row s = {.rows = 1000, .stream = true};
    CHECK_INT(judge_slice(&b, &s), DG_OK);
    s.late = 100;
    CHECK_INT(judge_slice(&b, &s), DG_OK);
    CHECK_INT(judge_slice(&b, &s), DG_WARN);
    s.stream = false; /* only the stream's row knows about lateness */
    CHECK_INT(judge_slice(&b, &s), DG_OK);
    s = (struct dg_slice_row){.rows = 50};
    CHECK_INT(judge_slice(&b, &s), DG_WARN);
    s.rows = 9;
    CHECK_INT(judge_slice(&b, &s), DG_CRITICAL);
    CHECK_STR(s.tripped.check->metric, "rows");
    CHECK(s.tripped.value == 9.0);
    s = (struct dg_slice_row){.rows = 1000, .silent = true};
    CHECK_INT(judge_slice(&b, &s), DG_CRITICAL);
    tear_down(&b);
}

static void many_series_are_remembered(void)
{
    struct bench b;
    set_up(&b, "drift: { for: 2 }");
    static struct dg_ruled_row rows[5000];
    for (int window = 0; window < 2; window++) {
        for (size_t i = 0; i < 5000; i++) {
            rows[i] = row(0, 0, i % 3 == 0 ? 0 : 1, 1);
            rows[i].memory = i;
        }
        judge(&b, rows, 5000);
    }
    size_t drifting = 0;
    for (size_t i = 0; i < 5000; i++) {
        drifting += (rows[i].row.status == DG_STATUS_DRIFT) == (i % 3 == 0);
    }
    CHECK_INT(drifting, 5000);
    tear_down(&b);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(families_are_adjusted_apart),
                      CASE(groups_are_families_of_their_own), CASE(drift_takes_both_gates_and_time),
                      CASE(a_break_begins_the_count_anew), CASE(drift_ends_slowly),
                      CASE(windows_without_judgement_keep_the_memory),
                      CASE(checks_above_below_for_and_baseline), CASE(checks_on_slices),
                      CASE(many_series_are_remembered));
}
