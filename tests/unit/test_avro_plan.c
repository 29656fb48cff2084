/* Goal: what the random schemas of test_avro_differential.c cannot show: news, time formats, odd
 * paths, and the limits of a plan.
 * Method: containers of a few records, read through the file source. */
#include "connectors/avro_plan.h"
#include "tests/input_text.h"
#include "tests/support/avro_writer.h"

#include <errno.h>

/* The rows of `n` records with this content, after the columns. */
static void check_rows(const char *schema, const struct ocf_bytes *content, int64_t n,
                       const char *columns, const char *want)
{
    struct ocf_writer *w = ocf_open(NULL, schema, "null", 1 << 20);
    ocf_bytes_put(&w->block, content->data, content->len);
    w->records = n;
    struct ocf_bytes file = ocf_finish(w);
    input_check("t.avro", (const char *)file.data, file.len, columns, NULL, want);
    ocf_bytes_free(&file);
}

static int compile(const char *schema, const char *path, struct dg_error *err)
{
    struct dg_field field = {.path = path};
    const struct dg_projection projection = {.field = &field, .n = 1};
    struct dg_avro_schema *s;
    struct dg_avro_plan *plan;
    CHECK_INT(dg_avro_schema_parse(schema, strlen(schema), &s, err), 0);
    const int rc = dg_avro_plan_compile(dg_avro_schema_root(s), &projection, &plan, err);
    if (rc == 0) {
        dg_avro_plan_free(plan);
    }
    dg_avro_schema_free(s);
    return rc;
}

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

static void unplanned_fields_are_news_unless_ignored(void)
{
    struct ocf_bytes b = {0};
    for (int i = 0; i < 3; i++) {
        ocf_bytes_long(&b, i);
    }
    ocf_bytes_long(&b, 0);
    const char *schema = RECORD(FIELD("a", "\"int\"") "," FIELD("b", "\"int\"") "," FIELD(
        "c", "\"int\"") "," FIELD("d", "{\"type\":\"map\",\"values\":\"int\"}"));
    check_rows(schema, &b, 1, "n:b", "0 1 +a +c +d\n");
    check_rows(schema, &b, 1, "n:b -a", "0 1 +c +d\n");
    check_rows(schema, &b, 1, "n:/b n:/d/x", "0 1 <absent> +a +c\n");
    check_rows(schema, &b, 1, "n:gone n:/c -a -b -d", "0 <absent> 2\n");
    ocf_bytes_free(&b);
}

