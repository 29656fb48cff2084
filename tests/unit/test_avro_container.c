/* Goal: container files give every record once, whatever compresses them, and damage costs no
 * record that is whole.
 * Method: files written by tests/support/avro_writer.c, cut at every byte and hit at every byte;
 * the rows that must survive are known from the undamaged reading. */
#include "tests/input_text.h"
#include "tests/support/avro_writer.h"

#define RECORDS 23
#define COLUMNS "n:f3 t:country T:ts t:score -f0 -f1 -f2 -f4 -f5 -f6 -f7 -f8 -f9"

static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard"};

/* RECORDS events in blocks of five. */
static struct ocf_bytes make_file(const char *codec)
{
    struct ocf_writer *w = ocf_open(NULL, ocf_event_schema, codec, 1 << 20);
    for (uint64_t i = 0; i < RECORDS; i++) {
        ocf_event_put(&w->block, i);
        ocf_next(w);
        if (i % 5 == 4) {
            ocf_flush(w);
        }
    }
    return ocf_finish(w);
}

static char *read_bytes(const struct ocf_bytes *file)
{
    return input_read_bytes("t.avro", file->data, file->len, COLUMNS, NULL);
}

/* Good rows without their places; how many rows there are in all. */
static char *good_rows(const char *text, size_t *rows)
{
    char *out = calloc(1, strlen(text) + 1), *to = out;
    *rows = 0;
    for (const char *line = text, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        const char *space = strchr(line, ' ');
        if (strncmp(space, " BAD ", 5) != 0) {
            memcpy(to, space, (size_t)(end - space) + 1);
            to += end - space + 1;
        }
        ++*rows;
    }
    return out;
}

/* Where the i-th block begins: behind the marker before it. */
static size_t block_start(const struct ocf_bytes *file, int i)
{
    const uint8_t *p = file->data;
    for (; i >= 0; i--) {
        p = memmem(p, file->len - (size_t)(p - file->data), ocf_sync, 16);
        p += 16;
    }
    return (size_t)(p - file->data);
}

static void codecs_do_not_change_the_rows(void)
{
    char *want = NULL;
    for (size_t c = 0; c < 4; c++) {
        struct ocf_bytes file = make_file(codecs[c]);
        char *got = read_bytes(&file);
        if (want == NULL) {
            want = got;
            size_t rows;
            free(good_rows(want, &rows));
            CHECK_INT(rows, RECORDS);
            CHECK(strncmp(want, "0 ", 2) == 0 && strstr(want, "\n22 ") != NULL);
            CHECK(strstr(want, "'de' 1767225600") != NULL ||
                  strstr(want, "'us' 17672256") != NULL ||
                  strstr(want, "1767225600010000") != NULL);
        } else {
            CHECK_STR(got, want);
            free(got);
        }
        ocf_bytes_free(&file);
    }
    free(want);
}

static void cut_anywhere_the_records_before_are_read(void)
{
    for (size_t c = 0; c < 4; c++) {
        struct ocf_bytes file = make_file(codecs[c]);
        char *whole = read_bytes(&file);
        size_t rows;
        char *want = good_rows(whole, &rows);
        const size_t head = block_start(&file, 0);
        for (size_t n = 0; n < file.len; n++) {
            struct ocf_bytes cut = {file.data, n, n};
            char *got = read_bytes(&cut);
            if (n < head) {
                CHECK(n == 0 ? *got == '\0' : strncmp(got, "FAILED: ", 8) == 0);
            } else {
                char *good = good_rows(got, &rows);
                CHECK(strncmp(good, want, strlen(good)) == 0);
                size_t blocks = 0;
                while (blocks < 5 && block_start(&file, (int)blocks + 1) <= n) {
                    blocks++;
                }
                const bool boundary = n == block_start(&file, (int)blocks);
                CHECK((strstr(got, "BAD") == NULL) == boundary);
                CHECK(rows >= blocks * 5 && rows <= RECORDS + 1);
                free(good);
            }
            free(got);
        }
        free(whole);
        free(want);
        ocf_bytes_free(&file);
    }
}

/* All good rows of `whole` but those of block `hit` are in `got`, in order. */
static bool others_survive(const char *whole, const char *got, size_t hit)
{
    size_t i = 0;
    for (const char *line = whole, *end; *line != '\0'; line = end + 1, i++) {
        end = strchr(line, '\n');
        if (i / 5 == hit) {
            continue;
        }
        const char *at = memmem(got, strlen(got), line, (size_t)(end - line) + 1);
        if (at == NULL) {
            return false;
        }
        got = at + (end - line) + 1;
    }
    return true;
}

