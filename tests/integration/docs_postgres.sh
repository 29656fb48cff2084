#!/usr/bin/env bash
# Goal: every command and query of docs/POSTGRES.md works. Method: the sh blocks are run in order on
# a private server, then results are written and the sql blocks are run as Grafana would run them,
# as the reader, with its macros filled in; a query must answer with at least one row.
# usage: with_postgres.sh docs_postgres.sh TEST_POSTGRES_SINK
set -euo pipefail
export LC_ALL=C.UTF-8
sink=$1
text=$DG_SOURCE_DIR/docs/POSTGRES.md
work=$DG_PG_DIR
mkdir "$work/bin"
ln -s "$DG_BINARY" "$work/bin/driftgauge"
export PATH="$work/bin:$PATH"

blocks() { # blocks LANGUAGE: as NUL-terminated texts
    awk -v open="\`\`\`$1" '$0 == open {inside = 1; next} /^```/ {if (inside) printf "%c", 0; inside = 0} inside' "$text"
}
failed=0 shells=0 queries=0
cd "$work"
ln -s "$DG_SOURCE_DIR/scripts" scripts
while IFS= read -r -d '' block; do
    shells=$((shells + 1))
    # The page's own server would outlive the test: the one that is there stands in for it.
    block=${block//\/tmp\/dg-try/$DG_PG_DIR}
    if ! bash -euo pipefail -c "$block" >"$work/said" 2>&1; then
        printf 'FAILED:\n%s\n' "$block"
        cat "$work/said"
        failed=1
    fi
done < <(blocks sh)

"$sink" seed
while IFS= read -r -d '' query; do
    queries=$((queries + 1))
    filled=$(sed -E "s/\\\$__timeFilter\(([a-z]+)\)/\1 BETWEEN '2019-12-31T00:00:00Z' AND '2020-01-02T00:00:00Z'/g
                     s/\\$\{monitor:sqlstring\}/'credit risk'/g; s/\\$\{run:sqlstring\}/'first'/g
                     s/\\$\{column:sqlstring\}/'price'/g" <<<"$query")
    rows=$(PGUSER=driftgauge_reader psql -XqAt -v ON_ERROR_STOP=1 -c "$filled" 2>&1) || rows="FAILED $rows"
    if [ -z "$rows" ] || [[ $rows == FAILED* ]]; then
        printf '%s\nno row: %s\n' "$filled" "$rows"
        failed=1
    fi
done < <(blocks sql)
echo "$shells command blocks, $queries queries"
[ "$shells" -ge 5 ] && [ "$queries" -ge 9 ] && exit $failed
exit 1
