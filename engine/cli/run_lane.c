#include "engine/cli/run_lane.h"

#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS     100
#define COUNT_MS    2000 /* to ask how many partitions there are */
#define LEAVING_MS  10   /* at the end, until the leader has seen it */
#define FIRST_US    INT64_C(200000)
#define LONGEST_US  INT64_C(5000000)
#define TELL_US     INT64_C(1000000)
#define FAREWELL_US INT64_C(5000000) /* for the last commit */

/* -- time -- */

void run_backoff_next(struct run_backoff *b)
{
    b->wait_us = b->wait_us == 0 ? FIRST_US : 2 * b->wait_us;
    b->wait_us = b->wait_us > LONGEST_US ? LONGEST_US : b->wait_us;
    /* Those who failed together should not come back together. */
    const int64_t jitter_us = (int64_t)arc4random_uniform((uint32_t)(b->wait_us / 4));
    b->until_us = dg_steady_us() + b->wait_us - jitter_us;
}

bool run_backoff_over(const struct run_backoff *b)
{
    return dg_steady_us() >= b->until_us;
}

bool run_pause(const struct run_thread *t, int64_t us)
{
    const int64_t until_us = dg_steady_us() + us;
    while (!atomic_load(&t->stop)) {
        const int64_t left_us = until_us - dg_steady_us();
        if (left_us <= 0) {
            return true;
        }
        const struct timespec nap = {.tv_nsec = (left_us < 50000 ? left_us : 50000) * 1000};
        nanosleep(&nap, NULL);
    }
    return false;
}

/* -- what a lane owns -- */

