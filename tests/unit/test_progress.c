/* tests/unit/test_progress.c -- does progress draw when it is due, tell the truth about speed and
 * the time left, and stay inside the terminal when its size changes? Method: a clock that the test
 * turns; memory streams, and a real pseudo-terminal for the width. */
#include "engine/log.h"
#include "engine/progress.h"
#include "engine/projection.h"
#include "tests/check.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int64_t clock_us;

static int64_t now_us(void *context)
{
    (void)context;
    return clock_us;
}

static int width_of_test(void *context)
{
    return *(const int *)context;
}

static struct dg_progress_sample sample_at(double seconds)
{
    return (struct dg_progress_sample){.bytes = (uint64_t)(2.5e6 * seconds),
                                       .bytes_total = 250000000,
                                       .rows = (uint64_t)(12345.0 * seconds),
                                       .event_us = INT64_C(1767441600) * 1000000};
}

/* A steady job of `seconds`, sampled every 20 ms, then finished; what it wrote. */
static char *run(enum dg_progress_mode mode, double seconds, int width)
{
    char *text = NULL;
    size_t len;
    struct dg_progress p;
    const struct dg_progress_options options = {.mode = mode,
                                                .stream = open_memstream(&text, &len),
                                                .what = "housing.csv",
                                                .now_us = now_us,
                                                .width = width_of_test,
                                                .context = &width};
    clock_us = 77000000;
    dg_progress_begin(&p, &options, true);
    for (int64_t at = 0; at <= (int64_t)(seconds * 1e6); at += 20000) {
        clock_us = 77000000 + at;
        const struct dg_progress_sample s = sample_at((double)at / 1e6);
        dg_progress_update(&p, &s);
    }
    const struct dg_progress_sample s = sample_at(seconds);
    dg_progress_finish(&p, &s);
    dg_progress_finish(&p, &s);
    fclose(options.stream);
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        n++;
    }
    return n;
}

static void lines_come_every_ten_seconds(void)
{
    char *text = run(DG_PROGRESS_LINES, 35.0, 80);
    CHECK_STR(text,
              "driftgauge: housing.csv: 10%, 123k rows  ETA 1:30  12.3k rows/s  2.50MB/s  at "
              "2026-01-03 12:00\n"
              "driftgauge: housing.csv: 20%, 247k rows  ETA 1:20  12.3k rows/s  2.50MB/s  at "
              "2026-01-03 12:00\n"
              "driftgauge: housing.csv: 30%, 370k rows  ETA 1:10  12.3k rows/s  2.50MB/s  at "
              "2026-01-03 12:00\n"
              "driftgauge: housing.csv: 432k rows, 87.5MB in 35.0 s (12.3k rows/s, 2.50MB/s)\n");
    free(text);
}

static void a_bar_is_drawn_at_most_ten_times_a_second_and_leaves_nothing(void)
{
    char *text = run(DG_PROGRESS_BAR, 3.0, 100);
    CHECK_INT(count_of(text, "% "), 30);
    const char *last = strrchr(text, '\r');
    CHECK(last != NULL && strncmp(last, "\r\x1b[Kdriftgauge: housing.csv: 37.0k rows", 38) == 0);
    CHECK_INT(count_of(text, "\n"), 1);
    free(text);
}

static void a_bar_fits_any_width(void)
{
    for (int width = 20; width <= 200; width += 3) {
        char *text = run(DG_PROGRESS_BAR, 2.0, width);
        for (char *frame = strtok(text, "\r"); frame != NULL; frame = strtok(NULL, "\r")) {
            const char *shown = strncmp(frame, "\x1b[K", 3) == 0 ? frame + 3 : frame;
            if (strstr(shown, "driftgauge:") == NULL) {
                CHECK(dg_text_width(shown, strlen(shown)) < width);
            }
        }
        free(text);
    }
}

static void json_lines_say_when_they_are_the_last(void)
{
    char *text = run(DG_PROGRESS_JSON, 2.5, 80);
    CHECK_INT(count_of(text, "\n"), 3);
    CHECK_INT(count_of(text, "\"done\":false"), 2);
    CHECK_INT(count_of(text, "\"done\":true,\"seconds\":2.500,\"bytes\":6250000,"), 1);
    CHECK_INT(count_of(text, "\"event_time\":\"2026-01-03T12:00:00Z\"}\n"), 3);
    free(text);
}

static void off_says_nothing(void)
{
    char *text = run(DG_PROGRESS_OFF, 30.0, 80);
    CHECK_STR(text, "");
    free(text);
}

/* 60 s at 1000 rows/s, then at 3000: after 30 s, one memory, 1 - 1/e of the change is learnt. The
 * bias correction still counts the start: its weight is 1 - e^-3. */
