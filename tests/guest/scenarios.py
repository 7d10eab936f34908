"""What is shown of each template. A scenario is one node's life; the words of a check are its line in the report."""

import hashlib
from pathlib import Path

from door import Simulated
from rig import Stuck, resize, run, volume
from trial import Trial

# `set -e` does not end a script at a `!` that fails. Debian's netplan complains of the image at each first boot: it has no
# Open vSwitch, and cloud-init wrote netplan's file as it always does.
BOOTED = """sudo cloud-init status --long | grep -E '^status: done'
    ! sudo grep -E '(WARNING|ERROR|CRITICAL)\\]' /var/log/cloud-init.log | grep -vF "'netplan', 'apply'" || exit 1
    test -z "$(systemctl --failed --no-legend)" || { systemctl --failed; exit 1; }"""
STRIPED = """mountpoint /mnt/ephemeral
    lsblk -nro TYPE "$(findmnt -no SOURCE /mnt/ephemeral)" | grep raid0
    test "$(lsblk -nro MODEL | grep -c 'EC2\\\\x20NVMe\\\\x20Instance')" = 2"""
MOUNTED = "mountpoint -q ~/persistent"


def volume_mounted(t: Trial, name: str) -> None:
    t.wait(name, MOUNTED, "cat /run/cloudtop/volume; journalctl -u cloudtop-volume | tail -20; lsblk -o NAME,SERIAL,MODEL,FSTYPE")


def comes_and_goes(t: Trial) -> None:
    """First boot with the volume missing, then late; a reboot; a stop and start with blank, shuffled and grown disks."""
    g, disk = t.guest, volume(t.place)
    t.boots("it boots without its volume, and cloud-init ends without a warning", lambda: g.launch(t.render()))
    t.check("no unit has failed", BOOTED)
    t.check("cloud-init's own schema takes the user data", "sudo cloud-init schema --system")
    t.check("a missing volume is waited for, and named", "grep 'waiting for the volume' /run/cloudtop/volume")
    t.check("two instance store disks are one stripe at /mnt/ephemeral, the user's", STRIPED + "\ntouch /mnt/ephemeral/scratch")
    g.attach(disk)
    volume_mounted(t, "a volume that comes late and blank gets a file system and is mounted")
    t.check("the volume is the user's, and the home directory is", "touch ~/persistent/kept; test -O ~; date >~/persistent/kept; sync")
    t.boots("it comes back after a reboot", g.reboot)
    volume_mounted(t, "after a reboot the volume is mounted")
    t.check("after a reboot both disks hold what was on them", "test -s ~/persistent/kept; test -e /mnt/ephemeral/scratch")
    resize(disk, 3)
    t.boots("it comes back after a stop and start", g.stop_and_start)
    volume_mounted(t, "after a stop and start, with NVMe disks in another order, the volume is mounted")
    t.check("after a stop and start the volume holds what was on it", "test -s ~/persistent/kept")
    t.check("a volume that was made larger has a file system as large", "(($(df --output=size -BM ~/persistent | tail -1 | tr -d M) > 2700))")
    t.check("instance store, blank after a stop, is striped again", STRIPED + "\ntest ! -e /mnt/ephemeral/scratch")


def taken_away(t: Trial) -> None:
    """A crash, then an interruption while work holds the volume; a new instance each time, with the same volume."""
    g, disk = t.guest, volume(t.place)
    t.boots("a node boots", lambda: g.launch(t.render()))
    g.attach(disk)
    volume_mounted(t, "its volume is mounted")
    t.check("work is written to it", "echo one >~/persistent/kept; sync")
    g.crash()
    t.boots("after a crash a new instance boots", lambda: g.launch(t.render()))
    g.attach(disk)
    volume_mounted(t, "after a crash the volume is mounted, and no new file system was made")
    t.check("after a crash what was written is there", "grep one ~/persistent/kept; journalctl -u cloudtop-volume | grep 'recovering journal'")
    t.check(
        "a process that does not listen to SIGTERM holds the volume",
        """echo two >~/persistent/kept
        printf '#!/bin/bash\\ntest -n "$CLOUDTOP_DEADLINE"; echo $CLOUDTOP_ACTION >%s/persistent/hook\\n' ~ | sudo tee /etc/cloudtop/interrupt.d/50-own
        sudo chmod +x /etc/cloudtop/interrupt.d/50-own
        sudo systemd-run --unit holder --working-directory "$HOME/persistent" bash -c 'trap "" TERM; while :; do sleep 1; done'
        until systemctl is-active holder; do sleep 1; done""",
    )
    g.notice("terminate", 120)
    t.wait("a notice has the volume unmounted before its two minutes are over", f"! {MOUNTED}", "cat /run/cloudtop/interruption", 119)
    t.check("the holder was ended", "! systemctl is-active holder || exit 1; grep 'the volume is unmounted' /run/cloudtop/interruption")
    t.that("the instance powers off when it is told to", g.machine.power_off)
    t.boots("the next instance boots", lambda: g.launch(t.render()))
    g.attach(disk)
    volume_mounted(t, "on the next instance the volume is mounted")
    t.check("what was written before the interruption, and by the hook, is there", "grep two ~/persistent/kept; grep terminate ~/persistent/hook")
    t.check("it had been unmounted: its file system was clean", "journalctl -u cloudtop-volume | grep clean; ! journalctl -u cloudtop-volume | grep recovering")


