/* Goal: a judge reads exactly what positions say was counted, and what it saves is there as a
 * whole, with a revision for what changed and nothing for what did not. Method: synthetic rows and
 * panes through the ledger into a real server, as a role that is a member of driftgauge_writer and
 * nothing else; read back through the views. Run by with_postgres.sh. */
#include "tests/integration/ledger_play.h"
#include "tests/integration/server.h"
#include "tests/integration/synthetic_rows.h"

#define HOUR_US INT64_C(3600000000)
#define START   INT64_C(1577836800000000) /* 2020-01-01 */

static struct dg_monitor credit = {.name = (char[]){"credit risk"},
                                   .hash = (char[]){"00112233aabbccdd"}};
static struct dg_monitor changed = {.name = (char[]){"credit risk"},
                                    .hash = (char[]){"ffeeddccbbaa9988"}};
static const struct synthetic few = {.windows = 3,
                                     .slices = 8,
                                     .columns = 8,
                                     .baselines = 2,
                                     .start_us = START,
                                     .size_us = HOUR_US,
                                     .baseline_version = "f1"};
#define WINDOW_ROWS (8 * 8 * 2 + 8)

static const char writer[] = "user=judge_writer";
static const struct dg_judgement nothing = {.settled_us = INT64_MIN, .forget_us = INT64_MIN};

/* A lane with one partition, and a judge that has read everything. */
struct play {
    struct dg_ledger *lane, *judge;
    int32_t stream;
    struct dg_position p;
    struct dg_error err;
};

static void load(struct play *y)
{
    bool held = false;
    struct told t = {0};
    CHECK_INT(y->judge->ops->lock(y->judge, y->stream, &held, &y->err), 0);
    CHECK(held);
    CHECK_INT(read_told(y->judge, y->stream, true, &t, &y->err), 0);
}

static struct play begin(const char *group, const struct dg_monitor *m)
{
    struct play y = {.lane = open_ledger(writer, "h:1/lane-0"),
                     .judge = open_ledger(writer, "h:1/judge")};
    const struct dg_topic_partition place = {"predictions", 0};
    y.stream = open_stream(y.lane, group, m);
    CHECK_INT(y.lane->ops->acquire(y.lane, group, &place, &y.stream, 1, &y.p, &y.err), 0);
    load(&y);
    return y;
}

static void end(struct play *y)
{
    y->judge->ops->close(y->judge);
    y->lane->ops->close(y->lane);
}

static int give(struct play *y, const struct synthetic *rows, unsigned window)
{
    struct dg_sink *sink = y->judge->ops->results(y->judge, y->stream);
    return synthetic_window(rows, sink, &credit, window, &y->err);
}

static int save(struct play *y, uint64_t *written)
{
    *written = 999999;
    return y->judge->ops->save(y->judge, y->stream, &nothing, written, &y->err);
}

static void check_saved(struct play *y, uint64_t want)
{
    uint64_t written = 0;
    const int code = save(y, &written);
    if (code != 0) {
        check_failures++;
        fprintf(stderr, "save: %s\n", y->err.message);
    } else {
        CHECK_INT(written, want);
    }
}

static void a_stream_has_one_judge(void)
{
    struct play y = begin("one judge", &credit);
    struct dg_ledger *other = open_ledger(writer, "h:2/judge");
    bool held = true;
    CHECK_INT(other->ops->lock(other, y.stream, &held, &y.err), 0);
    CHECK(!held);
    struct told t = {0};
    CHECK_INT(read_told(other, y.stream, true, &t, &y.err), ESTALE);
    CHECK_INT(y.judge->ops->lock(y.judge, y.stream, &held, &y.err), 0);
    CHECK(held);
    /* The session goes, and with it the lock. */
    free(ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = "
             "'judge_writer'"));
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), ESTALE);
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), ESTALE);
    CHECK_INT(other->ops->lock(other, y.stream, &held, &y.err), EAGAIN);
    CHECK_INT(other->ops->lock(other, y.stream, &held, &y.err), 0);
    CHECK(held);
    CHECK_INT(y.judge->ops->lock(y.judge, y.stream, &held, &y.err), 0);
    CHECK(!held);
    CHECK_INT(read_told(y.judge, y.stream, true, &t, &y.err), ESTALE);
    other->ops->close(other);
    end(&y);
}

