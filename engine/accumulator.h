/* engine/accumulator.h -- a lane's counts that no store has seen yet: open panes, and in each the
 * state of every series that saw a row. One owner, no locks. Emptied into deltas; adding is all it
 * does.
 *
 * What it keeps when all is flushed: emptied states, at most as many as were open at once since the
 * flush before the last 512, of at most 10.5 KB for a number (usually 8.5) and 10.5 KB for a
 * category (usually 7): as a rule less than the open panes took. */
#ifndef DG_ENGINE_ACCUMULATOR_H
#define DG_ENGINE_ACCUMULATOR_H

#include "engine/admission.h"
#include "engine/store.h"

struct dg_accumulator;

/* Borrows the plan; adding may bring it new groups. */
DG_MUST_CHECK int dg_accumulator_open(struct dg_plan *plan, struct dg_accumulator **out,
                                      struct dg_error *err);
void dg_accumulator_close(struct dg_accumulator *a);

/* Count the admitted rows of b. Texts of rows that do not count are overwritten. 0 or ENOMEM.
 * Allocates only for panes, series and batch sizes that are new, and where a state needs more than
 * a kept one has: for sketches that span more than four octaves, for maps of many keys. */
DG_MUST_CHECK int dg_accumulator_add(struct dg_accumulator *a, struct dg_batch *b,
                                     const struct dg_admitted *admitted);

/* Append everything of panes that start before before_us to the store and forget it. */
DG_MUST_CHECK int dg_accumulator_flush(struct dg_accumulator *a, int64_t before_us,
                                       struct dg_store *store, struct dg_error *err);

/* Forget everything that was counted. Keeps memory for the next panes. */
void dg_accumulator_clear(struct dg_accumulator *a);

/* Memory of the open panes' states in bytes: what flushing gives back. O(1). */
size_t dg_accumulator_bytes(const struct dg_accumulator *a);
/* Memory of the empty states kept for the next panes in bytes. O(such states). */
size_t dg_accumulator_kept_bytes(const struct dg_accumulator *a);

#endif
