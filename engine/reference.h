/* engine/reference.h -- the reference state that a series is compared with, by kind of baseline. */
#ifndef DG_ENGINE_REFERENCE_H
#define DG_ENGINE_REFERENCE_H

#include "engine/collect.h"
#include "engine/result.h"

struct dg_reference_context {
    const struct dg_plan *plan;
    struct dg_store *store;
    const struct dg_baseline *const *file; /* [monitor->n_baselines], NULL where not a file */
};

/*
 * Fill `state` (any content) with the reference of series (group, segment, column) for the window.
 * *found = there is one: the file has the series, enough cycles have data, the other variant
 * exists. Whether it holds enough values is the caller's question. Errors as dg_collect.
 */
DG_MUST_CHECK int dg_reference_collect(const struct dg_reference_context *c, size_t baseline,
                                       const struct dg_window_id *window, uint32_t group,
                                       uint32_t segment, size_t column, struct dg_state *state,
                                       bool *found, struct dg_error *err);

/* The baseline says nothing about this group: a variant is not compared with itself. */
bool dg_reference_skips(const struct dg_plan *plan, size_t baseline, uint32_t group);

#endif
