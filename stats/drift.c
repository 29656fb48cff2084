#include "stats/drift.h"

#include "stats/anderson_darling.h"
#include "stats/cells.h"
#include "stats/chisq.h"
#include "stats/cramer_von_mises.h"
#include "stats/divergence.h"
#include "stats/ks.h"
#include "stats/proportion.h"
#include "stats/psi.h"
#include "stats/spike.h"
#include "stats/wasserstein.h"

#include <errno.h>
#include <math.h>

/* Of the reference in one bin: Anderson-Darling is then anti-conservative. */
#define ATOM_SHARE 0.1

const struct dg_drift dg_drift_undefined = {
    .psi = NAN,
    .psi_adjusted = NAN,
    .psi_low = NAN,
    .psi_high = NAN,
    .psi_p = NAN,
    .ks = NAN,
    .ks_high = NAN,
    .ks_p = NAN,
    .js = NAN,
    .js_p = NAN,
    .hellinger = NAN,
    .kl = NAN,
    .tv = NAN,
    .linf = NAN,
    .linf_p = NAN,
    .chi2 = NAN,
    .chi2_p = NAN,
    .g = NAN,
    .g_p = NAN,
    .cramers_v = NAN,
    .w1 = NAN,
    .w1_low = NAN,
    .w1_high = NAN,
    .w1_normed = NAN,
    .w1_rank = NAN,
    .cvm = NAN,
    .cvm_p = NAN,
    .ad = NAN,
    .ad_p = NAN,
    .range_p = NAN,
    .new_p = NAN,
    .null_p = NAN,
    .p = NAN,
};

/* Values over all cells; tests and their degrees of freedom over the pooled ones. `effect` has the
 * counts whose PSI is reported, `pooled` those that are tested. */
static void compare_cells(const struct dg_cells *effect, const struct dg_cells *plain,
                          const struct dg_cells *pooled, double deff, struct dg_drift *out)
{
    double p[DG_CELLS_MAX];
    double q[DG_CELLS_MAX];
    const double c = deff * (1.0 / plain->n + 1.0 / plain->m);
    const double df = (double)effect->cells - 1.0;
    dg_cells_shares(effect, DG_CELL_PRIOR, p, q);
    out->psi = dg_psi(p, q, effect->cells);
    out->kl = dg_kl(p, q, effect->cells);
    out->psi_adjusted = dg_psi_adjusted(out->psi, c, df);
    dg_psi_interval(out->psi, c, df, &out->psi_low, &out->psi_high);

    dg_cells_shares(plain, 0.0, p, q);
    out->js = dg_js_distance(p, q, plain->cells);
    out->hellinger = dg_hellinger(p, q, plain->cells);
    out->tv = dg_total_variation(p, q, plain->cells);

    const double pooled_df = (double)pooled->cells - 1.0;
    dg_cells_shares(pooled, DG_CELL_PRIOR, p, q);
    out->psi_p = dg_psi_p(dg_psi(p, q, pooled->cells), c, pooled_df);
    out->psi_df = (uint32_t)(pooled->cells - 1);
    out->js_p = dg_js_p(dg_js_distance(p, q, pooled->cells), c, pooled_df);

    struct dg_chisq chisq;
    dg_chisq(pooled, deff, &chisq);
    out->chi2 = chisq.x2;
    out->chi2_p = chisq.x2_p;
    out->g = chisq.g;
    out->g_p = chisq.g_p;
    out->cramers_v = chisq.v;
}

static void compare_missing(const struct dg_drift_options *o, struct dg_drift *out)
{
    if (o->n_rows > 0 && o->m_rows > 0) {
        out->null_p = dg_proportion_p(o->n_missing, o->n_rows, o->m_missing, o->m_rows, o->deff);
    }
}

/* Bonferroni over the k smallest-first members; one that could not be computed counts as 1. */
static double family_p(const double p[], size_t k, struct dg_drift *out)
{
    double least = 1.0;
    for (size_t i = 0; i < k; i++) {
        if (isnan(p[i])) {
            out->flags |= DG_FLAG_NUMERIC;
        } else {
            least = fmin(least, p[i]);
        }
    }
    return fmin(1.0, (double)k * least);
}

static uint64_t sum_of(const uint64_t count[], size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += count[i];
    }
    return sum;
}

static bool valid_options(const struct dg_drift_options *o)
{
    return o->deff >= 1.0 && isfinite(o->deff) && o->n_missing <= o->n_rows &&
           o->m_missing <= o->m_rows;
}

/* Flags that follow from the reference alone, so that the choice of test is made in advance. */
static unsigned reference_flags(const struct dg_binning *b, const struct dg_binned *reference,
                                double sd)
{
    unsigned flags = 0;
    uint32_t used = 0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        used += reference->count[j] > 0;
        if ((double)reference->count[j] > ATOM_SHARE * (double)reference->n) {
            flags |= DG_FLAG_ATOMS;
        }
    }
    const bool constant = used == 1 && reference->min == reference->max;
    return flags | (constant || !(sd > 0.0) ? DG_FLAG_DEGENERATE : 0u);
}

static void compare_groups(const struct dg_binning *b, const struct dg_binned *reference,
                           const struct dg_binned *current, double deff, struct dg_drift *out)
{
    uint64_t r[DG_BINS_MAX] = {0};
    uint64_t c[DG_BINS_MAX] = {0};
    for (uint32_t j = 0; j < b->n_bins; j++) {
        r[b->group[j]] += reference->count[j];
        c[b->group[j]] += current->count[j];
    }
    struct dg_cells cells = {0};
    for (uint32_t i = 0; i < b->n_groups; i++) {
        dg_cells_add(&cells, (double)r[i], (double)c[i]);
    }
    struct dg_cells pooled = cells;
    if (dg_cells_pool_ordinal(&pooled, deff)) {
        out->flags |= DG_FLAG_POOLED;
    }
    compare_cells(&cells, &cells, &pooled, deff, out);
}

