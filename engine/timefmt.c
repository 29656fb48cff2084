#include "engine/timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_PER_S     INT64_C(1000000)
#define US_PER_MIN   (60 * US_PER_S)
#define US_PER_HOUR  (60 * US_PER_MIN)
#define US_PER_DAY   (24 * US_PER_HOUR)
#define YEAR_1       (INT64_C(-719162) * US_PER_DAY) /* 0001-01-01T00:00:00Z */
#define YEAR_10000   (INT64_C(2932897) * US_PER_DAY)
#define DAYS_PER_ERA 146097 /* 400 Gregorian years */

/* Days since 1970-01-01 of a proleptic Gregorian date. The year starts in March here, so that the
 * leap day is its last one. */
static int64_t days_of_date(int64_t year, int month, int day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t of_era = y - era * 400;
    const int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
    const int64_t z = days + 719468;
    const int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    const int64_t of_era = z - era * DAYS_PER_ERA;
    const int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    const int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2 ? 1 : 0);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Exactly `count` digits at *p; -1 if they are not there. */
static int take_digits(const char **p, const char *end, int count)
{
    if (end - *p < count) {
        return -1;
    }
    int v = 0;
    for (int i = 0; i < count; i++) {
        const unsigned digit = (unsigned char)(*p)[i] - (unsigned)'0';
        if (digit > 9) {
            return -1;
        }
        v = v * 10 + (int)digit;
    }
    *p += count;
    return v;
}

static bool take(const char **p, const char *end, char c)
{
    if (*p < end && **p == c) {
        (*p)++;
        return true;
    }
    return false;
}

