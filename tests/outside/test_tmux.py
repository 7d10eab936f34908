"""Progress in a real terminal: tmux, its screen read back. The program runs on its own simulator.

With CAPTURES=docs/pictures the captures that the documentation shows are written anew.
"""

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import time

import pytest

from conftest import CAPTURES
from driver import PATIENCE, Cloudtop, clean_environment

# So slow that nothing changes while it is looked at, and so fast that nobody waits.
SLOW, FAST = "0.05", "20"
TITLE = "as it was"


class Pane:
    """A terminal in tmux, with a shell in it."""

    def __init__(self, directory, environment, columns, lines):
        self.socket = directory / "tmux"
        self.raw_file = directory / "raw"
        self.raw_file.touch()
        shell = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), "PS1=$ ", "sh"]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", lines, shlex.join(shell))
        self.tmux("set", "-g", "status", "off")
        self.tmux("resize-window", "-x", columns, "-y", lines)
        self.tmux("select-pane", "-T", TITLE)
        self.wait(r"^\$")

    def tmux(self, *words):
        """A command for tmux; what it prints."""
        argv = ["tmux", "-S", str(self.socket), *map(str, words)]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def types(self, *words):
        """A command, and Enter. Its end is told with its exit code."""
        self.tmux("pipe-pane", "-o", f"cat >> {shlex.quote(str(self.raw_file))}")
        self.tmux("send-keys", "-l", f"clear; {shlex.join(map(str, words))}; echo code=$?")
        self.tmux("send-keys", "Enter")

    def lines(self, *options):
        """What the screen shows, without the empty ends of lines."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", *options).split("\n")]

    def asked(self, what):
        """What tmux knows of it."""
        return self.tmux("display", "-p", f"#{{{what}}}").strip()

    def until(self, true, what):
        """Looks until something is so; gives the screen as it was then."""
        deadline = time.monotonic() + PATIENCE
        while not true(lines := self.lines()):
            assert time.monotonic() < deadline, f"{what} did not come:\n" + "\n".join(self.lines("-S", "-200"))
        return lines

    def wait(self, pattern):
        """Looks until a line is so; gives the screen as it was then."""
        return self.until(lambda lines: any(re.search(pattern, line) for line in lines), pattern)

    def resize(self, columns, lines):
        """Another size, as when a window is drawn larger or smaller."""
        self.tmux("resize-window", "-x", columns, "-y", lines)

    def breaks_off(self):
        """Ctrl-C, and its exit code."""
        self.tmux("send-keys", "C-c")
        self.wait("^code=130")

    def raw(self):
        """All that the program has written."""
        return self.raw_file.read_bytes()


@pytest.fixture(scope="session", autouse=True)
def there_is_tmux():
    """Without it there is nothing to look at."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not there: apt-get install tmux")


@pytest.fixture
def user(binary, tmp_path):
    """Somebody with terminals."""
    return User(binary, tmp_path)


class User:
    """An installation on the simulator."""

    def __init__(self, binary, root):
        self.cloudtop = Cloudtop(binary, root / "home")
        self.root = root
        self.speed(FAST)

    def speed(self, times):
        """How much faster than EC2 the simulator is."""
        self.cloudtop("--sim", "sim", "set", "setting", "speed", times)

    @contextlib.contextmanager
    def terminal(self, columns=80, lines=24, **more):
        """A terminal."""
        environment = clean_environment(self.cloudtop.home) | {"TERM": "tmux-256color"} | more
        directory = pathlib.Path(self.root / f"pane-{columns}-{lines}-{len(os.listdir(self.root))}")
        directory.mkdir()
        pane = Pane(directory, environment, columns, lines)
        try:
            yield pane
        finally:
            pane.tmux("kill-server")

    def command(self, *words):
        """argv of a command in a terminal."""
        return self.cloudtop.command("--sim", *words)


def counted(line):
    """The nodes in a line of counts."""
    return sum(map(int, re.findall(r"(?:^core: |, )(\d+) ", line)))


def picture(lines):
    """The lines that are drawn: those of the nodes, and of all of them together."""
    return [line for line in lines if re.match(r"core(/\d+ |: \d+ (?!x )[a-z])", line)]


