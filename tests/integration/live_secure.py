"""Goal: TLS, SASL and OAUTHBEARER as a user writes them down give the same rows and dead letters as a plain listener, and what
is refused says in words which setting to look at, waits, and never shows a secret.

Method: one broker with a listener of each kind (with_kafka.sh --secure), the same topic read over each of them by the settings
that docs/KAFKA.md shows; a registry behind TLS and a password. All that any process printed or answered is searched for the
secrets.
"""
import base64
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.environ["DG_SOURCE_DIR"], "tests/support"))
import live  # noqa: E402
from live import Daemon, fail, say  # noqa: E402
from registry_https import Registry  # noqa: E402

EVENTS = 12000
PAGE = os.path.join(live.SOURCE, "docs/KAFKA.md")
SECRETS = os.environ["KAFKA_SECRETS"]
TLS, MTLS, SASL, OAUTH = (os.environ[f"KAFKA_{name}_SERVERS"] for name in ("TLS", "MTLS", "SASL", "OAUTH"))
CA = {"ssl.ca.location": f"{SECRETS}/ca.pem"}
WRONG = "not the 2.385 password"
with open(f"{SECRETS}/password") as f:
    PASSWORD = f.read().strip()
TYPES = dict(event_id="string", ts={"type": "long", "logicalType": "timestamp-millis"}, model_version="string", country="string",
             channel="string", income="double", age="int", utilization=["null", "double"], loan_amount="double", term_months="int",
             employment="string", score="double", decision="string", latency_ms="double")
SCHEMA = {"type": "record", "name": "Score", "fields": [{"name": k, "type": v} for k, v in TYPES.items()]}

secrets = {PASSWORD, WRONG}
for word in tuple(secrets):
    secrets.add(base64.b64encode(f"driftgauge:{word}".encode()).decode())


def search(what, text):
    for secret in tuple(secrets):
        if secret in text:
            fail(f"a secret is shown by {what}: {text}")


def everything(d):
    """What the daemon printed and answers, searched for secrets."""
    words = d.words(10**7)
    if d.running():
        words += "".join(d.get(path) for path in ("/readyz", "/v1/status", "/metrics"))
    search(d.name, words)
    return words


