/* tests/record_text.h -- what a record decoder makes of some records, as one text: a line per row
 * as in input_text.h, "--" where one batch ends and the next begins. */
#ifndef DG_TESTS_RECORD_TEXT_H
#define DG_TESTS_RECORD_TEXT_H

#include "connectors/record_decoder.h"
#include "tests/input_text.h"

#include <errno.h>

#define RECORDS_MAX 300

/* Records of one partition; offsets 100, 101, ...; times offset * 1 s. */
struct records {
    struct dg_record at[RECORDS_MAX];
    size_t n;
};

static inline struct dg_record *record_add(struct records *r, const void *value, size_t len)
{
    struct dg_record *const record = &r->at[r->n];
    *record = (struct dg_record){.offset = 100 + (int64_t)r->n,
                                 .time_us = (100 + (int64_t)r->n) * 1000000,
                                 .value = value,
                                 .value_len = len};
    r->n++;
    return record;
}

static inline struct dg_record *record_text(struct records *r, const char *value)
{
    return record_add(r, value, value == NULL ? 0 : strlen(value));
}

/* As columns of input_text.h; an "=PATH" behind them is the id. */
static inline void record_project(struct input_projection *ip, const char *columns)
{
    input_project(ip, columns);
    for (size_t i = 0; i < ip->p.n; i++) {
        char *const id = strchr(ip->field[i].path, '=');
        if (id != NULL) {
            *id = '\0';
            ip->p.id = (int)i;
        }
    }
}

/* Values must not be read behind their end: each is copied to memory of its own length. */
static inline void record_tighten(struct records *r, uint8_t *copy[RECORDS_MAX])
{
    for (size_t i = 0; i < r->n; i++) {
        copy[i] = NULL;
        if (r->at[i].value != NULL) {
            copy[i] = malloc(r->at[i].value_len + (r->at[i].value_len == 0));
            memcpy(copy[i], r->at[i].value, r->at[i].value_len);
            r->at[i].value = copy[i];
        }
    }
}

static inline char *record_decode(struct dg_decoder *d, const struct dg_projection *p,
                                  struct records *r)
{
    static const struct dg_topic_partition place = {.topic = "bids", .partition = 3};
    char *text = NULL;
    size_t len = 0, at = 0;
    struct dg_batch batch;
    struct dg_error err = {0};
    uint8_t *copy[RECORDS_MAX];
    FILE *const out = open_memstream(&text, &len);
    CHECK_INT(dg_batch_init(&batch, p, &err), 0);
    record_tighten(r, copy);
    while (at < r->n) {
        size_t done = 0;
        dg_batch_clear(&batch);
        const int rc = d->ops->decode(d, &place, r->at + at, r->n - at, &batch, &done, &err);
        fputs(at > 0 ? "--\n" : "", out);
        for (size_t row = 0; row < batch.n; row++) {
            CHECK_INT(batch.record_us[row], (int64_t)batch.place[row] * 1000000);
            input_put_row(out, &batch, row);
        }
        CHECK(batch.timed);
        if (rc != 0) {
            fprintf(out, "%s: %s\n", rc == EAGAIN ? "LATER" : "FAILED", err.message);
            break;
        }
        CHECK(done > 0);
        at += done;
    }
    dg_batch_deinit(&batch);
    fclose(out);
    for (size_t i = 0; i < r->n; i++) {
        free(copy[i]);
    }
    return text;
}

/* With a decoder of its own. */
static inline char *records_read(const struct dg_source_spec *spec, const char *schema_path,
                                 struct dg_registry *registry, const char *columns,
                                 struct records *r, uint64_t *tombstones)
{
    struct input_projection ip;
    struct dg_decoder *d = NULL;
    struct dg_error err = {0};
    const struct dg_record_format format = {.spec = spec, .schema_path = schema_path};
    record_project(&ip, columns);
    if (dg_record_decoder_open(&format, &ip.p, registry, &d, &err) != 0) {
        char *text = NULL;
        return asprintf(&text, "CANNOT: %s", err.message) < 0 ? NULL : text;
    }
    char *const text = record_decode(d, &ip.p, r);
    if (tombstones != NULL) {
        *tombstones = d->tombstones;
    }
    d->ops->close(d);
    return text;
}

static inline void records_check(const char *file, int line, const struct dg_source_spec *spec,
                                 const char *schema_path, const char *columns, struct records *r,
                                 const char *want)
{
    char *const got = records_read(spec, schema_path, NULL, columns, r, NULL);
    if (got == NULL || strcmp(got, want) != 0) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s: got\n%s\nwant\n%s\n", file, line, columns, got, want);
    }
    free(got);
}

/* One JSON record. */
#define CHECK_JSON(spec, columns, json, want)                                                      \
    do {                                                                                           \
        struct records check_r = {0};                                                              \
        record_text(&check_r, json);                                                               \
        records_check(__FILE__, __LINE__, spec, NULL, columns, &check_r, want);                    \
    } while (0)

#endif
