"""Goal: live, replayed from the topic, replayed from files, by one lane, three, or processes that come and go: the same rows.

Method: six partitions with disorder, late events, duplicates and far-future events (and, in a second topic, records that
cannot be read). Each way of running reads them as a group of its own into a database of its own; all rows are compared
with those of a replay of the topic.
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import Daemon, fail, say  # noqa: E402

EVENTS = int(os.environ.get("DG_EVENTS", "120000"))
SEGMENTS = "segments: [{ column: country, values: [DE, FR, IT] }]\n"
TROUBLE = {**live.TROUBLE, "bad": 0}


def replay(name, config, *inputs, extra=()):
    """Rows of a replay in a database of its own."""
    db = live.database(name)
    live.run(live.GAUGE, "replay", "-q", "-c", os.path.join(config, "monitor.yaml"), "--out", "postgres", "--db", db, "--run",
             "again", "--max-bad", "100%", *extra, *(x for i in inputs for x in ("--input", i)))
    return live.dump("again", db, name)


def topic_replay(name, config, topic):
    return replay(name, config, f"kafka://{topic}", extra=("--brokers", os.environ["KAFKA_BOOTSTRAP_SERVERS"]))


def run_once(name, config, **kwargs):
    db = live.database(name)
    live.finish(config, db, name, **kwargs)
    return live.dump("", db, name)


def run_in_turns(name, config, topic, **data):
    """Two processes while the topic fills; a third comes, the first leaves, one is killed; the rest is read by one."""
    db = live.database(name)
    quick = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 500}
    start = [Daemon(config, db, name, lanes=n, properties=quick, name=f"process-{n}") for n in (1, 2)]
    producer = live.producing(topic, rate=EVENTS / 16, **data)
    time.sleep(5)
    third = Daemon(config, db, name, lanes=1, properties=quick, name="process-3")
    time.sleep(4)
    rebalances = start[0].metric("driftgauge_rebalances_total") or 0
    start[0].stop()
    time.sleep(3)
    start[1].kill()
    if producer.wait() != 0:
        fail("the producer failed")
    third.must_run()
    third.stop()
    if rebalances < 2:
        fail(f"{rebalances} rebalances: nobody came or went")
    owners = live.sql("SELECT max(epoch) FROM driftgauge.live_partition", db)
    live.finish(config, db, name, lanes=2)
    say(f"{name}: {rebalances:.0f} rebalances of the first process; a partition changed hands up to {owners} times")
    return live.dump("", db, name)


def whole(name, form, trouble, **source):
    data = dict(events=EVENTS, days=1.5, seed=7, format=form, **trouble)
    topic = live.topic(name)
    files = os.path.join(live.work, name)
    written = live.produce(topic, files=files, **data)
    say(f"{name}: {written}")
    config = live.monitor(topic, name, segments=SEGMENTS, **source)
    golden = topic_replay(f"{name}_topic", config, topic)
    live.same_rows(f"{name}, live, one lane", run_once(f"{name}_one", config, lanes=1), golden, 2000)
    live.same_rows(f"{name}, live, three lanes", run_once(f"{name}_three", config, lanes=3, commit="1s"), golden, 2000)
    if trouble["bad"] == 0:
        placed = live.monitor(topic, name + "-files", source="format: auto", places=live.PLACES, segments=SEGMENTS)
        for ending in ("csv", "ndjson", "avro"):
            live.same_rows(f"{name}, replay of {ending}", replay(f"{name}_{ending}", placed, f"{files}.{ending}"), golden, 2000)
    moving = live.topic(name + "-moving")
    config = live.monitor(moving, name + "-moving", segments=SEGMENTS, **source)
    live.same_rows(f"{name}, processes come and go", run_in_turns(f"{name}_moving", config, moving, **data), golden, 2000)


def several_topics():
    """Two topics of one monitor are as many partitions more."""
    a, b = live.topic("part-a", 2), live.topic("part-b", 3)
    for i, t in enumerate((a, b)):
        live.produce(t, events=20000, days=1, seed=20 + i, **live.TROUBLE)
    config = live.monitor(a, "several", source="format: json")
    path = os.path.join(config, "monitor.yaml")
    with open(path) as f:
        text = f.read().replace(f"topic: {a},", f"topics: [{a}, {b}],")
    with open(path, "w") as f:
        f.write(text)

    golden = replay("several_topics", config, f"kafka://{a}", f"kafka://{b}",
                    extra=("--brokers", os.environ["KAFKA_BOOTSTRAP_SERVERS"]))
    live.same_rows("two topics", run_once("several_live", config, lanes=2), golden)


def replay_says_what_is_wrong():
    config = os.path.join(live.monitor("part-a", "wrong"), "monitor.yaml")
    brokers = ["--brokers", os.environ["KAFKA_BOOTSTRAP_SERVERS"]]
    for what, args, code, words in [
        ("a topic that is not there", ["--input", "kafka://none", *brokers], 5, "none"),
        ("files and topics at once", ["--input", "kafka://part-a", "events.csv", *brokers], 2, "not both"),
        ("no broker", ["--input", "kafka://part-a", "--brokers", "127.0.0.1:1"], 4, "127.0.0.1:1"),
        ("settings that are none", ["--input", "kafka://part-a", "--settings", config], 3, "monitor"),
    ]:
        done = live.run(live.GAUGE, "replay", "-q", "-c", config, *args, check=False)
        if done.returncode != code or words not in done.stderr:
            fail(f"{what}: exit code {done.returncode}, not {code}: {done.stderr}")
    done = live.run(live.GAUGE, "replay", "-c", config, "--input", "kafka://", *brokers, "--max-bad", "100%", "-o", "json")
    if not re.search(r"part-a \[\d\]: \w+ at offset \d+", done.stderr):
        fail(f"the offset of a bad record is not said: {done.stderr}")
    if '"records":0' in done.stdout.replace(" ", ""):
        fail("kafka:// alone does not mean the monitor's topic")
    out = os.path.join(live.work, "of-topic.baseline.json")
    live.run(live.GAUGE, "baseline", "build", "-q", "-c", config, "--input", "kafka://part-a", *brokers, "--out", out)
    say("replay of topics says what is wrong; a baseline from a topic: "
        + live.run(live.GAUGE, "baseline", "show", out).stdout.splitlines()[0])


def main():
    try:
        live.baseline()
        whole("clean", "json", TROUBLE)
        schema = os.path.join(live.work, "score.avsc")
        with open(schema, "w") as f:
            f.write(live.run(live.PRODUCER, "schema").stdout)
        whole("rough", "avro", live.TROUBLE, source=f"format: avro, framing: bare, schema: {schema}")
        several_topics()
        replay_says_what_is_wrong()
    finally:
        live.clean_up()


main()
