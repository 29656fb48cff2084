/* What tests do to a Kafka broker beside what they test. Everything waits until it is done and
 * fails the process with a message if it cannot be: a test cannot go on without. */
#ifndef DG_TESTS_KAFKA_WORLD_H
#define DG_TESTS_KAFKA_WORLD_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* KAFKA_BOOTSTRAP_SERVERS; ends the process without. */
const char *world_brokers(void);

/* `name`: a topic name that no other case uses is the caller's business. setting: NULL, or one
 * property of the topic. */
void world_create(const char *topic, int partitions, const char *setting, const char *value);
void world_delete(const char *topic);
void world_grow(const char *topic, int partitions);
/* Records before `offset` go, as retention would have it. */
void world_truncate(const char *topic, int32_t partition, int64_t offset);
/* Offset in Kafka of a group; -1: none. */
int64_t world_committed(const char *group, const char *topic, int32_t partition);

struct world_writer;
/* A producer; transactional: NULL, or the transactional.id. codec: "none", "zstd", ... */
struct world_writer *world_open(const char *codec, const char *transactional);
void world_close(struct world_writer *w);
/* Records [first, first + n) as key "k<i>" and value "value <i>", time 1700000000000 + i ms. */
void world_write(struct world_writer *w, const char *topic, int32_t partition, int64_t first,
                 int64_t n);
/* Any record; NULL headers: none. time_ms 0: now. */
void world_write_one(struct world_writer *w, const char *topic, int32_t partition, int64_t time_ms,
                     const void *key, size_t key_len, const void *value, size_t value_len,
                     rd_kafka_headers_t *headers);
void world_flush(struct world_writer *w);
void world_begin(struct world_writer *w);
void world_end(struct world_writer *w, bool commit);
/* All of it at once: open, write, close. */
void world_fill(const char *topic, int32_t partition, int64_t first, int64_t n);

#endif
