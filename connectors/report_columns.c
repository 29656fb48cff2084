#include "connectors/report_page.h"
#include "connectors/report_svg.h"
#include "connectors/report_words.h"
#include "engine/timefmt.h"

#include <math.h>
#include <string.h>

/* What fits into a page of 400 kB depends on how many units share it. */
#define ALL_FULL   24  /* up to so many units each have everything */
#define FULL_UNITS 6   /* beyond, so many of the worst, if they are worse than ok */
#define SOME_UNITS 12  /* then so many have less; the rest have two charts */
#define PANELS     300 /* units with a panel at all */

enum detail { DETAIL_ROW, DETAIL_PLAIN, DETAIL_SOME, DETAIL_FULL };

static enum detail detail_of(const struct dg_report_view *v, size_t at)
{
    const bool worse = v->unit[at].badness >= 2;
    if (v->n <= ALL_FULL || (worse && at < FULL_UNITS)) {
        return DETAIL_FULL;
    }
    return worse && at < SOME_UNITS ? DETAIL_SOME : at < PANELS ? DETAIL_PLAIN : DETAIL_ROW;
}

static size_t chart_points(const struct dg_report_view *v, enum detail detail)
{
    return v->n <= ALL_FULL ? 240 : detail == DETAIL_FULL ? 100 : 36;
}

static size_t spark_points(const struct dg_report_view *v)
{
    return v->n <= ALL_FULL ? 60 : 30;
}

static uint32_t thinned_stride(const struct dg_report_track *t, size_t limit, uint32_t stride)
{
    const uint32_t span = t->n_points == 0 ? 1 : t->point[t->n_points - 1].ordinal + 1;
    const uint32_t own = (uint32_t)((span + limit - 1) / limit);
    return own > stride ? own : stride;
}

static struct dg_report_axis axis_of(const struct dg_report_view *v,
                                     const struct dg_report_track *t, size_t limit)
{
    const struct dg_report_size *s = &v->model->size[t->size];
    const struct dg_drift_rule *rule = &v->model->run.monitor->drift;
    return (struct dg_report_axis){s->first_us, s->last_us, thinned_stride(t, limit, s->stride),
                                   rule->enabled ? rule->effect : (double)NAN};
}

/* -- the table ----------------------------------------------------------------------------- */

static void number_cell(struct dg_page *p, const char *text)
{
    dg_page_format(p, "<td>%s</td>", text);
}

static void name_cell(struct dg_page *p, const struct dg_report_view *v, size_t at, bool panel)
{
    const struct dg_report_unit *u = &v->unit[at];
    const struct dg_series_row *r = &u->head->latest;
    dg_page_raw(p, "<th scope=\"row\">");
    dg_page_raw(p, panel ? "<details><summary>" : "<span class=\"plain\">");
    dg_words_unit(p, v, u);
    dg_page_raw(p, panel ? "</summary></details>" : "</span>");
    dg_page_format(p, "<small>%s%s%s</small></th>",
                   r->type == DG_FEATURE_NUMERIC ? "numeric" : "category",
                   r->role == DG_ROLE_FEATURE ? "" : " \xc2\xb7 ",
                   r->role == DG_ROLE_FEATURE ? "" : dg_words_role(r->role));
}

static void status_cell(struct dg_page *p, const struct dg_report_unit *u)
{
    const struct dg_series_row *r = &u->head->latest, *tripped = dg_report_tripped(u);
    dg_page_raw(p, "<td>");
    dg_report_badge(p, dg_report_badness_class(u->badness),
                    u->badness == 0 ? dg_words_status(r->status) : dg_words_badness(u->badness));
    if (u->ended) {
        dg_page_raw(p, "<small>ended</small>");
    } else if (tripped != NULL) {
        dg_page_format(p, "<small>%s: ",
                       tripped->tripped.severity == DG_CRITICAL ? "critical check" : "check");
        dg_page_text(p, tripped->tripped.check->metric);
        dg_page_raw(p, "</small>");
    }
    dg_page_raw(p, "</td>");
}

