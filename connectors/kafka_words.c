/* connectors/kafka_words.c -- what is wrong with a connection, and what to do: librdkafka names the
 * same cause whether a certificate has the wrong issuer or the wrong name. */
#include "connectors/clock.h"
#include "connectors/kafka_conf.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

static const char *certificate_hint(int certificate)
{
    switch (certificate) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the broker's certificate is for another host name: write a name that stands in it "
               "in `brokers`, and have the broker advertise such a name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "the broker's certificate, or its authority's, has expired: have it renewed";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the broker's certificate is not valid yet: check the clocks of both machines";
    case X509_V_ERR_CERT_REVOKED:
        return "the broker's certificate was revoked: have it replaced";
    default:
        return "the broker's certificate is not signed by an authority that is trusted here: name "
               "the authority's certificate in `ssl.ca.location`";
    }
}

static bool says_any(const char *reason, const char *const parts[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasestr(reason, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

#define SAYS(reason, ...)                                                                          \
    says_any(reason, (const char *const[]){__VA_ARGS__},                                           \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

const char *dg_kafka_hint(int code, int certificate, const char *reason)
{
    if (SAYS(reason, "certificate verify failed")) {
        return certificate_hint(certificate);
    }
    /* Alerts come from the broker: it is our certificate that it does not like, or misses. */
    if (SAYS(reason, "alert bad certificate", "alert certificate required", "alert unknown ca",
             "alert certificate unknown", "alert certificate expired",
             "alert unsupported certificate", "alert certificate revoked")) {
        return "the broker wants a certificate of ours that it trusts: check "
               "`ssl.certificate.location` and `ssl.key.location`";
    }
    if (SAYS(reason, "unexpected eof while reading", "wrong version number", "record layer failure",
             "packet length too long")) {
        return "this listener does not seem to speak TLS: check the port in `brokers`, and "
               "`security.protocol`";
    }
    if (SAYS(reason, "Unsupported SASL mechanism")) {
        return "the broker has no such mechanism: check `sasl.mechanism`";
    }
    if (SAYS(reason, "OAUTHBEARER", "invalid_token")) {
        return "the broker gets no token that it accepts: check `sasl.oauthbearer.token_file`, or "
               "the other properties of `sasl.oauthbearer`";
    }
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
        return "the broker does not let us in: check `sasl.username`, `sasl.password_file` and "
               "`sasl.mechanism`";
    }
    if (SAYS(reason, "Disconnected while requesting ApiVersion") ||
        code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        return "the broker ends the connection without a word: if it runs, check "
               "`security.protocol` and the port in `brokers`";
    }
    return NULL;
}

const char *dg_kafka_setup_hint(const char *reason)
{
    if (SAYS(reason, "kerberos")) {
        return " (without `sasl.mechanism` Kerberos is meant: set it to SCRAM-SHA-512, PLAIN or "
               "OAUTHBEARER)";
    }
    if (SAYS(reason, "key values mismatch")) {
        return " (key and certificate do not belong together)";
    }
    if (SAYS(reason, "ssl.key.location", "ssl.key.pem")) {
        return " (it must be a private key in PEM; if it has a pass phrase, check "
               "`ssl.key.password_file`)";
    }
    if (SAYS(reason, "mac verify failure")) {
        return " (check `ssl.keystore.password_file`)";
    }
    return "";
}

void dg_kafka_note(struct dg_kafka_link *link, int code, const char *reason)
{
    /* One address of a host refuses and the other tells why, in turn. */
    enum { PREFERRED_MS = 20000 };
    const bool down = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    const char *const hint = down && link->words[0] != '\0'
                                 ? NULL
                                 : dg_kafka_hint(code, atomic_load(&link->certificate), reason);
    const int64_t now = dg_steady_ms();
    /* "all brokers are down" says less than the error before it. */
    if (link->words[0] != '\0' && hint == NULL &&
        (down || (link->hint != NULL && now - link->hint_ms < PREFERRED_MS))) {
        return;
    }
    /* What librdkafka adds here is right for one of the causes only. */
    const char *const guess = strstr(reason, ": broker certificate could not be verified");
    const int len = (int)(guess == NULL ? strlen(reason) : (size_t)(guess - reason));
    if (hint == NULL) {
        snprintf(link->words, sizeof link->words, "%.*s", len, reason);
    } else {
        snprintf(link->words, sizeof link->words, "%s (librdkafka: %.*s)", hint, len, reason);
        link->hint_ms = now;
    }
    if (hint != link->hint) {
        link->said_ms = 0;
    }
    link->hint = hint;
    atomic_store(&link->code, code);
}

static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *error, int depth,
                          const char *der, size_t len, char *why, size_t why_size, void *opaque)
{
    (void)rk;
    (void)broker;
    (void)id;
    (void)depth;
    (void)der;
    (void)len;
    struct dg_kafka_link *link = opaque;
    if (*error == X509_V_OK) {
        return 1;
    }
    atomic_store(&link->certificate, *error);
    snprintf(why, why_size, "%s", X509_verify_cert_error_string(*error));
    return 0;
}

void dg_kafka_watch_certificates(rd_kafka_conf_t *conf)
{
    (void)rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}
