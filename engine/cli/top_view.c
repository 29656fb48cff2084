#include "engine/cli/top_view.h"

#include "engine/cli/ask.h"
#include "engine/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const dg_top_sort_words[] = {"name", "events", "lag", "drift", NULL};

/* -- order -- */

struct row {
    const struct dg_status_monitor *monitor;
    const struct dg_status_place *place; /* NULL in the table of monitors */
    double key;                          /* largest first */
    size_t at;                           /* as given, for ties */
};

static int by_key(const void *a, const void *b)
{
    const struct row *p = a, *q = b;
    if (p->key != q->key) {
        return p->key > q->key ? -1 : 1;
    }
    return p->at < q->at ? -1 : p->at > q->at;
}

static double key_of(const struct dg_status_monitor *m, enum dg_top_sort sort)
{
    switch (sort) {
    case DG_TOP_EVENTS:
        return isnan(m->records_per_s) ? -1 : m->records_per_s;
    case DG_TOP_LAG:
        return (double)m->lag;
    case DG_TOP_DRIFT:
        return (double)dg_drifted(m);
    case DG_TOP_NAME:
    case DG_TOP_SORTS:
        break;
    }
    return 0;
}

static void order(struct row row[], size_t n, bool reverse)
{
    if (n > 0) {
        qsort(row, n, sizeof *row, by_key);
    }
    for (size_t i = 0; reverse && i < n / 2; i++) {
        const struct row swap = row[i];
        row[i] = row[n - 1 - i];
        row[n - 1 - i] = swap;
    }
}

/* -- monitors -- */

static const struct dg_grid_column monitor_columns[] = {
    {.title = "MONITOR", .cut = true},
    {.title = "STATE"},
    {.title = "EVENTS/S", .right = true},
    {.title = "LAST MINUTE", .drop = 5},
    {.title = "LAG", .right = true},
    {.title = "BEHIND", .right = true},
    {.title = "DRIFTED", .cut = true},
    {.title = "LAST MINUTE", .drop = 6},
    {.title = "BAD", .right = true, .drop = 7},
};

/* So many characters for a minute, each for as many seconds. */
static size_t spark_width(int width)
{
    return width == 0 || width >= 130 ? 30 : width >= 100 ? 20 : 12;
}

static void put_spark(struct dg_grid *g, const double minute[DG_STATUS_SECONDS], bool mean,
                      size_t n, bool unicode)
{
    double value[DG_STATUS_SECONDS], top = 1;
    char text[3 * DG_STATUS_SECONDS + 1];
    const size_t each = DG_STATUS_SECONDS / n;
    for (size_t i = 0; i < n; i++) {
        double sum = 0, most = 0;
        for (size_t k = 0; k < each; k++) {
            const double x = minute[i * each + k];
            sum += x;
            most = isnan(x) || x > most ? x : most;
        }
        value[i] = mean ? sum / (double)each : most;
        top = value[i] > top ? value[i] : top;
    }
    dg_sparkline(value, n, top, unicode, text);
    dg_grid_put(g, DG_INK_PLAIN, "%s", text);
}

static void put_monitor(struct dg_grid *g, const struct dg_status_monitor *m,
                        const struct dg_top_look *look)
{
    char text[DG_SHOWN_MAX], drift[200];
    const char *state = dg_monitor_state(m);
    const size_t n = spark_width(look->width);
    dg_show_drift(m, drift, sizeof drift);
    dg_grid_put(g, DG_INK_BOLD, "%s", m->name);
    dg_grid_put(g, dg_state_ink(state), "%s", state);
    dg_grid_put(g, DG_INK_PLAIN, "%s", dg_show_count(m->records_per_s, text));
    put_spark(g, m->records_minute, true, n, look->unicode);
    dg_grid_put(g, DG_INK_PLAIN, "%s", dg_show_count((double)m->lag, text));
    dg_grid_put(g, DG_INK_PLAIN, "%s", dg_show_age(m->watermark_age_s, text));
    dg_grid_put(g, dg_drifted(m) > 0 ? DG_INK_RED : DG_INK_PLAIN, "%s", drift);
    put_spark(g, m->drifted_minute, false, n, look->unicode);
    dg_grid_put(g, m->bad > 0 ? DG_INK_YELLOW : DG_INK_PLAIN, "%s",
                dg_show_count((double)m->bad, text));
}

static int print_grid(struct dg_grid *g, const struct dg_top_look *look, FILE *out)
{
    const struct dg_grid_look how = {
        .width = look->width, .colors = look->colors, .unicode = look->unicode};
    putc('\n', out);
    const int code = dg_grid_print(g, &how, out);
    dg_grid_deinit(g);
    return code;
}

