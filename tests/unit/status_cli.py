"""Goal: `status` and `top` show what the daemon says, answer with the right exit code, and leave the
terminal as they found it. Method: both against a board served by board_server; top in a
pseudo-terminal whose other end is a small terminal emulator."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from board import Server  # noqa: E402

PROGRAM = sys.argv.pop(1)
DRIFTGAUGE = os.environ["DG_BINARY"]
LOCALE = "C.UTF-8"


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
    return {**env, "LC_ALL": LOCALE, "TERM": "xterm-256color", **more}


def run(*arguments, **env):
    return subprocess.run([DRIFTGAUGE, *arguments], capture_output=True, text=True, timeout=60,
                          env=environment(**env))


class Status(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        cls.url = f"http://127.0.0.1:{cls.server.port}"

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def test_ready_is_0_with_a_line_per_monitor(self):
        done = run("status", "--url", self.url)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^driftgauge \S+ ready since \S+Z, up \d+s, group driftgauge, "
                         r"2 lanes\n")
        self.assertRegex(done.stdout, r"(?m)^credit-risk +ok +68 ")
        self.assertRegex(done.stdout, r"(?m)^fraud \"eu\"\\n +critical .* 1h [3-7]/24, 1d 1/24 ")
        self.assertRegex(done.stdout, r"(?m)^churn +elsewhere ")
        self.assertNotIn("\x1b", done.stdout)

    def test_json_is_the_document(self):
        done = run("status", "--url", self.url + "/", "-o", "json")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stdout)["monitors"][0]["monitor"], "credit-risk")

    def test_the_address_may_come_from_the_environment(self):
        done = run("status", DRIFTGAUGE_URL=f"127.0.0.1:{self.server.port}",
                   http_proxy="http://127.0.0.1:1")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_not_ready_is_4_with_the_reason(self):
        with Server(PROGRAM) as server:
            server.tell("block connection to server failed")
            done = run("status", "--url", f"http://127.0.0.1:{server.port}")
            self.assertEqual(done.returncode, 4)
            self.assertEqual(done.stderr, "driftgauge: not ready: ledger blocked (lane 1): "
                             "connection to server failed\n")
            self.assertRegex(done.stdout,
                             r"(?m)^database \(ledger\) blocked since \S+Z, goes on by itself when it can: "
                             r"connection to server failed$")

    def test_nobody_there_is_4(self):
        done = run("status", "--url", "http://127.0.0.1:1")
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn("nobody answers at http://127.0.0.1:1", done.stderr)

    def test_a_wrong_address_is_2(self):
        for url in ("ftp://x", "http://[", "file:///etc/passwd"):
            self.assertEqual(run("status", "--url", url).returncode, 2, url)

    def test_something_else_there_is_4(self):
        for path in ("/metrics", "/nothing", "/livez"):
            done = run("status", "--url", self.url + path)
            self.assertEqual(done.returncode, 4, path)
            self.assertRegex(done.stderr, "driftgauge")

    def test_tokens(self):
        with tempfile.NamedTemporaryFile("w") as good, tempfile.NamedTemporaryFile("w") as bad:
            good.write("s3cret\n")
            good.flush()
            bad.write("wrong\n")
            bad.flush()
            with Server(PROGRAM, token_file=good.name) as server:
                url = f"http://127.0.0.1:{server.port}"
                self.assertEqual(run("status", "--url", url, "--token-file", good.name).returncode, 0)
                for options, words in (([], "wants a token"),
                                       (["--token-file", bad.name], "does not take the token")):
                    done = run("status", "--url", url, *options)
                    self.assertEqual(done.returncode, 4)
                    self.assertIn(words, done.stderr)
                    self.assertNotIn("wrong", done.stderr)
        self.assertEqual(run("status", "--url", url, "--token-file", "/no/such").returncode, 2)

    def test_top_once_needs_no_terminal(self):
        done = run("top", "--once", "--partitions", "--sort", "drift", "--url", self.url,
                   COLUMNS="140")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?s)fraud.*credit-risk")  # most drift first
        self.assertRegex(done.stdout, r"[▁-█]{30}")
        self.assertRegex(done.stdout, r"(?m)^churn +ml\.predictions +5 +1 +\d+ +\d+ +0 +\S+ +idle$")
        self.assertNotIn("\x1b", done.stdout)
        plain = run("top", "--once", "--url", self.url, LC_ALL="C", COLUMNS="140").stdout
        self.assertTrue(plain.isascii())
        for line in run("top", "--once", "-p", "--url", self.url, COLUMNS="64").stdout.splitlines()[2:]:
            self.assertLessEqual(len(line), 64)

    def test_top_without_a_terminal_says_so(self):
        done = run("top", "--url", self.url)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--once", done.stderr)


# What a shell does for a job: a process group of its own in the foreground. Without a parent in the
# same session a process cannot be stopped from the terminal.
SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFEXITED(status):
        sys.exit(os.WEXITSTATUS(status))
"""


