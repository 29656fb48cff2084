#include "connectors/clock.h"
#include "connectors/kafka_member_state.h"
#include "engine/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { DEFAULT_BATCH = 512, SWEEP_MS = 100, SEEK_MS = 5000 };

/* What may wait in all queues together: 64 MB of records, and 240,000 records, for librdkafka needs
 * about 350 bytes beside each. With the last fetch of each partition that makes some 150 MB. */
enum {
    ALL_RECORDS = 240000,
    ALL_KB = 65536,
    UNKNOWN_PARTITIONS = 8,
    LEAST_RECORDS = 1000,
    MOST_RECORDS = 60000,
    LEAST_KB = 256,
    MOST_KB = 16384,
    MOST_FETCH_KB = 1024
};

const char *dg_kafka_topic_name(const struct dg_kafka_member *m, const char *name)
{
    for (size_t i = 0; i < m->n_topics; i++) {
        if (strcmp(m->topic[i], name) == 0) {
            return m->topic[i];
        }
    }
    return NULL;
}

struct dg_kafka_part *dg_kafka_find_part(const struct dg_kafka_member *m, const char *topic,
                                         int32_t partition)
{
    for (size_t i = 0; topic != NULL && i < m->n_parts; i++) {
        struct dg_kafka_part *p = &m->part[i];
        if (p->place.partition == partition && strcmp(p->place.topic, topic) == 0) {
            return p;
        }
    }
    return NULL;
}

/* Keep an event for the next poll. */
struct dg_kafka_event *dg_kafka_add_note(struct dg_kafka_member *m, enum dg_kafka_event_kind kind)
{
    struct dg_kafka_note *note = calloc(1, sizeof *note);
    DG_ASSERT(note != NULL);
    note->event.kind = kind;
    *m->note_end = note;
    m->note_end = &note->next;
    return &note->event;
}

/* Only notes down what the group wants: poll hands it out, the application answers when it can. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct dg_kafka_member *m = opaque;
    if (m->closing) {
        rd_kafka_assign(rk, NULL);
        return;
    }
    struct dg_topic_partition *places =
        calloc(list->cnt > 0 ? (size_t)list->cnt : 1, sizeof *places);
    DG_ASSERT(places != NULL);
    size_t n = 0;
    for (int i = 0; i < list->cnt; i++) {
        const char *topic = dg_kafka_topic_name(m, list->elems[i].topic);
        if (topic != NULL) {
            places[n++] = (struct dg_topic_partition){topic, list->elems[i].partition};
        }
    }
    free(m->places);
    m->places = places;
    m->n_places = n;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        m->assign_due = true;
        dg_kafka_health_set(&m->link, DG_KAFKA_UP);
        return;
    }
    /* _REVOKE_PARTITIONS, or an error that ends the assignment. */
    m->assign_due = false;
    m->revoke_due = m->revoked = true;
    m->lost = code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(rk) != 0;
}

static void drop_parts(struct dg_kafka_member *m)
{
    dg_kafka_drop_rest(m);
    for (size_t i = 0; i < m->n_parts; i++) {
        /* The queue outlives its handle: it must not write to a closed descriptor. */
        rd_kafka_queue_io_event_enable(m->part[i].queue, -1, NULL, 0);
        rd_kafka_queue_destroy(m->part[i].queue);
    }
    free(m->part);
    m->part = NULL;
    m->n_parts = m->turn = 0;
    m->assigned = false;
}

static void watch(const struct dg_kafka_member *m, rd_kafka_queue_t *queue)
{
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, m->wake, &one, sizeof one);
}

/*
 * Until what the last assignment took away has been stopped. librdkafka 2.0.2 stops a partition by
 * a message to its main thread, and aborts if it is told to stop it once more before the answer is
 * there. Two questions that the main thread answers in turn come behind both.
 */
