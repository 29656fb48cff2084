/* Goal: no bytes make the Avro reader read outside them, recurse without limit or run long.
 * Method: a container file, or the two bytes of a schema's length, the schema and data for it.
 * Every value of a row is touched. */
#include "connectors/avro_container.h"
#include "connectors/avro_plan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern volatile uint64_t fuzz_avro_sink; /* so that no read is optimised away */
volatile uint64_t fuzz_avro_sink;

static struct dg_field fields[] = {
    {.path = "a", .type = DG_FIELD_NUMERIC},      {.path = "a", .type = DG_FIELD_TEXT},
    {.path = "b", .type = DG_FIELD_TIME},         {.path = "/a/b", .type = DG_FIELD_NUMERIC},
    {.path = "/a/0/b", .type = DG_FIELD_TEXT},    {.path = "/b/k", .type = DG_FIELD_INTEGER},
    {.path = "/c/a/1", .type = DG_FIELD_NUMERIC}, {.path = "c", .type = DG_FIELD_TEXT},
};
static const struct dg_projection projection = {.field = fields,
                                                .n = sizeof fields / sizeof *fields,
                                                .time = 2,
                                                .id = -1,
                                                .topic = -1,
                                                .partition = -1,
                                                .offset = -1,
                                                .record_time = -1};

static uint64_t sum_of_row(const struct dg_batch *b, size_t row)
{
    uint64_t sum = b->place[row];
    if (b->reason[row] != DG_GOOD) {
        return sum;
    }
    for (size_t c = 0; c < b->n_columns; c++) {
        const union dg_column column = b->column[c];
        if (fields[c].type == DG_FIELD_NUMERIC) {
            sum += (uint64_t)dg_triage_of(column.number[row]);
        } else if (fields[c].type == DG_FIELD_TEXT) {
            const struct dg_text t = column.text[row];
            for (uint32_t i = 0; t.triage == DG_FINITE && i < t.len; i++) {
                sum += (uint8_t)t.bytes[i];
            }
        } else {
            sum ^= (uint64_t)column.integer[row];
        }
    }
    return sum;
}

static uint64_t sum_of_batch(const struct dg_batch *b)
{
    uint64_t sum = 0;
    for (size_t row = 0; row < b->n; row++) {
        sum += sum_of_row(b, row);
    }
    return sum;
}

static uint64_t run_plan(const struct dg_avro_schema *schema, const uint8_t *p, const uint8_t *end)
{
    struct dg_avro_plan *plan;
    struct dg_batch batch;
    struct dg_error err;
    enum dg_reason why;
    uint64_t sum = 0;
    if (dg_avro_plan_compile(dg_avro_schema_root(schema), &projection, &plan, &err) != 0) {
        return 0;
    }
    if (dg_batch_init(&batch, &projection, &err) == 0 &&
        dg_avro_plan_reserve(plan, &batch, 64, 0) == 0) {
        (void)dg_avro_plan_decode(plan, &p, end, 64, 0, &batch, &why);
        sum = sum_of_batch(&batch);
    }
    dg_batch_deinit(&batch);
    dg_avro_plan_free(plan);
    return sum;
}

static uint64_t run_schema_and_data(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t len = (size_t)data[0] | (size_t)data[1] << 8;
    data += 2;
    size -= 2;
    len = len < size ? len : size;
    struct dg_avro_schema *schema;
    struct dg_error err;
    if (dg_avro_schema_parse((const char *)data, len, &schema, &err) != 0) {
        return 0;
    }
    const uint64_t sum = run_plan(schema, data + len, data + size);
    dg_avro_schema_free(schema);
    return sum;
}

static uint64_t run_container(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/dg-fuzz-avro-XXXXXX";
    const char *paths[] = {path};
    const int fd = mkstemp(path);
    const struct dg_file_options options = {.format = "avro"};
    struct dg_source *s = NULL;
    struct dg_batch batch;
    struct dg_chunk chunk = {0};
    struct dg_error err;
    uint64_t sum = 0;
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0) {
        abort();
    }
    if (dg_file_source_open(paths, 1, &options, &projection, &s, &err) == 0) {
        if (dg_batch_init(&batch, &projection, &err) != 0) {
            abort();
        }
        while (s->ops->poll(s, 0, 0, &chunk, &err) == DG_POLL_DATA) {
            dg_batch_clear(&batch);
            if (s->ops->decode(s, &chunk, &batch, &err) != 0) {
                abort();
            }
            sum += sum_of_batch(&batch);
        }
        s->ops->close(s);
        dg_chunk_deinit(&chunk);
        dg_batch_deinit(&batch);
    }
    unlink(path);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_avro_sink += dg_avro_format.claims(data, size) ? run_container(data, size)
                                                        : run_schema_and_data(data, size);
    return 0;
}
