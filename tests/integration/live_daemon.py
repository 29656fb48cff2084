"""Goal: the daemon's life: it starts, waits for what is away, reads its configuration anew, stops when told, and in the
end its rows are those of a replay of the same topic.

Method: one topic is filled while the daemon runs and everything around it is taken away and given back.
"""
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import Daemon, fail, say  # noqa: E402

EVENTS = 60000
AWAY = 20


watched = None  # the daemon whose state is told when something does not happen


def until(what, condition, seconds=60):
    """Wait for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    told = f"{readyz(watched)} {watched.get('/v1/status')} {watched.words()}" if watched else ""
    fail(f"not within {seconds} s: {what}: {told}")


def readyz(d):
    """"ready", or why not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{d.port}/readyz", timeout=5) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.read().decode()
    except OSError as e:
        return f"no answer: {e}"


def ready(d):
    return lambda: readyz(d).startswith("ready")


def not_ready(d, part):
    return lambda: part in readyz(d)


def stop_in(d, seconds):
    began = time.monotonic()
    d.stop(timeout=seconds)
    say(f"stopped within {time.monotonic() - began:.1f} s")


written = 0


def produce(topic, data, first, last):
    """What belongs to a part of the events."""
    global written
    written += live.produce(topic, **{**data, "from": first, "to": last})["records"]


def all_counted(d):
    """Every partition up to its end, and that is where it should be."""
    def found():
        try:
            places = json.loads(d.get("/v1/status"))["monitors"][0]["partitions"]
        except (ValueError, LookupError):
            return False
        return sum(p["committed_offset"] or 0 for p in places) == written
    return found


def replay(config, topic):
    db = live.database("golden")
    live.run(live.GAUGE, "replay", "-q", "-c", os.path.join(config, "monitor.yaml"), "--out", "postgres", "--db", db, "--run",
             "again", "--max-bad", "100%", "--input", f"kafka://{topic}", "--brokers", os.environ["KAFKA_BOOTSTRAP_SERVERS"])
    return live.dump("again", db, "golden")


def check_connect(config, db):
    d = Daemon(config, db, "probe", args=("--check-connect",), name="probe").wait(60)
    words = d.words()
    for line in ("broker", "topic life", "database", "registry"):
        if f"ok     {line}" not in words:
            fail(f"--check-connect does not say that {line} is there: {words}")
    bad = live.monitor("no-such-topic", "absent")
    words = Daemon(bad, db, "probe", args=("--check-connect",), name="probe").wait(60, code=4).words()
    if "FAILED topic no-such-topic" not in words:
        fail(f"--check-connect does not miss the topic: {words}")
    live.run("psql", "-XqAt", "-d", "postgres", "-c", "CREATE DATABASE empty")
    words = Daemon(config, "empty", "probe", args=("--check-connect",), name="probe").wait(60, code=4).words()
    if "FAILED database" not in words or "db migrate" not in words:
        fail(f"--check-connect does not miss the schema: {words}")


def bad_configurations(config, db):
    plain = live.monitor("life", "files-only")
    path = os.path.join(plain, "monitor.yaml")
    with open(path) as f:
        text = f.read().replace("topic: life, ", "")
    with open(path, "w") as f:
        f.write(text)
    words = Daemon(plain, db, "bad", name="bad").wait(30, code=3).words()
    if "has no topic" not in words:
        fail(f"a monitor without a topic: {words}")
    words = Daemon(config, db, "bad", name="bad", properties={"group.id": "x"}).wait(30, code=3).words()
    if "group.id" not in words:
        fail(f"a property that is not to be set: {words}")


def reload(d, config, db):
    """A bad file is refused, an unchanged one keeps its stream, a changed one gets another."""
    path = os.path.join(config, "monitor.yaml")
    with open(path) as f:
        good = f.read()
    streams = live.sql("SELECT count(*) FROM driftgauge.live_stream", db)
    with open(path, "w") as f:
        f.write(good + "windws: 3\n")
    d.signal(signal.SIGHUP)
    until("the bad file is refused", lambda: d.metric("driftgauge_reload_failures_total") == 1)
    if "windws" not in d.words():
        fail("the log does not name what is wrong")
    until("the old configuration runs on", ready(d))
    with open(path, "w") as f:
        f.write("# only a comment\n" + good)
    d.signal(signal.SIGHUP)
    until("the reload took effect", lambda: d.metric("driftgauge_reloads_total") == 1)
    until("ready after the reload", ready(d))
    if live.sql("SELECT count(*) FROM driftgauge.live_stream", db) != streams:
        fail("an unchanged monitor got another stream")
    d.must_run()
    return good


def changed_definition(config, db):
    """Another configuration goes on at the offsets of the one before."""
    path = os.path.join(config, "monitor.yaml")
    with open(path) as f:
        good = f.read()
    d = Daemon(config, db, "changed", name="changed")
    until("ready", ready(d))
    until("everything is counted", all_counted(d))
    counted = d.metric("driftgauge_records_total")
    with open(path, "w") as f:
        f.write(good.replace("above 5%", "above 6%"))
    d.signal(signal.SIGHUP)
    until("the reload took effect", lambda: d.metric("driftgauge_reloads_total") == 1)
    until("ready after the reload", ready(d))
    found = live.sql("SELECT count(*), count(*) FILTER (WHERE ended_at IS NULL) FROM driftgauge.live_stream "
                     "WHERE consumer_group = 'changed'", db)
    if found != "2|1":
        fail(f"streams and those that go on: {found}")
    until("everything is counted", all_counted(d))
    time.sleep(1.5)
    if d.metric("driftgauge_records_total") != counted:
        fail("the new stream counted again what the old one had counted")
    stop_in(d, 20)
    with open(path, "w") as f:
        f.write(good)


