/*
 * Goal: a Kafka property that cannot work is refused before anything is connected, in words, and
 * without its secret. Method: properties good and bad; a port where nobody listens.
 */
#include "connectors/kafka_conf.h"
#include "tests/check.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <unistd.h>

static struct dg_error err;

static int check(const char *name, const char *value)
{
    const struct dg_kafka_property property = {name, value};
    const struct dg_kafka_options options = {
        .brokers = "127.0.0.1:1", .property = &property, .n_properties = name != NULL};
    err.message[0] = '\0';
    return dg_kafka_check(&options, &err);
}

static void check_refused(const char *name, const char *value, const char *words)
{
    CHECK_INT(check(name, value), EINVAL);
    if (strstr(err.message, words) == NULL || strstr(err.message, name) == NULL) {
        CHECK_STR(err.message, words);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0);
    CHECK_INT(file == NULL ? 1 : fclose(file), 0);
}

static void properties_of_librdkafka_pass(void)
{
    CHECK_INT(check(NULL, NULL), 0);
    CHECK_INT(check("session.timeout.ms", "9000"), 0);
    CHECK_INT(check("security.protocol", "SSL"), 0);
    CHECK_INT(check("ssl.endpoint.identification.algorithm", "none"), 0);
    CHECK_INT(check("compression.type", "lz4"), 0);
}

static void unknown_names_and_bad_values_are_refused_in_librdkafkas_words(void)
{
    check_refused("sesion.timeout.ms", "9000", "No such configuration property");
    check_refused("session.timeout.ms", "soon", "session.timeout.ms");
    check_refused("session.timeout.ms", "0", "outside allowed range");
    check_refused("rebalance_cb", "1", "rebalance_cb");
}

static void what_driftgauge_needs_for_itself_is_refused_with_the_reason(void)
{
    check_refused("enable.auto.commit", "true", "PostgreSQL");
    check_refused("auto.offset.reset", "earliest", "`start`");
    check_refused("group.id", "mine", "`group`");
    check_refused("bootstrap.servers", "a:1", "`brokers`");
    check_refused("bootstrap.servers_file", "/dev/null", "`brokers`");
    check_refused("partition.assignment.strategy", "cooperative-sticky", "eager");
    check_refused("isolation.level", "read_uncommitted", "committed");
    check_refused("plugin.library.paths", "x.so", "code");
    check_refused("client.rack", "a", "followers");
}

static void properties_that_do_not_go_together_are_refused(void)
{
    const struct dg_kafka_property pair[] = {{"security.protocol", "SSL"},
                                             {"ssl.ca.location", "/nowhere/ca.pem"}};
    const struct dg_kafka_options options = {
        .brokers = "127.0.0.1:1", .property = pair, .n_properties = 2};
    CHECK_INT(dg_kafka_check(&options, &err), EINVAL);
    CHECK(strstr(err.message, "`ssl.ca.location`: /nowhere/ca.pem: No such file") != NULL);
    const struct dg_kafka_options nobody = {.brokers = ""};
    CHECK_INT(dg_kafka_check(&nobody, &err), EINVAL);
}

static void sasl_without_a_mechanism_says_what_librdkafka_takes_for_granted(void)
{
    CHECK_INT(check("security.protocol", "SASL_SSL"), EINVAL);
    CHECK(strstr(err.message, "set it to SCRAM-SHA-512") != NULL);
}

/* As librdkafka 2.0.2 and Kafka 3.9 say them. */
static void every_refusal_names_the_setting_to_look_at(void)
{
    static const char verify[] = "error:0A000086:SSL routines::certificate verify failed";
    const struct {
        int code, certificate;
        const char *reason, *words;
    } cases[] = {
        {RD_KAFKA_RESP_ERR__SSL, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, verify,
         "`ssl.ca.location`"},
        {RD_KAFKA_RESP_ERR__SSL, X509_V_OK, verify, "`ssl.ca.location`"},
        {RD_KAFKA_RESP_ERR__SSL, X509_V_ERR_HOSTNAME_MISMATCH, verify, "another host name"},
        {RD_KAFKA_RESP_ERR__SSL, X509_V_ERR_IP_ADDRESS_MISMATCH, verify, "another host name"},
        {RD_KAFKA_RESP_ERR__SSL, X509_V_ERR_CERT_HAS_EXPIRED, verify, "has expired"},
        {RD_KAFKA_RESP_ERR__SSL, X509_V_ERR_CERT_NOT_YET_VALID, verify, "clocks"},
        {RD_KAFKA_RESP_ERR__SSL, X509_V_ERR_CERT_REVOKED, verify, "revoked"},
        {RD_KAFKA_RESP_ERR__TRANSPORT, 0, "sslv3 alert bad certificate: SSL alert number 42",
         "`ssl.key.location`"},
        {RD_KAFKA_RESP_ERR__SSL, 0, "SSL routines::unexpected eof while reading",
         "`security.protocol`"},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, 0, "Broker: Unsupported SASL mechanism: broker's",
         "`sasl.mechanism`"},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, 0, "{\"status\":\"invalid_token\"}", "token_file"},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, 0, "Invalid username or password",
         "`sasl.password_file`"},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, 0, "1/1 brokers are down", "`security.protocol`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *hint = dg_kafka_hint(cases[i].code, cases[i].certificate, cases[i].reason);
        CHECK(hint != NULL && strstr(hint, cases[i].words) != NULL);
    }
    CHECK(dg_kafka_hint(RD_KAFKA_RESP_ERR__TRANSPORT, 0, "Connect to x failed: refused") == NULL);
}