def capture(name, lines):
    """Writes a screen down where the documentation keeps it."""
    if CAPTURES:
        text = "\n".join(lines).rstrip() + "\n"
        pathlib.Path(CAPTURES, f"{name}.txt").write_text(text, encoding="utf-8")


def assert_clean(pane):
    """Whether the terminal is as it was: the main screen, a cursor, its title, and nothing of a picture."""
    assert pane.asked("cursor_flag") == "1" and pane.asked("alternate_on") == "0"
    assert pane.asked("pane_title") == TITLE
    lines = pane.lines()
    assert not picture(lines), "\n".join(lines)
    assert pane.lines()[int(pane.asked("cursor_y"))].startswith("$"), "the shell has not the line to itself"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12), (20, 12)])
def test_forty_nodes_are_folded_into_the_terminal_and_nothing_is_left_of_them(user, columns, rows):
    with user.terminal(columns, rows) as pane:
        user.speed(SLOW)
        pane.types(*user.command("up", "core", "-n", 40))
        lines = pane.wait(r"^core: 40 launching" if columns > 20 else r"^core: 40 laun")
        shown = picture(lines)
        assert 2 <= len(shown) <= min(9, rows - 2), "\n".join(lines)
        assert all(len(line) < columns for line in shown)
        at = lines.index(shown[0])
        assert lines[at : at + len(shown)] == shown, "no line is broken into two"
        assert counted(shown[0]) == 40 and pane.asked("pane_title") == "cloudtop: core 0/40 ready"
        capture(f"progress-{columns}x{rows}", lines[at:])
        pane.breaks_off()
        assert_clean(pane)


def test_a_few_nodes_have_a_line_each_and_the_time_left_from_the_second_time_on(user):
    user.speed("1")
    user.cloudtop("--sim", "up", "core", "-n", 3)
    user.speed(FAST)
    user.cloudtop("--sim", "down", "core", "-y", "--delete-volumes")
    with user.terminal() as pane:
        user.speed(SLOW)
        pane.types(*user.command("up", "core", "-n", 3))
        lines = pane.until(lambda lines: sum("launching" in line for line in picture(lines)) == 3, "three nodes")
        shown = picture(lines)
        assert [line.split()[0] for line in shown] == ["core/0", "core/1", "core/2"]
        assert all(re.search(r"launching +\d+s +about \d+s left +EC2 ", line) for line in shown), shown
        capture("progress-3-nodes", shown)
        pane.breaks_off()


def test_another_size_is_drawn_anew_while_it_runs(user):
    with user.terminal() as pane:
        user.speed(SLOW)
        pane.types(*user.command("up", "core", "-n", 40))
        pane.wait("^core: 40 launching")
        for columns, rows in [(40, 12), (20, 8), (120, 40), (60, 20)]:
            pane.resize(columns, rows)

            def drawn(lines, columns=columns, rows=rows):
                """Whether there is one picture, of this size."""
                shown = picture(lines)
                heads = [line for line in shown if line.startswith("core:")]
                nodes = [line for line in shown if line.startswith("core/")]
                fits = all(len(line) < columns for line in shown)
                # What is cut is cut for this width, and not for the one before.
                cut = all(len(line) == columns - 1 for line in shown if line.endswith("..."))
                return len(heads) == 1 and len(nodes) == min(8, rows - 3) and fits and cut

            pane.until(drawn, f"one picture in {columns} x {rows}")
        pane.breaks_off()
        assert_clean(pane)


def test_when_it_is_done_nothing_of_the_picture_is_left(user):
    with user.terminal() as pane:
        pane.types(*user.command("up", "core", "-n", 40))
        pane.wait(r"^code=0")
        assert_clean(pane)
        told = "\n".join(pane.lines("-S", "-200"))
        assert "core: 40 x " in told and "booting" not in told and "core/" not in told, told


