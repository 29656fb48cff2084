/* The main thread: signals, the watchdog, and the way from one generation to the next. */
#include "connectors/postgres_guard.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/run.h"
#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS      100000000
#define SAME_STOP_US 500000 /* signals this close together are one wish */
#define STATUS_US    INT64_C(1000000)
#define STOP_US      INT64_C(30000000) /* longer than everything that is bounded on the way out */
#define HURRY_US     INT64_C(5500000)  /* from then on nobody waits long for the database */
#define HURRY_MS     1500              /* ... longer than this */

enum phase {
    OPENING,  /* the judge's thread opens the streams */
    RUNNING,  /* lanes count */
    DRAINING, /* lanes commit and end */
    JUDGING,  /* the judge does its last run */
};

struct leader {
    struct run *r;
    enum phase phase;
    struct run_generation *next;   /* loaded and good: takes over after JUDGING; NULL: none */
    struct run_generation *before; /* given to the judge, for its last windows */
    bool stop;
    bool again; /* a reload was asked for */
    bool failed;
    bool reopening; /* the same generation once more, after JUDGING */
    int64_t stop_us, told_us, fed_us, watchdog_us;
    char status[256];
};

/* -- generations -- */

static void announce(struct run *r)
{
    const struct run_generation *g = r->g;
    const char **name = calloc(g->n + 1, sizeof *name);
    for (size_t i = 0; name != NULL && i < g->n; i++) {
        name[i] = g->monitor[i].key.monitor;
    }
    if (name != NULL) {
        dg_board_monitors(r->board, name, g->n);
    }
    free(name);
    dg_board_about(r->board, g->settings.path != NULL ? g->settings.path : r->options.config,
                   g->settings.kafka.group);
    dg_board_state(r->board, DG_PART_CONFIG, "main", DG_STATE_OK, "%s", "");
}

static int start_judge(struct leader *m)
{
    struct dg_error err = {0};
    struct run *r = m->r;
    r->judge.run = r;
    r->judge.g = r->g;
    r->judge.before = m->before;
    announce(r);
    m->phase = OPENING;
    const int rc = run_judge_start(&r->judge, &err);
    if (rc != 0) {
        dg_log(DG_LOG_ERROR, "failed", "%s", err.message);
    }
    return rc;
}

static void start_lanes(struct leader *m)
{
    struct run *r = m->r;
    run_generation_free(m->before); /* its last windows are judged */
    m->before = r->judge.before = NULL;
    for (r->n_lanes = 0; r->n_lanes < r->g->settings.lanes; r->n_lanes++) {
        struct dg_error err = {0};
        if (run_lane_start(r, r->n_lanes, &r->lane[r->n_lanes], &err) != 0) {
            dg_log(DG_LOG_ERROR, "failed", "lane %u: %s; fewer lanes do the same work", r->n_lanes,
                   err.message);
            break;
        }
    }
    dg_board_lanes(r->board, r->n_lanes);
    if (r->n_lanes == 0) {
        m->stop = m->failed = true;
    }
    m->phase = RUNNING;
}

static bool ended(const struct run_thread *t)
{
    return !t->started || atomic_load(&t->done);
}

static void join(struct run_thread *t)
{
    if (t->started) {
        pthread_join(t->id, NULL);
        t->started = false;
    }
}

static void stop_lanes(struct leader *m)
{
    for (uint32_t i = 0; i < m->r->n_lanes; i++) {
        atomic_store(&run_lane_thread(m->r->lane[i])->stop, true);
    }
    m->phase = DRAINING;
}

static bool lanes_ended(struct leader *m)
{
    struct run *r = m->r;
    for (uint32_t i = 0; i < r->n_lanes; i++) {
        if (!ended(run_lane_thread(r->lane[i]))) {
            return false;
        }
    }
    for (uint32_t i = 0; i < r->n_lanes; i++) {
        join(run_lane_thread(r->lane[i]));
        run_lane_free(r->lane[i]);
        r->lane[i] = NULL;
    }
    r->n_lanes = 0;
    return true;
}