def foreign(t: Trial) -> None:
    """Volumes with something on them that is not ours."""
    g, disk = t.guest, volume(t.place, gib=1)
    run("mkfs.vfat", "-n", "PHOTOS", disk.path, capture_output=True)
    before = digest(disk.path)
    t.boots("a node boots", lambda: g.launch(t.render()))
    g.attach(disk)
    t.wait("a foreign file system is left alone, and the node says so", "grep 'it is left alone' /run/cloudtop/volume", "cat /run/cloudtop/volume")
    t.check("nothing is mounted in its place", f"! {MOUNTED}")
    t.that("the instance powers off", g.machine.power_off)
    t.that("the disk is what it was, to the byte", lambda: digest(disk.path) == before)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def said(t: Trial, done) -> bool:
    """Whether a program ended well; the rest is told if not."""
    t.detail = f"exit code {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-2500:]}"
    return done.returncode == 0


def brought_up(t: Trial, ec2: Simulated, *wish: str) -> None:
    """`cloudtop up dev`, whose ready check is answered by the guest."""
    wish = ("--template", t.template, "--key", str(t.guest.key), "--allow-ssh", "127.0.0.1/32", "--timeout", "40m", *wish)
    t.that("cloudtop up calls the guest ready, over ssh", lambda: said(t, ec2.cloudtop("up", "dev", *wish)))
    if not t.guest.machine:
        raise Stuck("there is no guest: RunInstances was not called")


def up(t: Trial) -> None:
    """The program itself, on its own EC2 whose instance is the guest; then no idle stop during a build, and an idle stop."""
    g = t.guest
    ec2 = Simulated(t.place, t.program, g)
    brought_up(t, ec2, "--volume", "2", "--idle", "10m")
    t.check("and it is: its volume is mounted, cloud-init is done", BOOTED + "\n" + MOUNTED)
    t.that("cloudtop ssh runs a command on it", lambda: said(t, ec2.cloudtop("ssh", "dev", "--", "mountpoint", "/home/ubuntu/persistent")))
    t.that("cloudtop test-interrupt rehearses on it", lambda: said(t, ec2.cloudtop("test-interrupt", "dev")))
    t.check("the volume is mounted after a rehearsal", MOUNTED)
    # The least that --idle takes would be 20 minutes of waiting: the node is told of a shorter time afterwards.
    t.check("a build begins", "sudo sed -i s/IDLE_MINUTES=10/IDLE_MINUTES=2/ /etc/cloudtop/node.conf; sudo systemd-run --unit build sh -c 'while :; do :; done'")
    t.that("after four minutes with the build it runs", lambda: not g.machine.powers_off(240))
    t.check("it says that something is computing", "sudo /opt/cloudtop/idle why | grep 'something is computing'; sudo systemctl stop build")
    t.that("idle, it stops by itself", lambda: g.machine.powers_off(1200))