static void since_cell(struct dg_page *p, const struct dg_report_unit *u)
{
    const struct dg_series_row *r = &u->head->latest;
    char buf[DG_WORD_SIZE];
    dg_page_raw(p, "<td>");
    if (u->badness == 4 && r->since_us != 0) {
        dg_page_raw(p, dg_word_time(r->since_us, buf));
    } else if (u->badness == 2) {
        dg_page_format(p, "until %s", dg_word_time(u->head->last_drift_us, buf));
    } else {
        dg_page_raw(p, "\xe2\x80\x93");
    }
    dg_page_raw(p, "<small>");
    dg_words_comparison(p, r);
    dg_page_raw(p, "</small></td>");
}

static void statistic_cells(struct dg_page *p, const struct dg_series_row *r)
{
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE];
    dg_page_format(p, "<td><b>%s</b>", dg_word_fixed(r->drift.psi_adjusted, a));
    if (!isnan(r->drift.psi_low)) {
        dg_page_format(p, "<small>%s\xe2\x80\x93%s</small>", dg_word_fixed(r->drift.psi_low, a),
                       dg_word_fixed(r->drift.psi_high, b));
    }
    dg_page_raw(p, "</td>");
    number_cell(p, dg_word_fixed(r->drift.ks, a));
    number_cell(p, dg_word_fixed(r->drift.w1_normed, a));
    number_cell(p, dg_word_fixed(r->drift.js, a));
    number_cell(p, dg_word_p(r->p_adjusted, a));
    number_cell(p, dg_word_share(dg_report_missing(r), a));
}

static void table_row(struct dg_page *p, const struct dg_report_view *v, size_t at)
{
    const struct dg_report_unit *u = &v->unit[at];
    const struct dg_series_row *r = &u->head->latest;
    dg_page_format(p, "<tr class=\"f\" data-s=\"%s\">", dg_report_badness_class(u->badness));
    name_cell(p, v, at, detail_of(v, at) != DETAIL_ROW);
    status_cell(p, u);
    since_cell(p, u);
    statistic_cells(p, r);
    dg_page_raw(p, "<td>");
    if (r->n_spark > 0) {
        dg_svg_pair(p, r->spark_reference, r->spark_current, r->n_spark);
    }
    dg_page_raw(p, "</td><td>");
    struct dg_report_point point[DG_REPORT_POINTS];
    const size_t n = dg_report_thin(u->head, spark_points(v), point);
    const struct dg_report_axis axis = axis_of(v, u->head, spark_points(v));
    dg_svg_spark(p, &axis, point, n);
    dg_page_raw(p, "</td></tr>");
}

/* -- the panel of a unit ------------------------------------------------------------------- */

static void measures_row(struct dg_page *p, const char *name, const double value[], size_t n)
{
    char buf[DG_WORD_SIZE];
    dg_page_format(p, "<tr><th scope=\"row\">%s</th>", name);
    for (size_t i = 0; i < n; i++) {
        dg_page_format(p, "<td>%s</td>", dg_word_real(value[i], buf));
    }
    dg_page_raw(p, "</tr>");
}

