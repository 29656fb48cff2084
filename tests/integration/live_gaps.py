"""Goal: records that are gone, topics that are made anew, vanish and grow: never silence, never a wrong count.

Method: small topics that are cut, deleted and grown by Kafka's own tools between runs of the daemon and under it; the
ledger's gaps and the rows counted are looked at.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import Daemon, fail, say  # noqa: E402

BASE = 1772366400  # 2026-03-01T12:00:00Z
QUICK = {"topic.metadata.refresh.interval.ms": 1000, "session.timeout.ms": 6000}


def write(topic, partition, first, n, mark):
    """n events of one second each; `mark` tells one log from another."""
    lines = "".join(f'{partition}\t{(BASE + i) * 1000}\t-\t{{"ts": {BASE + i}, "x": {i}.5, "mark": "{mark}"}}\n' for i in range(first, first + n))
    subprocess.run([os.environ["DG_KAFKA_TOOL"], "produce", topic], input=lines.encode(), check=True)


def tool(name, *args):
    live.kafka("tool", f"org.apache.kafka.tools.{name}", *args)


def cut(topic, offset):
    path = os.path.join(live.work, "cut.json")
    with open(path, "w") as f:
        json.dump({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": offset}]}, f)
    tool("DeleteRecordsCommand", "--offset-json-file", path)


def again(topic, partitions=1):
    tool("TopicCommand", "--delete", "--topic", topic)
    for _ in range(50):
        if live.run(os.environ["DG_KAFKA_TOOL"], "create", partitions, topic, check=False).returncode == 0:
            return
        time.sleep(0.2)
    fail(f"the topic {topic} cannot be made again")


def monitor(name, topic, more=""):
    path = os.path.join(live.work, name)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "monitor.yaml"), "w") as f:
        f.write(f"monitor: {name}\nsource: {{ topic: {topic}, idle_after: 1s{more} }}\n"
                "columns: { timestamp: ts, features: { x: numeric }, ignore: [mark] }\nwindows: 1h\n")
    return path


def rows(name, db):
    return int(live.sql(f"SELECT coalesce(sum(rows), 0) FROM driftgauge_view.slice WHERE monitor = '{name}' AND run = '' "
                        "AND segment = 'all'", db))


def gaps(name, db):
    return live.sql("SELECT string_agg(concat_ws(' ', reason, from_offset, to_offset), '; ' ORDER BY from_offset) "
                    "FROM driftgauge.live_gap g JOIN driftgauge.live_stream USING (stream_id) JOIN driftgauge.monitor m "
                    f"USING (monitor_id) WHERE m.name = '{name}'", db)


def expect(what, found, want):
    if found != want:
        fail(f"{what}: {found!r}, not {want!r}")


def until(what, d, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        d.must_run()
        if condition():
            return
        time.sleep(0.2)
    fail(f"not within {seconds} s: {what}: {d.get('/v1/status')} {d.words()}")


def retention(db):
    topic = live.topic("cut", 1)
    go_on, stop = monitor("cut", topic), monitor("careful", topic, ", on_loss: stop")
    write(topic, 0, 0, 100, "a")
    for config, group in ((go_on, "cut"), (stop, "careful")):
        live.finish(config, db, group)
    write(topic, 0, 100, 100, "a")
    cut(topic, 150)
    live.finish(go_on, db, "cut")
    expect("gap of what retention took", gaps("cut", db), "retention 100 150")
    expect("rows around it", rows("cut", db), 150)
    d = Daemon(stop, db, "careful", until_end=True, name="careful").wait(code=4)
    if "left out" not in d.words() or "on_loss" not in d.words():
        fail(f"on_loss: stop says nothing: {d.words()}")
    expect("gap of one that stops", gaps("careful", db), "")
    expect("rows of one that stops", rows("careful", db), 100)
    say("retention: a gap, or a stop")
    return topic, go_on


def recreated(db, topic, config):
    again(topic)
    write(topic, 0, 300, 30, "b")
    live.finish(config, db, "cut")
    expect("gap of a topic that became shorter", gaps("cut", db), "retention 100 150; truncated 200")
    expect("rows with the new log", rows("cut", db), 180)
    again(topic)
    write(topic, 0, 400, 50, "c")
    live.finish(config, db, "cut")
    expect("gap of a topic that is longer than before", gaps("cut", db), "recreated 30; retention 100 150; truncated 200")
    expect("rows with the third log", rows("cut", db), 230)
    say("a topic made anew: found by its end, and by its last record")


def vanished(db):
    topic = live.topic("vanishing", 1)
    config = monitor("vanishing", topic)
    write(topic, 0, 0, 40, "a")
    d = Daemon(config, db, "vanishing", properties=QUICK, name="vanishing")
    until("40 records", d, lambda: d.metric("driftgauge_records_total") == 40)
    tool("TopicCommand", "--delete", "--topic", topic)
    time.sleep(5)
    live.topic(topic, 1)
    write(topic, 0, 50, 20, "b")
    until("the new log is read", d, lambda: d.metric("driftgauge_records_total") == 60, 120)
    until("ready", d, lambda: d.get("/readyz").startswith("ready"))
    d.stop()
    live.finish(config, db, "vanishing")
    expect("rows before and after", rows("vanishing", db), 60)
    say(f"a topic that vanished and returned under the daemon: {gaps('vanishing', db)}")


def grown(db):
    topic = live.topic("growing", 1)
    config = monitor("growing", topic, ", start: latest")
    write(topic, 0, 0, 30, "old")
    d = Daemon(config, db, "growing", properties=QUICK, name="growing", commit="100ms")
    until("ready", d, lambda: d.get("/readyz").startswith("ready"))
    until("the start is written down", d, lambda: live.sql(
        "SELECT count(*) FROM driftgauge.live_position WHERE next_offset = 30", db) == "1")
    write(topic, 0, 100, 10, "new")
    until("what is new", d, lambda: d.metric("driftgauge_records_total") == 10)
    tool("TopicCommand", "--alter", "--topic", topic, "--partitions", "3")
    write(topic, 1, 200, 10, "new")
    write(topic, 2, 300, 10, "new")
    until("what came into new partitions before they were known", d, lambda: d.metric("driftgauge_records_total") == 30)
    d.stop()
    live.finish(config, db, "growing")
    expect("rows from all partitions", rows("growing", db), 30)
    say("a topic that grew: nothing of its new partitions is passed over")


def main():
    try:
        db = live.database("gaps")
        topic, config = retention(db)
        recreated(db, topic, config)
        vanished(db)
        grown(db)
    finally:
        live.clean_up()


main()
