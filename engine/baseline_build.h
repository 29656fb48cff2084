/* engine/baseline_build.h -- make a baseline from a sample: two passes, the first for bins,
 * dictionaries and segment lists, the second for the state of every series. */
#ifndef DG_ENGINE_BASELINE_BUILD_H
#define DG_ENGINE_BASELINE_BUILD_H

#include "engine/baseline.h"
#include "engine/replay.h"
#include "engine/source.h"

#define DG_BASELINE_VALUES_MAX     (UINT64_C(256) << 20) /* numbers held in the first pass: 2 GiB */
#define DG_BASELINE_CATEGORIES_MAX ((size_t)1 << 20)     /* different values of one category */

struct dg_baseline_request {
    const struct dg_monitor *monitor;
    const char *name;
    const char *source; /* what it is built from, for people */
    /* Open the sample with this projection, from the start; called once per pass. */
    int (*open)(void *arg, const struct dg_projection *projection, struct dg_source **out,
                struct dg_error *err);
    void *open_arg;
    /* As in dg_replay_options; bytes run from 0 to the total once per pass. */
    int (*progress)(void *arg, int pass, const struct dg_replay_progress *p);
    void *progress_arg;
};

/* What the sample was like. Rows without a valid event time count: a reference needs none. */
struct dg_baseline_report {
    uint64_t records, rows;
    uint64_t bad[DG_REASONS];
    struct dg_bad_example example[DG_EXAMPLES_MAX];
    size_t n_examples;
};

/*
 * Versions and variants are not told apart: a baseline is what all of them are compared with.
 * Segments are the monitor's: listed values, else the `top` most frequent of the sample. EINVAL
 * with a message if the sample has no row or is too large to hold; else as the source.
 */
DG_MUST_CHECK int dg_baseline_build(const struct dg_baseline_request *request,
                                    struct dg_baseline **out, struct dg_baseline_report *report,
                                    struct dg_error *err);

#endif
