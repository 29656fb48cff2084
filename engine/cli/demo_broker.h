/* engine/cli/demo_broker.h -- librdkafka's broker for tests inside this process, and the demo's
 * stream into it. It holds 5 MiB per partition and forgets them when the process ends. */
#ifndef DG_ENGINE_CLI_DEMO_BROKER_H
#define DG_ENGINE_CLI_DEMO_BROKER_H

#include "engine/cli/demo_events.h"
#include "engine/error.h"

struct dg_demo_broker;

/* A broker on 127.0.0.1 that has one topic. EIO: librdkafka's own words. */
DG_MUST_CHECK int dg_demo_broker_open(const char *topic, int partitions,
                                      struct dg_demo_broker **out, struct dg_error *err);
void dg_demo_broker_close(struct dg_demo_broker *b); /* NULL is fine */
/* "127.0.0.1:40000", as long as the broker lives. */
const char *dg_demo_broker_address(const struct dg_demo_broker *b);
/* Write one event as JSON, keyed by its customer. EIO as above. */
DG_MUST_CHECK int dg_demo_broker_put(struct dg_demo_broker *b, const struct dg_demo_event *e,
                                     struct dg_error *err);
/* Wait until all of them stand in the log. EIO: one could not be written, or not within 10 s. */
DG_MUST_CHECK int dg_demo_broker_flush(struct dg_demo_broker *b, struct dg_error *err);

#endif
