/* Goal: records of Avro that are read many at a time give the rows that each gives alone, whatever
 * stands between them.
 * Method: random stretches of good and bad records, longer than what is read at once, decoded as
 * one call and record by record; both written as text. Values lie in memory of their own length. */
#include "tests/record_text.h"

#include "tests/support/avro_writer.h"

enum { ROUNDS = 60 };

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"c\",\"type\":\"string\"},"
    "{\"name\":\"a\",\"type\":\"double\"},{\"name\":\"u\",\"type\":[\"null\",\"double\"]},"
    "{\"name\":\"skip\",\"type\":\"bytes\"},{\"name\":\"n\",\"type\":\"int\"},"
    "{\"name\":\"t\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}]}"
    "]}";

static void put_good(struct ocf_bytes *b)
{
    static const char *const words[] = {"", "de", "f\xc3\xbcr", "a text of more than sixteen bytes",
                                        "not \xff utf8"};
    const char *const word = words[check_random() % 40 == 0 ? 4 : check_random() % 4];
    const bool has_u = check_random() % 2, has_t = check_random() % 20 != 0;
    ocf_bytes_string(b, word, strlen(word));
    ocf_bytes_double(b, check_normal());
    ocf_bytes_long(b, has_u);
    if (has_u) {
        ocf_bytes_double(b, check_normal());
    }
    ocf_bytes_string(b, words[3], check_random() % 30);
    ocf_bytes_long(b, (int64_t)(check_random() % 1000));
    ocf_bytes_long(b, has_t);
    if (has_t) {
        ocf_bytes_long(b, (int64_t)(check_random() % 100000));
    }
}

/* One record in `one_in` is something else. */
static void fill(struct records *r, struct ocf_bytes value[RECORDS_MAX], unsigned one_in)
{
    const size_t n = 1 + check_random() % (RECORDS_MAX - 1);
    for (size_t i = 0; i < n; i++) {
        struct ocf_bytes *const b = &value[i];
        b->len = 0;
        put_good(b);
        size_t len = b->len;
        switch (check_random() % one_in == 0 ? check_random() % 4 : 4) {
        case 0:
            len = check_random() % len; /* cut off */
            break;
        case 1:
            ocf_bytes_put(b, "x", 1); /* bytes behind the datum */
            len++;
            break;
        case 2:
            b->data[check_random() % len] ^= 0xff;
            break;
        case 3:
            record_add(r, NULL, 0); /* a tombstone */
            continue;
        default:
            break;
        }
        record_add(r, b->data, len);
    }
}

/* Without the lines that say where a batch ended. */
static void drop_marks(char *text)
{
    for (char *mark; (mark = strstr(text, "--\n")) != NULL;) {
        memmove(mark, mark + 3, strlen(mark + 3) + 1);
    }
}

static char *alone(const struct dg_source_spec *spec, const char *path, const char *columns,
                   const struct records *r)
{
    char *text = NULL;
    size_t len = 0;
    FILE *const out = open_memstream(&text, &len);
    for (size_t i = 0; i < r->n; i++) {
        struct records one = {.at = {r->at[i]}, .n = 1};
        char *const row = records_read(spec, path, NULL, columns, &one, NULL);
        fputs(row, out);
        free(row);
    }
    fclose(out);
    return text;
}

static void compare(const char *columns, unsigned one_in)
{
    static struct ocf_bytes value[RECORDS_MAX];
    const char *const path = input_write("stretch.avsc", schema, strlen(schema));
    const struct dg_source_spec spec = {.kind = DG_RECORD_AVRO, .framing = DG_FRAMING_BARE};
    for (int round = 0; round < ROUNDS; round++) {
        struct records r = {0};
        fill(&r, value, one_in);
        char *const want = alone(&spec, path, columns, &r);
        char *const got = records_read(&spec, path, NULL, columns, &r, NULL);
        drop_marks(got);
        if (strcmp(got, want) != 0) {
            check_failures++;
            fprintf(stderr, "round %d, %s: got\n%s\nwant\n%s\n", round, columns, got, want);
        }
        free(got);
        free(want);
    }
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        ocf_bytes_free(&value[i]);
        value[i] = (struct ocf_bytes){0};
    }
    remove(path);
}

static void good_records(void)
{
    compare("n:a n:u t:c n:n T:t", 1000000);
}

static void good_and_bad_records(void)
{
    compare("n:a n:u t:c n:n T:t", 5);
}

static void numbers_written_as_texts_need_room(void)
{
    compare("t:a t:n t:u t:c", 50);
}

static void without_a_time(void)
{
    compare("n:u t:c", 20);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(good_records), CASE(good_and_bad_records),
                      CASE(numbers_written_as_texts_need_room), CASE(without_a_time));
}
