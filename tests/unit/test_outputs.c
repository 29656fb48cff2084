/* tests/unit/test_outputs.c -- do CSV and JSON say exactly what the rows said? Method: play a
 * made-up run into each output, parse the text with an independent reader (jansson, a small CSV
 * reader) and compare every field of every row with the table of fields. */
#include "connectors/output.h"
#include "connectors/sink_fan.h"
#include "engine/json_text.h"
#include "engine/result_fields.h"
#include "tests/unit/play.h"

#include <errno.h>
#include <jansson.h>

static char *play_into(int (*make)(const struct dg_output *, struct dg_sink **, struct dg_error *),
                       size_t *len)
{
    char *text = NULL;
    struct dg_error err = {{0}};
    const struct dg_output output = {open_memstream(&text, len), "memory"};
    struct dg_sink *sink = NULL;
    CHECK_INT(make(&output, &sink, &err), 0);
    CHECK_INT(play(sink, &err), 0);
    sink->ops->close(sink);
    fclose(output.stream);
    return text;
}

static int make_csv_series(const struct dg_output *o, struct dg_sink **out, struct dg_error *err)
{
    return dg_output_csv_new(o, DG_OUTPUT_SERIES, out, err);
}

static int make_csv_slices(const struct dg_output *o, struct dg_sink **out, struct dg_error *err)
{
    return dg_output_csv_new(o, DG_OUTPUT_SLICES, out, err);
}

/* One value of RFC 4180; *at moves behind its comma or line end. */
static void read_csv_value(const char **at, char *out, size_t size)
{
    const char *c = *at;
    size_t n = 0;
    const bool quoted = *c == '"';
    c += quoted;
    while (*c != '\0' && (quoted || (*c != ',' && *c != '\n'))) {
        if (quoted && *c == '"') {
            if (c[1] != '"') {
                c++;
                break;
            }
            c++;
        }
        CHECK(n + 1 < size);
        out[n++] = *c++;
    }
    out[n] = '\0';
    CHECK(*c == ',' || *c == '\n');
    *at = c + 1;
}

static void check_csv_row(const char **at, const struct dg_result_field fields[], size_t n,
                          const void *row)
{
    for (size_t i = 0; i < n; i++) {
        char got[512], buf[DG_VALUE_TEXT_MAX];
        const struct dg_value value = fields[i].get(row);
        read_csv_value(at, got, sizeof got);
        CHECK_STR(got, dg_value_format(&value, buf));
        if (value.kind == DG_VALUE_REAL && !value.null) {
            CHECK(strtod(got, NULL) == value.real);
        }
        CHECK_INT((*at)[-1], i + 1 < n ? ',' : '\n');
    }
}

static void csv_reads_back_as_the_rows(void)
{
    size_t len;
    char *text = play_into(make_csv_series, &len);
    const char *at = text;
    for (size_t i = 0; i < dg_n_series_fields; i++) {
        char name[128];
        read_csv_value(&at, name, sizeof name);
        CHECK_STR(name, dg_series_fields[i].name);
    }
    for (int day = 0; day < PLAY_WINDOWS; day++) {
        for (size_t i = 0; i < 2 * PLAY_COLUMNS; i++) {
            const struct dg_series_row row =
                play_row(day, i % PLAY_COLUMNS, i < PLAY_COLUMNS ? "all" : "country=DE");
            check_csv_row(&at, dg_series_fields, dg_n_series_fields, &row);
        }
    }
    CHECK(at == text + len);
    free(text);
    text = play_into(make_csv_slices, &len);
    at = strchr(text, '\n') + 1;
    for (int day = 0; day < PLAY_WINDOWS; day++) {
        for (int i = 0; i < 2; i++) {
            const struct dg_slice_row row = play_slice(day, i == 0 ? "all" : "country=DE");
            check_csv_row(&at, dg_slice_fields, dg_n_slice_fields, &row);
        }
    }
    CHECK(at == text + len);
    free(text);
}

static void check_json_value(const json_t *got, const struct dg_value *want)
{
    char buf[DG_VALUE_TEXT_MAX];
    if (want->null || (want->kind == DG_VALUE_REAL && isinf(want->real))) {
        CHECK(json_is_null(got));
        return;
    }
    switch (want->kind) {
    case DG_VALUE_TEXT:
    case DG_VALUE_TIME:
    case DG_VALUE_DURATION:
        CHECK_STR(json_string_value(got), dg_value_format(want, buf));
        break;
    case DG_VALUE_REAL:
        CHECK(json_is_number(got) && json_number_value(got) == want->real);
        break;
    case DG_VALUE_COUNT:
        CHECK(json_is_integer(got));
        CHECK_INT(json_integer_value(got), want->count);
        break;
    case DG_VALUE_BOOL:
        CHECK(json_is_boolean(got) && json_is_true(got) == want->yes);
        break;
    }
}

static void check_json_row(const json_t *object, const char *kind,
                           const struct dg_result_field fields[], size_t n, const void *row)
{
    CHECK_STR(json_string_value(json_object_get(object, "kind")), kind);
    CHECK_INT(json_object_size(object), n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct dg_value want = fields[i].get(row);
        check_json_value(json_object_get(object, fields[i].name), &want);
    }
}

