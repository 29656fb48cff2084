#!/usr/bin/env bash
# A replay of made-up data against scipy: agreement.py says what is compared. On your own files:
#   agreement.sh MONITOR REFERENCE.csv EVENTS.csv
set -euo pipefail
source=${DG_SOURCE_DIR:?}
python=${DG_PYTHON:-$("$source"/scripts/python.sh)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if [ $# = 3 ]; then
    cp "$1" "$dir/monitor.yaml"
    reference=$(realpath "$2") events=$(realpath "$3")
else
    "${DG_SAMPLE:?}" reference 12000 > "$dir/reference.csv"
    "$DG_SAMPLE" stream 4 4000 > "$dir/events.csv"
    cp "$source/docs/examples/credit-risk.yaml" "$dir/monitor.yaml"
    reference=$dir/reference.csv events=$dir/events.csv
fi
cd "$dir"
name=$(sed -n 's/.*{ *file: *\([^ }]*\).*/\1/p' monitor.yaml | head -n 1)
"$DG_BINARY" baseline build -c monitor.yaml --input "$reference" --out "$name"
"$python" "$source/tests/e2e/agreement.py" "$DG_BINARY" monitor.yaml "$name" "$reference" "$events"
