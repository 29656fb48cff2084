#include "connectors/report_words.h"

#include "engine/timefmt.h"

#include <math.h>
#include <string.h>

const char *dg_words_effect(double psi)
{
    return !(psi >= 0.1) ? "small" : psi < 0.25 ? "moderate" : psi < 1.0 ? "large" : "very large";
}

const char *dg_words_evidence(double p)
{
    return isnan(p)    ? "unknown"
           : p < 1e-6  ? "overwhelming"
           : p < 1e-3  ? "strong"
           : p <= 0.01 ? "fair"
                       : "weak";
}

const char *dg_words_status(enum dg_status s)
{
    switch (s) {
    case DG_STATUS_OK:
        return "ok";
    case DG_STATUS_WARN:
        return "warning";
    case DG_STATUS_DRIFT:
        return "drift";
    case DG_STATUS_INSUFFICIENT:
        return "too few rows";
    case DG_STATUS_NO_REFERENCE:
        return "no reference";
    case DG_STATUS_DEGENERATE:
        return "degenerate";
    }
    return "unknown";
}

const char *dg_words_badness(int badness)
{
    static const char *const words[] = {"not judged", "ok", "recovered", "warning", "drift"};
    return words[badness];
}

const char *dg_words_role(enum dg_role role)
{
    switch (role) {
    case DG_ROLE_FEATURE:
        return "feature";
    case DG_ROLE_SCORE:
        return "score";
    case DG_ROLE_PREDICTION:
        return "prediction";
    case DG_ROLE_LATENCY:
        return "latency";
    }
    return "";
}

void dg_words_unit(struct dg_page *p, const struct dg_report_view *v,
                   const struct dg_report_unit *u)
{
    const struct dg_report_model *m = v->model;
    dg_page_name(p, dg_report_column_name(m, u->column));
    if (m->n_groups < 2) {
        return;
    }
    const char *version = dg_report_string(m, m->group[u->group].version);
    const char *variant = dg_report_string(m, m->group[u->group].variant);
    dg_page_raw(p, " <small class=\"tag\">");
    dg_page_name(p, version);
    if (version[0] != '\0' && variant[0] != '\0') {
        dg_page_raw(p, " \xc2\xb7 ");
    }
    dg_page_name(p, variant);
    dg_page_raw(p, "</small>");
}

void dg_words_comparison(struct dg_page *p, const struct dg_series_row *row)
{
    char size[DG_TIME_TEXT];
    dg_page_format(p, "%s", dg_duration_format(row->window.size_us, size));
    if (row->baseline[0] != '\0') {
        dg_page_raw(p, " vs ");
        dg_page_name(p, row->baseline);
    }
}

void dg_words_bin(struct dg_page *p, const struct dg_contribution *c, enum dg_feature_type type)
{
    char low[DG_WORD_SIZE], high[DG_WORD_SIZE];
    if (type == DG_FEATURE_CATEGORY) {
        dg_page_raw(p, "\xe2\x80\x9c");
        char category[sizeof c->category + 1] = {0}; /* may fill its array to the last byte */
        memcpy(category, c->category, sizeof c->category);
        dg_page_name(p, category);
        dg_page_raw(p, "\xe2\x80\x9d");
    } else if (isinf(c->low) && isinf(c->high)) {
        dg_page_raw(p, "any value");
    } else if (isinf(c->low)) {
        dg_page_format(p, "\xe2\x89\xa4 %s", dg_word_edge(c->high, high));
    } else if (isinf(c->high)) {
        dg_page_format(p, "&gt; %s", dg_word_edge(c->low, low));
    } else {
        dg_page_format(p, "(%s, %s]", dg_word_edge(c->low, low), dg_word_edge(c->high, high));
    }
}

