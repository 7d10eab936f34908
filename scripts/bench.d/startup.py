"""What a start costs: the processor's instructions, which do not depend on what else the machine does, and the time beside
programs of others that do as little."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


class Startup:
    """Programs by name, and the table of what they cost to start."""

    def __init__(self, binary, venv, environment, quick):
        self.environment = environment
        self.runs = 20 if quick else 200
        self.ours = {
            "cloudtop --version": [binary, "--version"],
            "cloudtop --help": [binary, "--help"],
            "cloudtop": [binary],
            "cloudtop list": [binary, "list"],
            "cloudtop status nothing": [binary, "status", "nothing"],
            "cloudtop up --help": [binary, "up", "--help"],
            "completion of `cloudtop ssh `": [binary, "--", "cloudtop", "ssh", ""],
        }
        others = {
            "true": [shutil.which("true")],
            "python3 -c pass": [venv / "bin/python", "-I", "-c", "pass"],
            "ssh -V": [shutil.which("ssh"), "-V"],
            "git --version": [shutil.which("git"), "--version"],
            "terraform version": [shutil.which("terraform"), "version"],
            "aws --version": [venv / "bin/aws", "--version"],
        }
        self.others = {name: words for name, words in others.items() if words[0] and os.path.exists(words[0])}

    def environment_of(self, name):
        """That of a program; a shell asks for completion by variables."""
        asked = {"COMPLETE": "bash", "_CLAP_COMPLETE_INDEX": "2", "_CLAP_COMPLETE_COMP_TYPE": "9", "_CLAP_IFS": "\n"}
        return self.environment | asked if name.startswith("completion") else self.environment

    def seconds(self):
        """Medians by name. Programs take turns, so that what else the machine does hits all of them."""
        times = {name: [] for name in self.others | self.ours}
        for turn in range(self.runs):
            for name, words in (self.others | self.ours).items():
                # The slow ones need fewer turns to be known.
                if turn >= 10 and statistics.median(times[name]) > 0.1:
                    continue
                times[name].append(self._once(words, self.environment_of(name)))
        return {name: statistics.median(all_) for name, all_ in times.items()}

    @staticmethod
    def _once(words, environment):
        words = [str(it) for it in words]
        quiet = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)]
        began = time.perf_counter()
        process = os.posix_spawn(words[0], words, environment, file_actions=quiet)
        os.waitpid(process, 0)
        return time.perf_counter() - began

    def instructions(self, name, words):
        """As valgrind counts them, of the program itself and not of the kernel; `None` where it is not there or cannot run it."""
        if not shutil.which("valgrind"):
            return None
        with tempfile.NamedTemporaryFile() as out:
            counted = subprocess.run(
                ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", *map(str, words)],
                env=self.environment_of(name) | {"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            )
        found = re.search(r"Collected : (\d+)", counted.stderr)
        return int(found[1]) if found else None

    def table(self):
        """All of it."""
        seconds = self.seconds()
        base = seconds["cloudtop --version"]
        lines = ["| program | ms | / `cloudtop --version` | instructions |", "|---|---:|---:|---:|"]
        for name, words in (self.others | self.ours).items():
            print(f"  {name} ...", file=sys.stderr, flush=True)
            count = self.instructions(name, words)
            shown = f"{count:,}" if count else "-"
            ratio = f"{seconds[name] / base:.1f}"
            lines.append(f"| `{name.replace('`', '')}` | {1000 * seconds[name]:.2f} | {ratio} | {shown} |")
        return "\n".join(lines)
