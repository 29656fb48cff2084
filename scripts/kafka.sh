#!/usr/bin/env bash
# A private Apache Kafka: one real broker (KRaft, no ZooKeeper), on loopback only, in a directory of its own.
#
#   scripts/kafka.sh install                    a Java runtime, Maven, and the broker's jars into build/kafka
#   scripts/kafka.sh installed                  exit code 0 if it is
#   scripts/kafka.sh start DIR [--secure]       create it if need be, start it, wait until it serves
#   eval "$(scripts/kafka.sh env DIR)"          KAFKA_BOOTSTRAP_SERVERS, and the others of --secure
#   scripts/kafka.sh topic DIR NAME PARTITIONS [key=value...]   make a topic; keys such as retention.ms=1000
#   scripts/kafka.sh tool DIR CLASS [arg...]    one of Kafka's own tools, connected to this broker
#   scripts/kafka.sh stop DIR [--crash]         stop it (--crash: kill -9); start brings the same data back
#   scripts/kafka.sh drop DIR                   stop it and delete its data
#
# No password: every user of the machine can connect to its port. Ports are chosen free once and kept.
# --secure, when it is created: listeners with TLS and SASL beside the plain one, all for the host name localhost.
#   KAFKA_TLS_SERVERS    SSL: the broker's certificate is signed by secrets/ca.pem
#   KAFKA_MTLS_SERVERS   SSL: and wants one of the client, such as secrets/client.pem with secrets/client.key
#   KAFKA_SASL_SERVERS   SASL_SSL with PLAIN or SCRAM-SHA-512: user driftgauge, the password in secrets/password
#   KAFKA_OAUTH_SERVERS  SASL_PLAINTEXT with OAUTHBEARER: tokens without a signature, as librdkafka makes them itself
#                        with enable.sasl.oauthbearer.unsecure.jwt
#   KAFKA_SECRETS        DIR/secrets; ca.key is there too, to sign more by scripts/certificates.sh
# Records stay whatever their time, no topic is made by mentioning it, there is one replica of everything.
# DG_KAFKA_HOME names another place for the jars than build/kafka, DG_KAFKA_HEAP another heap than 512m.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/scripts/lib.sh"
. "$root/scripts/java_server.sh"
home=${DG_KAFKA_HOME:-$root/build/kafka}
heap=${DG_KAFKA_HEAP:-512m}
archive=$(shared_archive)
mark="kafka.Kafka server.properties"
started="Kafka Server started"
own_files=(log4j.properties tools.log4j.properties server.properties.new secrets)
secure=no

usage() {
    sed -n '2,22p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
}

# Paths are relative to DIR, where the broker runs: whatever DIR is called, nothing needs escaping.
write_properties() {
    local name port ports=() listeners="" advertised="" plain=PLAINTEXT map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
    [ $secure = no ] || plain="PLAINTEXT TLS MTLS SASL OAUTH" map+=,TLS:SSL,MTLS:SSL,SASL:SASL_SSL,OAUTH:SASL_PLAINTEXT
    for name in CONTROLLER $plain; do
        port=$(choose_port "${ports[@]}")
        ports+=("$port")
        listeners+=",$name://127.0.0.1:$port"
        case $name in
        CONTROLLER) ;;
        PLAINTEXT) advertised=$name://127.0.0.1:$port ;;
        *) advertised+=",$name://localhost:$port" ;;
        esac
    done
    cat >server.properties.new <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports[0]}
listeners=${listeners#,}
advertised.listeners=$advertised
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=$map
log.dirs=data
# A broker that was killed may register again only when its old session has ended.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.partition.verification.enable=true
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=2
num.recovery.threads.per.data.dir=2
log.segment.bytes=16777216
log.cleaner.dedupe.buffer.size=4194304
# Event times of last year or of next century are accepted, and retention by time is off.
log.retention.ms=-1
log.retention.check.interval.ms=1000
log.message.timestamp.before.max.ms=9223372036854775807
log.message.timestamp.after.max.ms=9223372036854775807
END
}