void dg_words_contribution(struct dg_page *p, const struct dg_contribution *c,
                           enum dg_feature_type type)
{
    char from[DG_WORD_SIZE], to[DG_WORD_SIZE];
    if (type == DG_FEATURE_CATEGORY && strncmp(c->category, "(new)", sizeof c->category) == 0) {
        dg_page_raw(p, "the share of categories that the reference does not have");
    } else {
        dg_page_raw(p, "the share of ");
        dg_words_bin(p, c, type);
    }
    dg_page_format(p, " %s from %s to %s", c->current >= c->reference ? "rose" : "fell",
                   dg_word_share(c->reference, from), dg_word_share(c->current, to));
}

/* "income, country and 3 more". */
static void name_list(struct dg_page *p, const struct dg_report_view *v, int badness, size_t limit)
{
    size_t total = 0, said = 0;
    for (size_t i = 0; i < v->n; i++) {
        total += v->unit[i].badness == badness && !v->unit[i].ended;
    }
    for (size_t i = 0; i < v->n && said < limit; i++) {
        if (v->unit[i].badness != badness || v->unit[i].ended) {
            continue;
        }
        const bool last = said + 1 == total;
        dg_page_raw(p, said == 0 ? "" : last ? " and " : ", ");
        dg_words_unit(p, v, &v->unit[i]);
        said++;
    }
    if (total > said) {
        dg_page_format(p, " and %zu more", total - said);
    }
}

static bool is_critical(const struct dg_report_unit *u)
{
    const struct dg_series_row *row = dg_report_tripped(u);
    return row != NULL && row->tripped.severity == DG_CRITICAL;
}

/* "a critical check failed for utilization." Nothing where none did. */
static void failed_list(struct dg_page *p, const struct dg_report_view *v, size_t limit)
{
    size_t said = 0;
    for (size_t i = 0; i < v->n && said < limit; i++) {
        if (is_critical(&v->unit[i])) {
            dg_page_raw(p, said == 0                 ? "a critical check failed for "
                           : said + 1 == v->n_failed ? " and "
                                                     : ", ");
            dg_words_unit(p, v, &v->unit[i]);
            said++;
        }
    }
    if (v->n_failed > said) {
        dg_page_format(p, " and %zu more", v->n_failed - said);
    }
    dg_page_raw(p, said > 0 ? "." : "");
}

