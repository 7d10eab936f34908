"""Images of one's own on moto, which has no ssh: they are made by boto3 as a bake makes them; what is done with them is ours."""

from test_moto import CIDR, SMALL, image, live, tags, up


def baked(ec2, instance, name, version, **more):
    """An image with the tags that a bake gives it."""
    own = {key: value for key, value in tags(instance).items() if key.startswith("cloudtop:") and key != "cloudtop:node"}
    own |= {"cloudtop:env": f"bake-{name}", "cloudtop:image": name, "cloudtop:bake": version}
    own |= {"cloudtop:role": "image", "cloudtop:os": "amazon-linux", "cloudtop:template": "cloudtop"} | more
    own = [{"Key": key, "Value": value} for key, value in own.items()]
    made = ec2.create_image(
        InstanceId=instance["InstanceId"], Name=f"cloudtop/x/{name}/{version}", NoReboot=True,
        BlockDeviceMappings=[{"DeviceName": "/dev/xvdj", "NoDevice": ""}],
        TagSpecifications=[{"ResourceType": "image", "Tags": own}],
    )
    # moto takes no tags for the snapshots.
    (shown,) = ec2.describe_images(ImageIds=[made["ImageId"]])["Images"]
    ids = [it["Ebs"]["SnapshotId"] for it in shown["BlockDeviceMappings"] if it.get("Ebs", {}).get("SnapshotId")]
    ec2.create_tags(Resources=ids, Tags=own)
    return made["ImageId"]


def test_images_are_listed_launched_from_kept_while_they_are_used_and_removed(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    up(cloudtop, ec2, "dev", *SMALL, "--volume", 12, "--os", "amazon-linux")
    (instance,) = live(ec2)
    old, new = (baked(ec2, instance, "tools", version) for version in ("20261121-080000", "20261121-090000"))
    raw = baked(ec2, instance, "tools", "20261121-100000", **{"cloudtop:role": "raw-image"})

    shown = cloudtop("image", "list", "--json").json()["images"]
    assert {it["image_id"]: (it["name"], it["usable"]) for it in shown} == {
        old: ("tools", True), new: ("tools", True), raw: ("tools", False)
    }
    common = ("--allow-ssh", CIDR, "--wait", "running", "--timeout", "60s", "--json")
    cloudtop("up", "work", "--image", "tools@20261121-080000", "--no-volume", *SMALL, *common)
    (work,) = [it for it in live(ec2) if tags(it)["cloudtop:env"] == "work"]
    assert work["ImageId"] == old != image(ec2)

    refused = cloudtop("image", "rm", "tools", "--yes", code=2)
    assert "is used by work" in refused.stderr
    cloudtop("down", "work")
    cloudtop("image", "rm", "tools", "--yes")
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert cloudtop("image", "list", "--json").json()["images"] == []
