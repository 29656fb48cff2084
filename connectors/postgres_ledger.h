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

/*
 * Connects on first use and again after a loss; errors of connecting come from dg_ledger_ops calls.
 * Options are copied. What dg_ledger_ops leaves open:
 *   EAGAIN      no server, connection lost, locks or statements that take too long, deadlock, too
 *               many connections. No call waits longer than a lock (5 s) or connecting (10 s) does.
 *   EACCES      also: wrong password, no such role or database
 *   EINVAL      the connection string, or no such tenant; ENOENT, EPROTO, EBADMSG: dg_schema_check
 *   ESTALE      acquire, group, lock, save: the stream has ended, another configuration took over
 * A commit is two round trips; one whose answer is lost is looked up at once, and by the next call.
 * acquire says of no partition that it is idle: its new owner has not asked the broker yet.
 * group: answers that are known need no server. results: NULL, out of memory; the sink's calls fail
 * with ESTALE without the lock, and ask the server for names that they meet for the first time.
 * A lock goes after 2 min in which its holder does not read, save or begin a window.
 * DG_UNFENCED, defined for postgres_ledger_commit.c, makes commits compare nothing: for tests.
 */
DG_MUST_CHECK int dg_postgres_ledger_open(const struct dg_postgres_ledger_options *options,
                                          struct dg_ledger **out, struct dg_error *err);

/* For --check-connect: connects, checks the schema's version and the role's rights. Errors as
 * above; EROFS: a standby or a read-only role. */
DG_MUST_CHECK int dg_postgres_ledger_probe(const struct dg_postgres_ledger_options *options,
                                           struct dg_error *err);

#endif
