/* Goal: what a lane commits to PostgreSQL is there once, as a whole, or not at all, whoever else
 * tries and whatever breaks. Method: a real server, as a role that is a member of driftgauge_writer
 * and nothing else; a proxy cuts the connection around COMMIT. Run by with_postgres.sh. */
#include "tests/integration/ledger_play.h"
#include "tests/integration/server.h"
#include "tests/integration/socket_cut.h"

static struct dg_monitor credit = {.name = (char[]){"credit risk"},
                                   .hash = (char[]){"00112233aabbccdd"},
                                   .description = (char[]){"what it is for"}};
static struct dg_monitor changed = {.name = (char[]){"credit risk"},
                                    .hash = (char[]){"ffeeddccbbaa9988"}};
static const struct dg_topic_partition place = {"predictions", 3};
static const char writer[] = "user=lane_writer";

static int take(struct dg_ledger *l, const char *group, int32_t stream, struct dg_position *p,
                struct dg_error *err)
{
    return l->ops->acquire(l, group, &place, &stream, 1, p, err);
}

static void equal_keys_are_one_stream_and_another_configuration_replaces_it(void)
{
    struct dg_ledger *one = open_ledger(writer, "h:1/lane-0");
    struct dg_ledger *two = open_ledger(writer, "h:2/lane-0");
    struct dg_error err = {0};
    const int32_t a = open_stream(one, "replacing", &credit);
    CHECK_INT(open_stream(two, "replacing", &credit), a);
    CHECK(open_stream(two, "another group", &credit) != a);
    struct dg_position p;
    CHECK_INT(take(one, "replacing", a, &p, &err), 0);
    CHECK_INT(commit_counted(one, &p, 17, MINUTE_US, &err), 0);
    struct dg_stream_key key = stream_key("replacing", &changed);
    int32_t b = 0;
    bool replaced = false;
    CHECK_INT(two->ops->open_stream(two, &key, &b, &replaced, &err), 0);
    CHECK(b != a && replaced);
    CHECK_INT(two->ops->open_stream(two, &key, &b, &replaced, &err), 0);
    CHECK(!replaced);
    key.baseline = "f2";
    int32_t c = 0;
    CHECK_INT(two->ops->open_stream(two, &key, &c, &replaced, &err), 0);
    CHECK(c != b && replaced);
    /* Offsets went along, nothing else did. */
    CHECK_INT(take(two, "replacing", c, &p, &err), 0);
    CHECK_INT(p.next_offset, 17);
    CHECK_INT(p.warm_offset, 17);
    CHECK_INT(p.seq, 0);
    CHECK_INT(p.state_len, 0);
    CHECK(p.clock.max_us == DG_TIME_NONE && p.clock.first_us == DG_TIME_NONE);
    /* Who is still at the old one learns it. */
    struct dg_position old = {.stream = a, .place = place, .epoch = 1, .seq = 1, .next_offset = 17};
    CHECK_INT(commit_counted(one, &old, 1, MINUTE_US, &err), ESTALE);
    CHECK(strstr(err.message, "has ended") != NULL);
    CHECK_INT(take(one, "replacing", a, &p, &err), ESTALE);
    uint32_t group = 0;
    CHECK_INT(one->ops->group(one, a, "v1", "", 8, &group, &err), ESTALE);
    check_answer("SELECT count(*) FROM driftgauge.pane_delta WHERE stream_id IN (SELECT stream_id "
                 "FROM driftgauge.live_stream WHERE ended_at IS NOT NULL)",
                 "0");
    check_answer("SELECT string_agg(action, ' ' ORDER BY audit_id) FROM driftgauge.audit_log WHERE "
                 "object = 'credit risk' AND detail->>'group' = 'replacing'",
                 "stream.started stream.replaced stream.replaced");
    check_answer("SELECT string_agg(config_hash || baseline_version || (ended_at IS NULL), ' ' "
                 "ORDER BY stream) FROM driftgauge_view.live_stream WHERE consumer_group = "
                 "'replacing'",
                 "00112233aabbccddfalse ffeeddccbbaa9988false ffeeddccbbaa9988f2true");
    one->ops->close(one);
    two->ops->close(two);
}

/* What a ledger tells of streams, as text. */
struct heard {
    char text[1000];
    size_t used;
};

static int tell_stream(void *arg, const struct dg_known_stream *s, struct dg_error *err)
{
    struct heard *t = arg;
    (void)err;
    t->used += (size_t)snprintf(t->text + t->used, sizeof t->text - t->used, "%s %s '%s'",
                                s->monitor, s->config_hash, s->baseline);
    if (s->first_us != DG_TIME_NONE) {
        t->used += (size_t)snprintf(t->text + t->used, sizeof t->text - t->used, " %d to %d",
                                    (int)(s->first_us / MINUTE_US), (int)(s->last_us / MINUTE_US));
    }
    t->used += (size_t)snprintf(t->text + t->used, sizeof t->text - t->used, "\n");
    return 0;
}

