/* tests/support/plain_lane.h -- one stream's share of one partition, counted and committed in the
 * plainest way: nothing is read twice, nobody else ever owns it. For tests of a judge. */
#ifndef DG_TESTS_PLAIN_LANE_H
#define DG_TESTS_PLAIN_LANE_H

#include "engine/live/ledger.h"
#include "tests/support/fake_decoder.h"

struct plain_lane;

/* Acquires the partition of topic "log". Borrows plan and ledger. */
struct plain_lane *plain_lane_open(struct dg_plan *plan, struct dg_ledger *ledger, int32_t stream,
                                   const char *group, int32_t partition);
void plain_lane_close(struct plain_lane *l);
void plain_lane_feed(struct plain_lane *l, const struct dg_record records[], size_t n);
void plain_lane_idle(struct plain_lane *l, bool idle);
/* As often as the ledger wants it. */
void plain_lane_commit(struct plain_lane *l);

#endif
