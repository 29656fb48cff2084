#!/usr/bin/env bash
# A private, throw-away PostgreSQL: one cluster, on a Unix socket only, in a directory of its own.
#
#   scripts/postgres.sh start DIR [--durable]   create it if need be, start it, make database driftgauge
#   eval "$(scripts/postgres.sh env DIR)"       PGHOST, PGPORT, PGUSER, PGDATABASE for psql and driftgauge
#   scripts/postgres.sh stop DIR [--crash]      stop it; start brings the same data back
#   scripts/postgres.sh drop DIR                stop it and delete its data
#
# No password, no TCP port: who may enter the socket's directory (mode 0700) may connect. Started by
# root, the server runs as postgres (or nobody), since PostgreSQL refuses root. Without --durable it
# does not wait for the disk: quick, for tests and for trying things, not for data that matters.
set -euo pipefail
export LC_ALL=C

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,9p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
}

# The newest server of the machine, unless PG_BINDIR names one.
find_server() {
    local candidate best=""
    if [ -n "${PG_BINDIR:-}" ]; then
        [ -x "$PG_BINDIR/initdb" ] || fail "PG_BINDIR=$PG_BINDIR has no initdb"
        bindir=$PG_BINDIR
        return
    fi
    while IFS= read -r candidate; do
        [ -x "$candidate/initdb" ] && best=$candidate
    done < <(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin 2>/dev/null | sort -V)
    if [ -z "$best" ] && command -v initdb >/dev/null; then
        best=$(dirname "$(readlink -f "$(command -v initdb)")")
    fi
    [ -n "$best" ] || fail "no PostgreSQL server found; install it (Debian, Ubuntu: apt-get install postgresql) or set PG_BINDIR"
    bindir=$best
}

choose_user() {
    server_user=$(id -un)
    if [ "$(id -u)" -eq 0 ]; then
        server_user=""
        local name
        for name in postgres nobody; do
            if getent passwd "$name" >/dev/null; then
                server_user=$name
                break
            fi
        done
        [ -n "$server_user" ] || fail "PostgreSQL does not run as root and there is no user postgres or nobody"
    fi
}

as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && setpriv --reuid "$server_user" --regid "$(id -g "$server_user")" --clear-groups -- "$@")
    else
        "$@"
    fi
}

# Server files live in a short private directory below TMPDIR: a socket's path may have 107 bytes,
# and the server's user need not be able to enter DIR. DIR remembers where it is.
make_home() {
    mkdir -p "$dir"
    home=$(mktemp -d "${TMPDIR:-/tmp}/driftgauge-pg.XXXXXX")
    if [ "${#home}" -gt 80 ]; then
        rmdir "$home"
        home=$(mktemp -d /tmp/driftgauge-pg.XXXXXX)
    fi
    if [ "$(id -u)" -eq 0 ]; then
        chown "$server_user:" "$home"
    fi
    as_server "$bindir/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-instructions \
        >"$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        rm -rf "$home"
        fail "initdb failed"
    }
    echo "$home" >"$dir/home"
}

read_home() {
    [ -f "$dir/home" ] || return 1
    home=$(cat "$dir/home")
    [ -d "$home/data" ]
}

running() {
    as_server "$bindir/pg_ctl" -D "$home/data" status >/dev/null 2>&1
}

start() {
    read_home || make_home
    running && return
    local settings="-c listen_addresses= -c unix_socket_directories=$home -c unix_socket_permissions=0700"
    settings+=" -c timezone=UTC -c log_timezone=UTC -c shared_buffers=128MB -c max_wal_size=4GB"
    if [ "${1:-}" != --durable ]; then
        settings+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    fi
    # Descriptors 3 to 9 stay closed: a server that inherits a caller's pipe would hold it open.
    as_server "$bindir/pg_ctl" -D "$home/data" -l "$home/log" -w -t 60 -o "$settings" start \
        >/dev/null 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- || {
        tail -20 "$home/log" >&2 2>/dev/null || true
        fail "the server did not start; its log is $home/log"
    }
    if ! "$bindir/psql" -h "$home" -U postgres -d driftgauge -qAtc '' >/dev/null 2>&1; then
        "$bindir/createdb" -h "$home" -U postgres driftgauge
    fi
}

stop() {
    read_home || return 0
    running || return 0
    local mode=fast
    [ "${1:-}" = --crash ] && mode=immediate
    as_server "$bindir/pg_ctl" -D "$home/data" -m "$mode" -w -t 60 stop >/dev/null
}

if [ $# -ge 1 ] && { [ "$1" = -h ] || [ "$1" = --help ]; }; then
    usage
    exit 0
fi
if [ $# -lt 2 ]; then
    usage >&2
    exit 2
fi
dir=$2
find_server
choose_user
case $1 in
start) start "${3:-}" ;;
stop) stop "${3:-}" ;;
drop)
    stop --crash
    if read_home; then
        rm -rf "$home"
    fi
    rm -f "$dir/home" "$dir/initdb.log"
    rmdir "$dir" 2>/dev/null || true
    ;;
env)
    read_home || fail "no cluster in $dir; start it first: scripts/postgres.sh start $dir"
    printf 'export PGHOST=%q PGPORT=5432 PGUSER=postgres PGDATABASE=driftgauge\n' "$home"
    printf 'export PATH=%q:"$PATH"\n' "$bindir"
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
