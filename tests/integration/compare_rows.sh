#!/usr/bin/env bash
# usage: with_postgres.sh compare_rows.sh STREAM_PRODUCER
# Goal: what the tests of the live path compare with can be trusted. Method: the same records as CSV, NDJSON and Avro
# give equal rows; one changed cell, one missing row and one wrong mark are each found.
set -euo pipefail
producer=$1
compare="$DG_SOURCE_DIR/tests/support/compare_rows.py"
cd "$DG_PG_DIR"
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
sql() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
differs() { # differs WORDS: the comparison fails and says so
    if python3 "$compare" compare run:csv run:avro >said 2>&1; then
        fail "not found: $1"
    fi
    grep -q "$1" said || fail "no word of $1: $(cat said)"
}

"$producer" topic produce=no partitions=3 events=20000 days=1 disorder=30 duplicates=0.01 late=0.002 files=sample >/dev/null
"$producer" topic produce=no partitions=3 events=20000 days=1 disorder=30 duplicates=0.01 late=0.002 files=again >/dev/null
for ending in csv ndjson avro; do
    cmp sample.$ending again.$ending || fail "the same seed, other records"
done
"$producer" topic reference=5000 >reference.csv
sed 's/^  id: event_id/&\n  topic: kafka_topic\n  partition: kafka_partition\n  offset: kafka_offset/' \
    "$DG_SOURCE_DIR/docs/examples/credit-risk.yaml" >monitor.yaml
"$DG_BINARY" baseline build -q -c monitor.yaml --input reference.csv --out training.baseline.json >/dev/null
"$DG_BINARY" db migrate >/dev/null
for ending in csv ndjson avro; do
    "$DG_BINARY" replay -q -c monitor.yaml --out postgres --run $ending sample.$ending >/dev/null
done
python3 "$compare" compare run:csv run:ndjson --least 4000
python3 "$compare" compare run:csv run:avro --least 4000
python3 "$compare" dump ndjson dumped
python3 "$compare" compare run:csv dumped --least 4000

ours="run_id = (SELECT run_id FROM driftgauge.run WHERE name = 'avro') AND (window_end, column_id, baseline_id, slice_id) =
    (SELECT window_end, column_id, baseline_id, slice_id FROM driftgauge.series_result WHERE mean IS NOT NULL LIMIT 1)"
sql "UPDATE driftgauge.series_result SET mean = mean + 1e-9 * abs(mean) WHERE $ours"
differs "'mean'"
sql "DELETE FROM driftgauge.series_result WHERE $ours"
differs "only in the first"
sql "UPDATE driftgauge.slice_result SET superseded = true WHERE run_id = (SELECT run_id FROM driftgauge.run WHERE name = 'avro')"
differs "superseded"
