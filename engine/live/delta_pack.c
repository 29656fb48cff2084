#include "engine/live/delta_pack.h"

#include "stats/bytes.h"
#include "stats/category.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PACK_VERSION 1
#define HEAD_BYTES   9 /* version, checksum */
#define KIND_BITS    2

/* Kept from commit to commit: a slot's buffer serves the next row that needs one. */
struct row {
    int32_t stream;
    int64_t pane_us;
    struct dg_bytes bytes;
};

struct dg_packer {
    struct dg_store store; /* first: the store is the packer */
    int32_t stream;
    uint32_t n_segments, n_columns;
    const uint32_t *group;
    struct row *row; /* [n_rows], room and buffers for cap_rows */
    size_t n_rows, cap_rows;
    size_t *open; /* [n_open] rows that take more, ascending by (stream, pane) */
    size_t n_open, cap_open;
    struct dg_packed_row *out; /* [cap_out] */
    size_t cap_out;
};

static int pack_append(struct dg_store *self, const struct dg_delta deltas[], size_t n,
                       struct dg_error *err);

static int pack_visit(struct dg_store *self, enum dg_state_kind kind, uint32_t id, int64_t from_us,
                      int64_t to_us, dg_store_visitor visitor, void *arg, struct dg_error *err)
{
    (void)kind;
    (void)id;
    (void)from_us;
    (void)to_us;
    (void)visitor;
    (void)arg;
    (void)err;
    DG_ASSERT(self == NULL); /* a packer cannot be read */
    return EINVAL;
}

static void pack_forget(struct dg_store *self, int64_t before_us)
{
    (void)before_us;
    DG_ASSERT(self == NULL); /* nor does it forget */
}

static size_t pack_bytes(const struct dg_store *self)
{
    const struct dg_packer *p = (const struct dg_packer *)self;
    size_t sum = 0;
    for (size_t i = 0; i < p->cap_rows; i++) {
        sum += p->row[i].bytes.cap;
    }
    return sum;
}

static void pack_close(struct dg_store *self)
{
    (void)self; /* is the packer's */
}

static const struct dg_store_ops PACK_STORE = {
    .name = "pack",
    .append = pack_append,
    .visit = pack_visit,
    .forget = pack_forget,
    .bytes = pack_bytes,
    .close = pack_close,
};

int dg_packer_open(struct dg_packer **out, struct dg_error *err)
{
    struct dg_packer *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return dg_fail_memory(err);
    }
    p->store.ops = &PACK_STORE;
    *out = p;
    return 0;
}

void dg_packer_close(struct dg_packer *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->cap_rows; i++) {
        dg_bytes_deinit(&p->row[i].bytes);
    }
    free(p->row);
    free(p->open);
    free(p->out);
    free(p);
}

struct dg_store *dg_packer_store(struct dg_packer *p, int32_t stream, uint32_t n_segments,
                                 uint32_t n_columns, const uint32_t group[])
{
    DG_ASSERT(n_segments > 0);
    p->stream = stream;
    p->n_segments = n_segments;
    p->n_columns = n_columns;
    p->group = group;
    return &p->store;
}

void dg_packer_clear(struct dg_packer *p)
{
    p->n_rows = p->n_open = 0;
}

/* Double `*array` of elements of `size` bytes; what is new is zero. */
static int grow(void *array_at, size_t *cap, size_t size)
{
    void **array = array_at;
    const size_t want = *cap == 0 ? 16 : 2 * *cap;
    char *grown = realloc(*array, want * size);
    if (grown == NULL) {
        return ENOMEM;
    }
    memset(grown + *cap * size, 0, (want - *cap) * size);
    *array = grown;
    *cap = want;
    return 0;
}

static int row_order(const struct row *r, int32_t stream, int64_t pane_us)
{
    if (r->stream != stream) {
        return r->stream < stream ? -1 : 1;
    }
    return (r->pane_us > pane_us) - (r->pane_us < pane_us);
}

static void put_fixed(struct dg_bytes *b, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        dg_put_u8(b, (uint8_t)(v >> 8 * i));
    }
}

/* A new row of the pane, empty but for its head; NULL for want of memory. */
static struct row *begin_row(struct dg_packer *p, int64_t pane_us)
{
    if (p->n_rows == p->cap_rows && grow(&p->row, &p->cap_rows, sizeof *p->row) != 0) {
        return NULL;
    }
    struct row *r = &p->row[p->n_rows];
    r->stream = p->stream;
    r->pane_us = pane_us;
    dg_bytes_clear(&r->bytes);
    dg_put_u8(&r->bytes, PACK_VERSION);
    put_fixed(&r->bytes, 0);
    dg_put_zigzag(&r->bytes, pane_us);
    if (r->bytes.failed) {
        return NULL;
    }
    p->n_rows++;
    return r;
}

