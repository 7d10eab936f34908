"""The AWS CLI against `cloudtop sim serve`: what a user would type, through its own parsers and paginators."""

import json
import subprocess
import sys

import pytest

from driver import PATIENCE, clean_environment, eventually

LIVE = "Name=instance-state-name,Values=pending,running,stopping,stopped"


class AwsCli:
    """`aws ec2 ...` with an endpoint and nothing of the user's."""

    def __init__(self, url, home):
        self.url = url
        self.home = home

    def run(self, *args):
        """Runs a command, whatever its end."""
        argv = [sys.executable, "-m", "awscli", "ec2", *args, "--endpoint-url", self.url, "--output", "json"]
        environment = clean_environment(self.home)
        return subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def __call__(self, *args):
        """The answer of a command that must succeed."""
        ended = self.run(*args)
        assert ended.returncode == 0, f"aws ec2 {' '.join(args)}: {ended.stderr}"
        return json.loads(ended.stdout) if ended.stdout.strip() else None


@pytest.fixture
def aws(simulator, tmp_path):
    """The AWS CLI at the simulator's door."""
    return AwsCli(simulator.url, tmp_path)


def image(aws):
    """The newest Debian."""
    names = ["--filters", "Name=name,Values=debian-13-amd64-*"]
    newest = ["--query", "sort_by(Images, &CreationDate)[-1].ImageId"]
    return aws("describe-images", "--owners", "136693071363", *names, *newest)


def launch(aws, count, name):
    """Spot instances with a name."""
    tags = f"ResourceType=instance,Tags=[{{Key=Name,Value={name}}}]"
    spot = "MarketType=spot,SpotOptions={SpotInstanceType=persistent,InstanceInterruptionBehavior=stop}"
    what = ["--image-id", image(aws), "--instance-type", "m5.large", "--instance-market-options", spot]
    made = aws("run-instances", *what, "--count", str(count), "--tag-specifications", tags)
    return [it["InstanceId"] for it in made["Instances"]]


def test_what_can_be_looked_at(aws):
    assert "us-east-1" in aws("describe-regions", "--query", "Regions[].RegionName")
    zones = aws("describe-availability-zones", "--query", "AvailabilityZones[].ZoneName")
    assert "us-east-1a" in zones
    assert len(aws("describe-vpcs")["Vpcs"]) == 1
    assert aws("describe-subnets", "--query", "length(Subnets)") > 1
    types = ["--filters", "Name=instance-type,Values=c5.*", "--page-size", "5", "--query", "InstanceTypes[].InstanceType"]
    assert "c5.xlarge" in aws("describe-instance-types", *types)
    offered = ["--location-type", "availability-zone", "--filters", "Name=instance-type,Values=c5.xlarge"]
    assert aws("describe-instance-type-offerings", *offered)["InstanceTypeOfferings"]


def test_price_history_by_page(aws):
    what = ["--instance-types", "m5.large", "--product-descriptions", "Linux/UNIX", "--query", "SpotPriceHistory[]"]
    since = ["--start-time", "2020-01-01T00:00:00Z"]
    whole = aws("describe-spot-price-history", *what, *since)
    paged = aws("describe-spot-price-history", *what, *since, "--page-size", "9")
    some = aws("describe-spot-price-history", *what, *since, "--max-items", "3")

    def row(it):
        return it["AvailabilityZone"], it["Timestamp"], it["SpotPrice"]

    assert len(whole) > 18 and {row(it) for it in whole} >= {row(it) for it in some}
    assert sorted(map(row, paged)) == sorted(map(row, whole))
    assert len(some) == 3


def test_instances_come_stop_start_and_go(aws):
    ids = launch(aws, 2, "outside")

    # The CLI's own waiters ask every 15 s; states are polled here instead.
    def are(state):
        named = ["--filters", "Name=tag:Name,Values=outside", "--query", "Reservations[].Instances[].State.Name"]
        return eventually(lambda: aws("describe-instances", *named) == [state, state])

    def requests():
        return aws("describe-spot-instance-requests", "--query", "SpotInstanceRequests[].[State,Status.Code]")

    are("running")
    table = aws("describe-instances", "--instance-ids", *ids, "--query", "Reservations[].Instances[]")
    assert all(it["PublicIpAddress"] and it["InstanceLifecycle"] == "spot" for it in table)
    aws("stop-instances", "--instance-ids", *ids)
    are("stopped")
    eventually(lambda: requests() == [["disabled", "instance-stopped-by-user"]] * 2)
    aws("start-instances", "--instance-ids", *ids)
    are("running")
    eventually(lambda: requests() == [["active", "fulfilled"]] * 2)
    aws("cancel-spot-instance-requests", "--spot-instance-request-ids", *(it["SpotInstanceRequestId"] for it in table))
    aws("terminate-instances", "--instance-ids", *ids)
    are("terminated")
    assert aws("describe-instances", "--filters", LIVE)["Reservations"] == []


def test_a_volume_is_attached_and_detached(aws):
    (instance,) = launch(aws, 1, "outside")
    query = ["--query", "Reservations[].Instances[].[State.Name,Placement.AvailabilityZone]"]
    eventually(lambda: aws("describe-instances", *query)[0][0] == "running")
    zone = aws("describe-instances", *query)[0][1]
    made = aws("create-volume", "--availability-zone", zone, "--size", "5", "--volume-type", "gp3", "--encrypted")
    volume = made["VolumeId"]

    def is_(state):
        found = ["--filters", f"Name=volume-id,Values={volume}", "--query", "Volumes[].State"]
        return eventually(lambda: aws("describe-volumes", *found) == [state])

    is_("available")
    aws("attach-volume", "--volume-id", volume, "--instance-id", instance, "--device", "/dev/xvdj")
    is_("in-use")
    aws("detach-volume", "--volume-id", volume)
    is_("available")
    aws("delete-volume", "--volume-id", volume)
    eventually(lambda: aws("describe-volumes", "--filters", f"Name=volume-id,Values={volume}")["Volumes"] == [])


def test_request_spot_instances(aws):
    specification = json.dumps({"ImageId": image(aws), "InstanceType": "m5.large"})
    asked = ["--type", "persistent", "--instance-interruption-behavior", "terminate"]
    made = aws("request-spot-instances", *asked, "--launch-specification", specification)["SpotInstanceRequests"]
    (request,) = [it["SpotInstanceRequestId"] for it in made]
    found = ["--filters", f"Name=spot-instance-request-id,Values={request}", "--query", "SpotInstanceRequests[]"]
    eventually(lambda: [it["State"] for it in aws("describe-spot-instance-requests", *found)] == ["active"])
    cancelled = aws("cancel-spot-instance-requests", "--spot-instance-request-ids", request)
    assert cancelled["CancelledSpotInstanceRequests"][0]["State"] == "cancelled"


def test_an_error_is_told_as_ec2_tells_it(aws):
    ended = aws.run("describe-instances", "--instance-ids", "i-0123456789abcdef0")
    assert ended.returncode in (254, 255), "254 of version 2, 255 of version 1"
    assert "An error occurred (InvalidInstanceID.NotFound) when calling the DescribeInstances operation" in ended.stderr
    ended = aws.run("describe-instances", "--dry-run")
    assert "(DryRunOperation)" in ended.stderr and "Request would have succeeded" in ended.stderr
