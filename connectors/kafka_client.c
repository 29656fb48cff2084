#include "connectors/kafka_client.h"
#include "connectors/clock.h"
#include "connectors/kafka_conf.h"
#include "engine/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Somebody who named an authority or a password means TLS or SASL, and the default is neither. */
static void doubt_protocol(const struct dg_kafka_options *options)
{
    const char *protocol = "plaintext", *ssl = NULL, *sasl = NULL;
    for (size_t i = 0; i < options->n_properties; i++) {
        const struct dg_kafka_property *p = &options->property[i];
        protocol = strcmp(p->name, "security.protocol") == 0 ? p->value : protocol;
        ssl = strncmp(p->name, "ssl.", 4) == 0 ? p->name : ssl;
        sasl = strncmp(p->name, "sasl.", 5) == 0 ? p->name : sasl;
    }
    const bool with_sasl = strncasecmp(protocol, "sasl_", 5) == 0;
    const bool with_ssl = strcasecmp(protocol, "ssl") == 0 || strcasecmp(protocol, "sasl_ssl") == 0;
    const char *const idle = sasl != NULL && !with_sasl ? sasl
                             : ssl != NULL && !with_ssl ? ssl
                                                        : NULL;
    if (idle != NULL) {
        dg_log_limited(DG_LOG_WARNING, "kafka", "kafka protocol",
                       "Kafka property `%s` has no effect: `security.protocol` is %s; write %s",
                       idle, protocol, sasl == NULL ? "SSL" : "SASL_SSL");
    }
}

int dg_kafka_check(const struct dg_kafka_options *options, struct dg_error *err)
{
    if (options->brokers == NULL || options->brokers[0] == '\0') {
        return dg_fail(err, EINVAL, "no Kafka broker is named: write host:port in `brokers`");
    }
    const enum dg_kafka_role roles[] = {DG_KAFKA_CONSUMER, DG_KAFKA_PRODUCER};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        /* Without brokers nothing is connected, yet certificates are read. */
        struct dg_kafka_options alone = *options;
        alone.brokers = NULL;
        struct dg_kafka_link link;
        rd_kafka_conf_t *conf = NULL;
        rd_kafka_t *rk = NULL;
        int rc = dg_kafka_conf(&alone, roles[i], &link, &conf, err);
        if (rc != 0) {
            return rc;
        }
        rc = dg_kafka_new(roles[i] == DG_KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
                          conf, &rk, err);
        if (rc == 0) {
            rd_kafka_destroy(rk);
        }
        dg_kafka_link_deinit(&link);
        if (rc != 0) {
            return rc;
        }
    }
    doubt_protocol(options);
    return 0;
}

/* One attempt of at most slice_ms. */
static rd_kafka_resp_err_t count_partitions(rd_kafka_t *rk, rd_kafka_topic_t *topic, int slice_ms,
                                            int32_t *partitions)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &metadata, slice_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    *partitions = 0;
    if (metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        *partitions = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        return RD_KAFKA_RESP_ERR_NO_ERROR; /* a new topic */
    }
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        *partitions = 0;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return code;
}

static int probe_failed(const struct dg_kafka_options *options, struct dg_kafka_link *link,
                        rd_kafka_resp_err_t code, struct dg_error *err)
{
    const rd_kafka_resp_err_t heard = (rd_kafka_resp_err_t)atomic_load(&link->code);
    if (heard != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return dg_fail(err, dg_kafka_errno(heard), "Kafka at %s: %s", options->brokers,
                       link->words);
    }
    return dg_fail(err, dg_kafka_errno(code) == ECONNREFUSED ? ETIMEDOUT : dg_kafka_errno(code),
                   "Kafka at %s: %s", options->brokers, rd_kafka_err2str(code));
}

/* Until there is an answer, the time is up, or an error has stood for a while: the first address of
 * a host (::1, say) may fail and the second work. */
static int probe_topic(rd_kafka_t *rk, struct dg_kafka_link *link,
                       const struct dg_kafka_options *options, const char *name, int64_t until_ms,
                       int32_t *partitions, struct dg_error *err)
{
    enum { SLICE_MS = 250, GRACE_MS = 2000 };
    rd_kafka_topic_t *topic = name == NULL ? NULL : rd_kafka_topic_new(rk, name, NULL);
    if (topic == NULL && name != NULL) {
        return dg_fail(err, EINVAL, "`%s` cannot be the name of a topic: %s", name,
                       rd_kafka_err2str(rd_kafka_last_error()));
    }
    int64_t failing_since = -1;
    for (;;) {
        const int64_t begun = dg_steady_ms();
        const int left = until_ms > begun ? (int)(until_ms - begun) : 0;
        const rd_kafka_resp_err_t code =
            count_partitions(rk, topic, left < SLICE_MS ? left + 1 : SLICE_MS, partitions);
        rd_kafka_poll(rk, 0);
        const int64_t now = dg_steady_ms();
        const bool heard = atomic_load(&link->code) != 0;
        failing_since = !heard ? -1 : failing_since < 0 ? now : failing_since;
        const bool final = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                           (heard && now - failing_since >= GRACE_MS) || now >= until_ms;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || final) {
            if (topic != NULL) {
                rd_kafka_topic_destroy(topic);
            }
            if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
                return dg_fail(err, EACCES, "topic %s: %s", name, rd_kafka_err2str(code));
            }
            return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : probe_failed(options, link, code, err);
        }
    }
}

static void free_link(void *arg)
{
    dg_kafka_link_deinit(arg);
    free(arg);
}

int dg_kafka_probe(const struct dg_kafka_options *options, const char *const topics[], size_t n,
                   int timeout_ms, int32_t partitions[], struct dg_error *err)
{
    struct dg_kafka_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return dg_fail_memory(err);
    }
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    int rc = dg_kafka_conf(options, DG_KAFKA_CONSUMER, link, &conf, err);
    if (rc == 0) {
        rc = dg_kafka_new(RD_KAFKA_CONSUMER, conf, &rk, err);
    }
    if (rc != 0) {
        free_link(link);
        return rc;
    }
    const int64_t until_ms = dg_steady_ms() + timeout_ms;
    if (n == 0) {
        int32_t none = 0;
        rc = probe_topic(rk, link, options, NULL, until_ms, &none, err);
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = probe_topic(rk, link, options, topics[i], until_ms, &partitions[i], err);
    }
    dg_kafka_destroy(rk, false, free_link, link);
    return rc;
}
