/* connectors/report_view.h -- a finished model in the order a reader wants it: one unit per column
 * (of each version and variant), worst first, each with its comparisons, worst first. */
#ifndef DG_CONNECTORS_REPORT_VIEW_H
#define DG_CONNECTORS_REPORT_VIEW_H

#include "connectors/report_model.h"

struct dg_report_unit {
    uint32_t group, column;
    const struct dg_report_track **track; /* [n_tracks] of the view's list, worst first */
    size_t n_tracks;
    const struct dg_report_track *head; /* track[0]: the one that the unit is judged by */
    int badness;                        /* of head */
    bool ended;                         /* its version or variant stopped before the others */
};

struct dg_report_view {
    const struct dg_report_model *model;
    const char *generated_at;    /* or NULL */
    struct dg_report_unit *unit; /* [n] worst first */
    size_t n;
    const struct dg_report_track **track; /* [model->n_tracks] */
    const struct dg_report_slice **slice; /* [model->n_slices] worst first */
    const struct dg_report_cell **worst;  /* [model->n_slices] by place: worst cell, or NULL */
    size_t n_drift, n_warn, n_before, n_ok, n_unjudged; /* units by badness */
    size_t n_failed;                                    /* units with a critical check */
    size_t n_ended;                                     /* of them not counted above */
};

/* ENOMEM. The view borrows the model. */
DG_MUST_CHECK int dg_report_view_init(struct dg_report_view *v, const struct dg_report_model *m,
                                      const char *generated_at);
void dg_report_view_deinit(struct dg_report_view *v);

/* The latest row of a unit that is furthest beyond a threshold check; NULL: none, or it ended. */
const struct dg_series_row *dg_report_tripped(const struct dg_report_unit *u);
const char *dg_report_column_name(const struct dg_report_model *m, uint32_t column);
/* The share of its slice in a column's drift: n x PSI, relative to all slices of the same segment
 * columns, window size and baseline. */
double dg_report_cell_weight(const struct dg_report_model *m, const struct dg_report_cell *cell);

#endif
