#include "engine/cli/infer.h"

#include "engine/log.h"
#include "engine/monitor.h"
#include "engine/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE (60 * DG_US_PER_S)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

void dg_inference_deinit(struct dg_inference *x)
{
    free(x->column);
    *x = (struct dg_inference){0};
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_part(char c)
{
    return isalnum((unsigned char)c) != 0;
}

bool dg_name_has_word(const char *name, const char *word)
{
    const size_t n = strlen(word);
    for (const char *p = name; *p != '\0'; p++) {
        const bool starts = p == name || !is_part(p[-1]) || (islower(p[-1]) && isupper(*p));
        if (!starts || strncasecmp(p, word, n) != 0) {
            continue;
        }
        const char after = p[n];
        if (!is_part(after) || (islower(p[n - 1]) && isupper(after)) || isdigit(after)) {
            return true;
        }
    }
    return false;
}

static bool has_any(const char *name, const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (dg_name_has_word(name, words[i])) {
            return true;
        }
    }
    return false;
}

/* How good a name is for a role: the position in `best` from the front, then any of `parts`. 0: not
 * at all. */
static unsigned name_rank(const char *name, const char *const best[], const char *const parts[])
{
    const char *dot = strrchr(name, '.');
    for (unsigned i = 0; best[i] != NULL; i++) {
        if (strcasecmp(name, best[i]) == 0) {
            return 100 - i;
        }
        if (dot != NULL && strcasecmp(dot + 1, best[i]) == 0) { /* customer.id, meta.puid */
            return 50 - i;
        }
    }
    return has_any(name, parts) ? 1 : 0;
}

/* ---- single roles --------------------------------------------------------------------------- */

static bool mostly(uint64_t part, uint64_t whole)
{
    return whole > 0 && part >= whole - whole / 20;
}

static bool is_numeric(const struct dg_profile_column *c)
{
    return mostly(c->numbers, c->values);
}

static bool is_integer(const struct dg_profile_column *c)
{
    return is_numeric(c) && c->integers == c->numbers;
}

static bool is_unique(const struct dg_profile_column *c)
{
    return c->values >= 2 && c->distinct >= c->values - c->values / 1000;
}

static const char *const time_names[] = {
    "event_time", "event_timestamp", "timestamp", "ts", "event_ts", "time", "datetime", NULL};
static const char *const time_words[] = {"timestamp", "ts", "time", "datetime", "date", "at", NULL};

static unsigned rank_timestamp(const struct dg_profile *p, const struct dg_profile_column *c)
{
    const unsigned rank = name_rank(c->name, time_names, time_words);
    if (!mostly(c->values, p->rows)) {
        return 0;
    }
    if (mostly(c->times, c->values)) {
        return 2 + 2 * rank;
    }
    return rank > 0 && mostly(c->epochs, c->values) ? 1 + 2 * rank : 0;
}

static unsigned rank_id(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {
        "event_id", "prediction_id", "inference_id", "request_id", "correlation_id",
        "uuid",     "guid",          "id",           NULL};
    static const char *const parts[] = {"id", "uuid", "guid", "puid", NULL};
    const bool texts = !is_numeric(c) || is_integer(c);
    /* Around several events it is made unique with each event's number. */
    const bool unique = is_unique(c) || (c->around && c->values > 0);
    return mostly(c->values, p->rows) && texts && unique ? name_rank(c->name, best, parts) : 0;
}

static unsigned rank_version(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"model_version", "version", "model_ver", NULL};
    static const char *const parts[] = {"version", NULL};
    return p->rows > 0 && c->values > 0 && c->distinct <= 50 ? name_rank(c->name, best, parts) : 0;
}

static unsigned rank_variant(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"variant", "arm", "experiment_arm", "ab_group", NULL};
    static const char *const parts[] = {"variant", "arm", NULL};
    return p->rows > 0 && c->values > 0 && c->distinct <= 20 ? name_rank(c->name, best, parts) : 0;
}

static unsigned rank_topic(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"kafka_topic", "topic", NULL};
    static const char *const parts[] = {NULL};
    return p->rows > 0 && c->distinct <= 50 ? name_rank(c->name, best, parts) : 0;
}

static unsigned rank_partition(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"kafka_partition", "partition", NULL};
    static const char *const parts[] = {NULL};
    return p->rows > 0 && is_integer(c) && c->min >= 0 ? name_rank(c->name, best, parts) : 0;
}

static unsigned rank_offset(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"kafka_offset", "offset", NULL};
    static const char *const parts[] = {NULL};
    return p->rows > 0 && is_integer(c) && c->min >= 0 ? name_rank(c->name, best, parts) : 0;
}

