/* engine/projection.h -- which fields of a record become which columns of a batch. */
#ifndef DG_ENGINE_PROJECTION_H
#define DG_ENGINE_PROJECTION_H

#include "engine/error.h"

enum dg_field_type {
    DG_FIELD_NUMERIC, /* double[], boxed triage */
    DG_FIELD_TEXT,    /* struct dg_text[] : categories, slices, ids */
    DG_FIELD_TIME,    /* int64_t[] microseconds since the epoch, UTC */
    DG_FIELD_INTEGER, /* int64_t[] : partition, offset */
};

enum dg_time_format {
    DG_TIME_AUTO, /* RFC 3339 / ISO 8601 (space or T, fraction, Z or offset; none = UTC), a date, or
                     an epoch number whose unit is guessed by magnitude; Avro logical types decide
                   */
    DG_TIME_RFC3339,
    DG_TIME_UNIX_S,
    DG_TIME_UNIX_MS,
    DG_TIME_UNIX_US,
    DG_TIME_UNIX_NS,
};

#define DG_TIME_NONE INT64_MIN /* no (valid) time */

/* `path` names the field: a plain name is a top-level field (CSV header, JSON key, Avro field); a
 * path that starts with '/' is an RFC 6901 pointer into nested records, maps and arrays. */
struct dg_field {
    const char *path;
    enum dg_field_type type;
    enum dg_time_format time_format;
};

/* The roles of special columns are indexes into `field`, or -1. The projection borrows its strings
 * and outlives every decoder made from it. */
struct dg_projection {
    struct dg_field *field; /* [n] distinct paths per type */
    size_t n;
    int time;            /* DG_FIELD_TIME */
    int id;              /* DG_FIELD_TEXT */
    int topic;           /* DG_FIELD_TEXT */
    int partition;       /* DG_FIELD_INTEGER */
    int offset;          /* DG_FIELD_INTEGER */
    int record_time;     /* DG_FIELD_TIME: the record's own timestamp, where files carry it */
    const char **ignore; /* [n_ignore] top-level fields that are neither columns nor news */
    size_t n_ignore;
};

#endif
