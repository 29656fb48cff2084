/* Goal: every rule of connectors/record_decoder.h and of "What stands in a record" (docs/KAFKA.md).
 * Method: records in memory of exactly their length, decoded into rows and written as text; Avro is
 * put together byte by byte. */
#include "tests/record_text.h"

#include "connectors/avro_canonical.h"
#include "tests/support/avro_writer.h"

static const struct dg_source_spec plain = {0};
static const struct dg_source_spec json = {.kind = DG_RECORD_JSON};

/* ---- JSON ---------------------------------------------------------------------------------- */

static void one_record_is_one_row(void)
{
    struct records r = {0};
    record_text(&r, "{\"x\":2.385,\"c\":\"de\",\"new\":1}");
    record_text(&r, " {\"c\":\"f\\u00fcr\",\"x\":\"-7\"}\n");
    record_text(&r, "{}");
    records_check(__FILE__, __LINE__, &plain, NULL, "n:x t:c", &r,
                  "100 2.3849999999999998 'de' +new\n101 -7 'f\xc3\xbcr'\n"
                  "102 <absent> <absent>\n");
}

static void bad_records_are_rows_with_a_reason_and_others_are_not_harmed(void)
{
    static const struct {
        const char *value;
        size_t len;
        const char *reason;
    } bad[] = {
        {"", 0, "malformed"},
        {"{\"x\":1} {\"x\":2}", 15, "malformed"},
        {"{\"x\":1}x", 8, "malformed"},
        {"[1]", 3, "malformed"},
        {"7", 1, "malformed"},
        {"{\"x\":1", 6, "malformed"},
        {"{\"x\":01}", 8, "malformed"},
        {"{\"x\":\"\xff\"}", 9, "utf8"},
        {"{\"x\":\"\\ud800\"}", 14, "utf8"},
        {"\x00\x01\x02", 3, "malformed"},
        {"\x00\x00\x00\x00\x01{}", 7, "schema"},
        {"\xc3\x01\x00\x00\x00\x00\x00\x00\x00\x00{}", 12, "schema"},
        {"garbage", 7, "malformed"},
    };
    struct records r = {0};
    char want[4096] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        record_text(&r, "{\"x\":5}");
        record_add(&r, bad[i].value, bad[i].len);
        used += (size_t)snprintf(want + used, sizeof want - used, "%zu 5\n%zu BAD %s\n",
                                 100 + 2 * i, 101 + 2 * i, bad[i].reason);
    }
    records_check(__FILE__, __LINE__, &plain, NULL, "n:x", &r, want);
}

static void deep_and_large_records_are_refused(void)
{
    struct records r = {0};
    char deep[400];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    record_add(&r, deep, sizeof deep);
    char *large = calloc(1, DG_RECORD_BYTES_DEFAULT + 1);
    record_add(&r, large, DG_RECORD_BYTES_DEFAULT + 1);
    memset(large, ' ', 1 << 20);
    memcpy(large, "{\"x\":1}", 7);
    record_add(&r, large, 1 << 20);
    records_check(__FILE__, __LINE__, &json, NULL, "n:x", &r,
                  "100 BAD malformed\n101 BAD too_large\n102 1\n");
    free(large);
}

static void a_tombstone_is_no_row_but_counted(void)
{
    struct records r = {0};
    uint64_t tombstones = 0;
    record_text(&r, NULL);
    record_text(&r, "{\"x\":1}");
    record_text(&r, NULL);
    char *got = records_read(&plain, NULL, NULL, "n:x", &r, &tombstones);
    CHECK_STR(got, "101 1\n");
    CHECK_INT(tombstones, 2);
    free(got);
    r.n = 1;
    got = records_read(&plain, NULL, NULL, "n:x", &r, &tombstones);
    CHECK_STR(got, "");
    free(got);
}

static void without_its_time_a_record_is_bad(void)
{
    CHECK_JSON(&json, "T:t n:x", "{\"x\":1}", "100 BAD time\n");
    CHECK_JSON(&json, "T:t n:x", "{\"x\":1,\"t\":\"yesterday\"}", "100 BAD time\n");
    CHECK_JSON(&json, "T:t n:x", "{\"x\":1,\"t\":2.5}", "100 2500000 1\n");
    CHECK_JSON(&json, "T:@timestamp n:x", "{\"x\":1}", "100 100000000 1\n");
    struct records r = {0};
    record_text(&r, "{}")->time_us = DG_TIME_NONE;
    char *got = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&got, &len);
    struct input_projection ip;
    struct dg_batch batch;
    struct dg_decoder *d = NULL;
    size_t done = 0;
    record_project(&ip, "T:@timestamp");
    CHECK_INT(
        dg_record_decoder_open(&(struct dg_record_format){.spec = &json}, &ip.p, NULL, &d, NULL),
        0);
    CHECK_INT(dg_batch_init(&batch, &ip.p, NULL), 0);
    CHECK_INT(d->ops->decode(d, &(struct dg_topic_partition){"t", 0}, r.at, 1, &batch, &done, NULL),
              0);
    input_put_row(out, &batch, 0);
    fclose(out);
    CHECK_STR(got, "100 BAD time\n");
    CHECK(batch.record_us[0] == DG_TIME_NONE);
    free(got);
    d->ops->close(d);
    dg_batch_deinit(&batch);
}

