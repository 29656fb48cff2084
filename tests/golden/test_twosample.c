/* Goal: the statistics of two samples agree with scipy's to 1e-9 relative or better. Method: tables
 * from twosample.py. Raw samples go into bins that hold one distinct value each, where every binned
 * statistic must equal the raw one. */
#include "stats/anderson_darling.h"
#include "stats/cells.h"
#include "stats/cramer_von_mises.h"
#include "stats/divergence.h"
#include "stats/drift.h"
#include "stats/ks.h"
#include "stats/multiple.h"
#include "stats/proportion.h"
#include "stats/psi.h"
#include "stats/spike.h"
#include "stats/wasserstein.h"

#include "tests/binned_sample.h"
#include "tests/check.h"
#include "tests/golden/twosample.inc"

#define LENGTH(a) (sizeof(a) / sizeof *(a))
#define RAW(name)                                                                                  \
    check_raw(name##_ref, LENGTH(name##_ref), name##_cur, LENGTH(name##_cur), name##_want)
#define TABLE(name) check_table(name##_ref, name##_cur, LENGTH(name##_ref), name##_want)

static void check_raw(const double r[], size_t m, const double c[], size_t n, const double want[])
{
    static struct dg_binning bins;
    static struct binned_sample ref, cur;
    double pooled[400 + 400];
    double edges[DG_BINS_MAX];
    size_t used = 0;
    memcpy(pooled, r, m * sizeof *r);
    memcpy(pooled + m, c, n * sizeof *c);
    sample_sort(pooled, m + n);
    for (size_t i = 0; i < m + n; i++) {
        if (used == 0 || pooled[i] > edges[used - 1]) {
            edges[used++] = pooled[i];
        }
    }
    sample_binning(&bins, edges, used, 10, 0.0, 0x1p-12);
    for (size_t j = 0; j < used; j++) {
        bins.is_point[j] = true; /* no other value occurs */
    }
    sample_bin(&bins, r, m, &ref);
    sample_bin(&bins, c, n, &cur);
    struct dg_ks ks;
    dg_ks(&bins, &ref.view, &cur.view, 1.0, &ks);
    CHECK_REL(ks.low, want[0], 1e-13);
    CHECK_REL(ks.high, want[0], 1e-13);
    CHECK_REL(ks.p, want[1], 1e-11);
    struct dg_wasserstein w;
    CHECK_INT(dg_wasserstein(&bins, &ref.view, &cur.view, &w), 0);
    CHECK_REL(w.w1, want[2], 1e-12);
    CHECK_ABS(w.low, want[2], 0x1.01p-12); /* one unit each way */
    CHECK_ABS(w.high, want[2], 0x1.01p-12);
    struct dg_ad ad;
    dg_anderson_darling(&bins, &ref.view, &cur.view, 1.0, &ad);
    CHECK_REL(ad.a2, want[3], 1e-11);
    if (want[4] >= 0.0) {
        struct dg_cvm cvm;
        dg_cramer_von_mises(&bins, &ref.view, &cur.view, 1.0, &cvm);
        CHECK_REL(cvm.t, want[4], 1e-11);
        CHECK_REL(cvm.p, want[5], 1e-10);
    }
}

static void raw_samples(void)
{
    RAW(normal);
    RAW(skewed);
    RAW(tied);
    RAW(zeros);
    RAW(apart);
}

static void check_table(const uint64_t r[], const uint64_t c[], size_t cells, const double want[])
{
    const struct dg_drift_options o = {.deff = 1.0};
    struct dg_drift d;
    CHECK_INT(dg_drift_category(r, c, cells, false, 0, &o, &d), 0);
    CHECK(!(d.flags & DG_FLAG_POOLED));
    CHECK_REL(d.psi, want[0], 1e-12);
    CHECK_REL(d.kl, want[1], 1e-11);
    CHECK_REL(d.js, want[2], 1e-11);
    CHECK_REL(d.hellinger, want[3], 1e-12);
    CHECK_REL(d.tv, want[4], 1e-12);
    CHECK_REL(d.chi2, want[5], 1e-12);
    CHECK_REL(d.chi2_p, want[6], 1e-10);
    CHECK_REL(d.g, want[7], 1e-11);
    CHECK_REL(d.g_p, want[8], 1e-10);
    CHECK_REL(d.cramers_v, want[9], 1e-12);
    CHECK_REL(d.psi_p, want[10], 1e-10);
    CHECK_REL(d.js_p, want[11], 1e-10);
    CHECK_ABS(d.psi_adjusted, want[12], 1e-13);
    const double scale = 1.0 / (double)d.n + 1.0 / (double)d.m;
    CHECK_REL(dg_psi_threshold(0.001, scale, (double)cells - 1.0), want[13], 1e-11);
}

static void counts_over_cells(void)
{
    TABLE(ten);
    TABLE(moved);
    TABLE(two);
    TABLE(gone);
}

static void spikes(void)
{
    const size_t cells = LENGTH(spike_ref) / LENGTH(spike_want);
    for (size_t i = 0; i < LENGTH(spike_want); i++) {
        struct dg_spike s;
        dg_spike(spike_ref + i * cells, spike_cur + i * cells, cells, 1.0, &s);
        CHECK_REL(s.p, spike_want[i], 1e-9);
    }
}

static void false_discoveries(void)
{
    double adjusted[LENGTH(family_p)];
    size_t scratch[LENGTH(family_p)];
    dg_adjust_bh(family_p, LENGTH(family_p), scratch, adjusted);
    for (size_t i = 0; i < LENGTH(family_p); i++) {
        CHECK_REL(adjusted[i], family_bh[i], 1e-13);
    }
    dg_adjust_by(family_p, LENGTH(family_p), scratch, adjusted);
    for (size_t i = 0; i < LENGTH(family_p); i++) {
        CHECK_REL(adjusted[i], family_by[i], 1e-13);
    }
}

static void shares(void)
{
    for (size_t i = 0; i < LENGTH(wilson); i += 5) {
        double low;
        double high;
        dg_wilson((uint64_t)wilson[i], (uint64_t)wilson[i + 1], wilson[i + 2], &low, &high);
        CHECK_ABS(low, wilson[i + 3], 1e-14);
        CHECK_ABS(high, wilson[i + 4], 1e-14);
    }
    for (size_t i = 0; i < LENGTH(new_category); i += 5) {
        const double *r = new_category + i;
        CHECK_REL(
            dg_new_category_p((uint64_t)r[0], (uint64_t)r[1], (uint64_t)r[2], (uint64_t)r[3], 1.0),
            r[4], 1e-10);
    }
    for (size_t i = 0; i < LENGTH(range); i += 4) {
        const double *r = range + i;
        CHECK_REL(dg_range_p((uint64_t)r[0], (uint64_t)r[1], (uint64_t)r[2], 1.0), r[3], 1e-10);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(raw_samples), CASE(counts_over_cells), CASE(spikes),
                      CASE(false_discoveries), CASE(shares));
}
