"""Goal: whatever stands in a record of a topic is counted under one reason, goes to the dead-letter topic if it cannot be
read, and costs no good record beside it.

    bad_input_kafka.py docs/BAD_INPUT.md [--write]

Each entry of the table is a topic of 200 good records and something bad in their middle. One daemon reads them all. What it
counted is compared with the entry; the document's section is the same table and must agree.
"""
import json
import math
import os
import struct
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402

document = sys.argv[1]
TOOL = os.environ["DG_KAFKA_TOOL"]
GOOD = 200
HALF = GOOD // 2
START = 1767225600  # 2026-01-01T00:00:00Z
STEP = 360
MONITOR = """monitor: {name}
source: {{ topic: {name}, dead_letters: {name}.dead, idle_after: 1s }}
columns:
  timestamp: ts
  id: id
  features: {{ x: numeric, c: category }}
windows: {{ size: 1h, slide: 1h }}
"""
AT = START + HALF * STEP + 30  # between two good records


def good(i):
    return {"ts": START + i * STEP, "id": f"e{i}", "x": float(i % 7), "c": "ab"[i % 2]}


def new(**changes):
    return {"ts": AT, "id": "new", "x": 1.0, "c": "a", **changes}


def as_json(event):
    return json.dumps(event).encode()


# ---- Avro, by hand ---------------------------------------------------------------------------------------------------

def long(n):
    z, out = n << 1 ^ n >> 63, b""
    z &= (1 << 64) - 1
    while z >= 0x80:
        out += bytes([z & 0x7F | 0x80])
        z >>= 7
    return out + bytes([z])


def text(s):
    return long(len(s.encode())) + s.encode()


def double(x):
    return struct.pack("<d", x)


def record(*fields):
    return {"type": "record", "name": "e", "fields": [{"name": n, "type": t} for n, t in fields]}


FIRST = record(("ts", "long"), ("id", "string"), ("x", "double"), ("c", "string"))
LATER = record(("region", "string"), ("ts", "long"), ("id", "string"), ("x", ["null", "int"]), ("c", "string"))
OTHER = record(("ts", "long"), ("id", "string"), ("amount", "double"), ("c", "string"))
STRANGE = record(("when", "string"), ("what", "string"))
ids = {}  # name of a schema: its id in the registry


def register(name, schema):
    body = json.dumps({"schema": json.dumps(schema)}).encode()
    request = urllib.request.Request(f"{os.environ['SCHEMA_REGISTRY_URL']}/subjects/{name}/versions", body,
                                     {"Content-Type": "application/vnd.schemaregistry.v1+json"})
    with urllib.request.urlopen(request) as answer:
        ids[name] = json.load(answer)["id"]


def framed(schema, body):
    return b"\0" + struct.pack(">I", ids.get(schema, 999999)) + body


def first(e):
    return framed("first", long(e["ts"]) + text(e["id"]) + double(e["x"]) + text(e["c"]))


def later(e):
    return framed("later", text("south") + long(e["ts"]) + text(e["id"]) + long(1) + long(int(e["x"])) + text(e["c"]))


def other(e):
    return framed("other", long(e["ts"]) + text(e["id"]) + double(e["x"]) + text(e["c"]))


