/* tests/support/avro_writer.h -- write Avro container files fast, for tests and benches.
 *
 *   struct ocf_writer *w = ocf_open("/tmp/x.avro", schema, "null", 64 << 10);
 *   avro_put_long(w, 3); avro_put_string(w, "de", 2); ocf_next(w); ...
 *   CHECK(ocf_close(w) == 0);
 *
 * The caller puts the fields of a record in the schema's order. Failures end the process: a bench
 * without its input has nothing to say. */
#ifndef DG_TESTS_SUPPORT_AVRO_WRITER_H
#define DG_TESTS_SUPPORT_AVRO_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct ocf_bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void ocf_bytes_free(struct ocf_bytes *b);
void ocf_bytes_put(struct ocf_bytes *b, const void *p, size_t n);
void ocf_bytes_long(struct ocf_bytes *b, int64_t v);
void ocf_bytes_double(struct ocf_bytes *b, double v);
void ocf_bytes_float(struct ocf_bytes *b, float v);
void ocf_bytes_string(struct ocf_bytes *b, const char *s, size_t n);

struct ocf_writer {
    struct ocf_bytes block;  /* records of the open block: put fields here */
    struct ocf_bytes stored; /* the open block compressed */
    struct ocf_bytes memory; /* the file, if it has no path */
    void *file;
    int codec;
    size_t block_bytes;
    int64_t records; /* in the open block */
};

/* codec: "null", "deflate", "snappy" or "zstandard". A block is closed once it holds block_bytes.
 * path NULL: the file is kept in w->memory, owned by the caller once ocf_finish said so. */
struct ocf_writer *ocf_open(const char *path, const char *schema, const char *codec,
                            size_t block_bytes);
void ocf_next(struct ocf_writer *w);  /* the record is complete */
void ocf_flush(struct ocf_writer *w); /* close the block now */
void ocf_close(struct ocf_writer *w);
/* Close, and hand over the bytes of a file without path. */
struct ocf_bytes ocf_finish(struct ocf_writer *w);

/* The sync marker of every file. */
extern const uint8_t ocf_sync[16];

/* The stream that benches read: record Event { double f0 .. f9; string country; double score;
 * timestamp-micros ts }. Values from a fixed generator, one event every 10 ms from 2026-01-01. */
extern const char ocf_event_schema[];
void ocf_event_put(struct ocf_bytes *b, uint64_t i);
void ocf_write_events(const char *path, const char *codec, uint64_t n);

#endif
