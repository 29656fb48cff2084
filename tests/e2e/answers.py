"""Goal: what replay answers to its caller: exit codes, --max-bad, standard input, signals.

    answers.py DRIFTGAUGE SAMPLE

Each entry is a command line and the exit code it must give; then runs are ended from outside, and no
half file may be left.
"""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

gauge, sample = sys.argv[1:3]
problems = []
MONITOR = """monitor: m
columns:
  timestamp: ts
  features: { x: numeric, c: category }
windows: { size: 1h, slide: 1h }
"""


def run(*args, stdin=None):
    return subprocess.run([gauge, *args], capture_output=True, input=stdin, timeout=120)


def expect(what, code, *args, stdin=None, says=None):
    r = run(*args, stdin=stdin)
    if r.returncode != code:
        problems.append(f"{what}: exit code {r.returncode} instead of {code}: {r.stderr.decode()[-300:]}")
    if says is not None and says not in r.stderr.decode() + r.stdout.decode():
        problems.append(f"{what}: does not say {says!r}: {r.stderr.decode()[-300:]}")
    if code not in (0, 11, 21) and not r.stderr:
        problems.append(f"{what}: fails without a word")
    return r.stdout


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def rows(n, bad=0, shift=0.0):
    """n hourly rows, of which the last `bad` have no time."""
    out = ["ts,x,c"]
    for i in range(n):
        when = f"2026-01-{i // 240 + 1:02d}T{i // 10 % 24:02d}:{i % 10 * 6:02d}:00Z"
        out.append(f"{when if i < n - bad else 'soon'},{i % 17 + shift},{'ab'[i % 2]}")
    return "\n".join(out) + "\n"


def exit_codes():
    good = write("good.csv", rows(1000))
    write("m.yaml", MONITOR)
    expect("a good file", 0, "replay", "-c", "m.yaml", good)
    expect("no monitor", 2, "replay", good)
    expect("no input", 2, "replay", "-c", "m.yaml", says="no input")
    expect("an option that does not exist", 2, "replay", "-c", "m.yaml", good, "--fast")
    expect("a word that does not exist", 2, "replay", "-c", "m.yaml", good, "--out", "xml")
    expect("a number out of range", 2, "replay", "-c", "m.yaml", good, "--lanes", "65")
    expect("a time that is none", 2, "replay", "-c", "m.yaml", good, "--from", "yesterday")
    expect("a range that ends before it begins", 2, "replay", "-c", "m.yaml", good, "--from", "2026-02-02", "--to",
           "2026-02-01", says="later than --from")
    expect("a bound that is none", 2, "replay", "-c", "m.yaml", good, "--max-bad", "few", says="--max-bad")
    expect("no such monitor", 3, "replay", "-c", "nowhere.yaml", good, says="nowhere.yaml")
    write("wrong.yaml", MONITOR + "windwos: 3\n")
    expect("a wrong monitor", 3, "replay", "-c", "wrong.yaml", good, says="windwos")
    write("b.yaml", MONITOR + "baselines: { b: { file: b.json } }\n")
    expect("no such baseline", 3, "replay", "-c", "b.yaml", good, says="b.json")
    write("b.json", "{}")
    expect("a baseline that is none", 3, "replay", "-c", "b.yaml", good, says="b.json")
    expect("no such input", 5, "replay", "-c", "m.yaml", "nowhere.csv", says="nowhere.csv")
    expect("a directory", 5, "replay", "-c", "m.yaml", ".")
    expect("no time column", 5, "replay", "-c", "m.yaml", write("t.csv", "x,c\n1,a\n"), says="ts")
    expect("a report that cannot be written", 1, "replay", "-c", "m.yaml", good, "--report", "nowhere/r.html",
           says="nowhere/r.html")
    expect("a report over a directory", 1, "replay", "-c", "m.yaml", good, "--report", ".")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            r = subprocess.run([gauge, "replay", "-c", "m.yaml", good], stdout=full, stderr=subprocess.PIPE)
        if r.returncode != 1:
            problems.append(f"a full disk: exit code {r.returncode}")
    write("c.yaml", MONITOR + "checks: { mean: { warn: above 5, critical: above 50 } }\n")
    high = write("high.csv", rows(1000, shift=100.0))
    expect("a warning nobody asked for", 0, "replay", "-c", "c.yaml", good)
    expect("a warning", 11, "replay", "-c", "c.yaml", good, "--fail-on", "warn")
    expect("a warning where critical was asked", 0, "replay", "-c", "c.yaml", good, "--fail-on", "critical")
    expect("critical", 21, "replay", "-c", "c.yaml", high, "--fail-on", "critical")
    expect("critical where a warning was asked", 21, "replay", "-c", "c.yaml", high, "--fail-on", "warn")
    expect("a verdict on no window", 5, "replay", "-c", "c.yaml", high, "--fail-on", "warn", "--from", "2026-02-01",
           says="nothing to judge by")
    expect("no window and no verdict", 0, "replay", "-c", "c.yaml", high, "--from", "2026-02-01")


