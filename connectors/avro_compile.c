#include "connectors/avro_ops.h"
#include "connectors/pointer.h"

#include <errno.h>
#include <stdlib.h>

#define SPAN_MAX (UINT64_C(1) << 31) /* bytes of one run of doubles or floats */

/* A wanted path: its steps, unescaped. */
struct want {
    char *step[DG_AVRO_PATH_MAX];
    uint32_t n;
};

struct compiler {
    struct dg_avro_plan *plan;
    struct want *want; /* [projection->n] */
    size_t sealed;     /* operations before this one are jump targets or done: do not extend */
    struct dg_avro_op nowhere; /* what is emitted after a failure */
    bool too_large;
    bool no_memory;
    struct dg_error *err;
};

/* The columns that are still to be found at some place of the tree: column[0 .. n-1]. */
struct wanted {
    uint32_t *column;
    uint32_t n;
};

static void compile(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                    uint32_t depth);

static void *grow(struct compiler *c, void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) {
        return array;
    }
    const size_t larger = *cap * 2 + 32;
    void *p = realloc(array, larger * size);
    if (p == NULL) {
        c->no_memory = true;
        return array;
    }
    *cap = larger;
    return p;
}

static bool failed(const struct compiler *c)
{
    return c->no_memory || c->too_large;
}

/* Never NULL: once something has failed, nothing is kept. */
static struct dg_avro_op *emit(struct compiler *c, enum dg_avro_code code)
{
    struct dg_avro_plan *plan = c->plan;
    plan->op = grow(c, plan->op, plan->n_ops, &plan->cap_ops, sizeof *plan->op);
    c->too_large |= plan->n_ops >= DG_AVRO_OPS_MAX;
    struct dg_avro_op *op = failed(c) ? &c->nowhere : &plan->op[plan->n_ops++];
    *op = (struct dg_avro_op){.code = (uint8_t)code, .list = (uint32_t)plan->n_list};
    return op;
}

static void push(struct compiler *c, uint32_t entry)
{
    struct dg_avro_plan *plan = c->plan;
    plan->list = grow(c, plan->list, plan->n_list, &plan->cap_list, sizeof *plan->list);
    c->too_large |= plan->n_list >= 8 * DG_AVRO_OPS_MAX;
    if (!c->no_memory && !c->too_large) {
        plan->list[plan->n_list++] = entry;
    }
}

/* The last operation if it has `code` and may be extended. */
static struct dg_avro_op *last(struct compiler *c, enum dg_avro_code code)
{
    struct dg_avro_plan *plan = c->plan;
    if (failed(c) || plan->n_ops == c->sealed || plan->op[plan->n_ops - 1].code != code) {
        return NULL;
    }
    return &plan->op[plan->n_ops - 1];
}

static struct dg_avro_op *extend(struct compiler *c, enum dg_avro_code code, uint8_t flag)
{
    struct dg_avro_op *op = last(c, code);
    if (op == NULL || op->flag != flag) {
        op = emit(c, code);
        op->flag = flag;
    }
    op->n++;
    return op;
}

static uint32_t seal(struct compiler *c)
{
    c->sealed = c->plan->n_ops;
    return (uint32_t)c->plan->n_ops;
}

static void emit_set(struct compiler *c, uint32_t column, enum dg_triage kind)
{
    extend(c, DG_OP_SET, 0);
    push(c, column);
    push(c, (uint32_t)kind);
}

static void emit_skip(struct compiler *c, const struct dg_avro_type *t)
{
    if (t->wire != DG_AVRO_VARIES) {
        struct dg_avro_op *op = last(c, DG_OP_DOUBLES);
        op = op != NULL ? op : last(c, DG_OP_FLOATS);
        op = op != NULL ? op : last(c, DG_OP_SKIP_BYTES);
        if (t->wire == 0) {
            return;
        }
        if (op == NULL || op->size + t->wire > SPAN_MAX) {
            op = emit(c, DG_OP_SKIP_BYTES);
        }
        op->size += t->wire;
    } else if (t->kind == DG_AVRO_INT || t->kind == DG_AVRO_LONG || t->kind == DG_AVRO_ENUM) {
        extend(c, DG_OP_SKIP_VARINTS, 0);
    } else if (t->kind == DG_AVRO_STRING || t->kind == DG_AVRO_BYTES) {
        emit(c, DG_OP_SKIP_STRING);
    } else {
        emit(c, DG_OP_SKIP_TYPE)->type = t;
    }
}

