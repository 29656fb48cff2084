/* The manual page driftgauge(1), in mdoc, from the tables. */
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"

#include <string.h>

#define DATE "November 21, 2026" /* of the last change of substance to the page */

/* Text lines: nothing in them is a request or an escape. */
static void put_text(const char *text, FILE *out)
{
    bool start = true;
    for (const char *c = text; *c != '\0'; c++) {
        if (start && (*c == '.' || *c == '\'')) {
            fputs("\\&", out);
        }
        if (*c == '\\') {
            fputs("\\e", out);
        } else if (*c == '\n' && c[1] == '\n') {
            fputs("\n.Pp", out);
        } else if (c > text && c[-1] == '.' && *c == ' ') {
            putc('\n', out); /* a new sentence begins a new line */
        } else {
            putc(*c, out);
        }
        start = *c == '\n';
    }
    putc('\n', out);
}

/* Words of a macro line: none of them may be taken for a macro. */
static void put_argument(const char *word, FILE *out)
{
    fputs(" \\&", out);
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\\') {
            fputs("\\e", out);
        } else if (*c == '"') {
            fputs("\\(dq", out);
        } else if (*c == ' ') {
            fputs("\\ ", out);
        } else {
            putc(*c, out);
        }
    }
}

static void put_option(const struct dg_option *o, FILE *out)
{
    const char *value = dg_option_placeholder(o);
    fputs(".It", out);
    if (o->letter != '\0') {
        fprintf(out, " Fl %c ,", o->letter);
    }
    fprintf(out, " Fl -%s", o->name);
    if (value != NULL) {
        fputs(" Ar", out);
        put_argument(value, out);
    }
    putc('\n', out);
    put_text(o->doc, out);
    if (o->kind == DG_OPTION_WORD) {
        fputs("\\(em\n", out);
        for (size_t i = 0; o->words[i] != NULL; i++) {
            fputs(".Cm", out);
            put_argument(o->words[i], out);
            fputs(o->words[i + 1] != NULL ? " ,\n" : "\n", out);
        }
    }
    if (o->kind == DG_OPTION_LIST) {
        fputs("(may be repeated)\n", out);
    }
    if (o->required) {
        fputs("(required)\n", out);
    } else if (o->initial != NULL) {
        fprintf(out, ".Pq default : Cm");
        put_argument(o->initial, out);
        putc('\n', out);
    }
}

static void put_options(const struct dg_option options[], size_t n, FILE *out)
{
    if (n == 0) {
        return;
    }
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < n; i++) {
        put_option(&options[i], out);
    }
    fputs(".El\n", out);
}

static void put_command(const struct dg_command *command, FILE *out)
{
    char name[DG_COMMAND_NAME_MAX];
    const char *words = dg_command_full_name(command, name) + strlen("driftgauge ");
    fprintf(out, ".Ss %s\n.Nm\n.Cm", words);
    put_argument(words, out);
    putc('\n', out);
    if (command->n_options > 0) {
        fputs(".Op Ar option ...\n", out);
    }
    if (command->operands != NULL) {
        fputs(".Ar", out);
        put_argument(command->operands, out);
        putc('\n', out);
    }
    fputs(".Pp\n", out);
    put_text(command->description, out);
    if (command->operands != NULL) {
        fputs(".Pp\nArguments:\n", out);
        put_text(command->operand_doc, out);
    }
    put_options(command->options, command->n_options, out);
}

static void put_commands(FILE *out)
{
    fputs(".Sh COMMANDS\n", out);
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        const struct dg_command *const *sub = dg_commands[i]->subcommands;
        if (sub == NULL) {
            put_command(dg_commands[i], out);
            continue;
        }
        for (; *sub != NULL; sub++) {
            put_command(*sub, out);
        }
    }
}

struct entry {
    const char *macro;
    const char *name;
    const char *doc;
};

static void put_entries(const char *section, const struct entry entry[], size_t n, FILE *out)
{
    fprintf(out, ".Sh %s\n.Bl -tag -width Ds\n", section);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, ".It %s", entry[i].macro);
        put_argument(entry[i].name, out);
        putc('\n', out);
        put_text(entry[i].doc, out);
    }
    fputs(".El\n", out);
}

