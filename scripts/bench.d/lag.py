"""How long after a node is ready cloudtop says so, beside a script with boto3's own waiters: `scripts/bench --only lag`."""

import collections
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from driver import Cloudtop, Endpoint, clean_environment, eventually, served_simulator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STEP = 15
# Long enough for several steps, and short enough to be waited for.
DELAYS = {"pending": "20s", "boot": "15s", "cloud-init": "30s", "visibility-lag": "3s"}
LOOKS = ("DescribeInstances", "DescribeSpotInstanceRequests", "DescribeVolumes", "DescribeSecurityGroups")


class Waiter(threading.Thread):
    """boto3's waiters for the environment's instances, one after the other, then ssh to each node in steps as long."""

    def __init__(self, home, endpoint, nodes):
        super().__init__()
        self.config, self.nodes = home / "state.json.d/ssh/config", nodes
        self.environment = clean_environment(home)
        self.client = endpoint.client()
        self.calls = collections.Counter()
        self.to_find = 0
        self.told = {}

    def run(self):
        ours = [{"Name": "tag:cloudtop:env", "Values": ["bench"]}]

        def launched():
            found = [it for some in self.client.describe_instances(Filters=ours)["Reservations"] for it in some["Instances"]]
            return [it["InstanceId"] for it in found] if len(found) == self.nodes else None

        self.client.meta.events.register("before-call.ec2", lambda model, **_: self.calls.update([model.name]))
        ids = eventually(launched)
        # A script would know what it has launched.
        self.to_find = self.calls.total()
        self.client.get_waiter("instance_running").wait(InstanceIds=ids)
        self.client.get_waiter("instance_status_ok").wait(InstanceIds=ids)
        names = ["cloudtop-bench"] if self.nodes == 1 else [f"cloudtop-bench.{index}" for index in range(self.nodes)]
        with ThreadPoolExecutor(24) as pool:
            while waiting := [name for name in names if name not in self.told]:
                began = time.monotonic()
                list(pool.map(self.ask, waiting))
                if len(self.told) < self.nodes:
                    time.sleep(max(0.0, STEP - (time.monotonic() - began)))

    def ask(self, name):
        """One command over ssh."""
        argv = ["ssh", "-F", str(self.config), "-o", "BatchMode=yes", name, "cloud-init status"]
        said = subprocess.run(argv, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if "done" in said.stdout:
            self.told[name] = time.time()


def real(binary, root, nodes):
    """One `up` of the real program, while a waiter waits for the same instances: two rows."""
    cloudtop = Cloudtop(binary, root / f"home-{nodes}")
    for key, value in DELAYS.items():
        cloudtop("sim", "set", "setting", key, value)
    words = ["up", "bench", "-n", nodes, "-t", "m5.large", "--template", "docker", "--no-volume", "--allow-ssh", "192.0.2.7/32"]
    with served_simulator(cloudtop, speed=1) as url, open(root / "said", "w+", encoding="utf-8") as said:
        waiter = Waiter(cloudtop.home, Endpoint(url), nodes)
        process = cloudtop.start("--sim", *words, stdout=said, stderr=said)
        waiter.start()
        code = process.wait(600)
        ended = time.time()
        waiter.join(600)
        account = cloudtop("--sim", "sim", "show", "--json").json()
        said.seek(0)
        assert code == 0, said.read()
    ready = max(datetime.fromisoformat(it["ready_at"]).timestamp() for it in account["instances"])
    # The waiter asks in the same account, partly by the same calls.
    looks = sum(account["calls"].get(action, 0) - waiter.calls[action] for action in LOOKS)
    known = max(waiter.told.values())
    return [("cloudtop, until `up` ends", nodes, ended - ready, looks),
            ("boto3's waiters, then ssh every 15 s", nodes, known - ready, waiter.calls.total() - waiter.to_find)]


def virtual():
    """The same on a virtual clock, over many seeds: what tests/lag.rs prints."""
    argv = ["cargo", "test", "--locked", "--all-features", "--test", "lag", "--", "figures", "--ignored", "--nocapture"]
    told = subprocess.run(argv, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [line.split()[1:] for line in told.splitlines() if line.startswith("lag ")]
    lines = ["| nodes | runs | who | a node, p50 s | a node, p99 s | last node to the end, s | calls |", "|---:|---:|---|---:|---:|---:|---:|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def table(built, profile, sizes):
    """Both tables."""
    with tempfile.TemporaryDirectory(prefix="cloudtop-lag-") as root:
        os.environ.update({key: value for key, value in clean_environment(root).items() if key.startswith("AWS_")})
        binary = pathlib.Path(shutil.copy2(built, root))
        rows = [row for nodes in sizes for row in real(binary, pathlib.Path(root), nodes)]
    lines = [f"The real program ({profile}) and real waiters, on loopback:\n", "| who | nodes | last node ready to known, s | calls |",
             "|---|---:|---:|---:|", *(f"| {who} | {nodes} | {lag:.2f} | {calls} |" for who, nodes, lag, calls in rows)]
    return "\n".join([*lines, "\nThe engine on a virtual clock, beside a waiter that is worked out:\n", virtual()])
