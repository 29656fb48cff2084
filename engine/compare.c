#include "engine/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void dg_compare_scratch_deinit(struct dg_compare_scratch *s)
{
    free(s->cell);
    free(s->weighted);
    free(s->below);
    dg_sketch_deinit(&s->aligned[0]);
    dg_sketch_deinit(&s->aligned[1]);
    free(s->keyed_count[0]);
    free(s->keyed_count[1]);
    free(s->key);
    free(s->ranked);
    *s = (struct dg_compare_scratch){0};
}

static const uint64_t *triage_of(const struct dg_state *s)
{
    return s->type == DG_FEATURE_NUMERIC ? s->numeric.triage : s->category.triage;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

/* Rows without a usable value, and rows in all. A value out of range is a value. */
static uint64_t missing_of(const uint64_t triage[DG_TRIAGE_KINDS])
{
    return triage[DG_ABSENT] + triage[DG_NULL] + triage[DG_NAN] + triage[DG_UNPARSABLE];
}

static uint64_t rows_of(const struct dg_state *s)
{
    const uint64_t *t = triage_of(s);
    uint64_t rows = 0;
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        rows += t[i];
    }
    return rows;
}

static int describe_numeric(const struct dg_numeric *s, struct dg_series_row *row,
                            struct dg_error *err)
{
    const struct dg_moment_values m = dg_numeric_moments(s);
    row->mean = m.mean;
    row->sd = m.sd;
    row->skewness = m.skewness;
    row->kurtosis = m.kurtosis;
    if (row->n == 0) {
        return 0;
    }
    row->min = s->min;
    row->max = s->max;
    row->flags |= row->n >= 2 && s->min == s->max ? DG_SERIES_CONSTANT : 0u;
    row->flags |= s->sketch.coarse > 0 ? DG_SERIES_SKETCH_OVERFLOW : 0u;
    const int rc = dg_sketch_quantiles(&s->sketch, dg_quantile_levels, DG_QUANTILES, s->min, s->max,
                                       row->quantile);
    if (rc != 0) {
        return dg_fail(err, rc, "quantiles of %s: the sketch does not hold its %llu values",
                       row->column, (unsigned long long)row->n);
    }
    return 0;
}

int dg_describe(const struct dg_state *current, struct dg_series_row *row, struct dg_error *err)
{
    const uint64_t *t = triage_of(current);
    const uint64_t rows = rows_of(current);
    memcpy(row->triage, t, sizeof row->triage);
    row->n = dg_state_values(current);
    row->mean = row->sd = row->skewness = row->kurtosis = row->min = row->max = NAN;
    row->distinct = NAN;
    for (size_t i = 0; i < DG_QUANTILES; i++) {
        row->quantile[i] = NAN;
    }
    row->completeness = share(rows - missing_of(t), rows);
    row->validity = share(rows - missing_of(t) - t[DG_OUT_OF_RANGE] - t[DG_POS_INF] - t[DG_NEG_INF],
                          rows - missing_of(t));
    row->flags |= rows > 0 && t[DG_ABSENT] == rows ? DG_SERIES_VANISHED : 0u;
    if (current->type == DG_FEATURE_NUMERIC) {
        return describe_numeric(&current->numeric, row, err);
    }
    row->distinct = dg_hll_estimate(&current->category.distinct);
    row->flags |=
        row->n >= 2 && row->distinct > 0.5 && row->distinct < 1.5 ? DG_SERIES_CONSTANT : 0u;
    return 0;
}

static int reserve_cells(struct dg_compare_scratch *s, size_t n)
{
    if (n <= s->cap_cells) {
        return 0;
    }
    struct dg_sketch_cell_view *cell = realloc(s->cell, n * sizeof *cell);
    if (cell == NULL) {
        return ENOMEM;
    }
    s->cell = cell;
    struct dg_weighted *weighted = realloc(s->weighted, n * sizeof *weighted);
    if (weighted == NULL) {
        return ENOMEM;
    }
    s->weighted = weighted;
    double *below = realloc(s->below, n * sizeof *below);
    if (below == NULL) {
        return ENOMEM;
    }
    s->below = below;
    s->cap_cells = n;
    return 0;
}

/* Ascending cells of a sketch into s->cell; *n of them. */
static int read_cells(struct dg_compare_scratch *s, const struct dg_sketch *sketch, size_t *n)
{
    *n = dg_sketch_cells(sketch, NULL, 0);
    if (reserve_cells(s, *n) != 0) {
        return ENOMEM;
    }
    dg_sketch_cells(sketch, s->cell, *n);
    return 0;
}

