"""`cost --actual` on moto's S3: a data feed as EC2 writes it, put there by boto3. moto itself has no feed."""

import datetime
import gzip
import json
import subprocess

import boto3
import pytest

from test_moto import SMALL, live, up

ACCOUNT = "123456789012"
HEAD = "#Version: 1.0\n#Fields: Timestamp UsageType Operation InstanceID MyBidID MyMaxPrice MarketPrice Charge Version\n"


@pytest.fixture(autouse=True)
def feature(binary):
    """The binary must have been built with it."""
    said = subprocess.run([binary, "cost", "--help"], capture_output=True, text=True, check=True).stdout
    if "--actual" not in said:
        pytest.skip("built without the feature `actual`")


def test_a_data_feed_is_read_from_a_bucket(cloudtop, account):
    ec2, cloudtop = account.client(), cloudtop.on(account)
    up(cloudtop, ec2, "dev", *SMALL)
    (instance,) = live(ec2)
    s3 = boto3.client(
        "s3", endpoint_url=account.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    s3.create_bucket(Bucket="my-feeds")
    hour = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)

    def put(before, number, *lines):
        at = hour - datetime.timedelta(hours=before)
        rows = [
            f"{at:%Y-%m-%d %H}:13:47 UTC\tSpotUsage:m5.large\tRunInstances:SV001\t{who}\tsir-1\t0.1 USD\t0.04 USD\t{usd} USD\t{number}"
            for who, usd in lines
        ]
        body = gzip.compress((HEAD + "\n".join(rows) + "\n").encode())
        s3.put_object(Bucket="my-feeds", Key=f"spot/{ACCOUNT}.{at:%Y-%m-%d-%H}.{number:03}.b959dbc6.gz", Body=body)

    ours = instance["InstanceId"]
    put(3, 1, (ours, "0.0400000000"), ("i-0c3e0c0b046e050df", "9.0000000000"))
    put(2, 1, (ours, "0.0400000000"))
    put(2, 2, (ours, "0.0300000000"))
    s3.put_object(Bucket="my-feeds", Key=f"spot/{ACCOUNT}.{hour:%Y-%m-%d-%H}.001.damaged.gz", Body=b"no gzip")

    asked = cloudtop("cost", "--days", 2, "--actual", "--feed", "s3://my-feeds/spot", "--json")
    told = json.loads(asked.stdout)
    assert told["total"]["actual"] == pytest.approx(0.07)
    assert (told["files"], told["other_lines"]) == (4, 1)
    assert "damaged.gz is left out" in asked.stderr
    cloudtop("cost", "--actual", "--feed", "s3://nobody/spot", code=1)