static int tell_text(void *arg, const struct dg_stream_text *part, struct dg_error *err)
{
    struct heard *t = arg;
    (void)err;
    t->used += (size_t)snprintf(t->text + t->used, sizeof t->text - t->used, "%s: %s\n", part->name,
                                part->text);
    return 0;
}

static int tell_no_more(void *arg, const struct dg_stream_text *part, struct dg_error *err)
{
    (void)arg, (void)part;
    return dg_fail(err, ENOMEM, "enough");
}

static void a_stream_that_goes_on_says_what_it_is_made_of(void)
{
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    struct dg_error err = {0};
    struct heard told = {0};
    const struct dg_stream_text text[] = {{"training", "{\"a\":\"\xc3\xa4\\n\"}"},
                                          {"", "monitor: it's\n"}};
    struct dg_stream_key key = stream_key("made of", &credit);
    key.baseline = "b1";
    int32_t before = 0, after = 0;
    bool replaced;
    CHECK_INT(l->ops->open_stream(l, &key, &before, &replaced, &err), 0); /* an older version */
    CHECK_INT(l->ops->texts(l, before, tell_text, &told, &err), 0);
    CHECK_STR(told.text, "");
    key.text = text;
    key.n_texts = 2;
    for (int i = 0; i < 2; i++) { /* kept from now on, once */
        CHECK_INT(l->ops->open_stream(l, &key, &before, &replaced, &err), 0);
    }
    CHECK_INT(l->ops->texts(l, before, tell_text, &told, &err), 0);
    CHECK_STR(told.text, ": monitor: it's\n\ntraining: {\"a\":\"\xc3\xa4\\n\"}\n");
    CHECK_INT(l->ops->texts(l, before, tell_no_more, NULL, &err), ENOMEM);

    struct dg_position p;
    told = (struct heard){0};
    CHECK_INT(l->ops->streams(l, "made of", tell_stream, &told, &err), 0);
    CHECK_STR(told.text, "credit risk 00112233aabbccdd 'b1'\n");
    CHECK_INT(take(l, "made of", before, &p, &err), 0);
    CHECK_INT(commit_counted(l, &p, 1, 7 * MINUTE_US, &err), 0);
    CHECK_INT(commit_counted(l, &p, 1, 3 * MINUTE_US, &err), 0);
    told = (struct heard){0};
    CHECK_INT(l->ops->streams(l, "made of", tell_stream, &told, &err), 0);
    CHECK_STR(told.text, "credit risk 00112233aabbccdd 'b1' 3 to 7\n");

    key.baseline = "b2";
    CHECK_INT(l->ops->open_stream(l, &key, &after, &replaced, &err), 0);
    told = (struct heard){0};
    CHECK_INT(l->ops->streams(l, "made of", tell_stream, &told, &err), 0);
    CHECK_STR(told.text, "credit risk 00112233aabbccdd 'b2'\n");
    told = (struct heard){0};
    CHECK_INT(l->ops->texts(l, before, tell_text, &told, &err), 0);
    CHECK_STR(told.text, ""); /* it has ended: nobody needs it */
    l->ops->close(l);
}

static void partitions_that_a_stream_did_not_begin_with_have_appeared(void)
{
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    struct dg_ledger *other = open_ledger(writer, "h:2/lane-0");
    struct dg_error err = {0};
    const int32_t stream = open_stream(l, "growing", &credit);
    struct dg_position p;
    CHECK_INT(l->ops->enroll(l, stream, place.topic, 4, &err), 0);
    CHECK_INT(other->ops->enroll(other, stream, place.topic, 9, &err), 0); /* comes too late */
    for (int32_t i = 0; i < 6; i++) {
        const struct dg_topic_partition at = {place.topic, i};
        CHECK_INT(other->ops->acquire(other, "growing", &at, &stream, 1, &p, &err), 0);
        CHECK(p.next_offset == DG_OFFSET_NONE && p.appeared == (i >= 4));
    }
    const struct dg_topic_partition at = {place.topic, 5}; /* nobody committed it: still so */
    CHECK_INT(l->ops->acquire(l, "growing", &at, &stream, 1, &p, &err), 0);
    CHECK(p.appeared);
    const int32_t next = open_stream(l, "growing", &changed); /* so it is for whoever follows */
    CHECK_INT(l->ops->enroll(l, next, place.topic, 9, &err), 0);
    CHECK_INT(l->ops->acquire(l, "growing", &at, &next, 1, &p, &err), 0);
    CHECK(p.appeared);
    CHECK_INT(take(l, "growing", next, &p, &err), 0);
    CHECK(!p.appeared);
    CHECK_INT(l->ops->enroll(l, next, "absent so far", 0, &err), 0);
    other->ops->close(other);
    l->ops->close(l);
}

