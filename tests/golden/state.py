"""Expected values for tests/golden/test_state_golden.c, from numpy, scipy and plain integers.

Usage: python tests/golden/state.py > tests/golden/state_values.h     (numpy and scipy needed)

Moments are those of scipy.stats (biased), quantiles numpy.quantile(method="inverted_cdf"), edges
and groups follow the rules in stats/binning.h on integers and fractions, distinct counts follow
algorithm 6 of Ertl (2017) on registers made from SplitMix64.
"""
import math
import textwrap
from fractions import Fraction

import numpy as np
from scipy import stats

QUANTILES = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0]


def array(name, kind, values, text=lambda v: repr(float(v))):
    body = textwrap.fill(", ".join(text(v) for v in values), 96)
    print(f"static const {kind} {name}[] = {{\n{body}}};")


def samples():
    rng = np.random.default_rng(2385)
    return {
        "normal": rng.normal(3.25, 0.5, 61),
        "lognormal": rng.lognormal(0.0, 1.5, 80),
        "negative": -rng.gamma(2.0, 3.0, 45),
        "ties": np.round(rng.normal(0.0, 2.0, 70)),
        "shifted": 1e6 + rng.uniform(-1.0, 1.0, 50),
    }


def moments():
    names = []
    for name, x in samples().items():
        array(f"{name}_x", "double", x)
        expected = [np.mean(x), np.var(x), stats.skew(x), stats.kurtosis(x)]
        array(f"{name}_moments", "double", expected)
        array(f"{name}_quantiles", "double", np.quantile(x, QUANTILES, method="inverted_cdf"))
        names.append(name)
    array("quantile_q", "double", QUANTILES)
    print("static const struct sample {\n    const char *name;\n    const double *x;\n"
          "    size_t n;\n    const double *moments;\n    const double *quantiles;\n} sample[] = {")
    for name in names:
        print(f'    {{"{name}", {name}_x, sizeof {name}_x / sizeof(double), {name}_moments, '
              f"{name}_quantiles}},")
    print("};")


def below(v):
    return float(np.nextafter(v, -np.inf))


def edges_of(value, count, bins):
    """The rules of stats/binning.h for more than 64 distinct values, straight from the text."""
    m = sum(count)
    atoms = [i for i, c in enumerate(count) if Fraction(c, m) >= Fraction(1, 2 * bins)]
    edges = {below(value[0]), value[-1]}
    start = 0
    for stop in atoms + [len(value)]:
        run = sum(count[start:stop])
        if run:
            k = max(1, math.floor(Fraction(bins * run, m) + Fraction(1, 2)))
            for i in range(1, k):
                cumulative = 0
                for j in range(start, stop):
                    cumulative += count[j]
                    if cumulative >= Fraction(i * run, k):
                        edges.add(value[j])
                        break
        if stop < len(value):
            edges |= {below(value[stop]), value[stop]}
        start = stop + 1
    target = m // bins // 2
    while target >= 4:
        if 0 not in atoms:
            edges.add(next(v for j, v in enumerate(value) if sum(count[:j + 1]) >= target))
        if len(value) - 1 not in atoms:
            edges.add(next(value[j] for j in reversed(range(len(value)))
                           if sum(count[j + 1:]) >= target))
        target //= 2
    return sorted(edges)


