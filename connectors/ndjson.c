#include "connectors/ndjson.h"

#include "connectors/json_plan.h"
#include "connectors/json_scan.h"
#include "connectors/text_chunks.h"
#include "connectors/text_scan.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Records mostly have the keys of the one before, in its order: the k-th key of a record is first
 * compared with what stood there last time, and looked up only if it differs. */
#define SLOTS 256

enum target { SKIP = -1, NEWS = -2 }; /* NEWS - i: field i of the news; a node if >= 0 */

struct slot {
    const uint8_t *key; /* in the chunk, its closing quote behind it */
    size_t len;
    uint32_t parent;
    int32_t target;
};

struct ndjson {
    struct dg_format base;
    struct dg_text_chunks text;
    struct dg_json_plan plan;
    bool binary;
};

/* Reading the records of one chunk. */
struct reader {
    struct dg_json j;
    const struct dg_json_plan *plan;
    struct dg_batch *batch;
    uint32_t *seen; /* [plan->n] == stamp: the present record has this node; in the scratch */
    uint32_t stamp;
    uint32_t n_seen; /* of the wanted nodes */
    uint64_t news;
    size_t k; /* keys of the record so far */
    size_t n_slots;
    struct slot slot[SLOTS];
};

static struct dg_text text_of(struct reader *r, const struct dg_json_string *s)
{
    if (!s->escaped) {
        return (struct dg_text){.bytes = (const char *)s->bytes, .len = (uint32_t)s->len};
    }
    struct dg_bytes *const scratch = &r->batch->scratch;
    char *const out = (char *)scratch->data + scratch->len;
    const size_t n = dg_json_unescape(s, out);
    scratch->len += n;
    return (struct dg_text){.bytes = out, .len = (uint32_t)n};
}

static double number_of(const struct dg_json_value *v, const struct dg_text *text)
{
    double x;
    switch (v->kind) {
    case DG_JSON_NUMBER:
        return dg_decimal_value(&v->number);
    case DG_JSON_STRING:
        return dg_number_parse(text->bytes, text->len, &x) ? x : dg_box(DG_UNPARSABLE);
    case DG_JSON_TRUE:
        return 1.0;
    case DG_JSON_FALSE:
        return 0.0;
    case DG_JSON_NULL:
        return dg_box(DG_NULL);
    case DG_JSON_OBJECT:
    case DG_JSON_ARRAY:
        break;
    }
    return dg_box(DG_UNPARSABLE);
}

static int64_t time_of(const struct dg_text *text, enum dg_time_format format)
{
    int64_t us;
    return text->bytes != NULL && dg_time_parse(text->bytes, text->len, format, &us) ? us
                                                                                     : DG_TIME_NONE;
}

static int64_t integer_of(const struct dg_text *text)
{
    struct dg_decimal d;
    int64_t value;
    if (text->bytes == NULL) {
        return DG_TIME_NONE;
    }
    const char *const end = text->bytes + text->len;
    return dg_decimal_scan(text->bytes, end, &d) == end && dg_decimal_integer(&d, &value)
               ? value
               : DG_TIME_NONE;
}

/* The words of numbers and strings; bytes == NULL for everything else. */
static struct dg_text words_of(struct reader *r, const struct dg_json_value *v)
{
    if (v->kind == DG_JSON_STRING) {
        return text_of(r, &v->string);
    }
    if (v->kind == DG_JSON_NUMBER) {
        return (struct dg_text){.bytes = v->number.text, .len = (uint32_t)v->number.len};
    }
    return (struct dg_text){0};
}

static struct dg_text category_of(const struct dg_json_value *v, struct dg_text words)
{
    if (v->kind == DG_JSON_TRUE || v->kind == DG_JSON_FALSE) {
        const bool yes = v->kind == DG_JSON_TRUE;
        words = (struct dg_text){.bytes = yes ? "true" : "false", .len = yes ? 4 : 5};
    } else if (words.bytes == NULL) {
        words.bytes = "";
        words.triage = v->kind == DG_JSON_NULL ? DG_NULL : DG_UNPARSABLE;
    }
    return words;
}

