/* Goal: decoding records allocates nothing once the buffers have grown to the batches' size.
 * Method: the linker replaces malloc, calloc and realloc of every object by counting ones; the same
 * kinds of records again and again, none like the one before. */
#include "tests/record_text.h"
#include "tests/support/avro_writer.h"
#include "tests/support/counted_malloc.h"

#define RECORDS 200
#define ROUNDS  40
#define WARM    5 /* rounds until all buffers are as large as they get */

struct made {
    struct dg_record record[RECORDS];
    char text[RECORDS][512];
};

typedef size_t (*make_record)(char out[512], unsigned i);

static void check_steady(const struct dg_source_spec *spec, const char *schema_path,
                         const char *columns, make_record make, size_t rows)
{
    static const struct dg_topic_partition place = {.topic = "t", .partition = 1};
    struct made *m = malloc(sizeof *m);
    struct input_projection ip;
    struct dg_decoder *d = NULL;
    struct dg_batch batch;
    struct dg_error err = {.message = ""};
    size_t before = 0, total = 0;
    const struct dg_record_format format = {.spec = spec, .schema_path = schema_path};
    record_project(&ip, columns);
    CHECK_INT(dg_record_decoder_open(&format, &ip.p, NULL, &d, &err), 0);
    CHECK_INT(dg_batch_init(&batch, &ip.p, &err), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < RECORDS; i++) {
            const size_t n = make(m->text[i], round * RECORDS + i);
            m->record[i] = (struct dg_record){.offset = i,
                                              .time_us = 1,
                                              .value = (const uint8_t *)m->text[i],
                                              .value_len = n,
                                              .key = (const uint8_t *)"{\"k\":\"a\\u0062\"}",
                                              .key_len = 15};
        }
        before = round == WARM ? allocations : before;
        for (size_t at = 0, done = 0; at < RECORDS; at += done) {
            dg_batch_clear(&batch);
            CHECK_INT(d->ops->decode(d, &place, m->record + at, RECORDS - at, &batch, &done, &err),
                      0);
            for (size_t row = 0; row < batch.n; row++) {
                total += batch.reason[row] == DG_GOOD;
            }
        }
    }
    CHECK(before > 0); /* the counting works */
    CHECK_INT(allocations - before, 0);
    CHECK_INT(total, rows * RECORDS * ROUNDS);
    d->ops->close(d);
    dg_batch_deinit(&batch);
    free(m);
}

static size_t make_json(char out[512], unsigned i)
{
    return (size_t)snprintf(out, 512, "{\"x\":%u.25,\"c\":\"\\u00e4%u\",\"new%u\":[1,{\"a\":2}]}",
                            i, i % 30, i % 20);
}

static size_t make_instances(char out[512], unsigned i)
{
    return (size_t)snprintf(
        out, 512, "{\"rows\":[{\"x\":%u},{\"x\":2},{}],\"id\":\"i%u\",\"p\":[%u,3]}", i, i, i);
}

static size_t make_tensors(char out[512], unsigned i)
{
    return (size_t)snprintf(
        out, 512,
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[2],\"data\":[%u,1]},{\"name\":\"v\","
        "\"shape\":[2,2],\"data\":[1,2,3,%u]}]}",
        i, i);
}

static size_t make_avro(char out[512], unsigned i)
{
    const double x = i * 0.25;
    memcpy(out, &x, 8);
    out[8] = 2 * 3;
    memcpy(out + 9, "abc", 3);
    out[12] = (char)(i % 50);
    return 13;
}

static void every_kind_is_steady(void)
{
    static const char schema[] = "{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"x\","
                                 "\"type\":\"double\"},{\"name\":"
                                 "\"c\",\"type\":\"string\"},{\"name\":\"k\",\"type\":\"long\"}]}";
    const char *const path = input_write("e.avsc", schema, strlen(schema));
    const struct dg_source_spec json = {.kind = DG_RECORD_JSON};
    const struct dg_source_spec instances = {.instances = (char *)(uintptr_t) "/rows"};
    const struct dg_source_spec tensors = {.preset = (char *)(uintptr_t) "open_inference"};
    const struct dg_source_spec avro = {.kind = DG_RECORD_AVRO, .framing = DG_FRAMING_BARE};
    check_steady(&json, NULL, "n:x t:c t:@key/k t:@offset= t:@key T:@timestamp", make_json, 1);
    check_steady(&instances, NULL, "n:x t:^/id= n:^/p/# t:@key/k", make_instances, 3);
    check_steady(&tensors, NULL, "n:x n:/v/1 t:@offset=", make_tensors, 2);
    check_steady(&avro, path, "n:x t:c t:k t:@key/k t:@partition", make_avro, 1);
    remove(path);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_kind_is_steady));
}
