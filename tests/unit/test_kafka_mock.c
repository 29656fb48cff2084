/*
 * Goal: without a broker installed, the shape of a member's life: assigned, records, end, errors of
 * a broker, close. Method: the broker that librdkafka plays in the process, with errors injected.
 */
#include "connectors/kafka_dead_letters.h"
#include "connectors/kafka_member.h"
#include "tests/check.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <time.h>

enum { PARTITIONS = 3, LETTERS = 300, ASSIGNMENTS = 2000, FETCH_KEY = 1 };

static struct dg_error err;
static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void start_broker(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    CHECK_INT(rd_kafka_conf_set(conf, "log_level", "3", why, sizeof why), RD_KAFKA_CONF_OK);
    host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    cluster = rd_kafka_mock_cluster_new(host, 1);
    CHECK(cluster != NULL);
    CHECK_INT(rd_kafka_mock_topic_create(cluster, "letters", PARTITIONS, 1), 0);
}

static void stop_broker(void)
{
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
}

/* The dead-letter producer fills the topic: by key, so all partitions get some. */
static void fill(void)
{
    const struct dg_kafka_options client = {.brokers = rd_kafka_mock_cluster_bootstraps(cluster)};
    struct dg_dead_letters *d = NULL;
    CHECK_INT(dg_dead_letters_open(&client, &d, &err), 0);
    const struct dg_topic_partition from = {"source", 4};
    for (int i = 0; i < LETTERS; i++) {
        char key[16];
        const int len = snprintf(key, sizeof key, "key %d", i);
        const struct dg_record record = {.offset = i,
                                         .time_us = DG_TIME_NONE,
                                         .key = (const uint8_t *)key,
                                         .key_len = (size_t)len,
                                         .value = (const uint8_t *)"x",
                                         .value_len = 1};
        CHECK_INT(dg_dead_letters_put(d, "letters", "m", &from, &record, DG_BAD_TIME, &err), 0);
    }
    CHECK_INT(dg_dead_letters_flush(d, 20000, &err), 0);
    uint64_t sent = 0, refused = 0;
    dg_dead_letters_counts(d, &sent, &refused);
    CHECK(sent == LETTERS && refused == 0);
    dg_dead_letters_close(d);
}

static struct dg_kafka_member *open_member(void)
{
    const char *topic = "letters";
    const struct dg_kafka_member_options options = {
        .client = {.brokers = rd_kafka_mock_cluster_bootstraps(cluster)},
        .group = "unit",
        .topic = &topic,
        .n_topics = 1,
        .batch_records = 7};
    struct dg_kafka_member *m = NULL;
    CHECK_INT(dg_kafka_member_open(&options, &m, &err), 0);
    return m;
}

struct seen {
    int64_t next[PARTITIONS];
    size_t records, ends, bad, assigns;
};

static void answer(struct dg_kafka_member *m, const struct dg_kafka_event *event, struct seen *s)
{
    if (event->kind == DG_KAFKA_ASSIGN) {
        int64_t offsets[PARTITIONS];
        CHECK_INT(event->n_places, PARTITIONS);
        for (size_t i = 0; i < event->n_places; i++) {
            offsets[i] = s->next[event->places[i].partition];
        }
        CHECK_INT(dg_kafka_assign(m, event->places, offsets, event->n_places, &err), 0);
        s->assigns++;
    } else if (event->kind == DG_KAFKA_REVOKE) {
        CHECK_INT(dg_kafka_unassign(m, &err), 0);
    } else if (event->kind == DG_KAFKA_RECORDS) {
        CHECK(event->n_records <= 7);
        for (size_t i = 0; i < event->n_records; i++) {
            s->bad += event->record[i].offset != s->next[event->place.partition]++;
            struct dg_record full;
            CHECK_INT(dg_kafka_headers(m, &event->record[i], &full, &err), 0);
            s->bad += full.n_headers != 5;
        }
        s->records += event->n_records;
    }
    s->ends += event->kind == DG_KAFKA_AT_END;
}

