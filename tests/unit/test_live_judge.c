/* Goal: a judge says what it did and what it could not: who leads, what is settled, what came too
 * late, where it went on after a restart; and what it keeps for that can be trusted.
 * Method: plain rows, one partition at a time, committed to a ledger in memory. Rows against a
 * replay: tests/property/test_judge.c. */
#include "engine/live/judge.h"

#include "engine/config.h"
#include "engine/live/snapshots.h"
#include "tests/check.h"
#include "tests/support/memory_ledger.h"
#include "tests/support/plain_lane.h"

#include <errno.h>

#define HOUR   (INT64_C(3600) * DG_US_PER_S)
#define MINUTE (INT64_C(60) * DG_US_PER_S)

static const char YAML[] = "monitor: m\n"
                           "columns: { timestamp: time, features: { n0: numeric } }\n"
                           "windows: { size: 2h, slide: 1h }\n"
                           "time: { late_events: 1h }\n"
                           "baselines: { before: previous_window }\n"
                           "checks: { rows: { warn: below 3, critical: below 2 } }\n";

#define LANES 3

struct room {
    struct dg_config config;
    struct memory_db *db;
    struct dg_ledger *ledger, *bench; /* the lanes', the judge's */
    struct dg_plan lane_plan, plan;
    int32_t stream;
    struct plain_lane *lane[LANES];
    int64_t offset[LANES];
    struct dg_judge *judge;
    struct dg_judge_report report;
    struct dg_error err;
    int progress;     /* calls */
    int interrupt_at; /* call that ends the run; 0: none */
};

static int note_progress(void *arg, const struct dg_judge_report *so_far)
{
    struct room *r = arg;
    CHECK(so_far->leading);
    return ++r->progress == r->interrupt_at;
}

static int64_t wall_clock; /* INT64_MAX: the end of time */

static int64_t wall_clock_us(void)
{
    return wall_clock;
}

static void open_bench(struct room *r, int64_t horizon_us)
{
    static const struct dg_baseline *const no_file[1];
    const struct dg_judge_options options = {.file = no_file,
                                             .now_us = wall_clock_us,
                                             .horizon_us = horizon_us,
                                             .progress = note_progress,
                                             .progress_arg = r};
    wall_clock = INT64_MAX;
    r->bench = memory_ledger_open(r->db);
    CHECK_INT(dg_plan_init(&r->plan, r->config.monitor, NULL, NULL, &r->err), 0);
    CHECK_INT(dg_judge_open(&r->plan, r->bench, r->stream, &options, &r->judge, &r->err), 0);
}

static void close_bench(struct room *r)
{
    dg_judge_close(r->judge);
    r->bench->ops->close(r->bench);
    dg_plan_deinit(&r->plan);
}

static void open_room(struct room *r, int64_t horizon_us)
{
    struct dg_diagnostics d = {0};
    bool replaced = false;
    *r = (struct room){.db = memory_db_open()};
    CHECK_INT(dg_config_parse("m.yaml", YAML, strlen(YAML), &d, &r->config), 0);
    dg_diagnostics_deinit(&d);
    r->ledger = memory_ledger_open(r->db);
    const struct dg_stream_key key = {"g", "m", "1", "", r->config.monitor, NULL, 0};
    CHECK_INT(r->ledger->ops->open_stream(r->ledger, &key, &r->stream, &replaced, &r->err), 0);
    CHECK_INT(dg_plan_init(&r->lane_plan, r->config.monitor, NULL, NULL, &r->err), 0);
    open_bench(r, horizon_us);
}

static void close_room(struct room *r)
{
    close_bench(r);
    for (int i = 0; i < LANES; i++) {
        if (r->lane[i] != NULL) {
            plain_lane_close(r->lane[i]);
        }
    }
    r->ledger->ops->close(r->ledger);
    dg_plan_deinit(&r->lane_plan);
    memory_db_close(r->db);
    dg_config_deinit(&r->config);
}

