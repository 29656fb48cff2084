#!/usr/bin/env bash
# No function or object may be defined in two of our archives: a static link would silently take the first.
set -euo pipefail
cd "$1"
twice=$(find stats engine connectors sql -name '*.a' -print0 | sort -z | xargs -0 -n1 nm --defined-only 2>/dev/null |
        awk '$2 ~ /^[TDBR]$/ {print $3}' | grep -v '^__' | sort | uniq -d)
if [ -n "$twice" ]; then
    echo "defined more than once: $twice"
    exit 1
fi
echo "every symbol is defined once"
