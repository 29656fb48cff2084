# Shared by the scripts of this directory; not to be run.

say() { printf '== %s\n' "$*" >&2; }

# Run as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        echo "need root to install packages: run this as root, or install sudo" >&2
        exit 1
    fi
}

# install_packages NAME...: those that are missing, by apt.
install_packages() {
    local missing=() p
    for p in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2> /dev/null || true)" = installed ] || missing+=("$p")
    done
    if [ ${#missing[@]} = 0 ]; then
        return
    fi
    command -v apt-get > /dev/null || { echo "no apt-get: install the equivalents of: ${missing[*]}" >&2; exit 1; }
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

# What building and running needs.
build_packages=(gcc libc6-dev make cmake ninja-build pkg-config git ca-certificates
    libgsl-dev libavro-dev libpq-dev libyaml-dev libjansson-dev zlib1g-dev libzstd-dev
    libsnappy-dev libxxhash-dev libssl-dev libsasl2-dev liblzma-dev
    librdkafka-dev libcurl4-openssl-dev libmicrohttpd-dev)

# build PRESET: configure and compile. Warnings are errors in the gate, where the compilers are known.
build() {
    local werror=OFF
    [ "${CI:-}" = true ] && werror=ON
    say "building ($1)"
    cmake --preset "$1" -DDG_WERROR=$werror > /dev/null
    cmake --build --preset "$1"
}
