"""One scenario being played: its place, its guest, and the lines that it prints."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from image import Image, run
from rig import Guest, set_up_network

class Trial:
    """Prints PASS or FAIL for each thing that is shown, with the seconds that it took."""

    def __init__(self, program: Path, image: Image, template: str, scenario: str):
        self.program, self.image, self.template = program, image, template
        self.title = f"{template} {scenario.replace('_', ' ')}"
        self.passed = self.failed = 0
        self.detail = ""
        self.place = Path(tempfile.mkdtemp(prefix="guest-test-"))
        key = self.place / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        set_up_network(self.place)
        self.guest = Guest(self.place, image, key)

    def play(self, scenario) -> None:
        """Plays a scenario to its end, or to where it cannot go on."""
        began = time.monotonic()
        try:
            scenario(self)
        except Exception as stuck:  # Whatever it is: the other scenarios are still to be played.
            self.line(False, f"it goes on: {type(stuck).__name__}", began, str(stuck))
        finally:
            if self.guest.machine:
                self.guest.machine.kill()
        if self.failed:
            print(f"  its console, and QEMU's words, are in {self.place}", flush=True)
            for disk in self.place.glob("*.raw"):
                disk.unlink()
        else:
            shutil.rmtree(self.place)

    # What a scenario says.

    def check(self, name: str, script: str, limit: float = 300) -> None:
        """A script in the guest ends well."""
        began = time.monotonic()
        code, said = self.guest.sh(script, limit)
        self.line(code == 0, name, began, f"exit code {code}\n{said}")

    def wait(self, name: str, condition: str, otherwise: str, limit: float = 300) -> None:
        """A condition comes to hold in the guest; otherwise this script tells why not."""
        began = time.monotonic()
        code, said = self.guest.until(condition, limit)
        self.line(code == 0, name, began, f"not within {limit:.0f} s\n{said}\n{self.guest.sh(otherwise)[1] if code else ''}")

    def that(self, name: str, fact) -> None:
        """Something holds outside of the guest."""
        began = time.monotonic()
        self.detail = ""
        self.line(bool(fact()), name, began, self.detail)

    def boots(self, name: str, start) -> None:
        """The guest comes up, and cloud-init ends without an error."""
        began = time.monotonic()
        before = self.guest.boot_id()
        start()
        self.guest.await_boot(before)
        self.line(True, name, began, "")

    def line(self, passed: bool, name: str, began: float, detail: str) -> None:
        self.passed, self.failed = self.passed + passed, self.failed + (not passed)
        print(f"{'PASS' if passed else 'FAIL'} {self.title}: {name} ({time.monotonic() - began:.0f} s)", flush=True)
        if not passed:
            print("\n".join("     | " + line for line in detail.strip().splitlines()[-40:]), flush=True)

    def render(self) -> bytes:
        """What `cloudtop template render` prints."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.place)}
        command = [self.program, "template", "render", self.template]
        return subprocess.run(command, env=own, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