static bool take_date(const char **p, const char *end, int64_t *days)
{
    const int year = take_digits(p, end, 4);
    if (year < 1 || !take(p, end, '-')) {
        return false;
    }
    const int month = take_digits(p, end, 2);
    if (month < 1 || month > 12 || !take(p, end, '-')) {
        return false;
    }
    const int day = take_digits(p, end, 2);
    if (day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    *days = days_of_date(year, month, day);
    return true;
}

/* A fraction of a second: six digits count, the others must be digits. */
static bool take_fraction(const char **p, const char *end, int64_t *us)
{
    int64_t unit = US_PER_S / 10;
    const char *q = *p;
    for (; q < end && *q >= '0' && *q <= '9'; q++) {
        *us += (*q - '0') * unit;
        unit /= 10;
    }
    const bool some = q > *p;
    *p = q;
    return some;
}

static bool take_clock(const char **p, const char *end, int64_t *us)
{
    const int hour = take_digits(p, end, 2);
    if (hour < 0 || hour > 24 || !take(p, end, ':')) {
        return false;
    }
    const int minute = take_digits(p, end, 2);
    if (minute < 0 || minute > 59) {
        return false;
    }
    *us = hour * US_PER_HOUR + minute * US_PER_MIN;
    if (take(p, end, ':')) {
        const int second = take_digits(p, end, 2);
        if (second < 0 || second > 60) {
            return false;
        }
        *us += second * US_PER_S;
        if ((take(p, end, '.') || take(p, end, ',')) && !take_fraction(p, end, us)) {
            return false;
        }
    }
    return hour < 24 || *us == US_PER_DAY;
}

/* Z, +hh:mm, +hhmm, +hh, " UTC" or nothing, which is UTC. */
static bool take_offset(const char **p, const char *end, int64_t *us)
{
    *us = 0;
    if (*p == end || take(p, end, 'Z') || take(p, end, 'z')) {
        return true;
    }
    if (end - *p == 4 && memcmp(*p, " UTC", 4) == 0) {
        *p = end;
        return true;
    }
    const bool west = take(p, end, '-');
    if (!west && !take(p, end, '+')) {
        return false;
    }
    const int hour = take_digits(p, end, 2);
    if (hour < 0 || hour > 23) {
        return false;
    }
    int minute = 0;
    if (*p < end) {
        (void)take(p, end, ':');
        minute = take_digits(p, end, 2);
        if (minute < 0 || minute > 59) {
            return false;
        }
    }
    *us = (west ? -1 : 1) * (hour * US_PER_HOUR + minute * US_PER_MIN);
    return true;
}

static bool in_range(int64_t us)
{
    return us >= YEAR_1 && us < YEAR_10000;
}

static bool parse_calendar(const char *p, const char *end, int64_t *us)
{
    int64_t days;
    if (!take_date(&p, end, &days)) {
        return false;
    }
    int64_t clock = 0;
    int64_t offset = 0;
    if (p < end) {
        if (!take(&p, end, 'T') && !take(&p, end, 't') && !take(&p, end, ' ')) {
            return false;
        }
        if (!take_clock(&p, end, &clock) || !take_offset(&p, end, &offset) || p != end) {
            return false;
        }
    }
    const int64_t t = days * US_PER_DAY + clock - offset;
    if (!in_range(t)) {
        return false;
    }
    *us = t;
    return true;
}

/* Powers of ten between the format's unit and the microsecond. */
static int scale_of(enum dg_time_format format, dg_u128 magnitude)
{
    switch (format) {
    case DG_TIME_UNIX_S:
        return 6;
    case DG_TIME_UNIX_MS:
        return 3;
    case DG_TIME_UNIX_US:
        return 0;
    case DG_TIME_UNIX_NS:
        return -3;
    case DG_TIME_AUTO:
    case DG_TIME_RFC3339:
        break;
    }
    return magnitude < UINT64_C(100000000000)         ? 6
           : magnitude < UINT64_C(100000000000000)    ? 3
           : magnitude < UINT64_C(100000000000000000) ? 0
                                                      : -3;
}

/* (-1)^negative * digits * 10^exponent units of the format, cut to whole microseconds. */
static bool from_decimal(dg_u128 digits, int exponent, bool negative, enum dg_time_format format,
                         int64_t *us)
{
    dg_u128 whole = digits;
    for (int e = exponent; e < 0 && whole != 0; e++) {
        whole /= 10;
    }
    for (int e = exponent; e > 0 && whole != 0; e--) {
        if (whole > UINT64_MAX) {
            return false;
        }
        whole *= 10;
    }
    const dg_u128 limit = (dg_u128)1 << 80;
    bool rest = false;
    dg_u128 v = digits;
    int scale = exponent + scale_of(format, whole);
    for (; scale < 0 && v != 0; scale++) {
        rest = rest || v % 10 != 0;
        v /= 10;
    }
    for (; scale > 0 && v != 0; scale--) {
        if (v > limit) {
            return false;
        }
        v *= 10;
    }
    if (v > (dg_u128)YEAR_10000) {
        return false;
    }
    const int64_t t = negative ? -(int64_t)v - (rest ? 1 : 0) : (int64_t)v;
    if (!in_range(t)) {
        return false;
    }
    *us = t;
    return true;
}

#define EPOCH_DIGITS   30 /* significant digits that an epoch number can need, and more */
#define EPOCH_EXPONENT 60 /* beyond: no time, or zero */

static bool parse_epoch(const char *p, const char *end, enum dg_time_format format, int64_t *us)
{
    const bool negative = take(&p, end, '-');
    if (!negative) {
        (void)take(&p, end, '+');
    }
    dg_u128 digits = 0;
    int exponent = 0;
    int kept = 0;
    bool some = false;
    bool point = false;
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        some = true;
        if (kept < EPOCH_DIGITS) {
            digits = digits * 10 + (unsigned char)(*p - '0');
            kept += digits != 0 ? 1 : 0;
            exponent -= point && exponent > -2 * EPOCH_EXPONENT ? 1 : 0;
        } else if (!point) {
            return false;
        }
    }
    if (some && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        const bool down = take(&p, end, '-');
        if (!down) {
            (void)take(&p, end, '+');
        }
        int e = 0;
        some = p < end;
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            e = e < EPOCH_EXPONENT ? e * 10 + (*p - '0') : e;
        }
        exponent += down ? -e : e;
    }
    return some && p == end && from_decimal(digits, exponent, negative, format, us);
}

