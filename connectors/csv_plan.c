#include "connectors/csv_plan.h"

#include "connectors/csv_scan.h"
#include "connectors/number.h"
#include "connectors/pointer.h"
#include "connectors/text_scan.h"

#include <errno.h>
#include <stdlib.h>

/* Copy one header cell at p to *out, unquoted and trimmed, and move behind it. */
static bool take_name(const uint8_t **p, const uint8_t *end, char delimiter, char **out)
{
    const uint8_t *q = *p;
    char *o = *out;
    if (q < end && *q == '"') {
        const uint8_t *after;
        bool escaped;
        if (dg_csv_quoted_end(q, end, true, delimiter, &after, &escaped) != DG_CSV_CLOSED) {
            return false;
        }
        for (q++; q < after - 1; q++) {
            *o++ = (char)*q;
            q += *q == '"';
        }
        q = after;
    } else {
        while (q < end && *q != (uint8_t)delimiter) {
            *o++ = (char)*q++;
        }
        const char *from = *out;
        while (o > from && (o[-1] == ' ' || o[-1] == '\t')) {
            o--;
        }
        while (from < o && (*from == ' ' || *from == '\t')) {
            from++;
        }
        memmove(*out, from, (size_t)(o - from));
        o -= from - *out;
    }
    *o++ = '\0';
    *out = o;
    *p = q;
    return true;
}

static int read_names(struct dg_csv_plan *plan, const char *file, const uint8_t header[],
                      size_t len, struct dg_error *err)
{
    while (len > 0 && (header[len - 1] == '\n' || header[len - 1] == '\r')) {
        len--;
    }
    const size_t most = (size_t)dg_count_byte(header, len, (uint8_t)plan->delimiter) + 1;
    plan->names = malloc(len + most + 1);
    plan->name = calloc(most, sizeof plan->name[0]);
    plan->first = malloc(most * sizeof plan->first[0]);
    if (plan->names == NULL || plan->name == NULL || plan->first == NULL) {
        return dg_fail_memory(err);
    }
    if (!dg_is_utf8(header, len) || memchr(header, 0, len) != NULL) {
        return dg_fail(
            err, EINVAL,
            "%s:1: the header row is not UTF-8: convert the file, as with iconv -t UTF-8", file);
    }
    const uint8_t *p = header;
    const uint8_t *const end = header + len;
    char *out = plan->names;
    for (;;) {
        plan->first[plan->n_fields] = -1;
        plan->name[plan->n_fields] = out;
        if (!take_name(&p, end, plan->delimiter, &out)) {
            return dg_fail(
                err, EINVAL,
                "%s:1: the quote of field %zu of the header row is not closed: check the "
                "quoting and the delimiter",
                file, plan->n_fields + 1);
        }
        plan->n_fields++;
        if (p == end) {
            return 0;
        }
        p++; /* the delimiter */
    }
}

static int check_names(const struct dg_csv_plan *plan, const char *file, struct dg_error *err)
{
    size_t numbers = 0;
    double x;
    for (size_t i = 0; i < plan->n_fields; i++) {
        numbers += dg_number_parse(plan->name[i], strlen(plan->name[i]), &x);
    }
    if (numbers == plan->n_fields) {
        return dg_fail(err, EINVAL,
                       "%s:1: the first row holds only numbers (\"%s\"...): a header row with the "
                       "names of the columns must come first",
                       file, plan->name[0]);
    }
    return 0;
}

static bool is_path_of(const char *path, const char *name)
{
    return strcmp(path, name) == 0 || dg_pointer_is_name(dg_pointer_around(path), name);
}

static int find_columns(struct dg_csv_plan *plan, const char *file, struct dg_error *err)
{
    const struct dg_projection *const projection = plan->projection;
    for (size_t c = 0; c < projection->n; c++) {
        const struct dg_field *const f = &projection->field[c];
        size_t found = plan->n_fields;
        for (size_t i = 0; i < plan->n_fields; i++) {
            if (!is_path_of(f->path, plan->name[i])) {
                continue;
            }
            if (found < plan->n_fields) {
                return dg_fail(
                    err, EINVAL,
                    "%s:1: column \"%s\" occurs twice, as fields %zu and %zu: rename one", file,
                    f->path, found + 1, i + 1);
            }
            found = i;
        }
        plan->missing[c] = found == plan->n_fields;
        if (!plan->missing[c]) {
            plan->step[c] = (struct dg_csv_step){.column = (uint32_t)c,
                                                 .type = f->type,
                                                 .time_format = f->time_format,
                                                 .next = plan->first[found]};
            plan->first[found] = (int32_t)c;
        }
    }
    return 0;
}

static bool is_ignored(const struct dg_projection *projection, const char *name)
{
    for (size_t i = 0; i < projection->n_ignore; i++) {
        if (strcmp(projection->ignore[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void find_news(struct dg_csv_plan *plan)
{
    for (size_t i = 0; i < plan->n_fields; i++) {
        const char *const name = plan->name[i];
        if (plan->first[i] >= 0 || name[0] == '\0' || is_ignored(plan->projection, name)) {
            continue;
        }
        if (plan->news.n == DG_NEWS_MAX) {
            plan->news_mask |= UINT64_C(1) << DG_NEWS_MAX;
            return;
        }
        plan->news_mask |= UINT64_C(1) << plan->news.n;
        plan->news.name[plan->news.n] = name;
        plan->news.len[plan->news.n] = (uint32_t)strlen(name);
        plan->news.n++;
    }
}

int dg_csv_plan_init(struct dg_csv_plan *plan, const char *file, char delimiter,
                     const uint8_t header[], size_t len, const struct dg_file_options *options,
                     const struct dg_projection *projection, struct dg_error *err)
{
    *plan = (struct dg_csv_plan){.projection = projection,
                                 .delimiter = delimiter,
                                 .null_word = options->null_words,
                                 .n_null_words = options->n_null_words};
    for (size_t i = 0; i < plan->n_null_words; i++) {
        plan->null_first[(unsigned char)plan->null_word[i][0]] = true;
    }
    plan->step = calloc(projection->n + 1, sizeof plan->step[0]);
    plan->missing = calloc(projection->n + 1, sizeof plan->missing[0]);
    if (plan->step == NULL || plan->missing == NULL) {
        return dg_fail_memory(err);
    }
    int code = read_names(plan, file, header, len, err);
    if (code == 0) {
        code = check_names(plan, file, err);
    }
    if (code == 0) {
        code = find_columns(plan, file, err);
    }
    if (code == 0) {
        find_news(plan);
    }
    return code;
}

void dg_csv_plan_deinit(struct dg_csv_plan *plan)
{
    free(plan->names);
    free(plan->name);
    free(plan->first);
    free(plan->step);
    free(plan->missing);
    *plan = (struct dg_csv_plan){0};
}

void dg_csv_fill_absent(const struct dg_csv_plan *plan, struct dg_batch *b, size_t from)
{
    for (size_t c = 0; c < plan->projection->n; c++) {
        if (!plan->missing[c]) {
            continue;
        }
        for (size_t row = from; row < b->n; row++) {
            dg_batch_set_absent(b, c, row);
        }
    }
}
