#!/usr/bin/env bash
# Live = replay, on a real broker and a real PostgreSQL; see the .py beside.
set -euo pipefail
exec "$DG_SOURCE_DIR/tests/integration/with_servers.sh" python3 "$DG_SOURCE_DIR/tests/e2e/live_equals_replay.py"
