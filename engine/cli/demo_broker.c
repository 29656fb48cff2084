#include "engine/cli/demo_broker.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH_MS = 10000 };

struct dg_demo_broker {
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    const rd_kafka_mock_cluster_t *cluster; /* the client's */
    uint64_t failed;
    rd_kafka_resp_err_t why;
};

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct dg_demo_broker *b = opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        b->failed++;
        b->why = message->err;
    }
}

/* What matters is returned. */
static void say_nothing(const rd_kafka_t *client, int level, const char *facility,
                        const char *words)
{
    (void)client;
    (void)level;
    (void)facility;
    (void)words;
}

/* This broker hands out one batch per partition and fetch: few large ones, or readers fall behind.
 */
static int open_client(struct dg_demo_broker *b, struct dg_error *err)
{
    static const char *const property[][2] = {{"test.mock.num.brokers", "1"},
                                              {"compression.codec", "lz4"},
                                              {"partitioner", "murmur2"},
                                              {"linger.ms", "250"}};
    char why[512] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, b);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_log_cb(conf, say_nothing);
    for (size_t i = 0; i < sizeof property / sizeof property[0]; i++) {
        if (rd_kafka_conf_set(conf, property[i][0], property[i][1], why, sizeof why) !=
            RD_KAFKA_CONF_OK) {
            rd_kafka_conf_destroy(conf);
            return dg_fail(err, EIO, "cannot set up the demo's broker: %s", why);
        }
    }
    b->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (b->client == NULL) {
        rd_kafka_conf_destroy(conf);
        return dg_fail(err, EIO, "cannot start the demo's broker: %s", why);
    }
    return 0;
}

int dg_demo_broker_open(const char *topic, int partitions, struct dg_demo_broker **out,
                        struct dg_error *err)
{
    struct dg_demo_broker *b = calloc(1, sizeof *b);
    int rc = b == NULL ? dg_fail_memory(err) : open_client(b, err);
    if (rc != 0) {
        free(b);
        return rc;
    }
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(b->client);
    const rd_kafka_resp_err_t code =
        cluster == NULL ? RD_KAFKA_RESP_ERR__FAIL
                        : rd_kafka_mock_topic_create(cluster, topic, partitions, 1);
    b->cluster = cluster;
    b->topic =
        code == RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_topic_new(b->client, topic, NULL) : NULL;
    if (b->topic == NULL) {
        dg_demo_broker_close(b);
        return dg_fail(err, EIO, "cannot make the demo's topic: %s", rd_kafka_err2str(code));
    }
    *out = b;
    return 0;
}

void dg_demo_broker_close(struct dg_demo_broker *b)
{
    if (b == NULL) {
        return;
    }
    if (b->topic != NULL) {
        rd_kafka_topic_destroy(b->topic);
    }
    rd_kafka_purge(b->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(b->client);
    free(b);
}

const char *dg_demo_broker_address(const struct dg_demo_broker *b)
{
    return rd_kafka_mock_cluster_bootstraps(b->cluster);
}

int dg_demo_broker_put(struct dg_demo_broker *b, const struct dg_demo_event *e,
                       struct dg_error *err)
{
    char value[DG_DEMO_TEXT], key[DG_DEMO_KEY];
    const size_t n = dg_demo_event_json(e, value, sizeof value);
    dg_demo_event_key(e, key);
    for (;;) {
        const rd_kafka_vu_t message[] = {
            {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = b->topic},
            {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
            {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key, strlen(key)}},
            {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, n}},
            {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = e->time_ms},
        };
        rd_kafka_error_t *failure =
            rd_kafka_produceva(b->client, message, sizeof message / sizeof message[0]);
        const rd_kafka_resp_err_t code = rd_kafka_error_code(failure); /* of none: none */
        rd_kafka_error_destroy(failure);
        rd_kafka_poll(b->client, code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 50 : 0);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return 0;
        }
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return dg_fail(err, EIO, "cannot write to the demo's topic: %s",
                           rd_kafka_err2str(code));
        }
    }
}

int dg_demo_broker_flush(struct dg_demo_broker *b, struct dg_error *err)
{
    const rd_kafka_resp_err_t code = rd_kafka_flush(b->client, FLUSH_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || b->failed > 0) {
        return dg_fail(err, EIO, "events did not reach the demo's topic: %s",
                       rd_kafka_err2str(code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : b->why));
    }
    return 0;
}
