/* Goal: whatever is wrong with an input is counted under its reason and place, and every good row
 * around it is there.
 * Method: a table; each entry is a file, and all that reading it gives. */
#include "tests/compress.h"
#include "tests/input_text.h"

#define BIG 10000000

struct entry {
    const char *what;
    const char *name; /* of the file */
    const char *content;
    size_t n; /* 0: a C string */
    const char *columns;
    const char *want;
};

static const struct entry table[] = {
    {"a line of too few fields", "a.csv", "x,y\n1,2\n3\n4,5\n", 0, "n:x n:y",
     "2 1 2\n3 BAD malformed\n4 4 5\n"},
    {"a line of too many fields", "a.csv", "x,y\n1,2\n3,4,5\n6,7\n", 0, "n:x n:y",
     "2 1 2\n3 BAD malformed\n4 6 7\n"},
    {"a quote that is never closed", "a.csv", "x,y\n1,\"2\n3,4\n5,6\n", 0, "n:x n:y",
     "2 BAD malformed\n3 3 4\n4 5 6\n"},
    {"a quote closed too early", "a.csv", "x,y\n1,\"2\"2\n3,4\n", 0, "n:x n:y",
     "2 BAD malformed\n3 3 4\n"},
    {"a line of JSON that is none", "a.ndjson", "{\"x\":1}\nnothing\n{\"x\":2}\n", 0, "n:x",
     "1 1\n2 BAD malformed\n3 2\n"},
    {"a line of JSON cut off by the next", "a.ndjson", "{\"x\":1}\n{\"x\":{\"x\":2}\n{\"x\":3}\n",
     0, "n:x", "1 1\n2 BAD malformed\n3 3\n"},
    {"a last line of JSON that breaks off", "a.ndjson", "{\"x\":1}\n{\"x\":", 0, "n:x",
     "1 1\n2 BAD truncated\n"},
    {"a last line of CSV that breaks off", "a.csv", "x,y\n1,2\n3", 0, "n:x n:y",
     "2 1 2\n3 BAD truncated\n"},
    {"a column that is not there", "a.csv", "x\n1\n2\n", 0, "n:x n:y t:z",
     "2 1 <absent> <absent>\n3 2 <absent> <absent>\n"},
    {"a member that comes and goes", "a.ndjson", "{\"x\":1}\n{\"y\":2}\n{\"x\":3,\"y\":4}\n", 0,
     "n:x n:y", "1 1 <absent>\n2 <absent> 2\n3 3 4\n"},
    {"no event time", "a.csv", "t,x\n2026-01-01,1\n,2\nsoon,3\n2026-02-30,4\n2026-01-02,5\n", 0,
     "T:t n:x", "2 1767225600000000 1\n3 BAD time\n4 BAD time\n5 BAD time\n6 1767312000000000 5\n"},
    {"no column of event times", "a.ndjson", "{\"x\":1}\n{\"x\":2}\n", 0, "T:t n:x",
     "1 BAD time\n2 BAD time\n"},
    {"a number that becomes text", "a.csv", "x\n1\nabc\n3\n", 0, "n:x",
     "2 1\n3 <unparsable>\n4 3\n"},
    {"a number that becomes an object", "a.ndjson", "{\"x\":1}\n{\"x\":{\"v\":2}}\n{\"x\":\"3\"}\n",
     0, "n:x", "1 1\n2 <unparsable>\n3 3\n"},
    {"NaN, Inf and 1e400 in CSV", "a.csv", "x\nNaN\ninf\n-Infinity\n1e400\n-1e400\n1\n", 0, "n:x",
     "2 <nan>\n3 <+inf>\n4 <-inf>\n5 <+inf>\n6 <-inf>\n7 1\n"},
    {"NaN and 1e400 in JSON", "a.ndjson", "{\"x\":NaN}\n{\"x\":1e400}\n{\"x\":-1e400}\n{\"x\":1}\n",
     0, "n:x", "1 BAD malformed\n2 <+inf>\n3 <-inf>\n4 1\n"},
    {"text that is not UTF-8 in CSV", "a.csv", "x,y\na,1\n\xe4,2\nb,3\n", 0, "t:x n:y",
     "2 'a' 1\n3 BAD utf8\n4 'b' 3\n"},
    {"text that is not UTF-8 in JSON", "a.ndjson",
     "{\"x\":1}\n{\"x\":2,\"y\":\"\xe4\"}\n{\"x\":3}\n", 0, "n:x", "1 1\n2 BAD utf8\n3 3\n"},
    {"a NUL in CSV", "a.csv", "x,y\n1,aaaaaaaaaa\n2,\0bbbbbbbbbb\n3,cccccccccc\n", 44, "n:x -y",
     "2 1\n3 BAD binary\n4 3\n"},
    {"a null word with a NUL behind it", "a.csv", "x,y\n1,aaaaaaaaaaaaaa\nNA\0\0\0,bbbbbbbbbbbb\n",
     40, "t:x -y", "2 '1'\n3 BAD binary\n"},
    {"a NUL in JSON", "a.ndjson", "{\"x\":1}\n{\"x\":2,\"y\":\"\0\"}\n{\"x\":3}\n", 31, "n:x",
     "1 1\n2 BAD binary\n3 3\n"},
    {"an empty file", "a.csv", "", 0, "n:x", ""},
    {"an empty file of JSON", "a.ndjson", "", 0, "n:x", ""},
    {"blank lines only", "a.csv", "\n\r\n\n", 0, "n:x", ""},
    {"a header only", "a.csv", "x,y\n", 0, "n:x", ""},
    {"a byte order mark only", "a.csv", "\xef\xbb\xbf", 0, "n:x", ""},
    {"a program named .csv", "a.csv",
     "\x7f"
     "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\n,,",
     19, "n:x", "1 BAD binary\n"},
    {"UTF-16", "a.csv", "\xff\xfex\0\n\0001\0\n\0", 10, "n:x", "1 BAD binary\n"},
    {"an image named .ndjson", "a.ndjson", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, "n:x",
     "1 BAD binary\n"},
    {"plain text named .gz", "a.csv.gz", "x\n1\n", 0, "n:x", "2 1\n"},
    {"JSON named .csv", "a.csv", "{\"x\":1}\n", 0, "n:x", "1 1\n"},
};

