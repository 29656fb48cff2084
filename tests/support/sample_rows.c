#include "tests/support/sample_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HOUR   (INT64_C(3600) * DG_US_PER_S)
#define START  (INT64_C(1793750400) * DG_US_PER_S) /* 2026-11-04T00:00:00Z */
#define GROUPS 10
#define NAMES  12

struct shape {
    const char *name;
    enum dg_feature_type type;
    enum dg_role role;
    double mean, sd;
    const char *category[5];
};

static const struct shape shapes[NAMES] = {
    {"income", DG_FEATURE_NUMERIC, DG_ROLE_FEATURE, 48211.0, 17302.0, {0}},
    {"country", DG_FEATURE_CATEGORY, DG_ROLE_FEATURE, 0, 0, {"DE", "FR", "PL", "NL", "AT"}},
    {"age", DG_FEATURE_NUMERIC, DG_ROLE_FEATURE, 41.7, 12.9, {0}},
    {"loan_amount", DG_FEATURE_NUMERIC, DG_ROLE_FEATURE, 9120.0, 5310.0, {0}},
    {"channel",
     DG_FEATURE_CATEGORY,
     DG_ROLE_FEATURE,
     0,
     0,
     {"web", "app", "branch", "phone", "partner"}},
    {"months_employed", DG_FEATURE_NUMERIC, DG_ROLE_FEATURE, 71.3, 55.8, {0}},
    {"debt_ratio", DG_FEATURE_NUMERIC, DG_ROLE_FEATURE, 0.337, 0.121, {0}},
    {"accounts_open", DG_FEATURE_NUMERIC, DG_ROLE_FEATURE, 3.4, 1.9, {0}},
    {"distance_km", DG_FEATURE_NUMERIC, DG_ROLE_FEATURE, 18.6, 22.4, {0}},
    {"purpose",
     DG_FEATURE_CATEGORY,
     DG_ROLE_FEATURE,
     0,
     0,
     {"car", "home", "education", "travel", "other"}},
    {"score", DG_FEATURE_NUMERIC, DG_ROLE_SCORE, 0.214, 0.163, {0}},
    {"latency_ms", DG_FEATURE_NUMERIC, DG_ROLE_LATENCY, 38.2, 21.7, {0}},
};

static const char *const segments[] = {"country=DE", "country=FR", "country=PL", "country=NL",
                                       "country=rest"};
static const double segment_share[] = {0.44, 0.23, 0.15, 0.1, 0.08};

struct teller {
    struct dg_sink *sink;
    const struct sample_options *options;
    struct dg_monitor monitor;
    struct dg_window_spec window[2];
    struct dg_baseline_spec baseline[2];
    uint64_t random;
    const char *version;
    char name[64];
};

