#include "connectors/postgres_plan.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields whose value is a number of a dimension table, or follows from one (window_start). */
static const char *const dimension_fields[] = {
    "monitor",  "config_hash",      "window_size", "window_start", "window_end",
    "version",  "variant",          "segment",     "column_name",  "type",
    "baseline", "baseline_version", "role",        "importance",   NULL};

struct table {
    const char *name;
    const char *const *keys;   /* NULL-terminated, as the sink writes them */
    const char *const *unique; /* NULL-terminated: the primary key */
    const char *const *extras; /* NULL-terminated */
    const struct dg_result_field *fields;
    size_t n_fields;
};

static const char *const series_keys[] = {"window_size", "window_end", "run_id",    "monitor_id",
                                          "config_id",   "slice_id",   "column_id", "baseline_id",
                                          "revision",    "tenant_id",  NULL};
static const char *const series_unique[] = {"run_id",      "monitor_id", "window_size",
                                            "window_end",  "slice_id",   "column_id",
                                            "baseline_id", "revision",   NULL};
static const char *const series_extras[] = {"top_low", "top_high", "spark_reference",
                                            "spark_current", NULL};
static const char *const slice_keys[] = {"window_size", "window_end", "run_id",
                                         "monitor_id",  "config_id",  "slice_id",
                                         "revision",    "tenant_id",  NULL};
static const char *const slice_unique[] = {"run_id",   "monitor_id", "window_size", "window_end",
                                           "slice_id", "revision",   NULL};
static const char *const slice_extras[] = {"new_field_rows", NULL};

static bool in_list(const char *const list[], const char *name)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

const char dg_pg_stage_window[] = "CREATE TEMPORARY TABLE IF NOT EXISTS stage_window (run_id "
                                  "integer, monitor_id integer, window_size interval,"
                                  " window_end timestamptz) ON COMMIT DELETE ROWS";
const char dg_pg_copy_window[] = "COPY pg_temp.stage_window FROM STDIN (FORMAT binary)";

static const char *type_of(enum dg_value_kind kind)
{
    switch (kind) {
    case DG_VALUE_TEXT:
        return "text";
    case DG_VALUE_REAL:
        return "double precision";
    case DG_VALUE_COUNT:
        return "bigint";
    case DG_VALUE_TIME:
        return "timestamp with time zone";
    case DG_VALUE_DURATION:
        return "interval";
    case DG_VALUE_BOOL:
        return "boolean";
    }
    return "";
}

static int check_columns(const struct dg_pg_plan *plan, struct dg_pg *pg, const char *table,
                         struct dg_error *err)
{
    struct pg_result *r = NULL;
    int code = dg_pg_query(pg, "read the columns of the result tables",
                           "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE "
                           "attrelid = ('driftgauge.' || $1)::regclass AND attnum > 0",
                           1, (const char *const[]){table}, &r, err);
    for (size_t i = 0; code == 0 && i < plan->n; i++) {
        const struct dg_result_field *f = plan->field[i];
        int row = 0;
        while (row < PQntuples(r) && strcmp(dg_pg_text(r, row, 0), f->name) != 0) {
            row++;
        }
        if (row == PQntuples(r) || strcmp(dg_pg_text(r, row, 1), type_of(f->kind)) != 0) {
            code = dg_fail(err, ENOENT,
                           "driftgauge.%s in %s has no column %s of type %s: was the table "
                           "changed by hand?",
                           table, pg->place, f->name, type_of(f->kind));
        }
    }
    dg_pg_clear(r);
    return code;
}

/* "prefix.a, prefix.b"; what = NULL-terminated list. */
static void put_list(FILE *out, const char *prefix, const char *const list[])
{
    for (size_t i = 0; list[i] != NULL; i++) {
        fprintf(out, "%s%s%s", i == 0 ? "" : ", ", prefix, list[i]);
    }
}

static void put_columns(FILE *out, const char *prefix, const struct table *t,
                        const struct dg_pg_plan *plan, bool with_keys)
{
    const char *comma = "";
    if (with_keys) {
        put_list(out, prefix, t->keys);
        comma = ", ";
    }
    for (size_t i = 0; i < plan->n; i++) {
        fprintf(out, "%s%s%s", comma, prefix, plan->field[i]->name);
        comma = ", ";
    }
    fputs(", ", out);
    put_list(out, prefix, t->extras);
}

static void put_match(FILE *out, const struct table *t)
{
    for (size_t i = 0; t->unique[i] != NULL; i++) {
        fprintf(out, "%st.%s = s.%s", i == 0 ? "" : " AND ", t->unique[i], t->unique[i]);
    }
}

