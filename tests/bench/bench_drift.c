/* What evaluating one series and window costs, by group of statistics: a numeric series of 200 bins
 * against a reference of 100,000 values. Usage: bench_drift [repetitions=2000] [values=5000]. */
#include "stats/anderson_darling.h"
#include "stats/chisq.h"
#include "stats/cramer_von_mises.h"
#include "stats/divergence.h"
#include "stats/drift.h"
#include "stats/ks.h"
#include "stats/numeric.h"
#include "stats/psi.h"
#include "stats/wasserstein.h"
#include "tests/check.h"

#include <time.h>

enum { REFERENCE = 100000, PANES = 6, QUANTILES = 9 };

struct bench {
    struct dg_binning binning;
    struct dg_numeric reference, current;
    struct dg_binned reference_bins, current_bins;
    struct dg_cells cells;
    struct dg_bytes pane[PANES];
    struct dg_numeric merged;
};

static volatile double keep;
static int repetitions = 2000;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(int rc)
{
    if (rc != 0) {
        fprintf(stderr, "bench_drift: error %d\n", rc);
        exit(1);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void count(struct dg_numeric *s, const double x[], size_t n)
{
    struct dg_prepared p = {0};
    must(dg_prepare(&p, s->binning, (double)-INFINITY, (double)INFINITY, x, n));
    must(dg_numeric_add(s, &p, NULL, n));
    dg_prepared_deinit(&p);
}

static struct dg_binned bins_of(const struct dg_numeric *s)
{
    return (struct dg_binned){s->moments.n, s->count, s->sum, s->min, s->max};
}

static void fill(struct bench *b, size_t values)
{
    double *x = malloc(REFERENCE * sizeof *x);
    struct dg_weighted *v = malloc(REFERENCE * sizeof *v);
    if (x == NULL || v == NULL || values > REFERENCE) {
        exit(1);
    }
    for (size_t i = 0; i < REFERENCE; i++) {
        x[i] = check_normal();
    }
    qsort(x, REFERENCE, sizeof *x, ascending);
    for (size_t i = 0; i < REFERENCE; i++) {
        v[i] = (struct dg_weighted){x[i], 1};
    }
    must(dg_binning_build(v, REFERENCE, &DG_BINNING_DEFAULTS, &b->binning));
    dg_numeric_init(&b->reference, &b->binning);
    dg_numeric_init(&b->current, &b->binning);
    dg_numeric_init(&b->merged, &b->binning);
    count(&b->reference, x, REFERENCE);
    for (size_t k = 0; k < PANES; k++) {
        struct dg_numeric pane;
        dg_numeric_init(&pane, &b->binning);
        for (size_t i = 0; i < values / PANES; i++) {
            x[i] = 0.05 + check_normal();
        }
        count(&pane, x, values / PANES);
        dg_numeric_encode(&pane, &b->pane[k]);
        must(dg_numeric_merge(&b->current, &pane));
        dg_numeric_deinit(&pane);
    }
    b->reference_bins = bins_of(&b->reference);
    b->current_bins = bins_of(&b->current);
    double reference[DG_BINS_MAX] = {0}, current[DG_BINS_MAX] = {0};
    for (uint32_t j = 0; j < b->binning.n_bins; j++) {
        reference[b->binning.group[j]] += (double)b->reference.count[j];
        current[b->binning.group[j]] += (double)b->current.count[j];
    }
    for (uint32_t g = 0; g < b->binning.n_groups; g++) {
        dg_cells_add(&b->cells, reference[g], current[g]);
    }
    free(x);
    free(v);
}

static void decode_panes(struct bench *b)
{
    dg_numeric_reset(&b->merged);
    for (size_t k = 0; k < PANES; k++) {
        must(dg_numeric_add_encoded(&b->merged, b->pane[k].data, b->pane[k].len));
    }
}

static void moments(struct bench *b)
{
    keep += dg_numeric_moments(&b->current).skewness;
}

static void quantiles(struct bench *b)
{
    double q[QUANTILES], x[QUANTILES];
    for (int i = 0; i < QUANTILES; i++) {
        q[i] = (double)(i + 1) / (QUANTILES + 1);
    }
    must(dg_sketch_quantiles(&b->current.sketch, q, QUANTILES, b->current.min, b->current.max, x));
    keep += x[0] + x[QUANTILES - 1];
}

static double scale_of(const struct bench *b)
{
    return 1.0 / b->cells.n + 1.0 / b->cells.m;
}

static void psi(struct bench *b)
{
    double p[DG_CELLS_MAX], q[DG_CELLS_MAX];
    dg_cells_shares(&b->cells, DG_CELL_PRIOR, p, q);
    const double x = dg_psi(p, q, b->cells.cells), df = (double)b->cells.cells - 1;
    keep += dg_psi_p(x, scale_of(b), df) + dg_psi_adjusted(x, scale_of(b), df);
}

static void psi_interval(struct bench *b)
{
    double p[DG_CELLS_MAX], q[DG_CELLS_MAX], low, high;
    dg_cells_shares(&b->cells, DG_CELL_PRIOR, p, q);
    dg_psi_interval(dg_psi(p, q, b->cells.cells), scale_of(b), (double)b->cells.cells - 1, &low,
                    &high);
    keep += low + high;
}

static void divergences(struct bench *b)
{
    double p[DG_CELLS_MAX], q[DG_CELLS_MAX];
    const size_t n = b->cells.cells;
    dg_cells_shares(&b->cells, DG_CELL_PRIOR, p, q);
    const double js = dg_js_distance(p, q, n);
    keep += js + dg_hellinger(p, q, n) + dg_kl(p, q, n) + dg_total_variation(p, q, n) +
            dg_js_p(js, scale_of(b), (double)n - 1);
}

static void chi_square(struct bench *b)
{
    struct dg_chisq out;
    dg_chisq(&b->cells, 1.0, &out);
    keep += out.x2_p + out.g_p;
}

static void ks(struct bench *b)
{
    struct dg_ks out;
    dg_ks(&b->binning, &b->reference_bins, &b->current_bins, 1.0, &out);
    keep += out.p;
}

static void wasserstein(struct bench *b)
{
    struct dg_wasserstein out;
    must(dg_wasserstein(&b->binning, &b->reference_bins, &b->current_bins, &out));
    keep += out.w1;
}

static void cvm(struct bench *b)
{
    struct dg_cvm out;
    dg_cramer_von_mises(&b->binning, &b->reference_bins, &b->current_bins, 1.0, &out);
    keep += out.p;
}

static void anderson_darling(struct bench *b)
{
    struct dg_ad out;
    dg_anderson_darling(&b->binning, &b->reference_bins, &b->current_bins, 1.0, &out);
    keep += out.p;
}

static void all_drift(struct bench *b)
{
    struct dg_drift out;
    const struct dg_drift_options how = {.deff = 1.0, .reference_sd = 1.0};
    must(dg_drift_numeric(&b->binning, &b->reference_bins, &b->current_bins, &how, &out));
    keep += out.p;
}

/* The median of the repetitions. */
static double cost(void (*step)(struct bench *), struct bench *b)
{
    double *took = malloc((size_t)repetitions * sizeof *took);
    if (took == NULL) {
        exit(1);
    }
    for (int i = 0; i < repetitions; i++) {
        const double start = now_ns();
        step(b);
        took[i] = now_ns() - start;
    }
    qsort(took, (size_t)repetitions, sizeof *took, ascending);
    const double median = took[repetitions / 2];
    free(took);
    return median;
}

static void nothing(struct bench *b)
{
    (void)b;
}

int main(int argc, char **argv)
{
    repetitions = argc > 1 && atoi(argv[1]) > 0 ? atoi(argv[1]) : repetitions;
    const size_t values = argc > 2 ? strtoull(argv[2], NULL, 10) : 5000;
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return 1;
    }
    check_random_state = 1;
    fill(b, values);
    static const struct {
        const char *name;
        void (*step)(struct bench *);
    } line[] = {{"decode and merge 6 panes", decode_panes},
                {"mean, sd, skewness, kurtosis", moments},
                {"nine quantiles", quantiles},
                {"PSI, adjusted, p", psi},
                {"PSI interval", psi_interval},
                {"JS, Hellinger, KL, TV, p", divergences},
                {"chi-square, G, Cramer's V, p", chi_square},
                {"KS with bounds, p", ks},
                {"Wasserstein with bounds", wasserstein},
                {"Cramer-von Mises, p", cvm},
                {"Anderson-Darling, p", anderson_darling},
                {"all of a comparison at once", all_drift}};
    const double clock = cost(nothing, b);
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        printf("%-30s %8.0f ns\n", line[i].name, cost(line[i].step, b) - clock);
    }
    for (size_t k = 0; k < PANES; k++) {
        dg_bytes_deinit(&b->pane[k]);
    }
    dg_numeric_deinit(&b->reference);
    dg_numeric_deinit(&b->current);
    dg_numeric_deinit(&b->merged);
    free(b);
    return 0;
}
