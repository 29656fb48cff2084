#include "connectors/kafka_source.h"
#include "connectors/clock.h"

#include "connectors/kafka_conf.h"
#include "connectors/kafka_decode.h"
#include "connectors/kafka_fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* librdkafka's simple consumer: no group, one bounded queue per partition, which is drained when
 * the engine asks for that partition. */

enum {
    TIMEOUT_MS = 10000, /* of a question at open */
    AWAY_MS = 60000,    /* no broker for so long: give up */
    BATCH = 512,
    CHUNK_BYTES = 256 << 10,
    CHUNK_RECORDS = 4096,
    QUEUES_KB = 128 << 10, /* fetched ahead, of all partitions */
    QUEUE_KB_LEAST = 1 << 10,
    QUEUE_KB_MOST = 16 << 10,
};

struct part {
    rd_kafka_topic_t *handle;
    struct dg_topic_partition place;
    int64_t start, end; /* offsets [start, end) */
    int64_t next;
    bool reading, over;
    rd_kafka_queue_t *queue;      /* of what was fetched ahead; while reading */
    bool full;                    /* dg_kafka_keep_fetching's */
    rd_kafka_message_t **message; /* [BATCH]; [at, n) wait */
    size_t at, n;
    char *name;
};

struct kafka_source {
    struct dg_source base;
    struct dg_kafka_link *link; /* the client's opaque */
    rd_kafka_t *rk;
    rd_kafka_topic_t **handle; /* [n_topics] */
    char **topic;
    size_t n_topics;
    struct part *part; /* [base.n_partitions] */
    uint64_t bytes;    /* of keys and values */
    struct dg_kafka_queue_limits queue_most;
    int64_t down_ms; /* since when no broker answers; 0: one does */
    struct dg_kafka_decoders *decoders;
};

/* Nothing more is wanted of this partition: what was fetched ahead is freed. */
static void finish(struct part *p)
{
    for (; p->at < p->n; p->at++) {
        rd_kafka_message_destroy(p->message[p->at]);
    }
    if (p->reading) {
        rd_kafka_queue_destroy(p->queue);
        (void)rd_kafka_consume_stop(p->handle, p->place.partition);
        p->reading = false;
    }
    free(p->message);
    p->message = NULL;
    p->over = true;
}

/* Messages into the partition's array, waiting at most timeout_ms for the first; false: none. */
static bool refill(struct kafka_source *s, struct part *p, int timeout_ms)
{
    p->at = p->n = 0;
    ssize_t n = rd_kafka_consume_batch(p->handle, p->place.partition, 0, p->message, (size_t)BATCH);
    if (n <= 0 && timeout_ms > 0) {
        /* The batch call would wait until the batch is full. */
        p->message[0] = rd_kafka_consume(p->handle, p->place.partition, timeout_ms);
        n = p->message[0] != NULL;
    }
    p->n = n > 0 ? (size_t)n : 0;
    if (p->n > 0) {
        dg_kafka_keep_fetching(s->rk, &p->place, p->queue, s->queue_most, p->message, p->n,
                               &p->full);
    }
    return p->n > 0;
}

static int read_error(const struct part *p, const rd_kafka_message_t *message, struct dg_error *err)
{
    const rd_kafka_resp_err_t code = message->err;
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        return dg_fail(err, ESTALE,
                       "%s: records from offset %" PRId64
                       " were deleted while they were to be read; begin later (--from)",
                       p->name, p->next);
    }
    const int number = dg_kafka_errno(code);
    if (number == ENOENT || number == EACCES) {
        return dg_fail(err, number, "%s: %s", p->name, rd_kafka_message_errstr(message));
    }
    return 0; /* librdkafka tries again */
}

/* Take one message: into the chunk, or as news about the partition's end. 0 or an errno. */
static int take(struct kafka_source *s, struct part *p, rd_kafka_message_t *message,
                struct dg_chunk *chunk, struct dg_error *err)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        /* Transaction markers and compaction: the last offset may hold no record. */
        p->over = message->offset >= p->end;
        return 0;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return read_error(p, message, err);
    }
    if (message->offset >= p->end) {
        p->over = true;
        return 0;
    }
    if (message->offset < p->next) {
        return 0;
    }
    if (dg_kafka_chunk_add(chunk, message) != 0) {
        return dg_fail_memory(err);
    }
    p->next = message->offset + 1;
    p->over = p->next >= p->end;
    s->bytes += message->key_len + message->len;
    return 0;
}

/* Nothing came: is somebody there? */
static enum dg_poll idle(struct kafka_source *s, struct dg_error *err)
{
    rd_kafka_poll(s->rk, 0);
    if (atomic_load(&s->link->health) != DG_KAFKA_DOWN) {
        s->down_ms = 0;
        return DG_POLL_IDLE;
    }
    const int64_t now = dg_steady_ms();
    s->down_ms = s->down_ms == 0 ? now : s->down_ms;
    if (now - s->down_ms < AWAY_MS) {
        return DG_POLL_IDLE;
    }
    (void)dg_fail(err, ETIMEDOUT, "Kafka does not answer: %s", s->link->words);
    return DG_POLL_FATAL;
}

