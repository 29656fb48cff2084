#include "connectors/avro_ops.h"

#define SCRATCH_STEP ((size_t)64 << 10)

static const uint8_t *execute(struct dg_avro_run *r, uint32_t pc, const uint8_t *p);

static inline union dg_column column_of(const struct dg_avro_run *r, uint32_t column)
{
    return r->column[column];
}

static inline const uint8_t *skip_bytes(struct dg_avro_run *r, const uint8_t *p, uint64_t n)
{
    return DG_LIKELY((uint64_t)(r->end - p) >= n) ? p + n : dg_avro_stop(r, DG_BAD_TRUNCATED);
}

static inline const uint8_t *skip_varints(struct dg_avro_run *r, const uint8_t *p, uint32_t n)
{
    for (; n > 0; n--) {
        const uint8_t *q = dg_avro_skip_varint(p, r->end);
        if (DG_UNLIKELY(q == NULL)) {
            return dg_avro_stop(r, dg_avro_varint_fault(p, r->end));
        }
        p = q;
    }
    return p;
}

static inline const uint8_t *skip_string(struct dg_avro_run *r, const uint8_t *p)
{
    const uint8_t *bytes;
    size_t len;
    return dg_avro_bytes(p, r->end, &bytes, &len, &r->why);
}

static inline const uint8_t *read_doubles(struct dg_avro_run *r, const struct dg_avro_op *op,
                                          const uint8_t *p)
{
    if (DG_UNLIKELY((uint64_t)(r->end - p) < op->size)) {
        return dg_avro_stop(r, DG_BAD_TRUNCATED);
    }
    const uint32_t *entry = &r->list[op->list];
    for (const uint32_t *stop = entry + 2 * op->n; entry < stop; entry += 2) {
        const double x = dg_avro_load_double(p + entry[0]);
        column_of(r, entry[1]).number[r->row] = dg_avro_clean(x);
    }
    return p + op->size;
}

static inline const uint8_t *read_floats(struct dg_avro_run *r, const struct dg_avro_op *op,
                                         const uint8_t *p)
{
    if (DG_UNLIKELY((uint64_t)(r->end - p) < op->size)) {
        return dg_avro_stop(r, DG_BAD_TRUNCATED);
    }
    const uint32_t *entry = &r->list[op->list];
    for (const uint32_t *stop = entry + 2 * op->n; entry < stop; entry += 2) {
        const float x = dg_avro_load_float(p + entry[0]);
        column_of(r, entry[1]).number[r->row] = dg_avro_clean((double)x);
    }
    return p + op->size;
}

static inline const uint8_t *read_long(struct dg_avro_run *r, const uint8_t *p, int64_t *x)
{
    const uint8_t *q = dg_avro_long(p, r->end, x);
    return DG_LIKELY(q != NULL) ? q : dg_avro_stop(r, dg_avro_varint_fault(p, r->end));
}

static inline const uint8_t *read_longs(struct dg_avro_run *r, const struct dg_avro_op *op,
                                        const uint8_t *p)
{
    const uint32_t *entry = &r->list[op->list];
    for (uint32_t i = 0; i < op->n; i++) {
        int64_t x;
        p = read_long(r, p, &x);
        if (DG_UNLIKELY(p == NULL)) {
            return NULL;
        }
        if (DG_UNLIKELY(op->flag && (x < INT32_MIN || x > INT32_MAX))) {
            return dg_avro_stop(r, DG_BAD_MALFORMED);
        }
        column_of(r, entry[i]).number[r->row] = (double)x;
    }
    return p;
}

static inline const uint8_t *read_nullable_doubles(struct dg_avro_run *r,
                                                   const struct dg_avro_op *op, const uint8_t *p)
{
    const uint32_t *entry = &r->list[op->list];
    const uint8_t null = (uint8_t)(op->flag << 1), value = 2 - null;
    for (uint32_t i = 0; i < op->n; i++) {
        double x;
        if (DG_LIKELY(r->end - p >= 9 && *p == value)) {
            x = dg_avro_clean(dg_avro_load_double(p + 1));
            p += 9;
        } else if (DG_LIKELY(p < r->end && *p == null)) {
            x = dg_box(DG_NULL);
            p++;
        } else {
            return dg_avro_stop(r,
                                p == r->end || *p == value ? DG_BAD_TRUNCATED : DG_BAD_MALFORMED);
        }
        column_of(r, entry[i]).number[r->row] = x;
    }
    return p;
}

