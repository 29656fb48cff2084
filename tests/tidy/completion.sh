#!/usr/bin/env bash
# Goal: the completion scripts are accepted by their shells, and bash offers what the tables say.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for shell in bash zsh fish; do
    "$DG_BINARY" completion "$shell" > "$scratch/$shell"
    if command -v "$shell" > /dev/null; then
        "$shell" -n "$scratch/$shell"
    fi
done

# offers WANTED WORD...: completing the last word gives WANTED among the replies
offers() {
    local wanted=$1
    shift
    local got
    got=$(bash -c '
        source "$1"; shift
        COMP_WORDS=(driftgauge "$@"); COMP_CWORD=$#
        _driftgauge
        printf "%s\n" "${COMPREPLY[@]}"' _ "$scratch/bash" "$@")
    grep -qx -- "$wanted" <<< "$got" || { echo "completing '$*' offers: $got; want $wanted" >&2; exit 1; }
}
offers version ver
offers --output version --out
offers json version -o j
offers json version --log-format ''
offers fish completion f
! (offers no-such-word version '') 2> /dev/null
