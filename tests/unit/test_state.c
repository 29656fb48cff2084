/* Goal: the integer state of one series does what its headers say on the inputs that are easy to
 * get wrong. Method: small cases worked out by hand, or against a naive computation written here.
 */
#include "stats/category.h"
#include "stats/numeric.h"
#include "stats/unlisted.h"
#include "tests/check.h"

#include <errno.h>
#include <float.h>

static struct dg_weighted *ramp(size_t n, double step)
{
    struct dg_weighted *v = calloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = (struct dg_weighted){.value = ((double)i + 0.5) * step, .count = 1};
    }
    return v;
}

static uint32_t naive_find(const struct dg_binning *b, double x)
{
    uint32_t bin = 0;
    for (uint32_t j = 0; j + 1 < b->n_bins; j++) {
        bin += b->edges[j] < x;
    }
    return bin;
}

static void numbers_survive_the_byte_buffer(void)
{
    struct dg_bytes b = {0};
    const dg_i128 wide[] = {0, -1, 63, -64, (dg_i128)1 << 100, -((dg_i128)1 << 126) * 2};
    const int64_t zig[] = {0, -1, 1, INT64_MIN, INT64_MAX, -2385};
    for (size_t i = 0; i < 6; i++) {
        dg_put_wide(&b, wide[i]);
        dg_put_zigzag(&b, zig[i]);
    }
    dg_put_varint(&b, UINT64_MAX);
    dg_put_f64(&b, -2.385e-7);
    dg_put_u8(&b, 200);
    dg_put_unsigned_wide(&b, ~(dg_u128)0);
    struct dg_reader r = {.p = b.data, .end = b.data + b.len};
    for (size_t i = 0; i < 6; i++) {
        CHECK(dg_get_wide(&r) == wide[i]);
        CHECK(dg_get_zigzag(&r) == zig[i]);
    }
    CHECK(dg_get_varint(&r) == UINT64_MAX);
    CHECK(dg_get_f64(&r) == -2.385e-7);
    CHECK_INT(dg_get_u8(&r), 200);
    CHECK(dg_get_unsigned_wide(&r) == ~(dg_u128)0);
    CHECK(!r.failed && r.p == r.end);
    CHECK_INT(dg_get_u8(&r), 0);
    CHECK(r.failed);
    dg_bytes_deinit(&b);
}

static void an_overlong_or_too_large_varint_is_refused(void)
{
    const uint8_t overlong[] = {0x80, 0x00};
    const uint8_t large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    uint8_t wide[19];
    memset(wide, 0xff, 18);
    wide[18] = 0x04;
    struct dg_reader r = {.p = overlong, .end = overlong + 2};
    CHECK(dg_get_varint(&r) == 0 && r.failed);
    r = (struct dg_reader){.p = large, .end = large + 10};
    CHECK(dg_get_varint(&r) == 0 && r.failed);
    r = (struct dg_reader){.p = wide, .end = wide + 19};
    CHECK(dg_get_wide(&r) == 0 && r.failed);
    r = (struct dg_reader){.p = large, .end = large + 3};
    CHECK(dg_get_varint(&r) == 0 && r.failed);
    CHECK(dg_get_raw(&r, 1) == NULL);
}

static void a_constant_reference_has_three_bins(void)
{
    struct dg_binning b;
    const struct dg_weighted v = {.value = -2.385, .count = 77};
    CHECK_INT(dg_binning_build(&v, 1, &DG_BINNING_DEFAULTS, &b), 0);
    CHECK_INT(b.n_bins, 3);
    CHECK_INT(b.n_groups, 3);
    CHECK(b.is_point[1] && !b.is_point[0] && !b.is_point[2]);
    CHECK(b.origin == -2.385 && b.unit == 0x1p-18);
    CHECK_INT(dg_binning_find(&b, -2.385), 1);
    CHECK_INT(dg_binning_find(&b, nextafter(-2.385, 0)), 2);
    CHECK_INT(dg_binning_find(&b, nextafter(-2.385, -3)), 0);
}

static void few_values_are_points_with_gaps_between(void)
{
    struct dg_binning b;
    const struct dg_weighted v[] = {{-1.5, 20}, {0.0, 50}, {2.385, 30}};
    CHECK_INT(dg_binning_build(v, 3, &DG_BINNING_DEFAULTS, &b), 0);
    CHECK_INT(b.n_bins, 7);
    CHECK_INT(b.n_groups, 7);
    CHECK_INT(dg_binning_find(&b, -0.0), 3);
    CHECK_INT(dg_binning_find(&b, DBL_TRUE_MIN), 4);
    CHECK_INT(dg_binning_find(&b, -DBL_TRUE_MIN), 2);
    for (uint32_t j = 0; j < 7; j++) {
        CHECK(b.is_point[j] == (j % 2 == 1));
    }
}