/* Commit rows at these times, in minutes, to a partition. */
static void commit(struct room *r, int lane, bool idle, const int times[], size_t n)
{
    struct fake_log log = {.next_offset = r->offset[lane]};
    if (r->lane[lane] == NULL) {
        r->lane[lane] = plain_lane_open(&r->lane_plan, r->ledger, r->stream, "g", lane);
    }
    for (size_t i = 0; i < n; i++) {
        const struct memory_row row = {.time_us = times[i] * MINUTE, .number = {times[i] % 7}};
        fake_log_add(&log, &row, 1, DG_TIME_NONE);
    }
    r->offset[lane] = log.next_offset;
    plain_lane_feed(r->lane[lane], log.record, n);
    plain_lane_idle(r->lane[lane], idle);
    plain_lane_commit(r->lane[lane]);
    fake_log_deinit(&log);
}
#define COMMIT(room, lane, idle, ...)                                                              \
    commit(room, lane, idle, (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static int judge(struct room *r, bool end)
{
    return dg_judge_run(r->judge, end, &r->report, &r->err);
}

static void windows_wait_for_partitions_that_are_not_idle(void)
{
    struct room r;
    open_room(&r, 24 * HOUR);
    CHECK_INT(judge(&r, false), 0);
    CHECK(r.report.leading && r.report.windows == 0);
    CHECK(r.report.judged_us == DG_TIME_NONE && r.report.newest_us == DG_TIME_NONE);
    COMMIT(&r, 0, false, 5, 10, 100, 130, 250);
    COMMIT(&r, 1, false, 20, 30);
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 0);
    CHECK_INT(r.report.watermark_us, 30 * MINUTE);
    CHECK_INT(r.report.newest_us, 250 * MINUTE);
    COMMIT(&r, 1, true, 40); /* now the first alone decides */
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 3); /* that end at 2, 3, 4 hours */
    CHECK_INT(r.report.judged_us, 4 * HOUR);
    CHECK_INT(r.report.again, 0);
    CHECK_INT(r.report.worst, DG_CRITICAL); /* one row from 2 to 4 hours */
    CHECK_INT(r.report.rows_written, 6);
    COMMIT(&r, 0, true, 251); /* all are idle: the open slide as well */
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.judged_us, 5 * HOUR);
    CHECK_INT(judge(&r, false), 0);
    CHECK(r.report.windows == 0 && r.report.rows_written == 0);
    COMMIT(&r, 1, true, 41, 185); /* back for a moment: everything from its pane on */
    CHECK_INT(judge(&r, false), 0);
    CHECK(r.report.windows == 4 && r.report.again == 4);
    CHECK_INT(r.report.rows_written, 7); /* of one only the baseline is another */
    CHECK_INT(r.report.unrevised, 0);
    close_room(&r);
}

static void open_windows_of_idle_streams_wait_for_the_wall_clock(void)
{
    struct room r;
    open_room(&r, 24 * HOUR);
    COMMIT(&r, 0, true, 5, 70, 185);
    COMMIT(&r, 1, true, 90);
    wall_clock = 190 * MINUTE; /* from 3 to 4 hours more may come */
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.judged_us, 3 * HOUR);
    wall_clock = 4 * HOUR - 1;
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 0);
    wall_clock = 4 * HOUR;
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 1);
    CHECK_INT(r.report.judged_us, 4 * HOUR);
    /* Events ahead of the clock: event time decides what they have passed. */
    COMMIT(&r, 0, true, 370);
    COMMIT(&r, 1, true, 310);
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.judged_us, 5 * HOUR);
    CHECK_INT(judge(&r, true), 0); /* the stream ends here, whatever the clock says */
    CHECK_INT(r.report.judged_us, 7 * HOUR);
    close_room(&r);
}

static void partitions_that_are_expected_are_waited_for(void)
{
    struct room r;
    open_room(&r, 0);
    dg_judge_expect(r.judge, 2);
    COMMIT(&r, 0, true, 5, 10, 100, 130, 250);
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 0);
    COMMIT(&r, 1, true, 3, 4);
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 4);
    CHECK_INT(r.report.unrevised, 0);
    close_room(&r);
}

static bool is_second(void *arg, const struct dg_topic_partition *place)
{
    return *(bool *)arg && place->partition == 1;
}

static void partitions_that_are_gone_hold_nothing_up(void)
{
    struct room r;
    bool gone = false;
    open_room(&r, 24 * HOUR);
    dg_judge_ask_gone(r.judge, is_second, &gone);
    dg_judge_expect(r.judge, 2);
    COMMIT(&r, 0, false, 5, 10, 100, 130, 250);
    COMMIT(&r, 1, false, 20, 30); /* not idle, and nobody will ever commit it again */
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 0);
    gone = true;
    CHECK_INT(judge(&r, false), 0); /* two that are there are waited for */
    CHECK_INT(r.report.windows, 0);
    dg_judge_expect(r.judge, 1);
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.windows, 3);
    CHECK_INT(r.report.watermark_us, 250 * MINUTE);
    close_room(&r);
}

