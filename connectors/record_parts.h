/* connectors/record_parts.h -- the fields of a projection by where they stand in a record: in the
 * event, around the instances, in arrays parallel to them, in a JSON key. Private to record_*.c.
 *
 * Each part is read by a plan of its own, into a view of the batch that has the part's columns
 * only: readers of files need not know that there is more than one. */
#ifndef DG_CONNECTORS_RECORD_PARTS_H
#define DG_CONNECTORS_RECORD_PARTS_H

#include "connectors/json_rows.h"
#include "engine/record.h"

#define DG_RECORD_INSTANCES_MAX ((size_t)1 << 16) /* events of one record */
#define DG_RECORD_PARALLEL_MAX  16                /* arrays that go along with them */

struct dg_record_part {
    struct dg_projection projection; /* owned: fields and their paths */
    uint32_t *column;                /* [projection.n] in the whole batch */
    char *array;                     /* parallel: pointer to its array; else NULL */
    uint32_t capture;                /* ... and its number among what `around` captures */
    struct dg_batch view;            /* borrows everything from the batch that it is bound to */
    struct dg_json_plan plan;
    struct dg_json_rows *rows;
    uint32_t *seen;
    const uint8_t **captured; /* [plan.n_captures] */
};

enum dg_beside_kind {
    DG_BESIDE_KEY,
    DG_BESIDE_HEADER,
    DG_BESIDE_TOPIC,
    DG_BESIDE_PARTITION,
    DG_BESIDE_OFFSET,
    DG_BESIDE_TIMESTAMP,
};

struct dg_beside {
    enum dg_beside_kind kind;
    const char *name; /* of the header */
    uint32_t column;
};

struct dg_record_parts {
    const struct dg_projection *whole;
    bool several;                    /* instances: a record is any number of events */
    struct dg_record_part event;     /* the record, or one instance */
    struct dg_record_part around;    /* ^/... */
    struct dg_record_part key;       /* @key/... */
    struct dg_record_part *parallel; /* [n_parallel] ^/.../#... */
    size_t n_parallel;
    struct dg_beside *beside; /* [n_beside] */
    size_t n_beside;
    uint32_t *shared; /* [n_shared] columns that all events of a record have alike */
    size_t n_shared;
    bool id_shared;  /* the id is one of them */
    size_t row_room; /* bytes of scratch for the texts that `beside` makes, per record */
};

/* events[n]: pointers to where the events stand, the first of them an array of events unless a
 * preset unpacks them; n = 0: the record is the event. ENOMEM, EINVAL. */
DG_MUST_CHECK int dg_record_parts_init(struct dg_record_parts *p,
                                       const struct dg_projection *projection,
                                       const char *const events[], size_t n, struct dg_error *err);
void dg_record_parts_deinit(struct dg_record_parts *p);

/* The batch's columns have been moved, or it is another one. */
void dg_record_parts_bind(struct dg_record_parts *p, struct dg_batch *batch);
/* Let the part read row batch->n, and what it took of the scratch be known. */
static inline struct dg_batch *dg_record_part_enter(struct dg_record_part *part,
                                                    const struct dg_batch *batch)
{
    part->view.n = batch->n;
    part->view.scratch = batch->scratch;
    return &part->view;
}
static inline void dg_record_part_leave(const struct dg_record_part *part, struct dg_batch *batch)
{
    batch->scratch.len = part->view.scratch.len;
}

/* The columns beside the value, of row `row`. False: a text that is wanted is not UTF-8. */
bool dg_record_beside(struct dg_record_parts *p, const struct dg_topic_partition *place,
                      const struct dg_record *record, struct dg_batch *batch, size_t row);

/* Copy the shared columns of row `from` to the rows (from, end). */
void dg_record_parts_share(const struct dg_record_parts *p, struct dg_batch *batch, size_t from,
                           size_t end);

#endif
