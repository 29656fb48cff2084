/* Goal: a partition whose memory is saved, restored elsewhere and told its ids again decides as if
 * nothing had happened.
 * Method: random logs (duplicates, late rows, wrong clocks, jumps, bad rows, several rows of one
 * record) cut at random places; every decision, every counter and what the end adds must be those
 * of the run that was not cut. Saved states are damaged at random, too. */
#include "engine/admission.h"
#include "engine/config.h"
#include "engine/id_hashes.h"
#include "engine/state.h"
#include "stats/bytes.h"
#include "tests/check.h"
#include "tests/support/memory_source.h"

#include <errno.h>

#define HOUR   (INT64_C(3600) * DG_US_PER_S)
#define DAY    (24 * HOUR)
#define MONDAY INT64_C(1767571200000000)
#define ROWS   1500

static struct memory_row rows[ROWS];
static uint64_t place[ROWS];
static char ids[ROWS][12];
static bool timed;

struct decision {
    int64_t pane_us; /* INT64_MIN: does not count */
    uint8_t reason;
};

struct outcome {
    struct decision decision[ROWS];
    struct dg_bytes counters; /* per pane, merged, encoded */
    int64_t first_us, newest_us;
    size_t learned; /* rows told again */
};

static struct dg_config config;
static struct dg_plan plan;

static void configure(const char *time, const char *rest)
{
    char yaml[512];
    struct dg_diagnostics d = {0};
    snprintf(yaml, sizeof yaml,
             "monitor: m\ncolumns: { timestamp: time, id: t0, features: { n0: numeric } }\n"
             "windows: { size: 1h, slide: 1h }\ntime: { %s }\n%s",
             time, rest);
    CHECK_INT(dg_config_parse("m.yaml", yaml, strlen(yaml), &d, &config), 0);
    if (config.monitor == NULL) {
        dg_diagnostics_print(&d, stderr);
        exit(1);
    }
    dg_diagnostics_deinit(&d);
    CHECK_INT(dg_plan_init(&plan, config.monitor, NULL, NULL, NULL), 0);
}

static void forget(void)
{
    dg_plan_deinit(&plan);
    dg_config_deinit(&config);
}

/* Time that walks, now and then stands far off, is late, is unknown. */
static void make_rows(void)
{
    int64_t now = MONDAY;
    uint64_t at = check_random() % 1000;
    timed = check_random() % 2 == 0;
    for (size_t i = 0; i < ROWS; i++) {
        const uint64_t dice = check_random() % 1000;
        struct memory_row *r = &rows[i];
        now += (int64_t)(check_uniform() * (double)HOUR / 10);
        *r = (struct memory_row){.time_us = now - (int64_t)(check_uniform() * (double)HOUR),
                                 .record_us = now};
        snprintf(ids[i], sizeof ids[i], "i%u", (unsigned)(check_random() % 400));
        r->text[0] = check_random() % 10 == 0 ? NULL : ids[i];
        if (dice < 15) {
            r->time_us += (int64_t)(check_uniform() * 400 * (double)DAY);
        } else if (dice < 20) {
            r->time_us = (int64_t)dice;
        } else if (dice < 23) {
            now += 2 * DAY; /* others follow */
        } else if (dice < 60) {
            r->time_us -= (int64_t)(check_uniform() * 6 * (double)HOUR);
        } else if (dice < 90) {
            r->reason = (enum dg_reason)(1 + check_random() % DG_BAD_BINARY);
        } else if (dice < 100) {
            r->time_us = DG_TIME_NONE;
        } else if (dice < 150 && i > 0) { /* the same event once more */
            rows[i] = rows[i - 1 - check_random() % (i < 30 ? i : 30)];
        }
        at += check_random() % 4 == 0 ? 0 : 1 + check_random() % 3;
        place[i] = at;
    }
}

