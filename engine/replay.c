#include "engine/replay.h"

#include "engine/accumulator.h"
#include "engine/id_hashes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LANES_MAX           64
#define MEMORY_DEFAULT      ((size_t)256 << 20)
#define CHUNKS_PER_PROGRESS 4
#define CHUNKS_PER_EVALUATE                                                                        \
    16 /* per lane: windows are evaluated in groups, results do not depend on it */

struct replay;

struct lane {
    struct replay *replay;
    struct dg_accumulator *accumulator;
    struct dg_chunk chunk;
    struct dg_batch batch;
    struct dg_admitted admitted;
    struct dg_id_hashes ids;
    const uint64_t *id_hash; /* of the batch; NULL: it has none */
    uint64_t ticket;
    uint32_t partition;
    bool end; /* the poll said that the partition is exhausted */
    pthread_t thread;
    struct dg_error err;
};

/* Shared by the lanes, under one lock. */
struct replay {
    struct dg_plan *plan;
    struct dg_source *source;
    struct dg_store *store;
    struct dg_evaluator *evaluator;
    const struct dg_replay_options *options;
    struct dg_admission *admission;
    struct lane *lane; /* [n_lanes] */
    uint32_t n_lanes;
    size_t open_max; /* bytes of open panes per lane, before they are written out early */
    pthread_mutex_t lock;
    pthread_cond_t turn;   /* a ticket has been admitted, a lane has finished, or it is over */
    bool *exhausted;       /* [source->n_partitions] polled to the end */
    uint64_t next_ticket;  /* of the next poll */
    uint64_t next_admit;   /* whose turn it is */
    uint32_t busy;         /* lanes between poll and the end of counting */
    int64_t packed_us;     /* panes that start before this have been written out */
    uint64_t chunks_since; /* since the last evaluation */
    bool pause;            /* an evaluation waits for the lanes to finish */
    bool spill;            /* ... and wants everything written out */
    bool stop;
    int rc;
    struct dg_error *err;
};

static void fail(struct replay *r, int rc, const struct dg_error *err)
{
    if (r->rc == 0) {
        r->rc = rc;
        if (r->err != NULL && err != NULL) {
            *r->err = *err;
        }
    }
    r->stop = true;
    pthread_cond_broadcast(&r->turn);
}

/* The partition that event time has come least far in, so that few panes are open at once. Rows
 * that name their own partitions must be read in the order of the files. */
static uint32_t choose_partition(const struct replay *r)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < r->source->n_partitions; i++) {
        if (r->exhausted[i]) {
            continue;
        }
        if (best == UINT32_MAX ||
            (!r->plan->row_partitions &&
             dg_admission_clock(r->admission, i) < dg_admission_clock(r->admission, best))) {
            best = i;
        }
    }
    return best;
}

static struct dg_progress_of_time time_so_far(const struct replay *r)
{
    const struct dg_admission_totals *t = dg_admission_totals(r->admission);
    return (struct dg_progress_of_time){t->first_us, dg_admission_newest(r->admission),
                                        dg_admission_final(r->admission)};
}

/* Write the lanes' panes before `before_us` to the store. All lanes stand still. */
static int flush_lanes(struct replay *r, int64_t before_us, struct dg_error *err)
{
    int rc = dg_admission_flush(r->admission, before_us, r->store, err);
    for (uint32_t i = 0; i < r->n_lanes && rc == 0; i++) {
        rc = dg_accumulator_flush(r->lane[i].accumulator, before_us, r->store, err);
    }
    return rc;
}

/* Write out the panes that are over, and all of them if the open ones take too much room even so.
 */
static int pack(struct replay *r, bool everything, struct dg_error *err)
{
    r->packed_us = everything ? INT64_MAX : dg_admission_settled(r->admission);
    int rc = flush_lanes(r, r->packed_us, err);
    size_t open = 0;
    for (uint32_t i = 0; i < r->n_lanes && r->spill; i++) {
        const size_t bytes = dg_accumulator_bytes(r->lane[i].accumulator);
        open = bytes > open ? bytes : open;
    }
    return rc == 0 && open > r->open_max / 2 ? flush_lanes(r, INT64_MAX, err) : rc;
}

