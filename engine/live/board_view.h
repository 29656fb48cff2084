/* engine/live/board_view.h -- what the board holds, and a copy of it at one moment; private to
 * board*.c. */
#ifndef DG_ENGINE_LIVE_BOARD_VIEW_H
#define DG_ENGINE_LIVE_BOARD_VIEW_H

#include "engine/arena.h"
#include "engine/live/board.h"

#include <pthread.h>

#define DG_SECOND_US         INT64_C(1000000)
#define DG_BOARD_WHO_MAX     48
#define DG_BOARD_HASH_MAX    72
#define DG_BOARD_WINDOWS_MAX 32
#define DG_BOARD_SECONDS     60 /* of history */
#define DG_BOARD_RING        64 /* more than that: the second under way */
#define DG_BOARD_BUCKETS     12 /* at most, without +Inf */

/* Worse is larger; the overall states have the names of dg_overall_name. */
enum dg_overall { DG_OVERALL_READY, DG_OVERALL_STARTING, DG_OVERALL_BLOCKED, DG_OVERALL_FAILED };
const char *dg_overall_name(enum dg_overall o);

/* Words of a part, with its name, state and speaker. */
#define DG_BOARD_WHY_MAX (DG_BOARD_WORDS_MAX + DG_BOARD_WHO_MAX + 40)

struct dg_board_speech {
    char who[DG_BOARD_WHO_MAX];
    enum dg_part_state state;
    int64_t since_us;
    char words[DG_BOARD_WORDS_MAX];
};

struct dg_board_part {
    struct dg_board_speech speech[DG_BOARD_SPEAKERS_MAX];
    size_t n;
};

struct dg_board_window {
    int64_t size_us, end_us;
    uint64_t rows;
    uint32_t series, drift, warn;
    enum dg_severity severity;
    bool fresh; /* told since the last word of the judge: a new configuration's, if it is one */
};

/* One value per second of the last minute, in a ring by second of the steady clock. */
struct dg_board_minute {
    double value[DG_BOARD_RING];
    int64_t last; /* second of the newest value; before the first: INT64_MIN */
};

struct dg_board_monitor {
    const char *name;
    struct dg_admission_totals total; /* over lanes and over their lives; only grows */
    struct dg_board_minute records;   /* per second */
    struct dg_board_minute drifted;   /* series, newest windows of all sizes */
    bool judged;                      /* somebody told of a judge */
    char hash[DG_BOARD_HASH_MAX];
    struct dg_judge_report judge;                        /* the last one */
    uint64_t windows, again, rows, unrevised;            /* summed */
    struct dg_board_window window[DG_BOARD_WINDOWS_MAX]; /* ascending by size */
    size_t n_windows;
};

struct dg_board_lane_state {
    bool known, assigned;
    size_t partitions, bytes;
};

/* A partition as one stream sees it. */
struct dg_board_place {
    const char *monitor, *topic;
    uint32_t lane;
    int32_t partition;
    int64_t next, committed, high; /* < 0: unknown */
    int64_t max_us;
    bool idle;
    uint64_t said; /* when, as a running number */
    size_t of;     /* index of the monitor; SIZE_MAX: not one of those run now */
};

struct dg_board_histogram {
    uint64_t bucket[DG_BOARD_BUCKETS + 1]; /* not cumulative; the last is +Inf */
    double sum;
};
/* Upper bounds in seconds of a histogram's buckets, ascending. */
const double *dg_board_bounds(enum dg_board_time t, size_t *n);

/* What one lane said of one monitor. */
struct dg_board_told {
    struct dg_admission_totals totals;
    int64_t steady_us; /* when; 0: never */
};

struct dg_board_watched {
    struct dg_board_monitor shown; /* its name is owned */
    struct dg_board_told lane[DG_BOARD_LANES_MAX];
    uint64_t unrevised; /* what the judge said last */
};

/* A lane's partitions; names lie in `text`, each run of equal ones once. */
struct dg_board_claim {
    struct dg_board_place *place; /* [n] */
    size_t n;
    char *text; /* [text_len] */
    size_t text_len;
};

struct dg_board_beat {
    char who[DG_BOARD_WHO_MAX];
    int64_t steady_us;
};

struct dg_board {
    pthread_mutex_t
        *lock; /* guards all of it; apart, so that readers may take it of a const board */
    struct dg_board_clock clock;
    int64_t started_us;
    char *config, *group;
    int64_t reloaded_us;
    bool reload_refused;
    enum dg_overall overall;
    int64_t overall_since_us;
    char words[DG_BOARD_WHY_MAX];
    struct dg_board_part part[DG_PARTS];
    struct dg_board_lane_state lane[DG_BOARD_LANES_MAX];
    struct dg_board_claim claim[DG_BOARD_LANES_MAX];
    struct dg_board_watched **monitor; /* [n_monitors] */
    size_t n_monitors;
    uint64_t said; /* claims so far */
    uint64_t count[DG_COUNTS];
    struct dg_board_histogram took[DG_TIMES];
    struct dg_board_beat beat[DG_BOARD_SPEAKERS_MAX];
    size_t n_beats;
};

/* The clocks; the caller holds the lock or the only pointer. */
static inline int64_t dg_board_now(const struct dg_board *b)
{
    return b->clock.now_us(b->clock.arg);
}

static inline int64_t dg_board_steady(const struct dg_board *b)
{
    return b->clock.steady_us(b->clock.arg);
}

/* Work out the overall state again. Under the lock, after anything that bears on readiness. */
void dg_board_refresh(struct dg_board *b);
void dg_board_free_claim(struct dg_board_claim *c);
void dg_board_free_watched(struct dg_board_watched *m); /* NULL is fine */

/* All of it at one moment. */
struct dg_board_view {
    struct dg_arena arena;
    int64_t now_us, steady_us, started_us;
    const char *config, *group; /* "" where unknown */
    int64_t reloaded_us;        /* DG_TIME_NONE: never */
    bool reload_refused;        /* the last one */
    enum dg_overall overall;
    int64_t overall_since_us;
    char words[DG_BOARD_WHY_MAX];
    const struct dg_board_speech *part[DG_PARTS]; /* [n_part] */
    size_t n_part[DG_PARTS];
    struct dg_board_lane_state lane[DG_BOARD_LANES_MAX];
    struct dg_board_monitor *monitor; /* [n_monitors] in the order they were named */
    size_t n_monitors;
    struct dg_board_place *place; /* [n_places] by monitor, topic, partition; each once */
    size_t n_places;
    uint64_t count[DG_COUNTS];
    struct dg_board_histogram took[DG_TIMES];
};

/* ENOMEM. The view owns what it holds. */
DG_MUST_CHECK int dg_board_look(const struct dg_board *b, struct dg_board_view *out);
void dg_board_view_deinit(struct dg_board_view *v);

/* The worst that was said of a part; NULL: nobody spoke. */
const struct dg_board_speech *dg_board_worst(const struct dg_board_speech speech[], size_t n);
/* Not "none", nor the open ends that clocks begin and end with. */
static inline bool dg_board_time_known(int64_t us)
{
    return us != DG_TIME_NONE && us > INT64_MIN / 2 && us < INT64_MAX / 2;
}
/* Records between what was counted and the end; -1: unknown. */
int64_t dg_board_lag(const struct dg_board_place *p);
/* value[0 .. DG_BOARD_SECONDS): the last minute's full seconds, oldest first. */
void dg_board_minute_read(const struct dg_board_minute *m, int64_t steady_us, bool level,
                          double value[DG_BOARD_SECONDS]);

#endif
