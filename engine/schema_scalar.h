/* engine/schema_scalar.h -- one key's value from text; private to the schema. */
#ifndef DG_ENGINE_SCHEMA_SCALAR_H
#define DG_ENGINE_SCHEMA_SCALAR_H

#include "engine/schema.h"

/* Read `text`, written at `place`, as the value of `key` (a type that is a scalar). False: it is
 * not, and `d` says so. */
bool dg_schema_scalar(const struct dg_key *key, const char *text, struct dg_place place,
                      struct dg_diagnostics *d, struct dg_setting *out);

/* A number or inf, -inf, .inf, -.inf. */
bool dg_schema_open_number(const char *text, double *number);

/* "a, b, c" of a NULL-terminated list, cut to `size`. Returns buf. */
char *dg_schema_words(const char *const *words, const char *separator, char *buf, size_t size);

/* What a value of the type looks like: "a duration such as 5m or 1h30m". */
const char *dg_schema_type_words(enum dg_key_type type);

#endif
