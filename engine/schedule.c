#include "engine/schedule.h"

#include "stats/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define TIME_MAX (INT64_C(1) << 60) /* beyond every time that a row can have */

int dg_schedule_init(struct dg_schedule *s, const struct dg_monitor *m, struct dg_error *err)
{
    s->monitor = m;
    s->next_end = calloc(m->n_windows + 1, sizeof *s->next_end);
    s->started = calloc(m->n_windows + 1, sizeof *s->started);
    if (s->next_end == NULL || s->started == NULL) {
        dg_schedule_deinit(s);
        return dg_fail_memory(err);
    }
    return 0;
}

void dg_schedule_deinit(struct dg_schedule *s)
{
    free(s->next_end);
    free(s->started);
    *s = (struct dg_schedule){0};
}

int dg_schedule_next(struct dg_schedule *s, int64_t first_us, int64_t newest_us, int64_t final_us,
                     int64_t *end_us)
{
    int best = -1;
    for (size_t i = 0; i < s->monitor->n_windows; i++) {
        const struct dg_window_spec *w = &s->monitor->window[i];
        const int64_t origin = dg_span_origin(w->slide_us);
        if (!s->started[i]) {
            s->next_end[i] = dg_align_down(first_us, w->slide_us, origin) + w->size_us;
        }
        const int64_t last_end = dg_align_down(newest_us, w->slide_us, origin) + w->slide_us;
        const int64_t bound = final_us < last_end ? final_us : last_end;
        if (s->next_end[i] <= bound && (best < 0 || s->next_end[i] < s->next_end[best])) {
            best = (int)i;
        }
    }
    if (best >= 0) {
        *end_us = s->next_end[best];
        s->started[best] = true;
        s->next_end[best] += s->monitor->window[best].slide_us;
    }
    return best;
}

uint64_t dg_schedule_skip_to(struct dg_schedule *s, size_t spec, int64_t us)
{
    const int64_t slide = s->monitor->window[spec].slide_us;
    const int64_t end = dg_align_down(us, slide, dg_span_origin(slide)) + slide;
    const int64_t before = s->next_end[spec];
    if (end <= before) {
        return 0;
    }
    s->next_end[spec] = end;
    return (uint64_t)((end - before) / slide);
}

/* How far before its own start a window's baselines may look. */
static int64_t reach_back(const struct dg_monitor *m, int64_t size_us)
{
    int64_t reach = 0;
    for (size_t i = 0; i < m->n_baselines; i++) {
        const struct dg_baseline_spec *b = &m->baseline[i];
        int64_t need = 0;
        switch (b->kind) {
        case DG_BASELINE_FILE:
        case DG_BASELINE_VARIANT:
            break;
        case DG_BASELINE_PREVIOUS:
            need = size_us;
            break;
        case DG_BASELINE_TRAILING:
            need = b->span_us;
            break;
        case DG_BASELINE_SEASONAL:
            need = b->period_us * b->cycles;
            break;
        }
        reach = need > reach ? need : reach;
    }
    return reach;
}

int64_t dg_schedule_needed_from(const struct dg_schedule *s)
{
    int64_t from = INT64_MAX;
    for (size_t i = 0; i < s->monitor->n_windows; i++) {
        const int64_t size = s->monitor->window[i].size_us;
        const int64_t need =
            s->started[i] ? s->next_end[i] - size - reach_back(s->monitor, size) : INT64_MIN;
        from = need < from ? need : from;
    }
    return from;
}

int64_t dg_schedule_reach(const struct dg_schedule *s)
{
    int64_t reach = INT64_MIN;
    for (size_t i = 0; i < s->monitor->n_windows; i++) {
        const int64_t end = s->next_end[i] - s->monitor->window[i].slide_us;
        reach = s->started[i] && end > reach ? end : reach;
    }
    return reach;
}

void dg_schedule_encode(const struct dg_schedule *s, struct dg_bytes *out)
{
    for (size_t i = 0; i < s->monitor->n_windows; i++) {
        dg_put_u8(out, s->started[i]);
        dg_put_zigzag(out, s->started[i] ? s->next_end[i] : 0);
    }
}

/* A window of the spec may end there. */
static bool is_end(const struct dg_window_spec *w, int64_t us)
{
    return us > -TIME_MAX && us < TIME_MAX &&
           dg_align_down(us, w->slide_us, dg_span_origin(w->slide_us)) == us;
}

int dg_schedule_decode(struct dg_schedule *s, struct dg_reader *r, struct dg_error *err)
{
    struct dg_schedule got = {0};
    int rc = dg_schedule_init(&got, s->monitor, err);
    for (size_t i = 0; i < s->monitor->n_windows && rc == 0; i++) {
        const uint8_t started = dg_get_u8(r);
        got.started[i] = started == 1;
        got.next_end[i] = dg_get_zigzag(r);
        const bool good = started == 0
                              ? got.next_end[i] == 0
                              : started == 1 && is_end(&s->monitor->window[i], got.next_end[i]);
        if (r->failed || !good) {
            rc = dg_fail(err, EBADMSG, "saved schedule: window %zu makes no sense", i);
        }
    }
    if (rc == 0) {
        const struct dg_schedule before = *s;
        *s = got;
        got = before;
    }
    dg_schedule_deinit(&got);
    return rc;
}
