"""Goal: the endpoint answers real clients as HTTP and Prometheus ask, and hostile ones harm nobody
else. Method: curl, promtool where there is one, and raw sockets, against a board served by
board_server."""
import concurrent.futures
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from board import Server  # noqa: E402

PROGRAM = sys.argv.pop(1)


def curl(port, path, *options, host="127.0.0.1"):
    """Status, header fields in lower case, body."""
    done = subprocess.run(["curl", "-sS", "-i", "-g", "--max-time", "20", "--noproxy", "*", *options,
                           f"http://{host}:{port}{path}"], capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), fields, body.decode()


def raw(port, sent, wait=15):
    """What comes back for these bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), wait) as s:
        got = b""
        try:
            s.sendall(sent)
            while part := s.recv(65536):
                got += part
        except (ConnectionResetError, BrokenPipeError):
            pass
        return got


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        cls.port = cls.server.port

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def test_every_page_has_its_type(self):
        for path, kind in (("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
                           ("/v1/status", "application/json"),
                           ("/", "text/plain; charset=utf-8"),
                           ("/livez", "text/plain; charset=utf-8"),
                           ("/readyz", "text/plain; charset=utf-8")):
            status, fields, body = curl(self.port, path)
            self.assertEqual((status, fields["content-type"]), (200, kind), path)
            self.assertEqual(int(fields["content-length"]), len(body.encode()))
            self.assertEqual(fields["cache-control"], "no-store")
            self.assertNotIn("server", fields)

    def test_metrics_are_clean_with_those_of_the_process(self):
        _, _, body = curl(self.port, "/metrics")
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes",
                     "process_open_fds", "process_max_fds", "process_start_time_seconds"):
            self.assertRegex(body, rf"(?m)^{name} [0-9.e+]+$")
        started = float(re.search(r"(?m)^process_start_time_seconds (.*)$", body)[1])
        self.assertLess(abs(time.time() - started), 600)
        if shutil.which("promtool"):
            said = subprocess.run(["promtool", "check", "metrics"], input=body, text=True,
                                  capture_output=True)
            self.assertEqual((said.returncode, said.stdout + said.stderr), (0, ""))

    def test_status_is_json(self):
        doc = json.loads(curl(self.port, "/v1/status")[2])
        self.assertEqual(doc["state"], "ready")
        self.assertEqual(len(doc["monitors"]), 3)

    def test_a_query_is_no_part_of_the_path(self):
        self.assertEqual(curl(self.port, "/livez?verbose=1")[0], 200)

    def test_head_has_the_fields_and_no_body(self):
        status, fields, body = curl(self.port, "/metrics", "-I")
        self.assertEqual((status, body), (200, ""))
        self.assertGreater(int(fields["content-length"]), 1000)

    def test_other_methods_are_told_which_are_allowed(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
            status, fields, _ = curl(self.port, "/metrics", "-X", method)
            self.assertEqual((status, fields["allow"]), (405, "GET, HEAD"), method)

    def test_a_large_upload_is_refused_at_once(self):
        got = raw(self.port, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
                  + b"x" * 100000)
        self.assertIn(b" 405 ", got.split(b"\r\n")[0])

    def test_a_get_with_a_body_is_answered(self):
        self.assertEqual(curl(self.port, "/livez", "-X", "GET", "-d", "x" * 50000)[0], 200)

    def test_unknown_pages_are_not_found(self):
        for path in ("/metric", "/metrics/", "/v1", "/v1/status/x", "/../etc/passwd", "/%2e%2e/x",
                     "//metrics"):
            self.assertEqual(curl(self.port, path, "--path-as-is")[0], 404, path)

    def test_readiness_follows_the_board(self):
        self.server.tell("block connection refused")
        status, _, body = curl(self.port, "/readyz")
        self.assertEqual((status, body), (503, "ledger blocked (lane 1): connection refused\n"))
        self.assertEqual(curl(self.port, "/livez")[0], 200)
        self.assertEqual(json.loads(curl(self.port, "/v1/status")[2])["state"], "blocked")
        self.server.tell("ok")
        deadline = time.time() + 10
        while curl(self.port, "/readyz")[0] != 200 and time.time() < deadline:
            time.sleep(0.1)
        self.assertEqual(curl(self.port, "/readyz")[::2], (200, "ready\n"))

    def test_many_scrape_at_once(self):
        def scrape(_):
            status, fields, body = curl(self.port, "/metrics")
            return status == 200 and int(fields["content-length"]) == len(body.encode())
        before = self.server.tell("files")
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            self.assertTrue(all(pool.map(scrape, range(240))))
        self.assertLessEqual(self.server.tell("files"), before + 24)

    def test_a_large_document_is_whole(self):
        self.server.tell("wide 5000")
        doc = json.loads(curl(self.port, "/v1/status")[2])
        places = [p for m in doc["monitors"] for p in m["partitions"] if p["topic"] == "wide"]
        self.assertEqual(len(places), 5000)
        _, _, body = curl(self.port, "/metrics")
        self.assertLessEqual(body.count("driftgauge_partition_lag_records{"), 2000)
        self.assertRegex(body, r"(?m)^driftgauge_partitions_not_shown [1-9]")
        self.server.tell("wide 0")


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM, timeout_ms=1500)
        cls.port = cls.server.port

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def tearDown(self):
        self.assertEqual(curl(self.port, "/livez")[0], 200)

    def test_garbage_is_refused(self):
        for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),  # TLS
                     b"\x00" * 5000, b"GET\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET /metrics\r\n\r\n",
                     b"GET /metrics HTTP/9.9\r\n\r\n", b"get / http/1.1\r\n: x\r\n\r\n",
                     b"GET /metrics HTTP/1.1\r\n\r\n",  # no Host
                     b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     os.urandom(3000)):
            got = raw(self.port, sent)
            self.assertNotIn(b"200 OK", got.split(b"\r\n")[0], sent[:40])
            self.assertNotIn(b"microhttpd", got.lower())

    def test_long_lines_and_many_fields_are_refused(self):
        for sent in (b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200000 + b"\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 50000 + b"\r\n"):
            first = raw(self.port, sent).split(b"\r\n")[0]
            self.assertTrue(first == b"" or re.search(rb" 4(00|13|14|31) ", first), first)

    def test_a_slow_sender_is_cut_off_though_it_never_pauses(self):
        begin = time.time()
        with socket.create_connection(("127.0.0.1", self.port), 15) as s:
            with self.assertRaises(OSError):
                for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1000:
                    s.sendall(bytes([byte]))
                    time.sleep(0.1)
        self.assertLess(time.time() - begin, 8)

    def test_a_slow_reader_is_cut_off(self):
        self.server.tell("wide 20000")  # a document that fills no socket buffer at once
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", self.port))
            s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(3)
            s.settimeout(5)
            got = 0
            try:
                while part := s.recv(1 << 20):
                    got += len(part)
            except ConnectionResetError:
                pass
        self.server.tell("wide 0")
        self.assertLess(got, 4000000)

    def test_more_idle_clients_than_places_do_not_lock_others_out(self):
        before = self.server.tell("files")
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(90)]
        self.assertEqual(curl(self.port, "/readyz")[0], 200)
        for s in idle:
            s.close()
        deadline = time.time() + 10
        while self.server.tell("files") > before and time.time() < deadline:
            time.sleep(0.2)
        self.assertLessEqual(self.server.tell("files"), before)


class Tokens(unittest.TestCase):
    def test_a_token_guards_all_but_the_probes(self):
        with tempfile.NamedTemporaryFile("w", suffix=".token") as f:
            f.write("s3cret-ä-token\n")
            f.flush()
            with Server(PROGRAM, token_file=f.name) as server:
                self.check(server.port, f)

    def check(self, port, f):
        def ask(path, *fields):
            return curl(port, path, *(o for field in fields for o in ("-H", field)))
        good = "Authorization: Bearer s3cret-ä-token"
        for path in ("/livez", "/readyz"):
            self.assertEqual(ask(path)[0], 200)
        for path in ("/", "/metrics", "/v1/status", "/nothing"):
            status, fields, body = ask(path)
            self.assertEqual((status, fields["www-authenticate"]),
                             (401, 'Bearer realm="driftgauge"'))
            self.assertNotIn("s3cret", body)
        for field in ("Authorization: Bearer s3cret-ä-toke", "Authorization: Bearer s3cret-ä-tokenn",
                      "Authorization: Bearer ", "Authorization: Bearer", "Authorization: Basic eDp5",
                      "Authorization: s3cret-ä-token", "Authorization: Bearer x s3cret-ä-token"):
            self.assertEqual(ask("/metrics", field)[0], 401, field)
        self.assertEqual(ask("/metrics", good)[0], 200)
        self.assertEqual(ask("/metrics", good.replace("Bearer", "bearer"))[0], 200)
        f.seek(0)
        f.truncate()
        f.flush()  # half-way through being replaced
        self.assertEqual(ask("/metrics", good)[0], 200)
        f.write("another\n")
        f.flush()
        self.assertEqual(ask("/metrics", good)[0], 401)
        self.assertEqual(ask("/metrics", "Authorization: Bearer another")[0], 200)


class Listening(unittest.TestCase):
    def refuse(self, listen, token_file="-"):
        done = subprocess.run([PROGRAM, listen, token_file], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1, listen)
        return done.stderr

    def test_addresses_that_can_be_had(self):
        for listen, hosts in (("127.0.0.1:0", ["127.0.0.1"]), ("localhost:0", ["localhost"]),
                              ("[::1]:0", ["[::1]"]), (":0", ["127.0.0.1", "[::1]"])):
            if "::1" in "".join(hosts) and not have_ipv6():
                hosts = [h for h in hosts if h[0] != "["]
                if not hosts:
                    continue
            with Server(PROGRAM, listen) as server:
                for host in hosts:
                    self.assertEqual(curl(server.port, "/livez", host=host)[0], 200, (listen, host))

    def test_addresses_that_cannot(self):
        for listen in ("", "9464", "localhost", "::1:9464", "[::1]", "[::1", "h:70000", "h:-1",
                       "h: 80", "127.0.0.1:"):
            self.assertIn("write host:port", self.refuse(listen), listen)
        self.assertIn("no such address", self.refuse("192.0.2.1:0"))
        self.assertIn("cannot listen on no-such-host.invalid:0", self.refuse("no-such-host.invalid:0"))
        with Server(PROGRAM) as server:
            self.assertIn("another program has the port", self.refuse(f"127.0.0.1:{server.port}"))

    def test_token_files_that_are_none(self):
        self.assertIn("cannot read the token file /no/such: No such file",
                      self.refuse("127.0.0.1:0", "/no/such"))
        for text in ("", "\n", "two words\n", "x" * 501 + "\n", "a\0b\n"):
            with tempfile.NamedTemporaryFile("w") as f:
                f.write(text)
                f.flush()
                self.assertIn("first line must be the token", self.refuse("127.0.0.1:0", f.name))

    def test_every_address_without_a_token_is_warned_of(self):
        done = subprocess.run([PROGRAM, ":0"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=20)
        self.assertEqual(done.returncode, 0)
        self.assertIn("without a token", done.stderr)


def have_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


if __name__ == "__main__":
    if not shutil.which("curl"):
        print("curl is not installed")
        sys.exit(77)
    unittest.main(verbosity=2)
