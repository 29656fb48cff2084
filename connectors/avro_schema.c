#include "connectors/avro_schema.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define JSON_DEPTH_MAX                                                                             \
    (4 * DG_AVRO_SCHEMA_DEPTH_MAX) /* a nested record takes three or four levels */
#define SLAB_BYTES     ((size_t)16 << 10)
#define NAME_MAX_BYTES 512
#define WIRE_MAX       (UINT64_C(1) << 31) /* a larger record counts as one whose size varies */

struct slab {
    struct slab *next;
    size_t used, cap;
    max_align_t bytes[];
};

struct dg_avro_schema {
    struct slab *slab;
    struct dg_avro_type *root;
};

struct parser {
    struct dg_avro_schema *schema;
    json_t *names; /* full name -> index into `named` */
    struct dg_avro_type **named;
    size_t n_named, cap_named;
    int depth;
    struct dg_error *err;
};

static const uint64_t sizes[] = {
    [DG_AVRO_NULL] = 0,
    [DG_AVRO_BOOLEAN] = 1,
    [DG_AVRO_INT] = DG_AVRO_VARIES,
    [DG_AVRO_LONG] = DG_AVRO_VARIES,
    [DG_AVRO_FLOAT] = 4,
    [DG_AVRO_DOUBLE] = 8,
    [DG_AVRO_BYTES] = DG_AVRO_VARIES,
    [DG_AVRO_STRING] = DG_AVRO_VARIES,
    [DG_AVRO_ENUM] = DG_AVRO_VARIES,
    [DG_AVRO_FIXED] = DG_AVRO_VARIES,
    [DG_AVRO_ARRAY] = DG_AVRO_VARIES,
    [DG_AVRO_MAP] = DG_AVRO_VARIES,
    [DG_AVRO_UNION] = DG_AVRO_VARIES,
    [DG_AVRO_RECORD] = DG_AVRO_VARIES,
};

static const char *const kind_names[] = {
    [DG_AVRO_NULL] = "null",   [DG_AVRO_BOOLEAN] = "boolean", [DG_AVRO_INT] = "int",
    [DG_AVRO_LONG] = "long",   [DG_AVRO_FLOAT] = "float",     [DG_AVRO_DOUBLE] = "double",
    [DG_AVRO_BYTES] = "bytes", [DG_AVRO_STRING] = "string",   [DG_AVRO_ENUM] = "enum",
    [DG_AVRO_FIXED] = "fixed", [DG_AVRO_ARRAY] = "array",     [DG_AVRO_MAP] = "map",
    [DG_AVRO_UNION] = "union", [DG_AVRO_RECORD] = "record",
};

const char *dg_avro_kind_name(enum dg_avro_kind kind)
{
    return kind_names[kind];
}

static void *take(struct dg_avro_schema *s, size_t bytes)
{
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (s->slab == NULL || s->slab->cap - s->slab->used < bytes) {
        const size_t cap = bytes > SLAB_BYTES ? bytes : SLAB_BYTES;
        struct slab *slab = calloc(1, sizeof *slab + cap);
        if (slab == NULL) {
            return NULL;
        }
        slab->cap = cap;
        slab->next = s->slab;
        s->slab = slab;
    }
    void *p = (char *)s->slab->bytes + s->slab->used;
    s->slab->used += bytes;
    return p;
}

static const char *keep(struct dg_avro_schema *s, const char *text)
{
    const size_t len = strlen(text);
    char *copy = take(s, len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len + 1);
    }
    return copy;
}

static int bad(struct parser *p, const char *what, const char *where)
{
    return dg_fail(p->err, EINVAL, "the Avro schema is not usable: %s%s%.200s", what,
                   where != NULL ? ": " : "", where != NULL ? where : "");
}

static int parse_type(struct parser *p, const json_t *j, const char *space,
                      struct dg_avro_type **out);

static int new_type(struct parser *p, enum dg_avro_kind kind, uint32_t n, struct dg_avro_type **out)
{
    struct dg_avro_type *t = take(p->schema, sizeof *t);
    if (t == NULL) {
        return dg_fail_memory(p->err);
    }
    t->kind = kind;
    t->wire = sizes[kind];
    t->least = kind == DG_AVRO_RECORD ? 0 : sizes[kind] == DG_AVRO_VARIES ? 1 : sizes[kind];
    t->n = n;
    if (n > 0) {
        t->child = take(p->schema, n * sizeof *t->child);
        t->label = take(p->schema, n * sizeof *t->label);
        if (t->child == NULL || t->label == NULL) {
            return dg_fail_memory(p->err);
        }
    }
    *out = t;
    return 0;
}

