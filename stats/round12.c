#include "stats/drift.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS 12

/* 10^0 .. 10^22: the powers that a double holds exactly. */
static const double power[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static double round_by_text(double x)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%.*e", DIGITS - 1, x);
    return strtod(text, NULL);
}

/* The e with 10^e <= x < 10^(e+1), 1e-11 <= x < 1e22. One too high is possible where x is the
 * double next to a negative power of ten; rounding then gives the same. */
static int decimal_exponent(double x)
{
    int e = 0;
    if (x >= 1.0) {
        while (x >= power[e + 1]) {
            e++;
        }
        return e;
    }
    while (e > -11 && x * power[-e] < 1.0) {
        e--;
    }
    return e;
}

/*
 * x = q/10^k exactly with q = head + tail (an exact product by fma), so rounding q to the nearest
 * whole number and dividing by 10^k, one correctly rounded operation on exact operands, gives what
 * printing 12 digits and reading them back gives.
 */
static double round_small(double x, int k)
{
    const double head = x * power[k];
    const double tail = fma(x, power[k], -head);
    double whole = rint(head);
    const double rest = (head - whole) + tail; /* head - whole is exact */
    if (rest > 0.5) {
        whole += 1.0;
    } else if (rest < -0.5) {
        whole -= 1.0;
    } else if (fabs(head - whole) == 0.5 && tail != 0.0) {
        whole = tail > 0.0 ? ceil(head) : floor(head);
    }
    return whole / power[k];
}

double dg_round12(double x)
{
    const double size = fabs(x);
    if (x == 0.0 || !isfinite(x)) {
        return x;
    }
    if (size < 1e-11 || size >= 1e12) {
        return round_by_text(x);
    }
    const int k = DIGITS - 1 - decimal_exponent(size);
    return copysign(round_small(size, k), x);
}
