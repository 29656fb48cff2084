/* tests/support/live_court.h -- a process that judges the stream of live_logs.h, for tests: it may
 * be closed and opened again at any time. */
#ifndef DG_TESTS_LIVE_COURT_H
#define DG_TESTS_LIVE_COURT_H

#include "engine/live/judge.h"
#include "tests/support/live_logs.h"
#include "tests/support/memory_ledger.h"

struct live_court {
    const struct live_logs *logs;
    struct dg_ledger *ledger;
    int32_t stream;
    struct dg_plan plan;
    struct dg_judge *judge;
    uint64_t windows, again, unrevised; /* sums over all runs */
};

/* The stream's number, for group "g". */
int32_t live_court_stream(const struct live_logs *logs, struct dg_ledger *ledger);
/* Into a zeroed struct or one that was closed, whose sums go on. */
void live_court_open(struct live_court *c, struct memory_db *db, const struct live_logs *logs);
void live_court_close(struct live_court *c);
/* One run; false where it led to nothing: EAGAIN, ESTALE, another judge leads. Any other error ends
 * the test. */
bool live_court_run(struct live_court *c, bool end);
/* Are the final rows those of a replay? Says where not. */
bool live_court_agrees(const struct live_court *c, const struct memory_db *db, bool quiet);

#endif
