/* engine/live/ledger.h -- where the live engine keeps what must survive it: positions, pane deltas,
 * results. Implemented on PostgreSQL in connectors/, in memory for tests.
 *
 * A ledger object is one session and belongs to one thread at a time: every lane has one, the judge
 * has one. What was committed through one is seen by all.
 *
 * Errors common to all calls: EAGAIN: the ledger cannot be reached or is busy; nothing has happened
 * as far as the caller is concerned, the same call may be made again, it reconnects by itself.
 * EIDRM: the ledger does not have the stream any more (a server that lost its last commits, rows
 * that were deleted by hand): drop everything and open the stream again. EACCES, ENOENT, EROFS,
 * ENOSPC ...: as connectors/postgres.h; somebody has to act. ENOMEM. */
#ifndef DG_ENGINE_LIVE_LEDGER_H
#define DG_ENGINE_LIVE_LEDGER_H

#include "engine/live/delta_pack.h"
#include "engine/live/position.h"
#include "engine/sink.h"

/* One of the texts that a stream is made of, kept with it, so that somebody who does not have the
 * files (any more) can judge it to its end. */
struct dg_stream_text {
    const char *name; /* "": the monitor file; else the baseline of that name */
    const char *text;
};

/* A stream is one monitor under one configuration and baseline, consumed by one group. */
struct dg_stream_key {
    const char *group;                 /* consumer group */
    const char *monitor;               /* name */
    const char *config_hash;           /* dg_monitor.hash */
    const char *baseline;              /* versions of its baseline files, ""; */
    const struct dg_monitor *of;       /* for names and descriptions in results */
    const struct dg_stream_text *text; /* [n_texts] */
    size_t n_texts;
};

/* A stream that the ledger holds, as its key was. */
struct dg_known_stream {
    int32_t stream;
    const char *monitor, *config_hash, *baseline;
    int64_t first_us, last_us; /* start of the first and the last pane that is kept; DG_TIME_NONE:
                                  none is */
};

/* Offsets [from, to) that were never read. "unrevised" comes from the judge and is no gap in a
 * partition: rows that came too late for windows that will not be judged again; topic "", partition
 * -1, and [from, to) are event times. */
struct dg_gap {
    int32_t stream;
    struct dg_topic_partition place;
    int64_t from, to;   /* to = DG_OFFSET_NONE: unknown */
    const char *reason; /* "retention", "truncated", "recreated", "unrevised": static */
};

/* All or nothing. For each position: row (stream, place) goes from (epoch, seq, from_offset) to the
 * new values with seq + 1. */
struct dg_commit {
    const struct dg_position *position; /* [n_positions] by (topic, partition, stream) */
    const int64_t *from_offset;         /* [n_positions] next_offset that must stand there */
    size_t n_positions;
    const struct dg_packed_row *row; /* [n_rows] */
    size_t n_rows;
    const struct dg_gap *gap; /* [n_gaps] */
    size_t n_gaps;
};

/* What a judge is told when it reads. Called in this order: checkpoint (load only, at most once),
 * group* ascending, row*, position* (all of the stream). Non-zero ends the read and is returned. */
struct dg_ledger_reader {
    int (*checkpoint)(void *arg, const uint8_t bytes[], size_t n, struct dg_error *err);
    int (*group)(void *arg, uint32_t group, const char *version, const char *variant,
                 struct dg_error *err);
    int (*row)(void *arg, int64_t pane_us, const uint8_t bytes[], size_t n, struct dg_error *err);
    int (*position)(void *arg, const struct dg_position *p, struct dg_error *err);
    void *arg;
};

/* What a judge has come to, all in one transaction with the result rows. */
struct dg_judgement {
    const uint8_t *checkpoint; /* [checkpoint_len]; NULL: the last one stays */
    size_t checkpoint_len;
    /* Panes from merged_from_us on and before settled_us have all their deltas: `merged` takes the
     * place of all rows of these panes that this object was told, merged ones among them. Rows
     * committed since its last read stay, as do rows of earlier panes. settled_us INT64_MIN: there
     * is nothing to do; merged_from_us INT64_MIN: from the first pane on. */
    int64_t merged_from_us, settled_us;
    int64_t forget_us; /* rows of panes before this are needed by nobody; INT64_MIN: all are */
    const struct dg_packed_row *merged; /* [n_merged] by pane */
    size_t n_merged;
    const struct dg_gap *gap; /* [n_gaps] */
    size_t n_gaps;
};

struct dg_ledger_ops;
struct dg_ledger {
    const struct dg_ledger_ops *ops;
    uint64_t
        set_back; /* how often it was found to lack what it had had: commits, groups, streams */
};

