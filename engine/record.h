/* engine/record.h -- one raw record of a log, as views: what a consumer hands to a decoder. */
#ifndef DG_ENGINE_RECORD_H
#define DG_ENGINE_RECORD_H

#include "engine/projection.h"

#include <stddef.h>

/* One partition of one topic. */
struct dg_topic_partition {
    const char *topic;
    int32_t partition;
};

struct dg_record_header {
    const char *name;
    const uint8_t *value; /* [len]; NULL: null */
    size_t len;
};

/* Views into memory of whoever hands the record out. */
struct dg_record {
    int64_t offset;
    int64_t time_us;    /* the record's own timestamp; DG_TIME_NONE: it has none */
    const uint8_t *key; /* [key_len]; NULL: none */
    size_t key_len;
    const uint8_t *value; /* [value_len]; NULL: a tombstone */
    size_t value_len;
    const struct dg_record_header *header; /* [n_headers] */
    size_t n_headers;
};

#endif