static void read_all(struct dg_kafka_member *m, struct seen *s)
{
    const int64_t until = now_ms() + 20000;
    while ((s->records < LETTERS || s->ends < PARTITIONS) && now_ms() < until) {
        struct dg_kafka_event event;
        dg_kafka_poll(m, 100, false, &event);
        answer(m, &event, s);
    }
}

static void a_member_reads_what_the_producer_of_dead_letters_wrote(void)
{
    start_broker();
    fill();
    struct dg_kafka_member *m = open_member();
    struct seen s = {0};
    read_all(m, &s);
    CHECK_INT(s.records, LETTERS);
    CHECK_INT(s.bad, 0);
    CHECK_INT(s.ends, PARTITIONS);
    CHECK_INT(dg_kafka_member_health(m), DG_KAFKA_UP);
    dg_kafka_member_close(m);
    stop_broker();
}

static void errors_of_a_broker_are_overcome(void)
{
    start_broker();
    fill();
    rd_kafka_mock_push_request_errors(
        cluster, FETCH_KEY, 6, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_UNKNOWN, RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    struct dg_kafka_member *m = open_member();
    struct seen s = {0};
    read_all(m, &s);
    CHECK_INT(s.records, LETTERS);
    CHECK_INT(s.bad, 0);
    dg_kafka_member_close(m);
    stop_broker();
}

static void an_assignment_may_be_answered_late_and_the_rest_be_left_unread(void)
{
    start_broker();
    fill();
    struct dg_kafka_member *m = open_member();
    struct dg_kafka_event assign, event;
    const int64_t until = now_ms() + 20000;
    do {
        dg_kafka_poll(m, 100, false, &assign);
    } while (assign.kind != DG_KAFKA_ASSIGN && now_ms() < until);
    for (int i = 0; i < 10; i++) { /* polling goes on meanwhile, and gives nothing */
        dg_kafka_poll(m, 20, false, &event);
        CHECK_INT(event.kind, DG_KAFKA_NOTHING);
    }
    struct seen s = {.next = {5, 5, 5}};
    answer(m, &assign, &s);
    while (s.records < 20 && now_ms() < until) {
        dg_kafka_poll(m, 100, false, &event);
        answer(m, &event, &s);
    }
    CHECK(s.records >= 20);
    CHECK_INT(s.bad, 0);
    dg_kafka_member_close(m); /* with records in hand and in queues */
    stop_broker();
}

/* A fence, a seek and a rebalance may follow each other within microseconds. librdkafka 2.0.2
 * aborts where partitions are taken away that it has not stopped yet. */
static void assignments_follow_each_other_at_once(void)
{
    start_broker();
    fill();
    struct dg_kafka_member *m = open_member();
    struct dg_kafka_event assign;
    const int64_t until = now_ms() + 20000;
    do {
        dg_kafka_poll(m, 100, false, &assign);
    } while (assign.kind != DG_KAFKA_ASSIGN && now_ms() < until);
    struct dg_topic_partition places[PARTITIONS];
    const int64_t offsets[PARTITIONS] = {0};
    CHECK_INT(assign.n_places, PARTITIONS);
    memcpy(places, assign.places, sizeof places);
    for (int i = 0; i < ASSIGNMENTS; i++) {
        CHECK_INT(dg_kafka_assign(m, places, offsets, PARTITIONS, &err), 0);
        if (i % 3 == 0) {
            CHECK_INT(dg_kafka_unassign(m, &err), 0);
        }
    }
    CHECK_INT(dg_kafka_assign(m, places, offsets, PARTITIONS, &err), 0);
    struct seen s = {0};
    read_all(m, &s);
    CHECK_INT(s.records, LETTERS);
    CHECK_INT(s.bad, 0);
    dg_kafka_member_close(m);
    stop_broker();
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(a_member_reads_what_the_producer_of_dead_letters_wrote),
                      CASE(errors_of_a_broker_are_overcome),
                      CASE(an_assignment_may_be_answered_late_and_the_rest_be_left_unread),
                      CASE(assignments_follow_each_other_at_once));
}
