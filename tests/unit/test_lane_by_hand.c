/* Goal: where a lane begins, what it notices, what it says and when it commits.
 * Method: a few records by hand through two streams, a ledger in memory. What happens when
 * everything happens is in tests/property/test_lane.c. */
#include "tests/check.h"
#include "tests/support/lane_world.h"

#include <errno.h>

#define HOUR   (INT64_C(3600) * DG_US_PER_S)
#define MONDAY INT64_C(1767571200000000)

/* One row, `minutes` after the start. */
static void add(struct fake_log *l, int minutes, const char *id)
{
    const struct memory_row r = {.time_us = MONDAY + minutes * (HOUR / 60),
                                 .number = {2.385, 17},
                                 .text = {"v1", id, "x", "web"}};
    fake_log_add(l, &r, 1, r.time_us);
}

static const struct dg_position *position(const struct lane_world *w, size_t stream, size_t p)
{
    return memory_db_position(w->db, w->stream[stream], world_place[p].topic,
                              world_place[p].partition);
}

static uint64_t rows(const struct lane_member *m, size_t stream)
{
    struct dg_admission_totals t;
    dg_lane_totals(m->lane, m->world->stream[stream], &t);
    return t.rows;
}

static uint64_t duplicates(const struct lane_member *m, size_t stream)
{
    struct dg_admission_totals t;
    dg_lane_totals(m->lane, m->world->stream[stream], &t);
    return t.duplicates;
}

static void open_world(struct lane_world *w, struct lane_member *m)
{
    lane_world_open(w);
    lane_member_open(m, w, NULL, NULL, NULL);
}

static void close_world(struct lane_world *w, struct lane_member *m)
{
    lane_member_close(m);
    lane_world_close(w);
}

/* Another process takes over. */
static void replace(struct lane_world *w, struct lane_member *m)
{
    lane_member_close(m);
    lane_member_open(m, w, NULL, NULL, NULL);
}

static void where_a_new_partition_begins_is_written_down(void)
{
    struct lane_world w;
    struct lane_member m;
    open_world(&w, &m);
    struct dg_position p[2];
    const bool from_none[2] = {true, true};
    int64_t from = -1;
    CHECK_INT(m.ledger->ops->acquire(m.ledger, "world", &world_place[1], w.stream, 2, p, NULL), 0);
    p[0].next_offset = 40; /* "latest", say */
    p[1].next_offset = 40;
    CHECK_INT(dg_lane_take(m.lane, p, 2, from_none, &from, NULL), 0);
    CHECK_INT(from, 40);
    CHECK(dg_lane_dirty(m.lane));
    CHECK_INT(position(&w, 0, 1)->next_offset, DG_OFFSET_NONE);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK(!dg_lane_dirty(m.lane));
    CHECK_INT(position(&w, 0, 1)->next_offset, 40);
    CHECK_INT(position(&w, 1, 1)->next_offset, 40);
    CHECK_INT(position(&w, 1, 1)->clock.max_us, DG_TIME_NONE);
    CHECK_INT(memory_db_commits(w.db), 1);
    CHECK_INT(lane_member_commit(&m), 0); /* nothing to say: nothing is written */
    CHECK_INT(memory_db_commits(w.db), 1);
    close_world(&w, &m);
}

static void records_are_counted_once_however_often_they_come(void)
{
    struct lane_world w;
    struct lane_member m;
    open_world(&w, &m);
    for (int i = 0; i < 10; i++) {
        add(&w.log[0], 10 * i, NULL);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 6, NULL), 0);
    m.at[0] = 2;
    CHECK_INT(lane_member_feed(&m, 0, 8, NULL), 0);
    CHECK_INT(rows(&m, 0), 10);
    CHECK_INT(rows(&m, 1), 10);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(position(&w, 0, 0)->next_offset, 10);
    CHECK_INT(position(&w, 0, 0)->clock.first_us, MONDAY);
    CHECK_INT(position(&w, 0, 0)->clock.max_us, MONDAY + 90 * (HOUR / 60));
    CHECK_INT(position(&w, 0, 0)->seq, 1);
    replace(&w, &m);
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(m.at[0], 9); /* the last one again, to see whether it is the same */
    CHECK_INT(lane_member_feed(&m, 0, 1, NULL), 0);
    CHECK_INT(rows(&m, 0), 0);
    CHECK(!dg_lane_dirty(m.lane));
    close_world(&w, &m);
}

