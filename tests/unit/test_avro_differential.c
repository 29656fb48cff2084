/* Goal: the plan reads what libavro's generic reader reads.
 * Method: random schemas, data and paths; each column of each row against the value that libavro
 * finds by walking the same path. Data are valid, because libavro leaks on those that are not;
 * what is cut or mutated is then only required to be refused or read within its bytes. The same
 * data as records of a topic: one each, and all as the instances of one. */
#include "connectors/avro_canonical.h"
#include "connectors/avro_plan.h"
#include "connectors/record_decoder.h"
#include "engine/timefmt.h"
#include "tests/check.h"
#include "tests/support/avro_random.h"

#include <avro.h>
#include <unistd.h>

#define SCHEMAS 1500
#define ROWS    4
#define COLUMNS 12

static const struct random source = {check_random};

struct world {
    struct ocf_bytes json, data;
    size_t end[ROWS]; /* of row i in data */
    struct dg_avro_schema *schema;
    struct dg_projection projection;
    struct dg_field field[COLUMNS];
    char path[COLUMNS][256];
    struct dg_avro_plan *plan;
    struct dg_batch batch;
};

static bool distinct(const struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (w->field[i].type == w->field[n].type && strcmp(w->path[i], w->path[n]) == 0) {
            return false;
        }
    }
    return true;
}

static void world_make(struct world *w)
{
    struct dg_error err = {.message = ""};
    *w = (struct world){0};
    random_schema(&source, &w->json);
    const char *json = (const char *)w->json.data;
    CHECK_INT(dg_avro_schema_parse(json, strlen(json), &w->schema, &err), 0);
    const struct dg_avro_type *root = dg_avro_schema_root(w->schema);
    w->projection = (struct dg_projection){.field = w->field,
                                           .time = -1,
                                           .id = -1,
                                           .topic = -1,
                                           .partition = -1,
                                           .offset = -1,
                                           .record_time = -1};
    for (size_t tries = 0; tries < COLUMNS; tries++) {
        const size_t i = w->projection.n;
        random_path(&source, root, w->path[i]);
        w->field[i] = (struct dg_field){.path = w->path[i],
                                        .type = (enum dg_field_type)random_below(&source, 4)};
        w->projection.n += distinct(w, i);
    }
    CHECK_INT(dg_avro_plan_compile(root, &w->projection, &w->plan, &err), 0);
    CHECK_INT(dg_batch_init(&w->batch, &w->projection, &err), 0);
    ocf_bytes_put(&w->data, "", 0); /* never NULL */
    for (size_t i = 0; i < ROWS; i++) {
        random_datum(&source, root, &w->data, 0);
        w->end[i] = w->data.len;
    }
    CHECK_STR(err.message, "");
}

static void world_free(struct world *w)
{
    ocf_bytes_free(&w->json);
    ocf_bytes_free(&w->data);
    dg_batch_deinit(&w->batch);
    dg_avro_plan_free(w->plan);
    dg_avro_schema_free(w->schema);
}

static size_t decode(struct world *w, const uint8_t *p, size_t len, size_t rows, size_t *used)
{
    const uint8_t *at = p;
    enum dg_reason why = DG_GOOD;
    dg_batch_clear(&w->batch);
    CHECK_INT(dg_avro_plan_reserve(w->plan, &w->batch, rows, 0), 0);
    const size_t done = dg_avro_plan_decode(w->plan, &at, p + len, rows, 7, &w->batch, &why);
    CHECK_INT(w->batch.n, done);
    CHECK((done == rows) == (why == DG_GOOD));
    *used = (size_t)(at - p);
    return done;
}

/* Where a path ends in a value of libavro. */
enum place { HERE, ABSENT, IS_NULL };

