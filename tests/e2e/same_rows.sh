#!/usr/bin/env bash
# The same rows in another order, format, number of files or threads: the same results.
set -euo pipefail
source=${DG_SOURCE_DIR:?}
python=${DG_PYTHON:-$("$source"/scripts/python.sh)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${DG_SAMPLE:?}" reference 5000 > reference.csv
"$DG_SAMPLE" stream 2 2500 > events.csv
"$python" "$source/tests/e2e/same_rows.py" "${DG_BINARY:?}" "$source/docs/examples/credit-risk.yaml"
