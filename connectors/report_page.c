#include "connectors/report_page.h"

#include "connectors/report_json.h"
#include "connectors/report_svg.h"
#include "connectors/report_template.h"
#include "connectors/report_words.h"
#include "engine/timefmt.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

const char *dg_report_badness_class(int badness)
{
    static const char *const name[] = {"u", "o", "b", "w", "d"};
    return name[badness];
}

void dg_report_badge(struct dg_page *p, const char *name, const char *words)
{
    dg_page_format(p, "<span class=\"badge %s\">%s</span>", name, words);
}

static void write_title(struct dg_page *p, const struct dg_report_view *v)
{
    dg_page_text(p, v->model->run.monitor->name == NULL ? "" : v->model->run.monitor->name);
}

static void fact(struct dg_page *p, const char *term, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        dg_page_format(p, "<div><dt>%s</dt><dd>", term);
        dg_page_name(p, text);
        dg_page_raw(p, "</dd></div>");
    }
}

static void write_header(struct dg_page *p, const struct dg_report_view *v)
{
    const struct dg_monitor *monitor = v->model->run.monitor;
    const struct dg_run_totals *t = &v->model->totals;
    char from[DG_WORD_SIZE], to[DG_WORD_SIZE];
    dg_page_raw(p, "<h1>");
    dg_page_name(p, monitor->name == NULL ? "" : monitor->name);
    dg_page_raw(p, "</h1>");
    if (monitor->description != NULL && monitor->description[0] != '\0') {
        dg_page_raw(p, "<p class=\"lead\">");
        dg_page_name(p, monitor->description);
        dg_page_raw(p, "</p>");
    }
    dg_page_raw(p, "<dl class=\"facts\">");
    if (t->first_us != DG_TIME_NONE && t->last_us != DG_TIME_NONE) {
        dg_page_format(p, "<div><dt>Events</dt><dd>%s to %s UTC</dd></div>",
                       dg_word_time(t->first_us, from), dg_word_time(t->last_us, to));
    }
    dg_page_raw(p, "<div><dt>Windows</dt><dd>");
    for (size_t i = 0; i < v->model->n_sizes; i++) {
        const struct dg_report_size *s = &v->model->size[i];
        dg_page_format(p, "%s%u of %s", i == 0 ? "" : ", ", s->windows,
                       dg_duration_format(s->size_us, from));
    }
    dg_page_raw(p, "</dd></div>");
    fact(p, "Owner", monitor->owner);
    fact(p, "Run", v->model->run.run);
    fact(p, "Configuration", monitor->hash);
    dg_page_raw(p, "</dl>");
}

static const char *verdict_class(const struct dg_report_view *v)
{
    return v->n_drift > 0 || v->n_failed > 0    ? "d"
           : v->n_warn > 0                      ? "w"
           : v->n == v->n_unjudged + v->n_ended ? "u"
                                                : "o";
}

static void say_others(struct dg_page *p, const struct dg_report_view *v, int badness,
                       const char *before, const char *after)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct dg_series_row *row = dg_report_tripped(&v->unit[i]);
        const bool told = badness == 3 && row != NULL && row->tripped.severity == DG_CRITICAL;
        if (v->unit[i].badness != badness || v->unit[i].ended || told) {
            continue;
        }
        if (n == 6) {
            dg_page_raw(p, " \xe2\x80\xa6");
            break;
        }
        dg_page_raw(p, n == 0 ? before : ", ");
        dg_words_unit(p, v, &v->unit[i]);
        n++;
    }
    dg_page_raw(p, n > 0 ? after : "");
}

/* What else is wrong with the stream, in a line. */
static void say_stream(struct dg_page *p, const struct dg_report_view *v)
{
    const struct dg_run_totals *t = &v->model->totals;
    uint64_t bad = 0;
    for (size_t i = DG_GOOD + 1; i < DG_REASONS; i++) {
        bad += t->bad[i];
    }
    char count[DG_WORD_SIZE], share[DG_WORD_SIZE];
    if (bad > 0 && t->records > 0) {
        dg_page_format(
            p, "<li>%s of the records (%s) could not be read. <a href=\"#quality\">Why</a></li>",
            dg_word_share((double)bad / (double)t->records, share), dg_word_count(bad, count));
    }
    for (size_t i = 0; i < v->model->n_sizes; i++) {
        const struct dg_report_size *s = &v->model->size[i];
        if (s->silent_windows > 0) {
            dg_page_format(p, "<li>%u of %u windows of %s had no rows at all.</li>",
                           s->silent_windows, s->windows, dg_duration_format(s->size_us, count));
        }
    }
    if (v->model->n_news > 0) {
        dg_page_format(p, "<li>%zu field%s that the configuration does not know appeared.</li>",
                       v->model->n_news, v->model->n_news == 1 ? "" : "s");
    }
}

