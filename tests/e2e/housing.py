"""Goal: the figures that docs/GUIDE.md gives for NannyML's California housing data.

    housing.py DIRECTORY      with california_housing_reference.csv and california_housing_analysis.csv;
                              may also be named by DG_HOUSING

The stream comes from another part of the state: Latitude and Longitude must come first in the table.
Then the reference itself is replayed, once as it is (rows sorted by place) and once with its rows in
random order: only the second is what a file baseline assumes. Exits 77 without the files.
"""
import csv
import json
import os
import random
import subprocess
import sys
import tempfile

root = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
gauge = os.path.realpath(os.environ.get("DG_BINARY", f"{root}/build/release/engine/cli/driftgauge"))
data = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DG_HOUSING", "/nonexistent"))
reference, stream = (f"{data}/california_housing_{part}.csv" for part in ("reference", "analysis"))


def run(*arguments):
    done = subprocess.run([gauge, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def shuffled(path):
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    places = [(r["id"], r["timestamp"]) for r in rows]
    random.Random(1).shuffle(rows)
    with open("shuffled.csv", "w", newline="") as f:
        out = csv.DictWriter(f, list(rows[0]))
        out.writeheader()
        for row, (row["id"], row["timestamp"]) in zip(rows, places):
            out.writerow(row)
    return "shuffled.csv"


def describe(name, path):
    found = {}
    lines = run("replay", "-q", "-c", "bold.yaml", "-i", path, "--out", "ndjson").splitlines()
    for size in ("1d", "7d"):
        rows = [r for r in map(json.loads, lines)
                if r["kind"] == "series" and r["window_size"] == size and r["status"] != "insufficient"]
        share = {k: sum(test(r) for r in rows) / len(rows) for k, test in {
            "PSI above 0.1": lambda r: r["psi"] > 0.1, "PSI above 0.25": lambda r: r["psi"] > 0.25,
            "p below 0.05": lambda r: r["p"] < 0.05, "drift": lambda r: r["status"] == "drift"}.items()}
        print(f"{name}, {size}, {len(rows)} comparisons: " + ", ".join(f"{k} {v:.1%}" for k, v in share.items()))
        found[size] = share
    return found


def main():
    if not os.path.exists(stream):
        print("skipped: DG_HOUSING names no directory with the files; docs/GUIDE.md says where they come from")
        sys.exit(77)
    with open(f"{root}/docs/examples/housing.yaml") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for name, rule in (("housing.yaml", "min_rows: 100"), ("bold.yaml", "min_rows: 20, for: 1")):
            with open(name, "w") as f:
                f.write(text.replace("min_rows: 100", rule))
        run("baseline", "build", "-q", "-c", "housing.yaml", "-i", reference, "-o", "reference.baseline.json")
        table = run("replay", "-q", "-c", "housing.yaml", "-i", stream)
        table = table[table.index("7d windows"):].splitlines()[:12]
        print("\n".join(table))
        assert {table[2].split()[0], table[3].split()[0]} == {"Latitude", "Longitude"}
        assert table[4].split()[0] == "y_pred_proba"
        placed, mixed = describe("as it is", reference), describe("shuffled", shuffled(reference))
        os.chdir("/")
    assert placed["1d"]["drift"] > 0.4 and mixed["1d"]["drift"] < 0.005 and mixed["7d"]["drift"] < 0.005
    assert mixed["1d"]["PSI above 0.25"] > 0.4 and mixed["1d"]["p below 0.05"] < 0.05


main()
