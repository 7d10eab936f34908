"""A node that attaches its own volume: the script itself, a metadata service, and an EC2 that verifies signatures."""

import json
import sys

import pytest

from conftest import HERE, VOLUME, on_stage

pytest.importorskip("botocore", reason="its signer verifies the signatures (scripts/requirements.txt)")
pytestmark = on_stage

OTHER = "vol-0fedcba9876543210"


def volume(id=VOLUME, zone="eu-west-1b", instance="", **tags):
    ours = {"cloudtop:env": "dev", "cloudtop:owner": "a1b2c3", "cloudtop:node": "2", "cloudtop:role": "persistent"}
    return {"id": id, "zone": zone, "instance": instance, "tags": {**ours, **{f"cloudtop:{k}": v for k, v in tags.items()}}}


def credentials(key):
    text = {"Code": "Success", "AccessKeyId": key, "SecretAccessKey": f"{key}/secret+with=signs", "Token": f"{key}+token//=="}
    return json.dumps(text, indent=2)


# A node of eu-west-1b with a role. A pause is not slept through: it is noted, and `meanwhile` says what happens in it.
NODE = f"""
ip link set lo up
ip address add 169.254.169.254/32 dev lo
mkdir -p "$stage/says" "$stage/bin"
cp "$parts/attach" /opt/cloudtop
cat >>/etc/cloudtop/node.conf <<'CONF'
VOLUME_ID=
ENVIRONMENT=dev
INSTALLATION=a1b2c3
NODE=2
EC2_ENDPOINT=http://127.0.0.1
CONF
says() {{ cat >"$stage/says/$1"; }}
says instance-id <<<i-0123456789abcdef0
says placement_availability-zone <<<eu-west-1b
says placement_region <<<eu-west-1
says services_domain <<<amazonaws.com
says iam_security-credentials_ <<<node-role
says iam_security-credentials_node-role <<'JSON'
{credentials("ASIAFIRST")}
JSON
echo '[]' | says volumes
cat >"$stage/bin/sleep" <<SLEEP
#!/bin/sh
echo "\\$1" >>"$stage/pauses"
[ "\\$(wc -l <"$stage/pauses")" -lt 12 ] || exit 1
[ ! -e "$stage/meanwhile" ] || . "$stage/meanwhile"
SLEEP
chmod +x "$stage/bin/sleep"
export PATH=$stage/bin:$PATH
python3 {HERE}/imds.py "$stage/says" &
servers+=($!)
{sys.executable} {HERE}/ec2.py "$stage/says" &
servers+=($!)
until curl -s -o /dev/null http://169.254.169.254/ && curl -s -o /dev/null http://127.0.0.1/; do :; done
attach() {{ sh /opt/cloudtop/attach; }}
attached() {{ grep -c '"instance": "i-0123456789abcdef0", .*"device": "/dev/sdj"' "$stage/says/volumes"; }}
pauses() {{ [[ ! -e $stage/pauses ]] || xargs <"$stage/pauses"; }}
"""


def there(*volumes):
    return f"says volumes <<'JSON'\n{json.dumps(volumes)}\nJSON\n"


def test_a_node_attaches_its_own_volume_by_its_tags_and_the_signature_holds(play):
    other_node, root, other_owner = volume(OTHER, node="1"), volume("vol-0aaaa", role="root"), volume("vol-0bbbb", owner="else")
    out = play(NODE + there(other_node, root, other_owner, volume()) + """
        attach
        attached || fail "$(cat "$stage/says/volumes")"
        [[ -z $(pauses) ]] || fail "it paused"
    """)
    assert f"{VOLUME} is being attached as /dev/sdj" in out, out


def test_a_volume_that_the_old_instance_still_holds_is_waited_out_with_longer_and_longer_pauses(play):
    out = play(NODE + there(volume(instance="i-old")) + f"""
        cat >"$stage/meanwhile" <<'MEANWHILE'
        if [ "$(wc -l <"$stage/pauses")" -eq 8 ]; then sed -i 's/i-old//' "$stage/says/volumes"; fi
MEANWHILE
        export stage
        attach
        attached || fail "$(cat "$stage/says/volumes")"
        [[ $(pauses) == '2 4 8 16 32 60 60 60' ]] || fail "$(pauses)"
    """)
    assert out.count("still attached elsewhere: waiting until EC2 has let go of it") == 1, out


