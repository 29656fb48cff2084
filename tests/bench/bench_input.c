/* What reading text costs: rows of 12 columns (time, id, category, nine numbers: a third of them
 * with 16 and 17 digits, a third with four decimals, a third integers) as CSV and as NDJSON, in ns
 * of the thread's CPU time per row for finding the records and for decoding them; and jansson
 * reading the same lines and the same fields. Minimum of the rounds, which take turns. usage:
 * bench_input [rows] [rounds] */
#include "tests/input_text.h"

#include <jansson.h>
#include <time.h>

#define NUMBERS 9
#define COLUMNS "T:ts t:id t:country n:f0 n:f1 n:f2 n:f3 n:f4 n:f5 n:f6 n:f7 n:f8"

struct cost {
    double poll_ns, decode_ns;
    double sum; /* of all numbers: every reader must come to the same */
    size_t rows;
    size_t bytes;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void put_number(FILE *f, int k, uint64_t random)
{
    if (k % 3 == 0) {
        fprintf(f, "%.17g", 10 + 3 * ((double)(random >> 11) * 0x1p-53));
    } else if (k % 3 == 1) {
        fprintf(f, "%.4f", (double)(random % 1000000) / 1e4);
    } else {
        fprintf(f, "%d", (int)(random % 100000));
    }
}

static void write_row(FILE *csv, FILE *json, unsigned i)
{
    static const char *const countries[] = {"DE", "FR", "US", "BR"};
    char time[32];
    snprintf(time, sizeof time, "2026-01-%02uT%02u:%02u:%02uZ", i / 86400 % 28 + 1, i / 3600 % 24,
             i / 60 % 60, i % 60);
    const char *const country = countries[check_random() % 4];
    fprintf(csv, "%s,id%08u,%s", time, i, country);
    fprintf(json, "{\"ts\": \"%s\", \"id\": \"id%08u\", \"country\": \"%s\"", time, i, country);
    for (int k = 0; k < NUMBERS; k++) {
        const uint64_t random = check_random();
        fputc(',', csv);
        put_number(csv, k, random);
        fprintf(json, ", \"f%d\": ", k);
        put_number(json, k, random);
    }
    fputc('\n', csv);
    fputs("}\n", json);
}

static struct cost read_once(const char *path)
{
    struct input_projection ip;
    struct dg_error err;
    struct dg_source *s = NULL;
    struct dg_batch b;
    struct dg_chunk chunk = {0};
    struct cost cost = {0};
    input_project(&ip, COLUMNS);
    if (dg_file_source_open(&path, 1, NULL, &ip.p, &s, &err) != 0 ||
        dg_batch_init(&b, &ip.p, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    for (;;) {
        const double start = now_ns();
        if (s->ops->poll(s, 0, 0, &chunk, &err) != DG_POLL_DATA) {
            break;
        }
        const double polled = now_ns();
        dg_batch_clear(&b);
        if (s->ops->decode(s, &chunk, &b, &err) != 0) {
            exit(1);
        }
        const double decoded = now_ns();
        cost.poll_ns += polled - start;
        cost.decode_ns += decoded - polled;
        cost.rows += b.n;
        cost.bytes += chunk.len;
        for (size_t row = 0; row < b.n; row++) {
            for (size_t c = 3; c < 3 + NUMBERS; c++) {
                cost.sum += b.column[c].number[row];
            }
        }
    }
    s->ops->close(s);
    dg_chunk_deinit(&chunk);
    dg_batch_deinit(&b);
    return cost;
}

/* The same fields by jansson, from lines in memory: finding the records is not counted. */
static struct cost read_jansson(const char *content, size_t n)
{
    struct cost cost = {.bytes = n};
    const double start = now_ns();
    size_t texts = 0;
    for (const char *line = content; line < content + n; cost.rows++) {
        const char *const nl = memchr(line, '\n', (size_t)(content + n - line));
        json_t *const doc = json_loadb(line, (size_t)(nl - line), 0, NULL);
        texts += strlen(json_string_value(json_object_get(doc, "ts")));
        texts += strlen(json_string_value(json_object_get(doc, "id")));
        texts += strlen(json_string_value(json_object_get(doc, "country")));
        for (int k = 0; k < NUMBERS; k++) {
            const char key[] = {'f', (char)('0' + k), '\0'};
            cost.sum += json_number_value(json_object_get(doc, key));
        }
        json_decref(doc);
        line = nl + 1;
    }
    cost.decode_ns = texts > 0 ? now_ns() - start : 0;
    return cost;
}

static void keep_least(struct cost *least, struct cost now, int round)
{
    if (round == 0) {
        *least = now;
    }
    least->poll_ns = now.poll_ns < least->poll_ns ? now.poll_ns : least->poll_ns;
    least->decode_ns = now.decode_ns < least->decode_ns ? now.decode_ns : least->decode_ns;
}

static void print_cost(const char *name, struct cost c)
{
    const double ns = c.poll_ns + c.decode_ns;
    printf("%-8s %7.1f %9.1f %9.1f %8.0f %8.3f\n", name, c.poll_ns / (double)c.rows,
           c.decode_ns / (double)c.rows, ns / (double)c.rows, (double)c.bytes / ns * 1e3,
           (double)c.rows / ns * 1e3);
}

int main(int argc, char **argv)
{
    const unsigned rows = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200000;
    const int rounds = argc > 2 ? atoi(argv[2]) : 7;
    char *csv;
    char *json;
    size_t csv_n;
    size_t json_n;
    FILE *const csv_file = open_memstream(&csv, &csv_n);
    FILE *const json_file = open_memstream(&json, &json_n);
    fputs("ts,id,country,f0,f1,f2,f3,f4,f5,f6,f7,f8\n", csv_file);
    check_random_state = 1;
    for (unsigned i = 0; i < rows; i++) {
        write_row(csv_file, json_file, i);
    }
    fclose(csv_file);
    fclose(json_file);
    char *const csv_path = strdup(input_write("bench.csv", csv, csv_n));
    char *const json_path = strdup(input_write("bench.ndjson", json, json_n));
    struct cost least[3] = {{0}};
    for (int round = 0; round < rounds; round++) {
        keep_least(&least[0], read_once(csv_path), round);
        keep_least(&least[1], read_once(json_path), round);
        keep_least(&least[2], read_jansson(json, json_n), round);
    }
    printf("%u rows of 12 columns; ns per row\n", rows);
    printf("%-8s %7s %9s %9s %8s %8s\n", "reader", "find", "decode", "sum", "MB/s", "Mrow/s");
    print_cost("csv", least[0]);
    print_cost("ndjson", least[1]);
    print_cost("jansson", least[2]);
    printf("jansson / ndjson: %.1f\n",
           least[2].decode_ns / (least[1].poll_ns + least[1].decode_ns));
    remove(csv_path);
    remove(json_path);
    const bool same = least[0].rows == rows && least[1].rows == rows && least[2].rows == rows &&
                      least[0].sum == least[1].sum && least[1].sum == least[2].sum;
    if (!same) {
        fprintf(stderr, "the readers disagree: %.17g %.17g %.17g\n", least[0].sum, least[1].sum,
                least[2].sum);
    }
    free(csv_path);
    free(json_path);
    free(csv);
    free(json);
    return same ? 0 : 1;
}
