/* connectors/json_rows.h -- JSON texts into rows of a batch, by a plan. Strict: RFC 8259, UTF-8,
 * DG_JSON_DEPTH_MAX; of a key that comes twice the last value counts. */
#ifndef DG_CONNECTORS_JSON_ROWS_H
#define DG_CONNECTORS_JSON_ROWS_H

#include "connectors/json_plan.h"
#include "connectors/json_scan.h"

/* Records mostly have the keys of the one before, in its order: the k-th key of a record is first
 * compared with what stood there last time, and looked up only if it differs. */
#define DG_JSON_SLOTS 256

struct dg_json_slot {
    const uint8_t *key; /* in the text of a record, its closing quote behind it */
    size_t len;
    uint32_t parent;
    int32_t target;
};

struct dg_json_rows {
    struct dg_json j;
    const struct dg_json_plan *plan;
    struct dg_batch *batch;
    uint32_t *seen;           /* [plan->n] == stamp: the present record has this node */
    const uint8_t **captured; /* [plan->n_captures] where the value begins; NULL: none */
    uint32_t stamp;
    uint32_t n_seen; /* of the wanted nodes */
    uint64_t news;   /* of the last row */
    size_t k;        /* keys of the record so far */
    size_t n_slots;
    struct dg_json_slot slot[DG_JSON_SLOTS];
};

/* Read rows of `batch`, whose projection is the plan's, from now on. Texts that have been read stay
 * where they are until the next begin. seen [plan->n] and captured [plan->n_captures] (NULL
 * for none) are the caller's memory. */
void dg_json_rows_begin(struct dg_json_rows *r, const struct dg_json_plan *plan,
                        struct dg_batch *batch, uint32_t seen[], const uint8_t *captured[]);

/*
 * [text, end) holds one object and white space: fill the columns of row batch->n, absent ones too;
 * batch->n, reason, place and news are the caller's business. False: r->j.reason says why,
 * r->j.p where; scratch and news are as before. The text is padded as json_scan.h wants; the batch
 * has room for the row, and in its scratch for as many bytes as the text has.
 */
bool dg_json_rows_document(struct dg_json_rows *r, const uint8_t *text, const uint8_t *end);
/* The same of any value at `text`, behind which more may stand; a path "" is the value itself.
 * Returns the place behind it, or NULL. */
const uint8_t *dg_json_rows_value(struct dg_json_rows *r, const uint8_t *text, const uint8_t *end);
/* Row batch->n has none of the fields. */
void dg_json_rows_absent(struct dg_json_rows *r);

#endif
