/* tests/property/test_judge.c -- goal: whenever a judge looks, whatever it is told when, and
 * however often it is killed, the rows of highest revision are in the end those of a replay.
 * Method: random logs (tests/support/live_logs.h), committed in random pieces partition by
 * partition; partitions that are idle and come back; a ledger that fails and loses sessions.
 * Arguments: number of seeds, the first of them. */
#include "tests/check.h"
#include "tests/support/live_court.h"
#include "tests/support/plain_lane.h"
#include "tests/support/seeds.h"

static struct seeds seeds = {8, 1};

struct trial {
    struct live_logs logs;
    struct memory_db *db;
    struct dg_ledger *ledger; /* of the lanes */
    struct dg_plan plan;      /* of the lanes */
    int32_t stream;
    struct plain_lane *lane[LIVE_PARTITIONS_MAX];
    size_t fed[LIVE_PARTITIONS_MAX], there[LIVE_PARTITIONS_MAX];
    struct live_court court;
};

static void open_trial(struct trial *t, uint64_t seed)
{
    *t = (struct trial){.db = memory_db_open()};
    live_logs_make(&t->logs, seed);
    t->ledger = memory_ledger_open(t->db);
    live_logs_plan(&t->logs, &t->plan);
    t->stream = live_court_stream(&t->logs, t->ledger);
    for (uint32_t p = 0; p < t->logs.n; p++) {
        t->lane[p] = plain_lane_open(&t->plan, t->ledger, t->stream, "g", (int32_t)p);
    }
    live_court_open(&t->court, t->db, &t->logs);
}

static void close_trial(struct trial *t)
{
    for (uint32_t p = 0; p < t->logs.n; p++) {
        plain_lane_close(t->lane[p]);
    }
    live_court_close(&t->court);
    t->ledger->ops->close(t->ledger);
    dg_plan_deinit(&t->plan);
    memory_db_close(t->db);
    live_logs_deinit(&t->logs);
}

static void feed(struct trial *t, uint32_t p, size_t n)
{
    const struct fake_log *l = &t->logs.log[p];
    const size_t left = t->there[p] - t->fed[p];
    n = n < left ? n : left;
    plain_lane_idle(t->lane[p], false);
    if (n > 0) { /* a log without records has no array */
        plain_lane_feed(t->lane[p], l->record + t->fed[p], n);
    }
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
            live_court_close(&t->court);
            live_court_open(&t->court, t->db, &t->logs);
        } else if (check_random() % 5 == 0) {
            memory_ledger_break(t->court.ledger);
        }
        break;
    default:
        (void)live_court_run(&t->court, false);
    }
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
    while (!live_court_run(&t.court, true)) {
    }
    sum_again += t.court.again;
    sum_windows += t.court.windows;
    CHECK_INT(t.court.unrevised, 0);
    CHECK(live_court_agrees(&t.court, t.db, false));
    close_trial(&t);
}

static void final_rows_are_those_of_a_replay(void)
{
    seeds_run(&seeds, run_seed);
    printf("%lu seeds, %llu windows judged, %llu of them again\n", seeds.n,
           (unsigned long long)sum_windows, (unsigned long long)sum_again);
    CHECK(seeds.n < 8 || sum_again > 10 * seeds.n); /* else this proves nothing */
}

int main(int argc, char **argv)
{
    seeds_read(&seeds, argc, argv);
    return CHECK_MAIN(1, argv, CASE(final_rows_are_those_of_a_replay));
}
