#!/usr/bin/env bash
# Install what building needs (Debian 12, Ubuntu 24.04), and with --test what the tests need as well.
# Does nothing where everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
install_packages "${build_packages[@]}"
if [ "${1:-}" = --test ]; then
    install_packages postgresql python3 python3-venv clang libclang-rt-dev mandoc gzip zstd xz-utils procps
fi
