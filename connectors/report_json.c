#include "connectors/report_json.h"

#include "connectors/report_words.h"
#include "engine/result_fields.h"
#include "engine/timefmt.h"

#include <math.h>
#include <string.h>

#define ROWS_IN_PAGE 60 /* with more comparisons the page's copy is cut, see the header */

static void key(struct dg_page *p, const char *name)
{
    if (p->len > 0 && p->data[p->len - 1] != '{') {
        dg_page_raw(p, ",");
    }
    dg_page_json_text(p, name);
    dg_page_raw(p, ":");
}

static void next(struct dg_page *p)
{
    if (p->len > 0 && p->data[p->len - 1] != '[') {
        dg_page_raw(p, ",");
    }
}

static void text_or_null(struct dg_page *p, const char *text)
{
    if (text == NULL) {
        dg_page_raw(p, "null");
    } else {
        dg_page_json_text(p, text);
    }
}

static void key_text(struct dg_page *p, const char *name, const char *text)
{
    key(p, name);
    text_or_null(p, text);
}

static void key_count(struct dg_page *p, const char *name, uint64_t n)
{
    key(p, name);
    dg_page_format(p, "%llu", (unsigned long long)n);
}

static void time_or_null(struct dg_page *p, int64_t us)
{
    char buf[DG_TIME_TEXT];
    if (us == 0 || us == DG_TIME_NONE) {
        dg_page_raw(p, "null");
    } else {
        dg_page_json_text(p, dg_time_format(us, buf));
    }
}

static void duration(struct dg_page *p, int64_t us)
{
    char buf[DG_TIME_TEXT];
    dg_page_json_text(p, dg_duration_format(us, buf));
}

static void short_real(struct dg_page *p, double x)
{
    if (isfinite(x)) {
        dg_page_format(p, "%.4g", x);
    } else {
        dg_page_raw(p, "null");
    }
}

static void write_value(struct dg_page *p, const struct dg_value *value, bool cut)
{
    if (value->null) {
        dg_page_raw(p, "null");
        return;
    }
    switch (value->kind) {
    case DG_VALUE_TEXT:
        dg_page_json_text(p, value->text);
        break;
    case DG_VALUE_REAL:
        (cut ? short_real : dg_page_json_real)(p, value->real);
        break;
    case DG_VALUE_COUNT:
        dg_page_format(p, "%llu", (unsigned long long)value->count);
        break;
    case DG_VALUE_TIME:
        time_or_null(p, value->us);
        break;
    case DG_VALUE_DURATION:
        duration(p, value->us);
        break;
    case DG_VALUE_BOOL:
        dg_page_raw(p, value->yes ? "true" : "false");
        break;
    }
}

static void write_series_row(struct dg_page *p, const struct dg_series_row *row, bool cut)
{
    next(p);
    dg_page_raw(p, "[");
    for (size_t i = 0; i < dg_n_series_fields; i++) {
        const struct dg_value value = dg_series_fields[i].get(row);
        next(p);
        write_value(p, &value, cut);
    }
    dg_page_raw(p, "]");
}

static void write_track(struct dg_page *p, const struct dg_report_track *t)
{
    next(p);
    dg_page_format(p, "[%u,%u,%u,%u,", t->windows, t->drift_windows, t->warn_windows, t->episodes);
    time_or_null(p, t->first_drift_us);
    dg_page_raw(p, ",");
    time_or_null(p, t->last_drift_us);
    dg_page_raw(p, ",");
    dg_page_json_real(p, t->n_peaks > 0 ? t->peak[0].psi : (double)NAN);
    dg_page_raw(p, ",");
    time_or_null(p, t->n_peaks > 0 ? t->peak[0].end_us : 0);
    dg_page_raw(p, ",");
    dg_page_json_real(p, t->complete_worst);
    dg_page_raw(p, "]");
}

