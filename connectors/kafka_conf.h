/* connectors/kafka_conf.h -- what every Kafka client of driftgauge shares: its configuration, its
 * log lines, its health. Private to connectors/kafka_*. */
#ifndef DG_CONNECTORS_KAFKA_CONF_H
#define DG_CONNECTORS_KAFKA_CONF_H

#include "connectors/kafka_client.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

enum dg_kafka_role { DG_KAFKA_CONSUMER, DG_KAFKA_PRODUCER };

/* What librdkafka's callbacks tell about one client. It is the client's opaque, so a struct that
 * needs more begins with it. Stays where it is until the client is destroyed. */
struct dg_kafka_link {
    _Atomic int health; /* enum dg_kafka_health */
    _Atomic int code;   /* rd_kafka_resp_err_t of the last error of a broker; 0: none since UP */
    char words[768];    /* of it; written by the thread that polls, empty while UP */
    const char *hint;   /* what to do about it, part of words; NULL: librdkafka's words alone */
    int64_t hint_ms;    /* when words with a hint came */
    int64_t said_ms;    /* when words were last logged as a warning */
    _Atomic int certificate; /* X509_V_ERR_... of the broker's, by librdkafka's threads; 0: good */
    char *token_file;        /* OAUTHBEARER; NULL: none */
    bool vanished;       /* set when topics or all brokers went away; by the thread that polls */
    size_t silent_stats; /* statistics in a row in which no broker was up */
};

/*
 * A configuration for rd_kafka_new: driftgauge's defaults for the role, then options->property.
 * `link` gets health and errors; it is zeroed first, dg_kafka_link_deinit frees it after the
 * client. Errors as dg_kafka_check.
 */
DG_MUST_CHECK int dg_kafka_conf(const struct dg_kafka_options *options, enum dg_kafka_role role,
                                struct dg_kafka_link *link, rd_kafka_conf_t **out,
                                struct dg_error *err);
void dg_kafka_link_deinit(struct dg_kafka_link *link);

/* One more property that driftgauge sets for itself. EINVAL with librdkafka's words. */
DG_MUST_CHECK int dg_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                    struct dg_error *err);

/* rd_kafka_new; takes conf in any case. EINVAL: properties that do not go together, a certificate
 * that cannot be read. */
DG_MUST_CHECK int dg_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out,
                               struct dg_error *err);

/* kafka_words.c: what librdkafka says of a connection, in words that name the setting to look at.
 * `certificate`: why the broker's was refused; 0: it was not. NULL: nothing to add. */
const char *dg_kafka_hint(int code, int certificate, const char *reason);
/* The same of a client that cannot be set up; "" where there is nothing to add. */
const char *dg_kafka_setup_hint(const char *reason);
/* link->words from a reason; not if they say more than the reason does. */
void dg_kafka_note(struct dg_kafka_link *link, int code, const char *reason);
/* Notes down why a certificate is refused; what is refused is OpenSSL's decision. */
void dg_kafka_watch_certificates(rd_kafka_conf_t *conf);

void dg_kafka_health_set(struct dg_kafka_link *link, enum dg_kafka_health health);

/* The errno that says the same: EACCES, ENOENT, ETIMEDOUT, EFBIG, ECONNREFUSED, EIO. */
int dg_kafka_errno(rd_kafka_resp_err_t code);

/* Questions to the broker, as in kafka_member.h; `topic` belongs to rk. */
DG_MUST_CHECK int dg_kafka_ask_range(rd_kafka_t *rk, const struct dg_topic_partition *place,
                                     int timeout_ms, int64_t *low, int64_t *high,
                                     struct dg_error *err);
DG_MUST_CHECK int dg_kafka_ask_offset(rd_kafka_t *rk, const struct dg_topic_partition *place,
                                      int64_t time_us, int timeout_ms, int64_t *offset,
                                      struct dg_error *err);
DG_MUST_CHECK int dg_kafka_ask_partitions(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms,
                                          int32_t *n, struct dg_error *err);

/* Destroy the client (and before, if `close_consumer`, leave its group) on a thread of its own,
 * waiting at most 5 s. Then `done`(arg) runs, at the latest when librdkafka lets go: what the
 * client's callbacks use is freed there. librdkafka 2.0.2 can hang in both calls. */
void dg_kafka_destroy(rd_kafka_t *rk, bool close_consumer, void (*done)(void *arg), void *arg);

#endif
