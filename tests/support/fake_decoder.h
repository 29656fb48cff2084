/* tests/support/fake_decoder.h -- logs made by a test and a decoder that reads them: records whose
 * value holds any number of memory_source.h's rows. */
#ifndef DG_TESTS_FAKE_DECODER_H
#define DG_TESTS_FAKE_DECODER_H

#include "engine/decoder.h"
#include "stats/bytes.h"
#include "tests/support/memory_source.h"

/* The records of one partition. Zeroed = empty, from offset 0. */
struct fake_log {
    struct dg_record
        *record; /* [n] valid until the next add; offsets ascend, with holes if wanted */
    size_t n;
    int64_t next_offset; /* of the record added next: may be raised */
    uint8_t **value;     /* [n] owned */
};
/* Add a record with these instances (0: none) and that timestamp of its own. */
void fake_log_add(struct fake_log *l, const struct memory_row instance[], size_t n,
                  int64_t record_us);
/* A record that is a tombstone: a null value, which the decoder calls malformed. */
void fake_log_add_null(struct fake_log *l, int64_t record_us);
void fake_log_deinit(struct fake_log *l);
/* The index of the first record at `offset` or behind it; n if there is none. */
size_t fake_log_find(const struct fake_log *l, int64_t offset);

struct fake_trouble {
    unsigned stall;     /* of every 100 calls so many end in EAGAIN at some record */
    unsigned stop;      /* ... so many stop before the end, as at a change of schema */
    size_t records_max; /* per call; 0: any */
    uint64_t seed;
};
/* Decodes rows of instances; `trouble` (NULL: none) is borrowed and drawn from. */
struct dg_decoder *fake_decoder_open(struct fake_trouble *trouble);

#endif
