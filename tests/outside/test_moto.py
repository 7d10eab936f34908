"""The main flow through the real binary on moto, and moto's own account of what was done."""

import pathlib

import pytest

CIDR = "192.0.2.7/32"
# A small type keeps the survey short; one test lets cloudtop choose from all.
SMALL = ("-t", "m5.large")


def image(ec2):
    """The newest Amazon Linux that moto knows, since it has no Ubuntu: the same road from there on."""
    wanted = [{"Name": "name", "Values": ["al2023-ami-2023.*-x86_64"]}, {"Name": "root-device-type", "Values": ["ebs"]}]
    images = ec2.describe_images(Owners=["amazon"], Filters=wanted)["Images"]
    return max(images, key=lambda it: (it["CreationDate"], it["Name"]))["ImageId"]


def up(cloudtop, ec2, name, *args, **more):
    """`up` as far as it goes without ssh, which moto has not."""
    common = ("--allow-ssh", CIDR, "--ami", image(ec2), "--wait", "running", "--timeout", "60s", "--json")
    return cloudtop("up", name, *common, *args, **more)


def live(ec2):
    """Instances that bill or may come back."""
    states = ["pending", "running", "stopping", "stopped"]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "instance-state-name", "Values": states}])
    return [it for page in pages for reservation in page["Reservations"] for it in reservation["Instances"]]


def made(ec2):
    """Everything in the account that did not come with it: (kind, id)."""
    groups = [it for it in ec2.describe_security_groups()["SecurityGroups"] if it["GroupName"] != "default"]
    things = [("instance", it["InstanceId"]) for it in live(ec2)]
    things += [("volume", it["VolumeId"]) for it in ec2.describe_volumes()["Volumes"]]
    things += [("group", it["GroupId"]) for it in groups]
    things += [("key", it["KeyName"]) for it in ec2.describe_key_pairs()["KeyPairs"]]
    requests = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    return things + [("request", it["SpotInstanceRequestId"]) for it in requests]


def tags(thing):
    return {it["Key"]: it["Value"] for it in thing.get("Tags", [])}


def root_of(instance, ec2):
    """The volume that an instance boots from."""
    roots = [it for it in instance["BlockDeviceMappings"] if it["DeviceName"] != "/dev/xvdj"]
    return ec2.describe_volumes(VolumeIds=[it["Ebs"]["VolumeId"] for it in roots])["Volumes"][0]


def persistent(ec2):
    """Volumes that outlive their instances."""
    return ec2.describe_volumes(Filters=[{"Name": "tag:cloudtop:role", "Values": ["persistent"]}])["Volumes"]


def group(ec2):
    """The one security group that we made."""
    (ours,) = [it for it in ec2.describe_security_groups()["SecurityGroups"] if it["GroupName"] != "default"]
    return ours


def test_a_cloudtop_from_nothing_to_nothing(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)

    shown = up(cloudtop, ec2, "dev", *SMALL, "--volume", 12).json()
    (node,) = shown["nodes"]
    (instance,) = live(ec2)
    (volume,) = persistent(ec2)
    assert (node["instance_id"], node["public_ip"]) == (instance["InstanceId"], instance["PublicIpAddress"])
    assert instance["State"]["Name"] == "running"
    assert instance["InstanceType"] == "m5.large"
    assert instance["MetadataOptions"]["HttpTokens"] == "required", "IMDSv2 alone"
    assert instance["InstanceLifecycle"] == "spot"

    owner = tags(instance)["cloudtop:owner"]
    for thing in (instance, volume, root_of(instance, ec2), group(ec2), ec2.describe_key_pairs()["KeyPairs"][0]):
        assert (tags(thing)["cloudtop:env"], tags(thing)["cloudtop:owner"]) == ("dev", owner), thing
        assert tags(thing)["Name"].startswith("cloudtop/dev"), thing
    assert tags(instance)["cloudtop:node"] == "0"

    (attachment,) = volume["Attachments"]
    assert (attachment["InstanceId"], attachment["Device"]) == (instance["InstanceId"], "/dev/xvdj")
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (12, "gp3", True)
    assert volume["AvailabilityZone"] == instance["Placement"]["AvailabilityZone"]
    assert root_of(instance, ec2)["Encrypted"]

    rules = group(ec2)["IpPermissions"]
    assert [(it["FromPort"], it["ToPort"], it["IpRanges"]) for it in rules if it["IpRanges"]] == [
        (22, 22, [{"CidrIp": CIDR}])
    ]
    itself = [pair["GroupId"] for it in rules for pair in it["UserIdGroupPairs"]]
    assert itself == [group(ec2)["GroupId"]]

    (listed,) = cloudtop("list", "--json").json()["environments"]
    status = cloudtop("status", "dev", "--no-ask", "--json").json()
    assert listed["name"] == status["name"] == "dev"
    assert status["volumes"][0]["volume_id"] == volume["VolumeId"]
    assert status["volumes"][0]["attached_to"] == instance["InstanceId"]
    assert instance["InstanceId"] in cloudtop("status", "dev", "--no-ask").stdout

    cloudtop("stop", "dev")
    (stopped,) = live(ec2)
    assert (stopped["InstanceId"], stopped["State"]["Name"]) == (instance["InstanceId"], "stopped")
    assert cloudtop("status", "dev", "--no-ask", "--json").json()["phase"] == "stopped"
    cloudtop("start", "dev", "--wait", "running")
    (started,) = live(ec2)
    assert (started["InstanceId"], started["State"]["Name"]) == (instance["InstanceId"], "running")

    kept = cloudtop("down", "dev")
    assert volume["VolumeId"] in kept.stderr, "what stays and costs is said"
    assert made(ec2) == [("volume", volume["VolumeId"])]
    cloudtop("down", "dev")
    assert made(ec2) == [("volume", volume["VolumeId"])]

    cloudtop("down", "dev", "--delete-volumes", "--yes")
    assert made(ec2) == []
    cloudtop("down", "dev", "--delete-volumes", "--yes")
    assert cloudtop("list", "--json").json()["environments"] == []


