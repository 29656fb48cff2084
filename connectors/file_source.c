#include "connectors/file_source.h"

#include "connectors/avro_container.h"
#include "connectors/csv.h"
#include "connectors/format.h"
#include "connectors/ndjson.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every format that is read. To add one, add its line. */
static const struct dg_format_ops *const formats[] = {
    &dg_avro_format,
    &dg_csv_format,
    &dg_ndjson_format,
};
#define N_FORMATS (sizeof formats / sizeof formats[0])

static const char *const default_null_words[] = {"NA", "N/A", "null", "NULL", "None"};

#define RECORD_BYTES_MAX ((size_t)1 << 30) /* lengths of texts are 32 bits */

struct file {
    const char *path;
    struct dg_byte_stream *in; /* owned by format, once that is open */
    struct dg_format *format;
};

struct file_source {
    struct dg_source base;
    struct dg_file_options options;
    const struct dg_projection *projection;
    struct file *file; /* [base.n_partitions] */
};

int dg_chunk_reserve(struct dg_chunk *chunk, size_t cap)
{
    if (cap <= chunk->cap) {
        return 0;
    }
    if (cap < chunk->cap + chunk->cap / 4) {
        cap = chunk->cap + chunk->cap / 4; /* chunks differ a little in length */
    }
    uint8_t *const data = realloc(chunk->data, cap);
    if (data == NULL) {
        return ENOMEM;
    }
    chunk->data = data;
    chunk->cap = cap;
    return 0;
}

static struct dg_file_options complete(const struct dg_file_options *given)
{
    struct dg_file_options o = given != NULL ? *given : (struct dg_file_options){0};
    o.format = o.format == NULL ? "auto" : o.format;
    o.chunk_bytes = o.chunk_bytes == 0 ? DG_CHUNK_BYTES_DEFAULT : o.chunk_bytes;
    o.record_bytes = o.record_bytes == 0 ? DG_RECORD_BYTES_DEFAULT : o.record_bytes;
    o.record_bytes = o.record_bytes > RECORD_BYTES_MAX ? RECORD_BYTES_MAX : o.record_bytes;
    if (o.null_words == NULL) {
        o.null_words = default_null_words;
        o.n_null_words = sizeof default_null_words / sizeof default_null_words[0];
    }
    return o;
}

static bool ends_with(const char *s, size_t len, const char *tail)
{
    const size_t n = strlen(tail);
    return len >= n && memcmp(s + len - n, tail, n) == 0;
}

/* Whether `path` has one of the format's extensions, under an optional one of a codec. */
static bool has_extension(const char *path, const struct dg_format_ops *format)
{
    static const char *const codecs[] = {".gz", ".zst"};
    size_t len = strlen(path);
    for (size_t i = 0; i < 2; i++) {
        if (ends_with(path, len, codecs[i])) {
            len -= strlen(codecs[i]);
            break;
        }
    }
    for (size_t i = 0; format->extensions[i] != NULL; i++) {
        const size_t n = strlen(format->extensions[i]);
        if (len > n && path[len - n - 1] == '.' && ends_with(path, len, format->extensions[i])) {
            return true;
        }
    }
    return false;
}

static const struct dg_format_ops *format_named(const char *name)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

static const struct dg_format_ops *detect(const struct file *f)
{
    const uint8_t *head;
    const size_t n = dg_byte_stream_peek(f->in, &head);
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (formats[i]->claims(head, n)) {
            return formats[i];
        }
    }
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (has_extension(f->path, formats[i])) {
            return formats[i];
        }
    }
    return &dg_csv_format;
}

/* What people try and what to tell them, rather than a file full of bad lines. */
static int refuse_foreign(const struct file *f, struct dg_error *err)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *name;
    } known[] = {
        {"PAR1", 4, "a Parquet"},  {"PK\x03\x04", 4, "a zip"},  {"ARROW1\0", 7, "an Arrow"},
        {"BZh91AY", 7, "a bzip2"}, {"\xfd\x37zXZ", 6, "an xz"}, {"\x04\x22\x4d\x18", 4, "an lz4"},
    };
    const uint8_t *head;
    const size_t n = dg_byte_stream_peek(f->in, &head);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (n >= 16 && memcmp(head, known[i].magic, known[i].len) == 0 &&
            memchr(head, '\n', 16) == NULL && memchr(head, ',', 16) == NULL) {
            return dg_fail(err, EINVAL,
                           "%s is %s file, which is not read: convert it to CSV, NDJSON or an Avro "
                           "container (each may be gzip or zstd compressed)",
                           dg_byte_stream_name(f->in), known[i].name);
        }
    }
    return 0;
}

