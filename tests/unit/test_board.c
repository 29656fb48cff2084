/* Goal: what the board was told is what its readers say, in documents that other programs parse;
 * nothing grows with time. Method: a board with clocks of the test's own, its two documents looked
 * up by sample (Prometheus) and parsed by jansson (status); threads that write and read at once,
 * for the sanitizers. `test_board metrics` prints the sample board's metrics, for promtool. */
#include "tests/check.h"
#include "tests/support/board_sample.h"

#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)

static int64_t now_us, steady_us;

static int64_t read_now(void *arg)
{
    (void)arg;
    return now_us;
}

static int64_t read_steady(void *arg)
{
    (void)arg;
    return steady_us;
}

static struct dg_board *new_board(void)
{
    struct dg_board *b = NULL;
    CHECK_INT(dg_board_open(&b, NULL), 0);
    now_us = BOARD_SAMPLE_NOW;
    steady_us = 1000 * SECOND;
    dg_board_set_clock(b, &(struct dg_board_clock){read_now, read_steady, NULL});
    return b;
}

static void pass(int64_t seconds)
{
    now_us += seconds * SECOND;
    steady_us += seconds * SECOND;
}

static char *text_of(const struct dg_board *b, int (*write)(const struct dg_board *, FILE *))
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    CHECK_INT(write(b, out), 0);
    fclose(out);
    return text;
}

/* The value of the line that begins with `series` and a blank; "" if there is none. */
static const char *sample(const char *metrics, const char *series, char value[64])
{
    const size_t len = strlen(series);
    value[0] = '\0';
    for (const char *line = metrics; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, series, len) == 0 && line[len] == ' ') {
            snprintf(value, 64, "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
            break;
        }
    }
    return value;
}

static void check_samples(const struct dg_board *b, const char *const want[][2], size_t n)
{
    char *metrics = text_of(b, dg_board_metrics);
    char value[64];
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sample(metrics, want[i][0], value), want[i][1]) != 0) {
            fprintf(stderr, "%s is \"%s\"\n", want[i][0], value);
        }
        CHECK_STR(sample(metrics, want[i][0], value), want[i][1]);
    }
    free(metrics);
}

#define CHECK_SAMPLES(b, ...)                                                                      \
    check_samples(b, (const char *const[][2]){__VA_ARGS__},                                        \
                  sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(const char *const[2]))

static json_t *status_of(const struct dg_board *b)
{
    char *text = text_of(b, dg_board_status);
    json_error_t err;
    json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &err);
    CHECK(doc != NULL);
    if (doc == NULL) {
        fprintf(stderr, "%s at %d in\n%s\n", err.text, err.position, text);
    }
    free(text);
    return doc;
}

