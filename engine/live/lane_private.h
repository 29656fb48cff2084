/* engine/live/lane_private.h -- what the files of the lane share. */
#ifndef DG_ENGINE_LIVE_LANE_PRIVATE_H
#define DG_ENGINE_LIVE_LANE_PRIVATE_H

#include "engine/accumulator.h"
#include "engine/id_hashes.h"
#include "engine/live/lane.h"

/* A bad record that has been counted and not been told yet. */
struct due {
    int64_t offset;
    enum dg_reason reason;
};

/* One stream in one partition. */
struct part {
    size_t stream; /* index in lane->stream */
    struct dg_admission *admission;
    int64_t epoch, seq;
    int64_t next_offset;
    int64_t committed_offset;   /* DG_OFFSET_NONE: none stands in the ledger */
    int64_t learn_at, learn_to; /* ids of records between are to be learned again */
    int64_t warm_offset;        /* as committed: holds until everything is learned */
    uint64_t tail;              /* fingerprint of record next_offset - 1; 0: none */
    bool idle, committed_idle;
    bool moved;      /* since the commit, also if next_offset is the same */
    struct due *due; /* [n_due] ascending */
    size_t n_due, cap_due;
};

struct lane_partition {
    char *topic;
    int32_t number;
    struct part *part; /* [n_parts] ascending by the stream's number */
    size_t n_parts;
};

struct lane_stream {
    struct dg_lane_stream of;
    struct dg_accumulator *accumulator;
    struct dg_batch batch;
    struct dg_admitted admitted;
    struct dg_id_hashes ids;
    const uint64_t *id_hash; /* of the batch */
    uint32_t *group;         /* [n_groups] the ledger's number by local group */
    uint32_t n_groups, cap_groups;
    struct dg_admission_totals totals; /* of partitions that were dropped */
};

/* A commit that was built and has not succeeded yet. */
struct lane_commit {
    bool built;
    struct dg_position *position; /* [n_positions] */
    int64_t *from_offset;
    struct part **part; /* [n_positions] that each is of */
    size_t *state_at;   /* [n_positions] where its state begins in `states` */
    size_t n_positions, cap;
    struct dg_bytes states;
    const struct dg_packed_row *row; /* [n_rows] the packer's */
    size_t n_rows;
    size_t n_gaps; /* the first of lane->gap */
};

struct dg_lane {
    struct dg_lane_options options;
    struct lane_stream *stream; /* [n_streams] */
    size_t n_streams;
    struct lane_partition *partition; /* [n_partitions] ascending by (topic, number) */
    size_t n_partitions, cap_partitions;
    struct dg_gap *gap; /* [n_gaps] not committed yet; topics are the partitions' */
    size_t n_gaps, cap_gaps;
    struct dg_packer *packer;
    struct lane_commit commit;
    uint64_t committed; /* records counted of all streams, as of the last commit or drop */
    uint64_t dropped;   /* counted and given up before a commit */
    bool spoilt;        /* memory ran out half-way: counts cannot be trusted */
};

/* Answer of a spoilt lane. */
int dg_lane_spoilt(struct dg_error *err);
/* The partition, which must have been taken. */
struct lane_partition *dg_lane_find(struct dg_lane *l, const struct dg_topic_partition *place);
bool dg_part_dirty(const struct part *p);
/* Records counted of all streams since open. */
uint64_t dg_lane_records(const struct dg_lane *l);
/* Forget a commit that was built. */
void dg_lane_unbuild(struct dg_lane *l);

#endif