static void a_judge_is_told_what_is_new_and_no_more(void)
{
    struct play y = begin("told", &credit);
    uint32_t g = 0;
    CHECK_INT(y.lane->ops->group(y.lane, y.stream, "v1", "champion", 9, &g, &y.err), 0);
    CHECK_INT(y.lane->ops->group(y.lane, y.stream, "v2", "champion", 9, &g, &y.err), 0);
    struct told t = {0};
    CHECK_INT(commit_counted(y.lane, &y.p, 3, MINUTE_US, &y.err), 0);
    CHECK_INT(commit_counted(y.lane, &y.p, 4, MINUTE_US, &y.err), 0);
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), 0);
    CHECK_INT(t.counted, 7);
    CHECK_STR(t.words, "v1/champion v2/champion predictions/0@7 ");
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), 0);
    CHECK_INT(t.rows, 0);
    CHECK_INT(t.positions, 1);
    /* A commit that tells of an idle partition brings no rows. */
    CHECK_INT(commit_counted(y.lane, &y.p, 0, MINUTE_US, &y.err), 0);
    CHECK_INT(commit_counted(y.lane, &y.p, 5, 2 * MINUTE_US, &y.err), 0);
    /* What the reader says ends the read, and it may be made again. */
    t = (struct told){.fail = EBADMSG};
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), EBADMSG);
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), 0);
    CHECK_INT(t.counted, 5);
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, true, &t, &y.err), 0);
    CHECK_INT(t.counted, 12);
    CHECK_INT(t.rows, 3);
    /* A server that lost commits. */
    CHECK_INT(commit_counted(y.lane, &y.p, 1, 0, &y.err), 0);
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), 0);
    free(ask("UPDATE driftgauge.live_position SET seq = seq - 1 WHERE position_id = (SELECT "
             "max(position_id) FROM driftgauge.live_position)"));
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), ESTALE);
    CHECK(strstr(y.err.message, "gone back in time") != NULL);
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, true, &t, &y.err), 0);
    end(&y);
}

static const char count_sql[] =
    "SELECT count(*) || ' ' || count(*) FILTER (WHERE superseded) || ' ' || "
    "coalesce(max(revision), "
    "-1) FROM (SELECT superseded, revision FROM driftgauge.series_result WHERE run_id = 0 UNION "
    "ALL "
    "SELECT superseded, revision FROM driftgauge.slice_result WHERE run_id = 0) r";
static const char values_sql[] =
    "SELECT md5((SELECT string_agg((to_jsonb(s) - 'evaluated_at' - 'revision' - 'config_hash')::"
    "text, '' ORDER BY time, window_size, segment, column_name, baseline) FROM "
    "driftgauge_view.series s WHERE run = '') || (SELECT string_agg((to_jsonb(s) - 'evaluated_at' "
    "- 'revision' - 'config_hash')::text, '' ORDER BY time, window_size, segment) FROM "
    "driftgauge_view.slice s WHERE run = ''))";
static const char wipe_sql[] =
    "WITH a AS (DELETE FROM driftgauge.series_result), b AS (DELETE FROM "
    "driftgauge.slice_result) SELECT 1";