static void metrics_tell_what_was_told(void)
{
    struct dg_board *b = new_board();
    board_sample_fill(b, now_us, 0);
    pass(2);
    CHECK_SAMPLES(
        b, {"driftgauge_build_info{version=\"" DG_VERSION "\"}", "1"}, {"driftgauge_ready", "1"},
        {"driftgauge_records_total", "3000"},
        {"driftgauge_part_state{part=\"ledger\",state=\"ok\"}", "1"},
        {"driftgauge_part_state{part=\"ledger\",state=\"blocked\"}", "0"},
        {"driftgauge_part_state{part=\"registry\",state=\"ok\"}", ""},
        {"driftgauge_monitor_records_total{monitor=\"credit-risk\"}", "2000"},
        {"driftgauge_monitor_bad_records_total{monitor=\"churn\",reason=\"malformed\"}", "6"},
        {"driftgauge_monitor_leading{monitor=\"churn\"}", "0"},
        {"driftgauge_monitor_judged_window_end_timestamp_seconds{monitor=\"churn\"}", ""},
        {"driftgauge_monitor_judged_window_end_timestamp_seconds{monitor=\"credit-risk\"}",
         "1795284000.000000"},
        {"driftgauge_window_drifted_series{monitor=\"fraud \\\"eu\\\"\\\\n\",window=\"1h\"}", "3"},
        {"driftgauge_window_severity{monitor=\"fraud \\\"eu\\\"\\\\n\",window=\"1d\"}", "1"},
        {"driftgauge_monitor_lag_records{monitor=\"credit-risk\"}", "68"},
        {"driftgauge_partition_next_offset{monitor=\"churn\",topic=\"ml.predictions\",partition="
         "\"4\"}",
         "4001"},
        {"driftgauge_partition_committed_offset{monitor=\"churn\",topic=\"ml.predictions\","
         "partition=\"4\"}",
         "3751"},
        {"driftgauge_partition_watermark_age_seconds{monitor=\"churn\",topic=\"ml.predictions\","
         "partition=\"4\"}",
         "3.500000"},
        {"driftgauge_partition_idle{monitor=\"churn\",topic=\"ml.predictions\",partition=\"5\"}",
         "1"},
        {"driftgauge_commit_duration_seconds_bucket{le=\"0.01\"}", "0"},
        {"driftgauge_commit_duration_seconds_bucket{le=\"0.025\"}", "1"},
        {"driftgauge_commit_duration_seconds_bucket{le=\"+Inf\"}", "1"},
        {"driftgauge_commit_duration_seconds_sum", "0.021"},
        {"driftgauge_commit_duration_seconds_count", "1"});
    dg_board_close(b);
}

static void status_tells_the_same(void)
{
    struct dg_board *b = new_board();
    board_sample_fill(b, now_us, 0);
    json_t *doc = status_of(b);
    CHECK_STR(json_string_value(json_object_get(doc, "state")), "ready");
    CHECK_STR(json_string_value(json_object_get(doc, "version")), DG_VERSION);
    CHECK_STR(json_string_value(json_object_get(doc, "time")), "2026-11-21T18:00:00Z");
    CHECK(json_is_null(json_object_get(json_object_get(doc, "parts"), "registry")));
    CHECK_INT(json_array_size(json_object_get(doc, "lanes")), 2);
    const json_t *monitors = json_object_get(doc, "monitors");
    CHECK_INT(json_array_size(monitors), 3);
    const json_t *fraud = json_array_get(monitors, 1);
    CHECK_STR(json_string_value(json_object_get(fraud, "monitor")), "fraud \"eu\"\\n");
    CHECK_STR(json_string_value(json_object_get(fraud, "severity")), "critical");
    CHECK_INT(json_integer_value(json_object_get(fraud, "lag")), 68);
    CHECK_INT(json_integer_value(json_object_get(fraud, "records")), 2000);
    CHECK_REL(json_real_value(json_object_get(fraud, "watermark_age_s")), 61.5, 1e-12);
    CHECK_INT(json_array_size(json_object_get(fraud, "windows")), 2);
    CHECK_INT(json_array_size(json_object_get(fraud, "partitions")), 6);
    const json_t *minute = json_object_get(fraud, "last_minute");
    CHECK_INT(json_array_size(json_object_get(minute, "records_per_s")), 60);
    const json_t *churn = json_array_get(monitors, 2);
    CHECK(json_is_null(json_object_get(churn, "severity")));
    CHECK(json_is_false(json_object_get(churn, "leading")));
    json_decref(doc);
    dg_board_close(b);
}

static void an_empty_board_starts(void)
{
    struct dg_board *b = new_board();
    char why[200] = "";
    CHECK(!dg_board_ready(b, why, sizeof why));
    CHECK_STR(why, "broker: not known yet");
    CHECK(dg_board_alive(b, why, sizeof why));
    json_t *doc = status_of(b);
    CHECK_STR(json_string_value(json_object_get(doc, "state")), "starting");
    json_decref(doc);
    CHECK_SAMPLES(b, {"driftgauge_ready", "0"}, {"driftgauge_partitions_not_shown", "0"});
    dg_board_close(b);
}