/* ---- beside the value ---------------------------------------------------------------------- */

static void fields_beside_the_value_fill_columns(void)
{
    const struct dg_record_header headers[] = {
        {"ce_id", (const uint8_t *)"e-1", 3},
        {"score", (const uint8_t *)"0.25", 4},
        {"score", (const uint8_t *)"0.75", 4},
        {"none", NULL, 0},
        {"when", (const uint8_t *)"1970-01-01T00:00:05Z", 20},
    };
    struct records r = {0};
    struct dg_record *record = record_text(&r, "{\"x\":1,\"@topic\":\"in\",\"score\":9}");
    record->key = (const uint8_t *)"k 1";
    record->key_len = 3;
    record->header = headers;
    record->n_headers = sizeof headers / sizeof *headers;
    record_text(&r, "{}");
    records_check(__FILE__, __LINE__, &plain, NULL,
                  "t:@key t:@header/ce_id n:@header/score t:@header/none t:@header/lost "
                  "T:@header/when n:@key i:@header/score",
                  &r,
                  "100 'k 1' 'e-1' 0.75 <null> <absent> 5000000 <unparsable> <none> +x +@topic "
                  "+score\n101 BAD time\n");
    r.n = 0;
    record_text(&r, "{\"@topic\":\"in\",\"@key\":5}");
    records_check(__FILE__, __LINE__, &plain, NULL,
                  "t:@topic t:/@topic t:@partition i:@partition n:@partition t:@offset i:@offset "
                  "t:@timestamp n:@timestamp T:@timestamp t:@key n:/@key",
                  &r,
                  "100 'bids' 'in' '3' 3 3 '100' 100 '1970-01-01T00:01:40Z' 100000 100000000 "
                  "<absent> 5\n");
}

static void a_key_that_is_json_has_fields(void)
{
    struct records r = {0};
    static const char *const keys[] = {"{\"c\":{\"id\":7,\"n\":\"\\u0041b\"}}", "{\"c\":{}}",
                                       "{oops"};
    for (size_t i = 0; i < 3; i++) {
        struct dg_record *record = record_text(&r, "{\"id\":1}");
        record->key = (const uint8_t *)keys[i];
        record->key_len = strlen(keys[i]);
    }
    record_text(&r, "{\"id\":1}");
    records_check(__FILE__, __LINE__, &plain, NULL, "i:@key/c/id t:@key/c/n n:id", &r,
                  "100 7 'Ab' 1\n101 <none> <absent> 1\n102 <none> <unparsable> 1\n"
                  "103 <none> <absent> 1\n");
}

static void text_beside_the_value_must_be_utf8(void)
{
    struct records r = {0};
    struct dg_record *record = record_text(&r, "{\"x\":1}");
    record->key = (const uint8_t *)"\xff";
    record->key_len = 1;
    records_check(__FILE__, __LINE__, &plain, NULL, "t:@key n:x", &r, "100 BAD utf8\n");
    r.n = 1;
    r.at[0].value = (const uint8_t *)"{\"x\":1}";
    records_check(__FILE__, __LINE__, &plain, NULL, "n:x", &r, "100 1\n");
}

static void where_a_record_is_fills_the_columns_of_files_that_say_it(void)
{
    struct input_projection ip;
    struct dg_decoder *d = NULL;
    struct records r = {0};
    record_text(&r, "{\"off\":5,\"top\":\"other\"}");
    input_project(&ip, "t:top i:part i:off T:at");
    ip.p.topic = 0;
    ip.p.partition = 1;
    ip.p.offset = 2;
    ip.p.record_time = 3;
    CHECK_INT(
        dg_record_decoder_open(&(struct dg_record_format){.spec = &json}, &ip.p, NULL, &d, NULL),
        0);
    char *got = record_decode(d, &ip.p, &r);
    CHECK_STR(got, "100 'bids' 3 100 100000000 +off +top\n");
    free(got);
    d->ops->close(d);
}

/* ---- instances ----------------------------------------------------------------------------- */