/* Bins from the reference's sketch cells, and both sketches counted into them. The coarser of the
 * two resolutions serves both, so that every cell lies inside one bin. */
static int bin_sketches(struct dg_compare_scratch *s, const struct dg_sketch *reference,
                        const struct dg_sketch *current)
{
    const struct dg_sketch *sketch[2] = {reference, current};
    const uint32_t coarse =
        reference->coarse > current->coarse ? reference->coarse : current->coarse;
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        if (sketch[i]->coarse != coarse) {
            dg_sketch_reset(&s->aligned[i]);
            s->aligned[i].coarse = coarse;
            if (dg_sketch_merge(&s->aligned[i], sketch[i]) != 0) {
                return ENOMEM;
            }
            sketch[i] = &s->aligned[i];
        }
        if (read_cells(s, sketch[i], &n) != 0) {
            return ENOMEM;
        }
        if (i == 0) {
            const struct dg_binning_options options = {
                .fine_bins = 200, .groups = 10, .below = s->below};
            for (size_t k = 0; k < n; k++) {
                s->weighted[k] = (struct dg_weighted){s->cell[k].upper, s->cell[k].count};
                s->below[k] = s->cell[k].below;
            }
            const int rc = dg_binning_build(s->weighted, n, &options, &s->binning);
            DG_ASSERT(rc == 0);
        }
        memset(s->count[i], 0, sizeof s->count[i]);
        for (size_t k = 0; k < n; k++) {
            s->count[i][dg_binning_find(&s->binning, s->cell[k].upper)] += s->cell[k].count;
        }
    }
    return 0;
}

static uint64_t count_beyond(const struct dg_compare_scratch *s, const struct dg_binning *b,
                             const struct dg_binned *reference, const struct dg_binned *current)
{
    if (b == &s->binning) {
        return 0; /* cells do not resolve the extremes */
    }
    /* Edges stand at the reference's minimum and maximum, so these two bins hold what lies beyond
     * them, and nothing of the reference. */
    const uint32_t last = b->n_bins - 1;
    uint64_t beyond = reference->count[0] == 0 ? current->count[0] : 0;
    beyond += last > 0 && reference->count[last] == 0 ? current->count[last] : 0;
    return beyond;
}

static void keep_top(struct dg_series_row *row, const struct dg_contribution *c)
{
    size_t at = row->n_top;
    while (at > 0 && row->top[at - 1].psi < c->psi) {
        if (at < DG_CONTRIBUTIONS) {
            row->top[at] = row->top[at - 1];
        }
        at--;
    }
    if (at < DG_CONTRIBUTIONS) {
        row->top[at] = *c;
        row->n_top += row->n_top < DG_CONTRIBUTIONS;
    }
}

/* Shares smoothed as PSI smooths them, and the cell's term of it. */
static struct dg_contribution contribution(uint64_t r, uint64_t m, uint64_t c, uint64_t n,
                                           size_t cells)
{
    const double q = ((double)r + 0.5) / ((double)m + 0.5 * (double)cells);
    const double p = ((double)c + 0.5) / ((double)n + 0.5 * (double)cells);
    return (struct dg_contribution){.low = NAN,
                                    .high = NAN,
                                    .reference = share(r, m),
                                    .current = share(c, n),
                                    .psi = (p - q) * log(p / q)};
}

/* Groups that hold anything: PSI leaves the others out. */
static size_t used_groups(const struct dg_binning *b, const struct dg_binned *reference,
                          const struct dg_binned *current)
{
    bool used[DG_BINS_MAX] = {false};
    size_t n = 0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        if (!used[b->group[j]] && reference->count[j] + current->count[j] > 0) {
            used[b->group[j]] = true;
            n++;
        }
    }
    return n;
}

static void numeric_parts(const struct dg_binning *b, const struct dg_binned *reference,
                          const struct dg_binned *current, struct dg_series_row *row)
{
    uint64_t r = 0, c = 0;
    double low = -INFINITY;
    const size_t used = used_groups(b, reference, current);
    for (uint32_t j = 0; j < b->n_bins; j++) {
        r += reference->count[j];
        c += current->count[j];
        if (j + 1 < b->n_bins && b->group[j + 1] == b->group[j]) {
            continue;
        }
        struct dg_contribution part = contribution(r, reference->n, c, current->n, used);
        part.low = low;
        part.high = j + 1 < b->n_bins ? b->edges[j] : (double)INFINITY;
        if (part.psi > 0.0) {
            keep_top(row, &part);
        }
        if (r + c > 0 && row->n_spark < DG_SPARK) {
            row->spark_reference[row->n_spark] = (float)part.reference;
            row->spark_current[row->n_spark++] = (float)part.current;
        }
        low = part.high;
        r = c = 0;
    }
}