bool dg_time_parse(const char *text, size_t len, enum dg_time_format format, int64_t *us)
{
    const char *p = text;
    const char *end = text + len;
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    while (p < end && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    switch (format) {
    case DG_TIME_AUTO:
        return parse_calendar(p, end, us) || parse_epoch(p, end, format, us);
    case DG_TIME_RFC3339:
        return parse_calendar(p, end, us);
    case DG_TIME_UNIX_S:
    case DG_TIME_UNIX_MS:
    case DG_TIME_UNIX_US:
    case DG_TIME_UNIX_NS:
        break;
    }
    return parse_epoch(p, end, format, us);
}

bool dg_time_from_integer(int64_t number, enum dg_time_format format, int64_t *us)
{
    const bool negative = number < 0;
    const uint64_t magnitude = negative ? 0 - (uint64_t)number : (uint64_t)number;
    return format != DG_TIME_RFC3339 && from_decimal(magnitude, 0, negative, format, us);
}

bool dg_time_from_number(double number, enum dg_time_format format, int64_t *us)
{
    if (format == DG_TIME_RFC3339 || !(number > -0x1p62 && number < 0x1p62)) {
        return false; /* NaN too */
    }
    const int64_t whole = (int64_t)number;
    const double rest = number - (double)whole; /* exact: both have the same last bit or smaller */
    const int scale = scale_of(format, (dg_u128)(whole < 0 ? -whole : whole));
    if (scale < 0) {
        return dg_time_from_integer(whole, DG_TIME_UNIX_NS, us);
    }
    const int64_t unit = scale == 6 ? US_PER_S : scale == 3 ? US_PER_S / 1000 : 1;
    if (whole > YEAR_10000 / unit || whole < YEAR_1 / unit) {
        return false;
    }
    const double part = rest * (double)unit;
    const int64_t t = whole * unit + (int64_t)(part < 0 ? part - 0.5 : part + 0.5);
    if (!in_range(t)) {
        return false;
    }
    *us = t;
    return true;
}

char *dg_time_format(int64_t us, char buf[DG_TIME_TEXT])
{
    if (us == DG_TIME_NONE) {
        strcpy(buf, "none");
        return buf;
    }
    const int64_t days = floor_div(us, US_PER_DAY);
    const int64_t clock = (us % US_PER_DAY + US_PER_DAY) % US_PER_DAY;
    const int s = (int)(clock / US_PER_S);
    int fraction = (int)(clock % US_PER_S);
    int64_t year;
    int month;
    int day;
    date_of_days(days, &year, &month, &day);
    int n = snprintf(buf, DG_TIME_TEXT, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", year, month, day,
                     s / 3600, s / 60 % 60, s % 60);
    if (fraction != 0) {
        int width = 6;
        for (; fraction % 10 == 0; fraction /= 10) {
            width--;
        }
        n += snprintf(buf + n, (size_t)(DG_TIME_TEXT - n), ".%0*d", width, fraction);
    }
    buf[n] = 'Z';
    buf[n + 1] = '\0';
    return buf;
}

struct unit {
    const char *name;
    int64_t us;
};

/* In descending order. */
static const struct unit units[] = {
    {"w", 7 * US_PER_DAY}, {"d", US_PER_DAY}, {"h", US_PER_HOUR}, {"m", US_PER_MIN},
    {"s", US_PER_S},       {"ms", 1000},      {"us", 1}};
#define N_UNITS (sizeof units / sizeof units[0])

char *dg_duration_format(int64_t us, char buf[DG_TIME_TEXT])
{
    uint64_t rest = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    int n = snprintf(buf, DG_TIME_TEXT, "%s", us < 0 ? "-" : "");
    if (rest == 0 || rest % (uint64_t)US_PER_MIN != 0) {
        size_t u = 4; /* seconds, or the largest smaller unit that divides it */
        while (rest % (uint64_t)units[u].us != 0) {
            u++;
        }
        snprintf(buf + n, (size_t)(DG_TIME_TEXT - n), "%" PRIu64 "%s", rest / (uint64_t)units[u].us,
                 units[u].name);
        return buf;
    }
    for (size_t u = 1; rest > 0; u++) { /* days, hours, minutes; never weeks */
        const uint64_t count = rest / (uint64_t)units[u].us;
        rest %= (uint64_t)units[u].us;
        if (count > 0) {
            n += snprintf(buf + n, (size_t)(DG_TIME_TEXT - n), "%" PRIu64 "%s", count,
                          units[u].name);
        }
    }
    return buf;
}

bool dg_duration_parse(const char *text, size_t len, int64_t *us)
{
    const char *p = text;
    const char *const end = text + len;
    int64_t total = 0;
    size_t next_unit = 0;
    if (len == 0) {
        return false;
    }
    while (p < end) {
        int64_t count = 0;
        const char *const start = p;
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            if (__builtin_mul_overflow(count, INT64_C(10), &count) ||
                __builtin_add_overflow(count, (int64_t)(*p - '0'), &count)) {
                return false;
            }
        }
        const char *const name = p;
        while (p < end && *p >= 'a' && *p <= 'z') {
            p++;
        }
        const size_t n = (size_t)(p - name);
        size_t u = next_unit;
        while (u < N_UNITS && (strlen(units[u].name) != n || memcmp(units[u].name, name, n) != 0)) {
            u++;
        }
        if (name == start || u == N_UNITS || __builtin_mul_overflow(count, units[u].us, &count) ||
            __builtin_add_overflow(total, count, &total)) {
            return false;
        }
        next_unit = u + 1;
    }
    *us = total;
    return true;
}
