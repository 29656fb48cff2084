/* Goal: what is packed comes out again under the ledger's numbers, in rows that fit a page, and
 * nothing else does.
 * Method: random deltas of several streams and panes, packed and unpacked; random damage. */
#include "engine/live/delta_pack.h"
#include "tests/check.h"

#include <errno.h>

#define DELTAS 400

struct made {
    int32_t stream;
    int64_t pane_us;
    enum dg_state_kind kind;
    uint32_t id, ledger_id;
    uint8_t bytes[200];
    size_t n;
    unsigned seen;
};

static struct made made[DELTAS];

static const uint32_t GROUP[2][4] = {{3, 0, 70000, 1}, {1, 2, 0, 5}};
static const uint32_t SEGMENTS[2] = {1, 7}, COLUMNS[2] = {5, 3};

static void make_delta(struct made *m, int64_t nth)
{
    const size_t s = check_random() % 2;
    const uint32_t group = (uint32_t)(check_random() % 4);
    const uint32_t segment = (uint32_t)(check_random() % SEGMENTS[s]);
    const uint32_t column = (uint32_t)(check_random() % COLUMNS[s]);
    const uint32_t slice = group * SEGMENTS[s] + segment;
    const uint32_t ledger_slice = GROUP[s][group] * SEGMENTS[s] + segment;
    *m = (struct made){.stream = s == 0 ? 12 : 3,
                       .pane_us = ((int64_t)(check_random() % 9) - 4) * 3600000000,
                       .kind = (enum dg_state_kind)(check_random() % DG_STATE_KINDS),
                       .n = 8 + check_random() % 192};
    if (m->kind == DG_STATE_SERIES) {
        m->id = slice * COLUMNS[s] + column;
        m->ledger_id = ledger_slice * COLUMNS[s] + column;
    } else if (m->kind == DG_STATE_SLICE) {
        m->id = slice;
        m->ledger_id = ledger_slice;
    }
    for (size_t i = 0; i < m->n; i++) {
        m->bytes[i] = (uint8_t)check_random();
    }
    memcpy(m->bytes, &nth, sizeof nth); /* no two are alike */
}

static void append(struct dg_packer *p, const struct made *m)
{
    const size_t s = m->stream == 12 ? 0 : 1;
    const struct dg_delta d = {m->pane_us, m->kind, m->id, m->bytes, m->n};
    struct dg_store *store = dg_packer_store(p, m->stream, SEGMENTS[s], COLUMNS[s], GROUP[s]);
    CHECK_INT(store->ops->append(store, &d, 1, NULL), 0);
}

static int find(void *arg, const struct dg_delta *d)
{
    const int32_t stream = *(const int32_t *)arg;
    for (size_t i = 0; i < DELTAS; i++) {
        struct made *m = &made[i];
        if (m->stream == stream && m->pane_us == d->pane_us && m->kind == d->kind &&
            m->ledger_id == d->id && m->n == d->n && memcmp(m->bytes, d->bytes, d->n) == 0) {
            m->seen++;
            return 0;
        }
    }
    const bool packed = false; /* by anybody */
    CHECK(packed);
    return 0;
}

static int stop_at(void *arg, const struct dg_delta *d)
{
    (void)d;
    int *left = arg;
    return --*left > 0 ? 0 : 77;
}

static struct dg_packer *open_packer(void)
{
    struct dg_packer *p = NULL;
    CHECK_INT(dg_packer_open(&p, NULL), 0);
    return p;
}

static void what_is_packed_comes_out(void)
{
    struct dg_packer *p = open_packer();
    for (int round = 0; round < 4; round++) { /* the same packer, cleared */
        const struct dg_packed_row *row = NULL;
        size_t n = 0, bytes = 0;
        for (size_t i = 0; i < DELTAS; i++) {
            make_delta(&made[i], (int64_t)i);
            append(p, &made[i]);
            bytes += made[i].n;
        }
        CHECK_INT(dg_packer_rows(p, &row, &n, NULL), 0);
        CHECK(n >= 18 && n <= 18 + 2 * bytes / DG_PACK_BYTES);
        for (size_t i = 0; i < n; i++) {
            CHECK(row[i].n <= DG_PACK_BYTES);
            CHECK(i == 0 || row[i - 1].stream < row[i].stream ||
                  (row[i - 1].stream == row[i].stream && row[i - 1].pane_us <= row[i].pane_us));
            int32_t stream = row[i].stream;
            CHECK_INT(dg_unpack(row[i].pane_us, row[i].bytes, row[i].n, find, &stream, NULL), 0);
        }
        for (size_t i = 0; i < DELTAS; i++) {
            CHECK_INT(made[i].seen, 1);
        }
        dg_packer_clear(p);
        CHECK_INT(dg_packer_rows(p, &row, &n, NULL), 0);
        CHECK_INT(n, 0);
    }
    dg_packer_close(p);
}