class Terminal:
    """`driftgauge top` in a pseudo-terminal, and the screen that a user would see."""

    def __init__(self, *arguments, rows=24, columns=100, under=(), **env):
        self.bytes = b""
        self.parent, self.child = pty.openpty()
        self.before = termios.tcgetattr(self.child)
        self.resize(rows, columns)
        self.process = subprocess.Popen([*under, DRIFTGAUGE, "top", *arguments], stdin=self.child,
                                        stdout=self.child, stderr=subprocess.PIPE,
                                        start_new_session=True, env=environment(**env),
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        end = time.time() + seconds
        while (left := end - time.time()) > 0 and select.select([self.parent], [], [], left)[0]:
            try:
                self.bytes += os.read(self.parent, 65536)
            except OSError:
                break

    def wait_for(self, pattern, seconds=30):
        """Until a line of the screen matches."""
        end = time.time() + seconds
        while time.time() < end:
            self.read(0.1)
            for line in self.screen():
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"no line like {pattern} in\n" + "\n".join(self.screen()))

    def key(self, keys):
        os.write(self.parent, keys.encode())

    def ended(self):
        code = self.process.wait(30)
        self.read(0.2)
        self.process.stderr.close()
        return code

    def restored(self):
        """The modes of the terminal, and of its screen, are those from before."""
        tail = self.bytes[self.bytes.rfind(b"\x1b[?1049h"):]
        return (termios.tcgetattr(self.child) == self.before and
                tail.rstrip().endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l"))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.ended()
        os.close(self.parent)
        os.close(self.child)

    def screen(self):
        """The alternate screen's lines: text, and the few sequences that top sends."""
        cells = [[" "] * self.columns for _ in range(self.rows)]
        row = column = 0
        text = self.bytes.decode(errors="ignore")
        for part in re.finditer(r"\x1b\[([?0-9;]*)([a-zA-Z])|(\r\n|\r|\n)|([^\x1b\r\n])", text):
            arguments, code, line, char = part.groups()
            if line:
                row, column = min(row + 1, self.rows - 1) if "\n" in line else row, 0
            elif char:
                if column < self.columns:
                    cells[row][column] = char
                    column += 1
            elif code == "H":
                at = [int(x) for x in arguments.split(";")] if arguments else [1, 1]
                row, column = min(at[0], self.rows) - 1, at[1] - 1
            elif code == "K":
                cells[row][column:] = [" "] * (self.columns - column)
            elif code == "J":
                for r in range(0 if arguments == "2" else row, self.rows):
                    cells[r] = [" "] * self.columns
            elif code not in "mhl":
                raise AssertionError(f"unknown sequence {part[0]!r}")
        return ["".join(c).rstrip() for c in cells]


class Top(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.terminal = None

    def tearDown(self):
        if self.terminal:
            self.terminal.close()
        self.server.stop()

    def top(self, *arguments, **options):
        self.terminal = Terminal("--url", self.url, "-n", "0.2", *arguments, **options)
        self.terminal.wait_for(r"^MONITOR +STATE")
        return self.terminal

    def test_draws_and_quits_with_q(self):
        t = self.top()
        t.wait_for(r"^credit-risk +ok +\S+ +[▁-█]+")
        self.assertRegex(t.screen()[23], "q quit +s sort: name +r reverse +p partitions")
        self.assertNotEqual(termios.tcgetattr(t.child), t.before)
        first = t.wait_for("events/s")
        t.wait_for(r"up [2-9]s")  # it goes on
        self.assertIn(b"\x1b[32m", t.bytes)  # colours
        t.key("q")
        self.assertEqual(t.ended(), 0)
        self.assertTrue(t.restored())
        self.assertTrue(first)

    def test_keys_sort_and_show_partitions(self):
        t = self.top(rows=40)
        self.assertLess(*(self.line(t, name) for name in ("credit-risk", "fraud")))
        t.key("d")
        t.wait_for("sort: drift")
        self.assertLess(*(self.line(t, name) for name in ("fraud", "credit-risk")))
        t.key("r")
        t.wait_for(r"sort: drift \(reversed\)")
        t.key("\x1b[A\x1b[B")  # arrows do nothing
        t.key("p")
        t.wait_for(r"^MONITOR +TOPIC +PARTITION")
        t.key("s")
        t.wait_for(r"sort: name")
        t.key("q")
        self.assertEqual(t.ended(), 0)

    def line(self, t, name):
        return next(i for i, text in enumerate(t.screen()) if text.startswith(name))

    def test_follows_the_size_of_the_window(self):
        t = self.top("-p", rows=30, columns=120)
        t.wait_for(r"BEHIND +DRIFTED +LAST MINUTE")
        t.resize(10, 64)
        t.bytes = b""
        t.wait_for(r"^MONITOR +STATE")
        screen = t.screen()
        self.assertRegex(screen[9], "q quit")
        self.assertNotIn("LAST MINUTE", "".join(screen[:9]))
        t.key("q")
        self.assertEqual(t.ended(), 0)

    def test_no_colours_with_no_color(self):
        t = self.top(NO_COLOR="1")
        t.key("q")
        self.assertEqual(t.ended(), 0)
        self.assertIsNone(re.search(rb"\x1b\[[0-9;]*m", t.bytes))

    def test_ascii_where_the_locale_has_no_more(self):
        t = self.top(LC_ALL="C")
        t.key("q")
        self.assertEqual(t.ended(), 0)
        self.assertTrue(t.bytes.isascii())

    def test_signals_restore_the_terminal(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM),
                             (signal.SIGHUP, -signal.SIGHUP)):
            t = self.top()
            t.process.send_signal(number)
            self.assertEqual(t.ended(), code)
            self.assertTrue(t.restored(), number)
            t.close()
            self.terminal = None

    def test_control_c_is_an_interrupt(self):
        t = self.top()
        t.key("\x03")
        self.assertEqual(t.ended(), 130)
        self.assertTrue(t.restored())

    def test_a_daemon_that_goes_away_leaves_its_picture(self):
        t = self.top()
        self.server.stop()
        t.wait_for("^as of .*: nobody answers")
        t.wait_for("^credit-risk")
        t.key("q")
        self.assertEqual(t.ended(), 0)
        self.server = Server(PROGRAM)

    def test_nobody_there_at_first_is_4_and_touches_nothing(self):
        t = self.terminal = Terminal("--url", "http://127.0.0.1:1")
        self.assertEqual(t.ended(), 4)
        self.assertEqual(t.bytes, b"")

    def test_stopped_it_gives_the_terminal_back_and_continues(self):
        t = self.top(under=[sys.executable, "-c", SHELL])
        with open(f"/proc/{t.process.pid}/task/{t.process.pid}/children") as f:
            child = int(f.read().split()[0])
        t.key("\x1a")  # control-Z
        end = time.time() + 30
        while self.state(child) != "T" and time.time() < end:
            t.read(0.05)
        self.assertEqual(self.state(child), "T")
        t.read(0.5)  # what it wrote before it stopped
        self.assertTrue(t.restored())
        t.bytes = b""
        os.kill(child, signal.SIGCONT)
        t.wait_for(r"^MONITOR +STATE")
        self.assertIn(b"\x1b[?1049h", t.bytes)
        t.key("q")
        self.assertEqual(t.ended(), 0)
        self.assertTrue(t.restored())

    def state(self, pid):
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]


if __name__ == "__main__":
    unittest.main(verbosity=2)
