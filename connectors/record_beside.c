#include "connectors/record_parts.h"
#include "connectors/text_scan.h"
#include "engine/timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_PER_MS 1000

static const char *text_in(struct dg_batch *batch, char buf[], size_t n)
{
    char *const at = (char *)batch->scratch.data + batch->scratch.len;
    memcpy(at, buf, n);
    batch->scratch.len += n;
    return at;
}

static void put_triage(struct dg_batch *b, uint32_t c, size_t row, enum dg_triage kind)
{
    dg_batch_set_absent(b, c, row);
    if (b->projection->field[c].type == DG_FIELD_NUMERIC) {
        b->column[c].number[row] = dg_box(kind);
    } else if (b->projection->field[c].type == DG_FIELD_TEXT) {
        b->column[c].text[row].triage = (uint8_t)kind;
    }
}

static void put_number(struct dg_batch *b, uint32_t c, size_t row, int64_t x)
{
    const struct dg_field *const field = &b->projection->field[c];
    char buf[DG_TIME_TEXT];
    switch (field->type) {
    case DG_FIELD_NUMERIC:
        b->column[c].number[row] = (double)x;
        break;
    case DG_FIELD_TEXT: {
        const int n = snprintf(buf, sizeof buf, "%" PRId64, x);
        b->column[c].text[row] =
            (struct dg_text){.bytes = text_in(b, buf, (size_t)n), .len = (uint32_t)n};
        break;
    }
    case DG_FIELD_TIME: {
        int64_t us;
        b->column[c].integer[row] =
            dg_time_from_integer(x, field->time_format, &us) ? us : DG_TIME_NONE;
        break;
    }
    case DG_FIELD_INTEGER:
        b->column[c].integer[row] = x;
        break;
    }
}

static void put_time(struct dg_batch *b, uint32_t c, size_t row, int64_t us)
{
    if (us == DG_TIME_NONE) {
        dg_batch_set_absent(b, c, row);
    } else if (b->projection->field[c].type == DG_FIELD_TIME) {
        b->column[c].integer[row] = us;
    } else if (b->projection->field[c].type == DG_FIELD_TEXT) {
        char buf[DG_TIME_TEXT];
        const size_t n = strlen(dg_time_format(us, buf));
        b->column[c].text[row] = (struct dg_text){.bytes = text_in(b, buf, n), .len = (uint32_t)n};
    } else {
        put_number(b, c, row, us / US_PER_MS); /* as Kafka counts */
    }
}

/* False: not UTF-8. */
static bool put_text(struct dg_batch *b, uint32_t c, size_t row, const uint8_t *bytes, size_t len)
{
    const struct dg_field *const field = &b->projection->field[c];
    const char *const text = (const char *)bytes;
    struct dg_decimal d;
    double number;
    int64_t x;
    switch (field->type) {
    case DG_FIELD_NUMERIC:
        b->column[c].number[row] =
            dg_number_parse(text, len, &number) ? number : dg_box(DG_UNPARSABLE);
        break;
    case DG_FIELD_TEXT:
        if (!dg_is_utf8(bytes, len)) {
            return false;
        }
        b->column[c].text[row] = (struct dg_text){.bytes = text, .len = (uint32_t)len};
        break;
    case DG_FIELD_TIME:
        b->column[c].integer[row] =
            dg_time_parse(text, len, field->time_format, &x) ? x : DG_TIME_NONE;
        break;
    case DG_FIELD_INTEGER:
        b->column[c].integer[row] =
            dg_decimal_scan(text, text + len, &d) == text + len && dg_decimal_integer(&d, &x)
                ? x
                : DG_TIME_NONE;
        break;
    }
    return true;
}

/* The last header of that name: what was added last replaces what was there. */
static const struct dg_record_header *find_header(const struct dg_record *record, const char *name)
{
    for (size_t i = record->n_headers; i > 0; i--) {
        if (strcmp(record->header[i - 1].name, name) == 0) {
            return &record->header[i - 1];
        }
    }
    return NULL;
}

static bool put_header(struct dg_batch *b, uint32_t c, size_t row, const struct dg_record_header *h)
{
    if (h == NULL) {
        dg_batch_set_absent(b, c, row);
    } else if (h->value == NULL) {
        put_triage(b, c, row, DG_NULL);
    } else {
        return put_text(b, c, row, h->value, h->len);
    }
    return true;
}

static bool put_beside(const struct dg_beside *beside, const struct dg_topic_partition *place,
                       const struct dg_record *record, struct dg_batch *b, size_t row)
{
    const uint32_t c = beside->column;
    switch (beside->kind) {
    case DG_BESIDE_KEY:
        if (record->key == NULL) {
            dg_batch_set_absent(b, c, row);
            return true;
        }
        return put_text(b, c, row, record->key, record->key_len);
    case DG_BESIDE_HEADER:
        return put_header(b, c, row, find_header(record, beside->name));
    case DG_BESIDE_TOPIC:
        return put_text(b, c, row, (const uint8_t *)place->topic, strlen(place->topic));
    case DG_BESIDE_PARTITION:
        put_number(b, c, row, place->partition);
        return true;
    case DG_BESIDE_OFFSET:
        put_number(b, c, row, record->offset);
        return true;
    case DG_BESIDE_TIMESTAMP:
        put_time(b, c, row, record->time_us);
        return true;
    }
    return true;
}

/* Fields of a key that is JSON; one that is not has nothing that could be read. */
static void read_key(struct dg_record_parts *p, const struct dg_record *record,
                     struct dg_batch *batch, size_t row)
{
    struct dg_record_part *const part = &p->key;
    const size_t n = batch->n;
    batch->n = row;
    dg_record_part_enter(part, batch);
    dg_json_rows_begin(part->rows, &part->plan, &part->view, part->seen, NULL);
    if (record->key == NULL) {
        dg_json_rows_absent(part->rows);
    } else {
        uint8_t *const text = part->view.scratch.data + part->view.scratch.len;
        memcpy(text, record->key, record->key_len);
        memset(text + record->key_len, 0, DG_JSON_PAD);
        part->view.scratch.len += record->key_len + DG_JSON_PAD;
        if (!dg_json_rows_document(part->rows, text, text + record->key_len)) {
            for (size_t i = 0; i < part->projection.n; i++) {
                put_triage(batch, part->column[i], row, DG_UNPARSABLE);
            }
        }
    }
    dg_record_part_leave(part, batch);
    batch->n = n;
}

bool dg_record_beside(struct dg_record_parts *p, const struct dg_topic_partition *place,
                      const struct dg_record *record, struct dg_batch *batch, size_t row)
{
    bool good = true;
    for (size_t i = 0; i < p->n_beside; i++) {
        good = put_beside(&p->beside[i], place, record, batch, row) && good;
    }
    if (p->key.projection.n > 0) {
        read_key(p, record, batch, row);
    }
    return good;
}