static void rows_get_revisions_where_they_differ(void)
{
    struct play y = begin("revisions", &credit);
    struct synthetic other = few;
    other.variation = 7;
    for (unsigned i = 0; i < few.windows; i++) {
        CHECK_INT(give(&y, &few, i), 0);
    }
    check_answer(count_sql, "0 0 -1"); /* nothing before it is saved */
    check_saved(&y, 3 * WINDOW_ROWS);
    check_answer(count_sql, "408 0 0");
    char *values = ask(values_sql);
    char *when = ask("SELECT max(evaluated_at) FROM driftgauge_view.series");
    /* The same again is no news. */
    for (unsigned i = 0; i < few.windows; i++) {
        CHECK_INT(give(&y, &few, i), 0);
    }
    check_saved(&y, 0);
    check_answer(count_sql, "408 0 0");
    check_answer("SELECT max(evaluated_at) FROM driftgauge_view.series", when);
    /* Other values of every series; the slices' rows are the same. */
    CHECK_INT(give(&y, &other, 1), 0);
    check_saved(&y, 128);
    check_answer(count_sql, "536 128 1");
    check_answer("SELECT count(*) || ' ' || min(revision) || ' ' || max(revision) FROM "
                 "driftgauge_view.series WHERE time = '2020-01-01 01:00'",
                 "128 1 1");
    /* And back: values as before under the next revision. */
    CHECK_INT(give(&y, &few, 1), 0);
    check_saved(&y, 128);
    check_answer(values_sql, values);
    check_answer(count_sql, "664 256 2");
    check_saved(&y, 0);
    free(values);
    free(when);
    end(&y);
    free(ask(wipe_sql));
}

/* A row that is marked although it is the highest of its key, or is not although it is lower. */
static const char marked_wrongly_sql[] =
    "SELECT count(*) FROM (SELECT superseded <> (revision < max(revision) OVER (PARTITION BY "
    "run_id, "
    "monitor_id, window_size, window_end, slice_id, column_id, baseline_id)) AS wrong FROM "
    "driftgauge.series_result UNION ALL SELECT superseded <> (revision < max(revision) OVER "
    "(PARTITION BY run_id, monitor_id, window_size, window_end, slice_id)) FROM "
    "driftgauge.slice_result) r WHERE wrong";

/* Row by row, by the trigger: a copy of the highest revision of a key, `more` above it. */
static void revise_by_hand(struct dg_pg *hand, const char *more)
{
    char sql[700];
    struct dg_error err = {0};
    snprintf(sql, sizeof sql,
             "INSERT INTO driftgauge.series_result (window_size, window_end, run_id, monitor_id, "
             "config_id, slice_id, column_id, baseline_id, revision, tenant_id, consecutive, n, "
             "n_absent, n_null, n_nan, n_pos_inf, n_neg_inf, n_unparsable, n_out_of_range, status, "
             "severity, flags) SELECT window_size, window_end, run_id, monitor_id, config_id, "
             "slice_id, column_id, baseline_id, revision + %s, tenant_id, 1, 1, 1, 1, 1, 1, 1, 1, "
             "1, 'ok', 'ok', '' FROM driftgauge.series_result WHERE NOT superseded ORDER BY "
             "slice_id, column_id, baseline_id LIMIT 3",
             more);
    CHECK_INT(dg_pg_run(hand, "revise by hand", sql, &err), 0);
}

static void whoever_revises_the_same_rows_waits_or_fails(void)
{
    struct play y = begin("two", &credit);
    struct synthetic other = few;
    struct dg_pg *hand = admin();
    uint64_t written = 0;
    other.variation = 5;
    CHECK_INT(give(&y, &few, 1), 0);
    check_saved(&y, WINDOW_ROWS);
    check_answer(marked_wrongly_sql, "0");
    CHECK_INT(dg_pg_run(hand, "begin", "BEGIN", &y.err), 0);
    revise_by_hand(hand, "1");
    CHECK_INT(give(&y, &other, 1), 0);
    CHECK_INT(save(&y, &written), EAGAIN);
    CHECK(strstr(y.err.message, "lock") != NULL);
    CHECK_INT(dg_pg_run(hand, "commit", "COMMIT", &y.err), 0);
    check_answer(marked_wrongly_sql, "0");
    check_saved(&y, 128); /* above those, too; its slices are as before */
    check_answer(marked_wrongly_sql, "0");
    check_answer("SELECT count(*) FILTER (WHERE revision = 2) || ' ' || count(*) FROM "
                 "driftgauge_view.series",
                 "3 128");
    revise_by_hand(hand, "7");
    check_answer(marked_wrongly_sql, "0");
    CHECK_INT(give(&y, &few, 1), 0);
    check_saved(&y, 128);
    check_answer(marked_wrongly_sql, "0");
    dg_pg_close(hand);
    end(&y);
    free(ask(wipe_sql));
}

