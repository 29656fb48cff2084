/* tests/property/test_live_equals_replay.c -- goal: lanes that come and go, a judge that comes and
 * goes and a ledger that fails make, in the end, the rows of a replay of the same logs.
 * Method: random logs (tests/support/live_logs.h) through one to four lanes, each a process of its
 * own with a plan, a decoder in trouble and a session, interleaved at random: what is there grows,
 * partitions change hands behind their owner's back, lanes and judge are killed, partitions are
 * idle and come back. Then the same with the fence off, which must go wrong. Arguments: number of
 * seeds, the first of them. */
#include "engine/live/lane.h"
#include "tests/check.h"
#include "tests/support/live_court.h"
#include "tests/support/seeds.h"

#include <errno.h>

#define WALKERS_MAX 4
#define NOBODY      SIZE_MAX

static struct seeds seeds = {5, 1};
static const char *const TOPIC[] = {"log"};

/* A process with one lane. */
struct walker {
    struct dg_ledger *ledger;
    struct dg_plan plan;
    struct dg_decoder *decoder;
    struct fake_trouble trouble;
    struct dg_lane *lane;
    bool taken[LIVE_PARTITIONS_MAX]; /* as it believes */
    size_t at[LIVE_PARTITIONS_MAX];  /* record to be fed next */
    bool pending;                    /* a commit has to be repeated */
};

struct trial {
    struct live_logs logs;
    struct memory_db *db;
    struct walker walker[WALKERS_MAX];
    size_t n;                          /* walkers */
    size_t owner[LIVE_PARTITIONS_MAX]; /* walker, or NOBODY */
    size_t there[LIVE_PARTITIONS_MAX]; /* records that stand in the log so far */
    struct live_court court;
    uint64_t fenced, kills;
};

static void fail_test(const char *what, int rc, const struct dg_error *err)
{
    fprintf(stderr, "%s: %d, %s\n", what, rc, err->message);
    exit(1);
}

static void open_walker(struct trial *t, struct walker *w)
{
    struct dg_error err = {0};
    *w = (struct walker){.trouble = {.stall = 5, .stop = 10, .seed = check_random()}};
    w->ledger = memory_ledger_open(t->db);
    live_logs_plan(&t->logs, &w->plan);
    w->decoder = fake_decoder_open(&w->trouble);
    const struct dg_lane_stream stream = {.stream = live_court_stream(&t->logs, w->ledger),
                                          .plan = &w->plan,
                                          .decoder = w->decoder,
                                          .topic = TOPIC,
                                          .n_topics = 1};
    const struct dg_lane_options options = {
        .stream = &stream, .n_streams = 1, .memory_bytes = (size_t)1 << 24};
    const int rc = dg_lane_open(&options, &w->lane, &err);
    if (rc != 0) {
        fail_test("open", rc, &err);
    }
}

static void close_walker(struct walker *w)
{
    dg_lane_close(w->lane);
    w->decoder->ops->close(w->decoder);
    w->ledger->ops->close(w->ledger);
    dg_plan_deinit(&w->plan);
}

static void open_trial(struct trial *t, uint64_t seed)
{
    *t = (struct trial){.db = memory_db_open()};
    live_logs_make(&t->logs, seed);
    t->n = 1 + check_random() % WALKERS_MAX;
    for (size_t i = 0; i < t->n; i++) {
        open_walker(t, &t->walker[i]);
    }
    for (uint32_t p = 0; p < LIVE_PARTITIONS_MAX; p++) {
        t->owner[p] = NOBODY;
    }
    live_court_open(&t->court, t->db, &t->logs);
}

static void close_trial(struct trial *t)
{
    for (size_t i = 0; i < t->n; i++) {
        close_walker(&t->walker[i]);
    }
    live_court_close(&t->court);
    memory_db_close(t->db);
    live_logs_deinit(&t->logs);
}