/* Two streams count every record: what is given up is what no commit held. */
static void records_that_are_read_again_are_told(void)
{
    struct lane_world w;
    struct lane_member m;
    struct dg_admission_totals t;
    open_world(&w, &m);
    for (int i = 0; i < 10; i++) {
        add(&w.log[0], i, NULL);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 6, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    lane_member_drop(&m); /* nothing is lost */
    CHECK_INT(dg_lane_dropped(m.lane), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(lane_member_take(&m, 0, NULL), 0);
        CHECK_INT(lane_member_feed(&m, 0, 10, NULL), 0); /* 4 of them new */
        lane_member_drop(&m);
        CHECK_INT(dg_lane_dropped(m.lane), (uint64_t)(i + 1) * 4 * 2);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 10, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    lane_member_drop(&m);
    CHECK_INT(dg_lane_dropped(m.lane), 16);
    dg_lane_totals(m.lane, w.stream[0], &t);
    CHECK_INT(2 * t.records - dg_lane_dropped(m.lane), 20);
    close_world(&w, &m);
}

static void a_recreated_topic_is_noticed(void)
{
    struct lane_world w;
    struct lane_member m;
    struct dg_error err = {{0}};
    open_world(&w, &m);
    for (int i = 0; i < 10; i++) {
        add(&w.log[0], 10 * i, NULL);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 10, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    replace(&w, &m);
    fake_log_deinit(&w.log[0]);
    for (int i = 0; i < 15; i++) {
        add(&w.log[0], 200 + i, NULL);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 6, &err), EILSEQ);
    CHECK(strstr(err.message, "a/0: the record at offset 9") != NULL);
    CHECK_INT(rows(&m, 0), 0);
    CHECK_INT(dg_lane_gap(m.lane, &world_place[0], 0, "recreated", NULL), 0);
    m.at[0] = 0;
    CHECK_INT(lane_member_feed(&m, 0, 15, NULL), 0);
    CHECK_INT(rows(&m, 0), 15);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(position(&w, 0, 0)->next_offset, 15);
    const struct dg_gap *gap = NULL;
    CHECK_INT(memory_db_gaps(w.db, &gap), 2); /* of each stream */
    CHECK_INT(gap[0].from, 10);
    CHECK_INT(gap[0].to, DG_OFFSET_NONE);
    CHECK_STR(gap[0].reason, "recreated");
    close_world(&w, &m);
}

static void records_lost_to_retention_are_a_gap(void)
{
    struct lane_world w;
    struct lane_member m;
    const struct dg_gap *gap = NULL;
    open_world(&w, &m);
    for (int i = 0; i < 30; i++) {
        add(&w.log[0], i, NULL);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 10, NULL), 0);
    CHECK_INT(dg_lane_gap(m.lane, &world_place[0], 10, "retention", NULL), 0); /* none is lost */
    CHECK_INT(dg_lane_gap(m.lane, &world_place[0], 25, "retention", NULL), 0);
    m.at[0] = 25;
    CHECK_INT(lane_member_feed(&m, 0, 5, NULL), 0);
    CHECK_INT(rows(&m, 1), 15);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(memory_db_gaps(w.db, &gap), 2);
    CHECK_INT(gap[1].from, 10);
    CHECK_INT(gap[1].to, 25);
    CHECK_STR(gap[1].place.topic, "a");
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(memory_db_gaps(w.db, &gap), 2); /* once */
    CHECK_INT(dg_lane_gap(m.lane, &world_place[0], 12, "truncated", NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(position(&w, 0, 0)->next_offset, 12);
    CHECK_INT(memory_db_gaps(w.db, &gap), 4);
    close_world(&w, &m);
}

/* A gap that comes while a commit is waiting belongs to the next one. */
static void a_gap_does_not_disturb_a_commit_that_waits(void)
{
    struct lane_world w;
    struct lane_member m;
    const struct dg_gap *gap = NULL;
    open_world(&w, &m);
    for (int i = 0; i < 10; i++) {
        add(&w.log[0], i, NULL);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 10, NULL), 0);
    memory_db_faults(w.db, (struct memory_faults){.after = 100});
    CHECK_INT(dg_lane_commit(m.lane, m.ledger, NULL), EAGAIN);
    CHECK_INT(dg_lane_gap(m.lane, &world_place[0], 50, "retention", NULL), 0);
    memory_db_faults(w.db, (struct memory_faults){0});
    CHECK_INT(dg_lane_commit(m.lane, m.ledger, NULL), 0);
    CHECK_INT(position(&w, 0, 0)->next_offset, 10);
    CHECK_INT(memory_db_gaps(w.db, &gap), 0);
    CHECK(dg_lane_dirty(m.lane));
    CHECK_INT(dg_lane_commit(m.lane, m.ledger, NULL), 0);
    CHECK_INT(position(&w, 0, 0)->next_offset, 50);
    CHECK_INT(memory_db_gaps(w.db, &gap), 2);
    CHECK_INT(memory_db_commits(w.db), 2);
    close_world(&w, &m);
}

static void idleness_is_committed_and_ends_with_the_next_record(void)
{
    struct lane_world w;
    struct lane_member m;
    open_world(&w, &m);
    add(&w.log[0], 0, NULL);
    add(&w.log[0], 1, NULL);
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 1, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK(!position(&w, 0, 0)->idle);
    dg_lane_idle(m.lane, &world_place[0], true);
    CHECK(dg_lane_dirty(m.lane));
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK(position(&w, 0, 0)->idle && position(&w, 1, 0)->idle);
    dg_lane_idle(m.lane, &world_place[0], true);
    CHECK(!dg_lane_dirty(m.lane));
    CHECK_INT(lane_member_feed(&m, 0, 1, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK(!position(&w, 0, 0)->idle);
    close_world(&w, &m);
}

static void ids_of_open_panes_are_learned_from_the_log(void)
{
    struct lane_world w;
    struct lane_member m;
    open_world(&w, &m);
    add(&w.log[0], 0, "a");
    add(&w.log[0], 300, "b"); /* the pane of a is closed by now */
    add(&w.log[0], 301, "c");
    add(&w.log[0], 302, NULL);
    add(&w.log[0], 303, "b");
    add(&w.log[0], 304, "c");
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 4, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(position(&w, 0, 0)->warm_offset, 1);
    CHECK_INT(position(&w, 1, 0)->warm_offset, 4); /* has no ids */
    replace(&w, &m);
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(m.at[0], 1);
    CHECK_INT(dg_lane_from(m.lane, &world_place[0]), 1);
    dg_lane_idle(m.lane, &world_place[0], true);
    CHECK_INT(lane_member_commit(&m), 0); /* before anything was learned */
    CHECK_INT(position(&w, 0, 0)->warm_offset, 1);
    replace(&w, &m);
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 1, NULL), 0);
    CHECK_INT(dg_lane_from(m.lane, &world_place[0]), 2);
    CHECK_INT(lane_member_feed(&m, 0, 4, NULL), 0);
    CHECK_INT(dg_lane_from(m.lane, &world_place[0]), 5); /* the last one alone */
    CHECK_INT(duplicates(&m, 0), 2);
    CHECK_INT(rows(&m, 0), 0);
    CHECK_INT(rows(&m, 1), 2);
    close_world(&w, &m);
}

static void a_damaged_state_is_refused(void)
{
    struct lane_world w;
    struct lane_member m;
    struct dg_position p[2];
    const bool from_none[2] = {false, false};
    int64_t from = -1;
    open_world(&w, &m);
    add(&w.log[0], 0, "a");
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 1, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    lane_member_drop(&m);
    CHECK_INT(m.ledger->ops->acquire(m.ledger, "world", &world_place[0], w.stream, 2, p, NULL), 0);
    p[1].state_len--;
    CHECK_INT(dg_lane_take(m.lane, p, 2, from_none, &from, NULL), EBADMSG);
    p[1].state_len++;
    CHECK_INT(dg_lane_take(m.lane, p, 2, from_none, &from, NULL), 0); /* nothing was left behind */
    CHECK_INT(from, 0);
    close_world(&w, &m);
}

struct seen {
    size_t n;
    struct dg_lane_view last;
};

static void look(void *arg, const struct dg_lane_view *v)
{
    struct seen *s = arg;
    s->n++;
    s->last = *v;
}

static void views_and_totals_say_what_was_counted(void)
{
    struct lane_world w;
    struct lane_member m;
    struct seen seen = {0};
    open_world(&w, &m);
    for (int i = 0; i < 8; i++) {
        add(&w.log[3], i, NULL);
        add(&w.log[0], i, NULL);
    }
    CHECK_INT(lane_member_take(&m, 3, NULL), 0);
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 3, 5, NULL), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(lane_member_feed(&m, 3, 2, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 8, NULL), 0);
    CHECK(dg_lane_bytes(m.lane) > 10000);
    dg_lane_views(m.lane, look, &seen);
    CHECK_INT(seen.n, 3); /* a/0 of both, b/0 of one, in this order */
    CHECK_STR(seen.last.place.topic, "b");
    CHECK_INT(seen.last.stream, w.stream[0]);
    CHECK_INT(seen.last.next_offset, 7);
    CHECK_INT(seen.last.committed_offset, 5);
    CHECK_INT(seen.last.clock.max_us, MONDAY + 6 * (HOUR / 60));
    CHECK_INT(rows(&m, 0), 15);
    CHECK_INT(rows(&m, 1), 8);
    lane_member_drop(&m);
    CHECK_INT(rows(&m, 0), 15); /* it has happened all the same */
    CHECK_INT(dg_lane_bytes(m.lane), 0);
    CHECK(!dg_lane_dirty(m.lane));
    close_world(&w, &m);
}

/* Fifty panes in one commit, then one pane in each of many. */
static void what_a_rush_needed_is_given_back(void)
{
    struct lane_world w;
    struct lane_member m;
    open_world(&w, &m);
    for (int i = 0; i < 150; i++) {
        add(&w.log[0], i * 20, NULL);
    }
    for (int i = 0; i < 1000; i++) {
        add(&w.log[0], 149 * 20, NULL);
    }
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    CHECK_INT(lane_member_feed(&m, 0, 150, NULL), 0);
    const size_t open = dg_lane_bytes(m.lane);
    CHECK_INT(dg_lane_kept_bytes(m.lane), 0);
    CHECK_INT(lane_member_commit(&m), 0);
    CHECK_INT(dg_lane_bytes(m.lane), 0);
    const size_t kept = dg_lane_kept_bytes(m.lane); /* for a while: the rush may go on */
    CHECK(kept >= open);
    for (int i = 0; i < 600; i++) {
        CHECK_INT(lane_member_feed(&m, 0, 1, NULL), 0);
        CHECK_INT(lane_member_commit(&m), 0);
    }
    CHECK_INT(dg_lane_kept_bytes(m.lane), kept / 50);
    for (int i = 0; i < 300; i++) {
        CHECK_INT(lane_member_feed(&m, 0, 1, NULL), 0);
        CHECK_INT(lane_member_commit(&m), 0);
    }
    CHECK_INT(dg_lane_kept_bytes(m.lane), kept / 50); /* what is used stays */
    close_world(&w, &m);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(where_a_new_partition_begins_is_written_down),
        CASE(records_are_counted_once_however_often_they_come),
        CASE(records_that_are_read_again_are_told), CASE(a_recreated_topic_is_noticed),
        CASE(records_lost_to_retention_are_a_gap), CASE(a_gap_does_not_disturb_a_commit_that_waits),
        CASE(idleness_is_committed_and_ends_with_the_next_record),
        CASE(ids_of_open_panes_are_learned_from_the_log), CASE(a_damaged_state_is_refused),
        CASE(views_and_totals_say_what_was_counted), CASE(what_a_rush_needed_is_given_back));
}
