#include "engine/cli/run_lane.h"

#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_MS   2000
#define ASK_MS     2000
#define LETTERS_MS 1000    /* to make room in the queue of dead letters */
#define FENCE_US   1000000 /* at most this long before a fenced lane takes again */
#define CHECK_US   DG_US_PER_S
#define LOOK_US    DG_US_PER_S /* at least this long between two looks at the ledger */

/* -- dead letters -- */

static void count_letters(struct run_lane *l)
{
    uint64_t sent = 0, refused = 0;
    dg_dead_letters_counts(l->dead, &sent, &refused);
    dg_board_add(l->run->board, DG_COUNT_DEAD_LETTERS, sent - l->dead_sent);
    dg_board_add(l->run->board, DG_COUNT_DEAD_LETTERS_REFUSED, refused - l->dead_refused);
    l->dead_sent = sent;
    l->dead_refused = refused;
}

/* 0 when all are out; EAGAIN. Those that were refused are counted and gone. */
static int flush_letters(struct run_lane *l, int timeout_ms, struct dg_error *err)
{
    if (l->dead == NULL) {
        return 0;
    }
    int rc;
    while ((rc = dg_dead_letters_flush(l->dead, timeout_ms, err)) != 0 && rc != EAGAIN &&
           rc != ENOMEM) {
        dg_log_limited(DG_LOG_ERROR, "dead_letter", "dead letters", "%s: %s", l->name,
                       err->message);
    }
    count_letters(l);
    return rc == 0 ? 0 : EAGAIN;
}

int run_dead_letter(void *arg, int32_t stream, const struct dg_topic_partition *place,
                    const struct dg_record *record, enum dg_reason reason, struct dg_error *err)
{
    struct run_lane *l = arg;
    const struct run_monitor *m = run_monitor_of(l->g, stream);
    const char *topic = m == NULL ? NULL : m->loaded.monitor->source.dead_letters;
    if (topic == NULL) {
        return 0;
    }
    struct dg_record whole = *record;
    if (record->n_headers == 0) {
        const int rc = dg_kafka_headers(l->member, record, &whole, err);
        if (rc != 0) {
            return rc;
        }
    }
    int rc =
        dg_dead_letters_put(l->dead, topic, m->loaded.monitor->name, place, &whole, reason, err);
    if (rc == EAGAIN && flush_letters(l, LETTERS_MS, err) == 0) { /* makes room */
        rc = dg_dead_letters_put(l->dead, topic, m->loaded.monitor->name, place, &whole, reason,
                                 err);
    }
    l->letters_full = rc == EAGAIN;
    return rc;
}

/* -- what a commit tells others -- */

struct offsets {
    struct dg_topic_partition *place;
    int64_t *offset;
    size_t n, cap;
};

/* The least that any monitor has committed of a partition. */
static void collect_offset(void *arg, const struct dg_lane_view *v)
{
    struct offsets *o = arg;
    if (v->committed_offset < 0) {
        return;
    }
    for (size_t i = 0; i < o->n; i++) {
        if (o->place[i].partition == v->place.partition &&
            strcmp(o->place[i].topic, v->place.topic) == 0) {
            o->offset[i] = v->committed_offset < o->offset[i] ? v->committed_offset : o->offset[i];
            return;
        }
    }
    if (o->n < o->cap) {
        o->place[o->n] = v->place;
        o->offset[o->n++] = v->committed_offset;
    }
}

static void publish(struct run_lane *l)
{
    struct offsets o = {.cap = l->n_places};
    o.place = calloc(o.cap + 1, sizeof *o.place);
    o.offset = calloc(o.cap + 1, sizeof *o.offset);
    if (o.place != NULL && o.offset != NULL && l->member != NULL) {
        dg_lane_views(l->lane, collect_offset, &o);
        dg_kafka_publish(l->member, o.place, o.offset, o.n);
    }
    free(o.place);
    free(o.offset);
}

struct least {
    int32_t stream;
    int64_t out_of_order_us, watermark_us;
};

static void collect_watermark(void *arg, const struct dg_lane_view *v)
{
    struct least *at = arg;
    if (v->stream != at->stream || v->idle) {
        return;
    }
    const int64_t us =
        v->clock.max_us == DG_TIME_NONE ? INT64_MIN : v->clock.max_us - at->out_of_order_us;
    at->watermark_us = us < at->watermark_us ? us : at->watermark_us;
}

