/*
 * The demo's log (engine/cli/demo_events.h) into a Kafka topic, with everything that goes wrong on
 * the way there, and the same records into files, so that a replay of files can be compared.
 *
 *   stream_producer TOPIC [name=value...]
 *   stream_producer schema [more=N]
 *
 *   events=N           events, before duplicates and bad records; 100000
 *   days=D             event time that they span, from 2026-03-01; half-way the world changes; 2
 *   seed=S             the same seed and options give the same records; 1
 *   partitions=N       0: as many as the topic has
 *   key=customer|round customer: partition by a hash of the key; round: in turn
 *   format=json|avro|confluent, schema_id=N
 *   more=N             so many further numbers in each record, m0 m1 ..., that nobody monitors; 0
 *   rate=N             records per second; 0: as fast as possible
 *   disorder=SECONDS   event times lie up to that much before the record's timestamp
 *   late=SHARE late_by=SECONDS          events from long before
 *   duplicates=SHARE   the partition's last event once more
 *   future=SHARE       events of a year ahead
 *   bad=SHARE          records besides that are random bytes, cut off, or have no value
 *   from=I to=J        only what belongs to events [I, J): the stream in several goes
 *   reference=ROWS     nothing but the reference of the month before, as CSV on standard output
 *   files=PREFIX       PREFIX.csv, PREFIX.ndjson, PREFIX.avro with kafka_topic, kafka_partition,
 *                      kafka_offset, kafka_time (ms); bad records are left out
 *   produce=no         only files
 *   anywhere=yes       no matter at which offsets: a broker that is killed may take a record twice
 *   x.y=value          a property of librdkafka; bootstrap.servers: KAFKA_BOOTSTRAP_SERVERS
 *
 * The topic must hold nothing but what this program wrote with the same seed and options before
 * `from`: offsets are foreseen, and another one is a failure. Prints counts as name=value.
 */
#include "engine/cli/demo_events.h"
#include "tests/support/avro_writer.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START 1772323200.0 /* 2026-03-01T00:00:00Z */
#define DAY   86400.0

enum { TIMEOUT_MS = 60000, PARTITIONS_MAX = 1024, RANDOM_MOST = 200 };
enum format { JSON, AVRO, CONFLUENT };

struct options {
    const char *topic, *files;
    uint64_t events, from, to, seed, reference, schema_id, more;
    double days, rate, disorder, late, late_by, duplicates, future, bad;
    uint64_t partitions;
    enum format format;
    bool round, produce, anywhere;
};

struct last {
    struct dg_demo_event event;
    bool any;
    int64_t next_offset;
};

struct producer {
    struct options o;
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;
    struct dg_demo_events events, trouble; /* what happens, and what goes wrong */
    struct last partition[PARTITIONS_MAX];
    struct ocf_bytes value;
    FILE *csv, *ndjson;
    struct ocf_writer *avro;
    bool sending; /* the present event is one of [from, to) */
    struct timespec began;
    uint64_t records, late, duplicates, future, random, truncated, tombstones;
    uint64_t failed;
};

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "stream_producer: %s: %s\n", what, why);
    exit(1);
}

/* ---- options ----------------------------------------------------------------------------- */

static double number(const char *name, const char *text)
{
    char *end = NULL;
    errno = 0;
    const double x = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(x >= 0.0)) {
        stop(name, "not a number from 0");
    }
    return x;
}

static int word(const char *name, const char *text, const char *const words[])
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
    }
    stop(name, "not one of its words");
    return 0;
}

static bool take_number(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *count;
        double *real;
    } known[] = {
        {"events", &o->events, NULL},
        {"from", &o->from, NULL},
        {"to", &o->to, NULL},
        {"seed", &o->seed, NULL},
        {"partitions", &o->partitions, NULL},
        {"schema_id", &o->schema_id, NULL},
        {"reference", &o->reference, NULL},
        {"more", &o->more, NULL},
        {"days", NULL, &o->days},
        {"rate", NULL, &o->rate},
        {"disorder", NULL, &o->disorder},
        {"late", NULL, &o->late},
        {"late_by", NULL, &o->late_by},
        {"duplicates", NULL, &o->duplicates},
        {"future", NULL, &o->future},
        {"bad", NULL, &o->bad},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) == 0) {
            if (known[i].count != NULL) {
                *known[i].count = (uint64_t)number(name, value);
            } else {
                *known[i].real = number(name, value);
            }
            return true;
        }
    }
    return false;
}

