/* Any bytes as a record of a topic, by every preset and framing: no crash, no read behind the
 * value, rows with a reason or with columns. The first byte chooses; the second says how many of
 * the bytes are the key. */
#include "connectors/record_decoder.h"
#include "tests/input_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"id\",\"type\":[\"null\","
    "\"string\"]},{"
    "\"name\":\"rows\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"R\","
    "\"fields\":[{\"name\":\"x\",\"type\":[\"null\",\"double\",\"long\"]},{\"name\":\"m\",\"type\":"
    "{\"type\":"
    "\"map\",\"values\":\"string\"}}]}}},{\"name\":\"p\",\"type\":{\"type\":\"array\",\"items\":"
    "\"float\"}}]}";

#define TEXT(word) ((char *)(uintptr_t)(word))
static const struct dg_source_spec specs[] = {
    {0},
    {.instances = TEXT("/rows")},
    {.framing = DG_FRAMING_BARE, .kind = DG_RECORD_AVRO},
    {.framing = DG_FRAMING_BARE, .kind = DG_RECORD_AVRO, .instances = TEXT("/rows")},
    {.kind = DG_RECORD_JSON, .instances = TEXT("/rows")},
    {.kind = DG_RECORD_JSON, .preset = TEXT("kserve")},
    {.kind = DG_RECORD_JSON, .preset = TEXT("open_inference")},
    {.kind = DG_RECORD_JSON, .preset = TEXT("seldon")},
    {.kind = DG_RECORD_JSON, .preset = TEXT("sagemaker")},
};
#define SPECS (sizeof specs / sizeof *specs)

static struct dg_decoder *decoder[SPECS];
static struct input_projection projection;
static struct dg_batch batch;
volatile uint64_t fuzz_records_sink;

static void start(void)
{
    struct dg_error err;
    const char *const path = input_write("fuzz.avsc", schema, strlen(schema));
    input_project(&projection, "t:^/id n:x t:/m/a n:^/p/# t:@key n:@key/k n:/input/0 t:/output/0 "
                               "n:/0 n:/name/1 T:@timestamp t:@offset");
    projection.p.id = 0;
    for (size_t i = 0; i < SPECS; i++) {
        const struct dg_record_format format = {.spec = &specs[i], .schema_path = path};
        if (dg_record_decoder_open(&format, &projection.p, NULL, &decoder[i], &err) != 0) {
            abort();
        }
    }
    remove(path);
    if (dg_batch_init(&batch, &projection.p, &err) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct dg_topic_partition place = {.topic = "t", .partition = 1};
    if (n < 2) {
        return 0;
    }
    if (decoder[0] == NULL) {
        start();
    }
    struct dg_decoder *const d = decoder[data[0] % SPECS];
    const size_t key = data[1] < n - 2 ? data[1] : n - 2, len = n - 2 - key;
    uint8_t *const value = malloc(len + (len == 0)); /* to be seen when read behind its end */
    memcpy(value, data + 2 + key, len);
    const struct dg_record record = {.offset = 5,
                                     .time_us = 7,
                                     .key = data + 2,
                                     .key_len = key,
                                     .value = value,
                                     .value_len = len};
    const struct dg_record twice[2] = {record, record};
    char *text = NULL;
    size_t size = 0, at = 0;
    FILE *const out = open_memstream(&text, &size);
    while (at < 2) {
        size_t done = 0;
        dg_batch_clear(&batch);
        if (d->ops->decode(d, &place, twice + at, 2 - at, &batch, &done, NULL) != 0 || done == 0) {
            abort();
        }
        for (size_t row = 0; row < batch.n; row++) {
            input_put_row(out, &batch, row);
        }
        at += done;
    }
    fclose(out);
    fuzz_records_sink += size;
    free(text);
    free(value);
    return 0;
}
