#include <stdlib.h>
#include <string.h>

#include "engine/config.h"
#include "engine/monitor_build.h"
#include "engine/result_fields.h"
#include "engine/suggest.h"

enum { LOOK_AT_MOST = 2000 }; /* features compared for a suggestion */

/* ---- segments ----------------------------------------------------------------------------- */

static const struct dg_feature *find_feature(const struct dg_monitor *m, const char *name)
{
    for (size_t i = 0; i < m->n_features; i++) {
        if (strcmp(m->feature[i].name, name) == 0) {
            return &m->feature[i];
        }
    }
    return NULL;
}

static void doubt_column(struct dg_builder *b, const char *name, struct dg_place place)
{
    struct dg_suggestion near = {.word = name};
    for (size_t i = 0; i < b->m->n_features && i < LOOK_AT_MOST; i++) {
        dg_suggest(&near, b->m->feature[i].name);
    }
    if (near.best != NULL) {
        char hint[300];
        snprintf(hint, sizeof hint, "did you mean '%s'?", near.best);
        dg_diagnose(b->d, DG_WARNING, place, hint,
                    "'%.100s' is not a feature; it is read as a field of its own", name);
    }
}

static void segment_column(struct dg_builder *b, struct dg_segment_spec *spec, size_t i,
                           const char *name, struct dg_place place)
{
    const struct dg_feature *f = find_feature(b->m, name);
    spec->name[i] = dg_builder_copy(b, name);
    spec->column[i] = dg_builder_copy(b, f == NULL ? name : f->path);
    if (f == NULL) {
        dg_builder_check_path(b, name, place);
        doubt_column(b, name, place);
    } else if (f->type == DG_FEATURE_NUMERIC) {
        dg_diagnose(b->d, DG_ERROR, place, "segments are made from categories",
                    "'%.100s' is numeric", name);
    }
    for (size_t k = 0; k < b->m->n_ignore; k++) {
        if (strcmp(b->m->ignore[k], name) == 0) {
            dg_diagnose(b->d, DG_ERROR, place, "remove it from one of the two",
                        "'%.100s' is a segment, but ignored", name);
        }
    }
}

static bool segment_columns(struct dg_builder *b, struct dg_segment_spec *spec,
                            const struct dg_settings *s)
{
    const struct dg_setting *one = &s->value[SEGMENT_COLUMN], *two = &s->value[SEGMENT_COLUMNS];
    if (one->given == two->given) {
        dg_diagnose(b->d, DG_ERROR, s->place, "column: NAME, or columns: [NAME, NAME]",
                    one->given ? "a segment has 'column' or 'columns', not both"
                               : "a segment needs a column");
        return false;
    }
    if (one->present) {
        segment_column(b, spec, 0, one->text, one->place);
        return true;
    }
    if (!two->present) {
        return false;
    }
    if (two->texts.n != 2 || strcmp(two->texts.text[0], two->texts.text[1]) == 0) {
        dg_diagnose(b->d, DG_ERROR, two->place, "for one, write column: NAME",
                    "'columns' needs two different columns");
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        segment_column(b, spec, i, two->texts.text[i], two->texts.place[i]);
    }
    return true;
}

static bool has_file_baseline(const struct dg_monitor *m)
{
    for (size_t i = 0; i < m->n_baselines; i++) {
        if (m->baseline[i].file != NULL) {
            return true;
        }
    }
    return false;
}

static void segment_values(struct dg_builder *b, struct dg_segment_spec *spec,
                           struct dg_settings *s)
{
    const struct dg_setting *values = &s->value[SEGMENT_VALUES];
    struct dg_setting *top = &s->value[SEGMENT_TOP];
    spec->top = DG_SEGMENT_TOP;
    if (!values->given) {
        dg_builder_derive_count(top, DG_SEGMENT_TOP);
        spec->top = top->present ? (uint32_t)top->count : DG_SEGMENT_TOP;
        if (!has_file_baseline(b->m)) {
            dg_diagnose(
                b->d, DG_ERROR, s->place,
                "list its values, or add a baseline with 'file', whose most frequent values "
                "are taken",
                "the segment '%.100s%s%.100s' has no values", spec->name[0],
                spec->name[1] == NULL ? "" : ",", spec->name[1] == NULL ? "" : spec->name[1]);
        }
        return;
    }
    if (top->given) {
        dg_diagnose(b->d, DG_ERROR, top->place, "remove one of them",
                    "'top' has no meaning beside 'values'");
    }
    dg_builder_texts(b, values, "values", &spec->values, &spec->n_values);
    if (values->present && (values->texts.n == 0 || values->texts.n > DG_SEGMENT_VALUES_MAX)) {
        dg_diagnose(b->d, DG_ERROR, values->place, NULL, "'values' must have 1 to %d entries",
                    DG_SEGMENT_VALUES_MAX);
    }
    for (size_t i = 0; i < spec->n_values && spec->name[1] != NULL; i++) {
        if (strchr(spec->values[i], ',') == NULL) {
            dg_diagnose(b->d, DG_ERROR, values->texts.place[i], "for example \"DE,web\"",
                        "'%.100s' is not a pair of values", spec->values[i]);
        }
    }
}