static void a_position_comes_back_as_it_was_committed(void)
{
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    struct dg_error err = {0};
    const int32_t stream = open_stream(l, "round trip", &credit);
    struct dg_position p, q;
    CHECK_INT(take(l, "round trip", stream, &p, &err), 0);
    CHECK_INT(p.next_offset, DG_OFFSET_NONE);
    CHECK_INT(p.epoch, 1);
    CHECK_STR(p.place.topic, "predictions");
    const uint8_t state[] = {0, 1, 255, '\'', '\\', 0};
    const int64_t from = DG_OFFSET_NONE;
    struct dg_position next = p;
    next.next_offset = INT64_C(1) << 40;
    next.warm_offset = 7;
    next.tail = UINT64_MAX - 1;
    next.clock = (struct dg_partition_clock){-5, INT64_C(1600000000000001)};
    next.idle = true;
    next.state = state;
    next.state_len = sizeof state;
    const struct dg_gap gap = {stream, place, 0, 99, "retention"};
    const struct dg_gap open_gap = {stream, place, 5, DG_OFFSET_NONE, "recreated"};
    const struct dg_gap gaps[] = {gap, open_gap};
    const struct dg_commit c = {
        .position = &next, .from_offset = &from, .n_positions = 1, .gap = gaps, .n_gaps = 2};
    CHECK_INT(l->ops->commit(l, &c, &err), 0);
    check_answer("SELECT idle::text FROM driftgauge_view.live_position WHERE consumer_group = "
                 "'round trip'",
                 "true");
    CHECK_INT(take(l, "round trip", stream, &q, &err), 0); /* its owner has not asked yet */
    CHECK_INT(q.epoch, 2);
    CHECK_INT(q.seq, 1);
    CHECK_INT(q.next_offset, next.next_offset);
    CHECK_INT(q.warm_offset, 7);
    CHECK(q.tail == UINT64_MAX - 1);
    CHECK(q.clock.first_us == -5 && q.clock.max_us == INT64_C(1600000000000001) && !q.idle);
    CHECK(q.state_len == sizeof state && memcmp(q.state, state, sizeof state) == 0);
    check_answer("SELECT string_agg(from_offset || '-' || coalesce(to_offset::text, '?') || ' ' || "
                 "reason, ', ' ORDER BY from_offset) FROM driftgauge_view.live_gap WHERE "
                 "consumer_group = 'round trip'",
                 "0-99 retention, 5-? recreated");
    check_answer("SELECT monitor || topic || partition || next_offset || owner || idle || "
                 "newest_event || commits FROM driftgauge_view.live_position WHERE consumer_group "
                 "= 'round trip'",
                 "credit riskpredictions31099511627776h:1/lane-0false2020-09-13 "
                 "12:26:40.000001+001");
    l->ops->close(l);
}

/* Nothing of a commit that was refused is there. */
static void check_refused(struct dg_ledger *l, struct dg_position *p, const char *words)
{
    struct dg_error err = {0};
    const char sql[] = "SELECT count(*) || ' ' || (SELECT sum(seq) || ' ' || sum(next_offset) FROM "
                       "driftgauge.live_position) FROM driftgauge.pane_delta";
    char *before = ask(sql);
    CHECK_INT(commit_counted(l, p, 5, MINUTE_US, &err), ESTALE);
    if (strstr(err.message, words) == NULL) {
        check_failures++;
        fprintf(stderr, "got \"%s\", want \"%s\"\n", err.message, words);
    }
    check_answer(sql, before);
    free(before);
}

static void whoever_is_not_the_owner_any_more_writes_nothing(void)
{
    struct dg_ledger *zombie = open_ledger(writer, "h:1/lane-0");
    struct dg_ledger *heir = open_ledger(writer, "h:2/lane-0");
    struct dg_error err = {0};
    const int32_t stream = open_stream(zombie, "fence", &credit);
    struct dg_position old, new;
    CHECK_INT(take(zombie, "fence", stream, &old, &err), 0);
    CHECK_INT(commit_counted(zombie, &old, 10, MINUTE_US, &err), 0);
    CHECK_INT(take(heir, "fence", stream, &new, &err), 0);
    CHECK_INT(new.epoch, old.epoch + 1);
    check_refused(zombie, &old, "has another owner, h:2/lane-0");
    CHECK_INT(commit_counted(heir, &new, 20, MINUTE_US, &err), 0);
    check_refused(zombie, &old, "has another owner, h:2/lane-0");
    /* A commit from another offset or number than what stands there. */
    struct dg_position wrong = new;
    wrong.next_offset -= 1;
    check_refused(heir, &wrong, "somebody else committed under this epoch");
    wrong = new;
    wrong.seq -= 1;
    check_refused(heir, &wrong, "somebody else committed under this epoch");
    /* A database that lost what it had confirmed. */
    wrong = new;
    wrong.seq += 3;
    check_refused(heir, &wrong, "has gone back in time");
    wrong = new;
    wrong.epoch += 1;
    check_refused(heir, &wrong, "has gone back in time");
    CHECK_INT(commit_counted(heir, &new, 1, MINUTE_US, &err), 0);
    zombie->ops->close(zombie);
    heir->ops->close(heir);
}

