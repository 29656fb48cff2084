/* Goal: the ledger in memory keeps the promises of engine/live/ledger.h, so that tests which lean
 * on it prove something.
 * Method: commits, fences, faults and a judge's reads by hand. */
#include "tests/check.h"
#include "tests/support/memory_ledger.h"

#include <errno.h>

static struct dg_monitor monitor = {.name = (char *)(uintptr_t) "m"};

static int32_t open_stream(struct dg_ledger *l, const char *hash, bool *replaced)
{
    const struct dg_stream_key key = {"g", "m", hash, "", &monitor, NULL, 0};
    int32_t stream = 0;
    CHECK_INT(l->ops->open_stream(l, &key, &stream, replaced, NULL), 0);
    return stream;
}

static const struct dg_topic_partition PLACE = {"events", 3};

static struct dg_position acquire(struct dg_ledger *l, int32_t stream)
{
    struct dg_position p = {0};
    CHECK_INT(l->ops->acquire(l, "g", &PLACE, &stream, 1, &p, NULL), 0);
    return p;
}

/* Commit offsets up to `to` with one packed row of `pane`. */
static int commit(struct dg_ledger *l, struct dg_position *p, int64_t to, int64_t pane)
{
    struct dg_packer *packer = NULL;
    CHECK_INT(dg_packer_open(&packer, NULL), 0);
    struct dg_store *store = dg_packer_store(packer, p->stream, 1, 1, NULL);
    const struct dg_delta d = {pane, DG_STATE_STREAM, 0, (const uint8_t *)&to, sizeof to};
    CHECK_INT(store->ops->append(store, &d, 1, NULL), 0);
    struct dg_commit c = {.n_positions = 1};
    CHECK_INT(dg_packer_rows(packer, &c.row, &c.n_rows, NULL), 0);
    const int64_t from = p->next_offset;
    struct dg_position next = *p;
    next.next_offset = next.warm_offset = to;
    c.position = &next;
    c.from_offset = &from;
    int rc = l->ops->commit(l, &c, NULL);
    for (int i = 0; rc == EAGAIN && i < 1000; i++) {
        rc = l->ops->commit(l, &c, NULL);
    }
    if (rc == 0) {
        p->next_offset = to;
        p->seq++;
    }
    dg_packer_close(packer);
    return rc;
}

static void the_older_owner_is_fenced(void)
{
    struct memory_db *db = memory_db_open();
    struct dg_ledger *a = memory_ledger_open(db), *b = memory_ledger_open(db);
    bool replaced = true;
    const int32_t stream = open_stream(a, "1", &replaced);
    CHECK(!replaced);
    CHECK_INT(open_stream(b, "1", &replaced), stream);
    struct dg_position first = acquire(a, stream);
    CHECK_INT(first.next_offset, DG_OFFSET_NONE);
    CHECK_INT(first.epoch, 1);
    CHECK_INT(commit(a, &first, 10, 0), 0);
    struct dg_position second = acquire(b, stream);
    CHECK_INT(second.next_offset, 10);
    CHECK_INT(second.epoch, 2);
    CHECK_INT(second.seq, 1);
    CHECK_INT(commit(a, &first, 20, 0), ESTALE);
    CHECK_INT(commit(b, &second, 30, 0), 0);
    CHECK_INT(memory_db_rows(db, stream), 2);
    memory_db_fence(db, false); /* without it the zombie counts again what has been counted */
    CHECK_INT(commit(a, &first, 20, 0), 0);
    CHECK_INT(memory_db_position(db, stream, "events", 3)->next_offset, 20);
    CHECK_INT(memory_db_rows(db, stream), 3);
    a->ops->close(a);
    b->ops->close(b);
    memory_db_close(db);
}

static void a_commit_takes_effect_once_whatever_fails(void)
{
    struct memory_db *db = memory_db_open();
    struct dg_ledger *l = memory_ledger_open(db);
    bool replaced = false;
    const int32_t stream = open_stream(l, "1", &replaced);
    struct dg_position p = acquire(l, stream);
    memory_db_faults(db, (struct memory_faults){40, 40, 7});
    for (int64_t i = 1; i <= 200; i++) {
        CHECK_INT(commit(l, &p, 5 * i, i), 0);
    }
    CHECK_INT(memory_db_commits(db), 200);
    CHECK_INT(memory_db_rows(db, stream), 200);
    CHECK_INT(memory_db_position(db, stream, "events", 3)->seq, 200);
    l->ops->close(l);
    memory_db_close(db);
}

