#!/usr/bin/env bash
# Build and run every test. One command on a fresh Debian 12 or Ubuntu 24.04:
#   scripts/test.sh            everything, about half an hour on two cores
#   scripts/test.sh --quick    without the slow ones and the sanitizers
# Installs what is missing, as root or through sudo; starts the servers it needs and stops them.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
quick=no
[ "${1:-}" = --quick ] && quick=yes
scripts/deps.sh --test
python=$(scripts/python.sh)
export DG_PYTHON=$python
build dev
if [ "$quick" = yes ]; then
    ctest --preset dev -LE slow
    exit
fi
# A real broker and a real schema registry for the tests of the live path, which are skipped without.
servers=yes
scripts/kafka.sh install && scripts/registry.sh install || servers=no
say "tests (dev)"
ctest --preset dev
for preset in asan tsan; do
    build "$preset"
    say "tests ($preset)"
    ctest --preset "$preset"
done
[ "$servers" = yes ] || say "no broker or registry could be installed (see above): the tests of the live path were SKIPPED"
