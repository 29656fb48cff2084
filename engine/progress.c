#include "engine/progress.h"

#include "engine/json_text.h"
#include "engine/log.h"
#include "engine/timefmt.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BAR_PERIOD_US   INT64_C(100000)
#define LINES_PERIOD_US INT64_C(10000000)
#define JSON_PERIOD_US  INT64_C(1000000)
#define MEMORY_S        30.0
#define BAR_LEAST       10
#define BAR_MOST        40
#define LINE_MAX_BYTES  512

const char *const dg_progress_words[] = {"auto", "bar", "lines", "json", "off", NULL};

static int64_t now(const struct dg_progress *p)
{
    return p->options.now_us(p->options.context);
}

static void clear(struct dg_progress *p)
{
    if (p->drawn) {
        fputs("\r\x1b[K", p->options.stream);
        p->drawn = false;
    }
}

static void clear_for_log(void *context)
{
    struct dg_progress *p = context;
    pthread_mutex_lock(&p->lock);
    clear(p);
    fflush(p->options.stream);
    pthread_mutex_unlock(&p->lock);
}

void dg_progress_begin(struct dg_progress *p, const struct dg_progress_options *options,
                       bool no_color)
{
    const struct dg_terminal t = dg_terminal_of(options->stream, no_color);
    const char *term = getenv("TERM");
    *p = (struct dg_progress){.options = *options, .colors = t.colors, .unicode = t.unicode};
    pthread_mutex_init(&p->lock, NULL);
    if (options->mode == DG_PROGRESS_AUTO) {
        const bool dumb = term == NULL || strcmp(term, "dumb") == 0;
        p->options.mode = t.tty && !dumb ? DG_PROGRESS_BAR : DG_PROGRESS_LINES;
    }
    p->start_us = p->last_us = now(p);
    if (p->options.mode == DG_PROGRESS_BAR) {
        dg_log_set_before(clear_for_log, p);
    }
}

static int64_t period_us(enum dg_progress_mode mode)
{
    return mode == DG_PROGRESS_BAR    ? BAR_PERIOD_US
           : mode == DG_PROGRESS_JSON ? JSON_PERIOD_US
                                      : LINES_PERIOD_US;
}

/* Exponential weights with a memory of 30 s. The weights seen so far do not yet sum to one: divide
 * by their sum, so that the first estimates are not too low. */
static void learn(struct dg_progress *p, const struct dg_progress_sample *s, int64_t now_us)
{
    const double seconds = (double)(now_us - p->last_us) / 1e6;
    if (seconds <= 0.0) {
        return;
    }
    const double share = -expm1(-seconds / MEMORY_S);
    p->byte_rate += share * ((double)(s->bytes - p->last_bytes) / seconds - p->byte_rate);
    p->row_rate += share * ((double)(s->rows - p->last_rows) / seconds - p->row_rate);
    p->weight += share * (1.0 - p->weight);
    p->last_us = now_us;
    p->last_bytes = s->bytes;
    p->last_rows = s->rows;
}

struct dg_progress_rates dg_progress_rates_of(const struct dg_progress *p,
                                              const struct dg_progress_sample *s)
{
    struct dg_progress_rates r = {(double)NAN, (double)NAN, (double)NAN};
    if (p->weight > 0.0) {
        r.rows = p->row_rate / p->weight;
        r.bytes = p->byte_rate / p->weight;
        if (s->bytes_total >= s->bytes && s->bytes_total > 0 && r.bytes > 0.0) {
            r.eta = (double)(s->bytes_total - s->bytes) / r.bytes;
        }
    }
    return r;
}

