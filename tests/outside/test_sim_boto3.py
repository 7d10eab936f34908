"""boto3 against `cloudtop sim serve`: AWS's own description of the protocol takes every answer."""

import datetime

import pytest
from botocore.exceptions import ClientError

from driver import eventually

OWN = [{"Key": "made-by", "Value": "boto3"}]
TYPE = "m5.large"


@pytest.fixture
def ec2(simulator):
    """A client that repeats nothing by itself."""
    return simulator.client()


def error_code(call, **arguments):
    """The code of the error that a call must end with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["RequestId"], "every answer has an id"
    assert answer["Error"]["Message"]
    return answer["Error"]["Code"]


def pages(ec2, operation, key, **arguments):
    """All items of all pages, and how many pages there were."""
    answers = list(ec2.get_paginator(operation).paginate(**arguments))
    return [item for answer in answers for item in answer[key]], len(answers)


def ubuntu(ec2):
    """Some image."""
    named = [{"Name": "name", "Values": ["ubuntu/images/*-amd64-server-*"]}]
    return ec2.describe_images(Owners=["099720109477"], Filters=named)["Images"][0]["ImageId"]


def states(ec2, ids):
    """The state of each instance that is described."""
    wanted = [{"Name": "instance-id", "Values": ids}]
    found, _ = pages(ec2, "describe_instances", "Reservations", Filters=wanted)
    return {it["InstanceId"]: it["State"]["Name"] for one in found for it in one["Instances"]}


def become(ec2, ids, state):
    """Waits until all instances are in a state."""
    eventually(lambda: states(ec2, ids) == dict.fromkeys(ids, state))


def request_of(ec2, request_id):
    """A spot request as it is now, once it is described."""
    wanted = [{"Name": "spot-instance-request-id", "Values": [request_id]}]
    found, _ = pages(ec2, "describe_spot_instance_requests", "SpotInstanceRequests", Filters=wanted)
    return found[0] if found else None


def run(ec2, count=1, **more):
    """Instances as cloudtop asks for them: spot, persistent, stop."""
    spot = {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"}
    kinds = ("instance", "volume", "network-interface", "spot-instances-request")
    arguments = {
        "ImageId": ubuntu(ec2),
        "InstanceType": TYPE,
        "MinCount": count,
        "MaxCount": count,
        "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": spot},
        "MetadataOptions": {"HttpTokens": "required"},
        "TagSpecifications": [{"ResourceType": kind, "Tags": OWN} for kind in kinds],
    }
    return ec2.run_instances(**(arguments | more))["Instances"]


def test_regions_and_zones(ec2):
    regions = {it["RegionName"] for it in ec2.describe_regions()["Regions"]}
    assert {"us-east-1", "us-west-1", "eu-central-1"} <= regions
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert {it["ZoneName"][:-1] for it in zones} == {"us-east-1"}
    assert all(it["State"] == "available" and it["ZoneId"].startswith("use1-az") for it in zones)
    assert error_code(ec2.describe_regions, RegionNames=["us-nowhere-1"]) == "InvalidParameterValue"


def test_instance_types_by_page_and_filter(ec2):
    whole, _ = pages(ec2, "describe_instance_types", "InstanceTypes")
    paged, count = pages(ec2, "describe_instance_types", "InstanceTypes", PaginationConfig={"PageSize": 20})
    names = [it["InstanceType"] for it in paged]
    assert count > 10 and len(set(names)) == len(names) == len(whole)
    wanted = [
        {"Name": "processor-info.supported-architecture", "Values": ["arm64"]},
        {"Name": "instance-storage-supported", "Values": ["true"]},
        {"Name": "instance-type", "Values": ["c*", "m*"]},
    ]
    some, _ = pages(ec2, "describe_instance_types", "InstanceTypes", Filters=wanted)
    assert some and all("arm64" in it["ProcessorInfo"]["SupportedArchitectures"] for it in some)
    assert all(it["InstanceStorageSupported"] and it["InstanceStorageInfo"]["Disks"] for it in some)
    assert all(it["InstanceType"][0] in "cm" for it in some)
    (one,) = ec2.describe_instance_types(InstanceTypes=[TYPE])["InstanceTypes"]
    assert (one["VCpuInfo"]["DefaultVCpus"], one["MemoryInfo"]["SizeInMiB"]) == (2, 8192)
    assert "spot" in one["SupportedUsageClasses"]
    assert error_code(ec2.describe_instance_types, InstanceTypes=["m5.nothing"]) == "InvalidInstanceType"


def test_offerings(ec2):
    offered, _ = pages(
        ec2,
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["m5.*"]}],
    )
    zones = {it["ZoneName"] for it in ec2.describe_availability_zones()["AvailabilityZones"]}
    assert {it["LocationType"] for it in offered} == {"availability-zone"}
    assert TYPE in {it["InstanceType"] for it in offered}
    assert all(it["InstanceType"].startswith("m5.") and it["Location"] in zones for it in offered)


def test_price_history_by_page(ec2):
    now = datetime.datetime.now(datetime.timezone.utc)
    what = {"InstanceTypes": [TYPE, "c5.xlarge"], "StartTime": now - datetime.timedelta(days=7), "EndTime": now}
    whole, _ = pages(ec2, "describe_spot_price_history", "SpotPriceHistory", **what)
    paged, count = pages(ec2, "describe_spot_price_history", "SpotPriceHistory", **what, PaginationConfig={"PageSize": 7})

    def row(it):
        return it["InstanceType"], it["AvailabilityZone"], it["ProductDescription"], it["Timestamp"], it["SpotPrice"]

    assert count > 2 and sorted(map(row, paged)) == sorted(map(row, whole))
    assert len(set(map(row, whole))) == len(whole), "no row twice"
    assert all(float(it["SpotPrice"]) > 0 and it["Timestamp"] <= now for it in whole)
    linux, _ = pages(
        ec2, "describe_spot_price_history", "SpotPriceHistory", **what, ProductDescriptions=["Linux/UNIX"]
    )
    assert linux and {it["ProductDescription"] for it in linux} == {"Linux/UNIX"}
    zone = [{"Name": "availability-zone", "Values": ["us-east-1a"]}]
    here, _ = pages(ec2, "describe_spot_price_history", "SpotPriceHistory", **what, Filters=zone)
    assert here and {it["AvailabilityZone"] for it in here} == {"us-east-1a"}


def test_images(ec2):
    flatcar = [{"Name": "name", "Values": ["Flatcar-stable-*-hvm"]}, {"Name": "architecture", "Values": ["x86_64"]}]
    images = ec2.describe_images(Owners=["075585003325"], Filters=flatcar)["Images"]
    assert images and all(it["Name"].startswith("Flatcar-stable-") and it["State"] == "available" for it in images)
    assert all(it["RootDeviceName"] in {disk["DeviceName"] for disk in it["BlockDeviceMappings"]} for it in images)
    assert error_code(ec2.describe_images, ImageIds=["ami-00000000000000000"]) == "InvalidAMIID.NotFound"
    assert error_code(ec2.describe_images, ImageIds=["ami-what"]) == "InvalidAMIID.Malformed"


def test_the_default_network(ec2):
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets, _ = pages(
        ec2, "describe_subnets", "Subnets", Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    )
    zones = {it["ZoneName"] for it in ec2.describe_availability_zones()["AvailabilityZones"]}
    assert {it["AvailabilityZone"] for it in subnets} <= zones and len(subnets) > 1
    assert all(it["DefaultForAz"] and it["AvailableIpAddressCount"] > 0 for it in subnets)


def test_a_security_group_and_a_key(ec2, tmp_path):
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    tagged = [{"ResourceType": "security-group", "Tags": OWN}]
    made = {"GroupName": "outside", "Description": "a test's", "VpcId": vpc["VpcId"]}
    group = ec2.create_security_group(**made, TagSpecifications=tagged)["GroupId"]
    assert error_code(ec2.create_security_group, **made) == "InvalidGroup.Duplicate"
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "192.0.2.7/32"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh])
    assert (
        error_code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[ssh])
        == "InvalidPermission.Duplicate"
    )
    by_tag = [{"Name": "tag:made-by", "Values": ["boto3"]}]
    (shown,) = eventually(lambda: ec2.describe_security_groups(Filters=by_tag)["SecurityGroups"])
    assert (shown["GroupId"], shown["VpcId"], shown["Tags"]) == (group, vpc["VpcId"], OWN)
    (rule,) = shown["IpPermissions"]
    assert (rule["FromPort"], rule["IpRanges"]) == (22, [{"CidrIp": "192.0.2.7/32"}])
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[ssh])
    assert not ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    ec2.delete_security_group(GroupId=group)
    assert error_code(ec2.delete_security_group, GroupId=group) == "InvalidGroup.NotFound"

    public = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJGnMVYyoV0pFEsCcAAZFyOBdlDiF9BQZTZ7Y3sYgYq8 outside"
    key = ec2.import_key_pair(KeyName="outside", PublicKeyMaterial=public)
    assert key["KeyName"] == "outside" and key["KeyFingerprint"]
    again = {"KeyName": "outside", "PublicKeyMaterial": public}
    assert error_code(ec2.import_key_pair, **again) == "InvalidKeyPair.Duplicate"
    assert error_code(ec2.import_key_pair, KeyName="bad", PublicKeyMaterial=b"no key") == "InvalidKey.Format"
    assert [it["KeyName"] for it in eventually(lambda: ec2.describe_key_pairs()["KeyPairs"])] == ["outside"]
    ec2.delete_key_pair(KeyName="outside")
    assert ec2.describe_key_pairs()["KeyPairs"] == []


def test_run_instances_is_idempotent_by_its_token(ec2):
    first = run(ec2, ClientToken="once")
    again = run(ec2, ClientToken="once")
    assert [it["InstanceId"] for it in again] == [it["InstanceId"] for it in first]
    with pytest.raises(ClientError) as caught:
        run(ec2, ClientToken="once", InstanceType="c5.large")
    assert caught.value.response["Error"]["Code"] == "IdempotentParameterMismatch"
    ids = [it["InstanceId"] for it in first]
    become(ec2, ids, "running")
    assert list(states(ec2, ids)) == ids, "one instance"


def test_a_spot_instance_from_launch_to_end(ec2):
    (launched,) = run(ec2)
    instance, request_id = launched["InstanceId"], launched["SpotInstanceRequestId"]
    assert (launched["State"]["Name"], launched["InstanceLifecycle"]) == ("pending", "spot")
    assert launched["MetadataOptions"]["HttpTokens"] == "required"
    zone = launched["Placement"]["AvailabilityZone"]

    tagged = [{"ResourceType": "volume", "Tags": OWN}]
    asked = {"AvailabilityZone": zone, "Size": 5, "VolumeType": "gp3", "Encrypted": True, "TagSpecifications": tagged}
    volume = ec2.create_volume(**asked, ClientToken="volume")
    assert volume["State"] == "creating" and volume["Encrypted"]
    assert ec2.create_volume(**asked, ClientToken="volume")["VolumeId"] == volume["VolumeId"]
    attach = {"VolumeId": volume["VolumeId"], "InstanceId": instance, "Device": "/dev/xvdj"}
    # Still pending: that is why one waits for `running` first.
    assert error_code(ec2.attach_volume, **attach) == "IncorrectState"

    become(ec2, [instance], "running")
    described, _ = pages(
        ec2, "describe_instances", "Reservations", Filters=[{"Name": "tag:made-by", "Values": ["boto3"]}]
    )
    (shown,) = described[0]["Instances"]
    assert shown["PublicIpAddress"] and shown["PublicDnsName"] and shown["Tags"] == OWN
    request = request_of(ec2, request_id)
    assert (request["State"], request["Status"]["Code"], request["InstanceId"]) == ("active", "fulfilled", instance)
    assert (request["Type"], request["InstanceInterruptionBehavior"]) == ("persistent", "stop")

    def described_volume():
        wanted = [{"Name": "volume-id", "Values": [volume["VolumeId"]]}]
        return pages(ec2, "describe_volumes", "Volumes", Filters=wanted)[0]

    eventually(lambda: [it["State"] for it in described_volume()] == ["available"])
    assert ec2.attach_volume(**attach)["State"] == "attaching"
    eventually(lambda: [a["State"] for it in described_volume() for a in it["Attachments"]] == ["attached"])
    assert error_code(ec2.attach_volume, **attach) == "VolumeInUse"
    assert error_code(ec2.delete_volume, VolumeId=volume["VolumeId"]) == "VolumeInUse"

    (change,) = ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    become(ec2, [instance], "stopped")
    eventually(lambda: request_of(ec2, request_id)["State"] == "disabled")
    assert request_of(ec2, request_id)["Status"]["Code"] == "instance-stopped-by-user"
    ec2.start_instances(InstanceIds=[instance])
    become(ec2, [instance], "running")
    eventually(lambda: request_of(ec2, request_id)["State"] == "active")

    (cancelled,) = ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[request_id])[
        "CancelledSpotInstanceRequests"
    ]
    assert cancelled["State"] == "cancelled"
    eventually(lambda: request_of(ec2, request_id)["Status"]["Code"] == "request-canceled-and-instance-running")
    assert states(ec2, [instance]) == {instance: "running"}, "cancelling leaves the instance: an orphan that bills"
    ec2.terminate_instances(InstanceIds=[instance])
    become(ec2, [instance], "terminated")
    eventually(lambda: [it["State"] for it in described_volume()] == ["available"])
    ec2.delete_volume(VolumeId=volume["VolumeId"])
    eventually(lambda: described_volume() == [])


def test_a_volume_is_detached(ec2):
    (launched,) = run(ec2)
    instance, zone = launched["InstanceId"], launched["Placement"]["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=5, VolumeType="gp3")["VolumeId"]
    become(ec2, [instance], "running")
    by_id = [{"Name": "volume-id", "Values": [volume]}]

    def state():
        return [it["State"] for it in ec2.describe_volumes(Filters=by_id)["Volumes"]]

    eventually(lambda: state() == ["available"])
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/xvdj")
    eventually(lambda: state() == ["in-use"])
    ec2.detach_volume(VolumeId=volume)
    eventually(lambda: state() == ["available"])
    other = "us-east-1b" if zone != "us-east-1b" else "us-east-1a"
    far = ec2.create_volume(AvailabilityZone=other, Size=5)["VolumeId"]
    mismatch = {"VolumeId": far, "InstanceId": instance, "Device": "/dev/xvdk"}
    eventually(lambda: ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [far]}])["Volumes"])
    assert error_code(ec2.attach_volume, **mismatch) == "InvalidVolume.ZoneMismatch"


def test_a_snapshot_a_volume_from_it_and_a_larger_one(ec2):
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=8, VolumeType="gp3")["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    own = [{"ResourceType": "snapshot", "Tags": OWN}]
    made = ec2.create_snapshot(VolumeId=volume, Description="one", TagSpecifications=own)
    assert (made["State"], made["VolumeSize"], made["Tags"]) == ("pending", 8, OWN)
    assert isinstance(made["StartTime"], datetime.datetime) and made["Progress"].endswith("%")
    assert error_code(ec2.create_snapshot, VolumeId=volume) == "SnapshotCreationPerVolumeRateExceeded"
    snapshot = made["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    by_tag = [{"Name": "tag:made-by", "Values": ["boto3"]}]
    (shown,) = ec2.describe_snapshots(OwnerIds=["self"], Filters=by_tag)["Snapshots"]
    assert (shown["SnapshotId"], shown["State"], shown["Progress"]) == (snapshot, "completed", "100%")

    copy = ec2.create_volume(AvailabilityZone="us-east-1b", SnapshotId=snapshot, VolumeType="gp3")
    assert (copy["SnapshotId"], copy["Size"]) == (snapshot, 8)
    smaller = {"AvailabilityZone": "us-east-1b", "SnapshotId": snapshot, "Size": 4}
    assert error_code(ec2.create_volume, **smaller) == "InvalidParameterValue"

    change = ec2.modify_volume(VolumeId=volume, Size=9)["VolumeModification"]
    assert (change["ModificationState"], change["OriginalSize"], change["TargetSize"]) == ("modifying", 8, 9)
    assert error_code(ec2.modify_volume, VolumeId=volume, Size=10) == "IncorrectModificationState"

    def completed():
        (it,) = ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"]
        return it["ModificationState"] == "completed" and it["Progress"] == 100

    eventually(completed)
    assert error_code(ec2.modify_volume, VolumeId=volume, Size=4) == "InvalidParameterValue"
    ec2.delete_snapshot(SnapshotId=snapshot)
    assert error_code(ec2.describe_snapshots, SnapshotIds=[snapshot]) == "InvalidSnapshot.NotFound"


def test_request_spot_instances(ec2):
    specification = {"ImageId": ubuntu(ec2), "InstanceType": TYPE, "Placement": {"AvailabilityZone": "us-east-1a"}}
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    asked = {
        "InstanceCount": 2,
        "Type": "persistent",
        "InstanceInterruptionBehavior": "terminate",
        "ValidUntil": until,
        "LaunchSpecification": specification,
        "TagSpecifications": [{"ResourceType": "spot-instances-request", "Tags": OWN}],
    }
    made = ec2.request_spot_instances(**asked, ClientToken="twice")["SpotInstanceRequests"]
    again = ec2.request_spot_instances(**asked, ClientToken="twice")["SpotInstanceRequests"]
    ids = sorted(it["SpotInstanceRequestId"] for it in made)
    assert sorted(it["SpotInstanceRequestId"] for it in again) == ids and len(ids) == 2
    assert {it["State"] for it in made} == {"open"} and made[0]["Tags"] == OWN

    def fulfilled():
        requests = [request_of(ec2, one) for one in ids]
        return all(it and it["State"] == "active" and "InstanceId" in it for it in requests) and requests

    requests = eventually(fulfilled)
    assert {it["LaunchedAvailabilityZone"] for it in requests} == {"us-east-1a"}
    instances = [it["InstanceId"] for it in requests]
    become(ec2, instances, "running")
    reservations = ec2.describe_instances(InstanceIds=instances)["Reservations"]
    assert not any(it.get("Tags") for one in reservations for it in one["Instances"]), "nobody tags what it launches"
    ec2.create_tags(Resources=instances, Tags=OWN)
    by_tag = [{"Name": "tag:made-by", "Values": ["boto*"]}, {"Name": "instance-state-name", "Values": ["running"]}]
    found, _ = pages(ec2, "describe_instances", "Reservations", Filters=by_tag)
    assert {it["InstanceId"] for one in found for it in one["Instances"]} == set(instances)
    ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=ids)
    ec2.terminate_instances(InstanceIds=instances)
    become(ec2, instances, "terminated")


def test_many_instances_come_by_page(ec2):
    ids = {it["InstanceId"] for it in run(ec2, count=30)} | {it["InstanceId"] for it in run(ec2, count=20)}
    become(ec2, sorted(ids), "running")
    paged, count = pages(ec2, "describe_instances", "Reservations", PaginationConfig={"PageSize": 10})
    shown = [it["InstanceId"] for one in paged for it in one["Instances"]]
    assert sorted(shown) == sorted(ids) and count >= 2
    requests, count = pages(
        ec2, "describe_spot_instance_requests", "SpotInstanceRequests", PaginationConfig={"PageSize": 10}
    )
    assert {it["InstanceId"] for it in requests} == ids and len(requests) == 50 and count >= 5
    statuses, _ = pages(ec2, "describe_instance_status", "InstanceStatuses", PaginationConfig={"PageSize": 10})
    assert {it["InstanceId"] for it in statuses} == ids
    volumes, _ = pages(ec2, "describe_volumes", "Volumes", PaginationConfig={"PageSize": 10})
    assert len({it["VolumeId"] for it in volumes}) == 50


def test_dry_run_and_errors_are_told_by_their_codes(ec2):
    image = ubuntu(ec2)
    dry = {"ImageId": image, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1, "DryRun": True}
    assert error_code(ec2.run_instances, **dry) == "DryRunOperation"
    assert error_code(ec2.describe_instances, DryRun=True) == "DryRunOperation"
    unknown = ["i-0123456789abcdef0"]
    assert error_code(ec2.describe_instances, InstanceIds=unknown) == "InvalidInstanceID.NotFound"
    assert error_code(ec2.describe_instances, InstanceIds=["i-what"]) == "InvalidInstanceID.Malformed"
    assert error_code(ec2.stop_instances, InstanceIds=unknown) == "InvalidInstanceID.NotFound"
    assert error_code(ec2.describe_volumes, VolumeIds=["vol-0123456789abcdef0"]) == "InvalidVolume.NotFound"
    wrong = [{"Name": "no-such-filter", "Values": ["x"]}]
    assert error_code(ec2.describe_instances, Filters=wrong) == "InvalidParameterValue"
    assert error_code(ec2.describe_placement_groups) == "InvalidAction"
    cancel = {"SpotInstanceRequestIds": ["sir-abcdefgh"]}
    assert error_code(ec2.cancel_spot_instance_requests, **cancel) == "InvalidSpotInstanceRequestID.NotFound"


def test_regions_are_apart(simulator, ec2):
    (here,) = run(ec2)
    become(ec2, [here["InstanceId"]], "running")
    far = simulator.client(region="eu-central-1")
    assert pages(far, "describe_instances", "Reservations")[0] == []


def test_who_am_i(simulator):
    assert simulator.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_the_role_of_spot(simulator, cloudtop_of_simulator):
    iam = simulator.client("iam")
    role = iam.get_role(RoleName="AWSServiceRoleForEC2Spot")["Role"]
    assert role["Arn"].endswith(":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot")
    assert isinstance(role["CreateDate"], datetime.datetime)
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "spot.amazonaws.com"}
    assert error_code(iam.get_role, RoleName="another") == "NoSuchEntity"
    cloudtop_of_simulator("sim", "set", "setting", "spot-role", "missing")
    assert error_code(iam.get_role, RoleName="AWSServiceRoleForEC2Spot") == "NoSuchEntity"
    cloudtop_of_simulator("sim", "set", "setting", "denied", "GetRole,GetServiceQuota")
    assert error_code(iam.get_role, RoleName="AWSServiceRoleForEC2Spot") == "AccessDenied"


def test_service_quotas(simulator, cloudtop_of_simulator):
    quotas = simulator.client("service-quotas")
    spot = {"ServiceCode": "ec2", "QuotaCode": "L-34B43A08"}
    cloudtop_of_simulator("sim", "set", "setting", "spot-vcpus", 12)
    answer = quotas.get_service_quota(**spot)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"].endswith(" GMT")
    assert (answer["Quota"]["Value"], answer["Quota"]["Adjustable"]) == (12.0, True)
    assert answer["Quota"]["QuotaName"].startswith("All Standard")
    assert quotas.get_aws_default_service_quota(**spot)["Quota"]["Value"] == 5.0
    paged = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="ec2", PaginationConfig={"PageSize": 10})
    codes = [it["QuotaCode"] for page in paged for it in page["Quotas"]]
    assert len(set(codes)) == len(codes) == 19 and "L-34B43A08" in codes
    for wrong in ({**spot, "QuotaCode": "L-0"}, {**spot, "ServiceCode": "s3"}):
        with pytest.raises(quotas.exceptions.NoSuchResourceException):
            quotas.get_service_quota(**wrong)
    cloudtop_of_simulator("sim", "set", "setting", "denied", "GetServiceQuota")
    with pytest.raises(quotas.exceptions.AccessDeniedException):
        quotas.get_service_quota(**spot)


def test_route_tables(ec2):
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    own = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
    (table,) = ec2.describe_route_tables(Filters=own)["RouteTables"]
    assert [it["Main"] for it in table["Associations"]] == [True]
    (out,) = [it for it in table["Routes"] if it["DestinationCidrBlock"] == "0.0.0.0/0"]
    assert out["GatewayId"].startswith("igw-") and out["State"] == "active"
    assert error_code(ec2.describe_route_tables, RouteTableIds=["rtb-1"]) == "InvalidRouteTableID.NotFound"


def test_dry_runs(ec2, cloudtop_of_simulator):
    nothing = "i-0123456789abcdef0"
    calls = [
        (ec2.terminate_instances, {"InstanceIds": [nothing]}),
        (ec2.create_tags, {"Resources": [nothing], "Tags": OWN}),
        (ec2.delete_key_pair, {"KeyName": "nobody"}),
    ]
    for call, arguments in calls:
        assert error_code(call, DryRun=True, **arguments) == "DryRunOperation"
    cloudtop_of_simulator("sim", "set", "setting", "denied", "TerminateInstances,CreateTags,DeleteKeyPair")
    for call, arguments in calls:
        assert error_code(call, DryRun=True, **arguments) == "UnauthorizedOperation"


def test_an_image_of_an_instance_and_an_instance_of_the_image(ec2):
    launch = {"ImageId": ubuntu(ec2), "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}
    second = {"DeviceName": "/dev/xvdj", "Ebs": {"VolumeSize": 3, "VolumeType": "gp3"}}
    instance = ec2.run_instances(BlockDeviceMappings=[second], **launch)["Instances"][0]["InstanceId"]
    wish = {"InstanceId": instance, "Name": "mine/1", "NoReboot": True}
    eventually(lambda: states(ec2, [instance]) == {instance: "running"})
    both = [{"ResourceType": kind, "Tags": OWN} for kind in ("image", "snapshot")]
    left_out = [{"DeviceName": "/dev/xvdj", "NoDevice": ""}]
    made = ec2.create_image(BlockDeviceMappings=left_out, TagSpecifications=both, **wish)["ImageId"]
    assert error_code(ec2.create_image, **wish) == "InvalidAMIName.Duplicate"
    assert error_code(ec2.create_image, **wish | {"Name": "not:this"}) == "InvalidAMIName.Malformed"
    by_tag = [{"Name": "tag:made-by", "Values": ["boto3"]}]
    eventually(lambda: ec2.describe_images(Owners=["self"], Filters=by_tag)["Images"])
    (shown,) = ec2.describe_images(Owners=["self"], Filters=by_tag)["Images"]
    assert (shown["ImageId"], shown["Name"], shown["SourceInstanceId"]) == (made, "mine/1", instance)
    (disk,) = shown["BlockDeviceMappings"]
    if shown["State"] == "pending":
        assert error_code(ec2.run_instances, **launch | {"ImageId": made}) == "InvalidAMIID.Unavailable"
    ec2.get_waiter("image_available").wait(ImageIds=[made], WaiterConfig={"Delay": 1})
    snapshot = disk["Ebs"]["SnapshotId"]
    assert error_code(ec2.delete_snapshot, SnapshotId=snapshot) == "InvalidSnapshot.InUse"
    copy = ec2.run_instances(**launch | {"ImageId": made})["Instances"][0]
    assert copy["ImageId"] == made
    ended = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    assert ended["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "success"}]
    assert error_code(ec2.deregister_image, ImageId=made) == "InvalidAMIID.NotFound"
    assert ec2.describe_snapshots(OwnerIds=["self"], Filters=by_tag)["Snapshots"] == []