static void one_bad_position_of_many_stops_them_all(void)
{
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    struct dg_error err = {0};
    const int32_t streams[] = {open_stream(l, "many", &credit)};
    enum { N = 8 };
    struct dg_position p[N];
    int64_t from[N];
    struct dg_packed_row row[3000];
    static uint8_t body[7600];
    for (int i = 0; i < N; i++) {
        const struct dg_topic_partition at = {"many", i};
        CHECK_INT(l->ops->acquire(l, "many", &at, streams, 1, &p[i], &err), 0);
        from[i] = p[i].next_offset;
        p[i].next_offset = 100 + i;
    }
    for (int i = 0; i < 3000; i++) {
        row[i] = (struct dg_packed_row){streams[0], i * MINUTE_US, body, sizeof body};
    }
    struct dg_commit c = {p, from, N, row, 3000, NULL, 0};
    from[5] = 1;
    CHECK_INT(l->ops->commit(l, &c, &err), ESTALE);
    check_answer("SELECT count(*) FROM driftgauge.live_position WHERE topic = 'many' AND "
                 "(seq, next_offset) <> (0, -1)",
                 "0");
    check_answer("SELECT count(*) FROM driftgauge.pane_delta d JOIN driftgauge.live_stream s USING "
                 "(stream_id) WHERE s.consumer_group = 'many'",
                 "0");
    from[5] = DG_OFFSET_NONE;
    CHECK_INT(l->ops->commit(l, &c, &err), 0);
    check_answer(
        "SELECT count(*) || ' ' || count(DISTINCT d.position_id) || ' ' || min(t.partition) "
        "|| ' ' || bool_and(d.seq = t.seq) FROM driftgauge.pane_delta d JOIN "
        "driftgauge.live_position t USING (position_id) WHERE t.topic = 'many'",
        "3000 1 0 true");
    /* A row has a page of its own and nothing in TOAST. */
    check_answer("SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = "
                 "'driftgauge.pane_delta'::regclass",
                 "0");
    l->ops->close(l);
}

/* As one who knows better: triggers do not hold. */
static void by_hand(const char *sql)
{
    struct dg_pg *hand = admin();
    struct dg_error err = {0};
    int code = dg_pg_run(hand, "take over", "SET session_replication_role = replica", &err);
    code = code != 0 ? code : dg_pg_run(hand, "change by hand", sql, &err);
    if (code != 0) {
        fprintf(stderr, "%s\n", err.message);
    }
    CHECK_INT(code, 0);
    dg_pg_close(hand);
}

#define OF(group)                                                                                  \
    "stream_id = (SELECT stream_id FROM driftgauge.live_stream WHERE consumer_group = '" group "'" \
    ")"