/* Every member is required. */
struct dg_ledger_ops {
    const char *name;

    /* Find the group's stream of that key, or make it. Where the group ran the monitor under
     * another key until now, that stream ends, its positions' offsets pass to the new one (without
     * their state), and *replaced says so. The texts are kept with a stream that has none. */
    int (*open_stream)(struct dg_ledger *self, const struct dg_stream_key *key, int32_t *stream,
                       bool *replaced, struct dg_error *err);

    /* Streams of the group that have not ended, by number. `tell` must not call the ledger; what
     * it is told lives until it returns; non-zero ends the call and is returned. */
    int (*streams)(struct dg_ledger *self, const char *group,
                   int (*tell)(void *arg, const struct dg_known_stream *s, struct dg_error *err),
                   void *arg, struct dg_error *err);
    /* The texts of a stream, by name; none where the stream was made before texts were kept. Rules
     * as above. */
    int (*texts)(struct dg_ledger *self, int32_t stream,
                 int (*tell)(void *arg, const struct dg_stream_text *t, struct dg_error *err),
                 void *arg, struct dg_error *err);

    /* -- a lane's side -- */

    /* The topic has partitions 0 .. n - 1 now. Where the stream knows none of the topic yet, these
     * are those it begins with; others that are acquired later have appeared since (see struct
     * dg_position). */
    int (*enroll)(struct dg_ledger *self, int32_t stream, const char *topic, int32_t n,
                  struct dg_error *err);
    /* Become the owner of `place` in the group: epoch + 1, in one transaction with reading where
     * each stream stands. out[n_streams], in the order of streams; a stream that has no row there
     * yet gets one with next_offset DG_OFFSET_NONE. Memory of out lives until the next acquire of
     * the same place or close. Waits for a commit under way of the owner before. idle becomes
     * false, in the ledger too: the new owner has not asked the broker yet, and what came while
     * nobody read must not count as behind the horizon of the judge. */
    int (*acquire)(struct dg_ledger *self, const char *group,
                   const struct dg_topic_partition *place, const int32_t streams[],
                   size_t n_streams, struct dg_position out[], struct dg_error *err);
    /* The stream's number of (version, variant), made if it has none: dense from 0. With max_groups
     * groups there, the number of "rest". */
    int (*group)(struct dg_ledger *self, int32_t stream, const char *version, const char *variant,
                 uint32_t max_groups, uint32_t *group, struct dg_error *err);
    /* ESTALE: a row was not as expected, somebody else owns the partition (or the stream has
     * ended): nothing was written, drop everything and acquire again. After EAGAIN the caller
     * repeats exactly this commit, or drops everything; an unknown outcome is settled here. */
    int (*commit)(struct dg_ledger *self, const struct dg_commit *c, struct dg_error *err);

    /* Is everything as it was left? position[n]: as acquired or as last committed; what counts is
     * epoch, seq and next_offset. Changes nothing. ESTALE as commit: so a caller that has nothing
     * to commit finds out, too. */
    int (*check)(struct dg_ledger *self, const struct dg_position position[], size_t n,
                 struct dg_error *err);

    /* -- the judge's side -- */

    /* Try to become the stream's only judge, until close or loss of the session. */
    int (*lock)(struct dg_ledger *self, int32_t stream, bool *held, struct dg_error *err);
    /* Tell everything there is (all = true), or what is new since the last read by this object. One
     * snapshot: rows told are exactly those of the commits that positions told include. ESTALE: the
     * lock was lost with the session, or commits that were told are gone; lock and load again. */
    int (*read)(struct dg_ledger *self, int32_t stream, bool all,
                const struct dg_ledger_reader *reader, struct dg_error *err);
    /* Where result rows of the stream go: run "" (live). Rows that are there with the same values
     * are left alone; others get the next revision. They are kept until save, which writes them.
     * The sink is the ledger's and needs no open, finish or close: only window_begin .. window_end
     * are called. Between two saves (or discards) no window is given twice; windows come by end,
     * but a later save may hold windows that end before those of an earlier one. */
    struct dg_sink *(*results)(struct dg_ledger *self, int32_t stream);
    /* Write the rows given since the last save, and the judgement; *written = rows that were new or
     * differed. ESTALE as read. After EAGAIN: the rows are still kept, save again. */
    int (*save)(struct dg_ledger *self, int32_t stream, const struct dg_judgement *j,
                uint64_t *written, struct dg_error *err);
    /* Forget rows given since the last save. */
    void (*discard)(struct dg_ledger *self, int32_t stream);

    void (*close)(struct dg_ledger *self);
};

#endif
