/* Where the time of a replay goes: one lane, the steps of engine/replay.c one after the other with
 * a clock between them, and beside it a hand-written walk of the same container.
 *
 *   bench_replay MONITOR FILE [rounds=3] [walk=COLUMNS]
 *
 * Prints one JSON object: nanoseconds of CPU per step, each the least of the rounds. With walk= the
 * file is an uncompressed container of make_events with so many columns. */
#include "engine/cli/inputs.h"

#include "engine/accumulator.h"
#include "engine/evaluator.h"
#include "engine/replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* As in engine/replay.c. */
#define CHUNKS_PER_EVALUATE 64
#define MEMORY              ((size_t)256 << 20)

enum step { POLL, DECODE, ADMIT, PREPARE, COUNT, ENCODE, EVALUATE, WALK, READ_WALK, STEPS };
static const char *const step_name[STEPS] = {"poll",   "decode",   "admit", "prepare",  "count",
                                             "encode", "evaluate", "walk",  "read_walk"};

struct tally {
    double ns[STEPS];
    uint64_t rows, bytes, windows, series_rows, chunks;
    size_t open_bytes, store_bytes;
};

/* CPU time of this thread, so that a busy machine disturbs less. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double clock_cost;

static double lap(double *since)
{
    const double t = now(), took = t - *since - clock_cost;
    *since = t;
    return took > 0 ? took : 0;
}

static void calibrate(void)
{
    enum { CALLS = 2000 };
    const double start = now();
    for (int i = 0; i < CALLS; i++) {
        (void)now();
    }
    clock_cost = (now() - start) / CALLS;
}

static void must(int rc, const struct dg_error *err)
{
    if (rc != 0) {
        fprintf(stderr, "bench_replay: %s\n", err->message);
        exit(1);
    }
}

/* A sink that counts rows and drops them. */
struct null_sink {
    struct dg_sink base;
    uint64_t series_rows;
};

static int sink_open(struct dg_sink *s, const struct dg_run_info *run, struct dg_error *err)
{
    (void)s, (void)run, (void)err;
    return 0;
}

static int sink_window(struct dg_sink *s, const struct dg_window_id *w, struct dg_error *err)
{
    (void)s, (void)w, (void)err;
    return 0;
}

static int sink_series(struct dg_sink *s, const struct dg_series_row *row, struct dg_error *err)
{
    (void)row, (void)err;
    ((struct null_sink *)s)->series_rows++;
    return 0;
}

static int sink_slice(struct dg_sink *s, const struct dg_slice_row *row, struct dg_error *err)
{
    (void)s, (void)row, (void)err;
    return 0;
}

static int sink_end(struct dg_sink *s, struct dg_error *err)
{
    (void)s, (void)err;
    return 0;
}

static int sink_finish(struct dg_sink *s, const struct dg_run_totals *t, struct dg_error *err)
{
    (void)s, (void)t, (void)err;
    return 0;
}

static void sink_close(struct dg_sink *s)
{
    (void)s;
}

static const struct dg_sink_ops NULL_SINK = {.name = "null",
                                             .open = sink_open,
                                             .window_begin = sink_window,
                                             .series = sink_series,
                                             .slice = sink_slice,
                                             .window_end = sink_end,
                                             .finish = sink_finish,
                                             .close = sink_close};

struct engine {
    struct dg_plan plan;
    struct dg_source *source;
    struct dg_store *store;
    struct dg_evaluator *evaluator;
    struct dg_admission *admission;
    struct dg_accumulator *accumulator;
    struct dg_batch batch;
    struct dg_chunk chunk;
    struct dg_admitted admitted;
    struct dg_prepared prepared;
    struct dg_coded coded;
    struct null_sink sink;
};

static void engine_open(struct engine *e, const struct dg_loaded *loaded, const char *const *path)
{
    struct dg_error err = {0};
    const struct dg_file_options how = dg_file_options_of(loaded->monitor);
    const struct dg_evaluator_options all = {.file =
                                                 (const struct dg_baseline *const *)loaded->file,
                                             .from_us = INT64_MIN,
                                             .to_us = INT64_MAX};
    *e = (struct engine){.sink.base.ops = &NULL_SINK};
    must(dg_plan_init(&e->plan, loaded->monitor, loaded->main, NULL, &err), &err);
    must(dg_file_source_open(path, 1, &how, &e->plan.projection, &e->source, &err), &err);
    must(dg_memory_store_open(&e->plan, &e->store, &err), &err);
    must(dg_evaluator_open(&e->plan, e->store, &e->sink.base, &all, &e->evaluator, &err), &err);
    must(dg_admission_open(&e->plan, 1, &e->admission, &err), &err);
    must(dg_accumulator_open(&e->plan, &e->accumulator, &err), &err);
    must(dg_batch_init(&e->batch, &e->plan.projection, &err), &err);
}