static void each_element_is_an_event(void)
{
    const struct dg_source_spec spec = {.instances = (char *)(uintptr_t) "/req/rows"};
    const char *const columns = "t:^/id= n:x t:/o/c n:^/n";
    CHECK_JSON(&spec, columns,
               "{\"req\":{\"rows\":[{\"x\":1,\"new\":2},{\"o\":{\"c\":\"d\"}} , {}]},\"id\":\"r7\","
               "\"n\":0.5,\"outer\":1}",
               "100 'r7#0' 1 <absent> 0.5 +new\n100 'r7#1' <absent> 'd' 0.5\n"
               "100 'r7#2' <absent> <absent> 0.5\n");
    CHECK_JSON(&spec, columns, "{\"req\":{\"rows\":[]}}", "");
    CHECK_JSON(&spec, columns, "{\"req\":{\"rows\":null}}", "");
    CHECK_JSON(&spec, columns, "{\"req\":5}", "");
    CHECK_JSON(&spec, columns, "{\"req\":{\"rows\":{}}}", "100 BAD malformed\n");
    CHECK_JSON(&spec, columns, "{\"req\":{\"rows\":[{\"x\":1},}]}", "100 BAD malformed\n");
    CHECK_JSON(&spec, columns, "{\"req\":{\"rows\":[{\"x\":1},{\"x\":\"\xff\"}]}}",
               "100 BAD utf8\n");
    CHECK_JSON(&spec, columns, "{\"req\":{\"rows\":[{\"x\":1}]},\"req\":{}}", "");
    CHECK_JSON(&spec, columns, "{\"req\":{\"rows\":[1,[2],\"s\",null,true]}}",
               "100 <absent> <absent> <absent> <absent>\n100 <absent> <absent> <absent> <absent>\n"
               "100 <absent> <absent> <absent> <absent>\n100 <absent> <absent> <absent> <absent>\n"
               "100 <absent> <absent> <absent> <absent>\n");
}

static void ids_of_their_own_stay_as_they_are(void)
{
    const struct dg_source_spec spec = {.instances = (char *)(uintptr_t) "/rows"};
    CHECK_JSON(&spec, "t:id= n:x",
               "{\"rows\":[{\"id\":\"a\",\"x\":1},{\"id\":\"b\"}],\"id\":\"z\"}",
               "100 'a' 1\n100 'b' <absent>\n");
    CHECK_JSON(&spec, "t:@offset= n:x", "{\"rows\":[{\"x\":1},{\"x\":2}]}",
               "100 '100#0' 1\n100 '100#1' 2\n");
    const struct dg_source_spec one = {0};
    CHECK_JSON(&one, "t:@offset= n:^/x", "{\"x\":1}", "100 '100' 1\n");
}

static void arrays_beside_the_instances_go_along(void)
{
    const struct dg_source_spec spec = {.preset = (char *)(uintptr_t) "kserve"};
    CHECK_JSON(
        &spec, "n:/0 n:/1 n:^/predictions/# t:^/model_name",
        "{\"predictions\":[0.5,0.25],\"instances\":[[1,2],[3,4],[5,6]],\"model_name\":\"m\"}",
        "100 1 2 0.5 'm'\n100 3 4 0.25 'm'\n100 5 6 <absent> 'm'\n");
    CHECK_JSON(&spec, "n:age n:^/predictions/#/p/1 t:^/predictions/#/l",
               "{\"instances\":[{\"age\":30},{\"age\":40}],\"predictions\":[{\"p\":[0.1,0.9],\"l\":"
               "\"y\"},{\"p\":[0.2]}]}",
               "100 30 0.90000000000000002 'y'\n100 40 <absent> <absent>\n");
    CHECK_JSON(&spec, "n:age n:^/predictions/#", "{\"instances\":[{\"age\":3}],\"predictions\":{}}",
               "100 3 <absent>\n");
    const struct dg_source_spec answers = {.preset = (char *)(uintptr_t) "kserve",
                                           .instances = (char *)(uintptr_t) "/predictions"};
    CHECK_JSON(&answers, "n:^/predictions/#", "{\"predictions\":[0.5,\"x\"]}",
               "100 0.5\n100 <unparsable>\n");
}

