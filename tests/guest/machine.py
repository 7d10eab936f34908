"""A machine of QEMU's that looks like an EC2 instance: SMBIOS, one network card, and NVMe disks with EC2's names."""

import json
import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

EBS, STORE = "Amazon Elastic Block Store", "Amazon EC2 NVMe Instance Storage"
MAC = "0e:00:00:00:00:10"
# An NVMe controller's Identify page (NVM Express base specification, "Identify Controller data structure").
VENDOR, SERIAL, MODEL, ATTACHED_AS = 0, 4, 24, 3072
AMAZON = (0x1D0F).to_bytes(2, "little")
# Of QEMU's memory, what is larger than this is the guest's own, not QEMU's objects.
LARGEST_REGION = 256 << 20


@dataclass
class Disk:
    """A file that the guest sees as a disk. `device` is the name that an EBS disk is attached by."""

    serial: str
    path: Path
    model: str = EBS
    device: str = ""
    format: str = "raw"

    @property
    def node(self) -> dict:
        file = {"driver": "file", "filename": str(self.path), "discard": "unmap"}
        return {"driver": self.format, "node-name": "file-" + self.serial, "discard": "unmap", "file": file}

    def controller(self, slot: int) -> dict:
        return {"driver": "nvme", "id": self.serial, "serial": self.serial, "drive": "file-" + self.serial, "addr": f"{slot:#x}"}


class Monitor:
    """QEMU's control socket (QMP)."""

    def __init__(self, path: Path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("r")
        self.lines.readline()
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments) -> None:
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        for line in self.lines:
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"QEMU does not {command}: {answer['error']['desc']}")
            if "return" in answer:
                return
        raise RuntimeError(f"QEMU ended at {command}")


class Machine:
    """From power on to power off; a reboot is the same machine."""

    def __init__(self, place: Path, image: Path, instance: str, disks: list[Disk], slots: list[int]):
        self.slots, self.console = slots, place / "console.log"
        place.joinpath("qmp").unlink(missing_ok=True)
        command = qemu(place, image, instance)
        for disk in disks:
            command += ["-blockdev", json.dumps(disk.node), "-device", json.dumps(disk.controller(self.slots.pop(0)))]
        with (place / "qemu.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.monitor = self.connect(place)
        for disk in disks:
            self.name(disk)
        self.monitor.ask("cont")

    def connect(self, place: Path) -> Monitor:
        while self.process.poll() is None:
            try:
                return Monitor(place / "qmp")
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("QEMU did not start: " + (place / "qemu.log").read_text()[-500:])

    def plug(self, disk: Disk) -> None:
        """Attaches a disk while the guest runs. It stands still until the disk has its name."""
        self.monitor.ask("blockdev-add", **disk.node)
        self.monitor.ask("stop")
        self.monitor.ask("device_add", **disk.controller(self.slots.pop(0)))
        self.name(disk)
        self.monitor.ask("cont")

    def name(self, disk: Disk) -> None:
        """QEMU has an option for a controller's serial number and none for its model, which is how a guest tells EBS from
        instance store. So the page that the guest will be shown is changed where QEMU keeps it: the guest's kernel, udev
        and lsblk see what they see on EC2, with nothing in the guest that EC2's images do not have."""
        wanted = disk.serial.ljust(20).encode() + b"QEMU NVMe Ctrl".ljust(40)
        found = False
        regions = Path(f"/proc/{self.process.pid}/maps").read_text().splitlines()
        with open(f"/proc/{self.process.pid}/mem", "r+b", buffering=0) as memory:
            for region in regions:
                start, end = (int(number, 16) for number in region.split()[0].split("-"))
                if " rw-p " not in region or end - start > LARGEST_REGION:
                    continue
                memory.seek(start)
                try:
                    at = memory.read(end - start).find(wanted)
                except OSError:
                    continue
                if at >= 0:
                    found = True
                    page = start + at - SERIAL
                    fields = {VENDOR: AMAZON * 2, MODEL: disk.model.ljust(40).encode(), ATTACHED_AS: disk.device.ljust(32).encode()}
                    for offset, value in fields.items():
                        memory.seek(page + offset)
                        memory.write(value)
        if not found:
            raise RuntimeError(f"QEMU's page for the disk {disk.serial} was not found")

    def running(self) -> bool:
        return self.process.poll() is None

    def powers_off(self, seconds: float) -> bool:
        """Whether it is off within this time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def power_off(self) -> bool:
        """The power button, as EC2 presses it; after its time the plug is pulled. Whether the button was enough."""
        if self.running():
            self.monitor.ask("system_powerdown")
        willing = self.powers_off(180)
        self.kill()
        return willing

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def last_words(self) -> str:
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", self.console.read_text(errors="replace"))
        return "\n".join(text.splitlines()[-25:])


def qemu(place: Path, image: Path, instance: str) -> list[str]:
    """The command, without disks: emulated in software, because few machines that run tests have KVM to give."""
    # What cloud-init knows EC2 by: a UUID that begins with ec2, and is the serial number as well.
    uuid = "ec2" + os.urandom(16).hex()[3:]
    uuid = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
    kernel = "root=LABEL=cloudimg-rootfs ro console=ttyS0 panic=-1"
    return [
        *("qemu-system-x86_64", "-machine", "pc", "-accel", "tcg,tb-size=512", "-cpu", "max,la57=off"),
        *("-smp", "2", "-m", "2048", "-nodefaults", "-no-user-config", "-display", "none", "-S"),
        *("-smbios", "type=0,vendor=Amazon EC2,version=1.0"),
        *("-smbios", f"type=1,manufacturer=Amazon EC2,product=m6id.large,serial={uuid},uuid={uuid}"),
        *("-smbios", f"type=2,manufacturer=Amazon EC2,asset={instance}"),
        *("-smbios", "type=3,manufacturer=Amazon EC2,asset=Amazon EC2"),
        *("-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd"), "-append", kernel),
        *("-qmp", f"unix:{place}/qmp,server=on,wait=off"),
        *("-chardev", f"file,id=console,path={place}/console.log,append=on", "-serial", "chardev:console"),
        *("-netdev", "tap,id=net,ifname=guest0,script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=net,mac={MAC},addr=3,romfile="),
    ]