static void one_hit_byte_costs_at_most_its_block(void)
{
    for (size_t c = 0; c < 4; c++) {
        struct ocf_bytes file = make_file(codecs[c]);
        char *whole = read_bytes(&file);
        size_t rows, block = 0, unnoticed = 0;
        char *want = good_rows(whole, &rows);
        for (size_t i = block_start(&file, 0); i < file.len; i++) {
            while (block < 4 && block_start(&file, (int)block + 1) <= i) {
                block++;
            }
            for (int bit = (int)(i % 3); bit < 8; bit += 3) {
                file.data[i] ^= (uint8_t)(1 << bit);
                char *got = read_bytes(&file);
                char *good = good_rows(got, &rows);
                CHECK(others_survive(want, good, block));
                unnoticed += strcmp(got, whole) == 0;
                if (!others_survive(want, good, block)) {
                    fprintf(stderr, "%s: byte %zu bit %d of block %zu\n%s", codecs[c], i, bit,
                            block, got);
                }
                free(good);
                free(got);
                file.data[i] ^= (uint8_t)(1 << bit);
            }
        }
        CHECK(c != 2 || unnoticed == 0); /* snappy blocks have a checksum */
        free(whole);
        free(want);
        ocf_bytes_free(&file);
    }
}

static void a_damaged_marker_costs_no_record(void)
{
    for (size_t c = 0; c < 4; c++) {
        struct ocf_bytes file = make_file(codecs[c]);
        char *whole = read_bytes(&file);
        for (int block = 1; block <= 5; block++) {
            const size_t at = block_start(&file, block - 1 + 1) - 3;
            file.data[at] ^= 0x40;
            char *got = read_bytes(&file);
            size_t rows, all;
            char *good = good_rows(got, &rows), *want = good_rows(whole, &all);
            CHECK_STR(good, want);
            CHECK_INT(rows, RECORDS + 1);
            CHECK(strstr(got, "BAD malformed") != NULL);
            free(good);
            free(want);
            free(got);
            file.data[at] ^= 0x40;
        }
        free(whole);
        ocf_bytes_free(&file);
    }
}

static void junk_between_blocks_is_stepped_over(void)
{
    struct ocf_bytes file = make_file("null"), longer = {0};
    char *whole = read_bytes(&file);
    const size_t at = block_start(&file, 2);
    ocf_bytes_put(&longer, file.data, at);
    for (int i = 0; i < 200000; i++) {
        const uint8_t junk = (uint8_t)(i * 37 >> 3);
        ocf_bytes_put(&longer, &junk, 1);
    }
    ocf_bytes_put(&longer, ocf_sync, 16);
    ocf_bytes_put(&longer, file.data + at, file.len - at);
    char *got = read_bytes(&longer);
    size_t rows, all;
    char *good = good_rows(got, &rows), *want = good_rows(whole, &all);
    CHECK_STR(good, want);
    CHECK(rows > all);
    free(good);
    free(want);
    free(got);
    free(whole);
    ocf_bytes_free(&file);
    ocf_bytes_free(&longer);
}

/* A file of one block that claims `records` records in these bytes. */
static struct ocf_bytes claim(const char *schema, const char *codec, int64_t records,
                              const void *bytes, size_t n)
{
    struct ocf_writer *w = ocf_open(NULL, schema, codec, 1 << 20);
    ocf_bytes_put(&w->block, bytes, n);
    w->records = records;
    return ocf_finish(w);
}

static void check_claim(const char *schema, int64_t records, const void *bytes, size_t n,
                        const char *want)
{
    struct ocf_bytes file = claim(schema, "null", records, bytes, n);
    input_check("t.avro", (const char *)file.data, file.len, "n:x", NULL, want);
    ocf_bytes_free(&file);
}

#define SCHEMA(type)                                                                               \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":" type "}]}"

