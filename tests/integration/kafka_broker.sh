#!/usr/bin/env bash
# usage: with_kafka.sh kafka_broker.sh KAFKA_TOOL
# Goal: the broker of the tests keeps what the tests of the live path rely on. Method: 10,000 records into six
# partitions and back, byte for byte; again after kill -9; an aborted transaction; no process left at the end.
set -euo pipefail
tool=$1
kafka="$DG_SOURCE_DIR/scripts/kafka.sh"
dir=$DG_KAFKA_DIR
work=$(mktemp -d "${TMPDIR:-/tmp}/driftgauge-broker.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
# In the order of partitions and offsets, without the offsets.
records() {
    "$tool" consume "$@" | sort -t $'\t' -k1,1n -k2,2n | cut -f 1,3-
}

echo "start again does nothing; a topic that exists is an error that says so"
before=$(cat "$dir/pid")
"$kafka" start "$dir"
[ "$(cat "$dir/pid")" = "$before" ] || fail "start replaced a broker that runs"
"$kafka" topic "$dir" events 6 max.message.bytes=2000000
if "$kafka" topic "$dir" events 6 2>"$work/exists"; then
    fail "a topic was made twice"
fi
grep -q "Topic 'events' already exists" "$work/exists" || fail "no clear error: $(cat "$work/exists")"

echo "10,000 records of 1970 to 2100 come back as they were"
awk 'BEGIN { for (i = 0; i < 10000; i++)
                 printf "%d\t%.0f\t%s\t%s\n", i % 6, i * 410227199.0 + 1, i % 7 ? "key " i : "-",
                        i % 11 ? "{\"id\":" i ",\"score\":" i / 16384 "}" : "-" }' >"$work/produced"
"$tool" produce events compression.codec=zstd <"$work/produced"
sort -s -t $'\t' -k1,1n "$work/produced" >"$work/expected"
records events >"$work/consumed"
cmp "$work/expected" "$work/consumed" || fail "other records than were written"

echo "a message of 1.5 MB passes where the topic allows it"
"$kafka" topic "$dir" large 1 max.message.bytes=2000000
awk 'BEGIN { printf "0\t1\tbig\t"; for (i = 0; i < 150000; i++) printf "0123456789"; print "" }' >"$work/large"
"$tool" produce large message.max.bytes=2000000 <"$work/large"
records large | cmp - "$work/large" || fail "the large message came back changed"

echo "records of an aborted transaction are in the log and not for read_committed"
"$kafka" topic "$dir" money 2
printf '0\t1\ta\tcommitted %d\n1\t1\tb\tcommitted %d\n' 1 2 | "$tool" produce money transactional.id=one
printf '0\t2\ta\taborted %d\n1\t2\tb\taborted %d\n' 3 4 | "$tool" produce money transactional.id=two end=abort
printf '0\t3\ta\tcommitted 5\n' | "$tool" produce money transactional.id=one
[ "$(records money isolation.level=read_uncommitted | wc -l)" = 5 ] || fail "the aborted records never reached the log"
[ "$(records money isolation.level=read_committed | cut -f 4)" = $'committed 1\ncommitted 5\ncommitted 2' ] ||
    fail "read_committed: $(records money isolation.level=read_committed)"

echo "kill -9 loses nothing that was acknowledged"
"$kafka" stop "$dir" --crash
! grep -qvE '\) [ZX] ' "/proc/$before"/task/*/stat 2>/dev/null || fail "the broker lives after kill -9"
"$kafka" start "$dir"
# The log of the run before once passed for this one's, and start returned seconds too early.
(exec 3<>"/dev/tcp/127.0.0.1/${KAFKA_BOOTSTRAP_SERVERS##*:}") || fail "start returned before the broker serves"
[ "$("$kafka" env "$dir")" = "export KAFKA_BOOTSTRAP_SERVERS=$KAFKA_BOOTSTRAP_SERVERS" ] || fail "another port"
records events | cmp - "$work/expected" || fail "records lost by kill -9"
[ "$(records money isolation.level=read_committed | wc -l)" = 3 ] || fail "kill -9 brought aborted records back"
printf '5\t7\tlate\trecord\n' | "$tool" produce events
[ "$(records events | wc -l)" = 10001 ] || fail "cannot write after kill -9"

echo "stop leaves no process and no open port"
"$kafka" stop "$dir"
[ -z "$(grep -alF "kafka.Kafka" /proc/[0-9]*/cmdline 2>/dev/null | while IFS= read -r file; do
    [ "$(readlink "${file%cmdline}cwd")" != "$dir" ] || echo "$file"
done)" ] || fail "a process is left"
if (exec 3<>"/dev/tcp/127.0.0.1/${KAFKA_BOOTSTRAP_SERVERS##*:}") 2>/dev/null; then
    fail "port ${KAFKA_BOOTSTRAP_SERVERS##*:} still answers"
fi
"$kafka" drop "$dir"
[ ! -e "$dir" ] || fail "drop left $(ls -A "$dir")"
