#include "connectors/clock.h"
#include "engine/cli/ask.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/screen.h"
#include "engine/cli/top_view.h"
#include "engine/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 3000

struct settings {
    struct dg_ask ask; /* first */
    double interval;   /* seconds */
    int sort;
    bool once, partitions;
};

static const struct dg_option top_options[] = {
    DG_ASK_OPTIONS,
    {.name = "interval",
     .letter = 'n',
     .kind = DG_OPTION_REAL,
     .value = "SECONDS",
     .initial = "1",
     .least = 0.1,
     .most = 3600,
     .doc = "how often to look",
     .offset = offsetof(struct settings, interval)},
    {.name = "sort",
     .kind = DG_OPTION_WORD,
     .words = dg_top_sort_words,
     .initial = "name",
     .doc = "what to sort by; numbers largest first",
     .offset = offsetof(struct settings, sort)},
    {.name = "partitions",
     .letter = 'p',
     .kind = DG_OPTION_FLAG,
     .doc = "show the partitions too",
     .offset = offsetof(struct settings, partitions)},
    {.name = "once",
     .kind = DG_OPTION_FLAG,
     .doc = "print one picture and end; needs no terminal",
     .offset = offsetof(struct settings, once)},
};

static const struct dg_example top_examples[] = {
    {"driftgauge top", "Watch the daemon on this machine."},
    {"driftgauge top --once --partitions --sort lag", "Who is behind, as text."},
};

const struct dg_command dg_top_command = {
    .name = "top",
    .summary = "watch a running daemon in the terminal",
    .description =
        "Draw the monitors of a daemon that runs (driftgauge run) and how they do, once a second, "
        "until q. LAST MINUTE is what stands before it, over the past minute.\n\n" DG_ASK_COLUMNS
        " Of partitions, NEXT is the offset up to which records are counted, COMMITTED what of "
        "that stands in the database, and those that are idle hold no window back.\n\nKeys: q "
        "quits; n, e, l, d sort by name, "
        "events, lag, drift; s takes the next of these; r reverses; p shows or hides "
        "partitions.\n\nWhen the daemon stops answering, the last picture stays, and the last line "
        "says so.",
    .options = top_options,
    .n_options = DG_COUNT_OF(top_options),
    .examples = top_examples,
    .n_examples = DG_COUNT_OF(top_examples),
    .run = dg_command_top,
};

struct top {
    struct settings settings;
    struct dg_status_request request;
    struct dg_top_look look;
    struct dg_status status;
    struct dg_error trouble; /* of the last asking; empty: it answered */
};

/* On failure the last status stays, and trouble says why. */
static int ask(struct top *t)
{
    struct dg_status fresh = {0};
    char *text = NULL;
    size_t len = 0;
    t->trouble.message[0] = '\0';
    int code = dg_status_fetch(&t->request, &text, &len, &t->trouble);
    code = code != 0 ? code : dg_status_read(text, len, &fresh, &t->trouble);
    free(text);
    if (code == 0) {
        dg_status_deinit(&t->status);
        t->status = fresh;
    }
    return code;
}

static int draw(struct top *t)
{
    char *text = NULL, footer[400];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    t->look.width = dg_screen_width();
    int code = out == NULL ? ENOMEM : dg_top_draw(&t->status, &t->look, out);
    code = out != NULL && fclose(out) != 0 ? ENOMEM : code;
    if (t->trouble.message[0] != '\0') {
        snprintf(footer, sizeof footer, "as of %s: %.300s", t->status.time, t->trouble.message);
    } else {
        snprintf(footer, sizeof footer, "q quit  s sort: %s%s  r reverse  p partitions",
                 dg_top_sort_words[t->look.sort], t->look.reverse ? " (reversed)" : "");
    }
    if (code == 0) {
        dg_screen_show(text, footer);
    }
    free(text);
    return code;
}

/* False: the user has had enough. */
static bool obey(struct top *t, int key)
{
    static const char sorts[] = "neld";
    const char *sort = key > 0 ? strchr(sorts, key) : NULL;
    if (sort != NULL) {
        t->look.sort = (enum dg_top_sort)(sort - sorts);
    } else if (key == 's') {
        t->look.sort = (enum dg_top_sort)((t->look.sort + 1) % DG_TOP_SORTS);
    } else if (key == 'r') {
        t->look.reverse = !t->look.reverse;
    } else if (key == 'p') {
        t->look.partitions = !t->look.partitions;
    }
    return key != 'q' && key != 'Q' && key != DG_SCREEN_ENDED;
}

static int watch(struct top *t)
{
    const int64_t interval_ms = (int64_t)(t->settings.interval * 1000);
    int64_t due_ms = dg_steady_ms() + interval_ms;
    bool go = true;
    int code = draw(t);
    while (go && code == 0) {
        const int64_t left_ms = due_ms - dg_steady_ms();
        const int key = dg_screen_key(left_ms > 0 ? (int)left_ms : 0);
        go = obey(t, key);
        if (go && dg_steady_ms() >= due_ms) {
            (void)!ask(t);
            due_ms = dg_steady_ms() + interval_ms;
            go = !dg_screen_ended();
            code = draw(t);
        } else if (go && key != 0) {
            code = draw(t);
        }
    }
    return code;
}

static int run_live(struct top *t)
{
    t->request.stop = dg_screen_ended;
    if (dg_screen_enter() != 0) {
        return dg_report(DG_EXIT_UNEXPECTED, &(struct dg_error){"cannot take the terminal"});
    }
    const int code = watch(t);
    dg_screen_leave();
    const int number = dg_screen_signal();
    if (number != 0 && number != SIGINT) {
        raise(number); /* its old action: end as others do */
    }
    if (code != 0) {
        struct dg_error err = {0};
        dg_fail_memory(&err);
        return dg_report(DG_EXIT_UNEXPECTED, &err);
    }
    return number == SIGINT ? DG_EXIT_INTERRUPTED : DG_EXIT_OK;
}

static int run_once(struct top *t)
{
    if (dg_top_draw(&t->status, &t->look, stdout) == 0) {
        return DG_EXIT_OK;
    }
    struct dg_error err = {0};
    dg_fail_memory(&err);
    return dg_report(DG_EXIT_UNEXPECTED, &err);
}

int dg_command_top(int argc, char **argv)
{
    struct top t = {0};
    int code = dg_options_parse(&dg_top_command, argc, argv, &t.settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    const struct dg_terminal terminal = dg_terminal_of(stdout, dg_common()->no_color);
    if (!terminal.tty && !t.settings.once) {
        return dg_usage_error(&dg_top_command,
                              "standard output is no terminal; --once prints one picture");
    }
    t.look = (struct dg_top_look){.width = terminal.width,
                                  .colors = terminal.colors,
                                  .unicode = terminal.unicode,
                                  .sort = (enum dg_top_sort)t.settings.sort,
                                  .partitions = t.settings.partitions};
    t.request = dg_ask_request(&t.settings.ask, TIMEOUT_MS);
    code = ask(&t);
    if (code != 0) {
        return dg_ask_exit(code, &t.trouble);
    }
    code = t.settings.once ? run_once(&t) : run_live(&t);
    dg_status_deinit(&t.status);
    return code;
}
