/* engine/cli/commands.h -- the list of commands. To add one: declare its table here, add it to
 * dg_commands in commands.c (in the order in which help should show it), run scripts/generate.sh.
 */
#ifndef DG_ENGINE_CLI_COMMANDS_H
#define DG_ENGINE_CLI_COMMANDS_H

#include "engine/cli/options.h"

extern const struct dg_command dg_baseline_command;
extern const struct dg_command dg_check_command;
extern const struct dg_command dg_completion_command;
extern const struct dg_command dg_config_command;
extern const struct dg_command dg_db_command;
extern const struct dg_command dg_demo_command;
extern const struct dg_command dg_help_command;
extern const struct dg_command dg_init_command;
extern const struct dg_command dg_replay_command;
extern const struct dg_command dg_run_command;
extern const struct dg_command dg_status_command;
extern const struct dg_command dg_top_command;
extern const struct dg_command dg_version_command;

int dg_command_check(int argc, char **argv);
int dg_command_completion(int argc, char **argv);
int dg_command_config_show(int argc, char **argv);
int dg_command_config_schema(int argc, char **argv);
int dg_command_config_reference(int argc, char **argv);
int dg_command_demo(int argc, char **argv);
int dg_command_help(int argc, char **argv);
int dg_command_init(int argc, char **argv);
int dg_command_replay(int argc, char **argv);
int dg_command_run(int argc, char **argv);
int dg_command_status(int argc, char **argv);
int dg_command_top(int argc, char **argv);
int dg_command_version(int argc, char **argv);

/* Report a failure of connectors/postgres*.h on stderr; the exit code that it stands for. */
int dg_db_exit(int code, const struct dg_error *err);

/* NULL-terminated. */
extern const struct dg_command *const dg_commands[];

/* By name in a NULL-terminated list; NULL if there is none. */
const struct dg_command *dg_command_find(const struct dg_command *const list[], const char *name);

/* "unknown command", with a suggestion from `list` (may be NULL), on stderr; `parent`: whose
 * subcommand it should have been, or NULL. Returns DG_EXIT_USAGE. */
int dg_unknown_command(const struct dg_command *const list[], const struct dg_command *parent,
                       const char *name);

/* The manual page, mdoc, for every command in dg_commands. */
void dg_man_print(FILE *out);

/* Find the command that argv[1 ..] names, through subcommands, and run it. The process's answer. */
int dg_dispatch(int argc, char **argv);

#endif