static enum place follow(avro_value_t *value, const char *path)
{
    char step[256];
    for (;;) {
        if (avro_value_get_type(value) == AVRO_UNION) {
            avro_value_t branch = *value;
            avro_value_get_current_branch(value, &branch);
            *value = branch;
        }
        const avro_type_t type = avro_value_get_type(value);
        if (*path == '\0') {
            return type == AVRO_NULL ? IS_NULL : HERE;
        }
        size_t n = 0;
        for (path++; *path != '\0' && *path != '/'; path++) {
            path += *path == '~';
            step[n++] = path[-1] == '~' ? (*path == '0' ? '~' : '/') : *path;
        }
        step[n] = '\0';
        avro_value_t child = *value;
        if (type == AVRO_RECORD || type == AVRO_MAP) {
            if (avro_value_get_by_name(value, step, &child, NULL) != 0) {
                return ABSENT;
            }
        } else if (type == AVRO_ARRAY && n == 1 && *step >= '0' && *step <= '9') {
            size_t size = 0;
            avro_value_get_size(value, &size);
            if ((size_t)(*step - '0') >= size) {
                return ABSENT;
            }
            avro_value_get_by_index(value, (size_t)(*step - '0'), &child, NULL);
        } else {
            return ABSENT;
        }
        *value = child;
    }
}

/* A libavro scalar as text or number. */
struct found {
    bool number, integer, single, text;
    double x;
    int64_t i;
    const char *bytes;
    size_t len;
};

static struct found scalar(avro_value_t *v)
{
    struct found f = {0};
    int32_t i32 = 0;
    float f32 = 0;
    int b = 0;
    const void *p = NULL;
    switch (avro_value_get_type(v)) {
    case AVRO_INT32:
        avro_value_get_int(v, &i32);
        return (struct found){.number = true, .integer = true, .i = i32, .x = i32};
    case AVRO_INT64:
        avro_value_get_long(v, &f.i);
        return (struct found){.number = true, .integer = true, .i = f.i, .x = (double)f.i};
    case AVRO_FLOAT:
        avro_value_get_float(v, &f32);
        return (struct found){.number = true, .single = true, .x = (double)f32};
    case AVRO_DOUBLE:
        avro_value_get_double(v, &f.x);
        f.number = true;
        return f;
    case AVRO_BOOLEAN:
        avro_value_get_boolean(v, &b);
        return (struct found){.number = true, .x = b, .bytes = b ? "true" : "false"};
    case AVRO_STRING:
        avro_value_get_string(v, &f.bytes, &f.len);
        f.len--;
        f.text = true;
        return f;
    case AVRO_BYTES:
        avro_value_get_bytes(v, &p, &f.len);
        return (struct found){.text = true, .bytes = p, .len = f.len};
    case AVRO_FIXED:
        avro_value_get_fixed(v, &p, &f.len);
        return (struct found){.text = true, .bytes = p, .len = f.len};
    case AVRO_ENUM:
        avro_value_get_enum(v, &b);
        f.bytes = avro_schema_enum_get(avro_value_get_schema(v), b);
        return (struct found){.text = true, .bytes = f.bytes, .len = strlen(f.bytes)};
    case AVRO_NULL:
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_RECORD:
    case AVRO_UNION:
    case AVRO_LINK:
        break;
    }
    return f;
}

/* The C library's idea of a number literal, less the forms that it has beyond decimal. */
static bool literal(const struct found *f, double *x)
{
    char copy[64], *end;
    if (!f->text || f->len == 0 || f->len > 60 || memchr(f->bytes, 'x', f->len) != NULL) {
        return false;
    }
    memcpy(copy, f->bytes, f->len);
    copy[f->len] = '\0';
    *x = strtod(copy, &end);
    return *end == '\0';
}

static void check_number(double got, enum place place, const struct found *f)
{
    double x;
    if (place != HERE) {
        CHECK_INT(dg_triage_of(got), place == ABSENT ? DG_ABSENT : DG_NULL);
    } else if (f->number) {
        CHECK_REL(got, f->x, 0);
    } else if (f->text && f->len == 0) {
        CHECK_INT(dg_triage_of(got), DG_NULL);
    } else if (literal(f, &x)) {
        CHECK_REL(got, x, 0);
    } else {
        CHECK_INT(dg_triage_of(got), DG_UNPARSABLE);
    }
}