static void one_judge_leads_at_a_time(void)
{
    struct room r;
    open_room(&r, 24 * HOUR);
    COMMIT(&r, 0, true, 5, 10, 100);
    CHECK_INT(judge(&r, false), 0);
    struct room second = r;
    open_bench(&second, 24 * HOUR);
    CHECK_INT(judge(&second, false), 0);
    CHECK(!second.report.leading && second.report.windows == 0);
    memory_ledger_break(r.bench);
    CHECK_INT(judge(&second, false), 0);
    CHECK(second.report.leading && second.report.windows == 1);
    CHECK_INT(second.report.rows_written, 0); /* the same rows are no news */
    CHECK_INT(judge(&r, false), ESTALE);
    CHECK_INT(judge(&r, false), 0);
    CHECK(!r.report.leading);
    close_bench(&second);
    CHECK_INT(judge(&r, false), 0);
    CHECK(r.report.leading && r.report.rows_written == 0);
    close_room(&r);
}

/* Behind the horizon of an idle partition, windows are not judged again, and that is not silent. */
static void what_comes_behind_the_horizon_is_a_gap(void)
{
    struct room r;
    const struct dg_gap *gap = NULL;
    open_room(&r, 6 * HOUR);
    COMMIT(&r, 0, true, 5, 10, 20);
    for (int hour = 0; hour < 40; hour++) {
        COMMIT(&r, 1, false, 60 * hour + 7, 60 * hour + 20);
        CHECK_INT(judge(&r, false), 0);
    }
    CHECK_INT(memory_db_gaps(r.db, &gap), 0);
    COMMIT(&r, 0, true, 70, 80, 39 * 60, 39 * 60 + 1); /* back after 39 hours */
    CHECK_INT(judge(&r, false), 0);
    CHECK(r.report.unrevised >= 1);
    CHECK_INT(memory_db_gaps(r.db, &gap), 1);
    CHECK_STR(gap->reason, "unrevised");
    CHECK(gap->from <= HOUR && gap->to == 2 * HOUR && gap->stream == r.stream);
    const uint64_t unrevised = r.report.unrevised;
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(memory_db_gaps(r.db, &gap), 1); /* said once */
    CHECK_INT(r.report.unrevised, unrevised);
    /* The same from a partition that was not idle is none: the others waited for it. */
    COMMIT(&r, 0, false, 39 * 60 + 30);
    CHECK_INT(judge(&r, false), 0);
    COMMIT(&r, 1, false, 100 * 60);
    COMMIT(&r, 0, false, 40 * 60 + 5, 41 * 60);
    CHECK_INT(judge(&r, false), 0);
    CHECK_INT(r.report.unrevised, unrevised);
    close_room(&r);
}

/* A long arrear is judged in steps; ended half-way, it goes on there. */
static void arrears_are_judged_in_steps(void)
{
    struct room r;
    open_room(&r, 24 * HOUR);
    for (int hour = 0; hour < 900; hour += 10) {
        COMMIT(&r, 0, false, 60 * hour, 60 * hour + 59, 60 * hour + 200, 60 * hour + 400);
    }
    r.interrupt_at = 2;
    CHECK_INT(judge(&r, false), EINTR);
    CHECK_INT(r.report.windows, 512);
    CHECK_INT(r.report.rows_written, 1024);
    close_bench(&r); /* killed, too */
    open_bench(&r, 24 * HOUR);
    r.interrupt_at = 0;
    CHECK_INT(judge(&r, false), 0);
    const uint64_t rest = r.report.windows;
    CHECK(rest > 300 && rest < 400);
    CHECK_INT(r.report.rows_written, 2 * rest);
    CHECK(r.progress >= 3);
    CHECK(r.report.bytes < 100000 && r.report.bytes > 0); /* what is over is forgotten */
    CHECK(memory_db_rows(r.db, r.stream) < 20);
    close_room(&r);
}

