/* Goal: a state is a function of the multiset of values alone. Method: the same values are added in
 * one go, in shuffled batches split over several states that are merged in random order, through
 * the encoding, and with foreign values added and subtracted again; all must encode to the same
 * bytes. */
#include "tests/property/state_samples.h"

enum { N = 3000, PARTS = 7 };

static void add_all(struct dg_numeric *s, const struct dg_prepared *p)
{
    must(dg_numeric_add(s, p, NULL, p->n));
}

/* Rows in random order, in batches of random size, over PARTS states, which are then merged. */
static void add_scattered(struct dg_numeric *s, const struct dg_prepared *p, bool through_bytes)
{
    uint32_t row[N];
    struct dg_numeric *part = calloc(PARTS, sizeof *part);
    struct dg_bytes bytes = {0};
    for (size_t i = 0; i < N; i++) {
        row[i] = (uint32_t)i;
    }
    sample_shuffle(row, N);
    for (size_t k = 0; k < PARTS; k++) {
        dg_numeric_init(&part[k], s->binning);
    }
    for (size_t at = 0; at < N;) {
        const size_t len = 1 + check_random() % 700, n = len < N - at ? len : N - at;
        must(dg_numeric_add(&part[check_random() % PARTS], p, row + at, n));
        at += n;
    }
    for (size_t k = 0; k < PARTS; k++) {
        if (through_bytes) {
            encode_again(&part[k], &bytes);
            must(dg_numeric_add_encoded(s, bytes.data, bytes.len));
        } else {
            must(dg_numeric_merge(s, &part[k]));
        }
        dg_numeric_deinit(&part[k]);
    }
    dg_bytes_deinit(&bytes);
    free(part);
}

static void check_kind(int kind, const struct dg_binning *b)
{
    static double x[N], y[N];
    struct dg_prepared p = {0}, q = {0};
    struct dg_bytes want = {0}, got = {0};
    struct dg_numeric a, c, other;
    sample_fill(kind, x, N);
    sample_fill(kind, y, N);
    must(dg_prepare(&p, b, -1e300, (double)INFINITY, x, N));
    must(dg_prepare(&q, b, -1e300, (double)INFINITY, y, N));
    dg_numeric_init(&a, b);
    add_all(&a, &p);
    encode_again(&a, &want);
    for (int round = 0; round < 4; round++) {
        dg_numeric_init(&c, b);
        add_scattered(&c, &p, round % 2 == 1);
        encode_again(&c, &got);
        CHECK(same_bytes(&want, &got));
        dg_numeric_reset(&c);
        add_scattered(&c, &p, false);
        encode_again(&c, &got);
        CHECK(same_bytes(&want, &got));
        dg_numeric_deinit(&c);
    }
    /* Evict: extremes and resolution stay behind, so the direct state is given those. */
    dg_numeric_init(&other, b);
    add_all(&other, &q);
    dg_numeric_init(&c, b);
    add_scattered(&c, &q, false);
    must(dg_numeric_merge(&c, &a));
    const double min = c.min, max = c.max;
    const uint32_t coarse = c.sketch.coarse;
    must(dg_numeric_subtract(&c, &other));
    CHECK_INT(c.sketch.coarse, coarse);
    if (coarse == a.sketch.coarse && c.moments.n > 0) {
        CHECK(c.min == min && c.max == max);
        c.min = a.min;
        c.max = a.max;
        encode_again(&c, &got);
        CHECK(same_bytes(&want, &got));
    }
    must(dg_numeric_subtract(&c, &a));
    CHECK(c.moments.n == 0 && c.sketch.n == 0 && c.moments.s4 == 0 && c.moments.s1 == 0);
    CHECK_INT(c.sketch.used[0] + c.sketch.used[1], 0);
    CHECK(c.sum[0] == 0 && c.sum[3] == 0 && c.triage[DG_NAN] == 0);
    dg_numeric_deinit(&a);
    dg_numeric_deinit(&c);
    dg_numeric_deinit(&other);
    dg_prepared_deinit(&p);
    dg_prepared_deinit(&q);
    dg_bytes_deinit(&want);
    dg_bytes_deinit(&got);
}

static void a_numeric_state_depends_on_the_multiset_alone(void)
{
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        const struct dg_binning b = sample_binning(kind, 5000, &DG_BINNING_DEFAULTS);
        check_kind(kind, &b);
        check_kind((kind + 1) % SAMPLE_KINDS, &b);
        check_kind(kind, NULL);
    }
}

