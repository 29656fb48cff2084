/*
 * Goal: a member of a consumer group hands out every committed record of what it holds, once, in
 * order, and answers questions about partitions. Method: a real broker; what was written is counted
 * off.
 */
#include "tests/support/kafka_reader.h"

#include <errno.h>

static void every_record_of_every_partition_comes_once(void)
{
    world_create("plain", 6, NULL, NULL);
    fill("plain", 6, 0, 20000);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("plain", "plain", next);
    CHECK(read_to_end(&r, 6));
    CHECK_INT(r.records, 120000);
    CHECK_INT(dg_kafka_member_health(r.member), DG_KAFKA_UP);
    fill("plain", 6, 20000, 10);
    CHECK(read_records(&r, 120060));
    CHECK_INT(r.bad, 0);
    CHECK(read_to_end(&r, 6)); /* the end is told again after new records */
    struct dg_kafka_counts counts;
    dg_kafka_member_counts(r.member, &counts);
    CHECK_INT(counts.records, 120060);
    CHECK_INT(counts.holes + counts.recovered + counts.backwards, 0);
    dg_kafka_member_close(r.member);
}

static void compressed_records_come_as_they_were(void)
{
    static const char *const codecs[] = {"gzip", "snappy", "lz4", "zstd"};
    world_create("packed", 1, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        struct world_writer *w = world_open(codecs[i], NULL);
        world_write(w, "packed", 0, i * 1000, 1000);
        world_close(w);
    }
    int64_t next[MAX_PARTITIONS] = {1385}; /* in the middle of a batch */
    struct reader r = open_reader("packed", "packed", next);
    CHECK(read_to_end(&r, 1));
    CHECK_INT(r.records, 4000 - 1385);
    CHECK_INT(r.bad, 0);
    dg_kafka_member_close(r.member);
}

static void write_odd_records(const char *topic)
{
    struct world_writer *w = world_open("none", NULL);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
    rd_kafka_header_add(headers, "trace", -1, "a\0b", 3);
    rd_kafka_header_add(headers, "trace", -1, "", 0);
    rd_kafka_header_add(headers, "none", -1, NULL, 0);
    world_write_one(w, topic, 0, 1, "key", 3, NULL, 0, headers);
    world_write_one(w, topic, 0, 253402300799999, NULL, 0, "", 0, NULL);
    world_write_one(w, topic, 0, 2, "", 0, "v", 1, NULL);
    world_close(w);
}

/* The first record event of `topic`, into *event. */
static struct dg_kafka_member *open_at_records(const char *topic, bool want_headers,
                                               struct dg_kafka_event *event)
{
    struct dg_kafka_member_options options = {
        .client = {.brokers = world_brokers()},
        .group = want_headers ? "odd" : "odd, without headers",
        .topic = &topic,
        .n_topics = 1,
        .want_headers = want_headers,
    };
    struct dg_error err;
    struct dg_kafka_member *m = NULL;
    CHECK_INT(dg_kafka_member_open(&options, &m, &err), 0);
    const int64_t until = now_ms() + 30000;
    do {
        dg_kafka_poll(m, 100, false, event);
        if (event->kind == DG_KAFKA_ASSIGN) {
            const int64_t zero = 0;
            CHECK_INT(dg_kafka_assign(m, event->places, &zero, event->n_places, &err), 0);
        }
    } while (event->kind != DG_KAFKA_RECORDS && now_ms() < until);
    CHECK_INT(event->n_records, 3);
    return m;
}

static void check_headers(const struct dg_record *record)
{
    CHECK_INT(record->n_headers, 3);
    if (record->n_headers == 3) {
        CHECK_STR(record->header[0].name, "trace");
        CHECK(record->header[0].len == 3 && memcmp(record->header[0].value, "a\0b", 3) == 0);
        CHECK(record->header[1].value != NULL && record->header[1].len == 0);
        CHECK_STR(record->header[2].name, "none");
        CHECK(record->header[2].value == NULL);
    }
}

