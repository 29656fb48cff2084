#include "connectors/csv.h"

#include "connectors/csv_plan.h"
#include "connectors/csv_scan.h"
#include "connectors/number.h"
#include "connectors/text_scan.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <stdlib.h>

struct csv {
    struct dg_format base;
    struct dg_text_chunks text;
    struct dg_csv_plan plan;
    bool binary; /* no text at all: one bad row says so */
};

/* Reading the rows of one chunk, or the lines of one broken record. */
struct rows {
    const struct dg_csv_plan *plan;
    const struct dg_chunk *chunk;
    struct dg_batch *batch;
    size_t record_bytes;
    const uint8_t *end;
    const uint8_t *block; /* 64 bytes of which `mask` marks the interesting ones not yet seen */
    uint64_t mask;
    uint64_t line;
    bool has_nul;
    bool ascii;
    bool bad_utf8;  /* of the present row */
    bool multiline; /* of the present row */
    size_t fields;  /* of the present row, as far as it was read */
};

static uint64_t mask_at(const struct rows *r, const uint8_t *p)
{
    return dg_mask_of_three(p, (uint8_t)r->plan->delimiter, '\n', '"');
}

static void seek(struct rows *r, const uint8_t *p)
{
    r->block = p;
    r->mask = p < r->end ? mask_at(r, p) : 0;
}

/* The next delimiter, line end or quote, or r->end. */
static inline const uint8_t *next_mark(struct rows *r)
{
    while (r->mask == 0) {
        r->block += 64;
        if (r->block >= r->end) {
            return r->end;
        }
        r->mask = mask_at(r, r->block);
    }
    const uint8_t *const p = r->block + __builtin_ctzll(r->mask);
    r->mask &= r->mask - 1;
    return p < r->end ? p : r->end;
}

static void trim(const char **p, size_t *len)
{
    while (*len > 0 && (**p == ' ' || **p == '\t')) {
        (*p)++;
        (*len)--;
    }
    while (*len > 0 && ((*p)[*len - 1] == ' ' || (*p)[*len - 1] == '\t')) {
        (*len)--;
    }
}

static double number_of(const struct dg_csv_plan *plan, const char *p, size_t len)
{
    struct dg_decimal d;
    double value;
    if (len == 0) {
        return dg_box(DG_NULL);
    }
    if (dg_csv_is_null(plan, p, len)) {
        return dg_box(DG_NULL);
    }
    if (dg_decimal_scan_padded(p, p + len, &d) == p + len) {
        return dg_decimal_value(&d);
    }
    trim(&p, &len);
    if (len == 0 || dg_csv_is_null(plan, p, len)) {
        return dg_box(DG_NULL);
    }
    return dg_number_parse_words(p, len, &value) ? value : dg_box(DG_UNPARSABLE);
}

/* "" becomes " in a copy. The scratch was reserved for the whole chunk. */
static void unescape(struct dg_bytes *scratch, struct dg_text *text)
{
    char *const copy = (char *)scratch->data + scratch->len;
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++) {
        copy[n++] = text->bytes[i];
        i += text->bytes[i] == '"';
    }
    scratch->len += n;
    text->bytes = copy;
    text->len = (uint32_t)n;
}

static struct dg_text text_of(struct rows *r, const char *p, size_t len, bool quoted, bool escaped)
{
    struct dg_text text = {.bytes = p, .len = (uint32_t)len, .triage = DG_FINITE};
    if (len == 0 || (!quoted && dg_csv_is_null(r->plan, p, len))) {
        text.triage = DG_NULL;
        return text;
    }
    if (!r->ascii && !dg_is_utf8((const uint8_t *)p, len)) {
        r->bad_utf8 = true;
    }
    if (escaped) {
        unescape(&r->batch->scratch, &text);
    }
    return text;
}

static int64_t integer_of(const char *p, size_t len)
{
    struct dg_decimal d;
    int64_t value;
    trim(&p, &len);
    if (dg_decimal_scan(p, p + len, &d) != p + len || !dg_decimal_integer(&d, &value)) {
        return DG_TIME_NONE;
    }
    return value;
}

