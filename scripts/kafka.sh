#!/usr/bin/env bash
# A private Apache Kafka: one real broker (KRaft, no ZooKeeper), on loopback only, in a directory of its own.
#
#   scripts/kafka.sh install                    a Java runtime, Maven, and the broker's jars into build/kafka
#   scripts/kafka.sh installed                  exit code 0 if it is
#   scripts/kafka.sh start DIR                  create it if need be, start it, wait until it serves
#   eval "$(scripts/kafka.sh env DIR)"          KAFKA_BOOTSTRAP_SERVERS
#   scripts/kafka.sh topic DIR NAME PARTITIONS [key=value...]   make a topic; keys such as retention.ms=1000
#   scripts/kafka.sh tool DIR CLASS [arg...]    one of Kafka's own tools, connected to this broker
#   scripts/kafka.sh stop DIR [--crash]         stop it (--crash: kill -9); start brings the same data back
#   scripts/kafka.sh drop DIR                   stop it and delete its data
#
# No password: every user of the machine can connect to its port. Ports are chosen free once and kept.
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
own_files=(log4j.properties tools.log4j.properties server.properties.new)

usage() {
    sed -n '2,15p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
}

# Paths are relative to DIR, where the broker runs: whatever DIR is called, nothing needs escaping.
write_properties() {
    local broker controller
    broker=$(choose_port)
    controller=$(choose_port "$broker")
    cat >server.properties.new <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$broker,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$broker
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
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
    write_properties
    write_logging
    rm -rf data
    local archive=-XX:+UseSerialGC # the first run's archive is the broker's to write
    [ ! -f "$home/classes.jsa" ] || archive=$(shared_archive)
    kafka_class kafka.tools.StorageTool format -t "$(random_id)" -c server.properties.new >server.log 2>&1 || {
        cat server.log >&2
        fail "the data directory in $dir could not be formatted"
    }
    mv server.properties.new server.properties
}

serve() {
    launch -Dlog4j.configuration=file:log4j.properties -cp "$home/program/*" kafka.Kafka server.properties
}

bootstrap() {
    local number
    number=$(port advertised.listeners)
    echo "127.0.0.1:$number"
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
    kafka_class "$1" --bootstrap-server "$(bootstrap)" "${@:2}"
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
install)
    install_server "$root/tests/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime
    exit 0
    ;;
installed)
    installed
    exit
    ;;
esac
if [ $# -lt 2 ]; then
    usage >&2
    exit 2
fi
dir=$2
case $1 in
start) start ;;
stop) stop "${3:-}" ;;
drop) drop ;;
env)
    servers=$(bootstrap)
    echo "export KAFKA_BOOTSTRAP_SERVERS=$servers"
    ;;
topic) topic "${@:3}" ;;
tool) tool "${@:3}" ;;
*)
    usage >&2
    exit 2
    ;;
esac
