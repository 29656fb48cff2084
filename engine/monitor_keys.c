#include "engine/monitor_keys.h"

#include "engine/config.h"
#include "engine/result_fields.h"

#define US_PER_S   1e6
#define US_PER_DAY 86400e6

#define SECTION(table, count) .key = (table), .n = (count)

static const char *const formats[] = {"auto", "csv", "ndjson", "avro", "json", NULL};
static const char *const framings[] = {"auto", "confluent", "single_object", "bare", NULL};
static const char *const presets[] = {"canonical", "kserve", "open_inference",
                                      "sagemaker", "seldon", NULL};
static const char *const on_loss_words[] = {"continue", "stop", NULL};
static const struct dg_key source_keys[] = {
    [SOURCE_FORMAT] = {.name = "format",
                       .type = DG_KEY_WORD,
                       .words = formats,
                       .remark = true,
                       .fallback = "auto",
                       .doc = "What files, or records of a topic, are written in; auto looks at "
                              "their first bytes. json is ndjson for files."},
    [SOURCE_DELIMITER] = {.name = "delimiter",
                          .type = DG_KEY_TEXT,
                          .remark = true,
                          .fallback = "auto",
                          .doc = "What separates CSV fields: one character, tab, or auto, which "
                                 "chooses among comma, semicolon, tab and bar."},
    [SOURCE_TOPIC] = {.name = "topic",
                      .type = DG_KEY_TEXT,
                      .remark = true,
                      .doc = "The Kafka topic whose records are the events."},
    [SOURCE_TOPICS] = {.name = "topics",
                       .type = DG_KEY_TEXTS,
                       .remark = true,
                       .doc = "The same, for several topics."},
    [SOURCE_FRAMING] = {.name = "framing",
                        .type = DG_KEY_WORD,
                        .words = framings,
                        .remark = true,
                        .fallback = "auto",
                        .doc = "What stands before the Avro in a record: a schema's id (confluent),"
                               " its fingerprint (single_object), or nothing (bare). auto looks at "
                               "each record."},
    [SOURCE_SCHEMA] = {.name = "schema",
                       .type = DG_KEY_TEXT,
                       .remark = true,
                       .doc = "The Avro schema of bare and single-object records: a file, relative "
                              "to the monitor file."},
    [SOURCE_PRESET] = {.name = "preset",
                       .type = DG_KEY_WORD,
                       .words = presets,
                       .doc = "Whose records they are: where the events stand in them and what "
                              "their fields are called. See KAFKA.md."},
    [SOURCE_INSTANCES] = {.name = "instances",
                          .type = DG_KEY_FIELD,
                          .fallback_words = "the record is the event, unless `preset` says else",
                          .doc = "A pointer to an array in the record; each of its elements is an "
                                 "event. Fields are then looked up in the element; ^/NAME is a "
                                 "field of the record around it."},
    [SOURCE_START] = {.name = "start",
                      .type = DG_KEY_TEXT,
                      .remark = true,
                      .fallback = "earliest",
                      .doc = "Where a partition begins that has not been read before: earliest, "
                             "latest, or a time such as 2026-11-01T00:00:00Z."},
    [SOURCE_DEAD_LETTERS] = {.name = "dead_letters",
                             .type = DG_KEY_TEXT,
                             .remark = true,
                             .fallback_words = "they are only counted",
                             .doc = "The topic that gets a copy of every record that cannot be "
                                    "read."},
    [SOURCE_IDLE_AFTER] = {.name = "idle_after",
                           .type = DG_KEY_DURATION,
                           .remark = true,
                           .min = US_PER_S,
                           .max = US_PER_DAY,
                           .fallback = "30s",
                           .doc = "How long a partition must have been read to its end before "
                                  "windows no longer wait for it."},
    [SOURCE_ON_LOSS] = {.name = "on_loss",
                        .type = DG_KEY_WORD,
                        .words = on_loss_words,
                        .remark = true,
                        .fallback = "continue",
                        .doc = "Records deleted before they were read: go on behind the gap and "
                               "say so, or stop the partition."},
};
static const struct dg_section source_section = {
    .name = "source",
    .doc = "Where the events come from and how they are written. Files are given on the command "
           "line. Only preset and instances are part of the configuration's hash, so that a "
           "replay of files and a live run have the same.",
    SECTION(source_keys, SOURCE_KEYS),
    .example = "source:\n  topic: credit.predictions\n  format: avro\n  dead_letters: "
               "credit.predictions.bad",
};

