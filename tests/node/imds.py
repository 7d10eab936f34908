"""A metadata service that asks for a token, as IMDSv2 does, and says what is in a directory: a missing file is a 404."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SAYS = Path(sys.argv[1])


class Metadata(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.answer("token" if self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") else None)

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "token":
            self.send_error(401)
            return
        file = SAYS / self.path.removeprefix("/latest/meta-data/").replace("/", "_")
        self.answer(file.read_text() if file.exists() else None)

    def answer(self, text):
        if text is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_request(self, *_):
        with (SAYS / "asked").open("a") as log:
            log.write(f"{self.command} {self.path}\n")

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("169.254.169.254", 80), Metadata).serve_forever()