static const char *const score_words[] = {"proba", "probability", "prob",
                                          "score", "confidence",  NULL};
static const char *const predicted_words[] = {"pred",     "prediction", "predicted",
                                              "decision", "forecast",   NULL};

/* A probability, else a predicted number. */
static unsigned rank_score(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"y_pred_proba", "prediction_score", "y_score", "y_proba",
                                       "score",        "probability",      "proba",   NULL};
    if (p->rows == 0 || !is_numeric(c)) {
        return 0;
    }
    const unsigned rank = c->answer ? 1 : name_rank(c->name, best, score_words);
    if (rank > 0 && c->min >= 0 && c->max <= 1) {
        return 1 + rank + (has_any(c->name, predicted_words) ? 1 : 0);
    }
    return (c->answer || has_any(c->name, predicted_words)) && (c->distinct > 50 || !is_integer(c))
               ? 1
               : 0;
}

static unsigned rank_class(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"y_pred",          "prediction", "predicted_class",
                                       "predicted_label", "predicted",  NULL};
    if (p->rows == 0 || c->values == 0 || c->distinct > 100 || has_any(c->name, score_words) ||
        (is_numeric(c) && !is_integer(c))) {
        return 0;
    }
    return c->answer ? 1 : name_rank(c->name, best, predicted_words);
}

static unsigned rank_latency(const struct dg_profile *p, const struct dg_profile_column *c)
{
    static const char *const best[] = {"latency_ms", "latency", "response_time_ms", NULL};
    static const char *const parts[] = {"latency", "elapsed", NULL};
    return p->rows > 0 && is_numeric(c) && c->min >= 0 ? name_rank(c->name, best, parts) : 0;
}

static const struct {
    enum dg_guess what;
    unsigned (*rank)(const struct dg_profile *p, const struct dg_profile_column *c);
} roles[] = {
    {DG_GUESS_TIMESTAMP, rank_timestamp}, {DG_GUESS_ID, rank_id},
    {DG_GUESS_VERSION, rank_version},     {DG_GUESS_VARIANT, rank_variant},
    {DG_GUESS_TOPIC, rank_topic},         {DG_GUESS_PARTITION, rank_partition},
    {DG_GUESS_OFFSET, rank_offset},       {DG_GUESS_SCORE, rank_score},
    {DG_GUESS_CLASS, rank_class},         {DG_GUESS_LATENCY, rank_latency},
};

/* The open column that suits the role best, the first of equals; DG_NO_COLUMN: none does. */
static size_t best_column(const struct dg_profile *p, const struct dg_inference *x, size_t role)
{
    unsigned best = 0;
    size_t at = DG_NO_COLUMN;
    for (size_t i = 0; i < p->n; i++) {
        const bool open = x->column[i].what == DG_GUESSES;
        const unsigned rank = open ? roles[role].rank(p, &p->column[i]) : 0;
        if (rank > best) {
            best = rank;
            at = i;
        }
    }
    return at;
}

/* In the order of the table, so that an earlier role has the first choice. */
static void assign_roles(const struct dg_profile *p, struct dg_inference *x)
{
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
        const enum dg_guess what = roles[r].what;
        const size_t at = x->of[what] == DG_NO_COLUMN ? best_column(p, x, r) : DG_NO_COLUMN;
        if (at != DG_NO_COLUMN) {
            x->of[what] = at;
            x->column[at].what = what;
        }
    }
}

/* A place in Kafka is only complete with partition and offset. */
static void drop_half_places(struct dg_inference *x)
{
    if (x->of[DG_GUESS_PARTITION] != DG_NO_COLUMN && x->of[DG_GUESS_OFFSET] != DG_NO_COLUMN) {
        return;
    }
    for (enum dg_guess g = DG_GUESS_TOPIC; g <= DG_GUESS_OFFSET; g++) {
        if (x->of[g] != DG_NO_COLUMN) {
            x->column[x->of[g]].what = DG_GUESSES;
            x->of[g] = DG_NO_COLUMN;
        }
    }
}

/* ---- features ------------------------------------------------------------------------------- */

/* Whether every text that was kept is like 1234,50. */
static bool has_decimal_commas(const struct dg_profile_column *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->cap; i++) {
        const char *text = c->slot[i].count > 0 ? c->slot[i].text : NULL;
        if (text == NULL) {
            continue;
        }
        const size_t whole = strspn(text, "-.0123456789");
        const size_t part = text[whole] == ',' ? strspn(text + whole + 1, "0123456789") : 0;
        if (whole == 0 || part == 0 || text[whole + 1 + part] != '\0') {
            return false;
        }
        n++;
    }
    return n > 0;
}