static void more_news_than_can_be_named_are_one_bit(void)
{
    char schema[8192] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[";
    char want[1024] = "0 <null>";
    for (int i = 0; i < 66; i++) {
        sprintf(schema + strlen(schema), "%s{\"name\":\"f%d\",\"type\":\"null\"}", i > 0 ? "," : "",
                i);
        if (i > 0 && i < 64) {
            sprintf(want + strlen(want), " +f%d", i);
        }
    }
    strcat(schema, "]}");
    strcat(want, " +more\n");
    const struct ocf_bytes none = {0};
    check_rows(schema, &none, 1, "n:f0", want);
}

static void one_field_may_feed_several_columns(void)
{
    struct ocf_bytes b = {0};
    ocf_bytes_long(&b, 2);
    ocf_bytes_string(&b, "1772366400", 10);
    ocf_bytes_double(&b, 2.5);
    ocf_bytes_long(&b, 1);
    ocf_bytes_long(&b, 17);
    ocf_bytes_double(&b, -0.0);
    ocf_bytes_long(&b, 0);
    ocf_bytes_double(&b, 7);
    const char *schema =
        RECORD(FIELD("a", "[\"null\",\"long\",\"string\"]") "," FIELD("b", "\"double\""));
    check_rows(schema, &b, 3, "n:a t:a i:a x:a t:b n:b n:/a/deeper t:/b/deeper",
               "0 1772366400 '1772366400' 1772366400 1772366400000000 '2.5' 2.5 <absent> <absent>\n"
               "1 17 '17' 17 17000000 '0' -0 <absent> <absent>\n"
               "2 <null> <null> <none> <none> '7' 7 <absent> <absent>\n");
    ocf_bytes_free(&b);
}

static void the_last_of_equal_keys_counts(void)
{
    struct ocf_bytes b = {0};
    ocf_bytes_long(&b, 2);
    ocf_bytes_string(&b, "k", 1);
    ocf_bytes_double(&b, 1.5);
    ocf_bytes_string(&b, "k", 1);
    ocf_bytes_double(&b, 2.5);
    ocf_bytes_long(&b, 1);
    ocf_bytes_string(&b, "", 0);
    ocf_bytes_double(&b, 3.5);
    ocf_bytes_long(&b, 0);
    check_rows(RECORD(FIELD("m", "{\"type\":\"map\",\"values\":\"double\"}")), &b, 1,
               "n:/m/k t:/m/k n:/m/ n:/m/no n:m", "0 2.5 '2.5' 3.5 <absent> <unparsable>\n");
    ocf_bytes_free(&b);
}

static void array_items_are_found_across_blocks(void)
{
    struct ocf_bytes b = {0};
    ocf_bytes_long(&b, 2);
    ocf_bytes_long(&b, 10);
    ocf_bytes_long(&b, 11);
    ocf_bytes_long(&b, -3);
    ocf_bytes_long(&b, 3);
    for (int i = 12; i < 15; i++) {
        ocf_bytes_long(&b, i);
    }
    ocf_bytes_long(&b, 0);
    check_rows(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"int\"}")), &b, 1,
               "n:/a/4 n:/a/0 n:/a/2 n:/a/5 n:/a/02 n:/a/- n:/a/x n:/a/99999999999 n:/a/1",
               "0 14 10 12 <absent> <absent> <absent> <absent> <absent> 11\n");
    ocf_bytes_free(&b);
}

static int64_t time_of(const char *type, enum dg_time_format format, const struct ocf_bytes *b)
{
    char schema[256];
    snprintf(schema, sizeof schema, RECORD(FIELD("t", "%s")), type);
    struct dg_field field = {.path = "t", .type = DG_FIELD_TIME, .time_format = format};
    const struct dg_projection projection = {.field = &field, .n = 1};
    struct dg_avro_schema *s;
    struct dg_avro_plan *plan;
    struct dg_batch batch;
    struct dg_error err;
    enum dg_reason why;
    const uint8_t *p = b->data;
    int64_t us = -1;
    CHECK_INT(dg_avro_schema_parse(schema, strlen(schema), &s, &err), 0);
    CHECK_INT(dg_avro_plan_compile(dg_avro_schema_root(s), &projection, &plan, &err), 0);
    CHECK_INT(dg_batch_init(&batch, &projection, &err), 0);
    CHECK_INT(dg_avro_plan_reserve(plan, &batch, 1, 0), 0);
    if (dg_avro_plan_decode(plan, &p, b->data + b->len, 1, 0, &batch, &why) == 1) {
        us = batch.column[0].integer[0];
    }
    dg_batch_deinit(&batch);
    dg_avro_plan_free(plan);
    dg_avro_schema_free(s);
    return us;
}

