/* engine/cli/ask.h -- what status and top share: whom to ask, and how numbers are shown. */
#ifndef DG_ENGINE_CLI_ASK_H
#define DG_ENGINE_CLI_ASK_H

#include "connectors/status_client.h"
#include "connectors/text_grid.h"
#include "engine/cli/options.h"

/* What the columns that `status` and `top` share mean, for their help. */
#define DG_ASK_COLUMNS                                                                             \
    "STATE is the worst of the newest windows: ok, warn or critical; waiting: no window is due "   \
    "yet; elsewhere: another process of the group judges this monitor. LAG: records that are "     \
    "there and not counted yet. EVENTS/S: counted, on average over the last 10 seconds. BEHIND: "  \
    "how far the newest event time that all partitions have passed lies behind the clock. "        \
    "DRIFTED: series that drift in the newest window of each size, of all. BAD: records that "     \
    "could not be read, since the start."

/* First in the settings of both commands. */
struct dg_ask {
    const char *url, *token_file;
};
#define DG_ASK_OPTIONS                                                                             \
    {.name = "url",                                                                                \
     .kind = DG_OPTION_TEXT,                                                                       \
     .value = "URL",                                                                               \
     .doc = "where the daemon listens; default: $DRIFTGAUGE_URL, then " DG_STATUS_URL,             \
     .offset = offsetof(struct dg_ask, url)},                                                      \
    {                                                                                              \
        .name = "token-file", .kind = DG_OPTION_TEXT, .value = "FILE",                             \
        .complete = DG_COMPLETE_FILE, .doc = "file whose first line is the daemon's bearer token", \
        .offset = offsetof(struct dg_ask, token_file)                                              \
    }

/* The request that the options stand for. */
struct dg_status_request dg_ask_request(const struct dg_ask *ask, long timeout_ms);
/* The exit code for a failure of asking, after a message. */
int dg_ask_exit(int code, const struct dg_error *err);

#define DG_SHOWN_MAX 48
/* "12", "34.1k", "2.05M"; "-" if below 0 or NAN. */
char *dg_show_count(double n, char buf[DG_SHOWN_MAX]);
/* "3s", "4m10s", "2h5m", "9d3h"; "-" if NAN. */
char *dg_show_age(double seconds, char buf[DG_SHOWN_MAX]);
/* "3/24", for windows of several sizes "1h 3/24, 1d 0/24", drifted of all series; "-" without. */
void dg_show_drift(const struct dg_status_monitor *m, char *buf, size_t size);
/* Series that drifted, over the newest windows of all sizes. */
int64_t dg_drifted(const struct dg_status_monitor *m);
/* How a state or severity is coloured. */
enum dg_ink dg_state_ink(const char *state);
/* A monitor's verdict: its severity, "elsewhere" where another process judges it, "waiting". */
const char *dg_monitor_state(const struct dg_status_monitor *m);

/* What is wrong, a line for each part that is not ok, then the summary of the process; written by
 * both. */
void dg_show_parts(const struct dg_status *s, bool colors, FILE *out);
void dg_show_head(const struct dg_status *s, bool colors, FILE *out);

#endif