static void the_rate_follows_a_change_within_its_memory(void)
{
    char *text = NULL;
    size_t len;
    int width = 80;
    struct dg_progress p;
    struct dg_progress_sample s = {.event_us = DG_TIME_NONE};
    const struct dg_progress_options options = {
        DG_PROGRESS_BAR, open_memstream(&text, &len), "x", now_us, width_of_test, &width};
    clock_us = 0;
    dg_progress_begin(&p, &options, true);
    CHECK(isnan(dg_progress_rates_of(&p, &s).rows));
    for (int i = 1; i <= 900; i++) {
        clock_us += 100000;
        s.rows += i <= 600 ? 100 : 300;
        dg_progress_update(&p, &s);
    }
    const double want =
        (1000.0 * (exp(-1.0) - exp(-3.0)) + 3000.0 * (1.0 - exp(-1.0))) / (1.0 - exp(-3.0));
    CHECK_REL(dg_progress_rates_of(&p, &s).rows, want, 1e-9);
    CHECK(isnan(dg_progress_rates_of(&p, &s).eta)); /* the total is not known */
    dg_progress_finish(&p, &s);
    fclose(options.stream);
    free(text);
}

static void a_message_clears_the_bar_first(void)
{
    char *text = NULL;
    size_t len;
    int width = 80;
    struct dg_progress p;
    FILE *stream = open_memstream(&text, &len);
    const struct dg_progress_options options = {DG_PROGRESS_BAR, stream,        "x",
                                                now_us,          width_of_test, &width};
    clock_us = 0;
    dg_log_set_stream(stream);
    dg_progress_begin(&p, &options, true);
    clock_us = 200000;
    const struct dg_progress_sample s = sample_at(0.2);
    dg_progress_update(&p, &s);
    dg_log(DG_LOG_WARNING, "bad_record", "line %d is cut off", 7);
    fflush(stream);
    CHECK(strstr(text, "\r\x1b[Kdriftgauge: warning: line 7 is cut off\n") != NULL);
    dg_progress_finish(&p, &s);
    dg_log_set_stream(NULL);
    fclose(stream);
    free(text);
}

static int pty(int *slave)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        return -1;
    }
    *slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    return *slave < 0 ? -1 : master;
}

static void set_columns(int fd, unsigned short columns)
{
    const struct winsize size = {.ws_row = 24, .ws_col = columns};
    CHECK_INT(ioctl(fd, TIOCSWINSZ, &size), 0);
}

/* What one update draws on a terminal of that width. */
static int drawn_width(struct dg_progress *p, int master, int slave, unsigned short columns)
{
    char got[1024];
    set_columns(slave, columns);
    clock_us += 200000;
    const struct dg_progress_sample s = sample_at((double)clock_us / 1e6);
    dg_progress_update(p, &s);
    const ssize_t n = read(master, got, sizeof got - 1);
    CHECK(n > 0);
    got[n > 0 ? n : 0] = '\0';
    const char *shown = strstr(got, "\x1b[K");
    shown = shown != NULL ? shown + 3 : got;
    return dg_text_width(shown, strlen(shown));
}

static void a_real_terminal_may_be_resized_between_drawings(void)
{
    int slave;
    const int master = pty(&slave);
    if (master < 0) {
        fprintf(stderr, "no pseudo-terminals here: not tested\n");
        return;
    }
    setenv("TERM", "xterm", 1);
    FILE *stream = fdopen(slave, "w");
    struct dg_progress p;
    const struct dg_progress_options options = {
        .mode = DG_PROGRESS_AUTO, .stream = stream, .what = "x", .now_us = now_us};
    clock_us = 0;
    dg_progress_begin(&p, &options, true);
    CHECK_INT(p.options.mode, DG_PROGRESS_BAR);
    const int first = drawn_width(&p, master, slave, 120);
    CHECK(first > 90 && first < 120);
    const int narrow = drawn_width(&p, master, slave, 40);
    CHECK(narrow > 20 && narrow < 40);
    const int wide = drawn_width(&p, master, slave, 120);
    CHECK(wide > 90 && wide < 120);
    const struct dg_progress_sample s = sample_at(1.0);
    dg_progress_finish(&p, &s);
    fclose(stream);
    close(master);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    return CHECK_MAIN(argc, argv, CASE(lines_come_every_ten_seconds),
                      CASE(a_bar_is_drawn_at_most_ten_times_a_second_and_leaves_nothing),
                      CASE(a_bar_fits_any_width), CASE(json_lines_say_when_they_are_the_last),
                      CASE(off_says_nothing), CASE(the_rate_follows_a_change_within_its_memory),
                      CASE(a_message_clears_the_bar_first),
                      CASE(a_real_terminal_may_be_resized_between_drawings));
}
