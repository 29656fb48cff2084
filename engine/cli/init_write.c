#include "engine/cli/init.h"

#include "engine/monitor.h"
#include "engine/schema.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { COMMENT_COLUMN = 40, VALUES_SHOWN = 8, VALUE_BYTES = 24 };

struct writer {
    const struct dg_draft *draft;
    FILE *out;
    bool out_of_memory;
};

/* ---- lines ---------------------------------------------------------------------------------- */

/* A line that is written piece by piece, so that its comment can be aligned. */
struct line {
    char *text;
    size_t len;
    FILE *out;
};

static bool begin(struct writer *w, struct line *line)
{
    *line = (struct line){0};
    line->out = open_memstream(&line->text, &line->len);
    w->out_of_memory |= line->out == NULL;
    return line->out != NULL;
}

static void end(struct writer *w, struct line *line, const char *comment)
{
    if (ferror(line->out) != 0) {
        w->out_of_memory = true;
    }
    if (fclose(line->out) != 0) {
        w->out_of_memory = true;
    } else if (comment == NULL || comment[0] == '\0') {
        fprintf(w->out, "%s\n", line->text);
    } else {
        const size_t width = line->len < COMMENT_COLUMN - 1 ? COMMENT_COLUMN - 1 - line->len : 1;
        fprintf(w->out, "%s%*s# %s\n", line->text, (int)width, "", comment);
    }
    free(line->text);
}

static void heading(struct writer *w, const char *text, const char *comment)
{
    struct line line;
    if (begin(w, &line)) {
        fputs(text, line.out);
        end(w, &line, comment);
    }
}

/* "  key: text   # comment" */
static void pair(struct writer *w, const char *indent, const char *key, const char *text,
                 const char *comment)
{
    struct line line;
    if (begin(w, &line)) {
        fputs(indent, line.out);
        dg_yaml_put_text(line.out, key);
        fputs(": ", line.out);
        dg_yaml_put_text(line.out, text);
        end(w, &line, comment);
    }
}

static const struct dg_profile_column *column_of(const struct writer *w, enum dg_guess what)
{
    const size_t i = w->draft->guess->of[what];
    return i == DG_NO_COLUMN ? NULL : &w->draft->profile->column[i];
}

/* "  key: field" if the role has a column. */
static void role(struct writer *w, const char *key, enum dg_guess what, const char *comment)
{
    const struct dg_profile_column *c = column_of(w, what);
    if (c != NULL) {
        pair(w, "  ", key, c->path, comment);
    }
}

/* ---- comments ------------------------------------------------------------------------------- */

/* Whether the text can stand in a comment: nothing in it may end the line. */
static bool is_one_line(const char *text)
{
    return !dg_text_has_control(text, "") && strstr(text, "\xe2\x80\xa8") == NULL &&
           strstr(text, "\xe2\x80\xa9") == NULL && strstr(text, "\xef\xbb\xbf") == NULL;
}

static bool fits_comment(const char *text)
{
    return strlen(text) <= VALUE_BYTES && is_one_line(text);
}

static int by_count(const void *a, const void *b)
{
    const struct dg_profile_value *const *x = a, *const *y = b;
    if ((*x)->count != (*y)->count) {
        return (*x)->count < (*y)->count ? 1 : -1;
    }
    return strcmp((*x)->text, (*y)->text);
}

/* The values whose text is kept, most frequent first; their number. */
static size_t listed_values(const struct dg_profile_column *c,
                            const struct dg_profile_value *list[DG_PROFILE_LISTED])
{
    size_t n = 0;
    for (size_t i = 0; i < c->cap && n < DG_PROFILE_LISTED; i++) {
        if (c->slot[i].text != NULL) {
            list[n++] = &c->slot[i];
        }
    }
    qsort(list, n, sizeof *list, by_count);
    return n;
}

