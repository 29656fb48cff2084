#include "connectors/record_state.h"

#include <errno.h>
#include <string.h>

const char dg_record_json_mode = 0;

/* An array of a text that has been read before and is known to be well-formed. */
struct items {
    const uint8_t *p; /* at the next element; NULL: there is none */
    const uint8_t *end;
};

enum shape { NOTHING, ARRAY, OTHER };

static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }
    return p;
}

static enum shape items_begin(struct items *it, const uint8_t *p, const uint8_t *end)
{
    *it = (struct items){.end = end};
    if (p == NULL) {
        return NOTHING;
    }
    p = skip_space(p, end);
    if (*p != '[') {
        return *p == 'n' ? NOTHING : OTHER;
    }
    p = skip_space(p + 1, end);
    it->p = *p == ']' ? NULL : p;
    return ARRAY;
}

/* Behind an element. */
static void items_next(struct items *it, const uint8_t *p)
{
    p = skip_space(p, it->end);
    it->p = p < it->end && *p == ',' ? p + 1 : NULL;
}

size_t dg_record_json_room(const struct dg_record_decoder *d, size_t len)
{
    /* the text, padded, and what is unescaped on each way through it */
    const size_t passes = d->parts.several ? 2 + d->parts.n_parallel : 1;
    return (1 + passes) * len + DG_JSON_PAD;
}

void dg_record_json_begin(struct dg_record_decoder *d, struct dg_batch *batch)
{
    struct dg_record_parts *const p = &d->parts;
    struct dg_record_part *const part[] = {&p->event, &p->around};
    p->event.view.news_names.n = 0;
    for (size_t i = 0; i < 2 + p->n_parallel; i++) {
        struct dg_record_part *const x = i < 2 ? part[i] : &p->parallel[i - 2];
        dg_record_part_enter(x, batch);
        dg_json_rows_begin(x->rows, &x->plan, &x->view, x->seen, x->captured);
    }
    batch->news_names.n = 0;
}

static void add_news(struct dg_record_parts *p, struct dg_batch *batch)
{
    struct dg_news *const names = &batch->news_names;
    const struct dg_news *const now = &p->event.view.news_names;
    for (; names->n < now->n; names->n++) {
        names->name[names->n] = now->name[names->n];
        names->len[names->n] = now->len[names->n];
    }
}

static void add_row(struct dg_batch *batch, enum dg_reason reason, uint64_t news)
{
    batch->reason[batch->n] = (uint8_t)reason;
    batch->news[batch->n] = reason == DG_GOOD ? news : 0;
    batch->n++;
}

/* Fields of arrays that go along with the instances, of the row at hand. */
static void read_parallel(struct dg_record_parts *p, struct items along[], struct dg_batch *batch)
{
    for (size_t i = 0; i < p->n_parallel; i++) {
        struct dg_record_part *const part = &p->parallel[i];
        dg_record_part_enter(part, batch);
        if (along[i].p == NULL) {
            dg_json_rows_absent(part->rows);
        } else {
            const uint8_t *const next = dg_json_rows_value(part->rows, along[i].p, along[i].end);
            DG_ASSERT(next != NULL);
            items_next(&along[i], next);
        }
        dg_record_part_leave(part, batch);
    }
}

static int read_instances(struct dg_record_decoder *d, struct items *it, struct items along[],
                          struct dg_batch *batch)
{
    struct dg_record_parts *const p = &d->parts;
    const size_t first = batch->n;
    while (it->p != NULL) {
        if (batch->n - first == DG_RECORD_INSTANCES_MAX) {
            batch->n = first;
            add_row(batch, DG_BAD_TOO_LARGE, 0);
            return 0;
        }
        if (dg_record_row(d, batch) != 0) {
            return ENOMEM;
        }
        dg_record_part_enter(&p->event, batch);
        const uint8_t *const next = dg_json_rows_value(p->event.rows, it->p, it->end);
        DG_ASSERT(next != NULL);
        items_next(it, next);
        dg_record_part_leave(&p->event, batch);
        read_parallel(p, along, batch);
        add_row(batch, DG_GOOD, p->event.rows->news);
    }
    add_news(p, batch);
    return 0;
}

static int read_several(struct dg_record_decoder *d, const uint8_t *text, const uint8_t *end,
                        struct dg_batch *batch)
{
    struct dg_record_parts *const p = &d->parts;
    struct items it, along[DG_RECORD_PARALLEL_MAX];
    dg_record_part_enter(&p->around, batch);
    const bool good = dg_json_rows_document(p->around.rows, text, end);
    dg_record_part_leave(&p->around, batch);
    const enum shape shape = good ? items_begin(&it, p->around.captured[0], end) : OTHER;
    if (shape == OTHER) {
        add_row(batch, good ? DG_BAD_MALFORMED : p->around.rows->j.reason, 0);
        return 0;
    }
    for (size_t i = 0; i < p->n_parallel; i++) {
        (void)items_begin(&along[i], p->around.captured[p->parallel[i].capture], end);
    }
    return shape == NOTHING ? 0 : read_instances(d, &it, along, batch);
}

int dg_record_json(struct dg_record_decoder *d, const struct dg_payload *payload,
                   struct dg_batch *batch)
{
    struct dg_record_parts *const p = &d->parts;
    struct dg_bytes *const scratch = &batch->scratch;
    if (!dg_record_has_room(batch, dg_record_json_room(d, payload->len))) {
        return ENOBUFS;
    }
    if (dg_record_row(d, batch) != 0) {
        return ENOMEM;
    }
    uint8_t *const text = scratch->data + scratch->len, *const end = text + payload->len;
    memcpy(text, payload->bytes, payload->len);
    memset(end, 0, DG_JSON_PAD);
    scratch->len += payload->len + DG_JSON_PAD;
    if (p->several) {
        return read_several(d, text, end, batch);
    }
    dg_record_part_enter(&p->event, batch);
    const bool good = dg_json_rows_document(p->event.rows, text, end);
    dg_record_part_leave(&p->event, batch);
    add_news(p, batch);
    add_row(batch, good ? DG_GOOD : p->event.rows->j.reason, p->event.rows->news);
    return 0;
}
