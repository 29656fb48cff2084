#include "connectors/json_walk.h"
#include "connectors/record_presets.h"
#include "connectors/text_scan.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* What one side of a captured call holds. */
struct side {
    struct dg_bytes text; /* the data, unescaped, padded */
    size_t len;
    struct dg_bytes rows; /* as an array; empty: none */
};

static void put(struct dg_bytes *out, const char *text)
{
    dg_put_raw(out, text, strlen(text));
}

static bool is_word(const struct dg_json_string *s, const char *word)
{
    return s->len == strlen(word) && strncasecmp((const char *)s->bytes, word, s->len) == 0;
}

static bool begins(const struct dg_json_string *s, const char *word)
{
    return s->len >= strlen(word) && strncasecmp((const char *)s->bytes, word, strlen(word)) == 0;
}

static void put_byte(struct dg_bytes *out, uint8_t c)
{
    char escaped[8];
    if (c == '"' || c == '\\') {
        put(out, "\\");
        dg_put_u8(out, c);
    } else if (c < 0x20) {
        snprintf(escaped, sizeof escaped, "\\u%04x", c);
        put(out, escaped);
    } else {
        dg_put_u8(out, c);
    }
}

static void put_string(struct dg_bytes *out, const uint8_t *p, size_t n)
{
    put(out, "\"");
    for (size_t i = 0; i < n; i++) {
        put_byte(out, p[i]);
    }
    put(out, "\"");
}

/* ---- CSV ----------------------------------------------------------------------------------- */

/* A field between quotes, which it may hold doubled; behind it. NULL: no closing quote. */
static const uint8_t *put_quoted(struct dg_bytes *out, const uint8_t *p, const uint8_t *end)
{
    put(out, "\"");
    for (p++; p < end; p++) {
        if (*p == '"' && (p + 1 == end || p[1] != '"')) {
            put(out, "\"");
            return p + 1;
        }
        put_byte(out, *p);
        p += *p == '"';
    }
    return NULL;
}

static const uint8_t *put_field(struct dg_bytes *out, const uint8_t *p, const uint8_t *end)
{
    if (p < end && *p == '"') {
        return put_quoted(out, p, end);
    }
    const uint8_t *start = p;
    while (p < end && *p != ',' && *p != '\n' && *p != '\r') {
        p++;
    }
    const uint8_t *stop = p;
    while (start < stop && (*start == ' ' || *start == '\t')) {
        start++;
    }
    while (start < stop && (stop[-1] == ' ' || stop[-1] == '\t')) {
        stop--;
    }
    if (start == stop) {
        put(out, "null");
    } else {
        put_string(out, start, (size_t)(stop - start));
    }
    return p;
}

