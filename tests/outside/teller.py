"""A proxy in front of an EC2 endpoint that counts calls, and can lose the answer to one. No tests here."""

import collections
import contextlib
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from driver import PATIENCE, Endpoint


class Teller(Endpoint):
    """What came through, and what happens to it."""

    def __init__(self, url):
        super().__init__(url)
        self.counts = collections.Counter()
        self.before = self.after = lambda action: None


@contextlib.contextmanager
def in_front_of(endpoint):
    """Serves on a free port of this machine and passes everything on."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            action = urllib.parse.parse_qs(body.decode()).get("Action", ["?"])[0]
            teller.counts[action] += 1
            teller.before(action)
            sent = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            request = urllib.request.Request(endpoint.url + self.path, data=body, headers=sent, method="POST")
            try:
                answer = opener.open(request, timeout=PATIENCE)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                content = answer.read()
            teller.after(action)
            # Whoever asked may be dead by now, which is what some tests are about.
            with contextlib.suppress(ConnectionError):
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/xml"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format, *args):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # A cluster's describes come side by side.
        request_queue_size = 128

        def handle_error(self, request, client_address):
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        teller = Teller(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield teller
        finally:
            server.shutdown()
            thread.join()