static const uint8_t *read_number(struct dg_avro_run *r, const struct dg_avro_op *op,
                                  const uint8_t *p)
{
    uint64_t raw;
    const uint8_t *q = dg_avro_varint(p, r->end, &raw);
    if (DG_UNLIKELY(q == NULL || (raw & 1) != 0 || raw >> 1 >= op->type->n)) {
        return dg_avro_stop(r, q == NULL ? dg_avro_varint_fault(p, r->end) : DG_BAD_MALFORMED);
    }
    const struct dg_avro_type *type = op->type->child[raw >> 1];
    if (DG_LIKELY(type->kind == DG_AVRO_DOUBLE && r->end - q >= 8)) {
        column_of(r, op->column).number[r->row] = dg_avro_clean(dg_avro_load_double(q));
        return q + 8;
    }
    if (type->kind == DG_AVRO_NULL) {
        column_of(r, op->column).number[r->row] = dg_box(DG_NULL);
        return q;
    }
    return dg_avro_leaf(r, &(struct dg_avro_op){.type = type, .column = op->column}, q);
}

static inline const uint8_t *read_boolean(struct dg_avro_run *r, const struct dg_avro_op *op,
                                          const uint8_t *p)
{
    if (DG_UNLIKELY(p == r->end || *p > 1)) {
        return dg_avro_stop(r, p == r->end ? DG_BAD_TRUNCATED : DG_BAD_MALFORMED);
    }
    column_of(r, op->column).number[r->row] = *p;
    return p + 1;
}

/* Whether the 1 .. 16 bytes before `end` hold a byte above 0x7f; reads [p, p + 16) if it may. */
static inline bool plain_ascii(const uint8_t *p, size_t len, const uint8_t *end)
{
    if (DG_UNLIKELY(len > 16 || end - p < 16)) {
        return false;
    }
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t a = dg_avro_load64(p) & high, b = dg_avro_load64(p + 8) & high;
    if (len <= 8) {
        a &= len == 8 ? ~UINT64_C(0) : (UINT64_C(1) << 8 * len) - 1;
        b = 0;
    } else if (len < 16) {
        b &= (UINT64_C(1) << 8 * (len - 8)) - 1;
    }
    return (a | b) == 0;
}

static inline const uint8_t *read_text(struct dg_avro_run *r, uint32_t column, const uint8_t *p)
{
    const uint8_t *bytes;
    size_t len;
    p = dg_avro_bytes(p, r->end, &bytes, &len, &r->why);
    if (DG_UNLIKELY(p == NULL)) {
        return NULL;
    }
    if (DG_LIKELY(len > 0 && plain_ascii(bytes, len, r->end))) {
        column_of(r, column).text[r->row] =
            (struct dg_text){.bytes = (const char *)bytes, .len = (uint32_t)len};
    } else {
        dg_avro_set_text(r, column, bytes, len);
    }
    return p;
}

static inline const uint8_t *read_nullable_text(struct dg_avro_run *r, const struct dg_avro_op *op,
                                                const uint8_t *p)
{
    const uint8_t null = (uint8_t)(op->flag << 1), value = 2 - null;
    if (DG_UNLIKELY(p == r->end || (*p & ~2) != 0)) {
        return dg_avro_stop(r, p == r->end ? DG_BAD_TRUNCATED : DG_BAD_MALFORMED);
    }
    if (*p == value) {
        return read_text(r, op->column, p + 1);
    }
    column_of(r, op->column).text[r->row] = (struct dg_text){.triage = DG_NULL};
    return p + 1;
}

static inline const uint8_t *read_symbol(struct dg_avro_run *r, const struct dg_avro_op *op,
                                         const uint8_t *p)
{
    int64_t i;
    p = read_long(r, p, &i);
    if (DG_UNLIKELY(p == NULL || i < 0 || i >= op->type->n)) {
        return p == NULL ? NULL : dg_avro_stop(r, DG_BAD_MALFORMED);
    }
    const char *symbol = op->type->label[i];
    dg_avro_set_text(r, op->column, (const uint8_t *)symbol, strlen(symbol));
    return p;
}

static inline const uint8_t *read_timestamp(struct dg_avro_run *r, const struct dg_avro_op *op,
                                            const uint8_t *p)
{
    int64_t x;
    p = read_long(r, p, &x);
    if (DG_LIKELY(p != NULL)) {
        const bool good = !__builtin_mul_overflow(x, (int64_t)op->size, &x);
        column_of(r, op->column).integer[r->row] = good ? x : DG_TIME_NONE;
    }
    return p;
}

