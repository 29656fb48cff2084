/* engine/live/lane.h -- one thread's share of the live stream: its partitions, what has been
 * counted of them and not been committed yet.
 *
 * Per (stream, partition) there is an admission of its own; counts of all partitions of a stream go
 * into one accumulator, since a commit takes them all or none. Nothing here knows Kafka, PostgreSQL
 * or a clock.
 *
 * Want of memory in feed or commit leaves counts that nobody can trust: everything but drop and
 * close then answers ENOMEM. */
#ifndef DG_ENGINE_LIVE_LANE_H
#define DG_ENGINE_LIVE_LANE_H

#include "engine/admission.h"
#include "engine/decoder.h"
#include "engine/live/ledger.h"

struct dg_lane_stream {
    int32_t stream;             /* the ledger's number */
    struct dg_plan *plan;       /* row_partitions = false; may be shared with other lanes */
    struct dg_decoder *decoder; /* of this lane */
    const char *const *topic;   /* [n_topics] */
    size_t n_topics;
};

struct dg_lane_options {
    const struct dg_lane_stream *stream; /* [n_streams] copied; what it points to is borrowed */
    size_t n_streams;
    size_t memory_bytes; /* of open panes: above it dg_lane_full says that a commit is due; 0: never
                          */
    /* Called once for every bad record, after it was counted: for dead letters. Of several bad
     * instances of a record the first gives the reason. EAGAIN: not now; the feed ends with EAGAIN
     * and its repetition asks again. Any other code fails the feed. NULL: nobody wants them. */
    int (*bad)(void *arg, int32_t stream, const struct dg_topic_partition *place,
               const struct dg_record *record, enum dg_reason reason, struct dg_error *err);
    void *bad_arg;
};

struct dg_lane;
/* ENOMEM. */
DG_MUST_CHECK int dg_lane_open(const struct dg_lane_options *options, struct dg_lane **out,
                               struct dg_error *err);
void dg_lane_close(struct dg_lane *l); /* NULL is allowed */

/*
 * Take a partition that the lane does not hold: position[n], one per stream of this lane that reads
 * its topic, as acquire gave them, next_offset set by the start policy where it was DG_OFFSET_NONE
 * (from_none[i] = it was; the next commit writes it down). *read_from = the offset to begin reading
 * at: the least that any stream needs, one earlier where a fingerprint is to be checked, further
 * back to learn again the ids of open panes. That may be less than the log still has: what is
 * missing before next_offset does no harm. EBADMSG: a saved state is damaged; ENOMEM. On failure
 * the lane is as it was.
 */
DG_MUST_CHECK int dg_lane_take(struct dg_lane *l, const struct dg_position position[], size_t n,
                               const bool from_none[], int64_t *read_from, struct dg_error *err);

/*
 * Count records [0, n) of a partition that was taken, ascending by offset. Streams skip what they
 * have counted, and learn the ids of records that another process has. A partition that brings
 * something to count is idle no longer. 0; EAGAIN: a decoder or `bad` must wait (err says for
 * what): feed the same records again later; EILSEQ: the record before next_offset is not the one
 * that was counted: the topic has been recreated, nothing of these records was counted,
 * dg_lane_gap; ENOMEM; what `bad` returned. Not while a commit is to be repeated.
 */
DG_MUST_CHECK int dg_lane_feed(struct dg_lane *l, const struct dg_topic_partition *place,
                               const struct dg_record records[], size_t n, struct dg_error *err);

/*
 * Records of a partition are lost; counting goes on at `to`. Which streams that means, `reason`
 * (static) says: "retention": those that are not there yet; their gap is [next_offset, to).
 * "truncated": those that are beyond; "recreated": all; their gap has no known end. Clocks and ids
 * of open panes stay. 0 or ENOMEM.
 */
DG_MUST_CHECK int dg_lane_gap(struct dg_lane *l, const struct dg_topic_partition *place, int64_t to,
                              const char *reason, struct dg_error *err);

/* The least offset to be fed from, so that the last counted record is compared with what stands
 * there now; 0 where none was. The place was taken. */
int64_t dg_lane_from(struct dg_lane *l, const struct dg_topic_partition *place);

/* The broker confirmed that nothing stands behind what was fed (or no longer). Part of the next
 * commit if it changes anything. */
void dg_lane_idle(struct dg_lane *l, const struct dg_topic_partition *place, bool idle);

bool dg_lane_dirty(const struct dg_lane *l);        /* something to commit */
bool dg_lane_full(const struct dg_lane *l);         /* more open memory than wanted */
size_t dg_lane_bytes(const struct dg_lane *l);      /* of open panes */
size_t dg_lane_kept_bytes(const struct dg_lane *l); /* of empty states kept for the next panes */

/* Commit everything counted; nothing to do if the lane is not dirty. Errors as the ledger's. After
 * any, counts are kept: call again (it sends the very same commit) or drop; feed nothing before
 * that. ESTALE, EIDRM: drop. Afterwards the lane holds no counts. */
DG_MUST_CHECK int dg_lane_commit(struct dg_lane *l, struct dg_ledger *ledger, struct dg_error *err);

/* Is the ledger as the last commit left it? Errors as the ledger's check. After ESTALE: drop. Not
 * while a commit is to be repeated: 0. */
DG_MUST_CHECK int dg_lane_check(struct dg_lane *l, struct dg_ledger *ledger, struct dg_error *err);

/* Forget every partition and everything that is not committed, and the ledger's numbers. */
void dg_lane_drop(struct dg_lane *l);

/* For status and metrics: one per stream and partition taken. */
struct dg_lane_view {
    int32_t stream;
    struct dg_topic_partition place;
    int64_t next_offset;      /* counted up to, committed or not */
    int64_t committed_offset; /* in the ledger */
    struct dg_partition_clock clock;
    bool idle;
};
void dg_lane_views(const struct dg_lane *l, void (*view)(void *arg, const struct dg_lane_view *v),
                   void *arg);
/* Sums over everything fed since open, of one stream; what was dropped and fed again counts twice.
 */
void dg_lane_totals(const struct dg_lane *l, int32_t stream, struct dg_admission_totals *out);
/* Of the records of all streams, those that were dropped before they were committed: somebody reads
 * them again. */
uint64_t dg_lane_dropped(const struct dg_lane *l);

#endif
