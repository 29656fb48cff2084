"""Goal: whatever happens to the daemon, the database or the broker, the final rows are those of an undisturbed run.

    faults.py kill|postgres|broker|freeze|outage|cuts|lost|versions|leave|full [--n N] [--seed S] ...      see tests/fault/kill and its siblings

Method: a topic is filled while the daemon reads it and is disturbed at moments that the seed decides; then what is left is
read to the end. The same topic, read by another group into another database without a disturbance, gives the rows that
must be there. Commits are 0.2 s apart, so that little time is left that is not within or just after one.
"""
import argparse
import os
import random
import select
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import Daemon, fail, say  # noqa: E402

QUICK = {"session.timeout.ms": 2500, "heartbeat.interval.ms": 500, "max.poll.interval.ms": 60000}


class Scene:
    """A topic that is being filled for `seconds`, and a database for the group that reads it."""

    def __init__(self, args, seconds, rate=8000, **more):
        self.args = args
        self.random = random.Random(args.seed)
        self.name = f"fault_{args.what}_{args.seed}"
        self.topic = live.topic(self.name.replace("_", "-"))
        events = int(seconds * rate)
        self.events = dict(events=events, days=2, seed=args.seed, **live.TROUBLE)
        first = events // 5
        live.produce(self.topic, to=first, **self.events)
        self.config = live.monitor(self.topic, "config")
        self.db = live.database(self.name)
        self.producer = live.producing(self.topic, **{"from": first}, rate=rate, **self.events, **more)

    def wait_for_producer(self):
        if self.producer.wait() != 0:
            fail("the producer failed")

    def check(self, what, least_revised=0):
        """The rows of the disturbed group against those of an undisturbed one."""
        found = live.counts(self.db)
        golden = live.database(self.name + "_golden")
        seconds = live.finish(self.config, golden, "golden", lanes=2)
        live.same_rows(f"{what}; undisturbed run in {seconds:.1f} s", live.dump("", self.db, "disturbed"),
                       live.dump("", golden, "golden"))
        say(f"{found['rows']} series rows written, {found['revised']} of them revisions; commits: "
            f"{live.sql('SELECT sum(seq) FROM driftgauge.live_position', self.db)}")


def kill(args):
    """SIGKILL at random moments; restarted at once, under the same static membership or as a new member."""
    scene = Scene(args, seconds=1.35 * args.n)
    daemon = Daemon(scene.config, scene.db, "kill", lanes=2, instance="one", properties=QUICK)
    for i in range(args.n):
        time.sleep(scene.random.uniform(0.2, 2.0))
        daemon.must_run()
        daemon.kill()
        daemon.start()
    scene.wait_for_producer()
    daemon.stop()
    live.finish(scene.config, scene.db, "kill", lanes=2, instance="one", properties=QUICK)
    scene.check(f"{args.n} kills, seed {args.seed}")


def postgres(args):
    """Restarts of the server: immediate (as after a crash) or fast, at random moments."""
    live.postgres("stop")
    live.postgres("start", "--durable")
    scene = Scene(args, seconds=4.0 * args.n)
    daemon = Daemon(scene.config, scene.db, "restarts", lanes=2)
    kinds = {"--crash": 0, "": 0}
    for i in range(args.n):
        time.sleep(scene.random.uniform(0.3, 2.5))
        kind = scene.random.choice(list(kinds))
        kinds[kind] += 1
        live.postgres("stop", *([kind] if kind else []))
        time.sleep(scene.random.uniform(0.0, 1.0))
        live.postgres("start", "--durable")
        daemon.must_run()
    scene.wait_for_producer()
    daemon.must_run()
    say(f"reconnected {daemon.metric('driftgauge_ledger_reconnects_total')} times")
    daemon.stop()
    live.finish(scene.config, scene.db, "restarts", lanes=2)
    scene.check(f"{args.n} PostgreSQL restarts, {kinds['--crash']} of them immediate, seed {args.seed}")


def broker(args):
    """kill -9 of the broker, and a new start."""
    scene = Scene(args, seconds=8.0 * args.n, anywhere="yes")
    daemon = Daemon(scene.config, scene.db, "broker", lanes=2)
    for i in range(args.n):
        time.sleep(scene.random.uniform(0.5, 2.5))
        live.kafka("stop", "--crash")
        time.sleep(scene.random.uniform(0.0, 1.0))
        live.kafka("start")
        daemon.must_run()
    scene.wait_for_producer()
    daemon.must_run()
    daemon.stop()
    live.finish(scene.config, scene.db, "broker", lanes=2)
    scene.check(f"{args.n} broker kills, seed {args.seed}")


