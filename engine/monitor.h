/* engine/monitor.h -- one monitor as configured: the parsed and checked form of its YAML file. */
#ifndef DG_ENGINE_MONITOR_H
#define DG_ENGINE_MONITOR_H

#include "engine/projection.h"

#define DG_US_PER_S INT64_C(1000000)

enum dg_feature_type { DG_FEATURE_NUMERIC, DG_FEATURE_CATEGORY };
enum dg_role { DG_ROLE_FEATURE, DG_ROLE_SCORE, DG_ROLE_PREDICTION, DG_ROLE_LATENCY };

/* A column that has a distribution to watch. */
struct dg_feature {
    char *name; /* as in results */
    char *path; /* field in the record; default: name */
    enum dg_feature_type type;
    enum dg_role role;
    double valid_min; /* -inf */
    double valid_max; /* +inf */
    char **values;    /* [n_values] allowed categories; n_values 0: any */
    size_t n_values;
    double importance; /* weight in rankings; default 1 */
};

struct dg_window_spec {
    int64_t size_us; /* a multiple of slide_us */
    int64_t slide_us;
};

/* One segment column, or a pair. Values: listed, else the baseline's `top` most frequent; all
 * others fall into the segment "rest". */
struct dg_segment_spec {
    char *column[2]; /* field paths; column[1] NULL for a single one */
    char *name[2];   /* as in results: "country" of country=DE; name[1] NULL for a single one */
    char **values;   /* [n_values]; for a pair "a,b" */
    size_t n_values;
    uint32_t top; /* default 20, at most 1000 */
};

enum dg_baseline_kind {
    DG_BASELINE_FILE,     /* fixed: a file made by `baseline build` */
    DG_BASELINE_PREVIOUS, /* the window of the same size that ends where this one starts */
    DG_BASELINE_TRAILING, /* the span_us before the window's start */
    DG_BASELINE_SEASONAL, /* the same window shifted back by 1 .. cycles periods */
    DG_BASELINE_VARIANT,  /* the same window of another variant */
};

struct dg_baseline_spec {
    char *name;
    enum dg_baseline_kind kind;
    char *file;        /* FILE: as written, relative to the monitor file */
    int64_t span_us;   /* TRAILING */
    int64_t period_us; /* SEASONAL: 7 d (hour_of_week) or 1 d (hour_of_day) */
    uint32_t cycles;   /* SEASONAL: 1 .. 52, default 4 */
    uint32_t
        min_cycles; /* SEASONAL: fewer cycles with data = no reference; default min(cycles, 4) */
    char *variant;  /* VARIANT */
};

enum dg_severity { DG_OK, DG_WARN, DG_CRITICAL };

/* "metric above|below x, for k evaluations": plain threshold rule beside the default drift rule. */
struct dg_check {
    char *metric; /* name of a result field: psi, ks, missing, ... */
    bool has_warn, has_critical;
    bool below; /* alert when below the bound instead of above */
    double warn;
    double critical;
    uint32_t consecutive; /* for: k, default 1 */
    char *baseline;       /* only against this baseline; NULL: each */
    int line;             /* where in the file, for messages */
};

/* The default drift rule; see docs/FORMULAS.md. */
struct dg_drift_rule {
    bool enabled;         /* true */
    double q;             /* false discovery rate, 0.01 */
    double effect;        /* bias-corrected PSI at least, 0.1 */
    uint32_t consecutive; /* 3 */
    uint64_t min_rows;    /* 200; fewer: INSUFFICIENT */
};

/* How the monitor's events stand in Kafka (and, for format and delimiter, in files). */
enum dg_record_kind { DG_RECORD_AUTO, DG_RECORD_AVRO, DG_RECORD_JSON };
enum dg_framing {
    DG_FRAMING_AUTO, /* per record: 0x00 = Confluent, C3 01 = single object, else bare (with a
                        schema file) or JSON */
    DG_FRAMING_CONFLUENT,
    DG_FRAMING_SINGLE_OBJECT,
    DG_FRAMING_BARE,
};
enum dg_start { DG_START_EARLIEST, DG_START_LATEST, DG_START_TIME };

