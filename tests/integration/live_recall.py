"""Goal: a monitor and its baseline that are changed, or go, while no process runs: the windows of the stream before are
judged to their end all the same, as they are when a running daemon reads the change.

Method: one topic whose partitions are never idle, so that its last windows stay open; one daemon is told of the change by
SIGHUP, the others are killed, and started on the new files with the old baseline overwritten. All rows must be equal.
Without the definition that the ledger keeps they must not be, and the log and a metric must say so.
"""
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import Daemon, fail, say  # noqa: E402

EVENTS = 12000
written = 0


def until(what, d, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        d.must_run()
        if time.monotonic() > end:
            fail(f"not within {seconds} s: {what}: {d.get('/v1/status')} {d.words()}")
        time.sleep(0.2)


def files(name, topic):
    """A directory with a monitor and a baseline of its own."""
    config = live.monitor(topic, name)
    shutil.copy(live.baseline(), os.path.join(config, "training.baseline.json"))
    change(config, [(live.baseline(), "training.baseline.json"), ("idle_after: 1s", "idle_after: 10m")])
    return config


def change(config, pairs):
    path = os.path.join(config, "monitor.yaml")
    with open(path) as f:
        text = f.read()
    for a, b in pairs:
        if a not in text:
            fail(f"the monitor does not have {a}")
        text = text.replace(a, b)
    with open(path, "w") as f:
        f.write(text)


def another_definition(config):
    """Other checks, other windows, and another baseline in the place of the one before."""
    reference = os.path.join(live.work, "other.csv")
    if not os.path.exists(reference):
        with open(reference, "w") as f:
            f.write(live.run(live.PRODUCER, "none", "reference=3000", "seed=99").stdout)
    change(config, [("above 5%", "above 6%"), ("{ size: 2h, slide: 1h }", "{ size: 3h, slide: 1h }")])
    live.run(live.GAUGE, "baseline", "build", "-q", "--force", "-c", os.path.join(live.work, "reference/monitor.yaml"), "--input",
             reference, "--out", os.path.join(config, "training.baseline.json"))


def count_all(config, db):
    """A daemon that has committed everything and judged what is due."""
    d = Daemon(config, db, "recall", name=db)
    until("everything is committed", d, lambda: live.sql(
        f"SELECT coalesce(sum(next_offset), 0) FROM driftgauge.live_position WHERE next_offset >= 0", db) == str(written))
    time.sleep(1.5)
    return d


def streams(db):
    return live.sql("SELECT count(*) FILTER (WHERE ended_at IS NULL), count(*) FILTER (WHERE ended_at IS NOT NULL) FROM "
                    "driftgauge.live_stream", db)


def follow(config, db):
    """A daemon on files that were changed meanwhile."""
    d = Daemon(config, db, "recall", name=db)
    until("the other stream is open", d, lambda: streams(db) == "1|1")
    d.wait_until_up()
    return d


def kept(db):
    return live.sql("SELECT count(*) FROM driftgauge.live_definition d JOIN driftgauge.live_stream s USING (stream_id) WHERE "
                    "s.ended_at IS NOT NULL", db)


def told(topic):
    config, db = files("told", topic), live.database("told")
    d = count_all(config, db)
    before = int(live.sql("SELECT count(*) FROM driftgauge.series_result", db))
    another_definition(config)
    d.signal(signal.SIGHUP)
    until("the other stream is open", d, lambda: streams(db) == "1|1")
    d.stop()
    after = int(live.sql("SELECT count(*) FROM driftgauge.series_result", db))
    if after <= before:
        fail(f"nothing was left to judge: {before} rows before the change, {after} after it")
    return live.dump("", db, "told")


def changed_meanwhile(topic, golden):
    config, db = files("meanwhile", topic), live.database("meanwhile")
    count_all(config, db).kill()
    another_definition(config)
    d = follow(config, db)
    if d.metric("driftgauge_streams_unjudged_total") != 0 or "judged to its end" not in d.words():
        fail(f"it does not say that it judged the stream before: {d.words()}")
    d.stop()
    live.same_rows("changed while nothing ran", golden, live.dump("", db, "meanwhile"))
    if kept(db) != "0":
        fail("definitions of a stream that ended are kept")


def no_definition(topic, golden):
    config, db = files("lost", topic), live.database("lost")
    count_all(config, db).kill()
    another_definition(config)
    live.sql("DELETE FROM driftgauge.live_definition", db)
    d = follow(config, db)
    words = d.words()
    if d.metric("driftgauge_streams_unjudged_total") != 1 or words.count("cannot be judged to its end") != 1:
        fail(f"that a stream was not judged is not said, once: {words}")
    if "2026-03-01T" not in words or "credit-risk: configuration " not in words:
        fail(f"which windows of which stream is not said: {words}")
    d.stop()
    if live.difference(golden, live.dump("", db, "lost")) is None:
        fail("rows are equal without the definition: this test shows nothing")


def gone(topic, golden):
    """The monitor is not there any more; its panes are kept for when it comes back."""
    config, db = files("gone", topic), live.database("gone")
    count_all(config, db).kill()
    other = live.monitor(topic, "other")
    change(other, [("monitor: credit-risk", "monitor: another")])
    for _ in range(2):  # the second time there is nothing left to do
        d = Daemon(other, db, "recall", name="other").wait_until_up()
        until("streams are open", d, lambda: streams(db) == "2|0")
        d.stop()
        live.sql("DELETE FROM driftgauge.series_result r USING driftgauge.monitor m WHERE m.monitor_id = r.monitor_id AND "
                 "m.name = 'another'; DELETE FROM driftgauge.slice_result r USING driftgauge.monitor m WHERE m.monitor_id = "
                 "r.monitor_id AND m.name = 'another'", db)
        live.same_rows("gone while nothing ran", golden, live.dump("", db, "gone"))


def main():
    global written
    try:
        live.baseline()
        topic = live.topic("recall", 4)
        found = live.produce(topic, events=EVENTS, days=1, seed=3, disorder=100, duplicates=0.01)
        written = found["records"]
        golden = told(topic)
        changed_meanwhile(topic, golden)
        no_definition(topic, golden)
        gone(topic, golden)
        say("ok")
    finally:
        live.clean_up()


main()
