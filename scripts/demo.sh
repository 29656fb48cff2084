#!/usr/bin/env bash
# See driftgauge at work, on a fresh Debian 12 or Ubuntu 24.04, by one command:
#   scripts/demo.sh [DIRECTORY]     default: build/demo
# Installs what is missing (as root or through sudo) and builds. Then the live path: `driftgauge demo`, a broker, a
# database and the daemon for half a minute, a credit-scoring stream in which the world changes half-way, a line per
# window. Then the same from a file: a baseline, a replay of two weeks, the verdict, an HTML report.
# Doing it again does it again, from what is already there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
out=${1:-build/demo}
scripts/deps.sh --demo
say "building (release)"
cmake --preset release -DBUILD_TESTING=OFF > /dev/null
cmake --build --preset release --target driftgauge sample_stream
gauge=$PWD/build/release/engine/cli/driftgauge
say "driftgauge demo: Kafka to PostgreSQL, live"
"$gauge" demo
mkdir -p "$out"
say "making a log: 60,000 reference rows, 14 days of 20,000 rows"
build/release/scripts/sample_stream reference 60000 > "$out/reference.csv"
build/release/scripts/sample_stream stream 14 20000 > "$out/events.csv"
cp docs/examples/credit-risk.yaml "$out/credit-risk.yaml"
cd "$out"
say "driftgauge baseline build -c credit-risk.yaml --input reference.csv --out training.baseline.json"
"$gauge" baseline build -c credit-risk.yaml --input reference.csv --out training.baseline.json --force
say "driftgauge check credit-risk.yaml"
"$gauge" check credit-risk.yaml
say "driftgauge replay -c credit-risk.yaml --input events.csv --report report.html"
"$gauge" replay -c credit-risk.yaml --input events.csv --report report.html
say "the report: $PWD/report.html"
