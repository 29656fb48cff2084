/* engine/decoder.h -- raw records of a log into rows of a batch. Implemented in connectors/. */
#ifndef DG_ENGINE_DECODER_H
#define DG_ENGINE_DECODER_H

#include "engine/batch.h"
#include "engine/record.h"

struct dg_decoder_ops;
struct dg_decoder {
    const struct dg_decoder_ops *ops;
    uint64_t tombstones; /* records without a value so far: neither rows nor bad */
};

/* A decoder belongs to one thread at a time. Every member is required. */
struct dg_decoder_ops {
    const char *name;
    /*
     * Decode records [0, n) of one partition into rows added to `batch` (cleared by the caller). A
     * record becomes one row, or one per instance, or one bad row with its reason; every row has
     * the record's offset as its place and its timestamp as record_us
     * (batch->timed = true). A record that holds no
     * instance gives no row. Texts live as long as the records and the batch are left alone.
     *
     * 0: records [0, *done) are in the batch, at least one if n > 0; call again with the rest in
     * another batch (the writer's schema changed, say). EAGAIN: record *done cannot be decoded for
     * now (its schema cannot be fetched); rows of those before are in the batch, err says why; call
     * again with the rest later. ENOMEM.
     */
    int (*decode)(struct dg_decoder *self, const struct dg_topic_partition *place,
                  const struct dg_record records[], size_t n, struct dg_batch *batch, size_t *done,
                  struct dg_error *err);
    void (*close)(struct dg_decoder *self);
};

#endif
