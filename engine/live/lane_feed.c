#include "engine/live/lane_private.h"

#include "stats/category.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_RECORDS 512 /* decoded at once at most: its columns stay in the cache */

/* What is at hand: records [0, n) of a partition for one of its streams. */
struct feed {
    struct dg_lane *lane;
    const struct dg_topic_partition *place;
    struct part *part;
    struct lane_stream *stream;
    const struct dg_record *record;
    size_t n;
};

/* Tells a record from another that stands at its offset after a topic was recreated; never 0. */
static uint64_t fingerprint(const struct dg_record *r)
{
    const uint64_t field[] = {(uint64_t)r->offset,
                              (uint64_t)r->time_us,
                              r->key == NULL ? UINT64_MAX : r->key_len,
                              r->key == NULL ? 0 : dg_hash_key((const char *)r->key, r->key_len),
                              r->value == NULL ? UINT64_MAX : r->value_len,
                              r->value == NULL ? 0
                                               : dg_hash_key((const char *)r->value, r->value_len)};
    uint8_t bytes[sizeof field];
    for (size_t i = 0; i < sizeof bytes; i++) { /* the same on every machine */
        bytes[i] = (uint8_t)(field[i / 8] >> 8 * (i % 8));
    }
    const uint64_t hash = dg_hash_key((const char *)bytes, sizeof bytes);
    return hash == 0 ? 1 : hash;
}

/* Index of the first record at `offset` or behind it. */
static size_t find_offset(const struct dg_record record[], size_t n, int64_t offset)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (record[mid].offset < offset) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static int check_tail(const struct feed *f, struct dg_error *err)
{
    const struct part *p = f->part;
    const size_t at = find_offset(f->record, f->n, p->next_offset - 1);
    if (p->tail == 0 || at == f->n || f->record[at].offset != p->next_offset - 1 ||
        fingerprint(&f->record[at]) == p->tail) {
        return 0;
    }
    return dg_fail(err, EILSEQ,
                   "%s/%" PRId32 ": the record at offset %" PRId64 " is not the one that was "
                   "counted: the topic has been deleted and made anew",
                   f->place->topic, f->place->partition, p->next_offset - 1);
}

/* Decode records [at, to) into the stream's batch, as many as the decoder takes at once. */
static int decode(const struct feed *f, size_t at, size_t to, size_t *done, struct dg_error *err)
{
    struct lane_stream *s = f->stream;
    struct dg_decoder *d = s->of.decoder;
    const size_t n = to - at < BATCH_RECORDS ? to - at : BATCH_RECORDS;
    dg_batch_clear(&s->batch);
    *done = 0;
    const int rc = d->ops->decode(d, f->place, f->record + at, n, &s->batch, done, err);
    DG_ASSERT(*done <= n && (rc != 0 || *done > 0));
    if ((rc == 0 || rc == EAGAIN) && dg_id_hashes_of(&s->ids, &s->batch, &s->id_hash) != 0) {
        return dg_fail_memory(err);
    }
    return rc;
}

/* Ids of records that another process has counted. */
static int learn(const struct feed *f, struct dg_error *err)
{
    struct part *p = f->part;
    const int64_t end = p->learn_to < p->next_offset ? p->learn_to : p->next_offset;
    size_t at = find_offset(f->record, f->n, p->learn_at);
    const size_t to = find_offset(f->record, f->n, end);
    int rc = 0;
    while (at < to && rc == 0) {
        size_t done = 0;
        rc = decode(f, at, to, &done, err);
        if ((rc == 0 || rc == EAGAIN) && done > 0) {
            if (dg_admission_learn(p->admission, 0, &f->stream->batch, f->stream->id_hash) != 0) {
                return dg_fail_memory(err);
            }
            at += done;
            p->learn_at = f->record[at - 1].offset + 1;
        }
    }
    return rc;
}

