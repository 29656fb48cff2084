#include "connectors/postgres_copy.h"
#include "connectors/postgres_guard.h"

#include "engine/json_text.h"

#include <errno.h>
#include <libpq-fe.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define EPOCH_2000_US INT64_C(946684800000000) /* PostgreSQL counts from 2000-01-01 */
#define OID_FLOAT4    700
#define OID_FLOAT8    701
#define SEND_BYTES    (256 * 1024)

static const char signature[DG_COPY_HEAD] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";

void dg_copy_deinit(struct dg_copy *c)
{
    free(c->data);
    *c = (struct dg_copy){0};
}

void dg_copy_clear(struct dg_copy *c)
{
    c->len = 0;
    c->rows = 0;
    c->failed = false;
}

static void put(struct dg_copy *c, const void *bytes, size_t n)
{
    if (c->failed) {
        return;
    }
    if (c->cap - c->len < n) {
        size_t cap = c->cap == 0 ? 65536 : c->cap;
        while (cap - c->len < n) {
            cap *= 2;
        }
        uint8_t *data = realloc(c->data, cap);
        if (data == NULL) {
            c->failed = true;
            return;
        }
        c->data = data;
        c->cap = cap;
    }
    memcpy(c->data + c->len, bytes, n);
    c->len += n;
}

/* The low `n` bytes of x, most significant first. */
static void put_big(struct dg_copy *c, uint64_t x, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(x >> (8 * (n - 1 - i)));
    }
    put(c, bytes, n);
}

static void put_sized(struct dg_copy *c, uint64_t x, size_t n)
{
    put_big(c, n, 4);
    put_big(c, x, n);
}

void dg_copy_row(struct dg_copy *c, size_t n_columns)
{
    if (c->rows == 0) {
        put(c, signature, sizeof signature);
    }
    c->rows++;
    put_big(c, n_columns, 2);
}

void dg_copy_null(struct dg_copy *c)
{
    put_big(c, UINT32_MAX, 4);
}

void dg_copy_bool(struct dg_copy *c, bool x)
{
    put_sized(c, x, 1);
}

void dg_copy_int16(struct dg_copy *c, int x)
{
    put_sized(c, (uint16_t)x, 2);
}

void dg_copy_int32(struct dg_copy *c, int32_t x)
{
    put_sized(c, (uint32_t)x, 4);
}

void dg_copy_count(struct dg_copy *c, uint64_t x)
{
    put_sized(c, x > INT64_MAX ? INT64_MAX : x, 8);
}

void dg_copy_int64(struct dg_copy *c, int64_t x)
{
    put_sized(c, (uint64_t)x, 8);
}

void dg_copy_bytes(struct dg_copy *c, const uint8_t bytes[], size_t n)
{
    put_big(c, n, 4);
    if (n > 0) {
        put(c, bytes, n);
    }
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

void dg_copy_real(struct dg_copy *c, double x)
{
    if (isnan(x)) {
        dg_copy_null(c);
    } else {
        put_sized(c, bits_of(x == 0.0 ? 0.0 : x), 8);
    }
}

void dg_copy_time(struct dg_copy *c, int64_t us)
{
    put_sized(c, (uint64_t)us - (uint64_t)EPOCH_2000_US, 8);
}

void dg_copy_duration(struct dg_copy *c, int64_t us)
{
    put_big(c, 16, 4);
    put_big(c, (uint64_t)us, 8);
    put_big(c, 0, 8); /* days, months */
}

/* Bytes from the start that PostgreSQL takes. */
static size_t clean_prefix(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && text[i] != '\0') {
        const size_t n = dg_utf8_length(text + i, len - i);
        if (n == 0) {
            break;
        }
        i += n;
    }
    return i;
}

char *dg_pg_clean(const char *text, size_t len)
{
    char *out = malloc(4 * len + 1);
    if (out == NULL) {
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < len;) {
        const size_t n = clean_prefix(text + i, len - i);
        memcpy(out + at, text + i, n);
        at += n;
        i += n;
        if (i < len) {
            at += (size_t)sprintf(out + at, "\\x%02x", (unsigned)(unsigned char)text[i++]);
        }
    }
    out[at] = '\0';
    return out;
}