static const char *const time_formats[] = {"auto",    "rfc3339", "unix_s", "unix_ms",
                                           "unix_us", "unix_ns", NULL};
static const struct dg_key timestamp_keys[] = {
    [TIMESTAMP_FROM] = {.name = "from",
                        .type = DG_KEY_FIELD,
                        .required = true,
                        .doc = "The field that holds the event time."},
    [TIMESTAMP_FORMAT] = {.name = "format",
                          .type = DG_KEY_WORD,
                          .words = time_formats,
                          .fallback = "auto",
                          .doc =
                              "How the time is written; auto reads ISO 8601 and guesses the unit "
                              "of numbers by their magnitude."},
};
static const struct dg_section timestamp_section = {
    .name = "columns.timestamp",
    .doc = "When the model answered. A field's name alone is enough. Times without a zone are UTC.",
    SECTION(timestamp_keys, TIMESTAMP_KEYS),
    .scalar = "from",
    .example = "columns:\n  timestamp: { from: created, format: unix_ms }",
};

static const struct dg_key prediction_keys[] = {
    [PREDICTION_SCORE] = {.name = "score",
                          .type = DG_KEY_FIELD,
                          .doc = "The model's number: a probability, or the predicted value."},
    [PREDICTION_CLASS] = {.name = "class",
                          .type = DG_KEY_FIELD,
                          .doc = "The predicted class, watched as a category."},
};
static const struct dg_section prediction_section = {
    .name = "columns.prediction",
    .doc = "What the model said. Both are watched for drift like features.",
    SECTION(prediction_keys, PREDICTION_KEYS),
    .example = "columns:\n  prediction: { score: y_pred_proba, class: y_pred }",
};

static const char *const feature_types[] = {"numeric", "category", NULL};
static const struct dg_key feature_keys[] = {
    [FEATURE_TYPE] = {.name = "type",
                      .type = DG_KEY_WORD,
                      .words = feature_types,
                      .fallback_words = "category if `values` is given, numeric if `valid` is",
                      .doc = "Whether its values are numbers or categories."},
    [FEATURE_FROM] = {.name = "from",
                      .type = DG_KEY_FIELD,
                      .fallback_words = "the feature's name",
                      .doc = "The field it is read from; a pointer such as /applicant/age reaches "
                             "into nested records."},
    [FEATURE_VALID] = {.name = "valid",
                       .type = DG_KEY_RANGE,
                       .fallback_words = "every number",
                       .doc = "Numbers outside are counted as out of range and stay out of the "
                              "distribution; inf and -inf leave a side open."},
    [FEATURE_VALUES] = {.name = "values",
                        .type = DG_KEY_TEXTS,
                        .fallback_words = "any",
                        .doc = "The categories that are expected; others are counted as out of "
                               "range."},
    [FEATURE_IMPORTANCE] = {.name = "importance",
                            .type = DG_KEY_NUMBER,
                            .min = 0,
                            .max = 1000,
                            .fallback = "1",
                            .doc = "Its weight where features are ranked."},
};
static const struct dg_section feature_section = {
    .name = "columns.features.<feature>",
    .doc = "One feature. Its type alone is enough.",
    SECTION(feature_keys, FEATURE_KEYS),
    .scalar = "type",
    .example = "columns:\n  features:\n    income: numeric\n    age: { type: numeric, valid: [18, "
               "110], from: /applicant/age, importance: 2 }\n    channel: { type: category, "
               "values: [web, mobile, branch] }",
};
static const struct dg_key feature_key = {
    .name = "feature", .type = DG_KEY_SECTION, .section = &feature_section};
static const struct dg_section features_section = {
    .name = "columns.features",
    .doc =
        "The features by name. Leave the key out to watch every column of the baseline file; where "
        "there is none they must be listed, and `driftgauge init` does that.",
    .other = &feature_key,
    .other_name = "feature",
};

