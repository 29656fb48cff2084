/* connectors/kafka_member.h -- a member of a consumer group: eager rebalancing, explicit offsets,
 * batches per partition. Offsets in Kafka are for lag tools only; where to read from is the
 * caller's.
 *
 * One thread owns the object. It calls dg_kafka_poll at least every few seconds, also while paused
 * or waiting: that keeps its place in the group. */
#ifndef DG_CONNECTORS_KAFKA_MEMBER_H
#define DG_CONNECTORS_KAFKA_MEMBER_H

#include "connectors/kafka_client.h"

#include <stdbool.h>

struct dg_kafka_member_options {
    struct dg_kafka_options client;
    const char *group;
    const char *instance;     /* group.instance.id: static membership; NULL: dynamic */
    const char *const *topic; /* [n_topics] */
    size_t n_topics;
    size_t batch_records; /* at most per poll; 0: 512 */
    /* Of all topics together, which the queues' bounds are divided by; 0: unknown. Per partition at
     * least 1000 records and 256 kB wait, whatever their number. */
    size_t partitions;
    size_t queue_kb;   /* fetch queue per partition; 0: 64 MB / partitions, at most 16384 */
    bool want_headers; /* records come with their headers: from 0.1 us per record more */
};

enum dg_kafka_event_kind {
    DG_KAFKA_NOTHING, /* within timeout_ms */
    DG_KAFKA_RECORDS, /* of one partition, ascending by offset */
    DG_KAFKA_ASSIGN,  /* the group gives `place`[n_places]: answer with dg_kafka_assign, later is
                         fine  (keep polling) */
    DG_KAFKA_REVOKE,  /* the group takes everything back: commit or drop, then dg_kafka_unassign.
                         `lost`: too late, somebody else may have it already */
    DG_KAFKA_AT_END,  /* `place` has nothing behind `offset` */
    DG_KAFKA_OUT_OF_RANGE, /* `place`: nothing stands at `offset` (retention, truncation, a new
                              topic); reading of it has stopped until dg_kafka_seek */
    DG_KAFKA_GONE,   /* `place`: the topic or partition is not there (any more); it is retried */
    DG_KAFKA_DOUBT,  /* topics or all brokers were away: what comes back may be another topic of the
                        same name, and the client reads on in it as if it were the one before */
    DG_KAFKA_FAILED, /* fatal for this object (authorisation, fenced instance): close it */
};

struct dg_kafka_event {
    enum dg_kafka_event_kind kind;
    struct dg_topic_partition place;
    const struct dg_topic_partition *places; /* [n_places] */
    size_t n_places;
    const struct dg_record *record; /* [n_records], valid until the next poll after release */
    size_t n_records;
    int64_t offset;
    bool lost;
    struct dg_error error; /* OUT_OF_RANGE, GONE, FAILED: in words */
};

struct dg_kafka_member;
DG_MUST_CHECK int dg_kafka_member_open(const struct dg_kafka_member_options *options,
                                       struct dg_kafka_member **out, struct dg_error *err);
/* Leaves the group unless it is a static member. Does not hang: after 5 s it leaves the client and
 * its memory to a thread of their own, with a warning (librdkafka 2.0.2 never ends one whose topic
 * was deleted while it was read). Before the process ends, nobody need wait for that. */
void dg_kafka_member_close(struct dg_kafka_member *m);

/* The next event. Records of one poll are handed out partition by partition by repeated calls;
 * their memory is freed by the call after the last. With held = true the records of the last event
 * are kept through this call, and no other records come (a decoder waits): rebalances still do. */
void dg_kafka_poll(struct dg_kafka_member *m, int timeout_ms, bool held,
                   struct dg_kafka_event *event);

/* *out = a record of the last event with its headers, which want_headers = false leaves out; valid
 * until the next call, and as long as the record. ENOMEM. */
DG_MUST_CHECK int dg_kafka_headers(struct dg_kafka_member *m, const struct dg_record *record,
                                   struct dg_record *out, struct dg_error *err);

/* Read these partitions from these offsets. 0 also if the group has taken them back meanwhile: then
 * nothing is read, and DG_KAFKA_REVOKE comes. */
DG_MUST_CHECK int dg_kafka_assign(struct dg_kafka_member *m,
                                  const struct dg_topic_partition places[], const int64_t offsets[],
                                  size_t n, struct dg_error *err);
DG_MUST_CHECK int dg_kafka_unassign(struct dg_kafka_member *m, struct dg_error *err);
/* Go on with one partition at another offset. Records of it already fetched do not come any more.
 */
DG_MUST_CHECK int dg_kafka_seek(struct dg_kafka_member *m, const struct dg_topic_partition *place,
                                int64_t offset, struct dg_error *err);
/* Stop and go on handing out; while paused poll gives everything but what partitions say (records,
 * AT_END, OUT_OF_RANGE). Fetching stops by itself when the queues (queue_kb) are full, and nothing
 * is fetched again afterwards. Always 0. */
DG_MUST_CHECK int dg_kafka_pause(struct dg_kafka_member *m, bool pause, struct dg_error *err);

/* First offset that is there, and the one behind the last (of committed records). ETIMEDOUT,
 * ENOENT. Asks the broker: up to timeout_ms. */
DG_MUST_CHECK int dg_kafka_range(struct dg_kafka_member *m, const struct dg_topic_partition *place,
                                 int timeout_ms, int64_t *low, int64_t *high, struct dg_error *err);
/* end[i] = the one behind the last of places[i], all of them by one question; -1 where the broker
 * did not say. ETIMEDOUT, ENOENT, EACCES: it said nothing at all. */
DG_MUST_CHECK int dg_kafka_ends(struct dg_kafka_member *m, const struct dg_topic_partition places[],
                                size_t n, int timeout_ms, int64_t end[], struct dg_error *err);
/* The first offset whose record time is at or after time_us; the end where there is none. */
DG_MUST_CHECK int dg_kafka_offset_at(struct dg_kafka_member *m,
                                     const struct dg_topic_partition *place, int64_t time_us,
                                     int timeout_ms, int64_t *offset, struct dg_error *err);
/* How many partitions the topic has now; 0: there is none. */
DG_MUST_CHECK int dg_kafka_partitions(struct dg_kafka_member *m, const char *topic, int timeout_ms,
                                      int32_t *n, struct dg_error *err);
/* Write offsets to Kafka for lag tools, asynchronously; failures are nobody's business. */
void dg_kafka_publish(struct dg_kafka_member *m, const struct dg_topic_partition places[],
                      const int64_t offsets[], size_t n);

struct dg_kafka_view {
    struct dg_topic_partition place;
    int64_t high;     /* last known end of the partition; -1 */
    int64_t lag_from; /* next offset to be fetched by the application; -1 */
};
/* Since open. A hole is a jump of offsets that the broker confirmed when asked again (compaction,
 * transactions); `recovered`: the jump was the client's mistake, the records came after all;
 * `backwards`: records that came again and were not handed out. */
struct dg_kafka_counts {
    uint64_t records, holes, recovered, backwards;
};
void dg_kafka_member_counts(const struct dg_kafka_member *m, struct dg_kafka_counts *out);
enum dg_kafka_health dg_kafka_member_health(const struct dg_kafka_member *m);
/* Why the health is DOWN and what to do about it. Valid until the next poll; for the thread that
 * polls. */
const char *dg_kafka_member_words(const struct dg_kafka_member *m);
/* Calls view per assigned partition, from librdkafka's statistics (10 s old at most). */
void dg_kafka_views(const struct dg_kafka_member *m,
                    void (*view)(void *arg, const struct dg_kafka_view *v), void *arg);

#endif
