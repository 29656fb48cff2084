/* tests/json_oracle.h -- what jansson says of lines of JSON, against what the NDJSON reader says.
 */
#ifndef DG_TESTS_JSON_ORACLE_H
#define DG_TESTS_JSON_ORACLE_H

#include "tests/input_text.h"

#include <jansson.h>

/* Numbers at /a, /o/x, /l/1; texts at /b, /o/y. Set input_flat before. */
#define ORACLE_COLUMNS "n:a n:/o/x n:/l/1 t:b t:/o/y"

enum oracle_verdict {
    ORACLE_BAD,
    ORACLE_ROW,      /* `row` is what the reader must say */
    ORACLE_ACCEPTED, /* a row, of values that jansson does not tell apart as the reader does */
    ORACLE_UNSURE,   /* limits of jansson: overflow, NUL in a key, nesting */
};

static inline bool oracle_put_number(FILE *out, const json_t *v)
{
    if (v == NULL) {
        fputs(" <absent>", out);
    } else if (json_is_null(v)) {
        fputs(" <null>", out);
    } else if (json_is_boolean(v)) {
        fprintf(out, " %d", json_is_true(v) ? 1 : 0);
    } else if (json_is_number(v)) {
        fprintf(out, " %.17g", json_number_value(v));
    } else if (json_is_string(v)) {
        return false;
    } else {
        fputs(" <unparsable>", out);
    }
    return true;
}

static inline bool oracle_put_text(FILE *out, const json_t *v)
{
    if (v == NULL) {
        fputs(" <absent>", out);
    } else if (json_is_null(v)) {
        fputs(" <null>", out);
    } else if (json_is_boolean(v)) {
        fprintf(out, " '%s'", json_is_true(v) ? "true" : "false");
    } else if (json_is_string(v)) {
        if (json_string_length(v) > 200) {
            return false; /* the rows' texts have only a sum of it */
        }
        fputs(" '", out);
        input_put_bytes(out, json_string_value(v), json_string_length(v));
        fputc('\'', out);
    } else if (json_is_number(v)) {
        return false;
    } else {
        fputs(" <unparsable>", out);
    }
    return true;
}

static inline size_t oracle_nesting(const char *line, size_t n)
{
    size_t brackets = 0;
    for (size_t i = 0; i < n; i++) {
        brackets += line[i] == '[' || line[i] == '{';
    }
    return brackets;
}

/* The row without its place. */
static inline enum oracle_verdict oracle_judge(const char *line, size_t n, char row[4096],
                                               size_t *row_len)
{
    if (memchr(line, 0, n) != NULL) {
        return ORACLE_BAD; /* jansson 2.14 takes a NUL byte behind a number */
    }
    json_error_t error;
    json_t *const doc =
        json_loadb(line, n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (oracle_nesting(line, n) > 60) {
        json_decref(doc);
        return ORACLE_UNSURE;
    }
    if (doc == NULL) {
        const enum json_error_code code = json_error_code(&error);
        return code == json_error_numeric_overflow || code == json_error_null_byte_in_key
                   ? ORACLE_UNSURE
                   : ORACLE_BAD;
    }
    if (!json_is_object(doc)) {
        json_decref(doc);
        return ORACLE_BAD;
    }
    const json_t *const o = json_object_get(doc, "o");
    const json_t *const l = json_object_get(doc, "l");
    FILE *const out = fmemopen(row, 4096, "w");
    bool sure = oracle_put_number(out, json_object_get(doc, "a"));
    sure = oracle_put_number(out, json_object_get(o, "x")) && sure;
    /* A pointer's 1 is a key where /l is an object, an index where it is an array. */
    sure = oracle_put_number(out,
                             json_is_object(l) ? json_object_get(l, "1") : json_array_get(l, 1)) &&
           sure;
    sure = oracle_put_text(out, json_object_get(doc, "b")) && sure;
    sure = oracle_put_text(out, json_object_get(o, "y")) && sure;
    *row_len = (size_t)ftell(out);
    fclose(out);
    json_decref(doc);
    return sure ? ORACLE_ROW : ORACLE_ACCEPTED;
}

/* Compare one line with the reader's text of it (without place and news); false = they differ. */
static inline bool oracle_agrees(const char *line, size_t n, const char *got, size_t got_len)
{
    char row[4096];
    size_t row_len;
    const bool rejected = got_len >= 4 && memcmp(got, " BAD", 4) == 0;
    switch (oracle_judge(line, n, row, &row_len)) {
    case ORACLE_BAD:
        return rejected;
    case ORACLE_ROW:
        return got_len == row_len && memcmp(got, row, got_len) == 0;
    case ORACLE_ACCEPTED:
        return !rejected;
    case ORACLE_UNSURE:
        break;
    }
    return true;
}

/* Whether a line is blank, and so no record. */
static inline bool oracle_is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr(" \t\r", line[i]) == NULL || line[i] == '\0') {
            return false;
        }
    }
    return true;
}

/* Whether every line of a file, as read by the NDJSON reader into `text`, is as jansson says. Says
 * on stderr which is not. */
static inline bool oracle_agrees_on_all(const char *content, size_t n, const char *text)
{
    uint64_t place = 1;
    const char *const end = content + n;
    for (const char *line = content; line < end; place++) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        nl = nl != NULL ? nl : end;
        if (!oracle_is_blank(line, (size_t)(nl - line))) {
            char *values;
            const uint64_t at = strtoull(text, &values, 10);
            const char *const row_end = strchr(values, '\n');
            if (row_end == NULL || at != place ||
                !oracle_agrees(line, (size_t)(nl - line), values, (size_t)(row_end - values))) {
                fprintf(stderr, "line %" PRIu64 ": %.*s\nis read as %.200s\n", place,
                        (int)(nl - line), line, text);
                return false;
            }
            text = row_end + 1;
        }
        line = nl + 1;
    }
    return *text == '\0';
}

#endif