static void wait_for_stops(const struct dg_kafka_member *m)
{
    for (int i = 0; i < 2; i++) {
        rd_kafka_topic_partition_list_t *list = NULL;
        if (rd_kafka_assignment(m->rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_topic_partition_list_destroy(list);
        }
    }
}

static rd_kafka_resp_err_t assign(const struct dg_kafka_member *m,
                                  const rd_kafka_topic_partition_list_t *list)
{
    const rd_kafka_resp_err_t code = rd_kafka_assign(m->rk, list);
    wait_for_stops(m);
    return code;
}

/* Tell librdkafka to read every partition from where it stands. Those that are stopped are left
 * out: they would only fail again. */
static int read_on(struct dg_kafka_member *m, struct dg_error *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(m->n_parts > 0 ? (int)m->n_parts : 1);
    for (size_t i = 0; i < m->n_parts; i++) {
        const struct dg_kafka_part *p = &m->part[i];
        if (!p->stopped) {
            rd_kafka_topic_partition_list_add(list, p->place.topic, p->place.partition)->offset =
                p->next;
        }
    }
    const rd_kafka_resp_err_t code = assign(m, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return dg_fail(err, dg_kafka_errno(code),
                       "cannot read the partitions that the group gave: %s",
                       rd_kafka_err2str(code));
    }
    return 0;
}

int dg_kafka_assign(struct dg_kafka_member *m, const struct dg_topic_partition places[],
                    const int64_t offsets[], size_t n, struct dg_error *err)
{
    if (m->revoked) {
        return 0;
    }
    struct dg_kafka_part *parts = calloc(n > 0 ? n : 1, sizeof *parts);
    if (parts == NULL) {
        return dg_fail_memory(err);
    }
    drop_parts(m);
    for (size_t i = 0; i < n; i++) {
        const char *topic = dg_kafka_topic_name(m, places[i].topic);
        DG_ASSERT(topic != NULL && offsets[i] >= 0);
        parts[i] = (struct dg_kafka_part){
            .place = {topic, places[i].partition}, .next = offsets[i], .doubt_to = -1};
        /* Split off before it is assigned: what came in between would stand in another queue. */
        parts[i].queue = rd_kafka_queue_get_partition(m->rk, topic, places[i].partition);
        DG_ASSERT(parts[i].queue != NULL);
        rd_kafka_queue_forward(parts[i].queue, NULL);
        watch(m, parts[i].queue);
    }
    m->part = parts;
    m->n_parts = n;
    m->assigned = true;
    return read_on(m, err);
}

int dg_kafka_unassign(struct dg_kafka_member *m, struct dg_error *err)
{
    drop_parts(m);
    m->revoked = m->revoke_due = false;
    const rd_kafka_resp_err_t code = assign(m, NULL);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : dg_fail(err, dg_kafka_errno(code), "cannot give the partitions back: %s",
                         rd_kafka_err2str(code));
}

static int seek_part(struct dg_kafka_member *m, struct dg_kafka_part *p, struct dg_error *err)
{
    if (m->from_topic == p->place.topic && m->from_partition == p->place.partition) {
        dg_kafka_drop_rest(m);
    }
    size_t topic = 0;
    while (m->topic[topic] != p->place.topic) {
        topic++;
    }
    /* What was out of range is no longer being read, which a seek does not change. */
    const bool restart = p->stopped;
    p->stopped = false;
    if (!restart && rd_kafka_seek(m->handle[topic], p->place.partition, p->next, SEEK_MS) ==
                        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    dg_kafka_drop_rest(m);
    return read_on(m, err);
}

void dg_kafka_go_back(struct dg_kafka_member *m, struct dg_kafka_part *p)
{
    struct dg_error err;
    if (seek_part(m, p, &err) != 0) {
        dg_kafka_add_note(m, DG_KAFKA_FAILED)->error = err;
    }
}

int dg_kafka_seek(struct dg_kafka_member *m, const struct dg_topic_partition *place, int64_t offset,
                  struct dg_error *err)
{
    struct dg_kafka_part *p = dg_kafka_find_part(m, place->topic, place->partition);
    DG_ASSERT(offset >= 0);
    if (p == NULL) {
        return 0; /* taken away meanwhile */
    }
    p->next = offset;
    p->doubt_to = -1;
    return seek_part(m, p, err);
}

int dg_kafka_pause(struct dg_kafka_member *m, bool pause, struct dg_error *err)
{
    (void)err;
    m->paused = pause;
    return 0;
}

/* Until a queue has something or time is up. */
static void wait_for(struct dg_kafka_member *m, int64_t ms)
{
    struct pollfd fd = {.fd = m->wake, .events = POLLIN};
    if (poll(&fd, 1, (int)(ms < SWEEP_MS ? ms : SWEEP_MS)) > 0) {
        uint64_t count;
        if (read(m->wake, &count, sizeof count) < 0) {
            return; /* somebody woke us and took it back */
        }
    }
}

/* A message on the consumer's own queue: errors of the group and of topics. */
static void main_message(struct dg_kafka_member *m, const rd_kafka_message_t *message)
{
    const char *name = message->rkt == NULL ? NULL : rd_kafka_topic_name(message->rkt);
    const struct dg_topic_partition place = {name == NULL ? NULL : dg_kafka_topic_name(m, name),
                                             message->partition};
    struct dg_kafka_part *p = dg_kafka_find_part(m, place.topic, place.partition);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        /* Not from the partition's own queue: read again, in order. */
        if (p != NULL) {
            dg_kafka_go_back(m, p);
        }
        return;
    }
    struct dg_kafka_event event;
    if (p != NULL) {
        if (dg_kafka_partition_error(m, p, message, &event)) {
            *dg_kafka_add_note(m, event.kind) = event;
        }
        return;
    }
    const char *words = rd_kafka_message_errstr(message);
    if (dg_kafka_means_failed(message->err)) {
        char why[512];
        const bool fatal = rd_kafka_fatal_error(m->rk, why, sizeof why) != 0;
        struct dg_kafka_event *failed = dg_kafka_add_note(m, DG_KAFKA_FAILED);
        snprintf(failed->error.message, sizeof failed->error.message, "%s", fatal ? why : words);
    } else if (dg_kafka_means_gone(message->err) && place.topic != NULL) {
        dg_kafka_describe(dg_kafka_add_note(m, DG_KAFKA_GONE), &place, words);
    } else {
        dg_log_limited(DG_LOG_WARNING, "kafka", rd_kafka_err2name(message->err), "%s", words);
    }
}

/* Callbacks and messages of the consumer's own queue; also what tells librdkafka that we live. */
static void serve_main(struct dg_kafka_member *m)
{
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consumer_poll(m->rk, 0)) != NULL) {
        main_message(m, message);
        rd_kafka_message_destroy(message);
    }
}

