"""Goal: the figures of docs/SEASONAL.md: what a seasonal baseline finds, and what it leaves quiet.

    taxi.py nyc_taxi.csv [MONITOR] [-v]      the file may also be named by DG_TAXI; -v: every episode

Replays the taxi file of the Numenta Anomaly Benchmark and compares what each baseline of the monitor
alarms about with the five anomalies that the benchmark names. Both baselines are judged over the same
time: from the first window that the seasonal one has a reference for. Exits 1 if what the document
claims does not hold for its monitor, 77 without the file.
"""
import json
import os
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
gauge = os.environ.get("DG_BINARY", os.path.join(root, "build/release/engine/cli/driftgauge"))
verbose = "-v" in sys.argv
given = [a for a in sys.argv[1:] if a != "-v"]
taxi = given[0] if given else os.environ.get("DG_TAXI", "")
documented = len(given) < 2
monitor = os.path.join(root, "docs/examples/nyc-taxi.yaml") if documented else given[1]

# The benchmark's windows around its five labels.
KNOWN = {
    "1 November, evening": ("2014-10-30 15:30", "2014-11-03 22:30"),
    "Thanksgiving": ("2014-11-25 12:00", "2014-11-29 19:00"),
    "Christmas": ("2014-12-23 11:30", "2014-12-27 18:30"),
    "New Year": ("2014-12-29 21:30", "2015-01-03 04:30"),
    "snow storm": ("2015-01-24 20:30", "2015-01-29 03:30"),
}
HOLIDAYS = {date(2014, 9, 1), date(2014, 10, 13), date(2015, 1, 19)}


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=timezone.utc)


KNOWN = {name: tuple(map(when, span)) for name, span in KNOWN.items()}


def replay():
    run = subprocess.run([gauge, "replay", "-c", monitor, "--input", taxi, "--out", "ndjson", "--progress", "off"],
                         capture_output=True, text=True, check=True)
    series = {}
    for line in run.stdout.splitlines():
        row = json.loads(line)
        if row["kind"] == "series":
            row["start"], row["end"] = when(row["window_start"]), when(row["window_end"])
            series.setdefault(row["baseline"], []).append(row)
    return series


def anomaly(start, end):
    """The known anomaly that the span [start, end) touches, or None."""
    return next((name for name, (a, b) in KNOWN.items() if start < b and end > a), None)


def episodes(rows):
    """Runs of alarming windows; windows that overlap belong to the same run."""
    runs = []
    for row in rows:
        if row["severity"] != "critical":
            continue
        if runs and row["start"] < runs[-1]["end"]:
            runs[-1]["end"] = row["end"]
            runs[-1]["worst"] = max(runs[-1]["worst"], row["psi_adjusted"])
        else:
            runs.append({"start": row["start"], "end": row["end"], "worst": row["psi_adjusted"]})
        runs[-1].setdefault("first", row["end"])
        runs[-1]["last"] = row["end"]
    for run in runs:
        run["known"] = anomaly(run["start"], run["end"])
    return runs


def ordinary_monday(row):
    last = row["end"] - timedelta(microseconds=1)
    return (row["start"].weekday() == 0 and last.date() == row["start"].date()
            and row["start"].date() not in HOLIDAYS and anomaly(row["start"], row["end"]) is None)


def judge(name, rows):
    runs = sorted(episodes(rows), key=lambda e: -e["worst"])
    false = [e for e in runs if e["known"] is None]
    mondays = [r for r in rows if ordinary_monday(r)]
    loud = sum(r["severity"] == "critical" for r in mondays)
    days = (rows[-1]["end"] - rows[0]["end"]).days
    alarming = sum(r["severity"] == "critical" for r in rows)
    print(f"{name}: {len(rows)} windows, {days} days, {alarming} alarm ({alarming / len(rows):.1%}); "
          f"{len(runs)} episodes, {len(false)} outside the known anomalies")
    print(f"  ordinary Mondays: {loud} of {len(mondays)} windows alarm ({loud / len(mondays):.1%})")
    ranks = {}
    for rank, e in enumerate(runs, 1):
        if e["known"] and e["known"] not in ranks:
            ranks[e["known"]] = rank
    for k in KNOWN:
        print(f"  {k}: " + (f"rank {ranks[k]} of {len(runs)}, PSI adj. {runs[ranks[k] - 1]['worst']:.2f}" if k in ranks else "missed"))
    if verbose:
        for e in sorted(runs, key=lambda e: e["start"]):
            print(f"    {e['first']:%a %d %b %H:%M} .. {e['last']:%a %d %b %H:%M}  {e['worst']:.2f}  {e['known'] or ''}")
    return ranks, len(false), loud / len(mondays)


def main():
    if not os.path.exists(taxi):
        print("skipped: DG_TAXI names no file; docs/SEASONAL.md says where it comes from")
        sys.exit(77)
    series = replay()
    seasonal = next(b for b, rows in series.items() if rows[0]["status"] == "no_reference" and b.startswith("weekly"))
    start = next(r["end"] for r in series[seasonal] if r["reference_n"])
    found = {name: judge(name, [r for r in rows if r["end"] >= start]) for name, rows in series.items()}
    if not documented:
        return
    ranks, false, mondays = found["weekly"]
    assert set(ranks) == set(KNOWN), "the seasonal baseline missed one"
    assert max(ranks[k] for k in ("Thanksgiving", "Christmas", "snow storm")) == 3
    assert false <= 8 and found["trailing"][1] >= 50
    assert mondays < 0.04 and found["trailing"][2] > 0.25


main()
