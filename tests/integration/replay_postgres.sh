#!/usr/bin/env bash
# Goal: a replay's rows in PostgreSQL are those of its CSV, whatever the number of lanes and however
# often it is done. Method: a log with drift is replayed by the real program as the writer; the CSV
# output is loaded beside it and both are compared cell by cell. Run by with_postgres.sh.
set -euo pipefail
export LC_ALL=C.UTF-8
dg=$DG_BINARY
cd "$DG_PG_DIR"
fail() {
    echo "FAILED $*" >&2
    exit 1
}
sql() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1"; }

awk 'BEGIN {
    print "ts,price,country,score"
    for (i = 0; i < 20000; i++) {
        seed = (seed * 1103515245 + 12345) % 2147483648; a = seed / 2147483648
        seed = (seed * 1103515245 + 12345) % 2147483648; b = seed / 2147483648
        late = i > 12000
        country = b < 0.5 ? "DE" : b < 0.8 ? (late ? "XX" : "FR") : "Österreich \"süd\""
        printf "%d,%.5f,\"%s\",%.5f\n", 1709251200 + 30 * i, 100 + 10 * a + 6 * late, gensub_quote(country), b
    }
}
function gensub_quote(s) { gsub(/"/, "\"\"", s); return s }' >log.csv
cat >shop.yaml <<'YAML'
monitor: shop
columns:
  timestamp: ts
  prediction: { score: score }
  features: { price: numeric, country: category }
windows: [{ size: 6h, slide: 3h }]
segments: [{ column: country, values: [DE, FR] }]
baselines:
  before: { window: previous_window }
  week: { trailing: 2d }
YAML
"$dg" db migrate >/dev/null
sql "ALTER ROLE driftgauge_writer LOGIN"
replay() { "$dg" replay -q -c shop.yaml --out postgres --db user=driftgauge_writer "$@" log.csv >/dev/null; }

replay --run one --lanes 1
replay --run three --lanes 3
"$dg" replay -q -c shop.yaml --out csv log.csv >series.csv
"$dg" replay -q -c shop.yaml --out csv --rows slices log.csv >slices.csv

# Every cell as text; empty and null are the same in CSV.
compare() { # compare VIEW CSV RUN
    local header cells
    header=$(head -1 "$2" | tr -d '\r')
    cells=$(tr ',' '\n' <<<"$header" | sed "s/.*/coalesce(&::text, '')/" | paste -sd,)
    psql -XqAt -v ON_ERROR_STOP=1 >"difference.$1" <<SQL
CREATE TEMP TABLE csv AS SELECT $header FROM driftgauge_view.$1 WITH NO DATA;
\copy csv FROM '$2' (FORMAT csv, HEADER)
SELECT count(*) FROM csv;
(SELECT $cells FROM csv EXCEPT ALL SELECT $cells FROM driftgauge_view.$1 WHERE run = '$3') LIMIT 2;
(SELECT $cells FROM driftgauge_view.$1 WHERE run = '$3' EXCEPT ALL SELECT $cells FROM csv) LIMIT 2;
SQL
    [ "$(wc -l <"difference.$1")" -eq 1 ] || fail "$1 of run $3 differ: $(cat "difference.$1")"
    [ "$(head -1 "difference.$1")" -gt 100 ] || fail "only $(cat "difference.$1") rows of $1"
}
for run in one three; do
    compare series series.csv $run
    compare slice slices.csv $run
done
[ "$(sql "SELECT count(*) FROM driftgauge_view.episode WHERE column_name = 'price' AND run = 'one'")" -gt 0 ] || fail "no drift was found"

written=$(sql "SELECT max(evaluated_at) FROM driftgauge_view.series")
replay --run one
[ "$written" = "$(sql "SELECT max(evaluated_at) FROM driftgauge_view.series")" ] || fail "the same replay wrote again"

sed 's/6h/12h/' shop.yaml >other.yaml && mv other.yaml shop.yaml
code=0; replay --run one 2>said || code=$?
[ $code -eq 2 ] && grep -q -- "--replace" said || fail "another configuration: code $code, $(cat said)"
compare series series.csv one
replay --run one --replace
[ "$(sql "SELECT DISTINCT window_size FROM driftgauge_view.series WHERE run = 'one'")" = 12:00:00 ] || fail "not replaced"
compare series series.csv three
code=0; PGHOST=/nowhere replay --run one 2>said || code=$?
[ $code -eq 4 ] || fail "no server: code $code, $(cat said)"
[ "$(sql "SELECT count(*) FROM driftgauge_view.run WHERE finished")" = 2 ] || fail "runs"
echo ok
