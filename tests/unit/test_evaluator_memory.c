/* Goal: an evaluator's memory can be taken and put back at any window, and what is put back is
 * either that or refused.
 * Method: random rows with versions, a silent half year and rules that need several windows in a
 * row; the text of every window against that of one pass. Then bytes cut short, flipped, made up.
 */
#include "engine/config.h"
#include "engine/replay.h"
#include "tests/check.h"
#include "tests/support/memory_source.h"
#include "tests/support/text_sink.h"

#include <errno.h>

#define ROWS 1200
#define HOUR (INT64_C(3600) * DG_US_PER_S)

static const char YAML[] = "monitor: memory\n"
                           "columns:\n"
                           "  timestamp: time\n"
                           "  version: t0\n"
                           "  features: { n0: numeric, t1: category }\n"
                           "windows: [{ size: 6h, slide: 3h }, { size: 24h, slide: 6h }]\n"
                           "segments: [{ column: t2, values: [a, b] }]\n"
                           "baselines: { before: previous_window, day: { trailing: 24h } }\n"
                           "checks:\n"
                           "  drift: { min_rows: 10, for: 2 }\n"
                           "  psi: { warn: above 0.2, for: 3 }\n"
                           "  rows: { warn: below 40, critical: below 5, for: 2 }\n";

struct stage {
    struct dg_config config;
    struct dg_plan plan;
    struct dg_store *store;
    struct dg_bytes text;
    struct dg_sink *sink;
    struct dg_evaluator *evaluator;
    struct dg_progress_of_time time;
};

static struct memory_row row[ROWS];

static void make_rows(void)
{
    static const char *const WORDS[] = {"a", "b", "c", "v1", "v2"};
    for (size_t i = 0; i < ROWS; i++) {
        const bool after = i > 900; /* half a year of silence before */
        const double us = (double)i * 0.2 * (double)HOUR;
        row[i].time_us = (int64_t)us + (after ? 4400 * HOUR : 0);
        row[i].number[0] = check_normal() + (i % 300 > 200 ? 1.5 : 0);
        row[i].text[0] = WORDS[3 + (check_random() % 7 == 0)];
        row[i].text[1] = WORDS[check_random() % (i > 500 ? 3 : 2)];
        row[i].text[2] = WORDS[check_random() % 3];
    }
}

static void open_stage(struct stage *s)
{
    struct dg_diagnostics d = {0};
    struct dg_error err = {0};
    const struct memory_partition all = {row, ROWS};
    const struct dg_replay_options how = {.lanes = 1};
    struct dg_replay_result result;
    *s = (struct stage){0};
    make_rows();
    CHECK_INT(dg_config_parse("memory.yaml", YAML, strlen(YAML), &d, &s->config), 0);
    if (s->config.monitor == NULL) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    dg_diagnostics_deinit(&d);
    CHECK_INT(dg_plan_init(&s->plan, s->config.monitor, NULL, NULL, &err), 0);
    CHECK_INT(dg_memory_store_open(&s->plan, &s->store, &err), 0);
    struct dg_source *source = memory_source_open(&all, 1, 100, &s->plan.projection);
    CHECK_INT(dg_replay(&s->plan, source, s->store, NULL, &how, &result, &err), 0);
    source->ops->close(source);
    s->time =
        (struct dg_progress_of_time){result.totals.first_us, result.totals.last_us, INT64_MAX};
    s->sink = text_sink_open(&s->text);
}

static void open_evaluator(struct stage *s)
{
    static const struct dg_baseline *const no_file[2];
    const struct dg_evaluator_options options = {no_file, INT64_MIN, INT64_MAX, 1};
    struct dg_error err = {0};
    dg_evaluator_close(s->evaluator);
    dg_bytes_clear(&s->text);
    CHECK_INT(dg_evaluator_open(&s->plan, s->store, s->sink, &options, &s->evaluator, &err), 0);
}

static void close_stage(struct stage *s)
{
    dg_evaluator_close(s->evaluator);
    s->sink->ops->close(s->sink);
    s->store->ops->close(s->store);
    dg_bytes_deinit(&s->text);
    dg_plan_deinit(&s->plan);
    dg_config_deinit(&s->config);
}

static bool step(struct stage *s)
{
    struct dg_error err = {0};
    bool any = false;
    CHECK_INT(dg_evaluator_step(s->evaluator, &s->time, &any, &err), 0);
    return any;
}

/* The memory after some windows, and how much had been said by then. */
struct mark {
    struct dg_bytes memory;
    size_t said;
};
#define MARKS 40

