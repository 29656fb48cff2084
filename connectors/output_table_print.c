/* The table for people: what was kept, as text. */
#include "connectors/output_table.h"
#include "connectors/text_grid.h"
#include "engine/terminal.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX 12
#define CHART_MAX  20

/* A moment without what is zero: 2026-11-21, 2026-11-21 18:00, 2026-11-21 18:00:05. */
static char *put_moment(int64_t us, char buf[DG_TIME_TEXT])
{
    if (us == DG_TIME_NONE) {
        return strcpy(buf, "-");
    }
    dg_time_format(us, buf);
    buf[19] = '\0'; /* every time here is UTC, and no fraction matters to a reader */
    buf[10] = ' ';
    if (strcmp(buf + 10, " 00:00:00") == 0) {
        buf[10] = '\0';
    } else if (strcmp(buf + 16, ":00") == 0) {
        buf[16] = '\0';
    }
    return buf;
}

/* 12 345 678 */
static char *put_count(uint64_t n, char buf[DG_TIME_TEXT])
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *at = buf;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            *at++ = ' ';
        }
        *at++ = digits[i];
    }
    *at = '\0';
    return buf;
}

static char *put_number(double x, char buf[DG_TIME_TEXT])
{
    const double size = fabs(x);
    if (isnan(x)) {
        return strcpy(buf, "-");
    }
    snprintf(buf, DG_TIME_TEXT, "%.*f",
             size >= 1000.0 ? 0
             : size >= 10.0 ? 1
             : size >= 1.0  ? 2
                            : 3,
             x);
    return buf;
}

static char *put_share(double x, char buf[DG_TIME_TEXT])
{
    if (isnan(x)) {
        return strcpy(buf, "-");
    }
    const double percent = 100.0 * x;
    snprintf(buf, DG_TIME_TEXT, percent > 0.0 && percent < 0.1 ? "<0.1%%" : "%.*f%%",
             percent == 0.0 || percent == 100.0 ? 0 : 1, percent);
    return buf;
}

static const char *word_of(const struct dg_table_column *c)
{
    if (c->worst == DG_CRITICAL) {
        return "critical";
    }
    if (c->drifted > 0) {
        return "drift";
    }
    if (c->worst == DG_WARN || c->warned > 0) {
        return "warn";
    }
    if (c->evaluated > 0) {
        return "ok";
    }
    return c->no_reference == c->rows ? "no reference" : "too few rows";
}

static enum dg_ink ink_of(const struct dg_table_column *c)
{
    return c->worst == DG_CRITICAL                ? DG_INK_RED
           : c->drifted > 0                       ? DG_INK_RED
           : c->worst == DG_WARN || c->warned > 0 ? DG_INK_YELLOW
           : c->evaluated > 0                     ? DG_INK_GREEN
                                                  : DG_INK_DIM;
}

enum { QUIET, WARNED, WARNING, DRIFTED, CRITICAL };

static int badness(const struct dg_table_column *c)
{
    return c->worst == DG_CRITICAL ? CRITICAL
           : c->drifted > 0        ? DRIFTED
           : c->worst == DG_WARN   ? WARNING
           : c->warned > 0         ? WARNED
                                   : QUIET;
}

struct ranked {
    const struct dg_table_column *column;
    const char *name;
};

static double weight(const struct dg_table_column *c)
{
    return isnan(c->psi) ? -1.0 : c->psi * c->importance;
}

