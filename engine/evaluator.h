/* engine/evaluator.h -- closed windows into result rows. */
#ifndef DG_ENGINE_EVALUATOR_H
#define DG_ENGINE_EVALUATOR_H

#include "engine/schedule.h"
#include "engine/sink.h"
#include "engine/store.h"

struct dg_evaluator_options {
    const struct dg_baseline *const
        *file; /* [monitor->n_baselines]; NULL where the baseline is no file */
    int64_t from_us,
        to_us;        /* only windows that end in (from, to] are given; INT64_MIN, INT64_MAX */
    uint32_t threads; /* that compare series; 0: one. Rows do not depend on it */
};

struct dg_evaluator;

/* Borrows plan, store, sink and options->file. */
DG_MUST_CHECK int dg_evaluator_open(const struct dg_plan *plan, struct dg_store *store,
                                    struct dg_sink *sink,
                                    const struct dg_evaluator_options *options,
                                    struct dg_evaluator **out, struct dg_error *err);
void dg_evaluator_close(struct dg_evaluator *e);

/* How far event time has come; see dg_schedule_next. */
struct dg_progress_of_time {
    int64_t first_us, newest_us, final_us;
};

/* End of the next window that is due, or INT64_MAX: the store must hold every pane before it. */
int64_t dg_evaluator_due(struct dg_evaluator *e, const struct dg_progress_of_time *t);

/* Evaluate every due window in order, give the rows to the sink, let the store forget what no later
 * window needs. */
DG_MUST_CHECK int dg_evaluator_run(struct dg_evaluator *e, const struct dg_progress_of_time *t,
                                   struct dg_error *err);

/* The same for one window: *any = there was one. The store is not told to forget anything; with
 * other windows than run would choose in between, rows are still those of one pass. */
DG_MUST_CHECK int dg_evaluator_step(struct dg_evaluator *e, const struct dg_progress_of_time *t,
                                    bool *any, struct dg_error *err);

/* What is added to a pane that starts here or later changes no window evaluated so far (or left out
 * as silent). INT64_MIN: none was. */
int64_t dg_evaluator_reach(const struct dg_evaluator *e);
/* Panes that start before this are needed by no window to come. INT64_MIN: all are. */
int64_t dg_evaluator_needed_from(const struct dg_evaluator *e);

/*
 * The evaluator's memory of windows past (schedule, rules, silence) as bytes, and back to it, into
 * an evaluator of the same monitor and plan: from there on it evaluates as it would have then.
 * Counters of what was evaluated (windows, severity, left out) are no part of it. save appends, and
 * costs a pass over the rules' memory; equal memories have equal bytes. Groups must keep their
 * numbers. EBADMSG: not such bytes, of another version or of another shape of monitor; ENOMEM; the
 * evaluator is as it was in both cases.
 */
void dg_evaluator_save(const struct dg_evaluator *e, struct dg_bytes *out);
DG_MUST_CHECK int dg_evaluator_restore(struct dg_evaluator *e, const uint8_t bytes[], size_t n,
                                       struct dg_error *err);

/* Silent windows in a row that are given; those beyond are left out, and counted, until rows come
 * again. A log with a wrong clock may span centuries. */
#define DG_SILENT_WINDOWS_MAX 1000
uint64_t dg_evaluator_silent_left_out(const struct dg_evaluator *e);

uint64_t dg_evaluator_windows(const struct dg_evaluator *e, size_t spec); /* evaluated so far */
enum dg_severity dg_evaluator_severity(const struct dg_evaluator *e);     /* worst so far */

#endif
