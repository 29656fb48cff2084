/* engine/cli/options.h -- commands and their options as tables: one table parses, helps, completes
 * and writes the manual.
 *
 *   struct replay_settings { const char *config; struct dg_words inputs; int out; bool force; };
 *   static const struct dg_option replay_options[] = {
 *       {.name = "config", .letter = 'c', .kind = DG_OPTION_TEXT, .value = "FILE",
 *        .doc = "monitor file", .required = true, .complete = DG_COMPLETE_FILE,
 *        .offset = offsetof(struct replay_settings, config)},
 *       {.name = "out", .letter = 'o', .kind = DG_OPTION_WORD, .words = out_words,
 *        .initial = "table", .doc = "what to print", .offset = offsetof(...)},
 *       ...
 *   };
 *   const struct dg_command dg_replay = {.name = "replay", .summary = "judge a log",
 *       .options = replay_options, .n_options = DG_COUNT_OF(replay_options),
 *       .run = dg_command_replay};
 *   int dg_command_replay(int argc, char **argv)
 *   {
 *       struct replay_settings settings = {0};
 *       int code = dg_options_parse(&dg_replay, argc, argv, &settings);
 *       if (code != DG_OPTIONS_GO) { return code; }
 *       ...
 *       dg_words_deinit(&settings.inputs);
 *   }
 *
 * Grammar: -c FILE, -cFILE, --config FILE, --config=FILE, -qv (flags together), `--` ends options,
 * options and operands in any order. Every command also takes the common options (dg_common). */
#ifndef DG_ENGINE_CLI_OPTIONS_H
#define DG_ENGINE_CLI_OPTIONS_H

#include "engine/error.h"

#include <stdio.h>

#define DG_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Kind of value; in brackets the type of the member at `offset`. */
enum dg_option_kind {
    DG_OPTION_FLAG,     /* no value [bool] */
    DG_OPTION_TEXT,     /* any text [const char *], NULL without initial; points into argv */
    DG_OPTION_LIST,     /* any text, may be repeated [struct dg_words] */
    DG_OPTION_WORD,     /* one of `words` [int: its index] */
    DG_OPTION_DURATION, /* 1h30m, 7d [int64_t microseconds]; not negative */
    DG_OPTION_TIME,     /* 2026-11-21, 2026-11-21T18:00:00Z, epoch [int64_t microseconds UTC];
                           DG_TIME_NONE without initial */
    DG_OPTION_COUNT,    /* 42, 10k, 3M, 1G (powers of 1000) [uint64_t], within least .. most */
    DG_OPTION_REAL,     /* 0.25, 25% [double], within least .. most; NAN without initial */
};

/* What a shell offers for the value. */
enum dg_complete { DG_COMPLETE_NOTHING, DG_COMPLETE_FILE, DG_COMPLETE_DIRECTORY };

struct dg_option {
    const char *name; /* long name without dashes */
    char letter;      /* 0: none */
    enum dg_option_kind kind;
    bool required;
    const char *value;        /* placeholder in help: "FILE"; NULL: by kind */
    const char *doc;          /* what it does, lower case, no final stop */
    const char *initial;      /* default as on the command line; NULL: none (0, false, NULL) */
    const char *const *words; /* DG_OPTION_WORD: NULL-terminated */
    double least, most;       /* COUNT, REAL; both 0: no bounds */
    enum dg_complete complete;
    size_t offset; /* of the member in the settings struct */
};

struct dg_words {
    const char **word; /* [n], owned; the texts belong to argv */
    size_t n;
};
void dg_words_deinit(struct dg_words *w);

struct dg_example {
    const char *command; /* as typed */
    const char *doc;     /* what it does, a sentence */
};

struct dg_command {
    const char *name;        /* "replay"; for a subcommand its own word: "build" */
    const char *summary;     /* one line, imperative, lower case, no final stop */
    const char *description; /* paragraphs separated by a blank line, for help and the manual */
    const char *operands;    /* as in the synopsis: "FILE...", "[SHELL]"; NULL: none allowed */
    const char *operand_doc; /* what they are; NULL: none allowed */
    size_t least_operands, most_operands; /* most 0 with operands set: no limit */
    enum dg_complete complete_operands;
    const char *const *operand_words; /* NULL, or the only words allowed, NULL-terminated */
    size_t operands_offset;           /* of a struct dg_words in the settings */
    const struct dg_option *options;  /* [n_options] */
    size_t n_options;
    const struct dg_example *examples; /* [n_examples] */
    size_t n_examples;
    const struct dg_command *const
        *subcommands;                  /* NULL-terminated, or NULL; then `run` is unused */
    const struct dg_command *parent;   /* of a subcommand: for names in messages */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns enum dg_exit */
};

#define DG_OPTIONS_GO (-1)

/*
 * Fill *settings (zeroed by the caller) from the defaults, then from argv[1 ..]. Common options go
 * to dg_common. Returns DG_OPTIONS_GO to proceed, or the code to return from the command: 0 after
 * --help, DG_EXIT_USAGE after a message on stderr. In those cases nothing in *settings needs to be
 * released.
 */
DG_MUST_CHECK int dg_options_parse(const struct dg_command *command, int argc, char **argv,
                                   void *settings);

/* The same without output: 0; EINVAL or ENOMEM with *err (the usage message without the prefix);
 * ECANCELED if --help is among the arguments. */
DG_MUST_CHECK int dg_options_read(const struct dg_command *command, int argc, char **argv,
                                  void *settings, struct dg_error *err);

/* What every command takes, before or after its name. */
struct dg_common {
    bool help;
    bool quiet;   /* words on stderr: errors only, no progress */
    bool verbose; /* debug messages too */
    bool no_color;
    int log_format; /* enum dg_log_format */
};
const struct dg_common *dg_common(void);
extern const struct dg_option dg_common_options[];
extern const size_t dg_n_common_options;

/* A usage error found by the command itself: "driftgauge replay: <words>" and where to look, on
 * stderr. Returns DG_EXIT_USAGE. */
int dg_usage_error(const struct dg_command *command, const char *format, ...) DG_PRINTF(2, 3);
/* "driftgauge: <message>" on stderr; returns `code`. */
int dg_report(int code, const struct dg_error *err);

/* "driftgauge baseline build". Returns buf. */
#define DG_COMMAND_NAME_MAX 64
char *dg_command_full_name(const struct dg_command *command, char buf[DG_COMMAND_NAME_MAX]);
/* "FILE", "DURATION", ...; NULL for a flag. */
const char *dg_option_placeholder(const struct dg_option *option);
/* NULL if the command has none of that name; the common options are not looked at. */
const struct dg_option *dg_option_find(const struct dg_option options[], size_t n, const char *name,
                                       size_t len);

/* What `driftgauge COMMAND --help` prints, wrapped to `width` columns. command NULL: the overview.
 */
void dg_help_print(const struct dg_command *command, int width, FILE *out);

#endif
