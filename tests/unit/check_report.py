#!/usr/bin/env python3
"""Is the HTML report well-formed, self-contained, safe, and equal to the rows it was made from?

  check_report.py REPORT_SAMPLE    the program of tests/support/report_sample.c

The page is read by html.parser, the documents by json, the rows from the NDJSON sink: nothing here
shares code with the report. Exits 1 with a sentence per failure.
"""
import base64
import hashlib
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "col", "wbr"}
ALLOWED = set("""html head meta title style body a header p span main section h1 h2 h3 nav dl dt dd
div ul li strong b small bdi i table thead tbody tr th td caption details summary svg path title
figure figcaption footer script input select option button""".split())
failures = []


def check(condition, sentence):
    if not condition:
        failures.append(sentence)


class Page(html.parser.HTMLParser):
    """Every element closed in order, nothing that loads or runs, except what is expected."""

    def __init__(self, name):
        super().__init__(convert_charrefs=True)
        self.name, self.stack, self.ids, self.scripts, self.text = name, [], [], [], []
        self.headings, self.policy, self.hrefs = [], "", []

    def handle_starttag(self, tag, attrs):
        where = f"{self.name}: line {self.getpos()[0]}: <{tag}>"
        check(tag in ALLOWED, f"{where} is not an element of the report")
        names = [a for a, _ in attrs]
        check(len(names) == len(set(names)), f"{where} has an attribute twice")
        for attr, value in attrs:
            check(not attr.startswith("on"), f"{where} has a handler {attr}")
            check(attr not in ("src", "srcset", "data", "action", "xlink:href"), f"{where} has {attr}")
            if attr == "href":
                check(value.startswith("#"), f"{where} leads outside: {value}")
                self.hrefs.append(value[1:])
            if attr == "style":
                check(re.fullmatch(r"(width:\d+%|--t:[\d.]+)", value), f"{where} has style {value}")
            if attr == "id":
                self.ids.append(value)
            if attr == "d":
                check(re.fullmatch(r"[MmLlHhVvZz0-9 -]*", value), f"{where} has a path {value[:40]}")
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"]
        if tag in ("script",):
            self.scripts.append([dict(attrs), ""])
        if tag not in VOID:
            self.stack.append(tag)
        elif tag == "path":
            self.stack.append(tag)  # closed by "/>" or by </path>

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.stack.pop()

    def handle_endtag(self, tag):
        top = self.stack.pop() if self.stack else None
        check(top == tag, f"{self.name}: line {self.getpos()[0]}: </{tag}> closes <{top}>")

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "script":
            self.scripts[-1][1] += data
        else:
            self.text.append(data)

    def handle_comment(self, data):
        check(False, f"{self.name}: a comment: {data[:40]}")


def read(path):
    with open(path, encoding="utf-8", errors="strict") as f:
        return f.read()


def parse(path):
    source = read(path)
    page = Page(os.path.basename(path))
    page.feed(source)
    page.close()
    check(not page.stack, f"{path}: never closed: {page.stack}")
    check(len(page.ids) == len(set(page.ids)), f"{path}: an id occurs twice")
    for href in page.hrefs:
        check(href in page.ids, f"{path}: #{href} leads nowhere")
    for address in ("http://", "https://", "url(", "@import"):
        check(address not in source, f"{path}: has {address}")
    check(source.startswith("<!DOCTYPE html>"), f"{path}: no doctype")
    check(len(page.scripts) == 2, f"{path}: {len(page.scripts)} scripts")
    code = page.scripts[1][1]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    check(f"script-src 'sha256-{digest}'" in page.policy, f"{path}: the policy has another hash")
    check("default-src 'none'" in page.policy, f"{path}: the policy allows loads")
    check(len(code) <= 3072, f"{path}: the script has {len(code)} bytes")
    return page, json.loads(page.scripts[0][1])


def rows_of(document):
    return [dict(zip(document["series_fields"], row)) for row in document["series"]]


def key_of(row):
    return (row["version"], row["variant"], row["column_name"], row["baseline"], row["window_size"])


def compare_with_rows(document, ndjson, name, complete=True):
    judged, any_row, windows, drift = {}, {}, {}, {}
    with open(ndjson, encoding="utf-8") as f:
        for line in f:
            row = json.loads(line)
            if row.pop("kind") != "series" or row["segment"] != "all":
                continue
            key = key_of(row)
            any_row[key] = row
            windows[key] = windows.get(key, 0) + 1
            drift[key] = drift.get(key, 0) + (row["status"] == "drift")
            if row["status"] in ("ok", "warn", "drift"):
                judged[key] = row
    want = {key: judged.get(key, row) for key, row in any_row.items()}
    got = {key_of(row): row for row in rows_of(document)}
    check(set(got) == set(want) if complete else set(got) <= set(want), f"{name}: other series")
    for key in got:
        for field in got[key]:
            a, b = got[key][field], want[key][field]
            same = a == b
            if not complete and isinstance(b, (int, float)) and not same:
                same = abs(a - b) <= 5.1e-4 * abs(b)  # 4 digits
            check(same, f"{name}: {key} {field}: {a} is not {b}")
    if complete:
        fields = document["track_fields"]
        for row, track in zip(rows_of(document), document["tracks"]):
            track = dict(zip(fields, track))
            check(track["windows"] == windows[key_of(row)], f"{name}: {key_of(row)}: windows")
            check(track["drift_windows"] == drift[key_of(row)], f"{name}: {key_of(row)}: drift")


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as where:
        def make(name, *options):
            base = os.path.join(where, name)
            subprocess.run([program, base + ".html", base + ".json", base + ".ndjson", *options],
                           check=True)
            page, embedded = parse(base + ".html")
            return page, embedded, json.loads(read(base + ".json")), base

        page, embedded, beside, base = make("plain")
        compare_with_rows(beside, base + ".ndjson", "plain.json")
        compare_with_rows(embedded, base + ".ndjson", "plain.html")
        check(beside["complete"] and len(beside["history"]) == 48, "plain.json: history")
        check(all(len(h) == 120 or len(h) == 20 for h in beside["history"]), "plain.json: points")
        check(sorted(beside["verdict"]["drift"]) == ["country", "income"], "plain.json: verdict")
        check(beside["verdict"]["recovered"] == ["debt_ratio"], "plain.json: recovered")
        words = "".join(page.text)
        for sentence in ("2 of 12 columns drifted: income and country.",
                         "Drifted earlier and recovered: debt_ratio", "campaign_id",
                         "3 of 120 windows of 1h had no rows at all."):
            check(sentence in words, f"plain.html: does not say: {sentence}")

        page, embedded, beside, base = make("hostile", "hostile=1")
        compare_with_rows(beside, base + ".ndjson", "hostile.json")
        words = "".join(page.text)
        for name in ("<script>alert(1)</script>", '"><svg onload=alert(1)>', "</script><!--",
                     "x' onmouseover='alert(1)", "{{json}}"):
            check(name in words, f"hostile.html: does not show the column {name}")

        page, embedded, beside, base = make("versions", "versions=2", "baselines=1")
        compare_with_rows(beside, base + ".ndjson", "versions.json")
        check("2 of 12 columns drifted: income v2 and country v2." in
              " ".join("".join(page.text).split()), "versions.html: does not name the version")

        page, embedded, beside, base = make("hundred", "columns=100", "windows=48", "drifting=40",
                                             "segments=0")
        compare_with_rows(embedded, base + ".ndjson", "hundred.html", complete=False)
        check(len(embedded["series"]) == 60 and not embedded["complete"], "hundred.html: rows")
    for sentence in failures[:40]:
        print(sentence, file=sys.stderr)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
