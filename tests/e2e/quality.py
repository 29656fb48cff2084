"""Goal: every number of data quality that a window publishes is the one that was put into the file.

    quality.py DRIFTGAUGE

One crafted file of three hours; the second is the one that is looked at, the third is silent but for
one row at its end.
"""
import csv
import json
import os
import subprocess
import sys
import tempfile

gauge = sys.argv[1]
problems = []
MONITOR = """monitor: quality
columns:
  timestamp: ts
  id: id
  features:
    amount: { type: numeric, valid: [0, 100] }
    flat: numeric
    counter: { type: numeric, from: seq }
    channel: { type: category, values: [web, app] }
    gone: numeric
    plan: category
windows: [{ size: 1h, slide: 1h }, { size: 4h, slide: 4h }]
time: { out_of_order: 5m, late_events: 30m, max_ahead: 1d }
checks:
  completeness: { warn: below 70% }
  validity: { critical: below 50% }
  late_share: { warn: above 1% }
"""


def event(minute, n, **more):
    row = {"ts": f"2026-01-05T{minute // 60:02d}:{minute % 60:02d}:{n % 60:02d}Z", "id": f"e{minute}-{n}",
           "amount": "50", "flat": "7", "seq": str(minute * 100 + n), "channel": "web", "gone": "1", "plan": "a"}
    row.update(more)
    return {k: v for k, v in row.items() if v is not None}


def events():
    """Lines of NDJSON; the watermark is 5 minutes behind the newest."""
    rows = [event(m, 0) for m in range(60)]  # 0:00 .. 0:59, one a minute
    odd = {60: {"amount": "NaN"}, 61: {"amount": "1e400"}, 62: {"amount": "-1e400"}, 63: {"amount": "soon"},
           64: {"amount": "101"}, 65: {"amount": "-0.5"}, 66: {"amount": None}, 67: {"amount": "null"},
           68: {"channel": "fax"}, 69: {"channel": "fax"}, 70: {"channel": "null"}, 71: {"plan": "b"}}
    for m in range(60, 120):  # the window: 60 rows
        rows.append(event(m, 0, gone=None, extra="x", **odd.get(m, {})))
    rows.append(event(119, 0))                       # a duplicate, of 1:59:00
    rows.append(event(118, 0))                       # another
    rows.append(event(112, 30, gone=None))           # 6.5 minutes back: out of order
    rows.append(event(116, 30, gone=None, other=1))  # 2.5 minutes back: within the tolerance
    rows.append(event(130, 0))                       # 2:10, the watermark is 2:05, late until 1:35
    rows.append(event(10, 1))                        # 0:10: its pane ended at 1:00, late
    rows.append(event(20, 1))                        # late
    rows.append({"ts": "never", "id": "x"})          # bad time
    rows.append(event(239, 0))                       # 3:59
    lines = []
    for r in rows:
        lines.append(json.dumps(r).replace('"null"', "null").replace('"1e400"', "1e400"))
    lines.insert(124, "{broken")  # while the partition was at 1:59
    return "\n".join(lines) + "\n"


def check(what, row, **want):
    for key, value in want.items():
        got = row.get(key)
        same = got == value if not isinstance(value, float) or got is None else abs(got - value) < 1e-9
        if not same:
            problems.append(f"{what}: {key} is {got!r}, want {value!r}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        open("m.yaml", "w").write(MONITOR)
        open("e.ndjson", "w").write(events())
        run = subprocess.run([gauge, "replay", "-c", "m.yaml", "e.ndjson", "--out", "ndjson", "--max-bad", "9"],
                             capture_output=True, text=True)
        os.chdir("/")
    if run.returncode != 0:
        print(run.stderr)
        sys.exit(1)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    at = {(r["window_size"], r["window_end"], r.get("column_name", "")): r for r in rows if "window_end" in r}

    def hour(end, column=""):
        return at[("1h", f"2026-01-05T{end:02d}:00:00Z", column)]

    stream = hour(2)
    # 60 rows, one out of order, one within the tolerance; two duplicates dropped
    check("stream", stream, rows=62, duplicates=2, out_of_order=1, late=0, bad_malformed=1, bad=1, silent=False,
          duplicates_share=2 / 65, out_of_order_share=1 / 65, bad_share=1 / 65, late_share=0.0, n_series=6,
          severity="warn")
    names = stream["new_fields"]
    if sorted(names.split(",") if isinstance(names, str) else [n if isinstance(n, str) else n["name"] for n in names]) \
            != ["extra", "other"]:
        problems.append(f"new fields are {names!r}")
    check("amount", hour(2, "amount"), n=54, n_absent=1, n_null=1, n_nan=0, n_pos_inf=1, n_neg_inf=1,
          n_unparsable=2, n_out_of_range=2, missing=2 / 62, completeness=58 / 62, validity=54 / 58, mean=50.0,
          sd=0.0, min=50.0, max=50.0, severity="ok")
    check("flat", hour(2, "flat"), n=62, completeness=1.0, validity=1.0)
    check("channel", hour(2, "channel"), n=61, n_out_of_range=2, n_null=1, completeness=61 / 62, validity=59 / 61)
    check("gone", hour(2, "gone"), n=0, n_absent=62, completeness=0.0, mean=None, severity="warn")
    check("plan", hour(2, "plan"), n=62)
    words = {c: hour(2, c)["flags"] or "" for c in ("amount", "flat", "counter", "channel", "gone", "plan")}
    for column, flag, there in (("flat", "constant", True), ("amount", "constant", True), ("plan", "constant", False),
                                ("gone", "vanished", True), ("flat", "vanished", False)):
        if (flag in words[column]) != there:
            problems.append(f"flags of {column} are {words[column]!r}")
    # The four hours hold four panes; each hour's values lie beyond the last one's.
    four = at[("4h", "2026-01-05T04:00:00Z", "counter")]
    if "monotone" not in (four["flags"] or ""):
        problems.append(f"counter is not monotone: {four['flags']!r}")
    if "monotone" in (at[("4h", "2026-01-05T04:00:00Z", "flat")]["flags"] or ""):
        problems.append("flat is monotone")
    check("four hours", at[("4h", "2026-01-05T04:00:00Z", "")], rows=60 + 62 + 1 + 1, late=2, duplicates=2,
          bad_time=1, bad_malformed=1)
    check("third hour", hour(3), rows=1, late=2, bad_time=1, bad=1, late_share=0.5, severity="warn")
    check("first hour", hour(1), rows=60, late=0, new_fields="", bad=0)
    check("last hour", hour(4), rows=1, silent=False)
    for p in problems:
        print(p)
    print(f"{len(rows)} rows looked at, {len(problems)} problems")
    sys.exit(bool(problems))


main()
