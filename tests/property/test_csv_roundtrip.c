/* Goal: any table written as CSV comes back as it was; any bytes at all are read alike whatever the
 * size of the chunks; and breaking one line of a good file costs no other line.
 * Method: random tables whose cells hold delimiters, quotes and line ends, quoted as RFC 4180 says;
 * random bytes of the characters that matter; good files with one quote too many. */
#include "tests/input_text.h"

#define CELL_MAX 40

static size_t put_cell(FILE *out, char delimiter, char cell[CELL_MAX])
{
    static const char alphabet[] = "ab,;|\t\"\n\r x";
    size_t n = 0;
    bool quote = check_random() % 4 == 0;
    const size_t len = check_random() % 12;
    while (n < len) {
        const char c = alphabet[check_random() % (sizeof alphabet - 1)];
        quote = quote || strchr(",;|\t\"\n\r", c) != NULL;
        cell[n++] = c;
    }
    cell[n] = '\0';
    (void)delimiter;
    if (!quote) {
        fwrite(cell, 1, n, out);
        return n;
    }
    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        if (cell[i] == '"') {
            fputc('"', out);
        }
        fputc(cell[i], out);
    }
    fputc('"', out);
    return n;
}

static void put_table(FILE *csv, FILE *want, char delimiter)
{
    const char *const line_end = check_random() % 2 ? "\n" : "\r\n";
    fprintf(csv, "c0%cc1%cc2%s", delimiter, delimiter, line_end);
    uint64_t line = 2;
    for (int row = 0; row < 60; row++) {
        fprintf(want, "%" PRIu64, line++);
        for (int c = 0; c < 3; c++) {
            char cell[CELL_MAX];
            const size_t n = put_cell(csv, delimiter, cell);
            n == 0 ? fputs(" <null>", want) : fprintf(want, " '%s'", cell);
            for (size_t i = 0; i < n; i++) {
                line += cell[i] == '\n';
            }
            fputs(c < 2 ? (char[]){delimiter, '\0'} : line_end, csv);
        }
        fputc('\n', want);
    }
}

static void tables_come_back(void)
{
    for (int round = 0; round < 400 && check_failures < 3; round++) {
        char *csv;
        char *want;
        size_t n;
        size_t want_n;
        FILE *const csv_file = open_memstream(&csv, &n);
        FILE *const want_file = open_memstream(&want, &want_n);
        const char delimiter = ",;\t|"[check_random() % 4];
        put_table(csv_file, want_file, delimiter);
        fclose(csv_file);
        fclose(want_file);
        const struct dg_file_options options = {.format = "csv",
                                                .csv_delimiter = delimiter,
                                                .chunk_bytes = 1 + check_random() % 300,
                                                .n_null_words = 0,
                                                .null_words = (const char *const[]){NULL}};
        input_check("r.csv", csv, n, "t:c0 t:c1 t:c2", &options, want);
        free(csv);
        free(want);
    }
}

static size_t random_bytes(char *p)
{
    static const char alphabet[] = "\"\"\"\"\n\n\n,,,,ab1\r";
    size_t n = (size_t)sprintf(p, "a,b\n");
    for (size_t k = check_random() % 200; k > 0; k--) {
        p[n++] = alphabet[check_random() % (sizeof alphabet - 1)];
    }
    return n;
}

static void chunks_do_not_matter(void)
{
    for (int round = 0; round < 1500 && check_failures < 3; round++) {
        char content[300];
        const size_t n = random_bytes(content);
        struct dg_file_options options = {.format = "csv", .csv_delimiter = ','};
        options.record_bytes = check_random() % 2 ? 0 : 6 + check_random() % 40;
        options.chunk_bytes = 1000;
        char *const want = input_read_bytes("c.csv", content, n, "t:a t:b", &options);
        for (size_t chunk = 1; chunk < 220; chunk += 1 + check_random() % 30) {
            options.chunk_bytes = chunk;
            const int before = check_failures;
            input_check("c.csv", content, n, "t:a t:b", &options, want);
            if (check_failures != before) {
                fprintf(stderr, "chunk %zu record %zu of:\n%.*s\n", chunk, options.record_bytes,
                        (int)n, content);
                break;
            }
        }
        free(want);
    }
}

static void a_stray_quote_costs_one_line(void)
{
    for (int round = 0; round < 1500 && check_failures < 3; round++) {
        char content[2000];
        char want[2000];
        size_t n = (size_t)sprintf(content, "a,b\n");
        size_t w = 0;
        const int broken = (int)(check_random() % 20);
        for (int row = 0; row < 20; row++) {
            if (row == broken) { /* a quote too many, never closed on its line */
                n +=
                    (size_t)sprintf(content + n, check_random() % 2 ? "%d,\"x\n" : "\"%d,x\n", row);
                w += (size_t)sprintf(want + w, "%d BAD malformed\n", row + 2);
            } else if (check_random() % 2) {
                n += (size_t)sprintf(content + n, "%d,y\n", row);
                w += (size_t)sprintf(want + w, "%d %d 'y'\n", row + 2, row);
            } else {
                n += (size_t)sprintf(content + n, "%d,\"z\"\n", row);
                w += (size_t)sprintf(want + w, "%d %d 'z'\n", row + 2, row);
            }
        }
        const struct dg_file_options options = {.chunk_bytes = 1 + check_random() % 300};
        input_check("q.csv", content, n, "n:a t:b", &options, want);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(tables_come_back), CASE(chunks_do_not_matter),
                      CASE(a_stray_quote_costs_one_line));
}
