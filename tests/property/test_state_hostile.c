/* Goal: no bytes whatever make a decoder misbehave, and what it accepts is a sound state.
 * Method: encoded states are mutated (bits, bytes, cuts, splices, repetitions) and decoded; what is
 * refused must say EBADMSG, what is accepted is put to every use. The sanitizers watch. */
#include "tests/property/state_samples.h"

#include <errno.h>

enum { ROUNDS = 3000 };

static void mutate(const struct dg_bytes *from, struct dg_bytes *to)
{
    dg_bytes_clear(to);
    dg_put_raw(to, from->data, from->len);
    const int changes = 1 + (int)(check_random() % 4);
    for (int i = 0; i < changes && to->len > 0; i++) {
        const size_t at = check_random() % to->len;
        switch (check_random() % 6) {
        case 0:
            to->data[at] ^= (uint8_t)(1U << (check_random() % 8));
            break;
        case 1:
            to->data[at] = (uint8_t)check_random();
            break;
        case 2:
            to->data[at] = 0xff;
            break;
        case 3:
            to->len = at;
            break;
        case 4:
            dg_put_u8(to, (uint8_t)check_random());
            break;
        default:
            memmove(to->data + at, to->data + at + (to->len - at) / 2, (to->len - at) / 2);
            break;
        }
    }
    /* Exactly as long as the memory, so that a read past the end is caught. */
    uint8_t *exact = malloc(to->len + (to->len == 0));
    if (to->len > 0) {
        memcpy(exact, to->data, to->len);
    }
    free(to->data);
    to->data = exact;
    to->cap = to->len;
}

/* The sum of a bin is that of values that lie in the bin, and all values are in bins. */
static void check_sound(const struct dg_numeric *s)
{
    const struct dg_binning *b = s->binning;
    const struct dg_moments *m = &s->moments;
    const dg_i128 n = (dg_i128)m->n;
    uint64_t counted = 0;
    for (uint32_t j = 0; b != NULL && j < b->n_bins; j++) {
        const dg_i128 count = (dg_i128)s->count[j];
        const int64_t low = j == 0 ? -DG_FIXED_MAX : dg_binning_fixed(b, b->edges[j - 1]);
        const int64_t high = j + 1 == b->n_bins ? DG_FIXED_MAX : dg_binning_fixed(b, b->edges[j]);
        CHECK(count * low <= s->sum[j] && s->sum[j] <= count * high);
        counted += s->count[j];
    }
    CHECK(b == NULL || counted == m->n);
    CHECK(m->n == s->triage[DG_FINITE] && m->n == s->sketch.n);
    CHECK(m->s1 <= n * DG_FIXED_MAX && m->s1 >= -n * DG_FIXED_MAX);
    CHECK(m->n == 0 || s->min <= s->max);
}

static int use_numeric(const struct dg_binning *b, const struct dg_bytes *bytes)
{
    struct dg_numeric s, twice;
    struct dg_bytes again = {0};
    dg_numeric_init(&s, b);
    dg_numeric_init(&twice, b);
    const int status = dg_numeric_add_encoded(&s, bytes->data, bytes->len);
    CHECK(status == 0 || status == EBADMSG);
    if (status == 0) {
        double x;
        check_sound(&s);
        encode_again(&s, &again);
        CHECK(again.len == bytes->len && memcmp(again.data, bytes->data, again.len) == 0);
        (void)dg_numeric_moments(&s);
        CHECK_INT(dg_sketch_quantile(&s.sketch, 0.37, s.min, s.max, &x),
                  s.sketch.n == 0 ? EDOM : 0);
        must(dg_numeric_merge(&twice, &s));
        must(dg_numeric_merge(&twice, &s));
        (void)dg_numeric_moments(&twice);
        must(dg_numeric_subtract(&twice, &s));
        must(dg_numeric_subtract(&twice, &s));
    }
    dg_numeric_deinit(&s);
    dg_numeric_deinit(&twice);
    dg_bytes_deinit(&again);
    return status;
}

