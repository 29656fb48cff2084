#include "connectors/json_rows.h"

#include "connectors/text_scan.h"
#include "engine/timefmt.h"

#include <stdio.h>

enum target { SKIP = -1, NEWS = -2 }; /* NEWS - i: field i of the news; a node if >= 0 */

static struct dg_text text_of(struct dg_json_rows *r, const struct dg_json_string *s)
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
static struct dg_text words_of(struct dg_json_rows *r, const struct dg_json_value *v)
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

static void put_value(struct dg_json_rows *r, const struct dg_json_node *node,
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

static void forget_capture(struct dg_json_rows *r, const struct dg_json_node *node)
{
    if (node->capture >= 0) {
        r->captured[node->capture] = NULL;
    }
}

static void forget_children(struct dg_json_rows *r, uint32_t parent)
{
    for (int32_t i = r->plan->node[parent].first_child; i >= 0; i = r->plan->node[i].next_sibling) {
        if (r->seen[i] == r->stamp) {
            r->seen[i] = 0;
            r->n_seen -= r->plan->node[i].first_column >= 0;
            forget_capture(r, &r->plan->node[i]);
            forget_children(r, (uint32_t)i);
        }
    }
}

static bool read_members(struct dg_json_rows *r, uint32_t parent);
static bool read_elements(struct dg_json_rows *r, uint32_t parent);

/* The value at hand belongs to `target`. */
static bool read_value(struct dg_json_rows *r, int32_t target)
{
    struct dg_json_value v;
    const uint8_t *const start = r->j.p;
    if (target < 0) {
        return dg_json_pass(&r->j);
    }
    if (!dg_json_value(&r->j, &v)) {
        return false;
    }
    const bool container = v.kind == DG_JSON_OBJECT || v.kind == DG_JSON_ARRAY;
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
    if (node->capture >= 0) {
        r->captured[node->capture] = start;
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
static bool next_item(struct dg_json_rows *r, uint8_t close, bool *more)
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

static int32_t look_up(struct dg_json_rows *r, uint32_t parent, const uint8_t *key, size_t len)
{
    const uint32_t node = dg_json_plan_find(r->plan, parent, key, len);
    if (node != 0) {
        return (int32_t)node;
    }
    return parent != 0 || r->plan->no_news ? (int32_t)SKIP
                                           : NEWS - news_index(&r->batch->news_names, key, len);
}

static bool read_key(struct dg_json_rows *r, uint32_t parent, int32_t *target)
{
    struct dg_json *const j = &r->j;
    if (j->p == j->end || *j->p != '"') {
        return dg_json_fail(j, DG_BAD_MALFORMED);
    }
    const size_t k = r->k++;
    const struct dg_json_slot *const guess = &r->slot[k < DG_JSON_SLOTS ? k : 0];
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
        if (k < DG_JSON_SLOTS && k <= r->n_slots && !key.escaped) {
            r->slot[k] = (struct dg_json_slot){key.bytes, key.len, parent, *target};
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

static bool read_members(struct dg_json_rows *r, uint32_t parent)
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
static bool read_elements(struct dg_json_rows *r, uint32_t parent)
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

static void fill_absent(struct dg_json_rows *r)
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

static void begin_row(struct dg_json_rows *r)
{
    r->stamp++;
    r->n_seen = 0;
    r->news = 0;
    r->k = 0;
    r->j.depth = 0;
    for (uint32_t i = 0; i < r->plan->n_captures; i++) {
        r->captured[i] = NULL;
    }
}

static bool read_document(struct dg_json_rows *r)
{
    if (*r->j.p != '{') {
        return dg_json_fail(&r->j, DG_BAD_MALFORMED);
    }
    if (!read_members(r, 0)) {
        return false;
    }
    dg_json_space(&r->j);
    return r->j.p == r->j.end || dg_json_fail(&r->j, DG_BAD_MALFORMED);
}

/* What a row that has failed has left behind. */
static void undo(struct dg_json_rows *r, size_t scratch, size_t known)
{
    r->batch->scratch.len = scratch;
    r->batch->news_names.n = known;
    r->n_slots = 0; /* they may name news that have just been forgotten */
}

void dg_json_rows_begin(struct dg_json_rows *r, const struct dg_json_plan *plan,
                        struct dg_batch *batch, uint32_t seen[], const uint8_t *captured[])
{
    /* not cleared: n_slots says how many slots hold something */
    r->j = (struct dg_json){0};
    r->plan = plan;
    r->batch = batch;
    r->stamp = 0;
    r->n_slots = 0;
    r->seen = seen;
    r->captured = captured;
    memset(seen, 0, plan->n * sizeof *seen);
}

bool dg_json_rows_document(struct dg_json_rows *r, const uint8_t *text, const uint8_t *end)
{
    const size_t scratch = r->batch->scratch.len, known = r->batch->news_names.n;
    r->j.p = text;
    r->j.end = end;
    begin_row(r);
    dg_json_space(&r->j);
    if (!read_document(r)) {
        undo(r, scratch, known);
        return false;
    }
    fill_absent(r);
    return true;
}

const uint8_t *dg_json_rows_value(struct dg_json_rows *r, const uint8_t *text, const uint8_t *end)
{
    const size_t scratch = r->batch->scratch.len, known = r->batch->news_names.n;
    r->j.p = text;
    r->j.end = end;
    begin_row(r);
    if (!read_value(r, 0)) {
        undo(r, scratch, known);
        return NULL;
    }
    fill_absent(r);
    return r->j.p;
}

void dg_json_rows_absent(struct dg_json_rows *r)
{
    begin_row(r);
    fill_absent(r);
}
