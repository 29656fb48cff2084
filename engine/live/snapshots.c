#include "engine/live/snapshots.h"

#include "stats/category.h"

#include <errno.h>
#include <string.h>

#define CHECKPOINT_VERSION 1
#define SUM_BYTES          8
static const uint8_t MAGIC[3] = {'d', 'g', 'J'};

void dg_snapshots_deinit(struct dg_snapshots *s)
{
    for (size_t i = 0; i < DG_SNAPSHOTS_MAX; i++) {
        dg_bytes_deinit(&s->at[i].memory);
    }
    *s = (struct dg_snapshots){0};
}

/* Its buffer serves the next copy. */
static void forget_one(struct dg_snapshots *s, size_t i)
{
    const struct dg_snapshot gone = s->at[i];
    memmove(&s->at[i], &s->at[i + 1], (--s->n - i) * sizeof *s->at);
    s->at[s->n] = gone;
}

/* The copy, of those between the base and the newest, that leaves the smallest hole compared with
 * its distance from the newest: so they lie dense there and sparse far back. */
static size_t most_crowded(const struct dg_snapshots *s)
{
    size_t best = 1;
    double least = 0;
    for (size_t i = 1; i + 1 < s->n; i++) {
        const double newest = (double)s->at[s->n - 1].reach_us;
        const double hole = (double)s->at[i + 1].reach_us - (double)s->at[i - 1].reach_us;
        const double crowd = hole / (newest - (double)s->at[i].reach_us + 1.0);
        if (i == 1 || crowd < least) {
            least = crowd;
            best = i;
        }
    }
    return best;
}

int dg_snapshots_take(struct dg_snapshots *s, const struct dg_evaluator *e, struct dg_error *err)
{
    const int64_t reach = dg_evaluator_reach(e);
    DG_ASSERT(s->n == 0 || reach >= s->at[s->n - 1].reach_us);
    if (s->n == DG_SNAPSHOTS_MAX) {
        forget_one(s, most_crowded(s));
    }
    struct dg_snapshot *new = &s->at[s->n];
    dg_bytes_clear(&new->memory);
    dg_evaluator_save(e, &new->memory);
    if (new->memory.failed) {
        return dg_fail_memory(err);
    }
    new->reach_us = reach;
    new->needed_us = dg_evaluator_needed_from(e);
    s->n++;
    return 0;
}

size_t dg_snapshots_before(const struct dg_snapshots *s, int64_t pane_us)
{
    size_t i = s->n;
    while (i > 1 && s->at[i - 1].reach_us > pane_us) {
        i--;
    }
    return i - 1;
}

int dg_snapshots_back(struct dg_snapshots *s, size_t i, struct dg_evaluator *e,
                      struct dg_error *err)
{
    DG_ASSERT(i < s->n);
    const int rc = dg_evaluator_restore(e, s->at[i].memory.data, s->at[i].memory.len, err);
    s->n = rc == 0 ? i + 1 : s->n;
    return rc;
}

bool dg_snapshots_settle(struct dg_snapshots *s, int64_t settled_us)
{
    const size_t base = dg_snapshots_before(s, settled_us);
    for (size_t i = 0; i < base; i++) {
        forget_one(s, 0);
    }
    return base > 0;
}

size_t dg_snapshots_bytes(const struct dg_snapshots *s)
{
    size_t sum = 0;
    for (size_t i = 0; i < DG_SNAPSHOTS_MAX; i++) {
        sum += s->at[i].memory.cap;
    }
    return sum;
}

/* -- checkpoint: magic, version, settled, first, length, memory, checksum of all before it. The
 * first four keep their places in every version. -- */

void dg_checkpoint_encode(const struct dg_checkpoint *c, struct dg_bytes *out)
{
    const size_t from = out->len;
    dg_put_raw(out, MAGIC, sizeof MAGIC);
    dg_put_u8(out, CHECKPOINT_VERSION);
    dg_put_zigzag(out, c->settled_us);
    dg_put_zigzag(out, c->first_us);
    dg_put_varint(out, c->n);
    dg_put_raw(out, c->memory, c->n);
    if (out->failed) {
        return;
    }
    const uint64_t sum = dg_hash_key((const char *)out->data + from, out->len - from);
    for (int i = 0; i < SUM_BYTES; i++) {
        dg_put_u8(out, (uint8_t)(sum >> 8 * i));
    }
}

static bool sum_is_right(const uint8_t bytes[], size_t n)
{
    if (n < sizeof MAGIC + SUM_BYTES || memcmp(bytes, MAGIC, sizeof MAGIC) != 0) {
        return false;
    }
    const uint64_t sum = dg_hash_key((const char *)bytes, n - SUM_BYTES);
    for (int i = 0; i < SUM_BYTES; i++) {
        if (bytes[n - SUM_BYTES + (size_t)i] != (uint8_t)(sum >> 8 * i)) {
            return false;
        }
    }
    return true;
}

int dg_checkpoint_decode(const uint8_t bytes[], size_t n, struct dg_checkpoint *c,
                         struct dg_error *err)
{
    *c = (struct dg_checkpoint){.settled_us = INT64_MIN, .first_us = DG_TIME_NONE};
    if (!sum_is_right(bytes, n)) {
        return dg_fail(err, EBADMSG, "the judge's checkpoint is damaged");
    }
    struct dg_reader r = {bytes + sizeof MAGIC, bytes + n - SUM_BYTES, false};
    const uint8_t version = dg_get_u8(&r);
    const int64_t settled = dg_get_zigzag(&r);
    if (r.failed) {
        return dg_fail(err, EBADMSG, "the judge's checkpoint is too short");
    }
    c->settled_us = settled;
    if (version != CHECKPOINT_VERSION) {
        return dg_fail(err, EBADMSG, "the judge's checkpoint has version %u, this program's %u",
                       version, CHECKPOINT_VERSION);
    }
    c->first_us = dg_get_zigzag(&r);
    const uint64_t len = dg_get_varint(&r);
    c->memory = len <= n ? dg_get_raw(&r, (size_t)len) : NULL;
    c->n = (size_t)len;
    return c->memory != NULL && !r.failed && r.p == r.end
               ? 0
               : dg_fail(err, EBADMSG, "the judge's checkpoint is malformed");
}