/* Note when the watermark of this process's partitions passed what. */
static void note_watermark(struct run_passed *p, uint32_t lane, int64_t watermark_us)
{
    pthread_mutex_lock(&p->lock);
    p->lane_us[lane] = watermark_us;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < DG_LANES_MAX; i++) {
        least = p->lane_us[i] < least ? p->lane_us[i] : least;
    }
    const int64_t last = p->n == 0 ? INT64_MIN : p->at[(p->n - 1) % RUN_PASSED].watermark_us;
    if (least < last) {
        p->n = 0;
    }
    if (least != last && least != INT64_MIN) {
        p->at[p->n % RUN_PASSED].watermark_us = least;
        p->at[p->n++ % RUN_PASSED].at_us = dg_steady_us();
    }
    pthread_mutex_unlock(&p->lock);
}

static void note_watermarks(struct run_lane *l)
{
    for (size_t i = 0; i < l->g->n; i++) {
        struct run_monitor *m = &l->g->monitor[i];
        struct least at = {.stream = m->stream,
                           .out_of_order_us = m->loaded.monitor->out_of_order_us,
                           .watermark_us = INT64_MAX};
        dg_lane_views(l->lane, collect_watermark, &at);
        note_watermark(&m->passed, l->index, at.watermark_us);
    }
}

/* -- committing -- */

static void after_commit(struct run_lane *l)
{
    l->committed_us = dg_steady_us();
    l->wanted = false;
    l->retry = (struct run_backoff){0};
    if (l->blocked) {
        l->blocked = false;
        run_set_paused(l, false);
    }
    publish(l);
    note_watermarks(l);
    run_judge_wake(&l->run->judge);
    run_tell(l);
}

static int commit_once(struct run_lane *l, int flush_ms, struct dg_error *err)
{
    const int rc = flush_letters(l, flush_ms, err);
    if (rc != 0) {
        dg_log_limited(DG_LOG_WARNING, "blocked", "dead letters", "%s: dead letters: %s", l->name,
                       err->message);
        return rc;
    }
    return dg_lane_commit(l->lane, l->ledger, err);
}

static void commit_failed(struct run_lane *l, int rc, const struct dg_error *err)
{
    if (rc == EAGAIN) {
        if (!l->blocked) {
            l->blocked = true;
            l->retry = (struct run_backoff){0};
            run_set_paused(l, true);
        }
        run_backoff_next(&l->retry);
    } else if (rc == ESTALE || rc == EIDRM) {
        dg_log(DG_LOG_WARNING, "fenced", "%s: %s; reading again from the last commit", l->name,
               err->message);
        run_retake(l);
        l->retry.until_us = dg_steady_us() + (int64_t)arc4random_uniform(FENCE_US);
        if (rc == EIDRM) {
            run_reopen(l->run, err);
        }
    } else {
        dg_log_limited(DG_LOG_ERROR, "failed", l->name, "%s: cannot commit: %s", l->name,
                       err->message);
        l->retry.wait_us = 5 * DG_US_PER_S;
        run_retake(l);
    }
}

static bool is_due(const struct run_lane *l)
{
    if (l->blocked) {
        return run_backoff_over(&l->retry);
    }
    return dg_lane_dirty(l->lane) &&
           (l->wanted || dg_lane_full(l->lane) ||
            dg_steady_us() - l->committed_us >= l->g->settings.commit_interval_us);
}

/* Positions that nothing is added to are in no commit: they are looked at once in a while, so that
 * a database that lost what stood there is noticed. */
static void look_at_ledger(struct run_lane *l)
{
    struct dg_error err = {0};
    const int64_t every_us = l->g->settings.commit_interval_us;
    const int64_t now_us = dg_steady_us();
    if (l->blocked || now_us - l->checked_us < (every_us < LOOK_US ? LOOK_US : every_us)) {
        return;
    }
    l->checked_us = now_us;
    const int rc = dg_lane_check(l->lane, l->ledger, &err);
    if (rc != 0 && rc != EAGAIN) {
        commit_failed(l, rc, &err);
    }
}

void run_commit_due(struct run_lane *l)
{
    struct dg_error err = {0};
    if (!is_due(l)) {
        look_at_ledger(l);
        return;
    }
    const int rc = commit_once(l, FLUSH_MS, &err);
    if (rc == 0) {
        after_commit(l);
    } else {
        commit_failed(l, rc, &err);
    }
}

