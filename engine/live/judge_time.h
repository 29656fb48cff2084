/* engine/live/judge_time.h -- how far event time of a stream has come, from the positions of its
 * partitions. */
#ifndef DG_ENGINE_LIVE_JUDGE_TIME_H
#define DG_ENGINE_LIVE_JUDGE_TIME_H

#include "engine/evaluator.h"
#include "engine/live/position.h"
#include "stats/bytes.h"

/* What a judge keeps of a position. */
struct dg_judge_position {
    char *topic;
    int32_t partition;
    int64_t epoch, seq;
    struct dg_partition_clock clock;
    bool idle;
    struct dg_bytes state;
};

struct dg_judge_positions {
    struct dg_judge_position *position; /* [n], memory of cap */
    size_t n, cap;
};

void dg_judge_positions_deinit(struct dg_judge_positions *p);
/* Append a copy. 0 or ENOMEM. */
DG_MUST_CHECK int dg_judge_positions_add(struct dg_judge_positions *p,
                                         const struct dg_position *of);
/* Equal positions have equal fingerprints. */
uint64_t dg_judge_positions_hash(const struct dg_judge_positions *p);

struct dg_judge_time {
    struct dg_progress_of_time progress;
    bool over;            /* all partitions are idle: as at the end of a replay */
    int64_t watermark_us; /* least of those that are not idle; newest if all are; DG_TIME_NONE */
    int64_t settled_us;   /* panes that start before this have all their events; INT64_MIN: none */
};

/* `expected` partitions at least; `end`: as if all were idle, for good. now_us: the wall clock;
 * while all are idle, windows that it has not passed wait for what may still come; INT64_MAX: they
 * do not. first_us and newest_us are DG_TIME_NONE before any confirmed event. */
struct dg_judge_time dg_judge_time_of(const struct dg_judge_positions *p,
                                      const struct dg_monitor *m, size_t expected, bool end,
                                      int64_t now_us, int64_t horizon_us);

#endif
