/* engine/source.h -- where raw records come from. Implemented in connectors/. */
#ifndef DG_ENGINE_SOURCE_H
#define DG_ENGINE_SOURCE_H

#include "engine/batch.h"

/* A run of consecutive raw records of one partition, owned by the caller, filled by poll. Text
 * formats: whole lines. Avro container: one block, still compressed (the lane inflates it). */
struct dg_chunk {
    uint32_t partition; /* dense index of the source's partitions, 0 .. n_partitions - 1 */
    uint64_t first;     /* place of the first record: line number from 1, or record number from 0 */
    uint8_t *data;      /* [len], owned by the chunk; reused */
    size_t len;
    size_t cap;
    uint64_t records; /* where the container says so (Avro), else 0 */
    bool last;        /* the partition's last chunk: an incomplete record at its end is truncated */
    enum dg_reason
        damage; /* != DG_GOOD: the source could not read on here (codec error, truncation);
                   data may hold what came before; decode adds one row with this reason */
    const void
        *context; /* source-private: header of the file, schema; lives as long as the source */
};
/* Free the data and zero the struct. A zeroed struct is a valid empty chunk. */
void dg_chunk_deinit(struct dg_chunk *c);

enum dg_poll {
    DG_POLL_DATA,  /* chunk filled */
    DG_POLL_IDLE,  /* nothing within timeout_ms; the source is healthy (never from a file) */
    DG_POLL_END,   /* that partition is exhausted */
    DG_POLL_FATAL, /* err says why; the only call still allowed is close */
};

struct dg_source_ops;
struct dg_source {
    const struct dg_source_ops *ops;
    uint32_t n_partitions; /* files: one partition per file */
};

/* One static const table per connector; every member is required. poll comes from one thread at a
 * time; decode comes from any lane, at the same time as others, each with a batch of its own. */
struct dg_source_ops {
    const char *name;
    /* The next chunk of partition p. The engine chooses p: the one whose watermark is lowest. */
    enum dg_poll (*poll)(struct dg_source *self, uint32_t partition, int timeout_ms,
                         struct dg_chunk *chunk, struct dg_error *err);
    /* Decode every record of chunk into batch (cleared by the caller). Bad records, the chunk's
     * damage, and rows without event time (where the projection has one: DG_BAD_TIME) become rows
     * with a reason. The batch's texts live as long as chunk, batch and source are left alone.
     * Returns 0, or ENOMEM. */
    int (*decode)(struct dg_source *self, const struct dg_chunk *chunk, struct dg_batch *batch,
                  struct dg_error *err);
    /* What to call the partition in messages: the file's path. */
    const char *(*partition_name)(const struct dg_source *self, uint32_t partition);
    /* Bytes read and in all (0 = unknown), compressed size for files: for progress. */
    void (*progress)(const struct dg_source *self, uint64_t *done, uint64_t *total);
    /* Names of top-level fields that the input is known to have before any record is read (CSV
     * header, Avro schema); n = 0 where only records tell (JSON). For "did you mean" and checks. */
    void (*fields)(const struct dg_source *self, uint32_t partition, const char *const **names,
                   size_t *n);
    void (*close)(struct dg_source *self);
};

#endif
