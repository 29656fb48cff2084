/* engine/replay.h -- the pipeline over a finite source: poll, decode, admit, count, evaluate, give.
 *
 * Lanes decode and count in parallel; only admission, which is cheap, goes one chunk at a time in
 * the order of polling. Counts merge exactly, so the rows do not depend on the number of lanes. */
#ifndef DG_ENGINE_REPLAY_H
#define DG_ENGINE_REPLAY_H

#include "engine/admission.h"
#include "engine/evaluator.h"
#include "engine/source.h"

struct dg_replay_progress {
    uint64_t bytes_done, bytes_total; /* total 0: unknown */
    uint64_t records, bad;
    int64_t event_time_us; /* newest; DG_TIME_NONE before the first */
    uint64_t windows;
};

struct dg_replay_options {
    uint32_t lanes;      /* 1 .. 64 */
    size_t memory_bytes; /* open panes are written out early above this; 0: 256 MiB */
    /* Called now and then from one lane at a time, and once at the end. Non-zero stops the replay
     * (EINTR). */
    int (*progress)(void *arg, const struct dg_replay_progress *p);
    void *progress_arg;
};

/*
 * Replay the source to its end. The evaluator may be NULL: then panes are only gathered in the
 * store (a baseline is built so). On success *totals and *examples (of bad records; capacity
 * DG_EXAMPLES_MAX) are filled in. Errors: the source's and sink's own, ENOMEM, EINTR.
 */
struct dg_replay_result {
    struct dg_admission_totals totals;
    struct dg_bad_example example[DG_EXAMPLES_MAX];
    size_t n_examples;
    uint64_t bytes;
};
DG_MUST_CHECK int dg_replay(struct dg_plan *plan, struct dg_source *source, struct dg_store *store,
                            struct dg_evaluator *evaluator, const struct dg_replay_options *options,
                            struct dg_replay_result *result, struct dg_error *err);

#endif
