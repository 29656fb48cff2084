#include "engine/live/board_view.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALIVE_US (60 * DG_SECOND_US)

static const char *const part_names[DG_PARTS] = {"broker", "ledger", "registry", "config"};
static const char *const state_names[] = {"starting", "ok", "blocked", "failed"};
static const char *const overall_names[] = {"ready", "starting", "blocked", "failed"};

const char *dg_part_name(enum dg_part part)
{
    DG_ASSERT(part < DG_PARTS);
    return part_names[part];
}

const char *dg_part_state_name(enum dg_part_state s)
{
    DG_ASSERT(s <= DG_STATE_FAILED);
    return state_names[s];
}

const char *dg_overall_name(enum dg_overall o)
{
    return overall_names[o];
}

/* -- clocks -- */

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * DG_SECOND_US + t.tv_nsec / 1000;
}

static int64_t system_now(void *arg)
{
    (void)arg;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_steady(void *arg)
{
    (void)arg;
    return read_clock(CLOCK_MONOTONIC);
}

/* -- life -- */

int dg_board_open(struct dg_board **out, struct dg_error *err)
{
    struct dg_board *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return dg_fail_memory(err);
    }
    b->lock = malloc(sizeof *b->lock);
    if (b->lock == NULL || pthread_mutex_init(b->lock, NULL) != 0) {
        free(b->lock);
        free(b);
        return dg_fail_memory(err);
    }
    b->reloaded_us = DG_TIME_NONE;
    b->overall = DG_OVERALL_STARTING;
    dg_board_set_clock(b, &(struct dg_board_clock){system_now, system_steady, NULL});
    *out = b;
    return 0;
}

void dg_board_set_clock(struct dg_board *b, const struct dg_board_clock *clock)
{
    b->clock = *clock;
    b->started_us = b->overall_since_us = dg_board_now(b);
    dg_board_refresh(b);
}

void dg_board_close(struct dg_board *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->n_monitors; i++) {
        dg_board_free_watched(b->monitor[i]);
    }
    for (size_t i = 0; i < DG_BOARD_LANES_MAX; i++) {
        dg_board_free_claim(&b->claim[i]);
    }
    free(b->monitor);
    free(b->config);
    free(b->group);
    pthread_mutex_destroy(b->lock);
    free(b->lock);
    free(b);
}

void dg_board_about(struct dg_board *b, const char *config, const char *group)
{
    char *path = config != NULL ? strdup(config) : NULL;
    char *name = strdup(group);
    pthread_mutex_lock(b->lock);
    char *old_path = b->config, *old_name = b->group;
    b->config = path;
    b->group = name;
    pthread_mutex_unlock(b->lock);
    free(old_path);
    free(old_name);
}

/* -- states -- */

static int badness(enum dg_part_state s)
{
    return s == DG_STATE_OK ? 0 : s == DG_STATE_STARTING ? 1 : s == DG_STATE_BLOCKED ? 2 : 3;
}

const struct dg_board_speech *dg_board_worst(const struct dg_board_speech speech[], size_t n)
{
    const struct dg_board_speech *worst = NULL;
    for (size_t i = 0; i < n; i++) {
        if (worst == NULL || badness(speech[i].state) > badness(worst->state)) {
            worst = &speech[i];
        }
    }
    return worst;
}

/* How a part bears on the whole. */
static enum dg_overall part_overall(enum dg_part part, const struct dg_board_speech *worst)
{
    if (worst == NULL) {
        return part == DG_PART_REGISTRY ? DG_OVERALL_READY : DG_OVERALL_STARTING;
    }
    switch (worst->state) {
    case DG_STATE_OK:
        return DG_OVERALL_READY;
    case DG_STATE_STARTING:
        return part == DG_PART_REGISTRY ? DG_OVERALL_READY : DG_OVERALL_STARTING;
    case DG_STATE_BLOCKED: /* an old configuration runs as well as a new one */
        return part == DG_PART_CONFIG ? DG_OVERALL_READY : DG_OVERALL_BLOCKED;
    case DG_STATE_FAILED:
        break;
    }
    return DG_OVERALL_FAILED;
}

