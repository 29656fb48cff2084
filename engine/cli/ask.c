#include "engine/cli/ask.h"

#include "engine/cli/exit_codes.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dg_status_request dg_ask_request(const struct dg_ask *ask, long timeout_ms)
{
    const char *url = ask->url != NULL ? ask->url : getenv("DRIFTGAUGE_URL");
    return (struct dg_status_request){.url = url != NULL && *url != '\0' ? url : DG_STATUS_URL,
                                      .token_file = ask->token_file,
                                      .timeout_ms = timeout_ms};
}

int dg_ask_exit(int code, const struct dg_error *err)
{
    switch (code) {
    case ECONNREFUSED:
    case ETIMEDOUT:
    case EACCES:
    case EPROTO:
        return dg_report(DG_EXIT_DEPENDENCY, err);
    case EINVAL:
    case ENOENT:
    case EISDIR:
        return dg_report(DG_EXIT_USAGE, err);
    case ECANCELED:
        return DG_EXIT_INTERRUPTED;
    default:
        return dg_report(DG_EXIT_UNEXPECTED, err);
    }
}

char *dg_show_count(double n, char buf[DG_SHOWN_MAX])
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;
    if (!(n >= 0)) {
        return strcpy(buf, "-");
    }
    if (n < 999.5) {
        snprintf(buf, DG_SHOWN_MAX, n < 9.95 && n != floor(n) ? "%.1f" : "%.0f", n);
        return buf;
    }
    while (n >= 999.5 && unit + 2 < sizeof units) {
        n /= 1000;
        unit++;
    }
    snprintf(buf, DG_SHOWN_MAX,
             n < 9.995   ? "%.2f%c"
             : n < 99.95 ? "%.1f%c"
                         : "%.0f%c",
             n, units[unit]);
    return buf;
}

char *dg_show_age(double seconds, char buf[DG_SHOWN_MAX])
{
    if (!isfinite(seconds) || fabs(seconds) > 1e15) {
        return strcpy(buf, "-");
    }
    const int64_t s = (int64_t)fabs(seconds);
    const char *sign = seconds <= -1 ? "-" : "";
    if (s < 60) {
        snprintf(buf, DG_SHOWN_MAX, "%s%" PRId64 "s", sign, s);
    } else if (s < 3600) {
        snprintf(buf, DG_SHOWN_MAX, "%s%" PRId64 "m%" PRId64 "s", sign, s / 60, s % 60);
    } else if (s < 86400) {
        snprintf(buf, DG_SHOWN_MAX, "%s%" PRId64 "h%" PRId64 "m", sign, s / 3600, s / 60 % 60);
    } else {
        snprintf(buf, DG_SHOWN_MAX, "%s%" PRId64 "d%" PRId64 "h", sign, s / 86400, s / 3600 % 24);
    }
    return buf;
}

void dg_show_drift(const struct dg_status_monitor *m, char *buf, size_t size)
{
    size_t at = 0;
    snprintf(buf, size, "-");
    for (size_t i = 0; i < m->n_windows && at < size; i++) {
        const struct dg_status_window *w = &m->window[i];
        const int n = snprintf(buf + at, size - at, "%s%s%s%" PRId64 "/%" PRId64, i > 0 ? ", " : "",
                               m->n_windows > 1 ? w->window : "", m->n_windows > 1 ? " " : "",
                               w->drifted, w->series);
        at += n > 0 ? (size_t)n : 0;
    }
}

int64_t dg_drifted(const struct dg_status_monitor *m)
{
    int64_t n = 0;
    for (size_t i = 0; i < m->n_windows; i++) {
        n += m->window[i].drifted > 0 ? m->window[i].drifted : 0;
    }
    return n;
}

enum dg_ink dg_state_ink(const char *state)
{
    static const struct {
        const char *state;
        enum dg_ink ink;
    } inks[] = {{"ready", DG_INK_GREEN}, {"ok", DG_INK_GREEN},       {"starting", DG_INK_YELLOW},
                {"warn", DG_INK_YELLOW}, {"blocked", DG_INK_YELLOW}, {"failed", DG_INK_RED},
                {"critical", DG_INK_RED}};
    for (size_t i = 0; i < DG_COUNT_OF(inks); i++) {
        if (strcmp(inks[i].state, state) == 0) {
            return inks[i].ink;
        }
    }
    return DG_INK_DIM;
}

const char *dg_monitor_state(const struct dg_status_monitor *m)
{
    return m->severity[0] != '\0' ? m->severity : m->leading ? "waiting" : "elsewhere";
}

/* An RFC 3339 time without its fraction, which people do not need. */
static const char *whole_seconds(const char *time, char buf[DG_SHOWN_MAX])
{
    const size_t whole = strcspn(time, ".");
    snprintf(buf, DG_SHOWN_MAX, "%.*s%s", whole < 40 ? (int)whole : 40, time,
             time[whole] != '\0' ? "Z" : "");
    return buf;
}

void dg_show_head(const struct dg_status *s, bool colors, FILE *out)
{
    char up[DG_SHOWN_MAX], since[DG_SHOWN_MAX];
    fprintf(out, "driftgauge %s ", s->version);
    dg_ink_put(out, dg_state_ink(s->state), colors, s->state);
    fprintf(out, " since %s, up %s", whole_seconds(s->since, since), dg_show_age(s->uptime_s, up));
    if (s->group[0] != '\0') {
        fprintf(out, ", group %s", s->group);
    }
    fprintf(out, ", %" PRId64 " lane%s\n", s->lanes, s->lanes == 1 ? "" : "s");
}

void dg_show_parts(const struct dg_status *s, bool colors, FILE *out)
{
    for (size_t i = 0; i < s->n_parts; i++) {
        const struct dg_status_part *p = &s->part[i];
        char since[DG_SHOWN_MAX];
        if (p->state[0] != '\0' && strcmp(p->state, "ok") != 0) {
            /* A refused configuration says itself that the one before runs on. */
            const bool waits = strcmp(p->state, "blocked") == 0 && strcmp(p->name, "config") != 0;
            fprintf(out, "%s ", strcmp(p->name, "ledger") == 0 ? "database (ledger)" : p->name);
            dg_ink_put(out, dg_state_ink(p->state), colors, p->state);
            fprintf(out, " since %s%s%s%s\n", whole_seconds(p->since, since),
                    waits ? ", goes on by itself when it can" : "", p->words[0] != '\0' ? ": " : "",
                    p->words);
        }
    }
}