def bad_bounds():
    ten = write("ten.csv", rows(1000, bad=10))
    eleven = write("eleven.csv", rows(1000, bad=11))
    expect("1 % by default", 0, "replay", "-c", "m.yaml", ten)
    expect("more than 1 %", 5, "replay", "-c", "m.yaml", eleven, says="11 of 1000 records are bad")
    expect("as many as allowed", 0, "replay", "-c", "m.yaml", eleven, "--max-bad", "11")
    expect("one more", 5, "replay", "-c", "m.yaml", eleven, "--max-bad", "10")
    expect("a share", 0, "replay", "-c", "m.yaml", eleven, "--max-bad", "1.1%")
    expect("a smaller share", 5, "replay", "-c", "m.yaml", eleven, "--max-bad", "1.09%")
    expect("none", 5, "replay", "-c", "m.yaml", eleven, "--max-bad", "0")
    expect("all", 0, "replay", "-c", "m.yaml", eleven, "--max-bad", "100%")
    out = expect("results come all the same", 5, "replay", "-c", "m.yaml", eleven, "--out", "ndjson")
    if out.count(b"\n") < 200:
        problems.append("too bad a file gives no rows")


def streams():
    text = rows(1000).encode()
    want = expect("a file", 0, "replay", "-c", "m.yaml", "good.csv", "--out", "ndjson")
    for dash in (["-"], ["--input", "-"], ["/dev/stdin"]):
        if expect(f"{dash}", 0, "replay", "-c", "m.yaml", "--out", "ndjson", *dash, stdin=text) != want:
            problems.append(f"standard input as {dash} gives other rows")
    expect("nothing on standard input", 0, "replay", "-c", "m.yaml", "-", stdin=b"")


def feed(data, begun):
    """The same rows for ever, until nobody reads them."""
    try:
        with open("endless.csv", "wb") as f:  # waits for a reader
            begun.set()
            while True:
                f.write(data)
    except BrokenPipeError:
        pass


def ended(what, args, sign, code):
    """Start on input that does not end, wait until it has begun, send the signal. A killed run may leave a
    temporary file, one that was asked to end leaves nothing; no file under its own name is ever half."""
    for f in os.listdir("out"):
        os.unlink(os.path.join("out", f))
    begun = threading.Event()
    with open("some.csv", "rb") as f:
        feeder = threading.Thread(target=feed, args=(f.read(), begun), daemon=True)
    feeder.start()
    p = subprocess.Popen([gauge, *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if not begun.wait(60):
        problems.append(f"{what}: it did not begin to read")
    time.sleep(0.25)
    running = p.poll() is None
    p.send_signal(sign)
    words = p.communicate(timeout=60)[1].decode()
    feeder.join(60)
    if not running:
        problems.append(f"{what}: it was over before the signal")
    elif p.returncode != code:
        problems.append(f"{what}: exit code {p.returncode} instead of {code}: {words}")
    left = [f for f in os.listdir("out") if sign != signal.SIGKILL or ".tmp" not in f]
    if left:
        problems.append(f"{what}: left {left}")


def signals():
    with open("some.csv", "w") as f:
        subprocess.run([sample, "stream", "1", "20000"], stdout=f, check=True)
    os.mkfifo("endless.csv")
    write("s.yaml", """monitor: s
columns: { timestamp: ts, features: { income: numeric, age: numeric, utilization: numeric,
  loan_amount: numeric, channel: category, country: category } }
windows: [{ size: 1h, slide: 1m }]
baselines: { p: previous_window }
""")
    os.mkdir("out")
    replay = ["replay", "-c", "s.yaml", "endless.csv", "--report", "out/r.html", "--report-json", "out/r.json"]
    ended("killed", replay, signal.SIGKILL, -signal.SIGKILL)
    ended("interrupted", replay, signal.SIGINT, 130)
    build = ["baseline", "build", "-c", "s.yaml", "-o", "out/b.json", "endless.csv"]
    ended("a build killed", build, signal.SIGKILL, -signal.SIGKILL)
    ended("a build interrupted", build, signal.SIGINT, 130)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exit_codes()
        bad_bounds()
        streams()
        signals()
        os.chdir("/")
    for p in problems:
        print(p)
    print(f"{len(problems)} problems")
    sys.exit(bool(problems))


main()