static void another_configuration_goes_on_where_the_last_one_was(void)
{
    struct memory_db *db = memory_db_open();
    struct dg_ledger *l = memory_ledger_open(db);
    bool replaced = false;
    const int32_t old = open_stream(l, "1", &replaced);
    struct dg_position p = acquire(l, old);
    CHECK_INT(commit(l, &p, 10, 0), 0);
    const int32_t next = open_stream(l, "2", &replaced);
    CHECK(replaced && next != old);
    CHECK_INT(commit(l, &p, 20, 0), ESTALE); /* the stream has ended */
    p = acquire(l, next);
    CHECK_INT(p.next_offset, 10);
    CHECK_INT(p.state_len, 0);
    CHECK_INT(p.seq, 0);
    l->ops->close(l);
    memory_db_close(db);
}

static uint32_t group(struct dg_ledger *l, int32_t stream, const char *version)
{
    uint32_t g = UINT32_MAX;
    CHECK_INT(l->ops->group(l, stream, version, "", 4, &g, NULL), 0);
    return g;
}

static void groups_have_dense_numbers_and_a_rest(void)
{
    struct memory_db *db = memory_db_open();
    struct dg_ledger *l = memory_ledger_open(db);
    bool replaced = false;
    const int32_t stream = open_stream(l, "1", &replaced);
    CHECK_INT(group(l, stream, "v1"), 0);
    CHECK_INT(group(l, stream, "v2"), 1);
    CHECK_INT(group(l, stream, "v1"), 0);
    CHECK_INT(group(l, stream, "v3"), 2);
    CHECK_INT(group(l, stream, "v4"), 3);
    CHECK_INT(group(l, stream, "v5"), 3);
    CHECK_STR(memory_db_group(db, stream, 3)->version, "rest");
    CHECK_STR(memory_db_group(db, stream, 3)->variant, "");
    CHECK(memory_db_group(db, stream, 4) == NULL);
    l->ops->close(l);
    memory_db_close(db);
}

struct told {
    size_t checkpoints, groups, rows, positions;
    int64_t next_offset;
};

static int tell_checkpoint(void *arg, const uint8_t bytes[], size_t n, struct dg_error *err)
{
    (void)err;
    CHECK(n == 3 && memcmp(bytes, "abc", 3) == 0);
    ((struct told *)arg)->checkpoints++;
    return 0;
}

static int tell_group(void *arg, uint32_t g, const char *version, const char *variant,
                      struct dg_error *err)
{
    (void)g;
    (void)version;
    (void)variant;
    (void)err;
    ((struct told *)arg)->groups++;
    return 0;
}

static int tell_row(void *arg, int64_t pane_us, const uint8_t bytes[], size_t n,
                    struct dg_error *err)
{
    (void)pane_us;
    (void)bytes;
    (void)n;
    (void)err;
    ((struct told *)arg)->rows++;
    return 0;
}

static int tell_position(void *arg, const struct dg_position *p, struct dg_error *err)
{
    (void)err;
    ((struct told *)arg)->positions++;
    ((struct told *)arg)->next_offset = p->next_offset;
    return 0;
}

static struct told read_stream(struct dg_ledger *l, int32_t stream, bool all, int want)
{
    struct told told = {0};
    const struct dg_ledger_reader reader = {tell_checkpoint, tell_group, tell_row, tell_position,
                                            &told};
    CHECK_INT(l->ops->read(l, stream, all, &reader, NULL), want);
    return told;
}