void dg_copy_text(struct dg_copy *c, const char *text)
{
    const size_t len = strlen(text);
    if (clean_prefix(text, len) == len) {
        put_big(c, len, 4);
        put(c, text, len);
        return;
    }
    char *clean = dg_pg_clean(text, len);
    if (clean == NULL) {
        c->failed = true;
        return;
    }
    put_big(c, strlen(clean), 4);
    put(c, clean, strlen(clean));
    free(clean);
}

void dg_copy_jsonb(struct dg_copy *c, const char *json)
{
    const size_t len = strlen(json);
    put_big(c, len + 1, 4);
    put_big(c, 1, 1); /* version of the format */
    put(c, json, len);
}

static void put_array_body(struct dg_copy *c, size_t n, bool has_null, uint32_t oid)
{
    put_big(c, 1, 4); /* dimensions */
    put_big(c, has_null, 4);
    put_big(c, oid, 4);
    put_big(c, n, 4);
    put_big(c, 1, 4); /* first subscript */
}

static void put_array_header(struct dg_copy *c, size_t n, size_t bytes, bool has_null, uint32_t oid)
{
    put_big(c, 20 + bytes, 4);
    put_array_body(c, n, has_null, oid);
}

/* The server finds out by itself whether there are nulls. */
void dg_copy_array(struct dg_copy *c, uint32_t element_type, size_t n)
{
    put_array_body(c, n, false, element_type);
}

void dg_copy_reals4(struct dg_copy *c, const float x[], size_t n)
{
    size_t nulls = 0;
    for (size_t i = 0; i < n; i++) {
        nulls += isnan(x[i]) != 0;
    }
    if (n == 0) {
        dg_copy_null(c);
        return;
    }
    put_array_header(c, n, 4 * n + 4 * (n - nulls), nulls > 0, OID_FLOAT4);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        if (isnan(x[i])) {
            dg_copy_null(c);
        } else {
            put_sized(c, bits, 4);
        }
    }
}

void dg_copy_reals8(struct dg_copy *c, const double x[], size_t n)
{
    size_t nulls = 0;
    for (size_t i = 0; i < n; i++) {
        nulls += isnan(x[i]) != 0;
    }
    if (n == 0) {
        dg_copy_null(c);
        return;
    }
    put_array_header(c, n, 4 * n + 8 * (n - nulls), nulls > 0, OID_FLOAT8);
    for (size_t i = 0; i < n; i++) {
        dg_copy_real(c, x[i]);
    }
}

/* After COPY every pending result must be taken; the first that failed tells why. */
static int finish_copy(struct dg_pg *pg, const char *what, struct dg_error *err)
{
    int code = 0;
    PGresult *result;
    while ((result = dg_pg_next(pg)) != NULL) {
        if (code == 0 && PQresultStatus(result) != PGRES_COMMAND_OK) {
            code = dg_pg_fail(pg, result, what, err);
        }
        const bool stuck = PQresultStatus(result) == PGRES_COPY_IN;
        PQclear(result);
        if (stuck) {
            break; /* the connection broke while data was sent */
        }
    }
    return code;
}

static int send_bytes(const struct dg_copy *c, struct dg_pg *pg, const char *sql,
                      struct dg_error *err)
{
    static const char what[] = "write rows";
    int code = dg_pg_run(pg, what, sql, err);
    if (code != 0) {
        return code;
    }
    for (size_t at = 0; at < c->len && code == 0; at += SEND_BYTES) {
        const size_t n = c->len - at < SEND_BYTES ? c->len - at : SEND_BYTES;
        dg_pg_wait_begin(pg);
        const int put = PQputCopyData(pg->conn, (const char *)c->data + at, (int)n);
        dg_pg_wait_end(pg);
        if (put != 1) {
            code = dg_pg_fail(pg, NULL, what, err);
        }
    }
    if (code == 0) {
        dg_pg_wait_begin(pg);
        const int put = PQputCopyEnd(pg->conn, NULL);
        dg_pg_wait_end(pg);
        code = put == 1 ? 0 : dg_pg_fail(pg, NULL, what, err);
    }
    const int end = finish_copy(pg, what, code == 0 ? err : NULL);
    return code != 0 ? code : end;
}