static void keys_values_headers_and_times_are_told_from_none(void)
{
    world_create("odd", 1, NULL, NULL);
    write_odd_records("odd");
    struct dg_kafka_event event;
    struct dg_kafka_member *m = open_at_records("odd", true, &event);
    const struct dg_record *r = event.record;
    check_headers(&r[0]);
    CHECK(r[0].value == NULL && r[0].key_len == 3 && r[0].time_us == 1000);
    CHECK(r[1].value != NULL && r[1].value_len == 0 && r[1].key == NULL && r[1].n_headers == 0);
    CHECK_INT(r[1].time_us, INT64_C(253402300799999000));
    CHECK(r[2].key != NULL && r[2].key_len == 0 && r[2].value_len == 1);
    dg_kafka_member_close(m);
    m = open_at_records("odd", false, &event);
    struct dg_record full;
    struct dg_error err;
    CHECK_INT(event.record[0].n_headers, 0);
    CHECK_INT(dg_kafka_headers(m, &event.record[0], &full, &err), 0);
    check_headers(&full);
    CHECK_INT(dg_kafka_headers(m, &event.record[2], &full, &err), 0);
    CHECK_INT(full.n_headers, 0);
    CHECK_INT(full.offset, 2);
    dg_kafka_member_close(m);
}

static void only_committed_transactions_are_handed_out(void)
{
    world_create("money", 1, NULL, NULL);
    struct world_writer *w = world_open("lz4", "money");
    int64_t offset = 0;
    for (int i = 0; i < 20; i++) {
        world_begin(w);
        world_write(w, "money", 0, offset, 100); /* values say their offsets */
        world_end(w, i % 3 != 2 && i != 19);
        offset += 101; /* the marker takes one */
    }
    world_close(w);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("money", "money", next);
    r.sparse = true;
    CHECK(read_to_end(&r, 1));
    CHECK_INT(r.records, 1300);
    CHECK_INT(r.bad, 0);
    int64_t low, high;
    struct dg_error err;
    const struct dg_topic_partition place = {"money", 0};
    CHECK_INT(dg_kafka_range(r.member, &place, 5000, &low, &high, &err), 0);
    CHECK_INT(high, offset);
    CHECK_INT(r.last.kind, DG_KAFKA_AT_END);
    CHECK_INT(r.last.offset, offset); /* behind the aborted ones */
    struct dg_kafka_counts counts;
    dg_kafka_member_counts(r.member, &counts);
    CHECK(counts.holes >= 12);
    CHECK_INT(counts.recovered + counts.backwards, 0);
    dg_kafka_member_close(r.member);
}

static void an_open_transaction_is_waited_for(void)
{
    world_create("open", 1, NULL, NULL);
    fill("open", 1, 0, 10);
    struct world_writer *w = world_open("none", "open");
    world_begin(w);
    world_write(w, "open", 0, 10, 10);
    world_flush(w);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("open", "open", next);
    CHECK(read_to_end(&r, 1));
    CHECK_INT(r.records, 10);
    int64_t low, high;
    struct dg_error err;
    const struct dg_topic_partition place = {"open", 0};
    CHECK_INT(dg_kafka_range(r.member, &place, 5000, &low, &high, &err), 0);
    CHECK_INT(high, 10); /* of committed records */
    world_end(w, true);
    world_close(w);
    CHECK(read_records(&r, 20));
    CHECK_INT(r.bad, 0);
    dg_kafka_member_close(r.member);
}

static void after_a_seek_nothing_older_comes(void)
{
    world_create("seek", 2, NULL, NULL);
    fill("seek", 2, 0, 5000);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("seek", "seek", next);
    struct dg_error err;
    for (int i = 0; i < 40; i++) {
        while (step(&r, 100) != DG_KAFKA_RECORDS) {
        }
        const int32_t p = i % 2;
        const struct dg_topic_partition place = {"seek", p};
        next[p] = (int64_t)(check_random() % 5000);
        CHECK_INT(dg_kafka_seek(r.member, &place, next[p], &err), 0);
        if (i % 10 == 9) { /* before the fetch that the seek caused is back */
            next[p] = 17;
            CHECK_INT(dg_kafka_seek(r.member, &place, 17, &err), 0);
        }
    }
    CHECK(read_to_end(&r, 2));
    CHECK_INT(r.bad, 0);
    CHECK(next[0] == 5000 && next[1] == 5000);
    dg_kafka_member_close(r.member);
}

