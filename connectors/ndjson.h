/* connectors/ndjson.h -- one JSON object per line. */
#ifndef DG_CONNECTORS_NDJSON_H
#define DG_CONNECTORS_NDJSON_H

#include "connectors/format.h"

/*
 * Strict RFC 8259: a line that is anything but one object with white space around it is
 * DG_BAD_MALFORMED (bare NaN, comments and trailing commas too, and more than DG_JSON_DEPTH_MAX
 * levels), DG_BAD_UTF8 where a string is not UTF-8, DG_BAD_BINARY if it holds a NUL byte, and
 * DG_BAD_TRUNCATED if it is the file's last, has no line end and breaks off. Blank lines are no
 * records. Places are line numbers from 1.
 *
 * Of equal keys the last one counts, with all that is in it. Values by the column's type:
 *
 *              NUMERIC              TEXT              TIME                  INTEGER
 *   number     its value, 1e400 =   its literal text  by dg_time_parse      if whole, else none
 *              DG_POS_INF
 *   string     if it is a number    its text, ""      by dg_time_parse      if it is a whole number
 *              literal as a whole   stays a value
 *   true       1                    "true"            none                  none
 *   null       DG_NULL              DG_NULL           none                  none
 *   {} or []   DG_UNPARSABLE        DG_UNPARSABLE     none                  none
 *   missing    DG_ABSENT            DG_ABSENT         none                  none
 * and DG_UNPARSABLE for other strings in NUMERIC; none is DG_TIME_NONE.
 *
 * Unknown members of the outermost object are news of the batch.
 */
extern const struct dg_format_ops dg_ndjson_format;

#endif
