"""A program in a terminal of its own: what is on its screen, and keys for it. No tests here."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
import threading

import pyte

from driver import PATIENCE

UP, DOWN, ENTER, CTRL_C = "\x1b[A", "\x1b[B", "\r", "\x03"


class Terminal:
    """The screen of a program, as an emulator draws it."""

    def __init__(self, descriptor, pid, columns, lines):
        self.descriptor = descriptor
        self.pid = pid
        self.screen = pyte.HistoryScreen(columns, lines, history=5000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.status = None
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        # The kernel answers with an error when the last writer has gone.
        with contextlib.suppress(OSError):
            while chunk := os.read(self.descriptor, 65536):
                with self.changed:
                    self.raw += chunk
                    self.stream.feed(chunk)
                    self.changed.notify_all()
        with self.changed:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.changed.notify_all()

    def lines(self):
        """What the screen shows now, without the empty ends of lines."""
        return [line.rstrip() for line in self.screen.display]

    def scrolled(self):
        """What has left the screen at its top, and what it shows."""
        above = ["".join(line[column].data for column in range(self.screen.columns)) for line in self.screen.history.top]
        return [line.rstrip() for line in above] + self.lines()

    def wait(self, what, patience=PATIENCE):
        """Waits until a text is somewhere on the screen, or above it."""
        with self.changed:
            there = self.changed.wait_for(lambda: self._has(what) or self.status is not None, patience)
            assert there and self._has(what), f"{what!r} did not come:\n" + "\n".join(self.scrolled())
        return self

    def _has(self, what):
        return any(what in line for line in self.scrolled())

    def press(self, *keys):
        """Types keys."""
        for key in keys:
            os.write(self.descriptor, key.encode())
        return self

    def resize(self, columns, lines):
        """Another size, as when a window is drawn larger or smaller."""
        with self.changed:
            self.screen.resize(lines, columns)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def ended(self, code=0, patience=PATIENCE):
        """Waits for the end, which must be this exit code."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.status is not None, patience), "\n".join(self.scrolled())
        assert self.status == code, f"ended with {self.status}:\n" + "\n".join(self.scrolled())
        return self

    def is_clean(self):
        """Whether the terminal is as it was: the cursor shown, the main screen, keys echoed."""
        settings = termios.tcgetattr(self.descriptor)[3]
        assert settings & termios.ECHO and settings & termios.ICANON, "keys are not echoed"
        assert not self.screen.cursor.hidden, "the cursor is hidden"
        assert self.raw.count(b"\x1b[?1049h") == self.raw.count(b"\x1b[?1049l"), "it is still the other screen"


@contextlib.contextmanager
def in_terminal(argv, environment, cwd, columns=100, lines=30):
    """Starts a program in a new terminal, which is gone after the block, and the program with it."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(argv[0], argv, environment | {"TERM": "xterm-256color"})
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    terminal = Terminal(descriptor, pid, columns, lines)
    try:
        yield terminal
    finally:
        if terminal.status is None:
            os.kill(pid, signal.SIGKILL)
        terminal.reader.join(PATIENCE)
        os.close(descriptor)
