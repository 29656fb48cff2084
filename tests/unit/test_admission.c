/* Goal: which rows count, and where, as docs/ARCHITECTURE.md says under Time.
 * Method: a few rows through the whole engine; totals and window rows are known by hand. */
#include "tests/check.h"
#include "tests/support/engine_run.h"

#define MONITOR(time, rest)                                                                        \
    "monitor: m\ncolumns: { timestamp: time, features: { n0: numeric }" rest " }\n"                \
    "windows: { size: 1h, slide: 1h }\ntime: { " time " }\n"

static struct memory_row at(double hours, double x)
{
    return (struct memory_row){.time_us = MONDAY + (int64_t)(hours * (double)HOUR), .number = {x}};
}

static uint64_t rows_until(const struct engine_run *r, int hours)
{
    const struct dg_slice_row *s = engine_slice(r, MONDAY + hours * HOUR, HOUR, "", "all");
    return s == NULL ? UINT64_MAX : s->rows;
}

static void a_row_is_late_when_its_pane_is_closed(void)
{
    /* Newest 5:30, out_of_order 30m: watermark 5:00. Late allowed 1h: panes that end by 4:00 are
     * closed. */
    const struct memory_row rows[] = {at(2.5, 1), at(5.5, 2), at(3.999, 3), at(4.0, 4),
                                      at(4.9, 5), at(5.0, 6), at(5.1, 7),   at(6.5, 8)};
    struct engine_run r = {.chunk_rows = 1};
    engine_run_rows(&r, MONITOR("out_of_order: 30m, late_events: 1h", ""), rows, 8);
    CHECK_INT(r.result.totals.late, 1);
    CHECK_INT(r.result.totals.rows, 7);
    CHECK_INT(r.result.totals.out_of_order, 2); /* 4:00 and 4:54 are behind the watermark */
    CHECK_INT(rows_until(&r, 3), 1);
    CHECK_INT(rows_until(&r, 4), 0);
    CHECK_INT(rows_until(&r, 5), 2);
    CHECK_INT(rows_until(&r, 6), 3);
    CHECK_INT(rows_until(&r, 7), 1);
    /* What is late counts where its partition was; what is out of order where it belongs. */
    CHECK_INT(engine_slice(&r, MONDAY + 6 * HOUR, 0, "", "all")->late, 1);
    CHECK_INT(engine_slice(&r, MONDAY + 5 * HOUR, 0, "", "all")->out_of_order, 2);
    CHECK_INT(engine_slice(&r, MONDAY + 6 * HOUR, 0, "", "all")->out_of_order, 0);
    engine_run_close(&r);
}

static void partitions_have_watermarks_of_their_own(void)
{
    const struct memory_row ahead[] = {at(9, 1), at(9.5, 2)}, behind[] = {at(0.5, 3), at(1.5, 4)};
    const struct memory_partition p[] = {{ahead, 2}, {behind, 2}};
    struct engine_run r = {.chunk_rows = 1};
    engine_run(&r, MONITOR("out_of_order: 0, late_events: 0", ""), p, 2);
    CHECK_INT(r.result.totals.late, 0);
    CHECK_INT(r.n_windows, 10); /* 0-1 .. 9-10 */
    CHECK_INT(rows_until(&r, 1), 1);
    CHECK_INT(rows_until(&r, 2), 1);
    CHECK_INT(rows_until(&r, 10), 2);
    engine_run_close(&r);
}

static struct memory_row with_id(double hours, const char *id)
{
    struct memory_row r = at(hours, 1);
    r.text[0] = id;
    return r;
}

