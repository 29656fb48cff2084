/* connectors/avro_schema.h -- an Avro schema as a checked tree: what the decode plan is compiled
 * from. Immutable after parsing, so any number of threads may read it.
 *
 * The tree is our own because libavro's forgets logical types, keeps one error buffer for all
 * threads, and recurses as deep as the text does. Source: Apache Avro 1.11 specification. */
#ifndef DG_CONNECTORS_AVRO_SCHEMA_H
#define DG_CONNECTORS_AVRO_SCHEMA_H

#include "engine/error.h"

#define DG_AVRO_SCHEMA_BYTES_MAX ((size_t)1 << 20)
#define DG_AVRO_SCHEMA_DEPTH_MAX 64                  /* types within types */
#define DG_AVRO_VARIES           UINT64_MAX          /* encoded size depends on the datum */
#define DG_AVRO_FIXED_MAX        (UINT64_C(1) << 30) /* bytes of a `fixed` */

enum dg_avro_kind {
    DG_AVRO_NULL,
    DG_AVRO_BOOLEAN,
    DG_AVRO_INT,
    DG_AVRO_LONG,
    DG_AVRO_FLOAT,
    DG_AVRO_DOUBLE,
    DG_AVRO_BYTES,
    DG_AVRO_STRING,
    DG_AVRO_ENUM,
    DG_AVRO_FIXED,
    DG_AVRO_ARRAY,
    DG_AVRO_MAP,
    DG_AVRO_UNION,
    DG_AVRO_RECORD,
};

enum dg_avro_logical {
    DG_AVRO_PLAIN,
    DG_AVRO_DATE,    /* int, days */
    DG_AVRO_TIME,    /* time of day, without a date */
    DG_AVRO_MILLIS,  /* timestamp-millis, local-timestamp-millis */
    DG_AVRO_MICROS,  /* timestamp-micros, local-timestamp-micros */
    DG_AVRO_NANOS,   /* timestamp-nanos, local-timestamp-nanos */
    DG_AVRO_DECIMAL, /* bytes or fixed, big-endian two's complement, times 10^-scale */
    DG_AVRO_UUID,    /* string, or fixed of 16 */
};

struct dg_avro_type {
    enum dg_avro_kind kind;
    enum dg_avro_logical logical;
    int scale;                   /* DECIMAL: digits behind the point, >= 0 */
    uint64_t wire;               /* bytes of every encoded datum, or DG_AVRO_VARIES */
    uint64_t least;              /* bytes of the shortest encoded datum; 0 is possible */
    uint32_t n;                  /* RECORD fields, UNION branches, ENUM symbols; ARRAY, MAP: 1 */
    struct dg_avro_type **child; /* [n]; NULL for ENUM. Named types are shared: may be cyclic */
    const char **label;          /* [n] field names or symbols; NULL for others */
    const char *name;            /* full name of RECORD, ENUM, FIXED; else NULL */
};

struct dg_avro_schema; /* opaque: owns every type of its tree */

/*
 * Parse the JSON text of a schema. Unknown attributes and unusable logical types are ignored, as
 * the specification wants; names are resolved in their namespaces. Errors: EFBIG above
 * DG_AVRO_SCHEMA_BYTES_MAX or DG_AVRO_SCHEMA_DEPTH_MAX, EINVAL for text that is not a schema, with
 * the type or field in question, ENOMEM. Cost: linear in the text.
 */
DG_MUST_CHECK int dg_avro_schema_parse(const char *json, size_t len, struct dg_avro_schema **out,
                                       struct dg_error *err);
void dg_avro_schema_free(struct dg_avro_schema *s);
const struct dg_avro_type *dg_avro_schema_root(const struct dg_avro_schema *s);

/* "record", "long", ... for messages. */
const char *dg_avro_kind_name(enum dg_avro_kind kind);

#endif