static void take(struct producer *p, const char *name, const char *value)
{
    static const char *const formats[] = {"json", "avro", "confluent", NULL};
    static const char *const keys[] = {"customer", "round", NULL};
    static const char *const yes_no[] = {"no", "yes", NULL};
    struct options *o = &p->o;
    char why[512];
    if (take_number(o, name, value)) {
        return;
    }
    if (strcmp(name, "format") == 0) {
        o->format = (enum format)word(name, value, formats);
    } else if (strcmp(name, "key") == 0) {
        o->round = word(name, value, keys) == 1;
    } else if (strcmp(name, "produce") == 0) {
        o->produce = word(name, value, yes_no) == 1;
    } else if (strcmp(name, "anywhere") == 0) {
        o->anywhere = word(name, value, yes_no) == 1;
    } else if (strcmp(name, "files") == 0) {
        o->files = value;
    } else if (strchr(name, '.') == NULL) {
        stop(name, "no such option");
    } else if (rd_kafka_conf_set(p->conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        stop(name, why);
    }
}

static void read_options(struct producer *p, int argc, char **argv)
{
    p->o = (struct options){.topic = argv[1],
                            .events = 100000,
                            .to = UINT64_MAX,
                            .seed = 1,
                            .days = 2.0,
                            .late_by = 6 * 3600.0,
                            .produce = true};
    p->conf = rd_kafka_conf_new();
    const char *servers = getenv("KAFKA_BOOTSTRAP_SERVERS");
    take(p, "bootstrap.servers", servers != NULL ? servers : "localhost:9092");
    take(p, "enable.idempotence", "true");
    take(p, "linger.ms", "5");
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL) {
            stop(argv[i], "expected name=value");
        }
        *value = '\0';
        take(p, argv[i], value + 1);
    }
}

/* ---- Kafka ------------------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct producer *p = opaque;
    const int64_t foreseen = (int64_t)(intptr_t)message->_private;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
        (p->o.anywhere || message->offset == foreseen)) {
        return;
    }
    if (p->failed++ == 0) {
        fprintf(stderr, "stream_producer: partition %" PRId32 ", offset %" PRId64 " foreseen: %s",
                message->partition, foreseen, rd_kafka_err2str(message->err));
        fprintf(stderr, ", offset %" PRId64 "\n", message->offset);
    }
}

static void open_client(struct producer *p)
{
    char why[512];
    rd_kafka_conf_set_opaque(p->conf, p);
    rd_kafka_conf_set_dr_msg_cb(p->conf, on_delivery);
    p->client = rd_kafka_new(RD_KAFKA_PRODUCER, p->conf, why, sizeof why);
    if (p->client == NULL) {
        stop("cannot make a client", why);
    }
    if (p->o.partitions > 0) {
        return;
    }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(p->client, p->o.topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(p->client, 0, topic, &metadata, TIMEOUT_MS);
    code = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : metadata->topics[0].err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        stop(p->o.topic, rd_kafka_err2str(code));
    }
    p->o.partitions = (uint64_t)metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
}

static void send_record(struct producer *p, int32_t partition, int64_t time_ms, const char *key,
                        const void *value, size_t n)
{
    rd_kafka_vu_t part[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = p->o.topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = time_ms},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE,
         .u.ptr = (void *)(intptr_t)p->partition[partition].next_offset},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, strlen(key)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value, n}},
    };
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_produceva(p->client, part, sizeof part / sizeof part[0]);
        if (error == NULL) {
            rd_kafka_poll(p->client, 0);
            return;
        }
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            stop("produce", rd_kafka_error_string(error));
        }
        rd_kafka_error_destroy(error);
        rd_kafka_poll(p->client, 100);
    }
}

/* Wait until the present record is due. */
static void keep_pace(struct producer *p)
{
    if (p->o.rate <= 0.0) {
        return;
    }
    for (;;) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        const double passed = (double)(now.tv_sec - p->began.tv_sec) +
                              (double)(now.tv_nsec - p->began.tv_nsec) * 1e-9;
        const double early_ms = 1e3 * ((double)p->records / p->o.rate - passed);
        if (early_ms <= 1.0) {
            return;
        }
        rd_kafka_poll(p->client, early_ms > 100.0 ? 100 : (int)early_ms);
    }
}