def table():
    """what, format, records in the middle, records after it are made by, bad by reason, others, kept, in words"""
    event = new()
    a_row = GOOD + 1
    return [
        ("random bytes", "json", [b"\xff\x03\x9c\x10\x80\x00\xfe"], {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("JSON that breaks off", "json", [as_json(event)[:-9]], {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("JSON with something after it", "json", [as_json(event) + b"}"], {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("JSON that is no object", "json", [b"[1, 2]"], {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("an empty value", "json", [b""], {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("a tombstone (null value)", "json", [None], {}, {}, GOOD, "no event and no error"),
        ("a name twice", "json", [b'{"ts":%d,"id":"new","x":1,"x":2,"c":"a"}' % AT], {}, {"x.n": a_row}, a_row,
         "the last one counts"),
        ("nested 100,000 deep", "json", [b'{"a":' * 100000], {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("a number of 400 digits", "json", [as_json(event).replace(b"1.0", b"9" * 400)], {},
         {"x.n": GOOD, "x.n_pos_inf": 1}, a_row, "too large for a double: counted as infinite"),
        ("1e999", "json", [as_json(event).replace(b"1.0", b"1e999")], {}, {"x.n": GOOD, "x.n_pos_inf": 1}, a_row,
         "too large for a double: counted as infinite"),
        ("NaN", "json", [as_json(event).replace(b"1.0", b"NaN")], {"malformed": 1}, {}, GOOD, "JSON has no NaN: the record is left out"),
        ("half a surrogate pair", "json", [as_json(event).replace(b'"a"', b'"\\ud800"')], {"utf8": 1}, {}, GOOD,
         "the record is left out"),
        ("text that is not UTF-8", "json", [as_json(event).replace(b'"a"', b'"\xe4"')], {"utf8": 1}, {}, GOOD,
         "the record is left out"),
        ("a value of 1 MB", "json", [as_json(new(c="q" * 900000))], {}, {"c.n": a_row}, a_row,
         "a category like any other, named by its beginning and a hash"),
        ("a number that becomes an object", "json", [as_json(new(x={"v": 1}))], {}, {"x.n": GOOD, "x.n_unparsable": 1}, a_row,
         "the value counts as unparsable, the row counts"),
        ("no time", "json", [as_json({k: v for k, v in event.items() if k != "ts"})], {"time": 1}, {}, GOOD,
         "the record is left out"),
        ("a time of 1970", "json", [as_json(new(ts="1970-01-01T00:00:00Z"))], {}, {"late": 1}, GOOD, "counted as late"),
        ("a time of 2100", "json", [as_json(new(ts="2100-01-01T00:00:00Z"))], {"future": 1}, {}, GOOD,
         "ahead of its record's own timestamp; the rows after it are not late"),
        ("an id that was there before", "json", [as_json(good(HALF - 1))], {}, {"duplicates": 1}, GOOD, "the first one counts"),
        ("ten times the same record", "json", [as_json(event)] * 10, {}, {"duplicates": 9}, a_row, "the first one counts"),
        ("Avro that breaks off", "avro", [first(event)[:-3]], {"truncated": 1}, {}, GOOD, "the record is left out"),
        ("Avro with something after it", "avro", [first(event) + b"\0"], {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("random bytes behind a frame", "avro", [framed("first", b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")],
         {"malformed": 1}, {}, GOOD, "the record is left out"),
        ("a text that claims 2 GB", "avro", [framed("first", long(AT) + long(2 ** 31 - 1) + b"new")], {"truncated": 1}, {}, GOOD,
         "nothing is allocated for it"),
        ("a text of negative length", "avro", [framed("first", long(AT) + long(-5) + b"new")], {"malformed": 1}, {}, GOOD,
         "the record is left out"),
        ("three bytes", "avro", [b"\0\0\0"], {"malformed": 1}, {}, GOOD, "no whole frame"),
        ("a schema id that the registry does not know", "avro", [framed("none", first(event)[5:])], {"schema": 1}, {}, GOOD,
         "asked for once, then remembered for 30 s"),
        ("the id of a schema with other fields", "avro", [framed("strange", text("soon") + text("new"))], {"time": 1}, {}, GOOD,
         "it has no time: the record is left out"),
        ("a schema without one of the features", "avro", [other(event)], {}, {"x.n": GOOD, "x.n_absent": 1}, a_row,
         "the value counts as absent, the row counts"),
        ("another schema from the middle on", "avro", later, {}, {"x.n": GOOD}, GOOD,
         "fields are found by name; an int is a number like a double"),
        ("a schema of `id` that is not the writer's", "avro", [framed("other", first(event)[5:])], {}, {"x.n_absent": 1}, a_row,
         "what fits is read: nobody can tell"),
        ("an infinite number", "avro", [first(new(x=-math.inf))], {}, {"x.n": GOOD, "x.n_neg_inf": 1}, a_row, "counted apart"),
        ("NaN", "avro", [first(new(x=math.nan))], {}, {"x.n": GOOD, "x.n_nan": 1}, a_row, "counted apart"),
    ]


def fill(name, entry):
    form, middle = entry[1], entry[2]
    encode = as_json if form == "json" else first
    lines = [(START + i * STEP, encode(good(i))) for i in range(HALF)]
    if callable(middle):
        encode, middle = middle, []
    lines += [(AT, m) for m in middle]
    lines += [(START + i * STEP, encode(good(i))) for i in range(HALF, GOOD)]
    words = "".join(f"0\t{at * 1000}\t-\t{'-' if v is None else v.hex()}\n" for at, v in lines)
    subprocess.run([TOOL, "produce", name, "values=hex", "message.max.bytes=3000000"], input=words.encode(), check=True,
                   stderr=subprocess.DEVNULL)


def measure(db, name):
    found = {"dead": len(live.run(TOOL, "consume", name + ".dead", "values=hex").stdout.splitlines())}
    of = f"run_id = 0 AND NOT superseded AND monitor_id = (SELECT monitor_id FROM driftgauge.monitor WHERE name = '{name}')"
    slices = json.loads(live.sql(
        "SELECT row_to_json(t) FROM (SELECT coalesce(sum(rows) FILTER (WHERE l.segment = 'all'), 0) AS rows, sum(late) AS late, "
        "sum(duplicates) AS duplicates, sum(bad) AS bad, "
        + ", ".join(f"sum(bad_{r}) AS {r}" for r in ("malformed", "truncated", "codec", "schema", "utf8", "too_large", "binary",
                                                     "time", "future"))
        + f" FROM driftgauge.slice_result JOIN driftgauge.slice l USING (slice_id, monitor_id) WHERE {of}) t", db))
    found.update(slices)
    for column, *numbers in json.loads(live.sql(
            "SELECT coalesce(json_agg(json_build_array(column_name, n, n_absent, n_unparsable, n_nan, n_pos_inf, n_neg_inf)), '[]') "
            "FROM (SELECT k.column_name, sum(n) n, sum(n_absent) n_absent, sum(n_unparsable) n_unparsable, sum(n_nan) n_nan, "
            "sum(n_pos_inf) n_pos_inf, sum(n_neg_inf) n_neg_inf FROM driftgauge.series_result "
            f"JOIN driftgauge.series_column k USING (column_id, monitor_id) WHERE {of} GROUP BY 1) t", db)):
        for key, number in zip(("n", "n_absent", "n_unparsable", "n_nan", "n_pos_inf", "n_neg_inf"), numbers):
            found[f"{column}.{key}"] = number
    return found


def judge(entry, found):
    what, form, _, bad, others, rows, _ = entry
    wrong = []
    reasons = {r: found[r] for r in ("malformed", "truncated", "codec", "schema", "utf8", "too_large", "binary", "time", "future")
               if found[r]}
    dead = sum(bad.values())
    for key, got, want in [("bad", reasons, bad), ("rows", found["rows"], rows), ("dead letters", found["dead"], dead),
                           *((k, found.get(k), n) for k, n in others.items()),
                           *((k, found[k], 0) for k in ("late", "duplicates") if k not in others)]:
        if got != want:
            wrong.append(f"{what}, {form}: {key} is {got}, want {want}")
    return wrong


def line_of(entry, found):
    what, form, _, bad, others, rows, words = entry
    counted = [f"{n} {reason}" for reason, n in bad.items()]
    counted += [f"{n} {key.split('.')[-1].removeprefix('n_')}" for key, n in others.items() if not key.endswith(".n")]
    return f"| {what} | {form} | {', '.join(counted) or '-'} | {'all' if rows >= GOOD else 'not all'} | {found['dead'] or '-'} | {words} |"


MARK = "\n## From Kafka\n"
HEAD = MARK + """
<!-- Written by tests/e2e/bad_input_kafka.sh --write, which also checks it: every line is a test. -->

The daemon goes on whatever it reads. A record that cannot be read is counted in its window under one reason, and goes to
`source.dead_letters` as it was, where a topic is named. The same records counted by a replay of the topic give the same rows.

Each line below is a topic of 200 good records with one such thing in its middle; Avro is framed as Confluent's registry has it.

| in the record | format | counted as | good records kept | dead letters | and |
|---|---|---|---|---|---|
"""


def main():
    for name, schema in (("first", FIRST), ("later", LATER), ("other", OTHER), ("strange", STRANGE)):
        register(name, schema)
    entries = table()
    names = [f"bad-{i:02d}" for i in range(len(entries))]
    config = os.path.join(live.work, "bad")
    os.makedirs(config)
    live.run(TOOL, "create", "1", *names, *(n + ".dead" for n in names))
    for name, entry in zip(names, entries):
        fill(name, entry)
        with open(os.path.join(config, name + ".yaml"), "w") as f:
            f.write(MONITOR.format(name=name))
    db = live.database("bad_input")
    live.finish(config, db, "bad", registry=os.environ["SCHEMA_REGISTRY_URL"])
    problems, lines = [], []
    for name, entry in zip(names, entries):
        found = measure(db, name)
        problems += judge(entry, found)
        lines.append(line_of(entry, found))
    with open(document) as f:
        before = f.read()
    text = before.split(MARK)[0] + HEAD + "\n".join(lines) + "\n"
    if "--write" in sys.argv:
        with open(document, "w") as f:
            f.write(text)
    elif before != text:
        problems.append(f"{document} is not what the table says; run tests/e2e/bad_input_kafka.sh --write")
    for p in problems:
        print(p)
    print(f"{len(entries)} topics, {len(problems)} problems")
    return bool(problems)


try:
    code = main()
finally:
    live.clean_up()
sys.exit(code)