static bool wants_headers(const struct run_lane *l)
{
    for (size_t i = 0; i < l->g->n; i++) {
        const struct dg_projection *p = &l->stream[i].plan.projection;
        for (size_t k = 0; k < p->n; k++) {
            if (strncmp(p->field[k].path, "@header/", 8) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int open_stream(struct run_lane *l, size_t i, struct dg_lane_stream *out,
                       struct dg_error *err)
{
    struct run_monitor *m = &l->g->monitor[i];
    const struct dg_monitor *monitor = m->loaded.monitor;
    struct run_lane_stream *s = &l->stream[i];
    int rc = dg_plan_init(&s->plan, monitor, m->loaded.main, NULL, err);
    if (rc != 0) {
        return rc;
    }
    s->planned = true;
    s->plan.row_partitions = false;
    const struct dg_record_format format = {.spec = &monitor->source,
                                            .schema_path = m->schema_path};
    rc = dg_record_decoder_open(&format, &s->plan.projection, l->g->registry, &s->decoder, err);
    *out = (struct dg_lane_stream){.stream = m->stream,
                                   .plan = &s->plan,
                                   .decoder = s->decoder,
                                   .topic = (const char *const *)monitor->source.topic,
                                   .n_topics = monitor->source.n_topics};
    return rc;
}

static bool wants_dead_letters(const struct run_generation *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->monitor[i].loaded.monitor->source.dead_letters != NULL) {
            return true;
        }
    }
    return false;
}

static int open_lane(struct run_lane *l, struct dg_error *err)
{
    struct dg_lane_stream *stream = calloc(l->g->n + 1, sizeof *stream);
    l->stream = calloc(l->g->n + 1, sizeof *l->stream);
    int rc = stream == NULL || l->stream == NULL ? dg_fail_memory(err) : 0;
    for (size_t i = 0; i < l->g->n && rc == 0; i++) {
        rc = open_stream(l, i, &stream[i], err);
    }
    const bool letters = wants_dead_letters(l->g);
    if (rc == 0 && letters) {
        const struct dg_kafka_options kafka = run_kafka_options(l->g);
        rc = dg_dead_letters_open(&kafka, &l->dead, err);
    }
    const struct dg_lane_options options = {
        .stream = stream,
        .n_streams = l->g->n,
        .memory_bytes = (size_t)(l->g->settings.memory_mb * 1000000 / l->g->settings.lanes),
        .bad = letters ? run_dead_letter : NULL,
        .bad_arg = l};
    rc = rc != 0 ? rc : dg_lane_open(&options, &l->lane, err);
    rc = rc != 0 ? rc : run_ledger_open(l->run, l->g, l->name, &l->ledger, err);
    free(stream);
    return rc;
}

static void close_member(struct run_lane *l)
{
    if (l->member != NULL) {
        dg_kafka_member_close(l->member);
        l->member = NULL;
    }
}

void run_lane_free(struct run_lane *l)
{
    if (l == NULL) {
        return;
    }
    close_member(l);
    if (l->lane != NULL) {
        dg_lane_close(l->lane);
    }
    if (l->ledger != NULL) {
        l->ledger->ops->close(l->ledger);
    }
    if (l->dead != NULL) {
        dg_dead_letters_close(l->dead);
    }
    for (size_t i = 0; l->stream != NULL && i < l->g->n; i++) {
        if (l->stream[i].decoder != NULL) {
            l->stream[i].decoder->ops->close(l->stream[i].decoder);
        }
        if (l->stream[i].planned) {
            dg_plan_deinit(&l->stream[i].plan);
        }
    }
    free(l->stream);
    run_free_places(l);
    free(l);
}

/* Of all topics; 0: it cannot be said. The broker is asked once for all lanes: a client of its own
 * asks, since the member's queues are sized before it is made. */
static size_t all_partitions(struct run_lane *l)
{
    const size_t known = atomic_load(&l->g->partitions);
    if (known > 0) {
        return known;
    }
    struct dg_error err = {0};
    const struct dg_kafka_options kafka = run_kafka_options(l->g);
    int32_t *partitions = calloc(l->g->n_topics + 1, sizeof *partitions);
    size_t sum = 0;
    if (partitions != NULL &&
        dg_kafka_probe(&kafka, l->g->topic, l->g->n_topics, COUNT_MS, partitions, &err) == 0) {
        for (size_t i = 0; i < l->g->n_topics; i++) {
            sum += partitions[i] > 0 ? (size_t)partitions[i] : 0;
        }
    }
    free(partitions);
    atomic_store(&l->g->partitions, sum);
    return sum;
}

static int open_member(struct run_lane *l, struct dg_error *err)
{
    char instance[160];
    const struct dg_daemon_settings *s = &l->g->settings;
    if (s->kafka.instance != NULL) {
        snprintf(instance, sizeof instance, "%s-%u", s->kafka.instance, l->index);
    }
    const struct dg_kafka_member_options options = {.client = run_kafka_options(l->g),
                                                    .group = s->kafka.group,
                                                    .instance =
                                                        s->kafka.instance != NULL ? instance : NULL,
                                                    .topic = l->g->topic,
                                                    .n_topics = l->g->n_topics,
                                                    .partitions = all_partitions(l),
                                                    .want_headers = wants_headers(l)};
    return dg_kafka_member_open(&options, &l->member, err);
}

/* -- phases -- */

void run_set_paused(struct run_lane *l, bool paused)
{
    struct dg_error err = {0};
    if (l->paused != paused && l->member != NULL && dg_kafka_pause(l->member, paused, &err) != 0) {
        dg_log_limited(DG_LOG_WARNING, "pause", l->name, "%s: %s", l->name, err.message);
    }
    l->paused = paused;
    run_restart_idle(l);
}

static void release_hold(struct run_lane *l)
{
    if (l->registry_said) {
        dg_log(DG_LOG_INFO, "resumed", "%s: decoding goes on", l->name);
        dg_board_state(l->run->board, DG_PART_REGISTRY, l->name, DG_STATE_OK, "%s", "");
        l->registry_said = false;
    }
    l->held = l->letters_full = false;
}

/* Nothing of the partitions is left but their names. */
static void forget_counts(struct run_lane *l)
{
    dg_lane_drop(l->lane);
    release_hold(l);
    l->n_acquired = l->n_taken = 0;
    l->blocked = l->wanted = false;
}

void run_retake(struct run_lane *l)
{
    forget_counts(l);
    run_set_paused(l, true);
    l->phase = RUN_TAKE;
    run_backoff_next(&l->retry);
}

static void forget_places(struct run_lane *l)
{
    atomic_store(&l->at_end, false);
    forget_counts(l);
    run_free_places(l);
    l->retry = (struct run_backoff){0};
}

static void join(struct run_lane *l)
{
    struct dg_error err = {0};
    if (!run_backoff_over(&l->retry)) {
        return;
    }
    if (open_member(l, &err) == 0) {
        l->phase = RUN_WAIT;
        l->paused = false;
        l->retry = (struct run_backoff){0};
        return;
    }
    l->broker_words = err;
    dg_log_limited(DG_LOG_ERROR, "failed", l->name, "%s: %s", l->name, err.message);
    run_backoff_next(&l->retry);
}

/* -- events -- */

static void on_assign(struct run_lane *l, const struct dg_kafka_event *e)
{
    forget_places(l);
    l->counted_partitions = false;
    dg_board_add(l->run->board, DG_COUNT_REBALANCES, 1);
    l->place = calloc(e->n_places + 1, sizeof *l->place);
    if (l->place == NULL) {
        dg_log(DG_LOG_ERROR, "failed", "%s: out of memory", l->name);
        close_member(l); /* it joins again */
        l->phase = RUN_JOIN;
        run_backoff_next(&l->retry);
        return;
    }
    for (size_t i = 0; i < e->n_places; i++) {
        for (size_t k = 0; k < l->g->n_topics; k++) {
            if (strcmp(l->g->topic[k], e->places[i].topic) == 0) {
                l->place[l->n_places++] = (struct run_place){
                    .place = {l->g->topic[k], e->places[i].partition}, .high = -1};
            }
        }
    }
    l->phase = RUN_TAKE;
    dg_log(DG_LOG_INFO, "assigned", "%s: the group gives %zu partitions", l->name, l->n_places);
}

static void on_revoke(struct run_lane *l, bool lost)
{
    struct dg_error err = {0};
    if (l->phase == RUN_COUNT && !lost) {
        run_commit_last(l, FAREWELL_US);
    }
    forget_places(l);
    l->phase = RUN_WAIT;
    if (dg_kafka_unassign(l->member, &err) != 0) {
        dg_log_limited(DG_LOG_WARNING, "revoked", l->name, "%s: %s", l->name, err.message);
    }
    run_set_paused(l, false);
    dg_log(DG_LOG_INFO, "revoked", "%s: the group takes the partitions back%s", l->name,
           lost ? ", too late to commit" : "");
}

static void on_failed(struct run_lane *l, const struct dg_error *why)
{
    if (l->phase == RUN_COUNT) {
        run_commit_last(l, FAREWELL_US); /* if they are still ours, the ledger says so */
    }
    dg_log_limited(DG_LOG_ERROR, "failed", l->name, "%s: %s; joining again", l->name, why->message);
    l->broker_words = *why;
    forget_places(l);
    close_member(l);
    l->phase = RUN_JOIN;
    l->retry.wait_us = LONGEST_US / 2;
    run_backoff_next(&l->retry);
}

static void hold(struct run_lane *l, const struct dg_kafka_event *e, const struct dg_error *why)
{
    if (!l->held) {
        l->held = true;
        l->holding = *e;
        l->hold = (struct run_backoff){0};
        run_restart_idle(l);
        dg_log_limited(DG_LOG_WARNING, "blocked", l->name, "%s: %s", l->name, why->message);
    }
    dg_board_state(l->run->board, l->letters_full ? DG_PART_BROKER : DG_PART_REGISTRY, l->name,
                   DG_STATE_BLOCKED, "%s", why->message);
    l->registry_said |= !l->letters_full;
    run_backoff_next(&l->hold);
}

static void counted(struct run_lane *l, const struct dg_kafka_event *e, struct run_place *p)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < e->n_records; i++) {
        bytes += e->record[i].value_len;
    }
    dg_board_add(l->run->board, DG_COUNT_BYTES, bytes);
    p->at_end = p->gone = p->idle = false; /* the lane sees for itself that it is not idle */
}