/* ---- formats ----------------------------------------------------------------------------- */

#define EVENT_FIELDS                                                                               \
    "{\"name\":\"event_id\",\"type\":\"string\"},"                                                 \
    "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"         \
    "{\"name\":\"model_version\",\"type\":\"string\"},{\"name\":\"country\",\"type\":\"string\"}," \
    "{\"name\":\"channel\",\"type\":\"string\"},{\"name\":\"income\",\"type\":\"double\"},"        \
    "{\"name\":\"age\",\"type\":\"int\"},"                                                         \
    "{\"name\":\"utilization\",\"type\":[\"null\",\"double\"]},"                                   \
    "{\"name\":\"loan_amount\",\"type\":\"double\"},{\"name\":\"term_months\",\"type\":\"int\"},"  \
    "{\"name\":\"employment\",\"type\":\"string\"},{\"name\":\"score\",\"type\":\"double\"},"      \
    "{\"name\":\"decision\",\"type\":\"string\"},{\"name\":\"latency_ms\",\"type\":\"double\"}"
#define RECORD "{\"type\":\"record\",\"name\":\"Score\",\"namespace\":\"demo\",\"fields\":["

static const char file_schema[] = RECORD EVENT_FIELDS
    ",{\"name\":\"kafka_topic\",\"type\":\"string\"},{\"name\":\"kafka_partition\",\"type\":"
    "\"int\"},{\"name\":\"kafka_offset\",\"type\":\"long\"},{\"name\":\"kafka_time\",\"type\":"
    "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}";

static int print_schema(uint64_t more)
{
    fputs(RECORD EVENT_FIELDS, stdout);
    for (uint64_t i = 0; i < more; i++) {
        printf(",{\"name\":\"m%" PRIu64 "\",\"type\":\"double\"}", i);
    }
    puts("]}");
    return fflush(stdout) == 0 ? 0 : 1;
}

static void put_text(struct ocf_bytes *b, const char *text)
{
    ocf_bytes_string(b, text, strlen(text));
}

static void put_avro(struct ocf_bytes *b, const struct dg_demo_event *e)
{
    char id[32];
    snprintf(id, sizeof id, "e%08" PRIu64, e->id);
    put_text(b, id);
    ocf_bytes_long(b, e->time_ms);
    put_text(b, "7");
    put_text(b, e->country);
    put_text(b, e->channel);
    ocf_bytes_double(b, e->income);
    ocf_bytes_long(b, e->age);
    ocf_bytes_long(b, isnan(e->utilization) ? 0 : 1);
    if (!isnan(e->utilization)) {
        ocf_bytes_double(b, e->utilization);
    }
    ocf_bytes_double(b, e->loan_amount);
    ocf_bytes_long(b, e->term_months);
    put_text(b, e->employment);
    ocf_bytes_double(b, e->score);
    put_text(b, e->decision);
    ocf_bytes_double(b, e->latency_ms);
}

/* What a further number is: five digits of no meaning. */
static double more_of(uint64_t id, uint64_t i)
{
    return (double)((id * 7919 + i * 104729) % 100000) / 1e5;
}

static void encode_json(struct producer *p, const struct dg_demo_event *e)
{
    char text[DG_DEMO_TEXT];
    ocf_bytes_put(&p->value, text, dg_demo_event_json(e, text, sizeof text) - 1);
    for (uint64_t i = 0; i < p->o.more; i++) {
        const int n = snprintf(text, sizeof text, ",\"m%" PRIu64 "\":%.5f", i, more_of(e->id, i));
        ocf_bytes_put(&p->value, text, (size_t)n);
    }
    ocf_bytes_put(&p->value, "}", 1);
}

static void encode(struct producer *p, const struct dg_demo_event *e)
{
    p->value.len = 0;
    if (p->o.format == JSON) {
        encode_json(p, e);
        return;
    }
    if (p->o.format == CONFLUENT) {
        const uint32_t id = htobe32((uint32_t)p->o.schema_id);
        ocf_bytes_put(&p->value, "\0", 1);
        ocf_bytes_put(&p->value, &id, sizeof id);
    }
    put_avro(&p->value, e);
    for (uint64_t i = 0; i < p->o.more; i++) {
        ocf_bytes_double(&p->value, more_of(e->id, i));
    }
}

