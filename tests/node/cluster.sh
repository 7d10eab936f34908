# shellcheck shell=bash
# Nodes that are namespaces of one machine, with a bridge between them, in which the etcd template's own scripts run the
# system's own etcd. Sourced by bash as root, under `unshare --mount --net`. The first argument is a directory of the
# test's, which holds for each node what it is given over ssh: NODE/given/{ca.crt,member.crt,member.key,cluster.conf}.
set -euo pipefail

stage=$1
parts=$2
export PATH=/usr/sbin:/sbin:$PATH
nodes=(core-0 core-1 core-2)
declare -A running=()

ip link set lo up
ip link add br0 type bridge
ip link set br0 up

put_away() {
    local node
    for node in "${!running[@]}"; do power_off "$node"; done
}
trap put_away EXIT

fail() {
    echo "FAILED: $*" >&2
    tail -n 15 "$stage"/core-*/log >&2
    exit 1
}

# What a node does at its boot, in namespaces of its own: $1 is its directory. The loop is systemd's Restart=always.
boot() {
    mount --bind "$1/etc" /etc
    mount --bind "$1/data" /var/lib/etcd
    mount -t tmpfs tmpfs /run
    mount -t tmpfs tmpfs /opt
    mkdir -p /opt/cloudtop
    install -m 0755 "$parts/etcd" /opt/cloudtop/etcd
    until ip link set eth0 up 2>/dev/null; do sleep 0.1; done
    ip link set lo up
    ip addr add "$(sed -n 's/^ADDRESS=//p' "$1/given/cluster.conf")/24" dev eth0
    while :; do
        /opt/cloudtop/etcd run || true
        sleep 0.5
    done
}
export -f boot
export parts

# Starts a node; what it has on its disk is what it had before.
power_on() {
    local node=$1 directory=$stage/$1 pid
    mkdir -p "$directory"/{etc,data}
    if [[ ! -e $directory/etc/passwd ]]; then
        cp -a /etc/. "$directory/etc"
        mkdir -p "$directory/etc/cloudtop"
        cp "$parts/etcd.conf" "$directory/etc/cloudtop"
        echo 'OWNER=root' >"$directory/etc/cloudtop/node.conf"
    fi
    unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private \
        bash -c 'boot "$1"' boot "$directory" >>"$directory/log" 2>&1 &
    pid=$!
    until running[$node]=$(pgrep -P "$pid"); do sleep 0.1; done
    until [[ $(readlink "/proc/${running[$node]}/ns/net") != $(readlink /proc/$$/ns/net) ]]; do sleep 0.1; done
    ip link add "v$node" type veth peer name eth0 netns "${running[$node]}"
    ip link set "v$node" master br0 up
}

# At once, as an instance that is taken away.
power_off() {
    local node=$1
    kill -KILL "${running[$node]}" 2>/dev/null || true
    unset "running[$node]"
    # The kernel takes the interface away with its namespace, in its own time.
    ip link del "v$node" 2>/dev/null || true
}

# What comes over ssh.
deliver() {
    mkdir -p "$stage/$1/etc/cloudtop/etcd"
    cp "$stage/$1"/given/* "$stage/$1/etc/cloudtop/etcd"
    chmod 0600 "$stage/$1/etc/cloudtop/etcd"/*
}

# A new instance in the old one's place: another root disk, the same address.
replace() { rm -rf "${stage:?}/$1/etc" "$stage/$1/data"; }

on() {
    local node=$1
    shift
    nsenter -t "${running[$node]}" -m -n -p "$@"
}
ctl() {
    local node=$1
    shift
    on "$node" /opt/cloudtop/etcd ctl "$@"
}
ready() { on "$1" /opt/cloudtop/etcd ready; }
state() { on "$1" cat /run/cloudtop/etcd 2>/dev/null || true; }
address() { sed -n 's/^ADDRESS=//p' "$stage/$1/given/cluster.conf"; }
id_of() { ctl "$1" --endpoints "https://$(address "$1"):2379" member list | awk -F', ' -v name="$2" '$3 == name { print $1 }'; }

# Waits until a command succeeds; it is shown when it does not.
eventually() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if "$@" >"$stage/last" 2>&1; then return; fi
        sleep 0.2
    done
    fail "not within a minute: $* ($(tail -n 1 "$stage/last"))"
}
says() { [[ $(state "$1") == *"$2"* ]]; }
all_ready() {
    local node
    for node in "${nodes[@]}"; do eventually ready "$node"; done
}