/* A wanted double or float: joins the run of fixed-size values before it. */
static void emit_fixed(struct compiler *c, enum dg_avro_code code, uint32_t column, uint64_t size)
{
    struct dg_avro_op *op = last(c, code);
    if (op == NULL && (op = last(c, DG_OP_SKIP_BYTES)) != NULL) {
        op->code = (uint8_t)code;
        op->list = (uint32_t)c->plan->n_list;
    }
    if (op == NULL || op->size + size > SPAN_MAX) {
        op = emit(c, code);
    }
    push(c, (uint32_t)op->size);
    push(c, column);
    op->size += size;
    op->n++;
}

static uint64_t unit_of(enum dg_avro_logical logical)
{
    return logical == DG_AVRO_MILLIS ? 1000 : logical == DG_AVRO_MICROS ? 1 : 0;
}

static void emit_leaf(struct compiler *c, const struct dg_avro_type *t, uint32_t column)
{
    const struct dg_field *f = &c->plan->projection->field[column];
    const bool numeric = f->type == DG_FIELD_NUMERIC, text = f->type == DG_FIELD_TEXT;
    const bool by_schema = f->time_format == DG_TIME_AUTO || f->time_format == DG_TIME_RFC3339;
    struct dg_avro_op *op;
    if (numeric && (t->kind == DG_AVRO_DOUBLE || t->kind == DG_AVRO_FLOAT)) {
        emit_fixed(c, t->kind == DG_AVRO_DOUBLE ? DG_OP_DOUBLES : DG_OP_FLOATS, column, t->wire);
        return;
    }
    if (numeric && (t->kind == DG_AVRO_LONG || t->kind == DG_AVRO_INT)) {
        extend(c, DG_OP_LONGS, t->kind == DG_AVRO_INT);
        push(c, column);
        return;
    }
    if (numeric && t->kind == DG_AVRO_BOOLEAN) {
        op = emit(c, DG_OP_BOOLEAN);
    } else if (text && t->logical != DG_AVRO_DECIMAL &&
               (t->kind == DG_AVRO_STRING || t->kind == DG_AVRO_BYTES)) {
        op = emit(c, DG_OP_TEXT);
    } else if (text && t->kind == DG_AVRO_ENUM) {
        op = emit(c, DG_OP_SYMBOL);
    } else if (f->type == DG_FIELD_TIME && by_schema && unit_of(t->logical) != 0) {
        op = emit(c, DG_OP_TIMESTAMP);
        op->size = unit_of(t->logical);
    } else {
        op = emit(c, DG_OP_LEAF);
        if (text && c->plan->slot_of[column] == UINT32_MAX) {
            c->plan->slot_of[column] = c->plan->n_slots++;
        }
    }
    op->type = t;
    op->column = column;
}

/* The first columns end here (`ends` of them), the others lie deeper, where there is nothing. */
static void compile_scalar(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                           uint32_t ends)
{
    for (uint32_t i = ends; i < w.n; i++) {
        emit_set(c, w.column[i], DG_ABSENT);
    }
    if (t->kind == DG_AVRO_NULL) {
        for (uint32_t i = 0; i < ends; i++) {
            emit_set(c, w.column[i], DG_NULL);
        }
        return;
    }
    for (uint32_t i = 0; i < ends; i++) {
        const bool again = i + 1 < ends;
        if (again) {
            emit(c, DG_OP_SAVE);
        }
        emit_leaf(c, t, w.column[i]);
        if (again) {
            emit(c, DG_OP_RESTORE);
        }
    }
    if (ends == 0) {
        emit_skip(c, t);
    }
}

/* Move the columns whose step at `depth` is `name` to the front; returns how many. */
static uint32_t take_matching(const struct compiler *c, struct wanted w, uint32_t depth,
                              const char *name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w.n; i++) {
        const uint32_t column = w.column[i];
        if (strcmp(c->want[column].step[depth], name) == 0) {
            w.column[i] = w.column[n];
            w.column[n++] = column;
        }
    }
    return n;
}

static void compile_record(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                           uint32_t depth)
{
    for (uint32_t i = 0; i < t->n && !failed(c); i++) {
        const uint32_t n = take_matching(c, w, depth, t->label[i]);
        compile(c, t->child[i], (struct wanted){w.column, n}, depth + 1);
        w.column += n;
        w.n -= n;
    }
    for (uint32_t i = 0; i < w.n; i++) {
        emit_set(c, w.column[i], DG_ABSENT);
    }
}