static bool primitive(const char *name, enum dg_avro_kind *kind)
{
    for (int k = DG_AVRO_NULL; k <= DG_AVRO_STRING; k++) {
        if (strcmp(name, kind_names[k]) == 0) {
            *kind = (enum dg_avro_kind)k;
            return true;
        }
    }
    return false;
}

/* The full name of `name` seen from namespace `space`; false if it is too long. */
static bool full_name(const char *name, const char *space, char out[NAME_MAX_BYTES])
{
    const bool bare = strchr(name, '.') != NULL || space == NULL || *space == '\0';
    const size_t a = bare ? 0 : strlen(space) + 1, b = strlen(name);
    if (a + b + 1 > NAME_MAX_BYTES) {
        return false;
    }
    if (!bare) {
        memcpy(out, space, a - 1);
        out[a - 1] = '.';
    }
    memcpy(out + a, name, b + 1);
    return true;
}

static int refer(struct parser *p, const char *name, const char *space, struct dg_avro_type **out)
{
    enum dg_avro_kind kind;
    if (primitive(name, &kind)) {
        return new_type(p, kind, 0, out);
    }
    char full[NAME_MAX_BYTES];
    if (!full_name(name, space, full)) {
        return bad(p, "a name is longer than 511 bytes", name);
    }
    const json_t *index = json_object_get(p->names, full);
    if (index == NULL) {
        index = json_object_get(p->names, name);
    }
    if (index == NULL) {
        return bad(p, "there is no type of that name before its first use", name);
    }
    *out = p->named[json_integer_value(index)];
    return 0;
}

static int register_name(struct parser *p, struct dg_avro_type *t, const json_t *j,
                         const char **space)
{
    const char *name = json_string_value(json_object_get(j, "name"));
    const char *own = json_string_value(json_object_get(j, "namespace"));
    char full[NAME_MAX_BYTES];
    if (name == NULL || *name == '\0') {
        return bad(p, "a type needs a name", kind_names[t->kind]);
    }
    if (!full_name(name, own != NULL ? own : *space, full)) {
        return bad(p, "a name is longer than 511 bytes", name);
    }
    if (json_object_get(p->names, full) != NULL) {
        return bad(p, "a type is defined twice", full);
    }
    if (p->n_named == p->cap_named) {
        const size_t cap = p->cap_named * 2 + 16;
        struct dg_avro_type **named = realloc(p->named, cap * sizeof(struct dg_avro_type *));
        if (named == NULL) {
            return dg_fail_memory(p->err);
        }
        p->named = named;
        p->cap_named = cap;
    }
    if (json_object_set_new(p->names, full, json_integer((json_int_t)p->n_named)) != 0) {
        return dg_fail_memory(p->err);
    }
    p->named[p->n_named++] = t;
    t->name = keep(p->schema, full);
    char *dot = strrchr(full, '.');
    if (dot != NULL) {
        *dot = '\0';
        *space = keep(p->schema, full);
    } else {
        *space = "";
    }
    return t->name == NULL || *space == NULL ? dg_fail_memory(p->err) : 0;
}

/* A type that is not complete yet, so this record inside itself, counts as one that varies. */
static void measure_record(struct dg_avro_type *t)
{
    uint64_t wire = 0, least = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        const struct dg_avro_type *child = t->child[i];
        wire = child->wire > WIRE_MAX || wire > WIRE_MAX ? DG_AVRO_VARIES : wire + child->wire;
        least = least > WIRE_MAX ? least : least + child->least;
    }
    t->wire = wire > WIRE_MAX ? DG_AVRO_VARIES : wire;
    t->least = least;
}

static int parse_record(struct parser *p, const json_t *j, const char *space,
                        struct dg_avro_type **out)
{
    const json_t *fields = json_object_get(j, "fields");
    if (!json_is_array(fields)) {
        return bad(p, "a record needs a list of fields",
                   json_string_value(json_object_get(j, "name")));
    }
    struct dg_avro_type *t;
    int rc = new_type(p, DG_AVRO_RECORD, (uint32_t)json_array_size(fields), &t);
    if (rc == 0) {
        rc = register_name(p, t, j, &space);
    }
    for (uint32_t i = 0; rc == 0 && i < t->n; i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name"));
        if (name == NULL || json_object_get(field, "type") == NULL) {
            return bad(p, "a field needs a name and a type, in record", t->name);
        }
        t->label[i] = keep(p->schema, name);
        if (t->label[i] == NULL) {
            return dg_fail_memory(p->err);
        }
        rc = parse_type(p, json_object_get(field, "type"), space, &t->child[i]);
    }
    if (rc == 0) {
        measure_record(t);
    }
    *out = t;
    return rc;
}

