/* What records of a topic cost to decode, beside the generic readers of libavro and jansson on the
 * same bytes. Theirs build a value per record; ours fill the columns of a batch.
 *
 *   bench_records [records] [rounds]      default 100000, best of 7 */
#include "connectors/record_decoder.h"
#include "tests/support/avro_writer.h"

#include <avro.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1000

struct set {
    struct ocf_bytes bytes;
    struct dg_record *record; /* [n] */
    size_t n;
};

static volatile uint64_t sink;

/* CPU time, so that a busy machine disturbs less. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
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

static void put_json(struct ocf_bytes *b, uint64_t i)
{
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "{\"event_id\":\"e-%" PRIu64 "\",\"ts\":%" PRIu64 ",\"features\":{", i,
                     UINT64_C(1767225600000) + i);
    for (int k = 0; k < 10; k++) {
        n += snprintf(text + n, sizeof text - (size_t)n, "%s\"f%d\":%.6f", k > 0 ? "," : "", k,
                      (double)(i % 1000) * 0.125 + k);
    }
    n += snprintf(text + n, sizeof text - (size_t)n,
                  "},\"country\":\"%s\",\"score\":0.%06" PRIu64
                  ",\"meta\":{\"host\":\"node-%" PRIu64 "\",\"tags\":[\"a\",\"b\"]}}",
                  i % 3 == 0 ? "DE" : "AT", i % 1000000, i % 17);
    ocf_bytes_put(b, text, (size_t)n);
}

static struct set make(size_t n, void (*put)(struct ocf_bytes *b, uint64_t i))
{
    struct set s = {.record = calloc(n, sizeof *s.record), .n = n};
    size_t *start = malloc((n + 1) * sizeof *start);
    for (size_t i = 0; i < n; i++) {
        start[i] = s.bytes.len;
        put(&s.bytes, i);
    }
    start[n] = s.bytes.len;
    for (size_t i = 0; i < n; i++) {
        s.record[i] = (struct dg_record){.offset = (int64_t)i,
                                         .time_us = 1,
                                         .value = s.bytes.data + start[i],
                                         .value_len = start[i + 1] - start[i]};
    }
    free(start);
    return s;
}

static void release(struct set *s)
{
    ocf_bytes_free(&s->bytes);
    free(s->record);
}

static uint64_t run_decoder(struct dg_decoder *d, const struct set *s, struct dg_batch *batch)
{
    static const struct dg_topic_partition place = {.topic = "t", .partition = 0};
    uint64_t good = 0;
    for (size_t at = 0, done = 0; at < s->n; at += done) {
        dg_batch_clear(batch);
        const size_t n = s->n - at < BATCH ? s->n - at : BATCH;
        if (d->ops->decode(d, &place, s->record + at, n, batch, &done, NULL) != 0) {
            abort();
        }
        for (size_t row = 0; row < batch->n; row++) {
            good += batch->reason[row] == DG_GOOD;
        }
    }
    if (good != s->n) {
        fprintf(stderr, "only %" PRIu64 " of %zu records were read\n", good, s->n);
        exit(1);
    }
    return good;
}

static uint64_t run_libavro(avro_value_t *value, const struct set *s)
{
    avro_reader_t reader = avro_reader_memory("", 0);
    for (size_t i = 0; i < s->n; i++) {
        avro_reader_memory_set_source(reader, (const char *)s->record[i].value,
                                      (int64_t)s->record[i].value_len);
        if (avro_value_reset(value) != 0 || avro_value_read(reader, value) != 0) {
            abort();
        }
    }
    avro_reader_free(reader);
    return s->n;
}

static uint64_t run_jansson(const struct set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        json_t *doc = json_loadb((const char *)s->record[i].value, s->record[i].value_len, 0, NULL);
        if (doc == NULL) {
            abort();
        }
        json_decref(doc);
    }
    return s->n;
}

static double time_decoder(const struct set *s, const struct dg_source_spec *spec,
                           const char *schema_path, const struct dg_projection *projection,
                           int rounds)
{
    const struct dg_record_format format = {.spec = spec, .schema_path = schema_path};
    struct dg_decoder *d = NULL;
    struct dg_batch batch;
    struct dg_error err;
    if (dg_record_decoder_open(&format, projection, NULL, &d, &err) != 0 ||
        dg_batch_init(&batch, projection, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    double ns;
    BEST(ns, rounds, s->n, run_decoder(d, s, &batch));
    d->ops->close(d);
    dg_batch_deinit(&batch);
    return ns;
}

static void say(const char *name, const struct set *s, double ours, double theirs,
                const char *whose)
{
    printf("%-22s %6.1f bytes  %8.1f ns  %6.2f M/s  %s %8.1f ns  %5.1f times\n", name,
           (double)s->bytes.len / (double)s->n, ours, 1e3 / ours, whose, theirs, theirs / ours);
}

static const char *const flat[] = {"f0", "f1", "f2", "f3", "f4",    "f5",     "f6",
                                   "f7", "f8", "f9", "ts", "score", "country"};
static const char *const nested[] = {"/m/f0", "/m/f1", "/m/f2", "/m/f3", "/m/f4", "/m/f5",
                                     "/m/f6", "/m/f7", "/m/f8", "/m/f9", "ts"};
static const char map_schema[] =
    "{\"type\":\"record\",\"name\":\"M\",\"fields\":[{\"name\":\"m\",\"type\":{\"type\":\"map\","
    "\"values\":[\"null\",\"double\",\"long\",\"boolean\",\"string\"]}},{\"name\":\"ts\",\"type\":{"
    "\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}";

/* Features as a map of unions, as in the canonical event. */
static void put_map(struct ocf_bytes *b, uint64_t i)
{
    ocf_bytes_long(b, 10);
    for (uint64_t k = 0; k < 10; k++) {
        ocf_bytes_string(b, flat[k], 2);
        ocf_bytes_long(b, 1);
        ocf_bytes_double(b, (double)(i + k) * 0.25);
    }
    ocf_bytes_long(b, 0);
    ocf_bytes_long(b, INT64_C(1767225600000000) + (int64_t)i * 10000);
}

