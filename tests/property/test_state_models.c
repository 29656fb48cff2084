/* Goal: what a state says about its values is true. Method: random samples of every kind, compared
 * with naive computations: linear search of the bins, sorted order statistics, moments in long
 * double from the raw values, a sorted list of keys. */
#include "tests/property/state_samples.h"

static uint32_t naive_find(const struct dg_binning *b, double x)
{
    uint32_t bin = 0;
    for (uint32_t j = 0; j + 1 < b->n_bins; j++) {
        bin += b->edges[j] < x;
    }
    return bin;
}

static void check_find(const struct dg_binning *b, double x)
{
    uint8_t bin;
    if (isfinite(x)) {
        dg_binning_find_all(b, &x, 1, &bin);
        if (dg_binning_find(b, x) != naive_find(b, x) || bin != naive_find(b, x)) {
            CHECK_REL(x, NAN, 0); /* prints the value */
        }
    }
}

static void check_lookup(const struct dg_binning *b)
{
    for (uint32_t j = 0; j + 1 < b->n_bins; j++) {
        const double e = b->edges[j], next = j + 2 < b->n_bins ? b->edges[j + 1] : DBL_MAX;
        check_find(b, e);
        check_find(b, nextafter(e, -(double)INFINITY));
        check_find(b, nextafter(e, (double)INFINITY));
        check_find(b, -e);
        check_find(b, e + (next - e) * check_uniform());
    }
    const double odd[] = {0.0,      -0.0,      DBL_TRUE_MIN, -DBL_TRUE_MIN, DBL_MIN,
                          -DBL_MIN, DBL_MAX,   -DBL_MAX,     1e300,         -1e300,
                          0x1p-40,  b->origin, b->unit,      b->pivot,      1.0};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        check_find(b, odd[i]);
        check_find(b, nextafter(odd[i], 1.0));
    }
    for (int i = 0; i < 2000; i++) {
        check_find(b, sample_any_bits());
        check_find(b, sample_value(i % SAMPLE_KINDS));
    }
}

/* The invariants that the header promises, for the reference that the binning came from. */
static void check_shape(const struct dg_binning *b, bool cells)
{
    CHECK(b->n_bins >= 2 && b->n_bins <= DG_BINS_MAX);
    for (uint32_t j = 1; j + 1 < b->n_bins; j++) {
        CHECK(b->edges[j - 1] < b->edges[j]);
        CHECK(!(cells && b->is_point[j]));
        CHECK(b->is_point[j] ==
              (!cells && nextafter(b->edges[j], -(double)INFINITY) == b->edges[j - 1]));
    }
    CHECK(b->n_groups >= 1 && b->n_groups <= b->n_bins && b->group[0] == 0);
    struct dg_binning again = *b;
    memset(again.lookup, 0xff, sizeof again.lookup);
    again.steps = 77;
    CHECK_INT(dg_binning_restore(&again), 0);
    CHECK(memcmp(&again, b, sizeof again) == 0);
}

static void the_bin_of_a_value_is_that_of_linear_search(void)
{
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        static const uint32_t k[] = {200, 2, 240, 50};
        for (size_t i = 0; i < 8; i++) {
            struct dg_binning_options o = {.fine_bins = k[i % 4], .groups = 2 + (uint32_t)i * 6};
            const size_t n[] = {1, 2, 30, 130, 700, 5000, 20000, 5000};
            const struct dg_binning b = sample_binning(kind, n[i], &o);
            check_shape(&b, false);
            check_lookup(&b);
        }
    }
}

/* Bins of a sketch: its n cells as the program takes them. */
static struct dg_binning bins_of_cells(const struct dg_sketch_cell_view cell[], size_t n,
                                       uint32_t groups)
{
    struct dg_weighted *v = calloc(n, sizeof *v);
    double *below = calloc(n, sizeof *below);
    for (size_t i = 0; i < n; i++) {
        v[i] = (struct dg_weighted){cell[i].upper, cell[i].count};
        below[i] = cell[i].below;
    }
    const struct dg_binning_options o = {.fine_bins = 200, .groups = groups, .below = below};
    struct dg_binning b;
    CHECK_INT(dg_binning_build(v, n, &o, &b), 0);
    free(v);
    free(below);
    return b;
}

