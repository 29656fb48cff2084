#include "connectors/avro_container.h"

#include "connectors/avro_codec.h"
#include "connectors/avro_plan.h"
#include "connectors/avro_wire.h"

#include <errno.h>
#include <stdlib.h>

#define READ_STEP  ((size_t)1 << 20)   /* memory follows what arrives, not what a header claims */
#define REJECT_MAX ((uint64_t)1 << 20) /* unreadable records of a block that get a row each */
#define SCAN_STEP  ((size_t)64 << 10)
#define CHUNK_STEP ((size_t)64 << 10)

static const uint8_t magic[4] = {'O', 'b', 'j', 1};

struct reader {
    struct dg_format format; /* first */
    struct dg_byte_stream *in;
    struct dg_avro_schema *schema;
    struct dg_avro_plan *plan;
    enum dg_avro_codec codec;
    struct dg_avro_inflaters *inflaters; /* NULL for DG_AVRO_RAW */
    uint8_t sync[DG_AVRO_SYNC];
    uint64_t next;        /* place of the next record */
    struct dg_bytes back; /* bytes to read again; from back_at on */
    size_t back_at;
    bool ended;
};

/* A block's head as read: two longs. */
struct head {
    uint8_t bytes[2 * DG_AVRO_VARINT_MAX];
    size_t len;
    int64_t records;
    int64_t size;
};

static size_t back_left(const struct reader *self)
{
    return self->back.len - self->back_at;
}

static size_t take(struct reader *self, uint8_t to[], size_t n)
{
    size_t got = back_left(self) < n ? back_left(self) : n;
    if (got > 0) {
        memcpy(to, self->back.data + self->back_at, got);
        self->back_at += got;
    }
    if (got < n) {
        got += dg_byte_stream_read(self->in, to + got, n - got);
    }
    return got;
}

/* Put bytes in front of what is to be read. */
static int give_back(struct reader *self, const uint8_t bytes[], size_t n)
{
    const size_t left = back_left(self);
    if (self->back.cap < n + left) {
        uint8_t *data = realloc(self->back.data, n + left);
        if (data == NULL) {
            return ENOMEM;
        }
        self->back.data = data;
        self->back.cap = n + left;
    }
    if (left > 0) {
        memmove(self->back.data + n, self->back.data + self->back_at, left);
    }
    if (n > 0) {
        memcpy(self->back.data, bytes, n);
    }
    self->back_at = 0;
    self->back.len = n + left;
    return 0;
}

/* Look ahead: have n bytes at back_at, or all that is left of the file. ENOMEM. */
static int look_ahead(struct reader *self, size_t n)
{
    while (back_left(self) < n) {
        const size_t want = n - back_left(self), step = want < READ_STEP ? want : READ_STEP;
        if (self->back.cap - self->back.len < step) {
            uint8_t *data = realloc(self->back.data, self->back.len + step);
            if (data == NULL) {
                return ENOMEM;
            }
            self->back.data = data;
            self->back.cap = self->back.len + step;
        }
        const size_t got = dg_byte_stream_read(self->in, self->back.data + self->back.len, step);
        if (got == 0) {
            return 0;
        }
        self->back.len += got;
    }
    return 0;
}

static bool head_complete(const struct head *h, bool *good)
{
    const uint8_t *end = h->bytes + h->len;
    struct head copy = *h;
    const uint8_t *p = dg_avro_long(h->bytes, end, &copy.records);
    const uint8_t *q = p == NULL ? NULL : dg_avro_long(p, end, &copy.size);
    *good = q != NULL;
    return q != NULL || dg_avro_varint_fault(p == NULL ? h->bytes : p, end) != DG_BAD_TRUNCATED;
}

static void head_parse(struct head *h)
{
    const uint8_t *end = h->bytes + h->len;
    const uint8_t *p = dg_avro_long(h->bytes, end, &h->records);
    p = dg_avro_long(p, end, &h->size);
    DG_ASSERT(p == end);
}

enum head_state { HEAD_GOOD, HEAD_NONE, HEAD_CUT, HEAD_BAD, HEAD_TOO_LARGE };

static enum head_state read_head(struct reader *self, struct head *h)
{
    bool good;
    h->len = 0;
    do {
        if (take(self, &h->bytes[h->len], 1) == 0) {
            return h->len == 0 ? HEAD_NONE : HEAD_CUT;
        }
        h->len++;
    } while (!head_complete(h, &good));
    if (!good) {
        return HEAD_BAD;
    }
    head_parse(h);
    if (h->records < 0 || h->size < 0) {
        return HEAD_BAD;
    }
    return (uint64_t)h->size > DG_AVRO_BLOCK_MAX ? HEAD_TOO_LARGE : HEAD_GOOD;
}