static void put_value(struct reader *r, const struct dg_json_node *node,
                      const struct dg_json_value *v)
{
    const struct dg_projection *const projection = r->plan->projection;
    const size_t row = r->batch->n;
    const struct dg_text words = words_of(r, v);
    for (int32_t c = node->first_column; c >= 0; c = r->plan->next_column[c]) {
        const union dg_column column = r->batch->column[c];
        switch (projection->field[c].type) {
        case DG_FIELD_NUMERIC:
            column.number[row] = number_of(v, &words);
            break;
        case DG_FIELD_TEXT:
            column.text[row] = category_of(v, words);
            break;
        case DG_FIELD_TIME:
            column.integer[row] = time_of(&words, projection->field[c].time_format);
            break;
        case DG_FIELD_INTEGER:
            column.integer[row] = integer_of(&words);
            break;
        }
    }
}

static void forget_children(struct reader *r, uint32_t parent)
{
    for (int32_t i = r->plan->node[parent].first_child; i >= 0; i = r->plan->node[i].next_sibling) {
        if (r->seen[i] == r->stamp) {
            r->seen[i] = 0;
            r->n_seen -= r->plan->node[i].first_column >= 0;
            forget_children(r, (uint32_t)i);
        }
    }
}

static bool read_members(struct reader *r, uint32_t parent);
static bool read_elements(struct reader *r, uint32_t parent);

/* The value at hand belongs to `target`. */
static bool read_value(struct reader *r, int32_t target)
{
    struct dg_json_value v;
    if (!dg_json_value(&r->j, &v)) {
        return false;
    }
    const bool container = v.kind == DG_JSON_OBJECT || v.kind == DG_JSON_ARRAY;
    if (target < 0) {
        return !container || dg_json_skip(&r->j);
    }
    const struct dg_json_node *const node = &r->plan->node[target];
    if (r->seen[target] == r->stamp) {
        forget_children(r, (uint32_t)target); /* the key again: only its last value counts */
    } else {
        r->seen[target] = r->stamp;
        r->n_seen += node->first_column >= 0;
    }
    if (node->first_column >= 0) {
        put_value(r, node, &v);
    }
    if (!container) {
        return true;
    }
    if (node->first_child < 0) {
        return dg_json_skip(&r->j);
    }
    return v.kind == DG_JSON_OBJECT ? read_members(r, (uint32_t)target)
                                    : read_elements(r, (uint32_t)target);
}