static void groups_that_were_deleted_are_written_again(void)
{
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    struct dg_ledger *other = open_ledger(writer, "h:2/lane-0");
    struct dg_error err = {0};
    struct dg_position p, q;
    const int32_t stream = open_stream(l, "mended", &credit);
    static const char names[] =
        "SELECT string_agg(group_no || version, ' ' ORDER BY group_no) FROM driftgauge.live_group "
        "WHERE " OF("mended");
    uint32_t g = 99;
    CHECK_INT(take(l, "mended", stream, &p, &err), 0);
    CHECK_INT(l->ops->group(l, stream, "v1", "", 9, &g, &err), 0);
    CHECK_INT(l->ops->group(l, stream, "v2", "", 9, &g, &err), 0);
    by_hand("DELETE FROM driftgauge.live_group WHERE " OF("mended"));
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), 0); /* a commit writes them again */
    check_answer(names, "0v1 1v2");
    CHECK_INT(l->set_back, 1);
    by_hand("DELETE FROM driftgauge.live_group WHERE group_no = 0 AND " OF("mended"));
    CHECK_INT(l->ops->group(l, stream, "v3", "", 9, &g, &err), 0); /* a new one does so, too */
    CHECK_INT(g, 2);
    check_answer(names, "0v1 1v2 2v3");
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), 0);
    CHECK_INT(l->set_back, 2);
    /* Who never knew a number does not guess. */
    by_hand("DELETE FROM driftgauge.live_group WHERE group_no = 1 AND " OF("mended"));
    CHECK_INT(other->ops->group(other, stream, "v4", "", 9, &g, &err), EBADMSG);
    CHECK(strstr(err.message, "never knew") != NULL);
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), 0);
    CHECK_INT(other->ops->group(other, stream, "v4", "", 9, &g, &err), 0);
    CHECK_INT(g, 3);
    /* A number that went to another name meanwhile: nothing under the old one is written. */
    by_hand(
        "UPDATE driftgauge.live_group SET version = 'other' WHERE group_no = 2 AND " OF("mended"));
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), ESTALE);
    CHECK(strstr(err.message, "gone back in time") != NULL);
    check_answer("SELECT next_offset FROM driftgauge.live_position WHERE " OF("mended"), "15");
    CHECK_INT(take(l, "mended", stream, &q, &err), 0);
    CHECK_INT(l->ops->group(l, stream, "v3", "", 9, &g, &err), 0);
    CHECK_INT(g, 4);
    CHECK_INT(commit_counted(l, &q, 5, MINUTE_US, &err), 0);
    l->ops->close(l);
    other->ops->close(other);
}

/* What a server that lost commits looks like: rows as they were before, numbers given once more. */
static void a_database_that_went_back_is_noticed(void)
{
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    struct dg_error err = {0};
    struct dg_position p, q;
    const int32_t stream = open_stream(l, "back", &credit);
    CHECK_INT(take(l, "back", stream, &p, &err), 0);
    CHECK_INT(l->ops->check(l, &p, 1, &err), 0);
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), 0);
    CHECK_INT(l->ops->check(l, &p, 1, &err), 0);
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), 0);
    by_hand("UPDATE driftgauge.live_position SET seq = 1, next_offset = 5 WHERE " OF("back"));
    CHECK_INT(l->ops->check(l, &p, 1, &err), ESTALE);
    CHECK(strstr(err.message, "gone back in time") != NULL);
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), ESTALE);
    CHECK_INT(l->set_back, 2);
    CHECK_INT(take(l, "back", stream, &p, &err), 0);
    CHECK_INT(p.next_offset, 5);
    /* The epoch was lost, and given to somebody else. */
    by_hand("UPDATE driftgauge.live_partition SET owner = 'h:2/lane-0' WHERE consumer_group = "
            "'back'");
    CHECK_INT(l->ops->check(l, &p, 1, &err), ESTALE);
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), ESTALE);
    CHECK(strstr(err.message, "h:2/lane-0") != NULL);
    CHECK_INT(take(l, "back", stream, &p, &err), 0);
    /* The number of the position is another place's now. */
    by_hand("UPDATE driftgauge.live_position SET partition = 7 WHERE " OF("back"));
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), ESTALE);
    by_hand("UPDATE driftgauge.live_position SET partition = 0 WHERE " OF("back"));
    CHECK_INT(take(l, "back", stream, &p, &err), 0);
    /* The number of the stream is another stream's, then nobody's. */
    by_hand("UPDATE driftgauge.live_stream SET started_at = started_at + interval '1 s' WHERE "
            "consumer_group = 'back'");
    CHECK_INT(take(l, "back", stream, &q, &err), EIDRM);
    by_hand("DELETE FROM driftgauge.live_position WHERE " OF("back"));
    by_hand("DELETE FROM driftgauge.live_stream WHERE consumer_group = 'back'");
    CHECK_INT(commit_counted(l, &p, 5, MINUTE_US, &err), EIDRM);
    CHECK(strstr(err.message, "does not have stream") != NULL);
    CHECK_INT(l->ops->check(l, &p, 1, &err), EIDRM);
    CHECK_INT(take(l, "back", stream, &q, &err), EIDRM);
    CHECK_INT(l->ops->enroll(l, stream, "t", 3, &err), EIDRM);
    bool held = false;
    CHECK_INT(l->ops->lock(l, stream, &held, &err), EIDRM);
    CHECK(open_stream(l, "back", &credit) != stream);
    l->ops->close(l);
}

