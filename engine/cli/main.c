#include "connectors/clock.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/log.h"

#include <errno.h>
#include <gsl/gsl_errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

/* What could not be written is a failure, also when only the last flush finds out. */
static int finish_output(int code)
{
    const bool failed = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed) {
        return code;
    }
    fprintf(stderr, "driftgauge: cannot write standard output: %s\n", strerror(errno));
    return code == DG_EXIT_OK ? DG_EXIT_UNEXPECTED : code;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* widths of characters; numbers stay as in C */
    gsl_set_error_handler_off();
    dg_log_set_clock(dg_wall_us);
    return finish_output(dg_dispatch(argc, argv));
}