void run_commit_last(struct run_lane *l, int64_t limit_us)
{
    struct dg_error err = {0};
    const int64_t until_us = dg_steady_us() + limit_us;
    int rc = dg_lane_dirty(l->lane) || l->blocked ? EAGAIN : 0;
    while (rc == EAGAIN) {
        rc = commit_once(l, FLUSH_MS, &err);
        if (rc == 0) {
            after_commit(l);
        }
        if (rc != EAGAIN || dg_steady_us() >= until_us) {
            break;
        }
        dg_board_beat(l->run->board, l->name);
        struct run_thread never = {0};
        run_pause(&never, 200000);
    }
    if (rc != 0) {
        dg_log(DG_LOG_WARNING, rc == ESTALE ? "fenced" : "dropped",
               "%s: what was not committed is dropped and will be read again: %s", l->name,
               err.message);
    }
    for (size_t i = 0; i < l->g->n; i++) { /* they are no longer ours to wait for */
        note_watermark(&l->g->monitor[i].passed, l->index, INT64_MAX);
    }
}

/* -- idle partitions -- */

void run_restart_idle(struct run_lane *l)
{
    for (size_t i = 0; i < l->n_places; i++) {
        l->place[i].end_since_us = -1;
        l->place[i].check_us = 0;
    }
}

int64_t run_idle_after(const struct run_lane *l, const struct run_place *p)
{
    int64_t us = 0;
    for (size_t i = 0; i < p->n_readers && !l->run->options.until_end; i++) {
        const int64_t own = p->reader[i]->loaded.monitor->source.idle_after_us;
        us = own > us ? own : us;
    }
    return us;
}

/* What the broker says about the end of a partition; high < 0: nothing. */
static void check_place(struct run_lane *l, struct run_place *p, int64_t high, int64_t now_us)
{
    p->check_us = now_us + CHECK_US;
    if (high < 0) {
        p->end_since_us = -1; /* no evidence */
        return;
    }
    p->high = high;
    if (high > p->end_offset) {
        p->end_since_us = -1;
        return;
    }
    if (p->end_since_us < 0) {
        p->end_since_us = now_us;
    }
    const int64_t wait_us = run_idle_after(l, p);
    if (now_us - p->end_since_us >= wait_us) {
        p->idle = true;
        dg_lane_idle(l->lane, &p->place, true);
    } else {
        p->check_us = p->end_since_us + wait_us;
    }
}

/* Asking waits behind a fetch, up to its fetch.wait.max.ms: one question for all that are due. */
static void check_places(struct run_lane *l, int64_t now_us)
{
    struct dg_error err = {0};
    struct dg_topic_partition *place = calloc(l->n_places + 1, sizeof *place);
    struct run_place **due = calloc(l->n_places + 1, sizeof *due);
    int64_t *high = calloc(l->n_places + 1, sizeof *high);
    size_t n = 0;
    for (size_t i = 0; place != NULL && due != NULL && high != NULL && i < l->n_places; i++) {
        struct run_place *p = &l->place[i];
        if (!p->failed && p->at_end && !p->idle && now_us >= p->check_us) {
            place[n] = p->place;
            due[n++] = p;
        }
    }
    if (n > 0) {
        const bool told = dg_kafka_ends(l->member, place, n, ASK_MS, high, &err) == 0;
        for (size_t i = 0; i < n; i++) {
            /* One that is not there spoils the question for all. */
            if (!told &&
                (n == 1 || dg_kafka_ends(l->member, &place[i], 1, ASK_MS, &high[i], &err) != 0)) {
                high[i] = -1;
            }
            check_place(l, due[i], high[i], now_us);
        }
    }
    free(place);
    free(due);
    free(high);
}

static bool all_idle(const struct run_lane *l)
{
    for (size_t i = 0; i < l->n_places; i++) {
        if (!l->place[i].failed && !l->place[i].idle) {
            return false;
        }
    }
    return true;
}

/* With --until-end everybody is at the end soon: they are asked about together, and what was
 * counted is committed once. Nobody is waited for for long. */
static bool check_is_due(const struct run_lane *l, int64_t now_us)
{
    bool due = false, overdue = !l->run->options.until_end, waits = false;
    for (size_t i = 0; i < l->n_places; i++) {
        const struct run_place *p = &l->place[i];
        const bool asks = !p->failed && p->at_end && !p->idle;
        due |= asks && now_us >= p->check_us;
        overdue |= asks && now_us >= p->check_us + CHECK_US;
        waits |= !p->failed && !p->at_end && !p->gone;
    }
    return due && (overdue || !waits);
}

void run_check_idle(struct run_lane *l)
{
    const int64_t now_us = dg_steady_us();
    if (l->paused || l->blocked || l->held || !check_is_due(l, now_us)) {
        return;
    }
    check_places(l, now_us);
    l->wanted |= l->run->options.until_end && all_idle(l);
}

