/* Shell completion from the tables. */
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"

#include <string.h>

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

struct completion_settings {
    struct dg_words shell;
};

static const struct dg_example completion_examples[] = {
    {"driftgauge completion bash > /etc/bash_completion.d/driftgauge",
     "Complete commands, options and words in every new bash."},
    {"driftgauge completion zsh > \"${fpath[1]}/_driftgauge\"", "The same in zsh."},
    {"driftgauge completion fish | source", "Complete in this fish."},
};

const struct dg_command dg_completion_command = {
    .name = "completion",
    .summary = "print a completion script for a shell",
    .description = "Print a script that teaches a shell the commands, the options and the words "
                   "they take.",
    .operands = "bash|zsh|fish",
    .operand_doc = "the shell",
    .least_operands = 1,
    .most_operands = 1,
    .operand_words = shells,
    .operands_offset = offsetof(struct completion_settings, shell),
    .examples = completion_examples,
    .n_examples = DG_COUNT_OF(completion_examples),
    .run = dg_command_completion,
};

/* Calls put for every command that runs, with its group or NULL. */
static void each_command(void (*put)(const struct dg_command *c, const struct dg_command *group))
{
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        const struct dg_command *const *sub = dg_commands[i]->subcommands;
        if (sub == NULL) {
            put(dg_commands[i], NULL);
            continue;
        }
        for (; *sub != NULL; sub++) {
            put(*sub, dg_commands[i]);
        }
    }
}

static void put_names(const struct dg_command *const list[])
{
    for (size_t i = 0; list[i] != NULL; i++) {
        printf("%s%s", i == 0 ? "" : " ", list[i]->name);
    }
}

static void put_words(const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++) {
        printf("%s%s", i == 0 ? "" : " ", words[i]);
    }
}

static const char *compgen_flag(enum dg_complete complete)
{
    return complete == DG_COMPLETE_FILE ? "-f" : complete == DG_COMPLETE_DIRECTORY ? "-d" : "-W ''";
}

/* Inside single quotes of any of the three shells; brackets and colons mean something to zsh. */
static void put_quoted(const char *text, bool zsh)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            fputs("'\\''", stdout);
        } else if (zsh && strchr("[]:\\", *c) != NULL) {
            printf("\\%c", *c);
        } else {
            putchar(*c);
        }
    }
}

static void bash_option_names(const struct dg_option options[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        printf(" --%s", options[i].name);
        if (options[i].letter != '\0') {
            printf(" -%c", options[i].letter);
        }
    }
}

static void bash_values(const struct dg_option options[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct dg_option *o = &options[i];
        if (o->kind == DG_OPTION_FLAG) {
            continue;
        }
        printf("        --%s", o->name);
        if (o->letter != '\0') {
            printf("|-%c", o->letter);
        }
        fputs(") COMPREPLY=($(compgen ", stdout);
        if (o->kind == DG_OPTION_WORD) {
            fputs("-W '", stdout);
            put_words(o->words);
            putchar('\'');
        } else {
            fputs(compgen_flag(o->complete), stdout);
        }
        fputs(" -- \"$cur\")); return ;;\n", stdout);
    }
}

static void bash_command(const struct dg_command *c, const struct dg_command *group)
{
    if (group != NULL) {
        printf("    '%s %s')\n", group->name, c->name);
    } else {
        printf("    '%s '*)\n", c->name);
    }
    fputs("        case $prev in\n", stdout);
    bash_values(c->options, c->n_options);
    bash_values(dg_common_options, dg_n_common_options);
    fputs("        esac\n        options='", stdout);
    bash_option_names(c->options, c->n_options);
    bash_option_names(dg_common_options, dg_n_common_options);
    fputs("'\n        operands=($(compgen ", stdout);
    if (c->operand_words != NULL) {
        fputs("-W '", stdout);
        put_words(c->operand_words);
        putchar('\'');
    } else {
        fputs(compgen_flag(c->complete_operands), stdout);
    }
    fputs(" -- \"$cur\")) ;;\n", stdout);
}