/* Far past of a stream whose checkpoint says nothing to this program. */
static void a_checkpoint_that_is_not_understood_is_left(void)
{
    struct room r;
    open_room(&r, 24 * HOUR);
    for (int hour = 0; hour < 50; hour++) {
        COMMIT(&r, 0, false, 60 * hour + 1, 60 * hour + 20, 60 * hour + 40);
        CHECK_INT(judge(&r, false), 0);
    }
    close_bench(&r);
    /* Another judge writes one of the future. */
    struct dg_ledger *other = memory_ledger_open(r.db);
    struct dg_bytes bytes = {0};
    bool held = false;
    uint64_t written = 0;
    const uint8_t memory[] = "something new";
    dg_checkpoint_encode(&(struct dg_checkpoint){48 * HOUR, 0, memory, sizeof memory}, &bytes);
    const struct dg_judgement j = {.checkpoint = bytes.data,
                                   .checkpoint_len = bytes.len,
                                   .settled_us = INT64_MIN,
                                   .forget_us = INT64_MIN};
    CHECK_INT(other->ops->lock(other, r.stream, &held, NULL), 0);
    CHECK_INT(other->ops->save(other, r.stream, &j, &written, NULL), 0);
    other->ops->close(other);
    dg_bytes_deinit(&bytes);
    open_bench(&r, 24 * HOUR);
    CHECK_INT(judge(&r, false), 0);
    CHECK(r.report.anew);
    CHECK(r.report.windows <= 3);        /* those that were settled are not touched */
    CHECK_INT(r.report.rows_written, 0); /* and the others come out the same */
    COMMIT(&r, 0, true, 60 * 50 + 1, 60 * 50 + 20, 60 * 50 + 40);
    CHECK_INT(judge(&r, false), 0);
    CHECK(!r.report.anew);
    CHECK_INT(r.report.judged_us, 51 * HOUR);
    close_room(&r);
}

static void a_checkpoint_is_whole_or_refused(void)
{
    const uint8_t memory[] = {1, 2, 3, 200, 0, 7};
    const struct dg_checkpoint c = {-5 * HOUR, INT64_MIN, memory, sizeof memory};
    struct dg_bytes good = {0};
    struct dg_checkpoint got;
    struct dg_error err;
    dg_checkpoint_encode(&c, &good);
    CHECK_INT(dg_checkpoint_decode(good.data, good.len, &got, &err), 0);
    CHECK(got.settled_us == c.settled_us && got.first_us == INT64_MIN);
    CHECK(got.n == sizeof memory && memcmp(got.memory, memory, sizeof memory) == 0);
    for (size_t n = 0; n < good.len; n++) {
        uint8_t *cut = malloc(n + (n == 0));
        memcpy(cut, good.data, n);
        CHECK_INT(dg_checkpoint_decode(cut, n, &got, &err), EBADMSG);
        CHECK(got.settled_us == INT64_MIN);
        free(cut);
    }
    for (size_t bit = 0; bit < 8 * good.len; bit++) {
        good.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_INT(dg_checkpoint_decode(good.data, good.len, &got, &err), EBADMSG);
        good.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    dg_bytes_deinit(&good);
}

static void damaged_rows_end_the_run_and_are_named(void)
{
    struct room r;
    open_room(&r, 24 * HOUR);
    COMMIT(&r, 0, true, 5, 10, 100);
    const int64_t from = 3;
    const struct dg_topic_partition place = {"log", 0};
    struct dg_position p = {0};
    CHECK_INT(r.ledger->ops->acquire(r.ledger, "g", &place, &r.stream, 1, &p, NULL), 0);
    p.next_offset = 4;
    const struct dg_packed_row row = {r.stream, 0, (const uint8_t *)"nonsense", 8};
    const struct dg_commit c = {
        .position = &p, .from_offset = &from, .n_positions = 1, .row = &row, .n_rows = 1};
    CHECK_INT(r.ledger->ops->commit(r.ledger, &c, NULL), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(judge(&r, false), EBADMSG);
        CHECK(strstr(r.err.message, "damaged") != NULL);
    }
    close_room(&r);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(windows_wait_for_partitions_that_are_not_idle),
        CASE(open_windows_of_idle_streams_wait_for_the_wall_clock),
        CASE(partitions_that_are_expected_are_waited_for),
        CASE(partitions_that_are_gone_hold_nothing_up), CASE(one_judge_leads_at_a_time),
        CASE(what_comes_behind_the_horizon_is_a_gap), CASE(arrears_are_judged_in_steps),
        CASE(a_checkpoint_that_is_not_understood_is_left), CASE(a_checkpoint_is_whole_or_refused),
        CASE(damaged_rows_end_the_run_and_are_named));
}