static enum dg_poll poll(struct dg_source *self, uint32_t partition, int timeout_ms,
                         struct dg_chunk *chunk, struct dg_error *err)
{
    struct kafka_source *s = (struct kafka_source *)self;
    struct part *p = &s->part[partition];
    chunk->partition = partition;
    chunk->len = 0;
    chunk->records = chunk->first = 0;
    chunk->last = false;
    chunk->damage = DG_GOOD;
    chunk->context = p;
    while (!p->over && chunk->len < CHUNK_BYTES && chunk->records < CHUNK_RECORDS) {
        if (p->at == p->n && !refill(s, p, chunk->records > 0 ? 0 : timeout_ms)) {
            break;
        }
        rd_kafka_message_t *message = p->message[p->at++];
        const int rc = take(s, p, message, chunk, err);
        rd_kafka_message_destroy(message);
        if (rc != 0) {
            return DG_POLL_FATAL;
        }
    }
    rd_kafka_poll(s->rk, 0);
    if (p->over && p->message != NULL) {
        finish(p);
        p->next = p->end;
    }
    if (chunk->records > 0) {
        s->down_ms = 0;
        return DG_POLL_DATA;
    }
    return p->over ? DG_POLL_END : idle(s, err);
}

static int decode(struct dg_source *self, const struct dg_chunk *chunk, struct dg_batch *batch,
                  struct dg_error *err)
{
    struct kafka_source *s = (struct kafka_source *)self;
    const struct part *p = chunk->context;
    return dg_kafka_decode(s->decoders, &p->place, chunk, batch, err);
}

static const char *partition_name(const struct dg_source *self, uint32_t partition)
{
    return ((const struct kafka_source *)self)->part[partition].name;
}

/* Bytes in all are not known before they are read: offsets tell the share. */
static void progress(const struct dg_source *self, uint64_t *done, uint64_t *total)
{
    const struct kafka_source *s = (const struct kafka_source *)self;
    double passed = 0.0, all = 0.0;
    for (uint32_t i = 0; i < self->n_partitions; i++) {
        passed += (double)(s->part[i].next - s->part[i].start);
        all += (double)(s->part[i].end - s->part[i].start);
    }
    *done = s->bytes;
    *total = passed > 0.0 ? (uint64_t)((double)s->bytes * (all / passed)) : 0;
}

static void fields(const struct dg_source *self, uint32_t partition, const char *const **names,
                   size_t *n)
{
    (void)self;
    (void)partition;
    *names = NULL;
    *n = 0;
}

static void free_link(void *arg)
{
    dg_kafka_link_deinit(arg);
    free(arg);
}

static void close_source(struct dg_source *self)
{
    struct kafka_source *s = (struct kafka_source *)self;
    for (uint32_t i = 0; i < self->n_partitions && s->part != NULL; i++) {
        finish(&s->part[i]);
        free(s->part[i].name);
    }
    for (size_t i = 0; i < s->n_topics; i++) {
        if (s->handle[i] != NULL) {
            rd_kafka_topic_destroy(s->handle[i]);
        }
        free(s->topic[i]);
    }
    if (s->rk != NULL) {
        dg_kafka_destroy(s->rk, false, free_link, s->link);
    } else if (s->link != NULL) {
        free_link(s->link);
    }
    dg_kafka_decoders_close(s->decoders);
    free(s->handle);
    free(s->topic);
    free(s->part);
    free(s);
}

static const struct dg_source_ops ops = {.name = "kafka",
                                         .poll = poll,
                                         .decode = decode,
                                         .partition_name = partition_name,
                                         .progress = progress,
                                         .fields = fields,
                                         .close = close_source};

/* The client, with what all partitions may fetch ahead divided between them. */
static int open_client(struct kafka_source *s, const struct dg_kafka_options *client,
                       struct dg_error *err)
{
    const uint32_t n = s->base.n_partitions > 0 ? s->base.n_partitions : 1;
    uint32_t kb = QUEUES_KB / n;
    kb = kb < QUEUE_KB_LEAST ? QUEUE_KB_LEAST : kb > QUEUE_KB_MOST ? QUEUE_KB_MOST : kb;
    char text[16];
    snprintf(text, sizeof text, "%" PRIu32, kb);
    struct dg_kafka_options with = *client;
    struct dg_kafka_property *property = calloc(client->n_properties + 1, sizeof *property);
    s->link = calloc(1, sizeof *s->link);
    if (property == NULL || s->link == NULL) {
        free(property);
        return dg_fail_memory(err);
    }
    property[0] = (struct dg_kafka_property){"queued.max.messages.kbytes", text};
    for (size_t i = 0; i < client->n_properties; i++) {
        property[i + 1] = client->property[i];
    }
    with.property = property;
    with.n_properties++;
    rd_kafka_conf_t *conf = NULL;
    int rc = dg_kafka_conf(&with, DG_KAFKA_CONSUMER, s->link, &conf, err);
    free(property);
    if (rc == 0) {
        s->queue_most = dg_kafka_queue_limits(conf);
    }
    return rc != 0 ? rc : dg_kafka_new(RD_KAFKA_CONSUMER, conf, &s->rk, err);
}

