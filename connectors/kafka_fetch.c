#include "connectors/kafka_fetch.h"

#include <stdlib.h>

/* The number that a property has, which may be the user's. */
static size_t number_of(const rd_kafka_conf_t *conf, const char *name)
{
    char text[32];
    size_t size = sizeof text;
    DG_ASSERT(rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK);
    return strtoull(text, NULL, 10);
}

struct dg_kafka_queue_limits dg_kafka_queue_limits(const rd_kafka_conf_t *conf)
{
    return (struct dg_kafka_queue_limits){.records = number_of(conf, "queued.min.messages"),
                                          .bytes =
                                              1024 * number_of(conf, "queued.max.messages.kbytes")};
}

/* The answer is not waited for: behind a fetch it would take up to fetch.wait.max.ms. */
static void wake_fetcher(rd_kafka_t *rk, const struct dg_topic_partition *place)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, place->topic, place->partition)->offset =
        RD_KAFKA_OFFSET_END;
    (void)rd_kafka_offsets_for_times(rk, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

void dg_kafka_keep_fetching(rd_kafka_t *rk, const struct dg_topic_partition *place,
                            rd_kafka_queue_t *queue, struct dg_kafka_queue_limits most,
                            rd_kafka_message_t *const batch[], size_t n, bool *full)
{
    const size_t left = rd_kafka_queue_length(queue);
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += batch[i]->len;
    }
    const size_t left_bytes = bytes / n * left; /* as wide as those of the batch */
    *full |= n + left >= most.records / 4 * 3 || bytes + left_bytes >= most.bytes / 4 * 3;
    if (*full && left < most.records / 2 && left_bytes < most.bytes / 2) {
        *full = false;
        wake_fetcher(rk, place);
    }
}
