# A Java server of its own in a directory: what kafka.sh and registry.sh share; not to be run.
# Both set: home (where the program is), heap, archive, mark (a text of the server's command line), own_files,
# started (what its log says when it serves), install (what install_server takes), and define usage, create, serve, and
# own_command for the commands that they do not share; dir is where the server runs. They end with: command_line "$@"

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

find_java() {
    java=${JAVA_HOME:+$JAVA_HOME/bin/java}
    [ -n "$java" ] || java=$(command -v java) || return 1
    [ -x "$java" ]
}

# What an installation was made of: a changed pom.xml or another Java makes a new one.
fingerprint() {
    echo "$(sha256sum <"$1" | cut -c 1-64) $("$java" -version 2>&1 | sed -n 2p)"
}

# install_server POM GOAL [property...]: a Java runtime and Maven if missing, then what POM names, into home.
install_server() {
    local pom=$1 goal=$2
    shift 2
    find_java || install_packages openjdk-17-jre-headless
    command -v mvn >/dev/null || install_packages openjdk-17-jre-headless maven
    find_java || fail "Java was installed, but there is no java on the PATH"
    if [ "$(cat "$home/installed" 2>/dev/null)" = "$(fingerprint "$pom")" ]; then
        return
    fi
    rm -rf "$home/program" "$home/markers" "$home/classes.jsa" "$home/installed"
    mkdir -p "$home"
    home=$(cd "$home" && pwd)
    say "fetching into $home"
    mvn -q -B -f "$pom" "$goal" "-DoutputDirectory=$home/program" \
        "-DmarkersDirectory=$home/markers" "$@" 2>&1 | sed 's/\x1b\[[0-9;]*m//g' >&2 ||
        fail "Maven could not fetch what $pom names (see above)"
    # The first run writes an archive of the classes it loaded; later ones start in half the time.
    dir=$home/first
    archive=-XX:ArchiveClassesAtExit=$home/classes.jsa
    start
    stop
    archive=$(shared_archive)
    drop
    fingerprint "$pom" >"$home/installed"
}

installed() {
    find_java && [ -f "$home/installed" ]
}

need_java() {
    find_java && [ -d "$home/program" ] ||
        fail "nothing installed in $home; fetch it: scripts/$(basename "$0") install"
}

# An archive that does not fit this Java is passed over without a word, as is one that is not there.
shared_archive() {
    echo "-XX:SharedArchiveFile=$home/classes.jsa"
}

# Little memory and a quick start. Sets java_command; the rest of the command line is the caller's.
set_java_command() {
    java_command=("$java" "-Xmx$heap" -Xms64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData
        -Xshare:auto "$archive" -Xlog:disable -Xlog:all=error:stderr -Djava.net.preferIPv4Stack=true)
}

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# choose_port [OTHER...]: a free port that is none of OTHER, below the range that the kernel gives to
# outgoing connections (32768 and up).
choose_port() {
    local port tries=0
    while [ $((tries++)) -lt 100 ]; do
        port=$((20000 + RANDOM % 12000))
        if [[ " $* " != *" $port "* ]] && port_is_free "$port"; then
            echo "$port"
            return
        fi
    done
    fail "found no free port between 20000 and 31999"
}

# Pids are used again: it is this directory's server only if it runs here and is the right program.
running() {
    pid=$(cat "$dir/pid" 2>/dev/null) && [ -n "$pid" ] &&
        [ "$(readlink "/proc/$pid/cwd")" = "$dir" ] &&
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$mark"
}

# True while any thread of a process runs: only then are its ports and files free for the next one.
alive() {
    grep -qvE '\) [ZX] ' "/proc/$1"/task/*/stat 2>/dev/null
}

# launch ARG...: java with ARG, in dir. A session of its own and closed descriptors: neither a
# caller's Ctrl-C nor its pipes reach the server.
launch() {
    set_java_command
    # Emptied here and not by the child: the last run's log must not pass for this one's readiness.
    cat server.log >>server.log.old 2>/dev/null || true
    : >server.log
    setsid "${java_command[@]}" "$@" </dev/null >>server.log 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    echo $! >pid
    disown
    local tries=0
    until grep -qE "$started" server.log; do
        if ! alive "$(cat pid)" || [ $((tries++)) -gt 1200 ]; then
            grep -E 'ERROR|FATAL|Exception|Error' server.log | head -5 >&2 || tail -5 server.log >&2
            fail "the server did not start; its log is $dir/server.log"
        fi
        sleep 0.1
    done
}

# start: calls create where nothing is there yet, then serve. One at a time in a directory.
start() {
    need_java
    mkdir -p "$dir"
    enter_directory
    exec 9>lock
    flock 9
    running && return
    [ -f server.properties ] || create
    serve
}

enter_directory() {
    [ -d "$dir" ] || fail "no directory $dir"
    cd "$dir"
    dir=$(pwd -P)
}

# stop [--crash]: a server that does not end within half a minute is killed.
stop() {
    [ -d "$dir" ] || return 0
    enter_directory
    running || return 0
    local signal=TERM tries=0
    [ "${1:-}" = --crash ] && signal=KILL
    kill -s "$signal" "$pid" 2>/dev/null || true
    while alive "$pid"; do
        [ $((tries++)) -eq 300 ] && kill -s KILL "$pid" 2>/dev/null
        [ $tries -lt 400 ] || fail "process $pid does not end"
        sleep 0.1
    done
    rm -f pid
}

# drop: only what the server made; a directory that holds anything else stays.
drop() {
    [ -d "$dir" ] || return 0
    stop --crash
    rm -rf data lock pid server.properties server.log server.log.old "${own_files[@]}"
    cd /
    rmdir "$dir" 2>/dev/null || true
}

# port: of the server in dir, from the line of its properties that ends in it.
port() {
    [ -f "$dir/server.properties" ] || fail "no server in $dir; make one: scripts/$(basename "$0") start $dir"
    sed -n "s|^$1=.*[^0-9]||p; s|^$1=||p" "$dir/server.properties"
}

wrong_usage() {
    usage >&2
    exit 2
}

# command_line COMMAND [DIR [arg...]]
command_line() {
    case ${1:-} in
    -h | --help) usage ;;
    install) install_server "${install[@]}" ;;
    installed) installed ;;
    *)
        [ $# -ge 2 ] || wrong_usage
        dir=$2
        case $1 in
        stop) stop "${3:-}" ;;
        drop) drop ;;
        *) own_command "$@" ;;
        esac
        ;;
    esac
}
