/* tests/unit/test_terminal.c -- do colours obey the conventions of the environment, and do widths
 * and cuts count columns instead of bytes? Method: tables over environments and texts; widths as in
 * Unicode's East Asian Width (wide characters take two columns, combining marks none). */
#include "engine/terminal.h"
#include "tests/check.h"

#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

static void set(const char *name, const char *value)
{
    if (value != NULL) {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}

/* A pseudo-terminal as a stream; NULL where there are none. */
static FILE *open_pty(int *master)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    if (*master < 0 || grantpt(*master) != 0 || unlockpt(*master) != 0) {
        return NULL;
    }
    const int slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
    return slave < 0 ? NULL : fdopen(slave, "w");
}

static void colours_follow_the_conventions(void)
{
    static const struct {
        const char *force, *none, *term;
        bool no_color, on_file, on_tty;
    } environment[] = {
        {NULL, NULL, "xterm", false, false, true}, {NULL, NULL, "dumb", false, false, false},
        {NULL, "1", "xterm", false, false, false}, {NULL, "", "xterm", false, false, true},
        {"1", NULL, "xterm", false, true, true},   {"1", "1", "dumb", false, true, true},
        {"0", NULL, "xterm", false, false, true},  {"1", NULL, "xterm", true, false, false},
        {NULL, NULL, "xterm", true, false, false},
    };
    FILE *file = tmpfile();
    int master;
    FILE *tty = open_pty(&master);
    for (size_t i = 0; i < sizeof environment / sizeof environment[0]; i++) {
        set("CLICOLOR_FORCE", environment[i].force);
        set("NO_COLOR", environment[i].none);
        set("TERM", environment[i].term);
        CHECK_INT(dg_terminal_of(file, environment[i].no_color).colors, environment[i].on_file);
        if (tty != NULL) {
            CHECK_INT(dg_terminal_of(tty, environment[i].no_color).colors, environment[i].on_tty);
        }
    }
    if (tty != NULL) {
        CHECK(dg_terminal_of(tty, false).tty);
        fclose(tty);
        close(master);
    }
    CHECK(!dg_terminal_of(file, false).tty);
    fclose(file);
}

static void width_comes_from_columns_where_there_is_no_terminal(void)
{
    FILE *file = tmpfile();
    set("COLUMNS", "57");
    CHECK_INT(dg_terminal_of(file, true).width, 57);
    CHECK_INT(dg_terminal_text_width(file), 57);
    set("COLUMNS", "7");
    CHECK_INT(dg_terminal_text_width(file), 40);
    set("COLUMNS", "3000");
    CHECK_INT(dg_terminal_text_width(file), 100);
    set("COLUMNS", "wide");
    CHECK_INT(dg_terminal_of(file, true).width, 0);
    CHECK_INT(dg_terminal_text_width(file), 80);
    set("COLUMNS", NULL);
    CHECK_INT(dg_terminal_of(file, true).width, 0);
    fclose(file);
}

static void columns_are_counted_not_bytes(void)
{
    static const struct {
        const char *text;
        int width;
    } texts[] = {
        {"", 0},     {"income", 6}, {"caf\xc3\xa9", 4}, {"e\xcc\x81t\xc3\xa9", 3},
        {"東京", 4}, {"▁▂▃", 3},    {"a\xff\xfe", 3},   {"\x1b[31m", 5},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK_INT(dg_text_width(texts[i].text, strlen(texts[i].text)), texts[i].width);
    }
    CHECK_INT(dg_text_cut("東京都", 9, 3), 3);
    CHECK_INT(dg_text_cut("東京都", 9, 4), 6);
    CHECK_INT(dg_text_cut("income", 6, 0), 0);
    CHECK_INT(dg_text_cut("income", 6, 60), 6);
    CHECK_INT(dg_text_cut("e\xcc\x81t", 4, 1), 3); /* the accent stays with its letter */
}

static void a_sparkline_has_a_character_per_value(void)
{
    const double value[] = {0.0, 0.249, 0.5, 0.99, 1.0, 7.0, (double)NAN, -1.0};
    char chart[3 * 8 + 1];
    dg_sparkline(value, 8, 1.0, true, chart);
    CHECK_STR(chart, "▁▂▅███ ▁");
    dg_sparkline(value, 8, 1.0, false, chart);
    CHECK_STR(chart, ".:+@@@ .");
    dg_sparkline(value, 8, 0.0, false, chart);
    CHECK_STR(chart, "...... .");
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    return CHECK_MAIN(argc, argv, CASE(colours_follow_the_conventions),
                      CASE(width_comes_from_columns_where_there_is_no_terminal),
                      CASE(columns_are_counted_not_bytes),
                      CASE(a_sparkline_has_a_character_per_value));
}
