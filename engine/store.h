/* engine/store.h -- where pane deltas live until their windows are evaluated. Append-only: what a
 * lane added to a pane since its last commit is one delta; merging is the reader's. */
#ifndef DG_ENGINE_STORE_H
#define DG_ENGINE_STORE_H

#include "engine/state.h"

struct dg_delta {
    int64_t pane_us; /* start of the pane */
    enum dg_state_kind kind;
    uint32_t id;
    const uint8_t *bytes; /* [n] encoded state; copied by append */
    size_t n;
};

/* Called per delta, ascending by pane; non-zero stops the visit and is returned. */
typedef int (*dg_store_visitor)(void *arg, const struct dg_delta *delta);

struct dg_store_ops;
struct dg_store {
    const struct dg_store_ops *ops;
};

/* Called by one thread at a time, visit apart: several threads may visit at once while none does
 * anything else. Every member is required. */
struct dg_store_ops {
    const char *name;
    int (*append)(struct dg_store *self, const struct dg_delta deltas[], size_t n,
                  struct dg_error *err);
    /* The deltas of one state with from_us <= pane < to_us. */
    int (*visit)(struct dg_store *self, enum dg_state_kind kind, uint32_t id, int64_t from_us,
                 int64_t to_us, dg_store_visitor visitor, void *arg, struct dg_error *err);
    /* No pane that starts before before_us will be asked for again. */
    void (*forget)(struct dg_store *self, int64_t before_us);
    /* Bytes of memory held now. */
    size_t (*bytes)(const struct dg_store *self);
    void (*close)(struct dg_store *self);
};

/* In memory. Deltas to the same pane are merged when they pile up. Borrows the plan. */
DG_MUST_CHECK int dg_memory_store_open(const struct dg_plan *plan, struct dg_store **out,
                                       struct dg_error *err);

/* Merge the deltas of every state and pane with from_us <= pane < to_us into one each, which takes
 * the room of one: for panes to which nothing will be added. Of a memory store only. EBADMSG: a
 * delta is corrupt; ENOMEM; what was not merged is as it was. */
DG_MUST_CHECK int dg_memory_store_pack(struct dg_store *store, int64_t from_us, int64_t to_us,
                                       struct dg_error *err);

#endif