class Gate:
    """TCP in front of PostgreSQL's socket, that can hold a commit back on its way to the server: what is frozen then is a process
    whose commit is under way, and which writes, unless it is fenced, after another one has taken its partitions."""

    COMMIT = b"UPDATE driftgauge.live_position t SET seq"

    def __init__(self):
        self.server_path = os.path.join(os.environ["PGHOST"], ".s.PGSQL." + os.environ.get("PGPORT", "5432"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.armed, self.caught, self.opened = threading.Event(), threading.Event(), threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def catch(self, seconds):
        """Hold the next commit back; was there one within so many seconds?"""
        self.caught.clear()
        self.opened.clear()
        self.armed.set()
        return self.caught.wait(seconds)

    def open(self):
        self.armed.clear()
        self.opened.set()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        tail = b""
        try:
            server.connect(self.server_path)
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client:
                        if self.armed.is_set() and self.COMMIT in tail + data:
                            self.armed.clear()
                            self.caught.set()
                            self.opened.wait()
                        tail = data[-len(self.COMMIT):]
                    (server if source is client else client).sendall(data)
        except OSError:
            pass
        finally:
            client.close()
            server.close()


def fenced_of(two):
    return sum(d.metric("driftgauge_fenced_total") or 0 for d in two)


def wait_for(what, words, seconds=30.0):
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            fail(f"waited {seconds:.0f} s for {words}")
        time.sleep(0.2)


def freezes(args, scene, binary):
    """Two processes, frozen in turn with a commit on its way; how often, and how often one was fenced."""
    gates = [Gate(), Gate()]
    two = [Daemon(scene.config, scene.db, "freeze", lanes=2, properties=QUICK, binary=binary, name=f"process-{i}",
                  target=f"host=127.0.0.1 port={gate.port} user={os.environ['PGUSER']} dbname={scene.db} sslmode=disable")
           for i, gate in enumerate(gates)]
    time.sleep(2.0)
    done = 0
    while done < args.n:
        frozen, gate = two[done % 2], gates[done % 2]
        time.sleep(scene.random.uniform(0.5, 1.5))
        if not gate.catch(20.0):
            fail(f"no commit to hold back; log: {frozen.words()}")
        frozen.signal(signal.SIGSTOP)
        since = live.sql("SELECT clock_timestamp()", scene.db)
        time.sleep(scene.random.uniform(4.0, 5.5))
        wait_for(lambda: int(live.sql("SELECT count(*) FROM driftgauge.live_position p JOIN driftgauge.live_partition o USING "
                                      f"(topic, partition) WHERE least(acquired_at, committed_at) > '{since}'", scene.db)) > 0,
                 "the other process to take a partition and commit")
        gate.open()
        time.sleep(0.3)
        frozen.signal(signal.SIGCONT)
        time.sleep(1.0)
        done += 1
    scene.wait_for_producer()
    for daemon in two:
        daemon.must_run()
    fenced = fenced_of(two)
    for daemon in two:
        daemon.stop()
    live.finish(scene.config, scene.db, "freeze", binary=binary)
    return done, fenced


def freeze(args):
    """SIGSTOP for longer than the session's time-out, while a second process takes over; then SIGCONT: the one that was
    frozen must not write what the other has counted. With --unfenced PROGRAM (the fence compiled out) the rows must differ."""
    if not args.unfenced:
        scene = Scene(args, seconds=11.0 * args.n + 6)
        done, fenced = freezes(args, scene, live.GAUGE)
        if fenced < done:
            fail(f"{done} freezes with a commit under way, and only {fenced:.0f} times somebody was fenced")
        scene.check(f"{done} freezes, {fenced:.0f} times fenced, seed {args.seed}")
        return
    for _ in range(2):
        scene = Scene(args, seconds=11.0 * args.n + 6)
        done, _ = freezes(args, scene, args.unfenced)
        golden = live.database(scene.name + "_golden")
        live.finish(scene.config, golden, "golden", lanes=2)
        words = live.difference(live.dump("", scene.db, "disturbed"), live.dump("", golden, "golden"))
        if words is not None:
            say(f"control without the fence, {done} freezes, seed {args.seed}: {words.strip().splitlines()[-1]}, as they must")
            return
        args.seed += 100
    fail("without the fence the rows are right as well: the test proves nothing")


def outage(args):
    """PostgreSQL away for --seconds, N times; the daemon waits, its memory bounded."""
    scene = Scene(args, seconds=float(args.n) * args.seconds + 15, rate=args.rate)
    daemon = Daemon(scene.config, scene.db, "outage", lanes=2)
    time.sleep(3.0)
    before, _ = daemon.memory_mb()
    for i in range(args.n):
        live.postgres("stop", *(["--crash"] if i else []))
        resident, until = [], time.monotonic() + args.seconds
        while time.monotonic() < until:
            time.sleep(min(10.0, max(0.0, until - time.monotonic())))
            daemon.must_run()
            resident.append(f"{daemon.memory_mb()[0]:.0f}")
        say(f"resident MB, every 10 s: {' '.join(resident)}")
        now, most = daemon.memory_mb()
        ready = daemon.get("/readyz").strip()
        say(f"away for {args.seconds} s at {args.rate} records/s: {before:.0f} MB before, {now:.0f} now, {most:.0f} at most; "
            f"/readyz: {ready}")
        if most > before + args.room:
            fail(f"memory grew by {most - before:.0f} MB, more than {args.room}")
        live.postgres("start")
        time.sleep(2.0)
    scene.wait_for_producer()
    daemon.must_run()
    daemon.stop()
    live.finish(scene.config, scene.db, "outage", lanes=2)
    scene.check(f"{args.n} outages of {args.seconds} s, seed {args.seed}")


def server_files(name="data"):
    with open(os.path.join(os.environ["DG_PG_DIR"], "home")) as f:
        return os.path.join(f.read().strip(), name)


def keep_copy(name):
    """The server's files as they are now: what a standby that gets nothing more would have."""
    live.postgres("stop")
    live.run("rm", "-rf", server_files(name))
    live.run("cp", "-a", server_files(), server_files(name))
    live.postgres("start")


def put_back(name):
    """The standby takes over: everything since then is lost."""
    live.postgres("stop", "--crash")
    live.run("rm", "-rf", server_files())
    live.run("cp", "-a", server_files(name), server_files())
    live.postgres("start")


def offsets(db):
    return live.sql("SELECT sum(next_offset) FROM driftgauge.live_position", db)


def lost(args):
    """Fail-over to a standby that lacks the last seconds: the streams themselves at first, later commits and versions; the
    last time while nothing is being written, when only looking tells."""
    scene = Scene(args, seconds=10.0 * args.n + 20)
    keep_copy("before")
    daemon = Daemon(scene.config, scene.db, "lost", lanes=2)
    wait_for(lambda: (daemon.metric("driftgauge_commits_total") or 0) >= 3, "commits")
    time.sleep(1.0)
    put_back("before")
    wait_for(lambda: "opening the streams again" in daemon.words(100000), "the streams to be missed")
    say(f"the streams were lost; /readyz: {daemon.get('/readyz').strip()}")
    for i in range(args.n):
        wait_for(lambda: live.sql("SELECT count(*) FROM driftgauge.live_position WHERE seq > 2", scene.db) != "0", "commits")
        keep_copy("middle")
        time.sleep(scene.random.uniform(2.0, 4.0))
        before = offsets(scene.db)
        put_back("middle")
        say(f"{i}: at {before} records, back to {offsets(scene.db)}")
        time.sleep(scene.random.uniform(0.5, 2.0))
        daemon.must_run()
    scene.wait_for_producer()
    wait_for(lambda: daemon.metric("driftgauge_monitor_lag_records") == 0, "the end of the topic", 120)
    time.sleep(3.0)
    before, noticed = offsets(scene.db), daemon.metric("driftgauge_ledger_set_back_total")
    put_back("middle")
    wait_for(lambda: offsets(scene.db) == before, "the last commits to be made again, without a new record", 120)
    again = daemon.metric("driftgauge_ledger_set_back_total")
    if not again > noticed > 0:
        fail(f"driftgauge_ledger_set_back_total was {noticed}, is {again}: {daemon.words()}")
    daemon.must_run()
    daemon.stop()
    live.finish(scene.config, scene.db, "lost", lanes=2)
    scene.check(f"{args.n + 2} fail-overs that lost commits, seed {args.seed}; noticed {again:.0f} times")


def signal_server(number):
    """To the postmaster and all that it started."""
    with open(os.path.join(server_files(), "postmaster.pid")) as f:
        postmaster = int(f.readline())
    children = live.run("ps", "-o", "pid=", "--ppid", postmaster, check=False).stdout.split()
    for pid in [postmaster, *map(int, children)]:
        os.kill(pid, number)


def leave(args):
    """SIGTERM while PostgreSQL is frozen (it holds its connections and answers nothing), while it is down, and twice: how long
    it takes. What was not committed is read again by the next start."""
    scene = Scene(args, seconds=60)
    daemon = Daemon(scene.config, scene.db, "leave", lanes=2, properties=QUICK)

    def told_to_stop(how, code, most, wait=2.0, again=False):
        wait_for(lambda: (daemon.metric("driftgauge_commits_total") or 0) > 2, "commits")
        if how == "frozen":
            signal_server(signal.SIGSTOP)
        elif how == "down":
            live.postgres("stop", "--crash")
        time.sleep(wait)
        daemon.must_run()
        ready = daemon.get("/readyz").strip()
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        if again:
            time.sleep(1.0)
            daemon.signal(signal.SIGTERM)
        daemon.wait(60, code)
        took = time.monotonic() - began
        if how == "frozen":
            signal_server(signal.SIGCONT)
        elif how == "down":
            live.postgres("start")
        say(f"{how}{', told twice' if again else ''}: left with {code} after {took:.1f} s; /readyz had said: {ready[:150]}")
        if took > most:
            fail(f"that is more than {most} s: {daemon.words()}")
        daemon.start()

    told_to_stop("there", 0, 5)
    told_to_stop("frozen", 0, 20)
    told_to_stop("frozen", 0, 20, wait=0.0)
    told_to_stop("down", 0, 10)
    told_to_stop("frozen", 130, 3, again=True)
    scene.wait_for_producer()
    daemon.stop()
    live.finish(scene.config, scene.db, "leave", lanes=2)
    scene.check(f"SIGTERM while PostgreSQL was frozen or down, seed {args.seed}")


class SmallDisk:
    """The server's files on a file system of their own, in memory."""

    def __init__(self, megabytes):
        self.data, aside = server_files(), server_files("aside")
        owner = os.stat(self.data)
        live.postgres("stop")
        os.rename(self.data, aside)
        os.mkdir(self.data, 0o700)
        how = f"size={megabytes}m,mode=700,uid={owner.st_uid},gid={owner.st_gid}"
        if live.run("mount", "-t", "tmpfs", "-o", how, "tmpfs", self.data, check=False).returncode != 0:
            os.rmdir(self.data)
            os.rename(aside, self.data)
            say("no right to mount a file system: skipped")
            sys.exit(77)
        live.run("cp", "-a", aside + "/.", self.data)
        live.postgres("start")

    def fill(self, leave):
        with open(os.path.join(self.data, "fill"), "wb", buffering=0) as f:
            room = os.statvfs(self.data)
            try:
                while room.f_bavail * room.f_frsize > leave:
                    f.write(bytes(min(1 << 20, room.f_bavail * room.f_frsize - leave)))
                    room = os.statvfs(self.data)
            except OSError:
                pass  # the server was quicker

    def free(self):
        os.remove(os.path.join(self.data, "fill"))

    def close(self):
        live.postgres("stop", "--crash", check=False)
        live.run("umount", "-l", self.data, check=False)


def full(args):
    """The disk of PostgreSQL is full, for its tables or (after that) its log of writes, which stops the server; then there is
    room again."""
    disk = SmallDisk(700)
    try:
        scene = Scene(args, seconds=30.0 * args.n + 10)
        daemon = Daemon(scene.config, scene.db, "full", lanes=2)
        for i in range(args.n):
            wait_for(lambda: daemon.get("/readyz").startswith("ready") and daemon.metric("driftgauge_commits_total") > 2, "commits")
            disk.fill(leave=scene.random.choice([0, 200000]))
            wait_for(lambda: not daemon.get("/readyz").startswith("ready"), "the disk to be full", 60)
            time.sleep(scene.random.uniform(2.0, 6.0))
            daemon.must_run()
            say(f"{i}: /readyz: {daemon.get('/readyz').strip()[:300]}")
            disk.free()
            live.postgres("start", check=False)
            wait_for(lambda: daemon.get("/readyz").startswith("ready"), "the daemon to go on", 90)
        scene.wait_for_producer()
        daemon.must_run()
        daemon.stop()
        live.finish(scene.config, scene.db, "full", lanes=2)
        scene.check(f"disk full {args.n} times, seed {args.seed}")
    finally:
        disk.close()


def versions(args):
    """Rows of driftgauge.live_group vanish while the daemon runs; by one who switches triggers off."""
    scene = Scene(args, seconds=4.0 * args.n + 5)
    daemon = Daemon(scene.config, scene.db, "versions", lanes=2)
    there = "SELECT string_agg(group_no || version, ' ' ORDER BY group_no) FROM driftgauge.live_group"
    wait_for(lambda: live.sql(there, scene.db) != "" and (daemon.metric("driftgauge_commits_total") or 0) > 2, "versions")
    for i in range(args.n):
        before = live.sql(there, scene.db)
        some = scene.random.choice(["", "WHERE group_no = 0"])
        live.sql(f"SET session_replication_role = replica; DELETE FROM driftgauge.live_group {some}", scene.db)
        wait_for(lambda: live.sql(there, scene.db).startswith(before), "the versions to be written again", 20)
        time.sleep(scene.random.uniform(0.3, 1.5))
        daemon.must_run()
    noticed = daemon.metric("driftgauge_ledger_set_back_total")
    if noticed < args.n:
        fail(f"{args.n} times rows were deleted, {noticed} times that was noticed")
    scene.wait_for_producer()
    daemon.stop()
    live.finish(scene.config, scene.db, "versions", lanes=2)
    scene.check(f"versions deleted {args.n} times, seed {args.seed}")


class Proxy:
    """TCP in front of PostgreSQL's socket, that cuts connections: after a random number of bytes of either direction, before a
    COMMIT reaches the server, or after it did and before its answer."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.server_path = os.path.join(os.environ["PGHOST"], ".s.PGSQL." + os.environ.get("PGPORT", "5432"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cuts = {"bytes": 0, "before COMMIT": 0, "after COMMIT": 0}
        self.armed = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client, self.random.random(), self.random.random()), daemon=True).start()

    def serve(self, client, kind, size):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.server_path)
        except OSError:
            client.close()
            return
        left = int(10 ** (2.5 + 3.5 * size))
        commits = 1 + int(8 * size)
        try:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if self.armed and kind < 0.4:
                        left -= len(data)
                        if left < 0:
                            self.cuts["bytes"] += 1
                            (server if source is client else client).sendall(data[:len(data) + left])
                            return
                    if self.armed and source is client and b"COMMIT" in data:
                        commits -= 1
                        if commits == 0 and kind >= 0.4:
                            if kind < 0.6:
                                self.cuts["before COMMIT"] += 1
                                return
                            server.sendall(data)
                            self.cuts["after COMMIT"] += 1
                            time.sleep(0.05)
                            return
                    (server if source is client else client).sendall(data)
        except OSError:
            pass
        finally:
            client.close()
            server.close()


def cuts(args):
    """The connection to PostgreSQL is cut N times at random places, within COMMIT above all."""
    scene = Scene(args, seconds=max(20.0, 0.8 * args.n))
    proxy = Proxy(args.seed)
    target = f"host=127.0.0.1 port={proxy.port} user={os.environ['PGUSER']} dbname={scene.db} sslmode=disable"
    daemon = Daemon(scene.config, scene.db, "cuts", lanes=2, target=target)
    began = time.monotonic()
    while sum(proxy.cuts.values()) < args.n and time.monotonic() - began < 20 + 3 * args.n:
        time.sleep(0.1)
        daemon.must_run()
    proxy.armed = False
    done = dict(proxy.cuts)
    if sum(done.values()) < args.n or done["after COMMIT"] == 0:
        fail(f"only {done} cuts; log: {daemon.words()}")
    scene.wait_for_producer()
    daemon.must_run()
    daemon.stop()
    live.finish(scene.config, scene.db, "cuts", lanes=2)
    scene.check(f"cuts: {done}, seed {args.seed}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["kill", "postgres", "broker", "freeze", "outage", "cuts", "lost", "versions", "leave", "full"])
    parser.add_argument("--n", "--kills", type=int, default=0, help="how many times")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("DG_SEED", "1")))
    parser.add_argument("--seconds", type=float, default=20.0, help="outage: how long PostgreSQL is away")
    parser.add_argument("--rate", type=int, default=8000, help="outage: records per second")
    parser.add_argument("--room", type=float, default=200.0, help="outage: MB by which memory may grow")
    parser.add_argument("--unfenced", help="freeze: a program without the fence")
    args = parser.parse_args()
    args.n = args.n or {"kill": 20, "postgres": 5, "broker": 2, "freeze": 2, "outage": 2, "cuts": 20, "lost": 2, "versions": 4, "leave": 1, "full": 2}[args.what]
    try:
        globals()[args.what](args)
    finally:
        live.clean_up()


if __name__ == "__main__":
    main()
