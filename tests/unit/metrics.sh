#!/usr/bin/env bash
# The metrics of a busy board are what Prometheus' own checker calls clean: metrics.sh TEST_BOARD.
set -euo pipefail
command -v promtool > /dev/null || { echo "promtool is not installed"; exit 77; }
said=$("$1" metrics | promtool check metrics 2>&1) || { echo "$said"; exit 1; }
[ -z "$said" ] || { echo "$said"; exit 1; }
# The checker reads no values twice: look for a series that is there two times.
twice=$("$1" metrics | grep -v '^#' | sed 's/ [^ ]*$//' | sort | uniq -d)
[ -z "$twice" ] || { echo "twice: $twice"; exit 1; }
echo "clean"
