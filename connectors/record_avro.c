#include "connectors/avro_ops.h"
#include "connectors/file_source.h"
#include "connectors/record_state.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STRETCH      64 /* records read at once: their bytes are on the way before they are read */
#define MOST_READERS 4096 /* schemas kept per decoder; the one that was not used longest goes */

/* How to read the elements of one array type. */
struct elements {
    const struct dg_avro_type *array;
    struct dg_avro_plan *plan;
    size_t part; /* 0: the events; 1 + i: parallel array i */
};

struct dg_record_avro {
    enum dg_schema_name name;
    uint32_t id;
    bool broken; /* no plan could be made */
    const struct dg_avro_type *root;
    struct dg_avro_plan *plan; /* of the record: the event, or what is around the events */
    size_t room;               /* bytes of scratch for one event */
    struct elements *elements; /* [n_elements] */
    size_t n_elements;
};

/* An array of a datum that has been read over before. */
struct items {
    const struct elements *elements; /* NULL: none */
    const uint8_t *p;
    const uint8_t *block_end; /* NULL: the writer did not say */
    int64_t left;             /* in this block */
};

static struct dg_record_part *part_of(struct dg_record_parts *p, size_t i)
{
    return i == 0 ? &p->event : &p->parallel[i - 1];
}

/* ---- compiling ----------------------------------------------------------------------------- */

static int add_elements(struct dg_record_decoder *d, struct dg_record_avro *a, size_t part,
                        const struct dg_avro_type *array, struct dg_error *err)
{
    for (size_t i = 0; i < a->n_elements; i++) {
        if (a->elements[i].array == array && a->elements[i].part == part) {
            return 0;
        }
    }
    struct elements *more = realloc(a->elements, (a->n_elements + 1) * sizeof *more);
    if (more == NULL) {
        return dg_fail_memory(err);
    }
    a->elements = more;
    struct elements *const made = &more[a->n_elements];
    *made = (struct elements){.array = array, .part = part};
    const int rc = dg_avro_plan_compile(array->child[0], &part_of(&d->parts, part)->projection,
                                        &made->plan, err);
    a->n_elements += rc == 0;
    return rc;
}

/* Every array that the path can lead to, through all branches. */
static int find_arrays(struct dg_record_decoder *d, struct dg_record_avro *a, size_t part, size_t k,
                       const struct dg_avro_type *t, struct dg_error *err)
{
    const struct dg_record_steps *const path = &d->array[part];
    int rc = 0;
    if (t->kind == DG_AVRO_UNION) {
        for (uint32_t i = 0; i < t->n && rc == 0; i++) {
            rc = t->child[i]->kind == DG_AVRO_UNION ? 0
                                                    : find_arrays(d, a, part, k, t->child[i], err);
        }
        return rc;
    }
    if (k == path->n) {
        return t->kind == DG_AVRO_ARRAY ? add_elements(d, a, part, t, err) : 0;
    }
    for (uint32_t i = 0; t->kind == DG_AVRO_RECORD && i < t->n; i++) {
        if (strcmp(t->label[i], path->step[k]) == 0) {
            return find_arrays(d, a, part, k + 1, t->child[i], err);
        }
    }
    return 0;
}

static int compile_reader(struct dg_record_decoder *d, struct dg_record_avro *a,
                          struct dg_error *err)
{
    struct dg_record_parts *const p = &d->parts;
    const struct dg_record_part *const whole = p->several ? &p->around : &p->event;
    int rc = dg_avro_plan_compile(a->root, &whole->projection, &a->plan, err);
    for (size_t i = 0; p->several && i <= p->n_parallel && rc == 0; i++) {
        rc = find_arrays(d, a, i, 0, a->root, err);
    }
    a->room = rc == 0 ? dg_avro_plan_scratch(a->plan) : 0;
    for (size_t i = 0; i < a->n_elements; i++) {
        a->room += dg_avro_plan_scratch(a->elements[i].plan);
    }
    return rc;
}

void dg_record_avro_free(struct dg_record_avro *a)
{
    if (a == NULL) {
        return;
    }
    for (size_t i = 0; i < a->n_elements; i++) {
        dg_avro_plan_free(a->elements[i].plan);
    }
    free(a->elements);
    dg_avro_plan_free(a->plan);
    free(a);
}

