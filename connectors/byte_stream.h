/* connectors/byte_stream.h -- a file as a stream of plain bytes, whatever compresses it. */
#ifndef DG_CONNECTORS_BYTE_STREAM_H
#define DG_CONNECTORS_BYTE_STREAM_H

#include "engine/batch.h"

/* Opaque. Plain, gzip (any number of members) or zstd (any number of frames, skippable ones too),
 * told apart by their first bytes, never by the name. Memory is bounded (two buffers of 64 KiB and
 * the window of the codec, at most 128 MiB for zstd). Seeking is not needed: pipes work. */
struct dg_byte_stream;

/*
 * Open `path`; "-" is standard input, which is not closed afterwards.
 *
 * Returns 0 and the stream through *out (owned by the caller: dg_byte_stream_close), or
 *   ENOENT, EACCES, ...  of open(2), EISDIR for a directory: err names the path and what to do
 *   ENOMEM
 * The content is not judged here: a damaged file opens, and reading tells.
 */
DG_MUST_CHECK int dg_byte_stream_open(const char *path, struct dg_byte_stream **out,
                                      struct dg_error *err);

/*
 * Up to n uncompressed bytes into buffer; fewer only at the end. Returns how many; 0 is the end
 * (n > 0), and every later call returns 0 too. The end is not always a good one: see
 * dg_byte_stream_damage. Blocks on a pipe. One thread at a time.
 */
size_t dg_byte_stream_read(struct dg_byte_stream *s, uint8_t buffer[], size_t n);

/*
 * Look at the next bytes without taking them: *head points to up to DG_PEEK_MAX of them, valid
 * until the next call on s; returns how many. Fewer than DG_PEEK_MAX only at the end.
 */
#define DG_PEEK_MAX 4096
size_t dg_byte_stream_peek(struct dg_byte_stream *s, const uint8_t **head);

/*
 * Why the stream ended, known once read has returned less than it was asked for:
 *   DG_GOOD           at the end of the file
 *   DG_BAD_TRUNCATED  the file ends inside compressed data
 *   DG_BAD_CODEC      corrupt compressed data (bad code, checksum, or bytes that are no codec's
 *                     after a complete member), or an I/O error
 * All bytes before the damage have been handed out.
 */
enum dg_reason dg_byte_stream_damage(const struct dg_byte_stream *s);
/* The same in words for a log line, with the path: "" if DG_GOOD. Lives as long as s. */
const char *dg_byte_stream_damage_text(const struct dg_byte_stream *s);

/* Bytes of the file as stored (compressed) that were read, and its size, 0 where the size is
 * unknown (a pipe). Any thread, at any time. */
uint64_t dg_byte_stream_done(const struct dg_byte_stream *s);
uint64_t dg_byte_stream_total(const struct dg_byte_stream *s);

/* As given to open; "standard input" for "-". */
const char *dg_byte_stream_name(const struct dg_byte_stream *s);

void dg_byte_stream_close(struct dg_byte_stream *s); /* NULL is fine */

#endif
