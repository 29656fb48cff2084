#include "connectors/json_walk.h"
#include "connectors/record_parts.h"
#include "connectors/record_presets.h"

#include <stdlib.h>

/* Scalars of arrays within arrays, in order. */
struct scalars {
    const uint8_t *p;
    const uint8_t *end;
    unsigned depth;
};

struct tensor {
    const uint8_t *name; /* [name_len] with its quotes; NULL: none */
    size_t name_len;
    uint64_t rows, width; /* values per row */
    struct scalars data;
};

static void put(struct dg_bytes *out, const char *text)
{
    dg_put_raw(out, text, strlen(text));
}

/* The next scalar: [*start, *stop). False: there is none, or something else. */
static bool next_scalar(struct scalars *s, const uint8_t **start, const uint8_t **stop)
{
    for (;;) {
        s->p = dg_json_skip_space(s->p, s->end);
        if (s->p == s->end || *s->p == '{' || *s->p == '}') {
            return false;
        }
        if (*s->p == '[') {
            s->depth++;
        } else if (*s->p == ']') {
            if (--s->depth == 0) {
                return false;
            }
        } else if (*s->p != ',') {
            struct dg_json_value v;
            *start = s->p;
            *stop = dg_json_walk_value(s->p, s->end, &v);
            s->p = *stop;
            return *stop != NULL;
        }
        s->p++;
    }
}

/* Nothing follows the last scalar. */
static bool at_end(struct scalars s)
{
    const uint8_t *start, *stop;
    return !next_scalar(&s, &start, &stop) && s.depth == 0;
}

static bool begin_scalars(struct scalars *s, const uint8_t *p, const uint8_t *end)
{
    if (p == NULL || *p != '[') {
        return false;
    }
    *s = (struct scalars){.p = p, .end = end};
    return true;
}

/* [rows, more...]: rows, and how many values each has. */
static bool read_shape(const uint8_t *p, const uint8_t *end, struct tensor *t)
{
    struct dg_json_walk w;
    if (!dg_json_walk_begin(&w, '[', p, end)) {
        return false;
    }
    t->width = 1;
    for (size_t i = 0; w.p != NULL; i++) {
        struct dg_json_value v;
        int64_t size;
        const uint8_t *const next = dg_json_walk_value(w.p, end, &v);
        if (next == NULL || v.kind != DG_JSON_NUMBER || !dg_decimal_integer(&v.number, &size) ||
            size < 0) {
            return false;
        }
        if (i == 0) {
            t->rows = (uint64_t)size;
        } else if (__builtin_mul_overflow(t->width, (uint64_t)size, &t->width)) {
            return false;
        }
        dg_json_walk_next(&w, next);
    }
    return true;
}

static bool put_values(struct tensor *t, struct dg_bytes *out)
{
    if (t->width != 1) {
        put(out, "[");
    }
    for (uint64_t i = 0; i < t->width; i++) {
        const uint8_t *start, *stop;
        if (!next_scalar(&t->data, &start, &stop) || out->len > DG_PRESET_BYTES_MAX) {
            return false;
        }
        put(out, i > 0 ? "," : "");
        dg_put_raw(out, start, (size_t)(stop - start));
    }
    if (t->width != 1) {
        put(out, "]");
    }
    return true;
}

/* ---- open inference ------------------------------------------------------------------------ */

static bool read_tensor(const uint8_t *p, const uint8_t *end, struct tensor *t)
{
    static const char *const names[] = {"name", "shape", "data"};
    const uint8_t *value[3];
    struct dg_json_value v;
    if (!dg_json_walk_members(p, end, names, 3, value) || value[0] == NULL || *value[0] != '"') {
        return false;
    }
    t->name = value[0];
    t->name_len = (size_t)(dg_json_walk_value(value[0], end, &v) - value[0]);
    return read_shape(value[1], end, t) && begin_scalars(&t->data, value[2], end);
}

static bool read_tensors(const uint8_t *list, const uint8_t *end, struct tensor t[], size_t *n)
{
    struct dg_json_walk w;
    if (list == NULL || *dg_json_skip_space(list, end) == 'n') {
        return true;
    }
    if (!dg_json_walk_begin(&w, '[', list, end)) {
        return false;
    }
    while (w.p != NULL) {
        struct dg_json_value v;
        if (*n == DG_PRESET_TENSORS_MAX || !read_tensor(w.p, end, &t[*n]) ||
            t[*n].rows != t[0].rows) {
            return false;
        }
        ++*n;
        dg_json_walk_next(&w, dg_json_walk_value(w.p, end, &v));
    }
    return true;
}

