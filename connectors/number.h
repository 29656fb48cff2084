/* connectors/number.h -- decimal text to double, exactly rounded, whatever the user's locale. */
#ifndef DG_CONNECTORS_NUMBER_H
#define DG_CONNECTORS_NUMBER_H

#include "stats/base.h"

/* A scanned number, not yet a double: (-1)^negative * digits * 10^exponent. */
struct dg_decimal {
    const char *text; /* [len] as scanned, borrowed */
    size_t len;
    uint64_t digits;
    int64_t exponent;
    bool negative;
    bool exact;   /* digits holds all of them; false beyond 19 significant ones */
    bool integer; /* neither point nor exponent */
    bool json;    /* the text is a number of RFC 8259 too */
};

/*
 * Scan the longest number at p: [+-] digits [. digits] [(e|E) [+-] digits], with at least one digit
 * before or after the point. Returns where it ends, or NULL if there is none at p; d is then
 * unspecified. Reads [p, end) only. O(length), eight digits at a time.
 */
const char *dg_decimal_scan(const char *p, const char *end, struct dg_decimal *d);

/* The same, faster, where 8 bytes behind end can be read and *end is no digit: in a chunk of text,
 * where a delimiter or line end stands. */
const char *dg_decimal_scan_padded(const char *p, const char *end, struct dg_decimal *d);

/*
 * The double nearest to d, ties to even: what strtod gives in the C locale. +-infinity beyond the
 * range, +-0 below it. Up to 19 digits with an exponent of -27 .. 27 take integer arithmetic
 * (Clinger 1990 where digits <= 2^53 and |exponent| <= 22; else one 128-bit division or product),
 * the rest strtod_l. No allocation.
 */
double dg_decimal_value(const struct dg_decimal *d);

/* d as an integer if it is one that fits (also 1e3 and 12.0); else false. */
bool dg_decimal_integer(const struct dg_decimal *d, int64_t *value);

/* text[len] as a whole is a number as above; else false. */
bool dg_number_parse(const char *text, size_t len, double *value);

/* As dg_number_parse, and also the words nan, inf and infinity in any case, with an optional sign:
 * NaN is a quiet NaN of the data (DG_NAN), the others are +-infinity. */
bool dg_number_parse_words(const char *text, size_t len, double *value);

#endif
