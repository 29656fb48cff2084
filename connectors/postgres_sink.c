#include "connectors/postgres_sink.h"

#include "connectors/postgres_migrate.h"
#include "connectors/postgres_plan.h"
#include "connectors/postgres_run.h"
#include "engine/json_text.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (16u << 20)

/* A partition known to exist. */
struct range {
    int64_t lower_us, upper_us;
};

struct postgres_sink {
    struct dg_sink base;
    struct dg_postgres_sink_options options;
    struct dg_pg *pg; /* NULL before open */
    struct dg_pg_run run;
    struct dg_pg_plan series_plan, slice_plan;
    struct dg_copy series, slice, window; /* the batch: whole windows, plus the open one */
    struct dg_names slices, columns, baselines, sizes;
    struct range *range; /* [n_ranges] */
    size_t n_ranges;
    int64_t first_end_us, last_end_us; /* of the batch's windows, once it has one */
    struct dg_window_id open;
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

static int stage_tables(struct postgres_sink *s, struct dg_error *err)
{
    static const char what[] = "make staging tables";
    int code = dg_pg_run(s->pg, what, s->series_plan.stage, err);
    if (code == 0) {
        code = dg_pg_run(s->pg, what, s->slice_plan.stage, err);
    }
    return code != 0 ? code : dg_pg_run(s->pg, what, dg_pg_stage_window, err);
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
        code = dg_pg_plan_init(&s->series_plan, s->pg, DG_PG_SERIES, err);
    }
    if (code == 0) {
        code = dg_pg_plan_init(&s->slice_plan, s->pg, DG_PG_SLICE, err);
    }
    if (code == 0) {
        code = stage_tables(s, err);
    }
    if (code == 0) {
        code = dg_pg_run_open(s->pg, info, &options, &s->run, err);
    }
    s->broken = code != 0;
    return code;
}

static int ensure_partition(struct postgres_sink *s, int64_t end_us, struct dg_error *err)
{
    for (size_t i = s->n_ranges; i-- > 0;) {
        if (end_us >= s->range[i].lower_us && end_us < s->range[i].upper_us) {
            return 0;
        }
    }
    char end[24];
    struct pg_result *r = NULL;
    struct range *range = realloc(s->range, (s->n_ranges + 1) * sizeof *range);
    if (range == NULL) {
        return dg_fail_memory(err);
    }
    s->range = range;
    snprintf(end, sizeof end, "%lld", (long long)end_us);
    const int code =
        dg_pg_query(s->pg, "make a partition",
                    "SELECT (extract(epoch FROM lower) * 1000000)::bigint, (extract(epoch FROM "
                    "upper) * 1000000)::bigint FROM driftgauge.ensure_partition(timestamptz "
                    "'epoch' + $1::bigint * interval '1 microsecond')",
                    1, (const char *const[]){end}, &r, err);
    if (code == 0) {
        s->range[s->n_ranges++] =
            (struct range){dg_pg_integer(r, 0, 0, 0), dg_pg_integer(r, 0, 1, 0)};
    }
    dg_pg_clear(r);
    return code;
}

static int size_known(struct postgres_sink *s, int64_t size_us, struct dg_error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)size_us);
    const struct dg_name name = {.part = {text}, .n = 1};
    if (dg_names_find(&s->sizes, &name) != 0) {
        return 0;
    }
    const int code = dg_pg_run_window_size(s->pg, &s->run, size_us, err);
    if (code == 0 && dg_names_add(&s->sizes, &name, 1) != 0) {
        return dg_fail_memory(err);
    }
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
    int code = size_known(s, w->size_us, err);
    if (code == 0) {
        code = ensure_partition(s, w->end_us, err);
    }
    s->open = *w;
    s->in_window = true;
    s->broken = code != 0;
    return code;
}

typedef int name_maker(struct dg_pg *pg, const struct dg_pg_run *run, const struct dg_name *name,
                       int32_t *id, struct dg_error *err);

static int id_of(struct postgres_sink *s, struct dg_names *names, name_maker *make,
                 const struct dg_name *name, int32_t *id, struct dg_error *err)
{
    *id = dg_names_find(names, name);
    if (*id != 0) {
        return 0;
    }
    const int code = make(s->pg, &s->run, name, id, err);
    if (code == 0 && dg_names_add(names, name, *id) != 0) {
        return dg_fail_memory(err);
    }
    return code;
}

static int slice_id(struct postgres_sink *s, const struct dg_slice_name *slice, int32_t *id,
                    struct dg_error *err)
{
    const struct dg_name name = {.part = {slice->version, slice->variant, slice->segment}, .n = 3};
    return id_of(s, &s->slices, dg_pg_run_slice, &name, id, err);
}

static int column_id(struct postgres_sink *s, const struct dg_series_row *row, int32_t *id,
                     struct dg_error *err)
{
    char importance[32];
    snprintf(importance, sizeof importance, "%.17g", row->importance);
    const struct dg_name name = {
        .part = {row->column, dg_feature_type_name(row->type), dg_role_name(row->role), importance},
        .n = 4};
    return id_of(s, &s->columns, dg_pg_run_column, &name, id, err);
}

static int baseline_id(struct postgres_sink *s, const struct dg_series_row *row, int32_t *id,
                       struct dg_error *err)
{
    const struct dg_name name = {.part = {row->baseline, row->baseline_version}, .n = 2};
    return id_of(s, &s->baselines, dg_pg_run_baseline, &name, id, err);
}

