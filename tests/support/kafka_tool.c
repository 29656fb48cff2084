/*
 * Writes lines into a Kafka topic and reads them back, for tests.
 *
 *   kafka_tool create PARTITIONS TOPIC...          make topics
 *   kafka_tool produce TOPIC [property=value...]   lines from standard input: partition, timestamp
 *                                                  (ms), key, value
 *   kafka_tool consume TOPIC [property=value...]   to standard output: partition, offset,
 * timestamp, key, value
 *
 * Fields are separated by tabs. `-` as partition leaves the choice to the key, as timestamp means
 * now, as key means none; `-` alone as value is a tombstone. With values=hex values are written as
 * hexadecimal digits, on both sides. Properties are librdkafka's;
 * bootstrap.servers comes from KAFKA_BOOTSTRAP_SERVERS. produce with transactional.id writes one
 * transaction, and end=abort aborts it. consume reads every partition from its beginning to where
 * it ended when reached, then stops.
 */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60000, FIELDS = 4 };

struct arguments {
    const char *topic;
    bool transactional;
    bool abort;
    bool hex;
    rd_kafka_conf_t *conf;
};

struct delivery {
    uint64_t failed;
    rd_kafka_resp_err_t first_error;
};

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "kafka_tool: %s: %s\n", what, why);
    exit(1);
}

static void check(const char *what, rd_kafka_resp_err_t code)
{
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        stop(what, rd_kafka_err2str(code));
    }
}

static void check_error(const char *what, rd_kafka_error_t *error)
{
    if (error != NULL) {
        stop(what, rd_kafka_error_string(error));
    }
}

static void set_property(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        stop(name, why);
    }
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct delivery *delivery = opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && delivery->failed++ == 0) {
        delivery->first_error = message->err;
    }
}

static struct arguments read_arguments(int count, char **words)
{
    struct arguments args = {.topic = words[0], .conf = rd_kafka_conf_new()};
    const char *servers = getenv("KAFKA_BOOTSTRAP_SERVERS");
    if (servers != NULL) {
        set_property(args.conf, "bootstrap.servers", servers);
    }
    for (int i = 1; i < count; i++) {
        char *value = strchr(words[i], '=');
        if (value == NULL) {
            stop(words[i], "expected property=value");
        }
        *value++ = '\0';
        if (strcmp(words[i], "end") == 0) {
            args.abort = strcmp(value, "abort") == 0;
            continue;
        }
        if (strcmp(words[i], "values") == 0) {
            args.hex = strcmp(value, "hex") == 0;
            continue;
        }
        args.transactional = args.transactional || strcmp(words[i], "transactional.id") == 0;
        set_property(args.conf, words[i], value);
    }
    return args;
}

static rd_kafka_t *open_client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[512];
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (client == NULL) {
        stop("cannot make a client", why);
    }
    return client;
}

/* A whole number, or `other` for a dash. */
static int64_t read_number(const char *text, int64_t other)
{
    if (strcmp(text, "-") == 0) {
        return other;
    }
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        stop(text, "not a whole number");
    }
    return number;
}

static void split(char *line, char *fields[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = line;
        if (i + 1 < FIELDS) {
            line = strchr(line, '\t');
            if (line == NULL) {
                stop(fields[0], "expected partition, timestamp, key, value, separated by tabs");
            }
            *line++ = '\0';
        }
    }
}

static void set_bytes(rd_kafka_vu_t *value, char *text)
{
    const bool none = strcmp(text, "-") == 0;
    value->u.mem.ptr = none ? NULL : text;
    value->u.mem.size = none ? 0 : strlen(text);
}

/* In place. */
static void read_hex(rd_kafka_vu_t *value)
{
    char *text = value->u.mem.ptr;
    const size_t n = value->u.mem.size / 2;
    for (size_t i = 0; i < n; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        text[i] = (char)strtoul(pair, NULL, 16);
    }
    value->u.mem.size = n;
}

static void produce_line(rd_kafka_t *client, const struct arguments *args, char *line)
{
    char *fields[FIELDS];
    split(line, fields);
    rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = args->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = (int32_t)read_number(fields[0], RD_KAFKA_PARTITION_UA)},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = read_number(fields[1], 0)},
        {.vtype = RD_KAFKA_VTYPE_KEY},
        {.vtype = RD_KAFKA_VTYPE_VALUE},
    };
    enum { VALUES = sizeof values / sizeof values[0], KEY = VALUES - 2, VALUE };
    set_bytes(&values[KEY], fields[2]);
    set_bytes(&values[VALUE], fields[3]);
    if (args->hex && values[VALUE].u.mem.ptr != NULL) {
        read_hex(&values[VALUE]);
    }
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_produceva(client, values, VALUES);
        if (error == NULL || rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            check_error("produce", error);
            rd_kafka_poll(client, 0);
            return;
        }
        rd_kafka_error_destroy(error);
        rd_kafka_poll(client, 100);
    }
}