def test_a_cluster_of_three_from_nothing_to_nothing(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)

    shown = up(cloudtop, ec2, "core", *SMALL, "-n", 3, "--template", "docker", "--no-volume").json()
    nodes = {it["instance_id"]: str(it["index"]) for it in shown["nodes"]}
    assert len(nodes) == 3
    assert {it["InstanceId"]: tags(it)["cloudtop:node"] for it in live(ec2)} == nodes
    for instance in live(ec2):
        root = tags(root_of(instance, ec2))
        assert (root["cloudtop:env"], root["cloudtop:node"]) == ("core", nodes[instance["InstanceId"]])
    assert persistent(ec2) == []
    assert shown["kind"] == "cluster"
    assert all(it["public_ip"] and it["public_dns"] for it in shown["nodes"])

    (listed,) = cloudtop("list", "--json").json()["environments"]
    assert {it["instance_id"] for it in listed["nodes"]} == set(nodes)
    cloudtop("stop", "core")
    assert {it["InstanceId"]: it["State"]["Name"] for it in live(ec2)} == dict.fromkeys(nodes, "stopped")
    cloudtop("start", "core", "--wait", "running")
    assert {it["InstanceId"]: it["State"]["Name"] for it in live(ec2)} == dict.fromkeys(nodes, "running")

    grown = up(cloudtop, ec2, "core", "-n", 4).json()
    assert set(nodes) < {it["instance_id"] for it in grown["nodes"]} and len(live(ec2)) == 4
    up(cloudtop, ec2, "core", "-n", 3, "--yes")
    assert {it["InstanceId"] for it in live(ec2)} == set(nodes), "the highest index goes first"

    cloudtop("down", "core")
    assert made(ec2) == []
    cloudtop("down", "core")


def addresses(ec2):
    """The interfaces that nodes keep their addresses by, by id."""
    ours = [{"Name": "tag:cloudtop:role", "Values": ["address"]}]
    return {it["NetworkInterfaceId"]: it for it in ec2.describe_network_interfaces(Filters=ours)["NetworkInterfaces"]}


@pytest.mark.parametrize("behaviour", ["stop", "terminate"])
def test_nodes_with_fixed_addresses_from_nothing_to_nothing(cloudtop, account, behaviour):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    template = pathlib.Path(__file__).parent.parent / "templates/fixed"

    args = (*SMALL, "-n", 3, "--template", template, "--no-volume", "--on-interruption", behaviour)
    shown = up(cloudtop, ec2, "core", *args).json()
    interfaces = addresses(ec2)
    assert len(interfaces) == 3
    for node in shown["nodes"]:
        interface = interfaces[node["interface_id"]]
        if behaviour == "stop":  # moto's RequestSpotInstances does not look at the interface that it is given.
            assert interface["PrivateIpAddress"] == node["private_ip"]
            assert interface["Attachment"]["InstanceId"] == node["instance_id"]
        of = {it["Key"]: it["Value"] for it in interface["TagSet"]}
        assert (of["cloudtop:env"], of["cloudtop:node"], of["cloudtop:role"]) == ("core", str(node["index"]), "address")

    up(cloudtop, ec2, "core", *args)
    assert len(live(ec2)) == 3
    cloudtop("down", "core")
    assert made(ec2) == []
    assert addresses(ec2) == {}


