/* stats/triage.h -- what a numeric field can be besides a finite number, carried inside the double.
 *
 * A column is one array of doubles. A value that is not a number travels as a quiet NaN whose
 * payload says why, so that the hot loops read one array and leave by one rare branch. Copies keep
 * payloads; arithmetic does not, so triage is read before any arithmetic. A NaN of any other
 * payload is a NaN that the data itself held.
 */
#ifndef DG_STATS_TRIAGE_H
#define DG_STATS_TRIAGE_H

#include "stats/base.h"

#include <string.h>

enum dg_triage {
    DG_FINITE,  /* a finite number */
    DG_ABSENT,  /* the record has no such field */
    DG_NULL,    /* the field is there and null or empty */
    DG_NAN,     /* the data says NaN */
    DG_POS_INF, /* +Inf, or a literal too large for a double */
    DG_NEG_INF,
    DG_UNPARSABLE,   /* present, but not of the field's type */
    DG_OUT_OF_RANGE, /* finite, but outside the range or set that the monitor declares valid */
    DG_TRIAGE_KINDS
};

#define DG_BOX_BASE UINT64_C(0x7ff8d61f00000000)

/* The double that stands for `kind`, which must be DG_ABSENT, DG_NULL or DG_UNPARSABLE. */
static inline double dg_box(enum dg_triage kind)
{
    const uint64_t bits = DG_BOX_BASE | (uint64_t)kind;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The kind of x; never DG_OUT_OF_RANGE, which depends on the monitor. */
static inline enum dg_triage dg_triage_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & UINT64_C(0x7ff0000000000000)) != UINT64_C(0x7ff0000000000000)) {
        return DG_FINITE;
    }
    if ((bits & UINT64_C(0x000fffffffffffff)) == 0) {
        return bits >> 63 ? DG_NEG_INF : DG_POS_INF;
    }
    if (bits == (DG_BOX_BASE | DG_ABSENT)) {
        return DG_ABSENT;
    }
    if (bits == (DG_BOX_BASE | DG_NULL)) {
        return DG_NULL;
    }
    return bits == (DG_BOX_BASE | DG_UNPARSABLE) ? DG_UNPARSABLE : DG_NAN;
}

#endif
