#include "engine/live/stream_panes.h"

#include "engine/panes.h"
#include "stats/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct dg_stream_panes {
    struct dg_store base; /* first: the store that an evaluator reads is the panes */
    const struct dg_plan *plan;
    struct dg_store *committed, *overlay;
    struct dg_bytes overlaid, last; /* the overlay as bytes, now and at the last look */
};

static int layers_append(struct dg_store *self, const struct dg_delta deltas[], size_t n,
                         struct dg_error *err)
{
    (void)deltas;
    (void)n;
    (void)err;
    DG_ASSERT(self == NULL); /* rows come through dg_stream_panes_add */
    return EINVAL;
}

/* The overlay holds counters of the stream, for which the order of panes does not matter. */
static int layers_visit(struct dg_store *self, enum dg_state_kind kind, uint32_t id,
                        int64_t from_us, int64_t to_us, dg_store_visitor visitor, void *arg,
                        struct dg_error *err)
{
    struct dg_stream_panes *p = (struct dg_stream_panes *)self;
    const int rc =
        p->committed->ops->visit(p->committed, kind, id, from_us, to_us, visitor, arg, err);
    return rc != 0 || kind != DG_STATE_STREAM
               ? rc
               : p->overlay->ops->visit(p->overlay, kind, id, from_us, to_us, visitor, arg, err);
}

/* An evaluator that goes back needs what it said it would not. */
static void layers_forget(struct dg_store *self, int64_t before_us)
{
    (void)self;
    (void)before_us;
}

static size_t layers_bytes(const struct dg_store *self)
{
    return dg_stream_panes_bytes((const struct dg_stream_panes *)self);
}

static void layers_close(struct dg_store *self)
{
    (void)self; /* is the panes' */
}

static const struct dg_store_ops LAYERS = {
    .name = "layers",
    .append = layers_append,
    .visit = layers_visit,
    .forget = layers_forget,
    .bytes = layers_bytes,
    .close = layers_close,
};

