/* engine/cli/demo_events.h -- a credit-scoring model's log, made up but plausible: what the demo
 * and the tests of the live path judge. No clock, no chance: the same seed gives the same events.
 */
#ifndef DG_ENGINE_CLI_DEMO_EVENTS_H
#define DG_ENGINE_CLI_DEMO_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dg_demo_events {
    uint64_t state; /* of the generator; DG_DEMO_SEED, or any other number */
};
#define DG_DEMO_SEED UINT64_C(20260301)

/* Numbers hold what their decimal text in a log says, so that text and binary formats agree. The
 * texts are constants. */
struct dg_demo_event {
    uint64_t id;
    int64_t time_ms; /* since 1970, UTC */
    const char *country, *channel, *employment, *decision;
    double income, utilization; /* utilization NAN: not known */
    double loan_amount, score, latency_ms;
    int32_t age, term_months;
};

/*
 * The next event, at `at` seconds since 1970. When the world has changed (`drifted`):
 *   - a partner channel is live and brings smaller incomes
 *   - utilization is missing in one row of five (an upstream join broke)
 *   - the score follows, and latency grows a tail
 */
void dg_demo_event_next(struct dg_demo_events *self, uint64_t id, double at, bool drifted,
                        struct dg_demo_event *out);

/* Uniform in (0, 1), from the same generator. */
double dg_demo_uniform(struct dg_demo_events *self);

/* Texts of one event, without a line's end; the number of bytes, below n. An unknown number is an
 * empty field, and null. */
#define DG_DEMO_TEXT 512
size_t dg_demo_event_csv(const struct dg_demo_event *e, char *buf, size_t n);
size_t dg_demo_event_json(const struct dg_demo_event *e, char *buf, size_t n);
extern const char dg_demo_csv_header[];

/* A customer of the event as a record's key, "c0123": a function of the id. Returns buf. */
#define DG_DEMO_KEY 16
char *dg_demo_event_key(const struct dg_demo_event *e, char buf[DG_DEMO_KEY]);

#endif
