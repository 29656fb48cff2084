#include "engine/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for every field that a monitor can name: columns, time, id, version, variant, place,
 * segments. */
static size_t fields_max(const struct dg_monitor *m)
{
    return m->n_features + 2 * m->n_segments + 9;
}

static int add_field(struct dg_projection *p, const char *path, enum dg_field_type type,
                     enum dg_time_format format)
{
    if (path == NULL) {
        return -1;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (p->field[i].type == type && strcmp(p->field[i].path, path) == 0) {
            return (int)i;
        }
    }
    p->field[p->n] = (struct dg_field){path, type, format};
    return (int)p->n++;
}

static int compile_projection(struct dg_plan *p, const struct dg_monitor *m)
{
    struct dg_projection *j = &p->projection;
    j->field = calloc(fields_max(m), sizeof *j->field);
    if (j->field == NULL) {
        return ENOMEM;
    }
    j->time = add_field(j, m->time_path, DG_FIELD_TIME, m->time_format);
    j->id = add_field(j, m->id_path, DG_FIELD_TEXT, DG_TIME_AUTO);
    j->topic = add_field(j, m->topic_path, DG_FIELD_TEXT, DG_TIME_AUTO);
    j->partition = add_field(j, m->partition_path, DG_FIELD_INTEGER, DG_TIME_AUTO);
    j->offset = add_field(j, m->offset_path, DG_FIELD_INTEGER, DG_TIME_AUTO);
    j->record_time = add_field(j, m->record_time_path, DG_FIELD_TIME, DG_TIME_AUTO);
    j->ignore = (const char **)(uintptr_t)m->ignore;
    j->n_ignore = m->n_ignore;
    p->row_partitions = j->partition >= 0 && j->offset >= 0;
    return 0;
}

static int allowed_values(const struct dg_feature *f, struct dg_dictionary **out)
{
    if (f->n_values == 0) {
        return 0;
    }
    struct dg_keyed *keyed = calloc(f->n_values, sizeof *keyed);
    if (keyed == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < f->n_values; i++) {
        const size_t len = strlen(f->values[i]);
        keyed[i] =
            (struct dg_keyed){f->values[i], (uint32_t)len, dg_hash_key(f->values[i], len), 1};
    }
    const int rc = dg_dictionary_build(keyed, f->n_values, DG_DICTIONARY_MAX, out);
    free(keyed);
    return rc;
}

static int compile_column(struct dg_plan *p, const struct dg_feature *f, struct dg_plan_column *c)
{
    const bool numeric = f->type == DG_FEATURE_NUMERIC;
    c->feature = f;
    c->source = add_field(&p->projection, f->path, numeric ? DG_FIELD_NUMERIC : DG_FIELD_TEXT,
                          DG_TIME_AUTO);
    c->baseline_column = p->baseline == NULL ? -1 : dg_baseline_find_column(p->baseline, f->name);
    if (c->baseline_column >= 0) {
        const struct dg_baseline_column *b = &p->baseline->column[c->baseline_column];
        if (b->type == f->type) {
            c->binning = b->binning;
            c->dictionary = b->dictionary;
        } else {
            c->baseline_column = -1;
        }
    }
    return numeric ? 0 : allowed_values(f, &c->allowed);
}

