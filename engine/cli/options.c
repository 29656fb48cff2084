#include "engine/cli/options.h"

#include "engine/cli/exit_codes.h"
#include "engine/cli/options_value.h"
#include "engine/log.h"
#include "engine/projection.h"
#include "engine/suggest.h"
#include "engine/terminal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 64

static const char *const log_formats[] = {"text", "logfmt", "json", NULL};

const struct dg_option dg_common_options[] = {
    {.name = "help",
     .letter = 'h',
     .kind = DG_OPTION_FLAG,
     .doc = "print help and exit",
     .offset = offsetof(struct dg_common, help)},
    {.name = "quiet",
     .letter = 'q',
     .kind = DG_OPTION_FLAG,
     .doc = "on standard error print errors only, and no progress",
     .offset = offsetof(struct dg_common, quiet)},
    {.name = "verbose",
     .letter = 'v',
     .kind = DG_OPTION_FLAG,
     .doc = "print what is being done, too",
     .offset = offsetof(struct dg_common, verbose)},
    {.name = "no-color",
     .kind = DG_OPTION_FLAG,
     .doc = "no colours, on a terminal either",
     .offset = offsetof(struct dg_common, no_color)},
    {.name = "log-format",
     .kind = DG_OPTION_WORD,
     .words = log_formats,
     .initial = "text",
     .doc = "form of the messages on standard error",
     .offset = offsetof(struct dg_common, log_format)},
};
const size_t dg_n_common_options = DG_COUNT_OF(dg_common_options);

static struct dg_common common;

const struct dg_common *dg_common(void)
{
    return &common;
}

/* One run over argv. */
struct parse {
    const struct dg_command *command;
    void *settings;
    bool seen[OPTIONS_MAX]; /* [command->n_options] */
    struct dg_error *err;
};

const struct dg_option *dg_option_find(const struct dg_option options[], size_t n, const char *name,
                                       size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static const struct dg_option *find_letter(const struct dg_option options[], size_t n, char letter)
{
    for (size_t i = 0; i < n; i++) {
        if (options[i].letter == letter) {
            return &options[i];
        }
    }
    return NULL;
}

const char *dg_option_placeholder(const struct dg_option *option)
{
    static const char *const by_kind[] = {
        [DG_OPTION_FLAG] = NULL,           [DG_OPTION_TEXT] = "TEXT",
        [DG_OPTION_LIST] = "TEXT",         [DG_OPTION_WORD] = "WORD",
        [DG_OPTION_DURATION] = "DURATION", [DG_OPTION_TIME] = "TIME",
        [DG_OPTION_COUNT] = "N",           [DG_OPTION_REAL] = "X",
    };
    return option->value != NULL ? option->value : by_kind[option->kind];
}

static int set(struct parse *p, const struct dg_option *o, const char *text)
{
    if (o >= dg_common_options && o < dg_common_options + dg_n_common_options) {
        return dg_option_set(o, text, &common, p->err);
    }
    const size_t i = (size_t)(o - p->command->options);
    if (p->seen[i] && o->kind != DG_OPTION_LIST && o->kind != DG_OPTION_FLAG) {
        return dg_fail(p->err, EINVAL, "option --%s is given twice", o->name);
    }
    p->seen[i] = true;
    return dg_option_set(o, text, p->settings, p->err);
}

static int unknown_long(const struct parse *p, const char *name, size_t len)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), name);
    struct dg_suggestion s = {.word = word};
    for (size_t i = 0; i < p->command->n_options; i++) {
        dg_suggest(&s, p->command->options[i].name);
    }
    for (size_t i = 0; i < dg_n_common_options; i++) {
        dg_suggest(&s, dg_common_options[i].name);
    }
    return dg_fail(p->err, EINVAL, "unknown option --%.*s%s%s%s", (int)len, name,
                   s.best != NULL ? "; did you mean --" : "", s.best != NULL ? s.best : "",
                   s.best != NULL ? "?" : "");
}

/* argv[*at] is "--name" or "--name=value". */
static int read_long(struct parse *p, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2;
    const size_t len = strcspn(name, "=");
    const struct dg_option *o =
        dg_option_find(p->command->options, p->command->n_options, name, len);
    if (o == NULL) {
        o = dg_option_find(dg_common_options, dg_n_common_options, name, len);
    }
    if (o == NULL) {
        return unknown_long(p, name, len);
    }
    if (o->kind == DG_OPTION_FLAG) {
        return name[len] == '=' ? dg_fail(p->err, EINVAL, "option --%s takes no value", o->name)
                                : set(p, o, NULL);
    }
    if (name[len] == '=') {
        return set(p, o, name + len + 1);
    }
    if (*at + 1 >= argc) {
        return dg_fail(p->err, EINVAL, "option --%s needs a value: %s", o->name,
                       dg_option_placeholder(o));
    }
    return set(p, o, argv[++*at]);
}

