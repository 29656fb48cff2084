"""Goal: a schema registry behind TLS and a password: asked where it is to be trusted, refused in words that name the setting
where it is not, and neither the password nor what is sent of it in any of them.

Method: registry_tool (argv[1]) against servers with certificates made for the test: right, expired, from another authority,
for another host.
"""
import base64
import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ["DG_SOURCE_DIR"]
sys.path.insert(0, os.path.join(SOURCE, "tests/support"))
from registry_https import Registry, silent  # noqa: E402

TOOL = sys.argv[1]
USER, PASSWORD = "driftgauge", "hunter 2.385/ü"
SECRETS = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), "another one")


def fail(words):
    print(f"FAILED: {words}", flush=True)
    sys.exit(1)


def ask(url, ca="ca.pem", password="password", user=USER):
    """Exit code and all that was said of schema 1."""
    options = [f"{k}={v}" for k, v in (("user", user), ("password_file", password), ("ca_file", ca)) if v]
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run([TOOL, *options, url, "1"], capture_output=True, text=True, timeout=60, env=environment)
    words = done.stdout + done.stderr
    for secret in SECRETS:
        if secret in words:
            fail(f"a secret in {words!r}")
    return done.returncode, words


def trusted(url, **options):
    if ask(url, **options) != (0, "1 double\n"):
        fail(f"{url} {options}: {ask(url, **options)}")


def refused(what, pattern, url, **options):
    code, words = ask(url, **options)
    if code != 1 or "1 double" in words or not re.search(pattern, words):
        fail(f"{what}: exit code {code}, {words!r}; should say {pattern!r}")
    print(f"{what}: {words.strip()}", flush=True)


def certificates(command, *args):
    subprocess.run([f"{SOURCE}/scripts/certificates.sh", command, ".", *args], check=True)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def server(name, tls=True):
    return Registry(name + ".pem" if tls else None, name + ".key", {1: "double"}, USER, PASSWORD)


def main():
    for name in ("ca", "other"):
        certificates("authority", name)
    certificates("issue", "ca", "right", "DNS:localhost")
    certificates("issue", "ca", "numbered", "IP:127.0.0.1")
    certificates("issue", "ca", "expired", "DNS:localhost", "-1")
    certificates("issue", "ca", "elsewhere", "DNS:registry.example.org")
    write("password", PASSWORD + "\n")
    write("wrong", "another one\n")
    write("empty.pem", "")
    with server("right") as r:
        url = f"https://localhost:{r.port}"
        trusted(url)
        trusted(url + "/")
        both = "both.pem"
        write(both, open("other.pem").read() + open("ca.pem").read())
        trusted(url, ca=both)
        asked = r.asked
        refused("an authority that nobody named", "unable to get local issuer certificate.*name its .* `ca_file`", url, ca=None)
        refused("another authority", "unable to get local issuer certificate.* `ca_file`", url, ca="other.pem")
        refused("an address for a name", "127.0.0.1.*a name that stands in its certificate",
                url.replace("localhost", "127.0.0.1"))
        refused("http to a listener of TLS", "write https://", url.replace("https", "http"))
        refused("a file that is not there", "`ca_file`, no.pem: No such file", url, ca="no.pem")
        refused("a file without certificates", "`ca_file` must hold certificates", url, ca="empty.pem")
        if r.asked != asked:
            fail("a server that is not trusted was asked, with the password")
        refused("a wrong password", r"HTTP 401\): check the user and the password file", url, password="wrong")
        refused("no password", r"HTTP 401\): check the user", url, password=None)
        refused("nobody", r"HTTP 401\): check the user", url, user=None, password=None)
    with server("numbered") as r:
        trusted(f"https://127.0.0.1:{r.port}")
    for name, pattern in (("expired", "expired; have it renewed"), ("elsewhere", "a name that stands in its certificate")):
        with server(name) as r:
            refused(name, pattern, f"https://localhost:{r.port}")
            if r.asked != 0:
                fail(f"{name}: asked nevertheless")
    with server("right", tls=False) as r:
        trusted(f"http://localhost:{r.port}", ca=None)
        refused("https to a listener without TLS", "write http://", f"https://localhost:{r.port}")
    with silent() as s:
        refused("one that says nothing", "timed? ?out", f"https://localhost:{s.getsockname()[1]}")


with tempfile.TemporaryDirectory(prefix="driftgauge-tls.") as directory:
    os.chdir(directory)
    main()
