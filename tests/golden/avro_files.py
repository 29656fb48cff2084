#!/usr/bin/env python3
"""Write tests/golden/avro/*.avro with fastavro, and expected.txt with what must be read from them.

usage: avro_files.py DIRECTORY        needs fastavro, cramjam (snappy), zstandard

expected.txt holds one paragraph per reading: a line `file columns`, then a line per row as
tests/input_text.h prints it. The values come from the Python objects that were written, never from
a decoder. Deterministic: the sync marker is fixed and nothing depends on the clock.
"""
import datetime as dt
import decimal
import os
import struct
import sys
import uuid

import fastavro

UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)


def us(t):
    return (t - EPOCH) // dt.timedelta(microseconds=1)


def number(x):
    if x is None:
        return "<null>"
    x = float(x)
    if x != x:
        return "<nan>"
    if x in (float("inf"), float("-inf")):
        return "<+inf>" if x > 0 else "<-inf>"
    return "%.17g" % x


def text(s):
    return "<null>" if s is None or s == "" else "'" + s + "'"


TYPES = {
    "type": "record", "name": "Everything", "namespace": "golden", "fields": [
        {"name": "nothing", "type": "null"},
        {"name": "flag", "type": "boolean"},
        {"name": "small", "type": "int"},
        {"name": "large", "type": "long"},
        {"name": "single", "type": "float"},
        {"name": "real", "type": "double"},
        {"name": "raw", "type": "bytes"},
        {"name": "word", "type": "string"},
        {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}},
        {"name": "four", "type": {"type": "fixed", "name": "Four", "size": 4}},
        {"name": "again", "type": "golden.Colour"},
        {"name": "maybe", "type": ["null", "double"]},
        {"name": "maybe_word", "type": ["string", "null"]},
        {"name": "millis", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "micros", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30,
                                   "scale": 4}},
        {"name": "fixed_price", "type": {"type": "fixed", "name": "Price", "size": 9,
                                         "logicalType": "decimal", "precision": 20, "scale": 2}},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    ]}
TYPES_COLUMNS = ("n:nothing n:flag n:small n:large n:single n:real n:raw t:word t:colour t:four "
                 "t:again n:maybe t:maybe_word T:millis t:micros n:price")
MORE_COLUMNS = ("t:flag t:small t:large t:single t:real t:raw n:word i:large i:real t:price "
                "n:fixed_price t:id x:micros x:day x:clock x:millis")


def types_rows():
    base = dt.datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    reals = [2.385, -0.1, 1e300, float("nan"), float("inf"), float("-inf"), 5e-324, 17.0]
    words = ["de", "", "grün", "\U0001f600 and more than sixteen bytes", "12.75", "-1e3", "x", "nan"]
    rows = []
    for i, (real, word) in enumerate(zip(reals, words)):
        rows.append({
            "nothing": None, "flag": i % 2 == 0,
            "small": [0, -1, 2**31 - 1, -2**31, 63, 64, -64, -65][i],
            "large": [0, 1, 2**63 - 1, -2**63, 2**55, 2**56, 2**62 + 1, -8192][i],
            "single": [0.5, -3.25, 1e10, 0.0, 7.0, 2.0**-20, 100.0, 1.5][i],
            "real": real, "raw": [b"12.5", b"x", b"", b"7", b"1e2", b"-0.5", b"abc", b"3"][i],
            "word": word, "colour": "RED" if i % 3 else "GREEN", "four": b"ab%02d" % i,
            "again": "GREEN" if i % 3 else "RED", "maybe": None if i % 3 == 0 else i * 1.1,
            "maybe_word": None if i % 2 else "w%d" % i,
            "millis": base.replace(microsecond=123000) + dt.timedelta(hours=i),
            "micros": base - dt.timedelta(days=7000 * i),
            "day": dt.date(1969, 12, 30) + dt.timedelta(days=i), "clock": dt.time(1, 2, i),
            "price": decimal.Decimal(["0.0001", "-0.0001", "12345678901234567890.1234", "0",
                                      "-99999999999999999999.9999", "1.5", "25.38", "-3"][i]),
            "fixed_price": decimal.Decimal(["1.10", "-1.10", "0.01", "123456789012345678.90",
                                            "-123456789012345678.90", "0", "2", "-3.33"][i]),
            "id": str(uuid.UUID(int=i * 0x123456789abcdef0123456789abcdef)),
        })
    return rows


def literal(s):
    try:
        return number(float(s)) if s not in ("", b"") else "<null>"
    except ValueError:
        return "<unparsable>"


def float32(s):
    return struct.unpack("<f", struct.pack("<f", float(s)))[0]


def shortest(x, least=15, same=float):
    if x != x:
        return "'NaN'"
    if x in (float("inf"), float("-inf")):
        return "'Infinity'" if x > 0 else "'-Infinity'"
    if x == int(x) and abs(x) < 2**53:
        return "'%d'" % int(x)
    for digits in range(least, least + 4):
        s = "%.*g" % (digits, x)
        if same(s) == x:
            return "'" + s + "'"
    raise AssertionError(x)


def types_expected(i, r):
    return " ".join([
        str(i), "<null>", number(r["flag"]), number(r["small"]), number(r["large"]),
        number(r["single"]), number(r["real"]), literal(r["raw"].decode()), text(r["word"]),
        text(r["colour"]), text(r["four"].decode()), text(r["again"]), number(r["maybe"]),
        text(r["maybe_word"]), str(us(r["millis"])), "'%d'" % us(r["micros"]),
        number(r["price"])]) + " +day +clock +fixed_price +id"


