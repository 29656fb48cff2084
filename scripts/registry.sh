#!/usr/bin/env bash
# A private schema registry: Apicurio Registry with Confluent's interface, on loopback only, in a directory.
#
#   scripts/registry.sh install                 a Java runtime, Maven, and the registry into build/registry
#   scripts/registry.sh installed               exit code 0 if it is
#   scripts/registry.sh start DIR               create it if need be, start it, wait until it serves
#   eval "$(scripts/registry.sh env DIR)"       SCHEMA_REGISTRY_URL
#   scripts/registry.sh stop DIR [--crash]      stop it (--crash: kill -9); start brings the same schemas back
#   scripts/registry.sh drop DIR                stop it and delete its schemas
#
# No password: every user of the machine can connect to its port. The port is chosen free once and kept.
# DG_REGISTRY_HOME names another place for the program than build/registry.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/scripts/lib.sh"
. "$root/scripts/java_server.sh"
home=${DG_REGISTRY_HOME:-$root/build/registry}
heap=256m
archive=$(shared_archive)
mark="driftgauge.registry=yes"
started="Listening on: http"
own_files=()

usage() {
    sed -n '2,12p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
}

create() {
    local number
    number=$(choose_port)
    rm -rf data
    echo "port=$number" >server.properties
}

# Without WRITE_DELAY=0 a crash could forget a schema whose id was given out half a second before.
serve() {
    local number
    number=$(port port)
    launch -Dquarkus.http.host=127.0.0.1 "-Dquarkus.http.port=$number" \
        "-Dquarkus.datasource.jdbc.url=jdbc:h2:file:./data/registry;WRITE_DELAY=0" \
        "-D$mark" -jar "$home"/program/apicurio-registry-app-*-runner.jar
}

own_command() {
    local number
    case $1 in
    start) start ;;
    env)
        number=$(port port)
        echo "export SCHEMA_REGISTRY_URL=http://127.0.0.1:$number/apis/ccompat/v7"
        ;;
    *) wrong_usage ;;
    esac
}

install=("$root/tests/registry/pom.xml" dependency:unpack-dependencies)
command_line "$@"
