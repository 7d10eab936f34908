"""An instance and what is around it: its network, its metadata service, its volumes; and how it comes and goes."""

import gzip
import os
import random
import shlex
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from image import ENDPOINT, Image, run
from machine import MAC, STORE, Disk, Machine

# Of a default VPC, whose subnets EC2 would tell apart: an address of each of them is in reach here.
ADDRESS, GATEWAY, METADATA = "172.31.16.10", "172.31.16.1", "169.254.169.254"
VPC, NETMASK = "172.31.0.0", "255.255.0.0"
HERE = Path(__file__).parent
# Emulated, and on a machine with thirty others' processes, a boot has taken half an hour.
BOOT_LIMIT, CHECK_LIMIT = 3600, 600
ROLE = {"AccessKeyId": "ASIAGUESTTEST0000000", "SecretAccessKey": "of-the-guest-test", "Token": "session-of-the-guest-test"}


class Stuck(Exception):
    """The guest is not where the next check could begin."""


def set_up_network(place: Path) -> None:
    """The wire, and the metadata service. They are in the network namespace that the test runs in, and go with it."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "tuntap", "add", "guest0", "mode", "tap")
    for address in (f"{GATEWAY}/16", f"{METADATA}/32"):
        run("ip", "address", "add", address, "dev", "guest0")
    run("ip", "link", "set", "guest0", "up")
    (place / "says").mkdir()
    serve(place, sys.executable, "-B", HERE.parent / "node/imds.py", place / "says")


def set_up_dhcp(place: Path, address: str) -> subprocess.Popen:
    """DHCP, which has this address for the guest, and a name server that knows EC2's address alone."""
    return serve(
        place,
        *("dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--interface=guest0", "--bind-interfaces", "--dhcp-authoritative"),
        *(f"--dhcp-range={VPC},static,{NETMASK},12h", f"--dhcp-host={MAC},{address}", f"--dhcp-leasefile={place}/leases"),
        *("--no-hosts", "--no-resolv", "--address=/#/", f"--host-record={ENDPOINT},{GATEWAY}", "--pid-file"),
    )


