#include "engine/cli/commands.h"

#include "engine/cli/exit_codes.h"
#include "engine/suggest.h"
#include "engine/terminal.h"

#include <string.h>

/* One a line, so that additions do not meet. */
/* clang-format off */
const struct dg_command *const dg_commands[] = {
    &dg_run_command,
    &dg_replay_command,
    &dg_baseline_command,
    &dg_status_command,
    &dg_top_command,
    &dg_init_command,
    &dg_check_command,
    &dg_config_command,
    &dg_db_command,
    &dg_demo_command,
    &dg_completion_command,
    &dg_help_command,
    &dg_version_command,
    NULL,
};
/* clang-format on */

const struct dg_exit_doc dg_exit_docs[] = {
    {DG_EXIT_OK, "success"},
    {DG_EXIT_UNEXPECTED, "an unexpected failure, such as a full disk or no memory"},
    {DG_EXIT_USAGE, "the command line is wrong"},
    {DG_EXIT_CONFIG, "a configuration or baseline file is wrong"},
    {DG_EXIT_DEPENDENCY, "a database, broker or registry cannot be reached"},
    {DG_EXIT_DATA, "the input cannot be read, or has more bad records than tolerated"},
    {DG_EXIT_TIMEOUT, "gave up waiting"},
    {DG_EXIT_WARN, "the verdict is warn, where the command was told to fail on it"},
    {DG_EXIT_CRITICAL, "the verdict is critical, where the command was told to fail on it"},
    {DG_EXIT_INTERRUPTED, "ended by an interrupt"},
};
const size_t dg_n_exit_docs = DG_COUNT_OF(dg_exit_docs);

int dg_exit_of_severity(enum dg_severity severity, enum dg_severity floor)
{
    if (floor == DG_OK || severity < floor) {
        return DG_EXIT_OK;
    }
    return severity == DG_CRITICAL ? DG_EXIT_CRITICAL : DG_EXIT_WARN;
}

const struct dg_command *dg_command_find(const struct dg_command *const list[], const char *name)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(list[i]->name, name) == 0) {
            return list[i];
        }
    }
    return NULL;
}

int dg_unknown_command(const struct dg_command *const list[], const struct dg_command *parent,
                       const char *name)
{
    struct dg_suggestion s = {.word = name};
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        dg_suggest(&s, list[i]->name);
    }
    return dg_usage_error(parent, "unknown command \"%s\"%s%s%s", name,
                          s.best != NULL ? "; did you mean " : "", s.best != NULL ? s.best : "",
                          s.best != NULL ? "?" : "");
}

/* argv[0] names `group`; argv[1] should name one of its subcommands. */
static int run_subcommand(const struct dg_command *group, int argc, char **argv)
{
    if (argc < 2) {
        dg_help_print(group, dg_terminal_text_width(stderr), stderr);
        return DG_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        dg_help_print(group, dg_terminal_text_width(stdout), stdout);
        return DG_EXIT_OK;
    }
    const struct dg_command *command = dg_command_find(group->subcommands, argv[1]);
    return command != NULL ? command->run(argc - 1, argv + 1)
                           : dg_unknown_command(group->subcommands, group, argv[1]);
}

/* The options before the command's name. */
static const struct dg_command global = {.name = "driftgauge", .summary = "", .description = ""};

static int parse_leading(int n, char **argv)
{
    struct dg_error err = {0};
    const int code = dg_options_read(&global, n, argv, NULL, &err);
    return code == 0 || dg_common()->help ? 0 : dg_usage_error(NULL, "%s", err.message);
}

int dg_dispatch(int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-') {
        if (strcmp(argv[at], "--version") == 0 || strcmp(argv[at], "-V") == 0) {
            return dg_command_version(1, argv);
        }
        at += strcmp(argv[at], "--log-format") == 0 && at + 1 < argc ? 2 : 1;
    }
    const int code = parse_leading(at, argv);
    if (code != 0) {
        return code;
    }
    if (dg_common()->help) {
        dg_help_print(NULL, dg_terminal_text_width(stdout), stdout);
        return DG_EXIT_OK;
    }
    if (at == argc) {
        dg_help_print(NULL, dg_terminal_text_width(stderr), stderr);
        return DG_EXIT_USAGE;
    }
    const struct dg_command *command = dg_command_find(dg_commands, argv[at]);
    if (command == NULL) {
        return dg_unknown_command(dg_commands, NULL, argv[at]);
    }
    return command->subcommands != NULL ? run_subcommand(command, argc - at, argv + at)
                                        : command->run(argc - at, argv + at);
}