static void put_environment(FILE *out)
{
    static const struct entry environment[] = {
        {"Ev", "CLICOLOR_FORCE",
         "If set and not 0, colours are used although standard output is "
         "not a terminal."},
        {"Ev", "COLUMNS", "Width to format for where standard output is not a terminal."},
        {"Ev", "DRIFTGAUGE_DB",
         "The database, where no option names one; then those of libpq: "
         "PGHOST, PGDATABASE and so on."},
        {"Ev", "LC_ALL",
         "With\nits companions LC_CTYPE and LANG: the character set; outside "
         "UTF-8, charts are drawn in ASCII."},
        {"Ev", "NO_COLOR", "If set and not empty, no colours are used."},
        {"Ev", "TERM", "If\ndumb, no colours are used and progress is printed as lines."},
    };
    put_entries("ENVIRONMENT", environment, DG_COUNT_OF(environment), out);
}

static void put_files(FILE *out)
{
    static const struct entry files[] = {
        {"Pa", "monitor.yaml",
         "What to watch: one monitor per file. init writes a first version "
         "from data; check reports every mistake in it."},
        {"Pa", "*.baseline.json",
         "Baselines: immutable references, named by a monitor file relative to its "
         "own directory."},
    };
    put_entries("FILES", files, DG_COUNT_OF(files), out);
}

static void put_exit_status(FILE *out)
{
    fputs(".Sh EXIT STATUS\nThese numbers do not change between releases.\n"
          ".Bl -tag -width 130x\n",
          out);
    for (size_t i = 0; i < dg_n_exit_docs; i++) {
        fprintf(out, ".It %d\n", (int)dg_exit_docs[i].code);
        put_text(dg_exit_docs[i].doc, out);
    }
    fputs(".El\n", out);
}

static void put_examples_of(const struct dg_command *command, FILE *out)
{
    for (size_t i = 0; i < command->n_examples; i++) {
        put_text(command->examples[i].doc, out);
        fputs(".Bd -literal -offset indent\n", out);
        put_text(command->examples[i].command, out);
        fputs(".Ed\n", out);
    }
}

static void put_examples(FILE *out)
{
    fputs(".Sh EXAMPLES\n", out);
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        put_examples_of(dg_commands[i], out);
        const struct dg_command *const *sub = dg_commands[i]->subcommands;
        for (; sub != NULL && *sub != NULL; sub++) {
            put_examples_of(*sub, out);
        }
    }
}

void dg_man_print(FILE *out)
{
    fputs(".\\\" Generated by \"driftgauge help --man\"; change the tables in engine/cli.\n"
          ".Dd " DATE "\n.Dt DRIFTGAUGE 1\n.Os driftgauge\n"
          ".Sh NAME\n.Nm driftgauge\n.Nd watch machine-learning models in production\n"
          ".Sh SYNOPSIS\n.Nm\n.Op Ar option ...\n.Ar command\n.Op Ar argument ...\n"
          ".Sh DESCRIPTION\n",
          out);
    put_text("driftgauge reads the prediction logs of machine-learning models, keeps sliding "
             "windows of event time, measures how far each column has moved from a baseline, and "
             "judges.\n\n"
             "Results go to standard output, messages and progress to standard error. A result is "
             "a function of the log, the configuration and the baseline alone: the same input "
             "gives the same bytes.\n\n"
             "Durations are written like 90s, 1h30m, 7d or 2w; times like 2026-11-21 or "
             "2026-11-21T18:00:00Z, in UTC unless they name an offset; counts like 200, 10k or "
             "3M; shares like 0.25 or 25%.",
             out);
    fputs(".Pp\nThese options may stand before the command or among its own:\n", out);
    put_options(dg_common_options, dg_n_common_options, out);
    put_commands(out);
    put_environment(out);
    put_files(out);
    put_exit_status(out);
    put_examples(out);
    fputs(".Sh SEE ALSO\n.Xr psql 1\n.Pp\nThe user guide and the formulas come with the program, "
          "in its documentation directory.\n",
          out);
}
