#!/usr/bin/env bash
# Three million real flights to try driftgauge on (United States, January to June 2001):
#   scripts/flights.sh [DIRECTORY]     default: build/flights
# Fetches the npm package vega-datasets (BSD-3-Clause) and a reader of Parquet, writes january.csv as the
# reference and flights.{csv,ndjson,avro}, February to June, as the stream, and puts the monitor beside
# them. Needs node 18 or newer with npm. Does nothing where the files are there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
out=${1:-build/flights}
mkdir -p "$out"
cp docs/examples/flights.yaml "$out/flights.yaml"
if [ -s "$out/flights.avro" ]; then
    exit 0
fi
command -v npm > /dev/null || { echo "need npm: install nodejs (18 or newer) with npm" >&2; exit 1; }
say "fetching vega-datasets 3.2.1 into $out"
cp scripts/flights.mjs "$out/convert.mjs"
(
    cd "$out"
    [ -f package.json ] || echo '{"private": true}' > package.json
    npm install --no-audit --no-fund --ignore-scripts --loglevel=error \
        vega-datasets@3.2.1 hyparquet@1.31.5 hyparquet-compressors@1.1.2 >&2
    mkdir -p partial
    node convert.mjs node_modules/vega-datasets/data/flights-3m.parquet partial
    mv partial/* .
    rmdir partial
)
say "in $out: january.csv, flights.csv, flights.ndjson, flights.avro, flights.yaml"