static void fill(struct dg_batch *b, size_t from, size_t to)
{
    dg_batch_clear(b);
    CHECK_INT(dg_batch_reserve(b, to - from), 0);
    b->timed = timed;
    for (size_t i = from; i < to; i++) {
        memory_source_put(b, b->n, &rows[i]);
        b->place[b->n] = place[i];
        b->record_us[b->n] = rows[i].record_us;
        b->n++;
    }
}

static struct dg_admission *fresh(void)
{
    struct dg_admission *a = NULL;
    CHECK_INT(dg_admission_open(&plan, 1, &a, NULL), 0);
    return a;
}

struct tools {
    struct dg_batch batch;
    struct dg_admitted admitted;
    struct dg_id_hashes ids;
    const uint64_t *hash;
};

static void admit(struct dg_admission *a, struct tools *t, size_t from, size_t to,
                  struct outcome *o)
{
    fill(&t->batch, from, to);
    CHECK_INT(dg_id_hashes_of(&t->ids, &t->batch, &t->hash), 0);
    CHECK_INT(dg_admit(a, 0, &t->batch, t->hash, &t->admitted), 0);
    for (size_t i = from; i < to; i++) {
        const int32_t pane = t->admitted.pane[i - from];
        o->decision[i] = (struct decision){pane < 0 ? INT64_MIN : t->admitted.start[pane],
                                           t->admitted.reason[i - from]};
    }
}

/* Another process takes over before row `cut`. */
static struct dg_admission *hand_over(struct dg_admission *a, struct tools *t, size_t cut,
                                      struct dg_store *store, struct outcome *o)
{
    struct dg_bytes state = {0};
    const uint64_t next = place[cut];
    const uint64_t warm = dg_admission_warm_from(a, 0, next);
    CHECK(warm <= next);
    dg_admission_save(a, 0, &state);
    CHECK_INT(dg_admission_flush(a, INT64_MAX, store, NULL), 0);
    dg_admission_close(a);
    a = fresh();
    CHECK_INT(dg_admission_restore(a, 0, state.data, state.len, NULL), 0);
    dg_bytes_deinit(&state);
    size_t from = 0;
    while (from < cut && place[from] < warm) {
        from++;
    }
    o->learned += cut - from;
    while (from < cut) {
        const size_t most = 1 + check_random() % 200;
        const size_t to = from + most < cut ? from + most : cut;
        fill(&t->batch, from, to);
        CHECK_INT(dg_id_hashes_of(&t->ids, &t->batch, &t->hash), 0);
        CHECK_INT(dg_admission_learn(a, 0, &t->batch, t->hash), 0);
        from = to;
    }
    return a;
}

struct merged {
    int64_t pane_us;
    struct dg_state state;
    struct dg_bytes *out;
    bool any;
};

static void put_pane(struct merged *m)
{
    if (m->any) {
        dg_put_zigzag(m->out, m->pane_us);
        dg_state_encode(&m->state, m->out);
    }
}

static int merge_pane(void *arg, const struct dg_delta *d)
{
    struct merged *m = arg;
    if (!m->any || m->pane_us != d->pane_us) {
        put_pane(m);
        dg_state_reset(&m->state, &plan, d->kind, d->id);
        m->pane_us = d->pane_us;
        m->any = true;
    }
    return dg_state_add_encoded(&m->state, d->bytes, d->n);
}

static void counters(struct dg_store *store, struct dg_bytes *out)
{
    struct merged m = {.out = out};
    CHECK_INT(
        store->ops->visit(store, DG_STATE_STREAM, 0, INT64_MIN, INT64_MAX, merge_pane, &m, NULL),
        0);
    put_pane(&m);
    dg_state_deinit(&m.state);
}

