#include "tests/support/memory_source.h"

#include <stdlib.h>
#include <string.h>

struct memory_source {
    struct dg_source base;
    const struct memory_partition *partition;
    size_t *at;
    size_t chunk_rows;
    const struct dg_projection *projection;
    uint64_t done;
};

static enum dg_poll memory_poll(struct dg_source *self, uint32_t p, int timeout_ms,
                                struct dg_chunk *chunk, struct dg_error *err)
{
    struct memory_source *s = (struct memory_source *)self;
    (void)timeout_ms;
    (void)err;
    const size_t left = s->partition[p].n - s->at[p];
    if (left == 0) {
        return DG_POLL_END;
    }
    chunk->partition = p;
    chunk->first = s->at[p];
    chunk->records = left < s->chunk_rows ? left : s->chunk_rows;
    chunk->damage = DG_GOOD;
    s->at[p] += chunk->records;
    s->done += chunk->records;
    return DG_POLL_DATA;
}

static struct dg_text text_of(const char *t)
{
    return t == NULL ? (struct dg_text){NULL, 0, DG_NULL}
                     : (struct dg_text){t, (uint32_t)strlen(t), DG_FINITE};
}

static int64_t time_of(const struct dg_field *f, const struct memory_row *r)
{
    return strcmp(f->path, "record_time") == 0 ? r->record_us : r->time_us;
}

static void put(const struct dg_field *f, union dg_column *c, size_t at, const struct memory_row *r)
{
    const int index = f->path[1] - '0';
    switch (f->type) {
    case DG_FIELD_NUMERIC:
        c->number[at] = r->number[index];
        break;
    case DG_FIELD_TEXT:
        c->text[at] = text_of(r->text[index]);
        break;
    case DG_FIELD_TIME:
        c->integer[at] = time_of(f, r);
        break;
    case DG_FIELD_INTEGER:
        c->integer[at] = strcmp(f->path, "offset") == 0 ? r->offset : r->partition;
        break;
    }
}

void memory_source_put(struct dg_batch *b, size_t at, const struct memory_row *r)
{
    const struct dg_projection *j = b->projection;
    b->reason[at] = (uint8_t)r->reason;
    b->news[at] = 0;
    b->record_us[at] = DG_TIME_NONE;
    for (size_t c = 0; c < j->n; c++) {
        if (r->reason == DG_GOOD) {
            put(&j->field[c], &b->column[c], at, r);
        } else if (j->field[c].type == DG_FIELD_TEXT) {
            /* What a decoder leaves behind where a record broke: nobody may look at it. */
            b->column[c].text[at] = (struct dg_text){(const char *)8, 1u << 30, DG_FINITE};
        }
    }
}

static int memory_decode(struct dg_source *self, const struct dg_chunk *chunk,
                         struct dg_batch *batch, struct dg_error *err)
{
    const struct memory_source *s = (const struct memory_source *)self;
    const size_t n = (size_t)chunk->records;
    DG_ASSERT(batch->projection == s->projection);
    if (dg_batch_reserve(batch, n) != 0) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        memory_source_put(batch, i, &s->partition[chunk->partition].row[chunk->first + i]);
        batch->place[i] = chunk->first + i;
    }
    batch->n = n;
    return 0;
}

static const char *memory_name(const struct dg_source *self, uint32_t p)
{
    (void)self;
    (void)p;
    return "memory";
}

static void memory_progress(const struct dg_source *self, uint64_t *done, uint64_t *total)
{
    *done = ((const struct memory_source *)self)->done;
    *total = 0;
}

static void memory_fields(const struct dg_source *self, uint32_t p, const char *const **names,
                          size_t *n)
{
    (void)self;
    (void)p;
    *names = NULL;
    *n = 0;
}

static void memory_close(struct dg_source *self)
{
    free(((struct memory_source *)self)->at);
    free(self);
}

static const struct dg_source_ops MEMORY_SOURCE = {
    .name = "memory",
    .poll = memory_poll,
    .decode = memory_decode,
    .partition_name = memory_name,
    .progress = memory_progress,
    .fields = memory_fields,
    .close = memory_close,
};

struct dg_source *memory_source_open(const struct memory_partition partition[], uint32_t n,
                                     size_t chunk_rows, const struct dg_projection *projection)
{
    struct memory_source *s = calloc(1, sizeof *s);
    DG_ASSERT(s != NULL && chunk_rows > 0);
    s->at = calloc(n + 1, sizeof *s->at);
    DG_ASSERT(s->at != NULL);
    s->base = (struct dg_source){&MEMORY_SOURCE, n};
    s->partition = partition;
    s->chunk_rows = chunk_rows;
    s->projection = projection;
    return &s->base;
}
