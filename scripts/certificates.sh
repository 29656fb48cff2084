#!/usr/bin/env bash
# Throw-away certificates for tests of TLS, in PEM, valid from now on for two days. Protects nothing.
#
#   scripts/certificates.sh authority DIR NAME               DIR/NAME.pem and its key DIR/NAME.key
#   scripts/certificates.sh issue DIR AUTHORITY NAME [ALT [DAYS]]
#                                                            DIR/NAME.pem and DIR/NAME.key, signed by AUTHORITY;
#                                                            ALT: DNS:localhost,IP:127.0.0.1; none: a client's
#                                                            DAYS -1: it expired yesterday
#
# The key has no pass phrase and is readable for its owner only. The subject is CN=NAME.
set -euo pipefail
export LC_ALL=C.UTF-8

usage() {
    sed -n '2,10p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
}

# quiet COMMAND...: its words only if it fails.
quiet() {
    local words
    words=$("$@" 2>&1) || {
        echo "$words" >&2
        return 1
    }
}

make_key() {
    (umask 077 && quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key")
}

authority() {
    mkdir -p "$1"
    make_key "$1/$2"
    quiet openssl req -x509 -new -key "$1/$2.key" -subj "/CN=$2" -days 2 -out "$1/$2.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

issue() {
    local dir=$1 by=$2 name=$3 alt=${4:-} days=${5:-2} usage=clientAuth
    make_key "$dir/$name"
    [ -z "$alt" ] || usage=serverAuth
    quiet openssl req -new -key "$dir/$name.key" -subj "/CN=$name" -out "$dir/$name.request"
    {
        echo basicConstraints=CA:FALSE
        echo extendedKeyUsage=$usage
        [ -z "$alt" ] || echo "subjectAltName=$alt"
    } >"$dir/$name.extensions"
    quiet openssl x509 -req -in "$dir/$name.request" -CA "$dir/$by.pem" -CAkey "$dir/$by.key" -days "$days" \
        -set_serial "0x$(openssl rand -hex 16)" -extfile "$dir/$name.extensions" -out "$dir/$name.pem"
    rm -f "$dir/$name.request" "$dir/$name.extensions"
}

case "${1:-} $#" in
"-h 1" | "--help 1") usage ;;
"authority 3") authority "${@:2}" ;;
"issue "[456]) issue "${@:2}" ;;
*)
    usage >&2
    exit 2
    ;;
esac