static int parse_enum(struct parser *p, const json_t *j, const char *space,
                      struct dg_avro_type **out)
{
    const json_t *symbols = json_object_get(j, "symbols");
    if (!json_is_array(symbols) || json_array_size(symbols) == 0) {
        return bad(p, "an enum needs a list of symbols",
                   json_string_value(json_object_get(j, "name")));
    }
    struct dg_avro_type *t;
    int rc = new_type(p, DG_AVRO_ENUM, (uint32_t)json_array_size(symbols), &t);
    if (rc == 0) {
        rc = register_name(p, t, j, &space);
    }
    for (uint32_t i = 0; rc == 0 && i < t->n; i++) {
        const char *symbol = json_string_value(json_array_get(symbols, i));
        if (symbol == NULL) {
            return bad(p, "the symbols of an enum are strings", t->name);
        }
        t->label[i] = keep(p->schema, symbol);
        rc = t->label[i] == NULL ? dg_fail_memory(p->err) : 0;
    }
    *out = t;
    return rc;
}

static int parse_fixed(struct parser *p, const json_t *j, const char *space,
                       struct dg_avro_type **out)
{
    const json_t *size = json_object_get(j, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        (uint64_t)json_integer_value(size) > DG_AVRO_FIXED_MAX) {
        return bad(p, "the size of a fixed is a number from 0 to 2^30",
                   json_string_value(json_object_get(j, "name")));
    }
    const int rc = new_type(p, DG_AVRO_FIXED, 0, out);
    if (rc != 0) {
        return rc;
    }
    (*out)->wire = (uint64_t)json_integer_value(size);
    (*out)->least = (*out)->wire;
    return register_name(p, *out, j, &space);
}

static int parse_union(struct parser *p, const json_t *j, const char *space,
                       struct dg_avro_type **out)
{
    if (json_array_size(j) == 0) {
        return bad(p, "a union needs a branch", NULL);
    }
    struct dg_avro_type *t;
    int rc = new_type(p, DG_AVRO_UNION, (uint32_t)json_array_size(j), &t);
    for (uint32_t i = 0; rc == 0 && i < t->n; i++) {
        rc = parse_type(p, json_array_get(j, i), space, &t->child[i]);
        if (rc == 0 && t->child[i]->kind == DG_AVRO_UNION) {
            return bad(p, "a union may not hold a union directly", NULL);
        }
    }
    *out = t;
    return rc;
}

static void set_logical(struct dg_avro_type *t, const json_t *j)
{
    static const struct {
        const char *name;
        enum dg_avro_kind kind;
        enum dg_avro_logical logical;
    } table[] = {
        {"date", DG_AVRO_INT, DG_AVRO_DATE},
        {"time-millis", DG_AVRO_INT, DG_AVRO_TIME},
        {"time-micros", DG_AVRO_LONG, DG_AVRO_TIME},
        {"timestamp-millis", DG_AVRO_LONG, DG_AVRO_MILLIS},
        {"timestamp-micros", DG_AVRO_LONG, DG_AVRO_MICROS},
        {"timestamp-nanos", DG_AVRO_LONG, DG_AVRO_NANOS},
        {"local-timestamp-millis", DG_AVRO_LONG, DG_AVRO_MILLIS},
        {"local-timestamp-micros", DG_AVRO_LONG, DG_AVRO_MICROS},
        {"local-timestamp-nanos", DG_AVRO_LONG, DG_AVRO_NANOS},
        {"decimal", DG_AVRO_BYTES, DG_AVRO_DECIMAL},
        {"decimal", DG_AVRO_FIXED, DG_AVRO_DECIMAL},
        {"uuid", DG_AVRO_STRING, DG_AVRO_UUID},
        {"uuid", DG_AVRO_FIXED, DG_AVRO_UUID},
    };
    const char *name = json_string_value(json_object_get(j, "logicalType"));
    for (size_t i = 0; name != NULL && i < sizeof table / sizeof *table; i++) {
        if (table[i].kind != t->kind || strcmp(table[i].name, name) != 0) {
            continue;
        }
        const json_t *scale = json_object_get(j, "scale");
        const json_int_t digits = scale == NULL ? 0 : json_integer_value(scale);
        if ((table[i].logical == DG_AVRO_DECIMAL &&
             (digits < 0 || digits > 10000 || (scale != NULL && !json_is_integer(scale)))) ||
            (table[i].logical == DG_AVRO_UUID && t->kind == DG_AVRO_FIXED && t->wire != 16)) {
            return;
        }
        t->logical = table[i].logical;
        t->scale = (int)digits;
    }
}

