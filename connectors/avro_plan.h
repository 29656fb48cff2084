/* connectors/avro_plan.h -- Avro's binary encoding straight into batch columns.
 *
 * A plan is compiled once per (writer schema, projection): a short program that reads the wanted
 * fields into their columns and steps over the rest. Nothing is allocated per datum, nothing is
 * built in between. Immutable: any number of threads run one plan, each on a batch of its own.
 *
 * Paths: a plain name is a field of the top-level record; "/a/b" walks records by field, maps by
 * key and arrays by index; "" is the datum itself. A union is resolved per datum by its branch.
 *
 * What a column receives:
 *   absent      the schema or the map lacks it, or something above it is null: DG_ABSENT
 *   null        DG_NULL; also an empty string
 *   NUMERIC     int, long, float, double; boolean as 0 and 1; decimal; a string that is a number
 *               literal; else DG_UNPARSABLE
 *   TEXT        string; bytes and fixed as they are (uuid fixed: 8-4-4-4-12 digits); enum symbol;
 *               integers in full; other numbers to 15 digits (float: 6), or to as many as it takes
 *               to read back the same, NaN, Infinity; "true", "false"; else DG_UNPARSABLE.
 *               Text that is not UTF-8 makes the row DG_BAD_UTF8
 *   TIME        by logical type unless the projection names a unix_* unit; plain numbers by
 *               dg_time_from_integer and dg_time_from_number, strings by dg_time_parse; else
 *               DG_TIME_NONE. Leaves the judgement about a missing time to the engine
 *   INTEGER     int, long, a number without a fraction, or a string of one; else DG_TIME_NONE
 * A map key that comes twice: the last one counts.
 */
#ifndef DG_CONNECTORS_AVRO_PLAN_H
#define DG_CONNECTORS_AVRO_PLAN_H

#include "connectors/avro_schema.h"
#include "engine/batch.h"

#define DG_AVRO_PATH_MAX  64                /* steps of a path */
#define DG_AVRO_OPS_MAX   ((size_t)1 << 20) /* of one plan */
#define DG_AVRO_DEPTH_MAX 128               /* values within values of a recursive type */

struct dg_avro_plan; /* opaque */

/*
 * `root` and `projection` are borrowed and outlive the plan. Errors: EINVAL for a path that starts
 * with '/' and is not an RFC 6901 pointer or has more than DG_AVRO_PATH_MAX steps; EFBIG where
 * unions of records multiply to more than DG_AVRO_OPS_MAX operations; ENOMEM. A path that the
 * schema lacks is no error.
 */
DG_MUST_CHECK int dg_avro_plan_compile(const struct dg_avro_type *root,
                                       const struct dg_projection *projection,
                                       struct dg_avro_plan **out, struct dg_error *err);
void dg_avro_plan_free(struct dg_avro_plan *plan);

/* Bytes of scratch that a row needs for its formatted numbers; 0 for most plans. */
size_t dg_avro_plan_scratch(const struct dg_avro_plan *plan);

/*
 * Make room for `rows` more rows in the batch and for `bytes` bytes plus the rows' formatted
 * numbers in its scratch, and name the batch's news. Call on a batch without text views into
 * scratch, that is, with n == 0 or scratch unused so far. ENOMEM.
 */
DG_MUST_CHECK int dg_avro_plan_reserve(const struct dg_avro_plan *plan, struct dg_batch *batch,
                                       size_t rows, size_t bytes);

/*
 * Decode up to n data that follow each other in [*cursor, end) into the rows batch->n, batch->n +
 * 1,
 * ... with places place, place + 1, ... and add them to batch->n. Room comes from
 * dg_avro_plan_reserve. Returns how many could be read; *cursor = behind them. If fewer than n,
 * *why says what is wrong with the next one: DG_BAD_TRUNCATED, DG_BAD_MALFORMED or DG_BAD_TOO_LARGE
 * (deeper than DG_AVRO_DEPTH_MAX). Texts are views into [*cursor, end), the plan's symbols or
 * batch->scratch. A message of its own holds one datum: n = 1, and bytes left behind *cursor are
 * damage, which the caller judges. At most 4 GiB at once. Cost: a walk over the bytes.
 */
size_t dg_avro_plan_decode(const struct dg_avro_plan *plan, const uint8_t **cursor,
                           const uint8_t *end, size_t n, uint64_t place, struct dg_batch *batch,
                           enum dg_reason *why);

/* A datum that stands alone. */
struct dg_avro_datum {
    const uint8_t *bytes, *end;
};

/*
 * Decode data of messages into the rows batch->n, batch->n + 1, ...: as dg_avro_plan_decode with
 * n = 1 for each, but for less, and place is left to the caller. Stops before the first that is
 * damaged or has bytes left. Returns how many were read; they are added to batch->n.
 */
size_t dg_avro_plan_decode_each(const struct dg_avro_plan *plan, const struct dg_avro_datum datum[],
                                size_t n, struct dg_batch *batch);

/* n rows that could not be read; room as above. */
void dg_avro_plan_reject(struct dg_batch *batch, size_t n, uint64_t place, enum dg_reason reason);

#endif
