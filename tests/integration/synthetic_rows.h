/* tests/integration/synthetic_rows.h -- a replay's rows without a replay: every field filled, the
 * awkward values included, the same for the same arguments. */
#ifndef DG_TESTS_SYNTHETIC_ROWS_H
#define DG_TESTS_SYNTHETIC_ROWS_H

#include "engine/sink.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct synthetic {
    unsigned windows, slices, columns, baselines;
    int64_t start_us;   /* end of the first window */
    int64_t size_us;    /* length of a window, which is its slide too */
    uint64_t variation; /* another number: other values */
    const char *baseline_version;
    unsigned leave_out; /* column number that has no rows in odd windows; 0: none */
};

static inline uint64_t synthetic_hash(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) ^ b * UINT64_C(0xbf58476d1ce4e5b9) ^
                 c * UINT64_C(0x94d049bb133111eb) ^ d * UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 29;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 32;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 29;
}

/* In [0, 1), with the twelve digits of a real result. */
static inline double synthetic_share(uint64_t *state)
{
    *state = synthetic_hash(*state, 1, 2, 3);
    return (double)(*state % UINT64_C(1000000000000)) / 1e12;
}

static inline struct dg_slice_name synthetic_slice(unsigned i)
{
    static const char *const segment[] = {"all",
                                          "country=DE",
                                          "land=Österreich",
                                          "name=O'Brien \"x\" \\",
                                          "emoji=🙂,日本=語",
                                          "tab=\t,nl=\n",
                                          "raw=\xff\xfe",
                                          "rest"};
    static char buf[64];
    if (i < 8) {
        return (struct dg_slice_name){"v1", "champion", segment[i]};
    }
    snprintf(buf, sizeof buf, "shop=%u", i);
    return (struct dg_slice_name){"v1", "champion", buf};
}

static inline const char *synthetic_column(unsigned i)
{
    static const char *const name[] = {"price", "Größe", "a,b;\"c\"'d'", "select"};
    static char buf[32];
    if (i < 4) {
        return name[i];
    }
    snprintf(buf, sizeof buf, "feature_%02u", i);
    return buf;
}

static inline void synthetic_drift(struct dg_drift *d, uint64_t *s)
{
    double *const p[] = {&d->psi,       &d->psi_adjusted, &d->psi_low, &d->psi_high,  &d->psi_p,
                         &d->ks,        &d->ks_high,      &d->ks_p,    &d->js,        &d->js_p,
                         &d->hellinger, &d->kl,           &d->tv,      &d->linf,      &d->linf_p,
                         &d->chi2,      &d->chi2_p,       &d->g,       &d->g_p,       &d->cramers_v,
                         &d->w1,        &d->w1_low,       &d->w1_high, &d->w1_normed, &d->w1_rank,
                         &d->cvm,       &d->cvm_p,        &d->ad,      &d->ad_p,      &d->range_p,
                         &d->new_p,     &d->null_p,       &d->p};
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
        *p[i] = synthetic_share(s);
    }
    d->psi_df = 9;
}

/* Rows whose number is small carry the values that formats like to lose. */
static inline void synthetic_awkward(struct dg_series_row *r, unsigned kind)
{
    switch (kind % 7) {
    case 0:
        r->drift.p = 1e-300;
        r->drift.ks_p = 4.94065645841e-324;
        break;
    case 1:
        r->min = -INFINITY;
        r->max = INFINITY;
        r->top[0].low = -INFINITY;
        break;
    case 2:
        r->mean = r->sd = r->skewness = r->kurtosis = r->drift.psi = NAN;
        r->spark_current[1] = NAN;
        break;
    case 3:
        r->type = DG_FEATURE_CATEGORY;
        snprintf(r->top[0].category, sizeof r->top[0].category, "Ö\"'\\\xc3"); /* cut in a letter */
        break;
    case 4:
        r->n = UINT64_C(9223372036854775807);
        r->mean = -1.7976931348623157e308;
        break;
    case 5:
        r->n_top = 0;
        r->n_spark = 0;
        r->status = DG_STATUS_NO_REFERENCE;
        break;
    default:
        r->since_us = r->window.end_us;
        r->flags = DG_FLAG_ATOMS | DG_SERIES_MONOTONE;
        r->mean = -0.0;
        break;
    }
}

