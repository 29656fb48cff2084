#!/usr/bin/env bash
# A hundred thousand partitions named by the rows are no reason to take minutes, or to lose a row.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > monitor.yaml <<'YAML'
monitor: partitions
columns: { timestamp: ts, partition: p, offset: o, features: { x: numeric } }
windows: { size: 1h }
YAML
awk 'BEGIN { print "ts,p,o,x"; for (i = 0; i < 100000; i++) print 1700006400 + i % 3000 "," i ",1," i }' > rows.csv
awk 'BEGIN { for (i = 0; i < 100000; i += 2) print 1700006400 + i % 3000 "," i ",1," i }' >> rows.csv
"$DG_BINARY" replay -c monitor.yaml -o csv --rows slices rows.csv > slices.csv 2> messages.txt ||
    { echo "exit code $?"; cat messages.txt; exit 1; }
# Every second record is read again from its own offset: a duplicate, found in its own partition.
grep -q '^[^,]*,[^,]*,1h,.*,all,[a-z]*,100000,' slices.csv || { echo "rows were lost"; cat slices.csv; exit 1; }
echo "100000 partitions"
