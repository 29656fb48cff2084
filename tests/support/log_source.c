#include "tests/support/log_source.h"

#include <stdlib.h>

struct log_source {
    struct dg_source base;
    const struct fake_log *log;
    struct dg_decoder *decoder;
    size_t *at;
    size_t chunk_records;
};

static enum dg_poll log_poll(struct dg_source *self, uint32_t p, int timeout_ms,
                             struct dg_chunk *chunk, struct dg_error *err)
{
    struct log_source *s = (struct log_source *)self;
    (void)timeout_ms;
    (void)err;
    const size_t left = s->log[p].n - s->at[p];
    if (left == 0) {
        return DG_POLL_END;
    }
    chunk->partition = p;
    chunk->first = s->at[p];
    chunk->records = left < s->chunk_records ? left : s->chunk_records;
    s->at[p] += chunk->records;
    return DG_POLL_DATA;
}

static int log_decode(struct dg_source *self, const struct dg_chunk *chunk, struct dg_batch *batch,
                      struct dg_error *err)
{
    struct log_source *s = (struct log_source *)self;
    const struct dg_topic_partition place = {"log", (int32_t)chunk->partition};
    size_t done = 0;
    const int rc =
        s->decoder->ops->decode(s->decoder, &place, &s->log[chunk->partition].record[chunk->first],
                                (size_t)chunk->records, batch, &done, err);
    DG_ASSERT(rc != 0 || done == chunk->records); /* a decoder without trouble */
    return rc;
}

static const char *log_name(const struct dg_source *self, uint32_t p)
{
    (void)self;
    (void)p;
    return "log";
}

static void log_progress(const struct dg_source *self, uint64_t *done, uint64_t *total)
{
    (void)self;
    *done = *total = 0;
}

static void log_fields(const struct dg_source *self, uint32_t p, const char *const **names,
                       size_t *n)
{
    (void)self;
    (void)p;
    *names = NULL;
    *n = 0;
}

static void log_close(struct dg_source *self)
{
    struct log_source *s = (struct log_source *)self;
    s->decoder->ops->close(s->decoder);
    free(s->at);
    free(s);
}

static const struct dg_source_ops LOG_SOURCE = {
    .name = "log",
    .poll = log_poll,
    .decode = log_decode,
    .partition_name = log_name,
    .progress = log_progress,
    .fields = log_fields,
    .close = log_close,
};

struct dg_source *log_source_open(const struct fake_log log[], uint32_t n, size_t chunk_records)
{
    struct log_source *s = calloc(1, sizeof *s);
    DG_ASSERT(s != NULL && chunk_records > 0);
    s->at = calloc(n + 1, sizeof *s->at);
    DG_ASSERT(s->at != NULL);
    s->base = (struct dg_source){&LOG_SOURCE, n};
    s->log = log;
    s->chunk_records = chunk_records;
    s->decoder = fake_decoder_open(NULL);
    return &s->base;
}
