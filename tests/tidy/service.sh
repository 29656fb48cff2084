#!/usr/bin/env bash
# Goal: the unit for systemd is one that systemd understands, and exposes little. Method: systemd's own check, with
# this build's program in the place of the installed one.
set -euo pipefail
if ! command -v systemd-analyze > /dev/null; then
    echo "skipped: no systemd-analyze"
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed "s#/usr/bin/driftgauge#$DG_BINARY#" "$DG_SOURCE_DIR/deploy/driftgauge.service" > "$scratch/driftgauge.service"
systemd-analyze verify --man=no "$scratch/driftgauge.service" > "$scratch/said" 2>&1 || true
if [ -s "$scratch/said" ]; then
    cat "$scratch/said"
    exit 1
fi
"$DG_BINARY" help run | grep -q -- '-c, --config' # what ExecStart uses
systemd-analyze security --offline=true --threshold=20 "$scratch/driftgauge.service" > "$scratch/said" 2>&1 || {
    tail -3 "$scratch/said"
    exit 1
}
