/* engine/schedule.h -- which windows are due, in the order in which results are given. */
#ifndef DG_ENGINE_SCHEDULE_H
#define DG_ENGINE_SCHEDULE_H

#include "engine/panes.h"

struct dg_schedule {
    const struct dg_monitor *monitor;
    int64_t *next_end; /* [n_windows] end of the next window of each spec */
    bool *started;     /* [n_windows] one has been given */
};

DG_MUST_CHECK int dg_schedule_init(struct dg_schedule *s, const struct dg_monitor *m,
                                   struct dg_error *err);
void dg_schedule_deinit(struct dg_schedule *s);

/*
 * The next window that is due, by (end, configured order of specs): its spec index, or -1.
 * first_us, newest_us: event times of the data so far. final_us: panes that end at or before it
 * have all their events; INT64_MAX = the input has ended, and then windows up to the slide that
 * holds newest_us are due. The first window of a spec is the first whose span begins with the slide
 * that holds first_us, so that no window starts before the data does.
 */
int dg_schedule_next(struct dg_schedule *s, int64_t first_us, int64_t newest_us, int64_t final_us,
                     int64_t *end_us);

/* Go on with the first window of `spec` whose last slide holds `us`, or comes after it: those
 * between have nothing to say. Never backwards. Returns the number of windows left out. */
uint64_t dg_schedule_skip_to(struct dg_schedule *s, size_t spec, int64_t us);

/* Panes that start before this are needed by no window to come (baselines included). */
int64_t dg_schedule_needed_from(const struct dg_schedule *s);

/* What is added to a pane that starts here or later belongs to no window that has been given or
 * left out so far. INT64_MIN: none has. */
int64_t dg_schedule_reach(const struct dg_schedule *s);

/* Where the schedule stands, and back; decode reads as many windows as the monitor has. EBADMSG:
 * not such bytes, with the schedule as it was. */
struct dg_bytes;
struct dg_reader;
void dg_schedule_encode(const struct dg_schedule *s, struct dg_bytes *out);
DG_MUST_CHECK int dg_schedule_decode(struct dg_schedule *s, struct dg_reader *r,
                                     struct dg_error *err);

#endif
