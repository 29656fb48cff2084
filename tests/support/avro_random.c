#include "tests/support/avro_random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 4

static const char *const keys[] = {"a", "b", "k/1", "t~x", "a-rather-long-key-0", "", "\u00e9"};
#define KEYS (sizeof keys / sizeof *keys)

struct schema_maker {
    const struct random *r;
    struct ocf_bytes *b;
    int names;       /* types defined so far: T0, T1, ... */
    int records[64]; /* numbers of complete or open records, to refer to */
    int n_records;
};

uint64_t random_below(const struct random *r, uint64_t n)
{
    return r->next() % n;
}

static void put(struct schema_maker *m, const char *text)
{
    ocf_bytes_put(m->b, text, strlen(text));
}

static void make_type(struct schema_maker *m, int depth, bool in_union);

static void make_record(struct schema_maker *m, int depth)
{
    char text[64];
    const int name = m->names++;
    snprintf(text, sizeof text, "{\"type\":\"record\",\"name\":\"T%d\",\"fields\":[", name);
    put(m, text);
    if (m->n_records < 64) {
        m->records[m->n_records++] = name;
    }
    const int n = (int)random_below(m->r, depth == 0 ? 10 : 4) + 1;
    for (int i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%s{\"name\":\"f%d\",\"type\":", i > 0 ? "," : "", i);
        put(m, text);
        make_type(m, depth + 1, false);
        put(m, "}");
    }
    if (random_below(m->r, 4) == 0) { /* a list of its own kind */
        snprintf(text, sizeof text, "%s{\"name\":\"next\",\"type\":[\"null\",\"T%d\"]}",
                 n > 0 ? "," : "", name);
        put(m, text);
    }
    put(m, "]}");
}

/* Branches of distinct kinds in random order, no union among them. */
static void make_union(struct schema_maker *m, int depth)
{
    static const char *const plain[] = {"\"null\"",  "\"boolean\"", "\"int\"",   "\"long\"",
                                        "\"float\"", "\"double\"",  "\"bytes\"", "\"string\""};
    put(m, "[");
    int put_so_far = 0;
    for (uint64_t i = random_below(m->r, 8), n = 0; n < 8; i = (i + 3) % 8, n++) {
        if (random_below(m->r, 3) == 0) {
            put(m, put_so_far++ > 0 ? "," : "");
            put(m, plain[i]);
        }
    }
    if (put_so_far == 0 || random_below(m->r, 3) == 0) {
        put(m, put_so_far > 0 ? "," : "");
        if (random_below(m->r, 2) == 0) {
            make_record(m, depth + 1);
        } else {
            put(m, "{\"type\":\"map\",\"values\":");
            make_type(m, depth + 1, false);
            put(m, "}");
        }
    }
    put(m, "]");
}

static void make_named(struct schema_maker *m)
{
    char text[128];
    const int name = m->names++;
    if (random_below(m->r, 2) == 0) {
        snprintf(text, sizeof text, "{\"type\":\"fixed\",\"name\":\"T%d\",\"size\":%d}", name,
                 (int)random_below(m->r, 4) + 1);
    } else {
        snprintf(text, sizeof text,
                 "{\"type\":\"enum\",\"name\":\"T%d\",\"symbols\":[\"red\",\"green\",\"blue\"]}",
                 name);
    }
    put(m, text);
}

