/* engine/result_fields.h -- the columns of a result row as a table: the one list that every output,
 * threshold check and document is made from. */
#ifndef DG_ENGINE_RESULT_FIELDS_H
#define DG_ENGINE_RESULT_FIELDS_H

#include "engine/result.h"

enum dg_value_kind {
    DG_VALUE_TEXT,     /* const char *, never NULL */
    DG_VALUE_REAL,     /* double, NAN = null */
    DG_VALUE_COUNT,    /* uint64_t */
    DG_VALUE_TIME,     /* int64_t microseconds UTC; 0 in since_us = null */
    DG_VALUE_DURATION, /* int64_t microseconds; printed as 1h, 7d */
    DG_VALUE_BOOL,
};

struct dg_value {
    enum dg_value_kind kind;
    bool null;
    union {
        const char *text;
        double real;
        uint64_t count;
        int64_t us;
        bool yes;
    };
};

struct dg_result_field {
    const char *name; /* as in CSV headers, JSON keys, SQL columns, `metric:` of a check */
    enum dg_value_kind kind;
    const char *doc;                         /* one line: meaning, unit, range */
    struct dg_value (*get)(const void *row); /* row: struct dg_series_row or dg_slice_row */
};

extern const struct dg_result_field dg_series_fields[];
extern const size_t dg_n_series_fields;
extern const struct dg_result_field dg_slice_fields[];
extern const size_t dg_n_slice_fields;

/* NULL if there is no such field. */
const struct dg_result_field *dg_series_field(const char *name);
const struct dg_result_field *dg_slice_field(const char *name);

#endif
