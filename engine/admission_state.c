/* What a partition remembers from one process to the next. */
#include "engine/admission_private.h"
#include "engine/panes.h"
#include "stats/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define STATE_VERSION 1

static void put_fixed(struct dg_bytes *b, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        dg_put_u8(b, (uint8_t)(v >> 8 * i));
    }
}

static uint64_t get_fixed(struct dg_reader *r)
{
    const uint8_t *p = dg_get_raw(r, 8);
    uint64_t v = 0;
    for (int i = 0; p != NULL && i < 8; i++) {
        v |= (uint64_t)p[i] << 8 * i;
    }
    return v;
}

void dg_admission_save(const struct dg_admission *a, uint32_t partition, struct dg_bytes *out)
{
    DG_ASSERT(!a->row_partitions && partition < a->n_partitions);
    const struct partition *p = &a->partition[partition];
    const size_t from = out->len;
    dg_put_u8(out, STATE_VERSION);
    dg_put_zigzag(out, p->max_us);
    dg_put_zigzag(out, p->first_us);
    dg_put_varint(out, DG_REASONS);
    for (size_t i = 1; i < DG_REASONS; i++) {
        dg_put_varint(out, p->early_bad[i]);
    }
    dg_put_varint(out, p->n_parked);
    for (uint32_t i = 0; i < p->n_parked; i++) { /* their order matters */
        dg_put_zigzag(out, p->parked[i].us);
        dg_put_varint(out, p->parked[i].place);
    }
    dg_put_varint(out, p->n_carried);
    for (uint32_t i = 0; i < p->n_carried; i++) {
        dg_put_zigzag(out, p->carried[i].start);
        put_fixed(out, p->carried[i].hash);
    }
    if (!out->failed) {
        put_fixed(out, dg_hash_key((const char *)out->data + from, out->len - from));
    }
}

static int bad_state(struct dg_error *err, const char *what)
{
    return dg_fail(err, EBADMSG,
                   "saved state of a partition is damaged (%s): restore the database from a "
                   "backup, or begin the partition anew",
                   what);
}

/* Far from where sums with it could overflow. */
static bool is_time(int64_t us)
{
    return us > INT64_MIN / 4 && us < INT64_MAX / 4;
}

static int read_parked(struct partition *p, struct dg_reader *r)
{
    const uint64_t n = dg_get_varint(r);
    if (r->failed || n > PARKED_MAX) {
        return EBADMSG;
    }
    p->parked = calloc(n + 1, sizeof *p->parked);
    if (p->parked == NULL) {
        return ENOMEM;
    }
    p->n_parked = (uint32_t)n;
    p->cap_parked = (uint32_t)n + 1;
    for (uint64_t i = 0; i < n; i++) {
        p->parked[i].us = dg_get_zigzag(r);
        p->parked[i].place = dg_get_varint(r);
        if (r->failed || !is_time(p->parked[i].us)) {
            return EBADMSG;
        }
    }
    return 0;
}

/* Ids of rows that were parked: their panes know them again. */
static int read_carried(struct dg_admission *a, struct partition *p, struct dg_reader *r)
{
    const uint64_t n = dg_get_varint(r);
    if (r->failed || n > CARRIED_MAX) {
        return EBADMSG;
    }
    for (uint64_t i = 0; i < n; i++) {
        const int64_t start = dg_get_zigzag(r);
        const uint64_t hash = get_fixed(r);
        size_t at = 0;
        bool fresh = false;
        if (r->failed || !is_time(start) || dg_admission_pane(a, start) != start ||
            dg_partition_is_late(a, p, start)) {
            return EBADMSG;
        }
        if (dg_partition_id(a, p, start, hash, UINT64_MAX, &at, &fresh) != 0 ||
            dg_partition_carry(p, start, hash) != 0) {
            return ENOMEM;
        }
    }
    return 0;
}

static int read_state(struct dg_admission *a, struct partition *p, struct dg_reader *r)
{
    p->max_us = dg_get_zigzag(r);
    p->first_us = dg_get_zigzag(r);
    const bool begun = p->max_us != INT64_MIN;
    if (dg_get_varint(r) != DG_REASONS || begun != (p->first_us != INT64_MIN) ||
        (begun && (!is_time(p->max_us) || !is_time(p->first_us) || p->first_us > p->max_us))) {
        return EBADMSG;
    }
    for (size_t i = 1; i < DG_REASONS; i++) {
        p->early_bad[i] = dg_get_varint(r);
    }
    int rc = read_parked(p, r);
    rc = rc != 0 ? rc : read_carried(a, p, r);
    return rc != 0 ? rc : r->failed || r->p != r->end ? EBADMSG : 0;
}