static void put_window_keys(const struct postgres_sink *s, struct dg_copy *c)
{
    dg_copy_duration(c, s->open.size_us);
    dg_copy_time(c, s->open.end_us);
    dg_copy_int32(c, s->run.run_id);
    dg_copy_int32(c, s->run.monitor_id);
    dg_copy_int32(c, s->run.config_id);
}

static void put_series_extras(struct dg_copy *c, const struct dg_series_row *row)
{
    double low[DG_CONTRIBUTIONS];
    double high[DG_CONTRIBUTIONS];
    const bool bins = row->type == DG_FEATURE_NUMERIC;
    for (size_t i = 0; i < row->n_top; i++) {
        low[i] = row->top[i].low;
        high[i] = row->top[i].high;
    }
    dg_copy_reals8(c, low, bins ? row->n_top : 0);
    dg_copy_reals8(c, high, bins ? row->n_top : 0);
    dg_copy_reals4(c, row->spark_reference, row->n_spark);
    dg_copy_reals4(c, row->spark_current, row->n_spark);
}

static int sink_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    if (s->broken) {
        return fail_broken(err);
    }
    DG_ASSERT(s->in_window);
    DG_ASSERT(row->n_top <= DG_CONTRIBUTIONS && row->n_spark <= DG_SPARK);
    int32_t slice = 0, column = 0, baseline = 0;
    int code = slice_id(s, &row->slice, &slice, err);
    if (code == 0) {
        code = column_id(s, row, &column, err);
    }
    if (code == 0) {
        code = baseline_id(s, row, &baseline, err);
    }
    if (code != 0) {
        s->broken = true;
        return code;
    }
    struct dg_copy *c = &s->series;
    dg_copy_row(c, s->series_plan.n_columns);
    put_window_keys(s, c);
    dg_copy_int32(c, slice);
    dg_copy_int32(c, column);
    dg_copy_int32(c, baseline);
    dg_copy_int32(c, 0); /* revision: a replay evaluates each window once */
    dg_copy_int16(c, s->run.tenant_id);
    dg_pg_plan_put(&s->series_plan, row, c);
    put_series_extras(c, row);
    return 0;
}

/* {"name": rows, ...} */
static void put_new_fields(struct dg_copy *c, const struct dg_slice_row *row)
{
    char *json = NULL;
    size_t len = 0;
    FILE *out = row->n_new_fields == 0 ? NULL : open_memstream(&json, &len);
    if (out == NULL) {
        c->failed |= row->n_new_fields > 0;
        dg_copy_null(c);
        return;
    }
    putc('{', out);
    for (size_t i = 0; i < row->n_new_fields; i++) {
        char *clean = dg_pg_clean(row->new_field[i].key, row->new_field[i].len);
        c->failed |= clean == NULL;
        if (clean != NULL) {
            fputs(i == 0 ? "" : ",", out);
            dg_json_put_text(out, clean, strlen(clean));
            fprintf(out, ":%llu", (unsigned long long)row->new_field[i].count);
            free(clean);
        }
    }
    putc('}', out);
    c->failed |= fclose(out) != 0;
    if (!c->failed) {
        dg_copy_jsonb(c, json);
    }
    free(json);
}

static int sink_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct postgres_sink *s = sink_of(self);
    if (s->broken) {
        return fail_broken(err);
    }
    DG_ASSERT(s->in_window);
    int32_t slice = 0;
    const int code = slice_id(s, &row->slice, &slice, err);
    if (code != 0) {
        s->broken = true;
        return code;
    }
    struct dg_copy *c = &s->slice;
    dg_copy_row(c, s->slice_plan.n_columns);
    put_window_keys(s, c);
    dg_copy_int32(c, slice);
    dg_copy_int32(c, 0);
    dg_copy_int16(c, s->run.tenant_id);
    dg_pg_plan_put(&s->slice_plan, row, c);
    put_new_fields(c, row);
    return 0;
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
        code = move_rows(s, &s->series, &s->series_plan, err);
    }
    if (code == 0) {
        code = move_rows(s, &s->slice, &s->slice_plan, err);
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
    if (s->window.rows == 0 || s->open.end_us < s->first_end_us) {
        s->first_end_us = s->open.end_us;
    }
    if (s->window.rows == 0 || s->open.end_us > s->last_end_us) {
        s->last_end_us = s->open.end_us;
    }
    dg_copy_row(&s->window, DG_PG_WINDOW_COLUMNS);
    dg_copy_int32(&s->window, s->run.run_id);
    dg_copy_int32(&s->window, s->run.monitor_id);
    dg_copy_duration(&s->window, s->open.size_us);
    dg_copy_time(&s->window, s->open.end_us);
    s->in_window = false;
    const size_t batch =
        s->options.batch_rows == 0 ? DG_POSTGRES_BATCH_ROWS : s->options.batch_rows;
    int code = 0;
    if (s->series.rows + s->slice.rows >= batch || s->series.len + s->slice.len >= BATCH_BYTES) {
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
    dg_pg_plan_deinit(&s->series_plan);
    dg_pg_plan_deinit(&s->slice_plan);
    dg_copy_deinit(&s->series);
    dg_copy_deinit(&s->slice);
    dg_copy_deinit(&s->window);
    dg_names_deinit(&s->slices);
    dg_names_deinit(&s->columns);
    dg_names_deinit(&s->baselines);
    dg_names_deinit(&s->sizes);
    free(s->range);
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
