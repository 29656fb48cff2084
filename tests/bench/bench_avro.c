/* What the Avro plan costs per record, beside a hand-written walk of the same bytes and libavro's
 * generic reader. The record: ten doubles, a short string, a double score, a long timestamp.
 *
 *   bench_avro [records] [rounds]      default 200000 in a block of memory, best of 7 */
#include "connectors/avro_plan.h"
#include "connectors/file_source.h"
#include "tests/support/avro_writer.h"

#include <avro.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 1000 /* records per call and batch: about what a container block holds */

/* CPU time, so that a busy machine disturbs less. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t walk_long(const uint8_t **p)
{
    uint64_t x = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *(*p)++;
        x |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte >= 0x80);
    return x >> 1 ^ (0 - (x & 1));
}

/* Decodes everything, bounds unchecked, keeps only one number. */
static uint64_t plain_walk(const uint8_t *p, size_t records)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < records; i++) {
        for (int k = 0; k < 10; k++, p += 8) {
            uint64_t x;
            memcpy(&x, p, 8);
            sum += x;
        }
        const uint64_t len = walk_long(&p);
        sum += len > 0 ? p[0] : 0;
        p += len;
        uint64_t x;
        memcpy(&x, p, 8);
        p += 8;
        sum += x + walk_long(&p);
    }
    return sum;
}

static uint64_t run_plan(const struct dg_avro_plan *plan, const struct ocf_bytes *data,
                         size_t records, struct dg_batch *batch)
{
    const uint8_t *p = data->data, *end = p + data->len;
    uint64_t rows = 0;
    for (size_t done = 0; done < records; done += BLOCK) {
        const size_t n = records - done < BLOCK ? records - done : BLOCK;
        enum dg_reason why;
        dg_batch_clear(batch);
        if (dg_avro_plan_reserve(plan, batch, n, 0) != 0 ||
            dg_avro_plan_decode(plan, &p, end, n, done, batch, &why) != n) {
            abort();
        }
        rows += batch->n;
    }
    return rows;
}

static uint64_t run_libavro(avro_value_t *value, const struct ocf_bytes *data, size_t records)
{
    avro_reader_t reader = avro_reader_memory((const char *)data->data, (int64_t)data->len);
    uint64_t rows = 0;
    for (size_t i = 0; i < records; i++) {
        if (avro_value_reset(value) != 0 || avro_value_read(reader, value) != 0) {
            abort();
        }
        rows++;
    }
    avro_reader_free(reader);
    return rows;
}

/* A kind of record and what is wanted of it. */
struct shape {
    const char *name;
    const char *schema;
    void (*put)(struct ocf_bytes *b, uint64_t i);
    size_t n_fields;
    const char *const *fields;
};

static const char *const names[] = {"f0", "f1", "f2", "f3", "f4",      "f5",   "f6",
                                    "f7", "f8", "f9", "ts", "country", "score"};
static const char *const pointers[] = {"/m/f0", "/m/f1", "/m/f2", "/m/f3", "/m/f4", "/m/f5",
                                       "/m/f6", "/m/f7", "/m/f8", "/m/f9", "ts"};

#define NULLABLE(name) "{\"name\":\"" name "\",\"type\":[\"null\",\"double\"]},"
#define TS             "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}"

static const char nullable_schema[] =
    "{\"type\":\"record\",\"name\":\"N\",\"fields\":[" NULLABLE("f0") NULLABLE("f1") NULLABLE("f2")
        NULLABLE("f3") NULLABLE("f4") NULLABLE("f5") NULLABLE("f6") NULLABLE("f7") NULLABLE("f8")
            NULLABLE("f9") TS "]}";
static const char map_schema[] =
    "{\"type\":\"record\",\"name\":\"M\",\"fields\":[{\"name\":\"m\",\"type\":{\"type\":\"map\","
    "\"values\":[\"null\",\"double\",\"long\",\"boolean\",\"string\"]}}," TS "]}";

/* Ten doubles of which one in sixteen is null. */
static void put_nullable(struct ocf_bytes *b, uint64_t i)
{
    for (uint64_t k = 0; k < 10; k++) {
        const bool null = (i * 10 + k) * UINT64_C(0x9e3779b97f4a7c15) >> 60 == 0;
        ocf_bytes_long(b, null ? 0 : 1);
        if (!null) {
            ocf_bytes_double(b, (double)(i + k) * 0.25);
        }
    }
    ocf_bytes_long(b, INT64_C(1767225600000000) + (int64_t)i * 10000);
}

static void put_map(struct ocf_bytes *b, uint64_t i)
{
    ocf_bytes_long(b, 10);
    for (uint64_t k = 0; k < 10; k++) {
        ocf_bytes_string(b, names[k], 2);
        ocf_bytes_long(b, 1);
        ocf_bytes_double(b, (double)(i + k) * 0.25);
    }
    ocf_bytes_long(b, 0);
    ocf_bytes_long(b, INT64_C(1767225600000000) + (int64_t)i * 10000);
}

static const struct shape shapes[] = {
    {"10 doubles, text, score, time", ocf_event_schema, ocf_event_put, 13, names},
    {"  3 of its 13 columns", ocf_event_schema, ocf_event_put, 3, names + 10},
    {"10 nullable doubles, time", nullable_schema, put_nullable, 11, names},
    {"map of 10 unions, time", map_schema, put_map, 11, pointers},
};
#define SHAPES (sizeof shapes / sizeof *shapes)