static void many_instances_with_texts_find_room(void)
{
    enum { N = 3000 };
    const struct dg_source_spec spec = {.instances = (char *)(uintptr_t) "/r"};
    char *value = malloc(N * 4 + 3000), *w = value;
    w += sprintf(w, "{\"id\":\"");
    memset(w, 'i', 2000);
    w += 2000;
    w += sprintf(w, "\",\"r\":[1");
    for (int i = 1; i < N; i++) {
        w += sprintf(w, ",%d", i % 7);
    }
    strcpy(w, "]}");
    struct records r = {0};
    record_text(&r, "{\"id\":\"a\",\"r\":[4]}");
    record_text(&r, value);
    record_text(&r, "{\"id\":\"b\",\"r\":[5]}");
    char *got = records_read(&spec, NULL, NULL, "t:^/id= n:^/r/# t:@offset", &r, NULL);
    size_t rows = 0;
    for (const char *p = got; (p = strstr(p, "\n101 [")) != NULL; p++) {
        rows++;
    }
    CHECK_INT(rows + 0, N - (strncmp(got, "101", 3) == 0));
    CHECK(strncmp(got, "100 'a#0' 4 '100'\n", 18) == 0);
    CHECK(strstr(got, "\n102 'b#0' 5 '102'\n") != NULL);
    free(got);
    free(value);
}

static void of_a_bad_record_no_column_is_looked_at(void)
{
    const struct dg_source_spec spec = {.instances = (char *)(uintptr_t) "/r"};
    struct records r = {0};
    record_text(&r, "{\"r\":[1,2],\"id\":\"a\"}");
    for (int i = 0; i < 30; i++) { /* the batch's memory is what the allocator gives */
        record_text(&r, i % 2 ? "{\"x\":" : "{\"r\":[1],\"id\":\"b\"}");
    }
    char *got = records_read(&spec, NULL, NULL, "t:^/id= n:^/r/# t:@offset", &r, NULL);
    CHECK(strncmp(got,
                  "100 'a#0' 1 '100'\n100 'a#1' 2 '100'\n101 'b#0' 1 '101'\n102 BAD malformed\n",
                  72) == 0);
    free(got);
}

static void too_many_instances_are_one_bad_record(void)
{
    enum { N = 65537 };
    const struct dg_source_spec spec = {.instances = (char *)(uintptr_t) "/r"};
    char *value = malloc(2 * N + 100), *w = value;
    w += sprintf(w, "{\"r\":[1");
    for (int i = 1; i < N; i++) {
        *w++ = ',';
        *w++ = '1';
    }
    strcpy(w, "]}");
    CHECK_JSON(&spec, "n:^/r/#", value, "100 BAD too_large\n");
    free(value);
}

/* ---- presets ------------------------------------------------------------------------------- */

static void tensors_of_open_inference_are_turned_into_rows(void)
{
    const struct dg_source_spec spec = {.preset = (char *)(uintptr_t) "open_inference"};
    const char *const columns = "t:^/id= n:age t:job n:/px/2 n:score";
    CHECK_JSON(
        &spec, columns,
        "{\"id\":\"r\",\"inputs\":[{\"name\":\"age\",\"shape\":[2],\"datatype\":\"FP64\","
        "\"data\":[31, 4.5e1]},{\"name\":\"job\",\"shape\":[2,1],\"datatype\":\"BYTES\","
        "\"data\":[\"a\\\"b\",\"c\"]},{\"name\":\"px\",\"shape\":[2,3],\"datatype\":\"INT8\","
        "\"data\":[[1,2,3],[4,5,6]]}],\"outputs\":[{\"data\":[0.5,0.25],\"shape\":[2],"
        "\"name\":\"score\"}]}",
        "100 'r#0' 31 'a\"b' 3 0.5\n100 'r#1' 45 'c' 6 0.25\n");
    CHECK_JSON(&spec, columns,
               "{\"inputs\":[{\"name\":\"px\",\"shape\":[2,3],\"data\":[1,2,3,4,5,6]}]}",
               "100 <absent> <absent> <absent> 3 <absent>\n"
               "100 <absent> <absent> <absent> 6 <absent>\n");
    CHECK_JSON(&spec, columns, "{\"inputs\":[]}", "");
    CHECK_JSON(&spec, columns, "{\"ready\":true}", "");
    CHECK_JSON(&spec, columns, "{\"inputs\":[{\"name\":\"age\",\"shape\":[0],\"data\":[]}]}", "");
    static const char *const bad[] = {
        "{\"inputs\":{}}",
        "{\"inputs\":[3]}",
        "{\"inputs\":[{\"shape\":[1],\"data\":[1]}]}",
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[2],\"data\":[1]}]}",
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"data\":[1,2]}]}",
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[-1],\"data\":[1]}]}",
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[1.5],\"data\":[1]}]}",
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"data\":[{}]}]}",
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[1]}]}",
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[2,9223372036854775807,3],\"data\":[1]}]}",
        ("{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"data\":[1]},{\"name\":\"b\",\"shape\":[2],"
         "\"data\":[1,2]}]}"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_JSON(&spec, columns, bad[i], "100 BAD malformed\n");
    }
    CHECK_JSON(&spec, columns, "{\"inputs\":[{\"name\":\"a\",\"shape\":[65537],\"data\":[]}]}",
               "100 BAD too_large\n");
}

