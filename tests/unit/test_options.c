/* tests/unit/test_options.c -- does the table-driven parser read what getopt_long would, refuse the
 * rest in words that help, and leave nothing to release when it refuses? Method: a table of command
 * lines, each with the state or the sentence it gives. */
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/options.h"
#include "engine/projection.h"
#include "tests/check.h"

#include <errno.h>

struct settings {
    const char *config;
    struct dg_words inputs;
    int out;
    int64_t span;
    int64_t from;
    uint64_t lanes;
    double share;
    bool force;
    struct dg_words operands;
};

static const char *const outs[] = {"table", "csv", "ndjson", NULL};

#define AT(member) .offset = offsetof(struct settings, member)
static const struct dg_option options[] = {
    {.name = "config",
     .letter = 'c',
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .doc = "d",
     AT(config)},
    {.name = "input", .letter = 'i', .kind = DG_OPTION_LIST, .doc = "d", AT(inputs)},
    {.name = "out",
     .letter = 'o',
     .kind = DG_OPTION_WORD,
     .words = outs,
     .initial = "csv",
     .doc = "d",
     AT(out)},
    {.name = "span", .kind = DG_OPTION_DURATION, .initial = "1h30m", .doc = "d", AT(span)},
    {.name = "from", .kind = DG_OPTION_TIME, .doc = "d", AT(from)},
    {.name = "lanes",
     .letter = 'j',
     .kind = DG_OPTION_COUNT,
     .least = 1,
     .most = 64000,
     .initial = "1",
     .doc = "d",
     AT(lanes)},
    {.name = "share", .kind = DG_OPTION_REAL, .least = 0, .most = 1, .doc = "d", AT(share)},
    {.name = "force", .letter = 'f', .kind = DG_OPTION_FLAG, .doc = "d", AT(force)},
};
static const struct dg_command command = {.name = "try",
                                          .summary = "s",
                                          .description = "d",
                                          .operands = "[FILE...]",
                                          .operand_doc = "d",
                                          .most_operands = 3,
                                          .operands_offset = offsetof(struct settings, operands),
                                          .options = options,
                                          .n_options = DG_COUNT_OF(options)};

/* Splits at blanks into argv; a lone ' stands for an empty argument. */
static int read_line(const char *line, char *copy, struct settings *s, struct dg_error *err)
{
    char *argv[32] = {copy};
    int argc = 1;
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        if (strcmp(word, "'") == 0) {
            *word = '\0';
        }
        argv[argc++] = word;
    }
    *s = (struct settings){0};
    return dg_options_read(&command, argc, argv, s, err);
}

static void release(struct settings *s)
{
    dg_words_deinit(&s->inputs);
    dg_words_deinit(&s->operands);
}

static void defaults_go_through_the_same_parser(void)
{
    struct settings s;
    struct dg_error err;
    char copy[256];
    CHECK_INT(read_line("", copy, &s, &err), 0);
    CHECK(s.config == NULL);
    CHECK_INT(s.out, 1);
    CHECK_INT(s.span, INT64_C(5400) * 1000000);
    CHECK(s.from == DG_TIME_NONE);
    CHECK_INT(s.lanes, 1);
    CHECK(isnan(s.share));
    CHECK(!s.force);
    CHECK_INT(s.inputs.n, 0);
}

static void every_spelling_of_a_value_is_read(void)
{
    struct settings s;
    struct dg_error err;
    char copy[256];
    static const char *const lines[] = {"-c a.yaml -o ndjson -j 10k x", "-ca.yaml -ondjson -j10k x",
                                        "--config a.yaml --out ndjson --lanes 10k x",
                                        "--config=a.yaml x --out=ndjson --lanes=10k",
                                        "x -c a.yaml -o ndjson -j 10000"};
    for (size_t i = 0; i < DG_COUNT_OF(lines); i++) {
        CHECK_INT(read_line(lines[i], copy, &s, &err), 0);
        CHECK_STR(s.config, "a.yaml");
        CHECK_INT(s.out, 2);
        CHECK_INT(s.lanes, 10000);
        CHECK_INT(s.operands.n, 1);
        CHECK_STR(s.operands.word[0], "x");
        release(&s);
    }
}

static void lists_keep_their_order_and_a_double_dash_ends_options(void)
{
    struct settings s;
    struct dg_error err;
    char copy[256];
    CHECK_INT(read_line("-i one --input=two -i three -f -- -f --out", copy, &s, &err), 0);
    CHECK_INT(s.inputs.n, 3);
    CHECK_STR(s.inputs.word[2], "three");
    CHECK_INT(s.operands.n, 2);
    CHECK_STR(s.operands.word[0], "-f");
    CHECK_STR(s.operands.word[1], "--out");
    CHECK(s.force);
    release(&s);
}

static void a_single_dash_is_an_operand_and_empty_values_are_values(void)
{
    struct settings s;
    struct dg_error err;
    char copy[256];
    CHECK_INT(read_line("- --config= '", copy, &s, &err), 0);
    CHECK_STR(s.operands.word[0], "-");
    CHECK_STR(s.operands.word[1], "");
    CHECK_STR(s.config, "");
    release(&s);
}

static void times_shares_and_flags_together_are_read(void)
{
    struct settings s;
    struct dg_error err;
    char copy[256];
    CHECK_INT(read_line("-fqv --from 2026-11-21T18:00:00+01:00 --share 12.5%", copy, &s, &err), 0);
    CHECK_INT(s.from, INT64_C(1795280400) * 1000000);
    CHECK_REL(s.share, 0.125, 1e-15);
    CHECK(s.force && dg_common()->quiet && dg_common()->verbose);
}

