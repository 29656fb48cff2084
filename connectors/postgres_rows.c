#include "connectors/postgres_rows.h"

#include "engine/json_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int dg_pg_rows_init(struct dg_pg_rows *s, struct dg_pg *pg, struct dg_error *err)
{
    static const char what[] = "make staging tables";
    int code = dg_pg_plan_init(&s->series_plan, pg, DG_PG_SERIES, err);
    if (code == 0) {
        code = dg_pg_plan_init(&s->slice_plan, pg, DG_PG_SLICE, err);
    }
    if (code == 0) {
        code = dg_pg_run(pg, what, s->series_plan.stage, err);
    }
    if (code == 0) {
        code = dg_pg_run(pg, what, s->slice_plan.stage, err);
    }
    if (code == 0) {
        code = dg_pg_run(pg, what, dg_pg_stage_window, err);
    }
    if (code != 0) {
        dg_pg_rows_deinit(s);
    }
    return code;
}

void dg_pg_rows_deinit(struct dg_pg_rows *s)
{
    dg_pg_plan_deinit(&s->series_plan);
    dg_pg_plan_deinit(&s->slice_plan);
    dg_copy_deinit(&s->series);
    dg_copy_deinit(&s->slice);
    dg_names_deinit(&s->slices);
    dg_names_deinit(&s->columns);
    dg_names_deinit(&s->baselines);
    dg_names_deinit(&s->sizes);
    free(s->range);
    *s = (struct dg_pg_rows){0};
}

static int ensure_partition(struct dg_pg_rows *s, struct dg_pg *pg, int64_t end_us,
                            struct dg_error *err)
{
    for (size_t i = s->n_ranges; i-- > 0;) {
        if (end_us >= s->range[i].lower_us && end_us < s->range[i].upper_us) {
            return 0;
        }
    }
    char end[24];
    struct pg_result *r = NULL;
    struct dg_pg_range *range = realloc(s->range, (s->n_ranges + 1) * sizeof *range);
    if (range == NULL) {
        return dg_fail_memory(err);
    }
    s->range = range;
    snprintf(end, sizeof end, "%lld", (long long)end_us);
    const int code =
        dg_pg_query(pg, "make a partition",
                    "SELECT (extract(epoch FROM lower) * 1000000)::bigint, (extract(epoch FROM "
                    "upper) * 1000000)::bigint FROM driftgauge.ensure_partition(timestamptz "
                    "'epoch' + $1::bigint * interval '1 microsecond')",
                    1, (const char *const[]){end}, &r, err);
    if (code == 0) {
        s->range[s->n_ranges++] =
            (struct dg_pg_range){dg_pg_integer(r, 0, 0, 0), dg_pg_integer(r, 0, 1, 0)};
    }
    dg_pg_clear(r);
    return code;
}

static int size_known(struct dg_pg_rows *s, struct dg_pg *pg, const struct dg_pg_run *run,
                      int64_t size_us, struct dg_error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)size_us);
    const struct dg_name name = {.part = {text}, .n = 1};
    if (dg_names_find(&s->sizes, &name) != 0) {
        return 0;
    }
    const int code = dg_pg_run_window_size(pg, run, size_us, err);
    if (code == 0 && dg_names_add(&s->sizes, &name, 1) != 0) {
        return dg_fail_memory(err);
    }
    return code;
}

typedef int name_maker(struct dg_pg *pg, const struct dg_pg_run *run, const struct dg_name *name,
                       int32_t *id, struct dg_error *err);

static int id_of(struct dg_pg *pg, const struct dg_pg_run *run, struct dg_names *names,
                 name_maker *make, const struct dg_name *name, int32_t *id, struct dg_error *err)
{
    *id = dg_names_find(names, name);
    if (*id != 0) {
        return 0;
    }
    const int code = make(pg, run, name, id, err);
    if (code == 0 && dg_names_add(names, name, *id) != 0) {
        return dg_fail_memory(err);
    }
    return code;
}

static int slice_id(struct dg_pg_rows *s, struct dg_pg *pg, const struct dg_pg_run *run,
                    const struct dg_slice_name *slice, int32_t *id, struct dg_error *err)
{
    const struct dg_name name = {.part = {slice->version, slice->variant, slice->segment}, .n = 3};
    return id_of(pg, run, &s->slices, dg_pg_run_slice, &name, id, err);
}