static void stop_judge(struct leader *m)
{
    atomic_store(&m->r->judge.thread.stop, true);
    run_judge_wake(&m->r->judge);
    m->phase = JUDGING;
}

/* -- reload -- */

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void load_again(struct leader *m)
{
    struct run *r = m->r;
    struct run_problems problems = {0};
    struct run_generation *g = NULL;
    m->again = false;
    run_notify("RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading the configuration anew",
               dg_steady_us());
    dg_log(DG_LOG_INFO, "reload", "reading the configuration anew");
    if (run_load(&r->options, &problems, &g) != 0) {
        dg_board_add(r->board, DG_COUNT_RELOAD_FAILURES, 1);
        dg_board_state(r->board, DG_PART_CONFIG, "main", DG_STATE_BLOCKED,
                       "the last reload was refused: %s%s", problems.first.message,
                       problems.n > 1 ? " (and more, see the log)" : "");
        dg_log(DG_LOG_ERROR, "reload", "refused: %zu problem%s; the configuration before runs on",
               problems.n, problems.n == 1 ? "" : "s");
        run_notify("READY=1");
        return;
    }
    if (!same(g->settings.http.listen, r->g->settings.http.listen) ||
        !same(g->settings.http.token_file, r->g->settings.http.token_file)) {
        dg_log(DG_LOG_WARNING, "reload", "http: what changed takes effect at the next start");
    }
    run_generation_free(m->next);
    m->next = g;
}

/* The next generation takes over; the one before is kept for its last windows. */
static int take_over(struct leader *m)
{
    m->reopening = false;
    run_generation_free(m->before);
    m->before = m->r->g;
    m->r->g = m->next;
    m->next = NULL;
    dg_board_add(m->r->board, DG_COUNT_RELOADS, 1);
    const int rc = start_judge(m);
    dg_log(DG_LOG_INFO, "reload", "done: %zu monitor%s, %u lane%s", m->r->g->n,
           m->r->g->n == 1 ? "" : "s", m->r->g->settings.lanes,
           m->r->g->settings.lanes == 1 ? "" : "s");
    run_notify("READY=1");
    return rc;
}

void run_reopen(struct run *r, const struct dg_error *why)
{
    if (!atomic_load(&r->ended) && !atomic_exchange(&r->reopen, true)) {
        dg_log(DG_LOG_WARNING, "set_back", "%s; opening the streams again", why->message);
    }
}

/* The configuration stays, the streams get new numbers. */
static int begin_again(struct leader *m)
{
    m->reopening = false;
    return start_judge(m);
}

/* -- signals -- */

static void on_signal(struct leader *m, int signal)
{
    if (signal == SIGHUP) {
        m->again = !m->stop;
        return;
    }
    if (m->stop && dg_steady_us() - m->stop_us < SAME_STOP_US) {
        return; /* timeout(1) and terminals tell the process and its group */
    }
    if (m->stop) {
        dg_log(DG_LOG_WARNING, "stopped",
               "told to stop twice: leaving at once; what was not "
               "committed will be read again");
        _exit(DG_EXIT_INTERRUPTED);
    }
    m->stop = true;
    m->stop_us = dg_steady_us();
    dg_log(DG_LOG_INFO, "stopping", "committing what is counted; once more to leave at once");
    run_notify("STOPPING=1\nSTATUS=committing what is counted");
}

static void wait_for_signal(struct leader *m, const sigset_t *signals)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    const int signal = sigtimedwait(signals, NULL, &tick);
    if (signal > 0) {
        on_signal(m, signal);
    }
}

/* -- systemd -- */