def systemd(config, db):
    """READY, STATUS, RELOADING, STOPPING and the watchdog."""
    import socket
    path = os.path.join(live.work, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(20)
        os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="1000000")
        d = Daemon(config, db, "systemd", name="systemd")
        del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        heard = ""

        def hear(word):
            nonlocal heard
            while word not in heard:
                heard += s.recv(4096).decode() + "\n"
        hear("READY=1")
        hear("STATUS=counting")
        hear("WATCHDOG=1")
        d.signal(signal.SIGHUP)
        hear("RELOADING=1\nMONOTONIC_USEC=")
        until("ready", ready(d))
        d.signal(signal.SIGTERM)
        hear("STOPPING=1")
        d.wait(20)


def made_anew(data):
    """A topic is deleted while it is read and made anew, with fewer partitions and more records in each than were read:
    nothing is passed over, the gap is written down, and partitions that are no more hold no window back."""
    tool = "org.apache.kafka.tools.TopicCommand"
    topic = live.topic("anew", 6)
    config = live.monitor(topic, "anew")
    db = live.database("anew")

    def fill(events):
        found = live.produce(topic, **{**data, "to": events})
        return found["records"] - found["tombstones"]

    first = fill(3000)
    path = os.path.join(config, "monitor.yaml")
    with open(path) as f:
        text = f.read().replace("idle_after: 1s", "idle_after: 10m")
    with open(path, "w") as f:
        f.write(text)
    d = Daemon(config, db, "anew", name="anew")
    until("the first topic is counted", lambda: d.metric("driftgauge_records_total") == first)
    time.sleep(1)
    live.kafka("tool", tool, "--delete", "--topic", topic)
    live.topic(topic, 3)
    second = fill(12000)
    until("every record of the second topic is counted", lambda: d.metric("driftgauge_records_total") == first + second, 90)
    until("gaps are written down", lambda: live.sql("SELECT count(*) FROM driftgauge.live_gap", db) == "3")

    def judged():
        return live.sql("SELECT max(window_end) > (SELECT to_timestamp(min(max_us) / 1e6) - interval '3 hours' FROM "
                        "driftgauge.live_position WHERE partition < 3) FROM driftgauge.slice_result", db) == "t"
    until("windows are judged without the partitions that are gone", judged)
    stop_in(d, 20)


def far_behind():
    """Many monitors have thousands of windows to judge when it is told to stop: it does not begin with each of them."""
    topic = live.topic("behind", 4)
    live.produce(topic, events=40000, days=30, seed=12)
    config = live.monitor(topic, "behind", windows="  - { size: 6h, slide: 5m }")
    with open(os.path.join(config, "monitor.yaml")) as f:
        text = f.read()
    for i in range(15):
        with open(os.path.join(config, f"m{i}.yaml"), "w") as f:
            f.write(text.replace("monitor: credit-risk", f"monitor: m{i}"))
    db = live.database("behind")
    judged = "SELECT count(*) FROM driftgauge.slice_result"
    d = Daemon(config, db, "behind", lanes=2, name="behind")
    until("windows are judged", lambda: live.sql(judged, db) != "0", 120)
    began = time.monotonic()
    d.signal(signal.SIGTERM)
    d.wait(timeout=60)
    seconds = time.monotonic() - began
    say(f"stopped within {seconds:.1f} s, {live.sql(judged, db)} of some 130,000 windows judged")
    if seconds > 18:
        fail(f"{seconds:.1f} s for stopping while windows were judged: {d.words()}")


def main():
    global watched
    data = dict(events=EVENTS, days=1, seed=11, **live.TROUBLE)
    try:
        live.baseline()
        topic = live.topic("life")
        config = live.monitor(topic, "life")
        db = live.database("life")
        say("--check-connect and configurations that cannot be run")
        check_connect(config, db)
        bad_configurations(config, db)

        say("it starts without a database, waits, and goes on by itself")
        produce(topic, data, 0, EVENTS // 4)
        live.postgres("stop")
        d = watched = Daemon(config, db, "life", lanes=2, name="life", args=("--log-format", "logfmt"))
        until("not ready without the database", not_ready(d, "ledger"))
        live.postgres("start")
        until("ready", ready(d))

        say("reload")
        reload(d, config, db)

        say(f"the database is away for {AWAY} s")
        produce(topic, data, EVENTS // 4, EVENTS // 2)
        live.postgres("stop")
        until("not ready without the database", not_ready(d, "ledger"))
        produce(topic, data, EVENTS // 2, EVENTS * 3 // 4)
        time.sleep(AWAY)
        d.must_run()
        live.postgres("start")
        until("ready again", ready(d))

        say("the broker is killed and comes back")
        live.kafka("stop", "--crash")
        until("not ready without the broker", not_ready(d, "broker"), 90)
        live.kafka("start")
        until("ready again", ready(d), 120)
        produce(topic, data, EVENTS * 3 // 4, EVENTS)
        until("everything is counted", all_counted(d), 120)
        stop_in(d, 20)
        for event in ("blocked", "resumed", "partition_taken", "reload", "stopped"):
            if f"event={event}" not in d.words(100000):
                fail(f"the log has no event={event}: {d.words()}")
        live.finish(config, db, "life", lanes=2)
        live.same_rows("after all of it", live.dump("", db, "live"), replay(config, topic))

        say("a topic made anew")
        made_anew(data)

        say("a changed definition, systemd")
        changed_definition(config, db)
        systemd(config, db)

        say("told to stop with a lot to judge")
        far_behind()
    finally:
        live.clean_up()


main()
