"""EC2 as the guest and as `cloudtop up` meet it: what is asked of it is done to QEMU."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from rig import GATEWAY, ROLE, Guest, run, volume


class Answering(BaseHTTPRequestHandler):
    """A request's parameters, and its answer."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = parse_qs(self.body.decode(), keep_blank_values=True)
        status, kind, text = self.server.answer(self, {name: values[0] for name, values in asked.items()})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def serve(address: tuple[str, int], answer, certificate: Path | None = None) -> int:
    """Answers in the background; the port."""
    server = ThreadingHTTPServer(address, Answering)
    server.daemon_threads, server.answer = True, answer
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.with_suffix(".crt"), certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Simulated:
    """The program's own EC2 over HTTP, whose instance is a guest: it boots with the user data that RunInstances has, gets the
    volume that AttachVolume names, and answers ssh at the address that DescribeInstances gave. `cloudtop up` comes in on
    loopback; the guest at EC2's own name over TLS, where signatures are verified."""

    def __init__(self, place: Path, program: Path, guest: Guest):
        self.place, self.program, self.guest = place, program, guest
        self.own = {"PATH": os.environ["PATH"], "HOME": str(place), "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
        self.user_data, self.turns = b"", threading.Lock()
        # How many of the guest's own AttachVolume are still to find the volume in use, and what was refused to it.
        self.in_use, self.refused = 0, []
        command = [program, *self.simulator(), "sim", "serve", "--port", "0"]
        serving = subprocess.Popen(command, env=self.own, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.upstream = int(serving.stdout.readline().rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{serve(('127.0.0.1', 0), self.answer)}"
        serve((GATEWAY, 443), self.answer_guest, guest.image.folder / "ec2")
        run("ip", "route", "add", "local", "198.18.0.0/15", "dev", "lo")
        threading.Thread(target=relay, args=(guest,), daemon=True).start()

    def simulator(self) -> list[str]:
        return ["--sim", "--state", str(self.place / "ec2.json")]

    def sim(self, *words: str) -> str:
        """What `cloudtop sim` prints."""
        command = [self.program, *self.simulator(), "sim", *words]
        return run(*command, env=self.own, capture_output=True, text=True).stdout

    def cloudtop(self, *words: str) -> subprocess.CompletedProcess:
        """The program as its user runs it."""
        command = [self.program, "--endpoint-url", self.url, "--region", "us-east-1", "--state", self.place / "state.json", "--no-input", *words]
        return subprocess.run(command, env=self.own, cwd=self.place, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def boot(self, instance: str) -> None:
        with self.turns:
            self.guest.launch(self.user_data, instance, self.instances()[instance]["private_ip"])

    def instances(self) -> dict[str, dict]:
        """What the simulator has, by id."""
        return {it["id"]: it for it in json.loads(self.sim("show", "--json"))["instances"]}

    def boot_what_is_launched(self) -> None:
        """Waits until EC2 runs another instance than the guest's, and boots that: a spot request launches in its own time."""
        while True:
            running = [name for name, it in self.instances().items() if it["state"] == "running"]
            if running and self.guest.instance not in running:
                return self.boot(running[0])
            time.sleep(1)

    def plug(self, identity: str, instance: str) -> None:
        while True:
            with self.turns:
                if self.guest.instance == instance:
                    return self.guest.attach(volume(self.place, identity=identity))
            time.sleep(1)

    def answer(self, request: Answering, asked: dict) -> tuple[int, str, bytes]:
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream)
        upstream.request("POST", request.path, request.body, dict(request.headers))
        answer = upstream.getresponse()
        text = answer.read()
        if answer.status == 200:
            self.do(asked, text.decode())
        return answer.status, answer.headers["Content-Type"], text

    def do(self, asked: dict, answer: str) -> None:
        action = asked.get("Action")
        if action == "RunInstances":
            self.user_data = base64.b64decode(asked["UserData"])
            self.boot(re.search("<instanceId>(.*?)</instanceId>", answer)[1])
        if action == "RequestSpotInstances":
            self.user_data = base64.b64decode(asked["LaunchSpecification.UserData"])
            threading.Thread(target=self.boot_what_is_launched, daemon=True).start()
        if action == "AttachVolume":
            self.plug(asked["VolumeId"], asked["InstanceId"])

    def answer_guest(self, request: Answering, asked: dict) -> tuple[int, str, bytes]:
        if wrong := unsigned(request):
            return self.refuse(403, wrong)
        if asked.get("Action") == "AttachVolume" and self.in_use > 0:
            self.in_use -= 1
            return self.refuse(400, "VolumeInUse")
        return self.answer(request, asked)

    def refuse(self, status: int, code: str) -> tuple[int, str, bytes]:
        self.refused.append(code)
        return status, "text/xml", f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>".encode()


def relay(guest: Guest) -> None:
    """Whoever comes to port 22 of any public address of the simulator's is led to the guest."""
    with socket.create_server(("0.0.0.0", 22)) as door:
        while True:
            visitor, (_, _) = door.accept()
            threading.Thread(target=lead, args=(visitor, guest.address), daemon=True).start()


def lead(visitor: socket.socket, address: str) -> None:
    try:
        guest = socket.create_connection((address, 22), timeout=20)
    except OSError:
        visitor.close()
        return
    guest.settimeout(None)
    threading.Thread(target=pour, args=(guest, visitor), daemon=True).start()
    pour(visitor, guest)


def pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


def unsigned(request: Answering) -> str:
    """Why a request is not one of the role's, by Signature Version 4 ("Create a signed AWS API request", IAM User Guide)."""
    form = r"AWS4-HMAC-SHA256 Credential=([^/]+)/((\d{8})/([^/]+)/([^/]+)/aws4_request), ?SignedHeaders=([^,]+), ?Signature=(\w+)"
    found = re.fullmatch(form, request.headers.get("Authorization", ""))
    when = request.headers.get("X-Amz-Date", "")
    if not found or not when:
        return "MissingAuthenticationToken"
    key, scope, day, region, service, signed, signature = found.groups()
    now = time.strftime("%Y%m%d", time.gmtime())
    if key != ROLE["AccessKeyId"] or request.headers.get("X-Amz-Security-Token") != ROLE["Token"] or day != now:
        return "AuthFailure"
    path, _, query = request.path.partition("?")
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed.split(";"))
    canonical = "\n".join([request.command, path, query, headers, signed, hashlib.sha256(request.body).hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    secret = ("AWS4" + ROLE["SecretAccessKey"]).encode()
    for part in (day, region, service, "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    right = hmac.digest(secret, to_sign.encode(), "sha256").hex()
    return "" if hmac.compare_digest(right, signature) else "AuthFailure"
