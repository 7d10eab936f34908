"""What the tests of the nodes' scripts share: the stage that they are played on (stage.sh)."""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PARTS = HERE.parent.parent / "templates" / "parts"
VOLUME = "vol-0123456789abcdef0"

on_stage = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists(), reason="needs root and loop devices"
)


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
