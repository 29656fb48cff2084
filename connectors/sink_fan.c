#include "connectors/sink_fan.h"

#include <stdlib.h>
#include <string.h>

struct fan {
    struct dg_sink sink;
    size_t n;
    struct dg_sink *to[]; /* [n], owned */
};

static int fan_open(struct dg_sink *sink, const struct dg_run_info *run, struct dg_error *err)
{
    const struct fan *self = (struct fan *)sink;
    int code = 0;
    for (size_t i = 0; i < self->n && code == 0; i++) {
        code = self->to[i]->ops->open(self->to[i], run, err);
    }
    return code;
}

static int fan_window_begin(struct dg_sink *sink, const struct dg_window_id *w,
                            struct dg_error *err)
{
    const struct fan *self = (struct fan *)sink;
    int code = 0;
    for (size_t i = 0; i < self->n && code == 0; i++) {
        code = self->to[i]->ops->window_begin(self->to[i], w, err);
    }
    return code;
}

static int fan_series(struct dg_sink *sink, const struct dg_series_row *row, struct dg_error *err)
{
    const struct fan *self = (struct fan *)sink;
    int code = 0;
    for (size_t i = 0; i < self->n && code == 0; i++) {
        code = self->to[i]->ops->series(self->to[i], row, err);
    }
    return code;
}

static int fan_slice(struct dg_sink *sink, const struct dg_slice_row *row, struct dg_error *err)
{
    const struct fan *self = (struct fan *)sink;
    int code = 0;
    for (size_t i = 0; i < self->n && code == 0; i++) {
        code = self->to[i]->ops->slice(self->to[i], row, err);
    }
    return code;
}

static int fan_window_end(struct dg_sink *sink, struct dg_error *err)
{
    const struct fan *self = (struct fan *)sink;
    int code = 0;
    for (size_t i = 0; i < self->n && code == 0; i++) {
        code = self->to[i]->ops->window_end(self->to[i], err);
    }
    return code;
}

static int fan_finish(struct dg_sink *sink, const struct dg_run_totals *totals,
                      struct dg_error *err)
{
    const struct fan *self = (struct fan *)sink;
    int code = 0;
    for (size_t i = 0; i < self->n && code == 0; i++) {
        code = self->to[i]->ops->finish(self->to[i], totals, err);
    }
    return code;
}

static void close_all(struct dg_sink *const sinks[], size_t n)
{
    for (size_t i = n; i-- > 0;) {
        sinks[i]->ops->close(sinks[i]);
    }
}

static void fan_close(struct dg_sink *sink)
{
    struct fan *self = (struct fan *)sink;
    close_all(self->to, self->n);
    free(self);
}

static const struct dg_sink_ops fan_ops = {
    .name = "fan",
    .open = fan_open,
    .window_begin = fan_window_begin,
    .series = fan_series,
    .slice = fan_slice,
    .window_end = fan_window_end,
    .finish = fan_finish,
    .close = fan_close,
};

int dg_sink_fan_new(struct dg_sink *const sinks[], size_t n, struct dg_sink **out,
                    struct dg_error *err)
{
    struct fan *self = calloc(1, sizeof *self + n * sizeof self->to[0]);
    if (self == NULL) {
        close_all(sinks, n);
        return dg_fail_memory(err);
    }
    self->sink.ops = &fan_ops;
    self->n = n;
    if (n > 0) {
        memcpy(self->to, sinks, n * sizeof self->to[0]);
    }
    *out = &self->sink;
    return 0;
}
