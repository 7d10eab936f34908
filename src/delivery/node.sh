#!/bin/sh
# Takes files from cloudtop: as root, with the login user's home directory as $1. What is said on standard input is in
# docs/secrets.md. Exit status 3: a file cannot be written; 4: the command afterwards failed. The last line of output says why.
set -eu
umask 077
home=$1
kept=${CLOUDTOP_KEPT:-/var/lib/cloudtop}
temp=

trap '[ -z "$temp" ] || rm -f "$temp"' EXIT

fail() {
    echo "$2"
    exit "$1"
}

whole() {
    case $1 in
    \~/*) echo "$home/${1#\~/}" ;;
    *) echo "$1" ;;
    esac
}

# Directories that are missing: below the home for its user alone, elsewhere for everybody to pass through.
directories() {
    [ -n "$1" ] && [ ! -d "$1" ] || return 0
    directories "${1%/*}" "$2"
    case $1 in
    "$home"/*) mkdir -m 700 "$1" && chown "$2" "$1" ;;
    *) mkdir -m 755 "$1" ;;
    esac
}

# The old content or the new, never half of either, and no moment in which others may read it.
put() {
    case $2 in
    *:*) owner=$2 ;;
    *) owner=$2: ;;
    esac
    path=$(whole "$3")
    id -u "${2%%:*}" >/dev/null 2>&1 || fail 3 "$path: there is no user ${2%%:*} here"
    [ ! -d "$path" ] || fail 3 "$path is a directory"
    why=$(directories "${path%/*}" "$owner" 2>&1) || fail 3 "$path: $why"
    temp=$(mktemp "${path%/*}/.cloudtop.XXXXXX" 2>&1) || { why=$temp temp=; fail 3 "$path: $why"; }
    why=$({
        chown "$owner" "$temp" && chmod "$1" "$temp" && printf %s "$4" | base64 -d >"$temp" && sync "$temp" &&
            mv -f "$temp" "$path" && sync "${path%/*}/"
    } 2>&1) || fail 3 "$path: $why"
    temp=
}

# What lies here as it was delivered, and whether the command afterwards is still to be run.
have() {
    [ ! -e "$kept/change" ] || echo change
    [ -e "$kept/delivered" ] || return 0
    while read -r digest path; do
        [ ! -f "$(whole "$path")" ] || echo "has $digest $path"
    done <"$kept/delivered"
}

finish() {
    [ -e "$kept/change" ] || return 0
    command=$(printf %s "$1" | base64 -d)
    # Not caught by the shell: what the command leaves running would keep its output open.
    (umask 022 && exec sh -c "$command") >"$kept/said" 2>&1 </dev/null || {
        code=$?
        why=$(tail -n 1 "$kept/said")
        fail 4 "${why:-it ended with $code}"
    }
    rm -f "$kept/change" "$kept/said"
}

[ -d "$kept" ] || mkdir -p "$kept"
: >"$kept/delivered.new"
while read -r verb a b c; do
    case $verb in
    have) have ;;
    change) : >"$kept/change" && sync "$kept/change" ;;
    file) read -r data && put "$a" "$b" "$c" "$data" ;;
    record) echo "$a $b${c:+ $c}" >>"$kept/delivered.new" ;;
    recorded) sync "$kept/delivered.new" && mv -f "$kept/delivered.new" "$kept/delivered" ;;
    done) finish "$a" ;;
    end) exit 0 ;;
    esac
done
fail 3 "the connection ended in the middle"
