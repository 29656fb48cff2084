"""Goal: whatever is wrong with a file is counted by reason, with its place; the good rows around it are
in the result; and the exit code says whether it was too much.

    bad_input.py DRIFTGAUGE docs/BAD_INPUT.md [--write]

Each entry of the table is a file of 200 good rows and something bad in their middle. What is found is
compared with the entry; the document is the same table and must agree.
"""
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile

import fastavro

gauge, document = sys.argv[1:3]
GOOD = 200
HALF = GOOD // 2
HOUR = "2026-01-{:02d}T{:02d}:{:02d}:00Z"
MONITOR = """monitor: bad
columns:
  timestamp: ts
  id: id
  features: { x: numeric, c: category }
windows: { size: 1h, slide: 1h }
"""


def good(i):
    return {"ts": HOUR.format(1 + i // 240, i // 10 % 24, i % 10 * 6), "id": f"e{i}", "x": float(i % 7), "c": "ab"[i % 2]}


def csv_lines():
    return [",".join(str(v) for v in good(i).values()).encode() for i in range(GOOD)]


def csv_file(*bad, header=b"ts,id,x,c", at=HALF):
    lines = csv_lines()
    return b"\n".join([header, *lines[:at], *bad, *lines[at:]]) + b"\n"


def json_file(*bad):
    lines = [json.dumps(good(i)).encode() for i in range(GOOD)]
    return b"\n".join([*lines[:HALF], *bad, *lines[HALF:]]) + b"\n"


def bad_csv(ts="2026-01-01T10:00:30Z", n="new", x="1", c="a"):
    return f"{ts},{n},{x},{c}".encode()


AVRO = fastavro.parse_schema({"type": "record", "name": "e", "fields": [
    {"name": "ts", "type": "string"}, {"name": "id", "type": "string"},
    {"name": "x", "type": "double"}, {"name": "c", "type": "string"}]})


def avro_file(codec="deflate", block=1000):
    f = io.BytesIO()
    fastavro.writer(f, AVRO, [good(i) for i in range(GOOD)], codec=codec, sync_interval=block)
    return f.getvalue()


def avro_damaged():
    """One byte inside a compressed block in the middle is turned round."""
    data = bytearray(avro_file())
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def avro_codec(name):
    return avro_file(codec="null").replace(b"\x08null", bytes([2 * len(name)]) + name)


def avro_other_schema():
    schema = fastavro.parse_schema({"type": "record", "name": "e", "fields": [
        {"name": "ts", "type": "string"}, {"name": "id", "type": "string"},
        {"name": "x", "type": "string"}, {"name": "c", "type": "string"}]})
    f = io.BytesIO()
    fastavro.writer(f, schema, [{**good(i), "x": "much"} for i in range(GOOD)])
    return f.getvalue()


BIG = b"q" * 10_000_000

# what, file name, content, exit code, good rows, bad by reason, other counts, in words
TABLE = [
    ("a line with too few fields", "a.csv", csv_file(b"2026-01-01T10:00:30Z,new"), 0, GOOD, {"malformed": 1}, {},
     "the line is left out"),
    ("a quote in the wrong place", "a.csv", csv_file(b'2026-01-01T10:00:30Z,"n"ew,1,a'), 0, GOOD, {"malformed": 1}, {},
     "the line is left out"),
    ("a quote that is never closed", "a.csv", csv_file(b'2026-01-01T10:00:30Z,"new,1,a'), 0, GOOD, {"malformed": 1}, {},
     "the line is left out, not the rest of the file"),
    ("a line that is no JSON", "a.ndjson", json_file(b'{"ts": '), 0, GOOD, {"malformed": 1}, {}, "the line is left out"),
    ("a last line that breaks off", "a.ndjson", json_file()[:-20], 0, GOOD - 1, {"truncated": 1}, {},
     "the line is left out"),
    ("a gzip file that breaks off", "a.csv.gz", gzip.compress(csv_file(), mtime=0)[:-9], 0, GOOD, {"truncated": 1}, {},
     "all rows that could be unpacked count"),
    ("an Avro block that breaks off", "a.avro", avro_file(block=500)[:-30], 5, None, {"truncated": 11}, {},
     "as many records as the block said it holds"),
    ("a damaged Avro block", "a.avro", avro_damaged(), 5, None, {"codec": 29}, {},
     "as many records as the block said it holds"),
    ("an Avro codec that is not known", "a.avro", avro_codec(b"lzma9"), 5, 0, None, {}, "the file is not read"),
    ("an Avro codec that is not the one used", "a.avro", avro_codec(b"deflate"), 5, 0, {"codec": GOOD}, {},
     "no row can be read"),
    ("a column that is missing", "a.csv", csv_file(header=b"ts,id,y,c"), 0, GOOD, {}, {"x.n": 0, "x.n_absent": GOOD},
     "a warning; its values count as absent"),
    ("no time column", "a.csv", csv_file(header=b"when,id,x,c"), 5, 0, None, {}, "the file is not read"),
    ("numbers that become words", "a.csv", csv_file(bad_csv(x="much")), 0, GOOD + 1, {}, {"x.n": GOOD, "x.n_unparsable": 1},
     "the value counts as unparsable, the row counts"),
    ("a number that becomes an object", "a.ndjson",
     json_file(b'{"ts":"2026-01-01T10:00:30Z","id":"new","x":{"v":1},"c":"a"}'), 0, GOOD + 1, {},
     {"x.n": GOOD, "x.n_unparsable": 1}, "the value counts as unparsable, the row counts"),
    ("an Avro column of another type", "a.avro", avro_other_schema(), 0, GOOD, {}, {"x.n": 0, "x.n_unparsable": GOOD},
     "the values count as unparsable, the rows count"),
    ("NaN", "a.csv", csv_file(bad_csv(x="NaN")), 0, GOOD + 1, {}, {"x.n": GOOD, "x.n_nan": 1}, "counted apart"),
    ("Inf", "a.csv", csv_file(bad_csv(x="-Inf")), 0, GOOD + 1, {}, {"x.n": GOOD, "x.n_neg_inf": 1}, "counted apart"),
    ("1e400", "a.csv", csv_file(bad_csv(x="1e400")), 0, GOOD + 1, {}, {"x.n": GOOD, "x.n_pos_inf": 1},
     "too large for a double: counted as infinite"),
    ("a field of 10 MB", "a.csv", csv_file(bad_csv(c="qqq").replace(b"qqq", BIG)), 0, GOOD + 1, {}, {"c.n": GOOD + 1},
     "a category like any other, named by its beginning and a hash"),
    ("a line of 20 MB", "a.csv", csv_file(bad_csv(c="qqq").replace(b"qqq", BIG + BIG)), 0, GOOD, {"too_large": 1}, {},
     "the line is left out"),
    ("text that is not UTF-8", "a.csv", csv_file(bad_csv(c="X").replace(b"X", b"\xe4")), 0, GOOD, {"utf8": 1}, {},
     "the line is left out"),
    ("a NUL", "a.csv", csv_file(bad_csv(c="X").replace(b"X", b"a\0b")), 0, GOOD, {"binary": 1}, {}, "the line is left out"),
    ("an empty file", "a.csv", b"", 0, 0, {}, {}, "no row, no window"),
    ("a header without rows", "a.csv", b"ts,id,x,c\n", 0, 0, {}, {}, "no row, no window"),
    ("a program named .csv", "a.csv", b"\x7fELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\n,,", 5, 0, {"binary": 1}, {},
     "one bad record; the rest is not looked at"),
    ("a Parquet file", "a.csv", b"PAR1\x15\x04\x15\x10\x15\x14L\x15\x02PAR1", 5, 0, None, {}, "the file is not read"),
    ("no time", "a.csv", csv_file(bad_csv(ts="")), 0, GOOD, {"time": 1}, {}, "the line is left out"),
    ("a time that is none", "a.csv", csv_file(bad_csv(ts="soon")), 0, GOOD, {"time": 1}, {}, "the line is left out"),
    ("a day that does not exist", "a.csv", csv_file(bad_csv(ts="2026-02-30")), 0, GOOD, {"time": 1}, {}, "the line is left out"),
    ("a time of 1970", "a.csv", csv_file(bad_csv(ts="1970-01-01T00:00:00Z")), 0, GOOD, {}, {"late": 1}, "counted as late"),
    ("a time of 1970 in the first row", "a.csv", csv_file(bad_csv(ts="1970-01-01T00:00:00Z"), at=0), 0, GOOD, {}, {"late": 1},
     "counted as late: windows begin with the second row"),
    ("a time of 2100", "a.csv", csv_file(bad_csv(ts="2100-01-01T00:00:00Z")), 0, GOOD, {"future": 1}, {},
     "the rows after it are not late"),
    ("a time of 2100 in the first row", "a.csv", csv_file(bad_csv(ts="2100-01-01T00:00:00Z"), at=0), 0, GOOD,
     {"future": 1}, {}, "the rows after it are not late"),
    ("an id that was there before", "a.csv", csv_file(csv_lines()[HALF - 1]), 0, GOOD, {}, {"duplicates": 1},
     "the first one counts"),
    ("eleven bad lines", "a.csv", csv_file(*[b"x"] * 11), 5, GOOD, {"malformed": 11}, {},
     "more than `--max-bad 1%`; the results are given all the same"),
]


def measure(path):
    run = subprocess.run([gauge, "replay", "-c", "m.yaml", path, "--out", "json", "--progress", "off"],
                         capture_output=True)
    found = {"exit": run.returncode, "rows": 0, "bad": None, "words": run.stderr.decode()}
    try:
        doc = json.loads(run.stdout)
    except ValueError:
        return found
    totals = doc["totals"]
    found["rows"] = totals["rows"]
    found["bad"] = {k: v for k, v in totals["bad"].items() if v} if isinstance(totals["bad"], dict) else totals["bad"]
    found.update({k: totals[k] for k in ("duplicates", "late")})
    for s in doc["rows"]:
        if s["kind"] == "series":
            for key in ("n", "n_absent", "n_unparsable", "n_nan", "n_pos_inf", "n_neg_inf"):
                name = f"{s['column_name']}.{key}"
                found[name] = found.get(name, 0) + s[key]
    return found


def judge(entry, found):
    what, _, _, code, rows, bad, others, _ = entry
    wrong = []
    for key, want in [("exit", code), ("bad", bad), *others.items(), *([("rows", rows)] if rows is not None else [])]:
        if found.get(key) != want:
            wrong.append(f"{what}: {key} is {found.get(key)}, want {want}")
    if rows is None and not GOOD // 2 <= found["rows"] < GOOD:
        wrong.append(f"{what}: {found['rows']} rows")
    for reason in bad or {}:
        if f"{reason} at record or line" not in found["words"]:
            wrong.append(f"{what}: the place of {reason} is not said: {found['words']}")
    if (code != 0 or bad) and not found["words"]:
        wrong.append(f"{what}: nothing is said")
    return wrong


def line_of(entry, found):
    what, name, _, code, rows, bad, others, words = entry
    kind = name.split(".", 1)[1]
    counted = [f"{n} {reason}" for reason, n in (bad or {}).items()]
    counted += [f"{n} {key.split('.')[-1].removeprefix('n_')}" for key, n in others.items() if not key.endswith(".n")]
    kept = "all others" if rows is None else "all" if rows >= GOOD else "all others" if rows > 0 else "none"
    return f"| {what} | {kind} | {', '.join(counted) or '-'} | {kept} | {code} | {words} |"


HEAD = """# Bad input

<!-- Written by tests/e2e/bad_input.sh --write, which also checks it: every line is a test. -->

Bad records never end a replay, and never cost a good row beside them. Each is counted under one reason,
the first places of every reason are named, and `--max-bad` (1% unless given) decides whether the run
still ends with exit code 0: with more, results and reports are complete, and the exit code is 5. Only a
file of which nothing can be made is refused outright, also with 5.

Each line below is a file of 200 good rows with one such thing in its middle.

| in the file | format | counted as | good rows kept | exit code | and |
|---|---|---|---|---|---|
"""


def main():
    problems, lines = [], []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        open("m.yaml", "w").write(MONITOR)
        for entry in TABLE:
            with open(entry[1], "wb") as f:
                f.write(entry[2])
            found = measure(entry[1])
            problems += judge(entry, found)
            lines.append(line_of(entry, found))
            os.unlink(entry[1])
        os.chdir("/")
    text = HEAD + "\n".join(lines) + "\n"
    mine, mark, rest = open(document).read().partition("\n## From Kafka\n")  # the rest is bad_input_kafka.py's
    if "--write" in sys.argv:
        open(document, "w").write(text + mark + rest)
    elif mine != text:
        problems.append(f"{document} is not what the table says; run tests/e2e/bad_input.sh --write")
    for p in problems:
        print(p)
    print(f"{len(TABLE)} files, {len(problems)} problems")
    sys.exit(bool(problems))


main()
