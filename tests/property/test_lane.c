/* Goal: whatever happens to the processes that count, what the ledger holds in the end is what one
 * process that nothing happened to would have counted.
 * Method: random logs of four partitions (duplicates, late rows, wrong clocks, bad records, records
 * of several instances or none, holes), counted by three processes that are killed, lose
 * partitions to each other without noticing, wait for schemas and commit at random, to a ledger
 * that fails at random. The deltas' sums must be those of one calm process, byte by byte; with the
 * fence off they must not. */
#include "tests/check.h"
#include "tests/support/lane_world.h"

#include <errno.h>

#define HOUR    (INT64_C(3600) * DG_US_PER_S)
#define DAY     (24 * HOUR)
#define MONDAY  INT64_C(1767571200000000)
#define RECORDS 700
#define MEMBERS 3

static struct memory_row random_row(int64_t now)
{
    static const char *const VERSIONS[] = {"v1", "v2", "v3"};
    static const char *const SEGMENTS[] = {"x", "y", "z"};
    static const char *const CATEGORIES[] = {"web", "mobile", "branch"};
    static char ids[300][8];
    const size_t id = check_random() % 300;
    snprintf(ids[id], sizeof ids[id], "i%zu", id);
    const uint64_t dice = check_random() % 200;
    struct memory_row r = {.time_us = now - (int64_t)(check_uniform() * (double)HOUR),
                           .number = {check_normal(), (double)(check_random() % 50)}};
    r.text[0] = check_random() % 9 == 0 ? NULL : VERSIONS[check_random() % 3];
    r.text[1] = check_random() % 9 == 0 ? NULL : ids[id];
    r.text[2] = SEGMENTS[check_random() % 3];
    r.text[3] = CATEGORIES[check_random() % 3];
    if (dice < 3) {
        r.time_us += (int64_t)(check_uniform() * 100 * (double)DAY);
    } else if (dice < 10) {
        r.time_us -= (int64_t)(check_uniform() * 6 * (double)HOUR);
    } else if (dice < 14) {
        r.reason = (enum dg_reason)(1 + check_random() % DG_BAD_BINARY);
    } else if (dice < 16) {
        r.time_us = DG_TIME_NONE;
    }
    return r;
}

static void make_log(struct fake_log *l, int64_t begin)
{
    int64_t now = MONDAY + begin;
    l->next_offset = (int64_t)(check_random() % 5);
    for (size_t i = 0; i < RECORDS; i++) {
        struct memory_row instance[4];
        const uint64_t dice = check_random() % 100;
        const size_t n = dice < 80 ? 1 : dice < 85 ? 0 : 2 + check_random() % 3;
        now += (int64_t)(check_uniform() * (double)HOUR / 10);
        for (size_t k = 0; k < n; k++) {
            instance[k] = random_row(now);
        }
        const int64_t record_us = dice % 10 == 0 ? DG_TIME_NONE : now;
        if (dice == 99) {
            fake_log_add_null(l, record_us);
        } else {
            fake_log_add(l, instance, n, record_us);
        }
        l->next_offset += check_random() % 20 == 0 ? 1 + (int64_t)(check_random() % 5) : 0;
    }
}

static void make_logs(struct lane_world *w)
{
    for (size_t p = 0; p < WORLD_PARTITIONS; p++) {
        make_log(&w->log[p], (int64_t)p * 3 * HOUR);
    }
}

struct told {
    uint64_t times, wrong;
    unsigned refuse; /* of 100 */
    uint8_t count[WORLD_STREAMS + 1][WORLD_PARTITIONS][4 * RECORDS];
};

static struct told told;

static int tell(void *arg, int32_t stream, const struct dg_topic_partition *place,
                const struct dg_record *record, enum dg_reason reason, struct dg_error *err)
{
    struct told *t = arg;
    size_t p = 0;
    if (check_random() % 100 < t->refuse) {
        return dg_fail(err, EAGAIN, "the queue is full, as the test wants");
    }
    while (strcmp(world_place[p].topic, place->topic) != 0 ||
           world_place[p].partition != place->partition) {
        p++;
    }
    t->times++;
    t->wrong += reason == DG_GOOD || reason >= DG_REASONS;
    t->count[stream][p][record->offset]++;
    return 0;
}

