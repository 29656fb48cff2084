/* The document of /v1/status. Fields are never renamed or removed; docs/METRICS.md lists them. */
#include "engine/json_text.h"
#include "engine/live/board_view.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define RATE_SECONDS 10

static void put_name(FILE *out, const char *name)
{
    fprintf(out, "\"%s\":", name);
}

static void put_text(FILE *out, const char *name, const char *text)
{
    put_name(out, name);
    dg_json_put_text(out, text, strlen(text));
    putc(',', out);
}

static void put_text_or_null(FILE *out, const char *name, const char *text)
{
    if (text[0] != '\0') {
        put_text(out, name, text);
    } else {
        fprintf(out, "\"%s\":null,", name);
    }
}

static void put_time(FILE *out, const char *name, int64_t us)
{
    char text[DG_TIME_TEXT];
    put_text_or_null(out, name, dg_board_time_known(us) ? dg_time_format(us, text) : "");
}

static void put_integer(FILE *out, const char *name, int64_t n)
{
    fprintf(out, "\"%s\":%" PRId64 ",", name, n);
}

static void put_offset(FILE *out, const char *name, int64_t n)
{
    if (n < 0) {
        fprintf(out, "\"%s\":null,", name);
    } else {
        put_integer(out, name, n);
    }
}

static void put_truth(FILE *out, const char *name, bool yes)
{
    fprintf(out, "\"%s\":%s,", name, yes ? "true" : "false");
}

/* Seconds that `us` lies before now, to the millisecond. */
static void put_age(FILE *out, const char *name, int64_t now_us, int64_t us)
{
    put_name(out, name);
    if (dg_board_time_known(us)) {
        const int64_t ms = (now_us - us) / 1000;
        const uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
        fprintf(out, "%s%" PRIu64 ".%03" PRIu64 ",", ms < 0 ? "-" : "", size / 1000, size % 1000);
    } else {
        fputs("null,", out);
    }
}

/* Every member above leaves a comma behind; `last` has none. */
static void put_last(FILE *out, const char *name, uint64_t n)
{
    fprintf(out, "\"%s\":%" PRIu64 "}", name, n);
}

/* -- the process -- */

static void put_head(FILE *out, const struct dg_board_view *v)
{
    put_text(out, "state", dg_overall_name(v->overall));
    put_text(out, "words", v->words);
    put_time(out, "since", v->overall_since_us);
    put_text(out, "version", DG_VERSION);
    put_time(out, "time", v->now_us);
    put_time(out, "started", v->started_us);
    put_age(out, "uptime_s", v->now_us, v->started_us);
    fputs("\"config\":{", out);
    put_text_or_null(out, "path", v->config);
    put_text_or_null(out, "group", v->group);
    put_time(out, "loaded", v->reloaded_us != DG_TIME_NONE ? v->reloaded_us : v->started_us);
    put_truth(out, "last_reload_ok", !v->reload_refused);
    put_integer(out, "reloads", (int64_t)v->count[DG_COUNT_RELOADS]);
    put_last(out, "reload_failures", v->count[DG_COUNT_RELOAD_FAILURES]);
}

static void put_parts(FILE *out, const struct dg_board_view *v)
{
    fputs(",\"parts\":{", out);
    for (int i = 0; i < DG_PARTS; i++) {
        const struct dg_board_speech *worst = dg_board_worst(v->part[i], v->n_part[i]);
        fputs(i > 0 ? "," : "", out);
        put_name(out, dg_part_name((enum dg_part)i));
        if (worst == NULL) {
            fputs("null", out);
            continue;
        }
        putc('{', out);
        put_text(out, "state", dg_part_state_name(worst->state));
        put_time(out, "since", worst->since_us);
        put_text(out, "words", worst->words);
        put_name(out, "by");
        dg_json_put_text(out, worst->who, strlen(worst->who));
        putc('}', out);
    }
    putc('}', out);
}

static void put_lanes(FILE *out, const struct dg_board_view *v)
{
    const char *comma = "";
    fputs(",\"lanes\":[", out);
    for (unsigned i = 0; i < DG_BOARD_LANES_MAX; i++) {
        const struct dg_board_lane_state *l = &v->lane[i];
        if (l->known) {
            fprintf(out, "%s{", comma);
            put_integer(out, "lane", i);
            put_truth(out, "assigned", l->assigned);
            put_integer(out, "partitions", (int64_t)l->partitions);
            put_last(out, "open_bytes", l->bytes);
            comma = ",";
        }
    }
    putc(']', out);
}

