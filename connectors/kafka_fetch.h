/* connectors/kafka_fetch.h -- fetching goes on as soon as a partition's full queue has room.
 * Private to connectors/kafka_*.
 *
 * A partition whose queue is full is not fetched, and librdkafka 2.0.2 looks again only when its
 * broker thread wakes up, up to a second later: a quick reader would stand still until then. A
 * small question to the broker wakes the thread. */
#ifndef DG_CONNECTORS_KAFKA_FETCH_H
#define DG_CONNECTORS_KAFKA_FETCH_H

#include "connectors/kafka_conf.h"

/* So much may wait in a partition's queue, and a fetch more. */
struct dg_kafka_queue_limits {
    size_t records, bytes;
};

struct dg_kafka_queue_limits dg_kafka_queue_limits(const rd_kafka_conf_t *conf);

/* batch[n], n > 0, was just taken from the partition's queue. *full is the queue's memory between
 * calls, false at first. Never waits. */
void dg_kafka_keep_fetching(rd_kafka_t *rk, const struct dg_topic_partition *place,
                            rd_kafka_queue_t *queue, struct dg_kafka_queue_limits most,
                            rd_kafka_message_t *const batch[], size_t n, bool *full);

#endif
