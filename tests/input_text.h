/* tests/input_text.h -- what a file source makes of some bytes, as one text: a line per row with
 * its place, its reason or its values, and its news. Two readings agree iff their texts do. */
#ifndef DG_TESTS_INPUT_TEXT_H
#define DG_TESTS_INPUT_TEXT_H

#include "connectors/file_source.h"
#include "tests/check.h"

#include <inttypes.h>
#include <unistd.h>

#define INPUT_COLUMNS_MAX 16

/* "n:amount t:country T:time i:offset": number, text, time (the event time, if named T!), integer;
 * "-name" is ignored. `words` must outlive p. */
struct input_projection {
    struct dg_projection p;
    struct dg_field field[INPUT_COLUMNS_MAX];
    const char *ignore[INPUT_COLUMNS_MAX];
    char words[512];
};

static inline void input_project(struct input_projection *ip, const char *columns)
{
    *ip = (struct input_projection){
        .p = {.time = -1, .id = -1, .topic = -1, .partition = -1, .offset = -1, .record_time = -1}};
    snprintf(ip->words, sizeof ip->words, "%s", columns);
    ip->p.field = ip->field;
    ip->p.ignore = ip->ignore;
    char *save = NULL;
    for (char *w = strtok_r(ip->words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        if (w[0] == '-') {
            ip->ignore[ip->p.n_ignore++] = w + 1;
            continue;
        }
        struct dg_field *const f = &ip->field[ip->p.n];
        f->path = w + 2;
        f->type = w[0] == 'n'   ? DG_FIELD_NUMERIC
                  : w[0] == 't' ? DG_FIELD_TEXT
                  : w[0] == 'i' ? DG_FIELD_INTEGER
                                : DG_FIELD_TIME;
        if (w[0] == 'T') {
            ip->p.time = (int)ip->p.n;
        }
        ip->p.n++;
    }
}

/* Leave news out and write line ends and NULs in values as '|': each row is one line. */
static bool input_flat = false;

static inline void input_put_bytes(FILE *out, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bool splits = p[i] == '\n' || p[i] == '\0';
        fputc(input_flat && splits ? '|' : p[i], out);
    }
}

static inline const char *input_triage(enum dg_triage t)
{
    static const char *const names[DG_TRIAGE_KINDS] = {"",     "absent", "null",       "nan",
                                                       "+inf", "-inf",   "unparsable", "range"};
    return names[t];
}

static inline void input_put_cell(FILE *out, const struct dg_batch *b, size_t c, size_t row)
{
    const union dg_column column = b->column[c];
    switch (b->projection->field[c].type) {
    case DG_FIELD_NUMERIC: {
        const enum dg_triage t = dg_triage_of(column.number[row]);
        t == DG_FINITE ? fprintf(out, " %.17g", column.number[row])
                       : fprintf(out, " <%s>", input_triage(t));
        break;
    }
    case DG_FIELD_TEXT: {
        const struct dg_text t = column.text[row];
        if (t.triage != DG_FINITE) {
            fprintf(out, " <%s>", input_triage(t.triage));
        } else if (t.len > 200) {
            uint64_t sum = 0;
            for (uint32_t i = 0; i < t.len; i++) {
                sum = sum * 31 + (unsigned char)t.bytes[i];
            }
            fprintf(out, " [%" PRIu32 " bytes, %" PRIx64 "]", t.len, sum);
        } else {
            fputs(" '", out);
            input_put_bytes(out, t.bytes, t.len);
            fputc('\'', out);
        }
        break;
    }
    case DG_FIELD_TIME:
    case DG_FIELD_INTEGER:
        column.integer[row] == DG_TIME_NONE ? fprintf(out, " <none>")
                                            : fprintf(out, " %" PRId64, column.integer[row]);
        break;
    }
}

static inline void input_put_row(FILE *out, const struct dg_batch *b, size_t row)
{
    fprintf(out, "%" PRIu64, b->place[row]);
    if (b->reason[row] != DG_GOOD) {
        fprintf(out, " BAD %s\n", dg_reason_name((enum dg_reason)b->reason[row]));
        return;
    }
    for (size_t c = 0; c < b->n_columns; c++) {
        input_put_cell(out, b, c, row);
    }
    for (size_t i = 0; i < b->news_names.n && !input_flat; i++) {
        if (b->news[row] >> i & 1) {
            fprintf(out, " +%.*s", (int)b->news_names.len[i], b->news_names.name[i]);
        }
    }
    fprintf(out, "%s\n", !input_flat && b->news[row] >> DG_NEWS_MAX ? " +more" : "");
}

/* The text of a file, or "FAILED: sentence". To be freed. */
static inline char *input_read_file(const char *path, const char *columns,
                                    const struct dg_file_options *options)
{
    char *text = NULL;
    size_t len = 0;
    FILE *const out = open_memstream(&text, &len);
    struct input_projection ip;
    struct dg_error err;
    struct dg_source *s = NULL;
    input_project(&ip, columns);
    if (dg_file_source_open(&path, 1, options, &ip.p, &s, &err) != 0) {
        fprintf(out, "FAILED: %s", err.message);
        fclose(out);
        return text;
    }
    struct dg_batch b;
    struct dg_chunk chunk = {0};
    CHECK(dg_batch_init(&b, &ip.p, &err) == 0);
    for (;;) {
        const enum dg_poll poll = s->ops->poll(s, 0, 0, &chunk, &err);
        if (poll != DG_POLL_DATA) {
            CHECK(poll == DG_POLL_END);
            break;
        }
        dg_batch_clear(&b);
        CHECK(s->ops->decode(s, &chunk, &b, &err) == 0);
        for (size_t row = 0; row < b.n; row++) {
            input_put_row(out, &b, row);
        }
    }
    CHECK(s->ops->poll(s, 0, 0, &chunk, &err) == DG_POLL_END);
    s->ops->close(s);
    dg_chunk_deinit(&chunk);
    dg_batch_deinit(&b);
    fclose(out);
    return text;
}

/* A file of these bytes under the directory of temporary files, named after the test's process. */
static inline const char *input_write(const char *name, const void *bytes, size_t n)
{
    static char path[256];
    const char *const dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/dg-%ld-%s", dir != NULL ? dir : "/tmp", (long)getpid(), name);
    FILE *const f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}

static inline char *input_read_bytes(const char *name, const void *bytes, size_t n,
                                     const char *columns, const struct dg_file_options *options)
{
    const char *const path = input_write(name, bytes, n);
    char *const text = input_read_file(path, columns, options);
    remove(path);
    return text;
}

/* As CHECK_STR, of what a file called `name` with this content gives. */
static inline void input_check(const char *name, const char *content, size_t n, const char *columns,
                               const struct dg_file_options *options, const char *want)
{
    char *const got = input_read_bytes(name, content, n, columns, options);
    if (strcmp(got, want) != 0) {
        check_failures++;
        fprintf(stderr, "%s: got\n%s\nwant\n%s\n", name, got, want);
    }
    free(got);
}

#endif
