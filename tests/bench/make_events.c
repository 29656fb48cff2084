/* Made-up prediction logs for benches: the same rows as an Avro container, CSV or NDJSON.
 *
 *   make_events FILE ROWS [columns=10] [categories=8] [span=86400] [codec=null]
 *               [block=65536] [seed=1] [shift=0]
 *
 * The name's ending (.avro, .csv, .ndjson) is the format. A row: the event time, evenly spread over
 * `span` seconds from 2026-01-01; numbers f0, f1, ... of five shapes (normal, log-normal,
 * exponential, counts, uniform), moved by `shift` standard deviations; a category `country`; a
 * score. All numbers have a few decimals, so that text and binary hold the same doubles. */
#include "tests/support/avro_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US     INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define COLUMNS_MAX  1000
#define SCHEMA_BYTES (64 << 10)

struct wish {
    uint64_t rows, columns, categories, span_s, block_bytes, seed;
    double shift;
    const char *codec;
};

struct row {
    int64_t time_us;
    double number[COLUMNS_MAX];
    char country[24];
    double score;
};

static uint64_t state;

static uint64_t next(void) /* SplitMix64 */
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(void)
{
    return ((double)(next() >> 11) + 0.5) * 0x1p-53;
}

static double normal(void)
{
    return sqrt(-2.0 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* The double nearest to x cut to so many decimals, which is what printing those gives back. */
static double decimals(double x, double scale)
{
    return nearbyint(x * scale) / scale;
}

static double draw(uint64_t column, double shift)
{
    switch (column % 5) {
    case 0:
        return decimals(50.0 + 12.0 * (normal() + shift), 1e4);
    case 1:
        return decimals(exp(8.0 + normal() + shift), 1e2);
    case 2:
        return decimals(-3.0 * log(uniform()) + 3.0 * shift, 1e4);
    case 3:
        return floor(-20.0 * log(uniform()) + 20.0 * shift);
    default:
        return decimals(uniform() + 0.3 * shift, 1e4);
    }
}

static void fill(struct row *r, uint64_t i, const struct wish *w)
{
    const double part = (double)i / (double)w->rows;
    r->time_us = START_US + (int64_t)(part * (double)w->span_s * 1e6);
    for (uint64_t k = 0; k < w->columns; k++) {
        r->number[k] = draw(k, w->shift);
    }
    snprintf(r->country, sizeof r->country, "c%03u", (unsigned)(next() % w->categories));
    r->score = decimals(uniform() * uniform() + w->shift / 10, 1e6);
}

static void write_avro(const char *path, const struct wish *w)
{
    char *schema = malloc(SCHEMA_BYTES);
    struct row *r = malloc(sizeof *r);
    if (schema == NULL || r == NULL) {
        exit(1);
    }
    int n = sprintf(schema, "{\"type\":\"record\",\"name\":\"Event\",\"fields\":[");
    for (uint64_t k = 0; k < w->columns; k++) {
        n += sprintf(schema + n, "{\"name\":\"f%" PRIu64 "\",\"type\":\"double\"},", k);
    }
    sprintf(schema + n, "{\"name\":\"country\",\"type\":\"string\"},"
                        "{\"name\":\"score\",\"type\":\"double\"},"
                        "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":"
                        "\"timestamp-micros\"}}]}");
    struct ocf_writer *out = ocf_open(path, schema, w->codec, w->block_bytes);
    for (uint64_t i = 0; i < w->rows; i++) {
        fill(r, i, w);
        for (uint64_t k = 0; k < w->columns; k++) {
            ocf_bytes_double(&out->block, r->number[k]);
        }
        ocf_bytes_string(&out->block, r->country, strlen(r->country));
        ocf_bytes_double(&out->block, r->score);
        ocf_bytes_long(&out->block, r->time_us);
        ocf_next(out);
    }
    ocf_close(out);
    free(schema);
    free(r);
}

/* As many decimals as draw() left. */
static void put_number(FILE *f, double x, uint64_t column)
{
    static const int places[] = {4, 2, 4, 0, 4};
    fprintf(f, "%.*f", places[column % 5], x);
}

static void write_text(FILE *f, bool csv, const struct wish *w)
{
    struct row *r = malloc(sizeof *r);
    if (r == NULL) {
        exit(1);
    }
    if (csv) {
        fputs("ts,country,score", f);
        for (uint64_t k = 0; k < w->columns; k++) {
            fprintf(f, ",f%" PRIu64, k);
        }
        fputc('\n', f);
    }
    for (uint64_t i = 0; i < w->rows; i++) {
        fill(r, i, w);
        fprintf(f,
                csv ? "%" PRId64 ",%s,%.6f"
                    : "{\"ts\": %" PRId64 ", \"country\": \"%s\", \"score\": %.6f",
                r->time_us, r->country, r->score);
        for (uint64_t k = 0; k < w->columns; k++) {
            if (csv) {
                fputc(',', f);
            } else {
                fprintf(f, ", \"f%" PRIu64 "\": ", k);
            }
            put_number(f, r->number[k], k);
        }
        fputs(csv ? "\n" : "}\n", f);
    }
    free(r);
}

static bool take(const char *word, struct wish *w)
{
    const char *value = strchr(word, '=');
    if (value == NULL) {
        return false;
    }
    const size_t n = (size_t)(value++ - word);
    const struct {
        const char *name;
        uint64_t *to;
    } numbers[] = {{"columns", &w->columns},
                   {"categories", &w->categories},
                   {"span", &w->span_s},
                   {"block", &w->block_bytes},
                   {"seed", &w->seed}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strlen(numbers[i].name) == n && strncmp(word, numbers[i].name, n) == 0) {
            *numbers[i].to = strtoull(value, NULL, 10);
            return *numbers[i].to > 0;
        }
    }
    if (strncmp(word, "shift=", 6) == 0) {
        w->shift = strtod(value, NULL);
        return true;
    }
    w->codec = strncmp(word, "codec=", 6) == 0 ? value : NULL;
    return w->codec != NULL;
}

int main(int argc, char **argv)
{
    struct wish w = {.columns = 10,
                     .categories = 8,
                     .span_s = 86400,
                     .block_bytes = 64 << 10,
                     .seed = 1,
                     .codec = "null"};
    bool good = argc >= 3;
    for (int i = 3; i < argc && good; i++) {
        good = take(argv[i], &w);
    }
    w.rows = good ? strtoull(argv[2], NULL, 10) : 0;
    const char *dot = good ? strrchr(argv[1], '.') : NULL;
    if (dot == NULL || w.rows == 0 || w.columns > COLUMNS_MAX) {
        fprintf(stderr,
                "usage: make_events FILE.{avro,csv,ndjson} ROWS [columns=10] "
                "[categories=8] [span=SECONDS] [codec=null] [block=BYTES] [seed=1] [shift=0]\n");
        return 2;
    }
    state = w.seed;
    if (strcmp(dot, ".avro") == 0) {
        write_avro(argv[1], &w);
        return 0;
    }
    FILE *f = fopen(argv[1], "w");
    if (f == NULL) {
        perror(argv[1]);
        return 1;
    }
    write_text(f, strcmp(dot, ".csv") == 0, &w);
    if (fclose(f) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