def attaches_itself(t: Trial) -> None:
    """In terminate mode EC2 launches the node again while no cloudtop runs: with a role it attaches its own volume."""
    ec2 = Simulated(t.place, t.program, t.guest)
    t.that("cloudtop init --self-attach makes the role", lambda: said(t, ec2.cloudtop("init", "--self-attach", "--yes")))
    brought_up(t, ec2, "--volume", "2", "--on-interruption", "terminate")
    t.check("no unit has failed, and there was no warning", BOOTED)
    t.check("work is written to its volume", f"{MOUNTED}\necho mine >~/persistent/kept; sync")
    ec2.in_use = 2
    ec2.sim("interrupt", "dev", "--notice", "1s")
    t.boots("EC2 takes it, and launches another", ec2.boot_what_is_launched)
    volume_mounted(t, "the new instance has its volume mounted, and nobody else attached it")
    t.check("what was written is there", "grep mine ~/persistent/kept; journalctl -u cloudtop-attach | grep 'is being attached'")
    t.that("VolumeInUse was waited out, and every signature was right", lambda: ec2.refused == ["VolumeInUse"] * 2)


# An image of a shell and little else, made from the guest itself: nothing can be pulled without an internet.
CONTAINER = """tar -chf - /bin/sh /bin/sleep /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2 2>/dev/null | sudo docker import - tiny
    sudo docker run --rm --network none tiny /bin/sh -c 'echo a container ran' | grep 'a container ran'"""
ON_STRIPE = """sudo docker info -f '{{.DockerRootDir}}' | tee /dev/stderr | xargs findmnt -nvo SOURCE -T | xargs lsblk -nro TYPE | grep raid0"""


def docker_host(t: Trial) -> None:
    """A docker host: its data on the instance store, at the first boot and after a stop and start."""
    t.boots("it boots, and cloud-init ends without an error", lambda: t.guest.launch(t.render()))
    t.check("no unit has failed, and there was no warning", BOOTED)
    t.check("cloud-init's own schema takes the user data", "sudo cloud-init schema --system")
    t.check("docker's data is on the striped instance store", ON_STRIPE)
    t.check("a container runs", CONTAINER)
    t.check("the login user may use docker", 'id -nG "$(id -un)" | grep -w docker')
    t.boots("it comes back after a stop and start", t.guest.stop_and_start)
    t.check("docker is there again, on the blank stripe, without the image of before", f"{ON_STRIPE}\ntest -z \"$(sudo docker images -q)\"")
    t.check("and runs a container again", CONTAINER)


PACKAGE_ETCD_MASKED = """test "$(systemctl is-enabled etcd.service)" = masked
    ! systemctl is-active --quiet etcd.service || exit 1
    test "$(pgrep -xc etcd)" = 1
    pgrep -xa etcd | grep -- '--client-cert-auth'"""
GREETING = "sudo /opt/cloudtop/etcd ctl get greeting --print-value-only | grep -x hello"
ETCD_READY = "sudo /opt/cloudtop/etcd ready"


def member(t: Trial) -> None:
    """A cluster of one, to which the program delivers over ssh what it needs; after a reboot, and a stop and start, its data is there."""
    ec2 = Simulated(t.place, t.program, t.guest)
    why = "cat /run/cloudtop/etcd; journalctl -u cloudtop-etcd -u cloudtop-volume --no-pager | tail -30"
    brought_up(t, ec2, "--volume", "2")
    t.check("no unit has failed, and there was no warning", BOOTED)
    t.check("the member says that it is ready", ETCD_READY)
    t.check("the etcd of Debian's package is masked, and not there", PACKAGE_ETCD_MASKED)
    t.check("its data is on the volume", "mountpoint /srv/persistent; sudo test -d /srv/persistent/etcd/member/wal")
    t.check("who has no certificate is not let in", "! curl -sk --max-time 10 https://127.0.0.1:2379/health")
    t.that("cloudtop ssh puts a word into it", lambda: said(t, ec2.cloudtop("ssh", "dev", "--", "sudo /opt/cloudtop/etcd ctl put greeting hello")))
    t.boots("it comes back after a reboot", t.guest.reboot)
    t.wait("after a reboot the member is ready again, with nothing delivered anew", ETCD_READY, why)
    t.check("after a reboot the word is there", GREETING + "\n" + PACKAGE_ETCD_MASKED)
    t.boots("it comes back after a stop and start", t.guest.stop_and_start)
    t.wait("after a stop and start the member is ready again", ETCD_READY, why)
    t.check("after a stop and start the word is there", GREETING)


SCENARIOS = {
    "cloudtop": [comes_and_goes, taken_away, foreign, up, attaches_itself],
    "docker": [docker_host],
    "etcd": [member],
}
