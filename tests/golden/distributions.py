#!/usr/bin/env python3
"""Tables for tests/golden/test_distributions.c, from mpmath (30 digits), exact integers and scipy.

    python3 distributions.py > distributions.inc

Made with Python 3.11, mpmath 1.4.1, numpy 1.26.4, scipy 1.11.4. Nothing of the project is used.
"""
import math
from fractions import Fraction

import mpmath as mp
import numpy as np
from scipy import special, stats
from scipy.optimize import brentq

mp.mp.dps = 40


def c(x):
    if isinstance(x, int):
        return "%d" % x if abs(x) < 2**31 else "%d.0" % x
    if isinstance(x, mp.mpf):
        return mp.nstr(x, 18, min_fixed=0, max_fixed=0)
    return "%.17g" % x


def table(name, rows):
    width = max(len(r) for r in rows)
    print("static const double %s[][%d] = {" % (name, width))
    for r in rows:
        print("    {%s}," % ", ".join(c(v) for v in r))
    print("};\n")


def chi2_upper(x, df):
    return mp.gammainc(mp.mpf(df) / 2, mp.mpf(x) / 2, mp.inf, regularized=True)


def beta_lower(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def binomial_upper(k, n, num, den):
    """P(X >= k), p = num/den, by summing terms from k outwards in the shorter direction."""
    p = mp.mpf(num) / den
    q = 1 - p

    def log_pmf(i):
        return (mp.loggamma(n + 1) - mp.loggamma(i + 1) - mp.loggamma(n - i + 1)
                + i * mp.log(p) + (n - i) * mp.log(q))

    ratio = p / q
    if k >= n * p:
        term = total = mp.mpf(1)
        i = k
        while i < n and term > total * mp.mpf(10) ** -25:
            term = term * (n - i) / (i + 1) * ratio
            total += term
            i += 1
        return mp.exp(log_pmf(k)) * total
    term = total = mp.mpf(1)
    i = k - 1
    while i > 0 and term > total * mp.mpf(10) ** -25:
        term = term * i / (n - i + 1) / ratio
        total += term
        i -= 1
    return 1 - mp.exp(log_pmf(k - 1)) * total


def hypergeometric_lower(k, marked, plain, drawn):
    total = math.comb(marked + plain, drawn)
    hits = sum(math.comb(marked, i) * math.comb(plain, drawn - i)
               for i in range(max(0, drawn - plain), k + 1))
    f = Fraction(hits, total)
    return mp.mpf(f.numerator) / f.denominator


def fisher(k1, n1, k2, n2):
    drawn = k1 + k2
    lo, hi = max(0, drawn - n2), min(drawn, n1)
    ways = [math.comb(n1, i) * math.comb(n2, drawn - i) for i in range(lo, hi + 1)]
    seen = ways[k1 - lo]
    f = Fraction(sum(w for w in ways if w <= seen), sum(ways))
    return mp.mpf(f.numerator) / f.denominator


def limit_upper(x, closed, poles):
    """P(sum of weighted chi-squares > x): the inversion integral on a path that starts just left of
    the first pole and leaves it at 45 degrees, where it does not oscillate. `closed(z)` is the
    product over j of 1 - 2z/poles_j, whose square root follows the branch of a plain product in
    double precision."""
    weights = 1.0 / poles[:20000]
    first = poles[0] / 2
    at = mp.mpf(first) - mp.mpf(first) / (2 + mp.mpf(x) * first)
    turn = mp.expj(mp.pi / 4)

    def integrand(t):
        z = at + t * turn
        angle = float(np.sum(np.angle(1 - 2 * complex(z) * weights)))
        root = mp.sqrt(closed(z))
        if mp.re(root * mp.conj(mp.expj(angle / 2))) < 0:
            root = -root
        return mp.im(turn * mp.exp(-z * x) / (root * z))

    cuts = [mp.mpf(k) / x for k in (0, 0.1, 0.5, 1, 2, 4, 8, 16, 32, 64, 130)]
    size = abs(integrand(cuts[1]))  # mpmath stops on absolute errors
    return mp.quad(lambda t: integrand(t) / size, cuts, maxdegree=6) * size / mp.pi


def cvm_closed(z):
    s = mp.sqrt(2 * z)
    return mp.sin(s) / s


def ad_closed(z):
    return -mp.cos(mp.pi / 2 * mp.sqrt(1 + 8 * z)) / (2 * mp.pi * z)


def ncx2_lower(x, df, lam):
    total = mp.mpf(0)
    half = mp.mpf(lam) / 2
    middle = int(half)
    for j in range(max(0, middle - 150), middle + 150):
        weight = mp.exp(-half + j * mp.log(half) - mp.loggamma(j + 1)) if half > 0 else mp.mpf(j == 0)
        total += weight * mp.gammainc(mp.mpf(df) / 2 + j, 0, mp.mpf(x) / 2, regularized=True)
    return total


def main():
    print("/* Made by distributions.py; do not edit. */\n")
    table("chi2_cases", [(x, df, chi2_upper(x, df), 1 - chi2_upper(x, df))
                         for df in (1, 2, 9, 14, 199, 2.5)
                         for x in (0.01, 0.7, 2.385, 11.3, 27.88, 150.0, 600.0, 1300.0)
                         if 1 - chi2_upper(x, df) > 1e-25 and chi2_upper(x, df) > 1e-295])
    table("chi2_critical_cases",
          [(a, df, stats.chi2.isf(a, df)) for a in (0.5, 0.05, 0.01, 1e-3, 1e-9) for df in (1, 9, 49)])
    table("normal_cases", [(z, mp.erfc(mp.mpf(z) / mp.sqrt(2)) / 2)
                           for z in (-6.0, -1.96, -0.385, 0.0, 0.7, 2.385, 5.5, 12.0, 37.0)])
    table("t_cases", [(t, df, beta_lower(mp.mpf(df) / 2, mp.mpf("0.5"), df / (df + mp.mpf(t) ** 2)) / 2)
                      for t in (0.385, 2.385, 7.5, 30.0) for df in (1, 3, 29, 400)])
    table("f_cases", [(x, a, b, beta_lower(mp.mpf(b) / 2, mp.mpf(a) / 2, b / (b + a * mp.mpf(x))))
                      for x in (0.385, 1.2, 2.385, 9.5) for a, b in ((1, 7), (9, 171), (14, 700))])
    table("poisson_cases", [(k, mu, mp.gammainc(k, 0, mu, regularized=True),
                             mp.gammainc(k + 1, mu, mp.inf, regularized=True))
                            for k, mu in ((1, 0.3), (5, 2.385), (20, 2.385), (100, 120.5),
                                          (1000, 900.0), (100000, 100500.0))])
    table("binomial_cases",
          [(k, n, a, b, binomial_upper(k, n, a, a + b))
           for k, n, a, b in ((1, 1, 3, 7), (3, 10, 1, 2), (5, 100, 1, 99), (50, 100, 1, 1),
                              (40, 100, 1, 1), (99, 100, 385, 615), (30, 2385, 1, 99),
                              (200, 505, 1000, 100000), (12, 505, 1000, 100000),
                              (700, 10000, 100000, 1000000), (1000, 10000, 100000, 1000000),
                              (51000, 100000, 1, 1), (1005000, 10**9, 1, 999),
                              (1000100, 10**9, 1, 999), (1000000, 10**9, 1, 999),
                              (60, 10**8, 1, 9999999), (100300000, 10**9, 1, 9))])
    table("negative_binomial_cases",
          [(k, r, a, b, binomial_upper(k, k + r - 1, b, a + b))
           for k, r, a, b in ((1, 1, 100, 1), (5, 3, 1000, 100), (130, 118, 10000, 10000),
                              (60, 31, 100000, 10000), (900, 600, 100000, 100000))])
    table("hypergeometric_cases",
          [(k, m, u, d, hypergeometric_lower(k, m, u, d), 1 - hypergeometric_lower(k - 1, m, u, d))
           for k, m, u, d in ((1, 5, 5, 4), (3, 100, 10000, 43), (1, 1000, 90, 7), (40, 500, 700, 100),
                              (2, 300, 700, 45), (900, 2000, 2385, 2000))])
    table("fisher_cases",
          [(*row, fisher(*row))
           for row in ((1, 24, 5, 7), (3, 100, 40, 10000), (0, 50, 9, 60), (12, 5000, 40, 7000),
                       (8, 10, 2, 10), (60, 1060, 50, 5050), (5, 10, 5, 10), (300, 3000, 340, 3100),
                       (2, 3, 0, 4), (0, 2385, 1, 1))])
    table("kolmogorov_cases", [(z, special.kolmogorov(z)) for z in
                               (0.3, 0.5, 0.8, 1.1, 1.1799, 1.1801, 1.358, 1.628, 1.95, 2.385, 4.0, 9.0)])
    j = np.arange(1, 20001)
    table("cvm_cases", [(x, limit_upper(x, cvm_closed, (j * math.pi) ** 2))
                        for x in (0.02, 0.05, 0.1192, 0.3, 0.4614, 0.7435, 1.168, 2.385, 5.0, 5.2, 9.0, 40.0)])
    table("ad_cases", [(x, limit_upper(x, ad_closed, j * (j + 1.0)))
                       for x in (0.2, 0.5, 1.0, 2.385, 3.878, 6.0, 8.0, 12.0, 33.0, 34.0, 60.0, 200.0)])
    table("ncx2_cases", [(x, df, lam, ncx2_lower(x, df, lam))
                         for df in (1, 9, 14) for lam in (0, 0.385, 5, 50, 150, 200)
                         for x in (0.7 * (df + lam), 1.1 * (df + lam), 1.5 * (df + lam))])
    table("ncx2_wide_cases", [(x, df, lam, ncx2_lower(x, df, lam))
                              for df in (1, 9) for lam in (201, 1000)
                              for x in (0.9 * lam, df + lam, 1.15 * lam)])
    rows = []
    for df in (1, 9):
        for x in (12.0, 30.0, 111.0, 160.0):
            for p in (0.975, 0.5, 0.025):
                if stats.ncx2.cdf(x, df, 1e-9) > p and stats.ncx2.cdf(x, df, 199.0) < p:
                    lam = brentq(lambda v: stats.ncx2.cdf(x, df, v) - p, 1e-9, 199.0, xtol=1e-13, rtol=1e-15)
                    rows.append((x, df, p, lam))
    table("noncentrality_cases", rows)


main()
