#include "connectors/kafka_decode.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- chunks: records one after the other, each with its headers, key and value ----------------
 */

enum { NONE = -1 }; /* a length: null */

struct raw {
    int64_t offset, time_us;
    int32_t key_len, value_len; /* or NONE */
    uint32_t n_headers;
};

struct raw_header {
    uint32_t name_size; /* with its NUL */
    int32_t value_len;  /* or NONE */
};

/* The length as stored, and what it occupies. */
static int32_t stored(const void *bytes, size_t len)
{
    return bytes == NULL ? NONE : (int32_t)len;
}

static size_t occupied(int32_t len)
{
    return len == NONE ? 0 : (size_t)len;
}

static int make_room(struct dg_chunk *chunk, size_t bytes)
{
    if (chunk->cap - chunk->len >= bytes) {
        return 0;
    }
    const size_t cap = chunk->len + bytes > 2 * chunk->cap ? chunk->len + bytes : 2 * chunk->cap;
    uint8_t *data = realloc(chunk->data, cap);
    if (data == NULL) {
        return ENOMEM;
    }
    chunk->data = data;
    chunk->cap = cap;
    return 0;
}

static void append(struct dg_chunk *chunk, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(chunk->data + chunk->len, bytes, len);
        chunk->len += len;
    }
}

static size_t headers_size(const rd_kafka_headers_t *headers, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name;
        const void *value;
        size_t len;
        rd_kafka_header_get_all(headers, i, &name, &value, &len);
        size += sizeof(struct raw_header) + strlen(name) + 1 + occupied(stored(value, len));
    }
    return size;
}

static void append_headers(struct dg_chunk *chunk, const rd_kafka_headers_t *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *name;
        const void *value;
        size_t len;
        rd_kafka_header_get_all(headers, i, &name, &value, &len);
        const struct raw_header raw = {(uint32_t)strlen(name) + 1, stored(value, len)};
        append(chunk, &raw, sizeof raw);
        append(chunk, name, raw.name_size);
        append(chunk, value, occupied(raw.value_len));
    }
}

int dg_kafka_chunk_add(struct dg_chunk *chunk, rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_timestamp_type_t type;
    const int64_t ms = rd_kafka_message_timestamp(message, &type);
    const bool timed = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= INT64_MIN / 1000 &&
                       ms <= INT64_MAX / 1000;
    const bool headed = rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR;
    const struct raw raw = {
        .offset = message->offset,
        .time_us = timed ? ms * 1000 : DG_TIME_NONE,
        .key_len = stored(message->key, message->key_len),
        .value_len = stored(message->payload, message->len),
        .n_headers = headed ? (uint32_t)rd_kafka_header_cnt(headers) : 0,
    };
    const size_t size = sizeof raw + headers_size(headers, raw.n_headers) + occupied(raw.key_len) +
                        occupied(raw.value_len);
    if (make_room(chunk, size) != 0) {
        return ENOMEM;
    }
    append(chunk, &raw, sizeof raw);
    append_headers(chunk, headers, raw.n_headers);
    append(chunk, message->key, occupied(raw.key_len));
    append(chunk, message->payload, occupied(raw.value_len));
    if (chunk->records++ == 0) {
        chunk->first = (uint64_t)raw.offset;
    }
    return 0;
}

/* ---- decoders ---------------------------------------------------------------------------------
 */

/* What decoding into one batch needs. Kept for that batch: its texts may be views of the batches
 * beside, which are safe until it is decoded into again. */
struct desk {
    struct desk *next;
    const struct dg_batch *batch;
    struct dg_decoder *decoder;
    struct dg_record *record;
    size_t record_cap;
    struct dg_record_header *header;
    size_t header_cap;
    struct dg_batch **beside; /* [n_beside] */
    size_t n_beside;
};

struct dg_kafka_decoders {
    const struct dg_record_format *format;
    const struct dg_projection *projection;
    struct dg_registry *registry;
    pthread_mutex_t lock; /* of the list, not of the desks */
    struct desk *desk;
};

static int add_desk(struct dg_kafka_decoders *d, struct desk **out, struct dg_error *err)
{
    struct desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL) {
        return dg_fail_memory(err);
    }
    const int rc =
        dg_record_decoder_open(d->format, d->projection, d->registry, &desk->decoder, err);
    if (rc != 0) {
        free(desk);
        return rc;
    }
    pthread_mutex_lock(&d->lock);
    desk->next = d->desk;
    d->desk = desk;
    pthread_mutex_unlock(&d->lock);
    *out = desk;
    return 0;
}

