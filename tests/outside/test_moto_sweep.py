"""A CloudTop's life on moto in which one call of each command goes wrong: whatever it is, the next run finishes.

The whole matrix is swept on the simulator (tests/sweep). This is the same on somebody else's EC2, which knows no client
tokens: there, finding by tags alone keeps things from being made twice.
"""

import pytest

from teller import Trouble, in_front_of
from test_moto import CIDR, SMALL, image, live, made, persistent

# What goes wrong, and how often: the SDK sends a call four times in all.
TROUBLES = {
    "answer lost": (Trouble.LOST, 1),
    "reset before": (Trouble.RESET, 1),
    "500 once": (Trouble.ILL, 1),
    "throttled three times": (Trouble.THROTTLED, 3),
}
MAKING = ["ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances", "CreateVolume", "AttachVolume"]
ENDING = ["TerminateInstances", "DeleteVolume", "DeleteSecurityGroup", "DeleteKeyPair"]
ONE_OF_EACH = ["group", "instance", "key", "volume", "volume"]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("action", MAKING)
def test_a_life_in_which_a_call_of_each_command_goes_wrong(cloudtop, account, action, trouble):
    ec2 = account.client()
    up = ["up", "dev", *SMALL, "--allow-ssh", CIDR, "--ami", image(ec2), "--wait", "running"]
    ending = ENDING[MAKING.index(action) % len(ENDING)]
    with in_front_of(account) as teller:
        through = cloudtop.on(teller)

        def disturbed(action, *words):
            teller.strike(action, *TROUBLES[trouble])
            through(*words)
            assert not teller.strikes[action], f"{action} did not go wrong: {teller.counts}"
            through(*words)

        disturbed(action, *up)
        (instance,) = live(ec2)
        assert instance["State"]["Name"] == "running"
        attached = [it for it in persistent(ec2) if it["Attachments"]]
        assert [it["Attachments"][0]["InstanceId"] for it in attached] == [instance["InstanceId"]]
        # EC2 would have made one volume for the token that was sent twice; moto makes two, and no volume is ever deleted
        # unasked.
        if (action, trouble) != ("CreateVolume", "answer lost"):
            assert sorted(kind for kind, _ in made(ec2)) == ONE_OF_EACH

        disturbed("StopInstances", "stop", "dev")
        assert [it["State"]["Name"] for it in live(ec2)] == ["stopped"]
        disturbed("StartInstances", "start", "dev", "--wait", "running")
        assert [(it["InstanceId"], it["State"]["Name"]) for it in live(ec2)] == [(instance["InstanceId"], "running")]

        disturbed(ending, "down", "dev", "--delete-volumes", "--yes")
        assert made(ec2) == []
