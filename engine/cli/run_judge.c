/* The thread that opens a generation's streams and judges them. */
#include "connectors/clock.h"
#include "engine/cli/run.h"
#include "engine/live/judge.h"
#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WHO      "judge"
#define SLICE_US INT64_C(500000)  /* of waiting, between two beats */
#define LAST_US  INT64_C(5000000) /* for the last run of all streams */
#define SEEN_MAX 256              /* windows of one run whose times are told */

/* A stream that is judged, and the windows that its run has given so far. */
struct seat {
    struct dg_sink sink; /* is given what the ledger is given */
    struct run_judge *owner;
    struct run_monitor *m;
    struct dg_judge *judge;
    struct run_backoff retry;
    struct dg_window_id window;
    uint64_t rows;
    uint32_t n_series, n_drift, n_warn;
    enum dg_severity severity;
    int64_t newest_end_us; /* of all windows told so far */
    int64_t seen_us[SEEN_MAX];
    size_t n_seen;
    struct dg_judge_report told; /* what of this run the board knows already */
    bool silent_leader;
    bool gone; /* the ledger lacks the stream */
    bool away; /* the ledger could not be asked */
};

struct judge {
    struct run_judge *j;
    struct dg_ledger *ledger;
    struct seat *seat; /* [n] */
    size_t n;
};

/* -- windows, as they are judged -- */

static struct seat *seat_of(struct dg_sink *sink)
{
    return (struct seat *)sink;
}

static int watch_open(struct dg_sink *self, const struct dg_run_info *run, struct dg_error *err)
{
    (void)self, (void)run, (void)err;
    return 0;
}

static int watch_begin(struct dg_sink *self, const struct dg_window_id *w, struct dg_error *err)
{
    struct seat *s = seat_of(self);
    (void)err;
    dg_board_beat(s->owner->run->board, WHO);
    s->window = *w;
    s->rows = 0;
    s->n_series = s->n_drift = s->n_warn = 0;
    s->severity = DG_OK;
    return 0;
}

static int watch_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    struct seat *s = seat_of(self);
    (void)err;
    s->n_series++;
    s->n_drift += row->status == DG_STATUS_DRIFT;
    s->n_warn += row->status == DG_STATUS_WARN;
    s->severity = row->severity > s->severity ? row->severity : s->severity;
    return 0;
}

static int watch_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct seat *s = seat_of(self);
    (void)err;
    if (strcmp(row->slice.segment, "all") == 0) { /* once per version and variant */
        s->rows += row->rows;
    }
    s->severity = row->severity > s->severity ? row->severity : s->severity;
    return 0;
}

static int watch_end(struct dg_sink *self, struct dg_error *err)
{
    struct seat *s = seat_of(self);
    (void)err;
    dg_board_window(s->owner->run->board, s->m->loaded.monitor->name, s->window.size_us,
                    s->window.end_us, s->rows, s->n_series, s->n_drift, s->n_warn, s->severity);
    if (s->window.end_us > s->newest_end_us && s->n_seen < SEEN_MAX) {
        s->seen_us[s->n_seen++] = s->window.end_us;
    }
    return 0;
}

static int watch_finish(struct dg_sink *self, const struct dg_run_totals *totals,
                        struct dg_error *err)
{
    (void)self, (void)totals, (void)err;
    return 0;
}

static void watch_close(struct dg_sink *self)
{
    (void)self;
}

static const struct dg_sink_ops watch_ops = {.name = "watch",
                                             .open = watch_open,
                                             .window_begin = watch_begin,
                                             .series = watch_series,
                                             .slice = watch_slice,
                                             .window_end = watch_end,
                                             .finish = watch_finish,
                                             .close = watch_close};

/* -- what a run came to -- */

