/*
 * What reading a topic costs before anything is done with it: polls every partition from its start
 * to its end and drops the records.
 *
 *   null_consumer poll|raw|member|headers TOPIC [property=value...]
 *
 * poll: librdkafka alone, as its manual has it: rd_kafka_consumer_poll gives record by record; raw:
 * librdkafka alone, in the way that the group member reads (a queue per partition, batches of
 * 4096); member: through dg_kafka_poll, with a view of each record; headers: the same with headers.
 * One line to standard output: records, bytes, seconds, records per second, CPU seconds per million
 * records, of the whole process and of the polling thread. Time runs from the first record.
 * bootstrap.servers comes from KAFKA_BOOTSTRAP_SERVERS.
 */
#include "connectors/kafka_conf.h"
#include "connectors/kafka_member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BATCH = 4096, MAX_PROPERTIES = 32 };

struct tally {
    uint64_t records, bytes;
    double begun, cpu_begun, thread_begun;
};

static double clock_s(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void begin(struct tally *t)
{
    t->begun = clock_s(CLOCK_MONOTONIC);
    t->cpu_begun = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    t->thread_begun = clock_s(CLOCK_THREAD_CPUTIME_ID);
}

static void report(const char *mode, const struct tally *t)
{
    const double seconds = clock_s(CLOCK_MONOTONIC) - t->begun;
    const double millions = (double)t->records / 1e6;
    printf("%s records=%llu bytes=%llu seconds=%.3f records_per_s=%.0f cpu_s_per_million=%.3f "
           "thread_s_per_million=%.3f\n",
           mode, (unsigned long long)t->records, (unsigned long long)t->bytes, seconds,
           (double)t->records / seconds,
           (clock_s(CLOCK_PROCESS_CPUTIME_ID) - t->cpu_begun) / millions,
           (clock_s(CLOCK_THREAD_CPUTIME_ID) - t->thread_begun) / millions);
}

static void need(int rc, const struct dg_error *err)
{
    if (rc != 0) {
        fprintf(stderr, "null_consumer: %s\n", err->message);
        exit(1);
    }
}

/* Drops a batch; true if it says that the partition is at its end. */
static bool drop(struct tally *t, rd_kafka_message_t *message[], ssize_t n)
{
    bool end = false;
    for (ssize_t i = 0; i < n; i++) {
        if (message[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            t->records++;
            t->bytes += message[i]->len;
        } else {
            end = end || message[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        }
        rd_kafka_message_destroy(message[i]);
    }
    return end;
}

static rd_kafka_t *open_raw(const struct dg_kafka_options *options, struct dg_kafka_link *link)
{
    struct dg_error err;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    need(dg_kafka_conf(options, DG_KAFKA_CONSUMER, link, &conf, &err), &err);
    need(dg_kafka_conf_set(conf, "group.id", "null_consumer", &err), &err);
    need(dg_kafka_conf_set(conf, "queued.max.messages.kbytes", "16384", &err), &err);
    need(dg_kafka_new(RD_KAFKA_CONSUMER, conf, &rk, &err), &err);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static void assign_all(rd_kafka_t *rk, const char *topic, int32_t partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t p = 0; p < partitions; p++) {
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
    }
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void read_poll(const struct dg_kafka_options *options, const char *topic, int32_t partitions)
{
    static struct dg_kafka_link link;
    rd_kafka_t *rk = open_raw(options, &link);
    assign_all(rk, topic, partitions);
    struct tally t = {0};
    for (int32_t ends = 0; ends < partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);
        if (message == NULL) {
            continue;
        }
        if (t.records == 0) {
            begin(&t);
        }
        ends += drop(&t, &message, 1);
    }
    report("poll", &t);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    dg_kafka_link_deinit(&link);
}

static void read_raw(const struct dg_kafka_options *options, const char *topic, int32_t partitions)
{
    static struct dg_kafka_link link;
    rd_kafka_t *rk = open_raw(options, &link);
    rd_kafka_queue_t **queue = calloc((size_t)partitions, sizeof(rd_kafka_queue_t *));
    rd_kafka_message_t **message = calloc(BATCH, sizeof(rd_kafka_message_t *));
    if (queue == NULL || message == NULL) {
        exit(1);
    }
    for (int32_t p = 0; p < partitions; p++) {
        queue[p] = rd_kafka_queue_get_partition(rk, topic, p);
        rd_kafka_queue_forward(queue[p], NULL);
    }
    assign_all(rk, topic, partitions);
    struct tally t = {0};
    for (int32_t ends = 0; ends < partitions;) {
        bool some = false;
        for (int32_t p = 0; p < partitions; p++) {
            const ssize_t n = rd_kafka_queue_length(queue[p]) == 0
                                  ? 0
                                  : rd_kafka_consume_batch_queue(queue[p], 0, message, BATCH);
            if (n > 0 && t.records == 0) {
                begin(&t);
            }
            ends += drop(&t, message, n);
            some = some || n > 0;
        }
        rd_kafka_message_t *other = rd_kafka_consumer_poll(rk, some ? 0 : 1);
        if (other != NULL) {
            rd_kafka_message_destroy(other);
        }
    }
    report("raw", &t);
    for (int32_t p = 0; p < partitions; p++) {
        rd_kafka_queue_destroy(queue[p]);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    free(queue);
    free(message);
    dg_kafka_link_deinit(&link);
}

static void read_member(const struct dg_kafka_options *client, const char *topic, bool headers)
{
    const struct dg_kafka_member_options options = {.client = *client,
                                                    .group = "null_consumer",
                                                    .topic = &topic,
                                                    .n_topics = 1,
                                                    .want_headers = headers};
    struct dg_error err;
    struct dg_kafka_member *m = NULL;
    need(dg_kafka_member_open(&options, &m, &err), &err);
    struct tally t = {0};
    size_t ends = 0, partitions = 1;
    while (ends < partitions) {
        struct dg_kafka_event event;
        dg_kafka_poll(m, 100, false, &event);
        if (event.kind == DG_KAFKA_RECORDS) {
            if (t.records == 0) {
                begin(&t);
            }
            t.records += event.n_records;
            for (size_t i = 0; i < event.n_records; i++) {
                t.bytes += event.record[i].value_len;
            }
        } else if (event.kind == DG_KAFKA_ASSIGN) {
            int64_t *offsets = calloc(event.n_places + 1, sizeof *offsets);
            partitions = event.n_places;
            need(offsets == NULL || dg_kafka_assign(m, event.places, offsets, partitions, &err),
                 &err);
            free(offsets);
        } else if (event.kind == DG_KAFKA_FAILED) {
            need(1, &event.error);
        }
        ends += event.kind == DG_KAFKA_AT_END;
    }
    report(headers ? "headers" : "member", &t);
    dg_kafka_member_close(m);
}

int main(int argc, char **argv)
{
    const char *servers = getenv("KAFKA_BOOTSTRAP_SERVERS");
    if (argc < 3 || argc - 3 > MAX_PROPERTIES || servers == NULL) {
        fprintf(stderr,
                "usage: KAFKA_BOOTSTRAP_SERVERS=... null_consumer poll|raw|member|headers TOPIC "
                "[property=value...]\n");
        return 2;
    }
    struct dg_kafka_property property[MAX_PROPERTIES];
    struct dg_kafka_options options = {.brokers = servers, .property = property};
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL) {
            fprintf(stderr, "null_consumer: %s: expected property=value\n", argv[i]);
            return 2;
        }
        *value = '\0';
        property[options.n_properties++] = (struct dg_kafka_property){argv[i], value + 1};
    }
    struct dg_error err;
    int32_t partitions = 0;
    const char *topics[] = {argv[2]};
    need(dg_kafka_probe(&options, topics, 1, 10000, &partitions, &err), &err);
    if (partitions == 0) {
        fprintf(stderr, "null_consumer: there is no topic %s\n", argv[2]);
        return 1;
    }
    if (strcmp(argv[1], "poll") == 0) {
        read_poll(&options, argv[2], partitions);
    } else if (strcmp(argv[1], "raw") == 0) {
        read_raw(&options, argv[2], partitions);
    } else {
        read_member(&options, argv[2], strcmp(argv[1], "headers") == 0);
    }
    return 0;
}
