/* engine/batch.h -- decoded rows as columns: the only form in which data reaches the engine. */
#ifndef DG_ENGINE_BATCH_H
#define DG_ENGINE_BATCH_H

#include "engine/projection.h"
#include "stats/category.h"
#include "stats/triage.h"

/* Why a record could not become a row. Each has a counter of its own; names in dg_reason_name. */
enum dg_reason {
    DG_GOOD,
    DG_BAD_MALFORMED, /* not a record of the format: broken quoting, syntax error, wrong field count
                       */
    DG_BAD_TRUNCATED, /* the input ends inside the record or block */
    DG_BAD_CODEC,     /* decompression or checksum failure of a block or file */
    DG_BAD_SCHEMA,    /* unknown or unusable schema */
    DG_BAD_UTF8,      /* text that is not UTF-8 in a planned field or anywhere in JSON */
    DG_BAD_TOO_LARGE, /* record or field above the limit */
    DG_BAD_BINARY,    /* NUL bytes: not a text file */
    DG_BAD_TIME,      /* no event time, or one that cannot be read */
    DG_BAD_FUTURE,    /* event time too far ahead */
    DG_REASONS
};

/* "good", "malformed", "truncated", "codec", "schema", "utf8", "too_large", "binary", "time",
 * "future". Static. Asserts that reason < DG_REASONS. */
const char *dg_reason_name(enum dg_reason reason);

#define DG_NEWS_MAX 63

/* Fields that the input has and the projection does not, by name, of one chunk. Bit i of
 * batch.news[row] = the row has field i; bit 63 = it has more than could be named. */
struct dg_news {
    size_t n;                      /* <= DG_NEWS_MAX */
    const char *name[DG_NEWS_MAX]; /* [n], live as long as the batch's chunk or its decoder */
    uint32_t len[DG_NEWS_MAX];
};

union dg_column {
    double *number;       /* DG_FIELD_NUMERIC */
    struct dg_text *text; /* DG_FIELD_TEXT */
    int64_t *integer;     /* DG_FIELD_TIME, DG_FIELD_INTEGER; DG_TIME_NONE = none */
};

/*
 * Struct of arrays; row i is the i-th record of the chunk, good or bad, so that place and count are
 * never lost: where reason[i] != DG_GOOD the row's columns are unspecified. Texts are views into
 * the chunk's bytes or into `scratch`. Reused from chunk to chunk: memory grows to the largest
 * chunk and stays.
 */
struct dg_batch {
    const struct dg_projection *projection; /* borrowed: the types of the columns */
    size_t n;
    size_t cap;
    size_t n_columns;
    union dg_column *column; /* [n_columns] of [cap], as the projection's fields */
    uint8_t *reason;         /* [cap] enum dg_reason */
    uint64_t
        *place; /* [cap] line number (text), record number (Avro), offset (Kafka): for messages */
    uint64_t *news;     /* [cap] bit mask over news_names; see struct dg_news */
    bool timed;         /* record_us says something */
    int64_t *record_us; /* [cap] the record's own timestamp, where its source gives one */
    struct dg_news news_names;
    struct dg_bytes
        scratch; /* decoder's arena for unescaped text; NEVER reallocated while views point into
                    it: decoders reserve it per chunk before writing (dg_bytes.cap >= chunk len) */
};

/* An empty batch for rows of `projection`, which it borrows. Returns 0 or ENOMEM; on failure b is
 * safe to deinit. */
DG_MUST_CHECK int dg_batch_init(struct dg_batch *b, const struct dg_projection *projection,
                                struct dg_error *err);
void dg_batch_deinit(struct dg_batch *b); /* a zeroed struct is fine; b is zeroed afterwards */
/* n = 0, no news, scratch empty. Keeps the memory. O(1). */
void dg_batch_clear(struct dg_batch *b);
/* Room for `rows` rows in all: cap >= rows, those there are kept. Grows by doubling at least, so
 * that one call per row costs nothing in the long run. Returns 0, or ENOMEM with b as it was. */
DG_MUST_CHECK int dg_batch_reserve(struct dg_batch *b, size_t rows);
/* Append a row that is not one: reason != DG_GOOD, no news. Returns 0 or ENOMEM. */
DG_MUST_CHECK int dg_batch_add_bad(struct dg_batch *b, enum dg_reason reason, uint64_t place);
/* Column c of row `row` is missing there: DG_ABSENT, or DG_TIME_NONE. */
static inline void dg_batch_set_absent(struct dg_batch *b, size_t c, size_t row)
{
    switch (b->projection->field[c].type) {
    case DG_FIELD_NUMERIC:
        b->column[c].number[row] = dg_box(DG_ABSENT);
        break;
    case DG_FIELD_TEXT:
        b->column[c].text[row] = (struct dg_text){.bytes = "", .len = 0, .triage = DG_ABSENT};
        break;
    case DG_FIELD_TIME:
    case DG_FIELD_INTEGER:
        b->column[c].integer[row] = DG_TIME_NONE;
        break;
    }
}
/* Room for `bytes` more in scratch. While views point into it (scratch.len > 0) it cannot move, so
 * a decoder asks for all that a chunk can need (the chunk's length, say) before its first view.
 * Returns 0 or ENOMEM. */
DG_MUST_CHECK int dg_batch_scratch(struct dg_batch *b, size_t bytes);

#endif