static const struct dg_key columns_keys[] = {
    [COLUMNS_TIMESTAMP] = {.name = "timestamp",
                           .type = DG_KEY_SECTION,
                           .section = &timestamp_section,
                           .fallback_words = "none; needed, unless `preset` is canonical",
                           .doc = "The event time, for example `timestamp: ts`."},
    [COLUMNS_ID] = {.name = "id",
                    .type = DG_KEY_FIELD,
                    .doc = "What tells events apart: rows that repeat it are duplicates."},
    [COLUMNS_VERSION] = {.name = "version",
                         .type = DG_KEY_FIELD,
                         .doc = "The model's version; each gets results of its own."},
    [COLUMNS_VARIANT] = {.name = "variant",
                         .type = DG_KEY_FIELD,
                         .doc =
                             "The variant of a roll-out (champion, canary); each gets results of "
                             "its own."},
    [COLUMNS_TOPIC] = {.name = "topic",
                       .type = DG_KEY_FIELD,
                       .doc = "The Kafka topic the row was read from. With partition and offset, a "
                              "file replays exactly as its topic did."},
    [COLUMNS_PARTITION] = {.name = "partition",
                           .type = DG_KEY_FIELD,
                           .doc = "The Kafka partition the row was read from."},
    [COLUMNS_OFFSET] = {.name = "offset",
                        .type = DG_KEY_FIELD,
                        .doc = "The row's offset in its partition."},
    [COLUMNS_RECORD_TIMESTAMP] = {.name = "record_timestamp",
                                  .type = DG_KEY_FIELD,
                                  .doc = "The record's own timestamp in Kafka, against which "
                                         "time.max_ahead is measured."},
    [COLUMNS_PREDICTION] = {.name = "prediction",
                            .type = DG_KEY_SECTION,
                            .section = &prediction_section,
                            .doc = "What the model said."},
    [COLUMNS_LATENCY] = {.name = "latency",
                         .type = DG_KEY_FIELD,
                         .doc = "How long the answer took, in milliseconds."},
    [COLUMNS_FEATURES] = {.name = "features",
                          .type = DG_KEY_SECTION,
                          .section = &features_section,
                          .fallback_words = "every column of the baseline file",
                          .doc = "What the model saw."},
    [COLUMNS_IGNORE] = {.name = "ignore",
                        .type = DG_KEY_TEXTS,
                        .fallback_words = "none",
                        .doc = "Fields that are never read, and are not reported as new."},
};
static const struct dg_section columns_section = {
    .name = "columns",
    .doc =
        "Which field of a record is what. A plain name is a top-level field (CSV header, JSON "
        "key, Avro field); what begins with / is a pointer (RFC 6901) into nested ones. In records "
        "of Kafka, @key, @key/NAME, @header/NAME, @topic, @partition, @offset and @timestamp "
        "stand beside the value; files have them only as fields of that name.",
    SECTION(columns_keys, COLUMNS_KEYS),
};

static const struct dg_key window_keys[] = {
    [WINDOW_SIZE] = {.name = "size",
                     .type = DG_KEY_DURATION,
                     .required = true,
                     .min = US_PER_S,
                     .max = 366 * US_PER_DAY,
                     .doc = "How much event time one evaluation covers; a multiple of slide."},
    [WINDOW_SLIDE] = {.name = "slide",
                      .type = DG_KEY_DURATION,
                      .min = US_PER_S,
                      .max = 366 * US_PER_DAY,
                      .fallback_words = "the size",
                      .doc = "How often an evaluation is made."},
};
static const struct dg_section window_section = {
    .name = "windows",
    .doc = "Sliding windows of event time, aligned to the epoch. A list gives several resolutions "
           "at once.",
    SECTION(window_keys, WINDOW_KEYS),
    .scalar = "size",
    .example = "windows:\n  - { size: 1h, slide: 5m }\n  - { size: 1d, slide: 1h }",
};

