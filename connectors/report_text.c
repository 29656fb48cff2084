#include "connectors/report_text.h"

#include "engine/json_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPLACEMENT "\xef\xbf\xbd"

void dg_page_deinit(struct dg_page *p)
{
    free(p->data);
    *p = (struct dg_page){0};
}

static bool reserve(struct dg_page *p, size_t more)
{
    if (p->failed) {
        return false;
    }
    if (more <= p->cap - p->len) {
        return true;
    }
    size_t cap = p->cap == 0 ? 65536 : p->cap * 2;
    while (cap - p->len < more) {
        cap *= 2;
    }
    char *data = realloc(p->data, cap);
    if (data == NULL) {
        p->failed = true;
        return false;
    }
    p->data = data;
    p->cap = cap;
    return true;
}

void dg_page_bytes(struct dg_page *p, const char *bytes, size_t n)
{
    if (n > 0 && reserve(p, n)) {
        memcpy(p->data + p->len, bytes, n);
        p->len += n;
    }
}

void dg_page_raw(struct dg_page *p, const char *markup)
{
    dg_page_bytes(p, markup, strlen(markup));
}

void dg_page_format(struct dg_page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && reserve(p, (size_t)n + 1)) {
        vsnprintf(p->data + p->len, (size_t)n + 1, format, again);
        p->len += (size_t)n;
    }
    va_end(again);
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none. */
static size_t sequence(const unsigned char *s)
{
    return dg_utf8_length((const char *)s, strnlen((const char *)s, 4));
}

/* C0, DEL and C1 controls, which HTML has no use for, and the controls of writing direction (U+202A
 * .. 202E, U+2066 .. 2069), which show a name as what it is not. */
static bool is_control(const unsigned char *s)
{
    const bool direction = s[0] == 0xe2 && ((s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae) ||
                                            (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
    return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0) || direction;
}

void dg_page_text(struct dg_page *p, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
        const size_t n = sequence(s);
        if (n == 0 || is_control(s)) {
            dg_page_raw(p, *s == '\t' || *s == '\n' ? " " : REPLACEMENT);
        } else if (*s == '&') {
            dg_page_raw(p, "&amp;");
        } else if (*s == '<') {
            dg_page_raw(p, "&lt;");
        } else if (*s == '>') {
            dg_page_raw(p, "&gt;");
        } else if (*s == '"') {
            dg_page_raw(p, "&quot;");
        } else if (*s == '\'') {
            dg_page_raw(p, "&#39;");
        } else {
            dg_page_bytes(p, (const char *)s, n);
        }
        s += n == 0 ? 1 : n;
    }
}

void dg_page_name(struct dg_page *p, const char *text)
{
    dg_page_raw(p, "<bdi>");
    dg_page_text(p, text);
    dg_page_raw(p, "</bdi>");
}

void dg_page_json_text(struct dg_page *p, const char *text)
{
    dg_page_raw(p, "\"");
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
        const size_t n = sequence(s);
        if (n == 0) {
            dg_page_raw(p, REPLACEMENT);
        } else if (*s == '"' || *s == '\\') {
            dg_page_format(p, "\\%c", *s);
        } else if (*s < 0x20 || *s == 0x7f || *s == '<' || *s == '>' || *s == '&') {
            dg_page_format(p, "\\u%04x", *s);
        } else if (n == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9)) {
            dg_page_format(p, "\\u20%02x", s[2] - 0x80);
        } else {
            dg_page_bytes(p, (const char *)s, n);
        }
        s += n == 0 ? 1 : n;
    }
    dg_page_raw(p, "\"");
}

void dg_page_json_real(struct dg_page *p, double x)
{
    if (!isfinite(x)) {
        dg_page_raw(p, "null");
        return;
    }
    dg_page_format(p, "%.12g", x);
}

static char *dash(char buf[DG_WORD_SIZE])
{
    return strcpy(buf, "\xe2\x80\x93");
}

char *dg_word_count(uint64_t n, char buf[DG_WORD_SIZE])
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    char *to = buf;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return buf;
}

char *dg_word_real(double x, char buf[DG_WORD_SIZE])
{
    if (isnan(x)) {
        return dash(buf);
    }
    if (isinf(x)) {
        return strcpy(buf, x > 0 ? "\xe2\x88\x9e" : "\xe2\x88\x92\xe2\x88\x9e");
    }
    const double size = fabs(x);
    if (size >= 999.5 && size < 1e7) {
        buf[0] = '-';
        dg_word_count((uint64_t)(size + 0.5), buf + (x < 0 ? 1 : 0));
        return buf;
    }
    snprintf(buf, DG_WORD_SIZE, "%.3g", x);
    return buf;
}

char *dg_word_edge(double x, char buf[DG_WORD_SIZE])
{
    if (isfinite(x) && fabs(x) < 999.5) {
        snprintf(buf, DG_WORD_SIZE, "%.4g", x);
        return buf;
    }
    return dg_word_real(x, buf);
}

char *dg_word_fixed(double x, char buf[DG_WORD_SIZE])
{
    if (!isfinite(x) || x >= 100) {
        return dg_word_real(x, buf);
    }
    if (x > 0 && x < 0.0005) {
        return strcpy(buf, "&lt;0.001");
    }
    snprintf(buf, DG_WORD_SIZE, "%.3f", x);
    return buf;
}

char *dg_word_p(double p, char buf[DG_WORD_SIZE])
{
    if (isnan(p)) {
        return dash(buf);
    }
    if (p <= 1e-300) {
        return strcpy(buf, "&lt;1e-300");
    }
    snprintf(buf, DG_WORD_SIZE, p >= 0.0995 ? "%.2f" : p >= 0.00095 ? "%.3f" : "%.0e", p);
    return buf;
}

char *dg_word_share(double x, char buf[DG_WORD_SIZE])
{
    if (isnan(x)) {
        return dash(buf);
    }
    const double percent = 100 * x;
    if (percent > 0 && percent < 0.01) {
        return strcpy(buf, "&lt;0.01 %");
    }
    const bool whole = percent == 0 || percent == 100;
    const int decimals = whole ? 0 : percent < 1 || percent > 99.9 ? 2 : 1;
    snprintf(buf, DG_WORD_SIZE, "%.*f %%", decimals, percent);
    return buf;
}

static struct tm utc(int64_t us)
{
    const int64_t second = INT64_C(1000000);
    const time_t seconds = (time_t)(us / second - (us % second < 0 ? 1 : 0));
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    return tm;
}

char *dg_word_time(int64_t us, char buf[DG_WORD_SIZE])
{
    const struct tm tm = utc(us);
    const size_t n =
        strftime(buf, DG_WORD_SIZE, tm.tm_sec != 0 ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
    DG_ASSERT(n > 0);
    return buf;
}

char *dg_word_tick(int64_t us, int64_t span_us, char buf[DG_WORD_SIZE])
{
    static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const int64_t long_us = INT64_C(20) * 86400 * 1000000;
    const struct tm tm = utc(us);
    const char *name = month[tm.tm_mon % 12];
    if (span_us > long_us) {
        snprintf(buf, DG_WORD_SIZE, "%d %s %d", tm.tm_mday, name, tm.tm_year + 1900);
    } else {
        snprintf(buf, DG_WORD_SIZE, "%d %s %02d:%02d", tm.tm_mday, name, tm.tm_hour, tm.tm_min);
    }
    return buf;
}
