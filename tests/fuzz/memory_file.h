/* tests/fuzz/memory_file.h -- a file that is only in memory, for readers that want a path. */
#ifndef DG_TESTS_FUZZ_MEMORY_FILE_H
#define DG_TESTS_FUZZ_MEMORY_FILE_H

#include "connectors/text_chunks.h"
#include "tests/input_text.h"

#include <sys/mman.h>

/* As input_read_file. To be freed. */
static inline char *memory_file_read(const void *bytes, size_t n, const char *columns,
                                     const struct dg_file_options *options)
{
    char path[64];
    const int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    char *const text = input_read_file(path, columns, options);
    close(fd);
    return text;
}

#endif
