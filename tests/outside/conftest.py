"""What the tests on other people's programs share: the real binary, moto, and the simulator's HTTP door.

Run by scripts/test. By hand: `.venv/bin/pytest tests/outside` after `cargo build`; CLOUDTOP names another binary.
"""

import os
import pathlib
import tempfile

import pytest

from driver import Cloudtop, Endpoint, clean_environment, moto, served_simulator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CLOUDTOP", REPOSITORY / "target/debug/cloudtop"))
# Where test_tmux.py writes the captures that the documentation shows; nothing: nowhere.
CAPTURES = os.environ.get("CAPTURES")

# boto3 in this process must not find the user's own AWS configuration, nor ask a metadata service.
_HOME = tempfile.TemporaryDirectory(prefix="cloudtop-tests-")
os.environ.clear()
os.environ.update(clean_environment(pathlib.Path(_HOME.name)))


@pytest.fixture(scope="session")
def binary():
    """The program under test."""
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: run `cargo build`, or set CLOUDTOP", returncode=2)
    return BINARY


@pytest.fixture(scope="session")
def moto_server():
    """moto as anybody would run it."""
    with moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def strict_moto_server():
    """moto with every check of what it is sent that it has."""
    strict = ("MOTO_ENABLE_AMI_VALIDATION", "MOTO_ENABLE_KEYPAIR_VALIDATION", "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION")
    with moto({name: "true" for name in strict}) as endpoint:
        yield endpoint


@pytest.fixture
def account(moto_server):
    """moto's account, empty."""
    moto_server.reset()
    return moto_server


@pytest.fixture
def strict_account(strict_moto_server):
    """The strict moto's account, empty."""
    strict_moto_server.reset()
    return strict_moto_server


@pytest.fixture
def cloudtop(binary, tmp_path):
    """An installation of cloudtop: a home and a state of its own."""
    return Cloudtop(binary, tmp_path / "home")


@pytest.fixture
def cloudtop_of_simulator(binary, tmp_path):
    """The installation that has the simulated account: for `sim set`."""
    return Cloudtop(binary, tmp_path / "simulator")


@pytest.fixture
def simulator(cloudtop_of_simulator):
    """A fresh simulated account behind HTTP, twenty times faster than EC2."""
    with served_simulator(cloudtop_of_simulator) as url:
        yield Endpoint(url)
