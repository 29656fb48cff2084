#include "tests/support/text_sink.h"

#include "engine/result_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text_sink {
    struct dg_sink base;
    struct dg_bytes *text;
};

static void put_text(struct dg_bytes *b, const char *text)
{
    dg_put_raw(b, text, strlen(text));
}

static void put_field(struct dg_bytes *b, const struct dg_result_field *f, const void *row)
{
    const struct dg_value v = f->get(row);
    char buf[64] = "";
    put_text(b, " ");
    put_text(b, f->name);
    put_text(b, "=");
    if (v.null) {
        put_text(b, "null");
        return;
    }
    switch (v.kind) {
    case DG_VALUE_TEXT:
        put_text(b, v.text);
        break;
    case DG_VALUE_REAL:
        snprintf(buf, sizeof buf, "%a", v.real);
        break;
    case DG_VALUE_COUNT:
        snprintf(buf, sizeof buf, "%" PRIu64, v.count);
        break;
    case DG_VALUE_TIME:
    case DG_VALUE_DURATION:
        snprintf(buf, sizeof buf, "%" PRId64, v.us);
        break;
    case DG_VALUE_BOOL:
        snprintf(buf, sizeof buf, "%d", v.yes);
        break;
    }
    put_text(b, buf);
}

static int text_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    struct dg_bytes *b = ((struct text_sink *)self)->text;
    (void)err;
    put_text(b, "series");
    for (size_t i = 0; i < dg_n_series_fields; i++) {
        put_field(b, &dg_series_fields[i], row);
    }
    for (size_t i = 0; i < row->n_top; i++) {
        char buf[160];
        snprintf(buf, sizeof buf, " top=%a,%a,%s,%a", row->top[i].low, row->top[i].high,
                 row->top[i].category, row->top[i].psi);
        put_text(b, buf);
    }
    put_text(b, "\n");
    return 0;
}

static int text_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct dg_bytes *b = ((struct text_sink *)self)->text;
    (void)err;
    put_text(b, "slice");
    for (size_t i = 0; i < dg_n_slice_fields; i++) {
        put_field(b, &dg_slice_fields[i], row);
    }
    put_text(b, "\n");
    return 0;
}

static int text_open(struct dg_sink *self, const struct dg_run_info *run, struct dg_error *err)
{
    (void)self;
    (void)run;
    (void)err;
    return 0;
}

static int text_begin(struct dg_sink *self, const struct dg_window_id *w, struct dg_error *err)
{
    (void)w;
    (void)err;
    put_text(((struct text_sink *)self)->text, "window\n");
    return 0;
}

static int text_end(struct dg_sink *self, struct dg_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static int text_finish(struct dg_sink *self, const struct dg_run_totals *totals,
                       struct dg_error *err)
{
    (void)self;
    (void)totals;
    (void)err;
    return 0;
}

static void text_close(struct dg_sink *self)
{
    free(self);
}

static const struct dg_sink_ops TEXT_SINK = {
    .name = "text",
    .open = text_open,
    .window_begin = text_begin,
    .series = text_series,
    .slice = text_slice,
    .window_end = text_end,
    .finish = text_finish,
    .close = text_close,
};

struct dg_sink *text_sink_open(struct dg_bytes *text)
{
    struct text_sink *s = calloc(1, sizeof *s);
    DG_ASSERT(s != NULL);
    s->base.ops = &TEXT_SINK;
    s->text = text;
    return &s->base;
}
