/* tests/unit/test_report.c -- does the report keep what matters of a run, in bounded memory, and
 * write the same bytes for the same rows? Method: sample runs through the sink's own calls; numbers
 * expected here follow from the rows told, not from the report's code. What the page looks like to
 * a parser is checked by check_report.py. */
#include "connectors/report_html.h"
#include "connectors/report_index.h"
#include "connectors/report_model.h"
#include "connectors/report_path.h"
#include "connectors/report_text.h"
#include "connectors/report_view.h"
#include "connectors/report_words.h"
#include "tests/check.h"
#include "tests/support/sample_rows.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR (INT64_C(3600) * DG_US_PER_S)

static struct dg_error err;

static const char *place(const char *name)
{
    static char path[4][256];
    static int at;
    const char *dir = getenv("TMPDIR");
    char *buf = path[at++ % 4];
    snprintf(buf, sizeof path[0], "%s/dg_report_%ld_%s", dir == NULL ? "/tmp" : dir, (long)getpid(),
             name);
    return buf;
}

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    *n = 0;
    if (f == NULL) {
        return NULL;
    }
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *data = malloc(*n + 1);
    CHECK(fread(data, 1, *n, f) == *n);
    data[*n] = '\0';
    fclose(f);
    return data;
}

/* -- text ---------------------------------------------------------------------------------- */

static void check_page(struct dg_page *p, const char *want)
{
    dg_page_bytes(p, "", 1);
    CHECK_STR(p->data, want);
    dg_page_deinit(p);
}

static void markup_in_a_name_becomes_text(void)
{
    struct dg_page p = {0};
    dg_page_text(&p, "<b a='x' c=\"y\">&amp;</b>");
    check_page(&p, "&lt;b a=&#39;x&#39; c=&quot;y&quot;&gt;&amp;amp;&lt;/b&gt;");
}

static void bytes_that_are_not_text_become_replacement_characters(void)
{
    struct dg_page p = {0};
    dg_page_text(&p, "a\xff"
                     "b\xc0\xaf"
                     "c\xed\xa0\x80"
                     "d\x01\x7f\xc2\x85"
                     "e\xe4\xbd\xa0\xe2\x82");
    check_page(&p, "a\xef\xbf\xbd"
                   "b\xef\xbf\xbd\xef\xbf\xbd"
                   "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                   "d\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                   "e\xe4\xbd\xa0\xef\xbf\xbd\xef\xbf\xbd");
}

static void a_name_cannot_turn_the_writing_around(void)
{
    struct dg_page p = {0};
    dg_page_name(&p, "\xe2\x80\xae"
                     "live\xe2\x81\xa7.");
    check_page(&p, "<bdi>\xef\xbf\xbd"
                   "live\xef\xbf\xbd.</bdi>");
}

static void json_text_cannot_close_its_script_element(void)
{
    struct dg_page p = {0};
    dg_page_json_text(&p, "</script><!-- \"\\\n\xe2\x80\xa8&");
    check_page(&p, "\"\\u003c/script\\u003e\\u003c!-- \\\"\\\\\\u000a\\u2028\\u0026\"");
}

static void a_json_number_has_12_digits_as_in_every_output(void)
{
    const double number[] = {0.1, 1e-300, 123456789012.25, -0.30000000000000004, (double)INFINITY};
    static const char *const want[] = {"0.1", "1e-300", "123456789012", "-0.3", "null"};
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
        struct dg_page p = {0};
        dg_page_json_real(&p, number[i]);
        check_page(&p, want[i]);
    }
}

static void numbers_are_short_for_people(void)
{
    char buf[DG_WORD_SIZE];
    CHECK_STR(dg_word_real(48211.4, buf), "48,211");
    CHECK_STR(dg_word_real(-1234.6, buf), "-1,235");
    CHECK_STR(dg_word_real(0.03117, buf), "0.0312");
    CHECK_STR(dg_word_real(3.2e9, buf), "3.2e+09");
    CHECK_STR(dg_word_real((double)NAN, buf), "\xe2\x80\x93");
    CHECK_STR(dg_word_real(-INFINITY, buf), "\xe2\x88\x92\xe2\x88\x9e");
    CHECK_STR(dg_word_edge(-121.3449, buf), "-121.3");
    CHECK_STR(dg_word_edge(70384.4, buf), "70,384");
    CHECK_STR(dg_word_fixed(0.0004, buf), "&lt;0.001");
    CHECK_STR(dg_word_fixed(0.4517, buf), "0.452");
    CHECK_STR(dg_word_p(0.0342, buf), "0.034");
    CHECK_STR(dg_word_p(2.31e-14, buf), "2e-14");
    CHECK_STR(dg_word_p(1e-300, buf), "&lt;1e-300");
    CHECK_STR(dg_word_share(0.0312, buf), "3.1 %");
    CHECK_STR(dg_word_share(0.00002, buf), "&lt;0.01 %");
    CHECK_STR(dg_word_share(0.99987, buf), "99.99 %");
    CHECK_STR(dg_word_count(1204332, buf), "1,204,332");
}