static void evaluate(struct replay *r)
{
    struct dg_error err = {0};
    const struct dg_progress_of_time t = time_so_far(r);
    const bool any = t.first_us != DG_TIME_NONE;
    int rc = pack(r, t.final_us == INT64_MAX, &err);
    if (rc == 0 && any && r->evaluator != NULL) {
        rc = dg_evaluator_run(r->evaluator, &t, &err);
    }
    r->pause = r->spill = false;
    r->chunks_since = 0;
    if (rc != 0) {
        fail(r, rc, &err);
    }
    pthread_cond_broadcast(&r->turn);
}

/* After a chunk: is it time to let the lanes finish and evaluate what is due? */
static void consider_pause(struct replay *r, const struct lane *lane)
{
    r->chunks_since++;
    if (dg_accumulator_bytes(lane->accumulator) > r->open_max) {
        r->pause = r->spill = true;
    }
    if (r->chunks_since >= (uint64_t)CHUNKS_PER_EVALUATE * r->n_lanes) {
        const struct dg_progress_of_time t = time_so_far(r);
        const bool due = r->evaluator != NULL && t.first_us != DG_TIME_NONE &&
                         t.final_us != INT64_MIN && dg_evaluator_due(r->evaluator, &t) != INT64_MAX;
        r->chunks_since = 0;
        r->pause = r->pause || due || dg_admission_settled(r->admission) > r->packed_us;
    }
}

static void report(struct replay *r, bool always)
{
    if (r->options->progress == NULL || (!always && r->next_admit % CHUNKS_PER_PROGRESS != 0)) {
        return;
    }
    const struct dg_admission_totals *t = dg_admission_totals(r->admission);
    struct dg_replay_progress p = {.records = t->records, .event_time_us = t->last_us};
    for (size_t i = 1; i < DG_REASONS; i++) {
        p.bad += t->bad[i];
    }
    r->source->ops->progress(r->source, &p.bytes_done, &p.bytes_total);
    for (size_t i = 0; r->evaluator != NULL && i < r->plan->monitor->n_windows; i++) {
        p.windows += dg_evaluator_windows(r->evaluator, i);
    }
    if (r->options->progress(r->options->progress_arg, &p) != 0) {
        struct dg_error err;
        fail(r, dg_fail(&err, EINTR, "interrupted"), &err);
    }
}

/* Under the lock: take the next chunk. False when the lane's work is over. */
static bool take_chunk(struct replay *r, struct lane *lane)
{
    while (!r->stop) {
        if (r->pause) {
            if (r->busy == 0) {
                evaluate(r);
            } else {
                pthread_cond_wait(&r->turn, &r->lock);
            }
            continue;
        }
        const uint32_t p = choose_partition(r);
        if (p == UINT32_MAX) {
            return false;
        }
        lane->partition = p;
        const enum dg_poll poll =
            r->source->ops->poll(r->source, p, 1000, &lane->chunk, &lane->err);
        if (poll == DG_POLL_FATAL) {
            fail(r, EIO, &lane->err);
            return false;
        }
        if (poll == DG_POLL_IDLE) {
            continue;
        }
        lane->end = poll == DG_POLL_END;
        r->exhausted[p] = r->exhausted[p] || lane->end;
        lane->ticket = r->next_ticket++;
        r->busy++;
        return true;
    }
    return false;
}

/* Without the lock. */
static int decode(struct replay *r, struct lane *lane)
{
    dg_batch_clear(&lane->batch);
    if (lane->end) {
        return 0;
    }
    const int rc = r->source->ops->decode(r->source, &lane->chunk, &lane->batch, &lane->err);
    if (rc != 0) {
        return rc;
    }
    return dg_id_hashes_of(&lane->ids, &lane->batch, &lane->id_hash) == 0
               ? 0
               : dg_fail_memory(&lane->err);
}

/* Under the lock, in the order of tickets. */
static int admit(struct replay *r, struct lane *lane)
{
    lane->admitted.n = lane->admitted.n_rows = 0;
    if (lane->end) {
        dg_admission_end(r->admission, lane->partition);
        return 0;
    }
    const int rc =
        dg_admit(r->admission, lane->partition, &lane->batch, lane->id_hash, &lane->admitted);
    return rc == 0 ? 0 : dg_fail_memory(&lane->err);
}

