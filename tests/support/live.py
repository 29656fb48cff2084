"""What tests of the live path share: servers, topics, databases, the daemon, its rows.

Environment: DG_BINARY, DG_SOURCE_DIR, DG_PRODUCER (stream_producer), and of with_kafka.sh and with_postgres.sh
DG_KAFKA_DIR, KAFKA_BOOTSTRAP_SERVERS, DG_PG_DIR, PGHOST ...
"""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SOURCE = os.environ["DG_SOURCE_DIR"]
GAUGE = os.environ["DG_BINARY"]
PRODUCER = os.environ.get("DG_PRODUCER", "")
COMPARE = os.path.join(SOURCE, "tests/support/compare_rows.py")
PARTITIONS = 6
work = tempfile.mkdtemp(prefix="driftgauge-live.")

MONITOR = """monitor: credit-risk
source: {{ topic: {topic}, {source}, idle_after: 1s }}
columns:
  timestamp: ts
  id: event_id
  version: model_version
  prediction: {{ score: score, class: decision }}
  latency: latency_ms
{places}  features:
    income: {{ type: numeric, valid: [0, 10000000] }}
    age: {{ type: numeric, valid: [18, 110] }}
    utilization: {{ type: numeric, valid: [0, 1] }}
    loan_amount: numeric
    term_months: numeric
    employment: category
    channel: category
    country: category
windows:
{windows}
time: {{ out_of_order: 2m, late_events: 30m, max_ahead: 1d }}
{segments}baselines:
  training: {{ file: {baseline} }}
  previous: previous_window
checks:
  missing: {{ warn: above 5%, critical: above 15%, baseline: training }}
"""
PLACES = """  topic: kafka_topic
  partition: kafka_partition
  offset: kafka_offset
  record_timestamp: kafka_time
"""
# Out of order within the tolerance and beyond, late, twice, from next year, and not readable.
TROUBLE = dict(disorder=150, late=0.002, duplicates=0.01, future=0.0005, bad=0.005)


def fail(words):
    print(f"FAILED: {words}", flush=True)
    sys.exit(1)


def say(words):
    print(words, flush=True)


def run(*args, check=True, **kwargs):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **kwargs)
    if check and done.returncode != 0:
        fail(f"{' '.join(str(a) for a in args)}: exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- Kafka -----------------------------------------------------------------------------------------------------------

def kafka(*args, **kwargs):
    return run(f"{SOURCE}/scripts/kafka.sh", args[0], os.environ["DG_KAFKA_DIR"], *args[1:], **kwargs)


def topic(name, partitions=PARTITIONS):
    run(os.environ["DG_KAFKA_TOOL"], "create", partitions, name)
    return name


def options(o):
    return [f"{k}={v}" for k, v in o.items()]


def produce(name, **o):
    """Write, and give the counts."""
    said = run(PRODUCER, name, *options(o)).stdout
    return {k: int(v) for k, v in (pair.split("=") for pair in said.split())}


def producing(name, **o):
    with open(os.path.join(work, "producer.log"), "ab") as log:
        return subprocess.Popen([PRODUCER, name, *options(o)], stdout=log, stderr=log)


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------

def postgres(*args, **kwargs):
    return run(f"{SOURCE}/scripts/postgres.sh", args[0], os.environ["DG_PG_DIR"], *args[1:], **kwargs)


def sql(text, database):
    return run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text).stdout.strip()


def database(name):
    """An empty one with the schema."""
    run("psql", "-XqAt", "-d", "postgres", "-c", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    run("psql", "-XqAt", "-d", "postgres", "-c", f"CREATE DATABASE {name}")
    run(GAUGE, "db", "migrate", "--db", name)
    return name


# ---- monitors --------------------------------------------------------------------------------------------------------

_baseline = None


def baseline():
    """Built once; monitors name it by its path."""
    global _baseline
    if _baseline is None:
        _baseline = os.path.join(work, "training.baseline.json")
        with open(os.path.join(work, "reference.csv"), "w") as f:
            subprocess.run([PRODUCER, "none", "reference=20000"], stdout=f, check=True)
        path = monitor("any", "reference", source="format: auto")
        run(GAUGE, "baseline", "build", "-q", "-c", os.path.join(path, "monitor.yaml"), "--input",
            os.path.join(work, "reference.csv"), "--out", _baseline)
    return _baseline


def monitor(topic_name, folder, source="format: json", places="", segments="", windows="  - { size: 2h, slide: 1h }"):
    """A directory with one monitor; its path."""
    path = os.path.join(work, folder)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "monitor.yaml"), "w") as f:
        f.write(MONITOR.format(topic=topic_name, source=source, places=places, segments=segments, windows=windows,
                               baseline=_baseline or baseline()))
    return path


# ---- the daemon ------------------------------------------------------------------------------------------------------

_processes = []


