"""A file server on a port of its own choosing, which it writes down; what it is asked is in `asked`."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILES, PORT = Path(sys.argv[1]), Path(sys.argv[2])


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        with (FILES / "asked").open("a") as log:
            log.write(f"{self.command} {self.path}\n")


server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(FILES)))
PORT.with_suffix(".new").write_text(str(server.server_address[1]))
PORT.with_suffix(".new").rename(PORT)
server.serve_forever()