static void a_judge_is_told_what_is_new(void)
{
    struct memory_db *db = memory_db_open();
    struct dg_ledger *lane = memory_ledger_open(db), *judge = memory_ledger_open(db),
                     *other = memory_ledger_open(db);
    bool replaced = false, held = false;
    const int32_t stream = open_stream(lane, "1", &replaced);
    struct dg_position p = acquire(lane, stream);
    CHECK_INT(judge->ops->lock(judge, stream, &held, NULL), 0);
    CHECK(held);
    CHECK_INT(other->ops->lock(other, stream, &held, NULL), 0);
    CHECK(!held);
    (void)read_stream(other, stream, true, ESTALE);
    CHECK_INT(read_stream(judge, stream, true, 0).rows, 0);
    CHECK_INT(commit(lane, &p, 10, 0), 0);
    CHECK_INT(commit(lane, &p, 20, 100), 0);
    CHECK_INT(group(lane, stream, "v1"), 0);
    struct told t = read_stream(judge, stream, false, 0);
    CHECK(t.rows == 2 && t.groups == 1 && t.positions == 1 && t.next_offset == 20);
    t = read_stream(judge, stream, false, 0);
    CHECK(t.rows == 0 && t.groups == 0 && t.positions == 1);
    CHECK_INT(commit(lane, &p, 30, 0), 0); /* behind the judge's back: must not be lost */
    const struct dg_packed_row merged = {stream, 0, (const uint8_t *)"merged", 6};
    const struct dg_judgement j = {.checkpoint = (const uint8_t *)"abc",
                                   .checkpoint_len = 3,
                                   .merged_from_us = INT64_MIN,
                                   .settled_us = 50,
                                   .forget_us = INT64_MIN,
                                   .merged = &merged,
                                   .n_merged = 1};
    uint64_t written = 9;
    CHECK_INT(judge->ops->save(judge, stream, &j, &written, NULL), 0);
    CHECK_INT(written, 0);
    CHECK_INT(memory_db_rows(db, stream), 3); /* merged, the later pane, the unread one */
    t = read_stream(judge, stream, false, 0);
    CHECK(t.rows == 1 && t.checkpoints == 0);
    memory_ledger_break(judge);
    (void)read_stream(judge, stream, false, ESTALE);
    CHECK_INT(other->ops->lock(other, stream, &held, NULL), 0);
    CHECK(held);
    t = read_stream(other, stream, true, 0);
    CHECK(t.rows == 3 && t.checkpoints == 1 && t.groups == 1);
    const struct dg_judgement forget = {.settled_us = INT64_MIN, .forget_us = 100};
    CHECK_INT(other->ops->save(other, stream, &forget, &written, NULL), 0);
    CHECK_INT(memory_db_rows(db, stream), 1);
    lane->ops->close(lane);
    judge->ops->close(judge);
    other->ops->close(other);
    memory_db_close(db);
}

static void give_row(struct dg_ledger *l, int32_t stream, int64_t end_us, uint64_t rows)
{
    struct dg_sink *sink = l->ops->results(l, stream);
    const struct dg_slice_row row = {
        .window = {"m", "1", 60, end_us - 60, end_us}, .slice = {"", "", "all"}, .rows = rows};
    CHECK_INT(sink->ops->slice(sink, &row, NULL), 0);
}

static uint64_t save(struct dg_ledger *l, int32_t stream)
{
    const struct dg_judgement nothing = {.settled_us = INT64_MIN, .forget_us = INT64_MIN};
    uint64_t written = UINT64_MAX;
    int rc = EAGAIN;
    for (int i = 0; rc == EAGAIN && i < 1000; i++) {
        rc = l->ops->save(l, stream, &nothing, &written, NULL);
    }
    CHECK_INT(rc, 0);
    return written;
}

static void rows_as_before_are_no_news(void)
{
    struct memory_db *db = memory_db_open();
    struct dg_ledger *l = memory_ledger_open(db);
    bool replaced = false, held = false;
    const int32_t stream = open_stream(l, "1", &replaced);
    CHECK_INT(l->ops->lock(l, stream, &held, NULL), 0);
    memory_db_faults(db, (struct memory_faults){20, 40, 3});
    give_row(l, stream, 60, 5);
    give_row(l, stream, 120, 6);
    CHECK_INT(save(l, stream), 2);
    give_row(l, stream, 60, 5);
    give_row(l, stream, 120, 7);
    CHECK_INT(save(l, stream), 1);
    give_row(l, stream, 60, 99);
    l->ops->discard(l, stream);
    CHECK_INT(save(l, stream), 0);
    struct dg_bytes text = {0};
    uint64_t revisions = 0;
    memory_db_results(db, stream, &text, &revisions);
    dg_put_u8(&text, 0);
    CHECK_INT(revisions, 1);
    CHECK(strstr((const char *)text.data, " rows=5 ") != NULL);
    CHECK(strstr((const char *)text.data, " rows=7 ") != NULL);
    CHECK(strstr((const char *)text.data, " rows=6 ") == NULL);
    CHECK(strstr((const char *)text.data, " rows=99 ") == NULL);
    dg_bytes_deinit(&text);
    l->ops->close(l);
    memory_db_close(db);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(the_older_owner_is_fenced),
                      CASE(a_commit_takes_effect_once_whatever_fails),
                      CASE(another_configuration_goes_on_where_the_last_one_was),
                      CASE(groups_have_dense_numbers_and_a_rest), CASE(a_judge_is_told_what_is_new),
                      CASE(rows_as_before_are_no_news));
}
