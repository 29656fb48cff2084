#include "connectors/report_page.h"
#include "connectors/report_svg.h"
#include "connectors/report_words.h"
#include "engine/timefmt.h"

#include <math.h>
#include <string.h>

#define SLICE_ROWS   60 /* of the segment table */
#define SPLIT_ROWS   6  /* drifted columns split by segment */
#define SPLIT_BARS   6
#define QUALITY_ROWS 40

/* -- segments ------------------------------------------------------------------------------ */

static void slice_name(struct dg_page *p, const struct dg_report_view *v,
                       const struct dg_report_slice *s)
{
    const struct dg_report_model *m = v->model;
    dg_page_name(p, dg_report_string(m, s->segment));
    if (m->n_groups > 1) {
        dg_page_raw(p, " <small class=\"tag\">");
        dg_page_name(p, dg_report_string(m, m->group[s->group].version));
        dg_page_raw(p, " ");
        dg_page_name(p, dg_report_string(m, m->group[s->group].variant));
        dg_page_raw(p, "</small>");
    }
}

static void slice_row(struct dg_page *p, const struct dg_report_view *v,
                      const struct dg_report_slice *s)
{
    const struct dg_report_cell *c = v->worst[s - v->model->slice];
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE];
    const int badness = s->drift > 0                          ? 4
                        : s->warn > 0 || s->severity != DG_OK ? 3
                        : s->drift_windows > 0                ? 2
                        : s->series > 0                       ? 1
                                                              : 0;
    dg_page_raw(p, "<tr><th scope=\"row\">");
    slice_name(p, v, s);
    dg_page_format(p, "</th><td>%s</td><td>",
                   dg_duration_format(v->model->size[s->size].size_us, a));
    dg_report_badge(p, dg_report_badness_class(badness), dg_words_badness(badness));
    dg_page_format(p, "</td><td class=\"n\">%s</td><td class=\"n\">%u of %u</td>",
                   dg_word_count(s->rows, a), s->drift, s->series);
    dg_page_format(p, "<td class=\"n\">%u of %u</td><td>", s->drift_windows, s->windows);
    if (c != NULL) {
        dg_page_name(p, dg_report_column_name(v->model, c->column));
    }
    dg_page_format(p, "</td><td class=\"n\">%s</td><td>%s</td></tr>",
                   dg_word_fixed(c == NULL ? (double)NAN : c->psi, a),
                   c == NULL || c->since_us == 0 ? "\xe2\x80\x93" : dg_word_time(c->since_us, b));
}

/* The cells of a drifted unit's head, heaviest first, each a bar. */
static void split_unit(struct dg_page *p, const struct dg_report_view *v,
                       const struct dg_report_unit *u)
{
    const struct dg_report_model *m = v->model;
    const struct dg_report_cell *best[SPLIT_BARS];
    double weight[SPLIT_BARS];
    size_t n = 0;
    for (size_t i = 0; i < m->n_cells; i++) {
        const struct dg_report_cell *c = &m->cell[i];
        const struct dg_report_slice *s = &m->slice[c->slice];
        if (c->column != u->column || s->group != u->group || s->size != u->head->size ||
            c->baseline != u->head->baseline || !(c->psi > 0)) {
            continue;
        }
        const double mass = (double)c->n * c->psi;
        size_t at = n;
        while (at > 0 && mass > weight[at - 1]) {
            at--;
        }
        if (at == SPLIT_BARS) {
            continue;
        }
        n += n < SPLIT_BARS;
        memmove(&best[at + 1], &best[at], (n - at - 1) * sizeof best[0]);
        memmove(&weight[at + 1], &weight[at], (n - at - 1) * sizeof weight[0]);
        best[at] = c;
        weight[at] = mass;
    }
    if (n == 0) {
        return;
    }
    dg_page_raw(p, "<table class=\"small bars\"><caption>");
    dg_words_unit(p, v, u);
    dg_page_raw(p, " <small>share of its drift</small></caption><tbody>");
    for (size_t i = 0; i < n; i++) {
        char a[DG_WORD_SIZE], b[DG_WORD_SIZE];
        const double share = dg_report_cell_weight(m, best[i]);
        dg_page_raw(p, "<tr><th scope=\"row\">");
        slice_name(p, v, &m->slice[best[i]->slice]);
        dg_page_format(p,
                       "</th><td><i class=\"bar c\" style=\"width:%.0f%%\"></i>%s</td>"
                       "<td>PSI %s</td></tr>",
                       fmax(1, 60 * share), dg_word_share(share, a),
                       dg_word_fixed(best[i]->psi, b));
    }
    dg_page_raw(p, "</tbody></table>");
}