static void each_entry_of_the_table(void)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct entry *const e = &table[i];
        const int before = check_failures;
        for (size_t chunk = 0; chunk < 40; chunk += chunk < 3 ? 1 : 9) {
            const struct dg_file_options options = {.chunk_bytes = chunk};
            input_check(e->name, e->content, e->n != 0 ? e->n : strlen(e->content), e->columns,
                        &options, e->want);
        }
        if (check_failures != before) {
            fprintf(stderr, "that was: %s\n", e->what);
        }
    }
}

static void a_file_that_is_not_read_says_so(void)
{
    char *const text = input_read_bytes("a.csv", "PAR1\x15\x04\x15\x10\x15\x14L\x15\x02\x15\0\x12",
                                        16, "n:x", NULL);
    CHECK(strstr(text, "is a Parquet file, which is not read: convert it") != NULL);
    free(text);
}

/* Rows "1 1", "2 2", ... n, and how many of them a text holds in order before anything else. */
static size_t rows_in_order(const char **text, size_t first_place)
{
    size_t n = 0;
    for (;;) {
        char want[64];
        snprintf(want, sizeof want, "%zu %zu\n", first_place + n, n);
        if (strncmp(*text, want, strlen(want)) != 0) {
            return n;
        }
        *text += strlen(want);
        n++;
    }
}

static void compressed_files_that_are_cut_off_keep_their_rows(void)
{
    char *const csv = malloc(1 << 20);
    size_t n = (size_t)sprintf(csv, "x\n");
    for (size_t i = 0; i < 50000; i++) {
        n += (size_t)sprintf(csv + n, "%zu\n", i);
    }
    for (int zstd = 0; zstd < 2; zstd++) {
        size_t len;
        uint8_t *const packed = zstd ? compress_zstd(csv, n, &len) : compress_gzip(csv, n, &len);
        for (int wrong = 0; wrong < 2; wrong++) {
            if (wrong) {
                packed[len - 3] ^= 0x20; /* in the checksum, or just before it */
            }
            char *const text =
                input_read_bytes("cut.csv.gz", packed, wrong ? len : len - 20, "n:x", NULL);
            const char *rest = text;
            const size_t rows = rows_in_order(&rest, 2);
            CHECK(rows > (zstd ? 0 : 40000) && (wrong == 0 || zstd || rows == 50000));
            char want[64];
            snprintf(want, sizeof want, "%zu BAD %s\n", rows + 2, wrong ? "codec" : "truncated");
            CHECK_STR(rest, want);
            free(text);
        }
        free(packed);
    }
    free(csv);
}

static void a_field_of_ten_megabytes(void)
{
    char *const big = malloc(BIG + 1);
    memset(big, 'q', BIG);
    big[BIG] = '\0';
    char *const content = malloc(BIG + 200);
    const struct dg_file_options small = {.record_bytes = 1 << 20};
    uint64_t sum = 0;
    for (size_t i = 0; i < BIG; i++) {
        sum = sum * 31 + 'q';
    }
    char want[256];
    for (int quoted = 0; quoted < 2; quoted++) {
        const int n = sprintf(content, "x,y\n1,a\n2,%s%s%s\n3,b\n", quoted ? "\"" : "", big,
                              quoted ? "\"" : "");
        snprintf(want, sizeof want, "2 1 'a'\n3 2 [%d bytes, %" PRIx64 "]\n4 3 'b'\n", BIG, sum);
        input_check("big.csv", content, (size_t)n, "n:x t:y", NULL, want);
        input_check("big.csv", content, (size_t)n, "n:x t:y", &small,
                    "2 1 'a'\n3 BAD too_large\n4 3 'b'\n");
    }
    const int n = sprintf(content, "{\"x\":1}\n{\"x\":2,\"y\":\"%s\"}\n{\"x\":3}\n", big);
    snprintf(want, sizeof want, "1 1 <absent>\n2 2 [%d bytes, %" PRIx64 "]\n3 3 <absent>\n", BIG,
             sum);
    input_check("big.ndjson", content, (size_t)n, "n:x t:y", NULL, want);
    input_check("big.ndjson", content, (size_t)n, "n:x t:y", &small,
                "1 1 <absent>\n2 BAD too_large\n3 3 <absent>\n");
    memset(big, '7', BIG);
    const int m = sprintf(content, "x,y\n1,a\n%s,c\n3,b\n", big);
    input_check("big.csv", content, (size_t)m, "n:x t:y", NULL, "2 1 'a'\n3 <+inf> 'c'\n4 3 'b'\n");
    free(content);
    free(big);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(each_entry_of_the_table), CASE(a_file_that_is_not_read_says_so),
        CASE(compressed_files_that_are_cut_off_keep_their_rows), CASE(a_field_of_ten_megabytes));
}
