"""The same work by numpy, scipy and Evidently, on the rows of an Avro container.

    peers.py EVENTS.avro REFERENCE.avro BASELINE.json [--rounds N] [--scipy ROWS] [--evidently ROWS]

Prints one JSON object: nanoseconds of CPU per event. numpy: the baseline's edges by searchsorted and
bincount, and mean, variance, skewness and kurtosis, of every numeric column; bincount of the coded
category. scipy: ks_2samp, wasserstein_distance, and PSI by hand on deciles, against the reference.
Evidently: a data-drift report with PSI, and one with KS. One thread; imports are not counted.
"""
import argparse
import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["DO_NOT_TRACK"] = "1"

import fastavro
import numpy as np


def read(path, rows=None):
    """Columns of the container, and the CPU time per event that reading took."""
    start = time.process_time()
    with open(path, "rb") as file:
        records = [r for _, r in zip(range(rows) if rows else iter(int, 1), fastavro.reader(file))]
    names = [n for n in records[0] if n not in ("ts", "country")]
    data = {n: np.array([r[n] for r in records]) for n in names}
    data["country"] = np.array([r["country"] for r in records])
    return data, (time.process_time() - start) / len(records) * 1e9


def edges_of(path):
    with open(path) as file:
        baseline = json.load(file)
    return {c["name"]: np.array(c["bins"]["edges"]) for c in baseline["columns"] if c.get("bins")}


def bins_and_moments(data, codes, edges):
    out = []
    for name, edge in edges.items():
        x = data[name]
        counts = np.bincount(np.searchsorted(edge, x, side="left"), minlength=len(edge) + 1)
        mean = x.mean()
        d = x - mean
        square = d * d
        m2 = square.sum()
        out.append((counts, mean, m2 / len(x), (square * d).sum() / m2**1.5, (square * square).sum() / m2**2))
    out.append(np.bincount(codes))
    return out


def psi(reference, current):
    edges = np.quantile(reference, np.linspace(0.1, 0.9, 9))
    def share(x):
        counts = np.bincount(np.searchsorted(edges, x, side="left"), minlength=10)
        return (counts + 0.5) / (len(x) + 5)
    p, q = share(current), share(reference)
    return float(((p - q) * np.log(p / q)).sum())


def compare_scipy(reference, current):
    from scipy import stats
    out = []
    for name in reference:
        if name != "country":
            r, c = reference[name], current[name]
            out.append((stats.ks_2samp(r, c).pvalue, stats.wasserstein_distance(r, c), psi(r, c)))
    return out


def evidently_report(reference, current, method):
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset
    numbers = [n for n in reference if n != "country"]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=["country"])
    r, c = pd.DataFrame(reference), pd.DataFrame(current)
    preset = DataDriftPreset(method="psi") if method == "psi" else DataDriftPreset(num_method="ks")
    def run():
        report = Report([preset])
        return report.run(Dataset.from_pandas(c, definition), Dataset.from_pandas(r, definition))
    return run


def least(run, rounds, events):
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best / events * 1e9


def head(data, rows):
    return {n: x[:rows] for n, x in data.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scipy", type=int, default=100000, metavar="ROWS")
    parser.add_argument("--evidently", type=int, default=100000, metavar="ROWS")
    args = parser.parse_args()
    current, reading = read(args.files[0])
    reference, _ = read(args.files[1])
    edges, events = edges_of(args.files[2]), len(current["country"])
    codes = np.unique(current["country"], return_inverse=True)[1]
    out = {"events": events, "numpy_version": np.__version__, "fastavro": reading}
    out["numpy"] = least(lambda: bins_and_moments(current, codes, edges), args.rounds, events)
    try:
        import scipy
        rows = min(args.scipy, events, len(reference["country"]))
        r, c = head(reference, rows), head(current, rows)
        out.update(scipy_version=scipy.__version__, scipy_rows=rows,
                   scipy=least(lambda: compare_scipy(r, c), args.rounds, rows))
    except ImportError as e:
        print(f"no scipy: {e}", file=sys.stderr)
    try:
        import evidently
        rows = min(args.evidently, events, len(reference["country"]))
        r, c = head(reference, rows), head(current, rows)
        out.update(evidently_version=evidently.__version__, evidently_rows=rows)
        for method in ("psi", "ks"):
            run = evidently_report(r, c, method)
            run()
            out["evidently_" + method] = least(run, max(1, args.rounds - 1), rows)
    except ImportError as e:
        print(f"no Evidently: {e}", file=sys.stderr)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
