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
 * column). 0 or ENOMEM. */
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

const struct dg_admission_totals *dg_admission_totals(const struct dg_admission *a);
const struct dg_bad_example *dg_admission_examples(const struct dg_admission *a, size_t *n);

#endif