static void value_words(const struct dg_profile_column *c, char *buf, size_t size)
{
    const struct dg_profile_value *list[DG_PROFILE_LISTED];
    const size_t n = c->distinct <= DG_PROFILE_LISTED ? listed_values(c, list) : 0;
    size_t used = strlen(buf), shown = 0;
    for (size_t i = 0; i < n && shown < VALUES_SHOWN; i++) {
        if (fits_comment(list[i]->text) && used + VALUE_BYTES + 8 < size) {
            used += (size_t)snprintf(buf + used, size - used, "%s%s", shown == 0 ? ": " : ", ",
                                     list[i]->text);
            shown++;
        }
    }
    if (shown > 0 && shown < c->distinct) {
        snprintf(buf + used, size - used, ", ...");
    }
}

static void feature_words(const struct dg_profile_column *c, const struct dg_guessed *g, char *buf,
                          size_t size)
{
    if (g->what == DG_GUESS_NUMERIC) {
        snprintf(buf, size, "%.6g to %.6g%s%s", c->min, c->max, g->why[0] == '\0' ? "" : "; ",
                 g->why);
    } else {
        snprintf(buf, size, "%s", g->why);
    }
    if (g->what == DG_GUESS_CATEGORY) {
        value_words(c, buf, size);
    }
}

/* ---- parts ---------------------------------------------------------------------------------- */

static void write_head(struct writer *w)
{
    const struct dg_profile *p = w->draft->profile;
    char data[200];
    snprintf(data, sizeof data, "%s", w->draft->data);
    for (char *c = data; *c != '\0'; c++) { /* a path can hold anything */
        *c = *c < 0x20 || *c > 0x7e ? '?' : *c;
    }
    fprintf(w->out,
            "# A first monitor file, guessed from %llu rows of %s%s.\n"
            "# Correct what is wrong, then run: driftgauge check FILE\n"
            "# Every key is explained by: driftgauge config reference\n",
            (unsigned long long)p->rows, data, p->whole ? " (all there are)" : "");
    if (p->bad > 0) {
        fprintf(w->out, "# %llu records could not be read.\n", (unsigned long long)p->bad);
    }
    pair(w, "", "monitor", w->draft->name, NULL);
    fputs("# description: what the model is for\n# owner: who is asked about it\n\n", w->out);
}

static void write_source(struct writer *w)
{
    const struct dg_shape *shape = &w->draft->profile->shape;
    if (w->draft->topic == NULL && !shape->unpacks) {
        return;
    }
    fputs("source:\n", w->out);
    if (w->draft->topic != NULL) {
        pair(w, "  ", "topic", w->draft->topic, NULL);
    } else {
        pair(w, "  # ", "topic", "TOPIC", "several events in a record are read from a topic only");
    }
    if (shape->preset != NULL) {
        pair(w, "  ", "preset", shape->preset, "whose records they are: docs/KAFKA.md");
    }
    if (shape->instances != NULL) {
        pair(w, "  ", "instances", shape->instances, "each element is an event");
    }
    if (w->draft->topic != NULL) {
        pair(w, "  # ", "dead_letters", "TOPIC", "copies of records that cannot be read");
    }
    fputc('\n', w->out);
}

static void write_timestamp(struct writer *w)
{
    const struct dg_profile_column *c = column_of(w, DG_GUESS_TIMESTAMP);
    char first[DG_TIME_TEXT], last[DG_TIME_TEXT], words[100] = "no time could be read here";
    if (c == NULL) {
        pair(w, "  ", "timestamp", "@timestamp", "the record's own time: no field looks like one");
        return;
    }
    if (c->times + c->epochs > 0) {
        snprintf(words, sizeof words, "%s to %s", dg_time_format(c->first_us, first),
                 dg_time_format(c->last_us, last));
    }
    role(w, "timestamp", DG_GUESS_TIMESTAMP, words);
}

static void write_prediction(struct writer *w)
{
    const struct dg_profile_column *score = column_of(w, DG_GUESS_SCORE);
    const struct dg_profile_column *class = column_of(w, DG_GUESS_CLASS);
    struct line line;
    if ((score == NULL && class == NULL) || !begin(w, &line)) {
        return;
    }
    fputs("  prediction: { ", line.out);
    const struct dg_profile_column *const both[] = {score, class};
    static const char *const keys[] = {"score", "class"};
    for (size_t i = 0; i < 2; i++) {
        if (both[i] != NULL) {
            fprintf(line.out, "%s%s: ", i == 1 && score != NULL ? ", " : "", keys[i]);
            dg_yaml_put_text(line.out, both[i]->path);
        }
    }
    fputs(" }", line.out);
    end(w, &line, NULL);
}

