"""`cloudtop top` in a terminal of its own, on the program's own simulator."""

import fcntl
import os
import pty
import signal
import struct
import termios

import pytest

from driver import clean_environment
from terminal import CTRL_C, DOWN
from test_terminal import User


@pytest.fixture
def user(binary, tmp_path):
    """An installation with two environments that are up."""
    user = User(binary, tmp_path)
    user.cloudtop("--sim", "up", "core", "--nodes", 2, "--wait", "ssh")
    user.cloudtop("--sim", "up", "dev", "--wait", "ssh")
    return user


def environment(user, name):
    """What `list` tells of one."""
    return next(it for it in user.cloudtop("--sim", "--json", "list").json()["environments"] if it["name"] == name)


def rows(terminal):
    """The table: what is below its head and above the chart."""
    lines = terminal.lines()
    return lines[2 : next(at for at, line in enumerate(lines) if line.startswith("PRICE"))]


def test_two_environments_and_their_nodes_are_seen_in_80_by_24(user):
    with user.types("top", columns=80, lines=24, LANG="C.UTF-8") as terminal:
        terminal.wait("of 3 nodes ready").wait("24 hours").wait("this month")
        table = [line[2:].split()[0] for line in rows(terminal) if line.strip()]
        assert table == ["core", "/0", "/1", "dev", "/0"], terminal.lines()
        assert any(ord(letter) >= 0x2800 for line in terminal.lines() for letter in line), "no chart in braille"
        terminal.wait("`up dev` has ended").press("q")
        terminal.ended(0).is_clean()


def test_another_size_is_drawn_anew(user):
    with user.types("top", columns=80, lines=24, LANG="C") as terminal:
        terminal.wait("EVENTS")
        assert terminal.raw[terminal.raw.index(b"EVENTS") :].isascii(), "LANG=C shows ASCII alone"
        terminal.resize(40, 12)
        terminal.wait("? all keys")
        assert not any("EVENTS" in line for line in terminal.lines())
        terminal.resize(120, 40)
        terminal.wait("arrows select").press("?")
        terminal.wait("Any key goes back").press("x", CTRL_C)
        terminal.ended(0).is_clean()


def test_the_log_is_kept_out_of_the_screen(user):
    with user.types("-vv", "top", columns=80, lines=24, LANG="C.UTF-8") as terminal:
        terminal.wait("of 3 nodes ready")
        assert "DEBUG" not in "\n".join(terminal.lines())
        terminal.press("q").wait("the log is in").ended(0)
    log = next(user.cloudtop.home.rglob("top.log"))
    assert "DEBUG" in log.read_text()


def test_a_shell_is_given_the_terminal_and_gives_it_back(user):
    with user.types("top", columns=80, lines=24) as terminal:
        terminal.wait("of 3 nodes ready").press(DOWN, DOWN)
        terminal.wait(">   /1").press("s")
        terminal.wait("(simulated):~$").press("exit 7\r")
        terminal.wait("has ended with exit code 7; press a key").press(" ")
        terminal.wait("> ").press("q")
        terminal.ended(0).is_clean()


def test_stop_is_asked_for_and_done(user):
    with user.types("top", columns=80, lines=24) as terminal:
        terminal.wait("of 3 nodes ready").press("S")
        terminal.wait("stop core? (disks are kept) y/n").press("n", "S", "y")
        terminal.wait("`cloudtop stop core` has ended with exit code 0").press(" ")
        terminal.wait("> core             stopped").press("q")
        terminal.ended(0).is_clean()
    assert environment(user, "core")["phase"] == "stopped"
    assert environment(user, "dev")["phase"] != "stopped"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_clean(user, sent, code):
    with user.types("top", columns=80, lines=24) as terminal:
        terminal.wait("of 3 nodes ready")
        os.kill(terminal.pid, sent)
        terminal.ended(code).is_clean()


def test_a_terminal_that_is_closed_ends_it_at_once(user):
    argv = [word for word in user.cloudtop.command("--sim", "top") if word != "--no-input"]
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, clean_environment(user.cloudtop.home) | {"TERM": "xterm"})
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shown = b""
    while b"EVENTS" not in shown:
        shown += os.read(descriptor, 65536)
    os.close(descriptor)
    # The signal, or a key that cannot be read: whichever is seen first.
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (129, 1)


def test_no_terminal_is_wrong_usage(user):
    said = user.cloudtop("--sim", "top", code=2).stderr
    assert "list --json" in said and "watch NAME" in said
