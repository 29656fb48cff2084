/* connectors/kafka_member_state.h -- a group member from inside: partitions, the batch that is
 * being handed out. Private to connectors/kafka_member.c, kafka_batch.c, kafka_ask.c. */
#ifndef DG_CONNECTORS_KAFKA_MEMBER_STATE_H
#define DG_CONNECTORS_KAFKA_MEMBER_STATE_H

#include "connectors/kafka_conf.h"
#include "connectors/kafka_fetch.h"
#include "connectors/kafka_member.h"

/* How it works. Every partition's fetch queue is split off from the consumer's queue before it is
 * assigned, so that rebalances, errors and statistics are served while records wait: nothing is
 * ever paused in librdkafka, whose version 2.0.2 can lose records then. Records wait in bounded
 * queues; an eventfd tells that a queue is no longer empty. */

struct dg_kafka_part {
    struct dg_topic_partition place;
    rd_kafka_queue_t *queue;
    int64_t next;     /* offset to be handed out next */
    int64_t doubt_to; /* offset that came instead of `next`, asked for again; -1: none */
    bool sparse;      /* jumps were confirmed here: they are normal */
    bool stopped;     /* out of range until a seek */
    bool full;        /* so much waited here that fetching has stopped */
};

struct dg_kafka_note {
    struct dg_kafka_event event;
    struct dg_kafka_note *next;
};

struct dg_kafka_member {
    struct dg_kafka_link link; /* first: the client's opaque */
    rd_kafka_t *rk;
    rd_kafka_queue_t *main;
    int wake;
    char **topic;
    rd_kafka_topic_t **handle; /* [n_topics] */
    size_t n_topics;
    bool want_headers, paused, closing;

    struct dg_kafka_part *part; /* [n_parts] ascending as assigned */
    size_t n_parts, turn;
    bool assigned;

    rd_kafka_message_t **message;            /* [batch_records]; [0, n_messages) of part `from` */
    struct dg_kafka_queue_limits queue_most; /* per partition */
    size_t batch_records, n_messages;
    size_t run, at;         /* [run, at) are handed out, [at, n_messages) wait */
    const char *from_topic; /* NULL: what waits is of a partition that was taken away */
    int32_t from_partition;
    struct dg_record *record; /* [batch_records] */
    struct dg_record_header *header;
    size_t header_cap;

    bool revoke_due, assign_due, revoked, lost;
    struct dg_topic_partition *places; /* [n_places] of the last rebalance */
    size_t n_places;
    struct dg_kafka_note *note, **note_end;
    struct dg_kafka_counts counts;
};

/* The member's own copy of a topic's name, NULL if it is none of its topics: equal names are equal
 * pointers. */
const char *dg_kafka_topic_name(const struct dg_kafka_member *m, const char *name);
/* NULL: not assigned. `topic` may be NULL. */
struct dg_kafka_part *dg_kafka_find_part(const struct dg_kafka_member *m, const char *topic,
                                         int32_t partition);
/* Keep an event for the next poll; its kind is set. */
struct dg_kafka_event *dg_kafka_add_note(struct dg_kafka_member *m, enum dg_kafka_event_kind kind);

/* Read one partition from p->next; what waits of it is dropped. A failure becomes a note. */
void dg_kafka_go_back(struct dg_kafka_member *m, struct dg_kafka_part *p);

/* What waits of the batch does not come any more; what was handed out stays. */
void dg_kafka_drop_rest(struct dg_kafka_member *m);
/* Free what was handed out. */
void dg_kafka_release_run(struct dg_kafka_member *m);
/* The next event of the partitions' queues, if there is one. */
bool dg_kafka_take_partition(struct dg_kafka_member *m, struct dg_kafka_event *event);
/* The event that an error of a partition makes; false: none, it was logged. */
bool dg_kafka_partition_error(struct dg_kafka_member *m, struct dg_kafka_part *p,
                              const rd_kafka_message_t *message, struct dg_kafka_event *event);
/* "TOPIC [PARTITION]: words" as the event's error. */
void dg_kafka_describe(struct dg_kafka_event *event, const struct dg_topic_partition *place,
                       const char *words);
bool dg_kafka_means_gone(rd_kafka_resp_err_t code);
bool dg_kafka_means_failed(rd_kafka_resp_err_t code);

#endif
