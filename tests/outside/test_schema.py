"""The JSON schema of cloudtop.toml, before a validator that is not ours: what the program takes, the schema takes, and what it
does not take, the schema does not."""

import json
import re
import subprocess
import tomllib

import jsonschema
import pytest

from conftest import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "docs/cloudtop.schema.json").read_text())
PAGES = ("configuration.md", "secrets.md")

GOOD = (
    "",
    'region = "us-east-1"\n[env.dev]\ntypes = ["m5.large", "m5a.large"]\nmax_price = 0.25',
    "volume = false\n[env.dev]\nvolume = 65536",
    'ttl = "1h30m"\ntimeout = "2 hours 5 minutes"\nidle = "45m"',
    'set = { a = "x", b = 3, c = true, d = ["x", "y"] }',
    '[secrets]\n"~/.netrc" = { command = "pass show netrc", mode = "0400", owner = "root:docker" }',
    'instance_profile = ""\nlocal_ssd = true\nwait = "ssh"\nos = "amazon-linux"',
)
BAD = (
    "nodes = 3.5",
    "volume = 0",
    "volume = true",
    'ttl = "8"',
    "timeout = 600",
    'on_interruption = "sleep"',
    "set = { a = 1.5 }",
    "[tags]\nteam = 1",
    '[secrets]\n"~/x" = { file = "a", env = "B" }',
    '[secrets]\n"~/x" = { value = "hunter2" }',
    "colour = 1",
    "[env.dev]\nregoin = 1",
    'aws_secret_access_key = "hunter2"',
)


def examples():
    """The examples of the documentation."""
    for page in PAGES:
        yield from re.findall(r"```toml\n(.*?)```", (REPOSITORY / "docs" / page).read_text(), re.S)


def fits(text):
    """Whether the schema takes a text of TOML."""
    return jsonschema.Draft4Validator(SCHEMA).is_valid(tomllib.loads(text))


def program_takes(binary, tmp_path, text):
    """Whether the program does, without a warning."""
    file = tmp_path / "cloudtop.toml"
    file.write_text(text)
    command = [binary, "--config", file, "--state", tmp_path / "state.json", "config", "check"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def test_the_schema_is_one():
    jsonschema.Draft4Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [*GOOD, *examples()])
def test_what_the_program_takes_fits(binary, tmp_path, text):
    assert program_takes(binary, tmp_path, text)
    assert fits(text)


@pytest.mark.parametrize("text", BAD)
def test_what_the_program_does_not_take_does_not_fit(binary, tmp_path, text):
    assert not program_takes(binary, tmp_path, text)
    assert not fits(text)
