/* connectors/csv_plan.h -- the header of a CSV file, and what is wanted of each of its fields. */
#ifndef DG_CONNECTORS_CSV_PLAN_H
#define DG_CONNECTORS_CSV_PLAN_H

#include "connectors/format.h"

#include <string.h>

/* One field of the file into one column of the batch. */
struct dg_csv_step {
    uint32_t column;
    enum dg_field_type type;
    enum dg_time_format time_format;
    int32_t next; /* the next step of the same field, or -1 */
};

struct dg_csv_plan {
    const struct dg_projection *projection;
    char delimiter;
    size_t n_fields;
    const char **name;        /* [n_fields] into `names` */
    char *names;              /* the unquoted header, one C string after the other */
    int32_t *first;           /* [n_fields] step, or -1: not wanted */
    struct dg_csv_step *step; /* [projection->n] */
    bool *missing;            /* [projection->n] the file has no such column */
    struct dg_news news;      /* columns that are neither wanted nor ignored */
    uint64_t news_mask;
    const char *const *null_word;
    size_t n_null_words;
    bool null_first[256]; /* some null word begins with this byte */
};

/* From the header row header[0 .. len - 1]. EINVAL with a sentence if it cannot be one; ENOMEM. On
 * failure plan is safe to deinit. */
DG_MUST_CHECK int dg_csv_plan_init(struct dg_csv_plan *plan, const char *file, char delimiter,
                                   const uint8_t header[], size_t len,
                                   const struct dg_file_options *options,
                                   const struct dg_projection *projection, struct dg_error *err);
void dg_csv_plan_deinit(struct dg_csv_plan *plan);

/* DG_ABSENT or DG_TIME_NONE in all columns that the file lacks, rows from .. n - 1. */
void dg_csv_fill_absent(const struct dg_csv_plan *plan, struct dg_batch *b, size_t from);

/* Whether p[len], len > 0, is a null word. */
static inline bool dg_csv_is_null(const struct dg_csv_plan *plan, const char *p, size_t len)
{
    if (!plan->null_first[(unsigned char)p[0]]) {
        return false;
    }
    for (size_t i = 0; i < plan->n_null_words; i++) {
        const char *const word = plan->null_word[i];
        if (strlen(word) == len && memcmp(word, p, len) == 0) {
            return true;
        }
    }
    return false;
}

#endif