/* All rows; at every place another process takes over with a chance of 1 / cuts_in (0: never). */
static void run(unsigned cuts_in, struct outcome *o)
{
    struct tools t = {0};
    struct dg_store *store = NULL;
    struct dg_bytes state = {0};
    struct dg_admission *a = fresh();
    CHECK_INT(dg_batch_init(&t.batch, &plan.projection, NULL), 0);
    CHECK_INT(dg_memory_store_open(&plan, &store, NULL), 0);
    *o = (struct outcome){0};
    for (size_t from = 0; from < ROWS;) {
        size_t to = from + 1;
        while (to < ROWS && (place[to] == place[to - 1] || check_random() % 20 != 0)) {
            to++;
        }
        admit(a, &t, from, to, o);
        if (to < ROWS && cuts_in > 0 && check_random() % cuts_in == 0) {
            a = hand_over(a, &t, to, store, o);
        }
        from = to;
    }
    if (cuts_in == 0) { /* as a replay ends */
        dg_admission_end(a, 0);
        dg_admission_times(a, 0, &o->first_us, &o->newest_us);
        CHECK_INT(dg_admission_flush(a, INT64_MAX, store, NULL), 0);
    } else { /* as a judge ends, who has nothing but what was saved */
        dg_admission_save(a, 0, &state);
        CHECK_INT(dg_admission_flush(a, INT64_MAX, store, NULL), 0);
        CHECK_INT(dg_admission_epilogue(&plan, state.data, state.len, store, &o->first_us,
                                        &o->newest_us, NULL),
                  0);
    }
    counters(store, &o->counters);
    dg_bytes_deinit(&state);
    dg_admission_close(a);
    store->ops->close(store);
    dg_batch_deinit(&t.batch);
    dg_admitted_deinit(&t.admitted);
    dg_id_hashes_deinit(&t.ids);
}

static void compare(const struct outcome *want, const struct outcome *got)
{
    size_t differ = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (want->decision[i].pane_us != got->decision[i].pane_us ||
            want->decision[i].reason != got->decision[i].reason) {
            differ++;
        }
    }
    CHECK_INT(differ, 0);
    CHECK(want->counters.len == got->counters.len &&
          memcmp(want->counters.data, got->counters.data, want->counters.len) == 0);
    CHECK_INT(got->first_us, want->first_us);
    CHECK_INT(got->newest_us, want->newest_us);
}

static struct outcome want, got;

static void a_cut_changes_nothing(void)
{
    static const char *const TIMES[] = {"out_of_order: 30m, late_events: 1h", "late_events: 0",
                                        "out_of_order: 2h, late_events: 10m, max_ahead: 2h",
                                        "late_events: 12h, max_ahead: 0",
                                        "out_of_order: 1h, late_events: 5d"};
    size_t reasons[DG_REASONS] = {0}, learned = 0, dropped = 0;
    for (int round = 0; round < 60; round++) {
        configure(TIMES[round % 5], round % 3 == 0 ? "duplicates: keep\n" : "");
        make_rows();
        run(0, &want);
        for (unsigned cuts_in = 1; cuts_in <= 16; cuts_in *= 4) {
            run(cuts_in, &got);
            compare(&want, &got);
            learned += cuts_in == 16 ? got.learned : 0;
            dg_bytes_deinit(&got.counters);
        }
        for (size_t i = 0; i < ROWS; i++) {
            reasons[want.decision[i].reason]++;
            dropped += want.decision[i].pane_us == INT64_MIN;
        }
        dg_bytes_deinit(&want.counters);
        forget();
    }
    printf("bad time %zu, future %zu, not counted %zu, learned again %zu\n", reasons[DG_BAD_TIME],
           reasons[DG_BAD_FUTURE], dropped, learned);
    CHECK(reasons[DG_BAD_TIME] > 100 && reasons[DG_BAD_FUTURE] > 100 && dropped > 5000 &&
          learned > 1000); /* else this proves little */
}

/* The states of fresh, begun and doubtful partitions. */
static void saved(size_t n, struct dg_bytes *state)
{
    struct tools t = {0};
    struct outcome *o = &got;
    struct dg_admission *a = fresh();
    CHECK_INT(dg_batch_init(&t.batch, &plan.projection, NULL), 0);
    if (n > 0) {
        admit(a, &t, 0, n, o);
    }
    dg_admission_save(a, 0, state);
    dg_admission_close(a);
    dg_batch_deinit(&t.batch);
    dg_admitted_deinit(&t.admitted);
    dg_id_hashes_deinit(&t.ids);
}