static void on_records(struct run_lane *l, const struct dg_kafka_event *e)
{
    struct dg_error err = {0};
    struct run_place *p = run_place_of(l, &e->place);
    if (l->phase != RUN_COUNT || p == NULL || p->failed || e->n_records == 0 ||
        run_look_again(l, p)) {
        release_hold(l);
        return;
    }
    const int rc = dg_lane_feed(l->lane, &p->place, e->record, e->n_records, &err);
    if (rc == EAGAIN) {
        hold(l, e, &err);
        return;
    }
    release_hold(l);
    if (rc == 0) {
        counted(l, e, p);
    } else if (rc == EILSEQ) {
        run_recreated(l, &p->place, &err);
    } else {
        dg_log_limited(DG_LOG_ERROR, "failed", l->name,
                       "%s: %s [%d]: %s; reading again from the last commit", l->name,
                       p->place.topic, p->place.partition, err.message);
        run_retake(l);
    }
}

static void on_end(struct run_lane *l, const struct dg_kafka_event *e)
{
    struct run_place *p = run_place_of(l, &e->place);
    if (p != NULL && l->phase == RUN_COUNT && !p->failed && run_look_again(l, p)) {
        return;
    }
    if (p != NULL) {
        p->gone = false;
        p->at_end = true;
        p->end_offset = e->offset;
        /* That the end was reached is evidence already. Asking for more costs up to a fetch's wait,
         * and a stream that is read as it is written reaches its end many times a second. */
        p->end_since_us = dg_steady_us();
        p->check_us = p->end_since_us + run_idle_after(l, p);
    }
}

static void on_gone(struct run_lane *l, const struct dg_kafka_event *e)
{
    struct run_place *p = run_place_of(l, &e->place);
    if (p != NULL) {
        p->gone = p->doubt = true;
        p->why = e->error;
    }
    dg_log_limited(DG_LOG_WARNING, "gone", l->name, "%s: %s", l->name, e->error.message);
}

