"""An S3 store that fails now and then: a proxy in front of the one on this machine."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, cycle

# What S3 answers under load or during a change of its machines, by status.
CODES = {403: "AccessDenied", 429: "SlowDown", 500: "InternalError", 503: "SlowDown"}
# "lost": the request was done and its answer never came; "cut": the body breaks off half-way;
# "busy": 429 under a name that is not Amazon's.
TRANSIENT = (503, "lost", 500, "cut", 429)
Fault = int | str
HOP_BY_HOP = ("transfer-encoding", "connection", "keep-alive")


@dataclass
class Faults:
    """What fails: `of` is asked for each request (its number, method, key); None: nothing."""

    url: str
    of: Callable[[int, str, str], Fault | None]
    done: Counter[Fault] = field(default_factory=Counter)
    asked: Iterator[int] = field(default_factory=count)


def every(nth: int) -> Callable[[int, str, str], Fault | None]:
    """Return faults of all transient kinds in turn, one at each `nth` request."""
    kinds = cycle(TRANSIENT)
    lock = threading.Lock()

    def of(number: int, method: str, key: str) -> Fault | None:
        with lock:
            return next(kinds) if number % nth == nth - 1 else None

    return of


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: Faults
    behind: str

    def log_message(self, *args: object) -> None:
        pass

    def _any(self) -> None:
        body = self._body()
        key = self.path.partition("?")[0]
        fault = self.faults.of(next(self.faults.asked), self.command, key)
        if fault is not None:
            self.faults.done[fault] += 1
        if isinstance(fault, int) or fault == "busy":
            self._refuse(*(fault, CODES[fault]) if isinstance(fault, int) else (429, "Busy"))
            return
        status, headers, data = self._forwarded(body)
        if fault == "lost":
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if fault == "cut" and data:
            data, self.close_connection = data[: len(data) // 2], True
        self.wfile.write(data)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any

    def _refuse(self, status: int, code: str) -> None:
        data = f"<Error><Code>{code}</Code><Message>as the test says</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else data)

    def _forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {
            n: v for n, v in self.headers.items() if n.lower() not in (*HOP_BY_HOP, "expect")
        }
        headers["Content-Length"] = str(len(body))
        connection = http.client.HTTPConnection(self.behind)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        told = [(n, v) for n, v in answer.getheaders() if n.lower() not in HOP_BY_HOP]
        if not any(name.lower() == "content-length" for name, _ in told):
            told.append(("Content-Length", str(len(data))))
        connection.close()
        return answer.status, told, data


@contextmanager
def faulty(
    endpoint: str, of: Callable[[int, str, str], Fault | None] = lambda *_: None
) -> Iterator[Faults]:
    """Run the proxy of the store at `endpoint`; its faults may be changed while it runs."""
    handler = type("Handler", (_Handler,), {"behind": endpoint.removeprefix("http://")})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        handler.faults = Faults(f"http://127.0.0.1:{server.server_port}", of)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield handler.faults  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()
