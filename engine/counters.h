/* engine/counters.h -- the counts of one pane that belong to no distribution: rows of a slice, and
 * the health of the stream. Integer state like any other: merged, encoded, exact. */
#ifndef DG_ENGINE_COUNTERS_H
#define DG_ENGINE_COUNTERS_H

#include "engine/batch.h"
#include "stats/bytes.h"

#define DG_NEW_FIELDS_MAX                                                                          \
    64 /* names kept per state: those of least hash, so that order does not matter */

struct dg_new_field {
    uint64_t hash;
    char *name; /* owned */
    uint32_t len;
    uint64_t rows;
};

struct dg_counters {
    uint64_t rows;
    uint64_t duplicates;
    uint64_t late;
    uint64_t out_of_order;
    uint64_t bad[DG_REASONS];
    struct dg_new_field *news; /* [n_news] ascending by hash; owned */
    size_t n_news;
    uint64_t news_dropped; /* rows of fields whose name was not kept */
};

void dg_counters_deinit(struct dg_counters *c);
void dg_counters_reset(struct dg_counters *c);
bool dg_counters_empty(const struct dg_counters *c);
DG_MUST_CHECK int dg_counters_new_field(struct dg_counters *c, const char *name, uint32_t len,
                                        uint64_t rows);
DG_MUST_CHECK int dg_counters_merge(struct dg_counters *dst, const struct dg_counters *src);
void dg_counters_encode(const struct dg_counters *c, struct dg_bytes *out);
/* c += the encoded state; EBADMSG (c is then to be discarded) or ENOMEM. */
DG_MUST_CHECK int dg_counters_add_encoded(struct dg_counters *c, const uint8_t bytes[], size_t n);

#endif
