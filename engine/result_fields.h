/* engine/result_fields.h -- the columns of a result row as a table: the one list that every output,
 * threshold check and document is made from. */
#ifndef DG_ENGINE_RESULT_FIELDS_H
#define DG_ENGINE_RESULT_FIELDS_H

#include "engine/result.h"

enum dg_value_kind {
    DG_VALUE_TEXT,     /* const char *, never NULL; "" = null where the value says null */
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

/*
 * The order is the order of columns in every output: the key first (window, slice, column,
 * baseline), then the measures. It is part of the contract: new fields go to the end of a group,
 * never between two releases' columns by renaming. Nulls: undefined doubles (NAN), `since` without
 * drift, and everything about the reference when the row has no baseline. Texts are the row's own
 * strings, or static, or (flags, top_*, which are composed) live in the thread until the same field
 * is next asked for.
 */
extern const struct dg_result_field dg_series_fields[];
extern const size_t dg_n_series_fields;
extern const struct dg_result_field dg_slice_fields[];
extern const size_t dg_n_slice_fields;

/* By name; NULL if there is no such field. Linear in the table: look up once, not per row. */
const struct dg_result_field *dg_series_field(const char *name);
const struct dg_result_field *dg_slice_field(const char *name);

#define DG_VALUE_TEXT_MAX 40
/* The value as outputs write it, without quotes: doubles as the shortest decimal of the value
 * rounded to 12 significant digits ("0.1", "1e-300", "inf", "-inf"), counts in decimal, times RFC
 * 3339 in UTC, durations as 1h, 7d, bools true and false, null "". Returns the text itself for
 * DG_VALUE_TEXT, else buf. The decimal point is '.' whatever the locale, as the program never sets
 * LC_NUMERIC. */
const char *dg_value_format(const struct dg_value *value, char buf[DG_VALUE_TEXT_MAX]);

#endif
