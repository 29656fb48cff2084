/* engine/result.h -- what an evaluation says: one row per series, one per slice, one per window. */
#ifndef DG_ENGINE_RESULT_H
#define DG_ENGINE_RESULT_H

#include "engine/batch.h"
#include "engine/monitor.h"
#include "stats/drift.h"

enum dg_status {
    DG_STATUS_OK,
    DG_STATUS_WARN, /* significant, but small or not yet for long enough */
    DG_STATUS_DRIFT,
    DG_STATUS_INSUFFICIENT, /* fewer than min_rows values */
    DG_STATUS_NO_REFERENCE, /* the baseline has no such series, or not enough of it */
    DG_STATUS_DEGENERATE,
};
/* Words as in every output; static strings. A value outside the enum is a programmer's error. */
const char *dg_status_name(enum dg_status s);           /* "ok", "warn", "drift", "insufficient",
                                                           "no_reference", "degenerate" */
const char *dg_severity_name(enum dg_severity s);       /* "ok", "warn", "critical" */
const char *dg_feature_type_name(enum dg_feature_type); /* "numeric", "category" */
const char *dg_role_name(enum dg_role role);            /* "feature", "score", ... */

/* Which rows: strings live as long as the evaluation. "all" for the whole. */
struct dg_slice_name {
    const char *version; /* "" when the monitor has no version column */
    const char *variant;
    const char *segment; /* "all", "country=DE", "country=DE,channel=web", "country=rest" */
};

struct dg_window_id {
    const char *monitor;
    const char *config_hash;
    int64_t size_us;
    int64_t start_us;
    int64_t end_us;
};

/* The threshold check that made a row's severity; check NULL: none was beyond its bound for long
 * enough. Of several the worst, and of those as bad the first in the monitor file. */
struct dg_tripped {
    const struct dg_check *check; /* lives as long as the monitor */
    enum dg_severity severity;    /* by this check alone */
    double value;                 /* of the watched field */
};

#define DG_QUANTILES 9 /* 1 5 10 25 50 75 90 95 99 % */
extern const double dg_quantile_levels[DG_QUANTILES];

enum dg_series_flag {
    DG_SERIES_CONSTANT = 1u << 16, /* one value only, n >= 2 */
    DG_SERIES_MONOTONE =
        1u << 17, /* each pane's values lie beyond the last one's: an id or a clock */
    DG_SERIES_VANISHED = 1u << 18, /* no record of the window has the field */
    DG_SERIES_SKETCH_OVERFLOW = 1u << 19,
};

/* The words of the bits in `flags` (dg_drift_flag | dg_series_flag), ascending by bit, separated by
 * one blank: "atoms constant". Writes at most DG_FLAGS_TEXT bytes with the final NUL; returns buf.
 */
#define DG_FLAGS_TEXT 128
char *dg_flags_format(unsigned flags, char buf[DG_FLAGS_TEXT]);

/* A bin or category and its shares, for reports: the largest PSI terms. */
struct dg_contribution {
    double low, high;  /* numeric: (low, high], +-inf at the ends */
    char category[64]; /* categorical */
    double reference, current, psi;
};
#define DG_CONTRIBUTIONS 3

#define DG_SPARK 20
/* Key: window, slice, column, baseline. All doubles are rounded (dg_round12), NAN = NULL. */
struct dg_series_row {
    struct dg_window_id window;
    struct dg_slice_name slice;
    const char *column;
    enum dg_feature_type type;
    enum dg_role role;
    double importance;
    const char *baseline;         /* name; "" for a monitor without any */
    const char *baseline_version; /* id of a file, "" otherwise */

    uint64_t n; /* values in the distribution */
    uint64_t triage[DG_TRIAGE_KINDS];
    double mean, sd, skewness, kurtosis, min, max;
    double quantile[DG_QUANTILES];
    double distinct;     /* categorical: estimate */
    double completeness; /* share of rows with a value, of the type, not null */
    double validity;     /* share of values inside what is declared valid */

    uint64_t reference_n;
    double reference_mean, reference_sd;
    struct dg_drift drift; /* all statistics */
    double p_adjusted;     /* over the window's family */
    struct dg_contribution top[DG_CONTRIBUTIONS];
    size_t n_top;
    float
        spark_reference[DG_SPARK]; /* shares for mini-histograms: groups, or the first categories */
    float spark_current[DG_SPARK];
    size_t n_spark;

    enum dg_status status;
    enum dg_severity severity; /* of threshold checks and the drift rule together */
    struct dg_tripped tripped;
    uint32_t consecutive; /* evaluations in a row that passed the drift rule's gates */
    int64_t since_us;     /* end of the first window of the present run of drift; 0: none */
    unsigned flags;       /* dg_drift_flag | dg_series_flag */
};

/* Key: window, slice. */
struct dg_slice_row {
    struct dg_window_id window;
    struct dg_slice_name slice;
    uint64_t rows; /* in the distributions */
    /* The rest only for the slice of everything of the first (version, variant): stream health,
     * which no slice owns; zero elsewhere. */
    bool stream;
    uint64_t duplicates, late, out_of_order;
    bool duplicates_kept; /* they are among the rows */
    uint64_t bad[DG_REASONS];
    const struct dg_keyed *new_field; /* [n_new_fields] name and rows */
    size_t n_new_fields;
    bool silent;                        /* no row in the whole window */
    uint32_t n_series, n_drift, n_warn; /* columns evaluated, drifted, warned */
    enum dg_severity severity;          /* worst of its series and checks */
    struct dg_tripped tripped;          /* by a check of the slice itself */
};

#endif