def more_expected(i, r):
    real = r["real"]
    whole = real == real and abs(real) < 2**63 and real == int(real)
    day = dt.datetime.combine(r["day"], dt.time(), UTC)
    return " ".join([
        str(i), text("true" if r["flag"] else "false"), "'%d'" % r["small"], "'%d'" % r["large"],
        shortest(r["single"], 6, float32), shortest(real),
        text(r["raw"].decode()), literal(r["word"]),
        "<none>" if r["large"] == -2**63 else str(r["large"]), str(int(real)) if whole else "<none>",
        shortest(float(r["price"])), number(r["fixed_price"]), text(r["id"]), str(us(r["micros"])),
        str(us(day)), "<none>", str(us(r["millis"]))]) + (
            " +nothing +colour +four +again +maybe +maybe_word")


NESTED = {
    "type": "record", "name": "Event", "fields": [
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "features", "type": {"type": "map", "values": [
            "null", "double", "long", "boolean", "string", {"type": "array", "items": "float"}]}},
        {"name": "scores", "type": {"type": "array", "items": "double"}},
        {"name": "prediction", "type": ["null", {"type": "record", "name": "Prediction", "fields": [
            {"name": "label", "type": ["null", "string"]}, {"name": "value", "type": "double"}]}]},
        {"name": "tree", "type": {"type": "record", "name": "Node", "fields": [
            {"name": "value", "type": "int"},
            {"name": "children", "type": {"type": "array", "items": "Node"}}]}},
        {"name": "last", "type": "int"},
    ]}
NESTED_COLUMNS = ("T:ts n:/features/x t:/features/x n:/features/a~1b n:/features/list "
                  "n:/features/list/1 n:/scores/0 n:/scores/2 t:/prediction/label "
                  "n:/prediction/value n:/tree/children/1/value "
                  "n:/tree/children/0/children/0/value n:last")


def tree(depth, width, value):
    children = [tree(depth - 1, width, value * 10 + k) for k in range(width)] if depth else []
    return {"value": value, "children": children}


def nested_rows():
    xs = [1.25, None, 3, True, "12.5", "word", [1.5, 2.5], "absent"]
    rows = []
    for i, x in enumerate(xs):
        features = {"other%d" % k: k * 0.5 for k in range(i)}
        if x != "absent":
            features["x"] = x
        features["a/b"] = i
        features["list"] = [0.25 * k for k in range(i)]
        rows.append({
            "ts": EPOCH + dt.timedelta(days=20000, microseconds=i), "features": features,
            "scores": [1.5 * k for k in range(i)],
            "prediction": None if i % 3 == 0 else {"label": None if i % 2 else "l%d" % i,
                                                   "value": i / 3},
            "tree": tree(i % 3, 2, i + 1), "last": i})
    return rows


def nested_expected(i, r):
    f, p = r["features"], r["prediction"]

    def as_number(x):
        if isinstance(x, list):
            return "<unparsable>"
        return literal(x) if isinstance(x, str) else number(x)

    def as_text(x):
        if x is None or isinstance(x, str):
            return text(x)
        if isinstance(x, list):
            return "<unparsable>"
        return ("'true'" if x else "'false'") if isinstance(x, bool) else shortest(float(x))

    def at(items, k):
        return number(items[k]) if len(items) > k else "<absent>"

    c = r["tree"]["children"]
    return " ".join([
        str(i), str(us(r["ts"])), as_number(f["x"]) if "x" in f else "<absent>",
        as_text(f["x"]) if "x" in f else "<absent>", number(f["a/b"]), "<unparsable>",
        at(f["list"], 1), at(r["scores"], 0), at(r["scores"], 2),
        "<absent>" if p is None else text(p["label"]),
        "<absent>" if p is None else number(p["value"]),
        number(c[1]["value"]) if c else "<absent>",
        number(c[0]["children"][0]["value"]) if c and c[0]["children"] else "<absent>",
        number(r["last"])])


def write(directory, name, schema, rows, codec, interval=16000):
    with open(os.path.join(directory, name), "wb") as f:
        fastavro.writer(f, fastavro.parse_schema(schema), rows, codec=codec, sync_marker=b"golden sync mark",
                        sync_interval=interval)


def main():
    directory = sys.argv[1]
    paragraphs = []
    rows = types_rows()
    for codec in ("null", "deflate", "snappy", "zstandard"):
        name = "types_%s.avro" % codec
        write(directory, name, TYPES, rows, codec, interval=600)
        paragraphs.append([name + " " + TYPES_COLUMNS] +
                          [types_expected(i, r) for i, r in enumerate(rows)])
        paragraphs.append([name + " " + MORE_COLUMNS] +
                          [more_expected(i, r) for i, r in enumerate(rows)])
    rows = nested_rows()
    for codec in ("null", "deflate"):
        name = "nested_%s.avro" % codec
        write(directory, name, NESTED, rows, codec, interval=100)
        paragraphs.append([name + " " + NESTED_COLUMNS] +
                          [nested_expected(i, r) for i, r in enumerate(rows)])
    write(directory, "codec_bzip2.avro", TYPES, types_rows()[:1], "bzip2")
    with open(os.path.join(directory, "expected.txt"), "w", encoding="utf-8") as f:
        f.write("\n\n".join("\n".join(p) for p in paragraphs) + "\n")


main()
