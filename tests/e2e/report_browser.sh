#!/usr/bin/env bash
# Does a real browser show the report? usage: report_browser.sh REPORT_SAMPLE
# Headless Chromium loads sample pages; what it built of them is read back. Without one: exit 77.
set -euo pipefail
sample=$1
browser=
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then
    browser=$name
    break
  fi
done
if [ -z "$browser" ]; then
  echo "skipped: no chromium is installed"
  exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
  echo "FAILED: $1"
  failed=1
}

# dom PAGE: the document after its script ran; what the console said goes to PAGE.log
dom() {
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$dir/profile" --enable-logging=stderr --virtual-time-budget=2000 \
    --dump-dom "file://$1" 2>"$1.log"
}

"$sample" "$dir/plain.html"
"$sample" "$dir/hostile.html" "$dir/hostile.json" "$dir/hostile.ndjson" hostile=1

dom "$dir/plain.html" >"$dir/plain.dom"
grep -q 'CONSOLE' "$dir/plain.html.log" && fail "the console complains: $(grep -m1 CONSOLE "$dir/plain.html.log")"
grep -q 'id="tools">' "$dir/plain.dom" || fail "the script did not run: the filter stays hidden"
[ "$(grep -o '<tr class="f"' "$dir/plain.dom" | wc -l)" = 12 ] || fail "not 12 rows"

dom "$dir/hostile.html" >"$dir/hostile.dom"
grep -q 'CONSOLE' "$dir/hostile.html.log" && fail "the console complains about hostile names"
[ "$(grep -o '<script' "$dir/hostile.dom" | wc -l)" = 2 ] || fail "a name became a script"
grep -Eq '<(img|svg) [^>]*on[a-z]+=' "$dir/hostile.dom" && fail "a name became a handler"

# Had a script got in all the same, the page's policy would stop it.
sed 's#</main>#<script>document.title = "owned"</script></main>#' "$dir/plain.html" >"$dir/owned.html"
dom "$dir/owned.html" | grep -q '<title>owned' && fail "the policy lets a foreign script run"

# Filter, sort and expand, by a script of ours in a copy without the policy.
cat >"$dir/drive.js" <<'EOF'
var rows = function () { return [].filter.call(document.querySelectorAll('tr.f'), function (r) { return !r.hidden; }); };
var names = function () { return rows().map(function (r) { return r.querySelector('bdi').textContent; }); };
var said = [names()[0]];
document.querySelectorAll('#table thead button')[0].click();
said.push(names()[0]);
document.querySelectorAll('#table thead button')[8].click();
said.push(names()[0]);
var only = document.getElementById('only');
only.value = 'd';
only.onchange();
said.push(rows().length);
only.value = '';
document.getElementById('filter').value = 'debt';
document.getElementById('filter').oninput();
said.push(names().join());
var row = rows()[0], panel = row.nextElementSibling;
said.push(getComputedStyle(panel).display);
row.cells[1].click();
said.push(getComputedStyle(panel).display);
document.title = said.join(' ');
EOF
sed -e '/Content-Security-Policy/d' "$dir/plain.html" >"$dir/driven.html"
printf '<script>%s</script>' "$(cat "$dir/drive.js")" >>"$dir/driven.html"
title=$(dom "$dir/driven.html" | grep -o '<title>[^<]*' | head -1)
want='<title>income accounts_open loan_amount 2 debt_ratio none table-row'
[ "$title" = "$want" ] || fail "driven: got $title, want $want"

[ $failed = 0 ] && echo "the browser shows what it should"
exit $failed