static inline const uint8_t *read_branch(struct dg_avro_run *r, const struct dg_avro_op *op,
                                         const uint8_t *p, uint32_t *pc)
{
    int64_t branch;
    p = read_long(r, p, &branch);
    if (DG_UNLIKELY(p == NULL || branch < 0 || branch >= op->n)) {
        return p == NULL ? NULL : dg_avro_stop(r, DG_BAD_MALFORMED);
    }
    *pc = r->list[op->list + (uint32_t)branch];
    return p;
}

static void set_columns(struct dg_avro_run *r, const struct dg_avro_op *op)
{
    const uint32_t *entry = &r->list[op->list];
    for (uint32_t i = 0; i < op->n; i++) {
        dg_avro_set(r, entry[2 * i], (enum dg_triage)entry[2 * i + 1]);
    }
}

static inline const struct dg_avro_key *find_key(const struct dg_avro_map *map, const uint8_t *key,
                                                 size_t len, const uint8_t *end)
{
    const uint64_t word = dg_avro_key_word(key, len, end);
    uint32_t i = dg_avro_key_hash(key, len, word) & map->mask;
    for (; map->slot[i].bytes != NULL; i = (i + 1) & map->mask) {
        const struct dg_avro_key *k = &map->slot[i];
        if (k->word == word && k->len == len &&
            (len <= 8 || memcmp(k->bytes + 8, key + 8, len - 8) == 0)) {
            return k;
        }
    }
    return NULL;
}

/* The value of a wanted key: by far the most are numbers. */
static inline const uint8_t *read_value(struct dg_avro_run *r, uint32_t pc, const uint8_t *p)
{
    const struct dg_avro_op *op = &r->plan->op[pc];
    return op[0].code == DG_OP_NUMBER && op[1].code == DG_OP_END ? read_number(r, op, p)
                                                                 : execute(r, pc, p);
}

static const uint8_t *read_map(struct dg_avro_run *r, const struct dg_avro_op *op, const uint8_t *p)
{
    const struct dg_avro_map *map = &r->plan->map[op->n];
    for (;;) {
        int64_t count, size;
        p = dg_avro_block(p, r->end, 1 + op->type->least, &count, &size, &r->why);
        if (p == NULL || count == 0) {
            return p;
        }
        for (; count > 0; count--) {
            const uint8_t *key;
            size_t len;
            p = dg_avro_bytes(p, r->end, &key, &len, &r->why);
            if (p == NULL) {
                return NULL;
            }
            const struct dg_avro_key *found = find_key(map, key, len, r->end);
            p = found == NULL ? dg_avro_skip(r, op->type, p, 0) : read_value(r, found->target, p);
            if (p == NULL) {
                return NULL;
            }
        }
    }
}

/* `count` items of one type. */
static const uint8_t *skip_items(struct dg_avro_run *r, const struct dg_avro_type *item,
                                 const uint8_t *p, int64_t count, int depth)
{
    if (item->wire != DG_AVRO_VARIES) {
        return skip_bytes(r, p, (uint64_t)count * item->wire); /* count <= bytes left, or 2^20 */
    }
    for (; count > 0 && p != NULL; count--) {
        p = dg_avro_skip(r, item, p, depth);
    }
    return p;
}

static const uint8_t *read_array(struct dg_avro_run *r, const struct dg_avro_op *op,
                                 const uint8_t *p)
{
    const uint32_t *wanted = &r->list[op->list];
    int64_t index = 0;
    uint32_t next = 0;
    for (;;) {
        int64_t count, size;
        p = dg_avro_block(p, r->end, op->type->least, &count, &size, &r->why);
        if (p == NULL || count == 0) {
            return p;
        }
        const int64_t stop = index + count;
        for (; next < op->n && wanted[2 * next] < stop; next++) {
            p = skip_items(r, op->type, p, wanted[2 * next] - index, 0);
            p = p != NULL ? execute(r, wanted[2 * next + 1], p) : NULL;
            if (p == NULL) {
                return NULL;
            }
            index = (int64_t)wanted[2 * next] + 1;
        }
        p = skip_items(r, op->type, p, stop - index, 0);
        if (p == NULL) {
            return NULL;
        }
        index = stop;
    }
}

