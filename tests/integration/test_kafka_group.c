/*
 * Goal: nothing is lost and nothing comes twice while members, partitions, topics and the broker
 * come and go. Method: a real broker; members share positions, and what was written is counted off.
 */
#include "tests/support/kafka_reader.h"

#include <errno.h>
#include <pthread.h>

static void pausing_for_long_loses_nothing_and_keeps_the_place(void)
{
    world_create("paused", 3, NULL, NULL);
    fill("paused", 3, 0, 5000);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("paused", "paused", next);
    while (r.records == 0) {
        step(&r, 100);
    }
    struct dg_error err;
    CHECK_INT(dg_kafka_pause(r.member, true, &err), 0);
    const uint64_t before = r.records;
    fill("paused", 3, 5000, 5000);
    step_for(&r, 8000); /* longer than the session timeout */
    CHECK_INT(r.records, before);
    CHECK_INT(dg_kafka_pause(r.member, false, &err), 0);
    for (int i = 0; i < 50; i++) { /* often, at any moment */
        CHECK_INT(dg_kafka_pause(r.member, i % 2 == 0, &err), 0);
        step(&r, 5);
    }
    CHECK_INT(dg_kafka_pause(r.member, false, &err), 0);
    CHECK(read_records(&r, 30000));
    CHECK_INT(r.bad, 0);
    CHECK_INT(r.assigns, 1);
    CHECK_INT(r.revokes, 0);
    dg_kafka_member_close(r.member);
}

static void held_records_stay_while_rebalances_come(void)
{
    world_create("held", 2, NULL, NULL);
    fill("held", 2, 0, 3000);
    int64_t next[MAX_PARTITIONS] = {0}, other_next[MAX_PARTITIONS] = {0};
    struct reader a = open_reader("held", "held", next);
    struct dg_kafka_event records, event;
    struct dg_error err;
    for (records.kind = DG_KAFKA_NOTHING; records.kind != DG_KAFKA_RECORDS;) {
        dg_kafka_poll(a.member, 100, false, &records);
        if (records.kind == DG_KAFKA_ASSIGN) {
            answer_assign(&a, &records);
        }
    }
    struct reader b = open_reader("held", "held", other_next);
    bool revoked = false;
    const int64_t until = now_ms() + 30000;
    while ((!revoked || b.records == 0) && now_ms() < until) {
        dg_kafka_poll(a.member, 20, true, &event);
        CHECK(event.kind != DG_KAFKA_RECORDS);
        if (event.kind == DG_KAFKA_REVOKE) {
            CHECK(!event.lost);
            step_for(&b, 2000); /* an answer may take its time */
            CHECK_INT(dg_kafka_unassign(a.member, &err), 0);
            revoked = true;
        } else if (event.kind == DG_KAFKA_ASSIGN) {
            answer_assign(&a, &event);
        }
        step(&b, 20);
    }
    CHECK(revoked);
    take(&a, &records);
    CHECK_INT(a.bad, 0);
    dg_kafka_member_close(a.member);
    dg_kafka_member_close(b.member);
}

static void new_partitions_join_by_themselves(void)
{
    world_create("growth", 2, NULL, NULL);
    fill("growth", 2, 0, 1000);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("growth", "growth", next);
    CHECK(read_to_end(&r, 2));
    world_grow("growth", 5);
    fill("growth", 5, 1000, 0);
    struct world_writer *w = world_open("none", NULL);
    for (int32_t p = 2; p < 5; p++) {
        world_write(w, "growth", p, 0, 1000);
    }
    world_close(w);
    CHECK(read_records(&r, 5000));
    CHECK(read_to_end(&r, 5));
    CHECK_INT(r.bad, 0);
    int32_t n = 0;
    struct dg_error err;
    CHECK_INT(dg_kafka_partitions(r.member, "growth", 5000, &n, &err), 0);
    CHECK_INT(n, 5);
    dg_kafka_member_close(r.member);
}

static void a_topic_that_goes_and_returns_is_told_and_read(void)
{
    world_create("comet", 2, NULL, NULL);
    world_create("star", 1, NULL, NULL);
    fill("comet", 2, 0, 1000);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("comet", "comet", next);
    CHECK(read_to_end(&r, 2));
    world_delete("comet");
    int32_t n = -1;
    struct dg_error err;
    const int64_t until = now_ms() + 60000;
    while ((r.gone == 0 || r.n_assigned > 0) && now_ms() < until) {
        step(&r, 100);
    }
    CHECK(r.gone > 0);
    CHECK_INT(dg_kafka_partitions(r.member, "comet", 5000, &n, &err), 0);
    CHECK_INT(n, 0);
    memset(next, 0, sizeof next);
    world_create("comet", 2, NULL, NULL);
    fill("comet", 2, 0, 700);
    r.follow_range = true;
    CHECK(read_records(&r, 2000 + 1400));
    CHECK(read_to_end(&r, 2));
    CHECK_INT(r.bad, 0);
    CHECK_INT(r.failed, 0);
    dg_kafka_member_close(r.member);
}

static void a_topic_that_is_not_there_yet_is_waited_for(void)
{
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("later", "later", next);
    CHECK(read_until(&r, DG_KAFKA_GONE));
    CHECK_STR(r.last.place.topic, "later");
    CHECK(strstr(r.last.error.message, "later") != NULL);
    world_create("later", 2, NULL, NULL);
    fill("later", 2, 0, 100);
    CHECK(read_records(&r, 200));
    CHECK_INT(r.bad, 0);
    dg_kafka_member_close(r.member);
}