static void guess_feature(const struct dg_profile *p, const struct dg_profile_column *c,
                          struct dg_guessed *g)
{
    static const char *const outcomes[] = {"target", "label",   "truth", "actual",
                                           "true",   "outcome", NULL};
    const unsigned long long distinct = c->distinct, values = c->values;
    g->what = DG_GUESS_IGNORE;
    if (c->nested > 0 && values == 0) {
        snprintf(g->why, sizeof g->why, "holds several values: name one by a pointer such as /a/0");
    } else if (values == 0) {
        snprintf(g->why, sizeof g->why, "no value in the first %llu rows",
                 (unsigned long long)p->rows);
    } else if (c->around && c->distinct == 1) {
        snprintf(g->why, sizeof g->why, "the same around all events");
    } else if ((has_any(c->name, outcomes) && !c->answer) || strcasecmp(c->name, "y") == 0) {
        snprintf(g->why, sizeof g->why, "looks like the true outcome");
    } else if (mostly(c->times, values)) {
        snprintf(g->why, sizeof g->why, "another time");
    } else if (is_unique(c) && values > 100 && (!is_numeric(c) || is_integer(c)) &&
               (!is_numeric(c) || dg_name_has_word(c->name, "id"))) {
        snprintf(g->why, sizeof g->why, "different in every row");
    } else if (is_numeric(c)) {
        g->what = DG_GUESS_NUMERIC;
        if (values < p->rows / 20) {
            snprintf(g->why, sizeof g->why, "only %llu of %llu rows have a value", values,
                     (unsigned long long)p->rows);
        } else if (c->distinct == 1) {
            snprintf(g->why, sizeof g->why, "one value only");
        } else if (is_integer(c) && c->distinct <= 12) {
            snprintf(g->why, sizeof g->why, "%llu whole numbers: a category, if they are codes",
                     distinct);
        } else if (c->numbers < values) {
            snprintf(g->why, sizeof g->why, "%llu of %llu values are not numbers",
                     values - (unsigned long long)c->numbers, values);
        }
    } else if (c->distinct > 1000 || (c->distinct > 100 && 2 * c->distinct > values)) {
        snprintf(g->why, sizeof g->why, "%llu different texts in %llu rows%s", distinct, values,
                 has_decimal_commas(c) ? "; numbers are read with a decimal point, not a comma"
                                       : "");
    } else {
        g->what = DG_GUESS_CATEGORY;
        snprintf(g->why, sizeof g->why, "%llu value%s", distinct, distinct == 1 ? "" : "s");
    }
}

/* ---- windows -------------------------------------------------------------------------------- */

/* The smallest window, up to `longest`, that holds `rows` rows and fits into the data `times`
 * times; 0: none. */
static int64_t window_for(double rows_per_us, double span_us, double rows, double times,
                          int64_t longest)
{
    static const int64_t sizes[] = {5 * MINUTE, 15 * MINUTE, HOUR,     6 * HOUR,
                                    DAY,        7 * DAY,     14 * DAY, 28 * DAY};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && sizes[i] <= longest; i++) {
        const double size = (double)sizes[i];
        if (size * rows_per_us >= rows && (span_us <= 0 || size * times <= span_us)) {
            return sizes[i];
        }
    }
    return 0;
}

static int64_t slide_for(int64_t size)
{
    return size == 5 * MINUTE    ? MINUTE
           : size == 15 * MINUTE ? 5 * MINUTE
           : size == HOUR        ? 5 * MINUTE
           : size == 6 * HOUR    ? 30 * MINUTE
           : size == DAY         ? HOUR
           : size == 28 * DAY    ? 7 * DAY
                                 : DAY;
}

static int64_t round_up(int64_t us)
{
    static const int64_t steps[] = {0,    10 * DG_US_PER_S, MINUTE, 5 * MINUTE, 15 * MINUTE,
                                    HOUR, 6 * HOUR,         DAY};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (us <= steps[i]) {
            return steps[i];
        }
    }
    return DAY;
}

