/* Memory of the live path over a day of event time: four partitions through a lane, a ledger in
 * memory that forgets result rows, and a judge, as fast as they can.
 *
 *   live_memory [hours=24] [segments=500] [versions=1] [events=10] [late=100] [odd=0]
 *
 * versions x segments x 4 columns = series; events per segment and pane of five minutes; one row in
 * `late` is up to five minutes late; one value in `odd` (0: none) is far from all others, one word
 * in `odd` is new. Prints one JSON object per hour of event time, and fails if after any hour the
 * bytes in use are a twentieth more than after the first. Those the allocator counts, and they are
 * the same in every run; how much of it is resident is the system's affair. */
#include "engine/config.h"
#include "engine/live/judge.h"
#include "engine/live/lane.h"
#include "tests/support/fake_decoder.h"
#include "tests/support/memory_ledger.h"

#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PARTITIONS 4
#define MINUTE     (INT64_C(60) * DG_US_PER_S)
#define START      INT64_C(1767571200000000) /* 2026-01-05 00:00:00 UTC */

static const char HEAD[] = "monitor: memory\n"
                           "columns:\n"
                           "  timestamp: time\n"
                           "  version: t0\n"
                           "  id: t3\n"
                           "  features: { n0: numeric, n1: numeric, n2: numeric, t1: category }\n"
                           "windows: { size: 10m, slide: 5m }\n"
                           "time: { out_of_order: 30s, late_events: 5m }\n"
                           "limits: { max_series: 1000000 }\n"
                           "baselines: { before: previous_window }\n"
                           "checks: { drift: { min_rows: 8 }, psi: { warn: above 0.3, for: 2 } }\n"
                           "segments: [{ column: t2, values: [";

static void check(int rc, const char *what, const struct dg_error *err)
{
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", what, err->message);
        exit(1);
    }
}

/* -- a ledger whose result rows go nowhere -- */

static uint64_t result_rows;

static int sink_window(struct dg_sink *self, const struct dg_window_id *w, struct dg_error *err)
{
    (void)self;
    (void)w;
    (void)err;
    return 0;
}

static int sink_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    (void)self;
    (void)row;
    (void)err;
    result_rows++;
    return 0;
}

static int sink_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    (void)self;
    (void)row;
    (void)err;
    result_rows++;
    return 0;
}

