/* Partitions taken and dropped, gaps, idleness, views. Counting is lane_feed.c's, committing
 * lane_commit.c's. */
#include "engine/live/lane_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int open_stream(struct lane_stream *s, const struct dg_lane_stream *of, struct dg_error *err)
{
    DG_ASSERT(!of->plan->row_partitions);
    s->of = *of;
    s->totals.first_us = s->totals.last_us = DG_TIME_NONE;
    const int rc = dg_batch_init(&s->batch, &of->plan->projection, err);
    return rc != 0 ? rc : dg_accumulator_open(of->plan, &s->accumulator, err);
}

int dg_lane_open(const struct dg_lane_options *options, struct dg_lane **out, struct dg_error *err)
{
    struct dg_lane *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return dg_fail_memory(err);
    }
    l->options = *options;
    l->options.stream = NULL;
    l->stream = calloc(options->n_streams + 1, sizeof *l->stream);
    int rc = l->stream == NULL ? dg_fail_memory(err) : dg_packer_open(&l->packer, err);
    for (size_t i = 0; i < options->n_streams && rc == 0; i++) {
        l->n_streams = i + 1;
        rc = open_stream(&l->stream[i], &options->stream[i], err);
    }
    if (rc != 0) {
        dg_lane_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

static void free_partition(struct lane_partition *p)
{
    for (size_t i = 0; i < p->n_parts; i++) {
        dg_admission_close(p->part[i].admission);
        free(p->part[i].due);
    }
    free(p->part);
    free(p->topic);
}

void dg_lane_close(struct dg_lane *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < l->n_partitions; i++) {
        free_partition(&l->partition[i]);
    }
    for (size_t i = 0; i < l->n_streams; i++) {
        struct lane_stream *s = &l->stream[i];
        dg_accumulator_close(s->accumulator);
        dg_batch_deinit(&s->batch);
        dg_admitted_deinit(&s->admitted);
        dg_id_hashes_deinit(&s->ids);
        free(s->group);
    }
    free(l->stream);
    free(l->partition);
    free(l->gap);
    free(l->commit.position);
    free(l->commit.from_offset);
    free(l->commit.part);
    free(l->commit.state_at);
    dg_bytes_deinit(&l->commit.states);
    dg_packer_close(l->packer);
    free(l);
}

int dg_lane_spoilt(struct dg_error *err)
{
    return dg_fail(err, ENOMEM,
                   "out of memory while counting: the partitions must be dropped and taken again");
}

/* -- partitions -- */

