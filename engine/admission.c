#include "engine/admission.h"

#include "engine/id_set.h"
#include "engine/panes.h"
#include "engine/place_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX      (UINT64_C(1) << 24) /* ids kept per pane and partition: 256 MiB at most */
#define PARKED_MAX   256                 /* times of unconfirmed far-future rows per partition */
#define EXAMPLES_PER 3                   /* bad records shown per reason and partition */

struct pane_ids {
    int64_t start;
    struct dg_id_set set;
};

/* A row that is far ahead of its partition. */
struct parked {
    int64_t us;
    uint32_t file; /* where it was, for messages */
    uint64_t place;
};

/* One partition's memory: all that its decisions depend on. */
struct partition {
    uint64_t topic_hash; /* of rows that carry their own place */
    int64_t number;
    int64_t last_offset;   /* INT64_MIN before the first */
    int64_t max_us;        /* newest confirmed event time, INT64_MIN before the first */
    struct parked *parked; /* [cap_parked] far-future rows nobody has confirmed */
    uint32_t n_parked, cap_parked;
    uint64_t early_bad[DG_REASONS]; /* before any event time was known */
    struct pane_ids *ids;           /* [n_ids] panes that are still open here */
    size_t n_ids;
};

struct pane_counters {
    int64_t start;
    struct dg_counters counters;
};

struct dg_admission {
    const struct dg_plan *plan;
    int64_t pane_us, pane_origin, out_of_order_us, late_us, ahead_us;
    struct partition *partition; /* [n_partitions]; of files, or as rows name them */
    uint32_t n_partitions, cap_partitions;
    struct dg_place_map places; /* of the partitions that rows name */
    int64_t *file_clock;        /* [n_files] */
    bool *ended;                /* [n_files] */
    uint32_t n_files;
    struct pane_counters *pane; /* [n_panes] ascending by start */
    size_t n_panes, cap_panes;
    uint64_t early_bad[DG_REASONS]; /* before any row named its partition */
    uint32_t file;                  /* of the row at hand */
    uint64_t place;
    struct dg_admission_totals totals;
    struct dg_bad_example example[DG_EXAMPLES_MAX];
    size_t n_examples;
};

/* An isolated row must not drag time ahead; but windows longer than the guard are no far future. */
static int64_t ahead_guard(const struct dg_monitor *m)
{
    int64_t ahead = m->max_ahead_us;
    for (size_t i = 0; i < m->n_windows && ahead > 0; i++) {
        ahead = m->window[i].size_us > ahead ? m->window[i].size_us : ahead;
    }
    return ahead;
}

int dg_admission_open(const struct dg_plan *plan, uint32_t n_partitions, struct dg_admission **out,
                      struct dg_error *err)
{
    struct dg_admission *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return dg_fail_memory(err);
    }
    const struct dg_monitor *m = plan->monitor;
    a->plan = plan;
    a->pane_us = dg_pane_width(m);
    a->pane_origin = dg_span_origin(a->pane_us);
    a->out_of_order_us = m->out_of_order_us;
    a->late_us = m->late_events_us;
    a->ahead_us = ahead_guard(m);
    a->n_files = n_partitions;
    a->n_partitions = plan->row_partitions ? 0 : n_partitions;
    a->partition = calloc(n_partitions + 1, sizeof *a->partition);
    a->file_clock = calloc(n_partitions + 1, sizeof *a->file_clock);
    a->ended = calloc(n_partitions + 1, sizeof *a->ended);
    a->totals.first_us = a->totals.last_us = DG_TIME_NONE;
    if (a->partition == NULL || a->file_clock == NULL || a->ended == NULL) {
        dg_admission_close(a);
        return dg_fail_memory(err);
    }
    for (uint32_t i = 0; i < n_partitions; i++) {
        a->partition[i].max_us = a->file_clock[i] = INT64_MIN;
        a->partition[i].last_offset = INT64_MIN;
    }
    *out = a;
    return 0;
}

