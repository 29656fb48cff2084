/* connectors/kafka_client.h -- librdkafka set up the way driftgauge needs it: properties, errors in
 * words, health. Shared by the group member, the reader of ranges and the dead-letter producer. */
#ifndef DG_CONNECTORS_KAFKA_CLIENT_H
#define DG_CONNECTORS_KAFKA_CLIENT_H

#include "engine/record.h"

/* name = value as librdkafka knows them, after those driftgauge sets itself. A name that ends in
 * "_file" (sasl.password_file) takes the file's first line as value of the name without it,
 * ".pem_file" all of the file. */
struct dg_kafka_property {
    const char *name, *value;
};

struct dg_kafka_options {
    const char *brokers;                      /* "host:port,host:port" */
    const struct dg_kafka_property *property; /* [n_properties] */
    size_t n_properties;
    const char *client_id; /* NULL: driftgauge */
};

enum dg_kafka_health { DG_KAFKA_CONNECTING, DG_KAFKA_UP, DG_KAFKA_DOWN };

/* Check the options without connecting: unknown names, bad values, names that driftgauge needs for
 * itself (enable.auto.commit, auto.offset.reset, group.id, partition.assignment.strategy, ...).
 * EINVAL names the property and librdkafka's own words; secrets are not repeated. */
DG_MUST_CHECK int dg_kafka_check(const struct dg_kafka_options *options, struct dg_error *err);

/* What --check-connect says: brokers reachable, topics there, [n] partitions of each (0: there is
 * no such topic) within timeout. ECONNREFUSED, EACCES (authentication), ETIMEDOUT. */
DG_MUST_CHECK int dg_kafka_probe(const struct dg_kafka_options *options, const char *const topics[],
                                 size_t n, int timeout_ms, int32_t partitions[],
                                 struct dg_error *err);

#endif