static void what_is_wrong_is_said_with_a_hint(void)
{
    static const struct {
        const char *line;
        const char *message;
    } bad[] = {
        {"--confg x", "unknown option --confg; did you mean --config?"},
        {"--zzzz", "unknown option --zzzz"},
        {"-x", "unknown option -x"},
        {"-fx", "unknown option -x"},
        {"-c", "option -c needs a value: FILE"},
        {"--config", "option --config needs a value: FILE"},
        {"--force=yes", "option --force takes no value"},
        {"-c a -c b", "option --config is given twice"},
        {"-o tabel",
         "option --out: \"tabel\" is not one of table, csv, ndjson; did you mean table?"},
        {"--span 5", "option --span: \"5\" is not a duration; write one such as 90s, 1h30m or 7d"},
        {"--span=-5m",
         "option --span: \"-5m\" is not a duration; write one such as 90s, 1h30m or 7d"},
        {"--from yesterday", "option --from: \"yesterday\" is not a time; write one such as "
                             "2026-11-21 or 2026-11-21T18:00:00Z"},
        {"--lanes -1",
         "option --lanes: \"-1\" is not a count; write a whole number such as 200 or 10k"},
        {"--lanes 0", "option --lanes: 0 is outside 1 to 64000"},
        {"--lanes 99999999999999999999",
         "option --lanes: \"99999999999999999999\" is not a count; write a whole number such as "
         "200 or 10k"},
        {"--lanes 18446744073709551615k",
         "option --lanes: \"18446744073709551615k\" is not a count; write a whole number such as "
         "200 or 10k"},
        {"--share nan", "option --share: \"nan\" is not a number; write one such as 0.25 or 25%"},
        {"--share 120%", "option --share: 120% is outside 0 to 1"},
        {"a b c d", "\"d\" is one argument too many; wanted: [FILE...]"},
        {"-i kept a b --nope", "unknown option --nope"},
    };
    for (size_t i = 0; i < DG_COUNT_OF(bad); i++) {
        struct settings s;
        struct dg_error err;
        char copy[256];
        CHECK_INT(read_line(bad[i].line, copy, &s, &err), EINVAL);
        CHECK_STR(err.message, bad[i].message);
        CHECK_INT(s.inputs.n, 0);
        CHECK_INT(s.operands.n, 0);
    }
}

static void help_wins_over_what_follows_it(void)
{
    struct settings s;
    struct dg_error err;
    char copy[256];
    CHECK_INT(read_line("-i x --help --nonsense", copy, &s, &err), ECANCELED);
    CHECK_INT(s.inputs.n, 0);
    CHECK_INT(read_line("-fh", copy, &s, &err), ECANCELED);
}

/* Help puts more behind it: no final stop, though "..." is fine. */
static bool is_clause(const char *doc)
{
    const size_t n = strlen(doc);
    return n > 0 && (doc[n - 1] != '.' || (n > 3 && strcmp(doc + n - 3, "...") == 0));
}

/* What every table of every command must be, however many people add to it. */
static void check_command(const struct dg_command *c, const struct dg_command *parent)
{
    CHECK(c->summary != NULL && c->summary[0] != '\0');
    CHECK(c->description != NULL && c->description[0] != '\0');
    CHECK((c->operands == NULL) == (c->operand_doc == NULL));
    CHECK(c->parent == parent);
    CHECK((c->subcommands == NULL) == (c->run != NULL));
    for (size_t i = 0; i < c->n_options; i++) {
        const struct dg_option *o = &c->options[i];
        CHECK(o->doc != NULL && is_clause(o->doc));
        CHECK(dg_option_find(c->options, i, o->name, strlen(o->name)) == NULL);
        CHECK(dg_option_find(dg_common_options, dg_n_common_options, o->name, strlen(o->name)) ==
              NULL);
        CHECK((o->kind == DG_OPTION_WORD) == (o->words != NULL));
        CHECK(o->kind != DG_OPTION_LIST || o->initial == NULL);
        for (size_t k = 0; k < dg_n_common_options + i; k++) {
            const struct dg_option *other = k < i ? &c->options[k] : &dg_common_options[k - i];
            CHECK(o->letter == '\0' || o->letter != other->letter);
        }
    }
}

static void every_command_is_documented_and_unambiguous(void)
{
    for (size_t i = 0; dg_commands[i] != NULL; i++) {
        CHECK(dg_command_find(dg_commands, dg_commands[i]->name) == dg_commands[i]);
        check_command(dg_commands[i], NULL);
        const struct dg_command *const *sub = dg_commands[i]->subcommands;
        for (; sub != NULL && *sub != NULL; sub++) {
            check_command(*sub, dg_commands[i]);
        }
    }
}

static void severities_become_exit_codes_only_where_asked(void)
{
    CHECK_INT(dg_exit_of_severity(DG_CRITICAL, DG_OK), 0);
    CHECK_INT(dg_exit_of_severity(DG_CRITICAL, DG_WARN), 21);
    CHECK_INT(dg_exit_of_severity(DG_WARN, DG_WARN), 11);
    CHECK_INT(dg_exit_of_severity(DG_WARN, DG_CRITICAL), 0);
    CHECK_INT(dg_exit_of_severity(DG_OK, DG_WARN), 0);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(defaults_go_through_the_same_parser),
                      CASE(every_spelling_of_a_value_is_read),
                      CASE(lists_keep_their_order_and_a_double_dash_ends_options),
                      CASE(a_single_dash_is_an_operand_and_empty_values_are_values),
                      CASE(times_shares_and_flags_together_are_read),
                      CASE(what_is_wrong_is_said_with_a_hint), CASE(help_wins_over_what_follows_it),
                      CASE(every_command_is_documented_and_unambiguous),
                      CASE(severities_become_exit_codes_only_where_asked));
}