static void a_heavy_cell_shares_its_bin_with_nothing_beside_it(void)
{
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        struct dg_sketch s = {0};
        for (int i = 0; i < 3000; i++) {
            const double x = i % 4 == 0 ? 10.0 : sample_value(kind);
            if (isfinite(x)) {
                const int32_t c = dg_sketch_cell(x);
                CHECK_INT(dg_sketch_add(&s, &c, 1), 0);
            }
        }
        const size_t n = dg_sketch_cells(&s, NULL, 0);
        struct dg_sketch_cell_view *cell = calloc(n, sizeof *cell);
        dg_sketch_cells(&s, cell, n);
        const struct dg_binning b = bins_of_cells(cell, n, 10);
        check_shape(&b, true);
        check_lookup(&b);
        for (size_t i = 0; i < n; i++) {
            const uint32_t bin = dg_binning_find(&b, cell[i].upper);
            CHECK(i == 0 || cell[i - 1].upper <= cell[i].below);
            if (cell[i].count * 20 >= s.n && isfinite(cell[i].below)) {
                CHECK(bin > 0 && dg_binning_find(&b, cell[i].below) < bin);
                CHECK(cell[i].upper == DBL_MAX ||
                      dg_binning_find(&b, nextafter(cell[i].upper, DBL_MAX)) > bin);
            }
        }
        free(cell);
        dg_sketch_deinit(&s);
    }
}

static void what_leaves_an_atom_for_a_gap_leaves_its_group(void)
{
    /* 0 and 10 in halves; then two atoms with light values below the first. */
    const struct dg_weighted two[] = {{0.0, 500}, {10.0, 500}};
    const struct dg_binning_options o = DG_BINNING_DEFAULTS;
    struct dg_binning b;
    CHECK_INT(dg_binning_build(two, 2, &o, &b), 0);
    const double at[] = {-1.0, 0.0, 5.0, 10.0, 11.0};
    for (size_t i = 0; i < 5; i++) {
        CHECK_INT(b.group[dg_binning_find(&b, at[i])], i);
    }
    const struct dg_weighted mixed[] = {{-3.0, 20}, {-2.0, 20}, {2.0, 900}, {3.0, 60}};
    CHECK_INT(dg_binning_build(mixed, 4, &o, &b), 0);
    static const struct {
        double x;
        uint8_t group;
    } mixed_at[] = {{-9.0, 0}, {-3.0, 0}, {0.0, 0}, {2.0, 0}, {2.5, 1}, {3.0, 2}, {4.0, 3}};
    for (size_t i = 0; i < sizeof mixed_at / sizeof *mixed_at; i++) {
        CHECK_INT(b.group[dg_binning_find(&b, mixed_at[i].x)], mixed_at[i].group);
    }
}

static void references_full_of_atoms_still_fit(void)
{
    for (size_t distinct = 60; distinct < 1200; distinct += 37) {
        struct dg_weighted *v = calloc(distinct, sizeof *v);
        for (size_t i = 0; i < distinct; i++) {
            v[i].value = (double)i * 0.3 - 20.0;
            v[i].count = 1 + check_random() % (UINT64_C(2) << (check_random() % 20));
        }
        for (uint32_t k = 2; k <= 240; k += 34) {
            const struct dg_binning_options o = {.fine_bins = k, .groups = 10};
            struct dg_binning b;
            CHECK_INT(dg_binning_build(v, distinct, &o, &b), 0);
            check_shape(&b, false);
            uint64_t below = 0, above = 0;
            for (size_t i = 0; i < distinct; i++) {
                below += dg_binning_find(&b, v[i].value) == 0;
                above += dg_binning_find(&b, v[i].value) == b.n_bins - 1;
            }
            CHECK_INT(below + above, 0);
        }
        free(v);
    }
}