/* The i-th row of the run, in the order of play. */
static void check_nth(const json_t *object, size_t i)
{
    const size_t per_window = 2 * PLAY_COLUMNS + 2;
    const int day = (int)(i / per_window);
    const size_t k = i % per_window;
    if (k < 2 * PLAY_COLUMNS) {
        const struct dg_series_row row =
            play_row(day, k % PLAY_COLUMNS, k < PLAY_COLUMNS ? "all" : "country=DE");
        check_json_row(object, "series", dg_series_fields, dg_n_series_fields, &row);
    } else {
        const struct dg_slice_row row =
            play_slice(day, k == 2 * PLAY_COLUMNS ? "all" : "country=DE");
        check_json_row(object, "slice", dg_slice_fields, dg_n_slice_fields, &row);
    }
}

static void ndjson_reads_back_as_the_rows(void)
{
    size_t len, rows = 0;
    char *text = play_into(dg_output_ndjson_new, &len);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), rows++) {
        json_error_t error;
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        CHECK(object != NULL);
        check_nth(object, rows);
        json_decref(object);
    }
    CHECK_INT(rows, PLAY_WINDOWS * (2 * PLAY_COLUMNS + 2));
    free(text);
}

static void json_is_one_document_with_rows_and_totals(void)
{
    size_t len;
    char *text = play_into(dg_output_json_new, &len);
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    CHECK(root != NULL);
    const json_t *rows = json_object_get(root, "rows");
    CHECK_INT(json_array_size(rows), PLAY_WINDOWS * (2 * PLAY_COLUMNS + 2));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        check_nth(json_array_get(rows, i), i);
    }
    CHECK_STR(json_string_value(json_object_get(json_object_get(root, "run"), "run")), "r \"1\"");
    const json_t *totals = json_object_get(root, "totals");
    CHECK_INT(json_integer_value(json_object_get(totals, "late")), 31);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(totals, "bad"), "time")), 40);
    CHECK_STR(json_string_value(json_object_get(totals, "first")), "2026-01-01T00:01:01Z");
    CHECK(json_object_get(totals, "seconds") == NULL); /* a result does not depend on the clock */
    json_decref(root);
    free(text);
}

static void a_document_without_rows_is_a_document(void)
{
    char *text = NULL;
    size_t len;
    struct dg_error err;
    static char name[] = "empty";
    const struct dg_monitor monitor = {.name = name};
    const struct dg_run_info run = {.run = "", .monitor = &monitor, .inputs = ""};
    const struct dg_run_totals totals = {.first_us = DG_TIME_NONE, .last_us = DG_TIME_NONE};
    const struct dg_output output = {open_memstream(&text, &len), "memory"};
    struct dg_sink *sink;
    CHECK_INT(dg_output_json_new(&output, &sink, &err), 0);
    CHECK_INT(sink->ops->open(sink, &run, &err), 0);
    CHECK_INT(sink->ops->finish(sink, &totals, &err), 0);
    sink->ops->close(sink);
    fclose(output.stream);
    json_t *root = json_loads(text, 0, NULL);
    CHECK(json_is_array(json_object_get(root, "rows")));
    CHECK(json_is_null(json_object_get(json_object_get(root, "totals"), "last")));
    json_decref(root);
    free(text);
}

static void texts_that_are_not_utf8_still_give_json(void)
{
    static const char *const bad[] = {"\xff",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "a\x01\x1f\x7f\"\\/\t",
                                      "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        dg_json_put_text(out, bad[i], strlen(bad[i]));
        fclose(out);
        json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
        CHECK(json_is_string(value));
        json_decref(value);
        free(text);
    }
}

static void a_full_disk_is_an_error_that_names_the_file(void)
{
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL) {
        return; /* not on this system */
    }
    struct dg_error err = {{0}};
    const struct dg_output output = {full, "out/drift.csv"};
    struct dg_sink *sink;
    CHECK_INT(dg_output_csv_new(&output, DG_OUTPUT_SERIES, &sink, &err), 0);
    CHECK_INT(play(sink, &err), ENOSPC);
    CHECK_STR(err.message,
              "cannot write out/drift.csv: No space left on device; is the disk full?");
    sink->ops->close(sink);
    fclose(full);
}

static void a_fan_gives_each_output_the_same_run(void)
{
    char *text[2] = {NULL, NULL};
    size_t len[2], alone_len;
    struct dg_error err;
    struct dg_output output[2];
    struct dg_sink *sinks[2], *fan;
    for (int i = 0; i < 2; i++) {
        output[i] = (struct dg_output){open_memstream(&text[i], &len[i]), "memory"};
    }
    CHECK_INT(dg_output_ndjson_new(&output[0], &sinks[0], &err), 0);
    CHECK_INT(make_csv_series(&output[1], &sinks[1], &err), 0);
    CHECK_INT(dg_sink_fan_new(sinks, 2, &fan, &err), 0);
    CHECK_INT(play(fan, &err), 0);
    fan->ops->close(fan);
    fclose(output[0].stream);
    fclose(output[1].stream);
    char *alone = play_into(dg_output_ndjson_new, &alone_len);
    CHECK(alone_len == len[0] && memcmp(alone, text[0], alone_len) == 0);
    free(alone);
    alone = play_into(make_csv_series, &alone_len);
    CHECK(alone_len == len[1] && memcmp(alone, text[1], alone_len) == 0);
    free(alone);
    free(text[0]);
    free(text[1]);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(csv_reads_back_as_the_rows), CASE(ndjson_reads_back_as_the_rows),
        CASE(json_is_one_document_with_rows_and_totals),
        CASE(a_document_without_rows_is_a_document), CASE(texts_that_are_not_utf8_still_give_json),
        CASE(a_full_disk_is_an_error_that_names_the_file),
        CASE(a_fan_gives_each_output_the_same_run));
}