static int add_due(struct part *p, int64_t offset, enum dg_reason reason)
{
    if (p->n_due > 0 && p->due[p->n_due - 1].offset == offset) {
        return 0; /* another instance of the same record */
    }
    if (p->n_due == p->cap_due) {
        const size_t cap = p->cap_due == 0 ? 16 : 2 * p->cap_due;
        struct due *grown = realloc(p->due, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        p->due = grown;
        p->cap_due = cap;
    }
    p->due[p->n_due++] = (struct due){offset, reason};
    return 0;
}

/* Tell of the bad records that have not been told yet. */
static int tell_bad(const struct feed *f, struct dg_error *err)
{
    struct part *p = f->part;
    const struct dg_lane_options *o = &f->lane->options;
    size_t told = 0;
    int rc = 0;
    while (told < p->n_due && rc == 0) {
        const struct due *d = &p->due[told];
        const size_t at = find_offset(f->record, f->n, d->offset);
        DG_ASSERT(at < f->n && f->record[at].offset == d->offset); /* fed again as promised */
        rc = o->bad(o->bad_arg, f->stream->of.stream, f->place, &f->record[at], d->reason, err);
        told += rc == 0;
    }
    if (told > 0) {
        p->n_due -= told;
        memmove(p->due, p->due + told, p->n_due * sizeof *p->due);
    }
    return rc;
}

/* Count the batch, which holds records up to `last`. */
static int count_batch(const struct feed *f, const struct dg_record *last)
{
    struct lane_stream *s = f->stream;
    struct part *p = f->part;
    if (dg_admit(p->admission, 0, &s->batch, s->id_hash, &s->admitted) != 0 ||
        dg_accumulator_add(s->accumulator, &s->batch, &s->admitted) != 0) {
        return ENOMEM;
    }
    for (size_t row = 0; f->lane->options.bad != NULL && row < s->batch.n; row++) {
        const enum dg_reason reason = (enum dg_reason)s->admitted.reason[row];
        if (reason != DG_GOOD && add_due(p, (int64_t)s->batch.place[row], reason) != 0) {
            return ENOMEM;
        }
    }
    p->next_offset = last->offset + 1;
    p->tail = fingerprint(last);
    p->learn_at = p->learn_to; /* whatever is missing before is not there any more */
    p->moved = true;
    p->idle = false;
    return 0;
}

static int count(const struct feed *f, struct dg_error *err)
{
    size_t at = find_offset(f->record, f->n, f->part->next_offset);
    int rc = 0;
    while (at < f->n && rc == 0) {
        size_t done = 0;
        rc = decode(f, at, f->n, &done, err);
        if ((rc == 0 || rc == EAGAIN) && done > 0) {
            at += done;
            if (count_batch(f, &f->record[at - 1]) != 0) {
                return dg_fail_memory(err);
            }
            const int told = tell_bad(f, err);
            rc = told != 0 ? told : rc;
        }
    }
    return rc;
}

static int feed_part(const struct feed *f, struct dg_error *err)
{
    int rc = f->part->n_due > 0 ? tell_bad(f, err) : 0;
    rc = rc != 0 ? rc : learn(f, err);
    rc = rc != 0 ? rc : count(f, err);
    f->lane->spoilt = f->lane->spoilt || rc == ENOMEM;
    return rc;
}

int dg_lane_feed(struct dg_lane *l, const struct dg_topic_partition *place,
                 const struct dg_record records[], size_t n, struct dg_error *err)
{
    DG_ASSERT(!l->commit.built); /* it must be repeated first */
    if (l->spoilt) {
        return dg_lane_spoilt(err);
    }
    const struct lane_partition *p = dg_lane_find(l, place);
    const struct dg_topic_partition own = {p->topic, p->number};
    struct feed f = {.lane = l, .place = &own, .record = records, .n = n};
    int rc = 0, waits = 0;
    for (size_t i = 0; i < p->n_parts && rc == 0; i++) {
        f.part = &p->part[i];
        rc = check_tail(&f, err);
    }
    for (size_t i = 0; i < p->n_parts && rc == 0; i++) {
        f.part = &p->part[i];
        f.stream = &l->stream[f.part->stream];
        rc = feed_part(&f, err);
        waits = rc == EAGAIN ? rc : waits;
        rc = rc == EAGAIN ? 0 : rc; /* the others need not wait */
    }
    return rc != 0 ? rc : waits;
}
