#include "engine/cli/options_value.h"

#include "engine/suggest.h"
#include "engine/timefmt.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void dg_words_deinit(struct dg_words *w)
{
    free(w->word);
    *w = (struct dg_words){0};
}

int dg_words_add(struct dg_words *w, const char *word, struct dg_error *err)
{
    const char **grown = realloc(w->word, (w->n + 1) * sizeof *grown);
    if (grown == NULL) {
        return dg_fail_memory(err);
    }
    w->word = grown;
    w->word[w->n++] = word;
    return 0;
}

char *dg_hint(const char *word, const char *const list[], char buf[DG_HINT_MAX])
{
    struct dg_suggestion s = {.word = word};
    for (size_t i = 0; list[i] != NULL; i++) {
        dg_suggest(&s, list[i]);
    }
    buf[0] = '\0';
    if (s.best != NULL) {
        snprintf(buf, DG_HINT_MAX, "; did you mean %s?", s.best);
    }
    return buf;
}

static int set_word(const struct dg_option *o, const char *text, int *out, struct dg_error *err)
{
    char all[256] = "";
    for (int i = 0; o->words[i] != NULL; i++) {
        if (strcmp(o->words[i], text) == 0) {
            *out = i;
            return 0;
        }
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i == 0 ? "" : ", ", o->words[i]);
    }
    char hint[DG_HINT_MAX];
    return dg_fail(err, EINVAL, "option --%s: \"%s\" is not one of %s%s", o->name, text, all,
                   dg_hint(text, o->words, hint));
}

static bool within(const struct dg_option *o, double x)
{
    return (o->least == 0.0 && o->most == 0.0) || (x >= o->least && x <= o->most);
}

static int out_of_bounds(const struct dg_option *o, const char *text, struct dg_error *err)
{
    return dg_fail(err, EINVAL, "option --%s: %s is outside %.12g to %.12g", o->name, text,
                   o->least, o->most);
}

static bool parse_count(const char *text, uint64_t *out)
{
    static const struct {
        char suffix;
        uint64_t factor;
    } unit[] = {{'k', 1000}, {'K', 1000}, {'M', 1000000}, {'G', 1000000000}};
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    if (errno != 0) {
        return false;
    }
    uint64_t factor = 1;
    for (size_t i = 0; i < DG_COUNT_OF(unit); i++) {
        if (end[0] == unit[i].suffix && end[1] == '\0') {
            factor = unit[i].factor;
            end++;
        }
    }
    if (*end != '\0' || n > UINT64_MAX / factor) {
        return false;
    }
    *out = n * factor;
    return true;
}

static int set_count(const struct dg_option *o, const char *text, uint64_t *out,
                     struct dg_error *err)
{
    uint64_t n;
    if (!parse_count(text, &n)) {
        return dg_fail(err, EINVAL,
                       "option --%s: \"%s\" is not a count; write a whole number such as 200 or "
                       "10k",
                       o->name, text);
    }
    if (!within(o, (double)n)) {
        return out_of_bounds(o, text, err);
    }
    *out = n;
    return 0;
}

static int set_real(const struct dg_option *o, const char *text, double *out, struct dg_error *err)
{
    char *end;
    double x = strtod(text, &end);
    const bool percent = end != text && end[0] == '%' && end[1] == '\0';
    if (end == text || (*end != '\0' && !percent) || !isfinite(x) ||
        isspace((unsigned char)text[0])) {
        return dg_fail(err, EINVAL,
                       "option --%s: \"%s\" is not a number; write one such as 0.25 or 25%%",
                       o->name, text);
    }
    x = percent ? x / 100.0 : x;
    if (!within(o, x)) {
        return out_of_bounds(o, text, err);
    }
    *out = x;
    return 0;
}

static int set_duration(const struct dg_option *o, const char *text, int64_t *out,
                        struct dg_error *err)
{
    int64_t us;
    if (!dg_duration_parse(text, strlen(text), &us) || us < 0) {
        return dg_fail(err, EINVAL,
                       "option --%s: \"%s\" is not a duration; write one such as 90s, 1h30m or 7d",
                       o->name, text);
    }
    *out = us;
    return 0;
}

static int set_time(const struct dg_option *o, const char *text, int64_t *out, struct dg_error *err)
{
    int64_t us;
    if (!dg_time_parse(text, strlen(text), DG_TIME_AUTO, &us)) {
        return dg_fail(err, EINVAL,
                       "option --%s: \"%s\" is not a time; write one such as 2026-11-21 or "
                       "2026-11-21T18:00:00Z",
                       o->name, text);
    }
    *out = us;
    return 0;
}

int dg_option_set(const struct dg_option *o, const char *text, void *settings, struct dg_error *err)
{
    void *member = (char *)settings + o->offset;
    switch (o->kind) {
    case DG_OPTION_FLAG:
        *(bool *)member = true;
        return 0;
    case DG_OPTION_TEXT:
        *(const char **)member = text;
        return 0;
    case DG_OPTION_LIST:
        return dg_words_add(member, text, err);
    case DG_OPTION_WORD:
        return set_word(o, text, member, err);
    case DG_OPTION_DURATION:
        return set_duration(o, text, member, err);
    case DG_OPTION_TIME:
        return set_time(o, text, member, err);
    case DG_OPTION_COUNT:
        return set_count(o, text, member, err);
    case DG_OPTION_REAL:
        return set_real(o, text, member, err);
    }
    DG_ASSERT(false && "every kind of option is set");
    return EINVAL;
}
