#include "engine/diagnostics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_WIDTH = 100 }; /* characters of a source line that are shown */

void dg_diagnostics_deinit(struct dg_diagnostics *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->item[i].message);
        free(d->item[i].hint);
    }
    free(d->item);
    free(d->file);
    free(d->text);
    *d = (struct dg_diagnostics){0};
}

int dg_diagnostics_begin(struct dg_diagnostics *d, const char *file, const char *text, size_t len)
{
    dg_diagnostics_deinit(d);
    d->file = strdup(file);
    if (text != NULL) {
        d->text = malloc(len + 1);
    }
    if (d->file == NULL || (text != NULL && d->text == NULL)) {
        dg_diagnostics_deinit(d);
        d->out_of_memory = true;
        return ENOMEM;
    }
    if (text != NULL) {
        memcpy(d->text, text, len);
        d->text[len] = '\0';
        d->text_len = len;
    }
    return 0;
}

/* True if the bytes at s form a character that is safe to print; *n = its length. */
static bool printable(const char *s, size_t *n)
{
    const unsigned char c = (unsigned char)s[0];
    *n = 1;
    if (c < 0x80) {
        return c >= 0x20 && c != 0x7f;
    }
    const size_t want = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
    if (want == 0 || c >= 0xf5) {
        return false;
    }
    for (size_t i = 1; i < want; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    *n = want;
    return !(c == 0xc2 && (unsigned char)s[1] < 0xa0); /* C1 controls */
}

/* A copy of `text` in which unprintable bytes are \xNN. NULL: out of memory. */
static char *visible(const char *text)
{
    char *copy = malloc(4 * strlen(text) + 1), *w = copy;
    if (copy == NULL) {
        return NULL;
    }
    for (size_t n = 1; *text != '\0'; text += n) {
        if (printable(text, &n)) {
            memcpy(w, text, n);
            w += n;
        } else {
            for (size_t i = 0; i < n; i++) {
                w += sprintf(w, "\\x%02x", (unsigned)(unsigned char)text[i]);
            }
        }
    }
    *w = '\0';
    return copy;
}

static bool reserve(struct dg_diagnostics *d)
{
    if (d->n < d->cap) {
        return true;
    }
    const size_t cap = d->cap == 0 ? 16 : 2 * d->cap;
    struct dg_diagnostic *item = realloc(d->item, cap * sizeof *item);
    if (item == NULL) {
        return false;
    }
    d->item = item;
    d->cap = cap;
    return true;
}

void dg_diagnose(struct dg_diagnostics *d, enum dg_diagnostic_kind kind, struct dg_place place,
                 const char *hint, const char *format, ...)
{
    *(kind == DG_ERROR ? &d->n_errors : &d->n_warnings) += 1;
    if (d->n >= DG_DIAGNOSTICS_MAX) {
        return;
    }
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    char *words = visible(message);
    char *advice = hint == NULL ? NULL : visible(hint);
    if (words == NULL || (hint != NULL && advice == NULL) || !reserve(d)) {
        free(words);
        free(advice);
        d->out_of_memory = true;
        return;
    }
    d->item[d->n++] = (struct dg_diagnostic){kind, place, words, advice};
}

bool dg_diagnostics_failed(const struct dg_diagnostics *d)
{
    return d->n_errors > 0 || d->out_of_memory;
}

static bool after(const struct dg_place *a, const struct dg_place *b)
{
    return a->line != b->line ? a->line > b->line : a->column > b->column;
}

void dg_diagnostics_sort(struct dg_diagnostics *d)
{
    for (size_t i = 1; i < d->n; i++) { /* insertion: stable, and n is small */
        const struct dg_diagnostic item = d->item[i];
        size_t j = i;
        for (; j > 0 && after(&d->item[j - 1].place, &item.place); j--) {
            d->item[j] = d->item[j - 1];
        }
        d->item[j] = item;
    }
}

/* The bytes of line `number`, without its end; NULL if the text has no such line. */
static const char *source_line(const struct dg_diagnostics *d, uint32_t number, size_t *len)
{
    const char *p = d->text;
    if (p == NULL || number == 0) {
        return NULL;
    }
    const char *end = d->text + d->text_len;
    for (uint32_t line = 1; line < number; line++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (p == NULL) {
            return NULL;
        }
        p++;
    }
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    *len = (size_t)((stop == NULL ? end : stop) - p);
    if (*len > 0 && p[*len - 1] == '\r') {
        --*len;
    }
    return p;
}

static void print_source(const struct dg_diagnostics *d, struct dg_place place, FILE *out)
{
    size_t len = 0;
    const char *line = source_line(d, place.line, &len);
    if (line == NULL) {
        return;
    }
    const bool clip = len > SOURCE_WIDTH && place.column > SOURCE_WIDTH / 2 + 10;
    const uint32_t first = clip ? place.column - SOURCE_WIDTH / 2 : 1;
    uint32_t column = 1;
    fprintf(out, "%5u | %s", place.line, first > 1 ? "..." : "");
    for (size_t i = 0, n = 1; i < len; i += n, column++) {
        const bool ok = printable(line + i, &n);
        if (column >= first && column < first + SOURCE_WIDTH) {
            if (ok) {
                fwrite(line + i, 1, n, out);
            } else {
                fputc(line[i] == '\t' ? ' ' : '?', out);
            }
        }
    }
    const uint32_t shown = column < first + SOURCE_WIDTH ? column : first + SOURCE_WIDTH;
    fprintf(out, "%s\n      | %s%*s^", column > shown ? "..." : "", first > 1 ? "   " : "",
            (int)(place.column - first), "");
    for (uint32_t i = 1; i < place.width && place.column + i < shown; i++) {
        fputc('~', out);
    }
    fputc('\n', out);
}

void dg_diagnostics_print(struct dg_diagnostics *d, FILE *out)
{
    dg_diagnostics_sort(d);
    const char *file = d->file == NULL ? "configuration" : d->file;
    for (size_t i = 0; i < d->n; i++) {
        const struct dg_diagnostic *item = &d->item[i];
        const char *kind = item->kind == DG_ERROR ? "error" : "warning";
        if (item->place.line == 0) {
            fprintf(out, "%s: %s: %s\n", file, kind, item->message);
        } else {
            fprintf(out, "%s:%u:%u: %s: %s\n", file, item->place.line, item->place.column, kind,
                    item->message);
            print_source(d, item->place, out);
        }
        if (item->hint != NULL) {
            fprintf(out, "        %s\n", item->hint);
        }
    }
    const size_t hidden = d->n_errors + d->n_warnings - d->n;
    if (d->out_of_memory) {
        fprintf(out, "%s: error: out of memory; some messages are missing\n", file);
    } else if (hidden > 0) {
        fprintf(out, "%s: %zu more messages are not shown\n", file, hidden);
    }
}