/* Over an array or map: at once where the writer said how many bytes a block has. */
static const uint8_t *skip_blocks(struct dg_avro_run *r, const struct dg_avro_type *t,
                                  const uint8_t *p, int depth)
{
    const bool keyed = t->kind == DG_AVRO_MAP;
    const struct dg_avro_type *item = t->child[0];
    for (;;) {
        int64_t count, size;
        p = dg_avro_block(p, r->end, keyed + item->least, &count, &size, &r->why);
        if (p == NULL || count == 0) {
            return p;
        }
        if (size >= 0) {
            p += size;
        } else if (!keyed) {
            p = skip_items(r, item, p, count, depth);
        } else {
            for (; count > 0 && p != NULL; count--) {
                p = skip_string(r, p);
                p = p != NULL ? dg_avro_skip(r, item, p, depth) : NULL;
            }
        }
        if (p == NULL) {
            return NULL;
        }
    }
}

const uint8_t *dg_avro_skip(struct dg_avro_run *r, const struct dg_avro_type *t, const uint8_t *p,
                            int depth)
{
    if (t->wire != DG_AVRO_VARIES) {
        return skip_bytes(r, p, t->wire);
    }
    if (t->kind == DG_AVRO_STRING || t->kind == DG_AVRO_BYTES) {
        return skip_string(r, p);
    }
    if (t->kind < DG_AVRO_ARRAY) {
        return skip_varints(r, p, 1);
    }
    if (depth == DG_AVRO_DEPTH_MAX) {
        return dg_avro_stop(r, DG_BAD_TOO_LARGE);
    }
    if (t->kind == DG_AVRO_UNION) {
        int64_t branch;
        p = read_long(r, p, &branch);
        if (p == NULL || branch < 0 || branch >= t->n) {
            return p == NULL ? NULL : dg_avro_stop(r, DG_BAD_MALFORMED);
        }
        return dg_avro_skip(r, t->child[branch], p, depth + 1);
    }
    if (t->kind != DG_AVRO_RECORD) {
        return skip_blocks(r, t, p, depth + 1);
    }
    for (uint32_t i = 0; i < t->n && p != NULL; i++) {
        p = dg_avro_skip(r, t->child[i], p, depth + 1);
    }
    return p;
}

/* What no run of plain fields needs. */
static __attribute__((noinline)) const uint8_t *
execute_rare(struct dg_avro_run *r, const struct dg_avro_op *op, const uint8_t *p, uint32_t *pc)
{
    switch ((enum dg_avro_code)op->code) {
    case DG_OP_SKIP_TYPE:
        return dg_avro_skip(r, op->type, p, 0);
    case DG_OP_LEAF:
        return dg_avro_leaf(r, op, p);
    case DG_OP_SET:
        set_columns(r, op);
        return p;
    case DG_OP_SAVE:
        r->saved = p;
        return p;
    case DG_OP_RESTORE:
        return r->saved;
    case DG_OP_MAP:
        *pc = op->column;
        return read_map(r, op, p);
    case DG_OP_ARRAY:
        *pc = op->column;
        return read_array(r, op, p);
    case DG_OP_END:
    case DG_OP_JUMP:
    case DG_OP_SKIP_BYTES:
    case DG_OP_SKIP_VARINTS:
    case DG_OP_SKIP_STRING:
    case DG_OP_DOUBLES:
    case DG_OP_FLOATS:
    case DG_OP_LONGS:
    case DG_OP_NUMBER:
    case DG_OP_NULLABLE_DOUBLES:
    case DG_OP_BOOLEAN:
    case DG_OP_TEXT:
    case DG_OP_NULLABLE_TEXT:
    case DG_OP_SYMBOL:
    case DG_OP_TIMESTAMP:
    case DG_OP_UNION:
        break;
    }
    DG_ASSERT(false && "an operation that execute does itself");
    return NULL;
}

