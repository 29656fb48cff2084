#include "connectors/byte_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_BYTES     ((size_t)64 << 10)
#define ZSTD_WINDOW_LOG 27 /* 128 MiB: what the zstd tool accepts without asking */

enum codec { PLAIN, GZIP, ZSTD };

struct dg_byte_stream {
    char *name;
    int fd;
    enum codec codec;
    bool in_member; /* inside a gzip member or zstd frame */
    bool input_ended;
    bool ended;
    enum dg_reason damage;
    char damage_text[512];
    z_stream gzip;
    ZSTD_DCtx *zstd;
    uint64_t total;
    _Atomic uint64_t done;
    size_t input_pos;
    size_t input_len;
    size_t head_pos;
    size_t head_len;
    uint8_t head[DG_PEEK_MAX]; /* uncompressed bytes that were looked at */
    uint8_t input[INPUT_BYTES];
};

static void damaged(struct dg_byte_stream *s, enum dg_reason reason, const char *what)
{
    struct dg_error text;
    (void)dg_fail(&text, 0, "%s: %s near byte %llu of the file; what came before was read", s->name,
                  what, (unsigned long long)(s->done - (s->input_len - s->input_pos)));
    memcpy(s->damage_text, text.message, sizeof s->damage_text - 1);
    s->damage = reason;
    s->ended = true;
}

/* Read from the file itself; 0 at its end, and on an error, which is damage. */
static size_t read_file(struct dg_byte_stream *s, uint8_t buffer[], size_t n)
{
    if (s->input_ended) {
        return 0;
    }
    ssize_t got;
    do {
        got = read(s->fd, buffer, n);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        s->input_ended = true;
        if (got < 0) {
            damaged(s, DG_BAD_CODEC, strerror(errno));
        }
        return 0;
    }
    atomic_fetch_add_explicit(&s->done, (uint64_t)got, memory_order_relaxed);
    return (size_t)got;
}

/* At least n unread bytes in the input buffer, if the file has them; returns how many there are. */
static size_t want_input(struct dg_byte_stream *s, size_t n)
{
    while (s->input_len - s->input_pos < n && !s->input_ended) {
        memmove(s->input, s->input + s->input_pos, s->input_len - s->input_pos);
        s->input_len -= s->input_pos;
        s->input_pos = 0;
        s->input_len += read_file(s, s->input + s->input_len, INPUT_BYTES - s->input_len);
    }
    return s->input_len - s->input_pos;
}

static enum codec codec_of(const uint8_t *p, size_t n)
{
    if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b) {
        return GZIP;
    }
    if (n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd) {
        return ZSTD;
    }
    if (n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18) {
        return ZSTD; /* a skippable frame */
    }
    return PLAIN;
}

static int open_file(struct dg_byte_stream *s, const char *path, struct dg_error *err)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    s->name = strdup(is_stdin ? "standard input" : path);
    if (s->name == NULL) {
        return dg_fail_memory(err);
    }
    s->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0) {
        const int code = errno;
        return dg_fail(err, code, "cannot open %s: %s; check the path and its permissions", path,
                       strerror(code));
    }
    struct stat st;
    if (fstat(s->fd, &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            return dg_fail(err, EISDIR, "%s is a directory: name the files in it, as in %s/*.csv",
                           path, path);
        }
        s->total = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    }
    return 0;
}

static int open_codec(struct dg_byte_stream *s, struct dg_error *err)
{
    const size_t n = want_input(s, 4);
    s->codec = codec_of(s->input, n);
    if (s->codec == GZIP && inflateInit2(&s->gzip, 15 + 16) != Z_OK) {
        s->codec = PLAIN;
        return dg_fail_memory(err);
    }
    if (s->codec == ZSTD) {
        s->zstd = ZSTD_createDCtx();
        if (s->zstd == NULL) {
            return dg_fail_memory(err);
        }
        (void)ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    }
    return 0;
}

int dg_byte_stream_open(const char *path, struct dg_byte_stream **out, struct dg_error *err)
{
    struct dg_byte_stream *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return dg_fail_memory(err);
    }
    s->fd = -1;
    int code = open_file(s, path, err);
    if (code == 0) {
        code = open_codec(s, err);
    }
    if (code != 0) {
        dg_byte_stream_close(s);
        return code;
    }
    *out = s;
    return 0;
}

static size_t pull_plain(struct dg_byte_stream *s, uint8_t buffer[], size_t n)
{
    const size_t kept = s->input_len - s->input_pos;
    if (kept == 0) {
        const size_t got = read_file(s, buffer, n);
        s->ended = got == 0;
        return got;
    }
    const size_t take = kept < n ? kept : n;
    memcpy(buffer, s->input + s->input_pos, take);
    s->input_pos += take;
    return take;
}

/* Between gzip members: the next one, the end, or padding with zeros as tapes and some writers
 * leave it. */