static void a_smooth_reference_has_k_bins_tails_and_exact_ends(void)
{
    struct dg_binning b;
    struct dg_weighted *v = ramp(100000, 0.01);
    CHECK_INT(dg_binning_build(v, 100000, &DG_BINNING_DEFAULTS, &b), 0);
    CHECK_INT(b.n_bins, 200 + 2 + 2 * 6);
    CHECK_INT(b.n_groups, 10);
    CHECK(b.edges[0] == nextafter(v[0].value, -1.0));
    CHECK(b.edges[b.n_bins - 2] == v[99999].value);
    uint64_t count[DG_BINS_MAX] = {0}, group[DG_BINS_MAX] = {0};
    for (size_t i = 0; i < 100000; i++) {
        const uint32_t j = dg_binning_find(&b, v[i].value);
        count[j]++;
        group[b.group[j]]++;
    }
    CHECK_INT(count[0], 0);
    CHECK_INT(count[b.n_bins - 1], 0);
    CHECK_INT(count[100], 500);
    CHECK_INT(count[1], 7);
    for (uint32_t g = 0; g < 10; g++) {
        CHECK_INT(group[g], 10000);
    }
    CHECK_REL(b.origin, 500.0, 1e-12);
    CHECK(b.unit == 512.0 * 0x1p-20);
    free(v);
}

static void atoms_are_points_and_heavy_ones_groups(void)
{
    struct dg_binning b;
    struct dg_weighted *v = ramp(10000, 0.001);
    v[0].value = 0.0;
    v[0].count = 6667; /* 40 % at zero */
    v[5000].count = 200;
    CHECK_INT(dg_binning_build(v, 10000, &DG_BINNING_DEFAULTS, &b), 0);
    const uint32_t zero = dg_binning_find(&b, 0.0), other = dg_binning_find(&b, v[5000].value);
    CHECK(b.is_point[zero] && b.is_point[other]);
    CHECK_INT(zero, 1);
    CHECK_INT(b.group[0], 0);
    CHECK_INT(b.group[zero], 1); /* what moves below the atom is told from it */
    CHECK_INT(b.group[zero + 1], 2);
    CHECK(b.n_groups >= 7 && b.n_groups <= 11);
    free(v);
}

static void options_and_samples_are_checked(void)
{
    struct dg_binning b;
    struct dg_binning_options o = DG_BINNING_DEFAULTS;
    struct dg_weighted v[] = {{1.0, 1}, {2.0, 1}};
    CHECK_INT(dg_binning_build(v, 0, &o, &b), EDOM);
    o.fine_bins = 241;
    CHECK_INT(dg_binning_build(v, 2, &o, &b), EINVAL);
    o = DG_BINNING_DEFAULTS;
    o.groups = 1;
    CHECK_INT(dg_binning_build(v, 2, &o, &b), EINVAL);
    o = DG_BINNING_DEFAULTS;
    v[1].value = 1.0;
    CHECK_INT(dg_binning_build(v, 2, &o, &b), EINVAL);
    v[1] = (struct dg_weighted){INFINITY, 1};
    CHECK_INT(dg_binning_build(v, 2, &o, &b), EINVAL);
    v[1] = (struct dg_weighted){3.0, 0};
    CHECK_INT(dg_binning_build(v, 2, &o, &b), EINVAL);
}

static void extreme_values_can_be_binned(void)
{
    struct dg_binning b;
    const struct dg_weighted v[] = {{-DBL_MAX, 1}, {-0.0, 1}, {DBL_TRUE_MIN, 2}, {DBL_MAX, 1}};
    CHECK_INT(dg_binning_build(v, 4, &DG_BINNING_DEFAULTS, &b), 0);
    CHECK(isfinite(b.origin) && isfinite(b.unit));
    CHECK(b.is_point[0]);
    CHECK_INT(dg_binning_fixed(&b, DBL_MAX) <= DG_FIXED_MAX, 1);
    for (size_t i = 0; i < 4; i++) {
        const uint32_t j = dg_binning_find(&b, v[i].value);
        CHECK_INT(j, naive_find(&b, v[i].value));
        CHECK(b.is_point[j]);
    }
    const struct dg_weighted tiny[] = {{0.0, 1}, {DBL_TRUE_MIN, 2}};
    CHECK_INT(dg_binning_build(tiny, 2, &DG_BINNING_DEFAULTS, &b), 0);
    CHECK(b.unit == 0x1p-1020);
}

