#include "connectors/output.h"
#include "engine/json_text.h"
#include "engine/result_fields.h"
#include "engine/timefmt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct json_output {
    struct dg_sink sink;
    struct dg_output output;
    bool document; /* one document, else one line per row */
    bool any;      /* a row was written */
};

static void put_string(FILE *out, const char *text)
{
    dg_json_put_text(out, text, strlen(text));
}

static void put_value(FILE *out, const struct dg_value *value)
{
    char buf[DG_VALUE_TEXT_MAX];
    if (value->null) {
        fputs("null", out);
        return;
    }
    switch (value->kind) {
    case DG_VALUE_TEXT:
    case DG_VALUE_TIME:
    case DG_VALUE_DURATION:
        put_string(out, dg_value_format(value, buf));
        break;
    case DG_VALUE_REAL:
        dg_json_put_real(out, value->real);
        break;
    case DG_VALUE_COUNT:
    case DG_VALUE_BOOL:
        fputs(dg_value_format(value, buf), out);
        break;
    }
}

static void put_row(struct json_output *self, const char *kind,
                    const struct dg_result_field fields[], size_t n, const void *row)
{
    FILE *out = self->output.stream;
    if (self->document) {
        fputs(self->any ? ",\n" : "\n", out);
    }
    fprintf(out, "{\"kind\":\"%s\"", kind);
    for (size_t i = 0; i < n; i++) {
        const struct dg_value value = fields[i].get(row);
        fprintf(out, ",\"%s\":", fields[i].name);
        put_value(out, &value);
    }
    putc('}', out);
    if (!self->document) {
        putc('\n', out);
    }
    self->any = true;
}

static int json_open(struct dg_sink *sink, const struct dg_run_info *run, struct dg_error *err)
{
    const struct json_output *self = (struct json_output *)sink;
    FILE *out = self->output.stream;
    if (self->document) {
        fputs("{\"run\":{\"run\":", out);
        put_string(out, run->run);
        fputs(",\"monitor\":", out);
        put_string(out, run->monitor->name);
        fputs(",\"config_hash\":", out);
        put_string(out, run->monitor->hash != NULL ? run->monitor->hash : "");
        fputs(",\"inputs\":", out);
        put_string(out, run->inputs);
        fputs("},\"rows\":[", out);
    }
    return dg_output_check(&self->output, err);
}

static int json_window_begin(struct dg_sink *sink, const struct dg_window_id *w,
                             struct dg_error *err)
{
    (void)sink, (void)w, (void)err;
    return 0;
}

static int json_series(struct dg_sink *sink, const struct dg_series_row *row, struct dg_error *err)
{
    (void)err;
    put_row((struct json_output *)sink, "series", dg_series_fields, dg_n_series_fields, row);
    return 0;
}

static int json_slice(struct dg_sink *sink, const struct dg_slice_row *row, struct dg_error *err)
{
    (void)err;
    put_row((struct json_output *)sink, "slice", dg_slice_fields, dg_n_slice_fields, row);
    return 0;
}

static int json_window_end(struct dg_sink *sink, struct dg_error *err)
{
    return dg_output_check(&((struct json_output *)sink)->output, err);
}

static void put_count(FILE *out, const char *name, uint64_t count)
{
    fprintf(out, ",\"%s\":%" PRIu64, name, count);
}

static void put_time(FILE *out, const char *name, int64_t us)
{
    const struct dg_value value = {.kind = DG_VALUE_TIME, .null = us == DG_TIME_NONE, .us = us};
    fprintf(out, ",\"%s\":", name);
    put_value(out, &value);
}

static void put_totals(FILE *out, const struct dg_run_totals *t)
{
    fprintf(out, "\n],\"totals\":{\"severity\":\"%s\"", dg_severity_name(t->severity));
    put_count(out, "windows", t->windows);
    put_count(out, "records", t->records);
    put_count(out, "rows", t->rows);
    put_count(out, "duplicates", t->duplicates);
    put_count(out, "late", t->late);
    put_count(out, "out_of_order", t->out_of_order);
    put_count(out, "bytes", t->bytes);
    put_time(out, "first", t->first_us);
    put_time(out, "last", t->last_us);
    fputs(",\"bad\":{", out);
    for (int i = DG_GOOD + 1; i < DG_REASONS; i++) {
        fprintf(out, "%s\"%s\":%" PRIu64, i == DG_GOOD + 1 ? "" : ",",
                dg_reason_name((enum dg_reason)i), t->bad[i]);
    }
    fputs("}}}\n", out);
}

static int json_finish(struct dg_sink *sink, const struct dg_run_totals *totals,
                       struct dg_error *err)
{
    const struct json_output *self = (struct json_output *)sink;
    if (self->document) {
        put_totals(self->output.stream, totals);
    }
    fflush(self->output.stream);
    return dg_output_check(&self->output, err);
}

static void json_close(struct dg_sink *sink)
{
    free(sink);
}

static const struct dg_sink_ops json_ops = {
    .name = "json",
    .open = json_open,
    .window_begin = json_window_begin,
    .series = json_series,
    .slice = json_slice,
    .window_end = json_window_end,
    .finish = json_finish,
    .close = json_close,
};

static int json_new(const struct dg_output *output, bool document, struct dg_sink **out,
                    struct dg_error *err)
{
    struct json_output *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return dg_fail_memory(err);
    }
    self->sink.ops = &json_ops;
    self->output = *output;
    self->document = document;
    *out = &self->sink;
    return 0;
}

int dg_output_ndjson_new(const struct dg_output *output, struct dg_sink **out, struct dg_error *err)
{
    return json_new(output, false, out, err);
}

int dg_output_json_new(const struct dg_output *output, struct dg_sink **out, struct dg_error *err)
{
    return json_new(output, true, out, err);
}
