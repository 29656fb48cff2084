/* tests/support/memory_ledger.h -- a ledger in memory: what engine/live/ledger.h promises, and the
 * ways in which a real one fails, at a test's command.
 *
 * The database is shared, ledgers are sessions of it; all of it may be used by several threads. It
 * asserts what callers promise: commits in order, a repeated commit that is the same. */
#ifndef DG_TESTS_MEMORY_LEDGER_H
#define DG_TESTS_MEMORY_LEDGER_H

#include "engine/live/ledger.h"
#include "stats/bytes.h"

struct memory_db;

struct memory_db *memory_db_open(void);
void memory_db_close(struct memory_db *db); /* after its ledgers */

struct dg_ledger *memory_ledger_open(struct memory_db *db);

/* Of every 100 calls so many end in EAGAIN: before anything happened, or (commit and save) after
 * it has, which the next same call finds out. Drawn from `seed`. */
struct memory_faults {
    unsigned before, after;
    uint64_t seed;
};
void memory_db_faults(struct memory_db *db, struct memory_faults f);
/* false: commits overwrite whatever stands there. For showing that the fence is needed. */
void memory_db_fence(struct memory_db *db, bool on);
/* The session breaks: its judge's lock is gone. The object reconnects with its next call. */
void memory_ledger_break(struct dg_ledger *l);

/* What the database holds. Positions in the order they were made; memory lives until the next
 * commit or acquire. */
size_t memory_db_positions(const struct memory_db *db, const struct dg_position **out);
const struct dg_position *memory_db_position(const struct memory_db *db, int32_t stream,
                                             const char *topic, int32_t partition);
size_t memory_db_gaps(const struct memory_db *db, const struct dg_gap **out);
size_t memory_db_commits(const struct memory_db *db); /* that wrote something */
/* Rows of packed deltas of a stream. */
size_t memory_db_rows(const struct memory_db *db, int32_t stream);
/* Every delta of a stream, unpacked; non-zero stops and is returned. */
int memory_db_deltas(const struct memory_db *db, int32_t stream, dg_store_visitor visitor,
                     void *arg);
/* Version and variant of a stream's group; NULL: there is no such group. */
const struct dg_group *memory_db_group(const struct memory_db *db, int32_t stream, uint32_t group);
/* The rows of highest revision of a stream as text_sink.h writes them ("series ...\n", "slice
 * ...\n"), sorted by bytes. *revisions (may be NULL) = the sum of revisions beyond the first. */
void memory_db_results(const struct memory_db *db, int32_t stream, struct dg_bytes *out,
                       uint64_t *revisions);
/* Lines of `text` that are rows, sorted likewise: for what a replay's text sink wrote. */
void memory_sort_rows(const struct dg_bytes *text, struct dg_bytes *out);

#endif
