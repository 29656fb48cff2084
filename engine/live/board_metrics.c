/* The board in Prometheus' text format. Families come one after the other with all their samples,
 * as the format asks; docs/METRICS.md says what each means. */
#include "engine/json_text.h"
#include "engine/live/board_view.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct label {
    const char *name, *value;
};

/* A label's value: backslash, quote and line feed are escaped, what is not UTF-8 is replaced. */
static void put_value(FILE *out, const char *text)
{
    const size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        const size_t n = dg_utf8_length(text + at, len - at);
        if (n == 0) {
            fputs("\xef\xbf\xbd", out);
            at++;
        } else if (text[at] == '\n') {
            fputs("\\n", out);
            at++;
        } else {
            if (text[at] == '\\' || text[at] == '"') {
                putc('\\', out);
            }
            fwrite(text + at, 1, n, out);
            at += n;
        }
    }
}

static void put_series(FILE *out, const char *name, const struct label label[], size_t n)
{
    fputs(name, out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%c%s=\"", i == 0 ? '{' : ',', label[i].name);
        put_value(out, label[i].value);
        putc('"', out);
    }
    fputs(n > 0 ? "} " : " ", out);
}

#define LABELS(...)                                                                                \
    (const struct label[]){__VA_ARGS__},                                                           \
        sizeof((const struct label[]){__VA_ARGS__}) / sizeof(struct label)

static void put_count(FILE *out, uint64_t n)
{
    fprintf(out, "%" PRIu64 "\n", n);
}

/* Microseconds as seconds, all digits. */
static void put_seconds(FILE *out, int64_t us)
{
    const uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    fprintf(out, "%s%" PRIu64 ".%06" PRIu64 "\n", us < 0 ? "-" : "", size / 1000000,
            size % 1000000);
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* -- the process -- */

static const struct {
    const char *name, *help;
} counts[DG_COUNTS] = {
    [DG_COUNT_RECORDS] = {"driftgauge_records_total", "Records counted, of all monitors."},
    [DG_COUNT_REREAD] = {"driftgauge_records_reread_total",
                         "Records counted and given up before a commit: they are read again."},
    [DG_COUNT_BYTES] = {"driftgauge_record_bytes_total", "Bytes of the values of records."},
    [DG_COUNT_COMMITS] = {"driftgauge_commits_total", "Commits of counts and positions."},
    [DG_COUNT_COMMIT_FAILURES] = {"driftgauge_commit_failures_total",
                                  "Attempts to commit that failed and were made again."},
    [DG_COUNT_DELTA_ROWS] = {"driftgauge_delta_rows_total", "Rows of packed counts committed."},
    [DG_COUNT_DELTA_BYTES] = {"driftgauge_delta_bytes_total", "Bytes of packed counts committed."},
    [DG_COUNT_FENCED] = {"driftgauge_fenced_total",
                         "Commits refused because another process owned a partition."},
    [DG_COUNT_REBALANCES] = {"driftgauge_rebalances_total",
                             "Times the group's partitions were dealt out anew."},
    [DG_COUNT_GAPS] = {"driftgauge_gaps_total", "Ranges of offsets that could not be read."},
    [DG_COUNT_GAP_RECORDS] = {"driftgauge_gap_records_total",
                              "Offsets in ranges that could not be read."},
    [DG_COUNT_DEAD_LETTERS] = {"driftgauge_dead_letters_total",
                               "Bad records written to a dead-letter topic."},
    [DG_COUNT_DEAD_LETTERS_REFUSED] = {"driftgauge_dead_letters_refused_total",
                                       "Bad records that the dead-letter topic did not take."},
    [DG_COUNT_RELOADS] = {"driftgauge_reloads_total", "Configurations that took effect."},
    [DG_COUNT_RELOAD_FAILURES] = {"driftgauge_reload_failures_total",
                                  "Configurations refused; the one before ran on."},
    [DG_COUNT_LEDGER_RECONNECTS] = {"driftgauge_ledger_reconnects_total",
                                    "Times the connection to the database was made again."},
    [DG_COUNT_UNJUDGED] = {"driftgauge_streams_unjudged_total",
                           "Streams that ended before their last windows were judged."},
    [DG_COUNT_LEDGER_SET_BACK] = {"driftgauge_ledger_set_back_total",
                                  "Times the database was found to lack what it had had."},
};

static void put_process(FILE *out, const struct dg_board_view *v)
{
    head(out, "driftgauge_build_info", "gauge", "Version of the program; the value is always 1.");
    put_series(out, "driftgauge_build_info", LABELS({"version", DG_VERSION}));
    put_count(out, 1);
    head(out, "driftgauge_ready", "gauge", "Whether /readyz answers 200.");
    put_series(out, "driftgauge_ready", NULL, 0);
    put_count(out, v->overall == DG_OVERALL_READY);
    for (int i = 0; i < DG_COUNTS; i++) {
        head(out, counts[i].name, "counter", counts[i].help);
        put_series(out, counts[i].name, NULL, 0);
        put_count(out, v->count[i]);
    }
    head(out, "driftgauge_config_last_reload_successful", "gauge",
         "Whether the configuration on disk, when last read, was taken.");
    put_series(out, "driftgauge_config_last_reload_successful", NULL, 0);
    put_count(out, !v->reload_refused);
    head(out, "driftgauge_config_last_reload_success_timestamp_seconds", "gauge",
         "When the configuration in force took effect.");
    put_series(out, "driftgauge_config_last_reload_success_timestamp_seconds", NULL, 0);
    put_seconds(out, v->reloaded_us != DG_TIME_NONE ? v->reloaded_us : v->started_us);
}

static void put_parts(FILE *out, const struct dg_board_view *v)
{
    head(out, "driftgauge_part_state", "gauge",
         "1 for the state that a part is in: starting, ok, blocked (waiting by itself) or failed.");
    for (int i = 0; i < DG_PARTS; i++) {
        const struct dg_board_speech *worst = dg_board_worst(v->part[i], v->n_part[i]);
        for (int s = DG_STATE_STARTING; worst != NULL && s <= DG_STATE_FAILED; s++) {
            put_series(out, "driftgauge_part_state",
                       LABELS({"part", dg_part_name((enum dg_part)i)},
                              {"state", dg_part_state_name((enum dg_part_state)s)}));
            put_count(out, (int)worst->state == s);
        }
    }
}

static const struct {
    const char *name, *help;
} times[DG_TIMES] = {
    [DG_TIME_COMMIT] = {"driftgauge_commit_duration_seconds", "How long commits took."},
    [DG_TIME_JUDGE] = {"driftgauge_judge_duration_seconds",
                       "How long a run of the judge over one monitor took."},
    [DG_TIME_VISIBLE] = {"driftgauge_window_visible_delay_seconds",
                         "From the close of a window until its rows stood in the database."},
};

static void put_times(FILE *out, const struct dg_board_view *v)
{
    for (int t = 0; t < DG_TIMES; t++) {
        const struct dg_board_histogram *h = &v->took[t];
        const char *name = times[t].name;
        size_t n;
        const double *bound = dg_board_bounds((enum dg_board_time)t, &n);
        uint64_t sum = 0;
        head(out, name, "histogram", times[t].help);
        for (size_t i = 0; i < n; i++) {
            sum += h->bucket[i];
            fprintf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bound[i], sum);
        }
        sum += h->bucket[n];
        fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9g\n%s_count %" PRIu64 "\n",
                name, sum, name, h->sum, name, sum);
    }
}