static void readiness_is_that_of_the_worst_part(void)
{
    struct dg_board *b = new_board();
    char why[200] = "";
    board_sample_fill(b, now_us, 0);
    CHECK(dg_board_ready(b, why, sizeof why));
    pass(10);
    dg_board_state(b, DG_PART_LEDGER, "lane 1", DG_STATE_BLOCKED, "connection refused");
    CHECK(!dg_board_ready(b, why, sizeof why));
    CHECK_STR(why, "ledger blocked (lane 1): connection refused");
    pass(10);
    dg_board_state(b, DG_PART_LEDGER, "lane 1", DG_STATE_BLOCKED, "still refused");
    dg_board_state(b, DG_PART_BROKER, "lane 0", DG_STATE_FAILED, "no such topic");
    CHECK(!dg_board_ready(b, why, sizeof why));
    CHECK_STR(why, "broker failed (lane 0): no such topic");
    json_t *doc = status_of(b);
    const json_t *ledger = json_object_get(json_object_get(doc, "parts"), "ledger");
    CHECK_STR(json_string_value(json_object_get(doc, "state")), "failed");
    CHECK_STR(json_string_value(json_object_get(doc, "since")), "2026-11-21T18:00:20Z");
    CHECK_STR(json_string_value(json_object_get(ledger, "since")), "2026-11-21T18:00:10Z");
    CHECK_STR(json_string_value(json_object_get(ledger, "words")), "still refused");
    json_decref(doc);
    dg_board_forget(b, "lane 0");
    dg_board_state(b, DG_PART_LEDGER, "lane 1", DG_STATE_OK, "%s", "");
    CHECK(dg_board_ready(b, why, sizeof why));
    dg_board_lane(b, 1, false, 0, 0);
    CHECK(!dg_board_ready(b, why, sizeof why));
    CHECK_STR(why, "lane 1 waits for its partitions");
    dg_board_close(b);
}

static void a_refused_reload_leaves_it_ready(void)
{
    struct dg_board *b = new_board();
    char why[200];
    board_sample_fill(b, now_us, 0);
    pass(5);
    dg_board_add(b, DG_COUNT_RELOADS, 1);
    pass(5);
    dg_board_add(b, DG_COUNT_RELOAD_FAILURES, 1);
    dg_board_state(b, DG_PART_CONFIG, "main", DG_STATE_BLOCKED, "churn.yaml: unknown key");
    CHECK(dg_board_ready(b, why, sizeof why));
    CHECK_SAMPLES(b, {"driftgauge_config_last_reload_successful", "0"},
                  {"driftgauge_config_last_reload_success_timestamp_seconds", "1795284005.000000"},
                  {"driftgauge_part_state{part=\"config\",state=\"blocked\"}", "1"});
    dg_board_close(b);
}

static void a_thread_that_stands_still_is_not_alive(void)
{
    struct dg_board *b = new_board();
    char why[200] = "";
    dg_board_beat(b, "lane 0");
    dg_board_beat(b, "judge");
    pass(60);
    dg_board_beat(b, "judge");
    CHECK(dg_board_alive(b, why, sizeof why));
    now_us -= 3600 * SECOND; /* a wall clock that is set is nobody's fault */
    CHECK(dg_board_alive(b, why, sizeof why));
    pass(1);
    CHECK(!dg_board_alive(b, why, sizeof why));
    CHECK_STR(why, "lane 0 has not moved for 61 s");
    dg_board_forget(b, "lane 0");
    CHECK(dg_board_alive(b, why, sizeof why));
    dg_board_close(b);
}