/* ---- files ------------------------------------------------------------------------------- */

static FILE *open_file(const char *prefix, const char *ending)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", prefix, ending);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        stop(path, strerror(errno));
    }
    return f;
}

static void open_files(struct producer *p)
{
    char path[4096];
    p->csv = open_file(p->o.files, ".csv");
    fprintf(p->csv, "%s,kafka_topic,kafka_partition,kafka_offset,kafka_time\n", dg_demo_csv_header);
    p->ndjson = open_file(p->o.files, ".ndjson");
    snprintf(path, sizeof path, "%s.avro", p->o.files);
    p->avro = ocf_open(path, file_schema, "deflate", 64 << 10);
}

static void write_files(struct producer *p, const struct dg_demo_event *e, int32_t partition,
                        int64_t time_ms)
{
    char text[DG_DEMO_TEXT];
    const int64_t offset = p->partition[partition].next_offset;
    dg_demo_event_csv(e, text, sizeof text);
    fprintf(p->csv, "%s,%s,%" PRId32 ",%" PRId64 ",%" PRId64 "\n", text, p->o.topic, partition,
            offset, time_ms);
    const size_t n = dg_demo_event_json(e, text, sizeof text);
    fprintf(p->ndjson,
            "%.*s,\"kafka_topic\":\"%s\",\"kafka_partition\":%" PRId32 ",\"kafka_offset\":%" PRId64
            ",\"kafka_time\":%" PRId64 "}\n",
            (int)(n - 1), text, p->o.topic, partition, offset, time_ms);
    put_avro(&p->avro->block, e);
    put_text(&p->avro->block, p->o.topic);
    ocf_bytes_long(&p->avro->block, partition);
    ocf_bytes_long(&p->avro->block, offset);
    ocf_bytes_long(&p->avro->block, time_ms);
    ocf_next(p->avro);
}

static void close_files(struct producer *p)
{
    if (p->o.files == NULL) {
        return;
    }
    ocf_close(p->avro);
    if (fclose(p->csv) != 0 || fclose(p->ndjson) != 0) {
        stop(p->o.files, strerror(errno));
    }
}

/* ---- the stream -------------------------------------------------------------------------- */

static bool happens(struct producer *p, double share)
{
    return share > 0.0 && dg_demo_uniform(&p->trouble) < share;
}

/* Offsets count on also where nothing is sent. */
static void put_value(struct producer *p, const char *key, int32_t partition, int64_t time_ms,
                      const void *value, size_t n)
{
    if (p->sending) {
        if (p->o.produce) {
            keep_pace(p);
            send_record(p, partition, time_ms, key, value, n);
        }
        p->records++;
    }
    p->partition[partition].next_offset++;
}

static void put_event(struct producer *p, const struct dg_demo_event *e, int32_t partition,
                      int64_t time_ms)
{
    char key[DG_DEMO_KEY];
    encode(p, e);
    if (p->sending && p->o.files != NULL) {
        write_files(p, e, partition, time_ms);
    }
    put_value(p, dg_demo_event_key(e, key), partition, time_ms, p->value.data, p->value.len);
}

/* 0xff begins neither JSON nor a frame, and as an Avro string's length it is cut off or negative.
 */
static void put_bad(struct producer *p, const struct dg_demo_event *e, int32_t partition,
                    int64_t time_ms)
{
    char key[DG_DEMO_KEY];
    dg_demo_event_key(e, key);
    const double kind = dg_demo_uniform(&p->trouble);
    if (kind < 0.4) {
        uint8_t bytes[RANDOM_MOST];
        const size_t n = 8 + (size_t)(dg_demo_uniform(&p->trouble) * (RANDOM_MOST - 8));
        bytes[0] = 0xff;
        for (size_t i = 1; i < n; i++) {
            bytes[i] = (uint8_t)(256.0 * dg_demo_uniform(&p->trouble));
        }
        put_value(p, key, partition, time_ms, bytes, n);
        p->random += p->sending;
    } else if (kind < 0.8) {
        encode(p, e);
        put_value(p, key, partition, time_ms, p->value.data, p->value.len / 2);
        p->truncated += p->sending;
    } else {
        put_value(p, key, partition, time_ms, NULL, 0);
        p->tombstones += p->sending;
    }
}

