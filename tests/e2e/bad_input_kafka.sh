#!/usr/bin/env bash
# A table of bad records in Kafka, and what each gives; a section of docs/BAD_INPUT.md is this table. With --write it is
# written. With a broker, a PostgreSQL and a schema registry of its own; exit code 77 where they are not installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DG_SOURCE_DIR=${DG_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
registry="$DG_SOURCE_DIR/scripts/registry.sh"
if ! "$registry" installed; then
    echo "skipped: no schema registry to test with; scripts/registry.sh install fetches one"
    exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/driftgauge-registry.XXXXXX")
trap '"$registry" drop "$dir" >/dev/null 2>&1' EXIT
parent=$$
setsid bash -c "while kill -0 $parent 2>/dev/null; do sleep 1; done
                [ ! -d '$dir' ] || '$registry' drop '$dir'" >/dev/null 2>&1 </dev/null &
disown
"$registry" start "$dir"
eval "$("$registry" env "$dir")"
"$DG_SOURCE_DIR/tests/integration/with_servers.sh" python3 "$here/bad_input_kafka.py" "$DG_SOURCE_DIR/docs/BAD_INPUT.md" "$@"