static const struct dg_key time_keys[] = {
    [TIME_OUT_OF_ORDER] = {.name = "out_of_order",
                           .type = DG_KEY_DURATION,
                           .min = 0,
                           .max = 31 * US_PER_DAY,
                           .fallback = "0",
                           .doc = "How far behind its partition's newest event an event may be "
                                  "before windows close over it."},
    [TIME_LATE_EVENTS] = {.name = "late_events",
                          .type = DG_KEY_DURATION,
                          .min = 0,
                          .max = 31 * US_PER_DAY,
                          .fallback_words = "the shortest slide",
                          .doc = "How long after its window closed an event still counts; later "
                                 "ones are counted as late."},
    [TIME_MAX_AHEAD] = {.name = "max_ahead",
                        .type = DG_KEY_DURATION,
                        .min = 0,
                        .max = 366 * US_PER_DAY,
                        .fallback = "1d",
                        .doc = "An event further ahead than this is rejected, so that one wrong "
                               "clock cannot close every window; 0 turns the guard off."},
};
static const struct dg_section time_section = {
    .name = "time",
    .doc = "How patient the windows are.",
    SECTION(time_keys, TIME_KEYS),
    .example = "time: { out_of_order: 5m, late_events: 10m, max_ahead: 1d }",
};

static const struct dg_key segment_keys[] = {
    [SEGMENT_COLUMN] = {.name = "column",
                        .type = DG_KEY_FIELD,
                        .doc = "The field, or the name of a feature."},
    [SEGMENT_COLUMNS] = {.name = "columns",
                         .type = DG_KEY_TEXTS,
                         .doc = "Two of them, for every pair of values."},
    [SEGMENT_VALUES] = {.name = "values",
                        .type = DG_KEY_TEXTS,
                        .fallback_words = "the most frequent values of the baseline file",
                        .doc = "The values that get results of their own (for a pair: \"DE,web\"); "
                               "all others fall into the segment rest."},
    [SEGMENT_TOP] = {.name = "top",
                     .type = DG_KEY_COUNT,
                     .min = 1,
                     .max = 1000,
                     .fallback_words = "20, without `values`",
                     .doc = "How many of the baseline's values, where `values` is left out."},
};
static const struct dg_section segment_section = {
    .name = "segments",
    .doc =
        "Subsets that are evaluated like the whole, per value of a column. A column's name alone "
        "is enough.",
    SECTION(segment_keys, SEGMENT_KEYS),
    .scalar = "column",
    .example = "segments:\n  - country\n  - { column: channel, values: [web, mobile] }\n  - { "
               "columns: [country, channel], top: 50 }",
};

static const char *const baseline_windows[] = {"previous_window", NULL};
static const char *const seasons[] = {"hour_of_week", "hour_of_day", NULL};
static const struct dg_key baseline_keys[] = {
    [BASELINE_FILE] = {.name = "file",
                       .type = DG_KEY_TEXT,
                       .doc = "A fixed reference made by `driftgauge baseline build`; a path "
                              "relative to the monitor file."},
    [BASELINE_WINDOW] = {.name = "window",
                         .type = DG_KEY_WORD,
                         .words = baseline_windows,
                         .hint = "a baseline file is written { file: NAME }",
                         .doc = "The window of the same size that ends where this one starts."},
    [BASELINE_TRAILING] = {.name = "trailing",
                           .type = DG_KEY_DURATION,
                           .min = US_PER_S,
                           .max = 366 * US_PER_DAY,
                           .doc = "The span before the window's start."},
    [BASELINE_SEASONAL] = {.name = "seasonal",
                           .type = DG_KEY_WORD,
                           .words = seasons,
                           .doc = "The same window of earlier weeks (hour_of_week) or days "
                                  "(hour_of_day), together."},
    [BASELINE_CYCLES] = {.name = "cycles",
                         .type = DG_KEY_COUNT,
                         .min = 1,
                         .max = 52,
                         .fallback_words = "4, with `seasonal`",
                         .doc = "How many weeks or days back; only with `seasonal`."},
    [BASELINE_MIN_CYCLES] = {.name = "min_cycles",
                             .type = DG_KEY_COUNT,
                             .min = 1,
                             .max = 52,
                             .fallback_words = "the smaller of cycles and 4",
                             .doc = "With fewer cycles that have data there is no reference; only "
                                    "with `seasonal`."},
    [BASELINE_VARIANT] = {.name = "variant",
                          .type = DG_KEY_TEXT,
                          .doc = "The same window of this variant; needs columns.variant."},
};
static const struct dg_section baseline_section = {
    .name = "baselines.<baseline>",
    .doc = "One reference: exactly one of file, window, trailing, seasonal and variant. "
           "`previous_window` alone is enough for that one.",
    SECTION(baseline_keys, BASELINE_KEYS),
    .scalar = "window",
    .example =
        "baselines:\n  training: { file: reference.baseline.json }\n  previous: "
        "previous_window\n  last_week: { trailing: 7d }\n  weekly: { seasonal: hour_of_week, "
        "cycles: 4 }\n  control: { variant: champion }",
};
static const struct dg_key baseline_key = {
    .name = "baseline", .type = DG_KEY_SECTION, .section = &baseline_section};
