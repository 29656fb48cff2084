/* Goal: times and durations are read and written exactly, over all years 1 .. 9999.
 * Method: a naive calendar that counts one day after the other, timegm of the C library for random
 * seconds, tables for the rules (leap second, 24:00, zones, guessed units), and round trips. */
#include "engine/timefmt.h"
#include "tests/check.h"

#include <time.h>

#define US_PER_DAY INT64_C(86400000000)

static int64_t parse(const char *text, enum dg_time_format format)
{
    int64_t us = DG_TIME_NONE;
    return dg_time_parse(text, strlen(text), format, &us) ? us : DG_TIME_NONE;
}

static void every_day_of_a_naive_calendar(void)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day_us = INT64_C(-719162) * US_PER_DAY;
    char text[80];
    char buf[DG_TIME_TEXT];
    for (int year = 1; year <= 9999; year++) {
        const int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 1; month <= 12; month++) {
            const int days = lengths[month - 1] + (month == 2 ? leap : 0);
            for (int day = 1; day <= days; day++) {
                snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", year, month, day);
                if (parse(text, DG_TIME_AUTO) != day_us ||
                    strcmp(dg_time_format(day_us, buf), text) != 0) {
                    check_failures++;
                    fprintf(stderr, "%s: wrong\n", text);
                    return;
                }
                day_us += US_PER_DAY;
            }
            snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, days + 1);
            CHECK(parse(text, DG_TIME_AUTO) == DG_TIME_NONE);
        }
    }
    CHECK_INT(day_us, INT64_C(2932897) * US_PER_DAY);
}

static void random_seconds_as_timegm_has_them(void)
{
    char text[64];
    for (int i = 0; i < 200000; i++) {
        struct tm tm = {.tm_year = (int)(check_random() % 9997) + 2 - 1900,
                        .tm_mon = (int)(check_random() % 12),
                        .tm_mday = (int)(check_random() % 28) + 1,
                        .tm_hour = (int)(check_random() % 24),
                        .tm_min = (int)(check_random() % 60),
                        .tm_sec = (int)(check_random() % 60)};
        const int offset = (int)(check_random() % 1559) - 779; /* minutes, +-12:59 */
        const int magnitude = abs(offset);
        const int micros = (int)(check_random() % 1000000);
        snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%06d%c%02d:%02d",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 micros, offset < 0 ? '-' : '+', magnitude / 60, magnitude % 60);
        const int64_t want = ((int64_t)timegm(&tm) - offset * 60) * 1000000 + micros;
        if (parse(text, DG_TIME_RFC3339) != want) {
            check_failures++;
            fprintf(stderr, "%s: wrong\n", text);
            return;
        }
        char buf[DG_TIME_TEXT];
        CHECK_INT(parse(dg_time_format(want, buf), DG_TIME_AUTO), want);
    }
}

static void forms_of_a_calendar_time(void)
{
    static const char *const same[] = {"2026-11-21T18:00:00Z",
                                       "2026-11-21 18:00:00",
                                       "2026-11-21t18:00:00z",
                                       "2026-11-21T18:00Z",
                                       "2026-11-21T18:00",
                                       "2026-11-21T19:00:00+01:00",
                                       "2026-11-21T19:00:00+0100",
                                       "2026-11-21T19:00:00+01",
                                       "2026-11-21T12:30:00-05:30",
                                       "2026-11-21 18:00:00 UTC",
                                       "2026-11-21T18:00:00.000Z",
                                       "2026-11-21T18:00:00,0",
                                       " 2026-11-21T18:00:00Z\t",
                                       "2026-11-21T18:00:00.0000009Z",
                                       "2026-11-21T17:59:60Z",
                                       "1795284000",
                                       "1795284000000",
                                       "1795284000000000",
                                       "1795284000000000000",
                                       "1795284000.0000009",
                                       "1.795284e9",
                                       "+1795284000"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        CHECK_INT(parse(same[i], DG_TIME_AUTO), INT64_C(1795284000000000));
    }
}