static void put_totals(FILE *out, const struct dg_board_view *v)
{
    static const char *const names[DG_COUNTS] = {
        [DG_COUNT_RECORDS] = "records",
        [DG_COUNT_REREAD] = "records_reread",
        [DG_COUNT_BYTES] = "record_bytes",
        [DG_COUNT_COMMITS] = "commits",
        [DG_COUNT_COMMIT_FAILURES] = "commit_failures",
        [DG_COUNT_DELTA_ROWS] = "delta_rows",
        [DG_COUNT_DELTA_BYTES] = "delta_bytes",
        [DG_COUNT_FENCED] = "fenced",
        [DG_COUNT_REBALANCES] = "rebalances",
        [DG_COUNT_GAPS] = "gaps",
        [DG_COUNT_GAP_RECORDS] = "gap_records",
        [DG_COUNT_DEAD_LETTERS] = "dead_letters",
        [DG_COUNT_DEAD_LETTERS_REFUSED] = "dead_letters_refused",
        [DG_COUNT_RELOADS] = "reloads",
        [DG_COUNT_RELOAD_FAILURES] = "reload_failures",
        [DG_COUNT_LEDGER_RECONNECTS] = "ledger_reconnects",
        [DG_COUNT_UNJUDGED] = "streams_unjudged",
        [DG_COUNT_LEDGER_SET_BACK] = "ledger_set_back",
    };
    fputs(",\"totals\":", out);
    for (int i = 0; i < DG_COUNTS; i++) {
        fprintf(out, "%c\"%s\":%" PRIu64, i == 0 ? '{' : ',', names[i], v->count[i]);
    }
    putc('}', out);
}

/* -- monitors -- */

static void put_counts(FILE *out, const struct dg_admission_totals *t)
{
    put_integer(out, "records", (int64_t)t->records);
    put_integer(out, "rows", (int64_t)t->rows);
    put_integer(out, "duplicates", (int64_t)t->duplicates);
    put_integer(out, "late", (int64_t)t->late);
    put_integer(out, "out_of_order", (int64_t)t->out_of_order);
    put_integer(out, "ids_unchecked", (int64_t)t->ids_unchecked);
    fputs("\"bad\":", out);
    for (int r = DG_GOOD + 1; r < DG_REASONS; r++) {
        fprintf(out, "%c\"%s\":%" PRIu64, r == DG_GOOD + 1 ? '{' : ',',
                dg_reason_name((enum dg_reason)r), t->bad[r]);
    }
    fputs("},", out);
}

static void put_judge(FILE *out, const struct dg_board_view *v, const struct dg_board_monitor *m)
{
    const bool here = m->judged && m->judge.leading;
    const int64_t watermark_us = here ? m->judge.watermark_us : DG_TIME_NONE;
    put_text_or_null(out, "config_hash", m->hash);
    put_truth(out, "leading", here);
    put_time(out, "judged_until", here ? m->judge.judged_us : DG_TIME_NONE);
    put_time(out, "newest_event", here ? m->judge.newest_us : DG_TIME_NONE);
    put_time(out, "watermark", watermark_us);
    put_age(out, "watermark_age_s", v->now_us, watermark_us);
    put_integer(out, "windows_judged", (int64_t)m->windows);
    put_integer(out, "windows_again", (int64_t)m->again);
    put_integer(out, "rows_written", (int64_t)m->rows);
    put_integer(out, "unrevised", (int64_t)m->unrevised);
    put_integer(out, "judge_bytes", here ? (int64_t)m->judge.bytes : 0);
}