static void next_member(struct dg_byte_stream *s)
{
    while (want_input(s, 2) > 0 && s->input[s->input_pos] == 0) {
        s->input_pos++;
    }
    const size_t n = s->input_len - s->input_pos;
    if (n == 0) {
        s->ended = true;
    } else if (codec_of(s->input + s->input_pos, n) == GZIP) {
        (void)inflateReset(&s->gzip);
        s->in_member = true;
    } else {
        damaged(s, DG_BAD_CODEC, "bytes that are not gzip follow the compressed data");
    }
}

static size_t pull_gzip(struct dg_byte_stream *s, uint8_t buffer[], size_t n)
{
    if (!s->in_member) {
        next_member(s);
        return 0;
    }
    const size_t have = want_input(s, 1);
    const size_t room = n < INPUT_BYTES * 16 ? n : INPUT_BYTES * 16;
    s->gzip.next_in = s->input + s->input_pos;
    s->gzip.avail_in = (uInt)have;
    s->gzip.next_out = buffer;
    s->gzip.avail_out = (uInt)room;
    const int rc = inflate(&s->gzip, Z_NO_FLUSH);
    s->input_pos += have - s->gzip.avail_in;
    const size_t made = room - s->gzip.avail_out;
    if (rc == Z_STREAM_END) {
        s->in_member = false;
    } else if (rc == Z_BUF_ERROR || (rc == Z_OK && have == 0 && made == 0)) {
        if (!s->ended) {
            damaged(s, DG_BAD_TRUNCATED, "the gzip data is cut off");
        }
    } else if (rc != Z_OK) {
        damaged(s, DG_BAD_CODEC, s->gzip.msg != NULL ? s->gzip.msg : "corrupt gzip data");
    }
    return made;
}

static size_t pull_zstd(struct dg_byte_stream *s, uint8_t buffer[], size_t n)
{
    const size_t have = want_input(s, 1);
    if (have == 0 && !s->in_member) {
        s->ended = true;
        return 0;
    }
    ZSTD_inBuffer in = {s->input + s->input_pos, have, 0};
    ZSTD_outBuffer out = {buffer, n, 0};
    const size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
    s->input_pos += in.pos;
    if (ZSTD_isError(rc)) {
        damaged(s, DG_BAD_CODEC, ZSTD_getErrorName(rc));
        return out.pos;
    }
    s->in_member = rc != 0;
    if (have == 0 && out.pos == 0 && s->in_member && !s->ended) {
        damaged(s, DG_BAD_TRUNCATED, "the zstd data is cut off");
    }
    return out.pos;
}

static size_t pull(struct dg_byte_stream *s, uint8_t buffer[], size_t n)
{
    size_t len = 0;
    while (len < n && !s->ended) {
        switch (s->codec) {
        case PLAIN:
            len += pull_plain(s, buffer + len, n - len);
            break;
        case GZIP:
            len += pull_gzip(s, buffer + len, n - len);
            break;
        case ZSTD:
            len += pull_zstd(s, buffer + len, n - len);
            break;
        }
    }
    return len;
}

size_t dg_byte_stream_read(struct dg_byte_stream *s, uint8_t buffer[], size_t n)
{
    const size_t kept = s->head_len - s->head_pos;
    const size_t take = kept < n ? kept : n;
    memcpy(buffer, s->head + s->head_pos, take);
    s->head_pos += take;
    return take + (take < n ? pull(s, buffer + take, n - take) : 0);
}

size_t dg_byte_stream_peek(struct dg_byte_stream *s, const uint8_t **head)
{
    memmove(s->head, s->head + s->head_pos, s->head_len - s->head_pos);
    s->head_len -= s->head_pos;
    s->head_pos = 0;
    s->head_len += pull(s, s->head + s->head_len, sizeof s->head - s->head_len);
    *head = s->head;
    return s->head_len;
}

enum dg_reason dg_byte_stream_damage(const struct dg_byte_stream *s)
{
    return s->damage;
}

const char *dg_byte_stream_damage_text(const struct dg_byte_stream *s)
{
    return s->damage_text;
}

uint64_t dg_byte_stream_done(const struct dg_byte_stream *s)
{
    return atomic_load_explicit(&s->done, memory_order_relaxed);
}

uint64_t dg_byte_stream_total(const struct dg_byte_stream *s)
{
    return s->total;
}

const char *dg_byte_stream_name(const struct dg_byte_stream *s)
{
    return s->name;
}

void dg_byte_stream_close(struct dg_byte_stream *s)
{
    if (s == NULL) {
        return;
    }
    if (s->codec == GZIP) {
        (void)inflateEnd(&s->gzip);
    }
    ZSTD_freeDCtx(s->zstd);
    if (s->fd > STDIN_FILENO) {
        close(s->fd);
    }
    free(s->name);
    free(s);
}