static void damaged_states_are_refused(void)
{
    configure("out_of_order: 30m, late_events: 1h", "");
    for (int round = 0; round < 2000; round++) {
        struct dg_bytes state = {0};
        if (round % 50 == 0) {
            make_rows();
        }
        saved(round % 5 == 0 ? 0 : 1 + check_random() % 300, &state);
        size_t n = state.len;
        if (round % 3 == 0) {
            state.data[check_random() % n] ^= (uint8_t)(1U << check_random() % 8);
        } else if (round % 3 == 1) {
            n = check_random() % n;
        } else { /* damage that the checksum was made for */
            const size_t at = check_random() % (n - 8);
            state.data[at] ^= (uint8_t)(1 + check_random() % 255);
            const uint64_t sum = dg_hash_key((const char *)state.data, n - 8);
            for (int i = 0; i < 8; i++) {
                state.data[n - 8 + (size_t)i] = (uint8_t)(sum >> 8 * i);
            }
        }
        struct dg_admission *a = fresh();
        struct dg_error err = {{0}};
        const int rc = dg_admission_restore(a, 0, state.data, n, &err);
        CHECK(rc == EBADMSG || (round % 3 == 2 && rc == 0));
        if (rc == EBADMSG) { /* as it was: another try may begin */
            CHECK(strstr(err.message, "damaged") != NULL);
            dg_bytes_clear(&state);
            saved(20, &state);
            CHECK_INT(dg_admission_restore(a, 0, state.data, state.len, NULL), 0);
        }
        dg_admission_close(a);
        dg_bytes_deinit(&state);
    }
    forget();
}

static void set_row(size_t i, int64_t time_us, const char *id)
{
    rows[i] = (struct memory_row){.time_us = time_us, .text = {id}};
    place[i] = i;
}

static void a_wrong_clock_does_not_keep_the_log(void)
{
    configure("late_events: 0", "");
    timed = false;
    struct tools t = {0};
    struct dg_store *store = NULL;
    struct dg_admission *a = fresh();
    CHECK_INT(dg_batch_init(&t.batch, &plan.projection, NULL), 0);
    CHECK_INT(dg_memory_store_open(&plan, &store, NULL), 0);
    for (size_t i = 0; i < 1000; i++) {
        set_row(i, MONDAY + (int64_t)i * HOUR / 10, NULL);
    }
    rows[3].text[0] = "a";
    rows[5] = (struct memory_row){.time_us = MONDAY + 3000 * DAY, .text = {"wrong"}};
    rows[995].text[0] = "b";
    rows[998] = rows[5];
    rows[999] = rows[995];
    got = (struct outcome){0};
    admit(a, &t, 0, 998, &got);
    CHECK_INT(dg_admission_warm_from(a, 0, 998), 995); /* neither 3, which is closed, nor 5 */
    a = hand_over(a, &t, 998, store, &got);
    CHECK_INT(got.learned, 3);
    CHECK_INT(dg_admission_warm_from(a, 0, 998), 995);
    admit(a, &t, 998, 1000, &got);
    CHECK(got.decision[998].pane_us == INT64_MIN && got.decision[998].reason == DG_GOOD);
    CHECK(got.decision[999].pane_us == INT64_MIN && got.decision[999].reason == DG_GOOD);
    CHECK_INT(dg_admission_totals(a)->duplicates, 2);
    /* Time reaches it at last: it is borne out, and its id is still not asked of the log. */
    set_row(1000, MONDAY + 2999 * DAY + HOUR, "c");
    set_row(1001, MONDAY + 2999 * DAY + HOUR, "d");
    set_row(1002, MONDAY + 3000 * DAY, "wrong");
    admit(a, &t, 1000, 1002, &got);
    CHECK(dg_admission_clock(a, 0) == MONDAY + 3000 * DAY);
    a = hand_over(a, &t, 1002, store, &got);
    CHECK(dg_admission_warm_from(a, 0, 1002) >= 1000);
    admit(a, &t, 1002, 1003, &got);
    CHECK(got.decision[1002].pane_us == INT64_MIN && got.decision[1002].reason == DG_GOOD);
    dg_admission_close(a);
    store->ops->close(store);
    dg_batch_deinit(&t.batch);
    dg_admitted_deinit(&t.admitted);
    dg_id_hashes_deinit(&t.ids);
    forget();
}

