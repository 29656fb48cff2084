/* engine/timefmt.h -- event times and durations, as text and as microseconds. */
#ifndef DG_ENGINE_TIMEFMT_H
#define DG_ENGINE_TIMEFMT_H

#include "engine/projection.h"

/*
 * Parse text[len] by `format`; false, with *us untouched, if it is not a time or lies outside the
 * years 1 .. 9999 of the proleptic Gregorian calendar, UTC. White space around it is ignored. No
 * locale, no libc, exact integer arithmetic: digits beyond the microsecond are cut, towards the
 * past.
 *
 *   RFC3339    YYYY-MM-DD[(T|t|space)hh:mm[:ss[(.|,)digits]][Z|z|(+|-)hh[[:]mm]| UTC]]
 *              No zone is UTC. A date alone is its midnight.
 *              Leap second: second 60 is accepted in every minute and is the first second of the
 *              next one, as POSIX time has it; so 23:59:60.5 equals 00:00:00.5 of the next day.
 *              24:00 and 24:00:00 are the midnight at the end of the day (ISO 8601); 24:00:01 is
 *              no time.
 *   UNIX_*     [+-]digits[.digits][e[+-]digits] in that unit since 1970-01-01T00:00:00Z
 *   AUTO       either; a number's unit is guessed as below. A bare year or 20261121 is a number.
 * O(len).
 */
bool dg_time_parse(const char *text, size_t len, enum dg_time_format format, int64_t *us);

/*
 * An epoch number by `format`. AUTO guesses the unit by magnitude: below 1e11 s (until the year
 * 5138), below 1e14 ms (from 1973 on), below 1e17 us, else ns. False, with *us untouched, as above,
 * for NaN and infinities, and for RFC3339, which is text. An integer is exact, nanoseconds are cut
 * towards the past. A double is rounded to the nearest microsecond, ties away from zero: cutting
 * would make 12345.678901 s, which no double holds exactly, a microsecond less.
 */
bool dg_time_from_number(double number, enum dg_time_format format, int64_t *us);
bool dg_time_from_integer(int64_t number, enum dg_time_format format, int64_t *us);

#define DG_TIME_TEXT 32
/* "2026-11-21T18:00:00Z", with a fraction only if there is one, without its last zeros. Any value
 * of us; DG_TIME_NONE is "none". Parses back to us within the years 1 .. 9999. Returns buf. */
char *dg_time_format(int64_t us, char buf[DG_TIME_TEXT]);

/* Whole minutes in days, hours, minutes ("5m", "1h30m", "7d"); others in the largest of s, ms, us
 * that divides them ("90s", "1500ms"); "0s"; "-" in front of a negative one. Parses back to us if
 * us >= 0. Returns buf. */
char *dg_duration_format(int64_t us, char buf[DG_TIME_TEXT]);

/* Whole numbers with units w d h m s ms us, larger units first, each once: "1h30m", "7d", "2w",
 * "90s", "250ms". No sign, space or fraction. False, with *us untouched, if it is not one or does
 * not fit. */
bool dg_duration_parse(const char *text, size_t len, int64_t *us);

#endif