int dg_plan_listed_values(const struct dg_segment_spec *spec, struct dg_segment_values *out)
{
    for (size_t i = 0; i < spec->n_values; i++) {
        const char *text = spec->values[i];
        const char *comma = spec->column[1] != NULL ? strchr(text, ',') : NULL;
        const size_t first = comma != NULL ? (size_t)(comma - text) : strlen(text);
        const char *second = comma != NULL ? comma + 1 : "";
        const struct dg_text part[2] = {{text, (uint32_t)first, DG_FINITE},
                                        {second, (uint32_t)strlen(second), DG_FINITE}};
        const int rc = dg_segment_values_add(out, part, spec->column[1] != NULL ? 2 : 1);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int baseline_values(const struct dg_segment_values *from, uint32_t top,
                           struct dg_segment_values *out)
{
    for (size_t i = 0; i < from->n && i < top; i++) {
        const struct dg_segment_value *v = &from->value[i];
        const struct dg_text part[2] = {{v->text[0], v->len[0], DG_FINITE},
                                        {v->text[1], v->len[1], DG_FINITE}};
        const int rc = dg_segment_values_add(out, part, v->text[1] != NULL ? 2 : 1);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int choose_values(const struct dg_plan *p, size_t spec, struct dg_segment_values *out,
                         struct dg_error *err)
{
    const struct dg_segment_spec *s = &p->monitor->segment[spec];
    int rc = 0;
    if (s->n_values > 0) {
        rc = dg_plan_listed_values(s, out);
    } else {
        const int at = p->baseline == NULL ? -1 : dg_baseline_find_spec(p->baseline, s->column);
        if (at < 0) {
            return dg_fail(
                err, EINVAL,
                "%s: segment %s%s%s has no `values:` and no baseline file that was built "
                "with it; list the values, or build the baseline with this monitor",
                p->monitor->path, s->column[0], s->column[1] != NULL ? " x " : "",
                s->column[1] != NULL ? s->column[1] : "");
        }
        rc = baseline_values(&p->baseline->values[at], s->top, out);
    }
    return rc == 0 ? 0 : dg_fail_memory(err);
}

static int compile_slicer(struct dg_plan *p, const struct dg_segment_values *chosen,
                          struct dg_error *err)
{
    const struct dg_monitor *m = p->monitor;
    int(*column)[2] = calloc(m->n_segments + 1, sizeof *column);
    struct dg_segment_values *values = calloc(m->n_segments + 1, sizeof *values);
    int rc = column == NULL || values == NULL ? dg_fail_memory(err) : 0;
    uint32_t segments = 1;
    for (size_t i = 0; i < m->n_segments && rc == 0; i++) {
        for (int k = 0; k < 2; k++) {
            column[i][k] =
                add_field(&p->projection, m->segment[i].column[k], DG_FIELD_TEXT, DG_TIME_AUTO);
        }
        if (chosen == NULL) {
            rc = choose_values(p, i, &values[i], err);
        }
        segments += (uint32_t)(chosen != NULL ? chosen[i].n : values[i].n) + 1;
    }
    const int version = add_field(&p->projection, m->version_path, DG_FIELD_TEXT, DG_TIME_AUTO);
    const int variant = add_field(&p->projection, m->variant_path, DG_FIELD_TEXT, DG_TIME_AUTO);
    const uint64_t series = (uint64_t)segments * p->n_columns;
    if (rc == 0 && series > m->max_series) {
        rc =
            dg_fail(err, EINVAL,
                    "%s: %u segments x %zu columns = %llu series, above limits.max_series %u; list "
                    "fewer segment values, lower `top`, or raise the limit",
                    m->path, segments, p->n_columns, (unsigned long long)series, m->max_series);
    }
    if (rc == 0) {
        const uint64_t groups = version < 0 && variant < 0 ? 1 : m->max_series / series + 1;
        rc = dg_slicer_init(&p->slicer, m, chosen != NULL ? chosen : values, column, version,
                            variant, (uint32_t)groups, err);
    }
    for (size_t i = 0; values != NULL && i < m->n_segments; i++) {
        dg_segment_values_deinit(&values[i]);
    }
    free(values);
    free(column);
    return rc;
}

int dg_plan_init(struct dg_plan *p, const struct dg_monitor *monitor,
                 const struct dg_baseline *baseline, const struct dg_segment_values *chosen_values,
                 struct dg_error *err)
{
    *p = (struct dg_plan){
        .monitor = monitor, .baseline = baseline, .n_columns = monitor->n_features};
    int rc = compile_projection(p, monitor);
    p->column = calloc(p->n_columns + 1, sizeof *p->column);
    if (rc != 0 || p->column == NULL) {
        rc = dg_fail_memory(err);
        goto fail;
    }
    for (size_t i = 0; i < p->n_columns; i++) {
        if (compile_column(p, &monitor->feature[i], &p->column[i]) != 0) {
            rc = dg_fail_memory(err);
            goto fail;
        }
    }
    rc = compile_slicer(p, chosen_values, err);
    if (rc == 0) {
        return 0;
    }
fail:
    dg_plan_deinit(p);
    return rc;
}

void dg_plan_deinit(struct dg_plan *p)
{
    for (size_t i = 0; p->column != NULL && i < p->n_columns; i++) {
        dg_dictionary_free(p->column[i].allowed);
    }
    free(p->column);
    free(p->projection.field);
    if (p->slicer.n_segments != 0) {
        dg_slicer_deinit(&p->slicer);
    }
    *p = (struct dg_plan){0};
}
