/* tests/support/memory_source.h -- a source of rows made by a test: partitions, chunk sizes and
 * order are the test's to choose, so that the engine can be shown not to care. */
#ifndef DG_TESTS_MEMORY_SOURCE_H
#define DG_TESTS_MEMORY_SOURCE_H

#include "engine/source.h"

#define MEMORY_NUMBERS 3
#define MEMORY_TEXTS   4

/* Fields are called n0, n1, n2 (numeric), t0 .. t3 (text), time, partition, offset,
 * record_time. */
struct memory_row {
    int64_t time_us;
    double number[MEMORY_NUMBERS];
    const char *text[MEMORY_TEXTS]; /* NULL = null */
    int64_t partition, offset;
    enum dg_reason reason; /* != DG_GOOD: a record that cannot be decoded */
    int64_t record_us;     /* record_time */
};

struct memory_partition {
    const struct memory_row *row; /* [n] borrowed */
    size_t n;
};

/* Chunks of `chunk_rows` rows. */
struct dg_source *memory_source_open(const struct memory_partition partition[], uint32_t n,
                                     size_t chunk_rows, const struct dg_projection *projection);

/* Row `at` of the batch, for which there is room, becomes r: its columns and reason. */
void memory_source_put(struct dg_batch *b, size_t at, const struct memory_row *r);

#endif
