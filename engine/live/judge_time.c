#include "engine/live/judge_time.h"

#include "engine/panes.h"
#include "stats/category.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_position(struct dg_judge_position *p)
{
    free(p->topic);
    dg_bytes_deinit(&p->state);
}

void dg_judge_positions_deinit(struct dg_judge_positions *p)
{
    for (size_t i = 0; i < p->cap; i++) {
        free_position(&p->position[i]);
    }
    free(p->position);
    *p = (struct dg_judge_positions){0};
}

int dg_judge_positions_add(struct dg_judge_positions *p, const struct dg_position *of)
{
    if (p->n == p->cap) {
        const size_t cap = p->cap == 0 ? 8 : 2 * p->cap;
        struct dg_judge_position *grown = realloc(p->position, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        memset(grown + p->cap, 0, (cap - p->cap) * sizeof *grown);
        p->position = grown;
        p->cap = cap;
    }
    struct dg_judge_position *to = &p->position[p->n];
    if (to->topic == NULL || strcmp(to->topic, of->place.topic) != 0) {
        char *topic = strdup(of->place.topic);
        if (topic == NULL) {
            return ENOMEM;
        }
        free(to->topic);
        to->topic = topic;
    }
    to->partition = of->place.partition;
    to->epoch = of->epoch;
    to->seq = of->seq;
    to->clock = of->clock;
    to->idle = of->idle;
    dg_bytes_clear(&to->state);
    dg_put_raw(&to->state, of->state, of->state_len);
    if (to->state.failed) {
        return ENOMEM;
    }
    p->n++;
    return 0;
}

uint64_t dg_judge_positions_hash(const struct dg_judge_positions *p)
{
    uint64_t hash = p->n;
    for (size_t i = 0; i < p->n; i++) {
        const struct dg_judge_position *at = &p->position[i];
        const int64_t fields[] = {at->partition,      at->epoch,        at->seq,
                                  at->clock.first_us, at->clock.max_us, at->idle};
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) ^ dg_hash_key(at->topic, strlen(at->topic));
        hash =
            hash * UINT64_C(0x9e3779b97f4a7c15) ^ dg_hash_key((const char *)fields, sizeof fields);
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) ^
               dg_hash_key((const char *)at->state.data, at->state.len);
    }
    return hash;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Panes are over for a partition once its watermark has passed their end by late_events. A
 * partition that is idle cannot keep them open for ever: `horizon` is as far as it holds them. */
static int64_t settled(int64_t live, int64_t idle, int64_t newest, int64_t horizon_us,
                       const struct dg_monitor *m)
{
    if (newest == DG_TIME_NONE) {
        return INT64_MIN;
    }
    const int64_t far = newest - horizon_us;
    const int64_t us = least(live, idle > far ? idle : far);
    const int64_t width = dg_pane_width(m);
    return us == INT64_MIN ? us : dg_align_down(us, width, dg_span_origin(width));
}

/* With all partitions idle the wall clock stands in for their watermarks: a window that it has not
 * passed may get more. Where event time is ahead of the clock, event time decides. */
static int64_t idle_mark(int64_t passed_us, int64_t now_us, const struct dg_monitor *m)
{
    const int64_t clock_us = now_us == INT64_MAX ? INT64_MAX : now_us - m->out_of_order_us;
    return passed_us != INT64_MAX && passed_us > clock_us ? passed_us : clock_us;
}

struct dg_judge_time dg_judge_time_of(const struct dg_judge_positions *p,
                                      const struct dg_monitor *m, size_t expected, bool end,
                                      int64_t now_us, int64_t horizon_us)
{
    int64_t first = DG_TIME_NONE, newest = DG_TIME_NONE, mark = INT64_MAX, passed = INT64_MAX;
    int64_t live = p->n < expected ? INT64_MIN : INT64_MAX, idle = INT64_MAX;
    for (size_t i = 0; i < p->n; i++) {
        const struct dg_partition_clock *c = &p->position[i].clock;
        const bool begun = c->max_us != DG_TIME_NONE;
        const int64_t here = begun ? c->max_us - m->out_of_order_us : INT64_MIN;
        const int64_t closed = begun ? here - m->late_events_us : INT64_MIN;
        if (c->first_us != DG_TIME_NONE) {
            first = first == DG_TIME_NONE ? c->first_us : least(first, c->first_us);
        }
        newest = begun && c->max_us > newest ? c->max_us : newest;
        passed = begun ? least(passed, here) : passed;
        if (p->position[i].idle) {
            idle = least(idle, closed);
        } else {
            mark = least(mark, here);
            live = least(live, closed);
        }
    }
    const bool unknown = p->n == 0 || p->n < expected;
    const bool over = end || (mark == INT64_MAX && !unknown);
    return (struct dg_judge_time){.progress = {first, newest,
                                               end       ? INT64_MAX
                                               : over    ? idle_mark(passed, now_us, m)
                                               : unknown ? INT64_MIN
                                                         : mark},
                                  .over = over,
                                  .watermark_us = mark == INT64_MAX ? newest : mark,
                                  .settled_us = settled(live, idle, newest, horizon_us, m)};
}
