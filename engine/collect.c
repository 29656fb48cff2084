#include "engine/collect.h"

#include <errno.h>
#include <math.h>

struct collecting {
    struct dg_state *state;
    struct dg_pane_trend *trend;
};

void dg_pane_trend_init(struct dg_pane_trend *t)
{
    *t = (struct dg_pane_trend){.rising = true,
                                .falling = true,
                                .pane_us = INT64_MIN,
                                .low = INFINITY,
                                .high = -INFINITY,
                                .last_low = NAN,
                                .last_high = NAN};
}

/* The pane at hand is complete: compare it with the one before. */
static void close_pane(struct dg_pane_trend *t)
{
    if (t->low > t->high) {
        return;
    }
    if (t->panes > 0) {
        t->rising = t->rising && t->low > t->last_high;
        t->falling = t->falling && t->high < t->last_low;
    }
    t->panes++;
    t->last_low = t->low;
    t->last_high = t->high;
    t->low = INFINITY;
    t->high = -INFINITY;
}

bool dg_pane_trend_monotone(const struct dg_pane_trend *t)
{
    struct dg_pane_trend last = *t;
    close_pane(&last);
    return last.panes >= 3 && (last.rising || last.falling);
}

/* A delta's own extremes: take the state's away, add the delta, read them, put both together. */
static int add_watched(struct dg_numeric *s, struct dg_pane_trend *t, const struct dg_delta *d)
{
    const double min = s->min, max = s->max;
    s->min = INFINITY;
    s->max = -INFINITY;
    const int rc = dg_numeric_add_encoded(s, d->bytes, d->n);
    if (d->pane_us != t->pane_us) {
        close_pane(t);
        t->pane_us = d->pane_us;
    }
    t->low = s->min < t->low ? s->min : t->low;
    t->high = s->max > t->high ? s->max : t->high;
    s->min = min < s->min ? min : s->min;
    s->max = max > s->max ? max : s->max;
    return rc;
}

static int add_delta(void *arg, const struct dg_delta *d)
{
    const struct collecting *c = arg;
    if (c->trend != NULL && c->state->kind == DG_STATE_SERIES &&
        c->state->type == DG_FEATURE_NUMERIC) {
        return add_watched(&c->state->numeric, c->trend, d);
    }
    return dg_state_add_encoded(c->state, d->bytes, d->n);
}

int dg_collect(struct dg_store *store, int64_t from_us, int64_t to_us, enum dg_state_kind kind,
               uint32_t id, struct dg_state *state, struct dg_pane_trend *trend,
               struct dg_error *err)
{
    struct collecting c = {state, trend};
    const int rc = store->ops->visit(store, kind, id, from_us, to_us, add_delta, &c, err);
    if (rc == EBADMSG) {
        return dg_fail(err, rc, "a pane's stored state is corrupt or of another version");
    }
    return rc == ENOMEM ? dg_fail_memory(err) : rc;
}
