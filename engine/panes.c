#include "engine/panes.h"

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

int64_t dg_pane_width(const struct dg_monitor *m)
{
    int64_t width = 0;
    int64_t origin = -1;
    bool mixed = false;
    for (size_t i = 0; i < m->n_windows; i++) {
        width = greatest_common_divisor(m->window[i].size_us, width);
        width = greatest_common_divisor(m->window[i].slide_us, width);
        const int64_t o = dg_span_origin(m->window[i].slide_us);
        mixed = mixed || (origin >= 0 && o != origin);
        origin = o;
    }
    for (size_t i = 0; i < m->n_baselines; i++) {
        const struct dg_baseline_spec *b = &m->baseline[i];
        if (b->kind == DG_BASELINE_TRAILING) {
            width = greatest_common_divisor(b->span_us, width);
        } else if (b->kind == DG_BASELINE_SEASONAL) {
            width = greatest_common_divisor(b->period_us, width);
        }
    }
    /* Windows counted from Monday and windows counted from 1970-01-01 must share pane edges, and a
     * width of whole weeks must be counted from where its windows are. */
    return mixed || (width % DG_WEEK_US == 0) != (origin == DG_MONDAY_US)
               ? greatest_common_divisor(width, DG_MONDAY_US)
               : width;
}