static void what_is_no_time(void)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "today",
                                      "2026",
                                      "x2026-01-01",
                                      "2026-1-1",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-02-29",
                                      "2026-04-31",
                                      "0000-01-01",
                                      "2026-01-01T",
                                      "2026-01-01T25:00:00Z",
                                      "2026-01-01T24:00:01Z",
                                      "2026-01-01T24:01",
                                      "2026-01-01T12:60:00Z",
                                      "2026-01-01T12:00:61Z",
                                      "2026-01-01T12",
                                      "2026-01-01T12:00:00.Z",
                                      "2026-01-01T12:00:00+",
                                      "2026-01-01T12:00:00+24:00",
                                      "2026-01-01T12:00:00+01:60",
                                      "2026-01-01T12:00:00Zx",
                                      "2026-01-01T12:00:00 CET",
                                      "2026/01/01",
                                      "0001-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "9999-12-31T23:59:60",
                                      "1e",
                                      "1e+",
                                      ".",
                                      "-",
                                      "nan",
                                      "inf",
                                      "1e30",
                                      "0x10",
                                      "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (strcmp(bad[i], "2026") == 0) {
            continue; /* 2026 seconds after the epoch: a number */
        }
        const int64_t got = parse(bad[i], DG_TIME_AUTO);
        if (got != DG_TIME_NONE) {
            check_failures++;
            fprintf(stderr, "\"%s\" is taken for a time\n", bad[i]);
        }
    }
    CHECK_INT(parse("1795284000", DG_TIME_RFC3339), DG_TIME_NONE);
    CHECK_INT(parse("2026-01-01", DG_TIME_UNIX_S), DG_TIME_NONE);
}

static void midnight_at_the_end_of_a_day(void)
{
    CHECK_INT(parse("2026-12-31T24:00:00Z", DG_TIME_AUTO), parse("2027-01-01", DG_TIME_AUTO));
    CHECK_INT(parse("2026-12-31T24:00", DG_TIME_AUTO), parse("2027-01-01", DG_TIME_AUTO));
    CHECK_INT(parse("2016-12-31T23:59:60.25Z", DG_TIME_AUTO),
              parse("2017-01-01T00:00:00.25Z", DG_TIME_AUTO));
}

static void epoch_numbers_by_unit(void)
{
    CHECK_INT(parse("12.3456789", DG_TIME_UNIX_S), 12345678);
    CHECK_INT(parse("12.3456789", DG_TIME_UNIX_MS), 12345);
    CHECK_INT(parse("12.9", DG_TIME_UNIX_US), 12);
    CHECK_INT(parse("1999", DG_TIME_UNIX_NS), 1);
    CHECK_INT(parse("-1999", DG_TIME_UNIX_NS), -2); /* towards the past */
    CHECK_INT(parse("-0.0000001", DG_TIME_UNIX_S), -1);
    CHECK_INT(parse("1.5e3", DG_TIME_UNIX_MS), 1500000);
    CHECK_INT(parse("99999999999", DG_TIME_AUTO), INT64_C(99999999999000000));
    CHECK_INT(parse("100000000000", DG_TIME_AUTO), INT64_C(100000000000000));
    CHECK_INT(parse("-62135596800", DG_TIME_UNIX_S), parse("0001-01-01", DG_TIME_AUTO));
    CHECK_INT(parse("-62135596801", DG_TIME_UNIX_S), DG_TIME_NONE);
    CHECK_INT(parse("253402300799.999999", DG_TIME_UNIX_S),
              parse("9999-12-31T23:59:59.999999Z", DG_TIME_AUTO));
    CHECK_INT(parse("253402300800", DG_TIME_UNIX_S), DG_TIME_NONE);
}

static void integers_and_doubles_agree_with_text(void)
{
    static const enum dg_time_format formats[] = {DG_TIME_AUTO, DG_TIME_UNIX_S, DG_TIME_UNIX_MS,
                                                  DG_TIME_UNIX_US, DG_TIME_UNIX_NS};
    for (int i = 0; i < 200000; i++) {
        const enum dg_time_format format = formats[check_random() % 5];
        const int64_t number = (int64_t)check_random() >> (check_random() % 62);
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)number);
        int64_t us = DG_TIME_NONE;
        (void)dg_time_from_integer(number, format, &us);
        CHECK_INT(us, parse(text, format));
        if (number > -(INT64_C(1) << 53) && number < INT64_C(1) << 53) {
            us = DG_TIME_NONE;
            (void)dg_time_from_number((double)number, format, &us);
            CHECK_INT(us, parse(text, format));
        }
        if (check_failures > 5) {
            return;
        }
    }
    int64_t us = 0;
    CHECK(dg_time_from_number(1795284000.123457, DG_TIME_AUTO, &us));
    CHECK_INT(us, INT64_C(1795284000123457));
    CHECK(dg_time_from_number(-1.5, DG_TIME_UNIX_US, &us) && us == -2);
    CHECK(!dg_time_from_number((double)NAN, DG_TIME_AUTO, &us));
    CHECK(!dg_time_from_number(HUGE_VAL, DG_TIME_UNIX_NS, &us));
    CHECK(!dg_time_from_number(1e300, DG_TIME_UNIX_NS, &us));
    CHECK(!dg_time_from_number(5, DG_TIME_RFC3339, &us));
    CHECK(!dg_time_from_integer(5, DG_TIME_RFC3339, &us));
}

