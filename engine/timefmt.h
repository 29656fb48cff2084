/* engine/timefmt.h -- event times and durations, as text and as microseconds. */
#ifndef DG_ENGINE_TIMEFMT_H
#define DG_ENGINE_TIMEFMT_H

#include "engine/projection.h"

/* Parse text[len] by `format`; false if it is not a time, or lies outside the years 1 .. 9999. No
 * locale, no libc, exact integer arithmetic: digits beyond the microsecond are cut. */
bool dg_time_parse(const char *text, size_t len, enum dg_time_format format, int64_t *us);
/* An epoch number by `format` (AUTO guesses the unit by magnitude: below 1e11 s, 1e14 ms, 1e17 us,
 * else ns). */
bool dg_time_from_number(double number, enum dg_time_format format, int64_t *us);
bool dg_time_from_integer(int64_t number, enum dg_time_format format, int64_t *us);

#define DG_TIME_TEXT 32
/* "2026-11-21T18:00:00Z", with a fraction only if there is one. Returns buf. */
char *dg_time_format(int64_t us, char buf[DG_TIME_TEXT]);
/* "5m", "1h30m", "7d"; "90s"; "1500ms" ... the largest whole units. Returns buf. */
char *dg_duration_format(int64_t us, char buf[DG_TIME_TEXT]);
/* "1h30m", "7d", "2w", "90s", "250ms"; units w d h m s ms us. False if it is not one or overflows.
 */
bool dg_duration_parse(const char *text, size_t len, int64_t *us);

#endif
