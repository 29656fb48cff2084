/* tests/support/log_source.h -- a replay of logs made by a test: one partition per log, its records
 * through the same decoder as a live lane. */
#ifndef DG_TESTS_LOG_SOURCE_H
#define DG_TESTS_LOG_SOURCE_H

#include "engine/source.h"
#include "tests/support/fake_decoder.h"

/* Chunks of chunk_records records. Borrows the logs. */
struct dg_source *log_source_open(const struct fake_log log[], uint32_t n, size_t chunk_records);

#endif