static void moments_table(struct dg_page *p, const struct dg_series_row *r)
{
    static const char *const head[] = {"count",  "mean", "sd",   "min", "5 %",      "25 %",
                                       "median", "75 %", "95 %", "max", "skewness", "kurtosis"};
    const double now[] = {(double)r->n,
                          r->mean,
                          r->sd,
                          r->min,
                          r->quantile[dg_report_band[0]],
                          r->quantile[dg_report_band[1]],
                          r->quantile[dg_report_band[2]],
                          r->quantile[dg_report_band[3]],
                          r->quantile[dg_report_band[4]],
                          r->max,
                          r->skewness,
                          r->kurtosis};
    const double then[] = {(double)r->reference_n, r->reference_mean, r->reference_sd};
    const size_t n = r->type == DG_FEATURE_NUMERIC ? sizeof now / sizeof now[0] : 1;
    dg_page_raw(p, "<table class=\"small\"><caption>Values</caption><thead><tr><td></td>");
    for (size_t i = 0; i < n; i++) {
        dg_page_format(p, "<th scope=\"col\">%s</th>", head[i]);
    }
    if (r->type == DG_FEATURE_CATEGORY) {
        dg_page_raw(p, "<th scope=\"col\">distinct</th>");
    }
    dg_page_raw(p, "</tr></thead><tbody>");
    measures_row(p, "reference", then, n < 3 ? n : 3);
    const double categories[] = {(double)r->n, r->distinct};
    measures_row(p, "current", n == 1 ? categories : now, n == 1 ? 2 : n);
    dg_page_raw(p, "</tbody></table>");
}

static void triage_table(struct dg_page *p, const struct dg_series_row *r)
{
    static const char *const words[DG_TRIAGE_KINDS] = {
        "usable", "absent", "null", "NaN", "+Inf", "\xe2\x88\x92Inf", "unparsable", "out of range"};
    uint64_t total = 0;
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        total += r->triage[i];
    }
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE];
    dg_page_raw(p, "<table class=\"small\"><caption>What arrived</caption><tbody>");
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        if (r->triage[i] > 0 || i == DG_FINITE) {
            dg_page_format(
                p, "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td></tr>", words[i],
                dg_word_count(r->triage[i], a),
                dg_word_share(total == 0 ? (double)NAN : (double)r->triage[i] / (double)total, b));
        }
    }
    dg_page_raw(p, "</tbody></table>");
}

static void share_bar(struct dg_page *p, const char *name, double share, double top)
{
    char buf[DG_WORD_SIZE];
    dg_page_format(p, "<td><i class=\"bar %s\" style=\"width:%.0f%%\"></i>%s</td>", name,
                   top > 0 ? fmax(1, 48 * share / top) : 1, dg_word_share(share, buf));
}

static void contributions_table(struct dg_page *p, const struct dg_series_row *r)
{
    if (r->n_top == 0) {
        return;
    }
    double top = 0;
    for (size_t i = 0; i < r->n_top; i++) {
        top = fmax(top, fmax(r->top[i].reference, r->top[i].current));
    }
    char buf[DG_WORD_SIZE];
    dg_page_format(p,
                   "<table class=\"small bars\"><caption>Where it moved most</caption><thead><tr>"
                   "<th scope=\"col\">%s</th><th scope=\"col\">reference</th><th scope=\"col\">"
                   "current</th><th scope=\"col\">PSI</th></tr></thead><tbody>",
                   r->type == DG_FEATURE_CATEGORY ? "category" : "values");
    for (size_t i = 0; i < r->n_top; i++) {
        dg_page_raw(p, "<tr><th scope=\"row\">");
        dg_words_bin(p, &r->top[i], r->type);
        dg_page_raw(p, "</th>");
        share_bar(p, "r", r->top[i].reference, top);
        share_bar(p, "c", r->top[i].current, top);
        dg_page_format(p, "<td>%s</td></tr>", dg_word_fixed(r->top[i].psi, buf));
    }
    dg_page_raw(p, "</tbody></table>");
}

