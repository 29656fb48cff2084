#include "engine/cli/demo_watch.h"

#include "connectors/postgres.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

static const char windows_query[] =
    "SELECT (extract(epoch FROM s.window_end) * 1e6)::bigint,"
    "       to_char(s.window_start, 'Mon DD HH24:MI') || ' - ' || to_char(s.window_end, 'HH24:MI'),"
    "       s.rows, s.severity, coalesce(("
    "       SELECT string_agg(x.words, ', ' ORDER BY x.worst DESC, x.psi_adjusted DESC) FROM ("
    "       SELECT x.psi_adjusted, (x.severity = 'critical') AS worst, x.column_name || CASE"
    "              WHEN x.status <> 'drift' AND x.missing > 0.05"
    "              THEN ' missing in ' || round(100 * x.missing) || ' %'"
    "              WHEN x.status <> 'drift' THEN ' moves'"
    "              ELSE ' drifts (PSI ' || round(x.psi_adjusted::numeric, 2) || ', most in '"
    "                   || x.top_1 || ')' END AS words"
    "         FROM driftgauge_view.series x"
    "        WHERE x.run = s.run AND x.monitor = s.monitor AND x.window_size = s.window_size"
    "          AND x.window_end = s.window_end AND x.version = s.version"
    "          AND x.variant = s.variant AND x.segment = s.segment"
    "          AND x.baseline = 'training' AND x.severity <> 'ok') x), 'as in training')"
    "  FROM driftgauge_view.slice s"
    " WHERE s.run = '' AND s.segment = 'all'"
    "   AND s.window_end > timestamptz 'epoch' + $1::bigint * interval '1 microsecond'"
    " ORDER BY s.window_end";

static const char verdict_query[] =
    "SELECT to_char(e.time, 'Mon DD HH24:MI'), e.column_name,"
    "       round(e.psi_adjusted_max::numeric, 2), e.windows"
    "  FROM driftgauge_view.episode e"
    " WHERE e.run = '' AND e.segment = 'all' AND e.baseline = 'training' ORDER BY 1, 3 DESC";

int dg_demo_watch_open(struct dg_demo_watch *w, const char *target, bool no_color,
                       struct dg_error *err)
{
    const struct dg_pg_options to = {.db = target};
    *w = (struct dg_demo_watch){.look = dg_terminal_of(stdout, no_color)};
    return dg_pg_connect(&to, &w->pg, err);
}

void dg_demo_watch_close(struct dg_demo_watch *w)
{
    dg_pg_close(w->pg);
    w->pg = NULL;
}

static const char *color_of(const struct dg_demo_watch *w, const char *severity)
{
    return !w->look.colors                     ? ""
           : strcmp(severity, "critical") == 0 ? "\033[31m"
           : strcmp(severity, "warn") == 0     ? "\033[33m"
                                               : "\033[32m";
}

static void print_window(const struct dg_demo_watch *w, const struct pg_result *r, int row,
                         double seconds)
{
    const char *severity = dg_pg_text(r, row, 3);
    printf("%5.1f s  %s  %9s  %s%-8s%s  ", seconds, dg_pg_text(r, row, 1), dg_pg_text(r, row, 2),
           color_of(w, severity), severity, w->look.colors ? "\033[0m" : "");
    const char *words = dg_pg_text(r, row, 4);
    const int room = w->look.tty && w->look.width > 60 ? w->look.width - 55 : 1000;
    const size_t fits = dg_text_cut(words, strlen(words), room);
    printf("%.*s\n", (int)fits, words);
}

int dg_demo_watch_look(struct dg_demo_watch *w, double seconds, struct dg_error *err)
{
    char after[24];
    snprintf(after, sizeof after, "%" PRId64, w->seen_us);
    struct pg_result *r = NULL;
    const int rc = dg_pg_query(w->pg, "read the windows", windows_query, 1,
                               (const char *const[]){after}, &r, err);
    const int rows = rc == 0 ? PQntuples(r) : 0;
    if (rows > 0 && w->windows == 0) {
        printf("%7s  %-21s  %9s  %-8s  %s\n", "after", "window", "events", "verdict", "what moved");
    }
    for (int row = 0; row < rows; row++) {
        print_window(w, r, row, seconds);
        w->seen_us = dg_pg_integer(r, row, 0, w->seen_us);
        w->windows++;
        w->alarms += strcmp(dg_pg_text(r, row, 3), "ok") != 0;
    }
    fflush(stdout);
    dg_pg_clear(r);
    return rc;
}

int dg_demo_watch_verdict(struct dg_demo_watch *w, struct dg_error *err)
{
    struct pg_result *r = NULL;
    const int rc = dg_pg_query(w->pg, "read what drifted", verdict_query, 0, NULL, &r, err);
    const int rows = rc == 0 ? PQntuples(r) : 0;
    if (rc == 0) {
        printf("%" PRIu64 " windows, %" PRIu64 " not ok%s\n", w->windows, w->alarms,
               rows > 0 ? ":" : "");
    }
    for (int row = 0; row < rows; row++) {
        printf("  %s drifts since the window that ends %s: %s windows, PSI up to %s\n",
               dg_pg_text(r, row, 1), dg_pg_text(r, row, 0), dg_pg_text(r, row, 3),
               dg_pg_text(r, row, 2));
    }
    fflush(stdout);
    dg_pg_clear(r);
    return rc;
}