/* Between two values of a container, or behind its last: *more tells. */
static bool next_item(struct reader *r, uint8_t close, bool *more)
{
    struct dg_json *const j = &r->j;
    dg_json_space(j);
    if (j->p < j->end && *j->p == ',') {
        j->p++;
        dg_json_space(j);
        *more = true;
        return true;
    }
    if (j->p == j->end || *j->p != close) {
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    j->p++;
    j->depth--;
    *more = false;
    return true;
}

/* The number of a new field among the batch's news; DG_NEWS_MAX if there is no room to name it. */
static int32_t news_index(struct dg_news *news, const uint8_t *key, size_t len)
{
    for (size_t i = 0; i < news->n; i++) {
        if (news->len[i] == len && memcmp(news->name[i], key, len) == 0) {
            return (int32_t)i;
        }
    }
    if (news->n == DG_NEWS_MAX) {
        return DG_NEWS_MAX;
    }
    news->name[news->n] = (const char *)key;
    news->len[news->n] = (uint32_t)len;
    return (int32_t)news->n++;
}

static int32_t look_up(struct reader *r, uint32_t parent, const uint8_t *key, size_t len)
{
    const uint32_t node = dg_json_plan_find(r->plan, parent, key, len);
    if (node != 0) {
        return (int32_t)node;
    }
    return parent != 0 ? (int32_t)SKIP : NEWS - news_index(&r->batch->news_names, key, len);
}

static bool read_key(struct reader *r, uint32_t parent, int32_t *target)
{
    struct dg_json *const j = &r->j;
    if (j->p == j->end || *j->p != '"') {
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    const size_t k = r->k++;
    const struct slot *const guess = &r->slot[k < SLOTS ? k : 0];
    if (k < r->n_slots && guess->parent == parent && (size_t)(j->end - j->p) > guess->len + 1 &&
        dg_equal_padded(j->p + 1, guess->key, guess->len + 1)) {
        *target = guess->target;
        j->p += guess->len + 2;
    } else {
        struct dg_json_string key;
        if (!dg_json_string(j, &key)) {
            return false;
        }
        const struct dg_text text = text_of(r, &key);
        *target = look_up(r, parent, (const uint8_t *)text.bytes, text.len);
        if (k < SLOTS && k <= r->n_slots && !key.escaped) {
            r->slot[k] = (struct slot){key.bytes, key.len, parent, *target};
            r->n_slots = k == r->n_slots ? k + 1 : r->n_slots;
        }
    }
    dg_json_space(j);
    if (j->p == j->end || *j->p != ':') {
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    j->p++;
    return true;
}

static bool read_members(struct reader *r, uint32_t parent)
{
    if (!dg_json_enter(&r->j)) {
        return false;
    }
    if (*r->j.p == '}' && r->j.p < r->j.end) {
        r->j.p++;
        r->j.depth--;
        return true;
    }
    bool more = true;
    while (more) {
        int32_t target = SKIP;
        if (!read_key(r, parent, &target)) {
            return false;
        }
        if (target <= NEWS) {
            r->news |= UINT64_C(1) << (NEWS - target);
        }
        if (!read_value(r, target) || !next_item(r, '}', &more)) {
            return false;
        }
    }
    return true;
}

/* An array of which some elements are wanted, by index. */
static bool read_elements(struct reader *r, uint32_t parent)
{
    if (!dg_json_enter(&r->j)) {
        return false;
    }
    if (*r->j.p == ']' && r->j.p < r->j.end) {
        r->j.p++;
        r->j.depth--;
        return true;
    }
    bool more = true;
    for (unsigned index = 0; more; index++) {
        char key[16];
        const int len = snprintf(key, sizeof key, "%u", index);
        const uint32_t node = dg_json_plan_find(r->plan, parent, key, (size_t)len);
        if (!read_value(r, node != 0 ? (int32_t)node : (int32_t)SKIP) ||
            !next_item(r, ']', &more)) {
            return false;
        }
    }
    return true;
}

static bool read_record(struct reader *r)
{
    r->stamp++;
    r->n_seen = 0;
    r->news = 0;
    r->k = 0;
    r->j.depth = 0;
    if (*r->j.p != '{') {
        return dg_json_fail(&r->j, DG_BAD_MALFORMED);
    }
    if (!read_members(r, 0)) {
        return false;
    }
    dg_json_space(&r->j);
    return r->j.p == r->j.end || dg_json_fail(&r->j, DG_BAD_MALFORMED);
}

static void fill_absent(struct reader *r)
{
    if (r->n_seen == r->plan->n_wanted) {
        return;
    }
    for (size_t c = 0; c < r->batch->n_columns; c++) {
        if (r->seen[r->plan->node_of[c]] != r->stamp) {
            dg_batch_set_absent(r->batch, c, r->batch->n);
        }
    }
}

/* The line [line, end) as a row. `cut` = the file ends here without a line end. */
static void read_line(struct reader *r, const uint8_t *line, const uint8_t *end, uint64_t place,
                      bool cut)
{
    struct dg_batch *const b = r->batch;
    const size_t scratch = b->scratch.len;
    const size_t known = b->news_names.n;
    enum dg_reason reason = DG_GOOD;
    if (read_record(r)) {
        fill_absent(r);
    } else {
        reason = r->j.reason;
        if (memchr(line, 0, (size_t)(end - line)) != NULL) {
            reason = DG_BAD_BINARY;
        } else if (cut && r->j.p == end) {
            reason = DG_BAD_TRUNCATED;
        }
        b->scratch.len = scratch;
        b->news_names.n = known;
        r->n_slots = 0; /* they may name news that have just been forgotten */
    }
    b->reason[b->n] = (uint8_t)reason;
    b->place[b->n] = place;
    b->news[b->n] = reason == DG_GOOD ? r->news : 0;
    b->n++;
}

static int read_lines(struct reader *r, const struct dg_chunk *chunk, size_t record_bytes,
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
        struct reader r; /* not cleared: n_slots says how many slots hold something */
        r.j = (struct dg_json){0};
        r.plan = plan;
        r.batch = batch;
        r.stamp = 0;
        r.n_slots = 0;
        r.seen = (uint32_t *)(void *)batch->scratch.data;
        memset(r.seen, 0, seen_bytes);
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
    code = dg_json_plan_init(&ndjson->plan, projection, err);
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
