#include "connectors/avro_codec.h"

#include <errno.h>
#include <pthread.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define GROWTH_MIN   ((size_t)64 << 10)
#define ZLIB_TRAILER 4 /* some writers leave a part of zlib's checksum behind the raw stream */

struct inflater {
    struct inflater *next;
    z_stream z;
    ZSTD_DStream *zstd;
};

struct dg_avro_inflaters {
    enum dg_avro_codec codec;
    pthread_mutex_t lock;
    struct inflater *idle;
};

bool dg_avro_codec_find(const char *name, size_t len, enum dg_avro_codec *codec)
{
    static const char *const names[DG_AVRO_CODECS] = {[DG_AVRO_RAW] = "null",
                                                      [DG_AVRO_DEFLATE] = "deflate",
                                                      [DG_AVRO_SNAPPY] = "snappy",
                                                      [DG_AVRO_ZSTD] = "zstandard"};
    for (int i = 0; i < DG_AVRO_CODECS; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            *codec = (enum dg_avro_codec)i;
            return true;
        }
    }
    return false;
}

int dg_avro_inflaters_new(enum dg_avro_codec codec, struct dg_avro_inflaters **out)
{
    struct dg_avro_inflaters *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return ENOMEM;
    }
    p->codec = codec;
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return 0;
}

static void inflater_free(struct inflater *i)
{
    inflateEnd(&i->z);
    ZSTD_freeDStream(i->zstd);
    free(i);
}