static void print_bash(void)
{
    fputs("# bash completion for driftgauge\n"
          "_driftgauge() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local group='' command='' options='' operands=() i\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        [[ ${COMP_WORDS[i]} == -* ]] && [[ -z $group ]] && continue\n"
          "        if [[ -z $group ]]; then group=${COMP_WORDS[i]}\n"
          "        elif [[ -z $command ]]; then command=${COMP_WORDS[i]}; fi\n"
          "    done\n"
          "    case \"$group $command\" in\n"
          "    ' ')\n        options='",
          stdout);
    bash_option_names(dg_common_options, dg_n_common_options);
    fputs("'\n        operands=($(compgen -W '", stdout);
    put_names(dg_commands);
    fputs("' -- \"$cur\")) ;;\n", stdout);
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        if (dg_commands[i]->subcommands != NULL) {
            printf("    '%s ') operands=($(compgen -W '", dg_commands[i]->name);
            put_names(dg_commands[i]->subcommands);
            fputs("' -- \"$cur\")) ;;\n", stdout);
        }
    }
    each_command(bash_command);
    fputs("    esac\n"
          "    if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
          "    else COMPREPLY=(\"${operands[@]}\"); fi\n"
          "}\n"
          "complete -o filenames -F _driftgauge driftgauge\n",
          stdout);
}

static const char *zsh_action(enum dg_complete complete)
{
    return complete == DG_COMPLETE_FILE        ? "_files"
           : complete == DG_COMPLETE_DIRECTORY ? "_files -/"
                                               : " ";
}

static void zsh_options(const struct dg_option options[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct dg_option *o = &options[i];
        const bool flag = o->kind == DG_OPTION_FLAG;
        fputs(" \\\n            ", stdout);
        if (o->kind == DG_OPTION_LIST) {
            fputs("'*'", stdout);
        } else if (o->letter != '\0') {
            printf("'(-%c --%s)'", o->letter, o->name);
        }
        if (o->letter != '\0') {
            printf("{-%c%s,--%s%s}", o->letter, flag ? "" : "+", o->name, flag ? "" : "=");
        } else {
            printf("--%s%s", o->name, flag ? "" : "=");
        }
        fputs("'[", stdout);
        put_quoted(o->doc, true);
        putchar(']');
        if (!flag) {
            printf(":%s:", dg_option_placeholder(o));
            if (o->kind == DG_OPTION_WORD) {
                putchar('(');
                put_words(o->words);
                putchar(')');
            } else {
                fputs(zsh_action(o->complete), stdout);
            }
        }
        putchar('\'');
    }
}

static void zsh_command(const struct dg_command *c, const struct dg_command *group)
{
    printf("    '%s%s%s')\n        _arguments -s -S", group != NULL ? group->name : "",
           group != NULL ? " " : "", c->name);
    zsh_options(c->options, c->n_options);
    zsh_options(dg_common_options, dg_n_common_options);
    if (c->operand_words != NULL) {
        fputs(" \\\n            '*:word:(", stdout);
        put_words(c->operand_words);
        fputs(")'", stdout);
    } else if (c->operands != NULL) {
        printf(" \\\n            '*:argument:%s'", zsh_action(c->complete_operands));
    }
    fputs(" ;;\n", stdout);
}

static void zsh_describe(const struct dg_command *const list[])
{
    fputs("        commands=(", stdout);
    for (size_t i = 0; list[i] != NULL; i++) {
        printf("\n            '%s:", list[i]->name);
        put_quoted(list[i]->summary, true);
        putchar('\'');
    }
    fputs(")\n        _describe command commands ;;\n", stdout);
}

