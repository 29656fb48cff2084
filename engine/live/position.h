/* engine/live/position.h -- how far one stream has been counted in one partition. */
#ifndef DG_ENGINE_LIVE_POSITION_H
#define DG_ENGINE_LIVE_POSITION_H

#include "engine/record.h"

#include <stdbool.h>

#define DG_OFFSET_NONE INT64_C(-1) /* no position yet: the start policy decides */

/* Event time of a partition, as far as it was counted. */
struct dg_partition_clock {
    int64_t first_us; /* least event time; DG_TIME_NONE before any */
    int64_t max_us;   /* newest confirmed event time; DG_TIME_NONE before any */
};

/* Memory behind state: whoever hands the position out. */
struct dg_position {
    int32_t stream;
    struct dg_topic_partition place;
    int64_t epoch;       /* of the partition's owner */
    int64_t seq;         /* commits of this position so far */
    int64_t next_offset; /* everything before it is counted; DG_OFFSET_NONE: nothing yet */
    int64_t warm_offset; /* ids of panes that are still open stand in records from here on;
                            <= next_offset */
    uint64_t tail;       /* fingerprint of the last counted record; 0: none */
    struct dg_partition_clock clock;
    bool appeared;        /* it was not there when the stream began with the topic; acquire tells */
    bool idle;            /* the broker confirmed that there is nothing behind next_offset */
    const uint8_t *state; /* [state_len] dg_admission_save; len 0: fresh */
    size_t state_len;
};

#endif