static void the_record_tells_a_wrong_clock_at_once(void)
{
    configure("late_events: 0", "");
    struct tools t = {0};
    struct dg_admission *a = fresh();
    CHECK_INT(dg_batch_init(&t.batch, &plan.projection, NULL), 0);
    for (size_t i = 0; i < 8; i++) {
        set_row(i, MONDAY + (int64_t)i * HOUR, NULL);
        rows[i].record_us = rows[i].time_us;
    }
    rows[2].record_us -= DAY;         /* just what is allowed */
    rows[3].record_us -= DAY + 1;     /* and more */
    rows[4].record_us = DG_TIME_NONE; /* says nothing */
    rows[5].time_us += 400 * DAY;     /* as it came: not even parked */
    rows[6].time_us += 400 * DAY;     /* two near each other prove nothing here */
    timed = true;
    admit(a, &t, 0, 8, &got);
    for (size_t i = 0; i < 8; i++) {
        const bool future = i == 3 || i == 5 || i == 6;
        CHECK_INT(got.decision[i].reason, future ? DG_BAD_FUTURE : DG_GOOD);
        CHECK(future == (got.decision[i].pane_us == INT64_MIN));
    }
    CHECK_INT(dg_admission_totals(a)->bad[DG_BAD_FUTURE], 3);
    CHECK_INT(dg_admission_clock(a, 0), MONDAY + 7 * HOUR);
    dg_admission_close(a);
    dg_batch_deinit(&t.batch);
    dg_admitted_deinit(&t.admitted);
    dg_id_hashes_deinit(&t.ids);
    forget();
}

/* Files that carry the record's timestamp as a column. */
static void a_column_may_hold_the_time_of_the_record(void)
{
    configure("late_events: 0", "");
    config.monitor->record_time_path = strdup("record_time");
    dg_plan_deinit(&plan);
    CHECK_INT(dg_plan_init(&plan, config.monitor, NULL, NULL, NULL), 0);
    struct tools t = {0};
    struct dg_admission *a = fresh();
    CHECK_INT(dg_batch_init(&t.batch, &plan.projection, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        set_row(i, MONDAY + 9 * DAY, NULL);
    }
    rows[0].record_us = MONDAY;
    rows[1].record_us = DG_TIME_NONE;
    rows[2].record_us = MONDAY + 9 * DAY;
    timed = false;
    admit(a, &t, 0, 3, &got);
    CHECK_INT(got.decision[0].reason, DG_BAD_FUTURE);
    CHECK_INT(got.decision[1].reason, DG_GOOD);
    CHECK_INT(got.decision[2].reason, DG_GOOD);
    config.monitor->max_ahead_us = 0; /* off */
    admit(a, &t, 0, 1, &got);
    CHECK_INT(got.decision[0].reason, DG_GOOD);
    dg_admission_close(a);
    dg_batch_deinit(&t.batch);
    dg_admitted_deinit(&t.admitted);
    dg_id_hashes_deinit(&t.ids);
    forget();
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(a_cut_changes_nothing), CASE(damaged_states_are_refused),
                      CASE(a_wrong_clock_does_not_keep_the_log),
                      CASE(the_record_tells_a_wrong_clock_at_once),
                      CASE(a_column_may_hold_the_time_of_the_record));
}
