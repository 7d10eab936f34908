"""The script that mounts the instance store, on real file systems on loop devices. Arrays of mdadm's need a kernel with md."""

import pytest

from conftest import HERE, VOLUME, needs, on_stage

pytestmark = on_stage

SCENE = """
echo "EPHEMERAL_FS=ext4" >>/etc/cloudtop/node.conf
ephemeral() { bash /opt/cloudtop/ephemeral; }
# A disk with the names that udev gives an instance store disk on NVMe types: three for one.
store() {
    disk "store$1" "${2:-64}"
    for twin in "" _1 -ns-1; do
        ln -s "$disk" "/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS000$1$twin"
    done
}
# A disk of a Xen type: its name, and nothing else that tells what it is.
xen() {
    disk "$1" 64
    mknod "/dev/$1" b $(stat -c "0x%t 0x%T" "$disk")
}
mapped() { echo "$1" >>"$stage/says/block-device-mapping_"; printf %s "$2" >"$stage/says/block-device-mapping_$1"; }
there() { mountpoint -q /mnt/ephemeral; }
"""
BTRFS = "sed -i s/EPHEMERAL_FS=ext4/EPHEMERAL_FS=btrfs/ /etc/cloudtop/node.conf\n"


def test_a_type_without_instance_store_is_fine(play):
    assert "has no instance store" in play(SCENE + "ephemeral; ! there || fail mounted")


def test_one_disk_with_three_names_is_one_disk_and_belongs_to_the_user(play):
    out = play(SCENE + """
        store 1
        ephemeral
        there || fail "it is not mounted"
        [[ $(findmnt -no FSTYPE /mnt/ephemeral) == ext4 ]] || fail "$(findmnt /mnt/ephemeral)"
        [[ $(stat -c %U /mnt/ephemeral) == nobody ]] || fail "its owner is $(stat -c %U /mnt/ephemeral)"
    """)
    assert "with 1 disk(s) is mounted" in out, out


def test_what_was_written_is_there_after_a_reboot_and_not_after_a_stop(play):
    play(SCENE + """
        store 1
        ephemeral
        echo kept >/mnt/ephemeral/file
        umount /mnt/ephemeral
        ephemeral
        [[ $(cat /mnt/ephemeral/file) == kept ]] || fail "the file is gone"
        umount /mnt/ephemeral
        # As after a stop: another disk, blank.
        truncate -s 0 "$stage/disks/store1"
        truncate -s 64M "$stage/disks/store1"
        blockdev --flushbufs "$disk"
        ephemeral
        there && [[ ! -e /mnt/ephemeral/file ]] || fail "$(ls /mnt/ephemeral)"
    """)


@needs("mkfs.btrfs")
def test_two_disks_are_one_btrfs_that_a_reboot_finds_again_and_no_array_is_made(play):
    play(SCENE + BTRFS + """
        stand_in mdadm <<<"touch $stage/asked"
        store 1 160
        store 2 160
        ephemeral
        df=$(btrfs filesystem df /mnt/ephemeral)
        [[ $df == *"Data, RAID0"* && $df == *"Metadata, RAID1"* ]] || fail "$df"
        echo kept >/mnt/ephemeral/file
        umount /mnt/ephemeral
        btrfs device scan --forget
        ephemeral
        [[ $(cat /mnt/ephemeral/file) == kept ]] || fail "the file is gone"
        [[ ! -e $stage/asked ]] || fail "mdadm was called"
    """)


def test_disks_of_which_one_holds_something_else_are_left_as_they_are(play):
    out = play(SCENE + """
        stand_in mdadm <<<'[[ $1 != --create ]]'
        store 1
        mkswap -q "$disk"
        before=$(sum)
        store 2
        ephemeral && fail "it went well"
        disk=/dev/$(losetup -nO NAME -j "$stage/disks/store1" | xargs basename)
        [[ $(sum) == "$before" ]] || fail "the disk was changed"
    """)
    assert "holds swap" in out, out


def test_disks_of_xen_types_are_those_that_the_metadata_names_and_no_others(play):
    out = play(SCENE + f"""
        metadata {HERE}
        mapped ami sda1
        mapped ephemeral0 sdb
        # It is listed, and this type does not have it.
        mapped ephemeral1 sdc
        # It is listed, and an EBS disk has a link of this name.
        mapped ephemeral2 sdd
        mapped ebs1 sdj
        xen xvdb
        xen xvdj
        before=$(sum)
        ebs=$disk
        disk nvme 64
        ln -s "$disk" /dev/xvdd
        ephemeral
        disk=$ebs
        [[ $(sum) == "$before" ]] || fail "the EBS disk was changed"
        there || fail "it is not mounted"
        [[ $(blkid -p -o value -s TYPE "$stage/disks/xvdb") == ext4 ]] || fail "it is another disk"
    """)
    assert "with 1 disk(s) is mounted" in out, out


def test_a_xen_type_whose_disks_were_not_mapped_has_no_instance_store(play):
    play(SCENE + f"""
        metadata {HERE}
        mapped ami sda1
        xen xvdb
        before=$(sum)
        ephemeral
        there && fail "it took a disk that nobody named"
        [[ $(sum) == "$before" ]] || fail "the disk was changed"
    """)


def test_docker_is_stopped_for_its_data_to_be_there_and_starts_again(play):
    play(SCENE + """
        echo EPHEMERAL_DOCKER=yes >>/etc/cloudtop/node.conf
        stand_in systemctl <<<'echo "$*" >>"$(dirname "$0")/../systemctl"; [[ $* != *is-active*containerd ]]'
        store 1
        ephemeral
        touch /var/lib/docker/image /var/lib/containerd/image
        [[ -e /mnt/ephemeral/docker/image && -e /mnt/ephemeral/containerd/image ]] || fail "$(findmnt -l)"
        grep -qx "stop docker" "$stage/systemctl" || fail "$(cat "$stage/systemctl")"
        grep -qx "start --no-block docker" "$stage/systemctl" || fail "$(cat "$stage/systemctl")"
        # A second time there is nothing to do.
        rm "$stage/systemctl"
        ephemeral
        [[ ! -e $stage/systemctl ]] || fail "$(cat "$stage/systemctl")"
    """)


def test_docker_stays_where_it_is_without_the_option_and_without_disks(play):
    play(SCENE + """
        stand_in systemctl <<<'exit 1'
        echo EPHEMERAL_DOCKER=yes >>/etc/cloudtop/node.conf
        ephemeral
        echo EPHEMERAL_DOCKER= >>/etc/cloudtop/node.conf
        store 1
        ephemeral
        ! mountpoint -q /var/lib/docker || fail "it was moved"
    """)
