/*
 * Goal: a range of a topic gives exactly the records that were in it when it was opened, whatever
 * the decoder and the order of partitions. Method: a real broker, and a decoder of the test's own
 * that stops and waits at will.
 */
#include "connectors/kafka_source.h"
#include "tests/check.h"
#include "tests/support/kafka_world.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static struct dg_error err;

/* A decoder that reads the number behind "value ", stops after some records, and waits now and
 * then. */
struct picky {
    struct dg_decoder base;
    uint64_t calls;
    char news[8][8];
};

static _Atomic int stop_after = 1000000, wait_every, open_decoders;

static int picky_decode(struct dg_decoder *self, const struct dg_topic_partition *place,
                        const struct dg_record records[], size_t n, struct dg_batch *batch,
                        size_t *done, struct dg_error *error)
{
    struct picky *p = (struct picky *)self;
    const size_t most = (size_t)stop_after;
    const int every = wait_every;
    p->calls++;
    *done = 0;
    if (every > 0 && p->calls % (uint64_t)every == 0) {
        return dg_fail(error, EAGAIN, "the registry is away");
    }
    batch->timed = true;
    CHECK_INT(dg_batch_reserve(batch, n), 0);
    CHECK_INT(dg_batch_scratch(batch, 64 * n), 0);
    snprintf(p->news[p->calls % 8], sizeof p->news[0], "f%u", (unsigned)(p->calls % 3));
    batch->news_names.n = 1;
    batch->news_names.name[0] = p->news[p->calls % 8];
    batch->news_names.len[0] = 2;
    for (size_t i = 0; i < n && i < most; i++) {
        const struct dg_record *r = &records[i];
        char *text = (char *)batch->scratch.data + batch->scratch.len;
        const int len = snprintf(text, 64, "%s %.*s", place->topic, (int)r->key_len,
                                 r->key == NULL ? "" : (const char *)r->key);
        batch->scratch.len += (size_t)len + 1;
        batch->column[0].text[batch->n] =
            (struct dg_text){.bytes = text, .len = (uint32_t)len, .triage = DG_FINITE};
        char number[24];
        const bool numbered = r->value_len > 6;
        snprintf(number, sizeof number, "%.*s", numbered ? (int)r->value_len - 6 : 0,
                 numbered ? (const char *)r->value + 6 : "");
        batch->column[1].number[batch->n] = number[0] == '\0' ? -1.0 : strtod(number, NULL);
        batch->column[2].integer[batch->n] = (int64_t)r->n_headers;
        batch->reason[batch->n] = DG_GOOD;
        batch->place[batch->n] = (uint64_t)r->offset;
        batch->record_us[batch->n] = r->time_us;
        batch->news[batch->n] = p->calls % 3 == 0 ? 0 : 1;
        batch->n++;
        ++*done;
    }
    return 0;
}

static void picky_close(struct dg_decoder *self)
{
    open_decoders--;
    free(self);
}

static const struct dg_decoder_ops picky_ops = {"picky", picky_decode, picky_close};

int dg_record_decoder_open(const struct dg_record_format *format,
                           const struct dg_projection *projection, struct dg_registry *registry,
                           struct dg_decoder **out, struct dg_error *error)
{
    (void)format, (void)projection, (void)registry, (void)error;
    struct picky *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    p->base.ops = &picky_ops;
    open_decoders++;
    *out = &p->base;
    return 0;
}

static struct dg_field field[] = {{"key", DG_FIELD_TEXT, DG_TIME_AUTO},
                                  {"value", DG_FIELD_NUMERIC, DG_TIME_AUTO},
                                  {"headers", DG_FIELD_INTEGER, DG_TIME_AUTO}};
static const struct dg_projection projection = {.field = field,
                                                .n = 3,
                                                .time = -1,
                                                .id = -1,
                                                .topic = -1,
                                                .partition = -1,
                                                .offset = -1,
                                                .record_time = -1};

