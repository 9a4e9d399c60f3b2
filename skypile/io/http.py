"""Files by http:// and https://: looked at and read by GET alone, since many servers refuse HEAD.

A body that ends early is never taken for the end: where the server told the length, or sends in
chunks, reading goes on from where it broke (by Range, or from the start where the server knows no
ranges), a bounded number of times, and then fails the run. Certificates are checked; proxies, CA
bundles and .netrc are found as the library Requests finds them.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, TypeVar, cast

import requests
import urllib3

import skypile
from skypile.errors import InputError
from skypile.io.remote import shown

__all__ = ["About", "about", "about_all", "open_url"]

CONNECT_SECONDS = 10
SILENT_SECONDS = 30
TRIES = 5
PAUSE_SECONDS = 0.5  # before the second try; twice as long before each further one
MAX_PAUSE_SECONDS = 30.0
PROGRESS_BYTES = 1 << 20  # so much more, and failures are counted anew
BLOCK_BYTES = 1 << 20
PIECE_BYTES = 1 << 16
LOOKED_UP_AT_ONCE = 8
HEAD_BYTES = 2048  # held for every URL of a run while it is planned

TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_kept = threading.local()
T = TypeVar("T")


@dataclass(frozen=True)
class About:
    """What a server says of a file; `size` is None and the others empty where it does not."""

    size: int | None
    etag: str
    last_modified: str
    head: bytes = b""

    @property
    def mtime_ns(self) -> int:
        """When the file was last changed, 0 where that is not told."""
        try:
            return int(parsedate_to_datetime(self.last_modified).timestamp()) * 10**9
        except (TypeError, ValueError, OverflowError):
            return 0

    @property
    def identity(self) -> tuple[int | None, str, str]:
        """What changes when the file does."""
        return self.size, self.etag, self.last_modified


class _TransientError(Exception):
    """A fault that may be gone at the next try."""

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class _Patience:
    """Counts failures, and ends a run where there are too many on end."""

    def __init__(self, url: str) -> None:
        self._url, self._failures, self._from = url, 0, 0

    def failed(self, error: _TransientError, position: int, size: int | None) -> None:
        """Wait before the next try; raise InputError where there have been enough."""
        if position - self._from >= PROGRESS_BYTES:
            self._failures, self._from = 0, position
        self._failures += 1
        if self._failures >= TRIES:
            whole = "" if size is None else f" of {size:,}"
            place = f" after {position:,}{whole} bytes" if position else ""
            raise InputError(
                f"{shown(self._url)}: failed {TRIES} times{place}: {error}; run it again later"
            )
        pause = PAUSE_SECONDS * 2 ** (self._failures - 1)
        time.sleep(min(max(pause, error.wait_seconds), MAX_PAUSE_SECONDS))


def about(url: str) -> About:
    """Return what the server says of the file at `url`, with its first HEAD_BYTES bytes.

    Raises InputError, naming the URL, where it cannot be had.
    """
    patience = _Patience(url)
    while True:
        try:
            with _get(url, {"Range": f"bytes=0-{HEAD_BYTES - 1}"}) as response:
                told = _told(response)
                head = _read(response, HEAD_BYTES)
                if told.size is not None and len(head) < min(told.size, HEAD_BYTES):
                    raise _TransientError(f"{len(head):,} bytes came of the first {HEAD_BYTES:,}")
                return About(told.size, told.etag, told.last_modified, head)
        except _TransientError as error:
            patience.failed(error, 0, None)


def about_all(urls: Iterable[str]) -> dict[str, About | InputError]:
    """Return for each URL what `about` returns or raises; several are looked up at once."""

    def one(url: str) -> About | InputError:
        try:
            return about(url)
        except InputError as error:
            return error

    listed = list(dict.fromkeys(urls))
    with ThreadPoolExecutor(LOOKED_UP_AT_ONCE) as pool:
        return dict(zip(listed, pool.map(one, listed), strict=True))


def open_url(url: str) -> BinaryIO:
    """Return the file at `url` for reading, from the start on end or at random.

    Reading raises InputError where the server fails for good, or where the file changed meanwhile.
    """
    return cast(BinaryIO, io.BufferedReader(_HttpFile(url), BLOCK_BYTES))


def _session() -> requests.Session:
    # One for each thread, since Requests does not promise more; and for each process, since two
    # cannot share a connection.
    if getattr(_kept, "process", None) != os.getpid():
        _kept.process, _kept.session = os.getpid(), requests.Session()
        _kept.session.max_redirects = 10
        # As stored: a server that compresses on the way would change sizes and ranges.
        _kept.session.headers["Accept-Encoding"] = "identity"
        _kept.session.headers["User-Agent"] = f"skypile/{skypile.__version__}"
    return cast(requests.Session, _kept.session)


def _get(url: str, headers: dict[str, str]) -> requests.Response:
    """Return the response to a GET whose status is 200, 206 or 416."""
    timeouts = (CONNECT_SECONDS, SILENT_SECONDS)
    try:
        response = _session().get(url, headers=headers, stream=True, timeout=timeouts)
    except requests.exceptions.SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            raise _TransientError(_reason(error)) from error
        raise InputError(
            f"{shown(url)}: the server's certificate cannot be trusted ({_reason(error)}); if it "
            "is known to be good, name its authority's file in REQUESTS_CA_BUNDLE"
        ) from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise _TransientError(_reason(error)) from error
    except (requests.exceptions.RequestException, ValueError) as error:
        raise InputError(f"{shown(url)}: cannot be fetched: {_reason(error)}") from error
    status = response.status_code
    if status in (200, 206, 416):
        return response
    response.close()
    message = f"the server answers {status} {response.reason}".strip()
    if status in TRANSIENT_STATUS:
        raise _TransientError(message, _wait_seconds(response))
    raise InputError(f"{shown(url)}: {message}")


def _wait_seconds(response: requests.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() and len(asked) < 6 else 0.0


def _told(response: requests.Response) -> About:
    headers = response.headers
    size = None
    if response.status_code == 200:
        length = headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else None
    elif (told := RANGE.match(headers.get("Content-Range", ""))) and told[2] != "*":
        size = int(told[2])
    return About(size, headers.get("ETag", ""), headers.get("Last-Modified", ""))


def _read(response: requests.Response, size: int) -> bytes:
    """Return the next bytes of a body, b"" at its end; none of a refusal's text."""
    if response.status_code == 416:
        return b""
    try:
        return cast(bytes, response.raw.read(size, decode_content=False))
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _TransientError(f"the body ended early ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    """Return the innermost reason of a library's error, in one line."""
    while True:
        inner: Any = getattr(error, "reason", None) or next(
            (one for one in error.args if isinstance(one, BaseException)), None
        )
        if not isinstance(inner, BaseException) or inner is error:
            break
        error = inner
    text = " ".join(re.sub(r"<[^<>]*>:? ?|HTTPS?Connection\([^)]*\):? ?", "", str(error)).split())
    return text[:300] or type(error).__name__


class _HttpFile(io.RawIOBase):
    """A file read by one long response, or, once it is read at random, by ranges."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._patience = _Patience(url)
        self._position = 0
        self._random = False
        self._about: About | None = None
        self._response: requests.Response | None = None
        self._response_end: int | None = None  # where its range ends, None for the file's end
        self._copy: BinaryIO | None = None  # of a file that is read at random, and has no ranges

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = 0 if whence == io.SEEK_SET else self._position
        if whence == io.SEEK_END:
            start = self._patiently(self._size)
        place = offset + start
        if place != self._position:
            self._random = True
            self._drop()
            self._position = place
        return place

    def close(self) -> None:
        self._drop()
        if self._copy is not None:
            self._copy.close()
        super().close()

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        data = self._patiently(lambda: self._next(len(view)))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _patiently(self, work: Callable[[], T]) -> T:
        while True:
            try:
                return work()
            except _TransientError as error:
                self._drop()
                self._patience.failed(error, self._position, self._known_size())

    def _next(self, size: int) -> bytes:
        if self._copy is None and self._response is None:
            self._open(size)
        if self._copy is not None:
            self._copy.seek(self._position)
            return self._copy.read(size)
        assert self._response is not None
        # Of a piece in which the connection breaks nothing comes, so pieces are small.
        data = _read(self._response, min(size, PIECE_BYTES))
        whole = self._known_size()
        if data or whole is None or self._position >= whole:
            return data
        if self._response_end is None or self._position < self._response_end:
            raise _TransientError("the body ended early")
        self._drop()
        return self._next(size)

    def _open(self, size: int) -> None:
        """Ask for what stands at the position: the rest of the file, or `size` bytes at random."""
        place, end = self._position, None
        if self._random:
            whole = self._size()
            if self._copy is not None:
                return
            end = min(whole, place + max(size, BLOCK_BYTES))
            if place >= whole:
                self._response, self._response_end = _nothing(), None
                return
        asked = f"bytes={place}-{'' if end is None else end - 1}"
        response = self._response = _get(self._url, {"Range": asked} if place or end else {})
        self._response_end = None
        self._check_same(_told(response))
        if response.status_code == 206:
            told = RANGE.match(response.headers.get("Content-Range", ""))
            if told is None or int(told[1] or -1) != place:
                raise _TransientError(f"asked for {asked}, the server sent another range")
            self._response_end = end
        elif response.status_code == 200 and end is not None:
            self._copy = self._copied(response)
        elif response.status_code == 200:
            for _ in _pieces(response, place):
                pass

    def _check_same(self, found: About) -> None:
        known = self._about or found
        pairs = zip(known.identity, found.identity, strict=True)
        # What one response does not tell says nothing.
        if any(before and now and before != now for before, now in pairs):
            raise InputError(
                f"{shown(self._url)}: has changed while it was read; run the same again"
            )
        self._about = found if known.size is None else known

    def _copied(self, response: requests.Response) -> BinaryIO:
        """Return the whole body as a temporary file, which is gone with its last user."""
        copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
        try:
            for block in _pieces(response, self._known_size()):
                copy.write(block)
        except BaseException:
            copy.close()
            raise
        return copy

    def _known_size(self) -> int | None:
        return None if self._about is None else self._about.size

    def _size(self) -> int:
        """Return the file's size; where the server does not tell, by a copy of the file."""
        if self._about is None:
            self._about = about(self._url)
        if self._about.size is not None:
            return self._about.size
        if self._copy is None:
            with _get(self._url, {}) as response:
                self._check_same(_told(response))
                self._copy = self._copied(response)
        return self._copy.seek(0, io.SEEK_END)

    def _drop(self) -> None:
        if self._response is not None:
            self._response.close()
        self._response = None


def _nothing() -> requests.Response:
    response = requests.Response()
    response.status_code = 416
    return response


def _pieces(response: requests.Response, size: int | None) -> Iterator[bytes]:
    """Yield the next `size` bytes of a body, or all where that is None."""
    left = size
    while left is None or left > 0:
        block = _read(response, BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
        if not block and left is not None:
            raise _TransientError(f"the body ended early, {left:,} bytes short")
        if not block:
            return
        left = None if left is None else left - len(block)
        yield block
