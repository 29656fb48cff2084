/* tests/property/test_judge.c -- goal: whenever a judge looks, whatever it is told when, and
 * however often it is killed, the rows of highest revision are in the end those of a replay.
 * Method: random logs (tests/support/live_logs.h), committed in random pieces partition by
 * partition; partitions that are idle and come back; a ledger that fails and loses sessions.
 * Arguments: number of seeds, the first of them. */
#include "engine/live/judge.h"
#include "tests/check.h"
#include "tests/support/live_logs.h"
#include "tests/support/memory_ledger.h"
#include "tests/support/plain_lane.h"

#include <errno.h>

#define FAR (INT64_C(10000) * 86400 * DG_US_PER_S)

static unsigned long n_seeds = 8, first_seed = 1;

/* A process that judges. */
struct court {
    struct dg_ledger *ledger;
    struct dg_plan plan;
    struct dg_judge *judge;
};

struct trial {
    struct live_logs logs;
    struct memory_db *db;
    struct dg_ledger *ledger; /* of the lanes */
    struct dg_plan plan;      /* of the lanes */
    int32_t stream;
    struct plain_lane *lane[LIVE_PARTITIONS_MAX];
    size_t fed[LIVE_PARTITIONS_MAX], there[LIVE_PARTITIONS_MAX];
    struct court court;
    uint64_t again, windows;
};

static int32_t open_stream(struct trial *t, struct dg_ledger *l)
{
    const struct dg_monitor *m = t->logs.config.monitor;
    const struct dg_stream_key key = {"g", m->name, m->hash, "", m};
    struct dg_error err = {0};
    bool replaced = false;
    int32_t stream = 0;
    int rc = EAGAIN;
    while (rc == EAGAIN) {
        rc = l->ops->open_stream(l, &key, &stream, &replaced, &err);
    }
    CHECK_INT(rc, 0);
    return stream;
}

static void open_court(struct trial *t)
{
    struct dg_error err = {0};
    const struct dg_judge_options options = {.file = t->logs.file, .threads = 1, .horizon_us = FAR};
    t->court.ledger = memory_ledger_open(t->db);
    const int32_t stream = open_stream(t, t->court.ledger);
    live_logs_plan(&t->logs, &t->court.plan);
    CHECK_INT(
        dg_judge_open(&t->court.plan, t->court.ledger, stream, &options, &t->court.judge, &err), 0);
    dg_judge_expect(t->court.judge, t->logs.n);
}

static void close_court(struct trial *t)
{
    dg_judge_close(t->court.judge);
    t->court.ledger->ops->close(t->court.ledger);
    dg_plan_deinit(&t->court.plan);
}

static void open_trial(struct trial *t, uint64_t seed)
{
    *t = (struct trial){.db = memory_db_open()};
    live_logs_make(&t->logs, seed);
    t->ledger = memory_ledger_open(t->db);
    live_logs_plan(&t->logs, &t->plan);
    t->stream = open_stream(t, t->ledger);
    for (uint32_t p = 0; p < t->logs.n; p++) {
        t->lane[p] = plain_lane_open(&t->plan, t->ledger, t->stream, "g", (int32_t)p);
    }
    open_court(t);
}

static void close_trial(struct trial *t)
{
    for (uint32_t p = 0; p < t->logs.n; p++) {
        plain_lane_close(t->lane[p]);
    }
    close_court(t);
    t->ledger->ops->close(t->ledger);
    dg_plan_deinit(&t->plan);
    memory_db_close(t->db);
    live_logs_deinit(&t->logs);
}

/* What a judge may answer with is 0, EAGAIN or ESTALE. */
static bool judge(struct trial *t, bool end)
{
    struct dg_judge_report report;
    struct dg_error err = {0};
    const int rc = dg_judge_run(t->court.judge, end, &report, &err);
    if (rc != 0 && rc != EAGAIN && rc != ESTALE) {
        check_failures++;
        fprintf(stderr, "judge: %d, %s\n", rc, err.message);
        exit(1);
    }
    t->again += report.again;
    t->windows += report.windows;
    CHECK_INT(report.unrevised, 0);
    return rc == 0 && report.leading;
}