static void groups_are_dense_and_the_last_is_for_the_rest(void)
{
    struct dg_ledger *one = open_ledger(writer, "h:1/lane-0");
    struct dg_ledger *two = open_ledger(writer, "h:2/lane-0");
    struct dg_error err = {0};
    const int32_t stream = open_stream(one, "groups", &credit);
    uint32_t g = 99;
    CHECK_INT(one->ops->group(one, stream, "v1", "", 4, &g, &err), 0);
    CHECK_INT(g, 0);
    CHECK_INT(two->ops->group(two, stream, "v2 \"x\" 'y' \xff Größe", "", 4, &g, &err), 0);
    CHECK_INT(g, 1);
    CHECK_INT(two->ops->group(two, stream, "v1", "", 4, &g, &err), 0);
    CHECK_INT(g, 0);
    CHECK_INT(one->ops->group(one, stream, "v3", "", 4, &g, &err), 0);
    CHECK_INT(g, 2);
    CHECK_INT(two->ops->group(two, stream, "v4", "", 4, &g, &err), 0);
    CHECK_INT(g, 3);
    CHECK_INT(one->ops->group(one, stream, "v5", "", 4, &g, &err), 0);
    CHECK_INT(g, 3);
    CHECK_INT(one->ops->group(one, stream, "v2 \"x\" 'y' \xff Größe", "", 4, &g, &err), 0);
    CHECK_INT(g, 1);
    check_answer("SELECT string_agg(group_no || version || '/' || variant, ', ' ORDER BY group_no) "
                 "FROM driftgauge.live_group g JOIN driftgauge.live_stream s USING (stream_id) "
                 "WHERE s.consumer_group = 'groups'",
                 "0v1/, 1v2 \"x\" 'y' \\xff Größe/, 2v3/, 3rest/");
    one->ops->close(one);
    two->ops->close(two);
}

static void hostile_names_go_through(void)
{
    struct dg_monitor odd = {.name = (char[]){"'; DROP TABLE x; -- \"$1\" \\ ü"},
                             .hash = (char[]){"00112233aabbccdd"}};
    const struct dg_topic_partition at = {"t'o\"p\\i$1c{},NULL", 0};
    const char group[] = "gr'ou\"p{\\}\xf0\x9f\x99\x82 \xfe";
    struct dg_ledger *l = open_ledger(writer, "h'o\"st\\");
    struct dg_error err = {0};
    struct dg_position p, q;
    const int32_t stream = open_stream(l, group, &odd);
    CHECK_INT(open_stream(l, group, &odd), stream);
    CHECK_INT(l->ops->acquire(l, group, &at, &stream, 1, &p, &err), 0);
    CHECK_INT(commit_counted(l, &p, 3, 0, &err), 0);
    CHECK_INT(l->ops->acquire(l, group, &at, &stream, 1, &q, &err), 0);
    CHECK_INT(q.next_offset, 3);
    CHECK_STR(q.place.topic, at.topic);
    l->ops->close(l);
}

/* -- when the connection breaks -- */

static void a_commit_whose_answer_is_lost_is_settled(void)
{
    struct dg_error err = {0};
    struct socket_cut cut;
    char db[256];
    socket_cut_open(&cut, db, sizeof db, "lane_writer");
    struct dg_ledger *l = open_ledger(db, "h:1/lane-0");
    const int32_t stream = open_stream(l, "cut", &credit);
    struct dg_position p;
    CHECK_INT(take(l, "cut", stream, &p, &err), 0);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), 0);
    /* The server commits, its answer never comes: success, once. */
    socket_cut_arm(&cut, CUT_ANSWER, 1);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), 0);
    CHECK_INT(p.seq, 2);
    /* The word never reaches the server: to be repeated, and then it is there once. */
    socket_cut_arm(&cut, CUT_REQUEST, 1);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), EAGAIN);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), 0);
    /* The server is not to be had afterwards either. */
    socket_cut_arm(&cut, CUT_ANSWER, 3);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), EAGAIN);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), EAGAIN);
    socket_cut_arm(&cut, CUT_ANSWER, 0);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), 0);
    CHECK_INT(p.next_offset, 40);
    /* Somebody else took over before it could be settled. */
    struct dg_ledger *heir = open_ledger(writer, "h:2/lane-0");
    struct dg_position q;
    socket_cut_arm(&cut, CUT_ANSWER, 2);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), EAGAIN);
    CHECK_INT(take(heir, "cut", stream, &q, &err), 0);
    CHECK_INT(q.next_offset, 50);
    socket_cut_arm(&cut, CUT_ANSWER, 0);
    CHECK_INT(commit_counted(l, &p, 10, 0, &err), ESTALE);
    check_answer("SELECT count(*) || ' ' || max(d.seq) FROM driftgauge.pane_delta d JOIN "
                 "driftgauge.live_stream s USING (stream_id) WHERE s.consumer_group = 'cut'",
                 "5 5");
    heir->ops->close(heir);
    l->ops->close(l);
    socket_cut_close(&cut);
}

