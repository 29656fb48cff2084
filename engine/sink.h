/* engine/sink.h -- where results go. Implemented in connectors/. */
#ifndef DG_ENGINE_SINK_H
#define DG_ENGINE_SINK_H

#include "engine/result.h"

struct dg_run_info {
    const char *run; /* name of the replay; "" = live */
    const struct dg_monitor *monitor;
    const char *inputs; /* what was read, for people */
};

/* Where the first bad record of a reason was: a file's path and dg_batch.place. */
struct dg_bad_place {
    const char *source; /* lives as long as the run; NULL: not known */
    uint64_t place;
};

/* Totals of a finished run. */
struct dg_run_totals {
    uint64_t records, rows, duplicates, late, out_of_order;
    uint64_t bad[DG_REASONS];
    struct dg_bad_place first_bad[DG_REASONS]; /* by (partition, place) the first of each */
    uint64_t bytes;
    uint64_t windows;
    int64_t first_us, last_us; /* event times; DG_TIME_NONE without any */
    double seconds;            /* wall clock; not part of any result */
    enum dg_severity severity;
};

struct dg_sink_ops;
struct dg_sink {
    const struct dg_sink_ops *ops;
};

/* Calls come in this order: open, (window_begin, series*, slice*, window_end)*, finish, close.
 * Windows come by (end, size), rows by (version, variant, segment, column in configured order,
 * baseline in configured order). Rows and their strings live until the call returns. Every member
 * is required. */
struct dg_sink_ops {
    const char *name;
    int (*open)(struct dg_sink *self, const struct dg_run_info *run, struct dg_error *err);
    int (*window_begin)(struct dg_sink *self, const struct dg_window_id *w, struct dg_error *err);
    int (*series)(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err);
    int (*slice)(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err);
    int (*window_end)(struct dg_sink *self, struct dg_error *err);
    int (*finish)(struct dg_sink *self, const struct dg_run_totals *totals, struct dg_error *err);
    void (*close)(struct dg_sink *self);
};

#endif
