"""A metadata service that asks for a token, as IMDSv2 does, and says what is in a directory: a missing file is a 404.

A file is named by its path below meta-data, with _ for each slash; the listing of a folder is made of these names, unless a
file whose name ends in _ is that listing. What is not meta-data (user data, the identity document) begins with @.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SAYS = Path(sys.argv[1])


def listing(folder: str) -> str:
    """What is in a folder, one name a line, folders with a slash at their end."""
    names = [file.name for file in SAYS.iterdir() if file.name.startswith(folder) and file.name not in (folder, "asked")]
    below = [name.removeprefix(folder).partition("_") for name in names if folder or not name.startswith("@")]
    return "\n".join(sorted({name + ("/" if slash else "") for name, slash, _ in below}))


def said(path: str) -> bytes | None:
    """What is to be said to a path below the version; nothing where there is no such thing."""
    kind, _, rest = path.partition("/")
    name = rest.replace("/", "_") if kind == "meta-data" else "@" + path.replace("/", "_")
    if name and (SAYS / name).is_file():
        return (SAYS / name).read_bytes()
    return listing(name.rstrip("_") + "_" if name else "").encode() or None


class Metadata(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.answer(b"token" if self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") else None)

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "token":
            self.send_error(401)
            return
        # The first part is a version: `latest`, or the date of one.
        self.answer(said(self.path.lstrip("/").partition("/")[2]))

    def answer(self, text):
        if text is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_request(self, *_):
        with (SAYS / "asked").open("a") as log:
            log.write(f"{self.command} {self.path}\n")

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("169.254.169.254", 80), Metadata).serve_forever()