static bool take_rebalance(struct dg_kafka_member *m, struct dg_kafka_event *event)
{
    if (!m->revoke_due && !m->assign_due) {
        return false;
    }
    *event = (struct dg_kafka_event){.kind = m->revoke_due ? DG_KAFKA_REVOKE : DG_KAFKA_ASSIGN,
                                     .places = m->places,
                                     .n_places = m->n_places,
                                     .lost = m->revoke_due && m->lost};
    if (m->revoke_due) {
        m->revoke_due = false;
    } else {
        m->assign_due = false;
    }
    return true;
}

static bool take_note(struct dg_kafka_member *m, struct dg_kafka_event *event)
{
    struct dg_kafka_note *note = m->note;
    if (m->link.vanished) {
        m->link.vanished = false;
        *event = (struct dg_kafka_event){.kind = DG_KAFKA_DOUBT};
        return true;
    }
    if (note == NULL) {
        return false;
    }
    *event = note->event;
    m->note = note->next;
    if (m->note == NULL) {
        m->note_end = &m->note;
    }
    free(note);
    return true;
}

void dg_kafka_poll(struct dg_kafka_member *m, int timeout_ms, bool held,
                   struct dg_kafka_event *event)
{
    const int64_t until = timeout_ms > 0 ? dg_steady_ms() + timeout_ms : 0;
    if (!held) {
        dg_kafka_release_run(m);
    }
    for (;;) {
        serve_main(m);
        if (take_rebalance(m, event) || take_note(m, event)) {
            return;
        }
        const bool flowing = !held && !m->paused && m->assigned && !m->revoked;
        if (flowing && dg_kafka_take_partition(m, event)) {
            return;
        }
        const int64_t left = timeout_ms > 0 ? until - dg_steady_ms() : 0;
        if (left <= 0) {
            *event = (struct dg_kafka_event){.kind = DG_KAFKA_NOTHING};
            return;
        }
        if (m->note == NULL) {
            wait_for(m, left);
        }
    }
}

