/* tests/support/engine_run.h -- a replay of rows made by a test, its results kept for looking at.
 */
#ifndef DG_TESTS_ENGINE_RUN_H
#define DG_TESTS_ENGINE_RUN_H

#include "engine/config.h"
#include "engine/replay.h"
#include "tests/support/memory_source.h"

#define HOUR (INT64_C(3600) * DG_US_PER_S)
#define DAY  (24 * HOUR)
/* 2026-01-05 00:00:00 UTC, a Monday. */
#define MONDAY INT64_C(1767571200000000)

struct engine_run {
    /* In */
    const struct dg_baseline *file[8]; /* by index of the monitor's baselines */
    int64_t from_us, to_us;            /* 0, 0: all */
    uint32_t lanes;                    /* 0: 1 */
    size_t chunk_rows;                 /* 0: 100 */
    size_t memory_bytes;
    /* Out; strings live until engine_run_close */
    struct dg_config config;
    struct dg_plan plan;
    struct dg_series_row *series; /* [n_series] in the order given */
    size_t n_series;
    struct dg_slice_row *slice; /* [n_slices] */
    size_t n_slices;
    size_t n_windows;
    struct dg_replay_result result;
    enum dg_severity severity;
};

/* Parse the monitor and replay the partitions; anything that fails ends the test. */
void engine_run(struct engine_run *r, const char *yaml, const struct memory_partition partition[],
                uint32_t n);
/* One partition. */
void engine_run_rows(struct engine_run *r, const char *yaml, const struct memory_row row[],
                     size_t n);
void engine_run_close(struct engine_run *r);

/* The row of the window that ends there; size 0, NULL version, segment and baseline: any. NULL if
 * there is none. */
const struct dg_series_row *engine_series(const struct engine_run *r, int64_t end_us,
                                          int64_t size_us, const char *version, const char *segment,
                                          const char *column, const char *baseline);
const struct dg_slice_row *engine_slice(const struct engine_run *r, int64_t end_us, int64_t size_us,
                                        const char *version, const char *segment);

/* A baseline of the rows; the caller frees it. */
struct dg_baseline *engine_baseline(const char *yaml, const struct memory_row row[], size_t n);

#endif
