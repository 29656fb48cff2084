#include "tests/support/fake_decoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_decoder {
    struct dg_decoder base;
    struct fake_trouble *trouble;
};

/* Instances one after the other: the row's plain part, then per text whether there is one and the
 * string with its NUL. */
static void put_instance(struct dg_bytes *b, const struct memory_row *row)
{
    struct memory_row plain;
    memset(&plain, 0, sizeof plain); /* between the members, too: equal rows are equal bytes */
    plain.time_us = row->time_us;
    memcpy(plain.number, row->number, sizeof plain.number);
    plain.partition = row->partition;
    plain.offset = row->offset;
    plain.reason = row->reason;
    plain.record_us = row->record_us;
    dg_put_raw(b, &plain, sizeof plain);
    for (int i = 0; i < MEMORY_TEXTS; i++) {
        dg_put_u8(b, row->text[i] != NULL);
        if (row->text[i] != NULL) {
            dg_put_raw(b, row->text[i], strlen(row->text[i]) + 1);
        }
    }
}

static const uint8_t *get_instance(const uint8_t *p, struct memory_row *row)
{
    memcpy(row, p, sizeof *row);
    p += sizeof *row;
    for (int i = 0; i < MEMORY_TEXTS; i++) {
        row->text[i] = *p != 0 ? (const char *)p + 1 : NULL;
        p += *p != 0 ? strlen(row->text[i]) + 2 : 1;
    }
    return p;
}

static void add(struct fake_log *l, uint8_t *value, size_t n, int64_t record_us)
{
    if ((l->n & (l->n - 1)) == 0) { /* room up to the next power of two */
        const size_t cap = l->n == 0 ? 1 : 2 * l->n;
        l->record = realloc(l->record, cap * sizeof *l->record);
        l->value = realloc(l->value, cap * sizeof *l->value);
        DG_ASSERT(l->record != NULL && l->value != NULL);
    }
    l->value[l->n] = value;
    l->record[l->n++] = (struct dg_record){
        .offset = l->next_offset++, .time_us = record_us, .value = value, .value_len = n};
}

void fake_log_add(struct fake_log *l, const struct memory_row instance[], size_t n,
                  int64_t record_us)
{
    struct dg_bytes b = {0};
    dg_put_u8(&b, 'f'); /* not nothing, even without an instance */
    for (size_t i = 0; i < n; i++) {
        put_instance(&b, &instance[i]);
    }
    DG_ASSERT(!b.failed);
    add(l, b.data, b.len, record_us);
}

void fake_log_add_null(struct fake_log *l, int64_t record_us)
{
    add(l, NULL, 0, record_us);
}

void fake_log_deinit(struct fake_log *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->value[i]);
    }
    free(l->value);
    free(l->record);
    *l = (struct fake_log){0};
}

size_t fake_log_find(const struct fake_log *l, int64_t offset)
{
    size_t i = 0;
    while (i < l->n && l->record[i].offset < offset) {
        i++;
    }
    return i;
}

static int decode_record(const struct dg_record *r, struct dg_batch *b)
{
    const uint8_t *p = r->value == NULL ? NULL : r->value + 1;
    if (p == NULL) {
        const int rc = dg_batch_add_bad(b, DG_BAD_MALFORMED, (uint64_t)r->offset);
        b->record_us[b->n - 1] = r->time_us;
        return rc;
    }
    while (p < r->value + r->value_len) {
        struct memory_row row;
        if (dg_batch_reserve(b, b->n + 1) != 0) {
            return ENOMEM;
        }
        p = get_instance(p, &row);
        memory_source_put(b, b->n, &row);
        b->place[b->n] = (uint64_t)r->offset;
        b->record_us[b->n] = r->time_us;
        b->n++;
    }
    return 0;
}

static bool strikes(struct fake_trouble *t, unsigned percent)
{
    t->seed = t->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (t->seed >> 33) % 100 < percent;
}

static int fake_decode(struct dg_decoder *self, const struct dg_topic_partition *place,
                       const struct dg_record records[], size_t n, struct dg_batch *batch,
                       size_t *done, struct dg_error *err)
{
    struct fake_trouble *t = ((struct fake_decoder *)self)->trouble;
    const size_t most = t != NULL && t->records_max > 0 && t->records_max < n ? t->records_max : n;
    const bool stall = t != NULL && strikes(t, t->stall);
    const bool stop = t != NULL && strikes(t, t->stop);
    const size_t cut = stall || stop ? (size_t)(t->seed >> 40) % (most + 1) : most;
    (void)place;
    *done = stop && !stall && cut == 0 ? 1 : cut;
    *done = *done > n ? n : *done;
    batch->timed = true;
    for (size_t i = 0; i < *done; i++) {
        if (decode_record(&records[i], batch) != 0) {
            return dg_fail_memory(err);
        }
    }
    return stall && *done < n ? dg_fail(err, EAGAIN, "the schema is away, as the test wants") : 0;
}

static void fake_close(struct dg_decoder *self)
{
    free(self);
}

static const struct dg_decoder_ops FAKE_DECODER = {
    .name = "fake",
    .decode = fake_decode,
    .close = fake_close,
};

struct dg_decoder *fake_decoder_open(struct fake_trouble *trouble)
{
    struct fake_decoder *d = calloc(1, sizeof *d);
    DG_ASSERT(d != NULL);
    d->base.ops = &FAKE_DECODER;
    d->trouble = trouble;
    return &d->base;
}
