/* connectors/json_plan.h -- the paths of a projection as a tree that a scanner walks along. */
#ifndef DG_CONNECTORS_JSON_PLAN_H
#define DG_CONNECTORS_JSON_PLAN_H

#include "engine/batch.h"

/* A place in the document that somebody wants, or that leads there, or that is ignored. */
struct dg_json_node {
    const char *key; /* [len] unescaped */
    uint32_t len;
    uint32_t parent;
    uint64_t hash;
    int32_t first_column; /* chain through next_column, or -1 */
    int32_t capture;      /* its number, or -1 */
    int32_t first_child;  /* chain through next_sibling, or -1: read over containers */
    int32_t next_sibling;
};

/* Node 0 is the record. Immutable after init. */
struct dg_json_plan {
    const struct dg_projection *projection;
    struct dg_json_node *node; /* [n] */
    uint32_t n;
    uint32_t n_wanted; /* nodes that have columns */
    uint32_t n_captures;
    bool no_news;         /* set by the owner: unknown fields are nobody's business */
    int32_t *next_column; /* [projection->n] */
    uint32_t *node_of;    /* [projection->n] */
    uint32_t *table;      /* [mask + 1] open addressing: node, or 0 */
    uint32_t mask;
    char *keys;
};

/* A path that begins with '/' is an RFC 6901 pointer (its tokens name members of objects, or
 * indexes of arrays); any other is the name of a top-level member, and "" the record itself. Of
 * the values at capture[n_captures] (distinct paths) the reader says where they stand. Returns 0 or
 * ENOMEM; on failure plan is safe to deinit. */
DG_MUST_CHECK int dg_json_plan_init(struct dg_json_plan *plan,
                                    const struct dg_projection *projection,
                                    const char *const capture[], uint32_t n_captures,
                                    struct dg_error *err);
void dg_json_plan_deinit(struct dg_json_plan *plan);

/* The child of `parent` of that name, or 0. O(len). */
uint32_t dg_json_plan_find(const struct dg_json_plan *plan, uint32_t parent, const void *key,
                           size_t len);

#endif