static void what_tells_most_stays(void)
{
    struct dg_kafka_link link = {0};
    dg_kafka_note(&link, RD_KAFKA_RESP_ERR__TRANSPORT, "Connect to ::1 failed: refused");
    CHECK(strstr(link.words, "::1") != NULL);
    atomic_store(&link.certificate, X509_V_ERR_CERT_HAS_EXPIRED);
    dg_kafka_note(&link, RD_KAFKA_RESP_ERR__SSL,
                  "x: certificate verify failed: broker certificate could not be verified, verify "
                  "that ssl.ca.location is correctly configured");
    CHECK(strstr(link.words, "expired") != NULL && strstr(link.words, "ssl.ca") == NULL);
    /* The same host's other address, and librdkafka's summary, say less. */
    dg_kafka_note(&link, RD_KAFKA_RESP_ERR__TRANSPORT, "Connect to ::1 failed: refused");
    dg_kafka_note(&link, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    CHECK(strstr(link.words, "expired") != NULL);
    CHECK_INT(atomic_load(&link.code), RD_KAFKA_RESP_ERR__SSL);
    /* But not for ever. */
    link.hint_ms -= 60000;
    dg_kafka_note(&link, RD_KAFKA_RESP_ERR__TRANSPORT, "Connect to x failed: refused");
    CHECK_STR(link.words, "Connect to x failed: refused");
    dg_kafka_health_set(&link, DG_KAFKA_UP);
    CHECK_STR(link.words, "");
}

static void a_secret_comes_from_a_file_and_stays_out_of_errors(void)
{
    char dir[] = "/tmp/driftgauge-kafka-XXXXXX", path[64];
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/secret", dir);
    write_file(path, "hunter2.385\nsecond line\n");
    CHECK_INT(check("sasl.password_file", path), 0);
    CHECK_INT(check("sasl.oauthbearer.token_file", path), 0);
    /* A secret where none fits: librdkafka's words would repeat it. */
    check_refused("security.protocol_file", path, "refuses its value");
    CHECK(strstr(err.message, "hunter2") == NULL);
    CHECK(strstr(err.message, "hunter2") == NULL);
    check_refused("no.such.thing_file", path, "No such configuration property");
    write_file(path, "\n");
    check_refused("sasl.password_file", path, "empty first line");
    unlink(path);
    CHECK_INT(check("sasl.password_file", path), ENOENT);
    CHECK(strstr(err.message, path) != NULL);
    CHECK_INT(check("sasl.oauthbearer.token_file", path), ENOENT);
    rmdir(dir);
}

static void a_probe_of_nobody_says_so(void)
{
    const struct dg_kafka_options options = {.brokers = "127.0.0.1:1"};
    const char *const topics[] = {"t"};
    int32_t partitions[1];
    CHECK_INT(dg_kafka_probe(&options, topics, 1, 10000, partitions, &err), ECONNREFUSED);
    CHECK(strstr(err.message, "127.0.0.1:1") != NULL);
    CHECK_INT(dg_kafka_probe(&options, NULL, 0, 10000, NULL, &err), ECONNREFUSED);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(properties_of_librdkafka_pass),
                      CASE(unknown_names_and_bad_values_are_refused_in_librdkafkas_words),
                      CASE(what_driftgauge_needs_for_itself_is_refused_with_the_reason),
                      CASE(properties_that_do_not_go_together_are_refused),
                      CASE(sasl_without_a_mechanism_says_what_librdkafka_takes_for_granted),
                      CASE(every_refusal_names_the_setting_to_look_at), CASE(what_tells_most_stays),
                      CASE(a_secret_comes_from_a_file_and_stays_out_of_errors),
                      CASE(a_probe_of_nobody_says_so));
}