static inline struct dg_series_row synthetic_series(const struct synthetic *g,
                                                    const struct dg_window_id *w, unsigned window,
                                                    unsigned slice, unsigned column,
                                                    unsigned baseline)
{
    static const char *const baseline_name[] = {"training", "previous", "season"};
    uint64_t s = synthetic_hash(window, slice * 1000 + column, baseline, g->variation);
    struct dg_series_row r = {.window = *w,
                              .slice = synthetic_slice(slice),
                              .column = synthetic_column(column),
                              .importance = 1.0 + column / 3.0,
                              .baseline = baseline_name[baseline % 3],
                              .baseline_version = baseline == 0 ? g->baseline_version : "",
                              .n_top = 3,
                              .n_spark = DG_SPARK};
    r.n = 1000 + s % 5000;
    r.reference_n = 100000;
    double *const p[] = {
        &r.mean,         &r.sd,       &r.skewness,       &r.kurtosis,     &r.min,       &r.max,
        &r.completeness, &r.validity, &r.reference_mean, &r.reference_sd, &r.p_adjusted};
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
        *p[i] = synthetic_share(&s);
    }
    r.distinct = NAN;
    for (size_t i = 0; i < DG_QUANTILES; i++) {
        r.quantile[i] = (double)i + synthetic_share(&s);
    }
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        r.triage[i] = synthetic_hash(s, i, 0, 0) % 10;
    }
    synthetic_drift(&r.drift, &s);
    for (size_t i = 0; i < r.n_top; i++) {
        r.top[i] = (struct dg_contribution){.low = (double)i,
                                            .high = (double)i + 1.5,
                                            .reference = synthetic_share(&s),
                                            .current = synthetic_share(&s),
                                            .psi = synthetic_share(&s)};
    }
    for (size_t i = 0; i < DG_SPARK; i++) {
        r.spark_reference[i] = (float)synthetic_share(&s);
        r.spark_current[i] = (float)synthetic_share(&s);
    }
    if (slice == 0) {
        synthetic_awkward(&r, column);
    }
    return r;
}

static inline int synthetic_window(const struct synthetic *g, struct dg_sink *sink,
                                   const struct dg_monitor *m, unsigned window,
                                   struct dg_error *err)
{
    static const struct dg_keyed news[] = {{"neu\0es", 6, 0, 17}, {"Größe \"2\"", 11, 0, 3}};
    const int64_t end = g->start_us + (int64_t)window * g->size_us;
    const struct dg_window_id w = {m->name, m->hash, g->size_us, end - g->size_us, end};
    int code = sink->ops->window_begin(sink, &w, err);
    for (unsigned slice = 0; slice < g->slices; slice++) {
        for (unsigned column = 0; column < g->columns; column++) {
            if (g->leave_out != 0 && column == g->leave_out && window % 2 == 1) {
                continue;
            }
            for (unsigned b = 0; b < g->baselines && code == 0; b++) {
                const struct dg_series_row r = synthetic_series(g, &w, window, slice, column, b);
                code = sink->ops->series(sink, &r, err);
            }
        }
    }
    for (unsigned slice = 0; slice < g->slices && code == 0; slice++) {
        const bool stream = slice == 0;
        const struct dg_slice_row r = {.window = w,
                                       .slice = synthetic_slice(slice),
                                       .rows = 1000 + window,
                                       .stream = stream,
                                       .duplicates = stream ? 2 : 0,
                                       .new_field = stream ? news : NULL,
                                       .n_new_fields = stream ? 2 : 0,
                                       .n_series = g->columns * g->baselines,
                                       .severity = window % 3 == 0 ? DG_WARN : DG_OK};
        code = sink->ops->slice(sink, &r, err);
    }
    return code != 0 ? code : sink->ops->window_end(sink, err);
}

#endif
