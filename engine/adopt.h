/* engine/adopt.h -- the columns of a monitor that lists none: taken over from its baseline. */
#ifndef DG_ENGINE_ADOPT_H
#define DG_ENGINE_ADOPT_H

#include "engine/baseline.h"
#include "engine/monitor.h"

/* Replace m's features by the baseline's columns, in the baseline's order. 0 or ENOMEM (m as it
 * was). */
DG_MUST_CHECK int dg_monitor_adopt(struct dg_monitor *m, const struct dg_baseline *b);

#endif