static void produce(struct arguments args)
{
    struct delivery delivery = {0};
    rd_kafka_conf_set_opaque(args.conf, &delivery);
    rd_kafka_conf_set_dr_msg_cb(args.conf, on_delivery);
    rd_kafka_t *client = open_client(RD_KAFKA_PRODUCER, args.conf);
    if (args.transactional) {
        check_error("init_transactions", rd_kafka_init_transactions(client, TIMEOUT_MS));
        check_error("begin_transaction", rd_kafka_begin_transaction(client));
    }
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    uint64_t lines = 0;
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        if (line[length - 1] == '\n') {
            line[length - 1] = '\0';
        }
        produce_line(client, &args, line);
        lines++;
    }
    free(line);
    /* Before an abort too: what is only queued would be purged and never reach the log. */
    check("flush", rd_kafka_flush(client, TIMEOUT_MS));
    if (delivery.failed > 0) {
        stop("not delivered", rd_kafka_err2str(delivery.first_error));
    }
    if (args.transactional) {
        check_error("end of transaction", args.abort
                                              ? rd_kafka_abort_transaction(client, TIMEOUT_MS)
                                              : rd_kafka_commit_transaction(client, TIMEOUT_MS));
    }
    rd_kafka_destroy(client);
    fprintf(stderr, "%" PRIu64 " records\n", lines);
}

/* Assigns every partition of the topic from its first record and says how many there are. */
static int assign_all(rd_kafka_t *client, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    check("metadata", rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS));
    check(topic, metadata->topics[0].err);
    const int partitions = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topic, metadata->topics[0].partitions[i].id)
            ->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    check("assign", rd_kafka_assign(client, list));
    rd_kafka_topic_partition_list_destroy(list);
    return partitions;
}

static void print_bytes(const void *bytes, size_t length, char after)
{
    if (bytes == NULL) {
        fputc('-', stdout);
    } else {
        fwrite(bytes, 1, length, stdout);
    }
    fputc(after, stdout);
}

static void print_hex(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        printf("%02x", bytes[i]);
    }
    fputs(bytes == NULL ? "-\n" : "\n", stdout);
}

static void print_message(const rd_kafka_message_t *message, bool hex)
{
    printf("%" PRId32 "\t%" PRId64 "\t%" PRId64 "\t", message->partition, message->offset,
           rd_kafka_message_timestamp(message, NULL));
    print_bytes(message->key, message->key_len, '\t');
    if (hex) {
        print_hex(message->payload, message->len);
    } else {
        print_bytes(message->payload, message->len, '\n');
    }
}

static void consume(struct arguments args)
{
    set_property(args.conf, "group.id", "kafka_tool");
    set_property(args.conf, "enable.auto.commit", "false");
    set_property(args.conf, "enable.partition.eof", "true");
    rd_kafka_t *client = open_client(RD_KAFKA_CONSUMER, args.conf);
    check("poll_set_consumer", rd_kafka_poll_set_consumer(client));
    int open = assign_all(client, args.topic);
    while (open > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
        if (message == NULL) {
            stop(args.topic, "no record and no end of a partition for a minute");
        }
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            open--;
        } else {
            check("consume", message->err);
            print_message(message, args.hex);
        }
        rd_kafka_message_destroy(message);
    }
    check("close", rd_kafka_consumer_close(client));
    rd_kafka_destroy(client);
    if (fflush(stdout) != 0) {
        stop("standard output", strerror(errno));
    }
}

static void create(int count, char **words)
{
    enum { TOPICS_MAX = 256 };
    rd_kafka_NewTopic_t *topic[TOPICS_MAX];
    char why[512], *names[] = {words[1]};
    rd_kafka_t *client = open_client(RD_KAFKA_PRODUCER, read_arguments(1, names).conf);
    size_t n = 0;
    for (int i = 1; i < count && n < TOPICS_MAX; i++) {
        topic[n] =
            rd_kafka_NewTopic_new(words[i], (int)read_number(words[0], 1), 1, why, sizeof why);
        if (topic[n] == NULL) {
            stop(words[i], why);
        }
        rd_kafka_NewTopic_set_config(topic[n++], "max.message.bytes", "4000000");
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, topic, n, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (event == NULL) {
        stop("create", "no answer");
    }
    check("create", rd_kafka_event_error(event));
    size_t answers = 0;
    const rd_kafka_topic_result_t **result =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &answers);
    for (size_t i = 0; i < answers; i++) {
        check(rd_kafka_topic_result_name(result[i]), rd_kafka_topic_result_error(result[i]));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy_array(topic, n);
    rd_kafka_destroy(client);
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "create") == 0) {
        create(argc - 2, argv + 2);
    } else if (argc >= 3 && strcmp(argv[1], "produce") == 0) {
        produce(read_arguments(argc - 2, argv + 2));
    } else if (argc >= 3 && strcmp(argv[1], "consume") == 0) {
        consume(read_arguments(argc - 2, argv + 2));
    } else {
        fprintf(stderr, "usage: kafka_tool create PARTITIONS TOPIC... | produce|consume TOPIC "
                        "[property=value...]\n");
        return 2;
    }
    return 0;
}