def groups_of(value, count, edges, groups):
    m = sum(count)
    bins = [0] * (len(edges) + 1)
    for v, c in zip(value, count):
        bins[sum(e < v for e in edges)] += c
    out, opened, mass, cumulative, nxt = [], [], 0, 0, 1

    def close():
        nonlocal opened, mass
        if opened:
            if out and Fraction(mass, m) < Fraction(1, 2 * groups):
                out[-1] += opened
            else:
                out.append(opened)
        opened, mass = [], 0

    def is_atom(j):
        point = 0 < j < len(edges) and below(edges[j]) == edges[j - 1]
        return point and Fraction(bins[j], m) >= Fraction(1, 2 * groups)

    def is_gap(j):
        """The end of empty bins from j on that only atoms and the ends of the line enclose."""
        end = next((k for k in range(j, len(bins)) if bins[k]), len(bins))
        sides = [is_atom(k) if 0 <= k < len(bins) else None for k in (j - 1, end)]
        return end if end > j and True in sides and False not in sides else None

    gap = 0
    for j, c in enumerate(bins):
        if j < gap:
            continue
        gap = (not opened and is_gap(j)) or 0
        if gap:
            out.append(list(range(j, gap)))
            continue
        atom = is_atom(j)
        if atom and (out or Fraction(mass, m) >= Fraction(1, 2 * groups)):
            close()
        opened.append(j)
        mass += c
        cumulative += c
        if atom or (Fraction(cumulative, m) >= Fraction(nxt, groups)
                    and Fraction(mass, m) >= Fraction(1, 2 * groups)):
            close()
            nxt = math.floor(Fraction(cumulative * groups, m)) + 1
    close()
    return [g for j in range(len(bins)) for g, members in enumerate(out) if j in members]


def binnings():
    references = {
        "spread": [(((i * 7919) % 10007) / 64.0, 1 + i % 3) for i in range(500)],
        "atoms": [(i / 8.0 - 20.0, 400 if i == 160 else 15 if i % 67 == 5 else 1 + i % 2)
                  for i in range(300)],
        "edge_atom": [(i * 0.25, 900 if i == 0 else 200 if i == 249 else 3) for i in range(250)],
    }
    for name, pairs in references.items():
        pairs.sort()
        value, count = [p[0] for p in pairs], [p[1] for p in pairs]
        edges = edges_of(value, count, 40)
        array(f"{name}_value", "double", value)
        array(f"{name}_count", "uint64_t", count, str)
        array(f"{name}_edges", "double", edges)
        array(f"{name}_groups", "uint8_t", groups_of(value, count, edges, 10), str)
    print("static const struct reference {\n    const char *name;\n    const double *value;\n"
          "    const uint64_t *count;\n    size_t n;\n    const double *edges;\n"
          "    size_t n_edges;\n    const uint8_t *groups;\n} reference[] = {")
    for name in references:
        print(f'    {{"{name}", {name}_value, {name}_count, sizeof {name}_value / sizeof(double), '
              f"{name}_edges, sizeof {name}_edges / sizeof(double), {name}_groups}},")
    print("};")


def split_mix(state):
    mask = (1 << 64) - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield z ^ (z >> 31)


def ertl(registers):
    m, q = 4096, 52
    counts = [registers.count(k) for k in range(q + 2)]

    def sigma(x):
        return x + sum(x ** (2 ** k) * 2.0 ** (k - 1) for k in range(1, 60))

    def tau(x):
        if x in (0.0, 1.0):
            return 0.0
        return (1 - x - sum((1 - x ** (2.0 ** -k)) ** 2 * 2.0 ** -k for k in range(1, 60))) / 3

    total = m * sigma(counts[0] / m) + m * tau(1 - counts[q + 1] / m) * 2.0 ** -q
    total += sum(counts[k] * 2.0 ** -k for k in range(1, q + 1))
    return m * m / (2 * math.log(2)) / total


def distinct():
    sizes, estimates = [1, 17, 400, 5000, 60000], []
    for n in sizes:
        registers = [0] * 4096
        hashes = split_mix(1)
        for _ in range(n):
            h = next(hashes)
            rest = h & ((1 << 52) - 1)
            registers[h >> 52] = max(registers[h >> 52], 53 - rest.bit_length())
        estimates.append(ertl(registers))
    array("distinct_n", "size_t", sizes, str)
    array("distinct_estimate", "double", estimates)
    saturated = [53 if i % 3 == 0 else 51 for i in range(4096)]
    print(f"static const double saturated_estimate = {ertl(saturated)!r};")


print("/* Made by tests/golden/state.py; do not edit. */")
moments()
binnings()
distinct()
