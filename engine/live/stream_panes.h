/* engine/live/stream_panes.h -- the panes of one stream that a judge holds: what commits brought,
 * and over it what the end of every partition would add. */
#ifndef DG_ENGINE_LIVE_STREAM_PANES_H
#define DG_ENGINE_LIVE_STREAM_PANES_H

#include "engine/live/delta_pack.h"

struct dg_stream_panes;

/* Borrows the plan, whose groups are numbered as in the packed rows. */
DG_MUST_CHECK int dg_stream_panes_open(const struct dg_plan *plan, struct dg_stream_panes **out,
                                       struct dg_error *err);
void dg_stream_panes_close(struct dg_stream_panes *p);

/* What an evaluator reads: committed panes and the overlay. It neither appends nor forgets there.
 * The panes'. */
struct dg_store *dg_stream_panes_store(struct dg_stream_panes *p);

/* Add a packed row. EBADMSG: it is damaged, or of series that the plan does not have; ENOMEM. */
DG_MUST_CHECK int dg_stream_panes_add(struct dg_stream_panes *p, int64_t pane_us,
                                      const uint8_t bytes[], size_t n, struct dg_error *err);

/* The overlay, to be appended to; empty it first. */
struct dg_store *dg_stream_panes_overlay(struct dg_stream_panes *p);
void dg_stream_panes_clear_overlay(struct dg_stream_panes *p);
/* The least pane whose overlay is not what it was at the last call (INT64_MAX: it is the same):
 * windows that hold it, and later ones, are to be judged again. */
DG_MUST_CHECK int dg_stream_panes_overlaid(struct dg_stream_panes *p, int64_t *from_us,
                                           struct dg_error *err);

/* Start of the least committed pane held that does not start before from_us; INT64_MAX: none. */
int64_t dg_stream_panes_next(struct dg_stream_panes *p, int64_t from_us);
/* Merge the deltas of the panes with from_us <= pane < to_us, one per state, and pack them. */
DG_MUST_CHECK int dg_stream_panes_pack(struct dg_stream_panes *p, int64_t from_us, int64_t to_us,
                                       struct dg_packer *packer, int32_t stream,
                                       struct dg_error *err);
void dg_stream_panes_forget(struct dg_stream_panes *p, int64_t before_us);
size_t dg_stream_panes_bytes(const struct dg_stream_panes *p);

#endif