static int parse_object(struct parser *p, const json_t *j, const char *space,
                        struct dg_avro_type **out)
{
    const json_t *type = json_object_get(j, "type");
    if (json_is_object(type) || json_is_array(type)) {
        return parse_type(p, type, space, out);
    }
    const char *name = json_string_value(type);
    if (name == NULL) {
        return bad(p, "a type without \"type\"", json_string_value(json_object_get(j, "name")));
    }
    int rc;
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0) {
        return parse_record(p, j, space, out);
    }
    if (strcmp(name, "enum") == 0) {
        return parse_enum(p, j, space, out);
    }
    if (strcmp(name, "array") == 0 || strcmp(name, "map") == 0) {
        const bool array = *name == 'a';
        const json_t *item = json_object_get(j, array ? "items" : "values");
        if (item == NULL) {
            return bad(p, array ? "an array needs \"items\"" : "a map needs \"values\"", NULL);
        }
        rc = new_type(p, array ? DG_AVRO_ARRAY : DG_AVRO_MAP, 1, out);
        return rc != 0 ? rc : parse_type(p, item, space, &(*out)->child[0]);
    }
    enum dg_avro_kind kind;
    if (strcmp(name, "fixed") == 0) {
        rc = parse_fixed(p, j, space, out);
    } else if (primitive(name, &kind)) {
        rc = new_type(p, kind, 0, out);
    } else {
        return refer(p, name, space, out);
    }
    if (rc == 0) {
        set_logical(*out, j);
    }
    return rc;
}

static int parse_type(struct parser *p, const json_t *j, const char *space,
                      struct dg_avro_type **out)
{
    if (p->depth == DG_AVRO_SCHEMA_DEPTH_MAX) {
        return dg_fail(p->err, EFBIG, "the Avro schema nests deeper than %d types: flatten it",
                       DG_AVRO_SCHEMA_DEPTH_MAX);
    }
    p->depth++;
    int rc;
    if (json_is_string(j)) {
        rc = refer(p, json_string_value(j), space, out);
    } else if (json_is_array(j)) {
        rc = parse_union(p, j, space, out);
    } else if (json_is_object(j)) {
        rc = parse_object(p, j, space, out);
    } else {
        rc = bad(p, "a type is a name, a list or an object", NULL);
    }
    p->depth--;
    return rc;
}

/* Brackets outside strings: so that the JSON parser never recurses far. */
static bool nests_too_deep(const char *json, size_t len)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        const char c = json[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                return true;
            }
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        } else {
            quoted = c == '"';
        }
    }
    return false;
}

int dg_avro_schema_parse(const char *json, size_t len, struct dg_avro_schema **out,
                         struct dg_error *err)
{
    if (len > DG_AVRO_SCHEMA_BYTES_MAX) {
        return dg_fail(err, EFBIG, "the Avro schema has %zu bytes, at most %zu are read", len,
                       DG_AVRO_SCHEMA_BYTES_MAX);
    }
    if (nests_too_deep(json, len)) {
        return dg_fail(err, EFBIG, "the Avro schema nests deeper than %d types: flatten it",
                       DG_AVRO_SCHEMA_DEPTH_MAX);
    }
    json_error_t where;
    json_t *j = json_loadb(json, len, JSON_DECODE_ANY, &where);
    if (j == NULL &&
        (where.text[0] == '\0' || json_error_code(&where) == json_error_out_of_memory)) {
        return dg_fail_memory(err);
    }
    if (j == NULL) {
        return dg_fail(err, EINVAL, "the Avro schema is not JSON: line %d, column %d: %s",
                       where.line, where.column, where.text);
    }
    struct parser p = {.schema = calloc(1, sizeof *p.schema), .names = json_object(), .err = err};
    int rc = p.schema == NULL || p.names == NULL ? dg_fail_memory(err)
                                                 : parse_type(&p, j, "", &p.schema->root);
    json_decref(j);
    json_decref(p.names);
    free(p.named);
    if (rc != 0) {
        dg_avro_schema_free(p.schema);
        return rc;
    }
    *out = p.schema;
    return 0;
}

void dg_avro_schema_free(struct dg_avro_schema *s)
{
    if (s == NULL) {
        return;
    }
    for (struct slab *slab = s->slab, *next; slab != NULL; slab = next) {
        next = slab->next;
        free(slab);
    }
    free(s);
}

const struct dg_avro_type *dg_avro_schema_root(const struct dg_avro_schema *s)
{
    return s->root;
}