/* A key but for the revision: "prefix.a, prefix.b", or "a.k = b.k AND ..." */
static void put_identity(FILE *out, const struct table *t, const char *a, const char *b)
{
    for (size_t i = 0; t->unique[i] != NULL && strcmp(t->unique[i], "revision") != 0; i++) {
        if (b == NULL) {
            fprintf(out, "%s%s%s", i == 0 ? "" : ", ", a, t->unique[i]);
        } else {
            fprintf(out, "%s%s%s = %s%s", i == 0 ? "" : " AND ", a, t->unique[i], b, t->unique[i]);
        }
    }
}

/* Added and marked in one statement, under one snapshot: whoever writes the same revision meanwhile
 * fails at the key. */
static void put_revise(FILE *out, const struct table *t, const struct dg_pg_plan *plan)
{
    fprintf(out, "WITH s AS (INSERT INTO driftgauge.%s (", t->name);
    put_columns(out, "", t, plan, true);
    fputs(") SELECT ", out);
    for (size_t i = 0; t->keys[i] != NULL; i++) {
        if (strcmp(t->keys[i], "revision") == 0) {
            fputs("coalesce(o.revision + 1, 0), ", out);
        } else {
            fprintf(out, "s.%s, ", t->keys[i]);
        }
    }
    put_columns(out, "s.", t, plan, false);
    fprintf(out,
            " FROM pg_temp.stage_%s s LEFT JOIN LATERAL (SELECT * FROM driftgauge.%s x WHERE "
            "x.window_end BETWEEN $1 AND $2 AND ",
            t->name, t->name);
    put_identity(out, t, "x.", "s.");
    fputs(
        " ORDER BY x.revision DESC LIMIT 1) o ON true WHERE o.run_id IS NULL OR o.superseded OR (",
        out);
    put_columns(out, "o.", t, plan, false);
    fputs(") IS DISTINCT FROM (", out);
    put_columns(out, "s.", t, plan, false);
    fputs(") RETURNING ", out);
    put_list(out, "", t->unique);
    fprintf(out,
            "), marked AS (UPDATE driftgauge.%s t SET superseded = true FROM s WHERE s.revision > "
            "0 AND t.window_end BETWEEN $1 AND $2 AND ",
            t->name);
    put_identity(out, t, "t.", "s.");
    fputs(" AND t.revision < s.revision AND NOT t.superseded) SELECT count(*) FROM s", out);
}

static void put_retire(FILE *out, const struct table *t)
{
    fprintf(out, "UPDATE driftgauge.%s t SET superseded = true FROM (SELECT ", t->name);
    put_identity(out, t, "x.", NULL);
    fprintf(out,
            " FROM pg_temp.stage_window w JOIN driftgauge.%s x USING (run_id, monitor_id, "
            "window_size, window_end) WHERE x.window_end BETWEEN $1 AND $2 AND NOT x.superseded "
            "EXCEPT SELECT ",
            t->name);
    put_identity(out, t, "", NULL);
    fprintf(out,
            " FROM pg_temp.stage_%s) s WHERE t.window_end BETWEEN $1 AND $2 AND NOT t.superseded "
            "AND ",
            t->name);
    put_identity(out, t, "t.", "s.");
}

enum text { TEXT_STAGE, TEXT_COPY, TEXT_INSERT, TEXT_UPSERT, TEXT_PRUNE, TEXT_REVISE, TEXT_RETIRE };

static void put_text(FILE *out, enum text text, const struct table *t,
                     const struct dg_pg_plan *plan)
{
    switch (text) {
    case TEXT_STAGE:
        fprintf(out,
                "CREATE TEMPORARY TABLE IF NOT EXISTS stage_%s ON COMMIT DELETE ROWS AS SELECT ",
                t->name);
        put_columns(out, "", t, plan, true);
        fprintf(out, " FROM driftgauge.%s WITH NO DATA", t->name);
        break;
    case TEXT_COPY:
        fprintf(out, "COPY pg_temp.stage_%s FROM STDIN (FORMAT binary)", t->name);
        break;
    case TEXT_INSERT:
    case TEXT_UPSERT:
        fprintf(out, "INSERT INTO driftgauge.%s AS t (", t->name);
        put_columns(out, "", t, plan, true);
        fputs(") SELECT ", out);
        put_columns(out, "", t, plan, true);
        fprintf(out, " FROM pg_temp.stage_%s", t->name);
        if (text == TEXT_UPSERT) {
            fputs(" ON CONFLICT (", out);
            put_list(out, "", t->unique);
            fputs(") DO UPDATE SET (evaluated_at, config_id, ", out);
            put_columns(out, "", t, plan, false);
            fputs(") = ROW (now(), excluded.config_id, ", out);
            put_columns(out, "excluded.", t, plan, false);
            fputs(") WHERE (t.config_id, ", out);
            put_columns(out, "t.", t, plan, false);
            fputs(") IS DISTINCT FROM (excluded.config_id, ", out);
            put_columns(out, "excluded.", t, plan, false);
            fputs(")", out);
        }
        break;
    case TEXT_PRUNE:
        /* EXCEPT hashes whatever the planner believes; an anti-join of a table without statistics
         * may become a loop over both. */
        fprintf(out, "DELETE FROM driftgauge.%s t USING (SELECT ", t->name);
        put_list(out, "x.", t->unique);
        fprintf(out,
                " FROM pg_temp.stage_window w JOIN driftgauge.%s x USING (run_id, monitor_id, "
                "window_size, window_end) WHERE x.window_end BETWEEN $1 AND $2 EXCEPT SELECT ",
                t->name);
        put_list(out, "", t->unique);
        fprintf(out, " FROM pg_temp.stage_%s) s WHERE t.window_end BETWEEN $1 AND $2 AND ",
                t->name);
        put_match(out, t);
        break;
    case TEXT_REVISE:
        put_revise(out, t, plan);
        break;
    case TEXT_RETIRE:
        put_retire(out, t);
        break;
    }
}

