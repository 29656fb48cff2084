#include "engine/result_fields.h"

#include "engine/timefmt.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct dg_value value_TEXT(const char *text)
{
    return (struct dg_value){.kind = DG_VALUE_TEXT, .text = text};
}

static struct dg_value value_REAL(double real)
{
    return (struct dg_value){.kind = DG_VALUE_REAL, .null = isnan(real), .real = real};
}

static struct dg_value value_COUNT(uint64_t count)
{
    return (struct dg_value){.kind = DG_VALUE_COUNT, .count = count};
}

static struct dg_value value_TIME(int64_t us)
{
    return (struct dg_value){.kind = DG_VALUE_TIME, .null = us == DG_TIME_NONE, .us = us};
}

static struct dg_value value_DURATION(int64_t us)
{
    return (struct dg_value){.kind = DG_VALUE_DURATION, .us = us};
}

static struct dg_value value_BOOL(bool yes)
{
    return (struct dg_value){.kind = DG_VALUE_BOOL, .yes = yes};
}

/* Null unless the row was compared with something. */
static struct dg_value value_COMPARED(const struct dg_series_row *r, uint64_t count)
{
    struct dg_value v = value_COUNT(count);
    v.null = r->baseline[0] == '\0' || r->status == DG_STATUS_NO_REFERENCE;
    return v;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? (double)NAN : dg_round12((double)part / (double)whole);
}

static uint64_t series_rows(const struct dg_series_row *r)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        rows += r->triage[i];
    }
    return rows;
}

static double series_missing_share(const struct dg_series_row *r)
{
    return share(r->triage[DG_ABSENT] + r->triage[DG_NULL], series_rows(r));
}

static const char *series_flag_words(const struct dg_series_row *r)
{
    static _Thread_local char words[DG_FLAGS_TEXT];
    return dg_flags_format(r->flags, words);
}

static int64_t series_since_us(const struct dg_series_row *r)
{
    return r->since_us == 0 ? DG_TIME_NONE : r->since_us;
}

/* "(-inf, 2.5]" or the category. */
static struct dg_value series_top_bin(const struct dg_series_row *r, size_t i)
{
    static _Thread_local char text[DG_CONTRIBUTIONS][96];
    if (i >= r->n_top) {
        return (struct dg_value){.kind = DG_VALUE_TEXT, .null = true, .text = ""};
    }
    const struct dg_contribution *c = &r->top[i];
    if (r->type == DG_FEATURE_CATEGORY) {
        snprintf(text[i], sizeof text[i], "%.*s", (int)sizeof c->category, c->category);
    } else {
        snprintf(text[i], sizeof text[i], "(%.12g, %.12g]", c->low, c->high);
    }
    return value_TEXT(text[i]);
}

static double top_of(const struct dg_series_row *r, size_t i, double x)
{
    return i < r->n_top ? x : (double)NAN;
}

static uint64_t slice_bad_total(const struct dg_slice_row *r)
{
    uint64_t bad = 0;
    for (size_t i = DG_GOOD + 1; i < DG_REASONS; i++) {
        bad += r->bad[i];
    }
    return bad;
}

/* Everything that the stream brought for this window, good or not. */
static uint64_t slice_records(const struct dg_slice_row *r)
{
    return r->rows + (r->duplicates_kept ? 0 : r->duplicates) + r->late + slice_bad_total(r);
}

static struct dg_value slice_stream_count(const struct dg_slice_row *r, uint64_t count)
{
    struct dg_value v = value_COUNT(count);
    v.null = !r->stream;
    return v;
}

static struct dg_value slice_stream_share(const struct dg_slice_row *r, uint64_t part)
{
    return value_REAL(r->stream ? share(part, slice_records(r)) : (double)NAN);
}

static struct dg_value slice_new_fields(const struct dg_slice_row *r)
{
    static _Thread_local char names[512];
    size_t at = 0;
    for (size_t i = 0; i < r->n_new_fields; i++) {
        const size_t len = r->new_field[i].len;
        if (at + len + 6 > sizeof names) {
            memcpy(names + at, ",...", 5);
            at += 4;
            break;
        }
        if (at > 0) {
            names[at++] = ',';
        }
        memcpy(names + at, r->new_field[i].key, len);
        at += len;
    }
    names[at] = '\0';
    struct dg_value v = value_TEXT(names);
    v.null = !r->stream;
    return v;
}

