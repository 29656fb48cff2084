#include "connectors/output.h"

#include <errno.h>
#include <string.h>

int dg_output_check(const struct dg_output *output, struct dg_error *err)
{
    const bool failed = ferror(output->stream) != 0;
    const int code = errno;
    if (!failed) {
        return 0;
    }
    return dg_fail(err, code != 0 ? code : EIO, "cannot write %s: %s; is the disk full?",
                   output->name, strerror(code != 0 ? code : EIO));
}
