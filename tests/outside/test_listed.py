"""docs/testing.md names the tests that run in a terminal."""

import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def test_the_list_of_terminal_tests_is_what_they_are():
    checked = subprocess.run([REPOSITORY / "scripts/terminal-tests", "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