static void corrupt_numeric_states_are_refused_or_sound(void)
{
    static double x[400];
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        const struct dg_binning b = sample_binning(kind, 2000, &DG_BINNING_DEFAULTS);
        const struct dg_binning *used = kind % 3 == 2 ? NULL : &b;
        struct dg_prepared p = {0};
        struct dg_numeric s;
        struct dg_bytes good = {0}, bad = {0};
        dg_numeric_init(&s, used);
        sample_fill(kind, x, 400);
        must(dg_prepare(&p, used, -(double)INFINITY, (double)INFINITY, x, 400));
        must(dg_numeric_add(&s, &p, NULL, kind < 6 ? 20 : 400));
        dg_numeric_encode(&s, &good);
        CHECK_INT(use_numeric(used, &good), 0);
        int refused = 0;
        for (int i = 0; i < ROUNDS / 4; i++) {
            mutate(&good, &bad);
            refused += use_numeric(used, &bad) != 0;
        }
        CHECK(refused > ROUNDS / 16);
        for (size_t len = 0; len < good.len; len++) {
            bad.len = 0;
            dg_put_raw(&bad, good.data, len);
            CHECK_INT(use_numeric(used, &bad), EBADMSG);
        }
        dg_numeric_deinit(&s);
        dg_prepared_deinit(&p);
        dg_bytes_deinit(&good);
        dg_bytes_deinit(&bad);
    }
}

static void a_state_of_another_binning_is_refused(void)
{
    const struct dg_binning a = sample_binning(0, 2000, &DG_BINNING_DEFAULTS);
    struct dg_binning b = a;
    b.edges[3] = nextafter(b.edges[3], 0.0);
    must(dg_binning_restore(&b));
    static double x[100];
    struct dg_prepared p = {0};
    struct dg_numeric s, t;
    struct dg_bytes out = {0};
    sample_fill(0, x, 100);
    must(dg_prepare(&p, &a, -9.0, 9.0, x, 100));
    dg_numeric_init(&s, &a);
    must(dg_numeric_add(&s, &p, NULL, 100));
    dg_numeric_encode(&s, &out);
    dg_numeric_init(&t, &b);
    CHECK_INT(dg_numeric_add_encoded(&t, out.data, out.len), EBADMSG);
    dg_numeric_init(&t, NULL);
    CHECK_INT(dg_numeric_add_encoded(&t, out.data, out.len), EBADMSG);
    dg_numeric_deinit(&s);
    dg_numeric_deinit(&t);
    dg_prepared_deinit(&p);
    dg_bytes_deinit(&out);
}

/* Found by mutation: the decoder took -0.0 for a minimum and made it +0.0. */
static void a_negative_zero_for_an_extreme_is_refused(void)
{
    const double x[] = {0.0, 2.385};
    struct dg_prepared p = {0};
    struct dg_numeric s;
    struct dg_bytes out = {0};
    dg_numeric_init(&s, NULL);
    must(dg_prepare(&p, NULL, -9.0, 9.0, x, 2));
    must(dg_numeric_add(&s, &p, NULL, 2));
    dg_numeric_encode(&s, &out);
    CHECK_INT(use_numeric(NULL, &out), 0);
    CHECK_INT(out.data[10], 0); /* head, mask, count, eight bytes of the minimum */
    out.data[10] = 0x80;
    CHECK_INT(use_numeric(NULL, &out), EBADMSG);
    dg_numeric_deinit(&s);
    dg_prepared_deinit(&p);
    dg_bytes_deinit(&out);
}

