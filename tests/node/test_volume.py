"""The script that mounts the persistent volume, on real file systems on loop devices."""

from pathlib import Path

import pytest

from conftest import VOLUME, needs, on_stage


def may_resize() -> bool:
    capabilities = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    return bool(int(capabilities.split()[1], 16) >> 24 & 1)


pytestmark = on_stage


def test_a_blank_volume_gets_a_file_system_that_belongs_to_the_user(play):
    play(f"""
        disk data 64
        attach_as {VOLUME}
        volume
        mountpoint -q "$home" || fail "it is not mounted"
        [[ $(stat -c %U "$home") == nobody ]] || fail "its owner is $(stat -c %U "$home")"
        [[ $(state) == *"is mounted at $home" ]] || fail "$(state)"
    """)


def test_what_was_written_is_there_after_the_next_start_and_its_owner_is_left(play):
    play(f"""
        disk data 64
        attach_as {VOLUME}
        volume
        echo kept >"$home/file"
        chown daemon "$home"
        umount "$home"
        rm -r /run/cloudtop
        volume
        [[ $(cat "$home/file") == kept ]] || fail "the file is gone"
        [[ $(stat -c %U "$home") == daemon ]] || fail "its owner was changed"
        volume
    """)


@pytest.mark.skipif(not may_resize(), reason="this machine does not let root resize a mounted ext4 (CAP_SYS_RESOURCE)")
def test_a_file_system_grows_with_its_volume_at_a_start_and_while_it_is_mounted(play):
    play(f"""
        disk data 64
        attach_as {VOLUME}
        volume
        before=$(df --output=size -k "$home" | tail -1)
        umount "$home"
        truncate -s 128M "$stage/disks/data"
        losetup -c "$disk"
        volume
        grown=$(df --output=size -k "$home" | tail -1)
        ((grown > before + 50000)) || fail "$before KiB, then $grown"
        truncate -s 192M "$stage/disks/data"
        losetup -c "$disk"
        volume
        again=$(df --output=size -k "$home" | tail -1)
        ((again > grown + 50000)) || fail "$grown KiB, then $again"
    """)


def test_a_volume_that_was_torn_off_is_repaired_before_it_is_mounted(play):
    out = play(f"""
        disk data 64
        attach_as {VOLUME}
        mkfs.ext4 -q "$disk"
        # The count of free blocks is wrong, and the file system says that it was not unmounted.
        debugfs -w -R 'ssv free_blocks_count 7' "$disk"
        debugfs -w -R 'ssv state 0' "$disk"
        volume
        mountpoint -q "$home" || fail "it is not mounted"
        umount "$home"
        e2fsck -fn "$disk" || fail "it was mounted as it was"
    """)
    assert "Free blocks count wrong" in out or "recovering journal" in out or "was not cleanly unmounted" in out, out


def test_a_volume_that_repair_cannot_mend_unasked_is_left_alone_and_reported(play):
    play(f"""
        disk data 64
        attach_as {VOLUME}
        mkfs.ext4 -q -b 1024 "$disk"
        # The root directory's inode is gone.
        debugfs -w -R 'clri <2>' "$disk"
        debugfs -w -R 'ssv state 0' "$disk"
        code=0
        volume || code=$?
        ((code == 3)) || fail "exit code $code"
        mountpoint -q "$home" && fail "it was mounted"
        [[ $(state) == *"needs you: run sudo e2fsck"* ]] || fail "$(state)"
    """)


@pytest.mark.parametrize(
    "makes, says",
    [
        ("mkswap -q $disk", "holds swap"),
        # One Linux partition in a table of the old kind.
        ("printf '\\x00\\x00\\x00\\x00\\x83\\x00\\x00\\x00\\x00\\x08\\x00\\x00\\x00\\x80\\x00\\x00' | "
         "dd of=$disk bs=1 seek=446 conv=notrunc status=none && "
         "printf '\\x55\\xaa' | dd of=$disk bs=1 seek=510 conv=notrunc status=none", "holds a partition table"),
        ("printf 'LUKS\\xba\\xbe\\x00\\x02' | dd of=$disk conv=notrunc status=none && "
         "printf '\\x00\\x00\\x00\\x00\\x00\\x00\\x40\\x00' | dd of=$disk bs=1 seek=8 conv=notrunc status=none", "holds crypto_LUKS"),
    ],
    ids=["swap", "partitions", "encrypted"],
)
def test_what_is_no_file_system_for_here_is_left_as_it_is_to_the_byte(play, makes, says):
    play(f"""
        disk data 64
        attach_as {VOLUME}
        {makes}
        before=$(sum)
        code=0
        volume || code=$?
        ((code == 3)) || fail "exit code $code"
        [[ $(sum) == "$before" ]] || fail "the disk was changed"
        [[ $(state) == *{says!r}*"left alone"* ]] || fail "$(state)"
    """)


@needs("mkfs.xfs")
def test_a_file_system_of_the_users_own_kind_is_mounted_and_grows(play):
    play(f"""
        disk data 320
        attach_as {VOLUME}
        mkfs.xfs -q "$disk"
        truncate -s 400M "$stage/disks/data"
        losetup -c "$disk"
        volume
        [[ $(findmnt -no FSTYPE "$home") == xfs ]] || fail "it is not xfs any more"
        size=$(df --output=size -k "$home" | tail -1)
        ((size > 300000)) || fail "$size KiB"
    """)


def test_another_volume_is_not_taken_for_the_promised_one(play):
    play(f"""
        disk other 64
        attach_as vol-0fedcba9876543210
        before=$(sum)
        timeout 3 bash /opt/cloudtop/volume && fail "it took another volume"
        [[ $(sum) == "$before" ]] || fail "the disk was changed"
        [[ $(state) == *"waiting for the volume {VOLUME}"* ]] || fail "$(state)"
    """)


def test_a_volume_that_comes_late_is_mounted_when_it_comes(play):
    play(f"""
        volume &
        waiter=$!
        until grep -q waiting /run/cloudtop/volume 2>/dev/null; do :; done
        disk data 64
        attach_as {VOLUME}
        wait "$waiter"
        mountpoint -q "$home" || fail "it is not mounted"
    """)


def test_a_volume_that_was_torn_off_while_in_use_is_mounted_again_when_it_comes_back(play):
    out = play(f"""
        disk data 64
        attach_as {VOLUME}
        volume
        echo kept >"$home/file"
        sync
        cp "$stage/disks/data" "$stage/disks/back"
        (cd "$home" && exec sleep 1000) &
        worker=$!
        until [[ $(readlink "/proc/$worker/cwd") == "$home" ]]; do :; done
        rm "$disk"
        volume &
        waiter=$!
        until grep -q waiting /run/cloudtop/volume; do :; done
        disk back
        attach_as {VOLUME}
        wait "$waiter"
        kill "$worker"
        [[ $(findmnt -nro SOURCE --mountpoint "$home") == "$disk" ]] || fail "$(findmnt -l)"
        [[ $(cat "$home/file") == kept ]] || fail "the file is gone"
    """)
    assert "was detached while it was in use" in out, out
