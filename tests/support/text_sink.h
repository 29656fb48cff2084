/* tests/support/text_sink.h -- every field of every row as text in memory, for comparing runs bit
 * by bit. */
#ifndef DG_TESTS_TEXT_SINK_H
#define DG_TESTS_TEXT_SINK_H

#include "engine/sink.h"
#include "stats/bytes.h"

/* Appends to *text, which the caller owns and deinits after close. */
struct dg_sink *text_sink_open(struct dg_bytes *text);

#endif
