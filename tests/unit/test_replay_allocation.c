/* Goal: a replay allocates for panes, series and windows, never per event.
 * Method: the linker replaces malloc, calloc and realloc of every object by counting ones. An Avro
 * container and a CSV file of n and of 4n rows over the same hours, the same values, are replayed
 * for real; the longer one may not need more than a few allocations beyond the shorter. */
#include "connectors/file_source.h"
#include "engine/config.h"
#include "engine/replay.h"
#include "tests/check.h"
#include "tests/support/avro_writer.h"
#include "tests/support/counted_malloc.h"
#include "tests/support/text_sink.h"

#include <inttypes.h>
#include <unistd.h>

#define ROWS    20000
#define HOURS   8
#define START   INT64_C(1793750400) /* seconds: 2026-11-04T00:00:00Z */
#define PATTERN 500                 /* values repeat after so many rows, so that extremes do too */
#define SLACK   (ROWS / 500)        /* for buffers that double; one per event would be 3 * ROWS */

static const char MONITOR[] = "monitor: allocation\n"
                              "columns:\n"
                              "  timestamp: { from: ts, format: unix_us }\n"
                              "  id: id\n"
                              "  version: version\n"
                              "  features: { x: numeric, y: numeric, country: category }\n"
                              "windows: [{ size: 2h, slide: 1h }]\n"
                              "time: { out_of_order: 1m }\n"
                              "segments: [{ column: country, values: [de, fr] }]\n"
                              "baselines: { previous: previous_window }\n";

static const char SCHEMA[] =
    "{\"type\":\"record\",\"name\":\"Event\",\"fields\":["
    "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"version\",\"type\":\"string\"},"
    "{\"name\":\"country\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"x\",\"type\":[\"null\",\"double\"]},{\"name\":\"y\",\"type\":\"double\"}]}";

struct row {
    int64_t ts;
    char id[16];
    const char *version, *country; /* country NULL: null */
    double x, y;                   /* x NAN: null */
};

static struct row row_at(uint64_t i, uint64_t rows)
{
    static const char *const countries[] = {"de", "fr", "pl", "se", NULL};
    const uint64_t k = i % PATTERN;
    struct row r = {.ts =
                        (START * 1000000) + (int64_t)(i * HOURS * 3600 * UINT64_C(1000000) / rows),
                    .version = k % 9 == 0 ? "v8" : "v7",
                    .country = countries[k % 5],
                    .x = k % 13 == 0 ? (double)NAN : (double)(k * 7919 % 4801) / 8 - 100.25,
                    .y = (double)(k * 104729 % 3271) / 64};
    snprintf(r.id, sizeof r.id, "event%08" PRIu64, i);
    return r;
}

static void write_avro(const char *path, uint64_t rows)
{
    struct ocf_writer *w = ocf_open(path, SCHEMA, "deflate", 16 << 10);
    for (uint64_t i = 0; i < rows; i++) {
        const struct row r = row_at(i, rows);
        ocf_bytes_long(&w->block, r.ts);
        ocf_bytes_string(&w->block, r.id, strlen(r.id));
        ocf_bytes_string(&w->block, r.version, strlen(r.version));
        ocf_bytes_long(&w->block, r.country != NULL);
        if (r.country != NULL) {
            ocf_bytes_string(&w->block, r.country, strlen(r.country));
        }
        ocf_bytes_long(&w->block, !isnan(r.x));
        if (!isnan(r.x)) {
            ocf_bytes_double(&w->block, r.x);
        }
        ocf_bytes_double(&w->block, r.y);
        ocf_next(w);
    }
    ocf_close(w);
}

static void write_csv(const char *path, uint64_t rows)
{
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    fputs("ts,id,version,country,x,y\n", f);
    for (uint64_t i = 0; i < rows; i++) {
        const struct row r = row_at(i, rows);
        fprintf(f, "%" PRId64 ",%s,%s,%s,", r.ts, r.id, r.version,
                r.country == NULL ? "" : r.country);
        if (!isnan(r.x)) {
            fprintf(f, "%.17g", r.x);
        }
        fprintf(f, ",%.17g\n", r.y);
    }
    CHECK(fclose(f) == 0);
}

static void configure(struct dg_config *config)
{
    struct dg_diagnostics d = {0};
    CHECK_INT(dg_config_parse("allocation.yaml", MONITOR, sizeof MONITOR - 1, &d, config), 0);
    if (config->monitor == NULL) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    dg_diagnostics_deinit(&d);
}

/* Allocations of one replay of the file, everything opened and closed; its rows and windows. */
static size_t replay(const struct dg_monitor *m, const char *path, uint64_t rows)
{
    const size_t before = allocations;
    struct dg_error err = {0};
    struct dg_plan plan;
    struct dg_source *source = NULL;
    struct dg_store *store = NULL;
    struct dg_evaluator *evaluator = NULL;
    struct dg_bytes text = {0};
    const struct dg_baseline *no_files[2] = {0};
    const struct dg_file_options how = {.chunk_bytes = 16 << 10};
    const struct dg_evaluator_options all = {
        .file = no_files, .from_us = INT64_MIN, .to_us = INT64_MAX};
    const struct dg_replay_options lanes = {.lanes = 1};
    struct dg_replay_result result;
    CHECK_INT(dg_plan_init(&plan, m, NULL, NULL, &err), 0);
    CHECK_INT(dg_file_source_open(&path, 1, &how, &plan.projection, &source, &err), 0);
    CHECK_INT(dg_memory_store_open(&plan, &store, &err), 0);
    struct dg_sink *sink = text_sink_open(&text);
    CHECK_INT(dg_evaluator_open(&plan, store, sink, &all, &evaluator, &err), 0);
    CHECK_INT(dg_replay(&plan, source, store, evaluator, &lanes, &result, &err), 0);
    CHECK_INT(result.totals.rows, rows);
    CHECK_INT(dg_evaluator_windows(evaluator, 0), HOURS - 1);
    dg_evaluator_close(evaluator);
    sink->ops->close(sink);
    store->ops->close(store);
    source->ops->close(source);
    dg_plan_deinit(&plan);
    dg_bytes_deinit(&text);
    return allocations - before;
}

static void check_format(const char *name, void (*write)(const char *path, uint64_t rows))
{
    char small[64], large[64];
    struct dg_config config = {0};
    configure(&config);
    snprintf(small, sizeof small, "allocation-%ld-1.%s", (long)getpid(), name);
    snprintf(large, sizeof large, "allocation-%ld-4.%s", (long)getpid(), name);
    write(small, ROWS);
    write(large, 4 * ROWS);
    const size_t one = replay(config.monitor, small, ROWS);
    const size_t four = replay(config.monitor, large, 4 * ROWS);
    printf("%s: %zu allocations for %d rows, %zu for %d\n", name, one, ROWS, four, 4 * ROWS);
    CHECK(one > 100); /* the counting works */
    CHECK(four <= one + SLACK);
    remove(small);
    remove(large);
    dg_config_deinit(&config);
}

static void an_avro_replay_allocates_nothing_per_event(void)
{
    check_format("avro", write_avro);
}

static void a_csv_replay_allocates_nothing_per_event(void)
{
    check_format("csv", write_csv);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(an_avro_replay_allocates_nothing_per_event),
                      CASE(a_csv_replay_allocates_nothing_per_event));
}