static const struct dg_section baselines_section = {
    .name = "baselines",
    .doc = "What every window is compared with, by names of your choice. Without any, windows are "
           "described but not compared.",
    .other = &baseline_key,
    .other_name = "baseline",
};

static const struct dg_key drift_keys[] = {
    [DRIFT_ENABLED] = {.name = "enabled",
                       .type = DG_KEY_SWITCH,
                       .fallback = "on",
                       .doc = "`drift: off` turns the rule off."},
    [DRIFT_Q] = {.name = "q",
                 .type = DG_KEY_NUMBER,
                 .min = 1e-9,
                 .max = 0.5,
                 .fallback = "0.01",
                 .doc = "The share of false alarms allowed among the alarms of one evaluation "
                        "(false discovery rate)."},
    [DRIFT_EFFECT] = {.name = "effect",
                      .type = DG_KEY_NUMBER,
                      .min = 0,
                      .max = 10,
                      .fallback = "0.1",
                      .doc =
                          "The smallest bias-corrected PSI that matters; what is significant but "
                          "smaller is a warning at most."},
    [DRIFT_FOR] = {.name = "for",
                   .type = DG_KEY_COUNT,
                   .min = 1,
                   .max = 1000,
                   .fallback = "3",
                   .doc = "How many evaluations in a row it takes."},
    [DRIFT_MIN_ROWS] = {.name = "min_rows",
                        .type = DG_KEY_COUNT,
                        .min = 1,
                        .max = 1e12,
                        .fallback = "200",
                        .doc = "With fewer values in the window there is no judgement."},
};
static const struct dg_section drift_section = {
    .name = "checks.drift",
    .doc = "The rule for drift: significant after correction for many features, large enough, and "
           "lasting.",
    SECTION(drift_keys, DRIFT_KEYS),
    .scalar = "enabled",
    .example = "checks:\n  drift: { q: 0.01, effect: 0.1, for: 3, min_rows: 200 }",
};

static const struct dg_key check_keys[] = {
    [CHECK_WARN] = {.name = "warn",
                    .type = DG_KEY_BOUND,
                    .doc = "The bound beyond which it is a warning."},
    [CHECK_CRITICAL] = {.name = "critical",
                        .type = DG_KEY_BOUND,
                        .doc = "The bound beyond which it is critical."},
    [CHECK_FOR] = {.name = "for",
                   .type = DG_KEY_COUNT,
                   .min = 1,
                   .max = 1000,
                   .fallback = "1",
                   .doc = "How many evaluations in a row it takes."},
    [CHECK_BASELINE] = {.name = "baseline",
                        .type = DG_KEY_TEXT,
                        .fallback_words = "each",
                        .doc = "Only against this baseline."},
};
static const struct dg_section check_section = {
    .name = "checks.<metric>",
    .doc = "A plain threshold on one number of the results. A list gives a metric several.",
    SECTION(check_keys, CHECK_KEYS),
    .example =
        "checks:\n  psi: { warn: above 0.1, critical: above 0.25, for: 3, baseline: training "
        "}\n  completeness: { critical: below 90% }",
};
static const struct dg_key check_key = {
    .name = "metric", .type = DG_KEY_SECTIONS, .section = &check_section};