/* Whether a whole block with its marker comes next, or the end of the file; takes nothing. */
static int block_follows(struct reader *self, bool *follows)
{
    struct head h = {.len = 0};
    *follows = false;
    int rc = look_ahead(self, sizeof h.bytes);
    if (rc != 0 || back_left(self) == 0) {
        *follows = rc == 0;
        return rc;
    }
    const uint8_t *start = self->back.data + self->back_at, *end = start + back_left(self);
    const uint8_t *p = dg_avro_long(start, end, &h.records);
    p = p == NULL ? NULL : dg_avro_long(p, end, &h.size);
    if (p == NULL || h.records < 0 || h.size < 0 || (uint64_t)h.size > DG_AVRO_BLOCK_MAX) {
        return 0;
    }
    const size_t sync = (size_t)(p - start) + (size_t)h.size;
    rc = look_ahead(self, sync + DG_AVRO_SYNC);
    *follows = rc == 0 && back_left(self) >= sync + DG_AVRO_SYNC &&
               memcmp(self->back.data + self->back_at + sync, self->sync, DG_AVRO_SYNC) == 0;
    return rc;
}

/* Go on behind the next sync marker, or at the end of the file. */
static int resynchronise(struct reader *self)
{
    for (;;) {
        const size_t left = back_left(self);
        const uint8_t *start = left > 0 ? self->back.data + self->back_at : magic;
        const uint8_t *at = left > 0 ? memmem(start, left, self->sync, DG_AVRO_SYNC) : NULL;
        if (at != NULL) {
            self->back_at += (size_t)(at - start) + DG_AVRO_SYNC;
            return 0;
        }
        const size_t keep = left < DG_AVRO_SYNC - 1 ? left : DG_AVRO_SYNC - 1;
        if (keep > 0) {
            memmove(self->back.data, start + left - keep, keep);
        }
        self->back_at = 0;
        self->back.len = keep;
        const int rc = look_ahead(self, keep + SCAN_STEP);
        if (rc != 0 || self->back.len == keep) {
            self->ended = true;
            return rc;
        }
    }
}

static enum dg_poll out_of_memory(struct dg_error *err)
{
    (void)dg_fail_memory(err);
    return DG_POLL_FATAL;
}

/* A chunk that holds nothing but damage. */
static enum dg_poll hand_out_damage(struct reader *self, struct dg_chunk *chunk,
                                    enum dg_reason reason)
{
    chunk->first = self->next++;
    chunk->len = 0;
    chunk->records = 0;
    chunk->damage = reason;
    chunk->last = self->ended;
    return DG_POLL_DATA;
}

static enum dg_poll hand_out(struct reader *self, struct dg_chunk *chunk, const struct head *h,
                             size_t len, enum dg_reason damage)
{
    chunk->first = self->next;
    chunk->len = len;
    chunk->records = (uint64_t)h->records;
    chunk->damage = damage;
    chunk->last = self->ended;
    self->next += chunk->records <= DG_AVRO_ROWS_MAX ? chunk->records : 1;
    self->next += damage != DG_GOOD && len == (size_t)h->size;
    return DG_POLL_DATA;
}

static enum dg_reason reason_of_end(const struct reader *self)
{
    const enum dg_reason reason = dg_byte_stream_damage(self->in);
    return reason != DG_GOOD ? reason : DG_BAD_TRUNCATED;
}

/* A head that is none, or claims too much: its bytes may hold the start of a marker. */
static enum dg_poll skip_head(struct reader *self, const struct head *h, enum dg_reason reason,
                              struct dg_chunk *chunk, struct dg_error *err)
{
    if (give_back(self, h->bytes, h->len) != 0 || resynchronise(self) != 0) {
        return out_of_memory(err);
    }
    return hand_out_damage(self, chunk, reason);
}

/* chunk->data[0 .. got) is what stands where the head says a block and its marker are. */
static enum dg_poll salvage(struct reader *self, const struct head *h, size_t got,
                            struct dg_chunk *chunk, struct dg_error *err)
{
    const size_t size = (size_t)h->size;
    const uint8_t *at = got > 0 ? memmem(chunk->data, got, self->sync, DG_AVRO_SYNC) : NULL;
    if (at == NULL && got < size + DG_AVRO_SYNC) {
        self->ended = true;
        return hand_out(self, chunk, h, got < size ? got : size, reason_of_end(self));
    }
    bool whole = false;
    if (at == NULL && block_follows(self, &whole) != 0) {
        return out_of_memory(err);
    }
    if (whole) {
        return hand_out(self, chunk, h, size, DG_BAD_MALFORMED);
    }
    if (give_back(self, chunk->data, got) != 0 || resynchronise(self) != 0) {
        return out_of_memory(err);
    }
    return hand_out_damage(self, chunk, DG_BAD_MALFORMED);
}