static int worse_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    const int bx = badness(x->column), by = badness(y->column);
    if (bx != by) {
        return bx > by ? -1 : 1;
    }
    const double wx = weight(x->column), wy = weight(y->column);
    if (wx > wy || wx < wy) {
        return wx > wy ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static void put_chart(struct dg_grid *g, const struct dg_table *t, const struct dg_table_column *c)
{
    double point[CHART_MAX];
    char chart[3 * CHART_MAX + 1];
    const size_t kept = c->spark.n, n = kept < CHART_MAX ? kept : CHART_MAX;
    for (size_t i = 0; i < n; i++) {
        point[i] = (double)NAN;
        for (size_t k = i * kept / n; k < (i + 1) * kept / n; k++) {
            point[i] = fmax(point[i], c->spark.point[k]);
        }
    }
    /* Below a quarter of a nat nothing should look like a mountain. */
    dg_sparkline(point, n, fmax(0.25, c->psi), t->options.unicode, chart);
    dg_grid_put(g, DG_INK_PLAIN, "%s", chart);
}

static void put_column(struct dg_grid *g, const struct dg_table *t, const struct ranked *r)
{
    const struct dg_table_column *c = r->column;
    const bool over = badness(c) >= WARNING && c->now == DG_OK && !c->drifts_now;
    char a[DG_TIME_TEXT], low[DG_TIME_TEXT], high[DG_TIME_TEXT];
    dg_grid_put(g, badness(c) > QUIET ? DG_INK_BOLD : DG_INK_PLAIN, "%s", r->name);
    dg_grid_put(g, DG_INK_DIM, "%s", dg_feature_type_name(c->type));
    dg_grid_put(g, ink_of(c), "%s%s%s%s", word_of(c), c->tripped.check != NULL ? ": " : "",
                c->tripped.check != NULL ? c->tripped.check->metric : "", over ? ", over" : "");
    dg_grid_put(g, DG_INK_PLAIN, "%" PRIu64 "/%" PRIu64, c->drifted, c->evaluated);
    dg_grid_put(g, DG_INK_PLAIN, "%s", put_moment(c->since_us, a));
    dg_grid_put(g, DG_INK_PLAIN, "%s", put_number(c->psi, a));
    if (isnan(c->psi_low) || isnan(c->psi_high)) {
        dg_grid_put(g, DG_INK_DIM, "-");
    } else {
        dg_grid_put(g, DG_INK_DIM, "%s..%s", put_number(c->psi_low, low),
                    put_number(c->psi_high, high));
    }
    dg_grid_put(g, DG_INK_PLAIN, "%s", put_number(c->ks, a));
    dg_grid_put(g, DG_INK_PLAIN, "%s", put_number(c->w1, a));
    dg_grid_put(g, c->missing > 0.0 ? DG_INK_PLAIN : DG_INK_DIM, "%s", put_share(c->missing, a));
    put_chart(g, t, c);
}

static struct dg_grid_look look_of(const struct dg_table *t)
{
    return (struct dg_grid_look){.width = t->options.width,
                                 .indent = 2,
                                 .colors = t->options.colors,
                                 .unicode = t->options.unicode};
}

static void put_heading(const struct dg_table *t, const char *text)
{
    putc('\n', t->output.stream);
    dg_ink_put(t->output.stream, DG_INK_BOLD, t->options.colors, text);
    putc('\n', t->output.stream);
}

/* "1d windows against training, version 3" */
static char *name_block(const struct dg_table_block *b, char *buf, size_t size)
{
    char duration[DG_TIME_TEXT];
    snprintf(buf, size, "%s windows %s%s%s%s%s%s", dg_duration_format(b->size_us, duration),
             b->baseline[0] != '\0' ? "against " : "without a baseline", b->baseline,
             b->version[0] != '\0' ? ", version " : "", b->version,
             b->variant[0] != '\0' ? ", variant " : "", b->variant);
    return buf;
}

static int print_block(const struct dg_table *t, const struct dg_table_block *b)
{
    static const struct dg_grid_column columns[] = {
        {.title = "column", .cut = true},
        {.title = "type", .drop = 6},
        {.title = "status"},
        {.title = "drifted", .right = true, .drop = 1},
        {.title = "since", .drop = 2},
        {.title = "PSI adj.", .right = true},
        {.title = "PSI 95%", .right = true, .drop = 7},
        {.title = "KS", .right = true, .drop = 4},
        {.title = "W1/sd", .right = true, .drop = 5},
        {.title = "missing", .right = true, .drop = 3},
        {.title = "PSI over time", .drop = 8},
    };
    FILE *out = t->output.stream;
    char name[512], count[DG_TIME_TEXT], heading[600];
    snprintf(heading, sizeof heading, "%s: %s windows", name_block(b, name, sizeof name),
             put_count(b->windows, count));
    put_heading(t, heading);
    struct ranked *ranked = calloc(b->names.n + 1, sizeof *ranked);
    if (ranked == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < b->names.n; i++) {
        ranked[i] = (struct ranked){&b->column[i], b->names.name[i]};
    }
    qsort(ranked, b->names.n, sizeof *ranked, worse_first);
    struct dg_grid g;
    dg_grid_init(&g, columns, sizeof columns / sizeof columns[0]);
    const size_t shown = b->names.n < t->options.top ? b->names.n : t->options.top;
    for (size_t i = 0; i < shown; i++) {
        put_column(&g, t, &ranked[i]);
    }
    const struct dg_grid_look look = look_of(t);
    const int code = dg_grid_print(&g, &look, out);
    uint64_t judged = 0;
    for (size_t i = 0; i < b->names.n; i++) {
        judged += b->column[i].evaluated;
    }
    if (judged == 0 && b->baseline[0] != '\0') {
        fputs(
            "  no window could be judged: every one had too few rows (checks.drift.min_rows) or no "
            "reference\n",
            out);
    }
    if (shown < b->names.n) {
        const int worst = badness(ranked[shown].column);
        fprintf(out, "  %s and %zu more columns%s\n", t->options.unicode ? "…" : "...",
                b->names.n - shown, worst == QUIET ? ", none of which drifted" : "");
    }
    dg_grid_deinit(&g);
    free(ranked);
    return code;
}

static int by_size(const void *a, const void *b)
{
    const struct dg_table_block *x = *(const struct dg_table_block *const *)a;
    const struct dg_table_block *y = *(const struct dg_table_block *const *)b;
    return x->size_us != y->size_us ? (x->size_us < y->size_us ? -1 : 1) : (x > y) - (x < y);
}

static int print_blocks(const struct dg_table *t)
{
    const size_t n = t->block_names.n;
    const struct dg_table_block **sorted = calloc(n + 1, sizeof *sorted);
    if (sorted == NULL) {
        return ENOMEM;
    }
    size_t filled = 0;
    for (size_t i = 0; i < n; i++) {
        if (t->block[i].names.n > 0) {
            sorted[filled++] = &t->block[i];
        }
    }
    qsort(sorted, filled, sizeof *sorted, by_size);
    int code = 0;
    for (size_t i = 0; i < filled && i < TABLES_MAX && code == 0; i++) {
        code = print_block(t, sorted[i]);
    }
    if (filled > TABLES_MAX) {
        fprintf(t->output.stream, "\n%s and %zu more tables; see the other outputs\n",
                t->options.unicode ? "…" : "...", filled - TABLES_MAX);
    }
    free(sorted);
    return code;
}

static int worse_segment_first(const void *a, const void *b)
{
    const struct dg_table_segment *x = *(const struct dg_table_segment *const *)a;
    const struct dg_table_segment *y = *(const struct dg_table_segment *const *)b;
    if (x->worst != y->worst) {
        return x->worst > y->worst ? -1 : 1;
    }
    const double px = isnan(x->psi) ? -1.0 : x->psi, py = isnan(y->psi) ? -1.0 : y->psi;
    if (px > py || px < py) {
        return px > py ? -1 : 1;
    }
    const int by_name = strcmp(x->segment, y->segment);
    return by_name != 0 ? by_name : strcmp(x->column, y->column);
}

static enum dg_ink ink_of_severity(enum dg_severity s)
{
    return s == DG_CRITICAL ? DG_INK_RED : s == DG_WARN ? DG_INK_YELLOW : DG_INK_PLAIN;
}

static int print_segments(const struct dg_table *t)
{
    static const struct dg_grid_column columns[] = {
        {.title = "segment", .cut = true},
        {.title = "column", .cut = true},
        {.title = "status"},
        {.title = "windows", .right = true},
        {.title = "PSI adj.", .right = true},
        {.title = "in", .drop = 1},
    };
    const size_t n = t->segment_names.n;
    if (n == 0) {
        return 0;
    }
    const struct dg_table_segment **sorted = calloc(n, sizeof *sorted);
    if (sorted == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &t->segment[i];
    }
    qsort(sorted, n, sizeof *sorted, worse_segment_first);
    put_heading(t, "Segments that drifted");
    struct dg_grid g;
    dg_grid_init(&g, columns, sizeof columns / sizeof columns[0]);
    const size_t shown = n < t->options.detail ? n : t->options.detail;
    for (size_t i = 0; i < shown; i++) {
        const struct dg_table_segment *s = sorted[i];
        char psi[DG_TIME_TEXT], name[512];
        dg_grid_put(&g, DG_INK_BOLD, "%s", s->segment);
        dg_grid_put(&g, DG_INK_PLAIN, "%s", s->column);
        dg_grid_put(&g, ink_of_severity(s->worst), "%s",
                    s->worst == DG_OK ? "drift" : dg_severity_name(s->worst));
        dg_grid_put(&g, DG_INK_PLAIN, "%" PRIu64, s->windows);
        dg_grid_put(&g, DG_INK_PLAIN, "%s", put_number(s->psi, psi));
        dg_grid_put(&g, DG_INK_DIM, "%s", name_block(&t->block[s->block], name, sizeof name));
    }
    const struct dg_grid_look look = look_of(t);
    const int code = dg_grid_print(&g, &look, t->output.stream);
    if (shown < n) {
        fprintf(t->output.stream, "  %s and %zu more\n", t->options.unicode ? "…" : "...",
                n - shown);
    }
    if (t->segments_beyond > 0) {
        fprintf(t->output.stream, "  more segments drifted than the table keeps (%d)\n",
                DG_TABLE_SEGMENTS);
    }
    dg_grid_deinit(&g);
    free(sorted);
    return code;
}

static int print_timeline(const struct dg_table *t)
{
    static const struct dg_grid_column columns[] = {
        {.title = "from"},
        {.title = "until"},
        {.title = "status"},
        {.title = "column", .cut = true},
        {.title = "worst PSI adj.", .right = true},
        {.title = "in", .drop = 1},
    };
    if (t->n_episodes == 0) {
        return 0;
    }
    put_heading(t, "When it would have alerted");
    struct dg_grid g;
    dg_grid_init(&g, columns, sizeof columns / sizeof columns[0]);
    const size_t most = 2 * (size_t)t->options.detail;
    const size_t shown = t->n_episodes < most ? t->n_episodes : most;
    for (size_t i = 0; i < shown; i++) {
        const struct dg_table_episode *e = &t->episode[i];
        const struct dg_table_block *b = &t->block[e->block];
        char text[DG_TIME_TEXT], name[512];
        dg_grid_put(&g, DG_INK_PLAIN, "%s", put_moment(e->from_us, text));
        if (e->until_us == DG_TIME_NONE) {
            dg_grid_put(&g, DG_INK_BOLD, "the end");
        } else {
            dg_grid_put(&g, DG_INK_PLAIN, "%s", put_moment(e->until_us, text));
        }
        dg_grid_put(&g, ink_of_severity(e->worst), "%s",
                    e->worst == DG_OK ? "drift" : dg_severity_name(e->worst));
        dg_grid_put(&g, DG_INK_PLAIN, "%s", b->names.name[e->column]);
        dg_grid_put(&g, DG_INK_PLAIN, "%s", put_number(e->psi, text));
        dg_grid_put(&g, DG_INK_DIM, "%s", name_block(b, name, sizeof name));
    }
    const struct dg_grid_look look = look_of(t);
    const int code = dg_grid_print(&g, &look, t->output.stream);
    const uint64_t rest = t->n_episodes - shown + t->episodes_beyond;
    if (rest > 0) {
        fprintf(t->output.stream, "  %s and %" PRIu64 " more\n", t->options.unicode ? "…" : "...",
                rest);
    }
    dg_grid_deinit(&g);
    return code;
}

static void print_title(const struct dg_table *t, const struct dg_run_totals *totals)
{
    char rows[DG_TIME_TEXT], windows[DG_TIME_TEXT], first[DG_TIME_TEXT], last[DG_TIME_TEXT];
    FILE *out = t->output.stream;
    dg_ink_put(out, DG_INK_BOLD, t->options.colors, t->title);
    fprintf(out, ": %s rows in %s windows", put_count(totals->rows, rows),
            put_count(totals->windows, windows));
    if (totals->first_us != DG_TIME_NONE) {
        fprintf(out, ", %s to %s UTC", put_moment(totals->first_us, first),
                put_moment(totals->last_us, last));
    }
    fprintf(out, "\n%s\n", t->inputs);
}

#define NAMED 5 /* columns that the verdict names */

struct verdict {
    struct dg_name_map all, judged, drifted; /* columns by name, over all tables; worst first */
    struct dg_name_map failed;               /* those of a critical check */
    const struct dg_tripped *tripped[NAMED]; /* [failed.n], as far as they are named */
};

static int count_columns(const struct dg_table *t, struct verdict *v, struct ranked *ranked,
                         size_t *n_ranked)
{
    size_t index;
    bool fresh;
    int code = 0;
    for (size_t i = 0; i < t->block_names.n && code == 0; i++) {
        const struct dg_table_block *b = &t->block[i];
        for (size_t k = 0; k < b->names.n && code == 0; k++) {
            const char *name = b->names.name[k];
            code = dg_name_map_add(&v->all, name, &index, &fresh);
            if (code == 0 && (b->column[k].evaluated > 0 || badness(&b->column[k]) > QUIET)) {
                code = dg_name_map_add(&v->judged, name, &index, &fresh);
            }
            if (badness(&b->column[k]) >= DRIFTED) { /* of its own, or by a check */
                ranked[(*n_ranked)++] = (struct ranked){&b->column[k], name};
            }
        }
    }
    qsort(ranked, *n_ranked, sizeof *ranked, worse_first);
    for (size_t i = 0; i < *n_ranked && code == 0; i++) {
        const struct dg_table_column *c = ranked[i].column;
        if (c->drifted > 0) {
            code = dg_name_map_add(&v->drifted, ranked[i].name, &index, &fresh);
        }
        if (code == 0 && c->tripped.severity == DG_CRITICAL) {
            code = dg_name_map_add(&v->failed, ranked[i].name, &index, &fresh);
            if (code == 0 && fresh && index < NAMED) {
                v->tripped[index] = &c->tripped;
            }
        }
    }
    return code;
}

/* "missing 0.217, above 0.15" */
static void put_tripped(FILE *out, const struct dg_tripped *tripped)
{
    const struct dg_check *c = tripped->check;
    const double bound = tripped->severity == DG_CRITICAL ? c->critical : c->warn;
    fprintf(out, fabs(tripped->value) >= 1000.0 ? "%s %.0f" : "%s %.3g", c->metric, tripped->value);
    fprintf(out, fabs(bound) >= 1000.0 ? ", %s %.0f" : ", %s %.3g", c->below ? "below" : "above",
            bound);
}

/* What is critical without being drift. */
static void put_failed(const struct dg_table *t, const struct verdict *v)
{
    FILE *out = t->output.stream;
    for (size_t i = 0; i < v->failed.n && i < NAMED; i++) {
        fprintf(out, "%s%s: ", i == 0 ? "; critical check of " : ", ", v->failed.name[i]);
        put_tripped(out, v->tripped[i]);
    }
    fputs(v->failed.n > NAMED ? ", ..." : "", out);
    if (t->tripped.check != NULL) {
        fputs("; check of a slice: ", out);
        put_tripped(out, &t->tripped);
        fprintf(out, " (%" PRIu64 " time%s)", t->tripped_rows, t->tripped_rows == 1 ? "" : "s");
    }
}

static void put_verdict(const struct dg_table *t, const struct verdict *v,
                        enum dg_severity severity)
{
    FILE *out = t->output.stream;
    const uint64_t alerts = t->n_episodes + t->episodes_beyond;
    fputs("\nVerdict: ", out);
    if (severity == DG_OK && (v->all.n == 0 || (v->judged.n == 0 && !t->checked))) {
        dg_ink_put(out, DG_INK_YELLOW, t->options.colors, "none"); /* no news is not good news */
    } else {
        dg_ink_put(out, severity == DG_OK ? DG_INK_GREEN : ink_of_severity(severity),
                   t->options.colors, dg_severity_name(severity));
    }
    if (v->all.n == 0) {
        fputs("; no window was evaluated\n", out);
        return;
    }
    fprintf(out, "; %zu of %zu columns drifted", v->drifted.n, v->all.n);
    for (size_t i = 0; i < v->drifted.n && i < NAMED; i++) {
        fprintf(out, "%s%s", i == 0 ? " (" : ", ", v->drifted.name[i]);
    }
    fputs(v->drifted.n > NAMED ? ", ...)" : v->drifted.n > 0 ? ")" : "", out);
    put_failed(t, v);
    if (v->judged.n < v->all.n) {
        fprintf(out, "; %zu could not be judged", v->all.n - v->judged.n);
    }
    fprintf(out, "; %" PRIu64 " alert%s\n", alerts, alerts == 1 ? "" : "s");
}

static int print_verdict(const struct dg_table *t, const struct dg_run_totals *totals)
{
    size_t n = 0, n_ranked = 0;
    for (size_t i = 0; i < t->block_names.n; i++) {
        n += t->block[i].names.n;
    }
    struct verdict v = {0};
    struct ranked *ranked = calloc(n + 1, sizeof *ranked);
    const int code = ranked == NULL ? ENOMEM : count_columns(t, &v, ranked, &n_ranked);
    if (code == 0) {
        put_verdict(t, &v, totals->severity);
    }
    free(ranked);
    dg_name_map_deinit(&v.all);
    dg_name_map_deinit(&v.judged);
    dg_name_map_deinit(&v.drifted);
    dg_name_map_deinit(&v.failed);
    return code;
}

int dg_table_print(const struct dg_table *t, const struct dg_run_totals *totals)
{
    print_title(t, totals);
    int code = print_blocks(t);
    if (code == 0) {
        code = print_segments(t);
    }
    if (code == 0) {
        code = dg_table_print_quality(t, totals);
    }
    if (code == 0) {
        code = print_timeline(t);
    }
    return code == 0 ? print_verdict(t, totals) : code;
}
