/* connectors/kafka_decode.h -- raw records in a chunk, and decoders for several lanes. Private to
 * connectors/kafka_source.c. */
#ifndef DG_CONNECTORS_KAFKA_DECODE_H
#define DG_CONNECTORS_KAFKA_DECODE_H

#include "connectors/record_decoder.h"
#include "engine/source.h"

#include <librdkafka/rdkafka.h>

/* Append a copy of the message with key and headers: chunk->records grows by one, the first sets
 * chunk->first. Returns 0 or ENOMEM. */
DG_MUST_CHECK int dg_kafka_chunk_add(struct dg_chunk *chunk, rd_kafka_message_t *message);

/* One decoder for each batch that is decoded into, made when it first comes. */
struct dg_kafka_decoders;
/* Borrows all three. One decoder is made at once: errors as dg_record_decoder_open. */
DG_MUST_CHECK int dg_kafka_decoders_open(const struct dg_record_format *format,
                                         const struct dg_projection *projection,
                                         struct dg_registry *registry,
                                         struct dg_kafka_decoders **out, struct dg_error *err);
void dg_kafka_decoders_close(struct dg_kafka_decoders *d);

/* Decode all records of the chunk into `batch`, from any thread, from several at the same time with
 * batches of their own. Where the decoder stops between two records (a schema changed, a batch is
 * full), it goes on into a batch beside, whose rows are added. Waits up to a minute for a registry
 * that cannot be asked. 0, ENOMEM, ETIMEDOUT; other errors of making a decoder. */
DG_MUST_CHECK int dg_kafka_decode(struct dg_kafka_decoders *d,
                                  const struct dg_topic_partition *place,
                                  const struct dg_chunk *chunk, struct dg_batch *batch,
                                  struct dg_error *err);

#endif