/* Up to n bytes into the chunk; memory grows with what arrives. ENOMEM. */
static int fill(struct reader *self, struct dg_chunk *chunk, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n) {
        const size_t step = n - *got < READ_STEP + *got ? n - *got : READ_STEP + *got;
        const size_t rounded = (*got + step + CHUNK_STEP - 1) / CHUNK_STEP * CHUNK_STEP;
        const int rc = dg_chunk_reserve(chunk, rounded); /* blocks differ a little in size */
        if (rc != 0) {
            return rc;
        }
        const size_t now = take(self, chunk->data + *got, step);
        *got += now;
        if (now < step) {
            break;
        }
    }
    return 0;
}

static enum dg_poll avro_poll(struct dg_format *format, struct dg_chunk *chunk,
                              struct dg_error *err)
{
    struct reader *self = (struct reader *)format;
    struct head h;
    switch (self->ended ? HEAD_NONE : read_head(self, &h)) {
    case HEAD_GOOD:
        break;
    case HEAD_NONE:
        if (self->ended || dg_byte_stream_damage(self->in) == DG_GOOD) {
            self->ended = true;
            return DG_POLL_END;
        }
        __attribute__((fallthrough));
    case HEAD_CUT:
        self->ended = true;
        return hand_out_damage(self, chunk, reason_of_end(self));
    case HEAD_BAD:
        return skip_head(self, &h, DG_BAD_MALFORMED, chunk, err);
    case HEAD_TOO_LARGE:
        return skip_head(self, &h, DG_BAD_TOO_LARGE, chunk, err);
    }
    const size_t size = (size_t)h.size;
    size_t got;
    if (fill(self, chunk, size + DG_AVRO_SYNC, &got) != 0) {
        return out_of_memory(err);
    }
    if (got < size + DG_AVRO_SYNC || memcmp(chunk->data + size, self->sync, DG_AVRO_SYNC) != 0) {
        return salvage(self, &h, got, chunk, err);
    }
    return hand_out(self, chunk, &h, size, DG_GOOD);
}

/* n rows that could not be read; where the count is beyond belief, one. */
static int reject(struct dg_batch *batch, uint64_t n, uint64_t place, enum dg_reason reason)
{
    const size_t rows = n <= REJECT_MAX ? (size_t)n : 1;
    const int rc = dg_batch_reserve(batch, batch->n + rows);
    if (rc == 0) {
        dg_avro_plan_reject(batch, rows, place, reason);
    }
    return rc;
}

/* How many of the declared records the bytes can hold at most. */
static size_t rows_within(const struct reader *self, const struct dg_chunk *chunk, size_t len)
{
    const uint64_t least = dg_avro_schema_root(self->schema)->least;
    const uint64_t fit = least == 0 ? chunk->records : len / least;
    return (size_t)(chunk->records < fit ? chunk->records : fit);
}

/* Inflate into scratch, with room behind for formatted numbers. */
static int inflate_block(const struct reader *self, const struct dg_chunk *chunk,
                         struct dg_batch *batch, size_t *len, enum dg_reason *reason)
{
    struct dg_bytes *scratch = &batch->scratch;
    const int rc = dg_avro_inflate(self->inflaters, chunk->data, chunk->len, scratch, len, reason);
    if (rc != 0 || *reason != DG_GOOD) {
        return rc;
    }
    const size_t cap = *len + dg_avro_plan_scratch(self->plan) * rows_within(self, chunk, *len);
    if (scratch->cap < cap) {
        uint8_t *data = realloc(scratch->data, cap);
        if (data == NULL) {
            return ENOMEM;
        }
        scratch->data = data;
        scratch->cap = cap;
    }
    scratch->len = *len;
    return 0;
}