static void restore_refuses_what_build_would_not_make(void)
{
    struct dg_binning good, b;
    const struct dg_weighted v[] = {{-1.5, 20}, {0.0, 50}, {2.385, 30}};
    CHECK_INT(dg_binning_build(v, 3, &DG_BINNING_DEFAULTS, &good), 0);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        b = good;                                                                                  \
        change;                                                                                    \
        CHECK_INT(dg_binning_restore(&b), EBADMSG);                                                \
    } while (0)
    REFUSED(b.n_bins = 0);
    REFUSED(b.n_bins = 257);
    REFUSED(b.edges[2] = b.edges[1]);
    REFUSED(b.edges[5] = INFINITY);
    REFUSED(b.edges[0] = NAN);
    REFUSED(b.is_point[2] = true);
    REFUSED(b.is_point[6] = true);
    REFUSED(b.group[0] = 1);
    REFUSED(b.group[3] = 9);
    REFUSED(b.n_groups = 2);
    REFUSED(b.unit = 0.75);
    REFUSED(b.unit = 0.0);
    REFUSED(b.unit = INFINITY);
    REFUSED(b.unit = DBL_TRUE_MIN);
    REFUSED(b.origin = NAN);
#undef REFUSED
    b = good;
    CHECK_INT(dg_binning_restore(&b), 0);
    CHECK(memcmp(&b, &good, sizeof b) == 0);
}

static void sketch_cells_follow_the_float_bits(void)
{
    CHECK_INT(dg_sketch_cell(0.0), 0);
    CHECK_INT(dg_sketch_cell(-0.0), 0);
    CHECK_INT(dg_sketch_cell(DBL_TRUE_MIN), 0);
    CHECK_INT(dg_sketch_cell(nextafter(0x1p-40, 0)), 0);
    CHECK_INT(dg_sketch_cell(0x1p-40), 1);
    CHECK_INT(dg_sketch_cell(-0x1p-40), -1);
    CHECK_INT(dg_sketch_cell(1.0), 40 * 64 + 1);
    CHECK_INT(dg_sketch_cell(nextafter(1.0, 0)), 40 * 64);
    CHECK_INT(dg_sketch_cell(-DBL_MAX), -(40 + 1024) * 64);
}

static void a_sketch_gives_back_ranks_and_cells(void)
{
    struct dg_sketch s = {0};
    double x;
    CHECK_INT(dg_sketch_quantile(&s, 0.5, -INFINITY, INFINITY, &x), EDOM);
    const double v[] = {-DBL_MAX, -3.0, 0.0, 2.385, 2.385, 7e12, DBL_MAX};
    int32_t cell[7];
    dg_sketch_cell_all(v, 7, cell);
    CHECK_INT(dg_sketch_add(&s, cell, 7), 0);
    CHECK_INT(dg_sketch_quantile(&s, 1.5, -INFINITY, INFINITY, &x), EINVAL);
    CHECK_INT(dg_sketch_quantile(&s, NAN, -INFINITY, INFINITY, &x), EINVAL);
    for (int i = 0; i < 7; i++) {
        CHECK_INT(dg_sketch_quantile(&s, ((double)i + 0.5) / 7, -DBL_MAX, DBL_MAX, &x), 0);
        CHECK_REL(x, v[i], 1.0 / 129 * 1.0000001);
    }
    CHECK_INT(dg_sketch_quantile(&s, 0, -DBL_MAX, DBL_MAX, &x), 0);
    CHECK_REL(x, -DBL_MAX, 1.0 / 129);
    CHECK_INT(dg_sketch_quantile(&s, 0.5, 2.5, DBL_MAX, &x), 0);
    CHECK(x == 2.5);
    struct dg_sketch_cell_view view[7];
    CHECK_INT(dg_sketch_cells(&s, view, 2), 6);
    CHECK_INT(dg_sketch_cells(&s, view, 7), 6);
    CHECK_INT(view[3].count, 2);
    CHECK(view[5].upper == DBL_MAX && view[2].upper == nextafter(0x1p-40, 0));
    for (int i = 0; i < 6; i++) {
        CHECK(i == 0 || view[i].upper > view[i - 1].upper);
        CHECK_INT(dg_sketch_cell(view[i].upper), cell[i < 4 ? i : i + 1]);
        CHECK_INT(dg_sketch_cell(view[i].value), cell[i < 4 ? i : i + 1]);
        if (view[i].upper < DBL_MAX) {
            CHECK(dg_sketch_cell(nextafter(view[i].upper, INFINITY)) !=
                  dg_sketch_cell(view[i].upper));
        }
    }
    dg_sketch_deinit(&s);
}