static void rows_of_seldon_get_their_names(void)
{
    const struct dg_source_spec spec = {.preset = (char *)(uintptr_t) "seldon"};
    CHECK_JSON(&spec, "n:a t:b t:^/meta/puid",
               "{\"meta\":{\"puid\":\"p\"},\"data\":{\"ndarray\":[[1,\"x\"],[2,null]],\"names\":"
               "[\"a\",\"b\"]}}",
               "100 1 'x' 'p'\n100 2 <null> 'p'\n");
    CHECK_JSON(
        &spec, "n:a n:b",
        "{\"data\":{\"names\":[\"a\",\"b\"],\"tensor\":{\"shape\":[2,2],\"values\":[1,2,3,4]}"
        "}}",
        "100 1 2\n100 3 4\n");
    CHECK_JSON(&spec, "n:/1", "{\"data\":{\"ndarray\":[[1,2],[3,4,5]]}}", "100 2\n100 4\n");
    CHECK_JSON(&spec, "n:/1", "{\"data\":{\"ndarray\":[7,8]}}", "100 8\n");
    CHECK_JSON(&spec, "n:a", "{\"data\":{\"names\":[\"a\"],\"ndarray\":[[7,8]]}}", "100 7\n");
    CHECK_JSON(&spec, "n:a", "{\"data\":{\"names\":[],\"ndarray\":[]}}", "");
    CHECK_JSON(&spec, "n:a", "{\"status\":{}}", "");
    static const char *const bad[] = {
        "{\"data\":{\"ndarray\":5}}",
        "{\"data\":{\"ndarray\":[[1],2]}}",
        "{\"data\":{\"ndarray\":[[{}]]}}",
        "{\"data\":{\"names\":[1],\"ndarray\":[[1]]}}",
        "{\"data\":{\"tensor\":{\"shape\":[2,2],\"values\":[1,2,3]}}}",
        "{\"data\":{\"tensor\":{\"shape\":[1,2],\"values\":[1,2,3]}}}",
        "{\"data\":{\"tensor\":{\"values\":[1]}}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_JSON(&spec, "n:a n:/0", bad[i], "100 BAD malformed\n");
    }
}

#define CAPTURE(input, output)                                                                     \
    "{\"captureData\":{\"endpointInput\":" input ",\"endpointOutput\":" output                     \
    "},\"eventMetadata\":{\"eventId\":\"e\",\"inferenceTime\":\"1970-01-01T00:00:09Z\"}}"
#define DATA(type, encoding, data)                                                                 \
    "{\"observedContentType\":\"" type "\",\"mode\":\"INPUT\",\"data\":\"" data                    \
    "\",\"encoding\":\"" encoding "\"}"