static void times_are_utc(void)
{
    char buf[DG_WORD_SIZE];
    CHECK_STR(dg_word_time(INT64_C(1793750400) * DG_US_PER_S, buf), "2026-11-04 00:00");
    CHECK_STR(dg_word_time(-1, buf), "1969-12-31 23:59:59");
    CHECK_STR(dg_word_tick(INT64_C(1793923500) * DG_US_PER_S, 20 * 24 * HOUR, buf), "6 Nov 00:05");
    CHECK_STR(dg_word_tick(INT64_C(1793923500) * DG_US_PER_S, 21 * 24 * HOUR, buf), "6 Nov 2026");
}

static void a_path_collects_flat_steps(void)
{
    struct dg_page p = {0};
    struct dg_path path = dg_path_begin(&p, "l");
    dg_path_move(&path, 3, 20);
    dg_path_line(&path, 5, 20);
    dg_path_line(&path, 9, 20);
    dg_path_line(&path, 12, 18);
    dg_path_line(&path, 14, 19);
    dg_path_line(&path, 14, 25);
    dg_path_move(&path, 20, 4);
    dg_path_line(&path, 25, 4);
    dg_path_end(&path);
    check_page(&p, "<path class=\"l\" d=\"M3 20h6l3-2 2 1v6m6-21h5\"/>");
}

/* -- index --------------------------------------------------------------------------------- */

static void strings_are_numbered_once_and_bounded(void)
{
    struct dg_report_strings *s = dg_report_strings_new(1000);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 1000; i++) {
            char text[16];
            snprintf(text, sizeof text, "s%u", i * 7919);
            uint32_t id = UINT32_MAX;
            CHECK_INT(dg_report_strings_add(s, text, &id), 0);
            CHECK_INT(id, i);
        }
    }
    uint32_t more = 0, again = 0;
    CHECK_INT(dg_report_strings_add(s, "one too many", &more), 0);
    CHECK_INT(dg_report_strings_add(s, "and another", &again), 0);
    CHECK_STR(dg_report_strings_get(s, more), "(more)");
    CHECK_INT(more, again);
    dg_report_strings_free(s);
}

static void keys_are_found_again(void)
{
    struct dg_report_index *x = dg_report_index_new();
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t at = 0;
        CHECK_INT(dg_report_index_put(x, &(struct dg_report_key){{i % 3, i, i * i, 0, 1}}, i, &at),
                  0);
        CHECK_INT(at, i);
    }
    uint32_t at = 0;
    CHECK(dg_report_index_get(x, &(struct dg_report_key){{2, 1001, 1002001, 0, 1}}, &at));
    CHECK_INT(at, 1001);
    CHECK(!dg_report_index_get(x, &(struct dg_report_key){{1, 1001, 1002001, 0, 1}}, &at));
    dg_report_index_free(x);
}

/* -- model --------------------------------------------------------------------------------- */

/* One column, one window an hour; psi and status of window i are the caller's. */
static struct dg_monitor plain_monitor(struct dg_window_spec *window)
{
    static char name[] = "plain", hash[] = "0123456789abcdef";
    *window = (struct dg_window_spec){HOUR, HOUR};
    return (struct dg_monitor){.name = name,
                               .hash = hash,
                               .window = window,
                               .n_windows = 1,
                               .drift = {true, 0.01, 0.1, 3, 200}};
}

struct told {
    const char *column;
    double psi;
    enum dg_status status;
};

