/* engine/live/judge.h -- the live evaluator of one stream: windows are judged when event time has
 * passed them, and judged again when something was added to them.
 *
 * It holds the stream's panes as far back as a window may need them, an evaluator, and copies of
 * the evaluator's memory (schedule, rules) as it was after earlier windows. New deltas of a pane
 * that a judged window holds take it back to the last copy before that window, and everything from
 * there on is judged again: rows that come out as before are no news to the sink. So the rows are
 * those of one pass over the whole log, whatever came when.
 *
 * When are windows due? Once every partition that is not idle has passed them (out_of_order).
 * When all are idle: up to the slide that holds the newest event, as at the end of a replay, but
 * not before the wall clock has passed them.
 * Settled: what no partition can add to any more (late_events), or what lies more than `horizon`
 * behind the newest event where an idle partition holds things up. */
#ifndef DG_ENGINE_LIVE_JUDGE_H
#define DG_ENGINE_LIVE_JUDGE_H

#include "engine/evaluator.h"
#include "engine/live/ledger.h"

struct dg_judge_report {
    bool leading;           /* this process judges the stream; false: another one does */
    uint64_t windows;       /* judged this time, again or for the first time */
    uint64_t again;         /* of these, windows that had been judged before */
    uint64_t rows_written;  /* new or changed */
    int64_t judged_us;      /* end of the newest judged window; DG_TIME_NONE: none */
    int64_t newest_us;      /* newest event time of the stream; DG_TIME_NONE */
    int64_t watermark_us;   /* least watermark of the partitions that are not idle */
    enum dg_severity worst; /* of the newest window of each size */
    uint64_t unrevised;     /* deltas that came for panes behind the horizon, since open */
    size_t bytes;           /* memory of panes held */
    size_t snapshot_bytes;  /* memory of the copies of the evaluator's memory */
    bool anew; /* the checkpoint was damaged or of another version: all panes held were judged anew;
                  rules begin with empty memories there */
};

struct dg_judge_options {
    const struct dg_baseline *const *file; /* as dg_evaluator_options */
    uint32_t threads;
    /* The wall clock, microseconds since the epoch; NULL: while all partitions are idle every
     * window is due, also those that it has not passed. */
    int64_t (*now_us)(void);
    int64_t horizon_us; /* how far behind the newest event windows may still be judged again */
    /* Called after each save within a run (a long arrear takes many): what the run has come to so
     * far. Non-zero ends the run there, with EINTR; nothing is lost. NULL: nobody wants to know. */
    int (*progress)(void *arg, const struct dg_judge_report *so_far);
    void *progress_arg;
    struct dg_sink *watch; /* is given what the ledger's sink is given; open; NULL: nobody looks */
};

struct dg_judge;

/* `plan` is the judge's own (its slicer's groups are numbered by the ledger). Borrows plan, ledger,
 * baselines. */
DG_MUST_CHECK int dg_judge_open(struct dg_plan *plan, struct dg_ledger *ledger, int32_t stream,
                                const struct dg_judge_options *options, struct dg_judge **out,
                                struct dg_error *err);
void dg_judge_close(struct dg_judge *j);

/* The stream has at least so many partitions (0 at first): until the ledger has a position of as
 * many, those without hold windows back like a partition without any event, and nothing is settled:
 * their past may be older than all that is known. */
void dg_judge_expect(struct dg_judge *j, size_t partitions);
/* Says of a partition that it is not there any more, as those of a topic that was deleted, or made
 * anew with fewer: it counts as idle, and not as one of those expected. NULL: all are there. */
void dg_judge_ask_gone(struct dg_judge *j,
                       bool (*gone)(void *arg, const struct dg_topic_partition *place), void *arg);

/*
 * Read what is new, judge what is due, save. `end`: judge as if all partitions were idle (the
 * stream ends here). Errors as the ledger's; after any error the next call begins anew by loading
 * everything, which gives the same rows.
 */
DG_MUST_CHECK int dg_judge_run(struct dg_judge *j, bool end, struct dg_judge_report *report,
                               struct dg_error *err);

#endif
