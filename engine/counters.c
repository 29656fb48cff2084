#include "engine/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNTERS_VERSION 1

static void free_news(struct dg_counters *c)
{
    for (size_t i = 0; i < c->n_news; i++) {
        free(c->news[i].name);
    }
}

void dg_counters_deinit(struct dg_counters *c)
{
    free_news(c);
    free(c->news);
    *c = (struct dg_counters){0};
}

void dg_counters_reset(struct dg_counters *c)
{
    free_news(c);
    *c = (struct dg_counters){.news = c->news};
}

bool dg_counters_empty(const struct dg_counters *c)
{
    uint64_t sum = c->rows + c->duplicates + c->late + c->out_of_order + c->n_news;
    for (size_t i = 0; i < DG_REASONS; i++) {
        sum += c->bad[i];
    }
    return sum == 0;
}

static int field_order(const struct dg_new_field *f, uint64_t hash, const char *name, uint32_t len)
{
    if (f->hash != hash) {
        return f->hash < hash ? -1 : 1;
    }
    const int cmp = memcmp(f->name, name, f->len < len ? f->len : len);
    return cmp != 0 ? cmp : (f->len > len) - (f->len < len);
}

/* Keeps the DG_NEW_FIELDS_MAX names of least hash. A name that was dropped lies above every kept
 * one for good, so the counts of the kept names are exact whatever the order of arrival. */
int dg_counters_new_field(struct dg_counters *c, const char *name, uint32_t len, uint64_t rows)
{
    if (c->news == NULL) {
        c->news = calloc(DG_NEW_FIELDS_MAX, sizeof *c->news);
        if (c->news == NULL) {
            return ENOMEM;
        }
    }
    len = len > DG_KEY_MAX ? DG_KEY_MAX : len;
    const uint64_t hash = dg_hash_key(name, len);
    size_t at = 0;
    int order = 1;
    while (at < c->n_news && (order = field_order(&c->news[at], hash, name, len)) < 0) {
        at++;
    }
    if (at < c->n_news && order == 0) {
        c->news[at].rows += rows;
        return 0;
    }
    if (at == DG_NEW_FIELDS_MAX) {
        c->news_dropped += rows;
        return 0;
    }
    char *copy = malloc((size_t)len + 1);
    if (copy == NULL) {
        return ENOMEM;
    }
    memcpy(copy, name, len);
    copy[len] = '\0';
    if (c->n_news == DG_NEW_FIELDS_MAX) {
        struct dg_new_field *out = &c->news[--c->n_news];
        c->news_dropped += out->rows;
        free(out->name);
    }
    memmove(&c->news[at + 1], &c->news[at], (c->n_news - at) * sizeof *c->news);
    c->news[at] = (struct dg_new_field){hash, copy, len, rows};
    c->n_news++;
    return 0;
}

int dg_counters_merge(struct dg_counters *dst, const struct dg_counters *src)
{
    for (size_t i = 0; i < src->n_news; i++) {
        const struct dg_new_field *f = &src->news[i];
        const int rc = dg_counters_new_field(dst, f->name, f->len, f->rows);
        if (rc != 0) {
            return rc;
        }
    }
    dst->news_dropped += src->news_dropped;
    dst->rows += src->rows;
    dst->duplicates += src->duplicates;
    dst->late += src->late;
    dst->out_of_order += src->out_of_order;
    for (size_t i = 0; i < DG_REASONS; i++) {
        dst->bad[i] += src->bad[i];
    }
    return 0;
}

void dg_counters_encode(const struct dg_counters *c, struct dg_bytes *out)
{
    dg_put_u8(out, COUNTERS_VERSION);
    dg_put_varint(out, c->rows);
    dg_put_varint(out, c->duplicates);
    dg_put_varint(out, c->late);
    dg_put_varint(out, c->out_of_order);
    for (size_t i = 1; i < DG_REASONS; i++) {
        dg_put_varint(out, c->bad[i]);
    }
    dg_put_varint(out, c->news_dropped);
    dg_put_varint(out, c->n_news);
    for (size_t i = 0; i < c->n_news; i++) {
        dg_put_varint(out, c->news[i].len);
        dg_put_raw(out, c->news[i].name, c->news[i].len);
        dg_put_varint(out, c->news[i].rows);
    }
}

int dg_counters_add_encoded(struct dg_counters *c, const uint8_t bytes[], size_t n)
{
    struct dg_reader r = {bytes, bytes + n, false};
    if (dg_get_u8(&r) != COUNTERS_VERSION) {
        return EBADMSG;
    }
    c->rows += dg_get_varint(&r);
    c->duplicates += dg_get_varint(&r);
    c->late += dg_get_varint(&r);
    c->out_of_order += dg_get_varint(&r);
    for (size_t i = 1; i < DG_REASONS; i++) {
        c->bad[i] += dg_get_varint(&r);
    }
    c->news_dropped += dg_get_varint(&r);
    const uint64_t n_news = dg_get_varint(&r);
    for (uint64_t i = 0; i < n_news && !r.failed; i++) {
        const uint64_t len = dg_get_varint(&r);
        const uint8_t *name = len <= DG_KEY_MAX ? dg_get_raw(&r, (size_t)len) : NULL;
        const uint64_t rows = dg_get_varint(&r);
        if (name == NULL || r.failed) {
            return EBADMSG;
        }
        const int rc = dg_counters_new_field(c, (const char *)name, (uint32_t)len, rows);
        if (rc != 0) {
            return rc;
        }
    }
    return r.failed || r.p != r.end ? EBADMSG : 0;
}