static void put_lanes(FILE *out, const struct dg_board_view *v)
{
    static const struct {
        const char *name, *help;
    } family[] = {
        {"driftgauge_lane_assigned", "Whether the lane knows which partitions are its own."},
        {"driftgauge_lane_partitions", "Partitions of the lane."},
        {"driftgauge_lane_open_bytes", "Memory of counts that are not committed yet."},
    };
    for (size_t f = 0; f < sizeof family / sizeof family[0]; f++) {
        head(out, family[f].name, "gauge", family[f].help);
        for (unsigned i = 0; i < DG_BOARD_LANES_MAX; i++) {
            const struct dg_board_lane_state *l = &v->lane[i];
            const size_t value[] = {l->assigned, l->partitions, l->bytes};
            char lane[16];
            if (l->known) {
                snprintf(lane, sizeof lane, "%u", i);
                put_series(out, family[f].name, LABELS({"lane", lane}));
                put_count(out, value[f]);
            }
        }
    }
}

/* -- monitors -- */

static const struct {
    const char *name, *help;
    size_t at; /* in struct dg_board_monitor */
} monitor_counts[] = {
    {"driftgauge_monitor_records_total", "Records read.",
     offsetof(struct dg_board_monitor, total.records)},
    {"driftgauge_monitor_rows_total", "Rows counted in windows.",
     offsetof(struct dg_board_monitor, total.rows)},
    {"driftgauge_monitor_duplicate_rows_total", "Rows left out because their id was there before.",
     offsetof(struct dg_board_monitor, total.duplicates)},
    {"driftgauge_monitor_late_rows_total", "Rows left out because their window was over.",
     offsetof(struct dg_board_monitor, total.late)},
    {"driftgauge_monitor_out_of_order_rows_total",
     "Rows counted though they came later than out_of_order allows for.",
     offsetof(struct dg_board_monitor, total.out_of_order)},
    {"driftgauge_monitor_unchecked_ids_total",
     "Rows whose id was not remembered for want of memory.",
     offsetof(struct dg_board_monitor, total.ids_unchecked)},
    {"driftgauge_monitor_windows_total", "Windows judged by this process, again or the first time.",
     offsetof(struct dg_board_monitor, windows)},
    {"driftgauge_monitor_windows_again_total", "Windows judged again because rows came to them.",
     offsetof(struct dg_board_monitor, again)},
    {"driftgauge_monitor_result_rows_total",
     "Result rows written because they were new or changed.",
     offsetof(struct dg_board_monitor, rows)},
    {"driftgauge_monitor_unrevised_total",
     "Packs of counts that came for windows too far back to be judged again.",
     offsetof(struct dg_board_monitor, unrevised)},
};