static void member_free(void *arg)
{
    struct dg_kafka_member *m = arg;
    while (m->note != NULL) {
        struct dg_kafka_note *next = m->note->next;
        free(m->note);
        m->note = next;
    }
    for (size_t i = 0; i < m->n_topics && m->topic != NULL; i++) {
        free(m->topic[i]);
    }
    if (m->wake >= 0) {
        close(m->wake);
    }
    dg_kafka_link_deinit(&m->link);
    free(m->topic);
    free(m->handle);
    free(m->message);
    free(m->record);
    free(m->header);
    free(m->places);
    free(m);
}

void dg_kafka_member_close(struct dg_kafka_member *m)
{
    if (m == NULL) {
        return;
    }
    m->closing = true;
    dg_kafka_release_run(m);
    drop_parts(m);
    for (size_t i = 0; i < m->n_topics; i++) {
        rd_kafka_topic_destroy(m->handle[i]);
    }
    rd_kafka_queue_io_event_enable(m->main, -1, NULL, 0);
    rd_kafka_queue_destroy(m->main);
    dg_kafka_destroy(m->rk, true, member_free, m);
}

static size_t between(size_t least, size_t n, size_t most)
{
    return n < least ? least : n > most ? most : n;
}

static int member_conf(struct dg_kafka_member *m, const struct dg_kafka_member_options *options,
                       rd_kafka_conf_t **out, struct dg_error *err)
{
    const size_t n = options->partitions > 0 ? options->partitions : UNKNOWN_PARTITIONS;
    const size_t queue_kb =
        options->queue_kb > 0 ? options->queue_kb : between(LEAST_KB, ALL_KB / n, MOST_KB);
    char records[24], kb[24], fetch[24];
    snprintf(records, sizeof records, "%zu", between(LEAST_RECORDS, ALL_RECORDS / n, MOST_RECORDS));
    snprintf(kb, sizeof kb, "%zu", queue_kb);
    snprintf(fetch, sizeof fetch, "%zu", 1024 * between(LEAST_KB, queue_kb / 4, MOST_FETCH_KB));
    const struct dg_kafka_property own[] = {{"queued.min.messages", records},
                                            {"queued.max.messages.kbytes", kb},
                                            {"fetch.message.max.bytes", fetch}};
    const size_t n_own = sizeof own / sizeof own[0];
    struct dg_kafka_options with = options->client;
    struct dg_kafka_property *property = calloc(with.n_properties + n_own, sizeof *property);
    if (property == NULL) {
        return dg_fail_memory(err);
    }
    memcpy(property, own, sizeof own);
    for (size_t i = 0; i < with.n_properties; i++) {
        property[n_own + i] = with.property[i];
    }
    with.property = property;
    with.n_properties += n_own;
    rd_kafka_conf_t *conf = NULL;
    int rc = dg_kafka_conf(&with, DG_KAFKA_CONSUMER, &m->link, &conf, err);
    free(property);
    if (rc != 0) {
        return rc;
    }
    rc = dg_kafka_conf_set(conf, "group.id", options->group, err);
    if (rc == 0) {
        rc = dg_kafka_conf_set(conf, "partition.assignment.strategy", "range,roundrobin", err);
    }
    if (rc == 0 && options->instance != NULL) {
        rc = dg_kafka_conf_set(conf, "group.instance.id", options->instance, err);
    }
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    m->queue_most = dg_kafka_queue_limits(conf);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    *out = conf;
    return 0;
}

