/* engine/admission.h -- the gate between decoding and counting: for every row, in the order of its
 * own partition, the pane it falls into or the reason why it does not count.
 *
 * Each decision depends on the row's partition up to that row and on nothing else, so it is the
 * same live, replayed, and on any number of lanes. Calls come one at a time, chunks of a partition
 * in order. */
#ifndef DG_ENGINE_ADMISSION_H
#define DG_ENGINE_ADMISSION_H

#include "engine/admitted.h"
#include "engine/store.h"

/* A bad record, for people: the first few of each reason and partition. */
struct dg_bad_example {
    uint32_t partition;
    enum dg_reason reason;
    uint64_t place;
};
#define DG_EXAMPLES_MAX 100

struct dg_admission_totals {
    uint64_t records, rows, duplicates, late, out_of_order;
    uint64_t bad[DG_REASONS];
    uint64_t ids_unchecked; /* rows whose id was not remembered for want of memory */
    int64_t first_us, last_us;
};

struct dg_admission;

DG_MUST_CHECK int dg_admission_open(const struct dg_plan *plan, uint32_t n_partitions,
                                    struct dg_admission **out, struct dg_error *err);
void dg_admission_close(struct dg_admission *a);

/* Decide for every row of a batch that came from `partition`. id_hash [b->n] or NULL (no id
 * column). A row whose record has a timestamp (b->timed, or in files the projection's record_time)
 * and an event time more than the monitor's max_ahead beyond it is DG_BAD_FUTURE. 0 or ENOMEM. */
DG_MUST_CHECK int dg_admit(struct dg_admission *a, uint32_t partition, const struct dg_batch *b,
                           const uint64_t id_hash[], struct dg_admitted *out);
/* The partition has no more records. */
void dg_admission_end(struct dg_admission *a, uint32_t partition);

/* Newest confirmed event time of the partition; INT64_MIN before the first, INT64_MAX after the
 * end: the source is asked for the partition where this is least. */
int64_t dg_admission_clock(const struct dg_admission *a, uint32_t partition);
/* Every pane that ends at or before this has all its events; INT64_MAX when all partitions ended.
 */
int64_t dg_admission_final(const struct dg_admission *a);
/* Panes that start before this are over in every partition: only events that the tolerance for late
 * ones lets in can still fall into them. INT64_MAX when all partitions ended. */
int64_t dg_admission_settled(const struct dg_admission *a);
/* Newest confirmed event time over all partitions; INT64_MIN without. */
int64_t dg_admission_newest(const struct dg_admission *a);

/* Append the stream counters of the panes that start before before_us to the store; forget them. */
DG_MUST_CHECK int dg_admission_flush(struct dg_admission *a, int64_t before_us,
                                     struct dg_store *store, struct dg_error *err);

/* -- What a partition must remember from one process to the next. For an admission of files or of
 * one live partition; not for rows that name their partitions. -- */

struct dg_bytes;
/* Appends everything that later decisions depend on, ids apart (they are learned again from the
 * log): clock, rows in doubt with their ids, bad records before the first time. Versioned, with a
 * checksum; 30 bytes as a rule, 20 KiB at most. Want of memory: out->failed. */
void dg_admission_save(const struct dg_admission *a, uint32_t partition, struct dg_bytes *out);
/* Into a partition that has seen nothing, under the monitor that the state was saved under.
 * EBADMSG: not such a state, nothing is changed; ENOMEM. */
DG_MUST_CHECK int dg_admission_restore(struct dg_admission *a, uint32_t partition,
                                       const uint8_t bytes[], size_t n, struct dg_error *err);
/* The least place (offset) of a record whose id an open pane remembers; `next` where there is none.
 * Ids of rows in doubt travel in the saved state and do not count. O(open panes). */
uint64_t dg_admission_warm_from(const struct dg_admission *a, uint32_t partition, uint64_t next);
/* Rows that have been decided on by another process, in order, after restore: learn the ids of
 * those in panes still open. Changes no count and no clock. 0 or ENOMEM. */
DG_MUST_CHECK int dg_admission_learn(struct dg_admission *a, uint32_t partition,
                                     const struct dg_batch *b, const uint64_t id_hash[]);
/* First and newest confirmed event time of the partition; INT64_MIN: none. */
void dg_admission_times(const struct dg_admission *a, uint32_t partition, int64_t *first_us,
                        int64_t *newest_us);
/* What the end of the input would add to the counters, and make of the times, if the partition of
 * this saved state (n = 0: fresh) ended here: rows that stayed alone in the far future are wrong
 * clocks; where time has not begun at all, all of them count. Appends DG_STATE_STREAM deltas to
 * `store`. Depends on nothing else; plan->row_partitions does not matter. EBADMSG, ENOMEM, what
 * the store returned. */
DG_MUST_CHECK int dg_admission_epilogue(const struct dg_plan *plan, const uint8_t state[], size_t n,
                                        struct dg_store *store, int64_t *first_us,
                                        int64_t *newest_us, struct dg_error *err);

const struct dg_admission_totals *dg_admission_totals(const struct dg_admission *a);
const struct dg_bad_example *dg_admission_examples(const struct dg_admission *a, size_t *n);

#endif
