/* connectors/clock.h -- the two clocks of the machine. Nothing below connectors/ looks at one. */
#ifndef DG_CONNECTORS_CLOCK_H
#define DG_CONNECTORS_CLOCK_H

#include <stdint.h>

/* Microseconds since some moment; never set, never backwards: for waiting and measuring. */
int64_t dg_steady_us(void);
static inline int64_t dg_steady_ms(void)
{
    return dg_steady_us() / 1000;
}
/* Microseconds since 1970-01-01 UTC, as the machine believes. */
int64_t dg_wall_us(void);

#endif
