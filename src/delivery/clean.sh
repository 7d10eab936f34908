#!/bin/sh
# Takes from a node what is its own, so that many can be launched from an image of it: as root, with the login user's home
# directory as $1. docs/images.md says what that is. On standard input, one a line:
#
#   tools        wait first until the template's tools are there
#   gone PATH    a file of the user's own that is to go, too
#   end          begin
#
# The last line is `clean`, once nothing of it is found any more. Exit status 5: the tools failed, and nothing was touched;
# 3: something could not be taken away, which the last line names.
set -eu
home=$1
# A test's own.
root=${CLOUDTOP_ROOT:-}

# Something about the machine that runs, which a test's directory is not.
live() { [ -n "$root" ] || "$@" >/dev/null 2>&1 || true; }

fail() {
    echo "$2"
    exit "$1"
}

# Whoever has a home here, other than the services of the distribution.
homes() {
    awk -F: '($3 == 0 || $3 >= 1000) && $3 != 65534 && $6 ~ "^/." { print $6 }' "$root/etc/passwd" | sort -u
}

whole() {
    # shellcheck disable=SC2088 # it is what was said
    case $1 in
    '~/'*) echo "$root$home/${1#'~/'}" ;;
    *) echo "$root$1" ;;
    esac
}

# /etc/cloudtop/tools lists them, and /run/cloudtop/tools says what came of each.
wait_for_tools() {
    [ -e "$root/etc/cloudtop/tools" ] || return 0
    said=$root/run/cloudtop/tools left=${WAIT:-3600}
    until grep -qs '^state done$' "$said"; do
        [ "$left" -gt 0 ] || fail 5 "its tools are not there after ${WAIT:-3600} s"
        sleep 1
        left=$((left - 1))
    done
    failed=$(sed -n 's/^failed //p' "$said" | head -n 1)
    [ -z "$failed" ] || fail 5 "a tool failed: $failed"
}

# What was put here for this node by its user data, which does so again on each machine, and what would write on.
own_services() {
    live systemctl stop 'cloudtop-*' systemd-random-seed.service rsyslog.service
    find "$root/etc/systemd/system" -name 'cloudtop-*' -exec rm -f {} + 2>/dev/null || true
    rm -f "$root"/etc/udev/rules.d/*-cloudtop-*
    rm -rf "$root/etc/cloudtop" "$root/opt/cloudtop" "$root/var/lib/cloudtop" "$root/var/log/cloudtop" "$root/run/cloudtop"
    # What a member of a cluster is known by.
    rm -rf "$root/var/lib/etcd" "$root/var/lib/rancher/k3s" "$root/etc/rancher"
    live systemctl daemon-reload
}

# Keys of programs that many have, by where they keep them in a home.
SECRETS='.ssh .gnupg .aws .azure .config/gcloud .config/gh .config/glab-cli .config/hub .config/rclone .config/containers
.docker/config.json .kube .netrc .git-credentials .config/git/credentials .npmrc .yarnrc.yml .pypirc .config/pip/pip.conf
.cargo/credentials .cargo/credentials.toml .gem/credentials .m2/settings.xml .gradle/gradle.properties .terraform.d
.terraformrc .vault-token .pgpass .my.cnf .s3cfg .boto .password-store .local/share/keyrings .claude .codex .config/op'
HISTORIES='.bash_history .zsh_history .local/share/fish/fish_history .python_history .node_repl_history .psql_history
.mysql_history .sqlite_history .rediscli_history .lesshst .viminfo .wget-hsts .sudo_as_admin_successful'

people() {
    homes | while read -r one; do
        for path in $SECRETS $HISTORIES; do rm -rf "$root$one/${path:?}"; done
    done
}

delivered() {
    printf '%s' "$gone" | while read -r path; do
        [ -z "$path" ] || rm -f "$(whole "$path")"
    done
}

# What a machine is known by: two with the same would take each other's addresses, or be taken for each other.
identity() {
    rm -f "$root"/etc/ssh/ssh_host_*
    # Empty, and not gone: systemd then makes one at the first boot.
    : >"$root/etc/machine-id"
    [ -L "$root/var/lib/dbus/machine-id" ] || rm -f "$root/var/lib/dbus/machine-id"
    rm -f "$root/var/lib/systemd/random-seed" "$root/var/lib/systemd/credential.secret"
    rm -rf "$root/var/lib/amazon/ssm" "$root/var/lib/dhcp" "$root/var/lib/NetworkManager"
    [ ! -e "$root/var/lib" ] || mkdir -p "$root/var/lib/dhcp"
}

# cloud-init then takes the next boot for a first one. Its user data, which it keeps, may have anything in it.
first_boot() {
    live cloud-init clean --logs
    find "$root/var/lib/cloud" -mindepth 1 -maxdepth 1 ! -name seed ! -name scripts -exec rm -rf {} + 2>/dev/null || true
    rm -f "$root"/var/log/cloud-init*
}

logs() {
    live journalctl --rotate
    rm -rf "$root/var/log/journal" "$root/var/log/amazon"
    find "$root/var/log" -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.[0-9]' -o -name '*.old' \) -delete
    find "$root/var/log" -type f -exec sh -c 'for one; do : >"$one"; done' sh {} +
    # Not mounted ones, which are no part of an image.
    find "$root/tmp" "$root/var/tmp" -xdev -mindepth 1 -delete 2>/dev/null || true
    rm -rf "$root"/var/mail/* "$root"/var/crash/*
}

# Looks for all of it once more, in the words of what must not be in an image rather than of what was done.
look() {
    found=
    for path in "$root"/etc/ssh/ssh_host_* "$root"/etc/cloudtop "$root"/opt/cloudtop "$root"/var/lib/cloudtop \
        "$root"/var/lib/cloud/instance "$root"/var/lib/cloud/instances "$root"/etc/systemd/system/cloudtop-* \
        "$root"/var/log/journal "$root"/var/lib/etcd "$root"/etc/rancher; do
        [ ! -e "$path" ] || found=$path
    done
    [ ! -s "$root/etc/machine-id" ] || found=$root/etc/machine-id
    for one in $(homes); do
        for path in $SECRETS $HISTORIES; do
            [ ! -e "$root$one/$path" ] || found=$root$one/$path
        done
    done
    # Wherever in a home somebody has put it. What is deeper may be of a repository's tests.
    keys=$(find "$root/home" "$root/root" -xdev -maxdepth 4 -type f \
        \( -name authorized_keys -o -name id_rsa -o -name id_ecdsa -o -name id_ed25519 \) 2>/dev/null | head -n 1)
    found=${keys:-$found}
    [ -z "$found" ] || fail 3 "${found#"$root"} is still there"
}

tools='' gone=''
while read -r verb rest; do
    case $verb in
    tools) tools=yes ;;
    gone)
        gone="$gone$rest
"
        ;;
    end) break ;;
    esac
done
[ "$verb" = end ] || fail 3 "the connection ended in the middle"
[ -z "$tools" ] || wait_for_tools
delivered
own_services
identity
first_boot
logs
# The keys last: with them goes the way to log in here.
people
look
sync
echo clean