/* Write one field of the file to the columns that want it. */
static void put_cell(struct rows *r, size_t field, const uint8_t *bytes, size_t len, bool quoted,
                     bool escaped)
{
    const char *const p = (const char *)bytes;
    const size_t row = r->batch->n;
    for (int32_t i = r->plan->first[field]; i >= 0; i = r->plan->step[i].next) {
        const struct dg_csv_step *const step = &r->plan->step[i];
        const union dg_column column = r->batch->column[step->column];
        switch (step->type) {
        case DG_FIELD_NUMERIC:
            column.number[row] = number_of(r->plan, p, len);
            break;
        case DG_FIELD_TEXT:
            column.text[row] = text_of(r, p, len, quoted, escaped);
            break;
        case DG_FIELD_TIME:
            if (!dg_time_parse(p, len, step->time_format, &column.integer[row])) {
                column.integer[row] = DG_TIME_NONE;
            }
            break;
        case DG_FIELD_INTEGER:
            column.integer[row] = integer_of(p, len);
            break;
        }
    }
}

enum outcome { ROW_GOOD, ROW_BROKEN, ROW_NO_MEMORY };

static const uint8_t *after_line(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *const nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    return nl != NULL ? nl + 1 : end;
}

/* A quoted field at q. On success *mark is the delimiter, line end or r->end behind it. */
static enum outcome quoted_cell(struct rows *r, const uint8_t *start, size_t field,
                                const uint8_t *q, const uint8_t **mark)
{
    const bool limited = (size_t)(r->end - start) > r->record_bytes;
    const uint8_t *const limit = limited ? start + r->record_bytes : r->end;
    const uint8_t *after;
    bool escaped;
    if (q >= limit || dg_csv_quoted_end(q, limit, !limited, r->plan->delimiter, &after, &escaped) !=
                          DG_CSV_CLOSED) {
        return ROW_BROKEN;
    }
    const size_t len = (size_t)(after - q) - 2;
    r->multiline = r->multiline || memchr(q + 1, '\n', len) != NULL;
    if (field < r->plan->n_fields && r->plan->first[field] >= 0) {
        if (escaped && dg_batch_scratch(r->batch, r->batch->scratch.len > 0 ? 0 : r->chunk->len)) {
            return ROW_NO_MEMORY;
        }
        put_cell(r, field, q + 1, len, true, escaped);
    }
    *mark = after < r->end && *after == '\r' ? after + 1 : after;
    seek(r, *mark);
    if (*mark < r->end) {
        r->mask &= r->mask - 1; /* the mark itself has been seen */
    }
    return ROW_GOOD;
}

/* One record from *p on; *p moves behind it, or behind the line that breaks it. */
static enum outcome read_record(struct rows *r, const uint8_t **p)
{
    const struct dg_csv_plan *const plan = r->plan;
    const uint8_t *const start = *p;
    const uint8_t *cell = start;
    const uint8_t *mark;
    size_t field = 0;
    do {
        mark = next_mark(r);
        if (mark < r->end && *mark == '"') {
            if (mark != cell) {
                continue; /* a literal */
            }
            const enum outcome outcome = quoted_cell(r, start, field, mark, &mark);
            if (outcome != ROW_GOOD) {
                *p = after_line(cell, r->end);
                r->fields = field;
                seek(r, *p);
                return outcome;
            }
        } else if (field < plan->n_fields && plan->first[field] >= 0) {
            size_t len = (size_t)(mark - cell);
            len -= len > 0 && (mark == r->end || *mark == '\n') && mark[-1] == '\r';
            put_cell(r, field, cell, len, false, false);
        }
        field++;
        cell = mark + 1;
    } while (mark < r->end && *mark != '\n');
    *p = mark < r->end ? mark + 1 : r->end;
    r->fields = field;
    return field == plan->n_fields ? ROW_GOOD : ROW_BROKEN;
}

/* The present row is the file's last, has no line end and too few fields. */
static bool is_broken_off(const struct rows *r, const uint8_t *end)
{
    return r->chunk->last && end == r->chunk->data + r->chunk->len && end[-1] != '\n' &&
           r->fields < r->plan->n_fields;
}

