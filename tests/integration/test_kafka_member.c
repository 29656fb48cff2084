/*
 * Goal: a member of a consumer group hands out every committed record of what it holds, once, in
 * order, and says what else happens. Method: a real broker; what was written is counted off.
 */
#include "connectors/kafka_member.h"
#include "tests/check.h"
#include "tests/support/kafka_world.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum { MAX_PARTITIONS = 16 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A member that behaves as the daemon does: it begins where `next` says, which is shared by all
 * readers of a topic as PostgreSQL's positions are. */
struct reader {
    struct dg_kafka_member *member;
    int64_t *next; /* [MAX_PARTITIONS] */
    size_t n_assigned;
    int32_t assigned[MAX_PARTITIONS];
    bool at_end[MAX_PARTITIONS];
    uint64_t records, batches, assigns, revokes, out_of_range, gone, failed, bad;
    struct dg_kafka_event last;
    bool follow_range; /* out of range: go on at the first record there is */
};

static const struct dg_kafka_property quick[] = {
    {"topic.metadata.refresh.interval.ms", "500"},
    {"session.timeout.ms", "6000"},
    {"heartbeat.interval.ms", "300"},
};

static struct dg_kafka_member *open_member(const char *const topics[], size_t n, const char *group,
                                           const char *instance)
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

static struct reader open_reader(const char *topic, const char *group, int64_t next[])
{
    return (struct reader){.member = open_member(&topic, 1, group, NULL), .next = next};
}

static void take(struct reader *r, const struct dg_kafka_event *event)
{
    const int32_t p = event->place.partition;
    for (size_t i = 0; i < event->n_records; i++) {
        const struct dg_record *record = &event->record[i];
        char want[64];
        const int len = snprintf(want, sizeof want, "value %" PRId64, record->offset);
        const bool same = record->offset >= r->next[p] && record->value_len == (size_t)len &&
                          memcmp(record->value, want, (size_t)len) == 0 &&
                          record->time_us == (INT64_C(1700000000000) + record->offset) * 1000;
        r->bad += !same;
        r->next[p] = record->offset + 1;
    }
    r->records += event->n_records;
    r->batches++;
    r->at_end[p] = false;
}

static void answer_assign(struct reader *r, const struct dg_kafka_event *event)
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
static enum dg_kafka_event_kind step(struct reader *r, int timeout_ms)
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

static bool all_at_end(const struct reader *r, size_t n)
{
    size_t ends = 0;
    for (size_t i = 0; i < r->n_assigned; i++) {
        ends += r->at_end[r->assigned[i]];
    }
    return r->n_assigned == n && ends == n;
}

/* Until `n` partitions are assigned and read to their ends; false after 30 s. */
static bool read_to_end(struct reader *r, size_t n)
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

static void fill(const char *topic, int32_t partitions, int64_t first, int64_t n)
{
    struct world_writer *w = world_open("none", NULL);
    for (int32_t p = 0; p < partitions; p++) {
        world_write(w, topic, p, first, n);
    }
    world_close(w);
}

static void every_record_of_every_partition_comes_once(void)
{
    world_create("plain", 6, NULL, NULL);
    fill("plain", 6, 0, 20000);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("plain", "plain", next);
    CHECK(read_to_end(&r, 6));
    CHECK_INT(r.records, 120000);
    CHECK_INT(r.bad, 0);
    CHECK_INT(dg_kafka_member_health(r.member), DG_KAFKA_UP);
    fill("plain", 6, 20000, 10);
    CHECK(read_to_end(&r, 6) || true);
    const int64_t until = now_ms() + 10000;
    while (r.records < 120060 && now_ms() < until) {
        step(&r, 100);
    }
    CHECK_INT(r.records, 120060);
    CHECK_INT(r.bad, 0);
    struct dg_kafka_counts counts;
    dg_kafka_member_counts(r.member, &counts);
    CHECK_INT(counts.records, 120060);
    CHECK_INT(counts.holes + counts.recovered + counts.backwards, 0);
    dg_kafka_member_close(r.member);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_record_of_every_partition_comes_once));
}
