#!/usr/bin/env bash
# usage: with_postgres.sh COMMAND...   runs COMMAND with a PostgreSQL of its own, PGHOST etc. set,
# and removes the server afterwards, also when the test was killed for taking too long.
set -euo pipefail
DG_PG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/driftgauge-test.XXXXXX")
export DG_PG_DIR
postgres="$DG_SOURCE_DIR/scripts/postgres.sh"
trap '"$postgres" drop "$DG_PG_DIR" >/dev/null 2>&1; rm -rf "$DG_PG_DIR"' EXIT
"$postgres" start "$DG_PG_DIR"
eval "$("$postgres" env "$DG_PG_DIR")"
unset DRIFTGAUGE_DB DRIFTGAUGE_DB_PASSWORD_FILE PGPASSWORD PGSERVICE
# ctest ends a test that takes too long with SIGKILL, which no trap sees: somebody has to look.
parent=$$
setsid bash -c "while kill -0 $parent 2>/dev/null; do sleep 1; done
                [ ! -d '$DG_PG_DIR' ] || '$postgres' drop '$DG_PG_DIR'; rm -rf '$DG_PG_DIR'" >/dev/null 2>&1 </dev/null &
disown
"$@"
