#!/usr/bin/env bash
# The tree speaks of the project alone, finishes what it starts, and names no machine.
set -euo pipefail
cd "$1"
bad=0
if git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' -- ':!tests/tidy/words.sh' ':!LICENSE'; then
    echo "above: left unfinished"
    bad=1
fi
if git grep -nIE '(^|[^A-Za-z0-9_.])/(work|root|home/[a-z]+)/' -- ':!tests/tidy/words.sh' ':!LICENSE'; then
    echo "above: paths of one machine"
    bad=1
fi
long=$(git ls-files '*.c' '*.h' | xargs wc -l | awk '$2 != "total" && $1 > 700 {print $1, $2}')
if [ -n "$long" ]; then
    echo "files over 700 lines: $long"
    bad=1
fi
exit $bad
