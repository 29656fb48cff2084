/* engine/cli/top_view.h -- one picture of `driftgauge top`. */
#ifndef DG_ENGINE_CLI_TOP_VIEW_H
#define DG_ENGINE_CLI_TOP_VIEW_H

#include "connectors/status_client.h"

#include <stdio.h>

enum dg_top_sort { DG_TOP_NAME, DG_TOP_EVENTS, DG_TOP_LAG, DG_TOP_DRIFT, DG_TOP_SORTS };
/* "name", "events", "lag", "drift"; NULL-terminated. */
extern const char *const dg_top_sort_words[];

struct dg_top_look {
    int width; /* columns; 0: any */
    bool colors, unicode;
    enum dg_top_sort sort; /* of monitors and partitions: name as given, numbers largest first */
    bool reverse;
    bool partitions; /* their table too */
};

/* Lines of plain text, perhaps with colours. 0 or ENOMEM. */
DG_MUST_CHECK int dg_top_draw(const struct dg_status *s, const struct dg_top_look *look, FILE *out);

#endif