static int32_t partition_of(const struct producer *p, const struct dg_demo_event *e, uint64_t i)
{
    if (p->o.round) {
        return (int32_t)(i % p->o.partitions);
    }
    char key[DG_DEMO_KEY];
    uint32_t hash = 2166136261; /* FNV-1a */
    for (const char *c = dg_demo_event_key(e, key); *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619;
    }
    return (int32_t)(hash % p->o.partitions);
}

static void put_next(struct producer *p, uint64_t i)
{
    struct dg_demo_event e;
    const double span = p->o.days * DAY;
    const double at =
        START + span * ((double)i + dg_demo_uniform(&p->events)) / (double)p->o.events;
    dg_demo_event_next(&p->events, 10000000 + i, at, i >= p->o.events / 2, &e);
    const int64_t time_ms = e.time_ms;
    const int32_t partition = partition_of(p, &e, i);
    struct last *last = &p->partition[partition];
    p->sending = i >= p->o.from && i < p->o.to;
    e.time_ms -= (int64_t)(1e3 * p->o.disorder * dg_demo_uniform(&p->trouble));
    if (happens(p, p->o.late)) {
        e.time_ms -= (int64_t)(1e3 * p->o.late_by);
        p->late += p->sending;
    } else if (happens(p, p->o.future)) {
        e.time_ms += (int64_t)(365 * DAY * 1e3);
        p->future += p->sending;
    }
    if (happens(p, p->o.bad)) {
        put_bad(p, &e, partition, time_ms);
    }
    if (last->any && happens(p, p->o.duplicates)) {
        put_event(p, &last->event, partition, time_ms);
        p->duplicates += p->sending;
    }
    put_event(p, &e, partition, time_ms);
    last->event = e;
    last->any = true;
}

static int print_reference(const struct producer *p)
{
    struct dg_demo_events events = {DG_DEMO_SEED};
    puts(dg_demo_csv_header);
    for (uint64_t i = 0; i < p->o.reference; i++) {
        struct dg_demo_event e;
        const double at = START - 28 * DAY * (1.0 - (double)i / (double)p->o.reference);
        char line[DG_DEMO_TEXT];
        dg_demo_event_next(&events, i, at, false, &e);
        dg_demo_event_csv(&e, line, sizeof line);
        puts(line);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static void finish(struct producer *p)
{
    close_files(p);
    if (p->client != NULL) {
        const rd_kafka_resp_err_t code = rd_kafka_flush(p->client, TIMEOUT_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            stop("flush", rd_kafka_err2str(code));
        }
        rd_kafka_destroy(p->client);
    }
    ocf_bytes_free(&p->value);
    printf("records=%" PRIu64 " late=%" PRIu64 " duplicates=%" PRIu64 " future=%" PRIu64
           " random=%" PRIu64 " truncated=%" PRIu64 " tombstones=%" PRIu64 "\n",
           p->records, p->late, p->duplicates, p->future, p->random, p->truncated, p->tombstones);
}

int main(int argc, char **argv)
{
    static struct producer p;
    if (argc < 2) {
        fprintf(stderr, "usage: stream_producer TOPIC|schema [name=value...]\n");
        return 2;
    }
    read_options(&p, argc, argv);
    if (strcmp(argv[1], "schema") == 0) {
        rd_kafka_conf_destroy(p.conf);
        return print_schema(p.o.more);
    }
    if (p.o.more > 0 && p.o.files != NULL) {
        stop("more", "is for topics, not for files");
    }
    if (p.o.reference > 0) {
        rd_kafka_conf_destroy(p.conf);
        return print_reference(&p);
    }
    if (p.o.produce || p.o.partitions == 0) {
        open_client(&p);
    } else {
        rd_kafka_conf_destroy(p.conf);
    }
    if (p.o.partitions > PARTITIONS_MAX) {
        stop("partitions", "too many");
    }
    if (p.o.files != NULL) {
        open_files(&p);
    }
    p.events.state = DG_DEMO_SEED + p.o.seed;
    p.trouble.state = ~p.o.seed;
    clock_gettime(CLOCK_MONOTONIC, &p.began);
    for (uint64_t i = 0; i < p.o.events && i < p.o.to; i++) {
        put_next(&p, i);
    }
    finish(&p);
    return p.failed > 0;
}
