/* engine/cli/run_lane.h -- one lane: a member of the group, its partitions, what is counted of them
 * and not committed yet; private to run_lane.c, run_take.c, run_commit.c.
 *
 * JOIN: there is no member. WAIT: the group has not said which partitions. TAKE: they are being
 * acquired. COUNT: records are counted and committed. Whatever goes wrong leads back: a fence or a
 * broken state to TAKE, a revocation to WAIT, a member that failed to JOIN; what was not committed
 * is dropped there and read again. */
#ifndef DG_ENGINE_CLI_RUN_LANE_H
#define DG_ENGINE_CLI_RUN_LANE_H

#include "engine/cli/run.h"

enum run_phase { RUN_JOIN, RUN_WAIT, RUN_TAKE, RUN_COUNT };

struct run_place {
    struct dg_topic_partition place; /* topic of the generation */
    /* The monitors that read it and where they stand; owned arrays of n_readers. */
    struct run_monitor **reader;
    struct dg_position *position;
    size_t n_readers;
    int64_t read_from;
    int64_t high;        /* end of the partition as the broker said last; -1 */
    bool failed;         /* left out: somebody has to act */
    bool gone;           /* not there just now */
    bool doubt;          /* may be another topic: compare the last counted record */
    struct dg_error why; /* failed, gone */
    /* Idle: the broker's end was this twice, `idle_after` apart, while nothing held us up. */
    bool at_end, idle;
    int64_t end_offset; /* where the end was */
    int64_t end_since_us, check_us;
};

/* What a lane has of a monitor. */
struct run_lane_stream {
    struct dg_plan plan;
    bool planned;
    struct dg_decoder *decoder;
};

struct run_lane {
    struct run *run;
    struct run_generation *g;
    uint32_t index;
    char name[16];
    struct run_thread thread;
    atomic_bool at_end, failed; /* for --until-end */

    struct dg_kafka_member *member;
    struct dg_ledger *ledger;
    struct dg_lane *lane;
    struct dg_dead_letters *dead; /* NULL: no monitor wants them */
    uint64_t dead_sent, dead_refused;
    bool letters_full; /* why the lane holds: not the registry */
    uint64_t records_told, dropped_told;
    struct run_lane_stream *stream; /* [g->n] */

    enum run_phase phase;
    struct run_place *place; /* [n_places] */
    size_t n_places, n_acquired, n_taken;
    bool counted_partitions;  /* of the topics */
    struct run_backoff retry; /* of the phase, or of a commit */
    bool paused;
    bool blocked; /* a commit is to be repeated */
    bool wanted;  /* a commit is due whatever the time */
    bool held;    /* a decoder waits: these records are fed again */
    struct dg_kafka_event holding;
    struct run_backoff hold;
    int64_t committed_us, told_us, checked_us;
    bool registry_said, ended_said; /* on the board, to be taken back */
    struct dg_error broker_words;   /* why there is no member, or no answer */
    enum dg_part_state broker_said;
};

/* -- run_take.c -- */

/* Take the next partitions of the assignment, at most for a moment; RUN_COUNT when all are taken
 * and reading has begun. */
void run_take(struct run_lane *l);
/* Records that should be there are not: note the gap and go on behind it, or stop the partition. */
bool run_look_again(struct run_lane *l, struct run_place *p); /* doubts: true if it reads again */
void run_out_of_range(struct run_lane *l, const struct dg_kafka_event *event);
/* Forget the partitions. */
void run_free_places(struct run_lane *l);
/* A partition whose log is another one than was counted: start it anew. */
void run_recreated(struct run_lane *l, const struct dg_topic_partition *place,
                   const struct dg_error *why);
struct run_place *run_place_of(struct run_lane *l, const struct dg_topic_partition *place);

/* -- run_commit.c -- */

/* Commit if it is time, or repeat what was not done. */
void run_commit_due(struct run_lane *l);
/* Commit before the partitions go: tries until `limit_us` have passed. */
void run_commit_last(struct run_lane *l, int64_t limit_us);
/* Ask the broker whether partitions at their end still are; tell the lane. */
void run_check_idle(struct run_lane *l);
/* How long a partition must have been at its end before windows no longer wait for it. */
int64_t run_idle_after(const struct run_lane *l, const struct run_place *p);
/* What stops the clock of idleness: being paused, blocked or held. */
void run_restart_idle(struct run_lane *l);
/* Records of bad luck to their topics; fits dg_lane_options.bad. */
int run_dead_letter(void *arg, int32_t stream, const struct dg_topic_partition *place,
                    const struct dg_record *record, enum dg_reason reason, struct dg_error *err);
/* To the board: views, totals, health. */
void run_tell(struct run_lane *l);

/* -- run_lane.c -- */

/* Fetch records, or not. */
void run_set_paused(struct run_lane *l, bool paused);
/* Drop what is not committed and take the partitions again, after a wait. */
void run_retake(struct run_lane *l);

#endif