static uint64_t count_at(const struct dg_board_monitor *m, size_t at)
{
    uint64_t n;
    memcpy(&n, (const char *)m + at, sizeof n);
    return n;
}

static void put_monitor_counts(FILE *out, const struct dg_board_view *v)
{
    for (size_t f = 0; f < sizeof monitor_counts / sizeof monitor_counts[0]; f++) {
        head(out, monitor_counts[f].name, "counter", monitor_counts[f].help);
        for (size_t i = 0; i < v->n_monitors; i++) {
            put_series(out, monitor_counts[f].name, LABELS({"monitor", v->monitor[i].name}));
            put_count(out, count_at(&v->monitor[i], monitor_counts[f].at));
        }
    }
    head(out, "driftgauge_monitor_bad_records_total", "counter",
         "Records that could not become a row, by reason.");
    for (size_t i = 0; i < v->n_monitors; i++) {
        for (int r = DG_GOOD + 1; r < DG_REASONS; r++) {
            put_series(out, "driftgauge_monitor_bad_records_total",
                       LABELS({"monitor", v->monitor[i].name},
                              {"reason", dg_reason_name((enum dg_reason)r)}));
            put_count(out, v->monitor[i].total.bad[r]);
        }
    }
}

static void put_judges(FILE *out, const struct dg_board_view *v)
{
    static const struct {
        const char *name, *help;
    } family[] = {
        {"driftgauge_monitor_judged_window_end_timestamp_seconds",
         "End of the newest judged window."},
        {"driftgauge_monitor_newest_event_timestamp_seconds", "Newest event time."},
        {"driftgauge_monitor_watermark_timestamp_seconds",
         "Event time that every partition which is not idle has reached."},
    };
    head(out, "driftgauge_monitor_leading", "gauge",
         "1 in the process that judges the monitor, 0 in the others.");
    for (size_t i = 0; i < v->n_monitors; i++) {
        if (v->monitor[i].judged) {
            put_series(out, "driftgauge_monitor_leading", LABELS({"monitor", v->monitor[i].name}));
            put_count(out, v->monitor[i].judge.leading);
        }
    }
    for (size_t f = 0; f < sizeof family / sizeof family[0]; f++) {
        head(out, family[f].name, "gauge", family[f].help);
        for (size_t i = 0; i < v->n_monitors; i++) {
            const struct dg_board_monitor *m = &v->monitor[i];
            const int64_t us[] = {m->judge.judged_us, m->judge.newest_us, m->judge.watermark_us};
            if (m->judged && m->judge.leading && dg_board_time_known(us[f])) {
                put_series(out, family[f].name, LABELS({"monitor", m->name}));
                put_seconds(out, us[f]);
            }
        }
    }
    head(out, "driftgauge_monitor_judge_bytes", "gauge",
         "Memory of the panes that the judge holds.");
    for (size_t i = 0; i < v->n_monitors; i++) {
        const struct dg_board_monitor *m = &v->monitor[i];
        if (m->judged && m->judge.leading) {
            put_series(out, "driftgauge_monitor_judge_bytes", LABELS({"monitor", m->name}));
            put_count(out, m->judge.bytes);
        }
    }
}