static int use_category(const struct dg_dictionary *d, const struct dg_bytes *bytes)
{
    struct dg_category s, twice;
    struct dg_bytes again = {0};
    dg_category_init(&s, d);
    dg_category_init(&twice, d);
    const int status = dg_category_add_encoded(&s, bytes->data, bytes->len);
    CHECK(status == 0 || status == EBADMSG);
    if (status == 0) {
        const struct dg_keyed *v;
        size_t n;
        uint64_t dropped;
        dg_category_encode(&s, &again);
        CHECK(again.len == bytes->len && memcmp(again.data, bytes->data, again.len) == 0);
        must(dg_category_unlisted(&s, &v, &n, &dropped));
        CHECK(dropped <= s.count[dg_dictionary_size(d) + 1]);
        CHECK(dg_hll_estimate(&s.distinct) >= 0.0);
        must(dg_category_merge(&twice, &s));
        must(dg_category_merge(&twice, &s));
        must(dg_category_subtract(&twice, &s));
        must(dg_category_subtract(&twice, &s));
    }
    dg_category_deinit(&s);
    dg_category_deinit(&twice);
    dg_bytes_deinit(&again);
    return status;
}

static void corrupt_categorical_states_are_refused_or_sound(void)
{
    for (int kind = 0; kind < 3; kind++) {
        const size_t n = kind == 2 ? 9000 : 300;
        struct sample_texts t = sample_texts(n, kind == 2 ? 20000 : 60);
        struct dg_dictionary *d = kind == 0 ? NULL : sample_dictionary(&t, 25, 10);
        struct dg_coded p = {0};
        struct dg_category s;
        struct dg_bytes good = {0}, bad = {0};
        dg_category_init(&s, d);
        must(dg_code(&p, d, NULL, t.text, n));
        must(dg_category_add(&s, &p, NULL, n));
        dg_category_encode(&s, &good);
        CHECK_INT(use_category(d, &good), 0);
        const int rounds = kind == 2 ? 60 : ROUNDS;
        int refused = 0;
        for (int i = 0; i < rounds; i++) {
            mutate(&good, &bad);
            refused += use_category(d, &bad) != 0;
        }
        CHECK(refused > rounds / 4);
        for (size_t len = 0; kind < 2 && len < good.len; len++) {
            bad.len = 0;
            dg_put_raw(&bad, good.data, len);
            CHECK_INT(use_category(d, &bad), EBADMSG);
        }
        dg_category_deinit(&s);
        dg_coded_deinit(&p);
        dg_dictionary_free(d);
        dg_bytes_deinit(&good);
        dg_bytes_deinit(&bad);
        sample_texts_free(&t);
    }
}

static void corrupt_binnings_are_refused_or_find_as_linear_search_does(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct dg_binning b = sample_binning(i % SAMPLE_KINDS, 60, &DG_BINNING_DEFAULTS);
        unsigned char *edges = (unsigned char *)b.edges;
        for (uint64_t k = check_random() % 3; k > 0; k--) {
            edges[check_random() % (8 * (size_t)b.n_bins)] ^= (unsigned char)check_random();
        }
        if (check_random() % 4 == 0) {
            b.n_bins = (uint32_t)(check_random() % 300);
        }
        if (check_random() % 4 == 0) {
            b.unit = ldexp(1.0, (int)(check_random() % 3000) - 1500);
            b.origin = sample_any_bits();
        }
        if (dg_binning_restore(&b) != 0) {
            continue;
        }
        for (int k = 0; k < 20; k++) {
            const double x = k % 2 == 0 ? sample_value(i % 9) : sample_any_bits();
            uint32_t want = 0;
            for (uint32_t j = 0; j + 1 < b.n_bins; j++) {
                want += b.edges[j] < x;
            }
            if (isfinite(x)) {
                CHECK_INT(dg_binning_find(&b, x), want);
                CHECK(llabs(dg_binning_fixed(&b, x)) <= DG_FIXED_MAX);
            }
        }
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(corrupt_numeric_states_are_refused_or_sound),
                      CASE(a_negative_zero_for_an_extreme_is_refused),
                      CASE(a_state_of_another_binning_is_refused),
                      CASE(corrupt_categorical_states_are_refused_or_sound),
                      CASE(corrupt_binnings_are_refused_or_find_as_linear_search_does));
}