int dg_stream_panes_open(const struct dg_plan *plan, struct dg_stream_panes **out,
                         struct dg_error *err)
{
    struct dg_stream_panes *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return dg_fail_memory(err);
    }
    p->base.ops = &LAYERS;
    p->plan = plan;
    int rc = dg_memory_store_open(plan, &p->committed, err);
    rc = rc != 0 ? rc : dg_memory_store_open(plan, &p->overlay, err);
    if (rc != 0) {
        dg_stream_panes_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

void dg_stream_panes_close(struct dg_stream_panes *p)
{
    if (p == NULL) {
        return;
    }
    if (p->committed != NULL) {
        p->committed->ops->close(p->committed);
    }
    if (p->overlay != NULL) {
        p->overlay->ops->close(p->overlay);
    }
    dg_bytes_deinit(&p->overlaid);
    dg_bytes_deinit(&p->last);
    free(p);
}

struct dg_store *dg_stream_panes_store(struct dg_stream_panes *p)
{
    return &p->base;
}

struct dg_store *dg_stream_panes_overlay(struct dg_stream_panes *p)
{
    return p->overlay;
}

void dg_stream_panes_clear_overlay(struct dg_stream_panes *p)
{
    p->overlay->ops->forget(p->overlay, INT64_MAX);
}

struct adding {
    struct dg_stream_panes *panes;
    struct dg_error *err;
};

/* States of one kind there can be, as far as groups are known. */
static uint64_t ids_of(const struct dg_plan *plan, enum dg_state_kind kind)
{
    const uint64_t slices = (uint64_t)plan->slicer.n_groups * plan->slicer.n_segments;
    return kind == DG_STATE_SERIES ? slices * plan->n_columns : kind == DG_STATE_SLICE ? slices : 1;
}

static int add_delta(void *arg, const struct dg_delta *d)
{
    const struct adding *a = arg;
    const struct dg_plan *plan = a->panes->plan;
    const int64_t width = dg_pane_width(plan->monitor);
    if (d->id >= ids_of(plan, d->kind) ||
        dg_align_down(d->pane_us, width, dg_span_origin(width)) != d->pane_us) {
        return dg_fail(a->err, EBADMSG,
                       "pane %" PRId64 " holds state %u of kind %d, which monitor %s does not have",
                       d->pane_us, d->id, (int)d->kind, plan->monitor->name);
    }
    struct dg_store *store = a->panes->committed;
    return store->ops->append(store, d, 1, a->err);
}

int dg_stream_panes_add(struct dg_stream_panes *p, int64_t pane_us, const uint8_t bytes[], size_t n,
                        struct dg_error *err)
{
    struct adding a = {p, err};
    return dg_unpack(pane_us, bytes, n, add_delta, &a, err);
}

static int note_overlaid(void *arg, const struct dg_delta *d)
{
    struct dg_bytes *b = arg;
    dg_put_zigzag(b, d->pane_us);
    dg_put_varint(b, d->n);
    dg_put_raw(b, d->bytes, d->n);
    return 0;
}

struct overlaid {
    int64_t pane_us; /* INT64_MAX: there is none */
    const uint8_t *bytes;
    size_t n;
};

static struct overlaid next_overlaid(struct dg_reader *r)
{
    struct overlaid o = {.pane_us = INT64_MAX};
    if (r->p < r->end) {
        o.pane_us = dg_get_zigzag(r);
        o.n = (size_t)dg_get_varint(r);
        o.bytes = dg_get_raw(r, o.n);
    }
    return o;
}

/* The least pane of which the two say different things. */
static int64_t first_difference(const struct dg_bytes *a, const struct dg_bytes *b)
{
    struct dg_reader x = {a->data, a->len == 0 ? a->data : a->data + a->len, false};
    struct dg_reader y = {b->data, b->len == 0 ? b->data : b->data + b->len, false};
    struct overlaid i, j;
    do {
        i = next_overlaid(&x);
        j = next_overlaid(&y);
    } while (i.pane_us != INT64_MAX && i.pane_us == j.pane_us && i.n == j.n &&
             memcmp(i.bytes, j.bytes, i.n) == 0);
    return i.pane_us < j.pane_us ? i.pane_us : j.pane_us;
}

int dg_stream_panes_overlaid(struct dg_stream_panes *p, int64_t *from_us, struct dg_error *err)
{
    const struct dg_store_ops *ops = p->overlay->ops;
    dg_bytes_clear(&p->overlaid);
    int rc = dg_memory_store_pack(p->overlay, INT64_MIN, INT64_MAX, err);
    rc = rc != 0 ? rc
                 : ops->visit(p->overlay, DG_STATE_STREAM, 0, INT64_MIN, INT64_MAX, note_overlaid,
                              &p->overlaid, err);
    if (rc != 0 || p->overlaid.failed) {
        return rc != 0 ? rc : dg_fail_memory(err);
    }
    *from_us = first_difference(&p->overlaid, &p->last);
    const struct dg_bytes t = p->last;
    p->last = p->overlaid;
    p->overlaid = t;
    return 0;
}

static int note_pane(void *arg, const struct dg_delta *d)
{
    int64_t *pane_us = arg;
    *pane_us = d->pane_us < *pane_us ? d->pane_us : *pane_us;
    return 1; /* the first is the earliest */
}

int64_t dg_stream_panes_next(struct dg_stream_panes *p, int64_t from_us)
{
    const struct dg_slicer *s = &p->plan->slicer;
    int64_t pane_us = INT64_MAX;
    /* Every row of a group is in the slice of all its rows; the rest is the stream's. */
    for (uint32_t g = 0; g < s->n_groups; g++) {
        (void)p->committed->ops->visit(p->committed, DG_STATE_SLICE, g * s->n_segments, from_us,
                                       INT64_MAX, note_pane, &pane_us, NULL);
    }
    (void)p->committed->ops->visit(p->committed, DG_STATE_STREAM, 0, from_us, INT64_MAX, note_pane,
                                   &pane_us, NULL);
    return pane_us;
}

struct packing {
    struct dg_store *into;
    struct dg_error *err;
};

static int pack_delta(void *arg, const struct dg_delta *d)
{
    const struct packing *k = arg;
    return k->into->ops->append(k->into, d, 1, k->err);
}

int dg_stream_panes_pack(struct dg_stream_panes *p, int64_t from_us, int64_t to_us,
                         struct dg_packer *packer, int32_t stream, struct dg_error *err)
{
    const struct dg_plan *plan = p->plan;
    struct packing k = {
        dg_packer_store(packer, stream, plan->slicer.n_segments, (uint32_t)plan->n_columns, NULL),
        err};
    int rc = dg_memory_store_pack(p->committed, from_us, to_us, err);
    for (int kind = 0; kind < DG_STATE_KINDS; kind++) {
        const uint64_t n = ids_of(plan, (enum dg_state_kind)kind);
        for (uint64_t id = 0; id < n && rc == 0; id++) {
            rc = p->committed->ops->visit(p->committed, (enum dg_state_kind)kind, (uint32_t)id,
                                          from_us, to_us, pack_delta, &k, err);
        }
    }
    return rc;
}

void dg_stream_panes_forget(struct dg_stream_panes *p, int64_t before_us)
{
    p->committed->ops->forget(p->committed, before_us);
}

size_t dg_stream_panes_bytes(const struct dg_stream_panes *p)
{
    return p->committed->ops->bytes(p->committed) + p->overlay->ops->bytes(p->overlay);
}
