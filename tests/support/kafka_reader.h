/* A member of a group that behaves as the daemon does, for tests: it begins where `next` says,
 * which all readers of a topic share as they share positions in PostgreSQL, and it counts and
 * checks what it gets. Record i of a partition is "value i". */
#ifndef DG_TESTS_KAFKA_READER_H
#define DG_TESTS_KAFKA_READER_H

#include "connectors/kafka_member.h"
#include "tests/check.h"
#include "tests/support/kafka_world.h"

#include <inttypes.h>
#include <stdbool.h>
#include <time.h>

enum { MAX_PARTITIONS = 16 };

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct reader {
    struct dg_kafka_member *member;
    int64_t *next; /* [MAX_PARTITIONS] */
    size_t n_assigned;
    int32_t assigned[MAX_PARTITIONS];
    bool at_end[MAX_PARTITIONS];
    uint64_t records, batches, assigns, revokes, out_of_range, gone, failed, bad;
    struct dg_kafka_event last;
    bool sparse;       /* offsets may jump */
    bool follow_range; /* out of range: go on at the first record there is */
};

static const struct dg_kafka_property quick[] = {
    {"topic.metadata.refresh.interval.ms", "500"},
    {"session.timeout.ms", "6000"},
    {"heartbeat.interval.ms", "300"},
};

static inline struct dg_kafka_member *open_member(const char *const topics[], size_t n,
                                                  const char *group, const char *instance)
{
    struct dg_kafka_member_options options = {
        .client = {.brokers = world_brokers(), .property = quick, .n_properties = 3},
        .group = group,
        .instance = instance,
        .topic = topics,
        .n_topics = n,
        .batch_records = 1000,
        .want_headers = true,
    };
    struct dg_kafka_member *m = NULL;
    struct dg_error err;
    if (dg_kafka_member_open(&options, &m, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    return m;
}

static inline struct reader open_reader(const char *topic, const char *group, int64_t next[])
{
    return (struct reader){.member = open_member(&topic, 1, group, NULL), .next = next};
}

static inline void take(struct reader *r, const struct dg_kafka_event *event)
{
    const int32_t p = event->place.partition;
    for (size_t i = 0; i < event->n_records; i++) {
        const struct dg_record *record = &event->record[i];
        char want[64];
        const int len = snprintf(want, sizeof want, "value %" PRId64, record->offset);
        const bool same =
            (r->sparse ? record->offset >= r->next[p] : record->offset == r->next[p]) &&
            record->value_len == (size_t)len && memcmp(record->value, want, (size_t)len) == 0 &&
            record->time_us == (INT64_C(1700000000000) + record->offset) * 1000;
        r->bad += !same;
        r->next[p] = record->offset + 1;
    }
    r->records += event->n_records;
    r->batches++;
    r->at_end[p] = false;
}

static inline void answer_assign(struct reader *r, const struct dg_kafka_event *event)
{
    struct dg_error err;
    int64_t offsets[MAX_PARTITIONS];
    r->assigns++;
    r->n_assigned = event->n_places;
    memset(r->at_end, 0, sizeof r->at_end);
    for (size_t i = 0; i < event->n_places; i++) {
        r->assigned[i] = event->places[i].partition;
        offsets[i] = r->next[event->places[i].partition];
    }
    CHECK_INT(dg_kafka_assign(r->member, event->places, offsets, event->n_places, &err), 0);
}

/* One poll, answered. */
static inline enum dg_kafka_event_kind step(struct reader *r, int timeout_ms)
{
    struct dg_error err;
    struct dg_kafka_event event;
    int64_t low, high;
    dg_kafka_poll(r->member, timeout_ms, false, &event);
    switch (event.kind) {
    case DG_KAFKA_RECORDS:
        take(r, &event);
        break;
    case DG_KAFKA_ASSIGN:
        answer_assign(r, &event);
        break;
    case DG_KAFKA_REVOKE:
        r->revokes++;
        r->n_assigned = 0;
        CHECK_INT(dg_kafka_unassign(r->member, &err), 0);
        break;
    case DG_KAFKA_AT_END:
        r->at_end[event.place.partition] = true;
        break;
    case DG_KAFKA_OUT_OF_RANGE:
        r->out_of_range++;
        if (r->follow_range) {
            CHECK_INT(dg_kafka_range(r->member, &event.place, 5000, &low, &high, &err), 0);
            r->next[event.place.partition] = low;
            CHECK_INT(dg_kafka_seek(r->member, &event.place, low, &err), 0);
        }
        break;
    case DG_KAFKA_DOUBT:
        break;
    case DG_KAFKA_GONE:
        r->gone++;
        break;
    case DG_KAFKA_FAILED:
        fprintf(stderr, "failed: %s\n", event.error.message);
        r->failed++;
        break;
    case DG_KAFKA_NOTHING:
        break;
    }
    if (event.kind != DG_KAFKA_NOTHING) {
        r->last = event;
    }
    return event.kind;
}

static inline bool all_at_end(const struct reader *r, size_t n)
{
    size_t ends = 0;
    for (size_t i = 0; i < r->n_assigned; i++) {
        ends += r->at_end[r->assigned[i]];
    }
    return r->n_assigned == n && ends == n;
}

/* Until `n` partitions are assigned and read to their ends; false after 30 s. */
static inline bool read_to_end(struct reader *r, size_t n)
{
    const int64_t until = now_ms() + 30000;
    while (!all_at_end(r, n)) {
        if (now_ms() > until) {
            return false;
        }
        step(r, 200);
    }
    return true;
}

static inline void fill(const char *topic, int32_t partitions, int64_t first, int64_t n)
{
    struct world_writer *w = world_open("none", NULL);
    for (int32_t p = 0; p < partitions; p++) {
        world_write(w, topic, p, first, n);
    }
    world_close(w);
}

/* Until `records` have come in all; false after 30 s. */
static inline bool read_records(struct reader *r, uint64_t records)
{
    const int64_t until = now_ms() + 30000;
    while (r->records < records && now_ms() < until) {
        step(r, 100);
    }
    return r->records == records;
}

static inline void step_for(struct reader *r, int ms)
{
    const int64_t until = now_ms() + ms;
    while (now_ms() < until) {
        step(r, 50);
    }
}

/* Until an event of this kind has come; false after 40 s. */
static inline bool read_until(struct reader *r, enum dg_kafka_event_kind kind)
{
    const int64_t until = now_ms() + 40000;
    while (now_ms() < until) {
        if (step(r, 100) == kind) {
            return true;
        }
    }
    return false;
}

#endif