static int sink_end(struct dg_sink *self, struct dg_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static const struct dg_sink_ops NOWHERE = {.name = "nowhere",
                                           .window_begin = sink_window,
                                           .series = sink_series,
                                           .slice = sink_slice,
                                           .window_end = sink_end};
static struct dg_sink nowhere = {&NOWHERE};

static struct dg_sink *no_results(struct dg_ledger *self, int32_t stream)
{
    (void)self;
    (void)stream;
    return &nowhere;
}

/* -- the stream -- */

struct stream {
    struct dg_config config;
    struct dg_plan lane_plan, judge_plan;
    struct memory_db *db;
    struct dg_ledger *lane_ledger, *judge_ledger;
    struct dg_ledger_ops judge_ops; /* the judge's ledger's, but for results */
    struct dg_decoder *decoder;
    struct dg_lane *lane;
    struct dg_judge *judge;
    struct dg_judge_report report;
    int64_t offset[PARTITIONS];
    char (*segment)[12]; /* [n_segments] */
    uint32_t n_segments, n_versions;
    uint64_t seed, late, odd, events, windows, again;
};

static uint64_t draw(struct stream *s)
{
    s->seed = s->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return s->seed >> 33;
}

static void open_config(struct stream *s)
{
    struct dg_bytes yaml = {0};
    struct dg_diagnostics d = {0};
    s->segment = calloc(s->n_segments, sizeof *s->segment);
    DG_ASSERT(s->segment != NULL);
    dg_put_raw(&yaml, HEAD, sizeof HEAD - 1);
    for (uint32_t i = 0; i < s->n_segments; i++) {
        snprintf(s->segment[i], sizeof s->segment[i], "s%u", i);
        if (i + 2 < s->n_segments) { /* the whole and the rest are segments, too */
            dg_put_raw(&yaml, i == 0 ? "" : ", ", i == 0 ? 0 : 2);
            dg_put_raw(&yaml, s->segment[i], strlen(s->segment[i]));
        }
    }
    dg_put_raw(&yaml, "] }]\n", 5);
    if (dg_config_parse("memory.yaml", (const char *)yaml.data, yaml.len, &d, &s->config) != 0) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    dg_diagnostics_deinit(&d);
    dg_bytes_deinit(&yaml);
}

static void open_judge(struct stream *s, const struct dg_stream_key *key)
{
    static const struct dg_baseline *const no_file[1];
    const struct dg_judge_options options = {.file = no_file, .horizon_us = 60 * MINUTE};
    struct dg_error err = {0};
    bool replaced = false;
    int32_t stream = 0;
    s->judge_ledger = memory_ledger_open(s->db);
    s->judge_ops = *s->judge_ledger->ops;
    s->judge_ops.results = no_results;
    s->judge_ledger->ops = &s->judge_ops;
    check(s->judge_ledger->ops->open_stream(s->judge_ledger, key, &stream, &replaced, &err),
          "stream", &err);
    check(dg_judge_open(&s->judge_plan, s->judge_ledger, stream, &options, &s->judge, &err),
          "judge", &err);
    dg_judge_expect(s->judge, PARTITIONS);
}

static void open_lane(struct stream *s, const struct dg_stream_key *key)
{
    static const char *const topic[] = {"events"};
    struct dg_error err = {0};
    bool replaced = false;
    struct dg_lane_stream stream = {
        .plan = &s->lane_plan, .decoder = s->decoder, .topic = topic, .n_topics = 1};
    s->lane_ledger = memory_ledger_open(s->db);
    check(s->lane_ledger->ops->open_stream(s->lane_ledger, key, &stream.stream, &replaced, &err),
          "stream", &err);
    const struct dg_lane_options options = {
        .stream = &stream, .n_streams = 1, .memory_bytes = (size_t)256 << 20};
    check(dg_lane_open(&options, &s->lane, &err), "lane", &err);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        const struct dg_topic_partition place = {topic[0], p};
        const bool from_none = true;
        struct dg_position position;
        int64_t from = 0;
        check(s->lane_ledger->ops->acquire(s->lane_ledger, "g", &place, &stream.stream, 1,
                                           &position, &err),
              "acquire", &err);
        position.next_offset = 0;
        check(dg_lane_take(s->lane, &position, 1, &from_none, &from, &err), "take", &err);
    }
}

static void open_stream(struct stream *s)
{
    struct dg_error err = {0};
    open_config(s);
    const struct dg_monitor *m = s->config.monitor;
    const struct dg_stream_key key = {"g", m->name, m->hash, "", m, NULL, 0};
    s->db = memory_db_open();
    s->decoder = fake_decoder_open(NULL);
    check(dg_plan_init(&s->lane_plan, m, NULL, NULL, &err), "plan", &err);
    check(dg_plan_init(&s->judge_plan, m, NULL, NULL, &err), "plan", &err);
    open_lane(s, &key);
    open_judge(s, &key);
}

static void close_stream(struct stream *s)
{
    dg_judge_close(s->judge);
    dg_lane_close(s->lane);
    s->decoder->ops->close(s->decoder);
    s->lane_ledger->ops->close(s->lane_ledger);
    s->judge_ledger->ops->close(s->judge_ledger);
    memory_db_close(s->db);
    dg_plan_deinit(&s->lane_plan);
    dg_plan_deinit(&s->judge_plan);
    dg_config_deinit(&s->config);
    free(s->segment);
}

/* Mostly 0 to 100; odd ones anywhere within 2^-40 to 2^40. */
static double draw_number(struct stream *s)
{
    const double x = (double)(draw(s) % 10000) / 100.0;
    return s->odd > 0 && draw(s) % s->odd == 0 ? ldexp(1.0 + x, (int)(draw(s) % 80) - 40) : x;
}

static const char *draw_word(struct stream *s, char odd[24])
{
    static const char *const WORDS[] = {"web", "mobile", "branch"};
    if (s->odd > 0 && draw(s) % s->odd == 0) {
        snprintf(odd, 24, "word %" PRIu64, draw(s));
        return odd;
    }
    return WORDS[draw(s) % 3];
}

/* One minute of a partition: disorder within half a minute, some rows minutes late, one in a
 * thousand twice. */