/* -- to the board -- */

struct views {
    struct run_lane *l;
    struct dg_board_partition *at;
    size_t n, cap;
};

static void collect_view(void *arg, const struct dg_lane_view *v)
{
    struct views *views = arg;
    const struct run_monitor *m = run_monitor_of(views->l->g, v->stream);
    const struct run_place *p = run_place_of(views->l, &v->place);
    if (m != NULL && p != NULL && views->n < views->cap) {
        views->at[views->n++] = (struct dg_board_partition){
            .monitor = m->loaded.monitor->name, .view = *v, .high = p->high};
    }
}

static void collect_high(void *arg, const struct dg_kafka_view *v)
{
    struct run_place *p = run_place_of(arg, &v->place);
    if (p != NULL && v->high > p->high) {
        p->high = v->high;
    }
}

static void tell_partitions(struct run_lane *l)
{
    struct views views = {.l = l, .cap = l->n_places * l->g->n};
    views.at = calloc(views.cap + 1, sizeof *views.at);
    if (views.at == NULL) {
        return;
    }
    if (l->member != NULL) {
        dg_kafka_views(l->member, collect_high, l);
    }
    dg_lane_views(l->lane, collect_view, &views);
    dg_board_partitions(l->run->board, l->index, views.at, views.n);
    free(views.at);
    uint64_t records = 0;
    for (size_t i = 0; i < l->g->n; i++) {
        struct dg_admission_totals totals = {0};
        dg_lane_totals(l->lane, l->g->monitor[i].stream, &totals);
        records += totals.records;
        dg_board_totals(l->run->board, l->index, l->g->monitor[i].loaded.monitor->name, &totals);
    }
    dg_board_add(l->run->board, DG_COUNT_RECORDS, records - l->records_told);
    l->records_told = records;
    dg_board_add(l->run->board, DG_COUNT_REREAD, dg_lane_dropped(l->lane) - l->dropped_told);
    l->dropped_told = dg_lane_dropped(l->lane);
}

/* How this lane's side of the broker is, in words. */
static enum dg_part_state broker_state(const struct run_lane *l, const char **words)
{
    *words = "";
    if (l->member == NULL) {
        *words = l->broker_words.message;
        return (*words)[0] == '\0' ? DG_STATE_STARTING : DG_STATE_FAILED;
    }
    const struct run_place *gone = NULL;
    for (size_t i = 0; i < l->n_places; i++) {
        if (l->place[i].failed) {
            *words = l->place[i].why.message;
            return DG_STATE_FAILED;
        }
        gone = l->place[i].gone ? &l->place[i] : gone;
    }
    switch (dg_kafka_member_health(l->member)) {
    case DG_KAFKA_CONNECTING:
        *words = "connecting";
        return DG_STATE_STARTING;
    case DG_KAFKA_DOWN:
        *words = dg_kafka_member_words(l->member);
        return DG_STATE_BLOCKED;
    case DG_KAFKA_UP:
        break;
    }
    if (l->letters_full) {
        *words = "the queue of dead letters is full";
        return DG_STATE_BLOCKED;
    }
    if (gone != NULL) {
        *words = gone->why.message;
        return DG_STATE_BLOCKED;
    }
    if (l->phase == RUN_TAKE && l->retry.wait_us != 0 && l->broker_words.message[0] != '\0') {
        *words = l->broker_words.message;
        return DG_STATE_BLOCKED;
    }
    return DG_STATE_OK;
}

void run_tell(struct run_lane *l)
{
    const char *words = "";
    const enum dg_part_state state = broker_state(l, &words);
    if (state == DG_STATE_OK) {
        l->broker_words.message[0] = '\0';
    }
    if (state != l->broker_said) {
        if (state == DG_STATE_BLOCKED) {
            dg_log(DG_LOG_WARNING, "blocked", "%s: %s", l->name, words);
        } else if (state == DG_STATE_OK && l->broker_said != DG_STATE_STARTING) {
            dg_log(DG_LOG_INFO, "resumed", "%s: the broker is back", l->name);
        }
        l->broker_said = state;
    }
    dg_board_state(l->run->board, DG_PART_BROKER, l->name, state, "%s", words);
    tell_partitions(l);
    dg_board_lane(l->run->board, l->index, l->phase == RUN_COUNT, l->n_places,
                  dg_lane_bytes(l->lane));
    l->told_us = dg_steady_us();
}
