/* connectors/output.h -- results as text: CSV, JSON lines, one JSON document, and the table for
 * people. Columns and keys are the fields of engine/result_fields.h, in that order.
 *
 * All constructors borrow the stream (the caller opens and closes it; `finish` flushes it) and the
 * strings of their options, and give a sink that its `close` frees. Write errors are reported by
 * the end of the window in which they happen (EIO, or the errno of the failure), naming `name`. */
#ifndef DG_CONNECTORS_OUTPUT_H
#define DG_CONNECTORS_OUTPUT_H

#include "engine/sink.h"

#include <stdio.h>

struct dg_output {
    FILE *stream;
    const char *name; /* of the stream, in messages: a path, "standard output" */
};

enum dg_output_rows { DG_OUTPUT_SERIES, DG_OUTPUT_SLICES };

/* RFC 4180 with a header line and "\n": one kind of rows, series or slices, because a CSV file has
 * one set of columns. Quoted where a value has a comma, a quote, a line break or a blank at either
 * end. Null and the empty text: nothing. Infinities: inf, -inf. */
DG_MUST_CHECK int dg_output_csv_new(const struct dg_output *output, enum dg_output_rows rows,
                                    struct dg_sink **out, struct dg_error *err);

/* One JSON object per line, {"kind":"series", ...} or {"kind":"slice", ...}. Doubles, counts and
 * bools are JSON's own; times, durations and texts are strings; null where nothing is known, and
 * for infinities, which JSON does not have. */
DG_MUST_CHECK int dg_output_ndjson_new(const struct dg_output *output, struct dg_sink **out,
                                       struct dg_error *err);

/* One document: {"run":{"run","monitor","config_hash","inputs"},"rows":[as above],"totals":{...}}.
 * Written as rows come; nothing is kept. Complete after `finish`. No wall-clock time in it. */
DG_MUST_CHECK int dg_output_json_new(const struct dg_output *output, struct dg_sink **out,
                                     struct dg_error *err);

struct dg_table_options {
    bool colors;
    bool unicode;
    int width;       /* columns to fit into; 0: as wide as it gets */
    uint32_t top;    /* columns per table; 0: the default, 25 */
    uint32_t detail; /* segments, episodes, fields per list; 0: the default, 10 */
};

/*
 * The verdict for people, printed by `finish`: per window size, baseline, version and variant a
 * line per column, the worst first; the segments that drifted; the quality of the data; when it
 * would have alerted; the verdict. Keeps per (window size, baseline, version, variant, column) some
 * 300 bytes whatever the number of windows; of segments only those that drifted (at most 20,000)
 * and of episodes the first 1,000; counts what is beyond.
 */
DG_MUST_CHECK int dg_output_table_new(const struct dg_output *output,
                                      const struct dg_table_options *options, struct dg_sink **out,
                                      struct dg_error *err);

/* 0, or the failure of the stream as errno and a sentence. */
DG_MUST_CHECK int dg_output_check(const struct dg_output *output, struct dg_error *err);

#endif