static void a_sketch_of_2048_cells_is_fine_and_of_2049_coarser(void)
{
    for (int32_t sign = -1; sign <= 1; sign += 2) {
        struct dg_sketch s = {0};
        int32_t cell[2049];
        for (int32_t i = 0; i < 2049; i++) {
            cell[i] = sign * (2 * i + 1);
        }
        CHECK_INT(dg_sketch_add(&s, cell, 2048), 0);
        CHECK_INT(dg_sketch_add(&s, cell, 2048), 0);
        CHECK_INT(dg_sketch_sub_bits(&s), 6);
        CHECK_INT(dg_sketch_add(&s, cell + 2048, 1), 0);
        CHECK_INT(dg_sketch_sub_bits(&s), 4); /* these cells do not pair up before */
        CHECK_INT(s.used[sign > 0], 1025);
        dg_sketch_deinit(&s);
    }
}

static void many_quantiles_at_once_are_those_one_by_one(void)
{
    static const double q[] = {0, 0.01, 0.238, 0.238, 0.5, 0.97, 1};
    enum { N = sizeof q / sizeof q[0] };
    struct dg_sketch s = {0};
    double at_once[N] = {0}, x = 2.385;
    CHECK_INT(dg_sketch_quantiles(&s, q, N, -INFINITY, INFINITY, at_once), EDOM);
    for (int i = -40; i < 90; i++) {
        const int32_t cell = dg_sketch_cell(i * 0.713);
        CHECK_INT(dg_sketch_add(&s, &cell, 1), 0);
    }
    CHECK_INT(dg_sketch_quantiles(&s, q, N, -28.0, 63.0, at_once), 0);
    for (size_t i = 0; i < N; i++) {
        CHECK_INT(dg_sketch_quantile(&s, q[i], -28.0, 63.0, &x), 0);
        CHECK(at_once[i] == x);
    }
    CHECK_INT(dg_sketch_quantiles(&s, (const double[]){0.5, 0.4}, 2, -28.0, 63.0, &x), EINVAL);
    CHECK_INT(dg_sketch_quantiles(&s, (const double[]){0.5, NAN}, 2, -28.0, 63.0, &x), EINVAL);
    dg_sketch_deinit(&s);
}

static void sums_are_exact_on_both_sides_of_the_fast_path(void)
{
    enum { N = 300 }; /* more than two blocks of dg_moments_add */
    static const int64_t most[] = {1 << 22, (1 << 28) - 1, 1 << 28, INT64_C(1) << 40};
    for (size_t round = 0; round < sizeof most / sizeof most[0]; round++) {
        int64_t k[N];
        struct dg_moments m = {0};
        dg_i128 s1 = 0, s2 = 0, t1 = 0, t2 = 0, s3 = 0, s4 = 0;
        for (int i = 0; i < N; i++) {
            k[i] = i % 3 == 0 ? most[round] : i % 3 == 1 ? -most[round] : most[round] / (i + 7);
            dg_i128 h = (k[i] + 2) >> DG_SHAPE_SHIFT;
            h = h > 1 << 26 ? 1 << 26 : h < -(1 << 26) ? -(1 << 26) : h;
            s1 += k[i];
            s2 += (dg_i128)k[i] * k[i];
            t1 += h;
            t2 += h * h;
            s3 += h * h * h;
            s4 += h * h * h * h;
        }
        dg_moments_add(&m, k, N);
        CHECK(m.s1 == s1 && m.s2 == s2 && m.t1 == t1 && m.t2 == t2 && m.s3 == s3 && m.s4 == s4);
        CHECK((m.n_clamped > 0) == (most[round] > 1 << 28));
    }
}

/* A column is quicker while no value is negative, or none to be clamped or left out. */
static void odd_values_do_not_change_what_the_others_count(void)
{
    enum { N = 700 };
    struct dg_weighted *v = ramp(400, 0.25);
    struct dg_binning b;
    CHECK_INT(dg_binning_build(v, 400, &DG_BINNING_DEFAULTS, &b), 0);
    static const double odd[] = {-0.0, 0.0, -3.25, 1e-300, 1e300, -1e300, 100.0, (double)INFINITY};
    for (size_t k = 0; k < sizeof odd / sizeof odd[0]; k++) {
        struct dg_numeric s;
        struct dg_prepared p = {0};
        double x[N];
        uint64_t kept = 0, zero = 0;
        dg_i128 sum = 0;
        for (size_t i = 0; i < N; i++) {
            x[i] = i % 97 == 50 ? odd[k] : (double)(i % 397) * 0.25;
            const bool in = x[i] >= 0.0 && x[i] <= 100.0;
            kept += in;
            zero += in && x[i] < 0x1p-40;
            sum += in ? dg_binning_fixed(&b, x[i]) : 0;
        }
        dg_numeric_init(&s, &b);
        CHECK_INT(dg_prepare(&p, &b, 0.0, 100.0, x, N), 0);
        CHECK_INT(dg_numeric_add(&s, &p, NULL, N), 0);
        CHECK_INT(s.triage[DG_FINITE], kept);
        CHECK_INT(s.sketch.zero, zero);
        CHECK_INT(s.sketch.n, kept);
        CHECK(s.moments.s1 == sum);
        dg_prepared_deinit(&p);
        dg_numeric_deinit(&s);
    }
    free(v);
}

