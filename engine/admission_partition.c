/* One partition's memory: its clock, the rows it is in doubt about, the ids it knows. */
#include "engine/admission_private.h"
#include "engine/panes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX      (UINT64_C(1) << 24) /* ids kept per pane and partition: 256 MiB at most */
#define EXAMPLES_PER 3                   /* bad records shown per reason and partition */

void dg_partition_release(struct partition *p)
{
    for (size_t i = 0; i < p->n_ids; i++) {
        dg_id_set_deinit(&p->ids[i].set);
    }
    free(p->ids);
    p->ids = NULL;
    p->n_ids = 0;
    free(p->parked);
    p->parked = NULL;
    p->n_parked = p->cap_parked = 0;
    free(p->carried);
    p->carried = NULL;
    p->n_carried = p->cap_carried = 0;
}

int64_t dg_admission_pane(const struct dg_admission *a, int64_t t)
{
    return dg_align_down(t, a->pane_us, a->pane_origin);
}

struct dg_counters *dg_admission_counters(struct dg_admission *a, int64_t start)
{
    size_t at = a->n_panes;
    while (at > 0 && a->pane[at - 1].start >= start) {
        at--;
    }
    if (at < a->n_panes && a->pane[at].start == start) {
        return &a->pane[at].counters;
    }
    if (a->n_panes == a->cap_panes) {
        const size_t cap = a->cap_panes == 0 ? 16 : 2 * a->cap_panes;
        struct pane_counters *grown = realloc(a->pane, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        a->pane = grown;
        a->cap_panes = cap;
    }
    memmove(&a->pane[at + 1], &a->pane[at], (a->n_panes - at) * sizeof *a->pane);
    a->pane[at] = (struct pane_counters){.start = start};
    a->n_panes++;
    return &a->pane[at].counters;
}

void dg_admission_example(struct dg_admission *a, uint32_t partition, enum dg_reason reason,
                          uint64_t place)
{
    size_t same = 0;
    for (size_t i = 0; i < a->n_examples; i++) {
        same += a->example[i].partition == partition && a->example[i].reason == reason;
    }
    if (same < EXAMPLES_PER && a->n_examples < DG_EXAMPLES_MAX) {
        a->example[a->n_examples++] = (struct dg_bad_example){partition, reason, place};
    }
}

/* A bad record has no time of its own: it counts in the pane its partition has reached. */
int dg_partition_bad(struct dg_admission *a, struct partition *p, enum dg_reason reason, uint64_t n)
{
    a->totals.bad[reason] += n;
    if (p->max_us == INT64_MIN) {
        p->early_bad[reason] += n;
        return 0;
    }
    struct dg_counters *c = dg_admission_counters(a, dg_admission_pane(a, p->max_us));
    if (c == NULL) {
        return ENOMEM;
    }
    c->bad[reason] += n;
    return 0;
}

int dg_partition_late(struct dg_admission *a, const struct partition *p)
{
    a->totals.late++;
    struct dg_counters *c = dg_admission_counters(a, dg_admission_pane(a, p->max_us));
    if (c == NULL) {
        return ENOMEM;
    }
    c->late++;
    return 0;
}

static void note_time(struct dg_admission *a, struct partition *p, int64_t us)
{
    struct dg_admission_totals *t = &a->totals;
    if (p->first_us == INT64_MIN || us < p->first_us) {
        p->first_us = us;
    }
    if (t->first_us == DG_TIME_NONE || us < t->first_us) {
        t->first_us = us;
    }
    if (t->last_us == DG_TIME_NONE || us > t->last_us) {
        t->last_us = us;
    }
}

int64_t dg_partition_watermark(const struct dg_admission *a, const struct partition *p)
{
    return p->max_us == INT64_MIN ? INT64_MIN : p->max_us - a->out_of_order_us;
}

/* Time moves on; panes that closed here need their ids no longer. */
static int advance(struct dg_admission *a, struct partition *p, int64_t t)
{
    const bool first = p->max_us == INT64_MIN;
    p->max_us = t;
    const int64_t closed = dg_partition_watermark(a, p) - a->late_us - a->pane_us;
    size_t kept = 0;
    for (size_t i = 0; i < p->n_ids; i++) {
        if (p->ids[i].start <= closed) {
            dg_id_set_deinit(&p->ids[i].set);
        } else {
            p->ids[kept++] = p->ids[i];
        }
    }
    p->n_ids = kept;
    uint32_t still = 0;
    for (uint32_t i = 0; i < p->n_carried; i++) {
        if (p->carried[i].start > closed) {
            p->carried[still++] = p->carried[i];
        }
    }
    p->n_carried = still;
    if (first) {
        struct dg_counters *c = dg_admission_counters(a, dg_admission_pane(a, t));
        if (c == NULL) {
            return ENOMEM;
        }
        for (size_t i = 0; i < DG_REASONS; i++) {
            c->bad[i] += p->early_bad[i] + a->early_bad[i];
            p->early_bad[i] = a->early_bad[i] = 0;
        }
    }
    return 0;
}

bool dg_partition_is_late(const struct dg_admission *a, const struct partition *p, int64_t pane)
{
    const int64_t mark = dg_partition_watermark(a, p);
    return mark != INT64_MIN && pane + a->pane_us + a->late_us <= mark;
}

/* Time has come within the guard of rows that were parked: they are borne out, and may carry it on.
 * Those that time began far behind of were wrong clocks. */
static int absorb_parked(struct dg_admission *a, struct partition *p, bool beginning)
{
    int rc = 0;
    for (uint32_t i = 0; i < p->n_parked && rc == 0;) {
        const int64_t t = p->parked[i].us;
        if (t - p->max_us > a->ahead_us) {
            i++;
            continue;
        }
        p->parked[i] = p->parked[--p->n_parked];
        if (beginning && p->max_us - t > a->ahead_us &&
            dg_partition_is_late(a, p, dg_admission_pane(a, t))) {
            a->totals.rows--;
            rc = dg_partition_late(a, p);
            continue;
        }
        note_time(a, p, t);
        if (t > p->max_us) {
            rc = advance(a, p, t);
            i = 0; /* further on, others may be within reach */
        }
    }
    return rc;
}

/* The index of a parked time within the guard of t, or n_parked. */
static uint32_t find_near(const struct dg_admission *a, const struct partition *p, int64_t t)
{
    uint32_t i = 0;
    while (i < p->n_parked && llabs(t - p->parked[i].us) > a->ahead_us) {
        i++;
    }
    return i;
}

/* Time of a partition begins with the first row that another one within the guard bears out: the
 * very first may have a wrong clock like any other. Is called with that other row's time. */
int dg_partition_begin(struct dg_admission *a, struct partition *p, int64_t t)
{
    if (p->max_us != INT64_MIN || a->ahead_us == 0) {
        return 0;
    }
    uint32_t near = find_near(a, p, t);
    if (near == p->n_parked && p->n_parked < PARKED_MAX) {
        return 0;
    }
    near = near == p->n_parked ? 0 : near;
    const int rc = advance(a, p, p->parked[near].us);
    return rc != 0 ? rc : absorb_parked(a, p, true);
}

static int park(struct partition *p, struct parked row)
{
    if (p->n_parked == p->cap_parked) {
        const uint32_t cap = p->cap_parked == 0 ? 4 : 2 * p->cap_parked;
        struct parked *grown = realloc(p->parked, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        p->parked = grown;
        p->cap_parked = cap;
    }
    p->parked[p->n_parked++] = row;
    return 0;
}

int dg_partition_carry(struct partition *p, int64_t pane, uint64_t hash)
{
    if (p->n_carried == p->cap_carried) {
        const uint32_t cap = p->cap_carried == 0 ? 4 : 2 * p->cap_carried;
        struct carried *grown = realloc(p->carried, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        p->carried = grown;
        p->cap_carried = cap;
    }
    p->carried[p->n_carried++] = (struct carried){pane, hash};
    return 0;
}

/* A row far ahead of its partition counts in its own pane, but time follows only when a second row
 * within the guard bears it out: one wrong clock cannot make everything after it late. */
int dg_partition_time(struct dg_admission *a, struct partition *p, int64_t t, bool *parked)
{
    *parked = false;
    if (t <= p->max_us) {
        note_time(a, p, t);
        return 0;
    }
    const bool within = p->max_us != INT64_MIN && t - p->max_us <= a->ahead_us;
    if (a->ahead_us > 0 && !within && p->n_parked < PARKED_MAX &&
        find_near(a, p, t) == p->n_parked) {
        *parked = true;
        return park(p, (struct parked){t, a->file, a->place});
    }
    note_time(a, p, t);
    const int rc = advance(a, p, t);
    return rc != 0 ? rc : absorb_parked(a, p, false);
}

int dg_partition_id(struct dg_admission *a, struct partition *p, int64_t pane, uint64_t hash,
                    uint64_t place, size_t *at, bool *fresh)
{
    size_t i = 0;
    while (i < p->n_ids && p->ids[i].start != pane) {
        i++;
    }
    if (i == p->n_ids) {
        struct pane_ids *grown = realloc(p->ids, (p->n_ids + 1) * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        p->ids = grown;
        p->ids[p->n_ids++] = (struct pane_ids){.start = pane, .least_place = UINT64_MAX};
    }
    bool full = false;
    const int rc = dg_id_set_add(&p->ids[i].set, hash, IDS_MAX, fresh, &full);
    a->totals.ids_unchecked += full;
    if (rc == 0 && *fresh && place < p->ids[i].least_place) {
        p->ids[i].least_place = place;
    }
    *at = p->last_ids = i;
    return rc;
}

/* Rows that stayed alone in the far future were wrong clocks after all. In a partition where no two
 * rows are near each other there is nothing to doubt them by. */
int dg_partition_end(struct dg_admission *a, struct partition *p)
{
    int rc = 0;
    if (p->max_us == INT64_MIN && p->n_parked > 0) {
        int64_t newest = INT64_MIN;
        for (uint32_t i = 0; i < p->n_parked; i++) {
            note_time(a, p, p->parked[i].us);
            newest = p->parked[i].us > newest ? p->parked[i].us : newest;
        }
        rc = advance(a, p, newest);
    } else if (p->n_parked > 0) {
        a->totals.rows -= p->n_parked;
        rc = dg_partition_bad(a, p, DG_BAD_FUTURE, p->n_parked);
        for (uint32_t i = 0; i < p->n_parked; i++) {
            dg_admission_example(a, p->parked[i].file, DG_BAD_FUTURE, p->parked[i].place);
        }
    }
    p->n_parked = 0;
    return rc;
}