/* Run the program from pc to its END. */
static const uint8_t *execute(struct dg_avro_run *r, uint32_t pc, const uint8_t *p)
{
    const struct dg_avro_op *const program = r->plan->op;
    while (p != NULL) {
        const struct dg_avro_op *op = &program[pc++];
        switch (op->code) {
        case DG_OP_END:
            return p;
        case DG_OP_DOUBLES:
            p = read_doubles(r, op, p);
            break;
        case DG_OP_FLOATS:
            p = read_floats(r, op, p);
            break;
        case DG_OP_LONGS:
            p = read_longs(r, op, p);
            break;
        case DG_OP_NUMBER:
            p = read_number(r, op, p);
            break;
        case DG_OP_NULLABLE_DOUBLES:
            p = read_nullable_doubles(r, op, p);
            break;
        case DG_OP_BOOLEAN:
            p = read_boolean(r, op, p);
            break;
        case DG_OP_TEXT:
            p = read_text(r, op->column, p);
            break;
        case DG_OP_NULLABLE_TEXT:
            p = read_nullable_text(r, op, p);
            break;
        case DG_OP_SYMBOL:
            p = read_symbol(r, op, p);
            break;
        case DG_OP_TIMESTAMP:
            p = read_timestamp(r, op, p);
            break;
        case DG_OP_SKIP_BYTES:
            p = skip_bytes(r, p, op->size);
            break;
        case DG_OP_SKIP_VARINTS:
            p = skip_varints(r, p, op->n);
            break;
        case DG_OP_SKIP_STRING:
            p = skip_string(r, p);
            break;
        case DG_OP_UNION:
            p = read_branch(r, op, p, &pc);
            break;
        case DG_OP_JUMP:
            pc = op->column;
            break;
        default:
            p = execute_rare(r, op, p, &pc);
        }
    }
    return NULL;
}

int dg_avro_plan_reserve(const struct dg_avro_plan *plan, struct dg_batch *batch, size_t rows,
                         size_t bytes)
{
    batch->news_names = plan->news_names;
    bytes += rows * dg_avro_plan_scratch(plan);
    if (batch->scratch.len == 0) { /* it may move: with some room for the next chunks */
        bytes = (bytes + SCRATCH_STEP - 1) / SCRATCH_STEP * SCRATCH_STEP;
    }
    const int rc = dg_batch_reserve(batch, batch->n + rows);
    return rc != 0 ? rc : dg_batch_scratch(batch, bytes);
}

size_t dg_avro_plan_scratch(const struct dg_avro_plan *plan)
{
    return (size_t)plan->n_slots * DG_AVRO_SLOT;
}

void dg_avro_plan_reject(struct dg_batch *batch, size_t n, uint64_t place, enum dg_reason reason)
{
    for (size_t i = batch->n; n > 0; i++, n--) {
        batch->reason[i] = (uint8_t)reason;
        batch->place[i] = place++;
        batch->news[i] = 0;
        batch->n++;
    }
}

size_t dg_avro_plan_decode(const struct dg_avro_plan *plan, const uint8_t **cursor,
                           const uint8_t *end, size_t n, uint64_t place, struct dg_batch *batch,
                           enum dg_reason *why)
{
    DG_ASSERT((uint64_t)(end - *cursor) <= UINT32_MAX);
    struct dg_avro_run r = {.plan = plan,
                            .batch = batch,
                            .column = batch->column,
                            .list = plan->list,
                            .end = end,
                            .row = batch->n};
    const size_t row_bytes = dg_avro_plan_scratch(plan);
    if (n == 0) {
        return 0;
    }
    if (row_bytes > 0) {
        r.slots = (char *)batch->scratch.data + batch->scratch.len;
    }
    memset(batch->reason + batch->n, DG_GOOD, n);
    for (size_t i = 0; i < n; i++) {
        batch->place[batch->n + i] = place + i;
        batch->news[batch->n + i] = plan->news;
    }
    const uint8_t *p = *cursor;
    size_t done = 0;
    for (; done < n; done++, r.row++) {
        const uint8_t *q = execute(&r, 0, p);
        if (DG_UNLIKELY(q == NULL)) {
            *why = r.why;
            break;
        }
        p = q;
        if (row_bytes > 0) {
            r.slots += row_bytes;
        }
    }
    *cursor = p;
    batch->n += done;
    batch->scratch.len += done * row_bytes;
    return done;
}

size_t dg_avro_plan_decode_each(const struct dg_avro_plan *plan, const struct dg_avro_datum datum[],
                                size_t n, struct dg_batch *batch)
{
    struct dg_avro_run r = {
        .plan = plan, .batch = batch, .column = batch->column, .list = plan->list};
    const size_t row_bytes = dg_avro_plan_scratch(plan);
    size_t done = 0;
    memset(batch->reason + batch->n, DG_GOOD, n);
    for (; done < n; done++) {
        if (row_bytes > 0) {
            r.slots = (char *)batch->scratch.data + batch->scratch.len + done * row_bytes;
        }
        r.row = batch->n + done;
        r.end = datum[done].end;
        if (execute(&r, 0, datum[done].bytes) != r.end) {
            break;
        }
        batch->news[r.row] = plan->news;
    }
    batch->n += done;
    batch->scratch.len += done * row_bytes;
    return done;
}
