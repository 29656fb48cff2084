/*
 * Goal: records that could not be read arrive in their topic as they were, whatever happens to the
 * producer; those that a topic refuses are told. Method: a real broker, read back by a member.
 */
#include "connectors/kafka_dead_letters.c" /* to break its producer */
#include "connectors/kafka_member.h"
#include "tests/check.h"
#include "tests/support/kafka_world.h"

#include <errno.h>

static struct dg_error err;

static const struct dg_kafka_property quick = {"topic.metadata.propagation.max.ms", "500"};

static struct dg_dead_letters *open_letters(void)
{
    const struct dg_kafka_options client = {
        .brokers = world_brokers(), .property = &quick, .n_properties = 1};
    struct dg_dead_letters *d = NULL;
    CHECK_INT(dg_dead_letters_open(&client, &d, &err), 0);
    return d;
}

/* Reads `n` records of partition 0 and hands each to `look`. */
static void read_back(const char *topic, size_t n,
                      void (*look)(size_t i, const struct dg_record *record))
{
    const struct dg_kafka_member_options options = {.client = {.brokers = world_brokers()},
                                                    .group = topic,
                                                    .topic = &topic,
                                                    .n_topics = 1,
                                                    .want_headers = true};
    struct dg_kafka_member *m = NULL;
    CHECK_INT(dg_kafka_member_open(&options, &m, &err), 0);
    size_t got = 0;
    struct dg_kafka_event event;
    for (int i = 0; i < 200 && (got < n || event.kind != DG_KAFKA_AT_END); i++) {
        dg_kafka_poll(m, 100, false, &event);
        if (event.kind == DG_KAFKA_ASSIGN) {
            const int64_t zero = 0;
            CHECK_INT(dg_kafka_assign(m, event.places, &zero, event.n_places, &err), 0);
        }
        for (size_t r = 0; event.kind == DG_KAFKA_RECORDS && r < event.n_records; r++) {
            look(got++, &event.record[r]);
        }
    }
    CHECK_INT(got, n);
    dg_kafka_member_close(m);
}

static void check_header(const struct dg_record *r, size_t i, const char *name, const char *value)
{
    CHECK(i < r->n_headers);
    if (i < r->n_headers) {
        CHECK_STR(r->header[i].name, name);
        CHECK(r->header[i].value != NULL && r->header[i].len == strlen(value) &&
              memcmp(r->header[i].value, value, strlen(value)) == 0);
    }
}

static void look_at_first(size_t i, const struct dg_record *r)
{
    if (i == 0) {
        CHECK(r->key_len == 3 && memcmp(r->key, "k\0y", 3) == 0);
        CHECK(r->value_len == 2 && memcmp(r->value, "{x", 2) == 0);
        CHECK_INT(r->n_headers, 8);
        check_header(r, 0, "trace", "2385");
        CHECK(r->n_headers > 1 && r->header[1].value == NULL);
        check_header(r, 2, "driftgauge.reason", "malformed");
        check_header(r, 3, "driftgauge.monitor", "credit");
        check_header(r, 4, "driftgauge.topic", "source");
        check_header(r, 5, "driftgauge.partition", "5");
        check_header(r, 6, "driftgauge.offset", "123456789012");
        check_header(r, 7, "driftgauge.timestamp", "-1500");
    } else {
        CHECK(r->key == NULL && r->value == NULL);
        CHECK_INT(r->n_headers, 5); /* no time, no timestamp */
        check_header(r, 0, "driftgauge.reason", "schema");
    }
}

static void a_record_arrives_as_it_was_with_where_and_why(void)
{
    world_create("letters", 1, NULL, NULL);
    struct dg_dead_letters *d = open_letters();
    const struct dg_record_header headers[] = {{"trace", (const uint8_t *)"2385", 4},
                                               {"none", NULL, 0}};
    const struct dg_topic_partition from = {"source", 5};
    const struct dg_record full = {.offset = 123456789012,
                                   .time_us = -1500000,
                                   .key = (const uint8_t *)"k\0y",
                                   .key_len = 3,
                                   .value = (const uint8_t *)"{x",
                                   .value_len = 2,
                                   .header = headers,
                                   .n_headers = 2};
    const struct dg_record tombstone = {.offset = 1, .time_us = DG_TIME_NONE};
    CHECK_INT(dg_dead_letters_put(d, "letters", "credit", &from, &full, DG_BAD_MALFORMED, &err), 0);
    CHECK_INT(dg_dead_letters_put(d, "letters", "credit", &from, &tombstone, DG_BAD_SCHEMA, &err),
              0);
    CHECK_INT(dg_dead_letters_flush(d, 20000, &err), 0);
    uint64_t sent = 0, refused = 0;
    dg_dead_letters_counts(d, &sent, &refused);
    CHECK(sent == 2 && refused == 0);
    dg_dead_letters_close(d);
    read_back("letters", 2, look_at_first);
}

