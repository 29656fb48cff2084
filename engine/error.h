/* engine/error.h -- the words of an operating error, on the caller's stack. */
#ifndef DG_ENGINE_ERROR_H
#define DG_ENGINE_ERROR_H

#include "stats/base.h"

/* Every fallible function of engine/ and connectors/ returns 0 or a positive errno code and, if
 * `err` is not NULL, leaves one sentence that names the thing, the place and what to do. */
struct dg_error {
    char message[1024];
};

/* Set the sentence (printf style) and return `code`. */
int dg_fail(struct dg_error *err, int code, const char *format, ...) DG_PRINTF(3, 4);
/* "out of memory" with ENOMEM. */
int dg_fail_memory(struct dg_error *err);

#endif
