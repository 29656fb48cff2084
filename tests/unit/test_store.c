/* Goal: the store gives back all that was appended, merged or not, in order of panes, until it is
 * told to forget; counters add up whatever the order.
 * Method: random deltas against plain sums. */
#include "engine/store.h"

#include "engine/diagnostics.h"
#include "tests/check.h"
#include "tests/support/engine_run.h"

#include <errno.h>

static const char YAML[] = "monitor: m\ncolumns: { timestamp: time, features: { n0: numeric } }\n"
                           "windows: { size: 1h, slide: 1h }\n";

struct seen {
    uint64_t rows, late;
    size_t n;
    int64_t last_pane;
    bool in_order;
};

static int add(void *arg, const struct dg_delta *d)
{
    struct seen *s = arg;
    struct dg_counters c = {0};
    CHECK_INT(dg_counters_add_encoded(&c, d->bytes, d->n), 0);
    s->rows += c.rows;
    s->late += c.late;
    s->n++;
    s->in_order = s->in_order && d->pane_us >= s->last_pane;
    s->last_pane = d->pane_us;
    dg_counters_deinit(&c);
    return 0;
}

static struct seen visit(struct dg_store *store, uint32_t id, int64_t from, int64_t to)
{
    struct dg_error err;
    struct seen s = {.last_pane = INT64_MIN, .in_order = true};
    CHECK_INT(store->ops->visit(store, DG_STATE_SLICE, id, from, to, add, &s, &err), 0);
    return s;
}

static void piles_are_merged_and_panes_forgotten(void)
{
    struct dg_config config = {0};
    struct dg_diagnostics d = {0};
    struct dg_error err;
    struct dg_plan plan;
    struct dg_store *store = NULL;
    static uint64_t sum[3][50];
    CHECK_INT(dg_config_parse("s.yaml", YAML, strlen(YAML), &d, &config), 0);
    CHECK_INT(dg_plan_init(&plan, config.monitor, NULL, NULL, &err), 0);
    CHECK_INT(dg_memory_store_open(&plan, &store, &err), 0);
    struct dg_bytes bytes = {0};
    for (int i = 0; i < 5000; i++) {
        const uint32_t id = (uint32_t)(check_random() % 3) * 100;
        const int64_t pane = (int64_t)(check_random() % 50);
        const struct dg_counters c = {.rows = check_random() % 1000, .late = 1};
        dg_bytes_clear(&bytes);
        dg_counters_encode(&c, &bytes);
        const struct dg_delta delta = {pane, DG_STATE_SLICE, id, bytes.data, bytes.len};
        CHECK_INT(store->ops->append(store, &delta, 1, &err), 0);
        sum[id / 100][pane] += c.rows;
    }
    for (uint32_t id = 0; id < 3; id++) {
        for (int64_t pane = 0; pane < 50; pane++) {
            const struct seen s = visit(store, id * 100, pane, pane + 1);
            CHECK_INT(s.rows, sum[id][pane]);
            CHECK(s.n >= 1 && s.n <= 8); /* some 33 were appended */
        }
        const struct seen s = visit(store, id * 100, 10, 30);
        uint64_t want = 0;
        for (int64_t pane = 10; pane < 30; pane++) {
            want += sum[id][pane];
        }
        CHECK_INT(s.rows, want);
        CHECK(s.in_order);
    }
    CHECK(visit(store, 100, 10, 30).n > 20);
    CHECK_INT(dg_memory_store_pack(store, 10, 30, &err), 0);
    for (uint32_t id = 0; id < 3; id++) {
        for (int64_t pane = 5; pane < 35; pane++) {
            const struct seen s = visit(store, id * 100, pane, pane + 1);
            CHECK_INT(s.rows, sum[id][pane]);
            CHECK(s.n == 1 || pane < 10 || pane >= 30);
        }
        CHECK(visit(store, id * 100, 0, 50).in_order);
    }
    CHECK_INT(visit(store, 7, 0, 50).n, 0); /* never appended to */
    CHECK_INT(visit(store, 100000, 0, 50).n, 0);
    const size_t before = store->ops->bytes(store);
    store->ops->forget(store, 20);
    CHECK(store->ops->bytes(store) < before);
    CHECK_INT(visit(store, 100, 0, 20).n, 0);
    CHECK_INT(visit(store, 100, 20, 21).rows, sum[1][20]);
    for (int64_t pane = 19; pane < 60; pane++) { /* goes on after, also before the oldest */
        const struct dg_counters c = {.rows = 1};
        dg_bytes_clear(&bytes);
        dg_counters_encode(&c, &bytes);
        const struct dg_delta delta = {pane, DG_STATE_SLICE, 100, bytes.data, bytes.len};
        CHECK_INT(store->ops->append(store, &delta, 1, &err), 0);
    }
    CHECK_INT(visit(store, 100, 19, 20).rows, 1);
    CHECK_INT(visit(store, 100, 20, 21).rows, sum[1][20] + 1);
    CHECK_INT(visit(store, 100, 59, 60).rows, 1);
    CHECK(visit(store, 100, 0, 60).in_order);
    store->ops->forget(store, INT64_MAX);
    CHECK_INT(visit(store, 100, 0, 60).n, 0);
    dg_bytes_deinit(&bytes);
    store->ops->close(store);
    dg_plan_deinit(&plan);
    dg_config_deinit(&config);
    dg_diagnostics_deinit(&d);
}