static void put_key(struct dg_avro_map *map, const char *key, uint32_t target)
{
    const uint32_t len = (uint32_t)strlen(key);
    const uint8_t *bytes = (const uint8_t *)key;
    const uint64_t word = dg_avro_key_word(bytes, len, bytes + len);
    uint32_t i = dg_avro_key_hash(bytes, len, word) & map->mask;
    while (map->slot[i].bytes != NULL) {
        i = (i + 1) & map->mask;
    }
    map->slot[i] = (struct dg_avro_key){.bytes = key, .word = word, .len = len, .target = target};
}

/* The bodies stand behind the MAP operation, each with an END of its own. */
static void compile_map(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                        uint32_t depth)
{
    struct dg_avro_plan *plan = c->plan;
    for (uint32_t i = 0; i < w.n; i++) {
        emit_set(c, w.column[i], DG_ABSENT);
    }
    const size_t at = plan->n_ops, index = plan->n_maps;
    emit(c, DG_OP_MAP)->type = t->child[0];
    plan->map = grow(c, plan->map, plan->n_maps, &plan->cap_maps, sizeof *plan->map);
    if (failed(c)) {
        return;
    }
    uint32_t mask = 1;
    while (mask < 2 * w.n) {
        mask = mask * 2 + 1;
    }
    plan->map[index] =
        (struct dg_avro_map){.slot = calloc(mask + 1, sizeof *plan->map->slot), .mask = mask};
    if (plan->map[index].slot == NULL) {
        c->no_memory = true;
        return;
    }
    plan->n_maps++;
    while (w.n > 0 && !failed(c)) {
        const char *key = c->want[w.column[0]].step[depth];
        const uint32_t n = take_matching(c, w, depth, key);
        put_key(&plan->map[index], key, seal(c));
        compile(c, t->child[0], (struct wanted){w.column, n}, depth + 1);
        emit(c, DG_OP_END);
        w.column += n;
        w.n -= n;
    }
    const uint32_t after = seal(c);
    if (!failed(c)) {
        plan->op[at].n = (uint32_t)index;
        plan->op[at].column = after;
    }
}

/* An RFC 6901 index: digits without a leading zero, small enough to be one. */
static bool array_index(const char *step, uint32_t *index)
{
    uint64_t x = 0;
    const size_t len = strlen(step);
    for (size_t i = 0; i < len; i++) {
        if (step[i] < '0' || step[i] > '9' || len > 9) {
            return false;
        }
        x = x * 10 + (uint64_t)(step[i] - '0');
    }
    *index = (uint32_t)x;
    return len == 1 || (len > 1 && *step != '0');
}

static const char *least_index(const struct compiler *c, struct wanted w, uint32_t depth)
{
    const char *least = NULL;
    uint32_t x, min = UINT32_MAX;
    for (uint32_t i = 0; i < w.n; i++) {
        const char *step = c->want[w.column[i]].step[depth];
        if (array_index(step, &x) && x < min) {
            min = x;
            least = step;
        }
    }
    return least;
}

static void compile_array(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                          uint32_t depth)
{
    struct dg_avro_plan *plan = c->plan;
    for (uint32_t i = 0; i < w.n; i++) {
        emit_set(c, w.column[i], DG_ABSENT);
    }
    const size_t at = plan->n_ops, list = plan->n_list;
    emit(c, DG_OP_ARRAY)->type = t->child[0];
    struct wanted rest = w;
    uint32_t n_items = 0;
    for (uint32_t i = 0; i < 2 * w.n; i++) {
        push(c, 0); /* reserved: the bodies push their own entries behind */
    }
    const char *step;
    while (!failed(c) && (step = least_index(c, rest, depth)) != NULL) {
        uint32_t index = 0;
        (void)array_index(step, &index);
        const uint32_t n = take_matching(c, rest, depth, step);
        plan->list[list + 2 * n_items] = index;
        plan->list[list + 2 * n_items + 1] = seal(c);
        n_items++;
        compile(c, t->child[0], (struct wanted){rest.column, n}, depth + 1);
        emit(c, DG_OP_END);
        rest.column += n;
        rest.n -= n;
    }
    const uint32_t after = seal(c);
    if (!failed(c)) {
        plan->op[at].n = n_items;
        plan->op[at].column = after;
    }
}

