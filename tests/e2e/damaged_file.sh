#!/usr/bin/env bash
# A compressed file that is cut off is one bad record, counted once, with its place, by replay and by
# baseline build; the rows before it are there; --max-bad decides the exit code.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{
    echo ts,x
    for ((i = 0; i < 600; i++)); do
        printf '2026-01-%02dT%02d:00:00Z,%d.5\n' $((i / 24 + 1)) $((i % 24)) $((i % 17))
    done
} > whole.csv
gzip -c whole.csv | head -c -30 > cut.csv.gz
cat > monitor.yaml <<'YAML'
monitor: cut
columns:
  timestamp: ts
  features:
    x: numeric
windows: { size: 1d, slide: 1d }
YAML
fail() { echo "$*"; cat ./*.txt; exit 1; }
rows=$( (gzip -dc cut.csv.gz 2> gzip.txt || true) | wc -l) # the header, and whole lines
[ "$rows" -gt 300 ] || fail "the sample holds too few rows: $rows"
"$DG_BINARY" replay -c monitor.yaml cut.csv.gz > table.txt 2> replay.txt || fail "exit code $?"
grep -q ': 1 bad record: truncated' replay.txt || fail "replay does not count it once"
grep -q "cut.csv.gz: truncated at record or line $((rows + 1))\$" replay.txt || fail "wrong place"
grep -q "$((rows - 1)) rows in" table.txt || fail "rows were lost"
"$DG_BINARY" baseline build -c monitor.yaml -o b.json cut.csv.gz > build.txt 2> build-words.txt ||
    fail "exit code $? of baseline build"
grep -q ': 1 bad record: truncated' build-words.txt || fail "baseline build does not count it once"
code=0
"$DG_BINARY" baseline build -c monitor.yaml --force -o /dev/full cut.csv.gz > /dev/null 2>&1 || code=$?
[ "$code" = 1 ] || fail "exit code $code of a full disk"
[ -c /dev/full ] || fail "a device was replaced"
code=0
"$DG_BINARY" replay -c monitor.yaml --max-bad 0 cut.csv.gz > /dev/null 2>&1 || code=$?
[ "$code" = 5 ] || fail "exit code $code instead of 5"
echo "$rows lines, one bad record"