static void tell_all(struct dg_report_model *m, uint32_t i, const struct told told[], size_t n)
{
    const struct dg_window_id w = {"plain", "0123456789abcdef", HOUR, HOUR * i, HOUR * (i + 1)};
    CHECK_INT(dg_report_model_begin(m, &w), 0);
    for (size_t j = 0; j < n; j++) {
        struct dg_series_row row = {.window = w,
                                    .slice = {"", "", "all"},
                                    .column = told[j].column,
                                    .importance = 1,
                                    .baseline = "training",
                                    .baseline_version = "",
                                    .n = 1000 + i,
                                    .completeness = 0.875,
                                    .validity = 1,
                                    .status = told[j].status,
                                    .since_us = told[j].status == DG_STATUS_DRIFT ? HOUR * 7 : 0};
        row.drift.psi_adjusted = told[j].psi;
        row.triage[DG_FINITE] = 1000 + i;
        CHECK_INT(dg_report_model_series(m, &row), 0);
    }
    CHECK_INT(dg_report_model_end(m), 0);
}

static void tell(struct dg_report_model *m, uint32_t i, const char *column, double psi,
                 enum dg_status status)
{
    tell_all(m, i, &(struct told){column, psi, status}, 1);
}

static void thinning_keeps_every_extreme(void)
{
    struct dg_window_spec window;
    const struct dg_monitor monitor = plain_monitor(&window);
    const struct dg_run_info run = {"", &monitor, "none"};
    struct dg_report_model m;
    dg_report_model_init(&m);
    CHECK_INT(dg_report_model_open(&m, &run), 0);
    for (uint32_t i = 0; i < 3001; i++) {
        const bool spike = i == 17 || i == 1234 || i == 2999;
        tell(&m, i, "x", spike ? 0.4 + i * 1e-5 : 0.01, spike ? DG_STATUS_DRIFT : DG_STATUS_OK);
    }
    CHECK_INT(m.n_tracks, 1);
    const struct dg_report_track *t = &m.track[0];
    CHECK(t->n_points <= DG_REPORT_POINTS);
    CHECK_INT(m.size[0].stride, 8);
    CHECK_INT(t->n_points, (3001 + 7) / 8);
    size_t spikes = 0;
    for (size_t i = 0; i < t->n_points; i++) {
        spikes += t->point[i].status == DG_STATUS_DRIFT;
        CHECK(i == 0 || t->point[i].ordinal > t->point[i - 1].ordinal);
        CHECK_INT(t->point[i].end_us, HOUR * (t->point[i].ordinal + 1));
    }
    CHECK_INT(spikes, 3);
    CHECK_INT(t->n_peaks, DG_REPORT_WORST);
    CHECK_INT(t->peak[0].ordinal, 2999);
    CHECK_INT(t->peak[2].ordinal, 17);
    CHECK_INT(t->windows, 3001);
    CHECK_INT(t->drift_windows, 3);
    CHECK_INT(t->episodes, 3);
    CHECK_INT(t->first_drift_us, 18 * HOUR);
    CHECK_INT(t->worst.n, 1000 + 2999);
    CHECK_INT(t->latest.n, 1000 + 3000);
    CHECK_INT(m.size[0].drift_windows, 3);
    CHECK_INT(dg_report_badness(t), 2);
    struct dg_report_point few[DG_REPORT_POINTS];
    const size_t n = dg_report_thin(t, 30, few);
    CHECK(n <= 30);
    CHECK_INT(few[n - 1].ordinal, 2999);
    dg_report_model_deinit(&m);
}

static void the_verdict_is_of_the_last_window_that_was_judged(void)
{
    struct dg_window_spec window;
    const struct dg_monitor monitor = plain_monitor(&window);
    const struct dg_run_info run = {"", &monitor, "none"};
    struct dg_report_model m;
    dg_report_model_init(&m);
    CHECK_INT(dg_report_model_open(&m, &run), 0);
    tell(&m, 0, "x", 0.01, DG_STATUS_INSUFFICIENT);
    CHECK_INT(dg_report_badness(&m.track[0]), 0);
    tell(&m, 1, "x", 0.02, DG_STATUS_OK);
    CHECK_INT(dg_report_badness(&m.track[0]), 1);
    tell(&m, 2, "x", 0.31, DG_STATUS_DRIFT);
    tell(&m, 3, "x", 0.72, DG_STATUS_INSUFFICIENT);
    CHECK_INT(dg_report_badness(&m.track[0]), 4);
    CHECK_INT(m.track[0].latest.n, 1002);
    CHECK_REL(m.track[0].worst.drift.psi_adjusted, 0.31, 0);
    dg_report_model_deinit(&m);
}