static void comparisons_table(struct dg_page *p, const struct dg_report_unit *u)
{
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE], c[DG_WORD_SIZE], d[DG_WORD_SIZE];
    dg_page_raw(p,
                "<table class=\"small wide\"><caption>Every comparison</caption><thead><tr>"
                "<th scope=\"col\">windows vs baseline</th><th scope=\"col\">status</th>"
                "<th scope=\"col\">PSI</th><th scope=\"col\">KS</th><th scope=\"col\">p adj.</th>"
                "<th scope=\"col\">in drift</th><th scope=\"col\">first</th></tr></thead><tbody>");
    for (size_t i = 0; i < u->n_tracks; i++) {
        const struct dg_report_track *t = u->track[i];
        const struct dg_series_row *r = &t->latest;
        dg_page_raw(p, "<tr><th scope=\"row\">");
        dg_words_comparison(p, r);
        dg_page_format(p, "</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%u of %u</td>",
                       dg_words_status(r->status), dg_word_fixed(r->drift.psi_adjusted, a),
                       dg_word_fixed(r->drift.ks, b), dg_word_p(r->p_adjusted, c), t->drift_windows,
                       t->windows);
        dg_page_format(p, "<td>%s</td></tr>",
                       t->first_drift_us == 0 ? "\xe2\x80\x93"
                                              : dg_word_time(t->first_drift_us, d));
    }
    dg_page_raw(p, "</tbody></table>");
}

static void peaks_table(struct dg_page *p, const struct dg_report_track *t)
{
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE], c[DG_WORD_SIZE], d[DG_WORD_SIZE];
    if (t->n_peaks == 0) {
        return;
    }
    dg_page_raw(p, "<table class=\"small\"><caption>Worst windows</caption><thead><tr>"
                   "<th scope=\"col\">end</th><th scope=\"col\">PSI</th><th scope=\"col\">KS</th>"
                   "<th scope=\"col\">values</th></tr></thead><tbody>");
    for (size_t i = 0; i < t->n_peaks; i++) {
        const struct dg_report_point *k = &t->peak[i];
        dg_page_format(p, "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td><td>%s</td></tr>",
                       dg_word_time(k->end_us, a), dg_word_fixed(k->psi, b),
                       dg_word_fixed(k->ks, c), dg_word_count(k->n, d));
    }
    dg_page_raw(p, "</tbody></table>");
}

static void figure(struct dg_page *p, const char *title, const char *hint)
{
    dg_page_format(p, "<figure><figcaption>%s <small>%s</small></figcaption>", title, hint);
}

static void shares_figure(struct dg_page *p, const struct dg_series_row *r, const char *title)
{
    if (r->n_spark == 0) {
        return;
    }
    char buf[DG_WORD_SIZE];
    figure(p, title, "<i class=\"key r\"></i>reference <i class=\"key c\"></i>current");
    dg_svg_shares(p, r->spark_reference, r->spark_current, r->n_spark);
    dg_page_format(p,
                   "<div class=\"x\"><span>%s</span><span>%s</span><span>%s</span></div></figure>",
                   r->type == DG_FEATURE_NUMERIC ? "low values" : "most frequent",
                   dg_word_time(r->window.end_us, buf),
                   r->type == DG_FEATURE_NUMERIC ? "high values" : "least frequent");
}

static void flags_list(struct dg_page *p, const struct dg_report_track *t)
{
    char buf[DG_WORD_SIZE];
    const unsigned flags = t->latest.flags;
    if (flags == 0 && t->vanished_us == 0) {
        return;
    }
    dg_page_raw(p, "<ul class=\"notes\">");
    dg_words_flags(p, flags);
    if (t->vanished_us != 0) {
        dg_page_format(p, "<li>Missing from every record since %s.</li>",
                       dg_word_time(t->vanished_us, buf));
    }
    dg_page_raw(p, "</ul>");
}