void dg_report_segments_write(struct dg_page *p, const struct dg_report_view *v)
{
    const struct dg_report_model *m = v->model;
    if (m->n_slices == 0) {
        dg_page_raw(p, "<p class=\"none\">The monitor has no segments.</p>");
        return;
    }
    size_t drifted = 0;
    for (size_t i = 0; i < m->n_slices; i++) {
        drifted += m->slice[i].drift > 0;
    }
    dg_page_format(p,
                   "<p>%zu of %zu slices (each segment at each window size) drift at the end of "
                   "the run.</p>",
                   drifted, m->n_slices);
    dg_page_raw(p, "<div class=\"tables\">");
    for (size_t i = 0, n = 0; i < v->n && n < SPLIT_ROWS; i++) {
        if (v->unit[i].badness == 4) {
            split_unit(p, v, &v->unit[i]);
            n++;
        }
    }
    dg_page_raw(p, "</div><div class=\"scroll\"><table class=\"list\"><thead><tr>"
                   "<th scope=\"col\">Slice</th><th scope=\"col\">Window</th>"
                   "<th scope=\"col\">Status</th><th scope=\"col\" class=\"n\">Rows</th>"
                   "<th scope=\"col\" class=\"n\">In drift</th>"
                   "<th scope=\"col\" class=\"n\">Windows with drift</th>"
                   "<th scope=\"col\">Worst column</th><th scope=\"col\" class=\"n\">PSI</th>"
                   "<th scope=\"col\">Since</th></tr></thead><tbody>");
    for (size_t i = 0; i < m->n_slices && i < SLICE_ROWS; i++) {
        slice_row(p, v, v->slice[i]);
    }
    dg_page_raw(p, "</tbody></table></div>");
    if (m->n_slices > SLICE_ROWS) {
        dg_page_format(p, "<p class=\"none\">%zu more slices, less drifted, are not shown.</p>",
                       m->n_slices - SLICE_ROWS);
    }
}

/* -- data quality -------------------------------------------------------------------------- */

static void count_row(struct dg_page *p, const char *name, uint64_t n, uint64_t of)
{
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE];
    dg_page_format(p, "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td></tr>", name,
                   dg_word_count(n, a),
                   dg_word_share(of == 0 ? (double)NAN : (double)n / (double)of, b));
}

static void stream_table(struct dg_page *p, const struct dg_run_totals *t)
{
    dg_page_raw(p, "<table class=\"small\"><caption>The stream</caption><tbody>");
    count_row(p, "records", t->records, t->records);
    count_row(p, "rows used", t->rows, t->records);
    count_row(p, "duplicates", t->duplicates, t->records);
    count_row(p, "late", t->late, t->records);
    count_row(p, "out of order", t->out_of_order, t->records);
    dg_page_raw(p, "</tbody></table><table class=\"small\"><caption>Bad records</caption><tbody>");
    bool any = false;
    for (int i = DG_GOOD + 1; i < DG_REASONS; i++) {
        if (t->bad[i] > 0) {
            count_row(p, dg_reason_name((enum dg_reason)i), t->bad[i], t->records);
            any = true;
        }
    }
    dg_page_raw(p, any ? "</tbody></table>" : "<tr><td>none</td></tr></tbody></table>");
}

static void news_table(struct dg_page *p, const struct dg_report_model *m)
{
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE];
    if (m->n_news == 0) {
        return;
    }
    dg_page_raw(p, "<table class=\"small\"><caption>New fields</caption><thead><tr>"
                   "<th scope=\"col\">field</th><th scope=\"col\">first seen</th>"
                   "<th scope=\"col\">rows, at most</th></tr></thead><tbody>");
    for (size_t i = 0; i < m->n_news; i++) {
        dg_page_raw(p, "<tr><th scope=\"row\">");
        dg_page_name(p, dg_report_string(m, m->news[i].name));
        dg_page_format(p, "</th><td>%s</td><td>%s</td></tr>", dg_word_time(m->news[i].first_us, a),
                       dg_word_count(m->news[i].rows, b));
    }
    dg_page_raw(p, "</tbody></table>");
}