static int count_bytes(void *arg, const struct dg_delta *d)
{
    *(size_t *)arg += d->n;
    return 0;
}

static void a_state_larger_than_a_row_has_one_of_its_own(void)
{
    static uint8_t large[3 * DG_PACK_BYTES];
    struct dg_packer *p = open_packer();
    struct dg_store *store = dg_packer_store(p, 1, 1, 1, NULL);
    const struct dg_delta d[] = {{0, DG_STATE_SERIES, 4, large, 100},
                                 {0, DG_STATE_SERIES, 5, large, sizeof large},
                                 {0, DG_STATE_SERIES, 6, large, 200}};
    const struct dg_packed_row *row = NULL;
    size_t n = 0, small = 0, bytes = 0;
    CHECK_INT(store->ops->append(store, d, 3, NULL), 0);
    CHECK_INT(dg_packer_rows(p, &row, &n, NULL), 0);
    CHECK_INT(n, 2);
    for (size_t i = 0; i < n; i++) {
        small += row[i].n < 400;
        CHECK_INT(dg_unpack(0, row[i].bytes, row[i].n, count_bytes, &bytes, NULL), 0);
    }
    CHECK_INT(small, 1); /* the two small ones share the other */
    CHECK_INT(bytes, 300 + sizeof large);
    dg_packer_close(p);
}

static void a_row_begun_after_looking_is_another(void)
{
    struct dg_packer *p = open_packer();
    const struct dg_packed_row *row = NULL;
    size_t n = 0, bytes = 0;
    for (size_t i = 0; i < 3; i++) {
        struct dg_store *store = dg_packer_store(p, 1, 1, 1, NULL);
        const struct dg_delta d = {5, DG_STATE_STREAM, 0, (const uint8_t *)"abc", 3};
        CHECK_INT(store->ops->append(store, &d, 1, NULL), 0);
        CHECK_INT(dg_packer_rows(p, &row, &n, NULL), 0);
        CHECK_INT(n, i + 1);
    }
    for (size_t i = 0; i < n; i++) {
        CHECK_INT(dg_unpack(5, row[i].bytes, row[i].n, count_bytes, &bytes, NULL), 0);
    }
    CHECK_INT(bytes, 9);
    dg_packer_close(p);
}

static void a_visitor_may_stop(void)
{
    struct dg_packer *p = open_packer();
    struct dg_store *store = dg_packer_store(p, 1, 1, 1, NULL);
    const struct dg_packed_row *row = NULL;
    size_t n = 0;
    for (uint32_t i = 0; i < 5; i++) {
        const struct dg_delta d = {0, DG_STATE_SLICE, i, (const uint8_t *)"x", 1};
        CHECK_INT(store->ops->append(store, &d, 1, NULL), 0);
    }
    CHECK_INT(dg_packer_rows(p, &row, &n, NULL), 0);
    int left = 3;
    CHECK_INT(dg_unpack(0, row[0].bytes, row[0].n, stop_at, &left, NULL), 77);
    CHECK_INT(left, 0);
    dg_packer_close(p);
}

static int never(void *arg, const struct dg_delta *d)
{
    (void)arg;
    (void)d;
    const bool believed = true;
    CHECK(!believed);
    return 0;
}

static void damaged_rows_are_refused(void)
{
    struct dg_packer *p = open_packer();
    for (size_t i = 0; i < DELTAS; i++) {
        make_delta(&made[i], (int64_t)i);
        append(p, &made[i]);
    }
    const struct dg_packed_row *row = NULL;
    size_t n = 0;
    CHECK_INT(dg_packer_rows(p, &row, &n, NULL), 0);
    static uint8_t copy[DG_PACK_BYTES + 64];
    for (int round = 0; round < 3000; round++) {
        const struct dg_packed_row *r = &row[check_random() % n];
        size_t len = r->n;
        memcpy(copy, r->bytes, len);
        switch (check_random() % 4) {
        case 0: /* one bit, anywhere */
            copy[check_random() % len] ^= (uint8_t)(1U << check_random() % 8);
            break;
        case 1:
            copy[check_random() % 10] ^= (uint8_t)(1 + check_random() % 255);
            break;
        case 2:
            len = check_random() % len;
            break;
        default:
            copy[len++] = (uint8_t)check_random();
            break;
        }
        struct dg_error err = {{0}};
        CHECK_INT(dg_unpack(r->pane_us, copy, len, never, NULL, &err), EBADMSG);
        CHECK(strstr(err.message, "damaged") != NULL);
    }
    CHECK_INT(dg_unpack(row[0].pane_us + 1, row[0].bytes, row[0].n, never, NULL, NULL), EBADMSG);
    dg_packer_close(p);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(what_is_packed_comes_out),
                      CASE(a_state_larger_than_a_row_has_one_of_its_own),
                      CASE(a_row_begun_after_looking_is_another), CASE(a_visitor_may_stop),
                      CASE(damaged_rows_are_refused));
}