static void sums_survive_a_lane_that_begins_anew(void)
{
    struct dg_board *b = new_board();
    struct dg_admission_totals t = {.records = 100, .rows = 90, .late = 7};
    dg_board_monitors(b, (const char *const[]){"m"}, 1);
    dg_board_totals(b, 0, "m", &t);
    dg_board_totals(b, 1, "m", &t);
    t = (struct dg_admission_totals){.records = 10, .rows = 10};
    dg_board_totals(b, 0, "m", &t); /* smaller: anew */
    dg_board_lane_renewed(b, 1);
    t = (struct dg_admission_totals){.records = 300, .rows = 299, .late = 1};
    dg_board_totals(b, 1, "m", &t); /* larger, but said to be anew */
    dg_board_totals(b, 1, "m", &t);
    dg_board_totals(b, 1, "unknown", &t);
    CHECK_SAMPLES(b, {"driftgauge_monitor_records_total{monitor=\"m\"}", "510"},
                  {"driftgauge_monitor_rows_total{monitor=\"m\"}", "489"},
                  {"driftgauge_monitor_late_rows_total{monitor=\"m\"}", "15"},
                  {"driftgauge_monitor_records_total{monitor=\"unknown\"}", ""});
    dg_board_close(b);
}

static void lanes_of_a_configuration_before_are_told_no_more(void)
{
    struct dg_board *b = new_board();
    for (uint32_t i = 0; i < 3; i++) {
        dg_board_lane(b, i, true, 2, 0);
    }
    dg_board_lanes(b, 1);
    json_t *doc = status_of(b);
    CHECK_INT(json_array_size(json_object_get(doc, "lanes")), 1);
    json_decref(doc);
    dg_board_close(b);
}

static void monitors_that_are_not_run_are_forgotten(void)
{
    struct dg_board *b = new_board();
    board_sample_fill(b, now_us, 0);
    dg_board_monitors(b, (const char *const[]){"new", "churn", "new"}, 3);
    json_t *doc = status_of(b);
    const json_t *monitors = json_object_get(doc, "monitors");
    CHECK_INT(json_array_size(monitors), 2);
    const json_t *churn = json_array_get(monitors, 1);
    CHECK_INT(json_integer_value(json_object_get(churn, "records")), 2000);
    CHECK_INT(json_array_size(json_object_get(churn, "partitions")), 6);
    json_decref(doc);
    CHECK_SAMPLES(b, {"driftgauge_monitor_rows_total{monitor=\"credit-risk\"}", ""},
                  {"driftgauge_monitor_rows_total{monitor=\"churn\"}", "1980"});
    dg_board_close(b);
}

static void a_partition_that_moved_is_shown_once(void)
{
    struct dg_board *b = new_board();
    struct dg_board_partition p = {.monitor = "m",
                                   .view = {.place = {"t", 0},
                                            .next_offset = 40,
                                            .committed_offset = -1,
                                            .clock = {DG_TIME_NONE, DG_TIME_NONE}},
                                   .high = -1};
    dg_board_monitors(b, (const char *const[]){"m"}, 1);
    dg_board_partitions(b, 1, &p, 1);
    p.view.next_offset = 50;
    dg_board_partitions(b, 0, &p, 1);
    CHECK_SAMPLES(
        b, {"driftgauge_partition_next_offset{monitor=\"m\",topic=\"t\",partition=\"0\"}", "50"},
        {"driftgauge_partition_committed_offset{monitor=\"m\",topic=\"t\",partition=\"0\"}", ""},
        {"driftgauge_partition_lag_records{monitor=\"m\",topic=\"t\",partition=\"0\"}", ""},
        {"driftgauge_partition_watermark_age_seconds{monitor=\"m\",topic=\"t\",partition=\"0\"}",
         ""});
    dg_board_partitions(b, 0, NULL, 0);
    CHECK_SAMPLES(
        b, {"driftgauge_partition_next_offset{monitor=\"m\",topic=\"t\",partition=\"0\"}", "40"});
    dg_board_partitions(b, 1, NULL, 0);
    CHECK_SAMPLES(
        b, {"driftgauge_partition_next_offset{monitor=\"m\",topic=\"t\",partition=\"0\"}", ""});
    dg_board_close(b);
}