static void write_feature(struct writer *w, const struct dg_profile_column *c,
                          const struct dg_guessed *g)
{
    char words[400];
    struct line line;
    const char *type = g->what == DG_GUESS_NUMERIC ? "numeric" : "category";
    feature_words(c, g, words, sizeof words);
    if (begin(w, &line)) {
        fputs("    ", line.out);
        dg_yaml_put_text(line.out, c->name);
        if (strcmp(c->path, c->name) == 0) {
            fprintf(line.out, ": %s", type);
        } else {
            fprintf(line.out, ": { type: %s, from: ", type);
            dg_yaml_put_text(line.out, c->path);
            fputs(" }", line.out);
        }
        end(w, &line, words);
    }
}

/* `ignore` is for fields of the record or event itself: those within others are never new. */
static void write_unwatched(struct writer *w, const struct dg_profile_column *c,
                            const struct dg_guessed *g)
{
    if (is_one_line(c->path)) {
        fprintf(w->out, "  # not watched: %s (%s)\n", c->path, g->why);
    }
}

static void write_features(struct writer *w)
{
    const struct dg_profile *p = w->draft->profile;
    const struct dg_guessed *g = w->draft->guess->column;
    size_t features = 0, ignored = 0;
    for (size_t i = 0; i < p->n; i++) {
        const bool feature = g[i].what == DG_GUESS_NUMERIC || g[i].what == DG_GUESS_CATEGORY;
        if (feature && features++ == 0) {
            heading(w, "  features:", "or without this key: every field");
        }
        if (feature) {
            write_feature(w, &p->column[i], &g[i]);
        }
    }
    if (features == 0) {
        fputs("  features: {}\n", w->out);
    }
    for (size_t i = 0; i < p->n; i++) {
        struct line line;
        if (g[i].what != DG_GUESS_IGNORE || p->column[i].nested_in) {
            continue;
        }
        if (ignored++ == 0) {
            heading(w, "  ignore:", "never read");
        }
        if (begin(w, &line)) {
            fputs("    - ", line.out);
            dg_yaml_put_text(line.out, p->column[i].name);
            end(w, &line, g[i].why);
        }
    }
    for (size_t i = 0; i < p->n; i++) {
        if (g[i].what == DG_GUESS_IGNORE && p->column[i].nested_in) {
            write_unwatched(w, &p->column[i], &g[i]);
        }
    }
}

static void write_columns(struct writer *w)
{
    fputs("columns:\n", w->out);
    write_timestamp(w);
    role(w, "id", DG_GUESS_ID, "rows that repeat it are dropped");
    role(w, "version", DG_GUESS_VERSION, "results per version");
    role(w, "variant", DG_GUESS_VARIANT, "results per variant");
    role(w, "topic", DG_GUESS_TOPIC, NULL);
    role(w, "partition", DG_GUESS_PARTITION, NULL);
    role(w, "offset", DG_GUESS_OFFSET, NULL);
    write_prediction(w);
    role(w, "latency", DG_GUESS_LATENCY, "milliseconds");
    write_features(w);
}

static void write_windows(struct writer *w)
{
    const struct dg_inference *x = w->draft->guess;
    char size[DG_TIME_TEXT], slide[DG_TIME_TEXT], behind[DG_TIME_TEXT], words[120];
    struct line line;
    const double rows = x->rows_per_hour * (double)x->size_us / 3600e6;
    snprintf(words, sizeof words, "about %.0f rows each%s", rows,
             rows < 200 ? ": too few to judge (min_rows); choose longer ones" : "");
    fputc('\n', w->out);
    if (begin(w, &line)) {
        fprintf(line.out, "windows: { size: %s, slide: %s }", dg_duration_format(x->size_us, size),
                dg_duration_format(x->slide_us, slide));
        end(w, &line, x->rows_per_hour > 0 ? words : NULL);
    }
    if (x->out_of_order_us > 0 && begin(w, &line)) {
        const struct dg_profile_column *t = column_of(w, DG_GUESS_TIMESTAMP);
        snprintf(words, sizeof words, "rows are up to %s behind%s",
                 dg_duration_format(t->behind_us / DG_US_PER_S * DG_US_PER_S, behind),
                 t->behind_us > x->out_of_order_us ? ": sort the file by time" : "");
        fprintf(line.out, "time: { out_of_order: %s }",
                dg_duration_format(x->out_of_order_us, size));
        end(w, &line, words);
    }
}

