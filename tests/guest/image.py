"""The guest's disk: a Debian with cloud-init that takes itself for EC2's, built once and kept in a cache."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

# What this machine must have, and the Debian package that brings it.
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "sfdisk": "fdisk",
    "ssh": "openssh-client",
    "openssl": "openssl",
}
# What cloud images have, and what templates install there: a guest has no internet.
PACKAGES = """
    linux-image-cloud-amd64 systemd-sysv systemd-resolved libpam-systemd dbus udev cloud-init cloud-guest-utils netplan.io
    openssh-server sudo mdadm e2fsprogs xfsprogs btrfs-progs curl ca-certificates python3 git tmux procps psmisc iproute2 locales
""".split()
SUITES = {"bookworm": ["isc-dhcp-client"], "trixie": ["dhcpcd-base"]}
# docker.io recommends apparmor, without which it runs no container where the kernel has AppArmor.
TEMPLATES = {"docker": ["docker.io", "apparmor"], "etcd": ["etcd-server", "etcd-client"]}
# Debian starts a service as soon as it is installed; in the image these wait for the template, which would have installed them.
SERVICES = ["docker.service", "docker.socket", "containerd.service", "etcd.service"]
# The login name of Ubuntu's images, for which the templates are made first. Like them this one has no /dev/sdf for a disk that
# NVMe calls nvme1n1.
USER = "ubuntu"
ENDPOINT = "ec2.us-east-1.amazonaws.com"


@dataclass
class Image:
    """A folder with disk.raw, vmlinuz, initrd, and the certificate of the EC2 that the guest trusts."""

    folder: Path
    suite: str
    user: str = USER


def run(*command: str | Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], check=True, **options)


def install_tools() -> None:
    """Installs what is missing here."""
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if not missing:
        return
    print("installing Debian packages:", *missing, flush=True)
    quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    run("apt-get", "-q", "update", **quiet)
    run("apt-get", "-q", "-y", "install", "--no-install-recommends", *missing, **quiet)


def mirror() -> str:
    """The Debian mirror of this machine's own apt."""
    for name in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        text = Path(name).read_text() if Path(name).exists() else ""
        found = re.search(r"^(?:URIs:|deb\s(?:\[.*?\])?)\s*(https?://\S+/debian)/?\s", text, re.MULTILINE)
        if found:
            return found[1]
    return "http://deb.debian.org/debian"


def cache() -> Path:
    own = os.environ.get("CLOUDTOP_GUEST_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cloudtop-guest"


def image(suite: str, template: str) -> Image:
    """The image for a template, built if there is none of this very kind."""
    packages = PACKAGES + SUITES[suite] + TEMPLATES.get(template, [])
    # Another version of this file, or of the list, is another image.
    kind = hashlib.sha256("\n".join([Path(__file__).read_text(), *packages]).encode()).hexdigest()[:12]
    made = Image(cache() / f"{suite}-{kind}", suite)
    if not made.folder.exists():
        print(f"building the guest's image in {made.folder}: some two minutes, once", flush=True)
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache(), prefix="building-") as place:
            build(Image(Path(place) / "image", suite), packages)
            (Path(place) / "image").rename(made.folder)
    return made


def build(made: Image, packages: list[str]) -> None:
    made.folder.mkdir()
    root = made.folder.parent / "root"
    source = mirror()
    run(
        *("mmdebstrap", "--mode=root", "--variant=important", "--quiet", "--aptopt=APT::Install-Recommends false"),
        *("--include=" + ",".join(packages), made.suite, root),
        *(f"deb {source} {made.suite} main", f"deb {source}-security {made.suite}-security main"),
    )
    configure(root, made)
    for kernel, name in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd")):
        shutil.copy(next((root / "boot").glob(kernel)), made.folder / name)
    disk_of(root, made.folder / "disk.raw")


def configure(root: Path, made: Image) -> None:
    """Makes of a Debian what the image of a cloud is: nobody's yet, and cloud-init's to set up."""
    write = {
        "etc/fstab": "LABEL=cloudimg-rootfs / ext4 rw,errors=remount-ro 0 1\n",
        "etc/machine-id": "uninitialized\n",
        # Of what is installed already, apt-get has nothing to fetch, as long as there is nowhere to fetch from.
        "etc/apt/sources.list": "",
        "etc/cloud/cloud.cfg.d/90_guest.cfg": f"""\
datasource_list: [Ec2, None]
locale: C.UTF-8
apt: {{preserve_sources_list: true}}
system_info:
  network: {{renderers: [netplan]}}
  default_user: {{name: {made.user}, gecos: guest, lock_passwd: true, groups: [adm, sudo], shell: /bin/bash,
                 sudo: ["ALL=(ALL) NOPASSWD:ALL"]}}
""",
    }
    for name, text in write.items():
        (root / name).write_text(text)
    for name in ("etc/hostname", "var/lib/dbus/machine-id", *(f"etc/ssh/{key.name}" for key in (root / "etc/ssh").glob("ssh_host_*"))):
        (root / name).unlink(missing_ok=True)
    shutil.rmtree(root / "var/cache/apt")
    shutil.rmtree(root / "var/lib/apt/lists")
    resolved = root / "etc/resolv.conf"
    resolved.unlink(missing_ok=True)
    resolved.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    inside = ("chroot", root)
    subprocess.run([*inside, "dpkg", "--purge", "ifupdown"], capture_output=True, check=False)
    run(*inside, "systemctl", "--quiet", "enable", "systemd-networkd", "systemd-resolved", "ssh")
    subprocess.run([*inside, "systemctl", "--quiet", "disable", *SERVICES], capture_output=True, check=False)
    certify(made.folder)
    shutil.copy(made.folder / "ec2.crt", root / "usr/local/share/ca-certificates/ec2-of-the-test.crt")
    run(*inside, "update-ca-certificates", capture_output=True)


def certify(folder: Path) -> None:
    """The certificate of EC2's address in this guest's network, good for nothing else: its key is in the cache alone."""
    run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"),
        *("-subj", "/CN=EC2 of the guest test", "-addext", f"subjectAltName=DNS:{ENDPOINT}"),
        *("-keyout", folder / "ec2.key", "-out", folder / "ec2.crt"),
        capture_output=True,
    )


def disk_of(root: Path, disk: Path) -> None:
    """GPT with the root in its first partition, to be grown into the volume at the first boot."""
    used = int(run("du", "-sxm", root, capture_output=True, text=True).stdout.split()[0])
    mebibytes = used * 5 // 4 + 256
    with disk.open("wb") as file:
        file.truncate((mebibytes + 2) << 20)
    table = f"label: gpt\nstart=1MiB, size={mebibytes}MiB, type=linux\n"
    run("sfdisk", "--quiet", disk, input=table.encode())
    where = ("-E", f"offset={1 << 20}")
    run("mke2fs", "-q", "-t", "ext4", "-L", "cloudimg-rootfs", *where, "-d", root, disk, f"{mebibytes}M")