static void ids_are_compared_within_a_pane(void)
{
    const struct memory_row rows[] = {with_id(0.1, "a"),  with_id(0.2, "b"), with_id(0.3, "a"),
                                      with_id(0.4, ""),   with_id(0.4, ""),  with_id(0.5, NULL),
                                      with_id(0.5, NULL), with_id(1.1, "a"), with_id(1.2, "a")};
    struct engine_run r = {0};
    engine_run_rows(&r, MONITOR("late_events: 1h", ", id: t0"), rows, 9);
    CHECK_INT(r.result.totals.duplicates, 3); /* a, the empty id, a in the next pane; not null */
    CHECK_INT(rows_until(&r, 1), 5);
    CHECK_INT(rows_until(&r, 2), 1);
    CHECK_INT(engine_slice(&r, MONDAY + HOUR, 0, "", "all")->duplicates, 2);
    CHECK_INT(engine_slice(&r, MONDAY + 2 * HOUR, 0, "", "all")->duplicates, 1);
    engine_run_close(&r);
    engine_run_rows(&r, MONITOR("late_events: 1h", ", id: t0") "duplicates: keep\n", rows, 9);
    CHECK_INT(r.result.totals.duplicates, 3);
    CHECK_INT(r.result.totals.rows, 9);
    CHECK_INT(rows_until(&r, 1), 7);
    CHECK(engine_slice(&r, MONDAY + HOUR, 0, "", "all")->duplicates_kept);
    engine_run_close(&r);
    /* The same id in another partition is another event. */
    const struct memory_partition two[] = {{rows, 1}, {rows, 1}};
    engine_run(&r, MONITOR("late_events: 1h", ", id: t0"), two, 2);
    CHECK_INT(r.result.totals.duplicates, 0);
    engine_run_close(&r);
}

static void one_wrong_clock_makes_nothing_late(void)
{
    const double wrong[] = {24 * 365, 24 * 365 * 74.0};
    for (size_t w = 0; w < 2; w++) {
        for (size_t place = 0; place < 4; place++) { /* also as the very first row */
            struct memory_row rows[5];
            size_t n = 0;
            for (size_t i = 0; i < 4; i++) {
                if (i == place) {
                    rows[n++] = at(wrong[w], 9);
                }
                rows[n++] = at(0.5 + (double)i, 1);
            }
            struct engine_run r = {.chunk_rows = 2};
            engine_run_rows(&r, MONITOR("late_events: 0", ""), rows, n);
            CHECK_INT(r.result.totals.late, 0);
            CHECK_INT(r.result.totals.rows, 4);
            CHECK_INT(r.result.totals.bad[DG_BAD_FUTURE], 1);
            CHECK_INT(r.n_windows, 4);
            CHECK_INT(r.result.totals.last_us, at(3.5, 0).time_us);
            engine_run_close(&r);
        }
    }
}

static void a_row_of_1970_does_not_begin_time(void)
{
    for (size_t place = 0; place < 4; place++) {
        struct memory_row rows[5];
        size_t n = 0;
        for (size_t i = 0; i < 4; i++) {
            if (i == place) {
                rows[n++] = (struct memory_row){.time_us = 0};
            }
            rows[n++] = at(0.5 + (double)i, 1);
        }
        struct engine_run r = {.chunk_rows = 1};
        engine_run_rows(&r, MONITOR("late_events: 0", ""), rows, n);
        CHECK_INT(r.result.totals.late, 1);
        CHECK_INT(r.result.totals.rows, 4);
        CHECK_INT(r.n_windows, 4);
        CHECK_INT(r.result.totals.first_us, at(0.5, 0).time_us);
        engine_run_close(&r);
    }
}

static void a_jump_that_a_second_row_confirms_is_time(void)
{
    const struct memory_row rows[] = {at(0.5, 1), at(0.6, 1),   at(100.5, 1),
                                      at(0.7, 1), at(101.5, 1), at(0.8, 1)};
    struct engine_run r = {.chunk_rows = 1};
    engine_run_rows(&r, MONITOR("late_events: 0", ""), rows, 6);
    CHECK_INT(r.result.totals.bad[DG_BAD_FUTURE], 0);
    CHECK_INT(r.result.totals.late, 1); /* 0:48, after the jump was confirmed */
    CHECK_INT(r.n_windows, 102);
    CHECK_INT(rows_until(&r, 1), 3);
    CHECK_INT(rows_until(&r, 50), 0);
    CHECK(engine_slice(&r, MONDAY + 50 * HOUR, 0, "", "all")->silent);
    CHECK_INT(rows_until(&r, 101), 1);
    engine_run_close(&r);
}

static void rows_far_apart_with_nothing_near_all_count(void)
{
    const struct memory_row rows[] = {at(0.5, 1), at(50.5, 1), at(100.5, 1)};
    struct engine_run r = {0};
    engine_run_rows(&r, MONITOR("late_events: 0", ""), rows, 3);
    CHECK_INT(r.result.totals.rows, 3);
    CHECK_INT(r.n_windows, 101);
    engine_run_close(&r);
    engine_run_rows(&r, MONITOR("late_events: 0", ""), rows, 1); /* and a row that is alone */
    CHECK_INT(r.result.totals.rows, 1);
    CHECK_INT(r.n_windows, 1);
    engine_run_close(&r);
}

