/* tests/support/sample_rows.h -- a made-up but plausible run, told to any sink: two columns drift,
 * one drifted and recovered, one is slowly losing values, the rest is noise. Statistics are
 * computed from simulated bin counts, so that they agree with each other. */
#ifndef DG_TESTS_SAMPLE_ROWS_H
#define DG_TESTS_SAMPLE_ROWS_H

#include "engine/sink.h"

struct sample_options {
    uint32_t columns;   /* 12 have names of their own, more are feature_013 ... */
    uint32_t windows;   /* of the smaller size */
    uint32_t sizes;     /* 1 or 2: 1h/1h, then 1d/6h */
    uint32_t baselines; /* 1 or 2: training, last_week */
    bool segments;      /* country=DE ... */
    bool hostile;       /* names and categories that try to be markup */
    uint32_t drifting;  /* columns that drift at the end; 2 is the story above */
    uint32_t versions;  /* 1: none; 2: v1 ends at 60 % of the run, v2 starts at 40 % */
    uint64_t seed;
};

#define SAMPLE_DEFAULTS                                                                            \
    ((struct sample_options){.columns = 12,                                                        \
                             .windows = 120,                                                       \
                             .sizes = 2,                                                           \
                             .baselines = 2,                                                       \
                             .segments = true,                                                     \
                             .drifting = 2,                                                        \
                             .seed = 7})

/* Open the sink, tell the run, finish. The first error of the sink ends it. Does not close. */
DG_MUST_CHECK int sample_rows_run(struct dg_sink *sink, const struct sample_options *options,
                                  struct dg_error *err);

#endif
