#!/usr/bin/env bash
# A table of bad input, and what each gives; docs/BAD_INPUT.md is this table. With --write it is written.
set -euo pipefail
source=${DG_SOURCE_DIR:?}
python=${DG_PYTHON:-$("$source"/scripts/python.sh)}
exec "$python" "$source/tests/e2e/bad_input.py" "${DG_BINARY:?}" "$source/docs/BAD_INPUT.md" "$@"