static void a_static_member_returns_without_a_rebalance(void)
{
    world_create("static", 4, NULL, NULL);
    fill("static", 4, 0, 1000);
    const char *topic = "static";
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader a = {.member = open_member(&topic, 1, "static", "one"), .next = next};
    struct reader b = {.member = open_member(&topic, 1, "static", "two"), .next = next};
    const int64_t until = now_ms() + 30000;
    while ((a.records + b.records < 4000 || a.n_assigned != 2 || b.n_assigned != 2) &&
           now_ms() < until) {
        step(&a, 20);
        step(&b, 20);
    }
    CHECK_INT(a.records + b.records, 4000);
    const uint64_t assigns = b.assigns;
    dg_kafka_member_close(a.member);
    step_for(&b, 1500);
    a.member = open_member(&topic, 1, "static", "one");
    a.n_assigned = 0;
    while ((a.n_assigned != 2 || !all_at_end(&a, 2)) && now_ms() < until + 10000) {
        step(&a, 20);
        step(&b, 20);
    }
    CHECK_INT(a.n_assigned, 2);
    CHECK_INT(b.assigns, assigns);
    CHECK_INT(a.bad + b.bad, 0);
    dg_kafka_member_close(a.member);
    dg_kafka_member_close(b.member);
}

/* Three members that come and go while records are written; positions are shared and each record
 * must be the next of its partition, whoever gets it. */
struct crew {
    const char *topic;
    int64_t *next;
    int64_t begin_ms, end_ms; /* of this member, after the start */
    int64_t start;
    uint64_t records, bad, assigns, lost;
};

static void *sail(void *arg)
{
    struct crew *c = arg;
    while (now_ms() < c->start + c->begin_ms) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    struct reader r = open_reader(c->topic, c->topic, c->next);
    while (now_ms() < c->start + c->end_ms) {
        step(&r, 20);
    }
    c->records = r.records;
    c->bad = r.bad;
    c->assigns = r.assigns;
    dg_kafka_member_close(r.member);
    return NULL;
}

static void nothing_is_lost_or_doubled_while_members_come_and_go(void)
{
    world_create("crew", 8, NULL, NULL);
    int64_t next[MAX_PARTITIONS] = {0};
    const int64_t start = now_ms();
    struct crew crew[] = {{"crew", next, 0, 9000, start, 0, 0, 0, 0},
                          {"crew", next, 2000, 16000, start, 0, 0, 0, 0},
                          {"crew", next, 4000, 6500, start, 0, 0, 0, 0}};
    pthread_t thread[3];
    for (int i = 0; i < 3; i++) {
        CHECK_INT(pthread_create(&thread[i], NULL, sail, &crew[i]), 0);
    }
    int64_t written = 0;
    struct world_writer *w = world_open("none", NULL);
    while (now_ms() < start + 10000) {
        for (int32_t p = 0; p < 8; p++) {
            world_write(w, "crew", p, written, 50);
        }
        written += 50;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    world_close(w);
    uint64_t records = 0;
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
        CHECK_INT(crew[i].bad, 0);
        CHECK(crew[i].records > 0 && crew[i].assigns > 0);
        records += crew[i].records;
    }
    CHECK_INT(records, written * 8);
    for (int p = 0; p < 8; p++) {
        CHECK_INT(next[p], written);
    }
}

static void broker(const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "%s/scripts/kafka.sh %s", getenv("DG_SOURCE_DIR"), command);
    CHECK_INT(system(line), 0);
}

static void a_broker_that_dies_and_returns_costs_nothing(void)
{
    const char *dir = getenv("DG_KAFKA_DIR");
    char stop[512], start[512];
    snprintf(stop, sizeof stop, "stop '%s' --crash", dir);
    snprintf(start, sizeof start, "start '%s'", dir);
    world_create("phoenix", 3, NULL, NULL);
    fill("phoenix", 3, 0, 20000);
    int64_t next[MAX_PARTITIONS] = {0};
    struct reader r = open_reader("phoenix", "phoenix", next);
    while (r.records < 5000) {
        step(&r, 100);
    }
    broker(stop);
    const int64_t until = now_ms() + 30000;
    while (dg_kafka_member_health(r.member) != DG_KAFKA_DOWN && now_ms() < until) {
        step(&r, 100);
    }
    CHECK_INT(dg_kafka_member_health(r.member), DG_KAFKA_DOWN);
    int64_t low, high;
    struct dg_error err;
    const struct dg_topic_partition place = {"phoenix", 0};
    const int64_t asked = now_ms();
    CHECK_INT(dg_kafka_range(r.member, &place, 1000, &low, &high, &err), ETIMEDOUT);
    CHECK(now_ms() - asked < 5000);
    broker(start);
    fill("phoenix", 3, 20000, 1000);
    CHECK(read_records(&r, 63000));
    CHECK(read_to_end(&r, 3));
    CHECK_INT(r.bad, 0);
    CHECK_INT(r.failed, 0);
    step_for(&r, 6000); /* statistics come every 5 s */
    CHECK_INT(dg_kafka_member_health(r.member), DG_KAFKA_UP);
    broker(stop);
    const int64_t closing = now_ms();
    dg_kafka_member_close(r.member);
    CHECK(now_ms() - closing < 7000);
    broker(start);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(pausing_for_long_loses_nothing_and_keeps_the_place),
                      CASE(held_records_stay_while_rebalances_come),
                      CASE(new_partitions_join_by_themselves),
                      CASE(a_topic_that_goes_and_returns_is_told_and_read),
                      CASE(a_topic_that_is_not_there_yet_is_waited_for),
                      CASE(a_static_member_returns_without_a_rebalance),
                      CASE(nothing_is_lost_or_doubled_while_members_come_and_go),
                      CASE(a_broker_that_dies_and_returns_costs_nothing));
}
