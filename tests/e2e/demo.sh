#!/usr/bin/env bash
# Goal: `driftgauge demo` finds what it put in, and leaves nothing behind, after Ctrl-C and after being killed too.
set -euo pipefail
dir=$(mktemp -d /tmp/dg-demo.XXXX)
chmod 711 "$dir" # the server's user must get to its files
trap 'rm -rf "$dir"' EXIT
export TMPDIR=$dir
fail() {
    echo "FAILED: $*"
    cat "$dir"/said* 2>/dev/null
    exit 1
}
servers() { pgrep -fc "unix_socket_directories=$dir" || true; }
nothing_left() {
    local tries=0
    while [ "$(servers)" != 0 ] || ls -d "$dir"/driftgauge-demo.* >/dev/null 2>&1; do
        [ $((tries++)) -lt 100 ] || fail "$1 left $(servers) servers and $(ls "$dir")"
        sleep 0.1
    done
}

"$DG_BINARY" demo --seconds 12 >"$dir/said" 2>"$dir/said.words" || fail "exit code $?"
[ "$(grep -c ' - ' "$dir/said")" -ge 40 ] || fail "not a line per window"
grep -q 'channel drifts since the window that ends Mar 02 0[1-6]:00' "$dir/said" || fail "the drift was not found"
grep -q 'utilization missing in ..* %' "$dir/said" || fail "the broken join was not found"
head -20 "$dir/said" | grep -q ' ok .* as in training' || fail "there is no quiet first half"
nothing_left "demo"

"$DG_BINARY" demo --seconds 60 >"$dir/said" 2>"$dir/said.words" &
pid=$!
tries=0
until grep -q 'as in training' "$dir/said"; do
    [ $((tries++)) -lt 200 ] && kill -0 "$pid" || fail "no window"
    sleep 0.1
done
kill -INT "$pid"
code=0
wait "$pid" || code=$?
[ $code = 130 ] || fail "Ctrl-C: exit code $code"
nothing_left "demo after Ctrl-C"

"$DG_BINARY" demo --seconds 60 >"$dir/said" 2>"$dir/said.words" &
pid=$!
tries=0
until grep -q 'as in training' "$dir/said"; do
    [ $((tries++)) -lt 200 ] && kill -0 "$pid" || fail "no window"
    sleep 0.1
done
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
rm -rf "$dir"/driftgauge-demo.*
nothing_left "demo after kill -9"

"$DG_BINARY" demo --seconds 8 --keep >"$dir/said" 2>"$dir/said.words" || fail "exit code $? with --keep"
home=$(sed -n 's/^ *psql -h \([^ ]*\).*/\1/p' "$dir/said" | head -1)
rows=$(psql -h "$home" -U postgres driftgauge -XqAtc "SELECT count(*) FROM driftgauge_view.series WHERE run = ''") ||
    fail "--keep: cannot connect as it says"
[ "$rows" -gt 1000 ] || fail "--keep: $rows rows"
bash -c "$(sed -n 's/^when done: //p' "$dir/said")" || fail "--keep: the way to end it does not work"
nothing_left "demo --keep, ended as it says"
