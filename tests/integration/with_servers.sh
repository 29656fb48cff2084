#!/usr/bin/env bash
# usage: with_servers.sh [--secure] COMMAND...   runs COMMAND with a broker and a PostgreSQL of its own, unless the environment
# has them. --secure: a broker with TLS and SASL. Exit code 77 where no broker is installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DG_SOURCE_DIR=${DG_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
export DG_BINARY=${DG_BINARY:-$DG_SOURCE_DIR/build/dev/engine/cli/driftgauge}
export DG_PRODUCER=${DG_PRODUCER:-$DG_SOURCE_DIR/build/dev/tests/stream_producer}
export DG_KAFKA_TOOL=${DG_KAFKA_TOOL:-${DG_PRODUCER%/*}/kafka_tool}
secure=()
if [ "$1" = --secure ]; then
    secure=("$1")
    shift
fi
if [ -n "${DG_KAFKA_DIR:-}" ] && [ -n "${DG_PG_DIR:-}" ]; then
    exec "$@"
fi
exec "$DG_SOURCE_DIR/tests/integration/with_kafka.sh" "${secure[@]}" "$DG_SOURCE_DIR/tests/integration/with_postgres.sh" "$@"
