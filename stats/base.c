#include "stats/base.h"

#include <stdio.h>
#include <stdlib.h>

void dg_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "driftgauge: internal error: %s is false at %s:%d\n", condition, file, line);
    abort();
}