/* Where the partition begins and ends, and begin to fetch it. */
static int open_part(struct kafka_source *s, struct part *p, size_t topic, int32_t partition,
                     int64_t from_us, struct dg_error *err)
{
    p->handle = s->handle[topic];
    p->place = (struct dg_topic_partition){s->topic[topic], partition};
    if (asprintf(&p->name, "%s [%" PRId32 "]", s->topic[topic], partition) < 0) {
        p->name = NULL;
        return dg_fail_memory(err);
    }
    int rc = dg_kafka_ask_range(s->rk, &p->place, TIMEOUT_MS, &p->start, &p->end, err);
    if (rc == 0 && from_us != DG_TIME_NONE) {
        rc = dg_kafka_ask_offset(s->rk, &p->place, from_us, TIMEOUT_MS, &p->start, err);
    }
    if (rc != 0) {
        return rc;
    }
    p->next = p->start;
    p->over = p->start >= p->end;
    if (p->over) {
        p->start = p->next = p->end; /* what came since is not asked for */
        return 0;
    }
    p->message = calloc(BATCH, sizeof(rd_kafka_message_t *));
    if (p->message == NULL) {
        return dg_fail_memory(err);
    }
    if (rd_kafka_consume_start(p->handle, partition, p->start) != 0) {
        const rd_kafka_resp_err_t code = rd_kafka_last_error();
        return dg_fail(err, dg_kafka_errno(code), "%s: %s", p->name, rd_kafka_err2str(code));
    }
    p->queue = rd_kafka_queue_get_partition(s->rk, p->place.topic, partition);
    DG_ASSERT(p->queue != NULL); /* the partition has just been started */
    p->reading = true;
    return 0;
}

static int open_topics(struct kafka_source *s, const struct dg_kafka_source_options *options,
                       const int32_t partitions[], struct dg_error *err)
{
    s->topic = calloc(options->n_topics, sizeof *s->topic);
    s->handle = calloc(options->n_topics, sizeof *s->handle);
    s->part = calloc(s->base.n_partitions, sizeof *s->part);
    if (s->topic == NULL || s->handle == NULL || s->part == NULL) {
        return dg_fail_memory(err);
    }
    s->n_topics = options->n_topics;
    uint32_t at = 0;
    for (size_t t = 0; t < s->n_topics; t++) {
        s->topic[t] = strdup(options->topic[t]);
        if (s->topic[t] == NULL) {
            return dg_fail_memory(err);
        }
        s->handle[t] = rd_kafka_topic_new(s->rk, s->topic[t], NULL);
        DG_ASSERT(s->handle[t] != NULL); /* the probe has had this name */
        for (int32_t p = 0; p < partitions[t]; p++) {
            const int rc = open_part(s, &s->part[at++], t, p, options->from_us, err);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

int dg_kafka_source_open(const struct dg_kafka_source_options *options,
                         const struct dg_projection *projection, struct dg_source **out,
                         struct dg_error *err)
{
    DG_ASSERT(options->n_topics > 0);
    int32_t *partitions = calloc(options->n_topics, sizeof *partitions);
    struct kafka_source *s = calloc(1, sizeof *s);
    if (partitions == NULL || s == NULL) {
        free(partitions);
        free(s);
        return dg_fail_memory(err);
    }
    s->base.ops = &ops;
    int rc = dg_kafka_probe(&options->client, options->topic, options->n_topics, TIMEOUT_MS,
                            partitions, err);
    for (size_t i = 0; i < options->n_topics && rc == 0; i++) {
        if (partitions[i] == 0) {
            rc = dg_fail(err, ENOENT, "there is no topic %s at %s", options->topic[i],
                         options->client.brokers);
        }
        s->base.n_partitions += (uint32_t)partitions[i];
    }
    rc = rc != 0 ? rc
                 : dg_kafka_decoders_open(options->format, projection, options->registry,
                                          &s->decoders, err);
    rc = rc != 0 ? rc : open_client(s, &options->client, err);
    rc = rc != 0 ? rc : open_topics(s, options, partitions, err);
    free(partitions);
    if (rc != 0) {
        close_source(&s->base);
        return rc;
    }
    *out = &s->base;
    return 0;
}