static void any_window_can_be_gone_back_to(void)
{
    struct stage s;
    struct mark mark[MARKS] = {0};
    struct dg_bytes again = {0};
    struct dg_error err = {0};
    size_t n = 0, steps = 0;
    open_stage(&s);
    open_evaluator(&s);
    dg_evaluator_save(s.evaluator, &mark[n++].memory); /* before the first */
    while (step(&s)) {
        if (++steps % 37 == 0 && n < MARKS) {
            mark[n].said = s.text.len;
            dg_evaluator_save(s.evaluator, &mark[n++].memory);
        }
    }
    CHECK(n == MARKS);
    dg_put_u8(&s.text, 0);
    CHECK(strstr((const char *)s.text.data, "status=drift") != NULL);
    CHECK(dg_evaluator_silent_left_out(s.evaluator) > 100);
    const struct dg_bytes whole = s.text;
    s.text = (struct dg_bytes){0};
    for (int round = 0; round < 60; round++) {
        const struct mark *m = &mark[check_random() % MARKS];
        dg_bytes_clear(&s.text);
        CHECK_INT(dg_evaluator_restore(s.evaluator, m->memory.data, m->memory.len, &err), 0);
        dg_bytes_clear(&again);
        dg_evaluator_save(s.evaluator, &again);
        CHECK(again.len == m->memory.len && memcmp(again.data, m->memory.data, again.len) == 0);
        for (uint64_t k = check_random() % 300; k > 0 && step(&s); k--) {
        }
        CHECK(m->said + s.text.len <= whole.len);
        CHECK(memcmp(whole.data + m->said, s.text.data, s.text.len) == 0);
    }
    for (size_t i = 0; i < MARKS; i++) {
        dg_bytes_deinit(&mark[i].memory);
    }
    struct dg_bytes rest = whole;
    dg_bytes_deinit(&rest);
    dg_bytes_deinit(&again);
    close_stage(&s);
}

/* Of all that a delta could be added to, reach names what no window so far would notice. */
static void reach_lies_behind_every_window_given_or_left_out(void)
{
    struct stage s;
    open_stage(&s);
    open_evaluator(&s);
    CHECK(dg_evaluator_reach(s.evaluator) == INT64_MIN);
    CHECK(dg_evaluator_needed_from(s.evaluator) == INT64_MIN);
    int64_t last = INT64_MIN;
    for (int64_t end = 0; step(&s);) {
        dg_put_u8(&s.text, 0);
        const char *text = (const char *)s.text.data;
        const char *at = strstr(text, " window_end=");
        end = at == NULL ? end : strtoll(at + 12, NULL, 10);
        CHECK(dg_evaluator_reach(s.evaluator) >= end);
        CHECK(dg_evaluator_reach(s.evaluator) >= last);
        CHECK(dg_evaluator_needed_from(s.evaluator) <= dg_evaluator_reach(s.evaluator));
        last = dg_evaluator_reach(s.evaluator);
        dg_bytes_clear(&s.text);
    }
    close_stage(&s);
}

/* Hostile bytes are refused and change nothing, or are a memory like any other. */
static void try_bytes(struct stage *s, const uint8_t bytes[], size_t n)
{
    struct dg_bytes before = {0}, after = {0};
    struct dg_error err = {0};
    dg_evaluator_save(s->evaluator, &before);
    const int rc = dg_evaluator_restore(s->evaluator, bytes, n, &err);
    dg_evaluator_save(s->evaluator, &after);
    if (rc != 0) {
        CHECK_INT(rc, EBADMSG);
        CHECK(err.message[0] != '\0');
        CHECK(before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
    } else {
        step(s);
        CHECK_INT(dg_evaluator_restore(s->evaluator, before.data, before.len, &err), 0);
    }
    dg_bytes_deinit(&before);
    dg_bytes_deinit(&after);
}

static void damaged_bytes_are_refused(void)
{
    struct stage s;
    struct dg_bytes good = {0};
    open_stage(&s);
    open_evaluator(&s);
    for (int i = 0; i < 40; i++) {
        step(&s);
    }
    dg_evaluator_save(s.evaluator, &good);
    uint8_t *bytes = malloc(good.len + 1);
    for (size_t n = 0; n < good.len;
         n++) { /* in a block of its own, so that a read too far shows */
        uint8_t *cut = malloc(n == 0 ? 1 : n);
        struct dg_error err = {0};
        memcpy(cut, good.data, n);
        CHECK_INT(dg_evaluator_restore(s.evaluator, cut, n, &err), EBADMSG);
        free(cut);
    }
    for (int round = 0; round < 3000; round++) {
        memcpy(bytes, good.data, good.len);
        for (uint64_t k = 1 + check_random() % 3; k > 0; k--) {
            bytes[check_random() % good.len] = (uint8_t)check_random();
        }
        try_bytes(&s, bytes, good.len);
    }
    memcpy(bytes, good.data, good.len);
    bytes[good.len] = 0; /* more than there should be */
    struct dg_error err = {0};
    CHECK_INT(dg_evaluator_restore(s.evaluator, bytes, good.len + 1, &err), EBADMSG);
    bytes[0] = 77;
    CHECK_INT(dg_evaluator_restore(s.evaluator, bytes, good.len, &err), EBADMSG);
    CHECK(strstr(err.message, "version 77") != NULL);
    free(bytes);
    dg_bytes_deinit(&good);
    close_stage(&s);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(any_window_can_be_gone_back_to),
                      CASE(reach_lies_behind_every_window_given_or_left_out),
                      CASE(damaged_bytes_are_refused));
}
