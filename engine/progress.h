/* engine/progress.h -- how far a long job is, on standard error: a bar on a terminal, lines
 * elsewhere. */
#ifndef DG_ENGINE_PROGRESS_H
#define DG_ENGINE_PROGRESS_H

#include "engine/terminal.h"

#include <pthread.h>

enum dg_progress_mode {
    DG_PROGRESS_AUTO,  /* BAR on a terminal that is not dumb, else LINES */
    DG_PROGRESS_BAR,   /* one line, drawn again at most ten times a second */
    DG_PROGRESS_LINES, /* one line per ten seconds */
    DG_PROGRESS_JSON,  /* one object per second, for programs */
    DG_PROGRESS_OFF
};
/* The words of --progress in that order, NULL-terminated. */
extern const char *const dg_progress_words[];

struct dg_progress_options {
    enum dg_progress_mode mode;
    FILE *stream;                     /* borrowed */
    const char *what;                 /* borrowed: what is being read */
    int64_t (*now_us)(void *context); /* monotonic; never NULL */
    int (*width)(void *context); /* columns; NULL: ask the stream's terminal at each drawing, so
                                    that a changed window is noticed without a signal handler */
    void *context;
};

/* Where the job is. Totals only grow. */
struct dg_progress_sample {
    uint64_t bytes, bytes_total; /* read and in all; total 0 = not known */
    uint64_t rows, bad;
    int64_t event_us; /* event time reached; DG_TIME_NONE: none yet */
};

struct dg_progress {
    struct dg_progress_options options;
    pthread_mutex_t lock; /* the log clears the bar from other threads */
    bool colors, unicode;
    int64_t start_us, last_us; /* of the last drawing */
    uint64_t last_bytes, last_rows;
    double byte_rate, row_rate; /* per second: exponentially weighted over 30 s */
    double weight;              /* of what the two have seen so far, to 1 */
    bool drawn;                 /* a bar is on the screen */
};

/* Start the clock. From now to finish the log clears the bar before it writes. Mode AUTO is decided
 * here; `no_color` as for dg_terminal_of. */
void dg_progress_begin(struct dg_progress *p, const struct dg_progress_options *options,
                       bool no_color);
/* Cheap enough to call per chunk: reads the clock, draws only when due. */
void dg_progress_update(struct dg_progress *p, const struct dg_progress_sample *sample);
/* Remove the bar and print a last line of what was done and how fast. Idempotent. */
void dg_progress_finish(struct dg_progress *p, const struct dg_progress_sample *sample);

/* The present estimates, from 30 s of samples: rows and bytes per second, seconds left (NAN where
 * not known). */
struct dg_progress_rates {
    double rows, bytes, eta;
};
struct dg_progress_rates dg_progress_rates_of(const struct dg_progress *p,
                                              const struct dg_progress_sample *sample);

#endif
