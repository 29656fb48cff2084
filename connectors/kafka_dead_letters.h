/* connectors/kafka_dead_letters.h -- records that could not be read, to a topic of their own, as
 * they were: key, value, headers, plus driftgauge.reason, driftgauge.monitor, driftgauge.topic,
 * driftgauge.partition, driftgauge.offset, driftgauge.timestamp (milliseconds since 1970, as Kafka
 * has it; left out where the record has none), all as text. One thread at a time owns the object.
 * Flushed before the commit that counts them, so none is lost; after a crash some may come twice
 * (same topic, partition, offset).
 */
#ifndef DG_CONNECTORS_KAFKA_DEAD_LETTERS_H
#define DG_CONNECTORS_KAFKA_DEAD_LETTERS_H

#include "connectors/kafka_client.h"
#include "engine/batch.h"

struct dg_dead_letters;
DG_MUST_CHECK int dg_dead_letters_open(const struct dg_kafka_options *client,
                                       struct dg_dead_letters **out, struct dg_error *err);
void dg_dead_letters_close(struct dg_dead_letters *d);
/* Queue one; copied. EAGAIN: the queue is full (the broker is away). One that is too large for any
 * topic is refused, which the next flush says. For the record's headers see dg_kafka_headers. */
DG_MUST_CHECK int dg_dead_letters_put(struct dg_dead_letters *d, const char *topic,
                                      const char *monitor, const struct dg_topic_partition *from,
                                      const struct dg_record *record, enum dg_reason reason,
                                      struct dg_error *err);
/* Wait until all are acknowledged. EAGAIN: not within timeout_ms, try again; ENOENT, EACCES, EFBIG,
 * EIO: one was refused (err: which topic, why) and the others are acknowledged; it is counted as
 * refused and dropped, and the next flush does not speak of it. That a topic does not exist is
 * known after topic.metadata.propagation.max.ms (30 s). A producer that breaks is replaced; what
 * it had not acknowledged is sent again. */
DG_MUST_CHECK int dg_dead_letters_flush(struct dg_dead_letters *d, int timeout_ms,
                                        struct dg_error *err);
/* Sent and acknowledged, refused; since open. */
void dg_dead_letters_counts(const struct dg_dead_letters *d, uint64_t *sent, uint64_t *refused);

#endif