static void moments_of_few_values_are_undefined_where_they_should_be(void)
{
    struct dg_moments m = {0};
    struct dg_moment_values v = dg_moments_values(&m, 1.0, 1.0);
    CHECK(isnan(v.mean) && isnan(v.variance) && isnan(v.sd));
    const int64_t k[] = {3 << 20, 3 << 20, -(1 << 20), 5 << 20};
    dg_moments_add(&m, k, 1);
    v = dg_moments_values(&m, 2.0, 0x1p-20);
    CHECK(v.mean == 5.0 && v.variance == 0.0 && v.sd == 0.0 && isnan(v.skewness));
    dg_moments_add(&m, k + 1, 1);
    v = dg_moments_values(&m, 2.0, 0x1p-20);
    CHECK(v.mean == 5.0 && v.variance == 0.0 && isnan(v.skewness));
    dg_moments_add(&m, k + 2, 1);
    v = dg_moments_values(&m, 0.0, 0x1p-20);
    CHECK_REL(v.variance, 32.0 / 9, 1e-15);
    CHECK_REL(v.skewness, -0.70710678118654752, 1e-14);
    CHECK(isnan(v.kurtosis));
    dg_moments_add(&m, k + 3, 1);
    v = dg_moments_values(&m, 0.0, 0x1p-20);
    CHECK_REL(v.mean, 2.5, 1e-15);
    CHECK_REL(v.kurtosis, -0.9030470914127422, 1e-14);
}

static void clamped_values_are_counted(void)
{
    struct dg_moments m = {0};
    const int64_t k[] = {DG_FIXED_MAX, -DG_FIXED_MAX, 7, INT64_C(1) << 28, (INT64_C(1) << 28) + 2};
    dg_moments_add(&m, k, 5);
    CHECK_INT(m.n_clamped, 3);
    CHECK(m.s1 == 7 + 2 * ((dg_i128)1 << 28) + 2);
}

static void moments_that_a_clamp_has_spoilt_are_not_given(void)
{
    const double x[] = {1.0, 2.5, 500.0, 0x1p29, 0x1p30};
    struct dg_prepared p = {0};
    struct dg_numeric s;
    dg_numeric_init(&s, NULL);
    CHECK_INT(dg_prepare(&p, NULL, -(double)INFINITY, (double)INFINITY, x, 5), 0);
    CHECK_INT(dg_numeric_add(&s, &p, NULL, 4), 0);
    struct dg_moment_values m = dg_numeric_moments(&s);
    CHECK_REL(m.mean, (503.5 + 0x1p29) / 4, 1e-15);
    CHECK(m.sd > 1e8 && isnan(m.skewness) && isnan(m.kurtosis));
    CHECK_INT(s.moments.n_clamped, 2);
    CHECK_INT(dg_numeric_add(&s, &p, (const uint32_t[]){4}, 1), 0);
    m = dg_numeric_moments(&s);
    CHECK(isnan(m.mean) && isnan(m.variance) && isnan(m.sd));
    dg_numeric_deinit(&s);
    dg_prepared_deinit(&p);
}

static void every_kind_of_value_has_its_counter(void)
{
    const uint64_t payload = UINT64_C(0x7ff8000000000bad);
    double odd;
    memcpy(&odd, &payload, sizeof odd);
    const double x[] = {1.5,
                        dg_box(DG_ABSENT),
                        dg_box(DG_NULL),
                        NAN,
                        INFINITY,
                        -INFINITY,
                        -0.0,
                        odd,
                        dg_box(DG_UNPARSABLE),
                        9.0,
                        -9.0};
    const uint64_t want[DG_TRIAGE_KINDS] = {2, 1, 1, 2, 1, 1, 1, 2};
    struct dg_prepared p = {0};
    struct dg_numeric s;
    dg_numeric_init(&s, NULL);
    CHECK_INT(dg_prepare(&p, NULL, -3.0, 3.0, x, 11), 0);
    CHECK(!signbit(p.value[6]));
    CHECK_INT(dg_numeric_add(&s, &p, NULL, 11), 0);
    for (int i = 0; i < DG_TRIAGE_KINDS; i++) {
        CHECK_INT(s.triage[i], want[i]);
    }
    CHECK(s.min == 0.0 && s.max == 1.5 && s.moments.n == 2 && s.sketch.n == 2);
    const uint32_t row[] = {0, 0, 10};
    dg_numeric_reset(&s);
    CHECK_INT(dg_numeric_add(&s, &p, row, 3), 0);
    CHECK_INT(s.triage[DG_FINITE], 2);
    CHECK_INT(s.triage[DG_OUT_OF_RANGE], 1);
    CHECK_REL(dg_numeric_moments(&s).mean, 1.5, 0);
    dg_numeric_deinit(&s);
    dg_prepared_deinit(&p);
}

