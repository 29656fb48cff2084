/* connectors/postgres_guard.h -- a way out of waiting for a server that neither answers nor goes
 * away: stopped, hung, or behind a network that swallows packets.
 *
 * libpq waits for as long as the connection seems to be there. Whoever calls it says so before and
 * after; another thread looks at who waits for too long, and shuts down that connection's socket:
 * the call then fails like any that lost its connection. */
#ifndef DG_CONNECTORS_POSTGRES_GUARD_H
#define DG_CONNECTORS_POSTGRES_GUARD_H

#include "connectors/postgres.h"

/* Once per session, by the thread that it belongs to: when it is there, before it is closed. */
void dg_pg_guard_add(struct dg_pg *pg);
void dg_pg_guard_remove(struct dg_pg *pg);

/* Around every call that waits for the server. */
void dg_pg_wait_begin(struct dg_pg *pg);
void dg_pg_wait_end(struct dg_pg *pg);

/* PQgetResult with these around it. */
struct pg_result *dg_pg_next(struct dg_pg *pg);

/* Whether an attempt to connect that began then (dg_steady_ms) is to be given up. */
bool dg_pg_guard_given_up(int64_t began_ms);

/* By any thread: end every wait that has lasted longer than its session's limit_ms. */
void dg_pg_guard_look(void);
/* ... that has lasted longer than this, attempts to connect too. */
void dg_pg_guard_cut(int64_t longer_ms);

#endif
