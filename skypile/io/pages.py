"""Pages of WARC files: a response or resource record that holds HTML, as a document."""

from __future__ import annotations

from typing import NamedTuple

from skypile.io.charsets import to_utf8
from skypile.io.html import page_text, page_title
from skypile.io.responses import (
    Response,
    ResponseError,
    charset_of,
    is_html,
    parse_response,
    unpacked,
)
from skypile.io.rows import HtmlTier
from skypile.io.warc import Record

__all__ = ["Page", "as_page"]

OK = 200


class Page(NamedTuple):
    """A page's main text, its title, and the encoding that it was in."""

    text: str
    title: str | None
    charset: str


def as_page(record: Record, tier: HtmlTier, max_bytes: int) -> Page | str:
    """Return the page in a record, or the kind by which a record that is none is counted aside.

    These are `http_status_3xx` and so on for responses that are no answer, and `not_html`. Raises
    ResponseError for what cannot be read.
    """
    response = _response(record)
    if response is None:
        return "not_http"
    if response.status != OK:
        return f"http_status_{response.status // 100}xx"
    kind = response.headers.get("content-type")
    body = unpacked(response, max_bytes)
    if not is_html(kind, body):
        return "not_html"
    page, charset = to_utf8(body, charset_of(kind))
    text = page_text(page, tier)
    if text is None:
        raise ResponseError("bad_html", "the page has more elements than can be held")
    return Page(text, page_title(page), charset)


def _response(record: Record) -> Response | None:
    """Return the response in a record; None for an answer of another protocol, such as dns."""
    told = record.field("content-type") or ""
    if (record.field("warc-type") or "").lower() == "resource":
        return Response(OK, {"content-type": told}, record.body)
    if told.lower().startswith("application/http") or record.body.startswith(b"HTTP/") or not told:
        return parse_response(record.body)
    return None
