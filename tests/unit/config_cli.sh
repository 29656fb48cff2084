#!/usr/bin/env bash
# Goal: the commands around monitor files agree with each other and answer with the right code.
# Method: run them; the JSON is looked at as text.
set -uo pipefail
cd "$DG_SOURCE_DIR"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
fail() { echo "FAILED: $*" >&2; failed=1; }
hash_of() { sed -n 's/.*, hash \([0-9a-f]\{16\}\)$/\1/p'; }

example=docs/examples/monitor.yaml
direct=$("$DG_BINARY" check "$example" 2>"$scratch/words" | hash_of)
shown=$("$DG_BINARY" config show "$example" | "$DG_BINARY" check - 2>/dev/null | hash_of)
[ -n "$direct" ] && [ "$direct" = "$shown" ] || fail "what is shown does not mean the same: '$direct' '$shown'"
grep -q 'docs/examples/reference.baseline.json' "$scratch/words" || fail "the missing baseline file is not named"

# Defaults that are written out must not be mistaken for wishes that contradict others.
while IFS= read -r more; do
    printf 'monitor: m\nwindows: 1h\n%b\n' "$more" > "$scratch/more.yaml"
    direct=$("$DG_BINARY" check "$scratch/more.yaml" 2> /dev/null | hash_of)
    shown=$("$DG_BINARY" config show "$scratch/more.yaml" 2> /dev/null | "$DG_BINARY" check - 2> "$scratch/words" | hash_of)
    [ -n "$direct" ] && [ "$direct" = "$shown" ] ||
        fail "what is shown of '$more' does not mean the same: '$direct' '$shown' $(cat "$scratch/words")"
done << 'END'
columns: { timestamp: ts }\nsource: { format: json }
columns: { timestamp: ts }\nsource: { format: ndjson }
columns: { timestamp: ts }\nsource: { topic: a, start: 2026-01-01T00:00:00Z, format: avro, framing: bare, schema: a.avsc }
columns: { timestamp: ts }\nsource: { topics: [a, b], dead_letters: c, idle_after: 1m, on_loss: stop }
columns: { features: { x: numeric } }\nsource: { topic: a, preset: canonical }
columns: { timestamp: "@timestamp", id: ^/id, features: { x: { from: ^/a/#, values: ["1.0", "no"] } } }\nsource: { topic: a, preset: open_inference }
columns: { timestamp: "@timestamp", features: { x: { valid: [0, 1] } } }\nsource: { topic: a, instances: /in, format: json }
columns: { timestamp: ts, id: id, partition: p, offset: o }\nduplicates: keep\nchecks: { drift: off }
columns: { timestamp: ts }\nbaselines: { w: { seasonal: hour_of_week }, t: { trailing: 7d } }\nchecks: { psi: [{ warn: 0.1 }, { critical: 0.2, baseline: t }] }
columns: { timestamp: ts, variant: v }\nbaselines: { v: { variant: a } }\nsegments: { column: c, values: [a, "b: c"] }
END

"$DG_BINARY" check "$example" tests/unit/config/checks.yaml > "$scratch/out" 2>/dev/null
[ $? = 3 ] || fail "a bad file is not exit code 3"
grep -q '^docs/examples/monitor.yaml: ok: ' "$scratch/out" || fail "the good file is not ok"
grep -q '^tests/unit/config/checks.yaml: 9 errors, ' "$scratch/out" || fail "errors are not counted"

sed 's/# .*//' "$example" > "$scratch/copy.yaml"
"$DG_BINARY" check "$example" "$scratch/copy.yaml" > "$scratch/out" 2>&1
[ $? = 3 ] && grep -q "'credit-risk' is also the monitor of $example" "$scratch/out" ||
    fail "two monitors of one name were accepted"

"$DG_BINARY" check -o json tests/unit/config/unknown_keys.yaml > "$scratch/json"
[ $? = 3 ] || fail "-o json does not answer 3"
grep -q '"ok":false,"monitor":null,"hash":null,"errors":8,' "$scratch/json" || fail "JSON does not count the errors"
grep -q '"line":1,"column":1,"message":"unknown key .monitr.","hint":"did you mean .monitor.?"' "$scratch/json" ||
    fail "JSON has no message with its place"

"$DG_BINARY" config show tests/unit/config/missing.yaml > "$scratch/out" 2>/dev/null
[ $? = 3 ] && [ ! -s "$scratch/out" ] || fail "a bad file was shown"
"$DG_BINARY" config schema > "$scratch/out" && grep -q '"propertyNames"' "$scratch/out" || fail "the schema has no metrics"

mkdir "$scratch/dir"
sed 's/# .*//; s/credit-risk/other/' "$example" > "$scratch/dir/b.yml"
cp "$example" "$scratch/dir/a.yaml"
touch "$scratch/dir/.hidden.yaml" "$scratch/dir/notes.txt"
printf 'lanes: 2\nhttp: off\n' > "$scratch/dir/driftgauge.yaml"
"$DG_BINARY" check -c "$scratch/dir" > "$scratch/out" 2>/dev/null || fail "a good directory is not ok"
sed "s|$scratch/dir/||; s/: ok: .*//" "$scratch/out" | tr '\n' ' ' > "$scratch/names"
[ "$(cat "$scratch/names")" = "driftgauge.yaml a.yaml b.yml " ] || fail "not these files: $(cat "$scratch/names")"
"$DG_BINARY" config show "$scratch/dir/driftgauge.yaml" > "$scratch/shown"
grep -q '^lanes: 2$' "$scratch/shown" && grep -q 'tenant: default' "$scratch/shown" || fail "the daemon's file is not shown"
"$DG_BINARY" config schema --of daemon | grep -q '"horizon"' || fail "the daemon's file has no schema"
echo 'lanes: 65' > "$scratch/dir/driftgauge.yaml"
"$DG_BINARY" check -c "$scratch/dir" > "$scratch/out" 2>&1
[ $? = 3 ] && grep -q "driftgauge.yaml:1:8: error: 'lanes'" "$scratch/out" || fail "a bad driftgauge.yaml is not exit code 3"
mkdir "$scratch/beside"
cat > "$scratch/beside/small.yaml" << 'END'
monitor: small
source: { topic: any, format: json }
columns: { timestamp: ts, features: { x: numeric } }
windows: [{ size: 1h }]
baselines: { previous: previous_window }
END
cp "$scratch/dir/driftgauge.yaml" "$scratch/beside"
"$DG_BINARY" replay -c "$scratch/beside/small.yaml" --input kafka://any > "$scratch/out" 2>&1
[ $? = 3 ] && grep -q "driftgauge.yaml:1:8: error: 'lanes'" "$scratch/out" || fail "replay does not read driftgauge.yaml beside its monitor"
"$DG_BINARY" check "$scratch/dir" > "$scratch/out" 2>&1
[ $? = 3 ] && grep -q 'it is a directory' "$scratch/out" && grep -q 'check -c DIR' "$scratch/out" ||
    fail "a directory as an operand is not led to -c: $(cat "$scratch/out")"
mkdir "$scratch/empty"
"$DG_BINARY" check -c "$scratch/empty" 2> "$scratch/out"
[ $? = 3 ] && grep -q 'has no monitor file' "$scratch/out" || fail "an empty directory is not exit code 3"
"$DG_BINARY" check 2>/dev/null
[ $? = 2 ] || fail "check without a file is not exit code 2"

[ "$failed" = 0 ] && echo "all as expected"
exit "$failed"
