#include "engine/live/lane_private.h"

#include "stats/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dg_lane_unbuild(struct dg_lane *l)
{
    l->commit.built = false;
    l->commit.n_positions = l->commit.n_rows = l->commit.n_gaps = 0;
    dg_packer_clear(l->packer);
}

static uint32_t groups_of(struct dg_slicer *s)
{
    pthread_mutex_lock(&s->lock);
    const uint32_t n = s->n_groups;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* Names of groups stay where they are, the array of groups may move. */
static struct dg_group group_at(struct dg_slicer *s, uint32_t i)
{
    pthread_mutex_lock(&s->lock);
    const struct dg_group g = s->group[i];
    pthread_mutex_unlock(&s->lock);
    return g;
}

/* The ledger's numbers of all groups that have come up. */
static int number_groups(struct lane_stream *s, struct dg_ledger *ledger, struct dg_error *err)
{
    struct dg_slicer *slicer = &s->of.plan->slicer;
    const uint32_t n = groups_of(slicer);
    if (n > s->cap_groups) {
        uint32_t *grown = realloc(s->group, 2 * (size_t)n * sizeof *grown);
        if (grown == NULL) {
            return dg_fail_memory(err);
        }
        s->group = grown;
        s->cap_groups = 2 * n;
    }
    int rc = 0;
    while (s->n_groups < n && rc == 0) {
        const struct dg_group g = group_at(slicer, s->n_groups);
        rc = ledger->ops->group(ledger, s->of.stream, g.version, g.variant, slicer->max_groups,
                                &s->group[s->n_groups], err);
        s->n_groups += rc == 0;
    }
    return rc;
}

static int reserve(struct lane_commit *c, size_t n)
{
    if (n <= c->cap) {
        return 0;
    }
    const size_t cap = 2 * n;
    struct dg_position *position = realloc(c->position, cap * sizeof *position);
    c->position = position != NULL ? position : c->position;
    int64_t *from = realloc(c->from_offset, cap * sizeof *from);
    c->from_offset = from != NULL ? from : c->from_offset;
    struct part **part = realloc(c->part, cap * sizeof *part);
    c->part = part != NULL ? part : c->part;
    size_t *state_at = realloc(c->state_at, cap * sizeof *state_at);
    c->state_at = state_at != NULL ? state_at : c->state_at;
    if (position == NULL || from == NULL || part == NULL || state_at == NULL) {
        return ENOMEM;
    }
    c->cap = cap;
    return 0;
}

static int64_t warm_offset(const struct part *p)
{
    const int64_t warm = (int64_t)dg_admission_warm_from(p->admission, 0, (uint64_t)p->next_offset);
    return p->learn_at < p->learn_to && p->warm_offset < warm ? p->warm_offset : warm;
}

static void add_position(struct dg_lane *l, const struct lane_partition *of, struct part *p)
{
    struct lane_commit *c = &l->commit;
    struct dg_position *out = &c->position[c->n_positions];
    *out = (struct dg_position){.stream = l->stream[p->stream].of.stream,
                                .place = {of->topic, of->number},
                                .epoch = p->epoch,
                                .seq = p->seq,
                                .next_offset = p->next_offset,
                                .warm_offset = warm_offset(p),
                                .tail = p->tail,
                                .idle = p->idle};
    dg_admission_times(p->admission, 0, &out->clock.first_us, &out->clock.max_us);
    c->state_at[c->n_positions] = c->states.len;
    dg_admission_save(p->admission, 0, &c->states);
    out->state_len = c->states.len - c->state_at[c->n_positions];
    c->from_offset[c->n_positions] = p->committed_offset;
    c->part[c->n_positions++] = p;
}

static int reserve_all(struct dg_lane *l, struct dg_error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < l->n_partitions; i++) {
        most += l->partition[i].n_parts;
    }
    return reserve(&l->commit, most) != 0 ? dg_fail_memory(err) : 0;
}

/* Positions of all that changed, in the order of partitions and streams. */
static int build_positions(struct dg_lane *l, struct dg_error *err)
{
    struct lane_commit *c = &l->commit;
    const int rc = reserve_all(l, err);
    if (rc != 0) {
        return rc;
    }
    c->n_positions = 0;
    dg_bytes_clear(&c->states);
    for (size_t i = 0; i < l->n_partitions; i++) {
        for (size_t k = 0; k < l->partition[i].n_parts; k++) {
            if (dg_part_dirty(&l->partition[i].part[k])) {
                add_position(l, &l->partition[i], &l->partition[i].part[k]);
            }
        }
    }
    if (c->states.failed) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < c->n_positions; i++) { /* the bytes move no more */
        c->position[i].state = c->states.data + c->state_at[i];
    }
    return 0;
}

