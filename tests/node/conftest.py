"""What the tests of the nodes' scripts share: the stage that they are played on (stage.sh)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PARTS = HERE.parent.parent / "templates" / "parts"
VOLUME = "vol-0123456789abcdef0"


def has_stage() -> bool:
    """Whether this machine lets us have loop devices, and file systems and a network of our own."""
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        return False
    return subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True).returncode == 0


def needs(tool: str):
    return pytest.mark.skipif(shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None, reason=f"needs {tool}")


on_stage = pytest.mark.skipif(not has_stage(), reason="needs root, loop devices and namespaces")


@pytest.fixture
def play(tmp_path):
    """Plays a scene in bash on the stage; the volume's id has been promised to the node."""

    def run(scene: str) -> str:
        prelude = f"source {HERE}/stage.sh {tmp_path} {PARTS}\npromise {VOLUME}\n"
        command = ["unshare", "--mount", "--net", "--propagation", "private", "bash", "-c", prelude + scene]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