static void put_windows(FILE *out, const struct dg_board_view *v)
{
    static const struct {
        const char *name, *help;
    } family[] = {
        {"driftgauge_window_rows", "Rows of the newest judged window of a size."},
        {"driftgauge_window_series", "Series of the newest judged window of a size."},
        {"driftgauge_window_drifted_series", "Series that drifted in the newest judged window."},
        {"driftgauge_window_warned_series", "Series with a warning in the newest judged window."},
        {"driftgauge_window_severity",
         "Severity of the newest judged window: 0 ok, 1 warn, 2 critical."},
    };
    for (size_t f = 0; f < sizeof family / sizeof family[0]; f++) {
        head(out, family[f].name, "gauge", family[f].help);
        for (size_t i = 0; i < v->n_monitors; i++) {
            const struct dg_board_monitor *m = &v->monitor[i];
            for (size_t k = 0; k < m->n_windows; k++) {
                const struct dg_board_window *w = &m->window[k];
                const uint64_t value[] = {w->rows, w->series, w->drift, w->warn,
                                          (uint64_t)w->severity};
                char size[DG_TIME_TEXT];
                put_series(
                    out, family[f].name,
                    LABELS({"monitor", m->name}, {"window", dg_duration_format(w->size_us, size)}));
                put_count(out, value[f]);
            }
        }
    }
}

/* -- partitions -- */

enum place_value { NEXT, COMMITTED, LAG, AGE, IDLE, PLACE_VALUES };

static const struct {
    const char *name, *help;
} place_family[PLACE_VALUES] = {
    [NEXT] = {"driftgauge_partition_next_offset", "Offset up to which records are counted."},
    [COMMITTED] = {"driftgauge_partition_committed_offset",
                   "Offset up to which counts are in the database."},
    [LAG] = {"driftgauge_partition_lag_records", "Offsets between what is counted and the end."},
    [AGE] = {"driftgauge_partition_watermark_age_seconds",
             "How far the newest event time lies behind the present."},
    [IDLE] = {"driftgauge_partition_idle", "Whether the broker confirmed that nothing is left."},
};

/* Whether the value is known; in *value, of AGE in microseconds. */
static bool place_value(const struct dg_board_view *v, const struct dg_board_place *p,
                        enum place_value which, int64_t *value)
{
    switch (which) {
    case NEXT:
        *value = p->next;
        return p->next >= 0;
    case COMMITTED:
        *value = p->committed;
        return p->committed >= 0;
    case LAG:
        *value = dg_board_lag(p);
        return *value >= 0;
    case AGE:
        *value = dg_board_time_known(p->max_us) ? v->now_us - p->max_us : 0;
        return dg_board_time_known(p->max_us);
    case IDLE:
    case PLACE_VALUES:
        break;
    }
    *value = p->idle;
    return true;
}

static void put_places(FILE *out, const struct dg_board_view *v)
{
    const size_t n = v->n_places < DG_BOARD_PARTITIONS_MAX ? v->n_places : DG_BOARD_PARTITIONS_MAX;
    for (int f = 0; f < PLACE_VALUES; f++) {
        head(out, place_family[f].name, "gauge", place_family[f].help);
        for (size_t i = 0; i < n; i++) {
            const struct dg_board_place *p = &v->place[i];
            int64_t value;
            char partition[16];
            if (place_value(v, p, (enum place_value)f, &value)) {
                snprintf(partition, sizeof partition, "%" PRId32, p->partition);
                put_series(out, place_family[f].name,
                           LABELS({"monitor", v->monitor[p->of].name}, {"topic", p->topic},
                                  {"partition", partition}));
                if (f == AGE) {
                    put_seconds(out, value);
                } else {
                    put_count(out, (uint64_t)value);
                }
            }
        }
    }
    head(out, "driftgauge_partitions_not_shown", "gauge",
         "Partitions without metrics of their own because there are too many.");
    put_series(out, "driftgauge_partitions_not_shown", NULL, 0);
    put_count(out, v->n_places - n);
}

/* Over all partitions of a monitor, shown or not. */
static void put_place_sums(FILE *out, const struct dg_board_view *v)
{
    head(out, "driftgauge_monitor_lag_records", "gauge",
         "Offsets between what is counted and the end, of this process's partitions.");
    size_t at = 0;
    for (size_t i = 0; i < v->n_monitors; i++) {
        uint64_t lag = 0;
        for (; at < v->n_places && v->place[at].of == i; at++) {
            const int64_t more = dg_board_lag(&v->place[at]);
            lag += more > 0 ? (uint64_t)more : 0;
        }
        put_series(out, "driftgauge_monitor_lag_records", LABELS({"monitor", v->monitor[i].name}));
        put_count(out, lag);
    }
}

int dg_board_metrics(const struct dg_board *b, FILE *out)
{
    struct dg_board_view v;
    if (dg_board_look(b, &v) != 0) {
        return ENOMEM;
    }
    put_process(out, &v);
    put_parts(out, &v);
    put_times(out, &v);
    put_lanes(out, &v);
    put_monitor_counts(out, &v);
    put_judges(out, &v);
    put_windows(out, &v);
    put_place_sums(out, &v);
    put_places(out, &v);
    dg_board_view_deinit(&v);
    return ferror(out) != 0 ? ENOMEM : 0;
}
