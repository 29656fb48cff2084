#include "connectors/text_chunks.h"

#include "connectors/text_scan.h"

#include <errno.h>

#define CONTROLS_MIN 8 /* a few may be one bad line of a short file */

void dg_text_chunks_init(struct dg_text_chunks *t, struct dg_byte_stream *in,
                         const struct dg_file_options *options, dg_text_cut *cut)
{
    *t = (struct dg_text_chunks){.in = in,
                                 .cut = cut,
                                 .chunk_bytes = options->chunk_bytes,
                                 .record_bytes = options->record_bytes,
                                 .line = 1};
    const uint8_t *head;
    if (dg_byte_stream_peek(in, &head) >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0) {
        uint8_t mark[3];
        (void)dg_byte_stream_read(in, mark, sizeof mark);
    }
}

void dg_text_chunks_deinit(struct dg_text_chunks *t)
{
    dg_byte_stream_close(t->in);
    dg_chunk_deinit(&t->rest);
}

/* Append to chunk until it holds `want` bytes or the stream ends. */
static int read_more(struct dg_text_chunks *t, struct dg_chunk *chunk, size_t want)
{
    if (chunk->len >= want || t->ended) {
        return 0;
    }
    const int code = dg_chunk_reserve(chunk, want + DG_TEXT_PAD);
    if (code != 0) {
        return code;
    }
    const size_t missing = want - chunk->len;
    const size_t got = dg_byte_stream_read(t->in, chunk->data + chunk->len, missing);
    chunk->len += got;
    t->ended = got < missing;
    return 0;
}

int dg_text_chunks_fill(struct dg_text_chunks *t, size_t want)
{
    return read_more(t, &t->rest, want);
}

void dg_text_chunks_drop(struct dg_text_chunks *t, size_t n)
{
    if (n == 0) {
        return;
    }
    t->line += dg_count_byte(t->rest.data, n, '\n');
    memmove(t->rest.data, t->rest.data + n, t->rest.len - n);
    t->rest.len -= n;
}

/* Hand out the first `cut` bytes of chunk and keep the others. */
static int split(struct dg_text_chunks *t, struct dg_chunk *chunk, size_t cut)
{
    const size_t kept = chunk->len - cut;
    if (kept > 0) {
        t->rest.len = 0;
        const int code = dg_chunk_reserve(&t->rest, kept + DG_TEXT_PAD);
        if (code != 0) {
            return code;
        }
        memcpy(t->rest.data, chunk->data + cut, kept);
        t->rest.len = kept;
    }
    chunk->len = cut;
    t->line += dg_count_byte(chunk->data, cut, '\n');
    memset(chunk->data + cut, 0, DG_TEXT_PAD);
    return 0;
}

/* Skip the record at the start of chunk, whose line does not end within record_bytes. */
static int skip_record(struct dg_text_chunks *t, struct dg_chunk *chunk)
{
    size_t from = t->record_bytes;
    for (;;) {
        const uint8_t *const nl =
            chunk->len > from ? memchr(chunk->data + from, '\n', chunk->len - from) : NULL;
        const size_t skipped = nl != NULL ? (size_t)(nl - chunk->data) + 1 : chunk->len;
        if (nl != NULL || t->ended) {
            const int code = split(t, chunk, skipped);
            chunk->len = 0;
            return code;
        }
        t->line += dg_count_byte(chunk->data, skipped, '\n');
        chunk->len = 0;
        from = 0;
        const int code = read_more(t, chunk, t->chunk_bytes);
        if (code != 0) {
            return code;
        }
    }
}

/* The stream has ended and what is left has no line end. */
static int finish(struct dg_text_chunks *t, struct dg_chunk *chunk)
{
    chunk->damage = dg_byte_stream_damage(t->in);
    chunk->last = true;
    t->finished = true;
    const size_t len = chunk->damage == DG_GOOD ? chunk->len : 0;
    return split(t, chunk, len);
}

/* Bytes left over from the last chunk go first. */
static int start(struct dg_text_chunks *t, struct dg_chunk *chunk)
{
    const int code = dg_chunk_reserve(chunk, t->rest.len + DG_TEXT_PAD);
    if (code != 0) {
        return code;
    }
    if (t->rest.len > 0) {
        memcpy(chunk->data, t->rest.data, t->rest.len);
    }
    chunk->len = t->rest.len;
    t->rest.len = 0;
    chunk->first = t->line;
    return 0;
}

static int next_chunk(struct dg_text_chunks *t, struct dg_chunk *chunk)
{
    int code = start(t, chunk);
    size_t want = chunk->len < t->chunk_bytes ? t->chunk_bytes : chunk->len;
    while (code == 0) {
        code = read_more(t, chunk, want);
        if (code != 0) {
            break;
        }
        const size_t cut = t->cut(t, chunk->data, chunk->len, t->ended);
        if (cut > 0) {
            code = split(t, chunk, cut);
            chunk->last = t->ended && t->rest.len == 0 && dg_byte_stream_damage(t->in) == DG_GOOD;
            t->finished = chunk->last;
            break;
        }
        if (chunk->len > t->record_bytes) {
            chunk->damage = DG_BAD_TOO_LARGE;
            code = skip_record(t, chunk);
            break;
        }
        if (t->ended) {
            code = finish(t, chunk);
            break;
        }
        want = chunk->len > t->record_bytes / 2 ? t->record_bytes + 1 : chunk->len * 2;
    }
    return code;
}

enum dg_poll dg_text_chunks_poll(struct dg_text_chunks *t, struct dg_chunk *chunk,
                                 struct dg_error *err)
{
    if (t->finished) {
        return DG_POLL_END;
    }
    if (next_chunk(t, chunk) != 0) {
        (void)dg_fail_memory(err);
        return DG_POLL_FATAL;
    }
    return chunk->len > 0 || chunk->damage != DG_GOOD ? DG_POLL_DATA : DG_POLL_END;
}

enum dg_poll dg_text_chunks_binary(struct dg_text_chunks *t, struct dg_chunk *chunk)
{
    if (t->finished) {
        return DG_POLL_END;
    }
    t->finished = true;
    chunk->first = 1;
    chunk->damage = DG_BAD_BINARY;
    chunk->last = true;
    return DG_POLL_DATA;
}

static bool is_foreign(const uint8_t head[], size_t n)
{
    static const struct {
        const char *magic;
        size_t len;
    } known[] = {{"PAR1\x15", 5},
                 {"PK\x03\x04", 4},
                 {"\xfd"
                  "7zXZ",
                  5},
                 {"\x04\x22\x4d\x18", 4},
                 {"\x7f"
                  "ELF",
                  4},
                 {"\x89PNG", 4},
                 {"\x89HDF", 4},
                 {"\xff\xfe", 2},
                 {"\xfe\xff", 2}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (n >= known[i].len && memcmp(head, known[i].magic, known[i].len) == 0) {
            return true;
        }
    }
    return false;
}

bool dg_text_is_binary(const uint8_t head[], size_t n)
{
    if (is_foreign(head, n)) {
        return true;
    }
    const uint8_t *const nl = memchr(head, '\n', n);
    const size_t line = nl != NULL ? (size_t)(nl - head) : n;
    if (memchr(head, 0, line) != NULL) {
        return true;
    }
    size_t controls = 0;
    for (size_t i = 0; i < n; i++) {
        controls += head[i] < 0x20 && head[i] != '\t' && head[i] != '\n' && head[i] != '\r';
    }
    return controls > CONTROLS_MIN && controls * 16 > n;
}
