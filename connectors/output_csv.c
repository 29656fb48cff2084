#include "connectors/output.h"
#include "engine/result_fields.h"

#include <stdlib.h>
#include <string.h>

struct csv_output {
    struct dg_sink sink;
    struct dg_output output;
    const struct dg_result_field *field; /* [n_fields] */
    size_t n_fields;
    enum dg_output_rows rows;
};

static bool needs_quotes(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && (strpbrk(text, ",\"\r\n") != NULL || text[0] == ' ' || text[len - 1] == ' ');
}

static void put_text(FILE *out, const char *text)
{
    if (!needs_quotes(text)) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') {
            putc('"', out);
        }
        putc(*c, out);
    }
    putc('"', out);
}

static void put_row(const struct csv_output *self, const void *row)
{
    FILE *out = self->output.stream;
    char buf[DG_VALUE_TEXT_MAX];
    for (size_t i = 0; i < self->n_fields; i++) {
        const struct dg_value value = self->field[i].get(row);
        if (i > 0) {
            putc(',', out);
        }
        put_text(out, dg_value_format(&value, buf));
    }
    putc('\n', out);
}

static int csv_open(struct dg_sink *sink, const struct dg_run_info *run, struct dg_error *err)
{
    (void)run;
    const struct csv_output *self = (struct csv_output *)sink;
    for (size_t i = 0; i < self->n_fields; i++) {
        fprintf(self->output.stream, "%s%s", i == 0 ? "" : ",", self->field[i].name);
    }
    putc('\n', self->output.stream);
    return dg_output_check(&self->output, err);
}

static int csv_window_begin(struct dg_sink *sink, const struct dg_window_id *w,
                            struct dg_error *err)
{
    (void)sink, (void)w, (void)err;
    return 0;
}

static int csv_series(struct dg_sink *sink, const struct dg_series_row *row, struct dg_error *err)
{
    (void)err;
    const struct csv_output *self = (struct csv_output *)sink;
    if (self->rows == DG_OUTPUT_SERIES) {
        put_row(self, row);
    }
    return 0;
}

static int csv_slice(struct dg_sink *sink, const struct dg_slice_row *row, struct dg_error *err)
{
    (void)err;
    const struct csv_output *self = (struct csv_output *)sink;
    if (self->rows == DG_OUTPUT_SLICES) {
        put_row(self, row);
    }
    return 0;
}

static int csv_window_end(struct dg_sink *sink, struct dg_error *err)
{
    return dg_output_check(&((struct csv_output *)sink)->output, err);
}

static int csv_finish(struct dg_sink *sink, const struct dg_run_totals *totals,
                      struct dg_error *err)
{
    (void)totals;
    struct csv_output *self = (struct csv_output *)sink;
    fflush(self->output.stream);
    return dg_output_check(&self->output, err);
}

static void csv_close(struct dg_sink *sink)
{
    free(sink);
}

static const struct dg_sink_ops csv_ops = {
    .name = "csv",
    .open = csv_open,
    .window_begin = csv_window_begin,
    .series = csv_series,
    .slice = csv_slice,
    .window_end = csv_window_end,
    .finish = csv_finish,
    .close = csv_close,
};

int dg_output_csv_new(const struct dg_output *output, enum dg_output_rows rows,
                      struct dg_sink **out, struct dg_error *err)
{
    struct csv_output *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return dg_fail_memory(err);
    }
    const bool series = rows == DG_OUTPUT_SERIES;
    self->sink.ops = &csv_ops;
    self->output = *output;
    self->rows = rows;
    self->field = series ? dg_series_fields : dg_slice_fields;
    self->n_fields = series ? dg_n_series_fields : dg_n_slice_fields;
    *out = &self->sink;
    return 0;
}
