#include "connectors/text_grid.h"

#include "engine/terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16
#define GAP         2
#define LEAST_CUT   8

void dg_ink_put(FILE *out, enum dg_ink ink, bool colors, const char *text)
{
    static const char *const code[] = {
        [DG_INK_PLAIN] = "0",  [DG_INK_DIM] = "2",     [DG_INK_BOLD] = "1",
        [DG_INK_GREEN] = "32", [DG_INK_YELLOW] = "33", [DG_INK_RED] = "31;1",
    };
    if (colors && ink != DG_INK_PLAIN) {
        fprintf(out, "\x1b[%sm%s\x1b[0m", code[ink], text);
    } else {
        fputs(text, out);
    }
}

void dg_grid_init(struct dg_grid *g, const struct dg_grid_column column[], size_t n_columns)
{
    DG_ASSERT(n_columns > 0 && n_columns <= COLUMNS_MAX);
    *g = (struct dg_grid){.column = column, .n_columns = n_columns};
}

void dg_grid_deinit(struct dg_grid *g)
{
    for (size_t i = 0; i < g->n_cells; i++) {
        free(g->cell[i]);
    }
    free(g->cell);
    free(g->ink);
    *g = (struct dg_grid){0};
}

static bool grow(struct dg_grid *g)
{
    if (g->n_cells < g->cap) {
        return true;
    }
    const size_t cap = g->cap == 0 ? 64 : g->cap * 2;
    char **cell = realloc(g->cell, cap * sizeof *cell);
    if (cell == NULL) {
        return false;
    }
    g->cell = cell;
    enum dg_ink *ink = realloc(g->ink, cap * sizeof *ink);
    if (ink == NULL) {
        return false;
    }
    g->ink = ink;
    g->cap = cap;
    return true;
}

void dg_grid_put(struct dg_grid *g, enum dg_ink ink, const char *format, ...)
{
    if (g->failed || !grow(g)) {
        g->failed = true;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    char *text;
    const int n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0) {
        g->failed = true;
        return;
    }
    g->cell[g->n_cells] = text;
    g->ink[g->n_cells++] = ink;
}

struct layout {
    int width[COLUMNS_MAX]; /* 0: left out */
};

static int text_columns(const char *text)
{
    return dg_text_width(text, strlen(text));
}

static int line_width(const struct dg_grid *g, const struct layout *l, int indent)
{
    int width = indent - GAP;
    for (size_t i = 0; i < g->n_columns; i++) {
        width += l->width[i] > 0 ? l->width[i] + GAP : 0;
    }
    return width;
}

/* Leave out the shown column that matters least. False if all that are left must stay. */
static bool drop_one(const struct dg_grid *g, struct layout *l)
{
    size_t least = g->n_columns;
    for (size_t i = 0; i < g->n_columns; i++) {
        if (l->width[i] > 0 && g->column[i].drop > 0 &&
            (least == g->n_columns || g->column[i].drop > g->column[least].drop)) {
            least = i;
        }
    }
    if (least == g->n_columns) {
        return false;
    }
    l->width[least] = 0;
    return true;
}

static struct layout fit(const struct dg_grid *g, const struct dg_grid_look *look)
{
    struct layout l = {{0}};
    for (size_t i = 0; i < g->n_columns; i++) {
        l.width[i] = text_columns(g->column[i].title);
    }
    for (size_t i = 0; i < g->n_cells; i++) {
        const int columns = text_columns(g->cell[i]);
        int *width = &l.width[i % g->n_columns];
        *width = columns > *width ? columns : *width;
    }
    if (look->width <= 0) {
        return l;
    }
    for (size_t i = 0; i < g->n_columns; i++) { /* a very long name must not cost other columns */
        const int most = look->width / 3 > LEAST_CUT ? look->width / 3 : LEAST_CUT;
        l.width[i] = g->column[i].cut && l.width[i] > most ? most : l.width[i];
    }
    while (line_width(g, &l, look->indent) > look->width && drop_one(g, &l)) {
    }
    for (size_t i = 0; i < g->n_columns; i++) {
        while (g->column[i].cut && l.width[i] > LEAST_CUT &&
               line_width(g, &l, look->indent) > look->width) {
            l.width[i]--;
        }
    }
    return l;
}

static void put_padded(const char *text, enum dg_ink ink, int width, bool right, bool last,
                       const struct dg_grid_look *look, FILE *out)
{
    const size_t len = strlen(text);
    int columns = dg_text_width(text, len);
    char cut[512];
    if (columns > width) {
        const char *mark = look->unicode ? "…" : "~";
        const size_t kept = dg_text_cut(text, len, width - 1);
        snprintf(cut, sizeof cut, "%.*s%s", (int)kept, text, mark);
        text = cut;
        columns = text_columns(cut);
    }
    const int pad = width > columns ? width - columns : 0;
    fprintf(out, "%*s", right ? pad : 0, "");
    dg_ink_put(out, ink, look->colors, text);
    fprintf(out, "%*s", right || last ? 0 : pad, "");
}

static void put_line(const struct dg_grid *g, const struct layout *l, size_t row,
                     const struct dg_grid_look *look, FILE *out)
{
    size_t last = 0;
    for (size_t i = 0; i < g->n_columns; i++) {
        last = l->width[i] > 0 ? i : last;
    }
    const bool header = row == SIZE_MAX;
    fprintf(out, "%*s", look->indent, "");
    bool first = true;
    for (size_t i = 0; i < g->n_columns; i++) {
        if (l->width[i] > 0) {
            const size_t at = row * g->n_columns + i;
            fputs(first ? "" : "  ", out);
            put_padded(header ? g->column[i].title : g->cell[at], header ? DG_INK_DIM : g->ink[at],
                       l->width[i], g->column[i].right, i == last, look, out);
            first = false;
        }
    }
    putc('\n', out);
}

int dg_grid_print(const struct dg_grid *g, const struct dg_grid_look *look, FILE *out)
{
    if (g->failed) {
        return ENOMEM;
    }
    DG_ASSERT(g->n_cells % g->n_columns == 0);
    const struct layout l = fit(g, look);
    put_line(g, &l, SIZE_MAX, look, out);
    for (size_t row = 0; row < g->n_cells / g->n_columns; row++) {
        put_line(g, &l, row, look, out);
    }
    return 0;
}