/* The counters of the stream's partitions, and what its accumulator holds. */
static int flush_stream(struct dg_lane *l, size_t stream, struct dg_error *err)
{
    const struct lane_stream *s = &l->stream[stream];
    struct dg_store *store = dg_packer_store(l->packer, s->of.stream, s->of.plan->slicer.n_segments,
                                             (uint32_t)s->of.plan->n_columns, s->group);
    int rc = dg_accumulator_flush(s->accumulator, INT64_MAX, store, err);
    for (size_t i = 0; i < l->n_partitions && rc == 0; i++) {
        const struct lane_partition *p = &l->partition[i];
        for (size_t k = 0; k < p->n_parts && rc == 0; k++) {
            if (p->part[k].stream == stream) {
                rc = dg_admission_flush(p->part[k].admission, INT64_MAX, store, err);
            }
        }
    }
    return rc;
}

static int build(struct dg_lane *l, struct dg_ledger *ledger, struct dg_error *err)
{
    struct lane_commit *c = &l->commit;
    int rc = 0;
    for (size_t i = 0; i < l->n_streams && rc == 0; i++) {
        rc = number_groups(&l->stream[i], ledger, err);
    }
    rc = rc != 0 ? rc : build_positions(l, err);
    if (rc != 0) {
        return rc;
    }
    /* From here on there is no way back: what is flushed is only in the packer. */
    for (size_t i = 0; i < l->n_streams && rc == 0; i++) {
        rc = flush_stream(l, i, err);
    }
    rc = rc != 0 ? rc : dg_packer_rows(l->packer, &c->row, &c->n_rows, err);
    l->spoilt = rc != 0;
    c->built = rc == 0;
    c->n_gaps = l->n_gaps;
    return rc;
}

/* The ledger holds it now. What a gap changed meanwhile is for the next commit. */
static void settle(struct dg_lane *l)
{
    const struct lane_commit *c = &l->commit;
    for (size_t i = 0; i < c->n_positions; i++) {
        const struct dg_position *sent = &c->position[i];
        struct part *p = c->part[i];
        p->seq++;
        p->committed_offset = sent->next_offset;
        p->committed_idle = sent->idle;
        p->warm_offset = sent->warm_offset;
        p->moved = p->next_offset != sent->next_offset || p->tail != sent->tail;
    }
    if (c->n_gaps > 0) {
        l->n_gaps -= c->n_gaps;
        memmove(l->gap, l->gap + c->n_gaps, l->n_gaps * sizeof *l->gap);
    }
    dg_lane_unbuild(l);
}

int dg_lane_check(struct dg_lane *l, struct dg_ledger *ledger, struct dg_error *err)
{
    struct lane_commit *c = &l->commit;
    if (c->built || l->spoilt) {
        return 0;
    }
    size_t n = 0;
    const int rc = reserve_all(l, err);
    for (size_t i = 0; i < l->n_partitions && rc == 0; i++) {
        const struct lane_partition *p = &l->partition[i];
        for (size_t k = 0; k < p->n_parts; k++) {
            const struct part *part = &p->part[k];
            c->position[n++] = (struct dg_position){.stream = l->stream[part->stream].of.stream,
                                                    .place = {p->topic, p->number},
                                                    .epoch = part->epoch,
                                                    .seq = part->seq,
                                                    .next_offset = part->committed_offset};
        }
    }
    return rc != 0 || n == 0 ? rc : ledger->ops->check(ledger, c->position, n, err);
}

int dg_lane_commit(struct dg_lane *l, struct dg_ledger *ledger, struct dg_error *err)
{
    struct lane_commit *c = &l->commit;
    if (l->spoilt) {
        return dg_lane_spoilt(err);
    }
    if (!dg_lane_dirty(l)) {
        return 0;
    }
    int rc = c->built ? 0 : build(l, ledger, err);
    if (rc != 0) {
        return rc;
    }
    const struct dg_commit sent = {.position = c->position,
                                   .from_offset = c->from_offset,
                                   .n_positions = c->n_positions,
                                   .row = c->row,
                                   .n_rows = c->n_rows,
                                   .gap = l->gap,
                                   .n_gaps = c->n_gaps};
    rc = ledger->ops->commit(ledger, &sent, err);
    if (rc == 0) {
        settle(l);
        l->committed = dg_lane_records(l);
    }
    return rc;
}
