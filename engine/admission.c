#include "engine/admission_private.h"
#include "engine/panes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH 12 /* rows: about as long as memory takes to answer */

/* An isolated row must not drag time ahead; but windows longer than the guard are no far future. */
static int64_t ahead_guard(const struct dg_monitor *m)
{
    int64_t ahead = m->max_ahead_us;
    for (size_t i = 0; i < m->n_windows && ahead > 0; i++) {
        ahead = m->window[i].size_us > ahead ? m->window[i].size_us : ahead;
    }
    return ahead;
}

static const struct partition FRESH = {
    .last_offset = INT64_MIN, .max_us = INT64_MIN, .first_us = INT64_MIN};

int dg_admission_open(const struct dg_plan *plan, uint32_t n_partitions, struct dg_admission **out,
                      struct dg_error *err)
{
    return dg_admission_make(plan, n_partitions, plan->row_partitions, out, err);
}

int dg_admission_make(const struct dg_plan *plan, uint32_t n_partitions, bool row_partitions,
                      struct dg_admission **out, struct dg_error *err)
{
    struct dg_admission *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return dg_fail_memory(err);
    }
    const struct dg_monitor *m = plan->monitor;
    a->plan = plan;
    a->row_partitions = row_partitions;
    a->pane_us = dg_pane_width(m);
    a->pane_origin = dg_span_origin(a->pane_us);
    a->out_of_order_us = m->out_of_order_us;
    a->late_us = m->late_events_us;
    a->ahead_us = ahead_guard(m);
    a->n_files = n_partitions;
    a->n_partitions = row_partitions ? 0 : n_partitions;
    a->partition = calloc(n_partitions + 1, sizeof *a->partition);
    a->file_clock = calloc(n_partitions + 1, sizeof *a->file_clock);
    a->ended = calloc(n_partitions + 1, sizeof *a->ended);
    a->totals.first_us = a->totals.last_us = DG_TIME_NONE;
    if (a->partition == NULL || a->file_clock == NULL || a->ended == NULL) {
        dg_admission_close(a);
        return dg_fail_memory(err);
    }
    for (uint32_t i = 0; i < n_partitions; i++) {
        a->partition[i] = FRESH;
        a->file_clock[i] = INT64_MIN;
    }
    *out = a;
    return 0;
}

void dg_admission_close(struct dg_admission *a)
{
    if (a == NULL) {
        return;
    }
    for (uint32_t i = 0; a->partition != NULL && i < a->n_partitions; i++) {
        dg_partition_release(&a->partition[i]);
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
        struct partition *p = &a->partition[a->n_partitions++];
        *p = FRESH;
        p->topic_hash = hash;
        p->number = number;
    }
    return &a->partition[at];
}

/* Decide for one good row with event time t; *pane stays -1 if it does not count. */
static int admit_row(struct dg_admission *a, struct partition *p, int64_t t, const uint64_t *id,
                     struct dg_admitted *out, int32_t *pane)
{
    const int64_t start = dg_admission_pane(a, t);
    if (dg_partition_begin(a, p, t) != 0) {
        return ENOMEM;
    }
    if (dg_partition_is_late(a, p, start)) {
        return dg_partition_late(a, p);
    }
    bool fresh = false, parked = false;
    size_t ids = 0;
    if (id != NULL) {
        if (dg_partition_id(a, p, start, *id, a->place, &ids, &fresh) != 0) {
            return ENOMEM;
        }
        if (!fresh) {
            struct dg_counters *c = dg_admission_counters(a, start);
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
    if (t < dg_partition_watermark(a, p)) {
        struct dg_counters *c = dg_admission_counters(a, start);
        if (c == NULL) {
            return ENOMEM;
        }
        c->out_of_order++;
        a->totals.out_of_order++;
    }
    out->n_rows++;
    a->totals.rows++;
    if (dg_partition_time(a, p, t, &parked) != 0) {
        return ENOMEM;
    }
    /* No other row's id can stand in a parked row's pane: it would be near enough to bear it out.
     */
    if (parked && fresh && p->n_carried < CARRIED_MAX) {
        p->ids[ids].least_place = UINT64_MAX;
        if (dg_partition_carry(p, start, *id) != 0) {
            return ENOMEM;
        }
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
            struct dg_counters *c = dg_admission_counters(a, out->start[out->pane[row]]);
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
    *p = a->row_partitions ? NULL : &a->partition[file];
    if (b->reason[row] != DG_GOOD) {
        return (enum dg_reason)b->reason[row];
    }
    if (a->row_partitions) {
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
    if (!a->row_partitions) {
        return false;
    }
    const int64_t offset = b->column[a->plan->projection.offset].integer[row];
    if (offset <= p->last_offset) {
        return true;
    }
    p->last_offset = offset;
    return false;
}

bool dg_admission_too_far(const struct dg_admission *a, const struct dg_batch *b, size_t row,
                          int64_t t)
{
    const int column = a->plan->projection.record_time;
    const int64_t ahead = a->plan->monitor->max_ahead_us;
    int64_t record_us = b->timed ? b->record_us[row] : DG_TIME_NONE;
    if (!b->timed && column >= 0) {
        record_us = b->column[column].integer[row];
    }
    return ahead > 0 && record_us != DG_TIME_NONE && t > record_us &&
           (uint64_t)t - (uint64_t)record_us > (uint64_t)ahead;
}

static int bad_row(struct dg_admission *a, uint32_t file, struct partition *p,
                   enum dg_reason reason, uint64_t place)
{
    dg_admission_example(a, file, reason, place);
    if (p == NULL && a->n_partitions > 0) {
        p = &a->partition[0];
    }
    if (p != NULL) {
        return dg_partition_bad(a, p, reason, 1);
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
        struct partition *p = NULL;
        int64_t t = DG_TIME_NONE;
        enum dg_reason reason = row_reason(a, partition, b, row, &p, &t);
        int rc = 0;
        out->pane[row] = -1;
        out->reason[row] = DG_GOOD;
        if (reason == DG_GOOD && p == NULL) {
            return ENOMEM;
        }
        if (id_hash != NULL && p != NULL && row + PREFETCH < b->n) {
            dg_partition_prefetch(p, id_hash[row + PREFETCH]);
        }
        if (reason == DG_GOOD && already_read(a, p, b, row)) {
            a->totals.duplicates++;
            continue;
        }
        if (reason == DG_GOOD && dg_admission_too_far(a, b, row, t)) {
            reason = DG_BAD_FUTURE;
        }
        if (reason != DG_GOOD) {
            out->reason[row] = (uint8_t)reason;
            rc = bad_row(a, partition, p, reason, b->place[row]);
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

void dg_admission_end(struct dg_admission *a, uint32_t partition)
{
    a->ended[partition] = true;
    a->file_clock[partition] = INT64_MAX;
    if (!a->row_partitions) {
        (void)dg_partition_end(a, &a->partition[partition]);
        dg_partition_release(&a->partition[partition]);
        return;
    }
    bool all = true;
    for (uint32_t i = 0; i < a->n_files; i++) {
        all = all && a->ended[i];
    }
    for (uint32_t i = 0; all && i < a->n_partitions; i++) {
        (void)dg_partition_end(a, &a->partition[i]);
        dg_partition_release(&a->partition[i]);
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
        if (a->row_partitions || a->partition[i].max_us == INT64_MIN) {
            return INT64_MIN;
        }
        const int64_t mark = dg_partition_watermark(a, &a->partition[i]);
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
    return mark == INT64_MAX || mark == INT64_MIN ? mark : dg_admission_pane(a, mark);
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
