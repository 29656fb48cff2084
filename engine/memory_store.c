/* Per state: its deltas, ascending by pane. Blobs are allocated one by one, freed as panes are
 * forgotten. */
#include "engine/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PILE_MAX 8 /* deltas of one pane before they are merged into one */

struct entry {
    int64_t pane_us;
    uint8_t *bytes; /* owned */
    uint32_t n;
};

struct history {
    struct entry *entry; /* [cap], live ones are first .. first + n - 1, ascending by pane */
    uint32_t first;
    uint32_t n;
    uint32_t cap;
};

struct memory_store {
    struct dg_store base;
    const struct dg_plan *plan;
    struct history *history[DG_STATE_KINDS]; /* by id */
    uint32_t n_history[DG_STATE_KINDS];
    struct dg_state scratch;
    struct dg_bytes encoded;
    size_t bytes;
};

static struct history *history_of(struct memory_store *s, enum dg_state_kind kind, uint32_t id)
{
    if (id >= s->n_history[kind]) {
        uint32_t n = s->n_history[kind] == 0 ? 64 : s->n_history[kind];
        while (n <= id) {
            n *= 2;
        }
        struct history *grown = realloc(s->history[kind], n * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        memset(grown + s->n_history[kind], 0, (n - s->n_history[kind]) * sizeof *grown);
        s->bytes += (n - s->n_history[kind]) * sizeof *grown;
        s->history[kind] = grown;
        s->n_history[kind] = n;
    }
    return &s->history[kind][id];
}

static int make_room(struct memory_store *s, struct history *h)
{
    if (h->first + h->n < h->cap) {
        return 0;
    }
    if (h->first > h->n / 4) { /* so much was forgotten that moving pays */
        memmove(h->entry, h->entry + h->first, h->n * sizeof *h->entry);
        h->first = 0;
        return 0;
    }
    const uint32_t cap = h->cap == 0 ? 4 : h->cap + h->cap / 2;
    struct entry *grown = realloc(h->entry, cap * sizeof *grown);
    if (grown == NULL) {
        return ENOMEM;
    }
    s->bytes += (cap - h->cap) * sizeof *grown;
    h->entry = grown;
    h->cap = cap;
    return 0;
}

static uint8_t *copy_bytes(struct memory_store *s, const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n == 0 ? 1 : n);
    if (copy != NULL) {
        memcpy(copy, bytes, n);
        s->bytes += n + 16; /* what the allocator adds, about */
    }
    return copy;
}

static void drop_entry(struct memory_store *s, struct entry *e)
{
    s->bytes -= e->n + 16;
    free(e->bytes);
}

