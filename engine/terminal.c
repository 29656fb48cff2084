#include "engine/terminal.h"

#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static int width_of(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    const char *columns = getenv("COLUMNS");
    const long n = columns != NULL ? strtol(columns, NULL, 10) : 0;
    return n > 0 && n < 10000 ? (int)n : 0;
}

static bool colors_on(bool tty, bool no_color)
{
    const char *force = getenv("CLICOLOR_FORCE");
    const char *none = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (no_color) {
        return false;
    }
    if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0) {
        return true;
    }
    return tty && (none == NULL || none[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

struct dg_terminal dg_terminal_of(FILE *stream, bool no_color)
{
    struct dg_terminal t = {0};
    t.tty = isatty(fileno(stream)) == 1;
    t.colors = colors_on(t.tty, no_color);
    t.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    t.width = width_of(stream);
    return t;
}

int dg_terminal_text_width(FILE *stream)
{
    const int width = width_of(stream);
    return width == 0 ? 80 : width < 40 ? 40 : width > 100 ? 100 : width;
}

/* Bytes of the character at text[0 .. len) and its columns. */
static size_t step(const char *text, size_t len, mbstate_t *state, int *columns)
{
    wchar_t c;
    const size_t n = mbrtowc(&c, text, len, state);
    *columns = 1;
    if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
        memset(state, 0, sizeof *state);
        return 1;
    }
    const int w = wcwidth(c);
    *columns = w < 0 ? 1 : w;
    return n;
}

int dg_text_width(const char *text, size_t len)
{
    mbstate_t state = {0};
    int width = 0;
    for (size_t at = 0; at < len;) {
        int columns;
        at += step(text + at, len - at, &state, &columns);
        width += columns;
    }
    return width;
}

size_t dg_text_cut(const char *text, size_t len, int columns)
{
    mbstate_t state = {0};
    size_t at = 0;
    for (int width = 0; at < len;) {
        int more;
        const size_t n = step(text + at, len - at, &state, &more);
        if (width + more > columns) {
            break;
        }
        width += more;
        at += n;
    }
    return at;
}

void dg_sparkline(const double value[], size_t n, double top, bool unicode, char *out)
{
    static const char *const block[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char ascii[] = ".:-=+*#@";
    char *at = out;
    for (size_t i = 0; i < n; i++) {
        if (isnan(value[i])) {
            *at++ = ' ';
            continue;
        }
        const double part = top > 0.0 ? value[i] / top : 0.0;
        const int height = part <= 0.0 ? 0 : part >= 1.0 ? 7 : (int)(part * 8.0);
        if (unicode) {
            memcpy(at, block[height], 3);
            at += 3;
        } else {
            *at++ = ascii[height];
        }
    }
    *at = '\0';
}