static void tell_systemd(struct leader *m)
{
    const int64_t now_us = dg_steady_us();
    char why[256] = "";
    if (m->watchdog_us > 0 && now_us - m->fed_us >= m->watchdog_us) {
        if (dg_board_alive(m->r->board, why, sizeof why)) {
            run_notify("WATCHDOG=1");
        } else {
            dg_log_limited(DG_LOG_ERROR, "stuck", "stuck", "%s", why);
        }
        m->fed_us = now_us;
    }
    if (now_us - m->told_us < STATUS_US || m->stop) {
        return;
    }
    m->told_us = now_us;
    char status[sizeof m->status];
    if (dg_board_ready(m->r->board, why, sizeof why)) {
        snprintf(status, sizeof status, "counting: %zu monitors, %u lanes", m->r->g->n,
                 m->r->n_lanes);
    } else {
        snprintf(status, sizeof status, "not ready: %.200s", why);
    }
    if (strcmp(status, m->status) != 0) {
        memcpy(m->status, status, sizeof status);
        run_notify("STATUS=%s", status);
    }
}

/* -- from phase to phase -- */

static bool all_at_end(struct leader *m)
{
    bool at_end = m->r->options.until_end;
    for (uint32_t i = 0; i < m->r->n_lanes && at_end; i++) {
        bool failed = false;
        at_end = run_lane_at_end(m->r->lane[i], &failed);
        m->failed |= at_end && failed;
    }
    return at_end;
}

/* True while there is something to do. */
static bool advance(struct leader *m)
{
    struct run *r = m->r;
    switch (m->phase) {
    case OPENING:
        if (m->stop || m->next != NULL || ended(&r->judge.thread)) {
            m->stop |= m->next == NULL;
            stop_judge(m);
        } else if (atomic_load(&r->judge.opened)) {
            start_lanes(m);
        }
        return true;
    case RUNNING:
        m->reopening = atomic_load(&r->reopen);
        if (m->stop || m->next != NULL || m->reopening || all_at_end(m)) {
            m->stop |= m->next == NULL && !m->reopening;
            stop_lanes(m);
        }
        return true;
    case DRAINING:
        if (lanes_ended(m)) {
            stop_judge(m);
        }
        return true;
    case JUDGING:
        break;
    }
    if (!ended(&r->judge.thread)) {
        return true;
    }
    join(&r->judge.thread);
    atomic_store(&r->reopen, false);
    m->failed |= r->options.until_end && !m->reopening && atomic_load(&r->judge.failed);
    if (m->stop || (m->next == NULL && !m->reopening)) {
        return false;
    }
    return (m->next != NULL ? take_over(m) : begin_again(m)) == 0;
}

/* A server that is frozen holds up whoever waits for it: not for ever, and not the way out. */
static void free_the_stuck(const struct leader *m)
{
    if (m->stop && m->stop_us != 0 && dg_steady_us() - m->stop_us > HURRY_US) {
        dg_pg_guard_cut(HURRY_MS);
    } else {
        dg_pg_guard_look();
    }
}

int run_daemon(struct run *r)
{
    struct leader m = {.r = r, .watchdog_us = run_watchdog_us()};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (start_judge(&m) != 0) {
        return DG_EXIT_UNEXPECTED;
    }
    run_notify("READY=1\nSTATUS=starting");
    while (advance(&m)) {
        wait_for_signal(&m, &signals);
        if (m.again) {
            load_again(&m);
        }
        tell_systemd(&m);
        free_the_stuck(&m);
        if (m.stop && m.stop_us != 0 && dg_steady_us() - m.stop_us > STOP_US) {
            dg_log(DG_LOG_ERROR, "stopped",
                   "something does not end: leaving; what was not "
                   "committed will be read again");
            _exit(DG_EXIT_UNEXPECTED);
        }
    }
    run_generation_free(m.before);
    run_generation_free(m.next);
    dg_log(DG_LOG_INFO, "stopped", "%" PRIu64 " records counted, %" PRIu64 " commits",
           dg_board_get(r->board, DG_COUNT_RECORDS), dg_board_get(r->board, DG_COUNT_COMMITS));
    return m.failed ? DG_EXIT_DEPENDENCY : DG_EXIT_OK;
}
