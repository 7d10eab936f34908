"""A proxy in front of an EC2 endpoint that counts calls, and on which calls can go wrong. No tests here."""

import collections
import contextlib
import enum
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from driver import PATIENCE, Endpoint

ERROR = (
    "<Response><Errors><Error><Code>{code}</Code><Message>Not now.</Message></Error></Errors>"
    "<RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"
)


class Trouble(enum.Enum):
    """What goes wrong with a call: whether it is passed on, and what is answered instead."""

    LOST = (True, None)
    RESET = (False, None)
    ILL = (False, (500, "InternalError"))
    THROTTLED = (False, (503, "RequestLimitExceeded"))

    def __init__(self, passed_on, answer):
        self.passed_on = passed_on
        self.answer = answer


class Teller(Endpoint):
    """What came through, and what happens to it."""

    def __init__(self, url):
        super().__init__(url)
        self.counts = collections.Counter()
        self.before = self.after = lambda action: None
        self.strikes = {}

    def strike(self, action, trouble, times=1):
        """The next calls of an action go wrong."""
        self.strikes[action] = [trouble] * times

    def trouble_of(self, action):
        """What goes wrong with this call, if anything does."""
        left = self.strikes.get(action)
        return left.pop() if left else None


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
            trouble = teller.trouble_of(action)
            if trouble is None or trouble.passed_on:
                status, kind, content = self.pass_on(body)
                teller.after(action)
            if trouble is None:
                self.answer(status, kind, content)
            elif trouble.answer is None:
                self.break_off()
            else:
                status, code = trouble.answer
                self.answer(status, "text/xml", ERROR.format(code=code).encode())

        def pass_on(self, body):
            sent = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            request = urllib.request.Request(endpoint.url + self.path, data=body, headers=sent, method="POST")
            try:
                answer = opener.open(request, timeout=PATIENCE)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return answer.status, answer.headers.get("Content-Type", "text/xml"), answer.read()

        def break_off(self):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def answer(self, status, kind, content):
            # Whoever asked may be dead by now, which is what some tests are about.
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                self.send_header("Content-Type", kind)
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
