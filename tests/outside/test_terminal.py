"""What only a terminal shows: questions, and what is drawn over itself. The program runs on its own simulator."""

import contextlib
import signal
import os

import pytest

from driver import Cloudtop, clean_environment
from terminal import CTRL_C, DOWN, ENTER, UP, in_terminal


@pytest.fixture
def user(binary, tmp_path):
    """An installation on the simulator, and a directory to work in."""
    return User(binary, tmp_path)


class User:
    """Somebody at a terminal."""

    def __init__(self, binary, root):
        self.cloudtop = Cloudtop(binary, root / "home")
        self.cwd = root / "cwd"
        self.cwd.mkdir()
        self.cloudtop("--sim", "sim", "set", "setting", "speed", 20)

    @contextlib.contextmanager
    def types(self, *words, columns=100, lines=30, **more):
        """A command in a terminal."""
        command = [word for word in self.cloudtop.command("--sim", *words) if word != "--no-input"]
        environment = clean_environment(self.cloudtop.home) | more
        with in_terminal(command, environment, self.cwd, columns, lines) as terminal:
            yield terminal

    @property
    def file(self):
        """The text of cloudtop.toml."""
        path = self.cwd / "cloudtop.toml"
        return path.read_text() if path.exists() else ""


def test_init_asks_with_prices_beside_the_sizes_and_writes_the_answers(user):
    with user.types("init") as terminal:
        terminal.wait("Name of the environment").press("box", ENTER)
        terminal.wait("Region (type").press("eu-west-1", ENTER)
        terminal.wait("What it is for").press(ENTER)
        # The list is there once its last line is.
        terminal.wait("an instance type that I name")
        sizes = [line for line in terminal.lines() if "vCPUs" in line]
        assert len(sizes) == 6 and all("/hour " in line and "eu-west-1" in line for line in sizes[:4]), sizes
        # The usual size is marked; one more than that.
        terminal.press(DOWN, ENTER)
        terminal.wait("GiB of its").press("\x7f\x7f", "120", ENTER)
        terminal.wait("It stops itself").press(DOWN, ENTER)
        terminal.wait("The most to spend").press(ENTER)
        terminal.wait("8 hours on 22 days").wait("Write cloudtop.toml").press(ENTER)
        terminal.wait("Next: `cloudtop up box`").ended(0).is_clean()
    for line in ('region = "eu-west-1"', "[env.box]", "cpus = 8", "memory = 32", "volume = 120", 'idle = "2h"', "monthly = "):
        assert line in user.file, f"{line} in {user.file}"


def test_a_type_is_found_by_some_of_its_letters(user):
    with user.types("init", "dev", "-r", "us-east-1", "--template", "cloudtop", "--no-volume", "--idle", "1h", "--budget", "0") as terminal:
        terminal.wait("Size of the machine").press(UP, UP, ENTER)
        terminal.wait("Instance type").press("c7i.4x")
        terminal.wait("c7i.4xlarge").press(ENTER)
        terminal.wait("Write cloudtop.toml").press(ENTER)
        terminal.ended(0).is_clean()
    assert 'types = ["c7i.4xlarge"]' in user.file and "cpus" not in user.file


@pytest.mark.parametrize("question", ["Name of the environment", "Region (type", "Size of the machine"])
def test_ctrl_c_at_any_question_leaves_nothing_behind(user, question):
    answers = ["dev"] if question != "Name of the environment" else []
    if question == "Size of the machine":
        answers += ["-r", "us-east-1", "--template", "cloudtop"]
    with user.types("init", *answers) as terminal:
        terminal.wait(question).press(CTRL_C)
        terminal.ended(130).is_clean()
    assert user.file == ""


def test_init_changes_its_mind_at_the_end(user):
    with user.types("init", "dev", "-r", "us-east-1", "--template", "cloudtop", "--cpus", "2", "--volume", "10", "--idle", "1h", "--budget", "9") as terminal:
        terminal.wait("Write cloudtop.toml").press(DOWN, ENTER)
        terminal.ended(1).is_clean()
    assert user.file == ""


def test_a_signal_in_the_middle_of_a_question_gives_the_terminal_back(user):
    with user.types("init", "dev") as terminal:
        terminal.wait("Region (type")
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.ended(143).is_clean()
    assert user.file == ""


@pytest.mark.parametrize(("answer", "code", "instances"), [(["n", ENTER], 1, 1), ([ENTER], 1, 1), ([CTRL_C], 130, 1), (["y", ENTER], 0, 2)])
def test_a_budget_that_is_spent_asks_before_anything_is_launched(user, answer, code, instances):
    user.cloudtop("--sim", "up", "dev", "--no-volume", "--wait", "running")
    # Any instance has spent this within a second.
    (user.cwd / "cloudtop.toml").write_text("[budget]\nmonthly = 0.000001\n")
    with user.types("up", "job", "--no-volume", "--wait", "running", columns=160) as terminal:
        terminal.wait("Let job run all the same?").press(*answer)
        terminal.ended(code).is_clean()
    shown = user.cloudtop("--sim", "sim", "show", "--json").json()
    assert len(shown["instances"]) == instances, shown