/* What a partition that has ended needs no longer. */
static void free_memory(struct partition *p)
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
}

void dg_admission_close(struct dg_admission *a)
{
    if (a == NULL) {
        return;
    }
    for (uint32_t i = 0; a->partition != NULL && i < a->n_partitions; i++) {
        free_memory(&a->partition[i]);
    }
    for (size_t i = 0; i < a->n_panes; i++) {
        dg_counters_deinit(&a->pane[i].counters);
    }
    free(a->pane);
    free(a->partition);
    dg_place_map_deinit(&a->places);
    free(a->file_clock);
    free(a->ended);
    free(a);
}

static int64_t pane_of(const struct dg_admission *a, int64_t t)
{
    return dg_align_down(t, a->pane_us, a->pane_origin);
}

/* The counters of a pane; NULL for want of memory. */
static struct dg_counters *counters_of(struct dg_admission *a, int64_t start)
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

static void keep_example(struct dg_admission *a, uint32_t partition, enum dg_reason reason,
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
static int count_bad(struct dg_admission *a, struct partition *p, enum dg_reason reason, uint64_t n)
{
    a->totals.bad[reason] += n;
    if (p->max_us == INT64_MIN) {
        p->early_bad[reason] += n;
        return 0;
    }
    struct dg_counters *c = counters_of(a, pane_of(a, p->max_us));
    if (c == NULL) {
        return ENOMEM;
    }
    c->bad[reason] += n;
    return 0;
}

static int count_late(struct dg_admission *a, const struct partition *p)
{
    a->totals.late++;
    struct dg_counters *c = counters_of(a, pane_of(a, p->max_us));
    if (c == NULL) {
        return ENOMEM;
    }
    c->late++;
    return 0;
}

static void note_time(struct dg_admission_totals *t, int64_t us)
{
    if (t->first_us == DG_TIME_NONE || us < t->first_us) {
        t->first_us = us;
    }
    if (t->last_us == DG_TIME_NONE || us > t->last_us) {
        t->last_us = us;
    }
}

static int64_t watermark(const struct dg_admission *a, const struct partition *p)
{
    return p->max_us == INT64_MIN ? INT64_MIN : p->max_us - a->out_of_order_us;
}

/* Time moves on; panes that closed here need their ids no longer. */
static int advance(struct dg_admission *a, struct partition *p, int64_t t)
{
    const bool first = p->max_us == INT64_MIN;
    p->max_us = t;
    const int64_t closed = watermark(a, p) - a->late_us - a->pane_us;
    size_t kept = 0;
    for (size_t i = 0; i < p->n_ids; i++) {
        if (p->ids[i].start <= closed) {
            dg_id_set_deinit(&p->ids[i].set);
        } else {
            p->ids[kept++] = p->ids[i];
        }
    }
    p->n_ids = kept;
    if (first) {
        struct dg_counters *c = counters_of(a, pane_of(a, t));
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

static bool is_late(const struct dg_admission *a, const struct partition *p, int64_t pane)
{
    const int64_t mark = watermark(a, p);
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
        if (beginning && p->max_us - t > a->ahead_us && is_late(a, p, pane_of(a, t))) {
            a->totals.rows--;
            rc = count_late(a, p);
            continue;
        }
        note_time(&a->totals, t);
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
static int begin_clock(struct dg_admission *a, struct partition *p, int64_t t)
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

/* A row far ahead of its partition counts in its own pane, but time follows only when a second row
 * within the guard bears it out: one wrong clock cannot make everything after it late. */
static int move_clock(struct dg_admission *a, struct partition *p, int64_t t)
{
    const bool within = p->max_us != INT64_MIN && t - p->max_us <= a->ahead_us;
    if (a->ahead_us > 0 && !within && p->n_parked < PARKED_MAX &&
        find_near(a, p, t) == p->n_parked) {
        return park(p, (struct parked){t, a->file, a->place});
    }
    note_time(&a->totals, t);
    const int rc = advance(a, p, t);
    return rc != 0 ? rc : absorb_parked(a, p, false);
}

static int is_duplicate(struct dg_admission *a, struct partition *p, int64_t pane, uint64_t hash,
                        bool *duplicate)
{
    size_t at = 0;
    while (at < p->n_ids && p->ids[at].start != pane) {
        at++;
    }
    if (at == p->n_ids) {
        struct pane_ids *grown = realloc(p->ids, (p->n_ids + 1) * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        p->ids = grown;
        p->ids[p->n_ids++] = (struct pane_ids){.start = pane};
    }
    bool fresh = true, full = false;
    const int rc = dg_id_set_add(&p->ids[at].set, hash, IDS_MAX, &fresh, &full);
    a->totals.ids_unchecked += full;
    *duplicate = !fresh;
    return rc;
}

/* The partition that a row belongs to; NULL if the row does not say (bad) or for want of memory. */
static struct partition *row_partition(struct dg_admission *a, const struct dg_batch *b, size_t row)
{
    const struct dg_projection *j = &a->plan->projection;
    const int64_t number = b->column[j->partition].integer[row];
    const struct dg_text topic =
        j->topic >= 0 ? b->column[j->topic].text[row] : (struct dg_text){"", 0, DG_FINITE};
    const uint64_t hash = dg_hash_key(topic.triage == DG_FINITE ? topic.bytes : "",
                                      topic.triage == DG_FINITE ? topic.len : 0);
    uint32_t at = 0;
    if (dg_place_map_number(&a->places, hash, number, &at) != 0) {
        return NULL;
    }
    if (at == a->n_partitions) {
        if (at == a->cap_partitions) {
            const uint32_t cap = at < 8 ? 16 : 2 * at;
            struct partition *grown = realloc(a->partition, cap * sizeof *grown);
            if (grown == NULL) {
                return NULL;
            }
            a->partition = grown;
            a->cap_partitions = cap;
        }
        a->partition[a->n_partitions++] = (struct partition){
            .topic_hash = hash, .number = number, .last_offset = INT64_MIN, .max_us = INT64_MIN};
    }
    return &a->partition[at];
}

/* Decide for one good row with event time t; *pane stays -1 if it does not count. */
static int admit_row(struct dg_admission *a, struct partition *p, int64_t t, const uint64_t *id,
                     struct dg_admitted *out, int32_t *pane)
{
    const int64_t start = pane_of(a, t);
    if (begin_clock(a, p, t) != 0) {
        return ENOMEM;
    }
    if (is_late(a, p, start)) {
        return count_late(a, p);
    }
    if (id != NULL) {
        bool duplicate = false;
        if (is_duplicate(a, p, start, *id, &duplicate) != 0) {
            return ENOMEM;
        }
        if (duplicate) {
            struct dg_counters *c = counters_of(a, start);
            if (c == NULL) {
                return ENOMEM;
            }
            c->duplicates++;
            a->totals.duplicates++;
            if (a->plan->monitor->drop_duplicates) {
                return 0;
            }
        }
    }
    if (t < watermark(a, p)) {
        struct dg_counters *c = counters_of(a, start);
        if (c == NULL) {
            return ENOMEM;
        }
        c->out_of_order++;
        a->totals.out_of_order++;
    }
    out->n_rows++;
    a->totals.rows++;
    if (t <= p->max_us) {
        note_time(&a->totals, t);
    } else if (move_clock(a, p, t) != 0) {
        return ENOMEM;
    }
    return dg_admitted_pane(out, start, pane);
}

/* Fields that the projection does not know, per pane; equal neighbours are counted in one step. */
static int count_news(struct dg_admission *a, const struct dg_batch *b,
                      const struct dg_admitted *out)
{
    for (size_t row = 0; row < b->n;) {
        const uint64_t mask = out->pane[row] < 0 ? 0 : b->news[row];
        size_t end = row + 1;
        while (end < b->n && out->pane[end] == out->pane[row] && b->news[end] == b->news[row]) {
            end++;
        }
        for (size_t i = 0; mask != 0 && i < b->news_names.n; i++) {
            if ((mask >> i & 1) == 0) {
                continue;
            }
            struct dg_counters *c = counters_of(a, out->start[out->pane[row]]);
            if (c == NULL || dg_counters_new_field(c, b->news_names.name[i], b->news_names.len[i],
                                                   end - row) != 0) {
                return ENOMEM;
            }
        }
        row = end;
    }
    return 0;
}

/* Why the row cannot count, or DG_GOOD with its partition and time. */
static enum dg_reason row_reason(struct dg_admission *a, uint32_t file, const struct dg_batch *b,
                                 size_t row, struct partition **p, int64_t *t)
{
    const struct dg_projection *j = &a->plan->projection;
    *p = a->plan->row_partitions ? NULL : &a->partition[file];
    if (b->reason[row] != DG_GOOD) {
        return (enum dg_reason)b->reason[row];
    }
    if (a->plan->row_partitions) {
        if (b->column[j->partition].integer[row] == DG_TIME_NONE ||
            b->column[j->offset].integer[row] == DG_TIME_NONE) {
            return DG_BAD_MALFORMED;
        }
        *p = row_partition(a, b, row);
    }
    *t = b->column[j->time].integer[row];
    return *t == DG_TIME_NONE ? DG_BAD_TIME : DG_GOOD;
}

/* A record that its partition has already passed was read twice. */
static bool already_read(const struct dg_admission *a, struct partition *p,
                         const struct dg_batch *b, size_t row)
{
    if (!a->plan->row_partitions) {
        return false;
    }
    const int64_t offset = b->column[a->plan->projection.offset].integer[row];
    if (offset <= p->last_offset) {
        return true;
    }
    p->last_offset = offset;
    return false;
}

static int bad_row(struct dg_admission *a, uint32_t file, struct partition *p,
                   enum dg_reason reason, uint64_t place)
{
    keep_example(a, file, reason, place);
    if (p == NULL && a->n_partitions > 0) {
        p = &a->partition[0];
    }
    if (p != NULL) {
        return count_bad(a, p, reason, 1);
    }
    a->totals.bad[reason]++;
    a->early_bad[reason]++;
    return 0;
}

int dg_admit(struct dg_admission *a, uint32_t partition, const struct dg_batch *b,
             const uint64_t id_hash[], struct dg_admitted *out)
{
    DG_ASSERT(partition < a->n_files);
    if (dg_admitted_reserve(out, b->n) != 0) {
        return ENOMEM;
    }
    const int id = a->plan->projection.id;
    a->totals.records += b->n;
    for (size_t row = 0; row < b->n; row++) {
        out->pane[row] = -1;
        struct partition *p = NULL;
        int64_t t = DG_TIME_NONE;
        const enum dg_reason reason = row_reason(a, partition, b, row, &p, &t);
        int rc = 0;
        if (reason == DG_GOOD && p == NULL) {
            rc = ENOMEM;
        } else if (reason != DG_GOOD) {
            rc = bad_row(a, partition, p, reason, b->place[row]);
        } else if (already_read(a, p, b, row)) {
            a->totals.duplicates++;
        } else {
            a->file = partition;
            a->place = b->place[row];
            const bool has_id = id_hash != NULL && b->column[id].text[row].triage == DG_FINITE;
            rc = admit_row(a, p, t, has_id ? &id_hash[row] : NULL, out, &out->pane[row]);
            a->file_clock[partition] =
                p->max_us > a->file_clock[partition] ? p->max_us : a->file_clock[partition];
        }
        if (rc != 0) {
            return rc;
        }
    }
    return count_news(a, b, out);
}

/* Rows that stayed alone in the far future were wrong clocks after all. In a partition where no two
 * rows are near each other there is nothing to doubt them by. */
static void judge_parked(struct dg_admission *a, struct partition *p)
{
    if (p->max_us == INT64_MIN && p->n_parked > 0) {
        int64_t newest = INT64_MIN;
        for (uint32_t i = 0; i < p->n_parked; i++) {
            note_time(&a->totals, p->parked[i].us);
            newest = p->parked[i].us > newest ? p->parked[i].us : newest;
        }
        (void)advance(a, p, newest);
    } else if (p->n_parked > 0) {
        a->totals.rows -= p->n_parked;
        (void)count_bad(a, p, DG_BAD_FUTURE, p->n_parked);
        for (uint32_t i = 0; i < p->n_parked; i++) {
            keep_example(a, p->parked[i].file, DG_BAD_FUTURE, p->parked[i].place);
        }
    }
    p->n_parked = 0;
}

void dg_admission_end(struct dg_admission *a, uint32_t partition)
{
    a->ended[partition] = true;
    a->file_clock[partition] = INT64_MAX;
    if (!a->plan->row_partitions) {
        judge_parked(a, &a->partition[partition]);
        free_memory(&a->partition[partition]);
        return;
    }
    bool all = true;
    for (uint32_t i = 0; i < a->n_files; i++) {
        all = all && a->ended[i];
    }
    for (uint32_t i = 0; all && i < a->n_partitions; i++) {
        judge_parked(a, &a->partition[i]);
        free_memory(&a->partition[i]);
    }
}

int64_t dg_admission_clock(const struct dg_admission *a, uint32_t partition)
{
    return a->file_clock[partition];
}

/* Least watermark of the partitions that have not ended; INT64_MAX if all have. */
static int64_t least_watermark(const struct dg_admission *a)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < a->n_files; i++) {
        if (a->ended[i]) {
            continue;
        }
        /* Rows that name their partitions may yet bring one that nobody has seen. */
        if (a->plan->row_partitions || a->partition[i].max_us == INT64_MIN) {
            return INT64_MIN;
        }
        const int64_t mark = watermark(a, &a->partition[i]);
        least = mark < least ? mark : least;
    }
    return least;
}

int64_t dg_admission_final(const struct dg_admission *a)
{
    const int64_t mark = least_watermark(a);
    return mark == INT64_MAX || mark == INT64_MIN ? mark : mark - a->late_us;
}

int64_t dg_admission_settled(const struct dg_admission *a)
{
    const int64_t mark = least_watermark(a);
    return mark == INT64_MAX || mark == INT64_MIN ? mark : pane_of(a, mark);
}

int64_t dg_admission_newest(const struct dg_admission *a)
{
    int64_t newest = INT64_MIN;
    for (uint32_t i = 0; i < a->n_partitions; i++) {
        newest = a->partition[i].max_us > newest ? a->partition[i].max_us : newest;
    }
    return newest;
}

int dg_admission_flush(struct dg_admission *a, int64_t before_us, struct dg_store *store,
                       struct dg_error *err)
{
    struct dg_bytes encoded = {0};
    size_t done = 0;
    int rc = 0;
    while (done < a->n_panes && a->pane[done].start < before_us && rc == 0) {
        struct pane_counters *p = &a->pane[done];
        dg_bytes_clear(&encoded);
        dg_counters_encode(&p->counters, &encoded);
        const struct dg_delta d = {p->start, DG_STATE_STREAM, 0, encoded.data, encoded.len};
        rc = encoded.failed ? dg_fail_memory(err) : store->ops->append(store, &d, 1, err);
        dg_counters_deinit(&p->counters);
        done++;
    }
    if (done > 0) {
        memmove(a->pane, a->pane + done, (a->n_panes - done) * sizeof *a->pane);
        a->n_panes -= done;
    }
    dg_bytes_deinit(&encoded);
    return rc;
}

const struct dg_admission_totals *dg_admission_totals(const struct dg_admission *a)
{
    return &a->totals;
}

const struct dg_bad_example *dg_admission_examples(const struct dg_admission *a, size_t *n)
{
    *n = a->n_examples;
    return a->example;
}