static void guess_windows(const struct dg_profile *p, struct dg_inference *x)
{
    static const struct dg_profile_column beside = {.path = NULL}; /* no time in the file */
    const size_t at = x->of[DG_GUESS_TIMESTAMP];
    const struct dg_profile_column *t = at == DG_NO_COLUMN ? &beside : &p->column[at];
    const double sample = (double)t->last_us - (double)t->first_us;
    const double span = p->whole ? sample : 0; /* of the whole file; 0: unknown */
    const double rate = sample > 0 ? (double)p->rows / sample : 0;
    int64_t size = window_for(rate, span, 1000, 8, DAY);
    size = size == 0 ? window_for(rate, span, 300, 4, 7 * DAY) : size;
    size = size == 0 ? window_for(rate, span, 200, 2, 28 * DAY) : size;
    size =
        size == 0 ? window_for(rate, 0, 200, 0, 28 * DAY) : size; /* more than there are data for */
    x->size_us = at == DG_NO_COLUMN ? HOUR : size == 0 ? 28 * DAY : size;
    x->slide_us = slide_for(x->size_us);
    x->rows_per_hour = rate * (double)HOUR;
    x->out_of_order_us = round_up(t->behind_us);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const char *any_text(const struct dg_profile_column *c)
{
    for (size_t i = 0; i < c->cap; i++) {
        if (c->slot[i].count > 0 && c->slot[i].text != NULL) {
            return c->slot[i].text;
        }
    }
    return NULL;
}

/* Why no field is the event time: perhaps one by its name, in a form that cannot be read. */
static int fail_without_time(const struct dg_profile *p, struct dg_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct dg_profile_column *c = &p->column[i];
        const char *text = any_text(c);
        if (name_rank(c->name, time_names, time_words) > 0 && c->numbers == 0 && text != NULL) {
            return dg_fail(err, ENOENT,
                           "no field looks like the event time; \"%s\" holds texts such as \"%s\", "
                           "where ISO 8601 (2026-11-21T18:00:00Z) or a Unix time is read: convert "
                           "it, or name another field: --timestamp FIELD",
                           c->name, text);
        }
    }
    return dg_fail(err, ENOENT, "no field looks like the event time; name it: --timestamp FIELD");
}

static void warn_of_unreadable_time(const struct dg_profile_column *c)
{
    const char *text = any_text(c);
    if (c->times + c->epochs == 0) {
        dg_log(DG_LOG_WARNING, "unreadable_time",
               "no value of \"%s\" can be read as a time%s%s%s: ISO 8601 (2026-11-21T18:00:00Z) or "
               "a Unix time is; convert it first, or every record will be bad",
               c->name, text == NULL ? "" : ", as \"", text == NULL ? "" : text,
               text == NULL ? "" : "\"");
    }
}

static int take_timestamp(const struct dg_profile *p, const char *timestamp, struct dg_inference *x,
                          struct dg_error *err)
{
    struct dg_suggestion near = {.word = timestamp};
    for (size_t i = 0; i < p->n; i++) {
        dg_suggest(&near, p->column[i].name);
        if (strcmp(p->column[i].name, timestamp) == 0 ||
            strcmp(p->column[i].path, timestamp) == 0) {
            x->of[DG_GUESS_TIMESTAMP] = i;
            x->column[i].what = DG_GUESS_TIMESTAMP;
            return 0;
        }
    }
    return dg_fail(err, ENOENT, "the file has no field \"%s\"%s%s%s", timestamp,
                   near.best == NULL ? "" : "; did you mean ", near.best == NULL ? "" : near.best,
                   near.best == NULL ? "" : "?");
}

int dg_infer(const struct dg_profile *p, const char *timestamp, struct dg_inference *x,
             struct dg_error *err)
{
    int code = 0;
    *x = (struct dg_inference){.column = calloc(p->n + 1, sizeof *x->column)};
    if (x->column == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < DG_GUESSES; i++) {
        x->of[i] = DG_NO_COLUMN;
    }
    for (size_t i = 0; i < p->n; i++) {
        x->column[i].what = DG_GUESSES; /* open */
    }
    if (timestamp != NULL) {
        code = take_timestamp(p, timestamp, x, err);
    }
    if (code == 0) {
        assign_roles(p, x);
        drop_half_places(x);
    }
    const bool beside = p->record_time && p->shape.unpacks;
    if (code == 0 && x->of[DG_GUESS_TIMESTAMP] == DG_NO_COLUMN && !beside) {
        code = fail_without_time(p, err);
    }
    if (code != 0) {
        dg_inference_deinit(x);
        return code;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (x->column[i].what == DG_GUESSES) {
            guess_feature(p, &p->column[i], &x->column[i]);
        }
    }
    if (x->of[DG_GUESS_TIMESTAMP] != DG_NO_COLUMN) {
        warn_of_unreadable_time(&p->column[x->of[DG_GUESS_TIMESTAMP]]);
    }
    guess_windows(p, x);
    return 0;
}