static void finish_row(struct rows *r, const uint8_t *start, const uint8_t *end, bool good)
{
    struct dg_batch *const b = r->batch;
    const size_t len = (size_t)(end - start);
    enum dg_reason reason = good                    ? DG_GOOD
                            : is_broken_off(r, end) ? DG_BAD_TRUNCATED
                                                    : DG_BAD_MALFORMED;
    if (len > r->record_bytes) {
        reason = DG_BAD_TOO_LARGE;
    } else if (r->has_nul && memchr(start, 0, len) != NULL) {
        reason = DG_BAD_BINARY;
    } else if (good && r->bad_utf8) {
        reason = DG_BAD_UTF8;
    }
    b->reason[b->n] = (uint8_t)reason;
    b->place[b->n] = r->line;
    b->news[b->n] = reason == DG_GOOD ? r->plan->news_mask : 0;
    b->n++;
}

static bool is_blank(const uint8_t *p, const uint8_t *end)
{
    return *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] == '\n'));
}

static int read_rows(struct rows *r, const uint8_t *from, const uint8_t *end);

/* The lines of a broken record behind its first, each on its own: a quote that was never meant to
 * open may have swallowed good rows. */
static int read_lines(const struct rows *outer, const uint8_t *from, const uint8_t *end)
{
    struct rows r = *outer;
    while (from < end) {
        const uint8_t *const line_end = after_line(from, end);
        const int code = read_rows(&r, from, line_end);
        if (code != 0) {
            return code;
        }
        from = line_end;
    }
    return 0;
}

static int read_rows(struct rows *r, const uint8_t *from, const uint8_t *end)
{
    const uint8_t *p = from;
    r->end = end;
    seek(r, p);
    while (p < end) {
        if (is_blank(p, end)) {
            r->line++;
            p = after_line(p, end);
            seek(r, p);
            continue;
        }
        if (dg_batch_reserve(r->batch, r->batch->n + 1) != 0) {
            return ENOMEM;
        }
        const uint8_t *const start = p;
        r->bad_utf8 = false;
        r->multiline = false;
        const size_t scratch = r->batch->scratch.len;
        const enum outcome outcome = read_record(r, &p);
        if (outcome == ROW_NO_MEMORY) {
            return ENOMEM;
        }
        if (outcome == ROW_BROKEN) {
            r->batch->scratch.len = scratch; /* its lines may be read again */
        }
        finish_row(r, start, p, outcome == ROW_GOOD);
        r->line++;
        if (r->multiline) {
            const uint8_t *const second = after_line(start, p);
            if (outcome == ROW_BROKEN && (size_t)(p - start) <= r->record_bytes) {
                const int code = read_lines(r, second, p);
                if (code != 0) {
                    return code;
                }
            }
            r->line += dg_count_byte(second, (size_t)(p - second), '\n');
        }
    }
    return 0;
}

static int decode(const struct dg_format *self, const struct dg_chunk *chunk,
                  struct dg_batch *batch, struct dg_error *err)
{
    const struct csv *const csv = (const struct csv *)self;
    struct rows r = {.plan = &csv->plan,
                     .chunk = chunk,
                     .batch = batch,
                     .record_bytes = csv->text.record_bytes,
                     .line = chunk->first};
    const size_t from = batch->n;
    int code = 0;
    if (chunk->len > 0) {
        DG_ASSERT(chunk->cap >= chunk->len + DG_TEXT_PAD);
        r.has_nul = memchr(chunk->data, 0, chunk->len) != NULL;
        r.ascii = dg_is_ascii(chunk->data, chunk->len);
        code = read_rows(&r, chunk->data, chunk->data + chunk->len);
        batch->news_names = csv->plan.news;
        dg_csv_fill_absent(&csv->plan, batch, from);
    }
    if (code == 0 && chunk->damage != DG_GOOD) {
        code = dg_batch_add_bad(batch, chunk->damage, r.line);
    }
    return code == 0 ? 0 : dg_fail_memory(err);
}

static enum dg_poll poll_chunk(struct dg_format *self, struct dg_chunk *chunk, struct dg_error *err)
{
    struct csv *const csv = (struct csv *)self;
    if (csv->binary) {
        return dg_text_chunks_binary(&csv->text, chunk);
    }
    return dg_text_chunks_poll(&csv->text, chunk, err);
}