/* What the ledger holds: states, and how far each partition is. */
static void outcome(struct lane_world *w, struct dg_bytes *out)
{
    for (size_t s = 0; s < WORLD_STREAMS; s++) {
        lane_world_states(w, s, out);
        for (size_t p = 0; p < WORLD_PARTITIONS; p++) {
            const struct dg_position *at = memory_db_position(
                w->db, w->stream[s], world_place[p].topic, world_place[p].partition);
            if (at != NULL) {
                dg_put_zigzag(out, at->next_offset);
                dg_put_varint(out, at->tail);
                dg_put_zigzag(out, at->clock.first_us);
                dg_put_zigzag(out, at->clock.max_us);
                dg_put_raw(out, at->state, at->state_len);
            }
        }
    }
}

/* One process, nothing happens. */
static struct dg_bytes calm_run(struct lane_world *w)
{
    struct lane_member m;
    struct dg_bytes out = {0};
    lane_member_open(&m, w, NULL, tell, &told);
    for (size_t p = 0; p < WORLD_PARTITIONS; p++) {
        CHECK_INT(lane_member_take(&m, p, NULL), 0);
        CHECK_INT(lane_member_feed(&m, p, RECORDS, NULL), 0);
    }
    CHECK(dg_lane_dirty(m.lane));
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK(!dg_lane_dirty(m.lane));
    CHECK_INT(dg_lane_bytes(m.lane), 0);
    outcome(w, &out);
    lane_member_close(&m);
    return out;
}

struct happened {
    uint64_t kills, steals, fenced, commits;
};

static struct happened happened;

/* Is what the ledger holds of the partition all there is? */
static bool complete(const struct lane_world *w, size_t p)
{
    const int64_t end = w->log[p].record[RECORDS - 1].offset + 1;
    for (size_t s = 0; s < WORLD_STREAMS; s++) {
        const struct dg_position *at =
            memory_db_position(w->db, w->stream[s], world_place[p].topic, world_place[p].partition);
        if (at != NULL && at->next_offset < end) {
            return false;
        }
    }
    return memory_db_position(w->db, w->stream[0], world_place[p].topic,
                              world_place[p].partition) != NULL;
}

static void commit_or_drop(struct lane_member *m)
{
    const int rc = lane_member_commit(m);
    if (rc == ESTALE) {
        happened.fenced++;
        lane_member_drop(m);
    } else {
        CHECK_INT(rc, 0);
        happened.commits++;
    }
}

/* Something happens to a process. */
static void happen(struct lane_world *w, struct lane_member *m, struct fake_trouble *trouble,
                   bool steal)
{
    const size_t p = check_random() % WORLD_PARTITIONS;
    const uint64_t dice = check_random() % 100;
    if (dice < 4) {
        happened.kills++;
        lane_member_close(m);
        lane_member_open(m, w, trouble, tell, &told);
    } else if (dice < 12) {
        if (!m->holds[p] && steal) { /* from whoever may have it, who does not hear of it */
            happened.steals++;
            CHECK_INT(lane_member_take(m, p, NULL), 0);
        }
    } else if (dice < 25) {
        commit_or_drop(m);
    } else if (dice < 30) {
        lane_member_drop(m);
    } else if (m->holds[p]) {
        if (dice < 40 && m->at[p] > 0) { /* records come again */
            m->at[p] -= check_random() % (m->at[p] < 50 ? m->at[p] : 50);
        }
        CHECK_INT(lane_member_feed(m, p, 1 + check_random() % 120, NULL), 0);
    }
}