static char *make_text(enum text text, const struct table *t, const struct dg_pg_plan *plan)
{
    char *sql = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&sql, &len);
    if (out == NULL) {
        return NULL;
    }
    put_text(out, text, t, plan);
    if (fclose(out) != 0) {
        free(sql);
        return NULL;
    }
    return sql;
}

int dg_pg_plan_init(struct dg_pg_plan *plan, struct dg_pg *pg, enum dg_pg_table table,
                    struct dg_error *err)
{
    const struct table t =
        table == DG_PG_SERIES
            ? (struct table){"series_result", series_keys,      series_unique,
                             series_extras,   dg_series_fields, dg_n_series_fields}
            : (struct table){"slice_result", slice_keys,      slice_unique,
                             slice_extras,   dg_slice_fields, dg_n_slice_fields};
    struct dg_pg_plan p = {.field = calloc(t.n_fields, sizeof *p.field)};
    if (p.field == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < t.n_fields; i++) {
        if (!in_list(dimension_fields, t.fields[i].name)) {
            p.field[p.n++] = &t.fields[i];
        }
    }
    p.n_columns = p.n + (table == DG_PG_SERIES ? DG_PG_SERIES_KEYS + DG_PG_SERIES_EXTRAS
                                               : DG_PG_SLICE_KEYS + DG_PG_SLICE_EXTRAS);
    p.stage = make_text(TEXT_STAGE, &t, &p);
    p.copy = make_text(TEXT_COPY, &t, &p);
    p.insert = make_text(TEXT_INSERT, &t, &p);
    p.upsert = make_text(TEXT_UPSERT, &t, &p);
    p.prune = make_text(TEXT_PRUNE, &t, &p);
    p.revise = make_text(TEXT_REVISE, &t, &p);
    p.retire = make_text(TEXT_RETIRE, &t, &p);
    int code = check_columns(&p, pg, t.name, err);
    if (code == 0 && (p.stage == NULL || p.copy == NULL || p.insert == NULL || p.upsert == NULL ||
                      p.prune == NULL || p.revise == NULL || p.retire == NULL)) {
        code = dg_fail_memory(err);
    }
    if (code != 0) {
        dg_pg_plan_deinit(&p);
        return code;
    }
    *plan = p;
    return 0;
}

void dg_pg_plan_deinit(struct dg_pg_plan *plan)
{
    free(plan->field);
    free(plan->stage);
    free(plan->copy);
    free(plan->insert);
    free(plan->upsert);
    free(plan->prune);
    free(plan->revise);
    free(plan->retire);
    *plan = (struct dg_pg_plan){0};
}

static void put_value(struct dg_copy *c, const struct dg_value *v)
{
    if (v->null) {
        dg_copy_null(c);
        return;
    }
    switch (v->kind) {
    case DG_VALUE_TEXT:
        dg_copy_text(c, v->text);
        break;
    case DG_VALUE_REAL:
        dg_copy_real(c, v->real);
        break;
    case DG_VALUE_COUNT:
        dg_copy_count(c, v->count);
        break;
    case DG_VALUE_TIME:
        dg_copy_time(c, v->us);
        break;
    case DG_VALUE_DURATION:
        dg_copy_duration(c, v->us);
        break;
    case DG_VALUE_BOOL:
        dg_copy_bool(c, v->yes);
        break;
    }
}

void dg_pg_plan_put(const struct dg_pg_plan *plan, const void *row, struct dg_copy *c)
{
    for (size_t i = 0; i < plan->n; i++) {
        const struct dg_value v = plan->field[i]->get(row);
        put_value(c, &v);
    }
}