/* Central moments of the values as the fixed-point grid sees them, the slow and plain way. */
static void check_moments(const int64_t fixed[], size_t n, double origin, double unit)
{
    struct dg_moments m = {0};
    dg_moments_add(&m, fixed, n / 3);
    dg_moments_add(&m, fixed + n / 3, n - n / 3);
    long double sum = 0, sum_h = 0, c2 = 0, h2 = 0, h3 = 0, h4 = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (long double)fixed[i];
        sum_h += floorl(((long double)fixed[i] + 2) / 4);
    }
    const long double mean = sum / (long double)n, mean_h = sum_h / (long double)n;
    for (size_t i = 0; i < n; i++) {
        const long double d = (long double)fixed[i] - mean;
        const long double h = floorl(((long double)fixed[i] + 2) / 4) - mean_h;
        c2 += d * d;
        h2 += h * h;
        h3 += h * h * h;
        h4 += h * h * h * h;
    }
    const struct dg_moment_values got = dg_moments_values(&m, origin, unit);
    const long double count = (long double)n;
    const long double offset = mean * (long double)unit;
    /* Where origin and offset cancel, the rounding of each stays. */
    CHECK_ABS(got.mean, (double)((long double)origin + offset),
              1e-15 * (fabs(origin) + fabs((double)offset)));
    CHECK_REL(got.variance, (double)(c2 / count * (long double)unit * (long double)unit), 1e-12);
    CHECK_REL(got.sd, sqrt(got.variance), 1e-12);
    if (h2 > 0 && m.n_clamped == 0) {
        const double skew = (double)(sqrtl(count) * h3 / (h2 * sqrtl(h2)));
        CHECK_ABS(got.skewness, skew, 1e-9 * (1.0 + fabs(skew)));
        CHECK_REL(got.kurtosis + 3.0, (double)(count * h4 / (h2 * h2)), 1e-9);
    }
}

static void moments_are_those_of_the_values(void)
{
    enum { N = 2500 };
    static double x[N];
    for (int kind = 0; kind < 9; kind++) {
        const struct dg_binning b = sample_binning(kind, 5000, &DG_BINNING_DEFAULTS);
        struct dg_prepared p = {0};
        sample_fill(kind, x, N);
        must(dg_prepare(&p, &b, -(double)INFINITY, (double)INFINITY, x, N));
        for (size_t i = 0; i < N; i++) {
            CHECK(p.fixed[i] == dg_binning_fixed(&b, x[i]));
            CHECK_INT(p.cell[i], dg_sketch_cell(x[i]));
        }
        check_moments(p.fixed, N, b.origin, b.unit);
        dg_prepared_deinit(&p);
    }
    /* Far from the origin and narrow: this is where sums of powers cancel. */
    int64_t fixed[N];
    for (size_t i = 0; i < N; i++) {
        fixed[i] = (INT64_C(1) << 33) + (int64_t)(check_random() % 9);
    }
    check_moments(fixed, N, -1.0, 0x1p-20);
    for (size_t i = 0; i < N; i++) {
        fixed[i] = (INT64_C(100) << 20) + (int64_t)(check_normal() * 0x1p20);
    }
    check_moments(fixed, N, 3.0, 0x1p-20);
}

