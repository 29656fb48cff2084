#include "tests/support/live_logs.h"

#include "engine/replay.h"
#include "tests/support/engine_run.h"
#include "tests/support/log_source.h"
#include "tests/support/memory_ledger.h"
#include "tests/support/text_sink.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE (INT64_C(60) * DG_US_PER_S)
#define ID_LEN 12

/* %s: late_events, out_of_order; windows long enough for every kind of baseline */
static const char YAML[] = "monitor: live\n"
                           "columns:\n"
                           "  timestamp: time\n"
                           "  id: t3\n"
                           "  version: t0\n"
                           "  variant: t1\n"
                           "  features: { n0: numeric, t2: category }\n"
                           "windows: [{ size: 2h, slide: 1h }, { size: 6h, slide: 3h }]\n"
                           "time: { late_events: %s, out_of_order: %s, max_ahead: 6h }\n"
                           "segments: [{ column: t2, values: [a] }]\n"
                           "baselines:\n"
                           "  training: { file: training }\n"
                           "  before: previous_window\n"
                           "  trail: { trailing: 8h }\n"
                           "  daily: { seasonal: hour_of_day, cycles: 1, min_cycles: 1 }\n"
                           "  control: { variant: control }\n"
                           "checks:\n"
                           "  drift: { min_rows: 8, for: 2 }\n"
                           "  psi: { warn: above 0.3, for: 3 }\n"
                           "  rows: { warn: below 9, critical: below 3, for: 2 }\n"
                           "  late: { warn: above 1, for: 2 }\n";

static const char *const LATE[] = {"0s", "1h", "3h"};
static const char *const DISORDER[] = {"0s", "30m"};
static const char *const CATEGORIES[] = {"a", "b", "c", NULL};

/* Numbers of this file's own, whatever else draws. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double draw_unit(uint64_t *state)
{
    return ((double)(draw(state) >> 11) + 0.5) * 0x1p-53;
}

static double draw_normal(uint64_t *state)
{
    return sqrt(-2.0 * log(draw_unit(state))) * cos(6.283185307179586 * draw_unit(state));
}

static bool one_in(uint64_t *state, uint64_t n)
{
    return draw(state) % n == 0;
}

static struct memory_row make_row(uint64_t *state, int64_t now, bool drifted, const char *id)
{
    struct memory_row r = {.time_us = now, .record_us = now};
    r.number[0] = draw_normal(state) + (drifted ? 1.4 : 0);
    r.text[0] = one_in(state, 4) ? "v2" : "v1";
    r.text[1] = one_in(state, 3) ? "canary" : "control";
    r.text[2] = CATEGORIES[draw(state) % (drifted ? 4 : 3)];
    r.text[3] = one_in(state, 15) ? NULL : id;
    r.time_us -= (int64_t)(draw(state) % 25) * MINUTE;
    if (one_in(state, 12)) {
        r.time_us -= (int64_t)(draw(state) % 300) * MINUTE; /* some of them late */
    }
    if (one_in(state, 60)) { /* a wrong clock, or one that the record's own says is wrong */
        r.time_us += (int64_t)(1 + draw(state) % 40) * 6 * HOUR;
        r.record_us = one_in(state, 2) ? r.time_us : r.record_us;
    }
    if (one_in(state, 50)) {
        r.reason = DG_BAD_MALFORMED;
    }
    return r;
}

/* Records of one partition from `start` on; ids of this partition begin at id. */
static void make_log(struct live_logs *l, uint32_t p, size_t rows, uint64_t *state)
{
    struct fake_log *to = &l->log[p];
    struct memory_row kept[3];
    int64_t now = MONDAY + (int64_t)(draw(state) % 180) * MINUTE;
    const int64_t step = 50 * HOUR / (int64_t)(rows + 1);
    const bool long_silence = one_in(state, 10);
    for (size_t i = 0; i < rows;) {
        const size_t n = one_in(state, 6) ? draw(state) % 4 : 1;
        size_t made = 0;
        for (; made < n && i < rows; made++, i++) {
            /* Sometimes the id of a row a little before: a producer that sent twice. */
            const size_t id = one_in(state, 9) && i > 4 ? i - 1 - draw(state) % 4 : i;
            now += (int64_t)(draw(state) % (uint64_t)(2 * step));
            kept[made] =
                make_row(state, now, i > rows / 2, l->id + ((size_t)p * 1000 + id) * ID_LEN);
        }
        if (one_in(state, 40)) {
            fake_log_add_null(to, now);
        }
        to->next_offset += one_in(state, 20) ? (int64_t)(draw(state) % 5) : 0;
        fake_log_add(to, kept, made, made > 0 ? kept[0].record_us : now);
        if (one_in(state, 90)) {
            now += 5 * HOUR; /* silence */
        }
        if (long_silence && i > rows / 2 && now < MONDAY + 60 * 24 * HOUR) {
            now += 60 * 24 * HOUR; /* more silent windows than are given */
        }
    }
}