/* Walker `who` takes the partition, whoever had it. */
static void take(struct trial *t, size_t who, uint32_t p)
{
    struct walker *w = &t->walker[who];
    const struct dg_topic_partition place = {TOPIC[0], (int32_t)p};
    struct dg_position position;
    struct dg_error err = {0};
    int64_t read_from = -1;
    if (w->taken[p] || w->pending) {
        return;
    }
    int rc = EAGAIN;
    while (rc == EAGAIN) {
        rc = w->ledger->ops->acquire(w->ledger, "g", &place, &t->court.stream, 1, &position, &err);
    }
    const bool from_none = rc == 0 && position.next_offset == DG_OFFSET_NONE;
    position.next_offset = from_none ? 0 : position.next_offset;
    rc = rc != 0 ? rc : dg_lane_take(w->lane, &position, 1, &from_none, &read_from, &err);
    if (rc != 0) {
        fail_test("take", rc, &err);
    }
    CHECK(read_from >= 0 && read_from <= position.next_offset);
    w->taken[p] = true;
    w->at[p] = fake_log_find(&t->logs.log[p], read_from);
    t->owner[p] = who;
}

static void feed(struct trial *t, size_t who, uint32_t p, size_t n)
{
    struct walker *w = &t->walker[who];
    const struct dg_topic_partition place = {TOPIC[0], (int32_t)p};
    struct dg_error err = {0};
    if (!w->taken[p] || w->pending || w->at[p] >= t->there[p]) {
        return;
    }
    const size_t left = t->there[p] - w->at[p];
    n = n < left ? n : left;
    dg_lane_idle(w->lane, &place, false);
    const int rc = dg_lane_feed(w->lane, &place, t->logs.log[p].record + w->at[p], n, &err);
    if (rc == 0) {
        w->at[p] += n;
    } else if (rc != EAGAIN) {
        fail_test("feed", rc, &err);
    }
}

/* The broker says that there is nothing more, for now. */
static void idle(struct trial *t, size_t who, uint32_t p)
{
    struct walker *w = &t->walker[who];
    const struct dg_topic_partition place = {TOPIC[0], (int32_t)p};
    if (w->taken[p] && !w->pending && w->at[p] >= t->there[p]) {
        dg_lane_idle(w->lane, &place, true);
    }
}

static void drop(struct trial *t, size_t who)
{
    dg_lane_drop(t->walker[who].lane);
    t->walker[who].pending = false;
    for (uint32_t p = 0; p < t->logs.n; p++) {
        t->walker[who].taken[p] = false;
        t->owner[p] = t->owner[p] == who ? NOBODY : t->owner[p];
    }
}

static bool commit(struct trial *t, size_t who)
{
    struct walker *w = &t->walker[who];
    struct dg_error err = {0};
    const int rc = dg_lane_commit(w->lane, w->ledger, &err);
    if (rc == ESTALE) {
        t->fenced++;
        drop(t, who);
    } else if (rc != 0 && rc != EAGAIN) {
        fail_test("commit", rc, &err);
    }
    w->pending = rc == EAGAIN;
    return rc == 0;
}

static void kill_something(struct trial *t, size_t who)
{
    t->kills++;
    if (check_random() % 3 == 0) {
        live_court_close(&t->court);
        live_court_open(&t->court, t->db, &t->logs);
        return;
    }
    drop(t, who); /* as a crash: nothing of it is left */
    close_walker(&t->walker[who]);
    open_walker(t, &t->walker[who]);
}

/* One random thing happens to a random lane and partition. */
static void step(struct trial *t)
{
    const uint32_t p = (uint32_t)(check_random() % t->logs.n);
    const size_t who = check_random() % t->n;
    const size_t owner = t->owner[p];
    switch (check_random() % 24) {
    case 0:
    case 1:
    case 2:
    case 3:
        t->there[p] += check_random() % 12;
        t->there[p] = t->there[p] < t->logs.log[p].n ? t->there[p] : t->logs.log[p].n;
        break;
    case 4: /* behind its owner's back */
        if (check_random() % 3 == 0) {
            take(t, who, p);
        }
        break;
    case 5:
        if (check_random() % 8 == 0) {
            kill_something(t, who);
        }
        break;
    case 6:
        feed(t, who, p, check_random() % 40); /* a zombie, perhaps */
        break;
    case 7:
    case 8:
        if (owner != NOBODY) {
            idle(t, owner, p);
        }
        break;
    case 9:
    case 10:
    case 11:
        (void)commit(t, who);
        break;
    case 12:
        if (check_random() % 6 == 0) {
            memory_ledger_break(check_random() % 2 == 0 ? t->court.ledger : t->walker[who].ledger);
        }
        break;
    case 13:
    case 14:
        (void)live_court_run(&t->court, false);
        break;
    default:
        if (owner == NOBODY) {
            take(t, who, p);
        } else {
            feed(t, owner, p, check_random() % 60);
        }
    }
}

