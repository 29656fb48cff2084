/* engine/live/board.h -- what the running daemon tells about itself: lanes and the judge write,
 * the HTTP endpoint reads. Written once per poll or commit, never per event. Thread-safe. */
#ifndef DG_ENGINE_LIVE_BOARD_H
#define DG_ENGINE_LIVE_BOARD_H

#include "engine/admission.h"
#include "engine/live/judge.h"
#include "engine/live/lane.h"

#include <stdio.h>

enum dg_part { DG_PART_BROKER, DG_PART_LEDGER, DG_PART_REGISTRY, DG_PART_CONFIG, DG_PARTS };
enum dg_part_state {
    DG_STATE_STARTING, /* nothing known yet */
    DG_STATE_OK,
    DG_STATE_BLOCKED, /* away: waiting, nothing is lost; words say since when and why */
    DG_STATE_FAILED,  /* somebody has to act */
};

/* What one partition looks like to one stream, and to the consumer. */
struct dg_board_partition {
    const char *monitor; /* names are copied */
    struct dg_lane_view view;
    int64_t high; /* end of the partition as the broker said last; -1 unknown */
};

/* Increasing numbers; each is one metric driftgauge_<name>_total. */
enum dg_board_count {
    DG_COUNT_RECORDS, /* counted, of all monitors */
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
    DG_COUNT_RELOADS,
    DG_COUNT_RELOAD_FAILURES,
    DG_COUNT_LEDGER_RECONNECTS,
    DG_COUNTS
};

struct dg_board;
DG_MUST_CHECK int dg_board_open(struct dg_board **out, struct dg_error *err);
void dg_board_close(struct dg_board *b);

void dg_board_add(struct dg_board *b, enum dg_board_count c, uint64_t n);
uint64_t dg_board_get(const struct dg_board *b, enum dg_board_count c);
/* `who`: "lane 0", "judge": a part is as bad as the worst of those who spoke about it. */
void dg_board_state(struct dg_board *b, enum dg_part part, const char *who, enum dg_part_state s,
                    const char *format, ...) DG_PRINTF(5, 6);
/* Lane `lane` exists and is assigned this many partitions, or not yet (assigned = false). */
void dg_board_lane(struct dg_board *b, uint32_t lane, bool assigned, size_t partitions,
                   size_t bytes);
/* Replace what lane `lane` said about its partitions. */
void dg_board_partitions(struct dg_board *b, uint32_t lane, const struct dg_board_partition p[],
                         size_t n);
/* Totals of a monitor's lane since the start (they are summed over lanes). */
void dg_board_totals(struct dg_board *b, uint32_t lane, const char *monitor,
                     const struct dg_admission_totals *t);
void dg_board_judge(struct dg_board *b, const char *monitor, const char *config_hash,
                    const struct dg_judge_report *r);
/* Statuses of the newest judged window of a monitor and size, for status and top: one call per
 * window. */
void dg_board_window(struct dg_board *b, const char *monitor, int64_t size_us, int64_t end_us,
                     uint64_t rows, uint32_t series, uint32_t drift, uint32_t warn,
                     enum dg_severity severity);
/* How long things took, in seconds: commit, judge, and from a window's close to its row visible. */
enum dg_board_time { DG_TIME_COMMIT, DG_TIME_JUDGE, DG_TIME_VISIBLE, DG_TIMES };
void dg_board_took(struct dg_board *b, enum dg_board_time t, double seconds);
/* The streams that are run now; those not named are forgotten. */
void dg_board_monitors(struct dg_board *b, const char *const names[], size_t n);

/* Ready: every lane knows its assignment, ledger and broker are OK, configuration good. `why` (of
 * size n) gets the reason if not. */
bool dg_board_ready(const struct dg_board *b, char *why, size_t n);
/* Alive: every thread that reported beats has done so within 60 s. */
void dg_board_beat(struct dg_board *b, const char *who);
bool dg_board_alive(const struct dg_board *b, char *why, size_t n);

/* Prometheus text format 0.0.4; the document of /v1/status. 0 or ENOMEM (stream error). */
DG_MUST_CHECK int dg_board_metrics(const struct dg_board *b, FILE *out);
DG_MUST_CHECK int dg_board_status(const struct dg_board *b, FILE *out);

#endif
