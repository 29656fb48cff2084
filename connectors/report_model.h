/* connectors/report_model.h -- what a report keeps of a run: bounded, whatever the run's length.
 *
 * A *track* is one comparison of one column over time: (version, variant, column, baseline, window
 * size) of the slice of everything. It keeps its latest judged row, its worst row, and a series of
 * points. A *resolution* is a window size; its windows are numbered in order of arrival, and every
 * track of it has at most one point per bucket of `stride` windows. When the buckets are full, the
 * stride doubles and two points become the worse of the two: each point stays a window that really
 * was, and no extreme is lost. Other slices keep their latest and worst values only.
 */
#ifndef DG_CONNECTORS_REPORT_MODEL_H
#define DG_CONNECTORS_REPORT_MODEL_H

#include "engine/sink.h"

#define DG_REPORT_POINTS      400  /* buckets of a resolution, while there are few tracks */
#define DG_REPORT_POINTS_MIN  50   /* ... and when there are very many */
#define DG_REPORT_TRACKS      500  /* tracks that can have DG_REPORT_POINTS each */
#define DG_REPORT_TRACKS_MAX  4000 /* more are counted, not kept */
#define DG_REPORT_SLICES_MAX  4096
#define DG_REPORT_CELLS_MAX   20000 /* slice x column x baseline x size */
#define DG_REPORT_SIZES_MAX   16
#define DG_REPORT_STRINGS_MAX 65536
#define DG_REPORT_WORST       5
#define DG_REPORT_NEWS        64
#define DG_REPORT_SILENCES    32
#define DG_REPORT_BANDS       5 /* quantiles 5 25 50 75 95 % */

extern const size_t dg_report_band[DG_REPORT_BANDS]; /* their places in dg_quantile_levels */

/* One window of a track, as the charts need it. */
struct dg_report_point {
    int64_t end_us;
    uint32_t ordinal; /* of the window in its resolution */
    uint8_t status, severity;
    uint64_t n;
    double psi, psi_low, psi_high; /* psi is the bias-corrected one */
    double ks, p, missing;
    double mean, band[DG_REPORT_BANDS];
};

struct dg_report_track {
    uint32_t size, group, column, baseline; /* places in the model's lists */
    struct dg_series_row latest;            /* the last judged row, or the last one if none was */
    struct dg_series_row worst;             /* of the judged rows */
    bool judged;
    uint32_t last_ordinal;
    struct dg_report_point *point; /* [n_points] by ordinal */
    size_t n_points, cap;
    struct dg_report_point peak[DG_REPORT_WORST]; /* the worst windows, worst first */
    size_t n_peaks;
    uint32_t windows, drift_windows, warn_windows, episodes;
    bool drifting;                         /* the last judged window was drift */
    int64_t first_drift_us, last_drift_us; /* 0: never */
    double complete_worst, validity_worst; /* over all windows; NAN: none had rows */
    int64_t vanished_us;                   /* first window without the field, of the present run */
};

struct dg_report_group {
    uint32_t version, variant; /* strings */
};

struct dg_report_column {
    uint32_t name;
    enum dg_feature_type type;
    enum dg_role role;
    double importance;
    uint32_t marked; /* 1 + ordinal of the window being read: see window_status */
    uint8_t window_status;
};

/* A bucket of the timeline: the worst window of it. */
struct dg_report_window {
    int64_t end_us;
    uint32_t ordinal;
    uint32_t columns, drift, warn;
    uint64_t rows, late, bad;
    uint8_t severity;
    bool silent;
};

struct dg_report_silence {
    int64_t from_us, to_us;
    uint32_t windows;
};

struct dg_report_size {
    int64_t size_us, slide_us;       /* slide_us 0: not in the configuration */
    uint32_t windows;                /* begun so far */
    uint32_t stride;                 /* windows per bucket */
    int64_t first_us, last_us;       /* ends */
    struct dg_report_window *window; /* [n_windows] */
    size_t n_windows, cap;
    uint32_t drift_windows, warn_windows, silent_windows;
    struct dg_report_silence silence[DG_REPORT_SILENCES];
    size_t n_silences;
    bool silent_run;
};

/* A slice other than everything, of one resolution. */
struct dg_report_slice {
    uint32_t size, group, segment;
    int64_t last_us;
    uint32_t last_ordinal;
    uint64_t rows;
    uint32_t series, drift, warn, windows, drift_windows;
    uint8_t severity;
};

/* A column of such a slice against one baseline. */
struct dg_report_cell {
    uint32_t slice, column, baseline;
    uint32_t windows, drift_windows, last_ordinal;
    uint64_t n;
    uint8_t status, severity;
    int64_t since_us, peak_us;
    double psi, ks, p, peak;
};

struct dg_report_news {
    uint32_t name;
    uint64_t rows;
    int64_t first_us;
    uint32_t windows;
};

struct dg_report_strings;
struct dg_report_index;

struct dg_report_model {
    struct dg_report_strings *strings;
    struct dg_report_index *index;
    struct dg_report_track *track;
    size_t n_tracks, cap_tracks;
    struct dg_report_group *group;
    size_t n_groups, cap_groups;
    struct dg_report_column *column;
    size_t n_columns, cap_columns;
    struct dg_report_slice *slice;
    size_t n_slices, cap_slices;
    struct dg_report_cell *cell;
    size_t n_cells, cap_cells;
    struct dg_report_size size[DG_REPORT_SIZES_MAX];
    size_t n_sizes;
    struct dg_report_news news[DG_REPORT_NEWS];
    size_t n_news;
    uint64_t dropped; /* rows of tracks, cells and sizes beyond the limits */
    uint32_t now;     /* the resolution of the window being read */
    bool now_kept;
    struct dg_report_window current;
    struct dg_run_info run;
    struct dg_run_totals totals;
};

void dg_report_model_init(struct dg_report_model *m);
void dg_report_model_deinit(struct dg_report_model *m);
/* The calls of a sink, in the same order. ENOMEM, nothing else. `run` and what it points to must
 * live until the model is rendered. */
DG_MUST_CHECK int dg_report_model_open(struct dg_report_model *m, const struct dg_run_info *run);
DG_MUST_CHECK int dg_report_model_begin(struct dg_report_model *m, const struct dg_window_id *w);
DG_MUST_CHECK int dg_report_model_series(struct dg_report_model *m,
                                         const struct dg_series_row *row);
DG_MUST_CHECK int dg_report_model_slice(struct dg_report_model *m, const struct dg_slice_row *row);
DG_MUST_CHECK int dg_report_model_end(struct dg_report_model *m);

const char *dg_report_string(const struct dg_report_model *m, uint32_t id);
/* Bytes allocated now: what "bounded" is tested by. */
size_t dg_report_model_bytes(const struct dg_report_model *m);

/* How bad: 0 not judged, 1 ok, 2 drifted before, 3 warning, 4 drift. Severity of checks raises ok
 * to 3 (warn) and anything to at least 3. */
int dg_report_badness(const struct dg_report_track *t);
/* The worse of two points first: status, then psi, then n; earlier wins a tie. */
bool dg_report_point_worse(const struct dg_report_point *a, const struct dg_report_point *b);
/* Share of rows where the field is absent or null; NAN without rows. */
double dg_report_missing(const struct dg_series_row *row);
/* At most `limit` points of a track in `out`, thinned the same way as the model does. */
size_t dg_report_thin(const struct dg_report_track *t, size_t limit, struct dg_report_point out[]);

#endif