static void silence_table(struct dg_page *p, const struct dg_report_model *m)
{
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE], size[DG_TIME_TEXT];
    bool any = false;
    for (size_t i = 0; i < m->n_sizes; i++) {
        const struct dg_report_size *s = &m->size[i];
        for (size_t j = 0; j < s->n_silences; j++) {
            if (!any) {
                dg_page_raw(p, "<table class=\"small\"><caption>Silence</caption><thead><tr>"
                               "<th scope=\"col\">from</th><th scope=\"col\">to</th>"
                               "<th scope=\"col\">windows</th></tr></thead><tbody>");
                any = true;
            }
            dg_page_format(p, "<tr><th scope=\"row\">%s</th><td>%s</td><td>%u of %s</td></tr>",
                           dg_word_time(s->silence[j].from_us, a),
                           dg_word_time(s->silence[j].to_us, b), s->silence[j].windows,
                           dg_duration_format(s->size_us, size));
        }
    }
    dg_page_raw(p, any ? "</tbody></table>" : "");
}

static bool is_flawed(const struct dg_report_track *t)
{
    return t->complete_worst < 1 || t->validity_worst < 1 || t->vanished_us != 0 ||
           (t->latest.flags & (DG_SERIES_CONSTANT | DG_SERIES_MONOTONE)) != 0;
}

static void flaw_row(struct dg_page *p, const struct dg_report_view *v,
                     const struct dg_report_unit *u)
{
    const struct dg_report_track *t = u->head;
    const struct dg_series_row *r = &t->latest;
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE], c[DG_WORD_SIZE], d[DG_WORD_SIZE];
    dg_page_raw(p, "<tr><th scope=\"row\">");
    dg_words_unit(p, v, u);
    dg_page_format(p,
                   "</th><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
                   "<td class=\"n\">%s</td><td>",
                   dg_word_share(r->completeness, a), dg_word_share(t->complete_worst, b),
                   dg_word_share(r->validity, c), dg_word_share(t->validity_worst, d));
    struct dg_report_point point[DG_REPORT_POINTS];
    const size_t n = dg_report_thin(t, 40, point);
    const struct dg_report_size *s = &v->model->size[t->size];
    const struct dg_report_axis axis = {s->first_us, s->last_us, s->windows / 40 + 1, NAN};
    dg_svg_missing(p, &axis, point, n);
    dg_page_raw(p, "</td><td>");
    dg_page_raw(p, t->vanished_us != 0 ? "vanished " : "");
    dg_page_raw(p, (r->flags & DG_SERIES_CONSTANT) != 0 ? "constant " : "");
    dg_page_raw(p, (r->flags & DG_SERIES_MONOTONE) != 0 ? "monotone" : "");
    dg_page_raw(p, "</td></tr>");
}

static void flaws_table(struct dg_page *p, const struct dg_report_view *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (!is_flawed(v->unit[i].head)) {
            continue;
        }
        if (n == 0) {
            dg_page_raw(p,
                        "<div class=\"scroll\"><table class=\"list\"><thead><tr>"
                        "<th scope=\"col\">Column</th><th scope=\"col\" class=\"n\">Complete</th>"
                        "<th scope=\"col\" class=\"n\">at worst</th>"
                        "<th scope=\"col\" class=\"n\">Valid</th>"
                        "<th scope=\"col\" class=\"n\">at worst</th>"
                        "<th scope=\"col\">Missing over time</th><th scope=\"col\"></th>"
                        "</tr></thead><tbody>");
        }
        if (n < QUALITY_ROWS) {
            flaw_row(p, v, &v->unit[i]);
        }
        n++;
    }
    if (n == 0) {
        dg_page_raw(p,
                    "<p class=\"none\">Every column was complete and valid in every window.</p>");
        return;
    }
    dg_page_raw(p, "</tbody></table></div>");
    if (n > QUALITY_ROWS) {
        dg_page_format(p, "<p class=\"none\">%zu more columns had missing or invalid values.</p>",
                       n - QUALITY_ROWS);
    }
}

void dg_report_quality_write(struct dg_page *p, const struct dg_report_view *v)
{
    const struct dg_report_model *m = v->model;
    dg_page_raw(p, "<div class=\"tables\">");
    stream_table(p, &m->totals);
    news_table(p, m);
    silence_table(p, m);
    dg_page_raw(p, "</div>");
    flaws_table(p, v);
    if (m->n_sizes > 0) {
        size_t finest = 0;
        for (size_t i = 1; i < m->n_sizes; i++) {
            finest = m->size[i].size_us < m->size[finest].size_us ? i : finest;
        }
        char size[DG_TIME_TEXT];
        dg_page_format(p,
                       "<figure class=\"volume\"><figcaption>Rows per window <small>of %s"
                       "</small></figcaption>",
                       dg_duration_format(m->size[finest].size_us, size));
        dg_svg_volume(p, &m->size[finest]);
        dg_page_raw(p, "</figure>");
    }
}

