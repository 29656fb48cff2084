/* Goal: a small block that inflates to more than the limit costs one reason and bounded memory.
 * Method: zeros above DG_AVRO_INFLATED_MAX, compressed by each library. */
#include "connectors/avro_codec.h"
#include "tests/check.h"

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#define ZEROS (DG_AVRO_INFLATED_MAX + 1)

static uint8_t *zeros;
static uint8_t *block;
static size_t block_cap;

static void check_bomb(enum dg_avro_codec codec, size_t len)
{
    struct dg_avro_inflaters *p;
    struct dg_bytes out = {0};
    size_t inflated;
    enum dg_reason reason;
    CHECK_INT(dg_avro_inflaters_new(codec, &p), 0);
    CHECK_INT(dg_avro_inflate(p, block, len, &out, &inflated, &reason), 0);
    CHECK_INT(reason, DG_BAD_TOO_LARGE);
    CHECK(out.cap <= DG_AVRO_INFLATED_MAX);
    free(out.data);
    dg_avro_inflaters_free(p);
}

static void deflate_is_stopped_at_the_limit(void)
{
    z_stream z = {
        .next_in = zeros, .avail_in = (uInt)ZEROS, .next_out = block, .avail_out = (uInt)block_cap};
    CHECK_INT(deflateInit2(&z, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    check_bomb(DG_AVRO_DEFLATE, z.total_out);
    deflateEnd(&z);
}

static void zstandard_is_stopped_at_the_limit(void)
{
    const size_t n = ZSTD_compress(block, block_cap, zeros, ZEROS, 1);
    CHECK(!ZSTD_isError(n));
    check_bomb(DG_AVRO_ZSTD, n);
}

/* Its length stands in front: nothing is inflated at all. */
static void snappy_is_refused_by_its_length(void)
{
    static const uint8_t head[] = {0x81, 0x80, 0x80, 0x80, 0x01, 0, 0, 0, 0, 0};
    memcpy(block, head, sizeof head);
    check_bomb(DG_AVRO_SNAPPY, sizeof head);
}

int main(int argc, char **argv)
{
    block_cap = snappy_max_compressed_length(ZEROS);
    zeros = calloc(1, ZEROS);
    block = malloc(block_cap);
    if (zeros == NULL || block == NULL) {
        return 1;
    }
    const int failed =
        CHECK_MAIN(argc, argv, CASE(deflate_is_stopped_at_the_limit),
                   CASE(zstandard_is_stopped_at_the_limit), CASE(snappy_is_refused_by_its_length));
    free(zeros);
    free(block);
    return failed;
}