/* 987, 12.3k, 4.56M: three digits. */
static char *put_scaled(double x, char buf[DG_TIME_TEXT])
{
    static const char *const unit[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t i = 0;
    while (x >= 999.5 && i + 1 < sizeof unit / sizeof unit[0]) {
        x /= 1000.0;
        i++;
    }
    const int digits = i == 0 || x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2;
    snprintf(buf, DG_TIME_TEXT, "%.*f%s", digits, x, unit[i]);
    return buf;
}

/* 0:07, 12:34, 3:07:09 */
static char *put_clock(double seconds, char buf[DG_TIME_TEXT])
{
    const int64_t s = seconds < 3.6e6 ? (int64_t)(seconds + 0.5) : 3600000;
    if (s >= 3600) {
        snprintf(buf, DG_TIME_TEXT, "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
                 s % 60);
    } else {
        snprintf(buf, DG_TIME_TEXT, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
    }
    return buf;
}

/* "2026-01-03 12:00" */
static char *put_event_time(int64_t us, char buf[DG_TIME_TEXT])
{
    dg_time_format(us, buf);
    buf[10] = ' ';
    buf[16] = '\0';
    return buf;
}

/* "1.2M rows  3.4M rows/s  56M B/s  at 2026-01-03 12:00  ETA 0:12", as much as fits. */
static void put_figures(const struct dg_progress *p, const struct dg_progress_sample *s,
                        int columns, char *out, size_t size)
{
    const struct dg_progress_rates r = dg_progress_rates_of(p, s);
    char part[6][64];
    char a[DG_TIME_TEXT];
    size_t n = 0;
    snprintf(part[n++], sizeof part[0], "%s rows", put_scaled((double)s->rows, a));
    if (!isnan(r.eta)) {
        snprintf(part[n++], sizeof part[0], "ETA %s", put_clock(r.eta, a));
    }
    if (!isnan(r.rows)) {
        snprintf(part[n++], sizeof part[0], "%s rows/s", put_scaled(r.rows, a));
        snprintf(part[n++], sizeof part[0], "%sB/s", put_scaled(r.bytes, a));
    }
    if (s->event_us != DG_TIME_NONE) {
        snprintf(part[n++], sizeof part[0], "at %s", put_event_time(s->event_us, a));
    }
    if (s->bad > 0) {
        snprintf(part[n++], sizeof part[0], "%s bad", put_scaled((double)s->bad, a));
    }
    out[0] = '\0';
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t len = strlen(part[i]) + (i > 0 ? 2 : 0);
        if ((int)(at + len) > columns || at + len + 1 > size) {
            break;
        }
        at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? "  " : "", part[i]);
    }
}

static double share_of(const struct dg_progress_sample *s)
{
    const double share = s->bytes_total == 0 ? 0.0 : (double)s->bytes / (double)s->bytes_total;
    return share > 1.0 ? 1.0 : share;
}

static void put_bar(FILE *out, double share, int columns, bool unicode)
{
    const int full = (int)(share * columns + 0.5);
    for (int i = 0; i < columns; i++) {
        fputs(i < full ? (unicode ? "█" : "#") : (unicode ? "░" : "-"), out);
    }
}

static void draw_bar(struct dg_progress *p, const struct dg_progress_sample *s)
{
    FILE *out = p->options.stream;
    const struct dg_terminal t = dg_terminal_of(out, true);
    const int asked = p->options.width != NULL ? p->options.width(p->options.context) : t.width;
    int left = (asked > 0 ? asked : 80) - 1; /* the last column would wrap on some terminals */
    char figures[LINE_MAX_BYTES];
    clear(p);
    p->drawn = true;
    if (s->bytes_total > 0 && left >= 6) {
        fprintf(out, "%3d%% ", (int)(100.0 * share_of(s)));
        left -= 5;
    }
    put_figures(p, s, left - (left > 40 ? BAR_LEAST + 1 : 0), figures, sizeof figures);
    const int room = left - (int)strlen(figures) - 1;
    if (s->bytes_total > 0 && room >= BAR_LEAST) {
        put_bar(out, share_of(s), room < BAR_MOST ? room : BAR_MOST, p->unicode);
        putc(' ', out);
    }
    fputs(figures, out);
    fflush(out);
}