static void a_block_that_lies_is_counted(void)
{
    const char *number = SCHEMA("\"int\"");
    check_claim(number, 2, "\x02\x04", 2, "0 1\n1 2\n");
    check_claim(number, 2, "\x02\x04\x06", 3, "0 1\n1 2\n2 BAD malformed\n");
    check_claim(number, 4, "\x02\x04", 2, "0 1\n1 2\n2 BAD truncated\n3 BAD truncated\n");
    check_claim(number, 2, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11,
                "0 BAD malformed\n1 BAD malformed\n");
    check_claim(number, 1, "\xff\xff\xff\xff\x7f", 5, "0 BAD malformed\n"); /* not 32 bits */
    check_claim(number, INT64_MAX, "\x02", 1, "0 BAD too_large\n");
    check_claim(SCHEMA("\"null\""), 3, "", 0, "0 <null>\n1 <null>\n2 <null>\n");
    check_claim(SCHEMA("[\"null\",\"double\"]"), 2, "\x00\x04", 2, "0 <null>\n1 BAD malformed\n");
    check_claim(SCHEMA("\"boolean\""), 1, "\x02", 1, "0 BAD malformed\n");
    check_claim(SCHEMA("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}"), 1, "\x02", 1,
                "0 BAD malformed\n");
    /* 2^40 nulls in seven bytes, and as many strings */
    check_claim(SCHEMA("{\"type\":\"array\",\"items\":\"null\"}"), 1,
                "\x80\x80\x80\x80\x80\x40\x00", 7, "0 BAD malformed\n");
    check_claim(SCHEMA("{\"type\":\"array\",\"items\":\"string\"}"), 1,
                "\x80\x80\x80\x80\x80\x40\x00", 7, "0 BAD truncated\n");
    /* a block of -2^63 items */
    check_claim(SCHEMA("{\"type\":\"map\",\"values\":\"int\"}"), 1,
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 11, "0 BAD malformed\n");
}

static void recursion_has_a_limit(void)
{
    static uint8_t deep[100000];
    memset(deep, 2, sizeof deep);
    check_claim(SCHEMA("[\"null\",\"R\"]"), 1, deep, sizeof deep, "0 BAD too_large\n");
    memset(deep, 2, 20);
    deep[20] = 0;
    check_claim(SCHEMA("[\"null\",\"R\"]"), 1, deep, 21, "0 <unparsable>\n");
}

static void text_that_is_not_utf8_costs_its_row(void)
{
    struct ocf_bytes b = {0};
    static const struct {
        const char *bytes;
        size_t len;
    } text[] = {{"ok", 2},
                {"\xc3\xbc", 2},
                {"\xc3", 1},
                {"\xc0\x80", 2},
                {"\xed\xa0\x80", 3},
                {"\xf4\x90\x80\x80", 4},
                {"a\xff", 2},
                {"\xe2\x82\xac", 3},
                {"\xf0\x9f\x98\x80", 4},
                {"\xe2\x82", 2},
                {"twenty bytes, then \xfe", 20}};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        ocf_bytes_string(&b, text[i].bytes, text[i].len);
    }
    struct ocf_bytes file =
        claim(SCHEMA("\"string\""), "null", sizeof text / sizeof *text, b.data, b.len);
    input_check("t.avro", (const char *)file.data, file.len, "t:x", NULL,
                "0 'ok'\n1 'ü'\n2 BAD utf8\n3 BAD utf8\n4 BAD utf8\n5 BAD utf8\n6 BAD utf8\n"
                "7 '€'\n8 '😀'\n9 BAD utf8\n10 BAD utf8\n");
    ocf_bytes_free(&file);
    ocf_bytes_free(&b);
}

static void check_header(const char *schema, const char *want)
{
    struct ocf_bytes file = claim(schema, "null", 1, "\x02", 1);
    char *got = input_read_bytes("t.avro", file.data, file.len, "n:x", NULL);
    if (strncmp(got, "FAILED: ", 8) != 0 || strstr(got, want) == NULL) {
        check_failures++;
        fprintf(stderr, "%s: got %s, want %s\n", schema, got, want);
    }
    free(got);
    ocf_bytes_free(&file);
}

static void unusable_schemas_are_explained(void)
{
    check_header("", "not JSON");
    check_header("{", "not JSON: line 1");
    check_header("[]", "a union needs a branch");
    check_header("\"nope\"", "no type of that name before its first use: nope");
    check_header("{\"type\":\"record\",\"name\":\"R\"}", "a record needs a list of fields: R");
    check_header("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "size of a fixed");
    check_header(SCHEMA("[\"int\",[\"null\"]]"), "may not hold a union");
    check_header(SCHEMA("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"), "defined twice: R");
    char deep[4000] = "";
    for (int i = 0; i < 70; i++) {
        strcat(deep, "{\"type\":\"array\",\"items\":");
    }
    strcat(deep, "\"int\"");
    for (int i = 0; i < 70; i++) {
        strcat(deep, "}");
    }
    check_header(deep, "nests deeper than 64 types");
    memset(deep, '[', sizeof deep - 1);
    check_header(deep, "nests deeper than 64 types");
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(codecs_do_not_change_the_rows),
        CASE(cut_anywhere_the_records_before_are_read), CASE(one_hit_byte_costs_at_most_its_block),
        CASE(a_damaged_marker_costs_no_record), CASE(junk_between_blocks_is_stepped_over),
        CASE(a_block_that_lies_is_counted), CASE(recursion_has_a_limit),
        CASE(text_that_is_not_utf8_costs_its_row), CASE(unusable_schemas_are_explained));
}