/* p[0 .. len): the block as it was before compression. */
static int decode_rows(const struct reader *self, const struct dg_chunk *chunk, const uint8_t *p,
                       size_t len, struct dg_batch *batch)
{
    const uint8_t *const end = p + len;
    const size_t rows = rows_within(self, chunk, len);
    const int rc = dg_avro_plan_reserve(self->plan, batch, rows, 0);
    if (rc != 0) {
        return rc;
    }
    enum dg_reason why = DG_BAD_TRUNCATED;
    const size_t done = dg_avro_plan_decode(self->plan, &p, end, rows, chunk->first, batch, &why);
    const uint64_t place = chunk->first + done;
    if (done < chunk->records) {
        why = chunk->damage != DG_GOOD ? chunk->damage : why;
        return reject(batch, chunk->records - done, place, why);
    }
    if (p != end || chunk->damage != DG_GOOD) {
        why = chunk->damage != DG_GOOD ? chunk->damage : DG_BAD_MALFORMED;
        return reject(batch, 1, place, why);
    }
    return 0;
}

static int decode_block(const struct reader *self, const struct dg_chunk *chunk,
                        struct dg_batch *batch)
{
    if (self->inflaters == NULL) {
        return decode_rows(self, chunk, chunk->data, chunk->len, batch);
    }
    size_t len;
    enum dg_reason why;
    const int rc = inflate_block(self, chunk, batch, &len, &why);
    if (rc != 0) {
        return rc;
    }
    if (why != DG_GOOD) {
        why = chunk->damage != DG_GOOD ? chunk->damage : why;
        return reject(batch, chunk->records, chunk->first, why);
    }
    return decode_rows(self, chunk, batch->scratch.data, len, batch);
}

static int avro_decode(const struct dg_format *format, const struct dg_chunk *chunk,
                       struct dg_batch *batch, struct dg_error *err)
{
    const struct reader *self = (const struct reader *)format;
    int rc;
    if (chunk->records > DG_AVRO_ROWS_MAX) {
        rc = reject(batch, 1, chunk->first, DG_BAD_TOO_LARGE);
    } else if (chunk->records == 0 && chunk->len == 0) {
        rc = chunk->damage != DG_GOOD ? reject(batch, 1, chunk->first, chunk->damage) : 0;
    } else {
        rc = decode_block(self, chunk, batch);
    }
    return rc == 0 ? 0 : dg_fail_memory(err);
}

static void avro_fields(const struct dg_format *format, const char *const **names, size_t *n)
{
    const struct reader *self = (const struct reader *)format;
    *names = NULL;
    *n = 0;
    if (self->schema != NULL && dg_avro_schema_root(self->schema)->kind == DG_AVRO_RECORD) {
        *names = dg_avro_schema_root(self->schema)->label;
        *n = dg_avro_schema_root(self->schema)->n;
    }
}

static void reader_free(struct reader *self)
{
    if (self != NULL) {
        dg_avro_plan_free(self->plan);
        dg_avro_schema_free(self->schema);
        dg_avro_inflaters_free(self->inflaters);
        free(self->back.data);
        free(self);
    }
}

static void avro_close(struct dg_format *format)
{
    struct reader *self = (struct reader *)format;
    dg_byte_stream_close(self->in);
    reader_free(self);
}

/* The file's header while it is read. */
struct metadata {
    struct reader *self;
    uint64_t used; /* bytes so far */
    char *schema;  /* [schema_len] */
    size_t schema_len;
    char codec[64];
    size_t codec_len;
    struct dg_error *err;
};

static int bad_header(struct metadata *m, const char *what)
{
    return dg_fail(m->err, EINVAL,
                   "%s: the header of the Avro file is not usable: %s; check the file with "
                   "another Avro reader, or write it again",
                   dg_byte_stream_name(m->self->in), what);
}

static int header_bytes(struct metadata *m, void *to, size_t n)
{
    m->used += n;
    if (m->used > DG_AVRO_HEADER_MAX) {
        return bad_header(m, "it is longer than 16 MiB");
    }
    if (take(m->self, to, n) < n) {
        return bad_header(m, "the file ends inside it");
    }
    return 0;
}

static int header_long(struct metadata *m, int64_t *value)
{
    uint8_t bytes[DG_AVRO_VARINT_MAX];
    for (size_t n = 1; n <= sizeof bytes; n++) {
        const int rc = header_bytes(m, &bytes[n - 1], 1);
        if (rc != 0) {
            return rc;
        }
        if (bytes[n - 1] < 0x80) {
            return dg_avro_long(bytes, bytes + n, value) != NULL ? 0
                                                                 : bad_header(m, "a bad number");
        }
    }
    return bad_header(m, "a bad number");
}

