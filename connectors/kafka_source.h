/* connectors/kafka_source.h -- a finite range of topics as a source for replay. */
#ifndef DG_CONNECTORS_KAFKA_SOURCE_H
#define DG_CONNECTORS_KAFKA_SOURCE_H

#include "connectors/kafka_client.h"
#include "connectors/record_decoder.h"
#include "engine/source.h"

struct dg_kafka_source_options {
    struct dg_kafka_options client;
    const char *const *topic; /* [n_topics] */
    size_t n_topics;
    int64_t from_us; /* begin at the first record with this record time or later; DG_TIME_NONE: at
                        the first there is */
    const struct dg_record_format *format;
    struct dg_registry *registry; /* NULL: none */
};

/* All partitions of the topics, in the order of options->topic, from their start to the end they
 * have now (of committed records; what is written later is not read). Partitions are named
 * "TOPIC [NUMBER]". Chunks hold copies of the records, 256 KiB or 4096 of them; decode runs the
 * record decoder on any lane. What is fetched ahead is at most 128 MiB of all partitions, 1 MiB of
 * each at least.
 *
 * Reading waits for brokers that are away for a minute, decoding as long for the registry; then
 * they fail. So does reading where retention was faster. progress: bytes of keys and values;
 * the total is estimated from offsets.
 *
 * The options' client, format and registry and the projection are borrowed until close. ENOENT: no
 * such topic; ECONNREFUSED, EACCES, ETIMEDOUT; errors of dg_record_decoder_open. */
DG_MUST_CHECK int dg_kafka_source_open(const struct dg_kafka_source_options *options,
                                       const struct dg_projection *projection,
                                       struct dg_source **out, struct dg_error *err);

#endif
