#include "connectors/kafka_dead_letters.h"

#include "connectors/kafka_conf.h"
#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One that a producer gave back when it broke: for its successor. */
struct letter {
    struct letter *next;
    char *topic;
    void *key, *value; /* NULL: none */
    size_t key_len, value_len;
    rd_kafka_headers_t *headers;
};

/* What one producer's callbacks use; it may outlive the object if librdkafka hangs. */
struct client {
    struct dg_kafka_link link; /* first: the opaque */
    struct dg_dead_letters *owner;
};

struct dg_dead_letters {
    rd_kafka_conf_t *conf; /* copied for each producer */
    char *token_file;
    rd_kafka_t *rk;
    struct letter *again, **again_end;
    uint64_t sent, refused;
    rd_kafka_resp_err_t refusal; /* of the first since the last flush that told */
    char refused_topic[256];
};

static void letter_free(struct letter *l)
{
    if (l->headers != NULL) {
        rd_kafka_headers_destroy(l->headers);
    }
    free(l->topic);
    free(l->key);
    free(l->value);
    free(l);
}

/* A copy that tells none from empty. */
static void *copy_bytes(const void *bytes, size_t len)
{
    void *copy = bytes == NULL ? NULL : malloc(len > 0 ? len : 1);
    DG_ASSERT(bytes == NULL || copy != NULL);
    return copy == NULL ? NULL : memcpy(copy, bytes, len);
}

static void keep(struct dg_dead_letters *d, const rd_kafka_message_t *message)
{
    struct letter *l = calloc(1, sizeof *l);
    DG_ASSERT(l != NULL);
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        l->headers = rd_kafka_headers_copy(headers);
    }
    l->topic = strdup(rd_kafka_topic_name(message->rkt));
    DG_ASSERT(l->topic != NULL);
    l->key = copy_bytes(message->key, message->key_len);
    l->key_len = message->key_len;
    l->value = copy_bytes(message->payload, message->len);
    l->value_len = message->len;
    *d->again_end = l;
    d->again_end = &l->next;
}

static void refuse(struct dg_dead_letters *d, const char *topic, rd_kafka_resp_err_t code)
{
    d->refused++;
    if (d->refusal == RD_KAFKA_RESP_ERR_NO_ERROR) {
        d->refusal = code;
        snprintf(d->refused_topic, sizeof d->refused_topic, "%s", topic);
    }
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    const struct client *client = opaque;
    const rd_kafka_resp_err_t code = message->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        client->owner->sent++;
    } else if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
               code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || code == RD_KAFKA_RESP_ERR__DESTROY ||
               rd_kafka_fatal_error(rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        keep(client->owner, message);
    } else {
        refuse(client->owner, rd_kafka_topic_name(message->rkt), code);
    }
}

static void client_free(void *arg)
{
    struct client *client = arg;
    dg_kafka_link_deinit(&client->link);
    free(client);
}

static int start(struct dg_dead_letters *d, struct dg_error *err)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return dg_fail_memory(err);
    }
    client->owner = d;
    client->link.token_file = d->token_file == NULL ? NULL : strdup(d->token_file);
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(d->conf);
    rd_kafka_conf_set_opaque(conf, client);
    const int rc = dg_kafka_new(RD_KAFKA_PRODUCER, conf, &d->rk, err);
    if (rc != 0) {
        client_free(client);
    }
    return rc;
}

int dg_dead_letters_open(const struct dg_kafka_options *client, struct dg_dead_letters **out,
                         struct dg_error *err)
{
    struct dg_dead_letters *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return dg_fail_memory(err);
    }
    d->again_end = &d->again;
    struct dg_kafka_link link;
    int rc = dg_kafka_conf(client, DG_KAFKA_PRODUCER, &link, &d->conf, err);
    if (rc == 0) {
        d->token_file = link.token_file;
        rd_kafka_conf_set_dr_msg_cb(d->conf, on_delivery);
        rc = start(d, err);
    }
    if (rc != 0) {
        dg_dead_letters_close(d);
        return rc;
    }
    *out = d;
    return 0;
}

static void stop(struct dg_dead_letters *d)
{
    struct client *client = rd_kafka_opaque(d->rk);
    dg_kafka_destroy(d->rk, false, client_free, client);
    d->rk = NULL;
}