static void questions_are_answered(void)
{
    world_create("asked", 3, NULL, NULL);
    fill("asked", 1, 0, 1000);
    world_truncate("asked", 0, 100);
    int64_t next[MAX_PARTITIONS] = {100}, low, high, offset;
    struct reader r = open_reader("asked", "asked", next);
    struct dg_error err;
    const struct dg_topic_partition full = {"asked", 0}, empty = {"asked", 2}, none = {"asked", 7};
    int32_t n = -1;
    CHECK_INT(dg_kafka_partitions(r.member, "asked", 5000, &n, &err), 0);
    CHECK_INT(n, 3);
    CHECK_INT(dg_kafka_range(r.member, &full, 5000, &low, &high, &err), 0);
    CHECK(low == 100 && high == 1000);
    CHECK_INT(dg_kafka_range(r.member, &empty, 5000, &low, &high, &err), 0);
    CHECK(low == 0 && high == 0);
    CHECK_INT(dg_kafka_range(r.member, &none, 5000, &low, &high, &err), ENOENT);
    const struct dg_topic_partition both[] = {full, empty}, bad[] = {full, none};
    int64_t end[2] = {7, 7};
    CHECK_INT(dg_kafka_ends(r.member, both, 2, 5000, end, &err), 0);
    CHECK(end[0] == 1000 && end[1] == 0);
    CHECK(dg_kafka_ends(r.member, bad, 2, 1000, end, &err) != 0 || end[0] == 1000);
    CHECK_INT(end[1], -1);
    const int64_t base = INT64_C(1700000000000) * 1000;
    CHECK_INT(dg_kafka_offset_at(r.member, &full, base + 500 * 1000, 5000, &offset, &err), 0);
    CHECK_INT(offset, 500);
    CHECK_INT(dg_kafka_offset_at(r.member, &full, base + 500 * 1000 + 1, 5000, &offset, &err), 0);
    CHECK_INT(offset, 501);
    CHECK_INT(dg_kafka_offset_at(r.member, &full, -1, 5000, &offset, &err), 0);
    CHECK_INT(offset, 100);
    CHECK_INT(dg_kafka_offset_at(r.member, &full, base * 2, 5000, &offset, &err), 0);
    CHECK_INT(offset, 1000);
    const char *const topics[] = {"asked", "nobody made this"};
    int32_t partitions[2];
    const struct dg_kafka_options client = {.brokers = world_brokers()};
    CHECK_INT(dg_kafka_probe(&client, topics, 2, 5000, partitions, &err), 0);
    CHECK(partitions[0] == 3 && partitions[1] == 0);
    CHECK_INT(dg_kafka_probe(&client, NULL, 0, 5000, NULL, &err), 0);
    dg_kafka_member_close(r.member);
}

static void published_offsets_are_there_for_lag_tools(void)
{
    world_create("lag", 2, NULL, NULL);
    fill("lag", 2, 0, 500);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("lag", "lag", next);
    CHECK(read_to_end(&r, 2));
    const struct dg_topic_partition places[] = {{"lag", 0}, {"lag", 1}};
    const int64_t offsets[] = {500, 238};
    dg_kafka_publish(r.member, places, offsets, 2);
    step_for(&r, 1000);
    CHECK_INT(world_committed("lag", "lag", 0), 500);
    CHECK_INT(world_committed("lag", "lag", 1), 238);
    dg_kafka_member_close(r.member);
}

static void lost_records_are_told_and_reading_goes_on_after_a_seek(void)
{
    world_create("lost", 2, NULL, NULL);
    fill("lost", 2, 0, 3000);
    world_truncate("lost", 0, 1238);
    int64_t next[MAX_PARTITIONS] = {17, 4000}; /* before the first, behind the last */
    struct reader r = open_reader("lost", "lost", next);
    while (r.out_of_range < 2) {
        CHECK(read_until(&r, DG_KAFKA_OUT_OF_RANGE));
    }
    CHECK_INT(r.records, 0);
    CHECK(strstr(r.last.error.message, "lost [") != NULL);
    CHECK_INT(r.last.offset, r.last.place.partition == 0 ? 17 : 4000);
    step_for(&r, 1000);
    CHECK_INT(r.out_of_range, 2); /* said once */
    struct dg_error err;
    const struct dg_topic_partition places[] = {{"lost", 0}, {"lost", 1}};
    next[0] = 1238;
    CHECK_INT(dg_kafka_seek(r.member, &places[0], 1238, &err), 0);
    CHECK(read_records(&r, 3000 - 1238));
    next[1] = 2900;
    CHECK_INT(dg_kafka_seek(r.member, &places[1], 2900, &err), 0);
    CHECK(read_to_end(&r, 2));
    CHECK_INT(r.records, 3000 - 1238 + 100);
    CHECK_INT(r.bad, 0);
    CHECK_INT(r.out_of_range, 2);
    dg_kafka_member_close(r.member);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_record_of_every_partition_comes_once),
                      CASE(compressed_records_come_as_they_were),
                      CASE(keys_values_headers_and_times_are_told_from_none),
                      CASE(only_committed_transactions_are_handed_out),
                      CASE(an_open_transaction_is_waited_for),
                      CASE(after_a_seek_nothing_older_comes), CASE(questions_are_answered),
                      CASE(published_offsets_are_there_for_lag_tools),
                      CASE(lost_records_are_told_and_reading_goes_on_after_a_seek));
}