static void engine_close(struct engine *e)
{
    dg_accumulator_close(e->accumulator);
    dg_admission_close(e->admission);
    dg_evaluator_close(e->evaluator);
    e->store->ops->close(e->store);
    e->source->ops->close(e->source);
    dg_prepared_deinit(&e->prepared);
    dg_coded_deinit(&e->coded);
    dg_admitted_deinit(&e->admitted);
    dg_chunk_deinit(&e->chunk);
    dg_batch_deinit(&e->batch);
    dg_plan_deinit(&e->plan);
}

/* What dg_accumulator_add does first with every column, done once more to be timed alone. */
static void prepare_all(struct engine *e)
{
    const struct dg_batch *b = &e->batch;
    int rc = 0;
    for (size_t i = 0; i < e->plan.n_columns && rc == 0; i++) {
        const struct dg_plan_column *c = &e->plan.column[i];
        rc = c->feature->type == DG_FEATURE_NUMERIC
                 ? dg_prepare(&e->prepared, c->binning, c->feature->valid_min,
                              c->feature->valid_max, b->column[c->source].number, b->n)
                 : dg_code(&e->coded, c->dictionary, c->allowed, b->column[c->source].text, b->n);
    }
    must(rc, &(struct dg_error){.message = "out of memory"});
}

/* As in engine/replay.c: panes are written out when windows are due, or when they grow too large.
 */
static void settle(struct engine *e, struct tally *t, bool at_end)
{
    struct dg_error err = {0};
    double clock = now();
    const struct dg_progress_of_time p = {dg_admission_totals(e->admission)->first_us,
                                          dg_admission_newest(e->admission),
                                          dg_admission_final(e->admission)};
    const bool spill = at_end || dg_accumulator_bytes(e->accumulator) > MEMORY;
    if (!spill && dg_evaluator_due(e->evaluator, &p) == INT64_MAX) {
        return;
    }
    const size_t open = dg_accumulator_bytes(e->accumulator);
    t->open_bytes = open > t->open_bytes ? open : t->open_bytes;
    const int64_t before = spill ? INT64_MAX : p.final_us;
    must(dg_admission_flush(e->admission, before, e->store, &err), &err);
    must(dg_accumulator_flush(e->accumulator, before, e->store, &err), &err);
    t->ns[ENCODE] += lap(&clock);
    const size_t bytes = e->store->ops->bytes(e->store);
    t->store_bytes = bytes > t->store_bytes ? bytes : t->store_bytes;
    must(dg_evaluator_run(e->evaluator, &p, &err), &err);
    t->ns[EVALUATE] += lap(&clock);
}

static struct tally replay(const struct dg_loaded *loaded, const char *path)
{
    struct engine e;
    struct tally t = {0};
    struct dg_error err = {0};
    engine_open(&e, loaded, &path);
    for (double clock = now(); e.source->ops->poll(e.source, 0, 0, &e.chunk, &err) == DG_POLL_DATA;
         clock = now()) {
        t.ns[POLL] += lap(&clock);
        dg_batch_clear(&e.batch);
        must(e.source->ops->decode(e.source, &e.chunk, &e.batch, &err), &err);
        t.ns[DECODE] += lap(&clock);
        must(dg_admit(e.admission, 0, &e.batch, NULL, &e.admitted), &err);
        t.ns[ADMIT] += lap(&clock);
        prepare_all(&e);
        const double prepare = lap(&clock);
        must(dg_accumulator_add(e.accumulator, &e.batch, &e.admitted), &err);
        t.ns[PREPARE] += prepare;
        t.ns[COUNT] += lap(&clock) - prepare;
        if (++t.chunks % CHUNKS_PER_EVALUATE == 0 || dg_accumulator_bytes(e.accumulator) > MEMORY) {
            settle(&e, &t, false);
        }
    }
    dg_admission_end(e.admission, 0);
    settle(&e, &t, true);
    t.rows = dg_admission_totals(e.admission)->rows;
    t.series_rows = e.sink.series_rows;
    for (size_t i = 0; i < loaded->monitor->n_windows; i++) {
        t.windows += dg_evaluator_windows(e.evaluator, i);
    }
    engine_close(&e);
    return t;
}

static uint64_t walk_long(const uint8_t **p)
{
    uint64_t x = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *(*p)++;
        x |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte >= 0x80);
    return x >> 1 ^ (0 - (x & 1));
}

/* Decodes every field of the records, checks nothing, keeps one number. */
static uint64_t walk_records(const uint8_t *p, uint64_t records, size_t columns)
{
    uint64_t sum = 0, x;
    for (uint64_t i = 0; i < records; i++) {
        for (size_t k = 0; k < columns; k++, p += 8) {
            memcpy(&x, p, 8);
            sum += x;
        }
        const uint64_t len = walk_long(&p);
        sum += len > 0 ? p[0] : 0;
        p += len;
        memcpy(&x, p, 8);
        p += 8;
        sum += x + walk_long(&p);
    }
    return sum;
}

