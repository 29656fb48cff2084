/* tests/compress.h -- gzip members and zstd frames of bytes in memory. Results are to be freed. */
#ifndef DG_TESTS_COMPRESS_H
#define DG_TESTS_COMPRESS_H

#include "tests/check.h"

#include <zlib.h>
#include <zstd.h>

static inline uint8_t *compress_gzip(const void *bytes, size_t n, size_t *len)
{
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        abort();
    }
    const size_t cap = deflateBound(&z, n) + 64;
    uint8_t *const out = malloc(cap);
    uint8_t *const copy = malloc(n + 1);
    memcpy(copy, bytes, n);
    z.next_in = copy;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)cap;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        abort();
    }
    *len = cap - z.avail_out;
    deflateEnd(&z);
    free(copy);
    return out;
}

static inline uint8_t *compress_zstd(const void *bytes, size_t n, size_t *len)
{
    const size_t cap = ZSTD_compressBound(n);
    uint8_t *const out = malloc(cap);
    ZSTD_CCtx *const c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    *len = ZSTD_compress2(c, out, cap, bytes, n);
    ZSTD_freeCCtx(c);
    return out;
}

#endif