static void without_the_guard_every_row_moves_time(void)
{
    const struct memory_row rows[] = {at(0.5, 1), at(100.5, 1), at(0.6, 1)};
    struct engine_run r = {0};
    engine_run_rows(&r, MONITOR("late_events: 0, max_ahead: 0", ""), rows, 3);
    CHECK_INT(r.result.totals.rows, 2);
    CHECK_INT(r.result.totals.late, 1);
    engine_run_close(&r);
}

static void bad_records_count_where_their_partition_is(void)
{
    struct memory_row rows[] = {at(0, 1), at(0.5, 1), at(0, 1), at(1.5, 1), at(0, 1), at(0, 1)};
    rows[0].reason = DG_BAD_MALFORMED;
    rows[2].reason = DG_BAD_UTF8;
    rows[4].time_us = DG_TIME_NONE;
    rows[5].reason = DG_BAD_TRUNCATED;
    struct engine_run r = {.chunk_rows = 1};
    engine_run_rows(&r, MONITOR("late_events: 0", ""), rows, 6);
    const struct dg_slice_row *first = engine_slice(&r, MONDAY + HOUR, 0, "", "all");
    const struct dg_slice_row *second = engine_slice(&r, MONDAY + 2 * HOUR, 0, "", "all");
    CHECK(first != NULL && second != NULL);
    if (first != NULL && second != NULL) {
        CHECK_INT(first->bad[DG_BAD_MALFORMED], 1);
        CHECK_INT(first->bad[DG_BAD_UTF8], 1);
        CHECK_INT(second->bad[DG_BAD_TIME], 1);
        CHECK_INT(second->bad[DG_BAD_TRUNCATED], 1);
    }
    CHECK_INT(r.result.n_examples, 4);
    CHECK_INT(r.result.totals.records, 6);
    CHECK_INT(r.result.totals.rows, 2);
    engine_run_close(&r);
}

#define PLACES ", partition: partition, offset: offset"

static struct memory_row placed(double hours, int64_t partition, int64_t offset)
{
    struct memory_row r = at(hours, 1);
    r.partition = partition;
    r.offset = offset;
    return r;
}

static void rows_that_name_their_partition_follow_its_clock(void)
{
    /* Two partitions of a topic in one file: each is in order, together they are not. */
    const struct memory_row rows[] = {placed(5.5, 0, 10), placed(0.5, 1, 7),  placed(6.5, 0, 11),
                                      placed(1.5, 1, 8),  placed(6.6, 0, 11), placed(0.6, 1, 6),
                                      placed(7.5, 0, 12), placed(2.5, 1, 9)};
    struct engine_run r = {.chunk_rows = 3};
    engine_run_rows(&r, MONITOR("late_events: 0", PLACES), rows, 8);
    CHECK_INT(r.result.totals.late, 0);
    CHECK_INT(r.result.totals.duplicates, 2); /* offsets 11 and 6 were passed already */
    CHECK_INT(r.result.totals.rows, 6);
    CHECK_INT(r.n_windows, 8);
    CHECK_INT(rows_until(&r, 1), 1);
    CHECK_INT(rows_until(&r, 7), 1);
    engine_run_close(&r);
}

static void rows_without_their_place_are_malformed(void)
{
    struct memory_row rows[] = {placed(0.5, DG_TIME_NONE, 1), placed(0.5, 1, DG_TIME_NONE),
                                placed(0.5, 1, 7), placed(0.6, 1, 8)};
    struct engine_run r = {.chunk_rows = 1};
    engine_run_rows(&r, MONITOR("late_events: 0", PLACES), rows, 4);
    CHECK_INT(r.result.totals.rows, 2);
    CHECK_INT(r.result.totals.bad[DG_BAD_MALFORMED], 2);
    /* Known before any partition was: counted in the first pane that has one. */
    CHECK_INT(engine_slice(&r, MONDAY + HOUR, 0, "", "all")->bad[DG_BAD_MALFORMED], 2);
    engine_run_close(&r);
}