static void of_a_window_given_twice_the_last_counts(void)
{
    struct play y = begin("twice", &credit);
    struct synthetic other = few;
    other.variation = 7;
    for (unsigned i = 0; i < few.windows; i++) {
        CHECK_INT(give(&y, &few, i), 0);
    }
    check_saved(&y, 3 * WINDOW_ROWS);
    char *values = ask(values_sql);
    free(ask(wipe_sql));
    CHECK_INT(give(&y, &other, 0), 0);
    CHECK_INT(give(&y, &other, 1), 0);
    CHECK_INT(give(&y, &few, 0), 0);
    CHECK_INT(give(&y, &few, 2), 0);
    CHECK_INT(give(&y, &other, 1), 0);
    CHECK_INT(give(&y, &few, 1), 0);
    check_saved(&y, 3 * WINDOW_ROWS);
    check_answer(values_sql, values);
    /* Rows that were discarded are not saved. */
    CHECK_INT(give(&y, &other, 0), 0);
    y.judge->ops->discard(y.judge, y.stream);
    CHECK_INT(give(&y, &few, 2), 0);
    check_saved(&y, 0);
    check_answer(values_sql, values);
    free(values);
    end(&y);
    free(ask(wipe_sql));
}

static void rows_that_a_window_lacks_now_are_retired(void)
{
    struct play y = begin("lacks", &credit);
    struct synthetic less = few;
    less.leave_out = 2; /* in odd windows */
    CHECK_INT(give(&y, &few, 1), 0);
    check_saved(&y, WINDOW_ROWS);
    CHECK_INT(give(&y, &less, 1), 0);
    check_saved(&y, 0);
    check_answer("SELECT count(*) FROM driftgauge_view.series WHERE run = ''", "112");
    CHECK_INT(give(&y, &few, 1), 0);
    check_saved(&y, 16); /* there again, with the next revision */
    check_answer("SELECT count(*) || ' ' || sum(revision) FROM driftgauge_view.series WHERE run = "
                 "''",
                 "128 16");
    end(&y);
    free(ask(wipe_sql));
}

static void a_changed_monitor_goes_on_with_revisions(void)
{
    struct play y = begin("config", &credit);
    CHECK_INT(give(&y, &few, 0), 0);
    check_saved(&y, WINDOW_ROWS);
    struct play z = begin("config", &changed);
    CHECK(z.stream != y.stream);
    uint64_t written = 0;
    CHECK_INT(give(&y, &few, 1), 0);
    CHECK_INT(save(&y, &written), ESTALE);
    CHECK(strstr(y.err.message, "has ended") != NULL);
    struct synthetic other = few;
    other.variation = 3;
    CHECK_INT(give(&z, &few, 0), 0); /* the same values stay under the old configuration */
    check_saved(&z, 0);
    CHECK_INT(give(&z, &other, 0), 0);
    check_saved(&z, 128);
    check_answer("SELECT string_agg(DISTINCT config_hash || revision, ' ') FROM "
                 "driftgauge_view.series WHERE run = ''",
                 "ffeeddccbbaa99881");
    end(&y);
    end(&z);
    free(ask(wipe_sql));
}