static void feed_minute(struct stream *s, int32_t p, int64_t minute, uint64_t n)
{
    const struct dg_topic_partition place = {"events", p};
    struct fake_log log = {.next_offset = s->offset[p]};
    struct dg_error err = {0};
    char id[24], word[24], version[24];
    for (uint64_t i = 0; i < n; i++) {
        const int64_t at = START + minute * MINUTE + (int64_t)(i * (uint64_t)MINUTE / n);
        const int64_t late = draw(s) % s->late == 0 ? (int64_t)(draw(s) % 6) * MINUTE : 0;
        struct memory_row row = {.time_us = at - late - (int64_t)(draw(s) % 25) * DG_US_PER_S};
        snprintf(id, sizeof id, "%x-%" PRId64, (unsigned)p,
                 log.next_offset - (draw(s) % 1000 == 0));
        for (int k = 0; k < MEMORY_NUMBERS; k++) {
            row.number[k] = draw_number(s);
        }
        snprintf(version, sizeof version, "v%" PRIu64, draw(s) % s->n_versions);
        row.text[0] = version;
        row.text[1] = draw_word(s, word);
        row.text[2] = s->segment[draw(s) % s->n_segments];
        row.text[3] = id;
        fake_log_add(&log, &row, 1, at);
    }
    check(dg_lane_feed(s->lane, &place, log.record, log.n, &err), "feed", &err);
    s->offset[p] = log.next_offset;
    s->events += n;
    fake_log_deinit(&log);
}

static void live_minute(struct stream *s, int64_t minute, uint64_t events)
{
    struct dg_error err = {0};
    for (int32_t p = 0; p < PARTITIONS; p++) {
        feed_minute(s, p, minute, events / PARTITIONS);
    }
    check(dg_lane_commit(s->lane, s->lane_ledger, &err), "commit", &err);
    check(dg_judge_run(s->judge, false, &s->report, &err), "judge", &err);
    s->windows += s->report.windows;
    s->again += s->report.again;
}

static size_t resident_bytes(void)
{
    size_t total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    DG_ASSERT(f != NULL && fscanf(f, "%zu %zu", &total, &resident) == 2);
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i < argc; i++) {
        const size_t n = strlen(name);
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=') {
            return strtoull(argv[i] + n + 1, NULL, 10);
        }
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    const uint64_t hours = option(argc, argv, "hours", 24);
    struct stream s = {.n_segments = (uint32_t)option(argc, argv, "segments", 500),
                       .n_versions = (uint32_t)option(argc, argv, "versions", 1),
                       .seed = 1,
                       .late = option(argc, argv, "late", 100),
                       .odd = option(argc, argv, "odd", 0)};
    const uint64_t per_minute = option(argc, argv, "events", 10) * s.n_segments / 5;
    size_t first = 0;
    bool flat = true;
    DG_ASSERT(hours > 0 && s.n_segments >= 3 && s.n_versions > 0 && per_minute >= PARTITIONS &&
              s.late > 0);
    open_stream(&s);
    for (uint64_t hour = 0; hour < hours; hour++) {
        for (int minute = 0; minute < 60; minute++) {
            live_minute(&s, (int64_t)hour * 60 + minute, per_minute);
        }
        const struct mallinfo2 heap = mallinfo2();
        const size_t in_use = heap.uordblks + heap.hblkhd;
        first = hour == 0 ? in_use : first;
        printf("{\"hour\": %" PRIu64 ", \"series\": %u, \"events\": %" PRIu64
               ", \"windows\": %" PRIu64 ", \"again\": %" PRIu64 ", \"rows\": %" PRIu64
               ", \"rss\": %zu, \"panes\": %zu, \"snapshots\": %zu, \"lane\": %zu, \"kept\": %zu, "
               "\"heap\": %zu, \"ledger_rows\": %zu, \"cpu\": %.1f}\n",
               hour + 1, s.n_segments * s.n_versions * 4, s.events, s.windows, s.again, result_rows,
               resident_bytes(), s.report.bytes, s.report.snapshot_bytes, dg_lane_bytes(s.lane),
               dg_lane_kept_bytes(s.lane), in_use, memory_db_rows(s.db, 1),
               (double)clock() / CLOCKS_PER_SEC);
        fflush(stdout);
        if (in_use > first + first / 20) {
            fprintf(stderr, "memory in use grew from %zu to %zu bytes\n", first, in_use);
            flat = false;
        }
    }
    close_stream(&s);
    return !flat;
}