/* A union of nothing but scalars into one number: resolved by one operation. */
static bool compile_number(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                           uint32_t depth)
{
    if (w.n != 1 || c->want[w.column[0]].n != depth ||
        c->plan->projection->field[w.column[0]].type != DG_FIELD_NUMERIC) {
        return false;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->child[i]->kind >= DG_AVRO_ARRAY) {
            return false;
        }
    }
    struct dg_avro_op *op = emit(c, DG_OP_NUMBER);
    op->type = t;
    op->column = w.column[0];
    return true;
}

/* [null, double] into one number and [null, string] into one text: the bulk of real schemas. */
static bool compile_nullable(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                             uint32_t depth)
{
    if (t->n != 2 || w.n != 1 || c->want[w.column[0]].n != depth) {
        return false;
    }
    const uint8_t null = t->child[0]->kind == DG_AVRO_NULL ? 0 : 1;
    const struct dg_avro_type *value = t->child[1 - null];
    const enum dg_field_type type = c->plan->projection->field[w.column[0]].type;
    if (t->child[null]->kind != DG_AVRO_NULL) {
        return false;
    }
    if (value->kind == DG_AVRO_DOUBLE && type == DG_FIELD_NUMERIC) {
        extend(c, DG_OP_NULLABLE_DOUBLES, null);
        push(c, w.column[0]);
        return true;
    }
    if (value->kind == DG_AVRO_STRING && type == DG_FIELD_TEXT) {
        struct dg_avro_op *op = emit(c, DG_OP_NULLABLE_TEXT);
        op->flag = null;
        op->column = w.column[0];
        return true;
    }
    return false;
}

static void compile_union(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                          uint32_t depth)
{
    if (compile_nullable(c, t, w, depth) || compile_number(c, t, w, depth)) {
        return;
    }
    struct dg_avro_plan *plan = c->plan;
    const size_t at = plan->n_list;
    emit(c, DG_OP_UNION)->n = t->n;
    for (uint32_t i = 0; i < 2 * t->n; i++) {
        push(c, 0); /* targets, then the places of the jumps to the end */
    }
    for (uint32_t i = 0; i < t->n && !failed(c); i++) {
        plan->list[at + i] = seal(c);
        compile(c, t->child[i], w, depth);
        emit(c, DG_OP_JUMP);
        plan->list[at + t->n + i] = (uint32_t)plan->n_ops - 1;
    }
    const uint32_t after = seal(c);
    for (uint32_t i = 0; i < t->n && !failed(c); i++) {
        plan->op[plan->list[at + t->n + i]].column = after;
    }
}

/* Read a datum of type t, of which the columns `w` are wanted. Every one of them is written. */
static void compile(struct compiler *c, const struct dg_avro_type *t, struct wanted w,
                    uint32_t depth)
{
    if (w.n == 0 || failed(c)) {
        emit_skip(c, t);
        return;
    }
    if (t->kind == DG_AVRO_UNION) {
        compile_union(c, t, w, depth);
        return;
    }
    uint32_t ends = 0;
    for (uint32_t i = 0; i < w.n; i++) {
        const uint32_t column = w.column[i];
        if (c->want[column].n == depth) {
            w.column[i] = w.column[ends];
            w.column[ends++] = column;
        }
    }
    if (t->kind < DG_AVRO_ARRAY) {
        compile_scalar(c, t, w, ends);
        return;
    }
    for (uint32_t i = 0; i < ends; i++) {
        emit_set(c, w.column[i], DG_UNPARSABLE);
    }
    const struct wanted deeper = {w.column + ends, w.n - ends};
    if (deeper.n == 0) {
        emit_skip(c, t);
    } else if (t->kind == DG_AVRO_RECORD) {
        compile_record(c, t, deeper, depth);
    } else if (t->kind == DG_AVRO_MAP) {
        compile_map(c, t, deeper, depth);
    } else {
        compile_array(c, t, deeper, depth);
    }
}

/* Split `path` into steps inside *room; false if it is not a pointer. */
static bool split(const char *path, struct want *want, char **room)
{
    path = dg_pointer_around(path);
    const bool pointer = *path == '/';
    char *out = *room;
    want->n = 0;
    if (*path == '\0') {
        return true;
    }
    const char *s = path;
    do {
        if (want->n == DG_AVRO_PATH_MAX) {
            return false;
        }
        want->step[want->n++] = out;
        for (s += pointer; *s != '\0' && !(pointer && *s == '/'); s++) {
            if (pointer && *s == '~') {
                s++;
                if (*s != '0' && *s != '1') {
                    return false;
                }
                *out++ = *s == '0' ? '~' : '/';
            } else {
                *out++ = *s;
            }
        }
        *out++ = '\0';
    } while (*s != '\0');
    *room = out;
    return true;
}