def write(name, text):
    path = os.path.join(live.work, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def token(lifetime, subject="driftgauge"):
    """A token as an identity server makes them, but for the signature; the test's broker wants none."""
    def part(claims):
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    now = int(time.time())
    made = f'{part({"alg": "none"})}.{part({"sub": subject, "iat": now - 60, "exp": now + lifetime})}.'
    secrets.add(made)
    return made


def tls(**more):
    return {"security.protocol": "SSL", **CA, **more}


def client(certificate, key):
    return {"ssl.certificate.location": certificate, "ssl.key.location": key}


def sasl(mechanism, **more):
    return {"security.protocol": "SASL_SSL", **CA, "sasl.mechanism": mechanism, "sasl.username": "driftgauge", **more}


def oauth(**more):
    return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", **more}


FROM_FILE = {"sasl.password_file": f"{SECRETS}/password"}
FROM_ENVIRONMENT = {"sasl.password": '"${env:DG_TEST_PASSWORD}"'}
FILES = [f"{SECRETS}/{name}" for name in ("ca.pem", "client.pem", "client.key")]
OWN_TOKEN = {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": "principal=driftgauge"}


# ---- what is right ---------------------------------------------------------------------------------------------------

def letters():
    said = live.run(os.environ["DG_KAFKA_TOOL"], "consume", "letters", "values=hex").stdout.splitlines()
    return [line.split("\t")[-1] for line in said]


def read(name, config, **kwargs):
    """The rows of one run, and the dead letters that it wrote."""
    db = live.database(name)
    before = len(letters())
    d = Daemon(config, db, name, until_end=True, name=name, **kwargs)
    while d.running():
        everything(d)
        time.sleep(0.2)
    d.wait()
    everything(d)
    return live.dump("", db, name), sorted(letters()[before:])


def documented(section):
    """The YAML blocks of a section of the page, by what makes them differ."""
    with open(PAGE) as f:
        text = f.read().split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = {}
    for block in re.findall(r"```yaml\n(.*?)```", text, re.S):
        kind = next(kind for kind in ("token_file", "PLAIN\n", "SCRAM", "ssl.key", "SSL\n", "registry:") if kind in block)
        if kind in found:
            fail(f"two blocks of {kind} in {PAGE}")
        found[kind] = block
    return found


def here(block, brokers, places):
    for place, other in {"kafka-1.example.org:9093": brokers, **places}.items():
        block = block.replace(place, other)
    if "example.org" in block or "/run/" in block:
        fail(f"a place that is not known here: {block}")
    return block


def listeners(config):
    rows, bad = read("plain", config)
    if not bad:
        fail("no dead letters over the plain listener")
    blocks = documented("TLS and passwords")
    blocks.pop("registry:")
    places = {"/run/secrets/kafka-token": write("token", token(3600) + "\n"),
              "/run/secrets/kafka": f"{SECRETS}/password"}
    for kind, name, brokers in (("SSL\n", "tls", TLS), ("ssl.key", "mtls", MTLS), ("SCRAM", "scram", SASL),
                                ("PLAIN\n", "plain_sasl", SASL), ("token_file", "token", OAUTH)):
        found, found_bad = read(name, config, kafka=here(blocks.pop(kind), brokers, places), files=FILES, lanes=2)
        live.same_rows(name, found, rows)
        if found_bad != bad:
            fail(f"{name}: {len(found_bad)} dead letters, not the {len(bad)} of the plain listener")
    if blocks:
        fail(f"blocks that nobody tried: {blocks}")
    found, found_bad = read("own_token", config, brokers=OAUTH, properties=oauth(**OWN_TOKEN))
    live.same_rows("tokens of librdkafka's own", found, rows)
    if found_bad != bad:
        fail("tokens of librdkafka's own: other dead letters")
    return rows


def replay(config, rows):
    """A replay from a topic, with the settings of the daemon."""
    db = live.database("again")
    d = Daemon(config, db, "again", brokers=SASL, properties=sasl("SCRAM-SHA-512", **FROM_FILE), args=("--check-connect",)).wait(60)
    done = live.run(live.GAUGE, "replay", "-c", os.path.join(config, "monitor.yaml"), "--settings", d.settings, "--out", "postgres",
                    "--db", db, "--run", "again", "--max-bad", "100%", "--input", "kafka://secure")
    search("replay", done.stdout + done.stderr)
    live.same_rows("replay over SCRAM", live.dump("again", db, "again"), rows)
    d = Daemon(config, db, "again", brokers=TLS, properties={"security.protocol": "SSL"}, args=("--check-connect",)).wait(60, code=4)
    done = live.run(live.GAUGE, "replay", "-c", os.path.join(config, "monitor.yaml"), "--settings", d.settings, "--input",
                    "kafka://secure", check=False, timeout=30)
    if done.returncode != 4 or "`ssl.ca.location`" not in done.stderr:
        fail(f"a replay that nobody lets in: {done.returncode}: {done.stderr}")


def shown(config, db):
    """At its most talkative, with librdkafka's own messages, and in what `config show` prints."""
    for name, brokers, properties in (
            ("scram", SASL, sasl("SCRAM-SHA-512", **FROM_ENVIRONMENT)),
            ("plain", SASL, sasl("PLAIN", **FROM_FILE)),
            ("oauth", OAUTH, oauth(**{"sasl.oauthbearer.token_file": write("token", token(3600))}))):
        d = Daemon(config, db, "talkative", brokers=brokers, properties={**properties, "debug": '"all"'}, name=f"talkative-{name}",
                   args=("--check-connect", "-v")).wait(60)
        if "librdkafka" not in everything(d):
            fail(f"{name}: librdkafka says nothing with debug: all")
        done = live.run(live.GAUGE, "config", "show", d.settings)
        search("config show", done.stdout + done.stderr)


def accepted(config, db):
    """Other ways to name keys and authorities, and checks that somebody switches off."""
    phrase = "a pass 2.385 phrase"
    secrets.add(phrase)
    given = {"ssl.key.password_file": write("phrase", phrase + "\n")}
    store = {"ssl.keystore.location": os.path.join(live.work, "client.p12"), "ssl.keystore.password_file": given["ssl.key.password_file"]}
    key, certificate = os.path.join(live.work, "locked.key"), f"{SECRETS}/client.pem"
    live.run("openssl", "pkey", "-in", f"{SECRETS}/client.key", "-aes256", "-passout", f"pass:{phrase}", "-out", key)
    live.run("openssl", "pkcs12", "-export", "-in", certificate, "-inkey", f"{SECRETS}/client.key", "-passout", f"pass:{phrase}",
             "-out", store["ssl.keystore.location"])
    whole = {"ssl.ca.pem_file": f"{SECRETS}/ca.pem", "ssl.certificate.pem_file": certificate, "ssl.key.pem_file": f"{SECRETS}/client.key"}
    for brokers, properties in (
            (MTLS, tls(**client(certificate, key), **given)),
            (MTLS, tls(**store)),
            (MTLS, {"security.protocol": "SSL", **whole}),
            (TLS, {"security.protocol": "SSL", "enable.ssl.certificate.verification": "false"}),
            (TLS.replace("localhost", "127.0.0.1"), tls(**{"ssl.endpoint.identification.algorithm": "none"}))):
        # A client of librdkafka 2.0.2 never frees the certificate of its keystore: that is not ours to mend.
        os.environ["LSAN_OPTIONS"] = f"detect_leaks={int('ssl.keystore.location' not in properties)}"
        d = Daemon(config, db, "accepted", brokers=brokers, properties=properties, name="accepted", args=("--check-connect",)).wait(30)
        if "ok     broker" not in everything(d):
            fail(f"{properties}: {d.words()}")
    wrong = write("wrong", WRONG)
    for properties, word in ((tls(**client(certificate, key), **{"ssl.key.password_file": wrong}), "`ssl.key.password_file`"),
                             (tls(**client(certificate, key)), "`ssl.key.password_file`"),
                             (tls(**{**store, "ssl.keystore.password_file": wrong}), "`ssl.keystore.password_file`")):
        os.environ["LSAN_OPTIONS"] = f"detect_leaks={int('ssl.keystore.location' not in properties)}"
        d = Daemon(config, db, "locked", brokers=MTLS, properties=properties, name="locked").wait(30, code=3)
        if word not in everything(d):
            fail(f"{properties}: {d.words()}")
    del os.environ["LSAN_OPTIONS"]


# ---- what is wrong ---------------------------------------------------------------------------------------------------

def refused(what, config, db, words, **kwargs):
    """--check-connect says what to do, and is not long about it."""
    began = time.monotonic()
    d = Daemon(config, db, "refused", args=("--check-connect",), name=what, **kwargs).wait(30, code=4)
    said = [line for line in everything(d).splitlines() if line.startswith("FAILED")]
    if len(said) != 1 or not all(word in said[0] for word in words):
        fail(f"{what}: says {said}, not {words}")
    say(f"{what} ({time.monotonic() - began:.1f} s): {said[0]}")


def refused_all(config, db):
    certificates = f"{live.SOURCE}/scripts/certificates.sh"
    live.run(certificates, "authority", live.work, "other")
    live.run(certificates, "issue", live.work, "other", "stranger")
    stranger = client(*(os.path.join(live.work, f"stranger.{end}") for end in ("pem", "key")))
    wrong = {"sasl.password_file": write("wrong", WRONG + "\n")}
    expired = {"sasl.oauthbearer.token_file": write("expired", token(-5))}
    for what, brokers, properties, words in (
            ("another authority", TLS, tls(**{"ssl.ca.location": f"{live.work}/other.pem"}), ["not signed by", "`ssl.ca.location`"]),
            ("no authority", TLS, {"security.protocol": "SSL"}, ["not signed by", "`ssl.ca.location`"]),
            ("another host", TLS.replace("localhost", "127.0.0.1"), tls(), ["another host name", "`brokers`"]),
            ("no certificate", MTLS, tls(), ["`ssl.certificate.location`", "`ssl.key.location`"]),
            ("a stranger's certificate", MTLS, tls(**stranger), ["`ssl.certificate.location`", "`ssl.key.location`"]),
            ("a wrong password, SCRAM", SASL, sasl("SCRAM-SHA-512", **wrong), ["`sasl.password_file`"]),
            ("a wrong password, PLAIN", SASL, sasl("PLAIN", **wrong), ["`sasl.password_file`"]),
            ("a mechanism that is off", SASL, sasl("SCRAM-SHA-256", **FROM_FILE), ["`sasl.mechanism`", "PLAIN,SCRAM-SHA-512"]),
            ("an expired token", OAUTH, oauth(**expired), ["`sasl.oauthbearer.token_file`"]),
            ("no TLS where there is some", TLS, None, ["`security.protocol`"]),
            ("TLS where there is none", None, tls(), ["`security.protocol`"]),
            ("no SASL where there is some", SASL, tls(), ["`security.protocol`"])):
        refused(what, config, db, words, brokers=brokers, properties=properties)


def unusable(config, db):
    """What can be seen without a broker is an error of the configuration."""
    for properties, words in (
            (tls(**{"ssl.ca.location": "/nowhere/ca.pem"}), ["`ssl.ca.location`", "/nowhere/ca.pem", "No such file"]),
            (tls(**client(f"{SECRETS}/client.pem", f"{SECRETS}/ca.key")), ["ssl.key.location", "do not belong together"]),
            (sasl("SCRAM-SHA-512", **{"sasl.password_file": "/nowhere/password"}), ["`sasl.password_file`", "/nowhere/password"]),
            (sasl("PLAIN", **{"sasl.password": '"${env:DG_TEST_NO_PASSWORD}"'}), ["DG_TEST_NO_PASSWORD"]),
            ({"security.protocol": "SASL_SSL", **CA}, ["sasl.mechanism"])):
        d = Daemon(config, db, "unusable", brokers=SASL, properties=properties, name="unusable").wait(30, code=3)
        said = everything(d)
        if not all(word in said for word in words):
            fail(f"{properties}: says {said}, not {words}")
    d = Daemon(config, db, "doubtful", properties=CA, name="doubtful", args=("--check-connect",)).wait(30)
    if "`ssl.ca.location` has no effect: `security.protocol` is plaintext" not in everything(d):
        fail(f"properties of TLS on a plain connection: {d.words()}")


def until(what, d, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        d.must_run()
        if time.monotonic() > end:
            fail(f"not within {seconds} s: {what}: {everything(d)}")
        time.sleep(0.2)


def part(d, name):
    try:
        return json.loads(d.get("/v1/status"))["parts"][name] or {}
    except (ValueError, LookupError):
        return {}


def refused_until_reload(config, rows):
    """A daemon with a wrong password waits, says why, and goes on with the right one after SIGHUP."""
    db = live.database("patient")
    password = write("patient", WRONG + "\n")
    d = Daemon(config, db, "patient", brokers=SASL, properties=sasl("SCRAM-SHA-512", **{"sasl.password_file": password}),
               name="patient")
    until("the state says why", d, lambda: part(d, "broker").get("state") == "blocked"
          and "`sasl.password_file`" in part(d, "broker")["words"])
    time.sleep(5)
    lines = everything(d).count("Authentication failed")
    if lines > 12:
        fail(f"a refused password is told {lines} times within seconds: {d.words()}")
    write("patient", PASSWORD + "\n")
    d.signal(signal.SIGHUP)
    until("ready", d, lambda: d.get("/readyz").startswith("ready"))
    everything(d)
    d.stop()
    live.finish(config, db, "patient", brokers=SASL, properties=sasl("SCRAM-SHA-512", **FROM_FILE))
    live.same_rows("a password that was put right", live.dump("", db, "patient"), rows)


def token_renewed(config):
    """A token that runs out is read anew from its file while the daemon runs."""
    db = live.database("renewed")
    path = write("renewed", token(8))
    d = Daemon(config, db, "renewed", brokers=OAUTH, properties=oauth(**{"sasl.oauthbearer.token_file": path}), name="renewed")
    until("ready", d, lambda: d.get("/readyz").startswith("ready"))
    write("renewed", token(3600, "renewed"))
    time.sleep(9)
    live.kafka("stop")
    live.kafka("start")
    until("the broker's absence is seen", d, lambda: "no Kafka broker answers" in everything(d))
    until("ready again, with the other token", d, lambda: d.get("/readyz").startswith("ready"), 90)
    d.stop()
    everything(d)


# ---- the registry ----------------------------------------------------------------------------------------------------

def avro(data):
    """The same records in Avro; schemas from a registry over TLS, or none that is trusted."""
    topic = live.topic("avro", 3)
    live.produce(topic, **{**data, "bad": 0, "format": "confluent", "schema_id": 7})
    config = live.monitor(topic, "avro", source="format: avro")
    wrong = write("wrong", WRONG + "\n")
    with Registry(schemas={7: SCHEMA}) as open_to_all:
        rows, _ = read("avro_plain", config, registry=f'{{ url: "http://localhost:{open_to_all.port}" }}')
    with Registry(f"{SECRETS}/broker.pem", f"{SECRETS}/broker.key", {7: SCHEMA}, "driftgauge", PASSWORD) as registry:
        url = f'url: "https://localhost:{registry.port}"'
        user = f"user: driftgauge, password_file: {SECRETS}/password"
        ca = f"ca_file: {SECRETS}/ca.pem"
        good = f"{{ {url}, {user}, {ca} }}"
        block = here(documented("TLS and passwords")["registry:"], "",
                     {"https://registry.example.org": url[6:-1], "/run/secrets/registry": f"{SECRETS}/password"})
        found, _ = read("avro_tls", config, registry=block.removeprefix("registry: "), files=FILES)
        live.same_rows("registry over TLS", found, rows)
        db = live.database("avro_refused")
        for what, settings, words in (
                ("no authority, registry", f"{{ {url}, {user} }}", ["unable to get local issuer certificate", "`ca_file`"]),
                ("another host, registry", f"{{ {url.replace('localhost', '127.0.0.1')}, {user}, {ca} }}", ["`url`"]),
                ("a wrong password, registry", f"{{ {url}, user: driftgauge, password_file: {wrong}, {ca} }}",
                 ["HTTP 401", "password file"])):
            refused(what, config, db, words, registry=settings)
            registry_refused(what, config, settings, words, good, rows)


def registry_refused(what, config, settings, words, good, rows):
    """Nothing is counted or called bad, the state says why, and a reload with the right settings reads all of it."""
    db = live.database("avro_waits")
    d = Daemon(config, db, "waits", registry=settings, name="waits")
    until(f"the state says why: {what}", d, lambda: part(d, "registry").get("state") == "blocked"
          and all(word in part(d, "registry")["words"] for word in words))
    if 'driftgauge_part_state{part="registry",state="blocked"} 1' not in d.get("/metrics") or d.get("/readyz").startswith("ready"):
        fail(f"{what}: {everything(d)}")
    time.sleep(1)
    everything(d)
    counted = live.sql("SELECT coalesce(sum(next_offset), 0) FROM driftgauge.live_position", db)
    if counted != "0":
        fail(f"{what}: went on up to {counted} records without a schema")
    with open(d.settings) as f:
        text = f.read()
    with open(d.settings, "w") as f:
        f.write(text.replace(settings, good))
    d.signal(signal.SIGHUP)
    until("ready", d, lambda: d.get("/readyz").startswith("ready"))
    d.stop()
    everything(d)
    live.finish(config, db, "waits", registry=good)
    live.same_rows(f"{what}, put right", live.dump("", db, "waits"), rows)


def main():
    data = dict(events=EVENTS, days=1, seed=5, **live.TROUBLE)
    os.environ["DG_TEST_PASSWORD"] = os.environ["KAFKA_PASSWORD"] = PASSWORD
    try:
        topic = live.topic("secure", 3)
        live.topic("letters", 1)
        live.produce(topic, **data)
        config = live.monitor(topic, "secure", source="format: json, dead_letters: letters")
        rows = listeners(config)
        replay(config, rows)
        db = live.database("refusals")
        shown(config, db)
        accepted(config, db)
        refused_all(config, db)
        unusable(config, db)
        refused_until_reload(config, rows)
        token_renewed(config)
        avro(data)
    finally:
        live.clean_up()


main()
