/* tests/property/test_replay_order.c -- goal: the rows of a replay are a function of the events,
 * the monitor and nothing else. Method: one random data set (missing values, infinities, bad
 * values, versions, segments, new categories), replayed shuffled, split over partitions, cut into
 * chunks of any size, on several lanes and with hardly any memory; every field of every row must be
 * the same to the last bit. */
#include "engine/config.h"
#include "engine/replay.h"
#include "tests/check.h"
#include "tests/support/memory_source.h"
#include "tests/support/text_sink.h"

#define ROWS 3000
#define HOUR (INT64_C(3600) * DG_US_PER_S)

/* %s: the time section */
static const char MONITOR[] = "monitor: order\n"
                              "columns:\n"
                              "  timestamp: time\n"
                              "  version: t0\n"
                              "  variant: t1\n"
                              "  features:\n"
                              "    n0: numeric\n"
                              "    n1: { type: numeric, valid: [-2, 2] }\n"
                              "    n2: numeric\n"
                              "    t3: category\n"
                              "windows: [{ size: 6h, slide: 3h }, { size: 24h, slide: 12h }]\n"
                              "time: { out_of_order: %s, late_events: 1h }\n"
                              "segments: [{ column: t2, values: [a, b] }]\n"
                              "baselines:\n"
                              "  previous: previous_window\n"
                              "  trailing: { trailing: 48h }\n"
                              "  daily: { seasonal: hour_of_day, cycles: 2, min_cycles: 1 }\n"
                              "  control: { variant: control }\n"
                              "checks:\n"
                              "  drift: { min_rows: 20, for: 2 }\n"
                              "  psi: { warn: above 0.3 }\n";

static const char *const VERSIONS[] = {"v1", "v2"};
static const char *const VARIANTS[] = {"control", "canary"};
static const char *const COUNTRIES[] = {"a", "b", "c", "d"};
static const char *const CHANNELS[] = {"web", "mobile", "branch", "", "caf\xc3\xa9", "new-one"};

static struct memory_row base_rows[ROWS], rows[ROWS];

static double odd_value(uint64_t dice, double x)
{
    switch (dice % 40) {
    case 0:
        return dg_box(DG_NULL);
    case 1:
        return dg_box(DG_ABSENT);
    case 2:
        return (double)NAN;
    case 3:
        return dice & 1024 ? (double)INFINITY : (double)-INFINITY;
    case 4:
        return dg_box(DG_UNPARSABLE);
    default:
        return x;
    }
}

static void make_rows(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct memory_row *r = &base_rows[i];
        *r = (struct memory_row){.time_us = (int64_t)(check_uniform() * 5 * 24 * (double)HOUR)};
        const double late = r->time_us > 72 * HOUR ? 0.7 : 0.0;
        r->number[0] = odd_value(check_random(), check_normal() + late);
        r->number[1] = odd_value(check_random(), check_normal());
        r->number[2] = odd_value(check_random(), exp(3.0 * check_normal()) * 1e6);
        r->text[0] = VERSIONS[check_random() % 8 == 0];
        r->text[1] = VARIANTS[check_random() % 3 == 0];
        r->text[2] = check_random() % 20 == 0 ? NULL : COUNTRIES[check_random() % 4];
        r->text[3] =
            check_random() % 25 == 0 ? NULL : CHANNELS[check_random() % (late > 0 ? 6 : 5)];
    }
    memcpy(rows, base_rows, sizeof rows);
}

static int by_time(const void *a, const void *b)
{
    const struct memory_row *x = a, *y = b;
    return (x->time_us > y->time_us) - (x->time_us < y->time_us);
}

static void swap_rows(size_t i, size_t j)
{
    const struct memory_row t = rows[i];
    rows[i] = rows[j];
    rows[j] = t;
}

struct how {
    uint32_t partitions, lanes;
    size_t chunk_rows, memory;
};

static void replay(const struct dg_monitor *m, struct how how, struct dg_bytes *text)
{
    struct dg_error err = {0};
    struct dg_plan plan;
    struct dg_store *store = NULL;
    struct dg_evaluator *evaluator = NULL;
    const struct dg_baseline *no_files[8] = {0};
    struct memory_partition partition[32];
    for (uint32_t p = 0; p < how.partitions; p++) {
        const size_t from = (size_t)ROWS * p / how.partitions;
        const size_t to = (size_t)ROWS * (p + 1) / how.partitions;
        partition[p] = (struct memory_partition){rows + from, to - from};
    }
    CHECK_INT(dg_plan_init(&plan, m, NULL, NULL, &err), 0);
    struct dg_source *source =
        memory_source_open(partition, how.partitions, how.chunk_rows, &plan.projection);
    struct dg_sink *sink = text_sink_open(text);
    const struct dg_evaluator_options options = {no_files, INT64_MIN, INT64_MAX, how.lanes};
    const struct dg_replay_options lanes = {.lanes = how.lanes, .memory_bytes = how.memory};
    struct dg_replay_result result;
    CHECK_INT(dg_memory_store_open(&plan, &store, &err), 0);
    CHECK_INT(dg_evaluator_open(&plan, store, sink, &options, &evaluator, &err), 0);
    const int rc = dg_replay(&plan, source, store, evaluator, &lanes, &result, &err);
    if (rc != 0) {
        fprintf(stderr, "replay: %s\n", err.message);
    }
    CHECK_INT(rc, 0);
    dg_evaluator_close(evaluator);
    sink->ops->close(sink);
    store->ops->close(store);
    source->ops->close(source);
    dg_plan_deinit(&plan);
}

