# What the scripts share: saying what happens, and getting system packages. To be sourced, not run.
# shellcheck shell=bash

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
give_up() { printf 'parla: %s\n' "$*" >&2; exit 1; }

# need COMMAND WHERE-TO-GET-IT
need() { command -v "$1" >/dev/null || give_up "$1 is missing: install $2 and try again"; }

# Runs a command as root, by sudo where one is needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else give_up "cannot install packages: run as root once, or install sudo ($*)"
    fi
}

# install_packages PACKAGE… — Debian and Ubuntu; says first what it is about to install.
install_packages() {
    command -v apt-get >/dev/null || give_up "please install these packages by hand: $*"
    say "installing from the system's packages: $*"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Rust links with the system's C compiler, and SQLite is compiled by it.
install_compiler() { command -v cc >/dev/null || install_packages gcc libc6-dev; }

# Node.js 20 with npm runs the client's and the page's tests.
need_node() {
    local get="Node.js 20 or newer is needed, with npm: https://nodejs.org"
    if command -v apt-get >/dev/null; then get="$get, or: sudo apt-get install nodejs npm"; fi
    command -v node >/dev/null && command -v npm >/dev/null || give_up "$get"
    [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || give_up "$get (this is $(node --version))"
}

# Names the browser for the tests, by CHROMIUM; fails when there is none.
find_browser() {
    for browser in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
        CHROMIUM=$(command -v "$browser") && export CHROMIUM && return
    done
    return 1
}

has_espeak() {
    # The library may lie outside the loader's cache: Homebrew's places count too.
    # The whole list is read: a pipe that is closed early fails under pipefail.
    [[ "$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null)" == *libespeak-ng.so.1* ]] ||
        ls /opt/homebrew/lib/libespeak-ng.1.dylib /usr/local/lib/libespeak-ng.1.dylib >/dev/null 2>&1
}

has_pocketsphinx() {
    [[ "$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null)" == *libpocketsphinx.so.3* ]] &&
        [ -d /usr/share/pocketsphinx/model/en-us ]
}

install_pocketsphinx() { has_pocketsphinx || install_packages libpocketsphinx3 pocketsphinx-en-us; }

# Understanding spoken English without any service is worth a question, and no more than one.
offer_pocketsphinx() {
    if has_pocketsphinx || ! command -v apt-get >/dev/null; then return; fi
    if [ -t 0 ] && [ -t 1 ]; then
        read -r -p "Understand spoken English, too? Installs PocketSphinx, 40 MB [y/N] " answer || true
        case "${answer:-}" in [yY]*) install_pocketsphinx && return ;; esac
    fi
    say "to speak to parla in English lessons: apt install libpocketsphinx3 pocketsphinx-en-us, or scripts/run --ears"
}

install_espeak() {
    has_espeak && return
    if command -v brew >/dev/null; then
        say "installing by Homebrew: espeak-ng"
        brew install --quiet espeak-ng
    else
        install_packages espeak-ng
    fi
}