static void dictionary_order_breaks_ties_by_bytes(void)
{
    const struct dg_keyed v[] = {{.key = "b", .len = 1, .count = 5},
                                 {.key = "ab", .len = 2, .count = 5},
                                 {.key = "a", .len = 1, .count = 5},
                                 {.key = "", .len = 0, .count = 1},
                                 {.key = "z\0z", .len = 3, .count = 9}};
    struct dg_dictionary *d = NULL;
    CHECK_INT(dg_dictionary_build(v, 5, 3, &d), 0);
    CHECK_INT(dg_dictionary_size(d), 3);
    CHECK_INT(dg_dictionary_entry(d, 0)->len, 3);
    CHECK_INT(dg_dictionary_entry(d, 1)->len, 1);
    CHECK_INT(dg_dictionary_entry(d, 2)->len, 2);
    CHECK_INT(dg_dictionary_other(d), 6);
    CHECK_INT(dg_dictionary_singletons(d), 1);
    CHECK_INT(dg_dictionary_find(d, "ab", 2, dg_hash_key("ab", 2)), 2);
    CHECK_INT(dg_dictionary_find(d, "b", 1, dg_hash_key("b", 1)), 3);
    CHECK_INT(dg_dictionary_find(d, "", 0, dg_hash_key("", 0)), 3);
    CHECK_INT(dg_dictionary_find(d, "z", 1, dg_hash_key("z", 1)), 4);
    dg_dictionary_free(d);
    d = NULL;
    CHECK_INT(dg_dictionary_build(v, 5, 0, &d), EINVAL);
    CHECK_INT(dg_dictionary_build(v, 5, 257, &d), EINVAL);
    const struct dg_keyed twice[] = {v[0], v[0]};
    CHECK_INT(dg_dictionary_build(twice, 2, 9, &d), EINVAL);
    CHECK(d == NULL);
    CHECK_INT(dg_dictionary_build(NULL, 0, 9, &d), 0);
    CHECK_INT(dg_dictionary_find(d, "x", 1, dg_hash_key("x", 1)), 1);
    dg_dictionary_free(d);
    CHECK_INT(dg_dictionary_find(NULL, "x", 1, dg_hash_key("x", 1)), 1);
}

static void a_long_key_is_cut_at_a_character_and_stays_distinct(void)
{
    char a[400], b[400], ka[DG_KEY_MAX], kb[DG_KEY_MAX];
    for (size_t i = 0; i < sizeof a; i += 2) {
        memcpy(a + i, "\xc3\xa4", 2); /* a umlaut: two bytes */
    }
    memcpy(b, a, sizeof a);
    b[399] = '\xa5';
    const struct dg_keyed x = dg_key_of(a, 400, ka), y = dg_key_of(b, 400, kb);
    CHECK(x.len <= DG_KEY_MAX && x.len == 238 + 17 && x.key[238] == '#');
    CHECK(memcmp(x.key, y.key, 239) == 0 && memcmp(x.key, y.key, x.len) != 0);
    CHECK(x.hash == dg_hash_key(x.key, x.len));
    CHECK(dg_key_of(a, 256, kb).key == a);
}