def test_an_ill_ec2_is_asked_again_until_it_answers(play):
    out = play(NODE + there(volume()) + r"""
        printf '%s\n' RequestLimitExceeded cut '' UnauthorizedOperation '' cut >"$stage/says/troubles"
        attach
        attached || fail "$(cat "$stage/says/volumes")"
        cat "$stage/says/calls"
    """)
    assert "EC2 refuses DescribeVolumes: RequestLimitExceeded: no; asking again" in out, out
    assert "EC2's answer to DescribeVolumes was cut off" in out, out
    assert "EC2 refuses AttachVolume: UnauthorizedOperation" in out, out
    # The last answer was lost, though what was asked for had been done.
    assert "EC2's answer to AttachVolume was cut off" in out and f"{VOLUME} is attached here already" in out, out


def test_credentials_that_were_changed_are_fetched_anew(play):
    out = play(NODE + there(volume(instance="i-old")) + f"""
        cat >"$stage/fresh" <<'JSON'
{credentials("ASIASECOND")}
JSON
        cat >"$stage/meanwhile" <<'MEANWHILE'
        cp "$stage/fresh" "$stage/says/iam_security-credentials_node-role"
        sed -i 's/i-old//' "$stage/says/volumes"
MEANWHILE
        export stage
        attach
        attached || fail "$(cat "$stage/says/volumes")"
    """)
    assert "AuthFailure" not in out and "SignatureDoesNotMatch" not in out, out


def test_credentials_that_ec2_does_not_take_are_told_and_tried_again(play):
    out = play(NODE + there(volume()) + r"""
        echo AuthFailure >"$stage/says/troubles"
        attach
        attached || fail "$(cat "$stage/says/volumes")"
    """)
    assert "EC2 refuses DescribeVolumes: AuthFailure" in out, out


def test_a_node_whose_role_comes_late_waits_for_it_and_says_so(play):
    out = play(NODE + there(volume()) + r"""
        mkdir "$stage/role"
        mv "$stage/says"/iam_* "$stage/role"
        cat >"$stage/meanwhile" <<'MEANWHILE'
        if [ "$(wc -l <"$stage/pauses")" -eq 3 ]; then mv "$stage/role"/iam_* "$stage/says"; fi
MEANWHILE
        export stage
        attach
        attached || fail "$(cat "$stage/says/volumes")"
    """)
    assert out.count("this node has no role, or not yet") == 1, out


@pytest.mark.parametrize(
    "volumes, says",
    [
        ([], "there is no volume of dev's node 2 to attach"),
        ([volume(zone="eu-west-1a")], f"{VOLUME} is in eu-west-1a and this node in eu-west-1b: it cannot be attached here"),
        ([volume(), volume(OTHER)], "there is more than one volume of dev's node 2: none is attached"),
        ([volume(instance="i-0123456789abcdef0")], f"{VOLUME} is attached here already"),
    ],
)
def test_what_cannot_or_need_not_be_attached_is_told_and_is_no_failure(play, volumes, says):
    out = play(NODE + there(*volumes) + """
        attach
        ! grep AttachVolume "$stage/says/calls" || fail "it tried"
        [[ -z $(pauses) ]] || fail "it paused"
    """)
    assert says in out, out


def test_a_volume_that_is_mounted_needs_nobody(play):
    out = play(NODE + f"""
        disk data 64
        attach_as {VOLUME}
        (VOLUME_ID={VOLUME}; sed -i "s/^VOLUME_ID=$/VOLUME_ID=$VOLUME_ID/" /etc/cloudtop/node.conf)
        volume
        attach
        [[ ! -e $stage/says/calls ]] || fail "it asked EC2"
    """)
    assert "is mounted already" in out, out


def test_a_volume_known_by_its_id_is_found_whatever_its_tags(play):
    play(NODE + there(volume(env="other", role="")) + f"""
        sed -i 's/^VOLUME_ID=$/VOLUME_ID={VOLUME}/' /etc/cloudtop/node.conf
        attach
        attached || fail "$(cat "$stage/says/volumes")"
    """)


def test_no_secret_is_ever_on_a_command_line(play):
    play(NODE + there(volume()) + r"""
        curl=$(command -v curl)
        cat >"$stage/bin/curl" <<CURL
#!/bin/sh
tr '\0' ' ' </proc/\$\$/cmdline >>"$stage/lines"
exec $curl "\$@"
CURL
        chmod +x "$stage/bin/curl"
        attach
        grep -q sigv4 "$stage/lines" || fail "nothing was seen"
        ! grep ASIAFIRST "$stage/lines" || fail "a secret was seen"
    """)