static void work_on_chunk(struct replay *r, struct lane *lane)
{
    pthread_mutex_unlock(&r->lock);
    int rc = decode(r, lane);
    pthread_mutex_lock(&r->lock);
    while (r->next_admit != lane->ticket && !r->stop) {
        pthread_cond_wait(&r->turn, &r->lock);
    }
    if (rc == 0 && !r->stop) {
        rc = admit(r, lane);
    }
    r->next_admit = lane->ticket + 1;
    report(r, false);
    pthread_cond_broadcast(&r->turn);
    if (rc == 0 && !r->stop && lane->admitted.n_rows > 0) {
        pthread_mutex_unlock(&r->lock);
        rc = dg_accumulator_add(lane->accumulator, &lane->batch, &lane->admitted);
        pthread_mutex_lock(&r->lock);
        if (rc != 0) {
            rc = dg_fail_memory(&lane->err);
        }
    }
    r->busy--;
    if (rc != 0) {
        fail(r, rc, &lane->err);
    } else {
        consider_pause(r, lane);
    }
    pthread_cond_broadcast(&r->turn);
}

static void *run_lane(void *arg)
{
    struct lane *lane = arg;
    struct replay *r = lane->replay;
    pthread_mutex_lock(&r->lock);
    while (take_chunk(r, lane)) {
        work_on_chunk(r, lane);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static int open_lanes(struct replay *r, struct dg_error *err)
{
    r->lane = calloc(r->n_lanes, sizeof *r->lane);
    r->exhausted = calloc(r->source->n_partitions + 1, sizeof *r->exhausted);
    if (r->lane == NULL || r->exhausted == NULL) {
        return dg_fail_memory(err);
    }
    for (uint32_t i = 0; i < r->n_lanes; i++) {
        struct lane *lane = &r->lane[i];
        lane->replay = r;
        int rc = dg_batch_init(&lane->batch, &r->plan->projection, err);
        rc = rc != 0 ? rc : dg_accumulator_open(r->plan, &lane->accumulator, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static void close_lanes(struct replay *r)
{
    for (uint32_t i = 0; r->lane != NULL && i < r->n_lanes; i++) {
        struct lane *lane = &r->lane[i];
        dg_accumulator_close(lane->accumulator);
        dg_chunk_deinit(&lane->chunk);
        dg_batch_deinit(&lane->batch);
        dg_admitted_deinit(&lane->admitted);
        dg_id_hashes_deinit(&lane->ids);
    }
    free(r->lane);
    free(r->exhausted);
}

/* The caller's thread is the first lane. */
static int run_lanes(struct replay *r)
{
    uint32_t started = 1;
    while (started < r->n_lanes &&
           pthread_create(&r->lane[started].thread, NULL, run_lane, &r->lane[started]) == 0) {
        started++;
    }
    /* Fewer threads than asked for do the same work. */
    run_lane(&r->lane[0]);
    for (uint32_t i = 1; i < started; i++) {
        pthread_join(r->lane[i].thread, NULL);
    }
    if (r->rc == 0) {
        r->spill = true;
        evaluate(r);
        report(r, true);
    }
    return r->rc;
}

static void fill_result(const struct replay *r, struct dg_replay_result *result)
{
    uint64_t total = 0;
    size_t n = 0;
    const struct dg_bad_example *example = dg_admission_examples(r->admission, &n);
    result->totals = *dg_admission_totals(r->admission);
    memcpy(result->example, example, n * sizeof *example);
    result->n_examples = n;
    r->source->ops->progress(r->source, &result->bytes, &total);
}

int dg_replay(struct dg_plan *plan, struct dg_source *source, struct dg_store *store,
              struct dg_evaluator *evaluator, const struct dg_replay_options *options,
              struct dg_replay_result *result, struct dg_error *err)
{
    DG_ASSERT(options->lanes >= 1 && options->lanes <= LANES_MAX);
    struct replay r = {.plan = plan,
                       .source = source,
                       .store = store,
                       .evaluator = evaluator,
                       .options = options,
                       .packed_us = INT64_MIN,
                       .n_lanes = options->lanes,
                       .err = err};
    const size_t memory = options->memory_bytes == 0 ? MEMORY_DEFAULT : options->memory_bytes;
    r.open_max = memory / r.n_lanes;
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.turn, NULL);
    int rc = dg_admission_open(plan, source->n_partitions, &r.admission, err);
    rc = rc != 0 ? rc : open_lanes(&r, err);
    rc = rc != 0 ? rc : run_lanes(&r);
    if (rc == 0) {
        fill_result(&r, result);
    }
    close_lanes(&r);
    dg_admission_close(r.admission);
    pthread_cond_destroy(&r.turn);
    pthread_mutex_destroy(&r.lock);
    return rc;
}
