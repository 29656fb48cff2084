#include "connectors/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t dg_steady_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t dg_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}