static void write_history(struct dg_page *p, const struct dg_report_track *t)
{
    next(p);
    dg_page_raw(p, "[");
    for (size_t i = 0; i < t->n_points; i++) {
        const struct dg_report_point *k = &t->point[i];
        const double real[] = {k->psi,     k->psi_low, k->psi_high, k->ks,
                               k->p,       k->missing, k->mean,     k->band[0],
                               k->band[1], k->band[2], k->band[3],  k->band[4]};
        next(p);
        dg_page_raw(p, "[");
        time_or_null(p, k->end_us);
        dg_page_format(p, ",\"%s\",%llu", dg_status_name((enum dg_status)k->status),
                       (unsigned long long)k->n);
        for (size_t j = 0; j < sizeof real / sizeof real[0]; j++) {
            dg_page_raw(p, ",");
            dg_page_json_real(p, real[j]);
        }
        dg_page_raw(p, "]");
    }
    dg_page_raw(p, "]");
}

/* Call `write` for each comparison that the document holds, worst column first. */
static void each_track(struct dg_page *p, const struct dg_report_view *v, bool heads,
                       void (*write)(struct dg_page *p, const struct dg_report_track *t))
{
    for (size_t i = 0; i < v->n && (!heads || i < ROWS_IN_PAGE); i++) {
        for (size_t j = 0; j < (heads ? 1 : v->unit[i].n_tracks); j++) {
            write(p, v->unit[i].track[j]);
        }
    }
}

static void write_row(struct dg_page *p, const struct dg_report_track *t)
{
    write_series_row(p, &t->latest, false);
}

static void write_cut_row(struct dg_page *p, const struct dg_report_track *t)
{
    write_series_row(p, &t->latest, true);
}

static void write_series(struct dg_page *p, const struct dg_report_view *v, bool complete)
{
    const bool heads = !complete && v->model->n_tracks > ROWS_IN_PAGE;
    key(p, "complete");
    dg_page_raw(p, complete ? "true" : "false");
    key(p, "series_fields");
    dg_page_raw(p, "[");
    for (size_t i = 0; i < dg_n_series_fields; i++) {
        next(p);
        dg_page_json_text(p, dg_series_fields[i].name);
    }
    dg_page_raw(p, "]");
    key(p, "series");
    dg_page_raw(p, "[");
    each_track(p, v, heads, heads ? write_cut_row : write_row);
    dg_page_raw(p, "]");
    key(p, "track_fields");
    dg_page_raw(p, "[\"windows\",\"drift_windows\",\"warn_windows\",\"episodes\",\"first_drift\","
                   "\"last_drift\",\"psi_worst\",\"psi_worst_end\",\"completeness_worst\"]");
    key(p, "tracks");
    dg_page_raw(p, "[");
    each_track(p, v, heads, write_track);
    dg_page_raw(p, "]");
    if (complete) {
        key(p, "history_fields");
        dg_page_raw(p, "[\"window_end\",\"status\",\"n\",\"psi_adjusted\",\"psi_low\",\"psi_high\","
                       "\"ks\",\"p_adjusted\",\"missing\",\"mean\",\"q05\",\"q25\",\"q50\",\"q75\","
                       "\"q95\"]");
        key(p, "history");
        dg_page_raw(p, "[");
        each_track(p, v, false, write_history);
        dg_page_raw(p, "]");
    }
}

static void write_verdict(struct dg_page *p, const struct dg_report_view *v)
{
    static const struct {
        const char *name;
        int badness;
    } list[] = {{"drift", 4}, {"warn", 3}, {"recovered", 2}, {"not_judged", 0}};
    key(p, "verdict");
    dg_page_raw(p, "{");
    static const char *const severity[] = {"ok", "warn", "critical"};
    key_text(p, "severity", severity[v->model->totals.severity]);
    key_count(p, "columns", v->n - v->n_ended);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        key(p, list[i].name);
        dg_page_raw(p, "[");
        for (size_t j = 0; j < v->n; j++) {
            if (v->unit[j].badness == list[i].badness && !v->unit[j].ended) {
                next(p);
                dg_page_json_text(p, v->unit[j].head->latest.column);
            }
        }
        dg_page_raw(p, "]");
    }
    dg_page_raw(p, "}");
}

