"""Starting things and asking them: cloudtop, moto, the simulator, boto3 clients. No tests here."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

REGION = "us-east-1"
# How long anything here may take before it counts as hung; the machine may be busy with other things.
PATIENCE = 120


def clean_environment(home):
    """Nothing of the user's, and credentials that are nobody's."""
    return {
        "HOME": str(home),
        "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def eventually(what, patience=PATIENCE):
    """Asks until the answer is true, and gives it; fails with the last one."""
    deadline = time.monotonic() + patience
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not so after {patience} s: {what.__name__} is {answer!r}"
        time.sleep(0.05)
    return answer


class Run:
    """A program that has ended."""

    def __init__(self, ended):
        self.code = ended.returncode
        self.stdout = ended.stdout
        self.stderr = ended.stderr

    def json(self):
        """stdout as the one JSON document that it is."""
        return json.loads(self.stdout)


class Cloudtop:
    """The real binary, with a home of its own."""

    def __init__(self, binary, home, endpoint=None):
        self.binary = binary
        self.home = home
        self.endpoint = endpoint
        home.mkdir(parents=True, exist_ok=True)

    def on(self, endpoint):
        """The same installation, talking to another endpoint."""
        return Cloudtop(self.binary, self.home, endpoint)

    def command(self, *args):
        """argv of a command."""
        where = ["--endpoint-url", self.endpoint.url] if self.endpoint else []
        return [str(self.binary), "--state", str(self.home / "state.json"), "--no-input", *where, *map(str, args)]

    def start(self, *args, **more):
        """Starts a command and does not wait for it."""
        return subprocess.Popen(
            self.command(*args), env=clean_environment(self.home), stdin=subprocess.DEVNULL, text=True, **more
        )

    def __call__(self, *args, code=0):
        """Runs a command, which must end with that exit code."""
        ended = subprocess.run(
            self.command(*args),
            env=clean_environment(self.home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        said = f"{ended.stdout}\n{ended.stderr}"
        assert ended.returncode == code, f"cloudtop {' '.join(map(str, args))} ended with {ended.returncode}:\n{said}"
        return Run(ended)


class Endpoint:
    """Something that answers as EC2 does."""

    def __init__(self, url):
        self.url = url

    def client(self, service="ec2", region=REGION):
        """A boto3 client for it, which repeats nothing by itself."""
        config = Config(retries={"max_attempts": 0}, read_timeout=PATIENCE)
        return boto3.session.Session().client(service, region_name=region, endpoint_url=self.url, config=config)

    def reset(self):
        """Empties moto's account."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=PATIENCE)

    def answers(self):
        """Whether moto is up."""
        try:
            with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=PATIENCE):
                return True
        except (urllib.error.URLError, OSError):
            return False


@contextlib.contextmanager
def running(argv, **more):
    """A program that ends with the block."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, **more) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def moto(settings=None):
    """A moto server of its own on a free port of this machine."""
    program = shutil.which("moto_server", path=str(pathlib.Path(sys.executable).parent)) or "moto_server"
    with tempfile.TemporaryDirectory(prefix="cloudtop-moto-") as home, open(f"{home}/log", "w+", encoding="utf-8") as log:
        environment = clean_environment(home) | (settings or {})
        # A port that was free a moment ago may be taken by the time moto binds it.
        for _ in range(5):
            port = free_port()
            argv = [program, "-H", "127.0.0.1", "-p", str(port)]
            with running(argv, env=environment, stdout=log, stderr=subprocess.STDOUT) as process:
                endpoint = Endpoint(f"http://127.0.0.1:{port}")
                if eventually(lambda: process.poll() is not None or endpoint.answers()) and process.poll() is None:
                    yield endpoint
                    return
        log.seek(0)
        raise RuntimeError(f"moto does not start:\n{log.read()}")


@contextlib.contextmanager
def served_simulator(cloudtop, speed=20):
    """`cloudtop sim serve` on a free port; yields its URL."""
    cloudtop("sim", "set", "setting", "speed", speed)
    argv = cloudtop.command("sim", "serve", "--port", 0)
    environment = clean_environment(cloudtop.home)
    with running(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGINT)
        server.wait(timeout=PATIENCE)


def free_port():
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