static uint64_t draw(struct teller *t) /* SplitMix64 */
{
    uint64_t z = (t->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(struct teller *t)
{
    return ((double)(draw(t) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct teller *t)
{
    return sqrt(-2.0 * log(uniform(t))) * cos(6.283185307179586 * uniform(t));
}

static double phi(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752);
}

/* Inner edges of normal deciles. */
static const double decile[GROUPS - 1] = {
    -1.2815515655, -0.8416212336, -0.5244005127, -0.2533471031, 0,
    0.2533471031,  0.5244005127,  0.8416212336,  1.2815515655};
static const double category_share[5] = {0.46, 0.24, 0.15, 0.10, 0.05};

/* How far a column has moved, in sd, at window `at` of `n` (share of the run). */
static double shift_at(const struct teller *t, uint32_t column, double at)
{
    if (column < t->options->drifting) {
        return at < 0.68 ? 0 : fmin(1, (at - 0.68) * 8) * (column == 0 ? 0.72 : 0.55);
    }
    if (column == 6 && t->options->drifting > 0) { /* drifted and recovered */
        return at > 0.25 && at < 0.42 ? 0.6 : 0;
    }
    return column == 10 && at > 0.7 && t->options->drifting > 0 ? 0.16 : 0;
}

static void shares(const struct shape *s, double shift, double share[GROUPS], size_t *n)
{
    if (s->type == DG_FEATURE_CATEGORY) {
        *n = 5;
        for (size_t i = 0; i < 5; i++) {
            share[i] = category_share[i];
        }
        share[0] -= 0.3 * shift;
        share[2] += 0.2 * shift;
        share[4] += 0.1 * shift;
        return;
    }
    *n = GROUPS;
    double below = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        const double upto = i + 1 < GROUPS ? phi((decile[i] - shift) / (1 + 0.1 * shift)) : 1.0;
        share[i] = upto - below;
        below = upto;
    }
}

/* Upper tail of chi-square by the Wilson-Hilferty approximation. */
static double tail(double x, double df)
{
    const double z = (cbrt(x / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
    return fmax(0.5 * erfc(z * 0.70710678118654752), 1e-300);
}

/* The statistics of simulated shares p (current) against q (reference). */
static void statistics(struct dg_series_row *r, const double p[], const double q[], size_t k,
                       double shift)
{
    const double n = (double)r->n, m = (double)r->reference_n, c = 1 / n + 1 / m;
    double psi = 0, gap = 0, below_p = 0, below_q = 0, js = 0, tv = 0;
    for (size_t i = 0; i < k; i++) {
        psi += (p[i] - q[i]) * log(p[i] / q[i]);
        below_p += p[i];
        below_q += q[i];
        gap = fmax(gap, fabs(below_p - below_q));
        const double mid = (p[i] + q[i]) / 2;
        js += 0.5 * (p[i] * log2(p[i] / mid) + q[i] * log2(q[i] / mid));
        tv += fabs(p[i] - q[i]) / 2;
    }
    const double df = (double)k - 1, half = 1.96 * sqrt(2 * c * (df * c + 2 * psi));
    r->drift = (struct dg_drift){.n = r->n,
                                 .m = r->reference_n,
                                 .psi = psi,
                                 .psi_adjusted = fmax(0, psi - df * c),
                                 .psi_low = fmax(0, psi - df * c - half),
                                 .psi_high = psi - df * c + half,
                                 .psi_p = tail(psi / c, df),
                                 .psi_df = (uint32_t)df,
                                 .ks = gap,
                                 .ks_high = gap * 1.02,
                                 .ks_p = fmin(1, 2 * exp(-2 * gap * gap / c)),
                                 .js = sqrt(fmax(js, 0)),
                                 .js_p = tail(psi / c, df),
                                 .hellinger = sqrt(psi / 8),
                                 .kl = psi / 2,
                                 .tv = tv,
                                 .linf = gap / 3,
                                 .linf_p = 0.41,
                                 .chi2 = psi / c,
                                 .chi2_p = tail(psi / c, df),
                                 .g = psi / c,
                                 .g_p = tail(psi / c, df),
                                 .cramers_v = NAN,
                                 .w1 = shift * r->reference_sd,
                                 .w1_low = NAN,
                                 .w1_high = NAN,
                                 .w1_normed = r->type == DG_FEATURE_NUMERIC ? fabs(shift) + 0.01
                                                                            : (double)NAN,
                                 .w1_rank = tv / 2,
                                 .cvm = NAN,
                                 .cvm_p = NAN,
                                 .ad = NAN,
                                 .ad_p = NAN,
                                 .range_p = 0.73,
                                 .new_p = NAN,
                                 .null_p = 0.52,
                                 .p = tail(psi / c, df)};
    r->p_adjusted = fmin(1, r->drift.p * 1.6);
}

static void contributions(const struct teller *t, struct dg_series_row *r, const struct shape *s,
                          const double p[], const double q[], size_t k)
{
    bool used[GROUPS] = {false};
    for (r->n_top = 0; r->n_top < DG_CONTRIBUTIONS; r->n_top++) {
        size_t best = k;
        for (size_t i = 0; i < k; i++) {
            const double term = (p[i] - q[i]) * log(p[i] / q[i]);
            if (!used[i] && (best == k || term > (p[best] - q[best]) * log(p[best] / q[best]))) {
                best = i;
            }
        }
        used[best] = true;
        struct dg_contribution *c = &r->top[r->n_top];
        *c = (struct dg_contribution){.reference = q[best],
                                      .current = p[best],
                                      .psi = (p[best] - q[best]) * log(p[best] / q[best])};
        if (s->type == DG_FEATURE_CATEGORY) {
            snprintf(c->category, sizeof c->category, "%s",
                     t->options->hostile ? "</script><img src=x onerror=alert(1)>"
                                         : s->category[best]);
        } else {
            c->low = best == 0 ? (double)-INFINITY : s->mean + s->sd * decile[best - 1];
            c->high = best == k - 1 ? (double)INFINITY : s->mean + s->sd * decile[best];
        }
    }
}

static void moments(struct teller *t, struct dg_series_row *r, const struct shape *s, double shift)
{
    const double z[DG_QUANTILES] = {-2.326, -1.645, -1.282, -0.674, 0, 0.674, 1.282, 1.645, 2.326};
    const bool numeric = s->type == DG_FEATURE_NUMERIC;
    const double noise = normal(t) / sqrt((double)r->n), spread = 1 + 0.1 * shift;
    r->mean = numeric ? s->mean + s->sd * (shift + noise) : (double)NAN;
    r->sd = numeric ? s->sd * spread : (double)NAN;
    r->skewness = numeric ? 0.08 + noise : (double)NAN;
    r->kurtosis = numeric ? 3.1 + noise : (double)NAN;
    r->min = numeric ? s->mean - 3.4 * s->sd : (double)NAN;
    r->max = numeric ? s->mean + (3.6 + shift) * s->sd : (double)NAN;
    for (size_t i = 0; i < DG_QUANTILES; i++) {
        r->quantile[i] = numeric ? s->mean + s->sd * (shift + z[i] * spread + noise) : (double)NAN;
    }
    r->distinct = numeric ? NAN : 5;
    r->reference_mean = numeric ? s->mean : (double)NAN;
    r->reference_sd = numeric ? s->sd : (double)NAN;
}

static void judge(struct dg_series_row *r, int64_t drift_from_us)
{
    const bool sure = r->p_adjusted <= 0.01, large = r->drift.psi_adjusted >= 0.1;
    r->status = r->n < 200                            ? DG_STATUS_INSUFFICIENT
                : sure && large && drift_from_us != 0 ? DG_STATUS_DRIFT
                : sure                                ? DG_STATUS_WARN
                                                      : DG_STATUS_OK;
    r->severity = r->status == DG_STATUS_DRIFT ? DG_CRITICAL : DG_OK;
    if (r->status == DG_STATUS_WARN) {
        r->severity = DG_WARN;
    }
    r->since_us = r->status == DG_STATUS_DRIFT ? drift_from_us : 0;
    r->consecutive = r->status == DG_STATUS_DRIFT ? 3 : 0;
}

static const char *column_name(struct teller *t, uint32_t column)
{
    static const char *const hostile[] = {"<script>alert(1)</script>",
                                          "\"><svg onload=alert(1)>",
                                          "a\xff\xfe"
                                          "b\x01",
                                          "{{json}}",
                                          "</script><!--",
                                          "\xe2\x80\xae"
                                          "evil",
                                          "x' onmouseover='alert(1)"};
    if (t->options->hostile && column < sizeof hostile / sizeof hostile[0]) {
        return hostile[column];
    }
    if (column < NAMES) {
        return shapes[column].name;
    }
    snprintf(t->name, sizeof t->name, "feature_%03u", column + 1);
    return t->name;
}

/* The end of the first window past `from` of the run whose shift is on, for `since`. */
static int64_t drift_start(const struct teller *t, uint32_t column, int64_t end_us,
                           int64_t slide_us)
{
    const int64_t total = (int64_t)t->options->windows * HOUR;
    const double from = column < t->options->drifting ? 0.73 : 0.27;
    int64_t start =
        START + slide_us * (int64_t)(from * (double)total / (double)slide_us) + slide_us;
    return end_us >= start ? start : 0;
}

static int tell_series(struct teller *t, const struct dg_window_id *w, const char *segment,
                       double share, uint32_t column, uint32_t baseline, uint64_t rows,
                       struct dg_slice_row *slice, struct dg_error *err)
{
    const struct shape *s = &shapes[column % NAMES];
    const double at = (double)(w->end_us - START) / (double)((int64_t)t->options->windows * HOUR);
    const bool spared = strcmp(segment, "country=FR") == 0;
    double shift = shift_at(t, column, at) * (spared ? 0.15 : 1.0);
    if (baseline == 1) {
        shift *= 0.7;
    }
    const double missing = column == 3 ? 0.01 + 0.05 * at : column == 8 ? 0.004 : 0;
    struct dg_series_row r = {.window = *w,
                              .slice = {t->version, "", segment},
                              .column = column_name(t, column),
                              .type = s->type,
                              .role = column < NAMES ? s->role : DG_ROLE_FEATURE,
                              .importance = 1,
                              .baseline = t->baseline[baseline].name,
                              .baseline_version = baseline == 0 ? "a91c07d24be3" : "",
                              .completeness = 1 - missing,
                              .validity = column == 7 ? 0.9987 : 1,
                              .reference_n = 250000};
    const double n = (double)rows * share * (1 - missing);
    r.n = (uint64_t)fmax(n, 2);
    r.triage[DG_FINITE] = r.n;
    r.triage[DG_NULL] = (uint64_t)((double)rows * share * missing);
    r.triage[DG_OUT_OF_RANGE] = column == 7 ? 3 : 0;
    moments(t, &r, s, shift);
    double p[GROUPS], q[GROUPS], sum = 0;
    size_t k = 0;
    shares(s, 0, q, &k);
    shares(s, shift, p, &k);
    for (size_t i = 0; i < k; i++) {
        p[i] = fmax(1e-5, p[i] + sqrt(p[i] / (double)r.n) * normal(t));
        sum += p[i];
    }
    for (size_t i = 0; i < k; i++) {
        p[i] /= sum;
        r.spark_current[i] = (float)p[i];
        r.spark_reference[i] = (float)q[i];
    }
    r.n_spark = k;
    statistics(&r, p, q, k, shift);
    contributions(t, &r, s, p, q, k);
    judge(&r, drift_start(t, column, w->end_us, w->size_us > HOUR ? 6 * HOUR : HOUR));
    r.flags = column == 11 ? DG_FLAG_ATOMS : 0;
    slice->n_series++;
    slice->n_drift += r.status == DG_STATUS_DRIFT;
    slice->n_warn += r.status == DG_STATUS_WARN;
    slice->severity = r.severity > slice->severity ? r.severity : slice->severity;
    slice->rows = (uint64_t)((double)rows * share);
    return t->sink->ops->series(t->sink, &r, err);
}

static int tell_slice(struct teller *t, const struct dg_window_id *w, const char *segment,
                      double share, uint64_t rows, struct dg_slice_row *slice, struct dg_error *err)
{
    *slice = (struct dg_slice_row){.window = *w, .slice = {t->version, "", segment}};
    for (uint32_t column = 0; column < t->options->columns; column++) {
        for (uint32_t b = 0; b < t->options->baselines; b++) {
            const int rc = tell_series(t, w, segment, share, column, b, rows, slice, err);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

/* The series of every slice of one version; adds its slices to `slice`. */
static int tell_version(struct teller *t, const struct dg_window_id *w, uint64_t rows,
                        struct dg_slice_row slice[], size_t *n, struct dg_error *err)
{
    int rc = tell_slice(t, w, "all", 1, rows, &slice[(*n)++], err);
    for (size_t i = 0; rc == 0 && t->options->segments && i < 5; i++) {
        rc = tell_slice(t, w, segments[i], segment_share[i], rows, &slice[(*n)++], err);
    }
    return rc;
}

static uint64_t rows_of(struct teller *t, uint32_t size, int64_t end_us)
{
    const double hour = (double)((end_us / HOUR) % 24);
    const double wave = 1 + 0.45 * sin((hour - 8) / 24 * 6.283185307179586);
    const int64_t index = (end_us - START) / HOUR;
    const bool silent = size == 0 && t->options->windows >= 100 && index >= 53 && index <= 55;
    const uint64_t rows = silent ? 0 : (uint64_t)(4200 * wave + 60 * normal(t));
    return size == 1 ? 98304 : rows;
}

static int tell_window(struct teller *t, uint32_t size, int64_t end_us, struct dg_error *err)
{
    const struct dg_window_id w = {t->monitor.name, t->monitor.hash, t->window[size].size_us,
                                   end_us - t->window[size].size_us, end_us};
    const struct dg_sink_ops *ops = t->sink->ops;
    int rc = ops->window_begin(t->sink, &w, err);
    const uint64_t rows = rows_of(t, size, end_us);
    const int64_t index = (end_us - START) / HOUR;
    struct dg_slice_row slice[2 * (1 + 5)];
    size_t n = 0;
    if (t->options->versions < 2) {
        rc = rc != 0 ? rc : tell_version(t, &w, rows, slice, &n, err);
    } else {
        t->version = "v1";
        if (rc == 0 && index <= t->options->windows * 6 / 10) {
            rc = tell_version(t, &w, rows, slice, &n, err);
        }
        t->version = "v2";
        if (rc == 0 && index >= t->options->windows * 4 / 10) {
            rc = tell_version(t, &w, rows, slice, &n, err);
        }
    }
    const struct dg_keyed fresh = {"campaign_id", 11, 0, rows / 3};
    slice[0].stream = true;
    slice[0].silent = rows == 0;
    slice[0].late = (uint64_t)(3 * uniform(t));
    slice[0].bad[DG_BAD_MALFORMED] = index % 17 == 0 ? 2 : 0;
    slice[0].new_field = &fresh;
    slice[0].n_new_fields = index > 80 ? 1 : 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = ops->slice(t->sink, &slice[i], err);
    }
    return rc != 0 ? rc : ops->window_end(t->sink, err);
}

static int tell_windows(struct teller *t, uint64_t *windows, struct dg_error *err)
{
    for (uint32_t i = 1; i <= t->options->windows; i++) {
        const int64_t end_us = START + (int64_t)i * HOUR;
        int rc = tell_window(t, 0, end_us, err);
        *windows += 1;
        if (rc == 0 && t->options->sizes > 1 && i % 6 == 0) {
            rc = tell_window(t, 1, end_us, err);
            *windows += 1;
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int sample_rows_run(struct dg_sink *sink, const struct sample_options *options,
                    struct dg_error *err)
{
    char monitor[] = "credit-risk", hostile[] = "<b>credit</b> & \"risk\"",
         hash[] = "5f0c2e9ab1d47733";
    char what[] = "Probability of default, scored at application time", owner[] = "risk-models";
    char path[] = "monitors/credit-risk.yaml", training[] = "training", week[] = "last_week";
    struct teller t = {.sink = sink, .options = options, .random = options->seed, .version = ""};
    t.window[0] = (struct dg_window_spec){HOUR, HOUR};
    t.window[1] = (struct dg_window_spec){24 * HOUR, 6 * HOUR};
    t.baseline[0] = (struct dg_baseline_spec){.name = training, .kind = DG_BASELINE_FILE};
    t.baseline[1] = (struct dg_baseline_spec){
        .name = week, .kind = DG_BASELINE_TRAILING, .span_us = 168 * HOUR};
    struct dg_check check = {
        .metric = (char[]){"missing"}, .has_warn = true, .warn = 0.05, .consecutive = 3};
    t.monitor = (struct dg_monitor){.name = options->hostile ? hostile : monitor,
                                    .description = what,
                                    .owner = owner,
                                    .path = path,
                                    .hash = hash,
                                    .window = t.window,
                                    .n_windows = options->sizes,
                                    .baseline = t.baseline,
                                    .n_baselines = options->baselines,
                                    .check = &check,
                                    .n_checks = 1,
                                    .drift = {true, 0.01, 0.1, 3, 200}};
    const struct dg_run_info run = {"sample", &t.monitor, "predictions-2026-11.csv (1 file)"};
    struct dg_run_totals totals = {.first_us = START + 12 * DG_US_PER_S,
                                   .last_us =
                                       START + (int64_t)options->windows * HOUR - DG_US_PER_S,
                                   .records = 504931,
                                   .rows = 504102,
                                   .duplicates = 611,
                                   .late = 173,
                                   .out_of_order = 2290,
                                   .bytes = 61203881,
                                   .severity = DG_CRITICAL};
    totals.bad[DG_BAD_MALFORMED] = 14;
    totals.bad[DG_BAD_TIME] = 31;
    int rc = sink->ops->open(sink, &run, err);
    rc = rc != 0 ? rc : tell_windows(&t, &totals.windows, err);
    return rc != 0 ? rc : sink->ops->finish(sink, &totals, err);
}