/* Is all of the logs counted and committed? */
static bool is_done(const struct trial *t)
{
    for (uint32_t p = 0; p < t->logs.n; p++) {
        const struct fake_log *l = &t->logs.log[p];
        const struct dg_position *at =
            memory_db_position(t->db, t->court.stream, TOPIC[0], (int32_t)p);
        const int64_t end = l->n == 0 ? 0 : l->record[l->n - 1].offset + 1;
        if (at == NULL || at->next_offset < end) {
            return false;
        }
    }
    return true;
}

/* Bring everything to its end, without further trouble but that of the ledger and decoders. */
static void finish(struct trial *t)
{
    while (!is_done(t)) {
        for (uint32_t p = 0; p < t->logs.n; p++) {
            t->there[p] = t->logs.log[p].n;
            const size_t who = t->owner[p] == NOBODY ? p % t->n : t->owner[p];
            if (t->walker[who].pending) {
                (void)commit(t, who);
            } else if (t->owner[p] == NOBODY) {
                if (t->walker[who].taken[p]) {
                    drop(t, who);
                }
                take(t, who, p);
            } else {
                feed(t, who, p, 100);
                idle(t, who, p);
                (void)commit(t, who);
            }
        }
    }
    while (!live_court_run(&t->court, true)) {
    }
}

static uint64_t sum_again, sum_windows, sum_fenced, sum_kills;

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
            left = left || t.there[p] < t.logs.log[p].n || t.owner[p] == NOBODY;
        }
    }
    finish(&t);
    sum_again += t.court.again;
    sum_windows += t.court.windows;
    sum_fenced += t.fenced;
    sum_kills += t.kills;
    CHECK_INT(t.court.unrevised, 0);
    CHECK(live_court_agrees(&t.court, t.db, false));
    close_trial(&t);
}

static void final_rows_are_those_of_a_replay(void)
{
    seeds_run(&seeds, run_seed);
    printf("%lu seeds: %llu windows judged, %llu of them again; %llu lanes and judges killed, %llu "
           "commits fenced off\n",
           seeds.n, (unsigned long long)sum_windows, (unsigned long long)sum_again,
           (unsigned long long)sum_kills, (unsigned long long)sum_fenced);
    CHECK(seeds.n < 5 || (sum_again > 10 * seeds.n && sum_kills >= seeds.n &&
                          sum_fenced >= seeds.n / 2)); /* else this proves nothing */
}

/* A lane is frozen with counted rows in hand; another takes its partition, counts the same rows and
 * commits; then the first wakes up and commits, too. Do the final rows agree with a replay's? */
static bool zombie_agrees(uint64_t seed, bool fence)
{
    struct trial t;
    check_random_state = seed;
    open_trial(&t, seed);
    while (t.n < 2) {
        open_walker(&t, &t.walker[t.n++]);
    }
    memory_db_fence(t.db, fence);
    for (uint32_t p = 0; p < t.logs.n; p++) {
        t.there[p] = t.logs.log[p].n;
        take(&t, 0, p);
        for (int i = 0; i < 20; i++) { /* a decoder may stall */
            feed(&t, 0, p, 30);
        }
    }
    for (uint32_t p = 0; p < t.logs.n; p++) {
        take(&t, 1, p);
        for (int i = 0; i < 40; i++) {
            feed(&t, 1, p, 30);
        }
    }
    CHECK(commit(&t, 1));
    (void)live_court_run(&t.court, false);
    CHECK_INT(commit(&t, 0), !fence);
    CHECK_INT(t.fenced, fence);
    finish(&t);
    const bool agrees = live_court_agrees(&t.court, t.db, !fence);
    close_trial(&t);
    return agrees;
}

static void without_the_fence_a_zombie_counts_twice(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        CHECK(zombie_agrees(seed, true));
        CHECK(!zombie_agrees(seed, false));
    }
}

int main(int argc, char **argv)
{
    seeds_read(&seeds, argc, argv);
    return CHECK_MAIN(1, argv, CASE(final_rows_are_those_of_a_replay),
                      CASE(without_the_fence_a_zombie_counts_twice));
}