static int open_one(struct file_source *s, struct file *f, struct dg_error *err)
{
    const bool automatic = strcmp(s->options.format, "auto") == 0;
    const struct dg_format_ops *format = automatic ? NULL : format_named(s->options.format);
    if (!automatic && format == NULL) {
        return dg_fail(err, EINVAL, "unknown format \"%s\": use auto, csv, ndjson or avro",
                       s->options.format);
    }
    int code = dg_byte_stream_open(f->path, &f->in, err);
    if (code == 0 && automatic) {
        code = refuse_foreign(f, err);
        format = code == 0 ? detect(f) : NULL;
    }
    if (code != 0) {
        return code;
    }
    return format->open(f->in, &s->options, s->projection, &f->format, err);
}

static void close_source(struct dg_source *self)
{
    struct file_source *const s = (struct file_source *)self;
    for (uint32_t i = 0; i < s->base.n_partitions; i++) {
        struct file *const f = &s->file[i];
        if (f->format != NULL) {
            f->format->ops->close(f->format);
        } else {
            dg_byte_stream_close(f->in);
        }
    }
    free(s->file);
    free(s);
}

static enum dg_poll poll_file(struct dg_source *self, uint32_t partition, int timeout_ms,
                              struct dg_chunk *chunk, struct dg_error *err)
{
    (void)timeout_ms; /* a file always has an answer */
    struct file_source *const s = (struct file_source *)self;
    DG_ASSERT(partition < s->base.n_partitions);
    *chunk = (struct dg_chunk){.partition = partition, .data = chunk->data, .cap = chunk->cap};
    struct dg_format *const format = s->file[partition].format;
    return format->ops->poll(format, chunk, err);
}

static int decode(struct dg_source *self, const struct dg_chunk *chunk, struct dg_batch *batch,
                  struct dg_error *err)
{
    const struct file_source *const s = (const struct file_source *)self;
    DG_ASSERT(chunk->partition < s->base.n_partitions && batch->n == 0);
    const struct dg_format *const format = s->file[chunk->partition].format;
    const int code = format->ops->decode(format, chunk, batch, err);
    if (code == 0 && s->projection->time >= 0) {
        const int64_t *const time = batch->column[s->projection->time].integer;
        for (size_t i = 0; i < batch->n; i++) {
            if (batch->reason[i] == DG_GOOD && time[i] == DG_TIME_NONE) {
                batch->reason[i] = DG_BAD_TIME;
            }
        }
    }
    return code;
}

static const char *partition_name(const struct dg_source *self, uint32_t partition)
{
    const struct file_source *const s = (const struct file_source *)self;
    DG_ASSERT(partition < s->base.n_partitions);
    return dg_byte_stream_name(s->file[partition].in);
}

static void progress(const struct dg_source *self, uint64_t *done, uint64_t *total)
{
    const struct file_source *const s = (const struct file_source *)self;
    bool known = true;
    *done = 0;
    *total = 0;
    for (uint32_t i = 0; i < s->base.n_partitions; i++) {
        const uint64_t size = dg_byte_stream_total(s->file[i].in);
        const uint64_t read = dg_byte_stream_done(s->file[i].in);
        *done += read;
        *total += size;
        known = known && (size > 0 || read == 0);
    }
    *total = known ? *total : 0;
}

static void fields(const struct dg_source *self, uint32_t partition, const char *const **names,
                   size_t *n)
{
    const struct file_source *const s = (const struct file_source *)self;
    DG_ASSERT(partition < s->base.n_partitions);
    const struct dg_format *const format = s->file[partition].format;
    format->ops->fields(format, names, n);
}

static const struct dg_source_ops file_source_ops = {
    .name = "file",
    .poll = poll_file,
    .decode = decode,
    .partition_name = partition_name,
    .progress = progress,
    .fields = fields,
    .close = close_source,
};

int dg_file_source_open(const char *const paths[], size_t n, const struct dg_file_options *options,
                        const struct dg_projection *projection, struct dg_source **out,
                        struct dg_error *err)
{
    if (n == 0 || n > UINT32_MAX) {
        return dg_fail(err, EINVAL, "no input: name at least one file, or - for standard input");
    }
    size_t from_stdin = 0;
    for (size_t i = 0; i < n; i++) {
        from_stdin += strcmp(paths[i], "-") == 0;
    }
    if (from_stdin > 1) {
        return dg_fail(err, EINVAL, "standard input (-) is named %zu times: it can be read once",
                       from_stdin);
    }
    struct file_source *s = calloc(1, sizeof *s);
    struct file *file = calloc(n, sizeof *file);
    if (s == NULL || file == NULL) {
        free(s);
        free(file);
        return dg_fail_memory(err);
    }
    *s = (struct file_source){.base = {.ops = &file_source_ops, .n_partitions = (uint32_t)n},
                              .options = complete(options),
                              .projection = projection,
                              .file = file};
    for (size_t i = 0; i < n; i++) {
        file[i].path = paths[i];
        const int code = open_one(s, &file[i], err);
        if (code != 0) {
            close_source(&s->base);
            return code;
        }
    }
    *out = &s->base;
    return 0;
}
