"""HTTP responses as WARC files keep them: status, headers, and the body as it was meant."""

from __future__ import annotations

import io
import re
import zlib
from typing import NamedTuple

import zstandard

__all__ = ["Response", "ResponseError", "charset_of", "is_html", "parse_response", "unpacked"]

STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t][^\r\n]{0,8192})?\r?\n")
HEADERS_END = re.compile(rb"\r?\n\r?\n")
MAX_HEADER_BYTES = 1 << 20
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.I)
HTML_TYPES = ("text/html", "application/xhtml+xml")
# Types that say nothing; what is in such a body is told by its first bytes.
VAGUE_TYPES = ("", "application/octet-stream", "application/xml", "text/xml", "unknown/unknown")
# Atomic: comments that follow each other could be parted in as many ways as there are subsets.
HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s*(?:<!--(?>.*?-->)|<\?xml[^>]*>))*+\s*+"
    rb"<(?:!doctype\s+html|html|head|body|title|meta|script|div|p|table|h1|a)[\s>]",
    re.I | re.S,
)
SNIFFED_BYTES = 4096
MAX_ENCODINGS = 5  # one in another, each up to the limit of a page; curl takes as many
GZIP_MAGIC = b"\x1f\x8b"


class Response(NamedTuple):
    """A response: its status, its headers by their names in lower case, its body as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes


class ResponseError(Exception):
    """A response cannot be read; `reason` is the outcome's reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def parse_response(record: bytes) -> Response:
    """Return the response in a record's content; ResponseError (`bad_http`) where there is none."""
    status = STATUS.match(record)
    if status is None:
        raise ResponseError("bad_http", "no HTTP response begins here: its status line is missing")
    # A response without headers has its blank line right behind the status.
    end = HEADERS_END.search(record, status.end() - 2, status.end() + MAX_HEADER_BYTES)
    if end is None:
        raise ResponseError("bad_http", "the headers of the HTTP response have no end")
    headers: dict[str, str] = {}
    for line in record[status.end() : end.start()].decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        if colon:  # a line that is no header is passed over, as browsers do
            headers[name.strip().lower()] = value.strip()
    return Response(int(status[1]), headers, record[end.end() :])


def media_type(value: str | None) -> str:
    """Return the type that a Content-Type names, in lower case, without its parameters."""
    return (value or "").partition(";")[0].strip().lower()


def charset_of(value: str | None) -> str | None:
    """Return the charset that a Content-Type names."""
    found = CHARSET.search(value or "")
    return None if found is None else found[1]


def is_html(kind: str | None, body: bytes) -> bool:
    """Tell whether a body of the Content-Type `kind` is HTML or XHTML, by its bytes if need be."""
    told = media_type(kind)
    if told in HTML_TYPES:
        return True
    return told in VAGUE_TYPES and HTML_START.match(body[:SNIFFED_BYTES]) is not None


def unpacked(response: Response, max_bytes: int) -> bytes:
    """Return the body without the encodings of transfer and content that it still has.

    Crawlers write bodies decoded and may leave the headers as they were, so what does not begin
    like its encoding is taken as it is. Raises ResponseError: `bad_compression`, `truncated`, and
    `too_large` for more than `max_bytes`.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = _joined_chunks(body)
    names = response.headers.get("content-encoding", "").lower().split(",")
    if len(names) > MAX_ENCODINGS:
        message = f"{len(names):,} encodings one in another; {MAX_ENCODINGS} are undone"
        raise ResponseError("bad_compression", message)
    for name in reversed(names):
        body = _decoded(body, name.strip(), max_bytes)
        if len(body) > max_bytes:
            message = f"the page holds more than the {max_bytes:,} bytes that a document may have"
            raise ResponseError("too_large", message)
    return body


def _joined_chunks(body: bytes) -> bytes:
    parts: list[bytes] = []
    place = 0
    while size := CHUNK_SIZE.match(body, place):
        length = int(size[1], 16)
        start = size.end()
        if not length:
            return b"".join(parts)
        if start + length > len(body):
            raise ResponseError("truncated", "the response ends within a chunk")
        parts.append(body[start : start + length])
        place = start + length
        place += 2 if body.startswith(b"\r\n", place) else body.startswith(b"\n", place)
    if not parts:
        return body
    raise ResponseError("bad_http", f"no chunk begins at byte {place:,} of a chunked response")


def _decoded(body: bytes, name: str, max_bytes: int) -> bytes:
    try:
        if name in ("gzip", "x-gzip") and body.startswith(GZIP_MAGIC):
            return _inflated(body, 31, max_bytes)
        if name == "deflate" and body and not HTML_START.match(body[:SNIFFED_BYTES]):
            zlib_header = body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
            return _inflated(body, 15 if zlib_header else -15, max_bytes)
        if name == "zstd" and body.startswith(b"\x28\xb5\x2f\xfd"):
            reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body))
            return reader.read(max_bytes + 1)
        if name == "br" and body and not HTML_START.match(body[:SNIFFED_BYTES]):
            return _unbrotlied(body, max_bytes)
    except (zlib.error, zstandard.ZstdError) as error:
        raise ResponseError("bad_compression", f"the page is not {name}: {error}") from error
    return body


def _inflated(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    inflate = zlib.decompressobj(window_bits)
    found = inflate.decompress(body, max_bytes + 1)
    if not inflate.eof and len(found) <= max_bytes:
        raise ResponseError("truncated", "the compressed page ends early")
    return found


def _unbrotlied(body: bytes, max_bytes: int) -> bytes:
    import brotli  # 10 ms; most files hold none

    inflate = brotli.Decompressor()
    try:
        found: bytes = inflate.process(body, output_buffer_limit=max_bytes + 1)
        while len(found) <= max_bytes and not inflate.is_finished():
            more: bytes = inflate.process(b"", output_buffer_limit=max_bytes + 1 - len(found))
            if not more:
                raise ResponseError("truncated", "the compressed page ends early")
            found += more
    except brotli.error as error:
        raise ResponseError("bad_compression", f"the page is not br: {error}") from error
    return found
