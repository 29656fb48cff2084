#include "engine/cli/ask.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/terminal.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000

enum form { FORM_TABLE, FORM_JSON };
static const char *const forms[] = {"table", "json", NULL};

struct settings {
    struct dg_ask ask; /* first */
    int form;
};

static const struct dg_option status_options[] = {
    DG_ASK_OPTIONS,
    {.name = "output",
     .letter = 'o',
     .kind = DG_OPTION_WORD,
     .words = forms,
     .initial = "table",
     .doc = "how to print it; json is the document of /v1/status as it is",
     .offset = offsetof(struct settings, form)},
};

static const struct dg_example status_examples[] = {
    {"driftgauge status", "Is it ready, is it behind, what drifts."},
    {"driftgauge status --url http://10.0.0.7:9464 --token-file token -o json | jq .monitors[].lag",
     "How far behind each monitor of another machine is."},
};

const struct dg_command dg_status_command = {
    .name = "status",
    .summary = "tell how a running daemon is",
    .description =
        "Ask a daemon that runs (driftgauge run) for its state: ready or not and why, and how each "
        "monitor does.\n\n" DG_ASK_COLUMNS
        " LAST WINDOW is where the newest judged one ends.\n\nThe answer 0 means ready, 4 that "
        "it "
        "is not ready or cannot be asked; standard error says which. Proxies are not used.",
    .options = status_options,
    .n_options = DG_COUNT_OF(status_options),
    .examples = status_examples,
    .n_examples = DG_COUNT_OF(status_examples),
    .run = dg_command_status,
};

static const struct dg_grid_column columns[] = {
    {.title = "MONITOR", .cut = true},  {.title = "STATE"},
    {.title = "LAG", .right = true},    {.title = "EVENTS/S", .right = true, .drop = 3},
    {.title = "BEHIND", .right = true}, {.title = "LAST WINDOW", .drop = 2},
    {.title = "DRIFTED", .cut = true},  {.title = "BAD", .right = true, .drop = 4},
};

static void put_monitor(struct dg_grid *g, const struct dg_status_monitor *m)
{
    char text[DG_SHOWN_MAX], drift[200];
    const char *state = dg_monitor_state(m);
    dg_show_drift(m, drift, sizeof drift);
    dg_grid_put(g, DG_INK_PLAIN, "%s", m->name);
    dg_grid_put(g, dg_state_ink(state), "%s", state);
    dg_grid_put(g, DG_INK_PLAIN, "%s", dg_show_count((double)m->lag, text));
    dg_grid_put(g, DG_INK_PLAIN, "%s", dg_show_count(m->records_per_s, text));
    dg_grid_put(g, DG_INK_PLAIN, "%s", dg_show_age(m->watermark_age_s, text));
    dg_grid_put(g, DG_INK_PLAIN, "%s", m->judged_until[0] != '\0' ? m->judged_until : "-");
    dg_grid_put(g, dg_drifted(m) > 0 ? DG_INK_RED : DG_INK_PLAIN, "%s", drift);
    dg_grid_put(g, m->bad > 0 ? DG_INK_YELLOW : DG_INK_PLAIN, "%s",
                dg_show_count((double)m->bad, text));
}

static int print_table(const struct dg_status *s)
{
    const struct dg_terminal t = dg_terminal_of(stdout, dg_common()->no_color);
    const struct dg_grid_look look = {.width = t.width, .colors = t.colors, .unicode = t.unicode};
    struct dg_grid g;
    dg_show_head(s, t.colors, stdout);
    dg_show_parts(s, t.colors, stdout);
    if (s->n_monitors == 0) {
        return 0;
    }
    putchar('\n');
    dg_grid_init(&g, columns, DG_COUNT_OF(columns));
    for (size_t i = 0; i < s->n_monitors; i++) {
        put_monitor(&g, &s->monitor[i]);
    }
    const int code = dg_grid_print(&g, &look, stdout);
    dg_grid_deinit(&g);
    return code;
}

int dg_command_status(int argc, char **argv)
{
    struct settings settings = {0};
    int code = dg_options_parse(&dg_status_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    const struct dg_status_request request = dg_ask_request(&settings.ask, TIMEOUT_MS);
    struct dg_error err = {0};
    struct dg_status s = {0};
    char *text = NULL;
    size_t len = 0;
    code = dg_status_fetch(&request, &text, &len, &err);
    code = code != 0 ? code : dg_status_read(text, len, &s, &err);
    if (code == 0 && settings.form == FORM_JSON) {
        fwrite(text, 1, len, stdout);
    } else if (code == 0) {
        code = print_table(&s);
        code = code == 0 ? 0 : dg_fail_memory(&err);
    }
    int answer = code == 0 ? DG_EXIT_OK : dg_ask_exit(code, &err);
    if (code == 0 && strcmp(s.state, "ready") != 0) {
        dg_fail(&err, 0, "not ready: %s", s.words);
        answer = dg_report(DG_EXIT_DEPENDENCY, &err);
    }
    dg_status_deinit(&s);
    free(text);
    return answer;
}
