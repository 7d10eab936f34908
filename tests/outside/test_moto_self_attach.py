"""The role with which nodes attach their own volumes, on moto's IAM, and a launch with it."""

import json

from test_moto import SMALL, live, tags, up


def made(iam):
    """The names of roles and instance profiles that cloudtop made."""
    roles = [it["RoleName"] for it in iam.list_roles(PathPrefix="/cloudtop/")["Roles"]]
    profiles = iam.list_instance_profiles(PathPrefix="/cloudtop/")["InstanceProfiles"]
    return roles, [it["InstanceProfileName"] for it in profiles]


def test_a_role_is_made_once_used_by_a_launch_and_taken_away(cloudtop, account):
    ec2, iam, cloudtop = account.client(), account.client("iam"), cloudtop.on(account)

    name = cloudtop("init", "--self-attach", "--yes", "--json", "--config", "/dev/null").json()["instance_profile"]
    cloudtop("init", "--self-attach", "--yes", "--config", "/dev/null")
    assert made(iam) == ([name], [name])
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [it["RoleName"] for it in profile["Roles"]] == [name]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}

    up(cloudtop, ec2, "dev", *SMALL, "--instance-profile", name)
    (instance,) = live(ec2)
    assert instance["IamInstanceProfile"]["Arn"] == profile["Arn"]
    owner = tags(instance)["cloudtop:owner"]
    assert tags(iam.get_role(RoleName=name)["Role"]) == {"cloudtop:owner": owner}
    assert owner in json.dumps(document) and "YOUR-INSTALLATION-ID" not in json.dumps(document)

    cloudtop("down", "dev", "--yes")
    cloudtop("init", "--self-attach", "--remove", "--yes", "--config", "/dev/null")
    assert made(iam) == ([], [])