static void settled_panes_take_the_place_of_what_was_read(void)
{
    struct play y = begin("settled", &credit);
    struct told t = {0};
    for (int64_t pane = 0; pane < 4; pane++) {
        CHECK_INT(commit_counted(y.lane, &y.p, 10, pane * MINUTE_US, &y.err), 0);
        CHECK_INT(commit_counted(y.lane, &y.p, 1, pane * MINUTE_US, &y.err), 0);
    }
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), 0);
    CHECK_INT(t.counted, 44);
    /* Comes after the judge has read. */
    CHECK_INT(commit_counted(y.lane, &y.p, 100, 0, &y.err), 0);
    const uint64_t eleven = 11;
    const struct dg_packed_row merged[] = {
        {y.stream, 0, (const uint8_t *)&eleven, sizeof eleven},
        {y.stream, MINUTE_US, (const uint8_t *)&eleven, sizeof eleven},
    };
    const uint8_t memory[] = {1, 0, 2};
    const struct dg_gap gap = {y.stream, {"predictions", 0}, 3, 5, "unrevised"};
    const struct dg_judgement settled = {.checkpoint = memory,
                                         .checkpoint_len = sizeof memory,
                                         .settled_us = 2 * MINUTE_US,
                                         .forget_us = INT64_MIN,
                                         .merged = merged,
                                         .n_merged = 2,
                                         .gap = &gap,
                                         .n_gaps = 1};
    uint64_t written = 7;
    CHECK_INT(y.judge->ops->save(y.judge, y.stream, &settled, &written, &y.err), 0);
    CHECK_INT(written, 0);
    check_answer(
        "SELECT (SELECT count(*) FROM driftgauge.pane_delta d WHERE stream_id = s.stream_id) "
        "|| ' ' || (SELECT count(*) FROM driftgauge.pane_state d WHERE stream_id = "
        "s.stream_id) || ' ' || (SELECT string_agg(reason, '') FROM driftgauge.live_gap g "
        "WHERE g.stream_id = s.stream_id) FROM driftgauge.live_stream s WHERE "
        "consumer_group = 'settled'",
        "5 2 unrevised");
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, false, &t, &y.err), 0);
    CHECK_INT(t.counted, 100);
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, true, &t, &y.err), 0);
    CHECK_INT(t.counted, 144);
    CHECK(t.checkpoint_len == 3 && memcmp(t.checkpoint, memory, 3) == 0);
    /* The late delta has been read now, and goes with the next judgement; so does a forgotten pane.
     * A checkpoint that is not given stays. */
    const struct dg_judgement later = {.settled_us = 2 * MINUTE_US, .forget_us = MINUTE_US};
    CHECK_INT(y.judge->ops->save(y.judge, y.stream, &later, &written, &y.err), 0);
    t = (struct told){0};
    CHECK_INT(read_told(y.judge, y.stream, true, &t, &y.err), 0);
    CHECK_INT(t.counted, 33);
    CHECK_INT(t.checkpoint_len, 3);
    end(&y);
}

static void what_could_not_be_saved_is_kept_or_the_lock_is_lost(void)
{
    struct play y = begin("kept", &credit);
    uint64_t written = 0;
    struct synthetic other = few;
    other.variation = 1;
    CHECK_INT(give(&y, &other, 0), 0);
    CHECK_INT(give(&y, &few, 0), 0);
    struct dg_pg *lock = admin();
    CHECK_INT(dg_pg_run(lock, "lock", "BEGIN; LOCK TABLE driftgauge.slice_result", &y.err), 0);
    CHECK_INT(save(&y, &written), EAGAIN);
    CHECK_INT(save(&y, &written), EAGAIN);
    CHECK_INT(dg_pg_run(lock, "unlock", "ROLLBACK", &y.err), 0);
    dg_pg_close(lock);
    check_answer(count_sql, "0 0 -1");
    check_saved(&y, WINDOW_ROWS);
    check_answer(count_sql, "136 0 0");
    CHECK_INT(give(&y, &few, 1), 0);
    free(ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = "
             "'judge_writer'"));
    CHECK_INT(save(&y, &written), ESTALE);
    check_answer(count_sql, "136 0 0");
    load(&y); /* the rows that were kept went with the lock */
    check_saved(&y, 0);
    CHECK_INT(give(&y, &few, 1), 0);
    check_saved(&y, WINDOW_ROWS);
    end(&y);
    free(ask(wipe_sql));
}

