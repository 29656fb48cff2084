#include "tests/support/avro_writer.h"

#include <endian.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum codec { RAW, DEFLATE, SNAPPY, ZSTANDARD, CODECS };

static const char *const codec_names[CODECS] = {"null", "deflate", "snappy", "zstandard"};

const uint8_t ocf_sync[16] = {0xd1, 0x1f, 0x7e, 0x3a, 0x90, 0x05, 0xb6, 0xc2,
                              0x48, 0xe7, 0x2b, 0x64, 0xfd, 0x11, 0x8c, 0x53};

const char ocf_event_schema[] =
    "{\"type\":\"record\",\"name\":\"Event\",\"namespace\":\"test\",\"fields\":["
    "{\"name\":\"f0\",\"type\":\"double\"},{\"name\":\"f1\",\"type\":\"double\"},"
    "{\"name\":\"f2\",\"type\":\"double\"},{\"name\":\"f3\",\"type\":\"double\"},"
    "{\"name\":\"f4\",\"type\":\"double\"},{\"name\":\"f5\",\"type\":\"double\"},"
    "{\"name\":\"f6\",\"type\":\"double\"},{\"name\":\"f7\",\"type\":\"double\"},"
    "{\"name\":\"f8\",\"type\":\"double\"},{\"name\":\"f9\",\"type\":\"double\"},"
    "{\"name\":\"country\",\"type\":\"string\"},{\"name\":\"score\",\"type\":\"double\"},"
    "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}";

static void die(const char *what)
{
    fprintf(stderr, "avro_writer: %s\n", what);
    exit(1);
}

static uint8_t *room(struct ocf_bytes *b, size_t n)
{
    if (b->cap - b->len < n || b->data == NULL) {
        b->cap = 2 * b->cap + n + 256;
        b->data = realloc(b->data, b->cap);
        if (b->data == NULL) {
            die("out of memory");
        }
    }
    return b->data + b->len;
}

void ocf_bytes_free(struct ocf_bytes *b)
{
    free(b->data);
    *b = (struct ocf_bytes){0};
}

void ocf_bytes_put(struct ocf_bytes *b, const void *p, size_t n)
{
    uint8_t *to = room(b, n);
    if (n > 0) {
        memcpy(to, p, n);
    }
    b->len += n;
}

void ocf_bytes_long(struct ocf_bytes *b, int64_t v)
{
    uint64_t x = (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
    uint8_t *to = room(b, 10);
    for (; x >= 0x80; x >>= 7) {
        *to++ = (uint8_t)(x | 0x80);
    }
    *to++ = (uint8_t)x;
    b->len = (size_t)(to - b->data);
}

void ocf_bytes_double(struct ocf_bytes *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = htole64(bits);
    ocf_bytes_put(b, &bits, sizeof bits);
}

void ocf_bytes_float(struct ocf_bytes *b, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = htole32(bits);
    ocf_bytes_put(b, &bits, sizeof bits);
}

void ocf_bytes_string(struct ocf_bytes *b, const char *s, size_t n)
{
    ocf_bytes_long(b, (int64_t)n);
    ocf_bytes_put(b, s, n);
}

static void out(struct ocf_writer *w, const struct ocf_bytes *b)
{
    if (w->file == NULL) {
        ocf_bytes_put(&w->memory, b->data, b->len);
    } else if (fwrite(b->data, 1, b->len, w->file) != b->len) {
        die("cannot write");
    }
}

struct ocf_writer *ocf_open(const char *path, const char *schema, const char *codec,
                            size_t block_bytes)
{
    struct ocf_writer *w = calloc(1, sizeof *w);
    if (w == NULL || (path != NULL && (w->file = fopen(path, "wb")) == NULL)) {
        die(path != NULL ? path : "out of memory");
    }
    while (w->codec < CODECS && strcmp(codec_names[w->codec], codec) != 0) {
        w->codec++;
    }
    if (w->codec == CODECS) {
        die("unknown codec");
    }
    w->block_bytes = block_bytes;
    struct ocf_bytes b = {0};
    ocf_bytes_put(&b, "Obj\x01", 4);
    ocf_bytes_long(&b, 2);
    ocf_bytes_string(&b, "avro.schema", 11);
    ocf_bytes_string(&b, schema, strlen(schema));
    ocf_bytes_string(&b, "avro.codec", 10);
    ocf_bytes_string(&b, codec, strlen(codec));
    ocf_bytes_long(&b, 0);
    ocf_bytes_put(&b, ocf_sync, sizeof ocf_sync);
    out(w, &b);
    ocf_bytes_free(&b);
    return w;
}

static void deflate_block(struct ocf_writer *w)
{
    z_stream z = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        die("deflate");
    }
    z.next_in = w->block.data;
    z.avail_in = (uInt)w->block.len;
    z.avail_out = (uInt)deflateBound(&z, w->block.len);
    z.next_out = room(&w->stored, z.avail_out);
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        die("deflate");
    }
    w->stored.len = z.total_out;
    deflateEnd(&z);
}