/* Values spread over so many cells that the resolution must fall: kind 9 draws any bits. */
static void a_sketch_loses_resolution_by_its_multiset_alone(void)
{
    enum { MANY = 60000 };
    int32_t *cell = calloc(MANY, sizeof *cell);
    double *x = calloc(MANY, sizeof *x);
    for (size_t i = 0; i < MANY; i++) {
        do {
            x[i] = sample_any_bits();
        } while (!isfinite(x[i]));
    }
    dg_sketch_cell_all(x, MANY, cell);
    struct dg_bytes want = {0}, got = {0};
    struct dg_sketch all = {0};
    must(dg_sketch_add(&all, cell, MANY));
    CHECK(all.coarse >= 4 && all.used[0] <= DG_SKETCH_CELLS_MAX &&
          all.used[1] <= DG_SKETCH_CELLS_MAX);
    dg_sketch_encode(&all, &want);
    for (int round = 0; round < 10; round++) {
        struct dg_sketch s = {0}, part[3] = {0};
        for (size_t at = 0; at < MANY;) {
            const size_t len = 1 + check_random() % 9000, n = len < MANY - at ? len : MANY - at;
            must(dg_sketch_add(&part[check_random() % 3], cell + at, n));
            at += n;
        }
        dg_bytes_clear(&got);
        dg_sketch_encode(&part[1], &got);
        struct dg_reader in = {.p = got.data, .end = got.data + got.len};
        must(dg_sketch_merge(&s, &part[round % 2 == 0 ? 0 : 2]));
        must(dg_sketch_add_encoded(&s, &in));
        must(dg_sketch_merge(&s, &part[round % 2 == 0 ? 2 : 0]));
        dg_bytes_clear(&got);
        dg_sketch_encode(&s, &got);
        CHECK(same_bytes(&want, &got));
        CHECK_INT(s.n, MANY);
        /* A part is never coarser than the whole, so it can be taken back. */
        must(dg_sketch_subtract(&s, &part[0]));
        must(dg_sketch_subtract(&s, &part[1]));
        must(dg_sketch_subtract(&s, &part[2]));
        CHECK(s.n == 0 && s.zero == 0 && s.used[0] == 0 && s.used[1] == 0);
        for (int k = 0; k < 3; k++) {
            dg_sketch_deinit(&part[k]);
        }
        dg_sketch_deinit(&s);
    }
    dg_sketch_deinit(&all);
    dg_bytes_deinit(&want);
    dg_bytes_deinit(&got);
    free(cell);
    free(x);
}

static void encode_category(const struct dg_category *s, struct dg_bytes *out)
{
    dg_bytes_clear(out);
    dg_category_encode(s, out);
    CHECK(!out->failed);
}

static void check_texts(size_t n, size_t keys, size_t known)
{
    struct sample_texts t = sample_texts(n, keys);
    struct dg_dictionary *d = known == 0 ? NULL : sample_dictionary(&t, known, 40);
    struct dg_dictionary *allowed = sample_dictionary(&t, keys / 2, 3);
    struct dg_coded p = {0};
    struct dg_bytes want = {0}, got = {0};
    struct dg_category all, part[4], c;
    uint32_t *row = calloc(n, sizeof *row);
    must(dg_code(&p, d, allowed, t.text, n));
    dg_category_init(&all, d);
    must(dg_category_add(&all, &p, NULL, n));
    encode_category(&all, &want);
    for (size_t i = 0; i < n; i++) {
        row[i] = (uint32_t)i;
    }
    for (int round = 0; round < 6; round++) {
        sample_shuffle(row, n);
        for (int k = 0; k < 4; k++) {
            dg_category_init(&part[k], d);
        }
        for (size_t at = 0; at < n;) {
            const size_t len = 1 + check_random() % 3000, m = len < n - at ? len : n - at;
            must(dg_category_add(&part[check_random() % 4], &p, row + at, m));
            at += m;
        }
        dg_category_init(&c, d);
        for (int k = 0; k < 4; k++) {
            if ((k + round) % 2 == 0) {
                must(dg_category_merge(&c, &part[k]));
            } else {
                encode_category(&part[k], &got);
                must(dg_category_add_encoded(&c, got.data, got.len));
            }
        }
        encode_category(&c, &got);
        CHECK(same_bytes(&want, &got));
        for (int k = 0; k < 4; k++) {
            must(dg_category_subtract(&c, &part[k]));
            dg_category_deinit(&part[k]);
        }
        const struct dg_keyed *kept;
        size_t n_kept;
        uint64_t dropped;
        must(dg_category_unlisted(&c, &kept, &n_kept, &dropped));
        CHECK(n_kept == 0 && dropped == 0 && c.count[0] == 0 && c.triage[DG_NULL] == 0);
        dg_category_deinit(&c);
    }
    free(row);
    dg_category_deinit(&all);
    dg_coded_deinit(&p);
    dg_dictionary_free(d);
    dg_dictionary_free(allowed);
    dg_bytes_deinit(&want);
    dg_bytes_deinit(&got);
    sample_texts_free(&t);
}