static int open_source(const char *const topics[], size_t n, int64_t from_us,
                       struct dg_source **out)
{
    const struct dg_kafka_source_options options = {
        .client = {.brokers = world_brokers()}, .topic = topics, .n_topics = n, .from_us = from_us};
    return dg_kafka_source_open(&options, &projection, out, &err);
}

struct reading {
    struct dg_source *source;
    struct dg_chunk chunk;
    struct dg_batch batch;
    uint64_t rows, bad, chunks;
    double expected; /* next value; -1: any */
};

static void begin(struct reading *r, struct dg_source *source)
{
    *r = (struct reading){.source = source};
    CHECK_INT(dg_batch_init(&r->batch, &projection, &err), 0);
}

static void end(struct reading *r)
{
    dg_batch_deinit(&r->batch);
    dg_chunk_deinit(&r->chunk);
}

/* Texts and values of every row, against what world_write writes. */
static void look(struct reading *r, const char *topic)
{
    for (size_t i = 0; i < r->batch.n; i++) {
        const int64_t value = (int64_t)r->batch.column[1].number[i];
        const struct dg_text key = r->batch.column[0].text[i];
        char want[64];
        const int len = snprintf(want, sizeof want, "%s k%" PRId64, topic, value);
        r->bad += key.len != (uint32_t)len || memcmp(key.bytes, want, key.len) != 0;
        r->bad += r->expected >= 0 && r->batch.column[1].number[i] != r->expected;
        r->bad += r->batch.record_us[i] != (INT64_C(1700000000000) + value) * 1000;
        r->bad += i > 0 && r->batch.place[i] <= r->batch.place[i - 1];
        r->bad += (r->batch.news[i] >> r->batch.news_names.n) != 0;
        r->expected = r->expected >= 0 ? r->expected + 1 : -1;
    }
    r->rows += r->batch.n;
}

/* One partition to its end. */
static void read_partition(struct reading *r, uint32_t p, const char *topic)
{
    for (int idle = 0; idle < 30;) {
        const enum dg_poll poll = r->source->ops->poll(r->source, p, 1000, &r->chunk, &err);
        if (poll == DG_POLL_END) {
            return;
        }
        if (poll == DG_POLL_FATAL) {
            fprintf(stderr, "%s\n", err.message);
            break;
        }
        idle += poll == DG_POLL_IDLE;
        if (poll == DG_POLL_DATA) {
            dg_batch_clear(&r->batch);
            CHECK_INT(r->source->ops->decode(r->source, &r->chunk, &r->batch, &err), 0);
            CHECK_INT(r->batch.n, r->chunk.records);
            look(r, topic);
            r->chunks++;
        }
    }
    CHECK(false); /* no end */
}

static void a_topic_is_read_to_the_end_it_had(void)
{
    world_create("range", 3, NULL, NULL);
    struct world_writer *w = world_open("zstd", NULL);
    for (int32_t p = 0; p < 2; p++) { /* the third stays empty */
        world_write(w, "range", p, 0, 30000);
    }
    world_flush(w);
    const char *topic = "range";
    struct dg_source *source = NULL;
    CHECK_INT(open_source(&topic, 1, DG_TIME_NONE, &source), 0);
    world_write(w, "range", 0, 30000, 1000);
    world_close(w);
    CHECK_INT(source->n_partitions, 3);
    CHECK_STR(source->ops->partition_name(source, 1), "range [1]");
    struct reading r;
    begin(&r, source);
    for (int32_t p = 2; p >= 0; p--) { /* the engine asks for whichever it wants */
        r.expected = 0;
        read_partition(&r, (uint32_t)p, topic);
    }
    CHECK_INT(r.rows, 60000);
    CHECK_INT(r.bad, 0);
    uint64_t done = 0, total = 0;
    source->ops->progress(source, &done, &total);
    CHECK(done > 0);
    CHECK_INT(done, total);
    end(&r);
    source->ops->close(source);
    CHECK_INT(open_decoders, 0);
}