# The certificate names localhost only: a client that connects to 127.0.0.1 must find that it does not match.
write_secrets() {
    local certificates="$root/scripts/certificates.sh" password modules=org.apache.kafka.common.security
    command -v openssl >/dev/null || fail "--secure needs openssl"
    rm -rf secrets
    (umask 077 && mkdir secrets && random_id >secrets/password)
    password=$(cat secrets/password)
    "$certificates" authority secrets ca
    "$certificates" issue secrets ca broker DNS:localhost
    "$certificates" issue secrets ca client
    (umask 077 && cat secrets/broker.key secrets/broker.pem >secrets/broker.both.pem)
    chmod 600 server.properties.new
    cat >>server.properties.new <<END
ssl.keystore.type=PEM
ssl.keystore.location=secrets/broker.both.pem
ssl.truststore.type=PEM
ssl.truststore.location=secrets/ca.pem
listener.name.mtls.ssl.client.auth=required
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=$modules.plain.PlainLoginModule required user_driftgauge="$password";
listener.name.sasl.scram-sha-512.sasl.jaas.config=$modules.scram.ScramLoginModule required;
listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.oauth.oauthbearer.sasl.jaas.config=$modules.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
END
    users=(--add-scram "SCRAM-SHA-512=[name=driftgauge,password=$password]")
}

write_logging() {
    cat >log4j.properties <<'END'
log4j.rootLogger=WARN, out
log4j.logger.kafka=INFO
log4j.logger.org.apache.kafka=INFO
log4j.logger.kafka.server.KafkaConfig=WARN
log4j.logger.org.apache.kafka.common.config.AbstractConfig=WARN
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.target=System.err
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
END
    sed 's/=INFO/=WARN/' log4j.properties >tools.log4j.properties
}

random_id() {
    local id=-
    while [ "${id:0:1}" = - ]; do # it would look like an option
        id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-22)
    done
    echo "$id"
}

# kafka_class CLASS ARG...: a short run of one class, in DIR.
kafka_class() {
    set_java_command
    "${java_command[@]}" -Dlog4j.configuration=file:tools.log4j.properties -cp "$home/program/*" "$@"
}

create() {
    local users=()
    write_properties
    [ $secure = no ] || write_secrets
    write_logging
    rm -rf data
    local archive=-XX:+UseSerialGC # the first run's archive is the broker's to write
    [ ! -f "$home/classes.jsa" ] || archive=$(shared_archive)
    kafka_class kafka.tools.StorageTool format -t "$(random_id)" -c server.properties.new "${users[@]}" >server.log 2>&1 || {
        cat server.log >&2
        fail "the data directory in $dir could not be formatted"
    }
    mv server.properties.new server.properties
}

serve() {
    launch -Dlog4j.configuration=file:log4j.properties -cp "$home/program/*" kafka.Kafka server.properties
}

# address LISTENER: of the broker in dir; nothing if it has no such listener.
address() {
    [ -f "$dir/server.properties" ] || fail "no server in $dir; make one: scripts/kafka.sh start $dir"
    sed -n "s|^advertised.listeners=\(.*,\)\?$1://\([^,]*\).*|\2|p" "$dir/server.properties"
}

environment() {
    local name servers
    servers=$(address PLAINTEXT)
    echo "export KAFKA_BOOTSTRAP_SERVERS=$servers"
    for name in TLS MTLS SASL OAUTH; do
        servers=$(address $name)
        [ -z "$servers" ] || echo "export KAFKA_${name}_SERVERS=$servers"
    done
    [ ! -d "$dir/secrets" ] || printf 'export KAFKA_SECRETS=%q\n' "$(cd "$dir/secrets" && pwd)"
}

start_as_told() {
    case ${1:-} in
    "") ;;
    --secure)
        secure=yes
        [ ! -f "$dir/server.properties" ] || [ -d "$dir/secrets" ] ||
            fail "the broker in $dir was made without --secure; drop it first"
        ;;
    *) fail "start knows --secure, not $1" ;;
    esac
    start
}

topic() {
    [ $# -ge 2 ] || fail "usage: scripts/kafka.sh topic DIR NAME PARTITIONS [key=value...]"
    local name=$1 partitions=$2 settings=() setting
    shift 2
    for setting in "$@"; do
        settings+=(--config "$setting")
    done
    tool org.apache.kafka.tools.TopicCommand --create --topic "$name" --partitions "$partitions" \
        --replication-factor 1 "${settings[@]}" >/dev/null
}

tool() {
    [ $# -ge 1 ] || fail "usage: scripts/kafka.sh tool DIR CLASS [arg...]"
    need_java
    enter_directory
    running || fail "no broker runs in $dir; start it: scripts/kafka.sh start $dir"
    kafka_class "$1" --bootstrap-server "$(address PLAINTEXT)" "${@:2}"
}

own_command() {
    case $1 in
    start) start_as_told "${3:-}" ;;
    env) environment ;;
    topic) topic "${@:3}" ;;
    tool) tool "${@:3}" ;;
    *) wrong_usage ;;
    esac
}

install=("$root/tests/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime)
command_line "$@"
