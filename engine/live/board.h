/* engine/live/board.h -- what the running daemon tells about itself: lanes and the judge write,
 * the HTTP endpoint reads. Written once per poll or commit, never per event. Thread-safe.
 *
 * Writers never fail: what does not fit in memory or within a limit below is not shown. Readers
 * copy what they need under the lock and write afterwards, so that a slow reader holds nobody up.
 */
#ifndef DG_ENGINE_LIVE_BOARD_H
#define DG_ENGINE_LIVE_BOARD_H

#include "engine/admission.h"
#include "engine/live/judge.h"
#include "engine/live/lane.h"

#include <stdio.h>

#define DG_BOARD_LANES_MAX      64
#define DG_BOARD_SPEAKERS_MAX   128  /* who may speak about one part, or beat */
#define DG_BOARD_WORDS_MAX      320  /* bytes of a part's words */
#define DG_BOARD_PARTITIONS_MAX 2000 /* (monitor, partition) pairs with metrics of their own */

enum dg_part { DG_PART_BROKER, DG_PART_LEDGER, DG_PART_REGISTRY, DG_PART_CONFIG, DG_PARTS };
enum dg_part_state {
    DG_STATE_STARTING, /* nothing known yet */
    DG_STATE_OK,
    DG_STATE_BLOCKED, /* away: waiting, nothing is lost; words say since when and why. Of the
                         configuration: the last reload was refused, the one before runs on */
    DG_STATE_FAILED,  /* somebody has to act */
};
/* "broker", "ledger", "registry", "config". "starting", "ok", "blocked", "failed". Static. */
const char *dg_part_name(enum dg_part part);
const char *dg_part_state_name(enum dg_part_state s);

/* What one partition looks like to one stream, and to the consumer. */
struct dg_board_partition {
    const char *monitor; /* names are copied */
    struct dg_lane_view view;
    int64_t high; /* end of the partition as the broker said last; -1 unknown */
};

/* Increasing numbers; each is one metric driftgauge_<name>_total. */
enum dg_board_count {
    DG_COUNT_RECORDS, /* counted, of all monitors */
    DG_COUNT_REREAD,  /* of these, given up before a commit: they are read again */
    DG_COUNT_BYTES,   /* of values */
    DG_COUNT_COMMITS,
    DG_COUNT_COMMIT_FAILURES,
    DG_COUNT_DELTA_ROWS,
    DG_COUNT_DELTA_BYTES,
    DG_COUNT_FENCED, /* commits refused because somebody else owned the partition */
    DG_COUNT_REBALANCES,
    DG_COUNT_GAPS,
    DG_COUNT_GAP_RECORDS,
    DG_COUNT_DEAD_LETTERS,
    DG_COUNT_DEAD_LETTERS_REFUSED,
    DG_COUNT_RELOADS,         /* that took effect; their time is told too */
    DG_COUNT_RELOAD_FAILURES, /* refused: the configuration before runs on */
    DG_COUNT_LEDGER_RECONNECTS,
    DG_COUNT_UNJUDGED, /* streams that ended before their last windows were judged */
    DG_COUNT_LEDGER_SET_BACK, /* found to lack what it had had */
    DG_COUNTS
};

struct dg_board;
/* An empty board, with the system's clocks; start time = now. ENOMEM. */
DG_MUST_CHECK int dg_board_open(struct dg_board **out, struct dg_error *err);
void dg_board_close(struct dg_board *b); /* NULL is fine; nobody may use it any more */

/* Other clocks, for tests: before anything else is told. Microseconds; `now` since the epoch,
 * `steady` never jumps. */
struct dg_board_clock {
    int64_t (*now_us)(void *arg);
    int64_t (*steady_us)(void *arg);
    void *arg;
};
void dg_board_set_clock(struct dg_board *b, const struct dg_board_clock *clock);

/* What the process runs: path of the settings file (NULL: defaults) and consumer group. Copied. */
void dg_board_about(struct dg_board *b, const char *config, const char *group);