@pytest.mark.parametrize(("key", "code"), [("C-c", 130), ("TERM", 143)])
def test_ended_in_the_middle_it_leaves_the_terminal_as_it_was(user, key, code):
    with user.terminal() as pane:
        user.speed(SLOW)
        pane.types(*user.command("up", "core", "-n", 40))
        pane.wait("^core: 40 launching")
        if key == "C-c":
            pane.breaks_off()
        else:
            shell = pane.asked("pane_pid")
            children = pathlib.Path(f"/proc/{shell}/task/{shell}/children").read_text(encoding="ascii").split()
            os.kill(int(children[-1]), 15)
        pane.wait(f"^code={code}")
        assert_clean(pane)


def test_what_is_said_stands_above_the_picture_and_stays(user):
    with user.terminal() as pane:
        user.speed(SLOW)
        pane.types(*user.command("up", "core", "-n", 3, "-v"))
        lines = pane.until(lambda lines: sum("launching" in line for line in picture(lines)) == 3, "three nodes")
        made = next(at for at, line in enumerate(lines) if line.startswith("core: RunInstances made"))
        assert made < lines.index(picture(lines)[0])
        pane.breaks_off()
        assert any(line.startswith("core: RunInstances made") for line in pane.lines("-S", "-200"))


def test_colour_marks_what_is_ready_unless_nobody_wants_it(user):
    user.cloudtop("--sim", "up", "core", "-n", 2)
    user.speed("0.5")
    for colour, variables, options in [(True, {}, []), (False, {"NO_COLOR": "1"}, []), (False, {}, ["--color", "never"])]:
        with user.terminal(**variables) as pane:
            pane.types(*user.command("up", "core", "-n", 3, *options))
            pane.until(lambda lines: [line.split()[1] for line in picture(lines)][:2] == ["ready"] * 2, "two nodes")
            drawn = [line for line in pane.lines("-e") if "core/" in line]
            green = [re.search("\x1b\\[32m *ready", line) is not None for line in drawn]
            assert green == [colour and "ready" in line for line in drawn] and len(drawn) == 3, drawn
            assert colour or not any("\x1b" in line for line in drawn), drawn
            pane.breaks_off()


@pytest.mark.parametrize(
    ("variables", "options"),
    [({"TERM": "dumb"}, []), ({"CI": "true"}, []), ({}, ["--progress", "plain"]), ({"CLOUDTOP_PROGRESS": "plain"}, [])],
    ids=["dumb", "ci", "plain", "plain-by-environment"],
)
def test_lines_alone_are_written_where_nothing_can_or_should_be_drawn(user, variables, options):
    with user.terminal(**variables, **{"WT_SESSION": "1", "NO_COLOR": "1"}) as pane:
        pane.types(*user.command("up", "core", "-n", 12, "--wait", "running", *options))
        pane.wait(r"^code=0")
        said = pane.raw().split(b"\n", 1)[1]
        # What the shell's own `clear` has written comes before.
        said = said[said.index(b"core: ") :]
        assert b"core: 12 " in said and b"\x1b" not in said.split(b"code=")[0], said
        assert pane.asked("pane_title") == TITLE


def test_the_taskbar_is_told_where_it_is_known_and_cleared_in_the_end(user):
    with user.terminal(WT_SESSION="1") as pane:
        pane.types(*user.command("up", "core", "-n", 3))
        pane.wait(r"^code=0")
        bars = re.findall(rb"\x1b\]9;4;(\d);(\d+)\x07", pane.raw())
        assert bars[-1] == (b"0", b"0") and (b"1", b"25") in bars, bars
        shares = [int(percent) for state, percent in bars if state == b"1"]
        assert shares == sorted(shares), bars
    with user.terminal(WT_SESSION="1", CLOUDTOP_TASKBAR="never", CLOUDTOP_TITLE="never") as pane:
        pane.types(*user.command("stop", "core"))
        pane.wait(r"^code=0")
        assert b"\x1b]" not in pane.raw(), pane.raw()


def test_a_pipe_gets_lines_while_the_terminal_is_there(user):
    with user.terminal(WT_SESSION="1") as pane:
        command = shlex.join(user.command("--json", "--progress", "json", "up", "core", "-n", 3))
        pane.types("sh", "-c", f"{command} >/dev/null")
        pane.wait(r"^code=0")
        assert b'"event":"end"' in pane.raw() and b"\x1b]" not in pane.raw()