/* Three processes; everything happens. */
static struct dg_bytes wild_run(struct lane_world *w)
{
    struct lane_member m[MEMBERS];
    struct fake_trouble trouble = {10, 20, 1 + check_random() % 200, check_random()};
    struct dg_bytes out = {0};
    size_t left = WORLD_PARTITIONS;
    memory_db_faults(w->db, (struct memory_faults){10, 10, check_random()});
    for (size_t i = 0; i < MEMBERS; i++) {
        lane_member_open(&m[i], w, &trouble, tell, &told);
    }
    for (int step = 0; step < 100000 && left > 0; step++) {
        happen(w, &m[check_random() % MEMBERS], &trouble, step < 4000);
        if (step >= 4000 && step % 50 == 0) { /* peace: who holds nothing helps */
            const size_t p = check_random() % WORLD_PARTITIONS;
            if (!complete(w, p) && !m[0].holds[p]) {
                CHECK_INT(lane_member_take(&m[0], p, NULL), 0);
            }
        }
        left = 0;
        for (size_t p = 0; p < WORLD_PARTITIONS; p++) {
            left += !complete(w, p);
        }
    }
    CHECK_INT(left, 0);
    for (size_t i = 0; i < MEMBERS; i++) {
        lane_member_close(&m[i]);
    }
    outcome(w, &out);
    return out;
}

static bool equal(const struct dg_bytes *a, const struct dg_bytes *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static int compare_runs(int rounds, bool fence)
{
    int differ = 0;
    for (int round = 0; round < rounds; round++) {
        struct lane_world calm, wild;
        const uint64_t seed = check_random();
        memset(&told, 0, sizeof told);
        lane_world_open(&calm);
        check_random_state = seed;
        make_logs(&calm);
        struct dg_bytes want = calm_run(&calm);
        CHECK(want.len > 20000);
        lane_world_open(&wild);
        memory_db_fence(wild.db, fence);
        check_random_state = seed; /* the same logs in a world of their own */
        make_logs(&wild);
        check_random_state = seed + 1;
        struct dg_bytes got = wild_run(&wild);
        differ += !equal(&want, &got);
        dg_bytes_deinit(&want);
        dg_bytes_deinit(&got);
        lane_world_close(&calm);
        lane_world_close(&wild);
    }
    return differ;
}

static void whatever_happens_the_counts_are_those_of_a_calm_run(void)
{
    happened = (struct happened){0};
    CHECK_INT(compare_runs(40, true), 0);
    printf("%llu kills, %llu steals, %llu fenced, %llu commits\n",
           (unsigned long long)happened.kills, (unsigned long long)happened.steals,
           (unsigned long long)happened.fenced, (unsigned long long)happened.commits);
    CHECK(happened.kills > 100 && happened.steals > 100 && happened.fenced > 50 &&
          happened.commits > 500); /* else this proves little */
}

static void without_the_fence_they_are_not(void)
{
    CHECK(compare_runs(10, false) > 5);
}

static void every_bad_record_is_told_once(void)
{
    struct lane_world w;
    struct lane_member m;
    struct fake_trouble trouble = {20, 30, 37, 5};
    memset(&told, 0, sizeof told);
    told.refuse = 30;
    lane_world_open(&w);
    make_logs(&w);
    lane_member_open(&m, &w, &trouble, tell, &told);
    for (size_t p = 0; p < WORLD_PARTITIONS; p++) {
        CHECK_INT(lane_member_take(&m, p, NULL), 0);
        while (m.at[p] < RECORDS) {
            CHECK_INT(lane_member_feed(&m, p, 1 + check_random() % 90, NULL), 0);
            m.at[p] -= m.at[p] < RECORDS && m.at[p] > 5 ? 5 : 0;
        }
    }
    uint64_t rows = 0, records = 0;
    for (size_t s = 0; s < WORLD_STREAMS; s++) {
        struct dg_admission_totals t;
        dg_lane_totals(m.lane, w.stream[s], &t);
        for (size_t i = 1; i < DG_REASONS; i++) {
            rows += t.bad[i];
        }
        for (size_t p = 0; p < WORLD_PARTITIONS; p++) {
            for (size_t i = 0; i < 4 * RECORDS; i++) {
                CHECK(told.count[w.stream[s]][p][i] <= 1);
                records += told.count[w.stream[s]][p][i];
            }
        }
    }
    CHECK_INT(told.wrong, 0);
    CHECK_INT(told.times, records);
    CHECK(records > 100 && records <= rows && rows < 2 * records);
    lane_member_close(&m);
    lane_world_close(&w);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(whatever_happens_the_counts_are_those_of_a_calm_run),
                      CASE(without_the_fence_they_are_not), CASE(every_bad_record_is_told_once));
}
