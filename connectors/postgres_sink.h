/* connectors/postgres_sink.h -- a replay's results into PostgreSQL. */
#ifndef DG_CONNECTORS_POSTGRES_SINK_H
#define DG_CONNECTORS_POSTGRES_SINK_H

#include "connectors/postgres.h"
#include "engine/sink.h"

/* Borrowed strings; they live until `open` returned. */
struct dg_postgres_sink_options {
    struct dg_pg_options connection;
    const char *tenant; /* NULL: "default" */
    bool replace;       /* --replace: a finished run of the same name gives way to this one */
    size_t batch_rows;  /* rows per transaction, whole windows; 0: DG_POSTGRES_BATCH_ROWS */
};

#define DG_POSTGRES_BATCH_ROWS 4000

/*
 * A sink whose `open` connects (errors: dg_pg_connect, dg_schema_check, dg_pg_run_open) and whose
 * `close` frees it. Writes whole windows, several in a transaction: a replay that is killed leaves
 * complete windows and nothing else. The same replay again leaves the same rows, and touches
 * (evaluated_at) only those that differ; rows of its windows that it does not have are deleted.
 * With `replace` nothing is visible until `finish`, which puts the new run in the old one's place
 * in one transaction. A lost connection is ECONNRESET: what was committed stays, start again.
 * Memory: the rows of one batch, and a name table of the slices, columns and baselines. ENOMEM.
 */
DG_MUST_CHECK int dg_postgres_sink_new(const struct dg_postgres_sink_options *options,
                                       struct dg_sink **out, struct dg_error *err);

#endif
