#include "engine/config.h"

#include "engine/cli/commands.h"
#include "engine/cli/config_files.h"
#include "engine/cli/exit_codes.h"
#include "engine/live/settings.h"
#include "engine/monitor_keys.h"

#include <errno.h>

struct config_settings {
    struct dg_words files;
    int of;
};

enum { OF_MONITOR, OF_DAEMON };
static const char *const of_words[] = {"monitor", "daemon", NULL};

static const struct dg_example show_examples[] = {
    {"driftgauge config show credit-risk.yaml", "Print what the file means, every default written "
                                                "out."},
};
static const struct dg_command show_command = {
    .name = "show",
    .summary = "print a monitor file with every default filled in",
    .description = "Read a monitor file, check it, and print it as YAML with environment variables "
                   "replaced and every default filled in. What is printed means the same and is a "
                   "valid monitor file itself. A file named driftgauge.yaml is that of the daemon.",
    .operands = "FILE",
    .operand_doc = "a monitor file; - is standard input",
    .least_operands = 1,
    .most_operands = 1,
    .complete_operands = DG_COMPLETE_FILE,
    .operands_offset = offsetof(struct config_settings, files),
    .examples = show_examples,
    .n_examples = DG_COUNT_OF(show_examples),
    .parent = &dg_config_command,
    .run = dg_command_config_show,
};

static const struct dg_option schema_options[] = {
    {.name = "of",
     .kind = DG_OPTION_WORD,
     .words = of_words,
     .initial = "monitor",
     .doc = "which files: monitors, or driftgauge.yaml",
     .offset = offsetof(struct config_settings, of)},
};
static const struct dg_example schema_examples[] = {
    {"driftgauge config schema > driftgauge.schema.json",
     "Write the schema where an editor finds it."},
};
static const struct dg_command schema_command = {
    .name = "schema",
    .summary = "print the JSON Schema of monitor files",
    .description = "Print a JSON Schema (draft 2020-12) with which editors complete and check "
                   "monitor files, or driftgauge.yaml. What only the program can know, such as "
                   "whether a slide divides its window, is left to `driftgauge check`.",
    .options = schema_options,
    .n_options = DG_COUNT_OF(schema_options),
    .examples = schema_examples,
    .n_examples = DG_COUNT_OF(schema_examples),
    .parent = &dg_config_command,
    .run = dg_command_config_schema,
};

static const struct dg_example reference_examples[] = {
    {"driftgauge config reference | less", "Look up a key or a metric."},
};
static const struct dg_command reference_command = {
    .name = "reference",
    .summary = "print every key and metric, as Markdown",
    .description = "Print what every key of a monitor file and of driftgauge.yaml means, its "
                   "values and default, and the metrics that checks can put bounds on.",
    .examples = reference_examples,
    .n_examples = DG_COUNT_OF(reference_examples),
    .parent = &dg_config_command,
    .run = dg_command_config_reference,
};

static const struct dg_command *const subcommands[] = {&show_command, &schema_command,
                                                       &reference_command, NULL};
const struct dg_command dg_config_command = {
    .name = "config",
    .summary = "show what a monitor file means, or may say",
    .description = "Print a monitor file with its defaults, the schema of such files, or their "
                   "reference.",
    .subcommands = subcommands,
};

static int show_monitor(const char *path, struct dg_diagnostics *d)
{
    struct dg_config config;
    const int rc = dg_config_load(path, d, &config);
    dg_diagnostics_print(d, stderr);
    if (rc == 0) {
        dg_settings_show(config.settings, stdout);
    }
    dg_config_deinit(&config);
    return rc;
}

static int show_daemon(const char *path, struct dg_diagnostics *d)
{
    struct dg_daemon_file file = {0};
    struct dg_daemon_settings settings = {0};
    const int rc = dg_daemon_settings_load(path, d, &file, &settings);
    dg_diagnostics_print(d, stderr);
    if (rc == 0) {
        dg_settings_show(file.written, stdout);
    }
    dg_daemon_settings_deinit(&settings);
    dg_daemon_file_deinit(&file);
    return rc;
}

int dg_command_config_show(int argc, char **argv)
{
    struct config_settings settings = {0};
    const int code = dg_options_parse(&show_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    struct dg_diagnostics d = {0};
    const char *path = settings.files.word[0];
    const int rc = (dg_is_settings_file(path) ? show_daemon : show_monitor)(path, &d);
    dg_diagnostics_deinit(&d);
    dg_words_deinit(&settings.files);
    return rc == 0 ? DG_EXIT_OK : rc == ENOMEM ? DG_EXIT_UNEXPECTED : DG_EXIT_CONFIG;
}

int dg_command_config_schema(int argc, char **argv)
{
    struct config_settings settings = {0};
    const int code = dg_options_parse(&schema_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    const struct dg_section *of =
        settings.of == OF_DAEMON ? &dg_daemon_section : &dg_monitor_section;
    if (dg_schema_json(of, stdout) != 0) {
        struct dg_error err;
        dg_fail_memory(&err);
        return dg_report(DG_EXIT_UNEXPECTED, &err);
    }
    return DG_EXIT_OK;
}

int dg_command_config_reference(int argc, char **argv)
{
    struct config_settings settings = {0};
    const int code = dg_options_parse(&reference_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    dg_monitor_reference(stdout);
    return DG_EXIT_OK;
}
