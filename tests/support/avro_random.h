/* tests/support/avro_random.h -- random Avro schemas, data and field paths from check_random(). */
#ifndef DG_TESTS_SUPPORT_AVRO_RANDOM_H
#define DG_TESTS_SUPPORT_AVRO_RANDOM_H

#include "connectors/avro_schema.h"
#include "tests/support/avro_writer.h"

/* Numbers from the caller's generator: check_random of its own translation unit. */
struct random {
    uint64_t (*next)(void);
};
uint64_t random_below(const struct random *r, uint64_t n);

/* JSON of a record schema with every kind of type, some of them recursive; NUL-terminated in b. */
void random_schema(const struct random *r, struct ocf_bytes *b);
/* One datum of the type, appended to b; short. */
void random_datum(const struct random *r, const struct dg_avro_type *t, struct ocf_bytes *b,
                  int depth);
/* A path that often leads somewhere; NUL-terminated. */
void random_path(const struct random *r, const struct dg_avro_type *t, char path[256]);

#endif
