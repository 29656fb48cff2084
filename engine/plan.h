/* engine/plan.h -- a monitor and its baseline compiled into what the event path needs: the
 * projection, the columns with their bins, the slices. Immutable while events flow (groups of
 * slices apart). */
#ifndef DG_ENGINE_PLAN_H
#define DG_ENGINE_PLAN_H

#include "engine/baseline.h"
#include "engine/monitor.h"
#include "engine/slicer.h"

struct dg_plan_column {
    const struct dg_feature *feature;
    int source;                             /* projection column */
    const struct dg_binning *binning;       /* of the file baseline; NULL: none */
    const struct dg_dictionary *dictionary; /* likewise */
    struct dg_dictionary *allowed;          /* declared values, owned; NULL: any */
    int baseline_column;                    /* index in the file baseline, -1: none */
};

struct dg_plan {
    const struct dg_monitor *monitor;
    const struct dg_baseline *baseline; /* the first file baseline; NULL: none */
    struct dg_projection projection;
    struct dg_plan_column *column; /* [n_columns] in configured order */
    size_t n_columns;
    struct dg_slicer slicer;
    bool row_partitions; /* rows carry topic, partition and offset; to be set to false where the
                            source itself knows them (Kafka) */
};

/*
 * Compile. `baseline` may be NULL. With chosen_values != NULL ([monitor->n_segments]) those are the
 * segments' values; else each spec's come from the monitor's list or the baseline. EINVAL with a
 * message if a spec has neither. The plan borrows monitor and baseline.
 */
DG_MUST_CHECK int dg_plan_init(struct dg_plan *p, const struct dg_monitor *monitor,
                               const struct dg_baseline *baseline,
                               const struct dg_segment_values *chosen_values, struct dg_error *err);
void dg_plan_deinit(struct dg_plan *p);

/* Append the values that a segment spec lists; those of a pair are "first,second". 0 or ENOMEM. */
DG_MUST_CHECK int dg_plan_listed_values(const struct dg_segment_spec *spec,
                                        struct dg_segment_values *out);

/* series = slice * n_columns + column. */
static inline uint32_t dg_plan_series(const struct dg_plan *p, uint32_t slice, size_t column)
{
    return slice * (uint32_t)p->n_columns + (uint32_t)column;
}

#endif
