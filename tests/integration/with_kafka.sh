#!/usr/bin/env bash
# usage: with_kafka.sh [--secure] COMMAND...   runs COMMAND with a Kafka broker of its own, KAFKA_BOOTSTRAP_SERVERS and
# DG_KAFKA_DIR set, and removes the broker afterwards, also when the test was killed for taking too long.
# --secure: with TLS and SASL too, see scripts/kafka.sh --help.
# Exit code 77, which ctest reports as skipped, where no broker is installed.
set -euo pipefail
how=()
if [ "$1" = --secure ]; then
    how=("$1")
    shift
fi
kafka="$DG_SOURCE_DIR/scripts/kafka.sh"
if ! "$kafka" installed; then
    echo "skipped: no Kafka broker to test with; scripts/kafka.sh install fetches one"
    exit 77
fi
DG_KAFKA_DIR=$(mktemp -d "${TMPDIR:-/tmp}/driftgauge-kafka.XXXXXX")
export DG_KAFKA_DIR
trap '"$kafka" drop "$DG_KAFKA_DIR" >/dev/null 2>&1' EXIT
# ctest ends a test that takes too long with SIGKILL, which no trap sees: somebody has to look.
parent=$$
setsid bash -c "while kill -0 $parent 2>/dev/null; do sleep 1; done
                [ ! -d '$DG_KAFKA_DIR' ] || '$kafka' drop '$DG_KAFKA_DIR'" >/dev/null 2>&1 </dev/null &
disown
"$kafka" start "$DG_KAFKA_DIR" "${how[@]}"
eval "$("$kafka" env "$DG_KAFKA_DIR")"
"$@"