int dg_admission_restore(struct dg_admission *a, uint32_t partition, const uint8_t bytes[],
                         size_t n, struct dg_error *err)
{
    DG_ASSERT(!a->row_partitions && partition < a->n_partitions);
    struct partition *p = &a->partition[partition];
    DG_ASSERT(p->max_us == INT64_MIN && p->n_parked == 0 && p->n_ids == 0);
    struct dg_reader r = {bytes, bytes + n, false};
    if (n < 10 || dg_get_u8(&r) != STATE_VERSION) {
        return bad_state(err, n < 10 ? "too short" : "of another version");
    }
    r.end -= 8;
    struct dg_reader sum = {r.end, r.end + 8, false};
    if (get_fixed(&sum) != dg_hash_key((const char *)bytes, n - 8)) {
        return bad_state(err, "checksum");
    }
    const int rc = read_state(a, p, &r);
    if (rc != 0) {
        dg_partition_release(p);
        *p = (struct partition){
            .last_offset = INT64_MIN, .max_us = INT64_MIN, .first_us = INT64_MIN};
        return rc == ENOMEM ? dg_fail_memory(err) : bad_state(err, "malformed");
    }
    for (uint32_t i = 0; i < p->n_parked; i++) {
        p->parked[i].file = partition;
    }
    a->file_clock[partition] = p->max_us;
    return 0;
}

uint64_t dg_admission_warm_from(const struct dg_admission *a, uint32_t partition, uint64_t next)
{
    DG_ASSERT(!a->row_partitions && partition < a->n_partitions);
    const struct partition *p = &a->partition[partition];
    uint64_t least = next;
    for (size_t i = 0; i < p->n_ids; i++) {
        least = p->ids[i].least_place < least ? p->ids[i].least_place : least;
    }
    return least;
}

/* A pane that is open now was open all the time, so what was decided on its rows need not be known:
 * those that were good brought their ids. */
int dg_admission_learn(struct dg_admission *a, uint32_t partition, const struct dg_batch *b,
                       const uint64_t id_hash[])
{
    DG_ASSERT(!a->row_partitions && partition < a->n_partitions);
    struct partition *p = &a->partition[partition];
    const struct dg_projection *j = &a->plan->projection;
    const uint64_t unchecked = a->totals.ids_unchecked;
    int rc = 0;
    for (size_t row = 0; id_hash != NULL && row < b->n && rc == 0; row++) {
        if (b->reason[row] != DG_GOOD || b->column[j->id].text[row].triage != DG_FINITE) {
            continue;
        }
        const int64_t t = b->column[j->time].integer[row];
        if (t == DG_TIME_NONE || dg_admission_too_far(a, b, row, t)) {
            continue;
        }
        const int64_t start = dg_admission_pane(a, t);
        size_t at = 0;
        bool fresh = false;
        if (!dg_partition_is_late(a, p, start)) {
            rc = dg_partition_id(a, p, start, id_hash[row], b->place[row], &at, &fresh);
        }
    }
    a->totals.ids_unchecked = unchecked;
    return rc;
}

void dg_admission_times(const struct dg_admission *a, uint32_t partition, int64_t *first_us,
                        int64_t *newest_us)
{
    DG_ASSERT(!a->row_partitions && partition < a->n_partitions);
    *first_us = a->partition[partition].first_us;
    *newest_us = a->partition[partition].max_us;
}

int dg_admission_epilogue(const struct dg_plan *plan, const uint8_t state[], size_t n,
                          struct dg_store *store, int64_t *first_us, int64_t *newest_us,
                          struct dg_error *err)
{
    struct dg_admission *a = NULL;
    int rc = dg_admission_make(plan, 1, false, &a, err);
    if (rc == 0 && n > 0) {
        rc = dg_admission_restore(a, 0, state, n, err);
    }
    if (rc == 0 && dg_partition_end(a, &a->partition[0]) != 0) {
        rc = dg_fail_memory(err);
    }
    rc = rc != 0 ? rc : dg_admission_flush(a, INT64_MAX, store, err);
    if (rc == 0) {
        dg_admission_times(a, 0, first_us, newest_us);
    }
    dg_admission_close(a);
    return rc;
}
