#!/usr/bin/env bash
# The Python that tests and benches use as an independent judge, with pinned versions:
#   scripts/python.sh            make the environment if need be, print its interpreter
#   scripts/python.sh --peers    the same with the monitoring libraries that benches compare with
# It lies in build/python (or $DG_PYTHON_DIR), not in the system.
set -euo pipefail
cd "$(dirname "$0")/.."
name=oracle
[ "${1:-}" = --peers ] && name=peers
dir=${DG_PYTHON_DIR:-build/python}/$name
wanted=tests/python/$name.txt
if ! cmp -s "$wanted" "$dir/installed.txt"; then
    echo "== making the Python environment $dir" >&2
    rm -rf "$dir"
    mkdir -p "$(dirname "$dir")"
    python3 -m venv "$dir"
    "$dir/bin/pip" install -q --disable-pip-version-check -r "$wanted" >&2 || {
        rm -rf "$dir"
        echo "python.sh: pip could not install $wanted: see its message above. Behind a proxy or beside a" \
            "mirror set https_proxy, PIP_INDEX_URL, PIP_CERT as pip wants them" >&2
        exit 1
    }
    cp "$wanted" "$dir/installed.txt"
fi
echo "$PWD/$dir/bin/python" | sed "s#^$PWD//#/#"