static void acquiring_waits_for_a_commit_under_way(void)
{
    struct dg_error err = {0};
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    const int32_t stream = open_stream(l, "waits", &credit);
    struct dg_position p;
    CHECK_INT(take(l, "waits", stream, &p, &err), 0);
    struct dg_pg *other = admin();
    CHECK_INT(dg_pg_run(other, "lock",
                        "BEGIN; SELECT FROM driftgauge.live_partition WHERE consumer_group = "
                        "'waits' FOR NO KEY UPDATE",
                        &err),
              0);
    CHECK_INT(take(l, "waits", stream, &p, &err), EAGAIN);
    CHECK(strstr(err.message, "lock") != NULL);
    CHECK_INT(commit_counted(l, &p, 1, 0, &err), EAGAIN);
    CHECK_INT(dg_pg_run(other, "unlock", "ROLLBACK", &err), 0);
    CHECK_INT(take(l, "waits", stream, &p, &err), 0);
    CHECK_INT(p.epoch, 2);
    CHECK_INT(commit_counted(l, &p, 1, 0, &err), 0);
    dg_pg_close(other);
    l->ops->close(l);
}

static void a_server_that_goes_and_comes_is_waited_for(void)
{
    struct dg_error err = {0};
    struct dg_ledger *l = open_ledger(writer, "h:1/lane-0");
    const int32_t stream = open_stream(l, "restart", &credit);
    struct dg_position p;
    server_of_test("stop", "");
    server_of_test("start", "--durable"); /* else a crash takes commits with it */
    CHECK_INT(take(l, "restart", stream, &p, &err), EAGAIN);
    CHECK_INT(take(l, "restart", stream, &p, &err), 0);
    for (int i = 0; i < 3; i++) {
        server_of_test("stop", i % 2 == 0 ? "" : "--crash");
        CHECK_INT(commit_counted(l, &p, 10, 0, &err), EAGAIN);
        CHECK_INT(commit_counted(l, &p, 10, 0, &err), EAGAIN);
        server_of_test("start", i < 2 ? "--durable" : "");
        CHECK_INT(commit_counted(l, &p, 10, 0, &err), 0);
    }
    CHECK_INT(p.next_offset, 30);
    check_answer("SELECT count(*) FROM driftgauge.pane_delta d JOIN driftgauge.live_stream s USING "
                 "(stream_id) WHERE s.consumer_group = 'restart'",
                 "3");
    l->ops->close(l);
}

static void what_time_does_not_heal_is_said(void)
{
    struct dg_error err = {0};
    const struct dg_postgres_ledger_options reader = {
        .connection = {.db = "user=driftgauge_reader"}};
    const struct dg_postgres_ledger_options nobody = {.connection = {.db = "user=nobody_here"}};
    const struct dg_postgres_ledger_options elsewhere = {.connection = {.db = "host=/nowhere"}};
    const struct dg_postgres_ledger_options good = {.connection = {.db = writer}};
    struct dg_postgres_ledger_options other = good;
    CHECK_INT(dg_postgres_ledger_probe(&good, &err), 0);
    CHECK_INT(dg_postgres_ledger_probe(&nobody, &err), EACCES);
    CHECK_INT(dg_postgres_ledger_probe(&elsewhere, &err), EAGAIN);
    CHECK_INT(dg_postgres_ledger_probe(&reader, &err), EACCES);
    other.tenant = "acme";
    CHECK_INT(dg_postgres_ledger_probe(&other, &err), EINVAL);
    char *nothing = ask("REVOKE INSERT ON driftgauge.pane_delta FROM driftgauge_writer");
    free(nothing);
    CHECK_INT(dg_postgres_ledger_probe(&good, &err), EACCES);
    CHECK(strstr(err.message, "INSERT on pane_delta") != NULL);
    free(ask("GRANT INSERT ON driftgauge.pane_delta TO driftgauge_writer"));
    /* A schema that is older or newer, until somebody makes it right. */
    free(
        ask("CREATE TABLE public.kept AS SELECT * FROM driftgauge.schema_migration ORDER BY number "
            "DESC LIMIT 1"));
    free(ask("DELETE FROM driftgauge.schema_migration WHERE number = (SELECT number FROM "
             "public.kept)"));
    CHECK_INT(dg_postgres_ledger_probe(&good, &err), ENOENT);
    CHECK(strstr(err.message, "run driftgauge db migrate") != NULL);
    free(ask("INSERT INTO driftgauge.schema_migration SELECT * FROM public.kept"));
    CHECK_INT(dg_postgres_ledger_probe(&good, &err), 0);
    free(ask("INSERT INTO driftgauge.schema_migration SELECT number + 1, '9999_future', sha256, "
             "now(), 'x', '9.9' FROM public.kept"));
    CHECK_INT(dg_postgres_ledger_probe(&good, &err), EPROTO);
    CHECK(strstr(err.message, "newer driftgauge; update this one") != NULL);
    free(ask("DELETE FROM driftgauge.schema_migration WHERE name = '9999_future'"));
    free(ask("DROP TABLE public.kept"));
    CHECK_INT(dg_postgres_ledger_probe(&good, &err), 0);
}

