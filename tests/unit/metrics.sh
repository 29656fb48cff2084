#!/usr/bin/env bash
# metrics.sh TEST_BOARD [promtool]
# Without: docs/METRICS.md lists every metric, and the example alerts use no other. With: the metrics
# of a busy board are what Prometheus' own checker calls clean, and the alerts do what they should.
set -euo pipefail
alerts=$DG_SOURCE_DIR/docs/prometheus/alerts.yaml
metrics=$("$1" metrics)
if [ "${2:-}" = promtool ]; then
    command -v promtool > /dev/null || { echo "promtool is not installed"; exit 77; }
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    said=$(promtool check metrics 2>&1 <<< "$metrics") || { echo "$said"; exit 1; }
    [ -z "$said" ] || { echo "$said"; exit 1; }
    promtool check rules "$alerts"
    sed "s|ALERTS|$alerts|" "$DG_SOURCE_DIR/tests/unit/alerts_test.yaml.in" > "$scratch/test.yaml"
    promtool test rules "$scratch/test.yaml"
    exit
fi
bad=0
# promtool does not notice a series that is there twice.
twice=$(grep -v '^#' <<< "$metrics" | sed 's/ [^ ]*$//' | sort | uniq -d)
[ -z "$twice" ] || { echo "twice: $twice"; bad=1; }
made=$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' <<< "$metrics" | sort -u)
told=$(grep -o 'driftgauge_[a-z_]*' "$DG_SOURCE_DIR/docs/METRICS.md" | grep -v '^driftgauge_view$' | sort -u)
diff <(echo "$made") <(echo "$told") || { echo "< metrics that docs/METRICS.md lacks; > those it alone knows"; bad=1; }
used=$(grep -E '^ *expr:' "$alerts" | grep -o 'driftgauge_[a-z_]*' | sort -u)
unknown=$(comm -23 <(echo "$used") <(echo "$made"))
[ -z "$unknown" ] || { echo "alerts on metrics that are not there: $unknown"; bad=1; }
exit $bad
