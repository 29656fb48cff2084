#!/usr/bin/env bash
# Goal: a daemon that cannot run says so at once, with everything that is wrong and the right code, and connects to
# nothing before. Method: configurations with mistakes; none of the addresses named leads anywhere.
set -uo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
fail() { echo "FAILED: $*" >&2; failed=1; }
run() { # run CODE WORDS ARGUMENT...: the exit code, and what stands in the messages
    local want=$1 words=$2 code=0
    shift 2
    timeout 20 "$DG_BINARY" run "$@" > "$scratch/out" 2>&1 || code=$?
    [ "$code" = "$want" ] || fail "run $*: exit code $code, not $want: $(cat "$scratch/out")"
    grep -q -- "$words" "$scratch/out" || fail "run $*: no word of '$words': $(cat "$scratch/out")"
}
monitor() { # monitor NAME SOURCE
    printf 'monitor: %s\n%scolumns: { timestamp: ts, features: { x: numeric } }\nwindows: 1h\n' "$1" "$2"
}

mkdir "$scratch/dir"
export DRIFTGAUGE_BROKERS=127.0.0.1:1 DRIFTGAUGE_DB="host=/nonexistent dbname=none"
monitor a $'source: { topic: t }\n' > "$scratch/dir/a.yaml"
monitor b "" > "$scratch/dir/b.yaml"
run 2 'option --config'
run 2 'lanes' -c "$scratch/dir" --lanes 65
run 2 'commit-interval' -c "$scratch/dir" --commit-interval 5m
run 3 'No such file' -c "$scratch/nowhere"
run 3 "the monitor 'b' has no topic" -c "$scratch/dir"
monitor a $'source: { topic: t }\n' > "$scratch/dir/b.yaml"
run 3 "'a' is also the monitor of" -c "$scratch/dir"
monitor b $'source: { topic: t }\nbaselines: { training: { file: missing.json } }\n' > "$scratch/dir/b.yaml"
run 3 'missing.json' -c "$scratch/dir"
monitor b $'source: { topic: t }\n' > "$scratch/dir/b.yaml"
printf 'lanes: 0\nkafka: { grup: x }\n' > "$scratch/dir/driftgauge.yaml"
run 3 "unknown key 'grup'" -c "$scratch/dir"
grep -q "'lanes' must" "$scratch/out" || fail "only the first mistake is said"
printf 'kafka: { properties: { enable.auto.commit: true } }\n' > "$scratch/dir/driftgauge.yaml"
run 3 'enable.auto.commit' -c "$scratch/dir"
run 3 'no.such.property' -c "$scratch/dir/a.yaml" --settings <(printf 'kafka: { properties: { no.such.property: 1 } }\n')
rm "$scratch/dir/driftgauge.yaml"
run 4 'password file' -c "$scratch/dir" --until-end --listen off --db-password-file "$scratch/nowhere"
run 4 'FAILED broker' -c "$scratch/dir" --check-connect
grep -q '^FAILED database' "$scratch/out" || fail "the database is not asked: $(cat "$scratch/out")"
grep -q '^ok     monitor a' "$scratch/out" || fail "monitors are not listed: $(cat "$scratch/out")"

# It waits for what is away, says so, and stops when told.
"$DG_BINARY" run -c "$scratch/dir" --listen off --log-format logfmt 2> "$scratch/log" &
pid=$!
for _ in $(seq 100); do
    grep -q 'event=blocked' "$scratch/log" && break
    sleep 0.1
done
grep -q 'event=run_started' "$scratch/log" && grep -q 'event=blocked' "$scratch/log" || fail "it does not wait: $(cat "$scratch/log")"
kill -TERM $pid
sleep 0.02
kill -TERM $pid # timeout(1) tells the process and its group: that is one wish, not two
wait $pid
[ $? = 0 ] || fail "told to stop, it left with another code than 0: $(cat "$scratch/log")"
grep -q 'event=stopped' "$scratch/log" || fail "no word of having stopped: $(cat "$scratch/log")"
[ "$failed" = 0 ] && echo "all as expected"
exit "$failed"