static void values_outside_the_declared_set_are_counted_twice(void)
{
    const struct dg_keyed known[] = {{.key = "red", .len = 3, .count = 3}};
    const struct dg_keyed declared[] = {{.key = "red", .len = 3, .count = 1},
                                        {.key = "blue", .len = 4, .count = 1}};
    struct dg_dictionary *d = NULL, *allowed = NULL;
    CHECK_INT(dg_dictionary_build(known, 1, 8, &d), 0);
    CHECK_INT(dg_dictionary_build(declared, 2, 1, &allowed), 0);
    const struct dg_text t[] = {{"red", 3, DG_FINITE},  {"blue", 4, DG_FINITE},
                                {"pink", 4, DG_FINITE}, {NULL, 0, DG_NULL},
                                {"pink", 4, DG_FINITE}, {NULL, 0, DG_FINITE}};
    struct dg_coded p = {0};
    struct dg_category s;
    dg_category_init(&s, d);
    CHECK_INT(dg_code(&p, d, allowed, t, 6), 0);
    CHECK_INT(dg_category_add(&s, &p, NULL, 6), 0);
    CHECK_INT(s.triage[DG_FINITE], 2);
    CHECK_INT(s.triage[DG_OUT_OF_RANGE], 3);
    CHECK_INT(s.triage[DG_NULL], 1);
    CHECK_INT(s.count[0], 1);
    CHECK_INT(s.count[2], 4);
    const struct dg_keyed *u;
    size_t n;
    uint64_t dropped;
    CHECK_INT(dg_category_unlisted(&s, &u, &n, &dropped), 0);
    CHECK_INT(n, 3);
    CHECK_INT(dropped, 0);
    CHECK(u[0].len == 0 && u[2].count == 2 && memcmp(u[2].key, "pink", 4) == 0);
    CHECK_REL(dg_hll_estimate(&s.distinct), 4.0, 0.01);
    dg_category_deinit(&s);
    dg_coded_deinit(&p);
    dg_dictionary_free(d);
    dg_dictionary_free(allowed);
}

/* Subtracting makes room in the map, but a key that was once dropped has an unknown count. */
static void a_dropped_key_does_not_come_back_after_subtraction(void)
{
    enum { KEYS = 5000 };
    static char name[KEYS][12];
    static struct dg_text text[KEYS];
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(name[i], sizeof name[i], "key%zu", i);
        text[i] = (struct dg_text){name[i], (uint32_t)strlen(name[i]), DG_FINITE};
    }
    struct dg_coded p = {0};
    struct dg_category s = {0}, all = {0};
    CHECK_INT(dg_code(&p, NULL, NULL, text, KEYS), 0);
    CHECK_INT(dg_category_add(&s, &p, NULL, KEYS), 0);
    CHECK_INT(dg_category_add(&all, &p, NULL, KEYS), 0);
    CHECK_INT(dg_category_subtract(&s, &all), 0);
    for (int round = 1; round <= 2; round++) {
        const struct dg_keyed *kept;
        size_t n;
        uint64_t dropped;
        CHECK_INT(dg_category_add(&s, &p, NULL, KEYS), 0);
        CHECK_INT(dg_category_unlisted(&s, &kept, &n, &dropped), 0);
        CHECK_INT(n, DG_UNLISTED_MAX);
        CHECK_INT(dropped, round * (KEYS - DG_UNLISTED_MAX));
        for (size_t i = 0; i < n; i++) {
            CHECK_INT(kept[i].count, round);
        }
        CHECK_INT(s.unlisted->n, DG_UNLISTED_MAX);
    }
    dg_category_deinit(&s);
    dg_category_deinit(&all);
    dg_coded_deinit(&p);
}

/* Add x[n] to an empty state; what it then encodes to. */
static void count_numbers(struct dg_numeric *s, const double x[], size_t n, struct dg_bytes *out)
{
    struct dg_prepared p = {0};
    CHECK_INT(dg_prepare(&p, NULL, -INFINITY, INFINITY, x, n), 0);
    CHECK_INT(dg_numeric_add(s, &p, NULL, n), 0);
    dg_bytes_clear(out);
    dg_numeric_encode(s, out);
    dg_prepared_deinit(&p);
}

static void a_trimmed_state_has_given_back_what_wide_data_needed(void)
{
    static const double narrow[] = {1.0, -2.0, 3.5, -3.0}, wide[] = {1e-9, -1e-9, 1e9, -1e9};
    enum { KEPT = 2 * 8 * DG_SKETCH_CELLS_KEPT };
    struct dg_bytes first = {0}, again = {0};
    struct dg_numeric s;
    dg_numeric_init(&s, NULL);
    count_numbers(&s, narrow, 4, &first);
    const size_t bytes = dg_numeric_bytes(&s);
    CHECK_INT(bytes, sizeof s + KEPT);
    dg_numeric_reset(&s);
    dg_numeric_trim(&s);
    CHECK_INT(dg_numeric_bytes(&s), bytes); /* room for as much as is usual stays */
    count_numbers(&s, wide, 4, &again);
    CHECK(dg_numeric_bytes(&s) > 8 * bytes);
    dg_numeric_reset(&s);
    dg_numeric_trim(&s);
    CHECK_INT(dg_numeric_bytes(&s), sizeof s);
    count_numbers(&s, narrow, 4, &again);
    CHECK(again.len == first.len && memcmp(again.data, first.data, first.len) == 0);
    CHECK_INT(dg_numeric_bytes(&s), bytes);
    dg_numeric_deinit(&s);
    dg_bytes_deinit(&first);
    dg_bytes_deinit(&again);
}

