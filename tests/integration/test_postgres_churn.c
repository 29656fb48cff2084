/* Goal: every record is counted once by every stream, and at any moment the rows that a judge is
 * told add up to the offsets that it is told, while lanes take partitions from each other, freeze
 * before they commit, and lose their connections at random moments. Method: threads with a ledger
 * each on a real server; rows say which records they count, so that in the end each record is
 * looked up. The same program built with DG_UNFENCED must fail this, else it proves nothing. Run by
 * with_postgres.sh. */
#include "tests/integration/ledger_play.h"
#include "tests/integration/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define PARTITIONS 4
#define RECORDS    1500 /* of each partition */
#define STREAMS    2
#define LANES      3

static const char writer[] = "user=churn_writer";
static struct dg_monitor monitors[STREAMS] = {
    {.name = (char[]){"one"}, .hash = (char[]){"1111111111111111"}},
    {.name = (char[]){"two"}, .hash = (char[]){"2222222222222222"}}};

/* Which records a row counts; `counted` first, as told_row wants it. */
struct body {
    uint64_t counted;
    int64_t partition, from;
};

static struct {
    int32_t stream[STREAMS];
    atomic_bool stop;  /* the judge and the killer */
    atomic_int n_done; /* lanes that found every partition at its end */
    atomic_uint commits, fenced, again, kills, reads, torn, unexpected;
} shared;

struct lane {
    struct dg_ledger *ledger;
    uint64_t random;
    int number;
};

static uint64_t draw(struct lane *l, uint64_t below)
{
    l->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = l->random;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static void pause_us(uint64_t us)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static bool settled(int code, const struct dg_error *err)
{
    if (code == EAGAIN) {
        atomic_fetch_add(&shared.again, 1);
        pause_us(2000);
        return false;
    }
    if (code != 0 && code != ESTALE) {
        atomic_fetch_add(&shared.unexpected, 1);
        fprintf(stderr, "%s\n", err->message);
    }
    return true;
}

/* Count a few records of each position and commit them together. */
static int commit_some(struct lane *l, struct dg_position p[], size_t n)
{
    struct dg_error err = {0};
    struct dg_position next[PARTITIONS * STREAMS];
    int64_t from[PARTITIONS * STREAMS];
    struct body body[PARTITIONS * STREAMS];
    struct dg_packed_row row[PARTITIONS * STREAMS];
    for (size_t i = 0; i < n; i++) {
        const int64_t at = p[i].next_offset == DG_OFFSET_NONE ? 0 : p[i].next_offset;
        const int64_t left = RECORDS - at;
        const int64_t count = (int64_t)draw(l, 20) < left ? (int64_t)draw(l, 20) : left;
        next[i] = p[i];
        from[i] = p[i].next_offset;
        body[i] = (struct body){(uint64_t)(count > left ? left : count), p[i].place.partition, at};
        next[i].next_offset = next[i].warm_offset = at + (int64_t)body[i].counted;
        row[i] = (struct dg_packed_row){p[i].stream, at / 100 * MINUTE_US,
                                        (const uint8_t *)&body[i], sizeof body[i]};
    }
    const struct dg_commit c = {next, from, n, row, n, NULL, 0};
    if (draw(l, 4) == 0) {
        pause_us(draw(l, 30000)); /* frozen, while somebody else may take over */
    }
    int code;
    do {
        code = l->ledger->ops->commit(l->ledger, &c, &err);
    } while (!settled(code, &err));
    for (size_t i = 0; i < n && code == 0; i++) {
        p[i] = next[i];
        p[i].seq++;
    }
    atomic_fetch_add(code == 0 ? &shared.commits : &shared.fenced, 1);
    return code;
}

static bool at_end(const struct dg_position p[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i].next_offset < RECORDS) {
            return false;
        }
    }
    return true;
}

/* One or two neighbouring partitions for a while; true if they are at their end. */
static bool work(struct lane *l, int partition, int partitions)
{
    struct dg_error err = {0};
    struct dg_position p[PARTITIONS * STREAMS];
    size_t n = 0;
    for (int i = 0; i < partitions; i++) {
        const struct dg_topic_partition place = {"churn", partition + i};
        int code;
        do {
            code = l->ledger->ops->acquire(l->ledger, "churn", &place, shared.stream, STREAMS,
                                           &p[n], &err);
        } while (!settled(code, &err));
        if (code != 0) {
            return false;
        }
        n += STREAMS;
    }
    for (uint64_t i = 1 + draw(l, 12); i > 0 && !at_end(p, n); i--) {
        if (commit_some(l, p, n) != 0) {
            return false;
        }
    }
    return at_end(p, n);
}

static void *run_lane(void *arg)
{
    struct lane *l = arg;
    bool done[PARTITIONS] = {false};
    int n_done = 0;
    while (n_done < PARTITIONS) {
        int at = (int)draw(l, PARTITIONS);
        const int many = at + 1 < PARTITIONS && draw(l, 2) == 0 ? 2 : 1;
        const bool end = work(l, at, many);
        for (int i = 0; i < many && end; i++, at++) {
            n_done += !done[at];
            done[at] = true;
        }
    }
    return NULL;
}