static int draw_monitors(const struct dg_status *s, const struct dg_top_look *look, FILE *out)
{
    struct row *row = calloc(s->n_monitors + 1, sizeof *row);
    struct dg_grid g;
    if (row == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < s->n_monitors; i++) {
        const struct dg_status_monitor *m = &s->monitor[i];
        row[i] = (struct row){.monitor = m, .key = key_of(m, look->sort), .at = i};
    }
    order(row, s->n_monitors, look->reverse);
    dg_grid_init(&g, monitor_columns, DG_COUNT_OF(monitor_columns));
    for (size_t i = 0; i < s->n_monitors; i++) {
        put_monitor(&g, row[i].monitor, look);
    }
    free(row);
    return print_grid(&g, look, out);
}

/* -- partitions -- */

static const struct dg_grid_column place_columns[] = {
    {.title = "MONITOR", .cut = true},
    {.title = "TOPIC", .cut = true},
    {.title = "PARTITION", .right = true},
    {.title = "LANE", .right = true, .drop = 3},
    {.title = "NEXT", .right = true, .drop = 1},
    {.title = "COMMITTED", .right = true, .drop = 2},
    {.title = "LAG", .right = true},
    {.title = "BEHIND", .right = true},
    {.title = "IDLE", .drop = 4},
};

static void put_offset(struct dg_grid *g, int64_t offset)
{
    if (offset < 0) {
        dg_grid_put(g, DG_INK_PLAIN, "-");
    } else {
        dg_grid_put(g, DG_INK_PLAIN, "%" PRId64, offset);
    }
}

static void put_place(struct dg_grid *g, const struct row *r)
{
    const struct dg_status_place *p = r->place;
    char text[DG_SHOWN_MAX];
    dg_grid_put(g, DG_INK_BOLD, "%s", r->monitor->name);
    dg_grid_put(g, DG_INK_PLAIN, "%s", p->topic);
    put_offset(g, p->partition);
    put_offset(g, p->lane);
    put_offset(g, p->next);
    put_offset(g, p->committed);
    put_offset(g, p->lag);
    dg_grid_put(g, DG_INK_PLAIN, "%s", dg_show_age(p->age_s, text));
    dg_grid_put(g, DG_INK_DIM, "%s", p->idle ? "idle" : "");
}

static int draw_places(const struct dg_status *s, const struct dg_top_look *look, FILE *out)
{
    size_t n = 0;
    struct dg_grid g;
    for (size_t i = 0; i < s->n_monitors; i++) {
        n += s->monitor[i].n_places;
    }
    struct row *row = calloc(n + 1, sizeof *row);
    if (row == NULL) {
        return ENOMEM;
    }
    n = 0;
    for (size_t i = 0; i < s->n_monitors; i++) {
        const struct dg_status_monitor *m = &s->monitor[i];
        for (size_t k = 0; k < m->n_places; k++, n++) {
            const double key =
                look->sort == DG_TOP_LAG ? (double)m->place[k].lag : key_of(m, look->sort);
            row[n] = (struct row){m, &m->place[k], key, n};
        }
    }
    order(row, n, look->reverse);
    dg_grid_init(&g, place_columns, DG_COUNT_OF(place_columns));
    for (size_t i = 0; i < n; i++) {
        put_place(&g, &row[i]);
    }
    free(row);
    return print_grid(&g, look, out);
}

/* -- all of it -- */

static void draw_sums(const struct dg_status *s, FILE *out)
{
    double events = 0, lag = 0, drifted = 0;
    char a[DG_SHOWN_MAX], b[DG_SHOWN_MAX], c[DG_SHOWN_MAX];
    for (size_t i = 0; i < s->n_monitors; i++) {
        const struct dg_status_monitor *m = &s->monitor[i];
        events += isnan(m->records_per_s) ? 0 : m->records_per_s;
        lag += m->lag > 0 ? (double)m->lag : 0;
        drifted += (double)dg_drifted(m);
    }
    fprintf(out, "%zu monitor%s  %s events/s  lag %s  %s series drift", s->n_monitors,
            s->n_monitors == 1 ? "" : "s", dg_show_count(events, a), dg_show_count(lag, b),
            dg_show_count(drifted, c));
    if (s->fenced > 0 || s->gaps > 0 || s->dead_letters > 0) {
        fprintf(out, "  fenced %s  gaps %s  dead letters %s", dg_show_count((double)s->fenced, a),
                dg_show_count((double)s->gaps, b), dg_show_count((double)s->dead_letters, c));
    }
    putc('\n', out);
}

int dg_top_draw(const struct dg_status *s, const struct dg_top_look *look, FILE *out)
{
    dg_show_head(s, look->colors, out);
    dg_show_parts(s, look->colors, out);
    draw_sums(s, out);
    int code = draw_monitors(s, look, out);
    if (code == 0 && look->partitions) {
        code = draw_places(s, look, out);
    }
    return code;
}