/* argv[*at] is "-c", "-cVALUE" or flags together, "-qv". */
static int read_short(struct parse *p, int argc, char **argv, int *at)
{
    for (const char *c = argv[*at] + 1; *c != '\0'; c++) {
        const struct dg_option *o = find_letter(p->command->options, p->command->n_options, *c);
        if (o == NULL) {
            o = find_letter(dg_common_options, dg_n_common_options, *c);
        }
        if (o == NULL) {
            return dg_fail(p->err, EINVAL, "unknown option -%c", *c);
        }
        if (o->kind != DG_OPTION_FLAG) {
            if (c[1] != '\0') {
                return set(p, o, c + 1);
            }
            if (*at + 1 >= argc) {
                return dg_fail(p->err, EINVAL, "option -%c needs a value: %s", *c,
                               dg_option_placeholder(o));
            }
            return set(p, o, argv[++*at]);
        }
        const int code = set(p, o, NULL);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static int read_operand(struct parse *p, const char *word)
{
    const struct dg_command *c = p->command;
    if (c->operands == NULL) {
        return dg_fail(p->err, EINVAL, "unexpected argument \"%s\"", word);
    }
    struct dg_words *operands = (struct dg_words *)((char *)p->settings + c->operands_offset);
    if (c->most_operands != 0 && operands->n >= c->most_operands) {
        return dg_fail(p->err, EINVAL, "\"%s\" is one argument too many; wanted: %s", word,
                       c->operands);
    }
    bool known = c->operand_words == NULL;
    for (size_t i = 0; !known && c->operand_words[i] != NULL; i++) {
        known = strcmp(c->operand_words[i], word) == 0;
    }
    if (!known) {
        char hint[DG_HINT_MAX];
        return dg_fail(p->err, EINVAL, "\"%s\" is not one of %s%s", word, c->operands,
                       dg_hint(word, c->operand_words, hint));
    }
    return dg_words_add(operands, word, p->err);
}

static int set_defaults(struct parse *p)
{
    for (size_t i = 0; i < p->command->n_options; i++) {
        const struct dg_option *o = &p->command->options[i];
        void *member = (char *)p->settings + o->offset;
        int code = 0;
        if (o->initial != NULL) {
            code = dg_option_set(o, o->initial, p->settings, p->err);
        } else if (o->kind == DG_OPTION_TIME) {
            *(int64_t *)member = DG_TIME_NONE;
        } else if (o->kind == DG_OPTION_REAL) {
            *(double *)member = (double)NAN;
        }
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static int check_required(const struct parse *p)
{
    const struct dg_command *c = p->command;
    for (size_t i = 0; i < c->n_options; i++) {
        const struct dg_option *o = &c->options[i];
        if (o->required && !p->seen[i]) {
            return dg_fail(p->err, EINVAL, "option --%s %s is missing", o->name,
                           dg_option_placeholder(o));
        }
    }
    if (c->operands == NULL) {
        return 0;
    }
    const struct dg_words *w = (struct dg_words *)((char *)p->settings + c->operands_offset);
    return w->n >= c->least_operands ? 0 : dg_fail(p->err, EINVAL, "%s is missing", c->operands);
}

static int read_all(struct parse *p, int argc, char **argv)
{
    int code = set_defaults(p);
    bool only_operands = false;
    for (int at = 1; at < argc && code == 0 && !common.help; at++) {
        const char *word = argv[at];
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            code = read_operand(p, word);
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (word[1] == '-') {
            code = read_long(p, argc, argv, &at);
        } else {
            code = read_short(p, argc, argv, &at);
        }
    }
    if (code == 0 && common.help) {
        return ECANCELED;
    }
    return code == 0 ? check_required(p) : code;
}

int dg_options_read(const struct dg_command *command, int argc, char **argv, void *settings,
                    struct dg_error *err)
{
    DG_ASSERT(command->n_options <= OPTIONS_MAX);
    struct parse p = {.command = command, .settings = settings, .err = err};
    common.help = false;
    const int code = read_all(&p, argc, argv);
    if (code != 0) {
        for (size_t i = 0; i < command->n_options; i++) {
            if (command->options[i].kind == DG_OPTION_LIST) {
                dg_words_deinit((struct dg_words *)((char *)settings + command->options[i].offset));
            }
        }
        if (command->operands != NULL) {
            dg_words_deinit((struct dg_words *)((char *)settings + command->operands_offset));
        }
    }
    return code;
}

int dg_options_parse(const struct dg_command *command, int argc, char **argv, void *settings)
{
    struct dg_error err = {0};
    const int code = dg_options_read(command, argc, argv, settings, &err);
    if (code == ECANCELED) {
        dg_help_print(command, dg_terminal_text_width(stdout), stdout);
        return DG_EXIT_OK;
    }
    if (code == ENOMEM) {
        return dg_report(DG_EXIT_UNEXPECTED, &err);
    }
    if (code != 0) {
        return dg_usage_error(command, "%s", err.message);
    }
    dg_log_set_format((enum dg_log_format)common.log_format);
    dg_log_set_level(common.quiet ? DG_LOG_ERROR : common.verbose ? DG_LOG_DEBUG : DG_LOG_INFO);
    return DG_OPTIONS_GO;
}

char *dg_command_full_name(const struct dg_command *command, char buf[DG_COMMAND_NAME_MAX])
{
    const bool child = command != NULL && command->parent != NULL;
    snprintf(buf, DG_COMMAND_NAME_MAX, "driftgauge%s%s%s%s", child ? " " : "",
             child ? command->parent->name : "", command != NULL ? " " : "",
             command != NULL ? command->name : "");
    return buf;
}

int dg_usage_error(const struct dg_command *command, const char *format, ...)
{
    char name[DG_COMMAND_NAME_MAX];
    char words[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    dg_command_full_name(command, name);
    fprintf(stderr, "%s: %s\nSee \"%s --help\".\n", name, words, name);
    return DG_EXIT_USAGE;
}

int dg_report(int code, const struct dg_error *err)
{
    if (common.log_format == DG_LOG_TEXT) {
        fprintf(stderr, "driftgauge: %s\n", err->message);
    } else { /* whoever asked for lines to parse gets no other */
        dg_log(DG_LOG_ERROR, "failed", "%s", err->message);
    }
    return code;
}