static void check_text(const struct dg_text *got, enum place place, const struct found *f)
{
    char copy[64] = "", *end;
    if (place != HERE || (f->text && f->len == 0)) {
        CHECK_INT(got->triage, place == ABSENT ? DG_ABSENT : DG_NULL);
        return;
    }
    if (!f->text && !f->number) {
        CHECK_INT(got->triage, DG_UNPARSABLE);
        return;
    }
    CHECK_INT(got->triage, DG_FINITE);
    if (f->text) {
        CHECK_INT(got->len, f->len);
        CHECK(got->len == f->len && memcmp(got->bytes, f->bytes, f->len) == 0);
        return;
    }
    CHECK(got->len < sizeof copy);
    memcpy(copy, got->bytes, got->len);
    if (f->bytes != NULL) {
        CHECK_STR(copy, f->bytes);
    } else if (f->integer) {
        CHECK_INT(strtoll(copy, &end, 10), f->i);
    } else if (f->single) {
        CHECK_REL((double)strtof(copy, &end), f->x, 0);
    } else {
        CHECK_REL(strtod(copy, &end), f->x, 0);
    }
}

static void check_integer(int64_t got, enum dg_field_type type, enum place place,
                          const struct found *f)
{
    int64_t want = DG_TIME_NONE, us;
    const bool boolean = f->number && f->bytes != NULL;
    if (type == DG_FIELD_TIME && place == HERE && !boolean) {
        bool good = false;
        if (f->integer) {
            good = dg_time_from_integer(f->i, DG_TIME_AUTO, &us);
        } else if (f->number) {
            good = isfinite(f->x) && dg_time_from_number(f->x, DG_TIME_AUTO, &us);
        } else if (f->text) {
            good = dg_time_parse(f->bytes, f->len, DG_TIME_AUTO, &us);
        }
        want = good ? us : DG_TIME_NONE;
    } else if (place == HERE && !boolean) {
        double x = f->x;
        if (f->integer) {
            want = f->i;
        } else if ((f->number || literal(f, &x)) && fabs(x) < 0x1p63 && x == trunc(x)) {
            want = (int64_t)x;
        }
    }
    CHECK_INT(got, want);
}

static void check_row(struct world *w, size_t row, avro_value_t *datum)
{
    CHECK_INT(w->batch.place[row], 7 + row);
    CHECK_INT(w->batch.reason[row], DG_GOOD);
    for (size_t c = 0; c < w->projection.n; c++) {
        avro_value_t at = *datum;
        const enum place place = follow(&at, w->path[c]);
        const struct found f = place == HERE ? scalar(&at) : (struct found){0};
        const union dg_column column = w->batch.column[c];
        const int before = check_failures;
        if (w->field[c].type == DG_FIELD_NUMERIC) {
            check_number(column.number[row], place, &f);
        } else if (w->field[c].type == DG_FIELD_TEXT) {
            check_text(&column.text[row], place, &f);
        } else {
            check_integer(column.integer[row], w->field[c].type, place, &f);
        }
        if (before != check_failures) {
            fprintf(stderr, "row %zu, path %s, type %d, schema %s\n", row, w->path[c],
                    (int)w->field[c].type, (const char *)w->json.data);
        }
    }
}