static void handle(struct run_lane *l, const struct dg_kafka_event *e)
{
    switch (e->kind) {
    case DG_KAFKA_NOTHING:
        break;
    case DG_KAFKA_RECORDS:
        on_records(l, e);
        break;
    case DG_KAFKA_ASSIGN:
        on_assign(l, e);
        break;
    case DG_KAFKA_REVOKE:
        on_revoke(l, e->lost);
        break;
    case DG_KAFKA_AT_END:
        on_end(l, e);
        break;
    case DG_KAFKA_OUT_OF_RANGE:
        run_out_of_range(l, e);
        break;
    case DG_KAFKA_GONE:
        on_gone(l, e);
        break;
    case DG_KAFKA_DOUBT:
        for (size_t i = 0; i < l->n_places; i++) {
            l->place[i].doubt = true;
        }
        break;
    case DG_KAFKA_FAILED:
        on_failed(l, &e->error);
        break;
    }
}

/* -- the thread -- */

static bool quiet_end(struct run_lane *l)
{
    if (l->phase != RUN_COUNT || l->held || l->blocked || dg_lane_dirty(l->lane)) {
        return false;
    }
    bool failed = false;
    for (size_t i = 0; i < l->n_places; i++) {
        failed |= l->place[i].failed;
        if (!l->place[i].failed && !l->place[i].idle) {
            return false;
        }
    }
    atomic_store(&l->failed, failed);
    return true;
}

static void step(struct run_lane *l)
{
    dg_board_beat(l->run->board, l->name);
    if (l->phase == RUN_JOIN) {
        join(l);
    } else if (l->phase == RUN_TAKE) {
        run_take(l);
    } else if (l->phase == RUN_COUNT) {
        run_check_idle(l);
        run_commit_due(l);
    }
    atomic_store(&l->at_end, quiet_end(l));
    if (dg_steady_us() - l->told_us >= TELL_US) {
        run_tell(l);
    }
    if (l->member == NULL) {
        run_pause(&l->thread, INT64_C(1000) * POLL_MS);
        return;
    }
    if (l->held && !l->blocked && run_backoff_over(&l->hold)) {
        on_records(l, &l->holding);
        return;
    }
    struct dg_kafka_event e = {0};
    const bool taking = l->phase == RUN_TAKE && run_backoff_over(&l->retry);
    const bool leaving = l->run->options.until_end && atomic_load(&l->at_end);
    const int wait_ms = leaving ? LEAVING_MS : POLL_MS;
    dg_kafka_poll(l->member, taking ? 0 : wait_ms, l->held, &e);
    handle(l, &e);
}

static void farewell(struct run_lane *l)
{
    if (l->phase == RUN_COUNT) {
        run_commit_last(l, FAREWELL_US);
    }
    run_tell(l);
    if (l->lane != NULL) {
        forget_places(l);
    }
    dg_board_partitions(l->run->board, l->index, NULL, 0);
    dg_board_lane(l->run->board, l->index, true, 0, 0);
    close_member(l);
    dg_board_forget(l->run->board, l->name);
}

static void *run_thread(void *arg)
{
    struct run_lane *l = arg;
    struct dg_error err = {0};
    if (open_lane(l, &err) != 0) { /* was tried when it was loaded: only memory may fail here */
        dg_log(DG_LOG_ERROR, "failed", "%s: %s", l->name, err.message);
        atomic_store(&l->failed, true);
        atomic_store(&l->at_end, true);
        atomic_store(&l->thread.done, true);
        return NULL;
    }
    while (!atomic_load(&l->thread.stop)) {
        step(l);
    }
    farewell(l);
    atomic_store(&l->thread.done, true);
    return NULL;
}

int run_lane_start(struct run *r, uint32_t index, struct run_lane **out, struct dg_error *err)
{
    struct run_lane *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return dg_fail_memory(err);
    }
    l->run = r;
    l->g = r->g;
    l->index = index;
    snprintf(l->name, sizeof l->name, "lane %u", index);
    l->committed_us = dg_steady_us();
    dg_board_lane_renewed(r->board, index);
    dg_board_lane(r->board, index, false, 0, 0);
    dg_board_beat(r->board, l->name);
    const int rc = pthread_create(&l->thread.id, NULL, run_thread, l);
    if (rc != 0) {
        free(l);
        return dg_fail(err, rc, "cannot start a thread: %s", strerror(rc));
    }
    l->thread.started = true;
    *out = l;
    return 0;
}

struct run_thread *run_lane_thread(struct run_lane *l)
{
    return &l->thread;
}

bool run_lane_at_end(const struct run_lane *l, bool *failed)
{
    *failed = atomic_load(&l->failed);
    return atomic_load(&l->at_end);
}
