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
[ "$failed" = 0 ] && echo "all as expected"
exit "$failed"