static void a_range_begins_at_a_time(void)
{
    const char *topic = "times";
    world_create(topic, 2, NULL, NULL);
    world_fill(topic, 0, 0, 5000);
    world_fill(topic, 1, 0, 10);
    struct dg_source *source = NULL;
    CHECK_INT(open_source(&topic, 1, (INT64_C(1700000000000) + 2385) * 1000, &source), 0);
    struct reading r;
    begin(&r, source);
    r.expected = 2385;
    read_partition(&r, 0, topic);
    CHECK_INT(r.rows, 5000 - 2385);
    read_partition(&r, 1, topic); /* nothing is that late */
    CHECK_INT(r.rows, 5000 - 2385);
    CHECK_INT(r.bad, 0);
    end(&r);
    source->ops->close(source);
}

static void aborted_records_at_the_end_do_not_keep_it_open(void)
{
    const char *topic = "aborted";
    world_create(topic, 1, NULL, NULL);
    struct world_writer *w = world_open("none", "aborted");
    for (int i = 0; i < 4; i++) {
        world_begin(w);
        world_write(w, topic, 0, i * 100, 100);
        world_end(w, i < 2);
    }
    world_begin(w); /* and one that is still open */
    world_write(w, topic, 0, 400, 100);
    world_flush(w);
    struct dg_source *source = NULL;
    CHECK_INT(open_source(&topic, 1, DG_TIME_NONE, &source), 0);
    struct reading r;
    begin(&r, source);
    read_partition(&r, 0, topic);
    CHECK_INT(r.rows, 200);
    CHECK_INT(r.bad, 0);
    end(&r);
    source->ops->close(source);
    world_end(w, false);
    world_close(w);
}

static void a_decoder_that_stops_and_waits_gives_the_same_rows(void)
{
    const char *topic = "picky";
    world_create(topic, 1, NULL, NULL);
    world_fill(topic, 0, 0, 6000);
    stop_after = 700;
    wait_every = 5;
    struct dg_source *source = NULL;
    CHECK_INT(open_source(&topic, 1, DG_TIME_NONE, &source), 0);
    struct reading r;
    begin(&r, source);
    read_partition(&r, 0, topic);
    CHECK_INT(r.rows, 6000);
    CHECK_INT(r.bad, 0);
    CHECK_INT(r.expected, 6000);
    end(&r);
    source->ops->close(source);
    stop_after = 1000000;
    wait_every = 0;
}

static void names_of_news_are_joined(void)
{
    const char *topic = "news";
    world_create(topic, 1, NULL, NULL);
    world_fill(topic, 0, 0, 50);
    stop_after = 10; /* calls 1 to 5: f1, f2, none, f1, f2 */
    struct dg_source *source = NULL;
    CHECK_INT(open_source(&topic, 1, DG_TIME_NONE, &source), 0);
    struct reading r;
    begin(&r, source);
    read_partition(&r, 0, topic);
    CHECK_INT(r.rows, 50);
    const struct dg_news *names = &r.batch.news_names;
    for (size_t i = 0; i < r.batch.n && r.batch.n == 50; i++) {
        static const char *const want[] = {"f1", "f2", NULL, "f1", "f2"};
        const uint64_t mask = r.batch.news[i];
        const char *name = want[i / 10];
        size_t bits = 0;
        for (size_t b = 0; b < names->n; b++) {
            if ((mask >> b & 1) != 0) {
                bits++;
                CHECK(name != NULL && memcmp(names->name[b], name, 2) == 0);
            }
        }
        CHECK_INT(bits, name != NULL);
    }
    end(&r);
    source->ops->close(source);
    stop_after = 1000000;
}