static void histogram_and_extremes_are_those_of_the_values(void)
{
    enum { N = 2000 };
    static double x[N];
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        const struct dg_binning b = sample_binning(kind, 3000, &DG_BINNING_DEFAULTS);
        struct dg_prepared p = {0};
        struct dg_numeric s;
        dg_numeric_init(&s, &b);
        sample_fill(kind, x, N);
        must(dg_prepare(&p, &b, -1e9, 1e9, x, N));
        must(dg_numeric_add(&s, &p, NULL, N));
        uint64_t count[DG_BINS_MAX] = {0}, triage[DG_TRIAGE_KINDS] = {0};
        dg_i128 sum[DG_BINS_MAX] = {0};
        double min = (double)INFINITY, max = -(double)INFINITY;
        for (size_t i = 0; i < N; i++) {
            enum dg_triage t = dg_triage_of(x[i]);
            if (t == DG_FINITE && fabs(x[i]) > 1e9) {
                t = DG_OUT_OF_RANGE;
            }
            triage[t]++;
            if (t == DG_FINITE) {
                const uint32_t j = naive_find(&b, x[i]);
                count[j]++;
                sum[j] += dg_binning_fixed(&b, x[i]);
                min = fmin(min, x[i]);
                max = fmax(max, x[i]);
            }
        }
        CHECK(memcmp(count, s.count, sizeof count) == 0 && memcmp(sum, s.sum, sizeof sum) == 0);
        CHECK(memcmp(triage, s.triage, sizeof triage) == 0);
        CHECK(s.min == min && s.max == max);
        dg_numeric_deinit(&s);
        dg_prepared_deinit(&p);
    }
}

static void a_quantile_is_within_its_bound_of_the_order_statistic(void)
{
    enum { N = 4001 };
    static double x[N];
    static int32_t cell[N];
    for (int kind = 0; kind < 9; kind++) {
        struct dg_sketch s = {0};
        const size_t n = kind == 8 ? 3 : N;
        for (size_t i = 0; i < n; i++) {
            x[i] = kind == 6 ? check_normal() * 1e-9 : sample_value(kind);
        }
        dg_sketch_cell_all(x, n, cell);
        must(dg_sketch_add(&s, cell, n));
        for (uint32_t lost = 0; lost <= DG_SKETCH_SUB_BITS; lost++) {
            qsort(x, n, sizeof x[0], sample_ascending);
            const double bound = 1.0 / (double)((2U << dg_sketch_sub_bits(&s)) + 1);
            for (int i = 0; i <= 200; i++) {
                const double q = i / 200.0, at = ceil(q * (double)n);
                const double want = x[at < 1 ? 0 : (size_t)at - 1];
                double got;
                must(dg_sketch_quantile(&s, q, x[0], x[n - 1], &got));
                CHECK_ABS(got, want, bound * (1 + 1e-15) * fabs(want) + 0x1p-40);
            }
            /* A coarser empty sketch coarsens by merging, without changing any count. */
            struct dg_sketch coarser = {.coarse = lost};
            must(dg_sketch_merge(&s, &coarser));
            CHECK_INT(s.coarse, lost);
        }
        dg_sketch_deinit(&s);
    }
}

static void cells_are_the_histogram_in_order(void)
{
    enum { N = 3000 };
    static double x[N];
    static int32_t cell[N];
    struct dg_sketch s = {0};
    sample_fill(0, x, N);
    dg_sketch_cell_all(x, N, cell);
    must(dg_sketch_add(&s, cell, N));
    qsort(x, N, sizeof x[0], sample_ascending);
    struct dg_sketch_cell_view *view = calloc(N, sizeof *view);
    const size_t n = dg_sketch_cells(&s, view, N);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t count = 0;
        while (at < N && x[at] <= view[i].upper) {
            at++;
            count++;
        }
        CHECK(count == view[i].count && count > 0);
        CHECK(i == 0 || view[i - 1].upper < view[i].value);
    }
    CHECK_INT(at, N);
    free(view);
    dg_sketch_deinit(&s);
}

