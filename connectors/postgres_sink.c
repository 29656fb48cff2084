#include "connectors/postgres_sink.h"

#include "connectors/postgres_migrate.h"
#include "connectors/postgres_rows.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (16u << 20)

struct postgres_sink {
    struct dg_sink base;
    struct dg_postgres_sink_options options;
    struct dg_pg *pg; /* NULL before open */
    struct dg_pg_run run;
    struct dg_pg_rows rows;            /* the batch: whole windows, plus the open one */
    struct dg_copy window;             /* its windows */
    int64_t first_end_us, last_end_us; /* of the batch's windows, once it has one */
    bool in_window;
    bool broken; /* a call failed: nothing more is written */
};

static struct postgres_sink *sink_of(struct dg_sink *self)
{
    return (struct postgres_sink *)self;
}

static int fail_broken(struct dg_error *err)
{
    return dg_fail(err, ECANCELED, "nothing is written to PostgreSQL after a failure");
}

static int sink_open(struct dg_sink *self, const struct dg_run_info *info, struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    const struct dg_pg_run_options options = {.tenant = s->options.tenant,
                                              .replace = s->options.replace};
    int code = dg_pg_connect(&s->options.connection, &s->pg, err);
    if (code == 0) {
        code = dg_schema_check(s->pg, err);
    }
    if (code == 0) {
        code = dg_pg_rows_init(&s->rows, s->pg, err);
    }
    if (code == 0) {
        code = dg_pg_run_open(s->pg, info, &options, &s->run, err);
    }
    s->broken = code != 0;
    return code;
}

static int sink_window_begin(struct dg_sink *self, const struct dg_window_id *w,
                             struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    if (s->broken) {
        return fail_broken(err);
    }
    DG_ASSERT(!s->in_window);
    const int code = dg_pg_rows_window(&s->rows, s->pg, &s->run, w, err);
    s->in_window = true;
    s->broken = code != 0;
    return code;
}

static int sink_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    if (s->broken) {
        return fail_broken(err);
    }
    DG_ASSERT(s->in_window);
    const int code = dg_pg_rows_series(&s->rows, s->pg, &s->run, row, err);
    s->broken = code != 0;
    return code;
}

static int sink_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    if (s->broken) {
        return fail_broken(err);
    }
    DG_ASSERT(s->in_window);
    const int code = dg_pg_rows_slice(&s->rows, s->pg, &s->run, row, err);
    s->broken = code != 0;
    return code;
}

static int prune(struct postgres_sink *s, const struct dg_pg_plan *plan, struct dg_error *err)
{
    char first[DG_TIME_TEXT];
    char last[DG_TIME_TEXT];
    const char *values[] = {dg_time_format(s->first_end_us, first),
                            dg_time_format(s->last_end_us, last)};
    struct pg_result *r = NULL;
    int code = dg_pg_run(s->pg, "replace windows", "ANALYZE pg_temp.stage_window", err);
    if (code == 0) {
        code = dg_pg_query(s->pg, "replace windows", plan->prune, 2, values, &r, err);
    }
    dg_pg_clear(r);
    return code;
}

static int move_rows(struct postgres_sink *s, struct dg_copy *c, const struct dg_pg_plan *plan,
                     struct dg_error *err)
{
    int code = 0;
    if (c->rows > 0) {
        code = dg_copy_send(c, s->pg, plan->copy, err);
        if (code == 0) {
            code =
                dg_pg_run(s->pg, "write results", s->run.fresh ? plan->insert : plan->upsert, err);
        }
    }
    return code != 0 || s->run.fresh ? code : prune(s, plan, err);
}

static int write_batch(struct postgres_sink *s, struct dg_error *err)
{
    int code = dg_pg_run(s->pg, "begin a batch", "BEGIN", err);
    if (code == 0) {
        code = dg_copy_send(&s->window, s->pg, dg_pg_copy_window, err);
    }
    if (code == 0) {
        code = move_rows(s, &s->rows.series, &s->rows.series_plan, err);
    }
    if (code == 0) {
        code = move_rows(s, &s->rows.slice, &s->rows.slice_plan, err);
    }
    if (code == 0) {
        return dg_pg_run(s->pg, "commit a batch", "COMMIT", err);
    }
    (void)!dg_pg_run(s->pg, "roll back", "ROLLBACK", NULL);
    return code;
}

static int sink_window_end(struct dg_sink *self, struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    if (s->broken) {
        return fail_broken(err);
    }
    DG_ASSERT(s->in_window);
    const int64_t end_us = s->rows.open.end_us;
    if (s->window.rows == 0 || end_us < s->first_end_us) {
        s->first_end_us = end_us;
    }
    if (s->window.rows == 0 || end_us > s->last_end_us) {
        s->last_end_us = end_us;
    }
    dg_pg_rows_put_window(&s->run, &s->rows.open, &s->window);
    s->in_window = false;
    const size_t batch =
        s->options.batch_rows == 0 ? DG_POSTGRES_BATCH_ROWS : s->options.batch_rows;
    int code = 0;
    const struct dg_copy *series = &s->rows.series, *slice = &s->rows.slice;
    if (series->rows + slice->rows >= batch || series->len + slice->len >= BATCH_BYTES) {
        code = write_batch(s, err);
    }
    s->broken = code != 0;
    return code;
}

static int sink_finish(struct dg_sink *self, const struct dg_run_totals *totals,
                       struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    if (s->broken) {
        return fail_broken(err);
    }
    DG_ASSERT(!s->in_window);
    int code = s->window.rows > 0 ? write_batch(s, err) : 0;
    if (code == 0) {
        code = dg_pg_run_finish(s->pg, &s->run, totals, err);
    }
    s->broken = code != 0;
    return code;
}

static void sink_close(struct dg_sink *self)
{
    struct postgres_sink *s = sink_of(self);
    dg_pg_close(s->pg);
    dg_pg_run_deinit(&s->run);
    dg_pg_rows_deinit(&s->rows);
    dg_copy_deinit(&s->window);
    free(s);
}

static const struct dg_sink_ops postgres_sink_ops = {
    .name = "postgres",
    .open = sink_open,
    .window_begin = sink_window_begin,
    .series = sink_series,
    .slice = sink_slice,
    .window_end = sink_window_end,
    .finish = sink_finish,
    .close = sink_close,
};

int dg_postgres_sink_new(const struct dg_postgres_sink_options *options, struct dg_sink **out,
                         struct dg_error *err)
{
    struct postgres_sink *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return dg_fail_memory(err);
    }
    s->base.ops = &postgres_sink_ops;
    s->options = *options;
    *out = &s->base;
    return 0;
}