static int member_new(const struct dg_kafka_member_options *options, struct dg_kafka_member **out,
                      struct dg_error *err)
{
    struct dg_kafka_member *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return dg_fail_memory(err);
    }
    m->note_end = &m->note;
    m->want_headers = options->want_headers;
    m->batch_records = options->batch_records > 0 ? options->batch_records : DEFAULT_BATCH;
    m->n_topics = options->n_topics;
    m->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    m->topic = calloc(m->n_topics, sizeof *m->topic);
    m->handle = calloc(m->n_topics, sizeof *m->handle);
    m->message = calloc(m->batch_records, sizeof(rd_kafka_message_t *));
    m->record = calloc(m->batch_records, sizeof *m->record);
    bool complete = m->topic != NULL && m->handle != NULL && m->message != NULL &&
                    m->record != NULL && m->wake >= 0;
    for (size_t i = 0; i < m->n_topics && complete; i++) {
        m->topic[i] = strdup(options->topic[i]);
        complete = m->topic[i] != NULL;
    }
    if (!complete) {
        member_free(m);
        return dg_fail_memory(err);
    }
    *out = m;
    return 0;
}

static int subscribe(struct dg_kafka_member *m, struct dg_error *err)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new((int)m->n_topics);
    for (size_t i = 0; i < m->n_topics; i++) {
        rd_kafka_topic_partition_list_add(topics, m->topic[i], RD_KAFKA_PARTITION_UA);
    }
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(m->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : dg_fail(err, EINVAL, "cannot subscribe to %s%s: %s", m->topic[0],
                         m->n_topics > 1 ? " and others" : "", rd_kafka_err2str(code));
}

int dg_kafka_member_open(const struct dg_kafka_member_options *options,
                         struct dg_kafka_member **out, struct dg_error *err)
{
    DG_ASSERT(options->group != NULL && options->n_topics > 0);
    for (size_t i = 0; i < options->n_topics; i++) {
        if (options->topic[i][0] == '^') {
            return dg_fail(err, EINVAL, "topic %s: patterns are not supported, name each topic",
                           options->topic[i]);
        }
    }
    struct dg_kafka_member *m = NULL;
    int rc = member_new(options, &m, err);
    if (rc != 0) {
        return rc;
    }
    rd_kafka_conf_t *conf = NULL;
    rc = member_conf(m, options, &conf, err);
    if (rc == 0) {
        rc = dg_kafka_new(RD_KAFKA_CONSUMER, conf, &m->rk, err);
    }
    if (rc != 0) {
        member_free(m);
        return rc;
    }
    rd_kafka_poll_set_consumer(m->rk);
    m->main = rd_kafka_queue_get_consumer(m->rk);
    watch(m, m->main);
    for (size_t i = 0; i < m->n_topics; i++) {
        m->handle[i] = rd_kafka_topic_new(m->rk, m->topic[i], NULL);
        if (m->handle[i] == NULL) {
            rc = dg_fail(err, EINVAL, "`%s` cannot be the name of a topic: %s", m->topic[i],
                         rd_kafka_err2str(rd_kafka_last_error()));
            m->n_topics = i;
            break;
        }
    }
    if (rc == 0) {
        rc = subscribe(m, err);
    }
    if (rc != 0) {
        dg_kafka_member_close(m);
        return rc;
    }
    *out = m;
    return 0;
}