static void captured_calls_of_sagemaker_are_pairs_of_lines(void)
{
    const struct dg_source_spec spec = {.preset = (char *)(uintptr_t) "sagemaker"};
    const char *const columns = "t:^/eventMetadata/eventId= T:^/eventMetadata/inferenceTime "
                                "n:/input/0 t:/input/1 n:/output/0";
    CHECK_JSON(
        &spec, columns,
        CAPTURE(DATA("text/csv", "CSV", "1.5,\\\"a, \\\"\\\"b\\\"\\\"\\\"\\n2, x \\r\\n\\n3,"),
                DATA("text/csv", "CSV", "0.25\\n0.5\\n0.75\\n")),
        "100 'e#0' 9000000 1.5 'a, \"b\"' 0.25\n100 'e#1' 9000000 2 'x' 0.5\n"
        "100 'e#2' 9000000 3 <null> 0.75\n");
    CHECK_JSON(&spec, columns,
               CAPTURE(DATA("text/csv", "BASE64", "MSxhCjIsYg=="), DATA("text/csv", "CSV", "7")),
               "100 'e#0' 9000000 1 'a' 7\n100 'e#1' 9000000 2 'b' <absent>\n");
    CHECK_JSON(&spec, "n:/input/age n:/output/score",
               CAPTURE(DATA("application/json", "JSON",
                            "{\\\"instances\\\":[{\\\"age\\\":3},{\\\"age\\\":4}]}"),
                       DATA("application/jsonlines", "JSON",
                            "{\\\"score\\\":0.1}\\n{\\\"score\\\":0.2}\\n")),
               "100 3 0.10000000000000001\n100 4 0.20000000000000001\n");
    CHECK_JSON(&spec, "n:/input/age n:/output/0",
               CAPTURE(DATA("application/json", "JSON", "{\\\"age\\\":5}"),
                       DATA("application/json", "JSON", "{\\\"predictions\\\":[[0.5,1]]}")),
               "100 5 0.5\n");
    CHECK_JSON(&spec, "n:/output/0", CAPTURE("null", DATA("text/csv", "CSV", "0.25")),
               "100 0.25\n");
    CHECK_JSON(&spec, "n:/output/0", "{\"groundTruthData\":{}}", "");
    CHECK_JSON(&spec, "n:/input/0", CAPTURE(DATA("text/csv", "CSV", ""), "null"), "");
    static const char *const bad[] = {
        CAPTURE("5", "null"),
        CAPTURE("{}", "null"),
        CAPTURE(DATA("text/csv", "CSV", "\\\"open"), "null"),
        CAPTURE(DATA("application/json", "JSON", "{oops}"), "null"),
        CAPTURE(DATA("image/png", "BASE64", "MSxh"), "null"),
        CAPTURE(DATA("text/csv", "BASE64", "MSx"), "null"),
        CAPTURE(DATA("text/csv", "BASE64", "/////w=="), "null"),
        CAPTURE(DATA("text/csv", "ZIP", "1"), "null"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_JSON(&spec, "n:/input/0", bad[i], "100 BAD malformed\n");
    }
}

static void a_json_text_within_one_may_be_too_deep(void)
{
    const struct dg_source_spec spec = {.preset = (char *)(uintptr_t) "sagemaker"};
    char value[1000], *w = value;
    w += sprintf(w, "{\"captureData\":{\"endpointInput\":{\"encoding\":\"JSON\",\"data\":\"");
    w += sprintf(w, "{\\\"a\\\":");
    memset(w, '[', 63);
    memset(w + 63, ']', 63);
    strcpy(w + 126, "}\"}}}");
    CHECK_JSON(&spec, "n:/input/0", value, "100 BAD malformed\n");
}

static void the_canonical_event_is_plain(void)
{
    const struct dg_source_spec spec = {.preset = (char *)(uintptr_t) "canonical"};
    CHECK_JSON(
        &spec, "t:event_id= T:ts n:/features/age n:/prediction/value",
        "{\"event_id\":\"e\",\"ts\":1,\"features\":{\"age\":31},\"prediction\":{\"value\":0.5}"
        "}",
        "100 'e' 1000000 31 0.5\n");
}

/* ---- Avro ---------------------------------------------------------------------------------- */

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"E\",\"namespace\":\"io.x\",\"doc\":\"d\",\"fields\":["
    "{\"name\":\"x\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"c\",\"type\":{\"type\":\"enum\",\"name\":\"C\",\"symbols\":[\"A\",\"B\"]}},"
    "{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}";

static void put_event(struct ocf_bytes *b, const double *x, int64_t symbol, int64_t ms)
{
    ocf_bytes_long(b, x != NULL);
    if (x != NULL) {
        ocf_bytes_double(b, *x);
    }
    ocf_bytes_long(b, symbol);
    ocf_bytes_long(b, ms);
}

static void bare_avro_is_read_by_the_schema_of_the_file(void)
{
    const char *const path = input_write("e.avsc", schema, strlen(schema));
    const struct dg_source_spec spec = {.kind = DG_RECORD_AVRO, .framing = DG_FRAMING_BARE};
    const double x = 2.385;
    struct ocf_bytes b = {0};
    struct records r = {0};
    put_event(&b, &x, 1, 1500);
    const size_t one = b.len;
    put_event(&b, NULL, 0, 2500);
    record_add(&r, b.data, one);
    record_add(&r, b.data + one, b.len - one);
    record_add(&r, b.data, b.len);   /* bytes behind the datum */
    record_add(&r, b.data, one - 1); /* cut off */
    record_add(&r, b.data, 0);       /* nothing */
    record_add(&r, "\x04", 1);       /* no such branch */
    record_add(&r, b.data, one);
    records_check(__FILE__, __LINE__, &spec, path, "n:x t:c T:t i:@offset", &r,
                  "100 2.3849999999999998 'B' 1500000 100\n101 <null> 'A' 2500000 101\n"
                  "102 BAD malformed\n103 BAD truncated\n104 BAD truncated\n105 BAD malformed\n"
                  "106 2.3849999999999998 'B' 1500000 106\n");
    remove(path);
    ocf_bytes_free(&b);
}

static void single_objects_are_known_by_their_fingerprint(void)
{
    static const char canonical[] =
        "{\"name\":\"io.x.E\",\"type\":\"record\",\"fields\":[{\"name\":\"x\",\"type\":[\"null\","
        "\"double\"]},{\"name\":\"c\",\"type\":{\"name\":\"io.x.C\",\"type\":\"enum\",\"symbols\":["
        "\"A\",\"B\"]}},{\"name\":\"t\",\"type\":\"long\"}]}";
    const char *const path = input_write("e.avsc", schema, strlen(schema));
    const struct dg_source_spec spec = {0};
    const uint64_t fingerprint = dg_avro_crc64(canonical, strlen(canonical));
    struct ocf_bytes b = {0};
    struct records r = {0};
    ocf_bytes_put(&b, "\xc3\x01", 2);
    ocf_bytes_put(&b, &fingerprint, 8);
    put_event(&b, NULL, 1, 1500);
    record_add(&r, b.data, b.len);
    uint8_t *other = malloc(b.len);
    memcpy(other, b.data, b.len);
    other[5] ^= 1;
    record_add(&r, other, b.len);
    record_add(&r, b.data, 9);
    record_add(&r, b.data + 10, b.len - 10); /* bare */
    records_check(__FILE__, __LINE__, &spec, path, "n:x t:c T:t", &r,
                  "100 <null> 'B' 1500000\n101 BAD schema\n102 BAD malformed\n"
                  "103 <null> 'B' 1500000\n");
    remove(path);
    free(other);
    ocf_bytes_free(&b);
}

static void fingerprints_are_the_specifications(void)
{
    static const struct {
        const char *text;
        uint64_t crc;
    } known[] = {{"\"int\"", UINT64_C(0x7275d51a3f395c8f)},
                 {"\"null\"", UINT64_C(0x63dd24e7cc258f8a)},
                 {"\"string\"", UINT64_C(0x8f014872634503c7)}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        CHECK(dg_avro_crc64(known[i].text, strlen(known[i].text)) == known[i].crc);
    }
    static const struct {
        const char *text, *canonical;
    } forms[] = {
        {"{\"type\":\"long\",\"logicalType\":\"date\"}", "\"long\""},
        {"{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"bytes\"}}",
         "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"bytes\"}}"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"a.b\",\"size\":16,\"aliases\":[\"G\"]"
         "}",
         "{\"name\":\"a.b.F\",\"type\":\"fixed\",\"size\":16}"},
        {"{\"type\":\"record\",\"name\":\"n.L\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\","
         "\"L\"]}]}",
         "{\"name\":\"n.L\",\"type\":\"record\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\","
         "\"n.L\"]}]}"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct dg_avro_schema *s = NULL;
        char *text = NULL;
        size_t len = 0;
        CHECK_INT(dg_avro_schema_parse(forms[i].text, strlen(forms[i].text), &s, NULL), 0);
        CHECK_INT(dg_avro_canonical(dg_avro_schema_root(s), &text, &len), 0);
        CHECK_STR(text, forms[i].canonical);
        CHECK_INT(len, strlen(forms[i].canonical));
        free(text);
        dg_avro_schema_free(s);
    }
}

static void instances_of_avro_are_elements_of_an_array(void)
{
    static const char nested[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
        "{\"name\":\"req\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Q\",\"fields\":["
        "{\"name\":\"pad\",\"type\":\"bytes\"},{\"name\":\"rows\",\"type\":{\"type\":\"array\","
        "\"items\":{\"type\":\"record\",\"name\":\"Row\",\"fields\":[{\"name\":\"x\",\"type\":"
        "\"double\"},{\"name\":\"k\",\"type\":\"long\"}]}}}]}]},"
        "{\"name\":\"scores\",\"type\":{\"type\":\"array\",\"items\":\"float\"}}]}";
    const char *const path = input_write("n.avsc", nested, strlen(nested));
    const struct dg_source_spec spec = {.kind = DG_RECORD_AVRO,
                                        .framing = DG_FRAMING_BARE,
                                        .instances = (char *)(uintptr_t) "/req/rows"};
    struct ocf_bytes b = {0};
    ocf_bytes_string(&b, "q", 1);
    ocf_bytes_long(&b, 1);
    ocf_bytes_string(&b, "pp", 2);
    ocf_bytes_long(&b, 1); /* two blocks, the second with its size */
    ocf_bytes_double(&b, 1.5);
    ocf_bytes_long(&b, 11);
    ocf_bytes_long(&b, -2);
    const size_t size_at = b.len;
    ocf_bytes_long(&b, 18);
    ocf_bytes_double(&b, 2.5);
    ocf_bytes_long(&b, 12);
    ocf_bytes_double(&b, 3.5);
    ocf_bytes_long(&b, 13);
    ocf_bytes_long(&b, 0);
    ocf_bytes_long(&b, 2);
    ocf_bytes_float(&b, 0.25F);
    ocf_bytes_float(&b, 0.75F);
    ocf_bytes_long(&b, 0);
    struct records r = {0};
    record_add(&r, b.data, b.len);
    const size_t whole = b.len;
    ocf_bytes_string(&b, "e", 1);
    ocf_bytes_long(&b, 0);
    ocf_bytes_long(&b, 0);
    record_add(&r, b.data + whole, b.len - whole); /* the branch without rows */
    uint8_t *wrong = malloc(whole + 1);            /* a block that is longer than its two items */
    const size_t block_end = size_at + 1 + 18;
    memcpy(wrong, b.data, block_end);
    wrong[size_at] = 2 * 19;
    wrong[block_end] = 0;
    memcpy(wrong + block_end + 1, b.data + block_end, whole - block_end);
    record_add(&r, wrong, whole + 1);
    records_check(__FILE__, __LINE__, &spec, path, "t:^/id= n:x t:k n:^/scores/# t:@partition", &r,
                  "100 'q#0' 1.5 '11' 0.25 '3'\n100 'q#1' 2.5 '12' 0.75 '3'\n"
                  "100 'q#2' 3.5 '13' <absent> '3'\n102 BAD malformed\n");
    remove(path);
    free(wrong);
    ocf_bytes_free(&b);
}

static void what_cannot_be_used_is_said_at_once(void)
{
    struct records r = {0};
    record_text(&r, "{}");
    char *got = records_read(&plain, "/nonexistent/e.avsc", NULL, "n:x", &r, NULL);
    CHECK_STR(got, "CANNOT: cannot read the Avro schema /nonexistent/e.avsc: No such file or "
                   "directory");
    free(got);
    const char *const path = input_write("bad.avsc", "{\"type\":\"rec\"}", 14);
    got = records_read(&plain, path, NULL, "n:x", &r, NULL);
    CHECK(strncmp(got, "CANNOT: ", 8) == 0 && strstr(got, path) != NULL);
    free(got);
    remove(path);
    got = records_read(&plain, NULL, NULL, "n:/a~", &r, NULL);
    CHECK(strstr(got, "is not a JSON pointer") != NULL);
    free(got);
}

static void another_kind_of_record_begins_another_batch(void)
{
    const char *const path = input_write("e.avsc", schema, strlen(schema));
    const struct dg_source_spec spec = {.kind = DG_RECORD_AUTO, .framing = DG_FRAMING_AUTO};
    struct ocf_bytes b = {0};
    struct records r = {0};
    put_event(&b, NULL, 1, 1500);
    record_add(&r, b.data, b.len);
    record_add(&r, "\0\0\0\0\7abc", 8); /* no registry: bad, in whatever batch */
    record_add(&r, b.data, b.len);
    records_check(__FILE__, __LINE__, &spec, path, "n:x t:c T:t", &r,
                  "100 <null> 'B' 1500000\n101 BAD schema\n102 <null> 'B' 1500000\n");
    remove(path);
    ocf_bytes_free(&b);
    const struct dg_source_spec framed = {.kind = DG_RECORD_JSON, .framing = DG_FRAMING_CONFLUENT};
    r.n = 0;
    record_add(&r, "\0\0\0\0\7{\"x\":1}", 12);
    record_text(&r, "{\"x\":1}");
    records_check(__FILE__, __LINE__, &framed, NULL, "n:x", &r, "100 1\n101 BAD malformed\n");
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(one_record_is_one_row),
        CASE(bad_records_are_rows_with_a_reason_and_others_are_not_harmed),
        CASE(deep_and_large_records_are_refused), CASE(a_tombstone_is_no_row_but_counted),
        CASE(without_its_time_a_record_is_bad), CASE(fields_beside_the_value_fill_columns),
        CASE(a_key_that_is_json_has_fields), CASE(text_beside_the_value_must_be_utf8),
        CASE(where_a_record_is_fills_the_columns_of_files_that_say_it),
        CASE(each_element_is_an_event), CASE(ids_of_their_own_stay_as_they_are),
        CASE(arrays_beside_the_instances_go_along), CASE(many_instances_with_texts_find_room),
        CASE(of_a_bad_record_no_column_is_looked_at), CASE(too_many_instances_are_one_bad_record),
        CASE(tensors_of_open_inference_are_turned_into_rows), CASE(rows_of_seldon_get_their_names),
        CASE(captured_calls_of_sagemaker_are_pairs_of_lines),
        CASE(a_json_text_within_one_may_be_too_deep), CASE(the_canonical_event_is_plain),
        CASE(bare_avro_is_read_by_the_schema_of_the_file),
        CASE(single_objects_are_known_by_their_fingerprint),
        CASE(fingerprints_are_the_specifications), CASE(instances_of_avro_are_elements_of_an_array),
        CASE(what_cannot_be_used_is_said_at_once),
        CASE(another_kind_of_record_begins_another_batch));
}