static void figures(struct dg_page *p, const struct dg_report_view *v,
                    const struct dg_report_unit *u, enum detail detail)
{
    const struct dg_report_track *t = u->head;
    const struct dg_series_row *r = &t->latest;
    struct dg_report_point point[DG_REPORT_POINTS];
    const size_t n = dg_report_thin(t, chart_points(v, detail), point);
    const struct dg_report_axis axis = axis_of(v, t, chart_points(v, detail));
    dg_page_raw(p, "<div class=\"figures\">");
    shares_figure(p, r, "Distribution");
    if (detail == DETAIL_FULL && u->badness == 2) {
        shares_figure(p, &t->worst, "At its worst");
    }
    figure(p, "PSI over time",
           detail == DETAIL_PLAIN ? "" : "95 % interval, threshold; drift shaded");
    dg_svg_psi(p, &axis, point, n, detail != DETAIL_PLAIN);
    dg_page_raw(p, "</figure>");
    if (detail == DETAIL_FULL && r->type == DG_FEATURE_NUMERIC) {
        figure(p, "Values over time",
               "median, middle 50 % and 90 %; <i class=\"key k\"></i>reference \xc2\xb1 sd");
        dg_svg_bands(p, &axis, point, n, r->reference_mean, r->reference_sd);
        dg_page_raw(p, "</figure>");
    }
    dg_page_raw(p, "</div>");
}

/* What the tables of a full panel say, in a line. */
static void plain_facts(struct dg_page *p, const struct dg_series_row *r)
{
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE], c[DG_WORD_SIZE];
    dg_page_format(p, "<p>%s values", dg_word_count(r->n, a));
    if (r->type == DG_FEATURE_NUMERIC) {
        dg_page_format(p, ", mean %s (reference %s)", dg_word_real(r->mean, a),
                       dg_word_real(r->reference_mean, b));
        dg_page_format(p, ", sd %s (%s)", dg_word_real(r->sd, a), dg_word_real(r->reference_sd, b));
        dg_page_format(p, ", %s to %s, median %s", dg_word_real(r->min, a), dg_word_real(r->max, b),
                       dg_word_real(r->quantile[dg_report_band[2]], c));
    }
    dg_page_raw(p, ".</p>");
}

static void panel(struct dg_page *p, const struct dg_report_view *v, size_t at)
{
    const struct dg_report_unit *u = &v->unit[at];
    const struct dg_series_row *r = &u->head->latest;
    const enum detail detail = detail_of(v, at);
    dg_page_raw(p, "<tr class=\"p\"><td colspan=\"11\"><div class=\"panel\">");
    if (u->badness == 4 && detail == DETAIL_FULL) {
        dg_page_raw(p, "<p>");
        dg_words_drift(p, v, u);
        dg_page_raw(p, "</p>");
    }
    flags_list(p, u->head);
    figures(p, v, u, detail);
    if (detail == DETAIL_FULL) {
        dg_page_raw(p, "<div class=\"tables\">");
        contributions_table(p, r);
        comparisons_table(p, u);
        triage_table(p, r);
        peaks_table(p, u->head);
        moments_table(p, r);
    } else {
        plain_facts(p, r);
        dg_page_raw(p, "<div class=\"tables\">");
        if (detail == DETAIL_SOME) {
            contributions_table(p, r);
        }
        if (r->n != r->triage[DG_FINITE] || r->completeness < 1 || r->validity < 1) {
            triage_table(p, r);
        }
    }
    dg_page_raw(p, "</div></div></td></tr>");
}

void dg_report_columns_write(struct dg_page *p, const struct dg_report_view *v)
{
    static const char *const head[] = {"Column",
                                       "Status",
                                       "Since",
                                       "PSI<small>95 % interval</small>",
                                       "KS",
                                       "W1/sd",
                                       "JS",
                                       "p adj.",
                                       "Missing",
                                       "Reference<small>and current</small>",
                                       "PSI<small>over time</small>"};
    dg_page_raw(p, "<table class=\"columns\" id=\"table\"><thead><tr>");
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        dg_page_format(p, "<th scope=\"col\"%s>%s</th>", i >= 3 && i <= 8 ? " class=\"n\"" : "",
                       head[i]);
    }
    dg_page_raw(p, "</tr></thead><tbody>");
    for (size_t i = 0; i < v->n; i++) {
        table_row(p, v, i);
        if (detail_of(v, i) != DETAIL_ROW) {
            panel(p, v, i);
        }
    }
    dg_page_raw(p, "</tbody></table>");
}