static bool same_columns(const struct dg_segment_spec *a, const struct dg_segment_spec *b)
{
    for (size_t i = 0; i < 2; i++) {
        const char *x = a->column[i] == NULL ? "" : a->column[i];
        if (strcmp(x, b->column[i] == NULL ? "" : b->column[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void build_segment(struct dg_builder *b, struct dg_settings *s)
{
    struct dg_segment_spec *spec = &b->m->segment[b->m->n_segments++];
    if (!segment_columns(b, spec, s) || b->out_of_memory) {
        return;
    }
    for (size_t i = 0; i + 1 < b->m->n_segments; i++) {
        if (same_columns(&b->m->segment[i], spec)) {
            dg_diagnose(b->d, DG_ERROR, s->place, "remove one of them",
                        "the same segment is here a second time");
        }
    }
    segment_values(b, spec, s);
}

void dg_build_segments(struct dg_builder *b)
{
    const struct dg_setting *s = &b->root->value[MONITOR_SEGMENTS];
    if (!s->present || b->out_of_memory) {
        return;
    }
    if (s->sections.n > DG_SEGMENTS_MAX) {
        dg_diagnose(b->d, DG_ERROR, s->place, NULL, "more than %d segments", DG_SEGMENTS_MAX);
        return;
    }
    b->m->segment = dg_builder_take(b, s->sections.n, sizeof *b->m->segment);
    for (size_t i = 0; i < s->sections.n && !b->out_of_memory; i++) {
        build_segment(b, s->sections.at[i]);
    }
}

/* ---- checks ------------------------------------------------------------------------------- */

/* The metric of that name, or NULL after saying why there is none. */
static const struct dg_result_field *find_metric(struct dg_builder *b, const struct dg_entry *e,
                                                 bool *of_series)
{
    const struct dg_result_field *f = dg_monitor_metric_named(e->name, of_series);
    const char *near = f == NULL ? dg_monitor_metric_near(e->name) : NULL;
    char hint[200] = "`driftgauge config reference` lists them";
    if (f != NULL) {
        return f;
    }
    if (near != NULL) {
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    }
    if (dg_series_field(e->name) != NULL || dg_slice_field(e->name) != NULL) {
        dg_diagnose(b->d, DG_ERROR, e->place, NULL,
                    "'%s' is not a number that a bound can be put on", e->name);
    } else {
        dg_diagnose(b->d, DG_ERROR, e->place, hint, "unknown metric '%.100s'", e->name);
    }
    return NULL;
}

static void check_bounds(struct dg_builder *b, const struct dg_entry *e,
                         const struct dg_settings *s, struct dg_check *check)
{
    const struct dg_setting *warn = &s->value[CHECK_WARN], *critical = &s->value[CHECK_CRITICAL];
    check->has_warn = warn->present;
    check->has_critical = critical->present;
    if (!warn->given && !critical->given) {
        dg_diagnose(b->d, DG_ERROR, e->place,
                    "for example { warn: above 0.1, critical: above 0.25 }",
                    "the check of '%.100s' needs 'warn' or 'critical'", e->name);
    }
    check->warn = warn->present ? warn->bound.at : 0;
    check->critical = critical->present ? critical->bound.at : 0;
    check->below = warn->present ? warn->bound.below : critical->present && critical->bound.below;
    if (!warn->present || !critical->present) {
        return;
    }
    if (warn->bound.below != critical->bound.below) {
        dg_diagnose(b->d, DG_ERROR, critical->place, "a number alone means above",
                    "'warn' and 'critical' of '%.100s' look in different directions", e->name);
    } else if (check->below ? check->critical > check->warn : check->critical < check->warn) {
        dg_diagnose(b->d, DG_ERROR, critical->place, "exchange them",
                    "'critical' of '%.100s' is reached before 'warn'", e->name);
    }
}

static void check_baseline(struct dg_builder *b, const struct dg_entry *e,
                           const struct dg_setting *s, bool of_series, struct dg_check *check)
{
    if (!s->present) {
        return;
    }
    struct dg_suggestion near = {.word = s->text};
    bool known = false;
    for (size_t i = 0; i < b->m->n_baselines && !b->out_of_memory; i++) {
        known |= strcmp(b->m->baseline[i].name, s->text) == 0;
        dg_suggest(&near, b->m->baseline[i].name);
    }
    check->baseline = dg_builder_copy(b, s->text);
    if (!known) {
        char hint[200] = "define it under 'baselines'";
        if (near.best != NULL) {
            snprintf(hint, sizeof hint, "did you mean '%.100s'?", near.best);
        }
        dg_diagnose(b->d, DG_ERROR, s->place, hint, "there is no baseline '%.100s'", s->text);
    } else if (!of_series) {
        dg_diagnose(b->d, DG_ERROR, s->place, "remove 'baseline'",
                    "'%.100s' is not compared with a baseline", e->name);
    }
}

static void build_check(struct dg_builder *b, const struct dg_entry *e, const struct dg_settings *s,
                        bool of_series)
{
    struct dg_check *check = &b->m->check[b->m->n_checks++];
    check->metric = dg_builder_copy(b, e->name);
    check->line = (int)e->place.line;
    check_bounds(b, e, s, check);
    check_baseline(b, e, &s->value[CHECK_BASELINE], of_series, check);
    if (s->value[CHECK_FOR].present) {
        check->consecutive = (uint32_t)s->value[CHECK_FOR].count;
    }
}

static void build_drift(struct dg_builder *b, const struct dg_settings *checks)
{
    const struct dg_settings *s = dg_builder_section(checks, CHECKS_DRIFT);
    if (s == NULL) {
        return;
    }
    const struct dg_setting *v = s->value;
    b->m->drift = (struct dg_drift_rule){
        .enabled = v[DRIFT_ENABLED].present && v[DRIFT_ENABLED].on,
        .q = v[DRIFT_Q].present ? v[DRIFT_Q].number : 0,
        .effect = v[DRIFT_EFFECT].present ? v[DRIFT_EFFECT].number : 0,
        .consecutive = v[DRIFT_FOR].present ? (uint32_t)v[DRIFT_FOR].count : 0,
        .min_rows = v[DRIFT_MIN_ROWS].present ? v[DRIFT_MIN_ROWS].count : 0,
    };
    if (checks->value[CHECKS_DRIFT].given && b->m->drift.enabled && b->m->n_baselines == 0) {
        dg_diagnose(b->d, DG_WARNING, s->place,
                    "add a baseline, for example previous: previous_window",
                    "without 'baselines' there is nothing to find drift against");
    }
}

void dg_build_checks(struct dg_builder *b)
{
    const struct dg_settings *checks = dg_builder_section(b->root, MONITOR_CHECKS);
    size_t n = 0;
    if (checks == NULL || b->out_of_memory) {
        return;
    }
    build_drift(b, checks);
    for (size_t i = 0; i < checks->n_entries; i++) {
        n += checks->entry[i].setting.present ? checks->entry[i].setting.sections.n : 0;
    }
    if (n > DG_CHECKS_MAX || checks->n_entries > DG_CHECKS_MAX) {
        dg_diagnose(b->d, DG_ERROR, checks->place, NULL, "more than %d checks", DG_CHECKS_MAX);
        return;
    }
    b->m->check = dg_builder_take(b, n, sizeof *b->m->check);
    for (size_t i = 0; i < checks->n_entries && !b->out_of_memory; i++) {
        const struct dg_entry *e = &checks->entry[i];
        bool of_series;
        if (find_metric(b, e, &of_series) == NULL || !e->setting.present) {
            continue;
        }
        for (size_t k = 0; k < e->setting.sections.n && !b->out_of_memory; k++) {
            build_check(b, e, e->setting.sections.at[k], of_series);
        }
    }
}