static bool put_csv(struct dg_bytes *out, const uint8_t *p, const uint8_t *end)
{
    put(out, "[");
    for (bool first = true; p < end; first = false) {
        put(out, first ? "[" : ",[");
        p = put_field(out, p, end);
        while (p != NULL && p < end && *p == ',') {
            put(out, ",");
            p = put_field(out, p + 1, end);
        }
        put(out, "]");
        if (p == NULL || (p < end && *p != '\n' && *p != '\r') || out->len > DG_PRESET_BYTES_MAX) {
            return false;
        }
        while (p < end && (*p == '\n' || *p == '\r')) {
            p++;
        }
    }
    put(out, "]");
    return true;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* The array of events inside one JSON value, if it is one that is known; else NULL. */
static const uint8_t *known_array(const uint8_t *p, const uint8_t *end)
{
    static const char *const names[] = {"instances", "predictions"};
    const uint8_t *value[2];
    struct dg_json_walk w;
    if (dg_json_walk_begin(&w, '[', p, end)) {
        return w.p != NULL && (*w.p == '[' || *w.p == '{') ? p : NULL;
    }
    if (!dg_json_walk_members(p, end, names, 2, value)) {
        return NULL;
    }
    const uint8_t *const array = value[0] != NULL ? value[0] : value[1];
    return dg_json_walk_begin(&w, '[', array, end) ? array : NULL;
}

/* One JSON text, or one per line. */
static bool put_json(struct dg_bytes *out, const uint8_t *p, const uint8_t *end)
{
    bool first = true;
    put(out, "[");
    p = dg_json_skip_space(p, end);
    while (p < end) {
        struct dg_json_value v;
        const uint8_t *const next = dg_json_walk_value(p, end, &v);
        struct dg_json_walk w;
        if (next == NULL || out->len > DG_PRESET_BYTES_MAX) {
            return false;
        }
        const uint8_t *const array = known_array(p, next);
        if (array == NULL) {
            put(out, first ? "" : ",");
            dg_put_raw(out, p, (size_t)(next - p));
            first = false;
        }
        (void)dg_json_walk_begin(&w, '[', array, next);
        while (w.p != NULL) {
            const uint8_t *const stop = dg_json_walk_value(w.p, next, &v);
            put(out, first ? "" : ",");
            dg_put_raw(out, w.p, (size_t)(stop - w.p));
            first = false;
            dg_json_walk_next(&w, stop);
        }
        p = dg_json_skip_space(next, end);
    }
    put(out, "]");
    return true;
}

/* ---- a side -------------------------------------------------------------------------------- */

static bool decode_base64(struct side *s)
{
    struct dg_bytes *const text = &s->text;
    size_t len = 0;
    for (size_t i = 0; i < s->len; i++) { /* without line ends */
        if (text->data[i] != '\n' && text->data[i] != '\r') {
            text->data[len++] = text->data[i];
        }
    }
    if (len % 4 != 0 || len > INT32_MAX) {
        return false;
    }
    const size_t padding =
        len >= 2 && text->data[len - 1] == '=' ? 1 + (size_t)(text->data[len - 2] == '=') : 0;
    const int n = len == 0 ? 0 : EVP_DecodeBlock(text->data, text->data, (int)len);
    if (n < 0) {
        return false;
    }
    s->len = (size_t)n - padding;
    memset(text->data + s->len, 0, DG_JSON_PAD);
    return dg_is_utf8(text->data, s->len);
}

static bool unescape(struct side *s, const struct dg_json_string *data)
{
    static const uint8_t pad[DG_JSON_PAD];
    dg_put_raw(&s->text, data->bytes, data->len);
    dg_put_raw(&s->text, pad, sizeof pad);
    if (s->text.failed) {
        return false;
    }
    s->len = data->escaped ? dg_json_unescape(data, (char *)s->text.data) : data->len;
    memset(s->text.data + s->len, 0, DG_JSON_PAD);
    return true;
}

static bool read_string(const uint8_t *p, const uint8_t *end, struct dg_json_string *s)
{
    struct dg_json_value v = {.kind = DG_JSON_NULL};
    const bool good = p != NULL && dg_json_walk_value(p, end, &v) != NULL;
    *s =
        v.kind == DG_JSON_STRING ? v.string : (struct dg_json_string){.bytes = (const uint8_t *)""};
    return good && v.kind == DG_JSON_STRING;
}

/* False: it is not what a capture holds. */
static bool read_side(const uint8_t *p, const uint8_t *end, struct side *s)
{
    static const char *const names[] = {"data", "encoding", "observedContentType"};
    const uint8_t *value[3];
    struct dg_json_string data, encoding, type;
    if (p == NULL || *dg_json_skip_space(p, end) == 'n') {
        return true;
    }
    if (!dg_json_walk_members(p, end, names, 3, value) || !read_string(value[0], end, &data)) {
        return false;
    }
    (void)read_string(value[1], end, &encoding);
    (void)read_string(value[2], end, &type);
    if (!unescape(s, &data)) {
        return false;
    }
    const bool base64 = is_word(&encoding, "BASE64");
    if (base64 && !decode_base64(s)) {
        return false;
    }
    const uint8_t *const text = s->text.data;
    if (is_word(&encoding, "CSV") || (base64 && begins(&type, "text/csv"))) {
        return put_csv(&s->rows, text, text + s->len);
    }
    const bool json =
        is_word(&encoding, "JSON") ||
        (base64 && (begins(&type, "application/json") || begins(&type, "application/x-ndjson") ||
                    begins(&type, "application/jsonlines")));
    return json && put_json(&s->rows, text, text + s->len);
}

static void put_element(struct dg_bytes *out, const char *name, struct dg_json_walk *w, bool first)
{
    struct dg_json_value v;
    const uint8_t *const next = dg_json_walk_value(w->p, w->end, &v);
    put(out, first ? "\"" : ",\"");
    put(out, name);
    put(out, "\":");
    dg_put_raw(out, w->p, (size_t)(next - w->p));
    dg_json_walk_next(w, next);
}

static struct dg_json_walk walk_rows(struct side *s)
{
    static const uint8_t pad[DG_JSON_PAD];
    struct dg_json_walk w = {0};
    const size_t len = s->rows.len;
    dg_put_raw(&s->rows, pad, sizeof pad);
    if (len > 0 && !s->rows.failed) {
        (void)dg_json_walk_begin(&w, '[', s->rows.data, s->rows.data + len);
    }
    return w;
}

/* The n-th line that went in belongs to the n-th that came out. */
static void put_pairs(struct side *input, struct side *output, struct dg_bytes *out)
{
    struct dg_json_walk in = walk_rows(input), came = walk_rows(output);
    put(out, "[");
    for (bool first = true; in.p != NULL || came.p != NULL; first = false) {
        const bool both = in.p != NULL;
        put(out, first ? "{" : ",{");
        if (in.p != NULL) {
            put_element(out, "input", &in, true);
        }
        if (came.p != NULL) {
            put_element(out, "output", &came, !both);
        }
        put(out, "}");
    }
    put(out, "]");
}

enum dg_reason dg_preset_sagemaker(const uint8_t *const captured[], const uint8_t *end,
                                   struct dg_bytes *out)
{
    struct side input = {0}, output = {0};
    enum dg_reason reason = DG_BAD_MALFORMED;
    if (read_side(captured[0], end, &input) && read_side(captured[1], end, &output)) {
        put_pairs(&input, &output, out);
        reason = DG_GOOD;
    }
    if (input.rows.len > DG_PRESET_BYTES_MAX || output.rows.len > DG_PRESET_BYTES_MAX) {
        reason = DG_BAD_TOO_LARGE;
    }
    out->failed |=
        input.text.failed || input.rows.failed || output.text.failed || output.rows.failed;
    dg_bytes_deinit(&input.text);
    dg_bytes_deinit(&input.rows);
    dg_bytes_deinit(&output.text);
    dg_bytes_deinit(&output.rows);
    return reason;
}

const struct dg_preset *dg_preset_find(const char *name)
{
    static const struct dg_preset presets[] = {
        {"open_inference", {"/inputs", "/outputs"}, dg_preset_open_inference},
        {"seldon",
         {"/data/names", "/data/ndarray", "/data/tensor/shape", "/data/tensor/values"},
         dg_preset_seldon},
        {"sagemaker",
         {"/captureData/endpointInput", "/captureData/endpointOutput"},
         dg_preset_sagemaker},
    };
    for (size_t i = 0; name != NULL && i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(presets[i].name, name) == 0) {
            return &presets[i];
        }
    }
    return NULL;
}
