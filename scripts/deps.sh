#!/usr/bin/env bash
# Install what building needs (Debian 12, Ubuntu 24.04), with --demo what the demo needs as well, with --test what
# the tests need. Does nothing where everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
install_packages "${build_packages[@]}"
if [ "${1:-}" = --demo ]; then
    install_packages postgresql
fi
if [ "${1:-}" = --test ]; then
    install_packages postgresql python3 python3-venv clang libclang-rt-dev mandoc gzip zstd xz-utils procps
fi