static int compare_bins(const struct dg_binning *b, const struct dg_binned *reference,
                        const struct dg_binned *current, const struct dg_drift_options *o,
                        struct dg_drift *out)
{
    struct dg_wasserstein w;
    const int rc = dg_wasserstein(b, reference, current, &w);
    if (rc != 0) {
        return rc;
    }
    out->w1 = w.w1;
    out->w1_low = w.low;
    out->w1_high = w.high;
    out->w1_rank = w.rank;
    if (o->reference_sd > 0.0) {
        out->w1_normed = w.w1 / o->reference_sd;
    }
    struct dg_ks ks;
    dg_ks(b, reference, current, o->deff, &ks);
    out->ks = ks.low;
    out->ks_high = ks.high;
    out->ks_p = ks.p;
    struct dg_cvm cvm;
    dg_cramer_von_mises(b, reference, current, o->deff, &cvm);
    out->cvm = cvm.t;
    out->cvm_p = cvm.p;
    struct dg_ad ad;
    dg_anderson_darling(b, reference, current, o->deff, &ad);
    out->ad = ad.a2;
    out->ad_p = ad.p;
    struct dg_spike spike;
    dg_spike(reference->count, current->count, b->n_bins, o->deff, &spike);
    out->linf = spike.linf;
    out->linf_p = spike.p;
    return 0;
}

int dg_drift_numeric(const struct dg_binning *b, const struct dg_binned *reference,
                     const struct dg_binned *current, const struct dg_drift_options *options,
                     struct dg_drift *out)
{
    if (!valid_options(options) || options->n_beyond > current->n) {
        return EINVAL;
    }
    if (reference->n == 0 || current->n == 0) {
        return EDOM;
    }
    DG_ASSERT(b->n_bins >= 1 && b->n_bins <= DG_BINS_MAX && b->n_groups <= DG_BINS_MAX);
    DG_ASSERT(reference->n == sum_of(reference->count, b->n_bins));
    DG_ASSERT(current->n == sum_of(current->count, b->n_bins));
    struct dg_drift d = dg_drift_undefined;
    d.n = current->n;
    d.m = reference->n;
    d.flags = reference_flags(b, reference, options->reference_sd);
    const int rc = compare_bins(b, reference, current, options, &d);
    if (rc != 0) {
        return rc;
    }
    compare_groups(b, reference, current, options->deff, &d);
    d.range_p = dg_range_p(options->n_beyond, d.n, d.m, options->deff);
    compare_missing(options, &d);
    const double omnibus = d.flags & DG_FLAG_ATOMS ? d.chi2_p : d.ad_p;
    d.p = family_p((const double[]){omnibus, d.ks_p, d.linf_p}, 3, &d);
    *out = d;
    return 0;
}

/* The pooled cells as whole counts, for the binomial tails. */
static double pooled_spike_p(const struct dg_cells *pooled, double deff)
{
    uint64_t r[DG_CELLS_MAX];
    uint64_t c[DG_CELLS_MAX];
    for (size_t i = 0; i < pooled->cells; i++) {
        r[i] = (uint64_t)pooled->reference[i];
        c[i] = (uint64_t)pooled->current[i];
    }
    struct dg_spike spike;
    dg_spike(r, c, pooled->cells, deff, &spike);
    return spike.p;
}

int dg_drift_category(const uint64_t reference[], const uint64_t current[], size_t cells,
                      bool has_new, uint64_t singletons, const struct dg_drift_options *options,
                      struct dg_drift *out)
{
    if (!valid_options(options) || cells == 0 || cells > DG_CELLS_MAX ||
        (has_new && reference[cells - 1] != 0)) {
        return EINVAL;
    }
    struct dg_drift d = dg_drift_undefined;
    d.n = sum_of(current, cells);
    d.m = sum_of(reference, cells);
    if (d.n == 0 || d.m == 0) {
        return EDOM;
    }
    if (has_new && singletons > d.m) {
        return EINVAL;
    }
    const double deff = options->deff;
    struct dg_cells plain = {0};
    struct dg_cells effect = {0};
    size_t tail = 0; /* `other` and `new`, where they hold anything */
    for (size_t i = 0; i < cells; i++) {
        const bool is_new = has_new && i + 1 == cells;
        tail += has_new && i + 2 >= cells && (reference[i] > 0 || current[i] > 0);
        const double expected_new = is_new ? (double)singletons : 0.0;
        dg_cells_add(&plain, (double)reference[i], (double)current[i]);
        dg_cells_add(&effect, (double)reference[i] + expected_new, (double)current[i]);
    }
    struct dg_cells pooled = plain;
    if (dg_cells_pool_nominal(&pooled, deff, tail)) {
        d.flags |= DG_FLAG_POOLED;
    }
    d.flags |= plain.cells == 1 ? DG_FLAG_DEGENERATE : 0u;
    compare_cells(&effect, &plain, &pooled, deff, &d);
    struct dg_spike spike;
    dg_spike(reference, current, cells, deff, &spike);
    d.linf = spike.linf;
    d.linf_p = pooled_spike_p(&pooled, deff);
    compare_missing(options, &d);
    double family[3] = {d.chi2_p, d.linf_p, 1.0};
    if (has_new) {
        d.new_p = dg_new_category_p(current[cells - 1], d.n, d.m, singletons, deff);
        family[2] = d.new_p;
    }
    d.p = family_p(family, has_new ? 3 : 2, &d);
    *out = d;
    return 0;
}