/* Adds up what it is told, from the beginning or since the last time. */
static void *run_judge(void *arg)
{
    struct lane *l = arg;
    struct dg_error err = {0};
    uint64_t counted = 0;
    bool all = true;
    while (!atomic_load(&shared.stop)) {
        bool held = false;
        struct told t = {0};
        int code = l->ledger->ops->lock(l->ledger, shared.stream[0], &held, &err);
        if (code == 0 && held) {
            code = read_told(l->ledger, shared.stream[0], all, &t, &err);
        }
        if (code == 0 && held) {
            counted = t.counted + (all ? 0 : counted);
            all = false;
            atomic_fetch_add(&shared.reads, 1);
            if ((int64_t)counted != t.offsets) {
                atomic_fetch_add(&shared.torn, 1);
            }
        } else {
            all = true;
        }
        pause_us(1000 + draw(l, 4000));
    }
    return NULL;
}

static void *run_killer(void *arg)
{
    struct lane *l = arg;
    struct dg_pg *pg = admin();
    for (int round = 1; !atomic_load(&shared.stop); round++) {
        struct dg_error err = {0};
        struct pg_result *r = NULL;
        pause_us(5000 + draw(l, 60000));
        if (dg_pg_query(pg, "kill",
                        "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM "
                        "pg_stat_activity WHERE usename = 'churn_writer' ORDER BY "
                        "random() LIMIT 1) x",
                        0, NULL, &r, &err) == 0) {
            atomic_fetch_add(&shared.kills, (unsigned)dg_pg_integer(r, 0, 0, 0));
        }
        dg_pg_clear(r);
        if (round == 30) { /* a server that is stopped in order loses nothing that it confirmed */
            dg_pg_close(pg);
            server_of_test("stop", "");
            server_of_test("start", "");
            pg = admin();
        }
    }
    dg_pg_close(pg);
    return NULL;
}

static int seen[PARTITIONS][RECORDS];

static int look_up(void *arg, int64_t pane_us, const uint8_t bytes[], size_t n,
                   struct dg_error *err)
{
    struct body b;
    (void)arg;
    (void)pane_us;
    (void)err;
    memcpy(&b, bytes, n);
    for (uint64_t i = 0; i < b.counted; i++) {
        seen[b.partition][b.from + (int64_t)i]++;
    }
    return 0;
}

/* Records of a stream that were counted never, or more than once. */
static unsigned miscounted(struct dg_ledger *l, int32_t stream)
{
    struct dg_error err = {0};
    bool held = false;
    struct told t = {0};
    const struct dg_ledger_reader reader = {told_checkpoint, told_group, look_up, told_position,
                                            &t};
    int code = EAGAIN;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 50 && code != 0; i++) {
        code = l->ops->lock(l, stream, &held, &err);
        if (code == 0 && held) {
            code = l->ops->read(l, stream, true, &reader, &err);
        }
    }
    CHECK_INT(code, 0);
    unsigned wrong = 0;
    for (size_t i = 0; i < PARTITIONS; i++) {
        for (size_t k = 0; k < RECORDS; k++) {
            wrong += seen[i][k] != 1;
        }
    }
    return wrong;
}

static void every_record_counts_once_whatever_happens(void)
{
    struct lane lane[LANES + 2];
    pthread_t thread[LANES + 2];
    void *(*run[LANES + 2])(void *);
    const uint64_t seed = check_random();
    struct dg_ledger *first = open_ledger(writer, "h:1/first");
    for (int i = 0; i < STREAMS; i++) {
        shared.stream[i] = open_stream(first, "churn", &monitors[i]);
    }
    for (int i = 0; i < LANES + 2; i++) {
        char owner[32];
        snprintf(owner, sizeof owner, "h:1/lane-%d", i);
        lane[i] = (struct lane){open_ledger(writer, owner), seed + (uint64_t)i * 7919, i};
        run[i] = i < LANES ? run_lane : i == LANES ? run_judge : run_killer;
        CHECK_INT(pthread_create(&thread[i], NULL, run[i], &lane[i]), 0);
    }
    for (int i = 0; i < LANES; i++) {
        pthread_join(thread[i], NULL);
    }
    pause_us(100000); /* the judge sees the end */
    atomic_store(&shared.stop, true);
    pthread_join(thread[LANES], NULL);
    pthread_join(thread[LANES + 1], NULL);
    for (int i = 0; i < LANES + 2; i++) {
        lane[i].ledger->ops->close(lane[i].ledger);
    }
    const unsigned wrong =
        miscounted(first, shared.stream[0]) + miscounted(first, shared.stream[1]);
    first->ops->close(first);
    printf("%u commits, %u fenced, %u kills, %u waits, %u reads, %u torn, %u records miscounted\n",
           shared.commits, shared.fenced, shared.kills, shared.again, shared.reads, shared.torn,
           wrong);
    CHECK_INT(shared.unexpected, 0);
    CHECK(shared.kills > 5 && shared.reads > 10);
#ifdef DG_UNFENCED
    CHECK(wrong > 0 && shared.torn > 0);
#else
    CHECK(shared.fenced > 0);
    CHECK_INT(wrong, 0);
    CHECK_INT(shared.torn, 0);
#endif
}

int main(int argc, char **argv)
{
    if (prepare_server("CREATE ROLE churn_writer LOGIN IN ROLE driftgauge_writer") != 0) {
        return 1;
    }
    return CHECK_MAIN(argc, argv, CASE(every_record_counts_once_whatever_happens));
}
