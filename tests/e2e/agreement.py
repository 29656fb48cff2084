"""Goal: the numbers of a replay are those that scipy gives on the raw rows.

    agreement.py DRIFTGAUGE MONITOR BASELINE REFERENCE.csv EVENTS.csv

Replays EVENTS against the file baseline and recomputes, for every window and column of the whole
(segment all) from the raw values: counts, moments, quantiles, KS, Wasserstein, PSI on the baseline's own bins, JS,
chi-square, the family-adjusted p-values. KS and W1 of the raw data must lie inside the published
bounds; the rest must agree to the tolerance that its definition allows. Needs a monitor with one
version and file baseline first. Prints how many values it compared; exits 1 on the first few that disagree.
"""
import csv
import json
import math
import subprocess
import sys
from datetime import datetime, timezone

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

gauge, monitor, baseline, reference, events = sys.argv[1:6]
NULLS = {"", "NA", "N/A", "null", "NULL", "None"}
problems = []
compared = 0


def read(path):
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    return {k: [r[k] for r in rows] for k in rows[0]}


def when(text):
    t = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (t if t.tzinfo else t.replace(tzinfo=timezone.utc)).timestamp()


def numbers(values):
    return np.array([float(v) for v in values if v not in NULLS])


def agree(where, name, got, want, rel=1e-9, abs_=1e-11):
    global compared
    compared += 1
    got = math.nan if got is None else got
    if math.isnan(got) and math.isnan(want):
        return
    if not math.isclose(got, want, rel_tol=rel, abs_tol=abs_):
        problems.append(f"{where} {name}: got {got!r}, want {want!r}")


def inside(where, name, low, x, high):
    global compared
    compared += 1
    slack = 1e-9 * max(1.0, abs(x))
    if not low - slack <= x <= high + slack:
        problems.append(f"{where} {name}: {x!r} is not in [{low!r}, {high!r}]")


def group_counts(column, x):
    bins = column["bins"]
    edges = np.array(bins["edges"])
    groups = np.array(bins["groups"])
    fine = np.bincount(np.searchsorted(edges, x, side="left"), minlength=len(edges) + 1)
    return fine, np.bincount(groups, weights=fine).astype(int)


def psi(c, r):
    both = (c + r) > 0  # gaps between atoms are cells of their own, left out while both are empty
    c, r = c[both], r[both]
    p = (c + 0.5) / (c.sum() + 0.5 * len(c))
    q = (r + 0.5) / (r.sum() + 0.5 * len(r))
    return float(np.sum((p - q) * np.log(p / q)))


def check_numeric(where, row, column, cur, ref):
    for name, want in (("mean", cur.mean()), ("sd", cur.std()), ("min", cur.min()), ("max", cur.max())):
        agree(where, name, row[name], float(want), rel=1e-6, abs_=1e-6 * max(1.0, ref.std()))
    if len(cur) >= 20 and cur.std() > 1e-3 * ref.std():
        # Third and fourth moments are not given where a value lies beyond 256 sd of the reference.
        far = float(np.abs(cur - ref.mean()).max()) > 255 * ref.std()
        for name, want, rel in (("skewness", stats.skew(cur), 1e-3), ("kurtosis", stats.kurtosis(cur), 3e-3)):
            if not (far and row[name] is None):
                agree(where, name, row[name], float(want), rel=rel, abs_=3e-3)
    for q in (1, 5, 10, 25, 50, 75, 90, 95, 99):
        want = float(np.quantile(cur, q / 100, method="inverted_cdf"))
        if abs(want) > 2.0**-40:
            agree(where, f"q{q:02d}", row[f"q{q:02d}"], want, rel=1 / 129 + 1e-9)
    d = stats.ks_2samp(ref, cur).statistic
    inside(where, "ks", row["ks"], d, row["ks_high"])
    w = stats.wasserstein_distance(ref, cur)
    inside(where, "w1", row["w1_low"] - 1e-6 * ref.std(), w, row["w1_high"] + 1e-6 * ref.std())
    c_fine, c = group_counts(column, cur)
    r_fine, r = group_counts(column, ref)
    agree(where, "psi", row["psi"], psi(c, r), rel=1e-9)
    agree(where, "js", row["js"], float(jensenshannon(c / c.sum(), r / r.sum(), base=2)), rel=1e-8)
    agree(where, "tv", row["tv"], float(np.abs(c / c.sum() - r / r.sum()).sum() / 2))
    if "pooled" not in (row["flags"] or ""):
        both = (c + r) > 0
        chi2 = stats.chi2_contingency(np.array([c[both], r[both]]), correction=False)
        agree(where, "chi2", row["chi2"], float(chi2.statistic), rel=1e-9)
        agree(where, "chi2_p", row["chi2_p"], max(1e-300, float(chi2.pvalue)), rel=1e-8)
    agree(where, "linf", row["linf"], float(np.abs(c_fine / c.sum() - r_fine / r.sum()).max()))


