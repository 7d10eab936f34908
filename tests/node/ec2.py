"""An EC2 with volumes in a directory, which answers only what is signed with the credentials that the metadata service
gives out there. Signatures are computed again by botocore's own signer."""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SAYS = Path(sys.argv[1])
SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/ec2/aws4_request, *SignedHeaders=([^,]+), *Signature=(\w+)")


class Refusal(Exception):
    pass


class Ec2(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = dict(parse_qsl(body.decode()))
        trouble = self.trouble()
        with (SAYS / "calls").open("a") as log:
            log.write(f"{asked['Action']} {trouble}\n")
        try:
            self.check_signature(body)
            if trouble not in ("", "cut"):
                raise Refusal(trouble)
            status, answer = 200, getattr(self, asked["Action"])(asked)
        except Refusal as code:
            status, answer = 400, f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer[:len(answer) // 2 if trouble == "cut" else None].encode())

    def trouble(self):
        """What the next call meets: the first line of a file, which is taken out."""
        file = SAYS / "troubles"
        if not file.exists():
            return ""
        first, _, rest = file.read_text().partition("\n")
        file.write_text(rest)
        return first

    def check_signature(self, body):
        given = json.loads((SAYS / "iam_security-credentials_node-role").read_text())
        key, region, signed, signature = SIGNED.fullmatch(self.headers["Authorization"]).groups()
        if key != given["AccessKeyId"] or self.headers["X-Amz-Security-Token"] != given["Token"]:
            raise Refusal("AuthFailure")
        headers = {name: self.headers[name] for name in signed.split(";")}
        request = AWSRequest("POST", f"http://{self.headers['Host']}{self.path}", headers, body)
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        signer = SigV4Auth(Credentials(key, given["SecretAccessKey"]), "ec2", region)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        if region != "eu-west-1" or signer.signature(text, request) != signature:
            raise Refusal("SignatureDoesNotMatch")

    def DescribeVolumes(self, asked):
        volumes = json.loads((SAYS / "volumes").read_text())
        for n in range(1, 10):
            name, value = asked.get(f"Filter.{n}.Name"), asked.get(f"Filter.{n}.Value.1")
            if name == "volume-id":
                volumes = [it for it in volumes if it["id"] == value]
            elif name:
                volumes = [it for it in volumes if it["tags"].get(name.removeprefix("tag:")) == value]
        return f"<DescribeVolumesResponse><volumeSet>{''.join(map(item, volumes))}</volumeSet></DescribeVolumesResponse>"

    def AttachVolume(self, asked):
        volumes = json.loads((SAYS / "volumes").read_text())
        volume = next(it for it in volumes if it["id"] == asked["VolumeId"])
        if volume["instance"]:
            raise Refusal("VolumeInUse")
        volume["instance"], volume["device"] = asked["InstanceId"], asked["Device"]
        (SAYS / "volumes").write_text(json.dumps(volumes))
        return "<AttachVolumeResponse><status>attaching</status></AttachVolumeResponse>"

    def log_message(self, *_):
        pass


def item(volume):
    attached = f"<item><volumeId>{volume['id']}</volumeId><instanceId>{volume['instance']}</instanceId><status>attached</status></item>"
    return f"""
    <item>
        <volumeId>{volume['id']}</volumeId>
        <availabilityZone>{volume['zone']}</availabilityZone>
        <status>{'in-use' if volume['instance'] else 'available'}</status>
        <attachmentSet>{attached if volume['instance'] else ''}</attachmentSet>
    </item>"""


ThreadingHTTPServer(("127.0.0.1", 80), Ec2).serve_forever()