static void put_windows(FILE *out, const struct dg_board_monitor *m)
{
    enum dg_severity worst = DG_OK;
    for (size_t i = 0; i < m->n_windows; i++) {
        worst = m->window[i].severity > worst ? m->window[i].severity : worst;
    }
    put_text_or_null(out, "severity", m->n_windows > 0 ? dg_severity_name(worst) : "");
    fputs("\"windows\":[", out);
    for (size_t i = 0; i < m->n_windows; i++) {
        const struct dg_board_window *w = &m->window[i];
        char size[DG_TIME_TEXT];
        fputs(i > 0 ? ",{" : "{", out);
        put_text(out, "window", dg_duration_format(w->size_us, size));
        put_time(out, "end", w->end_us);
        put_text(out, "severity", dg_severity_name(w->severity));
        put_integer(out, "rows", (int64_t)w->rows);
        put_integer(out, "series", w->series);
        put_integer(out, "drifted", w->drift);
        put_last(out, "warned", w->warn);
    }
    fputs("],", out);
}

static void put_minute(FILE *out, const char *name, const double value[DG_BOARD_SECONDS])
{
    fprintf(out, "\"%s\":", name);
    for (size_t i = 0; i < DG_BOARD_SECONDS; i++) {
        putc(i == 0 ? '[' : ',', out);
        dg_json_put_real(out, value[i]);
    }
    putc(']', out);
}

static void put_rates(FILE *out, const struct dg_board_view *v, const struct dg_board_monitor *m)
{
    double records[DG_BOARD_SECONDS], drifted[DG_BOARD_SECONDS], sum = 0;
    dg_board_minute_read(&m->records, v->steady_us, false, records);
    dg_board_minute_read(&m->drifted, v->steady_us, true, drifted);
    for (size_t i = DG_BOARD_SECONDS - RATE_SECONDS; i < DG_BOARD_SECONDS; i++) {
        sum += records[i];
    }
    put_name(out, "records_per_s");
    dg_json_put_real(out, sum / RATE_SECONDS);
    fputs(",\"last_minute\":{", out);
    put_minute(out, "records_per_s", records);
    putc(',', out);
    put_minute(out, "drifted_series", drifted);
    fputs("},", out);
}

static void put_place(FILE *out, const struct dg_board_view *v, const struct dg_board_place *p)
{
    putc('{', out);
    put_text(out, "topic", p->topic);
    put_integer(out, "partition", p->partition);
    put_integer(out, "lane", p->lane);
    put_offset(out, "next_offset", p->next);
    put_offset(out, "committed_offset", p->committed);
    put_offset(out, "end_offset", p->high);
    put_offset(out, "lag", dg_board_lag(p));
    put_time(out, "newest_event", p->max_us);
    put_age(out, "age_s", v->now_us, p->max_us);
    fprintf(out, "\"idle\":%s}", p->idle ? "true" : "false");
}

/* Its partitions are place[from .. to). */
static void put_monitor(FILE *out, const struct dg_board_view *v, const struct dg_board_monitor *m,
                        size_t from, size_t to)
{
    int64_t lag = from < to ? 0 : -1;
    for (size_t i = from; i < to; i++) {
        const int64_t more = dg_board_lag(&v->place[i]);
        lag += more > 0 ? more : 0;
    }
    putc('{', out);
    put_text(out, "monitor", m->name);
    put_judge(out, v, m);
    put_windows(out, m);
    put_offset(out, "lag", lag);
    put_rates(out, v, m);
    put_counts(out, &m->total);
    fputs("\"partitions\":[", out);
    for (size_t i = from; i < to; i++) {
        fputs(i > from ? "," : "", out);
        put_place(out, v, &v->place[i]);
    }
    fputs("]}", out);
}

static void put_monitors(FILE *out, const struct dg_board_view *v)
{
    size_t from = 0;
    fputs(",\"monitors\":[", out);
    for (size_t i = 0; i < v->n_monitors; i++) {
        size_t to = from;
        while (to < v->n_places && v->place[to].of == i) {
            to++;
        }
        fputs(i > 0 ? "," : "", out);
        put_monitor(out, v, &v->monitor[i], from, to);
        from = to;
    }
    putc(']', out);
}

int dg_board_status(const struct dg_board *b, FILE *out)
{
    struct dg_board_view v;
    if (dg_board_look(b, &v) != 0) {
        return ENOMEM;
    }
    putc('{', out);
    put_head(out, &v);
    put_parts(out, &v);
    put_lanes(out, &v);
    put_totals(out, &v);
    put_monitors(out, &v);
    fputs("}\n", out);
    dg_board_view_deinit(&v);
    return ferror(out) != 0 ? ENOMEM : 0;
}
