#include "connectors/kafka_fetch.h"
#include "connectors/kafka_member_state.h"
#include "engine/log.h"

#include <errno.h>
#include <stdlib.h>

static void free_messages(struct dg_kafka_member *m, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        rd_kafka_message_destroy(m->message[i]);
    }
}

/* What waits of the batch does not come any more. */
void dg_kafka_drop_rest(struct dg_kafka_member *m)
{
    free_messages(m, m->at, m->n_messages);
    m->n_messages = m->at;
    m->from_topic = NULL;
}

void dg_kafka_release_run(struct dg_kafka_member *m)
{
    free_messages(m, m->run, m->at);
    m->run = m->at;
}

/* Go back to where this partition stands; true if there is a reason to believe that what was
 * skipped is really not there. */
static bool jump_confirmed(struct dg_kafka_member *m, struct dg_kafka_part *p, int64_t to)
{
    if (p->sparse) {
        return true;
    }
    if (p->doubt_to == to) {
        p->sparse = true;
        p->doubt_to = -1;
        return true;
    }
    p->doubt_to = to;
    dg_kafka_go_back(m, p);
    return false;
}

void dg_kafka_describe(struct dg_kafka_event *event, const struct dg_topic_partition *place,
                       const char *words)
{
    event->place = *place;
    snprintf(event->error.message, sizeof event->error.message, "%s [%d]: %s", place->topic,
             place->partition, words);
}

bool dg_kafka_means_gone(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

bool dg_kafka_means_failed(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
}

/* An error of a partition's queue; true if it makes an event. */
bool dg_kafka_partition_error(struct dg_kafka_member *m, struct dg_kafka_part *p,
                              const rd_kafka_message_t *message, struct dg_kafka_event *event)
{
    const rd_kafka_resp_err_t code = message->err;
    const char *words = rd_kafka_message_errstr(message);
    *event = (struct dg_kafka_event){.place = p->place, .offset = message->offset};
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (message->offset > p->next && !jump_confirmed(m, p, message->offset)) {
            return false;
        }
        p->next = message->offset > p->next ? message->offset : p->next;
        event->kind = DG_KAFKA_AT_END;
        event->offset = p->next;
        return true;
    }
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        event->kind = DG_KAFKA_OUT_OF_RANGE;
        event->offset = p->next;
        p->stopped = true;
    } else if (dg_kafka_means_gone(code)) {
        event->kind = DG_KAFKA_GONE;
        event->offset = p->next;
    } else if (dg_kafka_means_failed(code)) {
        event->kind = DG_KAFKA_FAILED;
    } else {
        dg_log_limited(DG_LOG_WARNING, "kafka", rd_kafka_err2name(code), "%s [%d] at %lld: %s",
                       p->place.topic, p->place.partition, (long long)p->next, words);
        return false;
    }
    dg_kafka_describe(event, &p->place, words);
    return true;
}

/* The headers of a message at header[at]; grows the array. */
static int read_headers(struct dg_kafka_member *m, rd_kafka_message_t *message, size_t at,
                        size_t *count)
{
    rd_kafka_headers_t *headers = NULL;
    *count = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0; /* none, or not to be parsed */
    }
    const size_t n = rd_kafka_header_cnt(headers);
    if (at + n > m->header_cap) {
        const size_t cap = 2 * (at + n);
        struct dg_record_header *more = realloc(m->header, cap * sizeof *more);
        if (more == NULL) {
            return ENOMEM;
        }
        m->header = more;
        m->header_cap = cap;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t len = 0;
        rd_kafka_header_get_all(headers, i, &name, &value, &len);
        m->header[at + i] = (struct dg_record_header){.name = name, .value = value, .len = len};
    }
    *count = n;
    return 0;
}

static void fill_headers(struct dg_kafka_member *m, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        DG_ASSERT(read_headers(m, m->message[m->run + i], total, &m->record[i].n_headers) == 0);
        total += m->record[i].n_headers;
    }
    total = 0;
    for (size_t i = 0; i < n; i++) {
        m->record[i].header = m->record[i].n_headers > 0 ? &m->header[total] : NULL;
        total += m->record[i].n_headers;
    }
}

