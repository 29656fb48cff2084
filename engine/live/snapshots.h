/* engine/live/snapshots.h -- copies of an evaluator's memory as it was after earlier windows, so
 * that it can go back; the oldest, the base, is what a stream's checkpoint holds. */
#ifndef DG_ENGINE_LIVE_SNAPSHOTS_H
#define DG_ENGINE_LIVE_SNAPSHOTS_H

#include "engine/evaluator.h"
#include "stats/bytes.h"

/* A few bytes per series that is not calm: at 20,000 series that all drift some 0.5 MB each. */
#define DG_SNAPSHOTS_MAX 24

struct dg_snapshot {
    int64_t reach_us;  /* dg_evaluator_reach */
    int64_t needed_us; /* dg_evaluator_needed_from */
    struct dg_bytes memory;
};

/* Zeroed = none. */
struct dg_snapshots {
    struct dg_snapshot at[DG_SNAPSHOTS_MAX]; /* [n] ascending by reach_us; [0] is the base */
    size_t n;
};

void dg_snapshots_deinit(struct dg_snapshots *s);
/* Copy the evaluator as it is now; it has judged what the newest copy had, and more. Where there is
 * no room one of those between goes: those close to another, in terms of how far they lie back. */
DG_MUST_CHECK int dg_snapshots_take(struct dg_snapshots *s, const struct dg_evaluator *e,
                                    struct dg_error *err);
/* Index of the newest copy that nothing notices which is added to panes from pane_us on; 0 if there
 * is none. */
size_t dg_snapshots_before(const struct dg_snapshots *s, int64_t pane_us);
/* Put the evaluator back to copy i; those after it are forgotten. */
DG_MUST_CHECK int dg_snapshots_back(struct dg_snapshots *s, size_t i, struct dg_evaluator *e,
                                    struct dg_error *err);
/* Nothing will be added before settled_us: the newest copy that lies so far back is the base.
 * Returns whether that is another than before. */
bool dg_snapshots_settle(struct dg_snapshots *s, int64_t settled_us);
size_t dg_snapshots_bytes(const struct dg_snapshots *s);

/* What a judge needs to go on in another process. */
struct dg_checkpoint {
    int64_t settled_us;    /* INT64_MIN: nothing is */
    int64_t first_us;      /* where the first windows begin; DG_TIME_NONE: not fixed yet */
    const uint8_t *memory; /* [n] dg_evaluator_save */
    size_t n;
};

/* Appends. Versioned, with a checksum. */
void dg_checkpoint_encode(const struct dg_checkpoint *c, struct dg_bytes *out);
/* c->memory points into `bytes`. EBADMSG: no checkpoint, damaged, or of another version; of the
 * latter settled_us is told even so, else it is INT64_MIN. */
DG_MUST_CHECK int dg_checkpoint_decode(const uint8_t bytes[], size_t n, struct dg_checkpoint *c,
                                       struct dg_error *err);

#endif