static void print_zsh(void)
{
    fputs("#compdef driftgauge\n"
          "_driftgauge() {\n"
          "    local -a commands\n"
          "    local name=''\n"
          "    integer at=2\n"
          "    while (( at < CURRENT )) && [[ $words[at] == -* ]]; do (( at++ )); done\n"
          "    (( at < CURRENT )) && name=$words[at]\n"
          "    case $name in\n",
          stdout);
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        if (dg_commands[i]->subcommands != NULL) {
            printf("    %s) (( ++at < CURRENT )) && name+=\" $words[at]\" ;;\n",
                   dg_commands[i]->name);
        }
    }
    fputs("    esac\n"
          "    if [[ -n $name ]]; then\n"
          "        words=(\"$name\" \"${(@)words[at+1,-1]}\")\n"
          "        (( CURRENT -= at - 1 ))\n"
          "    fi\n"
          "    case $name in\n"
          "    '')\n",
          stdout);
    zsh_describe(dg_commands);
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        if (dg_commands[i]->subcommands != NULL) {
            printf("    '%s')\n", dg_commands[i]->name);
            zsh_describe(dg_commands[i]->subcommands);
        }
    }
    each_command(zsh_command);
    fputs("    esac\n"
          "}\n"
          "# Loaded from fpath at the first completion, or sourced.\n"
          "if [[ ${funcstack[1]} = _driftgauge ]]; then _driftgauge \"$@\"\n"
          "else compdef _driftgauge driftgauge; fi\n",
          stdout);
}

static void fish_options(const char *condition, const struct dg_option options[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct dg_option *o = &options[i];
        fputs("complete -c driftgauge", stdout);
        if (condition[0] != '\0') {
            printf(" -n '%s'", condition);
        }
        printf(" -l %s", o->name);
        if (o->letter != '\0') {
            printf(" -s %c", o->letter);
        }
        if (o->kind == DG_OPTION_WORD) {
            fputs(" -x -a '", stdout);
            put_words(o->words);
            putchar('\'');
        } else if (o->kind != DG_OPTION_FLAG) {
            fputs(o->complete == DG_COMPLETE_NOTHING ? " -x" : " -r -F", stdout);
        }
        fputs(" -d '", stdout);
        put_quoted(o->doc, false);
        fputs("'\n", stdout);
    }
}

static void fish_command(const struct dg_command *c, const struct dg_command *group)
{
    char condition[160];
    if (group != NULL) {
        snprintf(condition, sizeof condition,
                 "__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s", group->name,
                 c->name);
    } else {
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", c->name);
    }
    fish_options(condition, c->options, c->n_options);
    if (c->operand_words != NULL) {
        printf("complete -c driftgauge -n '%s' -a '", condition);
        put_words(c->operand_words);
        fputs("'\n", stdout);
    } else if (c->complete_operands != DG_COMPLETE_NOTHING) {
        printf("complete -c driftgauge -n '%s' -F\n", condition);
    }
}

static void fish_names(const struct dg_command *const list[], const char *condition)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        printf("complete -c driftgauge -n '%s' -a %s -d '", condition, list[i]->name);
        put_quoted(list[i]->summary, false);
        fputs("'\n", stdout);
    }
}

static void print_fish(void)
{
    fputs("# fish completion for driftgauge\ncomplete -c driftgauge -f\n", stdout);
    fish_names(dg_commands, "__fish_use_subcommand");
    fish_options("", dg_common_options, dg_n_common_options);
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        const struct dg_command *group = dg_commands[i];
        if (group->subcommands != NULL) {
            char condition[512];
            int at = snprintf(condition, sizeof condition,
                              "__fish_seen_subcommand_from %s; and not "
                              "__fish_seen_subcommand_from",
                              group->name);
            for (size_t k = 0; group->subcommands[k] != NULL; k++) {
                at += snprintf(condition + at, sizeof condition - (size_t)at, " %s",
                               group->subcommands[k]->name);
                DG_ASSERT((size_t)at < sizeof condition);
            }
            fish_names(group->subcommands, condition);
        }
    }
    each_command(fish_command);
}

int dg_command_completion(int argc, char **argv)
{
    struct completion_settings settings = {0};
    const int code = dg_options_parse(&dg_completion_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    const char *shell = settings.shell.word[0];
    if (strcmp(shell, "bash") == 0) {
        print_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        print_zsh();
    } else {
        print_fish();
    }
    dg_words_deinit(&settings.shell);
    return DG_EXIT_OK;
}
