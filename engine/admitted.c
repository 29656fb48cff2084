#include "engine/admitted.h"

#include <errno.h>
#include <stdlib.h>

void dg_admitted_deinit(struct dg_admitted *a)
{
    free(a->pane);
    free(a->reason);
    free(a->start);
    *a = (struct dg_admitted){0};
}

int dg_admitted_reserve(struct dg_admitted *out, size_t n)
{
    if (n > out->cap) {
        int32_t *grown = realloc(out->pane, n * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        out->pane = grown;
        uint8_t *reason = realloc(out->reason, n);
        if (reason == NULL) {
            return ENOMEM;
        }
        out->reason = reason;
        out->cap = n;
    }
    out->n = n;
    out->n_rows = out->n_panes = 0;
    return 0;
}

int dg_admitted_pane(struct dg_admitted *out, int64_t start, int32_t *index)
{
    for (size_t i = out->n_panes; i-- > 0;) {
        if (out->start[i] == start) {
            *index = (int32_t)i;
            return 0;
        }
    }
    if (out->n_panes == out->cap_panes) {
        const size_t cap = out->cap_panes == 0 ? 16 : 2 * out->cap_panes;
        int64_t *grown = realloc(out->start, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        out->start = grown;
        out->cap_panes = cap;
    }
    *index = (int32_t)out->n_panes;
    out->start[out->n_panes++] = start;
    return 0;
}