static void every_column_is_what_libavro_reads(void)
{
    size_t here = 0;
    for (int round = 0; round < SCHEMAS && check_failures < 20; round++) {
        struct world w;
        world_make(&w);
        avro_schema_t schema;
        const char *json = (const char *)w.json.data;
        CHECK_INT(avro_schema_from_json_length(json, strlen(json), &schema), 0);
        avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
        avro_reader_t reader = avro_reader_memory((char *)w.data.data, (int64_t)w.data.len);
        size_t used;
        CHECK_INT(decode(&w, w.data.data, w.data.len, ROWS, &used), ROWS);
        CHECK_INT(used, w.data.len);
        for (size_t row = 0; row < w.batch.n; row++) {
            avro_value_t datum;
            avro_generic_value_new(iface, &datum);
            CHECK_INT(avro_value_read(reader, &datum), 0);
            check_row(&w, row, &datum);
            avro_value_decref(&datum);
            here++;
        }
        avro_reader_free(reader);
        avro_value_iface_decref(iface);
        avro_schema_decref(schema);
        world_free(&w);
    }
    CHECK_INT(here, SCHEMAS * ROWS);
}

/* ---- as records ----------------------------------------------------------------------------- */

static struct dg_decoder *decoder_of(const struct world *w, const struct dg_source_spec *spec,
                                     const char *schema)
{
    char path[] = "/tmp/dg-differential-XXXXXX";
    const int fd = mkstemp(path);
    struct dg_decoder *d = NULL;
    struct dg_error err = {.message = ""};
    const struct dg_record_format format = {.spec = spec, .schema_path = path};
    CHECK(fd >= 0 && write(fd, schema, strlen(schema)) == (ssize_t)strlen(schema));
    close(fd);
    CHECK_INT(dg_record_decoder_open(&format, &w->projection, NULL, &d, &err), 0);
    CHECK_STR(err.message, "");
    unlink(path);
    return d;
}

static void check_records(struct world *w, struct dg_decoder *d, const struct dg_record records[],
                          size_t n, avro_value_iface_t *iface, bool places)
{
    const struct dg_topic_partition place = {.topic = "t", .partition = 0};
    size_t done = 0;
    avro_reader_t reader = avro_reader_memory((char *)w->data.data, (int64_t)w->data.len);
    dg_batch_clear(&w->batch);
    CHECK_INT(d->ops->decode(d, &place, records, n, &w->batch, &done, NULL), 0);
    CHECK_INT(done, n);
    CHECK_INT(w->batch.n, ROWS);
    for (size_t row = 0; row < w->batch.n; row++) {
        avro_value_t datum;
        avro_generic_value_new(iface, &datum);
        CHECK_INT(avro_value_read(reader, &datum), 0);
        w->batch.place[row] += places ? 0 : row;
        check_row(w, row, &datum);
        avro_value_decref(&datum);
    }
    avro_reader_free(reader);
    d->ops->close(d);
}

/* Each datum in a frame of its own. */
static void check_single_objects(struct world *w, avro_value_iface_t *iface)
{
    const struct dg_source_spec spec = {0};
    struct dg_record records[ROWS];
    struct ocf_bytes bytes[ROWS] = {0};
    char *text = NULL;
    size_t len = 0;
    CHECK_INT(dg_avro_canonical(dg_avro_schema_root(w->schema), &text, &len), 0);
    const uint64_t fingerprint = dg_avro_crc64(text, len);
    for (size_t i = 0; i < ROWS; i++) {
        const size_t start = i == 0 ? 0 : w->end[i - 1];
        ocf_bytes_put(&bytes[i], "\xc3\x01", 2);
        ocf_bytes_put(&bytes[i], &fingerprint, sizeof fingerprint);
        ocf_bytes_put(&bytes[i], w->data.data + start, w->end[i] - start);
        records[i] = (struct dg_record){
            .offset = 7 + (int64_t)i, .value = bytes[i].data, .value_len = bytes[i].len};
    }
    check_records(w, decoder_of(w, &spec, (const char *)w->json.data), records, ROWS, iface, true);
    free(text);
    for (size_t i = 0; i < ROWS; i++) {
        ocf_bytes_free(&bytes[i]);
    }
}