/* Parts that have each dropped a few keys, not the same ones; one has met all keys that the others
 * have: the union then keeps as many as that part, and its limit is the lower of two. */
static void limits_of_maps_merge_to_that_of_the_union(void)
{
    enum { KEYS = 5000 };
    static char name[KEYS][12];
    static struct dg_text text[KEYS];
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(name[i], sizeof name[i], "n%zu", i);
        text[i] = (struct dg_text){name[i], (uint32_t)strlen(name[i]), DG_FINITE};
    }
    struct dg_coded p = {0};
    struct dg_bytes want = {0}, got = {0};
    must(dg_code(&p, NULL, NULL, text, KEYS));
    for (int round = 0; round < 60; round++) {
        struct dg_category all = {0}, merged = {0};
        for (int k = 0; k < 3; k++) {
            struct dg_category part = {0};
            uint32_t row[KEYS];
            size_t n = 0;
            for (uint32_t i = 0; i < KEYS; i++) {
                row[n] = i;
                n += k == round % 4 || check_random() % 8 != 0;
            }
            must(dg_category_add(&part, &p, row, n));
            must(dg_category_add(&all, &p, row, n));
            encode_category(&part, &got);
            must(dg_category_add_encoded(&merged, got.data, got.len));
            dg_category_deinit(&part);
        }
        encode_category(&all, &want);
        encode_category(&merged, &got);
        CHECK(same_bytes(&want, &got));
        dg_category_deinit(&all);
        dg_category_deinit(&merged);
    }
    dg_coded_deinit(&p);
    dg_bytes_deinit(&want);
    dg_bytes_deinit(&got);
}

static void a_categorical_state_depends_on_the_multiset_alone(void)
{
    check_texts(2000, 60, 30);
    check_texts(2000, 200, 0);
    check_texts(40000, 30000, 500); /* more unlisted keys than are kept */
    check_texts(60000, 30000, 0);
    check_texts(20000, 5000, 0); /* parts that drop some keys, and not the same */
    check_texts(30000, 6000, 0);
}

static void distinct_counts_merge_to_the_union(void)
{
    struct dg_hll all = {0}, part[3] = {0}, merged = {0};
    struct dg_bytes want = {0}, got = {0};
    for (int i = 0; i < 9000; i++) {
        const uint64_t h = check_random();
        must(dg_hll_add(&all, h));
        must(dg_hll_add(&part[check_random() % 3], h));
        must(dg_hll_add(&part[check_random() % 3], h));
    }
    dg_hll_encode(&all, &want);
    for (int k = 0; k < 3; k++) {
        dg_bytes_clear(&got);
        dg_hll_encode(&part[k], &got);
        struct dg_reader in = {.p = got.data, .end = got.data + got.len};
        must(dg_hll_add_encoded(&merged, &in));
        must(dg_hll_merge(&merged, &part[k]));
        dg_hll_deinit(&part[k]);
    }
    dg_bytes_clear(&got);
    dg_hll_encode(&merged, &got);
    CHECK(same_bytes(&want, &got));
    dg_hll_deinit(&all);
    dg_hll_deinit(&merged);
    dg_bytes_deinit(&want);
    dg_bytes_deinit(&got);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(a_numeric_state_depends_on_the_multiset_alone),
                      CASE(a_sketch_loses_resolution_by_its_multiset_alone),
                      CASE(a_categorical_state_depends_on_the_multiset_alone),
                      CASE(limits_of_maps_merge_to_that_of_the_union),
                      CASE(distinct_counts_merge_to_the_union));
}