static void series_of_partitions_are_bounded(void)
{
    enum { N = DG_BOARD_PARTITIONS_MAX + 500 };
    struct dg_board *b = new_board();
    struct dg_board_partition *p = calloc(N, sizeof *p);
    for (int i = 0; i < N; i++) {
        p[i] = (struct dg_board_partition){
            .monitor = "m", .view = {.place = {"t", i}, .next_offset = 5}, .high = 7};
    }
    dg_board_monitors(b, (const char *const[]){"m"}, 1);
    dg_board_partitions(b, 0, p, N);
    CHECK_SAMPLES(
        b, {"driftgauge_partitions_not_shown", "500"},
        {"driftgauge_monitor_lag_records{monitor=\"m\"}", "5000"},
        {"driftgauge_partition_lag_records{monitor=\"m\",topic=\"t\",partition=\"1999\"}", "2"},
        {"driftgauge_partition_lag_records{monitor=\"m\",topic=\"t\",partition=\"2000\"}", ""});
    free(p);
    dg_board_close(b);
}

static void windows_keep_the_newest_of_each_size(void)
{
    struct dg_board *b = new_board();
    const struct dg_judge_report r = {.leading = true, .judged_us = 7200 * SECOND};
    dg_board_monitors(b, (const char *const[]){"m"}, 1);
    dg_board_window(b, "m", 3600 * SECOND, 7200 * SECOND, 10, 4, 2, 1, DG_WARN);
    dg_board_window(b, "m", 3600 * SECOND, 3600 * SECOND, 10, 4, 4, 0, DG_CRITICAL);
    dg_board_window(b, "m", 60 * SECOND, 7200 * SECOND, 1, 4, 0, 0, DG_OK);
    dg_board_judge(b, "m", "h1", &r);
    CHECK_SAMPLES(b, {"driftgauge_window_drifted_series{monitor=\"m\",window=\"1h\"}", "2"},
                  {"driftgauge_window_drifted_series{monitor=\"m\",window=\"1m\"}", "0"});
    dg_board_window(b, "m", 3600 * SECOND, 7200 * SECOND, 11, 4, 3, 0, DG_WARN); /* revised */
    CHECK_SAMPLES(b, {"driftgauge_window_drifted_series{monitor=\"m\",window=\"1h\"}", "3"},
                  {"driftgauge_window_rows{monitor=\"m\",window=\"1h\"}", "11"});
    dg_board_judge(b, "m", "h1", &r);
    dg_board_window(b, "m", 60 * SECOND, 7260 * SECOND, 1, 4, 1, 0, DG_OK);
    dg_board_judge(b, "m", "h2", &r); /* the report of the run that judged the last window */
    CHECK_SAMPLES(b, {"driftgauge_window_drifted_series{monitor=\"m\",window=\"1h\"}", ""},
                  {"driftgauge_window_drifted_series{monitor=\"m\",window=\"1m\"}", "1"});
    dg_board_judge(b, "m", "h2", &(struct dg_judge_report){.leading = false});
    CHECK_SAMPLES(b, {"driftgauge_window_drifted_series{monitor=\"m\",window=\"1m\"}", ""});
    dg_board_close(b);
}

static double minute_at(const struct dg_board *b, const char *name, size_t i)
{
    json_t *doc = status_of(b);
    const json_t *m = json_array_get(json_object_get(doc, "monitors"), 0);
    const json_t *list = json_object_get(json_object_get(m, "last_minute"), name);
    const double x = json_number_value(json_array_get(list, i));
    json_decref(doc);
    return x;
}