/* Add to a count. O(1). */
void dg_board_add(struct dg_board *b, enum dg_board_count c, uint64_t n);
uint64_t dg_board_get(const struct dg_board *b, enum dg_board_count c);
/* `who`: "lane 0", "judge": a part is as bad as the worst of those who spoke about it (failed,
 * blocked, starting, ok). The same state again keeps its `since`, with the new words. Words are cut
 * at DG_BOARD_WORDS_MAX; no secrets: anybody who reaches /readyz reads them. */
void dg_board_state(struct dg_board *b, enum dg_part part, const char *who, enum dg_part_state s,
                    const char *format, ...) DG_PRINTF(5, 6);
/* What `who` said about parts, and that it beats, is forgotten: the thread ended as it should. */
void dg_board_forget(struct dg_board *b, const char *who);
/* Lane `lane` exists and is assigned this many partitions, or not yet (assigned = false); `bytes`
 * of open panes. lane < DG_BOARD_LANES_MAX. */
void dg_board_lane(struct dg_board *b, uint32_t lane, bool assigned, size_t partitions,
                   size_t bytes);
/* Replace what lane `lane` said about its partitions; n = 0: it has none. O(n). Two lanes that both
 * claim a (monitor, topic, partition), as they may for a moment around a rebalance: the one that
 * spoke last is shown. */
void dg_board_partitions(struct dg_board *b, uint32_t lane, const struct dg_board_partition p[],
                         size_t n);
/* Totals of a monitor's lane since the lane was opened (they are summed over lanes). Smaller than
 * last time: the lane was opened anew, and what it had counted before stays in the sum. */
void dg_board_totals(struct dg_board *b, uint32_t lane, const char *monitor,
                     const struct dg_admission_totals *t);
/* The lane was opened anew: its totals begin at 0 again. Call it after a reload; without it, a lane
 * that counts more before its first word than it had in all is taken for the old one. */
void dg_board_lane_renewed(struct dg_board *b, uint32_t lane);
/* There are n lanes now: those from n on, of a configuration before, are told no more. */
void dg_board_lanes(struct dg_board *b, uint32_t n);
/* One run of the judge; numbers of a run are added up. Another config_hash than before
 * forgets the windows that were told before its first run (dg_board_window comes first, then the
 * report of that run); leading = false forgets all: another process tells them. */
void dg_board_judge(struct dg_board *b, const char *monitor, const char *config_hash,
                    const struct dg_judge_report *r);
/* Statuses of the newest judged window of a monitor and size, for status and top: one call per
 * window, in any order: an older end than the one known is passed over. drift, warn: series of
 * that status. */
void dg_board_window(struct dg_board *b, const char *monitor, int64_t size_us, int64_t end_us,
                     uint64_t rows, uint32_t series, uint32_t drift, uint32_t warn,
                     enum dg_severity severity);
/* How long things took, in seconds: commit, judge, and from a window's close to its row visible. */
enum dg_board_time { DG_TIME_COMMIT, DG_TIME_JUDGE, DG_TIME_VISIBLE, DG_TIMES };
void dg_board_took(struct dg_board *b, enum dg_board_time t, double seconds);
/* The streams that are run now; those not named are forgotten, those that stay keep their counts.
 * Before anything is told of them: what is told of others is passed over. */
void dg_board_monitors(struct dg_board *b, const char *const names[], size_t n);

/* Ready: every lane knows its assignment, ledger and broker are OK, configuration good (not
 * STARTING or FAILED), and the registry, if anybody spoke of it, not BLOCKED or FAILED. `why` (of
 * size n) gets the reason if not. */
bool dg_board_ready(const struct dg_board *b, char *why, size_t n);
/* Alive: every thread that reported beats has done so within 60 s. */
void dg_board_beat(struct dg_board *b, const char *who);
bool dg_board_alive(const struct dg_board *b, char *why, size_t n);

/* Prometheus text format 0.0.4 (docs/METRICS.md lists it); the document of /v1/status. 0 or ENOMEM
 * (stream error). O(monitors + partitions). */
DG_MUST_CHECK int dg_board_metrics(const struct dg_board *b, FILE *out);
DG_MUST_CHECK int dg_board_status(const struct dg_board *b, FILE *out);

#endif
