/* connectors/postgres_plan.h -- which field of a result row goes into which column of its table. */
#ifndef DG_CONNECTORS_POSTGRES_PLAN_H
#define DG_CONNECTORS_POSTGRES_PLAN_H

#include "connectors/postgres_copy.h"
#include "engine/result_fields.h"

/* For one of the two result tables. Fields that name a dimension (monitor, segment, ...) are not in
 * `field`; the sink writes their numbers as the first columns. */
struct dg_pg_plan {
    const struct dg_result_field **field; /* [n], owned array: the columns of the same names */
    size_t n;
    size_t n_columns; /* in all: keys, fields, extras */
    char *stage;      /* CREATE TEMP TABLE ... */
    char *copy;       /* COPY ... FROM STDIN (FORMAT binary) */
    char *insert;     /* stage -> table, all rows new */
    char *upsert;     /* stage -> table, rows that are there and differ are updated */
    char *prune;  /* delete rows of the windows in stage_window that the stage lacks; $1, $2: their
                     first and last end, so that only those partitions are planned for */
    char *revise; /* stage -> table, live: rows that are new or differ from the highest revision
                     get the next one; $1, $2 as prune */
    char *retire; /* rows of the windows in stage_window that the stage lacks become superseded;
                     $1, $2 as prune */
};

/* The windows of a batch, for prune: run_id, monitor_id, window_size, window_end. */
#define DG_PG_WINDOW_COLUMNS 4
extern const char dg_pg_stage_window[];
extern const char dg_pg_copy_window[];

enum dg_pg_table { DG_PG_SERIES, DG_PG_SLICE };

/* Number of key columns written before the fields. */
#define DG_PG_SERIES_KEYS 10
#define DG_PG_SLICE_KEYS  8
/* And after them: top_low, top_high, spark_reference, spark_current; new_field_rows. */
#define DG_PG_SERIES_EXTRAS 4
#define DG_PG_SLICE_EXTRAS  1

/* Match the fields of this program with the table of this database. ENOENT: a column is missing or
 * of another type; errors of dg_pg_query. */
DG_MUST_CHECK int dg_pg_plan_init(struct dg_pg_plan *plan, struct dg_pg *pg, enum dg_pg_table table,
                                  struct dg_error *err);
void dg_pg_plan_deinit(struct dg_pg_plan *plan);

/* The fields of a row, in the plan's order. */
void dg_pg_plan_put(const struct dg_pg_plan *plan, const void *row, struct dg_copy *c);

#endif
