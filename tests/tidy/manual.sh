#!/usr/bin/env bash
# Goal: the documents made from tables are current, and mandoc finds nothing to warn about.
set -euo pipefail
"$DG_SOURCE_DIR/scripts/generate.sh" --check
if command -v mandoc > /dev/null; then
    mandoc -Tlint -Wwarning "$DG_SOURCE_DIR/docs/driftgauge.1"
else
    echo "mandoc is not installed: the page was compared, not linted"
fi
