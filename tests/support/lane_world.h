/* tests/support/lane_world.h -- two monitors, two topics with four partitions in all, a ledger in
 * memory, and lanes that count the one into the other.
 *
 * Stream 0 ("one") has ids, versions and segments and reads topics "a" and "b"; stream 1 ("two")
 * reads "a" only. */
#ifndef DG_TESTS_LANE_WORLD_H
#define DG_TESTS_LANE_WORLD_H

#include "engine/config.h"
#include "engine/live/lane.h"
#include "tests/support/fake_decoder.h"
#include "tests/support/memory_ledger.h"

#define WORLD_STREAMS    2
#define WORLD_PARTITIONS 4 /* a/0, a/1, a/2, b/0 */

struct lane_world {
    struct memory_db *db;
    struct dg_config config[WORLD_STREAMS];
    int32_t stream[WORLD_STREAMS];
    struct fake_log log[WORLD_PARTITIONS];
};

extern const struct dg_topic_partition world_place[WORLD_PARTITIONS];

void lane_world_open(struct lane_world *w);
void lane_world_close(struct lane_world *w);

/* A process: a lane with plans, decoder and ledger session of its own. */
struct lane_member {
    struct lane_world *world;
    struct dg_plan plan[WORLD_STREAMS];
    struct dg_decoder *decoder;
    struct dg_ledger *ledger;
    struct dg_lane *lane;
    bool holds[WORLD_PARTITIONS];
    size_t at[WORLD_PARTITIONS]; /* index of the record fed next */
};

/* trouble, bad, arg: may be NULL. */
void lane_member_open(struct lane_member *m, struct lane_world *w, struct fake_trouble *trouble,
                      int (*bad)(void *arg, int32_t stream, const struct dg_topic_partition *place,
                                 const struct dg_record *record, enum dg_reason reason,
                                 struct dg_error *err),
                      void *bad_arg);
void lane_member_close(struct lane_member *m);
/* Acquire partition p (EAGAIN is tried again) and take it. Returns what dg_lane_take does. */
int lane_member_take(struct lane_member *m, size_t p, struct dg_error *err);
/* Forget everything. */
void lane_member_drop(struct lane_member *m);
/* Feed up to n more records of p; EAGAIN is tried again with the same. */
int lane_member_feed(struct lane_member *m, size_t p, size_t n, struct dg_error *err);
/* Commit; EAGAIN is tried again. */
int lane_member_commit(struct lane_member *m);

/* Everything a stream's deltas add up to, by pane, group name, segment and column: equal bytes,
 * equal counts. */
void lane_world_states(struct lane_world *w, size_t stream, struct dg_bytes *out);

#endif