void dg_words_failed(struct dg_page *p, const struct dg_report_view *v,
                     const struct dg_report_unit *u, const struct dg_series_row *row)
{
    const struct dg_tripped *t = &row->tripped;
    char value[DG_WORD_SIZE], bound[DG_WORD_SIZE];
    dg_page_raw(p, "<strong>");
    dg_words_unit(p, v, u);
    dg_page_raw(p, "</strong> fails a critical check: ");
    dg_page_text(p, t->check->metric);
    dg_page_format(p, " is <b>%s</b>, %s %s (", dg_word_edge(t->value, value),
                   t->check->below ? "below" : "above", dg_word_edge(t->check->critical, bound));
    dg_words_comparison(p, row);
    dg_page_raw(p, ").");
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

void dg_words_headline(struct dg_page *p, const struct dg_report_view *v)
{
    const size_t n = v->n - v->n_ended;
    const size_t judged = n - v->n_unjudged;
    if (n == 0) {
        dg_page_raw(p, "No column was evaluated.");
    } else if (judged == 0) {
        dg_page_format(p, "None of %zu column%s could be judged.", n, plural(n));
    } else if (v->n_drift > 0) {
        dg_page_format(p, "%zu of %zu column%s drifted: ", v->n_drift, judged, plural(judged));
        name_list(p, v, 4, 4);
        dg_page_raw(p, v->n_failed > 0 ? "; " : ".");
        failed_list(p, v, 4);
    } else if (v->n_failed > 0) {
        dg_page_raw(p, "No drift, but ");
        failed_list(p, v, 4);
    } else if (v->n_warn > 0) {
        dg_page_format(p, "No drift; %zu of %zu column%s deserve%s a look: ", v->n_warn, judged,
                       plural(judged), v->n_warn == 1 ? "s" : "");
        name_list(p, v, 3, 4);
        dg_page_raw(p, ".");
    } else {
        dg_page_format(p, "No drift in %zu column%s.", judged, plural(judged));
    }
}

/* How long, in windows: from since to the latest judged window. */
static uint64_t windows_in_drift(const struct dg_report_view *v, const struct dg_report_track *t)
{
    const struct dg_report_size *s = &v->model->size[t->size];
    const int64_t slide = s->slide_us > 0 ? s->slide_us : s->size_us;
    const int64_t span = t->latest.window.end_us - t->latest.since_us;
    return t->latest.since_us == 0 || span < 0 ? 0 : (uint64_t)(span / slide) + 1;
}

void dg_words_drift(struct dg_page *p, const struct dg_report_view *v,
                    const struct dg_report_unit *u)
{
    const struct dg_series_row *r = &u->head->latest;
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE], c[DG_WORD_SIZE], size[DG_TIME_TEXT];
    dg_page_raw(p, "<strong>");
    dg_words_unit(p, v, u);
    dg_page_raw(p, "</strong> ");
    if (r->since_us != 0) {
        dg_page_format(p, "since <b>%s</b> (%llu window%s of %s)", dg_word_time(r->since_us, a),
                       (unsigned long long)windows_in_drift(v, u->head),
                       plural((size_t)windows_in_drift(v, u->head)),
                       dg_duration_format(r->window.size_us, size));
    }
    if (r->baseline[0] != '\0') {
        dg_page_raw(p, " against ");
        dg_page_name(p, r->baseline);
    }
    dg_page_format(p, ". How bad: <b>%s</b>, PSI %s", dg_words_effect(r->drift.psi_adjusted),
                   dg_word_fixed(r->drift.psi_adjusted, a));
    if (!isnan(r->drift.psi_low)) {
        dg_page_format(p, " (95 %% interval %s to %s)", dg_word_fixed(r->drift.psi_low, b),
                       dg_word_fixed(r->drift.psi_high, c));
    }
    dg_page_format(p, ". How sure: <b>%s evidence</b>, adjusted p %s from %s values.",
                   dg_words_evidence(r->p_adjusted), dg_word_p(r->p_adjusted, a),
                   dg_word_count(r->n, b));
    if (r->n_top > 0) {
        dg_page_raw(p, " Most of it: ");
        dg_words_contribution(p, &r->top[0], r->type);
        dg_page_raw(p, ".");
    }
}

size_t dg_words_flags(struct dg_page *p, unsigned flags)
{
    static const struct {
        unsigned bit;
        const char *words;
    } sentence[] = {
        {DG_FLAG_DEGENERATE, "The reference has a single value or no spread, so distances in its "
                             "standard deviations are undefined."},
        {DG_FLAG_ATOMS, "One value is very frequent; a chi-square test stands in for "
                        "Anderson-Darling."},
        {DG_FLAG_POOLED, "Bins with few expected values were pooled before testing."},
        {DG_FLAG_NUMERIC, "A p-value could not be computed."},
        {DG_FLAG_SKETCHED, "The bins come from a quantile sketch of earlier windows, not from a "
                           "baseline file."},
        {DG_SERIES_CONSTANT, "The column has one value only."},
        {DG_SERIES_MONOTONE, "The values only grow or only fall: this looks like an id or a clock, "
                             "and will always drift."},
        {DG_SERIES_VANISHED, "No record of the window has this field any more."},
        {DG_SERIES_SKETCH_OVERFLOW, "The quantile sketch was full and became coarser."},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof sentence / sizeof sentence[0]; i++) {
        if ((flags & sentence[i].bit) != 0) {
            dg_page_format(p, "<li>%s</li>", sentence[i].words);
            n++;
        }
    }
    return n;
}
