"""What is taken from a node before an image is made of it: the script itself, over a machine's files in a directory."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

CLEAN = Path(__file__).parent.parent.parent / "src" / "delivery" / "clean.sh"
RUNNER = 'read -r program && eval "$(printf %s "$program" | base64 -d)"'

# What is a machine's own, and must not be in an image.
OWN = """
etc/ssh/ssh_host_ed25519_key etc/ssh/ssh_host_ed25519_key.pub etc/cloudtop/node.conf etc/cloudtop/setup opt/cloudtop/idle
etc/systemd/system/cloudtop-expire.timer etc/systemd/system/timers.target.wants/cloudtop-expire.timer
etc/udev/rules.d/90-cloudtop-volume.rules var/lib/cloudtop/delivered var/log/cloudtop/tools.log
var/lib/cloud/instances/i-1/user-data.txt var/lib/cloud/data/instance-id var/lib/systemd/random-seed
var/lib/dbus/machine-id var/lib/dhcp/dhclient.leases var/lib/etcd/member/wal var/lib/rancher/k3s/server/token
etc/rancher/k3s/config.yaml var/lib/amazon/ssm/Vault/Store/RegistrationKey
var/log/journal/abc/system.journal var/log/syslog.1 var/log/auth.log.2.gz var/log/cloud-init-output.log tmp/x var/tmp/y
home/dev/.ssh/authorized_keys home/dev/.ssh/id_ed25519 root/.ssh/authorized_keys home/dev/.aws/credentials
home/dev/.bash_history home/dev/.netrc home/dev/.git-credentials home/dev/.config/gh/hosts.yml home/dev/.docker/config.json
home/dev/.kube/config root/.bash_history home/other/.ssh/authorized_keys home/dev/secrets/token srv/app.key
""".split()
# What is in the image that it is made for.
TOOLS = "etc/hosts usr/bin/tool home/dev/work/main.c home/dev/.config/nvim/init.lua home/dev/.bashrc opt/own/app var/lib/apt/x".split()
PASSWD = """root:x:0:0::/root:/bin/bash
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
dev:x:1000:1000::/home/dev:/bin/bash
other:x:1001:1001::/home/other:/bin/bash
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
"""


@pytest.fixture
def machine(tmp_path):
    for path in [*OWN, *TOOLS]:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("something\n")
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef\n")
    (tmp_path / "var/log/auth.log").write_text("who logged in\n")
    return tmp_path


def clean(machine, *said, program=None, **environment):
    """Speaks to the script as cloudtop does, and gives exit code and last line."""
    program = program or CLEAN.read_bytes()
    lines = [base64.b64encode(program).decode(), *said]
    done = subprocess.run(
        ["sh", "-c", RUNNER, "sh", "/home/dev"], input="\n".join(lines) + "\n", text=True, capture_output=True, timeout=60,
        env={"PATH": os.environ["PATH"], "CLOUDTOP_ROOT": str(machine), **environment}, check=False,
    )
    assert done.stderr == ""
    return done.returncode, (done.stdout.splitlines() or [""])[-1]


def left(machine, paths):
    return [path for path in paths if (machine / path).exists()]


def test_all_that_is_a_machine_s_own_is_gone_and_nothing_else(machine):
    assert clean(machine, "gone ~/secrets/token", "gone /srv/app.key", "clean", "end") == (0, "clean")
    assert left(machine, OWN) == []
    assert left(machine, TOOLS) == TOOLS
    assert (machine / "etc/machine-id").read_text() == "", "empty, so that systemd makes one"
    assert (machine / "var/log/auth.log").read_text() == ""


def test_a_second_time_is_as_good_as_the_first(machine):
    assert clean(machine, "clean", "end") == (0, "clean")
    assert clean(machine, "clean", "end") == (0, "clean")


def test_a_connection_that_breaks_changes_nothing(machine):
    assert clean(machine, "gone /srv/app.key") == (3, "the connection ended in the middle")
    assert left(machine, OWN) == OWN


def test_tools_are_waited_for_and_one_that_failed_leaves_all_as_it_is(machine):
    (machine / "etc/cloudtop/tools").write_text("download x\n")
    code, said = clean(machine, "tools", "end", WAIT="0")
    assert (code, said) == (5, "its tools are not there after 0 s")
    state = machine / "run/cloudtop/tools"
    state.parent.mkdir(parents=True)
    state.write_text("state done\nexit 1\nok setup: done\nfailed download http://x: no such host\n")
    assert clean(machine, "tools", "end") == (5, "a tool failed: download http://x: no such host")
    assert left(machine, OWN) == OWN
    state.write_text("state done\nexit 0\nok setup: done\n")
    assert clean(machine, "tools", "end") == (0, "clean")


@pytest.mark.parametrize("part", ["own_services", "identity", "first_boot", "logs", "people"])
def test_what_the_cleaning_has_left_is_found(machine, part):
    """A part of it is left out: what looks must see what is left then."""
    whole = CLEAN.read_text()
    assert whole.count(f"\n{part}\n") == 1
    code, said = clean(machine, "end", program=whole.replace(f"\n{part}\n", "\n").encode())
    assert code == 3 and said.endswith("is still there"), said
    assert clean(machine, "end") == (0, "clean")


def test_a_key_that_lies_elsewhere_in_a_home_is_found(machine):
    stray = machine / "home/dev/backup/id_rsa"
    stray.parent.mkdir()
    stray.write_text("key\n")
    assert clean(machine, "end") == (3, "/home/dev/backup/id_rsa is still there")