static void times_follow_the_schema_then_the_configuration(void)
{
    const char *millis = "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}";
    const char *nanos = "{\"type\":\"long\",\"logicalType\":\"local-timestamp-nanos\"}";
    struct ocf_bytes b = {0};
    ocf_bytes_long(&b, 1772366400);
    CHECK_INT(time_of("\"long\"", DG_TIME_AUTO, &b), 1772366400000000);
    CHECK_INT(time_of("\"long\"", DG_TIME_UNIX_MS, &b), 1772366400000);
    CHECK_INT(time_of("\"long\"", DG_TIME_RFC3339, &b), DG_TIME_NONE);
    CHECK_INT(time_of(millis, DG_TIME_AUTO, &b), 1772366400000);
    CHECK_INT(time_of(millis, DG_TIME_RFC3339, &b), 1772366400000);
    CHECK_INT(time_of(millis, DG_TIME_UNIX_S, &b), 1772366400000000);
    CHECK_INT(time_of(nanos, DG_TIME_AUTO, &b), 1772366);
    b.len = 0;
    ocf_bytes_long(&b, -1);
    CHECK_INT(time_of(nanos, DG_TIME_AUTO, &b), -1);
    CHECK_INT(time_of("{\"type\":\"int\",\"logicalType\":\"date\"}", DG_TIME_AUTO, &b),
              -INT64_C(86400000000));
    b.len = 0;
    ocf_bytes_long(&b, INT64_MAX);
    CHECK_INT(time_of(millis, DG_TIME_AUTO, &b), DG_TIME_NONE);
    b.len = 0;
    ocf_bytes_double(&b, 1772366400.25);
    CHECK_INT(time_of("\"double\"", DG_TIME_UNIX_S, &b), 1772366400250000);
    b.len = 0;
    ocf_bytes_string(&b, "2026-03-01T12:00:00.5Z", 22);
    CHECK_INT(time_of("\"string\"", DG_TIME_AUTO, &b), 1772366400500000);
    ocf_bytes_free(&b);
}

static void boxes_in_the_data_are_plain_nan(void)
{
    struct ocf_bytes b = {0};
    for (int kind = DG_ABSENT; kind <= DG_UNPARSABLE; kind++) {
        if (kind != DG_NAN && kind != DG_POS_INF && kind != DG_NEG_INF) {
            ocf_bytes_double(&b, dg_box((enum dg_triage)kind));
        }
    }
    check_rows(RECORD(FIELD("x", "\"double\"")), &b, 3, "n:x", "0 <nan>\n1 <nan>\n2 <nan>\n");
    ocf_bytes_free(&b);
}

static void paths_that_are_no_pointers_are_refused(void)
{
    struct dg_error err;
    const char *schema = RECORD(FIELD("a", "\"int\""));
    CHECK_INT(compile(schema, "/a~2", &err), EINVAL);
    CHECK(strstr(err.message, "\"/a~2\" is not a JSON pointer") != NULL);
    CHECK_INT(compile(schema, "a~2", &err), 0);
    char path[200] = "";
    for (int i = 0; i < DG_AVRO_PATH_MAX; i++) {
        strcat(path, "/a");
    }
    CHECK_INT(compile(schema, path, &err), 0);
    strcat(path, "/a");
    CHECK_INT(compile(schema, path, &err), EINVAL);
}

/* Records that each offer the next one twice: every step doubles the plan. */
static void a_plan_has_a_limit(void)
{
    static char schema[8192];
    char path[128] = "/d0";
    strcpy(schema, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" FIELD(
                       "d22", "{\"type\":\"record\",\"name\":\"N22\",\"fields\":[" FIELD(
                                  "x", "\"double\"") "]}"));
    for (int i = 21; i >= 0; i--) {
        sprintf(schema + strlen(schema),
                ",{\"name\":\"d%d\",\"type\":{\"type\":\"record\",\"name\":\"N%d\",\"fields\":["
                "{\"name\":\"x\",\"type\":[\"N%d\",\"N%d\"]}]}}",
                i, i, i + 1, i + 1);
        strcat(path, "/x");
    }
    strcat(schema, "]}");
    struct dg_error err;
    CHECK_INT(compile(schema, "/d20/x/x/x", &err), 0);
    strcat(path, "/x");
    CHECK_INT(compile(schema, path, &err), EFBIG);
    CHECK(strstr(err.message, "unions of records multiply") != NULL);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(unplanned_fields_are_news_unless_ignored),
        CASE(more_news_than_can_be_named_are_one_bit), CASE(one_field_may_feed_several_columns),
        CASE(the_last_of_equal_keys_counts), CASE(array_items_are_found_across_blocks),
        CASE(times_follow_the_schema_then_the_configuration), CASE(boxes_in_the_data_are_plain_nan),
        CASE(paths_that_are_no_pointers_are_refused), CASE(a_plan_has_a_limit));
}