/* Granted for replays and for people; a ledger does without. */
#define NOT_NEEDED                                                                                 \
    "(table_name IN ('run', 'run_baseline', 'schema_migration') OR (privilege_type = 'DELETE' "    \
    "AND "                                                                                         \
    "table_name IN ('series_result', 'slice_result')) OR (privilege_type = 'SELECT' AND "          \
    "table_name IN ('audit_log', 'live_gap')))"

/* Each right that driftgauge_writer has, taken away and given back. */
static void every_right_that_is_lacking_is_named(void)
{
    struct dg_error err = {0};
    const struct dg_postgres_ledger_options good = {.connection = {.db = writer}};
    struct dg_pg *hand = admin();
    struct pg_result *r = NULL;
    CHECK_INT(dg_pg_query(hand, "list rights",
                          "SELECT table_name, privilege_type, format('%s ON driftgauge.%I', "
                          "privilege_type, table_name) FROM (SELECT table_name, privilege_type "
                          "FROM information_schema.table_privileges WHERE grantee = "
                          "'driftgauge_writer' AND table_schema = 'driftgauge' UNION SELECT "
                          "table_name, privilege_type FROM information_schema.column_privileges "
                          "WHERE grantee = 'driftgauge_writer' AND table_schema = 'driftgauge' AND "
                          "privilege_type = 'UPDATE') p WHERE NOT " NOT_NEEDED,
                          0, NULL, &r, &err),
              0);
    CHECK(PQntuples(r) > 40);
    for (int i = 0; i < PQntuples(r); i++) {
        const bool part = strcmp(dg_pg_text(r, i, 1), "UPDATE") == 0 &&
                          (strcmp(dg_pg_text(r, i, 0), "monitor") == 0 ||
                           strcmp(dg_pg_text(r, i, 0), "live_stream") == 0);
        const char *columns = !part                           ? ""
                              : dg_pg_text(r, i, 0)[0] == 'm' ? " (description, owner)"
                                                              : " (ended_at)";
        char sql[300], words[120];
        snprintf(sql, sizeof sql, "REVOKE %s%s ON driftgauge.%s FROM driftgauge_writer",
                 dg_pg_text(r, i, 1), columns, dg_pg_text(r, i, 0));
        CHECK_INT(dg_pg_run(hand, "revoke", sql, &err), 0);
        snprintf(words, sizeof words, "%s on %s", dg_pg_text(r, i, 1), dg_pg_text(r, i, 0));
        if (dg_postgres_ledger_probe(&good, &err) != EACCES ||
            (strstr(err.message, words) == NULL &&
             strstr(err.message, dg_pg_text(r, i, 0)) == NULL)) {
            check_failures++;
            fprintf(stderr, "without %s: %s\n", words, err.message);
        }
        snprintf(sql, sizeof sql, "GRANT %s%s ON driftgauge.%s TO driftgauge_writer",
                 dg_pg_text(r, i, 1), columns, dg_pg_text(r, i, 0));
        CHECK_INT(dg_pg_run(hand, "grant", sql, &err), 0);
    }
    CHECK_INT(dg_postgres_ledger_probe(&good, &err), 0);
    dg_pg_clear(r);
    dg_pg_close(hand);
}

int main(int argc, char **argv)
{
    if (prepare_server("CREATE ROLE lane_writer LOGIN IN ROLE driftgauge_writer; ALTER ROLE "
                       "driftgauge_reader LOGIN") != 0) {
        return 1;
    }
    return CHECK_MAIN(
        argc, argv, CASE(equal_keys_are_one_stream_and_another_configuration_replaces_it),
        CASE(a_stream_that_goes_on_says_what_it_is_made_of),
        CASE(partitions_that_a_stream_did_not_begin_with_have_appeared),
        CASE(a_position_comes_back_as_it_was_committed),
        CASE(whoever_is_not_the_owner_any_more_writes_nothing),
        CASE(one_bad_position_of_many_stops_them_all),
        CASE(groups_that_were_deleted_are_written_again),
        CASE(a_database_that_went_back_is_noticed),
        CASE(groups_are_dense_and_the_last_is_for_the_rest), CASE(hostile_names_go_through),
        CASE(a_commit_whose_answer_is_lost_is_settled),
        CASE(acquiring_waits_for_a_commit_under_way),
        CASE(a_server_that_goes_and_comes_is_waited_for), CASE(what_time_does_not_heal_is_said),
        CASE(every_right_that_is_lacking_is_named));
}
