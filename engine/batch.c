#include "engine/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MIN 1024

static const char *const reason_names[DG_REASONS] = {
    [DG_GOOD] = "good",
    [DG_BAD_MALFORMED] = "malformed",
    [DG_BAD_TRUNCATED] = "truncated",
    [DG_BAD_CODEC] = "codec",
    [DG_BAD_SCHEMA] = "schema",
    [DG_BAD_UTF8] = "utf8",
    [DG_BAD_TOO_LARGE] = "too_large",
    [DG_BAD_BINARY] = "binary",
    [DG_BAD_TIME] = "time",
    [DG_BAD_FUTURE] = "future",
};

const char *dg_reason_name(enum dg_reason reason)
{
    DG_ASSERT(reason < DG_REASONS);
    return reason_names[reason];
}

int dg_batch_init(struct dg_batch *b, const struct dg_projection *projection, struct dg_error *err)
{
    *b = (struct dg_batch){.projection = projection, .n_columns = projection->n};
    b->column = calloc(projection->n + 1, sizeof b->column[0]);
    if (b->column == NULL) {
        b->n_columns = 0;
        return dg_fail_memory(err);
    }
    return 0;
}

void dg_batch_deinit(struct dg_batch *b)
{
    for (size_t i = 0; i < b->n_columns; i++) {
        free(b->column[i].number);
    }
    free(b->column);
    free(b->reason);
    free(b->place);
    free(b->news);
    free(b->record_us);
    free(b->scratch.data);
    *b = (struct dg_batch){0};
}

void dg_batch_clear(struct dg_batch *b)
{
    b->n = 0;
    b->timed = false;
    b->news_names.n = 0;
    b->scratch.len = 0;
    b->scratch.failed = false;
}

static size_t cell_size(enum dg_field_type type)
{
    switch (type) {
    case DG_FIELD_NUMERIC:
        return sizeof(double);
    case DG_FIELD_TEXT:
        return sizeof(struct dg_text);
    case DG_FIELD_TIME:
    case DG_FIELD_INTEGER:
        break;
    }
    return sizeof(int64_t);
}

/* realloc that leaves *p alone on failure. */
static bool grow(void **p, size_t n, size_t size)
{
    void *bigger = realloc(*p, n * size);
    if (bigger == NULL) {
        return false;
    }
    *p = bigger;
    return true;
}

int dg_batch_reserve(struct dg_batch *b, size_t rows)
{
    if (rows <= b->cap) {
        return 0;
    }
    size_t cap = b->cap == 0 ? ROWS_MIN : b->cap * 2;
    if (cap < rows) {
        cap = rows;
    }
    if (cap > SIZE_MAX / sizeof(struct dg_text)) {
        return ENOMEM;
    }
    /* Arrays that have grown before one fails are merely larger than cap says. */
    for (size_t i = 0; i < b->n_columns; i++) {
        void *p = b->column[i].number;
        if (!grow(&p, cap, cell_size(b->projection->field[i].type))) {
            return ENOMEM;
        }
        b->column[i].number = p;
    }
    void *reason = b->reason;
    void *place = b->place;
    void *news = b->news;
    void *record_us = b->record_us;
    const bool grown =
        grow(&reason, cap, sizeof b->reason[0]) && grow(&place, cap, sizeof b->place[0]) &&
        grow(&news, cap, sizeof b->news[0]) && grow(&record_us, cap, sizeof b->record_us[0]);
    b->reason = reason;
    b->place = place;
    b->news = news;
    b->record_us = record_us;
    if (!grown) {
        return ENOMEM;
    }
    b->cap = cap;
    return 0;
}

int dg_batch_add_bad(struct dg_batch *b, enum dg_reason reason, uint64_t place)
{
    DG_ASSERT(reason > DG_GOOD && reason < DG_REASONS);
    const int code = dg_batch_reserve(b, b->n + 1);
    if (code != 0) {
        return code;
    }
    b->reason[b->n] = (uint8_t)reason;
    b->place[b->n] = place;
    b->news[b->n] = 0;
    b->record_us[b->n] = DG_TIME_NONE;
    b->n++;
    return 0;
}

int dg_batch_scratch(struct dg_batch *b, size_t bytes)
{
    struct dg_bytes *s = &b->scratch;
    if (s->cap - s->len >= bytes) {
        return 0;
    }
    DG_ASSERT(s->len == 0);
    bytes += bytes / 4; /* chunks differ a little in length */
    uint8_t *data = malloc(bytes);
    if (data == NULL) {
        return ENOMEM;
    }
    free(s->data);
    s->data = data;
    s->cap = bytes;
    return 0;
}