static const struct dg_key checks_keys[] = {
    [CHECKS_DRIFT] = {.name = "drift",
                      .type = DG_KEY_SECTION,
                      .section = &drift_section,
                      .doc = "The default rule."},
};
static const char *metric_name(size_t i)
{
    bool of_series;
    const struct dg_result_field *f = dg_monitor_metric(i, &of_series);
    return f == NULL ? NULL : f->name;
}
static const struct dg_section checks_section = {
    .name = "checks",
    .doc = "What is judged, and how.",
    SECTION(checks_keys, CHECKS_KEYS),
    .other = &check_key,
    .other_name = "metric",
    .other_word = metric_name,
};

static const struct dg_key limits_keys[] = {
    [LIMITS_MAX_SERIES] = {.name = "max_series",
                           .type = DG_KEY_COUNT,
                           .min = 1,
                           .max = 1e7,
                           .fallback = "20000",
                           .doc =
                               "Slices times columns; what would go beyond is refused and said."},
};
static const struct dg_section limits_section = {
    .name = "limits",
    .doc = "What keeps memory bounded.",
    SECTION(limits_keys, LIMITS_KEYS),
    .example = "limits: { max_series: 20000 }",
};

static const char *const duplicate_words[] = {"drop", "keep", NULL};
static const struct dg_key monitor_keys[] = {
    [MONITOR_NAME] = {.name = "monitor",
                      .type = DG_KEY_NAME,
                      .required = true,
                      .doc = "The monitor's name, as in results."},
    [MONITOR_DESCRIPTION] = {.name = "description",
                             .type = DG_KEY_TEXT,
                             .remark = true,
                             .doc = "What the model is for, in a few words."},
    [MONITOR_OWNER] = {.name = "owner",
                       .type = DG_KEY_TEXT,
                       .remark = true,
                       .doc = "Who is asked about it."},
    [MONITOR_SOURCE] = {.name = "source",
                        .type = DG_KEY_SECTION,
                        .section = &source_section,
                        .doc = "Where the events come from and how they are written."},
    [MONITOR_COLUMNS] = {.name = "columns",
                         .type = DG_KEY_SECTION,
                         .section = &columns_section,
                         .required = true,
                         .doc = "Which field of a record is what; at least `timestamp`."},
    [MONITOR_WINDOWS] = {.name = "windows",
                         .type = DG_KEY_SECTIONS,
                         .section = &window_section,
                         .required = true,
                         .doc =
                             "How much time one evaluation covers, for example `windows: { size: "
                             "1h, slide: 5m }`."},
    [MONITOR_TIME] = {.name = "time",
                      .type = DG_KEY_SECTION,
                      .section = &time_section,
                      .doc = "How patient the windows are."},
    [MONITOR_SEGMENTS] = {.name = "segments",
                          .type = DG_KEY_SECTIONS,
                          .section = &segment_section,
                          .fallback_words = "none",
                          .doc = "Subsets that are evaluated like the whole."},
    [MONITOR_BASELINES] = {.name = "baselines",
                           .type = DG_KEY_SECTION,
                           .section = &baselines_section,
                           .doc = "What every window is compared with."},
    [MONITOR_CHECKS] = {.name = "checks",
                        .type = DG_KEY_SECTION,
                        .section = &checks_section,
                        .doc = "What is judged, and how."},
    [MONITOR_LIMITS] = {.name = "limits",
                        .type = DG_KEY_SECTION,
                        .section = &limits_section,
                        .doc = "What keeps memory bounded."},
    [MONITOR_DUPLICATES] = {.name = "duplicates",
                            .type = DG_KEY_WORD,
                            .words = duplicate_words,
                            .fallback_words = "drop if columns.id is given, else keep",
                            .doc = "Whether rows that repeat an id are left out."},
};
const struct dg_section dg_monitor_section = {
    .name = "monitor file",
    .doc = "One monitor per file: where one model's events are, what is watched, and against what.",
    SECTION(monitor_keys, MONITOR_KEYS),
};
