#!/usr/bin/env bash
# Goal: what `cmake --install` puts somewhere works from somewhere else: the program, its manual page,
# and the statistics library for a program of one's own, by pkg-config and by find_package.
# usage: install.sh BUILD_DIRECTORY
set -euo pipefail
build=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cmake --install "$build" --prefix "$dir/first" > "$dir/log"
mv "$dir/first" "$dir/moved"
prefix=$dir/moved
cd "$dir"

"$prefix/bin/driftgauge" version > said
grep '^driftgauge [0-9]' said
"$prefix/bin/driftgauge" db print-sql > said
grep -q 'CREATE TABLE' said
"$prefix/bin/driftgauge" check "$prefix"/share/doc/driftgauge/examples/monitor.yaml
for file in README.md GUIDE.md CONFIGURATION.md examples/monitor.yaml examples/nyc-taxi.yaml; do
    [ -s "$prefix/share/doc/driftgauge/$file" ] || { echo "$file is not installed"; exit 1; }
done
if command -v mandoc > /dev/null; then
    mandoc -T utf8 "$prefix/share/man/man1/driftgauge.1" > page
elif command -v man > /dev/null; then
    man -l "$prefix/share/man/man1/driftgauge.1" > page
fi
[ ! -e page ] || grep -q 'EXIT STATUS\|E.*X.*I.*T' page
[ "$(find "$prefix/share/driftgauge/sql" -name '*.sql' | wc -l)" -ge 1 ]
if grep -rlI "$dir/first\|$build" "$prefix/lib" "$prefix/include" "$prefix/share"; then
    echo "these files name where they were built"
    exit 1
fi

cat > main.c <<'C'
#include "stats/divergence.h"
#include "stats/psi.h"

#include <stdio.h>

int main(void)
{
    const double now[] = {0.1, 0.2, 0.7}, before[] = {0.2, 0.2, 0.6};
    const double psi = dg_psi(now, before, 3), c = 1.0 / 1000 + 1.0 / 50000;
    double low, high;
    dg_psi_interval(psi, c, 2.0, &low, &high);
    printf("PSI %.4f (%.4f to %.4f), p %.1e, Jensen-Shannon %.4f\n", psi, low, high,
           dg_psi_p(psi, c, 2.0), dg_js_distance(now, before, 3));
    return 0;
}
C
want='^PSI 0.0847 (0.0[0-9]* to 0.1[0-9]*), p [0-9.]*e-1[0-9], Jensen-Shannon 0.[0-9]*$'
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name driftgauge-stats.pc)")
# shellcheck disable=SC2046
cc -std=c17 main.c $(pkg-config --cflags --libs --static driftgauge-stats) -o by_pkg_config
./by_pkg_config | tee said | grep "$want"

cat > CMakeLists.txt <<'C'
cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(driftgauge-stats 0.1 REQUIRED)
add_executable(by_find_package main.c)
target_link_libraries(by_find_package PRIVATE driftgauge::driftgauge-stats)
C
unset PKG_CONFIG_PATH
cmake -S . -B out -DCMAKE_PREFIX_PATH="$prefix" > log 2>&1 && cmake --build out >> log 2>&1 || { cat log; exit 1; }
./out/by_find_package | diff said -
