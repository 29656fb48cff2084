#!/usr/bin/env python3
"""Tables for tests/golden/test_twosample.c: samples, and what scipy says of them.

    python3 twosample.py > twosample.inc

Made with Python 3.11, numpy 1.26.4, scipy 1.11.4. Nothing of the project is used. Values are
multiples of 2^-12, so that fixed-point sums and grid edges are exact.
"""
import math
import textwrap

import numpy as np
from scipy import special, stats
from scipy.spatial.distance import jensenshannon
from scipy.stats import _morestats

rng = np.random.RandomState(20240607)


def c(x):
    if isinstance(x, (int, np.integer)):
        return "%d" % x
    return "%.17g" % x


def array(name, values, kind="double"):
    print("static const %s %s[] = {" % (kind, name))
    print(textwrap.fill(", ".join(c(v) for v in values), 96, initial_indent="    ",
                        subsequent_indent="    ") + "};")


def grid(x):
    return np.round(np.asarray(x) * 4096) / 4096


def distinct(size, draw):
    out = np.unique(grid(draw(size * 3)))
    rng.shuffle(out)
    return out[:size]


def anderson(ref, cur):
    pooled = np.sort(np.concatenate([ref, cur]))
    n = np.array([len(ref), len(cur)])
    return _morestats._anderson_ksamp_midrank([np.sort(ref), np.sort(cur)], pooled,
                                              np.unique(pooled), 2, n, len(pooled))


def raw_pair(name, ref, cur, ties):
    array(name + "_ref", ref)
    array(name + "_cur", cur)
    ks = stats.ks_2samp(ref, cur).statistic
    cvm = stats.cramervonmises_2samp(ref, cur, method="asymptotic")
    n, m = len(cur), len(ref)
    size = n * m / (n + m)
    z = math.sqrt(size) * ks
    if n >= 10 * m or m >= 10 * n:
        z += 1 / (6 * math.sqrt(size)) + (z - 1) / (4 * size)
    row = [ks, special.kolmogorov(z), stats.wasserstein_distance(ref, cur), anderson(ref, cur),
           -1.0 if ties else cvm.statistic, -1.0 if ties else cvm.pvalue]
    array(name + "_want", [float(v) for v in row])
    print()


def smoothed(counts):
    s = np.asarray(counts, float) + 0.5
    return s / s.sum()


def table_pair(name, ref, cur):
    ref, cur = np.asarray(ref), np.asarray(cur)
    p, q = cur / cur.sum(), ref / ref.sum()
    ps, qs = smoothed(cur), smoothed(ref)
    x2 = stats.chi2_contingency([ref, cur], correction=False)
    g = stats.chi2_contingency([ref, cur], correction=False, lambda_="log-likelihood")
    n, m, df = cur.sum(), ref.sum(), len(ref) - 1
    c_ = 1 / n + 1 / m
    psi = stats.entropy(ps, qs) + stats.entropy(qs, ps)
    js_smooth = jensenshannon(ps, qs)
    row = [psi, stats.entropy(ps, qs), jensenshannon(p, q, base=2),
           math.sqrt(0.5 * np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)), 0.5 * np.sum(np.abs(p - q)),
           x2[0], x2[1], g[0], g[1], stats.contingency.association(np.array([ref, cur])),
           stats.chi2.sf(psi / c_, df), stats.chi2.sf(8 * js_smooth ** 2 / c_, df),
           max(0.0, psi - df * c_), stats.chi2.isf(0.001, df) * c_]
    array(name + "_ref", ref, "uint64_t")
    array(name + "_cur", cur, "uint64_t")
    array(name + "_want", [float(v) for v in row])
    print()


def spike_p(ref, cur):
    n, m = int(np.sum(cur)), int(np.sum(ref))
    pi, least, used = n / (n + m), 1.0, 0
    for r, k in zip(ref, cur):
        t = int(r + k)
        if t == 0:
            continue
        used += 1
        least = min(least, stats.binom.sf(k - 1, t, pi), stats.binom.cdf(k, t, pi))
    return min(1.0, 2 * used * least)


def main():
    print("/* Made by twosample.py; do not edit. */\n")
    both = distinct(210, lambda k: rng.normal(size=k))
    raw_pair("normal", both[:110], both[110:], False)
    both = distinct(230, lambda k: rng.lognormal(sigma=1.5, size=k))
    raw_pair("skewed", both[:215], np.setdiff1d(grid(both[215:] * 1.7), both[:215]), False)
    raw_pair("tied", rng.poisson(3.0, 400).astype(float), rng.poisson(3.6, 130).astype(float), True)
    raw_pair("zeros", np.where(rng.uniform(size=150) < 0.4, 0.0, grid(rng.gamma(2.0, size=150))),
             np.where(rng.uniform(size=90) < 0.6, 0.0, grid(rng.gamma(2.0, size=90))), True)
    raw_pair("apart", grid(rng.normal(size=60)), grid(rng.normal(size=40) + 9.0), True)
    table_pair("ten", rng.multinomial(100000, [0.1] * 10), rng.multinomial(1000, [0.1] * 10))
    table_pair("moved", rng.multinomial(2385, [0.1] * 10),
               rng.multinomial(700, np.linspace(0.5, 1.5, 10) / 10))
    table_pair("two", [9000, 1000], [170, 30])
    table_pair("gone", [500, 300, 150, 50], [60, 0, 21, 19])
    spikes = []
    for _ in range(6):
        ref = rng.multinomial(50000, [1 / 60] * 60)
        cur = rng.multinomial(900, [1 / 60] * 60)
        cur[rng.randint(60)] += rng.randint(25)
        cur[rng.randint(60)] //= 1 + rng.randint(6)
        spikes.append((ref, cur))
    array("spike_ref", np.concatenate([s[0] for s in spikes]), "uint64_t")
    array("spike_cur", np.concatenate([s[1] for s in spikes]), "uint64_t")
    array("spike_want", [spike_p(*s) for s in spikes])
    print()
    p = np.concatenate([rng.uniform(size=40) ** 3, [0.0385, 0.0385, 0.0, 1.0]])
    array("family_p", p)
    array("family_bh", stats.false_discovery_control(p, method="bh"))
    array("family_by", stats.false_discovery_control(p, method="by"))
    print()
    rows = []
    for k, n in ((1, 10), (17, 40), (0, 3), (238, 1000), (999, 1000)):
        for level in (0.95, 0.99):
            ci = stats.binomtest(k, n).proportion_ci(level, method="wilson")
            rows += [float(k), float(n), level, ci.low, ci.high]
    array("wilson", rows)
    rows = []
    for k, n, m, f1 in ((1, 100, 1000, 0), (12, 1000, 5000, 31), (150, 1000, 1000, 118), (4, 50, 100000, 2)):
        rows += [float(k), float(n), float(m), float(f1), stats.nbinom.sf(k - 1, f1 + 1, m / (m + n))]
    array("new_category", rows)
    rows = []
    for k, n, m in ((1, 1000, 100000), (4, 200, 5000), (30, 1000, 20000)):
        rows += [float(k), float(n), float(m), stats.hypergeom.cdf(1, n + m, m, k + 1)]
    array("range", rows)


main()