static void say_failed(struct dg_page *p, const struct dg_report_view *v)
{
    size_t said = 0;
    for (size_t i = 0; i < v->n && said < 6; i++) {
        const struct dg_series_row *row = dg_report_tripped(&v->unit[i]);
        if (row != NULL && row->tripped.severity == DG_CRITICAL) {
            dg_page_raw(p, "<li>");
            dg_words_failed(p, v, &v->unit[i], row);
            dg_page_raw(p, "</li>");
            said++;
        }
    }
}

static void write_verdict(struct dg_page *p, const struct dg_report_view *v)
{
    const char *name = verdict_class(v);
    dg_page_format(p, "<section class=\"verdict %s\" id=\"verdict\"><h2>", name);
    dg_words_headline(p, v);
    dg_page_raw(p, "</h2>");
    size_t said = 0;
    dg_page_raw(p, "<ul>");
    for (size_t i = 0; i < v->n && said < 6; i++) {
        if (v->unit[i].badness == 4 && !v->unit[i].ended) {
            dg_page_raw(p, "<li>");
            dg_words_drift(p, v, &v->unit[i]);
            dg_page_raw(p, "</li>");
            said++;
        }
    }
    if (v->n_drift > said) {
        dg_page_format(p, "<li>and %zu more, in the <a href=\"#columns\">table</a>.</li>",
                       v->n_drift - said);
    }
    say_failed(p, v);
    if (v->n_drift > 0 || v->n_failed > 0) {
        say_others(p, v, 3, "<li>Also worth a look: ", ".</li>");
    }
    say_others(p, v, 2, "<li>Drifted earlier and recovered: ", ".</li>");
    if (v->n_unjudged > 0) {
        say_others(p, v, 0, "<li>Not judged (too few rows, or no reference): ", ".</li>");
    }
    say_stream(p, v);
    dg_page_raw(p, "</ul></section>");
}

static void tile(struct dg_page *p, const char *value, const char *of, const char *label)
{
    dg_page_format(p, "<div><b>%s</b><small>%s</small><span>%s</span></div>", value, of, label);
}

static void write_tiles(struct dg_page *p, const struct dg_report_view *v)
{
    const struct dg_run_totals *t = &v->model->totals;
    char a[DG_WORD_SIZE], b[DG_WORD_SIZE + 4];
    uint64_t bad = 0, windows = 0, drift = 0;
    for (size_t i = DG_GOOD + 1; i < DG_REASONS; i++) {
        bad += t->bad[i];
    }
    for (size_t i = 0; i < v->model->n_sizes; i++) {
        windows += v->model->size[i].windows;
        drift += v->model->size[i].drift_windows;
    }
    dg_page_raw(p, "<div class=\"tiles\">");
    snprintf(a, sizeof a, "%zu", v->n_drift);
    snprintf(b, sizeof b, "of %zu", v->n - v->n_ended);
    tile(p, a, b, "columns in drift");
    snprintf(a, sizeof a, "%zu", v->n_warn);
    tile(p, a, "", "with warnings");
    snprintf(a, sizeof a, "%llu", (unsigned long long)drift);
    snprintf(b, sizeof b, "of %llu", (unsigned long long)windows);
    tile(p, a, b, "windows with drift");
    tile(p, dg_word_count(t->rows, a), "", "rows");
    tile(p, dg_word_share(t->records == 0 ? 0 : (double)bad / (double)t->records, a), "",
         "unreadable records");
    dg_page_raw(p, "</div>");
}

#define LANES 8 /* columns shown below each timeline */

static void write_ticks(struct dg_page *p, const struct dg_report_size *s)
{
    const int64_t slide = s->slide_us > 0 ? s->slide_us : s->size_us;
    const int64_t first = s->first_us - slide, span = s->last_us - first;
    char buf[DG_WORD_SIZE];
    dg_page_raw(p, "<span></span><div class=\"ticks\">");
    for (int i = 0; i <= 4; i++) {
        dg_page_format(p, "<span>%s</span>", dg_word_tick(first + span / 4 * i, span, buf));
    }
    dg_page_raw(p, "</div>");
}

/* The track of a unit at a resolution with the most drift. */
static const struct dg_report_track *lane_track(const struct dg_report_unit *u, uint32_t size)
{
    const struct dg_report_track *best = NULL;
    for (size_t i = 0; i < u->n_tracks; i++) {
        const struct dg_report_track *t = u->track[i];
        if (t->size == size && (best == NULL || t->drift_windows > best->drift_windows)) {
            best = t;
        }
    }
    return best;
}