static void a_critical_check_is_named_in_the_verdict(void)
{
    struct dg_window_spec window;
    static char missing[] = "missing";
    const struct dg_check check = {.metric = missing, .has_critical = true, .critical = 0.15};
    const struct dg_monitor monitor = plain_monitor(&window);
    const struct dg_run_info run = {"", &monitor, "none"};
    struct dg_report_model m;
    dg_report_model_init(&m);
    CHECK_INT(dg_report_model_open(&m, &run), 0);
    const struct dg_window_id w = {"plain", "0123456789abcdef", HOUR, 0, HOUR};
    CHECK_INT(dg_report_model_begin(&m, &w), 0);
    for (int i = 0; i < 2; i++) {
        const struct dg_series_row row = {
            .window = w,
            .slice = {"", "", "all"},
            .column = i == 0 ? "calm" : "utilization",
            .importance = 1,
            .baseline = "training",
            .baseline_version = "",
            .severity = i == 0 ? DG_OK : DG_CRITICAL,
            .tripped = {i == 0 ? NULL : &check, i == 0 ? DG_OK : DG_CRITICAL, 0.2031}};
        CHECK_INT(dg_report_model_series(&m, &row), 0);
    }
    CHECK_INT(dg_report_model_end(&m), 0);
    struct dg_report_view v;
    CHECK_INT(dg_report_view_init(&v, &m, NULL), 0);
    CHECK_INT(v.n_failed, 1);
    CHECK(dg_report_tripped(&v.unit[1]) == NULL);
    struct dg_page p = {0};
    dg_words_headline(&p, &v);
    check_page(&p, "No drift, but a critical check failed for <bdi>utilization</bdi>.");
    dg_words_failed(&p, &v, &v.unit[0], dg_report_tripped(&v.unit[0]));
    check_page(&p, "<strong><bdi>utilization</bdi></strong> fails a critical check: missing is "
                   "<b>0.2031</b>, above 0.15 (1h vs <bdi>training</bdi>).");
    dg_report_view_deinit(&v);
    dg_report_model_deinit(&m);
}

static void columns_come_worst_first(void)
{
    struct dg_window_spec window;
    const struct dg_monitor monitor = plain_monitor(&window);
    const struct dg_run_info run = {"", &monitor, "none"};
    struct dg_report_model m;
    dg_report_model_init(&m);
    CHECK_INT(dg_report_model_open(&m, &run), 0);
    tell(&m, 0, "ended", 0.97, DG_STATUS_DRIFT);
    const struct told then[] = {{"recovered", 0.9, DG_STATUS_DRIFT}};
    const struct told now[] = {
        {"fine", 0.02, DG_STATUS_OK},     {"unknown", (double)NAN, DG_STATUS_NO_REFERENCE},
        {"warned", 0.05, DG_STATUS_WARN}, {"recovered", 0.01, DG_STATUS_OK},
        {"bad", 0.2, DG_STATUS_DRIFT},    {"worse", 0.3, DG_STATUS_DRIFT}};
    tell_all(&m, 1, then, 1);
    for (uint32_t i = 2; i < 6; i++) {
        tell_all(&m, i, now, sizeof now / sizeof now[0]);
    }
    struct dg_report_view v;
    CHECK_INT(dg_report_view_init(&v, &m, NULL), 0);
    static const char *const want[] = {"worse", "bad",     "warned", "recovered",
                                       "fine",  "unknown", "ended"};
    CHECK_INT(v.n, 7);
    for (size_t i = 0; i < v.n; i++) {
        CHECK_STR(v.unit[i].head->latest.column, want[i]);
        CHECK(v.unit[i].ended == (i == 6));
    }
    CHECK_INT(v.n_drift, 2);
    CHECK_INT(v.n_warn, 1);
    CHECK_INT(v.n_before, 1);
    CHECK_INT(v.n_ok, 1);
    CHECK_INT(v.n_unjudged, 1);
    CHECK_INT(v.n_ended, 1);
    dg_report_view_deinit(&v);
    dg_report_model_deinit(&m);
}

/* -- the sink ------------------------------------------------------------------------------ */

static size_t run_sample(const struct sample_options *options, const char *html, const char *json)
{
    struct dg_sink *sink = NULL;
    CHECK_INT(dg_report_sink_open(html, json, "2026-11-21T18:00:00Z", &sink, &err), 0);
    CHECK_INT(sample_rows_run(sink, options, &err), 0);
    const size_t bytes = dg_report_sink_bytes(sink);
    sink->ops->close(sink);
    return bytes;
}

