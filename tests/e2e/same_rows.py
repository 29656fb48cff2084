"""Goal: the results of a replay are a function of the rows, to the last byte.

    same_rows.py DRIFTGAUGE MONITOR      in a directory with reference.csv and events.csv

Writes the events in every format, codec, split and order there is, replays each, and compares the
output with that of the plain CSV file. Also: rows that carry topic, partition and offset, in one
file or several; --from and --to; the report twice.
"""
import csv
import gzip
import json
import random
import subprocess
import sys

import cramjam  # noqa: F401  snappy for fastavro
import fastavro
import zstandard

gauge, example = sys.argv[1:3]
random.seed(7)
TEXTS = {"ts", "event_id", "model_version", "decision", "employment", "channel", "country"}
failed = 0
compared = 0


def replay(monitor, *args, out="ndjson", **kwargs):
    run = subprocess.run([gauge, "replay", "-c", monitor, "--out", out, "--progress", "off", *args],
                         capture_output=True, **kwargs)
    if run.returncode != 0:
        print(f"{args}: exit code {run.returncode}: {run.stderr.decode()}")
        sys.exit(1)
    return run.stdout


def same(what, got, want):
    global failed, compared
    compared += 1
    if got == want:
        return
    failed += 1
    g, w = got.split(b"\n"), want.split(b"\n")
    for i, (a, b) in enumerate(zip(g, w)):
        if a != b and not a.startswith(b"{"):
            print(f"{what}: line {i + 1}: {a[:300]}, want {b[:300]}")
            break
        if a != b:
            a, b = json.loads(a), json.loads(b)
            keys = [k for k in b if a.get(k) != b[k]]
            print(f"{what}: line {i + 1}: {[(k, a.get(k), b[k]) for k in keys[:6]]}, want the second; "
                  f"{b.get('window_end')} {b.get('column_name')} {b.get('segment')}")
            break
    else:
        print(f"{what}: {len(g)} lines instead of {len(w)}")


with open("events.csv", newline="") as f:
    head, *rows = csv.reader(f)


