/* connectors/postgres_rows.h -- result rows on their way into the database: names become numbers,
 * rows become bytes for COPY. Shared by replays and the live ledger. */
#ifndef DG_CONNECTORS_POSTGRES_ROWS_H
#define DG_CONNECTORS_POSTGRES_ROWS_H

#include "connectors/postgres_plan.h"
#include "connectors/postgres_run.h"

/* A partition known to exist. */
struct dg_pg_range {
    int64_t lower_us, upper_us;
};

/* Of one session: its staging tables are temporary. A zeroed struct is empty. */
struct dg_pg_rows {
    struct dg_pg_plan series_plan, slice_plan;
    struct dg_copy series, slice; /* rows so far */
    struct dg_names slices, columns, baselines, sizes;
    struct dg_pg_range *range; /* [n_ranges] */
    size_t n_ranges;
    struct dg_window_id open; /* rows belong to this window */
};

/* Make the plans and the staging tables. Errors of dg_pg_plan_init. */
DG_MUST_CHECK int dg_pg_rows_init(struct dg_pg_rows *s, struct dg_pg *pg, struct dg_error *err);
void dg_pg_rows_deinit(struct dg_pg_rows *s);

/* Rows that follow are of window `w`: makes its partition and writes down its size, at once,
 * outside of what the rows' transaction will be. Errors of dg_pg_query; ENOMEM. */
DG_MUST_CHECK int dg_pg_rows_window(struct dg_pg_rows *s, struct dg_pg *pg,
                                    const struct dg_pg_run *run, const struct dg_window_id *w,
                                    struct dg_error *err);
/* Add a row. A name that is met for the first time asks the server for its number. */
DG_MUST_CHECK int dg_pg_rows_series(struct dg_pg_rows *s, struct dg_pg *pg,
                                    const struct dg_pg_run *run, const struct dg_series_row *row,
                                    struct dg_error *err);
DG_MUST_CHECK int dg_pg_rows_slice(struct dg_pg_rows *s, struct dg_pg *pg,
                                   const struct dg_pg_run *run, const struct dg_slice_row *row,
                                   struct dg_error *err);
/* A row for dg_pg_copy_window. */
void dg_pg_rows_put_window(const struct dg_pg_run *run, const struct dg_window_id *w,
                           struct dg_copy *c);

#endif
