# shellcheck shell=bash
# A stage for the scripts that run on nodes: a mount namespace with files, device names and loop devices of its own, in
# which the very scripts of the templates run as they do on a node. Sourced by bash as root, under `unshare --mount`.
set -euo pipefail

stage=$1
parts=$2
# What a scene puts into bin stands in for a program of the machine.
export PATH=$stage/bin:/usr/sbin:/sbin:$PATH

mkdir -p "$stage"/{etc,dev,run,opt,disks,home,bin,mnt,lib}
cp -a /etc/. "$stage/etc"
cp -a --one-file-system /dev/. "$stage/dev"
for place in etc dev run opt mnt; do mount --bind "$stage/$place" "/$place"; done
mount --bind "$stage/lib" /var/lib
mkdir -p /opt/cloudtop /etc/cloudtop /dev/disk/by-id
cp "$parts"/{volume,ephemeral,interrupt,idle,tools} /opt/cloudtop

# A loop device that the kernel has made just now has no node in the stage's own /dev; one that a scene has torn off has lost it.
named() { [[ -b $1 ]] || mknod "$1" b 7 "${1#/dev/loop}"; }

loops=() servers=()
put_away() {
    local loop
    ((${#servers[@]} == 0)) || kill "${servers[@]}"
    for place in /var/lib/docker /var/lib/containerd /mnt/ephemeral "$stage/home/persistent"; do
        ! mountpoint -q "$place" || umount -R "$place"
    done
    for loop in "${loops[@]}"; do
        named "$loop"
        losetup -d "$loop" || true
    done
}
trap put_away EXIT

# Makes a disk of so many MiB out of a file of this name, or takes the file as it is, and prints nothing: the disk is $disk.
disk() {
    local file=$stage/disks/$1
    [[ -e $file ]] || truncate -s "${2}M" "$file"
    disk=$(losetup --find)
    named "$disk"
    losetup "$disk" "$file"
    loops+=("$disk")
}

# Gives the disk the name that EC2's volume has on NVMe types.
attach_as() { ln -sfn "$disk" "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${1/-/}"; }

# What the template writes for the node.
promise() {
    cat >/etc/cloudtop/node.conf <<CONF
OWNER=nobody
VOLUME_ID=$1
DEVICE=/dev/sdj
MOUNT=$stage/home/persistent
CONF
}

# A program of this name that does what is written to it.
stand_in() {
    cat >"$stage/bin/$1"
    chmod +x "$stage/bin/$1"
}

# A metadata service that says what is in the files of $stage/says.
metadata() {
    ip link set lo up
    ip address add 169.254.169.254/32 dev lo
    mkdir "$stage/says"
    python3 "$1/imds.py" "$stage/says" &
    servers+=($!)
    until curl -s -o /dev/null http://169.254.169.254/; do :; done
}

volume() { bash /opt/cloudtop/volume; }
state() { cat /run/cloudtop/volume; }
sum() { sha256sum <"$disk"; }
# shellcheck disable=SC2034 # scenes name it
home=$stage/home/persistent
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
