#!/usr/bin/env bash
# Goal: every command of docs/GUIDE.md works. Method: its sh blocks are run in order, each in a shell
# of its own as a reader would, on a smaller log than the demo's. Blocks of another language are not run.
set -euo pipefail
source=${DG_SOURCE_DIR:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build/demo" "$work/build/release/engine"
ln -s "$(dirname "$DG_BINARY")" "$work/build/release/engine/cli"
ln -s "$source/docs" "$work/docs"
"$DG_SAMPLE" reference 12000 > "$work/build/demo/reference.csv"
"$DG_SAMPLE" stream 14 4000 > "$work/build/demo/events.csv"
cp "$source/docs/examples/credit-risk.yaml" "$work/build/demo/"
export PATH="$work/build/release/engine/cli:$PATH"
cd "$work/build/demo"
count=0 failed=0
while IFS= read -r -d '' block; do
    count=$((count + 1))
    place=$work/build/demo
    [[ $block == "cd build/demo"* ]] && place=$work
    if ! (cd "$place" && bash -euo pipefail -c "$block") > "$work/said" 2>&1; then
        printf 'FAILED:\n%s\n' "$block"
        tail -n 20 "$work/said"
        failed=1
    fi
done < <(awk '$0 == "```sh" {inside = 1; next} /^```/ {if (inside) printf "%c", 0; inside = 0} inside' "$source/docs/GUIDE.md")
[ -s report.html ] || { echo "no report was written"; failed=1; }
echo "$count blocks"
[ "$count" -ge 10 ] && exit "$failed"
exit 1