static void snappy_block(struct ocf_writer *w)
{
    size_t n = snappy_max_compressed_length(w->block.len);
    uint8_t *to = room(&w->stored, n + 4);
    if (snappy_compress((const char *)w->block.data, w->block.len, (char *)to, &n) != SNAPPY_OK) {
        die("snappy");
    }
    const uint32_t crc = htobe32((uint32_t)crc32_z(0, w->block.data, w->block.len));
    memcpy(to + n, &crc, sizeof crc);
    w->stored.len = n + 4;
}

static void zstandard_block(struct ocf_writer *w)
{
    const size_t bound = ZSTD_compressBound(w->block.len);
    const size_t n = ZSTD_compress(room(&w->stored, bound), bound, w->block.data, w->block.len, 1);
    if (ZSTD_isError(n)) {
        die("zstd");
    }
    w->stored.len = n;
}

void ocf_flush(struct ocf_writer *w)
{
    if (w->records == 0) {
        return;
    }
    w->stored.len = 0;
    if (w->codec == DEFLATE) {
        deflate_block(w);
    } else if (w->codec == SNAPPY) {
        snappy_block(w);
    } else if (w->codec == ZSTANDARD) {
        zstandard_block(w);
    }
    const struct ocf_bytes *body = w->codec == RAW ? &w->block : &w->stored;
    struct ocf_bytes head = {0};
    ocf_bytes_long(&head, w->records);
    ocf_bytes_long(&head, (int64_t)body->len);
    out(w, &head);
    out(w, body);
    head.len = 0;
    ocf_bytes_put(&head, ocf_sync, sizeof ocf_sync);
    out(w, &head);
    ocf_bytes_free(&head);
    w->block.len = 0;
    w->records = 0;
}

void ocf_next(struct ocf_writer *w)
{
    w->records++;
    if (w->block.len >= w->block_bytes) {
        ocf_flush(w);
    }
}

struct ocf_bytes ocf_finish(struct ocf_writer *w)
{
    ocf_flush(w);
    if (w->file != NULL && fclose(w->file) != 0) {
        die("cannot write");
    }
    const struct ocf_bytes memory = w->memory;
    ocf_bytes_free(&w->block);
    ocf_bytes_free(&w->stored);
    free(w);
    return memory;
}

void ocf_close(struct ocf_writer *w)
{
    struct ocf_bytes memory = ocf_finish(w);
    ocf_bytes_free(&memory);
}

/* SplitMix64 as a function of the index: any event can be made alone. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(uint64_t i, uint64_t column)
{
    return (double)(mix(i * 16 + column + 1) >> 11) * 0x1p-53;
}

void ocf_event_put(struct ocf_bytes *b, uint64_t i)
{
    static const char *const countries[] = {"de", "fr", "us", "gb", "pl", "it", "other", "unknown"};
    for (uint64_t c = 0; c < 10; c++) {
        ocf_bytes_double(b, uniform(i, c) + uniform(i, c + 16 * UINT64_C(0x1000000000)));
    }
    const char *country = countries[mix(i + 7) % 8];
    ocf_bytes_string(b, country, strlen(country));
    ocf_bytes_double(b, uniform(i, 10));
    ocf_bytes_long(b, INT64_C(1767225600000000) + (int64_t)i * 10000);
}

void ocf_write_events(const char *path, const char *codec, uint64_t n)
{
    struct ocf_writer *w = ocf_open(path, ocf_event_schema, codec, 64 << 10);
    for (uint64_t i = 0; i < n; i++) {
        ocf_event_put(&w->block, i);
        ocf_next(w);
    }
    ocf_close(w);
}
