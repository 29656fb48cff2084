"""Goal: the records that docs/KAFKA.md shows are read as it says, and the monitor that `driftgauge init` makes of them, by the
commands of the page, counts their events.

Method: each JSON record of the page, repeated with other ids and times, is saved and produced, the sh blocks are run on it in
order, on a broker and a database of their own, and the rows counted are those that the records hold. Only places differ: see
`here`.
"""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import fail, say  # noqa: E402

PAGE = os.path.join(live.SOURCE, "docs/KAFKA.md")
RECORDS, EVERY = 3000, 30
START = 1795197600
IDS = ("01J", "r1", "p1", "e1")
TIME = "2026-11-21T18:00:00Z"
# Of each preset: events of its record, and columns that the monitor made of it must have.
WANTED = {"canonical": (1, {"features.age", "prediction.value"}), "kserve": (2, {"age", "predictions"}),
          "open_inference": (2, {"age", "pixels.0", "pixels.1", "pixels.2", "score"}), "seldon": (2, {"age", "income"}),
          "sagemaker": (2, {"input.0", "input.1", "output.0"})}


def blocks():
    """(language, text, the bold word before it) of each fenced block."""
    found, language, preset, text = [], None, None, ""
    with open(PAGE) as page:
        for line in page:
            bold = re.match(r"\*\*(\w+)\*\*", line)
            if language is None and bold:
                preset = bold.group(1)
            if line.startswith("```"):
                if language is not None:
                    found.append((language, text, preset))
                language, text = (line[3:].strip(), "") if language is None else (None, "")
            elif language is not None:
                text += line
    return found


def here(text, topic):
    for a, b in (("scoring.requests", topic), ("kafka-1:9092", os.environ["KAFKA_BOOTSTRAP_SERVERS"]),
                 ("--until-end", f"--until-end --listen off --group {topic}"), ("--name scoring", f"--name {topic}")):
        text = text.replace(a, b)
    return text


def repeated(text):
    """(record time in ms, record): one each EVERY seconds, for more than a day."""
    record = json.dumps(json.loads(text))
    if sum(record.count(f'"{i}"') for i in IDS) > 1 or record.count(TIME) > 1:
        fail(f"which id and time are those of the record? {record}")
    found = []
    for i in range(RECORDS):
        at = START + EVERY * i
        other = record.replace(TIME, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)))
        for name in IDS:
            other = other.replace(f'"{name}"', f'"{name}-{i}"')
        found.append((1000 * at, other))
    return found


def one(preset, text, shell):
    topic = live.topic("docs." + preset, 1)
    folder = os.path.join(live.work, preset)
    os.makedirs(folder)
    records = repeated(text)
    with open(os.path.join(folder, "records.ndjson"), "w") as f:
        f.writelines(record + "\n" for _, record in records)
    live.run(os.environ["DG_KAFKA_TOOL"], "produce", topic, input="".join(f"0\t{at}\t-\t{r}\n" for at, r in records))
    for block in shell:
        command = here(block, topic)
        said = live.run("bash", "-euo", "pipefail", "-c", command, cwd=folder, check=False)
        if said.returncode != 0:
            fail(f"{preset}: exit code {said.returncode}:\n{command}{said.stdout[-3000:]}{said.stderr[-3000:]}")
    with open(os.path.join(folder, "scoring.yaml")) as f:
        drafted = f.read()
    if preset != "canonical" and f"preset: {preset}" not in drafted:
        fail(f"init did not see that the record is of {preset}:\n{drafted}")
    events, columns = WANTED[preset]
    rows = live.sql(f"SELECT max(rows) * {EVERY} / extract(epoch FROM max(window_size)), max(bad) FROM driftgauge_view.slice "
                    f"WHERE monitor = '{topic}' AND segment = 'all' AND version IN ('', '7')", "ml")
    if not re.fullmatch(rf"{events}(\.0*)?\|0", rows):
        fail(f"{preset}: events per record, and bad records, of a full window: {rows}, not {events}|0:\n{drafted}")
    found = set(live.sql(f"SELECT DISTINCT column_name FROM driftgauge_view.series WHERE monitor = '{topic}' AND n > 0 AND "
                         "segment = 'all'", "ml").split("\n"))
    if found != columns:
        fail(f"{preset}: columns {found}, not {columns}:\n{drafted}")


def check(text):
    """Of a yaml block that it is one: of the settings, or what a monitor says of its source."""
    settings = re.match("kafka:|registry:", text)
    path = os.path.join(live.work, "driftgauge.yaml" if settings else "part.yaml")
    for secret in re.findall(r"/run/secrets/[\w-]+", text):
        text = text.replace(secret, os.path.join(live.work, "secret"))
    with open(os.path.join(live.work, "secret"), "w") as f:
        f.write("one line\n")
    with open(path, "w") as f:
        f.write(text if settings else "monitor: part\nwindows: 1h\n" + text)
    live.run("driftgauge", "check", path, env={**os.environ, "KAFKA_PASSWORD": "x"})


def main():
    try:
        os.makedirs(os.path.join(live.work, "bin"))
        os.symlink(live.GAUGE, os.path.join(live.work, "bin/driftgauge"))
        os.environ["PATH"] = os.path.join(live.work, "bin") + ":" + os.environ["PATH"]
        live.database("ml")
        page = blocks()
        for language, text, _ in page:
            if language not in ("json", "yaml", "sh"):
                fail(f"a block of {language or 'no language'}: nobody checks it: {text}")
            if language == "yaml":
                check(text)
        shell = [text for language, text, _ in page if language == "sh"]
        records = {preset: text for language, text, preset in page if language == "json"}
        if not shell or set(records) != set(WANTED):
            fail(f"the page has {len(shell)} command blocks and records of {sorted(records)}")
        for preset, text in records.items():
            one(preset, text, shell)
        say(f"{len(shell)} command block(s) on {len(records)} records")
    finally:
        live.clean_up()


main()