static void nothing_gives_nothing(void)
{
    struct engine_run r = {0};
    engine_run_rows(&r, MONITOR("late_events: 0", ""), NULL, 0);
    CHECK_INT(r.n_windows, 0);
    CHECK_INT(r.result.totals.records, 0);
    CHECK_INT(r.result.totals.first_us, DG_TIME_NONE);
    engine_run_close(&r);
    struct memory_row bad = at(0, 1);
    bad.reason = DG_BAD_BINARY;
    engine_run_rows(&r, MONITOR("late_events: 0", ""), &bad, 1);
    CHECK_INT(r.n_windows, 0);
    CHECK_INT(r.result.totals.bad[DG_BAD_BINARY], 1);
    engine_run_close(&r);
}

/* Disorder, repeated ids, wrong clocks, bad records, in any number of partitions: each record is
 * counted under exactly one name, and the windows hold together what the totals say. */
static void every_record_is_counted_once(void)
{
    static struct memory_row rows[2000];
    static char ids[500][8];
    for (size_t i = 0; i < 500; i++) {
        snprintf(ids[i], sizeof ids[i], "i%zu", i);
    }
    uint64_t futures = 0, lates = 0;
    for (int round = 0; round < 20; round++) {
        const uint32_t n = 1 + (uint32_t)(check_random() % 5);
        for (size_t i = 0; i < 2000; i++) {
            const uint64_t dice = check_random() % 100;
            const double hours = (double)(i % 400) / 8 + 3 * check_uniform();
            rows[i] = with_id(hours, ids[check_random() % 500]);
            if (dice == 0) {
                rows[i] = at(1e5 * (2 + (double)i), 1); /* alone in the far future */
            } else if (dice == 1) {
                rows[i] = (struct memory_row){.time_us = (int64_t)i};
            } else if (dice < 5) {
                rows[i].reason = (enum dg_reason)(1 + check_random() % DG_BAD_BINARY);
            }
        }
        struct memory_partition part[5];
        for (uint32_t p = 0; p < n; p++) {
            part[p] = (struct memory_partition){rows + 400 * p, 400};
        }
        struct engine_run r = {.chunk_rows = 1 + check_random() % 50,
                               .lanes = 1 + (uint32_t)(check_random() % 3)};
        engine_run(&r, MONITOR("out_of_order: 1h, late_events: 10m", ", id: t0"), part, n);
        const struct dg_admission_totals *t = &r.result.totals;
        uint64_t bad = 0, window_rows = 0, late = 0, duplicates = 0, out_of_order = 0;
        uint64_t window_bad = 0;
        for (size_t i = 1; i < DG_REASONS; i++) {
            bad += t->bad[i];
        }
        for (size_t i = 0; i < r.n_slices; i++) {
            window_rows += r.slice[i].rows;
            late += r.slice[i].late;
            duplicates += r.slice[i].duplicates;
            out_of_order += r.slice[i].out_of_order;
            for (size_t k = 1; k < DG_REASONS; k++) {
                window_bad += r.slice[i].bad[k];
            }
        }
        CHECK_INT(t->records, 400 * n);
        CHECK_INT(t->rows + t->duplicates + t->late + bad, t->records);
        CHECK_INT(window_rows, t->rows);
        CHECK_INT(late, t->late);
        CHECK_INT(duplicates, t->duplicates);
        CHECK_INT(out_of_order, t->out_of_order);
        CHECK_INT(window_bad, bad);
        futures += t->bad[DG_BAD_FUTURE];
        lates += t->late;
        CHECK(r.n_windows >= 40 && r.n_windows <= 60);
        engine_run_close(&r);
    }
    CHECK(futures > 20 && lates > 20); /* else this proves little */
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(a_row_is_late_when_its_pane_is_closed),
        CASE(partitions_have_watermarks_of_their_own), CASE(ids_are_compared_within_a_pane),
        CASE(one_wrong_clock_makes_nothing_late), CASE(a_row_of_1970_does_not_begin_time),
        CASE(a_jump_that_a_second_row_confirms_is_time),
        CASE(rows_far_apart_with_nothing_near_all_count),
        CASE(without_the_guard_every_row_moves_time),
        CASE(bad_records_count_where_their_partition_is),
        CASE(rows_that_name_their_partition_follow_its_clock),
        CASE(rows_without_their_place_are_malformed), CASE(nothing_gives_nothing),
        CASE(every_record_is_counted_once));
}