static void headers_and_none_pass_through_a_chunk(void)
{
    const char *topic = "headed";
    world_create(topic, 1, NULL, NULL);
    struct world_writer *w = world_open("none", NULL);
    for (int i = 0; i < 40; i++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
        for (int h = 0; h < i % 5; h++) {
            rd_kafka_header_add(headers, "trace", -1, h == 2 ? NULL : "x", h == 2 ? 0 : -1);
        }
        world_write_one(w, topic, 0, 1, i % 3 == 0 ? NULL : "k", i % 3 == 0 ? 0 : 1,
                        i % 2 == 0 ? NULL : "value 1", i % 2 == 0 ? 0 : 7, headers);
    }
    world_close(w);
    struct dg_source *source = NULL;
    CHECK_INT(open_source(&topic, 1, DG_TIME_NONE, &source), 0);
    struct reading r;
    begin(&r, source);
    read_partition(&r, 0, topic);
    CHECK_INT(r.rows, 40);
    for (size_t i = 0; i < r.batch.n; i++) {
        CHECK_INT(r.batch.column[2].integer[i], i % 5);
        CHECK_INT(r.batch.column[1].number[i], i % 2 == 0 ? -1 : 1);
    }
    end(&r);
    source->ops->close(source);
}

/* Lanes: one polls at a time, all decode. */
struct lanes {
    pthread_mutex_t lock;
    struct dg_source *source;
    uint32_t turn, left;
    _Atomic uint64_t rows, bad;
};

static void *run_lane(void *arg)
{
    struct lanes *l = arg;
    struct reading r;
    struct dg_error error;
    begin(&r, l->source);
    r.expected = -1;
    for (;;) {
        pthread_mutex_lock(&l->lock);
        enum dg_poll poll = DG_POLL_END;
        for (uint32_t i = 0; i < l->source->n_partitions && poll == DG_POLL_END; i++) {
            l->turn = (l->turn + 1) % l->source->n_partitions;
            poll = l->source->ops->poll(l->source, l->turn, 1000, &r.chunk, &error);
        }
        pthread_mutex_unlock(&l->lock);
        if (poll == DG_POLL_END || poll == DG_POLL_FATAL) {
            break;
        }
        dg_batch_clear(&r.batch);
        l->bad += l->source->ops->decode(l->source, &r.chunk, &r.batch, &error) != 0;
        look(&r, r.chunk.partition < 4 ? "lanes-a" : "lanes-b");
    }
    l->rows += r.rows;
    l->bad += r.bad;
    end(&r);
    return NULL;
}

static void lanes_decode_at_the_same_time(void)
{
    static const char *const topics[] = {"lanes-a", "lanes-b"};
    world_create(topics[0], 4, NULL, NULL);
    world_create(topics[1], 2, NULL, NULL);
    struct world_writer *w = world_open("snappy", NULL);
    for (int32_t p = 0; p < 6; p++) {
        world_write(w, topics[p / 4], p % 4, 0, 20000);
    }
    world_close(w);
    stop_after = 1500;
    struct lanes l = {.lock = PTHREAD_MUTEX_INITIALIZER};
    CHECK_INT(open_source(topics, 2, DG_TIME_NONE, &l.source), 0);
    CHECK_INT(l.source->n_partitions, 6);
    CHECK_STR(l.source->ops->partition_name(l.source, 5), "lanes-b [1]");
    pthread_t thread[3];
    for (int i = 0; i < 3; i++) {
        CHECK_INT(pthread_create(&thread[i], NULL, run_lane, &l), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
    }
    CHECK_INT(l.rows, 120000);
    CHECK_INT(l.bad, 0);
    CHECK(open_decoders >= 1 && open_decoders <= 3);
    l.source->ops->close(l.source);
    CHECK_INT(open_decoders, 0);
    stop_after = 1000000;
}

static void a_topic_that_is_not_there_is_named(void)
{
    const char *topic = "nobody-made-this";
    struct dg_source *source = NULL;
    CHECK_INT(open_source(&topic, 1, DG_TIME_NONE, &source), ENOENT);
    CHECK(strstr(err.message, topic) != NULL);
    CHECK_INT(open_decoders, 0);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(a_topic_is_read_to_the_end_it_had), CASE(a_range_begins_at_a_time),
        CASE(aborted_records_at_the_end_do_not_keep_it_open),
        CASE(a_decoder_that_stops_and_waits_gives_the_same_rows), CASE(names_of_news_are_joined),
        CASE(headers_and_none_pass_through_a_chunk), CASE(lanes_decode_at_the_same_time),
        CASE(a_topic_that_is_not_there_is_named));
}