struct dg_source_spec {
    char **topic; /* [n_topics]; 0: the monitor is for files only */
    size_t n_topics;
    enum dg_record_kind kind; /* `format: csv` says nothing about records: AUTO */
    enum dg_framing framing;
    char *schema_file;   /* Avro schema (.avsc) for single-object and bare framing; NULL */
    char *preset;        /* "canonical", "kserve", "open_inference", "sagemaker", "seldon" */
    char *instances;     /* pointer to an array each element of which is an event; NULL: the record
                            is the event, or the preset knows where they are */
    enum dg_start start; /* where a partition without a position begins */
    int64_t start_us;
    char *dead_letters;    /* topic for records that cannot be read; NULL */
    int64_t idle_after_us; /* default 30 s */
    bool stop_on_loss; /* records lost to retention stop the partition; default: go on, say so */
};

struct dg_monitor {
    char *name;
    char *description; /* or NULL */
    char *owner;       /* or NULL */
    char *path;        /* the file it came from */
    char *hash; /* 16 hex digits of the configuration's meaning (comments and order of keys out) */
    char *definition; /* the file as `config show` prints it: a monitor file that means the same;
                         NULL in one that was put together by hand */

    char *format;       /* auto | csv | ndjson | avro */
    char csv_delimiter; /* ',' ; 0 = guess among , ; tab | */
    struct dg_source_spec source;

    char *time_path; /* timestamp column */
    enum dg_time_format time_format;
    char *id_path;      /* or NULL */
    char *version_path; /* or NULL: model version */
    char *variant_path; /* or NULL */
    char *topic_path, *partition_path,
        *offset_path;       /* or NULL: rows of files that carry their place in Kafka */
    char *record_time_path; /* or NULL: ... and the record's timestamp there */
    char **ignore;
    size_t n_ignore;

    struct dg_feature *feature; /* features, then score / prediction / latency */
    size_t n_features;
    bool features_from_data; /* `features` omitted: every field of the baseline or the input */

    struct dg_window_spec *window;
    size_t n_windows;
    int64_t pane_us;         /* greatest common divisor of all sizes and slides */
    int64_t out_of_order_us; /* default 0 */
    int64_t late_events_us;  /* default: the shortest slide */
    int64_t max_ahead_us; /* far-future guard, default 1 d; files have no record time: against the
                             partition's own watermark, 0 = off */

    struct dg_segment_spec *segment;
    size_t n_segments;
    struct dg_baseline_spec *baseline;
    size_t n_baselines;
    struct dg_drift_rule drift;
    struct dg_check *check;
    size_t n_checks;
    uint32_t max_series;  /* default 20000: slices x columns */
    bool drop_duplicates; /* default true when id is set */
};

/* Whether Kafka takes the text as the name of a topic. */
bool dg_topic_name_valid(const char *text);

struct dg_diagnostics;

/* The path of `file` as written in the monitor file: relative to that file's directory. The
 * caller's, from malloc; NULL: out of memory. */
char *dg_monitor_resolve(const struct dg_monitor *m, const char *file);

/*
 * Read, check and resolve the monitor file at `path` ("-" = standard input). Everything that is
 * wrong or doubtful is in `d` (see engine/diagnostics.h), also when the file cannot be read, so
 * that the caller only prints it. The monitor is the caller's; `d` is begun anew and stays the
 * caller's. 0; EINVAL: there are errors; ENOMEM; the errno of reading. On failure *out is as it
 * was.
 */
DG_MUST_CHECK int dg_monitor_load(const char *path, struct dg_diagnostics *d,
                                  struct dg_monitor **out);

/* NULL is allowed. Every pointer in it was allocated on its own, with malloc. */
void dg_monitor_free(struct dg_monitor *m);

#endif