/* -- method -------------------------------------------------------------------------------- */

static void text_fact(struct dg_page *p, const char *term, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        dg_page_format(p, "<tr><th scope=\"row\">%s</th><td>", term);
        dg_page_name(p, text);
        dg_page_raw(p, "</td></tr>");
    }
}

static void baseline_facts(struct dg_page *p, const struct dg_report_view *v)
{
    static const char *const kind[] = {"a file", "the previous window",
                                       "the time before the window",
                                       "the same time of earlier periods", "another variant"};
    const struct dg_monitor *monitor = v->model->run.monitor;
    for (size_t i = 0; i < monitor->n_baselines; i++) {
        const struct dg_baseline_spec *b = &monitor->baseline[i];
        dg_page_raw(p, "<tr><th scope=\"row\">baseline ");
        dg_page_name(p, b->name);
        dg_page_format(p, "</th><td>%s", kind[b->kind]);
        for (size_t j = 0; b->kind == DG_BASELINE_FILE && j < v->model->n_tracks; j++) {
            const struct dg_series_row *r = &v->model->track[j].latest;
            if (strcmp(r->baseline, b->name) == 0 && r->baseline_version[0] != '\0') {
                char version[13] = {0};
                strncpy(version, r->baseline_version, sizeof version - 1);
                dg_page_raw(p, ", version ");
                dg_page_name(p, version);
                break;
            }
        }
        dg_page_raw(p, "</td></tr>");
    }
}

static void check_facts(struct dg_page *p, const struct dg_monitor *monitor)
{
    char a[DG_WORD_SIZE];
    for (size_t i = 0; i < monitor->n_checks; i++) {
        const struct dg_check *c = &monitor->check[i];
        dg_page_raw(p, "<tr><th scope=\"row\">check</th><td>");
        dg_page_name(p, c->metric);
        dg_page_raw(p, c->below ? " below" : " above");
        if (c->has_warn) {
            dg_page_format(p, " %s warns", dg_word_real(c->warn, a));
        }
        if (c->has_critical) {
            dg_page_format(p, "%s %s is critical", c->has_warn ? "," : "",
                           dg_word_real(c->critical, a));
        }
        if (c->consecutive > 1) {
            dg_page_format(p, ", for %u evaluations", c->consecutive);
        }
        dg_page_raw(p, "</td></tr>");
    }
}

void dg_report_method_write(struct dg_page *p, const struct dg_report_view *v)
{
    const struct dg_monitor *monitor = v->model->run.monitor;
    const struct dg_drift_rule *rule = &monitor->drift;
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE];
    uint64_t tests = 0;
    for (size_t i = 0; i < v->model->n_tracks; i++) {
        tests += v->model->track[i].windows;
    }
    dg_page_raw(p, "<table class=\"small rules\"><caption>This run</caption><tbody>");
    if (rule->enabled) {
        dg_page_format(
            p,
            "<tr><th scope=\"row\">drift means</th><td>adjusted p \xe2\x89\xa4 %s, and "
            "PSI \xe2\x89\xa5 %s, in %u evaluation%s in a row; at least %s values</td></tr>",
            dg_word_real(rule->q, a), dg_word_real(rule->effect, b), rule->consecutive,
            rule->consecutive == 1 ? "" : "s",
            dg_word_count(rule->min_rows, (char[DG_WORD_SIZE]){0}));
    } else {
        dg_page_raw(p, "<tr><th scope=\"row\">drift rule</th><td>switched off; only the checks "
                       "below judge</td></tr>");
    }
    check_facts(p, monitor);
    dg_page_format(p,
                   "<tr><th scope=\"row\">comparisons</th><td>%zu series, %s tests; false "
                   "discovery rate held at %s within each window</td></tr>",
                   v->model->n_tracks, dg_word_count(tests, a), dg_word_real(rule->q, b));
    baseline_facts(p, v);
    text_fact(p, "inputs", v->model->run.inputs);
    text_fact(p, "run", v->model->run.run);
    text_fact(p, "monitor file", monitor->path);
    text_fact(p, "configuration", monitor->hash);
    dg_page_raw(p, "</tbody></table>");
}