/* More new fields than are kept, in any order, split and merged in any way: the same state. */
static void new_fields_do_not_depend_on_order(void)
{
    struct dg_bytes want = {0};
    for (int round = 0; round < 20; round++) {
        struct dg_counters part[5] = {{0}}, all = {0};
        uint32_t order[200];
        for (uint32_t i = 0; i < 200; i++) {
            order[i] = i;
        }
        for (uint32_t i = 200; i > 1; i--) {
            const uint32_t j = (uint32_t)(check_random() % i), t = order[i - 1];
            order[i - 1] = order[j];
            order[j] = t;
        }
        for (uint32_t i = 0; i < 200; i++) {
            char name[16];
            const int len = snprintf(name, sizeof name, "field_%u", order[i]);
            CHECK_INT(
                dg_counters_new_field(&part[check_random() % 5], name, (uint32_t)len, order[i] + 1),
                0);
        }
        for (size_t i = 0; i < 5; i++) {
            struct dg_bytes b = {0};
            dg_counters_encode(&part[i], &b);
            if (round % 2 == 0) {
                CHECK_INT(dg_counters_merge(&all, &part[i]), 0);
            } else {
                CHECK_INT(dg_counters_add_encoded(&all, b.data, b.len), 0);
            }
            dg_bytes_deinit(&b);
            dg_counters_deinit(&part[i]);
        }
        uint64_t rows = all.news_dropped;
        for (size_t i = 0; i < all.n_news; i++) {
            rows += all.news[i].rows;
        }
        CHECK_INT(rows, 200 * 201 / 2);
        CHECK_INT(all.n_news, DG_NEW_FIELDS_MAX);
        struct dg_bytes got = {0};
        dg_counters_encode(&all, &got);
        if (round == 0) {
            want = got;
        } else {
            CHECK(got.len == want.len && memcmp(got.data, want.data, got.len) == 0);
            dg_bytes_deinit(&got);
        }
        dg_counters_reset(&all);
        CHECK(dg_counters_empty(&all));
        dg_counters_deinit(&all);
    }
    /* Cut off anywhere, the state is refused. */
    for (size_t n = 0; n < want.len; n++) {
        struct dg_counters c = {0};
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, want.data, n);
        CHECK_INT(dg_counters_add_encoded(&c, copy, n), EBADMSG);
        free(copy);
        dg_counters_deinit(&c);
    }
    dg_bytes_deinit(&want);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(piles_are_merged_and_panes_forgotten),
                      CASE(new_fields_do_not_depend_on_order));
}