static void feed(struct trial *t, uint32_t p, size_t n)
{
    const struct fake_log *l = &t->logs.log[p];
    const size_t left = t->there[p] - t->fed[p];
    n = n < left ? n : left;
    plain_lane_idle(t->lane[p], false);
    plain_lane_feed(t->lane[p], l->record + t->fed[p], n);
    t->fed[p] += n;
}

/* One random thing happens. */
static void step(struct trial *t)
{
    const uint32_t p = (uint32_t)(check_random() % t->logs.n);
    switch (check_random() % 16) {
    case 0:
    case 1:
    case 2:
        t->there[p] += check_random() % 40;
        t->there[p] = t->there[p] < t->logs.log[p].n ? t->there[p] : t->logs.log[p].n;
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        feed(t, p, check_random() % 50);
        break;
    case 7:
    case 8:
        if (t->fed[p] == t->there[p]) { /* for a moment, or for long */
            plain_lane_idle(t->lane[p], true);
        }
        break;
    case 9:
    case 10:
    case 11:
        plain_lane_commit(t->lane[p]);
        break;
    case 12:
        if (check_random() % 5 == 0) {
            close_court(t);
            open_court(t);
        } else if (check_random() % 5 == 0) {
            memory_ledger_break(t->court.ledger);
        }
        break;
    default:
        (void)judge(t, false);
    }
}

static void compare(const struct trial *t, uint64_t seed)
{
    struct dg_bytes want = {0}, got = {0};
    uint64_t revisions = 0;
    live_logs_replay(&t->logs, &want);
    memory_db_results(t->db, t->stream, &got, &revisions);
    size_t at = 0;
    while (at < want.len && at < got.len && want.data[at] == got.data[at]) {
        at++;
    }
    if (want.len != got.len || at < want.len) {
        check_failures++;
        const size_t from = at > 400 ? at - 400 : 0;
        fprintf(stderr, "seed %llu: differs at byte %zu of %zu and %zu:\n  %.800s\n\n  %.800s\n",
                (unsigned long long)seed, at, want.len, got.len, (const char *)want.data + from,
                (const char *)got.data + from);
    }
    CHECK(want.len > 10000);
    dg_bytes_deinit(&want);
    dg_bytes_deinit(&got);
}

static uint64_t sum_again, sum_windows;

static void run_seed(uint64_t seed)
{
    struct trial t;
    check_random_state = seed * UINT64_C(0x1000193);
    open_trial(&t, seed);
    if (check_random() % 2 == 0) {
        memory_db_faults(t.db, (struct memory_faults){4, 4, seed});
    }
    bool left = true;
    while (left) {
        step(&t);
        left = false;
        for (uint32_t p = 0; p < t.logs.n; p++) {
            left = left || t.fed[p] < t.logs.log[p].n;
        }
    }
    const bool all_idle = check_random() % 2 == 0;
    for (uint32_t p = 0; p < t.logs.n; p++) {
        plain_lane_idle(t.lane[p], all_idle);
        plain_lane_commit(t.lane[p]);
    }
    while (!judge(&t, true)) {
    }
    sum_again += t.again;
    sum_windows += t.windows;
    compare(&t, seed);
    close_trial(&t);
}

static void final_rows_are_those_of_a_replay(void)
{
    for (unsigned long i = 0; i < n_seeds; i++) {
        const int before = check_failures;
        run_seed(first_seed + i);
        if (check_failures != before) {
            fprintf(stderr, "seed %lu failed: run with arguments 1 %lu\n", first_seed + i,
                    first_seed + i);
        }
    }
    printf("%lu seeds, %llu windows judged, %llu of them again\n", n_seeds,
           (unsigned long long)sum_windows, (unsigned long long)sum_again);
    CHECK(sum_again > 10 * n_seeds); /* else this proves nothing */
}

int main(int argc, char **argv)
{
    n_seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : n_seeds;
    first_seed = argc > 2 ? strtoul(argv[2], NULL, 10) : first_seed;
    return CHECK_MAIN(1, argv, CASE(final_rows_are_those_of_a_replay));
}