static void write_timeline(struct dg_page *p, const struct dg_report_view *v)
{
    char size[DG_TIME_TEXT], slide[DG_TIME_TEXT];
    for (size_t i = 0; i < v->model->n_sizes; i++) {
        const struct dg_report_size *s = &v->model->size[i];
        dg_page_format(p, "<h3>Windows of %s", dg_duration_format(s->size_us, size));
        if (s->slide_us > 0 && s->slide_us != s->size_us) {
            dg_page_format(p, ", every %s", dg_duration_format(s->slide_us, slide));
        }
        dg_page_format(p, " <small>%u with drift, %u with warnings, of %u</small></h3>",
                       s->drift_windows, s->warn_windows, s->windows);
        dg_page_raw(p, "<div class=\"lanes\"><span>All columns</span>");
        dg_svg_strip(p, s);
        size_t lanes = 0;
        for (size_t j = 0; j < v->n && lanes < LANES; j++) {
            const struct dg_report_track *t = lane_track(&v->unit[j], (uint32_t)i);
            if (t == NULL || v->unit[j].badness < 2) {
                continue;
            }
            dg_page_raw(p, "<span>");
            dg_words_unit(p, v, &v->unit[j]);
            dg_page_raw(p, "</span>");
            dg_svg_lane(p, s, t);
            lanes++;
        }
        write_ticks(p, s);
        dg_page_raw(p, "</div>");
    }
}

static void write_footer(struct dg_page *p, const struct dg_report_view *v)
{
    dg_page_raw(p, "driftgauge " DG_VERSION);
    if (v->generated_at != NULL) {
        dg_page_raw(p, " \xc2\xb7 generated ");
        dg_page_text(p, v->generated_at);
    }
    if (v->model->dropped > 0) {
        char buf[DG_WORD_SIZE];
        dg_page_format(p, " \xc2\xb7 %s result rows beyond the report's limits are not shown",
                       dg_word_count(v->model->dropped, buf));
    }
}

static void write_style(struct dg_page *p, const struct dg_report_view *v)
{
    (void)v;
    dg_page_bytes(p, dg_report_style, dg_report_style_size);
}

static void write_script(struct dg_page *p, const struct dg_report_view *v)
{
    (void)v;
    dg_page_bytes(p, dg_report_script, dg_report_script_size);
}

/* The page's policy allows this script and no other, whatever a name may smuggle in. */
static void write_script_hash(struct dg_page *p, const struct dg_report_view *v)
{
    (void)v;
    unsigned char digest[EVP_MAX_MD_SIZE], base64[EVP_MAX_MD_SIZE * 2];
    unsigned n = 0;
    if (EVP_Digest(dg_report_script, dg_report_script_size, digest, &n, EVP_sha256(), NULL) == 1) {
        const int len = EVP_EncodeBlock(base64, digest, (int)n);
        dg_page_bytes(p, (const char *)base64, (size_t)len);
    }
}

static void write_json(struct dg_page *p, const struct dg_report_view *v)
{
    dg_report_json_write(p, v, false);
}

static const struct {
    const char *name;
    void (*write)(struct dg_page *p, const struct dg_report_view *v);
} part[] = {
    {"title", write_title},
    {"style", write_style},
    {"header", write_header},
    {"verdict", write_verdict},
    {"tiles", write_tiles},
    {"timeline", write_timeline},
    {"columns", dg_report_columns_write},
    {"segments", dg_report_segments_write},
    {"quality", dg_report_quality_write},
    {"method", dg_report_method_write},
    {"footer", write_footer},
    {"json", write_json},
    {"script", write_script},
    {"script-hash", write_script_hash},
};

static void write_part(struct dg_page *p, const struct dg_report_view *v, const char *name,
                       size_t len)
{
    bool known = false;
    for (size_t i = 0; i < sizeof part / sizeof part[0] && !known; i++) {
        known = strlen(part[i].name) == len && memcmp(part[i].name, name, len) == 0;
        if (known) {
            part[i].write(p, v);
        }
    }
    DG_ASSERT(known); /* the template names a part that is not in the table */
}

void dg_report_page_write(struct dg_page *p, const struct dg_report_view *v)
{
    const char *at = dg_report_skeleton, *const end = at + dg_report_skeleton_size;
    while (at < end) {
        const char *open = memmem(at, (size_t)(end - at), "{{", 2);
        if (open == NULL) {
            dg_page_bytes(p, at, (size_t)(end - at));
            return;
        }
        dg_page_bytes(p, at, (size_t)(open - at));
        const char *name = open + 2;
        const char *close = memmem(name, (size_t)(end - name), "}}", 2);
        DG_ASSERT(close != NULL);
        write_part(p, v, name, (size_t)(close - name));
        at = close + 2;
    }
}