struct block {
    off_t at;
    size_t bytes;
    uint64_t records;
};

/* Where the container's blocks lie; found before the clock runs. */
static struct block *find_blocks(const char *path, size_t *n)
{
    struct stat st;
    const int fd = open(path, O_RDONLY);
    uint8_t *data = fd < 0 || fstat(fd, &st) != 0 ? NULL : malloc((size_t)st.st_size);
    struct block *block =
        malloc(((size_t)(data != NULL ? st.st_size : 0) / 1024 + 16) * sizeof *block);
    size_t have = 0;
    for (ssize_t got = 1; data != NULL && got > 0; have += (size_t)got) {
        got = pread(fd, data + have, (size_t)st.st_size - have, (off_t)have);
    }
    if (data == NULL || block == NULL || have != (size_t)st.st_size) {
        fprintf(stderr, "bench_replay: cannot read %s\n", path);
        exit(1);
    }
    close(fd);
    const uint8_t *p = data + 4;
    for (uint64_t entries = walk_long(&p); entries > 0; entries = walk_long(&p)) {
        for (uint64_t i = 0; i < 2 * entries; i++) {
            const uint64_t len = walk_long(&p);
            p += len;
        }
    }
    p += 16;
    for (*n = 0; p < data + have; p += 16) {
        struct block *b = &block[(*n)++];
        b->records = walk_long(&p);
        b->bytes = walk_long(&p);
        b->at = p - data;
        p += b->bytes;
    }
    free(data);
    return block;
}

static volatile uint64_t keep;

/* Block by block, as a reader would: fetch, then walk what is in the cache. */
static void walk(const char *path, const struct block *block, size_t n, size_t columns,
                 struct tally *t)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        most = block[i].bytes > most ? block[i].bytes : most;
    }
    uint8_t *data = calloc(1, most + 1);
    const int fd = open(path, O_RDONLY);
    if (data == NULL || fd < 0) {
        exit(1);
    }
    t->ns[WALK] = t->ns[READ_WALK] = 0;
    for (size_t i = 0; i < n; i++) {
        double clock = now();
        if (pread(fd, data, block[i].bytes, block[i].at) != (ssize_t)block[i].bytes) {
            exit(1);
        }
        const double fetch = lap(&clock);
        keep += walk_records(data, block[i].records, columns);
        const double took = lap(&clock);
        t->ns[WALK] += took;
        t->ns[READ_WALK] += fetch + took;
    }
    close(fd);
    free(data);
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t fallback)
{
    const size_t n = strlen(name);
    for (int i = 3; i < argc; i++) {
        if (strncmp(argv[i], name, n) == 0) {
            return strtoull(argv[i] + n, NULL, 10);
        }
    }
    return fallback;
}

static void print(const struct tally *t, const struct dg_loaded *loaded, const char *path)
{
    struct stat st = {0};
    (void)stat(path, &st);
    printf("{\"rows\": %" PRIu64 ", \"bytes\": %lld, \"windows\": %" PRIu64
           ", \"series_windows\": %" PRIu64 ", \"columns\": %zu, \"open_bytes\": %zu, "
           "\"store_bytes\": %zu",
           t->rows, (long long)st.st_size, t->windows, t->series_rows, loaded->monitor->n_features,
           t->open_bytes, t->store_bytes);
    for (size_t i = 0; i < STEPS; i++) {
        printf(", \"%s\": %.0f", step_name[i], t->ns[i]);
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct dg_loaded loaded = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: bench_replay MONITOR FILE [rounds=3] [walk=COLUMNS]\n");
        return 2;
    }
    if (dg_load_monitor(argv[1], &loaded) != 0 || dg_load_baselines(&loaded) != 0) {
        return 1;
    }
    calibrate();
    const uint64_t rounds = option(argc, argv, "rounds=", 3);
    const uint64_t walk_columns = option(argc, argv, "walk=", 0);
    struct tally least = {0};
    size_t n_blocks = 0;
    struct block *block = walk_columns > 0 ? find_blocks(argv[2], &n_blocks) : NULL;
    for (uint64_t round = 0; round < rounds; round++) {
        struct tally t = replay(&loaded, argv[2]);
        if (block != NULL) {
            walk(argv[2], block, n_blocks, walk_columns, &t);
        }
        for (size_t i = 0; i < STEPS && round > 0; i++) {
            t.ns[i] = t.ns[i] < least.ns[i] ? t.ns[i] : least.ns[i];
        }
        least = t;
    }
    print(&least, &loaded, argv[2]);
    free(block);
    dg_loaded_deinit(&loaded);
    return 0;
}
