/* engine/terminal.h -- what the other end of a stream can show: width, colours, characters. */
#ifndef DG_ENGINE_TERMINAL_H
#define DG_ENGINE_TERMINAL_H

#include "stats/base.h"

#include <stdio.h>

struct dg_terminal {
    bool tty;
    bool colors;
    bool unicode; /* the locale's characters are UTF-8 */
    int width;    /* columns; where unknown 0: do not cut */
};

/* Look at the stream and the environment. Colours: never with `no_color`, else CLICOLOR_FORCE (not
 * "0") wins, then NO_COLOR (not empty) and TERM=dumb switch off, then only on a terminal. Width:
 * the terminal's, else COLUMNS, else 0. The caller has called setlocale(LC_CTYPE, ""). */
struct dg_terminal dg_terminal_of(FILE *stream, bool no_color);

/* Columns to wrap help to: the terminal's or COLUMNS, within 40 .. 100; 80 where unknown. */
int dg_terminal_text_width(FILE *stream);

/* Columns that text[len] takes, by wcwidth; bytes that are not characters of the locale and control
 * characters count one each. */
int dg_text_width(const char *text, size_t len);
/* The longest prefix of text[len], whole characters, of at most `columns`; its bytes. */
size_t dg_text_cut(const char *text, size_t len, int columns);

/* Mini chart: one character per value, 8 heights relative to `top` (values <= 0: lowest; NAN: a
 * blank; above: full). Unicode blocks, else one of ".:-=+*#@". Writes at most 3 n + 1 bytes. */
void dg_sparkline(const double value[], size_t n, double top, bool unicode, char *out);

#endif