const struct dg_record_avro *dg_record_avro_known(struct dg_record_decoder *d,
                                                  enum dg_schema_name name, uint32_t id)
{
    for (size_t i = 0; i < d->n_avro; i++) {
        struct dg_record_avro *const a = d->avro[i];
        if (a->id == id && a->name == name) {
            if (i == 0) {
                return a;
            }
            memmove(d->avro + 1, d->avro, i * sizeof *d->avro); /* those in use stay in front */
            d->avro[0] = a;
            return a;
        }
    }
    return NULL;
}

static int make_room(struct dg_record_decoder *d)
{
    if (d->n_avro == MOST_READERS) {
        dg_record_avro_free(d->avro[--d->n_avro]);
        return 0;
    }
    if (d->n_avro == d->cap_avro) {
        const size_t cap = d->cap_avro * 2 + 8;
        struct dg_record_avro **avro = realloc(d->avro, cap * sizeof(struct dg_record_avro *));
        if (avro == NULL) {
            return ENOMEM;
        }
        d->avro = avro;
        d->cap_avro = cap;
    }
    return 0;
}

int dg_record_avro_find(struct dg_record_decoder *d, enum dg_schema_name name, uint32_t id,
                        const struct dg_avro_type *root, const struct dg_record_avro **out,
                        struct dg_error *err)
{
    *out = dg_record_avro_known(d, name, id);
    if (*out == NULL) {
        struct dg_record_avro *a = calloc(1, sizeof *a);
        if (a == NULL || make_room(d) != 0) {
            free(a);
            return dg_fail_memory(err);
        }
        *a = (struct dg_record_avro){.name = name, .id = id, .root = root};
        const int rc = compile_reader(d, a, err);
        if (rc == ENOMEM) {
            dg_record_avro_free(a);
            return rc;
        }
        a->broken = rc != 0;
        memmove(d->avro + 1, d->avro, d->n_avro * sizeof *d->avro);
        d->avro[0] = a;
        d->n_avro++;
        *out = a;
    }
    *out = (*out)->broken ? NULL : *out;
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

size_t dg_record_avro_room(const struct dg_record_avro *a)
{
    return a->room;
}

void dg_record_avro_begin(struct dg_record_decoder *d, const struct dg_record_avro *a,
                          struct dg_batch *batch)
{
    const struct dg_avro_plan *plan = d->parts.several ? NULL : a->plan;
    for (size_t i = 0; i < a->n_elements && plan == NULL; i++) {
        plan = a->elements[i].part == 0 ? a->elements[i].plan : NULL;
    }
    batch->news_names.n = 0;
    if (plan != NULL) {
        batch->news_names = plan->news_names;
    }
}

/* One datum into row batch->n; how it went is in the batch's reason. NULL: *why says it. */
static const uint8_t *read_datum(struct dg_record_part *part, const struct dg_avro_plan *plan,
                                 const uint8_t *p, const uint8_t *end, struct dg_batch *batch,
                                 enum dg_reason *why)
{
    struct dg_batch *const view = dg_record_part_enter(part, batch);
    const size_t done = dg_avro_plan_decode(plan, &p, end, 1, 0, view, why);
    dg_record_part_leave(part, batch);
    return done == 1 ? p : NULL;
}

static void add_row(struct dg_batch *batch, enum dg_reason reason, uint64_t news)
{
    batch->reason[batch->n] = (uint8_t)reason;
    batch->news[batch->n] = reason == DG_GOOD ? news : 0;
    batch->n++;
}

/* To the array that the path leads to in this datum. NULL: it leads to none. */
static const uint8_t *locate(const struct dg_record_steps *path, struct dg_avro_run *r,
                             const struct dg_avro_type **type, const uint8_t *p)
{
    const struct dg_avro_type *t = *type;
    size_t k = 0;
    while (p != NULL) {
        if (t->kind == DG_AVRO_UNION) {
            int64_t branch;
            p = dg_avro_long(p, r->end, &branch);
            if (p == NULL || branch < 0 || branch >= t->n) {
                return NULL;
            }
            t = t->child[branch];
        } else if (k == path->n) {
            *type = t;
            return t->kind == DG_AVRO_ARRAY ? p : NULL;
        } else if (t->kind == DG_AVRO_RECORD) {
            uint32_t i = 0;
            for (; i < t->n && strcmp(t->label[i], path->step[k]) != 0 && p != NULL; i++) {
                p = dg_avro_skip(r, t->child[i], p, 0);
            }
            if (i == t->n) {
                return NULL;
            }
            t = t->child[i];
            k++;
        } else {
            return NULL;
        }
    }
    return NULL;
}

static struct items items_begin(const struct dg_record_decoder *d, const struct dg_record_avro *a,
                                size_t part, const struct dg_payload *payload)
{
    struct dg_avro_run r = {.end = payload->bytes + payload->len};
    const struct dg_avro_type *type = a->root;
    struct items it = {.p = locate(&d->array[part], &r, &type, payload->bytes)};
    for (size_t i = 0; i < a->n_elements && it.p != NULL; i++) {
        if (a->elements[i].part == part && a->elements[i].array == type) {
            it.elements = &a->elements[i];
        }
    }
    return it;
}

/* Whether there is one more, at it->p. False with *why set: damage. */
static bool items_more(struct items *it, const uint8_t *end, enum dg_reason *why)
{
    if (it->elements == NULL || it->left > 0) {
        return it->elements != NULL;
    }
    if (it->block_end != NULL && it->p != it->block_end) {
        *why = DG_BAD_MALFORMED; /* the block is not as long as its head says */
        return false;
    }
    int64_t bytes;
    it->p = dg_avro_block(it->p, end, it->elements->array->child[0]->least, &it->left, &bytes, why);
    it->block_end = it->p != NULL && bytes >= 0 ? it->p + bytes : NULL;
    if (it->p == NULL || it->left == 0) {
        it->elements = NULL;
        return false;
    }
    return true;
}

static void read_parallel(struct dg_record_decoder *d, struct items along[], const uint8_t *end,
                          struct dg_batch *batch, enum dg_reason *why)
{
    const uint8_t reason = batch->reason[batch->n];
    const uint64_t news = batch->news[batch->n];
    uint8_t worst = reason;
    for (size_t i = 0; i < d->parts.n_parallel && *why == DG_GOOD; i++) {
        struct dg_record_part *const part = &d->parts.parallel[i];
        if (items_more(&along[i], end, why)) {
            along[i].p = read_datum(part, along[i].elements->plan, along[i].p, end, batch, why);
            along[i].left--;
            worst = worst != DG_GOOD || along[i].p == NULL ? worst : batch->reason[batch->n];
        } else {
            dg_record_part_enter(part, batch);
            for (size_t c = 0; c < part->projection.n; c++) {
                dg_batch_set_absent(&part->view, c, batch->n);
            }
        }
    }
    batch->reason[batch->n] = worst;
    batch->news[batch->n] = news;
}

static int read_instances(struct dg_record_decoder *d, const struct dg_record_avro *a,
                          const struct dg_payload *payload, enum dg_reason around,
                          struct dg_batch *batch)
{
    const uint8_t *const end = payload->bytes + payload->len;
    const size_t first = batch->n;
    struct items it = items_begin(d, a, 0, payload), along[DG_RECORD_PARALLEL_MAX];
    enum dg_reason why = DG_GOOD;
    for (size_t i = 0; i < d->parts.n_parallel; i++) {
        along[i] = items_begin(d, a, 1 + i, payload);
    }
    while (why == DG_GOOD && items_more(&it, end, &why)) {
        if (dg_record_row(d, batch) != 0) {
            return ENOMEM;
        }
        if (!dg_record_has_room(batch, dg_record_avro_room(a))) {
            return ENOBUFS;
        }
        it.p = read_datum(&d->parts.event, it.elements->plan, it.p, end, batch, &why);
        it.left--;
        if (it.p != NULL) {
            read_parallel(d, along, end, batch, &why);
            const enum dg_reason own = (enum dg_reason)batch->reason[batch->n];
            add_row(batch, around != DG_GOOD ? around : own, batch->news[batch->n]);
        }
        why = batch->n - first > DG_RECORD_INSTANCES_MAX ? DG_BAD_TOO_LARGE : why;
    }
    if (why != DG_GOOD) {
        batch->n = first;
        if (dg_record_row(d, batch) != 0) {
            return ENOMEM;
        }
        add_row(batch, why, 0);
    }
    return 0;
}

int dg_record_avro(struct dg_record_decoder *d, const struct dg_payload *payload,
                   struct dg_batch *batch)
{
    const struct dg_record_avro *const a = payload->mode;
    struct dg_record_part *const part = d->parts.several ? &d->parts.around : &d->parts.event;
    const uint8_t *const end = payload->bytes + payload->len;
    enum dg_reason why = DG_GOOD;
    if (dg_record_row(d, batch) != 0) {
        return ENOMEM;
    }
    if (!dg_record_has_room(batch, dg_record_avro_room(a))) {
        return ENOBUFS;
    }
    const uint8_t *const p = read_datum(part, a->plan, payload->bytes, end, batch, &why);
    if (p != end) {
        add_row(batch, p == NULL ? why : DG_BAD_MALFORMED, 0); /* or bytes behind the datum */
        return 0;
    }
    const enum dg_reason reason = (enum dg_reason)batch->reason[batch->n];
    if (d->parts.several) {
        return read_instances(d, a, payload, reason, batch);
    }
    add_row(batch, reason, batch->news[batch->n]);
    return 0;
}

/* The datum of a record that is framed as this schema's; false: another case. */
static inline bool framed_alike(const struct dg_record_decoder *d, const struct dg_record_avro *a,
                                const struct dg_record *record, struct dg_avro_datum *out)
{
    const uint8_t *const v = record->value;
    const size_t n = record->value_len;
    if (v == NULL || n > DG_RECORD_BYTES_DEFAULT || record->key_len > DG_RECORD_BYTES_DEFAULT) {
        return false;
    }
    out->bytes = v;
    out->end = v + n;
    if (a->name == DG_SCHEMA_FILE) {
        return d->spec->framing == DG_FRAMING_BARE;
    }
    uint32_t id;
    if (n < DG_CONFLUENT_HEAD || v[0] != 0) {
        return false;
    }
    memcpy(&id, v + 1, sizeof id);
    out->bytes += DG_CONFLUENT_HEAD;
    return be32toh(id) == a->id;
}

static void finish_rows(const struct dg_record_decoder *d, const struct dg_record record[],
                        struct dg_batch *batch, size_t first)
{
    const int time = d->parts.whole->time;
    for (size_t row = first; row < batch->n; row++) {
        const struct dg_record *const r = &record[row - first];
        batch->place[row] = (uint64_t)r->offset;
        batch->record_us[row] = r->time_us;
        if (batch->reason[row] == DG_GOOD && time >= 0 &&
            batch->column[time].integer[row] == DG_TIME_NONE) {
            batch->reason[row] = DG_BAD_TIME;
        }
        batch->news[row] = batch->reason[row] == DG_GOOD ? batch->news[row] : 0;
    }
}

size_t dg_record_avro_stretch(struct dg_record_decoder *d, const struct dg_record_avro *a,
                              const struct dg_record record[], size_t n, struct dg_batch *batch)
{
    struct dg_record_part *const part = &d->parts.event;
    struct dg_avro_datum datum[STRETCH];
    if (d->parts.several || d->parts.n_beside > 0 || d->parts.key.projection.n > 0) {
        return 0;
    }
    const size_t room = batch->scratch.cap - batch->scratch.len;
    size_t most = n < STRETCH ? n : STRETCH, alike = 0;
    most = most < batch->cap - batch->n ? most : batch->cap - batch->n;
    most = a->room == 0 || most < room / a->room ? most : room / a->room;
    while (alike < most && framed_alike(d, a, &record[alike], &datum[alike])) {
        __builtin_prefetch(datum[alike].bytes);
        alike++;
    }
    const size_t first = batch->n;
    struct dg_batch *const view = dg_record_part_enter(part, batch);
    const size_t done = dg_avro_plan_decode_each(a->plan, datum, alike, view);
    dg_record_part_leave(part, batch);
    batch->n = first + done;
    finish_rows(d, record, batch, first);
    return done;
}
