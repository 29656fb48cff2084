/* tests/support/board_sample.h -- a board as a busy daemon would fill it, with names that need
 * escaping. */
#ifndef DG_TESTS_BOARD_SAMPLE_H
#define DG_TESTS_BOARD_SAMPLE_H

#include "engine/live/board.h"

#define BOARD_SAMPLE_MONITORS 3
/* 2026-11-21T18:00:00Z */
#define BOARD_SAMPLE_NOW INT64_C(1795284000000000)

/* Everything ready: two lanes with three partitions each of two topics, three monitors: one ok, one
 * drifting, one judged elsewhere. `tick` counts seconds: offsets, totals and the drift move on. */
void board_sample_fill(struct dg_board *b, int64_t now_us, unsigned tick);

#endif