static void distinct_counts_are_within_four_standard_errors(void)
{
    struct dg_hll h = {0};
    uint64_t added = 0;
    for (uint64_t n = 1; n <= 1000000; n = n * 2 + 1) {
        for (; added < n; added++) {
            must(dg_hll_add(&h, check_random()));
        }
        const double estimate = dg_hll_estimate(&h);
        /* Few values: two may share a register, which is one value less. */
        CHECK_ABS(estimate, (double)n, 4 * 0.01625 * (double)n + 1.1);
    }
    memset(h.reg, 53, DG_HLL_REGISTERS); /* every register at its greatest rank */
    CHECK(!isnan(dg_hll_estimate(&h)) && dg_hll_estimate(&h) > 1e18);
    dg_hll_deinit(&h);
}

/* The keys of least hash, by sorting all of them. */
static int by_hash(const void *a, const void *b)
{
    const struct dg_keyed *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static void the_unlisted_map_keeps_exact_counts_of_the_keys_of_least_hash(void)
{
    struct sample_texts t = sample_texts(50000, 20000);
    struct dg_keyed *all = calloc(t.keys, sizeof *all);
    char(*buffer)[DG_KEY_MAX] = calloc(t.keys, sizeof *buffer);
    uint64_t total = 0;
    for (size_t i = 0; i < t.keys; i++) {
        all[i] = dg_key_of(t.name[i], strlen(t.name[i]), buffer[i]);
    }
    struct dg_coded p = {0};
    struct dg_category s = {0};
    must(dg_code(&p, NULL, NULL, t.text, t.n));
    for (size_t i = 0; i < t.n; i++) {
        if (t.text[i].triage == DG_FINITE) {
            all[(size_t)(t.text[i].bytes - t.name[0]) / sizeof t.name[0]].count++;
            total++;
        }
    }
    for (uint32_t i = 0; i < t.n; i += 100) {
        uint32_t row[100];
        for (uint32_t k = 0; k < 100; k++) {
            row[k] = i + k;
        }
        must(dg_category_add(&s, &p, row, 100));
    }
    size_t seen = 0;
    for (size_t i = 0; i < t.keys; i++) {
        if (all[i].count > 0) {
            all[seen++] = all[i];
        }
    }
    qsort(all, seen, sizeof all[0], by_hash);
    CHECK(seen > 2 * DG_UNLISTED_MAX);
    const struct dg_keyed *kept;
    size_t n, at = 0;
    uint64_t dropped, kept_total = 0;
    must(dg_category_unlisted(&s, &kept, &n, &dropped));
    CHECK_INT(n, DG_UNLISTED_MAX);
    struct dg_keyed *sorted = calloc(n, sizeof *sorted);
    memcpy(sorted, kept, n * sizeof *sorted);
    qsort(sorted, n, sizeof sorted[0], by_hash);
    for (; at < n; at++) {
        CHECK(sorted[at].hash == all[at].hash && sorted[at].count == all[at].count &&
              sorted[at].len == all[at].len &&
              memcmp(sorted[at].key, all[at].key, all[at].len) == 0);
        kept_total += sorted[at].count;
    }
    CHECK_INT(dropped, total - kept_total);
    CHECK_REL(dg_hll_estimate(&s.distinct), (double)seen, 0.065);
    free(sorted);
    free(all);
    free(buffer);
    dg_category_deinit(&s);
    dg_coded_deinit(&p);
    sample_texts_free(&t);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(the_bin_of_a_value_is_that_of_linear_search),
                      CASE(a_heavy_cell_shares_its_bin_with_nothing_beside_it),
                      CASE(what_leaves_an_atom_for_a_gap_leaves_its_group),
                      CASE(references_full_of_atoms_still_fit),
                      CASE(moments_are_those_of_the_values),
                      CASE(histogram_and_extremes_are_those_of_the_values),
                      CASE(a_quantile_is_within_its_bound_of_the_order_statistic),
                      CASE(cells_are_the_histogram_in_order),
                      CASE(distinct_counts_are_within_four_standard_errors),
                      CASE(the_unlisted_map_keeps_exact_counts_of_the_keys_of_least_hash));
}
