/* engine/live/delta_pack.h -- deltas of one pane packed into rows for a database: few rows of a few
 * kilobytes instead of thousands of small ones.
 *
 * A row is a version byte, an XXH3 checksum of what follows, the pane, then per delta its kind and
 * id, its length and its bytes. */
#ifndef DG_ENGINE_LIVE_DELTA_PACK_H
#define DG_ENGINE_LIVE_DELTA_PACK_H

#include "engine/store.h"

/* Bytes of a packed row aimed at: with its keys it fits a page of PostgreSQL. One state larger than
 * this makes a row of its own. */
#define DG_PACK_BYTES 7600

struct dg_packed_row {
    int32_t stream;
    int64_t pane_us;
    const uint8_t *bytes; /* [n] */
    size_t n;
};

/*
 * A store that only appends: every delta goes into the open row of its (stream, pane). The groups
 * of this process (see engine/slicer.h) get the ledger's numbers; slices and series are renumbered
 * by them. visit, forget are programmer's errors.
 */
struct dg_packer;
/* The caller's to close. ENOMEM. */
DG_MUST_CHECK int dg_packer_open(struct dg_packer **out, struct dg_error *err);
void dg_packer_close(struct dg_packer *p); /* NULL is allowed */

/* The store that packs for `stream`, whose plan has n_segments segments and n_columns columns;
 * group[local group] = the ledger's number; NULL: groups have the ledger's numbers already. Borrows
 * group. Valid until the next call of dg_packer_store or close; it need not be closed. After ENOMEM
 * of append the packer is to be cleared. */
struct dg_store *dg_packer_store(struct dg_packer *p, int32_t stream, uint32_t n_segments,
                                 uint32_t n_columns, const uint32_t group[]);

/* Close the open rows: all rows so far, ordered by (stream, pane). Borrowed until clear or the next
 * append. ENOMEM. */
DG_MUST_CHECK int dg_packer_rows(struct dg_packer *p, const struct dg_packed_row **rows, size_t *n,
                                 struct dg_error *err);
void dg_packer_clear(struct dg_packer *p); /* keeps memory */

/* Unpack a row: visitor per delta, ids as packed. EBADMSG: damaged (there is a checksum), of
 * another pane or of an unknown version; else what the visitor returned. */
DG_MUST_CHECK int dg_unpack(int64_t pane_us, const uint8_t bytes[], size_t n,
                            dg_store_visitor visitor, void *arg, struct dg_error *err);

#endif