static struct dg_drift_options drift_options(const struct dg_state *reference,
                                             const struct dg_state *current)
{
    return (struct dg_drift_options){.deff = 1.0,
                                     .n_missing = missing_of(triage_of(current)),
                                     .m_missing = missing_of(triage_of(reference)),
                                     .n_rows = rows_of(current),
                                     .m_rows = rows_of(reference)};
}

static int compare_numeric(struct dg_compare_scratch *s, const struct dg_state *reference,
                           const struct dg_state *current, struct dg_series_row *row,
                           struct dg_error *err)
{
    const struct dg_numeric *r = &reference->numeric, *c = &current->numeric;
    const struct dg_binning *b = r->binning;
    struct dg_binned rb = {r->triage[DG_FINITE], r->count, r->sum, r->min, r->max};
    struct dg_binned cb = {c->triage[DG_FINITE], c->count, c->sum, c->min, c->max};
    if (b == NULL || b != c->binning) {
        if (bin_sketches(s, &r->sketch, &c->sketch) != 0) {
            return dg_fail_memory(err);
        }
        b = &s->binning;
        rb.count = s->count[0];
        cb.count = s->count[1];
        rb.sum = cb.sum = NULL;
        row->flags |= DG_FLAG_SKETCHED;
    }
    const struct dg_moment_values m = dg_numeric_moments(r);
    row->reference_mean = m.mean;
    row->reference_sd = m.sd;
    struct dg_drift_options options = drift_options(reference, current);
    options.reference_sd = m.sd;
    options.n_beyond = count_beyond(s, b, &rb, &cb);
    numeric_parts(b, &rb, &cb, row);
    const int rc = dg_drift_numeric(b, &rb, &cb, &options, &row->drift);
    return rc == 0 ? 0 : dg_fail(err, rc, "comparing %s failed (%d)", row->column, rc);
}