/* Where the place stands among the partitions, or would. */
static size_t search(const struct dg_lane *l, const struct dg_topic_partition *place, bool *found)
{
    size_t low = 0, high = l->n_partitions;
    *found = false;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct lane_partition *p = &l->partition[mid];
        const int topic = strcmp(p->topic, place->topic);
        const int order =
            topic != 0 ? topic : (p->number > place->partition) - (p->number < place->partition);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

struct lane_partition *dg_lane_find(struct dg_lane *l, const struct dg_topic_partition *place)
{
    bool found;
    const size_t at = search(l, place, &found);
    DG_ASSERT(found); /* of a partition that was not taken */
    return &l->partition[at];
}

static size_t stream_index(const struct dg_lane *l, int32_t stream)
{
    size_t i = 0;
    while (i < l->n_streams && l->stream[i].of.stream != stream) {
        i++;
    }
    DG_ASSERT(i < l->n_streams);
    return i;
}

/* Where the ids of open panes begin; next_offset where none are to be learned. */
static int64_t warm_offset(const struct lane_stream *s, const struct dg_position *p)
{
    const bool any = s->of.plan->projection.id >= 0 && p->state_len > 0 && p->warm_offset >= 0 &&
                     p->warm_offset < p->next_offset;
    return any ? p->warm_offset : p->next_offset;
}

static int take_part(struct dg_lane *l, struct part *part, const struct dg_position *p,
                     bool from_none, struct dg_error *err)
{
    DG_ASSERT(p->next_offset >= 0);
    part->stream = stream_index(l, p->stream);
    const struct lane_stream *s = &l->stream[part->stream];
    part->epoch = p->epoch;
    part->seq = p->seq;
    part->next_offset = p->next_offset;
    part->committed_offset = from_none ? DG_OFFSET_NONE : p->next_offset;
    part->warm_offset = part->learn_at = warm_offset(s, p);
    part->learn_to = p->next_offset;
    part->tail = from_none ? 0 : p->tail;
    part->idle = part->committed_idle = p->idle;
    part->moved = from_none;
    const int rc = dg_admission_open(s->of.plan, 1, &part->admission, err);
    return rc != 0 || p->state_len == 0
               ? rc
               : dg_admission_restore(part->admission, 0, p->state, p->state_len, err);
}

/* The least offset that the part has to read. */
static int64_t part_from(const struct part *p)
{
    const int64_t next = p->tail != 0 && p->next_offset > 0 ? p->next_offset - 1 : p->next_offset;
    return p->learn_at < next ? p->learn_at : next;
}

static int take_parts(struct dg_lane *l, struct lane_partition *p,
                      const struct dg_position position[], size_t n, const bool from_none[],
                      struct dg_error *err)
{
    p->topic = strdup(position[0].place.topic);
    p->number = position[0].place.partition;
    p->part = calloc(n, sizeof *p->part);
    if (p->topic == NULL || p->part == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        DG_ASSERT(position[i].place.partition == p->number &&
                  strcmp(position[i].place.topic, p->topic) == 0);
        /* By the stream's number, as a commit wants them. */
        size_t at = i;
        while (at > 0 && l->stream[p->part[at - 1].stream].of.stream > position[i].stream) {
            at--;
        }
        memmove(&p->part[at + 1], &p->part[at], (i - at) * sizeof *p->part);
        p->part[at] = (struct part){0};
        p->n_parts = i + 1;
        const int rc = take_part(l, &p->part[at], &position[i], from_none[i], err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int dg_lane_take(struct dg_lane *l, const struct dg_position position[], size_t n,
                 const bool from_none[], int64_t *read_from, struct dg_error *err)
{
    DG_ASSERT(n > 0);
    bool found;
    const size_t at = search(l, &position[0].place, &found);
    DG_ASSERT(!found);
    if (l->spoilt) {
        return dg_lane_spoilt(err);
    }
    if (l->n_partitions == l->cap_partitions) {
        const size_t cap = l->cap_partitions == 0 ? 8 : 2 * l->cap_partitions;
        struct lane_partition *grown = realloc(l->partition, cap * sizeof *grown);
        if (grown == NULL) {
            return dg_fail_memory(err);
        }
        l->partition = grown;
        l->cap_partitions = cap;
    }
    struct lane_partition p = {0};
    const int rc = take_parts(l, &p, position, n, from_none, err);
    if (rc != 0) {
        free_partition(&p);
        return rc;
    }
    memmove(&l->partition[at + 1], &l->partition[at],
            (l->n_partitions - at) * sizeof *l->partition);
    l->partition[at] = p;
    l->n_partitions++;
    *read_from = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        const int64_t from = part_from(&p.part[i]);
        *read_from = from < *read_from ? from : *read_from;
    }
    return 0;
}

int64_t dg_lane_from(struct dg_lane *l, const struct dg_topic_partition *place)
{
    const struct lane_partition *p = dg_lane_find(l, place);
    int64_t from = INT64_MAX;
    for (size_t i = 0; i < p->n_parts; i++) {
        struct part part = p->part[i];
        part.learn_at = part.learn_at < part.learn_to ? part.learn_at : part.next_offset;
        const int64_t own = part_from(&part);
        from = own < from ? own : from;
    }
    return from;
}

/* -- what is lost, what is idle -- */

static int add_gap(struct dg_lane *l, const struct lane_partition *p, const struct part *part,
                   int64_t to, const char *reason)
{
    if (l->n_gaps == l->cap_gaps) {
        const size_t cap = l->cap_gaps == 0 ? 8 : 2 * l->cap_gaps;
        struct dg_gap *grown = realloc(l->gap, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        l->gap = grown;
        l->cap_gaps = cap;
    }
    l->gap[l->n_gaps++] = (struct dg_gap){.stream = l->stream[part->stream].of.stream,
                                          .place = {p->topic, p->number},
                                          .from = part->next_offset,
                                          .to = to,
                                          .reason = reason};
    return 0;
}

int dg_lane_gap(struct dg_lane *l, const struct dg_topic_partition *place, int64_t to,
                const char *reason, struct dg_error *err)
{
    DG_ASSERT(to >= 0);
    if (l->spoilt) {
        return dg_lane_spoilt(err);
    }
    struct lane_partition *p = dg_lane_find(l, place);
    const bool retention = strcmp(reason, "retention") == 0;
    const bool truncated = strcmp(reason, "truncated") == 0;
    for (size_t i = 0; i < p->n_parts; i++) {
        struct part *part = &p->part[i];
        if ((retention && part->next_offset >= to) || (truncated && part->next_offset <= to)) {
            continue;
        }
        if (add_gap(l, p, part, retention ? to : DG_OFFSET_NONE, reason) != 0) {
            l->spoilt = true;
            return dg_fail_memory(err);
        }
        part->next_offset = part->learn_at = part->learn_to = to;
        part->tail = 0;
        part->n_due = 0;
        part->moved = true;
        part->idle = false;
    }
    return 0;
}

void dg_lane_idle(struct dg_lane *l, const struct dg_topic_partition *place, bool idle)
{
    struct lane_partition *p = dg_lane_find(l, place);
    for (size_t i = 0; i < p->n_parts; i++) {
        p->part[i].idle = idle;
    }
}

bool dg_part_dirty(const struct part *p)
{
    return p->moved || p->idle != p->committed_idle;
}

bool dg_lane_dirty(const struct dg_lane *l)
{
    bool dirty = l->commit.built;
    for (size_t i = 0; i < l->n_partitions && !dirty; i++) {
        for (size_t k = 0; k < l->partition[i].n_parts && !dirty; k++) {
            dirty = dg_part_dirty(&l->partition[i].part[k]);
        }
    }
    return dirty;
}

size_t dg_lane_bytes(const struct dg_lane *l)
{
    size_t sum = 0;
    for (size_t i = 0; i < l->n_streams; i++) {
        sum += dg_accumulator_bytes(l->stream[i].accumulator);
    }
    return sum;
}

size_t dg_lane_kept_bytes(const struct dg_lane *l)
{
    size_t sum = 0;
    for (size_t i = 0; i < l->n_streams; i++) {
        sum += dg_accumulator_kept_bytes(l->stream[i].accumulator);
    }
    return sum;
}

bool dg_lane_full(const struct dg_lane *l)
{
    return l->options.memory_bytes > 0 && dg_lane_bytes(l) > l->options.memory_bytes;
}

/* -- views -- */

static void add_totals(struct dg_admission_totals *sum, const struct dg_admission_totals *t)
{
    sum->records += t->records;
    sum->rows += t->rows;
    sum->duplicates += t->duplicates;
    sum->late += t->late;
    sum->out_of_order += t->out_of_order;
    sum->ids_unchecked += t->ids_unchecked;
    for (size_t i = 0; i < DG_REASONS; i++) {
        sum->bad[i] += t->bad[i];
    }
    if (t->first_us != DG_TIME_NONE &&
        (sum->first_us == DG_TIME_NONE || t->first_us < sum->first_us)) {
        sum->first_us = t->first_us;
    }
    sum->last_us = t->last_us > sum->last_us ? t->last_us : sum->last_us; /* none is least */
}

void dg_lane_totals(const struct dg_lane *l, int32_t stream, struct dg_admission_totals *out)
{
    const size_t at = stream_index(l, stream);
    *out = l->stream[at].totals;
    for (size_t i = 0; i < l->n_partitions; i++) {
        const struct lane_partition *p = &l->partition[i];
        for (size_t k = 0; k < p->n_parts; k++) {
            if (p->part[k].stream == at) {
                add_totals(out, dg_admission_totals(p->part[k].admission));
            }
        }
    }
}

uint64_t dg_lane_records(const struct dg_lane *l)
{
    uint64_t n = 0;
    for (size_t i = 0; i < l->n_streams; i++) {
        n += l->stream[i].totals.records;
    }
    for (size_t i = 0; i < l->n_partitions; i++) {
        const struct lane_partition *p = &l->partition[i];
        for (size_t k = 0; k < p->n_parts; k++) {
            n += dg_admission_totals(p->part[k].admission)->records;
        }
    }
    return n;
}

uint64_t dg_lane_dropped(const struct dg_lane *l)
{
    return l->dropped;
}

void dg_lane_drop(struct dg_lane *l)
{
    const uint64_t records = dg_lane_records(l);
    l->dropped += records - l->committed;
    l->committed = records;
    dg_lane_unbuild(l);
    l->n_gaps = 0;
    for (size_t i = 0; i < l->n_partitions; i++) {
        const struct lane_partition *p = &l->partition[i];
        for (size_t k = 0; k < p->n_parts; k++) {
            add_totals(&l->stream[p->part[k].stream].totals,
                       dg_admission_totals(p->part[k].admission));
        }
        free_partition(&l->partition[i]);
    }
    l->n_partitions = 0;
    for (size_t i = 0; i < l->n_streams; i++) {
        dg_accumulator_clear(l->stream[i].accumulator);
        l->stream[i].n_groups = 0; /* a ledger that has gone back in time may give others */
    }
    l->spoilt = false;
}

void dg_lane_views(const struct dg_lane *l, void (*view)(void *arg, const struct dg_lane_view *v),
                   void *arg)
{
    for (size_t i = 0; i < l->n_partitions; i++) {
        const struct lane_partition *p = &l->partition[i];
        for (size_t k = 0; k < p->n_parts; k++) {
            const struct part *part = &p->part[k];
            struct dg_lane_view v = {.stream = l->stream[part->stream].of.stream,
                                     .place = {p->topic, p->number},
                                     .next_offset = part->next_offset,
                                     .committed_offset = part->committed_offset,
                                     .idle = part->idle};
            dg_admission_times(part->admission, 0, &v.clock.first_us, &v.clock.max_us);
            view(arg, &v);
        }
    }
}