/* Bytes with their length in front, NUL added; *text is the caller's to free. */
static int header_text(struct metadata *m, char **text, size_t *len)
{
    int64_t n;
    int rc = header_long(m, &n);
    if (rc != 0) {
        return rc;
    }
    if (n < 0 || (uint64_t)n > DG_AVRO_HEADER_MAX) {
        return bad_header(m, "a metadata entry with an impossible length");
    }
    char *bytes = malloc((size_t)n + 1);
    if (bytes == NULL) {
        return dg_fail_memory(m->err);
    }
    rc = header_bytes(m, bytes, (size_t)n);
    if (rc != 0) {
        free(bytes);
        return rc;
    }
    bytes[n] = '\0';
    *text = bytes;
    *len = (size_t)n;
    return 0;
}

static int header_entry(struct metadata *m)
{
    char *key = NULL, *value = NULL;
    size_t key_len, value_len = 0;
    int rc = header_text(m, &key, &key_len);
    if (rc == 0) {
        rc = header_text(m, &value, &value_len);
    }
    if (rc == 0 && strcmp(key, "avro.schema") == 0) {
        free(m->schema);
        m->schema = value;
        m->schema_len = value_len;
        value = NULL;
    } else if (rc == 0 && strcmp(key, "avro.codec") == 0) {
        m->codec_len = value_len < sizeof m->codec - 1 ? value_len : sizeof m->codec - 1;
        memcpy(m->codec, value, m->codec_len);
        m->codec[m->codec_len] = '\0';
    }
    free(key);
    free(value);
    return rc;
}

static int header_read(struct metadata *m)
{
    uint8_t start[sizeof magic];
    int rc = header_bytes(m, start, sizeof start);
    if (rc == 0 && memcmp(start, magic, sizeof magic) != 0) {
        rc = dg_fail(m->err, EINVAL,
                     "%s: not an Avro container file (it does not begin with Obj\\x01): give the "
                     "right format",
                     dg_byte_stream_name(m->self->in));
    }
    int64_t count = 1, size;
    while (rc == 0 && count != 0) {
        rc = header_long(m, &count);
        if (rc == 0 && count < 0) {
            rc = header_long(m, &size);
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        for (int64_t i = 0; rc == 0 && i < count; i++) {
            rc = header_entry(m);
        }
    }
    return rc != 0 ? rc : header_bytes(m, m->self->sync, DG_AVRO_SYNC);
}

static int header_use(struct metadata *m, const struct dg_projection *projection)
{
    struct reader *self = m->self;
    const char *name = dg_byte_stream_name(self->in);
    struct dg_error inner = {.message = ""};
    if (m->schema == NULL) {
        return bad_header(m, "it has no schema");
    }
    if (m->codec_len > 0 && !dg_avro_codec_find(m->codec, m->codec_len, &self->codec)) {
        return dg_fail(m->err, EINVAL,
                       "%s: the Avro codec \"%s\" is not read: write the file with null, deflate, "
                       "snappy or zstandard",
                       name, m->codec);
    }
    int rc = dg_avro_schema_parse(m->schema, m->schema_len, &self->schema, &inner);
    if (rc == 0) {
        rc = dg_avro_plan_compile(dg_avro_schema_root(self->schema), projection, &self->plan,
                                  &inner);
    }
    if (rc == 0 && self->codec != DG_AVRO_RAW) {
        rc = dg_avro_inflaters_new(self->codec, &self->inflaters);
    }
    if (rc == ENOMEM) {
        return dg_fail_memory(m->err);
    }
    return rc == 0 ? 0 : dg_fail(m->err, EINVAL, "%s: %.800s", name, inner.message);
}

static int avro_open(struct dg_byte_stream *in, const struct dg_file_options *options,
                     const struct dg_projection *projection, struct dg_format **out,
                     struct dg_error *err)
{
    (void)options;
    const uint8_t *start;
    struct reader *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return dg_fail_memory(err);
    }
    self->format.ops = &dg_avro_format;
    self->in = in;
    self->ended = dg_byte_stream_peek(in, &start) == 0;
    struct metadata m = {.self = self, .err = err};
    int rc = 0;
    if (!self->ended) {
        rc = header_read(&m);
        rc = rc != 0 ? rc : header_use(&m, projection);
    }
    free(m.schema);
    if (rc != 0) {
        reader_free(self);
        return rc;
    }
    *out = &self->format;
    return 0;
}

static bool avro_claims(const uint8_t start[], size_t n)
{
    return n >= sizeof magic && memcmp(start, magic, sizeof magic) == 0;
}

const struct dg_format_ops dg_avro_format = {
    .name = "avro",
    .extensions = {"avro"},
    .claims = avro_claims,
    .open = avro_open,
    .poll = avro_poll,
    .decode = avro_decode,
    .fields = avro_fields,
    .close = avro_close,
};
