#include "connectors/kafka_member_state.h"

#include <errno.h>

/* place NULL: of several. */
static int fail_offsets(rd_kafka_resp_err_t code, const struct dg_topic_partition *place,
                        struct dg_error *err)
{
    const int number = dg_kafka_errno(code);
    const int rc = number == ENOENT || number == EACCES ? number : ETIMEDOUT;
    return place == NULL
               ? dg_fail(err, rc, "cannot ask Kafka for offsets: %s", rd_kafka_err2str(code))
               : dg_fail(err, rc, "cannot ask Kafka for offsets of %s [%d]: %s", place->topic,
                         place->partition, rd_kafka_err2str(code));
}

/* ListOffsets with a time, or with librdkafka's names for the ends. query_watermark_offsets of
 * librdkafka 2.0.2 does not keep its timeout; this call does. */
static int list_offset(rd_kafka_t *rk, const struct dg_topic_partition *place, int64_t what,
                       int timeout_ms, int64_t *offset, struct dg_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, place->topic, place->partition)->offset = what;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = list->elems[0].err;
        *offset = list->elems[0].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    return fail_offsets(code, place, err);
}

int dg_kafka_ask_range(rd_kafka_t *rk, const struct dg_topic_partition *place, int timeout_ms,
                       int64_t *low, int64_t *high, struct dg_error *err)
{
    int64_t first = -1, end = -1;
    int rc = list_offset(rk, place, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, &first, err);
    if (rc == 0) {
        rc = list_offset(rk, place, RD_KAFKA_OFFSET_END, timeout_ms, &end, err);
    }
    if (rc == 0) {
        *low = first;
        *high = end;
    }
    return rc;
}

int dg_kafka_ask_offset(rd_kafka_t *rk, const struct dg_topic_partition *place, int64_t time_us,
                        int timeout_ms, int64_t *offset, struct dg_error *err)
{
    /* Record times are milliseconds: the first one at or after time_us. Before 1970 there is none,
     * and a negative time would name an end. */
    const int64_t ms = time_us / 1000 + (time_us % 1000 > 0);
    int64_t at = -1;
    int rc = list_offset(rk, place, ms > 0 ? ms : 0, timeout_ms, &at, err);
    if (rc == 0 && at < 0) {
        rc = list_offset(rk, place, RD_KAFKA_OFFSET_END, timeout_ms, &at, err);
    }
    if (rc == 0) {
        *offset = at;
    }
    return rc;
}

int dg_kafka_ask_partitions(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms, int32_t *n,
                            struct dg_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &metadata, timeout_ms);
    int32_t count = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code =
            metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        rd_kafka_metadata_destroy(metadata);
    }
    if (dg_kafka_errno(code) == ENOENT) {
        *n = 0;
        return 0;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        return dg_fail(err, dg_kafka_errno(code) == EACCES ? EACCES : ETIMEDOUT,
                       "cannot ask Kafka for the partitions of %s: %s", rd_kafka_topic_name(topic),
                       rd_kafka_err2str(code));
    }
    *n = count;
    return 0;
}

int dg_kafka_range(struct dg_kafka_member *m, const struct dg_topic_partition *place,
                   int timeout_ms, int64_t *low, int64_t *high, struct dg_error *err)
{
    return dg_kafka_ask_range(m->rk, place, timeout_ms, low, high, err);
}

int dg_kafka_ends(struct dg_kafka_member *m, const struct dg_topic_partition places[], size_t n,
                  int timeout_ms, int64_t end[], struct dg_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_list_add(list, places[i].topic, places[i].partition)->offset =
            RD_KAFKA_OFFSET_END;
    }
    const rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(m->rk, list, timeout_ms);
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *at =
            rd_kafka_topic_partition_list_find(list, places[i].topic, places[i].partition);
        const bool known =
            code == RD_KAFKA_RESP_ERR_NO_ERROR && at->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        end[i] = known && at->offset >= 0 ? at->offset : -1;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : fail_offsets(code, n == 1 ? places : NULL, err);
}

int dg_kafka_offset_at(struct dg_kafka_member *m, const struct dg_topic_partition *place,
                       int64_t time_us, int timeout_ms, int64_t *offset, struct dg_error *err)
{
    return dg_kafka_ask_offset(m->rk, place, time_us, timeout_ms, offset, err);
}

int dg_kafka_partitions(struct dg_kafka_member *m, const char *topic, int timeout_ms, int32_t *n,
                        struct dg_error *err)
{
    const char *name = dg_kafka_topic_name(m, topic);
    DG_ASSERT(name != NULL);
    size_t i = 0;
    while (m->topic[i] != name) {
        i++;
    }
    return dg_kafka_ask_partitions(m->rk, m->handle[i], timeout_ms, n, err);
}

void dg_kafka_publish(struct dg_kafka_member *m, const struct dg_topic_partition places[],
                      const int64_t offsets[], size_t n)
{
    /* librdkafka 2.0.2 may give its assignment up when a commit falls into a rebalance. */
    if (n == 0 || !m->assigned || m->revoked || m->assign_due ||
        rd_kafka_queue_length(m->main) > 0) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_list_add(list, places[i].topic, places[i].partition)->offset =
            offsets[i];
    }
    (void)rd_kafka_commit(m->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

enum dg_kafka_health dg_kafka_member_health(const struct dg_kafka_member *m)
{
    return (enum dg_kafka_health)atomic_load(&m->link.health);
}

const char *dg_kafka_member_words(const struct dg_kafka_member *m)
{
    return m->link.words[0] != '\0' ? m->link.words : "no connection";
}

void dg_kafka_member_counts(const struct dg_kafka_member *m, struct dg_kafka_counts *out)
{
    *out = m->counts;
}

void dg_kafka_views(const struct dg_kafka_member *m,
                    void (*view)(void *arg, const struct dg_kafka_view *v), void *arg)
{
    for (size_t i = 0; i < m->n_parts; i++) {
        const struct dg_kafka_part *p = &m->part[i];
        struct dg_kafka_view v = {.place = p->place, .high = -1, .lag_from = p->next};
        int64_t low = -1, high = -1;
        if (rd_kafka_get_watermark_offsets(m->rk, p->place.topic, p->place.partition, &low,
                                           &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            high >= 0) {
            v.high = high;
        }
        view(arg, &v);
    }
}