def check_category(where, row, column, cur, ref):
    keys = [k for k, _ in column["categories"]["known"]][: column["categories"]["own"]]
    known = {k for k, _ in column["categories"]["known"]}

    def cells(values):
        counts = {k: 0 for k in keys}
        other = new = 0
        for v in values:
            if v in counts:
                counts[v] += 1
            elif v in known:
                other += 1
            else:
                new += 1
        return np.array([counts[k] for k in keys] + [other, new])

    c, r = cells(cur), cells(ref)
    agree(where, "js", row["js"], float(jensenshannon(c / c.sum(), r / r.sum(), base=2)), rel=1e-8)
    agree(where, "tv", row["tv"], float(np.abs(c / c.sum() - r / r.sum()).sum() / 2))
    both = (c + r) > 0
    if both.sum() > 1 and "pooled" not in (row["flags"] or ""):
        chi2 = stats.chi2_contingency(np.array([c[both], r[both]]), correction=False)
        agree(where, "chi2", row["chi2"], float(chi2.statistic), rel=1e-9)


def adjust(p):
    return stats.false_discovery_control(np.array(p, dtype=float))


def main():
    base = json.load(open(baseline))
    columns = {c["name"]: c for c in base["columns"]}
    ref, cur = read(reference), read(events)
    run = subprocess.run([gauge, "replay", "-c", monitor, "--input", events, "--out", "ndjson", "--progress", "off"],
                         capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    rows = [r for r in rows if r["kind"] == "series" and r["segment"] == "all" and r["baseline"] == rows[0]["baseline"]]
    time_column = next(k for k in cur if k in ("timestamp", "ts", "time"))
    times = np.array([when(t) for t in cur[time_column]])
    windows = {}
    for r in rows:
        windows.setdefault((r["window_size"], r["window_end"]), []).append(r)
    for (size, end), family in windows.items():
        chosen = np.flatnonzero((times >= when(family[0]["window_start"])) & (times < when(end)))
        tested = [r for r in family if r["status"] not in ("insufficient", "no_reference") and r["p"] is not None]
        if tested:
            for r, want in zip(tested, adjust([r["p"] for r in tested])):
                agree(f"{size} {end} {r['column_name']}", "p_adjusted", r["p_adjusted"], float(want), rel=1e-9)
        for row in family:
            column = columns[row["column_name"]]
            where = f"{size} {end} {row['column_name']}"
            raw = [cur[column["path"]][i] for i in chosen]
            values = [v for v in raw if v not in NULLS]
            agree(where, "n", row["n"], len(values))
            agree(where, "n_null", row["n_null"], len(raw) - len(values))
            if not values:
                continue
            if column["type"] == "numeric":
                check_numeric(where, row, column, numbers(raw), numbers(ref[column["path"]]))
            else:
                check_category(where, row, column, values, [v for v in ref[column["path"]] if v not in NULLS])
    for p in problems[:20]:
        print(p)
    print(f"{compared} values of {len(rows)} rows in {len(windows)} windows compared, {len(problems)} disagree")
    sys.exit(bool(problems) or compared == 0)


main()