/* Add `n` keys to an empty state; what it then encodes to. */
static void count_keys(struct dg_category *s, size_t n, struct dg_bytes *out)
{
    static char name[1000][12];
    static struct dg_text text[1000];
    struct dg_coded p = {0};
    for (size_t i = 0; i < n; i++) {
        snprintf(name[i], sizeof name[i], "key%zu", i);
        text[i] = (struct dg_text){name[i], (uint32_t)strlen(name[i]), DG_FINITE};
    }
    CHECK_INT(dg_code(&p, NULL, NULL, text, n), 0);
    CHECK_INT(dg_category_add(s, &p, NULL, n), 0);
    dg_bytes_clear(out);
    dg_category_encode(s, out);
    dg_coded_deinit(&p);
}

static void a_trimmed_state_has_given_back_what_many_keys_needed(void)
{
    struct dg_bytes first = {0}, again = {0};
    struct dg_category s = {0};
    count_keys(&s, 20, &first);
    const size_t bytes = dg_category_bytes(&s);
    dg_category_reset(&s);
    dg_category_trim(&s);
    CHECK_INT(dg_category_bytes(&s), bytes);
    count_keys(&s, 1000, &again);
    CHECK(dg_category_bytes(&s) > 5 * bytes);
    dg_category_reset(&s);
    dg_category_trim(&s);
    CHECK_INT(dg_category_bytes(&s), sizeof s + DG_HLL_REGISTERS);
    count_keys(&s, 20, &again);
    CHECK(again.len == first.len && memcmp(again.data, first.data, first.len) == 0);
    CHECK_INT(dg_category_bytes(&s), bytes);
    dg_category_deinit(&s);
    dg_bytes_deinit(&first);
    dg_bytes_deinit(&again);
}

static void empty_states_encode_and_merge(void)
{
    struct dg_numeric a, b;
    struct dg_bytes out = {0};
    dg_numeric_init(&a, NULL);
    dg_numeric_init(&b, NULL);
    dg_numeric_encode(&a, &out);
    CHECK_INT(out.len, 2);
    CHECK_INT(dg_numeric_add_encoded(&b, out.data, out.len), 0);
    CHECK_INT(dg_numeric_add_encoded(&b, out.data, 1), EBADMSG);
    CHECK_INT(dg_numeric_merge(&a, &b), 0);
    CHECK(a.moments.n == 0 && a.min == (double)INFINITY);
    CHECK(isnan(dg_numeric_moments(&a).mean));
    struct dg_category c = {0}, d = {0};
    dg_bytes_clear(&out);
    dg_category_encode(&c, &out);
    CHECK_INT(dg_category_add_encoded(&d, out.data, out.len), 0);
    CHECK(dg_hll_estimate(&d.distinct) == 0.0);
    dg_category_deinit(&d);
    dg_numeric_deinit(&a);
    dg_numeric_deinit(&b);
    dg_bytes_deinit(&out);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(numbers_survive_the_byte_buffer),
        CASE(an_overlong_or_too_large_varint_is_refused), CASE(a_constant_reference_has_three_bins),
        CASE(few_values_are_points_with_gaps_between),
        CASE(a_smooth_reference_has_k_bins_tails_and_exact_ends),
        CASE(atoms_are_points_and_heavy_ones_groups), CASE(options_and_samples_are_checked),
        CASE(extreme_values_can_be_binned), CASE(restore_refuses_what_build_would_not_make),
        CASE(sketch_cells_follow_the_float_bits), CASE(a_sketch_gives_back_ranks_and_cells),
        CASE(a_sketch_of_2048_cells_is_fine_and_of_2049_coarser),
        CASE(many_quantiles_at_once_are_those_one_by_one),
        CASE(sums_are_exact_on_both_sides_of_the_fast_path),
        CASE(odd_values_do_not_change_what_the_others_count),
        CASE(moments_of_few_values_are_undefined_where_they_should_be),
        CASE(clamped_values_are_counted), CASE(moments_that_a_clamp_has_spoilt_are_not_given),
        CASE(every_kind_of_value_has_its_counter), CASE(dictionary_order_breaks_ties_by_bytes),
        CASE(a_long_key_is_cut_at_a_character_and_stays_distinct),
        CASE(values_outside_the_declared_set_are_counted_twice),
        CASE(a_dropped_key_does_not_come_back_after_subtraction),
        CASE(a_trimmed_state_has_given_back_what_wide_data_needed),
        CASE(a_trimmed_state_has_given_back_what_many_keys_needed),
        CASE(empty_states_encode_and_merge));
}
