/* tests/support/live_logs.h -- random logs with everything that makes live hard (disorder, late
 * and far-future rows, repeated ids, silence, broken records), their monitor, and their replay. */
#ifndef DG_TESTS_LIVE_LOGS_H
#define DG_TESTS_LIVE_LOGS_H

#include "engine/config.h"
#include "engine/plan.h"
#include "tests/support/fake_decoder.h"

#define LIVE_PARTITIONS_MAX 5

struct live_logs {
    struct dg_config config;
    struct dg_baseline *training; /* the file baseline, first of the monitor's */
    const struct dg_baseline *file[8];
    struct fake_log log[LIVE_PARTITIONS_MAX]; /* [n] */
    uint32_t n;
    char *id; /* what rows' ids point into */
};

/* Everything is drawn from `seed`. */
void live_logs_make(struct live_logs *l, uint64_t seed);
void live_logs_deinit(struct live_logs *l);
/* A plan of the monitor; the caller deinits it. */
void live_logs_plan(const struct live_logs *l, struct dg_plan *out);
/* The rows of a replay of the logs to their end, sorted as memory_db_results gives them. */
void live_logs_replay(const struct live_logs *l, struct dg_bytes *out);

#endif
