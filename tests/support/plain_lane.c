#include "tests/support/plain_lane.h"

#include "engine/accumulator.h"
#include "stats/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct plain_lane {
    struct dg_plan *plan;
    struct dg_ledger *ledger;
    struct dg_position position;
    struct dg_admission *admission;
    struct dg_accumulator *accumulator;
    struct dg_packer *packer;
    struct dg_decoder *decoder;
    struct dg_batch batch;
    struct dg_admitted admitted;
    uint64_t *id_hash;
    int64_t committed;
    bool idle;
};

static void must_be_0(int rc, const struct dg_error *err)
{
    if (rc != 0) {
        fprintf(stderr, "plain lane: %s\n", err->message);
        abort();
    }
}

struct plain_lane *plain_lane_open(struct dg_plan *plan, struct dg_ledger *ledger, int32_t stream,
                                   const char *group, int32_t partition)
{
    struct dg_error err = {0};
    struct plain_lane *l = calloc(1, sizeof *l);
    DG_ASSERT(l != NULL);
    l->plan = plan;
    l->ledger = ledger;
    l->decoder = fake_decoder_open(NULL);
    const struct dg_topic_partition place = {"log", partition};
    int rc = EAGAIN;
    while (rc == EAGAIN) {
        rc = ledger->ops->acquire(ledger, group, &place, &stream, 1, &l->position, &err);
    }
    must_be_0(rc, &err);
    l->committed = DG_OFFSET_NONE;
    l->position.next_offset = 0;
    must_be_0(dg_admission_open(plan, 1, &l->admission, &err), &err);
    must_be_0(dg_accumulator_open(plan, &l->accumulator, &err), &err);
    must_be_0(dg_packer_open(&l->packer, &err), &err);
    must_be_0(dg_batch_init(&l->batch, &plan->projection, &err), &err);
    return l;
}

void plain_lane_close(struct plain_lane *l)
{
    dg_admission_close(l->admission);
    dg_accumulator_close(l->accumulator);
    dg_packer_close(l->packer);
    dg_batch_deinit(&l->batch);
    dg_admitted_deinit(&l->admitted);
    l->decoder->ops->close(l->decoder);
    free(l->id_hash);
    free(l);
}

void plain_lane_feed(struct plain_lane *l, const struct dg_record records[], size_t n)
{
    struct dg_error err = {0};
    const struct dg_batch *b = &l->batch;
    const int id = l->plan->projection.id;
    size_t done = 0;
    dg_batch_clear(&l->batch);
    must_be_0(
        l->decoder->ops->decode(l->decoder, &l->position.place, records, n, &l->batch, &done, &err),
        &err);
    DG_ASSERT(done == n);
    l->id_hash = realloc(l->id_hash, (b->n + 1) * sizeof *l->id_hash);
    DG_ASSERT(l->id_hash != NULL);
    for (size_t i = 0; id >= 0 && i < b->n; i++) {
        const bool has = b->reason[i] == DG_GOOD && b->column[id].text[i].triage == DG_FINITE;
        l->id_hash[i] =
            has ? dg_hash_key(b->column[id].text[i].bytes, b->column[id].text[i].len) : 0;
    }
    int rc = dg_admit(l->admission, 0, b, id >= 0 ? l->id_hash : NULL, &l->admitted);
    rc = rc != 0 ? rc : dg_accumulator_add(l->accumulator, &l->batch, &l->admitted);
    must_be_0(rc, &err);
    l->position.next_offset = n > 0 ? records[n - 1].offset + 1 : l->position.next_offset;
}

void plain_lane_idle(struct plain_lane *l, bool idle)
{
    l->idle = idle;
}

void plain_lane_commit(struct plain_lane *l)
{
    struct dg_error err = {0};
    struct dg_bytes state = {0};
    uint32_t *group = calloc(l->plan->slicer.n_groups + 1, sizeof *group);
    DG_ASSERT(group != NULL);
    for (uint32_t g = 0; g < l->plan->slicer.n_groups; g++) {
        const struct dg_group *of = &l->plan->slicer.group[g];
        int rc = EAGAIN;
        while (rc == EAGAIN) {
            rc = l->ledger->ops->group(l->ledger, l->position.stream, of->version, of->variant,
                                       l->plan->slicer.max_groups, &group[g], &err);
        }
        must_be_0(rc, &err);
    }
    struct dg_store *store =
        dg_packer_store(l->packer, l->position.stream, l->plan->slicer.n_segments,
                        (uint32_t)l->plan->n_columns, group);
    must_be_0(dg_accumulator_flush(l->accumulator, INT64_MAX, store, &err), &err);
    must_be_0(dg_admission_flush(l->admission, INT64_MAX, store, &err), &err);
    dg_admission_save(l->admission, 0, &state);
    struct dg_position next = l->position;
    dg_admission_times(l->admission, 0, &next.clock.first_us, &next.clock.max_us);
    next.state = state.data;
    next.state_len = state.len;
    next.idle = l->idle;
    next.warm_offset = next.next_offset;
    struct dg_commit c = {.position = &next, .from_offset = &l->committed, .n_positions = 1};
    must_be_0(dg_packer_rows(l->packer, &c.row, &c.n_rows, &err), &err);
    int rc = EAGAIN;
    while (rc == EAGAIN) {
        rc = l->ledger->ops->commit(l->ledger, &c, &err);
    }
    must_be_0(rc, &err);
    l->committed = l->position.next_offset;
    l->position.seq++;
    dg_packer_clear(l->packer);
    dg_bytes_deinit(&state);
    free(group);
}