static void put_line(struct dg_progress *p, const struct dg_progress_sample *s)
{
    char figures[LINE_MAX_BYTES];
    put_figures(p, s, LINE_MAX_BYTES, figures, sizeof figures);
    fprintf(p->options.stream, "driftgauge: %s: ", p->options.what);
    if (s->bytes_total > 0) {
        fprintf(p->options.stream, "%d%%, ", (int)(100.0 * share_of(s)));
    }
    fprintf(p->options.stream, "%s\n", figures);
    fflush(p->options.stream);
}

static void put_json(struct dg_progress *p, const struct dg_progress_sample *s, bool done)
{
    FILE *out = p->options.stream;
    const struct dg_progress_rates r = dg_progress_rates_of(p, s);
    char at[DG_TIME_TEXT];
    fputs("{\"event\":\"progress\",\"what\":", out);
    dg_json_put_text(out, p->options.what, strlen(p->options.what));
    fprintf(out,
            ",\"done\":%s,\"seconds\":%.3f,\"bytes\":%" PRIu64 ",\"bytes_total\":%" PRIu64
            ",\"rows\":%" PRIu64 ",\"bad\":%" PRIu64,
            done ? "true" : "false", (double)(p->last_us - p->start_us) / 1e6, s->bytes,
            s->bytes_total, s->rows, s->bad);
    fputs(",\"rows_per_s\":", out);
    dg_json_put_real(out, r.rows);
    fputs(",\"bytes_per_s\":", out);
    dg_json_put_real(out, r.bytes);
    fputs(",\"eta_s\":", out);
    dg_json_put_real(out, r.eta);
    if (s->event_us != DG_TIME_NONE) {
        fprintf(out, ",\"event_time\":\"%s\"}\n", dg_time_format(s->event_us, at));
    } else {
        fputs(",\"event_time\":null}\n", out);
    }
    fflush(out);
}

void dg_progress_update(struct dg_progress *p, const struct dg_progress_sample *sample)
{
    if (p->options.mode == DG_PROGRESS_OFF) {
        return;
    }
    const int64_t now_us = now(p);
    if (now_us - p->last_us < period_us(p->options.mode)) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    learn(p, sample, now_us);
    if (p->options.mode == DG_PROGRESS_BAR) {
        draw_bar(p, sample);
    } else if (p->options.mode == DG_PROGRESS_JSON) {
        put_json(p, sample, false);
    } else {
        put_line(p, sample);
    }
    pthread_mutex_unlock(&p->lock);
}

static void put_summary(struct dg_progress *p, const struct dg_progress_sample *s, int64_t now_us)
{
    const double seconds = (double)(now_us - p->start_us) / 1e6;
    const double per = seconds > 0.0 ? seconds : 1e-6;
    char rows[DG_TIME_TEXT], bytes[DG_TIME_TEXT], row_rate[DG_TIME_TEXT], byte_rate[DG_TIME_TEXT];
    fprintf(p->options.stream, "driftgauge: %s: %s rows, %sB in %.1f s (%s rows/s, %sB/s)\n",
            p->options.what, put_scaled((double)s->rows, rows), put_scaled((double)s->bytes, bytes),
            seconds, put_scaled((double)s->rows / per, row_rate),
            put_scaled((double)s->bytes / per, byte_rate));
    fflush(p->options.stream);
}

void dg_progress_finish(struct dg_progress *p, const struct dg_progress_sample *sample)
{
    if (p->options.mode == DG_PROGRESS_BAR) {
        dg_log_set_before(NULL, NULL);
    }
    if (p->options.mode != DG_PROGRESS_OFF) {
        const int64_t now_us = now(p);
        clear(p);
        if (p->options.mode == DG_PROGRESS_JSON) {
            learn(p, sample, now_us);
            put_json(p, sample, true);
        } else {
            put_summary(p, sample, now_us);
        }
        pthread_mutex_destroy(&p->lock);
        p->options.mode = DG_PROGRESS_OFF;
    }
}