static void the_last_minute_shows_rates_and_levels(void)
{
    struct dg_board *b = new_board();
    struct dg_admission_totals t = {0};
    dg_board_monitors(b, (const char *const[]){"m"}, 1);
    dg_board_totals(b, 0, "m", &t);
    pass(10);
    t.records = 1000; /* in ten seconds: 100 in each of them */
    dg_board_totals(b, 0, "m", &t);
    dg_board_window(b, "m", SECOND, SECOND, 1, 1, 5, 0, DG_OK);
    pass(1);
    CHECK_ABS(minute_at(b, "records_per_s", 58), 100.0, 1e-9);
    CHECK_ABS(minute_at(b, "records_per_s", 49), 100.0, 1e-9);
    CHECK_ABS(minute_at(b, "records_per_s", 48), 0.0, 1e-9);
    CHECK_ABS(minute_at(b, "drifted_series", 59), 5.0, 0);
    CHECK_ABS(minute_at(b, "drifted_series", 58), 0.0, 0);
    pass(40); /* silence: rates fall to nothing, levels stay */
    CHECK_ABS(minute_at(b, "records_per_s", 59), 0.0, 0);
    CHECK_ABS(minute_at(b, "records_per_s", 18), 100.0, 1e-9);
    CHECK_ABS(minute_at(b, "drifted_series", 59), 5.0, 0);
    pass(100000);
    CHECK_ABS(minute_at(b, "records_per_s", 0), 0.0, 0);
    CHECK_ABS(minute_at(b, "drifted_series", 0), 5.0, 0);
    dg_board_close(b);
}

static void more_speakers_than_fit_are_still_heard(void)
{
    struct dg_board *b = new_board();
    char why[200] = "", who[32];
    board_sample_fill(b, now_us, 0);
    for (int i = 0; i < 3 * DG_BOARD_SPEAKERS_MAX; i++) {
        snprintf(who, sizeof who, "thread %d", i);
        dg_board_state(b, DG_PART_BROKER, who, DG_STATE_OK, "%s", "");
        dg_board_beat(b, who);
    }
    CHECK(dg_board_ready(b, why, sizeof why));
    dg_board_state(b, DG_PART_BROKER, "one more", DG_STATE_BLOCKED, "%500d", 1);
    CHECK(!dg_board_ready(b, why, sizeof why));
    dg_board_close(b);
}

/* -- at once -- */

static void *write_much(void *arg)
{
    for (unsigned tick = 0; tick < 200; tick++) {
        board_sample_fill(arg, BOARD_SAMPLE_NOW, tick);
    }
    return NULL;
}

static void *read_much(void *arg)
{
    char why[100];
    for (int i = 0; i < 50; i++) {
        free(text_of(arg, dg_board_metrics));
        json_decref(status_of(arg));
        (void)dg_board_ready(arg, why, sizeof why);
        (void)dg_board_alive(arg, why, sizeof why);
    }
    return NULL;
}

static void readers_and_writers_do_not_meet(void)
{
    struct dg_board *b = NULL;
    pthread_t thread[4];
    CHECK_INT(dg_board_open(&b, NULL), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(pthread_create(&thread[i], NULL, i < 2 ? write_much : read_much, b), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    CHECK_INT(dg_board_get(b, DG_COUNT_RECORDS), 2 * 200 * 3000);
    dg_board_close(b);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "metrics") == 0) {
        struct dg_board *b = new_board();
        board_sample_fill(b, now_us, 3);
        dg_board_state(b, DG_PART_REGISTRY, "lane 0", DG_STATE_BLOCKED, "away");
        const int rc = dg_board_metrics(b, stdout);
        dg_board_close(b);
        return rc;
    }
    return CHECK_MAIN(
        argc, argv, CASE(metrics_tell_what_was_told), CASE(status_tells_the_same),
        CASE(an_empty_board_starts), CASE(readiness_is_that_of_the_worst_part),
        CASE(a_refused_reload_leaves_it_ready), CASE(a_thread_that_stands_still_is_not_alive),
        CASE(sums_survive_a_lane_that_begins_anew),
        CASE(lanes_of_a_configuration_before_are_told_no_more),
        CASE(monitors_that_are_not_run_are_forgotten), CASE(a_partition_that_moved_is_shown_once),
        CASE(series_of_partitions_are_bounded), CASE(windows_keep_the_newest_of_each_size),
        CASE(the_last_minute_shows_rates_and_levels), CASE(more_speakers_than_fit_are_still_heard),
        CASE(readers_and_writers_do_not_meet));
}
