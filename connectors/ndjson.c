#include "connectors/ndjson.h"

#include "connectors/json_rows.h"
#include "connectors/text_chunks.h"
#include "connectors/text_scan.h"

#include <errno.h>
#include <stdlib.h>

struct ndjson {
    struct dg_format base;
    struct dg_text_chunks text;
    struct dg_json_plan plan;
    bool binary;
};

/* The line [line, end) as a row. `cut` = the file ends here without a line end. */
static void read_line(struct dg_json_rows *r, const uint8_t *line, const uint8_t *end,
                      uint64_t place, bool cut)
{
    struct dg_batch *const b = r->batch;
    enum dg_reason reason = DG_GOOD;
    if (!dg_json_rows_document(r, line, end)) {
        reason = r->j.reason;
        if (memchr(line, 0, (size_t)(end - line)) != NULL) {
            reason = DG_BAD_BINARY;
        } else if (cut && r->j.p == end) {
            reason = DG_BAD_TRUNCATED;
        }
    }
    b->reason[b->n] = (uint8_t)reason;
    b->place[b->n] = place;
    b->news[b->n] = reason == DG_GOOD ? r->news : 0;
    b->n++;
}

static int read_lines(struct dg_json_rows *r, const struct dg_chunk *chunk, size_t record_bytes,
                      uint64_t *place)
{
    const uint8_t *p = chunk->data;
    const uint8_t *const end = p + chunk->len;
    while (p < end) {
        const uint8_t *const nl = memchr(p, '\n', (size_t)(end - p));
        const uint8_t *const line_end = nl != NULL ? nl : end;
        const uint8_t *const next = nl != NULL ? nl + 1 : end;
        r->j.p = p;
        r->j.end = line_end;
        dg_json_space(&r->j);
        if (r->j.p < line_end) {
            if (dg_batch_reserve(r->batch, r->batch->n + 1) != 0) {
                return ENOMEM;
            }
            if ((size_t)(next - p) > record_bytes) {
                if (dg_batch_add_bad(r->batch, DG_BAD_TOO_LARGE, *place) != 0) {
                    return ENOMEM;
                }
            } else {
                read_line(r, p, line_end, *place, nl == NULL && chunk->last);
            }
        }
        (*place)++;
        p = next;
    }
    return 0;
}

static int decode(const struct dg_format *self, const struct dg_chunk *chunk,
                  struct dg_batch *batch, struct dg_error *err)
{
    const struct ndjson *const ndjson = (const struct ndjson *)self;
    const struct dg_json_plan *const plan = &ndjson->plan;
    uint64_t place = chunk->first;
    int code = 0;
    if (chunk->len > 0) {
        DG_ASSERT(chunk->cap >= chunk->len + DG_TEXT_PAD);
        const size_t seen_bytes = plan->n * sizeof(uint32_t);
        if (dg_batch_scratch(batch, seen_bytes + chunk->len) != 0) {
            return dg_fail_memory(err);
        }
        struct dg_json_rows r;
        dg_json_rows_begin(&r, plan, batch, (uint32_t *)(void *)batch->scratch.data, NULL);
        batch->scratch.len = seen_bytes;
        code = read_lines(&r, chunk, ndjson->text.record_bytes, &place);
    }
    if (code == 0 && chunk->damage != DG_GOOD) {
        code = dg_batch_add_bad(batch, chunk->damage, place);
    }
    return code == 0 ? 0 : dg_fail_memory(err);
}

static size_t cut(const struct dg_text_chunks *t, const uint8_t data[], size_t len, bool ended)
{
    (void)t;
    (void)ended;
    const uint8_t *const nl = memrchr(data, '\n', len);
    return nl != NULL ? (size_t)(nl - data) + 1 : 0;
}

static enum dg_poll poll_chunk(struct dg_format *self, struct dg_chunk *chunk, struct dg_error *err)
{
    struct ndjson *const ndjson = (struct ndjson *)self;
    if (ndjson->binary) {
        return dg_text_chunks_binary(&ndjson->text, chunk);
    }
    return dg_text_chunks_poll(&ndjson->text, chunk, err);
}

static size_t skip_space(const uint8_t head[], size_t n, size_t i)
{
    while (i < n && (head[i] == ' ' || head[i] == '\t' || head[i] == '\n' || head[i] == '\r')) {
        i++;
    }
    return i;
}

static bool claims(const uint8_t head[], size_t n)
{
    const size_t i = skip_space(head, n, n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    return i < n && head[i] == '{';
}

/* A JSON document over many lines would be one bad row per line: say so at once. */
static int refuse_document(struct dg_byte_stream *in, struct dg_error *err)
{
    const uint8_t *head;
    const size_t n = dg_byte_stream_peek(in, &head);
    const size_t first = skip_space(head, n, 0);
    const bool array = first < n && head[first] == '[';
    const bool pretty =
        first + 1 < n && head[first] == '{' &&
        (head[first + 1] == '\n' || head[first + 1] == '\r') &&
        memchr(head + first + 1, '"', n - first - 1) == head + skip_space(head, n, first + 1);
    if (!array && !pretty) {
        return 0;
    }
    return dg_fail(
        err, EINVAL, "%s is %s, and one object per line is needed: convert it, as with jq -c '%s'",
        dg_byte_stream_name(in), array ? "a JSON array" : "a JSON document over several lines",
        array ? ".[]" : ".");
}

static int open_ndjson(struct dg_byte_stream *in, const struct dg_file_options *options,
                       const struct dg_projection *projection, struct dg_format **out,
                       struct dg_error *err)
{
    int code = refuse_document(in, err);
    if (code != 0) {
        return code;
    }
    struct ndjson *ndjson = calloc(1, sizeof *ndjson);
    if (ndjson == NULL) {
        return dg_fail_memory(err);
    }
    code = dg_json_plan_init(&ndjson->plan, projection, NULL, 0, err);
    if (code != 0) {
        dg_json_plan_deinit(&ndjson->plan);
        free(ndjson);
        return code;
    }
    const uint8_t *head;
    const size_t n = dg_byte_stream_peek(in, &head);
    ndjson->base.ops = &dg_ndjson_format;
    ndjson->binary = dg_text_is_binary(head, n);
    dg_text_chunks_init(&ndjson->text, in, options, cut);
    *out = &ndjson->base;
    return 0;
}

static void fields(const struct dg_format *self, const char *const **names, size_t *n)
{
    (void)self;
    *names = NULL;
    *n = 0;
}

static void close_ndjson(struct dg_format *self)
{
    struct ndjson *const ndjson = (struct ndjson *)self;
    dg_text_chunks_deinit(&ndjson->text);
    dg_json_plan_deinit(&ndjson->plan);
    free(ndjson);
}

const struct dg_format_ops dg_ndjson_format = {
    .name = "ndjson",
    .extensions = {"ndjson", "jsonl", "json", NULL},
    .claims = claims,
    .open = open_ndjson,
    .poll = poll_chunk,
    .decode = decode,
    .fields = fields,
    .close = close_ndjson,
};
