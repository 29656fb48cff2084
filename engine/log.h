/* engine/log.h -- messages for people on standard error: one line each, leveled, never a flood. */
#ifndef DG_ENGINE_LOG_H
#define DG_ENGINE_LOG_H

#include "stats/base.h"

#include <stdio.h>

enum dg_log_level { DG_LOG_ERROR, DG_LOG_WARNING, DG_LOG_INFO, DG_LOG_DEBUG };
enum dg_log_format {
    DG_LOG_TEXT,   /* driftgauge: warning: words */
    DG_LOG_LOGFMT, /* time=... level=warning event=bad_record message="words" */
    DG_LOG_JSON    /* {"time":"...","level":"warning","event":"bad_record","message":"words"} */
};

/* The process has one log. Before any of these: level INFO, format TEXT, stream stderr, no clock
 * (no `time`, and nothing is ever let through again once a key used up its share). Not to be called
 * while other threads log. */
void dg_log_set_level(enum dg_log_level most); /* less important messages are dropped */
void dg_log_set_format(enum dg_log_format format);
void dg_log_set_stream(FILE *stream); /* NULL: stderr */
/* Microseconds since the epoch, for time stamps and rate limits. */
void dg_log_set_clock(int64_t (*now_us)(void));
/* Called before a line is written, under the log's lock: a progress bar clears its line there. */
void dg_log_set_before(void (*before)(void *context), void *context);

/* One line. `event` is a stable word that tools can match: bad_record, window_closed, ... Messages
 * are cut at 1000 bytes; control characters are escaped. Thread-safe. */
void dg_log(enum dg_log_level level, const char *event, const char *format, ...) DG_PRINTF(3, 4);

/* The same, but at most DG_LOG_BURST lines per DG_LOG_PERIOD_US for each `key` (a short text: the
 * event and what it is about, "malformed part-1.csv"). The first line after a silence says how many
 * were left out. At most 64 keys are told apart; beyond, keys share. */
#define DG_LOG_BURST     5
#define DG_LOG_PERIOD_US INT64_C(10000000)
void dg_log_limited(enum dg_log_level level, const char *event, const char *key, const char *format,
                    ...) DG_PRINTF(4, 5);

/* "error", "warning", "info", "debug". */
const char *dg_log_level_name(enum dg_log_level level);

#endif