int dg_copy_send_kept(struct dg_copy *c, struct dg_pg *pg, const char *sql, struct dg_error *err)
{
    const size_t len = c->len;
    put_big(c, UINT16_MAX, 2);
    if (c->failed) {
        return dg_fail_memory(err);
    }
    const int code = send_bytes(c, pg, sql, err);
    c->len = len;
    return code;
}

int dg_copy_send(struct dg_copy *c, struct dg_pg *pg, const char *sql, struct dg_error *err)
{
    const int code = dg_copy_send_kept(c, pg, sql, err);
    dg_copy_clear(c);
    return code;
}

struct dg_name_entry {
    uint64_t hash;
    char *text; /* owned: the parts, each with its NUL; NULL: free */
    size_t len;
    int32_t id;
};

void dg_names_deinit(struct dg_names *names)
{
    for (size_t i = 0; i < names->cap; i++) {
        free(names->entry[i].text);
    }
    free(names->entry);
    *names = (struct dg_names){0};
}

static uint64_t hash_name(const struct dg_name *name)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < name->n; i++) {
        hash = XXH3_64bits_withSeed(name->part[i], strlen(name->part[i]), hash + i);
    }
    return hash;
}

static bool same_name(const struct dg_name_entry *e, const struct dg_name *name)
{
    const char *at = e->text, *end = e->text + e->len;
    for (size_t i = 0; i < name->n; i++) {
        if (at == end || strcmp(at, name->part[i]) != 0) {
            return false;
        }
        at += strlen(at) + 1;
    }
    return at == end;
}

int32_t dg_names_find(const struct dg_names *names, const struct dg_name *name)
{
    if (names->cap == 0) {
        return 0;
    }
    const uint64_t hash = hash_name(name);
    for (size_t i = hash & (names->cap - 1); names->entry[i].text != NULL;
         i = (i + 1) & (names->cap - 1)) {
        if (names->entry[i].hash == hash && same_name(&names->entry[i], name)) {
            return names->entry[i].id;
        }
    }
    return 0;
}

static void place(struct dg_name_entry entry[], size_t cap, struct dg_name_entry e)
{
    size_t i = e.hash & (cap - 1);
    while (entry[i].text != NULL) {
        i = (i + 1) & (cap - 1);
    }
    entry[i] = e;
}

static int grow(struct dg_names *names)
{
    const size_t cap = names->cap == 0 ? 64 : names->cap * 2;
    struct dg_name_entry *entry = calloc(cap, sizeof *entry);
    if (entry == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < names->cap; i++) {
        if (names->entry[i].text != NULL) {
            place(entry, cap, names->entry[i]);
        }
    }
    free(names->entry);
    names->entry = entry;
    names->cap = cap;
    return 0;
}

int dg_names_add(struct dg_names *names, const struct dg_name *name, int32_t id)
{
    DG_ASSERT(id > 0);
    if (names->n * 2 >= names->cap && grow(names) != 0) {
        return ENOMEM;
    }
    struct dg_name_entry e = {.hash = hash_name(name), .id = id};
    for (size_t i = 0; i < name->n; i++) {
        e.len += strlen(name->part[i]) + 1;
    }
    e.text = malloc(e.len);
    if (e.text == NULL) {
        return ENOMEM;
    }
    size_t at = 0;
    for (size_t i = 0; i < name->n; i++) {
        const size_t n = strlen(name->part[i]) + 1;
        memcpy(e.text + at, name->part[i], n);
        at += n;
    }
    place(names->entry, names->cap, e);
    names->n++;
    return 0;
}