/* The row of the pane that has room for `n` more bytes, begun if need be. */
static struct row *open_row(struct dg_packer *p, int64_t pane_us, size_t n)
{
    size_t low = 0, high = p->n_open;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (row_order(&p->row[p->open[mid]], p->stream, pane_us) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    const bool there = low < p->n_open && row_order(&p->row[p->open[low]], p->stream, pane_us) == 0;
    if (there && p->row[p->open[low]].bytes.len + n <= DG_PACK_BYTES) {
        return &p->row[p->open[low]];
    }
    if (!there && p->n_open == p->cap_open && grow(&p->open, &p->cap_open, sizeof *p->open) != 0) {
        return NULL;
    }
    struct row *r = begin_row(p, pane_us);
    /* What is too large for any row leaves the open one as it is. */
    if (r == NULL || r->bytes.len + n > DG_PACK_BYTES) {
        return r;
    }
    if (!there) {
        memmove(&p->open[low + 1], &p->open[low], (p->n_open - low) * sizeof *p->open);
        p->n_open++;
    }
    p->open[low] = (size_t)(r - p->row);
    return r;
}

static uint32_t ledger_slice(const struct dg_packer *p, uint32_t slice)
{
    return p->group == NULL
               ? slice
               : p->group[slice / p->n_segments] * p->n_segments + slice % p->n_segments;
}

static uint32_t ledger_id(const struct dg_packer *p, const struct dg_delta *d)
{
    switch (d->kind) {
    case DG_STATE_SERIES:
        return ledger_slice(p, d->id / p->n_columns) * p->n_columns + d->id % p->n_columns;
    case DG_STATE_SLICE:
        return ledger_slice(p, d->id);
    case DG_STATE_STREAM:
    case DG_STATE_KINDS:
        break;
    }
    DG_ASSERT(d->kind == DG_STATE_STREAM && d->id == 0);
    return 0;
}

static size_t varint_bytes(uint64_t v)
{
    size_t n = 1;
    while (v >= 128) {
        v >>= 7;
        n++;
    }
    return n;
}

static int pack_append(struct dg_store *self, const struct dg_delta deltas[], size_t n,
                       struct dg_error *err)
{
    struct dg_packer *p = (struct dg_packer *)self;
    for (size_t i = 0; i < n; i++) {
        const struct dg_delta *d = &deltas[i];
        const uint64_t name = (uint64_t)ledger_id(p, d) << KIND_BITS | (uint64_t)d->kind;
        struct row *r = open_row(p, d->pane_us, varint_bytes(name) + varint_bytes(d->n) + d->n);
        if (r == NULL) {
            return dg_fail_memory(err);
        }
        dg_put_varint(&r->bytes, name);
        dg_put_varint(&r->bytes, d->n);
        dg_put_raw(&r->bytes, d->bytes, d->n);
        if (r->bytes.failed) {
            return dg_fail_memory(err);
        }
    }
    return 0;
}

static uint64_t checksum(const uint8_t bytes[], size_t n)
{
    return dg_hash_key((const char *)bytes + HEAD_BYTES, n - HEAD_BYTES);
}

static int by_place(const void *a, const void *b)
{
    const struct dg_packed_row *x = a, *y = b;
    if (x->stream != y->stream) {
        return x->stream < y->stream ? -1 : 1;
    }
    if (x->pane_us != y->pane_us) {
        return x->pane_us < y->pane_us ? -1 : 1;
    }
    /* Any order will do, but the same rows should always come in the same. */
    const size_t least = x->n < y->n ? x->n : y->n;
    const int cmp = memcmp(x->bytes, y->bytes, least);
    return cmp != 0 ? cmp : (x->n > y->n) - (x->n < y->n);
}

int dg_packer_rows(struct dg_packer *p, const struct dg_packed_row **rows, size_t *n,
                   struct dg_error *err)
{
    while (p->cap_out < p->n_rows) {
        if (grow(&p->out, &p->cap_out, sizeof *p->out) != 0) {
            return dg_fail_memory(err);
        }
    }
    p->n_open = 0;
    for (size_t i = 0; i < p->n_rows; i++) {
        const struct row *r = &p->row[i];
        const uint64_t sum = checksum(r->bytes.data, r->bytes.len);
        for (int k = 0; k < 8; k++) {
            r->bytes.data[1 + k] = (uint8_t)(sum >> 8 * k);
        }
        p->out[i] = (struct dg_packed_row){r->stream, r->pane_us, r->bytes.data, r->bytes.len};
    }
    if (p->n_rows > 1) {
        qsort(p->out, p->n_rows, sizeof *p->out, by_place);
    }
    *rows = p->out;
    *n = p->n_rows;
    return 0;
}

static int damaged(struct dg_error *err, int64_t pane_us, const char *what)
{
    return dg_fail(err, EBADMSG,
                   "packed pane %" PRId64 " is damaged (%s): restore the database from a backup, "
                   "or judge again from the log",
                   pane_us, what);
}

int dg_unpack(int64_t pane_us, const uint8_t bytes[], size_t n, dg_store_visitor visitor, void *arg,
              struct dg_error *err)
{
    struct dg_reader r = {bytes, bytes + n, false};
    if (dg_get_u8(&r) != PACK_VERSION) {
        return damaged(err, pane_us, n == 0 ? "empty" : "of another version");
    }
    const uint8_t *stored = dg_get_raw(&r, 8);
    uint64_t sum = 0;
    for (int k = 0; stored != NULL && k < 8; k++) {
        sum |= (uint64_t)stored[k] << 8 * k;
    }
    if (stored == NULL || sum != checksum(bytes, n)) {
        return damaged(err, pane_us, "checksum");
    }
    if (dg_get_zigzag(&r) != pane_us || r.failed) {
        return damaged(err, pane_us, "of another pane");
    }
    while (r.p < r.end) {
        const uint64_t name = dg_get_varint(&r);
        const uint64_t len = dg_get_varint(&r);
        const uint64_t kind = name & ((1U << KIND_BITS) - 1), id = name >> KIND_BITS;
        const uint8_t *state = len <= n ? dg_get_raw(&r, (size_t)len) : NULL;
        if (r.failed || state == NULL || kind >= DG_STATE_KINDS || id > UINT32_MAX) {
            return damaged(err, pane_us, "malformed");
        }
        const struct dg_delta d = {pane_us, (enum dg_state_kind)kind, (uint32_t)id, state,
                                   (size_t)len};
        const int rc = visitor(arg, &d);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}