def test_up_again_makes_nothing_new(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    first = up(cloudtop, ec2, "dev", *SMALL).json()
    before = made(ec2)
    second = up(cloudtop, ec2, "dev").json()
    assert made(ec2) == before
    assert second["nodes"][0]["instance_id"] == first["nodes"][0]["instance_id"]


def test_the_volume_that_was_kept_is_used_again(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    up(cloudtop, ec2, "dev", *SMALL)
    (volume,) = persistent(ec2)
    cloudtop("down", "dev")
    up(cloudtop, ec2, "dev", *SMALL)
    (again,) = persistent(ec2)
    (instance,) = live(ec2)
    assert again["VolumeId"] == volume["VolumeId"]
    assert again["Attachments"][0]["InstanceId"] == instance["InstanceId"]
    assert instance["Placement"]["AvailabilityZone"] == volume["AvailabilityZone"], "the volume pins the zone"


def test_a_volume_is_snapshot_enlarged_restored_and_deleted(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    up(cloudtop, ec2, "dev", *SMALL, "--volume", 12)
    (old,) = persistent(ec2)
    cloudtop("down", "dev")

    (taken,) = cloudtop("volume", "snapshot", "dev", "--wait", "--json").json()["snapshots"]
    assert (taken["state"], taken["volume_id"], taken["environment"]) == ("completed", old["VolumeId"], "dev")
    (snapshot,) = ec2.describe_snapshots(SnapshotIds=[taken["snapshot_id"]])["Snapshots"]
    assert tags(snapshot)["cloudtop:node"] == "0" and tags(snapshot)["cloudtop:owner"] == tags(old)["cloudtop:owner"]

    cloudtop("volume", "resize", "dev", "--size", 20, "--yes")
    assert persistent(ec2)[0]["Size"] == 20

    cloudtop("volume", "restore", "dev", "--snapshot", "latest")
    (new,) = persistent(ec2)
    assert (new["SnapshotId"], new["AvailabilityZone"]) == (taken["snapshot_id"], old["AvailabilityZone"])
    assert new["VolumeId"] != old["VolumeId"] and new["Size"] == 20
    (kept,) = ec2.describe_volumes(VolumeIds=[old["VolumeId"]])["Volumes"]
    assert tags(kept)["cloudtop:role"] == "replaced"
    up(cloudtop, ec2, "dev", *SMALL)
    assert persistent(ec2)[0]["Attachments"], "the restored one is used"

    cloudtop("down", "dev", "--delete-volumes", "--snapshot", "--yes")
    assert persistent(ec2) == []
    cloudtop("volume", "delete", old["VolumeId"], "--yes")
    left = cloudtop("volume", "snapshots", "--json").json()["snapshots"]
    assert sorted(it["purpose"] for it in left) == ["asked", "before-deletion"]
    for it in left:
        cloudtop("volume", "delete-snapshot", it["snapshot_id"], "--yes")
    assert made(ec2) == []


def test_a_cloudtop_moves_to_another_zone_with_its_volume(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    up(cloudtop, ec2, "dev", *SMALL, "--volume", 12, "--zone", "us-east-1a")
    (before,), (old,) = live(ec2), persistent(ec2)

    shown = cloudtop("move", "dev", "--zone", "us-east-1b", "--wait", "running", "--yes", "--timeout", "120s", "--json").json()
    (instance,), (volume,) = live(ec2), persistent(ec2)
    assert (shown["zone"], instance["Placement"]["AvailabilityZone"], volume["AvailabilityZone"]) == ("us-east-1b",) * 3
    assert instance["InstanceId"] != before["InstanceId"]
    assert (volume["Size"], tags(volume)["cloudtop:replaces"]) == (12, old["VolumeId"])
    assert volume["SnapshotId"].startswith("snap-")
    assert [it["InstanceId"] for it in volume["Attachments"]] == [instance["InstanceId"]]
    assert ec2.describe_snapshots(Filters=[{"Name": "tag:cloudtop:env", "Values": ["dev"]}])["Snapshots"] == []

    cloudtop("down", "dev", "--delete-volumes", "--yes")
    assert live(ec2) == [] and persistent(ec2) == []


def test_persistent_and_terminate_goes_by_a_spot_request(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    shown = up(cloudtop, ec2, "dev", *SMALL, "--on-interruption", "terminate", "--volume", 9).json()
    (request,) = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    (instance,) = live(ec2)
    (volume,) = persistent(ec2)
    assert (request["Type"], request["InstanceInterruptionBehavior"]) == ("persistent", "terminate")
    assert "ValidUntil" in request
    assert tags(request)["cloudtop:env"] == "dev"
    # Nobody tags what a spot request launches, but we.
    assert (tags(instance)["cloudtop:env"], tags(instance)["cloudtop:node"]) == ("dev", "0")
    assert tags(root_of(instance, ec2))["cloudtop:env"] == "dev"
    assert volume["Attachments"][0]["InstanceId"] == instance["InstanceId"]
    (node,) = shown["nodes"]
    assert (node["spot_request_id"], node["instance_id"]) == (request["SpotInstanceRequestId"], instance["InstanceId"])

    before = made(ec2)
    up(cloudtop, ec2, "dev")
    assert made(ec2) == before
    cloudtop("down", "dev", "--delete-volumes", "--yes")
    assert made(ec2) == []


def test_every_check_that_moto_has_is_passed(cloudtop, strict_account):
    ec2, cloudtop = strict_account.client(), cloudtop.on(strict_account)
    # No type is named: cloudtop chooses, and moto must know what it chose.
    up(cloudtop, ec2, "dev")
    up(cloudtop, ec2, "core", "-n", 3, "--template", "coreos", "--no-volume", *SMALL)
    assert len(live(ec2)) == 4
    cloudtop("down", "dev", "--delete-volumes", "--yes")
    assert {tags(it)["cloudtop:env"] for it in live(ec2)} == {"core"}, "another environment is left alone"
    cloudtop("down", "core")
    assert made(ec2) == []


def test_a_lost_state_file_is_recovered_from_tags(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    up(cloudtop, ec2, "dev", *SMALL)
    before = cloudtop("status", "dev", "--no-ask", "--json").json()
    (cloudtop.home / "state.json").unlink()
    cloudtop("recover", "-r", "us-east-1")
    after = cloudtop("status", "dev", "--no-ask", "--json").json()
    keys = ("name", "kind", "region", "zone", "phase", "volumes")
    assert {key: after[key] for key in keys} == {key: before[key] for key in keys}
    assert [it["instance_id"] for it in after["nodes"]] == [it["instance_id"] for it in before["nodes"]]


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("-t", "m5.nothing", 2),
        ("--ami", "ami-00000000000000000", 2),
        ("-n", "0", 2),
        # moto answers HTTP 500 and a page of HTML: a clear error all the same.
        ("-r", "us-nowhere-1", 1),
    ],
    ids=["type", "image", "nodes", "region"],
)
def test_bad_input_makes_nothing(cloudtop, account, option, value, code):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    options = {"--ami": image(ec2), "-t": "m5.large"} | {option: value}
    words = [word for pair in options.items() for word in pair]
    said = cloudtop("up", "dev", "--allow-ssh", CIDR, "--wait", "running", *words, code=code).stderr
    assert said.startswith("error: ")
    assert made(ec2) == []


def test_an_instance_that_somebody_else_terminated_is_replaced(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    up(cloudtop, ec2, "dev", *SMALL)
    (first,) = live(ec2)
    (volume,) = persistent(ec2)
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    up(cloudtop, ec2, "dev")
    (second,) = live(ec2)
    (same,) = persistent(ec2)
    assert second["InstanceId"] != first["InstanceId"]
    assert (same["VolumeId"], same["Attachments"][0]["InstanceId"]) == (volume["VolumeId"], second["InstanceId"])


def doctor(cloudtop, code):
    """What `cloudtop doctor` finds, by name."""
    return {it["name"]: it for it in cloudtop("doctor", "--json", code=code).json()["checks"]}


def test_the_doctor_tells_what_moto_has_and_lacks(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    bare = doctor(cloudtop, code=1)
    assert bare["network"]["result"] == "wrong" and "no route out" in bare["network"]["found"], bare
    assert "aws ec2 create-route" in bare["network"]["mend"]

    # moto's default VPC has no internet gateway; EC2's has.
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    found = doctor(cloudtop, code=0)
    for name in ("credentials", "clock", "region", "network", "permissions"):
        assert found[name]["result"] == "ok", found[name]
    assert found["quota"]["result"] == "warning"
    assert "this endpoint has no Service Quotas of EC2" in found["quota"]["found"]
    assert found["spot-role"]["result"] == "warning" and "create-service-linked-role" in found["spot-role"]["mend"]
    assert made(ec2) == [], "nothing was made: dry runs are honoured"

    # moto gives service-linked roles names of its own.
    account.client("iam").create_role(RoleName="AWSServiceRoleForEC2Spot", AssumeRolePolicyDocument="{}")
    assert doctor(cloudtop, code=0)["spot-role"]["result"] == "ok"
