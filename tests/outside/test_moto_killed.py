"""kill -9 in the middle of `up`, at every call that makes something, before EC2 does it and after."""

import signal
import subprocess

import pytest

from driver import PATIENCE
from teller import in_front_of
from test_moto import CIDR, SMALL, image, live, made, persistent

MAKING = ["ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances", "CreateVolume", "AttachVolume"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("action", MAKING)
def test_one_of_each_is_left_when_up_is_killed_and_run_again(cloudtop, account, action, moment):
    ec2 = account.client()
    words = ["up", "dev", *SMALL, "--allow-ssh", CIDR, "--ami", image(ec2), "--wait", "running"]
    with in_front_of(account) as teller:
        through = cloudtop.on(teller)
        victim = through.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def kill(seen):
            if seen == action:
                victim.kill()
                victim.wait()

        setattr(teller, moment, kill)
        assert victim.wait(timeout=PATIENCE) == -signal.SIGKILL, f"{action} was never called"
    # The same command once more.
    cloudtop.on(account)(*words)
    kinds = sorted(kind for kind, _ in made(ec2))
    assert kinds == ["group", "instance", "key", "volume", "volume"], "one of each, and the instance's own root volume"
    (instance,) = live(ec2)
    (volume,) = persistent(ec2)
    assert volume["Attachments"][0]["InstanceId"] == instance["InstanceId"]
    assert len(instance["BlockDeviceMappings"]) == 2
    cloudtop.on(account)("down", "dev", "--delete-volumes", "--yes")
    assert made(ec2) == []