static enum dg_overall lanes_overall(const struct dg_board *b, char words[DG_BOARD_WHY_MAX])
{
    bool any = false;
    for (unsigned i = 0; i < DG_BOARD_LANES_MAX; i++) {
        any |= b->lane[i].known;
        if (b->lane[i].known && !b->lane[i].assigned) {
            snprintf(words, DG_BOARD_WHY_MAX, "lane %u waits for its partitions", i);
            return DG_OVERALL_STARTING;
        }
    }
    if (!any) {
        snprintf(words, DG_BOARD_WHY_MAX, "no lane has started yet");
        return DG_OVERALL_STARTING;
    }
    return DG_OVERALL_READY;
}

static void say_part(enum dg_part part, const struct dg_board_speech *worst,
                     char words[DG_BOARD_WHY_MAX])
{
    if (worst == NULL) {
        snprintf(words, DG_BOARD_WHY_MAX, "%s: not known yet", part_names[part]);
    } else {
        snprintf(words, DG_BOARD_WHY_MAX, "%s %s (%s)%s%s", part_names[part],
                 state_names[worst->state], worst->who, worst->words[0] != '\0' ? ": " : "",
                 worst->words);
    }
}

void dg_board_refresh(struct dg_board *b)
{
    char words[DG_BOARD_WHY_MAX] = "";
    enum dg_overall overall = DG_OVERALL_READY;
    for (int i = 0; i < DG_PARTS; i++) {
        const struct dg_board_speech *worst = dg_board_worst(b->part[i].speech, b->part[i].n);
        const enum dg_overall o = part_overall((enum dg_part)i, worst);
        if (o > overall) {
            overall = o;
            say_part((enum dg_part)i, worst, words);
        }
    }
    if (overall == DG_OVERALL_READY) {
        overall = lanes_overall(b, words);
    }
    memcpy(b->words, words, sizeof b->words);
    if (overall != b->overall) {
        b->overall = overall;
        b->overall_since_us = dg_board_now(b);
    }
}

/* The speaker's place; the last one is shared by those for whom there is no room. */
static struct dg_board_speech *speaker(struct dg_board_part *p, const char *who)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strncmp(p->speech[i].who, who, DG_BOARD_WHO_MAX - 1) == 0) {
            return &p->speech[i];
        }
    }
    if (p->n == DG_BOARD_SPEAKERS_MAX) {
        return &p->speech[p->n - 1];
    }
    struct dg_board_speech *s = &p->speech[p->n++];
    *s = (struct dg_board_speech){.since_us = DG_TIME_NONE};
    snprintf(s->who, sizeof s->who, "%s", who);
    return s;
}

void dg_board_state(struct dg_board *b, enum dg_part part, const char *who, enum dg_part_state s,
                    const char *format, ...)
{
    DG_ASSERT(part < DG_PARTS && s <= DG_STATE_FAILED);
    char words[DG_BOARD_WORDS_MAX] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    pthread_mutex_lock(b->lock);
    struct dg_board_speech *speech = speaker(&b->part[part], who);
    if (speech->since_us == DG_TIME_NONE || speech->state != s) {
        speech->since_us = dg_board_now(b);
    }
    speech->state = s;
    memcpy(speech->words, words, sizeof words);
    dg_board_refresh(b);
    pthread_mutex_unlock(b->lock);
}

