/* Goal: what the live ledger costs on PostgreSQL. Method: a lane commits, a judge reads and saves,
 * on the server that the environment names, with the schema, as whoever runs it; prints one JSON
 * object. Wall clock: most of the time is the server's. Usage: bench_ledger [rounds] */
#include "tests/integration/ledger_play.h"
#include "tests/integration/server.h"
#include "tests/integration/synthetic_rows.h"

#include <time.h>

#define HOUR_US    INT64_C(3600000000)
#define POSITIONS  16
#define ROW_BYTES  7600
#define PANE_ROWS  86 /* 2,000 series of 325 bytes */
#define BIG_COMMIT 1032

static struct dg_monitor monitor = {.name = (char[]){"bench"},
                                    .hash = (char[]){"00112233aabbccdd"}};
static struct dg_error err;
static struct dg_ledger *lane, *judge;
static int32_t stream;
static struct dg_position position[POSITIONS];
static int64_t from[POSITIONS];
static struct dg_packed_row row[BIG_COMMIT];
static uint8_t body[ROW_BYTES];

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(int code)
{
    if (code != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

static void commit(size_t n_rows)
{
    struct dg_position next[POSITIONS];
    for (size_t i = 0; i < POSITIONS; i++) {
        from[i] = position[i].next_offset;
        next[i] = position[i];
        next[i].next_offset += 1000;
    }
    const struct dg_commit c = {next, from, POSITIONS, row, n_rows, NULL, 0};
    must(lane->ops->commit(lane, &c, &err));
    for (size_t i = 0; i < POSITIONS; i++) {
        position[i].next_offset += 1000;
        position[i].seq++;
    }
}

/* Seconds of one commit of n_rows rows. */
static double time_commits(int rounds, size_t n_rows)
{
    commit(n_rows);
    const double start = seconds();
    for (int i = 0; i < rounds; i++) {
        commit(n_rows);
    }
    return (seconds() - start) / rounds;
}

static double time_read(bool all, size_t *rows)
{
    struct told t = {0};
    const double start = seconds();
    must(read_told(judge, stream, all, &t, &err));
    *rows = t.rows;
    return seconds() - start;
}

/* Seconds of judging nothing and saving `windows` windows. */
static double time_save(struct synthetic *g, uint64_t variation, uint64_t *written)
{
    const struct dg_judgement j = {.settled_us = INT64_MIN, .forget_us = INT64_MIN};
    struct dg_sink *sink = judge->ops->results(judge, stream);
    g->variation = variation;
    const double start = seconds();
    for (unsigned i = 0; i < g->windows; i++) {
        must(synthetic_window(g, sink, &monitor, i, &err));
    }
    must(judge->ops->save(judge, stream, &j, written, &err));
    return seconds() - start;
}

static void bench_results(void)
{
    static const char *const what[] = {"new", "same", "changed"};
    struct synthetic g = {.windows = 12,
                          .slices = 25,
                          .columns = 20,
                          .baselines = 1,
                          .start_us = INT64_C(1577836800000000),
                          .size_us = HOUR_US,
                          .baseline_version = "f1"};
    const double n = 12 * 25 * 21;
    uint64_t written = 0;
    (void)time_save(&g, 0, &written); /* names, partitions */
    g.start_us += 24 * HOUR_US;
    for (int i = 0; i < 3; i++) {
        const double s = time_save(&g, i == 2, &written);
        printf(",\n \"results_%s_per_s\": %.0f", what[i], n / s);
    }
}

static void prepare(void)
{
    lane = open_ledger(NULL, "bench/lane-0");
    judge = open_ledger(NULL, "bench/judge");
    stream = open_stream(lane, "bench", &monitor);
    for (int32_t i = 0; i < POSITIONS; i++) {
        const struct dg_topic_partition place = {"bench", i};
        must(lane->ops->acquire(lane, "bench", &place, &stream, 1, &position[i], &err));
    }
    uint64_t x = 1;
    for (size_t i = 0; i < sizeof body; i++) {
        x = synthetic_hash(x, i, 0, 0);
        body[i] = (uint8_t)x;
    }
    for (size_t i = 0; i < BIG_COMMIT; i++) {
        row[i] =
            (struct dg_packed_row){stream, (int64_t)(i / PANE_ROWS) * MINUTE_US, body, sizeof body};
    }
    bool held = false;
    size_t rows;
    must(judge->ops->lock(judge, stream, &held, &err));
    (void)time_read(true, &rows);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 3;
    if (prepare_server("SELECT") != 0) {
        return 1;
    }
    prepare();
    size_t rows = 0;
    const double empty = time_commits(rounds * 20, 0);
    const double pane = time_commits(rounds * 5, PANE_ROWS);
    (void)time_read(false, &rows);
    const double big = time_commits(rounds, BIG_COMMIT);
    const double read_new = time_read(false, &rows);
    const double new_rows = (double)rows;
    const double read_all = time_read(true, &rows);
    char *bytes =
        ask("SELECT round(pg_total_relation_size('driftgauge.pane_delta') / count(*)) FROM "
            "driftgauge.pane_delta");
    printf("{\"commit_positions\": %d, \"commit_ms\": %.3f, \"commit_pane_ms\": %.3f,\n"
           " \"row_bytes\": %d, \"rows_per_s\": %.0f, \"panes_per_s\": %.1f, \"pane_rows\": %d,\n"
           " \"stored_bytes_per_row\": %s, \"read_new_rows_per_s\": %.0f, "
           "\"read_all_rows_per_s\": %.0f",
           POSITIONS, empty * 1e3, pane * 1e3, ROW_BYTES, BIG_COMMIT / big,
           BIG_COMMIT / big / PANE_ROWS, PANE_ROWS, bytes, new_rows / read_new,
           (double)rows / read_all);
    bench_results();
    printf("}\n");
    free(bytes);
    lane->ops->close(lane);
    judge->ops->close(judge);
    return check_failures != 0;
}
