#!/usr/bin/env bash
# Two of our libraries must not define the same function: the linker takes the first it meets and
# says nothing.
set -euo pipefail
twice=$(nm -A --defined-only "$@" 2>/dev/null | awk '$2 == "T" || $2 == "D" || $2 == "R" || $2 == "B" { print $3 }' |
        sort | uniq -d)
[ -z "$twice" ] || { echo "defined more than once:"; echo "$twice"; exit 1; }
echo "$(nm --defined-only "$@" 2>/dev/null | grep -c ' T ') functions, each defined once"