int dg_kafka_headers(struct dg_kafka_member *m, const struct dg_record *record,
                     struct dg_record *out, struct dg_error *err)
{
    *out = *record;
    const ptrdiff_t i = record - m->record;
    if (m->want_headers || record < m->record || (size_t)i >= m->at - m->run) {
        return 0;
    }
    if (read_headers(m, m->message[m->run + (size_t)i], 0, &out->n_headers) != 0) {
        return dg_fail_memory(err);
    }
    out->header = out->n_headers > 0 ? m->header : NULL;
    return 0;
}

static void fill_record(struct dg_record *record, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    const int64_t ms = rd_kafka_message_timestamp(message, &type);
    const bool timed = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= INT64_MIN / 1000 &&
                       ms <= INT64_MAX / 1000;
    *record = (struct dg_record){
        .offset = message->offset,
        .time_us = timed ? ms * 1000 : DG_TIME_NONE,
        .key = message->key,
        .key_len = message->key_len,
        .value = message->payload,
        .value_len = message->len,
    };
}

/* What a jump, if there is one, means for the record at the front of the batch: false if the
 * partition was sent back and the batch dropped. */
static bool contiguous(struct dg_kafka_member *m, struct dg_kafka_part *p, int64_t offset)
{
    if (offset == p->next) {
        if (p->doubt_to >= 0) {
            m->counts.recovered++;
            p->doubt_to = -1;
            dg_log_limited(DG_LOG_WARNING, "kafka", "kafka jump",
                           "%s [%d]: the client had jumped over offset %lld and was sent back",
                           p->place.topic, p->place.partition, (long long)offset);
        }
        return true;
    }
    if (offset > p->next) {
        const bool confirmed = jump_confirmed(m, p, offset);
        m->counts.holes += confirmed;
        return confirmed;
    }
    m->counts.backwards++;
    dg_kafka_go_back(m, p);
    return false;
}

/* Records from the front of the batch up to an error or a break. */
static bool take_records(struct dg_kafka_member *m, struct dg_kafka_part *p,
                         struct dg_kafka_event *event)
{
    size_t n = 0;
    m->run = m->at;
    while (m->at < m->n_messages && m->message[m->at]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const rd_kafka_message_t *message = m->message[m->at];
        if (message->offset != p->next || p->doubt_to >= 0) {
            if (!contiguous(m, p, message->offset)) {
                break; /* the batch ends here */
            }
        }
        fill_record(&m->record[n++], message);
        p->next = message->offset + 1;
        m->at++;
    }
    if (n == 0) {
        return false;
    }
    if (m->want_headers) {
        fill_headers(m, n);
    }
    m->counts.records += n;
    *event = (struct dg_kafka_event){.kind = DG_KAFKA_RECORDS,
                                     .place = p->place,
                                     .record = m->record,
                                     .n_records = n,
                                     .offset = m->record[0].offset};
    return true;
}

/* The next batch of any partition, taking turns. */
static bool fetch(struct dg_kafka_member *m)
{
    m->run = m->at = m->n_messages = 0;
    for (size_t i = 0; i < m->n_parts; i++) {
        m->turn = m->turn + 1 < m->n_parts ? m->turn + 1 : 0;
        struct dg_kafka_part *p = &m->part[m->turn];
        if (rd_kafka_queue_length(p->queue) == 0) {
            continue;
        }
        const ssize_t n = rd_kafka_consume_batch_queue(p->queue, 0, m->message, m->batch_records);
        if (n > 0) {
            m->n_messages = (size_t)n;
            dg_kafka_keep_fetching(m->rk, &p->place, p->queue, m->queue_most, m->message,
                                   m->n_messages, &p->full);
            m->from_topic = p->place.topic;
            m->from_partition = p->place.partition;
            return true;
        }
    }
    return false;
}

/* The next event of the partitions' queues, if there is one. */
bool dg_kafka_take_partition(struct dg_kafka_member *m, struct dg_kafka_event *event)
{
    for (;;) {
        struct dg_kafka_part *p = dg_kafka_find_part(m, m->from_topic, m->from_partition);
        if (m->at == m->n_messages || p == NULL) {
            dg_kafka_drop_rest(m);
            if (!fetch(m)) {
                return false;
            }
            continue;
        }
        if (m->message[m->at]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (take_records(m, p, event)) {
                return true;
            }
            continue;
        }
        rd_kafka_message_t *message = m->message[m->at++];
        m->run = m->at;
        const bool made = dg_kafka_partition_error(m, p, message, event);
        rd_kafka_message_destroy(message);
        if (made) {
            return true;
        }
    }
}