def serve(place: Path, *command: str | Path) -> subprocess.Popen:
    """Starts what the guest finds in its network."""
    with (place / "network.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def volume(place: Path, gib: int = 2, identity: str = "") -> Disk:
    """A blank volume of a new id, in a file without holes' weight."""
    identity = identity or "vol-0" + os.urandom(8).hex()
    disk = Disk(identity.replace("-", ""), place / f"{identity}.raw", device="/dev/sdj")
    resize(disk, gib)
    return disk


def resize(disk: Disk, gib: int) -> None:
    with disk.path.open("ab") as file:
        file.truncate(gib << 30)


class Guest:
    """One node: its instance, which changes, and its volumes, which stay."""

    def __init__(self, place: Path, image: Image, key: Path, stores: int = 2):
        self.place, self.image, self.key, self.stores = place, image, key, stores
        self.attached: list[Disk] = []
        self.machine: Machine | None = None
        self.instance, self.address, self.boots = "", "", 0
        self.dhcp: subprocess.Popen | None = None

    # How it comes and goes.

    def launch(self, user_data: bytes, instance: str = "", address: str = ADDRESS) -> None:
        """A new instance with a new root disk. Volumes come later, as on EC2."""
        self.instance = instance or "i-0" + os.urandom(8).hex()
        self.attached = []
        if self.machine:
            self.machine.kill()
        self.root = Disk("vol0" + os.urandom(8).hex(), self.place / "root.qcow2", device="/dev/sda1", format="qcow2")
        base = self.image.folder / "disk.raw"
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", self.root.path, "8G")
        for file in (self.place / "says").iterdir():
            file.unlink()
        for name, text in metadata(self.instance, address, self.key.with_suffix(".pub").read_text()).items():
            self.say(name, text.encode())
        self.say("@user-data", gzip.compress(user_data) if user_data.startswith(b"#") else user_data)
        self.take_address(address)
        self.power_on()

    def take_address(self, address: str) -> None:
        """An instance keeps its private address, and another one has another, unless its network interface was kept."""
        if address == self.address:
            return
        if self.dhcp:
            self.dhcp.terminate()
            self.dhcp.wait()
        (self.place / "leases").unlink(missing_ok=True)
        self.address, self.dhcp = address, set_up_dhcp(self.place, address)

    def power_on(self) -> None:
        """Instance store is blank whenever the power comes; the disks are in places, and so get names, of no order."""
        stores = [Disk(f"AWS0{os.urandom(8).hex().upper()}", self.place / f"store-{i}.raw", STORE) for i in range(self.stores)]
        for store in stores:
            store.path.unlink(missing_ok=True)
            resize(store, 1)
        slots = random.sample(range(4, 31), 27)
        self.machine = Machine(self.place, self.image.folder, self.instance, [*stores, *self.attached, self.root], slots)
        self.boots += 1

    def attach(self, disk: Disk) -> None:
        self.machine.plug(disk)
        self.attached.append(disk)

    def stop_and_start(self) -> None:
        """The same instance with the same root disk and volumes."""
        if not self.machine.power_off():
            raise Stuck("the guest did not power off when it was asked to\n" + self.machine.last_words())
        self.power_on()

    def reboot(self) -> None:
        self.sh("sudo systemd-run --on-active=1 systemctl reboot")
        self.boots += 1

    def crash(self) -> None:
        """The instance is gone in the middle of its work, as when its host fails."""
        self.machine.kill()

    def notice(self, action: str, seconds: int) -> None:
        """EC2 says that it takes the instance away."""
        when = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        self.say("spot_instance-action", f'{{"action":"{action}","time":"{when:%FT%TZ}"}}'.encode())

    def say(self, name: str, text: bytes) -> None:
        """Has the metadata service say this; renamed into place, because it is asked all the time."""
        (self.place / "new").write_bytes(text)
        (self.place / "new").rename(self.place / "says" / name)

    # The way in is the user's: ssh, with the key that the metadata service gave.

    def ssh(self) -> list[str]:
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes", "IdentitiesOnly=yes"]
        # One connection a boot: under emulation each handshake takes seconds.
        options += ["ConnectTimeout=20", "ControlMaster=auto", "ControlPersist=300", f"ControlPath={self.place}/ssh-{self.boots}"]
        flags = [flag for option in options for flag in ("-o", option)]
        return ["ssh", "-F", "/dev/null", "-i", str(self.key), *flags, f"{self.image.user}@{self.address}"]

    def sh(self, script: str, limit: float = CHECK_LIMIT) -> tuple[int, str]:
        """A script for bash, stopped at the first thing that fails: its exit code, and what it printed."""
        # Debian's bash reads bashrc when sshd starts it, and that names what is not set.
        command = [*self.ssh(), "bash --norc -euo pipefail -c " + shlex.quote(script)]
        try:
            # A file, and not a pipe: the connection that is kept open would hold a pipe open as well.
            with (self.place / "said").open("w+b") as said:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return 124, f"no end in {limit:.0f} s"
        return done.returncode, (self.place / "said").read_text(errors="replace").strip()

    def until(self, condition: str, limit: float = CHECK_LIMIT) -> tuple[int, str]:
        """Waits until a condition holds in the guest."""
        return self.sh(f"for ((i = 0; i < {limit:.0f}; i += 2)); do if {condition}; then exit 0; fi; sleep 2; done; exit 1", limit + 60)

    def boot_id(self) -> str:
        """What tells this boot from another; nothing where there is no answer."""
        if not self.machine or not self.machine.running():
            return ""
        code, said = self.sh("cat /proc/sys/kernel/random/boot_id", 60)
        return said if code == 0 else ""

    def await_boot(self, before: str) -> None:
        """Waits for a login in another boot than `before`, and then for cloud-init's end."""
        end = time.monotonic() + BOOT_LIMIT
        while True:
            if not self.machine.running():
                raise Stuck("the guest powered itself off while it booted\n" + self.machine.last_words())
            if time.monotonic() > end:
                raise Stuck(f"no login within {BOOT_LIMIT} s of power on\n" + self.machine.last_words())
            if self.boot_id() not in ("", before):
                break
            time.sleep(3)
        code, said = self.sh("sudo cloud-init status --wait --long; systemctl is-system-running --wait || true", BOOT_LIMIT)
        if code:
            raise Stuck(f"cloud-init did not end well\n{said}\n" + self.sh("sudo tail -20 /var/log/cloud-init-output.log")[1])


def metadata(instance: str, address: str, public_key: str) -> dict[str, str]:
    """What the metadata service says, as files of imds.py."""
    name, mac, now = f"ip-{address.replace('.', '-')}.ec2.internal", f"network_interfaces_macs_{MAC}_", datetime.now(timezone.utc)
    role = "".join(f'"{key}": "{value}", ' for key, value in ROLE.items())
    expires = now + timedelta(hours=6)
    return {
        "ami-id": "ami-0123456789abcdef0",
        "ami-launch-index": "0",
        "block-device-mapping_ami": "/dev/sda1",
        "block-device-mapping_root": "/dev/sda1",
        "hostname": name,
        "iam_security-credentials_cloudtop-node": f'{{"Code": "Success", {role}"Expiration": "{expires:%FT%TZ}"}}',
        "instance-id": instance,
        "instance-life-cycle": "spot",
        "instance-type": "m6id.large",
        "local-hostname": name,
        "local-ipv4": address,
        "mac": MAC,
        mac + "device-number": "0",
        mac + "local-ipv4s": address,
        mac + "mac": MAC,
        mac + "subnet-ipv4-cidr-block": f"{VPC}/16",
        "placement_availability-zone": "us-east-1a",
        "placement_region": "us-east-1",
        "public-keys_": "0=cloudtop",
        "public-keys_0_openssh-key": public_key,
        "services_domain": "amazonaws.com",
        "@dynamic_instance-identity_document": f'{{"instanceId": "{instance}", "region": "us-east-1", "availabilityZone": "us-east-1a"}}',
    }
