#include "connectors/avro_ops.h"
#include "connectors/number.h"
#include "connectors/text_scan.h"
#include "engine/timefmt.h"

#include <math.h>
#include <stdio.h>

#define DECIMAL_BYTES_MAX 128 /* 2^1023 is beyond every double of scale 0 */
#define DECIMAL_TEXT      330

enum form { FORM_INTEGER, FORM_REAL, FORM_FLOAT, FORM_BOOLEAN, FORM_TEXT, FORM_UUID, FORM_NONE };

/* One decoded scalar. */
struct scalar {
    enum form form;
    int64_t integer; /* INTEGER, BOOLEAN */
    double real;     /* REAL, FLOAT */
    const uint8_t *bytes;
    size_t len;
};

void dg_avro_set(struct dg_avro_run *r, uint32_t column, enum dg_triage kind)
{
    const union dg_column c = r->batch->column[column];
    switch (r->plan->projection->field[column].type) {
    case DG_FIELD_NUMERIC:
        c.number[r->row] = dg_box(kind);
        return;
    case DG_FIELD_TEXT:
        c.text[r->row] = (struct dg_text){.triage = (uint8_t)kind};
        return;
    case DG_FIELD_TIME:
    case DG_FIELD_INTEGER:
        c.integer[r->row] = DG_TIME_NONE;
        return;
    }
}

void dg_avro_set_text(struct dg_avro_run *r, uint32_t column, const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        dg_avro_set(r, column, DG_NULL);
        return;
    }
    if (!dg_is_ascii(bytes, len) && !dg_is_utf8(bytes, len)) {
        r->batch->reason[r->row] = DG_BAD_UTF8;
    }
    r->batch->column[column].text[r->row] =
        (struct dg_text){.bytes = (const char *)bytes, .len = (uint32_t)len};
}

/* Decimal digits of the big-endian magnitude in m[len], which is destroyed. */
static size_t magnitude_text(uint8_t m[], size_t len, char text[DECIMAL_TEXT])
{
    size_t at = DECIMAL_TEXT, first = 0;
    do {
        uint32_t rest = 0;
        for (size_t i = first; i < len; i++) {
            rest = rest << 8 | m[i];
            m[i] = (uint8_t)(rest / 10);
            rest %= 10;
        }
        text[--at] = (char)('0' + rest);
        while (first < len && m[first] == 0) {
            first++;
        }
    } while (first < len);
    memmove(text, text + at, DECIMAL_TEXT - at);
    return DECIMAL_TEXT - at;
}

/* unscaled * 10^-scale, rounded once. */
static bool decimal_value(const uint8_t *bytes, size_t len, int scale, double *value)
{
    if (len == 0 || len > DECIMAL_BYTES_MAX) {
        return false;
    }
    uint8_t m[DECIMAL_BYTES_MAX];
    const bool negative = bytes[0] >= 0x80;
    unsigned carry = negative;
    for (size_t i = len; i-- > 0;) {
        const unsigned byte = (negative ? bytes[i] ^ 0xffu : bytes[i]) + carry;
        m[i] = (uint8_t)byte;
        carry = byte >> 8;
    }
    char text[DECIMAL_TEXT + 16];
    const size_t n = magnitude_text(m, len, text);
    snprintf(text + n, sizeof text - n, "e-%d", scale);
    if (!dg_number_parse(text, n + strlen(text + n), value)) {
        return false;
    }
    *value = negative ? -*value : *value;
    return true;
}

static void classify_bytes(const struct dg_avro_type *t, struct scalar *s)
{
    s->form = FORM_TEXT;
    if (t->logical == DG_AVRO_DECIMAL) {
        s->form = decimal_value(s->bytes, s->len, t->scale, &s->real) ? FORM_REAL : FORM_NONE;
    } else if (t->logical == DG_AVRO_UUID && t->kind == DG_AVRO_FIXED) {
        s->form = FORM_UUID;
    }
}

