"""Goal: what docs/LIVE.md tells to do works as it is written, in its order.

Method: its sh blocks are run one after the other on a broker, a registry and a database of their own, its yaml blocks
are written where the text says, its sql block is asked as the reader until it answers. Only places differ: see PLACES.
`driftgauge run` without an end runs in the background until the page is through, and must then stop with 0.
console blocks are for root: of these it is checked that what they install is there and that systemd takes it
(tests/tidy/service.sh does that). A block of a language that is not known here is a failure.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import fail, say  # noqa: E402

PAGE = os.path.join(live.SOURCE, "docs/LIVE.md")
HOURS = 3
etc = os.path.join(live.work, "etc")
PLACES = {}  # what stands on the page: what stands for it here
background = []


def blocks():
    """(language, text, line) of each fenced block, in order."""
    language, found, first = None, [], 0
    with open(PAGE) as page:
        for number, line in enumerate(page, 1):
            if language is None and line.startswith("```"):
                language, text, first = line[3:].strip(), "", number
            elif language is not None and line.startswith("```"):
                found.append((language, text, first))
                language = None
            elif language is not None:
                text += line
    return found


def here(text):
    for place, other in PLACES.items():
        text = text.replace(place, other)
    return text


def record(rng, at, number):
    return {"event_id": f"e{number}", "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), "model_version": "7",
            "score": round(rng.random(), 4), "amount": round(rng.expovariate(0.01), 2),
            "customer": {"country": rng.choice(["DE", "FR", "US"]), "age": rng.randrange(18, 80)}}


def lines(rng, start, seconds, n):
    return [json.dumps(record(rng, start + seconds * i // n, i)) for i in range(n)]


def prepare():
    """What a reader has: topics with events of the last hours, some of them saved, and a file of the training's."""
    rng = random.Random(5)
    now = int(time.time())
    live.topic("predictions", 4)
    live.topic("predictions.bad", 1)
    events = lines(rng, now - HOURS * 3600, HOURS * 3600, 9000)
    text = "".join(f"{i % 4}\t-\t-\t{line}\n" for i, line in enumerate(events))
    live.run(os.environ["DG_KAFKA_TOOL"], "produce", "predictions", input=text)
    for name, part in (("records", events[:500]), ("training", lines(rng, now - 30 * 86400, 86400, 5000))):
        with open(os.path.join(live.work, name + ".ndjson"), "w") as f:
            f.write("\n".join(part) + "\n")
    live.run("psql", "-XqAt", "-d", "postgres", "-c", "CREATE DATABASE ml")
    os.makedirs(etc)
    with open(os.path.join(live.work, "password"), "w") as f:
        f.write("unused: the socket asks for none\n")
    os.makedirs(os.path.join(live.work, "bin"))
    os.symlink(live.GAUGE, os.path.join(live.work, "bin/driftgauge"))
    os.environ["PATH"] = os.path.join(live.work, "bin") + ":" + os.environ["PATH"]


def registry():
    """Its address; "" where none is installed."""
    script = f"{live.SOURCE}/scripts/registry.sh"
    if live.run(script, "installed", check=False).returncode != 0:
        return ""
    folder = os.path.join(live.work, "registry")
    live.run(script, "start", folder)
    said = live.run(script, "env", folder).stdout
    return said.split("=", 1)[1].strip()


def shell(text, line):
    command = here(text)
    if re.search(r"^driftgauge run (?!.*(--check-connect|--until-end))", command, re.M):
        with open(os.path.join(live.work, "run.log"), "wb") as log:
            background.append(subprocess.Popen(["bash", "-euo", "pipefail", "-c", "exec " + command.strip()], cwd=live.work,
                                               stdout=log, stderr=log))
        return wait_until_ready()
    said = live.run("bash", "-euo", "pipefail", "-c", command, cwd=live.work, check=False)
    if said.returncode != 0:
        fail(f"line {line}: exit code {said.returncode}:\n{command}{said.stdout[-3000:]}{said.stderr[-3000:]}")