/* Room for n cells and for ranking so many keys. */
static int reserve_keyed(struct dg_compare_scratch *s, size_t n, size_t ranked)
{
    if (ranked > s->cap_ranked) {
        struct dg_keyed *grown = realloc(s->ranked, ranked * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        s->ranked = grown;
        s->cap_ranked = ranked;
    }
    if (n <= s->cap_keyed) {
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        uint64_t *grown = realloc(s->keyed_count[i], n * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        s->keyed_count[i] = grown;
    }
    const struct dg_keyed **key = realloc(s->key, n * sizeof *key);
    if (key == NULL) {
        return ENOMEM;
    }
    s->key = key;
    s->cap_keyed = n;
    return 0;
}

static int compare_keys(const struct dg_keyed *a, const struct dg_keyed *b)
{
    const int order = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* Cells of two samples that share a dictionary: its entries, other, new. */
static int cells_by_dictionary(struct dg_compare_scratch *s, const struct dg_category *r,
                               const struct dg_category *c, size_t *cells)
{
    const uint32_t k = dg_dictionary_size(r->dictionary);
    if (reserve_keyed(s, k + 2, 0) != 0) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < k + 2; i++) {
        s->keyed_count[0][i] = r->count[i];
        s->keyed_count[1][i] = c->count[i];
        s->key[i] = i < k ? dg_dictionary_entry(r->dictionary, i) : NULL;
    }
    *cells = k + 2;
    return 0;
}

/* By count, most first, then bytes. */
static int compare_counts(const void *x, const void *y)
{
    const struct dg_keyed *a = x, *b = y;
    return a->count != b->count ? (a->count < b->count ? 1 : -1) : compare_keys(a, b);
}

static const struct dg_keyed *find_key(const struct dg_keyed v[], size_t n,
                                       const struct dg_keyed *key)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_keys(&v[middle], key);
        if (order == 0) {
            return &v[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* A state's keys: cells of its dictionary, and the map of those that are not in it. */
struct keyed_view {
    const struct dg_category *state;
    const struct dg_keyed *unlisted; /* [n] ascending by bytes */
    size_t n;
    uint64_t limit; /* of the map: keys of this hash or more were dropped */
};

static int view_keys(const struct dg_category *state, struct keyed_view *out)
{
    uint64_t dropped = 0;
    uint64_t limit = UINT64_MAX;
    const bool limited = dg_category_unlisted_limit(state, &limit);
    *out = (struct keyed_view){.state = state, .limit = limited ? limit : UINT64_MAX};
    return dg_category_unlisted(state, &out->unlisted, &out->n, &dropped);
}

/* How often the state has the key; false if only a sum is known in which it may be. */
static bool count_of(const struct keyed_view *w, const struct dg_keyed *key, uint64_t *count)
{
    const struct dg_dictionary *d = w->state->dictionary;
    const uint32_t code = dg_dictionary_find(d, key->key, key->len, key->hash);
    if (code < dg_dictionary_size(d)) {
        *count = w->state->count[code];
        return true;
    }
    const struct dg_keyed *found = find_key(w->unlisted, w->n, key);
    *count = found != NULL ? found->count : 0;
    return code != dg_dictionary_size(d) && key->hash < w->limit;
}

/* The key at index i of both parts of the view, with its count. */
static struct dg_keyed key_at(const struct keyed_view *w, size_t i)
{
    const uint32_t k = dg_dictionary_size(w->state->dictionary);
    if (i >= k) {
        return w->unlisted[i - k];
    }
    struct dg_keyed key = *dg_dictionary_entry(w->state->dictionary, (uint32_t)i);
    key.count = w->state->count[i];
    return key;
}

static size_t n_keys(const struct keyed_view *w)
{
    return dg_dictionary_size(w->state->dictionary) + w->n;
}

/* An undeclared category is a value as well. */
static uint64_t values_in(const struct dg_category *s)
{
    return s->triage[DG_FINITE] + s->triage[DG_OUT_OF_RANGE];
}

/* Categories that a sample of m like the dictionary's would have once. */
static uint64_t expected_singletons(const struct dg_dictionary *d, uint64_t m)
{
    uint64_t total = dg_dictionary_other(d);
    for (uint32_t i = 0; i < dg_dictionary_size(d); i++) {
        total += dg_dictionary_entry(d, i)->count;
    }
    const uint64_t once = dg_dictionary_singletons(d);
    return total == 0 ? 0 : (uint64_t)(((dg_u128)once * m + total - 1) / total);
}

/* The reference's keys whose count is known on both sides, and how many of them occur once. Ranked
 * by what both samples have: those that the reference alone has most of would seem to get fewer. */
static size_t rank_keys(struct dg_compare_scratch *s, const struct keyed_view *r,
                        const struct keyed_view *c, uint64_t *once)
{
    size_t k = 0;
    *once = 0;
    for (size_t i = 0; i < n_keys(r); i++) {
        uint64_t now = 0, count = 0;
        const struct dg_keyed key = key_at(r, i);
        if (key.count > 0 && count_of(r, &key, &count) && count_of(c, &key, &now)) {
            *once += key.count == 1;
            s->ranked[k] = key;
            s->ranked[k++].count += now;
        }
    }
    if (k > 0) {
        qsort(s->ranked, k, sizeof *s->ranked, compare_counts);
    }
    return k < DG_DICTIONARY_MAX ? k : DG_DICTIONARY_MAX;
}

/* Cells of two samples without a common dictionary: the most frequent of the reference's keys,
 * other, new. What is known on one side only is other. */
static int cells_by_key(struct dg_compare_scratch *s, const struct dg_category *r,
                        const struct dg_category *c, size_t *cells, uint64_t *singletons)
{
    struct keyed_view rv, cv;
    if (view_keys(r, &rv) != 0 || view_keys(c, &cv) != 0 ||
        reserve_keyed(s, DG_DICTIONARY_MAX + 2, n_keys(&rv) + 1) != 0) {
        return ENOMEM;
    }
    uint64_t before = 0, now = 0, c_new = 0;
    for (size_t i = 0; i < n_keys(&cv); i++) {
        const struct dg_keyed key = key_at(&cv, i);
        c_new += count_of(&rv, &key, &before) && before == 0 && key.hash < cv.limit ? key.count : 0;
    }
    const size_t k = rank_keys(s, &rv, &cv, singletons);
    if (r->dictionary != NULL) {
        *singletons = expected_singletons(r->dictionary, values_in(r));
    }
    uint64_t r_other = values_in(r), c_other = values_in(c) - c_new;
    for (size_t i = 0; i < k; i++) {
        (void)count_of(&cv, &s->ranked[i], &now);
        s->key[i] = &s->ranked[i];
        s->keyed_count[0][i] = s->ranked[i].count - now;
        s->keyed_count[1][i] = now;
        r_other -= s->keyed_count[0][i];
        c_other -= now;
    }
    s->key[k] = s->key[k + 1] = NULL;
    s->keyed_count[0][k] = r_other;
    s->keyed_count[1][k] = c_other;
    s->keyed_count[0][k + 1] = 0;
    s->keyed_count[1][k + 1] = c_new;
    *cells = k + 2;
    return 0;
}

/* As many whole characters as fit; `to` is all zero. */
static void copy_text(char *to, size_t size, const struct dg_keyed *key)
{
    size_t n = key->len < size ? key->len : size - 1;
    while (n > 0 && n < key->len && ((unsigned char)key->key[n] & 0xC0) == 0x80) {
        n--;
    }
    memcpy(to, key->key, n);
}

/* As PSI does, count the new cell as if the reference had held so many events of it. */
static void category_parts(const struct dg_compare_scratch *s, size_t cells, uint64_t m, uint64_t n,
                           uint64_t expected_new, struct dg_series_row *row)
{
    size_t used = 0;
    for (size_t i = 0; i < cells; i++) {
        const uint64_t expected = i + 1 == cells ? expected_new : 0;
        used += s->keyed_count[0][i] + s->keyed_count[1][i] + expected > 0;
    }
    for (size_t i = 0; i < cells; i++) {
        const uint64_t expected = i + 1 == cells ? expected_new : 0;
        const uint64_t r = s->keyed_count[0][i], c = s->keyed_count[1][i];
        struct dg_contribution part = contribution(r + expected, m + expected_new, c, n, used);
        part.reference = share(r, m);
        const struct dg_keyed *key = s->key[i];
        if (key != NULL) {
            copy_text(part.category, sizeof part.category, key);
        } else {
            strcpy(part.category, i + 1 == cells ? "(new)" : "(other)");
        }
        if (part.psi > 0.0 && r + expected + c > 0) {
            keep_top(row, &part);
        }
        if (row->n_spark < DG_SPARK) {
            row->spark_reference[row->n_spark] = (float)part.reference;
            row->spark_current[row->n_spark++] = (float)part.current;
        }
    }
}

static int compare_category(struct dg_compare_scratch *s, const struct dg_state *reference,
                            const struct dg_state *current, struct dg_series_row *row,
                            struct dg_error *err)
{
    const struct dg_category *r = &reference->category, *c = &current->category;
    size_t cells = 0;
    uint64_t singletons = 0;
    bool has_new = true;
    int rc;
    if (r->dictionary != NULL && r->dictionary == c->dictionary) {
        rc = cells_by_dictionary(s, r, c, &cells);
        singletons = expected_singletons(r->dictionary, values_in(r));
        has_new = rc == 0 && s->keyed_count[0][cells - 1] == 0;
    } else {
        rc = cells_by_key(s, r, c, &cells, &singletons);
    }
    if (rc != 0) {
        return dg_fail_memory(err);
    }
    const uint64_t m = dg_state_values(reference), n = dg_state_values(current);
    category_parts(s, cells, m, n, has_new ? singletons : 0, row);
    const struct dg_drift_options options = drift_options(reference, current);
    rc = dg_drift_category(s->keyed_count[0], s->keyed_count[1], cells, has_new, singletons,
                           &options, &row->drift);
    return rc == 0 ? 0 : dg_fail(err, rc, "comparing %s failed (%d)", row->column, rc);
}

int dg_compare(struct dg_compare_scratch *s, const struct dg_state *reference,
               const struct dg_state *current, struct dg_series_row *row, struct dg_error *err)
{
    row->n_top = row->n_spark = 0;
    row->reference_n = dg_state_values(reference);
    const int rc = current->type == DG_FEATURE_NUMERIC
                       ? compare_numeric(s, reference, current, row, err)
                       : compare_category(s, reference, current, row, err);
    row->flags |= rc == 0 ? row->drift.flags : 0u;
    return rc;
}

static void round_all(double *first, double *end)
{
    for (double *x = first; x < end; x++) {
        *x = dg_round12(*x);
    }
}

void dg_row_round(struct dg_series_row *row)
{
    double *const single[] = {&row->mean,           &row->sd,           &row->skewness,
                              &row->kurtosis,       &row->min,          &row->max,
                              &row->distinct,       &row->completeness, &row->validity,
                              &row->reference_mean, &row->reference_sd, &row->p_adjusted};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        *single[i] = dg_round12(*single[i]);
    }
    round_all(row->quantile, row->quantile + DG_QUANTILES);
    struct dg_drift *d = &row->drift;
    round_all(&d->psi, &d->psi_p + 1);
    round_all(&d->ks, &d->p + 1);
    for (size_t i = 0; i < row->n_top; i++) {
        round_all(&row->top[i].low, &row->top[i].high + 1);
        round_all(&row->top[i].reference, &row->top[i].psi + 1);
    }
}