static const uint8_t *read_integer(struct dg_avro_run *r, const struct dg_avro_type *t,
                                   const uint8_t *p, struct scalar *s)
{
    const uint8_t *q = dg_avro_long(p, r->end, &s->integer);
    if (q == NULL) {
        return dg_avro_stop(r, dg_avro_varint_fault(p, r->end));
    }
    s->form = FORM_INTEGER;
    if (t->kind == DG_AVRO_INT && (s->integer < INT32_MIN || s->integer > INT32_MAX)) {
        return dg_avro_stop(r, DG_BAD_MALFORMED);
    }
    if (t->kind == DG_AVRO_ENUM) {
        if (s->integer < 0 || s->integer >= t->n) {
            return dg_avro_stop(r, DG_BAD_MALFORMED);
        }
        s->form = FORM_TEXT;
        s->bytes = (const uint8_t *)t->label[s->integer];
        s->len = strlen(t->label[s->integer]);
    }
    return q;
}

static const uint8_t *read_scalar(struct dg_avro_run *r, const struct dg_avro_type *t,
                                  const uint8_t *p, struct scalar *s)
{
    if (t->kind == DG_AVRO_STRING || t->kind == DG_AVRO_BYTES) {
        p = dg_avro_bytes(p, r->end, &s->bytes, &s->len, &r->why);
        if (p != NULL) {
            classify_bytes(t, s);
        }
        return p;
    }
    if (t->wire == DG_AVRO_VARIES) {
        return read_integer(r, t, p, s);
    }
    if ((uint64_t)(r->end - p) < t->wire) {
        return dg_avro_stop(r, DG_BAD_TRUNCATED);
    }
    if (t->kind == DG_AVRO_FIXED) {
        s->bytes = p;
        s->len = (size_t)t->wire;
        classify_bytes(t, s);
    } else if (t->kind == DG_AVRO_BOOLEAN) {
        if (*p > 1) {
            return dg_avro_stop(r, DG_BAD_MALFORMED);
        }
        *s = (struct scalar){.form = FORM_BOOLEAN, .integer = *p};
    } else if (t->kind == DG_AVRO_FLOAT) {
        *s = (struct scalar){.form = FORM_FLOAT, .real = (double)dg_avro_load_float(p)};
    } else {
        *s = (struct scalar){.form = FORM_REAL, .real = dg_avro_load_double(p)};
    }
    return p + t->wire;
}

static double as_number(const struct scalar *s)
{
    double x;
    switch (s->form) {
    case FORM_INTEGER:
    case FORM_BOOLEAN:
        return (double)s->integer;
    case FORM_REAL:
    case FORM_FLOAT:
        return dg_avro_clean(s->real);
    case FORM_TEXT:
        if (s->len == 0) {
            return dg_box(DG_NULL);
        }
        if (dg_number_parse_words((const char *)s->bytes, s->len, &x)) {
            return dg_avro_clean(x);
        }
        break;
    case FORM_UUID:
    case FORM_NONE:
        break;
    }
    return dg_box(DG_UNPARSABLE);
}

static int64_t integer_of_real(double x)
{
    return x >= -0x1p63 && x < 0x1p63 && x == (double)(int64_t)x ? (int64_t)x : DG_TIME_NONE;
}

static int64_t as_integer(const struct scalar *s)
{
    struct dg_decimal d;
    const char *const text = (const char *)s->bytes;
    int64_t x;
    switch (s->form) {
    case FORM_INTEGER:
        return s->integer;
    case FORM_REAL:
    case FORM_FLOAT:
        return integer_of_real(s->real);
    case FORM_TEXT:
        if (s->len > 0 && dg_decimal_scan(text, text + s->len, &d) == text + s->len &&
            dg_decimal_integer(&d, &x)) {
            return x;
        }
        break;
    case FORM_BOOLEAN:
    case FORM_UUID:
    case FORM_NONE:
        break;
    }
    return DG_TIME_NONE;
}

/* A count of some unit since the epoch by the schema's word; false if it says nothing. */
static bool logical_time(enum dg_avro_logical logical, int64_t x, int64_t *us)
{
    static const int64_t unit[] = {
        [DG_AVRO_DATE] = INT64_C(86400000000), [DG_AVRO_MILLIS] = 1000, [DG_AVRO_MICROS] = 1};
    switch (logical) {
    case DG_AVRO_DATE:
    case DG_AVRO_MILLIS:
    case DG_AVRO_MICROS:
        *us = __builtin_mul_overflow(x, unit[logical], us) ? DG_TIME_NONE : *us;
        return true;
    case DG_AVRO_NANOS:
        *us = x / 1000 - (x % 1000 < 0);
        return true;
    case DG_AVRO_TIME:
        *us = DG_TIME_NONE; /* a time of day is no event time */
        return true;
    case DG_AVRO_PLAIN:
    case DG_AVRO_DECIMAL:
    case DG_AVRO_UUID:
        break;
    }
    return false;
}