static void times_as_text(void)
{
    char buf[DG_TIME_TEXT];
    CHECK_STR(dg_time_format(0, buf), "1970-01-01T00:00:00Z");
    CHECK_STR(dg_time_format(-1, buf), "1969-12-31T23:59:59.999999Z");
    CHECK_STR(dg_time_format(1500000, buf), "1970-01-01T00:00:01.5Z");
    CHECK_STR(dg_time_format(1000010, buf), "1970-01-01T00:00:01.00001Z");
    CHECK_STR(dg_time_format(DG_TIME_NONE, buf), "none");
    CHECK(strlen(dg_time_format(INT64_MAX, buf)) < DG_TIME_TEXT);
    CHECK(strlen(dg_time_format(INT64_MIN + 1, buf)) < DG_TIME_TEXT);
}

static void durations(void)
{
    static const struct {
        const char *text;
        int64_t us;
        const char *back;
    } cases[] = {{"5m", 300000000, "5m"},
                 {"1h30m", INT64_C(5400000000), "1h30m"},
                 {"90m", INT64_C(5400000000), "1h30m"},
                 {"7d", 7 * US_PER_DAY, "7d"},
                 {"2w", 14 * US_PER_DAY, "14d"},
                 {"90s", 90000000, "90s"},
                 {"120s", 120000000, "2m"},
                 {"250ms", 250000, "250ms"},
                 {"1500ms", 1500000, "1500ms"},
                 {"1s500ms", 1500000, "1500ms"},
                 {"7us", 7, "7us"},
                 {"1w2d3h4m5s6ms7us", INT64_C(788645006007), "788645006007us"},
                 {"0s", 0, "0s"},
                 {"1d1m", US_PER_DAY + 60000000, "1d1m"}};
    char buf[DG_TIME_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        CHECK(dg_duration_parse(cases[i].text, strlen(cases[i].text), &us));
        CHECK_INT(us, cases[i].us);
        CHECK_STR(dg_duration_format(us, buf), cases[i].back);
    }
    CHECK_STR(dg_duration_format(-90000000, buf), "-90s");
    CHECK_STR(dg_duration_format(INT64_MIN, buf), "-9223372036854775808us");
    static const char *const bad[] = {"",
                                      "5",
                                      "m",
                                      "-5m",
                                      "5 m",
                                      "1.5h",
                                      "5M",
                                      "30m1h",
                                      "5m5m",
                                      "5mm",
                                      "5x",
                                      "9223372036854775807s",
                                      "99999999999999999999us",
                                      "15250284452w"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t us = 42;
        CHECK(!dg_duration_parse(bad[i], strlen(bad[i]), &us));
        CHECK_INT(us, 42);
    }
}

static void durations_come_back(void)
{
    char buf[DG_TIME_TEXT];
    for (int i = 0; i < 100000; i++) {
        static const int64_t units[] = {1, 1000, 1000000, 60000000, 3600000000, US_PER_DAY};
        const int64_t unit = units[check_random() % 6];
        const int64_t want = (int64_t)(check_random() % (uint64_t)(INT64_MAX / unit)) * unit;
        int64_t us = -1;
        dg_duration_format(want, buf);
        CHECK(dg_duration_parse(buf, strlen(buf), &us));
        CHECK_INT(us, want);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_day_of_a_naive_calendar),
                      CASE(random_seconds_as_timegm_has_them), CASE(forms_of_a_calendar_time),
                      CASE(what_is_no_time), CASE(midnight_at_the_end_of_a_day),
                      CASE(epoch_numbers_by_unit), CASE(integers_and_doubles_agree_with_text),
                      CASE(times_as_text), CASE(durations), CASE(durations_come_back));
}
