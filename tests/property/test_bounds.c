/* Goal: the intervals given for the Kolmogorov-Smirnov and the Wasserstein distance of binned data
 * contain those of the raw data, always. Method: random samples of many shapes, binned by random
 * edges, against distances computed naively from the sorted raw values. */
#include "stats/ks.h"
#include "stats/wasserstein.h"

#include "tests/binned_sample.h"
#include "tests/check.h"

#define SIZE_MAX_ 3000

static double ref_x[SIZE_MAX_], cur_x[SIZE_MAX_];
static struct dg_binning bins;
static struct binned_sample ref, cur;

struct distances {
    double ks, w1;
};

/* Both from one walk over the sorted samples. */
static struct distances naive(const double a[], size_t m, const double b[], size_t n)
{
    struct distances d = {0};
    size_t i = 0;
    size_t j = 0;
    double last = 0.0;
    while (i < m || j < n) {
        const double x = j == n || (i < m && a[i] <= b[j]) ? a[i] : b[j];
        const double gap = fabs((double)i / (double)m - (double)j / (double)n);
        d.w1 += i + j > 0 ? gap * (x - last) : 0.0;
        while (i < m && a[i] == x) {
            i++;
        }
        while (j < n && b[j] == x) {
            j++;
        }
        d.ks = fmax(d.ks, fabs((double)i / (double)m - (double)j / (double)n));
        last = x;
    }
    return d;
}

static double draw(int shape, double shift, double scale)
{
    const double z = check_normal();
    const double u = check_uniform();
    switch (shape) {
    case 0:
        return shift + scale * u;
    case 1:
        return shift + scale * z;
    case 2:
        return scale * exp(2.0 * z) + shift; /* very heavy tail */
    case 3:
        return u < 0.4 ? 0.0 : shift + scale * fabs(z); /* an atom */
    case 4:
        return floor(3.0 * scale * u * u + 2.0 * shift); /* integers */
    default:
        return u < 0.02 ? 1e5 * z : shift + scale * z; /* outliers */
    }
}

/* Edges: quantiles of the reference, some of them points, or (one time in four) anywhere. */
static void random_bins(size_t m)
{
    double edges[DG_BINS_MAX];
    const size_t k = 1 + check_random() % 200;
    size_t used = sample_quantile_edges(ref_x, m, k, edges);
    if (check_random() % 4 == 0) {
        for (size_t i = 0; i < used; i++) {
            edges[i] = ref_x[check_random() % m] + (check_uniform() - 0.5);
        }
        sample_sort(edges, used);
    }
    double split[DG_BINS_MAX];
    size_t out = 0;
    for (size_t i = 0; i < used && out + 2 < DG_BINS_MAX; i++) {
        const double before = nextafter(edges[i], -(double)INFINITY);
        if (i % 3 == 0 && (out == 0 || before > split[out - 1])) {
            split[out++] = before;
        }
        if (out == 0 || edges[i] > split[out - 1]) {
            split[out++] = edges[i];
        }
    }
    sample_binning(&bins, split, out, 10, ref_x[m / 2], ldexp(1.0, -20));
}

/* The library's own bins, as evaluation uses them. */
static void built_bins(size_t m)
{
    static struct dg_weighted v[SIZE_MAX_];
    size_t distinct = 0;
    for (size_t i = 0; i < m; i++) {
        if (distinct == 0 || ref_x[i] > v[distinct - 1].value) {
            v[distinct++] = (struct dg_weighted){.value = ref_x[i]};
        }
        v[distinct - 1].count++;
    }
    const struct dg_binning_options o = DG_BINNING_DEFAULTS;
    CHECK_INT(dg_binning_build(v, distinct, &o, &bins), 0);
}

static void widest_share(double *ks_limit)
{
    *ks_limit = 0.0;
    for (uint32_t j = 0; j < bins.n_bins; j++) {
        if (!bins.is_point[j]) {
            const double a = (double)ref.count[j] / (double)ref.view.n;
            const double b = (double)cur.count[j] / (double)cur.view.n;
            *ks_limit = fmax(*ks_limit, fmin(a, b));
        }
    }
}

static void check_round(int shape, bool built)
{
    const size_t m = 1 + check_random() % SIZE_MAX_;
    const size_t n = 1 + check_random() % (check_random() % 2 ? SIZE_MAX_ : 50);
    const double shift = check_random() % 2 ? 0.0 : check_normal();
    for (size_t i = 0; i < m; i++) {
        ref_x[i] = draw(shape, 0.0, 1.0);
    }
    for (size_t i = 0; i < n; i++) {
        cur_x[i] = draw(shape, shift, 0.5 + check_uniform());
    }
    sample_sort(ref_x, m);
    sample_sort(cur_x, n);
    if (built) {
        built_bins(m);
    } else {
        random_bins(m);
    }
    sample_bin(&bins, ref_x, m, &ref);
    sample_bin(&bins, cur_x, n, &cur);
    const struct distances raw = naive(ref_x, m, cur_x, n);
    struct dg_ks ks;
    dg_ks(&bins, &ref.view, &cur.view, 1.0, &ks);
    double limit;
    widest_share(&limit);
    CHECK(ks.low <= raw.ks + 1e-12);
    CHECK(raw.ks <= ks.high + 1e-12);
    CHECK(ks.high - ks.low <= limit + 1e-12);
    const double slack = 1e-10 * (1.0 + raw.w1);
    for (int known = 1; known >= 0; known--) {
        if (!known) {
            ref.view.sum = NULL;
        }
        struct dg_wasserstein w;
        CHECK_INT(dg_wasserstein(&bins, &ref.view, &cur.view, &w), 0);
        CHECK(w.low <= raw.w1 + slack);
        CHECK(raw.w1 <= w.high + slack);
        CHECK(w.low <= w.w1 && w.w1 <= w.high);
        CHECK(w.rank >= 0.0 && w.rank <= 0.5 + 1e-12);
    }
}

static void intervals_hold_for_uniform_samples(void)
{
    for (int i = 0; i < 300; i++) {
        check_round(0, false);
    }
}

static void intervals_hold_for_normal_samples(void)
{
    for (int i = 0; i < 300; i++) {
        check_round(1, false);
    }
}

static void intervals_hold_for_very_heavy_tails(void)
{
    for (int i = 0; i < 300; i++) {
        check_round(2, false);
    }
}

static void intervals_hold_with_an_atom(void)
{
    for (int i = 0; i < 300; i++) {
        check_round(3, false);
    }
}

static void intervals_hold_for_integers(void)
{
    for (int i = 0; i < 300; i++) {
        check_round(4, false);
    }
}

static void intervals_hold_with_outliers(void)
{
    for (int i = 0; i < 300; i++) {
        check_round(5, false);
    }
}

static void intervals_hold_on_built_bins(void)
{
    for (int i = 0; i < 600; i++) {
        check_round(i % 6, true);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(intervals_hold_for_uniform_samples),
                      CASE(intervals_hold_for_normal_samples),
                      CASE(intervals_hold_for_very_heavy_tails), CASE(intervals_hold_with_an_atom),
                      CASE(intervals_hold_for_integers), CASE(intervals_hold_with_outliers),
                      CASE(intervals_hold_on_built_bins));
}
