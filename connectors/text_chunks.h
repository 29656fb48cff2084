/* connectors/text_chunks.h -- a stream of text as chunks of whole records: what CSV and NDJSON
 * share. */
#ifndef DG_CONNECTORS_TEXT_CHUNKS_H
#define DG_CONNECTORS_TEXT_CHUNKS_H

#include "connectors/format.h"

/* Bytes that may be read, not written, behind every chunk: scanners look at 64 at a time. */
#define DG_TEXT_PAD ((size_t)64)

struct dg_text_chunks;

/*
 * Where the last whole record of data[0 .. len - 1] ends, 0 if none does; data begins with a
 * record. `ended`: nothing follows data. A record without its line end is not whole, even then.
 * Called again with more bytes if it said 0.
 */
typedef size_t dg_text_cut(const struct dg_text_chunks *t, const uint8_t data[], size_t len,
                           bool ended);

struct dg_text_chunks {
    struct dg_byte_stream *in; /* owned */
    dg_text_cut *cut;
    size_t chunk_bytes;
    size_t record_bytes;
    char delimiter;       /* for cut */
    bool ended;           /* nothing left in the stream */
    bool finished;        /* the last chunk has been handed out */
    uint64_t line;        /* number of the line that comes next */
    struct dg_chunk rest; /* bytes read, but not handed out */
};

/* Takes `in` over. A byte order mark at the start is skipped. */
void dg_text_chunks_init(struct dg_text_chunks *t, struct dg_byte_stream *in,
                         const struct dg_file_options *options, dg_text_cut *cut);
void dg_text_chunks_deinit(struct dg_text_chunks *t); /* closes `in` */

/* As dg_format_ops.poll. A record longer than record_bytes is left out and is the damage of a chunk
 * without data, DG_BAD_TOO_LARGE; reading goes on behind it. Lines are counted from 1. The line
 * that a damaged stream breaks off in is left out too: the damage stands for it. */
enum dg_poll dg_text_chunks_poll(struct dg_text_chunks *t, struct dg_chunk *chunk,
                                 struct dg_error *err);

/* Read on until the bytes not handed out hold `want` bytes or the stream ends. They are t->rest.
 * Returns 0 or ENOMEM. */
DG_MUST_CHECK int dg_text_chunks_fill(struct dg_text_chunks *t, size_t want);
/* Drop the first n bytes of t->rest, and count their lines. */
void dg_text_chunks_drop(struct dg_text_chunks *t, size_t n);

/* Instead of poll, for a file that turned out to be no text: DG_BAD_BINARY at line 1, then the end.
 */
enum dg_poll dg_text_chunks_binary(struct dg_text_chunks *t, struct dg_chunk *chunk);

/* Whether a head of a file is no text: a known magic, a NUL in its first line, or more than one
 * control character in 16 bytes and eight in all. */
bool dg_text_is_binary(const uint8_t head[], size_t n);

#endif