/* clang-format off */
#define KEY_FIELDS(X)                                                                              \
    X(monitor, TEXT, value_TEXT(r->window.monitor), "name of the monitor")                         \
    X(config_hash, TEXT, value_TEXT(r->window.config_hash),                                        \
      "what the configuration means, as 16 hex digits")                                            \
    X(window_size, DURATION, value_DURATION(r->window.size_us), "length of the window")            \
    X(window_start, TIME, value_TIME(r->window.start_us), "first event time of the window")        \
    X(window_end, TIME, value_TIME(r->window.end_us), "event time at which it ends, exclusive")    \
    X(version, TEXT, value_TEXT(r->slice.version), "model version; empty without such a column")   \
    X(variant, TEXT, value_TEXT(r->slice.variant), "variant; empty without such a column")         \
    X(segment, TEXT, value_TEXT(r->slice.segment),                                                 \
      "all, or the segment as column=value; rest for values without a segment of their own")

#define SERIES_FIELDS(X)                                                                           \
    KEY_FIELDS(X)                                                                                  \
    X(column_name, TEXT, value_TEXT(r->column), "column as the monitor names it")                  \
    X(baseline, TEXT, value_TEXT(r->baseline), "baseline it is compared with; empty without any")  \
    X(baseline_version, TEXT, value_TEXT(r->baseline_version),                                     \
      "identity of a baseline file; empty for baselines that are windows")                         \
    X(type, TEXT, value_TEXT(dg_feature_type_name(r->type)), "numeric or category")                \
    X(role, TEXT, value_TEXT(dg_role_name(r->role)), "feature, score, prediction or latency")      \
    X(importance, REAL, value_REAL(r->importance), "weight in rankings, as configured")            \
    X(status, TEXT, value_TEXT(dg_status_name(r->status)),                                         \
      "ok, warn, drift, insufficient, no_reference or degenerate")                                 \
    X(severity, TEXT, value_TEXT(dg_severity_name(r->severity)),                                   \
      "worst of the drift rule and the checks: ok, warn or critical")                              \
    X(consecutive, COUNT, value_COUNT(r->consecutive),                                             \
      "evaluations in a row that passed the drift rule's gates")                                   \
    X(since, TIME, value_TIME(series_since_us(r)),                                                 \
      "end of the first window of the present run of drift; null without drift")                   \
    X(flags, TEXT, value_TEXT(series_flag_words(r)),                                               \
      "words: degenerate atoms pooled numeric sketched constant monotone vanished sketch_overflow")\
    X(n, COUNT, value_COUNT(r->n), "values in the distribution")                                   \
    X(n_absent, COUNT, value_COUNT(r->triage[DG_ABSENT]), "rows whose record lacks the field")     \
    X(n_null, COUNT, value_COUNT(r->triage[DG_NULL]), "rows where it is null or empty")            \
    X(n_nan, COUNT, value_COUNT(r->triage[DG_NAN]), "rows where it is NaN")                        \
    X(n_pos_inf, COUNT, value_COUNT(r->triage[DG_POS_INF]), "rows where it is +Inf or too large")  \
    X(n_neg_inf, COUNT, value_COUNT(r->triage[DG_NEG_INF]), "rows where it is -Inf")               \
    X(n_unparsable, COUNT, value_COUNT(r->triage[DG_UNPARSABLE]),                                  \
      "rows where it is not of the column's type")                                                 \
    X(n_out_of_range, COUNT, value_COUNT(r->triage[DG_OUT_OF_RANGE]),                              \
      "rows where it lies outside the declared range or set")                                      \
    X(missing, REAL, value_REAL(series_missing_share(r)),                                          \
      "share of rows where it is absent or null, 0 to 1")                                          \
    X(completeness, REAL, value_REAL(r->completeness),                                             \
      "share of rows with a value of the type, not null, 0 to 1")                                  \
    X(validity, REAL, value_REAL(r->validity),                                                     \
      "share of values inside what is declared valid, 0 to 1")                                     \
    X(mean, REAL, value_REAL(r->mean), "mean, in units of the column")                             \
    X(sd, REAL, value_REAL(r->sd), "standard deviation, in units of the column, >= 0")             \
    X(skewness, REAL, value_REAL(r->skewness), "skewness g1, no unit")                             \
    X(kurtosis, REAL, value_REAL(r->kurtosis), "excess kurtosis g2, no unit, >= -2")               \
    X(min, REAL, value_REAL(r->min), "least value")                                                \
    X(max, REAL, value_REAL(r->max), "greatest value")                                             \
    X(q01, REAL, value_REAL(r->quantile[0]), "1 % quantile, in units of the column")               \
    X(q05, REAL, value_REAL(r->quantile[1]), "5 % quantile, in units of the column")               \
    X(q10, REAL, value_REAL(r->quantile[2]), "10 % quantile, in units of the column")              \
    X(q25, REAL, value_REAL(r->quantile[3]), "25 % quantile, in units of the column")              \
    X(q50, REAL, value_REAL(r->quantile[4]), "median, in units of the column")                     \
    X(q75, REAL, value_REAL(r->quantile[5]), "75 % quantile, in units of the column")              \
    X(q90, REAL, value_REAL(r->quantile[6]), "90 % quantile, in units of the column")              \
    X(q95, REAL, value_REAL(r->quantile[7]), "95 % quantile, in units of the column")              \
    X(q99, REAL, value_REAL(r->quantile[8]), "99 % quantile, in units of the column")              \
    X(distinct_count, REAL, value_REAL(r->distinct),                                               \
      "categorical: different values, estimated; null for numbers")                                \
    X(reference_n, COUNT, value_COMPARED(r, r->reference_n), "values in the reference")            \
    X(reference_mean, REAL, value_REAL(r->reference_mean), "mean of the reference")                \
    X(reference_sd, REAL, value_REAL(r->reference_sd), "standard deviation of the reference")      \
    X(psi, REAL, value_REAL(r->drift.psi), "population stability index, nats, >= 0")               \
    X(psi_adjusted, REAL, value_REAL(r->drift.psi_adjusted),                                       \
      "PSI less what chance alone gives at these sizes, nats, >= 0: the effect size")              \
    X(psi_low, REAL, value_REAL(r->drift.psi_low), "95 % interval of the PSI, lower end")          \
    X(psi_high, REAL, value_REAL(r->drift.psi_high), "95 % interval of the PSI, upper end")        \
    X(psi_p, REAL, value_REAL(r->drift.psi_p), "p-value of the PSI, 0 to 1")                       \
    X(psi_df, COUNT, value_COMPARED(r, r->drift.psi_df), "degrees of freedom of the PSI")          \
    X(ks, REAL, value_REAL(r->drift.ks), "Kolmogorov-Smirnov D, 0 to 1; lower bound")              \
    X(ks_high, REAL, value_REAL(r->drift.ks_high), "upper bound of D on the raw data, 0 to 1")     \
    X(ks_p, REAL, value_REAL(r->drift.ks_p), "p-value of D, 0 to 1")                               \
    X(js, REAL, value_REAL(r->drift.js), "Jensen-Shannon distance, base 2, 0 to 1")                \
    X(js_p, REAL, value_REAL(r->drift.js_p), "p-value of the Jensen-Shannon distance, 0 to 1")     \
    X(hellinger, REAL, value_REAL(r->drift.hellinger), "Hellinger distance, 0 to 1")               \
    X(kl, REAL, value_REAL(r->drift.kl), "Kullback-Leibler divergence, nats, >= 0")                \
    X(tv, REAL, value_REAL(r->drift.tv), "total variation distance, 0 to 1")                       \
    X(linf, REAL, value_REAL(r->drift.linf), "largest difference of one bin's share, 0 to 1")      \
    X(linf_p, REAL, value_REAL(r->drift.linf_p), "p-value of linf, 0 to 1")                        \
    X(chi2, REAL, value_REAL(r->drift.chi2), "Pearson's chi-square, >= 0")                         \
    X(chi2_p, REAL, value_REAL(r->drift.chi2_p), "p-value of chi2, 0 to 1")                        \
    X(g, REAL, value_REAL(r->drift.g), "log-likelihood ratio G, >= 0")                             \
    X(g_p, REAL, value_REAL(r->drift.g_p), "p-value of G, 0 to 1")                                 \
    X(cramers_v, REAL, value_REAL(r->drift.cramers_v), "Cramer's V, 0 to 1")                       \
    X(w1, REAL, value_REAL(r->drift.w1), "Wasserstein-1 distance, in units of the column")         \
    X(w1_low, REAL, value_REAL(r->drift.w1_low), "lower bound of w1 on the raw data")              \
    X(w1_high, REAL, value_REAL(r->drift.w1_high), "upper bound of w1 on the raw data")            \
    X(w1_normed, REAL, value_REAL(r->drift.w1_normed), "w1 / reference_sd, >= 0, no unit")         \
    X(w1_rank, REAL, value_REAL(r->drift.w1_rank), "Wasserstein-1 of ranks, 0 to 1, no unit")      \
    X(cvm, REAL, value_REAL(r->drift.cvm), "Cramer-von Mises statistic, >= 0")                     \
    X(cvm_p, REAL, value_REAL(r->drift.cvm_p), "p-value of cvm, 0 to 1")                           \
    X(ad, REAL, value_REAL(r->drift.ad), "Anderson-Darling statistic")                             \
    X(ad_p, REAL, value_REAL(r->drift.ad_p), "p-value of ad, 0 to 1")                              \
    X(range_p, REAL, value_REAL(r->drift.range_p),                                                 \
      "chance of so many values beyond the reference's extremes, 0 to 1")                          \
    X(new_p, REAL, value_REAL(r->drift.new_p),                                                     \
      "categorical: chance of so many new categories, 0 to 1")                                     \
    X(null_p, REAL, value_REAL(r->drift.null_p), "p-value of the missing share, 0 to 1")           \
    X(p, REAL, value_REAL(r->drift.p), "p-value of the series: several tests in one, 0 to 1")      \
    X(p_adjusted, REAL, value_REAL(r->p_adjusted),                                                 \
      "p adjusted for all series of the window (false discovery rate), 0 to 1")                    \
    X(top_1, TEXT, series_top_bin(r, 0), "bin or category with the largest PSI term")              \
    X(top_1_reference, REAL, value_REAL(top_of(r, 0, r->top[0].reference)), "its reference share") \
    X(top_1_current, REAL, value_REAL(top_of(r, 0, r->top[0].current)), "its share now")           \
    X(top_1_psi, REAL, value_REAL(top_of(r, 0, r->top[0].psi)), "its PSI term, nats")              \
    X(top_2, TEXT, series_top_bin(r, 1), "bin or category with the second largest PSI term")       \
    X(top_2_reference, REAL, value_REAL(top_of(r, 1, r->top[1].reference)), "its reference share") \
    X(top_2_current, REAL, value_REAL(top_of(r, 1, r->top[1].current)), "its share now")           \
    X(top_2_psi, REAL, value_REAL(top_of(r, 1, r->top[1].psi)), "its PSI term, nats")              \
    X(top_3, TEXT, series_top_bin(r, 2), "bin or category with the third largest PSI term")        \
    X(top_3_reference, REAL, value_REAL(top_of(r, 2, r->top[2].reference)), "its reference share") \
    X(top_3_current, REAL, value_REAL(top_of(r, 2, r->top[2].current)), "its share now")           \
    X(top_3_psi, REAL, value_REAL(top_of(r, 2, r->top[2].psi)), "its PSI term, nats")