static void put(struct dg_dead_letters *d, const char *topic, int64_t offset, size_t len)
{
    uint8_t *value = calloc(1, len);
    const struct dg_topic_partition from = {"source", 0};
    const struct dg_record record = {.offset = offset, .value = value, .value_len = len};
    CHECK(value != NULL);
    int rc;
    while ((rc = dg_dead_letters_put(d, topic, "m", &from, &record, DG_BAD_UTF8, &err)) == EAGAIN) {
        CHECK(dg_dead_letters_flush(d, 1000, &err) != EINVAL);
    }
    CHECK_INT(rc, 0);
    free(value);
}

static int flush(struct dg_dead_letters *d)
{
    int rc = EAGAIN;
    for (int i = 0; i < 30 && rc == EAGAIN; i++) {
        rc = dg_dead_letters_flush(d, 1000, &err);
    }
    return rc;
}

static void what_a_topic_refuses_is_told_once_and_counted(void)
{
    world_create("small", 1, "max.message.bytes", "20000");
    struct dg_dead_letters *d = open_letters();
    put(d, "nobody-made-this", 1, 10);
    CHECK_INT(flush(d), ENOENT);
    CHECK(strstr(err.message, "nobody-made-this") != NULL);
    put(d, "small", 2, 10);
    CHECK_INT(flush(d), 0);
    put(d, "small", 3, 50000000); /* zeros shrink: this one passes */
    CHECK_INT(flush(d), 0);
    put(d, "small", 4, 80000000); /* larger than anything that is ever sent */
    CHECK_INT(flush(d), EFBIG);
    CHECK(strstr(err.message, "small") != NULL);
    CHECK_INT(flush(d), 0);
    uint64_t sent = 0, refused = 0;
    dg_dead_letters_counts(d, &sent, &refused);
    CHECK_INT(sent, 2);
    CHECK_INT(refused, 2);
    dg_dead_letters_close(d);
}

static uint64_t seen;

static void note_offset(size_t i, const struct dg_record *r)
{
    (void)i;
    for (size_t h = 0; h < r->n_headers; h++) {
        if (strcmp(r->header[h].name, "driftgauge.offset") == 0) {
            seen |= UINT64_C(1) << strtoull((const char *)r->header[h].value, NULL, 10);
        }
    }
}

static void broker(const char *command, const char *option)
{
    char line[1024];
    snprintf(line, sizeof line, "%s/scripts/kafka.sh %s '%s' %s", getenv("DG_SOURCE_DIR"), command,
             getenv("DG_KAFKA_DIR"), option);
    CHECK_INT(system(line), 0);
}

static void letters_wait_for_a_broker_that_is_away(void)
{
    world_create("waiting", 1, NULL, NULL);
    struct dg_dead_letters *d = open_letters();
    put(d, "waiting", 0, 10);
    CHECK_INT(flush(d), 0);
    broker("stop", "--crash");
    for (int i = 1; i < 40; i++) {
        put(d, "waiting", i, 10);
    }
    CHECK_INT(dg_dead_letters_flush(d, 1000, &err), EAGAIN);
    broker("start", "");
    CHECK_INT(flush(d), 0);
    dg_dead_letters_close(d);
    seen = 0;
    read_back("waiting", 40, note_offset);
    CHECK_INT(seen, (UINT64_C(1) << 40) - 1);
}

/* The producer's sequence is lost: librdkafka 2.0.2 does so after a timeout. */
static void a_producer_that_breaks_is_replaced(void)
{
    world_create("broken", 1, NULL, NULL);
    struct dg_dead_letters *d = open_letters();
    for (int i = 0; i < 30; i++) {
        put(d, "broken", i, 1000);
        if (i % 10 == 5) {
            CHECK_INT(rd_kafka_test_fatal_error(
                          d->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "by the test"),
                      0);
        }
    }
    CHECK_INT(flush(d), 0);
    CHECK_INT(rd_kafka_test_fatal_error(d->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                        "by the test"),
              0);
    CHECK_INT(flush(d), 0);
    uint64_t sent = 0, refused = 0;
    dg_dead_letters_counts(d, &sent, &refused);
    CHECK_INT(sent, 30);
    CHECK_INT(refused, 0);
    dg_dead_letters_close(d);
    seen = 0;
    read_back("broken", 30, note_offset);
    CHECK_INT(seen, (UINT64_C(1) << 30) - 1);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(a_record_arrives_as_it_was_with_where_and_why),
                      CASE(what_a_topic_refuses_is_told_once_and_counted),
                      CASE(a_producer_that_breaks_is_replaced),
                      CASE(letters_wait_for_a_broker_that_is_away));
}
