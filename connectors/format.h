/* connectors/format.h -- one file format (csv, ndjson, avro): the interface between
 * connectors/file_source.c, which knows files, and the readers, which know what is in them. */
#ifndef DG_CONNECTORS_FORMAT_H
#define DG_CONNECTORS_FORMAT_H

#include "connectors/byte_stream.h"
#include "connectors/file_source.h"
#include "engine/source.h"

struct dg_format_ops;

/* The first member of every reader. */
struct dg_format {
    const struct dg_format_ops *ops;
};

/*
 * One static const table per format, named dg_<name>_format, every member required. A reader is
 * made by open, for one file; poll is called by one thread at a time, decode by several at once,
 * also while poll runs. So whatever decode reads must not change after open, or must travel in the
 * chunk.
 *
 * To add a format: write its table, and add one line to `formats` in connectors/file_source.c.
 */
struct dg_format_ops {
    const char *name;          /* as in the option `format`: "csv", "ndjson", "avro" */
    const char *extensions[4]; /* without the dot, NULL at the end: a tie-break only */

    /* Whether a file that begins with head[0 .. n - 1] can be nothing else but this format; n is
     * DG_PEEK_MAX unless the file is shorter, and may be 0. A format that cannot be told by its
     * content says false, and is found by its extension (csv takes what nobody claims). */
    bool (*claims)(const uint8_t head[], size_t n);

    /*
     * Read and understand what stands before the first record (CSV header, Avro schema and codec),
     * and compile the plan of the projection against it. Takes ownership of `in` if and only if it
     * succeeds (close closes it). `options` is complete (no zeros to be replaced by defaults) and,
     * like `projection`, outlives the reader. A column that the file does not have is no error:
     * every row is DG_ABSENT. An empty file is no error: poll says DG_POLL_END.
     *
     * Returns 0 and the reader through *out; EINVAL if the header cannot be understood at all, with
     * a sentence that names the file (dg_byte_stream_name) and what to do; ENOMEM.
     */
    int (*open)(struct dg_byte_stream *in, const struct dg_file_options *options,
                const struct dg_projection *projection, struct dg_format **out,
                struct dg_error *err);

    /*
     * The next run of records, raw: as little work as finding their end. DG_POLL_DATA, DG_POLL_END
     * or, on lack of memory only, DG_POLL_FATAL.
     *
     * The chunk comes with partition set and everything else as of an empty one (first = 0,
     * len = 0, records = 0, last = false, damage = DG_GOOD, context = NULL); data and cap are a
     * buffer from earlier, perhaps of another reader, to be grown with dg_chunk_reserve and reused.
     * The reader sets first, len, last, and what applies of records, damage, context.
     *
     * Damage (a corrupt block, a truncated file): set chunk.damage, hand out in data what is whole
     * before it, and go on after it with the next poll if the format can find a record boundary
     * again (Avro: sync marker), else say DG_POLL_END from then on. Never DG_POLL_FATAL.
     */
    enum dg_poll (*poll)(struct dg_format *self, struct dg_chunk *chunk, struct dg_error *err);

    /*
     * Decode every record of chunk into batch, which is cleared: one row each, in order, good or
     * bad, with its place. If chunk.damage != DG_GOOD, one more row at the end (or, where decode
     * finds the damage itself, as when it inflates a block, where it is) carries that reason:
     * dg_batch_add_bad. So a row with a reason is the only form in which the engine meets damage.
     *
     * All columns of a good row are written: absent fields too. A time or integer that is missing
     * or unreadable is DG_TIME_NONE; file_source turns a row without event time into DG_BAD_TIME
     * afterwards, decode need not. Unknown top-level fields that are not in projection.ignore go
     * into batch.news. Texts point into chunk.data, into batch.scratch (dg_batch_scratch, reserved
     * once per chunk before the first view) or into what lives as long as the reader (enum
     * symbols). Nothing is allocated once the batch has grown to the size of the chunks.
     *
     * Returns 0 or ENOMEM.
     */
    int (*decode)(const struct dg_format *self, const struct dg_chunk *chunk,
                  struct dg_batch *batch, struct dg_error *err);

    /* Names of the top-level fields as far as the header tells; n = 0 for NDJSON. Live as long as
     * the reader. */
    void (*fields)(const struct dg_format *self, const char *const **names, size_t *n);

    void (*close)(struct dg_format *self);
};

/* Grow chunk->data to cap bytes at least; what it holds is kept. Returns 0 or ENOMEM. */
DG_MUST_CHECK int dg_chunk_reserve(struct dg_chunk *chunk, size_t cap);

#endif
