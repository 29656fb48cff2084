/* Any bytes as an NDJSON file: no crash, and each line is accepted and has the values that jansson
 * says. The first byte chooses the chunk. */
#include "tests/fuzz/memory_file.h"
#include "tests/json_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char start[] = "{}\n"; /* so that the file is neither a document nor binary */
    static char content[1 << 16];
    if (n < 1 || n > sizeof content / 2) {
        return 0;
    }
    memcpy(content, start, 3);
    memcpy(content + 3, data + 1, n - 1);
    const size_t len = n + 2;
    if (dg_text_is_binary((const uint8_t *)content, len < 4096 ? len : 4096)) {
        return 0;
    }
    input_flat = true;
    const struct dg_file_options options = {.format = "ndjson", .chunk_bytes = data[0] + 1u};
    char *const text = memory_file_read(content, len, ORACLE_COLUMNS, &options);
    if (!oracle_agrees_on_all(content, len, text) || check_failures != 0) {
        abort();
    }
    free(text);
    return 0;
}
