/* connectors/json_scan.h -- a strict RFC 8259 pull scanner over bytes in memory. No allocation. */
#ifndef DG_CONNECTORS_JSON_SCAN_H
#define DG_CONNECTORS_JSON_SCAN_H

#include "connectors/number.h"
#include "engine/batch.h"

#define DG_JSON_DEPTH_MAX 64 /* objects and arrays inside each other, the outermost one counted */
#define DG_JSON_PAD       ((size_t)32)

/*
 * What is being scanned: one JSON text in [p, end). Every function below takes up at p, moves p
 * behind what it has read and returns true; or returns false, leaves p at the byte that is wrong
 * (end if something is missing) and sets `reason`: DG_BAD_UTF8 (bytes in a string that are not
 * UTF-8, or an escaped surrogate without its partner), else DG_BAD_MALFORMED. After false the scan
 * is over.
 *
 * DG_JSON_PAD bytes behind end must be readable; *end must be a control character (line feed, NUL).
 */
struct dg_json {
    const uint8_t *p;
    const uint8_t *end;
    unsigned depth; /* containers that are open */
    enum dg_reason reason;
};

/* The inside of a string as it stands in the text. */
struct dg_json_string {
    const uint8_t *bytes;
    size_t len;
    bool escaped; /* holds backslashes */
};

enum dg_json_kind {
    DG_JSON_NULL,
    DG_JSON_FALSE,
    DG_JSON_TRUE,
    DG_JSON_NUMBER,
    DG_JSON_STRING,
    DG_JSON_OBJECT, /* at its brace, not entered */
    DG_JSON_ARRAY,  /* at its bracket, not entered */
};

struct dg_json_value {
    enum dg_json_kind kind;
    struct dg_decimal number;
    struct dg_json_string string;
};

/* Space, tab, LF, CR. */
static inline void dg_json_space(struct dg_json *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r')) {
        j->p++;
    }
}

/* Set the reason and return false. */
bool dg_json_fail(struct dg_json *j, enum dg_reason reason);

/* The string whose opening quote is at p. 16 bytes at a time. */
bool dg_json_string(struct dg_json *j, struct dg_json_string *s);
/* The value at p, white space before it allowed. Scalars are read, containers only named. */
bool dg_json_value(struct dg_json *j, struct dg_json_value *v);
/* Read over the container at p, checking all of it. No recursion. */
bool dg_json_skip(struct dg_json *j);
/* Read over the value at p, as dg_json_value and dg_json_skip would, for less: nobody wants it. */
bool dg_json_pass(struct dg_json *j);
/* Enter a container, which is at p: one more is open. False beyond DG_JSON_DEPTH_MAX. */
bool dg_json_enter(struct dg_json *j);

/* The meaning of an escaped string: into out[<= s->len], never longer than the text; returns the
 * length. s must come from dg_json_string. */
size_t dg_json_unescape(const struct dg_json_string *s, char out[]);

#endif