void dg_avro_inflaters_free(struct dg_avro_inflaters *p)
{
    if (p == NULL) {
        return;
    }
    for (struct inflater *i = p->idle, *next; i != NULL; i = next) {
        next = i->next;
        inflater_free(i);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static struct inflater *inflater_take(struct dg_avro_inflaters *p)
{
    pthread_mutex_lock(&p->lock);
    struct inflater *i = p->idle;
    if (i != NULL) {
        p->idle = i->next;
    }
    pthread_mutex_unlock(&p->lock);
    if (i != NULL) {
        return i;
    }
    i = calloc(1, sizeof *i);
    if (i == NULL) {
        return NULL;
    }
    if (p->codec == DG_AVRO_ZSTD) {
        i->zstd = ZSTD_createDStream();
    }
    if (p->codec == DG_AVRO_ZSTD ? i->zstd == NULL : inflateInit2(&i->z, -MAX_WBITS) != Z_OK) {
        inflater_free(i);
        return NULL;
    }
    return i;
}

static void inflater_give(struct dg_avro_inflaters *p, struct inflater *i)
{
    pthread_mutex_lock(&p->lock);
    i->next = p->idle;
    p->idle = i;
    pthread_mutex_unlock(&p->lock);
}

/* Room for more than `used` bytes, at least `want` in all. ENOMEM, or EFBIG at the limit. */
static int make_room(struct dg_bytes *out, size_t used, size_t want)
{
    if (want > DG_AVRO_INFLATED_MAX || used == DG_AVRO_INFLATED_MAX) {
        return EFBIG;
    }
    size_t cap = want > GROWTH_MIN ? want : GROWTH_MIN;
    cap = cap > 2 * used ? cap : 2 * used;
    cap = cap < DG_AVRO_INFLATED_MAX ? cap : DG_AVRO_INFLATED_MAX;
    if (cap <= out->cap && used < out->cap) {
        return 0;
    }
    uint8_t *data = realloc(out->data, cap);
    if (data == NULL) {
        return ENOMEM;
    }
    out->data = data;
    out->cap = cap;
    return 0;
}

static size_t room_left(const struct dg_bytes *out, size_t used)
{
    const size_t cap = out->cap < DG_AVRO_INFLATED_MAX ? out->cap : DG_AVRO_INFLATED_MAX;
    return cap - used;
}

static int inflate_deflate(z_stream *z, const uint8_t block[], size_t len, struct dg_bytes *out,
                           size_t *inflated)
{
    if (inflateReset(z) != Z_OK || len > UINT32_MAX) {
        return EBADMSG;
    }
    z->next_in = (z_const Bytef *)(uintptr_t)block;
    z->avail_in = (uInt)len;
    for (;;) {
        const size_t room = room_left(out, *inflated);
        z->next_out = out->data + *inflated;
        z->avail_out = (uInt)room;
        const int rc = inflate(z, Z_FINISH);
        *inflated += room - z->avail_out;
        if (rc == Z_STREAM_END) {
            return z->avail_in <= ZLIB_TRAILER ? 0 : EBADMSG;
        }
        if (rc == Z_MEM_ERROR) {
            return ENOMEM;
        }
        if ((rc != Z_BUF_ERROR && rc != Z_OK) || z->avail_out > 0) {
            return EBADMSG;
        }
        const int more = make_room(out, *inflated, 0);
        if (more != 0) {
            return more;
        }
    }
}

static int inflate_zstd(ZSTD_DStream *zstd, const uint8_t block[], size_t len, struct dg_bytes *out,
                        size_t *inflated)
{
    ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only);
    ZSTD_inBuffer in = {.src = block, .size = len};
    size_t open = 1;
    while (in.pos < in.size || open != 0) {
        const size_t room = room_left(out, *inflated);
        ZSTD_outBuffer to = {.dst = out->data + *inflated, .size = room};
        open = ZSTD_decompressStream(zstd, &to, &in);
        *inflated += to.pos;
        if (ZSTD_isError(open)) {
            return EBADMSG;
        }
        if (to.pos == room && open != 0) {
            const int more = make_room(out, *inflated, 0);
            if (more != 0) {
                return more;
            }
        } else if (in.pos == in.size && open != 0) {
            return EBADMSG; /* the frame wants more than there is */
        }
    }
    return 0;
}

/* The block ends in the CRC-32 of what it holds, big endian. */
static int inflate_snappy(const uint8_t block[], size_t len, struct dg_bytes *out, size_t *inflated)
{
    size_t n;
    if (len < 4 || snappy_uncompressed_length((const char *)block, len - 4, &n) != SNAPPY_OK) {
        return EBADMSG;
    }
    const int rc = n > out->cap ? make_room(out, 0, n) : 0;
    if (rc != 0 || n > DG_AVRO_INFLATED_MAX) {
        return rc != 0 ? rc : EFBIG;
    }
    if (snappy_uncompress((const char *)block, len - 4, (char *)out->data, &n) != SNAPPY_OK) {
        return EBADMSG;
    }
    const uint8_t *c = block + len - 4;
    const uint32_t crc = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
    *inflated = n;
    return crc == (uint32_t)crc32_z(0, out->data, n) ? 0 : EBADMSG;
}

int dg_avro_inflate(struct dg_avro_inflaters *p, const uint8_t block[], size_t len,
                    struct dg_bytes *out, size_t *inflated, enum dg_reason *reason)
{
    *inflated = 0;
    int rc = out->cap == 0 ? make_room(out, 0, 2 * len < DG_AVRO_INFLATED_MAX ? 2 * len : 0) : 0;
    if (rc == 0 && p->codec == DG_AVRO_SNAPPY) {
        rc = inflate_snappy(block, len, out, inflated);
    } else if (rc == 0) {
        struct inflater *i = inflater_take(p);
        if (i == NULL) {
            return ENOMEM;
        }
        rc = p->codec == DG_AVRO_DEFLATE ? inflate_deflate(&i->z, block, len, out, inflated)
                                         : inflate_zstd(i->zstd, block, len, out, inflated);
        inflater_give(p, i);
    }
    *reason = rc == EBADMSG ? DG_BAD_CODEC : rc == EFBIG ? DG_BAD_TOO_LARGE : DG_GOOD;
    return rc == ENOMEM ? ENOMEM : 0;
}
