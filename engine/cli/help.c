/* Help texts from the tables. */
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/options_value.h"
#include "engine/terminal.h"

#include <string.h>

#define INDENT     2
#define DOC_COLUMN 28

/* Words of text, wrapped: `column` is where the cursor is, `indent` where further lines begin. */
static void put_wrapped(const char *text, int column, int indent, int width, FILE *out)
{
    const char *at = text;
    bool first = true;
    while (*at != '\0') {
        const size_t len = strcspn(at, " \n");
        const int columns = dg_text_width(at, len);
        if (!first && column + 1 + columns > width) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            putc(' ', out);
            column++;
        }
        fwrite(at, 1, len, out);
        column += columns;
        first = false;
        at += len;
        at += strspn(at, " \n");
    }
    putc('\n', out);
}

/* Paragraphs are separated by a blank line. */
static void put_paragraphs(const char *text, int width, FILE *out)
{
    while (*text != '\0') {
        const char *end = strstr(text, "\n\n");
        const size_t len = end != NULL ? (size_t)(end - text) : strlen(text);
        char paragraph[2048];
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)len, text);
        put_wrapped(paragraph, 0, 0, width, out);
        putc('\n', out);
        text += len;
        text += strspn(text, "\n");
    }
}

static void put_entry(const char *head, const char *doc, int width, FILE *out)
{
    fprintf(out, "%*s%s", INDENT, "", head);
    int column = INDENT + dg_text_width(head, strlen(head));
    if (column > DOC_COLUMN - 2) {
        putc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", DOC_COLUMN - column, "");
    put_wrapped(doc, DOC_COLUMN, DOC_COLUMN, width, out);
}

static void put_option(const struct dg_option *o, int width, FILE *out)
{
    const char *value = dg_option_placeholder(o);
    char head[128];
    char doc[1024];
    if (o->letter != '\0') {
        snprintf(head, sizeof head, "-%c, --%s%s%s", o->letter, o->name, value != NULL ? " " : "",
                 value != NULL ? value : "");
    } else {
        snprintf(head, sizeof head, "    --%s%s%s", o->name, value != NULL ? " " : "",
                 value != NULL ? value : "");
    }
    snprintf(doc, sizeof doc, "%s", o->doc);
    size_t used = strlen(doc);
    for (size_t i = 0; o->kind == DG_OPTION_WORD && o->words[i] != NULL; i++) {
        snprintf(doc + used, sizeof doc - used, "%s%s", i == 0 ? ": " : " | ", o->words[i]);
        used = strlen(doc);
    }
    if (o->kind == DG_OPTION_LIST) {
        snprintf(doc + used, sizeof doc - used, " (may be repeated)");
        used = strlen(doc);
    }
    if (o->required) {
        snprintf(doc + used, sizeof doc - used, " (required)");
    } else if (o->initial != NULL) {
        snprintf(doc + used, sizeof doc - used, " (default: %s)", o->initial);
    }
    put_entry(head, doc, width, out);
}

static void put_options(const char *title, const struct dg_option options[], size_t n, int width,
                        FILE *out)
{
    if (n == 0) {
        return;
    }
    fprintf(out, "%s:\n", title);
    for (size_t i = 0; i < n; i++) {
        put_option(&options[i], width, out);
    }
    putc('\n', out);
}

static void put_commands(const struct dg_command *const list[], int width, FILE *out)
{
    fputs("Commands:\n", out);
    for (size_t i = 0; list[i] != NULL; i++) {
        put_entry(list[i]->name, list[i]->summary, width, out);
    }
    putc('\n', out);
}

static void put_overview(int width, FILE *out)
{
    fputs("Usage: driftgauge [OPTION...] COMMAND [ARGUMENT...]\n\n", out);
    put_wrapped("Watch machine-learning models in production: read prediction logs, keep sliding "
                "windows, measure drift, judge.",
                0, 0, width, out);
    putc('\n', out);
    put_commands(dg_commands, width, out);
    put_options("Options of every command", dg_common_options, dg_n_common_options, width, out);
    fputs("Exit status:\n", out);
    for (size_t i = 0; i < dg_n_exit_docs; i++) {
        char head[16];
        snprintf(head, sizeof head, "%d", (int)dg_exit_docs[i].code);
        put_entry(head, dg_exit_docs[i].doc, width, out);
    }
    fputs("\nSee \"driftgauge COMMAND --help\" and driftgauge(1).\n", out);
}

void dg_help_print(const struct dg_command *command, int width, FILE *out)
{
    if (command == NULL) {
        put_overview(width, out);
        return;
    }
    char name[DG_COMMAND_NAME_MAX];
    dg_command_full_name(command, name);
    fprintf(out, "Usage: %s%s%s%s%s\n\n", name, command->subcommands != NULL ? " COMMAND" : "",
            command->n_options > 0 ? " [OPTION...]" : "", command->operands != NULL ? " " : "",
            command->operands != NULL ? command->operands : "");
    put_paragraphs(command->description, width, out);
    if (command->subcommands != NULL) {
        put_commands(command->subcommands, width, out);
    }
    if (command->operands != NULL) {
        fputs("Arguments:\n", out);
        put_entry(command->operands, command->operand_doc, width, out);
        putc('\n', out);
    }
    put_options("Options", command->options, command->n_options, width, out);
    put_options("Options of every command", dg_common_options, dg_n_common_options, width, out);
    if (command->n_examples > 0) {
        fputs("Examples:\n", out);
        for (size_t i = 0; i < command->n_examples; i++) {
            fprintf(out, "%*s%s\n%*s", INDENT, "", command->examples[i].command, 2 * INDENT, "");
            put_wrapped(command->examples[i].doc, 2 * INDENT, 2 * INDENT, width, out);
        }
    }
}

struct help_settings {
    struct dg_words words;
    bool man;
};

static const struct dg_option help_options[] = {
    {.name = "man",
     .kind = DG_OPTION_FLAG,
     .doc = "print the manual page, in mdoc",
     .offset = offsetof(struct help_settings, man)},
};

static const struct dg_example help_examples[] = {
    {"driftgauge help version", "Print the help of one command."},
    {"driftgauge help --man | man -l -", "Read the manual without installing it."},
};

const struct dg_command dg_help_command = {
    .name = "help",
    .summary = "explain a command",
    .description = "Print the help of a command, as COMMAND --help does; without a command, the "
                   "overview.",
    .operands = "[COMMAND...]",
    .operand_doc = "a command and, where it has them, its subcommand",
    .most_operands = 2,
    .operands_offset = offsetof(struct help_settings, words),
    .options = help_options,
    .n_options = DG_COUNT_OF(help_options),
    .examples = help_examples,
    .n_examples = DG_COUNT_OF(help_examples),
    .run = dg_command_help,
};

static int print_help_of(const struct dg_words *words)
{
    const struct dg_command *const *list = dg_commands;
    const struct dg_command *command = NULL;
    for (size_t i = 0; i < words->n; i++) {
        command = list != NULL ? dg_command_find(list, words->word[i]) : NULL;
        if (command == NULL) {
            return dg_unknown_command(list, NULL, words->word[i]);
        }
        list = command->subcommands;
    }
    dg_help_print(command, dg_terminal_text_width(stdout), stdout);
    return DG_EXIT_OK;
}

int dg_command_help(int argc, char **argv)
{
    struct help_settings settings = {0};
    int code = dg_options_parse(&dg_help_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    if (settings.man) {
        dg_man_print(stdout);
        code = DG_EXIT_OK;
    } else {
        code = print_help_of(&settings.words);
    }
    dg_words_deinit(&settings.words);
    return code;
}