def write_csv(path, some, header=head, opener=open):
    with opener(path, "wt", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([header, *some])
    return path


def record(row, header):
    """Numbers as numbers; what CSV leaves empty is null."""
    return {k: None if v == "" else v if k in TEXTS else float(v) for k, v in zip(header, row)}


def write_ndjson(path, some, opener=open):
    with opener(path, "wt") as f:
        for row in some:
            pairs = [f'"{k}":' + ("null" if v == "" else json.dumps(v) if k in TEXTS else v) for k, v in zip(head, row)]
            f.write("{" + ",".join(pairs) + "}\n")
    return path


SCHEMA = fastavro.parse_schema({"type": "record", "name": "event", "fields": [
    {"name": k, "type": ["null", "string" if k in TEXTS else "double"]} for k in head]})


def write_avro(path, some, codec):
    with open(path, "wb") as f:
        fastavro.writer(f, SCHEMA, [record(r, head) for r in some], codec=codec, sync_interval=20000)
    return path


def write_zstd(path, source):
    with open(path, "wb") as f:
        f.write(zstandard.ZstdCompressor().compress(open(source, "rb").read()))
    return path


def formats(want):
    same("NDJSON", replay("m.yaml", write_ndjson("e.ndjson", rows)), want)
    for codec in ("null", "deflate", "snappy"):
        same(f"Avro {codec}", replay("m.yaml", write_avro(f"{codec}.avro", rows, codec)), want)
    same("CSV gzip", replay("m.yaml", write_csv("e.csv.gz", rows, opener=gzip.open)), want)
    same("NDJSON gzip", replay("m.yaml", write_ndjson("e.ndjson.gz", rows, opener=gzip.open)), want)
    same("CSV zstd", replay("m.yaml", write_zstd("e.csv.zst", "events.csv")), want)
    same("NDJSON zstd", replay("m.yaml", write_zstd("e.ndjson.zst", "e.ndjson")), want)
    for name in ("events.csv", "e.ndjson"):
        with open(name, "rb") as f:
            same(f"{name} on standard input", replay("m.yaml", "-", stdin=f), want)


def orders(want):
    shuffled = random.sample(rows, len(rows))
    write_csv("shuffled.csv", shuffled)
    for lanes in (1, 2, 4):
        same(f"{lanes} lanes", replay("m.yaml", "events.csv", "--lanes", str(lanes)), want)
        same(f"shuffled, {lanes} lanes", replay("m.yaml", "shuffled.csv", "--lanes", str(lanes)), want)
    same("--memory 16", replay("m.yaml", "shuffled.csv", "--memory", "16", "--lanes", "2"), want)
    columns = random.sample(range(len(head)), len(head))
    write_csv("columns.csv", [[r[c] for c in columns] for r in rows], [head[c] for c in columns])
    same("columns in another order", replay("m.yaml", "columns.csv"), want)
    for n in (2, 5, 16):
        in_turn = [write_csv(f"a{i}.csv", rows[i::n]) for i in range(n)]
        same(f"{n} files in turn", replay("m.yaml", *in_turn), want)
        size = -(-len(rows) // n)
        after = [write_csv(f"b{i}.csv", rows[i * size:(i + 1) * size]) for i in range(n)]
        same(f"{n} files one after another", replay("m.yaml", *random.sample(after, n)), want)
        mixed = [write_csv(f"c{i}.csv", shuffled[i::n]) for i in range(n)]
        same(f"{n} shuffled files, 4 lanes", replay("m.yaml", *mixed, "--lanes", "4"), want)
    formats_mixed = [write_csv("d0.csv", rows[::3]), write_ndjson("d1.ndjson", rows[1::3]),
                     write_avro("d2.avro", rows[2::3], "snappy")]
    same("three formats at once", replay("m.yaml", *formats_mixed), want)


def places(want):
    """Four partitions of a topic: however they lie in files, offsets in order, they give the same."""
    header = [*head, "kafka_topic", "kafka_partition", "kafka_offset"]
    placed = [[*r, "events", str(i * 7919 % 4), str(i)] for i, r in enumerate(rows)]
    by_partition = [[r for r in placed if r[-2] == str(p)] for p in range(4)]
    monitor = open("m.yaml").read().replace("  id: event_id", "  id: event_id\n  topic: kafka_topic\n"
                                            "  partition: kafka_partition\n  offset: kafka_offset")
    open("placed.yaml", "w").write(monitor.replace("out_of_order: 30d", "out_of_order: 0"))
    first = replay("placed.yaml", write_csv("placed.csv", placed, header))
    same("partition by partition in one file",
         replay("placed.yaml", write_csv("p.csv", sum(by_partition, []), header)), first)
    files = [write_csv(f"p{i}.csv", p, header) for i, p in enumerate(by_partition)]
    same("a file per partition", replay("placed.yaml", *files), first)
    same("a file per partition, backwards, 4 lanes", replay("placed.yaml", *files[::-1], "--lanes", "4"), first)
    same("every row twice", replay("placed.yaml", "placed.csv", *files), first)
    same("as without places", *(drop_hash(x) for x in (first, want)))


def drop_hash(text):
    rows = [json.loads(line) for line in text.splitlines()]
    for r in rows:
        r.pop("config_hash", None)
    return "\n".join(json.dumps(r) for r in rows).encode()


def ranges(want):
    lines = want.splitlines(keepends=True)
    low, high = "2026-03-01T18:00:00Z", "2026-03-02T15:00:00Z"
    kept = [x for x in lines if b'"window_end"' not in x or low < json.loads(x)["window_end"] <= high]
    windows = [x for x in kept if b'"window_end"' in x]
    got = [x for x in replay("m.yaml", "events.csv", "--from", low, "--to", high).splitlines(keepends=True)
           if b'"window_end"' in x]
    assert 0 < len(windows) < len(lines)
    same("--from and --to", b"".join(got), b"".join(windows))


def repeats(want):
    def report(n):
        replay("m.yaml", "events.csv", "--report", f"r{n}.html", "--report-json", f"r{n}.json")
        return open(f"r{n}.html", "rb").read(), open(f"r{n}.json", "rb").read()
    same("again", replay("m.yaml", "events.csv"), want)
    first, second = report(1), report(2)
    assert len(first[0]) > 10000
    same("the report's bytes", second[0], first[0])
    same("the report's JSON", second[1], first[1])
    for out in ("csv", "json"):
        same(f"--out {out}", replay("m.yaml", "events.csv", "--lanes", "4", out=out),
             replay("m.yaml", "events.csv", "--lanes", "1", out=out))


def main():
    text = open(example).read() + "\ntime: { out_of_order: 30d, late_events: 6h }\n"
    open("m.yaml", "w").write(text)
    subprocess.run([gauge, "baseline", "build", "-c", "m.yaml", "--input", "reference.csv", "--out",
                    "training.baseline.json"], check=True, stdout=subprocess.DEVNULL)
    want = replay("m.yaml", "events.csv", "--lanes", "1")
    assert want.count(b"\n") > 1000
    formats(want)
    orders(want)
    places(want)
    ranges(want)
    repeats(want)
    print(f"{compared} replays of {len(rows)} rows compared, {failed} differ")
    sys.exit(failed > 0)


main()
