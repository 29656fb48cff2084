#include "engine/config.h"

#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/monitor_keys.h"

#include <errno.h>

struct config_settings {
    struct dg_words files;
};

static const struct dg_example show_examples[] = {
    {"driftgauge config show credit-risk.yaml", "Print what the file means, every default written "
                                                "out."},
};
static const struct dg_command show_command = {
    .name = "show",
    .summary = "print a monitor file with every default filled in",
    .description = "Read a monitor file, check it, and print it as YAML with environment variables "
                   "replaced and every default filled in. What is printed means the same and is a "
                   "valid monitor file itself.",
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

static const struct dg_example schema_examples[] = {
    {"driftgauge config schema > driftgauge.schema.json",
     "Write the schema where an editor finds it."},
};
static const struct dg_command schema_command = {
    .name = "schema",
    .summary = "print the JSON Schema of monitor files",
    .description = "Print a JSON Schema (draft 2020-12) with which editors complete and check "
                   "monitor files. What only the program can know, such as whether a slide divides "
                   "its window, is left to `driftgauge check`.",
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
    .description = "Print what every key of a monitor file means, its values and default, and the "
                   "metrics that checks can put bounds on.",
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

int dg_command_config_show(int argc, char **argv)
{
    struct config_settings settings = {0};
    const int code = dg_options_parse(&show_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    struct dg_diagnostics d = {0};
    struct dg_config config;
    const int rc = dg_config_load(settings.files.word[0], &d, &config);
    dg_diagnostics_print(&d, stderr);
    if (rc == 0) {
        dg_settings_show(config.settings, stdout);
    }
    dg_config_deinit(&config);
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
    if (dg_schema_json(&dg_monitor_section, stdout) != 0) {
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
