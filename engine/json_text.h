/* engine/json_text.h -- writing JSON texts without a tree: for lines that are written by the
 * million. */
#ifndef DG_ENGINE_JSON_TEXT_H
#define DG_ENGINE_JSON_TEXT_H

#include "stats/base.h"

#include <stdio.h>

/* text[len] as a JSON string with its quotes (RFC 8259). Bytes that are not UTF-8 become U+FFFD, so
 * that the output always parses. Errors: ferror(out). */
void dg_json_put_text(FILE *out, const char *text, size_t len);

/* A number, rounded to 12 digits; NAN and infinities, which JSON does not have, become null. */
void dg_json_put_real(FILE *out, double x);

/* Bytes of the UTF-8 character at text[0 .. len), or 0 if it is not one (RFC 3629: no surrogates,
 * no overlong forms). len >= 1. */
size_t dg_utf8_length(const char *text, size_t len);

#endif
