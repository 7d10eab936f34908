"""What Debian's cloud-init says of what the built-in templates render to, and whether the program knows its keys.

    schema.py CLOUDTOP CLOUD_INIT      CLOUD_INIT: a directory with cloud-init unpacked in root/ and a venv/ for it
"""

import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
OPTIONS = (["--volume", "50"], ["--ttl", "8h"], ["--idle", "45m"], ["-n", "3"])


def renderings(program, name):
    """The distinct texts of a template, with and without each option, by the options."""
    texts = {}
    for chosen in itertools.product((False, True), repeat=len(OPTIONS)):
        options = [word for wanted, words in zip(chosen, OPTIONS) if wanted for word in words]
        if not chosen[0]:
            options.append("--no-volume")
        text = subprocess.run(
            [program, "-q", "template", "render", name, *options], check=True, capture_output=True, text=True
        ).stdout
        texts.setdefault(re.sub(r"OnCalendar=.*", "OnCalendar=", text), (" ".join(options), text))
    return texts.values()


def schema(cloud_init, text):
    """cloud-init's verdict: whether it agrees, and its words."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        answer = subprocess.run(
            [cloud_init / "venv/bin/python", "-m", "cloudinit.cmd.main", "schema", "--config-file", file.name],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages(cloud_init))},
            capture_output=True,
            text=True,
        )
    return answer.returncode == 0 and "Valid" in answer.stdout, answer.stdout + answer.stderr


def packages(cloud_init):
    return cloud_init / "root/usr/lib/python3/dist-packages"


def unknown_keys(cloud_init):
    """Keys of this cloud-init's schema that the program would call unknown."""
    document = json.loads((packages(cloud_init) / "cloudinit/config/schemas/schema-cloud-config-v1.json").read_text())
    named = [part["$ref"].rsplit("/", 1)[-1] for part in document["allOf"] if "$ref" in part]
    of_schema = {key for name in named for key in document["$defs"][name].get("properties", {})}
    assert len(of_schema) > 50, "the schema has another form by now"
    source = (REPOSITORY / "src/templates/check/keys.rs").read_text()
    ours = set(re.findall(r'^    \(\s*"([^"]+)"', source, re.M)) | set(re.findall(r'^        "([^" ]+)",$', source, re.M))
    ours |= set(re.findall(r'^    "([^" ]+)",$', source, re.M))
    return sorted(of_schema - ours)


def main():
    program, cloud_init = sys.argv[1], pathlib.Path(sys.argv[2])
    failed = 0
    good, words = schema(cloud_init, "#cloud-config\npackages: 3\n")
    if good:
        sys.exit(f"this cloud-init calls everything valid: {words}")
    templates = json.loads(subprocess.run([program, "--json", "template", "list"], check=True, capture_output=True).stdout)
    for name in (it["name"] for it in templates["templates"]):
        for options, text in renderings(program, name):
            if not text.startswith("#cloud-config"):
                continue
            good, words = schema(cloud_init, text)
            print(f"{'PASS' if good else 'FAIL'} {name} {options}" + ("" if good else f"\n{words}"))
            failed += not good
    for key in unknown_keys(cloud_init):
        print(f"FAIL src/templates/check/keys.rs does not know `{key}`")
        failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
