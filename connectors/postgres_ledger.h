/* connectors/postgres_ledger.h -- the live engine's ledger on PostgreSQL (migration 0007). */
#ifndef DG_CONNECTORS_POSTGRES_LEDGER_H
#define DG_CONNECTORS_POSTGRES_LEDGER_H

#include "connectors/postgres.h"
#include "engine/live/ledger.h"

struct dg_postgres_ledger_options {
    struct dg_pg_options connection;
    const char *tenant; /* NULL: "default" */
    const char *owner;  /* who we are, for people: "host:pid/lane-0" */
};

/* Connects on first use; errors of the first connection come from dg_ledger_ops calls. */
DG_MUST_CHECK int dg_postgres_ledger_open(const struct dg_postgres_ledger_options *options,
                                          struct dg_ledger **out, struct dg_error *err);

/* For --check-connect: connects, checks the schema's version and the role's rights. */
DG_MUST_CHECK int dg_postgres_ledger_probe(const struct dg_postgres_ledger_options *options,
                                           struct dg_error *err);

#endif
