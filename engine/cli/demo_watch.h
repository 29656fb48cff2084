/* engine/cli/demo_watch.h -- the demo's results, a line per window as it appears in PostgreSQL. */
#ifndef DG_ENGINE_CLI_DEMO_WATCH_H
#define DG_ENGINE_CLI_DEMO_WATCH_H

#include "engine/error.h"
#include "engine/terminal.h"

#include <stdint.h>

struct dg_demo_watch {
    struct dg_pg *pg;
    struct dg_terminal look;
    int64_t seen_us; /* end of the newest window that was printed; 0: none */
    uint64_t windows, alarms;
};

DG_MUST_CHECK int dg_demo_watch_open(struct dg_demo_watch *w, const char *target, bool no_color,
                                     struct dg_error *err);
void dg_demo_watch_close(struct dg_demo_watch *w);
/* Print the windows that are new, `seconds` after the start. */
DG_MUST_CHECK int dg_demo_watch_look(struct dg_demo_watch *w, double seconds, struct dg_error *err);
/* Print what drifted since when. */
DG_MUST_CHECK int dg_demo_watch_verdict(struct dg_demo_watch *w, struct dg_error *err);

#endif
