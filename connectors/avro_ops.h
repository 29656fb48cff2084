/* connectors/avro_ops.h -- the program of an Avro plan. Private to avro_*.c and
 * record_avro.c. */
#ifndef DG_CONNECTORS_AVRO_OPS_H
#define DG_CONNECTORS_AVRO_OPS_H

#include "connectors/avro_plan.h"
#include "connectors/avro_wire.h"

#define DG_AVRO_SLOT 40 /* bytes of a formatted number or uuid */

enum dg_avro_code {
    DG_OP_END,
    DG_OP_JUMP,         /* to `target` */
    DG_OP_SKIP_BYTES,   /* `size` */
    DG_OP_SKIP_VARINTS, /* n of them */
    DG_OP_SKIP_STRING,
    DG_OP_SKIP_TYPE,
    DG_OP_DOUBLES,          /* `size` bytes that hold n wanted doubles: list of (offset, column) */
    DG_OP_FLOATS,           /* the same of floats */
    DG_OP_LONGS,            /* n wanted longs: list of columns */
    DG_OP_NUMBER,           /* a union of scalars into a number */
    DG_OP_NULLABLE_DOUBLES, /* n unions of null (branch `flag`) and double: list of columns */
    DG_OP_BOOLEAN,
    DG_OP_TEXT,
    DG_OP_NULLABLE_TEXT,
    DG_OP_SYMBOL,
    DG_OP_TIMESTAMP, /* long with logical type, `size` = unit */
    DG_OP_LEAF,      /* any other scalar into any column */
    DG_OP_SET,       /* n columns to a triage kind: list of (column, kind) */
    DG_OP_SAVE,
    DG_OP_RESTORE,
    DG_OP_UNION, /* n branches: list of targets */
    DG_OP_MAP,   /* `branch` = index of the map's keys; goes on at `target` */
    DG_OP_ARRAY, /* n wanted items: list of (index, target), ascending; goes on at `target` */
};

struct dg_avro_op {
    uint8_t code;
    uint8_t flag;
    uint32_t n;
    uint32_t list;   /* first entry in plan->list */
    uint32_t column; /* or target, or index of a map */
    uint64_t size;
    const struct dg_avro_type *type;
};

/* The wanted keys of a map: open addressing, at most half full, so that an unwanted key costs one
 * probe. */
struct dg_avro_key {
    const char *bytes; /* NULL: free */
    uint64_t word;     /* dg_avro_key_word */
    uint32_t len;
    uint32_t target;
};

struct dg_avro_map {
    struct dg_avro_key *slot; /* [mask + 1] */
    uint32_t mask;
};

struct dg_avro_plan {
    const struct dg_projection *projection;
    struct dg_avro_op *op;
    uint32_t *list;
    struct dg_avro_map *map;
    uint32_t *slot_of; /* [projection->n] index of the column's scratch slot, or UINT32_MAX */
    size_t n_ops, cap_ops, n_list, cap_list, n_maps, cap_maps;
    uint32_t n_slots;
    uint64_t news;
    struct dg_news news_names;
    char *tokens; /* unescaped path steps */
};

/* One call of dg_avro_plan_decode. */
struct dg_avro_run {
    const struct dg_avro_plan *plan;
    struct dg_batch *batch;
    const union dg_column *column; /* of the batch */
    const uint32_t *list;          /* of the plan */
    const uint8_t *end;
    size_t row;
    char *slots; /* of `row`: plan->n_slots of DG_AVRO_SLOT bytes */
    const uint8_t *saved;
    enum dg_reason why;
};

static inline const uint8_t *dg_avro_stop(struct dg_avro_run *r, enum dg_reason why)
{
    r->why = why;
    return NULL;
}

/* A NaN of the data must not look like one of ours. */
static inline double dg_avro_clean(double x)
{
    return DG_UNLIKELY(x != x) ? (double)__builtin_nanf("") : x;
}

/* The first eight bytes of a key, zeros behind a shorter one: decides most comparisons. */
static inline uint64_t dg_avro_key_word(const uint8_t *key, size_t len, const uint8_t *end)
{
    uint64_t word = 0;
    if (DG_LIKELY(end - key >= 8)) {
        word = dg_avro_load64(key);
        return len >= 8 ? word : word & ((UINT64_C(1) << 8 * len) - 1);
    }
    for (size_t i = 0; i < len && i < 8; i++) {
        word |= (uint64_t)key[i] << 8 * i;
    }
    return word;
}

static inline uint32_t dg_avro_key_hash(const uint8_t *key, size_t len, uint64_t word)
{
    uint64_t tail = 0;
    if (len > 8) {
        memcpy(&tail, key + len - 8, 8);
    }
    uint64_t h = (word ^ len ^ tail >> 31) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 29 ^ tail) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(h >> 32);
}

/* Any scalar of `op->type` into op->column. */
const uint8_t *dg_avro_leaf(struct dg_avro_run *r, const struct dg_avro_op *op, const uint8_t *p);
/* Column c of the row: no value, for the reason `kind`. */
void dg_avro_set(struct dg_avro_run *r, uint32_t column, enum dg_triage kind);
/* A text value of the row; marks the row if it is not UTF-8. */
void dg_avro_set_text(struct dg_avro_run *r, uint32_t column, const uint8_t *bytes, size_t len);
/* Over one datum of any type. */
const uint8_t *dg_avro_skip(struct dg_avro_run *r, const struct dg_avro_type *type,
                            const uint8_t *p, int depth);

#endif
