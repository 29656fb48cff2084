/* Any bytes as a CSV file: no crash, and the same rows whatever the size of the chunks. The first
 * two bytes choose the record limit and the chunk. */
#include "tests/fuzz/memory_file.h"

#define COLUMNS "n:a t:b T:t i:i n:/c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) {
        return 0;
    }
    struct dg_file_options options = {
        .format = "csv", .record_bytes = data[0] % 4 == 0 ? 0 : data[0], .chunk_bytes = 1 << 16};
    char *const whole = memory_file_read(data + 2, n - 2, COLUMNS, &options);
    options.chunk_bytes = data[1] % 64 + 1u;
    char *const pieces = memory_file_read(data + 2, n - 2, COLUMNS, &options);
    if (strcmp(whole, pieces) != 0 || check_failures != 0) {
        fprintf(stderr, "in one chunk:\n%s\nin chunks of %zu:\n%s\n", whole, options.chunk_bytes,
                pieces);
        abort();
    }
    free(whole);
    free(pieces);
    return 0;
}