/* When the watermark passed `end_us`; -1: it was not this process that saw it. */
static int64_t passed_at(struct run_passed *p, int64_t end_us)
{
    int64_t at_us = -1;
    pthread_mutex_lock(&p->lock);
    const size_t first = p->n > RUN_PASSED ? p->n - RUN_PASSED : 0;
    for (size_t i = first; i < p->n && at_us < 0; i++) {
        const size_t k = i % RUN_PASSED;
        /* The oldest that is kept says only "at or before": no time. */
        if (p->at[k].watermark_us >= end_us) {
            at_us = i == first && first > 0 ? -2 : p->at[k].at_us;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return at_us;
}

static void tell_times(struct seat *s)
{
    const int64_t now_us = dg_steady_us();
    for (size_t i = 0; i < s->n_seen; i++) {
        const int64_t at_us = passed_at(&s->m->passed, s->seen_us[i]);
        if (at_us >= 0) {
            dg_board_took(s->owner->run->board, DG_TIME_VISIBLE, (double)(now_us - at_us) / 1e6);
        }
        s->newest_end_us = s->seen_us[i] > s->newest_end_us ? s->seen_us[i] : s->newest_end_us;
    }
    s->n_seen = 0;
}

/* The board adds up what it is told: only what is new of this run. */
static void tell_report(struct seat *s, const struct dg_judge_report *r)
{
    struct dg_judge_report fresh = *r;
    fresh.windows -= s->told.windows;
    fresh.again -= s->told.again;
    fresh.rows_written -= s->told.rows_written;
    dg_board_judge(s->owner->run->board, s->m->loaded.monitor->name, s->m->loaded.monitor->hash,
                   &fresh);
    s->told = *r;
    tell_times(s);
}

static int on_progress(void *arg, const struct dg_judge_report *so_far)
{
    struct seat *s = arg;
    struct run_judge *j = s->owner;
    dg_board_beat(j->run->board, WHO);
    tell_report(s, so_far);
    if (j->run->options.until_end) {
        return 0;
    }
    return atomic_load(&j->thread.stop) && dg_steady_us() >= j->limit_us ? 1 : 0;
}

static bool is_gone(void *arg, const struct dg_topic_partition *place)
{
    const struct run_monitor *m = arg;
    size_t which = 0;
    if (!run_reads_topic(m, place->topic, &which)) {
        return true;
    }
    const int n = atomic_load(&m->partitions[which]);
    return n >= 0 && place->partition >= n;
}

static int run_seat(struct seat *s, struct dg_error *err)
{
    struct dg_judge_report report = {0};
    struct run_judge *j = s->owner;
    const int64_t began_us = dg_steady_us();
    s->told = (struct dg_judge_report){0};
    s->n_seen = 0;
    dg_judge_expect(s->judge, atomic_load(&s->m->expected));
    const int rc = dg_judge_run(s->judge, false, &report, err);
    if (rc != 0) {
        s->n_seen = 0;
        return rc;
    }
    tell_report(s, &report);
    if (report.anew) {
        dg_log(DG_LOG_WARNING, "judged_anew",
               "%s: the checkpoint could not be used; every pane that is kept was judged anew",
               s->m->loaded.monitor->name);
    }
    if (report.windows > 0) {
        const double seconds = (double)(dg_steady_us() - began_us) / 1e6;
        dg_board_took(j->run->board, DG_TIME_JUDGE, seconds);
        dg_log(DG_LOG_DEBUG, "judged",
               "%s: %" PRIu64 " windows (%" PRIu64 " again), %" PRIu64 " rows in %.3f s",
               s->m->loaded.monitor->name, report.windows, report.again, report.rows_written,
               seconds);
    }
    if (report.leading != s->silent_leader) {
        s->silent_leader = report.leading;
        dg_log(DG_LOG_INFO, "leading", "%s: %s", s->m->loaded.monitor->name,
               report.leading ? "judged by this process" : "judged by another process");
    }
    return 0;
}

/* True if nothing has to be done again. */
static bool run_one(struct seat *s)
{
    struct dg_error err = {0};
    const int rc = run_seat(s, &err);
    if (rc == 0 || rc == EINTR) {
        s->away = false;
        s->retry = (struct run_backoff){0};
        return rc == 0;
    }
    s->gone = rc == EIDRM;
    s->away = rc == EAGAIN;
    if (s->gone) {
        run_reopen(s->owner->run, &err);
    } else if (rc != EAGAIN && rc != ESTALE) {
        dg_log_limited(DG_LOG_ERROR, "failed", s->m->loaded.monitor->name, "%s: cannot judge: %s",
                       s->m->loaded.monitor->name, err.message);
        s->retry.wait_us = 5 * DG_US_PER_S;
    }
    run_backoff_next(&s->retry);
    return false;
}

/* -- opening -- */

static int open_streams(struct judge *d, struct dg_error *err)
{
    struct run_generation *g = d->j->g;
    for (size_t i = 0; i < g->n; i++) {
        struct run_monitor *m = &g->monitor[i];
        bool replaced = false;
        const int rc = d->ledger->ops->open_stream(d->ledger, &m->key, &m->stream, &replaced, err);
        if (rc != 0) {
            return rc;
        }
        m->opened = true;
        dg_log(DG_LOG_INFO, "stream_opened", "%s: stream %" PRId32 ", configuration %s%s",
               m->key.monitor, m->stream, m->key.config_hash,
               replaced ? "; it replaces the one before, and goes on at its offsets" : "");
    }
    return 0;
}

/* Windows of a stream that is about to end are judged as they are: nothing will be added to them.
 * Before the next one is opened, which ends it in the ledger. */
static void judge_ended(struct judge *d, struct run_monitor *m)
{
    struct dg_error err = {0};
    struct dg_judge *judge = NULL;
    struct dg_judge_report report = {0};
    const struct dg_judge_options options = {.file =
                                                 (const struct dg_baseline *const *)m->loaded.file,
                                             .threads = d->j->g->settings.lanes,
                                             .horizon_us = d->j->g->settings.horizon_us};
    struct run_backoff retry = {0};
    int rc = dg_judge_open(&m->plan, d->ledger, m->stream, &options, &judge, &err);
    for (int lost = 0; judge != NULL && lost < 3; lost += rc == ESTALE) {
        dg_board_beat(d->j->run->board, WHO);
        rc = dg_judge_run(judge, true, &report, &err);
        if (rc != EAGAIN && rc != ESTALE) {
            break;
        }
        run_backoff_next(&retry);
        if (!run_pause(&d->j->thread, retry.wait_us)) {
            break;
        }
    }
    if (rc != 0) {
        dg_board_add(d->j->run->board, DG_COUNT_UNJUDGED, 1);
        dg_log(DG_LOG_WARNING, "stream_ended",
               "%s: the last windows of configuration %s were not judged: %s", m->key.monitor,
               m->key.config_hash, err.message);
    } else if (report.leading) {
        dg_log(DG_LOG_INFO, "stream_ended", "%s: configuration %s judged to its end",
               m->key.monitor, m->key.config_hash);
    } else {
        dg_log(DG_LOG_WARNING, "stream_ended",
               "%s: another process still judges configuration %s, which this one does not run: "
               "its last windows are left to that one; give all processes the same files",
               m->key.monitor, m->key.config_hash);
    }
    if (judge != NULL) {
        dg_judge_close(judge);
    }
}

static void judge_before(struct judge *d, struct run_generation *before)
{
    struct run_generation *g = d->j->g;
    for (size_t i = 0; before != NULL && i < before->n; i++) {
        bool goes_on = !before->monitor[i].opened;
        for (size_t k = 0; k < g->n && !goes_on; k++) {
            goes_on = run_same_stream(&before->monitor[i].key, &g->monitor[k].key);
        }
        if (!goes_on && !atomic_load(&d->j->thread.stop)) {
            judge_ended(d, &before->monitor[i]);
        }
    }
}

/* At the first start: what was changed while no process ran. */
static int judge_recalled(struct judge *d, struct dg_error *err)
{
    struct run_generation *before = NULL;
    const int rc = run_recall(d->j->run, d->j->g, d->ledger, &before, err);
    if (rc != 0) {
        return rc;
    }
    judge_before(d, before);
    run_generation_free(before);
    return 0;
}

static int take_seats(struct judge *d, struct dg_error *err)
{
    struct run_generation *g = d->j->g;
    d->seat = calloc(g->n + 1, sizeof *d->seat);
    if (d->seat == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < g->n; i++) {
        struct seat *s = &d->seat[d->n];
        *s = (struct seat){
            .sink = {&watch_ops}, .owner = d->j, .m = &g->monitor[i], .newest_end_us = INT64_MIN};
        const struct dg_judge_options options = {
            .file = (const struct dg_baseline *const *)s->m->loaded.file,
            .threads = g->settings.lanes,
            .now_us = d->j->run->options.until_end ? NULL : dg_wall_us,
            .horizon_us = g->settings.horizon_us,
            .progress = on_progress,
            .progress_arg = s,
            .watch = &s->sink};
        const int rc =
            dg_judge_open(&s->m->plan, d->ledger, s->m->stream, &options, &s->judge, err);
        if (rc != 0) {
            return rc;
        }
        dg_judge_ask_gone(s->judge, is_gone, s->m);
        d->n++;
    }
    return 0;
}

static int open_ledger(struct judge *d, struct dg_error *err)
{
    dg_board_state(d->j->run->board, DG_PART_LEDGER, WHO, DG_STATE_STARTING, "not asked yet");
    return run_ledger_open(d->j->run, d->j->g, WHO, &d->ledger, err);
}

/* Until `open` has done it; false if the thread is to stop before. */
static bool insist(struct judge *d, int (*open)(struct judge *d, struct dg_error *err))
{
    struct run_backoff retry = {0};
    struct dg_error err = {0};
    for (;;) {
        dg_board_beat(d->j->run->board, WHO);
        const int rc = open(d, &err);
        if (rc == 0) {
            return true;
        }
        if (rc != EAGAIN) {
            dg_log_limited(DG_LOG_ERROR, "failed", WHO, "cannot open the streams: %s", err.message);
        }
        if (rc != EAGAIN && d->j->run->options.until_end) { /* nobody is there to mend it */
            atomic_store(&d->j->failed, true);
            return false;
        }
        run_backoff_next(&retry);
        if (!run_pause(&d->j->thread, retry.wait_us)) {
            return false;
        }
    }
}

/* -- the thread -- */

/* Until the interval is over or a lane has committed. */
static void wait_for_news(struct run_judge *j)
{
    const int64_t until_us = dg_steady_us() + j->g->settings.judge_interval_us;
    pthread_mutex_lock(&j->lock);
    while (!j->fresh && !atomic_load(&j->thread.stop) && dg_steady_us() < until_us) {
        const int64_t left_us = until_us - dg_steady_us();
        const int64_t slice_us = left_us < SLICE_US ? left_us : SLICE_US;
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        const int64_t ns = at.tv_nsec + (slice_us < 0 ? 0 : slice_us) * 1000;
        at.tv_sec += ns / 1000000000;
        at.tv_nsec = ns % 1000000000;
        pthread_cond_timedwait(&j->news, &j->lock, &at);
        dg_board_beat(j->run->board, WHO);
    }
    j->fresh = false;
    pthread_mutex_unlock(&j->lock);
}

void run_judge_wake(struct run_judge *j)
{
    pthread_mutex_lock(&j->lock);
    j->fresh = true;
    pthread_cond_signal(&j->news);
    pthread_mutex_unlock(&j->lock);
}

static void run_all(struct judge *d)
{
    for (size_t i = 0; i < d->n && !atomic_load(&d->j->thread.stop); i++) {
        dg_board_beat(d->j->run->board, WHO);
        if (run_backoff_over(&d->seat[i].retry)) {
            (void)run_one(&d->seat[i]);
        }
    }
}

/* What lanes committed last is judged before the end. */
static void run_last(struct judge *d)
{
    const bool patient = d->j->run->options.until_end;
    const int64_t until_us = dg_steady_us() + LAST_US;
    d->j->limit_us = until_us;
    for (size_t i = 0; i < d->n; i++) {
        struct seat *s = &d->seat[i];
        /* A ledger that is away is not waited for, and who is far behind does not begin with all
         * the others when time is up: the next start judges the same. */
        const bool in_time = patient || (!s->away && dg_steady_us() < until_us);
        bool done = in_time && run_one(s);
        for (int tries = 0;
             !done && !s->gone &&
             (patient ? tries < 30 : !s->away && dg_steady_us() < until_us && tries < 2);
             tries++) {
            dg_board_beat(d->j->run->board, WHO);
            struct run_thread never = {0};
            run_pause(&never, s->retry.wait_us);
            done = run_one(s);
        }
        if (!done) {
            atomic_store(&d->j->failed, true);
        }
    }
}

static void release(struct judge *d)
{
    for (size_t i = 0; i < d->n; i++) {
        dg_judge_close(d->seat[i].judge);
    }
    free(d->seat);
    if (d->ledger != NULL) {
        d->ledger->ops->close(d->ledger);
    }
    dg_board_forget(d->j->run->board, WHO);
}

static void *run_thread(void *arg)
{
    struct run_judge *j = arg;
    struct judge d = {.j = j};
    struct dg_error err = {0};
    j->limit_us = 0;
    bool there = insist(&d, open_ledger);
    if (there) {
        judge_before(&d, j->before);
    }
    if (there && !j->recalled) {
        there = insist(&d, judge_recalled);
        j->recalled = there;
    }
    if (there && insist(&d, open_streams)) {
        const int rc = take_seats(&d, &err);
        if (rc != 0) {
            dg_log(DG_LOG_ERROR, "failed", "cannot judge: %s", err.message);
            atomic_store(&j->failed, true);
        }
        atomic_store(&j->opened, true);
        while (!atomic_load(&j->thread.stop)) {
            wait_for_news(j);
            run_all(&d);
        }
        run_last(&d);
    }
    release(&d);
    atomic_store(&j->thread.done, true);
    return NULL;
}

int run_judge_start(struct run_judge *j, struct dg_error *err)
{
    atomic_store(&j->thread.stop, false);
    atomic_store(&j->thread.done, false);
    atomic_store(&j->opened, false);
    atomic_store(&j->failed, false);
    j->fresh = false;
    const int rc = pthread_create(&j->thread.id, NULL, run_thread, j);
    if (rc != 0) {
        return dg_fail(err, rc, "cannot start a thread: %s", strerror(rc));
    }
    j->thread.started = true;
    return 0;
}