/* Every row of the replay of `rows` as text. */
static struct dg_bytes run(const char *out_of_order, struct how how)
{
    char yaml[sizeof MONITOR + 32];
    struct dg_diagnostics d = {0};
    struct dg_config config = {0};
    struct dg_bytes text = {0};
    snprintf(yaml, sizeof yaml, MONITOR, out_of_order);
    CHECK_INT(dg_config_parse("order.yaml", yaml, strlen(yaml), &d, &config), 0);
    if (config.monitor == NULL) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    replay(config.monitor, how, &text);
    dg_put_u8(&text, 0);
    dg_config_deinit(&config);
    dg_diagnostics_deinit(&d);
    return text;
}

static void compare(const struct dg_bytes *want, struct dg_bytes *got, const char *what)
{
    size_t at = 0;
    while (at < want->len && at < got->len && want->data[at] == got->data[at]) {
        at++;
    }
    if (want->len != got->len || at < want->len) {
        check_failures++;
        const size_t from = at > 300 ? at - 300 : 0;
        fprintf(stderr, "%s: differs at byte %zu of %zu and %zu:\n  %.340s\n  %.340s\n", what, at,
                want->len, got->len, (const char *)want->data + from,
                (const char *)got->data + from);
    }
    dg_bytes_deinit(got);
}

static void order_split_chunks_lanes_and_memory_do_not_matter(void)
{
    static const uint32_t PARTITIONS[] = {1, 3, 16};
    static const size_t CHUNKS[] = {1000, 7, 64};
    make_rows();
    qsort(rows, ROWS, sizeof *rows, by_time);
    struct dg_bytes want = run("30d", (struct how){1, 1, 500, 0});
    CHECK(want.len > 100000); /* there is something to compare */
    for (int round = 0; round < 9; round++) {
        char what[128];
        const struct how how = {PARTITIONS[round % 3], 1 + (uint32_t)round % 4,
                                CHUNKS[round / 2 % 3], round % 5 == 0 ? 1 : 0};
        for (size_t i = ROWS; i > 1; i--) {
            swap_rows(i - 1, check_random() % i);
        }
        snprintf(what, sizeof what, "round %d: %u partitions, %u lanes, chunks of %zu, memory %zu",
                 round, how.partitions, how.lanes, how.chunk_rows, how.memory);
        struct dg_bytes got = run("30d", how);
        compare(&want, &got, what);
    }
    dg_bytes_deinit(&want);
}

/* With a tolerance smaller than the disorder, lateness depends on the order within a partition, and
 * on nothing else: not on chunks, lanes, memory, or how the partitions interleave. */
static void late_events_depend_on_their_partition_alone(void)
{
    make_rows();
    qsort(rows, ROWS, sizeof *rows, by_time);
    for (size_t i = 0; i + 200 < ROWS; i += 11) { /* local disorder, some beyond the tolerance */
        swap_rows(i, i + check_random() % 200);
    }
    for (size_t i = 5; i < ROWS; i += 487) {
        rows[i].reason = DG_BAD_MALFORMED;
    }
    struct dg_bytes want = run("30m", (struct how){4, 1, 100, 0});
    bool late = false;
    for (const char *s = (const char *)want.data; (s = strstr(s, " late=")) != NULL; s++) {
        late = late || s[6] != '0';
    }
    CHECK(late); /* else this proves nothing */
    for (int round = 0; round < 6; round++) {
        char what[64];
        const struct how how = {4, 1 + (uint32_t)round % 4, 1 + check_random() % 300,
                                round % 3 == 0 ? 1 : 0};
        snprintf(what, sizeof what, "late, round %d", round);
        struct dg_bytes got = run("30m", how);
        compare(&want, &got, what);
    }
    dg_bytes_deinit(&want);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(order_split_chunks_lanes_and_memory_do_not_matter),
                      CASE(late_events_depend_on_their_partition_alone));
}