#define BAD_FIELD(X, name, REASON, doc)                                                            \
    X(bad_##name, COUNT, slice_stream_count(r, r->bad[DG_BAD_##REASON]), doc)

#define SLICE_FIELDS(X)                                                                            \
    KEY_FIELDS(X)                                                                                  \
    X(severity, TEXT, value_TEXT(dg_severity_name(r->severity)),                                   \
      "worst of its series and checks: ok, warn or critical")                                      \
    X(rows, COUNT, value_COUNT(r->rows), "rows in the distributions")                              \
    X(n_series, COUNT, value_COUNT(r->n_series),                                                   \
      "columns evaluated, whatever the number of baselines")                                       \
    X(n_drift, COUNT, value_COUNT(r->n_drift), "columns that drifted against a baseline")          \
    X(n_warn, COUNT, value_COUNT(r->n_warn),                                                       \
      "columns that warned against a baseline and drifted against none")                           \
    X(silent, BOOL, value_BOOL(r->silent), "no row in the whole window")                           \
    X(stream, BOOL, value_BOOL(r->stream),                                                         \
      "this row carries the health of the whole stream; elsewhere those fields are null")          \
    X(duplicates, COUNT, slice_stream_count(r, r->duplicates), "rows whose id came before")        \
    X(duplicates_share, REAL, slice_stream_share(r, r->duplicates),                                \
      "duplicates / all records of the window, 0 to 1")                                            \
    X(late, COUNT, slice_stream_count(r, r->late), "rows that came too late to be counted")        \
    X(late_share, REAL, slice_stream_share(r, r->late), "late / all records, 0 to 1")              \
    X(out_of_order, COUNT, slice_stream_count(r, r->out_of_order),                                 \
      "rows older than one read before them")                                                      \
    X(out_of_order_share, REAL, slice_stream_share(r, r->out_of_order),                            \
      "out_of_order / all records, 0 to 1")                                                        \
    X(bad, COUNT, slice_stream_count(r, slice_bad_total(r)), "records that could not become rows") \
    X(bad_share, REAL, slice_stream_share(r, slice_bad_total(r)), "bad / all records, 0 to 1")     \
    BAD_FIELD(X, malformed, MALFORMED, "records that are not of the format")                       \
    BAD_FIELD(X, truncated, TRUNCATED, "records cut off by the end of the input")                  \
    BAD_FIELD(X, codec, CODEC, "blocks that could not be decompressed")                            \
    BAD_FIELD(X, schema, SCHEMA, "records of an unknown or unusable schema")                       \
    BAD_FIELD(X, utf8, UTF8, "records with text that is not UTF-8")                                \
    BAD_FIELD(X, too_large, TOO_LARGE, "records or fields above the size limit")                   \
    BAD_FIELD(X, binary, BINARY, "records with NUL bytes")                                         \
    BAD_FIELD(X, time, TIME, "records without a readable event time")                              \
    BAD_FIELD(X, future, FUTURE, "records too far ahead of their stream")                          \
    X(n_new_fields, COUNT, slice_stream_count(r, r->n_new_fields),                                 \
      "fields that the monitor does not know")                                                     \
    X(new_fields, TEXT, slice_new_fields(r), "their names, as many as fit, separated by commas")

#define SERIES_GETTER(field, kind, value, doc)                                                     \
    static struct dg_value get_series_##field(const void *row)                                     \
    {                                                                                              \
        const struct dg_series_row *r = row;                                                       \
        return value;                                                                              \
    }
#define SLICE_GETTER(field, kind, value, doc)                                                      \
    static struct dg_value get_slice_##field(const void *row)                                      \
    {                                                                                              \
        const struct dg_slice_row *r = row;                                                        \
        return value;                                                                              \
    }
#define SERIES_ENTRY(field, kind, value, doc) {#field, DG_VALUE_##kind, doc, get_series_##field},
#define SLICE_ENTRY(field, kind, value, doc) {#field, DG_VALUE_##kind, doc, get_slice_##field},

SERIES_FIELDS(SERIES_GETTER)
SLICE_FIELDS(SLICE_GETTER)

const struct dg_result_field dg_series_fields[] = {SERIES_FIELDS(SERIES_ENTRY)};
const struct dg_result_field dg_slice_fields[] = {SLICE_FIELDS(SLICE_ENTRY)};
/* clang-format on */

const size_t dg_n_series_fields = sizeof dg_series_fields / sizeof dg_series_fields[0];
const size_t dg_n_slice_fields = sizeof dg_slice_fields / sizeof dg_slice_fields[0];

static const struct dg_result_field *find(const struct dg_result_field fields[], size_t n,
                                          const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

const struct dg_result_field *dg_series_field(const char *name)
{
    return find(dg_series_fields, dg_n_series_fields, name);
}

const struct dg_result_field *dg_slice_field(const char *name)
{
    return find(dg_slice_fields, dg_n_slice_fields, name);
}
/* Decimals of at most 15 digits have a double each, so that %.12g of a value rounded to 12 digits
 * is the shortest text that reads back as the same double. */
const char *dg_value_format(const struct dg_value *value, char buf[DG_VALUE_TEXT_MAX])
{
    buf[0] = '\0';
    if (value->null) {
        return buf;
    }
    switch (value->kind) {
    case DG_VALUE_TEXT:
        return value->text;
    case DG_VALUE_REAL:
        snprintf(buf, DG_VALUE_TEXT_MAX, "%.12g", value->real == 0.0 ? 0.0 : value->real);
        break;
    case DG_VALUE_COUNT:
        snprintf(buf, DG_VALUE_TEXT_MAX, "%" PRIu64, value->count);
        break;
    case DG_VALUE_TIME:
        dg_time_format(value->us, buf);
        break;
    case DG_VALUE_DURATION:
        dg_duration_format(value->us, buf);
        break;
    case DG_VALUE_BOOL:
        snprintf(buf, DG_VALUE_TEXT_MAX, "%s", value->yes ? "true" : "false");
        break;
    }
    return buf;
}