void dg_dead_letters_close(struct dg_dead_letters *d)
{
    if (d == NULL) {
        return;
    }
    if (d->rk != NULL) {
        /* What is not acknowledged is not counted as committed either: it will be read again. */
        rd_kafka_purge(d->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(d->rk, 1000);
        stop(d);
    }
    while (d->again != NULL) {
        struct letter *next = d->again->next;
        letter_free(d->again);
        d->again = next;
    }
    if (d->conf != NULL) {
        rd_kafka_conf_destroy(d->conf);
    }
    free(d->token_file);
    free(d);
}

/* headers are taken over on success. */
static rd_kafka_resp_err_t produce(struct dg_dead_letters *d, const char *topic, const void *key,
                                   size_t key_len, const void *value, size_t value_len,
                                   rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value, value_len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(d->rk, values, sizeof values / sizeof values[0] - (headers == NULL));
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

/* An idempotent producer that broke (its broker lost its sequence, say) never works again: a new
 * one takes over what was not acknowledged. Doubles are possible, losses are not. */
static int revive(struct dg_dead_letters *d, struct dg_error *err)
{
    char why[512];
    if (d->rk != NULL && rd_kafka_fatal_error(d->rk, why, sizeof why) != 0) {
        dg_log_limited(DG_LOG_WARNING, "kafka", "dead letters",
                       "the producer of dead letters starts anew: %s", why);
        rd_kafka_purge(d->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(d->rk, 1000);
        stop(d);
    }
    int rc = d->rk == NULL ? start(d, err) : 0;
    while (rc == 0 && d->again != NULL) {
        struct letter *l = d->again;
        const rd_kafka_resp_err_t code =
            produce(d, l->topic, l->key, l->key_len, l->value, l->value_len, l->headers);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR__FATAL) {
            break;
        }
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            refuse(d, l->topic, code);
        } else {
            l->headers = NULL;
        }
        d->again = l->next;
        if (d->again == NULL) {
            d->again_end = &d->again;
        }
        letter_free(l);
    }
    return rc;
}

static rd_kafka_headers_t *make_headers(const char *monitor, const struct dg_topic_partition *from,
                                        const struct dg_record *record, enum dg_reason reason)
{
    char partition[16], offset[24], timestamp[24];
    snprintf(partition, sizeof partition, "%" PRId32, from->partition);
    snprintf(offset, sizeof offset, "%" PRId64, record->offset);
    snprintf(timestamp, sizeof timestamp, "%" PRId64, record->time_us / 1000);
    const struct {
        const char *name, *value;
    } own[] = {
        {"driftgauge.reason", dg_reason_name(reason)},
        {"driftgauge.monitor", monitor},
        {"driftgauge.topic", from->topic},
        {"driftgauge.partition", partition},
        {"driftgauge.offset", offset},
        {"driftgauge.timestamp", record->time_us == DG_TIME_NONE ? NULL : timestamp},
    };
    const size_t n = sizeof own / sizeof own[0];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->n_headers + n);
    for (size_t i = 0; i < record->n_headers; i++) {
        const struct dg_record_header *h = &record->header[i];
        rd_kafka_header_add(headers, h->name, -1, h->value, h->value == NULL ? 0 : (ssize_t)h->len);
    }
    for (size_t i = 0; i < n; i++) {
        if (own[i].value != NULL) {
            rd_kafka_header_add(headers, own[i].name, -1, own[i].value, -1);
        }
    }
    return headers;
}

int dg_dead_letters_put(struct dg_dead_letters *d, const char *topic, const char *monitor,
                        const struct dg_topic_partition *from, const struct dg_record *record,
                        enum dg_reason reason, struct dg_error *err)
{
    int rc = revive(d, err);
    if (rc != 0) {
        return rc;
    }
    rd_kafka_poll(d->rk, 0);
    rd_kafka_headers_t *headers = make_headers(monitor, from, record, reason);
    const rd_kafka_resp_err_t code =
        produce(d, topic, record->key, record->key_len, record->value, record->value_len, headers);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    rd_kafka_headers_destroy(headers);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR__FATAL) {
        return dg_fail(err, EAGAIN, "dead letters for topic %s wait for Kafka: the queue is full",
                       topic);
    }
    refuse(d, topic, code);
    return 0;
}

int dg_dead_letters_flush(struct dg_dead_letters *d, int timeout_ms, struct dg_error *err)
{
    int rc = revive(d, err);
    if (rc != 0) {
        return rc;
    }
    rd_kafka_flush(d->rk, timeout_ms);
    if (rd_kafka_outq_len(d->rk) > 0 || d->again != NULL ||
        rd_kafka_fatal_error(d->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return dg_fail(err, EAGAIN, "dead letters wait for Kafka to acknowledge them");
    }
    const rd_kafka_resp_err_t refusal = d->refusal;
    d->refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (refusal != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return dg_fail(err, dg_kafka_errno(refusal), "topic %s does not take dead letters: %s",
                       d->refused_topic, rd_kafka_err2str(refusal));
    }
    return 0;
}

void dg_dead_letters_counts(const struct dg_dead_letters *d, uint64_t *sent, uint64_t *refused)
{
    *sent = d->sent;
    *refused = d->refused;
}