def run_log():
    with open(os.path.join(live.work, "run.log"), errors="replace") as f:
        return f.read()[-3000:]


def wait_until_ready():
    """As a person would, who looks again."""
    end = time.monotonic() + 60
    while live.run("driftgauge", "status", check=False).returncode != 0:
        if time.monotonic() > end or background[0].poll() is not None:
            fail(f"the daemon does not become ready: {run_log()}")
        time.sleep(0.5)


def write_yaml(text, line):
    name = "fraud.yaml" if text.startswith("monitor:") else "driftgauge.yaml"
    path = os.path.join(etc, name)
    if name == "fraud.yaml":  # the file that init wrote is one that can be used, too
        live.run("driftgauge", "check", path)
        with open(path) as f:
            drafted = f.read()
        for word in ("topic: predictions", "timestamp: ts", "id: event_id"):
            if word not in drafted:
                fail(f"line {line}: init did not find {word}:\n{drafted}")
    with open(path, "w") as f:
        f.write(here(text))
        if name == "driftgauge.yaml":  # the usual port may be taken here
            f.write(f'http: {{ listen: "127.0.0.1:{PORT}" }}\n')


def ask(text, line):
    """Until there is a row: windows take a moment."""
    end = time.monotonic() + 60
    while True:
        rows = live.run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", "ml", "-c", text,
                        env={**os.environ, "PGOPTIONS": "-c role=driftgauge_reader"}).stdout.strip()
        if rows:
            return
        if time.monotonic() > end:
            fail(f"line {line}: no row: {text} {run_log()}")
        time.sleep(0.5)


def console(text, line):
    for path in re.findall(r"\bdeploy/\S+", text):
        if not os.path.exists(os.path.join(live.SOURCE, path)):
            fail(f"line {line}: there is no {path}")
    for command in text.splitlines():
        if not re.match(r"# (cp|systemctl|journalctl) ", command):
            fail(f"line {line}: what is in a console block is for root and is not run by any test: {command}")


DO = {"sh": shell, "yaml": write_yaml, "sql": ask, "console": console}
PORT = live.free_port()


def main():
    try:
        prepare()
        os.environ["DRIFTGAUGE_URL"] = f"http://127.0.0.1:{PORT}"
        address = registry()
        PLACES.update({"/etc/driftgauge": etc, "kafka-1:9092,kafka-2:9092": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                       "host=db.example.org dbname=ml user=writer": "dbname=ml",
                       "/run/secrets/db": os.path.join(live.work, "password"),
                       "registry: https://registry.example.org": f"registry: {address}" if address else ""})
        count = {}
        for language, text, line in blocks():
            if language not in DO:
                fail(f"line {line}: a block of {language or 'no language'}: nobody checks it")
            DO[language](text, line)
            count[language] = count.get(language, 0) + 1
        live_rows, again = (live.sql("SELECT count(*) FROM driftgauge_view.series WHERE monitor = 'fraud' AND segment = "
                                     f"'all' AND run = '{run}'", "ml") for run in ("", "check"))
        if min(int(live_rows), int(again)) < 100:
            fail(f"{live_rows} rows live, {again} of the replay")
        background[0].send_signal(signal.SIGTERM)
        if background[0].wait(30) != 0:
            fail(f"the daemon left with {background[0].returncode}: {run_log()}")
        say(f"{count}; {live_rows} rows live, {again} of the replay")
        if count.get("sh", 0) < 6 or count.get("yaml", 0) < 2 or count.get("sql", 0) < 1:
            fail(f"too few blocks: {count}")
    finally:
        for process in background:
            if process.poll() is None:
                process.kill()
                process.wait()
        live.run(f"{live.SOURCE}/scripts/registry.sh", "drop", os.path.join(live.work, "registry"), check=False)
        live.clean_up()


main()
