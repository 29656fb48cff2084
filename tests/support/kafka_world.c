#include "tests/support/kafka_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 30000 };

struct world_writer {
    rd_kafka_t *rk;
};

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "test broker: %s: %s\n", what, why);
    abort();
}

static void need(const char *what, rd_kafka_resp_err_t code)
{
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        stop(what, rd_kafka_err2str(code));
    }
}

static void need_error(const char *what, rd_kafka_error_t *error)
{
    if (error != NULL) {
        stop(what, rd_kafka_error_string(error));
    }
}

const char *world_brokers(void)
{
    const char *servers = getenv("KAFKA_BOOTSTRAP_SERVERS");
    if (servers == NULL) {
        stop("KAFKA_BOOTSTRAP_SERVERS", "not set");
    }
    return servers;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk, (void)code, (void)reason, (void)opaque;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        stop(name, why);
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[512];
    set(conf, "bootstrap.servers", world_brokers());
    set(conf, "log_level", "3");
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk == NULL) {
        stop("client", why);
    }
    return rk;
}

/* The outcome of an admin request; ends `rk`. */
static void finish(const char *what, rd_kafka_t *rk, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    if (event == NULL) {
        stop(what, "no answer");
    }
    need(what, rd_kafka_event_error(event));
    size_t n = 0;
    const rd_kafka_topic_result_t **results = NULL;
    const rd_kafka_CreateTopics_result_t *created = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_DeleteTopics_result_t *deleted = rd_kafka_event_DeleteTopics_result(event);
    const rd_kafka_CreatePartitions_result_t *grown = rd_kafka_event_CreatePartitions_result(event);
    if (created != NULL) {
        results = rd_kafka_CreateTopics_result_topics(created, &n);
    } else if (deleted != NULL) {
        results = rd_kafka_DeleteTopics_result_topics(deleted, &n);
    } else if (grown != NULL) {
        results = rd_kafka_CreatePartitions_result_topics(grown, &n);
    }
    for (size_t i = 0; i < n; i++) {
        need(what, rd_kafka_topic_result_error(results[i]));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

void world_create(const char *topic, int partitions, const char *setting, const char *value)
{
    char why[512];
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
    if (new == NULL) {
        stop(topic, why);
    }
    if (setting != NULL) {
        need(setting, rd_kafka_NewTopic_set_config(new, setting, value));
    }
    rd_kafka_CreateTopics(rk, &new, 1, NULL, queue);
    rd_kafka_NewTopic_destroy(new);
    finish(topic, rk, queue);
}

void world_delete(const char *topic)
{
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopic_t *old = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_DeleteTopics(rk, &old, 1, NULL, queue);
    rd_kafka_DeleteTopic_destroy(old);
    finish(topic, rk, queue);
}

void world_grow(const char *topic, int partitions)
{
    char why[512];
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewPartitions_t *new =
        rd_kafka_NewPartitions_new(topic, (size_t)partitions, why, sizeof why);
    if (new == NULL) {
        stop(topic, why);
    }
    rd_kafka_CreatePartitions(rk, &new, 1, NULL, queue);
    rd_kafka_NewPartitions_destroy(new);
    finish(topic, rk, queue);
}

void world_truncate(const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *old = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &old, 1, NULL, queue);
    rd_kafka_DeleteRecords_destroy(old);
    rd_kafka_topic_partition_list_destroy(list);
    finish(topic, rk, queue);
}

int64_t world_committed(const char *group, const char *topic, int32_t partition)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", group);
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    need("committed", rd_kafka_committed(rk, list, PATIENCE_MS));
    const int64_t offset = list->elems[0].offset < 0 ? -1 : list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk, (void)opaque;
    need("delivery", message->err);
}

struct world_writer *world_open(const char *codec, const char *transactional)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "compression.codec", codec);
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "5");
    if (transactional != NULL) {
        set(conf, "transactional.id", transactional);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    struct world_writer *w = malloc(sizeof *w);
    if (w == NULL) {
        stop("writer", "out of memory");
    }
    w->rk = client(RD_KAFKA_PRODUCER, conf);
    if (transactional != NULL) {
        need_error("init_transactions", rd_kafka_init_transactions(w->rk, PATIENCE_MS));
    }
    return w;
}

void world_flush(struct world_writer *w)
{
    need("flush", rd_kafka_flush(w->rk, PATIENCE_MS));
}

void world_close(struct world_writer *w)
{
    world_flush(w);
    rd_kafka_destroy(w->rk);
    free(w);
}

void world_write_one(struct world_writer *w, const char *topic, int32_t partition, int64_t time_ms,
                     const void *key, size_t key_len, const void *value, size_t value_len,
                     rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = time_ms},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value, value_len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    const size_t n = sizeof values / sizeof values[0] - (headers == NULL);
    rd_kafka_error_t *error;
    while ((error = rd_kafka_produceva(w->rk, values, n)) != NULL) {
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            need_error("produce", error);
        }
        rd_kafka_error_destroy(error);
        rd_kafka_poll(w->rk, 50);
    }
    rd_kafka_poll(w->rk, 0);
}

void world_write(struct world_writer *w, const char *topic, int32_t partition, int64_t first,
                 int64_t n)
{
    for (int64_t i = first; i < first + n; i++) {
        char key[32], value[64];
        const int k = snprintf(key, sizeof key, "k%lld", (long long)i);
        const int v = snprintf(value, sizeof value, "value %lld", (long long)i);
        world_write_one(w, topic, partition, INT64_C(1700000000000) + i, key, (size_t)k, value,
                        (size_t)v, NULL);
    }
}

void world_begin(struct world_writer *w)
{
    need_error("begin", rd_kafka_begin_transaction(w->rk));
}

void world_end(struct world_writer *w, bool commit)
{
    world_flush(w); /* what is only queued would never reach the log */
    need_error("end", commit ? rd_kafka_commit_transaction(w->rk, PATIENCE_MS)
                             : rd_kafka_abort_transaction(w->rk, PATIENCE_MS));
}

void world_fill(const char *topic, int32_t partition, int64_t first, int64_t n)
{
    struct world_writer *w = world_open("none", NULL);
    world_write(w, topic, partition, first, n);
    world_close(w);
}
