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

/* All partitions of the topics, from their start to the end they have now (read_committed). Chunks
 * hold copies of the records; decode runs the record decoder on any lane. ENOENT: no such topic;
 * ECONNREFUSED, EACCES, ETIMEDOUT. */
DG_MUST_CHECK int dg_kafka_source_open(const struct dg_kafka_source_options *options,
                                       const struct dg_projection *projection,
                                       struct dg_source **out, struct dg_error *err);

#endif