/* First live entry whose pane is not below pane_us. */
static uint32_t lower_bound(const struct history *h, int64_t pane_us)
{
    uint32_t low = h->first, high = h->first + h->n;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (h->entry[mid].pane_us < pane_us) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/* Merge the entries [from, to) of one pane into entry `from`. */
static int merge_pile(struct memory_store *s, struct history *h, const struct dg_delta *d,
                      uint32_t from, uint32_t to)
{
    dg_state_reset(&s->scratch, s->plan, d->kind, d->id);
    for (uint32_t i = from; i < to; i++) {
        const int rc = dg_state_add_encoded(&s->scratch, h->entry[i].bytes, h->entry[i].n);
        if (rc != 0) {
            return rc;
        }
    }
    dg_bytes_clear(&s->encoded);
    dg_state_encode(&s->scratch, &s->encoded);
    uint8_t *merged = s->encoded.failed ? NULL : copy_bytes(s, s->encoded.data, s->encoded.len);
    if (merged == NULL) {
        return ENOMEM;
    }
    for (uint32_t i = from; i < to; i++) {
        drop_entry(s, &h->entry[i]);
    }
    h->entry[from] = (struct entry){d->pane_us, merged, (uint32_t)s->encoded.len};
    memmove(&h->entry[from + 1], &h->entry[to], (h->first + h->n - to) * sizeof *h->entry);
    h->n -= to - from - 1;
    return 0;
}

static int append_one(struct memory_store *s, const struct dg_delta *d)
{
    struct history *h = history_of(s, d->kind, d->id);
    if (h == NULL || make_room(s, h) != 0) {
        return ENOMEM;
    }
    uint8_t *copy = copy_bytes(s, d->bytes, d->n);
    if (copy == NULL) {
        return ENOMEM;
    }
    const uint32_t at = lower_bound(h, d->pane_us);
    memmove(&h->entry[at + 1], &h->entry[at], (h->first + h->n - at) * sizeof *h->entry);
    h->entry[at] = (struct entry){d->pane_us, copy, (uint32_t)d->n};
    h->n++;
    uint32_t end = at;
    while (end < h->first + h->n && h->entry[end].pane_us == d->pane_us) {
        end++;
    }
    return end - at < PILE_MAX ? 0 : merge_pile(s, h, d, at, end);
}

static int memory_fail(int rc, struct dg_error *err)
{
    return rc == ENOMEM ? dg_fail_memory(err) : dg_fail(err, rc, "pane state is corrupt in memory");
}

static int memory_append(struct dg_store *self, const struct dg_delta deltas[], size_t n,
                         struct dg_error *err)
{
    struct memory_store *s = (struct memory_store *)self;
    for (size_t i = 0; i < n; i++) {
        DG_ASSERT(deltas[i].n <= UINT32_MAX);
        const int rc = append_one(s, &deltas[i]);
        if (rc != 0) {
            return memory_fail(rc, err);
        }
    }
    return 0;
}

static int memory_visit(struct dg_store *self, enum dg_state_kind kind, uint32_t id,
                        int64_t from_us, int64_t to_us, dg_store_visitor visitor, void *arg,
                        struct dg_error *err)
{
    struct memory_store *s = (struct memory_store *)self;
    (void)err; /* memory cannot fail to be read */
    if (id >= s->n_history[kind]) {
        return 0;
    }
    const struct history *h = &s->history[kind][id];
    for (uint32_t i = lower_bound(h, from_us); i < h->first + h->n; i++) {
        const struct entry *e = &h->entry[i];
        if (e->pane_us >= to_us) {
            break;
        }
        const struct dg_delta d = {e->pane_us, kind, id, e->bytes, e->n};
        const int rc = visitor(arg, &d);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static void memory_forget(struct dg_store *self, int64_t before_us)
{
    struct memory_store *s = (struct memory_store *)self;
    for (int kind = 0; kind < DG_STATE_KINDS; kind++) {
        for (uint32_t id = 0; id < s->n_history[kind]; id++) {
            struct history *h = &s->history[kind][id];
            while (h->n > 0 && h->entry[h->first].pane_us < before_us) {
                drop_entry(s, &h->entry[h->first]);
                h->first++;
                h->n--;
            }
        }
    }
}

static size_t memory_bytes(const struct dg_store *self)
{
    return ((const struct memory_store *)self)->bytes;
}

static void memory_close(struct dg_store *self)
{
    struct memory_store *s = (struct memory_store *)self;
    for (int kind = 0; kind < DG_STATE_KINDS; kind++) {
        for (uint32_t id = 0; id < s->n_history[kind]; id++) {
            const struct history *h = &s->history[kind][id];
            for (uint32_t i = 0; i < h->n; i++) {
                free(h->entry[h->first + i].bytes);
            }
            free(h->entry);
        }
        free(s->history[kind]);
    }
    dg_state_deinit(&s->scratch);
    dg_bytes_deinit(&s->encoded);
    free(s);
}

static const struct dg_store_ops MEMORY_STORE = {
    .name = "memory",
    .append = memory_append,
    .visit = memory_visit,
    .forget = memory_forget,
    .bytes = memory_bytes,
    .close = memory_close,
};

static int pack_history(struct memory_store *s, struct history *h, enum dg_state_kind kind,
                        uint32_t id, int64_t from_us, int64_t to_us)
{
    int rc = 0;
    for (uint32_t at = lower_bound(h, from_us); at < h->first + h->n && rc == 0; at++) {
        const struct dg_delta d = {h->entry[at].pane_us, kind, id, NULL, 0};
        uint32_t end = at + 1;
        while (end < h->first + h->n && h->entry[end].pane_us == d.pane_us) {
            end++;
        }
        if (d.pane_us >= to_us) {
            break;
        }
        rc = end - at > 1 ? merge_pile(s, h, &d, at, end) : 0;
    }
    return rc;
}

int dg_memory_store_pack(struct dg_store *store, int64_t from_us, int64_t to_us,
                         struct dg_error *err)
{
    DG_ASSERT(store->ops == &MEMORY_STORE);
    struct memory_store *s = (struct memory_store *)store;
    for (int kind = 0; kind < DG_STATE_KINDS; kind++) {
        for (uint32_t id = 0; id < s->n_history[kind]; id++) {
            const int rc = pack_history(s, &s->history[kind][id], (enum dg_state_kind)kind, id,
                                        from_us, to_us);
            if (rc != 0) {
                return memory_fail(rc, err);
            }
        }
    }
    return 0;
}

int dg_memory_store_open(const struct dg_plan *plan, struct dg_store **out, struct dg_error *err)
{
    struct memory_store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return dg_fail_memory(err);
    }
    s->base.ops = &MEMORY_STORE;
    s->plan = plan;
    *out = &s->base;
    return 0;
}
