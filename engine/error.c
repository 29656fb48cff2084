#include "engine/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int dg_fail(struct dg_error *err, int code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return code;
}

int dg_fail_memory(struct dg_error *err)
{
    return dg_fail(err, ENOMEM, "out of memory");
}