/* The category that would divide the stream best: few values, the fewest first. */
static const struct dg_profile_column *segment_column(const struct writer *w)
{
    const struct dg_profile *p = w->draft->profile;
    const struct dg_profile_column *best = NULL;
    for (size_t i = 0; i < p->n; i++) {
        const struct dg_profile_column *c = &p->column[i];
        if (w->draft->guess->column[i].what == DG_GUESS_CATEGORY && c->distinct >= 2 &&
            c->distinct <= 10 && c->name[0] != '/' &&
            (best == NULL || c->distinct < best->distinct)) {
            best = c;
        }
    }
    return best;
}

static void write_segments(struct writer *w)
{
    const struct dg_profile_column *c = segment_column(w);
    const struct dg_profile_value *list[DG_PROFILE_LISTED];
    struct line line;
    if (c == NULL || !begin(w, &line)) {
        return;
    }
    fputs("# segments: [{ column: ", line.out);
    dg_yaml_put_text(line.out, c->name);
    fputs(", values: [", line.out);
    const size_t n = listed_values(c, list);
    for (size_t i = 0; i < n; i++) {
        fputs(i == 0 ? "" : ", ", line.out);
        dg_yaml_put_text(line.out, list[i]->text);
    }
    fputs("] }]", line.out);
    end(w, &line, NULL);
}

/* The rule for drift looks at values; that there are fewer of them is for a check to see. */
static void write_completeness(struct writer *w)
{
    const struct dg_profile *p = w->draft->profile;
    double least = 1.0;
    for (size_t i = 0; i < p->n && p->rows > 0; i++) {
        const struct dg_profile_column *c = &p->column[i];
        const enum dg_guess what = w->draft->guess->column[i].what;
        const bool numeric =
            what == DG_GUESS_NUMERIC || what == DG_GUESS_SCORE || what == DG_GUESS_LATENCY;
        if (numeric || what == DG_GUESS_CATEGORY || what == DG_GUESS_CLASS) {
            least = fmin(least, (double)(numeric ? c->numbers : c->values) / (double)p->rows);
        }
    }
    const int warn = (int)(100.0 * least) - 5, critical = warn - 10;
    struct line line;
    if (!begin(w, &line)) {
        return;
    }
    char words[80];
    snprintf(words, sizeof words, "the least complete column has %.1f%% here", 100.0 * least);
    if (critical > 0) {
        fprintf(line.out, "  completeness: { warn: below %d%%, critical: below %d%% }", warn,
                critical);
    } else {
        fputs("  # completeness: { warn: below 99%, critical: below 90% }", line.out);
    }
    end(w, &line, words);
}

static void write_rules(struct writer *w)
{
    fputs("\nbaselines:\n", w->out);
    if (w->draft->baseline != NULL) {
        fputs("  training: { file: ", w->out);
        dg_yaml_put_text(w->out, w->draft->baseline);
        fputs(" }\n", w->out);
    } else {
        fputs("  # training: { file: reference.baseline.json }   # driftgauge baseline build\n",
              w->out);
    }
    fputs("  previous: previous_window\n"
          "\n"
          "checks:\n"
          "  drift: { q: 0.01, effect: 0.1, for: 3, min_rows: 200 }\n"
          "  # psi: { warn: above 0.1, critical: above 0.25, for: 3 }\n",
          w->out);
    write_completeness(w);
}

int dg_draft_write(const struct dg_draft *draft, FILE *out)
{
    struct writer w = {.draft = draft, .out = out};
    write_head(&w);
    write_source(&w);
    write_columns(&w);
    write_windows(&w);
    write_segments(&w);
    write_rules(&w);
    return w.out_of_memory ? ENOMEM : 0;
}
