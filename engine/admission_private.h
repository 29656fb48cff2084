/* engine/admission_private.h -- what the files of admission share: a partition's memory and the
 * steps that change it. */
#ifndef DG_ENGINE_ADMISSION_PRIVATE_H
#define DG_ENGINE_ADMISSION_PRIVATE_H

#include "engine/admission.h"
#include "engine/id_set.h"
#include "engine/place_map.h"

#define PARKED_MAX 256 /* unconfirmed far-future rows per partition */
#define CARRIED_MAX                                                                                \
    1024 /* ids of rows that are or were parked, kept in the saved state; of others the place is   \
            kept as of any row */

struct pane_ids {
    int64_t start;
    struct dg_id_set set;
    uint64_t least_place; /* of a record that brought an id; UINT64_MAX: all of them are carried */
};

/* A row that is far ahead of its partition. */
struct parked {
    int64_t us;
    uint32_t file; /* where it was, for messages */
    uint64_t place;
};

/* The id of a row that was parked once: its record may lie so far back that nobody reads it again,
 * so the id itself is saved, until its pane is closed. */
struct carried {
    int64_t start;
    uint64_t hash;
};

/* One partition's memory: all that its decisions depend on. */
struct partition {
    uint64_t topic_hash; /* of rows that carry their own place */
    int64_t number;
    int64_t last_offset;   /* INT64_MIN before the first */
    int64_t max_us;        /* newest confirmed event time, INT64_MIN before the first */
    int64_t first_us;      /* least confirmed event time, INT64_MIN before the first */
    struct parked *parked; /* [cap_parked] far-future rows nobody has confirmed */
    uint32_t n_parked, cap_parked;
    struct carried *carried; /* [cap_carried] */
    uint32_t n_carried, cap_carried;
    uint64_t early_bad[DG_REASONS]; /* before any event time was known */
    struct pane_ids *ids;           /* [n_ids] panes that are still open here */
    size_t n_ids;
    size_t last_ids; /* index of those asked last: neighbours share a pane; may be out of date */
};

struct pane_counters {
    int64_t start;
    struct dg_counters counters;
};

struct dg_admission {
    const struct dg_plan *plan;
    bool row_partitions; /* rows name their partitions */
    int64_t pane_us, pane_origin, out_of_order_us, late_us, ahead_us;
    struct partition *partition; /* [n_partitions]; of files, or as rows name them */
    uint32_t n_partitions, cap_partitions;
    struct dg_place_map places; /* of the partitions that rows name */
    int64_t *file_clock;        /* [n_files] */
    bool *ended;                /* [n_files] */
    uint32_t n_files;
    struct pane_counters *pane; /* [n_panes] ascending by start */
    size_t n_panes, cap_panes;
    uint64_t early_bad[DG_REASONS]; /* before any row named its partition */
    uint32_t file;                  /* of the row at hand */
    uint64_t place;
    struct dg_admission_totals totals;
    struct dg_bad_example example[DG_EXAMPLES_MAX];
    size_t n_examples;
};

/* As dg_admission_open; row_partitions whatever the plan says. */
int dg_admission_make(const struct dg_plan *plan, uint32_t n_partitions, bool row_partitions,
                      struct dg_admission **out, struct dg_error *err);
/* The event time of a good row is further beyond its record's own than the monitor allows. */
bool dg_admission_too_far(const struct dg_admission *a, const struct dg_batch *b, size_t row,
                          int64_t t);

/* Start of the pane that t falls into. */
int64_t dg_admission_pane(const struct dg_admission *a, int64_t t);
/* The counters of a pane; NULL for want of memory. */
struct dg_counters *dg_admission_counters(struct dg_admission *a, int64_t start);
void dg_admission_example(struct dg_admission *a, uint32_t partition, enum dg_reason reason,
                          uint64_t place);

/* Those below return 0 or ENOMEM. */
int dg_partition_bad(struct dg_admission *a, struct partition *p, enum dg_reason reason,
                     uint64_t n);
int dg_partition_late(struct dg_admission *a, const struct partition *p);
int64_t dg_partition_watermark(const struct dg_admission *a, const struct partition *p);
/* Would a row of that pane come too late? */
bool dg_partition_is_late(const struct dg_admission *a, const struct partition *p, int64_t pane);
/* Before a row with time t is looked at: it may bear out those that were parked before time began.
 */
int dg_partition_begin(struct dg_admission *a, struct partition *p, int64_t t);
/* A row with time t counts. *parked = time does not follow it for now. */
int dg_partition_time(struct dg_admission *a, struct partition *p, int64_t t, bool *parked);
/* Add an id to the pane's; *at = index of the pane's ids, valid until time moves. */
int dg_partition_id(struct dg_admission *a, struct partition *p, int64_t pane, uint64_t hash,
                    uint64_t place, size_t *at, bool *fresh);
/* Fetch what dg_partition_id will look at if the row falls into the pane of the one before. */
static inline void dg_partition_prefetch(const struct partition *p, uint64_t hash)
{
    if (p->last_ids < p->n_ids) {
        dg_id_set_prefetch(&p->ids[p->last_ids].set, hash);
    }
}
/* The row that brought the id was parked: it travels in the saved state from now on. */
int dg_partition_carry(struct partition *p, int64_t pane, uint64_t hash);
/* The partition ends: what becomes of the rows that are still parked. */
int dg_partition_end(struct dg_admission *a, struct partition *p);
/* Free what a partition that has ended needs no longer. */
void dg_partition_release(struct partition *p);

#endif