static int64_t as_time(const struct scalar *s, const struct dg_avro_type *t,
                       enum dg_time_format format)
{
    const bool by_schema = format == DG_TIME_AUTO || format == DG_TIME_RFC3339;
    int64_t us = DG_TIME_NONE;
    bool good = false;
    switch (s->form) {
    case FORM_INTEGER:
        good = by_schema && logical_time(t->logical, s->integer, &us);
        good = good || dg_time_from_integer(s->integer, format, &us);
        break;
    case FORM_REAL:
    case FORM_FLOAT:
        good = isfinite(s->real) && dg_time_from_number(s->real, format, &us);
        break;
    case FORM_TEXT:
        good = dg_time_parse((const char *)s->bytes, s->len, format, &us);
        break;
    case FORM_BOOLEAN:
    case FORM_UUID:
    case FORM_NONE:
        break;
    }
    return good ? us : DG_TIME_NONE;
}

/* As few digits as read back the same, from 15 (float: 6) on. */
static size_t real_text(double x, bool single, char out[DG_AVRO_SLOT])
{
    if (x != x) {
        return (size_t)snprintf(out, DG_AVRO_SLOT, "NaN");
    }
    if (isinf(x)) {
        return (size_t)snprintf(out, DG_AVRO_SLOT, x < 0 ? "-Infinity" : "Infinity");
    }
    if (fabs(x) < 0x1p53 && x == (double)(int64_t)x) {
        return (size_t)snprintf(out, DG_AVRO_SLOT, "%lld", (long long)x);
    }
    for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
        snprintf(out, DG_AVRO_SLOT, "%.*g", digits, x);
        char *comma = strchr(out, ','); /* the user's locale */
        if (comma != NULL) {
            *comma = '.';
        }
        double back;
        if (dg_number_parse(out, strlen(out), &back) &&
            (single ? (double)(float)back == x : back == x)) {
            break;
        }
    }
    return strlen(out);
}

static size_t uuid_text(const uint8_t b[16], char out[DG_AVRO_SLOT])
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[n++] = '-';
        }
        out[n++] = hex[b[i] >> 4];
        out[n++] = hex[b[i] & 15];
    }
    return n;
}

static void put_text(struct dg_avro_run *r, uint32_t column, const struct scalar *s)
{
    char *slot = r->slots + (size_t)r->plan->slot_of[column] * DG_AVRO_SLOT;
    const uint8_t *bytes = (const uint8_t *)slot;
    size_t len = 0;
    switch (s->form) {
    case FORM_INTEGER:
        len = (size_t)snprintf(slot, DG_AVRO_SLOT, "%lld", (long long)s->integer);
        break;
    case FORM_BOOLEAN:
        len = (size_t)snprintf(slot, DG_AVRO_SLOT, s->integer ? "true" : "false");
        break;
    case FORM_REAL:
    case FORM_FLOAT:
        len = real_text(s->real, s->form == FORM_FLOAT, slot);
        break;
    case FORM_UUID:
        len = uuid_text(s->bytes, slot);
        break;
    case FORM_TEXT:
        bytes = s->bytes;
        len = s->len;
        break;
    case FORM_NONE:
        dg_avro_set(r, column, DG_UNPARSABLE);
        return;
    }
    dg_avro_set_text(r, column, bytes, len);
}

const uint8_t *dg_avro_leaf(struct dg_avro_run *r, const struct dg_avro_op *op, const uint8_t *p)
{
    struct scalar s = {.form = FORM_NONE};
    p = read_scalar(r, op->type, p, &s);
    if (p == NULL) {
        return NULL;
    }
    const union dg_column c = r->batch->column[op->column];
    const struct dg_field *f = &r->plan->projection->field[op->column];
    switch (f->type) {
    case DG_FIELD_NUMERIC:
        c.number[r->row] = as_number(&s);
        break;
    case DG_FIELD_TEXT:
        put_text(r, op->column, &s);
        break;
    case DG_FIELD_TIME:
        c.integer[r->row] = as_time(&s, op->type, f->time_format);
        break;
    case DG_FIELD_INTEGER:
        c.integer[r->row] = as_integer(&s);
        break;
    }
    return p;
}