static bool claims(const uint8_t head[], size_t n)
{
    (void)head;
    (void)n;
    return false; /* any text may be CSV: it takes what nobody claims */
}

/* The length of the header row with its line end; 0 if more bytes are needed. */
static size_t header_length(const struct dg_text_chunks *t, size_t from)
{
    const uint8_t *const end = t->rest.data + t->rest.len;
    const uint8_t *cell = t->rest.data + from;
    for (const uint8_t *p = cell; p < end; p++) {
        const uint8_t *after;
        bool escaped;
        if (*p == '"' && p == cell &&
            dg_csv_quoted_end(p, end, t->ended, t->delimiter, &after, &escaped) == DG_CSV_CLOSED) {
            p = after - 1;
        } else if (*p == '\n') {
            return (size_t)(p - t->rest.data) + 1 - from;
        } else if (*p == (uint8_t)t->delimiter) {
            cell = p + 1;
        }
    }
    return t->ended ? t->rest.len - from : 0;
}

static int read_header(struct csv *csv, const struct dg_file_options *options,
                       const struct dg_projection *projection, struct dg_error *err)
{
    struct dg_text_chunks *const t = &csv->text;
    const char *const file = dg_byte_stream_name(t->in);
    size_t blank = 0;
    size_t len = 0;
    for (size_t want = DG_PEEK_MAX; len == 0; want = t->rest.len * 2) {
        if (dg_text_chunks_fill(t, want) != 0) {
            return dg_fail_memory(err);
        }
        const uint8_t *const data = t->rest.data;
        while (blank < t->rest.len && is_blank(data + blank, data + t->rest.len)) {
            blank++;
        }
        if (blank == t->rest.len && t->ended) {
            dg_text_chunks_drop(t, blank);
            return 0; /* an empty file */
        }
        t->delimiter = options->csv_delimiter != 0
                           ? options->csv_delimiter
                           : dg_csv_guess_delimiter(data + blank, t->rest.len - blank);
        len = header_length(t, blank);
        if (len == 0 && t->rest.len > t->record_bytes) {
            return dg_fail(err, EINVAL,
                           "%s: the header row is longer than %zu bytes: is this a CSV file?", file,
                           t->record_bytes);
        }
    }
    const int code = dg_csv_plan_init(&csv->plan, file, t->delimiter, t->rest.data + blank, len,
                                      options, projection, err);
    dg_text_chunks_drop(t, blank + len);
    return code;
}

static int open_csv(struct dg_byte_stream *in, const struct dg_file_options *options,
                    const struct dg_projection *projection, struct dg_format **out,
                    struct dg_error *err)
{
    struct csv *csv = calloc(1, sizeof *csv);
    if (csv == NULL) {
        return dg_fail_memory(err);
    }
    csv->base.ops = &dg_csv_format;
    const uint8_t *head;
    const size_t n = dg_byte_stream_peek(in, &head);
    csv->binary = dg_text_is_binary(head, n);
    dg_text_chunks_init(&csv->text, in, options, dg_csv_cut);
    const int code = csv->binary ? 0 : read_header(csv, options, projection, err);
    if (code != 0) {
        csv->text.in = NULL; /* still the caller's */
        dg_csv_format.close(&csv->base);
        return code;
    }
    *out = &csv->base;
    return 0;
}

static void fields(const struct dg_format *self, const char *const **names, size_t *n)
{
    const struct csv *const csv = (const struct csv *)self;
    *names = csv->plan.name;
    *n = csv->plan.n_fields;
}

static void close_csv(struct dg_format *self)
{
    struct csv *const csv = (struct csv *)self;
    dg_text_chunks_deinit(&csv->text);
    dg_csv_plan_deinit(&csv->plan);
    free(csv);
}

const struct dg_format_ops dg_csv_format = {
    .name = "csv",
    .extensions = {"csv", "tsv", "txt", NULL},
    .claims = claims,
    .open = open_csv,
    .poll = poll_chunk,
    .decode = decode,
    .fields = fields,
    .close = close_csv,
};