int dg_kafka_decoders_open(const struct dg_record_format *format,
                           const struct dg_projection *projection, struct dg_registry *registry,
                           struct dg_kafka_decoders **out, struct dg_error *err)
{
    struct dg_kafka_decoders *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return dg_fail_memory(err);
    }
    d->format = format;
    d->projection = projection;
    d->registry = registry;
    pthread_mutex_init(&d->lock, NULL);
    struct desk *first = NULL;
    const int rc = add_desk(d, &first, err);
    if (rc != 0) {
        dg_kafka_decoders_close(d);
        return rc;
    }
    *out = d;
    return 0;
}

void dg_kafka_decoders_close(struct dg_kafka_decoders *d)
{
    if (d == NULL) {
        return;
    }
    while (d->desk != NULL) {
        struct desk *desk = d->desk;
        d->desk = desk->next;
        desk->decoder->ops->close(desk->decoder);
        for (size_t i = 0; i < desk->n_beside; i++) {
            dg_batch_deinit(desk->beside[i]);
            free(desk->beside[i]);
        }
        free(desk->beside);
        free(desk->record);
        free(desk->header);
        free(desk);
    }
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* The desk of this batch, the first one that no batch has had yet, or a new one. */
static int find_desk(struct dg_kafka_decoders *d, const struct dg_batch *batch, struct desk **out,
                     struct dg_error *err)
{
    pthread_mutex_lock(&d->lock);
    struct desk *found = NULL;
    for (struct desk *desk = d->desk; desk != NULL && (found == NULL || found->batch != batch);
         desk = desk->next) {
        if (desk->batch == batch || desk->batch == NULL) {
            found = desk;
        }
    }
    if (found != NULL) {
        found->batch = batch;
    }
    pthread_mutex_unlock(&d->lock);
    if (found == NULL) {
        const int rc = add_desk(d, &found, err);
        if (rc != 0) {
            return rc;
        }
        found->batch = batch;
    }
    *out = found;
    return 0;
}

static const uint8_t *view(const uint8_t **at, int32_t len)
{
    const uint8_t *bytes = *at;
    *at += occupied(len);
    return len == NONE ? NULL : bytes;
}

static int count_header(struct desk *desk, size_t n)
{
    if (n < desk->header_cap) {
        return 0;
    }
    const size_t cap = 2 * n + 16;
    struct dg_record_header *more = realloc(desk->header, cap * sizeof *more);
    if (more == NULL) {
        return ENOMEM;
    }
    desk->header = more;
    desk->header_cap = cap;
    return 0;
}

/* The chunk's records as views of its bytes. */
static int unpack(struct desk *desk, const struct dg_chunk *chunk)
{
    if (chunk->records > desk->record_cap) {
        struct dg_record *more = realloc(desk->record, chunk->records * sizeof *more);
        if (more == NULL) {
            return ENOMEM;
        }
        desk->record = more;
        desk->record_cap = chunk->records;
    }
    const uint8_t *at = chunk->data;
    size_t headers = 0;
    for (uint64_t i = 0; i < chunk->records; i++) {
        struct raw raw;
        memcpy(&raw, at, sizeof raw);
        at += sizeof raw;
        for (uint32_t h = 0; h < raw.n_headers; h++) {
            struct raw_header one;
            memcpy(&one, at, sizeof one);
            at += sizeof one;
            if (count_header(desk, headers) != 0) {
                return ENOMEM;
            }
            struct dg_record_header *header = &desk->header[headers++];
            header->name = (const char *)view(&at, (int32_t)one.name_size);
            header->value = view(&at, one.value_len);
            header->len = occupied(one.value_len);
        }
        struct dg_record *record = &desk->record[i];
        *record = (struct dg_record){.offset = raw.offset,
                                     .time_us = raw.time_us,
                                     .key_len = occupied(raw.key_len),
                                     .value_len = occupied(raw.value_len),
                                     .n_headers = raw.n_headers};
        record->key = view(&at, raw.key_len);
        record->value = view(&at, raw.value_len);
    }
    DG_ASSERT(at == chunk->data + chunk->len);
    headers = 0;
    for (uint64_t i = 0; i < chunk->records; i++) { /* the array stays where it is now */
        desk->record[i].header = desk->record[i].n_headers > 0 ? &desk->header[headers] : NULL;
        headers += desk->record[i].n_headers;
    }
    return 0;
}

/* Bit of `to` for each of the names of `from`. */
static void join_news(struct dg_news *to, const struct dg_news *from, uint64_t bit[DG_NEWS_MAX])
{
    for (size_t i = 0; i < from->n; i++) {
        size_t j = 0;
        while (j < to->n && (to->len[j] != from->len[i] ||
                             memcmp(to->name[j], from->name[i], to->len[j]) != 0)) {
            j++;
        }
        if (j == to->n && j < DG_NEWS_MAX) {
            to->name[j] = from->name[i];
            to->len[j] = from->len[i];
            to->n++;
        }
        bit[i] = UINT64_C(1) << j; /* bit 63: more than could be named */
    }
}

static int add_rows(struct dg_batch *to, const struct dg_batch *from)
{
    uint64_t bit[DG_NEWS_MAX];
    if (from->n == 0) {
        return 0;
    }
    if (dg_batch_reserve(to, to->n + from->n) != 0) {
        return ENOMEM;
    }
    join_news(&to->news_names, &from->news_names, bit);
    for (size_t c = 0; c < from->n_columns; c++) {
        switch (from->projection->field[c].type) {
        case DG_FIELD_NUMERIC:
            memcpy(to->column[c].number + to->n, from->column[c].number, from->n * sizeof(double));
            break;
        case DG_FIELD_TEXT:
            memcpy(to->column[c].text + to->n, from->column[c].text,
                   from->n * sizeof(struct dg_text));
            break;
        case DG_FIELD_TIME:
        case DG_FIELD_INTEGER:
            memcpy(to->column[c].integer + to->n, from->column[c].integer,
                   from->n * sizeof(int64_t));
            break;
        }
    }
    memcpy(to->reason + to->n, from->reason, from->n * sizeof *to->reason);
    memcpy(to->place + to->n, from->place, from->n * sizeof *to->place);
    memcpy(to->record_us + to->n, from->record_us, from->n * sizeof *to->record_us);
    for (size_t i = 0; i < from->n; i++) {
        uint64_t mask = from->news[i] & (UINT64_C(1) << DG_NEWS_MAX);
        for (size_t b = 0; b < from->news_names.n; b++) {
            mask |= (from->news[i] >> b & 1) != 0 ? bit[b] : 0;
        }
        to->news[to->n + i] = mask;
    }
    to->timed = to->timed || from->timed;
    to->n += from->n;
    return 0;
}

/* The i-th batch beside the desk's, empty. */
static struct dg_batch *batch_beside(struct desk *desk, size_t i,
                                     const struct dg_projection *projection)
{
    if (i == desk->n_beside) {
        struct dg_batch **more = realloc(desk->beside, (i + 1) * sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        desk->beside = more;
        more[i] = malloc(sizeof **more);
        if (more[i] == NULL || dg_batch_init(more[i], projection, NULL) != 0) {
            free(more[i]);
            return NULL;
        }
        desk->n_beside++;
    }
    dg_batch_clear(desk->beside[i]);
    return desk->beside[i];
}

int dg_kafka_decode(struct dg_kafka_decoders *d, const struct dg_topic_partition *place,
                    const struct dg_chunk *chunk, struct dg_batch *batch, struct dg_error *err)
{
    enum { NAP_MS = 100, NAPS = 600 };
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    struct desk *desk = NULL;
    int rc = find_desk(d, batch, &desk, err);
    if (rc != 0) {
        return rc;
    }
    if (unpack(desk, chunk) != 0) {
        return dg_fail_memory(err);
    }
    size_t at = 0, beside = 0, naps = 0;
    struct dg_batch *into = batch;
    while (at < chunk->records) {
        size_t done = 0;
        rc = desk->decoder->ops->decode(desk->decoder, place, desk->record + at,
                                        chunk->records - at, into, &done, err);
        if (rc != 0 && rc != EAGAIN) {
            return rc;
        }
        if (into != batch && add_rows(batch, into) != 0) {
            return dg_fail_memory(err);
        }
        at += done;
        naps = done > 0 ? 0 : naps;
        if (rc == EAGAIN) {
            if (naps++ == NAPS) {
                return ETIMEDOUT; /* err says what could not be asked */
            }
            nanosleep(&nap, NULL);
        }
        if (done == 0) {
            dg_batch_clear(into); /* it has no rows: try again */
        } else if (at < chunk->records) {
            into = batch_beside(desk, beside++, d->projection);
            if (into == NULL) {
                return dg_fail_memory(err);
            }
        }
    }
    return 0;
}