static struct dg_avro_plan *plan_of(struct dg_projection *projection, struct dg_avro_schema **s,
                                    const struct shape *shape)
{
    const char *const *fields = shape->fields;
    const size_t n_fields = shape->n_fields;
    struct dg_error err;
    struct dg_avro_plan *plan;
    projection->field = calloc(n_fields, sizeof projection->field[0]);
    for (size_t i = 0; i < n_fields; i++) {
        const bool ts = strcmp(fields[i], "ts") == 0, text = strcmp(fields[i], "country") == 0;
        projection->field[projection->n++] = (struct dg_field){.path = fields[i],
                                                               .type = ts     ? DG_FIELD_TIME
                                                                       : text ? DG_FIELD_TEXT
                                                                              : DG_FIELD_NUMERIC};
    }
    if (dg_avro_schema_parse(shape->schema, strlen(shape->schema), s, &err) != 0 ||
        dg_avro_plan_compile(dg_avro_schema_root(*s), projection, &plan, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return plan;
}

/* Best of `rounds`, nanoseconds of CPU per record. */
#define BEST(result, rounds, records, expression)                                                  \
    do {                                                                                           \
        (result) = 1e300;                                                                          \
        for (int round_ = 0; round_ < (rounds); round_++) {                                        \
            const double start_ = now();                                                           \
            sink += (expression);                                                                  \
            const double ns_ = (now() - start_) / (double)(records);                               \
            (result) = ns_ < (result) ? ns_ : (result);                                            \
        }                                                                                          \
    } while (0)

static volatile uint64_t sink;

static double time_plan(const struct ocf_bytes *data, size_t records, int rounds,
                        const struct shape *shape)
{
    struct dg_avro_schema *schema;
    struct dg_batch batch;
    struct dg_projection projection = {.time = -1};
    struct dg_avro_plan *plan = plan_of(&projection, &schema, shape);
    if (dg_batch_init(&batch, &projection, NULL) != 0) {
        exit(1);
    }
    double ns;
    BEST(ns, rounds, records, run_plan(plan, data, records, &batch));
    dg_batch_deinit(&batch);
    dg_avro_plan_free(plan);
    dg_avro_schema_free(schema);
    free(projection.field);
    return ns;
}

static double time_libavro(const struct ocf_bytes *data, size_t records, int rounds,
                           const char *schema)
{
    avro_schema_t writer;
    avro_value_t value;
    if (avro_schema_from_json_length(schema, strlen(schema), &writer) != 0) {
        exit(1);
    }
    avro_value_iface_t *iface = avro_generic_class_from_schema(writer);
    avro_generic_value_new(iface, &value);
    double ns;
    BEST(ns, rounds, records, run_libavro(&value, data, records));
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(writer);
    return ns;
}

/* The whole way of a file: blocks out of the byte stream, inflated, decoded. */
static uint64_t run_file(const char *path, const struct dg_projection *projection,
                         struct dg_batch *batch, struct dg_chunk *chunk, bool decode)
{
    struct dg_source *s;
    struct dg_error err;
    uint64_t rows = 0;
    if (dg_file_source_open(&path, 1, NULL, projection, &s, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    while (s->ops->poll(s, 0, 0, chunk, &err) == DG_POLL_DATA) {
        dg_batch_clear(batch);
        if (decode && s->ops->decode(s, chunk, batch, &err) != 0) {
            exit(1);
        }
        rows += batch->n;
    }
    s->ops->close(s);
    return rows;
}

static void time_files(size_t records, int rounds)
{
    static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard"};
    struct dg_avro_schema *schema;
    struct dg_projection projection = {.time = 10};
    dg_avro_plan_free(plan_of(&projection, &schema, &shapes[0]));
    dg_avro_schema_free(schema);
    struct dg_batch batch;
    struct dg_chunk chunk = {0};
    if (dg_batch_init(&batch, &projection, NULL) != 0) {
        exit(1);
    }
    printf("%-34s %8s %9s\n", "files in the page cache", "poll", "+ decode");
    for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++) {
        char path[] = "/tmp/bench-avro-XXXXXX";
        const int fd = mkstemp(path);
        if (fd < 0 || close(fd) != 0) {
            exit(1);
        }
        ocf_write_events(path, codecs[c], records);
        double poll, all;
        BEST(poll, rounds, records, run_file(path, &projection, &batch, &chunk, false));
        BEST(all, rounds, records, run_file(path, &projection, &batch, &chunk, true));
        printf("%-34s %8.1f %9.1f\n", codecs[c], poll, all);
        unlink(path);
    }
    dg_chunk_deinit(&chunk);
    dg_batch_deinit(&batch);
    free(projection.field);
}

int main(int argc, char **argv)
{
    const size_t records = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    const int rounds = argc > 2 ? atoi(argv[2]) : 7;
    printf("%zu records, best of %d, ns of CPU per record\n", records, rounds);
    printf("%-34s %6s %8s %8s %8s\n", "record", "bytes", "plan", "libavro", "ratio");
    double plan = 0;
    for (size_t i = 0; i < SHAPES; i++) {
        struct ocf_bytes data = {0};
        for (size_t k = 0; k < records; k++) {
            shapes[i].put(&data, k);
        }
        const double ours = time_plan(&data, records, rounds, &shapes[i]);
        const double theirs = time_libavro(&data, records, rounds, shapes[i].schema);
        printf("%-34s %6.1f %8.1f %8.1f %8.1f\n", shapes[i].name,
               (double)data.len / (double)records, ours, theirs, theirs / ours);
        if (i == 0) {
            plan = ours;
        }
        if (i == 1) {
            double walk;
            BEST(walk, rounds, records, plain_walk(data.data, records));
            printf("%-34s %6s %8.1f %8s %8.2f\n", "  plain walk, all dropped", "", walk, "",
                   walk / plan);
        }
        ocf_bytes_free(&data);
    }
    time_files(records, rounds);
    return 0;
}
