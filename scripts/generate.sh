#!/usr/bin/env bash
# Write every document that is made from the program's own tables, or say which are out of date.
#   scripts/generate.sh           write them
#   scripts/generate.sh --check   change nothing; exit 1 and name those that differ
# The program: $DG_BINARY, else the one in build/dev.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${DG_BINARY:-build/dev/engine/cli/driftgauge}
[ -x "$binary" ] || { echo "generate.sh: $binary is missing; build it: cmake --build --preset dev" >&2; exit 2; }
check=no
[ "${1:-}" = --check ] && check=yes
stale=0
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT

# generated FILE ARGUMENT...: FILE is what `driftgauge ARGUMENT...` prints
generated() {
    local file=$1
    shift
    "$binary" "$@" > "$fresh"
    if cmp -s "$fresh" "$file"; then
        return
    elif [ "$check" = yes ]; then
        echo "$file is out of date; run scripts/generate.sh" >&2
        stale=1
    else
        cat "$fresh" > "$file"
        echo "wrote $file"
    fi
}

generated docs/driftgauge.1 help --man
generated docs/CONFIGURATION.md config reference

exit "$stale"