static void what_ended_is_cleared_away(void)
{
    struct play y = begin("cleared", &credit);
    struct dg_error err = {0};
    uint64_t written = 0;
    const struct dg_packed_row merged = {y.stream, 0, (const uint8_t *)"x", 1};
    const struct dg_judgement j = {.checkpoint = (const uint8_t *)"y",
                                   .checkpoint_len = 1,
                                   .settled_us = INT64_MIN,
                                   .forget_us = INT64_MIN,
                                   .merged = &merged,
                                   .n_merged = 1};
    CHECK_INT(commit_counted(y.lane, &y.p, 10, 0, &err), 0);
    CHECK_INT(y.judge->ops->save(y.judge, y.stream, &j, &written, &err), 0);
    free(ask("SELECT driftgauge.end_stream(stream_id) FROM driftgauge.live_stream WHERE "
             "consumer_group = 'cleared'"));
    CHECK_INT(commit_counted(y.lane, &y.p, 10, 0, &err), ESTALE);
    CHECK_INT(y.judge->ops->save(y.judge, y.stream, &j, &written, &err), ESTALE);
    bool held = false;
    struct dg_ledger *other = open_ledger(writer, "h:2/judge");
    CHECK_INT(other->ops->lock(other, y.stream, &held, &err), ESTALE);
    other->ops->close(other);
    end(&y);
    check_answer("SELECT driftgauge.forget_streams(now() - interval '1 day')", "0");
    check_answer(
        "SELECT (SELECT count(*) FROM driftgauge.pane_delta p JOIN driftgauge.live_stream s "
        "USING (stream_id) WHERE s.ended_at IS NOT NULL) + (SELECT count(*) FROM "
        "driftgauge.pane_state p JOIN driftgauge.live_stream s USING (stream_id) WHERE "
        "s.ended_at IS NOT NULL) + (SELECT count(*) FROM driftgauge.live_checkpoint p JOIN "
        "driftgauge.live_stream s USING (stream_id) WHERE s.ended_at IS NOT NULL)",
        "0");
    check_answer("SELECT count(*) FROM driftgauge.live_stream WHERE consumer_group = 'cleared'",
                 "1");
    check_answer("SELECT driftgauge.forget_streams(now() + interval '1 hour') > 0", "t");
    check_answer(
        "SELECT (SELECT count(*) FROM driftgauge.live_stream WHERE consumer_group = "
        "'cleared') + (SELECT count(*) FROM driftgauge.live_partition WHERE consumer_group "
        "= 'cleared') + (SELECT count(*) FROM driftgauge.live_gap)",
        "0");
    check_answer("SELECT string_agg(action, ' ' ORDER BY audit_id) FROM driftgauge.audit_log WHERE "
                 "detail->>'group' = 'cleared'",
                 "stream.started stream.ended stream.forgotten");
}

int main(int argc, char **argv)
{
    if (prepare_server("CREATE ROLE judge_writer LOGIN IN ROLE driftgauge_writer") != 0) {
        return 1;
    }
    return CHECK_MAIN(argc, argv, CASE(a_stream_has_one_judge),
                      CASE(a_judge_is_told_what_is_new_and_no_more),
                      CASE(rows_get_revisions_where_they_differ),
                      CASE(whoever_revises_the_same_rows_waits_or_fails),
                      CASE(of_a_window_given_twice_the_last_counts),
                      CASE(rows_that_a_window_lacks_now_are_retired),
                      CASE(a_changed_monitor_goes_on_with_revisions),
                      CASE(settled_panes_take_the_place_of_what_was_read),
                      CASE(what_could_not_be_saved_is_kept_or_the_lock_is_lost),
                      CASE(what_ended_is_cleared_away));
}
