"""Are the rows of two runs equal? Every column of every series and slice row with the highest revision,
but revision, the time of writing and the numbers that differ between databases by nature.

    compare_rows.py dump RUN FILE            RUN: '' is live, else a replay's name; one JSON line per row, by key
    compare_rows.py compare A B [--least N]  A, B: files of dump, or run:NAME in this database ("run:" is live);
                                             exit code 1 and the first differences, or "N rows are equal"

Connects as psql does. `dump` also checks that exactly the highest revision is not marked superseded.
"""
import json
import os
import subprocess
import sys
import tempfile

# Names instead of the numbers of the dimension tables: they depend on who came first.
LEFT_OUT = "'evaluated_at', 'revision', 'run_id', 'config_id', 'monitor_id', 'slice_id', 'column_id', 'baseline_id', 'tenant_id', 'superseded'"
DUMP = """
SELECT jsonb_build_object('kind', '{kind}', 'monitor', m.name, 'version', l.version, 'variant', l.variant,
                          'segment', l.segment{names}) || (to_jsonb(r) - ARRAY[{left_out}])
  FROM (SELECT DISTINCT ON (monitor_id, window_size, window_end, slice_id{keys}) * FROM driftgauge.{table}
         WHERE run_id IN ({run}) ORDER BY monitor_id, window_size, window_end, slice_id{keys}, revision DESC) r
  JOIN driftgauge.monitor m USING (monitor_id)
  JOIN driftgauge.slice l USING (slice_id){joins}
 ORDER BY m.name, r.window_size, r.window_end, l.version, l.variant, l.segment{order}
"""
SUPERSEDED = """
SELECT count(*) FROM (
    SELECT revision, superseded, max(revision) OVER (PARTITION BY run_id, monitor_id, window_size, window_end, slice_id{keys}) AS top
      FROM driftgauge.{table} WHERE run_id IN ({run})) r
 WHERE superseded <> (revision < top)
"""
TABLES = [
    dict(table="slice_result", kind="slice", names="", keys="", joins="", order=""),
    dict(table="series_result", kind="series", keys=", column_id, baseline_id",
         names=", 'column', k.column_name, 'baseline', b.name, 'baseline_version', b.version",
         joins=" JOIN driftgauge.series_column k USING (column_id) JOIN driftgauge.baseline b USING (baseline_id)",
         order=", k.column_name, b.name"),
]
KEYS = ("kind", "monitor", "window_size", "window_end", "version", "variant", "segment", "column", "baseline")


def query(sql, out=subprocess.PIPE):
    run = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=sql.encode(), stdout=out)
    if run.returncode != 0:
        sys.exit(run.returncode)
    return run.stdout.decode().strip() if out == subprocess.PIPE else None


def run_number(name):
    if name == "":
        return "0"
    number = query("SELECT string_agg(run_id::text, ', ') FROM driftgauge.run WHERE name = '%s' AND run_id <> 0" % name.replace("'", "''"))
    if not number:
        sys.exit(f"compare_rows: there is no run {name!r}")
    return number


def dump(name, path):
    run = run_number(name)
    for t in TABLES:
        wrong = query(SUPERSEDED.format(run=run, **t))
        if wrong != "0":
            sys.exit(f"compare_rows: run {name!r}: {wrong} rows of {t['table']} are marked wrongly as superseded or not")
    with open(path, "wb") as f:
        for t in TABLES:
            query("COPY (" + DUMP.format(run=run, left_out=LEFT_OUT, **t) + ") TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02');", f)
    return path


def rows_of(path):
    found = {}
    with open(path) as f:
        for line in f:
            row = json.loads(line)
            found[tuple(str(row.get(k)) for k in KEYS)] = (line, row)
    return found


def describe(key):
    return " ".join(f"{k}={v}" for k, v in zip(KEYS, key) if v not in ("", "None"))


def compare(a, b, least):
    left, right = rows_of(a), rows_of(b)
    different = [k for k in sorted(left.keys() | right.keys()) if left.get(k, (0,))[0] != right.get(k, (1,))[0]]
    for k in different[:10]:
        if k not in left or k not in right:
            print(f"only in {'the second' if k not in left else 'the first'}: {describe(k)}")
            continue
        x, y = left[k][1], right[k][1]
        print(describe(k), {c: (x.get(c), y.get(c)) for c in sorted(x.keys() | y.keys()) if x.get(c) != y.get(c)})
    if different:
        print(f"{len(different)} rows differ, of {len(left)} and {len(right)}")
        return 1
    if len(left) < least:
        print(f"only {len(left)} rows to compare, {least} expected")
        return 1
    print(f"{len(left)} rows are equal")
    return 0


def main():
    args = sys.argv[1:]
    least = 1
    if "--least" in args:
        at = args.index("--least")
        least = int(args[at + 1])
        del args[at:at + 2]
    if len(args) != 3 or args[0] not in ("dump", "compare"):
        sys.exit(__doc__)
    if args[0] == "dump":
        dump(args[1], args[2])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        files = [dump(x[4:], os.path.join(folder, str(i))) if x.startswith("run:") else x for i, x in enumerate(args[1:])]
        return compare(*files, least)


if __name__ == "__main__":
    sys.exit(main())