static bool listed(const struct compiler *c, const char *field)
{
    const struct dg_projection *projection = c->plan->projection;
    for (size_t i = 0; i < projection->n; i++) {
        if (c->want[i].n > 0 && strcmp(c->want[i].step[0], field) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < projection->n_ignore; i++) {
        if (strcmp(projection->ignore[i], field) == 0) {
            return true;
        }
    }
    return false;
}

/* Every record has all fields of its schema: the news are known before the first one. */
static void find_news(struct compiler *c, const struct dg_avro_type *root)
{
    struct dg_news *news = &c->plan->news_names;
    for (uint32_t i = 0; root->kind == DG_AVRO_RECORD && i < root->n; i++) {
        if (listed(c, root->label[i])) {
            continue;
        }
        if (news->n == DG_NEWS_MAX) {
            c->plan->news |= UINT64_C(1) << DG_NEWS_MAX;
            return;
        }
        c->plan->news |= UINT64_C(1) << news->n;
        news->len[news->n] = (uint32_t)strlen(root->label[i]);
        news->name[news->n++] = root->label[i];
    }
}

static int split_paths(struct compiler *c)
{
    const struct dg_projection *projection = c->plan->projection;
    char *room = c->plan->tokens;
    for (size_t i = 0; i < projection->n; i++) {
        if (!split(projection->field[i].path, &c->want[i], &room)) {
            return dg_fail(c->err, EINVAL,
                           "field path \"%.200s\" is not a JSON pointer of at most %d steps: write "
                           "/a/b, with ~0 for ~ and ~1 for / inside a name",
                           projection->field[i].path, DG_AVRO_PATH_MAX);
        }
    }
    return 0;
}

/* A jump to an END is one. */
static void shorten_jumps(struct dg_avro_plan *plan)
{
    for (size_t i = 0; i < plan->n_ops; i++) {
        if (plan->op[i].code == DG_OP_JUMP && plan->op[plan->op[i].column].code == DG_OP_END) {
            plan->op[i].code = DG_OP_END;
        }
    }
}

static int compile_root(struct compiler *c, const struct dg_avro_type *root)
{
    const size_t n = c->plan->projection->n;
    uint32_t *column = calloc(n + 1, sizeof *column);
    if (column == NULL) {
        return dg_fail_memory(c->err);
    }
    for (uint32_t i = 0; i < n; i++) {
        column[i] = i;
        c->plan->slot_of[i] = UINT32_MAX;
    }
    compile(c, root, (struct wanted){column, (uint32_t)n}, 0);
    emit(c, DG_OP_END);
    find_news(c, root);
    free(column);
    if (c->no_memory) {
        return dg_fail_memory(c->err);
    }
    if (!c->too_large) {
        shorten_jumps(c->plan);
    }
    return !c->too_large ? 0
                         : dg_fail(c->err, EFBIG,
                                   "the Avro schema needs a plan of more than %zu operations: its "
                                   "unions of records multiply; watch fewer nested fields",
                                   DG_AVRO_OPS_MAX);
}

int dg_avro_plan_compile(const struct dg_avro_type *root, const struct dg_projection *projection,
                         struct dg_avro_plan **out, struct dg_error *err)
{
    size_t bytes = 1;
    for (size_t i = 0; i < projection->n; i++) {
        bytes += strlen(projection->field[i].path) + 1;
    }
    struct compiler c = {.err = err};
    struct dg_avro_plan *plan = calloc(1, sizeof *plan);
    c.want = calloc(projection->n + 1, sizeof *c.want);
    c.plan = plan;
    if (plan != NULL) {
        plan->projection = projection;
        plan->tokens = malloc(bytes);
        plan->slot_of = calloc(projection->n + 1, sizeof *plan->slot_of);
    }
    int rc = 0;
    if (plan == NULL || c.want == NULL || plan->tokens == NULL || plan->slot_of == NULL) {
        rc = dg_fail_memory(err);
    }
    rc = rc != 0 ? rc : split_paths(&c);
    rc = rc != 0 ? rc : compile_root(&c, root);
    free(c.want);
    if (rc != 0) {
        dg_avro_plan_free(plan);
        return rc;
    }
    *out = plan;
    return 0;
}

void dg_avro_plan_free(struct dg_avro_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < plan->n_maps; i++) {
        free(plan->map[i].slot);
    }
    free(plan->map);
    free(plan->op);
    free(plan->list);
    free(plan->slot_of);
    free(plan->tokens);
    free(plan);
}