static void write_totals(struct dg_page *p, const struct dg_run_totals *t)
{
    key(p, "totals");
    dg_page_raw(p, "{");
    key_count(p, "records", t->records);
    key_count(p, "rows", t->rows);
    key_count(p, "duplicates", t->duplicates);
    key_count(p, "late", t->late);
    key_count(p, "out_of_order", t->out_of_order);
    key_count(p, "bytes", t->bytes);
    key_count(p, "windows", t->windows);
    key(p, "first");
    time_or_null(p, t->first_us);
    key(p, "last");
    time_or_null(p, t->last_us);
    key(p, "bad");
    dg_page_raw(p, "{");
    for (int i = DG_GOOD + 1; i < DG_REASONS; i++) {
        key_count(p, dg_reason_name((enum dg_reason)i), t->bad[i]);
    }
    dg_page_raw(p, "}}");
}

static void write_windows(struct dg_page *p, const struct dg_report_model *m, bool complete)
{
    key(p, "windows");
    dg_page_raw(p, "[");
    for (size_t i = 0; i < m->n_sizes; i++) {
        const struct dg_report_size *s = &m->size[i];
        next(p);
        dg_page_raw(p, "{");
        key(p, "size");
        duration(p, s->size_us);
        key_count(p, "windows", s->windows);
        key_count(p, "drift", s->drift_windows);
        key_count(p, "warn", s->warn_windows);
        key_count(p, "silent", s->silent_windows);
        if (complete) {
            key(p, "history_fields");
            dg_page_raw(
                p, "[\"window_end\",\"rows\",\"columns\",\"drift\",\"warn\",\"late\",\"bad\"]");
            key(p, "history");
            dg_page_raw(p, "[");
            for (size_t j = 0; j < s->n_windows; j++) {
                const struct dg_report_window *w = &s->window[j];
                next(p);
                dg_page_raw(p, "[");
                time_or_null(p, w->end_us);
                dg_page_format(p, ",%llu,%u,%u,%u,%llu,%llu]", (unsigned long long)w->rows,
                               w->columns, w->drift, w->warn, (unsigned long long)w->late,
                               (unsigned long long)w->bad);
            }
            dg_page_raw(p, "]");
        }
        dg_page_raw(p, "}");
    }
    dg_page_raw(p, "]");
}

static void write_slices(struct dg_page *p, const struct dg_report_view *v, bool complete)
{
    const struct dg_report_model *m = v->model;
    key(p, "slices");
    dg_page_raw(p, "[");
    for (size_t i = 0; i < m->n_slices && (complete || i < ROWS_IN_PAGE); i++) {
        const struct dg_report_slice *s = v->slice[i];
        const struct dg_report_cell *c = v->worst[s - m->slice];
        next(p);
        dg_page_raw(p, "{");
        key_text(p, "version", dg_report_string(m, m->group[s->group].version));
        key_text(p, "variant", dg_report_string(m, m->group[s->group].variant));
        key_text(p, "segment", dg_report_string(m, s->segment));
        key(p, "size");
        duration(p, m->size[s->size].size_us);
        key_count(p, "rows", s->rows);
        key_count(p, "n_series", s->series);
        key_count(p, "n_drift", s->drift);
        key_count(p, "n_warn", s->warn);
        key_count(p, "windows", s->windows);
        key_count(p, "drift_windows", s->drift_windows);
        key_text(p, "worst_column", c == NULL ? NULL : dg_report_column_name(m, c->column));
        key(p, "worst_psi_adjusted");
        dg_page_json_real(p, c == NULL ? (double)NAN : c->psi);
        dg_page_raw(p, "}");
    }
    dg_page_raw(p, "]");
}

void dg_report_json_write(struct dg_page *p, const struct dg_report_view *v, bool complete)
{
    const struct dg_report_model *m = v->model;
    dg_page_raw(p, "{");
    key_text(p, "driftgauge", DG_VERSION);
    key_text(p, "kind", "report");
    key_text(p, "monitor", m->run.monitor->name);
    key_text(p, "config_hash", m->run.monitor->hash);
    key_text(p, "run", m->run.run);
    key_text(p, "inputs", m->run.inputs);
    key_text(p, "generated_at", v->generated_at);
    write_verdict(p, v);
    write_totals(p, &m->totals);
    write_windows(p, m, complete);
    write_series(p, v, complete);
    write_slices(p, v, complete);
    dg_page_raw(p, "}");
}