static void make_type(struct schema_maker *m, int depth, bool in_union)
{
    static const char *const plain[] = {"\"null\"",   "\"boolean\"", "\"int\"",    "\"long\"",
                                        "\"float\"",  "\"double\"",  "\"double\"", "\"bytes\"",
                                        "\"string\"", "\"string\""};
    const uint64_t pick = random_below(m->r, depth >= DEPTH_MAX ? 11 : 18);
    if (pick < 10) {
        put(m, plain[pick]);
    } else if (pick == 10) {
        make_named(m);
    } else if (pick <= 12 && !in_union) {
        make_union(m, depth + 1);
    } else if (pick <= 14) {
        put(m, pick == 13 ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
        make_type(m, depth + 1, false);
        put(m, "}");
    } else {
        make_record(m, depth + 1);
    }
}

void random_schema(const struct random *r, struct ocf_bytes *b)
{
    struct schema_maker m = {.r = r, .b = b};
    b->len = 0;
    make_record(&m, 0);
    ocf_bytes_put(b, "", 1);
}

static double random_double(const struct random *r)
{
    const uint64_t pick = random_below(r, 12);
    const double x = (double)(int64_t)r->next() * 0x1p-40;
    return pick == 0   ? (double)NAN
           : pick == 1 ? (double)INFINITY
           : pick == 2 ? -(double)INFINITY
           : pick == 3 ? 0.0
           : pick <= 6 ? trunc(x / 65536)
                       : x;
}

static int64_t random_long(const struct random *r)
{
    const uint64_t shift = random_below(r, 64);
    return (int64_t)r->next() >> shift;
}

static void random_text(const struct random *r, struct ocf_bytes *b)
{
    static const char *const text[] = {"",
                                       "x",
                                       "12.5",
                                       "-3e2",
                                       "nan",
                                       "true",
                                       "17",
                                       "1e3",
                                       "0x10",
                                       "gr\u00fc\u00dfe",
                                       "\u20ac",
                                       "2026-03-01T12:00:00Z",
                                       "a text that is longer than sixteen",
                                       "\U0001f600!",
                                       "99999999999999999999",
                                       "1.",
                                       ".5",
                                       "+7"};
    const char *s = text[random_below(r, sizeof text / sizeof *text)];
    ocf_bytes_string(b, s, strlen(s));
}

/* Blocks of random lengths, some with their size in front. */
static void random_blocks(const struct random *r, const struct dg_avro_type *t, struct ocf_bytes *b,
                          int depth)
{
    uint64_t left = depth > 6 ? 0 : random_below(r, 5);
    uint64_t key = random_below(r, KEYS);
    while (left > 0) {
        const uint64_t n = random_below(r, left) + 1;
        struct ocf_bytes items = {0};
        for (uint64_t i = 0; i < n; i++, key++) {
            if (t->kind == DG_AVRO_MAP) {
                ocf_bytes_string(&items, keys[key % KEYS], strlen(keys[key % KEYS]));
            }
            random_datum(r, t->child[0], &items, depth + 1);
        }
        if (random_below(r, 2) == 0) {
            ocf_bytes_long(b, -(int64_t)n);
            ocf_bytes_long(b, (int64_t)items.len);
        } else {
            ocf_bytes_long(b, (int64_t)n);
        }
        ocf_bytes_put(b, items.data, items.len);
        ocf_bytes_free(&items);
        left -= n;
    }
    ocf_bytes_long(b, 0);
}

static uint32_t random_branch(const struct random *r, const struct dg_avro_type *t, int depth)
{
    if (depth > 6) {
        for (uint32_t i = 0; i < t->n; i++) {
            if (t->child[i]->kind < DG_AVRO_ARRAY) {
                return i;
            }
        }
    }
    return (uint32_t)random_below(r, t->n);
}

void random_datum(const struct random *r, const struct dg_avro_type *t, struct ocf_bytes *b,
                  int depth)
{
    uint8_t byte;
    uint32_t branch;
    switch (t->kind) {
    case DG_AVRO_NULL:
        return;
    case DG_AVRO_BOOLEAN:
        byte = (uint8_t)random_below(r, 2);
        ocf_bytes_put(b, &byte, 1);
        return;
    case DG_AVRO_INT:
        ocf_bytes_long(b, (int32_t)random_long(r));
        return;
    case DG_AVRO_LONG:
        ocf_bytes_long(b, random_long(r));
        return;
    case DG_AVRO_FLOAT:
        ocf_bytes_float(b, (float)random_double(r));
        return;
    case DG_AVRO_DOUBLE:
        ocf_bytes_double(b, random_double(r));
        return;
    case DG_AVRO_BYTES:
    case DG_AVRO_STRING:
        random_text(r, b);
        return;
    case DG_AVRO_ENUM:
        ocf_bytes_long(b, (int64_t)random_below(r, t->n));
        return;
    case DG_AVRO_FIXED:
        ocf_bytes_put(b, "12 x", (size_t)t->wire);
        return;
    case DG_AVRO_ARRAY:
    case DG_AVRO_MAP:
        random_blocks(r, t, b, depth);
        return;
    case DG_AVRO_UNION:
        branch = random_branch(r, t, depth);
        ocf_bytes_long(b, branch);
        random_datum(r, t->child[branch], b, depth + 1);
        return;
    case DG_AVRO_RECORD:
        for (uint32_t i = 0; i < t->n; i++) {
            random_datum(r, t->child[i], b, depth + 1);
        }
        return;
    }
}

static void append_step(char path[256], const char *step)
{
    size_t n = strlen(path);
    path[n++] = '/';
    for (; *step != '\0' && n < 250; step++) {
        if (*step == '~' || *step == '/') {
            path[n++] = '~';
            path[n++] = *step == '~' ? '0' : '1';
        } else {
            path[n++] = *step;
        }
    }
    path[n] = '\0';
}

void random_path(const struct random *r, const struct dg_avro_type *t, char path[256])
{
    path[0] = '\0';
    for (int i = 0; i < 6; i++) {
        char index[8];
        while (t->kind == DG_AVRO_UNION) {
            t = t->child[random_below(r, t->n)];
        }
        if (t->kind == DG_AVRO_RECORD && t->n > 0) {
            const uint64_t field = random_below(r, t->n);
            append_step(path, t->label[field]);
            t = t->child[field];
        } else if (t->kind == DG_AVRO_MAP) {
            append_step(path, keys[random_below(r, KEYS)]);
            t = t->child[0];
        } else if (t->kind == DG_AVRO_ARRAY) {
            snprintf(index, sizeof index, "%d", (int)random_below(r, 4));
            append_step(path, index);
            t = t->child[0];
        }
        if (i > 0 && random_below(r, 8) == 0) {
            break;
        }
    }
    if (random_below(r, 12) == 0 || path[0] == '\0') {
        append_step(path, "nowhere");
    }
}
