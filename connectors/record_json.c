#include "connectors/record_state.h"

#include "connectors/json_walk.h"

#include <errno.h>
#include <string.h>

const char dg_record_json_mode = 0;

enum shape { NOTHING, ARRAY, OTHER };

static enum shape begin_events(struct dg_json_walk *w, const uint8_t *p, const uint8_t *end)
{
    *w = (struct dg_json_walk){0};
    if (p == NULL || *dg_json_skip_space(p, end) == 'n') {
        return NOTHING;
    }
    return dg_json_walk_begin(w, '[', p, end) ? ARRAY : OTHER;
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
static enum dg_reason read_parallel(struct dg_record_parts *p, struct dg_json_walk along[],
                                    struct dg_batch *batch)
{
    for (size_t i = 0; i < p->n_parallel; i++) {
        struct dg_record_part *const part = &p->parallel[i];
        dg_record_part_enter(part, batch);
        if (along[i].p == NULL) {
            dg_json_rows_absent(part->rows);
        } else {
            const uint8_t *const next = dg_json_rows_value(part->rows, along[i].p, along[i].end);
            if (next == NULL) {
                return part->rows->j.reason;
            }
            dg_json_walk_next(&along[i], next);
        }
        dg_record_part_leave(part, batch);
    }
    return DG_GOOD;
}

/* The event at w->p. */
static enum dg_reason read_event(struct dg_record_parts *p, struct dg_json_walk *w,
                                 struct dg_json_walk along[], struct dg_batch *batch)
{
    dg_record_part_enter(&p->event, batch);
    const uint8_t *const next = dg_json_rows_value(p->event.rows, w->p, w->end);
    dg_record_part_leave(&p->event, batch);
    if (next == NULL) {
        return p->event.rows->j.reason;
    }
    dg_json_walk_next(w, next);
    return read_parallel(p, along, batch);
}

static int read_events(struct dg_record_decoder *d, struct dg_json_walk *w,
                       struct dg_json_walk along[], struct dg_batch *batch)
{
    struct dg_record_parts *const p = &d->parts;
    const size_t first = batch->n;
    enum dg_reason reason = DG_GOOD;
    while (w->p != NULL && reason == DG_GOOD) {
        if (batch->n - first == DG_RECORD_INSTANCES_MAX) {
            reason = DG_BAD_TOO_LARGE;
            break;
        }
        if (dg_record_row(d, batch) != 0) {
            return ENOMEM;
        }
        reason = read_event(p, w, along, batch);
        if (reason == DG_GOOD) {
            add_row(batch, DG_GOOD, p->event.rows->news);
        }
    }
    if (reason != DG_GOOD) { /* none of them */
        batch->n = first;
        add_row(batch, reason, 0);
    }
    add_news(p, batch);
    return 0;
}

/* The record's events as the preset's unpacker writes them, in the scratch. */
static int unpack(struct dg_record_decoder *d, const uint8_t *end, struct dg_batch *batch,
                  const uint8_t **text, const uint8_t **text_end, enum dg_reason *reason)
{
    struct dg_bytes *const made = &d->unpacked, *const scratch = &batch->scratch;
    dg_bytes_clear(made);
    *text = NULL;
    *reason = d->preset->unpack(d->parts.around.captured, end, made);
    if (made->failed) {
        return ENOMEM;
    }
    if (*reason != DG_GOOD || made->len == 0) {
        return 0;
    }
    if (!dg_record_has_room(batch, dg_record_json_room(d, made->len))) {
        return ENOBUFS;
    }
    uint8_t *const to = scratch->data + scratch->len;
    memcpy(to, made->data, made->len);
    memset(to + made->len, 0, DG_JSON_PAD);
    scratch->len += made->len + DG_JSON_PAD;
    *text = to;
    *text_end = to + made->len;
    return 0;
}

static int read_several(struct dg_record_decoder *d, const uint8_t *text, const uint8_t *end,
                        struct dg_batch *batch)
{
    struct dg_record_parts *const p = &d->parts;
    struct dg_json_walk events = {0}, along[DG_RECORD_PARALLEL_MAX];
    dg_record_part_enter(&p->around, batch);
    const bool good = dg_json_rows_document(p->around.rows, text, end);
    dg_record_part_leave(&p->around, batch);
    enum dg_reason reason = good ? DG_GOOD : p->around.rows->j.reason;
    const uint8_t *array = good ? p->around.captured[0] : NULL, *array_end = end;
    if (good && d->preset != NULL) {
        const int rc = unpack(d, end, batch, &array, &array_end, &reason);
        if (rc != 0) {
            return rc;
        }
    }
    if (reason == DG_GOOD && begin_events(&events, array, array_end) == OTHER) {
        reason = DG_BAD_MALFORMED;
    }
    if (reason != DG_GOOD) {
        add_row(batch, reason, 0);
        return 0;
    }
    for (size_t i = 0; i < p->n_parallel; i++) {
        (void)begin_events(&along[i], p->around.captured[p->parallel[i].capture], end);
    }
    return read_events(d, &events, along, batch);
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
