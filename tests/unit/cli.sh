#!/usr/bin/env bash
# Goal: the program answers with the documented exit codes, data on stdout and words on stderr.
set -uo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# answers CODE STREAM PATTERN ARGUMENT...: exit code, and a line of stdout or stderr that matches;
# the other stream is empty.
answers() {
    local code=$1 stream=$2 pattern=$3 other=err
    shift 3
    [ "$stream" = err ] && other=out
    "$DG_BINARY" "$@" > "$scratch/out" 2> "$scratch/err"
    local got=$?
    if [ "$got" != "$code" ] || ! grep -q -- "$pattern" "$scratch/$stream" || [ -s "$scratch/$other" ]; then
        echo "driftgauge $*: exit $got, want $code and '$pattern' on std$stream alone" >&2
        cat "$scratch/out" "$scratch/err" >&2
        failures=$((failures + 1))
    fi
}

answers 2 err '^Usage: driftgauge'
answers 0 out '^Usage: driftgauge' --help
answers 0 out '^Usage: driftgauge' -h
answers 0 out '^driftgauge [0-9]' --version
answers 0 out '^driftgauge [0-9]' -V
answers 0 out '^Usage: driftgauge version' version --help
answers 0 out '^Usage: driftgauge version' help version
answers 0 out '"libraries":{"avro":' version -o json
answers 0 out '^driftgauge [0-9]' --no-color --log-format json version
answers 2 err 'unknown command "vresion"; did you mean version?' vresion
answers 2 err 'unknown command "vresion"; did you mean version?' help vresion
answers 2 err 'unknown option --outptu; did you mean --output?' version --outptu json
answers 2 err 'did you mean json?' version -o jsno
answers 2 err 'unexpected argument "x"' version x
answers 2 err 'unknown option --nope' --nope version
answers 2 err 'bash|zsh|fish is missing' completion
answers 2 err '"tcsh" is not one of bash|zsh|fish' completion tcsh
answers 0 out '^\.Sh EXIT STATUS' help --man

# Every command is explained, with its subcommands.
"$DG_BINARY" --help | sed -n '/^Commands:/,/^$/p' | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' > "$scratch/commands"
[ "$(wc -l < "$scratch/commands")" -ge 3 ] || { echo "the overview lists no commands" >&2; failures=1; }
while read -r command; do
    answers 0 out "^Usage: driftgauge $command" "$command" --help
done < "$scratch/commands"

# A replay writes the files that it was asked for.
printf 'monitor: m\ncolumns: { timestamp: t, features: { x: numeric } }\nwindows: { size: 1d }\n' > "$scratch/m.yaml"
printf 't,x\n2026-03-01T10:00:00Z,2.385\n2026-03-02T10:00:00Z,3.5\n' > "$scratch/x.csv"
answers 0 out '^Verdict: none; 0 of 1 columns drifted; 1 could not be judged' replay -q -c "$scratch/m.yaml" -i "$scratch/x.csv" --report "$scratch/r.html" \
    --report-json "$scratch/r.json"
grep -q '</html>' "$scratch/r.html" && grep -q '"monitor"' "$scratch/r.json" ||
    { echo "replay wrote no report" >&2; failures=$((failures + 1)); }

# A gate does not let pass what it has not seen.
printf 't,x\n' > "$scratch/empty.csv"
answers 5 err 'no window was evaluated: --fail-on critical' replay -q -c "$scratch/m.yaml" -i "$scratch/empty.csv" \
    --out ndjson --fail-on critical

# Times in a form that is not read are shown, with the forms that are; so are decimal commas.
printf 'id;created_at;price\n1;01.02.2026 00:00:00;3,85\n2;02.02.2026 00:00:00;17,05\n' > "$scratch/de.csv"
answers 5 err '"created_at" holds texts such as "0[12].02.2026 00:00:00", where ISO 8601' init --from "$scratch/de.csv"
"$DG_BINARY" init --from "$scratch/de.csv" --timestamp created_at > "$scratch/de.yaml" 2> "$scratch/err"
grep -q 'warning: no value of "created_at" can be read as a time' "$scratch/err" ||
    { echo "init is silent about a time that cannot be read" >&2; failures=$((failures + 1)); }
printf 'monitor: m\ncolumns: { timestamp: created_at, features: { id: numeric } }\nwindows: { size: 1d }\n' > "$scratch/m2.yaml"
answers 5 err '2 bad records: time (missing, or neither ISO 8601' baseline build -c "$scratch/m2.yaml" \
    --input "$scratch/de.csv" --out "$scratch/b.json"

# Messages that are to be parsed come alone.
"$DG_BINARY" replay -c "$scratch/m2.yaml" -i "$scratch/de.csv" --log-format json > /dev/null 2> "$scratch/err"
[ "$(grep -c '^{.*}$' "$scratch/err")" = "$(wc -l < "$scratch/err")" ] && grep -q '"level":"error"' "$scratch/err" ||
    { echo "--log-format json wrote other lines:" >&2; cat "$scratch/err" >&2; failures=$((failures + 1)); }

# Two baselines are compared, categories too, whose dictionaries differ.
printf 'monitor: m\ncolumns: { timestamp: t, features: { x: numeric, c: category } }\nwindows: { size: 1d }\n' > "$scratch/m.yaml"
for i in 1 2; do
    awk -v other="$i" 'BEGIN { print "t,x,c"; for (i = 0; i < 600; i++) printf "2026-03-01T10:00:00Z,%d,%s\n", i, i % 3 ? "a" : "b" other }' \
        > "$scratch/x.csv"
    answers 0 out "600 rows" baseline build -q -c "$scratch/m.yaml" -i "$scratch/x.csv" -o "$scratch/$i.json"
done
answers 0 out '^c  *0.0000  ' baseline diff "$scratch/1.json" "$scratch/1.json"
answers 0 out '^c  *[1-9][0-9.]* ' baseline diff "$scratch/1.json" "$scratch/2.json"

# What cannot be written is a failure.
if [ -e /dev/full ]; then
    "$DG_BINARY" version > /dev/full 2> "$scratch/err"
    [ $? = 1 ] && grep -q 'cannot write standard output: No space left' "$scratch/err" ||
        { echo "a full disk went unnoticed" >&2; failures=$((failures + 1)); }
fi

# Help is wrapped to the width that COLUMNS names.
COLUMNS=50 "$DG_BINARY" --help | awk 'length > 50 && !/^Usage/ { print "longer than 50: " $0; bad = 1 } END { exit bad }' ||
    failures=$((failures + 1))
[ "$failures" = 0 ]