static int column_id(struct dg_pg_rows *s, struct dg_pg *pg, const struct dg_pg_run *run,
                     const struct dg_series_row *row, int32_t *id, struct dg_error *err)
{
    char importance[32];
    snprintf(importance, sizeof importance, "%.17g", row->importance);
    const struct dg_name name = {
        .part = {row->column, dg_feature_type_name(row->type), dg_role_name(row->role), importance},
        .n = 4};
    return id_of(pg, run, &s->columns, dg_pg_run_column, &name, id, err);
}

static int baseline_id(struct dg_pg_rows *s, struct dg_pg *pg, const struct dg_pg_run *run,
                       const struct dg_series_row *row, int32_t *id, struct dg_error *err)
{
    const struct dg_name name = {.part = {row->baseline, row->baseline_version}, .n = 2};
    return id_of(pg, run, &s->baselines, dg_pg_run_baseline, &name, id, err);
}

static void put_window_keys(const struct dg_pg_rows *s, const struct dg_pg_run *run,
                            struct dg_copy *c)
{
    dg_copy_duration(c, s->open.size_us);
    dg_copy_time(c, s->open.end_us);
    dg_copy_int32(c, run->run_id);
    dg_copy_int32(c, run->monitor_id);
    dg_copy_int32(c, run->config_id);
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

int dg_pg_rows_window(struct dg_pg_rows *s, struct dg_pg *pg, const struct dg_pg_run *run,
                      const struct dg_window_id *w, struct dg_error *err)
{
    s->open = *w;
    const int code = size_known(s, pg, run, w->size_us, err);
    return code != 0 ? code : ensure_partition(s, pg, w->end_us, err);
}

void dg_pg_rows_put_window(const struct dg_pg_run *run, const struct dg_window_id *w,
                           struct dg_copy *c)
{
    dg_copy_row(c, DG_PG_WINDOW_COLUMNS);
    dg_copy_int32(c, run->run_id);
    dg_copy_int32(c, run->monitor_id);
    dg_copy_duration(c, w->size_us);
    dg_copy_time(c, w->end_us);
}

int dg_pg_rows_series(struct dg_pg_rows *s, struct dg_pg *pg, const struct dg_pg_run *run,
                      const struct dg_series_row *row, struct dg_error *err)
{
    DG_ASSERT(row->n_top <= DG_CONTRIBUTIONS && row->n_spark <= DG_SPARK);
    int32_t slice = 0, column = 0, baseline = 0;
    int code = slice_id(s, pg, run, &row->slice, &slice, err);
    if (code == 0) {
        code = column_id(s, pg, run, row, &column, err);
    }
    if (code == 0) {
        code = baseline_id(s, pg, run, row, &baseline, err);
    }
    if (code != 0) {
        return code;
    }
    struct dg_copy *c = &s->series;
    dg_copy_row(c, s->series_plan.n_columns);
    put_window_keys(s, run, c);
    dg_copy_int32(c, slice);
    dg_copy_int32(c, column);
    dg_copy_int32(c, baseline);
    dg_copy_int32(c, 0); /* revision: a replay evaluates each window once, live counts on */
    dg_copy_int16(c, run->tenant_id);
    dg_pg_plan_put(&s->series_plan, row, c);
    put_series_extras(c, row);
    return 0;
}

int dg_pg_rows_slice(struct dg_pg_rows *s, struct dg_pg *pg, const struct dg_pg_run *run,
                     const struct dg_slice_row *row, struct dg_error *err)
{
    int32_t slice = 0;
    const int code = slice_id(s, pg, run, &row->slice, &slice, err);
    if (code != 0) {
        return code;
    }
    struct dg_copy *c = &s->slice;
    dg_copy_row(c, s->slice_plan.n_columns);
    put_window_keys(s, run, c);
    dg_copy_int32(c, slice);
    dg_copy_int32(c, 0);
    dg_copy_int16(c, run->tenant_id);
    dg_pg_plan_put(&s->slice_plan, row, c);
    put_new_fields(c, row);
    return 0;
}