/* All of them as the elements of an array in one record. */
static void check_instances(struct world *w, avro_value_iface_t *iface)
{
    const struct dg_source_spec spec = {.framing = DG_FRAMING_BARE,
                                        .instances = (char *)(uintptr_t) "/in/rows"};
    struct ocf_bytes b = {0};
    char *schema = NULL;
    CHECK(asprintf(&schema,
                   "{\"type\":\"record\",\"name\":\"Outer\",\"fields\":[{\"name\":\"before\","
                   "\"type\":\"string\"},{\"name\":\"in\",\"type\":[\"null\",{\"type\":\"record\","
                   "\"name\":\"Inner\",\"fields\":[{\"name\":\"rows\",\"type\":{\"type\":\"array\","
                   "\"items\":%s}}]}]},{\"name\":\"after\",\"type\":\"long\"}]}",
                   (const char *)w->json.data) > 0);
    ocf_bytes_string(&b, "xyz", 3);
    ocf_bytes_long(&b, 1);
    ocf_bytes_long(&b, ROWS - 1); /* two blocks */
    ocf_bytes_put(&b, w->data.data, w->end[ROWS - 2]);
    ocf_bytes_long(&b, -1);
    ocf_bytes_long(&b, (int64_t)(w->data.len - w->end[ROWS - 2]));
    ocf_bytes_put(&b, w->data.data + w->end[ROWS - 2], w->data.len - w->end[ROWS - 2]);
    ocf_bytes_long(&b, 0);
    ocf_bytes_long(&b, -3);
    const struct dg_record record = {.offset = 7, .value = b.data, .value_len = b.len};
    check_records(w, decoder_of(w, &spec, schema), &record, 1, iface, false);
    free(schema);
    ocf_bytes_free(&b);
}

static void records_of_a_topic_are_read_alike(void)
{
    for (int round = 0; round < SCHEMAS / 3 && check_failures < 20; round++) {
        struct world w;
        avro_schema_t schema;
        world_make(&w);
        const char *json = (const char *)w.json.data;
        CHECK_INT(avro_schema_from_json_length(json, strlen(json), &schema), 0);
        avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
        check_single_objects(&w, iface);
        check_instances(&w, iface);
        avro_value_iface_decref(iface);
        avro_schema_decref(schema);
        world_free(&w);
    }
}

/* A copy of exactly n bytes, so that the sanitizer sees every read behind it. */
static uint8_t *exact(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    if (copy != NULL && n > 0) {
        memcpy(copy, p, n);
    }
    return copy;
}

static void a_prefix_holds_the_data_that_are_whole_in_it(void)
{
    for (int round = 0; round < SCHEMAS / 5; round++) {
        struct world w;
        world_make(&w);
        for (size_t n = 0; n < w.data.len; n += 1 + w.data.len / 200) {
            uint8_t *copy = exact(w.data.data, n);
            size_t whole = 0, used;
            while (whole < ROWS && w.end[whole] <= n) {
                whole++;
            }
            CHECK_INT(decode(&w, copy, n, ROWS, &used), whole);
            CHECK_INT(used, whole == 0 ? 0 : w.end[whole - 1]);
            free(copy);
        }
        world_free(&w);
    }
}

static void mutated_data_are_read_within_their_bytes(void)
{
    size_t refused = 0;
    for (int round = 0; round < SCHEMAS / 2; round++) {
        struct world w;
        world_make(&w);
        for (int k = 0; k < 40 && w.data.len > 0; k++) {
            uint8_t *copy = exact(w.data.data, w.data.len);
            for (uint64_t hits = random_below(&source, 3) + 1; hits > 0; hits--) {
                copy[random_below(&source, w.data.len)] ^=
                    (uint8_t)(1 + random_below(&source, 255));
            }
            size_t used;
            refused += decode(&w, copy, w.data.len, ROWS, &used) < ROWS;
            CHECK(used <= w.data.len);
            free(copy);
        }
        world_free(&w);
    }
    CHECK(refused > SCHEMAS);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_column_is_what_libavro_reads),
                      CASE(records_of_a_topic_are_read_alike),
                      CASE(a_prefix_holds_the_data_that_are_whole_in_it),
                      CASE(mutated_data_are_read_within_their_bytes));
}