class Daemon:
    """driftgauge run; starts at once. `kafka`: that section as it is written, in the place of one made from the others.
    `files` are copied beside the settings."""

    def __init__(self, config, db, group, lanes=1, until_end=False, instance=None, commit="200ms", judge="300ms",
                 properties=None, target=None, binary=GAUGE, registry=None, name="daemon", args=(), brokers=None,
                 kafka=None, files=()):
        self.port = free_port()
        self.name = name
        self.path = tempfile.mkdtemp(prefix=name + ".", dir=work)
        for path in files:
            shutil.copy(path, self.path)
        if kafka is None:
            kafka = f'kafka: {{ brokers: "{brokers or os.environ["KAFKA_BOOTSTRAP_SERVERS"]}", group: {group}'
            if instance:
                kafka += f", instance: {instance}"
            if properties:
                kafka += ", properties: { " + ", ".join(f"{k}: {v}" for k, v in properties.items()) + " }"
            kafka += " }"
        where = target or f"dbname={db}"
        self.settings = os.path.join(self.path, "driftgauge.yaml")
        with open(self.settings, "w") as f:
            f.write(f'{kafka}\ndatabase: {{ target: "{where}" }}\n'
                    f'http: {{ listen: "127.0.0.1:{self.port}" }}\nlanes: {lanes}\n'
                    f"commit: {{ interval: {commit} }}\njudge: {{ interval: {judge}, horizon: 366d }}\n")
            if registry:
                f.write(f"registry: {registry}\n")
        self.log = os.path.join(self.path, "log")
        self.command = [binary, "run", "-c", config, "--settings", os.path.join(self.path, "driftgauge.yaml"), *args]
        self.process = None
        self.start(until_end)

    def start(self, until_end=False):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command + (["--until-end"] if until_end else []), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        _processes.append(self.process)
        return self

    def words(self, n=3000):
        with open(self.log, errors="replace") as f:
            return f.read()[-n:]

    def running(self):
        return self.process.poll() is None

    def must_run(self):
        if not self.running():
            fail(f"{self.name} has ended with {self.process.returncode}: {self.words()}")

    def signal(self, number):
        self.process.send_signal(number)

    def wait_until_up(self, timeout=60):
        """Until it answers: from then on a signal is handled."""
        end = time.monotonic() + timeout
        while self.metric("driftgauge_records_total") is None:
            self.must_run()
            if time.monotonic() > end:
                fail(f"{self.name} does not answer: {self.words()}")
            time.sleep(0.05)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, timeout=300, code=0):
        """Until it ends by itself."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = self.get("/v1/status")
            self.kill()
            fail(f"{self.name} did not end within {timeout} s; status {status}; log: {self.words()}")
        if self.process.returncode != code:
            fail(f"{self.name}: exit code {self.process.returncode}, not {code}: {self.words()}")
        return self

    def stop(self, timeout=60):
        self.wait_until_up()
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.read().decode()
        except OSError as e:
            return f"no answer: {e}"

    def metric(self, name):
        """The sum over its labels; None: it is not there (yet)."""
        found = None
        for line in self.get("/metrics").splitlines():
            if line.startswith(name) and line[len(name)] in " {":
                found = (found or 0) + float(line.rsplit(" ", 1)[1])
        return found

    def memory_mb(self):
        """Resident now, and the most so far."""
        found = {}
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith(("VmRSS", "VmHWM")):
                    found[line[:5]] = int(line.split()[1]) / 1024
        return found["VmRSS"], found["VmHWM"]


def finish(config, db, group, **kwargs):
    """Read what is left and judge to the end."""
    began = time.monotonic()
    Daemon(config, db, group, until_end=True, name="finish", **kwargs).wait()
    return time.monotonic() - began


# ---- rows ------------------------------------------------------------------------------------------------------------

def dump(run_name, db, name):
    path = os.path.join(work, name + ".rows")
    run(sys.executable, COMPARE, "dump", run_name, path, env={**os.environ, "PGDATABASE": db})
    return path


def difference(a, b, least=500):
    """None if the rows of two dumps are equal, else the first that are not."""
    done = run(sys.executable, COMPARE, "compare", a, b, "--least", least, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


def same_rows(what, a, b, least=500):
    words = difference(a, b, least)
    if words is not None:
        fail(f"{what}: {words}")
    with open(a) as f:
        say(f"{what}: {sum(1 for _ in f)} rows are equal")


def clean_up():
    for process in _processes:  # of a test that failed: nobody else would end them
        if process.poll() is None:
            process.kill()
            process.wait()
    if os.environ.get("DG_KEEP"):
        say(f"kept: {work}")
    else:
        shutil.rmtree(work, ignore_errors=True)


def seeded(default=1):
    seed = int(os.environ.get("DG_SEED", default))
    return random.Random(seed)


def counts(db):
    """Live rows, and how many of them were judged again."""
    return json.loads(sql("SELECT json_build_object('rows', count(*), 'revised', count(*) FILTER (WHERE revision > 0)) "
                          "FROM driftgauge.series_result WHERE run_id = 0", db))
