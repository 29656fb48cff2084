/* engine/panes.h -- arithmetic of panes and windows on the event-time axis. */
#ifndef DG_ENGINE_PANES_H
#define DG_ENGINE_PANES_H

#include "engine/monitor.h"

#define DG_WEEK_US (7 * 86400 * DG_US_PER_S)
/* Weeks begin on Monday: 1970-01-05 is one. Spans that are whole weeks are counted from there,
 * all others from 1970-01-01, in UTC. */
#define DG_MONDAY_US (4 * 86400 * DG_US_PER_S)

static inline int64_t dg_span_origin(int64_t span_us)
{
    return span_us % DG_WEEK_US == 0 ? DG_MONDAY_US : 0;
}

/* Largest origin + k * step that is <= t. */
static inline int64_t dg_align_down(int64_t t, int64_t step, int64_t origin)
{
    const int64_t r = (t - origin) % step;
    return t - (r < 0 ? r + step : r);
}

/* The pane width that every window edge of the monitor falls on. */
int64_t dg_pane_width(const struct dg_monitor *m);

#endif