/* Fields in the order of the name lists: ten numbers, the time, a score, a country. */
static struct dg_projection project(struct dg_field field[13], const char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        field[i] = (struct dg_field){.path = names[i],
                                     .type = i == 10   ? DG_FIELD_TIME
                                             : i == 12 ? DG_FIELD_TEXT
                                                       : DG_FIELD_NUMERIC};
    }
    return (struct dg_projection){.field = field,
                                  .n = n,
                                  .time = 10,
                                  .id = -1,
                                  .topic = -1,
                                  .partition = -1,
                                  .offset = -1,
                                  .record_time = -1};
}

static double time_libavro(const struct set *s, const char *json, int rounds)
{
    avro_schema_t schema;
    avro_value_t value;
    if (avro_schema_from_json_length(json, strlen(json), &schema) != 0) {
        exit(1);
    }
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_generic_value_new(iface, &value);
    double ns;
    BEST(ns, rounds, s->n, run_libavro(&value, s));
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    return ns;
}

static void bench_avro(size_t n, int rounds, bool map)
{
    const char *const schema = map ? map_schema : ocf_event_schema;
    struct dg_field field[13];
    const struct dg_projection p = map ? project(field, nested, 11) : project(field, flat, 13);
    char path[] = "/tmp/bench-records-XXXXXX";
    const int fd = mkstemp(path);
    const size_t len = strlen(schema);
    if (fd < 0 || write(fd, schema, len) != (ssize_t)len || close(fd) != 0) {
        exit(1);
    }
    struct set s = make(n, map ? put_map : ocf_event_put);
    const struct dg_source_spec spec = {.kind = DG_RECORD_AVRO, .framing = DG_FRAMING_BARE};
    const double ours = time_decoder(&s, &spec, path, &p, rounds);
    unlink(path);
    say(map ? "Avro, a map of unions" : "Avro, plain doubles", &s, ours,
        time_libavro(&s, schema, rounds), "libavro");
    release(&s);
}

static void bench_json(size_t n, int rounds)
{
    static const char *const names[] = {
        "/features/f0", "/features/f1", "/features/f2", "/features/f3", "/features/f4",
        "/features/f5", "/features/f6", "/features/f7", "/features/f8", "/features/f9",
        "ts",           "score",        "country"};
    struct dg_field field[13];
    const struct dg_projection p = project(field, names, 13);
    struct set s = make(n, put_json);
    const struct dg_source_spec spec = {.kind = DG_RECORD_JSON};
    const double ours = time_decoder(&s, &spec, NULL, &p, rounds);
    double theirs;
    BEST(theirs, rounds, n, run_jansson(&s));
    say("JSON, features nested", &s, ours, theirs, "jansson");
    release(&s);
}

int main(int argc, char **argv)
{
    const size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    const int rounds = argc > 2 ? atoi(argv[2]) : 7;
    printf("%zu records in batches of %d, best of %d, CPU\n", n, BATCH, rounds);
    bench_avro(n, rounds, false);
    bench_avro(n, rounds, true);
    bench_json(n, rounds);
    return 0;
}