void dg_board_forget(struct dg_board *b, const char *who)
{
    pthread_mutex_lock(b->lock);
    for (int i = 0; i < DG_PARTS; i++) {
        struct dg_board_part *p = &b->part[i];
        for (size_t k = 0; k < p->n; k++) {
            if (strncmp(p->speech[k].who, who, DG_BOARD_WHO_MAX - 1) == 0) {
                p->speech[k] = p->speech[--p->n];
            }
        }
    }
    for (size_t k = 0; k < b->n_beats; k++) {
        if (strncmp(b->beat[k].who, who, DG_BOARD_WHO_MAX - 1) == 0) {
            b->beat[k] = b->beat[--b->n_beats];
        }
    }
    dg_board_refresh(b);
    pthread_mutex_unlock(b->lock);
}

bool dg_board_ready(const struct dg_board *b, char *why, size_t n)
{
    pthread_mutex_lock(b->lock);
    const bool ready = b->overall == DG_OVERALL_READY;
    if (!ready) {
        snprintf(why, n, "%s", b->words);
    }
    pthread_mutex_unlock(b->lock);
    return ready;
}

void dg_board_beat(struct dg_board *b, const char *who)
{
    pthread_mutex_lock(b->lock);
    size_t i = 0;
    while (i < b->n_beats && strncmp(b->beat[i].who, who, DG_BOARD_WHO_MAX - 1) != 0) {
        i++;
    }
    if (i == b->n_beats && i < DG_BOARD_SPEAKERS_MAX) {
        snprintf(b->beat[i].who, sizeof b->beat[i].who, "%s", who);
        b->n_beats++;
    }
    if (i < DG_BOARD_SPEAKERS_MAX) {
        b->beat[i].steady_us = dg_board_steady(b);
    }
    pthread_mutex_unlock(b->lock);
}

bool dg_board_alive(const struct dg_board *b, char *why, size_t n)
{
    pthread_mutex_lock(b->lock);
    const int64_t steady_us = dg_board_steady(b);
    bool alive = true;
    for (size_t i = 0; i < b->n_beats && alive; i++) {
        const int64_t silent_us = steady_us - b->beat[i].steady_us;
        alive = silent_us <= ALIVE_US;
        if (!alive) {
            snprintf(why, n, "%s has not moved for %lld s", b->beat[i].who,
                     (long long)(silent_us / DG_SECOND_US));
        }
    }
    pthread_mutex_unlock(b->lock);
    return alive;
}

/* -- counts -- */

void dg_board_add(struct dg_board *b, enum dg_board_count c, uint64_t n)
{
    DG_ASSERT(c < DG_COUNTS);
    pthread_mutex_lock(b->lock);
    b->count[c] += n;
    if (c == DG_COUNT_RELOADS || c == DG_COUNT_RELOAD_FAILURES) {
        b->reload_refused = c == DG_COUNT_RELOAD_FAILURES;
        b->reloaded_us = b->reload_refused ? b->reloaded_us : dg_board_now(b);
    }
    pthread_mutex_unlock(b->lock);
}

uint64_t dg_board_get(const struct dg_board *b, enum dg_board_count c)
{
    DG_ASSERT(c < DG_COUNTS);
    pthread_mutex_lock(b->lock);
    const uint64_t n = b->count[c];
    pthread_mutex_unlock(b->lock);
    return n;
}

static const double commit_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
static const double visible_bounds[] = {0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300, 900, 3600};

const double *dg_board_bounds(enum dg_board_time t, size_t *n)
{
    *n = DG_BOARD_BUCKETS;
    return t == DG_TIME_VISIBLE ? visible_bounds : commit_bounds;
}

void dg_board_took(struct dg_board *b, enum dg_board_time t, double seconds)
{
    DG_ASSERT(t < DG_TIMES);
    size_t n, i = 0;
    const double *bound = dg_board_bounds(t, &n);
    while (i < n && seconds > bound[i]) {
        i++;
    }
    pthread_mutex_lock(b->lock);
    b->took[t].bucket[i]++;
    b->took[t].sum += seconds > 0 ? seconds : 0; /* a clock set back must not shrink a counter */
    pthread_mutex_unlock(b->lock);
}
