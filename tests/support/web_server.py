"""A web server on this machine that can be made to behave as bad ones do."""

from __future__ import annotations

import os
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Requests to this machine go through no proxy, those of children neither.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"


@dataclass
class Site:
    """What the server holds and how it behaves; may be changed while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)  # sent first, one a request
    redirects: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    tell_length: bool = True  # otherwise the body ends with the connection
    chunked: bool = False
    etags: bool = True
    cut_after: int | None = None  # bytes of a body, after which the connection breaks
    cuts_left: int = 1 << 30
    stamp: str = "Thu, 26 Nov 2026 07:03:13 GMT"
    url: str = ""
    log: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range

    def of(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.url}/{name}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        statuses = self.site.statuses.get(self.path.lstrip("/"))
        self._empty(statuses.pop(0) if statuses else 405, {})

    def do_GET(self) -> None:
        site, asked = self.site, self.headers.get("Range")
        name = self.path.partition("?")[0].lstrip("/")
        site.log.append((self.path.lstrip("/"), asked))
        if name in site.redirects:
            self._empty(302, {"Location": site.redirects[name]})
        elif site.statuses.get(name):
            self._empty(site.statuses[name].pop(0), {"Retry-After": "0"})
        elif name not in site.files:
            self._empty(404, {})
        else:
            self._send(site.files[name], asked if site.ranges else None)

    def _empty(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(key, value)
        self.end_headers()

    def _send(self, data: bytes, asked: str | None) -> None:
        site, headers, status = self.site, {}, 200
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
        body = data
        if found:
            start = int(found[1])
            if start >= len(data):
                self._empty(416, {"Content-Range": f"bytes */{len(data)}"})
                return
            end = min(int(found[2] or len(data)), len(data) - 1)
            body, status = data[start : end + 1], 206
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        if site.etags:
            headers["ETag"] = f'"{hash(data)}"'
            headers["Last-Modified"] = site.stamp
        if site.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif site.tell_length:
            headers["Content-Length"] = str(len(body))
        else:
            headers["Connection"] = "close"
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self._body(body)

    def _body(self, body: bytes) -> None:
        site, cut = self.site, None
        if site.cut_after is not None and len(body) > site.cut_after and site.cuts_left:
            site.cuts_left -= 1
            cut = site.cut_after
        sent = body if cut is None else body[:cut]
        try:
            if site.chunked:
                for start in range(0, len(sent), 1000):
                    piece = sent[start : start + 1000]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if cut is None:
                    self.wfile.write(b"0\r\n\r\n")
            else:
                self.wfile.write(sent)
        except OSError:  # the client has seen enough
            self.close_connection = True
        if cut is not None or not site.tell_length:
            self.close_connection = True


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Site]:
    """Run a server on a free port; with the files of a certificate and its key, by https."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        site.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