static enum dg_reason put_rows(struct tensor t[], size_t n, struct dg_bytes *out)
{
    put(out, "[");
    for (uint64_t row = 0; row < t[0].rows; row++) {
        put(out, row > 0 ? ",{" : "{");
        for (size_t i = 0; i < n; i++) {
            put(out, i > 0 ? "," : "");
            dg_put_raw(out, t[i].name, t[i].name_len);
            put(out, ":");
            if (!put_values(&t[i], out)) {
                return out->len > DG_PRESET_BYTES_MAX ? DG_BAD_TOO_LARGE : DG_BAD_MALFORMED;
            }
        }
        put(out, "}");
    }
    put(out, "]");
    for (size_t i = 0; i < n; i++) {
        if (!at_end(t[i].data)) {
            return DG_BAD_MALFORMED;
        }
    }
    return DG_GOOD;
}

enum dg_reason dg_preset_open_inference(const uint8_t *const captured[], const uint8_t *end,
                                        struct dg_bytes *out)
{
    struct tensor t[DG_PRESET_TENSORS_MAX];
    size_t n = 0;
    if (!read_tensors(captured[0], end, t, &n) || !read_tensors(captured[1], end, t, &n)) {
        return DG_BAD_MALFORMED;
    }
    if (n == 0) {
        return DG_GOOD;
    }
    return t[0].rows > DG_RECORD_INSTANCES_MAX ? DG_BAD_TOO_LARGE : put_rows(t, n, out);
}

/* ---- seldon -------------------------------------------------------------------------------- */

/* One row of values; under their names, as long as there are any. */
static bool put_named(struct scalars *s, uint64_t width, struct dg_json_walk names,
                      struct dg_bytes *out)
{
    const bool named = names.p != NULL;
    put(out, named ? "{" : "[");
    for (uint64_t i = 0; i < width; i++) {
        const uint8_t *start, *stop;
        struct dg_json_value v;
        if (!next_scalar(s, &start, &stop) || out->len > DG_PRESET_BYTES_MAX) {
            return false;
        }
        if (named && names.p == NULL) {
            continue;
        }
        put(out, i > 0 ? "," : "");
        if (named) {
            const uint8_t *const next = dg_json_walk_value(names.p, names.end, &v);
            if (v.kind != DG_JSON_STRING) {
                return false;
            }
            dg_put_raw(out, names.p, (size_t)(next - names.p));
            put(out, ":");
            dg_json_walk_next(&names, next);
        }
        dg_put_raw(out, start, (size_t)(stop - start));
    }
    put(out, named ? "}" : "]");
    return true;
}

static uint64_t count_scalars(const uint8_t *p, const uint8_t *end)
{
    struct scalars s;
    const uint8_t *start, *stop;
    uint64_t n = 0;
    if (begin_scalars(&s, p, end)) {
        while (next_scalar(&s, &start, &stop)) {
            n++;
        }
    }
    return n;
}

static bool put_ndarray(const uint8_t *array, const uint8_t *end, struct dg_json_walk names,
                        struct dg_bytes *out)
{
    struct dg_json_walk w;
    struct scalars s;
    if (!dg_json_walk_begin(&w, '[', array, end)) {
        return false;
    }
    put(out, "[");
    if (w.p != NULL && *w.p != '[') { /* one row, not within another array */
        if (!begin_scalars(&s, dg_json_skip_space(array, end), end) ||
            !put_named(&s, count_scalars(s.p, end), names, out) || !at_end(s)) {
            return false;
        }
        w.p = NULL;
    }
    for (bool first = true; w.p != NULL; first = false) {
        struct dg_json_value v;
        put(out, first ? "" : ",");
        if (!begin_scalars(&s, w.p, end) || !put_named(&s, count_scalars(w.p, end), names, out) ||
            !at_end(s)) {
            return false;
        }
        dg_json_walk_next(&w, dg_json_walk_value(w.p, end, &v));
    }
    put(out, "]");
    return true;
}

static bool put_tensor(struct tensor *t, struct dg_json_walk names, struct dg_bytes *out)
{
    put(out, "[");
    for (uint64_t row = 0; row < t->rows; row++) {
        put(out, row > 0 ? "," : "");
        if (!put_named(&t->data, t->width, names, out)) {
            return false;
        }
    }
    put(out, "]");
    return at_end(t->data);
}

enum dg_reason dg_preset_seldon(const uint8_t *const captured[], const uint8_t *end,
                                struct dg_bytes *out)
{
    struct dg_json_walk names;
    struct tensor t = {0};
    bool good = true;
    (void)dg_json_walk_begin(&names, '[', captured[0], end);
    if (captured[1] != NULL) {
        good = put_ndarray(captured[1], end, names, out);
    } else if (captured[3] != NULL) {
        good = read_shape(captured[2], end, &t) &&
               begin_scalars(&t.data, dg_json_skip_space(captured[3], end), end);
        if (good && t.rows > DG_RECORD_INSTANCES_MAX) {
            return DG_BAD_TOO_LARGE;
        }
        good = good && put_tensor(&t, names, out);
    }
    return good ? DG_GOOD : out->len > DG_PRESET_BYTES_MAX ? DG_BAD_TOO_LARGE : DG_BAD_MALFORMED;
}