static void make_training(struct live_logs *l, const char *yaml, uint64_t *state)
{
    struct memory_row row[400];
    for (size_t i = 0; i < 400; i++) {
        row[i] = make_row(state, MONDAY + (int64_t)i * MINUTE, false, NULL);
        row[i].reason = DG_GOOD;
    }
    l->training = engine_baseline(yaml, row, 400);
    l->file[0] = l->training;
}

void live_logs_make(struct live_logs *l, uint64_t seed)
{
    char yaml[sizeof YAML + 32];
    uint64_t state = seed;
    struct dg_diagnostics d = {0};
    *l = (struct live_logs){.n = 2 + (uint32_t)(draw(&state) % (LIVE_PARTITIONS_MAX - 1))};
    snprintf(yaml, sizeof yaml, YAML, LATE[draw(&state) % 3], DISORDER[draw(&state) % 2]);
    if (dg_config_parse("live.yaml", yaml, strlen(yaml), &d, &l->config) != 0) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    dg_diagnostics_deinit(&d);
    l->id = calloc((size_t)LIVE_PARTITIONS_MAX * 1000, ID_LEN);
    DG_ASSERT(l->id != NULL);
    for (size_t i = 0; i < (size_t)LIVE_PARTITIONS_MAX * 1000; i++) {
        snprintf(l->id + i * ID_LEN, ID_LEN, "id-%zu", i);
    }
    make_training(l, yaml, &state);
    for (uint32_t p = 0; p < l->n; p++) {
        const size_t rows = one_in(&state, 8) ? draw(&state) % 3 : 80 + draw(&state) % 160;
        make_log(l, p, rows, &state);
    }
}

void live_logs_deinit(struct live_logs *l)
{
    for (uint32_t p = 0; p < l->n; p++) {
        fake_log_deinit(&l->log[p]);
    }
    dg_baseline_free(l->training);
    dg_config_deinit(&l->config);
    free(l->id);
}

void live_logs_plan(const struct live_logs *l, struct dg_plan *out)
{
    struct dg_error err = {0};
    const int rc = dg_plan_init(out, l->config.monitor, l->training, NULL, &err);
    DG_ASSERT(rc == 0);
}

void live_logs_replay(const struct live_logs *l, struct dg_bytes *out)
{
    struct dg_error err = {0};
    struct dg_bytes text = {0};
    struct dg_plan plan;
    struct dg_store *store = NULL;
    struct dg_evaluator *evaluator = NULL;
    struct dg_replay_result result;
    live_logs_plan(l, &plan);
    struct dg_sink *sink = text_sink_open(&text);
    struct dg_source *source = log_source_open(l->log, l->n, 50);
    const struct dg_evaluator_options options = {l->file, INT64_MIN, INT64_MAX, 1};
    const struct dg_replay_options how = {.lanes = 1};
    int rc = dg_memory_store_open(&plan, &store, &err);
    rc = rc != 0 ? rc : dg_evaluator_open(&plan, store, sink, &options, &evaluator, &err);
    rc = rc != 0 ? rc : dg_replay(&plan, source, store, evaluator, &how, &result, &err);
    if (rc != 0) {
        fprintf(stderr, "replay: %s\n", err.message);
        exit(1);
    }
    memory_sort_rows(&text, out);
    dg_evaluator_close(evaluator);
    source->ops->close(source);
    sink->ops->close(sink);
    store->ops->close(store);
    dg_plan_deinit(&plan);
    dg_bytes_deinit(&text);
}