static void the_same_run_gives_the_same_bytes(void)
{
    const char *html[2] = {place("one.html"), place("two.html")};
    char *text[2];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        run_sample(&SAMPLE_DEFAULTS, html[i], NULL);
        text[i] = slurp(html[i], &n[i]);
        unlink(html[i]);
    }
    CHECK(n[0] > 50000);
    CHECK(n[0] == n[1] && memcmp(text[0], text[1], n[0]) == 0);
    CHECK(strstr(text[0], "2 of 12 columns drifted: ") != NULL);
    CHECK(strstr(text[0], "generated 2026-11-21T18:00:00Z") != NULL);
    free(text[0]);
    free(text[1]);
}

static void memory_does_not_grow_with_the_number_of_windows(void)
{
    struct sample_options options = SAMPLE_DEFAULTS;
    options.segments = false;
    options.columns = 6;
    options.windows = 500;
    const size_t some = run_sample(&options, place("some.html"), NULL);
    options.windows = 10000;
    const char *html = place("many.html");
    const size_t many = run_sample(&options, html, NULL);
    unlink(place("some.html"));
    CHECK(many <= some * 2); /* 400 to 800 windows fill the buckets; after that nothing grows */
    CHECK(many < 3u << 20);
    struct stat st;
    CHECK_INT(stat(html, &st), 0);
    CHECK(st.st_size < 300000);
    unlink(html);
}

static void a_page_of_100_columns_is_below_400_kB(void)
{
    const char *html = place("hundred.html");
    struct sample_options options = SAMPLE_DEFAULTS;
    options.columns = 100;
    options.windows = 240;
    for (uint32_t baselines = 1; baselines <= 2; baselines++) {
        options.baselines = baselines;
        run_sample(&options, html, NULL);
        struct stat st;
        CHECK_INT(stat(html, &st), 0);
        CHECK(st.st_size < 400000);
    }
    options.drifting = 100; /* everything that a panel can have to say */
    run_sample(&options, html, NULL);
    struct stat st;
    CHECK_INT(stat(html, &st), 0);
    CHECK(st.st_size < 400000);
    unlink(html);
}

static void a_path_that_cannot_be_written_is_named(void)
{
    struct dg_sink *sink = NULL;
    CHECK_INT(dg_report_sink_open("/nowhere/at/all.html", NULL, NULL, &sink, &err), 0);
    struct sample_options options = SAMPLE_DEFAULTS;
    options.windows = 2;
    CHECK_INT(sample_rows_run(sink, &options, &err), ENOENT);
    CHECK(strstr(err.message, "/nowhere/at/all.html") != NULL);
    sink->ops->close(sink);
}

static void a_report_without_a_path_is_refused(void)
{
    struct dg_sink *sink = NULL;
    CHECK_INT(dg_report_sink_open(NULL, NULL, NULL, &sink, &err), EINVAL);
    CHECK_INT(dg_report_sink_open("", NULL, NULL, &sink, &err), EINVAL);
    CHECK(sink == NULL);
}

static void a_run_without_windows_still_gives_a_page(void)
{
    const char *html = place("empty.html");
    struct sample_options options = SAMPLE_DEFAULTS;
    options.windows = 0;
    run_sample(&options, html, NULL);
    size_t n = 0;
    char *text = slurp(html, &n);
    CHECK(text != NULL && strstr(text, "No column was evaluated.") != NULL);
    free(text);
    unlink(html);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(markup_in_a_name_becomes_text),
        CASE(bytes_that_are_not_text_become_replacement_characters),
        CASE(a_name_cannot_turn_the_writing_around),
        CASE(json_text_cannot_close_its_script_element),
        CASE(a_json_number_has_12_digits_as_in_every_output), CASE(numbers_are_short_for_people),
        CASE(times_are_utc), CASE(a_path_collects_flat_steps),
        CASE(strings_are_numbered_once_and_bounded), CASE(keys_are_found_again),
        CASE(thinning_keeps_every_extreme), CASE(the_verdict_is_of_the_last_window_that_was_judged),
        CASE(a_critical_check_is_named_in_the_verdict), CASE(columns_come_worst_first),
        CASE(the_same_run_gives_the_same_bytes),
        CASE(memory_does_not_grow_with_the_number_of_windows),
        CASE(a_page_of_100_columns_is_below_400_kB), CASE(a_path_that_cannot_be_written_is_named),
        CASE(a_report_without_a_path_is_refused), CASE(a_run_without_windows_still_gives_a_page));
}
