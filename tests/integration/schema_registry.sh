#!/usr/bin/env bash
# Goal: the registry of the tests behaves as the one that producers in the field use. Method: two versions of a
# schema, the same schema under two names, ids and errors as Confluent documents them, ids kept over kill -9.
set -euo pipefail
registry="$DG_SOURCE_DIR/scripts/registry.sh"
if ! "$registry" installed; then
    echo "skipped: no schema registry to test with; scripts/registry.sh install fetches one"
    exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/driftgauge-registry.XXXXXX")
trap '"$registry" drop "$dir" >/dev/null 2>&1' EXIT
# ctest ends a test that takes too long with SIGKILL, which no trap sees: somebody has to look.
parent=$$
setsid bash -c "while kill -0 $parent 2>/dev/null; do sleep 1; done
                [ ! -d '$dir' ] || '$registry' drop '$dir'" >/dev/null 2>&1 </dev/null &
disown
"$registry" start "$dir"
eval "$("$registry" env "$dir")"

check() { # check PROGRAM: python with ask(method, path, body) -> (status, document) and names of schemas
    python3 - "$SCHEMA_REGISTRY_URL" <<END
import json, sys, urllib.error, urllib.request

def ask(method, path, body=None):
    request = urllib.request.Request(sys.argv[1] + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)

def record(*fields):
    return {"schema": json.dumps({"type": "record", "name": "Prediction", "fields": list(fields)})}

score = {"name": "score", "type": "double"}
first = record(score)
second = record(score, {"name": "channel", "type": ["null", "string"], "default": None})
other = record({"name": "score", "type": "string"})
$1
END
}

check '
assert ask("PUT", "/config", {"compatibility": "BACKWARD"})[0] == 200
status, answer = ask("POST", "/subjects/scores-value/versions", first)
assert status == 200, answer
one = answer["id"]
two = ask("POST", "/subjects/scores-value/versions", second)[1]["id"]
assert one != two
assert ask("POST", "/subjects/scores-value/versions", first)[1]["id"] == one, "an id changed"
assert ask("POST", "/subjects/copies-value/versions", second)[1]["id"] == two, "one schema, two ids"
assert json.loads(ask("GET", f"/schemas/ids/{one}")[1]["schema"]) == json.loads(first["schema"])
assert json.loads(ask("GET", f"/schemas/ids/{two}")[1]["schema"]) == json.loads(second["schema"])
assert ask("GET", "/subjects/scores-value/versions") == (200, [1, 2])
status, answer = ask("GET", "/schemas/ids/2147483647")
assert (status, answer["error_code"]) == (404, 40403), answer
status, answer = ask("GET", "/subjects/nobody/versions")
assert (status, answer["error_code"]) == (404, 40401), answer
status, answer = ask("POST", "/subjects/scores-value/versions", other)
assert status == 409, answer
open("'"$dir"'/ids", "w").write(f"{one} {two}")
'
"$registry" stop "$dir" --crash
"$registry" start "$dir"
check '
one, two = map(int, open("'"$dir"'/ids").read().split())
assert json.loads(ask("GET", f"/schemas/ids/{one}")[1]["schema"]) == json.loads(first["schema"])
assert ask("POST", "/subjects/scores-value/versions", second)[1]["id"] == two, "kill -9 changed an id"
'
if [ $# -gt 0 ]; then # our own client, also with a schema that refers to another
    check '
money = {"schema": json.dumps({"type": "record", "name": "Money", "namespace": "b", "fields": [{"name": "n", "type": "long"}]})}
assert ask("POST", "/subjects/money/versions", money)[0] == 200
bill = {"schema": json.dumps({"type": "record", "name": "Bill", "namespace": "a", "fields": [{"name": "sum", "type": "b.Money"}]}),
        "references": [{"name": "b.Money", "subject": "money", "version": 1}]}
status, answer = ask("POST", "/subjects/bill/versions", bill)
assert status == 200, answer
open("'"$dir"'/bill", "w").write(str(answer["id"]))
'
    read -r one two <"$dir/ids" || true
    bill=$(cat "$dir/bill")
    printf '%s Prediction score\n%s Prediction score channel\n%s a.Bill sum\n2147483647 none\n' \
        "$one" "$two" "$bill" >"$dir/want"
    "$1" "$SCHEMA_REGISTRY_URL" "$one" "$two" "$bill" 2147483647 >"$dir/got"
    diff "$dir/want" "$dir/got"
    rm "$dir/bill" "$dir/want" "$dir/got"
fi
rm "$dir/ids"
"$registry" drop "$dir"
[ ! -e "$dir" ] || { echo "FAILED: drop left $(ls -A "$dir")"; exit 1; }
